//! Compaction: what still lives in a segment that is mostly dead goes to the end of the log, and
//! the segment goes.
//!
//! The log is the truth, so a segment takes along more than its blobs: every row that a group in
//! it speaks of is logged again as it is now. Only when that is durable, the rows are synced and
//! no row places a blob in the segment is its file removed; its row goes last, so that a
//! compaction that was cut off is done again from the start.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::Store;
use super::engine::Engine;
use crate::blobs::frame::{Frame, FrameKind, SEGMENT_HEADER_LEN, frame_len};
use crate::blobs::segment::{self as file, Segment};
use crate::catalog::record::{BlobRecord, Place, Record};
use crate::catalog::{blob, row, segment, table};
use crate::digest::Digest;
use crate::id::BlobId;
use crate::journal::change::{self, Operation};
use crate::journal::{POSITION, table_of};
use crate::kv::{Read, Scan, Table, Write};
use crate::vfs::Open;
use crate::{Error, ErrorKind, Result};

/// Segments that are worked on at once; each is an open file.
const SEGMENTS: usize = 32;
/// Bytes and number of blobs that one change copies.
const BATCH_LEN: u64 = 4 << 20;
const BATCH_BLOBS: usize = 256;
/// Rows that one change logs again, and about how many bytes of them.
const BATCH_ROWS: usize = 1000;
const BATCH_ROWS_LEN: usize = 512 << 10;

/// What [`Store::compact`] did.
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
    /// Rows that were logged again.
    pub rows: u64,
    /// Why a segment was kept: what is damaged in it stays where it is.
    pub failed: Vec<Error>,
}

impl Store {
    /// Copies what lives out of segments that are more than half dead, and removes them. A blob
    /// that is damaged stays where it is, and so does its segment.
    ///
    /// # Errors
    /// `Io` and `Poisoned` when the store cannot be written. Why a segment was kept is in the
    /// report.
    pub fn compact(&self) -> Result<CompactReport> {
        compact(&*self.engine()?)
    }
}

