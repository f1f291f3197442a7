//! What becomes of requests to servers, as the rng say.

use std::sync::Arc;
use std::time::Duration;

use holdall::simulated::{Exchange, Peer, RequestFate, SimNetwork};

use super::{MAIN, ME, NetChances, NetFault, Servers, State, Status, Turns};

/// What the clocks of servers show at first, in microseconds since 1970 UTC.
const EPOCH: i64 = 1_750_000_000_000_000;

/// How long a request is on its way, each as often as the others, in milliseconds.
const LATE: [u64; 6] = [1, 500, 5_000, 40_000, 200_000, 900_000];
const SLOW: [u64; 6] = [0, 1, 50, 2_000, 20_000, 45_000];

/// How long a process is suspended, each as often as the others, in seconds.
const SUSPENDED: [u64; 5] = [1, 90, 1900, 4000, 60 * 3600];

/// How long the database is away when it is restarted, each as often as the others, in milliseconds.
const AWAY: [u64; 5] = [0, 0, 500, 10_000, 60_000];

impl Turns {
    /// Gives the run its servers, and each process a clock of its own.
    pub fn serve(&self, servers: Servers, ahead: Vec<i64>) {
        let mut state = self.lock();
        state.servers = Some(servers);
        state.ahead = ahead;
    }

    /// Restarts the database.
    pub fn restart(&self) {
        self.lock().restart();
    }

    /// Whether any process was suspended.
    pub fn was_held_up(&self) -> bool {
        self.lock().held_up
    }

    /// Lets time pass, on all clocks.
    pub fn pass_time(&self, duration: Duration) {
        self.lock().pass_time(duration);
    }

    /// A place where another may go on, and this process may be suspended or killed; returns whether it lives.
    fn stop_at(&self, exchange: &Exchange<'_>, when: &str) -> bool {
        let me = ME.get();
        let mut state = self.lock();
        if state.process(me).ended {
            return false;
        }
        state.steps += 1;
        state.pass_time(Duration::from_micros(200));
        let (switch, stall) = (state.chances.switch, state.chances.stall);
        let here = !state.chances.stall_at_blobs || exchange.changes;
        let stalls = stall > 0 && here && state.rng.one_in(stall);
        if stalls || switch > 0 && state.rng.one_in(switch) {
            let seconds = SUSPENDED[state.rng.below(SUSPENDED.len() as u64) as usize];
            let first = state.rng.one_in(2);
            state.held_up |= stalls;
            if stalls {
                let until = state.steps + state.rng.below(80);
                state.tasks[me].status = Status::Stalled(until);
                state.say(format!("process {me} is suspended {when} {}, {seconds} s", shown(exchange)));
                if first {
                    state.pass_time(Duration::from_secs(seconds));
                }
            }
            let next = state.pick();
            self.pass(state, next);
            state = self.lock();
            state.tasks[me].status = Status::Ready;
            if stalls && !first {
                state.pass_time(Duration::from_secs(seconds));
            }
            if state.process(me).ended {
                return false;
            }
        }
        let kill = state.chances.kill;
        if kill > 0 && state.rng.one_in(kill) {
            state.say(format!("process {me} is killed {when} {}", shown(exchange)));
            state.end(me);
            return false;
        }
        true
    }
}

fn shown(exchange: &Exchange<'_>) -> String {
    let Exchange { peer, verb, subject, .. } = exchange;
    format!("{peer:?} {verb} {subject}")
}

impl State {
    fn pass_time(&mut self, duration: Duration) {
        self.uptime += duration;
        self.clock += duration.as_micros() as i64;
    }

    fn restart(&mut self) {
        let away = Duration::from_millis(AWAY[self.rng.below(AWAY.len() as u64) as usize]);
        self.say(format!("the database is restarted, and away for {away:?}"));
        let until = self.uptime + away;
        let clock = self.server_clock(Peer::Database) + away.as_micros() as u64;
        if let Some(servers) = &mut self.servers {
            servers.database.restart(clock);
            servers.away_until = until;
        }
        self.processes.iter_mut().for_each(|process| process.hurt = true);
    }

    fn server_clock(&self, peer: Peer) -> u64 {
        let ahead = self.servers.as_ref().map_or(0, |servers| match peer {
            Peer::Database => servers.database_ahead,
            Peer::Objects => servers.objects_ahead,
        });
        u64::try_from(EPOCH + self.uptime.as_micros() as i64 + ahead).unwrap_or(0)
    }

    fn draw_time(&mut self, from: &[u64]) -> Duration {
        Duration::from_millis(from[self.rng.below(from.len() as u64) as usize])
    }

    fn fate(&mut self, fault: NetFault) -> RequestFate {
        match fault {
            NetFault::Lost => RequestFate::Lost { noticed: true },
            NetFault::Silent => RequestFate::Lost { noticed: false },
            NetFault::ReplyLost => RequestFate::Unanswered { request: Duration::ZERO, noticed: true },
            NetFault::ReplySilent => RequestFate::Unanswered { request: Duration::ZERO, noticed: false },
            NetFault::Late => {
                RequestFate::Unanswered { request: self.draw_time(&LATE), noticed: self.rng.one_in(2) }
            }
            NetFault::Refused => RequestFate::Refused { way: self.rng.draw() },
            NetFault::Slow => {
                RequestFate::Answered { request: self.draw_time(&SLOW), reply: self.draw_time(&SLOW) }
            }
        }
    }
}

impl SimNetwork for Turns {
    fn before(&self, exchange: &Exchange<'_>) -> RequestFate {
        let me = ME.get();
        if me == MAIN {
            return RequestFate::AT_ONCE;
        }
        if !self.stop_at(exchange, "before") {
            return RequestFate::Dead;
        }
        let mut state = self.lock();
        let NetChances { fault, restart, .. } = state.chances.net;
        if restart > 0 && state.rng.one_in(restart) {
            state.restart();
        }
        if state.servers.as_ref().is_some_and(|servers| servers.away_until > state.uptime) {
            state.process(me).hurt = true;
        }
        let at = &state.chances.net.at;
        let here = at.is_empty() || at.contains(&exchange.verb);
        let mut fate = RequestFate::AT_ONCE;
        if here && fault > 0 && state.rng.one_in(fault) {
            let faults = state.chances.net.faults.len() as u64;
            let struck = state.rng.below(faults) as usize;
            if let Some(struck) = state.chances.net.faults.get(struck).copied() {
                fate = state.fate(struck);
                state.process(me).hurt = true;
            }
        }
        let line = format!("    {me}: {} {fate:?}", shown(exchange));
        if state.trace.is_some() {
            state.say(line);
        }
        fate
    }

    fn after(&self, exchange: &Exchange<'_>) -> bool {
        ME.get() == MAIN || self.stop_at(exchange, "behind")
    }

    fn server_clock(&self, peer: Peer) -> u64 {
        self.lock().server_clock(peer)
    }

    fn listing_age(&self) -> Duration {
        let mut state = self.lock();
        if ME.get() == MAIN || !state.chances.net.old_lists || state.rng.one_in(2) {
            return Duration::ZERO;
        }
        state.draw_time(&LATE)
    }
}

impl Turns {
    /// Returns itself as the network of a host.
    pub fn network(self: &Arc<Self>) -> Arc<dyn SimNetwork> {
        self.clone()
    }
}
