//! The rows of the segments, whose ends the journal keeps, and the mark of an exclusive session.

use serde::{Deserialize, Serialize};

use crate::catalog::record::{Record, SegmentRecord};
use crate::catalog::{row, table};
use crate::kv::{Read, Scan, Write};
use crate::{Error, Result};

/// The row of META that tells of an exclusive session. The log does not decide it: it is set anew
/// by whoever opens the store.
pub(crate) const MODE: &[u8] = b"mode";

/// The row of META that lists the open segments, so that they are found without a look at all. Like
/// the rows that it is made from, it is never logged.
pub(crate) const OPEN: &[u8] = b"open-segments";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenRecord(Vec<u32>);

impl Record for OpenRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "list of open segments";
}

/// Returns the numbers of the open segments, in order.
pub(crate) fn open_segments(tx: &impl Read) -> Result<Vec<u32>> {
    Ok(row::get::<OpenRecord>(tx, table::META, OPEN)?.unwrap_or_default().0)
}

/// Changes the row of a segment, made by `edit` from an empty and open one if there is none; keeps
/// the list of the open ones. Never logged: what the log needs of it, it says itself.
pub(crate) fn edit(tx: &mut impl Write, segment: u32, edit: impl FnOnce(&mut SegmentRecord)) -> Result<()> {
    let key = segment.to_be_bytes();
    let found = row::get::<SegmentRecord>(tx, table::SEGMENT, &key)?;
    let was_open = found.as_ref().is_some_and(|row| row.open);
    let mut record = found.unwrap_or(SegmentRecord { open: true, len: 0, blobs: 0, dead: 0, last: 0 });
    edit(&mut record);
    row::put(tx, table::SEGMENT, &key, &record)?;
    if record.open == was_open {
        return Ok(());
    }
    let mut open = open_segments(tx)?;
    open.retain(|number| *number != segment);
    if record.open {
        open.push(segment);
        open.sort_unstable();
    }
    row::put(tx, table::META, OPEN, &OpenRecord(open))
}

/// Removes the row of a segment that is gone, whatever it says.
pub(crate) fn forget(tx: &mut impl Write, segment: u32) -> Result<()> {
    if row::exists(tx, table::SEGMENT, &segment.to_be_bytes())? {
        edit(tx, segment, |row| row.open = false)?;
    }
    tx.del(table::SEGMENT, &segment.to_be_bytes())
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ModeRecord {
    exclusive: bool,
}

impl Record for ModeRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "mode";
}

/// Returns whether an exclusive session is in progress, or was when the process died: frames after
/// the log position may then be missing from the index.
pub(crate) fn is_exclusive(tx: &impl Read) -> Result<bool> {
    Ok(row::get::<ModeRecord>(tx, table::META, MODE)?.unwrap_or_default().exclusive)
}

/// Marks the begin or the clean end of an exclusive session.
pub(crate) fn set_exclusive(tx: &mut impl Write, exclusive: bool) -> Result<()> {
    row::put(tx, table::META, MODE, &ModeRecord { exclusive })
}

/// Reads the row of a segment.
///
/// # Errors
/// `NotFound` when there is none.
pub(crate) fn get(tx: &impl Read, segment: u32) -> Result<SegmentRecord> {
    row::get(tx, table::SEGMENT, &segment.to_be_bytes())?
        .ok_or_else(|| Error::not_found(format!("there is no segment {segment}")))
}

/// Lists every segment, in order of its number.
pub(crate) fn list(tx: &impl Read) -> Result<Vec<(u32, SegmentRecord)>> {
    let mut segments = Vec::new();
    tx.scan(table::SEGMENT, row::ALL, false, &mut |key, value| {
        let number =
            key.try_into().map_err(|_| Error::corrupt("the number of a segment is not 4 bytes long"))?;
        segments.push((u32::from_be_bytes(number), SegmentRecord::decode(value)?));
        Ok(Scan::Next)
    })?;
    Ok(segments)
}

/// The row of META that says up to which group the log was written again; see [`floor`].
pub(crate) const FLOOR: &[u8] = b"log-floor";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FloorRecord {
    pub(crate) lsn: u64,
}

impl Record for FloorRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "log floor";
}

/// The row of META that says what the rows take, so that not every compaction counts them.
pub(crate) const SIZE: &[u8] = b"log-size";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SizeRecord {
    /// Bytes that the rows take in the log.
    pub(crate) rows: u64,
    /// Bytes of the segments that a log snapshot would have freed then.
    pub(crate) freed: u64,
}

impl Record for SizeRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "log size";
}

/// Returns the number of the last group that needs no reading any more: every row that was there
/// then was logged again since, so that what it and those before say of rows is void.
pub(crate) fn floor(tx: &impl Read) -> Result<u64> {
    Ok(row::get::<FloorRecord>(tx, table::META, FLOOR)?.unwrap_or_default().lsn)
}

/// Raises the floor. It is logged: a rebuild goes by it.
pub(crate) fn raise_floor(tx: &mut impl Write, lsn: u64) -> Result<()> {
    let lsn = lsn.max(floor(tx)?);
    row::put(tx, table::META, FLOOR, &FloorRecord { lsn })
}

/// Adds `bytes` of frames whose blobs are gone.
///
/// # Errors
/// `NotFound` when there is no such segment, `Bug` when more would be dead than there is.
pub(crate) fn add_dead(tx: &mut impl Write, segment: u32, bytes: u64) -> Result<()> {
    let mut record = get(tx, segment)?;
    record.dead = record.dead.saturating_add(bytes);
    if record.dead > record.len {
        let SegmentRecord { len, dead, .. } = record;
        return Err(Error::bug(format!("{dead} of {len} bytes of segment {segment} would be dead")));
    }
    row::put(tx, table::SEGMENT, &segment.to_be_bytes(), &record)
}

/// Whether a segment is closed and blobs that live are less than half of it.
pub(crate) fn is_candidate(record: &SegmentRecord) -> bool {
    !record.open && record.live() < record.len.div_ceil(2)
}

/// Lists the closed segments of which less than half lives, the one with most to gain first.
pub(crate) fn candidates(tx: &impl Read) -> Result<Vec<(u32, SegmentRecord)>> {
    let mut segments = list(tx)?;
    segments.retain(|(_, record)| is_candidate(record));
    segments.sort_by_key(|(_, record)| std::cmp::Reverse(record.len.saturating_sub(record.live())));
    Ok(segments)
}

/// Removes the row of a segment whose live blobs were copied elsewhere.
///
/// # Errors
/// `NotFound` when there is no such segment, `Bug` when it is open.
pub(crate) fn remove(tx: &mut impl Write, segment: u32) -> Result<()> {
    if get(tx, segment)?.open {
        return Err(Error::bug(format!("segment {segment} is open and cannot be removed")));
    }
    tx.del(table::SEGMENT, &segment.to_be_bytes())
}
