//! What came of a call, held to the model.

use holdall::ErrorKind;

use crate::calls::{Came, Do};
use crate::content;
use crate::ledger::{Frozen, Url};
use crate::run::{Busy, Run, Slot, short};
use crate::world::{Call, File, Node, Said, World};

/// What an error says of a change that others were first with.
const OVERTAKEN: &str = "other processes changed what this change goes by";

/// What an error says of a change that may hold all the same.
const IN_DOUBT: &str = "whether the change holds";

impl Run {
    /// Takes in what came of what a process was told to do.
    pub fn came(&mut self, task: usize, busy: Busy, came: Came) {
        self.troubled |= self.turns.is_hurt(task) || self.full;
        // A child has opened the store anew when it is told what only the rows know.
        let looked = match &came {
            Came::Error(kind, _) => matches!(kind, ErrorKind::Exists | ErrorKind::NotFound | ErrorKind::Gone),
            _ => true,
        };
        if looked && !matches!(busy.what, Do::GoOn) {
            self.slots[task].inherited = false;
        }
        match (&came, busy.call) {
            (Came::Error(kind, why), Some(call)) => self.refused(task, &busy, call, *kind, why),
            (Came::Error(kind, why), None) => self.failed(task, &busy, *kind, why),
            (Came::Wrong(why), _)
                if (self.turns.is_hurt(task) || self.full)
                    && !why.contains("panic")
                    && !why.contains("taken for damaged") => {}
            // Of what it collects, others were first, for as long as it tries.
            (Came::Wrong(why), _) if self.is_on_servers() && why.contains(OVERTAKEN) => {}
            (Came::Wrong(why), _) => self.fail(format!("{busy}: {why}")),
            (_, Some(call)) => self.said(task, &busy, call, &came),
            (_, None) => self.done(task, &busy, &came),
        }
    }

    /// A call that the model has a say in failed.
    fn refused(&mut self, task: usize, busy: &Busy, call: Call, kind: ErrorKind, why: &str) {
        let refusal = |said: &Said| *said == Said::Refused;
        match kind {
            // It was there, and was deleted before it was whole.
            ErrorKind::Gone
                if matches!(busy.what, Do::Copy(..)) && why.contains("before it was complete") =>
            {
                if !self.history.end(call, |_| true, |_| ()) {
                    self.fail(format!("{busy} was refused: {why}"));
                }
            }
            ErrorKind::InvalidArgument if matches!(busy.what, Do::Backup) && self.copy_written => {
                self.history.cancel(call);
            }
            ErrorKind::InvalidArgument if matches!(busy.what, Do::Backup) => {
                // The store was set back; the copy is of another past.
                self.history.cancel(call);
            }
            ErrorKind::NotFound | ErrorKind::Exists | ErrorKind::Gone | ErrorKind::InvalidArgument => {
                if !self.history.end(call, refusal, |_| ()) {
                    self.fail(format!("{} was refused: {why}", busy));
                }
            }
            ErrorKind::Locked if matches!(busy.what, Do::Copy(..)) && self.is_on_servers() => {
                self.undecided.push((call, busy.begun));
            }
            ErrorKind::Locked if !self.may_be_overtaken(task) => {
                self.fail(format!("{busy} failed, and nothing held it up: {why}"));
            }
            ErrorKind::Locked => {
                if !self.history.cancel(call) && self.is_on_servers() {
                    self.fail(format!("{busy} was refused and took effect: {why}"));
                }
            }
            // The clock stepped meanwhile.
            ErrorKind::Expired if matches!(busy.what, Do::Freeze(_)) => {
                self.history.cancel(call);
            }
            kind if self.is_excused(task, kind) => {
                self.slots[task].tired = true;
                match &busy.what {
                    Do::Backup => self.history.lose(call),
                    // It is made of several changes; of the others, only where that is said.
                    Do::Copy(..) => self.slots[task].doubtful.push(call),
                    _ if why.contains(IN_DOUBT) => self.slots[task].doubtful.push(call),
                    _ => {
                        if !self.history.cancel(call) {
                            self.fail(format!("{busy} was refused and took effect: {why}"));
                        }
                    }
                }
            }
            kind => self.fail(format!("{} failed, {}: {why}", busy, kind.name())),
        }
    }

