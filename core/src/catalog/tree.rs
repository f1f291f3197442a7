//! The tree of a drive: where a path leads, what lies there, and how it is moved.
//!
//! A file or folder has one `FILE` row, by id, and one `CHILD` row in its folder, by name. What
//! went to the trash or is doomed has no `CHILD` row, so that no path leads to it.

use std::collections::BTreeMap;

use super::blob::Moment;
use super::info::FileInfo;
use super::number::{self, NewId};
use super::record::{ChildRecord, DriveRecord, FileRecord, Kind, VersionRecord};
use super::table::{CHILD, FILE, VERSION};
use super::{delete, depth, drive, row, version};
use crate::id::{BlobId, DriveId, FileId, VersionId};
use crate::kv::{Read, Write};
use crate::mutant::{self, Mutant};
use crate::name::{shown, split_path as names};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// The most folders one can lie in. Moving deep folders can go past what a path can name, so this
/// is larger; past it, what lies there is `TooLarge` to serve.
const MAX_DEPTH: usize = 4096;

/// The most bytes of attributes a file can have, names and values together.
const MAX_ATTRIBUTES: usize = 64 << 10;

/// Whether a file is still to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A path leads to it.
    Live,
    /// It, or a folder it lies in, is in the trash: no path leads to it, but it keeps its
    /// versions, and whether they are served meanwhile is for the layer above to say.
    Trashed,
    /// It was deleted for good, alone or with a folder or drive; its rows are yet to be cleared.
    Doomed,
}

/// A place that a path names, whether something lies there or not.
#[derive(Debug)]
pub(crate) struct Spot<'path> {
    pub(crate) drive: DriveId,
    /// The deepest folder of the path that is there.
    pub(crate) folder: FileId,
    /// The folders between that and the place, yet to be made.
    pub(crate) missing: Vec<&'path str>,
    /// The last name.
    pub(crate) name: &'path str,
    /// What lies there.
    pub(crate) child: Option<ChildRecord>,
    /// Every folder the path passes through, the root first.
    pub(crate) trail: Vec<FileId>,
}

/// Makes the key of a child: its folder and its name.
pub(crate) fn child_key(folder: FileId, name: &str) -> Vec<u8> {
    [&folder.to_key(), name.as_bytes()].concat()
}

/// Looks for a name in a folder.
pub(crate) fn child(tx: &impl Read, folder: FileId, name: &str) -> Result<Option<ChildRecord>> {
    row::get(tx, CHILD, &child_key(folder, name))
}

/// Returns the record of a file or folder, wherever it lies.
///
/// # Errors
/// `NotFound` when there is none.
pub(crate) fn get(tx: &impl Read, file: FileId) -> Result<FileRecord> {
    row::get(tx, FILE, &file.to_key())?.ok_or_else(|| Error::not_found(format!("there is no file {file}")))
}

/// Finds what lies at a path.
///
/// # Errors
/// `NotFound` when nothing does, `InvalidArgument` when the path cannot be one.
pub(crate) fn resolve(tx: &impl Read, drive: DriveId, path: &str) -> Result<(FileId, FileRecord)> {
    let names = names(path)?;
    let file = descend(tx, drive::get(tx, drive)?.root, &names, path)?;
    Ok((file, record(tx, file)?))
}

/// Follows names of a path from a folder down.
///
/// # Errors
/// `NotFound` when one is not there.
pub(crate) fn descend(tx: &impl Read, folder: FileId, names: &[&str], path: &str) -> Result<FileId> {
    let mut at = folder;
    for name in names {
        at = child(tx, at, name)?.ok_or_else(|| absent(path))?.file;
    }
    Ok(at)
}

/// Finds the place that a path names, where something is to be put.
///
/// # Errors
/// `Exists` when the path leads through a file, `InvalidArgument` when it cannot be a path or
/// names the root.
pub(crate) fn locate<'path>(tx: &impl Read, drive: DriveId, path: &'path str) -> Result<Spot<'path>> {
    let mut names = names(path)?;
    let name = names
        .pop()
        .ok_or_else(|| Error::invalid("the path of a drive's root is given; name something in it"))?;
    let mut folder = drive::get(tx, drive)?.root;
    let mut trail = vec![folder];
    let mut names = names.into_iter();
    let mut missing = Vec::new();
    for name in names.by_ref() {
        match child(tx, folder, name)? {
            Some(found) if found.kind == Kind::Folder => {
                folder = found.file;
                trail.push(folder);
            }
            Some(_) => {
                return Err(Error::new(
                    ErrorKind::Exists,
                    format!("{} in path {} is a file, not a folder", shown(name), shown(path)),
                ));
            }
            None => {
                missing.push(name);
                break;
            }
        }
    }
    missing.extend(names);
    let child = if missing.is_empty() { child(tx, folder, name)? } else { None };
    Ok(Spot { drive, folder, missing, name, child, trail })
}

