//! Opening a content: through the cache, verified.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::cache::CacheEntry;
use super::fetch::Fetched;
use super::memory::{read_only, refuses_writes};
use super::outline::{self, CHUNK, ContentOutline, Value};
use super::{ObjectKind, ObjectPool};
use crate::blobs::frame::{Frame, FrameKind, HEADER_LEN, SEGMENT_HEADER_LEN, SegmentHeader, frame_len};
use crate::blobs::pool::BlobSource;
use crate::catalog::record::Location;
use crate::id::BlobId;
use crate::machine::lock;
use crate::vfs::VfsFile;
use crate::{Error, Result};

/// So many bytes of a segment are fetched at once: contents that were put together are read together.
const HEAD: u64 = 1 << 20;
/// Chunks that are fetched ahead of who reads one after the other.
const AHEAD: u64 = 3;

impl ObjectPool {
    /// Opens the content of a blob: `len` bytes at `location`. None when the object is gone, as after a
    /// compaction: the caller looks the place up again.
    ///
    /// A small content is here then; of a large one, what proves its chunks, or its only chunk.
    ///
    /// # Errors
    /// `Corrupt` when the object is not what was written, `Io` when the server cannot be asked.
    pub(crate) fn open_blob(&self, blob: BlobId, location: Location, len: u64) -> Result<Option<BlobSource>> {
        match location {
            Location::Segment { segment, offset } => self.open_frame(blob, segment, offset, len),
            Location::File if len <= CHUNK => {
                let content = (blob.0, len, None);
                if let Some(entry) = self.cache.opened(content) {
                    return Ok(Some(BlobSource::new(entry.file, 0, len)));
                }
                let key = self.key(ObjectKind::Content, blob.0, "0");
                let entry = self.only_chunk(&key, blob, len)?;
                self.cache.found(content, &key);
                Ok(entry.map(|entry| BlobSource::new(entry.file, 0, len)))
            }
            Location::File => Ok(self.outline(blob, len)?.map(|outline| {
                let file = ChunkedFile {
                    pool: self.clone(),
                    blob,
                    len,
                    values: outline.values,
                    current: Mutex::new(None),
                    ahead: AtomicU64::new(0),
                    fetched: Arc::default(),
                };
                BlobSource::new(Arc::new(file), 0, len)
            })),
        }
    }

    fn open_frame(&self, blob: BlobId, segment: u32, offset: u64, len: u64) -> Result<Option<BlobSource>> {
        let start = offset.saturating_add(HEADER_LEN as u64);
        if start.saturating_add(len) <= HEAD {
            let content = (blob.0, len, Some((segment, offset)));
            if let Some(entry) = self.cache.opened(content) {
                return Ok(Some(BlobSource::new(entry.file, start, len)));
            }
            let key = self.key(ObjectKind::Segment, segment.into(), "head");
            match self.cache.get(&key, &|| self.fetch_head(segment)) {
                Ok(Some(entry)) if is_frame_of(&entry, blob, offset, len) => {
                    self.cache.found(content, &key);
                    return Ok(Some(BlobSource::new(entry.file, start, len)));
                }
                // Of another segment of that number, as before a database was restored to an earlier state.
                Ok(Some(_)) => self.cache.forget(&key),
                Ok(None) => return Ok(None),
                Err(error) if error.kind() == crate::ErrorKind::Corrupt => {
                    tracing::warn!(%error, segment, "contents are read one by one");
                }
                Err(error) => return Err(error),
            }
        }
        let key = self.key(ObjectKind::Segment, segment.into(), &format!("{offset:x}-{:x}", blob.0));
        let entry = self.cache.get(&key, &|| self.fetch_frame(blob, segment, offset, len))?;
        Ok(entry.map(|entry| BlobSource::new(entry.file, 0, len)))
    }

    /// Fetches the beginning of a segment.
    fn fetch_head(&self, segment: u32) -> Result<Option<Vec<Bytes>>> {
        let sound = |fetched: &Fetched| is_sound_head(&fetched.whole(), self.store, segment, fetched.size);
        let fetched = self.fetch((ObjectKind::Segment, segment.into()), Some(0..HEAD), &sound)?;
        Ok(fetched.map(|fetched| fetched.parts))
    }

    /// Fetches the payload of one frame.
    fn fetch_frame(&self, blob: BlobId, segment: u32, offset: u64, len: u64) -> Result<Option<Vec<Bytes>>> {
        let end = offset.saturating_add(HEADER_LEN as u64).saturating_add(len);
        let sound = |fetched: &Fetched| payload(&fetched.whole(), blob, len).is_some();
        let fetched = self.fetch((ObjectKind::Segment, segment.into()), Some(offset..end), &sound)?;
        Ok(fetched.and_then(|fetched| payload(&fetched.whole(), blob, len)).map(|payload| vec![payload]))
    }

