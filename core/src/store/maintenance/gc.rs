//! Collecting: what nothing refers to any more, once its grace is over.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::compact::{self, CompactReport};
#[cfg(feature = "remote")]
use super::remote;
use crate::blobs::frame::{SEGMENT_HEADER_LEN, frame_len};
use crate::blobs::segment::{self as file, Segment};
use crate::blobs::{pool, spool};
use crate::catalog::record::{BlobRecord, Location};
use crate::catalog::{archive, grace, refcount, row, segment, table, upload, usage};
use crate::engine::layout::BLOBS;
use crate::engine::{Engine, Options};
use crate::id::BlobId;
use crate::kv::Read;
use crate::mutant::{self, Mutant};
use crate::store::Store;
use crate::time::Time;
use crate::vfs::{DirEntry, Open, VfsFile};
use crate::{Error, ErrorKind, Result};

/// Rows that one step changes.
const STEP: usize = 500;
/// A file that nothing refers to is left alone for so long: its put may be under way.
const YOUNG: Duration = Duration::from_secs(3600);
/// A segment whose header was never finished is no longer than what is reserved at first.
const UNFINISHED: u64 = 1 << 20;

/// What [`Store::gc`] did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct GcReport {
    /// Blobs that were removed.
    pub blobs: u64,
    /// Bytes of their content.
    pub bytes: u64,
    /// Archives that expired, counted by their parts.
    pub archives: u64,
    /// Uploads in parts that expired, counted by their parts.
    pub uploads: u64,
    /// Files of puts that came to nothing and of uploads that were cut off.
    pub orphans: u64,
    /// What became of segments that were more than half dead.
    pub compaction: CompactReport,
    /// Blobs that nothing refers to and that wait for the grace, after this run.
    pub waiting_blobs: u64,
    /// Bytes of their content.
    pub waiting_bytes: u64,
    /// When the first of them may be removed; none when none waits.
    pub next_due: Option<Time>,
    /// What could not be removed; the next run tries again.
    pub failed: Vec<Error>,
}

impl GcReport {
    /// Notes an error and goes on, unless nothing more can be written.
    fn keep<T: Default>(&mut self, outcome: Result<T>) -> Result<T> {
        outcome.or_else(|error| {
            if error.kind().ends_writing() || error.kind() == ErrorKind::Io {
                return Err(error);
            }
            self.failed.push(error);
            Ok(T::default())
        })
    }
}

impl Store {
    /// Removes what nothing refers to: content whose last version is gone for longer than the
    /// grace, expired archives and uploads, counts of expired URLs, puts that were cut off; and compacts
    /// segments that are more than half dead. It works in short steps beside everything else.
    ///
    /// # Errors
    /// `Io`, `Poisoned` and `ReadOnly` when the store cannot be written. What merely could not be removed
    /// is in the report.
    pub fn gc(&self) -> Result<GcReport> {
        let engine = self.engine()?;
        engine.journal.writable()?;
        engine.make_room()?;
        // The clock is read after that: without a grace, what is cleared away is due at once.
        let cleared = self.clear_deleted();
        self.gc_cleared(cleared, Time::now())
    }

    /// As [`Store::gc`], were it `now`.
    #[cfg(test)]
    pub(crate) fn gc_at(&self, now: Time) -> Result<GcReport> {
        self.gc_cleared(self.clear_deleted(), now)
    }

    fn gc_cleared(&self, cleared: Result<()>, now: Time) -> Result<GcReport> {
        let engine = self.engine()?;
        let mut report = GcReport::default();
        report.keep(cleared)?;
        let expired = expire(&engine, now);
        report.archives = report.keep(expired)?;
        let expired = expire_uploads(&engine, now);
        report.uploads = report.keep(expired)?;
        let swept = sweep_uses(&engine, now);
        report.keep(swept)?;
        collect(&engine, now, &mut report)?;
        let compacted = compact_engine(&engine);
        report.compaction = report.keep(compacted)?;
        sweep(&engine, now, &mut report)?;
        count_waiting(&engine, now, &mut report)?;
        Ok(report)
    }
}

