//! Backup: a copy of a live store that opens as a store.
//!
//! One snapshot of the rows is copied with everything it refers to: first the large blobs, then the
//! segments up to where they were published, then the rows; `STORE` comes last, so that a first
//! backup that was cut off is not a store. A later backup adds to the earlier one, which stays whole
//! until the new rows take the place of the old in one rename.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, linkat};

use super::backup_rows::BackupRows;
use super::check::{Progress, Watch};
use crate::blobs::frame::SEGMENT_HEADER_LEN;
use crate::blobs::{pool, segment as file, spool};
use crate::catalog::history::{self, CopyRecord};
use crate::catalog::record::{BlobRecord, Location, Record, SegmentRecord};
use crate::catalog::{prefix, row, segment, table};
use crate::engine::Engine;
use crate::engine::layout::{self, BLOBS, Identity, NEW_ROWS, ROWS, STORE};
use crate::engine::lock::StoreLock;
use crate::id::BlobId;
use crate::journal::Position;
use crate::kv::driver::StoreReader;
use crate::kv::redb::{RedbKv, Sharing};
use crate::kv::{Commit, Kv, Read, Scan};
use crate::mutant::{self, Mutant};
use crate::store::Store;
use crate::vfs::{Open, RealVfs, Vfs, VfsFile};
use crate::{Error, ErrorKind, Result};

/// Says that a first backup is under way in a directory, and of which store.
const MARK: &str = "BACKUP";
/// Bytes that are copied at once.
const BLOCK: usize = 1 << 20;
/// Rows that are read at once.
const PAGE: usize = 1000;
/// Bytes of rows that are kept in memory.
const CACHE: usize = 16 << 20;

/// What [`Store::backup`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// Segments in the backup.
    pub segments: u64,
    /// Large blobs in the backup.
    pub files: u64,
    /// Bytes that were copied.
    pub copied: u64,
    /// Bytes that were there already from an earlier backup, or are shared by a hard link.
    pub shared: u64,
    /// Rows in the backup.
    pub rows: u64,
    /// The sequence number of the last group in it.
    pub lsn: u64,
}

/// Tries to make `path` in the target a hard link to a file; returns whether it could.
type Link<'a> = dyn Fn(&File, &str) -> bool + 'a;

impl Store {
    /// Copies one snapshot of the store into a directory, while it is in use. The copy
    /// opens as a store with the same identity. A directory that an earlier backup of this store
    /// made is brought up to date, and only what is new is copied.
    ///
    /// Large blobs are hard links where the directory is on the same file system: they survive a
    /// deletion, not a failing disk.
    ///
    /// # Errors
    /// `InvalidArgument` when the directory is this store's or lies in it, or holds something else,
    /// another store or a copy of this one that was written to since, or that this store does not know
    /// any more because it was itself set back; `Locked` when the copy is open; `Io` as the system
    /// says; the watcher's own.
    pub fn backup(&self, target: impl AsRef<Path>, watch: &mut Watch<'_>) -> Result<BackupReport> {
        let target = target.as_ref();
        let doing = |cause| Error::io(format!("opening {} for a backup", target.display()), cause);
        let engine = self.engine()?;
        refuse_remote(&engine)?;
        refuse_inside(&engine, target)?;
        layout::make_private(target).map_err(doing)?;
        let vfs: Arc<dyn Vfs> = Arc::new(RealVfs::new(target).map_err(doing)?);
        let link = |file: &File, path: &str| {
            let open = format!("/proc/self/fd/{}", file.as_raw_fd());
            linkat(CWD, open, CWD, target.join(path), AtFlags::SYMLINK_FOLLOW).is_ok()
        };
        self.back_up(&vfs, &link, watch)
    }

    /// As [`Store::backup`], to a file system of the caller's.
    ///
    /// # Errors
    /// As [`Store::backup`].
    pub fn backup_on(&self, target: &Arc<dyn Vfs>, watch: &mut Watch<'_>) -> Result<BackupReport> {
        self.back_up(target, &|_, _| false, watch)
    }

