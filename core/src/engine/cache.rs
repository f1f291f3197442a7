//! What was read of the rows since the last commit, for the requests that come next.
//!
//! It is kept as values, with the [`Stamp`] of the rows that it was read from, and is used as long as
//! that is the same. It holds no transaction, which would keep redb from using its pages again, and no
//! file.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key_ring::VersionedRing;
use crate::Kind;
use crate::catalog::LinkInfo;
use crate::catalog::alias::AliasedVersion;
use crate::catalog::record::Location;
use crate::catalog::state::State;
use crate::catalog::version::Opened;
use crate::http::{Representation, entity_tag, media_type_of, valid_media_type};
use crate::id::{BlobId, DriveId, FileId, LinkId, VersionId};
use crate::kv::redb::Stamp;
use crate::mutant::{self, Mutant};
use crate::name::Path;
#[cfg(feature = "cloudreve")]
use crate::token::HashIds;

/// Entries of one generation; there are two, for each kind of entry. One of a version takes about
/// half a kilobyte, so that a host of many files spends 8 MiB on them at most. Reads of more files
/// than these, in no order, find little and cost a tenth more than without a cache.
pub(super) const GENERATION: usize = 8192;

/// What a download of a version needs, whether it was cached or read just now.
#[derive(Debug)]
pub(crate) struct CachedVersion {
    /// What a reply says of it, unless its URL says something else.
    pub(crate) representation: Arc<Representation>,
    /// The same for a URL that follows the file, made when first asked for.
    followed: OnceLock<Arc<Representation>>,
    /// As [`FileRecord::dated`](crate::catalog::record::FileRecord::dated); of no meaning unless it is the file's current version.
    dated: i64,
    pub(crate) blob: BlobId,
    pub(crate) location: Location,
    /// Live or trashed.
    pub(crate) state: State,
    /// As [`of_version`](crate::catalog::revocation::of_version).
    pub(crate) epoch: u64,
}

impl CachedVersion {
    pub(super) fn new(opened: Opened) -> CachedVersion {
        let Opened { file, version, blob, state, epoch } = opened;
        let declared = valid_media_type(&version.media_type);
        let media_type = if declared { version.media_type } else { media_type_of(&file.name).to_owned() };
        let hex = blake3::Hash::from_bytes(blob.blake3).to_hex();
        let representation = Representation {
            len: blob.len,
            etag: entity_tag(hex.get(..32).unwrap_or_default(), &media_type),
            last_modified: Some(version.modified.unix()),
            media_type,
            type_of_name: !declared,
            name: file.name,
            // Of the registered digests the store has this one at hand.
            repr_digest: Some(format!("sha=:{}:", STANDARD.encode(blob.sha1))),
            ..Representation::default()
        };
        CachedVersion {
            representation: Arc::new(representation),
            followed: OnceLock::new(),
            dated: file.dated,
            blob: version.blob,
            location: blob.location,
            state,
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

/// What a URL of a file needs, whether it was cached or read just now.
#[derive(Debug)]
pub(crate) struct CachedFile {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The current version; of no meaning for a folder.
    pub(crate) current: VersionId,
    pub(crate) state: State,
    /// As [`of_file`](crate::catalog::revocation::of_file); of no meaning when it was deleted.
    pub(crate) epoch: u64,
}

/// The cache of rows: what was read since the last commit.
#[derive(Default)]
pub(crate) struct RowCache {
    entries: Mutex<Entries>,
    /// The folder that was looked into last: its files are often asked for one after the other.
    pub(super) folder: ArcSwapOption<LastFolder>,
    /// For the control: whether what is out of date is used all the same.
    #[cfg(test)]
    pub(super) blind: std::sync::atomic::AtomicBool,
}

/// Where the last path led in one read transaction, which has a number of its own.
pub(super) struct LastFolder {
    pub(super) tx: u64,
    pub(super) drive: DriveId,
    /// In its normal form, as [`Path`] has it; empty for the root.
    pub(super) path: Box<str>,
    pub(super) id: FileId,
}

impl LastFolder {
    /// Returns its id, if it is the one at a path in that transaction.
    pub(super) fn find(&self, tx: u64, drive: DriveId, path: Path<'_>) -> Option<FileId> {
        ((self.tx, self.drive, &*self.path) == (tx, drive, path.as_str())).then_some(self.id)
    }
}

/// The entries of one stamp.
#[derive(Default)]
pub(super) struct Entries {
    stamp: Option<Stamp>,
    pub(super) ring: Option<Arc<VersionedRing>>,
    pub(super) versions: Generations<VersionId, CachedVersion>,
    pub(super) files: Generations<FileId, CachedFile>,
    pub(super) links: Generations<LinkId, LinkInfo>,
    #[cfg(feature = "cloudreve")]
    pub(super) hash_ids: Option<Arc<HashIds>>,
    pub(super) names: Generations<u64, AliasedVersion>,
}

impl RowCache {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the entries, if they are of this stamp.
    pub(super) fn of(&self, stamp: Stamp) -> Option<MutexGuard<'_, Entries>> {
        let entries = self.lock();
        #[cfg(test)]
        if self.blind.load(std::sync::atomic::Ordering::Relaxed) {
            return Some(entries);
        }
        (entries.stamp == Some(stamp)).then_some(entries)
    }

    /// Adds entries of a stamp; those of an older one go.
    pub(super) fn keep<D>(&self, stamp: Stamp, put: impl FnOnce(&mut Entries) -> D) {
        let mut entries = self.lock();
        // A slow reader must not replace the entries of a later commit by those of an earlier one.
        if entries.stamp > Some(stamp) {
            return;
        }
        let mut old = None;
        if entries.stamp != Some(stamp) {
            old =
                Some(std::mem::replace(&mut *entries, Entries { stamp: Some(stamp), ..Entries::default() }));
        }
        let rest = put(&mut entries);
        // Freed when others may go on.
        drop(entries);
        drop((old, rest));
    }
}

/// What was used lately, in two generations: when the young one is full, the old one goes.
pub(super) struct Generations<K, V> {
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
    pub(super) fn get(&mut self, key: K) -> Option<Arc<V>> {
        if let Some(found) = self.young.get(&key) {
            return Some(found.clone());
        }
        // A look-up must not push a generation out, or reading alone would empty the cache.
        if self.young.len() >= GENERATION {
            return self.old.get(&key).cloned();
        }
        let found = self.old.remove(&key)?;
        self.young.insert(key, found.clone());
        Some(found)
    }

    /// Adds an entry, and returns the generation that it pushed out, for the caller to free.
    pub(super) fn insert(&mut self, key: K, value: Arc<V>) -> Option<HashMap<K, Arc<V>>> {
        let full = self.young.len() >= GENERATION;
        let gone = full.then(|| std::mem::replace(&mut self.old, std::mem::take(&mut self.young)));
        self.young.insert(key, value);
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two generations are kept, and what was used in the last one stays.
    #[test]
    fn what_is_kept_is_bounded() {
        let mut cached = Generations::default();
        let mut gone = 0;
        for key in 0..GENERATION * 10 {
            gone += cached.insert(key, Arc::new(key)).map_or(0, |gone| gone.len());
            assert!(cached.young.len() <= GENERATION && cached.old.len() <= GENERATION);
            assert_eq!(cached.get(7).as_deref(), (key >= 7).then_some(&7), "at {key}");
            assert_eq!(cached.get(key).as_deref(), Some(&key));
        }
        assert!(gone > GENERATION * 7);
        assert_eq!(cached.get(8), None);
    }
}
