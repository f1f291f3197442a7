//! Putting content: the way from bytes to a version.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;

use super::drive::Drive;
use super::placement::{PlacedContent, Placement, PutContent, Vetted, find_or_write};
use super::put_options::Put;
use crate::blobs::stage::{Stage, Staged};
use crate::catalog::VersionInfo;
use crate::catalog::blob::ChangeTime;
use crate::catalog::history::Timeline;
use crate::catalog::prefetch::{self, PutRows};
use crate::catalog::put::{self, NewVersion};
use crate::catalog::record::BlobRecord;
use crate::catalog::{alias, refcount, sha1_index};
use crate::digest::Digest;
use crate::engine::{Change, Dedup, Engine, Ids, ids_for};
use crate::id::{BlobId, DriveId};
use crate::journal::WriteHint;
use crate::kv::{Prefetch, Read as _};
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::{Error, ErrorKind, Result, fork};

/// Bytes of one batch.
const MANY: usize = 16 << 20;
/// Contents of one batch that get a file of their own.
const MANY_FILES: usize = 64;

/// Takes the content of one put piece by piece. Dropping it without [`PutWriter::commit`] leaves
/// nothing behind. One that a forked child inherits is its parent's: there it takes nothing, and
/// the parent goes on with it.
pub struct PutWriter {
    drive: Drive,
    path: String,
    put: Put,
    work: Work,
}

/// What came in, in the process that it came in to.
pub(super) struct Work {
    generation: u64,
    /// None once it was handed on.
    stage: Option<Stage>,
}

impl Work {
    pub(super) fn new(stage: Stage) -> Work {
        Work { generation: fork::generation(), stage: Some(stage) }
    }

    pub(super) fn stage(&mut self) -> Result<&mut Stage> {
        if self.generation != fork::generation() {
            return Err(Error::new(
                ErrorKind::Forked,
                "the put was begun before this process was forked; begin another",
            ));
        }
        self.stage.as_mut().ok_or_else(|| Error::bug("a put goes on after its end"))
    }

    pub(super) fn finish(mut self) -> Result<Staged> {
        self.stage()?;
        let stage = self.stage.take().ok_or_else(|| Error::bug("a put ends twice"))?;
        stage.finish()
    }

    pub(super) fn len(&self) -> u64 {
        self.stage.as_ref().map_or(0, Stage::len)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.generation != fork::generation() {
            // The file in the spool is the parent's, and so is the thread that hashes.
            std::mem::forget(self.stage.take());
        }
    }
}

impl PutWriter {
    pub(super) fn new(drive: &Drive, path: &str, put: Put) -> Result<PutWriter> {
        put.check_target(path)?;
        let engine = drive.engine()?;
        let work = Work::new(engine.stage_once(scope(&engine, drive.id()))?);
        Ok(PutWriter { drive: drive.clone(), path: path.to_owned(), put, work })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// `TooLarge` past the store's limit, `Io` when the spool cannot be written, `Forked` in a
    /// child of the process that began the put.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.work.stage()?.write(bytes)
    }

    /// Takes the next bytes of `source` and returns how many; 0 at its end.
    ///
    /// # Errors
    /// As [`PutWriter::write`]; `Io` when the source cannot be read.
    pub fn read_from(&mut self, source: &mut dyn Read) -> Result<usize> {
        self.work.stage()?.read_from(source)
    }

    /// Returns how many bytes came in.
    pub fn len(&self) -> u64 {
        self.work.len()
    }

    /// Returns whether no byte came in.
    pub fn is_empty(&self) -> bool {
        self.work.len() == 0
    }

    /// Makes the content a version of the file at the path, durably.
    ///
    /// # Errors
    /// `Mismatch` when the content or the file is not what was declared, `Exists` when something
    /// is in the way, `Io` and `Poisoned` when it could not be written, `Forked` in a child of the
    /// process that began the put.
    pub fn commit(self) -> Result<VersionInfo> {
        let staged = self.work.finish()?;
        let one = Item { path: self.path, put: self.put, staged };
        let versions = put_items(&self.drive, vec![one])?;
        versions.into_iter().next().ok_or_else(|| Error::bug("a put made no version"))
    }
}

impl Drive {
    /// Puts the content of `source` at `path` and returns the version that it became. A file that
    /// is there gets one more version, which is current from now on. Missing folders are made.
    ///
    /// The content is durable when this returns.
    ///
    /// # Errors
    /// `InvalidArgument` when the path breaks the rules of names, `Exists` when a folder is there,
    /// `Mismatch` when the content is not what was declared, `TooLarge` past the store's limit,
    /// `Io` when the source cannot be read or the store not written.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # use holdall::{Options, Put, Store};
    /// # let store = Store::open(dir.path(), Options::new())?;
    /// let alice = store.drive("alice")?;
    /// let version = alice.put("notes/a.txt", &b"hello"[..], Put::new())?;
    /// assert_eq!((version.size, version.crc32), (5, 0x3610_a686));
    /// assert_eq!(version.media_type, "text/plain");
    /// # Ok::<(), holdall::Error>(())
    /// ```
    pub fn put(&self, path: &str, mut source: impl Read, put: Put) -> Result<VersionInfo> {
        let mut writer = self.put_writer(path, put)?;
        while writer.read_from(&mut source)? > 0 {}
        writer.commit()
    }