    fn back_up(&self, target: &Arc<dyn Vfs>, link: &Link<'_>, watch: &mut Watch<'_>) -> Result<BackupReport> {
        let engine = self.engine()?;
        refuse_remote(&engine)?;
        refuse_itself(&engine, target)?;
        let _opening = StoreLock::to_open(target.as_ref(), engine.options.lock_timeout)?;
        let identity = Identity { uuid: engine.uuid, created: engine.created };
        let first = prepare(target, &identity)?;
        let mut again = true;
        loop {
            let tx = engine.reader()?;
            let trust = if first { Trust::Named } else { look(target, &tx)? };
            let segments = segment::list(&tx)?;
            let backup = Backup {
                source: engine.vfs.as_ref(),
                target,
                tx,
                segments,
                trust,
                versions: 0,
                used: BTreeSet::new(),
                compacted: BTreeSet::new(),
                link,
                watch: &mut *watch,
                progress: Progress { done: 0, total: 0 },
                report: BackupReport::default(),
            };
            match backup.run(first.then_some(&identity)) {
                // Something was collected or compacted while it was copied.
                Err(error) if again && error.kind() == ErrorKind::NotFound => again = false,
                done => return done,
            }
        }
    }
}

fn failed(cause: io::Error) -> Error {
    Error::io("making a backup", cause)
}

/// Opens a file that may not be there.
fn there(vfs: &dyn Vfs, path: &str, how: Open) -> Result<Option<Arc<dyn VfsFile>>> {
    match vfs.open(path, how) {
        Ok(file) => Ok(Some(file)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::io(format!("opening {path}"), cause)),
    }
}

fn remove(vfs: &dyn Vfs, path: &str) -> Result<()> {
    match vfs.remove(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(format!("removing {path}"), cause))
        }
        _ => Ok(()),
    }
}

/// Who a directory of a store is, as the system names its file `STORE`.
fn identity(found: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

fn identity_of(vfs: &dyn Vfs) -> Option<(u64, u64)> {
    Some(identity(&vfs.open(STORE, Open::Read).ok()?.file()?.metadata().ok()?))
}

fn refuse_remote(engine: &Engine) -> Result<()> {
    engine.only_in_a_directory("a backup", "back up the database, and let the bucket keep versions")
}

fn refuse_itself(engine: &Engine, target: &Arc<dyn Vfs>) -> Result<()> {
    let ours = identity_of(engine.vfs.as_ref());
    if Arc::ptr_eq(&engine.vfs, target) || (ours.is_some() && ours == identity_of(target.as_ref())) {
        return Err(Error::invalid("a store cannot be backed up into its own directory; name another one"));
    }
    Ok(())
}

/// Refuses a directory in that of the store, whether it is there yet or not: what lies there is the
/// store's, and goes where it goes.
fn refuse_inside(engine: &Engine, target: &Path) -> Result<()> {
    let Some(ours) = identity_of(engine.vfs.as_ref()) else { return Ok(()) };
    let there = target.ancestors().find(|path| path.exists()).filter(|path| *path != Path::new(""));
    let there = std::fs::canonicalize(there.unwrap_or(Path::new("."))).map_err(failed)?;
    let is_ours = |dir: &Path| std::fs::metadata(dir.join(STORE)).is_ok_and(|found| identity(&found) == ours);
    if there.ancestors().any(is_ours) {
        return Err(Error::invalid(format!(
            "{} is inside the store to back up; name a directory outside of it",
            target.display()
        )));
    }
    Ok(())
}

/// Makes the directory ready; returns whether this is the first backup in it.
fn prepare(target: &Arc<dyn Vfs>, identity: &Identity) -> Result<bool> {
    let vfs = target.as_ref();
    let other = || Error::invalid("the directory for the backup holds another store; name an empty one");
    if let Some(found) = layout::read(vfs)? {
        return if found.uuid == identity.uuid { Ok(false) } else { Err(other()) };
    }
    match layout::read_at(vfs, MARK)? {
        Some(found) if found.uuid == identity.uuid => {}
        Some(_) => return Err(other()),
        None => {
            let listed = vfs.list("").map_err(failed)?;
            if let Some(entry) =
                listed.iter().find(|entry| ![layout::LOCK, layout::NEW_STORE].contains(&&*entry.name))
            {
                return Err(Error::invalid(format!(
                    "the directory for the backup holds {:?}; name an empty one",
                    entry.name
                )));
            }
            layout::write(vfs, MARK, identity)?;
        }
    }
    layout::make_dirs(vfs)?;
    Ok(true)
}

/// What of an earlier backup need not be copied once more.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trust {
    /// Nothing: its rows cannot be read, so that nobody knows what was done to it.
    Nothing,
    /// Large contents: it was opened, and nothing was written; its open segment may have been made longer.
    Contents,
    /// Whatever has its name: a first backup, which gives it to nothing but whole files, was cut off.
    Named,
    /// Large contents, and segments as far as its rows say that they were copied: what lies behind that is of
    /// a backup that was cut off, and may not be whole.
    Copied(BTreeMap<u32, u64>),
}

