//! Attributes: what is set with a put or after it, and files found by them.

use std::collections::BTreeMap;

use holdall::{
    AttributeMatch, CheckOptions, CopyVersions, Drive, ErrorKind, Expect, FileId, Options, Put, Store, Time,
};

use crate::{MODES, TestStore, kind, test_store};

fn tag(value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("tag".to_owned(), value.to_owned())])
}

/// Finds paths by the one attribute that the tests set, in pages of two.
fn found(drive: &Drive, folder: &str, value: &str) -> Vec<String> {
    let (mut paths, mut last): (_, Option<AttributeMatch>) = (Vec::new(), None);
    loop {
        let page = drive.find_by_attribute(folder, "tag", value, last.as_ref(), 2).unwrap();
        paths.extend(page.iter().map(|one| one.path.clone()));
        match page.last() {
            Some(one) => last = Some(one.clone()),
            None => return paths,
        }
    }
}

fn is_sound(store: &Store) {
    assert_eq!(store.check(CheckOptions::default()).unwrap().problems, []);
}

#[test]
fn a_put_says_when_things_were_made_and_what_is_kept_with_them() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        let said = Put::new().created(Time(7)).attributes(tag("a")).unwrap();
        let version = drive.put("f", &b"one"[..], said).unwrap();
        let file = drive.stat("f").unwrap();
        assert_eq!((version.created, file.created, &file.attributes), (Time(7), Time(7), &tag("a")));
        assert!(file.modified > Time(7), "that is when the store changed it");
        let version = drive.put("f", &b"two"[..], Put::new().created(Time(9))).unwrap();
        let file = drive.stat("f").unwrap();
        assert_eq!((version.created, file.created, &file.attributes), (Time(9), Time(7), &tag("a")));
        drive.put("f", &b"three"[..], Put::new().attributes(BTreeMap::new()).unwrap()).unwrap();
        assert_eq!(drive.stat("f").unwrap().attributes, BTreeMap::new());
        let times = Put::new().file_times(Some(Time(1)), Some(Time(2)));
        let version = drive.put("g", &b"four"[..], times.created(Time(3)).modified(Time(4))).unwrap();
        let file = drive.stat("g").unwrap();
        assert_eq!((file.created, file.modified), (Time(1), Time(2)));
        assert_eq!((version.created, version.modified), (Time(3), Time(4)));
        assert_eq!(kind(Put::new().attributes(tag(&"x".repeat(64 << 10)))), ErrorKind::TooLarge);
        let absent = Put::new().expect(Expect::Absent).attributes(tag("b")).unwrap();
        assert_eq!(kind(drive.put("f", &b"no"[..], absent)), ErrorKind::Exists);
        assert_eq!(drive.stat("f").unwrap().attributes, BTreeMap::new(), "a refused put says nothing");
    }
}

#[test]
fn files_are_found_by_the_beginning_of_an_attribute_wherever_they_go() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        for (path, value) in [("a/1", "red"), ("a/2", "redder"), ("b/3", "red"), ("b/4", "blue"), ("5", "")] {
            drive.put(path, path.as_bytes(), Put::new().attributes(tag(value)).unwrap()).unwrap();
        }
        drive.put("6", &b"plain"[..], Put::new()).unwrap();
        drive.set_attributes("a", tag("reddish")).unwrap();
        assert_eq!(found(&drive, "", "red"), ["a/1", "b/3", "a/2", "a"]);
        assert_eq!(found(&drive, "a", "red"), ["a/1", "a/2"]);
        assert_eq!(found(&drive, "", ""), ["5", "b/4", "a/1", "b/3", "a/2", "a"]);
        assert_eq!(found(&drive, "", "re\u{e9}"), [""; 0]);
        assert_eq!(test.store.drive("bob").unwrap().find_by_attribute("", "tag", "", None, 9).unwrap(), []);
        assert_eq!(
            drive.find_by_attribute("", "ta", "", None, 9).unwrap(),
            [],
            "the name is not a beginning"
        );

        drive.rename("a", "c", false).unwrap();
        assert_eq!(found(&drive, "c", "red"), ["c/1", "c/2"]);
        drive.copy("c", "d", CopyVersions::Current).unwrap();
        assert_eq!(found(&drive, "d", "red"), ["d/1", "d/2"]);
        let folder = drive.trash("c").unwrap();
        assert_eq!(found(&drive, "", "red"), ["b/3", "d/1", "d/2", "d"]);
        drive.delete("d").unwrap();
        assert_eq!(found(&drive, "", "red"), ["b/3"]);
        drive.restore(folder, None).unwrap();
        assert_eq!(found(&drive, "", "red"), ["c/1", "b/3", "c/2", "c"]);
        let first = drive.put("b/3", &b"more"[..], Put::new()).unwrap();
        drive.set_attributes("b/3", tag("green")).unwrap();
        let old = drive.versions("b/3", Some(first.id), 1).unwrap().remove(0).id;
        test.store.set_current(old).unwrap();
        assert_eq!((found(&drive, "", "g"), found(&drive, "b", "red")), (vec!["b/3".to_owned()], vec![]));

        assert_eq!(kind(drive.find_by_attribute("none", "tag", "", None, 9)), ErrorKind::NotFound);
        assert_eq!(kind(drive.find_by_attribute("5", "tag", "", None, 9)), ErrorKind::InvalidArgument);
        let other = AttributeMatch::at(FileId(9), "blue");
        let foreign = drive.find_by_attribute("", "tag", "red", Some(&other), 9);
        assert_eq!(kind(foreign), ErrorKind::InvalidArgument);
        is_sound(&test.store);
    }
}

#[test]
fn what_is_found_by_attributes_survives_backup_rebuild_and_collection() {
    let test = TestStore::new(Options::new());
    let drive = test.drive();
    let items = (0..1200).map(|number| {
        let said = Put::new().attributes(tag(&format!("{number:04}"))).unwrap();
        (format!("f/{number}"), bytes::Bytes::from_static(b"x"), said)
    });
    drive.put_each(items).unwrap();
    drive.put("gone", &b"x"[..], Put::new().attributes(tag("gone")).unwrap()).unwrap();
    drive.delete("gone").unwrap();
    test.store.gc().unwrap();
    let expected: Vec<String> = (0..1200).map(|number| format!("f/{number}")).collect();
    assert_eq!(found(&drive, "", ""), expected);
    let copy = test.dir.path().join("copy");
    test.store.backup(&copy, &mut |_| Ok(())).unwrap();
    test.store.close().unwrap();
    let path = test.path();
    std::fs::remove_file(path.join("meta.redb")).unwrap();
    Store::rebuild(&path, &Options::new()).unwrap();
    for path in [path, copy] {
        let store = Store::open(&path, Options::new()).unwrap();
        assert_eq!(found(&store.drive("alice").unwrap(), "", ""), expected);
        assert_eq!(found(&store.drive("alice").unwrap(), "f", "11").len(), 100);
        is_sound(&store);
    }
}