    /// Returns the verified payloads of frames of a segment, each given by its blob, offset and length;
    /// None where the segment is gone. They are not kept in the cache: whoever compacts reads them once.
    ///
    /// # Errors
    /// `Corrupt` when a frame is not what was written, `Io` when the server cannot be asked.
    pub(crate) fn read_frames(
        &self,
        segment: u32,
        frames: &[(BlobId, u64, u64)],
    ) -> Result<Option<Vec<Bytes>>> {
        let mut payloads = Vec::with_capacity(frames.len());
        for (blob, offset, len) in frames {
            let Some(parts) = self.fetch_frame(*blob, segment, *offset, *len)? else { return Ok(None) };
            payloads.extend(parts);
        }
        Ok(Some(payloads))
    }

    /// Returns the content of a blob of one chunk.
    fn only_chunk(&self, key: &str, blob: BlobId, len: u64) -> Result<Option<CacheEntry>> {
        let sound = |fetched: &Fetched| {
            let hash = fetched.blake3().to_hex();
            fetched.size == len && fetched.hash.as_deref() == Some(hash.as_str())
        };
        self.cache.get(key, &|| {
            // One more than there is: an object that is longer is not the content.
            let fetched =
                self.fetch((ObjectKind::Content, blob.0), Some(0..len.saturating_add(1)), &sound)?;
            Ok(fetched.map(|fetched| fetched.parts))
        })
    }

    /// Returns the outline of a blob of several chunks.
    pub(super) fn outline(&self, blob: BlobId, len: u64) -> Result<Option<ContentOutline>> {
        let read = |bytes: &[u8]| {
            let outline = ContentOutline::decode(bytes)?;
            (outline.store == self.store && outline.blob == blob && outline.len == len).then_some(outline)
        };
        let sound = |fetched: &Fetched| read(&fetched.whole()).is_some_and(|outline| outline.is_sound());
        let key = self.key(ObjectKind::Outline, blob.0, "0");
        let entry = self.cache.get(&key, &|| {
            let fetched = self.fetch((ObjectKind::Outline, blob.0), None, &sound)?;
            Ok(fetched.map(|fetched| fetched.parts))
        })?;
        let Some(entry) = entry else { return Ok(None) };
        let window = usize::try_from(entry.len).map_err(io::Error::other);
        let bytes = window.and_then(|len| entry.file.window(0, len));
        let bytes = bytes.map_err(|cause| Error::io("reading the cache", cause))?;
        let outline = read(&bytes).ok_or_else(|| {
            self.cache.forget(&key);
            Error::corrupt(format!("blob {blob} has the outline of another content"))
        })?;
        Ok(Some(outline))
    }

    /// Returns a chunk of a blob of several.
    fn chunk(&self, blob: BlobId, len: u64, index: u64, value: Value) -> Result<CacheEntry> {
        let start = index.saturating_mul(CHUNK);
        let end = start.saturating_add(CHUNK).min(len);
        let sound = |fetched: &Fetched| {
            let came = outline::value(index, fetched.parts.iter().map(AsRef::as_ref));
            fetched.size == len && came == value
        };
        // By its value: another content may have had the id before a database was restored.
        let of = blake3::Hash::from_bytes(value).to_hex();
        let key =
            self.key(ObjectKind::Content, blob.0, &format!("{index:x}-{}", of.get(..16).unwrap_or_default()));
        let fetch = || {
            let fetched = self.fetch((ObjectKind::Content, blob.0), Some(start..end), &sound)?;
            Ok(fetched.map(|fetched| fetched.parts))
        };
        let entry = self.cache.get_long(&key, &fetch, &|work| self.client.start_blocking(work))?;
        entry.ok_or_else(|| Error::corrupt(format!("the content of blob {blob} is missing; check the store")))
    }

    /// Returns the name of an entry in the cache.
    fn key(&self, kind: ObjectKind, number: u64, of: &str) -> String {
        format!("{}-{}{number:016x}-{of}", self.name, kind.letter())
    }
}

/// Returns whether all whole frames in the beginning of a segment are what was written.
pub(super) fn is_sound_head(bytes: &[u8], store: [u8; 16], number: u32, size: u64) -> bool {
    let header = bytes.first_chunk().and_then(|header| SegmentHeader::decode(header).ok().flatten());
    let Some(header) = header.filter(|header| header.store == store && header.number == number) else {
        return false;
    };
    let mut rest = bytes.get(SEGMENT_HEADER_LEN..).unwrap_or_default();
    let is_whole = u64::try_from(bytes.len()).is_ok_and(|len| len == size);
    while !rest.is_empty() {
        let Some(frame) = rest.first_chunk() else { return !is_whole };
        let Some((frame, _)) = Frame::decode(frame, header.salt) else { return false };
        let takes = usize::try_from(frame_len(frame.len.into())).unwrap_or(usize::MAX);
        let Some((whole, behind)) = rest.split_at_checked(takes) else { return !is_whole };
        if frame_payload(whole, &frame).is_none() {
            return false;
        }
        rest = behind;
    }
    true
}

/// Returns the payload of a frame, if it is what the header says.
fn frame_payload<'a>(bytes: &'a [u8], frame: &Frame) -> Option<&'a [u8]> {
    let len = usize::try_from(frame.len).ok()?;
    let payload = bytes.get(HEADER_LEN..)?.get(..len)?;
    (blake3::hash(payload) == frame.blake3).then_some(payload)
}

