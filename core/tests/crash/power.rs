//! Power loss at any time: what was acknowledged is there, what was not is there whole or not
//! at all, and the store goes on. Rows S1 and S2 of the reliability table.

use std::cell::Cell;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use holdall::vfs::{Policy, SimVfs, Vfs};
use holdall::{CheckOptions, Drive, Mode, Options, Put, Store};

use crate::content::THRESHOLD;
use crate::model::{Model, View};
use crate::rng::Rng;
use crate::script::{self, Step};

/// The drive that scripts play in.
pub const DRIVE: &str = "alice";

/// What lies between a store and the simulated disk: nothing, or a control's planted fault.
pub type Wrap = dyn Fn(SimVfs) -> Arc<dyn Vfs> + Sync;

pub fn options(mode: Mode) -> Options {
    Options::new()
        .mode(mode)
        .threshold(THRESHOLD)
        .segment_bytes(64 << 10)
        .cache_bytes(1 << 20)
        .grace(Duration::ZERO)
}

/// Disks with an empty store, for each mode; to make one takes longer than to lose power.
pub struct Templates {
    exclusive: SimVfs,
    shared: SimVfs,
}

impl Templates {
    pub fn new(wrap: &Wrap) -> Templates {
        let make = |mode| {
            let disk = SimVfs::new(1);
            let store = Store::open_on(wrap(disk.clone()), options(mode)).expect("a store is made");
            store.drive(DRIVE).expect("a drive is made");
            store.close().expect("the store is closed");
            drop(store);
            disk.crash(Policy::KeepAll)
        };
        Templates { exclusive: make(Mode::Exclusive), shared: make(Mode::Shared) }
    }

    pub fn disk(&self, mode: Mode) -> &SimVfs {
        match mode {
            Mode::Exclusive => &self.exclusive,
            Mode::Shared => &self.shared,
        }
    }
}

/// A script and what the drive holds after each of its calls.
pub struct Script {
    pub mode: Mode,
    pub steps: Vec<Step>,
    pub models: Vec<Model>,
}

impl Script {
    pub fn draw(rng: &mut Rng) -> Script {
        let mode = if rng.one_in(3) { Mode::Shared } else { Mode::Exclusive };
        let bulky = rng.one_in(4);
        let len = if bulky {
            5 + rng.below(16)
        } else if rng.one_in(16) {
            160
        } else {
            3 + rng.below(60)
        };
        let (mut steps, mut models) = (Vec::new(), vec![Model::default()]);
        for _ in 0..len {
            let mut model = models.last().cloned().unwrap_or_default();
            let step = if bulky { script::next_bulky(&model, rng) } else { script::next(&model, rng) };
            step.apply(&mut model);
            steps.push(step);
            models.push(model);
        }
        Script { mode, steps, models }
    }

    /// Makes a script of given calls.
    pub fn of(mode: Mode, steps: Vec<Step>) -> Script {
        let mut models = vec![Model::default()];
        for step in &steps {
            let mut model = models.last().cloned().unwrap_or_default();
            step.apply(&mut model);
            models.push(model);
        }
        Script { mode, steps, models }
    }

    /// Plays the script until it ends or a call fails, and returns how many calls succeeded, the
    /// drive as it is then, and the failure.
    fn play(&self, vfs: &Arc<dyn Vfs>) -> (usize, Option<Drive>, Option<holdall::Error>) {
        let open = || Store::open_on(vfs.clone(), options(self.mode))?.drive(DRIVE);
        let mut drive = match open() {
            Ok(drive) => drive,
            Err(error) => return (0, None, Some(error)),
        };
        for (acked, step) in self.steps.iter().enumerate() {
            if matches!(step, Step::Reopen) {
                if let Err(error) = drive.store().close() {
                    return (acked, None, Some(error));
                }
                drive = match open() {
                    Ok(drive) => drive,
                    Err(error) => return (acked, None, Some(error)),
                };
            }
            if let Err(error) = step.run(&drive) {
                return (acked, Some(drive), Some(error));
            }
        }
        (self.steps.len(), Some(drive), None)
    }

    /// Plays the script until it ends or a call fails; see [`Script::play`].
    pub fn play_on(&self, vfs: &Arc<dyn Vfs>) -> (usize, Option<Drive>) {
        let (acked, drive, _) = self.play(vfs);
        (acked, drive)
    }

