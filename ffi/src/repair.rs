//! Repairing a store: damaged content from sound copies, and the rows made anew from the log.

use std::ffi::c_char;

use holdall::Store;

use crate::care::count;
use crate::page::{Page, holdall_page};
use crate::pointer::{entry, records};
use crate::store::{holdall_open_options, holdall_store, options};

/// What a repair did.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_repair_report {
    /// sizeof this
    pub size: usize,
    /// Blobs that were damaged and are sound again.
    pub restored: u64,
    /// Blobs that remain damaged: put their content again, from a backup say, and repair once more.
    pub damaged: u64,
    /// What is not as it must be, those blobs among it; 0 for a sound store.
    pub problems: u64,
    /// Blobs that could not be read, as when descriptors are short; nothing about them was changed.
    pub unread: u64,
    /// Blobs that an earlier repair had set aside and that are sound.
    pub reinstated: u64,
}

/// What a rebuild found in the log and made rows of.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_rebuild_report {
    /// sizeof this
    pub size: usize,
    /// Groups of changes.
    pub groups: u64,
    /// Segments that were read.
    pub segments: u64,
    /// Segments that could not be read: nothing of them is in the new rows.
    pub unreadable: u64,
    /// Files and folders.
    pub files: u64,
    /// Versions.
    pub versions: u64,
    /// Blobs.
    pub blobs: u64,
    /// Large blobs that no row speaks of; they are in the directory "lost" now.
    pub lost: u64,
    /// Where the new rows do not agree with each other.
    pub problems: u64,
}

records!(holdall_repair_report, holdall_rebuild_report);

/// Reads all content, and restores what is damaged from a sound copy where the store has one. Nothing is
/// removed. What remains is told on the page `problems`, which may be NULL.
/// Codes: WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_repair(
    store: *const holdall_store,
    report: *mut holdall_repair_report,
    problems: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of store => {
        let (out, page) = (caller.record(report)?, caller.optional_out("the place of the page", problems)?);
        let done = caller.get(store)?.repair()?;
        page.hand(Page::sentences(&done.problems))?;
        out.put(holdall_repair_report {
            size: 0,
            restored: count(&done.restored),
            damaged: count(&done.damaged),
            problems: count(&done.problems),
            unread: count(&done.unread),
            reinstated: count(&done.reinstated),
        })
    })
}

/// Makes the rows of the store in a directory anew from its log alone, when holdall_open answers CORRUPT;
/// the old ones are kept as "meta.redb.bad". Nobody may have it open. `problems`, which may be NULL, gets
/// what does not agree.
/// Codes: READ; NOT_FOUND when there is no store; LOCKED when it is open; UNSUPPORTED when a later version
/// made it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_rebuild(
    path: *const c_char,
    path_len_bytes: usize,
    options: *const holdall_open_options,
    report: *mut holdall_rebuild_report,
    problems: *mut *mut holdall_page,
) -> i32 {
    entry!(caller => {
        let (out, page) = (caller.record(report)?, caller.optional_out("the place of the page", problems)?);
        let path = caller.os_path("the path of the store", path, path_len_bytes)?;
        let done = Store::rebuild(path, &self::options(caller, options)?)?;
        page.hand(Page::sentences(&done.problems))?;
        out.put(holdall_rebuild_report {
            size: 0,
            groups: done.groups,
            segments: done.segments,
            unreadable: count(&done.unreadable),
            files: done.files,
            versions: done.versions,
            blobs: done.blobs,
            lost: count(&done.lost),
            problems: count(&done.problems),
        })
    })
}
