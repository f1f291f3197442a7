//! Files and folders, by their paths.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_void};

use holdall::{AttributeMatch, CopyVersions, Drive, Error, ErrorKind, FileInfo, Result, VersionId};

use crate::body::holdall_body;
use crate::callback::holdall_walk;
use crate::code::c_text;
use crate::drive::holdall_drive;
use crate::lines::{Lines, holdall_header};
use crate::page::{Page, holdall_page};
use crate::pointer::entry;
use crate::record::{holdall_file, holdall_row, holdall_version};

/// Replaces a file at the new path; without this flag the call returns HOLDALL_EXISTS.
pub const HOLDALL_RENAME_REPLACE: u32 = 1;
/// Copies all versions, not just the current one.
pub const HOLDALL_COPY_ALL: u32 = 1;

/// What is found by an attribute is read in pages of so many.
const PAGE: usize = 500;

/// Describes what is at a path; "" is the root. `version` may be NULL; for a folder its id is 0. Codes:
/// PATH, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_stat(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    file: *mut holdall_file,
    version: *mut holdall_version,
) -> i32 {
    entry!(caller of drive => {
        let (out, second) = (caller.record(file)?, caller.optional_record(version)?);
        let info = caller.at(drive, (path, path_len_bytes), Drive::stat)?;
        let found = holdall_file::of(&info)?;
        second.put(match &info.current {
            Some(current) => holdall_version::of(current)?,
            None => caller.options(std::ptr::null())?,
        })?;
        out.put(found)
    })
}

/// Opens the current content of the file at a path.
/// Codes: PATH, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_open(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    body: *mut *mut holdall_body,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.out("the output for the body", body)?;
        out.hand(caller.at(drive, (path, path_len_bytes), Drive::open_file)?)
    })
}

/// Creates a folder and its parents. `file_id` may be NULL. Codes: PATH, WRITE; EXISTS for a file in the
/// way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_folder_make(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    file_id: *mut u64,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.optional_out("the output for the id", file_id)?;
        out.put(caller.at(drive, (path, path_len_bytes), Drive::mkdir)?.0)
    })
}

/// Lists at most `limit` rows of a folder in byte order of their names, starting after the name `after`:
/// NULL at first, then the last name of the previous page. A page shorter than the limit is the last.
/// Codes: PATH, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_folder_list(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    after: *const c_char,
    after_len_bytes: usize,
    limit: usize,
    rows: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.out("the output for the page", rows)?;
        let after = caller.optional("the cursor", after, after_len_bytes)?;
        let list = |drive: &Drive, path: &str| drive.list(path, after, limit);
        out.hand(Page::Rows(caller.at(drive, (path, path_len_bytes), list)?))
    })
}

/// Calls back for everything below a folder, each folder before its contents. Concurrent changes may or
/// may not show; nothing is blocked. Codes: PATH, READ; the callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_folder_walk(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    callback: holdall_walk,
    context: *mut c_void,
) -> i32 {
    entry!(caller of drive => {
        let visitor = caller.visitor(callback, context)?;
        let show = |path: &str, row: &_| visitor.show(&c_text(path), holdall_row::of(row)?).map(|()| true);
        caller.at(drive, (path, path_len_bytes), |drive, path| drive.walk(path, show))
    })
}

/// Lists at most `limit` versions of a file, newest first, older than the version `before`: 0 for the
/// first page, then the last id of the previous page. Codes: PATH, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_versions(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    before: u64,
    limit: usize,
    versions: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.out("the output for the page", versions)?;
        let before = Some(before).filter(|id| *id != 0).map(VersionId);
        let list = |drive: &Drive, path: &str| drive.versions(path, before, limit);
        out.hand(Page::Versions(caller.at(drive, (path, path_len_bytes), list)?))
    })
}

/// Renames or moves what is at `from` to `to`, creating missing folders. Flags: HOLDALL_RENAME_REPLACE.
/// Codes: PATH, WRITE; EXISTS when something at `to` may not or cannot be replaced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_rename(
    drive: *const holdall_drive,
    from: *const c_char,
    from_len_bytes: usize,
    to: *const c_char,
    to_len_bytes: usize,
    flags: u32,
) -> i32 {
    entry!(caller of drive => {
        let to = caller.text("the new path", to, to_len_bytes)?;
        let replace = caller.flags(flags, HOLDALL_RENAME_REPLACE)? != 0;
        caller.at(drive, (from, from_len_bytes), |drive, from| drive.rename(from, to, replace)).map(drop)
    })
}

