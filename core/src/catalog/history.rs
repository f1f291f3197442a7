//! Whose writing the rows are of: which sessions wrote, and where a copy parted from its original.
//!
//! Each session that writes notes a random id with the number of its first group. Two states of the
//! rows are of one history up to a group when the last session noted up to it is the same in both,
//! whatever the numbers of their groups say.
//!
//! A backup is a copy until something is written to it: its first session begins a timeline of its
//! own. What was lost since the backup had ids that nobody may have again, since URLs with them are
//! out in the world; so a timeline begins far behind the ids of the one before, at a random place,
//! and with higher numbers for the versions of the files that are there.
//!
//! Nothing tells a copy that was made by other means. For it, too, holds that the counters of
//! revocations of new files and versions begin at a tag ([`Timeline::tag`]) that depends on the session: a URL that
//! another timeline signed has another epoch, and is revoked.

use serde::{Deserialize, Serialize};

use super::record::{FileRecord, Record};
use super::table::{FILE, HISTORY, META};
use super::{id_sequence, row};
use crate::Result;
use crate::id::{FileId, VersionId};
use crate::kv::{Read, Scan, Write};
use crate::mutant::{self, Mutant};

/// The row of META that says that the rows are a copy, to which nothing was written yet.
pub(crate) const COPY: &[u8] = b"copy";
/// The row of META that says where the ids of this timeline begin.
pub(super) const TIMELINE: &[u8] = b"timeline";
/// Sessions that are known; a backup made before the oldest of them is not brought up to date.
const SESSIONS: usize = 4096;
/// Ids that a new timeline passes over at least: more than any store gives out between a backup and
/// the day it is needed. A random number of them comes on top, for two copies of one backup.
const GAP: u64 = 1 << 32;
/// The random part is below this fraction of what is left, so that no number of restores uses all up.
const SHARE: u64 = 256;
/// As that, for the numbers of a file's versions.
const VERSION_SHARE: u32 = 32;
/// Files that had so many versions begin no higher: they would run out of numbers.
const MANY_VERSIONS: u32 = 1 << 19;

/// A session that wrote to the store, under the number of its first group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionRecord {
    id: [u8; 16],
}

impl Record for SessionRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "session";
}

/// Says that rows are a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CopyRecord {
    /// The last group in a backup and the CRC-32 that names it; None in rows that were rebuilt.
    pub(crate) of: Option<(u64, u32)>,
    /// The highest number that the next version of a file had, as [`higher`] has it.
    pub(crate) versions: u32,
}

impl Record for CopyRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "copy";
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TimelineRecord {
    /// The first id of the timeline; files below it are older.
    first: u64,
    /// The lowest number of a new version of an older file.
    version: u32,
}

impl Record for TimelineRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "timeline";
}

/// A session, as its process drew it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) id: [u8; 16],
    /// Where a timeline begins, if it begins one.
    pub(crate) seed: u64,
}

/// Notes a session with its first group, and begins a timeline where the rows were a copy; returns whether
/// they were. Then the rows have to be synced with the group: they must not go on saying that.
pub(crate) fn begin(tx: &mut impl Write, session: Session, lsn: u64) -> Result<bool> {
    let copy = copy(tx)?;
    if let Some(copy) = &copy {
        tx.del(META, COPY)?;
        if !mutant::is_active(Mutant::RestoredIdsRepeat) {
            part(tx, copy, session.seed)?;
        }
    }
    row::put(tx, HISTORY, &lsn.to_be_bytes(), &SessionRecord { id: session.id })?;
    forget_oldest(tx)?;
    Ok(copy.is_some())
}

fn part(tx: &mut impl Write, copy: &CopyRecord, seed: u64) -> Result<()> {
    let left = id_sequence::END.saturating_sub(id_sequence::next(tx)?);
    let random = seed % (left / SHARE).max(1);
    // At random, so that two restores of one backup issue different ids; a share of what is left, so that a
    // store can be restored any number of times ("What if a backup is restored?" in docs/why.md).
    let gap = GAP.min(left / SHARE).saturating_add(random);
    let first = id_sequence::reserve(tx, gap)?.end;
    let left = VersionId::MAX_NUMBER.saturating_sub(copy.versions) / VERSION_SHARE;
    let random = u32::try_from((seed >> 32) % u64::from(left.max(1))).unwrap_or(0);
    let version = copy.versions.saturating_add(left).saturating_add(random);
    row::put(tx, META, TIMELINE, &TimelineRecord { first, version })
}

