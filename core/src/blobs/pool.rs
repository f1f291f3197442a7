//! Reading blobs: open handles of segments are kept, and a blob is a window on one of them.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

use super::frame::HEADER_LEN;
#[cfg(feature = "remote")]
use super::object::ObjectPool;
use super::segment;
use crate::body::{FileRange, Segment, Source};
use crate::catalog::record::Location;
use crate::id::BlobId;
use crate::vfs::{Open, Vfs, VfsFile};
use crate::{Error, Result};

/// Segments that are kept open at most; what still reads from another goes on.
const MAX_OPEN: usize = 256;
/// From this length on the system is advised of what is about to be read: a segment's map expects
/// reads here and there, and would fault a long window in page by page.
const LONG: u64 = 64 << 10;

/// Returns the path of a large blob's file.
pub(crate) fn path(blob: BlobId) -> String {
    format!("{}/{:016x}", dir(blob), blob.0)
}

/// Returns the directory of a large blob's file: named by the id's low byte, so that 256 of them
/// fill evenly.
pub(crate) fn dir(blob: BlobId) -> String {
    format!("blob/{:02x}", blob.0 & 0xff)
}

/// Returns the id in the name of a large blob's file.
pub(crate) fn id_of(name: &str) -> Option<BlobId> {
    (name.len() == 16).then(|| u64::from_str_radix(name, 16).ok().map(BlobId))?
}

/// The files that blobs are read from.
#[derive(Debug)]
pub(crate) struct Pool {
    vfs: Arc<dyn Vfs>,
    segments: RwLock<HashMap<u32, Arc<dyn VfsFile>>>,
    /// Where contents are objects, and no files.
    #[cfg(feature = "remote")]
    objects: Option<ObjectPool>,
}

impl Pool {
    pub(crate) fn new(vfs: Arc<dyn Vfs>) -> Pool {
        Pool {
            vfs,
            segments: RwLock::default(),
            #[cfg(feature = "remote")]
            objects: None,
        }
    }

    /// Reads contents from objects.
    #[cfg(feature = "remote")]
    pub(crate) fn over_objects(self, objects: ObjectPool) -> Pool {
        Pool { objects: Some(objects), ..self }
    }

    /// Returns the objects that contents are in, where they are in no files.
    #[cfg(feature = "remote")]
    pub(crate) fn objects(&self) -> Option<&ObjectPool> {
        self.objects.as_ref()
    }

    /// Whether contents are objects, and no files.
    pub(crate) fn is_remote(&self) -> bool {
        #[cfg(feature = "remote")]
        return self.objects.is_some();
        #[cfg(not(feature = "remote"))]
        false
    }

    /// Opens the content of a blob: `len` bytes at `location`. None when the file is gone, as after
    /// a compaction: the caller looks the place up again.
    ///
    /// # Errors
    /// `Corrupt` when the file is shorter than the blob.
    pub(crate) fn open(&self, blob: BlobId, location: Location, len: u64) -> Result<Option<BlobSource>> {
        #[cfg(feature = "remote")]
        if let Some(objects) = &self.objects {
            return objects.open_blob(blob, location, len);
        }
        let (file, offset) = match location {
            Location::Segment { segment, offset } => match self.segment(segment)? {
                Some(file) => (file, offset.saturating_add(HEADER_LEN as u64)),
                None => return Ok(None),
            },
            Location::File => match self.vfs.open(&path(blob), Open::Read) {
                Ok(file) => (file, 0),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(cause) => return Err(Error::io(format!("opening {}", path(blob)), cause)),
            },
        };
        let looked = offset.checked_add(len).map_or(Ok(false), |end| file.holds(end));
        if !looked.map_err(|cause| Error::io(format!("opening blob {blob}"), cause))? {
            return Err(Error::corrupt(format!(
                "blob {blob} is cut short: its file ends before the {len} bytes from {offset} that were stored"
            )));
        }
        Ok(Some(BlobSource { file, offset, len }))
    }

    /// Whether the file of a location is open already.
    pub(crate) fn is_open(&self, location: Location) -> bool {
        let Location::Segment { segment, .. } = location else { return false };
        self.segments.read().unwrap_or_else(PoisonError::into_inner).contains_key(&segment)
    }

