//! redb's pages on the file seam, so that they lose power in the same simulations as the log.

use std::io;
use std::ops::Bound;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use crate::fork::Guard;
use crate::machine;
use crate::vfs::VfsFile;

/// Between two tries to get a lock while there is a deadline: about as long as the lock of the writer is
/// free between two commits of a busy process.
const PAUSE: Duration = Duration::from_micros(200);

/// Until when the locks of other processes are waited for: while a store is opened until a time, and
/// afterwards as long as it takes.
#[derive(Debug)]
pub(super) struct LockDeadline(AtomicU64);

impl LockDeadline {
    const NONE: u64 = u64::MAX;

    /// Makes one at a time since the start, as [`machine::uptime`] has it.
    pub(super) fn new(uptime: Option<Duration>) -> LockDeadline {
        let micros = uptime.and_then(|uptime| u64::try_from(uptime.as_micros()).ok());
        LockDeadline(AtomicU64::new(micros.unwrap_or(LockDeadline::NONE)))
    }

    pub(super) fn lift(&self) {
        self.0.store(LockDeadline::NONE, Ordering::Relaxed);
    }

    /// Takes a lock: by `wait`, or where there is a deadline by trying until then.
    fn take(
        &self,
        try_take: impl Fn() -> Result<bool, BackendError>,
        wait: impl FnOnce() -> Result<(), BackendError>,
    ) -> Result<(), BackendError> {
        let deadline = self.0.load(Ordering::Relaxed);
        if deadline == LockDeadline::NONE {
            return wait();
        }
        while !try_take()? {
            if machine::uptime() >= Duration::from_micros(deadline) {
                return Err(io::Error::new(io::ErrorKind::TimedOut, LockedTooLong).into());
            }
            machine::pause(PAUSE);
        }
        Ok(())
    }
}

/// Another process held a lock until the deadline.
#[derive(Clone, Copy, Debug)]
pub(super) struct LockedTooLong;

impl std::fmt::Display for LockedTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the lock of another process was waited for as long as was allowed")
    }
}

impl std::error::Error for LockedTooLong {}

/// Pages in a [`VfsFile`]. Where there is an operating system's file under it, locks are its
/// byte-range locks; a disk that has one process never waits for itself.
#[derive(Debug)]
pub(super) struct VfsBackend {
    /// Both descriptors of the open file that holds the locks; dropped before they are closed.
    _guards: Vec<Guard>,
    file: Arc<dyn VfsFile>,
    locks: Option<FileBackend>,
    deadline: Arc<LockDeadline>,
}

impl VfsBackend {
    pub(super) fn new(file: Arc<dyn VfsFile>, deadline: Arc<LockDeadline>) -> io::Result<VfsBackend> {
        let Some(shared) = file.file() else {
            return Ok(VfsBackend { _guards: Vec::new(), file, locks: None, deadline });
        };
        let twin = shared.try_clone()?;
        let guards = vec![Guard::new(shared.as_raw_fd())?, Guard::new(twin.as_raw_fd())?];
        let locks = FileBackend::new(twin).map_err(io::Error::other)?;
        Ok(VfsBackend { _guards: guards, file, locks: Some(locks), deadline })
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
        match (&self.locks, self.file.ranges()) {
            (Some(locks), _) => locks.close(),
            (None, Some(ranges)) => ranges.unlock_all(),
            (None, None) => Ok(()),
        }
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        match (&self.locks, self.file.ranges()) {
            (Some(locks), _) => locks.try_lock_range(start, end),
            (None, Some(ranges)) => Ok(ranges.try_lock(range(start, end), false)?),
            (None, None) => Ok(true),
        }
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        match (&self.locks, self.file.ranges()) {
            (Some(locks), _) => locks.try_lock_shared_range(start, end),
            (None, Some(ranges)) => Ok(ranges.try_lock(range(start, end), true)?),
            (None, None) => Ok(true),
        }
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.deadline.take(
            || self.try_lock_range(start, end),
            || match (&self.locks, self.file.ranges()) {
                (Some(locks), _) => locks.lock_range(start, end),
                (None, Some(ranges)) => Ok(ranges.lock(range(start, end), false)?),
                (None, None) => Ok(()),
            },
        )
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.deadline.take(
            || self.try_lock_shared_range(start, end),
            || match (&self.locks, self.file.ranges()) {
                (Some(locks), _) => locks.lock_shared_range(start, end),
                (None, Some(ranges)) => Ok(ranges.lock(range(start, end), true)?),
                (None, None) => Ok(()),
            },
        )
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        match (&self.locks, self.file.ranges()) {
            (Some(locks), _) => locks.unlock_range(start, end),
            (None, Some(ranges)) => Ok(ranges.unlock(range(start, end))?),
            (None, None) => Ok(()),
        }
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        match (&self.locks, self.file.ranges()) {
            (Some(locks), _) => locks.query_lock_range(start, end),
            (None, Some(ranges)) => Ok(ranges.is_locked(range(start, end))?),
            (None, None) => Ok(false),
        }
    }
}

/// The first and the last byte of a range that is not empty.
fn range(start: Bound<u64>, end: Bound<u64>) -> (u64, u64) {
    let first = match start {
        Bound::Included(first) => first,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let last = match end {
        Bound::Included(last) => last,
        Bound::Excluded(behind) => behind.saturating_sub(1),
        Bound::Unbounded => u64::MAX,
    };
    (first, last)
}
