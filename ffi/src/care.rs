//! Caring for a store: counting, checking, collecting, compacting.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use holdall::{CheckOptions, Mode, Progress};

use crate::callback::holdall_progress;
use crate::page::{Page, holdall_page};
use crate::pointer::{entry, records};
use crate::store::holdall_store;

/// What a store holds, as it was at one moment.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_stats {
    /// sizeof this
    pub size: usize,
    /// Drives.
    pub drives: u64,
    /// Files in all drives, without folders; those in the trash count.
    pub files: u64,
    /// Bytes of all versions of those files; content that two share counts twice.
    pub len_bytes: u64,
    /// Contents that differ.
    pub blobs: u64,
    /// Bytes of those.
    pub blob_bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes that the segments take, the log among them.
    pub segment_bytes: u64,
    /// Bytes of them that a compaction may get back.
    pub dead_bytes: u64,
    /// The number of the last group in the log.
    pub lsn: u64,
    /// When the store was made.
    pub created_unix_us: i64,
    /// Whether this process has the store for itself.
    pub exclusive: bool,
    /// How long content outlives its last version, and the most that an archive may live.
    pub grace_s: u64,
}

/// All content is read and hashed again.
pub const HOLDALL_CHECK_CONTENT: u32 = 1;

/// How a store is checked. What is 0 or NULL has the default.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_check_options {
    /// sizeof this
    pub size: usize,
    /// HOLDALL_CHECK_* put together.
    pub flags: u32,
    /// Is told how far the check is.
    pub progress: holdall_progress,
    /// Handed to it.
    pub progress_context: *mut c_void,
}

/// What a check found.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_check_report {
    /// sizeof this
    pub size: usize,
    /// What is not as it must be; 0 for a sound store.
    pub problems: u64,
    /// The blobs among it whose content is missing or not what was stored.
    pub damaged: u64,
    /// Files, without folders.
    pub files: u64,
    /// Versions.
    pub versions: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of those.
    pub blob_bytes: u64,
    /// Blobs among the problems that could not be read: whether they are sound is not known.
    pub unread: u64,
}

/// What a collection or a compaction did; of a compaction the first four and the last three are 0.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_gc_report {
    /// sizeof this
    pub size: usize,
    /// Blobs that were removed.
    pub blobs: u64,
    /// Bytes of those.
    pub blob_bytes: u64,
    /// Archives that expired, counted by their parts.
    pub archives: u64,
    /// Files of puts that came to nothing.
    pub orphans: u64,
    /// Segments that were compacted away.
    pub segments: u64,
    /// Bytes that they took.
    pub segment_bytes: u64,
    /// What could not be removed; the next run tries again.
    pub failed: u64,
    /// Blobs that wait for the grace, after a collection.
    pub waiting_blobs: u64,
    /// Bytes of those.
    pub waiting_bytes: u64,
    /// When the first of them may be removed; 0 when none waits.
    pub next_due_unix_us: i64,
}

records!(holdall_stats, holdall_check_options, holdall_check_report, holdall_gc_report,);

/// Counts items.
pub(crate) fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// Fills in what the store holds, at the price of a row for each drive and each segment.
/// Codes: READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_stats(store: *const holdall_store, stats: *mut holdall_stats) -> i32 {
    entry!(caller of store => {
        let out = caller.record(stats)?;
        let store = caller.get(store)?;
        let (found, created) = (store.stats()?, store.created()?);
        out.put(holdall_stats {
            size: 0,
            drives: found.drives,
            files: found.files,
            len_bytes: found.bytes,
            blobs: found.blobs,
            blob_bytes: found.blob_bytes,
            segments: found.segments,
            segment_bytes: found.segment_bytes,
            dead_bytes: found.dead_bytes,
            lsn: found.lsn,
            created_unix_us: created.0,
            exclusive: found.mode == Mode::Exclusive,
            grace_s: store.grace()?.as_secs(),
        })
    })
}