pub(super) fn compact(engine: &Engine) -> Result<CompactReport> {
    let mut report = CompactReport::default();
    let mut seen = HashSet::new();
    loop {
        let mut numbers: Vec<u32> =
            segment::candidates(&engine.reader()?)?.into_iter().map(|(number, _)| number).collect();
        numbers.retain(|number| !seen.contains(number));
        numbers.truncate(SEGMENTS);
        if numbers.is_empty() {
            return Ok(report);
        }
        // The oldest first: once it is gone, the next may be the oldest.
        numbers.sort_unstable();
        seen.extend(numbers.iter().copied());
        round(engine, &numbers, &mut report)?;
    }
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
            Err(error) if matches!(error.kind(), ErrorKind::Poisoned | ErrorKind::Forked) => {
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
    let needed = segments_in_use(engine)?;
    let mut gone = Vec::new();
    for Emptied { number, len, .. } in &emptied {
        if needed.contains(number) {
            report.failed.push(Error::corrupt(format!(
                "a blob lies in segment {number} where there is none, so the segment is kept; check the store"
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

/// Copies what lives out of a segment and logs the rows it speaks of again. None when it is not
/// to be touched now.
fn empty(engine: &Engine, number: u32, report: &mut CompactReport) -> Result<Option<Emptied>> {
    let numbers = numbers(engine)?;
    if numbers.last() == Some(&number) {
        // No number is given out twice: another process may still have the file that had it.
        return Ok(None);
    }
    let still = |engine: &Engine| -> Result<Option<u64>> {
        let row = row::get::<crate::catalog::record::SegmentRecord>(
            &engine.reader()?,
            table::SEGMENT,
            &number.to_be_bytes(),
        )?;
        Ok(row.filter(|row| !row.open).map(|row| row.len))
    };
    if !numbers.contains(&number) {
        let row = still(engine)?;
        return Ok(row.map(|_| Emptied { number, len: 0, _held: None }));
    }
    let opened = Segment::open(engine.vfs.as_ref(), number, Open::Write);
    let Some(held) = opened? else { return Err(Error::corrupt("its header cannot be read")) };
    if !held.file.try_lock().map_err(|cause| Error::io("locking it", cause))? {
        return Ok(None);
    }
    // Only now does no other process compact it.
    let Some(len) = still(engine)? else { return Ok(None) };
    let last = copy_blobs(engine, &held, len, report)?;
    let oldest = is_oldest(engine, &numbers, number, last)?;
    log_again(engine, &held, len, oldest, report)?;
    Ok(Some(Emptied { number, len, _held: Some(held) }))
}

/// Lists the numbers of the segments, in order.
fn numbers(engine: &Engine) -> Result<Vec<u32>> {
    let listed = engine.vfs.list(file::DIR).map_err(|cause| Error::io("listing the segments", cause))?;
    let mut numbers: Vec<u32> = listed.iter().filter_map(|entry| file::number_of(&entry.name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Visits the frames of a segment in order, up to `end`; returns where a header could not be read,
/// or `end`.
pub(super) fn frames(
    segment: &Segment,
    end: u64,
    visit: &mut dyn FnMut(u64, &Frame) -> Result<()>,
) -> Result<u64> {
    let mut offset = SEGMENT_HEADER_LEN as u64;
    while offset < end {
        let Some((frame, _)) = segment.frame_at(offset)? else { return Ok(offset) };
        visit(offset, &frame)?;
        offset = offset.saturating_add(frame_len(u64::from(frame.len)));
    }
    Ok(offset)
}

struct Copy {
    id: BlobId,
    from: Place,
    bytes: Bytes,
    digest: Digest,
}

/// Copies the blobs that live to the log. Returns the highest sequence number in the segment.
fn copy_blobs(engine: &Engine, segment: &Segment, end: u64, report: &mut CompactReport) -> Result<u64> {
    let rows = engine.reader()?;
    let (mut batch, mut len, mut last) = (Vec::new(), 0_u64, 0_u64);
    let mut damaged: Option<Error> = None;
    let reached = frames(segment, end, &mut |offset, frame| {
        last = last.max(frame.lsn);
        if frame.kind != FrameKind::Blob {
            return Ok(());
        }
        let (id, from) = (BlobId(frame.id), Place::Segment { segment: segment.header.number, offset });
        let record = row::get::<BlobRecord>(&rows, table::BLOB, &id.to_key())?;
        let Some(record) = record.filter(|record| record.place == from) else { return Ok(()) };
        let sound = frame.blake3 == record.blake3 && u64::from(frame.len) == record.len;
        match segment.payload(offset, frame)?.filter(|_| sound) {
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
        None => Ok(last),
    }
}

fn copy(engine: &Engine, batch: Vec<Copy>, len: u64, report: &mut CompactReport) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let (blobs, bytes) = engine.journal.write(len, move |change| {
        let (mut blobs, mut bytes) = (0_u64, 0_u64);
        for Copy { id, from, bytes: content, digest } in &batch {
            // Looked at before anything is appended: one that was collected leaves no bytes.
            let record = row::get::<BlobRecord>(change, table::BLOB, &id.to_key())?;
            if record.is_some_and(|record| record.place == *from) {
                let to = change.append(*id, content.clone(), digest)?;
                blob::relocate(change, *id, *from, to)?;
                blobs += 1;
                bytes += digest.len;
            }
        }
        Ok((blobs, bytes))
    })?;
    report.blobs += blobs;
    report.blob_bytes += bytes;
    Ok(())
}

/// Whether every group in the other segments is later than `last`. Then nothing older says that a
/// row is there, and a row that is gone need not be said to be.
fn is_oldest(engine: &Engine, numbers: &[u32], number: u32, last: u64) -> Result<bool> {
    for other in numbers.iter().filter(|other| **other != number) {
        let Some(segment) = Segment::open(engine.vfs.as_ref(), *other, Open::Read)? else { return Ok(false) };
        match segment.frame_at(SEGMENT_HEADER_LEN as u64)? {
            Some((first, _)) if first.lsn > last => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

type Key = (Table, Vec<u8>);

/// Logs every row that the segment's groups speak of as it is now; where it is gone, that it is,
/// unless nothing older speaks of it.
fn log_again(
    engine: &Engine,
    segment: &Segment,
    end: u64,
    oldest: bool,
    report: &mut CompactReport,
) -> Result<()> {
    let mut keys = BTreeSet::new();
    let reached = frames(segment, end, &mut |offset, frame| {
        if frame.kind != FrameKind::Change {
            return Ok(());
        }
        let Some(payload) = segment.payload(offset, frame)? else {
            return Err(Error::corrupt(format!(
                "the write-set at byte {offset} is damaged, and what it says may be said nowhere else"
            )));
        };
        change::each(&payload, &mut |operation| {
            let (Operation::Put { table, key, .. } | Operation::Delete { table, key }) = operation;
            let table = table_of(table)?;
            if !(table == table::META && [POSITION, segment::MODE, segment::OPEN].contains(&key)) {
                keys.insert((table, key.to_vec()));
            }
            if keys.len() >= BATCH_ROWS {
                report.rows += log_rows(engine, std::mem::take(&mut keys), oldest)?;
            }
            Ok(())
        })
    })?;
    report.rows += log_rows(engine, keys, oldest)?;
    if reached == end { Ok(()) } else { Err(Error::corrupt("it changed while it was compacted")) }
}

fn log_rows(engine: &Engine, keys: BTreeSet<Key>, oldest: bool) -> Result<u64> {
    let keys: Arc<[Key]> = keys.into_iter().collect();
    let (mut from, mut logged) = (0, 0_u64);
    while from < keys.len() {
        let (keys, first) = (keys.clone(), from);
        let (next, rows) = engine.write(move |change| {
            let (mut len, mut next, mut rows) = (0, first, 0_u64);
            for (table, key) in keys.iter().skip(first) {
                if len >= BATCH_ROWS_LEN {
                    break;
                }
                // Read in the change that writes it, so that no later change is undone.
                let value = change.get(*table, key, |value| Ok(value.to_vec()))?;
                match &value {
                    Some(value) => change.put(*table, key, value)?,
                    None if oldest => {}
                    None => change.del(*table, key)?,
                }
                rows += u64::from(value.is_some() || !oldest);
                len += key.len() + value.map_or(0, |value| value.len());
                next += 1;
            }
            Ok((next, rows))
        })?;
        from = next;
        logged += rows;
    }
    Ok(logged)
}

/// Returns the segments that a blob's row places it in.
fn segments_in_use(engine: &Engine) -> Result<HashSet<u32>> {
    let mut numbers = HashSet::new();
    engine.reader()?.scan(table::BLOB, row::ALL, false, &mut |_, value| {
        if let Place::Segment { segment, .. } = BlobRecord::decode(value)?.place {
            numbers.insert(segment);
        }
        Ok(Scan::Next)
    })?;
    Ok(numbers)
}
