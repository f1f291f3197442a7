//! Writing past the system's cache of files (`O_DIRECT`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

/// What the offset, the length and the address of such a write must be multiples of, in bytes: the
/// page, which no disk's block is larger than.
pub(crate) const DIRECT_ALIGN: usize = 4096;

/// The second opening of a file, which its direct writes go through. Made at the first of them.
#[derive(Debug, Default)]
pub(super) struct Direct(OnceLock<Option<File>>);

impl Direct {
    /// Writes `bytes` past the cache; false when the file system or the alignment does not allow it.
    pub(super) fn write_at(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<bool> {
        let aligned = |number: usize| number.is_multiple_of(DIRECT_ALIGN);
        if !aligned(bytes.len())
            || !aligned(bytes.as_ptr().addr())
            || !offset.is_multiple_of(DIRECT_ALIGN as u64)
        {
            return Ok(false);
        }
        let Some(direct) = self.0.get_or_init(|| open(file)) else { return Ok(false) };
        match direct.write_all_at(bytes, offset) {
            // Some file systems take the flag and refuse the write.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(false),
            outcome => outcome.map(|()| true),
        }
    }
}

#[cfg(target_os = "linux")]
fn open(file: &File) -> Option<File> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{Mode, OFlags, open};

    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    open(path, OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC, Mode::empty()).ok().map(File::from)
}

/// There is no such flag here.
#[cfg(not(target_os = "linux"))]
fn open(_file: &File) -> Option<File> {
    None
}
