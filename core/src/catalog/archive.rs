//! Archives: a frozen list of versions under names, in parts that fit a row.
//!
//! A big archive takes several transactions: the parts first, the record last. Until then nobody
//! sees it. Each part also leaves a deadline behind, so that an archive whose making was cut off is
//! removed like one that expired: there are no orphans to look for.

use std::time::Duration;

use crate::catalog::record::{ArchiveRecord, MemberRecord, MembersRecord, Record};
use crate::catalog::{history, row, table};
use crate::id::ArchiveId;
use crate::kv::{Read, Scan, Write};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// How many bytes of members a part holds, unless it is a single member.
const PART: usize = 64 << 10;
/// The most that a member takes beside its name: six numbers of at most 10 bytes.
const MEMBER: usize = 60;
/// Longest name of a member in bytes: what a zip can hold (APPNOTE 4.4.10).
const MAX_NAME: usize = 65_535;
/// How long the making of an archive may take.
const MAKING: Duration = Duration::from_secs(24 * 60 * 60);

/// Cuts members into parts for [`write_part`]; each is a transaction's worth at most.
pub(crate) fn parts(members: &[MemberRecord]) -> impl Iterator<Item = &[MemberRecord]> {
    let mut rest = members;
    std::iter::from_fn(move || {
        let mut len = 0_usize;
        let fits = |member: &&MemberRecord| {
            len = len.saturating_add(member.name.len()).saturating_add(MEMBER);
            len <= PART
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (part, after) = rest.split_at_checked(count)?;
        rest = after;
        Some(part)
    })
}

/// Writes part `number` (from 0, without gaps) of an archive that is being made since `created`.
/// A part takes up to 64 KiB of its transaction.
///
/// # Errors
/// `InvalidArgument` when a name is longer than 65,535 bytes, `TooLarge` when the part is larger
/// than [`parts`] makes it, `Exists` when the archive is published already.
pub(crate) fn write_part(
    tx: &mut impl Write,
    id: ArchiveId,
    created: Time,
    number: u32,
    members: &[MemberRecord],
) -> Result<()> {
    let bytes = encode_part(members)?;
    refuse_published(tx, id)?;
    tx.put(table::ARCHIVE_PART, &part_key(id, number), &bytes)?;
    tx.put(table::ARCHIVE_EXPIRY, &row::due(created.after(MAKING), id.0), &[])
}

/// Publishes an archive whose parts are all written; from the commit on it is there. The record's
/// `created` is the one that the parts were written with.
///
/// # Errors
/// `InvalidArgument` when it would be over at once, `Exists` when it is published already,
/// `Mismatch` when the parts do not hold as many entries as the record says (its making took more
/// than a day, say, and they were removed).
pub(crate) fn publish(tx: &mut impl Write, id: ArchiveId, archive: &ArchiveRecord) -> Result<()> {
    let written = count_members(tx, id)?;
    check_new(tx, id, archive, written)?;
    tx.del(table::ARCHIVE_EXPIRY, &row::due(archive.created.after(MAKING), id.0))?;
    put_new(tx, id, archive)
}

/// Writes and publishes an archive of one part at once.
///
/// # Errors
/// As [`write_part`] and [`publish`]; `TooLarge` is the sign to write it part by part.
pub(crate) fn create(
    tx: &mut impl Write,
    id: ArchiveId,
    archive: &ArchiveRecord,
    members: &[MemberRecord],
) -> Result<()> {
    let bytes = encode_part(members)?;
    check_new(tx, id, archive, u64::try_from(members.len()).unwrap_or(u64::MAX))?;
    tx.put(table::ARCHIVE_PART, &part_key(id, 0), &bytes)?;
    put_new(tx, id, archive)
}

fn encode_part(members: &[MemberRecord]) -> Result<Vec<u8>> {
    if let Some(member) = members.iter().find(|member| member.name.len() > MAX_NAME) {
        let len = member.name.len();
        return Err(Error::invalid(format!(
            "a name in an archive is {len} bytes long; {MAX_NAME} is the most"
        )));
    }
    let bytes = MembersRecord(members.to_vec()).encode()?;
    if members.len() > 1 && bytes.len() > PART {
        let len = bytes.len();
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("a part of an archive is {len} bytes long; {PART} is the most"),
        ));
    }
    Ok(bytes)
}

fn check_new(tx: &impl Read, id: ArchiveId, archive: &ArchiveRecord, written: u64) -> Result<()> {
    let ArchiveRecord { created, expires, entries, .. } = archive;
    if expires <= created {
        return Err(Error::invalid(format!("an archive that expires at {expires} would be over at once")));
    }
    refuse_published(tx, id)?;
    if written != *entries {
        return Err(Error::new(
            ErrorKind::Mismatch,
            format!("archive {id} should have {entries} entries and has {written}; make it again"),
        ));
    }
    Ok(())
}

fn put_new(tx: &mut impl Write, id: ArchiveId, archive: &ArchiveRecord) -> Result<()> {
    let revocations = history::tag(tx, id.0)?;
    row::put(tx, table::ARCHIVE, &id.to_key(), &ArchiveRecord { revocations, ..archive.clone() })?;
    tx.put(table::ARCHIVE_EXPIRY, &row::due(archive.expires, id.0), &[])
}

/// Reads a published archive.
///
/// # Errors
/// `NotFound` when there is none (or it expired and was removed), `Expired` from the moment of its
/// expiry on.
pub(crate) fn get(tx: &impl Read, id: ArchiveId, now: Time) -> Result<ArchiveRecord> {
    let archive = record(tx, id)?;
    if now >= archive.expires {
        let expires = archive.expires;
        return Err(Error::new(ErrorKind::Expired, format!("archive {id} expired at {expires}")));
    }
    Ok(archive)
}