    /// A call that the model has no say in failed.
    fn failed(&mut self, task: usize, busy: &Busy, kind: ErrorKind, why: &str) {
        let others = self.are_in_the_way(task, busy);
        let excused = self.is_excused(task, kind);
        match (&busy.what, kind) {
            (Do::Open(_) | Do::Rebuild | Do::TestCopy(_), _) => {
                let half = self.half_rebuilt && kind == ErrorKind::Corrupt;
                let overtaken = self.is_on_servers() && self.may_be_overtaken(task);
                if !(excused || half || (kind == ErrorKind::Locked && (others || overtaken))) {
                    self.fail(format!("{} failed, {}: {why}", busy, kind.name()));
                }
                if matches!(busy.what, Do::Rebuild) && excused {
                    self.half_rebuilt = true;
                }
                if matches!(busy.what, Do::TestCopy(_)) {
                    self.forget_copy();
                }
                self.end_session(task);
            }
            (Do::Close, _) => {
                if !excused {
                    self.fail(format!("closing failed, {}: {why}", kind.name()));
                }
                // What the last thread that closes is told holds for all of its process.
                if why.contains("an archive under way may break off") {
                    for task in self.turns.mates(task).into_iter().chain([task]) {
                        self.slots[task].sending = None;
                    }
                }
                self.end_session(task);
            }
            (Do::Sign(_) | Do::SignLimited(..) | Do::Share(_) | Do::Link(_), _)
                if matches!(kind, ErrorKind::NotFound | ErrorKind::Gone | ErrorKind::InvalidArgument) => {}
            (
                Do::ReadArchive(id) | Do::Begin(id),
                ErrorKind::NotFound | ErrorKind::Expired | ErrorKind::Gone,
            ) if self.may_be_over(*id) => {}
            (Do::ReadArchive(id) | Do::Begin(id), _) if self.may_be_over(*id) => {}
            (Do::GoOn, _) => {
                let over = self.slots[task].sending.is_none_or(|id| self.may_be_over(id));
                let parents = self.slots[task].sends_inherited && kind == ErrorKind::Forked;
                if !excused && !over && !parents {
                    self.fail(format!("sending an archive broke off, {}: {why}", kind.name()));
                }
                self.slots[task].sending = None;
            }
            // Others were first for as long as it tries, which a process is that was suspended.
            (_, ErrorKind::Locked) if self.is_on_servers() && self.may_be_overtaken(task) => {}
            // A child opens the store anew, which others may keep it from.
            (_, ErrorKind::Locked) if self.slots[task].inherited && others => {}
            _ if excused => self.slots[task].tired = true,
            _ => self.fail(format!("{} failed, {}: {why}", busy, kind.name())),
        }
    }

    /// Whether others may be first for as long as a process on servers tries.
    fn may_be_overtaken(&self, task: usize) -> bool {
        #[cfg(feature = "remote")]
        if self.is_on_servers() {
            return self.turns.is_hurt(task) || self.turns.was_held_up();
        }
        let _ = task;
        true
    }

    /// Whether others may keep a process from opening the store: other processes, and threads of its
    /// own that have it in another mode, or from a rebuild, any.
    fn are_in_the_way(&self, task: usize, Busy { what, begun, .. }: &Busy) -> bool {
        let mates = self.turns.mates(task);
        self.tasks().filter(|other| *other != task).any(|other| {
            let Slot { open, busy, inherited, left, .. } = &self.slots[other];
            // Or was, when the call looked.
            let there = open.is_some() && !inherited || busy.is_some() || left >= begun;
            let rebuilds = busy.as_ref().is_some_and(|busy| matches!(busy.what, Do::Rebuild));
            match (what, open) {
                _ if rebuilds => true,
                (Do::Open(mode), Some(theirs)) if mates.contains(&other) => mode != theirs,
                (Do::Open(_), None) if mates.contains(&other) => self.plan.mode.is_none() && there,
                _ => there,
            }
        })
    }

    /// Whether an archive's time may be over: the clock showed it once.
    fn may_be_over(&self, id: holdall::ArchiveId) -> bool {
        self.ledger.archives.get(&id).is_none_or(|frozen| frozen.expires <= self.ledger.latest)
    }

    /// A call that the model has a say in was answered.
    fn said(&mut self, task: usize, busy: &Busy, call: Call, came: &Came) {
        let ended = match (&busy.what, came) {
            (Do::Put(items), Came::Versions(infos)) => {
                let numbers: Vec<u32> = infos.iter().map(|info| info.id.number()).collect();
                for (info, (_, content)) in infos.iter().zip(items) {
                    let noted = self.ledger.version(info.id, *content);
                    self.hold(noted);
                }
                let learn = |world: &mut World| {
                    for (info, (path, _)) in infos.iter().zip(items) {
                        if info.id.number() == 1 {
                            learn_id(world, call, path, info.id.file().0);
                        }
                    }
                };
                self.history.end(call, |said| *said == Said::Numbers(numbers.clone()), learn)
            }
            (Do::Trash(_), Came::File(file)) => {
                self.trashed.insert(call, *file);
                self.history.end(call, |said| *said == Said::Done, |_| ())
            }
            (Do::Look(_), Came::Node(seen)) => {
                if let Some(node) = seen {
                    let noted = self.ledger.node(node);
                    self.hold(noted);
                }
                self.history.end(call, |said| fits(said, seen.as_ref()), |_| ())
            }
            (Do::Freeze(_), Came::Archive { id, members, bytes, expires }) => {
                // Equal archives of one maker are one.
                let again = self.ledger.archives.get(id).is_some_and(|known| *known.bytes == *bytes);
                let noted = if again { Ok(()) } else { self.ledger.id("archive", id.0) };
                self.hold(noted);
                let bytes = std::sync::Arc::new(bytes.clone());
                self.ledger.archives.insert(*id, Frozen { bytes, expires: *expires });
                self.history.end(call, |said| *said == Said::Members(members.clone()), |_| ())
            }
            (Do::Backup, _) => {
                if std::mem::take(&mut self.copy_written) {
                    self.fail("a backup went over a copy that was written to since it was made");
                }
                self.history.end(call, |_| true, |_| ())
            }
            _ => self.history.end(call, |said| *said == Said::Done, |_| ()),
        };
        if !ended {
            self.fail(format!("{busy} may not have said {}", short(&format!("{came:?}"))));
        }
        if !matches!(busy.what, Do::Look(_) | Do::Freeze(_) | Do::Backup) {
            // What was written before it and is not seen by now, never is.
            self.decide(busy.begun);
            for call in std::mem::take(&mut self.slots[task].doubtful) {
                match self.is_on_servers() {
                    true => self.undecided.push((call, busy.begun)),
                    false => self.history.lose(call),
                }
            }
        }
    }

