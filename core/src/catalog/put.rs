//! Putting content: a version more for a file, or a new file.

use std::collections::BTreeMap;

use super::alias::{self, ForeignVersion};
use super::blob::{self, ChangeTime};
use super::counter::{self, Counter};
use super::history::Timeline;
use super::id_sequence::{self, NewId};
use super::info::VersionInfo;
use super::path::{self, PathLookup};
use super::record::{BlobRecord, FileRecord, Kind, Record, VersionRecord};
use super::refcount;
use super::state::{self, State};
use super::table::VERSION;
use super::{attribute, drive, node, prefix, row, sha1_index, version};
use crate::id::{BlobId, DriveId, FileId, VersionId};
use crate::kv::{Read, Scan, Write};
use crate::name::shown;
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// The most versions that one put clears away when the limit was lowered; the next put goes on.
const PRUNE: usize = 256;

/// The longest media type, in bytes.
const MAX_MEDIA_TYPE: usize = 255;

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
    /// The record of the blob, if it is yet to be added.
    pub(crate) fresh: Option<&'a BlobRecord>,
    pub(crate) media_type: &'a str,
    /// How old the content is.
    pub(crate) modified: Time,
    /// Whether it may be run.
    pub(crate) executable: bool,
    pub(crate) details: Details<'a>,
}

/// What may be said besides of what is put.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Details<'a> {
    /// When the content was made, in place of now.
    pub(crate) created: Option<Time>,
    /// What the host keeps with the file, in place of what it has.
    pub(crate) attributes: Option<&'a BTreeMap<String, String>>,
    /// When the file was made and changed in another system.
    pub(crate) file_created: Option<Time>,
    pub(crate) file_modified: Option<Time>,
    /// What the version is called there.
    pub(crate) alias: Option<ForeignVersion>,
}

/// Puts content at a path: a version more for the file that is there, or a new file, with the
/// folders it is to lie in. The version becomes current; those that are too many then are removed.
///
/// # Errors
/// `Exists` when a folder is there, the path leads through a file, or `Absent` was expected;
/// `Mismatch` when another version than expected is current, or none; `NotFound` when there is no
/// such blob or drive; `TooLarge` when the file had 2^20 - 1 versions in its life;
/// `InvalidArgument` when the path or the media type cannot be one; as [`alias::set`].
pub(crate) fn at_path(
    tx: &mut impl Write,
    drive: DriveId,
    path: &str,
    new: NewVersion<'_>,
    expect: Expect,
    ids: &mut impl NewId,
    time: ChangeTime,
) -> Result<VersionInfo> {
    let target = target(tx, drive, path, expect)?;
    let timeline = Timeline::read(tx)?;
    at_target(tx, drive, target, new, ids, (time, &timeline))
}

/// Puts content where [`target`] has found that it may go, in the same transaction.
///
/// # Errors
/// As [`at_path`].
pub(crate) fn at_target(
    tx: &mut impl Write,
    drive: DriveId,
    target: PutTarget<'_>,
    new: NewVersion<'_>,
    ids: &mut impl NewId,
    (time, timeline): (ChangeTime, &Timeline),
) -> Result<VersionInfo> {
    check(tx, new)?;
    match target {
        PutTarget::File(file, node) => append(tx, file, node, new, (time, timeline)),
        PutTarget::New(target) => {
            let fresh = id_sequence::files(ids, target.missing.len())?;
            let id = id_sequence::file(ids)?;
            let folder = target.make_parents(tx, &fresh, time.now)?;
            let mut node = node::new(drive, folder, target.name, Kind::File, time.now);
            node.created = new.details.file_created.or(new.details.created).unwrap_or(time.now);
            node.revocations = timeline.tag(id.0);
            counter::add(tx, Counter::DriveFiles(drive), 1)?;
            append(tx, id, node, new, (time, timeline))
        }
    }
}

/// Where a put at a path goes.
#[derive(Debug)]
pub(crate) enum PutTarget<'path> {
    /// To the file that is there.
    File(FileId, FileRecord),
    /// To a new file.
    New(PathLookup<'path>),
}

/// Finds where a put at a path goes, before the content that it needs is written.
///
/// # Errors
/// As [`at_path`].
pub(crate) fn target<'path>(
    tx: &impl Read,
    drive: DriveId,
    path: &'path str,
    expect: Expect,
) -> Result<PutTarget<'path>> {
    let target = path::locate(tx, drive, path)?;
    match &target.child {
        Some(found) if found.kind == Kind::Folder => Err(Error::new(
            ErrorKind::Exists,
            format!("there is a folder at {}; name a file, in it or elsewhere", shown(path)),
        )),
        Some(_) if expect == Expect::Absent => Err(path::taken(path)),
        Some(found) => {
            let node = node::record(tx, found.file)?;
            may_put_on(found.file, &node, expect)?;
            Ok(PutTarget::File(found.file, node))
        }
        None => match expect {
            Expect::Current(version) => Err(Error::new(
                ErrorKind::Mismatch,
                format!("version {version} was expected at {}, and nothing is there", shown(path)),
            )),
            _ => Ok(PutTarget::New(target)),
        },
    }
}

