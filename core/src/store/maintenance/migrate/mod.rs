//! Moving a store: from a directory into a database and object storage, while it is in use.
//!
//! Contents are copied first, then the rows as one snapshot has them, then what the log has beyond that,
//! again and again until little is left. Then the rows are locked, so that writers wait: the rest is copied, all
//! rows are compared, the log of the directory is ended for good, and the rows at the other end become a store.
//!
//! How far it has come stands in the rows at the other end, in the same commits. A move that is cut off goes on
//! from there; until the log is ended, the directory is the store, and from then on nobody can write to it.

mod contents;
mod follow;
mod rows;
#[cfg(test)]
mod tests;
mod to_directory;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::planted::{PlantedFault, is_planted};
use super::{Progress, Watch};
use crate::catalog::moving::{self, ArrivingRecord, MovedRecord};
use crate::catalog::object::{self, IdentityRecord};
use crate::catalog::record::SegmentRecord;
use crate::catalog::{row, segment, table};
use crate::engine::Engine;
use crate::engine::remote::{MigrationTarget, StoreAddress};
use crate::journal::Position;
use crate::kv::{Commit, Kv, Read};
use crate::store::Store;
use crate::{Error, ErrorKind, Result};
use follow::LogFollower;

/// Rounds of copying before the last: each takes what came in during the one before.
const ROUNDS: u32 = 20;
/// Groups and bytes that the last round may have to copy while writers wait.
const FEW_GROUPS: u64 = 1000;
const FEW_BYTES: u64 = 8 << 20;
/// Rows that one commit writes.
const ROWS: usize = 1000;

/// What [`Store::migrate`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrateReport {
    /// Segments that were copied.
    pub segments: u64,
    /// Large contents that were copied.
    pub contents: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Rows that were copied.
    pub rows: u64,
    /// Groups of the log whose changes were made after that.
    pub groups: u64,
    /// How long writers had to wait at the end.
    pub waited: Duration,
}

impl Store {
    /// Moves the store: from a directory to the address of a database and object storage, as [`Store::open`] takes it,
    /// or from there to a directory that is new or empty, while it is in use by any number of processes. When it
    /// returns, the store is there, with the same identity, ids, keys and URLs. Where it was, it takes no writes any more:
    /// they fail with `ReadOnly`, and hosts open the store at its new address. What is left can be read until it
    /// is removed.
    ///
    /// Readers never wait. Writers to a directory wait at the end, while the last bytes are copied and all rows are
    /// compared. A database has no log that could be followed: there, writes fail with `ReadOnly` from the time on at
    /// which the contents are copied, until the rows are too.
    ///
    /// Call it again if it was cut off: it goes on where it was. The watcher must not write to the store, since it is
    /// called while writers wait.
    ///
    /// # Errors
    /// `Exists` when another store is at the address, or another one is being moved to it, or the directory holds
    /// something; `Corrupt` when the log or contents of the store are damaged, or rows at the other end
    /// are not what was copied; `ReadOnly` when the store was opened for reading; as [`Store::open`]; the watcher's own.
    pub fn migrate(&self, address: &str, watch: &mut Watch<'_>) -> Result<MigrateReport> {
        let engine = self.engine()?;
        if engine.is_remote() {
            return to_directory::run(&engine, Path::new(address), watch);
        }
        let address = StoreAddress::parse(address)?;
        self.migrate_to(&MigrationTarget::open(&address, engine.uuid)?, watch)
    }

    pub(crate) fn migrate_to(&self, to: &MigrationTarget, watch: &mut Watch<'_>) -> Result<MigrateReport> {
        let engine = self.engine()?;
        engine.journal.writable()?;
        let mut migration = Migration {
            engine: &engine,
            to,
            follower: LogFollower::default(),
            watch,
            progress: Progress { done: 0, total: 0 },
            report: MigrateReport::default(),
        };
        migration.run()?;
        Ok(migration.report)
    }
}

struct Migration<'a, 'w> {
    engine: &'a Engine,
    to: &'a MigrationTarget,
    follower: LogFollower,
    watch: &'a mut Watch<'w>,
    progress: Progress,
    report: MigrateReport,
}

impl Migration<'_, '_> {
    fn run(&mut self) -> Result<()> {
        if let Some(moved) = moving::moved(&self.engine.reader()?)? {
            return self.go_on(&moved);
        }
        self.begin()?;
        self.engine.journal.leave_segment()?;
        for round in 1..=ROUNDS {
            let tx = self.engine.reader()?;
            let bytes = self.copy_contents(&tx, false)?;
            self.copy_rows(&tx)?;
            let groups = self.follow(&tx)?;
            drop(tx);
            if bytes <= FEW_BYTES && groups.is_some_and(|groups| groups <= FEW_GROUPS) {
                break;
            }
            if round == ROUNDS {
                tracing::warn!("the store is written to as fast as it is copied; writers wait for longer");
            }
        }
        self.last_round()
    }

