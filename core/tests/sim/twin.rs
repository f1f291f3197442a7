//! What is tried with a twin of the store's disk, because it destroys something.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdall::machine::run_on;
use holdall::vfs::{Open, Policy, SimVfs, Vfs};
use holdall::{CheckOptions, Drive, ErrorKind, Mode, Put, Result, Store};

use crate::calls::{DRIVE, Do, GRACE, options};
use crate::content;
use crate::run::Run;
use crate::world::Verb;

impl Run {
    /// Flips a bit in what an exclusive session that died has left in the log alone, but not in
    /// its last group.
    pub fn decay(&mut self) {
        self.undisturbed(|run| {
            run.close_all();
            if !run.goes_on() || run.open(1, Mode::Exclusive).is_none() {
                return;
            }
            let before = run.disk.files();
            for number in 0..4 {
                let items = vec![(format!("f{number}"), content::draw(&mut run.rng))];
                run.tell(1, Do::Put(items.clone()), Some(Verb::Put(items)));
                run.calm();
            }
            if !run.goes_on() {
                return;
            }
            let twin = SimVfs::new(run.rng.draw());
            twin.set_to(&run.disk);
            let place = grown(&before, &twin.files());
            let wanted = run.history.guess().tree.clone();
            if let Some((path, from, to)) = place {
                let at = from + run.rng.below((to - from) * 3 / 5);
                run.turns.note(|| format!("a bit flips at {at} of {path}, which grew from {from} to {to}"));
                twin.bit_flip(&path, at).expect("a byte to flip");
                let held = run.on_twin(|| look_at_decayed(&twin, &wanted));
                run.hold(held);
            }
        });
    }

    /// Cuts a rebuild of a twin off, and looks whether what it was to set aside is there.
    pub fn cut_rebuild(&mut self) {
        self.undisturbed(|run| {
            run.close_all();
            if !run.goes_on() || run.half_rebuilt {
                return;
            }
            let twin = SimVfs::new(run.rng.draw());
            twin.set_to(&run.disk);
            let lost = vec![7_u8; 5000];
            run.on_twin(|| orphan(&twin, &lost)).expect("an orphan");
            let whole = twin.copy();
            let (cuts, policy) = (3, Policy::ALL[run.rng.below(Policy::ALL.len() as u64) as usize]);
            let count = run.on_twin(|| {
                let _ = rebuild(&whole);
                whole.op_count()
            });
            for cut in 0..cuts {
                let disk = twin.copy();
                // Most of it is reading; what matters comes at the end.
                let at = count - 1 - run.rng.below(if cut == 0 { count } else { 24 });
                disk.power_cut_at(at);
                let _ = run.on_twin(|| rebuild(&disk));
                let found = disk.crash(policy);
                run.turns.note(|| format!("a rebuild is cut off at {at} of {count}, {policy:?}"));
                // Both names of a rename may be there, so the rows themselves tell.
                let now = found.files();
                let old = now.get("meta.redb.bad");
                let swapped = old.is_some() && now.get("meta.redb") != old;
                run.step_over(GRACE);
                let opened = run.on_twin(|| open_and_collect(&found));
                let kept = found.files().values().any(|content| *content == lost);
                match opened {
                    Err(error) => {
                        run.fail(format!("after a rebuild that was cut off at {at} of {count}: {error}"))
                    }
                    Ok(()) if swapped && !kept => {
                        run.fail(format!(
                            "a rebuild cut off at {at} of {count} lost what it was to set aside"
                        ));
                    }
                    Ok(()) => {}
                }
                if !run.goes_on() {
                    return;
                }
            }
        });
    }

    /// Cuts a backup into a twin of the copy off, and looks whether the twin can be worked in.
    pub fn cut_backup(&mut self) {
        self.undisturbed(|run| {
            run.close_all();
            // What a first backup that was killed has not synced is no copy.
            let is_copy =
                !run.copy_written && run.copy.copy().crash(Policy::LoseAll).files().contains_key("STORE");
            if !run.goes_on() || run.half_rebuilt || !is_copy {
                return;
            }
            let (store, copy) = (SimVfs::new(run.rng.draw()), SimVfs::new(run.rng.draw()));
            store.set_to(&run.disk);
            copy.set_to(&run.copy);
            if run.rng.one_in(4) {
                let held = run.on_twin(|| must_not_be_replaced(&store.copy(), &copy.copy()));
                run.hold(held);
            }
            match run.rng.below(3) {
                0 => {}
                1 => {
                    let read = run.on_twin(|| open(&copy, Mode::Exclusive)?.store().close());
                    run.hold(read.map_err(|error| format!("reading a copy: {error}")));
                }
                // As that, by a process that dies: the mark of its session stays.
                _ => {
                    let read =
                        run.on_twin(|| open(&copy, Mode::Exclusive).map(|_| copy.crash(Policy::KeepAll)));
                    match read {
                        Ok(died) => copy.set_to(&died),
                        Err(error) => run.fail(format!("reading a copy: {error}")),
                    }
                }
            }
            let whole = copy.copy();
            let begun = whole.op_count();
            // It is refused where the store was set back since.
            if !run.goes_on() || run.on_twin(|| back_up(&store.copy(), &whole)).is_err() {
                return;
            }
            let count = whole.op_count() - begun;
            for cut in 0..3 {
                let (disk, policy) =
                    (copy.copy(), Policy::ALL[run.rng.below(Policy::ALL.len() as u64) as usize]);
                // Most of it is looking; what matters comes at the end.
                let at = count - 1 - run.rng.below(if cut == 0 { count } else { count.min(300) });
                disk.power_cut_at(disk.op_count() + at);
                let _ = run.on_twin(|| back_up(&store.copy(), &disk));
                let found = disk.crash(policy);
                run.turns.note(|| format!("a backup is cut off at {at} of {count}, {policy:?}"));
                let worked = run.on_twin(|| work_in(&found));
                run.hold(
                    worked
                        .map_err(|why| format!("in a copy after a backup cut off at {at} of {count}: {why}")),
                );
                if !run.goes_on() {
                    return;
                }
            }
        });
    }

