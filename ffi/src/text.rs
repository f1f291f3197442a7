//! Text that the library made.

use std::ffi::{CString, c_char};

use crate::pointer::{Caller, entry, handle};

/// A text made by the library, such as a URL.
pub struct holdall_text {
    _opaque: [u8; 0],
}

handle!(holdall_text: CString);

/// Valid until the text is freed; NULL if the handle is invalid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_text_get(text: *const holdall_text) -> *const c_char {
    let mut found = std::ptr::null();
    let mut get = |caller: &Caller| {
        // The table holds the text beyond this borrow, until the handle is freed.
        found = caller.get(text)?.as_ptr();
        Ok(())
    };
    entry!(caller of text => get(caller));
    found
}
