//! Checks that every row agrees with the rows it hangs together with.
//!
//! Memory grows by some tens of bytes for each file and blob; rows are read in pages.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::counter::{self, Counter};
use super::record::{
    BlobRecord, ChildRecord, DriveRecord, FileRecord, Kind, LinkRecord, NoteRecord, PartRecord, Record,
    ShareRecord, TrashRecord, UploadRecord, VersionRecord,
};
use super::table::{
    BLOB, BLOB_HASH, BLOB_SHA1, CHILD, DELETED_BLOB, DELETED_FILE, DRIVE, DRIVE_NAME, DRIVE_SHA1, FILE,
    FILE_LINK, FILE_SHARE, HISTORY, LINK, SHARE, TRASH, UPLOAD, UPLOAD_EXPIRY, UPLOAD_PART, VERSION,
    VERSION_NOTE,
};
use super::{blob, history, row, sha1_index, upload};
use super::{id_sequence, node, prefix};
use crate::id::{BlobId, DriveId, FileId, LinkId, ShareId, UploadId, VersionId};
use crate::kv::{Read, Table};
use crate::{ErrorKind, Result};

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

/// Returns everything that is wrong with drives, files, versions, blobs, links and shares.
///
/// # Errors
/// What keeps the driver from reading. A damaged row is not an error but a [`Problem`].
pub(crate) fn check(tx: &impl Read) -> Result<Vec<Problem>> {
    let mut check = Check {
        tx,
        problems: Vec::new(),
        parents: HashMap::new(),
        refs: HashMap::new(),
        held: HashMap::new(),
        usage: HashMap::new(),
        blobs: (0, 0),
        highest: 0,
    };
    check.drives()?;
    check.files()?;
    check.circles();
    check.children()?;
    check.versions()?;
    check.uploads()?;
    check.blobs()?;
    check.deleted()?;
    check.trash()?;
    check.hangers()?;
    check.counters()?;
    Ok(check.problems)
}

struct Check<'a, R> {
    tx: &'a R,
    problems: Vec<Problem>,
    /// Of every file, what it lies in.
    parents: HashMap<FileId, Option<FileId>>,
    /// Of every blob, how many versions have it.
    refs: HashMap<BlobId, u64>,
    /// Of every drive and blob of a length that claims are for, how many versions have it.
    held: HashMap<(DriveId, BlobId), u64>,
    /// Of every drive, its files and bytes.
    usage: HashMap<DriveId, (i64, i64)>,
    /// Blobs and their bytes.
    blobs: (i64, i64),
    /// The highest id seen.
    highest: u64,
}

