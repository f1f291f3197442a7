//! A view: the rows as they were at one commit, read in one transaction of the database.
//!
//! The transaction begins in the same trip as the first query, which so fixes the commit, and ends when the
//! last reader lets go of the view. Any number of threads read through it at once: their queries share the
//! connection, and are answered in order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio_postgres::types::Type;

use super::connect::{Database, Use};
use super::failure::Failure;
use super::query::{Query, READING, Statement};
use super::row::{RowKey, StoredRow};
use super::session::{AnswerRow, DatabaseSession, column};
use super::span::Span;
use crate::kv::Table;
use crate::mutant::{self, Mutant};
use crate::{Error, Result, machine, tasks};

/// Rows of a view that are cached at most; they are read again when they are wanted again.
const MAX_CACHED: usize = 1 << 16;
/// Pages of scans that were read ahead and are cached at most.
const MAX_PAGES: usize = 256;
/// Within what time a connection ends its transaction, to be used again.
const PARTING: Duration = Duration::from_secs(5);

/// The rows as of one commit.
pub(super) struct View {
    database: Arc<Database>,
    transaction: tokio::sync::Mutex<Transaction>,
    /// When the first query was sent, by the uptime; whether it was answered; whether the transaction failed.
    begun: OnceLock<Duration>,
    answered: OnceLock<()>,
    lost: OnceLock<()>,
    /// What was read. A key that nothing is under has a row too.
    cache: Mutex<HashMap<RowKey, Arc<StoredRow>>>,
    /// Pages of scans that were read ahead.
    pages: Mutex<HashMap<ScanKey, Arc<ScanPage>>>,
    /// Learns when the view has begun.
    on_begin: Weak<dyn OnBegin>,
}

/// The owner of a view.
pub(super) trait OnBegin: Send + Sync {
    /// The view has begun, and grows old from now on.
    fn view_began(self: Arc<Self>, view: Weak<View>);
}

enum Transaction {
    NotBegun,
    Begun(Arc<OpenTransaction>),
    Lost,
}

/// A connection in a transaction. Dropped before that was ended, the connection ends too: who was given it next would
/// read what this transaction does.
struct OpenTransaction(Option<DatabaseSession>);

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        if let Some(session) = self.0.take()
            && !mutant::is_active(Mutant::FailedReadsAreReused)
        {
            session.discard();
        }
    }
}

impl OpenTransaction {
    fn session(&self) -> Result<&DatabaseSession, Failure> {
        self.0.as_ref().ok_or_else(|| Failure::Refused(Error::bug("a transaction has no connection")))
    }
}

/// A scan: the table, the range and whether it is read from its end.
pub(super) type ScanKey = (u8, Span, bool);

/// A page of a scan.
#[derive(Clone, Debug)]
pub(super) struct ScanPage {
    pub(super) rows: Vec<(Vec<u8>, StoredRow)>,
    /// Whether the range has no more.
    pub(super) last: bool,
}

impl ScanPage {
    /// Makes one of what was read; `last` says that the range has no more parts.
    pub(super) fn new(mut rows: Vec<(Vec<u8>, StoredRow)>, last: bool) -> ScanPage {
        if !last {
            // Its other parts may be on the next page.
            rows.pop();
        }
        ScanPage { rows, last }
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("begun", &self.begun).finish_non_exhaustive()
    }
}

impl View {
    /// Makes a view that has not begun.
    pub(super) fn new(database: Arc<Database>, on_begin: Weak<dyn OnBegin>) -> View {
        View {
            database,
            transaction: tokio::sync::Mutex::new(Transaction::NotBegun),
            begun: OnceLock::new(),
            answered: OnceLock::new(),
            lost: OnceLock::new(),
            cache: Mutex::default(),
            pages: Mutex::default(),
            on_begin,
        }
    }

    /// Returns when the first query was sent, by the uptime. The rows are no older.
    pub(super) fn begun(&self) -> Option<Duration> {
        self.begun.get().copied()
    }

