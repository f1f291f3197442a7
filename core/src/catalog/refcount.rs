//! The life of blobs: counted by reference, quarantined when damaged, forgotten when nothing has them.
//!
//! A blob that the last version let go of waits for the store's grace ([`super::grace`]), because an
//! archive, a reply under way or a put of the same content may still want it. Its row in `DELETED_BLOB`
//! and the time in its own record come and go together, so that reviving it needs no search.

use super::blob;
use super::counter::{self, Counter};
use super::record::BlobRecord;
use super::table::{BLOB, DELETED_BLOB};
use super::{hash_index, prefix, row, sha1_index};
use crate::id::BlobId;
use crate::kv::{Read, Scan, Write};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// When content was let go of that need not wait for the grace.
pub(crate) const AT_ONCE: Time = Time(i64::MIN);

/// Sets damaged content aside, so that the same content put again is stored anew.
///
/// # Errors
/// `NotFound` when there is no such blob.
pub(crate) fn quarantine(tx: &mut impl Write, id: BlobId) -> Result<()> {
    let record = blob::get(tx, id)?;
    if blob::is_quarantined(record.scope) {
        return Ok(());
    }
    if blob::is_shared(record.scope) {
        sha1_index::remove(tx, id, &record)?;
        hash_index::remove(tx, id, record.scope, &record.blake3)?;
    }
    row::put(tx, BLOB, &id.to_key(), &BlobRecord { scope: record.scope ^ blob::QUARANTINED, ..record })
}

/// Ends the quarantine of content, and returns whether it did. Where the same content
/// was put again meanwhile, that one stays the one that is found, and this one aside.
///
/// # Errors
/// `NotFound` when there is no such blob.
pub(crate) fn reinstate(tx: &mut impl Write, id: BlobId) -> Result<bool> {
    let record = blob::get(tx, id)?;
    let scope = record.scope ^ blob::QUARANTINED;
    if !blob::is_quarantined(record.scope)
        || (blob::is_shared(scope) && blob::find(tx, scope, &record.blake3)?.is_some())
    {
        return Ok(false);
    }
    if blob::is_shared(scope) {
        hash_index::add(tx, id, scope, &record.blake3)?;
    }
    row::put(tx, BLOB, &id.to_key(), &BlobRecord { scope, ..record })?;
    Ok(true)
}

/// Brings the content of a part into a scope where it is found by its hash.
///
/// # Errors
/// `NotFound` when there is no such blob, `Bug` when the scope has that content: [`super::blob::find`] it first,
/// in the same transaction.
pub(crate) fn adopt(tx: &mut impl Write, id: BlobId, scope: u64) -> Result<()> {
    let record = blob::get(tx, id)?;
    if record.scope != blob::APART {
        return Ok(());
    }
    if blob::find(tx, scope, &record.blake3)?.is_some() {
        return Err(Error::bug(format!("the content of blob {id} is in the catalog already")));
    }
    hash_index::add(tx, id, scope, &record.blake3)?;
    row::put(tx, BLOB, &id.to_key(), &BlobRecord { scope, ..record })
}

/// Adds a blob that no version has yet: it waits for the grace from `released` on, unless one links it
/// before.
///
/// `record.refs` and `record.released` are set here.
///
/// # Errors
/// `Bug` when the id is taken or the scope has that content: [`super::blob::find`] it first, in the same
/// transaction.
pub(crate) fn insert(tx: &mut impl Write, id: BlobId, record: BlobRecord, released: Time) -> Result<()> {
    if row::exists(tx, BLOB, &id.to_key())? || blob::find(tx, record.scope, &record.blake3)?.is_some() {
        return Err(Error::bug(format!("blob {id} or its content is in the catalog already")));
    }
    let record = BlobRecord { refs: 0, released: Some(released), ..record };
    tx.put(DELETED_BLOB, &row::due(released, id.0), &[])?;
    enter(tx, id, &record)
}

/// Adds a blob together with the first version that has it, and returns its record: the rows are those that
/// [`insert`] and [`link`] leave. That the scope has no such content, the caller has found in the same transaction.
///
/// `record.refs` and `record.released` are set here.
///
/// # Errors
/// `Bug` when the id is taken.
pub(crate) fn insert_linked(tx: &mut impl Write, id: BlobId, record: BlobRecord) -> Result<BlobRecord> {
    if row::exists(tx, BLOB, &id.to_key())? {
        return Err(Error::bug(format!("blob {id} is in the catalog already")));
    }
    let record = BlobRecord { refs: 1, released: None, ..record };
    enter(tx, id, &record)?;
    Ok(record)
}

/// Writes the rows of a blob that is new.
fn enter(tx: &mut impl Write, id: BlobId, record: &BlobRecord) -> Result<()> {
    if blob::is_shared(record.scope) {
        hash_index::add(tx, id, record.scope, &record.blake3)?;
    }
    counter::add(tx, Counter::Blobs, 1)?;
    counter::add(tx, Counter::BlobBytes, blob::signed(record.len)?)?;
    row::put(tx, BLOB, &id.to_key(), record)
}

/// Counts one more version that has the content, and returns the record.
///
/// # Errors
/// `NotFound` when there is no such blob.
pub(crate) fn link(tx: &mut impl Write, id: BlobId) -> Result<BlobRecord> {
    let mut record = blob::get(tx, id)?;
    record.refs = record.refs.checked_add(1).ok_or_else(|| Error::bug("a blob's references overflow"))?;
    if let Some(released) = record.released.take() {
        tx.del(DELETED_BLOB, &row::due(released, id.0))?;
    }
    row::put(tx, BLOB, &id.to_key(), &record)?;
    Ok(record)
}

