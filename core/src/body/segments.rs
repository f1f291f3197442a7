//! A body as an iterator.

use std::iter::FusedIterator;

use super::{Body, Segment};
use crate::Result;

/// The segments of a body in order: none empty, together exactly its bytes. Ends after the first
/// error.
#[derive(Clone, Debug)]
pub struct Segments {
    body: Body,
    limit: u64,
    /// Offset of the next segment; the length of the body at the end.
    at: u64,
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
