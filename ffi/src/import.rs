//! Importing a Cloudreve server. It is built with the feature `import`, and has the header
//! `holdall-import.h`.

use std::ffi::{c_char, c_void};

use holdall::Result;
use holdall_import::{Cloudreve, Report};

use crate::callback::holdall_progress;
use crate::code::c_text;
use crate::pointer::{Caller, entry};
use crate::sized::records;
use crate::store::holdall_store;
use crate::text::holdall_text;

/// Leaves out single files whose content is missing or has another length.
pub const HOLDALL_IMPORT_SKIP_MISSING: u32 = 1;
/// Makes the newest readable version current where the current one cannot be read, instead of leaving
/// the file out.
pub const HOLDALL_IMPORT_OLDER_VERSIONS: u32 = 2;

/// Says that content whose path in the database begins with `old` is in the folder `new_folder`. Its
/// layout never changes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_import_map {
    /// What the path begins with.
    pub old: *const c_char,
    /// Its length.
    pub old_len_bytes: usize,
    /// The folder that the content is in now.
    pub new_folder: *const c_char,
    /// Its length.
    pub new_folder_len_bytes: usize,
}

/// Options for an import. 0 or NULL selects the default, which is enough for a default installation.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_import_options {
    /// sizeof this
    pub size: usize,
    /// HOLDALL_IMPORT_* combined with |.
    pub flags: u32,
    /// The database, or its dump as text or gzip; by default the one in the server's folder.
    pub database: *const c_char,
    /// Its length.
    pub database_len_bytes: usize,
    /// The folder of the content, by default the server's.
    pub uploads: *const c_char,
    /// Its length.
    pub uploads_len_bytes: usize,
    /// Other folders that content is in.
    pub maps: *const holdall_import_map,
    /// How many there are.
    pub map_count: usize,
    /// The key that the server signs URLs with, by default the database's.
    pub secret_key: *const c_char,
    /// Its length.
    pub secret_key_len_bytes: usize,
    /// The salt of its ids, by default the database's.
    pub hash_salt: *const c_char,
    /// Its length.
    pub hash_salt_len_bytes: usize,
    /// The master key of encrypted content in base64, by default the database's.
    pub master_key: *const c_char,
    /// Its length.
    pub master_key_len_bytes: usize,
    /// The server's UTC offset or zone, such as "+08:00": MySQL's times lack it, and not all databases tell.
    pub utc_offset: *const c_char,
    /// Its length.
    pub utc_offset_len_bytes: usize,
    /// A file to write: a line of JSON for each item that was not imported, with the cause.
    pub report: *const c_char,
    /// Its length.
    pub report_len_bytes: usize,
    /// Reports the progress of the import.
    pub progress: holdall_progress,
    /// Handed to it.
    pub progress_context: *mut c_void,
}

/// What an import did.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_import_report {
    /// sizeof this
    pub size: usize,
    /// Drives, one for each user.
    pub drives: u64,
    /// Folders.
    pub folders: u64,
    /// Files, counting the trash.
    pub files: u64,
    /// Versions of those files.
    pub versions: u64,
    /// Items in the trash.
    pub trashed: u64,
    /// Direct links.
    pub links: u64,
    /// Shares.
    pub shares: u64,
    /// Attributes of files and folders.
    pub attributes: u64,
    /// Items that were left out.
    pub left_out: u64,
    /// Settings and the like for which a store has no field.
    pub no_place: u64,
    /// Files and folders that were renamed.
    pub renamed: u64,
}

records!(
    holdall_import_options {
        size,
        flags,
        database,
        database_len_bytes,
        uploads,
        uploads_len_bytes,
        maps,
        map_count,
        secret_key,
        secret_key_len_bytes,
        hash_salt,
        hash_salt_len_bytes,
        master_key,
        master_key_len_bytes,
        utc_offset,
        utc_offset_len_bytes,
        report,
        report_len_bytes,
        progress,
        progress_context
    },
    holdall_import_report {
        size,
        drives,
        folders,
        files,
        versions,
        trashed,
        links,
        shares,
        attributes,
        left_out,
        no_place,
        renamed
    },
);

