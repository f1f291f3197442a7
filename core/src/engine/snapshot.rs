//! What one request sees of the rows: a snapshot, read or cached.
//!
//! To read what a download needs takes several rows and, in shared mode, the locks of a read
//! transaction; nothing of it changes between two commits. So it is cached, and used as long as the
//! stamp of the rows is the same: whatever was acknowledged before a request began is seen by it (the
//! argument stands in `kv/redb/stamp.rs`).

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use super::Engine;
use super::cache::{CachedFile, CachedVersion, Entries, LastFolder};
use super::key_ring::VersionedRing;
use crate::catalog::alias::AliasedVersion;
use crate::catalog::prefetch::{self, ServedRows};
use crate::catalog::record::FileRecord;
#[cfg(feature = "cloudreve")]
use crate::catalog::signing_key;
use crate::catalog::state::{self, State};
use crate::catalog::{LinkInfo, alias, drive, link, node, path, version};
use crate::id::{DriveId, FileId, LinkId, VersionId};
use crate::kv::Read;
use crate::kv::driver::StoreReader;
use crate::kv::redb::Stamp;
use crate::mutant::{self, Mutant};
use crate::name::Path;
#[cfg(feature = "cloudreve")]
use crate::token::HashIds;
use crate::{Error, Kind, Result};

#[cfg(test)]
mod tests;

/// What one request sees of the rows: what is cached of them, and what it has to read. Everything
/// it sees is as new as the request, or newer.
pub(crate) struct Snapshot<'e> {
    engine: &'e Engine,
    /// Taken before anything is looked up; None when nothing may be.
    stamp: Option<Stamp>,
    /// Whether what is read may be cached.
    caches: Cell<bool>,
    tx: OnceCell<StoreReader>,
    /// What is read ahead as soon as something is read.
    expected: Cell<Option<ServedRows>>,
    /// What is not cached is not read, but missing.
    only_cached: bool,
    missing: Cell<bool>,
    /// Whether the request was refused for its signature.
    unsigned: Cell<bool>,
}

