//! Bringing the rows up to date with the log: after a crash, and from nothing.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use super::change::{self, Operation, table_of};
use super::lease::segment_key;
use super::sort::RowSort;
use super::tails::Tails;
use super::{Position, edit_segment};
use crate::blobs::frame::{ALIGN, SEGMENT_HEADER_LEN, frame_len};
use crate::blobs::segment::{self, GroupAt, Segment};
use crate::catalog::record::{BlobRecord, Location, Record, SegmentRecord};
use crate::catalog::segment::{FLOOR, FloorRecord, forget, list, open_segments};
use crate::catalog::{row, table};
use crate::kv::memory::MemoryKv;
use crate::kv::{Commit, Kv, Read, Scan, Table, Write};
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::vfs::{Open, Vfs};
use crate::{Error, Result};

/// Operations that one transaction of a replay holds at most, a group being whole.
const ROWS_AT_ONCE: usize = 10_000;

/// Where a group lies; its write-set is read again when it is applied.
#[derive(Clone, Copy, Debug)]
struct FoundGroup {
    lsn: u64,
    time: Time,
    segment: u32,
    start: u64,
    end: u64,
    /// Where its change frame begins.
    change: u64,
    /// Bytes of its blob frames.
    blobs: u64,
    previous: u32,
    crc: u32,
}

impl From<&GroupAt> for FoundGroup {
    fn from(group: &GroupAt) -> FoundGroup {
        let GroupAt { lsn, time, segment, start, end, previous, crc, .. } = *group;
        let lens = group.blobs.iter().map(|(_, frame)| frame_len(u64::from(frame.len)));
        let change = end.saturating_sub(frame_len(group.change.len() as u64));
        FoundGroup { lsn, time, segment, start, end, change, blobs: lens.sum(), previous, crc }
    }
}

/// Applies the groups that the log holds beyond the rows, in order, up to the first that is not
/// whole. Returns how many there were. Nobody else may have the store open.
///
/// Only the last group of all may be torn. Where there are whole ones behind what is not, it is damage.
///
/// All but the last of them were synced before the next was written. The last may be in the
/// system's cache alone, if its process was killed before the sync or the sync failed; it is
/// written once more and synced before any row speaks of it.
pub(crate) fn recover<K: Kv>(kv: &K, vfs: &Arc<dyn Vfs>, store: [u8; 16]) -> Result<u64> {
    let reader = kv.reader()?;
    let position = Position::read(&reader)?;
    let rows: BTreeMap<u32, SegmentRecord> = list(&reader)?.into_iter().collect();
    drop(reader);
    let segments = open_all(vfs, store)?;
    if let Some(gone) = rows.iter().find(|(number, row)| row.open && !segments.contains_key(number)) {
        return Err(decayed(format!("{} is gone, or its header cannot be read", segment::path(*gone.0))));
    }
    let mut found = Vec::new();
    for (number, segment) in &segments {
        let row = rows.get(number);
        let start = row.map_or(SEGMENT_HEADER_LEN as u64, |row| row.len);
        let mut note = |group: GroupAt| {
            found.extend((group.lsn > position.lsn).then(|| FoundGroup::from(&group)));
            Ok(())
        };
        let end = segment.groups(start, &mut note)?;
        if row.is_none_or(|row| row.open) && !mutant::is_active(Mutant::DecayIsATornEnd) {
            refuse_decay(segment, end, position)?;
        }
    }
    let (mut next, mut chain) = (position, Vec::new());
    loop {
        let follows =
            |group: &&FoundGroup| Some(group.lsn) == next.lsn.checked_add(1) && group.previous == next.crc;
        match found.iter().filter(follows).max_by_key(|group| group.time) {
            Some(group) => {
                next = Position { lsn: group.lsn, crc: group.crc };
                chain.push(*group);
            }
            None => break,
        }
    }
    if let Some(beyond) = found.iter().filter(|group| group.lsn > next.lsn).min_by_key(|group| group.lsn)
        && !mutant::is_active(Mutant::DecayIsATornEnd)
    {
        return Err(decayed(format!(
            "group {} in {} follows on none that is sound",
            beyond.lsn,
            segment::path(beyond.segment)
        )));
    }
    if let Some(last) = chain.last() {
        write_again(vfs.as_ref(), last)?;
    }
    apply(kv, &segments, &chain)?;
    u64::try_from(chain.len()).map_err(|_| Error::bug("more groups than can be counted"))
}

/// Refuses whole groups behind the one that begins at `end` and is not whole.
fn refuse_decay(segment: &Segment, end: u64, position: Position) -> Result<()> {
    let torn = segment.read_group(end, true)?.map(|group| group.end);
    segment.salvage_from(torn.unwrap_or(end.saturating_add(ALIGN)), &mut |group| {
        if group.lsn <= position.lsn {
            return Ok(());
        }
        Err(decayed(format!(
            "{} cannot be read at byte {end}, and sound groups follow",
            segment::path(group.segment)
        )))
    })
}