impl Spot<'_> {
    /// Makes the folders that are missing, under the ids drawn for them, and returns the folder
    /// the place is in.
    pub(crate) fn make_parents(&self, tx: &mut impl Write, fresh: &[FileId], now: Time) -> Result<FileId> {
        let mut folder = self.folder;
        for (name, id) in self.missing.iter().zip(fresh) {
            insert(tx, *id, &node(self.drive, folder, name, Kind::Folder, now), None)?;
            folder = *id;
        }
        Ok(folder)
    }
}

/// Makes a folder, and the folders it is to lie in; one that is there already is no error.
///
/// # Errors
/// `Exists` when a file is in the way, `InvalidArgument` when the path cannot be one.
pub(crate) fn mkdir(
    tx: &mut impl Write,
    drive: DriveId,
    path: &str,
    ids: &mut impl NewId,
    now: Time,
) -> Result<FileId> {
    if names(path)?.is_empty() {
        return Ok(drive::get(tx, drive)?.root);
    }
    let spot = locate(tx, drive, path)?;
    match spot.child {
        Some(found) if found.kind == Kind::Folder => Ok(found.file),
        Some(_) => Err(taken(path)),
        None => {
            let fresh = number::files(ids, spot.missing.len())?;
            let id = number::file(ids)?;
            let folder = spot.make_parents(tx, &fresh, now)?;
            insert(tx, id, &node(drive, folder, spot.name, Kind::Folder, now), None)?;
            Ok(id)
        }
    }
}

/// Describes what lies at a path.
///
/// # Errors
/// `NotFound` when nothing does, `InvalidArgument` when the path cannot be one.
pub(crate) fn stat(tx: &impl Read, drive: DriveId, path: &str) -> Result<FileInfo> {
    let (id, record) = resolve(tx, drive, path)?;
    describe(tx, id, record)
}

/// Describes a file or folder by id, wherever it lies.
///
/// # Errors
/// `NotFound` when there is none.
pub(crate) fn info(tx: &impl Read, file: FileId) -> Result<FileInfo> {
    let record = get(tx, file)?;
    describe(tx, file, record)
}

fn describe(tx: &impl Read, id: FileId, record: FileRecord) -> Result<FileInfo> {
    let current = match record.kind {
        Kind::Folder => None,
        Kind::File => Some(version::info(tx, VersionId::new(id, record.current))?),
    };
    Ok(FileInfo {
        id,
        drive: record.drive,
        parent: record.parent,
        name: record.name,
        kind: record.kind,
        current,
        created: record.created,
        modified: record.modified,
        trashed: record.trashed,
        attributes: record.attributes,
    })
}

/// The top of what a file lies in: the root of its drive, or what went to the trash or is doomed.
struct Top {
    id: FileId,
    drive: DriveId,
    trashed: bool,
}

/// Walks up from a file to the top of what it lies in; `seen` is told of each, the file first.
fn climb(tx: &impl Read, file: FileId, node: &FileRecord, seen: &mut dyn FnMut(&FileRecord)) -> Result<Top> {
    seen(node);
    let mut top = Top { id: file, drive: node.drive, trashed: node.trashed.is_some() };
    let mut next = node.parent;
    for _ in 0..MAX_DEPTH {
        let Some(parent) = next else { return Ok(top) };
        let node = record(tx, parent)?;
        seen(&node);
        top = Top { id: parent, drive: node.drive, trashed: node.trashed.is_some() };
        next = node.parent;
    }
    Err(Error::new(
        ErrorKind::TooLarge,
        format!("file {file} lies deeper than {MAX_DEPTH} folders; move it up"),
    ))
}

