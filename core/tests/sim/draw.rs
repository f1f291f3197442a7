//! What happens next, as the rng say.

use holdall::{FileId, Mode, VersionId};

use crate::calls::Do;
use crate::content;
use crate::plan::Kind;
use crate::rng::Rng;
use crate::run::Run;
use crate::world::{File, Node, PROBE, Tree, Verb};

/// What a clock may be set back by without an archive losing what was deleted since, in microseconds.
const MARGIN: i64 = 5 * 60 * 1_000_000;

impl Run {
    /// Does the next thing: gives idle processes something to do, or lets something happen.
    pub fn next(&mut self) {
        // More than two that nobody knows of make too many ways.
        if self.new_timeline || self.is_on_servers() && self.undecided() > 1 {
            return self.rest();
        }
        let kind = self.plan.kind(&mut self.rng);
        match kind {
            Kind::StepClock => self.step_clock(),
            Kind::Rest => self.rest(),
            Kind::Kill => {
                let task = self.some_task();
                self.kill(task);
            }
            Kind::Power => self.lose_power(),
            Kind::TestCopy => self.test_copy(false),
            Kind::WriteCopy => self.test_copy(true),
            Kind::SetBack => self.set_back(),
            Kind::Rebuild if self.rng.one_in(2) => {
                self.rebuild();
                self.rest();
            }
            Kind::Full => self.fill_up(),
            Kind::Successor => self.die_and_rebuild(),
            Kind::Parting => self.close_while_sending(),
            Kind::Churn => self.churn(),
            #[cfg(feature = "remote")]
            Kind::SlowPut if self.is_on_servers() => self.put_slowly_elsewhere(),
            #[cfg(feature = "remote")]
            Kind::Restart => self.turns.restart(),
            Kind::SlowPut => self.put_slowly(),
            Kind::Fork => self.fork(),
            Kind::Large => self.put_many_large(),
            Kind::Short => self.repair_short_of_descriptors(),
            Kind::Decay => self.decay(),
            Kind::CutRebuild => self.cut_rebuild(),
            Kind::CutBackup => self.cut_backup(),
            _ => {
                let mut idle: Vec<usize> =
                    self.tasks().filter(|task| self.slots[*task].busy.is_none()).collect();
                if self.is_on_servers() {
                    let first = self.rng.below(idle.len() as u64) as usize;
                    idle.rotate_left(first);
                }
                for (number, task) in idle.into_iter().enumerate() {
                    // Where rows may be old, nobody is told anything beside another.
                    let apart =
                        self.plan.cluster.as_ref().is_some_and(|cluster| !cluster.staleness.is_zero());
                    if number > 0 && (apart || self.rng.one_in(4)) {
                        continue;
                    }
                    let kind = if number == 0 { kind } else { self.plan.kind(&mut self.rng) };
                    self.order(task, kind);
                }
                if self.slots.iter().any(|slot| slot.busy.is_some()) {
                    self.go_on();
                }
            }
        }
    }

    pub fn some_task(&mut self) -> usize {
        1 + self.rng.below(self.slots.len() as u64 - 1) as usize
    }

    pub fn step_clock(&mut self) {
        const STEPS: [i64; 8] = [1, 60, 1800, 4000, 7500, -60, -4000, -7500];
        let seconds = *self.rng.pick(&STEPS).unwrap_or(&1);
        self.turns.note(|| format!("the clock steps by {seconds} s"));
        self.ledger.latest = self.ledger.latest.max(self.turns.clock());
        self.turns.step_clock(seconds * 1_000_000);
        // What is deleted now looks older than an archive that was made before, by more than is allowed for.
        if self.ledger.latest - self.turns.clock() > MARGIN {
            self.ledger.archives.values_mut().for_each(|frozen| frozen.expires = i64::MIN);
        }
    }

    /// Tells an idle process to do something of a kind.
    fn order(&mut self, task: usize, kind: Kind) {
        if self.slots[task].open.is_none() {
            if self.slots[task].sending.is_some() && kind == Kind::Send {
                return self.tell(task, Do::GoOn, None);
            }
            let alone = self.tasks().all(|other| self.slots[other].open.is_none());
            if self.half_rebuilt || (alone && kind == Kind::Rebuild) {
                return self.tell(task, Do::Rebuild, None);
            }
            let mode = self.plan.mode(&mut self.rng);
            // In another mode than the others it is refused; once in a while that is tried.
            let other = self.slots.iter().find_map(|slot| slot.open).filter(|_| !self.rng.clone().one_in(8));
            return self.tell(task, Do::Open(other.unwrap_or(mode)), None);
        }
        if self.slots[task].tired && self.rng.one_in(2) {
            return self.tell(task, Do::Close, None);
        }
        if let Some(what) = self.unseen(task, kind) {
            return self.tell(task, what, None);
        }
        if let Some((what, verb)) = self.seen(kind) {
            let alone = matches!(what, Do::Freeze(_)) || copies_folder(&what);
            let others = self.slots.iter().any(|slot| {
                slot.busy.as_ref().is_some_and(|busy| busy.call.is_some() || needs_peace(&busy.what))
            });
            let peace =
                self.slots.iter().any(|slot| slot.busy.as_ref().is_some_and(|busy| needs_peace(&busy.what)));
            if !(peace || alone && others) {
                self.tell(task, what, Some(verb));
            }
        }
    }

