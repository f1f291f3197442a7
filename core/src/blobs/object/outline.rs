//! The outline of a large content: the BLAKE3 chaining value of each of its chunks.
//!
//! BLAKE3 is a tree (section 2.1 of the paper), and a chunk of a power of two is a subtree of it. Joined up
//! to the root, the chaining values give the hash of the whole, which the row has; so an outline proves
//! itself, and then each chunk alone is proved by its value, whatever part of a content is read.

use crate::blobs::frame::FrameFields;
use crate::id::BlobId;
use blake3::hazmat::{HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};

/// Contents are read and cached in chunks of so many bytes: 8 MiB.
pub(super) const CHUNK: u64 = 8 << 20;
/// Bytes of one chaining value.
const VALUE: usize = 32;

/// The chaining value of a chunk that is not the whole content.
pub(super) type Value = [u8; VALUE];

/// Returns how many chunks a content of `len` bytes has.
pub(super) fn chunks(len: u64) -> u64 {
    len.div_ceil(CHUNK).max(1)
}

/// Computes the value of the chunk number `index`, whose bytes are `parts` in order.
pub(super) fn value<'a>(index: u64, parts: impl IntoIterator<Item = &'a [u8]>) -> Value {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(index.saturating_mul(CHUNK));
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize_non_root()
}

/// Returns the BLAKE3 of a content of `len` bytes with these values; None where their number is not that
/// of its chunks, or there is one chunk only, whose hash is that of the whole.
pub(super) fn root(values: &[Value], len: u64) -> Option<[u8; 32]> {
    if u64::try_from(values.len()).ok()? != chunks(len) || values.len() < 2 {
        return None;
    }
    let (left, right) = halves(values, len)?;
    Some(merge_subtrees_root(&join(left.0, left.1)?, &join(right.0, right.1)?, Mode::Hash).into())
}

/// A run of values, and the bytes under them.
type ChunkRun<'a> = (&'a [Value], u64);

fn halves(values: &[Value], len: u64) -> Option<(ChunkRun<'_>, ChunkRun<'_>)> {
    let left_len = left_subtree_len(len);
    let count = usize::try_from(left_len / CHUNK).ok()?;
    let (left, right) = values.split_at_checked(count)?;
    Some(((left, left_len), (right, len.checked_sub(left_len)?)))
}

fn join(values: &[Value], len: u64) -> Option<Value> {
    if let [value] = values {
        return Some(*value);
    }
    let (left, right) = halves(values, len)?;
    Some(merge_subtrees_non_root(&join(left.0, left.1)?, &join(right.0, right.1)?, Mode::Hash))
}

const MAGIC: [u8; 8] = *b"HDOUTL01";

/// The outline of one content, and what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContentOutline {
    pub(super) store: [u8; 16],
    pub(super) blob: BlobId,
    pub(super) len: u64,
    pub(super) blake3: [u8; 32],
    pub(super) values: Vec<Value>,
}

impl ContentOutline {
    /// Returns whether the values join to the hash.
    pub(super) fn is_sound(&self) -> bool {
        root(&self.values, self.len) == Some(self.blake3)
    }

    /// Returns the bytes of the object: magic, store, blob and length (little-endian), BLAKE3, values.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.store);
        out.extend_from_slice(&self.blob.0.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.blake3);
        out.extend(self.values.iter().flatten());
        out
    }

    /// Reads it, and does not ask yet whether it is sound; None where the bytes are no outline.
    pub(super) fn decode(bytes: &[u8]) -> Option<ContentOutline> {
        let mut fields = FrameFields(bytes);
        let magic: [u8; 8] = fields.take()?;
        let (store, blob) = (fields.take()?, BlobId(u64::from_le_bytes(fields.take()?)));
        let (len, blake3) = (u64::from_le_bytes(fields.take()?), fields.take()?);
        let (values, rest) = fields.0.as_chunks::<VALUE>();
        let outline = ContentOutline { store, blob, len, blake3, values: values.to_vec() };
        (magic == MAGIC && rest.is_empty()).then_some(outline)
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn values_join_to_the_hash_of_the_whole_and_prove_each_chunk() {
        let content: Vec<u8> = (0..5 * CHUNK as usize + 12_345).map(|at| ((at * 31) >> 3) as u8).collect();
        for len in [CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1, 4 * CHUNK, 5 * CHUNK + 12_345] {
            let bytes = &content[..len as usize];
            let values: Vec<Value> =
                bytes.chunks(CHUNK as usize).zip(0..).map(|(chunk, index)| value(index, [chunk])).collect();
            let hash = *blake3::hash(bytes).as_bytes();
            assert_eq!(root(&values, len), Some(hash), "{len}");
            let outline = ContentOutline { store: [7; 16], blob: BlobId(9), len, blake3: hash, values };
            let mut encoded = outline.encode();
            assert_eq!(ContentOutline::decode(&encoded), Some(outline.clone()));
            assert!(outline.is_sound());
            let shorter = ContentOutline::decode(&encoded[..encoded.len() - 32]).unwrap();
            assert!(!shorter.is_sound());
            assert_eq!(ContentOutline::decode(&encoded[..encoded.len() - 1]), None);
            // A length of as many chunks is found by the row, which has it too.
            for byte in (40..encoded.len()).step_by(7) {
                encoded[byte] ^= 1;
                assert!(!ContentOutline::decode(&encoded).unwrap().is_sound(), "byte {byte}");
                encoded[byte] ^= 1;
            }
            assert_ne!(value(1, [&content[..9]]), value(2, [&content[..9]]), "the place counts");
        }
        assert_eq!(root(&[[0; 32]], CHUNK), None);
    }
}
