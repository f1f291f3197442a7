//! The commit: one statement in a serializable transaction, which checks what was read and writes what is
//! changed; and finding out what became of it when the connection is lost meanwhile.
//!
//! A commit inserts its id, a random one, into the table of commits. When no answer comes, the id is inserted
//! once more, as void. That waits for a first try that is still open. Then the row tells: it is the
//! commit's own, so the commit holds; or it is void, and then the commit has not happened, and cannot
//! any more, however late its statement reaches the server: its own insert would fail. Both may be asked
//! any number of times.
//!
//! Ids are forgotten after a while. A process, or a statement, that was held up for longer would find that an id is not
//! there which was: so a commit carries until when, by the server's clock, its id is certainly remembered. Later it is
//! neither made nor made void, and if there is no row that tells, nobody knows what became of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::connect::{Database, Use};
use super::failure::Failure;
use super::options::PostgresOptions;
use super::query::{COMMITTING, Query, Statement};
use super::row::{RowChange, RowKey, Seal};
use super::session::{DatabaseSession, column};
use super::writer::ReadSet;
use crate::mutant::{self, Mutant};
use crate::random::random;
use crate::{Error, ErrorKind, Result, machine, tasks};

/// Between two tries to find an outcome out.
const PAUSE: Duration = Duration::from_millis(50);
/// How long an outcome is looked for at most.
const SEARCH: Duration = Duration::from_secs(3600);

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommitOutcome {
    /// It holds. Every row that it wrote bears this version.
    Committed { version: i64 },
    /// It has not happened: others have changed what it goes by, or the connection was lost before.
    Again,
}

/// A commit that is to be made.
pub(super) struct PendingCommit {
    id: Uuid,
    version: i64,
    /// Until when it may be made, and its id made void, by the server's clock.
    deadline: i64,
    query: Query,
}

impl PendingCommit {
    /// Makes one of what was read and what is changed, which may be made until a time.
    pub(super) fn new(
        (options, deadline): (&PostgresOptions, i64),
        read: &ReadSet,
        changes: &[(RowKey, RowChange)],
    ) -> Result<PendingCommit> {
        let bytes = random::<16>()?;
        let id = Uuid::from_bytes(bytes);
        // Positive, and not 0: the part of a base.
        let [high, ..] = bytes.map(u64::from);
        let low = u64::from_be_bytes(random()?);
        let version = i64::try_from((low ^ high) >> 1).map_or(1, |version| (version % Seal::RANGE).max(1));
        let mut query = Query { what: Statement::Commit, parameters: Vec::new() };
        query.parameters.push((Box::new(id), Type::UUID));
        query.parameters.push((Box::new(version), Type::INT8));
        // What was looked for in vain and is put now: that its key is unique is check enough.
        let is_new = |key: &RowKey| read.keys.get(key) == Some(&Seal::default());
        let new: BTreeSet<&RowKey> = changes
            .iter()
            .filter(|(key, change)| matches!(change, RowChange::Put(_)) && is_new(key))
            .filter(|(key, _)| !options.counts(key.0))
            .map(|(key, _)| key)
            .collect();
        checks(&mut query, read, (changes, &new));
        writes(&mut query, changes, &new);
        let mut counters = Keys::default();
        let puts = changes.iter().filter(|(_, change)| matches!(change, RowChange::Put(_)));
        puts.filter(|(key, _)| options.counts(key.0)).for_each(|(key, _)| counters.push(key));
        counters.into_parameters(&mut query);
        query.parameters.push((Box::new(deadline), Type::INT8));
        Ok(PendingCommit { id, version, deadline, query })
    }

