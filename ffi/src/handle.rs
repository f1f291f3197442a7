//! What any handle can: be had once more, and tell what went wrong on it.

use std::ffi::{c_char, c_void};

use crate::lines::fill_cut;
use crate::pointer::{Caller, entry};
use crate::sized::records;

/// What a call failed with.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_error {
    /// sizeof this
    pub size: usize,
    /// The code; HOLDALL_OK where none failed.
    pub code: i32,
    /// Seconds to wait if a rate limit refused the call (429, Retry-After), or 0.
    pub retry_after_s: u64,
    /// The sentence of holdall_last_error, cut to this length.
    pub text: [c_char; 1024],
}

records!(holdall_error { size, code, retry_after_s, text },);

/// Fills in the error of the last call that failed with this handle as its first argument, on whatever thread: give
/// calls that run at once handles of their own. Codes: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_handle_error(handle: *const c_void, error: *mut holdall_error) -> i32 {
    entry!(caller => {
        let out = caller.record(error)?;
        let failure = caller.failure(handle)?.unwrap_or_default();
        out.put(holdall_error {
            size: 0,
            code: failure.code,
            retry_after_s: failure.wait_s,
            text: fill_cut(&failure.text.to_string_lossy()),
        })
    })
}

/// Returns another handle to the same object, to be freed as that is; NULL if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_handle_ref(handle: *const c_void) -> *mut c_void {
    let mut again = std::ptr::null_mut();
    let mut take = |caller: &Caller| {
        again = caller.again(handle)?;
        Ok(())
    };
    entry!(caller => take(caller));
    again
}

/// The number of handles not yet freed; 0 if nothing leaks.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_handle_count() -> u64 {
    crate::table::HANDLES.len()
}
