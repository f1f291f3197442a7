//! One open store within one process: the log, the rows, the blobs and the keys.

mod allowances;
pub(crate) mod anew;
pub(crate) mod cache;
mod counts;
pub(crate) mod drive_names;
mod ids;
pub(crate) mod key_ring;
pub(crate) mod layout;
pub(crate) mod lock;
pub(crate) mod open;
mod options;
pub(crate) mod password_cache;
mod plan_cache;
pub(crate) mod rate_limit;
#[cfg(feature = "remote")]
pub(crate) mod remote;
pub(crate) mod snapshot;
pub(crate) mod streams;

#[cfg(feature = "remote")]
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(crate) use ids::{Ids, ids_for};
pub use options::{Dedup, Mode, Options};

use allowances::Allowances;
use cache::RowCache;
use counts::Counts;
use drive_names::DriveNames;
use ids::ReservedIds;
use key_ring::{KeyRingCache, VersionedRing};
use lock::StoreLock;
use password_cache::PasswordCache;
use plan_cache::PlanCache;
use rate_limit::Budgets;
use streams::Streams;

#[cfg(feature = "remote")]
use crate::blobs::object::{ObjectKind, ObjectPool};
use crate::blobs::pool::{self, BlobSource, Pool};
use crate::blobs::stage::{LargeContent, Stage};
use crate::blobs::stored;
use crate::catalog::counter::{self, Counter};
use crate::catalog::record::Location;
use crate::catalog::{archive, blob, grace, id_sequence, link, segment, sha1_index, share};
use crate::digest::Digest;
use crate::id::BlobId;
use crate::journal::{Group, Journal};
use crate::kv::driver::{StoreKv, StoreReader, StoreWriter};
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::vfs::{Space, Vfs};
use crate::{Error, ErrorKind, Result};

/// Bytes that are kept free for what frees or ends something; of a small disk a fiftieth.
const RESERVE: u64 = 16 << 20;
/// What collecting leaves of it, as a divisor.
const COLLECTING: u64 = 8;

/// Contents that a new one is compared with at most.
const CANDIDATES: usize = 4;

/// A change of the rows, as the store's verbs write it.
pub(crate) type Change<'g> = Group<'g, StoreWriter>;

/// What a [`Store`](crate::Store) is in the process that opened it.
pub(crate) struct Engine {
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) uuid: [u8; 16],
    pub(crate) created: Time,
    pub(crate) options: Options,
    pub(crate) pool: Pool,
    pub(crate) journal: Journal<StoreKv>,
    pub(crate) plans: PlanCache,
    pub(crate) allowances: Allowances,
    pub(crate) streams: Streams,
    /// Says that this process has the store open, until it is closed.
    lock: Mutex<Option<StoreLock>>,
    counts: Counts,
    pub(crate) budgets: Budgets,
    pub(crate) passwords: PasswordCache,
    pub(crate) drive_names: DriveNames,
    ids: ReservedIds,
    key_ring: KeyRingCache,
    cache: RowCache,
}

impl Engine {
    /// Makes the engine of a store on `vfs`. Contents are read from `disk`, which is the same where the
    /// store is written to: what a reader replays in memory changes none.
    pub(crate) fn new(
        (vfs, disk): (Arc<dyn Vfs>, Arc<dyn Vfs>),
        (uuid, created): ([u8; 16], Time),
        options: Options,
        journal: Journal<StoreKv>,
        lock: Option<StoreLock>,
    ) -> Engine {
        let pool = Pool::new(disk);
        Engine {
            vfs,
            uuid,
            created,
            options,
            pool,
            journal,
            plans: PlanCache::default(),
            allowances: Allowances::default(),
            streams: Streams::default(),
            lock: Mutex::new(lock),
            counts: Counts::default(),
            budgets: Budgets::default(),
            passwords: PasswordCache::default(),
            drive_names: DriveNames::default(),
            ids: ReservedIds::default(),
            key_ring: KeyRingCache::default(),
            cache: RowCache::default(),
        }
    }