    /// Makes the commit, and finds out whether it holds.
    ///
    /// # Errors
    /// What the server refuses it for; `Io` when the outcome could not be found out: then the error says so.
    pub(super) async fn make(self, database: Arc<Database>) -> Result<CommitOutcome> {
        let connection = match database.connection(Use::Writing).await {
            Ok(connection) => connection,
            // Nothing was sent.
            Err(failure) => return Err(failure.into_error()),
        };
        let sent = machine::uptime();
        match self.send(&database, connection).await {
            Ok(true) => Ok(CommitOutcome::Committed { version: self.version }),
            Ok(false) | Err(Failure::Conflict) => Ok(CommitOutcome::Again),
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Lost(_)) if mutant::is_active(Mutant::LostCommitHolds) => {
                Ok(CommitOutcome::Committed { version: self.version })
            }
            Err(Failure::Lost(_)) if mutant::is_active(Mutant::LostCommitFails) => Ok(CommitOutcome::Again),
            Err(Failure::Lost(lost)) => {
                tracing::debug!(error = %lost, "the connection was lost in a commit; its outcome is found out");
                self.find_out(&database, sent, lost).await
            }
        }
    }

    /// Sends the transaction in one trip. Returns whether what was read is still so, and the commit done. Where it
    /// was begun too long ago, it was not done either, and the next one begins later.
    async fn send(&self, database: &Database, connection: DatabaseSession) -> Result<bool, Failure> {
        let sent = connection.commit(&database.statements, &self.query);
        let answer = tasks::timeout(database.options.patience, sent).await;
        match answer.unwrap_or_else(|| Err(Failure::timed_out(COMMITTING))) {
            Ok(rows) => {
                let answer = rows.first().map(|row| column::<i64>(row, 0)).transpose();
                let answer = answer.map_err(Failure::Refused)?.ok_or_else(|| {
                    Failure::Refused(Error::bug("the database answered a commit with nothing"))
                })?;
                database.saw_clock(answer.saturating_abs());
                Ok(answer > 0)
            }
            Err(failure) => {
                if matches!(failure, Failure::Lost(_)) {
                    connection.discard();
                }
                Err(failure)
            }
        }
    }

    /// Finds out whether the commit holds, and sees to it that it stays so.
    async fn find_out(&self, database: &Database, sent: Duration, mut lost: Error) -> Result<CommitOutcome> {
        loop {
            match self.ask(database).await {
                Ok(Some(true)) => return Ok(CommitOutcome::Again),
                Ok(Some(false)) => return Ok(CommitOutcome::Committed { version: self.version }),
                Ok(None) => {
                    let message = "whether the change holds could not be found out: the process was held up in its \
                                   commit for so long that the database may have forgotten it";
                    return Err(Error::with_source(ErrorKind::Io, message, lost));
                }
                Err(Failure::Conflict) => {}
                Err(failure) => lost = failure.into_error(),
            }
            let waited = machine::uptime().saturating_sub(sent);
            if waited >= (database.options.patience * 4).min(SEARCH) {
                let message = "whether the change holds could not be found out: the database was lost in its commit, \
                               and has not come back";
                return Err(Error::with_source(ErrorKind::Io, message, lost));
            }
            tasks::sleep(PAUSE).await;
        }
    }

    /// Makes the id void if the commit has not happened; returns whether it is void, and None if it is not there and
    /// may have been.
    async fn ask(&self, database: &Database) -> Result<Option<bool>, Failure> {
        let connection = database.connection(Use::Writing).await?;
        let query = |what| Query { what, parameters: vec![(Box::new(self.id), Type::UUID)] };
        let asked = async {
            if !mutant::is_active(Mutant::LostCommitStaysValid) {
                let mut void = query(Statement::Void);
                void.parameters.push((Box::new(self.deadline), Type::INT8));
                connection.query(&database.statements, &void).await?;
            }
            // On its own, so that it sees what the first has waited for.
            let rows = connection.query(&database.statements, &query(Statement::Outcome)).await?;
            let void =
                rows.first().map(|row| column::<bool>(row, 0)).transpose().map_err(Failure::Refused)?;
            Ok(void.or_else(|| mutant::is_active(Mutant::LostCommitStaysValid).then_some(true)))
        };
        let asked = tasks::timeout(database.options.patience, asked).await;
        let asked = asked.unwrap_or_else(|| Err(Failure::timed_out(COMMITTING)));
        if matches!(asked, Err(Failure::Lost(_))) {
            connection.discard();
        }
        asked
    }
}

