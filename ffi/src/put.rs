//! Putting content from memory, files and descriptors.

use std::ffi::{c_char, c_void};
use std::io::Read;

use bytes::Bytes;
use holdall::{Drive, Error, ErrorKind, Expect, Put, Result, Time, VersionId, VersionInfo};

use crate::callback::holdall_progress;
use crate::drive::holdall_drive;
use crate::page::{Page, holdall_page};
use crate::pointer::{Caller, Progress, entry};
use crate::record::holdall_version;
use crate::sized::records;

/// Anything but a folder: an existing file gets another version.
pub const HOLDALL_EXPECT_ANY: i32 = 0;
/// Nothing may be at the path.
pub const HOLDALL_EXPECT_ABSENT: i32 = 1;
/// The file at the path must have the current version expected_version_id.
pub const HOLDALL_EXPECT_VERSION: i32 = 2;

/// Options for a put. 0 or NULL selects the default.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_put_options {
    /// sizeof this
    pub size: usize,
    /// HOLDALL_EXPECT_*: what must be at the path, or the put is refused.
    pub expect: i32,
    /// With HOLDALL_EXPECT_VERSION.
    pub expected_version_id: u64,
    /// By default it follows from the name.
    pub media_type: *const c_char,
    /// Its length.
    pub media_type_len_bytes: usize,
    /// The content's modification time; now by default.
    pub modified_unix_us: *const i64,
    /// The length that the content must have.
    pub len_bytes: *const u64,
    /// The SHA-1 that the content must have, 20 bytes.
    pub sha1: *const u8,
    /// The BLAKE3 that the content must have, 32 bytes.
    pub blake3: *const u8,
    /// Reports the progress of the put.
    pub progress: holdall_progress,
    /// Handed to it.
    pub progress_context: *mut c_void,
    /// Whether it may be run: its mode is 0755 in an archive then, otherwise 0644.
    pub executable: bool,
    /// When the content was made; now by default.
    pub created_unix_us: *const i64,
}

/// A path and its content, for holdall_put_many. Its layout never changes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_item {
    /// The path.
    pub path: *const c_char,
    /// Its length.
    pub path_len_bytes: usize,
    /// The content.
    pub data: *const c_void,
    /// Its length.
    pub data_len_bytes: usize,
}

records!(holdall_put_options {
    size,
    expect,
    expected_version_id,
    media_type,
    media_type_len_bytes,
    modified_unix_us,
    len_bytes,
    sha1,
    blake3,
    progress,
    progress_context,
    executable,
    created_unix_us
},);

/// Reads the options, and the callback for progress.
pub(crate) fn options(caller: &Caller, given: *const holdall_put_options) -> Result<(Put, Progress<'_>)> {
    let given = caller.options(given)?;
    let mut put = Put::new().expect(match given.expect {
        HOLDALL_EXPECT_ANY => Expect::Any,
        HOLDALL_EXPECT_ABSENT => Expect::Absent,
        HOLDALL_EXPECT_VERSION => Expect::Current(VersionId(given.expected_version_id)),
        other => {
            let message = format!("{other} is not a HOLDALL_EXPECT that this library knows");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
    });
    let media_type = caller.optional("the media type", given.media_type, given.media_type_len_bytes)?;
    if let Some(media_type) = media_type {
        put = put.media_type(media_type);
    }
    if let Some(modified) = caller.value("the time of modification", given.modified_unix_us)? {
        put = put.modified(Time(modified));
    }
    if let Some(created) = caller.value("the time of creation", given.created_unix_us)? {
        put = put.created(Time(created));
    }
    if let Some(len) = caller.value("the declared length", given.len_bytes)? {
        put = put.len(len);
    }
    if let Some(sha1) = caller.value("the declared SHA-1", given.sha1.cast())? {
        put = put.sha1(sha1);
    }
    if let Some(blake3) = caller.value("the declared BLAKE3", given.blake3.cast())? {
        put = put.blake3(blake3);
    }
    put = put.executable(given.executable);
    Ok((put, caller.progress(given.progress, given.progress_context)))
}

fn put(
    drive: &Drive,
    path: &str,
    put: Put,
    source: &mut dyn Read,
    tell: impl Fn(u64) -> Result<()>,
) -> Result<VersionInfo> {
    let mut writer = drive.put_writer(path, put)?;
    while writer.read_from(source)? > 0 {
        tell(writer.len())?;
    }
    writer.commit()
}

/// Puts content from memory at a path. An existing file gets a new current version; missing folders are
/// created. The content is durable when this returns. `version` may be NULL. Codes: PATH, WRITE; EXISTS
/// when a folder is there, or anything under HOLDALL_EXPECT_ABSENT; MISMATCH when the content or the file
/// is not as declared; TOO_LARGE beyond the store's limit; the callback's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_put_memory(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    data: *const c_void,
    data_len_bytes: usize,
    options: *const holdall_put_options,
    version: *mut holdall_version,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.optional_record(version)?;
        let path = caller.text("the path", path, path_len_bytes)?;
        let mut data = caller.bytes("the content", data, data_len_bytes)?;
        let total = u64::try_from(data.len()).unwrap_or(u64::MAX);
        let (said, progress) = self::options(caller, options)?;
        let done = put(&*caller.get(drive)?, path, said, &mut data, |done| progress.tell(done, total))?;
        out.put(holdall_version::of(&done)?)
    })
}

