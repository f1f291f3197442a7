//! The driver for a PostgreSQL database: rows in a table of it, for any number of processes on any number of
//! hosts.
//!
//! **Reading.** A process reads through a [`View`]: the rows of one commit, which its readers share until it
//! is older than the options allow. What the process commits lies over it, so that nobody is shown less
//! than what was acknowledged.
//!
//! **Writing.** A transaction is optimistic: it reads through the view, notes the versions of what it read,
//! keys and ranges, and commits in one serializable statement that checks them all and writes. Where another
//! has been first, it runs again on a new view ([`Kv::write`]).
//!
//! The server keeps no state of a session between two transactions, so that PgBouncer may hand its
//! connections round in transaction mode.

mod commit;
mod connect;
mod failure;
mod functions;
mod links;
mod migrations;
mod options;
mod prefetch;
mod query;
mod reader;
mod row;
mod session;
#[cfg(all(feature = "sim", feature = "remote"))]
pub(crate) mod sim;
mod span;
mod statements;
#[cfg(test)]
pub(crate) mod tests;
mod view;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

pub(crate) use options::PostgresOptions;
pub(crate) use reader::PostgresReader;
pub(crate) use writer::PostgresWriter;

use commit::CommitOutcome;
use connect::Database;
use failure::Failure;
use reader::OwnCommits;
use row::{Committed, RowChange, RowKey};
use view::{OnBegin, View};

use super::turn::WriteTurn;
use super::{Commit, Kv};
use crate::mutant::{self, Mutant};
use crate::random::random;
use crate::{Error, ErrorKind, Result, machine, tasks};

/// Rows of its own commits that a process keeps over its view at most; then it begins another.
const MAX_OVERLAY: usize = 4096;
/// One commit of so many, at random, brings the deltas together of the counters that it adds to.
const FOLD: i64 = 64;
/// Commits after which it removes the ids of old ones.
const FORGET: u64 = 4096;
/// The longest pause before a change is tried again, at first and at most, in microseconds.
const PAUSE: u64 = 2_000;
const MAX_PAUSE: u64 = 250_000;

/// Rows in a PostgreSQL database.
#[derive(Debug)]
pub(crate) struct PostgresKv {
    database: Arc<Database>,
    current: Arc<CurrentView>,
    turn: Arc<WriteTurn>,
    commits: AtomicU64,
}

/// The view that the process reads through.
struct CurrentView {
    database: Arc<Database>,
    reader: Mutex<Option<PostgresReader>>,
    /// Of a newer one, for those whom the rows of that are too old for.
    newer: Mutex<Option<PostgresReader>>,
}

impl std::fmt::Debug for CurrentView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CurrentView").finish_non_exhaustive()
    }
}

impl CurrentView {
    fn lock(&self) -> MutexGuard<'_, Option<PostgresReader>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a reader of the view, or of another where that is too old.
    fn reader(self: &Arc<CurrentView>) -> PostgresReader {
        self.with_reader(PostgresReader::clone)
    }

    fn with_reader<T>(self: &Arc<CurrentView>, see: impl FnOnce(&PostgresReader) -> T) -> T {
        let mut current = self.lock();
        let old = current.take_if(|reader| {
            let staleness = self.database.options.staleness;
            let begun = reader.view.begun();
            let is_old = |begun| machine::uptime().saturating_sub(begun) >= staleness;
            let stays = mutant::is_active(Mutant::ViewsStay);
            reader.view.is_lost() || begun.is_some_and(|begun| !stays && is_old(begun))
        });
        let seen = see(current.get_or_insert_with(|| self.begin()));
        drop(current);
        // It gives its connection back, when nobody is kept waiting by it.
        drop(old);
        seen
    }

    /// Returns a reader of a view that began at a time or later, or has not begun.
    fn reader_since(self: &Arc<CurrentView>, since: Duration) -> PostgresReader {
        let fits = |reader: &&PostgresReader| {
            !reader.view.is_lost() && reader.view.begun().is_none_or(|begun| begun >= since)
        };
        if let Some(reader) = self.lock().as_ref().filter(fits) {
            return reader.clone();
        }
        // Beside the current one: what others have cached of that is good for them.
        let mut newer = self.lock_newer();
        let old = newer.take_if(|reader| !fits(&&*reader));
        let reader = newer.get_or_insert_with(|| self.begin()).clone();
        drop(newer);
        drop(old);
        reader
    }

