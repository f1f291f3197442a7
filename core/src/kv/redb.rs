//! The embedded driver: redb, one of its tables for each of ours.

mod layout;
mod memtable;
mod snapshot_cache;
mod stamp;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redb::{
    ConcurrencyMode, Database, DatabaseError, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase,
};

use layout::{KeyUnpacker, Layouts};
use memtable::Memtable;
use snapshot_cache::SnapshotCache;
use stamp::DatabaseHeader;
pub(crate) use stamp::Stamp;
pub(crate) use writer::RedbWriter;
use writer::{Changes, WriteLock};

use super::backend::{LockDeadline, LockedTooLong, VfsBackend};
use super::merge::{Changed, merged};
use super::turn::WriteTurn;
use super::{Commit, KeyRange, Kv, Read, Scan, SortedRows, Table, VisitRow};
use crate::vfs::VfsFile;
use crate::{Error, ErrorKind, Result, machine};

/// What is said of rows that cannot be read.
const DAMAGED: &str = "meta.redb is damaged; `holdall repair --rebuild` rebuilds it from the log";
/// How long a close waits for threads that are about to begin to read.
const PARTING: Duration = Duration::from_secs(1);
/// Bytes of rows in memory at which they go into the file: this fraction of the cache, and no more
/// than the second. More would make the writer that brings them there wait longer.
const MEMTABLE_SHARE: usize = 8;
const MEMTABLE_LEN: usize = 8 << 20;
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
    layouts: Layouts,
    /// What stamps are read from.
    head: DatabaseHeader,
    /// Goes up by one with each commit.
    commits: AtomicU64,
    /// In shared mode.
    snapshot_cache: SnapshotCache,
    /// In exclusive mode: the rows as the last commit left them. None once it was closed.
    current: ArcSwapOption<ReadSnapshot>,
    /// In exclusive mode, where a commit need not reach the file.
    turn: Arc<WriteTurn>,
    /// How long the memtable grows.
    memtable_len: usize,
    deadline: Arc<LockDeadline>,
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
        RedbKv::open_until(None, file, sharing, cache, tables)
    }

    /// Opens the rows as [`open`](RedbKv::open) does, and waits for other processes until a time of
    /// [`machine::uptime`]: here, and afterwards until [`wait_for_others`](RedbKv::wait_for_others).
    ///
    /// # Errors
    /// As there; `Locked` also when that time is over.
    pub(crate) fn open_until(
        deadline: Option<Duration>,
        file: Arc<dyn VfsFile>,
        sharing: Sharing,
        cache: usize,
        tables: &[Table],
    ) -> Result<RedbKv> {
        let fresh = file.len().map_err(|cause| Error::io("reading the length of meta.redb", cause))? == 0;
        let head = DatabaseHeader::new(&file);
        let deadline = Arc::new(LockDeadline::new(deadline));
        let backend =
            VfsBackend::new(file, deadline.clone()).map_err(|cause| Error::io("opening meta.redb", cause))?;
        let database = guarded(|| {
            let mode = match sharing {
                Sharing::Exclusive => ConcurrencyMode::ExclusiveWriter,
                Sharing::Shared => ConcurrencyMode::MultiWriter,
            };
            let mut builder = Database::builder();
            builder.set_concurrency_mode(mode).set_cache_size(cache);
            builder.create_with_backend(backend).map_err(database_error)
        })?;
        let layouts = guarded(|| Layouts::of(&database.begin_read().map_err(other)?, tables))?;
        let kv = RedbKv {
            database: ArcSwapOption::from_pointee(database),
            sharing,
            layouts,
            head,
            commits: AtomicU64::new(0),
            snapshot_cache: SnapshotCache::default(),
            current: ArcSwapOption::empty(),
            turn: Arc::default(),
            memtable_len: (cache / MEMTABLE_SHARE).min(MEMTABLE_LEN),
            deadline,
        };
        if sharing == Sharing::Exclusive {
            kv.show(ReadSnapshot::new(kv.begin_read()?, Some(Recent::default())));
        }
        if fresh || !kv.has(tables)? {
            let mut writer = kv.writer()?;
            tables.iter().for_each(|table| writer.make(*table));
            kv.commit(writer, Commit::Synced)?;
        }
        Ok(kv)
    }

    /// Waits for other processes from now on as long as they take.
    pub(crate) fn wait_for_others(&self) {
        self.deadline.lift();
    }

    fn database(&self) -> Result<Arc<Database>> {
        self.database.load_full().ok_or_else(closed)
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

    fn begin_read(&self) -> Result<Base> {
        let transaction = guarded(|| self.database()?.begin_read().map_err(other))?;
        Ok(Base { transaction, layouts: self.layouts, open: [const { OnceLock::new() }; TABLES] })
    }

    /// Shows everybody who reads from now on the rows as a commit left them, in exclusive mode.
    fn show(&self, snapshot: ReadSnapshot) {
        self.current.store(Some(Arc::new(snapshot)));
        if self.database.load().is_none() {
            // Closed meanwhile: what is shown would hold the file open.
            self.current.store(None);
        }
    }

    fn begin(&self) -> Result<RedbReader> {
        Ok(RedbReader(Arc::new(ReadSnapshot::new(self.begin_read()?, None))))
    }

    /// Returns the rows as they are now, in shared mode.
    fn shared_reader(&self) -> Result<RedbReader> {
        let stamp = self.stamp();
        if let Some(found) = stamp.and_then(|stamp| self.snapshot_cache.get(stamp)) {
            return Ok(found);
        }
        // The stamp a second time, before the reading begins: only so may the snapshot be cached.
        let cached = stamp.filter(|stamp| self.stamp() == Some(*stamp));
        let reader = self.begin()?;
        if let Some(stamp) = cached {
            self.snapshot_cache.cache_while_read(stamp, &reader);
        }
        if self.database.load().is_none() {
            // Closed meanwhile: a cached snapshot would hold the file open.
            self.snapshot_cache.clear();
        }
        Ok(reader)
    }

    /// Adds the rows of a commit to the memtable, and shows them.
    fn commit_in_memory(
        &self,
        before: &RedbReader,
        recent: &Recent,
        changes: Vec<(Table, Changes)>,
    ) -> Result<()> {
        let commit = recent.commit + 1;
        for (table, rows) in changes {
            for (key, value) in rows {
                recent.memtable.insert(commit, table, &key, value)?;
            }
        }
        let recent = Recent { memtable: recent.memtable.clone(), commit };
        self.show(ReadSnapshot {
            number: snapshot_number(),
            base: before.0.base.clone(),
            recent: Some(recent),
        });
        Ok(())
    }

    /// Commits above the rows in the file, or brings all of them there, in exclusive mode.
    fn commit_above(&self, before: &RedbReader, changes: Vec<(Table, Changes)>, how: Commit) -> Result<()> {
        let recent = before.0.recent.as_ref();
        let recent = recent.ok_or_else(|| Error::bug("rows are written that no memtable is above"))?;
        let len = recent.memtable.len().saturating_add(writer::memory_of(&changes));
        match how {
            Commit::Unsynced if len < self.memtable_len => self.commit_in_memory(before, recent, changes),
            how => self.commit_with_memtable(before, recent, changes, how),
        }
    }

    /// Frees the pages that the last commit replaced. It could not, since the rows before it were shown until it was
    /// done; the next one could only when it has taken its own, and the file would be longer by as many.
    fn free_pages(&self) {
        // The rows are committed; a file that takes no more is found by the next commit.
        let _ = guarded(|| {
            let mut transaction = self.database()?.begin_write().map_err(other)?;
            transaction.set_quick_repair(true);
            transaction.commit().map_err(other)
        });
    }

    /// Brings the memtable and the rows of a commit into the file, and shows them.
    fn commit_with_memtable(
        &self,
        before: &RedbReader,
        recent: &Recent,
        changes: Vec<(Table, Changes)>,
        how: Commit,
    ) -> Result<()> {
        let mut transaction = guarded(|| self.database()?.begin_write().map_err(other))?;
        recent
            .memtable
            .each_table(&mut |table, rows| writer::apply(&transaction, self.layouts, table, rows))?;
        writer::apply_all(&transaction, self.layouts, &changes)?;
        guarded(|| {
            match how {
                Commit::Unsynced => transaction.set_durability(Durability::None).map_err(other)?,
                Commit::Synced => transaction.set_quick_repair(true),
            }
            transaction.commit().map_err(other)
        })?;
        match self.begin_read() {
            Ok(base) => {
                self.show(ReadSnapshot::new(base, Some(Recent::default())));
                Ok(())
            }
            // It is committed, so it must not fail any more: the rows before and these above are the same.
            Err(_) => self.commit_in_memory(before, recent, changes),
        }
    }
}

