//! Proofs that a client has the content whose hash it names.
//!
//! Version 1: the first 16 hexadecimal digits of the MD5 of the access token are a number; that number
//! modulo the length is an offset; the 8 bytes from there on in base 64 are the proof. Where there are
//! fewer, clients send those; here nothing is proved by them, and the content is sent. MD5 spreads the
//! offsets and protects nothing: the client can tell them before, and eight bytes of zeros are soon
//! guessed. It is taken for content of the caller's own drive, which would be given to it anyway.
//!
//! Content of any drive takes a proof that is of this package alone: a MAC over many pieces at places
//! that nobody knows before, as in Halevi et al., Proofs of Ownership in Remote Storage Systems (2011).
//! Who lacks a hundredth of the content fails 12 times in 13, and one claim has the same pieces all day;
//! who lacks a tenth does not get through.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::Result;
use crate::catalog::sha1_index;

use crate::mutant::{self, Mutant};

/// How many bytes prove the rest.
pub(super) const LEN: u64 = 8;

/// Returns where the bytes of a proof begin.
pub(super) fn offset(token: &str, len: u64) -> u64 {
    let digest: [u8; 16] = Md5::digest(token.as_bytes()).into();
    let (first, _) = digest.split_at(8);
    let number = first.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    number.checked_rem(len).unwrap_or(0)
}

/// Whether `proof` is made of these bytes of the content: all of them, never fewer. Where the content
/// ends before, one byte would prove the rest.
pub(super) fn holds(proof: &str, bytes: &[u8]) -> bool {
    let whole = u64::try_from(bytes.len()) == Ok(LEN) || mutant::is_active(Mutant::ClaimsAcrossDrives);
    whole && proof == STANDARD.encode(bytes)
}

/// The version of proofs of content of any drive.
pub(super) const ACROSS: &str = "holdall-1";
/// Seconds for which one claim is asked for the same pieces.
pub(super) const DAY: i64 = 24 * 3600;
/// Content of fewer bytes is not claimed of other drives.
pub(super) const LEAST: u64 = sha1_index::MIN_LEN;
/// Content up to this length is asked for whole.
const WHOLE: u64 = PIECES * PIECE;
const PIECES: u64 = 256;
const PIECE: u64 = 4096;

/// What a client is asked for, to prove that it has content.
pub(super) struct Challenge {
    key: [u8; 32],
    /// Offsets and lengths, in their order.
    pieces: Vec<(u64, u64)>,
}

impl Challenge {
    /// Derives the key and the pieces from a secret that is of one claim.
    pub(super) fn new(seed: &[u8], size: u64) -> Challenge {
        let mut stream = blake3::Hasher::new_derive_key("holdall 2026 pieces that prove content")
            .update(seed)
            .finalize_xof();
        let mut key = [0; 32];
        stream.fill(&mut key);
        let pieces = match size <= WHOLE {
            true => vec![(0, size)],
            false => {
                let mut offset = || {
                    let mut bytes = [0; 8];
                    stream.fill(&mut bytes);
                    // Every piece is whole: none begins so late that it would be cut short.
                    u64::from_le_bytes(bytes).checked_rem(size - PIECE + 1).unwrap_or(0)
                };
                let mut offsets: Vec<u64> = (0..PIECES).map(|_| offset()).collect();
                offsets.sort_unstable();
                offsets.into_iter().map(|offset| (offset, PIECE)).collect()
            }
        };
        Challenge { key, pieces }
    }

    /// Returns it as the answer to a client has it.
    pub(super) fn shown(&self) -> Value {
        let pieces: Vec<Value> =
            self.pieces.iter().map(|(offset, len)| json!({ "offset": offset, "length": len })).collect();
        json!({ "key": STANDARD.encode(self.key), "pieces": pieces })
    }

    /// Whether `code` is the HMAC-SHA-256 over the pieces one after the other, in base 64.
    ///
    /// # Errors
    /// Those of `read`.
    pub(super) fn holds(&self, code: &str, read: impl Fn(u64, u64) -> Result<Vec<u8>>) -> Result<bool> {
        let Ok(code) = STANDARD.decode(code) else { return Ok(false) };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return Ok(false) };
        for (offset, len) in &self.pieces {
            mac.update(&read(*offset, *len)?);
        }
        Ok(mac.verify_slice(&code).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_lie_in_the_content_are_whole_and_are_of_one_claim() {
        for size in [0, 1, LEAST, WHOLE - 1, WHOLE, WHOLE + 1, 1 << 40] {
            let Challenge { key, pieces } = Challenge::new(b"a", size);
            assert_eq!(pieces.len(), if size <= WHOLE { 1 } else { 256 });
            for (offset, len) in &pieces {
                assert!(offset + len <= size && (*len == PIECE || (*offset, *len) == (0, size)), "{size}");
            }
            let other = Challenge::new(b"b", size);
            assert_ne!(key, other.key);
            assert_eq!(pieces == other.pieces, size <= WHOLE);
        }
        let spread = Challenge::new(b"a", 1 << 40).pieces;
        let upper = spread.iter().filter(|(offset, _)| *offset >= 1 << 39).count();
        assert!((64..192).contains(&upper), "{upper} of 256 in the upper half");
    }

    #[test]
    fn every_vector_holds() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/pds.json");
        let vectors: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let rows = vectors["proof_v1"].as_array().unwrap();
        assert_eq!(rows.len(), 4);
        for row in rows {
            let data = match row["data_utf8"].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => (0..=255).collect(),
            };
            let at = offset(row["token"].as_str().unwrap(), data.len() as u64);
            if let Some(expected) = row["offset"].as_u64() {
                assert_eq!(at, expected);
            }
            let end = data.len().min(at as usize + LEN as usize);
            let (code, bytes) = (row["proof_code"].as_str().unwrap(), &data[at as usize..end]);
            assert_eq!(code, STANDARD.encode(bytes), "{row}");
            assert_eq!(holds(code, bytes), bytes.len() == 8, "{row}");
            assert!(!holds("AAAAAAAAAAA=", &data[at as usize..end]));
        }
    }
}
