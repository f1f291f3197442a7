//! A worker: a thread that takes items from the caller in order and ends with a result.

use std::io;
use std::mem;
use std::process;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::{Error, ErrorKind, Result};

/// The caller's end of a worker that takes items `I` and ends with a `T`.
///
/// Dropping it returns at once: the thread ends by itself after what it was handed.
pub(crate) struct Worker<I, T> {
    /// `None` only while it is taken apart.
    ends: Option<(SyncSender<I>, JoinHandle<T>)>,
    /// The process that the thread lives in.
    process: u32,
}

impl<I, T> Worker<I, T> {
    /// Starts a worker with a queue of `waiting` items, besides the one in work.
    ///
    /// # Errors
    /// The error of `start` when it cannot start a thread.
    pub(crate) fn start(
        waiting: usize,
        start: impl FnOnce(Receiver<I>) -> io::Result<JoinHandle<T>>,
    ) -> io::Result<Worker<I, T>> {
        let (sender, receiver) = sync_channel(waiting);
        let thread = start(receiver)?;
        Ok(Worker { ends: Some((sender, thread)), process: process::id() })
    }

    /// Hands an item over, and waits while too many wait. Returns false when the thread has ended
    /// already: [`Worker::finish`] tells with what.
    ///
    /// # Errors
    /// [`ErrorKind::Forked`] in the child of a fork, where the thread does not exist.
    pub(crate) fn push(&self, item: I) -> Result<bool> {
        self.check_process()?;
        Ok(self.ends.as_ref().is_some_and(|(sender, _)| sender.send(item).is_ok()))
    }

    /// Waits for the thread to work off what it was handed, and returns what it made of it.
    ///
    /// # Errors
    /// [`ErrorKind::Forked`] in the child of a fork; [`ErrorKind::Bug`] when the thread panicked, and
    /// when this was asked before.
    pub(crate) fn finish(&mut self) -> Result<T> {
        self.check_process()?;
        let (sender, thread) = self.ends.take().ok_or_else(died)?;
        drop(sender);
        thread.join().map_err(|_| died())
    }

    /// Makes the thread look like one that was left behind in a parent process.
    #[cfg(test)]
    pub(crate) fn pretend_forked(&mut self) {
        self.process = 0;
    }

    /// A channel or a thread of the parent must not be waited for in the child: nobody is there.
    fn check_process(&self) -> Result<()> {
        if self.process == process::id() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Forked,
            "this work began before the process was forked; begin it again from the start",
        ))
    }
}

impl<I, T> Drop for Worker<I, T> {
    fn drop(&mut self) {
        // Without a sender the thread ends by itself. In the child of a fork the locks inside
        // the channel may be held for ever, and the thread's own memory may be gone.
        if self.check_process().is_err() {
            mem::forget(self.ends.take());
        }
    }
}

/// Returns the error of a thread that ended before its time.
pub(crate) fn died() -> Error {
    Error::bug("a worker thread has died; start again from the beginning")
}
