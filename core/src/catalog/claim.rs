//! Content found by its SHA-1, for clients that claim to have it.
//!
//! A claim is never believed: SHA-1 collides on purpose, and a hash is no content. What is found here
//! is what a proof is then asked of. Only content from [`MIN_LEN`] on is noted with every put, since a
//! claim of less saves nobody anything; what came by an upload in parts is noted at any length.

use super::blob;
use super::record::BlobRecord;
use super::row;
use super::table::BLOB_SHA1;
use crate::id::BlobId;
use crate::kv::{Read, Scan, Write};
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

/// Forgets a blob that was noted; one that was not is no error.
pub(crate) fn remove(tx: &mut impl Write, id: BlobId, record: &BlobRecord) -> Result<()> {
    let whole = key(record.scope, WHOLE, &record.sha1, id);
    let beginning = tx.get(BLOB_SHA1, &whole, sha1)?;
    if let Some(beginning) = beginning {
        tx.del(BLOB_SHA1, &whole)?;
        tx.del(BLOB_SHA1, &key(record.scope, BEGIN, &beginning, id))?;
    }
    Ok(())
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

/// Finds the content with this SHA-1 and length. None where there is none, and none where two
/// contents have that SHA-1: one of them was made to collide.
pub(crate) fn find(
    tx: &impl Read,
    scope: u64,
    sha1: &[u8; 20],
    len: u64,
) -> Result<Option<(BlobId, BlobRecord)>> {
    let found = under(tx, scope, WHOLE, sha1)?;
    let mut records = Vec::new();
    for id in found {
        records.push((id, blob::get(tx, id)?));
    }
    match records.as_slice() {
        [(id, record)] if record.len == len => Ok(Some((*id, record.clone()))),
        _ => Ok(None),
    }
}

/// Whether there may be content of this length that begins so. Where many begin alike, not all are
/// looked at, and the answer is yes.
pub(crate) fn begins(tx: &impl Read, scope: u64, beginning: &[u8; 20], len: u64) -> Result<bool> {
    let found = under(tx, scope, BEGIN, beginning)?;
    if found.len() == MAX_FOUND {
        return Ok(true);
    }
    for id in found {
        if blob::get(tx, id)?.len == len {
            return Ok(true);
        }
    }
    Ok(false)
}

fn under(tx: &impl Read, scope: u64, kind: u8, sha1: &[u8; 20]) -> Result<Vec<BlobId>> {
    let (first, last) = (key(scope, kind, sha1, BlobId(0)), key(scope, kind, sha1, BlobId(u64::MAX)));
    let mut found = Vec::new();
    tx.scan(BLOB_SHA1, row::between(&first, &last), false, &mut |key, _| {
        found.push(BlobId(row::tail(BLOB_SHA1, key)?));
        Ok(if found.len() < MAX_FOUND { Scan::Next } else { Scan::Stop })
    })?;
    Ok(found)
}