    /// Reads contents from objects, and gives out ids that were reserved.
    #[cfg(feature = "remote")]
    fn over_objects(self, objects: ObjectPool, reserved: Range<u64>) -> Engine {
        Engine { pool: self.pool.over_objects(objects), ids: ReservedIds::of(reserved), ..self }
    }

    /// Whether the store is no directory: rows are in a database, contents in object storage.
    pub(crate) fn is_remote(&self) -> bool {
        self.pool.is_remote()
    }

    /// Refuses what only a directory can do: `doing` says what, `instead` what to do.
    ///
    /// # Errors
    /// `Unsupported`.
    pub(crate) fn only_in_a_directory(&self, doing: &str, instead: &str) -> Result<()> {
        match self.is_remote() {
            true => Err(Error::new(
                ErrorKind::Unsupported,
                format!("{doing} is not possible where the rows are in a database; {instead}"),
            )),
            false => Ok(()),
        }
    }

    /// Makes large content that of `blob`, durably: its file, or its object.
    ///
    /// # Errors
    /// `Io` when it cannot be written.
    #[cfg_attr(not(feature = "remote"), allow(unused_variables))]
    pub(crate) fn place(&self, content: &mut LargeContent, blob: BlobId, digest: &Digest) -> Result<()> {
        #[cfg(feature = "remote")]
        if let Some(objects) = self.pool.objects() {
            return content.upload(objects, blob, digest);
        }
        content.place(blob)
    }

    /// Removes large content that no row came to refer to, if that is possible now; otherwise a sweep does.
    pub(crate) fn remove_unused(&self, blob: BlobId) {
        #[cfg(feature = "remote")]
        if let Some(objects) = self.pool.objects() {
            drop(objects.remove(ObjectKind::Content, blob.0));
            return;
        }
        drop(self.vfs.remove(&pool::path(blob)));
    }

    /// Begins to read.
    pub(crate) fn reader(&self) -> Result<StoreReader> {
        self.journal.reader()
    }

