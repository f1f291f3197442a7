//! The tree of a drive: folders, listings, moves, the trash, deletion.

use std::collections::BTreeMap;

use bytes::Bytes;
use holdall::{ErrorKind, Kind, Mode, Put, Time};

use crate::{MODES, kind, put, read, test_store};

#[test]
fn a_long_listing_comes_in_pages_in_byte_order() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        let names: Vec<String> = (0..1500_u32).map(|n| format!("{:x}", n * 7919 % 100_003)).collect();
        let items = names.iter().map(|name| (format!("d/{name}"), Bytes::from(name.clone())));
        drive.put_many(items, &Put::new()).unwrap();
        drive.mkdir("d/zz\u{e9}").unwrap();
        let mut expected = names.clone();
        expected.push("zz\u{e9}".to_owned());
        expected.sort_unstable();
        expected.dedup();
        for limit in [1, 333, 1000, 5000] {
            let (mut listed, mut after) = (Vec::new(), None);
            while listed.len() < if limit == 1 { 20 } else { usize::MAX } {
                let page = drive.list("d", after.as_deref(), limit).unwrap();
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                after = Some(last.name.clone());
                listed.extend(page);
            }
            let listed: Vec<&str> = listed.iter().map(|row| row.name.as_str()).collect();
            assert_eq!(listed, expected[..listed.len()]);
            assert!(limit == 1 || listed.len() == expected.len());
        }
        assert!(drive.list("d", None, 0).unwrap().is_empty());
        assert_eq!(kind(drive.list("d/0", None, 9)), ErrorKind::InvalidArgument);
        assert_eq!(kind(drive.list("no", None, 9)), ErrorKind::NotFound);
    }
}

#[test]
fn a_walk_visits_a_folder_before_what_is_in_it_and_stops_when_told() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    for path in ["b/z", "b/a/deep", "a", "b.txt", "c/x"] {
        put(&drive, path, path.as_bytes());
    }
    drive.mkdir("b/empty").unwrap();
    let walk = |at: &str, limit: usize| {
        let mut seen = Vec::new();
        let walked = drive.walk(at, |path, row| {
            assert!(path.ends_with(&row.name));
            seen.push(path.to_owned());
            Ok(seen.len() < limit)
        });
        walked.map(|()| seen)
    };
    let all = ["a", "b", "b/a", "b/a/deep", "b/empty", "b/z", "b.txt", "c", "c/x"];
    assert_eq!(walk("", 99).unwrap(), all);
    assert_eq!(walk("", 4).unwrap(), all[..4]);
    assert_eq!(walk("b", 99).unwrap(), ["a", "a/deep", "empty", "z"]);
    assert_eq!(kind(walk("no", 9)), ErrorKind::NotFound);
    let own = drive.walk("", |_, _| Err(holdall::Error::new(ErrorKind::Denied, "enough")));
    assert_eq!(kind(own), ErrorKind::Denied);
}

#[test]
fn folders_are_made_with_their_parents_and_once() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    let made = drive.mkdir("a/b/c").unwrap();
    assert_eq!(drive.mkdir("a/b/c").unwrap(), made);
    let info = drive.stat("a/b/c").unwrap();
    assert_eq!((info.id, info.kind, info.current), (made, Kind::Folder, None));
    assert_eq!(drive.store().path_of(made).unwrap().as_deref(), Some("a/b/c"));
    put(&drive, "f", b"");
    assert_eq!(kind(drive.mkdir("f")), ErrorKind::Exists);
    assert_eq!(kind(drive.mkdir("f/g")), ErrorKind::Exists);
    assert_eq!(drive.stat("").unwrap().name, "");
    assert_eq!(drive.stat("/a/").unwrap().name, "a");
    assert_eq!(kind(drive.open_file("a")), ErrorKind::InvalidArgument);
    assert_eq!(kind(drive.versions("a", None, 1)), ErrorKind::InvalidArgument);
}

#[test]
fn a_moved_file_keeps_its_id_versions_and_urls() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        put(&drive, "a/x", b"1");
        let v = put(&drive, "a/x", b"2");
        let url = drive.url("a/x").unwrap().sign().unwrap();
        assert_eq!(drive.rename("a/x", "new/deep/y", false).unwrap(), v.id.file());
        assert_eq!(kind(drive.stat("a/x")), ErrorKind::NotFound);
        assert_eq!(drive.versions("new/deep/y", None, 9).unwrap().len(), 2);
        assert_eq!(test.get(&url), b"2");
        put(&drive, "other", b"3");
        assert_eq!(kind(drive.rename("other", "new/deep/y", false)), ErrorKind::Exists);
        drive.rename("other", "new/deep/y", true).unwrap();
        assert_eq!(test.status(&url), 410, "the one replaced is deleted");
        assert_eq!(read(&drive.open_file("new/deep/y").unwrap()), b"3");
        drive.rename("new", "old", false).unwrap();
        assert_eq!(read(&drive.open_file("old/deep/y").unwrap()), b"3");
        assert_eq!(kind(drive.rename("old", "old/deep/in", false)), ErrorKind::InvalidArgument);
        assert_eq!(kind(drive.rename("", "x", false)), ErrorKind::InvalidArgument);
        put(&drive, "file", b"");
        assert_eq!(kind(drive.rename("file", "old", true)), ErrorKind::Exists, "a folder is not replaced");
        drive.rename("file", "file", false).unwrap();
    }
}

