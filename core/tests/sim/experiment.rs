//! What is tried with the store, or with a twin of its disk, between other things.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdall::machine::run_on;
use holdall::vfs::{Fault, Open, Policy, SimVfs, Vfs};
use holdall::{Drive, ErrorKind, Mode, Result, Store};

use crate::calls::{Came, DRIVE, Do, GRACE, options};
use crate::content;
use crate::run::{Run, Slot};
use crate::scheduler::Chances;
use crate::world::Verb;

/// Contents that nearly fill a segment.
const BULK: u64 = 14;

/// The files that a process may have open at once.
pub const MAX_OPEN: u64 = 150;

impl Run {
    /// Puts many contents at once that have a file each, with few descriptors to be had.
    pub fn put_many_large(&mut self) {
        self.calm();
        if !self.goes_on() || self.history.guess().tree.len() > 40 {
            return;
        }
        self.at_peace(|run| {
            let Some(task) = run.well() else { return };
            let items: Vec<(String, u64)> = (0..MAX_OPEN + 20)
                .map(|number| (format!("d1/d1/f{number}"), content::COUNT + number))
                .collect();
            run.disk.set_max_open(Some(MAX_OPEN));
            run.tell(task, Do::Put(items.clone()), Some(Verb::Put(items)));
            run.calm();
            run.disk.set_max_open(None);
            if run.goes_on() {
                run.tell(task, Do::Delete("d1/d1".to_owned()), Some(Verb::Delete("d1/d1".to_owned())));
                run.calm();
            }
        });
    }

    /// Lets a process die while it commits, another go on at once, and the rows be made anew: what the
    /// first wrote and never published must not come back.
    pub fn die_and_rebuild(&mut self) {
        self.calm();
        let (first, other) = (1, self.slots.len() - 1);
        let mates = self.turns.mates(first).contains(&other) || first == other;
        if !self.goes_on() || mates || self.plan.mode == Some(Mode::Exclusive) {
            return;
        }
        self.at_peace(|run| {
            run.close_all();
            for task in [first, other] {
                if run.goes_on() && run.open(task, Mode::Shared).is_some() {
                    run.put_some(task);
                }
            }
            let kill = 10 + run.dice.below(60);
            run.turns.set_chances(Chances { kill, ..Chances::default() });
            for _ in 0..4 {
                if run.goes_on() && run.slots[first].open.is_some() {
                    run.put_some(first);
                }
            }
            run.turns.set_chances(Chances::default());
            if run.goes_on() && run.slots[other].open.is_some() {
                run.step_clock();
                run.put_some(other);
                run.look_around();
            }
            if run.goes_on() {
                run.close_all();
                run.rebuild();
                run.look_around();
            }
        });
    }

    fn put_some(&mut self, task: usize) {
        let items = vec![(self.path(false), content::throw(&mut self.dice))];
        self.tell(task, Do::Put(items.clone()), Some(Verb::Put(items)));
        self.calm();
    }

    /// Lets a process close the store while it sends an archive, and another compact what the archive's
    /// content lies in: the rest of it must come all the same.
    pub fn close_while_sending(&mut self) {
        self.calm();
        let (first, other) = (1, self.slots.len() - 1);
        let mates = self.turns.mates(first).contains(&other) || first == other;
        if !self.goes_on() || mates || self.plan.mode == Some(Mode::Exclusive) {
            return;
        }
        self.at_peace(|run| {
            run.close_all();
            if !run.goes_on() || run.open(other, Mode::Shared).is_none() {
                return;
            }
            // Of what lies in a segment, nearly all is to be dead once the archive is being sent.
            run.put_bulky(other, Some("f0"));
            run.delete(other, "d1/d1");
            run.step_over(GRACE);
            let known: Vec<_> = run.ledger.archives.keys().copied().collect();
            if run.goes_on() {
                run.tell(other, Do::Freeze("f0".to_owned()), Some(Verb::Freeze("f0".to_owned())));
                run.calm();
            }
            let made = run.ledger.archives.keys().find(|id| !known.contains(id)).copied();
            let Some(made) = made.filter(|_| run.goes_on()) else { return };
            // One that has read nothing of it has nothing of it open.
            if run.open(first, Mode::Shared).is_none() {
                return;
            }
            for (task, what) in [(first, Do::Begin(made)), (first, Do::Close), (other, Do::Gc)] {
                if run.goes_on() {
                    run.tell(task, what, None);
                    run.calm();
                }
            }
            while run.goes_on() && run.slots[first].sending.is_some() {
                run.tell(first, Do::GoOn, None);
                run.calm();
            }
        });
    }

