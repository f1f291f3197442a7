//! Uploads in parts: a record that says what is to become of them, and a row for each part.
//!
//! Parts come in any order, from any process, each in a transaction of its own; a part that comes again
//! takes the place of the one before. An upload that is done keeps its record until it expires, so that
//! whoever asks again gets the same answer; its parts go at once.

use std::time::Duration;

use super::blob::{self, ChangeTime};
use super::counter::{self, Counter};
use super::record::{PartRecord, Record, UploadRecord};
use super::refcount;
use super::table::{UPLOAD, UPLOAD_CLAIM, UPLOAD_EXPIRY, UPLOAD_PART};
use super::{drive, prefix, row};
use crate::id::{BlobId, UploadId, VersionId};
use crate::kv::{Read, Write};
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// The highest number a part can have; the lowest is 1.
pub(crate) const MAX_PARTS: u32 = 10_000;
/// How long an upload is claimed at most: one whose process died is free again then.
const CLAIM: Duration = Duration::from_secs(15 * 60);

fn part_key(id: UploadId, number: u32) -> [u8; 12] {
    let mut key = [0; 12];
    let (upload, part) = key.split_at_mut(8);
    upload.copy_from_slice(&id.to_key());
    part.copy_from_slice(&number.to_be_bytes());
    key
}

/// Writes the record of a new upload.
///
/// # Errors
/// `NotFound` when its drive was deleted, `Exists` when the id is taken.
pub(crate) fn begin(tx: &mut impl Write, id: UploadId, record: &UploadRecord) -> Result<()> {
    drive::get(tx, record.drive)?;
    if row::exists(tx, UPLOAD, &id.to_key())? {
        return Err(Error::new(ErrorKind::Exists, format!("there is an upload {id} already")));
    }
    row::put(tx, UPLOAD, &id.to_key(), record)?;
    tx.put(UPLOAD_EXPIRY, &row::due(record.expires, id.0), &[])
}

/// Reads an upload.
///
/// # Errors
/// `NotFound` when there is none or it was swept, `Expired` from its expiry on.
pub(crate) fn get(tx: &impl Read, id: UploadId, now: Time) -> Result<UploadRecord> {
    let record: UploadRecord = row::get(tx, UPLOAD, &id.to_key())?
        .ok_or_else(|| Error::not_found(format!("there is no upload {id}")))?;
    if now >= record.expires {
        let expires = record.expires;
        return Err(Error::new(ErrorKind::Expired, format!("upload {id} expired at {expires}")));
    }
    Ok(record)
}

/// Reads an upload that parts may still be put to.
///
/// # Errors
/// As [`get`]; `InvalidArgument` when no part has that number, `Gone` when the upload is done.
pub(crate) fn open(tx: &impl Read, id: UploadId, number: u32, now: Time) -> Result<UploadRecord> {
    if !(1..=MAX_PARTS).contains(&number) {
        return Err(Error::invalid(format!("part {number} is not possible; give 1 to {MAX_PARTS}")));
    }
    let record = get(tx, id, now)?;
    match record.done {
        None => Ok(record),
        Some(_) => {
            Err(Error::new(ErrorKind::Gone, format!("upload {id} is complete and takes no more parts")))
        }
    }
}

/// Returns how many bytes a part may have, so that all of them are no more than the upload was said to
/// have, or `most` if it was not said.
pub(crate) fn room(
    tx: &impl Read,
    id: UploadId,
    record: &UploadRecord,
    number: u32,
    most: u64,
) -> Result<u64> {
    let whole = record.size.unwrap_or(most);
    if mutant::is_active(Mutant::PartsPassTheSize) {
        return Ok(whole);
    }
    let before = part(tx, id, number)?.map_or(0, |part| part.len);
    let others = counter::total(tx, Counter::UploadBytes(id))?.saturating_sub(before);
    Ok(whole.saturating_sub(others))
}

/// Sets a part of an upload, whose blob was inserted in this transaction. What had that number is let
/// go of.
///
/// # Errors
/// As [`open`]; `TooLarge` when the parts would have more bytes than was said, or than `most`.
pub(crate) fn put_part(
    tx: &mut impl Write,
    id: UploadId,
    number: u32,
    part: &PartRecord,
    most: u64,
    time: ChangeTime,
) -> Result<()> {
    let record = open(tx, id, number, time.now)?;
    let room = room(tx, id, &record, number, most)?;
    if part.len > room {
        let len = part.len;
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("part {number} has {len} bytes, and upload {id} has room for {room} more"),
        ));
    }
    let key = part_key(id, number);
    let before = row::get::<PartRecord>(tx, UPLOAD_PART, &key)?;
    let less = before.as_ref().map_or(0, |before| before.len);
    counter::add(tx, Counter::UploadBytes(id), blob::signed(part.len)? - blob::signed(less)?)?;
    refcount::link(tx, part.blob)?;
    row::put(tx, UPLOAD_PART, &key, part)?;
    match before {
        Some(before) => let_go(tx, before.blob, time),
        None => Ok(()),
    }
}