/// A read transaction: the rows as of one commit. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct RedbReader(Arc<ReadSnapshot>);

struct ReadSnapshot {
    /// Unique among the snapshots of this process.
    number: u64,
    base: Arc<Base>,
    /// What was committed since the base, in exclusive mode.
    recent: Option<Recent>,
}

/// The rows in the file.
struct Base {
    transaction: ReadTransaction,
    layouts: Layouts,
    open: [OnceLock<ReadOnlyTable<&'static [u8], &'static [u8]>>; TABLES],
}

/// The memtable, and the last commit in it that is seen.
struct Recent {
    memtable: Arc<Memtable>,
    commit: u64,
}

impl Default for Recent {
    fn default() -> Recent {
        Recent { memtable: Arc::new(Memtable::new()), commit: 0 }
    }
}

impl ReadSnapshot {
    fn new(base: Base, recent: Option<Recent>) -> ReadSnapshot {
        ReadSnapshot { number: snapshot_number(), base: Arc::new(base), recent }
    }
}

fn snapshot_number() -> u64 {
    static SNAPSHOTS: AtomicU64 = AtomicU64::new(0);
    SNAPSHOTS.fetch_add(1, Ordering::Relaxed)
}

impl std::fmt::Debug for ReadSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadSnapshot").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Kv for RedbKv {
    type Reader = RedbReader;
    type Writer = RedbWriter;

    fn reader(&self) -> Result<RedbReader> {
        match self.sharing {
            Sharing::Exclusive => self.current.load_full().map(RedbReader).ok_or_else(closed),
            Sharing::Shared => self.shared_reader(),
        }
    }

    fn writer(&self) -> Result<RedbWriter> {
        // Begun first, so that nobody commits between it and the rows that it is to change.
        let held = match self.sharing {
            Sharing::Exclusive => WriteLock::Turn(self.turn.take()),
            Sharing::Shared => {
                WriteLock::Transaction(Box::new(guarded(|| self.database()?.begin_write().map_err(other))?))
            }
        };
        Ok(RedbWriter::new(held, self.reader()?))
    }

    fn commit(&self, writer: RedbWriter, how: Commit) -> Result<()> {
        self.snapshot_cache.clear();
        let (held, before, changes) = writer.into_parts();
        let committed = match held {
            WriteLock::Turn(_turn) => {
                let committed = self.commit_above(&before, changes, how);
                // What it reads from would keep back the pages that the changes replaced.
                drop(before);
                if committed.is_ok() && how == Commit::Synced {
                    self.free_pages();
                }
                committed
            }
            WriteLock::Transaction(mut transaction) => {
                // What it reads from would keep back the pages that the changes replace.
                drop(before);
                writer::apply_all(&transaction, self.layouts, &changes)?;
                guarded(|| {
                    transaction.set_quick_repair(true);
                    transaction.commit().map_err(other)
                })
            }
        };
        self.commits.fetch_add(1, Ordering::AcqRel);
        self.snapshot_cache.clear();
        committed
    }

    fn load(&self, rows: &mut dyn SortedRows) -> Result<()> {
        self.snapshot_cache.clear();
        let _turn = self.turn.take();
        let mut transaction = guarded(|| self.database()?.begin_write().map_err(other))?;
        writer::load(&transaction, self.layouts, rows)?;
        guarded(|| {
            match self.sharing {
                Sharing::Exclusive => transaction.set_durability(Durability::None).map_err(other)?,
                Sharing::Shared => transaction.set_quick_repair(true),
            }
            transaction.commit().map_err(other)
        })?;
        self.commits.fetch_add(1, Ordering::AcqRel);
        self.snapshot_cache.clear();
        if self.sharing == Sharing::Exclusive {
            self.show(ReadSnapshot::new(self.begin_read()?, Some(Recent::default())));
        }
        Ok(())
    }

    fn close(&self) {
        let begun = machine::uptime();
        self.current.store(None);
        let mut database = self.database.swap(None);
        // A thread that begins to read has a part in it for a short time, and the file's locks with it.
        while let Some(shared) = database.filter(|_| machine::uptime().saturating_sub(begun) < PARTING) {
            database = Arc::try_unwrap(shared).err();
            if database.is_some() {
                machine::pause(Duration::from_micros(100));
            }
        }
        // From now on what is cached is out of date.
        self.commits.fetch_add(1, Ordering::AcqRel);
        self.snapshot_cache.clear();
    }
}