/// Puts a file of the file system at a path. Codes: as holdall_put_memory; IO when it cannot be opened or
/// read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_put_file(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    source: *const c_char,
    source_len_bytes: usize,
    options: *const holdall_put_options,
    version: *mut holdall_version,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.optional_record(version)?;
        let path = caller.text("the path", path, path_len_bytes)?;
        let source = caller.os_path("the source", source, source_len_bytes)?;
        let doing = |cause| Error::io(format!("opening {}", source.display()), cause);
        let mut source = std::fs::File::open(source).map_err(doing)?;
        let total = source.metadata().map_or(0, |found| found.len());
        let (said, progress) = self::options(caller, options)?;
        let done = put(&*caller.get(drive)?, path, said, &mut source, |done| progress.tell(done, total))?;
        out.put(holdall_version::of(&done)?)
    })
}

/// Puts what a file descriptor yields from its current position to its end, as holdall_put_memory does.
/// It may be a pipe or a blocking socket, and stays open. Codes: as holdall_put_memory; IO when it cannot
/// be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_put_fd(
    drive: *const holdall_drive,
    path: *const c_char,
    path_len_bytes: usize,
    fd: i32,
    options: *const holdall_put_options,
    version: *mut holdall_version,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.optional_record(version)?;
        let path = caller.text("the path", path, path_len_bytes)?;
        let source = caller.file(fd)?;
        let (said, progress) = self::options(caller, options)?;
        let done = put(&*caller.get(drive)?, path, said, &mut &*source, |done| progress.tell(done, 0))?;
        out.put(holdall_version::of(&done)?)
    })
}

/// Puts many contents at once, at most 16 MiB in total: all of them or none, with a single sync. The
/// options apply to each. `versions` receives the versions in order; it may be NULL. Codes: as
/// holdall_put_memory; TOO_LARGE when the total is longer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdall_put_many(
    drive: *const holdall_drive,
    items: *const holdall_item,
    count: usize,
    options: *const holdall_put_options,
    versions: *mut *mut holdall_page,
) -> i32 {
    entry!(caller of drive => {
        let out = caller.optional_out("the output for the page", versions)?;
        let mut taken = Vec::new();
        for item in caller.array("the items", items, count)? {
            let path = caller.text("the path", item.path, item.path_len_bytes)?;
            let data = caller.bytes("the content", item.data, item.data_len_bytes)?;
            taken.push((path.to_owned(), Bytes::copy_from_slice(data)));
        }
        let done = caller.get(drive)?.put_many(taken, &self::options(caller, options)?.0)?;
        out.hand(Page::Versions(done))
    })
}