    /// Runs something on this thread, on the simulated clock.
    fn on_twin<T>(&self, work: impl FnOnce() -> T) -> T {
        let _running = run_on(self.turns.clone());
        work()
    }
}

/// Returns where a segment grew, zeros at its end left out.
fn grown(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
) -> Option<(String, u64, u64)> {
    let mut segments = after.iter().filter(|(path, _)| path.starts_with("seg/"));
    segments.find_map(|(path, bytes)| {
        let old = before.get(path).map(Vec::as_slice).unwrap_or_default();
        let at = |number: usize| (old.get(number).copied().unwrap_or(0), bytes[number]);
        let differs = |number: &usize| at(*number).0 != at(*number).1;
        let (from, to) = ((0..bytes.len()).find(differs)?, (0..bytes.len()).rev().find(differs)?);
        // A segment that was made meanwhile has a header first.
        let from = if old.is_empty() { 64 } else { from };
        (to > from + 100).then(|| (path.clone(), from as u64, to as u64))
    })
}

fn open(disk: &SimVfs, mode: Mode) -> Result<Drive> {
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    Store::open_on(vfs, options(mode))?.drive(DRIVE)
}

fn rebuild(disk: &SimVfs) -> Result<()> {
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    Store::rebuild_on(&vfs, &options(Mode::Exclusive)).map(drop)
}

fn back_up(store: &SimVfs, copy: &SimVfs) -> Result<()> {
    let vfs: Arc<dyn Vfs> = Arc::new(copy.clone());
    open(store, Mode::Exclusive)?.store().backup_on(&vfs, &mut |_| Ok(())).map(drop)
}

/// Writes to a copy, dies, and looks whether a backup lets it be.
fn must_not_be_replaced(store: &SimVfs, copy: &SimVfs) -> Result<(), String> {
    let says = |error: holdall::Error| format!("writing to a copy: {error}");
    let drive = open(copy, Mode::Exclusive).map_err(says)?;
    drive.put("own", &b"own"[..], Put::new()).map_err(says)?;
    let died = copy.crash(Policy::LoseAll);
    match back_up(store, &died) {
        Ok(()) => Err("a backup went over a copy that a process wrote to before it died".to_owned()),
        Err(_) => open(&died, Mode::Exclusive).and_then(|drive| drive.stat("own")).map(drop).map_err(says),
    }
}

/// Works in a store, dies, and looks whether all of it is there and sound.
fn work_in(disk: &SimVfs) -> Result<(), String> {
    let says = |error: holdall::Error| error.to_string();
    let sound = |drive: &Drive| {
        let found = drive.store().check(CheckOptions::new().content(true)).map_err(says)?.problems;
        found.first().map_or(Ok(()), |problem| Err(problem.to_string()))
    };
    let put =
        |drive: &Drive, path: &str| drive.put(path, path.as_bytes(), Put::new()).map(drop).map_err(says);
    let drive = open(disk, Mode::Exclusive).map_err(says)?;
    sound(&drive)?;
    put(&drive, "own")?;
    drive.store().close().map_err(says)?;
    let drive = open(disk, Mode::Exclusive).map_err(says)?;
    put(&drive, "own, at last")?;
    let found = disk.crash(Policy::KeepAll);
    let drive = open(&found, Mode::Exclusive).map_err(says)?;
    for path in ["own", "own, at last"] {
        drive.stat(path).map_err(says)?;
    }
    sound(&drive)
}

/// Opens a store one of whose groups is damaged, by a rebuild if it says so: of what was put, all but
/// what that group said is there.
fn look_at_decayed(disk: &SimVfs, wanted: &crate::world::Tree) -> Result<(), String> {
    let says = |error: holdall::Error| format!("after decay: {error}");
    let drive = match open(disk, Mode::Exclusive) {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            rebuild(disk).map_err(says)?;
            open(disk, Mode::Exclusive).map_err(says)?
        }
        opened => opened.map_err(says)?,
    };
    let missing = |drive: &Drive| {
        let is_there = |path: &String| match wanted.get(path) {
            Some(crate::world::Node::File(file)) => drive
                .versions(path, None, 1)
                .is_ok_and(|found| found.iter().any(|info| info.id.number() >= file.next - 1)),
            _ => true,
        };
        (0..4).map(|number| format!("f{number}")).filter(|path| !is_there(path)).count()
    };
    let first = missing(&drive);
    if first > 1 {
        return Err(format!("one bit flipped, and {first} of four puts are silently gone"));
    }
    Ok(())
}

/// Leaves a large file that no row speaks of.
fn orphan(disk: &SimVfs, content: &[u8]) -> std::io::Result<()> {
    let file = disk.open("blob/fa/0000000000fffffa", Open::Create)?;
    file.write_at(0, &[content])?;
    file.sync_data()?;
    disk.sync_dir("blob/fa")?;
    // What an earlier rebuild left would be taken for this one's.
    let _ = disk.remove("meta.redb.bad");
    disk.sync_dir("")
}

fn open_and_collect(disk: &SimVfs) -> Result<()> {
    let drive = match open(disk, Mode::Exclusive) {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            rebuild(disk)?;
            open(disk, Mode::Exclusive)?
        }
        opened => opened?,
    };
    drive.store().gc()?;
    drive.store().close()
}
