//! The seam under everything that touches a file: the real file system, and one that loses power.
//!
//! Paths are relative to the store's directory, with `/` between parts. A file is synced by
//! [`VfsFile::sync_data`]; a name (created, renamed or removed) is durable only after
//! [`Vfs::sync_dir`] of its directory.
//!
//! [`RealVfs`] is the operating system's. With the feature `sim` there is `SimVfs`, which lives in memory,
//! loses power on request, and fails any operation that a test picks; a host may use it to test itself.

mod direct;
mod live;
mod look;
mod map;
mod path;
mod read_only;
mod real;
#[cfg(any(test, feature = "sim"))]
mod sim;
#[cfg(test)]
mod suite;

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use direct::DIRECT_ALIGN;
pub(crate) use live::Live;
pub(crate) use read_only::ReadOnly;
pub use real::RealVfs;
#[cfg(any(test, feature = "sim"))]
pub use sim::{Fault, Lie, Policy, Scheduler, SimVfs, Times, Touch};

/// How [`Vfs::open`] treats a name that is there, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// The file must exist; opened for reading.
    Read,
    /// The file must exist; opened for reading and writing.
    Write,
    /// The file is made if it is not there; opened for reading and writing.
    Create,
    /// The file must not exist; made, and opened for reading and writing.
    CreateNew,
}

/// What a directory listing says of one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The name, without its directory.
    pub name: String,
    /// Length in bytes.
    pub len: u64,
    /// Time of last modification, in microseconds since 1970 UTC.
    pub modified: i64,
}

/// The room on the file system of a directory tree, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What this process may still write.
    pub free: u64,
    /// What there is in all.
    pub total: u64,
}

/// Returns whether an operation failed for want of room on the disk or in a quota.
pub(crate) fn is_full(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A directory tree that a store lives in.
pub trait Vfs: Debug + Send + Sync + 'static {
    /// Opens a file. Symbolic links are not followed.
    fn open(&self, path: &str, how: Open) -> io::Result<Arc<dyn VfsFile>>;
    /// Gives a file a new name, replacing what had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file's name; open handles and maps of it stay valid.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Makes a directory and its parents; one that is there already is not an error.
    fn make_dir(&self, path: &str) -> io::Result<()>;
    /// Lists the files of a directory, in order of name (directories are left out).
    fn list(&self, path: &str) -> io::Result<Vec<DirEntry>>;
    /// Returns how much room there is; None where nobody knows.
    fn space(&self) -> io::Result<Option<Space>> {
        Ok(None)
    }
    /// Names the directory among those of this process: two openings with one name are of one store
    /// and share its session. None where each opening is a store of its own.
    fn identity(&self) -> Option<u64> {
        None
    }
    /// Returns whether the directory takes no writes of this process, by a read-only mount or for want of
    /// permission. A store in it is opened for reading.
    fn is_read_only(&self) -> io::Result<bool> {
        Ok(false)
    }
    /// Makes the names of a directory durable. `""` is the store's own directory.
    fn sync_dir(&self, path: &str) -> io::Result<()>;
}

/// Locks of ranges of bytes, given by their first and last, which may lie behind the end of the file.
/// They belong to an open file and end with it.
pub trait RangeLocks {
    /// Takes a lock; `false` if another open file's is in the way.
    fn try_lock(&self, range: (u64, u64), shared: bool) -> io::Result<bool>;
    /// Takes a lock as soon as it can be had.
    fn lock(&self, range: (u64, u64), shared: bool) -> io::Result<()>;
    /// Gives back a lock of exactly this range.
    fn unlock(&self, range: (u64, u64)) -> io::Result<()>;
    /// Gives back all that this open file has.
    fn unlock_all(&self) -> io::Result<()>;
    /// Returns whether an exclusive lock would have to wait.
    fn is_locked(&self, range: (u64, u64)) -> io::Result<bool>;
}

/// An open file.
pub trait VfsFile: Debug + Send + Sync + 'static {
    /// Returns the length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Returns whether the file has at least `len` bytes, for one that only grows. A look of some
    /// milliseconds ago may answer, which spares a busy reader a system call.
    fn holds(&self, len: u64) -> io::Result<bool> {
        Ok(self.len()? >= len)
    }
    /// Fills `out` from `offset`; the end of the file before that is `UnexpectedEof`.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// As [`VfsFile::read_at`], and leaves the system's cache of files as it is where that can be done: for
    /// much that will hardly be read again soon.
    fn read_past_cache(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.read_at(offset, out)
    }
    /// Writes all of `parts`, one behind the other, from `offset`.
    fn write_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()>;
    /// Writes `bytes` from `offset`, past the system's cache of files where that can be done: for
    /// much that will hardly be read soon. The disk has it no sooner for that than by a sync.
    fn write_past_cache(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_at(offset, &[bytes])
    }
    /// Sets the length; new bytes are zero.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Reserves space up to `len` and sets the length to it, if it is shorter.
    fn allocate(&self, len: u64) -> io::Result<()>;
    /// Makes the content and the length durable.
    fn sync_data(&self) -> io::Result<()>;
    /// Takes an exclusive lock that ends when the file is closed; `false` if another holds one.
    fn try_lock(&self) -> io::Result<bool>;
    /// Takes a shared lock, as [`VfsFile::try_lock`] takes an exclusive one; `false` if another holds
    /// an exclusive one. Where there is but one process it is always had.
    fn try_lock_shared(&self) -> io::Result<bool> {
        Ok(true)
    }
    /// Returns a window on bytes that are never written again: a map where there is one, else a
    /// copy. The window keeps the file alive.
    fn window(&self, offset: u64, len: usize) -> io::Result<Bytes>;
    /// Returns the longest window that costs no memory of its own, or that a caller should ask for
    /// where each is a copy.
    fn longest_window(&self) -> u64 {
        u64::MAX
    }
    /// Returns how many of `len` bytes from `offset` on one window can show, at least 1: all but past the
    /// longest, unless the file is put together from several.
    fn contiguous(&self, _offset: u64, len: u64) -> u64 {
        len.min(self.longest_window())
    }
    /// Tells the system to begin writing a range out, so that a later sync has less to do.
    fn write_behind(&self, _offset: u64, _len: u64) {}
    /// Tells the system that a range is about to be read.
    fn will_need(&self, offset: u64, len: u64);
    /// Tells the system that windows of this file will be small and in no order, so that a touch
    /// of one page reads no more than that. Holds for maps made from now on.
    fn expect_random(&self) {}
    /// Returns the operating system's file, where there is one.
    fn file(&self) -> Option<Arc<File>>;
    /// Returns the file that has the byte at `offset`, where in it, and how many of `len` bytes follow there:
    /// all of them, unless the file is put together from several.
    fn file_at(&self, offset: u64, len: u64) -> io::Result<Option<(Arc<File>, u64, u64)>> {
        Ok(self.file().map(|file| (file, offset, len)))
    }
    /// Returns the locks of ranges of bytes, where there are several processes and no file of the
    /// operating system.
    fn ranges(&self) -> Option<&dyn RangeLocks> {
        None
    }
    /// Returns whether the handle's length is zero.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}
