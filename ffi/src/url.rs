//! The C functions that make, verify and revoke URLs.

use std::ffi::c_char;
use std::time::Duration;

use holdall::token::Network;
use holdall::{ArchiveId, Drive, FileId, Result, Url, VersionId};

use crate::code::c_text;
use crate::drive::holdall_drive;
use crate::pointer::{Caller, entry};
use crate::sized::records;
use crate::store::holdall_store;
use crate::text::holdall_text;

/// Lets a browser show the content, if its type is harmless.
pub const HOLDALL_URL_INLINE: u32 = 1;
/// Valid until it is revoked or its key is removed. Use with care.
pub const HOLDALL_URL_NEVER_EXPIRES: u32 = 2;
/// Lets shared caches keep the reply while the URL is valid.
pub const HOLDALL_URL_PUBLIC_CACHE: u32 = 4;
/// The form of Cloudreve v4: no network, use limit, media type or revocation.
pub const HOLDALL_URL_CLOUDREVE: u32 = 8;

/// Options for a URL. 0 or NULL selects the default: 15 minutes, saved under the file's own name and
/// type.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_url_options {
    /// sizeof this
    pub size: usize,
    /// HOLDALL_URL_* combined with |.
    pub flags: u32,
    /// How many downloads: each by one client, in 24 hours and 4 times its length; 0 is any number.
    pub max_uses: u32,
    /// Instead: how many GET requests with content, ranges alike; 0 is any number.
    pub max_requests: u32,
    /// How long it is valid, from now on: at most the store's limit.
    pub lifetime_s: u64,
    /// Rounds the expiry up to a multiple of this, so that equal calls within it give one URL.
    pub window_s: u64,
    /// The rate limit that the host is asked to keep.
    pub pace_bytes_per_s: u64,
    /// The name to save it under.
    pub name: *const c_char,
    /// Its length.
    pub name_len_bytes: usize,
    /// The media type to serve it as.
    pub media_type: *const c_char,
    /// Its length.
    pub media_type_len_bytes: usize,
    /// Serves only clients in this network, such as "192.0.2.0/24".
    pub network: *const c_char,
    /// Its length.
    pub network_len_bytes: usize,
    /// Overrides the policy of the store.
    pub cross_origin: *const c_char,
    /// Its length.
    pub cross_origin_len_bytes: usize,
}

records!(holdall_url_options {
    size,
    flags,
    max_uses,
    max_requests,
    lifetime_s,
    window_s,
    pace_bytes_per_s,
    name,
    name_len_bytes,
    media_type,
    media_type_len_bytes,
    network,
    network_len_bytes,
    cross_origin,
    cross_origin_len_bytes
},);

/// Makes the URL that the options ask for.
pub(crate) fn sign(caller: &Caller, mut url: Url, given: holdall_url_options) -> Result<std::ffi::CString> {
    let known =
        HOLDALL_URL_INLINE | HOLDALL_URL_NEVER_EXPIRES | HOLDALL_URL_PUBLIC_CACHE | HOLDALL_URL_CLOUDREVE;
    let flags = caller.flags(given.flags, known)?;
    if flags & HOLDALL_URL_INLINE != 0 {
        url = url.inline();
    }
    if flags & HOLDALL_URL_NEVER_EXPIRES != 0 {
        url = url.never_expires();
    }
    if flags & HOLDALL_URL_PUBLIC_CACHE != 0 {
        url = url.public_cache();
    }
    if given.max_uses != 0 {
        url = url.max_uses(given.max_uses);
    }
    if given.max_requests != 0 {
        url = url.max_requests(given.max_requests);
    }
    if given.lifetime_s != 0 {
        url = url.expires_in(Duration::from_secs(given.lifetime_s));
    }
    if given.window_s != 0 {
        url = url.stable_for(Duration::from_secs(given.window_s));
    }
    if given.pace_bytes_per_s != 0 {
        url = url.pace(given.pace_bytes_per_s);
    }
    if let Some(name) = caller.optional("the name", given.name, given.name_len_bytes)? {
        url = url.name(name);
    }
    if let Some(media_type) =
        caller.optional("the media type", given.media_type, given.media_type_len_bytes)?
    {
        url = url.media_type(media_type);
    }
    if let Some(network) = caller.optional("the network", given.network, given.network_len_bytes)? {
        url = url.network(network.parse::<Network>()?);
    }
    let policy =
        caller.optional("the cross-origin policy", given.cross_origin, given.cross_origin_len_bytes)?;
    if let Some(policy) = policy {
        url = url.cross_origin(policy.parse()?);
    }
    let signed = if flags & HOLDALL_URL_CLOUDREVE != 0 { url.sign_cloudreve() } else { url.sign() };
    Ok(c_text(signed?))
}

/// Makes a URL of one version: the same bytes whatever becomes of the file. Codes: VERSION, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_url_version(
    store: *const holdall_store,
    version_id: u64,
    options: *const holdall_url_options,
    url: *mut *mut holdall_text,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the URL", url)?;
        let begun = caller.get(store)?.url(VersionId(version_id));
        out.hand(sign(caller, begun, caller.options(options)?)?)
    })
}

/// Signs a URL of the file at a path; it serves the version current at its use. Codes: PATH;
/// as holdall_url_version.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_url_at_path(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    options: *const holdall_url_options,
    url: *mut *mut holdall_text,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.out("the output for the URL", url)?;
        let begun = caller.at(drive, (path, path_len_bytes), Drive::url)?;
        out.hand(sign(caller, begun, caller.options(options)?)?)
    })
}

/// Makes a URL of a file by its id, wherever it lies. Codes: as holdall_url_version; NOT_FOUND; GONE when deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_url_by_id(
    store: *const holdall_store,
    file_id: u64,
    options: *const holdall_url_options,
    url: *mut *mut holdall_text,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the URL", url)?;
        let begun = caller.get(store)?.url_of_file(FileId(file_id));
        out.hand(sign(caller, begun, caller.options(options)?)?)
    })
}

/// Signs a URL of an archive, which it does not outlive. Codes: as holdall_url_version;
/// NOT_FOUND; EXPIRED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_url_archive(
    store: *const holdall_store,
    archive_id: u64,
    options: *const holdall_url_options,
    url: *mut *mut holdall_text,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the URL", url)?;
        let begun = caller.get(store)?.url_of_archive(ArchiveId(archive_id));
        out.hand(sign(caller, begun, caller.options(options)?)?)
    })
}
