//! The lease: the one segment that this process appends to.

use std::sync::Arc;

use bytes::Bytes;

use super::group::Pending;
use super::tails;
use crate::blobs::frame::{ALIGN, ALIGN_LEN, Frame, FrameKind, SEGMENT_HEADER_LEN, SegmentHeader, frame_len};
use crate::blobs::segment::{self, Segment};
use crate::catalog::record::{Record, SegmentRecord};
use crate::catalog::segment::{self as catalog_segment, open_segments};
use crate::catalog::table;
use crate::kv::{Kv, Read};
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::vfs::{Open, Vfs, is_full};
use crate::{Error, ErrorKind, Result, machine};

/// How often a new segment's number may turn out to be taken by another process.
const TRIES: u32 = 1000;

/// Groups shorter than this go where there are zeros already.
const SHORT: u64 = 64 << 10;
/// What a segment keeps of the room that it took ahead where the index has none, in bytes: for groups that
/// delete and revoke.
const KEPT: u64 = 128 << 10;
/// How many zeros are written ahead. To sync bytes that were only reserved, or never there, the file
/// system must write down besides that they are there now; where zeros are, it need not, and the
/// sync takes about half the time.
const AHEAD: usize = 256 << 10;
/// Written as often as that takes: a static of the whole length would lie in every library.
static ZEROS: [u8; 16 << 10] = [0; 16 << 10];

/// A leased segment and where its next group goes.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) segment: Segment,
    pub(super) tail: u64,
    reserved: u64,
    /// Where the zeros end.
    zeros: u64,
    /// Whether it was another's: what lies behind its end may be what that one never published.
    pub(super) inherited: bool,
}

impl Lease {
    /// Takes over a segment that no process holds, the youngest first; None when there is none.
    pub(super) fn take<K: Kv>(kv: &K, vfs: &Arc<dyn Vfs>) -> Result<Option<Lease>> {
        for number in open_segments(&kv.reader()?)?.into_iter().rev() {
            if let Some(lease) = Lease::take_over(kv, vfs, number)? {
                return Ok(Some(lease));
            }
        }
        Ok(None)
    }

    fn take_over<K: Kv>(kv: &K, vfs: &Arc<dyn Vfs>, number: u32) -> Result<Option<Lease>> {
        // One that is damaged or gone is passed over: what it holds is for a check to find.
        let Some(segment) = tails::find(vfs.as_ref(), number)? else {
            if mutant::is_active(Mutant::DamagedHeaderRefusesWrites) {
                return Err(Error::corrupt("the header of a segment cannot be read"));
            }
            return Ok(None);
        };
        let failed = |cause| Error::io(format!("leasing {}", segment::path(number)), cause);
        if !segment.file.try_lock().map_err(failed)? {
            return Ok(None);
        }
        // Only now does nobody else move the end: what was read before the lock may be old.
        let row = kv.reader()?.get(table::SEGMENT, &number.to_be_bytes(), SegmentRecord::decode)?;
        let Some(row) = row.filter(|row| row.open) else { return Ok(None) };
        let reserved = segment.file.len().map_err(failed)?;
        Ok(Some(Lease { segment, tail: row.len, reserved, zeros: 0, inherited: true }))
    }

    /// Makes a segment, and takes it.
    pub(super) fn make(vfs: &Arc<dyn Vfs>, store: [u8; 16], now: Time) -> Result<Lease> {
        let listed = vfs.list(segment::DIR).map_err(|cause| Error::io("listing the segments", cause))?;
        let last = listed.iter().filter_map(|entry| segment::number_of(&entry.name)).max().unwrap_or(0);
        for number in (1..=TRIES).filter_map(|step| last.checked_add(step)) {
            let mut salt = [0; 4];
            machine::fill_random(&mut salt).map_err(|cause| Error::io("drawing a salt", cause))?;
            let header = SegmentHeader { store, number, salt: u32::from_le_bytes(salt), created: now };
            if let Some(segment) = Segment::create(vfs.as_ref(), header)? {
                let reserved = segment.file.len().map_err(|cause| Error::io("making a segment", cause))?;
                let tail = (SEGMENT_HEADER_LEN as u64).next_multiple_of(ALIGN);
                return Ok(Lease { segment, tail, reserved, zeros: 0, inherited: false });
            }
        }
        Err(Error::new(ErrorKind::Locked, "no number for a new segment was free; try again"))
    }

    /// Whether nothing was appended yet, so that another segment would have no more room.
    pub(super) fn is_fresh(&self) -> bool {
        self.tail <= SEGMENT_HEADER_LEN as u64
    }

