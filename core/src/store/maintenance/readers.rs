//! Reading much content on all cores, to see whether it is what was stored.
//!
//! Work is divided into parts of about a MiB: many short contents that lie side by side in a segment are
//! read at once, and a long one is read in pieces, each a subtree of BLAKE3's tree, whose chaining values are
//! then merged (section 2.1 of the BLAKE3 paper). So neither many files nor one keep a core idle.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

use blake3::hazmat::{
    ChainingValue, HasherExt as _, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};

use crate::Result;
use crate::blobs::frame::{Frame, FrameKind, HEADER_LEN, frame_len};
use crate::blobs::segment::Segment;
use crate::digest::Digest;
use crate::id::BlobId;
use crate::vfs::VfsFile;
use crate::worker::Worker;

/// Bytes that are read at once: a power of two, so that a piece is a subtree.
const PIECE: u64 = 1 << 20;
/// As many bytes between two contents are read along with them.
const GAP: u64 = 16 << 10;
/// Parts that wait for a worker.
const WAITING: usize = 4;
/// As many workers at most.
const WORKERS: usize = 16;

/// A content in a segment.
pub(super) struct Framed {
    /// What the caller knows it by.
    pub(super) key: usize,
    pub(super) id: BlobId,
    /// Where its frame begins.
    pub(super) offset: u64,
    pub(super) expected: Digest,
}

/// What a worker does at once.
enum Unit {
    /// Contents of one segment, in order of their offset.
    Frames { segment: Segment, frames: Vec<Framed> },
    /// A piece of a file, or all of one that is no longer than that.
    Piece { file: Arc<dyn VfsFile>, key: usize, number: u64, len: u64 },
}

/// What came of it. What could not be read has none.
enum Reading {
    Same(usize),
    Whole(usize, blake3::Hash),
    Piece(usize, u64, ChainingValue),
}

/// The workers that read.
pub(super) struct Readers {
    workers: Vec<Worker<Unit, Vec<Reading>>>,
    /// Whether all hashes of a content in a segment are computed, and not BLAKE3 alone.
    digests: bool,
    segment: Option<Segment>,
    frames: Vec<Framed>,
    next: usize,
    /// The BLAKE3 and the length of each file, by its key.
    files: HashMap<usize, ([u8; 32], u64)>,
    outcomes: Vec<Reading>,
}

impl Readers {
    /// Starts a worker for each core. Where no thread can be started, the caller reads.
    pub(super) fn start(digests: bool) -> Readers {
        let cores = thread::available_parallelism().map_or(1, usize::from).min(WORKERS);
        let start = |_| {
            Worker::start(WAITING, |parts: Receiver<Unit>| {
                let work = move || {
                    let mut block = Vec::new();
                    parts.into_iter().flat_map(|part| read(&part, digests, &mut block)).collect()
                };
                thread::Builder::new().name("holdall-check".into()).spawn(work)
            })
            .ok()
        };
        let workers = (0..cores).filter_map(start).collect();
        Readers {
            workers,
            digests,
            segment: None,
            frames: Vec::new(),
            next: 0,
            files: HashMap::new(),
            outcomes: Vec::new(),
        }
    }

    /// Takes a content of a segment; those of one segment come in order of their offset. Waits while too
    /// many wait.
    ///
    /// # Errors
    /// `Forked` in the child of a fork, where the workers do not exist.
    pub(super) fn push_frame(&mut self, segment: &Segment, framed: Framed) -> Result<()> {
        let ends = framed.offset.saturating_add(frame_len(framed.expected.len));
        let same = self.segment.as_ref().is_some_and(|other| other.header.number == segment.header.number);
        let fits = match (self.frames.first(), self.frames.last()) {
            (Some(first), Some(last)) => {
                let gap = framed.offset.checked_sub(last.offset.saturating_add(frame_len(last.expected.len)));
                same && gap.is_some_and(|gap| gap <= GAP) && ends - first.offset <= PIECE
            }
            _ => true,
        };
        if !fits {
            self.end_frames()?;
        }
        self.segment.get_or_insert_with(|| segment.clone());
        self.frames.push(framed);
        Ok(())
    }

    /// Takes a content that is a file of its own, of the length that it should have.
    ///
    /// # Errors
    /// As [`Readers::push_frame`]; what `between` returns, which is called for each piece.
    pub(super) fn push_file(
        &mut self,
        key: usize,
        file: &Arc<dyn VfsFile>,
        (blake3, len): ([u8; 32], u64),
        between: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        self.files.insert(key, (blake3, len));
        for number in 0..len.div_ceil(PIECE).max(1) {
            self.hand_over(Unit::Piece { file: file.clone(), key, number, len })?;
            between()?;
        }
        Ok(())
    }

