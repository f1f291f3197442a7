//! Drives, trees, listings, moves and copies.

use super::*;
use crate::catalog::{node, revocation, stat, state};

pub(super) fn a_drive_is_opened_by_name<K: Kv>(make: &impl Fn() -> K) {
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

pub(super) fn a_deleted_drive_takes_its_files_and_trash_along<K: Kv>(make: &impl Fn() -> K) {
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

pub(super) fn missing_parents_are_made_and_a_file_in_the_way_is_named<K: Kv>(make: &impl Fn() -> K) {
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
    for path in ["", "/", "a//b", "../a"] {
        assert_eq!(kind(store.put(path, 2)), Some(ErrorKind::InvalidArgument), "{path}");
    }
    let tx = store.reader();
    for path in ["nothing", "a/b/c/d", "a/nothing/c"] {
        assert_eq!(kind(stat::at_path(&tx, store.drive, path)), Some(ErrorKind::NotFound), "{path}");
    }
    let info = stat::at_path(&tx, store.drive, "a/b/c").unwrap();
    assert_eq!((info.name.as_str(), info.kind, info.parent), ("c", Kind::File, Some(folder)));
    assert_eq!(info.current.unwrap().size, 10);
    assert_eq!(state::path_of(&tx, info.id).unwrap().as_deref(), Some("a/b/c"));
    assert_eq!(state::path_of(&tx, root).unwrap().as_deref(), Some(""));
    store.verify();
}

pub(super) fn a_page_goes_on_behind_its_last_name<K: Kv>(make: &impl Fn() -> K) {
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

pub(super) fn a_walk_is_depth_first_whatever_the_page<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    for path in ["a/b/c/d", "a/b/e", "a/z", "a!", "b", "d/f"] {
        store.put(path, 1).unwrap();
    }
    store.mkdir("c/empty").unwrap();
    let expected = ["a", "a/b", "a/b/c", "a/b/c/d", "a/b/e", "a/z", "a!", "b", "c", "c/empty", "d", "d/f"];
    let tx = store.reader();
    let root = drive::get(&tx, store.drive).unwrap().root;
    for limit in 1..=13 {
        let (mut walk, mut walked) = (Walk::new(root, "top/"), Vec::new());
        loop {
            let page = walk.page(&tx, limit).unwrap();
            if page.is_empty() {
                break;
            }
            let before = walked.len();
            let visited = page.visit(|path, row| {
                assert!(path.ends_with(&row.name));
                walked.push(path.strip_prefix("top/").unwrap().to_owned());
                Ok(Scan::Next)
            });
            assert_eq!(visited.unwrap(), Scan::Next);
            assert!((1..=limit).contains(&(walked.len() - before)));
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

pub(super) fn a_folder_is_not_moved_into_itself<K: Kv>(make: &impl Fn() -> K) {
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

pub(super) fn a_move_keeps_the_file_and_replaces_only_files<K: Kv>(make: &impl Fn() -> K) {
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

pub(super) fn a_copy_shares_content_and_can_be_continued<K: Kv>(make: &impl Fn() -> K) {
    for limit in 1..=4 {
        let mut store = Store::new(make);
        for content in 1..=5 {
            store.put("a/f", content).unwrap();
        }
        let second = VersionId::new(store.id("a/f"), 2);
        let now = store.now;
        store.change(|tx, _| version::set_current(tx, second, now)).unwrap();
        store.change(|tx, _| version::set_keep(tx, second, true)).unwrap();
        store.change(|tx, _| revocation::revoke_version(tx, second)).unwrap();
        for name in ["a/b/g", "a/b/h", "a/b/i", "a/j"] {
            store.put(name, 6).unwrap();
        }
        store.mkdir("a/empty").unwrap();
        let file = store.copy("a", "x/y", CopyVersions::Current, limit).unwrap();
        assert_eq!(file, store.id("x/y"));
        assert_eq!(store.numbers("x/y/f"), [1]);
        assert_eq!((store.refs(1), store.refs(2), store.refs(6)), (1, 2, 8));
        let copied = stat::at_path(&store.reader(), store.drive, "x/y/f").unwrap().current.unwrap();
        assert!(!copied.keep);
        store.copy("a", "z", CopyVersions::All, limit).unwrap();
        assert_eq!(store.numbers("z/f"), [5, 4, 3, 2, 1]);
        let copied = stat::at_path(&store.reader(), store.drive, "z/f").unwrap().current.unwrap();
        assert_eq!((copied.id.number(), copied.keep), (2, true));
        assert_eq!(revocation::of_version(&store.reader(), copied.id).unwrap(), 0);
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

pub(super) fn a_copy_that_was_deleted_meanwhile_ends<K: Kv>(make: &impl Fn() -> K) {
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

/// Puts go on, to the file and to its copy, before each step of the copy.
pub(super) fn a_copy_takes_no_version_that_came_after_it_began<K: Kv>(make: &impl Fn() -> K) {
    for (limit, puts) in [(1, [0, 1]), (1, [2, 1]), (2, [1, 0]), (9, [1, 2]), (9, [3, 3])] {
        let mut store = Store::new(make);
        for content in 1..=4 {
            store.put("f", content).unwrap();
        }
        let (drive, now) = (store.drive, store.now);
        let mut copying =
            store.change(|tx, ids| copy::start(tx, drive, "f", "g", CopyVersions::All, ids, now)).unwrap();
        let (mut content, mut own) = (10, Vec::new());
        while !copying.is_done() {
            for (path, count) in ["f", "g"].into_iter().zip(puts) {
                for _ in 0..count {
                    content += 1;
                    let put = store.put(path, content).unwrap();
                    own.extend((path == "g").then_some((put.id, put.blake3)));
                }
            }
            copying = store.change(|tx, ids| copy::step(tx, &copying, limit, ids, now)).unwrap();
        }
        for (id, blake3) in &own {
            assert_eq!(version::info(&store.reader(), *id).unwrap().blake3, *blake3);
        }
        let numbers: Vec<u32> = (1..=4 + u32::try_from(own.len()).unwrap()).rev().collect();
        assert_eq!(store.numbers("g"), numbers, "limit {limit}, puts {puts:?}");
        store.verify();
    }
}

pub(super) fn attributes_are_bounded<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let file = store.put("f", 1).unwrap().id.file();
    let folder = store.mkdir("dir").unwrap();
    let now = store.now;
    let fits = BTreeMap::from([("k".to_owned(), "v".repeat((64 << 10) - 1))]);
    for id in [file, folder] {
        store.change(|tx, _| node::set_attributes(tx, id, fits.clone(), now)).unwrap();
        assert_eq!(stat::by_id(&store.reader(), id).unwrap().attributes, fits);
    }
    let too_long = BTreeMap::from([("k".to_owned(), "v".repeat(64 << 10))]);
    let too_many = (0..5000).map(|count| (count.to_string(), String::new())).collect();
    for attributes in [too_long, too_many] {
        let set = store.change(|tx, _| node::set_attributes(tx, file, attributes, now));
        assert_eq!(kind(set), Some(ErrorKind::TooLarge));
    }
    store.verify();
}
