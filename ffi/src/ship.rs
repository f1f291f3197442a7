//! Stores and object storage: shipping a store there, restoring it, and moving it. It is built with the feature
//! `remote`, and has the header `holdall-remote.h`.

use std::ffi::{c_char, c_void};
use std::sync::Mutex;
use std::time::Duration;

use holdall::{Error, ErrorKind, Shipper, Store, Time};

use crate::callback::holdall_progress;
use crate::care::count;
use crate::page::{Page, holdall_page};
use crate::pointer::{entry, handle};
use crate::sized::records;
use crate::store::holdall_store;

/// A store on its way to object storage.
pub struct holdall_shipper {
    _opaque: [u8; 0],
}

handle!(holdall_shipper: Mutex<Shipper>);

/// What a call of holdall_shipper_ship did.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_ship_report {
    /// sizeof this
    pub size: usize,
    /// The number of the last group that is shipped.
    pub lsn: u64,
    /// The time of that state: a restore up to it has it.
    pub time_unix_us: i64,
    /// Bytes of the log that were shipped.
    pub log_bytes: u64,
    /// Large contents that were shipped.
    pub contents: u64,
    /// Bytes of them.
    pub content_bytes: u64,
    /// Shipped objects that were removed, because nothing that is kept needs them.
    pub removed: u64,
    /// What could not be shipped because it is damaged, or not be removed; the next call tries again.
    pub failed: u64,
}

/// What a restore made.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_restore_report {
    /// sizeof this
    pub size: usize,
    /// The number of the last group in it.
    pub lsn: u64,
    /// The time that the store is of.
    pub time_unix_us: i64,
    /// Segments in it.
    pub segments: u64,
    /// Large contents in it.
    pub contents: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Files in it, without folders.
    pub files: u64,
    /// Versions in it.
    pub versions: u64,
}

/// What a move did.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_migrate_report {
    /// sizeof this
    pub size: usize,
    /// Segments that were copied.
    pub segments: u64,
    /// Large contents that were copied.
    pub contents: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Rows that were copied.
    pub rows: u64,
    /// Groups of the log that were followed while the store was in use.
    pub groups: u64,
    /// How long writers waited.
    pub waited_us: u64,
}

records!(
    holdall_ship_report { size, lsn, time_unix_us, log_bytes, contents, content_bytes, removed, failed },
    holdall_restore_report { size, lsn, time_unix_us, segments, contents, bytes, files, versions },
    holdall_migrate_report { size, segments, contents, bytes, rows, groups, waited_us },
);

/// Begins to ship a store in a directory to object storage, "s3://BUCKET/PREFIX?endpoint=...". States of the last
/// `keep_s` seconds can be restored, and the newest. Codes: UNSUPPORTED for a store in a database.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_shipper_open(
    store: *const holdall_store,
    address: *const c_char,
    address_len_bytes: usize,
    keep_s: u64,
    shipper: *mut *mut holdall_shipper,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the shipper", shipper)?;
        let address = caller.text("the address", address, address_len_bytes)?;
        out.hand(Mutex::new(caller.get(store)?.shipper(address, Duration::from_secs(keep_s))?))
    })
}

/// Ships what was acknowledged before the call; call it again and again, as every second. `report` and `failed` may be
/// NULL. Codes: READ; LOCKED when another ships to the prefix; INVALID_ARGUMENT when another store, or a later
/// state, is there; the callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_shipper_ship(
    shipper: *mut holdall_shipper,
    progress: holdall_progress,
    progress_context: *mut c_void,
    report: *mut holdall_ship_report,
    failed: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of shipper => {
        let (out, page) = (caller.optional_record(report)?, caller.optional_out("the output for the page", failed)?);
        let progress = caller.progress(progress, progress_context);
        let shipping = caller.get(shipper)?;
        let mut shipping = shipping.lock().map_err(|_| {
            Error::new(ErrorKind::Poisoned, "a defect was met while this shipped before; begin another")
        })?;
        let done = shipping.ship(&mut |at| progress.tell(at.done, at.total))?;
        page.hand(Page::sentences(&done.failed))?;
        out.put(holdall_ship_report {
            lsn: done.lsn,
            time_unix_us: done.time.0,
            log_bytes: done.log_bytes,
            contents: done.contents,
            content_bytes: done.content_bytes,
            removed: done.removed,
            failed: count(&done.failed),
            ..caller.options(std::ptr::null())?
        })
    })
}

/// Makes a store in a new or empty directory of what was shipped: the newest state, or the last one up to
/// `until_unix_us` if that is not 0, with all content verified. `report` may be NULL. Codes: READ; NOT_FOUND when
/// nothing of that time was shipped; INVALID_ARGUMENT when the directory holds something; the callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_restore(
    address: *const c_char,
    address_len_bytes: usize,
    path: *const c_char,
    path_len_bytes: usize,
    until_unix_us: i64,
    progress: holdall_progress,
    progress_context: *mut c_void,
    report: *mut holdall_restore_report,
) -> i32 {
    entry!(caller => {
        let out = caller.optional_record(report)?;
        let address = caller.text("the address", address, address_len_bytes)?;
        let path = caller.os_path("the path of the store", path, path_len_bytes)?;
        let progress = caller.progress(progress, progress_context);
        let until = (until_unix_us != 0).then_some(Time(until_unix_us));
        let done = Store::restore(address, path, until, &mut |at| progress.tell(at.done, at.total))?;
        out.put(holdall_restore_report {
            lsn: done.lsn,
            time_unix_us: done.time.0,
            segments: done.segments,
            contents: done.contents,
            bytes: done.bytes,
            files: done.files,
            versions: done.versions,
            ..caller.options(std::ptr::null())?
        })
    })
}

/// Moves a store, while it is in use, from a directory to a database's address, as holdall_open takes it, or
/// back to a new or empty directory. Where it was it takes no writes then: READ_ONLY. Call it again if it was
/// cut off. `report` may be NULL; the callback must not write to the store. Codes: WRITE; EXISTS; the
/// callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_migrate(
    store: *const holdall_store,
    address: *const c_char,
    address_len_bytes: usize,
    progress: holdall_progress,
    progress_context: *mut c_void,
    report: *mut holdall_migrate_report,
) -> i32 {
    entry!(caller of store => {
        let out = caller.optional_record(report)?;
        let address = caller.text("the address", address, address_len_bytes)?;
        let progress = caller.progress(progress, progress_context);
        let done = caller.get(store)?.migrate(address, &mut |at| progress.tell(at.done, at.total))?;
        out.put(holdall_migrate_report {
            segments: done.segments,
            contents: done.contents,
            bytes: done.bytes,
            rows: done.rows,
            groups: done.groups,
            waited_us: u64::try_from(done.waited.as_micros()).unwrap_or(u64::MAX),
            ..caller.options(std::ptr::null())?
        })
    })
}

/// What is shipped stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_shipper_free(shipper: *mut holdall_shipper) -> i32 {
    entry!(caller => caller.free(shipper))
}