    /// A call that the model has no say in was answered.
    fn done(&mut self, task: usize, busy: &Busy, came: &Came) {
        match (&busy.what, came) {
            (Do::Open(mode), _) => {
                self.slots[task].open = Some(*mode);
                self.decide(busy.begun);
            }
            (Do::Close, _) => self.end_session(task),
            (Do::Rebuild, _) => {
                (self.half_rebuilt, self.new_timeline) = (false, true);
                self.end_session(task);
            }
            (Do::TestCopy(put), Came::Copy(view, infos)) => {
                if let Err(why) = self.history.settle_backup(view) {
                    self.fail(format!("the copy is none of what was backed up: {why}"));
                }
                for (info, (_, content)) in infos.iter().zip(put) {
                    let noted = self.ledger.version(info.id, *content);
                    self.hold(noted);
                }
                if let ([(_, first), (path, content)], Some(probe)) = (&put[..], infos.first()) {
                    self.last_call += 2;
                    let calls = [self.last_call - 1, self.last_call];
                    self.history.put_in_backup(calls, (probe.id.number(), *first), path, *content);
                    self.copy_written = true;
                }
                self.end_session(task);
            }
            (Do::OpenFiles(_), Came::Bytes(found)) => {
                found.iter().for_each(|(path, hash)| self.opened(path, content::number(hash)));
            }
            (Do::Sign(version), Came::Url(text)) => self.signed(*version, text, None),
            (Do::SignLimited(version, uses), Came::Url(text)) => {
                self.signed(*version, text, Some((*uses, 0)))
            }
            (Do::Serve(url), Came::Reply(status, hash)) => {
                let held = self.ledger.reply(url, *status, hash, false);
                self.hold(held);
            }
            // A link that is there already is the one.
            (_, Came::Id("link", _)) => {}
            (_, Came::Id(kind, id)) => {
                let noted = self.ledger.id(kind, *id);
                self.hold(noted);
            }
            (Do::Begin(id), _) => {
                self.slots[task].sending = Some(*id);
                self.slots[task].sends_inherited = false;
            }
            // It was sent to its end.
            (Do::GoOn, Came::Done) => self.slots[task].sending = None,
            (_, Came::Piece(id, at, bytes)) => {
                let whole = self.ledger.archives.get(id).map(|frozen| frozen.bytes.clone());
                let at = *at as usize;
                let same = whole.is_none_or(|whole| whole.get(at..at + bytes.len()) == Some(&bytes[..]));
                if !same {
                    self.fail(format!("archive {id} has other bytes from {at} on than it had"));
                }
            }
            _ => {}
        }
    }

    fn signed(&mut self, version: holdall::VersionId, text: &str, limit: Option<(u32, u32)>) {
        let Some(content) = self.ledger.content(version) else { return };
        self.ledger.urls.push(Url { text: text.to_owned(), version, content, limit });
    }

    /// Holds bytes that were opened by a path to what may lie there; the call was alone.
    fn opened(&mut self, path: &str, found: u64) {
        let path = path.trim_end_matches('/');
        if !self.history.may_be_at(path, found) {
            self.fail(format!("{path} was opened and gave content {found}, which is not there"));
        }
    }
}

fn learn_id(world: &mut World, birth: Call, path: &str, id: u64) {
    // It may have been moved since, but nobody else made one in that call at that path.
    if let Some(Node::File(file)) = world.tree.get_mut(path)
        && file.birth == birth
        && file.id.is_none()
    {
        file.id = Some(id);
    }
}

/// Whether what was said of a path is what was seen.
fn fits(said: &Said, seen: Option<&Node>) -> bool {
    match (said, seen) {
        (Said::Node(None), None) => true,
        (Said::Node(Some(Node::File(file))), Some(Node::File(seen))) => file.is_seen_as(seen),
        (Said::Node(Some(Node::File(File { loose, .. }))), None) => *loose,
        _ => false,
    }
}
