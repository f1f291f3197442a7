//! Moving a store out of a database and object storage into a directory.
//!
//! A database has no log that could be followed. So contents are copied while the store is in use, again and again
//! until little is left; then the rows say that the store is moved, and every commit of any host is refused. What is
//! left is copied, and the rows, which do not change any more. Hosts read on meanwhile.
//!
//! The objects of small contents become segments: where they have no change frame, the contents get the number of a
//! group, and a change frame behind them. At last the rows are logged, so that the directory can do without its index.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::MigrateReport;
use super::rows;
use crate::blobs::frame::{Frame, FrameKind, HEADER_LEN, SEGMENT_HEADER_LEN, SegmentHeader, frame_len};
use crate::blobs::object::ObjectPool;
use crate::blobs::segment as file;
use crate::blobs::{pool, spool};
use crate::catalog::moving;
use crate::catalog::prefix::{self, Pair};
use crate::catalog::record::{BlobRecord, Location, Record, SegmentRecord};
use crate::catalog::{row, segment, table};
use crate::engine::Engine;
use crate::engine::layout::{self, Identity, NEW_ROWS, ROWS, STORE};
use crate::id::BlobId;
use crate::journal::Position;
use crate::kv::redb::{RedbKv, Sharing};
use crate::kv::{Commit, Kv, Read, Scan, Write};
use crate::store::Store;
use crate::store::maintenance::planted::{PlantedFault, is_planted};
use crate::store::maintenance::{CheckOptions, Progress, Watch, log_snapshot};
use crate::time::Time;
use crate::vfs::{Open, RealVfs, Vfs};
use crate::{Error, ErrorKind, Options, Result};

/// Rounds of copying before the store is said to be moved.
const ROUNDS: u32 = 20;
/// Bytes that may be left for the time when nobody can write.
const FEW_BYTES: u64 = 8 << 20;
/// Rows that are written at once, and what of them is kept in memory.
const ROWS_AT_ONCE: usize = 1000;
const CACHE: usize = 16 << 20;

fn failed(cause: io::Error) -> Error {
    Error::io("moving a store to a directory", cause)
}

/// Moves the store of an engine over a database to a directory.
pub(super) fn run(engine: &Engine, dir: &Path, watch: &mut Watch<'_>) -> Result<MigrateReport> {
    if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::new(
            ErrorKind::Exists,
            format!("{} holds something already; name a directory that is new or empty", dir.display()),
        ));
    }
    let objects = engine.pool.objects().ok_or_else(|| Error::bug("a store in a database has no objects"))?;
    let aside = beside(dir)?;
    layout::make_private(&aside).map_err(failed)?;
    let vfs: Arc<dyn Vfs> = Arc::new(RealVfs::new(&aside).map_err(failed)?);
    layout::make_dirs(vfs.as_ref())?;
    let progress = Progress { done: 0, total: 0 };
    let mut back = Arrival { engine, objects, vfs, watch, progress, report: MigrateReport::default() };
    back.run()?;
    std::fs::rename(&aside, dir).map_err(failed)?;
    let parent = dir.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    std::fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
    Ok(back.report)
}

fn beside(dir: &Path) -> Result<PathBuf> {
    let name = dir.file_name();
    let name = name.ok_or_else(|| Error::invalid(format!("{} is no name of a directory", dir.display())))?;
    let mut name = name.to_owned();
    name.push(".migrating");
    Ok(dir.with_file_name(name))
}

struct Arrival<'a, 'w> {
    engine: &'a Engine,
    objects: &'a ObjectPool,
    vfs: Arc<dyn Vfs>,
    watch: &'a mut Watch<'w>,
    progress: Progress,
    report: MigrateReport,
}

impl Arrival<'_, '_> {
    fn run(&mut self) -> Result<()> {
        for _ in 0..ROUNDS {
            if self.copy(&self.engine.reader()?, false)? <= FEW_BYTES {
                break;
            }
        }
        let began = crate::machine::uptime();
        if !is_planted(PlantedFault::LeavesItOpen) {
            self.engine.journal.rows().write(Commit::Synced, moving::close)?;
        }
        let tx = self.engine.reader()?;
        self.copy(&tx, true)?;
        self.rows(&tx)?;
        self.report.waited = crate::machine::uptime().saturating_sub(began);
        self.check()
    }

    fn step(&mut self, bytes: u64) -> Result<()> {
        self.progress.done = self.progress.done.saturating_add(bytes);
        self.progress.total = self.progress.total.max(self.progress.done);
        self.report.bytes = self.report.bytes.saturating_add(bytes);
        (self.watch)(self.progress)
    }

