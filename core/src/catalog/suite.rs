//! What the catalog promises, over any driver: [`run`] holds a driver to all of it.
//!
//! Every change goes through [`Store::change`], which also holds that a call that fails has
//! written nothing.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::blob::{self, ChangeTime};
use super::check::check;
use super::copy::{self, CopyVersions};
use super::counter::{self, Counter};
use super::drive;
use super::id_sequence::{self, NewId};
use super::info::VersionInfo;
use super::listing::{self, Walk};
use super::put::{self, Expect, NewVersion};
use super::record::{BlobRecord, FileRecord, Kind, LinkRecord, Location, ShareRecord};
use super::refcount;
use super::row;
use super::table::{self, ALL, FILE, VERSION};
use super::trash;
use super::{delete, path, rename, version};
use crate::id::{BlobId, DriveId, FileId, LinkId, ShareId, UploadId, VersionId};
use crate::kv::memory::MemoryKv;
use crate::kv::redb::{RedbKv, Sharing};
use crate::kv::{Commit, Kv, Read, Scan, Write};
use crate::time::Time;
use crate::vfs::{Open, SimVfs, Vfs};
use crate::{ErrorKind, Result};

mod faults;
mod hashes;
mod model;
mod places;
mod removal;
mod uploads;
mod versions;

macro_rules! cases {
    ($($name:path;)*) => {
        /// Holds a driver to everything the catalog promises; `make` makes an empty one. `histories` is how many
        /// are tried at random.
        pub(crate) fn run<K: Kv>(make: impl Fn() -> K, histories: u32) {
            $($name(&make);)*
            model::random_work_agrees_with_a_naive_model(&make, histories);
        }
    };
}

cases! {
    places::a_drive_is_opened_by_name;
    places::a_deleted_drive_takes_its_files_and_trash_along;
    places::missing_parents_are_made_and_a_file_in_the_way_is_named;
    versions::a_put_to_an_existing_path_adds_a_version;
    versions::an_expectation_that_fails_writes_nothing;
    versions::versions_beyond_the_limit_go_oldest_first;
    versions::a_file_runs_out_of_version_numbers;
    versions::setting_an_older_version_current_only_repoints;
    versions::the_current_version_cannot_be_removed;
    versions::t14_revoking_raises_the_epoch_of_what_it_covers;
    places::a_page_goes_on_behind_its_last_name;
    places::a_walk_is_depth_first_whatever_the_page;
    places::a_folder_is_not_moved_into_itself;
    places::a_move_keeps_the_file_and_replaces_only_files;
    places::a_copy_shares_content_and_can_be_continued;
    places::a_copy_that_was_deleted_meanwhile_ends;
    places::a_copy_takes_no_version_that_came_after_it_began;
    removal::what_is_trashed_comes_back;
    removal::old_trash_is_purged_in_steps;
    removal::t14_a_deleted_file_is_gone_at_once;
    removal::a_big_tree_is_cleared_away_in_bounded_steps;
    removal::links_and_shares_go_with_their_file;
    removal::s12_content_that_waits_for_removal_is_revived;
    removal::d3_content_is_told_apart_by_its_own_hash_and_scope;
    removal::content_moves_only_from_where_it_is;
    hashes::hashes_that_begin_alike_are_compared_to_their_ends;
    hashes::a_check_notices_what_is_wrong_with_hashes;
    places::attributes_are_bounded;
    uploads::a_part_replaces_the_one_before_and_is_shared_with_nobody;
    uploads::an_upload_that_is_done_or_over_takes_no_part;
    uploads::expired_uploads_are_swept_in_bounded_steps;
    uploads::d3_a_sha1_of_two_contents_finds_neither;
    uploads::a_drive_finds_what_it_has_and_nothing_of_others;
    uploads::a_part_that_became_a_version_outlives_it_by_the_grace;
    uploads::a_note_goes_with_its_version;
}

/// Histories that a driver in memory goes through in a second.
const HISTORIES: u32 = 48;

#[test]
fn the_driver_in_memory_keeps_every_promise() {
    run(MemoryKv::default, HISTORIES);
    faults::run(&MemoryKv::default);
}

#[test]
fn the_embedded_driver_keeps_every_promise() {
    run(embedded, HISTORIES);
    faults::run(&embedded);
    super::suite_public::run(embedded);
    super::suite_state::run(embedded);
}

