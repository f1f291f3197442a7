//! The trash of a drive.

use std::ffi::c_char;

use holdall::{Drive, FileId, Time};

use crate::drive::holdall_drive;
use crate::page::{Page, holdall_page};
use crate::pointer::entry;

/// Moves what is at a path to the trash. Its path, links and shares stop working; URLs of its versions
/// work until they expire or are revoked. `file_id` may be NULL. Codes: PATH, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_trash_put(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    file_id: *mut u64,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.optional_out("the output for the id", file_id)?;
        out.put(caller.at(drive, (path, path_len_bytes), Drive::trash)?.0)
    })
}

/// Lists at most `limit` items of the trash by id, after the id `after`, 0 at first. Codes: READ,
/// NOT_FOUND.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_trash_list(
    drive: *const holdall_drive,
    after: u64,
    limit: usize,
    trashed: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.out("the output for the page", trashed)?;
        let after = Some(after).filter(|id| *id != 0).map(FileId);
        out.hand(Page::Trash(caller.get(drive)?.list_trash(after, limit)?))
    })
}

/// Takes something out of the trash: to `to`, or if NULL to where it lay. Codes: PATH, WRITE, NOT_FOUND, EXISTS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_trash_restore(
    drive: *const holdall_drive,
    file_id: u64,
    to: *const c_char,
    to_len_bytes: usize,
) -> i32 {
    entry!(caller of drive => {
        let to = caller.optional("the new path", to, to_len_bytes)?;
        caller.get(drive)?.restore(FileId(file_id), to).map(drop)
    })
}

/// Permanently deletes what was trashed before that time. `count` may be NULL. Codes: WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_trash_empty(
    drive: *const holdall_drive,
    before_unix_us: i64,
    count: *mut u64,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.optional_out("the output for the count", count)?;
        out.put(caller.get(drive)?.empty_trash(Time(before_unix_us))?)
    })
}
