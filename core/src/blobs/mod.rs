//! Immutable content on disk: segments that hold many small blobs and the log, and a file for
//! each large blob.

pub(crate) mod frame;
// Without rows in a database nothing opens a store with it.
#[cfg(feature = "s3")]
#[cfg_attr(not(any(test, feature = "remote")), allow(dead_code, unused_imports))]
pub(crate) mod object;
pub(crate) mod pool;
pub(crate) mod segment;
pub(crate) mod spool;
pub(crate) mod stage;
pub(crate) mod stored;

/// The directory of what was moved away: nothing reads it but a repair.
pub(crate) const LOST: &str = "lost";
