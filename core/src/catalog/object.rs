//! What a store whose contents are objects keeps of them, besides the rows of segments and blobs: who the store
//! is, which numbers of segments are given out, and which objects were swept.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::record::{Record, SegmentRecord};
use super::{row, table};
use crate::id::BlobId;
use crate::kv::{Read, Write};
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// The row of META that says who the store is, where it is no directory.
pub(super) const IDENTITY: &[u8] = b"identity";
/// The row of META that says which number of a segment is the next.
pub(super) const NEXT_SEGMENT: &[u8] = b"next-segment";
/// What the rows of META begin with of objects that were swept.
pub(super) const SWEPT: &[u8] = b"swept-";

/// Who a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdentityRecord {
    pub(crate) uuid: [u8; 16],
    pub(crate) created: Time,
}

/// Version 1 had the same fields: see [`Position`](super::position::Position).
impl Record for IdentityRecord {
    const VERSION: u8 = 2;
    const NOUN: &'static str = "identity";

    fn decode_older(version: u8, rest: &[u8]) -> Option<Result<IdentityRecord>> {
        (version == 1).then(|| IdentityRecord::read(rest))
    }
}

/// Returns who the store is; None in a new one.
///
/// # Errors
/// `Corrupt` when the row cannot be read.
pub(crate) fn identity(tx: &impl Read) -> Result<Option<IdentityRecord>> {
    row::get(tx, table::META, IDENTITY)
}

/// Says who a store is as this build does, if an earlier one said it: from then on that refuses the store.
pub(crate) fn renew_identity(tx: &mut impl Write, identity: &IdentityRecord) -> Result<()> {
    let written = tx.get(table::META, IDENTITY, |bytes| Ok(bytes.first().copied()))?.flatten();
    if written == Some(IdentityRecord::VERSION) { Ok(()) } else { set_identity(tx, identity) }
}

/// Says who a new store is.
pub(crate) fn set_identity(tx: &mut impl Write, identity: &IdentityRecord) -> Result<()> {
    row::put(tx, table::META, IDENTITY, identity)
}

/// Reserves numbers of segments that follow each other; the first of a store is 1.
///
/// # Errors
/// `TooLarge` when the store has given out all 2^32.
pub(crate) fn reserve_segments(tx: &mut impl Write, count: u32) -> Result<Range<u32>> {
    let next = row::id(tx, table::META, NEXT_SEGMENT)?.unwrap_or(1);
    let all = u32::try_from(next).ok().and_then(|start| Some(start..start.checked_add(count)?));
    let range = all.ok_or_else(|| {
        Error::new(
            ErrorKind::TooLarge,
            "the store has made 2^32 groups of small contents, and can make no more; start a new one",
        )
    })?;
    tx.put(table::META, NEXT_SEGMENT, &u64::from(range.end).to_be_bytes())?;
    Ok(range)
}

/// Lets the numbers of segments begin behind one that is taken.
pub(crate) fn pass_segment(tx: &mut impl Write, last: u32) -> Result<()> {
    let next = row::id(tx, table::META, NEXT_SEGMENT)?.unwrap_or(1).max(u64::from(last).saturating_add(1));
    tx.put(table::META, NEXT_SEGMENT, &next.to_be_bytes())
}

/// Makes the row of a segment that was written, of `len` bytes of which frames take `blobs`, unless its object
/// was swept.
pub(crate) fn insert_segment(tx: &mut impl Write, number: u32, (len, blobs): (u64, u64)) -> Result<()> {
    expect_absent(tx, &swept_segment(number))?;
    let record = SegmentRecord { open: false, len, blobs, dead: 0, last: 0 };
    row::put(tx, table::SEGMENT, &number.to_be_bytes(), &record)
}

/// Holds a commit to it that the object of a large content was not swept.
pub(crate) fn expect_content(tx: &mut impl Write, blob: BlobId) -> Result<()> {
    expect_absent(tx, &swept_content(blob))
}

fn expect_absent(tx: &mut impl Write, swept: &[u8]) -> Result<()> {
    match mutant::is_active(Mutant::SweptIsCommitted) {
        true => Ok(()),
        false => tx.expect_absent(table::META, swept),
    }
}

/// Returns which of these segments have a row. Of the others it notes that they were swept, so that whoever
/// wrote one and was held up ever since cannot refer to it any more.
pub(crate) fn sweep_segments(tx: &mut impl Write, numbers: &[u64]) -> Result<Vec<bool>> {
    let mut referred = Vec::with_capacity(numbers.len());
    for number in numbers {
        let number = u32::try_from(*number).map_err(|_| Error::corrupt("a segment has too high a number"))?;
        let has_row = row::exists(tx, table::SEGMENT, &number.to_be_bytes())?;
        if !has_row {
            tx.put(table::META, &swept_segment(number), &[])?;
        }
        referred.push(has_row);
    }
    Ok(referred)
}

/// As [`sweep_segments`], of large contents.
pub(crate) fn sweep_contents(tx: &mut impl Write, blobs: &[u64]) -> Result<Vec<bool>> {
    let mut referred = Vec::with_capacity(blobs.len());
    for blob in blobs.iter().copied().map(BlobId) {
        let has_row = row::exists(tx, table::BLOB, &blob.to_key())?;
        if !has_row {
            tx.put(table::META, &swept_content(blob), &[])?;
        }
        referred.push(has_row);
    }
    Ok(referred)
}

fn swept_segment(number: u32) -> Vec<u8> {
    [SWEPT, b"s", &number.to_be_bytes()].concat()
}

fn swept_content(blob: BlobId) -> Vec<u8> {
    [SWEPT, b"c", &blob.0.to_be_bytes()].concat()
}