/// Reads the members of a published archive, in order.
///
/// # Errors
/// `NotFound` when there is no such archive, `Corrupt` when not all its members are there.
pub(crate) fn members(tx: &impl Read, id: ArchiveId) -> Result<Vec<MemberRecord>> {
    let entries = record(tx, id)?.entries;
    let mut members = Vec::new();
    let mut next = 0;
    scan_parts(tx, id, |key, value| {
        if key != part_key(id, next) {
            return Ok(Scan::Stop);
        }
        next = next.saturating_add(1);
        members.append(&mut MembersRecord::decode(value)?.0);
        Ok(Scan::Next)
    })?;
    if u64::try_from(members.len()).is_ok_and(|found| found == entries) {
        return Ok(members);
    }
    let found = members.len();
    Err(Error::corrupt(format!("archive {id} should have {entries} entries and has {found}")))
}

/// Makes every URL of an archive invalid.
///
/// # Errors
/// `NotFound` when there is no such archive.
pub(crate) fn revoke(tx: &mut impl Write, id: ArchiveId) -> Result<()> {
    let mut archive = record(tx, id)?;
    archive.revocations = row::revoked(archive.revocations)?;
    row::put(tx, table::ARCHIVE, &id.to_key(), &archive)
}

/// Removes archives that are over, and what was begun more than a day ago and never published: at
/// most `limit` (at least 1) parts or archives in one call. Returns how many; 0 when none is left.
pub(crate) fn expire(tx: &mut impl Write, now: Time, limit: usize) -> Result<usize> {
    let mut left = limit.max(1);
    let mut over = Vec::new();
    let range = (row::due(Time(i64::MIN), 0), row::due(now, u64::MAX));
    tx.scan(table::ARCHIVE_EXPIRY, row::between(&range.0, &range.1), false, &mut |key, _| {
        let time = row::due_time(table::ARCHIVE_EXPIRY, key)?;
        over.push((time, ArchiveId(row::tail(table::ARCHIVE_EXPIRY, key)?)));
        Ok(if over.len() < left { Scan::Next } else { Scan::Stop })
    })?;
    let mut removed = 0;
    for (time, id) in over {
        if left == 0 {
            break;
        }
        // Where a published archive outlives this deadline, the row is a leftover of its making.
        let lives = match row::get::<ArchiveRecord>(tx, table::ARCHIVE, &id.to_key())? {
            Some(archive) => archive.expires > now,
            None => false,
        };
        if !lives {
            tx.del(table::ARCHIVE, &id.to_key())?;
            let parts = first_parts(tx, id, left)?;
            for number in &parts {
                tx.del(table::ARCHIVE_PART, &part_key(id, *number))?;
            }
            removed += parts.len();
            left = left.saturating_sub(parts.len());
            if left == 0 {
                break;
            }
        }
        tx.del(table::ARCHIVE_EXPIRY, &row::due(time, id.0))?;
        removed += 1;
        left -= 1;
    }
    Ok(removed)
}

fn record(tx: &impl Read, id: ArchiveId) -> Result<ArchiveRecord> {
    row::get(tx, table::ARCHIVE, &id.to_key())?
        .ok_or_else(|| Error::not_found(format!("there is no archive {id}")))
}

fn refuse_published(tx: &impl Read, id: ArchiveId) -> Result<()> {
    if row::exists(tx, table::ARCHIVE, &id.to_key())? {
        return Err(Error::new(ErrorKind::Exists, format!("archive {id} is published already")));
    }
    Ok(())
}

/// Counts the members in the parts from 0 on up to the first gap, without decoding them.
fn count_members(tx: &impl Read, id: ArchiveId) -> Result<u64> {
    let (mut count, mut next) = (0_u64, 0_u32);
    scan_parts(tx, id, |key, value| {
        if key != part_key(id, next) {
            return Ok(Scan::Stop);
        }
        next = next.saturating_add(1);
        count = count.saturating_add(MembersRecord::count(value)?);
        Ok(Scan::Next)
    })?;
    Ok(count)
}

impl MembersRecord {
    /// Reads how many members a row holds: a list begins with its length.
    fn count(bytes: &[u8]) -> Result<u64> {
        match bytes.split_first() {
            Some((&Self::VERSION, rest)) => postcard::take_from_bytes(rest)
                .map(|(count, _)| count)
                .map_err(|_| Error::corrupt("an archive part record cannot be read")),
            _ => Self::decode(bytes).map(|_| 0),
        }
    }
}

fn first_parts(tx: &impl Read, id: ArchiveId, limit: usize) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    scan_parts(tx, id, |key, _| {
        let number = key.last_chunk().ok_or_else(|| Error::corrupt("the key of an archive part is short"))?;
        numbers.push(u32::from_be_bytes(*number));
        Ok(if numbers.len() < limit { Scan::Next } else { Scan::Stop })
    })?;
    Ok(numbers)
}

fn scan_parts(
    tx: &impl Read,
    id: ArchiveId,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<Scan>,
) -> Result<()> {
    let (first, last) = (part_key(id, 0), part_key(id, u32::MAX));
    tx.scan(table::ARCHIVE_PART, row::between(&first, &last), false, &mut visit)
}

fn part_key(id: ArchiveId, number: u32) -> [u8; 12] {
    let mut key = [0; 12];
    if let Some((archive, part)) = key.split_first_chunk_mut::<8>() {
        *archive = id.to_key();
        part.copy_from_slice(&number.to_be_bytes());
    }
    key
}