    /// Lets a process be suspended for hours while it puts large contents, and another collect: what is
    /// not committed yet is no orphan, however old its file is by then.
    pub fn put_slowly(&mut self) {
        self.calm();
        let (first, other) = (1, self.slots.len() - 1);
        let mates = self.turns.mates(first).contains(&other) || first == other;
        if !self.goes_on() || mates || self.plan.mode == Some(Mode::Exclusive) {
            return;
        }
        self.at_peace(|run| {
            run.close_all();
            for task in [first, other] {
                if run.goes_on() && run.open(task, Mode::Shared).is_none() {
                    return;
                }
            }
            run.turns.set_chances(Chances { stall: 2, stall_at_blobs: true, ..Chances::default() });
            for _ in 0..6 {
                if run.goes_on() {
                    let items = vec![(run.path(false), content::throw_large(&mut run.dice))];
                    run.tell(first, Do::Put(items.clone()), Some(Verb::Put(items)));
                    run.tell(other, Do::Gc, None);
                    run.calm();
                }
            }
            run.turns.set_chances(Chances::default());
            if run.goes_on() {
                run.look_around();
            }
        });
    }

    /// Lets a process fork, in the midst of a call too: another, which does nothing, is its child.
    pub fn fork(&mut self) {
        let may_fork = |slot: &Slot| {
            let closes = slot.busy.as_ref().is_some_and(|busy| matches!(busy.what, Do::Close));
            slot.open.is_some() && !slot.inherited && !closes
        };
        let Some(parent) = self.tasks().find(|task| may_fork(&self.slots[*task])) else { return };
        let has_nothing = |task: &usize| {
            let Slot { open, busy, sending, .. } = &self.slots[*task];
            open.is_none() && busy.is_none() && sending.is_none()
        };
        let is_child = |task: &usize| {
            let mates = self.turns.mates(*task);
            !mates.contains(&parent) && has_nothing(task) && mates.iter().all(has_nothing)
        };
        let Some(child) = self.tasks().filter(|task| *task != parent).find(is_child) else { return };
        self.kill(child);
        if !self.goes_on() || !may_fork(&self.slots[parent]) {
            return;
        }
        let Slot { open, sending, .. } = self.slots[parent];
        match self.ask(child, Do::Fork(parent)) {
            Came::Done => {
                let (inherited, sends_inherited) = (true, true);
                self.slots[child] = Slot { open, sending, inherited, sends_inherited, ..Slot::default() };
            }
            came => self.fail(format!("forking: {came:?}")),
        }
    }

    /// Puts, deletes and collects the same again and again, and looks what that leaves of the log.
    pub fn churn(&mut self) {
        self.calm();
        if !self.goes_on() {
            return;
        }
        self.at_peace(|run| {
            let Some(task) = run.well() else { return };
            for _ in 0..6 {
                if run.goes_on() {
                    run.put_bulky(task, None);
                    run.delete(task, "d1/d1");
                    run.step_over(GRACE);
                    run.must_be_done(task, Do::Gc);
                }
            }
            if run.goes_on() {
                run.log_is_bounded(task);
            }
        });
    }

