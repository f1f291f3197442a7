//! Checking: whether the rows agree with each other, and the blobs with the rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;

use super::readers::{Framed, Readers};
#[cfg(feature = "remote")]
use super::remote::ObjectLook;
use crate::blobs::frame::{Frame, FrameKind};
use crate::blobs::pool;
use crate::blobs::segment::{self as file, FrameReader, Segment};
use crate::catalog::check::{CheckedRows, Problem};
use crate::catalog::counter::{self, Counter};
use crate::catalog::record::{BlobRecord, Location, Record, VersionRecord};
use crate::catalog::{blob, check, drive, node, prefix, row, segment, state, table};
use crate::digest::{Digest, StreamDigester};
use crate::engine::Engine;
use crate::id::{BlobId, FileId, VersionId};
use crate::kv::driver::StoreReader;
use crate::kv::{Read, Scan};
use crate::mutant::{self, Mutant};
use crate::store::Store;
use crate::vfs::{Open, VfsFile};
use crate::worker::Worker;
use crate::{Error, ErrorKind, Result, machine};

/// Rows that are read at once.
const PAGE: usize = 1000;
/// Bytes of a file that are read at once.
const BLOCK: usize = 1 << 20;
/// Bytes of content that are read between two calls of the watcher, about.
const AHEAD: u64 = 32 << 20;
/// Fewer bytes of content than this are not worth threads.
const WORTH: u64 = 512 << 10;
/// Segments that are kept open.
const OPEN_SEGMENTS: usize = 64;
/// Of a damaged blob, so many of the versions that have it are named.
const NAMED: usize = 100;

/// How far a long job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes that were worked on.
    pub done: u64,
    /// Bytes that there are to work on, as counted at the beginning.
    pub total: u64,
}

/// Called with the progress of a long job; an error from it ends the job, and is what the job returns.
pub type Watch<'a> = dyn FnMut(Progress) -> Result<()> + 'a;

/// The options of [`Store::check`].
#[derive(Default)]
pub struct CheckOptions<'a> {
    content: bool,
    digests: bool,
    watch: Option<&'a mut Watch<'a>>,
}

impl<'a> CheckOptions<'a> {
    /// Returns the defaults: the rows, and whether every blob is in its place.
    pub fn new() -> CheckOptions<'a> {
        CheckOptions::default()
    }

    /// Sets whether all content is read and its BLAKE3 computed again, on all cores; by default it is not.
    #[must_use]
    pub fn content(mut self, content: bool) -> CheckOptions<'a> {
        self.content = content;
        self
    }

    /// Sets whether the other hashes of all content are computed again too, which are SHA-1, CRC-64 and
    /// CRC-32; by default they are not. That content is what was stored is known by its BLAKE3 alone; this
    /// finds a row that has another hash wrong. It takes several times as long, and implies
    /// [`CheckOptions::content`].
    #[must_use]
    pub fn digests(mut self, digests: bool) -> CheckOptions<'a> {
        self.digests = digests;
        self
    }

    /// Sets the callback for progress.
    #[must_use]
    pub fn watch(mut self, watch: &'a mut Watch<'a>) -> CheckOptions<'a> {
        self.watch = Some(watch);
        self
    }
}

/// What [`Store::check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// Everything that is not as it must be; a sound store has none.
    pub problems: Vec<Problem>,
    /// The blobs among it whose content is missing or not what was stored.
    pub damaged: Vec<Damage>,
    /// The blobs among it whose content could not be read, as when descriptors are short or a disk
    /// fails: whether it is sound is not known. Free what is short and check again.
    pub unread: Vec<Damage>,
    /// Files, without folders.
    pub files: u64,
    /// Versions.
    pub versions: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of those blobs.
    pub bytes: u64,
}

/// A blob whose content is missing or not what was stored, or could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The blob.
    pub blob: BlobId,
    /// A sentence that says what is wrong with it.
    pub message: String,
    /// Versions that have it: the first hundred.
    pub versions: Vec<VersionId>,
    /// Where the files of those versions lie: `drive:path`. What is in the trash is not named.
    pub paths: Vec<String>,
}

impl Store {
    /// Checks the store as it is now, while it is in use: that the rows agree with each
    /// other, that every blob is in its place, that the log can be read, and on demand that all
    /// content is what was put. Nothing is changed.
    ///
    /// Memory grows by some tens of bytes for each file and blob.
    ///
    /// # Errors
    /// `Io` when the rows cannot be read; the watcher's own. Damage is not an error but in the report.
    pub fn check(&self, options: CheckOptions<'_>) -> Result<CheckReport> {
        check_engine(&*self.engine()?, options)
    }
}

