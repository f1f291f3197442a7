//! What the catalog promises, over any driver: [`run`] holds a driver to all of it.
//!
//! Every change goes through [`Store::change`], which also holds that a call that fails has
//! written nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::blob::{self, Moment};
use super::check::check;
use super::copy::{self, CopyVersions};
use super::counter::{self, Counter};
use super::delete;
use super::drive;
use super::info::VersionInfo;
use super::listing::{self, Walk};
use super::number::{self, NewId};
use super::record::{BlobRecord, FileRecord, Kind, LinkRecord, Place, ShareRecord};
use super::row;
use super::table::{self, ALL, FILE, VERSION};
use super::trash;
use super::tree::{self, Standing};
use super::version::{self, Expect, NewVersion};
use crate::id::{BlobId, DriveId, FileId, LinkId, ShareId, VersionId};
use crate::kv::memory::MemoryKv;
use crate::kv::{Commit, Kv, Read, Scan, Write};
use crate::time::Time;
use crate::{ErrorKind, Result};

mod faults;
mod model;

macro_rules! cases {
    ($($name:path;)*) => {
        /// Holds a driver to everything the catalog promises; `make` makes an empty one.
        pub(crate) fn run<K: Kv>(make: impl Fn() -> K) {
            $($name(&make);)*
        }
    };
}

cases! {
    a_drive_is_opened_by_name;
    a_deleted_drive_takes_its_files_and_trash_along;
    missing_parents_are_made_and_a_file_in_the_way_is_named;
    a_put_to_an_existing_path_adds_a_version;
    an_expectation_that_fails_writes_nothing;
    versions_beyond_the_limit_go_oldest_first;
    a_file_runs_out_of_version_numbers;
    setting_an_older_version_current_only_repoints;
    the_current_version_cannot_be_removed;
    t14_revoking_raises_the_epoch_of_what_it_covers;
    a_page_goes_on_behind_its_last_name;
    a_walk_is_depth_first_whatever_the_page;
    a_folder_is_not_moved_into_itself;
    a_move_keeps_the_file_and_replaces_only_files;
    a_copy_shares_content_and_can_be_continued;
    a_copy_that_was_deleted_meanwhile_ends;
    what_is_trashed_comes_back;
    old_trash_is_purged_in_steps;
    t14_a_deleted_file_is_gone_at_once;
    a_big_tree_is_cleared_away_in_bounded_steps;
    links_and_shares_go_with_their_file;
    s12_content_that_waits_for_removal_is_revived;
    d3_content_is_told_apart_by_its_own_hash_and_scope;
    content_moves_only_from_where_it_is;
    attributes_are_bounded;
    faults::every_missing_row_is_found;
    faults::s10_every_damaged_row_is_found;
    faults::every_planted_fault_is_found;
    model::random_work_agrees_with_a_naive_model;
}