    fn lock_newer(&self) -> MutexGuard<'_, Option<PostgresReader>> {
        self.newer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<CurrentView>) -> PostgresReader {
        let owner: Weak<dyn OnBegin> = Arc::downgrade(self) as Weak<dyn OnBegin>;
        let view = Arc::new(View::new(self.database.clone(), owner));
        PostgresReader::new(view, Arc::default())
    }

    /// Lets go of a view, if it is the current one.
    fn leave(&self, view: &Arc<View>) {
        let is_it = |reader: &mut PostgresReader| Arc::ptr_eq(&reader.view, view);
        let left = self.lock().take_if(is_it);
        drop(left);
        let left = self.lock_newer().take_if(is_it);
        drop(left);
    }

    /// Lets go of the current view if it is older than another.
    fn leave_older(&self, newer: &View) {
        let Some(begun) = newer.begun() else { return };
        let is_older = |reader: &mut PostgresReader| reader.view.begun().is_some_and(|other| other < begun);
        let left = self.lock().take_if(is_older);
        drop(left);
    }

    /// Shows what was committed to everybody who reads from now on. `before` is what the commit was made
    /// upon; `fixed` says whether its view certainly has nothing of the commit.
    fn committed(
        &self,
        before: &PostgresReader,
        fixed: bool,
        changes: Vec<(RowKey, RowChange)>,
        version: i64,
    ) {
        if mutant::is_active(Mutant::OwnCommitsUnseen) {
            return;
        }
        let mut current = self.lock();
        let is_same = current.as_ref().is_some_and(|reader| Arc::ptr_eq(&reader.view, &before.view));
        let mut overlay = (*before.overlay).clone();
        let fits = is_same && fixed && overlay.len().saturating_add(changes.len()) <= MAX_OVERLAY;
        let laid = fits && lay(&mut overlay, changes, version).is_ok();
        let old = match laid {
            true => current.replace(PostgresReader::new(before.view.clone(), Arc::new(overlay))),
            // A view that has not begun will have the commit; any other may lack it.
            false => current.take_if(|reader| reader.view.begun().is_some()),
        };
        drop(current);
        drop(old);
    }
}

fn lay(overlay: &mut OwnCommits, changes: Vec<(RowKey, RowChange)>, version: i64) -> Result<()> {
    for (key, change) in changes {
        let after = Committed::after(overlay.get(&key), change, version)?;
        overlay.insert(key, after);
    }
    Ok(())
}

impl OnBegin for CurrentView {
    fn view_began(self: Arc<CurrentView>, view: Weak<View>) {
        // The transaction of a view that nobody reads through would keep the server from vacuuming.
        if mutant::is_active(Mutant::ViewsStay) {
            return;
        }
        let staleness = self.database.options.staleness;
        let database = self.database.clone();
        let owner = Arc::downgrade(&self);
        let _forked = database.spawn(async move {
            tasks::sleep(staleness).await;
            if let (Some(owner), Some(view)) = (owner.upgrade(), view.upgrade()) {
                owner.leave(&view);
            }
        });
    }
}

impl PostgresKv {
    /// Opens the rows in the database at an address, and makes their tables where there are none.
    ///
    /// # Errors
    /// `InvalidArgument` when the address is none, `Io` when the server cannot be reached, `Denied` when it
    /// refuses the user, `Unsupported` when a later version of this library made the tables.
    pub(crate) fn open(url: &str, options: PostgresOptions) -> Result<PostgresKv> {
        let database = Arc::new(Database::new(url, options)?);
        let migrated = database.clone();
        database.run(async move { migrations::migrate(&migrated).await })?;
        Ok(PostgresKv::over(database))
    }

    /// Opens the rows in a simulated database, as a simulated host reaches it.
    #[cfg(all(feature = "sim", feature = "remote"))]
    pub(crate) fn open_simulated(
        (database, network): (sim::SimDatabase, Arc<dyn crate::network::SimNetwork>),
        options: PostgresOptions,
    ) -> PostgresKv {
        PostgresKv::over(Arc::new(Database::simulated(database, network, options)))
    }

    fn over(database: Arc<Database>) -> PostgresKv {
        let current = Arc::new(CurrentView {
            database: database.clone(),
            reader: Mutex::default(),
            newer: Mutex::default(),
        });
        PostgresKv { database, current, turn: Arc::default(), commits: AtomicU64::new(0) }
    }

    /// Returns a number of the rows that a reader sees who begins now; None where each sees others.
    pub(crate) fn shown(&self) -> Option<u64> {
        (!self.database.options.staleness.is_zero()).then(|| self.current.with_reader(PostgresReader::number))
    }

    /// Returns a reader of rows that are as new as a time of the uptime at least.
    pub(crate) fn reader_since(&self, since: Duration) -> PostgresReader {
        self.current.reader_since(since)
    }

    /// Lets nobody begin to read any more what is older than the rows of a reader.
    pub(crate) fn leave_older(&self, newer: &PostgresReader) {
        self.current.leave_older(&newer.view);
    }