/// Looks at the copy that is in the directory, and refuses one that is open, or was written to since
/// it was made, or that this store does not have in its past.
fn look(target: &Arc<dyn Vfs>, ours: &StoreReader) -> Result<Trust> {
    let Some(file) = there(target.as_ref(), ROWS, Open::Write)? else { return Ok(Trust::Nothing) };
    if file.is_empty().map_err(failed)? {
        return Ok(Trust::Nothing);
    }
    let Some(_only) = StoreLock::alone(target.as_ref())? else {
        return Err(Error::new(ErrorKind::Locked, "the backup is open as a store; close it there"));
    };
    let kv = match RedbKv::open(file, Sharing::Exclusive, CACHE, &[]) {
        Ok(kv) => kv,
        // What a backup that was cut off has left is replaced. Whatever else keeps the rows from being read
        // says nothing of them: they may tell that the copy was written to.
        Err(error) if error.kind() == ErrorKind::Corrupt => return Ok(Trust::Nothing),
        Err(error) => return Err(error.context("opening the backup")),
    };
    let theirs = kv.reader()?;
    let at = Position::read(&theirs)?;
    let all = || -> Result<Trust> {
        Ok(Trust::Copied(
            segment::list(&theirs)?.into_iter().map(|(number, row)| (number, row.len)).collect(),
        ))
    };
    if mutant::is_active(Mutant::BackupLooksAtNumbers) {
        return if at.lsn > Position::read(ours)?.lsn { Err(apart()) } else { all() };
    }
    let Some((lsn, crc)) = history::copy(&theirs)?.and_then(|copy| copy.of) else { return Err(written()) };
    let same = history::session(&theirs, lsn)? == history::session(ours, lsn)?;
    if !same || lsn > Position::read(ours)?.lsn {
        return Err(apart());
    }
    if at == (Position { lsn, crc }) { all() } else { Ok(Trust::Contents) }
}

fn written() -> Error {
    Error::invalid(
        "the copy in the directory was written to or rebuilt since it was made, and is a store of its own; \
         name an empty directory for the backup",
    )
}

fn apart() -> Error {
    Error::invalid(
        "the copy in the directory has what this store does not have: this store was set back, or the copy is \
         very old; name an empty directory for the backup",
    )
}

struct Backup<'a, 'w> {
    source: &'a dyn Vfs,
    target: &'a Arc<dyn Vfs>,
    tx: StoreReader,
    segments: Vec<(u32, SegmentRecord)>,
    trust: Trust,
    /// The highest number of a next version.
    versions: u32,
    /// The segments that a blob's row places it in.
    used: BTreeSet<u32>,
    /// The segments of which only the rows are left.
    compacted: BTreeSet<u32>,
    link: &'a Link<'a>,
    watch: &'a mut Watch<'w>,
    progress: Progress,
    report: BackupReport,
}

impl Backup<'_, '_> {
    fn run(mut self, first: Option<&Identity>) -> Result<BackupReport> {
        self.report.lsn = Position::read(&self.tx)?.lsn;
        self.measure()?;
        self.large()?;
        self.log()?;
        self.index()?;
        // Last: without `STORE` a backup that was interrupted is not a store, and nobody opens it by mistake.
        if let Some(identity) = first {
            layout::write(self.target.as_ref(), STORE, identity)?;
        }
        self.clear()?;
        Ok(self.report)
    }

    fn measure(&mut self) -> Result<()> {
        let mut total = self.segments.iter().fold(0_u64, |sum, (_, row)| sum.saturating_add(row.len));
        self.tx.scan(table::BLOB, row::ALL, false, &mut |_, value| {
            let record = BlobRecord::decode(value)?;
            match record.location {
                Location::File => total = total.saturating_add(record.len),
                Location::Segment { segment, .. } => {
                    self.used.insert(segment);
                }
            }
            Ok(Scan::Next)
        })?;
        self.progress.total = total;
        Ok(())
    }

