//! The frame: what a segment is made of. The layout is in `docs/format.md`.
//!
//! Integers are little-endian. A frame is an 80-byte header, a payload, and zeros up to the next
//! multiple of 16 bytes. The magic is mixed with the segment's salt, so that content that looks
//! like a frame is none, and a stale frame of another segment neither.

use crate::time::Time;
use crate::{Error, Result};

/// Length of a frame's header in bytes.
pub(crate) const HEADER_LEN: usize = 80;
/// Frames begin at multiples of this many bytes.
pub(crate) const ALIGN: u64 = 16;
/// The same, for lengths in memory.
pub(crate) const ALIGN_LEN: usize = 16;

const MAGIC: u32 = u32::from_le_bytes(*b"HDFR");

/// What a frame's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// The bytes of a blob.
    Blob,
    /// The write-set that ends a group.
    Change,
}

/// The header of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    /// Sequence number of the group that the frame belongs to.
    pub(crate) lsn: u64,
    /// The blob's id; in a change frame, what [`Frame::closing`] makes of the group before it.
    pub(crate) id: u64,
    /// Length of the payload in bytes.
    pub(crate) len: u32,
    /// CRC-32 of the payload.
    pub(crate) crc32: u32,
    /// BLAKE3 of the payload.
    pub(crate) blake3: [u8; 32],
    /// When the group was written.
    pub(crate) time: Time,
    /// The CRC-32 of the header before: in a change frame, of the change frame before it in the log;
    /// in a blob frame, of the blob frame before it in the group, and 0 in the first.
    pub(crate) previous: u32,
}

/// Returns how many bytes a frame with `len` bytes of payload takes.
pub(crate) fn frame_len(len: u64) -> u64 {
    (HEADER_LEN as u64).saturating_add(len).next_multiple_of(ALIGN)
}

impl Frame {
    /// Returns the id of a change frame that ends a group of `blobs` blob frames, the header of the
    /// last of which has the CRC-32 `last` (0 if there is none). So a frame that was overwritten
    /// in part by a later try of the same group never makes a whole group with what is left of it.
    pub(crate) fn closing(blobs: usize, last: u32) -> u64 {
        u64::from(u32::try_from(blobs).unwrap_or(u32::MAX)) | u64::from(last) << 32
    }

    /// Returns the header's bytes, and its CRC-32, by which the next change frame names it.
    pub(crate) fn encode(&self, salt: u32) -> ([u8; HEADER_LEN], u32) {
        let mut out = Vec::with_capacity(HEADER_LEN);
        out.extend_from_slice(&(MAGIC ^ salt).to_le_bytes());
        out.extend_from_slice(&[
            match self.kind {
                FrameKind::Blob => 1,
                FrameKind::Change => 2,
            },
            0,
            0,
            0,
        ]);
        out.extend_from_slice(&self.lsn.to_le_bytes());
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.crc32.to_le_bytes());
        out.extend_from_slice(&self.blake3);
        out.extend_from_slice(&self.time.0.to_le_bytes());
        out.extend_from_slice(&self.previous.to_le_bytes());
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        let mut header = [0; HEADER_LEN];
        header.copy_from_slice(&out);
        (header, crc)
    }

    /// Returns whether a header of this segment may begin with `bytes`: a cheap look before
    /// [`Frame::decode`].
    pub(crate) fn may_begin(bytes: &[u8], salt: u32) -> bool {
        bytes.starts_with(&(MAGIC ^ salt).to_le_bytes())
    }

    /// Reads a header by itself, whatever segment it is of.
    #[cfg(feature = "s3")]
    pub(crate) fn decode_alone(bytes: &[u8; HEADER_LEN]) -> Option<(Frame, u32)> {
        let magic = u32::from_le_bytes(*bytes.first_chunk()?);
        Frame::decode(bytes, magic ^ MAGIC)
    }

    /// Reads a header; None when the bytes are not one of this segment.
    pub(crate) fn decode(bytes: &[u8; HEADER_LEN], salt: u32) -> Option<(Frame, u32)> {
        let mut fields = FrameFields(bytes);
        let magic = u32::from_le_bytes(fields.take()?);
        let [kind, _, _, _] = fields.take()?;
        let kind = match kind {
            1 => FrameKind::Blob,
            2 => FrameKind::Change,
            _ => return None,
        };
        let frame = Frame {
            kind,
            lsn: u64::from_le_bytes(fields.take()?),
            id: u64::from_le_bytes(fields.take()?),
            len: u32::from_le_bytes(fields.take()?),
            crc32: u32::from_le_bytes(fields.take()?),
            blake3: fields.take()?,
            time: Time(i64::from_le_bytes(fields.take()?)),
            previous: u32::from_le_bytes(fields.take()?),
        };
        let crc = u32::from_le_bytes(fields.take()?);
        let sound = magic == MAGIC ^ salt && crc32fast::hash(bytes.get(..HEADER_LEN - 4)?) == crc;
        sound.then_some((frame, crc))
    }
}

