//! How deep a tree may be: whatever lies in a drive has a path, and a path has so many names at most.
//!
//! What is made by its path keeps to that by itself. What is moved, copied or taken out of the trash
//! brings along what lies in it, and what is made in a folder that is named by its id has no path yet:
//! these are held to it here. Past it a tree could not be listed, walked or archived by path.

use super::record::{ChildRecord, Kind, Record};
use super::table::CHILD;
use super::{prefix, state};
use crate::id::FileId;
use crate::kv::{Read, Scan};
use crate::mutant::{self, Mutant};
use crate::name::MAX_DEPTH;
use crate::{Error, Result};

/// Checks that something new may lie in a folder.
///
/// # Errors
/// `InvalidArgument` when its path would have more than 128 names.
pub(crate) fn check_in(tx: &impl Read, folder: FileId) -> Result<()> {
    check(state::depth(tx, folder)?.saturating_add(1))
}

/// Checks that a file or folder may lie, with all that is in it, where its path has `depth` names; `from`
/// is how many it has now. Only a folder that goes deeper is looked through.
///
/// # Errors
/// `InvalidArgument` when a path would have more than 128 names.
pub(crate) fn check_move(tx: &impl Read, id: FileId, kind: Kind, from: usize, depth: usize) -> Result<()> {
    check(depth)?;
    if kind == Kind::File || depth <= from || mutant::is_active(Mutant::MovesPassTheDepth) {
        return Ok(());
    }
    let mut waiting = vec![(id, depth)];
    while let Some((folder, depth)) = waiting.pop() {
        let mut any = false;
        prefix::under(tx, CHILD, &folder.to_key(), None, &mut |_, value| {
            any = true;
            let child = ChildRecord::decode(value)?;
            if child.kind == Kind::Folder {
                waiting.push((child.file, depth + 1));
            }
            Ok(Scan::Next)
        })?;
        if any {
            check(depth + 1)?;
        }
    }
    Ok(())
}

fn check(depth: usize) -> Result<()> {
    if depth > MAX_DEPTH && !mutant::is_active(Mutant::MovesPassTheDepth) {
        return Err(Error::invalid(format!(
            "a path would be {depth} names deep; the limit is {MAX_DEPTH}: choose a folder higher up"
        )));
    }
    Ok(())
}
