//! Long jobs. One runs on a thread of its own, while the caller's looks at signals and tells how far
//! it is: Control-C ends the wait at once, and the job at its next step.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use holdall::{Error, ErrorKind, Progress, Watch};
use pyo3::prelude::*;

use crate::fault::{Fault, Outcome};

/// Between two looks at signals.
const LOOK: Duration = Duration::from_millis(10);
/// How long a job that was asked to end is waited for; then it is left to end by itself.
const PARTING: Duration = Duration::from_millis(50);

/// What the two threads tell each other.
struct Desk<T> {
    state: Mutex<State<T>>,
    bell: Condvar,
}

struct State<T> {
    /// How far the job is, done and in all, if that was not reported yet.
    at: Option<(u64, u64)>,
    /// Whether the job is to end.
    end: bool,
    done: Option<holdall::Result<T>>,
}

impl<T> Desk<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job's side: says how far it is; an error when it is to end.
    fn step(&self, at: (u64, u64)) -> holdall::Result<()> {
        let mut state = self.state();
        state.at = Some(at);
        match state.end {
            false => Ok(()),
            true => Err(Error::new(ErrorKind::Bug, "the job was asked to end")),
        }
    }

    fn finish(&self, done: holdall::Result<T>) {
        self.state().done = Some(done);
        self.bell.notify_all();
    }

    /// The caller's side: waits a little for news.
    fn news(&self) -> (Option<(u64, u64)>, Option<holdall::Result<T>>) {
        let waited = self.bell.wait_timeout_while(self.state(), LOOK, |state| state.done.is_none());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (state.at.take(), state.done.take())
    }
}

/// Runs a job, and calls `progress` with the bytes done and the bytes there are.
///
/// # Errors
/// The job's; what `progress` or a signal's handler raises, which ends the job.
pub(crate) fn watched<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    job: impl FnOnce(&mut Watch<'_>) -> holdall::Result<T> + Send + 'static,
) -> Outcome<T> {
    counted(py, progress, |count| job(&mut |at: Progress| count(at.done, at.total)))
}

/// Says how far a job is: done, and in all.
pub(crate) type Count<'a> = dyn FnMut(u64, u64) -> holdall::Result<()> + 'a;

/// Runs a job that counts by itself, as [`watched`] does.
///
/// # Errors
/// As [`watched`].
pub(crate) fn counted<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    job: impl FnOnce(&mut Count<'_>) -> holdall::Result<T> + Send + 'static,
) -> Outcome<T> {
    let state = State { at: None, end: false, done: None };
    let desk = Arc::new(Desk { state: Mutex::new(state), bell: Condvar::new() });
    let theirs = desk.clone();
    let thread = start(move || theirs.finish(job(&mut |done, total| theirs.step((done, total)))))?;
    loop {
        let (at, done, gone) = py.detach(|| {
            let gone = thread.is_finished();
            let (at, done) = desk.news();
            (at, done, gone)
        });
        if let Err(raised) = tell(py, progress, at) {
            desk.state().end = true;
            part(py, &thread);
            return Err(raised.into());
        }
        match done {
            Some(done) => return Ok(done?),
            None if gone => return Err(Fault::Store(Error::new(ErrorKind::Bug, "a job died"))),
            None => {}
        }
    }
}

/// Runs a step of a job that can be long, and is finished even when Control-C ends the wait.
pub(crate) fn patient<T: Send + 'static>(
    py: Python<'_>,
    job: impl FnOnce() -> holdall::Result<T> + Send + 'static,
) -> Outcome<T> {
    watched(py, None, |_| job())
}

/// Drops what can take long to drop, such as a large file that is not wanted any more; after a
/// time it is left to another thread.
pub(crate) fn discard<T: Send + 'static>(py: Python<'_>, unwanted: T) {
    if let Ok(thread) = start(move || drop(unwanted)) {
        part(py, &thread);
    }
}

fn start(work: impl FnOnce() + Send + 'static) -> Outcome<JoinHandle<()>> {
    let started = thread::Builder::new().name("holdall-job".into()).spawn(work);
    started.map_err(|cause| Fault::Store(Error::io("starting a thread for a long job", cause)))
}

fn tell(py: Python<'_>, progress: Option<&Bound<'_, PyAny>>, at: Option<(u64, u64)>) -> PyResult<()> {
    if let (Some(progress), Some(at)) = (progress, at) {
        progress.call1(at)?;
    }
    py.check_signals()
}

/// Waits a short time for a thread to end.
fn part(py: Python<'_>, thread: &JoinHandle<()>) {
    let until = Instant::now() + PARTING;
    py.detach(|| {
        while !thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    });
}