fn forget_oldest(tx: &mut impl Write) -> Result<()> {
    let (mut count, mut newest_to_go) = (0_usize, None);
    tx.scan(HISTORY, row::ALL, true, &mut |key, _| {
        count += 1;
        newest_to_go = (count > SESSIONS).then(|| key.to_vec());
        Ok(if newest_to_go.is_some() { Scan::Stop } else { Scan::Next })
    })?;
    newest_to_go.map_or(Ok(()), |key| tx.del(HISTORY, &key))
}

/// Returns the session that wrote last up to a group, and the number of its first one.
///
/// # Errors
/// `Corrupt` when its row cannot be read.
pub(crate) fn session(tx: &impl Read, lsn: u64) -> Result<Option<(u64, [u8; 16])>> {
    let mut found = None;
    tx.scan(HISTORY, row::between(&[], &lsn.to_be_bytes()), true, &mut |key, value| {
        take(&mut found, key, value)
    })?;
    Ok(found)
}

fn take(found: &mut Option<(u64, [u8; 16])>, key: &[u8], value: &[u8]) -> Result<Scan> {
    *found = Some((row::number(key)?, SessionRecord::decode(value)?.id));
    Ok(Scan::Stop)
}

/// Returns the newest session, for a change that came before those that begin meanwhile.
fn newest(tx: &impl Read) -> Result<Option<(u64, [u8; 16])>> {
    let mut found = None;
    tx.glance(HISTORY, row::between(&[], &u64::MAX.to_be_bytes()), true, &mut |key, value| {
        take(&mut found, key, value)
    })?;
    Ok(found)
}

/// Reads one row of a session, as a check does.
///
/// # Errors
/// `Corrupt` when it cannot be read.
pub(crate) fn check_row(key: &[u8], value: &[u8]) -> Result<()> {
    row::number(key)?;
    SessionRecord::decode(value).map(drop)
}

/// Returns what says that rows are a copy, if they are.
pub(crate) fn copy(tx: &impl Read) -> Result<Option<CopyRecord>> {
    row::get(tx, META, COPY)
}

/// Whether the rows are those of a backup, and nothing was written to it since.
pub(crate) fn is_unwritten_copy(tx: &impl Read) -> Result<bool> {
    Ok(copy(tx)?.is_some_and(|copy| copy.of.is_some()))
}

/// Says that rows are a copy: whoever writes to them first begins a timeline.
pub(crate) fn set_copy(tx: &mut impl Write, copy: &CopyRecord) -> Result<()> {
    row::put(tx, META, COPY, copy)
}

/// Returns the higher of a number and that of a file's next version.
pub(crate) fn higher(versions: u32, file: &FileRecord) -> u32 {
    if file.next < MANY_VERSIONS { versions.max(file.next) } else { versions }
}

/// Returns the highest number that the next version of a file has, and that this timeline asks for.
pub(crate) fn highest(tx: &impl Read) -> Result<u32> {
    let mut versions = timeline_version(tx)?;
    tx.scan(FILE, row::ALL, false, &mut |_, value| {
        versions = FileRecord::decode(value).map_or(versions, |file| higher(versions, &file));
        Ok(Scan::Next)
    })?;
    Ok(versions)
}

/// Returns the lowest number that this timeline gives a new version of an older file.
pub(crate) fn timeline_version(tx: &impl Read) -> Result<u32> {
    Ok(timeline(tx)?.version)
}

fn timeline(tx: &impl Read) -> Result<TimelineRecord> {
    Ok(row::get(tx, META, TIMELINE)?.unwrap_or_default())
}

/// What the numbers of new rows depend on. It is the same for all changes of one group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    begins: TimelineRecord,
    /// The first group of the session that writes, and what its tags are made with.
    session: Option<(u64, [u8; 32])>,
}