    /// Puts contents at once that fill about a segment, below one folder, and another at a path.
    fn put_bulky(&mut self, task: usize, beside: Option<&str>) {
        let paths = (0..BULK).map(|number| format!("d1/d1/f{number}")).chain(beside.map(str::to_owned));
        let items: Vec<(String, u64)> =
            paths.map(|path| (path, content::throw_bulky(&mut self.dice))).collect();
        if self.goes_on() && self.slots[task].open.is_some() {
            self.tell(task, Do::Put(items.clone()), Some(Verb::Put(items)));
            self.calm();
        }
    }

    fn delete(&mut self, task: usize, path: &str) {
        if self.goes_on() && self.slots[task].open.is_some() {
            self.tell(task, Do::Delete(path.to_owned()), Some(Verb::Delete(path.to_owned())));
            self.calm();
        }
    }

    /// Leaves little room on the disk, until everybody rests.
    pub fn fill_up(&mut self) {
        let used: u64 = self.disk.files().values().map(|content| content.len() as u64).sum();
        let room = self.dice.below(300 << 10);
        self.turns.note(|| format!("{room} bytes of room are left on the disk"));
        self.disk.set_capacity(Some(used + room));
        self.full = true;
    }

    /// Repairs a sound store while descriptors run out.
    pub fn repair_short_of_descriptors(&mut self) {
        self.calm();
        if !self.goes_on() {
            return;
        }
        self.at_peace(|run| {
            let Some(task) = run.well() else { return };
            let fault = 2 + run.dice.below(30);
            run.turns.set_chances(Chances { fault, faults: vec![Fault::Emfile], ..Chances::default() });
            run.tell(task, Do::Repair, None);
            run.calm();
            run.turns.set_chances(Chances::default());
            run.slots[task].tired = true;
            if run.goes_on() {
                run.look_around();
            }
        });
    }

    /// Flips a bit in what an exclusive session that died has left in the log alone, but not in
    /// its last group.
    pub fn decay(&mut self) {
        self.calm();
        if !self.goes_on() {
            return;
        }
        self.at_peace(|run| {
            run.close_all();
            if !run.goes_on() || run.open(1, Mode::Exclusive).is_none() {
                return;
            }
            let before = run.disk.files();
            for number in 0..4 {
                let items = vec![(format!("f{number}"), content::throw(&mut run.dice))];
                run.tell(1, Do::Put(items.clone()), Some(Verb::Put(items)));
                run.calm();
            }
            if !run.goes_on() {
                return;
            }
            let twin = SimVfs::new(run.dice.throw());
            twin.set_to(&run.disk);
            let place = grown(&before, &twin.files());
            let wanted = run.history.guess().tree.clone();
            if let Some((path, from, to)) = place {
                let at = from + run.dice.below((to - from) * 3 / 5);
                run.turns.note(|| format!("a bit flips at {at} of {path}, which grew from {from} to {to}"));
                twin.bit_flip(&path, at).expect("a byte to flip");
                let held = run.on_twin(|| look_at_decayed(&twin, &wanted));
                run.hold(held);
            }
        });
    }

    /// Cuts a rebuild of a twin off, and looks whether what it was to set aside is there.
    pub fn cut_rebuild(&mut self) {
        self.calm();
        if !self.goes_on() {
            return;
        }
        self.at_peace(|run| {
            run.close_all();
            if !run.goes_on() || run.half_rebuilt {
                return;
            }
            let twin = SimVfs::new(run.dice.throw());
            twin.set_to(&run.disk);
            let lost = vec![7_u8; 5000];
            run.on_twin(|| orphan(&twin, &lost)).expect("an orphan");
            let whole = twin.copy();
            let (cuts, policy) = (3, Policy::ALL[run.dice.below(Policy::ALL.len() as u64) as usize]);
            let count = run.on_twin(|| {
                let _ = rebuild(&whole);
                whole.op_count()
            });
            for cut in 0..cuts {
                let disk = twin.copy();
                // Most of it is reading; what matters comes at the end.
                let at = count - 1 - run.dice.below(if cut == 0 { count } else { 24 });
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
