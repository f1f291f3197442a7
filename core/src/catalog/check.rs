//! Checks that every row agrees with the rows it hangs together with.
//!
//! Memory grows by some tens of bytes for each folder and blob; rows are read in pages.
//!
//! Files and their rows in folders, and blobs and their hashes, must be the same in both tables. First each
//! table is read in its own order, and sums are compared ([`Balance`]); only if these differ, the other row of
//! each is looked up, to name the ones that are wrong.

mod balance;
mod tree;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::counter::{self, Counter};
use super::record::{
    BlobRecord, DriveRecord, FileRecord, Kind, LinkRecord, NoteRecord, PartRecord, Record, ShareRecord,
    TrashRecord, UploadRecord,
};
use super::table::{
    ATTRIBUTE, BLOB, BLOB_SHA1, DELETED_BLOB, DELETED_FILE, DRIVE, DRIVE_NAME, DRIVE_SHA1, FILE, FILE_LINK,
    FILE_SHARE, HISTORY, LINK, SHARE, TRASH, UPLOAD, UPLOAD_EXPIRY, UPLOAD_PART, VERSION, VERSION_NOTE,
};
use super::{attribute, history, row, sha1_index, upload};
use super::{id_sequence, prefix};
use crate::id::{BlobId, DriveId, FileId, LinkId, ShareId, UploadId};
use crate::kv::{Read, Scan, Table};
use crate::{Error, ErrorKind, Result};
use balance::Balance;
use tree::{BlobsSeen, FolderSeen};

/// Rows that are read at once.
const PAGE: usize = 1000;

/// Something in the catalog that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The table whose row does not fit the others.
    pub table: &'static str,
    /// A sentence that names the row and what is wrong with it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.table, self.message)
    }
}

/// What a check of the rows saw.
#[derive(Debug, Default)]
pub(crate) struct CheckedRows {
    /// Everything that is wrong with drives, files, versions, blobs, links and shares.
    pub(crate) problems: Vec<Problem>,
    /// Files, without folders.
    pub(crate) files: u64,
    pub(crate) versions: u64,
    pub(crate) blobs: u64,
    /// Bytes of those blobs.
    pub(crate) bytes: u64,
}

/// Checks the rows; ends early when `stop` is set.
///
/// # Errors
/// What keeps the driver from reading. A damaged row is not an error but a [`Problem`].
pub(crate) fn check(tx: &impl Read, stop: &AtomicBool) -> Result<CheckedRows> {
    match check_by(tx, stop, false)? {
        Some(seen) => Ok(seen),
        None => check_by(tx, stop, true)?.ok_or_else(|| Error::bug("a check row by row has no sums")),
    }
}

/// Checks with sums, and returns None if they differ, or row by row.
fn check_by(tx: &impl Read, stop: &AtomicBool, row_by_row: bool) -> Result<Option<CheckedRows>> {
    let mut check = Check {
        tx,
        stop,
        row_by_row,
        hashes: Balance::default(),
        lists: Balance::default(),
        seen: CheckedRows::default(),
        folders: HashMap::new(),
        blobs: BlobsSeen::default(),
        held: HashMap::new(),
        usage: HashMap::new(),
        attributes: 0,
        indexed: attribute::is_complete(tx)?,
        listed: 0,
        highest: 0,
    };
    check.drives()?;
    check.blobs()?;
    if !check.hashes.is_even() {
        return Ok(None);
    }
    check.files()?;
    check.circles()?;
    check.children()?;
    if !check.lists.is_even() {
        return Ok(None);
    }
    check.uploads()?;
    check.references();
    check.deleted()?;
    check.attributes()?;
    check.trash()?;
    check.hangers()?;
    check.counters()?;
    Ok(Some(check.seen))
}

struct Check<'a, R> {
    tx: &'a R,
    stop: &'a AtomicBool,
    /// Whether the other row of each is looked up.
    row_by_row: bool,
    /// Blobs that are shared against the table of hashes.
    hashes: Balance,
    /// Files against what folders list.
    lists: Balance,
    seen: CheckedRows,
    /// Every folder that was looked at, and None for what is none.
    folders: HashMap<FileId, Option<FolderSeen>>,
    blobs: BlobsSeen,
    /// Of every drive and blob of a length that claims are for, how many versions have it.
    held: HashMap<(DriveId, BlobId), u64>,
    /// Of every drive, its files and bytes.
    usage: HashMap<DriveId, (i64, i64)>,
    /// Rows of attributes that files and folders have.
    attributes: u64,
    /// Whether every attribute has one.
    indexed: bool,
    /// Files and folders whose folder lists them.
    listed: u64,
    /// The highest id seen.
    highest: u64,
}