    fn end_frames(&mut self) -> Result<()> {
        let frames = std::mem::take(&mut self.frames);
        match self.segment.take() {
            Some(segment) => self.hand_over(Unit::Frames { segment, frames }),
            None => Ok(()),
        }
    }

    fn hand_over(&mut self, part: Unit) -> Result<()> {
        self.next += 1;
        match self.workers.get(self.next % self.workers.len().max(1)) {
            // A worker that has died says so at the end.
            Some(worker) => worker.push(part).map(drop),
            None => {
                self.outcomes.extend(read(&part, self.digests, &mut Vec::new()));
                Ok(())
            }
        }
    }

    /// Returns the keys of the contents that are what was stored, in no order.
    ///
    /// # Errors
    /// As [`Readers::push_frame`]; `Bug` when a worker has died.
    pub(super) fn finish(mut self) -> Result<Vec<usize>> {
        self.end_frames()?;
        for worker in &mut self.workers {
            self.outcomes.append(&mut worker.finish()?);
        }
        let (mut same, mut pieces) = (Vec::new(), HashMap::<usize, HashMap<u64, ChainingValue>>::new());
        for outcome in self.outcomes {
            match outcome {
                Reading::Same(key) => same.push(key),
                Reading::Whole(key, hash) => {
                    let expected = self.files.get(&key).map(|(blake3, _)| *blake3);
                    same.extend(expected.is_some_and(|blake3| hash == blake3).then_some(key));
                }
                Reading::Piece(key, number, value) => {
                    pieces.entry(key).or_default().insert(number, value);
                }
            }
        }
        for (key, pieces) in pieces {
            let Some((blake3, len)) = self.files.get(&key) else { continue };
            same.extend(root(&pieces, *len).is_some_and(|hash| hash == *blake3).then_some(key));
        }
        Ok(same)
    }
}

/// Returns the hash of a file from the chaining values of its pieces; None where one is missing.
fn root(pieces: &HashMap<u64, ChainingValue>, len: u64) -> Option<blake3::Hash> {
    let left = left_subtree_len(len);
    let (left, right) = (subtree(pieces, 0, left)?, subtree(pieces, left, len - left)?);
    Some(merge_subtrees_root(&left, &right, Mode::Hash))
}

fn subtree(pieces: &HashMap<u64, ChainingValue>, at: u64, len: u64) -> Option<ChainingValue> {
    if len <= PIECE {
        return pieces.get(&(at / PIECE)).copied();
    }
    let left = left_subtree_len(len);
    let right = subtree(pieces, at + left, len - left)?;
    Some(merge_subtrees_non_root(&subtree(pieces, at, left)?, &right, Mode::Hash))
}

/// Reads and hashes a part.
fn read(part: &Unit, digests: bool, block: &mut Vec<u8>) -> Vec<Reading> {
    match part {
        Unit::Frames { segment, frames } => read_frames(segment, frames, digests, block).unwrap_or_default(),
        Unit::Piece { file, key, number, len } => {
            let at = number.saturating_mul(PIECE);
            let Some(piece) = read_block(file, at, len.saturating_sub(at).min(PIECE), block) else {
                return Vec::new();
            };
            if *len <= PIECE {
                return vec![Reading::Whole(*key, blake3::hash(piece))];
            }
            let mut hasher = blake3::Hasher::new();
            let value = hasher.set_input_offset(at).update(piece).finalize_non_root();
            vec![Reading::Piece(*key, *number, value)]
        }
    }
}

fn read_block<'b>(file: &Arc<dyn VfsFile>, at: u64, len: u64, block: &'b mut Vec<u8>) -> Option<&'b [u8]> {
    let len = usize::try_from(len).ok()?;
    if block.len() < len {
        block.resize(len, 0);
    }
    let piece = block.get_mut(..len)?;
    file.read_at(at, piece).ok()?;
    Some(piece)
}