/// Rows of the embedded driver, in a file in memory.
fn embedded() -> RedbKv {
    let file = SimVfs::new(1).open("meta.redb", Open::Create).unwrap();
    RedbKv::open(file, Sharing::Exclusive, 1 << 20, super::table::ALL).unwrap()
}

const GRACE: Duration = Duration::from_secs(3600);

/// A store with one drive, a clock that stands still between calls, and ids of its own.
struct Store<K> {
    kv: K,
    drive: DriveId,
    ids: Ids,
    now: Time,
}

#[derive(Clone)]
struct Ids(u64);

impl NewId for Ids {
    fn next(&mut self) -> Result<u64> {
        self.0 += 1;
        Ok(self.0 - 1)
    }
}

impl<K: Kv> Store<K> {
    fn new(make: impl Fn() -> K) -> Store<K> {
        let kv = make();
        let mut writer = kv.writer().unwrap();
        let range = id_sequence::reserve(&mut writer, 1_000_000).unwrap();
        let mut ids = Ids(range.start);
        let now = Time::from_unix(1_000_000);
        let drive = drive::open(&mut writer, "alice", &mut ids, now).unwrap();
        kv.commit(writer, Commit::Unsynced).unwrap();
        Store { kv, drive, ids, now }
    }

    fn time(&self) -> ChangeTime {
        ChangeTime { now: self.now, group: self.now }
    }

    fn reader(&self) -> K::Reader {
        self.kv.reader().unwrap()
    }

    /// Commits a change that works; one that fails must have written nothing.
    fn change<T>(&mut self, work: impl FnOnce(&mut K::Writer, &mut Ids) -> Result<T>) -> Result<T> {
        self.now = self.now.after(Duration::from_secs(1));
        let mut writer = self.kv.writer().unwrap();
        let done = work(&mut writer, &mut self.ids);
        match &done {
            Ok(_) => self.kv.commit(writer, Commit::Unsynced).unwrap(),
            Err(error) => {
                let before = dump(&self.reader());
                assert!(dump(&writer) == before, "a call wrote before it failed: {error}");
            }
        }
        done
    }

    fn put(&mut self, path: &str, content: u8) -> Result<VersionInfo> {
        self.put_if(path, content, Expect::Any)
    }

    fn put_if(&mut self, path: &str, content: u8, expect: Expect) -> Result<VersionInfo> {
        let (drive, time) = (self.drive, self.time());
        let blob = self.blob(content);
        self.change(|tx, ids| {
            let new = NewVersion {
                blob,
                fresh: None,
                media_type: "text/plain",
                modified: Time(5),
                executable: false,
                details: put::Details::default(),
            };
            put::at_path(tx, drive, path, new, expect, ids, time)
        })
    }

    /// Finds or stores the content that is 10 times `content` bytes long.
    fn blob(&mut self, content: u8) -> BlobId {
        let released = self.now;
        self.change(|tx, ids| match blob::find(tx, 0, &[content; 32])? {
            Some(id) => Ok(id),
            None => {
                let id = BlobId(ids.next()?);
                refcount::insert(tx, id, content_of(content), released)?;
                Ok(id)
            }
        })
        .unwrap()
    }

    fn refs(&self, content: u8) -> u64 {
        let tx = self.reader();
        let id = blob::find(&tx, 0, &[content; 32]).unwrap();
        id.map_or(0, |id| blob::get(&tx, id).unwrap().refs)
    }

    fn mkdir(&mut self, path: &str) -> Result<FileId> {
        let (drive, now) = (self.drive, self.now);
        self.change(|tx, ids| path::mkdir(tx, drive, path, ids, now))
    }

    fn relocate(&mut self, from: &str, to: &str, replace: bool) -> Result<FileId> {
        let (drive, time) = (self.drive, self.time());
        self.change(|tx, ids| rename::rename(tx, drive, from, to, replace, ids, time))
    }

    /// Copies to the end, `limit` rows in a transaction.
    fn copy(&mut self, from: &str, to: &str, versions: CopyVersions, limit: usize) -> Result<FileId> {
        let (drive, now) = (self.drive, self.now);
        let mut copying = self.change(|tx, ids| copy::start(tx, drive, from, to, versions, ids, now))?;
        while !copying.is_done() {
            copying = self.change(|tx, ids| copy::step(tx, &copying, limit, ids, now))?;
        }
        Ok(copying.file)
    }

