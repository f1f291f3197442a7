//! What is tried with the store between other things.

use holdall::Mode;
use holdall::vfs::Fault;

use crate::calls::{Came, Do, GRACE};
use crate::content;
use crate::run::{Run, Slot};
use crate::scheduler::Chances;
use crate::world::Verb;

/// Contents that nearly fill a segment.
const BULK: u64 = 14;

/// The files that a process may have open at once.
pub const MAX_OPEN: u64 = 150;

impl Run {
    /// Lets something happen while no fault is planted and nobody does anything else.
    pub fn undisturbed(&mut self, work: impl FnOnce(&mut Run)) {
        self.calm();
        if self.goes_on() {
            self.at_peace(work);
        }
    }

    /// The same with two processes that share nothing but the store, which nobody has open at first.
    fn with_two_processes(&mut self, work: impl FnOnce(&mut Run, usize, usize)) {
        let (first, other) = (1, self.slots.len() - 1);
        let mates = self.turns.mates(first).contains(&other) || first == other;
        if mates || self.plan.mode == Some(Mode::Exclusive) {
            return self.calm();
        }
        self.undisturbed(|run| {
            run.close_all();
            work(run, first, other);
        });
    }

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
        self.with_two_processes(|run, first, other| {
            for task in [first, other] {
                if run.goes_on() && run.open(task, Mode::Shared).is_some() {
                    run.put_some(task);
                }
            }
            let kill = 10 + run.rng.below(60);
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
        let items = vec![(self.path(false), content::draw(&mut self.rng))];
        self.tell(task, Do::Put(items.clone()), Some(Verb::Put(items)));
        self.calm();
    }

    /// Lets a process close the store while it sends an archive, and another compact what the archive's
    /// content lies in: the rest of it must come all the same.
    pub fn close_while_sending(&mut self) {
        self.with_two_processes(|run, first, other| {
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
        self.with_two_processes(|run, first, other| {
            for task in [first, other] {
                if run.goes_on() && run.open(task, Mode::Shared).is_none() {
                    return;
                }
            }
            run.turns.set_chances(Chances { stall: 2, stall_at_blobs: true, ..Chances::default() });
            for _ in 0..6 {
                if run.goes_on() {
                    let items = vec![(run.path(false), content::draw_large(&mut run.rng))];
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
        self.undisturbed(|run| {
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
            paths.map(|path| (path, content::draw_bulky(&mut self.rng))).collect();
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
        let room = self.rng.below(300 << 10);
        self.turns.note(|| format!("{room} bytes of room are left on the disk"));
        self.disk.set_capacity(Some(used + room));
        self.full = true;
    }

    /// Repairs a sound store while descriptors run out.
    pub fn repair_short_of_descriptors(&mut self) {
        self.undisturbed(|run| {
            let Some(task) = run.well() else { return };
            let fault = 2 + run.rng.below(30);
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
}