impl RedbReader {
    /// Returns a number that no other snapshot of this process has.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }

    fn open(&self, table: Table) -> Result<&ReadOnlyTable<&'static [u8], &'static [u8]>> {
        let base = &self.0.base;
        let slot = base.open.get(usize::from(table.byte)).ok_or_else(|| no_such_table(table))?;
        if let Some(found) = slot.get() {
            return Ok(found);
        }
        let found = base.transaction.open_table(base.layouts.definition(table)).map_err(other)?;
        Ok(slot.get_or_init(|| found))
    }

    /// Visits the rows of a range in the file.
    fn scan_base(
        &self,
        table: Table,
        range: KeyRange<'_>,
        reverse: bool,
        visit: &mut VisitRow<'_>,
    ) -> Result<()> {
        let (layout, mut rooms) = (self.0.base.layouts.keys(table), [const { Vec::new() }; 2]);
        let (range, mut unpacker) = (layout.range(range, &mut rooms), KeyUnpacker::new(layout));
        let mut rows = guarded(|| self.open(table)?.range::<&[u8]>(range).map_err(other))?;
        let mut next =
            || guarded(|| if reverse { rows.next_back() } else { rows.next() }.transpose().map_err(other));
        while let Some((key, value)) = next()? {
            if visit(unpacker.key(key.value())?, value.value())? == Scan::Stop {
                break;
            }
        }
        Ok(())
    }
}

