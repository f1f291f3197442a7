//! The embedded driver: redb, one of its tables for each of ours.

mod snapshot_cache;
mod stamp;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redb::{
    ConcurrencyMode, Database, DatabaseError, Durability, Range, ReadOnlyTable, ReadTransaction,
    ReadableDatabase, TableDefinition,
};

use snapshot_cache::SnapshotCache;
use stamp::DatabaseHeader;
pub(crate) use stamp::Stamp;
pub(crate) use writer::RedbWriter;

use super::backend::VfsBackend;
use super::{Commit, KeyRange, Kv, Read, Scan, Table, VisitRow};
use crate::vfs::VfsFile;
use crate::{Error, ErrorKind, Result, machine};

/// What is said of rows that cannot be read.
const DAMAGED: &str = "meta.redb is damaged; `holdall repair --rebuild` makes it anew from the log";
/// How long a close waits for threads that are about to begin to read.
const PARTING: Duration = Duration::from_secs(1);
/// Table bytes are below this.
const TABLES: usize = 64;

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
    /// None once it was closed.
    database: ArcSwapOption<Database>,
    sharing: Sharing,
    /// What stamps are read from.
    head: DatabaseHeader,
    /// Goes up by one with each commit.
    commits: AtomicU64,
    snapshot_cache: SnapshotCache,
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
        let head = DatabaseHeader::new(&file);
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
        let kv = RedbKv {
            database: ArcSwapOption::from_pointee(database),
            sharing,
            head,
            commits: AtomicU64::new(0),
            snapshot_cache: SnapshotCache::default(),
        };
        if fresh || !kv.has(tables)? {
            let mut writer = kv.writer()?;
            tables.iter().for_each(|table| writer.make(*table));
            kv.commit(writer, Commit::Synced)?;
        }
        Ok(kv)
    }

    fn database(&self) -> Result<Arc<Database>> {
        self.database.load_full().ok_or_else(|| Error::invalid("the store was closed; open it again"))
    }

    /// Returns the stamp of the rows as they are now; none when there is none to be had.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        match self.sharing {
            Sharing::Exclusive => Some(Stamp::of_count(self.commits.load(Ordering::Acquire))),
            Sharing::Shared => self.head.stamp(),
        }
    }

    fn has(&self, tables: &[Table]) -> Result<bool> {
        let reader = self.reader()?;
        Ok(tables.iter().all(|table| reader.open(*table).is_ok()))
    }

    fn begin_read(&self) -> Result<RedbReader> {
        static SNAPSHOTS: AtomicU64 = AtomicU64::new(0);
        let transaction = guarded(|| self.database()?.begin_read().map_err(other))?;
        let number = SNAPSHOTS.fetch_add(1, Ordering::Relaxed);
        Ok(RedbReader(Arc::new(ReadSnapshot {
            number,
            transaction,
            open: [const { OnceLock::new() }; TABLES],
        })))
    }
}

/// A read transaction: the rows as of one commit. Cloning it is cheap.
#[derive(Clone)]
pub(crate) struct RedbReader(Arc<ReadSnapshot>);

struct ReadSnapshot {
    /// Unique among the snapshots of this process.
    number: u64,
    transaction: ReadTransaction,
    open: [OnceLock<ReadOnlyTable<&'static [u8], &'static [u8]>>; TABLES],
}

impl std::fmt::Debug for RedbReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbReader").finish_non_exhaustive()
    }
}

impl Kv for RedbKv {
    type Reader = RedbReader;
    type Writer = RedbWriter;

    fn reader(&self) -> Result<RedbReader> {
        let stamp = self.stamp();
        if let Some(found) = stamp.and_then(|stamp| self.snapshot_cache.get(stamp)) {
            return Ok(found);
        }
        // The stamp a second time, before the reading begins: only so may the snapshot be cached.
        let cached = stamp.filter(|stamp| self.stamp() == Some(*stamp));
        let reader = self.begin_read()?;
        match (cached, self.sharing) {
            (Some(stamp), Sharing::Exclusive) => self.snapshot_cache.insert(stamp, reader.clone()),
            (Some(stamp), Sharing::Shared) => self.snapshot_cache.cache_while_read(stamp, &reader),
            (None, _) => {}
        }
        if self.database.load().is_none() {
            // Closed meanwhile: a cached snapshot would hold the file open.
            self.snapshot_cache.clear();
        }
        Ok(reader)
    }