impl Timeline {
    /// Reads it.
    pub(crate) fn read(tx: &impl Read) -> Result<Timeline> {
        let begins = timeline(tx)?;
        if mutant::is_active(Mutant::NoTags) {
            return Ok(Timeline { begins, session: None });
        }
        let key = |session: [u8; 16]| {
            blake3::derive_key("holdall 2026-11 where a counter of revocations begins", &session)
        };
        Ok(Timeline { begins, session: newest(tx)?.map(|(lsn, session)| (lsn, key(session))) })
    }

    /// Returns the number of a file's next version, which is `next` unless an earlier timeline may have
    /// given that out.
    pub(crate) fn version_number(&self, file: FileId, next: u32) -> u32 {
        if file.0 < self.begins.first { next.max(self.begins.version) } else { next }
    }

    /// Returns where the counter of revocations of something new begins: a number below 2^32 that other
    /// sessions have another one of. 0 where no session is noted.
    pub(crate) fn tag(&self, id: u64) -> u64 {
        let Some((lsn, key)) = self.session else { return 0 };
        let hash = blake3::keyed_hash(&key, &[lsn.to_be_bytes(), id.to_be_bytes()].concat());
        let [first, second, third, fourth, ..] = *hash.as_bytes();
        u64::from(u32::from_le_bytes([first, second, third, fourth]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::Kv;
    use crate::kv::memory::MemoryKv;

    fn begun(seed: u64, versions: u32, times: u32) -> (u64, u32) {
        let kv = MemoryKv::default();
        let mut tx = kv.writer().unwrap();
        for time in 0..times {
            set_copy(&mut tx, &CopyRecord { of: None, versions }).unwrap();
            begin(&mut tx, Session { id: [7; 16], seed }, u64::from(time) + 1).unwrap();
        }
        (id_sequence::next(&tx).unwrap(), Timeline::read(&tx).unwrap().version_number(FileId(1), 1))
    }

    #[test]
    fn a_timeline_begins_behind_all_that_the_one_before_can_have_given_out() {
        for seed in [0, 1, u64::from(u32::MAX), 1 << 63, u64::MAX] {
            let (id, version) = begun(seed, 5, 1);
            assert!(id > GAP && id < id_sequence::END / 100, "{seed}: {id}");
            assert!((32_000..70_000).contains(&version), "{seed}: {version}");
        }
        assert_ne!(begun(0, 5, 1), begun(u64::MAX / 3, 5, 1), "two copies of one backup");
    }

    #[test]
    fn no_number_of_restores_uses_up_the_ids() {
        let (id, version) = begun(u64::MAX, MANY_VERSIONS - 1, 400);
        assert!(id < id_sequence::END && version <= VersionId::MAX_NUMBER);
    }

    #[test]
    fn sessions_are_found_by_group_and_the_oldest_are_forgotten() {
        let mut tx = MemoryKv::default().writer().unwrap();
        assert_eq!((session(&tx, 9).unwrap(), Timeline::read(&tx).unwrap().tag(1)), (None, 0));
        for lsn in [5_u64, 9] {
            let id = [u8::try_from(lsn).unwrap(); 16];
            begin(&mut tx, Session { id, seed: 1 }, lsn).unwrap();
        }
        assert_eq!(session(&tx, 4).unwrap(), None);
        assert_eq!([5, 8, 9, 99].map(|lsn| session(&tx, lsn).unwrap().unwrap().0), [5, 5, 9, 9]);
        let tags = [1, 2].map(|id| Timeline::read(&tx).unwrap().tag(id));
        assert!(tags[0] != tags[1] && tags.iter().all(|tag| *tag > 0 && *tag <= u64::from(u32::MAX)));
        for lsn in 10..(10 + SESSIONS as u64) {
            begin(&mut tx, Session { id: [1; 16], seed: 1 }, lsn).unwrap();
        }
        assert_eq!(session(&tx, 9).unwrap(), None);
        assert_eq!(session(&tx, 10).unwrap().unwrap().0, 10);
    }
}
