//! Moving and renaming within a drive.

use super::blob::ChangeTime;
use super::id_sequence::{self, NewId};
use super::record::Kind;
use super::table::{CHILD, FILE};
use super::{delete, depth, node, path, row};
use crate::id::{DriveId, FileId};
use crate::kv::Write;
use crate::name::{shown, split_path as names};
use crate::{Error, Result};

/// Moves a file or folder within its drive and makes the folders it is to lie in; it keeps its
/// id, versions, attributes and links. With `replace`, a file takes the place of a file that is
/// there, which is deleted for good. Moving it to where it is changes nothing.
///
/// # Errors
/// `NotFound` when nothing lies at `from`; `Exists` when something lies at `to`; `InvalidArgument`
/// for the root, for a folder moved into itself, when a path cannot be one, and when something in it
/// would lie too deep for a path.
pub(crate) fn rename(
    tx: &mut impl Write,
    drive: DriveId,
    from: &str,
    to: &str,
    replace: bool,
    ids: &mut impl NewId,
    time: ChangeTime,
) -> Result<FileId> {
    let (id, mut node) = path::resolve(tx, drive, from)?;
    let Some(parent) = node.parent else { return Err(path::root("moved")) };
    let target = path::locate(tx, drive, to)?;
    if target.trail.contains(&id) {
        return Err(Error::invalid(format!("{} cannot be moved into itself, to {}", shown(from), shown(to))));
    }
    let replaced = match &target.child {
        None => None,
        Some(found) if found.file == id => return Ok(id),
        Some(found) if replace && (found.kind, node.kind) == (Kind::File, Kind::File) => Some(found.file),
        Some(_) => return Err(path::taken(to)),
    };
    depth::check_move(tx, id, node.kind, names(from)?.len(), names(to)?.len())?;
    let row = node::child(tx, parent, &node.name)?.ok_or_else(|| node::broken(id))?;
    let fresh = id_sequence::files(ids, target.missing.len())?;

    if let Some(replaced) = replaced {
        let old = node::record(tx, replaced)?;
        delete::erase(tx, replaced, old, time)?;
    }
    tx.del(CHILD, &node::child_key(parent, &node.name))?;
    let folder = target.make_parents(tx, &fresh, time.now)?;
    row::put(tx, CHILD, &node::child_key(folder, target.name), &row)?;
    node.parent = Some(folder);
    if node.name != target.name {
        // The name may tell the media type.
        node.date(time.now);
    }
    node.name = target.name.to_owned();
    row::put(tx, FILE, &id.to_key(), &node)?;
    Ok(id)
}
