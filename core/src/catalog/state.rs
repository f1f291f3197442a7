//! Whether a file is live, in the trash or deleted, which what it lies in decides.

use super::record::{DriveRecord, FileRecord};
use super::{drive, node};
use crate::id::{DriveId, FileId};
use crate::kv::Read;
use crate::{Error, ErrorKind, Result};

/// The most folders one can lie in. Moving deep folders can go past what a path can name, so this
/// is larger; past it, what lies there is `TooLarge` to serve.
const MAX_DEPTH: usize = 4096;

/// Whether a file is still to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// A path leads to it.
    Live,
    /// It, or a folder it lies in, is in the trash: no path leads to it, but it keeps its
    /// versions, and whether they are served meanwhile is for the layer above to say.
    Trashed,
    /// It was deleted for good, alone or with a folder or drive; its rows are yet to be cleared.
    Deleted,
}

/// The top of what a file lies in: the root of its drive, or what went to the trash or was deleted.
struct Top {
    id: FileId,
    drive: DriveId,
    trashed: bool,
}

/// Walks up from a file to the top of what it lies in; `seen` is called with each, the file first.
fn ancestors(
    tx: &impl Read,
    file: FileId,
    node: &FileRecord,
    seen: &mut dyn FnMut(&FileRecord),
) -> Result<Top> {
    seen(node);
    let mut top = Top { id: file, drive: node.drive, trashed: node.trashed.is_some() };
    let mut next = node.parent;
    for _ in 0..MAX_DEPTH {
        let Some(parent) = next else { return Ok(top) };
        let node = node::record(tx, parent)?;
        seen(&node);
        top = Top { id: parent, drive: node.drive, trashed: node.trashed.is_some() };
        next = node.parent;
    }
    Err(Error::new(
        ErrorKind::TooLarge,
        format!("file {file} is more than {MAX_DEPTH} folders deep; move it up"),
    ))
}

fn state_of(drive: Option<&DriveRecord>, top: &Top) -> State {
    match drive {
        Some(drive) if drive.root == top.id => State::Live,
        Some(_) if top.trashed => State::Trashed,
        _ => State::Deleted,
    }
}

/// Returns whether a file is still to be had, by walking up to the top of what it lies in.
///
/// # Errors
/// `NotFound` when there is no such file, `TooLarge` when it lies deeper than 4096 folders.
pub(crate) fn of_file(tx: &impl Read, file: FileId) -> Result<State> {
    Ok(of_record(tx, file, &node::get(tx, file)?)?.0)
}

/// Returns whether a file whose record is known is still to be had, and its drive, if that is there.
///
/// # Errors
/// `TooLarge` when it lies deeper than 4096 folders.
pub(crate) fn of_record(
    tx: &impl Read,
    file: FileId,
    node: &FileRecord,
) -> Result<(State, Option<DriveRecord>)> {
    let top = ancestors(tx, file, node, &mut |_| ())?;
    let drive = drive::load(tx, top.drive)?;
    Ok((state_of(drive.as_ref(), &top), drive))
}

/// Returns the path of a file, without a slash in front; none when no path leads to it.
///
/// # Errors
/// `NotFound` when there is no such file, `TooLarge` when it lies deeper than 4096 folders.
pub(crate) fn path_of(tx: &impl Read, file: FileId) -> Result<Option<String>> {
    let mut names = Vec::new();
    let top = ancestors(tx, file, &node::get(tx, file)?, &mut |node| names.push(node.name.clone()))?;
    names.pop();
    names.reverse();
    let state = state_of(drive::load(tx, top.drive)?.as_ref(), &top);
    Ok((state == State::Live).then(|| names.join("/")))
}

/// Returns how many names the path of a file or folder has: of a root, and of what went to the trash, none.
///
/// # Errors
/// `NotFound` when there is no such file.
pub(crate) fn depth(tx: &impl Read, file: FileId) -> Result<usize> {
    let mut seen = 0_usize;
    ancestors(tx, file, &node::get(tx, file)?, &mut |_| seen += 1)?;
    Ok(seen.saturating_sub(1))
}
