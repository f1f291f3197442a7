//! One open store within one process: the log, the rows, the blobs and the keys.

pub(crate) mod layout;
pub(crate) mod open;
mod options;
pub(crate) mod rate_limit;
pub(crate) mod snapshot;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;

pub use options::{Dedup, Mode, Options};

use open::Held;
use rate_limit::Budgets;
use snapshot::Known;

use crate::blobs::pool::{BlobSource, Pool};
use crate::blobs::stage::Stage;
use crate::catalog::record::Place;
use crate::catalog::{blob, key, number, segment};
use crate::id::BlobId;
use crate::journal::{Group, Journal};
use crate::kv::redb::{RedbKv, RedbReader, RedbWriter};
use crate::mutant::{self, Mutant};
use crate::store::archive_source::{Plans, Streams};
use crate::store::link::Counts;
use crate::time::Time;
use crate::token::{Key, KeyRing};
use crate::vfs::Vfs;
use crate::{Error, Result};

/// Bytes that are kept free for what frees or ends something; of a small disk a fiftieth.
const RESERVE: u64 = 16 << 20;
/// Ids are reserved in blocks of so many.
const ID_BLOCK: u64 = 1 << 16;

/// A change of the rows, as the store's verbs write it.
pub(crate) type Change<'g> = Group<'g, RedbWriter>;

/// What a [`Store`](crate::Store) is in the process that opened it.
pub(crate) struct Engine {
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) uuid: [u8; 16],
    pub(crate) created: Time,
    pub(crate) options: Options,
    pub(crate) pool: Pool,
    pub(crate) journal: Journal<RedbKv>,
    pub(crate) plans: Plans,
    pub(crate) streams: Streams,
    /// Says that this process has the store open, until it is closed.
    present: Mutex<Option<Held>>,
    pub(crate) counts: Counts,
    pub(crate) budgets: Budgets,
    ids: Mutex<Range<u64>>,
    ring: ArcSwapOption<(u64, KeyRing)>,
    pub(crate) known: Known,
}

impl Engine {
    pub(crate) fn new(
        vfs: Arc<dyn Vfs>,
        (uuid, created): ([u8; 16], Time),
        options: Options,
        journal: Journal<RedbKv>,
        present: Held,
    ) -> Engine {
        let pool = Pool::new(vfs.clone());
        Engine {
            vfs,
            uuid,
            created,
            options,
            pool,
            journal,
            plans: Plans::default(),
            streams: Streams::default(),
            present: Mutex::new(Some(present)),
            counts: Counts::default(),
            budgets: Budgets::default(),
            ids: Mutex::default(),
            ring: ArcSwapOption::empty(),
            known: Known::default(),
        }
    }

    /// Begins to read.
    pub(crate) fn reader(&self) -> Result<RedbReader> {
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
        self.has_room(len, 8)
    }

    fn has_room(&self, len: u64, share: u64) -> Result<()> {
        let space = self.vfs.space().map_err(|cause| Error::io("asking for the room on the disk", cause))?;
        let Some(space) = space else { return Ok(()) };
        let kept = RESERVE.min(space.total / 50) / share;
        if space.free >= kept.saturating_add(len) || mutant::is_active(Mutant::FullDiskEndsAll) {
            return Ok(());
        }
        Err(Error::io(
            format!(
                "the disk is full: {} bytes are free, {len} are to be written, and {kept} are kept for deleting, \
                 revoking and gc; make room, or delete something and collect",
                space.free
            ),
            rustix::io::Errno::NOSPC.into(),
        ))
    }

    /// Draws `count` ids that nothing else will get.
    pub(crate) fn ids(&self, count: u64) -> Result<Ids> {
        let mut block = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if block.end - block.start < count {
            let more = count.max(ID_BLOCK);
            *block = self.write(move |change| number::reserve(change, more))?;
        }
        let drawn = block.start..block.start + count;
        block.start = drawn.end;
        Ok(Ids(drawn))
    }

    /// Forgets the ids that were reserved and not drawn.
    pub(crate) fn forget_ids(&self) {
        *self.ids.lock().unwrap_or_else(PoisonError::into_inner) = 0..0;
    }

    /// Begins to take content in.
    pub(crate) fn stage(&self) -> Stage {
        Stage::new(&self.vfs, self.options.threshold, self.options.max_put_bytes)
    }

    /// Begins to take content in that goes into a segment, however long it is.
    pub(crate) fn stage_in_segment(&self) -> Stage {
        Stage::new(&self.vfs, usize::MAX, self.options.max_put_bytes)
    }

    /// Opens a blob's content. A place that a compaction has emptied is looked up again.
    pub(crate) fn open_blob(&self, id: BlobId, mut place: Place, len: u64) -> Result<BlobSource> {
        for _ in 0..3 {
            if let Some(source) = self.pool.open(id, place, len)? {
                return Ok(source);
            }
            place = blob::get(&self.reader()?, id)?.place;
        }
        Err(Error::corrupt(format!("the content of blob {id} is missing; check the store")))
    }

    /// Returns the key ring as `rows` have it.
    pub(crate) fn ring(&self, rows: &RedbReader) -> Result<Arc<(u64, KeyRing)>> {
        let version = key::ring_version(rows)?;
        if let Some(known) = self.ring.load_full().filter(|known| known.0 == version) {
            return Ok(known);
        }
        let mut keys = Vec::new();
        for (id, record) in key::list(rows)? {
            // Those that only verify are older than the one that signs, whenever they were made.
            let rank =
                if record.signs { u64::MAX } else { u64::try_from(record.created.unix()).unwrap_or(0) };
            keys.push(Key::new(id, record.secret.clone(), rank)?);
        }
        let mut ring = KeyRing::new(self.uuid, keys)?;
        for secret in key::foreign(rows)? {
            ring = ring.verifying_cloudreve(secret);
        }
        let ring = Arc::new((version, ring));
        self.ring.store(Some(ring.clone()));
        Ok(ring)
    }

    /// Ends the session: nothing is left to replay, and the rows are free for others, whatever
    /// bodies are still being sent. The session's owner calls it once.
    pub(crate) fn close(&self) -> Result<()> {
        let finished = self.finish();
        let settled = self.streams.settle(self);
        self.journal.close();
        *self.present.lock().unwrap_or_else(PoisonError::into_inner) = None;
        finished.and(settled)
    }

    fn finish(&self) -> Result<()> {
        if self.journal.is_poisoned() {
            return Ok(());
        }
        self.counts.settle(self);
        let exclusive = self.options.mode == Mode::Exclusive;
        self.journal.finish(move |change| {
            if exclusive {
                segment::set_exclusive(change, false)?;
            }
            Ok(())
        })
    }
}

/// Ids that were drawn; a change that runs again begins again with the first.
#[derive(Clone, Debug)]
pub(crate) struct Ids(Range<u64>);

impl Ids {
    /// Takes the next id.
    pub(crate) fn take(&mut self) -> Result<u64> {
        self.0.next().ok_or_else(|| Error::bug("a change took more ids than were drawn for it"))
    }
}

impl number::NewId for Ids {
    fn next(&mut self) -> Result<u64> {
        self.take()
    }
}

/// How many ids a put or a new folder at `path` may take: one for each name, and one for a blob.
pub(crate) fn ids_for(path: &str) -> u64 {
    u64::try_from(path.split('/').count()).unwrap_or(u64::MAX).saturating_add(1)
}
