//! What one request sees of the rows, and what is known of them from requests before.
//!
//! To read what a download needs takes several rows and, in shared mode, the locks of a read
//! transaction; nothing of it changes between two commits. So it is kept with the [`Stamp`] of the
//! rows, and used as long as that is the same: whatever was acknowledged before a request began is
//! seen by it (the argument stands in `kv/redb/stamp.rs`). What is kept are values. It holds no
//! transaction, which would keep redb from using its pages again, and no file.

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Engine;
use super::key_ring::VersionedRing;
use crate::catalog::alias::Named;
use crate::catalog::record::{FileRecord, Place};
use crate::catalog::state::{self, State};
use crate::catalog::version::{self, Opened};
use crate::catalog::{LinkInfo, alias, drive, link};
use crate::catalog::{node, path, signing_key};
use crate::http::{Representation, entity_tag, media_type_of, valid_media_type};
use crate::id::{BlobId, DriveId, FileId, LinkId, VersionId};
use crate::kv::redb::{RedbReader, Stamp};
use crate::mutant::{self, Mutant};
use crate::name::Path;
#[cfg(feature = "cloudreve")]
use crate::token::HashIds;
use crate::{Kind, Result};

#[cfg(test)]
mod tests;

/// Entries of one generation; there are two, for each kind of entry. One of a version takes about
/// half a kilobyte, so that a host of many files spends 8 MiB on them at most. Reads of more files
/// than these, in no order, find little and cost a tenth more than with nothing kept.
const GENERATION: usize = 8192;

/// What a download of a version needs.
#[derive(Debug)]
pub(crate) struct Content {
    /// What a reply says of it, unless its URL says something else.
    pub(crate) representation: Arc<Representation>,
    /// The same for a URL that follows the file, made when first asked for.
    followed: OnceLock<Arc<Representation>>,
    /// As [`FileRecord::dated`]; of no meaning unless it is the file's current version.
    dated: i64,
    pub(crate) blob: BlobId,
    pub(crate) place: Place,
    /// Live or trashed.
    pub(crate) standing: State,
    /// As [`crate::catalog::revocation::of_version`].
    pub(crate) epoch: u64,
}

impl Content {
    fn new(opened: Opened) -> Content {
        let Opened { file, version, blob, standing, epoch } = opened;
        let media_type = match valid_media_type(&version.media_type) {
            true => version.media_type,
            false => media_type_of(&file.name).to_owned(),
        };
        let hex = blake3::Hash::from_bytes(blob.blake3).to_hex();
        let representation = Representation {
            len: blob.len,
            etag: entity_tag(hex.get(..32).unwrap_or_default(), &media_type),
            last_modified: Some(version.modified.unix()),
            media_type,
            name: file.name,
            // Of the registered digests the store has this one at hand.
            repr_digest: Some(format!("sha=:{}:", STANDARD.encode(blob.sha1))),
            ..Representation::default()
        };
        Content {
            representation: Arc::new(representation),
            followed: OnceLock::new(),
            dated: file.dated,
            blob: version.blob,
            place: blob.place,
            standing,
            epoch,
        }
    }

    /// Returns what a reply says of it to a URL that follows its file, whose current version it is.
    /// The date is that of the file's change: what the caller said of the content's age may go back,
    /// or be one for two contents.
    pub(crate) fn followed(&self) -> &Arc<Representation> {
        if mutant::is_active(Mutant::DateOfContent) {
            return &self.representation;
        }
        self.followed.get_or_init(|| {
            Arc::new(Representation {
                last_modified: Some(self.dated),
                changes: true,
                ..(*self.representation).clone()
            })
        })
    }
}

/// What a URL of a file needs.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The current version; of no meaning for a folder.
    pub(crate) current: VersionId,
    pub(crate) standing: State,
    /// As [`crate::catalog::revocation::of_file`]; of no meaning when it was deleted.
    pub(crate) epoch: u64,
}

/// What one request sees of the rows: what is known of them, and what it has to read. Everything
/// it sees is as new as the request, or newer.
pub(crate) struct View<'e> {
    engine: &'e Engine,
    /// Taken before anything is looked up; None when nothing may be.
    stamp: Option<Stamp>,
    /// Whether what is read may be kept.
    keeps: Cell<bool>,
    rows: OnceCell<RedbReader>,
}

