//! Attributes of files and folders, and the rows by which they are found.
//!
//! Each has a row, whose key begins with the drive, the name and the value; long ones are cut, and the file's
//! record says the rest.

use std::collections::{BTreeMap, BTreeSet};

use super::record::FileRecord;
use super::row;
use super::table::{ATTRIBUTE, META};
use crate::Result;
use crate::id::{DriveId, FileId};
use crate::kv::{Read, Write};

/// How many bytes of a name and of a value are in a key.
const CUT: usize = 128;

/// The row of META that says that every attribute has its row.
const COMPLETE: &[u8] = b"attributes-indexed";

/// Returns what the keys of a drive's attributes of one name begin with: the drive, the length of the name
/// and its beginning.
pub(super) fn key_of_name(drive: DriveId, name: &str) -> Vec<u8> {
    let len = u32::try_from(name.len()).unwrap_or(u32::MAX);
    [&drive.to_key()[..], &len.to_be_bytes(), beginning(name)].concat()
}

/// Returns as much of a name or a value as is in a key.
pub(super) fn beginning(text: &str) -> &[u8] {
    let bytes = text.as_bytes();
    bytes.get(..CUT).unwrap_or(bytes)
}

/// Returns the key of an attribute of a file.
pub(super) fn key(drive: DriveId, name: &str, value: &str, file: FileId) -> Vec<u8> {
    [&key_of_name(drive, name), beginning(value), &file.to_key()].concat()
}

/// Returns the keys of all attributes of a file.
fn keys(drive: DriveId, file: FileId, attributes: &BTreeMap<String, String>) -> BTreeSet<Vec<u8>> {
    attributes.iter().map(|(name, value)| key(drive, name, value, file)).collect()
}

/// Replaces the attributes of a file or folder, in its record and in the rows by which they are found.
pub(super) fn replace(
    tx: &mut impl Write,
    file: FileId,
    node: &mut FileRecord,
    attributes: BTreeMap<String, String>,
) -> Result<()> {
    if node.attributes == attributes {
        return Ok(());
    }
    let (old, new) = (keys(node.drive, file, &node.attributes), keys(node.drive, file, &attributes));
    for key in old.difference(&new) {
        tx.del(ATTRIBUTE, key)?;
    }
    for key in new.difference(&old) {
        tx.put(ATTRIBUTE, key, &[])?;
    }
    node.attributes = attributes;
    Ok(())
}

/// Writes the rows of a file, whether they are there or not.
pub(super) fn write(tx: &mut impl Write, file: FileId, node: &FileRecord) -> Result<()> {
    keys(node.drive, file, &node.attributes).iter().try_for_each(|key| tx.put(ATTRIBUTE, key, &[]))
}

/// Removes the rows of a file whose record is removed.
pub(super) fn remove(tx: &mut impl Write, file: FileId, node: &FileRecord) -> Result<()> {
    keys(node.drive, file, &node.attributes).iter().try_for_each(|key| tx.del(ATTRIBUTE, key))
}

/// Whether every attribute has its row.
pub(crate) fn is_complete(tx: &impl Read) -> Result<bool> {
    row::exists(tx, META, COMPLETE)
}

/// Makes a note that every attribute has its row.
pub(super) fn set_complete(tx: &mut impl Write) -> Result<()> {
    tx.put(META, COMPLETE, &[])
}

/// Whether a row is of a file that has the attribute.
pub(super) fn is_row_of(node: &FileRecord, file: FileId, row: &[u8]) -> bool {
    keys(node.drive, file, &node.attributes).contains(row)
}

/// Returns how many of the rows of a file's attributes are there, and how many are missing.
pub(super) fn rows_of(tx: &impl Read, file: FileId, node: &FileRecord) -> Result<(u64, u64)> {
    let (mut there, mut missing) = (0, 0);
    for key in keys(node.drive, file, &node.attributes) {
        match row::exists(tx, ATTRIBUTE, &key)? {
            true => there += 1,
            false => missing += 1,
        }
    }
    Ok((there, missing))
}