/// Lets go of the content of a part. What only the upload had may go at once; what became a
/// version's, and with that an archive's and a reply's, outlives it by the grace.
fn let_go(tx: &mut impl Write, blob: BlobId, time: ChangeTime) -> Result<()> {
    let alone = blob::get(tx, blob)?.scope == blob::APART || mutant::is_active(Mutant::PartsGoAtOnce);
    refcount::unlink(tx, blob, if alone { refcount::AT_ONCE } else { time.group }).map(drop)
}

/// Reads a part, if it was put.
pub(crate) fn part(tx: &impl Read, id: UploadId, number: u32) -> Result<Option<PartRecord>> {
    row::get(tx, UPLOAD_PART, &part_key(id, number))
}

/// Lists up to `limit` parts by number, those behind `after`.
pub(crate) fn parts(
    tx: &impl Read,
    id: UploadId,
    after: u32,
    limit: usize,
) -> Result<Vec<(u32, PartRecord)>> {
    prefix::page(tx, UPLOAD_PART, &id.to_key(), Some(&after.to_be_bytes()), limit)?
        .iter()
        .map(|(number, value)| Ok((part_number(number)?, PartRecord::decode(value)?)))
        .collect()
}

/// Reads the number of a part from what its key holds behind the upload.
pub(crate) fn part_number(suffix: &[u8]) -> Result<u32> {
    let bytes = suffix.try_into().map_err(|_| Error::corrupt("a part's key has a wrong length"))?;
    Ok(u32::from_be_bytes(bytes))
}

/// Notes what an upload became.
///
/// # Errors
/// As [`get`].
pub(crate) fn finish(tx: &mut impl Write, id: UploadId, version: VersionId, now: Time) -> Result<()> {
    let record = get(tx, id, now)?;
    counter::remove(tx, Counter::UploadBytes(id))?;
    release(tx, id)?;
    row::put(tx, UPLOAD, &id.to_key(), &UploadRecord { done: Some(version), ..record })
}

/// Claims an upload for a while, for the one who puts its parts together.
///
/// # Errors
/// As [`get`]; `Locked` while another has it.
pub(crate) fn claim(tx: &mut impl Write, id: UploadId, now: Time) -> Result<()> {
    get(tx, id, now)?;
    let until = row::id(tx, UPLOAD_CLAIM, &id.to_key())?.map_or(i64::MIN, u64::cast_signed);
    // A clock that was set back must not lock it for longer.
    if until > now.0 && until <= now.after(CLAIM).0 {
        return Err(Error::new(
            ErrorKind::Locked,
            format!("the parts of upload {id} are being put together; ask again"),
        ));
    }
    tx.put(UPLOAD_CLAIM, &id.to_key(), &now.after(CLAIM).0.to_be_bytes())
}

/// Gives up an upload that was claimed.
pub(crate) fn release(tx: &mut impl Write, id: UploadId) -> Result<()> {
    tx.del(UPLOAD_CLAIM, &id.to_key())
}

/// Lets go of at most `limit` parts, and returns how many: fewer when none is left.
pub(crate) fn clear(tx: &mut impl Write, id: UploadId, time: ChangeTime, limit: usize) -> Result<usize> {
    let some = parts(tx, id, 0, limit)?;
    for (number, part) in &some {
        let_go(tx, part.blob, time)?;
        tx.del(UPLOAD_PART, &part_key(id, *number))?;
    }
    Ok(some.len())
}

/// Removes what expired, up to `limit` (at least 1) parts and uploads; 0 when nothing is left.
pub(crate) fn expire(tx: &mut impl Write, time: ChangeTime, limit: usize) -> Result<usize> {
    let limit = limit.max(1);
    let mut removed = 0;
    while removed < limit {
        let first = prefix::page(tx, UPLOAD_EXPIRY, &[], None, 1)?;
        let Some((key, _)) = first.first() else { break };
        if row::due_time(UPLOAD_EXPIRY, key)? > time.now {
            break;
        }
        let id = UploadId(row::tail(UPLOAD_EXPIRY, key)?);
        let cleared = clear(tx, id, time, limit - removed)?;
        removed += cleared;
        if removed < limit {
            tx.del(UPLOAD, &id.to_key())?;
            release(tx, id)?;
            counter::remove(tx, Counter::UploadBytes(id))?;
            tx.del(UPLOAD_EXPIRY, key)?;
            removed += 1;
        }
    }
    Ok(removed)
}
