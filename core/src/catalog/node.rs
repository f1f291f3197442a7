//! Nodes: a file or folder has one `FILE` row, by id, and one `CHILD` row in its folder, by name. What
//! went to the trash or was deleted has no `CHILD` row, so that no path leads to it.

use std::collections::BTreeMap;

use super::record::{ChildRecord, FileRecord, Kind, VersionRecord};
use super::table::{CHILD, FILE, VERSION};
use super::{attribute, row};
use crate::id::{BlobId, DriveId, FileId, VersionId};
use crate::kv::{Read, Write};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// The most bytes of attributes a file can have, names and values together.
const MAX_ATTRIBUTES: usize = 64 << 10;

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
    check_attributes(&attributes)?;
    let mut node = get(tx, file)?;
    attribute::replace(tx, file, &mut node, attributes)?;
    node.modified = now;
    update(tx, file, &node)
}

/// Checks that attributes are no more than a file can have.
///
/// # Errors
/// `TooLarge` when names and values are over 64 KiB together.
pub(crate) fn check_attributes(attributes: &BTreeMap<String, String>) -> Result<()> {
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
    Ok(())
}

/// Says how old a file or folder was in another system, and what was kept with it there.
///
/// # Errors
/// `NotFound` when there is none.
pub(crate) fn set_origin(
    tx: &mut impl Write,
    file: FileId,
    created: Option<Time>,
    modified: Option<Time>,
    attributes: Option<&BTreeMap<String, String>>,
) -> Result<()> {
    let mut node = get(tx, file)?;
    node.created = created.unwrap_or(node.created);
    node.modified = modified.unwrap_or(node.modified);
    if let Some(attributes) = attributes {
        attribute::replace(tx, file, &mut node, attributes.clone())?;
    }
    update(tx, file, &node)
}

/// Returns the record of a file that another row names.
pub(crate) fn record(tx: &impl Read, file: FileId) -> Result<FileRecord> {
    row::get(tx, FILE, &file.to_key())?.ok_or_else(|| broken(file))
}

/// Makes the record of a new file or folder.
pub(crate) fn new(drive: DriveId, parent: FileId, name: &str, kind: Kind, now: Time) -> FileRecord {
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
            executable: current.is_some_and(|version| version.executable),
        };
        row::put(tx, CHILD, &child_key(parent, &node.name), &row)?;
    }
    row::put(tx, FILE, &id.to_key(), node)
}

/// Writes the rows of a file or folder anew, its current version looked up.
pub(crate) fn update(tx: &mut impl Write, id: FileId, node: &FileRecord) -> Result<()> {
    let current = match (node.kind, node.parent) {
        (Kind::File, Some(_)) => {
            let key = version_key(VersionId::new(id, node.current));
            Some(row::get(tx, VERSION, &key)?.ok_or_else(|| broken(id))?)
        }
        _ => None,
    };
    insert(tx, id, node, current.as_ref())
}

/// Says that rows which hang together do not.
pub(crate) fn broken(file: FileId) -> Error {
    Error::corrupt(format!("a row that belongs to file {file} is missing; check the store"))
}

/// Makes the key of a version: the newest of a file sorts first.
pub(crate) fn version_key(version: VersionId) -> [u8; 12] {
    let mut key = [0; 12];
    let (file, number) = key.split_at_mut(8);
    file.copy_from_slice(&version.file().to_key());
    number.copy_from_slice(&(!version.number()).to_be_bytes());
    key
}

/// Reads the number of a version from what its key holds behind the file.
pub(crate) fn version_number(suffix: &[u8]) -> Result<u32> {
    let bytes = suffix.try_into().map_err(|_| Error::corrupt("a version's key has a wrong length"))?;
    Ok(!u32::from_be_bytes(bytes))
}
