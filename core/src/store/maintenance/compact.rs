//! Compaction: what still lives in a segment that is mostly dead goes to the end of the log, and
//! the segment goes.
//!
//! The log is the truth, so a segment may go only when nothing depends on what its groups say of
//! rows: when it ends before the floor, the last group that a snapshot of the rows made void (see
//! [`super::log_snapshot`]). A snapshot is taken where it gives back at least as much as it takes. Only
//! when the copies are durable, the rows are synced and no row places a blob in the segment is its
//! file removed; its row goes last, so that a compaction that was cut off is done again from the
//! start.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;

use super::log_snapshot;
use crate::blobs::frame::{FrameKind, frame_len};
use crate::blobs::segment::{self as file, FrameReader, Segment};
use crate::catalog::record::{BlobRecord, Location, Record, SegmentRecord};
use crate::catalog::{blob, row, segment, table};
use crate::digest::Digest;
use crate::engine::Engine;
use crate::id::BlobId;
use crate::kv::{Read, Scan};
use crate::mutant::{self, Mutant};
use crate::vfs::Open;
use crate::{Error, ErrorKind, Result};

/// Segments that are worked on at once; each is an open file.
const SEGMENTS: usize = 32;
/// Bytes and number of blobs that one change copies.
const BATCH_LEN: u64 = 4 << 20;
const BATCH_BLOBS: usize = 256;

/// What [`Store::compact`](crate::Store::compact) did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CompactReport {
    /// Segments that were removed.
    pub segments: u64,
    /// Bytes that they took.
    pub bytes: u64,
    /// Blobs that were copied out of them.
    pub blobs: u64,
    /// Bytes of those blobs.
    pub blob_bytes: u64,
    /// Rows that were logged again, so that older segments need not be kept for them.
    pub rows: u64,
    /// Why a segment was kept: what is damaged in it stays where it is.
    pub failed: Vec<Error>,
}

pub(super) fn compact(engine: &Engine) -> Result<CompactReport> {
    engine.journal.writable()?;
    let mut report = CompactReport::default();
    let written =
        leave_dead(engine).and_then(|()| trim(engine)).and_then(|()| log_snapshot::take_if_due(engine));
    match written {
        Ok(rows) => report.rows = rows,
        Err(error) if error.kind().ends_writing() => return Err(error),
        Err(error) => report.failed.push(error.context("logging the rows again")),
    }
    let mut seen = HashSet::new();
    loop {
        let tx = engine.reader()?;
        let floor = segment::floor(&tx)?;
        let mut numbers: Vec<u32> = segment::candidates(&tx)?
            .into_iter()
            .filter(|(number, row)| row.last <= floor && !seen.contains(number))
            .map(|(number, _)| number)
            .collect();
        drop(tx);
        numbers.truncate(SEGMENTS);
        if numbers.is_empty() {
            return Ok(report);
        }
        numbers.sort_unstable();
        seen.extend(numbers.iter().copied());
        round(engine, &numbers, &mut report)?;
    }
}

/// Returns the row of a segment; None if it has none yet, or none any more.
fn row_of(tx: &impl Read, number: u32) -> Result<Option<SegmentRecord>> {
    if mutant::is_active(Mutant::SegmentsNeedRows) {
        return segment::get(tx, number).map(Some);
    }
    row::get(tx, table::SEGMENT, &number.to_be_bytes())
}

/// Leaves the segment that this process appends to, if much of it is dead; where the disk has little room, if half
/// of it is, and also one that nobody appends to.
fn leave_dead(engine: &Engine) -> Result<()> {
    let tx = engine.reader()?;
    let leased = engine.journal.leased();
    let number = match leased {
        None => segment::open_segments(&tx)?.pop(),
        leased => leased,
    };
    let Some(number) = number else { return Ok(()) };
    // A segment that was just made has no row before its first group is published.
    let Some(row) = row_of(&tx, number)? else { return Ok(()) };
    drop(tx);
    let is_long = leased.is_some() && row.len > engine.options.segment_bytes / 4;
    if segment::is_candidate(&SegmentRecord { open: false, ..row })
        && (is_long || engine.is_scarce(row.len.saturating_sub(row.live()))?)
    {
        engine.journal.leave_segment()?;
    }
    Ok(())
}