    /// Whether nothing more can be read: the transaction is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.get().is_some()
    }

    /// Whether the first query was answered, so that the rows are certainly no newer than now.
    pub(super) fn is_fixed(&self) -> bool {
        self.answered.get().is_some()
    }

    /// Reads the rows under many keys, in one trip for those that are not cached.
    pub(super) fn rows(self: &Arc<View>, keys: &[RowKey]) -> Result<Vec<Arc<StoredRow>>> {
        let mut found: Vec<Option<Arc<StoredRow>>> = {
            let cache = self.cache();
            keys.iter().map(|key| cache.get(key).cloned()).collect()
        };
        let missing: Vec<&RowKey> =
            keys.iter().zip(&found).filter(|(_, row)| row.is_none()).map(|(key, _)| key).collect();
        if missing.is_empty() {
            return Ok(found.into_iter().flatten().collect());
        }
        let mut read = self.read(&missing)?.into_iter();
        for row in found.iter_mut().filter(|row| row.is_none()) {
            *row = read.next().map(Arc::new);
        }
        let found: Vec<_> = found.into_iter().flatten().collect();
        if found.len() != keys.len() {
            return Err(Error::bug("fewer rows were read than were asked for"));
        }
        self.keep(keys.iter().cloned().zip(found.iter().cloned()).collect());
        Ok(found)
    }

    fn read(self: &Arc<View>, keys: &[&RowKey]) -> Result<Vec<StoredRow>> {
        let tables: Vec<i16> = keys.iter().map(|(table, _)| i16::from(*table)).collect();
        let wanted: Vec<Vec<u8>> = keys.iter().map(|(_, key)| key.clone()).collect();
        let query = Query {
            what: Statement::Get,
            parameters: vec![(Box::new(tables), Type::INT2_ARRAY), (Box::new(wanted), Type::BYTEA_ARRAY)],
        };
        let mut rows = vec![StoredRow::default(); keys.len()];
        for part in self.ask(query)? {
            let number: i64 = column(&part, 0)?;
            let row = usize::try_from(number).ok().and_then(|number| rows.get_mut(number.checked_sub(1)?));
            let row = row.ok_or_else(|| Error::bug("a row was read that was not asked for"))?;
            row.take(column(&part, 1)?, column(&part, 2)?, column(&part, 3)?)?;
        }
        Ok(rows)
    }

    /// Reads at most about `limit` rows of a table from `low` on and before `high`, in order of key or from
    /// the last.
    pub(super) fn page(
        self: &Arc<View>,
        table: Table,
        (low, high): (&[u8], &[u8]),
        reverse: bool,
        limit: i64,
    ) -> Result<ScanPage> {
        let scan = (table.byte, Span { low: low.to_vec(), high: high.to_vec() }, reverse);
        if let Some(page) = self.cached_page(&scan) {
            return Ok((*page).clone());
        }
        let query = Query {
            what: Statement::Scan { reverse },
            parameters: vec![
                (Box::new(i16::from(table.byte)), Type::INT2),
                (Box::new(low.to_vec()), Type::BYTEA),
                (Box::new(high.to_vec()), Type::BYTEA),
                (Box::new(limit), Type::INT8),
            ],
        };
        let parts = self.ask(query)?;
        let mut rows: Vec<(Vec<u8>, StoredRow)> = Vec::new();
        for part in &parts {
            let key: Vec<u8> = column(part, 0)?;
            if rows.last().is_none_or(|(before, _)| *before != key) {
                rows.push((key, StoredRow::default()));
            }
            if let Some((_, row)) = rows.last_mut() {
                row.take(column(part, 1)?, column(part, 2)?, column(part, 3)?)?;
            }
        }
        let last = i64::try_from(parts.len()).unwrap_or(i64::MAX) < limit;
        let page = ScanPage::new(rows, last);
        if page.rows.is_empty() && !last {
            // One counter of more parts than a page has.
            return self.page(table, (low, high), reverse, limit.saturating_mul(8));
        }
        Ok(page)
    }

    /// Returns the row under a key, if it is cached.
    pub(super) fn cached(&self, key: &RowKey) -> Option<Arc<StoredRow>> {
        self.cache().get(key).cloned()
    }

    pub(super) fn keep(&self, rows: Vec<(RowKey, Arc<StoredRow>)>) {
        let mut cache = self.cache();
        if cache.len().saturating_add(rows.len()) > MAX_CACHED {
            cache.clear();
        }
        cache.extend(rows);
    }

    /// Returns a page that was read ahead.
    pub(super) fn cached_page(&self, scan: &ScanKey) -> Option<Arc<ScanPage>> {
        self.pages().get(scan).cloned()
    }

    pub(super) fn keep_page(&self, scan: ScanKey, page: ScanPage) {
        let mut pages = self.pages();
        if pages.len() >= MAX_PAGES {
            pages.clear();
        }
        pages.insert(scan, Arc::new(page));
    }

    fn ask(self: &Arc<View>, query: Query) -> Result<Vec<AnswerRow>> {
        self.ask_while(query, || ()).map(|(rows, ())| rows)
    }

    /// Asks, and does something else until the answer comes.
    pub(super) fn ask_while<T>(
        self: &Arc<View>,
        query: Query,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<(Vec<AnswerRow>, T)> {
        let view = self.clone();
        let answer =
            self.database.begin(async move { view.answer(query).await.map_err(Failure::into_error) })?;
        let done = meanwhile();
        Ok((answer.wait()?, done))
    }

    pub(super) fn options(&self) -> &super::PostgresOptions {
        &self.database.options
    }

    fn pages(&self) -> std::sync::MutexGuard<'_, HashMap<ScanKey, Arc<ScanPage>>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(self: Arc<View>, query: Query) -> Result<Vec<AnswerRow>, Failure> {
        let mut transaction = tasks::lock(&self.transaction).await;
        match &*transaction {
            Transaction::NotBegun => self.begin(&mut transaction, query).await,
            Transaction::Begun(client) => {
                let client = client.clone();
                drop(transaction);
                let asked = client.session()?.query(&self.database.statements, &query);
                let answer = tasks::timeout(self.database.options.patience, asked).await;
                let answer = answer.unwrap_or_else(|| Err(Failure::timed_out(READING)));
                if answer.is_err() {
                    // What follows would be refused, whatever it was: the transaction has failed.
                    *tasks::lock(&self.transaction).await = Transaction::Lost;
                    let _ = self.lost.set(());
                }
                answer
            }
            Transaction::Lost => Err(Failure::Lost(Error::io(
                "the connection to the database was lost while rows were read; try again",
                std::io::ErrorKind::ConnectionReset.into(),
            ))),
        }
    }

    /// Begins the transaction, and asks the first query in the same trip. A connection that was lost
    /// since it was used last is replaced: nothing was read yet.
    async fn begin(
        self: &Arc<View>,
        transaction: &mut Transaction,
        query: Query,
    ) -> Result<Vec<AnswerRow>, Failure> {
        let first = machine::uptime();
        loop {
            let client = self.database.connection(Use::Reading).await?;
            // Before it is sent: who asks for rows that are as new as now must not be given these.
            let _ = self.begun.set(machine::uptime());
            let asked = client.begin_read(&self.database.statements, &query);
            let answer = tasks::timeout(self.database.options.patience, asked).await;
            match answer.unwrap_or_else(|| Err(Failure::timed_out(READING))) {
                Ok(rows) => {
                    *transaction = Transaction::Begun(Arc::new(OpenTransaction(Some(client))));
                    let _ = self.answered.set(());
                    if let Some(owner) = self.on_begin.upgrade() {
                        owner.view_began(Arc::downgrade(self));
                    }
                    return Ok(rows);
                }
                Err(failure) => {
                    client.discard();
                    let waited = machine::uptime().saturating_sub(first);
                    if matches!(failure, Failure::Refused(_)) || waited >= self.database.options.patience {
                        return Err(failure);
                    }
                }
            }
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<RowKey, Arc<StoredRow>>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let transaction = std::mem::replace(self.transaction.get_mut(), Transaction::Lost);
        let Transaction::Begun(client) = transaction else { return };
        let Some(client) = Arc::into_inner(client).and_then(|mut transaction| transaction.0.take()) else {
            return;
        };
        let ended = async move {
            if !matches!(tasks::timeout(PARTING, client.end()).await, Some(Ok(()))) {
                client.discard();
            }
        };
        // In a forked child there is nobody to end it: the connection is the parent's.
        let _forked = self.database.spawn(ended);
    }
}