impl<'e> Snapshot<'e> {
    /// Begins a request.
    pub(crate) fn new(engine: &'e Engine) -> Snapshot<'e> {
        Snapshot { stamp: engine.journal.rows().stamp(), ..Snapshot::unstamped(engine) }
    }

    fn unstamped(engine: &'e Engine) -> Snapshot<'e> {
        Snapshot {
            engine,
            stamp: None,
            caches: Cell::new(false),
            tx: OnceCell::new(),
            expected: Cell::new(None),
            only_cached: false,
            missing: Cell::new(false),
            unsigned: Cell::new(false),
        }
    }

    /// Begins a request that reads nothing: of what is not cached it has an error, and
    /// [`is_missing`](Snapshot::is_missing) says so.
    pub(crate) fn cached_only(engine: &'e Engine) -> Snapshot<'e> {
        Snapshot { only_cached: true, ..Snapshot::new(engine) }
    }

    /// Whether something was asked for that would have to be read.
    pub(crate) fn is_missing(&self) -> bool {
        self.missing.get()
    }

    /// Notes that the request is refused for its signature.
    pub(crate) fn refuse_signature(&self) {
        self.unsigned.set(true);
    }

    /// Whether the request was refused for its signature.
    pub(crate) fn is_unsigned(&self) -> bool {
        self.unsigned.get()
    }

    /// A snapshot of one read transaction: nothing comes from the cache, and nothing goes there.
    pub(crate) fn at(engine: &'e Engine, tx: StoreReader) -> Snapshot<'e> {
        Snapshot { tx: OnceCell::from(tx), ..Snapshot::unstamped(engine) }
    }

    /// Returns the request's read transaction, if it has begun.
    pub(crate) fn begun(&self) -> Option<&StoreReader> {
        self.tx.get()
    }

    /// Returns the request's read transaction, which begins when it is first asked for.
    pub(crate) fn tx(&self) -> Result<&StoreReader> {
        if let Some(tx) = self.tx.get() {
            return Ok(tx);
        }
        if self.only_cached {
            self.missing.set(true);
            return Err(Error::bug("a value that only a cache was asked for is missing"));
        }
        // The stamp a second time, before the reading begins: only so may what is read be cached.
        self.caches.set(self.stamp.is_some() && self.stamp == self.engine.journal.rows().stamp());
        let tx = self.engine.reader()?;
        let tx = self.tx.get_or_init(|| tx);
        if let Some(rows) = self.expected.take() {
            tx.prefetch(|| prefetch::served(rows))?;
        }
        Ok(tx)
    }

    /// Tells what a URL leads to, which is going to be read where it is not cached and rows are far away: in one go,
    /// when the first of it is read.
    ///
    /// # Errors
    /// `Io` when it cannot be read.
    pub(crate) fn prefetch(&self, rows: impl FnOnce(&Engine) -> ServedRows) -> Result<()> {
        if self.only_cached || !self.engine.is_remote() {
            return Ok(());
        }
        let rows = rows(self.engine);
        match self.tx.get() {
            Some(tx) => tx.prefetch(|| prefetch::served(rows)),
            None => {
                self.expected.set(Some(rows));
                Ok(())
            }
        }
    }

    /// Returns what a download of a version needs.
    ///
    /// # Errors
    /// As [`version::open`].
    pub(crate) fn version(&self, id: VersionId) -> Result<Arc<CachedVersion>> {
        self.cached_or_read(
            |cached| cached.versions.get(id),
            |tx| Ok(Arc::new(CachedVersion::new(version::open(tx, id)?))),
            |cached, version| cached.versions.insert(id, version),
        )
    }

    /// Returns what a URL of a file needs.
    ///
    /// # Errors
    /// `NotFound` when there is no such file.
    pub(crate) fn file(&self, id: FileId) -> Result<Arc<CachedFile>> {
        self.cached_or_read(
            |cached| cached.files.get(id),
            |tx| Ok(Arc::new(file(tx, id, node::get(tx, id)?)?)),
            |cached, file| cached.files.insert(id, file),
        )
    }

    /// Returns the key ring.
    ///
    /// # Errors
    /// `Corrupt` and `Io` when it cannot be read.
    pub(crate) fn ring(&self) -> Result<Arc<VersionedRing>> {
        self.cached_or_read(
            |cached| cached.ring.clone(),
            |tx| self.engine.ring(tx),
            |cached, ring| cached.ring = Some(ring),
        )
    }

    /// Returns what a download of a file's current version needs; None when it is no file, or is
    /// not in its tree.
    ///
    /// # Errors
    /// As [`Snapshot::file`] and [`Snapshot::version`].
    pub(crate) fn current(&self, id: FileId) -> Result<Option<Arc<CachedVersion>>> {
        let mut file = self.file(id)?;
        let live = |file: &CachedFile| file.kind == Kind::File && file.state == State::Live;
        if !live(&file) {
            return Ok(None);
        }
        if let Some(content) = self.cached(|cached| cached.versions.get(file.current)) {
            return Ok(Some(content));
        }
        if self.tx.get().is_none() {
            // What is read now may be newer than what was cached, and that version be gone.
            self.tx()?;
            file = self.file(id)?;
        }
        match live(&file) {
            true => self.version(file.current).map(Some),
            false => Ok(None),
        }
    }

    /// Finds what lies at a path of a drive, in the request's read transaction.
    ///
    /// # Errors
    /// As [`path::resolve`].
    pub(crate) fn resolve(&self, drive: DriveId, path: &str) -> Result<(FileId, FileRecord)> {
        let (tx, whole) = (self.tx()?, Path::parse(path)?);
        // Where rows are far away, the whole path is looked up in one trip.
        let Some((parent, name)) = whole.split_last().filter(|_| !self.engine.is_remote()) else {
            return path::resolve(tx, drive, path);
        };
        let (number, mut key) = (tx.number(), parent);
        if mutant::is_active(Mutant::FolderByText) {
            key = Path::parse(path.strip_suffix(name).unwrap_or_default())?;
        }
        let known = self.engine.cache.folder.load();
        let folder = match known.as_deref().and_then(|known| known.find(number, drive, key)) {
            Some(id) => id,
            None => {
                let above: Vec<&str> = parent.names().collect();
                let id = path::descend(tx, drive::get(tx, drive)?.root, &above, path)?;
                let folder = LastFolder { tx: number, drive, path: key.as_str().into(), id };
                self.engine.cache.folder.store(Some(Arc::new(folder)));
                id
            }
        };
        let file = path::descend(tx, folder, &[name], path)?;
        Ok((file, node::record(tx, file)?))
    }

    /// Returns a direct link; its downloads may be those of an earlier snapshot.
    ///
    /// # Errors
    /// As [`link::get`].
    pub(crate) fn link(&self, id: LinkId) -> Result<Arc<LinkInfo>> {
        self.cached_or_read(
            |cached| cached.links.get(id),
            |tx| Ok(Arc::new(link::get(tx, id)?)),
            |cached, link| cached.links.insert(id, link),
        )
    }

    /// Returns the hash ids of the Cloudreve form.
    ///
    /// # Errors
    /// `Corrupt` and `Io` when their salt cannot be read.
    #[cfg(feature = "cloudreve")]
    pub(crate) fn hash_ids(&self) -> Result<Arc<HashIds>> {
        self.cached_or_read(
            |cached| cached.hash_ids.clone(),
            |tx| Ok(Arc::new(HashIds::new(&signing_key::salt(tx)?)?)),
            |cached, ids| cached.hash_ids = Some(ids),
        )
    }

    /// Returns the version that a number of the Cloudreve form names.
    ///
    /// # Errors
    /// As [`alias::named`].
    pub(crate) fn named(&self, number: u64) -> Result<AliasedVersion> {
        let named = self.cached_or_read(
            |cached| cached.names.get(number),
            |tx| Ok(Arc::new(alias::named(tx, number)?)),
            |cached, named| cached.names.insert(number, named),
        )?;
        Ok(*named)
    }

    /// Returns what is cached, unless reading has begun: then all is of one read transaction.
    fn cached<T>(&self, find: impl FnOnce(&mut Entries) -> Option<Arc<T>>) -> Option<Arc<T>> {
        let stamp = self.stamp.filter(|_| self.tx.get().is_none())?;
        self.engine.cache.of(stamp).and_then(|mut entries| find(&mut entries))
    }

    /// Returns what is cached, or reads it and caches it.
    fn cached_or_read<T, D>(
        &self,
        find: impl FnOnce(&mut Entries) -> Option<Arc<T>>,
        read: impl FnOnce(&StoreReader) -> Result<Arc<T>>,
        keep: impl FnOnce(&mut Entries, Arc<T>) -> D,
    ) -> Result<Arc<T>> {
        if let Some(found) = self.cached(find) {
            return Ok(found);
        }
        let found = read(self.tx()?)?;
        if let Some(stamp) = self.stamp.filter(|_| self.caches.get()) {
            self.engine.cache.keep(stamp, |entries| keep(entries, found.clone()));
        }
        Ok(found)
    }
}

fn file(tx: &StoreReader, id: FileId, record: FileRecord) -> Result<CachedFile> {
    let (state, drive) = state::of_record(tx, id, &record)?;
    let of_drive = drive.map_or(0, |drive| drive.revocations);
    Ok(CachedFile {
        kind: record.kind,
        current: VersionId::new(id, record.current),
        state,
        epoch: record.revocations.wrapping_add(of_drive),
        name: record.name,
    })
}
