//! Files, versions and blobs: the rows of which there is one or more for each file.
//!
//! Files and versions are both read in the order of the file's id, and what they say of blobs is looked up
//! in memory. What folders list and the table of hashes are read in their own order, and compared by sums. Row
//! by row, two rows are searched for of each file: its own in its folder, and that of the content's hash. If as
//! many rows were found in this way as the table has, all of its rows belong to something.

use std::collections::HashSet;
use std::hash::Hash;

use super::{Check, PAGE};
use crate::Result;
use crate::catalog::prefix::Pair;
use crate::catalog::record::{BlobRecord, ChildRecord, DriveRecord, FileRecord, Kind, Record, VersionRecord};
use crate::catalog::table::{
    BLOB, BLOB_HASH, CHILD, DELETED_BLOB, DELETED_FILE, DRIVE, FILE, OLD_BLOB_HASH, TRASH, VERSION,
};
use crate::catalog::{attribute, blob, hash_index, node, row, sha1_index};
use crate::id::{BlobId, DriveId, FileId, VersionId};
use crate::kv::{Read, Table};
use crate::time::Time;

/// What is kept of a folder.
#[derive(Clone, Copy)]
pub(super) struct FolderSeen {
    drive: DriveId,
    parent: Option<FileId>,
}

/// What is kept of a blob.
struct BlobSeen {
    id: BlobId,
    len: u64,
    crc32: u32,
    /// How many versions its row says that it has.
    refs: u64,
    /// How many have it.
    found: u64,
}

/// Every blob, in the order of its id.
#[derive(Default)]
pub(super) struct BlobsSeen {
    all: Vec<BlobSeen>,
    /// Behind the last that was asked for: versions ask for blobs nearly in order.
    next: usize,
}

impl BlobsSeen {
    fn get_mut(&mut self, id: BlobId) -> Option<&mut BlobSeen> {
        let is_next = self.all.get(self.next).is_some_and(|seen| seen.id == id);
        let position = match is_next {
            true => self.next,
            false => self.all.binary_search_by_key(&id, |seen| seen.id).ok()?,
        };
        self.next = position + 1;
        self.all.get_mut(position)
    }
}

/// The rows of a table in order, read in pages.
struct TreeRows {
    table: Table,
    page: std::iter::Peekable<std::vec::IntoIter<Pair>>,
    /// The last row of the page; None before the first page.
    last: Option<Vec<u8>>,
    ended: bool,
}

impl TreeRows {
    fn of(table: Table) -> TreeRows {
        TreeRows { table, page: Vec::new().into_iter().peekable(), last: None, ended: false }
    }

    /// Returns the next row if its key is wanted; None also at the end of the table.
    fn next_if<R: Read>(
        &mut self,
        check: &Check<'_, R>,
        is_wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Pair>> {
        if self.page.peek().is_none() && !self.ended {
            let page = check.page(self.table, self.last.as_deref())?;
            self.ended = page.len() < PAGE;
            self.last = page.last().map(|(key, _)| key.clone());
            self.page = page.into_iter().peekable();
        }
        Ok(self.page.next_if(|(key, _)| is_wanted(key)))
    }
}

impl<R: Read> Check<'_, R> {
    pub(super) fn blobs(&mut self) -> Result<()> {
        // What rows of an earlier build say, sums do not compare.
        let by_sums = !self.row_by_row && !hash_index::has_old_rows(self.tx)?;
        let mut found_by_hash = 0;
        self.each(BLOB, |check, key, value| {
            check.seen.blobs += 1;
            let id = BlobId(row::number(key)?);
            check.highest = check.highest.max(id.0);
            let blob = BlobRecord::decode(value)?;
            check.seen.bytes = check.seen.bytes.saturating_add(blob.len);
            let seen = BlobSeen { id, len: blob.len, crc32: blob.crc32, refs: blob.refs, found: 0 };
            check.blobs.all.push(seen);
            check.must(blob.released.is_some() == (blob.refs == 0), BLOB, || {
                format!("blob {id} is due for removal although a version has it, or the other way round")
            });
            if let Some(released) = blob.released {
                let waits = check.has(DELETED_BLOB, &row::due(released, id.0))?;
                check.must(waits, BLOB, || format!("blob {id} is wanted by nothing and not due for removal"));
            }
            if blob::is_shared(blob.scope) && by_sums {
                check.hashes.add((hash_index::key(blob.scope, &blob.blake3), id.0));
            } else if blob::is_shared(blob.scope) {
                let times = hash_index::times(check.tx, id, blob.scope, &blob.blake3)?;
                found_by_hash += times;
                check.must(times == 1, BLOB, || format!("blob {id} is found by its hash {times} times"));
            }
            Ok(())
        })?;
        if by_sums {
            let mut hashes = std::mem::take(&mut self.hashes);
            self.scan(BLOB_HASH, &mut |key, value| {
                let key = <[u8; hash_index::PREFIX]>::try_from(key);
                match (key, hash_index::blobs_of(BLOB_HASH, value)) {
                    (Ok(key), Ok(blobs)) => blobs.iter().for_each(|id| hashes.take(Some((key, id.0)))),
                    _ => hashes.spoil(),
                }
            })?;
            self.hashes = hashes;
            return Ok(());
        }
        let (tables, mut in_rows) = ([BLOB_HASH, OLD_BLOB_HASH], 0);
        for table in tables {
            // A row that cannot be read leads to no blob.
            let count = |value: &[u8]| hash_index::blobs_of(table, value).map_or(1, |blobs| blobs.len());
            self.scan(table, &mut |_, value| in_rows += count(value) as u64)?;
        }
        if in_rows == found_by_hash {
            return Ok(());
        }
        tables.into_iter().try_for_each(|table| self.hash_rows(table))
    }

