//! Versions: the immutable contents of a file, of which one is current.

use super::blob::{self, Moment, signed};
use super::counter::{self, Counter};
use super::info::VersionInfo;
use super::number::{self, NewId};
use super::record::{BlobRecord, FileRecord, Kind, NoteRecord, Record, VersionRecord};
use super::table::{BLOB, FILE, VERSION, VERSION_NOTE};
use super::tree::{self, Spot, Standing};
use super::{drive, history, index, row};
use crate::id::{BlobId, DriveId, FileId, VersionId};
use crate::kv::{Read, Scan, Write};
use crate::name::shown;
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// The most versions that one put clears away when the limit was lowered; the next put goes on.
const PRUNE: usize = 256;

/// The longest media type, in bytes.
const MAX_MEDIA_TYPE: usize = 255;

/// The longest note on a version, in bytes.
const MAX_NOTE: usize = 16 << 10;

/// What must be at the path for a put to go ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Anything but a folder: a file gets one more version.
    #[default]
    Any,
    /// Nothing.
    Absent,
    /// A file whose current version is this one (as `If-Match` of RFC 9110 section 13.1.1).
    Current(VersionId),
}

/// What is put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewVersion<'a> {
    /// The content; its length and CRC-32 are the blob's own.
    pub(crate) blob: BlobId,
    pub(crate) media_type: &'a str,
    /// How old the content is.
    pub(crate) modified: Time,
}

/// Makes the key of a version: the newest of a file sorts first.
pub(crate) fn key(version: VersionId) -> [u8; 12] {
    let mut key = [0; 12];
    let (file, number) = key.split_at_mut(8);
    file.copy_from_slice(&version.file().to_key());
    number.copy_from_slice(&(!version.number()).to_be_bytes());
    key
}

/// Reads the number of a version from what its key holds behind the file.
pub(crate) fn number(suffix: &[u8]) -> Result<u32> {
    let bytes = suffix.try_into().map_err(|_| Error::corrupt("a version's key has a wrong length"))?;
    Ok(!u32::from_be_bytes(bytes))
}

/// Returns a version and the file it is of, wherever that lies.
///
/// # Errors
/// `NotFound` when there never was one, or its file is gone; `Gone` when it was removed.
pub(crate) fn get(tx: &impl Read, id: VersionId) -> Result<(FileRecord, VersionRecord)> {
    let file = row::get::<FileRecord>(tx, FILE, &id.file().to_key())?
        .filter(|file| (1..file.next).contains(&id.number()))
        .ok_or_else(|| Error::not_found(format!("there is no version {id}")))?;
    match row::get(tx, VERSION, &key(id))? {
        Some(version) => Ok((file, version)),
        None => Err(Error::new(ErrorKind::Gone, format!("version {id} was removed"))),
    }
}

/// A version as a download needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) file: FileRecord,
    pub(crate) version: VersionRecord,
    pub(crate) blob: BlobRecord,
    /// Live or trashed.
    pub(crate) standing: Standing,
    /// As [`epoch`].
    pub(crate) epoch: u64,
}

/// Reads all that a download of a version needs.
///
/// # Errors
/// `NotFound` when there never was one; `Gone` when it was removed, or deleted with its file, a
/// folder or its drive.
pub(crate) fn open(tx: &impl Read, id: VersionId) -> Result<Opened> {
    let (file, version) = get(tx, id)?;
    let (standing, drive) = tree::standing_of(tx, id.file(), &file)?;
    let Some(drive) = drive.filter(|_| standing != Standing::Doomed) else {
        return Err(Error::new(ErrorKind::Gone, format!("version {id} was deleted with its file")));
    };
    let blob = content(tx, id, &version)?;
    let epoch = sum(&version, &file, drive.revocations);
    Ok(Opened { file, version, blob, standing, epoch })
}