impl Store {
    /// Copies what lives out of segments that are more than half dead, and removes them, once that
    /// gives back more than it writes. A blob that is damaged stays where it is, and so does its
    /// segment. Afterwards the segments take at most two and a half times what lives in them and
    /// what the rows take, and half a segment more for each process that writes.
    ///
    /// # Errors
    /// `Io`, `Poisoned` and `ReadOnly` when the store cannot be written. Why a segment was kept is in the
    /// report.
    pub fn compact(&self) -> Result<CompactReport> {
        compact_engine(&*self.engine()?)
    }
}

fn compact_engine(engine: &Engine) -> Result<CompactReport> {
    #[cfg(feature = "remote")]
    if let Some(objects) = engine.pool.objects() {
        return remote::compact(engine, objects);
    }
    compact::compact(engine)
}

fn expire(engine: &Engine, now: Time) -> Result<u64> {
    let mut parts = 0_u64;
    loop {
        match engine.write(move |change| archive::expire(change, now, STEP))? {
            0 => return Ok(parts),
            removed => parts = parts.saturating_add(u64::try_from(removed).unwrap_or(0)),
        }
    }
}

fn expire_uploads(engine: &Engine, now: Time) -> Result<u64> {
    let mut parts = 0_u64;
    loop {
        match engine.write(move |change| upload::expire(change, change.time(now), STEP))? {
            0 => return Ok(parts),
            removed => parts = parts.saturating_add(u64::try_from(removed).unwrap_or(0)),
        }
    }
}

fn sweep_uses(engine: &Engine, now: Time) -> Result<()> {
    let mut cursor = None;
    loop {
        let from = cursor;
        cursor = engine.write(move |change| usage::sweep(change, now, from, STEP))?;
        if cursor.is_none() {
            return sweep_client_uses(engine, now);
        }
    }
}

fn sweep_client_uses(engine: &Engine, now: Time) -> Result<()> {
    let mut cursor = None;
    loop {
        let from = cursor;
        cursor = engine.write(move |change| usage::sweep_clients(change, now, from.clone(), STEP))?;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// Counts what waits for the grace.
fn count_waiting(engine: &Engine, now: Time, report: &mut GcReport) -> Result<()> {
    let tx = engine.reader()?;
    let (waiting, grace) = (refcount::waiting(&tx)?, grace::get(&tx)?);
    (report.waiting_blobs, report.waiting_bytes) = (waiting.blobs, waiting.bytes);
    report.next_due = waiting.first.map(|released| grace.due(released).max(now));
    Ok(())
}

/// Returns until when what was let go of may be removed at `now`: the store says it, in the transaction
/// that removes it.
fn released_by(options: &Options, tx: &impl Read, now: Time) -> Result<Time> {
    if mutant::is_active(Mutant::GraceOfTheProcess) {
        return Ok(now.before(options.grace.unwrap_or(grace::DEFAULT)));
    }
    Ok(grace::get(tx)?.released_by(now))
}

/// Removes the blobs that are due. One that cannot be removed is passed over.
fn collect(engine: &Engine, now: Time, report: &mut GcReport) -> Result<()> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let tx = engine.reader()?;
        let until = released_by(&engine.options, &tx, now)?;
        let (due, last) = refcount::released(&tx, until, after.as_deref(), STEP)?;
        drop(tx);
        if last.is_none() {
            return Ok(());
        }
        after = last;
        let forgotten = match forget(engine, due.clone(), now) {
            Ok(forgotten) => forgotten,
            Err(error) if error.kind().ends_writing() => return Err(error),
            // One of them is at fault: each by itself, so that the others go.
            Err(_) => {
                let mut forgotten = Forgotten::default();
                for id in &due {
                    let one = forget(engine, vec![*id], now)
                        .map_err(|error| error.context(format!("removing blob {id}")));
                    let Forgotten { blobs, uncounted } = report.keep(one)?;
                    forgotten.blobs.extend(blobs);
                    forgotten.uncounted.extend(uncounted);
                }
                forgotten
            }
        };
        report.failed.extend(forgotten.uncounted);
        for (id, record) in forgotten.blobs {
            report.blobs += 1;
            report.bytes = report.bytes.saturating_add(record.len);
            if record.location == Location::File {
                // Its rows are gone, durably: cut off here, the file is an orphan for the sweep.
                remove_large(engine, id, report);
            }
        }
    }
}

