//! The queue of changes, and the leader that makes a group of them.
//!
//! There is no thread of its own: whoever finds nobody leading takes what waits, writes it as one
//! group, wakes its owners and hands the lead to the next that waits. Changes that arrive during
//! a sync so share the next one.

use std::collections::VecDeque;
#[cfg(feature = "remote")]
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::group::{Group, Pending};
use super::lease::Lease;
use super::limits::GroupLimits;
#[cfg(feature = "remote")]
use super::remote::RemoteGroups;
use super::request::{BoxedChange, Then, WriteHint, WriteRequest};
use super::tails::Tails;
use super::{Position, edit_segment};
#[cfg(feature = "remote")]
use crate::blobs::object::ObjectPool;
use crate::catalog::segment;
use crate::kv::{Commit, Kv, Read};
use crate::machine::{self, lock};
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::vfs::Vfs;
use crate::{Error, ErrorKind, Result};

/// What is said of a change to a store that was opened for reading.
const READ_ONLY: &str = "the store was opened for reading, because its directory takes no writes of this process; \
                         mount it read-write, give permission to write, or work on a copy";

struct Queue<W> {
    waiting: VecDeque<WriteRequest<W>>,
    led: bool,
}

/// Whether this session wrote already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SessionState {
    /// It has read at most.
    Quiet,
    /// Its first group is being made.
    Begins,
    Wrote,
}

/// What only the leader touches.
struct Lead {
    lease: Option<Lease>,
    tails: Tails,
    /// Whether the session was ended.
    finished: bool,
    session: SessionState,
    unsynced: u32,
    /// Bytes of their write-sets.
    unsynced_len: u64,
    /// By the uptime.
    synced_at: Duration,
}

/// The log of one open store, with the rows that index it.
pub(crate) struct Journal<K: Kv> {
    kv: K,
    vfs: Arc<dyn Vfs>,
    store: [u8; 16],
    limits: GroupLimits,
    queue: Mutex<Queue<K::Writer>>,
    lead: Mutex<Lead>,
    poisoned: AtomicBool,
    /// Whether the next group goes to another segment.
    leave: AtomicBool,
    beginning: Option<Beginning<K::Writer>>,
    /// How groups are made where there is no log.
    #[cfg(feature = "remote")]
    pub(super) remote: Option<RemoteGroups>,
}

/// What the first group of a session begins with; it is given the number of the group, and says whether the
/// rows have to be synced before the group is acknowledged.
pub(crate) type Beginning<W> = Box<dyn for<'g> Fn(&mut Group<'g, W>, u64) -> Result<bool> + Send + Sync>;

impl<K: Kv> Journal<K> {
    /// Begins to write to the log of a store whose rows are up to date with it.
    pub(crate) fn new(kv: K, vfs: Arc<dyn Vfs>, store: [u8; 16], limits: GroupLimits) -> Journal<K> {
        Journal {
            kv,
            vfs,
            store,
            limits,
            queue: Mutex::new(Queue { waiting: VecDeque::new(), led: false }),
            lead: Mutex::new(Lead {
                lease: None,
                tails: Tails::default(),
                finished: false,
                session: SessionState::Quiet,
                unsynced: 0,
                unsynced_len: 0,
                synced_at: machine::uptime(),
            }),
            poisoned: AtomicBool::new(false),
            leave: AtomicBool::new(false),
            beginning: None,
            #[cfg(feature = "remote")]
            remote: None,
        }
    }

    /// Returns the number of the segment that this process appends to, if it has one.
    pub(crate) fn leased(&self) -> Option<u32> {
        lock(&self.lead).lease.as_ref().map(Lease::number)
    }

    /// Returns how many bytes can be appended without more room on the disk.
    pub(crate) fn spare(&self) -> Result<u64> {
        let most = self.limits.segment_len;
        let leased = lock(&self.lead).lease.as_ref().map(|lease| lease.spare(most));
        leased.map_or_else(|| Lease::spare_of_next(&self.kv, &self.vfs, most), Ok)
    }

    /// Gives back most of what the log took ahead, so that the index has room on a full disk.
    pub(crate) fn give_back(&self) -> Result<()> {
        let mut lead = lock(&self.lead);
        if lead.lease.is_none() && !lead.finished {
            lead.lease = Lease::take(&self.kv, &self.vfs)?;
        }
        lead.lease.as_mut().map_or(Ok(()), |lease| lease.give_back(&self.kv))
    }