/// Reads the current version of a file that lies in its tree, and its blob.
///
/// # Errors
/// `Corrupt` when one of them is not there.
pub(crate) fn current(
    tx: &impl Read,
    file: FileId,
    record: &FileRecord,
) -> Result<(VersionRecord, BlobRecord)> {
    let id = VersionId::new(file, record.current);
    let version = row::get(tx, VERSION, &key(id))?.ok_or_else(|| tree::broken(file))?;
    let blob = content(tx, id, &version)?;
    Ok((version, blob))
}

fn content(tx: &impl Read, id: VersionId, version: &VersionRecord) -> Result<BlobRecord> {
    row::get(tx, BLOB, &version.blob.to_key())?.ok_or_else(|| tree::broken(id.file()))
}

fn sum(version: &VersionRecord, file: &FileRecord, drive: u64) -> u64 {
    version.revocations.wrapping_add(file.revocations).wrapping_add(drive)
}

/// Describes a version, wherever its file lies.
///
/// # Errors
/// As [`get`].
pub(crate) fn info(tx: &impl Read, id: VersionId) -> Result<VersionInfo> {
    let (file, version) = get(tx, id)?;
    describe(tx, id, version, file.current == id.number())
}

fn describe(tx: &impl Read, id: VersionId, version: VersionRecord, current: bool) -> Result<VersionInfo> {
    let blob = content(tx, id, &version)?;
    Ok(told(id, version, &blob, current))
}

fn told(id: VersionId, version: VersionRecord, blob: &BlobRecord, current: bool) -> VersionInfo {
    VersionInfo {
        id,
        size: version.size,
        crc32: version.crc32,
        crc64: blob.crc64,
        sha1: blob.sha1,
        blake3: blob.blake3,
        media_type: version.media_type,
        created: version.created,
        modified: version.modified,
        keep: version.keep,
        current,
    }
}

/// Lists up to `limit` versions of a file, newest first, those older than `before`.
///
/// # Errors
/// `NotFound` when there is no such file, `InvalidArgument` when it is a folder.
pub(crate) fn list(
    tx: &impl Read,
    file: FileId,
    before: Option<VersionId>,
    limit: usize,
) -> Result<Vec<VersionInfo>> {
    let record = tree::get(tx, file)?;
    if record.kind == Kind::Folder {
        return Err(Error::invalid(format!("{file} is a folder and has no versions; list it")));
    }
    let before = before.map(|version| (!version.number()).to_be_bytes());
    let rows = index::page(tx, VERSION, &file.to_key(), before.as_ref().map(<[u8; 4]>::as_slice), limit)?;
    rows.iter()
        .map(|(suffix, value)| {
            let number = number(suffix)?;
            let version = VersionRecord::decode(value)?;
            describe(tx, VersionId::new(file, number), version, number == record.current)
        })
        .collect()
}

/// Puts content at a path: a version more for the file that is there, or a new file, with the
/// folders it is to lie in. The version becomes current; those that are too many then are removed.
///
/// # Errors
/// `Exists` when a folder is there, the path leads through a file, or `Absent` was expected;
/// `Mismatch` when another version than expected is current, or none; `NotFound` when there is no
/// such blob or drive; `TooLarge` when the file had 2^20 - 1 versions in its life;
/// `InvalidArgument` when the path or the media type cannot be one.
pub(crate) fn put(
    tx: &mut impl Write,
    drive: DriveId,
    path: &str,
    new: NewVersion<'_>,
    expect: Expect,
    ids: &mut impl NewId,
    moment: Moment,
) -> Result<VersionInfo> {
    let target = target(tx, drive, path, expect)?;
    put_at(tx, drive, target, new, ids, moment)
}