    /// Copies what is not there yet of the contents that rows speak of; returns how many bytes that was.
    fn copy(&mut self, tx: &impl Read, last: bool) -> Result<u64> {
        let mut large = Vec::new();
        tx.scan(table::BLOB, row::ALL, false, &mut |key, value| {
            let record = BlobRecord::decode(value)?;
            if record.location == Location::File {
                large.push((BlobId(row::number(key)?), record.len, record.blake3));
            }
            Ok(Scan::Next)
        })?;
        let len = |path: &str| self.vfs.open(path, Open::Read).and_then(|file| file.len()).ok();
        large.retain(|(blob, size, _)| len(&pool::path(*blob)) != Some(*size));
        let mut segments = segment::list(tx)?;
        segments.retain(|(number, row)| len(&file::path(*number)).is_none_or(|len| len < row.len));
        let new = large.iter().map(|(_, len, _)| *len).chain(segments.iter().map(|(_, row)| row.len));
        let new = new.fold(0_u64, u64::saturating_add);
        self.progress.total = self.progress.total.saturating_add(new);
        for (number, row) in segments {
            match self.objects.get_segment(number)? {
                Some(bytes) => {
                    self.place(&file::path(number), |out| {
                        out.write_at(0, &[&bytes]).map_err(failed).map(|()| true)
                    })?;
                    self.report.segments += 1;
                }
                // Compacted since.
                None if !last => {}
                None => return Err(missing(&file::path(number))),
            }
            self.step(row.len)?;
        }
        for (blob, len, blake3) in large {
            let objects = self.objects;
            let placed = self.place(&pool::path(blob), |out| {
                objects.get_file(blob, (len, blake3), &mut |offset, parts| {
                    let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
                    out.write_at(offset, &parts).map_err(failed)
                })
            })?;
            if last && !placed {
                return Err(missing(&pool::path(blob)));
            }
            self.report.contents += 1;
            self.step(len)?;
        }
        Ok(new)
    }

    /// Fills a file, which has its name once it is whole; returns whether there was something to fill it with.
    fn place(&self, path: &str, fill: impl FnOnce(&dyn crate::vfs::VfsFile) -> Result<bool>) -> Result<bool> {
        let aside = format!("{}/migrate", spool::SPOOL);
        let out = self.vfs.open(&aside, Open::Create).map_err(failed)?;
        out.set_len(0).map_err(failed)?;
        if !fill(out.as_ref())? {
            return Ok(false);
        }
        out.sync_data().map_err(failed)?;
        self.vfs.rename(&aside, path).map_err(failed)?;
        Ok(true)
    }

    /// Makes groups of the contents that were in none, and the rows.
    fn rows(&mut self, tx: &impl Read) -> Result<()> {
        let segments: BTreeMap<u32, SegmentRecord> = segment::list(tx)?.into_iter().collect();
        for entry in self.vfs.list(file::DIR).map_err(failed)? {
            if file::number_of(&entry.name).is_none_or(|number| !segments.contains_key(&number)) {
                self.vfs.remove(&format!("{}/{}", file::DIR, entry.name)).map_err(failed)?;
            }
        }
        let (mut groups, mut position) = (BTreeMap::new(), Position::default());
        for number in segments.keys() {
            let look = SegmentLook::read(self.vfs.as_ref(), *number)?;
            if look.lsn > position.lsn {
                position = Position { lsn: look.lsn, crc: look.crc };
            }
            groups.insert(*number, look);
        }
        let mut records = Vec::new();
        for (number, row) in segments {
            let Some(look) = groups.get(&number) else { continue };
            let (len, last) = match look.lsn {
                0 => {
                    position = look.close(self.vfs.as_ref(), number, position)?;
                    (look.end.saturating_add(frame_len(0)), position.lsn)
                }
                last => (look.end, last),
            };
            records.push((number, SegmentRecord { open: false, len, last, ..row }));
        }
        for dir in
            (0..=255_u8).map(|low| format!("{}/{low:02x}", layout::BLOBS)).chain([file::DIR.to_owned()])
        {
            self.vfs.sync_dir(&dir).map_err(failed)?;
        }
        self.index(tx, &records, position)?;
        let identity = Identity { uuid: self.engine.uuid, created: self.engine.created };
        layout::write(self.vfs.as_ref(), STORE, &identity)
    }

