//! redb's pages on the file seam, so that they lose power in the same simulations as the log.

use std::io;
use std::ops::Bound;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use crate::fork::Guard;
use crate::vfs::VfsFile;

/// Pages in a [`VfsFile`]. Where there is an operating system's file under it, locks are its
/// byte-range locks; a simulated disk has one process, which never waits for itself.
#[derive(Debug)]
pub(super) struct VfsBackend {
    /// Both descriptors of the open file that holds the locks; dropped before they are closed.
    _guards: Vec<Guard>,
    file: Arc<dyn VfsFile>,
    locks: Option<FileBackend>,
}

impl VfsBackend {
    pub(super) fn new(file: Arc<dyn VfsFile>) -> io::Result<VfsBackend> {
        let Some(shared) = file.file() else {
            return Ok(VfsBackend { _guards: Vec::new(), file, locks: None });
        };
        let twin = shared.try_clone()?;
        let guards = vec![Guard::new(shared.as_raw_fd())?, Guard::new(twin.as_raw_fd())?];
        let locks = FileBackend::new(twin).map_err(io::Error::other)?;
        Ok(VfsBackend { _guards: guards, file, locks: Some(locks) })
    }
}

impl StorageBackend for VfsBackend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, &[data])
    }

    fn close(&self) -> io::Result<()> {
        self.locks.as_ref().map_or(Ok(()), StorageBackend::close)
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.locks.as_ref().map_or(Ok(true), |locks| locks.try_lock_range(start, end))
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.locks.as_ref().map_or(Ok(true), |locks| locks.try_lock_shared_range(start, end))
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.locks.as_ref().map_or(Ok(()), |locks| locks.lock_range(start, end))
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.locks.as_ref().map_or(Ok(()), |locks| locks.lock_shared_range(start, end))
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.locks.as_ref().map_or(Ok(()), |locks| locks.unlock_range(start, end))
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.locks.as_ref().map_or(Ok(false), |locks| locks.query_lock_range(start, end))
    }
}