fn read_frames(
    segment: &Segment,
    frames: &[Framed],
    digests: bool,
    block: &mut Vec<u8>,
) -> Option<Vec<Reading>> {
    let (first, last) = (frames.first()?, frames.last()?);
    let end = last.offset.saturating_add(HEADER_LEN as u64).saturating_add(last.expected.len);
    let block = read_block(&segment.file, first.offset, end.checked_sub(first.offset)?, block)?;
    let is_same = |framed: &Framed| {
        let begin = usize::try_from(framed.offset - first.offset).ok()?;
        let (header, rest) = block.get(begin..)?.split_first_chunk::<HEADER_LEN>()?;
        let (frame, _) = Frame::decode(header, segment.header.salt)?;
        let bytes = rest.get(..usize::try_from(framed.expected.len).ok()?)?;
        let expected = framed.expected;
        let fits = frame.kind == FrameKind::Blob && u64::from(frame.len) == expected.len;
        let named = (frame.id, frame.crc32, frame.blake3) == (framed.id.0, expected.crc32, expected.blake3);
        let hashed = match digests {
            true => Digest::of(bytes) == expected,
            false => blake3::hash(bytes) == expected.blake3,
        };
        Some(fits && named && hashed)
    };
    let same = frames.iter().filter(|framed| is_same(framed) == Some(true));
    Some(same.map(|framed| Reading::Same(framed.key)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::frame::SegmentHeader;
    use crate::time::Time;
    use crate::vfs::{Open, SimVfs, Vfs};

    fn content(key: usize, len: usize) -> Vec<u8> {
        (0..len).map(|at| u8::try_from((at * 7 + at / 251 + key) % 251).unwrap()).collect()
    }

    fn readers(workers: usize, digests: bool) -> Readers {
        let mut readers = Readers::start(digests);
        readers.workers.truncate(workers);
        readers
    }

    #[test]
    fn every_file_that_is_another_is_found_however_long_it_is_and_whoever_reads() {
        const MIB: usize = 1 << 20;
        let disk = SimVfs::new(7);
        let lens = [0, 1, 1024, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB, 5 * MIB + 77];
        for workers in [0, 1, 3] {
            let (mut readers, mut expected) = (readers(workers, false), Vec::new());
            for (key, len) in lens.into_iter().enumerate() {
                for spoiled in [false, true] {
                    let key = 2 * key + usize::from(spoiled);
                    let mut bytes = content(key, len);
                    let blake3 = *blake3::hash(&bytes).as_bytes();
                    if let Some(byte) = bytes.last_mut().filter(|_| spoiled) {
                        *byte ^= 1;
                    }
                    expected.extend((!spoiled || len == 0).then_some(key));
                    let file = disk.open(&format!("{workers}-{key}"), Open::CreateNew).unwrap();
                    file.write_at(0, &[&bytes]).unwrap();
                    let mut pieces = 0;
                    let mut between = || {
                        pieces += 1;
                        Ok(())
                    };
                    readers.push_file(key, &file, (blake3, len as u64), &mut between).unwrap();
                    assert_eq!(pieces, len.div_ceil(MIB).max(1));
                }
            }
            let mut same = readers.finish().unwrap();
            same.sort_unstable();
            assert_eq!(same, expected, "{workers} workers");
        }
    }

    #[test]
    fn every_content_of_a_segment_that_is_another_is_found() {
        let disk = SimVfs::new(7);
        disk.make_dir(crate::blobs::segment::DIR).unwrap();
        let header = SegmentHeader { store: [1; 16], number: 3, salt: 5, created: Time(6) };
        let segment = Segment::create(&disk, header).unwrap().unwrap();
        let (mut offset, mut all) = (64, Vec::new());
        for key in 0..200 {
            let bytes = content(key, key * 700 % 50_000);
            let digest = Digest::of(&bytes);
            let frame = Frame {
                kind: FrameKind::Blob,
                lsn: 1,
                id: key as u64,
                len: u32::try_from(bytes.len()).unwrap(),
                crc32: digest.crc32,
                blake3: digest.blake3,
                time: Time(1),
                previous: 0,
            };
            let mut written = bytes.clone();
            if let Some(byte) = written.last_mut().filter(|_| key % 10 == 1) {
                *byte ^= 1;
            }
            segment.file.write_at(offset, &[&frame.encode(5).0, &written]).unwrap();
            let mut expected = digest;
            match key % 10 {
                2 => expected.blake3[0] ^= 1,
                3 => expected.crc32 ^= 1,
                4 => expected.len += 1,
                5 => expected.sha1[7] ^= 1,
                6 => expected.crc64 ^= 1,
                _ => {}
            }
            let id = BlobId(key as u64 + u64::from(key % 10 == 7));
            all.push((key, id, offset, expected));
            offset += frame_len(digest.len) + if key % 40 == 0 { 2 * GAP } else { 0 };
        }
        segment.file.write_at(offset, &[&[0; 200]]).unwrap();
        for (workers, digests) in [(0, false), (1, true), (3, false), (3, true)] {
            let mut readers = readers(workers, digests);
            for &(key, id, offset, expected) in &all {
                readers.push_frame(&segment, Framed { key, id, offset, expected }).unwrap();
            }
            let mut same = readers.finish().unwrap();
            same.sort_unstable();
            let wrong: &[usize] = if digests { &[1, 2, 3, 4, 5, 6, 7] } else { &[1, 2, 3, 4, 7] };
            // The first content is empty, and one of them ends where another begins.
            let expected: Vec<usize> = (0..200).filter(|key| !wrong.contains(&(key % 10))).collect();
            assert_eq!(same, expected, "{workers} workers, digests {digests}");
        }
    }
}
