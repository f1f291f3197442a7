//! redb's pages on the file seam, so that they lose power in the same simulations as the log.

use std::io;
use std::ops::Bound;
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use crate::vfs::VfsFile;

/// Pages in a [`VfsFile`]. Where there is an operating system's file under it, locks are its
/// byte-range locks; a simulated disk has one process, which never waits for itself.
#[derive(Debug)]
pub(super) struct VfsBackend {
    file: Arc<dyn VfsFile>,
    locks: Option<FileBackend>,
}

impl VfsBackend {
    pub(super) fn new(file: Arc<dyn VfsFile>) -> io::Result<VfsBackend> {
        let locks = match file.file() {
            Some(shared) => Some(FileBackend::new(shared.try_clone()?).map_err(io::Error::other)?),
            None => None,
        };
        Ok(VfsBackend { file, locks })
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