/// Puts content to a file by id, as [`at_path`] does by path.
///
/// # Errors
/// As [`at_path`]; also `NotFound` when there is no such file, and `Gone` when it lies in the trash or
/// was deleted.
pub(crate) fn to_file(
    tx: &mut impl Write,
    file: FileId,
    new: NewVersion<'_>,
    expect: Expect,
    time: ChangeTime,
) -> Result<VersionInfo> {
    let node = check_file(tx, file, expect)?;
    check(tx, new)?;
    let timeline = Timeline::read(tx)?;
    append(tx, file, node, new, (time, &timeline))
}

/// Checks that [`to_file`] may go ahead, before the content that it needs is written.
///
/// # Errors
/// As [`to_file`].
pub(crate) fn check_file(tx: &impl Read, file: FileId, expect: Expect) -> Result<FileRecord> {
    let node = node::get(tx, file)?;
    if state::of_file(tx, file)? != State::Live {
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
    match new.fresh {
        Some(_) => Ok(()),
        None => blob::get(tx, new.blob).map(|_| ()),
    }
}

/// Writes a version that was found to be in order, and clears away those that are too many.
fn append(
    tx: &mut impl Write,
    file: FileId,
    mut node: FileRecord,
    new: NewVersion<'_>,
    (time, timeline): (ChangeTime, &Timeline),
) -> Result<VersionInfo> {
    let (drive, details) = (drive::get(tx, node.drive)?, new.details);
    let content = match new.fresh {
        Some(record) => refcount::insert_linked(tx, new.blob, record.clone())?,
        None => refcount::link(tx, new.blob)?,
    };
    sha1_index::hold(tx, node.drive, new.blob, &content)?;
    let id = VersionId::new(file, timeline.version_number(file, node.next));
    let version = VersionRecord {
        blob: new.blob,
        size: content.len,
        crc32: content.crc32,
        created: details.created.unwrap_or(time.now),
        modified: new.modified,
        media_type: new.media_type.to_owned(),
        keep: false,
        revocations: timeline.tag(id.0),
        executable: new.executable,
        foreign: details.alias.map(|alias| alias.id),
    };
    node.date(time.now);
    node.current = id.number();
    node.next = node.current + 1;
    node.modified = details.file_modified.unwrap_or(time.now);
    if let Some(attributes) = details.attributes {
        attribute::replace(tx, file, &mut node, attributes.clone())?;
    }
    row::put(tx, VERSION, &node::version_key(id), &version)?;
    node::insert(tx, file, &node, Some(&version))?;
    counter::add(tx, Counter::DriveBytes(node.drive), blob::signed(version.size)?)?;
    if let Some(foreign) = details.alias {
        alias::set_new_version(tx, foreign, id, version::sum(&version, &node, drive.revocations))?;
    }
    if drive.max_versions > 0 {
        for (number, extra) in extras(tx, file, node.current, drive.max_versions)? {
            version::erase(tx, node.drive, VersionId::new(file, number), &extra, time)?;
        }
    }
    Ok(version::info_of(id, version, &content, &node.name, true))
}

/// Returns the versions behind the newest `max`, those marked to be kept not counted.
fn extras(tx: &impl Read, file: FileId, current: u32, max: u32) -> Result<Vec<(u32, VersionRecord)>> {
    let (mut seen, mut extras) = (0_u32, Vec::new());
    prefix::under(tx, VERSION, &file.to_key(), None, &mut |suffix, value| {
        let version = VersionRecord::decode(value)?;
        let number = node::version_number(suffix)?;
        if !version.keep {
            seen = seen.saturating_add(1);
            if seen > max && number != current {
                extras.push((number, version));
            }
        }
        // Bounded: after the limit was lowered, the remaining versions go with the next puts.
        Ok(if extras.len() < PRUNE { Scan::Next } else { Scan::Stop })
    })?;
    Ok(extras)
}

/// Puts the content of an older version once more, as the newest version of its file.
///
/// # Errors
/// As [`super::version::get`] and [`to_file`]; `InvalidArgument` when it is the current one.
pub(crate) fn again(tx: &mut impl Write, id: VersionId, time: ChangeTime) -> Result<VersionInfo> {
    let (file, version) = version::get(tx, id)?;
    if file.current == id.number() {
        return Err(Error::invalid(format!("version {id} is the current one already")));
    }
    let new = NewVersion {
        blob: version.blob,
        fresh: None,
        media_type: &version.media_type,
        modified: version.modified,
        executable: version.executable,
        details: Details::default(),
    };
    to_file(tx, id.file(), new, Expect::Any, time)
}
