//! Reading and writing past the system's cache of files (`O_DIRECT`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

/// What the offset, the length and the address of such a transfer must be multiples of, in bytes: the
/// page, which no disk's block is larger than.
pub(crate) const DIRECT_ALIGN: usize = 4096;

/// The second openings of a file, which its direct transfers go through. Made at the first of them.
#[derive(Debug, Default)]
pub(super) struct Direct {
    read: OnceLock<Option<File>>,
    write: OnceLock<Option<File>>,
}

impl Direct {
    /// Writes `bytes` past the cache; false when the file system or the alignment does not allow it.
    pub(super) fn write_at(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<bool> {
        if !is_aligned(offset, bytes) {
            return Ok(false);
        }
        let Some(direct) = self.write.get_or_init(|| open(file, false)) else { return Ok(false) };
        allowed(direct.write_all_at(bytes, offset))
    }

    /// Fills `out` from the cache where that has all of it, otherwise past the cache; false when the file
    /// system or the alignment does not allow it.
    pub(super) fn read_at(&self, file: &File, offset: u64, out: &mut [u8]) -> io::Result<bool> {
        if !is_aligned(offset, out) {
            return Ok(false);
        }
        if read_cached(file, offset, out) {
            return Ok(true);
        }
        let Some(direct) = self.read.get_or_init(|| open(file, true)) else { return Ok(false) };
        allowed(direct.read_exact_at(out, offset))
    }
}

fn is_aligned(offset: u64, bytes: &[u8]) -> bool {
    let aligned = |number: usize| number.is_multiple_of(DIRECT_ALIGN);
    aligned(bytes.len()) && aligned(bytes.as_ptr().addr()) && offset.is_multiple_of(DIRECT_ALIGN as u64)
}

/// Some file systems take the flag and refuse the transfer.
fn allowed(outcome: io::Result<()>) -> io::Result<bool> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(false),
        outcome => outcome.map(|()| true),
    }
}

/// Fills `out` if that needs no disk.
#[cfg(target_os = "linux")]
fn read_cached(file: &File, offset: u64, out: &mut [u8]) -> bool {
    use rustix::io::{ReadWriteFlags, preadv2};

    let len = out.len();
    let read = preadv2(file, &mut [io::IoSliceMut::new(out)], offset, ReadWriteFlags::NOWAIT);
    read.is_ok_and(|read| read == len)
}

/// Nobody tells here what is in the cache.
#[cfg(not(target_os = "linux"))]
fn read_cached(_file: &File, _offset: u64, _out: &mut [u8]) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn open(file: &File, read: bool) -> Option<File> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{Mode, OFlags, open};

    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let access = if read { OFlags::RDONLY } else { OFlags::WRONLY };
    open(path, access | OFlags::DIRECT | OFlags::CLOEXEC, Mode::empty()).ok().map(File::from)
}

/// There is no such flag here.
#[cfg(not(target_os = "linux"))]
fn open(_file: &File, _read: bool) -> Option<File> {
    None
}