impl<'e> View<'e> {
    /// Begins a request.
    pub(crate) fn new(engine: &'e Engine) -> View<'e> {
        let stamp = engine.journal.rows().stamp();
        View { engine, stamp, keeps: Cell::new(false), rows: OnceCell::new() }
    }

    /// A view of one moment: nothing comes from before, and nothing is kept.
    pub(crate) fn at(engine: &'e Engine, rows: RedbReader) -> View<'e> {
        View { engine, stamp: None, keeps: Cell::new(false), rows: OnceCell::from(rows) }
    }

    /// Returns the rows of a moment of this request; they begin to be read when first asked for.
    pub(crate) fn rows(&self) -> Result<&RedbReader> {
        if let Some(rows) = self.rows.get() {
            return Ok(rows);
        }
        // The stamp a second time, before the reading begins: only so may what is read be kept.
        self.keeps.set(self.stamp.is_some() && self.stamp == self.engine.journal.rows().stamp());
        let rows = self.engine.reader()?;
        Ok(self.rows.get_or_init(|| rows))
    }

    /// Returns what a download of a version needs.
    ///
    /// # Errors
    /// As [`version::open`].
    pub(crate) fn content(&self, id: VersionId) -> Result<Arc<Content>> {
        self.known(
            |known| known.contents.get(id),
            |rows| Ok(Arc::new(Content::new(version::open(rows, id)?))),
            |known, content| known.contents.insert(id, content),
        )
    }

    /// Returns what a URL of a file needs.
    ///
    /// # Errors
    /// `NotFound` when there is no such file.
    pub(crate) fn node(&self, id: FileId) -> Result<Arc<Node>> {
        self.known(
            |known| known.nodes.get(id),
            |rows| Ok(Arc::new(node(rows, id, node::get(rows, id)?)?)),
            |known, node| known.nodes.insert(id, node),
        )
    }

    /// Returns the key ring.
    ///
    /// # Errors
    /// `Corrupt` and `Io` when it cannot be read.
    pub(crate) fn ring(&self) -> Result<Arc<VersionedRing>> {
        self.known(
            |known| known.ring.clone(),
            |rows| self.engine.ring(rows),
            |known, ring| known.ring = Some(ring),
        )
    }

    /// Returns what a download of a file's current version needs; None when it is no file, or is
    /// not in its tree.
    ///
    /// # Errors
    /// As [`View::node`] and [`View::content`].
    pub(crate) fn current(&self, id: FileId) -> Result<Option<Arc<Content>>> {
        let mut node = self.node(id)?;
        let live = |node: &Node| node.kind == Kind::File && node.standing == State::Live;
        if !live(&node) {
            return Ok(None);
        }
        if let Some(content) = self.recall(|kept| kept.contents.get(node.current)) {
            return Ok(Some(content));
        }
        if self.rows.get().is_none() {
            // What is read now may be newer than what is known, and that version be gone.
            self.rows()?;
            node = self.node(id)?;
        }
        match live(&node) {
            true => self.content(node.current).map(Some),
            false => Ok(None),
        }
    }

    /// Finds what lies at a path of a drive, in a moment of this request.
    ///
    /// # Errors
    /// As [`path::resolve`].
    pub(crate) fn resolve(&self, drive: DriveId, path: &str) -> Result<(FileId, FileRecord)> {
        let (rows, whole) = (self.rows()?, Path::parse(path)?);
        let Some((parent, name)) = whole.split_last() else {
            return path::resolve(rows, drive, path);
        };
        let (moment, mut key) = (rows.number(), parent);
        if mutant::is_active(Mutant::FolderByText) {
            key = Path::parse(path.strip_suffix(name).unwrap_or_default())?;
        }
        let known = self.engine.known.folder.load();
        let folder = match known.as_deref().and_then(|known| known.find(moment, drive, key)) {
            Some(id) => id,
            None => {
                let above: Vec<&str> = parent.names().collect();
                let id = path::descend(rows, drive::get(rows, drive)?.root, &above, path)?;
                let folder = Folder { moment, drive, path: key.as_str().into(), id };
                self.engine.known.folder.store(Some(Arc::new(folder)));
                id
            }
        };
        let file = path::descend(rows, folder, &[name], path)?;
        Ok((file, node::record(rows, file)?))
    }

    /// Returns a direct link; its downloads are those of an earlier moment.
    ///
    /// # Errors
    /// As [`link::get`].
    pub(crate) fn link(&self, id: LinkId) -> Result<Arc<LinkInfo>> {
        self.known(
            |known| known.links.get(id),
            |rows| Ok(Arc::new(link::get(rows, id)?)),
            |known, link| known.links.insert(id, link),
        )
    }

    /// Returns the hash ids of the Cloudreve form.
    ///
    /// # Errors
    /// `Corrupt` and `Io` when their salt cannot be read.
    #[cfg(feature = "cloudreve")]
    pub(crate) fn hash_ids(&self) -> Result<Arc<HashIds>> {
        self.known(
            |known| known.hash_ids.clone(),
            |rows| Ok(Arc::new(HashIds::new(&signing_key::salt(rows)?)?)),
            |known, ids| known.hash_ids = Some(ids),
        )
    }

    /// Returns the version that a number of the Cloudreve form names.
    ///
    /// # Errors
    /// As [`alias::named`].
    pub(crate) fn named(&self, number: u64) -> Result<Named> {
        let named = self.known(
            |known| known.names.get(number),
            |rows| Ok(Arc::new(alias::named(rows, number)?)),
            |known, named| known.names.insert(number, named),
        )?;
        Ok(*named)
    }

    /// Returns what is known, unless reading has begun: then all that is read is of one moment.
    fn recall<T>(&self, find: impl FnOnce(&mut Kept) -> Option<Arc<T>>) -> Option<Arc<T>> {
        let stamp = self.stamp.filter(|_| self.rows.get().is_none())?;
        self.engine.known.of(stamp).and_then(|mut kept| find(&mut kept))
    }

    /// Returns what is known, or reads it and keeps it.
    fn known<T, D>(
        &self,
        find: impl FnOnce(&mut Kept) -> Option<Arc<T>>,
        read: impl FnOnce(&RedbReader) -> Result<Arc<T>>,
        keep: impl FnOnce(&mut Kept, Arc<T>) -> D,
    ) -> Result<Arc<T>> {
        if let Some(found) = self.recall(find) {
            return Ok(found);
        }
        let found = read(self.rows()?)?;
        if let Some(stamp) = self.stamp.filter(|_| self.keeps.get()) {
            self.engine.known.keep(stamp, |kept| keep(kept, found.clone()));
        }
        Ok(found)
    }
}

fn node(rows: &RedbReader, id: FileId, record: FileRecord) -> Result<Node> {
    let (standing, drive) = state::of_record(rows, id, &record)?;
    let of_drive = drive.map_or(0, |drive| drive.revocations);
    Ok(Node {
        kind: record.kind,
        current: VersionId::new(id, record.current),
        standing,
        epoch: record.revocations.wrapping_add(of_drive),
        name: record.name,
    })
}

/// What is known of the rows since the last commit.
#[derive(Default)]
pub(crate) struct Known {
    kept: Mutex<Kept>,
    /// The folder that was looked into last: its files are often asked for one after the other.
    folder: ArcSwapOption<Folder>,
    /// For the control: whether what is out of date is used all the same.
    #[cfg(test)]
    blind: std::sync::atomic::AtomicBool,
}

/// Where the last path led in one moment of the rows, which has a number of its own.
struct Folder {
    moment: u64,
    drive: DriveId,
    /// In its normal form, as [`Path`] has it; empty for the root.
    path: Box<str>,
    id: FileId,
}

impl Folder {
    /// Returns its id, if it is the one at a path of that moment.
    fn find(&self, moment: u64, drive: DriveId, path: Path<'_>) -> Option<FileId> {
        ((self.moment, self.drive, &*self.path) == (moment, drive, path.as_str())).then_some(self.id)
    }
}

#[derive(Default)]
struct Kept {
    stamp: Option<Stamp>,
    ring: Option<Arc<VersionedRing>>,
    contents: Generations<VersionId, Content>,
    nodes: Generations<FileId, Node>,
    links: Generations<LinkId, LinkInfo>,
    #[cfg(feature = "cloudreve")]
    hash_ids: Option<Arc<HashIds>>,
    names: Generations<u64, Named>,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is kept, if it is of this stamp.
    fn of(&self, stamp: Stamp) -> Option<MutexGuard<'_, Kept>> {
        let kept = self.lock();
        #[cfg(test)]
        if self.blind.load(std::sync::atomic::Ordering::Relaxed) {
            return Some(kept);
        }
        (kept.stamp == Some(stamp)).then_some(kept)
    }

    /// Keeps something with its stamp; what is of an older one goes.
    fn keep<D>(&self, stamp: Stamp, put: impl FnOnce(&mut Kept) -> D) {
        let mut kept = self.lock();
        if kept.stamp > Some(stamp) {
            return;
        }
        let mut old = None;
        if kept.stamp != Some(stamp) {
            old = Some(std::mem::replace(&mut *kept, Kept { stamp: Some(stamp), ..Kept::default() }));
        }
        let rest = put(&mut kept);
        // Freed when others may go on.
        drop(kept);
        drop((old, rest));
    }
}

/// What was used lately, in two generations: when the young one is full, the old one goes.
struct Generations<K, V> {
    young: HashMap<K, Arc<V>>,
    old: HashMap<K, Arc<V>>,
}

impl<K, V> Default for Generations<K, V> {
    fn default() -> Generations<K, V> {
        Generations { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Eq + Hash + Copy, V> Generations<K, V> {
    /// Returns an entry; one of the old generation that is wanted again joins the young one, if there
    /// is room.
    fn get(&mut self, key: K) -> Option<Arc<V>> {
        if let Some(found) = self.young.get(&key) {
            return Some(found.clone());
        }
        if self.young.len() >= GENERATION {
            return self.old.get(&key).cloned();
        }
        let found = self.old.remove(&key)?;
        self.young.insert(key, found.clone());
        Some(found)
    }

    /// Adds an entry, and returns the generation that it pushed out, for the caller to free.
    fn insert(&mut self, key: K, value: Arc<V>) -> Option<HashMap<K, Arc<V>>> {
        let full = self.young.len() >= GENERATION;
        let gone = full.then(|| std::mem::replace(&mut self.old, std::mem::take(&mut self.young)));
        self.young.insert(key, value);
        gone
    }
}