    /// Begins a put whose content comes piece by piece.
    ///
    /// # Errors
    /// `InvalidArgument` when the path breaks the rules of names.
    pub fn put_writer(&self, path: &str, put: Put) -> Result<PutWriter> {
        PutWriter::new(self, path, put)
    }

    /// Puts many contents that are in memory at once: all of them or none, for the price of one
    /// sync. At most 16 MiB together go into one call; of those that are long enough for a file of
    /// their own, 64 get one, and the others lie in a segment as short contents do.
    ///
    /// # Errors
    /// As [`Drive::put`], and `TooLarge` when the contents together are longer.
    pub fn put_many(
        &self,
        items: impl IntoIterator<Item = (String, Bytes)>,
        put: &Put,
    ) -> Result<Vec<VersionInfo>> {
        self.put_each(items.into_iter().map(|(path, bytes)| (path, bytes, put.clone())))
    }

    /// As [`Drive::put_many`], with something of its own said of each.
    ///
    /// # Errors
    /// As [`Drive::put_many`].
    pub fn put_each(
        &self,
        items: impl IntoIterator<Item = (String, Bytes, Put)>,
    ) -> Result<Vec<VersionInfo>> {
        let engine = self.engine()?;
        let scope = scope(&engine, self.id());
        let (mut staged, mut len, mut files) = (Vec::new(), 0_usize, 0_usize);
        for (path, bytes, put) in items {
            len = len.saturating_add(bytes.len());
            if len > MANY {
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    format!("the contents together are longer than {MANY} bytes; put them in several calls"),
                ));
            }
            put.check_target(&path)?;
            // A file of its own stays open until the group; those beyond go into the segment.
            files += usize::from(bytes.len() >= engine.options.threshold);
            let whole = match files <= MANY_FILES || mutant::is_active(Mutant::BatchKeepsFilesOpen) {
                true => engine.stage_once(scope)?.whole(bytes)?,
                false => engine.stage_in_segment()?.whole(bytes)?,
            };
            staged.push(Item { path, put, staged: whole });
        }
        put_items(self, staged)
    }
}

/// Staged content on its way to a path.
pub(super) struct Item {
    pub(super) path: String,
    pub(super) put: Put,
    pub(super) staged: Staged,
}

/// An item as the change needs it: what is large has its file already.
#[derive(Clone)]
struct Ready {
    path: String,
    put: Put,
    modified: Time,
    digest: Digest,
    /// The SHA-1 of its beginning, if it is large enough to index by SHA-1.
    beginning: Option<[u8; 20]>,
    blob: BlobId,
    content: PlacedContent,
}

impl Ready {
    /// Returns what becomes a version, with its content in `blob`, whose record is `fresh` if it is yet to be added.
    fn version<'a>(&'a self, blob: BlobId, fresh: Option<&'a BlobRecord>, first_own: u64) -> NewVersion<'a> {
        NewVersion {
            blob,
            fresh,
            media_type: self.put.media_type.as_deref().unwrap_or_default(),
            modified: self.modified,
            executable: self.put.executable,
            details: self.put.details(first_own),
        }
    }
}

/// Makes versions of staged content: one group, all or none.
pub(super) fn put_items(drive: &Drive, items: Vec<Item>) -> Result<Vec<VersionInfo>> {
    let engine = drive.engine()?;
    for item in &items {
        item.put.check(item.staged.digest())?;
    }
    // What is large lies in the spool already.
    engine.room(items.iter().fold(0_u64, |sum, item| sum.saturating_add(item.staged.small_len())))?;
    let needed = items.iter().fold(0_u64, |sum, item| sum.saturating_add(ids_for(&item.path)));
    let ids = engine.ids(needed)?;
    let mut placement = Placement::new(&engine, scope(&engine, drive.id()));
    let done = publish(&mut placement, drive.id(), items, ids);
    placement.sweep_unused(&done);
    done
}

