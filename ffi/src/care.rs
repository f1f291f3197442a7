//! Caring for a store: counting, checking, collecting, compacting.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use holdall::{CheckOptions, Mode, Progress};

use crate::callback::holdall_progress;
use crate::page::{Page, holdall_page};
use crate::pointer::entry;
use crate::sized::records;
use crate::store::holdall_store;

/// What a store holds, as of one point in time.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_stats {
    /// sizeof this
    pub size: usize,
    /// Drives.
    pub drives: u64,
    /// Files in all drives, not counting folders, but counting the trash.
    pub files: u64,
    /// Bytes of all versions of those files; shared content is counted each time.
    pub len_bytes: u64,
    /// Distinct contents.
    pub blobs: u64,
    /// Bytes of those.
    pub blob_bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes of the segments, including the log.
    pub segment_bytes: u64,
    /// Bytes of them that a compaction can reclaim.
    pub dead_bytes: u64,
    /// The number of the last group in the log.
    pub lsn: u64,
    /// When the store was created.
    pub created_unix_us: i64,
    /// Whether this process has the store open alone.
    pub exclusive: bool,
    /// How long content outlives its last version; the longest life of an archive.
    pub grace_s: u64,
}

/// Read all content and compute its BLAKE3 again.
pub const HOLDALL_CHECK_CONTENT: u32 = 1;
/// Also compute SHA-1 and the CRCs of all content again.
pub const HOLDALL_CHECK_DIGESTS: u32 = 2;

/// Options for a check. 0 or NULL selects the default.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_check_options {
    /// sizeof this
    pub size: usize,
    /// HOLDALL_CHECK_* combined with |.
    pub flags: u32,
    /// Reports the progress of the check.
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
    /// Inconsistencies found; 0 for a sound store.
    pub problems: u64,
    /// Blobs among them whose content is missing or not what was stored.
    pub damaged: u64,
    /// Files, not counting folders.
    pub files: u64,
    /// Versions.
    pub versions: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of those.
    pub blob_bytes: u64,
    /// Blobs among the problems that could not be read, so their state is unknown.
    pub unread: u64,
}

/// What a collection or compaction did; for a compaction the first four and the last three are 0.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_gc_report {
    /// sizeof this
    pub size: usize,
    /// Blobs that were removed.
    pub blobs: u64,
    /// Bytes of those.
    pub blob_bytes: u64,
    /// Expired archives, counted by their parts.
    pub archives: u64,
    /// Files of unfinished puts.
    pub orphans: u64,
    /// Segments that were compacted away.
    pub segments: u64,
    /// Bytes they occupied.
    pub segment_bytes: u64,
    /// Items that could not be removed; the next run retries.
    pub failed: u64,
    /// Blobs that wait for the grace period.
    pub waiting_blobs: u64,
    /// Bytes of those.
    pub waiting_bytes: u64,
    /// When the first of them may be removed; 0 if none waits.
    pub next_due_unix_us: i64,
}

records!(
    holdall_stats {
        size,
        drives,
        files,
        len_bytes,
        blobs,
        blob_bytes,
        segments,
        segment_bytes,
        dead_bytes,
        lsn,
        created_unix_us,
        exclusive,
        grace_s
    },
    holdall_check_options { size, flags, progress, progress_context },
    holdall_check_report { size, problems, damaged, files, versions, blobs, blob_bytes, unread },
    holdall_gc_report {
        size,
        blobs,
        blob_bytes,
        archives,
        orphans,
        segments,
        segment_bytes,
        failed,
        waiting_blobs,
        waiting_bytes,
        next_due_unix_us
    },
);

/// Counts items.
pub(crate) fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// Describes the store; costs one row for each drive and each segment. Codes: READ.
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

/// Checks the store while it is in use, changing nothing. Damage is not an error: it is in the report,
/// and as sentences in `problems`, which may be NULL. Codes: READ; the callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_check(
    store: *const holdall_store,
    options: *const holdall_check_options,
    report: *mut holdall_check_report,
    problems: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of store => {
        let (out, page) = (caller.record(report)?, caller.optional_out("the output for the page", problems)?);
        let given = caller.options(options)?;
        let flags = caller.flags(given.flags, HOLDALL_CHECK_CONTENT | HOLDALL_CHECK_DIGESTS)?;
        let progress = caller.progress(given.progress, given.progress_context);
        let mut watch = |at: Progress| progress.tell(at.done, at.total);
        let options = CheckOptions::new()
            .content(flags & HOLDALL_CHECK_CONTENT != 0)
            .digests(flags & HOLDALL_CHECK_DIGESTS != 0);
        let found = caller.get(store)?.check(options.watch(&mut watch))?;
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

/// Removes what nothing refers to once the grace period is over, and compacts, in short steps; call it
/// now and then from a thread of the host. `failed`, which may be NULL, says what could not be removed.
/// Codes: WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_gc(
    store: *const holdall_store,
    report: *mut holdall_gc_report,
    failed: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of store => {
        let (out, page) = (caller.record(report)?, caller.optional_out("the output for the page", failed)?);
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

/// Sets the store's grace period; a shorter one applies once existing archives have expired. 0 is none.
/// Codes: WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_set_grace(store: *const holdall_store, grace_s: u64) -> i32 {
    entry!(caller of store => {
        caller.get(store)?.set_grace(Duration::from_secs(grace_s))?;
        Ok(())
    })
}

/// Copies live content out of segments more than half dead and removes them. `failed`: as holdall_store_gc. Codes: WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_compact(
    store: *const holdall_store,
    report: *mut holdall_gc_report,
    failed: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of store => {
        let (out, page) = (caller.record(report)?, caller.optional_out("the output for the page", failed)?);
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

/// Copies a consistent snapshot of the store into a directory, while it is in use; the copy opens as a
/// store. The directory of an earlier backup is brought up to date. `copied_bytes` may be NULL. Codes:
/// READ; INVALID_ARGUMENT when the directory holds something else; LOCKED when the copy is open; the
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
        let out = caller.optional_out("the output for the count", copied_bytes)?;
        let path = caller.os_path("the path of the backup", path, path_len_bytes)?;
        let progress = caller.progress(progress, progress_context);
        let done = caller.get(store)?.backup(path, &mut |at| progress.tell(at.done, at.total))?;
        out.put(done.copied)
    })
}
