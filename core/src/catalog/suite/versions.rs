//! Versions: put, limited, made current, removed, revoked.

use super::*;
use crate::catalog::{node, revocation, stat};

pub(super) fn a_put_to_an_existing_path_adds_a_version<K: Kv>(make: &impl Fn() -> K) {
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

    let (file, time, blob) = (first.id.file(), store.time(), row.blob);
    let new = NewVersion {
        blob,
        fresh: None,
        media_type: "",
        modified: Time(6),
        executable: false,
        details: put::Details::default(),
    };
    let byid = store.change(|tx, _| put::to_file(tx, file, new, Expect::Any, time)).unwrap();
    assert_eq!(byid.id.number(), 4);
    let wrong = NewVersion { blob: BlobId(999), ..new };
    let put = store.change(|tx, _| put::to_file(tx, file, wrong, Expect::Any, time));
    assert_eq!(kind(put), Some(ErrorKind::NotFound));
    for media_type in ["text/plain\r\nSet-Cookie: a=b", &"x".repeat(256)] {
        let wrong = NewVersion { media_type, ..new };
        let put = store.change(|tx, _| put::to_file(tx, file, wrong, Expect::Any, time));
        assert_eq!(kind(put), Some(ErrorKind::InvalidArgument));
    }
    store.trash("f").unwrap();
    let put = store.change(|tx, _| put::to_file(tx, file, new, Expect::Any, time));
    assert_eq!(kind(put), Some(ErrorKind::Gone));
    store.verify();
}

pub(super) fn an_expectation_that_fails_writes_nothing<K: Kv>(make: &impl Fn() -> K) {
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

pub(super) fn versions_beyond_the_limit_go_oldest_first<K: Kv>(make: &impl Fn() -> K) {
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

pub(super) fn a_file_runs_out_of_version_numbers<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let file = store.put("f", 1).unwrap().id.file();
    store
        .change(|tx, _| {
            let node = FileRecord { next: VersionId::MAX_NUMBER, ..node::get(tx, file)? };
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

pub(super) fn setting_an_older_version_current_only_repoints<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let first = store.put("f", 1).unwrap().id;
    let second = store.put("f", 2).unwrap().id;
    let now = store.now;
    store.change(|tx, _| version::set_current(tx, first, now)).unwrap();
    store.change(|tx, _| version::set_current(tx, first, now)).unwrap();
    assert_eq!(store.numbers("f"), [2, 1]);
    assert_eq!(stat::at_path(&store.reader(), store.drive, "f").unwrap().current.unwrap().id, first);
    store.verify();
    assert_eq!(store.put("f", 3).unwrap().id.number(), 3);
    for wrong in [VersionId::new(first.file(), 9), VersionId::new(first.file(), 0), VersionId(u64::MAX)] {
        let set = store.change(|tx, _| version::set_current(tx, wrong, now));
        assert_eq!(kind(set), Some(ErrorKind::NotFound));
    }
    let time = store.time();
    store.change(|tx, _| version::remove(tx, second, time)).unwrap();
    let set = store.change(|tx, _| version::set_current(tx, second, now));
    assert_eq!(kind(set), Some(ErrorKind::Gone));
    store.verify();
}

pub(super) fn the_current_version_cannot_be_removed<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let first = store.put("f", 1).unwrap().id;
    let second = store.put("f", 2).unwrap().id;
    let time = store.time();
    let removed = store.change(|tx, _| version::remove(tx, second, time));
    assert_eq!(kind(removed), Some(ErrorKind::InvalidArgument));
    store.change(|tx, _| version::remove(tx, first, time)).unwrap();
    let removed = store.change(|tx, _| version::remove(tx, first, time));
    assert_eq!(kind(removed), Some(ErrorKind::Gone));
    assert_eq!(store.numbers("f"), [2]);
    assert_eq!(store.usage(), (1, 20));
    store.verify();
}

pub(super) fn t14_revoking_raises_the_epoch_of_what_it_covers<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let [one, two] = ["f", "f"].map(|path| store.put(path, 1).unwrap().id);
    let other = store.put("g", 1).unwrap().id;
    let epochs = |store: &Store<K>| {
        let tx = store.reader();
        for id in [one, two, other] {
            assert_eq!(version::open(&tx, id).unwrap().epoch, revocation::of_version(&tx, id).unwrap());
        }
        [one, two, other].map(|id| revocation::of_version(&tx, id).unwrap())
    };
    assert_eq!(epochs(&store), [0, 0, 0]);
    store.change(|tx, _| revocation::revoke_version(tx, one)).unwrap();
    assert_eq!(epochs(&store), [1, 0, 0]);
    store.change(|tx, _| revocation::revoke_file(tx, one.file())).unwrap();
    assert_eq!(epochs(&store), [2, 1, 0]);
    let drive = store.drive;
    store.change(|tx, _| drive::revoke(tx, drive)).unwrap();
    assert_eq!(epochs(&store), [3, 2, 1]);
    let tx = store.reader();
    assert_eq!(revocation::of_file(&tx, one.file()).unwrap(), 2);
    assert_eq!(revocation::of_drive(&tx, drive).unwrap(), 1);
    store.verify();
}
