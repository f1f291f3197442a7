//! The last bytes of a file in the cache.

use crc64fast::Digest as Crc64;

use crate::blobs::frame::FrameFields;

/// Length of a trailer in bytes.
pub(super) const TRAILER_BYTES: usize = 48;
pub(super) const TRAILER_LEN: u64 = TRAILER_BYTES as u64;
const MAGIC: [u8; 8] = *b"HDCACHE1";

/// What a file in the cache ends with: magic, length and CRC-64 of the content, the boot that vouches for
/// them, and a CRC-32 of that (little-endian).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) len: u64,
    pub(super) crc64: u64,
    pub(super) boot: [u8; 16],
}

impl Trailer {
    pub(super) fn of<'a>(parts: impl IntoIterator<Item = &'a bytes::Bytes>, boot: [u8; 16]) -> Trailer {
        let (mut crc, mut len) = (Crc64::new(), 0_u64);
        for part in parts {
            crc.write(part);
            len = len.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
        }
        Trailer { len, crc64: crc.sum64(), boot }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.crc64.to_le_bytes());
        out.extend_from_slice(&self.boot);
        out.extend_from_slice(&[0; 4]);
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Trailer> {
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        let mut fields = FrameFields(body);
        let magic: [u8; 8] = fields.take()?;
        let (len, crc64) = (u64::from_le_bytes(fields.take()?), u64::from_le_bytes(fields.take()?));
        let boot = fields.take()?;
        let sound = magic == MAGIC && crc32fast::hash(body).to_le_bytes() == *crc;
        sound.then_some(Trailer { len, crc64, boot })
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn a_trailer_reads_back_and_any_bit_flip_in_it_is_seen() {
        let trailer = Trailer::of([&bytes::Bytes::from_static(b"hello")], [9; 16]);
        let encoded = trailer.encode();
        assert_eq!(u64::try_from(encoded.len()).unwrap(), TRAILER_LEN);
        assert_eq!(Trailer::decode(&encoded), Some(trailer));
        for bit in 0..encoded.len() * 8 {
            let mut flipped = encoded.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Trailer::decode(&flipped), None, "bit {bit}");
        }
    }
}
