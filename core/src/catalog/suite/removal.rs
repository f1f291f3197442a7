//! Trash, deletion for good, and content that nothing refers to.

use super::*;
use crate::catalog::node;
use crate::catalog::state::{self, State};

pub(super) fn what_is_trashed_comes_back<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let version = store.put("a/b/f", 1).unwrap().id;
    let file = store.trash("a/b/f").unwrap();
    assert_eq!(store.paths(), ["a/", "a/b/"]);
    let opened = version::open(&store.reader(), version).unwrap();
    assert_eq!(opened.state, State::Trashed);
    assert_eq!(state::path_of(&store.reader(), file).unwrap(), None);
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
    assert_eq!(state::of_file(&store.reader(), file).unwrap(), State::Live);
    assert_eq!(node::get(&store.reader(), file).unwrap().trashed, None);
    assert_eq!(kind(store.trash("")), Some(ErrorKind::InvalidArgument));
    assert_eq!(kind(store.trash("none")), Some(ErrorKind::NotFound));
    store.verify();
}

pub(super) fn old_trash_is_purged_in_steps<K: Kv>(make: &impl Fn() -> K) {
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
    let (file, time) = (left[0].file, store.time());
    assert!(store.change(|tx, _| trash::purge(tx, drive, file, time)).unwrap());
    let purged = store.change(|tx, _| trash::purge(tx, drive, file, time));
    assert_eq!(kind(purged), Some(ErrorKind::NotFound));
    assert_eq!(store.usage(), (2, 20));
    store.verify();
}

pub(super) fn t14_a_deleted_file_is_gone_at_once<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let deep = store.put("a/b/c/f", 1).unwrap().id;
    let file = store.put("g", 2).unwrap().id;
    assert!(store.delete("g").unwrap(), "a small file is cleared away at once");
    assert_eq!(kind(version::open(&store.reader(), file)), Some(ErrorKind::NotFound));
    assert!(!store.delete("a/b").unwrap());
    assert_eq!(store.paths(), ["a/"]);
    assert_eq!(kind(version::open(&store.reader(), deep)), Some(ErrorKind::Gone));
    assert_eq!(state::of_file(&store.reader(), deep.file()).unwrap(), State::Deleted);
    assert_eq!(kind(store.delete("")), Some(ErrorKind::InvalidArgument));
    assert_eq!(kind(store.delete("g")), Some(ErrorKind::NotFound));
    // In the trash of a folder that is deleted: still to be had.
    let kept = store.put("x/y", 3).unwrap().id;
    store.trash("x/y").unwrap();
    store.delete("x").unwrap();
    store.clear(100);
    assert_eq!(version::open(&store.reader(), kept).unwrap().state, State::Trashed);
    store.restore(kept.file(), None).unwrap();
    assert_eq!(store.paths(), ["a/", "x/", "x/y"]);
    store.verify();
}

pub(super) fn a_big_tree_is_cleared_away_in_bounded_steps<K: Kv>(make: &impl Fn() -> K) {
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
            let time = store.time();
            let progress = store.change(|tx, _| delete::step(tx, time, budget)).unwrap();
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

pub(super) fn links_and_shares_go_with_their_file<K: Kv>(make: &impl Fn() -> K) {
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

pub(super) fn s12_content_that_waits_for_removal_is_revived<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    store.put("f", 1).unwrap();
    let blob = store.blob(1);
    store.delete("f").unwrap();
    assert_eq!(store.collect(), 0, "its time has not come");
    store.now = store.now.after(GRACE);
    store.put("g", 1).unwrap();
    assert_eq!((store.blob(1), store.refs(1)), (blob, 1));
    assert_eq!(store.collect(), 0, "a version has it again");
    let now = store.now.before(GRACE);
    assert!(store.change(|tx, _| refcount::forget(tx, blob, now)).unwrap().is_none());

    // Let go of anew, it waits the whole time anew.
    store.delete("g").unwrap();
    let now = store.now.before(Duration::from_secs(5));
    assert!(refcount::released(&store.reader(), now, None, 10).unwrap().0.is_empty());
    assert!(store.change(|tx, _| refcount::forget(tx, blob, now)).unwrap().is_none());
    store.now = store.now.after(GRACE);
    assert_eq!(store.collect(), 1);
    assert_eq!(blob::find(&store.reader(), 0, &[1; 32]).unwrap(), None);
    let now = store.now;
    assert!(store.change(|tx, _| refcount::forget(tx, blob, now)).unwrap().is_none(), "gone already");
    assert_eq!(counter::get(&store.reader(), Counter::BlobBytes).unwrap(), 0);
    assert_ne!(store.blob(1), blob);
    store.verify();

    // What no version ever had waits too.
    store.now = store.now.after(GRACE).after(GRACE);
    assert_eq!(store.collect(), 1);
    store.verify();
}

pub(super) fn d3_content_is_told_apart_by_its_own_hash_and_scope<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let [one, two] = [1, 2].map(|content| store.blob(content));
    assert_ne!(one, two, "the same SHA-1, another BLAKE3");
    let released = store.time().group;
    let scoped = BlobRecord { scope: 9, ..content_of(1) };
    let three = store
        .change(|tx, ids| {
            let id = BlobId(ids.next()?);
            refcount::insert(tx, id, scoped.clone(), released)?;
            Ok(id)
        })
        .unwrap();
    let tx = store.reader();
    assert_eq!(blob::find(&tx, 0, &[1; 32]).unwrap(), Some(one));
    assert_eq!(blob::find(&tx, 9, &[1; 32]).unwrap(), Some(three));
    assert_eq!(blob::find(&tx, 8, &[1; 32]).unwrap(), None);
    let twice = store.change(|tx, ids| refcount::insert(tx, BlobId(ids.next()?), scoped, released));
    assert_eq!(kind(twice), Some(ErrorKind::Bug));
    let taken = store.change(|tx, _| refcount::insert(tx, one, content_of(5), released));
    assert_eq!(kind(taken), Some(ErrorKind::Bug));
    assert_eq!(counter::get(&store.reader(), Counter::Blobs).unwrap(), 3);
    store.verify();
}

pub(super) fn content_moves_only_from_where_it_is<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let id = store.blob(1);
    let [here, there] = [10, 20].map(|offset| Location::Segment { segment: 1, offset });
    let mut relocate = |id, from, to| store.change(|tx, _| blob::relocate(tx, id, from, to)).unwrap();
    assert!(relocate(id, Location::File, here));
    assert!(!relocate(id, Location::File, there));
    assert!(relocate(id, here, there));
    assert!(!relocate(BlobId(999), here, there));
    assert_eq!(blob::get(&store.reader(), id).unwrap().location, there);
    store.verify();
}