#[test]
fn the_driver_in_memory_keeps_every_promise() {
    run(MemoryKv::default);
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
        let range = number::reserve(&mut writer, 1_000_000).unwrap();
        let mut ids = Ids(range.start);
        let now = Time::from_unix(1_000_000);
        let drive = drive::open(&mut writer, "alice", &mut ids, now).unwrap();
        kv.commit(writer, Commit::Unsynced).unwrap();
        Store { kv, drive, ids, now }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, grace: GRACE }
    }

    fn reader(&self) -> K::Reader {
        self.kv.reader().unwrap()
    }

    /// Commits a change that works; one that fails must have written nothing.
    fn change<T>(&mut self, work: impl FnOnce(&mut K::Writer, &mut Ids) -> Result<T>) -> Result<T> {
        self.now = self.now.after(Duration::from_secs(1));
        let mut writer = self.kv.writer().unwrap();
        let before = dump(&writer);
        let done = work(&mut writer, &mut self.ids);
        match &done {
            Ok(_) => self.kv.commit(writer, Commit::Unsynced).unwrap(),
            Err(error) => assert!(dump(&writer) == before, "a call wrote before it failed: {error}"),
        }
        done
    }

    fn put(&mut self, path: &str, content: u8) -> Result<VersionInfo> {
        self.put_if(path, content, Expect::Any)
    }

    fn put_if(&mut self, path: &str, content: u8, expect: Expect) -> Result<VersionInfo> {
        let (drive, moment) = (self.drive, self.moment());
        let blob = self.blob(content);
        self.change(|tx, ids| {
            let new = NewVersion { blob, media_type: "text/plain", modified: Time(5) };
            version::put(tx, drive, path, new, expect, ids, moment)
        })
    }

    /// Finds or stores the content that is 10 times `content` bytes long.
    fn blob(&mut self, content: u8) -> BlobId {
        let due = self.moment().due();
        self.change(|tx, ids| match blob::find(tx, 0, &[content; 32])? {
            Some(id) => Ok(id),
            None => {
                let id = BlobId(ids.next()?);
                blob::insert(tx, id, content_of(content), due)?;
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
        self.change(|tx, ids| tree::mkdir(tx, drive, path, ids, now))
    }

    fn relocate(&mut self, from: &str, to: &str, replace: bool) -> Result<FileId> {
        let (drive, moment) = (self.drive, self.moment());
        self.change(|tx, ids| tree::relocate(tx, drive, from, to, replace, ids, moment))
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
        let (drive, moment) = (self.drive, self.moment());
        self.change(|tx, _| delete::path(tx, drive, path, moment))
    }

    /// Clears away everything deleted, `budget` things in a transaction; returns the steps it took.
    fn clear(&mut self, budget: usize) -> usize {
        for steps in 1.. {
            let moment = self.moment();
            let progress = self.change(|tx, _| delete::step(tx, moment, budget)).unwrap();
            assert!(progress.cleared <= budget);
            if progress.done {
                return steps;
            }
        }
        unreachable!()
    }

    /// Removes the blobs whose time has come.
    fn collect(&mut self) -> usize {
        let now = self.now;
        let due = blob::due(&self.reader(), now, 1000).unwrap();
        for id in &due {
            assert!(self.change(|tx, _| blob::forget(tx, *id, now)).unwrap().is_some());
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
        let file = tree::resolve(&tx, self.drive, path).unwrap().0;
        version::list(&tx, file, None, 1000).unwrap().iter().map(|version| version.id.number()).collect()
    }

    fn id(&self, path: &str) -> FileId {
        tree::resolve(&self.reader(), self.drive, path).unwrap().0
    }

    fn usage(&self) -> (u64, u64) {
        let info = drive::info(&self.reader(), self.drive).unwrap();
        (info.files, info.bytes)
    }

    /// Holds that no row contradicts another.
    fn verify(&self) {
        let problems = check(&self.reader()).unwrap();
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

fn content_of(content: u8) -> BlobRecord {
    BlobRecord {
        place: Place::File,
        len: 10 * u64::from(content),
        crc32: u32::from(content),
        crc64: u64::from(content),
        sha1: [7; 20],
        blake3: [content; 32],
        refs: 0,
        due: None,
        scope: 0,
    }
}

fn dump(tx: &impl Read) -> Vec<(u8, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    for table in ALL {
        super::index::under(tx, *table, &[], None, &mut |key, value| {
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

fn a_drive_is_opened_by_name<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let now = store.now;
    let again = store.change(|tx, ids| drive::open(tx, "alice", ids, now)).unwrap();
    assert_eq!(again, store.drive);
    let bob = store.change(|tx, ids| drive::open(tx, "bob", ids, now)).unwrap();
    assert_ne!(bob, store.drive);
    for name in ["", "a/b", "a\0", ".."] {
        let opened = store.change(|tx, ids| drive::open(tx, name, ids, now));
        assert_eq!(kind(opened), Some(ErrorKind::InvalidArgument), "{name:?}");
    }
    let names = |after, limit| {
        let drives = drive::list(&store.reader(), after, limit).unwrap();
        drives.into_iter().map(|drive| drive.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 10), ["alice", "bob"]);
    assert_eq!(names(Some("alice"), 10), ["bob"]);
    assert_eq!(names(None, 1), ["alice"]);
    assert_eq!(kind(drive::get(&store.reader(), DriveId(999))), Some(ErrorKind::NotFound));
    store.verify();
}

fn a_deleted_drive_takes_its_files_and_trash_along<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let kept = store.put("a/b/one", 1).unwrap();
    store.put("a/two", 2).unwrap();
    store.put("three", 3).unwrap();
    store.trash("a/two").unwrap();
    store.change(|tx, _| drive::delete(tx, "alice")).unwrap();
    assert_eq!(kind(version::open(&store.reader(), kept.id)), Some(ErrorKind::Gone));
    assert_eq!(kind(store.put("new", 1)), Some(ErrorKind::NotFound));
    assert_eq!(kind(store.change(|tx, _| drive::delete(tx, "alice"))), Some(ErrorKind::NotFound));
    store.verify();
    store.clear(2);
    store.verify();
    let left = dump(&store.reader());
    assert!(left.iter().all(|(byte, _, _)| *byte != FILE.byte && *byte != VERSION.byte));
    let (drive, now) = (store.drive, store.now);
    assert_eq!(counter::get(&store.reader(), Counter::DriveFiles(drive)).unwrap(), 0);
    assert_eq!(counter::get(&store.reader(), Counter::DriveBytes(drive)).unwrap(), 0);
    assert_ne!(store.change(|tx, ids| drive::open(tx, "alice", ids, now)).unwrap(), drive);
    store.verify();
}

fn missing_parents_are_made_and_a_file_in_the_way_is_named<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    store.put("/a/b/c", 1).unwrap();
    assert_eq!(store.paths(), ["a/", "a/b/", "a/b/c"]);
    let folder = store.mkdir("a/b").unwrap();
    assert_eq!(store.mkdir("/a/b").unwrap(), folder, "a folder that is there is no error");
    let root = drive::get(&store.reader(), store.drive).unwrap().root;
    assert_eq!(store.mkdir("").unwrap(), root);
    store.mkdir("x/y/z").unwrap();
    for path in ["a/b/c", "a/b/c/d", "a/b/c/d/e"] {
        assert_eq!(kind(store.mkdir(path)), Some(ErrorKind::Exists), "{path}");
    }
    for path in ["a/b", "a/b/c/d", "a/b/c/d/e"] {
        assert_eq!(kind(store.put(path, 2)), Some(ErrorKind::Exists), "{path}");
    }
    for path in ["", "/", "a//b", "../a", "a/"] {
        assert_eq!(kind(store.put(path, 2)), Some(ErrorKind::InvalidArgument), "{path}");
    }
    let tx = store.reader();
    for path in ["nothing", "a/b/c/d", "a/nothing/c"] {
        assert_eq!(kind(tree::stat(&tx, store.drive, path)), Some(ErrorKind::NotFound), "{path}");
    }
    let info = tree::stat(&tx, store.drive, "a/b/c").unwrap();
    assert_eq!((info.name.as_str(), info.kind, info.parent), ("c", Kind::File, Some(folder)));
    assert_eq!(info.current.unwrap().size, 10);
    assert_eq!(tree::path_of(&tx, info.id).unwrap().as_deref(), Some("a/b/c"));
    assert_eq!(tree::path_of(&tx, root).unwrap().as_deref(), Some(""));
    store.verify();
}

fn a_put_to_an_existing_path_adds_a_version<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let first = store.put("f", 1).unwrap();
    let second = store.put("f", 2).unwrap();
    let again = store.put("f", 1).unwrap();
    assert_eq!(first.id.file(), again.id.file());
    assert_eq!(store.numbers("f"), [3, 2, 1]);
    assert_eq!((store.refs(1), store.refs(2)), (2, 1));
    assert_eq!(store.usage(), (1, 40));
    let tx = store.reader();
    let listed = version::list(&tx, first.id.file(), None, 10).unwrap();
    assert_eq!(listed.first(), Some(&again));
    assert!(again.current && !listed[1].current);
    assert_eq!((second.sha1, second.blake3, second.crc64), ([7; 20], [2; 32], 2));
    let page = version::list(&tx, first.id.file(), Some(again.id), 1).unwrap();
    assert_eq!(page.iter().map(|version| version.id).collect::<Vec<_>>(), [second.id]);
    assert!(version::list(&tx, first.id.file(), Some(first.id), 1).unwrap().is_empty());
    let row = &listing::list(&tx, drive::get(&tx, store.drive).unwrap().root, None, 10).unwrap()[0];
    assert_eq!((row.version, row.size, row.crc32, row.modified), (Some(again.id), 10, 1, Time(5)));

    let (file, moment, blob) = (first.id.file(), store.moment(), row.blob);
    let new = NewVersion { blob, media_type: "", modified: Time(6) };
    let byid = store.change(|tx, _| version::put_to(tx, file, new, Expect::Any, moment)).unwrap();
    assert_eq!(byid.id.number(), 4);
    let wrong = NewVersion { blob: BlobId(999), ..new };
    let put = store.change(|tx, _| version::put_to(tx, file, wrong, Expect::Any, moment));
    assert_eq!(kind(put), Some(ErrorKind::NotFound));
    for media_type in ["text/plain\r\nSet-Cookie: a=b", &"x".repeat(256)] {
        let wrong = NewVersion { media_type, ..new };
        let put = store.change(|tx, _| version::put_to(tx, file, wrong, Expect::Any, moment));
        assert_eq!(kind(put), Some(ErrorKind::InvalidArgument));
    }
    store.trash("f").unwrap();
    let put = store.change(|tx, _| version::put_to(tx, file, new, Expect::Any, moment));
    assert_eq!(kind(put), Some(ErrorKind::Gone));
    store.verify();
}

fn an_expectation_that_fails_writes_nothing<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let first = store.put_if("a/f", 1, Expect::Absent).unwrap();
    assert_eq!(kind(store.put_if("a/f", 2, Expect::Absent)), Some(ErrorKind::Exists));
    let second = store.put_if("a/f", 2, Expect::Current(first.id)).unwrap();
    assert_eq!(kind(store.put_if("a/f", 3, Expect::Current(first.id))), Some(ErrorKind::Mismatch));
    assert_eq!(kind(store.put_if("b/f", 3, Expect::Current(second.id))), Some(ErrorKind::Mismatch));
    assert_eq!(store.paths(), ["a/", "a/f"]);
    assert_eq!(store.numbers("a/f"), [2, 1]);
    store.verify();
}

fn versions_beyond_the_limit_go_oldest_first<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let drive = store.drive;
    let first = store.put("f", 1).unwrap().id;
    for content in [2, 3, 4] {
        store.put("f", content).unwrap();
    }
    store.change(|tx, _| version::set_keep(tx, first, true)).unwrap();
    store.change(|tx, _| drive::set_max_versions(tx, drive, 2)).unwrap();
    assert_eq!(store.numbers("f"), [4, 3, 2, 1], "nothing goes before the next put");
    store.put("f", 5).unwrap();
    assert_eq!(store.numbers("f"), [5, 4, 1]);
    store.change(|tx, _| version::set_keep(tx, first, false)).unwrap();
    store.put("f", 6).unwrap();
    assert_eq!(store.numbers("f"), [6, 5]);
    assert_eq!(kind(version::get(&store.reader(), first)), Some(ErrorKind::Gone));
    assert_eq!(store.usage(), (1, 110));
    assert_eq!([1, 4, 5].map(|content| store.refs(content)), [0, 0, 1]);
    store.change(|tx, _| drive::set_max_versions(tx, drive, 1)).unwrap();
    store.put("f", 7).unwrap();
    assert_eq!(store.numbers("f"), [7]);
    store.verify();
}

fn a_file_runs_out_of_version_numbers<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let file = store.put("f", 1).unwrap().id.file();
    store
        .change(|tx, _| {
            let node = FileRecord { next: VersionId::MAX_NUMBER, ..tree::get(tx, file)? };
            row::put(tx, FILE, &file.to_key(), &node)
        })
        .unwrap();
    assert_eq!(store.put("f", 2).unwrap().id.number(), VersionId::MAX_NUMBER);
    assert_eq!(kind(store.put("f", 3)), Some(ErrorKind::TooLarge));
    assert_eq!(store.numbers("f"), [VersionId::MAX_NUMBER, 1]);
    store.copy("f", "g", CopyVersions::All, 1).unwrap();
    assert_eq!(store.numbers("g"), [VersionId::MAX_NUMBER, 1]);
    store.copy("f", "h", CopyVersions::Current, 1).unwrap();
    assert_eq!(store.put("h", 3).unwrap().id.number(), 2, "a copy begins to count anew");
    store.verify();
}

fn setting_an_older_version_current_only_repoints<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let first = store.put("f", 1).unwrap().id;
    let second = store.put("f", 2).unwrap().id;
    let now = store.now;
    store.change(|tx, _| version::set_current(tx, first, now)).unwrap();
    store.change(|tx, _| version::set_current(tx, first, now)).unwrap();
    assert_eq!(store.numbers("f"), [2, 1]);
    assert_eq!(tree::stat(&store.reader(), store.drive, "f").unwrap().current.unwrap().id, first);
    store.verify();
    assert_eq!(store.put("f", 3).unwrap().id.number(), 3);
    for wrong in [VersionId::new(first.file(), 9), VersionId::new(first.file(), 0), VersionId(u64::MAX)] {
        let set = store.change(|tx, _| version::set_current(tx, wrong, now));
        assert_eq!(kind(set), Some(ErrorKind::NotFound));
    }
    let moment = store.moment();
    store.change(|tx, _| version::remove(tx, second, moment)).unwrap();
    let set = store.change(|tx, _| version::set_current(tx, second, now));
    assert_eq!(kind(set), Some(ErrorKind::Gone));
    store.verify();
}

fn the_current_version_cannot_be_removed<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let first = store.put("f", 1).unwrap().id;
    let second = store.put("f", 2).unwrap().id;
    let moment = store.moment();
    let removed = store.change(|tx, _| version::remove(tx, second, moment));
    assert_eq!(kind(removed), Some(ErrorKind::InvalidArgument));
    store.change(|tx, _| version::remove(tx, first, moment)).unwrap();
    let removed = store.change(|tx, _| version::remove(tx, first, moment));
    assert_eq!(kind(removed), Some(ErrorKind::Gone));
    assert_eq!(store.numbers("f"), [2]);
    assert_eq!(store.usage(), (1, 20));
    store.verify();
}