    /// Says what is wrong with a store that the judge found to hold what it must; none if nothing.
    pub fn inspect(&self, drive: &Drive, disk: &SimVfs, acked: usize, collect: bool) -> Result<(), String> {
        let failed = |doing: &str, error: holdall::Error| format!("{doing}: {error}");
        let store = drive.store();
        if collect {
            Step::Gc.run(drive).map_err(|error| failed("collecting", error))?;
            let files = disk.files();
            let in_dir = |dir: &str| files.keys().filter(|path| path.starts_with(dir)).count();
            let large = self.models.iter().skip(acked).take(2).map(Model::large).max().unwrap_or(0);
            if in_dir("spool/") > 0 || in_dir("blob/") > large {
                return Err(format!(
                    "{} files are left in the spool, {} of large blobs, of which {large} are wanted",
                    in_dir("spool/"),
                    in_dir("blob/")
                ));
            }
        }
        let report = store.check(CheckOptions::new()).map_err(|error| failed("checking", error))?;
        if report.problems.is_empty() && report.damaged.is_empty() {
            return Ok(());
        }
        Err(format!("the check found {:?}, {:?}", report.problems, report.damaged))
    }

    /// Says why a drive is none that a power loss after `acked` calls may leave; none if it is.
    pub fn judge(&self, seen: &View, acked: usize) -> Option<String> {
        let waits = |acked| self.with_deleted(acked).is_some_and(|counted| *seen == counted);
        match waits(acked) || self.steps.len() > acked && waits(acked + 1) {
            true => None,
            false => self.judge_collected(seen, acked),
        }
    }

    /// As [`Script::judge`], of a drive in which what was deleted is counted no longer.
    fn judge_collected(&self, seen: &View, acked: usize) -> Option<String> {
        let before = self.models[acked].view();
        let Some(step) = self.steps.get(acked) else {
            return (*seen != before).then(|| seen.differs(&before));
        };
        let after = self.models[acked + 1].view();
        if *seen == before || *seen == after {
            return None;
        }
        if step.copies_to().is_some_and(|to| seen.is_partial_copy(&before, &after, to)) {
            return None;
        }
        Some(format!("{} (before the call); {} (after it)", seen.differs(&before), seen.differs(&after)))
    }

    /// Returns what a drive shows after `calls` calls while the last deletion is still counted: its
    /// rows are cleared away after it is durable, by the next collection at the latest. None if
    /// nothing can be.
    fn with_deleted(&self, calls: usize) -> Option<View> {
        let deletion = self.steps[..calls].iter().rposition(Step::clears_later)?;
        if self.steps[deletion..calls].iter().any(|step| matches!(step, Step::Gc)) {
            return None;
        }
        let (with, without) = (self.models[deletion].view(), self.models[deletion + 1].view());
        let mut view = self.models[calls].view();
        view.files += with.files - without.files;
        view.bytes += with.bytes - without.bytes;
        Some(view)
    }
}

/// What the states of one seed came to.
#[derive(Default)]
pub struct Outcome {
    pub states: u64,
    pub failures: Vec<String>,
}

thread_local! {
    /// Panics on this thread, those that the store caught too.
    static PANICS: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Counts the panics of threads that ask for it, in place of printing them.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match PANICS.get() {
            Some(count) => PANICS.set(Some(count + 1)),
            None => before(info),
        }));
    });
}

/// Plays the script of a seed several times, cuts the power each time, and looks at what is left.
pub fn explore(seed: u64, templates: &Templates, wrap: &Wrap, cuts: u64, verbose: bool) -> Outcome {
    count_panics();
    PANICS.set(Some(0));
    let mut rng = Rng::new(seed);
    let script = Script::draw(&mut rng);
    let mut outcome = Outcome::default();
    if verbose {
        for (number, step) in script.steps.iter().enumerate() {
            crate::figure(&format!("{number}: {step:?}"));
        }
    }
    let whole = templates.disk(script.mode).copy();
    let played = script.play(&wrap(whole.clone()));
    let len = whole.op_count();
    let (acked, drive, error) = played;
    match error {
        None => after_loss(&script, acked, &whole, wrap, &mut rng, &mut outcome, "at the end"),
        Some(error) => outcome.failures.push(format!("call {acked} failed: {error}")),
    }
    // Only now: to drop it before the crash would close the store.
    drop(drive);
    for _ in 0..cuts {
        let cut = rng.below(len);
        let disk = templates.disk(script.mode).copy();
        disk.power_cut_at(cut);
        let (acked, drive, _) = script.play(&wrap(disk.clone()));
        after_loss(&script, acked, &disk, wrap, &mut rng, &mut outcome, &format!("at operation {cut}"));
        drop(drive);
    }
    if !outcome.failures.is_empty() {
        let first = outcome.failures.len().min(3);
        for failure in &mut outcome.failures[..first] {
            let _ =
                write!(failure, "\n  HOLDALL_SEED={seed}, {:?}, {} calls", script.mode, script.steps.len());
        }
    }
    PANICS.set(None);
    outcome
}