    fn trash(&mut self, path: &str) -> Result<FileId> {
        let (drive, now) = (self.drive, self.now);
        self.change(|tx, _| trash::put(tx, drive, path, now))
    }

    fn restore(&mut self, file: FileId, to: Option<&str>) -> Result<FileId> {
        let (drive, now) = (self.drive, self.now);
        self.change(|tx, ids| trash::restore(tx, drive, file, to, ids, now))
    }

    fn delete(&mut self, path: &str) -> Result<bool> {
        let (drive, time) = (self.drive, self.time());
        self.change(|tx, _| delete::at_path(tx, drive, path, time))
    }

    /// Clears away everything deleted, `budget` things in a transaction; returns the steps it took.
    fn clear(&mut self, budget: usize) -> usize {
        for steps in 1.. {
            let time = self.time();
            let progress = self.change(|tx, _| delete::step(tx, time, budget)).unwrap();
            assert!(progress.cleared <= budget);
            if progress.done {
                return steps;
            }
        }
        unreachable!()
    }

    /// Removes the blobs whose time has come.
    fn collect(&mut self) -> usize {
        let until = self.now.before(GRACE);
        let due = refcount::released(&self.reader(), until, None, 1000).unwrap().0;
        for id in &due {
            assert!(self.change(|tx, _| refcount::forget(tx, *id, until)).unwrap().is_some());
        }
        due.len()
    }

    /// Returns the paths of everything in the drive, a slash behind folders.
    fn paths(&self) -> Vec<String> {
        let tx = self.reader();
        let root = drive::get(&tx, self.drive).unwrap().root;
        let mut paths = Vec::new();
        listing::walk(&tx, root, &mut |path, row| {
            let slash = if row.kind == Kind::Folder { "/" } else { "" };
            paths.push(format!("{path}{slash}"));
            Ok(Scan::Next)
        })
        .unwrap();
        paths
    }

    fn numbers(&self, path: &str) -> Vec<u32> {
        let tx = self.reader();
        let file = path::resolve(&tx, self.drive, path).unwrap().0;
        version::list(&tx, file, None, 1000).unwrap().iter().map(|version| version.id.number()).collect()
    }

    fn id(&self, path: &str) -> FileId {
        path::resolve(&self.reader(), self.drive, path).unwrap().0
    }

    fn usage(&self) -> (u64, u64) {
        let info = drive::info(&self.reader(), self.drive).unwrap();
        (info.files, info.bytes)
    }

    /// Holds that no row contradicts another.
    fn verify(&self) {
        let problems = check(&self.reader(), &AtomicBool::new(false)).unwrap().problems;
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

/// Content that is as long as claims are for.
const LONG: u8 = 250;

fn content_of(content: u8) -> BlobRecord {
    BlobRecord {
        location: Location::File,
        len: if content == LONG { super::sha1_index::MIN_LEN } else { 10 * u64::from(content) },
        crc32: u32::from(content),
        crc64: u64::from(content),
        sha1: [7; 20],
        blake3: [content; 32],
        refs: 0,
        released: None,
        scope: 0,
    }
}

fn dump(tx: &impl Read) -> Vec<(u8, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    for table in ALL {
        super::prefix::under(tx, *table, &[], None, &mut |key, value| {
            rows.push((table.byte, key.to_vec(), value.to_vec()));
            Ok(Scan::Next)
        })
        .unwrap();
    }
    rows
}

fn kind<T>(done: Result<T>) -> Option<ErrorKind> {
    done.err().map(|error| error.kind())
}

/// Makes two links and a share of a file.
fn hang(tx: &mut impl Write, ids: &mut Ids, drive: DriveId, file: FileId) -> Result<()> {
    for name in ["one", "two"] {
        let id = LinkId(ids.next()?);
        let link = LinkRecord { file, name: name.to_owned(), created: Time(0), pace: 0 };
        row::put(tx, table::LINK, &id.to_key(), &link)?;
        tx.put(table::FILE_LINK, &row::pair(file.0, id.0), &[])?;
        counter::add(tx, Counter::LinkDownloads(id), 1)?;
    }
    let id = ShareId(ids.next()?);
    let share = ShareRecord {
        drive,
        file,
        created: Time(0),
        expires: None,
        password: None,
        max_downloads: None,
        downloads: 0,
        purchase: false,
        revocations: 0,
    };
    row::put(tx, table::SHARE, &id.to_key(), &share)?;
    tx.put(table::FILE_SHARE, &row::pair(file.0, id.0), &[])
}
