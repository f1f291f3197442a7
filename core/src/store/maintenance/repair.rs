//! Repair: the rows made anew from the log, and damaged blobs from sound copies of them.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::check::{CheckOptions, CheckReport, Damage, Watch, check_engine};
use crate::blobs::LOST;
use crate::blobs::frame::{FrameKind, frame_len};
use crate::blobs::pool;
use crate::blobs::segment::{self as file, FrameReader, Segment};
use crate::catalog::check::{Problem, check};
use crate::catalog::history::{self, CopyRecord};
use crate::catalog::record::{BlobRecord, Location, Record};
use crate::catalog::{blob, id_sequence, refcount, row, segment, table};
use crate::digest::Digest;
use crate::engine::layout::{self, BAD_ROWS, BLOBS, Identity, NEW_ROWS, ROWS, STORE};
use crate::engine::lock::StoreLock;
use crate::engine::{Engine, Options};
use crate::id::BlobId;
use crate::journal::rebuild;
use crate::kv::driver::StoreReader;
use crate::kv::redb::{RedbKv, Sharing};
use crate::kv::{Commit, Kv, Read, Scan, Table, Write};
use crate::mutant::{self, Mutant};
use crate::store::Store;
use crate::store::handle::is_address;
use crate::vfs::{Open, RealVfs, Vfs};
use crate::{Error, ErrorKind, Result};

/// Ids that are passed over: the log may have lost who has them. Every process reserves them in
/// blocks of 65,536, and a segment that is lost may have spoken of a dozen blocks; so many are more
/// than hundreds of lost segments can have given out, and leave ids for 65,536 rebuilds.
const SPARE_IDS: u64 = 1 << 28;

/// What a rebuild sorts rows in at least, in bytes.
const LEAST_MEMORY: usize = 1 << 20;

/// What [`Store::rebuild`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RebuildReport {
    /// Groups that were found in the log.
    pub groups: u64,
    /// Segments that were read.
    pub segments: u64,
    /// Files in `seg/` that are no segments, or whose header cannot be read: nothing of them is in
    /// the new rows.
    pub unreadable: Vec<String>,
    /// Files and folders in the new rows.
    pub files: u64,
    /// Versions in the new rows.
    pub versions: u64,
    /// Blobs in the new rows.
    pub blobs: u64,
    /// Large blobs that no rows speak of; their files are in the directory `lost`, with those that an
    /// earlier rebuild put there.
    pub lost: Vec<BlobId>,
    /// Where the new rows do not agree with each other, because parts of the log are damaged.
    pub problems: Vec<Problem>,
}

/// What [`Store::repair`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairReport {
    /// Blobs whose content was damaged, and was found sound elsewhere in the store.
    pub restored: Vec<BlobId>,
    /// Blobs that remain damaged, with the versions that have them. Nothing of them was removed, and
    /// nothing is deduplicated to them any more: put the content again, from a backup say, and what
    /// is small enough for a segment is mended by the next repair.
    pub damaged: Vec<Damage>,
    /// Blobs that could not be read, as when descriptors are short. Nothing about them was changed:
    /// repair again when they can be.
    pub unread: Vec<Damage>,
    /// Blobs that an earlier repair had quarantined and that are sound: content is deduplicated to
    /// them again.
    pub reinstated: Vec<BlobId>,
    /// What else is not as it must be.
    pub problems: Vec<Problem>,
}