    /// Finds rows of the index of hashes that lead to no blob with such a hash.
    fn hash_rows(&mut self, table: Table) -> Result<()> {
        self.each(table, |check, key, value| {
            for id in hash_index::blobs_of(table, value)? {
                let blob = check.get::<BlobRecord>(BLOB, &id.to_key())?;
                let fits =
                    blob.is_some_and(|blob| hash_index::key_in(table, blob.scope, &blob.blake3) == key);
                check
                    .must(fits, table, || format!("a hash leads to blob {id}, which has another or is gone"));
            }
            Ok(())
        })
    }

    /// Counts a version or a part that has a blob.
    pub(super) fn refers_to(&mut self, id: BlobId) {
        self.blob_referred_to(id);
    }

    /// Counts a version or a part that has a blob, and returns the blob's length and CRC-32.
    fn blob_referred_to(&mut self, id: BlobId) -> Option<(u64, u32)> {
        let seen = self.blobs.get_mut(id)?;
        seen.found += 1;
        Some((seen.len, seen.crc32))
    }

    /// Compares what was counted with what the blobs say.
    pub(super) fn references(&mut self) {
        let wrong = |seen: &BlobSeen| (seen.refs != seen.found).then_some((seen.id, seen.refs, seen.found));
        let wrong: Vec<(BlobId, u64, u64)> = self.blobs.all.iter().filter_map(wrong).collect();
        for (id, refs, found) in wrong {
            self.say(BLOB, format!("blob {id} counts {refs} versions, and {found} have it"));
        }
    }

    pub(super) fn files(&mut self) -> Result<()> {
        let mut versions = TreeRows::of(VERSION);
        self.each(FILE, |check, key, value| {
            let read = FileRecord::decode(value);
            let owner = read.as_ref().ok().map(|file| (key, file));
            let current = check.versions_up_to(&mut versions, key, owner)?;
            check.file(key, &read?, current.as_ref())
        })?;
        while let Some((key, value)) = versions.next_if(self, |_| true)? {
            let found = self.version(&key, &value, None).map(drop);
            self.sound(VERSION, found)?;
        }
        Ok(())
    }

    /// Looks at the versions of all files up to `key`, and returns the current one of `owner`, which is
    /// the file of that key, unless its row cannot be read.
    fn versions_up_to(
        &mut self,
        versions: &mut TreeRows,
        key: &[u8],
        owner: Option<(&[u8], &FileRecord)>,
    ) -> Result<Option<VersionRecord>> {
        let mut current = None;
        while let Some((version, value)) =
            versions.next_if(self, |version| version.get(..8).unwrap_or(version) <= key)?
        {
            let is_of_key = version.get(..8) == Some(key);
            if is_of_key && owner.is_none() {
                // That the row of the file cannot be read is said already.
                if let Ok(record) = VersionRecord::decode(&value) {
                    self.refers_to(record.blob);
                }
                self.seen.versions += 1;
                continue;
            }
            let owner = owner.filter(|_| is_of_key).map(|(_, file)| file);
            let found = self.version(&version, &value, owner);
            let found = self.sound(VERSION, found)?;
            current = current.or(found.filter(|(number, _)| Some(*number) == owner.map(|file| file.current)));
        }
        Ok(current.map(|(_, record)| record))
    }