/// Makes versions of items that have been checked against what was declared.
fn publish(
    placement: &mut Placement<'_>,
    drive: DriveId,
    items: Vec<Item>,
    mut ids: Ids,
) -> Result<Vec<VersionInfo>> {
    let (now, engine, scope) = (Time::now(), placement.engine(), placement.scope());
    let rows = match engine.is_remote() {
        true => rows_of(drive, scope, &items, ids.clone())?,
        false => Prefetch::default(),
    };
    if engine.is_remote() && items.iter().any(|item| matches!(item.staged, Staged::Large { .. })) {
        engine.reader()?.prefetch(|| rows.clone())?;
    }
    // Before the change, because syncing large files in it would stop every other writer.
    let mut ready = Vec::with_capacity(items.len());
    let mut small = 0_u64;
    for Item { path, put, staged } in items {
        let blob = BlobId(ids.take()?);
        let digest = *staged.digest();
        let beginning = beginning(&staged)?;
        let content = placement.place(staged, blob)?;
        if let PlacedContent::Small(_) = content {
            small = small.saturating_add(digest.len);
        }
        let modified = put.modified.unwrap_or(now);
        ready.push(Ready { path, put, modified, digest, beginning, blob, content });
    }
    placement.add_own(ready.iter().map(|one| one.blob));
    let write = |ready: Arc<Vec<Ready>>, vetted: Vetted| {
        let ids = ids.clone();
        let hint = match engine.is_remote() {
            true => WriteHint { rows: rows.clone(), contents: small_contents(&ready) },
            false => WriteHint::default(),
        };
        engine.journal.write_hinted(
            small,
            || hint,
            move |change| {
                let (mut ids, time) = (ids.clone(), change.time(now));
                vetted.quarantine(change)?;
                let first_own = match ready.iter().any(|one| one.put.alias.is_some()) {
                    true => alias::first_own(change)?,
                    false => 0,
                };
                let timeline = Timeline::read(change)?;
                let context = PutContext { scope, time, timeline, first_own, vetted: &vetted };
                ready.iter().map(|one| put_one(change, drive, one, &mut ids, context)).collect()
            },
        )
    };
    let mut ready = Arc::new(ready);
    loop {
        match write(ready.clone(), placement.vetted()) {
            Err(error) if error.kind() == ErrorKind::Locked => {
                if placement.vet_met(ready.iter().map(|one| &one.digest))? {
                    continue;
                }
                // The blob that `place` found was collected before the change ran, so the content gets a file
                // of its own after all. Why not look again inside the change: it would sync a large file while
                // every other writer waits for the group.
                let blobs = placement.place_spare()?;
                if blobs.is_empty() {
                    return Err(error);
                }
                for one in Arc::make_mut(&mut ready).iter_mut().filter(|one| blobs.contains(&one.blob)) {
                    one.content = PlacedContent::Large;
                }
            }
            done => return done,
        }
    }
}

/// What is read to make versions of items, whose blobs are the next of the ids.
fn rows_of(drive: DriveId, scope: u64, items: &[Item], mut ids: Ids) -> Result<Prefetch> {
    let put = |item| {
        let Item { path, staged, .. }: &Item = item;
        Ok(PutRows { drive, scope, path, blob: BlobId(ids.take()?), digest: staged.digest() })
    };
    let rows: Vec<PutRows<'_>> = items.iter().map(put).collect::<Result<_>>()?;
    Ok(prefetch::put(rows.into_iter()))
}

/// Returns what is going to be appended.
fn small_contents(ready: &[Ready]) -> Vec<(BlobId, Bytes, Digest)> {
    let small = |one: &Ready| match &one.content {
        PlacedContent::Small(bytes) => Some((one.blob, bytes.clone(), one.digest)),
        _ => None,
    };
    ready.iter().filter_map(small).collect()
}

/// What every put of a change shares.
#[derive(Clone, Copy)]
struct PutContext<'v> {
    /// The scope of deduplication.
    scope: u64,
    time: ChangeTime,
    timeline: Timeline,
    /// The first id that no alias may be.
    first_own: u64,
    vetted: &'v Vetted,
}

/// Computes the SHA-1 of the beginning of content that is large enough to index by SHA-1.
fn beginning(staged: &Staged) -> Result<Option<[u8; 20]>> {
    if staged.digest().len < sha1_index::MIN_LEN {
        return Ok(None);
    }
    let mut bytes = [0; sha1_index::BEGINNING];
    staged.read_beginning(&mut bytes)?;
    Ok(Some(Digest::of(&bytes).sha1))
}

/// The scope of deduplication that a drive's content is stored under.
pub(super) fn scope(engine: &Engine, drive: DriveId) -> u64 {
    match engine.options.dedup {
        Dedup::Store => 0,
        Dedup::Drive => drive.0,
    }
}

fn put_one(
    change: &mut Change<'_>,
    drive: DriveId,
    one: &Ready,
    ids: &mut Ids,
    context: PutContext<'_>,
) -> Result<VersionInfo> {
    // Found before anything is written, so that a put that is refused leaves no bytes.
    let target = put::target(change, drive, &one.path, one.put.expect)?;
    if let Some(foreign) = one.version(one.blob, None, context.first_own).details.alias {
        alias::check_new_version(change, foreign)?;
    }
    let content =
        find_or_write(change, &one.content, &one.digest, one.blob, (context.scope, context.vetted))?;
    let (blob, fresh) = match (content, one.beginning) {
        (PutContent::Stored(blob), _) => (blob, None),
        (PutContent::Fresh(record), None) => (one.blob, Some(record)),
        (PutContent::Fresh(record), Some(beginning)) => {
            refcount::insert(change, one.blob, record, context.time.group)?;
            sha1_index::note(change, one.blob, beginning)?;
            (one.blob, None)
        }
    };
    let version = one.version(blob, fresh.as_ref(), context.first_own);
    put::at_target(change, drive, target, version, ids, (context.time, &context.timeline))
}