fn judge(drive: Option<&DriveRecord>, top: &Top) -> Standing {
    match drive {
        Some(drive) if drive.root == top.id => Standing::Live,
        Some(_) if top.trashed => Standing::Trashed,
        _ => Standing::Doomed,
    }
}

/// Returns whether a file is still to be had, by walking up to the top of what it lies in.
///
/// # Errors
/// `NotFound` when there is no such file, `TooLarge` when it lies deeper than 4096 folders.
pub(crate) fn standing(tx: &impl Read, file: FileId) -> Result<Standing> {
    Ok(standing_of(tx, file, &get(tx, file)?)?.0)
}

/// Returns whether a file whose record is known is still to be had, and its drive, if that is there.
///
/// # Errors
/// `TooLarge` when it lies deeper than 4096 folders.
pub(crate) fn standing_of(
    tx: &impl Read,
    file: FileId,
    node: &FileRecord,
) -> Result<(Standing, Option<DriveRecord>)> {
    let top = climb(tx, file, node, &mut |_| ())?;
    let drive = drive::load(tx, top.drive)?;
    Ok((judge(drive.as_ref(), &top), drive))
}

/// Returns the path of a file, without a slash in front; none when no path leads to it.
///
/// # Errors
/// `NotFound` when there is no such file, `TooLarge` when it lies deeper than 4096 folders.
pub(crate) fn path_of(tx: &impl Read, file: FileId) -> Result<Option<String>> {
    let mut names = Vec::new();
    let top = climb(tx, file, &get(tx, file)?, &mut |node| names.push(node.name.clone()))?;
    names.pop();
    names.reverse();
    let standing = judge(drive::load(tx, top.drive)?.as_ref(), &top);
    Ok((standing == Standing::Live).then(|| names.join("/")))
}

/// Returns how many names the path of a file or folder has: of a root, and of what went to the trash, none.
///
/// # Errors
/// `NotFound` when there is no such file.
pub(crate) fn depth(tx: &impl Read, file: FileId) -> Result<usize> {
    let mut seen = 0_usize;
    climb(tx, file, &get(tx, file)?, &mut |_| seen += 1)?;
    Ok(seen.saturating_sub(1))
}

/// Moves a file or folder within its drive and makes the folders it is to lie in; it keeps its
/// id, versions, attributes and links. With `replace`, a file takes the place of a file that is
/// there, which is deleted for good. Moving it to where it is changes nothing.
///
/// # Errors
/// `NotFound` when nothing lies at `from`; `Exists` when something lies at `to`; `InvalidArgument`
/// for the root, for a folder moved into itself, when a path cannot be one, and when something in it
/// would lie too deep for a path.
pub(crate) fn relocate(
    tx: &mut impl Write,
    drive: DriveId,
    from: &str,
    to: &str,
    replace: bool,
    ids: &mut impl NewId,
    moment: Moment,
) -> Result<FileId> {
    let (id, mut node) = resolve(tx, drive, from)?;
    let Some(parent) = node.parent else { return Err(root("moved")) };
    let spot = locate(tx, drive, to)?;
    if spot.trail.contains(&id) {
        return Err(Error::invalid(format!("{} cannot be moved into itself, to {}", shown(from), shown(to))));
    }
    let victim = match &spot.child {
        None => None,
        Some(found) if found.file == id => return Ok(id),
        Some(found) if replace && (found.kind, node.kind) == (Kind::File, Kind::File) => Some(found.file),
        Some(_) => return Err(taken(to)),
    };
    depth::check_move(tx, id, node.kind, names(from)?.len(), names(to)?.len())?;
    let row = child(tx, parent, &node.name)?.ok_or_else(|| broken(id))?;
    let fresh = number::files(ids, spot.missing.len())?;

    if let Some(victim) = victim {
        let doomed = record(tx, victim)?;
        delete::erase(tx, victim, doomed, moment)?;
    }
    tx.del(CHILD, &child_key(parent, &node.name))?;
    let folder = spot.make_parents(tx, &fresh, moment.now)?;
    row::put(tx, CHILD, &child_key(folder, spot.name), &row)?;
    node.parent = Some(folder);
    if node.name != spot.name {
        // The name may tell the media type.
        node.date(moment.now);
    }
    node.name = spot.name.to_owned();
    row::put(tx, FILE, &id.to_key(), &node)?;
    Ok(id)
}