fn t14_revoking_raises_the_epoch_of_what_it_covers<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let [one, two] = ["f", "f"].map(|path| store.put(path, 1).unwrap().id);
    let other = store.put("g", 1).unwrap().id;
    let epochs = |store: &Store<K>| {
        let tx = store.reader();
        for id in [one, two, other] {
            assert_eq!(version::open(&tx, id).unwrap().epoch, version::epoch(&tx, id).unwrap());
        }
        [one, two, other].map(|id| version::epoch(&tx, id).unwrap())
    };
    assert_eq!(epochs(&store), [0, 0, 0]);
    store.change(|tx, _| version::revoke(tx, one)).unwrap();
    assert_eq!(epochs(&store), [1, 0, 0]);
    store.change(|tx, _| tree::revoke(tx, one.file())).unwrap();
    assert_eq!(epochs(&store), [2, 1, 0]);
    let drive = store.drive;
    store.change(|tx, _| drive::revoke(tx, drive)).unwrap();
    assert_eq!(epochs(&store), [3, 2, 1]);
    let tx = store.reader();
    assert_eq!(version::file_epoch(&tx, one.file()).unwrap(), 2);
    assert_eq!(version::drive_epoch(&tx, drive).unwrap(), 1);
    store.verify();
}

fn a_page_goes_on_behind_its_last_name<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let names = ["!", "A", "a", "a b", "a!", "ab", "b", "\u{e9}", "\u{10ffff}"];
    for name in names {
        store.put(&format!("dir/{name}"), 1).unwrap();
    }
    store.put("dir2/x", 1).unwrap();
    let tx = store.reader();
    let folder = listing::folder(&tx, store.drive, "dir").unwrap();
    let mut sorted = names;
    sorted.sort_unstable();
    for limit in 1..=names.len() + 1 {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = listing::list(&tx, folder, after.as_deref(), limit).unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            listed.extend(page.into_iter().map(|row| row.name));
        }
        assert_eq!(listed, sorted);
    }
    assert!(listing::list(&tx, folder, None, 0).unwrap().is_empty());
    assert_eq!(kind(listing::folder(&tx, store.drive, "dir/a")), Some(ErrorKind::InvalidArgument));
}