    fn step(&mut self, bytes: u64) -> Result<()> {
        self.progress.done = self.progress.done.saturating_add(bytes);
        (self.watch)(self.progress)
    }

    /// Notes bytes that need no copy.
    fn share(&mut self, bytes: u64) -> Result<()> {
        self.report.shared = self.report.shared.saturating_add(bytes);
        self.step(bytes)
    }

    fn large(&mut self) -> Result<()> {
        let (mut after, mut dirs): (Option<Vec<u8>>, _) = (None, BTreeSet::new());
        loop {
            let page = prefix::page(&self.tx, table::BLOB, &[], after.as_deref(), PAGE)?;
            for (key, value) in &page {
                let (id, record) = (BlobId(row::number(key)?), BlobRecord::decode(value)?);
                if record.location == Location::File {
                    self.report.files += 1;
                    self.large_one(id, record.len)?;
                    // Of what is there already, nobody knows whether the backup that made it got as far.
                    dirs.insert(pool::dir(id));
                }
            }
            match page.into_iter().next_back() {
                Some((key, _)) => after = Some(key),
                None => break,
            }
        }
        for dir in dirs {
            self.target.sync_dir(&dir).map_err(failed)?;
        }
        Ok(())
    }

    /// Copies a large blob's file, or makes a hard link to it, where it is not there.
    fn large_one(&mut self, id: BlobId, len: u64) -> Result<()> {
        let path = pool::path(id);
        if let Some(found) = there(self.target.as_ref(), &path, Open::Read)? {
            if self.trust != Trust::Nothing && found.len().map_err(failed)? == len {
                return self.share(len);
            }
            remove(self.target.as_ref(), &path)?;
        }
        let source = self.open(&path, len)?;
        match source.file() {
            Some(file) if (self.link)(&file, &path) => self.share(len),
            _ => self.copy(source.as_ref(), &path, len),
        }
    }

    fn log(&mut self) -> Result<()> {
        for (number, row) in self.segments.clone() {
            let path = file::path(number);
            if !self.used.contains(&number)
                && segment::is_candidate(&row)
                && there(self.source, &path, Open::Read)?.is_none()
            {
                // Compacted already; its row is the last of it. What an earlier backup has of it goes when its
                // rows are gone, which may need it.
                self.compacted.insert(number);
                self.share(row.len)?;
                continue;
            }
            let source = self.open(&path, row.len)?;
            self.report.segments += 1;
            match self.earlier(number, source.as_ref(), row.len)? {
                Some((copy, has)) => self.append(source.as_ref(), copy.as_ref(), &path, has..row.len)?,
                None => self.copy(source.as_ref(), &path, row.len)?,
            }
        }
        self.target.sync_dir(file::DIR).map_err(failed)
    }

    /// Returns what the earlier backup has of a segment that is now `len` bytes long, and how much of that is
    /// known to be whole. What a segment has it never changes, so that one with the same header begins alike.
    fn earlier(
        &self,
        number: u32,
        source: &dyn VfsFile,
        len: u64,
    ) -> Result<Option<(Arc<dyn VfsFile>, u64)>> {
        let has = match &self.trust {
            Trust::Named => Some(len),
            Trust::Copied(lens) => lens.get(&number).copied(),
            Trust::Nothing | Trust::Contents => None,
        };
        let Some(mut has) = has else { return Ok(None) };
        let Some(copy) = there(self.target.as_ref(), &file::path(number), Open::Write)? else {
            return Ok(None);
        };
        let there = copy.len().map_err(failed)?;
        if mutant::is_active(Mutant::CutCopiesAreTrusted) {
            has = there.min(len);
        }
        let same = has <= len && has <= there && header(copy.as_ref())? == header(source)?;
        Ok(same.then_some((copy, has)))
    }

    /// Copies a range of a file behind what its copy has of it. If that is cut off, the rows before say what is
    /// whole.
    fn append(
        &mut self,
        source: &dyn VfsFile,
        copy: &dyn VfsFile,
        path: &str,
        range: Range<u64>,
    ) -> Result<()> {
        self.share(range.start)?;
        if copy.len().map_err(failed)? > range.end {
            copy.set_len(range.end).map_err(failed)?;
        } else if range.is_empty() {
            return Ok(());
        }
        self.copy_range(source, copy, path, range)?;
        copy.sync_data().map_err(failed)
    }

