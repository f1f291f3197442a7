//! The locks that processes hold on a store: one while it is opened, one while it is open.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use super::layout;
use super::options::Mode;
use crate::fork::Guard;
use crate::mutant::{self, Mutant};
use crate::vfs::{Open, Vfs, VfsFile};
use crate::{Error, ErrorKind, Result, machine};

/// Between two tries to get a lock.
const PAUSE: Duration = Duration::from_millis(5);

/// A lock on the store, held until it is dropped.
pub(crate) struct StoreLock {
    /// Keeps the lock from a forked child; dropped before the file.
    _guard: Option<Guard>,
    _file: Arc<dyn VfsFile>,
}

impl StoreLock {
    fn try_take(
        vfs: &dyn Vfs,
        path: &str,
        lock: impl Fn(&dyn VfsFile) -> std::io::Result<bool>,
    ) -> Result<Option<StoreLock>> {
        let take = || {
            let file = vfs.open(path, Open::Create)?;
            let guard = file.file().map(|file| Guard::new(file.as_raw_fd())).transpose()?;
            Ok(lock(file.as_ref())?.then_some(StoreLock { _guard: guard, _file: file }))
        };
        take().map_err(|cause| Error::io("locking the store", cause))
    }

    /// Waits until no other process is opening the store, and keeps others from it.
    pub(crate) fn to_open(vfs: &dyn Vfs, timeout: Duration) -> Result<StoreLock> {
        let begun = machine::uptime();
        loop {
            if let Some(lock) = StoreLock::try_take(vfs, layout::LOCK, |file| file.try_lock())? {
                return Ok(lock);
            }
            if machine::uptime().saturating_sub(begun) >= timeout {
                return Err(Error::new(
                    ErrorKind::Locked,
                    format!(
                        "another process has been opening the store for {} ms; try again",
                        timeout.as_millis()
                    ),
                ));
            }
            machine::pause(PAUSE);
        }
    }

    /// Says that this process has the store open, for as long as the value lives: beside others in
    /// shared mode, alone in exclusive mode.
    ///
    /// The index is not touched before. On its way to seeing that others have it in the other mode,
    /// redb 4.5 takes the locks of their read transactions, and a reader that begins meanwhile is told
    /// that the index is damaged.
    pub(crate) fn of_session(vfs: &dyn Vfs, mode: Mode) -> Result<StoreLock> {
        let exclusive = mode == Mode::Exclusive && !mutant::is_active(Mutant::ModesMeetInTheIndex);
        let lock = StoreLock::try_take(vfs, layout::OPEN, |file| match exclusive {
            true => file.try_lock(),
            false => file.try_lock_shared(),
        });
        lock?.ok_or_else(|| {
            Error::new(
                ErrorKind::Locked,
                "the store is open in another process in a mode that excludes this one, or its index is \
                 being made anew; close it there, or open it in shared mode in both",
            )
        })
    }

    /// Takes the store for this process alone, if no other has it open.
    pub(crate) fn alone(vfs: &dyn Vfs) -> Result<Option<StoreLock>> {
        StoreLock::try_take(vfs, layout::OPEN, |file| file.try_lock())
    }
}