fn a_walk_is_depth_first_whatever_the_page<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    for path in ["a/b/c/d", "a/b/e", "a/z", "a!", "b", "d/f"] {
        store.put(path, 1).unwrap();
    }
    store.mkdir("c/empty").unwrap();
    let expected = ["a", "a/b", "a/b/c", "a/b/c/d", "a/b/e", "a/z", "a!", "b", "c", "c/empty", "d", "d/f"];
    let tx = store.reader();
    let root = drive::get(&tx, store.drive).unwrap().root;
    for limit in 1..=13 {
        let (mut walk, mut walked) = (Walk::new(root), Vec::new());
        loop {
            let page = walk.page(&tx, limit).unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            walked.extend(page.into_iter().map(|(path, _)| path));
        }
        assert_eq!(walked, expected, "in pages of {limit}");
        assert!(walk.page(&tx, limit).unwrap().is_empty());
    }
    let mut seen = 0;
    listing::walk(&tx, root, &mut |_, _| {
        seen += 1;
        Ok(if seen == 5 { Scan::Stop } else { Scan::Next })
    })
    .unwrap();
    assert_eq!(seen, 5);
}

fn a_folder_is_not_moved_into_itself<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    store.put("a/b/f", 1).unwrap();
    for to in ["a/x", "a/b/x", "a/b/new/x", "a/a"] {
        assert_eq!(kind(store.relocate("a", to, true)), Some(ErrorKind::InvalidArgument), "{to}");
        let copied = store.copy("a", to, CopyVersions::All, 10);
        assert_eq!(kind(copied), Some(ErrorKind::InvalidArgument), "{to}");
    }
    assert_eq!(kind(store.relocate("", "x", false)), Some(ErrorKind::InvalidArgument));
    assert_eq!(kind(store.relocate("a", "", false)), Some(ErrorKind::InvalidArgument));
    assert_eq!(kind(store.relocate("a/b/f", "a/b/f/x", false)), Some(ErrorKind::Exists));
    assert_eq!(kind(store.relocate("none", "x", false)), Some(ErrorKind::NotFound));
    let id = store.id("a");
    assert_eq!(store.relocate("a", "a", false).unwrap(), id);
    store.relocate("a", "ab/c/d", false).unwrap();
    assert_eq!(store.paths(), ["ab/", "ab/c/", "ab/c/d/", "ab/c/d/b/", "ab/c/d/b/f"]);
    assert_eq!(store.id("ab/c/d"), id);
    store.verify();
}

