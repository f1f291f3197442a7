//! What the system gives besides files: the time, random bytes, waiting. And the seam where a
//! simulation gives them in its place, to the threads that it runs.
//!
//! Without the feature `sim` these are the system's own, and nothing is asked before.

use std::io;
#[cfg(feature = "sim")]
use std::sync::TryLockError;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Between two looks of a simulated thread at what another holds.
const CONTENDED: Duration = Duration::from_micros(50);

#[cfg(feature = "sim")]
pub use simulated::{Machine, Running, run_on};

/// Returns the clock's time, which may step back and forth.
pub(crate) fn clock() -> SystemTime {
    #[cfg(feature = "sim")]
    if let Some(micros) = simulated::ask(|machine| machine.clock()) {
        return SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
    }
    SystemTime::now()
}

/// Returns how long this process has asked for this; it never steps.
pub(crate) fn uptime() -> Duration {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    #[cfg(feature = "sim")]
    if let Some(uptime) = simulated::ask(|machine| machine.uptime()) {
        return uptime;
    }
    FIRST.elapsed()
}

/// Waits, while others work.
pub(crate) fn pause(duration: Duration) {
    #[cfg(feature = "sim")]
    if simulated::ask(|machine| machine.pause(duration)).is_some() {
        return;
    }
    std::thread::sleep(duration);
}

/// Takes a mutex that another thread may hold while it works on files: in a simulation, where one
/// thread runs at a time, it is that one's turn meanwhile.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    #[cfg(feature = "sim")]
    if simulated_process().is_some() {
        loop {
            match mutex.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(held)) => return held.into_inner(),
                Err(TryLockError::WouldBlock) => pause(CONTENDED),
            }
        }
    }
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits on a condition as [`Condvar::wait`] does, also without reason; the caller looks whether it holds.
pub(crate) fn wait<'a, T>(
    ready: &Condvar,
    mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
) -> MutexGuard<'a, T> {
    if simulated_process().is_some() {
        drop(guard);
        pause(CONTENDED);
        return lock(mutex);
    }
    ready.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Fills `out` from the system's generator.
pub(crate) fn fill_random(out: &mut [u8]) -> io::Result<()> {
    #[cfg(feature = "sim")]
    if simulated::ask(|machine| machine.fill_random(out)).is_some() {
        return Ok(());
    }
    getrandom::fill(out).map_err(io::Error::other)
}

/// Returns which process a thread of a simulation is in; None for real threads.
#[inline]
pub(crate) fn simulated_process() -> Option<u64> {
    #[cfg(feature = "sim")]
    return simulated::ask(|machine| machine.process());
    #[cfg(not(feature = "sim"))]
    None
}

#[cfg(feature = "sim")]
mod simulated {
    use std::cell::RefCell;
    use std::sync::Arc;
    use std::time::Duration;

    /// What a simulation gives the threads of one process in place of the system.
    pub trait Machine {
        /// Returns the clock's time, in microseconds since 1970 UTC.
        fn clock(&self) -> u64;
        /// Returns a time that never steps.
        fn uptime(&self) -> Duration;
        /// Lets others run for a while.
        fn pause(&self, duration: Duration);
        /// Fills `out` with random bytes.
        fn fill_random(&self, out: &mut [u8]);
        /// Names the process that the thread is in; a forked child has another name.
        fn process(&self) -> u64;
    }

    thread_local! {
        static MACHINE: RefCell<Option<Arc<dyn Machine>>> = const { RefCell::new(None) };
    }

    pub(super) fn ask<T>(question: impl FnOnce(&dyn Machine) -> T) -> Option<T> {
        // None as well while the thread is torn down.
        let machine = MACHINE.try_with(|machine| machine.borrow().clone()).ok().flatten()?;
        Some(question(machine.as_ref()))
    }

    /// Lets this thread run on a simulated machine until what is returned is dropped.
    #[must_use]
    pub fn run_on(machine: Arc<dyn Machine>) -> Running {
        Running { before: MACHINE.with(|running| running.borrow_mut().replace(machine)) }
    }

    /// Says that a thread runs on a simulated machine.
    pub struct Running {
        before: Option<Arc<dyn Machine>>,
    }

    impl Drop for Running {
        fn drop(&mut self) {
            let before = self.before.take();
            let _ = MACHINE.try_with(|machine| *machine.borrow_mut() = before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uptime_never_steps_back() {
        let (first, second) = (uptime(), uptime());
        assert!(second >= first);
        assert!(simulated_process().is_none());
    }
}