/// Checks the store while it is in use; nothing is changed. Damage is no error but in the report, and as
/// sentences on the page `problems`, which may be NULL.
/// Codes: READ; the callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_check(
    store: *const holdall_store,
    options: *const holdall_check_options,
    report: *mut holdall_check_report,
    problems: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of store => {
        let (out, page) = (caller.record(report)?, caller.optional_out("the place of the page", problems)?);
        let given = caller.options(options)?;
        let content = caller.flags(given.flags, HOLDALL_CHECK_CONTENT)? != 0;
        let progress = caller.progress(given.progress, given.progress_context);
        let mut watch = |at: Progress| progress.tell(at.done, at.total);
        let found = caller.get(store)?.check(CheckOptions::new().content(content).watch(&mut watch))?;
        page.hand(Page::sentences(&found.problems))?;
        out.put(holdall_check_report {
            size: 0,
            problems: count(&found.problems),
            damaged: count(&found.damaged),
            files: found.files,
            versions: found.versions,
            blobs: found.blobs,
            blob_bytes: found.bytes,
            unread: count(&found.unread),
        })
    })
}

/// Removes what nothing refers to once its grace is over, and compacts, in short steps: for a thread of the host's,
/// now and then. What could not be removed is told on the page `failed`, which may be NULL.
/// Codes: WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_gc(
    store: *const holdall_store,
    report: *mut holdall_gc_report,
    failed: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of store => {
        let (out, page) = (caller.record(report)?, caller.optional_out("the place of the page", failed)?);
        let done = caller.get(store)?.gc()?;
        let errors = || done.failed.iter().chain(&done.compaction.failed);
        page.hand(Page::sentences(errors()))?;
        out.put(holdall_gc_report {
            size: 0,
            blobs: done.blobs,
            blob_bytes: done.bytes,
            archives: done.archives,
            orphans: done.orphans,
            segments: done.compaction.segments,
            segment_bytes: done.compaction.bytes,
            failed: u64::try_from(errors().count()).unwrap_or(u64::MAX),
            waiting_blobs: done.waiting_blobs,
            waiting_bytes: done.waiting_bytes,
            next_due_unix_us: done.next_due.map_or(0, |due| due.0),
        })
    })
}

/// Sets the grace of the store; a shorter one counts when archives of before are over. 0 is none.
/// Codes: WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_set_grace(store: *const holdall_store, grace_s: u64) -> i32 {
    entry!(caller of store => {
        caller.get(store)?.set_grace(Duration::from_secs(grace_s))?;
        Ok(())
    })
}

/// Copies what lives out of segments that are more than half dead, and removes them. `failed`: as before.
/// Codes: WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_compact(
    store: *const holdall_store,
    report: *mut holdall_gc_report,
    failed: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of store => {
        let (out, page) = (caller.record(report)?, caller.optional_out("the place of the page", failed)?);
        let done = caller.get(store)?.compact()?;
        page.hand(Page::sentences(&done.failed))?;
        out.put(holdall_gc_report {
            segments: done.segments,
            segment_bytes: done.bytes,
            failed: count(&done.failed),
            ..caller.options(std::ptr::null())?
        })
    })
}

/// Copies the store as it is at one moment into a directory, while it is in use; the copy opens as a store.
/// A directory of an earlier backup is brought up to date. `copied_bytes` may be NULL.
/// Codes: READ; INVALID_ARGUMENT when the directory holds something else; LOCKED when the copy is open; the
/// callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_backup(
    store: *const holdall_store,
    path: *const c_char,
    path_len_bytes: usize,
    progress: holdall_progress,
    progress_context: *mut c_void,
    copied_bytes: *mut u64,
) -> i32 {
    entry!(caller of store => {
        let out = caller.optional_out("the place of the count", copied_bytes)?;
        let path = caller.os_path("the path of the backup", path, path_len_bytes)?;
        let progress = caller.progress(progress, progress_context);
        let done = caller.get(store)?.backup(path, &mut |at| progress.tell(at.done, at.total))?;
        out.put(done.copied)
    })
}