fn a_move_keeps_the_file_and_replaces_only_files<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let moved = store.put("f", 1).unwrap().id;
    store.put("f", 2).unwrap();
    let lost = store.put("g", 3).unwrap().id;
    store.put("dir/x", 4).unwrap();
    assert_eq!(kind(store.relocate("f", "g", false)), Some(ErrorKind::Exists));
    assert_eq!(kind(store.relocate("f", "dir", true)), Some(ErrorKind::Exists));
    assert_eq!(kind(store.relocate("dir", "g", true)), Some(ErrorKind::Exists));
    store.relocate("f", "g", true).unwrap();
    assert_eq!(store.paths(), ["dir/", "dir/x", "g"]);
    assert_eq!(store.id("g"), moved.file());
    assert_eq!(store.numbers("g"), [2, 1]);
    assert_eq!(store.refs(3), 0);
    assert_eq!(kind(version::get(&store.reader(), lost)), Some(ErrorKind::NotFound));
    assert_eq!(store.usage(), (2, 70));
    store.verify();
}

fn a_copy_shares_content_and_can_be_continued<K: Kv>(make: &impl Fn() -> K) {
    for limit in 1..=4 {
        let mut store = Store::new(make);
        for content in 1..=5 {
            store.put("a/f", content).unwrap();
        }
        let second = VersionId::new(store.id("a/f"), 2);
        let now = store.now;
        store.change(|tx, _| version::set_current(tx, second, now)).unwrap();
        store.change(|tx, _| version::set_keep(tx, second, true)).unwrap();
        store.change(|tx, _| version::revoke(tx, second)).unwrap();
        for name in ["a/b/g", "a/b/h", "a/b/i", "a/j"] {
            store.put(name, 6).unwrap();
        }
        store.mkdir("a/empty").unwrap();
        let file = store.copy("a", "x/y", CopyVersions::Current, limit).unwrap();
        assert_eq!(file, store.id("x/y"));
        assert_eq!(store.numbers("x/y/f"), [1]);
        assert_eq!((store.refs(1), store.refs(2), store.refs(6)), (1, 2, 8));
        store.copy("a", "z", CopyVersions::All, limit).unwrap();
        assert_eq!(store.numbers("z/f"), [5, 4, 3, 2, 1]);
        let copied = tree::stat(&store.reader(), store.drive, "z/f").unwrap().current.unwrap();
        assert_eq!((copied.id.number(), copied.keep), (2, true));
        assert_eq!(version::epoch(&store.reader(), copied.id).unwrap(), 0);
        assert_eq!((store.refs(1), store.refs(2), store.refs(6)), (2, 3, 12));
        let below = |top: &str| {
            let paths = store.paths();
            let below = paths.iter().filter_map(|path| path.strip_prefix(top).map(str::to_owned));
            below.collect::<Vec<_>>()
        };
        assert_eq!(below("x/y/"), below("a/"));
        assert_eq!(below("z/"), below("a/"));
        assert_eq!(kind(store.copy("a", "z", CopyVersions::All, limit)), Some(ErrorKind::Exists));
        assert_eq!(kind(store.copy("q", "r", CopyVersions::All, limit)), Some(ErrorKind::NotFound));
        store.verify();
    }
}

