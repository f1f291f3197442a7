//! The C functions about drives.

use std::ffi::c_char;

use holdall::{Drive, Error, ErrorKind};

use crate::pointer::{entry, handle};
use crate::record::holdall_drive_info;
use crate::store::holdall_store;

/// A named tree of files.
pub struct holdall_drive {
    _opaque: [u8; 0],
}

handle!(holdall_drive: Drive);

/// Opens a drive by name, creating it if it does not exist. The drive keeps its store open. Codes: PATH,
/// WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_drive_open(
    store: *const holdall_store,
    name: *const c_char,
    name_len_bytes: usize,
    drive: *mut *mut holdall_drive,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the drive", drive)?;
        let name = caller.text("the name of the drive", name, name_len_bytes)?;
        out.hand(caller.get(store)?.drive(name)?)
    })
}

/// Opens an existing drive by name. Codes: NOT_FOUND, READ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_drive_find(
    store: *const holdall_store,
    name: *const c_char,
    name_len_bytes: usize,
    drive: *mut *mut holdall_drive,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the drive", drive)?;
        let name = caller.text("the name of the drive", name, name_len_bytes)?;
        let none = || Error::new(ErrorKind::NotFound, format!("there is no drive '{}'", name.escape_debug()));
        out.hand(caller.get(store)?.find_drive(name)?.ok_or_else(none)?)
    })
}

/// Describes a drive. Codes: READ; NOT_FOUND when it was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_drive_stat(
    drive: *const holdall_drive,
    info: *mut holdall_drive_info,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.record(info)?;
        out.put(holdall_drive_info::of(&caller.get(drive)?.info()?)?)
    })
}

/// Sets how many versions a file keeps besides the marked ones; 0 is all. Codes: WRITE; NOT_FOUND when it
/// was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_drive_set_max_versions(
    drive: *const holdall_drive,
    max_versions: u32,
) -> i32 {
    entry!(caller of drive => caller.get(drive)?.set_max_versions(max_versions))
}

/// Invalidates every URL into the drive. Codes: WRITE; NOT_FOUND when it was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_drive_revoke(drive: *const holdall_drive) -> i32 {
    entry!(caller of drive => caller.get(drive)?.revoke())
}
