//! What a store holds, in numbers.

use crate::Result;
use crate::catalog::counter::{self, Counter};
use crate::catalog::{drive, segment};
use crate::engine::Mode;
use crate::journal::Position;
use crate::store::Store;

/// Drives that are looked at in one page.
const PAGE: usize = 1000;

/// What a store holds, as [`Store::stats`] found it in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Drives.
    pub drives: u64,
    /// Files in all drives, without folders; those in the trash count.
    pub files: u64,
    /// Bytes of all versions of those files; content that two share counts twice.
    pub bytes: u64,
    /// Blobs: contents that differ, those that wait for their removal among them.
    pub blobs: u64,
    /// Bytes of those blobs.
    pub blob_bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes that the segments take, the log among them.
    pub segment_bytes: u64,
    /// Bytes of them whose blobs are gone; a compaction gets them back.
    pub dead_bytes: u64,
    /// The sequence number of the last group in the log.
    pub lsn: u64,
    /// How this process shares the store.
    pub mode: Mode,
}

impl Store {
    /// Returns what the store holds. It costs a row for each drive and each segment, whatever the
    /// number of files.
    ///
    /// # Errors
    /// `Corrupt` when a row cannot be read, `Io` as the system says.
    pub fn stats(&self) -> Result<Stats> {
        let engine = self.engine()?;
        let tx = engine.reader()?;
        let mut stats = Stats {
            drives: 0,
            files: 0,
            bytes: 0,
            blobs: counter::total(&tx, Counter::Blobs)?,
            blob_bytes: counter::total(&tx, Counter::BlobBytes)?,
            segments: 0,
            segment_bytes: 0,
            dead_bytes: 0,
            lsn: Position::read(&tx)?.lsn,
            mode: engine.options.mode,
        };
        let mut after: Option<String> = None;
        loop {
            let page = drive::list(&tx, after.as_deref(), PAGE)?;
            for info in &page {
                stats.drives += 1;
                stats.files = stats.files.saturating_add(info.files);
                stats.bytes = stats.bytes.saturating_add(info.bytes);
            }
            match page.into_iter().last() {
                Some(last) => after = Some(last.name),
                None => break,
            }
        }
        for (_, row) in segment::list(&tx)? {
            stats.segments += 1;
            stats.segment_bytes = stats.segment_bytes.saturating_add(row.len);
            stats.dead_bytes = stats.dead_bytes.saturating_add(row.dead);
        }
        Ok(stats)
    }
}