fn a_copy_that_was_deleted_meanwhile_ends<K: Kv>(make: &impl Fn() -> K) {
    for cleared in [false, true] {
        let mut store = Store::new(make);
        store.put("a/b/f", 1).unwrap();
        let (drive, now) = (store.drive, store.now);
        let copying =
            store.change(|tx, ids| copy::start(tx, drive, "a", "c", CopyVersions::All, ids, now)).unwrap();
        store.delete("c").unwrap();
        if cleared {
            store.clear(10);
        }
        let step = store.change(|tx, ids| copy::step(tx, &copying, 10, ids, now));
        assert_eq!(kind(step), Some(ErrorKind::Gone));
        store.verify();
    }
}

fn what_is_trashed_comes_back<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let version = store.put("a/b/f", 1).unwrap().id;
    let file = store.trash("a/b/f").unwrap();
    assert_eq!(store.paths(), ["a/", "a/b/"]);
    let opened = version::open(&store.reader(), version).unwrap();
    assert_eq!(opened.standing, Standing::Trashed);
    assert_eq!(tree::path_of(&store.reader(), file).unwrap(), None);
    let listed = trash::list(&store.reader(), store.drive, None, 10).unwrap();
    assert_eq!((listed[0].file, listed[0].path.as_str()), (file, "a/b/f"));
    assert!(trash::list(&store.reader(), store.drive, Some(file), 10).unwrap().is_empty());

    // To the folder it was in, though that was moved.
    store.relocate("a/b", "c", false).unwrap();
    store.restore(file, None).unwrap();
    assert_eq!(store.paths(), ["a/", "c/", "c/f"]);
    assert_eq!(kind(store.restore(file, None)), Some(ErrorKind::NotFound));

    // Its folder is in the trash itself: the path is made anew.
    store.trash("c/f").unwrap();
    let folder = store.trash("c").unwrap();
    store.restore(file, None).unwrap();
    assert_eq!(store.paths(), ["a/", "c/", "c/f"]);
    assert_ne!(store.id("c"), folder);

    // The name is taken, then another path is given.
    assert_eq!(kind(store.restore(folder, None)), Some(ErrorKind::Exists));
    assert_eq!(kind(store.restore(folder, Some("c/f/x"))), Some(ErrorKind::Exists));
    assert_eq!(kind(store.restore(folder, Some(""))), Some(ErrorKind::InvalidArgument));
    store.restore(folder, Some("new/place")).unwrap();
    assert_eq!(store.paths(), ["a/", "c/", "c/f", "new/", "new/place/"]);
    assert_eq!(tree::standing(&store.reader(), file).unwrap(), Standing::Live);
    assert_eq!(tree::get(&store.reader(), file).unwrap().trashed, None);
    assert_eq!(kind(store.trash("")), Some(ErrorKind::InvalidArgument));
    assert_eq!(kind(store.trash("none")), Some(ErrorKind::NotFound));
    store.verify();
}