/// Copies what is at `from` to `to`, sharing content; a crash may leave part of a folder copied. Flags:
/// HOLDALL_COPY_ALL. `file_id` may be NULL. Codes: PATH, WRITE; EXISTS when something is at `to`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_copy(
    drive: *const holdall_drive,
    from: *const c_char,
    from_len_bytes: usize,
    to: *const c_char,
    to_len_bytes: usize,
    flags: u32,
    file_id: *mut u64,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.optional_out("the output for the id", file_id)?;
        let to = caller.text("the new path", to, to_len_bytes)?;
        let all = caller.flags(flags, HOLDALL_COPY_ALL)? != 0;
        let what = if all { CopyVersions::All } else { CopyVersions::Current };
        out.put(caller.at(drive, (from, from_len_bytes), |drive, from| drive.copy(from, to, what))?.0)
    })
}

/// Permanently deletes what is at a path, a folder with everything in it. Codes: PATH, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_delete(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
) -> i32 {
    entry!(caller of drive => caller.at(drive, (path, path_len_bytes), Drive::delete))
}

/// Replaces the host's attributes of a file: at most 4096, and 64 KiB in total. Codes: PATH, WRITE;
/// TOO_LARGE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_set_attributes(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    attributes: *const holdall_header,
    count: usize,
) -> i32 {
    entry!(caller of drive => {
        let mut taken = BTreeMap::new();
        for pair in caller.array("the attributes", attributes, count)? {
            let name = caller.text("the name of an attribute", pair.name, pair.name_len_bytes)?;
            let value = caller.text("the value of an attribute", pair.value, pair.value_len_bytes)?;
            taken.insert(name.to_owned(), value.to_owned());
        }
        caller.at(drive, (path, path_len_bytes), |drive, path| drive.set_attributes(path, taken))
    })
}

/// Lists the host's attributes of a file, in order of their names. Codes: PATH, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_attributes(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    attributes: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.out("the output for the page", attributes)?;
        let info = caller.at(drive, (path, path_len_bytes), Drive::stat)?;
        out.hand(Page::Pairs(Lines::new(info.attributes)))
    })
}

/// Calls back for everything below a folder with an attribute of that name whose value begins with the
/// value given, in order of the value; not for the trash. Codes: as holdall_folder_walk.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_file_find_by_attribute(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    attribute: *const holdall_header,
    callback: holdall_walk,
    context: *mut c_void,
) -> i32 {
    entry!(caller of drive => {
        let visitor = caller.visitor(callback, context)?;
        let attribute = caller.array("the attribute", attribute, 1)?.first();
        let attribute = attribute.ok_or_else(|| Error::new(ErrorKind::InvalidArgument, "no attribute is given"))?;
        let name = caller.text("the name of an attribute", attribute.name, attribute.name_len_bytes)?;
        let value = caller.text("the value of an attribute", attribute.value, attribute.value_len_bytes)?;
        let search = |drive: &Drive, path: &str| find(drive, path, (name, value), |path, info| {
            visitor.show(&c_text(path), holdall_row::of_file(info)?)
        });
        caller.at(drive, (path, path_len_bytes), search)
    })
}

/// Shows what is found by an attribute, page by page, until the visitor fails.
fn find(
    drive: &Drive,
    path: &str,
    (name, value): (&str, &str),
    show: impl Fn(&str, &FileInfo) -> Result<()>,
) -> Result<()> {
    let mut last: Option<AttributeMatch> = None;
    loop {
        let page = drive.find_by_attribute(path, name, value, last.as_ref(), PAGE)?;
        for found in &page {
            match drive.store().file(found.file) {
                Ok(info) => show(&found.path, &info)?,
                // It was deleted since.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        last = match page.into_iter().next_back() {
            Some(found) => Some(found),
            None => return Ok(()),
        };
    }
}