impl Read for RedbReader {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        let recent = self.0.recent.as_ref();
        if let Some(row) = recent.and_then(|recent| recent.memtable.get(recent.commit, table, key)) {
            return row.value().map(found).transpose();
        }
        let mut room = Vec::new();
        let Some(key) = self.0.base.layouts.keys(table).stored(key, &mut room) else { return Ok(None) };
        let row = guarded(|| self.open(table)?.get(key).map_err(other))?;
        row.map(|value| found(value.value())).transpose()
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut VisitRow<'_>) -> Result<()> {
        if super::is_empty(range) {
            return Ok(());
        }
        let below = |visit: &mut VisitRow<'_>| self.scan_base(table, range, reverse, visit);
        let recent = self.0.recent.as_ref();
        match recent.and_then(|recent| recent.memtable.range(recent.commit, table, range, reverse)) {
            Some(above) => merged(below, above, reverse, visit),
            None => below(visit),
        }
    }
}

fn no_such_table(table: Table) -> Error {
    Error::bug(format!("table byte {} is not below {TABLES}", table.byte))
}

fn closed() -> Error {
    Error::invalid("the store was closed; open it again")
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
    if let redb::Error::Io(io) = &cause
        && io.get_ref().is_some_and(|cause| cause.is::<LockedTooLong>())
    {
        return Error::with_source(
            ErrorKind::Locked,
            "another process has been writing to the store for longer than an opening waits; try again, or \
             end it",
            cause,
        );
    }
    let kind = match &cause {
        redb::Error::Corrupted(_) | redb::Error::RepairAborted => ErrorKind::Corrupt,
        redb::Error::ValueTooLarge(_) => ErrorKind::TooLarge,
        redb::Error::PreviousIo => ErrorKind::Poisoned,
        redb::Error::Io(io) if io.kind() == std::io::ErrorKind::Unsupported => ErrorKind::Unsupported,
        // What is read is not a database, or less of one than there was.
        redb::Error::Io(io)
            if matches!(io.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof) =>
        {
            ErrorKind::Corrupt
        }
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