/// Looks at a disk that lost its power after `acked` calls, in every way that it may.
fn after_loss(
    script: &Script,
    acked: usize,
    disk: &SimVfs,
    wrap: &Wrap,
    rng: &mut Rng,
    outcome: &mut Outcome,
    place: &str,
) {
    let ops = disk.ops();
    for policy in Policy::ALL {
        let (found, killed) = (disk.crash(policy), rng.one_in(4).then(|| disk.copy()));
        outcome.states += 1;
        let what = catch_unwind(AssertUnwindSafe(|| look(script, acked, found, killed, wrap, rng)));
        let failure = match what {
            Ok(Ok(())) if PANICS.get() == Some(0) => continue,
            Ok(Ok(())) => "a panic was swallowed".to_owned(),
            Ok(Err(failure)) => failure,
            Err(_) => "a panic".to_owned(),
        };
        PANICS.set(Some(0));
        let last = ops.iter().rev().take(8).rev().cloned().collect::<Vec<_>>().join("\n    ");
        outcome.failures.push(format!(
            "{policy:?}, power cut {place}, in call {acked} {:?}: {failure}\n    {last}",
            script.steps.get(acked)
        ));
    }
}

/// Opens what a power loss left, perhaps after another one, and holds it to the model.
fn look(
    script: &Script,
    acked: usize,
    mut disk: SimVfs,
    killed: Option<SimVfs>,
    wrap: &Wrap,
    rng: &mut Rng,
) -> Result<(), String> {
    let open = |disk: &SimVfs, mode| {
        let store = Store::open_on(wrap(disk.clone()), options(mode))?;
        let drive = store.drive(DRIVE)?;
        Ok::<_, holdall::Error>(drive)
    };
    if rng.one_in(3) {
        disk.power_cut_at(rng.below(120));
        let opened = open(&disk, script.mode);
        let policy = Policy::ALL[rng.below(Policy::ALL.len() as u64) as usize];
        let after = disk.crash(policy);
        drop(opened);
        disk = after;
    }
    let failed = |doing: &str| {
        let doing = doing.to_owned();
        move |error: holdall::Error| format!("{doing}: {error}")
    };
    if let Some(killed) = killed {
        // The process died before the power did: the cache outlives it, and what is seen in it
        // must be on the disk by the time that it is relied on.
        let drive = open(&killed, script.mode).map_err(failed("opening after a kill"))?;
        let seen = View::of(&drive).map_err(failed("reading after a kill"))?;
        if let Some(why) = script.judge(&seen, acked) {
            return Err(format!("after a kill, {why}"));
        }
        let policy = Policy::ALL[rng.below(Policy::ALL.len() as u64) as usize];
        disk = killed.crash(policy);
        drop(drive);
    }
    let drive = open(&disk, script.mode).map_err(failed("opening"))?;
    let seen = View::of(&drive).map_err(failed("reading"))?;
    if let Some(why) = script.judge(&seen, acked) {
        return Err(why);
    }
    let collect = rng.one_in(3);
    script.inspect(&drive, &disk, acked, collect)?;
    if collect {
        let seen = View::of(&drive).map_err(failed("reading what was collected"))?;
        if let Some(why) = script.judge_collected(&seen, acked) {
            return Err(format!("after a collection, {why}"));
        }
    }
    if rng.one_in(3) {
        let mode = if rng.one_in(2) { Mode::Shared } else { Mode::Exclusive };
        let bytes = crate::content::bytes(4);
        if rng.one_in(2) {
            drive.put("again", &bytes[..], Put::new()).map_err(failed("putting again"))?;
            drive
                .put("again2", &crate::content::bytes(8)[..], Put::new())
                .map_err(failed("putting again"))?;
        }
        let expected = View::of(&drive).map_err(failed("reading what was put again"))?;
        drive.store().close().map_err(failed("closing"))?;
        drop(drive);
        let drive = open(&disk, mode).map_err(failed("reopening"))?;
        let seen = View::of(&drive).map_err(failed("reading after reopening"))?;
        if seen != expected {
            return Err(format!("after a reopening, {}", seen.differs(&expected)));
        }
    }
    Ok(())
}