/// Gives back what closed segments took ahead and did not need, where the disk is full.
fn trim(engine: &Engine) -> Result<()> {
    if !engine.is_full()? {
        return Ok(());
    }
    for (number, _) in segment::list(&engine.reader()?)?.into_iter().filter(|(_, row)| !row.open) {
        let path = file::path(number);
        let trimming = |cause| Error::io(format!("cutting {path} off behind its end"), cause);
        let file = match engine.vfs.open(&path, Open::Write) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => continue,
            opened => opened.map_err(trimming)?,
        };
        if !file.try_lock().map_err(trimming)? {
            continue;
        }
        // Nothing is appended to a segment that was left, so its row has its length. Another compaction may
        // have removed both meanwhile.
        if let Some(row) = row_of(&engine.reader()?, number)?
            && file.len().map_err(trimming)? > row.len
        {
            file.set_len(row.len).map_err(trimming)?;
        }
    }
    Ok(())
}

/// A segment whose lock is held.
struct Emptied {
    number: u32,
    len: u64,
    /// None when a compaction that was cut off had removed the file already.
    _held: Option<Segment>,
}

fn round(engine: &Engine, numbers: &[u32], report: &mut CompactReport) -> Result<()> {
    let mut emptied = Vec::new();
    for number in numbers {
        match empty(engine, *number, report) {
            Ok(found) => emptied.extend(found),
            Err(error) if error.kind().ends_writing() => {
                return Err(error);
            }
            Err(error) => report.failed.push(error.context(format!("compacting segment {number}"))),
        }
    }
    if emptied.is_empty() {
        return Ok(());
    }
    // From here on a reopening needs nothing of what these segments hold.
    engine.journal.checkpoint()?;
    // Asked of the rows again, after all copies: a file is removed only if none of them refers to it.
    let needed = segments_in_use(engine)?;
    let mut gone = Vec::new();
    for Emptied { number, len, .. } in &emptied {
        if needed.contains(number) {
            report.failed.push(Error::corrupt(format!(
                "a blob refers to segment {number} but was not found in it, so the segment is kept; check the store"
            )));
            continue;
        }
        match engine.vfs.remove(&file::path(*number)) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                report.failed.push(Error::io(format!("removing {}", file::path(*number)), cause));
                continue;
            }
            _ => {}
        }
        engine.pool.forget(*number);
        gone.push(*number);
        report.segments += 1;
        report.bytes = report.bytes.saturating_add(*len);
    }
    engine.vfs.sync_dir(file::DIR).map_err(|cause| Error::io("removing segments", cause))?;
    // Its row goes last: as long as it is there, an interrupted removal is found and done again.
    engine.write(move |change| {
        for number in &gone {
            match segment::remove(change, *number) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        Ok(())
    })
}

/// Copies what lives out of a segment. None when it is not to be touched now.
fn empty(engine: &Engine, number: u32, report: &mut CompactReport) -> Result<Option<Emptied>> {
    let numbers = numbers(engine)?;
    if numbers.last() == Some(&number) {
        // No number is given out twice: another process may still have the file that had it.
        return Ok(None);
    }
    let still = |engine: &Engine| -> Result<Option<SegmentRecord>> {
        let row = row::get::<SegmentRecord>(&engine.reader()?, table::SEGMENT, &number.to_be_bytes())?;
        Ok(row.filter(|row| !row.open))
    };
    if !numbers.contains(&number) {
        let row = still(engine)?;
        return Ok(row.map(|_| Emptied { number, len: 0, _held: None }));
    }
    let path = file::path(number);
    let opened = match engine.vfs.open(&path, Open::Write) {
        // Another compaction was quicker; the row is its to remove, or, should it be cut off, the next's.
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|cause| Error::io(format!("opening {path}"), cause))?,
    };
    let Some(held) = Segment::of(opened, number)? else {
        return Err(Error::corrupt("its header cannot be read"));
    };
    if !held.file.try_lock().map_err(|cause| Error::io("locking it", cause))? {
        return Ok(None);
    }
    // Only now does no other process compact it.
    let Some(row) = still(engine)? else { return Ok(None) };
    engine.room_to_collect(row.live())?;
    copy_blobs(engine, &held, row.len, report)?;
    let len = row.len;
    Ok(Some(Emptied { number, len, _held: Some(held) }))
}