/// Sets one of the texts that a server is imported with.
type Setter = fn(Cloudreve, String) -> Cloudreve;

/// Reads the options.
fn server(caller: &Caller, folder: &std::path::Path, given: &holdall_import_options) -> Result<Cloudreve> {
    let known = HOLDALL_IMPORT_SKIP_MISSING | HOLDALL_IMPORT_OLDER_VERSIONS;
    let flags = caller.flags(given.flags, known)?;
    let mut server = Cloudreve::new(folder)
        .skip_missing(flags & HOLDALL_IMPORT_SKIP_MISSING != 0)
        .older_versions(flags & HOLDALL_IMPORT_OLDER_VERSIONS != 0);
    if !given.database.is_null() {
        let path = caller.os_path("the path of the database", given.database, given.database_len_bytes)?;
        server = server.database(path);
    }
    if !given.uploads.is_null() {
        let path = caller.os_path("the folder of the content", given.uploads, given.uploads_len_bytes)?;
        server = server.uploads(path);
    }
    for map in caller.array("the maps", given.maps, given.map_count)? {
        let old = caller.text("the beginning of a map", map.old, map.old_len_bytes)?;
        let new = caller.os_path("the folder of a map", map.new_folder, map.new_folder_len_bytes)?;
        server = server.map(old, new);
    }
    if !given.report.is_null() {
        let path = caller.os_path("the path of the report", given.report, given.report_len_bytes)?;
        server = server.report(path);
    }
    let texts: [(&str, *const c_char, usize, Setter); 4] = [
        ("the secret key", given.secret_key, given.secret_key_len_bytes, Cloudreve::secret_key),
        ("the salt of ids", given.hash_salt, given.hash_salt_len_bytes, Cloudreve::hash_salt),
        ("the master key", given.master_key, given.master_key_len_bytes, Cloudreve::master_key),
        ("the UTC offset", given.utc_offset, given.utc_offset_len_bytes, Cloudreve::utc_offset),
    ];
    for (what, text, len, set) in texts {
        if let Some(text) = caller.optional(what, text, len)? {
            server = set(server, text.to_owned());
        }
    }
    Ok(server)
}

/// Imports the Cloudreve v4 server in a folder, which must not be running, into a store that holds no
/// drive. Its files, versions, trash, links and shares are imported, and its links, shares and signed
/// URLs stay valid. A fault of the server is found before the store is changed; after a later error the
/// store holds a part of it and takes no second import: delete it. `json`, which may be NULL, is the
/// report with what was left out by cause. Codes: WRITE; NOT_FOUND when the database, its keys or content
/// are missing, with the remedy; INVALID_ARGUMENT when the database cannot be read or lacks the UTC
/// offset; UNSUPPORTED for Cloudreve v3; EXISTS when the store holds drives; MISMATCH when content changes
/// meanwhile; the callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_import_cloudreve(
    store: *const holdall_store,
    folder: *const c_char,
    folder_len_bytes: usize,
    options: *const holdall_import_options,
    report: *mut holdall_import_report,
    json: *mut *mut holdall_text,
) -> i32 {
    entry!(caller of store => {
        let (out, text) = (caller.record(report)?, caller.optional_out("the place of the json", json)?);
        let store = caller.get(store)?;
        let folder = caller.os_path("the server's folder", folder, folder_len_bytes)?;
        let given = caller.options(options)?;
        let progress = caller.progress(given.progress, given.progress_context);
        let server = self::server(caller, folder, &given)?.open()?;
        let done = server.import(&store, |now| progress.tell(now.bytes, now.total_bytes))?;
        text.hand(c_text(done.to_json().to_string()))?;
        out.put(record(&done))
    })
}

fn record(done: &Report) -> holdall_import_report {
    holdall_import_report {
        size: 0,
        drives: done.drives,
        folders: done.folders,
        files: done.files,
        versions: done.versions,
        trashed: done.trashed,
        links: done.links,
        shares: done.shares,
        attributes: done.attributes,
        left_out: done.left_out.values().sum(),
        no_place: done.no_place.values().sum(),
        renamed: done.renamed,
    }
}