    fn writer(&self) -> Result<RedbWriter> {
        // Begun first, so that nobody commits between it and the rows that it is to change.
        let transaction = guarded(|| self.database()?.begin_write().map_err(other))?;
        Ok(RedbWriter::new(transaction, self.reader()?))
    }

    fn commit(&self, writer: RedbWriter, how: Commit) -> Result<()> {
        self.snapshot_cache.clear();
        let mut transaction = writer.apply()?;
        let committed = guarded(|| {
            match (how, self.sharing) {
                (Commit::Unsynced, Sharing::Exclusive) => {
                    transaction.set_durability(Durability::None).map_err(other)?;
                }
                _ => transaction.set_quick_repair(true),
            }
            transaction.commit().map_err(other)
        });
        self.commits.fetch_add(1, Ordering::AcqRel);
        self.snapshot_cache.clear();
        committed
    }

    fn close(&self) {
        let begun = machine::uptime();
        let mut database = self.database.swap(None);
        // A thread that begins to read has a part in it for a moment, and the file's locks with it.
        while let Some(shared) = database.filter(|_| machine::uptime().saturating_sub(begun) < PARTING) {
            database = Arc::try_unwrap(shared).err();
            if database.is_some() {
                machine::pause(Duration::from_micros(100));
            }
        }
        // From now on the cached snapshot is out of date.
        self.commits.fetch_add(1, Ordering::AcqRel);
        self.snapshot_cache.clear();
    }
}

fn definition(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name)
}

impl RedbReader {
    /// Returns a number that no other snapshot of this process has.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }

    fn open(&self, table: Table) -> Result<&ReadOnlyTable<&'static [u8], &'static [u8]>> {
        let slot = self
            .0
            .open
            .get(usize::from(table.byte))
            .ok_or_else(|| Error::bug(format!("table byte {} is not below {TABLES}", table.byte)))?;
        if let Some(found) = slot.get() {
            return Ok(found);
        }
        let found = self.0.transaction.open_table(definition(table)).map_err(other)?;
        Ok(slot.get_or_init(|| found))
    }

    fn rows(&self, table: Table, range: KeyRange<'_>, reverse: bool) -> Result<RedbRows<'static>> {
        let range = guarded(|| self.open(table)?.range::<&[u8]>(range).map_err(other))?;
        Ok(RedbRows { range, reverse })
    }
}

/// The rows of a range, in order of key or from the last.
struct RedbRows<'a> {
    range: Range<'a, &'static [u8], &'static [u8]>,
    reverse: bool,
}

type Lent<'a> = redb::AccessGuard<'a, &'static [u8]>;

impl<'a> RedbRows<'a> {
    fn next(&mut self) -> Result<Option<(Lent<'a>, Lent<'a>)>> {
        let RedbRows { range, reverse } = self;
        guarded(|| if *reverse { range.next_back() } else { range.next() }.transpose().map_err(other))
    }
}

impl Read for RedbReader {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        let row = guarded(|| self.open(table)?.get(key).map_err(other))?;
        row.map(|value| found(value.value())).transpose()
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut VisitRow<'_>) -> Result<()> {
        if super::is_empty(range) {
            return Ok(());
        }
        let mut rows = self.rows(table, range, reverse)?;
        while let Some((key, value)) = rows.next()? {
            if visit(key.value(), value.value())? == Scan::Stop {
                break;
            }
        }
        Ok(())
    }
}

/// Runs a call of redb; a panic in it means that it read pages it never wrote.
fn guarded<R>(call: impl FnOnce() -> Result<R>) -> Result<R> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(Error::corrupt(DAMAGED)))
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
        // What is read is no database, or less of one than there was.
        redb::Error::Io(io)
            if matches!(io.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof) =>
        {
            ErrorKind::Corrupt
        }
        redb::Error::Io(io) if io.kind() == std::io::ErrorKind::ReadOnlyFilesystem => ErrorKind::ReadOnly,
        redb::Error::Io(_) => ErrorKind::Io,
        redb::Error::LockPoisoned(_) => ErrorKind::Corrupt,
        _ => ErrorKind::Bug,
    };
    let doing = match kind {
        ErrorKind::Corrupt => DAMAGED,
        _ => "using meta.redb",
    };
    Error::with_source(kind, doing, cause)
}