fn decayed(what: String) -> Error {
    Error::corrupt(format!(
        "the log is damaged: {what}; nothing was changed: `holdall repair --rebuild` makes the index anew \
         from all that is sound"
    ))
}

/// Writes the bytes of a group over themselves and syncs them: a sync that failed once leaves
/// pages that look clean and are not on the disk, and only a new write makes the next sync take
/// them along.
fn write_again(vfs: &dyn Vfs, group: &FoundGroup) -> Result<()> {
    let path = segment::path(group.segment);
    let again = || {
        let file = vfs.open(&path, Open::Write)?;
        let len = usize::try_from(group.end.saturating_sub(group.start)).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        file.read_at(group.start, &mut bytes)?;
        file.write_at(group.start, &[&bytes])?;
        file.sync_data()
    };
    again().map_err(|cause| Error::io(format!("writing the end of {path} again"), cause))
}

/// Fills empty rows from the segments alone. Returns how many groups were found.
///
/// Groups that a compaction dropped are gone on purpose: what they said that still holds was
/// logged again. What groups up to the floor say of rows is void, so that nothing of it comes back
/// where the group that took it back is gone. Where two processes wrote the same number, the one that the next group names as
/// its predecessor was the published one; for the very last, the later. Of the rows about `memory` bytes are
/// held at once, and of each group some tens.
pub(crate) fn rebuild<K: Kv>(kv: &K, vfs: &Arc<dyn Vfs>, store: [u8; 16], memory: usize) -> Result<u64> {
    let segments = open_all(vfs, store)?;
    let (mut by_lsn, mut floor): (BTreeMap<u64, Vec<FoundGroup>>, u64) = (BTreeMap::new(), 0);
    for segment in segments.values() {
        let mut groups = Vec::new();
        segment.salvage(&mut |group| {
            floor = floor.max(stated_floor(&group.change)?);
            groups.push((FoundGroup::from(&group), group.sound));
            Ok(())
        })?;
        let last = groups.iter().map(|(group, _)| group.lsn).max();
        // A group with damaged blobs may be one that was never finished, but for those that others
        // were written behind: their rows hold, and a check finds the damage.
        groups.retain(|(group, sound)| *sound || Some(group.lsn) < last);
        for (group, _) in groups {
            by_lsn.entry(group.lsn).or_default().push(group);
        }
    }
    let mut chain: Vec<FoundGroup> = Vec::new();
    for (lsn, candidates) in by_lsn.iter().rev() {
        let successor = chain.last().filter(|next| lsn.checked_add(1) == Some(next.lsn));
        let named = successor.and_then(|next| candidates.iter().find(|group| group.crc == next.previous));
        chain.extend(named.or_else(|| candidates.iter().max_by_key(|group| group.time)));
    }
    chain.reverse();
    let mut sort = RowSort::new(vfs.clone(), memory);
    gather(&mut sort, &segments, &chain, floor)?;
    kv.load(&mut sort.finish()?)?;
    let mut tx = kv.writer()?;
    count_dead(&mut tx)?;
    let last = segments.keys().next_back().copied();
    for number in segments.keys().filter(|number| Some(**number) != last) {
        edit_segment(&mut tx, *number, |row| row.open = false)?;
    }
    kv.commit(tx, Commit::Synced)?;
    u64::try_from(chain.len()).map_err(|_| Error::bug("more groups than can be counted"))
}

/// Marks every segment but the last as left, so that compaction may have it. A crash forgets who
/// had left one; nobody else may have the store open. What was never published behind any of them
/// is voided first.
pub(crate) fn leave_all_but_last(tx: &mut impl Write, vfs: &dyn Vfs) -> Result<()> {
    Tails::default().void(vfs, tx, None)?;
    let mut open = open_segments(tx)?;
    open.pop();
    open.into_iter().try_for_each(|number| edit_segment(tx, number, |row| row.open = false))
}

fn open_all(vfs: &Arc<dyn Vfs>, store: [u8; 16]) -> Result<BTreeMap<u32, Segment>> {
    let listed = vfs.list(segment::DIR).map_err(|cause| Error::io("listing the segments", cause))?;
    let mut segments = BTreeMap::new();
    for number in listed.iter().filter_map(|entry| segment::number_of(&entry.name)) {
        if let Some(segment) = Segment::open(vfs.as_ref(), number, Open::Read)? {
            if segment.header.store != store {
                return Err(Error::corrupt(format!(
                    "{} belongs to another store; move it away",
                    segment::path(number)
                )));
            }
            segments.insert(number, segment);
        }
    }
    Ok(segments)
}