/// Puts content where [`target`] has found that it may go, in the same transaction.
///
/// # Errors
/// As [`put`].
pub(crate) fn put_at(
    tx: &mut impl Write,
    drive: DriveId,
    target: Target<'_>,
    new: NewVersion<'_>,
    ids: &mut impl NewId,
    moment: Moment,
) -> Result<VersionInfo> {
    check(tx, new)?;
    match target {
        Target::File(file, node) => append(tx, file, node, new, moment),
        Target::Spot(spot) => {
            let fresh = number::files(ids, spot.missing.len())?;
            let id = number::file(ids)?;
            let folder = spot.make_parents(tx, &fresh, moment.now)?;
            let mut node = tree::node(drive, folder, spot.name, Kind::File, moment.now);
            node.revocations = history::tag(tx, id.0)?;
            counter::add(tx, Counter::DriveFiles(drive), 1)?;
            append(tx, id, node, new, moment)
        }
    }
}

/// Where a put at a path goes.
#[derive(Debug)]
pub(crate) enum Target<'path> {
    /// To the file that is there.
    File(FileId, FileRecord),
    /// To a new file.
    Spot(Spot<'path>),
}

/// Finds where a put at a path goes, before the content that it needs is written.
///
/// # Errors
/// As [`put`].
pub(crate) fn target<'path>(
    tx: &impl Read,
    drive: DriveId,
    path: &'path str,
    expect: Expect,
) -> Result<Target<'path>> {
    let spot = tree::locate(tx, drive, path)?;
    match &spot.child {
        Some(found) if found.kind == Kind::Folder => Err(Error::new(
            ErrorKind::Exists,
            format!("there is a folder at {}; name a file, in it or elsewhere", shown(path)),
        )),
        Some(_) if expect == Expect::Absent => Err(tree::taken(path)),
        Some(found) => {
            let node = tree::record(tx, found.file)?;
            may_put_on(found.file, &node, expect)?;
            Ok(Target::File(found.file, node))
        }
        None => match expect {
            Expect::Current(version) => Err(Error::new(
                ErrorKind::Mismatch,
                format!("version {version} was expected at {}, and nothing is there", shown(path)),
            )),
            _ => Ok(Target::Spot(spot)),
        },
    }
}

/// Puts content to a file by id, as [`put`] does by path.
///
/// # Errors
/// As [`put`]; also `NotFound` when there is no such file, and `Gone` when it lies in the trash or
/// was deleted.
pub(crate) fn put_to(
    tx: &mut impl Write,
    file: FileId,
    new: NewVersion<'_>,
    expect: Expect,
    moment: Moment,
) -> Result<VersionInfo> {
    let node = check_put_to(tx, file, expect)?;
    check(tx, new)?;
    append(tx, file, node, new, moment)
}

/// Checks that [`put_to`] may go ahead, before the content that it needs is written.
///
/// # Errors
/// As [`put_to`].
pub(crate) fn check_put_to(tx: &impl Read, file: FileId, expect: Expect) -> Result<FileRecord> {
    let node = tree::get(tx, file)?;
    if tree::standing(tx, file)? != Standing::Live {
        return Err(Error::new(
            ErrorKind::Gone,
            format!("file {file} is in the trash or deleted; restore it or put another"),
        ));
    }
    may_put_on(file, &node, expect)?;
    Ok(node)
}

/// Checks that a file that is known to be live takes one more version.
fn may_put_on(file: FileId, node: &FileRecord, expect: Expect) -> Result<()> {
    if node.kind == Kind::Folder {
        return Err(Error::new(ErrorKind::Exists, format!("{file} is a folder; it takes no content")));
    }
    let current = VersionId::new(file, node.current);
    match expect {
        Expect::Any => {}
        Expect::Absent => {
            return Err(Error::new(ErrorKind::Exists, format!("there is a file {file} already")));
        }
        Expect::Current(version) if version == current => {}
        Expect::Current(version) => {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("version {version} was expected to be current, and {current} is; read it first"),
            ));
        }
    }
    if node.next > VersionId::MAX_NUMBER {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("file {file} had {} versions, the most there can be; copy it", VersionId::MAX_NUMBER),
        ));
    }
    Ok(())
}