/// Takes fixed-width fields off the front of a slice.
pub(crate) struct FrameFields<'a>(pub(crate) &'a [u8]);

impl FrameFields<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }
}

/// Length of a segment's header in bytes.
pub(crate) const SEGMENT_HEADER_LEN: usize = 64;
const SEGMENT_MAGIC: [u8; 8] = *b"HOLDSEG1";
const SEGMENT_VERSION: u16 = 2;

/// The first bytes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// The store that the segment belongs to.
    pub(crate) store: [u8; 16],
    /// The segment's number, which is its file's name too.
    pub(crate) number: u32,
    /// Mixed into the magic of every frame.
    pub(crate) salt: u32,
    pub(crate) created: Time,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_LEN] {
        let mut out = Vec::with_capacity(SEGMENT_HEADER_LEN);
        out.extend_from_slice(&SEGMENT_MAGIC);
        out.extend_from_slice(&SEGMENT_VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.salt.to_le_bytes());
        out.extend_from_slice(&self.store);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.created.0.to_le_bytes());
        out.resize(SEGMENT_HEADER_LEN - 4, 0);
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        let mut header = [0; SEGMENT_HEADER_LEN];
        header.copy_from_slice(&out);
        header
    }

    /// Reads a header; None when the bytes are not one, as after a crash while it was made.
    ///
    /// # Errors
    /// `Unsupported` for a later version of the format.
    pub(crate) fn decode(bytes: &[u8; SEGMENT_HEADER_LEN]) -> Result<Option<SegmentHeader>> {
        let (body, crc) = bytes.split_at(SEGMENT_HEADER_LEN - 4);
        if crc32fast::hash(body).to_le_bytes() != crc {
            return Ok(None);
        }
        let mut fields = FrameFields(body);
        let read = (|| {
            let magic: [u8; 8] = fields.take()?;
            let version = u16::from_le_bytes(fields.take()?);
            let [_, _] = fields.take()?;
            let salt = u32::from_le_bytes(fields.take()?);
            let store = fields.take()?;
            let number = u32::from_le_bytes(fields.take()?);
            let created = Time(i64::from_le_bytes(fields.take()?));
            (magic == SEGMENT_MAGIC).then_some((version, SegmentHeader { store, number, salt, created }))
        })();
        match read {
            Some((SEGMENT_VERSION, header)) => Ok(Some(header)),
            Some((version, header)) => Err(Error::new(
                crate::ErrorKind::Unsupported,
                format!("segment {} has format {version}; this build knows {SEGMENT_VERSION}", header.number),
            )),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame {
            kind: FrameKind::Blob,
            lsn: 7,
            id: 42,
            len: 5,
            crc32: 0xdead_beef,
            blake3: [9; 32],
            time: Time(1_700_000_000_000_000),
            previous: 0x0102_0304,
        }
    }

    #[test]
    fn a_header_reads_back_and_only_under_its_salt() {
        let (bytes, crc) = frame().encode(11);
        assert_eq!(Frame::decode(&bytes, 11), Some((frame(), crc)));
        assert_eq!(Frame::decode(&bytes, 12), None);
    }

    #[test]
    fn any_bit_flip_in_a_header_is_seen() {
        let (bytes, _) = frame().encode(11);
        for bit in 0..HEADER_LEN * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::decode(&flipped, 11), None, "bit {bit}");
        }
    }

    #[test]
    fn a_frame_of_format_2_is_these_bytes() {
        let (bytes, _) = frame().encode(0);
        assert_eq!(&bytes[..16], b"HDFR\x01\0\0\0\x07\0\0\0\0\0\0\0");
        assert_eq!(bytes[32..64], [9; 32]);
        assert_eq!((frame_len(0), frame_len(1), frame_len(4096)), (80, 96, 4176));
    }

    #[test]
    fn s11_a_segment_of_a_later_format_is_refused() {
        let header = SegmentHeader { store: [1; 16], number: 3, salt: 5, created: Time(6) };
        let mut bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes).unwrap(), Some(header));
        bytes[8] = 3;
        assert_eq!(SegmentHeader::decode(&bytes).unwrap(), None, "damage, as the checksum says");
        let crc = crc32fast::hash(&bytes[..60]).to_le_bytes();
        bytes[60..].copy_from_slice(&crc);
        assert_eq!(SegmentHeader::decode(&bytes).unwrap_err().kind(), crate::ErrorKind::Unsupported);
    }
}