    /// Leaves the segment that this process appends to, or would, so that it can be compacted.
    pub(crate) fn leave_segment(&self) -> Result<()> {
        self.leave.store(true, Ordering::Release);
        self.submit(WriteRequest::unhinted(Box::new(|_| Ok(())), Then::Nothing))
    }

    /// Lets the first group that writes anything, but for the end of the session, begin with this.
    #[must_use]
    pub(crate) fn beginning_with(self, beginning: Beginning<K::Writer>) -> Journal<K> {
        Journal { beginning: Some(beginning), ..self }
    }

    /// Makes groups without a log, whose small contents are objects with the numbers that were reserved.
    #[cfg(feature = "remote")]
    #[must_use]
    pub(crate) fn over_objects(self, objects: ObjectPool, numbers: Range<u32>) -> Journal<K> {
        Journal { remote: Some(RemoteGroups::new(objects, numbers)), ..self }
    }

    /// Begins to read the rows as they are now.
    pub(crate) fn reader(&self) -> Result<K::Reader> {
        self.kv.reader()
    }

    /// Returns the rows, for what only their driver tells.
    pub(crate) fn rows(&self) -> &K {
        &self.kv
    }

    /// Makes a change durable and visible, and returns what it returns. It waits for the group
    /// that the change is in; `len` is how many bytes of blobs it may append.
    ///
    /// The change may be run more than once, so it has no effect but through the group; one that
    /// fails leaves nothing behind.
    ///
    /// # Errors
    /// The change's own; `Io` when the group could not be written; `Poisoned` after a sync failed.
    pub(crate) fn write<T, F>(&self, len: u64, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'g> FnMut(&mut Group<'g, K::Writer>) -> Result<T> + Send + 'static,
    {
        self.write_hinted(len, WriteHint::default, change)
    }

    /// As [`Journal::write`]. Where the rows are far away, `hint` is asked what the change is going to read and append.
    ///
    /// # Errors
    /// As [`Journal::write`].
    #[cfg_attr(not(feature = "remote"), allow(unused_variables))]
    pub(crate) fn write_hinted<T, F>(
        &self,
        len: u64,
        hint: impl FnOnce() -> WriteHint,
        mut change: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: for<'g> FnMut(&mut Group<'g, K::Writer>) -> Result<T> + Send + 'static,
    {
        let returned = Arc::new(Mutex::new(None));
        let returns = returned.clone();
        let change: BoxedChange<K::Writer> = Box::new(move |group| {
            *lock(&returns) = Some(change(group)?);
            Ok(())
        });
        #[cfg(feature = "remote")]
        let hint = self.remote.is_some().then(|| Box::new(hint()));
        self.submit(WriteRequest {
            change,
            len,
            then: Then::Nothing,
            #[cfg(feature = "remote")]
            hint,
            slot: Arc::default(),
        })?;
        let value = lock(&returned).take();
        value.ok_or_else(|| Error::bug("a change was acknowledged but never ran"))
    }

