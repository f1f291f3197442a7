//! The embedded driver: redb, one of its tables for each of ours.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use redb::{
    ConcurrencyMode, Database, DatabaseError, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase,
    ReadableTable, TableDefinition, WriteTransaction,
};

use super::backend::VfsBackend;
use super::{Commit, KeyRange, Kv, Read, Scan, Table, Visit, Write};
use crate::vfs::VfsFile;
use crate::{Error, ErrorKind, Result};

/// Rows that a write transaction copies before a visitor sees them: redb lends a table of a
/// write transaction only once, and a visitor may look at the same table.
const SCAN_ROWS: usize = 256;
/// Table bytes are below this.
const TABLES: usize = 32;

/// How processes share the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// One process; commits may stay unsynced.
    Exclusive,
    /// Any number of processes; every commit is synced.
    Shared,
}

/// Rows in a redb file.
#[derive(Debug)]
pub(crate) struct RedbKv {
    database: Database,
    sharing: Sharing,
}

impl RedbKv {
    /// Opens the rows in `file`, which is empty or was written by this driver, and makes the
    /// tables that are missing.
    ///
    /// # Errors
    /// `Locked` when another process has it open in a way that excludes this one, `Corrupt` when
    /// it is damaged.
    pub(crate) fn open(
        file: Arc<dyn VfsFile>,
        sharing: Sharing,
        cache: usize,
        tables: &[Table],
    ) -> Result<RedbKv> {
        let fresh = file.len().map_err(|cause| Error::io("reading the length of meta.redb", cause))? == 0;
        let backend = VfsBackend::new(file).map_err(|cause| Error::io("opening meta.redb", cause))?;
        let database = guarded(|| {
            let mode = match sharing {
                Sharing::Exclusive => ConcurrencyMode::ExclusiveWriter,
                Sharing::Shared => ConcurrencyMode::MultiWriter,
            };
            let mut builder = Database::builder();
            builder.set_concurrency_mode(mode).set_cache_size(cache);
            builder.create_with_backend(backend).map_err(database_error)
        })?;
        let kv = RedbKv { database, sharing };
        if fresh || !kv.has(tables)? {
            let writer = kv.writer()?;
            guarded(|| tables.iter().try_for_each(|table| writer.open(*table).map(drop)))?;
            kv.commit(writer, Commit::Synced)?;
        }
        Ok(kv)
    }

    fn has(&self, tables: &[Table]) -> Result<bool> {
        let reader = self.reader()?;
        Ok(tables.iter().all(|table| reader.open(*table).is_ok()))
    }
}

/// A moment of the rows.
pub(crate) struct RedbReader {
    transaction: ReadTransaction,
    open: [OnceCell<ReadOnlyTable<&'static [u8], &'static [u8]>>; TABLES],
}

/// A write transaction.
pub(crate) struct RedbWriter(WriteTransaction);

impl Kv for RedbKv {
    type Reader = RedbReader;
    type Writer = RedbWriter;

    fn reader(&self) -> Result<RedbReader> {
        let transaction = guarded(|| self.database.begin_read().map_err(other))?;
        Ok(RedbReader { transaction, open: [const { OnceCell::new() }; TABLES] })
    }

    fn writer(&self) -> Result<RedbWriter> {
        guarded(|| self.database.begin_write().map_err(other)).map(RedbWriter)
    }

    fn commit(&self, writer: RedbWriter, how: Commit) -> Result<()> {
        let RedbWriter(mut transaction) = writer;
        guarded(|| {
            match (how, self.sharing) {
                (Commit::Unsynced, Sharing::Exclusive) => {
                    transaction.set_durability(Durability::None).map_err(other)?;
                }
                _ => transaction.set_quick_repair(true),
            }
            transaction.commit().map_err(other)
        })
    }
}

fn definition(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name)
}

impl RedbReader {
    fn open(&self, table: Table) -> Result<&ReadOnlyTable<&'static [u8], &'static [u8]>> {
        let slot = self
            .open
            .get(usize::from(table.byte))
            .ok_or_else(|| Error::bug(format!("table byte {} is not below {TABLES}", table.byte)))?;
        if let Some(found) = slot.get() {
            return Ok(found);
        }
        let found = self.transaction.open_table(definition(table)).map_err(other)?;
        Ok(slot.get_or_init(|| found))
    }
}

