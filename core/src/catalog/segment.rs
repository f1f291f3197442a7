//! The rows of the segments, and how far the log is applied to the index.

use serde::{Deserialize, Serialize};

use crate::catalog::record::{Record, SegmentRecord};
use crate::catalog::{row, table};
use crate::kv::{Read, Scan, Write};
use crate::{Error, Result};

/// The row of META that tells how far the log is applied.
const APPLIED: &[u8] = b"applied";
/// The row of META that tells of an exclusive session.
const MODE: &[u8] = b"mode";

/// How far the log is applied to the index: everything before is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppliedRecord {
    /// The segment that the log goes on in.
    pub(crate) segment: u32,
    /// The byte in it after the last frame applied.
    pub(crate) offset: u64,
    /// The sequence number of the last frame applied.
    pub(crate) lsn: u64,
}

impl Record for AppliedRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "log position";
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct ModeRecord {
    exclusive: bool,
}

impl Record for ModeRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "mode";
}

/// Reads how far the log is applied; none in a new store.
pub(crate) fn applied(tx: &impl Read) -> Result<Option<AppliedRecord>> {
    row::get(tx, table::META, APPLIED)
}

/// Sets how far the log is applied.
///
/// # Errors
/// `Bug` when that is before what was applied already.
pub(crate) fn set_applied(tx: &mut impl Write, applied: AppliedRecord) -> Result<()> {
    if let Some(before) = self::applied(tx)?.filter(|before| before.lsn > applied.lsn) {
        return Err(Error::bug(format!("the log went back from {} to {}", before.lsn, applied.lsn)));
    }
    row::put(tx, table::META, APPLIED, &applied)
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

/// Sets the row of a segment.
///
/// # Errors
/// `Bug` when more is dead than there is.
pub(crate) fn put(tx: &mut impl Write, segment: u32, record: &SegmentRecord) -> Result<()> {
    if record.dead > record.len {
        let SegmentRecord { len, dead, .. } = record;
        return Err(Error::bug(format!("{dead} of {len} bytes of segment {segment} would be dead")));
    }
    row::put(tx, table::SEGMENT, &segment.to_be_bytes(), record)
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

/// Sets a segment's length to `len`, which is where its last published frame ends.
///
/// # Errors
/// `NotFound` when there is no such segment, `Bug` when it is closed or would become shorter:
/// nothing published is ever taken back.
pub(crate) fn advance(tx: &mut impl Write, segment: u32, len: u64) -> Result<()> {
    let mut record = get(tx, segment)?;
    if !record.open || len < record.len {
        let state = if record.open { "open" } else { "closed" };
        return Err(Error::bug(format!(
            "segment {segment} is {state}, {} bytes long, and would become {len}",
            record.len
        )));
    }
    record.len = len;
    put(tx, segment, &record)
}

/// Closes a segment: nobody appends to it any more.
///
/// # Errors
/// `NotFound` when there is no such segment.
pub(crate) fn close(tx: &mut impl Write, segment: u32) -> Result<()> {
    let mut record = get(tx, segment)?;
    record.open = false;
    put(tx, segment, &record)
}

/// Adds `bytes` of frames whose blobs are gone.
///
/// # Errors
/// `NotFound` when there is no such segment, `Bug` when more would be dead than there is.
pub(crate) fn add_dead(tx: &mut impl Write, segment: u32, bytes: u64) -> Result<()> {
    let mut record = get(tx, segment)?;
    record.dead = record.dead.saturating_add(bytes);
    put(tx, segment, &record)
}

/// Lists the closed segments that are more than half dead, the most dead bytes first.
pub(crate) fn candidates(tx: &impl Read) -> Result<Vec<(u32, SegmentRecord)>> {
    let mut segments = list(tx)?;
    // Halving rounds down, so this is 2 * dead > len, without the overflow.
    segments.retain(|(_, record)| !record.open && record.dead > record.len / 2);
    segments.sort_by_key(|(_, record)| std::cmp::Reverse(record.dead));
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
