//! Putting content that comes piece by piece.

use std::ffi::{c_char, c_void};
use std::mem::ManuallyDrop;
use std::sync::{Mutex, MutexGuard};

use holdall::{Error, ErrorKind, PutWriter, Result};

use crate::drive::holdall_drive;
use crate::pointer::{entry, handle};
use crate::put::{self, holdall_put_options};
use crate::record::holdall_version;

/// A put in progress.
pub struct holdall_writer {
    _opaque: [u8; 0],
}

handle!(holdall_writer: Writing);

/// A put in progress, and the process that began it.
pub(crate) struct Writing {
    writer: Mutex<Option<ManuallyDrop<PutWriter>>>,
    process: u32,
}

impl Writing {
    fn lock(&self) -> Result<MutexGuard<'_, Option<ManuallyDrop<PutWriter>>>> {
        if self.process != std::process::id() {
            let message = "the put began before the process forked; begin it again in the child";
            return Err(Error::new(ErrorKind::Forked, message));
        }
        self.writer.lock().map_err(|_| {
            Error::new(ErrorKind::Poisoned, "a defect was met in this put before; begin it again")
        })
    }

    fn take(&self) -> Result<PutWriter> {
        self.lock()?.take().map(ManuallyDrop::into_inner).ok_or_else(over)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // In a forked child the spool file is the parent's, and stays.
        if self.process == std::process::id()
            && let Ok(writer) = self.writer.get_mut()
        {
            drop(writer.take().map(ManuallyDrop::into_inner));
        }
    }
}

fn over() -> Error {
    Error::new(ErrorKind::InvalidArgument, "the put was committed or aborted; begin another")
}

/// Begins a put whose content is written piece by piece. The progress callback is not used. Codes: PATH,
/// READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_writer_open(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    options: *const holdall_put_options,
    writer: *mut *mut holdall_writer,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.out("the output for the writer", writer)?;
        let path = caller.text("the path", path, path_len_bytes)?;
        let (said, _) = put::options(caller, options)?;
        let begun = ManuallyDrop::new(caller.get(drive)?.put_writer(path, said)?);
        out.hand(Writing { writer: Mutex::new(Some(begun)), process: std::process::id() })
    })
}

/// Appends the given bytes, all of them. Codes: TOO_LARGE past the store's limit; IO when the spool
/// cannot be written; and of every use of a
/// writer: INVALID_ARGUMENT after commit or abort, FORKED in a child of the process that began it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_writer_write(
    writer: *mut holdall_writer,
    data: *const c_void,
    data_len_bytes: usize,
) -> i32 {
    entry!(caller of writer => {
        let data = caller.bytes("the content", data, data_len_bytes)?;
        let writing = caller.get(writer)?;
        writing.lock()?.as_mut().ok_or_else(over)?.write(data)
    })
}

/// Makes the content a version, durably; ends the put either way. `version` may be NULL. Codes: as holdall_put_memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_writer_commit(
    writer: *mut holdall_writer,
    version: *mut holdall_version,
) -> i32 {
    entry!(caller of writer => {
        let out = caller.optional_record(version)?;
        let done = caller.get(writer)?.take()?.commit()?;
        out.put(holdall_version::of(&done)?)
    })
}

/// Abandons the put and leaves nothing behind; the handle must still be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_writer_abort(writer: *mut holdall_writer) -> i32 {
    entry!(caller of writer => caller.get(writer)?.take().map(drop))
}
