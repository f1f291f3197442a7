//! One run: a seed, some processes on one store, and the model that they are held to.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use holdall::machine::run_on;
use holdall::vfs::{Policy, SimVfs, Vfs};
use holdall::{ArchiveId, ErrorKind, FileId, Mode, Put, Store};

use crate::calls::{self, Came, DRIVE, Do, Site};
#[cfg(feature = "remote")]
use crate::cluster::Cluster;
use crate::content;
use crate::history::History;
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::processes::Processes;
use crate::rng::Rng;
use crate::scheduler::{Chances, Turns};
use crate::world::{Call, PROBE, Verb, World};

/// What a process is doing.
#[derive(Clone, Debug)]
pub struct Busy {
    pub what: Do,
    /// When it was told.
    pub begun: u64,
    /// Its number, if the model has a say in it.
    pub call: Option<Call>,
}

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&short(&format!("{:?}", self.what)))
    }
}

/// A process, as the run sees it.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    pub open: Option<Mode>,
    pub busy: Option<Busy>,
    /// Calls that failed, of which nobody knows whether they took effect.
    pub doubtful: Vec<Call>,
    pub sending: Option<ArchiveId>,
    /// It met an error, and is to be closed.
    pub tired: bool,
    /// It is a child that has what its parent had, and has opened nothing itself yet.
    pub inherited: bool,
    /// What it sends is its parent's.
    pub sends_inherited: bool,
    /// How many things had been told when it last had the store open.
    pub left: u64,
}

pub struct Run {
    pub rng: Rng,
    pub plan: Plan,
    pub turns: Arc<Turns>,
    pub disk: SimVfs,
    /// The servers, if the store is on some.
    #[cfg(feature = "remote")]
    pub cluster: Option<Cluster>,
    /// Where backups go.
    pub copy: SimVfs,
    processes: Option<Processes>,
    /// From 1 on.
    pub slots: Vec<Slot>,
    pub history: History,
    pub ledger: Ledger,
    pub last_call: Call,
    /// What was put in the trash, by call.
    pub trashed: BTreeMap<Call, FileId>,
    /// The rows may be missing, because a rebuild was cut off.
    pub half_rebuilt: bool,
    /// The copy was written to since it was made.
    pub copy_written: bool,
    /// The next that writes may begin a timeline.
    pub new_timeline: bool,
    /// The disk has only so much room.
    pub full: bool,
    /// Calls of processes that died while others went on, and when that was. The next that writes or
    /// opens the store decides whether they took effect.
    pub undecided: Vec<(Call, u64)>,
    /// How many contents were put that are stored in several parts.
    #[cfg(feature = "remote")]
    pub huge: u64,
    /// Who was told something last.
    told: usize,
    /// Counts what processes are told.
    begun: u64,
    /// Something was cut off, so that what is deleted may still be counted.
    pub troubled: bool,
    pub failure: Option<String>,
    /// Whether the trace is wanted, whatever comes.
    pub traced: bool,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    pub failure: Option<String>,
    pub trace: Vec<String>,
    pub calls: u64,
    pub steps: u64,
    /// It ended early, since too many states were possible.
    pub wide: bool,
}

/// What the probe holds first.
pub const PROBED: u64 = 3;

/// A disk with a store that holds the probe alone, whose id is returned; to make one takes longer than
/// most runs.
fn template() -> &'static (SimVfs, FileId) {
    static TEMPLATE: OnceLock<(SimVfs, FileId)> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let turns = Turns::new(0, 1, 1, false);
        let _running = run_on(turns);
        let disk = SimVfs::new(0);
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        let store = Store::open_on(vfs, calls::options(Mode::Shared)).expect("a store is made");
        let drive = store.drive(DRIVE).expect("a drive is made");
        let probe = drive.put(PROBE, &content::bytes(PROBED)[..], Put::new()).expect("a file is put");
        store.close().expect("the store is closed");
        (disk.crash(Policy::KeepAll), probe.id.file())
    })
}

impl Run {
    pub fn new(seed: u64, plan: Option<Plan>, verbose: bool) -> Run {
        let mut rng = Rng::new(seed);
        let thrown = Plan::draw(&mut rng);
        let plan = plan.unwrap_or(thrown);
        Run::of(seed, rng, plan, verbose)
    }

