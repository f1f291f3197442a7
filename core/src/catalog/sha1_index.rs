//! Content found by its SHA-1, for clients that claim to have it.
//!
//! A claim is never believed: SHA-1 collides on purpose, and a hash is not content. What is found here
//! is what a proof is then asked of. Only content from [`MIN_LEN`] on is noted with every put, since a
//! claim of less saves nobody anything; what came by an upload in parts is noted at any length.
//!
//! Where drives share content, it is also noted under each drive that has a version of it, with how many
//! those are: so a claim is answered by what its own drive has, and what others have changes neither the
//! answer nor the time it takes.

use super::blob;
use super::record::BlobRecord;
use super::row;
use super::table::{BLOB_SHA1, DRIVE_SHA1};
use crate::digest::Digest;
use crate::id::{BlobId, DriveId};
use crate::kv::{FirstRow, Read, Scan, Table, Write};
use crate::{Error, Result};

/// Content of fewer bytes is not noted with a put.
pub(crate) const MIN_LEN: u64 = 64 << 10;
/// How much of the content its beginning is, in bytes.
pub(crate) const BEGINNING: usize = 1024;
/// How many blobs under one hash are looked at.
const MAX_FOUND: usize = 64;

const WHOLE: u8 = 0;
const BEGIN: u8 = 1;

fn prefix(scope: u64, kind: u8, sha1: &[u8; 20]) -> Vec<u8> {
    [&scope.to_be_bytes()[..], &[kind], sha1].concat()
}

fn key(scope: u64, kind: u8, sha1: &[u8; 20], blob: BlobId) -> Vec<u8> {
    [&prefix(scope, kind, sha1)[..], &blob.to_key()].concat()
}

/// Notes a blob under its SHA-1 and that of its beginning, if it is found by its hash at all.
///
/// # Errors
/// `NotFound` when there is no such blob.
pub(crate) fn note(tx: &mut impl Write, id: BlobId, beginning: [u8; 20]) -> Result<()> {
    let record = blob::get(tx, id)?;
    if !blob::is_shared(record.scope) {
        return Ok(());
    }
    let whole = key(record.scope, WHOLE, &record.sha1, id);
    if row::exists(tx, BLOB_SHA1, &whole)? {
        return Ok(());
    }
    tx.put(BLOB_SHA1, &whole, &beginning)?;
    tx.put(BLOB_SHA1, &key(record.scope, BEGIN, &beginning, id), &[])
}

/// Returns the rows that are looked for when a blob is noted that is new, and when a drive has a version of it.
pub(super) fn rows_of_new(scope: u64, drive: DriveId, digest: &Digest, id: BlobId) -> [FirstRow; 2] {
    let row = |table, scope| FirstRow::of(table, key(scope, WHOLE, &digest.sha1, id));
    [row(BLOB_SHA1, scope), row(DRIVE_SHA1, drive.0)]
}

/// Forgets a blob that was noted; one that was not is not an error.
pub(crate) fn remove(tx: &mut impl Write, id: BlobId, record: &BlobRecord) -> Result<()> {
    let whole = key(record.scope, WHOLE, &record.sha1, id);
    let beginning = tx.get(BLOB_SHA1, &whole, sha1)?;
    if let Some(beginning) = beginning {
        tx.del(BLOB_SHA1, &whole)?;
        tx.del(BLOB_SHA1, &key(record.scope, BEGIN, &beginning, id))?;
    }
    Ok(())
}

/// Whether what a drive has of a blob is noted: where drives share it, and a claim of it saves something.
fn is_held(record: &BlobRecord) -> bool {
    let apart = blob::is_shared(record.scope) && record.scope != 0;
    record.len >= MIN_LEN && !apart
}

/// Notes that a drive has one more version of a blob that is noted itself.
pub(crate) fn hold(tx: &mut impl Write, drive: DriveId, id: BlobId, record: &BlobRecord) -> Result<()> {
    if !is_held(record) {
        return Ok(());
    }
    let noted = tx.get(BLOB_SHA1, &key(record.scope, WHOLE, &record.sha1, id), sha1)?;
    let Some(beginning) = noted else { return Ok(()) };
    let whole = key(drive.0, WHOLE, &record.sha1, id);
    let versions = tx.get(DRIVE_SHA1, &whole, held)?.map_or(0, |(_, versions)| versions);
    if versions == 0 {
        tx.put(DRIVE_SHA1, &key(drive.0, BEGIN, &beginning, id), &[])?;
    }
    put_held(tx, &whole, &beginning, versions.saturating_add(1))
}

/// Notes that a drive has one version less of a blob. What was not counted when it came, because the
/// content was quarantined then, is counted down all the same: so the count is never above what there is.
pub(crate) fn release(tx: &mut impl Write, drive: DriveId, id: BlobId, record: &BlobRecord) -> Result<()> {
    if !is_held(record) {
        return Ok(());
    }
    let whole = key(drive.0, WHOLE, &record.sha1, id);
    let Some((beginning, versions)) = tx.get(DRIVE_SHA1, &whole, held)? else { return Ok(()) };
    if versions > 1 {
        return put_held(tx, &whole, &beginning, versions - 1);
    }
    tx.del(DRIVE_SHA1, &whole)?;
    tx.del(DRIVE_SHA1, &key(drive.0, BEGIN, &beginning, id))
}

fn put_held(tx: &mut impl Write, whole: &[u8], beginning: &[u8; 20], versions: u64) -> Result<()> {
    tx.put(DRIVE_SHA1, whole, &[&beginning[..], &versions.to_be_bytes()].concat())
}

