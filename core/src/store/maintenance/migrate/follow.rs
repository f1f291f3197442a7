//! Reading what the log has beyond a group, while others write to it.

use std::collections::{BTreeMap, HashMap};

use super::Migration;
use crate::blobs::frame::SEGMENT_HEADER_LEN;
use crate::blobs::segment::{self as file, Segment};
use crate::catalog::moving::{self, ArrivingRecord};
use crate::catalog::{segment, table};
use crate::engine::Engine;
use crate::journal::Position;
use crate::journal::change::{self, Operation, table_of};
use crate::kv::{Commit, Kv, Read, Write};
use crate::store::maintenance::planted::{PlantedFault, is_planted};
use crate::vfs::Open;
use crate::{Error, Result};

/// Bytes of changes that one commit makes, a group being whole.
const BATCH: usize = 512 << 10;

/// Where the log was read to.
#[derive(Default)]
pub(super) struct LogFollower {
    /// Of each segment, where the next group begins.
    ends: HashMap<u32, u64>,
}

impl LogFollower {
    /// Returns the changes of the groups behind `after` up to the last that `tx` shows, by their numbers; None where
    /// not all of them are there any more.
    fn read(
        &mut self,
        engine: &Engine,
        tx: &impl Read,
        after: u64,
    ) -> Result<Option<BTreeMap<u64, Vec<u8>>>> {
        let until = Position::read(tx)?.lsn;
        let mut groups = BTreeMap::new();
        for (number, row) in segment::list(tx)? {
            if row.last <= after {
                continue;
            }
            let opened = engine.vfs.open(&file::path(number), Open::Read);
            let Ok(opened) = opened else { return Ok(None) };
            let Some(segment) = Segment::of(opened, number)? else { return Ok(None) };
            let mut at = self.ends.get(&number).copied().unwrap_or(SEGMENT_HEADER_LEN as u64);
            while at < row.len {
                let Some(group) = segment.group_at(at)? else { return Ok(None) };
                at = group.end;
                if group.lsn > after && group.lsn <= until {
                    groups.insert(group.lsn, group.change);
                }
            }
            self.ends.insert(number, at);
        }
        let all = u64::try_from(groups.len()).ok() == until.checked_sub(after);
        if !all {
            self.ends.clear();
        }
        Ok(all.then_some(groups))
    }
}

impl Migration<'_, '_> {
    /// Makes the changes at the other end that came behind what is there; returns how many groups there were. None
    /// where the log does not have them all any more, as when a move was cut off long ago: then the rows are to be
    /// copied once more.
    pub(super) fn follow(&mut self, tx: &impl Read) -> Result<Option<u64>> {
        let mut arriving = self.arriving()?;
        let Some(mut groups) = self.follower.read(self.engine, tx, arriving.lsn)? else {
            let lsn = Position::read(tx)?.lsn;
            arriving = ArrivingRecord { lsn, next: Some((table::META.byte, Vec::new())), ..arriving };
            self.to.kv.write(Commit::Synced, |to| moving::set_arriving(to, Some(&arriving)))?;
            return Ok(None);
        };
        if is_planted(PlantedFault::LeavesTheLog) {
            groups.values_mut().for_each(Vec::clear);
        }
        let count = u64::try_from(groups.len()).unwrap_or(u64::MAX);
        let (mut batch, mut len) = (Vec::new(), 0);
        for (lsn, change) in groups {
            len += change.len();
            batch.push(change);
            arriving.lsn = lsn;
            if len >= BATCH {
                self.make(&batch, &arriving)?;
                (batch, len) = (Vec::new(), 0);
            }
        }
        if !batch.is_empty() {
            self.make(&batch, &arriving)?;
        }
        self.report.groups = self.report.groups.saturating_add(count);
        Ok(Some(count))
    }

    fn make(&mut self, batch: &[Vec<u8>], arriving: &ArrivingRecord) -> Result<()> {
        self.to.kv.write(Commit::Synced, |tx| {
            for changes in batch {
                change::each(changes, &mut |operation| {
                    let (Operation::Put { table, key, .. } | Operation::Delete { table, key }) = operation;
                    let table = table_of(table)?;
                    match operation {
                        _ if !moving::is_carried(table, key) => Ok(()),
                        Operation::Put { value, .. } => tx.put(table, key, value),
                        Operation::Delete { .. } => tx.del(table, key),
                    }
                })?;
            }
            moving::set_arriving(tx, Some(arriving))
        })?;
        self.step(0)
    }

    /// Returns how far the rows at the other end have come.
    pub(super) fn arriving(&self) -> Result<ArrivingRecord> {
        moving::arriving(&self.to.kv.reader()?)?
            .ok_or_else(|| Error::corrupt("what is at the other end was changed meanwhile"))
    }
}