impl<R: Read> Check<'_, R> {
    fn say(&mut self, table: Table, message: impl Into<String>) {
        self.seen.problems.push(Problem { table: table.name, message: message.into() });
    }

    fn must(&mut self, holds: bool, table: Table, message: impl FnOnce() -> String) {
        if !holds {
            self.say(table, message());
        }
    }

    /// Turns damage into a problem.
    fn sound<T>(&mut self, table: Table, found: Result<T>) -> Result<Option<T>> {
        match found {
            Ok(value) => Ok(Some(value)),
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported) => {
                self.say(table, error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Looks at every row of a table, outside of the scan.
    fn each(
        &mut self,
        table: Table,
        mut look: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.page(table, after.as_deref())?;
            for (key, value) in &rows {
                let found = look(self, key, value);
                self.sound(table, found)?;
            }
            match rows.into_iter().next_back() {
                Some((key, _)) => after = Some(key),
                None => return Ok(()),
            }
        }
    }

    /// Reads the rows of a table behind `after`.
    fn page(&self, table: Table, after: Option<&[u8]>) -> Result<Vec<prefix::Pair>> {
        self.go_on()?;
        prefix::page(self.tx, table, &[], after, PAGE)
    }

    /// Counts the rows of a table.
    fn count(&self, table: Table) -> Result<u64> {
        let mut count = 0;
        self.scan(table, &mut |_, _| count += 1)?;
        Ok(count)
    }

    /// Visits the rows of a table where they lie.
    fn scan(&self, table: Table, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<()> {
        self.tx.scan(table, row::ALL, false, &mut |key, value| {
            self.go_on()?;
            visit(key, value);
            Ok(Scan::Next)
        })
    }

    fn go_on(&self) -> Result<()> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Error::bug("a check of the rows was ended")),
            false => Ok(()),
        }
    }

    fn get<T: Record>(&self, table: Table, key: &[u8]) -> Result<Option<T>> {
        row::get(self.tx, table, key)
    }

    fn has(&self, table: Table, key: &[u8]) -> Result<bool> {
        row::exists(self.tx, table, key)
    }

    fn drives(&mut self) -> Result<()> {
        self.each(HISTORY, |_, key, value| history::check_row(key, value))?;
        self.each(DRIVE, |check, key, value| {
            let id = DriveId(row::number(key)?);
            check.highest = check.highest.max(id.0);
            let drive = DriveRecord::decode(value)?;
            let named = row::id(check.tx, DRIVE_NAME, drive.name.as_bytes())?;
            check.must(named == Some(id.0), DRIVE, || format!("drive {id} is not found by its name"));
            let root = check.get::<FileRecord>(FILE, &drive.root.to_key())?;
            let fits = root.is_some_and(|root| {
                root.kind == Kind::Folder
                    && root.parent.is_none()
                    && root.drive == id
                    && root.trashed.is_none()
            });
            check.must(fits, DRIVE, || format!("drive {id} has no root folder"));
            Ok(())
        })?;
        self.each(DRIVE_NAME, |check, name, value| {
            let id = DriveId(row::number(value)?);
            let drive = check.get::<DriveRecord>(DRIVE, &id.to_key())?;
            let fits = drive.is_some_and(|drive| drive.name.as_bytes() == name);
            check.must(fits, DRIVE_NAME, || {
                format!("a name leads to drive {id}, which has another or is gone")
            });
            Ok(())
        })
    }

    /// Looks at uploads, whose parts have blobs too, at notes, and at content found by its SHA-1.
    fn uploads(&mut self) -> Result<()> {
        self.each(UPLOAD, |check, key, value| {
            let id = UploadId(row::number(key)?);
            check.highest = check.highest.max(id.0);
            let record = UploadRecord::decode(value)?;
            check.highest = check.highest.max(record.goal.file().0);
            let ends = check.has(UPLOAD_EXPIRY, &row::due(record.expires, id.0))?;
            check.must(ends, UPLOAD, || format!("upload {id} would never be swept"));
            Ok(())
        })?;
        self.each(UPLOAD_EXPIRY, |check, key, _| {
            let id = UploadId(row::tail(UPLOAD_EXPIRY, key)?);
            let found = check.get::<UploadRecord>(UPLOAD, &id.to_key())?;
            let fits = found.is_some_and(|record| row::due(record.expires, id.0) == key);
            check.must(fits, UPLOAD_EXPIRY, || format!("upload {id} is to be swept and says otherwise"));
            Ok(())
        })?;
        self.each(UPLOAD_PART, |check, key, value| {
            let part = PartRecord::decode(value)?;
            let (upload, number) = key.split_at_checked(8).unwrap_or_default();
            let (id, number) = (UploadId(row::number(upload)?), upload::part_number(number)?);
            check.refers_to(part.blob);
            let there = check.has(UPLOAD, upload)?;
            check.must(there, UPLOAD_PART, || format!("part {number} is of upload {id}, which is gone"));
            let blob = check.get::<BlobRecord>(BLOB, &part.blob.to_key())?;
            let fits = blob.is_some_and(|blob| (blob.len, blob.blake3) == (part.len, part.blake3));
            check.must(fits, UPLOAD_PART, || format!("part {number} of upload {id} is not its blob"));
            Ok(())
        })?;
        self.each(VERSION_NOTE, |check, key, value| {
            NoteRecord::decode(value)?;
            let there = check.has(VERSION, key)?;
            check.must(there, VERSION_NOTE, || "a note is on a version that is gone".to_owned());
            Ok(())
        })?;
        self.each(BLOB_SHA1, |check, key, value| {
            let id = BlobId(row::tail(BLOB_SHA1, key)?);
            let fits = match check.get::<BlobRecord>(BLOB, &id.to_key())? {
                Some(blob) => sha1_index::is_row_of(check.tx, id, &blob, key, value)?,
                None => false,
            };
            check
                .must(fits, BLOB_SHA1, || format!("a sha1 leads to blob {id}, which has another or is gone"));
            Ok(())
        })?;
        self.each(DRIVE_SHA1, |check, key, value| {
            let id = BlobId(row::tail(DRIVE_SHA1, key)?);
            let drive = DriveId(row::number(key.get(..8).unwrap_or_default())?);
            let versions = check.held.get(&(drive, id)).copied().unwrap_or_default();
            let fits = match check.get::<BlobRecord>(BLOB, &id.to_key())? {
                Some(blob) => sha1_index::is_held_row(check.tx, (drive, id), &blob, (key, value), versions)?,
                None => false,
            };
            check.must(fits, DRIVE_SHA1, || {
                format!("drive {drive} is said to have blob {id}, of which it has {versions} versions")
            });
            Ok(())
        })
    }

    fn deleted(&mut self) -> Result<()> {
        self.each(DELETED_BLOB, |check, key, _| {
            let id = BlobId(row::tail(DELETED_BLOB, key)?);
            let released = row::due_time(DELETED_BLOB, key)?;
            let blob = check.get::<BlobRecord>(BLOB, &id.to_key())?;
            let fits = blob.is_some_and(|blob| blob.refs == 0 && blob.released == Some(released));
            check.must(fits, DELETED_BLOB, || format!("blob {id} waits for removal, and is in use or gone"));
            Ok(())
        })?;
        self.each(DELETED_FILE, |check, key, _| {
            let id = FileId(row::number(key)?);
            let there = check.has(FILE, key)?;
            check.must(there, DELETED_FILE, || format!("file {id} is to be deleted, and has no row"));
            Ok(())
        })
    }

    /// Looks at rows of attributes, if there are any beside those of the files.
    fn attributes(&mut self) -> Result<()> {
        if self.count(ATTRIBUTE)? == self.attributes {
            return Ok(());
        }
        self.each(ATTRIBUTE, |check, key, _| {
            let id = FileId(row::tail(ATTRIBUTE, key)?);
            let file = check.get::<FileRecord>(FILE, &id.to_key())?;
            let fits = file.is_some_and(|file| attribute::is_row_of(&file, id, key));
            check.must(fits, ATTRIBUTE, || {
                format!("file {id} is found by an attribute that it does not have, or is gone")
            });
            Ok(())
        })
    }

    fn trash(&mut self) -> Result<()> {
        self.each(TRASH, |check, key, value| {
            let trash = TrashRecord::decode(value)?;
            let id = FileId(row::tail(TRASH, key)?);
            let file = check.get::<FileRecord>(FILE, &id.to_key())?;
            let fits = file.is_some_and(|file| {
                row::pair(file.drive.0, id.0) == key
                    && file.parent.is_none()
                    && file.trashed == Some(trash.trashed)
            });
            check.must(fits, TRASH, || format!("file {id} is in the trash, and somewhere else or gone"));
            Ok(())
        })
    }

    /// Links and shares hang on files.
    fn hangers(&mut self) -> Result<()> {
        self.each(LINK, |check, key, value| {
            let id = LinkId(row::number(key)?);
            let file = LinkRecord::decode(value)?.file;
            let fits = check.has(FILE, &file.to_key())? && check.has(FILE_LINK, &row::pair(file.0, id.0))?;
            check.must(fits, LINK, || format!("link {id} leads to file {file}, which does not know it"));
            Ok(())
        })?;
        self.each(SHARE, |check, key, value| {
            let id = ShareId(row::number(key)?);
            let file = ShareRecord::decode(value)?.file;
            let fits = check.has(FILE, &file.to_key())? && check.has(FILE_SHARE, &row::pair(file.0, id.0))?;
            check.must(fits, SHARE, || format!("share {id} is of file {file}, which does not know it"));
            Ok(())
        })?;
        for (from, to) in [(FILE_LINK, LINK), (FILE_SHARE, SHARE)] {
            self.each(from, |check, key, _| {
                let there = check.has(to, &row::tail(from, key)?.to_be_bytes())?;
                check.must(there, from, || {
                    format!("a file knows a {} that is gone", if to == LINK { "link" } else { "share" })
                });
                Ok(())
            })?;
        }
        Ok(())
    }

    fn counters(&mut self) -> Result<()> {
        let (blobs, bytes) = (super::blob::signed(self.seen.blobs)?, super::blob::signed(self.seen.bytes)?);
        let mut expected = vec![(Counter::Blobs, blobs), (Counter::BlobBytes, bytes)];
        for (drive, (files, bytes)) in &self.usage {
            expected.push((Counter::DriveFiles(*drive), *files));
            expected.push((Counter::DriveBytes(*drive), *bytes));
        }
        let mut idle = Vec::new();
        self.each(DRIVE, |check, key, _| {
            let drive = DriveId(row::number(key)?);
            if !check.usage.contains_key(&drive) {
                idle.extend([(Counter::DriveFiles(drive), 0), (Counter::DriveBytes(drive), 0)]);
            }
            Ok(())
        })?;
        expected.extend(idle);
        for (counter, count) in expected {
            let read = counter::get(self.tx, counter);
            if let Some(read) = self.sound(super::table::COUNTER, read)? {
                self.must(read == count, super::table::COUNTER, || {
                    format!("the count of {} is {read}, and there are {count}", noun(counter))
                });
            }
        }
        let next = id_sequence::next(self.tx)?;
        let highest = self.highest;
        self.must(highest < next, super::table::META, || {
            format!("id {highest} is in use, and the next to be given out is {next}")
        });
        Ok(())
    }
}

fn noun(counter: Counter) -> String {
    match counter {
        Counter::DriveFiles(drive) => format!("files in drive {drive}"),
        Counter::DriveBytes(drive) => format!("bytes in drive {drive}"),
        Counter::Blobs => "blobs".to_owned(),
        Counter::BlobBytes => "bytes in blobs".to_owned(),
        Counter::Withdrawals(drive) => format!("withdrawals in drive {drive}"),
        Counter::DriveArchives(drive) => format!("bytes of the archives of drive {drive}"),
        Counter::ShareArchives(share) => format!("bytes of the archives of share {share}"),
        Counter::UploadBytes(upload) => format!("bytes of the parts of upload {upload}"),
        Counter::LinkDownloads(link) => format!("downloads through link {link}"),
        Counter::ShareViews(share) => format!("views of share {share}"),
    }
}
