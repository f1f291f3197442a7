//! One thread at a time: whoever has the turn runs until it touches the disk, a lock or the clock;
//! there the rng say who goes on, and whether something goes wrong.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdall::machine::Machine;
#[cfg(feature = "remote")]
use holdall::simulated::SimDatabase;
use holdall::vfs::{Fault, Scheduler, SimVfs, Touch};

use crate::rng::Rng;

#[cfg(feature = "remote")]
pub mod network;

/// The thread of the run itself; the others are those of processes.
pub const MAIN: usize = 0;

/// The file of the rows.
const ROWS: &str = "meta.redb";

/// How often what happens, once in so many operations of the disk; 0 for never.
#[derive(Clone, Debug, Default)]
pub struct Chances {
    pub switch: u64,
    pub kill: u64,
    pub power: u64,
    pub fault: u64,
    /// A process is suspended for long, while the clock goes on and others work.
    pub stall: u64,
    /// Only before operations on large blobs, but for listing them.
    pub stall_at_blobs: bool,
    pub faults: Vec<Fault>,
    pub net: NetChances,
}

/// How often what happens, once in so many requests to servers; 0 for never.
#[derive(Clone, Debug, Default)]
pub struct NetChances {
    pub fault: u64,
    pub faults: Vec<NetFault>,
    /// Requests that faults strike, by their verbs; all of them where there are none.
    pub at: Vec<&'static str>,
    /// The database is restarted.
    pub restart: u64,
    /// Listings of objects may be old.
    pub old_lists: bool,
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetFault {
    /// It is lost, and the connection with it.
    Lost,
    /// It is lost, and nobody learns of it.
    Silent,
    /// The answer is lost, and the connection with it.
    ReplyLost,
    /// The answer is lost, and nobody learns of it.
    ReplySilent,
    /// The connection is lost, and the request arrives all the same, after a while.
    Late,
    /// The server refuses it.
    Refused,
    /// It is long on its way.
    Slow,
}

/// All of them.
pub const NET_FAULTS: [NetFault; 7] = [
    NetFault::Lost,
    NetFault::Silent,
    NetFault::ReplyLost,
    NetFault::ReplySilent,
    NetFault::Late,
    NetFault::Refused,
    NetFault::Slow,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// It has nothing to do, or is the run itself.
    Idle,
    Ready,
    /// It waits for something of another's, and looks again at that uptime.
    Waiting(Duration),
    /// It is suspended until so many operations were done, or nobody else has anything to do.
    Stalled(u64),
}

struct Task {
    status: Status,
    /// The process that this thread is of.
    process: usize,
    /// It is in the midst of an operation on the rows, with locks of redb's that a thread of the same
    /// process would wait for in vain.
    within: bool,
}

/// A process: one thread or several.
#[derive(Default)]
struct Process {
    /// Which life it lives.
    life: u64,
    /// The process ends: its operations go on at once, and fail.
    ended: bool,
    /// A fault struck in this life.
    hurt: bool,
    /// It is to end at its next operation.
    dying: bool,
    /// What it has waited since it ended, which is no time for anybody else.
    after_end: Duration,
    disks: Vec<SimVfs>,
}

struct State {
    turn: usize,
    tasks: Vec<Task>,
    processes: Vec<Process>,
    rng: Rng,
    /// What random bytes are made of, apart from the order of things.
    noise: Rng,
    clock: i64,
    uptime: Duration,
    chances: Chances,
    /// What the clocks of processes are ahead, in microseconds; empty where all have one clock.
    ahead: Vec<i64>,
    #[cfg(feature = "remote")]
    servers: Option<Servers>,
    /// A process was suspended.
    #[cfg(feature = "remote")]
    held_up: bool,
    /// The power is out, and nobody has put it on again.
    dark: bool,
    lives: u64,
    steps: u64,
    /// Turns since anybody did anything but wait.
    idle: u64,
    stuck: bool,
    trace: Option<Vec<String>>,
}

/// The servers of a run.
#[cfg(feature = "remote")]
pub struct Servers {
    pub database: SimDatabase,
    /// What their clocks are ahead, in microseconds.
    pub database_ahead: i64,
    pub objects_ahead: i64,
    /// When the database is there again that was restarted, by the uptime.
    pub away_until: Duration,
}

/// Whose turn it is, for all threads of a run.
pub struct Turns {
    state: Mutex<State>,
    passed: Vec<Condvar>,
    verbose: bool,
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}

thread_local! {
    static ME: Cell<usize> = const { Cell::new(MAIN) };
}

/// So many turns in a row that nobody uses mean that all wait for each other.
const STUCK: u64 = 50_000;

impl Turns {
    /// Makes so many processes, each with so many threads: tasks from 1 on. Nothing but the run itself
    /// runs yet.
    pub fn new(seed: u64, processes: usize, threads: usize, verbose: bool) -> Arc<Turns> {
        let tasks = processes * threads;
        let process = |task: usize| task.div_ceil(threads);
        let task = |task| Task { status: Status::Idle, process: process(task), within: false };
        let state = State {
            turn: MAIN,
            tasks: (0..=tasks).map(task).collect(),
            processes: (0..=processes).map(|_| Process::default()).collect(),
            rng: Rng::new(seed ^ 0x5eed),
            noise: Rng::new(seed ^ 0x0015_e000),
            clock: 1_750_000_000_000_000,
            uptime: Duration::ZERO,
            chances: Chances::default(),
            ahead: Vec::new(),
            #[cfg(feature = "remote")]
            servers: None,
            #[cfg(feature = "remote")]
            held_up: false,
            dark: false,
            lives: 0,
            steps: 0,
            idle: 0,
            stuck: false,
            trace: verbose.then(Vec::new),
        };
        let passed = (0..=tasks).map(|_| Condvar::new()).collect();
        Arc::new(Turns { state: Mutex::new(state), passed, verbose })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which thread this is.
    pub fn enter(task: usize) {
        ME.set(task);
    }

    /// Lets a process begin anew: another one, if it had ended. What befell one that goes on is forgotten
    /// where nobody in it has anything of that.
    pub fn begin_life(&self, task: usize, fresh: bool) {
        let mut state = self.lock();
        let lives = state.lives + 1;
        let process = state.process(task);
        if process.ended || process.life == 0 {
            *process = Process { life: lives, ..Process::default() };
            state.lives = lives;
        } else if fresh {
            (process.hurt, process.dying) = (false, false);
        }
    }

    /// Returns a disk as the process has it that this thread is of.
    pub fn disk(self: &Arc<Self>, disk: &SimVfs) -> SimVfs {
        let handle = disk.process(self.clone());
        let mut state = self.lock();
        let process = state.process(ME.get());
        if process.ended {
            handle.end();
        }
        process.disks.push(handle.clone());
        handle
    }

    /// Returns the threads of the process that a thread is of, but for itself.
    pub fn mates(&self, task: usize) -> Vec<usize> {
        let state = self.lock();
        let same = |other: &usize| *other != task && state.tasks[*other].process == state.tasks[task].process;
        (1..state.tasks.len()).filter(same).collect()
    }

    /// Says that something went wrong with a process, which may say so later.
    pub fn hurt(&self, task: usize) {
        self.lock().process(task).hurt = true;
    }

    pub fn set_chances(&self, chances: Chances) {
        self.lock().chances = chances;
    }

    /// Lets a process work; it has been given something to do.
    pub fn make_ready(&self, task: usize) {
        self.lock().tasks[task].status = Status::Ready;
    }

    pub fn is_hurt(&self, task: usize) -> bool {
        self.lock().process(task).hurt
    }

    pub fn is_ended(&self, task: usize) -> bool {
        self.lock().process(task).ended
    }

    pub fn is_stuck(&self) -> bool {
        self.lock().stuck
    }

    pub fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// Whether the power went out since this was asked last.
    pub fn take_dark(&self) -> bool {
        std::mem::take(&mut self.lock().dark)
    }

    /// Returns what the clock shows that is ahead of all others.
    pub fn clock(&self) -> i64 {
        let state = self.lock();
        state.clock + state.ahead.iter().copied().max().unwrap_or(0)
    }

    pub fn step_clock(&self, micros: i64) {
        self.lock().clock += micros;
    }

    /// Ends a process between two of its operations.
    pub fn end(&self, task: usize) {
        self.lock().end(task);
    }

    pub fn note(&self, line: impl FnOnce() -> String) {
        if self.verbose {
            let line = line();
            self.lock().say(line);
        }
    }

    pub fn take_trace(&self) -> Vec<String> {
        self.lock().trace.take().unwrap_or_default()
    }

    /// Passes the turn on from the run itself, until a process has done what it was given.
    pub fn run(&self) {
        let mut state = self.lock();
        let next = state.pick();
        self.pass(state, next);
    }

    /// Says that a process has done what it was given, and waits for the next turn.
    pub fn done(&self) {
        let mut state = self.lock();
        state.tasks[ME.get()].status = Status::Idle;
        self.pass(state, MAIN);
    }

    /// Passes the last turn of this thread back to the run itself.
    pub fn leave(&self) {
        let mut state = self.lock();
        state.tasks[ME.get()].status = Status::Idle;
        state.turn = MAIN;
        self.passed[MAIN].notify_one();
    }

    /// Waits for the first turn of this thread.
    pub fn await_turn(&self) {
        let state = self.lock();
        self.await_in(state);
    }

    fn pass(&self, mut state: MutexGuard<'_, State>, next: usize) {
        if next != ME.get() {
            state.turn = next;
            self.passed[next].notify_one();
            self.await_in(state);
        }
    }

    fn await_in(&self, mut state: MutexGuard<'_, State>) {
        while state.turn != ME.get() {
            state = self.passed[ME.get()].wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets others run until the uptime is `until`.
    fn wait_until(&self, until: impl Fn(&State) -> Duration) {
        let mut state = self.lock();
        let me = ME.get();
        if me == MAIN {
            return;
        }
        if state.process(me).ended {
            let waited = until(&state).saturating_sub(state.uptime);
            state.process(me).after_end += waited;
            // Only what its own threads do is waited for.
            let mates = state.mates_at_work(me);
            if mates.is_empty() {
                return;
            }
            state.tasks[me].status = Status::Ready;
            let next = mates[state.rng.below(mates.len() as u64) as usize];
            self.pass(state, next);
            return;
        }
        state.tasks[me].status = Status::Waiting(until(&state));
        let next = state.pick();
        self.pass(state, next);
        let mut state = self.lock();
        state.tasks[me].status = Status::Ready;
    }
}

impl State {
    fn process(&mut self, task: usize) -> &mut Process {
        &mut self.processes[self.tasks[task].process]
    }

    fn end(&mut self, task: usize) {
        #[cfg(feature = "remote")]
        if let Some(database) = self.servers.as_ref().map(|servers| servers.database.clone()) {
            database.end_process(self.process(task).life);
        }
        let process = self.process(task);
        process.ended = true;
        process.disks.iter().for_each(SimVfs::end);
    }

    fn end_all(&mut self) {
        (1..self.tasks.len()).for_each(|task| self.end(task));
    }

    /// Whether a thread would wait for what another of its process has locked.
    fn is_shut_out(&self, task: usize) -> bool {
        let process = self.tasks[task].process;
        let within = |(other, mate): (usize, &Task)| other != task && mate.process == process && mate.within;
        self.tasks.iter().enumerate().any(within)
    }

    /// Returns the other threads of a process that have something to do.
    fn mates_at_work(&self, task: usize) -> Vec<usize> {
        let process = self.tasks[task].process;
        let at_work = |other: &usize| {
            let mate = &self.tasks[*other];
            *other != task
                && mate.process == process
                && mate.status != Status::Idle
                && !self.is_shut_out(*other)
        };
        (1..self.tasks.len()).filter(at_work).collect()
    }

    /// Returns how long a wait is: where all wait for long for a server, longer than a look at a lock.
    fn stretched(&self, duration: Duration) -> Duration {
        let is_long = !self.ahead.is_empty() && self.idle > 50;
        if is_long { duration.max(Duration::from_millis(20)) } else { duration }
    }

    /// Whether time goes on to when a thread waits for, though others have something to do.
    fn jumps(&mut self, waiting: Option<(Duration, usize)>) -> bool {
        let is_far = waiting.is_some_and(|(until, _)| until > self.uptime + Duration::from_secs(1));
        self.rng.one_in(if is_far && !self.ahead.is_empty() { 200 } else { 8 })
    }

    /// Picks who runs next.
    fn pick(&mut self) -> usize {
        let free: Vec<usize> = (0..self.tasks.len()).filter(|task| !self.is_shut_out(*task)).collect();
        for task in &free {
            if let Status::Stalled(until) = self.tasks[*task].status
                && until <= self.steps
            {
                self.tasks[*task].status = Status::Ready;
            }
        }
        let ready: Vec<usize> =
            free.iter().copied().filter(|task| self.tasks[*task].status == Status::Ready).collect();
        let waiting = |tasks: &[Task]| {
            let until = |number: &usize| match tasks[*number].status {
                Status::Waiting(until) => Some((until, *number)),
                _ => None,
            };
            free.iter().filter_map(until).min()
        };
        if !ready.is_empty() && !self.jumps(waiting(&self.tasks)) {
            self.idle = 0;
            return ready[self.rng.below(ready.len() as u64) as usize];
        }
        let is_stalled = |task: &&usize| matches!(self.tasks[**task].status, Status::Stalled(_));
        let stalled = free.iter().find(is_stalled).copied();
        if let Some(task) = stalled.filter(|_| ready.is_empty() && self.rng.one_in(4)) {
            self.idle = 0;
            return task;
        }
        match waiting(&self.tasks) {
            Some((until, task)) => {
                let ahead = until.saturating_sub(self.uptime);
                self.uptime += ahead;
                self.clock += ahead.as_micros() as i64;
                self.idle += u64::from(ready.is_empty());
                if self.idle > STUCK {
                    self.stuck = true;
                    self.end_all();
                }
                task
            }
            None if ready.is_empty() => stalled.unwrap_or(MAIN),
            None => ready[self.rng.below(ready.len() as u64) as usize],
        }
    }

    /// Says what goes wrong with an operation.
    fn strike(&mut self, me: usize, touch: Touch<'_>) -> Option<Fault> {
        let Chances { kill, power, fault, .. } = self.chances;
        let once_in = |rng: &mut Rng, n: u64| n > 0 && rng.one_in(n);
        if self.process(me).dying || once_in(&mut self.rng, kill) {
            self.say(format!("process {me} is killed before {} {}", touch.verb, touch.path));
            self.end(me);
            return None;
        }
        if once_in(&mut self.rng, power) {
            self.say(format!("the power is cut before {} {} of process {me}", touch.verb, touch.path));
            self.dark = true;
            self.end_all();
            return None;
        }
        if once_in(&mut self.rng, fault) {
            let faults = &self.chances.faults;
            let struck = *faults.get(self.rng.below(faults.len() as u64) as usize)?;
            if !touch.is_struck_by(struck) {
                return None;
            }
            self.say(format!("{struck:?} strikes {} {} of process {me}", touch.verb, touch.path));
            let dying = struck == Fault::ShortWrite && kill > 0 && self.rng.one_in(2);
            let process = self.process(me);
            process.hurt = true;
            // Some of those that are killed in the middle of a write leave a part of it.
            process.dying = dying;
            return Some(struck);
        }
        None
    }

    fn say(&mut self, line: String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line);
        }
    }
}

impl Scheduler for Turns {
    fn before(&self, touch: Touch<'_>) -> Option<Fault> {
        let me = ME.get();
        let mut state = self.lock();
        if me == MAIN || state.process(me).ended {
            return None;
        }
        state.steps += 1;
        state.clock += 3;
        state.uptime += Duration::from_micros(3);
        let Chances { switch, stall, stall_at_blobs, .. } = state.chances;
        let here = !stall_at_blobs || touch.path.starts_with("blob/") && touch.verb != "list";
        let stalls = stall > 0 && here && state.rng.one_in(stall);
        if stalls {
            state.clock += 1_000_000 * [1, 1900, 4000][state.rng.below(3) as usize];
            let until = state.steps + state.rng.below(3000);
            state.tasks[me].status = Status::Stalled(until);
            state.say(format!("process {me} is suspended before {} {}", touch.verb, touch.path));
        }
        if stalls || switch > 0 && state.rng.one_in(switch) {
            state.tasks[me].within = touch.path == ROWS;
            let next = state.pick();
            self.pass(state, next);
            state = self.lock();
            state.tasks[me].within = false;
            state.tasks[me].status = Status::Ready;
            if state.process(me).ended {
                return None;
            }
        }
        if let Some(trace) = &mut state.trace {
            let Touch { verb, path, offset, len, .. } = touch;
            trace.push(format!("    {me}: {verb} {path} {offset}+{len}"));
        }
        state.strike(me, touch)
    }

    fn wait(&self, touch: Touch<'_>) {
        self.lock().tasks[ME.get()].within = touch.path == ROWS;
        self.wait_until(|state| state.uptime + Duration::from_micros(200));
        self.lock().tasks[ME.get()].within = false;
    }
}

impl Machine for Turns {
    fn clock(&self) -> u64 {
        let mut state = self.lock();
        state.clock += 1;
        let process = state.tasks[ME.get()].process;
        let ahead = state.ahead.get(process).copied().unwrap_or(0);
        u64::try_from(state.clock + ahead).unwrap_or(0)
    }

    fn uptime(&self) -> Duration {
        let mut state = self.lock();
        let after_end = state.process(ME.get()).after_end;
        state.uptime + after_end
    }

    fn pause(&self, duration: Duration) {
        self.wait_until(|state| state.uptime + state.stretched(duration));
    }

    fn fill_random(&self, out: &mut [u8]) {
        let mut state = self.lock();
        for chunk in out.chunks_mut(8) {
            let bytes = state.noise.draw().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn process(&self) -> u64 {
        self.lock().process(ME.get()).life
    }
}