    /// Makes a run over simulated servers.
    #[cfg(feature = "remote")]
    pub fn on_servers(seed: u64, plan: Option<Plan>, verbose: bool) -> Run {
        let mut rng = Rng::new(seed ^ 0xc105_7e00);
        let thrown = Plan::draw_cluster(&mut rng);
        Run::of(seed, rng, plan.unwrap_or(thrown), verbose)
    }

    fn of(seed: u64, rng: Rng, plan: Plan, verbose: bool) -> Run {
        let turns = Turns::new(seed, plan.processes, plan.threads, verbose);
        let (disk, copy) = (SimVfs::new(seed), SimVfs::new(seed ^ 1));
        let tasks = plan.processes * plan.threads;
        #[cfg(feature = "remote")]
        let cluster = plan.cluster.as_ref().map(|_| Cluster::new());
        #[cfg(feature = "remote")]
        let (cluster, of_servers) =
            cluster.map_or((None, None), |(cluster, probe)| (Some(cluster), Some(probe)));
        #[cfg(not(feature = "remote"))]
        let of_servers: Option<FileId> = None;
        let probe = of_servers.unwrap_or_else(|| {
            let (store, probe) = template();
            disk.set_to(store);
            *probe
        });
        #[cfg(feature = "remote")]
        let hosts = cluster.as_ref().zip(plan.cluster.as_ref()).map(|(cluster, plan_of)| {
            turns
                .serve(cluster.servers(plan_of.database_ahead, plan_of.objects_ahead), plan_of.ahead.clone());
            cluster.hosts(&turns, plan.processes, plan_of.staleness)
        });
        let processes = Some(Processes::new(&turns, tasks, |_task| Site {
            disk: disk.clone(),
            copy: copy.clone(),
            #[cfg(feature = "remote")]
            host: hosts.as_ref().and_then(|hosts| hosts.get(_task.div_ceil(plan.threads)).cloned()),
        }));
        let slots = vec![Slot::default(); tasks + 1];
        Run {
            rng,
            plan,
            turns,
            disk,
            #[cfg(feature = "remote")]
            cluster,
            copy,
            processes,
            slots,
            history: History::new(World::new(probe.0, PROBED)),
            ledger: Ledger::default(),
            last_call: 0,
            trashed: BTreeMap::new(),
            half_rebuilt: false,
            copy_written: false,
            new_timeline: false,
            full: false,
            undecided: Vec::new(),
            #[cfg(feature = "remote")]
            huge: 0,
            told: 0,
            begun: 0,
            troubled: false,
            failure: None,
            traced: verbose,
        }
    }

    /// Plays the run to its end.
    pub fn play(mut self) -> Outcome {
        self.turns.set_chances(self.plan.chances.clone());
        self.turns.note(|| format!("{:?}", self.plan));
        let mut calls = 0;
        while calls < self.plan.calls && self.goes_on() {
            calls += 1;
            self.next();
        }
        if self.goes_on() {
            match self.is_on_servers() {
                #[cfg(feature = "remote")]
                true => self.finish_cluster(),
                _ => self.finish(),
            }
        }
        self.calm();
        if let Some(processes) = self.processes.take() {
            processes.quit();
        }
        Outcome {
            failure: self.failure.take(),
            trace: if self.traced { self.turns.take_trace() } else { Vec::new() },
            calls: u64::from(self.last_call),
            steps: self.turns.steps(),
            wide: self.history.wide,
        }
    }

    pub fn is_on_servers(&self) -> bool {
        self.plan.cluster.is_some()
    }

    pub fn goes_on(&self) -> bool {
        self.failure.is_none() && !self.history.wide
    }

    pub fn fail(&mut self, why: impl Into<String>) {
        let why = why.into();
        self.turns.note(|| format!("FAILED: {why}"));
        self.failure.get_or_insert(why);
    }

    pub fn hold(&mut self, outcome: Result<(), String>) {
        if let Err(why) = outcome {
            self.fail(why);
        }
    }

    pub fn tasks(&self) -> std::ops::RangeInclusive<usize> {
        1..=self.slots.len() - 1
    }

