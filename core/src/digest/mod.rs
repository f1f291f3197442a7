//! Digests: one pass over bytes gives the length, BLAKE3, SHA-1, CRC-64/XZ and CRC-32.
//!
//! BLAKE3 is the address of content; SHA-1 and CRC-64 are attributes that the PDS wire format
//! needs; CRC-32 is what a zip archive needs. Only BLAKE3 says that two contents are the same:
//! the other three can be made to collide on purpose.
//!
//! [`Digester`] works in the calling thread. [`StreamDigester`] moves SHA-1, which is slower than
//! the other three together, to a second thread once the input is large. Both give the same
//! [`Digest`] however the bytes are split. Pure: no file, no clock.

mod combine;
mod digester;
mod stream;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use combine::{crc32_combine, crc64_combine};
pub use digester::Digester;
pub use stream::StreamDigester;

/// What one pass over bytes computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Number of bytes.
    pub len: u64,
    /// BLAKE3, 256 bits: the address of the content.
    pub blake3: [u8; 32],
    /// SHA-1 (RFC 3174). Never an identity: collisions are published.
    pub sha1: [u8; 20],
    /// CRC-64/XZ: polynomial 0x42f0e1eba9ea3693 reflected, all ones before and after.
    pub crc64: u64,
    /// CRC-32 as in zip (APPNOTE section 4.4.7) and gzip (RFC 1952 section 8).
    pub crc32: u32,
}

impl Digest {
    /// Returns the digest of `bytes`, computed in the calling thread.
    ///
    /// # Example
    /// ```
    /// let digest = holdall::digest::Digest::of(b"abc");
    /// assert_eq!(digest.len, 3);
    /// assert_eq!(digest.sha1_hex(), "A9993E364706816ABA3E25717850C26C9CD0D89D");
    /// assert_eq!(digest.crc64_text(), "3231342946509354535");
    /// assert_eq!(digest.crc32, 0x352441c2);
    /// ```
    pub fn of(bytes: &[u8]) -> Digest {
        let mut digester = Digester::new();
        digester.update(bytes);
        digester.finish()
    }

    /// Returns BLAKE3 as 64 lower-case hexadecimal digits.
    pub fn blake3_hex(&self) -> String {
        blake3::Hash::from_bytes(self.blake3).to_hex().to_string()
    }

    /// Returns SHA-1 as 40 upper-case hexadecimal digits, as PDS writes `content_hash`.
    pub fn sha1_hex(&self) -> String {
        format!("{:X}", Bytes::copy_from_slice(&self.sha1))
    }

    /// Returns CRC-64 as decimal text without leading zeros, as PDS writes `crc64_hash`.
    pub fn crc64_text(&self) -> String {
        self.crc64.to_string()
    }
}