    fn try_commit(&self, writer: PostgresWriter) -> Result<CommitOutcome> {
        let PostgresWriter { turn: _turn, reader, changes, read } = writer;
        if changes.is_empty() {
            // What was read is of one commit, and that is all there is to it.
            return Ok(CommitOutcome::Committed { version: 0 });
        }
        let changes: Vec<_> = changes.into_iter().collect();
        let deadline = self.database.deadline();
        let commit =
            commit::PendingCommit::new((&self.database.options, deadline), &read.into_inner(), &changes)?;
        let fixed = reader.view.is_fixed();
        let database = self.database.clone();
        let outcome = self.database.run(async move { commit.make(database).await });
        match outcome {
            Ok(CommitOutcome::Committed { version }) => {
                self.look_after(&changes, version)?;
                self.current.committed(&reader, fixed, changes, version);
            }
            // Whatever the reason, what is read next should be as new as can be.
            _ => self.current.leave(&reader.view),
        }
        outcome
    }

    /// Does now and then what keeps the tables small.
    fn look_after(&self, changes: &[(RowKey, RowChange)], version: i64) -> Result<()> {
        if version % FOLD == 0 {
            for (key, _) in changes.iter().filter(|(_, change)| matches!(change, RowChange::Add(_))) {
                self.database.spawn(commit::fold(self.database.clone(), key.clone()))?;
            }
        }
        if self.commits.fetch_add(1, Ordering::Relaxed) % FORGET == FORGET - 1 {
            self.database.spawn(commit::forget_old(self.database.clone()))?;
        }
        Ok(())
    }
}

impl Kv for PostgresKv {
    type Reader = PostgresReader;
    type Writer = PostgresWriter;

    fn reader(&self) -> Result<PostgresReader> {
        Ok(self.current.reader())
    }

    fn writer(&self) -> Result<PostgresWriter> {
        let turn = self.turn.take();
        Ok(PostgresWriter::new(turn, self.current.reader()))
    }

    /// Commits once. Where others were first, the error is of kind `Locked`; [`Kv::write`] tries again.
    fn commit(&self, writer: PostgresWriter, _how: Commit) -> Result<()> {
        match self.try_commit(writer)? {
            CommitOutcome::Committed { .. } => Ok(()),
            CommitOutcome::Again => Err(Failure::Conflict.into_error()),
        }
    }

    fn write<T>(&self, _how: Commit, change: impl FnMut(&mut PostgresWriter) -> Result<T>) -> Result<T> {
        self.write_as(|writer| writer, Ok, change)
    }

    fn close(&self) {
        let left = (self.current.lock().take(), self.current.lock_newer().take());
        drop(left);
        self.database.close();
    }
}

impl PostgresKv {
    /// As [`Kv::write`], with a writer that is wrapped in another type.
    pub(crate) fn write_as<W, T>(
        &self,
        wrap: impl Fn(PostgresWriter) -> W,
        unwrap: impl Fn(W) -> Result<PostgresWriter>,
        mut change: impl FnMut(&mut W) -> Result<T>,
    ) -> Result<T> {
        let begun = machine::uptime();
        let mut tries = 0_u32;
        loop {
            let writer = self.writer()?;
            let view = writer.reader.view.clone();
            let mut writer = wrap(writer);
            let first = tries == 0;
            let is_old = view.begun().is_some_and(|began| began < begun);
            let failed = match change(&mut writer) {
                Ok(value) => match self.try_commit(unwrap(writer)?)? {
                    CommitOutcome::Committed { .. } => return Ok(value),
                    CommitOutcome::Again => None,
                },
                // It may have failed only because of what it saw, which is not so any more; or because the
                // connection was lost that it read through.
                Err(error) if (first && is_old) || view.is_lost() => {
                    self.current.leave(&view);
                    drop(writer);
                    Some(error)
                }
                Err(error) => return Err(error),
            };
            tries += 1;
            if machine::uptime().saturating_sub(begun) >= self.database.options.contention {
                return Err(failed.unwrap_or_else(|| {
                    Error::new(
                        ErrorKind::Locked,
                        format!("other processes changed what this change goes by, {tries} times; try again"),
                    )
                }));
            }
            machine::pause(pause(tries)?);
        }
    }
}

/// Returns how long to wait before the next try: at random, and longer each time, so that those who were in
/// each other's way part.
fn pause(tries: u32) -> Result<Duration> {
    let most = PAUSE.saturating_mul(1 << tries.min(8)).min(MAX_PAUSE);
    Ok(Duration::from_micros(u64::from_le_bytes(random()?) % most))
}
