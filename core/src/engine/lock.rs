//! The locks that processes hold on a store: one while it is opened, one while it is open.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::layout;
use super::options::Mode;
use crate::mutant::{self, Mutant};
use crate::vfs::{Open, Vfs, VfsFile};
use crate::{Error, ErrorKind, Result, machine};

/// Between two tries to get a lock.
const PAUSE: Duration = Duration::from_millis(5);
/// How often it is looked whether the store is open elsewhere, before that is an error. Who is in the way for
/// no longer than a few looks has not got it open: another reader that looks at the same instant, or a child
/// process that a thread of this process is starting, which has all locks of this process until it runs its
/// program.
const LOOKS: usize = 20;

/// A lock on the store, held until it is dropped. None where there is no file, and nobody can have locked it.
pub(crate) struct StoreLock(#[allow(dead_code, reason = "held")] Option<Arc<dyn VfsFile>>);

impl StoreLock {
    /// Opened for reading only, a file that is missing is as good as locked.
    fn try_take(
        vfs: &dyn Vfs,
        (path, how): (&str, Open),
        lock: impl Fn(&dyn VfsFile) -> io::Result<bool>,
    ) -> Result<Option<StoreLock>> {
        let take = || {
            let file = match vfs.open(path, how) {
                Err(cause) if how == Open::Read && cause.kind() == io::ErrorKind::NotFound => {
                    return Ok(Some(StoreLock(None)));
                }
                opened => opened?,
            };
            Ok(lock(file.as_ref())?.then_some(StoreLock(Some(file))))
        };
        take().map_err(|cause| Error::io("locking the store", cause))
    }

    /// Waits until no other process is opening the store, and keeps others from it.
    pub(crate) fn to_open(vfs: &dyn Vfs, timeout: Duration) -> Result<StoreLock> {
        let begun = machine::uptime();
        loop {
            if let Some(lock) =
                StoreLock::try_take(vfs, (layout::LOCK, Open::Create), |file| file.try_lock())?
            {
                return Ok(lock);
            }
            if machine::uptime().saturating_sub(begun) >= timeout {
                return Err(being_opened(timeout));
            }
            machine::pause(PAUSE);
        }
    }

    /// Says that this process has the store open, for as long as the value lives: beside others in
    /// shared mode, alone in exclusive mode.
    ///
    /// The index is not touched before. On its way to seeing that others have it in the other mode,
    /// redb 4.5 takes the locks of their read transactions, and a reader that begins meanwhile fails with
    /// the error that the index is damaged.
    pub(crate) fn of_session(vfs: &dyn Vfs, mode: Mode) -> Result<StoreLock> {
        let exclusive = mode == Mode::Exclusive && !mutant::is_active(Mutant::ModesMeetInTheIndex);
        let lock = StoreLock::look(vfs, Open::Create, |file| match exclusive {
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

    /// Keeps writers from a store in a directory that takes no writes here, but may take them through
    /// another mount or from another user, for as long as the value lives. Any number of processes read so
    /// at once.
    ///
    /// A reader has no part in the locks by which readers and writers share the index, so nobody may have
    /// the store open to write, and nobody may open it so meanwhile.
    pub(crate) fn to_read(vfs: &dyn Vfs, timeout: Duration) -> Result<StoreLock> {
        let begun = machine::uptime();
        let reading = loop {
            match StoreLock::try_take(vfs, (layout::LOCK, Open::Read), |file| file.try_lock_shared())? {
                Some(lock) => break lock,
                None if machine::uptime().saturating_sub(begun) >= timeout => {
                    return Err(being_opened(timeout));
                }
                None => machine::pause(PAUSE),
            }
        };
        if StoreLock::look(vfs, Open::Read, |file| file.try_lock())?.is_some() {
            return Ok(reading);
        }
        Err(Error::new(
            ErrorKind::Locked,
            "the directory takes no writes here, and the store is open elsewhere to be written to; close it \
             there, or read a backup",
        ))
    }

    /// Takes the store for this process alone, if no other has it open.
    pub(crate) fn alone(vfs: &dyn Vfs) -> Result<Option<StoreLock>> {
        StoreLock::look(vfs, Open::Create, |file| file.try_lock())
    }

    /// Takes the lock of the sessions, looking a few times; None when others have it for longer.
    fn look(
        vfs: &dyn Vfs,
        how: Open,
        lock: impl Fn(&dyn VfsFile) -> io::Result<bool>,
    ) -> Result<Option<StoreLock>> {
        let looks = if mutant::is_active(Mutant::OpenBesideClose) { 1 } else { LOOKS };
        for _ in 1..looks {
            if let Some(taken) = StoreLock::try_take(vfs, (layout::OPEN, how), &lock)? {
                return Ok(Some(taken));
            }
            machine::pause(PAUSE);
        }
        StoreLock::try_take(vfs, (layout::OPEN, how), &lock)
    }
}

fn being_opened(timeout: Duration) -> Error {
    Error::new(
        ErrorKind::Locked,
        format!(
            "another process has been opening the store for {} ms, or reads it from where it takes no writes; \
             try again, or end it",
            timeout.as_millis()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::RealVfs;

    #[test]
    fn a_lock_that_a_starting_child_has_for_an_instant_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let vfs = RealVfs::new(dir.path()).unwrap();
        for mode in [Mode::Exclusive, Mode::Shared] {
            let child = StoreLock::alone(&vfs).unwrap().expect("nobody has it");
            let held = StoreLock::of_session(&vfs, mode).err().expect("it is held");
            assert_eq!(held.kind(), ErrorKind::Locked);
            let starting = std::thread::spawn(move || {
                std::thread::sleep(2 * PAUSE);
                drop(child);
            });
            assert!(StoreLock::of_session(&vfs, mode).is_ok());
            starting.join().unwrap();
        }
    }
}