fn held(value: &[u8]) -> Result<([u8; 20], u64)> {
    let wrong = || Error::corrupt("what a drive has of a content is not 28 bytes long");
    let (beginning, versions) = value.split_at_checked(20).ok_or_else(wrong)?;
    Ok((sha1(beginning)?, u64::from_be_bytes(versions.try_into().map_err(|_| wrong())?)))
}

/// Whether a row is one of the two that say what a drive has of a blob, the other is there too, and they
/// count no more than `versions`.
///
/// # Errors
/// `Corrupt` when it holds something else than it must.
pub(crate) fn is_held_row(
    tx: &impl Read,
    (drive, id): (DriveId, BlobId),
    record: &BlobRecord,
    (row, value): (&[u8], &[u8]),
    versions: u64,
) -> Result<bool> {
    let whole = key(drive.0, WHOLE, &record.sha1, id);
    if row == whole.as_slice() {
        let (beginning, counted) = held(value)?;
        let begins = row::exists(tx, DRIVE_SHA1, &key(drive.0, BEGIN, &beginning, id))?;
        return Ok(begins && (1..=versions).contains(&counted));
    }
    let beginning = tx.get(DRIVE_SHA1, &whole, held)?.map(|(beginning, _)| beginning);
    Ok(beginning.is_some_and(|beginning| row == key(drive.0, BEGIN, &beginning, id)) && value.is_empty())
}

/// Whether a row is one of the two that note a blob, and the other is there too.
///
/// # Errors
/// `Corrupt` when it holds no SHA-1 where it must.
pub(crate) fn is_row_of(
    tx: &impl Read,
    id: BlobId,
    record: &BlobRecord,
    row: &[u8],
    value: &[u8],
) -> Result<bool> {
    let whole = key(record.scope, WHOLE, &record.sha1, id);
    if row == whole.as_slice() {
        let beginning = sha1(value)?;
        return row::exists(tx, BLOB_SHA1, &key(record.scope, BEGIN, &beginning, id));
    }
    let beginning = tx.get(BLOB_SHA1, &whole, sha1)?;
    Ok(beginning.is_some_and(|beginning| row == key(record.scope, BEGIN, &beginning, id)) && value.is_empty())
}

fn sha1(value: &[u8]) -> Result<[u8; 20]> {
    value.try_into().map_err(|_| Error::corrupt("the sha1 of a beginning is not 20 bytes long"))
}

/// Where a claim is looked up: what is noted of a scope, or of a drive that shares content with others.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Within {
    Scope(u64),
    Drive(DriveId),
}

impl Within {
    fn place(self) -> (Table, u64) {
        match self {
            Within::Scope(scope) => (BLOB_SHA1, scope),
            Within::Drive(drive) => (DRIVE_SHA1, drive.0),
        }
    }
}

/// Finds the content with this SHA-1 and length that a version has. None if there is none, and none
/// where two contents have that SHA-1: one of them was made to collide.
pub(crate) fn find(
    tx: &impl Read,
    within: Within,
    sha1: &[u8; 20],
    len: u64,
) -> Result<Option<(BlobId, BlobRecord)>> {
    let mut records = Vec::new();
    for id in under(tx, within, WHOLE, sha1)? {
        let record = blob::get(tx, id)?;
        if blob::is_shared(record.scope) {
            records.push((id, record));
        }
    }
    match records.as_slice() {
        [(id, record)] if record.len == len && record.refs > 0 => Ok(Some((*id, record.clone()))),
        _ => Ok(None),
    }
}

/// Whether there may be content of this length that begins so. Where many begin alike, not all are
/// looked at, and the answer is yes.
pub(crate) fn begins(tx: &impl Read, within: Within, beginning: &[u8; 20], len: u64) -> Result<bool> {
    let found = under(tx, within, BEGIN, beginning)?;
    if found.len() == MAX_FOUND {
        return Ok(true);
    }
    for id in found {
        let record = blob::get(tx, id)?;
        if record.len == len && record.refs > 0 && blob::is_shared(record.scope) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the newest `limit` blobs of a scope that begin so.
pub(crate) fn newest_beginning(
    tx: &impl Read,
    scope: u64,
    beginning: &[u8; 20],
    limit: usize,
) -> Result<Vec<(BlobId, BlobRecord)>> {
    let (first, last) = keys_under(scope, BEGIN, beginning);
    let mut found = Vec::new();
    tx.scan(BLOB_SHA1, row::between(&first, &last), true, &mut |key, _| {
        let id = BlobId(row::tail(BLOB_SHA1, key)?);
        found.push((id, blob::get(tx, id)?));
        Ok(if found.len() < limit { Scan::Next } else { Scan::Stop })
    })?;
    Ok(found)
}

fn keys_under(scope: u64, kind: u8, sha1: &[u8; 20]) -> (Vec<u8>, Vec<u8>) {
    (key(scope, kind, sha1, BlobId(0)), key(scope, kind, sha1, BlobId(u64::MAX)))
}

fn under(tx: &impl Read, within: Within, kind: u8, sha1: &[u8; 20]) -> Result<Vec<BlobId>> {
    let (table, scope) = within.place();
    let (first, last) = keys_under(scope, kind, sha1);
    let mut found = Vec::new();
    tx.scan(table, row::between(&first, &last), false, &mut |key, _| {
        found.push(BlobId(row::tail(table, key)?));
        Ok(if found.len() < MAX_FOUND { Scan::Next } else { Scan::Stop })
    })?;
    Ok(found)
}
