//! All four hashes in the calling thread.

use sha1::{Digest as _, Sha1};

use super::Digest;

/// Bytes that all four hashes go over before the next ones are touched: small enough to stay in
/// the second-level cache, large enough for BLAKE3 to use its widest instructions.
pub(super) const BLOCK: usize = 128 << 10;

/// Computes a [`Digest`] in the calling thread, piece by piece.
///
/// # Example
/// ```
/// use holdall::digest::{Digest, Digester};
///
/// let mut digester = Digester::new();
/// digester.update(b"hello ");
/// digester.update(b"world");
/// assert_eq!(digester.finish(), Digest::of(b"hello world"));
/// ```
#[derive(Clone, Default)]
pub struct Digester {
    pub(super) sha1: Sha1,
    pub(super) rest: Rest,
}

impl Digester {
    /// Makes a digester that has seen no byte.
    pub fn new() -> Digester {
        Digester::default()
    }

    /// Takes the next bytes. How the input is split does not change the result.
    pub fn update(&mut self, bytes: &[u8]) {
        for block in bytes.chunks(BLOCK) {
            self.sha1.update(block);
            self.rest.update_block(block);
        }
    }

    /// Returns the digest of everything taken.
    pub fn finish(self) -> Digest {
        self.rest.finish(self.sha1)
    }
}

/// Everything but SHA-1: together about twice as fast as SHA-1 alone.
#[derive(Clone, Default)]
pub(super) struct Rest {
    len: u64,
    blake3: blake3::Hasher,
    crc64: crc64fast::Digest,
    crc32: crc32fast::Hasher,
}

impl Rest {
    /// Returns the number of bytes taken.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the BLAKE3 of the bytes taken so far.
    pub(super) fn blake3(&self) -> [u8; 32] {
        *self.blake3.finalize().as_bytes()
    }

    /// Takes the next bytes, of any length.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        bytes.chunks(BLOCK).for_each(|block| self.update_block(block));
    }

    fn update_block(&mut self, block: &[u8]) {
        self.len += block.len() as u64;
        self.blake3.update(block);
        self.crc64.write(block);
        self.crc32.update(block);
    }

    /// Returns the digest, with `sha1` having seen the same bytes.
    pub(super) fn finish(self, sha1: Sha1) -> Digest {
        Digest {
            len: self.len,
            blake3: *self.blake3.finalize().as_bytes(),
            sha1: sha1.finalize().into(),
            crc64: self.crc64.sum64(),
            crc32: self.crc32.finalize(),
        }
    }
}