/// Replaces what the host keeps with a file or folder.
///
/// # Errors
/// `NotFound` when there is none, `TooLarge` when names and values are over 64 KiB together.
pub(crate) fn set_attributes(
    tx: &mut impl Write,
    file: FileId,
    attributes: BTreeMap<String, String>,
    now: Time,
) -> Result<()> {
    let mut node = get(tx, file)?;
    let bytes: usize = attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MAX_ATTRIBUTES || attributes.len() > MAX_ATTRIBUTES / 16 {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "{} attributes of {bytes} bytes in all: at most {} and {MAX_ATTRIBUTES} bytes can be kept",
                attributes.len(),
                MAX_ATTRIBUTES / 16,
            ),
        ));
    }
    node.attributes = attributes;
    node.modified = now;
    update(tx, file, &node)
}

/// Makes every URL of a file invalid, and of its versions, and every archive of something in its drive.
///
/// # Errors
/// `NotFound` when there is no such file, `InvalidArgument` when it is a folder: none has URLs of its
/// own, and those of what lies in it would go on.
pub(crate) fn revoke(tx: &mut impl Write, file: FileId) -> Result<()> {
    let mut node = get(tx, file)?;
    if node.kind == Kind::Folder && !mutant::is_active(Mutant::RevokedFolder) {
        return Err(Error::invalid(format!(
            "{file} is a folder, which has no urls of its own; revoke the files in it, its shares, or the drive"
        )));
    }
    node.revocations = row::revoked(node.revocations)?;
    drive::withdraw(tx, node.drive)?;
    row::put(tx, FILE, &file.to_key(), &node)
}

/// Returns the record of a file that another row names.
pub(crate) fn record(tx: &impl Read, file: FileId) -> Result<FileRecord> {
    row::get(tx, FILE, &file.to_key())?.ok_or_else(|| broken(file))
}

/// Makes the record of a new file or folder.
pub(crate) fn node(drive: DriveId, parent: FileId, name: &str, kind: Kind, now: Time) -> FileRecord {
    FileRecord {
        drive,
        parent: Some(parent),
        name: name.to_owned(),
        kind,
        current: 0,
        next: 1,
        created: now,
        modified: now,
        attributes: BTreeMap::new(),
        revocations: 0,
        trashed: None,
        dated: now.unix(),
    }
}

/// Writes the rows of a file (with its current version) or folder that has a parent.
pub(crate) fn insert(
    tx: &mut impl Write,
    id: FileId,
    node: &FileRecord,
    current: Option<&VersionRecord>,
) -> Result<()> {
    if let Some(parent) = node.parent {
        let row = ChildRecord {
            file: id,
            kind: node.kind,
            number: node.current,
            size: current.map_or(0, |version| version.size),
            modified: current.map_or(node.modified, |version| version.modified),
            blob: current.map_or(BlobId(0), |version| version.blob),
            crc32: current.map_or(0, |version| version.crc32),
        };
        row::put(tx, CHILD, &child_key(parent, &node.name), &row)?;
    }
    row::put(tx, FILE, &id.to_key(), node)
}

/// Writes the rows of a file or folder anew, its current version looked up.
pub(crate) fn update(tx: &mut impl Write, id: FileId, node: &FileRecord) -> Result<()> {
    let current = match (node.kind, node.parent) {
        (Kind::File, Some(_)) => {
            let key = version::key(VersionId::new(id, node.current));
            Some(row::get(tx, VERSION, &key)?.ok_or_else(|| broken(id))?)
        }
        _ => None,
    };
    insert(tx, id, node, current.as_ref())
}

/// Says that nothing lies at a path.
pub(crate) fn absent(path: &str) -> Error {
    Error::not_found(format!("there is nothing at {}", shown(path)))
}

/// Says that something lies at a path.
pub(crate) fn taken(path: &str) -> Error {
    Error::new(ErrorKind::Exists, format!("there is something at {} already", shown(path)))
}

/// Says that the root of a drive cannot be treated so.
pub(crate) fn root(treated: &str) -> Error {
    Error::invalid(format!("the root of a drive cannot be {treated}; name something in it"))
}

/// Says that rows which hang together do not.
pub(crate) fn broken(file: FileId) -> Error {
    Error::corrupt(format!("a row that belongs to file {file} is missing; check the store"))
}
