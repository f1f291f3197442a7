//! Versions, files and what is revoked, by their ids.

use holdall::{FileId, VersionId};

use crate::body::holdall_body;
use crate::code::c_text;
use crate::pointer::entry;
use crate::record::{holdall_file, holdall_version};
use crate::store::holdall_store;
use crate::text::holdall_text;

/// Describes a file or folder by id, wherever it is. Codes: NOT_FOUND, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_find(
    store: *const holdall_store,
    file_id: u64,
    file: *mut holdall_file,
) -> i32 {
    entry!(caller of store => {
        let out = caller.record(file)?;
        out.put(holdall_file::of(&caller.get(store)?.file(FileId(file_id))?)?)
    })
}

/// Returns the path of a file or folder in its drive. Codes: READ; NOT_FOUND, also for an item in the
/// trash.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_path(
    store: *const holdall_store,
    file_id: u64,
    path: *mut *mut holdall_text,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the path", path)?;
        let found = caller.get(store)?.path_of(FileId(file_id))?;
        let gone = || holdall::Error::new(holdall::ErrorKind::NotFound, "it is in the trash and has no path");
        out.hand(c_text(found.ok_or_else(gone)?))
    })
}

/// Invalidates all URLs of a file. Codes: NOT_FOUND, WRITE; INVALID_ARGUMENT for a folder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_revoke(store: *const holdall_store, file_id: u64) -> i32 {
    entry!(caller of store => caller.get(store)?.revoke_file(FileId(file_id)))
}

/// Describes a version. Codes: VERSION, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_version_stat(
    store: *const holdall_store,
    version_id: u64,
    version: *mut holdall_version,
) -> i32 {
    entry!(caller of store => {
        let out = caller.record(version)?;
        out.put(holdall_version::of(&caller.get(store)?.version(VersionId(version_id))?)?)
    })
}

/// Opens the content of a version.
/// Codes: VERSION, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_version_open(
    store: *const holdall_store,
    version_id: u64,
    body: *mut *mut holdall_body,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the body", body)?;
        out.hand(caller.get(store)?.open_version(VersionId(version_id))?)
    })
}

/// Makes an older version the current one, without copying. Codes: VERSION, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_version_set_current(store: *const holdall_store, version_id: u64) -> i32 {
    entry!(caller of store => caller.get(store)?.set_current(VersionId(version_id)))
}

/// Removes a version that is not the current one.
/// Codes: VERSION, WRITE; INVALID_ARGUMENT for the current one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_version_remove(store: *const holdall_store, version_id: u64) -> i32 {
    entry!(caller of store => caller.get(store)?.remove_version(VersionId(version_id)))
}

/// Exempts a version from the version limit, or, with 0, no longer. Codes: VERSION, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_version_keep(
    store: *const holdall_store,
    version_id: u64,
    keep: i32,
) -> i32 {
    entry!(caller of store => caller.get(store)?.keep(VersionId(version_id), keep != 0))
}

/// Invalidates its URLs. Codes: VERSION, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_version_revoke(store: *const holdall_store, version_id: u64) -> i32 {
    entry!(caller of store => caller.get(store)?.revoke_version(VersionId(version_id)))
}