    /// Gives back what the segment took ahead, but for [`KEPT`].
    pub(super) fn give_back<K: Kv>(&mut self, kv: &K) -> Result<()> {
        if self.inherited {
            // A commit that its process died in is hidden until a writer begins, and is there now.
            let tx = kv.writer()?;
            self.tail = self.tail.max(catalog_segment::get(&tx, self.number())?.len);
        }
        let len = self.tail.saturating_add(KEPT);
        if len < self.reserved {
            let cut = |cause| {
                Error::io(format!("cutting {} off behind its end", segment::path(self.number())), cause)
            };
            self.segment.file.set_len(len).map_err(cut)?;
            self.reserved = len;
            self.zeros = self.zeros.min(len);
        }
        Ok(())
    }

    /// Returns how many bytes groups can take without a longer file; `most` is how long it may become.
    pub(super) fn spare(&self, most: u64) -> u64 {
        self.reserved.min(most).saturating_sub(self.tail)
    }

    /// As [`Lease::spare`], of the segment that [`Lease::take`] looks at first.
    pub(super) fn spare_of_next<K: Kv>(kv: &K, vfs: &Arc<dyn Vfs>, most: u64) -> Result<u64> {
        let tx = kv.reader()?;
        let Some(number) = open_segments(&tx)?.pop() else { return Ok(0) };
        let path = segment::path(number);
        let len = match vfs.open(&path, Open::Read).and_then(|file| file.len()) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => 0,
            len => len.map_err(|cause| Error::io(format!("opening {path}"), cause))?,
        };
        Ok(len.min(most).saturating_sub(catalog_segment::get(&tx, number)?.len))
    }

    /// Returns the number of the segment.
    pub(super) fn number(&self) -> u32 {
        self.segment.header.number
    }

    /// Writes the frames of a group behind the last one and returns the CRC-32 that names it. They
    /// are not durable yet, and the tail stays where it is.
    pub(super) fn append(&mut self, pending: &mut Pending, previous: u32) -> Result<(u64, u32)> {
        let payload = Bytes::from(std::mem::take(&mut pending.change));
        let len = u32::try_from(payload.len()).map_err(|_| {
            Error::new(ErrorKind::TooLarge, "a group changes more rows than a frame can hold")
        })?;
        let salt = self.segment.header.salt;
        let mut headers = Vec::with_capacity(pending.blobs.len() + 1);
        let mut before = 0;
        for (frame, bytes) in &mut pending.blobs {
            frame.previous = before;
            let (header, crc) = frame.encode(salt);
            before = crc;
            headers.push((header, &*bytes));
        }
        let change = Frame {
            kind: FrameKind::Change,
            lsn: pending.lsn,
            // Names the number and the last CRC of the blob frames before it: with one of them missing the group is
            // not whole, and recovery takes nothing of it.
            id: Frame::closing(headers.len(), before),
            len,
            crc32: crc32fast::hash(&payload),
            blake3: blake3::hash(&payload).into(),
            time: pending.time,
            previous,
        };
        let end = pending.end + frame_len(u64::from(len));
        let (header, crc) = change.encode(salt);
        headers.push((header, &payload));
        const PAD: [u8; ALIGN_LEN] = [0; ALIGN_LEN];
        let mut parts: Vec<&[u8]> = Vec::with_capacity(headers.len() * 3);
        for (header, bytes) in &headers {
            let unpadded = header.len() + bytes.len();
            let pad = unpadded.next_multiple_of(PAD.len()) - unpadded;
            parts.extend([header.as_slice(), bytes.as_ref(), PAD.get(..pad).unwrap_or_default()]);
        }
        parts.retain(|part| !part.is_empty());
        let failed =
            |cause| Error::io(format!("appending to {}", segment::path(self.segment.header.number)), cause);
        let (content, mut zeros) = (parts.len(), self.zeros.max(end));
        // A later sync of bytes that were written before needs no change of the file system's own records: half
        // the time ("Why are zeros written after short groups?" in docs/why.md).
        if end > self.zeros && end - pending.start < SHORT {
            parts.extend(std::iter::repeat_n(ZEROS.as_slice(), AHEAD / ZEROS.len()));
            zeros = end + AHEAD as u64;
        }
        match self.segment.reserve(self.reserved, zeros) {
            Err(cause) if is_full(&cause) && zeros > end => {
                parts.truncate(content);
                zeros = self.zeros.max(end);
                self.reserved = self.segment.reserve(self.reserved, end).map_err(failed)?;
            }
            reserved => self.reserved = reserved.map_err(failed)?,
        }
        self.segment.file.write_at(pending.start, &parts).map_err(failed)?;
        self.zeros = zeros;
        Ok((end, crc))
    }
}

/// Reads the key of a row of the segment table.
pub(crate) fn segment_key(key: &[u8]) -> Result<u32> {
    key.try_into().map(u32::from_be_bytes).map_err(|_| Error::corrupt("a segment's key is not 4 bytes long"))
}
