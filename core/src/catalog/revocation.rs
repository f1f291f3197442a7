//! Revocation counters of versions, files and drives, and their sums, which tokens carry.

use super::record::Kind;
use super::table::{FILE, VERSION};
use super::{drive, node, row, version};
use crate::id::{DriveId, FileId, VersionId};
use crate::kv::{Read, Write};
use crate::mutant::{self, Mutant};
use crate::{Error, Result};

/// Makes every URL of a file invalid, and of its versions, and every archive of something in its drive.
///
/// # Errors
/// `NotFound` when there is no such file, `InvalidArgument` when it is a folder: none has URLs of its
/// own, and those of what lies in it would go on.
pub(crate) fn revoke_file(tx: &mut impl Write, file: FileId) -> Result<()> {
    let mut node = node::get(tx, file)?;
    if node.kind == Kind::Folder && !mutant::is_active(Mutant::RevokedFolder) {
        return Err(Error::invalid(format!(
            "{file} is a folder, which has no URLs of its own; revoke the files in it, its shares, or the drive"
        )));
    }
    node.revocations = row::revoked(node.revocations)?;
    drive::withdraw(tx, node.drive)?;
    row::put(tx, FILE, &file.to_key(), &node)
}

/// Makes every URL of a version invalid, and every archive of something in its drive.
///
/// # Errors
/// As [`super::version::get`].
pub(crate) fn revoke_version(tx: &mut impl Write, id: VersionId) -> Result<()> {
    let (file, mut version) = version::get(tx, id)?;
    version.revocations = row::revoked(version.revocations)?;
    drive::withdraw(tx, file.drive)?;
    row::put(tx, VERSION, &node::version_key(id), &version)
}

/// Returns the epoch of a version: a number that goes up when it, its file or its drive is
/// revoked, and never goes down. A token that carries another is revoked.
///
/// # Errors
/// As [`super::version::get`]; `NotFound` also when the drive was deleted.
pub(crate) fn of_version(tx: &impl Read, id: VersionId) -> Result<u64> {
    let (file, version) = version::get(tx, id)?;
    Ok(version::sum(&version, &file, of_drive(tx, file.drive)?))
}

/// Returns the epoch of a file or folder, as [`of_version`] does of a version.
///
/// # Errors
/// `NotFound` when there is no such file, or its drive was deleted.
pub(crate) fn of_file(tx: &impl Read, file: FileId) -> Result<u64> {
    let record = node::get(tx, file)?;
    Ok(record.revocations.wrapping_add(of_drive(tx, record.drive)?))
}

/// Returns the epoch of a drive, as [`of_version`] does of a version.
///
/// # Errors
/// `NotFound` when there is no such drive.
pub(crate) fn of_drive(tx: &impl Read, drive: DriveId) -> Result<u64> {
    Ok(drive::get(tx, drive)?.revocations)
}
