//! A response body as a value, with an exact length, that can be sliced and iterated
//! again. Pure: where the bytes come from is behind [`Source`].
//!
//! A [`Body`] is a window on a source. Slicing moves the window, [`Body::concat`] joins bodies;
//! neither touches a byte. The bytes come out as [`Segments`], by position, or as a [`Reader`].

mod concat;
mod memory;
mod reader;
mod segments;
#[cfg(test)]
mod tests;
mod window;

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;

pub use reader::Reader;
pub use segments::Segments;
pub use window::Body;

use crate::Result;

/// One contiguous run of a body.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The bytes: inline, or a window on a mapped file. Never empty.
    pub data: Bytes,
    /// The same bytes as a range of a file, where there is one: what `sendfile` wants.
    pub file: Option<FileRange>,
}

/// A place in an open file; the length is that of the segment's data.
#[derive(Clone, Debug)]
pub struct FileRange {
    /// The open file. It is immutable for as long as it is held.
    pub file: Arc<File>,
    /// Offset of the first byte, in bytes from the start of the file.
    pub offset: u64,
}

/// Where a body's bytes come from.
pub trait Source: Send + Sync + 'static {
    /// Returns the exact length in bytes.
    fn len(&self) -> u64;

    /// Returns the run of bytes that starts at `offset` and goes on for as long as it is
    /// contiguous, and not past `offset + limit`. `offset` is below `len()`, `limit` at least 1.
    ///
    /// # Errors
    /// Whatever keeps the source from producing the bytes; the transfer is then broken off.
    fn segment(&self, offset: u64, limit: u64) -> Result<Segment>;

    /// Returns the same run as a range of a file and its length, with no byte read or mapped; `None`
    /// where it is in no file, which is so unless a source says otherwise.
    ///
    /// # Errors
    /// As [`segment`](Source::segment).
    fn file_range(&self, offset: u64, limit: u64) -> Result<Option<(FileRange, u64)>> {
        let _ = (offset, limit);
        Ok(None)
    }

    /// Returns whether there is nothing to send.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
