//! Archives: a frozen list of versions under names, in parts that fit a row.
//!
//! A big archive takes several transactions: the parts first, the record last. Until then nobody
//! sees it. Each part also leaves a deadline behind, so that an archive whose making was cut off is
//! removed like one that expired: there are no orphans to look for.

use std::time::Duration;

use crate::catalog::counter::{self, Counter};
use crate::catalog::record::{ArchiveRecord, MemberRecord, MembersRecord, Owner, Record};
use crate::catalog::{drive, row, share, table};
use crate::id::ArchiveId;
use crate::kv::{Read, Scan, Write};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// How many bytes of members a part holds, unless it is a single member.
const PART: usize = 64 << 10;
/// The most that a member takes beside its name: six numbers of at most 10 bytes, one of them small.
const MEMBER: usize = 60;
/// Longest name of a member in bytes: what a zip can hold (APPNOTE 4.4.10).
const MAX_NAME: usize = 65_535;
/// What an archive takes beside its members, as limits count it.
const OVERHEAD: u64 = 512;
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

/// Returns what the rows of an archive of these members take, as limits count it.
pub(crate) fn bytes(members: &[MemberRecord]) -> u64 {
    let of = |member: &MemberRecord| member.name.len().saturating_add(MEMBER);
    let bytes = members.iter().fold(0_usize, |bytes, member| bytes.saturating_add(of(member)));
    u64::try_from(bytes).unwrap_or(u64::MAX).saturating_add(OVERHEAD)
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
        return Err(Error::invalid(format!("an archive that expires at {expires} would expire at once")));
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
    row::put(tx, table::ARCHIVE, &id.to_key(), archive)?;
    tx.put(table::ARCHIVE_IDENTITY, &archive.identity, &id.to_key())?;
    let bytes = signed(archive.bytes)?;
    for counter in charged(archive) {
        counter::add(tx, counter, bytes)?;
    }
    tx.put(table::ARCHIVE_EXPIRY, &row::due(archive.expires, id.0), &[])
}

/// What the rows of an archive count against: the drive of who made it, or the shares that let the
/// maker in.
fn charged(archive: &ArchiveRecord) -> Vec<Counter> {
    match archive.owner {
        Owner::Drive(drive) => vec![Counter::DriveArchives(drive)],
        Owner::Share(_) | Owner::Nobody => {
            archive.shares.iter().map(|(share, _)| Counter::ShareArchives(*share)).collect()
        }
    }
}

fn signed(bytes: u64) -> Result<i64> {
    i64::try_from(bytes).map_err(|_| Error::bug("an archive's rows are beyond all bounds"))
}

/// The most that the rows of archives may take, in bytes, of those that are there at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    /// Of those that a drive's owner made.
    pub(crate) drive: u64,
    /// Of those that visitors of a share made.
    pub(crate) share: u64,
}

/// Checks that there is room for a new archive.
///
/// # Errors
/// `TooLarge` when the archives of its maker would take more than the quota.
pub(crate) fn check_quota(tx: &impl Read, archive: &ArchiveRecord, quota: Quota) -> Result<()> {
    for counter in charged(archive) {
        let (most, whose) = match counter {
            Counter::ShareArchives(share) => (quota.share, format!("made through share {share}")),
            _ => (quota.drive, "of this drive".to_owned()),
        };
        let taken = counter::total(tx, counter)?;
        if taken.saturating_add(archive.bytes) > most {
            let bytes = archive.bytes;
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "the archives {whose} take {taken} bytes, and {bytes} more would pass the limit of {most}; \
                     wait until some end, or raise the limit"
                ),
            ));
        }
    }
    Ok(())
}

/// Checks that nothing was revoked, deleted or ended of what an archive was made of. What the shares
/// lead to is the tree's to say.
///
/// # Errors
/// `Gone` when something was, `Expired` when a share's time is over.
pub(crate) fn check_sources(tx: &impl Read, archive: &ArchiveRecord, now: Time) -> Result<()> {
    let over = |what: String| Error::new(ErrorKind::Gone, format!("{what}; make the archive again"));
    let gone = |error: Error| match error.kind() {
        ErrorKind::NotFound => over(error.to_string()),
        _ => error,
    };
    for (id, known) in &archive.drives {
        if drive::withdrawals(tx, *id).map_err(gone)? != *known {
            return Err(over(format!("the URLs in drive {id} were revoked since the archive was made")));
        }
    }
    for (id, known) in &archive.shares {
        let share = share::record(tx, *id).map_err(gone)?;
        if share.revocations != *known {
            return Err(over(format!("share {id} was revoked since the archive was made")));
        }
        share::check_time(*id, &share, now)?;
    }
    Ok(())
}

