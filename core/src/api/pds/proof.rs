//! Proofs that a client has the content whose hash it names.
//!
//! Version 1: the first 16 hexadecimal digits of the MD5 of the access token are a number; that number
//! modulo the length is an offset; the 8 bytes from there on in base 64 are the proof. Where there are
//! fewer, clients send those; here nothing is proved by them, and the content is sent. MD5 spreads the
//! offsets and protects nothing: who does not have the content knows none of its bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

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

#[cfg(test)]
mod tests {
    use super::*;

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
