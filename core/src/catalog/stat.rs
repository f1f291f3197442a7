//! Files and folders as callers see them.

use super::info::FileInfo;
use super::record::{FileRecord, Kind};
use super::{node, path, version};
use crate::Result;
use crate::id::{DriveId, FileId, VersionId};
use crate::kv::Read;

/// Describes what lies at a path.
///
/// # Errors
/// `NotFound` when nothing does, `InvalidArgument` when the path cannot be one.
pub(crate) fn at_path(tx: &impl Read, drive: DriveId, path: &str) -> Result<FileInfo> {
    let (id, record) = path::resolve(tx, drive, path)?;
    describe(tx, id, record)
}

/// Describes a file or folder by id, wherever it lies.
///
/// # Errors
/// `NotFound` when there is none.
pub(crate) fn by_id(tx: &impl Read, file: FileId) -> Result<FileInfo> {
    let record = node::get(tx, file)?;
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
