//! The types of the functions that C passes in.

use std::ffi::{c_char, c_void};

use crate::record::holdall_row;

/// Is told how far a job is, on the thread that does it: bytes done, and in all, or 0 where that is not
/// known. Another answer than 0 ends the job, which returns it, or INVALID_ARGUMENT for what is no code.
pub type holdall_progress =
    Option<unsafe extern "C" fn(context: *mut c_void, done_bytes: u64, total_bytes: u64) -> i32>;

/// Is shown one thing below a folder: path (a NUL behind it) and row, alive in the call; answers as holdall_progress.
pub type holdall_walk = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        path: *const c_char,
        path_len_bytes: usize,
        row: *const holdall_row,
    ) -> i32,
>;

/// Takes bytes, which live during the call. It answers as a progress callback does.
pub type holdall_sink =
    Option<unsafe extern "C" fn(context: *mut c_void, data: *const c_void, len_bytes: usize) -> i32>;

/// Fills in the next bytes of a body and how many they are; 0 is the end. It answers as a progress callback
/// does.
pub type holdall_source = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        buffer: *mut c_void,
        room_bytes: usize,
        read_bytes: *mut usize,
    ) -> i32,
>;

/// Is told a line of the log: a level and a text with a NUL behind it, valid during the call. It is
/// called on the thread that the line is of, perhaps several at once, and must not call this library.
pub type holdall_log = Option<unsafe extern "C" fn(context: *mut c_void, level: i32, text: *const c_char)>;
