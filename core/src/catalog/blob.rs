//! Blobs: content that versions share, found by id or by hash.

use super::record::{BlobRecord, Location};
use super::table::BLOB;
use super::{hash_index, id_sequence, row};
use crate::id::BlobId;
use crate::kv::{Read, Write};
use crate::time::Time;
use crate::{Error, Result};

/// When a change happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChangeTime {
    /// As who asked for it has it: what expires is measured by it, and it is written down.
    pub(crate) now: Time,
    /// As the group has it that makes it durable, which may have waited long. The grace of what the
    /// change lets go of counts from then.
    pub(crate) group: Time,
}

/// Returns a length as what is added to a counter.
pub(crate) fn signed(len: u64) -> Result<i64> {
    i64::try_from(len).map_err(|_| Error::corrupt(format!("a length of {len} bytes is not possible")))
}

/// Returns a blob's record.
///
/// # Errors
/// `NotFound` when there is none.
pub(crate) fn get(tx: &impl Read, id: BlobId) -> Result<BlobRecord> {
    row::get(tx, BLOB, &id.to_key())?.ok_or_else(|| Error::not_found(format!("there is no blob {id}")))
}

/// Marks the scope of content that is damaged: nothing is deduplicated to it. The scope that it was
/// in is the rest.
pub(super) const QUARANTINED: u64 = 1 << 62;

/// The scope of the parts of uploads: nothing is deduplicated to them, so that what a part lets go of
/// nobody else can have.
pub(crate) const APART: u64 = u64::MAX - 1;

/// Whether blobs of a scope are found by their hash: the store's, or a drive's.
pub(crate) fn is_shared(scope: u64) -> bool {
    scope < id_sequence::END
}

/// Whether a scope is that of quarantined content.
pub(crate) fn is_quarantined(scope: u64) -> bool {
    let before = scope ^ QUARANTINED;
    is_shared(before) || before == APART
}

/// Looks for content by its hash, within a scope of deduplication (0, or a drive).
///
/// A blob that waits for its removal is found too: a version that links it revives it.
pub(crate) fn find(tx: &impl Read, scope: u64, blake3: &[u8; 32]) -> Result<Option<BlobId>> {
    if is_shared(scope) { hash_index::find(tx, scope, blake3) } else { Ok(None) }
}

/// Says that a blob's bytes are now at `to`, if they are still at `from`; returns whether.
pub(crate) fn relocate(tx: &mut impl Write, id: BlobId, from: Location, to: Location) -> Result<bool> {
    match row::get::<BlobRecord>(tx, BLOB, &id.to_key())? {
        Some(record) if record.location == from => {
            row::put(tx, BLOB, &id.to_key(), &BlobRecord { location: to, ..record })?;
            Ok(true)
        }
        _ => Ok(false),
    }
}
