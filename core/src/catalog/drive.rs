//! Drives: named trees of files.

use std::collections::BTreeMap;

use super::counter::{self, Counter};
use super::id_sequence::{self, NewId};
use super::info::DriveInfo;
use super::record::{DriveRecord, FileRecord, Kind};
use super::table::{DELETED_FILE, DRIVE, DRIVE_NAME, FILE};
use super::{attribute, prefix, row};
use crate::id::DriveId;
use crate::kv::{Read, Write};
use crate::name::{check_name, shown};
use crate::time::Time;
use crate::{Error, Result};

/// Returns the drive of that name; makes it, with its root folder, if there is none.
///
/// # Errors
/// `InvalidArgument` when the name cannot be one.
pub(crate) fn open(tx: &mut impl Write, name: &str, ids: &mut impl NewId, now: Time) -> Result<DriveId> {
    check_name(name)?;
    if let Some(id) = find(tx, name)? {
        return Ok(id);
    }
    if prefix::page(tx, DRIVE, &[], None, 1)?.is_empty() {
        attribute::set_complete(tx)?;
    }
    let id = DriveId(ids.next()?);
    let root = id_sequence::file(ids)?;
    let drive = DriveRecord { name: name.to_owned(), root, created: now, revocations: 0, max_versions: 0 };
    let folder = FileRecord {
        drive: id,
        parent: None,
        name: String::new(),
        kind: Kind::Folder,
        current: 0,
        next: 1,
        created: now,
        modified: now,
        attributes: BTreeMap::new(),
        revocations: 0,
        trashed: None,
        dated: now.unix(),
    };
    row::put(tx, FILE, &root.to_key(), &folder)?;
    tx.put(DRIVE_NAME, name.as_bytes(), &id.to_key())?;
    row::put(tx, DRIVE, &id.to_key(), &drive)?;
    Ok(id)
}

/// Looks for a drive by name.
pub(crate) fn find(tx: &impl Read, name: &str) -> Result<Option<DriveId>> {
    Ok(row::id(tx, DRIVE_NAME, name.as_bytes())?.map(DriveId))
}

/// Reads a drive's record, if there is one.
pub(crate) fn load(tx: &impl Read, id: DriveId) -> Result<Option<DriveRecord>> {
    row::get(tx, DRIVE, &id.to_key())
}

/// Returns a drive's record.
///
/// # Errors
/// `NotFound` when there is no such drive, or no longer.
pub(crate) fn get(tx: &impl Read, id: DriveId) -> Result<DriveRecord> {
    load(tx, id)?.ok_or_else(|| Error::not_found(format!("there is no drive {id}")))
}

/// Describes a drive.
///
/// # Errors
/// `NotFound` when there is no such drive, or no longer.
pub(crate) fn info(tx: &impl Read, id: DriveId) -> Result<DriveInfo> {
    let record = get(tx, id)?;
    Ok(DriveInfo {
        id,
        name: record.name,
        root: record.root,
        created: record.created,
        max_versions: record.max_versions,
        files: counter::total(tx, Counter::DriveFiles(id))?,
        bytes: counter::total(tx, Counter::DriveBytes(id))?,
    })
}

/// Lists up to `limit` drives by name, those behind `after`.
pub(crate) fn list(tx: &impl Read, after: Option<&str>, limit: usize) -> Result<Vec<DriveInfo>> {
    prefix::page(tx, DRIVE_NAME, &[], after.map(str::as_bytes), limit)?
        .iter()
        .map(|(_, id)| info(tx, DriveId(row::number(id)?)))
        .collect()
}

/// Sets how many versions a file keeps, those marked to be kept not counted; 0 is all of them.
/// Each file is cut down to that at its next put.
///
/// # Errors
/// `NotFound` when there is no such drive.
pub(crate) fn set_max_versions(tx: &mut impl Write, id: DriveId, max_versions: u32) -> Result<()> {
    let record = get(tx, id)?;
    row::put(tx, DRIVE, &id.to_key(), &DriveRecord { max_versions, ..record })
}

/// Makes every URL into the drive invalid.
///
/// # Errors
/// `NotFound` when there is no such drive.
pub(crate) fn revoke(tx: &mut impl Write, id: DriveId) -> Result<()> {
    let mut record = get(tx, id)?;
    record.revocations = row::revoked(record.revocations)?;
    row::put(tx, DRIVE, &id.to_key(), &record)
}

/// Notes that URLs of something in a drive were made invalid.
pub(crate) fn withdraw(tx: &mut impl Write, id: DriveId) -> Result<()> {
    counter::add(tx, Counter::Withdrawals(id), 1)
}

/// Returns a number that goes up whenever URLs of a drive, or of a file or version in it, are made
/// invalid: what hangs on many files at once is held to it.
///
/// # Errors
/// `NotFound` when there is no such drive.
pub(crate) fn withdrawals(tx: &impl Read, id: DriveId) -> Result<u64> {
    Ok(get(tx, id)?.revocations.wrapping_add(counter::total(tx, Counter::Withdrawals(id))?))
}

/// Deletes a drive for good: its name is free at once, its files are gone, and their rows are
/// cleared away by [`super::delete::step`].
///
/// # Errors
/// `NotFound` when there is no drive of that name.
pub(crate) fn delete(tx: &mut impl Write, name: &str) -> Result<()> {
    let id = find(tx, name)?
        .ok_or_else(|| Error::not_found(format!("there is no drive named {}", shown(name))))?;
    let root = get(tx, id)?.root;
    tx.del(DRIVE, &id.to_key())?;
    tx.del(DRIVE_NAME, name.as_bytes())?;
    counter::remove(tx, Counter::Withdrawals(id))?;
    counter::remove(tx, Counter::DriveArchives(id))?;
    tx.put(DELETED_FILE, &root.to_key(), &[])
}