    /// Writes the rows, and compares them.
    fn index(&mut self, tx: &impl Read, segments: &[(u32, SegmentRecord)], position: Position) -> Result<()> {
        for path in [STORE, ROWS, NEW_ROWS] {
            match self.vfs.remove(path) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(cause)),
                _ => {}
            }
        }
        let out = self.vfs.open(NEW_ROWS, Open::CreateNew).map_err(failed)?;
        let kv = RedbKv::open(out.clone(), Sharing::Exclusive, CACHE, table::ALL)?;
        for table in table::ALL {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page: Vec<Pair> = prefix::page(tx, *table, &[], after.as_deref(), ROWS_AT_ONCE)?;
                let mut writer = kv.writer()?;
                for (key, value) in page.iter().filter(|(key, _)| moving::is_carried(*table, key)) {
                    writer.put(*table, key, value)?;
                    self.report.rows += 1;
                }
                kv.commit(writer, Commit::Unsynced)?;
                self.step(0)?;
                match page.into_iter().next_back() {
                    Some((key, _)) => after = Some(key),
                    None => break,
                }
            }
        }
        let mut writer = kv.writer()?;
        for (number, record) in segments {
            row::put(&mut writer, table::SEGMENT, &number.to_be_bytes(), record)?;
        }
        position.write(&mut writer)?;
        kv.commit(writer, Commit::Synced)?;
        rows::compare(tx, &kv.reader()?)?;
        drop(kv);
        out.sync_data().map_err(failed)?;
        self.vfs.rename(NEW_ROWS, ROWS).map_err(failed)?;
        self.vfs.sync_dir("").map_err(failed)
    }

    /// Logs all rows, and reads all content.
    fn check(&mut self) -> Result<()> {
        let store = Store::open_on(self.vfs.clone(), Options::new().create(false))?;
        let done = log_snapshot::take(&*store.engine()?).and_then(|_| {
            let found = store.check(CheckOptions::new().content(true))?;
            match found.problems.first() {
                None => Ok(()),
                Some(problem) => Err(Error::new(
                    ErrorKind::Corrupt,
                    format!(
                        "{} problems were found in the directory; the first: {problem}",
                        found.problems.len()
                    ),
                )),
            }
        });
        done.and(store.close())
    }
}

fn missing(path: &str) -> Error {
    Error::corrupt(format!("the object for {path} is missing; check the store"))
}

/// What is in a segment.
struct SegmentLook {
    /// Where its last frame ends.
    end: u64,
    /// The last group that it has whole, and the CRC-32 that names it; 0 if it has none.
    lsn: u64,
    crc: u32,
}

impl SegmentLook {
    fn read(vfs: &dyn Vfs, number: u32) -> Result<SegmentLook> {
        let segment =
            file::Segment::open(vfs, number, Open::Read)?.ok_or_else(|| missing(&file::path(number)))?;
        let mut look = SegmentLook { end: SEGMENT_HEADER_LEN as u64, lsn: 0, crc: 0 };
        while let Some((frame, crc)) = segment.frame_at(look.end)? {
            if frame.kind == FrameKind::Change && frame.lsn > look.lsn {
                (look.lsn, look.crc) = (frame.lsn, crc);
            }
            look.end = look.end.saturating_add(frame_len(frame.len.into()));
        }
        Ok(look)
    }

    /// Makes one group of the frames of a segment, the next one behind a position, which it returns.
    fn close(&self, vfs: &dyn Vfs, number: u32, before: Position) -> Result<Position> {
        let out = vfs.open(&file::path(number), Open::Write).map_err(failed)?;
        let mut header = [0; SEGMENT_HEADER_LEN];
        out.read_at(0, &mut header).map_err(failed)?;
        let salt = SegmentHeader::decode(&header)?.map_or(0, |header| header.salt);
        let lsn = before.lsn.saturating_add(1);
        let (mut at, mut count, mut previous, mut time) = (SEGMENT_HEADER_LEN as u64, 0, 0, Time::now());
        while at < self.end {
            let mut bytes = [0; HEADER_LEN];
            out.read_at(at, &mut bytes).map_err(failed)?;
            // One that a move before has closed already, before it was cut off, has a number.
            let Some((frame, _)) = Frame::decode(&bytes, salt) else {
                return Err(missing(&file::path(number)));
            };
            time = frame.time;
            let (bytes, crc) = Frame { lsn, previous, ..frame.clone() }.encode(salt);
            out.write_at(at, &[&bytes]).map_err(failed)?;
            (count, previous) = (count + 1, crc);
            at = at.saturating_add(frame_len(frame.len.into()));
        }
        let payload = Bytes::new();
        let change = Frame {
            kind: FrameKind::Change,
            lsn,
            id: Frame::closing(count, previous),
            len: 0,
            crc32: crc32fast::hash(&payload),
            blake3: blake3::hash(&payload).into(),
            time,
            previous: before.crc,
        };
        let (bytes, crc) = change.encode(salt);
        out.write_at(at, &[&bytes]).map_err(failed)?;
        out.sync_data().map_err(failed)?;
        Ok(Position { lsn, crc })
    }
}