fn old_trash_is_purged_in_steps<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    for name in ["a", "b", "c", "d", "e"] {
        store.put(name, 1).unwrap();
    }
    store.put("dir/x", 1).unwrap();
    for name in ["e", "a", "dir"] {
        store.trash(name).unwrap();
    }
    let before = store.now;
    for name in ["b", "c"] {
        store.trash(name).unwrap();
    }
    let drive = store.drive;
    let (mut after, mut count) = (None, 0);
    loop {
        let purged = store.change(|tx, _| trash::purge_before(tx, drive, before, after, 2)).unwrap();
        count += purged.count;
        after = purged.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(count, 3);
    store.verify();
    store.clear(100);
    assert_eq!(store.refs(1), 3);
    let left = trash::list(&store.reader(), drive, None, 10).unwrap();
    assert_eq!(left.iter().map(|item| item.path.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    let (file, moment) = (left[0].file, store.moment());
    assert!(store.change(|tx, _| trash::purge(tx, drive, file, moment)).unwrap());
    let purged = store.change(|tx, _| trash::purge(tx, drive, file, moment));
    assert_eq!(kind(purged), Some(ErrorKind::NotFound));
    assert_eq!(store.usage(), (2, 20));
    store.verify();
}

fn t14_a_deleted_file_is_gone_at_once<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let deep = store.put("a/b/c/f", 1).unwrap().id;
    let file = store.put("g", 2).unwrap().id;
    assert!(store.delete("g").unwrap(), "a small file is cleared away at once");
    assert_eq!(kind(version::open(&store.reader(), file)), Some(ErrorKind::NotFound));
    assert!(!store.delete("a/b").unwrap());
    assert_eq!(store.paths(), ["a/"]);
    assert_eq!(kind(version::open(&store.reader(), deep)), Some(ErrorKind::Gone));
    assert_eq!(tree::standing(&store.reader(), deep.file()).unwrap(), Standing::Doomed);
    assert_eq!(kind(store.delete("")), Some(ErrorKind::InvalidArgument));
    assert_eq!(kind(store.delete("g")), Some(ErrorKind::NotFound));
    // In the trash of a folder that is deleted: still to be had.
    let kept = store.put("x/y", 3).unwrap().id;
    store.trash("x/y").unwrap();
    store.delete("x").unwrap();
    store.clear(100);
    assert_eq!(version::open(&store.reader(), kept).unwrap().standing, Standing::Trashed);
    store.restore(kept.file(), None).unwrap();
    assert_eq!(store.paths(), ["a/", "x/", "x/y"]);
    store.verify();
}

fn a_big_tree_is_cleared_away_in_bounded_steps<K: Kv>(make: &impl Fn() -> K) {
    for budget in [1, 2, 3, 7, 1000] {
        let mut store = Store::new(make);
        for path in ["a/b/f", "a/b/g", "a/c/d/e", "a/h", "keep"] {
            for content in [1, 2, 3] {
                store.put(path, content).unwrap();
            }
        }
        store.delete("a").unwrap();
        store.verify();
        let mut steps = 0;
        loop {
            steps += 1;
            let moment = store.moment();
            let progress = store.change(|tx, _| delete::step(tx, moment, budget)).unwrap();
            assert!(progress.cleared <= budget);
            store.verify();
            if progress.done {
                break;
            }
        }
        assert!(steps >= 20 / budget, "{steps} steps");
        assert_eq!([1, 2, 3].map(|content| store.refs(content)), [1, 1, 1]);
        assert_eq!(store.usage(), (1, 60));
        assert_eq!(dump(&store.reader()).iter().filter(|row| row.0 == FILE.byte).count(), 2);
    }
}

fn links_and_shares_go_with_their_file<K: Kv>(make: &impl Fn() -> K) {
    for (top, budget) in [("a/f", 1), ("a", 1), ("a", 100)] {
        let mut store = Store::new(make);
        let file = store.put("a/f", 1).unwrap().id.file();
        let drive = store.drive;
        store.change(|tx, ids| hang(tx, ids, drive, file)).unwrap();
        store.verify();
        store.delete(top).unwrap();
        store.clear(budget);
        store.verify();
        let gone = [table::LINK, table::FILE_LINK, table::SHARE, table::FILE_SHARE];
        let left = dump(&store.reader());
        assert!(left.iter().all(|row| gone.iter().all(|table| table.byte != row.0)));
    }
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

fn s12_content_that_waits_for_removal_is_revived<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    store.put("f", 1).unwrap();
    let blob = store.blob(1);
    store.delete("f").unwrap();
    assert_eq!(store.collect(), 0, "its time has not come");
    store.now = store.now.after(GRACE);
    store.put("g", 1).unwrap();
    assert_eq!((store.blob(1), store.refs(1)), (blob, 1));
    assert_eq!(store.collect(), 0, "a version has it again");
    let now = store.now;
    assert!(store.change(|tx, _| blob::forget(tx, blob, now)).unwrap().is_none());

    // Let go of anew, it waits the whole time anew.
    store.delete("g").unwrap();
    let now = store.now.before(Duration::from_secs(5)).after(GRACE);
    assert!(blob::due(&store.reader(), now, 10).unwrap().is_empty());
    assert!(store.change(|tx, _| blob::forget(tx, blob, now)).unwrap().is_none());
    store.now = store.now.after(GRACE);
    assert_eq!(store.collect(), 1);
    assert_eq!(blob::find(&store.reader(), 0, &[1; 32]).unwrap(), None);
    let now = store.now;
    assert!(store.change(|tx, _| blob::forget(tx, blob, now)).unwrap().is_none(), "gone already");
    assert_eq!(counter::get(&store.reader(), Counter::BlobBytes).unwrap(), 0);
    assert_ne!(store.blob(1), blob);
    store.verify();

    // What no version ever had waits too.
    store.now = store.now.after(GRACE).after(GRACE);
    assert_eq!(store.collect(), 1);
    store.verify();
}

fn d3_content_is_told_apart_by_its_own_hash_and_scope<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let [one, two] = [1, 2].map(|content| store.blob(content));
    assert_ne!(one, two, "the same SHA-1, another BLAKE3");
    let due = store.moment().due();
    let scoped = BlobRecord { scope: 9, ..content_of(1) };
    let three = store
        .change(|tx, ids| {
            let id = BlobId(ids.next()?);
            blob::insert(tx, id, scoped.clone(), due)?;
            Ok(id)
        })
        .unwrap();
    let tx = store.reader();
    assert_eq!(blob::find(&tx, 0, &[1; 32]).unwrap(), Some(one));
    assert_eq!(blob::find(&tx, 9, &[1; 32]).unwrap(), Some(three));
    assert_eq!(blob::find(&tx, 8, &[1; 32]).unwrap(), None);
    let twice = store.change(|tx, ids| blob::insert(tx, BlobId(ids.next()?), scoped, due));
    assert_eq!(kind(twice), Some(ErrorKind::Bug));
    let taken = store.change(|tx, _| blob::insert(tx, one, content_of(5), due));
    assert_eq!(kind(taken), Some(ErrorKind::Bug));
    assert_eq!(counter::get(&store.reader(), Counter::Blobs).unwrap(), 3);
    store.verify();
}