fn checks(query: &mut Query, read: &ReadSet, (changes, new): (&[(RowKey, RowChange)], &BTreeSet<&RowKey>)) {
    let (mut tables, mut lows, mut highs) = (Vec::new(), Vec::new(), Vec::new());
    let mut seals = Vec::new();
    let kept = |key: &RowKey| match changes.binary_search_by(|(changed, _)| changed.cmp(key)) {
        Ok(found) if mutant::is_active(Mutant::DeletesUnguarded) => {
            changes.get(found).is_none_or(|(_, change)| *change != RowChange::Delete)
        }
        Ok(_) => true,
        Err(_) => !mutant::is_active(Mutant::ReadsUnguarded),
    };
    let keys =
        read.keys.iter().filter(|(key, _)| !new.contains(key) && kept(key)).map(|((table, key), seal)| {
            let span = super::span::Span::of_key(key);
            (*table, span, *seal)
        });
    let guards_spans =
        ![Mutant::RangesUnguarded, Mutant::ReadsUnguarded].map(mutant::is_active).contains(&true);
    let spans = read.spans.iter().filter(|_| guards_spans);
    for (table, span, seal) in keys.chain(spans.cloned()) {
        tables.push(i16::from(table));
        lows.push(span.low);
        highs.push(span.high);
        seals.push(seal.number());
    }
    query.parameters.push((Box::new(tables), Type::INT2_ARRAY));
    query.parameters.push((Box::new(lows), Type::BYTEA_ARRAY));
    query.parameters.push((Box::new(highs), Type::BYTEA_ARRAY));
    query.parameters.push((Box::new(seals), Type::INT8_ARRAY));
}

fn writes(query: &mut Query, changes: &[(RowKey, RowChange)], new: &BTreeSet<&RowKey>) {
    let (mut deleted, mut put, mut values) = (Keys::default(), Keys::default(), Vec::new());
    let (mut added, mut deltas) = (Keys::default(), Vec::new());
    let (mut inserted, mut contents) = (Keys::default(), Vec::new());
    for (key, change) in changes {
        match change {
            RowChange::Delete => deleted.push(key),
            RowChange::Put(value) if new.contains(key) => {
                inserted.push(key);
                contents.push(value.clone());
            }
            RowChange::Put(value) => {
                put.push(key);
                values.push(value.clone());
            }
            RowChange::Add(delta) => {
                added.push(key);
                deltas.push(*delta);
            }
        }
    }
    deleted.into_parameters(query);
    put.into_parameters(query);
    query.parameters.push((Box::new(values), Type::BYTEA_ARRAY));
    added.into_parameters(query);
    query.parameters.push((Box::new(deltas), Type::INT8_ARRAY));
    inserted.into_parameters(query);
    query.parameters.push((Box::new(contents), Type::BYTEA_ARRAY));
}

#[derive(Default)]
struct Keys {
    tables: Vec<i16>,
    keys: Vec<Vec<u8>>,
}

impl Keys {
    fn push(&mut self, (table, key): &RowKey) {
        self.tables.push(i16::from(*table));
        self.keys.push(key.clone());
    }

    fn into_parameters(self, query: &mut Query) {
        query.parameters.push((Box::new(self.tables), Type::INT2_ARRAY));
        query.parameters.push((Box::new(self.keys), Type::BYTEA_ARRAY));
    }
}

/// Brings the deltas of a counter together into one, so that reading it stays cheap.
pub(super) async fn fold(database: Arc<Database>, (table, key): RowKey) {
    let Ok(connection) = database.connection(Use::Writing).await else { return };
    let Ok(part) = random().map(|bytes| (i64::from_be_bytes(bytes) & i64::MAX).max(1)) else { return };
    let table = i16::from(table);
    let query = Query {
        what: Statement::Fold,
        parameters: vec![
            (Box::new(table), Type::INT2),
            (Box::new(key), Type::BYTEA),
            (Box::new(part), Type::INT8),
        ],
    };
    // What overtakes it, or is in its way, leaves the counter as it is; the next one comes soon.
    match connection.query(&database.statements, &query).await {
        Ok(_) | Err(Failure::Conflict) => {}
        Err(_) => connection.discard(),
    }
}

/// Removes the ids of commits whose outcome nobody looks for any more.
pub(super) async fn forget_old(database: Arc<Database>) {
    let Ok(connection) = database.connection(Use::Writing).await else { return };
    let remembered = super::options::micros(database.options.remembered);
    let query = Query { what: Statement::Forget, parameters: vec![(Box::new(remembered), Type::INT8)] };
    if connection.query(&database.statements, &query).await.is_err() {
        connection.discard();
    }
}
