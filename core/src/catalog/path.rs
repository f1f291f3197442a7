//! Paths: what lies at one, and how it is made.

use super::id_sequence::{self, NewId};
use super::record::{ChildRecord, FileRecord, Kind};
use super::{drive, node, prefetch};
use crate::id::{DriveId, FileId};
use crate::kv::{Read, Write};
use crate::name::{shown, split_path as names};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// A place that a path names, whether something lies there or not.
#[derive(Debug)]
pub(crate) struct PathLookup<'path> {
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

/// Finds what lies at a path.
///
/// # Errors
/// `NotFound` when nothing does, `InvalidArgument` when the path cannot be one.
pub(crate) fn resolve(tx: &impl Read, drive: DriveId, path: &str) -> Result<(FileId, FileRecord)> {
    let names = names(path)?;
    tx.prefetch(|| prefetch::path(drive, path))?;
    let file = descend(tx, drive::get(tx, drive)?.root, &names, path)?;
    Ok((file, node::record(tx, file)?))
}

/// Follows names of a path from a folder down.
///
/// # Errors
/// `NotFound` when one is not there.
pub(crate) fn descend(tx: &impl Read, folder: FileId, names: &[&str], path: &str) -> Result<FileId> {
    let mut at = folder;
    for name in names {
        at = node::child(tx, at, name)?.ok_or_else(|| absent(path))?.file;
    }
    Ok(at)
}

/// Finds the place that a path names, where something is to be put.
///
/// # Errors
/// `Exists` when the path leads through a file, `InvalidArgument` when it cannot be a path or
/// names the root.
pub(crate) fn locate<'path>(tx: &impl Read, drive: DriveId, path: &'path str) -> Result<PathLookup<'path>> {
    let mut names = names(path)?;
    tx.prefetch(|| prefetch::path(drive, path))?;
    let mut folder = drive::get(tx, drive)?.root;
    let name = names
        .pop()
        .ok_or_else(|| Error::invalid("the path of a drive's root is given; name something in it"))?;
    let mut trail = vec![folder];
    let mut names = names.into_iter();
    let mut missing = Vec::new();
    for name in names.by_ref() {
        match node::child(tx, folder, name)? {
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
    let child = if missing.is_empty() { node::child(tx, folder, name)? } else { None };
    Ok(PathLookup { drive, folder, missing, name, child, trail })
}

impl PathLookup<'_> {
    /// Makes the folders that are missing, under the ids drawn for them, and returns the folder
    /// the place is in.
    pub(crate) fn make_parents(&self, tx: &mut impl Write, fresh: &[FileId], now: Time) -> Result<FileId> {
        let mut folder = self.folder;
        for (name, id) in self.missing.iter().zip(fresh) {
            node::insert(tx, *id, &node::new(self.drive, folder, name, Kind::Folder, now), None)?;
            folder = *id;
        }
        Ok(folder)
    }
}

/// Makes a folder, and the folders it is to lie in; one that is there already is not an error.
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
    let target = locate(tx, drive, path)?;
    match target.child {
        Some(found) if found.kind == Kind::Folder => Ok(found.file),
        Some(_) => Err(taken(path)),
        None => {
            let fresh = id_sequence::files(ids, target.missing.len())?;
            let id = id_sequence::file(ids)?;
            let folder = target.make_parents(tx, &fresh, now)?;
            node::insert(tx, id, &node::new(drive, folder, target.name, Kind::Folder, now), None)?;
            Ok(id)
        }
    }
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