#[derive(Default)]
struct Forgotten {
    blobs: Vec<(BlobId, BlobRecord)>,
    /// Of bytes that are dead now, and could not be counted so.
    uncounted: Vec<Error>,
}

fn forget(engine: &Engine, due: Vec<BlobId>, now: Time) -> Result<Forgotten> {
    let options = engine.options.clone();
    engine.write(move |change| {
        let until = released_by(&options, change, now)?;
        let (mut forgotten, mut dead) = (Forgotten::default(), BTreeMap::<u32, u64>::new());
        for id in &due {
            let Some(record) = refcount::forget(change, *id, until)? else { continue };
            if let Location::Segment { segment, .. } = record.location {
                *dead.entry(segment).or_default() += frame_len(record.len);
            }
            forgotten.blobs.push((*id, record));
        }
        for (segment, bytes) in dead {
            match segment::add_dead(change, segment, bytes) {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Bug) => {
                    forgotten.uncounted.push(error);
                }
                counted => counted?,
            }
        }
        Ok(forgotten)
    })
}

/// Removes the content of a blob that has no row any more.
fn remove_large(engine: &Engine, id: BlobId, report: &mut GcReport) {
    #[cfg(feature = "remote")]
    if let Some(objects) = engine.pool.objects() {
        if let Err(error) = remote::remove_content(objects, id) {
            report.failed.push(error);
        }
        return;
    }
    unlink(engine, &pool::path(id), report);
}

/// Removes a file; returns whether it was there.
fn unlink(engine: &Engine, path: &str, report: &mut GcReport) -> bool {
    match engine.vfs.remove(path) {
        Ok(()) => true,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => false,
        Err(cause) => {
            report.failed.push(Error::io(format!("removing {path}"), cause));
            false
        }
    }
}

/// Removes files that nothing refers to: a crash between two steps left them.
fn sweep(engine: &Engine, now: Time, report: &mut GcReport) -> Result<()> {
    #[cfg(feature = "remote")]
    if let Some(objects) = engine.pool.objects() {
        let swept = remote::sweep(engine, objects)?;
        report.orphans = report.orphans.saturating_add(swept.objects).saturating_add(swept.uploads);
        report.failed.extend(swept.failed);
        return sweep_spool(engine, now, report);
    }
    for low in 0..=255_u8 {
        sweep_blobs(engine, &format!("{BLOBS}/{low:02x}"), now, report)?;
    }
    sweep_spool(engine, now, report)?;
    sweep_segments(engine, now, report)
}

fn sweep_spool(engine: &Engine, now: Time, report: &mut GcReport) -> Result<()> {
    for entry in old(engine, spool::SPOOL, now, report) {
        let path = format!("{}/{}", spool::SPOOL, entry.name);
        let Some(_held) = free(engine, &path, report) else { continue };
        if unlink(engine, &path, report) {
            report.orphans += 1;
        }
    }
    Ok(())
}

/// Lists the files of a directory that are not young.
fn old(engine: &Engine, dir: &str, now: Time, report: &mut GcReport) -> Vec<DirEntry> {
    match engine.vfs.list(dir) {
        Ok(mut listed) => {
            listed.retain(|entry| Time(entry.modified) < now.before(YOUNG));
            listed
        }
        Err(cause) => {
            report.failed.push(Error::io(format!("listing {dir}"), cause));
            Vec::new()
        }
    }
}