    /// Looks at what is at the other end, and begins there.
    fn begin(&self) -> Result<()> {
        let store = self.engine.uuid;
        let taken = |what: &str| {
            Error::new(
                ErrorKind::Exists,
                format!("{what} at the address; name another schema of the database"),
            )
        };
        self.to.kv.write(Commit::Synced, |tx| match (object::identity(tx)?, moving::arriving(tx)?) {
            (Some(_), _) => Err(taken("there is a store")),
            (None, Some(arriving)) if arriving.store != store => Err(taken("another store is being moved")),
            (None, Some(_)) => Ok(()),
            (None, None) => {
                let lsn = Position::read(&self.engine.reader()?)?.lsn;
                let next = Some((table::META.byte, Vec::new()));
                moving::set_arriving(tx, Some(&ArrivingRecord { store, lsn, next }))
            }
        })
    }

    /// Copies what is left while nobody can write, compares, ends the log, and makes a store of the rows.
    fn last_round(&mut self) -> Result<()> {
        self.engine.journal.leave_segment()?;
        let began = crate::machine::uptime();
        let kv = self.engine.journal.rows();
        let mut tx = kv.writer()?;
        self.copy_contents(&tx, true)?;
        if self.follow(&tx)?.is_none() {
            return Err(Error::corrupt("the log lacks groups that were just written; check the store"));
        }
        self.copy_rows(&tx)?;
        self.copy_segment_rows(&tx)?;
        if !is_planted(PlantedFault::LeavesTheLog) {
            rows::compare(&tx, &self.to.kv.reader()?)?;
        }
        if !is_planted(PlantedFault::LeavesItOpen) {
            moving::end_log(&mut tx)?;
            kv.commit(tx, Commit::Synced)?;
        }
        if is_planted(PlantedFault::KilledBeforeArrival) {
            return Err(Error::new(ErrorKind::Denied, "killed"));
        }
        self.report.waited = crate::machine::uptime().saturating_sub(began);
        self.arrive()
    }

    /// Goes on with a move whose log was ended: all is there, but for the last commit.
    fn go_on(&mut self, moved: &MovedRecord) -> Result<()> {
        let there = self.to.kv.reader()?;
        if object::identity(&there)?.is_some_and(|identity| identity.uuid == self.engine.uuid) {
            return Ok(());
        }
        match moving::arriving(&there)? {
            Some(arriving) if arriving.store == self.engine.uuid && arriving.lsn == moved.lsn => {
                self.arrive()
            }
            _ => Err(Error::invalid("the store was moved to another address than this; open it there")),
        }
    }

    /// Copies the rows of the segments, which no log has.
    fn copy_segment_rows(&self, tx: &impl Read) -> Result<()> {
        let segments = segment::list(tx)?;
        let there: BTreeMap<u32, SegmentRecord> = segment::list(&self.to.kv.reader()?)?.into_iter().collect();
        let gone = there.keys().filter(|number| !segments.iter().any(|(ours, _)| ours == *number));
        let gone: Vec<u32> = gone.copied().collect();
        let last = segments.last().map_or(0, |(number, _)| *number);
        for batch in segments.chunks(ROWS) {
            self.to.kv.write(Commit::Synced, |tx| {
                for (number, record) in batch {
                    let closed = SegmentRecord { open: false, last: 0, ..record.clone() };
                    row::put(tx, table::SEGMENT, &number.to_be_bytes(), &closed)?;
                }
                Ok(())
            })?;
        }
        self.to.kv.write(Commit::Synced, |tx| {
            for number in &gone {
                crate::kv::Write::del(tx, table::SEGMENT, &number.to_be_bytes())?;
            }
            object::pass_segment(tx, last)
        })
    }

    /// Makes a store of what is at the other end.
    fn arrive(&self) -> Result<()> {
        let identity = IdentityRecord { uuid: self.engine.uuid, created: self.engine.created };
        self.to.kv.write(Commit::Synced, |tx| {
            moving::set_arriving(tx, None)?;
            object::set_identity(tx, &identity)
        })
    }

    fn step(&mut self, bytes: u64) -> Result<()> {
        self.progress.done = self.progress.done.saturating_add(bytes);
        self.progress.total = self.progress.total.max(self.progress.done);
        (self.watch)(self.progress)
    }
}