impl Store {
    /// Makes the rows of the store in a directory anew from its segments alone. Whatever state
    /// `meta.redb` is in, or none: it is kept as `meta.redb.bad`. Nobody may have the store open.
    ///
    /// # Errors
    /// `NotFound` when the directory holds no store, `Locked` when it is open, `Corrupt` when a
    /// segment belongs to another store, `Unsupported` when a later version wrote it, `ReadOnly` when
    /// the directory takes no writes, `Io` as the system says.
    pub fn rebuild(path: impl AsRef<Path>, options: &Options) -> Result<RebuildReport> {
        let path = path.as_ref();
        if is_address(path) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the rows of a store in a database are not made anew, as there is no log; restore the database",
            ));
        }
        let doing = || format!("rebuilding the store {}", path.display());
        let vfs = RealVfs::new(path).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => {
                Error::not_found(format!("there is no directory {}", path.display()))
            }
            _ => Error::io(doing(), cause),
        })?;
        Store::rebuild_on(&(Arc::new(vfs) as Arc<dyn Vfs>), options).map_err(|error| error.context(doing()))
    }

    /// As [`Store::rebuild`], on a file system of the caller's.
    ///
    /// # Errors
    /// As [`Store::rebuild`].
    pub fn rebuild_on(vfs: &Arc<dyn Vfs>, options: &Options) -> Result<RebuildReport> {
        options.check()?;
        if vfs.is_read_only().map_err(failed)? {
            return Err(Error::io(
                "the index is not made anew where nothing can be written; copy the store and rebuild the copy",
                rustix::io::Errno::ROFS.into(),
            ));
        }
        let (identity, known) = identify(vfs.as_ref())?;
        let _opening = StoreLock::to_open(vfs.as_ref(), options.lock_timeout)?;
        let Some(_only) = StoreLock::alone(vfs.as_ref())? else { return Err(open_elsewhere()) };
        let mut report = RebuildReport::default();
        refuse_open(vfs, options, &mut report)?;
        let lost = fill(vfs, &identity, options, &mut report)?;
        let rename = |from: &str, to: &str| match vfs.rename(from, to) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(format!("renaming {from} to {to}"), cause))
            }
            _ => Ok(()),
        };
        let late = mutant::is_active(Mutant::RebuildSetsAsideLast);
        // The old rows go first. Cut off anywhere behind that, the store has no rows, says so, and is
        // rebuilt again; what is quarantined already is never collected.
        rename(ROWS, BAD_ROWS)?;
        vfs.sync_dir("").map_err(failed)?;
        if !late {
            report.lost = move_lost(vfs.as_ref(), &lost)?;
        }
        if !known {
            layout::write(vfs.as_ref(), STORE, &identity)?;
        }
        rename(NEW_ROWS, ROWS)?;
        vfs.sync_dir("").map_err(failed)?;
        if late {
            report.lost = move_lost(vfs.as_ref(), &lost)?;
        }
        Ok(report)
    }

    /// Reads all content, and restores what is damaged from a sound copy where the segments have
    /// one: what a compaction left behind, or another drive's where drives share nothing. What
    /// cannot be restored is quarantined and reported. Nothing is removed, and what could not be read
    /// is left as it is.
    ///
    /// # Errors
    /// `Io` and `Poisoned` when the store cannot be read or written, `ReadOnly` when it was opened for
    /// reading.
    pub fn repair(&self) -> Result<RepairReport> {
        self.repair_watched(&mut |_| Ok(()))
    }

    /// As [`Store::repair`], and tells `watch` how far it is; where something was restored it reads
    /// everything once more, and begins to tell anew.
    ///
    /// # Errors
    /// As [`Store::repair`]; the watcher's own, which leaves what is restored in its place.
    pub fn repair_watched(&self, watch: &mut Watch<'_>) -> Result<RepairReport> {
        let engine = self.engine()?;
        engine.journal.writable()?;
        let mut progress = |at| watch(at);
        let mut left = check_engine(&engine, CheckOptions::new().content(true).watch(&mut progress))?;
        let mut restored = Vec::new();
        if !left.damaged.is_empty() {
            restored = restore(&engine, &left.damaged)?;
            let mut progress = |at| watch(at);
            left = check_engine(&engine, CheckOptions::new().content(true).watch(&mut progress))?;
            let quarantined: Vec<BlobId> = left.damaged.iter().map(|damage| damage.blob).collect();
            engine.write(move |change| {
                quarantined.iter().try_for_each(|id| refcount::quarantine(change, *id))
            })?;
        }
        let reinstated = reinstate(&engine, &left)?;
        let CheckReport { damaged, unread, problems, .. } = left;
        Ok(RepairReport { restored, damaged, unread, reinstated, problems })
    }
}

