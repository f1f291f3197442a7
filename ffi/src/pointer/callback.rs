//! Functions of the caller's, and the context that goes with each.

use std::ffi::{CStr, c_char, c_void};
use std::io::{self, Read};

use holdall::{Error, ErrorKind, Result};

use super::Caller;
use crate::callback::{holdall_progress, holdall_source};
use crate::code::HOLDALL_OK;
use crate::record::holdall_row;

/// Makes of another answer than 0 the error that ends a job.
fn judge(who: &str, answer: i32) -> Result<()> {
    if answer == HOLDALL_OK {
        return Ok(());
    }
    let kind = crate::code::kind(answer).unwrap_or(ErrorKind::InvalidArgument);
    Err(Error::new(kind, format!("the {who} callback ended the job with {answer}")))
}

/// A callback for the progress of a job.
pub(crate) struct Progress<'a> {
    pub(super) callback: holdall_progress,
    pub(super) context: *mut c_void,
    pub(super) _caller: &'a Caller,
}

impl Progress<'_> {
    pub(crate) fn tell(&self, done: u64, total: u64) -> Result<()> {
        let Some(callback) = self.callback else { return Ok(()) };
        // SAFETY: the callback and its context go together by the law of the header.
        judge("progress", unsafe { callback(self.context, done, total) })
    }
}

/// A callback that is shown what a walk finds.
pub(crate) struct Visitor<'a> {
    pub(super) callback: unsafe extern "C" fn(*mut c_void, *const c_char, usize, *const holdall_row) -> i32,
    pub(super) context: *mut c_void,
    pub(super) _caller: &'a Caller,
}

impl Visitor<'_> {
    pub(crate) fn show(&self, path: &CStr, mut row: holdall_row) -> Result<()> {
        row.size = size_of::<holdall_row>();
        // SAFETY: as above; the path and the row live for the time of the call.
        judge("walk", unsafe {
            (self.callback)(self.context, path.as_ptr(), path.count_bytes(), &raw const row)
        })
    }
}

/// A callback that takes bytes.
pub(crate) struct Sink<'a> {
    pub(super) callback: unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> i32,
    pub(super) context: *mut c_void,
    pub(super) _caller: &'a Caller,
}

impl Sink<'_> {
    pub(crate) fn take(&self, bytes: &[u8]) -> Result<()> {
        // SAFETY: as above; the bytes live for the time of the call.
        judge("sink", unsafe { (self.callback)(self.context, bytes.as_ptr().cast(), bytes.len()) })
    }
}

/// The beginning of a body, and a callback that gives the rest. The callback is not asked again after the
/// end, nor after it failed.
pub(crate) struct Source<'a> {
    pub(super) begun: &'a [u8],
    pub(super) callback: holdall_source,
    pub(super) context: *mut c_void,
    pub(super) failed: Option<Error>,
    pub(super) _caller: &'a Caller,
}

impl Source<'_> {
    /// Fails as the callback did, if it did.
    pub(crate) fn check(self) -> Result<()> {
        self.failed.map_or(Ok(()), Err)
    }

    fn ask(&self, callback: Pull, buffer: &mut [u8]) -> Result<usize> {
        let mut read = 0;
        let (data, room) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: as above; the buffer is this side's, of the length that is said.
        judge("source", unsafe { callback(self.context, data, room, &raw mut read) })?;
        if read > room {
            let message = format!("the source callback returned {read} bytes, and the buffer holds {room}");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Ok(read)
    }
}

/// What a source calls.
type Pull = unsafe extern "C" fn(*mut c_void, *mut c_void, usize, *mut usize) -> i32;

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let broken = || io::Error::other("the source callback ended the job");
        if self.failed.is_some() {
            return Err(broken());
        }
        if !self.begun.is_empty() || buffer.is_empty() {
            return self.begun.read(buffer);
        }
        let Some(callback) = self.callback else { return Ok(0) };
        match self.ask(callback, buffer) {
            Ok(0) => {
                self.callback = None;
                Ok(0)
            }
            Ok(read) => Ok(read),
            Err(error) => {
                self.failed = Some(error);
                Err(broken())
            }
        }
    }
}

/// A callback for lines of the log.
pub(crate) struct Listener {
    pub(super) callback: unsafe extern "C" fn(*mut c_void, i32, *const c_char),
    pub(super) context: *mut c_void,
}

// SAFETY: by the law of the header the callback may be called with its context on every thread.
unsafe impl Send for Listener {}
// SAFETY: as above, and on several at once.
unsafe impl Sync for Listener {}

impl Listener {
    pub(crate) fn tell(&self, level: i32, text: &CStr) {
        // SAFETY: as above.
        unsafe { (self.callback)(self.context, level, text.as_ptr()) }
    }
}
