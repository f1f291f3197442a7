//! Stores and object storage: shipping a store there, restoring it, and moving it. Without the feature `remote` these
//! are `UNSUPPORTED`, as the address of a database is for `holdall_open`.

use std::ffi::{c_char, c_void};
#[cfg(feature = "remote")]
use std::{sync::Mutex, time::Duration};

use holdall::{Error, ErrorKind, Result};
#[cfg(feature = "remote")]
use holdall::{Shipper, Store, Time};

use crate::callback::holdall_progress;
use crate::page::holdall_page;
use crate::pointer::{entry, handle};
use crate::sized::records;
use crate::store::holdall_store;
#[cfg(feature = "remote")]
use crate::{care::count, page::Page};

/// A store on its way to object storage.
pub struct holdall_shipper {
    _opaque: [u8; 0],
}

handle!(holdall_shipper: Shipping);

/// What is shipped.
pub(crate) struct Shipping {
    #[cfg(feature = "remote")]
    shipper: Mutex<Shipper>,
}

/// What shipping, a restore or a move did; what one has no word on is 0.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_copy_report {
    /// sizeof this
    pub size: usize,
    /// The number of the last group that is shipped or restored.
    pub lsn: u64,
    /// The time of that state: a restore up to it has it.
    pub time_unix_us: i64,
    /// Segments that were copied.
    pub segments: u64,
    /// Large contents that were copied.
    pub contents: u64,
    /// Bytes that were copied, of the log and of contents.
    pub bytes: u64,
    /// Files in a restored store.
    pub files: u64,
    /// Versions in it.
    pub versions: u64,
    /// Rows that were moved.
    pub rows: u64,
    /// Groups of the log that a move followed after that.
    pub groups: u64,
    /// How long writers waited for a move.
    pub waited_us: u64,
    /// Shipped objects that were removed, because nothing that is kept needs them.
    pub removed: u64,
    /// What could not be shipped because it is damaged, or not be removed; the next call tries again.
    pub failed: u64,
}

records!(holdall_copy_report {
    size,
    lsn,
    time_unix_us,
    segments,
    contents,
    bytes,
    files,
    versions,
    rows,
    groups,
    waited_us,
    removed,
    failed
},);

#[cfg(not(feature = "remote"))]
fn left_out<T>(what: &str) -> Result<T> {
    let message =
        format!("{what} is not part of this build of the library; build it with the feature `remote`");
    Err(Error::new(ErrorKind::Unsupported, message))
}

/// Begins to ship a store in a directory to object storage, "s3://BUCKET/PREFIX?endpoint=...". States of the last
/// `keep_s` seconds can be restored, and the newest. Codes: UNSUPPORTED in a library built without the feature
/// remote, or for a store in a database.
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
        out.hand(Shipping::begin(&*caller.get(store)?, address, keep_s)?)
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
    report: *mut holdall_copy_report,
    failed: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of shipper => {
        let (out, page) = (caller.optional_record(report)?, caller.optional_out("the output for the page", failed)?);
        let progress = caller.progress(progress, progress_context);
        #[cfg(feature = "remote")]
        {
            let done = caller.get(shipper)?.lock()?.ship(&mut |at| progress.tell(at.done, at.total))?;
            page.hand(Page::sentences(&done.failed))?;
            out.put(holdall_copy_report {
                lsn: done.lsn,
                time_unix_us: done.time.0,
                contents: done.contents,
                bytes: done.log_bytes.saturating_add(done.content_bytes),
                removed: done.removed,
                failed: count(&done.failed),
                ..caller.options(std::ptr::null())?
            })
        }
        #[cfg(not(feature = "remote"))]
        {
            let _ = (caller.get(shipper)?, out, page, progress);
            left_out("shipping")
        }
    })
}

/// Makes a store in a new or empty directory of what was shipped: the newest state, or the last one up to
/// `until_unix_us` if that is not 0, with all content verified. `report` may be NULL. Codes: READ; NOT_FOUND when
/// nothing of that time was shipped; INVALID_ARGUMENT when the directory holds something; UNSUPPORTED; the callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_restore(
    address: *const c_char,
    address_len_bytes: usize,
    path: *const c_char,
    path_len_bytes: usize,
    until_unix_us: i64,
    progress: holdall_progress,
    progress_context: *mut c_void,
    report: *mut holdall_copy_report,
) -> i32 {
    entry!(caller => {
        let out = caller.optional_record(report)?;
        let address = caller.text("the address", address, address_len_bytes)?;
        let path = caller.os_path("the path of the store", path, path_len_bytes)?;
        let progress = caller.progress(progress, progress_context);
        #[cfg(feature = "remote")]
        {
            let until = (until_unix_us != 0).then_some(Time(until_unix_us));
            let done = Store::restore(address, path, until, &mut |at| progress.tell(at.done, at.total))?;
            out.put(holdall_copy_report {
                lsn: done.lsn,
                time_unix_us: done.time.0,
                segments: done.segments,
                contents: done.contents,
                bytes: done.bytes,
                files: done.files,
                versions: done.versions,
                ..caller.options(std::ptr::null())?
            })
        }
        #[cfg(not(feature = "remote"))]
        {
            let _ = (out, address, path, until_unix_us, progress);
            left_out("restoring from object storage")
        }
    })
}

/// Moves a store, while it is in use, from a directory to a database's address, as holdall_open takes it, or
/// back to a new or empty directory. Where it was it takes no writes then: READ_ONLY. Call it again if it was
/// cut off. `report` may be NULL; the callback must not write to the store. Codes: WRITE; EXISTS; UNSUPPORTED;
/// the callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_migrate(
    store: *const holdall_store,
    address: *const c_char,
    address_len_bytes: usize,
    progress: holdall_progress,
    progress_context: *mut c_void,
    report: *mut holdall_copy_report,
) -> i32 {
    entry!(caller of store => {
        let out = caller.optional_record(report)?;
        let address = caller.text("the address", address, address_len_bytes)?;
        let progress = caller.progress(progress, progress_context);
        #[cfg(feature = "remote")]
        {
            let done = caller.get(store)?.migrate(address, &mut |at| progress.tell(at.done, at.total))?;
            out.put(holdall_copy_report {
                segments: done.segments,
                contents: done.contents,
                bytes: done.bytes,
                rows: done.rows,
                groups: done.groups,
                waited_us: u64::try_from(done.waited.as_micros()).unwrap_or(u64::MAX),
                ..caller.options(std::ptr::null())?
            })
        }
        #[cfg(not(feature = "remote"))]
        {
            let _ = (caller.get(store)?, out, address, progress);
            left_out("moving a store")
        }
    })
}

impl Shipping {
    #[cfg(feature = "remote")]
    fn begin(store: &Store, address: &str, keep_s: u64) -> Result<Shipping> {
        Ok(Shipping { shipper: Mutex::new(store.shipper(address, Duration::from_secs(keep_s))?) })
    }

    #[cfg(not(feature = "remote"))]
    fn begin(_store: &holdall::Store, _address: &str, _keep_s: u64) -> Result<Shipping> {
        left_out("shipping")
    }

    #[cfg(feature = "remote")]
    fn lock(&self) -> Result<std::sync::MutexGuard<'_, Shipper>> {
        self.shipper.lock().map_err(|_| {
            Error::new(ErrorKind::Poisoned, "a defect was met while this shipped before; begin another")
        })
    }
}