/// Ends the quarantine of what was found sound.
fn reinstate(engine: &Engine, found: &CheckReport) -> Result<Vec<BlobId>> {
    let wrong: BTreeSet<BlobId> =
        found.damaged.iter().chain(&found.unread).map(|damage| damage.blob).collect();
    let mut sound = Vec::new();
    engine.reader()?.scan(table::BLOB, row::ALL, false, &mut |key, value| {
        let id = BlobId(row::number(key)?);
        // A row that cannot be read is among the problems already.
        let quarantined = BlobRecord::decode(value).is_ok_and(|record| blob::is_quarantined(record.scope));
        if quarantined && !wrong.contains(&id) {
            sound.push(id);
        }
        Ok(Scan::Next)
    })?;
    if sound.is_empty() {
        return Ok(sound);
    }
    engine.write(move |change| {
        let mut back = Vec::new();
        for id in &sound {
            // One that was collected meanwhile is not missed.
            match refcount::reinstate(change, *id) {
                Ok(true) => back.push(*id),
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(back)
    })
}

fn failed(cause: std::io::Error) -> Error {
    Error::io("rebuilding meta.redb", cause)
}

/// Finds out who the store is: from `STORE`, or, where that is gone or damaged, from the headers
/// of the segments. Returns whether `STORE` said it.
fn identify(vfs: &dyn Vfs) -> Result<(Identity, bool)> {
    match layout::read(vfs) {
        Ok(Some(identity)) => return Ok((identity, true)),
        Err(error) if error.kind() != ErrorKind::Corrupt => return Err(error),
        _ => {}
    }
    let mut found: Option<Identity> = None;
    for entry in vfs.list(file::DIR).unwrap_or_default() {
        let Some(number) = file::number_of(&entry.name) else { continue };
        let Some(segment) = Segment::open(vfs, number, Open::Read)? else { continue };
        let (uuid, created) = (segment.header.store, segment.header.created);
        match &mut found {
            None => found = Some(Identity { uuid, created }),
            Some(identity) if identity.uuid == uuid => identity.created = identity.created.min(created),
            Some(_) => {
                return Err(Error::corrupt(
                    "the segments belong to several stores; move those of others away",
                ));
            }
        }
    }
    let identity =
        found.ok_or_else(|| Error::not_found("there is neither a store nor a segment of one here"))?;
    Ok((identity, false))
}

fn open_elsewhere() -> Error {
    Error::new(ErrorKind::Locked, "the store is open, maybe in another process; close it to rebuild it")
}

/// Refuses a store that is open, and counts its segments.
fn refuse_open(vfs: &Arc<dyn Vfs>, options: &Options, report: &mut RebuildReport) -> Result<()> {
    if let Ok(file) = vfs.open(ROWS, Open::Write)
        && !file.is_empty().map_err(failed)?
    {
        match RedbKv::open(file, Sharing::Exclusive, options.cache_bytes, &[]) {
            Err(error) if error.kind() == ErrorKind::Locked => return Err(open_elsewhere()),
            // Sound or not, it is made anew.
            _ => {}
        }
    }
    for entry in vfs.list(file::DIR).map_err(failed)? {
        let opened = match file::number_of(&entry.name) {
            Some(number) => Segment::open(vfs.as_ref(), number, Open::Write)?,
            None => None,
        };
        match opened {
            // A damaged index says nothing of who is at work; the lease of a segment does.
            Some(segment) if !segment.file.try_lock().map_err(failed)? => return Err(open_elsewhere()),
            Some(_) => report.segments += 1,
            None => report.unreadable.push(entry.name),
        }
    }
    Ok(())
}

/// Makes the new rows beside the old ones.
fn fill(
    vfs: &Arc<dyn Vfs>,
    identity: &Identity,
    options: &Options,
    report: &mut RebuildReport,
) -> Result<Lost> {
    match vfs.remove(NEW_ROWS) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(failed(cause)),
        _ => {}
    }
    layout::make_dirs(vfs.as_ref())?;
    let file = vfs.open(NEW_ROWS, Open::CreateNew).map_err(failed)?;
    let kv = RedbKv::open(file.clone(), Sharing::Exclusive, options.cache_bytes, table::ALL)?;
    report.groups = rebuild(&kv, vfs, identity.uuid, options.cache_bytes.max(LEAST_MEMORY))?;
    let mut writer = kv.writer()?;
    let (lost, largest) = find_lost(vfs.as_ref(), &writer)?;
    let highest = largest.max(highest(&writer)?);
    let next = id_sequence::next(&writer)?;
    let from = next.max(highest.saturating_add(1));
    let spare = if mutant::is_active(Mutant::RebuildSkipsOneBlock) { 1 << 16 } else { SPARE_IDS };
    // Beyond every id that a row or a file shows, and as many more as lost segments can have issued: an old URL
    // must never open a new file.
    id_sequence::reserve(&mut writer, from.saturating_sub(next).saturating_add(spare))?;
    close_segments(vfs.as_ref(), &mut writer)?;
    // What the log lost had ids, too: whoever writes first begins behind them.
    if !mutant::is_active(Mutant::RebuildSkipsOneBlock) {
        let versions = history::highest(&writer)?;
        history::set_copy(&mut writer, &CopyRecord { of: None, versions })?;
    }
    writer.del(table::META, segment::MODE)?;
    for (table, count) in [
        (table::FILE, &mut report.files),
        (table::VERSION, &mut report.versions),
        (table::BLOB, &mut report.blobs),
    ] {
        writer.scan(table, row::ALL, false, &mut |_, _| {
            *count += 1;
            Ok(Scan::Next)
        })?;
    }
    kv.commit(writer, Commit::Synced)?;
    // Over the type that a check of a store reads through, so that a library has this long code once.
    report.problems = check(&StoreReader::Embedded(kv.reader()?), &AtomicBool::new(false))?.problems;
    drop(kv);
    file.sync_data().map_err(failed)?;
    Ok(lost)
}

/// Returns the highest id in any row, of those that are drawn from the sequence.
fn highest(tx: &impl Read) -> Result<u64> {
    const TABLES: [Table; 3] = [table::FILE, table::BLOB, table::DRIVE];
    let mut highest = 0;
    for table in TABLES {
        tx.scan(table, row::ALL, true, &mut |key, _| {
            highest = highest.max(row::number(key.get(..8).unwrap_or_default())?);
            Ok(Scan::Stop)
        })?;
    }
    Ok(highest)
}

/// Lists the large blobs in a directory.
fn large(vfs: &dyn Vfs, dir: &str) -> Result<Vec<BlobId>> {
    let listed = match vfs.list(dir) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(failed)?,
    };
    let ids = listed.iter().filter_map(|entry| pool::id_of(&entry.name));
    Ok(ids.filter(|id| id.0 < id_sequence::END).collect())
}

