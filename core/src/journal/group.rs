//! What a change sees: the rows, with every write recorded, and a place for new blobs.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::change;
use crate::blobs::frame::{Frame, FrameKind, frame_len};
use crate::catalog::blob::ChangeTime;
use crate::catalog::object;
use crate::catalog::record::Location;
use crate::digest::Digest;
use crate::id::BlobId;
use crate::kv::{KeyRange, Prefetch, Read, Table, VisitMany, VisitRow, Write};
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// The frames of a group that is being made.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) lsn: u64,
    pub(super) time: Time,
    pub(super) segment: u32,
    /// Where the group begins in the segment.
    pub(super) start: u64,
    /// Where the next frame goes.
    pub(super) end: u64,
    pub(super) blobs: Vec<(Frame, Bytes)>,
    pub(super) change: Vec<u8>,
    /// Counters that were added to, by table and key: what they have become is logged once, at the end.
    sums: BTreeMap<(u8, Vec<u8>), Table>,
    /// How often a counter was added to.
    additions: usize,
    /// Whether the rows are written down in `change`; otherwise it has a byte for each.
    pub(super) logged: bool,
}

impl Pending {
    pub(super) fn new(lsn: u64, time: Time, segment: u32, start: u64) -> Pending {
        Pending {
            lsn,
            time,
            segment,
            start,
            end: start,
            blobs: Vec::new(),
            change: Vec::new(),
            sums: BTreeMap::new(),
            additions: 0,
            logged: true,
        }
    }

    /// Makes those of a group that is in no log.
    #[cfg(feature = "remote")]
    pub(super) fn unlogged(time: Time, segment: u32, start: u64) -> Pending {
        Pending { logged: false, ..Pending::new(0, time, segment, start) }
    }

    /// Notes a write, in the log if there is one.
    fn log(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        match self.logged {
            true => write(&mut self.change),
            false => self.change.push(0),
        }
    }

    /// Returns a value that differs once anything more was written.
    pub(super) fn mark(&self) -> (usize, usize, usize) {
        (self.blobs.len(), self.change.len(), self.additions)
    }

    /// Notes that a counter was added to, which the log says when the group is whole.
    fn note_sum(&mut self, table: Table, key: &[u8]) {
        self.additions += 1;
        self.sums.entry((table.byte, key.to_vec())).or_insert(table);
    }

    /// Logs what the counters have become that were added to. One that was removed since was logged so then.
    ///
    /// # Errors
    /// `Io` and `Corrupt` when a row cannot be read.
    pub(super) fn log_sums(&mut self, tx: &impl Read) -> Result<()> {
        for ((byte, key), table) in std::mem::take(&mut self.sums) {
            tx.get(table, &key, |value| {
                change::put(&mut self.change, byte, &key, value);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Adds a blob's bytes and returns where they will be.
    pub(super) fn append(&mut self, blob: BlobId, bytes: Bytes, digest: &Digest) -> Result<Location> {
        let len = u32::try_from(bytes.len()).map_err(|_| {
            Error::new(
                ErrorKind::TooLarge,
                format!("a blob of {} bytes is too large for a segment", bytes.len()),
            )
        })?;
        let location = Location::Segment { segment: self.segment, offset: self.end };
        self.end += frame_len(u64::from(len));
        let frame = Frame {
            kind: FrameKind::Blob,
            lsn: self.lsn,
            id: blob.0,
            len,
            crc32: digest.crc32,
            blake3: digest.blake3,
            time: self.time,
            previous: 0,
        };
        self.blobs.push((frame, bytes));
        Ok(location)
    }

    /// Whether nothing was written yet.
    pub(super) fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.change.is_empty() && self.additions == 0
    }
}

/// The rows and the log, as one change of a group sees them. It may be run more than once.
pub(crate) struct Group<'g, W> {
    pub(super) tx: &'g mut W,
    pub(super) pending: &'g mut Pending,
}

impl<W: Write> Group<'_, W> {
    /// Logs a row as it is, which changes nothing.
    pub(crate) fn log_again(&mut self, table: Table, key: &[u8], value: &[u8]) {
        change::put(&mut self.pending.change, table.byte, key, value);
    }

    /// Returns when a change happens that was asked for at `now`.
    pub(crate) fn time(&self, now: Time) -> ChangeTime {
        let before = mutant::is_active(Mutant::GraceFromTheCall);
        ChangeTime { now, group: if before { now } else { self.pending.time } }
    }

    /// Holds the group to it that the large content of a blob is where it was written. A file of ours is
    /// locked until then; an object may have been swept, if its process was held up for days.
    pub(crate) fn expect_content(&mut self, blob: BlobId) -> Result<()> {
        match self.pending.logged {
            true => Ok(()),
            false => object::expect_content(self.tx, blob),
        }
    }

    /// Adds a blob's bytes to the group and returns where they will be.
    pub(crate) fn append(&mut self, blob: BlobId, bytes: Bytes, digest: &Digest) -> Result<Location> {
        self.pending.append(blob, bytes, digest)
    }
}

impl<W: Write> Read for Group<'_, W> {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        self.tx.get(table, key, found)
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut VisitRow<'_>) -> Result<()> {
        self.tx.scan(table, range, reverse, visit)
    }

    fn glance(
        &self,
        table: Table,
        range: KeyRange<'_>,
        reverse: bool,
        visit: &mut VisitRow<'_>,
    ) -> Result<()> {
        self.tx.glance(table, range, reverse, visit)
    }

    fn get_many(&self, keys: &[(Table, &[u8])], visit: &mut VisitMany<'_>) -> Result<()> {
        self.tx.get_many(keys, visit)
    }

    fn prefetch_while<T>(
        &self,
        rows: impl FnOnce() -> Prefetch,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<Option<T>> {
        self.tx.prefetch_while(rows, meanwhile)
    }
}

impl<W: Write> Write for Group<'_, W> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.pending.log(|change| change::put(change, table.byte, key, value));
        self.tx.put(table, key, value)
    }

    fn del(&mut self, table: Table, key: &[u8]) -> Result<()> {
        self.pending.log(|change| change::delete(change, table.byte, key));
        self.tx.del(table, key)
    }

    fn add(&mut self, table: Table, key: &[u8], delta: i64) -> Result<()> {
        self.tx.add(table, key, delta)?;
        match self.pending.logged {
            true => self.pending.note_sum(table, key),
            // Without a look at the sum, which would make two additions refuse each other.
            false => self.pending.log(|_| ()),
        }
        Ok(())
    }

    fn expect_absent(&mut self, table: Table, key: &[u8]) -> Result<()> {
        self.tx.expect_absent(table, key)
    }
}