    /// Looks at a segment once, to open many blobs in it. None when it is gone.
    ///
    /// Of objects nothing is seen: their contents are looked at one by one.
    pub(crate) fn see(&self, number: u32) -> Result<Option<Seen>> {
        #[cfg(feature = "remote")]
        if self.objects.is_some() {
            return Ok(None);
        }
        let Some(file) = self.segment(number)? else { return Ok(None) };
        let len =
            file.len().map_err(|cause| Error::io(format!("opening {}", segment::path(number)), cause))?;
        Ok(Some(Seen { number, file, len }))
    }

    fn segment(&self, number: u32) -> Result<Option<Arc<dyn VfsFile>>> {
        let known = self.segments.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
        if known.is_some() {
            return Ok(known);
        }
        match self.vfs.open(&segment::path(number), Open::Read) {
            Ok(file) => {
                file.expect_random();
                let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
                if segments.len() >= MAX_OPEN {
                    // Any of them: maps that replies hold keep their file open, so only the next look-up pays for the choice.
                    let any = segments.keys().next().copied();
                    any.map(|other| segments.remove(&other));
                }
                Ok(Some(segments.entry(number).or_insert(file).clone()))
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(Error::io(format!("opening {}", segment::path(number)), cause)),
        }
    }

    /// Forgets a segment that was removed; what still reads from it goes on.
    pub(crate) fn forget(&self, number: u32) {
        self.segments.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
}

/// A segment, and how long it was when it was looked at.
#[derive(Debug)]
pub(crate) struct Seen {
    number: u32,
    file: Arc<dyn VfsFile>,
    len: u64,
}

impl Seen {
    /// Opens a blob in this segment. None when it is elsewhere, or not in what was seen.
    pub(crate) fn open(&self, location: Location, len: u64) -> Option<BlobSource> {
        let Location::Segment { segment, offset } = location else { return None };
        let offset = offset.checked_add(HEADER_LEN as u64)?;
        let seen = segment == self.number && offset.checked_add(len)? <= self.len;
        seen.then(|| BlobSource { file: self.file.clone(), offset, len })
    }
}

/// The content of one blob. It pins the file it is in: removal does not disturb it.
#[derive(Clone, Debug)]
pub(crate) struct BlobSource {
    file: Arc<dyn VfsFile>,
    offset: u64,
    len: u64,
}

impl BlobSource {
    /// Makes the content of `len` bytes from `offset` of a file on, which has them.
    #[cfg(feature = "s3")]
    pub(super) fn new(file: Arc<dyn VfsFile>, offset: u64, len: u64) -> BlobSource {
        BlobSource { file, offset, len }
    }

    /// Returns a window on `limit` bytes at most, from `offset` of the blob on.
    pub(crate) fn window(&self, offset: u64, limit: u64) -> Result<Bytes> {
        let len = limit.min(self.len.saturating_sub(offset));
        let len = self.file.contiguous(self.offset.saturating_add(offset), len);
        if len >= LONG {
            self.file.will_need(self.offset.saturating_add(offset), len);
        }
        let window = usize::try_from(len)
            .map_err(io::Error::other)
            .and_then(|len| self.file.window(self.offset.saturating_add(offset), len));
        window.map_err(|cause| Error::io("reading a blob", cause))
    }

    /// Fills `out` with the blob's bytes from `offset` on, which it has, and leaves the system's cache of
    /// files as it is.
    pub(crate) fn read_past_cache(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let read = self.file.read_past_cache(self.offset.saturating_add(offset), out);
        read.map_err(|cause| Error::io("reading a blob", cause))
    }
}

impl Source for BlobSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn segment(&self, offset: u64, limit: u64) -> Result<Segment> {
        let data = self.window(offset, limit)?;
        let len = u64::try_from(data.len()).unwrap_or(u64::MAX);
        Ok(Segment { data, file: self.file_range(offset, len)?.map(|(range, _)| range) })
    }

    fn file_range(&self, offset: u64, limit: u64) -> Result<Option<(FileRange, u64)>> {
        let len = limit.min(self.len.saturating_sub(offset));
        let found = self.file.file_at(self.offset.saturating_add(offset), len);
        let found = found.map_err(|cause| Error::io("reading a blob", cause))?;
        Ok(found.map(|(file, offset, len)| (FileRange { file, offset }, len)))
    }
}