/// Large blobs that are to be moved.
#[derive(Default)]
struct Lost {
    /// Those that no row speaks of.
    quarantined: Vec<BlobId>,
    /// Those that an earlier rebuild moved away, and rows refer to again.
    back: Vec<BlobId>,
}

/// Finds large blobs that no row speaks of. Returns the highest id of a large blob too.
fn find_lost(vfs: &dyn Vfs, tx: &impl Read) -> Result<(Lost, u64)> {
    let (mut lost, mut highest) = (Lost::default(), 0);
    for low in 0..=255_u8 {
        for id in large(vfs, &format!("{BLOBS}/{low:02x}"))? {
            highest = highest.max(id.0);
            if !row::exists(tx, table::BLOB, &id.to_key())? {
                lost.quarantined.push(id);
            }
        }
    }
    for id in large(vfs, LOST)? {
        highest = highest.max(id.0);
        let record = row::get::<BlobRecord>(tx, table::BLOB, &id.to_key())?;
        if record.is_some_and(|record| record.location == Location::File) {
            lost.back.push(id);
        }
    }
    Ok((lost, highest))
}

/// Moves large blobs that no row speaks of to where no collection finds them: the groups that
/// spoke of them may be damaged. It is durable when this returns what lies there.
fn move_lost(vfs: &dyn Vfs, lost: &Lost) -> Result<Vec<BlobId>> {
    let quarantined = |id: BlobId| format!("{LOST}/{:016x}", id.0);
    for id in &lost.back {
        if vfs.open(&pool::path(*id), Open::Read).is_err() {
            vfs.rename(&quarantined(*id), &pool::path(*id)).map_err(failed)?;
            vfs.sync_dir(&pool::dir(*id)).map_err(failed)?;
        }
    }
    if !lost.quarantined.is_empty() {
        vfs.make_dir(LOST).map_err(failed)?;
        vfs.sync_dir("").map_err(failed)?;
        for id in &lost.quarantined {
            vfs.rename(&pool::path(*id), &quarantined(*id)).map_err(failed)?;
        }
        vfs.sync_dir(LOST).map_err(failed)?;
    }
    large(vfs, LOST)
}