    /// Something that the model has no say in.
    fn unseen(&mut self, task: usize, kind: Kind) -> Option<Do> {
        let busy = self.slots.iter().any(|slot| slot.busy.as_ref().is_some_and(|busy| busy.call.is_some()));
        Some(match kind {
            Kind::OpenFile if !busy => {
                let path = self.path(false);
                let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
                let slash = |path: &str| format!("{path}/");
                let inner = format!("d{}/{name}", self.rng.below(2));
                Do::OpenFiles(match self.rng.below(3) {
                    0 => vec![name, slash(&path)],
                    1 => vec![slash(&path), name, path],
                    _ => vec![name, slash(&inner), inner],
                })
            }
            Kind::Sign => {
                let version = self.some_version()?;
                Do::Sign(version)
            }
            Kind::SignLimited => {
                let version = self.some_version()?;
                Do::SignLimited(version, 1 + self.rng.below(3) as u32)
            }
            Kind::Serve => Do::Serve(self.rng.pick(&self.ledger.urls)?.text.clone()),
            Kind::Share => {
                let path = self.there()?;
                if self.rng.one_in(2) { Do::Share(path) } else { Do::Link(path) }
            }
            Kind::ReadArchive => {
                let ids: Vec<_> = self.ledger.archives.keys().copied().collect();
                Do::ReadArchive(*self.rng.pick(&ids)?)
            }
            Kind::Send if self.slots[task].sending.is_some() => Do::GoOn,
            Kind::Send => {
                let ids: Vec<_> = self.ledger.archives.keys().copied().collect();
                Do::Begin(*self.rng.pick(&ids)?)
            }
            Kind::Gc => Do::Gc,
            Kind::Compact => Do::Compact,
            Kind::Repair => Do::Repair,
            Kind::Close => Do::Close,
            _ => return None,
        })
    }

    /// A call that the model has a say in.
    fn seen(&mut self, kind: Kind) -> Option<(Do, Verb)> {
        Some(match kind {
            Kind::Put => {
                let items = vec![(self.path(false), self.content())];
                (Do::Put(items.clone()), Verb::Put(items))
            }
            // Each once: equal ones are compared by threads of their own.
            #[cfg(feature = "remote")]
            Kind::Huge if self.huge < content::HUGE => {
                self.huge += 1;
                let items = vec![(self.path(false), content::huge(self.huge - 1))];
                (Do::Put(items.clone()), Verb::Put(items))
            }
            Kind::Again => {
                let items = vec![(self.file()?, self.content())];
                (Do::Put(items.clone()), Verb::Put(items))
            }
            Kind::Batch if self.plan.bulky => {
                let count = 8 + self.rng.below(9);
                let folder = self.rng.below(2);
                let item = |number| (format!("d{folder}/f{number}"), content::draw_bulky(&mut self.rng));
                let items: Vec<_> = (0..count).map(item).collect();
                (Do::Put(items.clone()), Verb::Put(items))
            }
            Kind::Batch => {
                let count = 2 + self.rng.below(4);
                let items: Vec<_> = (0..count).map(|_| (self.path(false), self.content())).collect();
                (Do::Put(items.clone()), Verb::Put(items))
            }
            Kind::Rename => {
                let from = self.there()?;
                let to = self.path(is_folder(&from));
                (Do::Rename(from.clone(), to.clone()), Verb::Rename(from, to))
            }
            Kind::Copy | Kind::CopyAll => {
                let from = if self.rng.one_in(4) { self.there()? } else { self.file()? };
                let (to, all) = (self.path(is_folder(&from)), kind == Kind::CopyAll);
                (Do::Copy(from.clone(), to.clone(), all), Verb::Copy { from, to, all })
            }
            Kind::Trash => {
                let path = self.there()?;
                (Do::Trash(path.clone()), Verb::Trash(path))
            }
            Kind::Restore => {
                let trashed: Vec<_> = self.history.guess().trash.clone();
                let picked = self.rng.pick(&trashed)?;
                let file = *self.trashed.get(&picked.call)?;
                let to = self.path(is_folder(&picked.path));
                (Do::Restore(file, to.clone()), Verb::Restore { call: picked.call, to })
            }
            Kind::Delete => {
                let path = self.there()?;
                (Do::Delete(path.clone()), Verb::Delete(path))
            }
            Kind::SetCurrent => {
                let version = self.some_version()?;
                let verb = Verb::SetCurrent(version.file().0, version.number());
                (Do::SetCurrent(version), verb)
            }
            Kind::RemoveVersion => {
                let version = self.some_version()?;
                let verb = Verb::RemoveVersion(version.file().0, version.number());
                (Do::RemoveVersion(version), verb)
            }
            Kind::Look => {
                let path = self.path(false);
                (Do::Look(path.clone()), Verb::Look(path))
            }
            Kind::Freeze => {
                let path = self.there()?;
                (Do::Freeze(path.clone()), Verb::Freeze(path))
            }
            Kind::Backup => (Do::Backup, Verb::Backup),
            _ => return None,
        })
    }

