//! Codes, the text of the last error, and the version of the library.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::sync::Arc;

use holdall::{Error, ErrorKind};

use crate::table::{Failure, HANDLES};

/// Success.
pub const HOLDALL_OK: i32 = 0;
/// A value that is never valid, such as a freed handle.
pub const HOLDALL_INVALID_ARGUMENT: i32 = 1;
/// The thing named does not exist.
pub const HOLDALL_NOT_FOUND: i32 = 2;
/// Something with that name already exists.
pub const HOLDALL_EXISTS: i32 = 3;
/// The signature, the password or the caller does not permit it.
pub const HOLDALL_DENIED: i32 = 4;
/// The URL, share or archive was valid and has expired.
pub const HOLDALL_EXPIRED: i32 = 5;
/// No byte of the requested range exists.
pub const HOLDALL_RANGE_NOT_SATISFIABLE: i32 = 6;
/// Content is not what was declared: a length, a hash or an expected version.
pub const HOLDALL_MISMATCH: i32 = 7;
/// A limit on size or count would be exceeded.
pub const HOLDALL_TOO_LARGE: i32 = 8;
/// Another process or call holds what is needed; retrying later may succeed.
pub const HOLDALL_LOCKED: i32 = 9;
/// Bytes on disk are not what was written.
pub const HOLDALL_CORRUPT: i32 = 10;
/// The operating system refused a read, a write or a sync.
pub const HOLDALL_IO: i32 = 11;
/// An earlier write failed, so writes are refused; reopen the store.
pub const HOLDALL_POISONED: i32 = 12;
/// A format version, option or feature unknown to this build.
pub const HOLDALL_UNSUPPORTED: i32 = 13;
/// A defect of this library. The process may continue.
pub const HOLDALL_BUG: i32 = 14;
/// It existed and was deliberately removed or revoked.
pub const HOLDALL_GONE: i32 = 15;
/// Work in progress when the process forked cannot continue in the child.
pub const HOLDALL_FORKED: i32 = 16;
/// The store was opened for reading, or its disk has become read-only.
pub const HOLDALL_READ_ONLY: i32 = 17;

/// The first number of the version of this header.
pub const HOLDALL_VERSION_MAJOR: u32 = 0;
/// The second number.
pub const HOLDALL_VERSION_MINOR: u32 = 1;
/// The third number.
pub const HOLDALL_VERSION_PATCH: u32 = 0;
/// The version in one number that grows: 1002003 is 1.2.3.
pub const HOLDALL_VERSION: u32 =
    HOLDALL_VERSION_MAJOR * 1000000 + HOLDALL_VERSION_MINOR * 1000 + HOLDALL_VERSION_PATCH;

/// The code of an error.
pub(crate) fn code(error: &Error) -> i32 {
    i32::from(error.kind().number())
}

/// The kind of a code.
pub(crate) fn kind(code: i32) -> Option<ErrorKind> {
    ErrorKind::ALL.into_iter().find(|kind| i32::from(kind.number()) == code)
}

/// Makes the text one that C can read.
pub(crate) fn c_text(text: impl Into<Vec<u8>>) -> CString {
    let mut bytes: Vec<u8> = text.into();
    for byte in &mut bytes {
        if *byte == 0 {
            *byte = b'?';
        }
    }
    CString::new(bytes).unwrap_or_default()
}

thread_local! {
    static LAST: RefCell<Arc<Failure>> = RefCell::default();
}

/// Keeps what an error says, for the thread that it happened on and with the handle of the call.
pub(crate) fn remember(error: &Error, handle: u64) -> i32 {
    // A host that waits for the time it was given must not come back a fraction of a second early.
    let wait_s = error
        .retry_after()
        .map_or(0, |wait| wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)));
    let failure = Arc::new(Failure { code: code(error), wait_s, text: c_text(error.to_string()) });
    HANDLES.fail(handle, &failure);
    // A thread that is ending has no place for it any more.
    let _ = LAST.try_with(|last| *last.borrow_mut() = failure);
    code(error)
}

/// Returns a sentence for people about the last error on the calling thread: lower case, UTF-8, without
/// keys or tokens; "" if there was none. It is valid until this thread's next call of this library.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_last_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().text.as_ptr()).unwrap_or(c"".as_ptr())
}

/// Seconds to wait if a rate limit refused the call (429, Retry-After), or 0
#[unsafe(no_mangle)]
pub extern "C" fn holdall_last_error_retry_s() -> u64 {
    LAST.try_with(|last| last.borrow().wait_s).unwrap_or(0)
}

/// Such as "NotFound"; "Ok" for 0, else "Unknown". Always valid.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_code_name(code: i32) -> *const c_char {
    let name: &'static CStr = match kind(code) {
        _ if code == HOLDALL_OK => c"Ok",
        Some(ErrorKind::InvalidArgument) => c"InvalidArgument",
        Some(ErrorKind::NotFound) => c"NotFound",
        Some(ErrorKind::Exists) => c"Exists",
        Some(ErrorKind::Denied) => c"Denied",
        Some(ErrorKind::Expired) => c"Expired",
        Some(ErrorKind::RangeNotSatisfiable) => c"RangeNotSatisfiable",
        Some(ErrorKind::Mismatch) => c"Mismatch",
        Some(ErrorKind::TooLarge) => c"TooLarge",
        Some(ErrorKind::Locked) => c"Locked",
        Some(ErrorKind::Corrupt) => c"Corrupt",
        Some(ErrorKind::Io) => c"Io",
        Some(ErrorKind::Poisoned) => c"Poisoned",
        Some(ErrorKind::Unsupported) => c"Unsupported",
        Some(ErrorKind::Bug) => c"Bug",
        Some(ErrorKind::Gone) => c"Gone",
        Some(ErrorKind::Forked) => c"Forked",
        Some(ErrorKind::ReadOnly) => c"ReadOnly",
        _ => c"Unknown",
    };
    name.as_ptr()
}

/// The HTTP status: 404 for HOLDALL_NOT_FOUND, 200 for 0, else 500.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_code_status(code: i32) -> u32 {
    match kind(code) {
        _ if code == HOLDALL_OK => 200,
        Some(kind) => u32::from(kind.http_status()),
        None => 500,
    }
}

/// The running library's HOLDALL_VERSION. Each 0.x is an interface of its own
#[unsafe(no_mangle)]
pub extern "C" fn holdall_version_number() -> u32 {
    HOLDALL_VERSION
}

/// The version of the loaded library, such as "0.1.0". Always valid.
#[unsafe(no_mangle)]
pub extern "C" fn holdall_version_text() -> *const c_char {
    const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    };
    TEXT.as_ptr()
}
