//! Versions: the immutable contents of a file, of which one is current.

use super::blob::{self, ChangeTime};
use super::counter::{self, Counter};
use super::info::VersionInfo;
use super::record::{BlobRecord, FileRecord, Kind, Record, VersionRecord};
use super::refcount;
use super::state::{self, State};
use super::table::{BLOB, FILE, VERSION, VERSION_NOTE};
use super::{node, prefix, row, sha1_index};
use crate::http::media_type_of;
use crate::id::{DriveId, FileId, VersionId};
use crate::kv::{Read, Scan, Write};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// Returns a version and the file it is of, wherever that lies.
///
/// # Errors
/// `NotFound` when there never was one, or its file is gone; `Gone` when it was removed.
pub(crate) fn get(tx: &impl Read, id: VersionId) -> Result<(FileRecord, VersionRecord)> {
    let file = row::get::<FileRecord>(tx, FILE, &id.file().to_key())?
        .filter(|file| (1..file.next).contains(&id.number()))
        .ok_or_else(|| Error::not_found(format!("there is no version {id}")))?;
    match row::get(tx, VERSION, &node::version_key(id))? {
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
    pub(crate) state: State,
    /// As [`super::revocation::of_version`].
    pub(crate) epoch: u64,
}

/// Reads all that a download of a version needs.
///
/// # Errors
/// `NotFound` when there never was one; `Gone` when it was removed, or deleted with its file, a
/// folder or its drive.
pub(crate) fn open(tx: &impl Read, id: VersionId) -> Result<Opened> {
    let (file, version) = get(tx, id)?;
    let (state, drive) = state::of_record(tx, id.file(), &file)?;
    let Some(drive) = drive.filter(|_| state != State::Deleted) else {
        return Err(Error::new(ErrorKind::Gone, format!("version {id} was deleted with its file")));
    };
    let blob = content(tx, id, &version)?;
    let epoch = sum(&version, &file, drive.revocations);
    Ok(Opened { file, version, blob, state, epoch })
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
    let version = row::get(tx, VERSION, &node::version_key(id))?.ok_or_else(|| node::broken(file))?;
    let blob = content(tx, id, &version)?;
    Ok((version, blob))
}

fn content(tx: &impl Read, id: VersionId, version: &VersionRecord) -> Result<BlobRecord> {
    row::get(tx, BLOB, &version.blob.to_key())?.ok_or_else(|| node::broken(id.file()))
}

pub(super) fn sum(version: &VersionRecord, file: &FileRecord, drive: u64) -> u64 {
    // A sum, because raising any one of the counters changes it; a URL carries only this number. Wrapping,
    // since only equality counts.
    version.revocations.wrapping_add(file.revocations).wrapping_add(drive)
}

/// Describes a version, wherever its file lies.
///
/// # Errors
/// As [`get`].
pub(crate) fn info(tx: &impl Read, id: VersionId) -> Result<VersionInfo> {
    let (file, version) = get(tx, id)?;
    describe(tx, id, version, &file)
}

fn describe(tx: &impl Read, id: VersionId, version: VersionRecord, file: &FileRecord) -> Result<VersionInfo> {
    let blob = content(tx, id, &version)?;
    Ok(info_of(id, version, &blob, &file.name, file.current == id.number()))
}

pub(super) fn info_of(
    id: VersionId,
    version: VersionRecord,
    blob: &BlobRecord,
    name: &str,
    current: bool,
) -> VersionInfo {
    VersionInfo {
        id,
        size: version.size,
        crc32: version.crc32,
        crc64: blob.crc64,
        sha1: blob.sha1,
        blake3: blob.blake3,
        media_type: if version.media_type.is_empty() {
            media_type_of(name).to_owned()
        } else {
            version.media_type
        },
        created: version.created,
        modified: version.modified,
        keep: version.keep,
        current,
        executable: version.executable,
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
    let record = node::get(tx, file)?;
    if record.kind == Kind::Folder {
        return Err(Error::invalid(format!("{file} is a folder and has no versions; list it")));
    }
    let before = before.map(|version| (!version.number()).to_be_bytes());
    let rows = prefix::page(tx, VERSION, &file.to_key(), before.as_ref().map(<[u8; 4]>::as_slice), limit)?;
    rows.iter()
        .map(|(suffix, value)| {
            let number = node::version_number(suffix)?;
            let version = VersionRecord::decode(value)?;
            describe(tx, VersionId::new(file, number), version, &record)
        })
        .collect()
}

/// Says when a version was made in another system.
///
/// # Errors
/// As [`get`].
pub(crate) fn set_created(tx: &mut impl Write, id: VersionId, created: Time) -> Result<()> {
    let (_, mut version) = get(tx, id)?;
    version.created = created;
    row::put(tx, VERSION, &node::version_key(id), &version)
}

/// Deletes the row of a version and lets go of its content.
pub(crate) fn erase(
    tx: &mut impl Write,
    drive: DriveId,
    id: VersionId,
    version: &VersionRecord,
    time: ChangeTime,
) -> Result<()> {
    let content = refcount::unlink(tx, version.blob, time.group)?;
    sha1_index::release(tx, drive, version.blob, &content)?;
    counter::add(tx, Counter::DriveBytes(drive), -blob::signed(version.size)?)?;
    if row::exists(tx, VERSION_NOTE, &node::version_key(id))? {
        tx.del(VERSION_NOTE, &node::version_key(id))?;
    }
    tx.del(VERSION, &node::version_key(id))
}

/// Counts the versions of a file that are marked to be kept, up to `limit`.
pub(crate) fn count_kept(tx: &impl Read, file: FileId, limit: usize) -> Result<usize> {
    let mut kept = 0;
    prefix::under(tx, VERSION, &file.to_key(), None, &mut |_, value| {
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
    node::insert(tx, id.file(), &file, Some(&version))
}

/// Removes a version that is not the current one.
///
/// # Errors
/// As [`get`]; `InvalidArgument` when it is the current one.
pub(crate) fn remove(tx: &mut impl Write, id: VersionId, time: ChangeTime) -> Result<()> {
    let (file, version) = get(tx, id)?;
    if file.current == id.number() {
        return Err(Error::invalid(format!(
            "version {id} is the current one; make another current first, or delete the file"
        )));
    }
    erase(tx, file.drive, id, &version, time)
}

/// Sets whether a version is exempt from the limit on the number of versions.
///
/// # Errors
/// As [`get`].
pub(crate) fn set_keep(tx: &mut impl Write, id: VersionId, keep: bool) -> Result<()> {
    let (_, version) = get(tx, id)?;
    row::put(tx, VERSION, &node::version_key(id), &VersionRecord { keep, ..version })
}