    /// Looks at a version and returns its number and its record.
    fn version(
        &mut self,
        key: &[u8],
        value: &[u8],
        owner: Option<&FileRecord>,
    ) -> Result<(u32, VersionRecord)> {
        self.seen.versions += 1;
        let version = VersionRecord::decode(value)?;
        let (file, number) = key.split_at_checked(8).unwrap_or_default();
        let id = VersionId::new(FileId(row::number(file)?), node::version_number(number)?);
        let blob = self.blob_referred_to(version.blob);
        match owner {
            Some(file) => {
                self.usage.entry(file.drive).or_default().1 += blob::signed(version.size)?;
                if version.size >= sha1_index::MIN_LEN {
                    *self.held.entry((file.drive, version.blob)).or_default() += 1;
                }
                let fits = file.kind == Kind::File && (1..file.next).contains(&id.number());
                self.must(fits, VERSION, || format!("version {id} has a number not given out yet"));
            }
            None => self.say(VERSION, format!("version {id} is of a file that is gone")),
        }
        let blob = match blob {
            Some(blob) => Some(blob),
            // A row that cannot be read is reported as that, and not as gone.
            None => self.get::<BlobRecord>(BLOB, &version.blob.to_key())?.map(|blob| (blob.len, blob.crc32)),
        };
        match blob {
            Some(blob) => {
                let same = blob == (version.size, version.crc32);
                self.must(same, VERSION, || format!("version {id} is not of the size of its blob"));
            }
            None => self.say(VERSION, format!("the content of version {id} is gone: blob {}", version.blob)),
        }
        Ok((id.number(), version))
    }

    fn file(&mut self, key: &[u8], file: &FileRecord, current: Option<&VersionRecord>) -> Result<()> {
        let id = FileId(row::number(key)?);
        self.highest = self.highest.max(id.0);
        let deleted = self.has(DELETED_FILE, key)?;
        if !file.attributes.is_empty() {
            let (there, missing) = attribute::rows_of(self.tx, id, file)?;
            self.attributes += there;
            self.must(missing == 0 || !self.indexed, FILE, || {
                format!("file {id} is not found by {missing} of its attributes")
            });
        }
        if file.kind == Kind::Folder {
            let seen = FolderSeen { drive: file.drive, parent: file.parent };
            self.folders.insert(id, Some(seen));
        }
        match file.parent {
            Some(parent) => self.is_in((id, file), parent, deleted, current)?,
            None => {
                let trashed = self.has(TRASH, &row::pair(file.drive.0, id.0))?;
                let drive = self.get::<DriveRecord>(DRIVE, &file.drive.to_key())?;
                let root = drive.is_some_and(|drive| drive.root == id);
                let states = usize::from(deleted) + usize::from(trashed) + usize::from(root);
                self.must(states == 1, FILE, || {
                    format!("file {id} has no parent and is not one of root, trashed and deleted")
                });
                self.must(trashed == file.trashed.is_some(), FILE, || {
                    format!("file {id} and the trash disagree on whether it is in the trash")
                });
            }
        }
        match file.kind {
            Kind::Folder => {
                self.must(file.current == 0, FILE, || format!("folder {id} has a current version"));
            }
            Kind::File => {
                self.seen.files += 1;
                self.usage.entry(file.drive).or_default().0 += 1;
                self.must((1..file.next).contains(&file.current), FILE, || {
                    format!("the current version of file {id} has a number not given out yet")
                });
                self.must(deleted || current.is_some(), FILE, || {
                    format!("the current version of file {id} is missing")
                });
            }
        }
        Ok(())
    }

    fn is_in(
        &mut self,
        (id, file): (FileId, &FileRecord),
        parent: FileId,
        deleted: bool,
        current: Option<&VersionRecord>,
    ) -> Result<()> {
        let folder = self.folder(parent)?;
        let fits = folder.is_some_and(|folder| folder.drive == file.drive);
        self.must(fits, FILE, || format!("file {id} is in {parent}, which is not a folder of its drive"));
        self.must(!deleted && file.trashed.is_none(), FILE, || {
            format!("file {id} is in a folder, and deleted or in the trash too")
        });
        if !self.row_by_row {
            match (file.kind, current) {
                (Kind::Folder, _) => {
                    self.lists.add(folder_row(parent, &file.name, id, (0, 0), file.modified))
                }
                (Kind::File, Some(version)) => {
                    let content = (version.size, version.crc32, version.blob.0);
                    let row = (file.current, content, version.modified);
                    self.lists.add(file_row(parent, &file.name, id, row));
                }
                (Kind::File, None) => self.lists.spoil(),
            }
            return Ok(());
        }
        let child = self.get::<ChildRecord>(CHILD, &node::child_key(parent, &file.name))?;
        let Some(child) = child.filter(|child| child.file == id) else {
            self.say(FILE, format!("file {id} is not listed in {parent}"));
            return Ok(());
        };
        self.listed += 1;
        self.must(child.kind == file.kind, CHILD, || {
            format!("folder {parent} lists file {id}, which says otherwise")
        });
        let fresh = match child.kind {
            Kind::Folder => (child.number, child.size, child.modified) == (0, 0, file.modified),
            Kind::File => {
                child.number == file.current
                    && current.is_some_and(|version| {
                        (version.size, version.crc32, version.blob, version.modified)
                            == (child.size, child.crc32, child.blob, child.modified)
                    })
            }
        };
        self.must(fresh, CHILD, || format!("the row of file {id} in {parent} is not up to date"));
        Ok(())
    }

