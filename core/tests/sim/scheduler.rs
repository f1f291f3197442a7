//! One thread at a time: whoever has the turn runs until it touches the disk, a lock or the clock;
//! there the dice say who goes on, and whether something goes wrong.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdall::machine::Machine;
use holdall::vfs::{Fault, Scheduler, SimVfs, Touch};

use crate::dice::Dice;

/// The thread of the run itself; the others are those of processes.
pub const MAIN: usize = 0;

/// How often what happens, once in so many operations of the disk; 0 for never.
#[derive(Clone, Debug, Default)]
pub struct Chances {
    pub switch: u64,
    pub kill: u64,
    pub power: u64,
    pub fault: u64,
    pub faults: Vec<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// It has nothing to do, or is the run itself.
    Idle,
    Ready,
    /// It waits for something of another's, and looks again at that uptime.
    Waiting(Duration),
}

struct Task {
    status: Status,
    /// Which life of which process it lives.
    life: u64,
    /// The process ends: its operations go on at once, and fail.
    ended: bool,
    /// A fault struck in this life.
    hurt: bool,
    /// It is to end at its next operation.
    doomed: bool,
    disks: Vec<SimVfs>,
}

struct State {
    turn: usize,
    tasks: Vec<Task>,
    dice: Dice,
    /// What random bytes are made of, apart from the order of things.
    noise: Dice,
    clock: i64,
    uptime: Duration,
    chances: Chances,
    /// The power is out, and nobody has put it on again.
    dark: bool,
    lives: u64,
    steps: u64,
    /// Turns since anybody did anything but wait.
    idle: u64,
    stuck: bool,
    trace: Option<Vec<String>>,
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
    pub fn new(seed: u64, processes: usize, verbose: bool) -> Arc<Turns> {
        let task = || Task {
            status: Status::Idle,
            life: 0,
            ended: false,
            hurt: false,
            doomed: false,
            disks: Vec::new(),
        };
        let state = State {
            turn: MAIN,
            tasks: (0..=processes).map(|_| task()).collect(),
            dice: Dice::new(seed ^ 0x5eed),
            noise: Dice::new(seed ^ 0x0015_e000),
            clock: 1_750_000_000_000_000,
            uptime: Duration::ZERO,
            chances: Chances::default(),
            dark: false,
            lives: 0,
            steps: 0,
            idle: 0,
            stuck: false,
            trace: verbose.then(Vec::new),
        };
        let passed = (0..=processes).map(|_| Condvar::new()).collect();
        Arc::new(Turns { state: Mutex::new(state), passed, verbose })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which thread this is.
    pub fn enter(task: usize) {
        ME.set(task);
    }

    /// Lets a process begin anew: another one, if it had ended.
    pub fn begin_life(&self, task: usize) {
        let mut state = self.lock();
        if state.tasks[task].ended || state.tasks[task].life == 0 {
            state.lives += 1;
            state.tasks[task].life = state.lives;
            state.tasks[task].disks.clear();
        }
        let task = &mut state.tasks[task];
        (task.ended, task.hurt, task.doomed) = (false, false, false);
    }

    /// Returns a disk as the process has it that this thread is of.
    pub fn disk(self: &Arc<Self>, disk: &SimVfs) -> SimVfs {
        let process = disk.process(self.clone());
        let mut state = self.lock();
        let task = &mut state.tasks[ME.get()];
        if task.ended {
            process.end();
        }
        task.disks.push(process.clone());
        process
    }

    pub fn set_chances(&self, chances: Chances) {
        self.lock().chances = chances;
    }

    /// Lets a process work; it has been given something to do.
    pub fn make_ready(&self, task: usize) {
        self.lock().tasks[task].status = Status::Ready;
    }

    pub fn is_hurt(&self, task: usize) -> bool {
        self.lock().tasks[task].hurt
    }

    pub fn is_ended(&self, task: usize) -> bool {
        self.lock().tasks[task].ended
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

    pub fn clock(&self) -> i64 {
        self.lock().clock
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
    fn wait_until(&self, until: impl FnOnce(&State) -> Duration) {
        let mut state = self.lock();
        let me = ME.get();
        if state.tasks[me].ended || me == MAIN {
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
    fn end(&mut self, task: usize) {
        let task = &mut self.tasks[task];
        task.ended = true;
        task.disks.iter().for_each(SimVfs::end);
    }

    /// Picks who runs next.
    fn pick(&mut self) -> usize {
        let ready: Vec<usize> =
            (0..self.tasks.len()).filter(|task| self.tasks[*task].status == Status::Ready).collect();
        let waiting = |tasks: &[Task]| {
            let until = |(number, task): (usize, &Task)| match task.status {
                Status::Waiting(until) => Some((until, number)),
                _ => None,
            };
            tasks.iter().enumerate().filter_map(until).min()
        };
        if !ready.is_empty() && !self.dice.one_in(8) {
            self.idle = 0;
            return ready[self.dice.below(ready.len() as u64) as usize];
        }
        match waiting(&self.tasks) {
            Some((until, task)) => {
                let ahead = until.saturating_sub(self.uptime);
                self.uptime += ahead;
                self.clock += ahead.as_micros() as i64;
                self.idle += u64::from(ready.is_empty());
                if self.idle > STUCK {
                    self.stuck = true;
                    (1..self.tasks.len()).for_each(|task| self.end(task));
                }
                task
            }
            None if ready.is_empty() => MAIN,
            None => ready[self.dice.below(ready.len() as u64) as usize],
        }
    }

    /// Says what goes wrong with an operation.
    fn strike(&mut self, me: usize, touch: Touch<'_>) -> Option<Fault> {
        let Chances { kill, power, fault, .. } = self.chances;
        let once_in = |dice: &mut Dice, n: u64| n > 0 && dice.one_in(n);
        if self.tasks[me].doomed || once_in(&mut self.dice, kill) {
            self.say(format!("process {me} is killed before {} {}", touch.verb, touch.path));
            self.end(me);
            return None;
        }
        if once_in(&mut self.dice, power) {
            self.say(format!("the power is cut before {} {} of process {me}", touch.verb, touch.path));
            self.dark = true;
            (1..self.tasks.len()).for_each(|task| self.end(task));
            return None;
        }
        if once_in(&mut self.dice, fault) {
            let faults = &self.chances.faults;
            let struck = *faults.get(self.dice.below(faults.len() as u64) as usize)?;
            if !touch.is_struck_by(struck) {
                return None;
            }
            self.say(format!("{struck:?} strikes {} {} of process {me}", touch.verb, touch.path));
            self.tasks[me].hurt = true;
            // Some of those that are killed in the middle of a write leave a part of it.
            self.tasks[me].doomed = struck == Fault::ShortWrite && kill > 0 && self.dice.one_in(2);
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
        if me == MAIN || state.tasks[me].ended {
            return None;
        }
        state.steps += 1;
        state.clock += 3;
        state.uptime += Duration::from_micros(3);
        let switch = state.chances.switch;
        if switch > 0 && state.dice.one_in(switch) {
            let next = state.pick();
            self.pass(state, next);
            state = self.lock();
            if state.tasks[me].ended {
                return None;
            }
        }
        if let Some(trace) = &mut state.trace {
            let Touch { verb, path, offset, len, .. } = touch;
            trace.push(format!("    {me}: {verb} {path} {offset}+{len}"));
        }
        state.strike(me, touch)
    }

    fn wait(&self, _: Touch<'_>) {
        self.wait_until(|state| state.uptime + Duration::from_micros(200));
    }
}

impl Machine for Turns {
    fn clock(&self) -> u64 {
        let mut state = self.lock();
        state.clock += 1;
        u64::try_from(state.clock).unwrap_or(0)
    }

    fn uptime(&self) -> Duration {
        self.lock().uptime
    }

    fn pause(&self, duration: Duration) {
        self.wait_until(|state| state.uptime + duration);
    }

    fn fill_random(&self, out: &mut [u8]) {
        let mut state = self.lock();
        for chunk in out.chunks_mut(8) {
            let bytes = state.noise.throw().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn process(&self) -> u64 {
        self.lock().tasks[ME.get()].life
    }
}
