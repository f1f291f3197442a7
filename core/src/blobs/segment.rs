//! One segment: made, appended to by the one process that leases it, and scanned.

use std::sync::Arc;

use super::frame::{
    ALIGN, ALIGN_LEN, Frame, FrameKind, HEADER_LEN, SEGMENT_HEADER_LEN, SegmentHeader, frame_len,
};
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::vfs::{Open, Vfs, VfsFile, is_full};
use crate::{Error, Result};

/// The directory of the segments.
pub(crate) const DIR: &str = "seg";
/// Space is reserved in steps that double from the first to the last of these.
const FIRST_STEP: u64 = 64 << 10;
const LAST_STEP: u64 = 64 << 20;
/// On a full disk the steps become shorter down to this, and then none.
const LAST_TRY: u64 = 4 << 10;
/// How much is read at once when a segment is searched for frames.
const SEARCH_LEN: u64 = 1 << 20;
/// How much is read at once where frames may be passed over.
const FIRST_BLOCK: u64 = 4 << 10;

/// Returns the path of a segment's file.
pub(crate) fn path(number: u32) -> String {
    format!("{DIR}/{number:07}.seg")
}

/// Returns the number in a segment's file name.
pub(crate) fn number_of(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".seg")?;
    (digits.len() >= 7 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// A segment that is open.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) file: Arc<dyn VfsFile>,
}

impl Segment {
    /// Opens a segment that is there; None when its header was never finished.
    pub(crate) fn open(vfs: &dyn Vfs, number: u32, how: Open) -> Result<Option<Segment>> {
        let file = vfs
            .open(&path(number), how)
            .map_err(|cause| Error::io(format!("opening {}", path(number)), cause))?;
        Segment::of(file, number)
    }

