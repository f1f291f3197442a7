//! What tells a process that it is a forked child, and frees it of what it inherited.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{IntoRawFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU8, AtomicU64, Ordering};

use crate::machine;

/// How many forks lie between this process and the one that asked first.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Whether the child handler is in place. A `Once` would do, were it not for a fork while another
/// thread is inside: the child would wait for that thread for ever. To register twice is harmless,
/// since a generation need only differ.
static WATCH: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const HANDLER: u8 = 1;
const PROCESS_ID: u8 = 2;

/// Runs in the child, between fork and the return of fork, where only what is safe in a signal
/// handler may be called: atomics and dup2.
extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    let null = NULL.load(Ordering::Acquire);
    for guarded in guarded() {
        // Freed here, so that the guard that the child inherited does not free a slot that is taken anew.
        let fd = guarded.swap(FREE, Ordering::AcqRel);
        if fd >= 0 && null >= 0 {
            // SAFETY: dup2 and fcntl are async-signal-safe and touch no memory; both descriptors
            // are open: the guard of `fd` is dropped before `fd` is closed, and `null` never is.
            unsafe {
                libc::dup2(null, fd);
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
}

/// Returns a number that is the same for the life of a process and differs in a forked child.
///
/// A handle keeps the number of its making and compares at every entry; that costs about 1 ns.
/// The C library's fork is seen, as is everything built on it; a bare `clone` system call and a
/// `vfork` are not.
#[inline]
pub(crate) fn generation() -> u64 {
    if let Some(process) = machine::simulated_process() {
        return process;
    }
    system_generation()
}

/// As [`generation`], of this process as the system knows it, whatever simulated ones run in it.
pub(crate) fn system_generation() -> u64 {
    match WATCH.load(Ordering::Acquire) {
        HANDLER => GENERATION.load(Ordering::Relaxed),
        PROCESS_ID => u64::from(std::process::id()),
        _ => watch(),
    }
}

#[cold]
fn watch() -> u64 {
    // SAFETY: `in_child` is async-signal-safe, never unwinds, and is a
    // function of this library, whose handlers the C library forgets when it unloads it.
    let refused = unsafe { libc::pthread_atfork(None, None, Some(in_child)) } != 0;
    // Out of memory is the only refusal there is; the process id is slower and says the same.
    let found = if refused { PROCESS_ID } else { HANDLER };
    // The first answer holds: a handle must never compare numbers of two kinds.
    let _ = WATCH.compare_exchange(UNKNOWN, found, Ordering::AcqRel, Ordering::Acquire);
    system_generation()
}

/// How many descriptors one block holds; an open store has three or four guarded.
const SLOTS: usize = 256;
const FREE: i32 = -1;
const TAKEN: i32 = -2;

/// Guarded descriptors, and where more of them are. A block that was added stays for ever: the child
/// handler may walk the list at any time, and takes no lock.
struct Block {
    slots: [AtomicI32; SLOTS],
    next: AtomicPtr<Block>,
}

impl Block {
    const fn new() -> Block {
        Block { slots: [const { AtomicI32::new(FREE) }; SLOTS], next: AtomicPtr::new(ptr::null_mut()) }
    }

    fn next(&self) -> Option<&'static Block> {
        // SAFETY: null, or a block that `grow` leaked and nobody ever frees.
        unsafe { self.next.load(Ordering::Acquire).as_ref() }
    }

    /// Adds a block behind this one, if there is none yet.
    fn grow(&self) {
        let more = Box::into_raw(Box::new(Block::new()));
        let null = ptr::null_mut();
        if self.next.compare_exchange(null, more, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: another thread was first, so nobody else has seen this one.
            drop(unsafe { Box::from_raw(more) });
        }
    }
}

/// The first block of guarded descriptors.
static FIRST: Block = Block::new();

fn blocks() -> impl Iterator<Item = &'static Block> {
    std::iter::successors(Some(&FIRST), |block| block.next())
}