impl<R: Read> Check<'_, R> {
    fn say(&mut self, table: Table, message: impl Into<String>) {
        self.problems.push(Problem { table: table.name, message: message.into() });
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
            let rows = prefix::page(self.tx, table, &[], after.as_deref(), PAGE)?;
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

    fn files(&mut self) -> Result<()> {
        self.each(FILE, |check, key, value| {
            let id = FileId(row::number(key)?);
            check.highest = check.highest.max(id.0);
            let file = FileRecord::decode(value)?;
            check.parents.insert(id, file.parent);
            let deleted = check.has(DELETED_FILE, key)?;
            match file.parent {
                Some(parent) => check.lies_in(id, &file, parent, deleted)?,
                None => {
                    let trashed = check.has(TRASH, &row::pair(file.drive.0, id.0))?;
                    let drive = check.get::<DriveRecord>(DRIVE, &file.drive.to_key())?;
                    let root = drive.is_some_and(|drive| drive.root == id);
                    let states = usize::from(deleted) + usize::from(trashed) + usize::from(root);
                    check.must(states == 1, FILE, || {
                        format!("file {id} has no parent and is not one of root, trashed and deleted")
                    });
                    check.must(trashed == file.trashed.is_some(), FILE, || {
                        format!("file {id} and the trash disagree on whether it is in the trash")
                    });
                }
            }
            match file.kind {
                Kind::Folder => {
                    check.must(file.current == 0, FILE, || format!("folder {id} has a current version"));
                }
                Kind::File => {
                    check.usage.entry(file.drive).or_default().0 += 1;
                    check.must((1..file.next).contains(&file.current), FILE, || {
                        format!("the current version of file {id} has a number not given out yet")
                    });
                    let current = node::version_key(VersionId::new(id, file.current));
                    let there = deleted || check.has(VERSION, &current)?;
                    check.must(there, FILE, || format!("the current version of file {id} is missing"));
                }
            }
            Ok(())
        })
    }

    fn lies_in(&mut self, id: FileId, file: &FileRecord, parent: FileId, deleted: bool) -> Result<()> {
        let folder = self.get::<FileRecord>(FILE, &parent.to_key())?;
        let fits = folder.is_some_and(|folder| folder.kind == Kind::Folder && folder.drive == file.drive);
        self.must(fits, FILE, || format!("file {id} is in {parent}, which is not a folder of its drive"));
        let child = self.get::<ChildRecord>(CHILD, &node::child_key(parent, &file.name))?;
        let listed = child.is_some_and(|child| child.file == id);
        self.must(listed, FILE, || format!("file {id} is not listed in {parent}"));
        self.must(!deleted && file.trashed.is_none(), FILE, || {
            format!("file {id} is in a folder, and deleted or in the trash too")
        });
        Ok(())
    }

    /// Finds folders that lie in themselves: nothing else would ever look at them.
    fn circles(&mut self) {
        let (mut rooted, mut lost) = (HashSet::new(), Vec::new());
        for start in self.parents.keys() {
            let (mut at, mut trail) = (*start, HashSet::new());
            let ends = loop {
                if rooted.contains(&at) {
                    break true;
                }
                if !trail.insert(at) {
                    break false;
                }
                match self.parents.get(&at) {
                    Some(Some(parent)) => at = *parent,
                    _ => break true,
                }
            };
            if ends {
                rooted.extend(trail);
            } else {
                lost.push(*start);
            }
        }
        lost.sort();
        for id in lost {
            self.say(FILE, format!("file {id} is in a folder that contains itself"));
        }
    }

    fn children(&mut self) -> Result<()> {
        self.each(CHILD, |check, key, value| {
            let child = ChildRecord::decode(value)?;
            let id = child.file;
            let (parent, name) = key.split_at_checked(8).unwrap_or_default();
            let parent = FileId(row::number(parent)?);
            let Some(file) = check.get::<FileRecord>(FILE, &id.to_key())? else {
                check.say(CHILD, format!("folder {parent} lists file {id}, which is gone"));
                return Ok(());
            };
            let agrees =
                file.parent == Some(parent) && file.name.as_bytes() == name && file.kind == child.kind;
            check.must(agrees, CHILD, || format!("folder {parent} lists file {id}, which says otherwise"));
            let fresh = match child.kind {
                Kind::Folder => (child.number, child.size, child.modified) == (0, 0, file.modified),
                Kind::File => {
                    let current = VersionId::new(id, file.current);
                    let found = check.get::<VersionRecord>(VERSION, &node::version_key(current))?;
                    child.number == file.current
                        && found.is_some_and(|version| {
                            (version.size, version.crc32, version.blob, version.modified)
                                == (child.size, child.crc32, child.blob, child.modified)
                        })
                }
            };
            check.must(fresh, CHILD, || format!("the row of file {id} in {parent} is not up to date"));
            Ok(())
        })
    }

    fn versions(&mut self) -> Result<()> {
        self.each(VERSION, |check, key, value| {
            let version = VersionRecord::decode(value)?;
            let (file, number) = key.split_at_checked(8).unwrap_or_default();
            let id = VersionId::new(FileId(row::number(file)?), node::version_number(number)?);
            *check.refs.entry(version.blob).or_default() += 1;
            match check.get::<FileRecord>(FILE, file)? {
                Some(file) => {
                    check.usage.entry(file.drive).or_default().1 += blob::signed(version.size)?;
                    if version.size >= sha1_index::MIN_LEN {
                        *check.held.entry((file.drive, version.blob)).or_default() += 1;
                    }
                    let fits = file.kind == Kind::File && (1..file.next).contains(&id.number());
                    check.must(fits, VERSION, || format!("version {id} has a number not given out yet"));
                }
                None => check.say(VERSION, format!("version {id} is of a file that is gone")),
            }
            match check.get::<BlobRecord>(BLOB, &version.blob.to_key())? {
                Some(blob) => {
                    let same = (blob.len, blob.crc32) == (version.size, version.crc32);
                    check.must(same, VERSION, || format!("version {id} is not of the size of its blob"));
                }
                None => {
                    check.say(VERSION, format!("the content of version {id} is gone: blob {}", version.blob))
                }
            }
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
            *check.refs.entry(part.blob).or_default() += 1;
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

    fn blobs(&mut self) -> Result<()> {
        self.each(BLOB, |check, key, value| {
            let id = BlobId(row::number(key)?);
            check.highest = check.highest.max(id.0);
            let blob = BlobRecord::decode(value)?;
            check.blobs.0 += 1;
            check.blobs.1 += blob::signed(blob.len)?;
            let refs = check.refs.get(&id).copied().unwrap_or_default();
            check.must(blob.refs == refs, BLOB, || {
                format!("blob {id} counts {} versions, and {refs} have it", blob.refs)
            });
            check.must(blob.released.is_some() == (blob.refs == 0), BLOB, || {
                format!("blob {id} is due for removal although a version has it, or the other way round")
            });
            if let Some(released) = blob.released {
                let waits = check.has(DELETED_BLOB, &row::due(released, id.0))?;
                check.must(waits, BLOB, || format!("blob {id} is wanted by nothing and not due for removal"));
            }
            let found = blob::find(check.tx, blob.scope, &blob.blake3)?;
            let expected = blob::is_shared(blob.scope).then_some(id);
            check.must(found == expected, BLOB, || format!("blob {id} is not found by its hash"));
            Ok(())
        })?;
        self.each(BLOB_HASH, |check, key, value| {
            let id = BlobId(row::number(value)?);
            let (scope, hash) = key.split_at_checked(8).unwrap_or_default();
            let scope = row::number(scope)?;
            let blob = check.get::<BlobRecord>(BLOB, &id.to_key())?;
            let fits = blob.is_some_and(|blob| blob.scope == scope && blob.blake3 == hash);
            check
                .must(fits, BLOB_HASH, || format!("a hash leads to blob {id}, which has another or is gone"));
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
        let mut expected = vec![(Counter::Blobs, self.blobs.0), (Counter::BlobBytes, self.blobs.1)];
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
