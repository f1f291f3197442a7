//! The types of the functions that C passes in.

use std::ffi::{c_char, c_void};

use crate::record::holdall_row;

/// Reports progress, on the thread that does the job: bytes done and bytes in all, or 0 if unknown. A
/// return value other than 0 ends the job, which returns it, or INVALID_ARGUMENT if it is not a code.
pub type holdall_progress =
    Option<unsafe extern "C" fn(context: *mut c_void, done_bytes: u64, total_bytes: u64) -> i32>;

/// Receives one entry below a folder: its path, NUL-terminated, and its row, valid during the call.
/// Returns as holdall_progress does.
pub type holdall_walk = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        path: *const c_char,
        path_len_bytes: usize,
        row: *const holdall_row,
    ) -> i32,
>;

/// Receives bytes, valid during the call. Returns as a progress callback does.
pub type holdall_sink =
    Option<unsafe extern "C" fn(context: *mut c_void, data: *const c_void, len_bytes: usize) -> i32>;

/// Fills in the next bytes of a body and their number; 0 is the end. Returns as a progress callback does.
pub type holdall_source = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        buffer: *mut c_void,
        room_bytes: usize,
        read_bytes: *mut usize,
    ) -> i32,
>;

/// Receives a line of the log: a level and a NUL-terminated text, valid during the call. It runs on the
/// thread that logs, possibly on several at once, and must not call this library.
pub type holdall_log = Option<unsafe extern "C" fn(context: *mut c_void, level: i32, text: *const c_char)>;
