//! Repairing a store: damaged content from sound copies, and the rows made anew from the log.

use std::ffi::c_char;

use holdall::Store;

use crate::care::count;
use crate::page::{Page, holdall_page};
use crate::pointer::entry;
use crate::sized::records;
use crate::store::{holdall_open_options, holdall_store, options};

/// What a repair did.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_repair_report {
    /// sizeof this
    pub size: usize,
    /// Damaged blobs that are sound again.
    pub restored: u64,
    /// Blobs that remain damaged: put their content again, such as from a backup, and repair again.
    pub damaged: u64,
    /// Inconsistencies found, including those blobs; 0 for a sound store.
    pub problems: u64,
    /// Blobs that could not be read, such as when descriptors run out; they were not changed.
    pub unread: u64,
    /// Sound blobs released from an earlier repair's quarantine.
    pub reinstated: u64,
}

/// What a rebuild found in the log.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_rebuild_report {
    /// sizeof this
    pub size: usize,
    /// Groups of changes.
    pub groups: u64,
    /// Segments that were read.
    pub segments: u64,
    /// Segments that could not be read; their content is not in the new index.
    pub unreadable: u64,
    /// Files and folders.
    pub files: u64,
    /// Versions.
    pub versions: u64,
    /// Blobs.
    pub blobs: u64,
    /// Large blobs that no row refers to, moved to the directory "lost".
    pub lost: u64,
    /// Inconsistencies in the new index.
    pub problems: u64,
}

records!(
    holdall_repair_report { size, restored, damaged, problems, unread, reinstated },
    holdall_rebuild_report { size, groups, segments, unreadable, files, versions, blobs, lost, problems },
);

/// Reads all content, and restores damaged content from a sound copy if the store has one. Nothing is
/// removed. `problems`, which may be NULL, says what remains. Codes: WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_repair(
    store: *const holdall_store,
    report: *mut holdall_repair_report,
    problems: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of store => {
        let (out, page) = (caller.record(report)?, caller.optional_out("the output for the page", problems)?);
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

/// Rebuilds the index of the store in a directory from its log alone, for when holdall_open returns
/// CORRUPT; the old index is kept as "meta.redb.bad". The store must not be open. `problems`, which may
/// be NULL, says what is inconsistent. Codes: READ; NOT_FOUND when there is no store; LOCKED when it is
/// open; UNSUPPORTED when a later version made it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_rebuild(
    path: *const c_char,
    path_len_bytes: usize,
    options: *const holdall_open_options,
    report: *mut holdall_rebuild_report,
    problems: *mut *mut holdall_page,
) -> i32 {
    entry!(caller => {
        let (out, page) = (caller.record(report)?, caller.optional_out("the output for the page", problems)?);
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