/// Opens and locks a file that no process works on; none does as long as the handle is there.
fn free(engine: &Engine, path: &str, report: &mut GcReport) -> Option<Arc<dyn VfsFile>> {
    let opened = engine.vfs.open(path, Open::Write).and_then(|file| Ok(file.try_lock()?.then_some(file)));
    match opened {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => {
            report.failed.push(Error::io(format!("looking at {path}"), cause));
            None
        }
    }
}

fn sweep_blobs(engine: &Engine, dir: &str, now: Time, report: &mut GcReport) -> Result<()> {
    let listed = old(engine, dir, now, report);
    if listed.is_empty() {
        return Ok(());
    }
    // Only to pass over what has a row: that it has none is asked once more.
    let tx = engine.reader()?;
    for id in listed.iter().filter_map(|entry| pool::id_of(&entry.name)) {
        if pool::dir(id) != dir || row::exists(&tx, table::BLOB, &id.to_key())? {
            continue;
        }
        let path = pool::path(id);
        let Some(_held) = free(engine, &path, report) else { continue };
        if is_orphan(engine, id)? && unlink(engine, &path, report) {
            report.orphans += 1;
        }
    }
    Ok(())
}

/// Whether no row speaks of a large blob, and none will. A put holds the lock of its file from before
/// the file has its name until its group is committed or given up, and nobody else can make a row of
/// its id. So for whoever holds the lock, what the rows say now stays true; how old the file
/// is says nothing, as clocks are set and machines sleep.
fn is_orphan(engine: &Engine, id: BlobId) -> Result<bool> {
    if mutant::is_active(Mutant::SweepLooksOnce) {
        return Ok(true);
    }
    engine.write(move |change| Ok(!row::exists(change, table::BLOB, &id.to_key())?))
}

/// Removes segments that hold nothing. The last of all stays, so that no number is given out
/// again: another process may still have the file that had it.
fn sweep_segments(engine: &Engine, now: Time, report: &mut GcReport) -> Result<()> {
    let all = engine.vfs.list(file::DIR).map_err(|cause| Error::io("listing the segments", cause))?;
    let last = all.iter().filter_map(|entry| file::number_of(&entry.name)).max();
    let listed = old(engine, file::DIR, now, report);
    for number in listed.iter().filter_map(|entry| file::number_of(&entry.name)) {
        let key = number.to_be_bytes();
        if Some(number) == last || row::exists(&engine.reader()?, table::SEGMENT, &key)? {
            continue;
        }
        let path = file::path(number);
        let Some(held) = free(engine, &path, report) else { continue };
        // Only now does nobody else publish in it.
        let spoken_of = row::exists(&engine.reader()?, table::SEGMENT, &key)?;
        let empty = is_empty(number, &held);
        if !spoken_of && report.keep(empty)? && unlink(engine, &path, report) {
            engine.pool.forget(number);
            report.orphans += 1;
        }
    }
    Ok(())
}

/// Whether a segment holds no group. One whose header cannot be read counts only when nothing at
/// all was written behind it: otherwise the header is damaged, and the rest may be wanted.
fn is_empty(number: u32, held: &Arc<dyn VfsFile>) -> Result<bool> {
    // By its handle: another collection may have removed its name.
    if let Some(segment) = Segment::of(held.clone(), number)? {
        let mut groups = 0_u64;
        segment.salvage(&mut |_| {
            groups += 1;
            Ok(())
        })?;
        return Ok(groups == 0);
    }
    let failed = |cause| Error::io(format!("reading {}", file::path(number)), cause);
    let len = held.len().map_err(failed)?;
    let rest = len.saturating_sub(SEGMENT_HEADER_LEN as u64);
    if len > UNFINISHED {
        return Ok(false);
    }
    let mut bytes = vec![0; usize::try_from(rest).unwrap_or(0)];
    held.read_at(len - rest, &mut bytes).map_err(failed)?;
    Ok(bytes.iter().all(|byte| *byte == 0))
}
