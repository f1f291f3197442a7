//! Direct links.

use std::ffi::c_char;

use holdall::{Drive, LinkId};

use crate::code::c_text;
use crate::drive::holdall_drive;
use crate::page::{Page, holdall_page};
use crate::pointer::entry;
use crate::record::holdall_link;
use crate::store::holdall_store;
use crate::text::holdall_text;

/// Fills in the direct link to the file at a path, and creates it if there is none. It leads to whatever
/// version is current when it is used. A pace is a rate limit that the host is asked to keep; 0 is
/// unlimited. Codes: PATH, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_link_create(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    pace_bytes_per_s: u64,
    link: *mut holdall_link,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.record(link)?;
        let made = |drive: &Drive, path: &str| drive.link_paced(path, pace_bytes_per_s);
        out.put(holdall_link::of(&caller.at(drive, (path, path_len_bytes), made)?)?)
    })
}

/// Lists the direct links to the file at a path, oldest first.
/// Codes: PATH, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_link_list(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    links: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.out("the output for the page", links)?;
        out.hand(Page::Links(caller.at(drive, (path, path_len_bytes), Drive::links)?))
    })
}

/// Describes a direct link and how often it was used. Codes: NOT_FOUND, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_link_stat(
    store: *const holdall_store,
    link_id: u64,
    link: *mut holdall_link,
) -> i32 {
    entry!(caller of store => {
        let out = caller.record(link)?;
        out.put(holdall_link::of(&caller.get(store)?.find_link(LinkId(link_id))?)?)
    })
}

/// Returns the URL of a direct link. Codes: NOT_FOUND, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_link_url(
    store: *const holdall_store,
    link_id: u64,
    url: *mut *mut holdall_text,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the URL", url)?;
        let store = caller.get(store)?;
        out.hand(c_text(store.link_url(&store.find_link(LinkId(link_id))?)?))
    })
}

/// Deletes the link.
/// Codes: NOT_FOUND, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_link_remove(store: *const holdall_store, link_id: u64) -> i32 {
    entry!(caller of store => caller.get(store)?.unlink(LinkId(link_id)))
}