    /// Returns the folder of an id; None where it is a file or nothing.
    fn folder(&mut self, id: FileId) -> Result<Option<FolderSeen>> {
        if let Some(known) = self.folders.get(&id) {
            return Ok(*known);
        }
        let found = self.get::<FileRecord>(FILE, &id.to_key())?;
        let folder = found.filter(|found| found.kind == Kind::Folder);
        let seen = folder.map(|folder| FolderSeen { drive: folder.drive, parent: folder.parent });
        self.folders.insert(id, seen);
        Ok(seen)
    }

    /// Finds what is in a folder that contains itself: nothing else would ever look at it.
    pub(super) fn circles(&mut self) -> Result<()> {
        let (mut rooted, mut lost) = (HashSet::new(), HashSet::new());
        for start in self.folders.keys() {
            let (mut at, mut trail) = (*start, HashSet::new());
            let ends = loop {
                if rooted.contains(&at) {
                    break true;
                }
                if !trail.insert(at) {
                    break false;
                }
                match self.folders.get(&at) {
                    Some(Some(FolderSeen { parent: Some(parent), .. })) => at = *parent,
                    _ => break true,
                }
            };
            if ends {
                rooted.extend(trail);
            } else {
                lost.insert(*start);
            }
        }
        if lost.is_empty() {
            return Ok(());
        }
        self.each(FILE, |check, key, value| {
            let (id, file) = (FileId(row::number(key)?), FileRecord::decode(value)?);
            let is_lost = lost.contains(&id) || file.parent.is_some_and(|parent| lost.contains(&parent));
            check.must(!is_lost, FILE, || format!("file {id} is in a folder that contains itself"));
            Ok(())
        })
    }

    /// Finds rows of folders that lead to no file; whether rows are up to date is checked from the files.
    pub(super) fn children(&mut self) -> Result<()> {
        if !self.row_by_row {
            let mut lists = std::mem::take(&mut self.lists);
            self.scan(CHILD, &mut |key, value| match child_row(key, value) {
                Some((parent, name, child)) if child.kind == Kind::Folder => {
                    let none = (child.number, child.size);
                    lists.take(Some(folder_row(parent, name, child.file, none, child.modified)));
                }
                Some((parent, name, child)) => {
                    let row = (child.number, (child.size, child.crc32, child.blob.0), child.modified);
                    lists.take(Some(file_row(parent, name, child.file, row)));
                }
                None => lists.spoil(),
            })?;
            self.lists = lists;
            return Ok(());
        }
        if self.count(CHILD)? == self.listed {
            return Ok(());
        }
        self.each(CHILD, |check, key, value| {
            let id = ChildRecord::decode(value)?.file;
            let (parent, name) = key.split_at_checked(8).unwrap_or_default();
            let parent = FileId(row::number(parent)?);
            let Some(file) = check.get::<FileRecord>(FILE, &id.to_key())? else {
                check.say(CHILD, format!("folder {parent} lists file {id}, which is gone"));
                return Ok(());
            };
            let agrees = file.parent == Some(parent) && file.name.as_bytes() == name;
            check.must(agrees, CHILD, || format!("folder {parent} lists file {id}, which says otherwise"));
            Ok(())
        })
    }
}

fn child_row<'a>(key: &'a [u8], value: &[u8]) -> Option<(FileId, &'a str, ChildRecord)> {
    let (parent, name) = key.split_first_chunk::<8>()?;
    let name = std::str::from_utf8(name).ok()?;
    Some((FileId(u64::from_be_bytes(*parent)), name, ChildRecord::decode(value).ok()?))
}

/// What a folder and the row that lists it say alike: that it is a folder, has no version and no length.
fn folder_row(parent: FileId, name: &str, id: FileId, none: (u32, u64), modified: Time) -> impl Hash {
    (true, parent.0, name, id.0, none, modified.0)
}

/// What a file and the row that lists it say alike: with its current number, length, CRC-32 and blob.
fn file_row(
    parent: FileId,
    name: &str,
    id: FileId,
    (number, content, modified): (u32, (u64, u32, u64), Time),
) -> impl Hash {
    (false, parent.0, name, id.0, number, content, modified.0)
}
