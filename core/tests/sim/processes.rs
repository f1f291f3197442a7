//! The threads that processes run on, and what they are told to do.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Once};
use std::thread::JoinHandle;

use holdall::ErrorKind;
use holdall::machine::run_on;

use crate::calls::{Came, Do, Inherited, Memory, Site};
use crate::scheduler::Turns;

enum Order {
    Do(Do),
    /// Forgets what is in memory, as a process does that was killed.
    Forget,
    Quit,
}

#[derive(Default)]
struct Desk {
    order: Option<Order>,
    came: Option<Came>,
    /// What a child gets that is forked now.
    to_inherit: Option<Inherited>,
    /// What this one begins with.
    inherited: Option<Inherited>,
}

/// The processes of a run.
pub struct Processes {
    turns: Arc<Turns>,
    desks: Vec<Arc<Mutex<Desk>>>,
    threads: Vec<JoinHandle<()>>,
}

thread_local! {
    /// Panics on this thread, those that the store caught too; None where they are nobody's.
    static PANICS: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Counts the panics of processes, in place of printing them.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match PANICS.get() {
            Some(count) => {
                if std::env::var_os("HOLDALL_PANICS").is_some() {
                    before(info);
                }
                PANICS.set(Some(count + 1));
            }
            None => before(info),
        }));
    });
}

impl Processes {
    /// Makes so many threads, each of which finds its store at the site that is said for it.
    pub fn new(turns: &Arc<Turns>, count: usize, site: impl Fn(usize) -> Site) -> Processes {
        count_panics();
        let desks: Vec<Arc<Mutex<Desk>>> = (0..=count).map(|_| Arc::default()).collect();
        let threads = (1..=count)
            .map(|task| {
                let (turns, desk) = (turns.clone(), desks[task].clone());
                let site = site(task);
                let work = move || live(task, &turns, &desk, &site);
                std::thread::Builder::new().stack_size(4 << 20).spawn(work).expect("a thread")
            })
            .collect();
        Processes { turns: turns.clone(), desks, threads }
    }

    /// Tells a process what to do.
    pub fn tell(&self, task: usize, what: Do) {
        if let Do::Fork(parent) = what {
            let inherited = self.desks[parent].lock().unwrap().to_inherit.clone();
            self.desks[task].lock().unwrap().inherited = inherited;
        }
        self.desks[task].lock().unwrap().order = Some(Order::Do(what));
        self.turns.make_ready(task);
    }

    /// Lets a process forget everything.
    pub fn forget(&self, task: usize) {
        self.turns.end(task);
        self.desks[task].lock().unwrap().order = Some(Order::Forget);
        self.turns.make_ready(task);
    }

    /// Takes what came of what a process was told to do, if it has done it.
    pub fn take(&self, task: usize) -> Option<Came> {
        self.desks[task].lock().unwrap().came.take()
    }

    /// Ends all threads. None may have anything to do.
    pub fn quit(self) {
        for (task, thread) in (1..).zip(self.threads) {
            self.turns.end(task);
            self.desks[task].lock().unwrap().order = Some(Order::Quit);
            self.turns.make_ready(task);
            self.turns.run();
            let _ = thread.join();
        }
    }
}

fn live(task: usize, turns: &Arc<Turns>, desk: &Mutex<Desk>, site: &Site) {
    Turns::enter(task);
    let _running = run_on(turns.clone());
    let mut memory = Memory::default();
    turns.await_turn();
    loop {
        let order = desk.lock().unwrap().order.take();
        PANICS.set(Some(0));
        if let Some(inherited) = desk.lock().unwrap().inherited.take() {
            memory.inherit(&inherited, turns, site);
        }
        let came = match order {
            Some(Order::Do(what)) => {
                let ran = catch_unwind(AssertUnwindSafe(|| memory.run(&what, turns, site)));
                let came = ran.unwrap_or_else(|_| Came::Error(ErrorKind::Bug, "a panic".to_owned()));
                match PANICS.get() {
                    Some(0) => came,
                    _ if turns.is_ended(task) => came,
                    _ => Came::Wrong(format!("a panic; {came:?}")),
                }
            }
            Some(Order::Forget) => Came::Done,
            Some(Order::Quit) | None => {
                PANICS.set(None);
                let left = desk.lock().unwrap().to_inherit.take();
                drop((memory, left));
                turns.leave();
                return;
            }
        };
        if turns.is_ended(task) {
            memory.clear();
        }
        PANICS.set(None);
        let before = {
            let mut desk = desk.lock().unwrap();
            desk.came = Some(came);
            std::mem::replace(&mut desk.to_inherit, memory.to_inherit())
        };
        drop(before);
        turns.done();
    }
}
