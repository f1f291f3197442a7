//! The C functions about archives.

use std::ffi::{c_char, c_void};
use std::io::{self, Write};
use std::time::Duration;

use holdall::{Archive, ArchiveId, Error, Result, VersionId};

use crate::body::holdall_body;
use crate::callback::holdall_sink;
use crate::drive::holdall_drive;
use crate::pointer::{Caller, Sink, entry};
use crate::record::holdall_archive;
use crate::sized::records;
use crate::store::holdall_store;

/// A text with its length. Its layout never changes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_string {
    /// The text, UTF-8.
    pub data: *const c_char,
    /// Its length.
    pub len_bytes: usize,
}

/// Options for an archive. 0 or NULL selects the default.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_archive_options {
    /// sizeof this
    pub size: usize,
    /// The name of the download; "archive.zip" by default.
    pub name: *const c_char,
    /// Its length.
    pub name_len_bytes: usize,
    /// The archive's lifetime: 15 minutes by default, at most the store's grace period.
    pub lifetime_s: u64,
    /// The offset from UTC for readers that show only the local time of a zip: -1439 to 1439 minutes.
    pub utc_offset_min: i32,
}

records!(holdall_archive_options { size, name, name_len_bytes, lifetime_s, utc_offset_min },);

/// Takes paths.
pub(crate) fn paths(caller: &Caller, paths: *const holdall_string, count: usize) -> Result<Vec<&str>> {
    let taken = caller.array("the paths", paths, count)?;
    taken.iter().map(|path| caller.text("a path", path.data, path.len_bytes)).collect()
}

/// Makes the archive that the options ask for.
pub(crate) fn create(
    caller: &Caller,
    mut archive: Archive,
    options: *const holdall_archive_options,
) -> Result<holdall_archive> {
    let given = caller.options(options)?;
    if let Some(name) = caller.optional("the name", given.name, given.name_len_bytes)? {
        archive = archive.name(name);
    }
    if given.lifetime_s != 0 {
        archive = archive.expires_in(Duration::from_secs(given.lifetime_s));
    }
    // What does not fit is as wrong as what is out of range.
    let minutes = i16::try_from(given.utc_offset_min).unwrap_or(i16::MAX);
    holdall_archive::of(&archive.utc_offset(minutes).create()?)
}

/// Writes into a callback, and keeps what it answered.
struct Drain<'a> {
    sink: Sink<'a>,
    failed: Option<Error>,
}

impl Write for Drain<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.take(bytes).map(|()| bytes.len()).map_err(|error| {
            self.failed = Some(error);
            io::Error::other("the callback ended the job")
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes a stored zip of what is at the paths: folders with all in them (FOLDER/. without its name). Reads no content.
/// Codes: PATH, WRITE; TOO_LARGE past the store's limits; INVALID_ARGUMENT for no path and what is out of range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_archive_create(
    drive: *const holdall_drive,
    paths: *const holdall_string,
    count: usize,
    options: *const holdall_archive_options,
    archive: *mut holdall_archive,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.record(archive)?;
        let begun = caller.get(drive)?.archive(self::paths(caller, paths, count)?)?;
        out.put(create(caller, begun, options)?)
    })
}

/// Creates an archive of given versions, each under its file's name. Codes: VERSION; as
/// holdall_archive_create.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_archive_create_of(
    drive: *const holdall_drive,
    version_ids: *const u64,
    count: usize,
    options: *const holdall_archive_options,
    archive: *mut holdall_archive,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.record(archive)?;
        let ids = caller.array("the versions", version_ids, count)?;
        let begun = caller.get(drive)?.archive_of(ids.iter().copied().map(VersionId))?;
        out.put(create(caller, begun, options)?)
    })
}

/// Describes an archive. Codes: NOT_FOUND, READ; EXPIRED when it has expired.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_archive_stat(
    store: *const holdall_store,
    archive_id: u64,
    archive: *mut holdall_archive,
) -> i32 {
    entry!(caller of store => {
        let out = caller.record(archive)?;
        out.put(holdall_archive::of(&caller.get(store)?.archive(ArchiveId(archive_id))?)?)
    })
}

/// Opens the zip of an archive.
/// Codes: as holdall_archive_stat.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_archive_open(
    store: *const holdall_store,
    archive_id: u64,
    body: *mut *mut holdall_body,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the body", body)?;
        out.hand(caller.get(store)?.open_archive(ArchiveId(archive_id))?)
    })
}

/// Computes the CRC-64/XZ of a whole zip from those of its parts, reading no content. Codes: as
/// holdall_archive_stat.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_archive_crc64(
    store: *const holdall_store,
    archive_id: u64,
    crc64: *mut u64,
) -> i32 {
    entry!(caller of store => {
        let out = caller.out("the output for the checksum", crc64)?;
        out.put(caller.get(store)?.archive_crc64(ArchiveId(archive_id))?)
    })
}

/// Writes an archive compressed into a callback: no length ahead, no resume, and after another code than OK no zip.
/// Codes: as holdall_archive_stat; the callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_archive_write_deflated(
    store: *const holdall_store,
    archive_id: u64,
    callback: holdall_sink,
    context: *mut c_void,
) -> i32 {
    entry!(caller of store => {
        let mut drain = Drain { sink: caller.sink(callback, context)?, failed: None };
        let done = caller.get(store)?.write_deflated(ArchiveId(archive_id), &mut drain);
        drain.failed.map_or(done, Err)
    })
}

/// Invalidates every URL of an archive. Codes: NOT_FOUND, WRITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_archive_revoke(store: *const holdall_store, archive_id: u64) -> i32 {
    entry!(caller of store => caller.get(store)?.revoke_archive(ArchiveId(archive_id)))
}
