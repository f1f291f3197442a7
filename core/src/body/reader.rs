//! A body as a file to read.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use bytes::{Buf, Bytes};

use super::Body;

/// How much is held of a body at a time, in bytes.
const WINDOW: u64 = 1 << 20;

/// Reads a body from any position. Buffering it once more gains nothing.
///
/// The position may lie past the end, where reading gives 0 bytes. An error of the body comes
/// out as an [`io::Error`] that holds it.
#[derive(Clone, Debug)]
pub struct Reader {
    body: Body,
    /// Offset of the next byte to read.
    at: u64,
    /// Bytes of the body from `at` on; empty where none have been taken from it yet.
    ahead: Bytes,
}

impl Body {
    /// Returns a reader that starts at the first byte. Each call starts over.
    pub fn reader(&self) -> Reader {
        Reader::new(self.clone())
    }
}

impl Reader {
    pub(super) fn new(body: Body) -> Reader {
        Reader { body, at: 0, ahead: Bytes::new() }
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.ahead.is_empty() && self.at < self.body.len() {
            self.ahead = self.body.segment(self.at, WINDOW).map_err(io::Error::other)?.data;
        }
        Ok(&self.ahead)
    }

    fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.ahead.len());
        self.ahead.advance(amount);
        self.at += amount as u64;
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(step) => self.at.checked_add_signed(step),
            SeekFrom::End(step) => self.body.len().checked_add_signed(step),
        };
        let Some(to) = to else {
            let message = "the position is before the start or past 2^64 - 1; seek to a byte from 0 on";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let skipped = to.checked_sub(self.at).and_then(|step| usize::try_from(step).ok());
        match skipped.filter(|step| *step <= self.ahead.len()) {
            Some(step) => self.ahead.advance(step),
            None => self.ahead.clear(),
        }
        self.at = to;
        Ok(to)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        Ok(self.at)
    }
}
