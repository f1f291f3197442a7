//! Groups of a store whose rows are in a database and whose contents are in object storage. There is no log:
//! the small contents of a group are one object, which is durable before the rows that speak of it are
//! committed, in one statement.
//!
//! The changes of a group run again where another process was first. Its object is written once: the number of
//! the segment, and so every location, stays the same as long as the contents do.

use std::collections::HashSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use super::group::{Group, Pending};
use super::request::{Then, WriteRequest};
use crate::blobs::frame::SEGMENT_HEADER_LEN;
use crate::blobs::object::ObjectPool;
use crate::catalog::{moving, object, position};
use crate::kv::{Commit, Kv, Prefetch, Read};
use crate::machine::lock;
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// Numbers of segments are reserved in blocks of so many.
const BLOCK: u32 = 64;
/// How many numbers are tried that other segments have, as after a database was restored to an earlier state.
const TRIES: u32 = 1000;

/// How groups are made of what a queue has.
pub(super) struct RemoteGroups {
    objects: ObjectPool,
    /// Numbers of segments that this process has reserved and not used.
    numbers: Mutex<Range<u32>>,
}

/// A segment that is written: its number, and the id and the hash of each content.
type WrittenSegment = (u32, Vec<(u64, [u8; 32])>);

/// What became of a run of the changes.
#[derive(Default)]
struct GroupRun {
    /// The change that failed, by its index.
    rejected: Option<usize>,
    /// Whether the group needs a segment of another number.
    renumber: bool,
    /// The segment that was written, if the group has no new contents.
    unused: Option<u32>,
}

/// Returns the rows that the changes of a batch are going to read, and what they are going to append.
fn hinted<W>(batch: &[WriteRequest<W>], mut guess: Pending) -> Result<(Prefetch, Pending)> {
    let (mut rows, mut seen) = (Prefetch::default(), HashSet::new());
    for hint in batch.iter().filter_map(|request| request.hint.as_ref()) {
        rows.first.extend(hint.rows.first.iter().cloned());
        if !hint.rows.links.is_empty() {
            rows.links = hint.rows.links;
        }
        if rows.ranges.is_empty() {
            rows.ranges.clone_from(&hint.rows.ranges);
        }
        for (blob, bytes, digest) in &hint.contents {
            if seen.insert(digest.blake3) {
                guess.append(*blob, bytes.clone(), digest)?;
            }
        }
    }
    Ok((rows, guess))
}

impl RemoteGroups {
    pub(super) fn new(objects: ObjectPool, numbers: Range<u32>) -> RemoteGroups {
        RemoteGroups { objects, numbers: Mutex::new(numbers) }
    }

    /// Runs the changes and commits them. Those that fail by themselves are answered and leave `batch`; an
    /// error is that of all that remain.
    pub(super) fn run<K: Kv>(&self, kv: &K, batch: &mut Vec<WriteRequest<K::Writer>>) -> Result<()> {
        let time = Time::now();
        let mut written: Option<WrittenSegment> = None;
        let mut renumbered = 0;
        let mut guesses = true;
        while !batch.is_empty() {
            let number = match &written {
                Some((number, _)) => *number,
                // What ends a session has no contents.
                None if batch.iter().all(|request| request.then != Then::Nothing) => 0,
                None => self.number(kv)?,
            };
            let mut run = GroupRun::default();
            let (rows, guess) = hinted(batch, Pending::unlogged(time, number, SEGMENT_HEADER_LEN as u64))?;
            let mut again = false;
            let done = kv.write(Commit::Synced, |tx| {
                run = GroupRun::default();
                // Asked for by the commit, which costs nothing; read where that was in vain.
                if std::mem::replace(&mut again, true) && moving::moved(tx)?.is_some() {
                    return Err(position::moved_away());
                }
                moving::expect_here(tx)?;
                // Where rows are not here yet, the contents are written while they are asked for. Whether all of them
                // are new shows then; mostly they are.
                let ahead = tx.prefetch_while(
                    || rows.clone(),
                    || std::mem::take(&mut guesses) && self.write_segment(&guess, &mut written).is_ok(),
                );
                ahead?;
                let mut pending = Pending::unlogged(time, number, SEGMENT_HEADER_LEN as u64);
                for (index, request) in batch.iter_mut().enumerate() {
                    let mut group = Group { tx: &mut *tx, pending: &mut pending };
                    let ran = catch_unwind(AssertUnwindSafe(|| (request.change)(&mut group)));
                    let ran = ran.unwrap_or_else(|_| Err(Error::bug("a change panicked")));
                    ran.inspect_err(|_| run.rejected = Some(index))?;
                }
                if pending.blobs.is_empty() {
                    run.unused = written.as_ref().map(|(number, _)| *number);
                    return Ok(());
                }
                self.write_segment(&pending, &mut written).inspect_err(|error| {
                    run.renumber = error.kind() == ErrorKind::Exists;
                })?;
                object::insert_segment(tx, number, (pending.end, pending.end.saturating_sub(pending.start)))
            });
            match (done, run) {
                (Ok(()), run) => {
                    run.unused.into_iter().for_each(|number| self.objects.discard_segment(number));
                    return Ok(());
                }
                (Err(_), GroupRun { renumber: true, .. }) if renumbered < TRIES => {
                    renumbered += 1;
                    guesses = false;
                    let unused = written.take();
                    unused.into_iter().for_each(|(number, _)| self.objects.discard_segment(number));
                    self.use_up(number);
                }
                // A database that cannot be reached is at fault for none of them.
                (Err(error), GroupRun { rejected: Some(index), .. }) if error.kind() != ErrorKind::Io => {
                    batch.remove(index).slot.finish(Err(error));
                }
                (Err(error), _) => return Err(error),
            }
        }
        // Nobody is left whose contents they were.
        written.into_iter().for_each(|(number, _)| self.objects.discard_segment(number));
        Ok(())
    }

    /// Writes the contents of a group, unless a run before has written the same.
    ///
    /// # Errors
    /// `Exists` when the number is taken: by another segment, or by another run's contents.
    fn write_segment(&self, pending: &Pending, written: &mut Option<WrittenSegment>) -> Result<()> {
        let contents: Vec<_> = pending.blobs.iter().map(|(frame, _)| (frame.id, frame.blake3)).collect();
        match written {
            _ if contents.is_empty() => return Ok(()),
            Some((_, before)) if *before == contents => return Ok(()),
            Some(_) => {
                return Err(Error::new(ErrorKind::Exists, "the contents of a group changed in a retry"));
            }
            None => {}
        }
        let put = self.objects.put_segment(pending.segment, pending.time, &pending.blobs);
        put.or_else(|error| match mutant::is_active(Mutant::RowsBeforeObjects) {
            true => Ok(()),
            false => Err(error),
        })?;
        *written = Some((pending.segment, contents));
        self.use_up(pending.segment);
        Ok(())
    }

    /// Returns the number of the next segment, which stays the next until it is used up.
    fn number<K: Kv>(&self, kv: &K) -> Result<u32> {
        let mut numbers = lock(&self.numbers);
        if numbers.is_empty() {
            *numbers = kv.write(Commit::Synced, |tx| object::reserve_segments(tx, BLOCK))?;
        }
        Ok(numbers.start)
    }

    fn use_up(&self, number: u32) {
        let mut numbers = lock(&self.numbers);
        if numbers.start == number {
            numbers.start = number.saturating_add(1);
        }
    }
}