fn check(tx: &impl Read, new: NewVersion<'_>) -> Result<()> {
    if new.media_type.len() > MAX_MEDIA_TYPE || new.media_type.chars().any(char::is_control) {
        return Err(Error::invalid(format!(
            "media type {} is longer than {MAX_MEDIA_TYPE} bytes or holds a control character",
            shown(new.media_type)
        )));
    }
    blob::get(tx, new.blob).map(|_| ())
}

/// Writes a version that was found to be in order, and clears away those that are too many.
fn append(
    tx: &mut impl Write,
    file: FileId,
    mut node: FileRecord,
    new: NewVersion<'_>,
    moment: Moment,
) -> Result<VersionInfo> {
    let max_versions = drive::get(tx, node.drive)?.max_versions;
    let content = blob::link(tx, new.blob)?;
    let id = VersionId::new(file, history::version_number(tx, file, node.next)?);
    let version = VersionRecord {
        blob: new.blob,
        size: content.len,
        crc32: content.crc32,
        created: moment.now,
        modified: new.modified,
        media_type: new.media_type.to_owned(),
        keep: false,
        revocations: history::tag(tx, id.0)?,
    };
    node.date(moment.now);
    node.current = id.number();
    node.next = node.current + 1;
    node.modified = moment.now;
    row::put(tx, VERSION, &key(id), &version)?;
    tree::insert(tx, file, &node, Some(&version))?;
    counter::add(tx, Counter::DriveBytes(node.drive), signed(version.size)?)?;
    if max_versions > 0 {
        for (number, extra) in extras(tx, file, node.current, max_versions)? {
            erase(tx, node.drive, VersionId::new(file, number), &extra, moment)?;
        }
    }
    Ok(told(id, version, &content, true))
}

/// Returns the versions behind the newest `max`, those marked to be kept not counted.
fn extras(tx: &impl Read, file: FileId, current: u32, max: u32) -> Result<Vec<(u32, VersionRecord)>> {
    let (mut seen, mut extras) = (0_u32, Vec::new());
    index::under(tx, VERSION, &file.to_key(), None, &mut |suffix, value| {
        let version = VersionRecord::decode(value)?;
        let number = number(suffix)?;
        if !version.keep {
            seen = seen.saturating_add(1);
            if seen > max && number != current {
                extras.push((number, version));
            }
        }
        Ok(if extras.len() < PRUNE { Scan::Next } else { Scan::Stop })
    })?;
    Ok(extras)
}

/// Deletes the row of a version and lets go of its content.
pub(crate) fn erase(
    tx: &mut impl Write,
    drive: DriveId,
    id: VersionId,
    version: &VersionRecord,
    moment: Moment,
) -> Result<()> {
    blob::unlink(tx, version.blob, moment.due())?;
    counter::add(tx, Counter::DriveBytes(drive), -signed(version.size)?)?;
    if row::exists(tx, VERSION_NOTE, &key(id))? {
        tx.del(VERSION_NOTE, &key(id))?;
    }
    tx.del(VERSION, &key(id))
}

/// Returns what is said of a version; empty when nothing is.
pub(crate) fn note(tx: &impl Read, id: VersionId) -> Result<String> {
    Ok(row::get::<NoteRecord>(tx, VERSION_NOTE, &key(id))?.map(|note| note.0).unwrap_or_default())
}

/// Says something of a version, at most 16 KiB; an empty text says nothing.
///
/// # Errors
/// As [`get`]; `TooLarge` when the text is longer.
pub(crate) fn set_note(tx: &mut impl Write, id: VersionId, text: &str) -> Result<()> {
    get(tx, id)?;
    if text.len() > MAX_NOTE {
        let len = text.len();
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("a note of {len} bytes on version {id}: {MAX_NOTE} is the most"),
        ));
    }
    match text.is_empty() {
        true => tx.del(VERSION_NOTE, &key(id)),
        false => row::put(tx, VERSION_NOTE, &key(id), &NoteRecord(text.to_owned())),
    }
}

