//! Deleting for good: cut off in one step, cleared away in many.
//!
//! The cut takes a constant number of rows, whatever hangs below: from then on no path leads
//! there, and [`super::state::of_file`] says deleted of everything in it. The rows follow by
//! [`step`], a bounded number in each transaction; one that is lost or run twice does no harm.

use super::blob::ChangeTime;
use super::counter::{self, Counter};
use super::record::{ChildRecord, FileRecord, Kind, Record, VersionRecord};
use super::table::{CHILD, DELETED_FILE, DRIVE, FILE, FILE_LINK, FILE_SHARE, LINK, SHARE, TRASH, VERSION};
use super::{attribute, node, path, prefix, row, version};
use crate::Result;
use crate::id::{DriveId, FileId, LinkId, ShareId, VersionId};
use crate::kv::Write;

/// The most versions, and rows that hang on a file beside them, that are cleared away with the cut.
const AT_ONCE: usize = 1000;

/// How far the clearing away has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeleteProgress {
    /// Versions, files and other things cleared away in this step; each changes a few rows.
    pub(crate) cleared: usize,
    /// Whether nothing is left to clear away.
    pub(crate) done: bool,
}

/// Deletes what lies at a path for good. A file of up to 1000 versions is cleared away at once;
/// returns whether all was, else [`step`] is to be called.
///
/// # Errors
/// `NotFound` when nothing lies there, `InvalidArgument` for the root.
pub(crate) fn at_path(tx: &mut impl Write, drive: DriveId, path: &str, time: ChangeTime) -> Result<bool> {
    let (id, node) = path::resolve(tx, drive, path)?;
    if node.parent.is_none() {
        return Err(path::root("deleted; delete the drive"));
    }
    erase(tx, id, node, time)
}

/// Deletes a file or folder that is in a tree or in the trash, as [`at_path`] does.
pub(crate) fn erase(tx: &mut impl Write, id: FileId, node: FileRecord, time: ChangeTime) -> Result<bool> {
    let kind = node.kind;
    detach(tx, id, node)?;
    match kind {
        Kind::Folder => Ok(false),
        Kind::File => {
            let mut left = AT_ONCE;
            clear(tx, id, time, &mut left)
        }
    }
}

/// Cuts off a file or folder from the tree or the trash, and leaves the rest to [`step`].
pub(crate) fn detach(tx: &mut impl Write, id: FileId, mut node: FileRecord) -> Result<()> {
    if let Some(parent) = node.parent.take() {
        tx.del(CHILD, &node::child_key(parent, &node.name))?;
    }
    if node.trashed.take().is_some() {
        tx.del(TRASH, &row::pair(node.drive.0, id.0))?;
    }
    row::put(tx, FILE, &id.to_key(), &node)?;
    tx.put(DELETED_FILE, &id.to_key(), &[])
}

/// Clears away up to `budget` (at least 1) things that were deleted.
pub(crate) fn step(tx: &mut impl Write, time: ChangeTime, budget: usize) -> Result<DeleteProgress> {
    let budget = budget.max(1);
    let mut left = budget;
    loop {
        // Many at once: a scan from the beginning passes over all that was cleared away just before.
        let page = prefix::page(tx, DELETED_FILE, &[], None, left.max(1))?;
        if page.is_empty() || left == 0 {
            return Ok(DeleteProgress { cleared: budget - left, done: page.is_empty() });
        }
        for (key, _) in page {
            if left > 0 {
                clear(tx, FileId(row::number(&key)?), time, &mut left)?;
            }
        }
    }
}

/// Clears away one deleted file or folder, up to `left` things of it; returns whether it is gone.
fn clear(tx: &mut impl Write, id: FileId, time: ChangeTime, left: &mut usize) -> Result<bool> {
    let Some(node) = row::get::<FileRecord>(tx, FILE, &id.to_key())? else {
        tx.del(DELETED_FILE, &id.to_key())?;
        return Ok(true);
    };
    match node.kind {
        Kind::File => clear_versions(tx, id, node.drive, time, left)?,
        Kind::Folder => {
            clear_children(tx, id, left)?;
            clear_trash(tx, node.drive, left)?;
        }
    }
    clear_links(tx, id, left)?;
    clear_shares(tx, id, left)?;
    if *left == 0 {
        return Ok(false);
    }
    *left -= 1;
    if node.kind == Kind::File {
        counter::add(tx, Counter::DriveFiles(node.drive), -1)?;
    }
    attribute::remove(tx, id, &node)?;
    tx.del(FILE, &id.to_key())?;
    tx.del(DELETED_FILE, &id.to_key())?;
    Ok(true)
}

fn clear_versions(
    tx: &mut impl Write,
    file: FileId,
    drive: DriveId,
    time: ChangeTime,
    left: &mut usize,
) -> Result<()> {
    for (suffix, value) in prefix::page(tx, VERSION, &file.to_key(), None, *left)? {
        let id = VersionId::new(file, node::version_number(&suffix)?);
        version::erase(tx, drive, id, &VersionRecord::decode(&value)?, time)?;
        *left -= 1;
    }
    Ok(())
}

fn clear_children(tx: &mut impl Write, folder: FileId, left: &mut usize) -> Result<()> {
    for (_, value) in prefix::page(tx, CHILD, &folder.to_key(), None, *left)? {
        let child = ChildRecord::decode(&value)?.file;
        let node = node::record(tx, child)?;
        detach(tx, child, node)?;
        *left -= 1;
    }
    Ok(())
}

/// With the root of a deleted drive goes what lies in its trash.
fn clear_trash(tx: &mut impl Write, drive: DriveId, left: &mut usize) -> Result<()> {
    if row::exists(tx, DRIVE, &drive.to_key())? {
        return Ok(());
    }
    for (key, _) in prefix::page(tx, TRASH, &drive.to_key(), None, *left)? {
        let file = FileId(row::number(&key)?);
        let node = node::record(tx, file)?;
        detach(tx, file, node)?;
        *left -= 1;
    }
    Ok(())
}

fn clear_links(tx: &mut impl Write, file: FileId, left: &mut usize) -> Result<()> {
    for link in row::seconds(tx, FILE_LINK, file.0, *left)? {
        tx.del(LINK, &LinkId(link).to_key())?;
        tx.del(FILE_LINK, &row::pair(file.0, link))?;
        counter::remove(tx, Counter::LinkDownloads(LinkId(link)))?;
        *left -= 1;
    }
    Ok(())
}

fn clear_shares(tx: &mut impl Write, file: FileId, left: &mut usize) -> Result<()> {
    for share in row::seconds(tx, FILE_SHARE, file.0, *left)? {
        tx.del(SHARE, &ShareId(share).to_key())?;
        tx.del(FILE_SHARE, &row::pair(file.0, share))?;
        counter::remove(tx, Counter::ShareViews(ShareId(share)))?;
        counter::remove(tx, Counter::ShareArchives(ShareId(share)))?;
        *left -= 1;
    }
    Ok(())
}
