//! The index of hashes: the blobs of a scope by the BLAKE3 of their content.
//!
//! A key has the beginning of a hash alone, and a row the blobs of all hashes that begin so; what is found is
//! compared with the whole hash in the blob's own row. So a row is a third as long as one with the hash, and it
//! lies in the tables in which pages are changed at random. Earlier builds wrote rows with the whole hash
//! ([`OLD_BLOB_HASH`]): they are found, and removed with their blobs, and no more are written.

use super::record::BlobRecord;
use super::row;
use super::table::{BLOB, BLOB_HASH, OLD_BLOB_HASH};
use crate::id::BlobId;
use crate::kv::{PrefetchRange, Read, Scan, Table, Write};
use crate::mutant::{self, Mutant};
use crate::{Error, ErrorKind, Result};

/// The version of a row, in its first byte.
const VERSION: u8 = 1;

/// Bytes of a hash in a key. A scope is shorter than these.
pub(super) const PREFIX: usize = 6;

/// Makes the key of a hash in a scope.
pub(super) fn key(scope: u64, blake3: &[u8; 32]) -> [u8; PREFIX] {
    let scope = scope.to_be_bytes();
    let scope = scope.last_chunk::<PREFIX>().copied().unwrap_or_default();
    let mut key = blake3.first_chunk().copied().unwrap_or_default();
    key.iter_mut().zip(scope).for_each(|(byte, of_scope): (&mut u8, u8)| *byte ^= of_scope);
    key
}

/// Makes the key that earlier builds gave a hash.
pub(super) fn old_key(scope: u64, blake3: &[u8; 32]) -> Vec<u8> {
    [scope.to_be_bytes().as_slice(), blake3].concat()
}

/// Reads the blobs of a row: the version, and ids in LEB128.
fn decode(value: &[u8]) -> Result<Vec<BlobId>> {
    let damaged = || Error::corrupt("a row of the index of hashes cannot be read");
    let mut rest = match value.split_first() {
        Some((&VERSION, rest)) if !rest.is_empty() => rest,
        Some((version, _)) if *version > VERSION => {
            let message = format!("a row of hashes has version {version}; this build reads up to {VERSION}");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        _ => return Err(damaged()),
    };
    let mut blobs = Vec::new();
    while !rest.is_empty() {
        let (id, behind) = postcard::take_from_bytes::<BlobId>(rest).map_err(|_| damaged())?;
        blobs.push(id);
        rest = behind;
    }
    Ok(blobs)
}

fn encode(blobs: &[BlobId]) -> Result<Vec<u8>> {
    blobs.iter().try_fold(vec![VERSION], |row, id| {
        postcard::to_extend(id, row)
            .map_err(|cause| Error::with_source(ErrorKind::Bug, "encoding a row of hashes", cause))
    })
}

fn blobs(tx: &impl Read, key: &[u8]) -> Result<Vec<BlobId>> {
    Ok(tx.get(BLOB_HASH, key, decode)?.unwrap_or_default())
}

/// Every row that an earlier build wrote, as [`has_old_rows`] reads them.
pub(super) fn old_rows() -> PrefetchRange {
    use std::ops::Bound::Unbounded;
    PrefetchRange { table: OLD_BLOB_HASH, range: (Unbounded, Unbounded), reverse: false, limit: 1 }
}

/// Returns whether there are rows of an earlier build. A change does not go by it: such a row that comes to it
/// meanwhile is of a blob of its own.
pub(super) fn has_old_rows(tx: &impl Read) -> Result<bool> {
    let mut found = false;
    tx.glance(OLD_BLOB_HASH, row::ALL, false, &mut |_, _| {
        found = true;
        Ok(Scan::Stop)
    })?;
    Ok(found)
}

/// Returns the blob in a row of an earlier build.
fn old_blob(tx: &impl Read, scope: u64, blake3: &[u8; 32]) -> Result<Option<BlobId>> {
    match has_old_rows(tx)? {
        true => Ok(row::id(tx, OLD_BLOB_HASH, &old_key(scope, blake3))?.map(BlobId)),
        false => Ok(None),
    }
}

/// Looks for the blob of a scope that has a hash.
pub(super) fn find(tx: &impl Read, scope: u64, blake3: &[u8; 32]) -> Result<Option<BlobId>> {
    for id in blobs(tx, &key(scope, blake3))? {
        let is_it = |blob: BlobRecord| {
            mutant::is_active(Mutant::PrefixesAreHashes) || (blob.scope == scope && blob.blake3 == *blake3)
        };
        if row::get(tx, BLOB, &id.to_key())?.is_some_and(is_it) {
            return Ok(Some(id));
        }
    }
    match old_blob(tx, scope, blake3)? {
        Some(id) if row::exists(tx, BLOB, &id.to_key())? => Ok(Some(id)),
        _ => Ok(None),
    }
}

/// Lets a blob be found by its hash.
pub(super) fn add(tx: &mut impl Write, id: BlobId, scope: u64, blake3: &[u8; 32]) -> Result<()> {
    let key = key(scope, blake3);
    let mut blobs = blobs(tx, &key)?;
    blobs.push(id);
    tx.put(BLOB_HASH, &key, &encode(&blobs)?)
}

/// Lets a blob be found by its hash no more, if it is.
pub(super) fn remove(tx: &mut impl Write, id: BlobId, scope: u64, blake3: &[u8; 32]) -> Result<()> {
    let key = key(scope, blake3);
    let mut blobs = blobs(tx, &key)?;
    if let Some(position) = blobs.iter().position(|other| *other == id) {
        blobs.remove(position);
        match blobs.is_empty() {
            true => tx.del(BLOB_HASH, &key)?,
            false => tx.put(BLOB_HASH, &key, &encode(&blobs)?)?,
        }
    }
    if old_blob(tx, scope, blake3)? == Some(id) {
        tx.del(OLD_BLOB_HASH, &old_key(scope, blake3))?;
    }
    Ok(())
}

/// Returns how many times a blob is found by its hash.
pub(super) fn times(tx: &impl Read, id: BlobId, scope: u64, blake3: &[u8; 32]) -> Result<u64> {
    let new = blobs(tx, &key(scope, blake3))?.into_iter().filter(|other| *other == id).count();
    let old = row::id(tx, OLD_BLOB_HASH, &old_key(scope, blake3))? == Some(id.0);
    Ok(new as u64 + u64::from(old))
}

/// Returns the blobs that a row of either table says.
pub(super) fn blobs_of(table: Table, value: &[u8]) -> Result<Vec<BlobId>> {
    if table == OLD_BLOB_HASH { Ok(vec![BlobId(row::number(value)?)]) } else { decode(value) }
}

/// Makes the key that a hash has in either table.
pub(super) fn key_in(table: Table, scope: u64, blake3: &[u8; 32]) -> Vec<u8> {
    if table == OLD_BLOB_HASH { old_key(scope, blake3) } else { key(scope, blake3).to_vec() }
}