    fn content(&mut self) -> u64 {
        match self.plan.large {
            true => content::draw_large(&mut self.rng),
            false => content::draw(&mut self.rng),
        }
    }

    /// Draws a path, of something that is there or not.
    pub fn path(&mut self, folder: bool) -> String {
        let name = match folder {
            true => format!("d{}", self.rng.below(2)),
            false => format!("f{}", self.rng.below(self.plan.names)),
        };
        match self.rng.below(5) {
            0 => format!("d{}/{name}", self.rng.below(2)),
            1 if self.rng.one_in(3) => {
                format!("d{}/d{}/{name}", self.rng.below(2), self.rng.below(2))
            }
            _ => name,
        }
    }

    fn file(&mut self) -> Option<String> {
        let tree = &self.history.guess().tree;
        let files: Vec<&String> =
            tree.iter().filter(|(_, node)| is_file(node)).map(|(path, _)| path).collect();
        pick(&mut self.rng, &files)
    }

    /// Something that is there.
    fn there(&mut self) -> Option<String> {
        let paths: Vec<&String> = self.history.guess().tree.keys().collect();
        pick(&mut self.rng, &paths)
    }

    fn some_version(&mut self) -> Option<VersionId> {
        let tree: &Tree = &self.history.guess().tree;
        let files = tree.iter().filter_map(|(path, node)| match node {
            Node::File(File { id: Some(id), versions, .. }) if path != PROBE => Some((*id, versions)),
            _ => None,
        });
        let versions: Vec<(u64, u32)> =
            files.flat_map(|(id, versions)| versions.keys().map(move |number| (id, *number))).collect();
        self.rng.pick(&versions).map(|(id, number)| VersionId::new(FileId(*id), *number))
    }

    /// Returns a process that has the store open and is well; opens it where there is none.
    pub fn well(&mut self) -> Option<usize> {
        for task in self.tasks() {
            if self.slots[task].open.is_some()
                && (self.turns.is_hurt(task) || self.slots[task].tired || self.slots[task].inherited)
            {
                self.tell(task, Do::Close, None);
                self.calm();
            }
        }
        if let Some(task) = self.tasks().find(|task| self.slots[*task].open.is_some()) {
            if self.new_timeline && self.goes_on() {
                self.probe(task);
            }
            return Some(task);
        }
        if self.half_rebuilt {
            self.tell(1, Do::Rebuild, None);
            self.calm();
        }
        let mode = self.plan.mode(&mut self.rng);
        let opened = self.open(1, mode);
        if let Some(task) = opened.filter(|_| self.new_timeline && self.goes_on()) {
            self.probe(task);
        }
        opened
    }

    pub fn open(&mut self, task: usize, mode: Mode) -> Option<usize> {
        self.tell(task, Do::Open(mode), None);
        self.calm();
        self.slots[task].open.is_some().then_some(task)
    }
}

/// Picks a path, but for that of the probe.
fn pick(rng: &mut Rng, paths: &[&String]) -> Option<String> {
    let paths: Vec<&&String> = paths.iter().filter(|path| path.as_str() != PROBE).collect();
    rng.pick(&paths).map(|path| (**path).clone())
}

fn is_file(node: &Node) -> bool {
    matches!(node, Node::File(_))
}

/// Whether nothing that is seen may change while it goes on.
fn needs_peace(what: &Do) -> bool {
    matches!(what, Do::Freeze(_) | Do::OpenFiles(_)) || copies_folder(what)
}

fn copies_folder(what: &Do) -> bool {
    matches!(what, Do::Copy(from, _, _) if is_folder(from))
}

fn is_folder(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with('d'))
}
