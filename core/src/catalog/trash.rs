//! The trash of a drive: files and folders that no path leads to and that can be had back.
//!
//! They keep their ids, versions, links and shares, and count towards the drive's usage.

use super::blob::ChangeTime;
use super::id_sequence::{self, NewId};
use super::info::TrashInfo;
use super::record::{FileRecord, Kind, Record, TrashRecord};
use super::state::{self, State};
use super::table::{CHILD, FILE, TRASH};
use super::{delete, node, path, prefix};
use super::{depth, row};
use crate::id::{DriveId, FileId};
use crate::kv::{Read, Write};
use crate::name::split_path as names;
use crate::time::Time;
use crate::{Error, Result};

/// Puts what lies at a path in the trash, a folder with everything in it.
///
/// # Errors
/// `NotFound` when nothing lies there, `InvalidArgument` for the root.
pub(crate) fn put(tx: &mut impl Write, drive: DriveId, path: &str, now: Time) -> Result<FileId> {
    let (id, mut node) = path::resolve(tx, drive, path)?;
    let Some(parent) = node.parent.take() else { return Err(path::root("put in the trash")) };
    let path = names(path)?.join("/");
    node.trashed = Some(now);
    tx.del(CHILD, &node::child_key(parent, &node.name))?;
    row::put(tx, FILE, &id.to_key(), &node)?;
    row::put(tx, TRASH, &row::pair(drive.0, id.0), &TrashRecord { parent, path, trashed: now })?;
    Ok(id)
}

/// Lists up to `limit` of what lies in the trash, in order of id, those behind `after`.
pub(crate) fn list(
    tx: &impl Read,
    drive: DriveId,
    after: Option<FileId>,
    limit: usize,
) -> Result<Vec<TrashInfo>> {
    page(tx, drive, after, limit)?
        .into_iter()
        .map(|(file, trash)| {
            let kind = node::record(tx, file)?.kind;
            Ok(TrashInfo { file, kind, path: trash.path, trashed: trash.trashed })
        })
        .collect()
}

/// Takes something out of the trash: to `to`; or to where it was, if that folder is still there;
/// or to the path it had, whose folders are made anew. It keeps its id.
///
/// # Errors
/// `NotFound` when it is not in the trash of the drive; `Exists` when something has its place or
/// a file is in the way; `InvalidArgument` when `to` cannot be its path.
pub(crate) fn restore(
    tx: &mut impl Write,
    drive: DriveId,
    file: FileId,
    to: Option<&str>,
    ids: &mut impl NewId,
    now: Time,
) -> Result<FileId> {
    let (trash, mut node) = get(tx, drive, file)?;
    let target = match to {
        None if is_open(tx, trash.parent)? => path::PathLookup {
            drive,
            folder: trash.parent,
            missing: Vec::new(),
            name: node.name.as_str(),
            child: node::child(tx, trash.parent, &node.name)?,
            trail: Vec::new(),
        },
        _ => path::locate(tx, drive, to.unwrap_or(&trash.path))?,
    };
    if target.child.is_some() {
        return Err(path::taken(to.unwrap_or(&trash.path)));
    }
    // What was trashed may have folders below it, which the move must not bring beyond the limit.
    let depth = state::depth(tx, target.folder)?.saturating_add(target.missing.len()).saturating_add(1);
    depth::check_move(tx, file, node.kind, names(&trash.path)?.len(), depth)?;
    let fresh = id_sequence::files(ids, target.missing.len())?;

    let folder = target.make_parents(tx, &fresh, now)?;
    let name = target.name.to_owned();
    tx.del(TRASH, &row::pair(drive.0, file.0))?;
    node.parent = Some(folder);
    node.name = name;
    node.trashed = None;
    node::update(tx, file, &node)?;
    Ok(file)
}

/// Returns the path that something in the trash goes back to: that of the folder it lay in and its
/// name; the path it had, where that folder is in the trash too; or its name alone, where it was deleted.
///
/// # Errors
/// `NotFound` when it is not in the trash of the drive.
pub(crate) fn way_back(tx: &impl Read, drive: DriveId, file: FileId) -> Result<String> {
    let (trash, node) = get(tx, drive, file)?;
    if !row::exists(tx, FILE, &trash.parent.to_key())? {
        return Ok(node.name);
    }
    match state::of_file(tx, trash.parent)? {
        State::Live => {
            let folder = state::path_of(tx, trash.parent)?.unwrap_or_default();
            Ok(crate::name::join(&folder, &node.name))
        }
        State::Trashed => Ok(trash.path),
        State::Deleted => Ok(node.name),
    }
}

/// Deletes something in the trash for good; returns whether its rows are cleared away already, as
/// [`delete::at_path`] does.
///
/// # Errors
/// `NotFound` when it is not in the trash of the drive.
pub(crate) fn purge(tx: &mut impl Write, drive: DriveId, file: FileId, time: ChangeTime) -> Result<bool> {
    let (_, node) = get(tx, drive, file)?;
    delete::erase(tx, file, node, time)
}

/// One step of purging the trash of a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Purged {
    /// How many files and folders were deleted for good.
    pub(crate) count: usize,
    /// Where the next step begins; none when all was looked at.
    pub(crate) next: Option<FileId>,
}

/// Looks at up to `limit` (at least 1) things in the trash, those behind `after`, and deletes for
/// good what was put there before `before`; [`delete::step`] clears its rows away.
pub(crate) fn purge_before(
    tx: &mut impl Write,
    drive: DriveId,
    before: Time,
    after: Option<FileId>,
    limit: usize,
) -> Result<Purged> {
    let rows = page(tx, drive, after, limit.max(1))?;
    let next = rows.last().filter(|_| rows.len() == limit.max(1)).map(|(file, _)| *file);
    let mut count = 0;
    for (file, trash) in rows {
        if trash.trashed < before {
            let node = node::record(tx, file)?;
            delete::detach(tx, file, node)?;
            count += 1;
        }
    }
    Ok(Purged { count, next })
}

fn page(
    tx: &impl Read,
    drive: DriveId,
    after: Option<FileId>,
    limit: usize,
) -> Result<Vec<(FileId, TrashRecord)>> {
    let after = after.map(FileId::to_key);
    prefix::page(tx, TRASH, &drive.to_key(), after.as_ref().map(<[u8; 8]>::as_slice), limit)?
        .iter()
        .map(|(file, value)| Ok((FileId(row::number(file)?), TrashRecord::decode(value)?)))
        .collect()
}

fn get(tx: &impl Read, drive: DriveId, file: FileId) -> Result<(TrashRecord, FileRecord)> {
    let trash = row::get(tx, TRASH, &row::pair(drive.0, file.0))?
        .ok_or_else(|| Error::not_found(format!("file {file} is not in the trash of drive {drive}")))?;
    super::drive::get(tx, drive)?;
    Ok((trash, node::record(tx, file)?))
}

fn is_open(tx: &impl Read, folder: FileId) -> Result<bool> {
    match row::get::<FileRecord>(tx, FILE, &folder.to_key())? {
        Some(node) if node.kind == Kind::Folder => Ok(state::of_file(tx, folder)? == State::Live),
        _ => Ok(false),
    }
}
