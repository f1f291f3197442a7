//! The C functions that open, close and describe a store.

use std::ffi::c_char;
use std::time::Duration;

use holdall::{Dedup, Mode, Options, Result, Store};

use crate::pointer::{Caller, entry, handle};
use crate::sized::records;

/// An open store.
pub struct holdall_store {
    _opaque: [u8; 0],
}

handle!(holdall_store: Store);

/// One process opens the store alone and commits several times faster.
pub const HOLDALL_OPEN_EXCLUSIVE: u32 = 1;
/// Fails if there is no store, instead of creating one.
pub const HOLDALL_OPEN_EXISTING: u32 = 2;
/// Deduplicates per drive: put times reveal no other drive.
pub const HOLDALL_OPEN_DEDUP_DRIVE: u32 = 4;
/// Content is read, not mapped: a file that loses bytes is IO and not SIGBUS.
pub const HOLDALL_OPEN_NO_MAP: u32 = 8;

/// Options for opening a store. 0 or NULL selects the default.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_open_options {
    /// sizeof this
    pub size: usize,
    /// HOLDALL_OPEN_* combined with |.
    pub flags: u32,
    /// The base of URLs, which ends with "/"; "/" by default.
    pub base_url: *const c_char,
    /// Its length.
    pub base_url_len_bytes: usize,
    /// Content of at least this size gets its own file: 4 KiB to 16 MiB, 1 MiB by default.
    pub threshold_bytes: u64,
    /// The length at which a new segment is started: 256 MiB by default.
    pub segment_bytes: u64,
    /// Memory for cached rows: 64 MiB by default.
    pub cache_bytes: u64,
    /// The longest content that a put accepts: 1 TiB by default.
    pub max_put_bytes: u64,
    /// The grace period to set; 0 leaves it unchanged, 24 hours in a new store.
    pub grace_s: u64,
    /// The longest lifetime of a URL: 7 days by default.
    pub max_lifetime_s: u64,
    /// The most entries of an archive: 100,000 by default.
    pub max_archive_entries: u64,
    /// The longest archive: 1 TiB by default.
    pub max_archive_bytes: u64,
    /// How long to wait for another process that is opening it: 10 s by default.
    pub lock_timeout_ms: u64,
    /// The most that the lists of a drive's archives take: 1 GiB by default.
    pub drive_archive_quota_bytes: u64,
    /// The same for the visitors of a share: 64 MiB by default.
    pub share_archive_quota_bytes: u64,
    /// Of a client for a share: 10 by default, then one a minute.
    pub wrong_passwords_of_client: u32,
    /// Of all clients together: 100 by default, then one every 6 s.
    pub wrong_passwords_of_all: u32,
    /// Pages that may show it: "same-origin", "same-site" (the default), "cross-origin"; or that may read it as well: "*" is all, "https://a.example https://b.example" these.
    pub cross_origin: *const c_char,
    /// Its length.
    pub cross_origin_len_bytes: usize,
}

records!(holdall_open_options {
    size,
    flags,
    base_url,
    base_url_len_bytes,
    threshold_bytes,
    segment_bytes,
    cache_bytes,
    max_put_bytes,
    grace_s,
    max_lifetime_s,
    max_archive_entries,
    max_archive_bytes,
    lock_timeout_ms,
    drive_archive_quota_bytes,
    share_archive_quota_bytes,
    wrong_passwords_of_client,
    wrong_passwords_of_all,
    cross_origin,
    cross_origin_len_bytes
},);

/// Sets one of the options.
type Setter<'a> = &'a dyn Fn(Options, u64) -> Options;

/// Reads the options.
pub(crate) fn options(caller: &Caller, given: *const holdall_open_options) -> Result<Options> {
    let given = caller.options(given)?;
    let known =
        HOLDALL_OPEN_EXCLUSIVE | HOLDALL_OPEN_EXISTING | HOLDALL_OPEN_DEDUP_DRIVE | HOLDALL_OPEN_NO_MAP;
    let flags = caller.flags(given.flags, known)?;
    let room = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let mut options =
        Options::new().create(flags & HOLDALL_OPEN_EXISTING == 0).map(flags & HOLDALL_OPEN_NO_MAP == 0);
    if flags & HOLDALL_OPEN_EXCLUSIVE != 0 {
        options = options.mode(Mode::Exclusive);
    }
    if flags & HOLDALL_OPEN_DEDUP_DRIVE != 0 {
        options = options.dedup(Dedup::Drive);
    }
    if let Some(base) = caller.optional("the base url", given.base_url, given.base_url_len_bytes)? {
        options = options.base_url(base);
    }
    let policy =
        caller.optional("the cross-origin policy", given.cross_origin, given.cross_origin_len_bytes)?;
    if let Some(policy) = policy {
        options = options.cross_origin(policy.parse()?);
    }
    let (of_client, of_all) = (given.wrong_passwords_of_client, given.wrong_passwords_of_all);
    if of_client != 0 || of_all != 0 {
        let or = |given: u32, default: u32| if given == 0 { default } else { given };
        let (client, all) = Options::WRONG_PASSWORDS;
        options = options.wrong_passwords(or(of_client, client), or(of_all, all));
    }
    let numbers: [(u64, Setter<'_>); 11] = [
        (given.threshold_bytes, &|options, bytes| options.threshold(room(bytes))),
        (given.segment_bytes, &Options::segment_bytes),
        (given.cache_bytes, &|options, bytes| options.cache_bytes(room(bytes))),
        (given.max_put_bytes, &Options::max_put_bytes),
        (given.grace_s, &|options, seconds| options.grace(Duration::from_secs(seconds))),
        (given.max_lifetime_s, &|options, seconds| options.max_lifetime(Duration::from_secs(seconds))),
        (given.max_archive_entries, &Options::max_archive_entries),
        (given.max_archive_bytes, &Options::max_archive_bytes),
        (given.drive_archive_quota_bytes, &Options::drive_archive_quota),
        (given.share_archive_quota_bytes, &Options::share_archive_quota),
        (given.lock_timeout_ms, &|options, ms| options.lock_timeout(Duration::from_millis(ms))),
    ];
    for (value, set) in numbers {
        if value != 0 {
            options = set(options, value);
        }
    }
    Ok(options)
}

/// Opens the store in a directory, creating it if it does not exist; for reading, where the directory
/// takes no writes. The same directory opened twice in a process is one store. The path is of any bytes
/// but NUL. Codes: READ; LOCKED when another process has it open in a mode that excludes this one;
/// NOT_FOUND when there is none and none may be created; INVALID_ARGUMENT for a foreign directory or a
/// bad option; UNSUPPORTED when a later version made it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_open(
    path: *const c_char,
    path_len_bytes: usize,
    options: *const holdall_open_options,
    store: *mut *mut holdall_store,
) -> i32 {
    entry!(caller => {
        let out = caller.out("the output for the store", store)?;
        let path = caller.os_path("the path of the store", path, path_len_bytes)?;
        let options = self::options(caller, options)?;
        out.hand(Store::open(path, options)?)
    })
}

/// Closes the store for all its handles, after a last checkpoint. Bodies and replies stay valid; other uses return
/// INVALID_ARGUMENT. The handles must still be freed. Codes: IO when the checkpoint fails; nothing is lost.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_store_close(store: *const holdall_store) -> i32 {
    entry!(caller of store => caller.get(store)?.close())
}