    /// Makes a change durable; see [`Journal::write`].
    pub(crate) fn write<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'g> FnMut(&mut Change<'g>) -> Result<T> + Send + 'static,
    {
        self.journal.write(0, change)
    }

    /// Refuses what takes `len` bytes more where that leaves too little room for what frees or ends
    /// something: deleting, revoking, collecting.
    pub(crate) fn room(&self, len: u64) -> Result<()> {
        self.has_room(len, 1)
    }

    /// As [`Engine::room`], for what gives back more than it takes: most of what is kept is for it.
    pub(crate) fn room_to_collect(&self, len: u64) -> Result<()> {
        self.has_room(len, COLLECTING)
    }

    /// Returns whether the disk has too little room for a put.
    pub(crate) fn is_full(&self) -> Result<bool> {
        self.is_scarce(0)
    }

    /// Returns whether the disk has too little room for a put, or less than could be given back.
    pub(crate) fn is_scarce(&self, dead: u64) -> Result<bool> {
        let is_less = self.space()?.is_some_and(|space| space.free < kept(space).max(dead));
        Ok(is_less && !mutant::is_active(Mutant::FullDiskEndsAll))
    }

    /// Lets the index have what the log took ahead, where the disk has no room for it.
    pub(crate) fn make_room(&self) -> Result<()> {
        if self.is_remote() {
            return Ok(());
        }
        match self.space()? {
            Some(space) if space.free < kept(space) / COLLECTING => self.journal.give_back(),
            _ => Ok(()),
        }
    }

    fn space(&self) -> Result<Option<Space>> {
        self.vfs.space().map_err(|cause| Error::io("asking for the room on the disk", cause))
    }

    fn has_room(&self, len: u64, share: u64) -> Result<()> {
        if self.is_remote() {
            return Ok(());
        }
        let Some(space) = self.space()? else { return Ok(()) };
        let kept = kept(space) / share;
        let needed = kept.saturating_add(len);
        if space.free >= needed || mutant::is_active(Mutant::FullDiskEndsAll) {
            return Ok(());
        }
        // The log has room of its own, that its file took ahead. The index has none, and needs some pages.
        let spare = if space.free >= kept / COLLECTING { self.journal.spare()? } else { 0 };
        let free = space.free.saturating_add(spare);
        if free >= needed {
            return Ok(());
        }
        Err(Error::io(
            format!(
                "the disk is full: {free} bytes are free, {len} are to be written, and {kept} are kept for deleting, \
                 revoking and gc; make room, or delete something and collect"
            ),
            rustix::io::Errno::NOSPC.into(),
        ))
    }

    /// Draws `count` ids that nothing else will get.
    pub(crate) fn ids(&self, count: u64) -> Result<Ids> {
        self.ids.draw(count, |more| self.write(move |change| id_sequence::reserve(change, more)))
    }

    /// Forgets the ids that were reserved and not drawn.
    pub(crate) fn forget_ids(&self) {
        self.ids.forget();
    }

    /// Begins to take content in.
    ///
    /// # Errors
    /// `ReadOnly` where the store was opened for reading.
    pub(crate) fn stage(&self) -> Result<Stage> {
        self.journal.writable()?;
        Ok(Stage::new(&self.vfs, self.options.threshold, self.options.max_put_bytes))
    }

    /// As [`Engine::stage`], and does not write again what a blob of `scope` has already.
    ///
    /// # Errors
    /// As [`Engine::stage`].
    pub(crate) fn stage_once(self: &Arc<Engine>, scope: u64) -> Result<Stage> {
        let engine = Arc::downgrade(self);
        if self.is_remote() {
            // To compare with what is stored would mean to fetch it.
            return self.stage();
        }
        Ok(self.stage()?.finding(Box::new(move |first| {
            let found = engine.upgrade().map(|engine| engine.stored(scope, first));
            found.transpose().ok().flatten().unwrap_or_default()
        })))
    }

    /// Opens the newest contents of a scope that begin as `first` does and are as long at least.
    fn stored(&self, scope: u64, first: &[u8]) -> Result<Vec<(BlobId, BlobSource, Digest)>> {
        let Some(beginning) = first.first_chunk::<{ sha1_index::BEGINNING }>() else { return Ok(Vec::new()) };
        let beginning = Digest::of(beginning).sha1;
        let len = u64::try_from(first.len()).unwrap_or(u64::MAX);
        let mut sources = Vec::new();
        for (id, record) in sha1_index::newest_beginning(&self.reader()?, scope, &beginning, CANDIDATES)? {
            if record.len >= len {
                // One that cannot be opened is damaged, or was compacted just now.
                let source = self.pool.open(id, record.location, record.len).ok().flatten();
                sources.extend(source.map(|source| (id, source, record.digest())));
            }
        }
        Ok(sources)
    }

    /// Begins to take content in that goes into a segment, however long it is.
    ///
    /// # Errors
    /// As [`Engine::stage`].
    pub(crate) fn stage_in_segment(&self) -> Result<Stage> {
        self.journal.writable()?;
        Ok(Stage::new(&self.vfs, usize::MAX, self.options.max_put_bytes))
    }

    /// Whether the file that content is in is open already.
    pub(crate) fn is_open(&self, location: Location) -> bool {
        self.pool.is_open(location)
    }

    /// Opens a blob's content. A place that a compaction has emptied, on whichever host, is looked up again.
    pub(crate) fn open_blob(&self, id: BlobId, mut location: Location, len: u64) -> Result<BlobSource> {
        for _ in 0..3 {
            if let Some(source) = self.pool.open(id, location, len)? {
                return Ok(source);
            }
            let tx = self.reader_of_now()?;
            location = blob::get(&tx, id)?.location;
            self.found_by(&tx);
        }
        Err(Error::corrupt(format!("the content of blob {id} is missing; check the store")))
    }

    /// Reads a blob and returns whether it is what was stored.
    ///
    /// # Errors
    /// `Io` when it cannot be read; `NotFound` when it was collected.
    pub(crate) fn is_sound(&self, id: BlobId) -> Result<bool> {
        let record = blob::get(&self.reader()?, id)?;
        match self.open_blob(id, record.location, record.len) {
            Ok(source) => stored::is_sound(&source, &record.digest()),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sets the grace, and writes nothing where it is that already.
    pub(crate) fn set_grace(&self, length: Duration) -> Result<()> {
        if grace::get(&self.reader()?)?.length == length {
            return Ok(());
        }
        self.write(move |change| {
            let now = change.time(Time::now()).group;
            let last = archive::last_expiry(change, now)?;
            grace::set(change, length, last, now)
        })
    }

    /// Returns the key ring as `rows` have it.
    pub(crate) fn ring(&self, tx: &StoreReader) -> Result<Arc<VersionedRing>> {
        self.key_ring.get(self.uuid, tx)
    }

    /// Returns the key ring that was used last, if there was one.
    pub(crate) fn last_ring(&self) -> Option<Arc<VersionedRing>> {
        self.key_ring.last()
    }

    /// Adds one to a counter of downloads or views, which is written down within a second of the next; or
    /// not at all, where the store was opened for reading.
    pub(crate) fn count(&self, counter: Counter) {
        if !self.journal.is_read_only() && self.counts.add(counter) {
            self.try_flush_counts();
        }
    }

    /// Writes down what was counted, if it can be: a store that takes no more writes is read on.
    pub(crate) fn try_flush_counts(&self) {
        if let Err(error) = self.flush_counts() {
            tracing::warn!(%error, "downloads were counted and could not be written down");
        }
    }

    /// Writes down what was counted; what could not be stays counted.
    pub(crate) fn flush_counts(&self) -> Result<()> {
        let counts = Arc::new(self.counts.take());
        if counts.is_empty() {
            return Ok(());
        }
        let written = counts.clone();
        let flushed = self.write(move |change| {
            for (counter, count) in written.iter() {
                // What was deleted meanwhile took its counter along.
                let counts = match counter {
                    Counter::LinkDownloads(id) => link::get(change, *id).is_ok(),
                    Counter::ShareViews(id) => share::record(change, *id).is_ok(),
                    _ => false,
                };
                if counts {
                    counter::add(change, *counter, *count)?;
                }
            }
            Ok(())
        });
        flushed.inspect_err(|_| self.counts.give_back(&counts))
    }

    /// Ends the session: nothing is left to replay, and the rows are free for others, whatever
    /// bodies are still being sent. The session's owner calls it once.
    pub(crate) fn close(&self) -> Result<()> {
        let finished = self.finish();
        let looked_up = self.streams.finish_lookups(&self.pool, || self.reader());
        self.journal.close();
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match finished {
            Err(error) if looked_up.is_err() => Err(error.context(streams::BREAKS_OFF)),
            finished => finished.and(looked_up),
        }
    }

    fn finish(&self) -> Result<()> {
        if self.journal.is_poisoned() || self.journal.is_read_only() {
            return Ok(());
        }
        self.try_flush_counts();
        let exclusive = self.options.mode == Mode::Exclusive;
        let finished = self.journal.finish(move |change| {
            if exclusive {
                segment::set_exclusive(change, false)?;
            }
            Ok(())
        });
        match finished {
            // It was moved away, and nothing of this session is left to be written.
            Err(error) if error.kind() == ErrorKind::ReadOnly => Ok(()),
            finished => finished,
        }
    }
}

fn kept(space: Space) -> u64 {
    RESERVE.min(space.total / 50)
}
