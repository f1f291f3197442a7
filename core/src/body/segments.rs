//! A body as an iterator.

use std::iter::FusedIterator;

use super::{Body, Segment};
use crate::Result;

/// Segments are no longer than this, in bytes, unless asked for otherwise: 1 MiB.
const SEGMENT_LIMIT: u64 = 1 << 20;

/// The segments of a body in order: none empty, together exactly its bytes. Ends after the first
/// error.
#[derive(Clone, Debug)]
pub struct Segments {
    body: Body,
    limit: u64,
    /// Offset of the next segment; the length of the body at the end.
    at: u64,
}

impl Body {
    /// Returns the body as segments of at most 1 MiB. Each call starts over.
    pub fn segments(&self) -> Segments {
        self.segments_of(SEGMENT_LIMIT)
    }

    /// Returns the body as segments of at most `limit` bytes, and at least 1. Each call starts
    /// over.
    pub fn segments_of(&self, limit: u64) -> Segments {
        Segments::new(self.clone(), limit)
    }
}

impl IntoIterator for &Body {
    type Item = Result<Segment>;
    type IntoIter = Segments;

    fn into_iter(self) -> Segments {
        self.segments()
    }
}

impl Segments {
    pub(super) fn new(body: Body, limit: u64) -> Segments {
        Segments { body, limit: limit.max(1), at: 0 }
    }

    /// Returns how many bytes are still to come.
    pub fn remaining(&self) -> u64 {
        self.body.len() - self.at
    }
}

impl Iterator for Segments {
    type Item = Result<Segment>;

    fn next(&mut self) -> Option<Result<Segment>> {
        if self.remaining() == 0 {
            return None;
        }
        let segment = self.body.segment(self.at, self.limit);
        self.at = match &segment {
            Ok(segment) => self.at + segment.data.len() as u64,
            Err(_) => self.body.len(),
        };
        Some(segment)
    }
}

impl FusedIterator for Segments {}