impl Read for RedbReader {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        let row = guarded(|| self.open(table)?.get(key).map_err(other))?;
        row.map(|value| found(value.value())).transpose()
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut Visit<'_>) -> Result<()> {
        if super::is_empty(range) {
            return Ok(());
        }
        let mut rows = guarded(|| self.open(table)?.range::<&[u8]>(range).map_err(other))?;
        loop {
            let row =
                guarded(|| if reverse { rows.next_back() } else { rows.next() }.transpose().map_err(other))?;
            let Some((key, value)) = row else { return Ok(()) };
            if visit(key.value(), value.value())? == Scan::Stop {
                return Ok(());
            }
        }
    }
}

impl RedbWriter {
    fn open(&self, table: Table) -> Result<redb::Table<'_, &'static [u8], &'static [u8]>> {
        self.0.open_table(definition(table)).map_err(other)
    }
}

impl Read for RedbWriter {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        let open = guarded(|| self.open(table))?;
        let row = guarded(|| open.get(key).map_err(other))?;
        row.map(|value| found(value.value())).transpose()
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut Visit<'_>) -> Result<()> {
        use std::ops::Bound::Excluded;
        let mut last: Option<Vec<u8>> = None;
        loop {
            let range = match (&last, reverse) {
                (None, _) => range,
                (Some(last), false) => (Excluded(last.as_slice()), range.1),
                (Some(last), true) => (range.0, Excluded(last.as_slice())),
            };
            if super::is_empty(range) {
                return Ok(());
            }
            let rows: Vec<(Vec<u8>, Vec<u8>)> = guarded(|| {
                let open = self.open(table)?;
                let mut found = open.range::<&[u8]>(range).map_err(other)?;
                let mut rows = Vec::new();
                while rows.len() < SCAN_ROWS {
                    let row = if reverse { found.next_back() } else { found.next() };
                    let Some(row) = row else { break };
                    let (key, value) = row.map_err(other)?;
                    rows.push((key.value().to_vec(), value.value().to_vec()));
                }
                Ok(rows)
            })?;
            let full = rows.len() == SCAN_ROWS;
            for (key, value) in &rows {
                if visit(key, value)? == Scan::Stop {
                    return Ok(());
                }
            }
            match rows.into_iter().last() {
                Some((key, _)) if full => last = Some(key),
                _ => return Ok(()),
            }
        }
    }
}

impl Write for RedbWriter {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        guarded(|| self.open(table)?.insert(key, value).map(drop).map_err(other))
    }

    fn del(&mut self, table: Table, key: &[u8]) -> Result<()> {
        guarded(|| self.open(table)?.remove(key).map(drop).map_err(other))
    }

    fn add(&mut self, table: Table, key: &[u8], delta: i64) -> Result<()> {
        let now = self.get(table, key, super::counter)?.unwrap_or(0);
        let sum = now.checked_add(delta).ok_or_else(|| Error::bug("a counter overflowed"))?;
        self.put(table, key, &sum.to_le_bytes())
    }
}

/// Runs a call of redb; a panic in it means that it read pages it never wrote.
fn guarded<R>(call: impl FnOnce() -> Result<R>) -> Result<R> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        Err(Error::corrupt("meta.redb is damaged; `holdall repair --rebuild` makes it anew from the log"))
    })
}

fn database_error(cause: DatabaseError) -> Error {
    match cause {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => Error::with_source(
            ErrorKind::Locked,
            "the store is open in another process in a mode that excludes this one; close it there, \
             or open it in shared mode in both",
            cause,
        ),
        DatabaseError::UpgradeRequired(_) => {
            Error::with_source(ErrorKind::Unsupported, "meta.redb has another file format", cause)
        }
        cause => other(cause),
    }
}

fn other(cause: impl Into<redb::Error>) -> Error {
    let cause = cause.into();
    let kind = match &cause {
        redb::Error::Corrupted(_) | redb::Error::RepairAborted => ErrorKind::Corrupt,
        redb::Error::ValueTooLarge(_) => ErrorKind::TooLarge,
        redb::Error::PreviousIo => ErrorKind::Poisoned,
        redb::Error::Io(io) if io.kind() == std::io::ErrorKind::Unsupported => ErrorKind::Unsupported,
        redb::Error::Io(_) => ErrorKind::Io,
        redb::Error::LockPoisoned(_) => ErrorKind::Corrupt,
        _ => ErrorKind::Bug,
    };
    Error::with_source(kind, "using meta.redb", cause)
}
