//! Bodies end to end as one source.

use std::sync::Arc;

use super::{Body, FileRange, Segment, Source};
use crate::{Error, ErrorKind, Result};

/// A source that goes through its pieces in order.
pub(super) struct Concat {
    /// In order of `start`, none empty.
    pieces: Vec<Piece>,
    len: u64,
}

struct Piece {
    /// Offset in the whole of the first byte: the sum of the lengths before.
    start: u64,
    body: Body,
}

impl Body {
    /// Makes a body of `bodies` end to end. A segment is found in O(log n) of them, so join many
    /// at once and not one after another.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] where the lengths add up to more than 2^64 - 1 bytes.
    pub fn concat(bodies: Vec<Body>) -> Result<Body> {
        Ok(Body::new(Arc::new(Concat::new(bodies)?)))
    }
}

impl Concat {
    /// Joins `bodies` in order; empty ones leave no trace.
    pub(super) fn new(bodies: Vec<Body>) -> Result<Concat> {
        let mut len = 0_u64;
        let mut pieces = Vec::with_capacity(bodies.len());
        for body in bodies.into_iter().filter(|body| !body.is_empty()) {
            let start = len;
            len = start.checked_add(body.len()).ok_or_else(|| {
                Error::new(
                    ErrorKind::TooLarge,
                    format!("{start} and {} bytes are more than a body can have; join fewer", body.len()),
                )
            })?;
            pieces.push(Piece { start, body });
        }
        Ok(Concat { pieces, len })
    }
}

impl Source for Concat {
    fn len(&self) -> u64 {
        self.len
    }

    fn segment(&self, offset: u64, limit: u64) -> Result<Segment> {
        let after = self.pieces.partition_point(|piece| piece.start <= offset);
        match after.checked_sub(1).and_then(|at| self.pieces.get(at)) {
            Some(piece) => piece.body.segment(offset - piece.start, limit),
            None => Err(Error::bug(format!("a segment was asked for at byte {offset} of an empty body"))),
        }
    }

    fn file_range(&self, offset: u64, limit: u64) -> Result<Option<(FileRange, u64)>> {
        let after = self.pieces.partition_point(|piece| piece.start <= offset);
        match after.checked_sub(1).and_then(|at| self.pieces.get(at)) {
            Some(piece) => piece.body.file_range(offset - piece.start, limit),
            None => Ok(None),
        }
    }
}
