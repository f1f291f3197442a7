//! Pauses, in which the whole store is read and held to the model.

use std::time::Duration;

use holdall::Mode;

use crate::calls::{Came, Do, GRACE, SEGMENT};
use crate::content;
use crate::run::Run;
use crate::scheduler::Chances;
use crate::world::PROBE;

impl Run {
    /// Waits for everybody, and reads the whole store.
    pub fn rest(&mut self) {
        self.calm();
        #[cfg(feature = "remote")]
        self.settle_network();
        if self.goes_on() {
            self.at_peace(Run::look_around);
        }
    }

    pub fn look_around(&mut self) {
        let Some(task) = self.well() else { return };
        self.look_at_all(task);
        if self.goes_on() {
            self.serve_some(task);
        }
    }

    /// Reads everything, and holds it to the model.
    fn look_at_all(&mut self, task: usize) {
        match self.ask(task, Do::View) {
            Came::View(view) => {
                let noted = self.ledger.tree(&view.tree);
                self.hold(noted);
                if let Err(why) = self.history.settle(&view) {
                    self.fail(format!("the store is not as it may be: {why}"));
                }
                if self.goes_on() && !self.troubled {
                    let held = self.history.count(view.files, view.bytes);
                    self.hold(held);
                }
            }
            came => self.fail(format!("reading everything: {came:?}")),
        }
        if self.goes_on() {
            self.must_be_done(task, Do::Check);
        }
    }

    pub fn must_be_done(&mut self, task: usize, what: Do) {
        match self.ask(task, what.clone()) {
            Came::Done => {}
            came => self.fail(format!("{what:?}: {came:?}")),
        }
    }

    /// Uses URLs of what is there, and of what is not.
    fn serve_some(&mut self, task: usize) {
        for _ in 0..4 {
            let Some(url) = self.rng.pick(&self.ledger.urls).cloned() else { return };
            let must = self.history.surely_has(url.version.file().0, url.version.number());
            match self.ask(task, Do::Serve(url.text.clone())) {
                Came::Reply(status, hash) => {
                    let held = self.ledger.reply(&url.text, status, &hash, must);
                    self.hold(held);
                }
                came => self.fail(format!("serving a url of version {}: {came:?}", url.version)),
            }
        }
    }

    /// Holds the log to what lives, when all was collected that nothing refers to: two and a half times
    /// that, and a segment for each that may be writing and for what the store keeps for itself.
    pub fn log_is_bounded(&mut self, task: usize) {
        let live = self.history.guess().live();
        let bound = 5 * live / 2 + SEGMENT * self.slots.len() as u64;
        match self.ask(task, Do::Stats) {
            Came::Log(len) if len <= bound => {
                self.turns.note(|| format!("the log takes {len} bytes, of which {live} live"));
            }
            Came::Log(len) => {
                self.fail(format!("the log takes {len} bytes; {live} live, {bound} are the bound"))
            }
            came => self.fail(format!("asking how long the log is: {came:?}")),
        }
    }

    /// Closes the store in all processes.
    pub fn close_all(&mut self) {
        self.calm();
        for task in self.tasks() {
            if self.slots[task].open.is_some() && self.goes_on() {
                self.tell(task, Do::Close, None);
                self.calm();
            }
        }
    }

    /// Opens the copy, holds it to what was backed up, and may write to it.
    pub fn test_copy(&mut self, writes: bool) {
        self.calm();
        if !self.goes_on() || !self.copy.files().contains_key("STORE") {
            return;
        }
        let put = match writes {
            true => [PROBE.to_owned(), self.path(false)].map(|path| (path, self.some_content())).to_vec(),
            false => Vec::new(),
        };
        self.at_peace(|run| {
            if run.slots[1].open.is_some() {
                run.tell(1, Do::Close, None);
                run.calm();
            }
            if run.goes_on() && run.slots[1].open.is_none() {
                run.tell(1, Do::TestCopy(put), None);
                run.calm();
            }
        });
        if self.rng.one_in(4) {
            self.forget_copy();
        }
    }

    fn some_content(&mut self) -> u64 {
        content::draw(&mut self.rng)
    }

    /// Sets the store back to its copy, as one does who lost the disk.
    pub fn set_back(&mut self) {
        self.calm();
        if !self.goes_on() || !self.copy.files().contains_key("STORE") {
            return;
        }
        self.at_peace(|run| {
            run.close_all();
            // What the copy holds is looked at first, so that the model knows.
            if run.goes_on() {
                run.tell(1, Do::TestCopy(Vec::new()), None);
                run.calm();
            }
            if !run.goes_on() || !run.copy.files().contains_key("STORE") {
                return;
            }
            for task in run.tasks() {
                run.kill(task);
            }
            run.turns.note(|| "the store is set back to its copy".to_owned());
            run.disk.set_to(&run.copy);
            run.history.restore();
            run.troubled = true;
            (run.half_rebuilt, run.new_timeline) = (false, true);
            // Uses that were counted in the lost days are lost, and archives may be.
            run.ledger.urls.retain(|url| url.limit.is_none());
            run.ledger.archives.values_mut().for_each(|frozen| frozen.expires = i64::MIN);
            if run.copy_written {
                // From here on it is a store that was copied by hand, and goes on beside its twin.
                run.forget_copy();
            }
        });
        self.rest();
    }

    /// Ends the run: reads all, collects, reads all again in another mode, rebuilds, reads all.
    pub fn finish(&mut self) {
        self.rest();
        self.plan.chances = Chances { switch: self.plan.chances.switch, ..Chances::default() };
        self.turns.set_chances(self.plan.chances.clone());
        self.close_all();
        self.look_in(Mode::Exclusive);
        self.step_over(GRACE);
        if let Some(task) = self.well().filter(|_| self.goes_on()) {
            // What expires and what is cleared away in the first is due after the grace.
            self.must_be_done(task, Do::Gc);
            self.step_over(GRACE);
            self.must_be_done(task, Do::Gc);
            self.troubled = false;
            self.look_around();
            if self.goes_on() {
                self.log_is_bounded(task);
            }
        }
        if self.goes_on() && self.rng.one_in(2) {
            self.rebuild();
            self.look_in(Mode::Shared);
        }
        self.close_all();
    }

    /// Makes the rows anew from the log.
    pub fn rebuild(&mut self) {
        self.calm();
        if self.goes_on() {
            self.at_peace(|run| {
                run.close_all();
                run.tell(1, Do::Rebuild, None);
                run.calm();
            });
        }
    }

    pub fn look_in(&mut self, mode: Mode) {
        if self.goes_on() && self.open(1, mode).is_some() {
            self.look_around();
        }
    }

    /// Steps the clock past all that is due after so long, also where it was set back since.
    pub fn step_over(&mut self, duration: Duration) {
        #[cfg(feature = "remote")]
        if self.is_on_servers() {
            self.turns.pass_time(2 * duration);
        }
        let back = (self.ledger.latest - self.turns.clock()).max(0);
        self.turns.step_clock(back + 2 * duration.as_micros() as i64);
        self.ledger.latest = self.ledger.latest.max(self.turns.clock());
    }
}