/// Returns the floor that a write-set states, or 0.
fn stated_floor(change: &[u8]) -> Result<u64> {
    let mut floor = 0;
    change::each(change, &mut |operation| {
        if let Operation::Put { table, key: FLOOR, value } = operation
            && table == table::META.byte
        {
            floor = FloorRecord::decode(value)?.lsn;
        }
        Ok(())
    })?;
    Ok(floor)
}

/// Counts anew what of the segments is dead.
fn count_dead(tx: &mut impl Write) -> Result<()> {
    let mut live: HashMap<u32, u64> = HashMap::new();
    tx.scan(table::BLOB, row::ALL, false, &mut |_, value| {
        let record = BlobRecord::decode(value)?;
        if let Location::Segment { segment, .. } = record.location {
            *live.entry(segment).or_default() += frame_len(record.len);
        }
        Ok(Scan::Next)
    })?;
    for (number, _) in list(tx)? {
        let live = live.get(&number).copied().unwrap_or(0);
        edit_segment(tx, number, |row| row.dead = row.blobs.saturating_sub(live))?;
    }
    Ok(())
}

/// Reads the write-set of a group again.
fn write_set(segments: &BTreeMap<u32, Segment>, found: &FoundGroup) -> Result<Vec<u8>> {
    let segment = segments.get(&found.segment).ok_or_else(|| Error::bug("a group of no segment"))?;
    let read = match segment.frame_at(found.change)? {
        Some((frame, crc)) if crc == found.crc => segment.payload(found.change, &frame)?,
        _ => None,
    };
    read.ok_or_else(|| Error::corrupt("a group changed while it was replayed"))
}

/// Counts a group in the row of its segment.
fn count_group(tx: &mut impl Write, found: &FoundGroup) -> Result<()> {
    edit_segment(tx, found.segment, |row| {
        row.len = row.len.max(found.end);
        row.blobs = row.blobs.saturating_add(found.blobs);
        row.last = row.last.max(found.lsn);
    })
}

/// Applies groups in order.
fn apply<K: Kv>(kv: &K, segments: &BTreeMap<u32, Segment>, chain: &[FoundGroup]) -> Result<()> {
    if chain.is_empty() {
        return Ok(());
    }
    let (mut tx, mut operations) = (kv.writer()?, 0);
    for found in chain {
        count_group(&mut tx, found)?;
        change::each(&write_set(segments, found)?, &mut |operation| {
            operations += 1;
            replay(&mut tx, operation)
        })?;
        Position { lsn: found.lsn, crc: found.crc }.write(&mut tx)?;
        if operations > ROWS_AT_ONCE {
            kv.commit(tx, Commit::Unsynced)?;
            (tx, operations) = (kv.writer()?, 0);
        }
    }
    kv.commit(tx, Commit::Synced)
}

/// Gathers the rows that groups leave where there were none. Of those up to `floor` only the segment counts.
fn gather(
    sort: &mut RowSort,
    segments: &BTreeMap<u32, Segment>,
    chain: &[FoundGroup],
    floor: u64,
) -> Result<()> {
    const FEW: [Table; 2] = [table::META, table::SEGMENT];
    // These are read while they change, and there are few of them.
    let few = MemoryKv::default();
    let mut tx = few.writer()?;
    for found in chain {
        count_group(&mut tx, found)?;
        // What these groups say of rows, the log snapshot after them says again; replaying both could bring back
        // a row that a group in a removed segment had deleted.
        if found.lsn <= floor {
            continue;
        }
        change::each(&write_set(segments, found)?, &mut |operation| {
            let (Operation::Put { table, .. } | Operation::Delete { table, .. }) = operation;
            match FEW.iter().any(|few| few.byte == table) {
                true => replay(&mut tx, operation),
                false => sort.add(operation),
            }
        })?;
        Position { lsn: found.lsn, crc: found.crc }.write(&mut tx)?;
    }
    for table in FEW {
        tx.scan(table, row::ALL, false, &mut |key, value| {
            sort.add(Operation::Put { table: table.byte, key, value })?;
            Ok(Scan::Next)
        })?;
    }
    Ok(())
}

fn replay(tx: &mut impl Write, operation: Operation<'_>) -> Result<()> {
    let (Operation::Put { table, .. } | Operation::Delete { table, .. }) = operation;
    let table = table_of(table)?;
    match operation {
        // Of a segment only that is logged which the log does not say itself.
        Operation::Put { key, value, .. } if table == table::SEGMENT => {
            let dead = SegmentRecord::decode(value)?.dead;
            edit_segment(tx, segment_key(key)?, |row| row.dead = dead)
        }
        Operation::Delete { key, .. } if table == table::SEGMENT => forget(tx, segment_key(key)?),
        Operation::Put { key, value, .. } => tx.put(table, key, value),
        Operation::Delete { key, .. } => tx.del(table, key),
    }
}