/// Closes every segment, so that nothing is appended where a damaged group may lie, and drops the
/// rows of those whose file is gone.
fn close_segments(vfs: &dyn Vfs, writer: &mut impl Write) -> Result<()> {
    let listed = vfs.list(file::DIR).map_err(failed)?;
    let there: BTreeSet<u32> = listed.iter().filter_map(|entry| file::number_of(&entry.name)).collect();
    for (number, _) in segment::list(writer)? {
        if there.contains(&number) {
            segment::edit(writer, number, |row| row.open = false)?;
        } else {
            segment::forget(writer, number)?;
        }
    }
    Ok(())
}

/// Searches the segments for sound copies of what is damaged, and appends them to the log.
fn restore(engine: &Engine, damaged: &[Damage]) -> Result<Vec<BlobId>> {
    let tx = engine.reader()?;
    let mut wanted: HashMap<[u8; 32], Vec<(BlobId, BlobRecord)>> = HashMap::new();
    for Damage { blob: id, .. } in damaged {
        if let Some(record) = row::get::<BlobRecord>(&tx, table::BLOB, &id.to_key())?
            && matches!(record.location, Location::Segment { .. })
        {
            wanted.entry(record.blake3).or_default().push((*id, record));
        }
    }
    let mut restored = Vec::new();
    for (number, row) in segment::list(&tx)? {
        if wanted.is_empty() {
            break;
        }
        let Ok(Some(segment)) = Segment::open(engine.vfs.as_ref(), number, Open::Read) else { continue };
        let mut mended = Ok(());
        // What cannot be read of a segment has no copies for us: the next check tells of it.
        let _ = FrameReader::new(&segment, row.len).each(&mut |reader, offset, frame| {
            if frame.kind != FrameKind::Blob || !wanted.contains_key(&frame.blake3) {
                return Ok(());
            }
            let Ok(Some(bytes)) = reader.payload(offset, frame) else { return Ok(()) };
            let digest = Digest::of(&bytes);
            if digest.blake3 == frame.blake3 {
                for (id, record) in wanted.remove(&frame.blake3).unwrap_or_default() {
                    match mend(engine, id, record, bytes.clone().into(), digest) {
                        Ok(true) => restored.push(id),
                        Ok(false) => {}
                        Err(error) => {
                            mended = Err(error);
                            return Err(Error::bug("a copy could not be appended"));
                        }
                    }
                }
            }
            Ok(())
        });
        mended?;
    }
    Ok(restored)
}

/// Gives a blob new bytes, if it is still where it was damaged.
fn mend(
    engine: &Engine,
    id: BlobId,
    damaged: BlobRecord,
    bytes: bytes::Bytes,
    digest: Digest,
) -> Result<bool> {
    let from = damaged.location;
    engine.journal.write(digest.len, move |change| {
        if blob::get(change, id)?.location != from {
            return Ok(false);
        }
        let to = change.append(id, bytes.clone(), &digest)?;
        if let Location::Segment { segment, .. } = from {
            match segment::add_dead(change, segment, frame_len(digest.len)) {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Bug) => {}
                counted => counted?,
            }
        }
        blob::relocate(change, id, from, to)
    })
}