    /// Tells an idle process what to do.
    pub fn tell(&mut self, task: usize, what: Do, verb: Option<Verb>) {
        self.let_grow_old(task);
        self.begun += 1;
        let call = verb.map(|verb| {
            self.last_call += 1;
            self.history.begin(self.last_call, verb);
            self.last_call
        });
        self.turns.note(|| format!("{task}: {what:?} {call:?} at {}", self.turns.clock()));
        if matches!(what, Do::Open(_) | Do::Fork(_) | Do::Rebuild | Do::TestCopy(_)) {
            let has = |mate: usize| self.slots[mate].open.is_some() || self.slots[mate].busy.is_some();
            let fresh = !self.turns.mates(task).into_iter().any(has);
            self.turns.begin_life(task, fresh);
        }
        self.slots[task].busy = Some(Busy { what: what.clone(), begun: self.begun, call });
        if let Some(processes) = &self.processes {
            processes.tell(task, what);
        }
    }

    /// Lets processes run until one has done what it was told, and looks at what came of it.
    pub fn go_on(&mut self) {
        self.turns.run();
        self.ledger.latest = self.ledger.latest.max(self.turns.clock());
        for task in self.tasks() {
            let came = self.processes.as_ref().and_then(|processes| processes.take(task));
            let busy = came.is_some().then(|| self.slots[task].busy.take()).flatten();
            if let (Some(came), Some(busy)) = (came, busy) {
                self.turns.note(|| format!("{task}: came {}", short(&format!("{came:?}"))));
                if self.turns.is_ended(task) {
                    self.died(task, &busy);
                } else {
                    self.came(task, busy, came);
                }
            }
        }
        if self.turns.is_stuck() {
            self.fail("all processes wait for each other");
        }
        if self.turns.take_dark() {
            self.lose_power();
        }
    }

    /// Waits until nobody has anything to do.
    pub fn calm(&mut self) {
        while self.slots.iter().any(|slot| slot.busy.is_some()) {
            self.go_on();
        }
    }

    fn died(&mut self, task: usize, busy: &Busy) {
        self.troubled = true;
        let calls = busy.call.into_iter().chain(std::mem::take(&mut self.slots[task].doubtful));
        for call in calls.collect::<Vec<_>>() {
            match busy.what {
                Do::Backup => self.history.lose(call),
                _ => self.doubt(task, call),
            }
        }
        if matches!(busy.what, Do::Rebuild) {
            self.half_rebuilt = true;
        }
        if matches!(busy.what, Do::TestCopy(_)) {
            // Whether it was written to, nobody knows.
            self.forget_copy();
        }
        self.end_session(task);
        // A process ends with all its threads.
        for mate in self.turns.mates(task) {
            while self.slots[mate].busy.is_some() {
                self.go_on();
            }
            if self.slots[mate].open.is_some() || self.slots[mate].sending.is_some() {
                self.kill(mate);
            }
        }
    }

    /// Lets the probe be put, in peace: its number tells whether a timeline has begun, and what numbers
    /// older files get in it.
    pub fn probe(&mut self, task: usize) {
        self.new_timeline = false;
        let before = self.history.guess().highest();
        let item = (PROBE.to_owned(), content::draw(&mut self.rng));
        match self.ask(task, Do::Put(vec![item.clone()])) {
            Came::Versions(infos) if infos.len() == 1 => {
                let number = infos[0].id.number();
                if number <= before && self.history.guess().begins_timeline(number) {
                    self.fail(format!("a timeline begins at version {number}; there was {before}"));
                }
                let noted = self.ledger.version(infos[0].id, item.1);
                self.hold(noted);
                self.last_call += 1;
                self.decide(self.begun + 1);
                self.history.probe(self.last_call, number, item.1);
            }
            came => self.fail(format!("putting the probe: {came:?}")),
        }
    }

    /// Notes that nobody knows whether a call of a process that has ended took effect. What it was
    /// committing may be hidden, until another writes.
    fn doubt(&mut self, task: usize, call: Call) {
        let is_there = |slot: &Slot| slot.open.is_some() || slot.busy.is_some();
        let others = self.tasks().any(|other| other != task && is_there(&self.slots[other]));
        self.undecided.push((call, self.begun));
        if !others && !self.is_on_servers() {
            self.decide(self.begun + 1);
        }
    }

    /// Lets what died before something was told be decided by it.
    ///
    /// On servers nothing is decided by others: what was sent may arrive until all is settled.
    pub fn decide(&mut self, begun: u64) {
        if self.is_on_servers() {
            return;
        }
        for (call, at) in std::mem::take(&mut self.undecided) {
            match at < begun {
                true => self.history.lose(call),
                false => self.undecided.push((call, at)),
            }
        }
    }