/// Returns the payload of a blob's frame that was fetched alone.
fn payload(bytes: &Bytes, blob: BlobId, len: u64) -> Option<Bytes> {
    let (frame, _) = Frame::decode_alone(bytes.first_chunk()?)?;
    is_of(&frame, blob, len).then_some(())?;
    frame_payload(bytes, &frame).map(|payload| bytes.slice_ref(payload))
}

fn is_of(frame: &Frame, blob: BlobId, len: u64) -> bool {
    frame.kind == FrameKind::Blob && frame.id == blob.0 && u64::from(frame.len) == len
}

/// Returns whether the frame at `offset` of a segment's beginning is that of a blob.
fn is_frame_of(entry: &CacheEntry, blob: BlobId, offset: u64, len: u64) -> bool {
    let mut header = [0; HEADER_LEN];
    let read = entry.file.read_at(offset, &mut header);
    read.is_ok() && Frame::decode_alone(&header).is_some_and(|(frame, _)| is_of(&frame, blob, len))
}

/// A large content as a file: put together from chunks, which are fetched when they are asked for.
struct ChunkedFile {
    pool: ObjectPool,
    blob: BlobId,
    len: u64,
    values: Vec<Value>,
    /// The chunk that was read last.
    current: Mutex<Option<(u64, CacheEntry)>>,
    /// The chunk up to which others were asked for ahead.
    ahead: AtomicU64,
    /// What came of that, and is in memory: it may never be in the cache.
    fetched: Arc<Mutex<HashMap<u64, CacheEntry>>>,
}

impl std::fmt::Debug for ChunkedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChunkedFile(blob {}, {} bytes)", self.blob, self.len)
    }
}

impl ChunkedFile {
    /// Returns the chunk with the byte at `offset`, and where in it that is.
    fn chunk_at(&self, offset: u64) -> io::Result<(CacheEntry, u64)> {
        let index = offset / CHUNK;
        let within = offset % CHUNK;
        let before = lock(&self.current).clone();
        if let Some((current, entry)) = &before
            && *current == index
        {
            return Ok((entry.clone(), within));
        }
        if before.is_some_and(|(before, _)| before.saturating_add(1) == index) {
            self.fetch_ahead(index);
        }
        let value = self.value(index).ok_or(io::ErrorKind::UnexpectedEof)?;
        let fetched = {
            let mut fetched = lock(&self.fetched);
            fetched.retain(|other, _| *other >= index);
            fetched.remove(&index)
        };
        let entry = match fetched {
            Some(entry) => entry,
            None => self.pool.chunk(self.blob, self.len, index, value).map_err(io::Error::other)?,
        };
        *lock(&self.current) = Some((index, entry.clone()));
        Ok((entry, within))
    }

    fn value(&self, index: u64) -> Option<Value> {
        self.values.get(usize::try_from(index).ok()?).copied()
    }

    /// Asks for the chunks behind one, once each.
    fn fetch_ahead(&self, index: u64) {
        let until = index.saturating_add(AHEAD);
        let asked = self.ahead.fetch_max(until, Ordering::Relaxed);
        for next in asked.max(index).saturating_add(1)..=until {
            let Some(value) = self.value(next) else { return };
            let (pool, blob, len) = (self.pool.clone(), self.blob, self.len);
            let fetched = self.fetched.clone();
            let started = self.pool.client.start_blocking(move || match pool.chunk(blob, len, next, value) {
                Ok(entry) if entry.file.file().is_none() => drop(lock(&fetched).insert(next, entry)),
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "a chunk could not be fetched ahead"),
            });
            if started.is_err() {
                return;
            }
        }
    }
}

impl VfsFile for ChunkedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.len)
    }

    fn read_at(&self, mut offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        while !out.is_empty() {
            let (entry, within) = self.chunk_at(offset)?;
            let here = usize::try_from(entry.len.saturating_sub(within)).unwrap_or(usize::MAX);
            if here == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (now, later) = out.split_at_mut(here.min(out.len()));
            entry.file.read_at(within, now)?;
            offset = offset.saturating_add(u64::try_from(now.len()).unwrap_or(u64::MAX));
            out = later;
        }
        Ok(())
    }

    fn contiguous(&self, offset: u64, len: u64) -> u64 {
        len.min(CHUNK.saturating_sub(offset % CHUNK))
    }

    fn window(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let (entry, within) = self.chunk_at(offset)?;
        let end = u64::try_from(len).ok().and_then(|len| within.checked_add(len));
        if end.is_some_and(|end| end <= entry.len) {
            return entry.file.window(within, len);
        }
        let mut bytes = vec![0; len];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes.into())
    }

    fn file_at(&self, offset: u64, len: u64) -> io::Result<Option<(Arc<File>, u64, u64)>> {
        let len = self.contiguous(offset, len);
        let (entry, within) = self.chunk_at(offset)?;
        entry.file.file_at(within, len)
    }

    fn file(&self) -> Option<Arc<File>> {
        None
    }

    fn will_need(&self, _offset: u64, _len: u64) {}

    refuses_writes!();
}