fn guarded() -> impl Iterator<Item = &'static AtomicI32> {
    blocks().flat_map(|block| &block.slots)
}

/// `/dev/null`, opened before the first descriptor is guarded, since a child handler may not fail.
static NULL: AtomicI32 = AtomicI32::new(FREE);

/// Keeps a descriptor from reaching a forked child.
///
/// In the child, before fork returns, `/dev/null` takes the descriptor's place. The child's share
/// of the open file ends, and with it every lock that the child would have held beyond the
/// parent's close; the parent's own locks stay. Whatever in the child still holds the number,
/// forgotten or dropped, reads and writes `/dev/null` and nothing else. A map made from the same
/// open file keeps it open, so a locked file must not be mapped (see `vfs::RealVfs`).
#[derive(Debug)]
pub(crate) struct Guard {
    slot: &'static AtomicI32,
    fd: RawFd,
}

impl Guard {
    /// Guards `fd` until the guard is dropped, which comes before the descriptor is closed.
    ///
    /// # Errors
    /// When there is no `/dev/null`.
    pub(crate) fn new(fd: RawFd) -> io::Result<Guard> {
        system_generation();
        if NULL.load(Ordering::Acquire) < 0 {
            let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?.into_raw_fd();
            if NULL.compare_exchange(FREE, null, Ordering::AcqRel, Ordering::Acquire).is_err() {
                // SAFETY: another thread was first; this descriptor is ours and used by nobody.
                unsafe { libc::close(null) };
            }
        }
        loop {
            for slot in guarded() {
                // Taken first and filled after: a fork in between finds no descriptor and leaves the slot alone.
                if slot.compare_exchange(FREE, TAKEN, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    slot.store(fd, Ordering::Release);
                    return Ok(Guard { slot, fd });
                }
            }
            if let Some(last) = blocks().last() {
                last.grow();
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // In a child the slot is free already, and may be another's.
        let _ = self.slot.compare_exchange(self.fd, FREE, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Held for writing by tests that fork and for reading by tests that look whether a lock has ended:
/// a child of one holds a copy of every file that the others have open.
#[cfg(test)]
pub(crate) static FORKS: std::sync::RwLock<()> = std::sync::RwLock::new(());

/// Forks a child that runs `work`, which must touch nothing but system calls and the stack, and returns what
/// that returned.
#[cfg(test)]
pub(crate) fn child_that_returns(work: impl FnOnce() -> u8) -> i32 {
    tests::status(tests::fork(work))
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions, TryLockError};
    use std::io::{PipeReader, Read, Write};
    use std::os::fd::AsRawFd;
    use std::path::Path;

    use super::*;

    /// Forks. The child runs `work`, which must touch nothing but system calls and the stack, and
    /// ends with the status that it returns; its number is returned.
    pub(super) fn fork(work: impl FnOnce() -> u8) -> libc::pid_t {
        // SAFETY: the child calls only `work` and `_exit`; it never returns into the test harness,
        // whose other threads it does not have.
        match unsafe { libc::fork() } {
            -1 => panic!("fork: {}", io::Error::last_os_error()),
            // SAFETY: ends the child at once, without the parent's exit handlers.
            0 => unsafe { libc::_exit(work().into()) },
            child => child,
        }
    }

    pub(super) fn status(child: libc::pid_t) -> i32 {
        let mut status = 0;
        // SAFETY: `child` is a child of this process, waited for once; `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(libc::WIFEXITED(status), "the child was killed: {status}");
        libc::WEXITSTATUS(status)
    }

    fn open(path: &Path) -> File {
        OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).unwrap()
    }

    fn locked(path: &Path) -> bool {
        match open(path).try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(error)) => panic!("{error}"),
        }
    }

    /// Forks a child that inherits all descriptors, says so and lives until it is asked to end.
    fn child_of_fork() -> (libc::pid_t, impl FnOnce()) {
        let (mut ready, mut says_ready): (PipeReader, _) = io::pipe().unwrap();
        let (mut ended_by, tell) = io::pipe().unwrap();
        let own = tell.as_raw_fd();
        let child = fork(|| {
            // SAFETY: the child closes its copy of the end that only the parent is to hold.
            unsafe { libc::close(own) };
            let said = says_ready.write_all(b"!");
            let ended = ended_by.read(&mut [0]);
            u8::from(said.is_err() || ended.is_err())
        });
        ready.read_exact(&mut [0]).unwrap();
        (child, move || drop(tell))
    }

    #[test]
    fn p1_a_child_has_another_generation_and_its_parent_keeps_its_own() {
        let _alone = FORKS.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = generation();
        let child = fork(|| {
            let ours = generation();
            if ours == before {
                return 1;
            }
            let grandchild = fork(|| u8::from(generation() == ours || generation() == before));
            u8::try_from(status(grandchild)).unwrap_or(9)
        });
        assert_eq!(status(child), 0);
        assert_eq!(generation(), before);
        assert_eq!(std::thread::spawn(generation).join().unwrap(), before);
    }

    #[test]
    fn p2_a_child_that_ends_leaves_the_lock_with_its_parent() {
        let _alone = FORKS.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let file = open(&path);
        file.try_lock().unwrap();
        let guard = Guard::new(file.as_raw_fd()).unwrap();
        let (child, end) = child_of_fork();
        assert!(locked(&path));
        end();
        assert_eq!(status(child), 0);
        assert!(locked(&path));
        drop(guard);
        drop(file);
        assert!(!locked(&path));
    }

    #[test]
    fn p3_the_lock_ends_with_the_parents_close_while_a_child_lives() {
        let _alone = FORKS.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let file = open(&path);
        file.try_lock().unwrap();
        let guard = Guard::new(file.as_raw_fd()).unwrap();
        let (child, end) = child_of_fork();
        drop(guard);
        drop(file);
        assert!(!locked(&path));
        end();
        assert_eq!(status(child), 0);
    }

    #[test]
    fn control_without_a_guard_the_lock_outlives_the_parents_close() {
        let _alone = FORKS.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let file = open(&path);
        file.try_lock().unwrap();
        let (child, end) = child_of_fork();
        drop(file);
        assert!(locked(&path));
        end();
        assert_eq!(status(child), 0);
        assert!(!locked(&path));
    }

    #[test]
    fn any_number_of_descriptors_is_guarded() {
        let _alone = FORKS.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        let (path, twin) = (dir.path().join("lock"), dir.path().join("twin"));
        let file = open(&path);
        let others: Vec<Guard> =
            (0..3 * SLOTS).map(|_| Guard::new(open(&twin).into_raw_fd()).unwrap()).collect();
        file.try_lock().unwrap();
        let guard = Guard::new(file.as_raw_fd()).unwrap();
        let (child, end) = child_of_fork();
        drop(guard);
        drop(file);
        assert!(!locked(&path));
        end();
        assert_eq!(status(child), 0);
        for other in others {
            let fd = other.fd;
            drop(other);
            // SAFETY: opened above, and nobody else closes it.
            unsafe { libc::close(fd) };
        }
    }

    #[test]
    fn a_guarded_number_reads_nothing_in_the_child_and_stays_close_on_exec() {
        let _alone = FORKS.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        let mut file = open(&dir.path().join("file"));
        file.write_all(b"bytes").unwrap();
        let _guard = Guard::new(file.as_raw_fd()).unwrap();
        let child = fork(|| {
            let mut rest = [0; 8];
            // SAFETY: asks for the flags of an open descriptor.
            let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFD) };
            u8::from(file.read(&mut rest).ok() != Some(0) || flags != libc::FD_CLOEXEC)
        });
        assert_eq!(status(child), 0);
        assert_eq!(std::fs::read(dir.path().join("file")).unwrap(), b"bytes");
    }
}