    /// Decides all that nobody knows of: nothing of it is under way any more.
    pub fn decide_all(&mut self) {
        for (call, _) in std::mem::take(&mut self.undecided) {
            self.history.lose(call);
        }
    }

    /// Returns how many calls there are of which nobody knows whether they took effect, or will.
    pub fn undecided(&self) -> usize {
        self.undecided.len()
    }

    /// Begins with a new disk for backups.
    pub fn forget_copy(&mut self) {
        self.copy.set_to(&SimVfs::new(0));
        self.copy_written = false;
        self.history.forget_backup();
    }

    /// Notes that a process has the store no longer open.
    pub fn end_session(&mut self, task: usize) {
        for call in std::mem::take(&mut self.slots[task].doubtful) {
            self.doubt(task, call);
        }
        let Slot { sending, sends_inherited, .. } = self.slots[task];
        self.slots[task] = Slot { sending, sends_inherited, left: self.begun, ..Slot::default() };
        if self.turns.is_ended(task) {
            self.slots[task].sending = None;
        }
    }

    /// Kills a process, whatever it does.
    pub fn kill(&mut self, task: usize) {
        self.turns.note(|| format!("{task}: killed"));
        if self.slots[task].busy.is_some() {
            self.turns.end(task);
            while self.slots[task].busy.is_some() {
                self.go_on();
            }
            return;
        }
        if let Some(processes) = &self.processes {
            processes.forget(task);
        }
        self.slots[task].busy = Some(Busy { what: Do::Stats, begun: self.begun, call: None });
        while self.slots[task].busy.is_some() {
            self.go_on();
        }
    }

    /// Ends all processes, and loses what was not synced.
    pub fn lose_power(&mut self) {
        for task in self.tasks() {
            self.kill(task);
        }
        self.turns.take_dark();
        let policy = Policy::ALL[self.rng.below(Policy::ALL.len() as u64) as usize];
        self.turns.note(|| format!("the power is lost: {policy:?}"));
        self.disk.lose_power(policy);
        self.copy.lose_power(policy);
        self.decide(self.begun + 1);
        if !self.copy.files().contains_key("STORE") {
            self.history.forget_backup();
        }
    }

    /// Runs something with nothing going wrong meanwhile.
    pub fn at_peace<T>(&mut self, work: impl FnOnce(&mut Run) -> T) -> T {
        if std::mem::take(&mut self.full) {
            self.turns.note(|| "there is room on the disk".to_owned());
            self.disk.set_capacity(None);
            self.tasks().for_each(|task| self.turns.hurt(task));
        }
        let quiet = Chances { switch: self.plan.chances.switch, ..Chances::default() };
        let chances = std::mem::replace(&mut self.plan.chances, quiet);
        self.turns.set_chances(self.plan.chances.clone());
        let worked = work(self);
        self.turns.set_chances(chances.clone());
        self.plan.chances = chances;
        worked
    }

    /// Lets all that others have read grow too old for a process that is told something after another: what was done
    /// before it must see.
    fn let_grow_old(&mut self, task: usize) {
        #[cfg(feature = "remote")]
        if let Some(cluster) = &self.plan.cluster
            && self.told != task
        {
            self.turns.pass_time(cluster.staleness);
        }
        self.told = task;
    }

    /// Tells a process what to do, while others rest, and returns what came of it.
    pub fn ask(&mut self, task: usize, what: Do) -> Came {
        self.let_grow_old(task);
        self.tell(task, what, None);
        self.slots[task].busy = None;
        loop {
            self.turns.run();
            let came = self.processes.as_ref().and_then(|processes| processes.take(task));
            if let Some(came) = came {
                self.turns.note(|| format!("{task}: came {}", short(&format!("{came:?}"))));
                return came;
            }
        }
    }

    /// Whether an error may come without anything having gone wrong.
    pub fn is_excused(&self, task: usize, kind: ErrorKind) -> bool {
        if self.is_on_servers() {
            return self.turns.is_hurt(task) && kind == ErrorKind::Io;
        }
        (self.turns.is_hurt(task) || self.full)
            && matches!(
                kind,
                ErrorKind::Io
                    | ErrorKind::Poisoned
                    | ErrorKind::Corrupt
                    | ErrorKind::Bug
                    | ErrorKind::Unsupported
            )
    }
}

/// Cuts a text that nobody would read to its end.
pub fn short(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