/// Puts the content of an older version once more, as the newest version of its file.
///
/// # Errors
/// As [`get`] and [`put_to`]; `InvalidArgument` when it is the current one.
pub(crate) fn put_again(tx: &mut impl Write, id: VersionId, moment: Moment) -> Result<VersionInfo> {
    let (file, version) = get(tx, id)?;
    if file.current == id.number() {
        return Err(Error::invalid(format!("version {id} is the current one already")));
    }
    let new = NewVersion { blob: version.blob, media_type: &version.media_type, modified: version.modified };
    put_to(tx, id.file(), new, Expect::Any, moment)
}

/// Counts the versions of a file that are marked to be kept, up to `limit`.
pub(crate) fn count_kept(tx: &impl Read, file: FileId, limit: usize) -> Result<usize> {
    let mut kept = 0;
    index::under(tx, VERSION, &file.to_key(), None, &mut |_, value| {
        kept += usize::from(VersionRecord::decode(value)?.keep);
        Ok(if kept < limit { Scan::Next } else { Scan::Stop })
    })?;
    Ok(kept)
}

/// Makes a version the current one: what a download of the file and a listing give from now on.
/// Nothing is copied, and no version is added.
///
/// # Errors
/// As [`get`].
pub(crate) fn set_current(tx: &mut impl Write, id: VersionId, now: Time) -> Result<()> {
    let (mut file, version) = get(tx, id)?;
    if file.current == id.number() {
        return Ok(());
    }
    file.date(now);
    file.current = id.number();
    file.modified = now;
    tree::insert(tx, id.file(), &file, Some(&version))
}

/// Removes a version that is not the current one.
///
/// # Errors
/// As [`get`]; `InvalidArgument` when it is the current one.
pub(crate) fn remove(tx: &mut impl Write, id: VersionId, moment: Moment) -> Result<()> {
    let (file, version) = get(tx, id)?;
    if file.current == id.number() {
        return Err(Error::invalid(format!(
            "version {id} is the current one; make another current first, or delete the file"
        )));
    }
    erase(tx, file.drive, id, &version, moment)
}

/// Sets whether a version is exempt from the limit on the number of versions.
///
/// # Errors
/// As [`get`].
pub(crate) fn set_keep(tx: &mut impl Write, id: VersionId, keep: bool) -> Result<()> {
    let (_, version) = get(tx, id)?;
    row::put(tx, VERSION, &key(id), &VersionRecord { keep, ..version })
}

/// Makes every URL of a version invalid, and every archive of something in its drive.
///
/// # Errors
/// As [`get`].
pub(crate) fn revoke(tx: &mut impl Write, id: VersionId) -> Result<()> {
    let (file, mut version) = get(tx, id)?;
    version.revocations = row::revoked(version.revocations)?;
    drive::withdraw(tx, file.drive)?;
    row::put(tx, VERSION, &key(id), &version)
}

/// Returns the epoch of a version: a number that goes up when it, its file or its drive is
/// revoked, and never goes down. A token that carries another is revoked.
///
/// # Errors
/// As [`get`]; `NotFound` also when the drive was deleted.
pub(crate) fn epoch(tx: &impl Read, id: VersionId) -> Result<u64> {
    let (file, version) = get(tx, id)?;
    Ok(sum(&version, &file, drive_epoch(tx, file.drive)?))
}

/// Returns the epoch of a file or folder, as [`epoch`] does of a version.
///
/// # Errors
/// `NotFound` when there is no such file, or its drive was deleted.
pub(crate) fn file_epoch(tx: &impl Read, file: FileId) -> Result<u64> {
    let record = tree::get(tx, file)?;
    Ok(record.revocations.wrapping_add(drive_epoch(tx, record.drive)?))
}

/// Returns the epoch of a drive, as [`epoch`] does of a version.
///
/// # Errors
/// `NotFound` when there is no such drive.
pub(crate) fn drive_epoch(tx: &impl Read, drive: DriveId) -> Result<u64> {
    Ok(drive::get(tx, drive)?.revocations)
}