/// Finds a published archive of the same identity that is not over.
pub(crate) fn find(
    tx: &impl Read,
    identity: &[u8; 32],
    now: Time,
) -> Result<Option<(ArchiveId, ArchiveRecord)>> {
    let Some(id) = row::id(tx, table::ARCHIVE_IDENTITY, identity)?.map(ArchiveId) else { return Ok(None) };
    match get(tx, id, now) {
        Ok(archive) => Ok(Some((id, archive))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Expired | ErrorKind::Gone) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Lets an archive live until `expires`, if it ends before. Its members must be there now, so that
/// their contents outlive it.
///
/// # Errors
/// `NotFound` when there is none.
pub(crate) fn extend(tx: &mut impl Write, id: ArchiveId, expires: Time) -> Result<ArchiveRecord> {
    let mut archive = record(tx, id)?;
    if archive.expires < expires {
        tx.del(table::ARCHIVE_EXPIRY, &row::due(archive.expires, id.0))?;
        archive.expires = expires;
        row::put(tx, table::ARCHIVE, &id.to_key(), &archive)?;
        tx.put(table::ARCHIVE_EXPIRY, &row::due(expires, id.0), &[])?;
    }
    Ok(archive)
}

/// Lets the parts of an archive that will not be published be removed at once.
pub(crate) fn abandon(tx: &mut impl Write, id: ArchiveId, created: Time, now: Time) -> Result<()> {
    tx.del(table::ARCHIVE_EXPIRY, &row::due(created.after(MAKING), id.0))?;
    tx.put(table::ARCHIVE_EXPIRY, &row::due(now, id.0), &[])
}

/// Reads a published archive.
///
/// # Errors
/// `NotFound` when there is none (or it expired and was removed), `Expired` from its
/// expiry on, `Gone` when an earlier build made it.
pub(crate) fn get(tx: &impl Read, id: ArchiveId, now: Time) -> Result<ArchiveRecord> {
    let archive = record(tx, id)?;
    archive.check_layout()?;
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
        // Parts are numbered without gaps: a missing one is damage, found by the count below, and not an end.
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

/// Returns when the last of the archives that are out expires; nothing where none is.
///
/// # Errors
/// `Corrupt` when a row cannot be read.
pub(crate) fn last_expiry(tx: &impl Read, now: Time) -> Result<Option<Time>> {
    let mut last = None;
    let range = (row::due(now, 0), row::due(Time(i64::MAX), u64::MAX));
    tx.scan(table::ARCHIVE_EXPIRY, row::between(&range.0, &range.1), true, &mut |key, _| {
        // A row of an archive that is being made has a later time, and says nothing.
        let id = ArchiveId(row::tail(table::ARCHIVE_EXPIRY, key)?);
        if row::exists(tx, table::ARCHIVE, &id.to_key())? {
            last = Some(row::due_time(table::ARCHIVE_EXPIRY, key)?);
            return Ok(Scan::Stop);
        }
        Ok(Scan::Next)
    })?;
    Ok(last)
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
        let archive = match row::get::<ArchiveRecord>(tx, table::ARCHIVE, &id.to_key()) {
            Err(error) if error.kind() == ErrorKind::Gone => None,
            other => other?,
        };
        if archive.as_ref().is_none_or(|archive| archive.expires <= now) {
            if let Some(archive) = archive {
                forget(tx, id, &archive)?;
            }
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

/// Removes what was noted of a published archive that is being removed.
fn forget(tx: &mut impl Write, id: ArchiveId, archive: &ArchiveRecord) -> Result<()> {
    if row::id(tx, table::ARCHIVE_IDENTITY, &archive.identity)? == Some(id.0) {
        tx.del(table::ARCHIVE_IDENTITY, &archive.identity)?;
    }
    let bytes = signed(archive.bytes)?;
    for counter in charged(archive) {
        // What counted it may be gone, and its counter with it.
        let taken = counter::get(tx, counter)?;
        if taken > bytes {
            counter::add(tx, counter, -bytes)?;
        } else {
            counter::remove(tx, counter)?;
        }
    }
    Ok(())
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