pub(super) fn check_engine(engine: &Engine, options: CheckOptions<'_>) -> Result<CheckReport> {
    let tx = engine.reader()?;
    // A counter that cannot be read is among the problems of the rows.
    let counted = counter::get(&tx, Counter::BlobBytes).unwrap_or(0);
    let total = u64::try_from(counted).unwrap_or(0);
    let content = options.content || options.digests;
    // In a simulation a thread of its own has no way to the servers.
    let alone = engine.is_remote() && machine::simulated_process().is_some();
    let rows = RowCheck::begin(&tx, content && total >= WORTH && !alone)?;
    let mut checker = Checker {
        engine,
        tx,
        content,
        digests: options.digests,
        watch: options.watch,
        progress: Progress { done: 0, total },
        segments: HashMap::new(),
        #[cfg(feature = "remote")]
        objects: engine.pool.objects().map(|objects| ObjectLook::begin(objects, content)).transpose()?,
        report: CheckReport::default(),
        damaged: BTreeMap::new(),
    };
    checker.blobs()?;
    checker.log()?;
    checker.name_damage()?;
    let CheckedRows { mut problems, files, versions, blobs, bytes } = rows.finish()?;
    let report = checker.report;
    problems.extend(report.problems);
    Ok(CheckReport { problems, files, versions, blobs, bytes, ..report })
}

/// The check of the rows.
enum RowCheck {
    Done(CheckedRows),
    /// On a thread of its own, beside the check of the contents.
    Beside(RowThread),
}

struct RowThread {
    worker: Worker<(), Result<CheckedRows>>,
    stop: Arc<AtomicBool>,
}

impl RowCheck {
    /// Checks the rows, or begins to, where it is `worth` a thread and one can be started.
    fn begin(tx: &StoreReader, worth: bool) -> Result<RowCheck> {
        let stop = Arc::new(AtomicBool::new(false));
        let (its_tx, its_stop) = (tx.clone(), stop.clone());
        let start = |_: Receiver<()>| {
            let check = move || check::check(&its_tx, &its_stop);
            thread::Builder::new().name("holdall-rows".into()).spawn(check)
        };
        match if worth { Worker::start(0, start).ok() } else { None } {
            Some(worker) => Ok(RowCheck::Beside(RowThread { worker, stop })),
            None => check::check(tx, &stop).map(RowCheck::Done),
        }
    }

    fn finish(self) -> Result<CheckedRows> {
        match self {
            RowCheck::Done(rows) => Ok(rows),
            RowCheck::Beside(mut thread) => thread.worker.finish()?,
        }
    }
}

impl Drop for RowThread {
    /// Ends the thread, which would keep the rows open; one that has ended already is not waited for.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.worker.finish());
    }
}

struct Checker<'e, 'w> {
    engine: &'e Engine,
    tx: StoreReader,
    content: bool,
    digests: bool,
    watch: Option<&'w mut Watch<'w>>,
    progress: Progress,
    segments: HashMap<u32, Option<Segment>>,
    #[cfg(feature = "remote")]
    objects: Option<ObjectLook>,
    report: CheckReport,
    damaged: BTreeMap<BlobId, Wrong>,
}

/// What is wrong with a blob, as a sentence.
enum Wrong {
    /// It is missing, shorter or other than what was stored.
    Damaged(String),
    /// Nobody knows: it could not be read.
    Unread(String),
}

/// A sentence on what is wrong; None when all is sound.
type Finding = Option<String>;

/// What is where a row says that a blob is.
enum FrameContent {
    /// The blob, as far as its frame says: the bytes are not read, or not hashed yet.
    There,
    Bytes(Vec<u8>),
    /// Something else, as a sentence.
    Wrong(String),
}

