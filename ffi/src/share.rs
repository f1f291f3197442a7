//! Shares and their visitors.

use std::ffi::c_char;
use std::time::Duration;

use holdall::{Drive, Share, ShareId, Visit};

use crate::archive::{create, holdall_archive_options, holdall_string, paths};
use crate::drive::holdall_drive;
use crate::page::{Page, holdall_page};
use crate::pointer::{entry, handle};
use crate::record::{holdall_archive, holdall_file, holdall_share};
use crate::reply::address;
use crate::sized::records;
use crate::store::holdall_store;
use crate::text::holdall_text;
use crate::url::{holdall_url_options, sign};

/// A visitor admitted to a share.
pub struct holdall_visit {
    _opaque: [u8; 0],
}

handle!(holdall_visit: Visit);

/// The host asks a visitor for a ticket before a download starts.
pub const HOLDALL_SHARE_PURCHASE: u32 = 1;

/// Options for a share. 0 or NULL selects the default: no password, expiry or limit.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_share_options {
    /// sizeof this
    pub size: usize,
    /// HOLDALL_SHARE_* combined with |.
    pub flags: u32,
    /// The password that a visitor must give.
    pub password: *const c_char,
    /// Its length.
    pub password_len_bytes: usize,
    /// The share's lifetime.
    pub lifetime_s: u64,
    /// The downloads after which the share ends; an archive counts as one.
    pub max_downloads: u64,
}

records!(holdall_share_options { size, flags, password, password_len_bytes, lifetime_s, max_downloads },);

/// Shares what is at a path. Codes: PATH, WRITE; INVALID_ARGUMENT when an option is invalid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_share_create(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    options: *const holdall_share_options,
    share: *mut holdall_share,
) -> i32 {
    entry!(caller of drive => {
        let (out, given) = (caller.record(share)?, caller.options(options)?);
        let mut terms = Share::new();
        if let Some(password) = caller.optional("the password", given.password, given.password_len_bytes)? {
            terms = terms.password(password);
        }
        if given.lifetime_s != 0 {
            terms = terms.expires_in(Duration::from_secs(given.lifetime_s));
        }
        if given.max_downloads != 0 {
            terms = terms.max_downloads(given.max_downloads);
        }
        if caller.flags(given.flags, HOLDALL_SHARE_PURCHASE)? != 0 {
            terms = terms.purchase();
        }
        let share = |drive: &Drive, path: &str| drive.share(path, &terms);
        out.put(holdall_share::of(&caller.at(drive, (path, path_len_bytes), share)?))
    })
}

/// Lists the shares of what is at a path, oldest first.
/// Codes: PATH, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_share_list(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    shares: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.out("the output for the page", shares)?;
        out.hand(Page::Shares(caller.at(drive, (path, path_len_bytes), Drive::shares)?))
    })
}

/// Invalidates every URL issued through a share; the share remains. Codes: NOT_FOUND, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_share_revoke(store: *const holdall_store, share_id: u64) -> i32 {
    entry!(caller of store => caller.get(store)?.revoke_share(ShareId(share_id)))
}

/// Deletes the share. Codes: NOT_FOUND, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_share_remove(store: *const holdall_store, share_id: u64) -> i32 {
    entry!(caller of store => caller.get(store)?.unshare(ShareId(share_id)))
}

/// Lets a visitor into a share; NULL is no password. Wrong ones have a limit, of all and of a client's address, which
/// may be NULL. Codes: NOT_FOUND, READ; DENIED for a wrong, a missing or too many passwords; EXPIRED, GONE, also later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_visit_open(
    store: *const holdall_store,
    share_id: u64,
    password: *const c_char,
    password_len_bytes: usize,
    client: *const c_char,
    client_len_bytes: usize,
    visit: *mut *mut holdall_visit,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the visit", visit)?;
        let password = caller.optional("the password", password, password_len_bytes)?;
        let client = address(caller, client, client_len_bytes)?;
        out.hand(caller.get(store)?.visit_from(ShareId(share_id), password, client)?)
    })
}

/// The share as of the visit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_visit_share(visit: *const holdall_visit, share: *mut holdall_share) -> i32 {
    entry!(caller of visit => {
        let out = caller.record(share)?;
        out.put(holdall_share::of(caller.get(visit)?.info()))
    })
}

/// Describes what is at a path in the share; "" is the shared item itself. Codes: PATH, READ; EXPIRED,
/// GONE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_visit_stat(
    visit: *const holdall_visit,
    path: *const c_char,
    path_len_bytes: usize,
    file: *mut holdall_file,
) -> i32 {
    entry!(caller of visit => {
        let out = caller.record(file)?;
        out.put(holdall_file::of(&caller.at(visit, (path, path_len_bytes), Visit::stat)?)?)
    })
}

/// Lists a folder in the share, as holdall_folder_list does.
/// Codes: PATH, READ; EXPIRED, GONE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_visit_list(
    visit: *const holdall_visit,
    path: *const c_char,
    path_len_bytes: usize,
    after: *const c_char,
    after_len_bytes: usize,
    limit: usize,
    rows: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of visit => {
        let out = caller.out("the output for the page", rows)?;
        let after = caller.optional("the cursor", after, after_len_bytes)?;
        let list = |visit: &Visit, path: &str| visit.list(path, after, limit);
        out.hand(Page::Rows(caller.at(visit, (path, path_len_bytes), list)?))
    })
}

/// Counts a download; signs a URL that expires with the share. Codes: PATH, WRITE; EXPIRED, GONE; as
/// holdall_url_version.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_visit_url(
    visit: *const holdall_visit,
    path: *const c_char,
    path_len_bytes: usize,
    options: *const holdall_url_options,
    url: *mut *mut holdall_text,
) -> i32 {
    entry!(caller of visit => {
        let (out, given) = (caller.out("the output for the URL", url)?, caller.options(options)?);
        let begun = caller.at(visit, (path, path_len_bytes), Visit::url)?;
        out.hand(sign(caller, begun, given)?)
    })
}

/// Counts a download; creates an archive that expires with the share. Codes: as
/// holdall_archive_create; EXPIRED, GONE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_visit_archive(
    visit: *const holdall_visit,
    paths: *const holdall_string,
    count: usize,
    options: *const holdall_archive_options,
    archive: *mut holdall_archive,
) -> i32 {
    entry!(caller of visit => {
        let out = caller.record(archive)?;
        let begun = caller.get(visit)?.archive(self::paths(caller, paths, count)?)?;
        out.put(create(caller, begun, options)?)
    })
}