/// Lists the numbers of the segments, in order.
fn numbers(engine: &Engine) -> Result<Vec<u32>> {
    let listed = engine.vfs.list(file::DIR).map_err(|cause| Error::io("listing the segments", cause))?;
    let mut numbers: Vec<u32> = listed.iter().filter_map(|entry| file::number_of(&entry.name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// A blob that is copied elsewhere.
pub(super) struct Copy {
    pub(super) id: BlobId,
    pub(super) from: Location,
    pub(super) bytes: Bytes,
    pub(super) digest: Digest,
}

/// Copies the blobs that live to the log.
fn copy_blobs(engine: &Engine, segment: &Segment, end: u64, report: &mut CompactReport) -> Result<()> {
    let tx = engine.reader()?;
    let (mut batch, mut len) = (Vec::new(), 0_u64);
    let mut damaged: Option<Error> = None;
    let reached = FrameReader::new(segment, end).each(&mut |reader, offset, frame| {
        if frame.kind != FrameKind::Blob {
            return Ok(());
        }
        let (id, from) = (BlobId(frame.id), Location::Segment { segment: segment.header.number, offset });
        let record = row::get::<BlobRecord>(&tx, table::BLOB, &id.to_key())?;
        let Some(record) = record.filter(|record| record.location == from) else { return Ok(()) };
        let sound = frame.blake3 == record.blake3 && u64::from(frame.len) == record.len;
        match reader.payload(offset, frame)?.filter(|_| sound) {
            Some(bytes) => {
                let digest = Digest {
                    len: record.len,
                    blake3: record.blake3,
                    sha1: record.sha1,
                    crc64: record.crc64,
                    crc32: record.crc32,
                };
                len = len.saturating_add(frame_len(record.len));
                batch.push(Copy { id, from, bytes: bytes.into(), digest });
            }
            None => {
                damaged = Some(Error::corrupt(format!("blob {id} in it is damaged; check the store")));
            }
        }
        if len >= BATCH_LEN || batch.len() >= BATCH_BLOBS {
            copy(engine, std::mem::take(&mut batch), len, report)?;
            len = 0;
        }
        Ok(())
    })?;
    copy(engine, batch, len, report)?;
    match damaged {
        Some(error) => Err(error),
        None if reached != end => {
            Err(Error::corrupt(format!("the frame at byte {reached} cannot be read; check the store")))
        }
        None => Ok(()),
    }
}

/// Copies blobs to the end of the log, as far as they are where they were.
pub(super) fn copy(engine: &Engine, batch: Vec<Copy>, len: u64, report: &mut CompactReport) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let (blobs, bytes) = engine.journal.write(len, move |change| {
        let (mut blobs, mut bytes, mut dead) = (0_u64, 0_u64, BTreeMap::<u32, u64>::new());
        for Copy { id, from, bytes: content, digest } in &batch {
            // Looked at before anything is appended: one that was collected leaves no bytes.
            let record = row::get::<BlobRecord>(change, table::BLOB, &id.to_key())?;
            if record.is_some_and(|record| record.location == *from) {
                let to = change.append(*id, content.clone(), digest)?;
                blob::relocate(change, *id, *from, to)?;
                if let Location::Segment { segment, .. } = *from {
                    *dead.entry(segment).or_default() += frame_len(digest.len);
                }
                blobs += 1;
                bytes += digest.len;
            }
        }
        for (segment, bytes) in dead {
            segment::add_dead(change, segment, bytes)?;
        }
        Ok((blobs, bytes))
    })?;
    report.blobs += blobs;
    report.blob_bytes += bytes;
    Ok(())
}

/// Returns the segments that a blob's row places it in.
fn segments_in_use(engine: &Engine) -> Result<HashSet<u32>> {
    let mut numbers = HashSet::new();
    engine.reader()?.scan(table::BLOB, row::ALL, false, &mut |_, value| {
        if let Location::Segment { segment, .. } = BlobRecord::decode(value)?.location {
            numbers.insert(segment);
        }
        Ok(Scan::Next)
    })?;
    Ok(numbers)
}