/// Explores seeds from `first` on, on two threads, until there were enough states or one failed.
pub fn explore_many(first: u64, states: u64, templates: &Templates, wrap: &Wrap, cuts: u64) -> Outcome {
    let (next, done) = (AtomicU64::new(first), AtomicU64::new(0));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while done.load(Ordering::Relaxed) < states && failures.lock().unwrap().is_empty() {
                    let outcome = explore(next.fetch_add(1, Ordering::Relaxed), templates, wrap, cuts, false);
                    done.fetch_add(outcome.states, Ordering::Relaxed);
                    failures.lock().unwrap().extend(outcome.failures);
                }
            });
        }
    });
    Outcome { states: done.into_inner(), failures: failures.into_inner().unwrap() }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs `work` and fails for any panic in it, those that the store caught too.
pub fn counting_panics(work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    count_panics();
    let before = PANICS.replace(Some(0));
    let outcome = catch_unwind(AssertUnwindSafe(work));
    match (outcome, PANICS.replace(before)) {
        (Ok(Ok(())), Some(0)) => Ok(()),
        (Ok(Ok(())), _) => Err("a panic was swallowed".into()),
        (Ok(Err(why)), _) => Err(why),
        (Err(_), _) => Err("a panic".into()),
    }
}

/// Cuts the power while a store is made and a first file put, and looks whether there is a store
/// or can be one, with the file if that was acknowledged.
pub fn make_and_lose_power(mode: Mode, wrap: &Wrap) -> Outcome {
    let make = |disk: &SimVfs| {
        let drive = Store::open_on(wrap(disk.clone()), options(mode))?.drive(DRIVE)?;
        drive.put("first", &b"first"[..], Put::new())?;
        Ok::<_, holdall::Error>(drive)
    };
    let whole = SimVfs::new(1);
    drop(make(&whole).unwrap());
    let len = whole.op_count();
    let mut outcome = Outcome::default();
    // Most of them make directories.
    for cut in (0..=len).filter(|cut| *cut < 8 || *cut % 41 == 0 || *cut > 262) {
        let disk = SimVfs::new(cut);
        disk.power_cut_at(cut);
        let drive = make(&disk);
        let made = drive.is_ok();
        for policy in Policy::ALL {
            let found = disk.crash(policy);
            let outlived = counting_panics(|| {
                let opened = Store::open_on(wrap(found), options(mode)).and_then(|store| {
                    let drive = store.drive(DRIVE)?;
                    if made {
                        drive.stat("first")?;
                    }
                    drive.put("second", &b"second"[..], Put::new())
                });
                opened.map(drop).map_err(|error| error.to_string())
            });
            outcome.states += 1;
            if let Err(why) = outlived {
                let op = whole.ops().get(cut as usize).cloned().unwrap_or_default();
                outcome.failures.push(format!("{mode:?}, {policy:?}, cut at {cut} ({op}): {why}"));
            }
        }
    }
    outcome
}

#[test]
fn s1_power_loss_while_the_store_is_made_leaves_none_or_one_that_opens() {
    for mode in [Mode::Exclusive, Mode::Shared] {
        let outcome = make_and_lose_power(mode, &|disk| Arc::new(disk));
        let Outcome { states, failures } = outcome;
        crate::figure(&format!(
            "power loss while a store is made, {mode:?}: {states} states, {} bad",
            failures.len()
        ));
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}

#[test]
fn s1_s2_power_loss_at_any_operation_loses_nothing_acknowledged() {
    let wrap: &Wrap = &|disk| Arc::new(disk);
    let templates = Templates::new(wrap);
    if let Some(seed) = number("HOLDALL_SEED") {
        let outcome = explore(seed, &templates, wrap, 6, true);
        assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
        return;
    }
    let begun = Instant::now();
    let states = number("HOLDALL_STATES").unwrap_or(20_000);
    let outcome = explore_many(1, states, &templates, wrap, 6);
    crate::figure(&format!(
        "power loss: {} crash states in {:.1} s, {} bad",
        outcome.states,
        begun.elapsed().as_secs_f64(),
        outcome.failures.len()
    ));
    let counts = [&script::COLLECTED, &script::COMPACTED].map(|count| count.load(Ordering::Relaxed));
    crate::figure(&format!(
        "the scripts had {} blobs collected and {} segments compacted",
        counts[0], counts[1]
    ));
    let shown = outcome.failures.iter().take(3).cloned().collect::<Vec<_>>().join("\n");
    assert!(outcome.failures.is_empty(), "{} bad states:\n{shown}", outcome.failures.len());
}
