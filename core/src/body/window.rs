//! The body itself: a window on a source.

use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::memory::Memory;
use super::{FileRange, Segment, Source};
use crate::{Error, ErrorKind, Result};

/// Bytes of an exact length that may be sliced, joined and gone through any number of times.
///
/// A clone shares the source and costs one atomic increment. A body keeps what it serves alive,
/// whatever becomes of the store.
///
/// # Example
/// ```
/// use holdall::body::Body;
///
/// let body = Body::concat(vec![Body::from_bytes("hello "), Body::from_bytes("world")])?;
/// assert_eq!(body.len(), 11);
/// assert_eq!(body.slice(4..8)?.to_vec(1024)?, b"o wo");
/// assert_eq!(body.segments().count(), 2);
/// # Ok::<(), holdall::Error>(())
/// ```
#[derive(Clone)]
pub struct Body {
    source: Arc<dyn Source>,
    start: u64,
    len: u64,
}

impl Body {
    /// Makes a body of everything in `source`.
    pub fn new(source: Arc<dyn Source>) -> Body {
        let len = source.len();
        Body { source, start: 0, len }
    }

    /// Makes a body without a byte.
    pub fn empty() -> Body {
        Body::from_bytes(Bytes::new())
    }

    /// Makes a body of bytes in memory, which are not copied.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Body {
        Body::new(Arc::new(Memory(bytes.into())))
    }

    /// Returns the exact length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the bytes from `range.start` up to and without `range.end`. Touches no byte.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where the range ends before it starts or past the body.
    pub fn slice(&self, range: Range<u64>) -> Result<Body> {
        let Range { start, end } = range;
        match end.checked_sub(start) {
            Some(len) if end <= self.len => {
                Ok(Body { source: Arc::clone(&self.source), start: self.start + start, len })
            }
            _ => Err(Error::invalid(format!(
                "bytes {start} to {end} are not a slice of a body of {} bytes; keep start <= end <= length",
                self.len
            ))),
        }
    }

    /// Returns the run of bytes that starts at `offset`: at least 1 byte, at most `limit`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where `offset` is at or past the end, or `limit` is 0;
    /// [`ErrorKind::Bug`] where the source breaks its promise; whatever the source reports.
    pub fn segment(&self, offset: u64, limit: u64) -> Result<Segment> {
        let limit = self.within(offset, limit)?;
        let segment = self.source.segment(self.start + offset, limit)?;
        match segment.data.len() as u64 {
            0 => Err(Error::bug(format!("the source of a body returned an empty segment at byte {offset}"))),
            len if len > limit => Err(Error::bug(format!(
                "the source of a body returned {len} bytes at byte {offset} where at most {limit} were asked for"
            ))),
            _ => Ok(segment),
        }
    }

    /// Returns the run that starts at `offset` as a range of a file and its length, at most `limit`
    /// bytes; `None` where it is in no file. No byte is read or mapped, so this is what `sendfile`
    /// wants, and what a store without maps gives of long content in one piece.
    ///
    /// # Errors
    /// As [`segment`](Body::segment).
    pub fn file_range(&self, offset: u64, limit: u64) -> Result<Option<(FileRange, u64)>> {
        let limit = self.within(offset, limit)?;
        let found = self.source.file_range(self.start + offset, limit)?;
        match &found {
            Some((_, len)) if *len == 0 || *len > limit => Err(Error::bug(format!(
                "the source of a body returned a file range of {len} bytes at byte {offset}, of 1 to {limit}"
            ))),
            _ => Ok(found),
        }
    }

    /// Returns how much of `limit` is left from `offset` on, at least 1.
    fn within(&self, offset: u64, limit: u64) -> Result<u64> {
        match limit.min(self.len.saturating_sub(offset)) {
            0 => Err(Error::invalid(format!(
                "no segment starts at byte {offset} of a body of {} bytes with room for at least 1 byte",
                self.len
            ))),
            limit => Ok(limit),
        }
    }

    /// Copies the bytes from `offset` on into `buffer` and returns how many: fewer than its
    /// length only at the end of the body, 0 at or past the end.
    ///
    /// # Errors
    /// As [`segment`](Body::segment); what is in `buffer` is then unspecified.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut at = offset;
        let mut unread = &mut *buffer;
        while !unread.is_empty() && at < self.len {
            let segment = self.segment(at, unread.len() as u64)?;
            let (filled, rest) = unread.split_at_mut(segment.data.len());
            filled.copy_from_slice(&segment.data);
            at += segment.data.len() as u64;
            unread = rest;
        }
        let left = unread.len();
        Ok(buffer.len() - left)
    }

    /// Returns a copy of all bytes.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] where there are more than `max` bytes or more than memory holds,
    /// before any is read; otherwise as [`segment`](Body::segment).
    pub fn to_vec(&self, max: u64) -> Result<Vec<u8>> {
        let too_large = |room: &str| {
            let message = format!("a body of {} bytes is more than {room}; read it in pieces", self.len);
            Error::new(ErrorKind::TooLarge, message)
        };
        if self.len > max {
            return Err(too_large(&format!("the {max} that are allowed")));
        }
        let len = usize::try_from(self.len).map_err(|_| too_large("memory can address"))?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| too_large("memory has room for"))?;
        for segment in self {
            bytes.extend_from_slice(&segment?.data);
        }
        Ok(bytes)
    }

    /// Writes all bytes to `writer` and returns how many. Does not flush.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] where the writer fails; otherwise as [`segment`](Body::segment). What
    /// was written up to then stays written.
    pub fn copy_to(&self, writer: &mut (impl Write + ?Sized)) -> Result<u64> {
        let mut written = 0;
        for segment in self {
            let data = segment?.data;
            writer.write_all(&data).map_err(|error| {
                Error::io(format!("writing a body at byte {written} of {}", self.len), error)
            })?;
            written += data.len() as u64;
        }
        Ok(written)
    }
}

impl Default for Body {
    fn default() -> Body {
        Body::empty()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.len)
    }
}
