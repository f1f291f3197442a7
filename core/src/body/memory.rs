//! Bytes in memory as a source.

use bytes::Bytes;

use super::{Segment, Source};
use crate::{Error, Result};

/// A source of bytes that are at hand.
pub(super) struct Memory(pub(super) Bytes);

impl Source for Memory {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn segment(&self, offset: u64, limit: u64) -> Result<Segment> {
        let len = self.0.len();
        let start = usize::try_from(offset).ok().filter(|start| *start < len);
        let Some(start) = start else {
            return Err(Error::bug(format!(
                "a segment was asked for at byte {offset} of {len} bytes in memory"
            )));
        };
        let end = usize::try_from(limit).map_or(len, |limit| len.min(start.saturating_add(limit)));
        Ok(Segment { data: self.0.slice(start..end), file: None })
    }
}