/// Counts one version less, and returns the record; content that no version has waits for the
/// grace from `released` on.
///
/// # Errors
/// `Corrupt` when there is no such blob, or no version had it.
pub(crate) fn unlink(tx: &mut impl Write, id: BlobId, released: Time) -> Result<BlobRecord> {
    let found = row::get::<BlobRecord>(tx, BLOB, &id.to_key())?;
    let Some((mut record, refs)) = found.and_then(|record| {
        let refs = record.refs.checked_sub(1)?;
        Some((record, refs))
    }) else {
        return Err(Error::corrupt(format!("blob {id} of a version is gone, or counted too low")));
    };
    record.refs = refs;
    if refs == 0 {
        record.released = Some(released);
        tx.put(DELETED_BLOB, &row::due(released, id.0), &[])?;
    }
    row::put(tx, BLOB, &id.to_key(), &record)?;
    Ok(record)
}

/// Returns up to `limit` blobs that were let go of at `until` or before, the one that waits longest first; and
/// where those behind them begin, which is what the next call is given as `after`.
pub(crate) fn released(
    tx: &impl Read,
    until: Time,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<(Vec<BlobId>, Option<Vec<u8>>)> {
    let (mut ids, mut last) = (Vec::new(), None);
    prefix::under(tx, DELETED_BLOB, &[], after, &mut |key, _| {
        // Keys begin with the time, so the first one that is too young ends the scan.
        if ids.len() == limit || row::due_time(DELETED_BLOB, key)? > until {
            return Ok(Scan::Stop);
        }
        ids.push(BlobId(row::tail(DELETED_BLOB, key)?));
        last = Some(key.to_vec());
        Ok(Scan::Next)
    })?;
    Ok((ids, last))
}

/// What waits for the grace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) blobs: u64,
    pub(crate) bytes: u64,
    /// When the first of it was let go of.
    pub(crate) first: Option<Time>,
}

/// Counts what waits for the grace, at the price of two rows for each blob. The bytes of one whose record
/// is damaged are not known.
pub(crate) fn waiting(tx: &impl Read) -> Result<Waiting> {
    let mut waiting = Waiting::default();
    prefix::under(tx, DELETED_BLOB, &[], None, &mut |key, _| {
        let record = match blob::get(tx, BlobId(row::tail(DELETED_BLOB, key)?)) {
            Ok(record) => Some(record),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt) => None,
            Err(error) => return Err(error),
        };
        waiting.blobs += 1;
        waiting.bytes = waiting.bytes.saturating_add(record.map_or(0, |record| record.len));
        waiting.first.get_or_insert(row::due_time(DELETED_BLOB, key)?);
        Ok(Scan::Next)
    })?;
    Ok(waiting)
}

/// Deletes the rows of a blob that was let go of at `until` or before and returns its record, so that its
/// file can be removed or its bytes counted as dead once the transaction is durable.
///
/// None, and nothing is deleted, when it is gone already, a version has it again, or it was let
/// go of anew and its time has not come.
pub(crate) fn forget(tx: &mut impl Write, id: BlobId, until: Time) -> Result<Option<BlobRecord>> {
    let Some(record) = row::get::<BlobRecord>(tx, BLOB, &id.to_key())? else { return Ok(None) };
    let released = record.released.filter(|released| record.refs == 0 && *released <= until);
    let Some(released) = released else { return Ok(None) };
    // A quarantined blob and a part of an upload are not found by their hash; another blob may be by now.
    if blob::is_shared(record.scope) {
        hash_index::remove(tx, id, record.scope, &record.blake3)?;
    }
    sha1_index::remove(tx, id, &record)?;
    tx.del(DELETED_BLOB, &row::due(released, id.0))?;
    tx.del(BLOB, &id.to_key())?;
    counter::add(tx, Counter::Blobs, -1)?;
    counter::add(tx, Counter::BlobBytes, -blob::signed(record.len)?)?;
    Ok(Some(record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::record::Location;
    use crate::catalog::table;
    use crate::kv::memory::MemoryKv;
    use crate::kv::{Commit, Kv};

    #[test]
    fn a_blob_that_comes_with_its_version_has_the_rows_of_one_that_came_before() {
        for scope in [0, 9, blob::APART] {
            let content = BlobRecord {
                location: Location::Segment { segment: 1, offset: 64 },
                len: 5,
                crc32: 1,
                crc64: 2,
                sha1: [3; 20],
                blake3: [4; 32],
                refs: 7,
                released: Some(Time(8)),
                scope,
            };
            let rows = |add: &dyn Fn(&mut <MemoryKv as Kv>::Writer) -> Result<BlobRecord>| {
                let kv = MemoryKv::default();
                let record = kv.write(Commit::Synced, |tx| add(tx)).unwrap();
                let (tx, mut rows) = (kv.reader().unwrap(), Vec::new());
                for table in table::ALL {
                    tx.scan(*table, row::ALL, false, &mut |key, value| {
                        rows.push((table.name, key.to_vec(), value.to_vec()));
                        Ok(Scan::Next)
                    })
                    .unwrap();
                }
                (record, rows)
            };
            let id = BlobId(6);
            let together = rows(&|tx| insert_linked(tx, id, content.clone()));
            let before = rows(&|tx| insert(tx, id, content.clone(), Time(9)).and_then(|()| link(tx, id)));
            assert_eq!(together, before);
            assert_eq!((together.0.refs, together.0.released), (1, None));
            let twice = MemoryKv::default().write(Commit::Synced, |tx| {
                insert_linked(tx, id, content.clone())?;
                insert_linked(tx, id, content.clone())
            });
            assert_eq!(twice.unwrap_err().kind(), ErrorKind::Bug);
        }
    }
}