    /// Syncs the rows, so that a reopening has nothing to replay.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        self.submit(WriteRequest::unhinted(Box::new(|_| Ok(())), Then::Checkpoint))
    }

    /// Makes a last change, syncs the rows and lets the leased segment go. What is written later
    /// is refused: it would be in a log that nobody replays. A second end does nothing.
    pub(crate) fn finish<F>(&self, change: F) -> Result<()>
    where
        F: for<'g> FnMut(&mut Group<'g, K::Writer>) -> Result<()> + Send + 'static,
    {
        if lock(&self.lead).finished {
            return Ok(());
        }
        self.submit(WriteRequest::unhinted(Box::new(change), Then::Finish))
    }

    /// Closes the rows, and lets the leased segment go if it was not yet: what reads or writes from
    /// now on is refused.
    pub(crate) fn close(&self) {
        let mut lead = lock(&self.lead);
        lead.finished = true;
        lead.lease = None;
        self.kv.close();
    }

    /// Returns whether a failed sync has stopped all writing.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// Returns whether every change is refused, because the directory takes no writes.
    pub(crate) fn is_read_only(&self) -> bool {
        self.limits.read_only
    }

    /// Refuses what is going to end in a change, where every change is refused.
    ///
    /// # Errors
    /// `ReadOnly`.
    pub(crate) fn writable(&self) -> Result<()> {
        match self.limits.read_only {
            true => Err(Error::io(READ_ONLY, rustix::io::Errno::ROFS.into())),
            false => Ok(()),
        }
    }

    fn submit(&self, request: WriteRequest<K::Writer>) -> Result<()> {
        let slot = request.slot.clone();
        {
            let mut queue = lock(&self.queue);
            queue.waiting.push_back(request);
            if queue.led {
                drop(queue);
                if let Some(outcome) = slot.wait() {
                    return outcome;
                }
            } else {
                queue.led = true;
            }
        }
        let batch = self.take_batch();
        self.lead(batch);
        slot.wait().unwrap_or_else(|| Err(Error::bug("a leader was handed the lead again")))
    }

    /// Takes what fits into one group off the queue; the caller has the lead.
    fn take_batch(&self) -> Vec<WriteRequest<K::Writer>> {
        let mut queue = lock(&self.queue);
        let (mut batch, mut len) = (Vec::new(), 0_u64);
        while let Some(request) = queue.waiting.front() {
            let full = batch.len() >= self.limits.group_changes || len + request.len > self.limits.group_len;
            // One change above the limit still goes, by itself; otherwise it would wait for ever.
            if full && !batch.is_empty() {
                break;
            }
            len += request.len;
            batch.extend(queue.waiting.pop_front());
        }
        batch
    }

    /// Writes a group, wakes its owners and hands the lead on.
    fn lead(&self, mut batch: Vec<WriteRequest<K::Writer>>) {
        let ran = catch_unwind(AssertUnwindSafe(|| self.run(&mut batch)));
        let outcome = ran.unwrap_or_else(|_| {
            self.poison();
            Err(in_doubt(Error::bug("writing a group panicked")))
        });
        // Before the lead is handed on: a waiter that leads next must not delay those that are done.
        for request in &batch {
            request.slot.finish(outcome.as_ref().map_err(Error::again).copied());
        }
        let mut queue = lock(&self.queue);
        match queue.waiting.front() {
            Some(next) => next.slot.hand_over(),
            None => queue.led = false,
        }
    }

    /// Runs the changes and makes them durable. Those that fail by themselves are answered and
    /// leave `batch`; an error is that of all that remain.
    fn run(&self, batch: &mut Vec<WriteRequest<K::Writer>>) -> Result<()> {
        if self.is_poisoned() {
            return Err(Error::new(
                ErrorKind::Poisoned,
                "a sync failed earlier, so nothing more is written; reopen the store",
            ));
        }
        self.writable()?;
        let mut lead = lock(&self.lead);
        if lead.finished {
            return Err(Error::invalid("the store was closed; open it again"));
        }
        #[cfg(feature = "remote")]
        if let Some(remote) = &self.remote {
            let ends = batch.iter().any(|request| request.then == Then::Finish);
            remote.run(&self.kv, batch)?;
            lead.finished = ends;
            return Ok(());
        }
        if self.ends_quietly(&lead, batch) {
            self.end_quietly(batch)?;
            lead.finished = true;
            lead.lease = None;
            return Ok(());
        }
        let len = batch.iter().fold(0_u64, |sum, request| sum.saturating_add(request.len));
        let attempt = loop {
            let mut attempt = self.attempt(&mut lead, batch, len)?;
            for (index, error) in attempt.rejected.drain(..).rev() {
                // From the back, so that the indexes before stay right.
                batch.remove(index).slot.finish(Err(error));
            }
            if !attempt.again {
                break attempt;
            }
        };
        if attempt.wrote {
            lead.unsynced += 1;
            lead.unsynced_len = lead.unsynced_len.saturating_add(attempt.len);
        }
        let asked = attempt.checkpoint || batch.iter().any(|request| request.then != Then::Nothing);
        let due = lead.unsynced >= self.limits.checkpoint_groups
            || lead.unsynced_len >= self.limits.checkpoint_len
            || (lead.unsynced > 0
                && machine::uptime().saturating_sub(lead.synced_at) >= self.limits.checkpoint_age);
        if self.limits.exclusive && (due || (asked && lead.unsynced > 0)) {
            self.sync_rows(&mut lead).map_err(|error| {
                let holds = attempt.wrote && !mutant::is_active(Mutant::FailedCheckpointsRefuse);
                if holds { in_doubt(error) } else { error }
            })?;
        }
        if batch.iter().any(|request| request.then == Then::Finish) {
            lead.finished = true;
            lead.lease = None;
        }
        Ok(())
    }

    /// Whether nothing but the end of a session is asked for that wrote nothing.
    fn ends_quietly(&self, lead: &Lead, batch: &[WriteRequest<K::Writer>]) -> bool {
        lead.session == SessionState::Quiet
            && batch.iter().all(|request| request.then == Then::Finish)
            && !mutant::is_active(Mutant::QuietEndIsLogged)
    }

    /// Ends a session that wrote nothing in the rows alone. The log stays as it is: in a copy that was only
    /// read it is the original's, and a backup replaces it by a longer one before it replaces the rows.
    fn end_quietly(&self, batch: &mut [WriteRequest<K::Writer>]) -> Result<()> {
        let mut tx = self.kv.writer()?;
        let mut pending = Pending::new(Position::read(&tx)?.lsn, Time::now(), 0, 0);
        for request in batch {
            (request.change)(&mut Group { tx: &mut tx, pending: &mut pending })?;
        }
        if pending.is_empty() {
            return Ok(());
        }
        self.kv.commit(tx, Commit::Synced).inspect_err(|_| self.poison())
    }

    fn sync_rows(&self, lead: &mut Lead) -> Result<()> {
        let mut tx = self.kv.writer()?;
        Position::read(&tx)?.write(&mut tx)?;
        self.kv.commit(tx, Commit::Synced).inspect_err(|_| self.poison())?;
        (lead.unsynced, lead.unsynced_len) = (0, 0);
        lead.synced_at = machine::uptime();
        Ok(())
    }

    fn attempt(&self, lead: &mut Lead, batch: &mut [WriteRequest<K::Writer>], len: u64) -> Result<Attempt> {
        let mut lease = self.lease(lead, len)?;
        let mut tx = self.kv.writer()?;
        if let Err(error) = self.void_tails(lead, &mut lease, &tx) {
            lead.lease = Some(lease);
            return Err(error);
        }
        let position = Position::read(&tx)?;
        // The position is read under the writer: in shared mode another process may have committed since.
        let mut pending = Pending::new(position.next_lsn()?, Time::now(), lease.number(), lease.tail);
        let mut attempt = Attempt::default();
        if lead.session == SessionState::Begins
            && let Some(beginning) = &self.beginning
        {
            let lsn = pending.lsn;
            attempt.checkpoint = beginning(&mut Group { tx: &mut tx, pending: &mut pending }, lsn)?
                && !mutant::is_active(Mutant::CopyTurnsUnsynced);
        }
        for (index, request) in batch.iter_mut().enumerate() {
            let before = pending.mark();
            let mut group = Group { tx: &mut tx, pending: &mut pending };
            let ran = catch_unwind(AssertUnwindSafe(|| (request.change)(&mut group)))
                .unwrap_or_else(|_| Err(Error::bug("a change panicked")));
            if let Err(error) = ran {
                let wrote = pending.mark() != before;
                attempt.rejected.push((index, error));
                if wrote {
                    // What it wrote goes with the whole transaction, and the others run again.
                    lead.lease = Some(lease);
                    return Ok(Attempt { again: true, ..attempt });
                }
            }
        }
        if pending.is_empty() {
            lead.lease = Some(lease);
            return Ok(attempt);
        }
        if lead.session == SessionState::Quiet && batch.iter().any(|request| request.then == Then::Nothing) {
            // Something is written: once more, behind what a session begins with.
            lead.session = SessionState::Begins;
            lead.lease = Some(lease);
            return Ok(Attempt { again: true, ..attempt });
        }
        if let Err(error) = pending.log_sums(&tx) {
            lead.lease = Some(lease);
            return Err(error);
        }
        let start = pending.start;
        attempt.len = u64::try_from(pending.change.len()).unwrap_or(u64::MAX);
        let (end, crc) = match lease.append(&mut pending, position.crc) {
            Ok(appended) => appended,
            Err(error) => {
                // Nothing was published: without its head, nobody takes for a group what was written.
                let error = self.take_back(&lease, start, error);
                lead.lease = Some(lease);
                return Err(error);
            }
        };
        // In exclusive mode the group is durable here; the rows follow from the log (docs/ARCHITECTURE.md).
        if let Err(cause) = lease.segment.file.sync_data() {
            self.poison();
            return Err(self.take_back(&lease, start, Error::io("syncing the log", cause)));
        }
        let published = Position { lsn: pending.lsn, crc }
            .write(&mut tx)
            .and_then(|()| {
                edit_segment(&mut tx, lease.number(), |row| {
                    row.len = row.len.max(end);
                    row.blobs = row.blobs.saturating_add(pending.end.saturating_sub(start));
                    row.last = pending.lsn;
                })
            })
            .and_then(|()| self.kv.commit(tx, self.durability()));
        if let Err(error) = published {
            self.poison();
            // Rows that are synced may speak of the group already; unsynced ones are gone by then.
            return Err(match self.limits.exclusive {
                true => self.take_back(&lease, start, error),
                false => in_doubt(error),
            });
        }
        if lead.session == SessionState::Begins {
            lead.session = SessionState::Wrote;
        }
        lease.tail = end;
        lead.lease = Some(lease);
        attempt.wrote = true;
        Ok(attempt)
    }

    /// Voids what lies behind the ends of the segments, as [`Tails`] says, before a group is
    /// appended to `lease`.
    fn void_tails(&self, lead: &mut Lead, lease: &mut Lease, tx: &impl Read) -> Result<()> {
        let mine = (!lease.inherited).then(|| lease.number());
        if lease.inherited && !mutant::is_active(Mutant::TailBeforeWriter) {
            // A commit that its process died in is hidden until a writer begins, and is there now.
            lease.tail = lease.tail.max(segment::get(tx, lease.number())?.len);
        }
        lead.tails.void(self.vfs.as_ref(), tx, mine)?;
        lease.inherited = false;
        Ok(())
    }

    /// Takes back a group that was appended in part or in whole, and returns the error that its
    /// owners get. The caller has the lock of the rows' writer, or is alone.
    fn take_back(&self, lease: &Lease, start: u64, error: Error) -> Error {
        if mutant::is_active(Mutant::FailedAppendStays) || lease.segment.void(start).is_ok() {
            return error;
        }
        self.poison();
        in_doubt(error)
    }

    fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    /// How a group's rows are committed.
    fn durability(&self) -> Commit {
        if self.limits.exclusive { Commit::Unsynced } else { Commit::Synced }
    }

    /// Takes the leased segment out of `lead`, or leases one with room for `len` bytes more.
    fn lease(&self, lead: &mut Lead, len: u64) -> Result<Lease> {
        let leave = self.leave.swap(false, Ordering::AcqRel);
        let left = match lead.lease.take() {
            Some(lease) if lease.is_fresh() || (self.has_room(&lease, len) && !leave) => return Ok(lease),
            Some(lease) => Some(lease),
            None => match Lease::take(&self.kv, &self.vfs)? {
                Some(lease) if lease.is_fresh() || !leave => return Ok(lease),
                left => left,
            },
        };
        self.make_segment(lead, left)
    }

    fn has_room(&self, lease: &Lease, len: u64) -> bool {
        lease.tail.saturating_add(len) <= self.limits.segment_len
    }

    /// Makes a segment and leaves the one before. The rows speak of it before anything is appended
    /// to it, so that whoever looks behind the ends of the open segments sees it.
    fn make_segment(&self, lead: &mut Lead, mut left: Option<Lease>) -> Result<Lease> {
        let made = Lease::make(&self.vfs, self.store, Time::now());
        let made = made.and_then(|made| Ok((made, self.kv.writer()?)));
        let (made, mut tx) = match made {
            Ok(made) => made,
            Err(error) => {
                lead.lease = left;
                return Err(error);
            }
        };
        if let Some(lease) = &mut left {
            if let Err(error) = self.void_tails(lead, lease, &tx) {
                lead.lease = left;
                return Err(error);
            }
            edit_segment(&mut tx, lease.number(), |row| row.open = false)?;
        }
        edit_segment(&mut tx, made.number(), |row| row.open = true)?;
        self.kv.commit(tx, self.durability()).inspect_err(|_| self.poison())?;
        Ok(made)
    }
}

/// Says of a change that failed that it may hold all the same.
fn in_doubt(error: Error) -> Error {
    error.context("the next opening of the store decides whether the change holds")
}

/// What became of the changes of a batch.
#[derive(Default)]
struct Attempt {
    /// Those that failed by themselves, by place in the batch, in order.
    rejected: Vec<(usize, Error)>,
    /// Whether the others must run again, because a failed one had written.
    again: bool,
    /// Whether the group reached the log.
    wrote: bool,
    /// Bytes of its write-set.
    len: u64,
    /// Whether the rows have to be synced with it.
    checkpoint: bool,
}