    /// Opens a file of the source.
    ///
    /// # Errors
    /// `NotFound` when it is gone, `Corrupt` when it is shorter than `len`.
    fn open(&self, path: &str, len: u64) -> Result<Arc<dyn VfsFile>> {
        let found = there(self.source, path, Open::Read)?
            .ok_or_else(|| Error::not_found(format!("{path} is gone; check the store")))?;
        let has = found.len().map_err(failed)?;
        if has < len {
            return Err(Error::corrupt(format!(
                "{path} is {has} bytes long, and {len} were written; check the store"
            )));
        }
        Ok(found)
    }

    /// Copies the first `len` bytes of a file. It has its name only once it is whole.
    fn copy(&mut self, source: &dyn VfsFile, path: &str, len: u64) -> Result<()> {
        let aside = format!("{}/backup", spool::SPOOL);
        remove(self.target.as_ref(), &aside)?;
        let copy = self.target.open(&aside, Open::CreateNew).map_err(failed)?;
        self.copy_range(source, copy.as_ref(), path, 0..len)?;
        copy.sync_data().map_err(failed)?;
        self.target.rename(&aside, path).map_err(failed)
    }

    fn copy_range(
        &mut self,
        source: &dyn VfsFile,
        copy: &dyn VfsFile,
        path: &str,
        range: Range<u64>,
    ) -> Result<()> {
        let (mut block, mut offset) = (vec![0; BLOCK], range.start);
        while offset < range.end {
            let want = usize::try_from(range.end - offset).unwrap_or(BLOCK).min(BLOCK);
            let part = block.get_mut(..want).unwrap_or_default();
            source.read_at(offset, part).map_err(|cause| Error::io(format!("copying {path}"), cause))?;
            copy.write_at(offset, &[&*part]).map_err(failed)?;
            let wrote = u64::try_from(want).unwrap_or(u64::MAX);
            copy.write_behind(offset, wrote);
            offset += wrote;
            self.report.copied = self.report.copied.saturating_add(wrote);
            self.step(wrote)?;
        }
        Ok(())
    }

    /// Writes the rows, and lets them take the place of those of an earlier backup.
    fn index(&mut self) -> Result<()> {
        remove(self.target.as_ref(), NEW_ROWS)?;
        let file = self.target.open(NEW_ROWS, Open::CreateNew).map_err(failed)?;
        let kv = RedbKv::open(file.clone(), Sharing::Exclusive, CACHE, table::ALL)?;
        let mut rows = BackupRows::new(&self.tx, &mut *self.watch, self.progress, self.versions)?;
        kv.load(&mut rows)?;
        (self.report.rows, self.versions) = (rows.count, rows.versions);
        let mut writer = kv.writer()?;
        let Position { lsn, crc } = Position::read(&self.tx)?;
        let versions = self.versions.max(history::timeline_version(&self.tx)?);
        history::set_copy(&mut writer, &CopyRecord { of: Some((lsn, crc)), versions })?;
        kv.commit(writer, Commit::Synced)?;
        drop(kv);
        file.sync_data().map_err(failed)?;
        self.target.rename(NEW_ROWS, ROWS).map_err(failed)?;
        self.target.sync_dir("").map_err(failed)
    }

    /// Removes what an earlier backup had and this one has not.
    fn clear(&self) -> Result<()> {
        let target = self.target.as_ref();
        for entry in target.list(file::DIR).map_err(failed)? {
            let Some(number) = file::number_of(&entry.name) else { continue };
            let is_copied = self.segments.iter().any(|(ours, _)| *ours == number);
            let is_stale = self.compacted.contains(&number) && !mutant::is_active(Mutant::StaleSegmentsStay);
            if !is_copied || is_stale {
                remove(target, &file::path(number))?;
            }
        }
        for low in 0..=255_u8 {
            for entry in target.list(&format!("{BLOBS}/{low:02x}")).map_err(failed)? {
                let Some(id) = pool::id_of(&entry.name) else { continue };
                if !row::exists(&self.tx, table::BLOB, &id.to_key())? {
                    remove(target, &pool::path(id))?;
                }
            }
        }
        remove(target, MARK)?;
        target.sync_dir("").map_err(failed)
    }
}

fn header(file: &dyn VfsFile) -> Result<[u8; SEGMENT_HEADER_LEN]> {
    let mut bytes = [0; SEGMENT_HEADER_LEN];
    file.read_at(0, &mut bytes).map_err(failed)?;
    Ok(bytes)
}