#[test]
fn what_is_in_the_trash_is_had_back_under_its_id() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        let v = put(&drive, "d/e/a", b"x");
        let url = drive.url("d/e/a").unwrap().sign().unwrap();
        let folder = drive.trash("d/e").unwrap();
        assert_eq!(kind(drive.stat("d/e/a")), ErrorKind::NotFound);
        assert_eq!(test.status(&url), 410);
        assert_eq!(test.store.path_of(v.id.file()).unwrap(), None);
        let trash = drive.list_trash(None, 9).unwrap();
        assert_eq!((trash.len(), trash[0].path.as_str(), trash[0].kind), (1, "d/e", Kind::Folder));
        assert_eq!(drive.restore(folder, None).unwrap(), folder);
        assert_eq!(test.get(&url), b"x");
        assert_eq!(kind(drive.restore(folder, None)), ErrorKind::NotFound);

        drive.trash("d/e").unwrap();
        put(&drive, "d/e", b"in the way");
        assert_eq!(kind(drive.restore(folder, None)), ErrorKind::Exists);
        drive.restore(folder, Some("else/where")).unwrap();
        assert_eq!(read(&drive.open_file("else/where/a").unwrap()), b"x");

        let file = drive.trash("else/where/a").unwrap();
        drive.delete("else").unwrap();
        drive.restore(file, None).unwrap();
        assert_eq!(test.store.path_of(file).unwrap().as_deref(), Some("else/where/a"), "made anew");

        drive.trash("else").unwrap();
        drive.trash("d").unwrap();
        assert_eq!(drive.empty_trash(Time(0)).unwrap(), 0);
        assert_eq!(drive.empty_trash(Time::now()).unwrap(), 2);
        assert!(drive.list_trash(None, 9).unwrap().is_empty());
        assert_eq!(test.status(&url), 410);
        let info = drive.info().unwrap();
        assert_eq!((info.files, info.bytes), (0, 0));
    }
}

#[test]
fn t14_urls_of_what_was_deleted_answer_410() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        let items = (0..1200).map(|n| (format!("d/{}/{n}", n % 5), Bytes::from(n.to_string())));
        let made = drive.put_many(items, &Put::new()).unwrap();
        let urls: Vec<String> = [0, 600, 1199]
            .iter()
            .flat_map(|n| {
                let v = &made[*n];
                let (file, version) = (test.store.url_of_file(v.id.file()), test.store.url(v));
                [file.sign().unwrap(), version.sign().unwrap()]
            })
            .collect();
        assert!(urls.iter().all(|url| test.status(url) == 200));
        drive.delete("d").unwrap();
        assert!(urls.iter().all(|url| test.status(url) == 410));
        assert_eq!(kind(drive.stat("d")), ErrorKind::NotFound);
        assert_eq!(kind(drive.delete("d")), ErrorKind::NotFound);
        assert_eq!(kind(drive.delete("")), ErrorKind::InvalidArgument);
        assert_eq!((drive.info().unwrap().files, drive.info().unwrap().bytes), (0, 0));
        assert_eq!(kind(test.store.url_of_file(made[0].id.file()).sign()), ErrorKind::NotFound);
    }
}

#[test]
fn attributes_are_kept_up_to_their_limit() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    put(&drive, "a", b"x");
    let some: BTreeMap<_, _> = [("owner".to_owned(), "\u{e9}".to_owned())].into();
    drive.set_attributes("a", some.clone()).unwrap();
    assert_eq!(drive.stat("a").unwrap().attributes, some);
    put(&drive, "a", b"y");
    assert_eq!(drive.stat("a").unwrap().attributes, some, "a put keeps them");
    let most: BTreeMap<_, _> = [("k".to_owned(), "v".repeat((64 << 10) - 1))].into();
    drive.set_attributes("a", most.clone()).unwrap();
    let more: BTreeMap<_, _> = [("k".to_owned(), "v".repeat(64 << 10))].into();
    assert_eq!(kind(drive.set_attributes("a", more)), ErrorKind::TooLarge);
    assert_eq!(drive.stat("a").unwrap().attributes, most);
    assert_eq!(kind(drive.set_attributes("b", BTreeMap::new())), ErrorKind::NotFound);
}

#[test]
fn drives_are_apart() {
    let test = test_store(Mode::Shared);
    let (alice, bob) = (test.drive(), test.store.drive("bob").unwrap());
    put(&alice, "a", b"x");
    assert_eq!(kind(bob.stat("a")), ErrorKind::NotFound);
    assert_eq!(test.drive().id(), alice.id());
    assert_ne!(alice.id(), bob.id());
    assert_eq!(alice.info().unwrap().name, "alice");
    assert_eq!((alice.info().unwrap().files, bob.info().unwrap().files), (1, 0));
    let trashed = alice.trash("a").unwrap();
    assert_eq!(kind(bob.restore(trashed, None)), ErrorKind::NotFound, "not through another drive");
    for bad in ["", "a/b", "..", "a\n"] {
        assert_eq!(kind(test.store.drive(bad)), ErrorKind::InvalidArgument);
    }
}
