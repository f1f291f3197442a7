//! Counters: what the store counts, and the one place that numbers the kinds.
//!
//! A counter is changed by addition only, so that no two transactions need to read it to write it.

use crate::Result;
use crate::catalog::table;
use crate::id::{DriveId, LinkId, ShareId, UploadId};
use crate::kv::{self, FirstRow, Read, Write};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Counter {
    /// Files in a drive.
    DriveFiles(DriveId),
    /// Bytes of all versions in a drive.
    DriveBytes(DriveId),
    /// Blobs in the store.
    Blobs,
    /// Bytes of all blobs in the store.
    BlobBytes,
    /// How often URLs of something in a drive were made invalid.
    Withdrawals(DriveId),
    /// What the rows of the archives take that a drive's owner made.
    DriveArchives(DriveId),
    /// What the rows of the archives take that visitors of a share made.
    ShareArchives(ShareId),
    /// Bytes of the parts that an upload has.
    UploadBytes(UploadId),
    /// Downloads through a direct link.
    LinkDownloads(LinkId),
    /// Times a share was entered.
    ShareViews(ShareId),
}

impl Counter {
    /// Returns the key: the kind, whose number never changes, and the id (0 for the whole store).
    fn key(self) -> [u8; 9] {
        let (kind, id) = match self {
            Counter::DriveFiles(drive) => (1, drive.0),
            Counter::DriveBytes(drive) => (2, drive.0),
            Counter::Blobs => (3, 0),
            Counter::BlobBytes => (4, 0),
            Counter::Withdrawals(drive) => (5, drive.0),
            Counter::DriveArchives(drive) => (6, drive.0),
            Counter::LinkDownloads(link) => (10, link.0),
            Counter::ShareViews(share) => (11, share.0),
            Counter::ShareArchives(share) => (12, share.0),
            Counter::UploadBytes(upload) => (13, upload.0),
        };
        let [a, b, c, d, e, f, g, h] = id.to_be_bytes();
        [kind, a, b, c, d, e, f, g, h]
    }
}

/// Adds `delta` to a counter; one that was never added to is 0.
pub(crate) fn add(tx: &mut impl Write, counter: Counter, delta: i64) -> Result<()> {
    tx.add(table::COUNTER, &counter.key(), delta)
}

/// Reads a counter.
///
/// # Errors
/// `Corrupt` when the row is not 8 bytes long.
pub(crate) fn get(tx: &impl Read, counter: Counter) -> Result<i64> {
    Ok(tx.get(table::COUNTER, &counter.key(), kv::counter)?.unwrap_or(0))
}

/// Reads a counter of what cannot be fewer than none; a count below that, after a repair say, is 0.
pub(crate) fn total(tx: &impl Read, counter: Counter) -> Result<u64> {
    Ok(u64::try_from(get(tx, counter)?).unwrap_or(0))
}

/// Returns the row of a counter, to be read ahead.
pub(super) fn row(counter: Counter) -> FirstRow {
    FirstRow::of(table::COUNTER, counter.key())
}

/// Removes a counter with the thing that it counts for.
pub(crate) fn remove(tx: &mut impl Write, counter: Counter) -> Result<()> {
    tx.del(table::COUNTER, &counter.key())
}