impl Checker<'_, '_> {
    /// Looks at every blob where its row says that it is.
    fn blobs(&mut self) -> Result<()> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = prefix::page(&self.tx, table::BLOB, &[], after.as_deref(), PAGE)?;
            // A row that cannot be read is among the problems already.
            let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
                Some((BlobId(row::number(key).ok()?), BlobRecord::decode(value).ok()?))
            };
            let blobs: Vec<(BlobId, BlobRecord)> = page.iter().filter_map(read).collect();
            self.page(&blobs)?;
            match page.into_iter().next_back() {
                Some((key, _)) => after = Some(key),
                None => return Ok(()),
            }
        }
    }

    /// Looks at blobs, `AHEAD` bytes of them at a time. They are read on all cores, and what turns out to
    /// be sound is done with; all else is looked at one by one, which says what is wrong.
    fn page(&mut self, blobs: &[(BlobId, BlobRecord)]) -> Result<()> {
        let mut rest = blobs;
        while !rest.is_empty() {
            let (mut count, mut bytes) = (0, 0_u64);
            for (_, record) in rest {
                if bytes >= AHEAD {
                    break;
                }
                count += 1;
                bytes = bytes.saturating_add(record.len);
            }
            let (now, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            let sound = if self.content && bytes >= WORTH && !self.engine.is_remote() {
                self.sound(now)?
            } else {
                BTreeSet::new()
            };
            for (index, (id, record)) in now.iter().enumerate() {
                if sound.contains(&index) { self.step(record.len)? } else { self.blob(*id, record.clone())? }
            }
            rest = later;
        }
        Ok(())
    }

    /// Returns which of these are where their rows say and what was stored.
    fn sound(&mut self, blobs: &[(BlobId, BlobRecord)]) -> Result<BTreeSet<usize>> {
        let mut readers = Readers::start(self.digests);
        let mut framed = Vec::new();
        for (key, (id, record)) in blobs.iter().enumerate() {
            match record.location {
                Location::Segment { segment, offset } => framed.push((segment, offset, key, *id, record)),
                // All its hashes take a thread besides; it is looked at by itself.
                Location::File if self.digests => {}
                Location::File => {
                    let Some(file) = self.file_of(*id, record.len) else { continue };
                    let expected = (record.blake3, record.len);
                    readers.push_file(key, &file, expected, &mut || self.step(0))?;
                }
            }
        }
        framed.sort_unstable_by_key(|(segment, offset, ..)| (*segment, *offset));
        for (number, offset, key, id, record) in framed {
            let Ok(Some(segment)) = self.segment(number) else { continue };
            let framed = Framed { key, id, offset, expected: record.digest() };
            readers.push_frame(segment, framed)?;
        }
        Ok(readers.finish()?.into_iter().collect())
    }

    /// Opens the file of a blob; None where it is not as it should be.
    fn file_of(&self, id: BlobId, len: u64) -> Option<Arc<dyn VfsFile>> {
        let file = self.engine.vfs.open(&pool::path(id), Open::Read).ok()?;
        file.len().is_ok_and(|found| found == len).then_some(file)
    }

    fn blob(&mut self, id: BlobId, mut record: BlobRecord) -> Result<()> {
        let finding = loop {
            let finding = self.look(id, &record)?;
            if finding.is_none() {
                break None;
            }
            // It may have been moved or collected since this check began.
            match blob::get(&self.engine.reader()?, id) {
                Ok(now) if now.location != record.location => record = now,
                Err(error) if error.kind() == ErrorKind::NotFound => break None,
                _ => break finding,
            }
        };
        if let Some(wrong) = finding {
            let sentence = match &wrong {
                Wrong::Damaged(why) => format!("the content of blob {id} is damaged: {why}"),
                Wrong::Unread(why) => format!("the content of blob {id} could not be read: {why}"),
            };
            self.say(table::BLOB.name, sentence);
            self.damaged.insert(id, wrong);
        }
        self.step(record.len)
    }

    fn step(&mut self, bytes: u64) -> Result<()> {
        self.progress.done = self.progress.done.saturating_add(bytes);
        match &mut self.watch {
            Some(watch) => watch(self.progress),
            None => Ok(()),
        }
    }

    fn say(&mut self, table: &'static str, message: String) {
        self.report.problems.push(Problem { table, message });
    }

    fn look(&mut self, id: BlobId, record: &BlobRecord) -> Result<Option<Wrong>> {
        let found = match record.location {
            #[cfg(feature = "remote")]
            _ if self.objects.is_some() => self.look_in_object(id, record),
            Location::Segment { segment, offset } => self.look_in_segment(id, record, segment, offset),
            Location::File => self.look_in_file(id, record),
        };
        match found {
            Ok(finding) => Ok(finding.map(Wrong::Damaged)),
            Err(error) => match error.kind() {
                ErrorKind::Io if is_missing(&error) || mutant::is_active(Mutant::UnreadIsDamaged) => {
                    Ok(Some(Wrong::Damaged(error.to_string())))
                }
                ErrorKind::Corrupt => Ok(Some(Wrong::Damaged(error.to_string()))),
                ErrorKind::Io | ErrorKind::Unsupported => Ok(Some(Wrong::Unread(error.to_string()))),
                _ => Err(error),
            },
        }
    }

    #[cfg(feature = "remote")]
    fn look_in_object(&self, id: BlobId, record: &BlobRecord) -> Result<Finding> {
        self.objects.as_ref().map_or(Ok(None), |objects| objects.look(self.engine, id, record))
    }

    fn look_in_segment(
        &mut self,
        id: BlobId,
        record: &BlobRecord,
        number: u32,
        offset: u64,
    ) -> Result<Finding> {
        Ok(match self.read_in_segment(id, record, number, offset)? {
            FrameContent::Bytes(bytes) if self.digests => differs(Digest::of(&bytes) == record.digest()),
            FrameContent::Bytes(bytes) => differs(blake3::hash(&bytes) == record.blake3),
            FrameContent::There => None,
            FrameContent::Wrong(finding) => Some(finding),
        })
    }

    fn read_in_segment(
        &mut self,
        id: BlobId,
        record: &BlobRecord,
        number: u32,
        offset: u64,
    ) -> Result<FrameContent> {
        let content = self.content;
        let Some(segment) = self.segment(number)? else {
            return Ok(FrameContent::Wrong(format!("the header of {} cannot be read", file::path(number))));
        };
        let Some((frame, _)) = segment.frame_at(offset)? else {
            return Ok(FrameContent::Wrong(format!(
                "no frame is at byte {offset} of {}",
                file::path(number)
            )));
        };
        let Frame { kind, id: other, len, crc32, blake3, .. } = frame;
        let fits = kind == FrameKind::Blob && u64::from(len) == record.len;
        if !fits || (other, crc32, blake3) != (id.0, record.crc32, record.blake3) {
            return Ok(FrameContent::Wrong(format!(
                "another frame is at byte {offset} of {}",
                file::path(number)
            )));
        }
        if !content {
            let end = offset.saturating_add(crate::blobs::frame::frame_len(record.len));
            let found = segment.file.len().map_err(|cause| Error::io("reading a length", cause))?;
            return Ok(match found < end {
                true => FrameContent::Wrong(format!("{} ends at byte {found}", file::path(number))),
                false => FrameContent::There,
            });
        }
        Ok(match segment.payload(offset, &frame)? {
            Some(bytes) => FrameContent::Bytes(bytes),
            None => FrameContent::Wrong(format!(
                "the bytes from {offset} of {} on have changed",
                file::path(number)
            )),
        })
    }

    fn look_in_file(&mut self, id: BlobId, record: &BlobRecord) -> Result<Finding> {
        let path = pool::path(id);
        let failed = |cause| Error::io(format!("reading {path}"), cause);
        let file = self.engine.vfs.open(&path, Open::Read).map_err(failed)?;
        let len = file.len().map_err(failed)?;
        if len != record.len {
            return Ok(Some(format!("{path} is {len} bytes long, and {} were stored", record.len)));
        }
        if !self.content {
            return Ok(None);
        }
        let (mut digester, mut hasher, mut offset) = (StreamDigester::new(), blake3::Hasher::new(), 0_u64);
        while offset < len {
            let want = usize::try_from(len - offset).unwrap_or(BLOCK).min(BLOCK);
            let mut block = vec![0; want];
            file.read_at(offset, &mut block).map_err(failed)?;
            match self.digests {
                true => digester.push(block.into())?,
                false => drop(hasher.update(&block)),
            }
            offset += u64::try_from(want).unwrap_or(u64::MAX);
            self.step(0)?;
        }
        Ok(differs(match self.digests {
            true => digester.finish()? == record.digest(),
            false => hasher.finalize() == record.blake3,
        }))
    }

    fn segment(&mut self, number: u32) -> Result<Option<&Segment>> {
        if !self.segments.contains_key(&number) {
            if self.segments.len() >= OPEN_SEGMENTS {
                self.segments.clear();
            }
            let opened = Segment::open(self.engine.vfs.as_ref(), number, Open::Read)?;
            let ours = opened.filter(|segment| segment.header.store == self.engine.uuid);
            self.segments.insert(number, ours);
        }
        Ok(self.segments.get(&number).and_then(Option::as_ref))
    }

    /// Reads the log through: the index can be made anew only from what can be read.
    fn log(&mut self) -> Result<()> {
        if self.engine.is_remote() {
            return Ok(());
        }
        for (number, row) in segment::list(&self.tx)? {
            let finding = match self.read_through(number, row.len) {
                Ok(finding) => finding,
                Err(error) if error.kind() == ErrorKind::Bug => return Err(error),
                Err(error) => Some(error.to_string()),
            };
            if let Some(message) = finding
                && !is_compacted(self.engine, number)?
            {
                self.say(table::SEGMENT.name, format!("segment {number}: {message}"));
            }
            self.step(0)?;
        }
        Ok(())
    }

    fn read_through(&mut self, number: u32, end: u64) -> Result<Finding> {
        let Some(segment) = self.segment(number)?.cloned() else {
            return Ok(Some("its header cannot be read".to_owned()));
        };
        let mut bad = None;
        let reached = FrameReader::new(&segment, end).each(&mut |reader, offset, frame| {
            // Blobs that live are read as blobs, and nobody reads the others: a rebuild passes over
            // damaged content too.
            let read = frame.kind == FrameKind::Change;
            if read && bad.is_none() && reader.payload(offset, frame)?.is_none() {
                bad = Some(format!("the payload of the frame at byte {offset} has changed"));
            }
            Ok(())
        })?;
        if reached != end {
            return Ok(Some(format!("it can be read up to byte {reached} of {end}")));
        }
        Ok(bad)
    }

    /// Says which versions have what is damaged, and where their files lie.
    fn name_damage(&mut self) -> Result<()> {
        let mut versions: HashMap<BlobId, Vec<VersionId>> = HashMap::new();
        if !self.damaged.is_empty() {
            let damaged = &self.damaged;
            self.tx.scan(table::VERSION, row::ALL, false, &mut |key, value| {
                let Ok(record) = VersionRecord::decode(value) else { return Ok(Scan::Next) };
                if damaged.contains_key(&record.blob) {
                    let (file, number) = key.split_at_checked(8).unwrap_or_default();
                    let id = VersionId::new(FileId(row::number(file)?), node::version_number(number)?);
                    let having = versions.entry(record.blob).or_default();
                    if having.len() < NAMED {
                        having.push(id);
                    }
                }
                Ok(Scan::Next)
            })?;
        }
        for (blob, wrong) in std::mem::take(&mut self.damaged) {
            let versions = versions.remove(&blob).unwrap_or_default();
            let mut paths: Vec<String> =
                versions.iter().filter_map(|version| self.path_of(version.file())).collect();
            paths.dedup();
            let (message, list) = match wrong {
                Wrong::Damaged(message) => (message, &mut self.report.damaged),
                Wrong::Unread(message) => (message, &mut self.report.unread),
            };
            list.push(Damage { blob, message, versions, paths });
        }
        Ok(())
    }

    /// Returns `drive:path`, if it has a path.
    fn path_of(&self, file: FileId) -> Option<String> {
        let path = state::path_of(&self.tx, file).ok()??;
        let record = drive::get(&self.tx, node::record(&self.tx, file).ok()?.drive).ok()?;
        Some(format!("{}:{path}", record.name))
    }
}

/// Whether a segment went since the check began, or was about to go when a compaction was cut off.
/// A blob that would still be in it is a finding of its own.
fn is_compacted(engine: &Engine, number: u32) -> Result<bool> {
    match segment::get(&engine.reader()?, number) {
        Ok(row) => Ok(segment::is_candidate(&row) && is_gone(engine, number)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_gone(engine: &Engine, number: u32) -> bool {
    let opened = engine.vfs.open(&file::path(number), Open::Read);
    opened.is_err_and(|cause| cause.kind() == std::io::ErrorKind::NotFound)
}

/// Whether an error says that bytes are not there: no file, or a shorter one. All else, such as too
/// few descriptors or a disk that does not answer, says nothing of them.
fn is_missing(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| {
        matches!(cause.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof)
    })
}

/// Says that content is not what the row says, unless it is the same.
fn differs(same: bool) -> Finding {
    (!same).then(|| "its hashes are not those of what was stored".to_owned())
}