fn content_moves_only_from_where_it_is<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let id = store.blob(1);
    let [here, there] = [10, 20].map(|offset| Place::Segment { segment: 1, offset });
    let mut relocate = |id, from, to| store.change(|tx, _| blob::relocate(tx, id, from, to)).unwrap();
    assert!(relocate(id, Place::File, here));
    assert!(!relocate(id, Place::File, there));
    assert!(relocate(id, here, there));
    assert!(!relocate(BlobId(999), here, there));
    assert_eq!(blob::get(&store.reader(), id).unwrap().place, there);
    store.verify();
}

fn attributes_are_bounded<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let file = store.put("f", 1).unwrap().id.file();
    let folder = store.mkdir("dir").unwrap();
    let now = store.now;
    let fits = BTreeMap::from([("k".to_owned(), "v".repeat((64 << 10) - 1))]);
    for id in [file, folder] {
        store.change(|tx, _| tree::set_attributes(tx, id, fits.clone(), now)).unwrap();
        assert_eq!(tree::info(&store.reader(), id).unwrap().attributes, fits);
    }
    let too_long = BTreeMap::from([("k".to_owned(), "v".repeat(64 << 10))]);
    let too_many = (0..5000).map(|count| (count.to_string(), String::new())).collect();
    for attributes in [too_long, too_many] {
        let set = store.change(|tx, _| tree::set_attributes(tx, file, attributes, now));
        assert_eq!(kind(set), Some(ErrorKind::TooLarge));
    }
    store.verify();
}
