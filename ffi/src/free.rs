//! Freeing handles.

use crate::api::holdall_api;
use crate::body::{holdall_body, holdall_pin};
use crate::drive::holdall_drive;
use crate::page::holdall_page;
use crate::pointer::entry;
use crate::reply::holdall_reply;
use crate::share::holdall_visit;
use crate::store::holdall_store;
use crate::text::holdall_text;
use crate::writer::holdall_writer;

/// These free one handle each. The store closes with the last handle to it and to its drives, writers,
/// visits and apis; an error then goes only to the log, so call holdall_store_close first to learn of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_free(store: *mut holdall_store) -> i32 {
    entry!(caller => caller.free(store))
}

/// A drive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_drive_free(drive: *mut holdall_drive) -> i32 {
    entry!(caller => caller.free(drive))
}

/// Uncommitted content leaves nothing behind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_writer_free(writer: *mut holdall_writer) -> i32 {
    entry!(caller => caller.free(writer))
}

/// A body.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_body_free(body: *mut holdall_body) -> i32 {
    entry!(caller => caller.free(body))
}

/// The segment's bytes and file must no longer be used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_pin_free(pin: *mut holdall_pin) -> i32 {
    entry!(caller => caller.free(pin))
}

/// Pointers into it become invalid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_page_free(page: *mut holdall_page) -> i32 {
    entry!(caller => caller.free(page))
}

/// A visit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_visit_free(visit: *mut holdall_visit) -> i32 {
    entry!(caller => caller.free(visit))
}

/// An api.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_api_free(api: *mut holdall_api) -> i32 {
    entry!(caller => caller.free(api))
}

/// Its headers become invalid; its body does not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_reply_free(reply: *mut holdall_reply) -> i32 {
    entry!(caller => caller.free(reply))
}

/// A text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_text_free(text: *mut holdall_text) -> i32 {
    entry!(caller => caller.free(text))
}
