//! When a group is closed, a segment is left, and the rows are synced.

use std::time::Duration;

/// When a group is full, a segment is, and the rows are checkpointed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupLimits {
    /// Changes in one group.
    pub(crate) group_changes: usize,
    /// Bytes of blobs in one group; one blob may be larger.
    pub(crate) group_len: u64,
    /// Bytes after which the next group goes to another segment.
    pub(crate) segment_len: u64,
    /// Groups after which the rows are synced.
    pub(crate) checkpoint_groups: u32,
    /// Bytes of write-sets after which they are: what a reopening after a crash has to replay.
    pub(crate) checkpoint_len: u64,
    /// Age of the oldest unsynced rows at which the next group syncs them.
    pub(crate) checkpoint_age: Duration,
    /// Whether rows may stay unsynced between checkpoints: only where one process has the store.
    pub(crate) exclusive: bool,
    /// Whether every change is refused, because the directory takes no writes.
    pub(crate) read_only: bool,
}