    /// Reads the header of a segment's file; None when it was never finished.
    pub(crate) fn of(file: Arc<dyn VfsFile>, number: u32) -> Result<Option<Segment>> {
        let mut bytes = [0; SEGMENT_HEADER_LEN];
        match file.read_at(0, &mut bytes) {
            Ok(()) => {}
            Err(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(cause) => return Err(Error::io(format!("reading {}", path(number)), cause)),
        }
        Ok(SegmentHeader::decode(&bytes)?
            .filter(|header| header.number == number)
            .map(|header| Segment { header, file }))
    }

    /// Makes a segment, durably, and takes its lease. None when the number is taken.
    pub(crate) fn create(vfs: &dyn Vfs, header: SegmentHeader) -> Result<Option<Segment>> {
        let path = path(header.number);
        let file = match vfs.open(&path, Open::CreateNew) {
            Ok(file) => file,
            Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => return Ok(None),
            Err(cause) => return Err(Error::io(format!("making {path}"), cause)),
        };
        let make = || {
            // Locked before anybody can find it in the rows, so that no other process takes the lease first.
            if !file.try_lock()? {
                return Ok(None);
            }
            match file.allocate(FIRST_STEP) {
                // The header alone, then.
                Err(cause) if is_full(&cause) => {}
                allocated => allocated?,
            }
            file.write_at(0, &[&header.encode()])?;
            // Now and not with the first group: its sync of data alone would not make the name durable.
            file.sync_data()?;
            vfs.sync_dir(DIR)?;
            Ok(Some(Segment { header, file: file.clone() }))
        };
        make().map_err(|cause| Error::io(format!("making {path}"), cause))
    }

    /// Reserves space so that the file is at least `len` bytes long; `reserved` is how long it is.
    pub(crate) fn reserve(&self, reserved: u64, len: u64) -> std::io::Result<u64> {
        if len <= reserved {
            return Ok(reserved);
        }
        let mut step = reserved.clamp(FIRST_STEP, LAST_STEP);
        loop {
            let target = len.max(reserved.saturating_add(step)).next_multiple_of(step.clamp(1, FIRST_STEP));
            match self.file.allocate(target) {
                // Where there is no room for much, there may be for what is needed.
                Err(cause) if is_full(&cause) && step > 0 && !mutant::is_active(Mutant::FullDiskEndsAll) => {
                    // A file system may have kept what there was room for.
                    let _ = self.file.set_len(reserved);
                    step = if step > LAST_TRY { step / 4 } else { 0 };
                }
                reserved => return reserved.map(|()| target),
            }
        }
    }

    /// Reads the frame header at `offset`; None when there is none.
    pub(crate) fn frame_at(&self, offset: u64) -> Result<Option<(Frame, u32)>> {
        self.frame_by(&mut |offset, out| self.file.read_at(offset, out), offset)
    }

    fn frame_by(&self, read: &mut ReadAt<'_>, offset: u64) -> Result<Option<(Frame, u32)>> {
        let mut bytes = [0; HEADER_LEN];
        match read(offset, &mut bytes) {
            Ok(()) => Ok(Frame::decode(&bytes, self.header.salt)),
            Err(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            Err(cause) => Err(Error::io(format!("reading {}", path(self.header.number)), cause)),
        }
    }

    /// Takes away the header of the frame at `offset`, durably, so that no group begins there. The
    /// caller holds the lock of the rows' writer, and no row speaks of the frame.
    ///
    /// # Errors
    /// `Io` when that is not sure. Then the header is put back, so that whoever looks next sees it
    /// and tries again: it may still be on the disk where zeros are in the system's cache.
    pub(crate) fn void(&self, offset: u64) -> Result<()> {
        if self.frame_at(offset)?.is_none() {
            return Ok(());
        }
        let mut header = [0; HEADER_LEN];
        let mut take = || {
            self.file.read_at(offset, &mut header)?;
            let taken = self.file.write_at(offset, &[&[0; HEADER_LEN]]).and_then(|()| self.file.sync_data());
            taken.inspect_err(|_| drop(self.file.write_at(offset, &[&header])))
        };
        let doing = || format!("taking away what was never published behind {}", path(self.header.number));
        take().map_err(|cause| Error::io(doing(), cause))
    }

    /// Reads a frame's payload; None when it is not what the header says.
    pub(crate) fn payload(&self, offset: u64, frame: &Frame) -> Result<Option<Vec<u8>>> {
        self.payload_by(&mut |offset, out| self.file.read_at(offset, out), offset, frame)
    }

    fn payload_by(&self, read: &mut ReadAt<'_>, offset: u64, frame: &Frame) -> Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; usize::try_from(frame.len).unwrap_or(usize::MAX)];
        match read(offset + HEADER_LEN as u64, &mut bytes) {
            Ok(()) => Ok((crc32fast::hash(&bytes) == frame.crc32).then_some(bytes)),
            Err(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            Err(cause) => Err(Error::io(format!("reading {}", path(self.header.number)), cause)),
        }
    }

    /// Visits the whole groups from `offset` on, and returns where the last of them ends: what
    /// lies behind was never finished.
    pub(crate) fn groups(&self, offset: u64, visit: &mut dyn FnMut(GroupAt) -> Result<()>) -> Result<u64> {
        let mut end = offset;
        while let Some(group) = self.group_at(end)? {
            end = group.end;
            visit(group)?;
        }
        Ok(end)
    }

    /// Visits every group there is whose frames are all there and whose write-set is sound, also
    /// behind damage: what is damaged otherwise is searched for the next frame. A group may come
    /// with blobs that are damaged ([`GroupAt::sound`]).
    pub(crate) fn salvage(&self, visit: &mut dyn FnMut(GroupAt) -> Result<()>) -> Result<()> {
        self.salvage_from(SEGMENT_HEADER_LEN as u64, visit)
    }

    /// As [`Segment::salvage`], from `offset` on.
    pub(crate) fn salvage_from(
        &self,
        mut offset: u64,
        visit: &mut dyn FnMut(GroupAt) -> Result<()>,
    ) -> Result<()> {
        let len = self
            .file
            .len()
            .map_err(|cause| Error::io(format!("reading {}", path(self.header.number)), cause))?;
        let mut ahead = ReadAhead::new(self.file.as_ref(), len);
        loop {
            match self.group_by(&mut |offset, out| ahead.read(offset, out), offset, true)? {
                Some(group) => {
                    offset = group.end;
                    visit(group)?;
                }
                None => match self.next_frame(offset.saturating_add(ALIGN))? {
                    Some(next) => offset = next,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Finds the first sound frame header at or behind `offset`.
    fn next_frame(&self, offset: u64) -> Result<Option<u64>> {
        let failed = |cause| Error::io(format!("reading {}", path(self.header.number)), cause);
        let len = self.file.len().map_err(failed)?;
        let mut at = offset.next_multiple_of(ALIGN);
        while at < len {
            let mut chunk = vec![0; usize::try_from((len - at).min(SEARCH_LEN)).unwrap_or(0)];
            self.file.read_at(at, &mut chunk).map_err(failed)?;
            for (step, offset) in chunk.chunks(ALIGN_LEN).zip((at..len).step_by(ALIGN_LEN)) {
                if Frame::may_begin(step, self.header.salt) && self.frame_at(offset)?.is_some() {
                    return Ok(Some(offset));
                }
            }
            at += SEARCH_LEN;
        }
        Ok(None)
    }

    /// Returns the group that begins at `start`, if a whole one does.
    pub(crate) fn group_at(&self, start: u64) -> Result<Option<GroupAt>> {
        self.read_group(start, false)
    }

    /// Reads a group; with `damaged`, also one whose blobs are not what their headers say.
    pub(crate) fn read_group(&self, start: u64, damaged: bool) -> Result<Option<GroupAt>> {
        self.group_by(&mut |offset, out| self.file.read_at(offset, out), start, damaged)
    }

    fn group_by(&self, read: &mut ReadAt<'_>, start: u64, damaged: bool) -> Result<Option<GroupAt>> {
        let (mut offset, mut blobs, mut sound, mut before) = (start, Vec::new(), true, 0);
        loop {
            let Some((frame, crc)) = self.frame_by(read, offset)? else { return Ok(None) };
            let payload = match self.payload_by(read, offset, &frame)? {
                Some(payload) => payload,
                None if damaged && frame.kind == FrameKind::Blob => {
                    sound = false;
                    Vec::new()
                }
                None => return Ok(None),
            };
            let end = offset + frame_len(u64::from(frame.len));
            let first = blobs.first().map_or(frame.lsn, |(_, first): &(u64, Frame)| first.lsn);
            if frame.lsn != first {
                return Ok(None);
            }
            match frame.kind {
                FrameKind::Blob if frame.previous == before => {
                    before = crc;
                    blobs.push((offset, frame));
                }
                FrameKind::Change if frame.id == Frame::closing(blobs.len(), before) => {
                    return Ok(Some(GroupAt {
                        segment: self.header.number,
                        start,
                        end,
                        lsn: frame.lsn,
                        time: frame.time,
                        previous: frame.previous,
                        crc,
                        sound,
                        blobs,
                        change: payload,
                    }));
                }
                _ => return Ok(None),
            }
            offset = end;
        }
    }
}

/// Reads the frames of a segment one after the other, up to where they were published.
pub(crate) struct FrameReader<'s> {
    segment: &'s Segment,
    end: u64,
    ahead: ReadAhead<'s>,
}

impl<'s> FrameReader<'s> {
    /// Begins to read frames of which the last ends at `end`.
    pub(crate) fn new(segment: &'s Segment, end: u64) -> FrameReader<'s> {
        FrameReader { segment, end, ahead: ReadAhead::new(segment.file.as_ref(), end) }
    }

    /// As [`Segment::payload`].
    pub(crate) fn payload(&mut self, offset: u64, frame: &Frame) -> Result<Option<Vec<u8>>> {
        self.segment.payload_by(&mut |offset, out| self.ahead.read(offset, out), offset, frame)
    }

    /// Visits the frames in order; returns where a header could not be read, or the end.
    pub(crate) fn each(
        &mut self,
        visit: &mut dyn FnMut(&mut FrameReader<'s>, u64, &Frame) -> Result<()>,
    ) -> Result<u64> {
        let mut offset = SEGMENT_HEADER_LEN as u64;
        while offset < self.end {
            let found = self.segment.frame_by(&mut |offset, out| self.ahead.read(offset, out), offset)?;
            let Some((frame, _)) = found else { return Ok(offset) };
            visit(self, offset, &frame)?;
            offset = offset.saturating_add(frame_len(u64::from(frame.len)));
        }
        Ok(offset)
    }
}

/// Fills a slice from an offset.
type ReadAt<'r> = dyn FnMut(u64, &mut [u8]) -> std::io::Result<()> + 'r;

/// Reads what nobody writes any more, a block at a time: frames are many and small. Blocks grow while all is asked
/// for, and are short again where something was passed over.
struct ReadAhead<'f> {
    file: &'f dyn VfsFile,
    /// Nothing behind this is read ahead.
    limit: u64,
    /// Where the block lies in the file.
    at: u64,
    block: Vec<u8>,
    /// How long the next block is.
    next: u64,
    /// Where what was asked for last ends.
    asked: u64,
}

impl<'f> ReadAhead<'f> {
    fn new(file: &'f dyn VfsFile, limit: u64) -> ReadAhead<'f> {
        ReadAhead { file, limit, at: 0, block: Vec::new(), next: FIRST_BLOCK, asked: 0 }
    }

    fn read(&mut self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        let goes_on = offset.checked_sub(self.asked).is_some_and(|gap| gap < ALIGN);
        self.asked = offset.saturating_add(out.len() as u64);
        if self.take(offset, out) {
            return Ok(());
        }
        self.next = if goes_on { self.next.saturating_mul(2).min(SEARCH_LEN) } else { FIRST_BLOCK };
        let len = self.limit.saturating_sub(offset).min(self.next);
        if out.len() as u64 > len / 2 {
            return self.file.read_at(offset, out);
        }
        self.block.resize(usize::try_from(len).unwrap_or(0), 0);
        self.at = offset;
        // What cannot be read may be behind what is asked for.
        if self.file.read_at(offset, &mut self.block).is_err() {
            self.block.clear();
        }
        if self.take(offset, out) { Ok(()) } else { self.file.read_at(offset, out) }
    }

    /// Copies from the block; returns whether all of it is there.
    fn take(&self, offset: u64, out: &mut [u8]) -> bool {
        let start = offset.checked_sub(self.at).and_then(|start| usize::try_from(start).ok());
        let bytes = start.and_then(|start| self.block.get(start..)).and_then(|rest| rest.get(..out.len()));
        if let Some(bytes) = bytes {
            out.copy_from_slice(bytes);
        }
        bytes.is_some()
    }
}

/// A whole group as it lies in a segment.
#[derive(Clone, Debug)]
pub(crate) struct GroupAt {
    pub(crate) segment: u32,
    /// Offset of its first frame.
    pub(crate) start: u64,
    /// Offset behind its last frame.
    pub(crate) end: u64,
    pub(crate) lsn: u64,
    pub(crate) time: Time,
    /// CRC-32 of the header of the change frame before it in the log.
    pub(crate) previous: u32,
    /// CRC-32 of the header of its own change frame.
    pub(crate) crc: u32,
    /// Whether all its blobs are what their headers say.
    pub(crate) sound: bool,
    /// Its blob frames with their offsets.
    pub(crate) blobs: Vec<(u64, Frame)>,
    /// The write-set.
    pub(crate) change: Vec<u8>,
}
