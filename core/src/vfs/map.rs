//! Maps of files: the raw pointer is kept, and a slice is made only of a window that is never
//! written again. And the one system call that has no safe name.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{Advice, MmapOptions, MmapRaw};

/// A read-only map of the first bytes of a file, shared by every window cut from it.
#[derive(Debug)]
pub(super) struct Map {
    raw: MmapRaw,
}

impl Map {
    /// Maps the first `len` bytes, which must be more than none and all in the file.
    pub(super) fn new(file: &File, len: u64, random: bool) -> io::Result<Map> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let raw = MmapOptions::new().len(len).map_raw_read_only(file)?;
        if random {
            // Advice only: a system that refuses it serves the same bytes.
            let _ = raw.advise(Advice::Random);
        }
        Ok(Map { raw })
    }

    /// Returns the bytes from `offset`, or `None` where they are not all mapped.
    pub(super) fn window(self: &Arc<Self>, offset: u64, len: usize) -> Option<Bytes> {
        let start = usize::try_from(offset).ok()?;
        if start.checked_add(len)? > self.raw.len() {
            return None;
        }
        Some(Bytes::from_owner(Window { map: Arc::clone(self), start, len }))
    }

    /// Returns how many bytes are mapped.
    pub(super) fn len(&self) -> usize {
        self.raw.len()
    }
}

/// A range of a map, inside its bounds, of bytes that nobody writes any more.
struct Window {
    map: Arc<Map>,
    start: usize,
    len: usize,
}

impl AsRef<[u8]> for Window {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `Map::window` checked that start + len <= the length of the map, and the map
        // lives as long as `self`. By the contract of `VfsFile::window` these bytes are never
        // written again and the file is never cut below them, so they do not change under the
        // shared slice, and every page of it has a file behind it.
        unsafe { std::slice::from_raw_parts(self.map.raw.as_ptr().add(self.start), self.len) }
    }
}

/// Tells the system to begin writing a range of a file out. Advice only: an error changes nothing,
/// and the sync that follows reports what cannot be written.
#[cfg(target_os = "linux")]
pub(super) fn write_behind(file: &File, offset: u64, len: u64) {
    if let (Ok(offset), Ok(len)) = (i64::try_from(offset), i64::try_from(len))
        && len > 0
    {
        // SAFETY: the call takes no pointer, and the descriptor is open while `file` is borrowed.
        unsafe { libc::sync_file_range(file.as_raw_fd(), offset, len, libc::SYNC_FILE_RANGE_WRITE) };
    }
}

/// Does nothing: there is no such call here.
#[cfg(not(target_os = "linux"))]
pub(super) fn write_behind(_file: &File, _offset: u64, _len: u64) {}
