//! The versions of a file.

use holdall::{CopyVersions, ErrorKind, Mode, Request};

use crate::{MODES, kind, put, read, test_store};

#[test]
fn versions_are_listed_newest_first_and_in_pages() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        for n in 0..25_u8 {
            put(&drive, "a", &[n]);
        }
        let all = drive.versions("a", None, 100).unwrap();
        let numbers: Vec<u32> = all.iter().map(|v| v.id.number()).collect();
        assert_eq!(numbers, (1..=25).rev().collect::<Vec<_>>());
        assert_eq!(all.iter().filter(|v| v.current).count(), 1);
        assert!(all[0].current);
        let (mut paged, mut before) = (Vec::new(), None);
        loop {
            let page = drive.versions("a", before, 7).unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            paged.extend(page);
        }
        assert_eq!(paged, all);
        for v in &all {
            assert_eq!(read(&drive.store().open_version(v.id).unwrap()), [v.id.number() as u8 - 1]);
        }
    }
}

#[test]
fn setting_an_older_version_current_repoints_and_copies_nothing() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        let (first, second) = (put(&drive, "a", b"one"), put(&drive, "a", b"three"));
        let url = drive.url("a").unwrap().sign().unwrap();
        assert_eq!(test.get(&url), b"three");
        test.store.set_current(first.id).unwrap();
        assert_eq!(read(&drive.open_file("a").unwrap()), b"one");
        assert_eq!(test.get(&url), b"one", "a file's url follows");
        let row = &drive.list("", None, 9).unwrap()[0];
        assert_eq!((row.version, row.size, row.crc32), (Some(first.id), 3, first.crc32));
        assert_eq!(drive.versions("a", None, 9).unwrap().len(), 2);
        assert!(!test.store.version(second.id).unwrap().current);
        let third = put(&drive, "a", b"four");
        assert_eq!(third.id.number(), 3);
        assert_eq!(drive.versions("a", None, 9).unwrap()[0].id, third.id);
    }
}

#[test]
fn a_removed_version_is_gone_and_the_current_one_stays() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    let (first, second) = (put(&drive, "a", b"1"), put(&drive, "a", b"2"));
    let url = test.store.url(&first).sign().unwrap();
    assert_eq!(kind(test.store.remove_version(second.id)), ErrorKind::InvalidArgument);
    test.store.remove_version(first.id).unwrap();
    assert_eq!(kind(test.store.remove_version(first.id)), ErrorKind::Gone);
    assert_eq!(kind(test.store.open_version(first.id)), ErrorKind::Gone);
    assert_eq!(kind(test.store.set_current(first.id)), ErrorKind::Gone);
    assert_eq!(kind(test.store.url(&first).sign()), ErrorKind::Gone);
    assert_eq!(test.status(&url), 410, "T14");
    assert_eq!(put(&drive, "a", b"3").id.number(), 3, "a number is never given again");
    let never = holdall::VersionId::new(second.id.file(), 77);
    assert_eq!(kind(test.store.version(never)), ErrorKind::NotFound);
}

#[test]
fn a_drive_keeps_so_many_versions_and_those_marked() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        let kept = put(&drive, "a", b"keep");
        test.store.keep(kept.id, true).unwrap();
        for n in 0..10_u8 {
            put(&drive, "a", &[n]);
        }
        assert_eq!(drive.versions("a", None, 99).unwrap().len(), 11, "0 means no limit");
        drive.set_max_versions(3).unwrap();
        assert_eq!(drive.info().unwrap().max_versions, 3);
        put(&drive, "a", b"new");
        let left: Vec<u32> = drive.versions("a", None, 99).unwrap().iter().map(|v| v.id.number()).collect();
        assert_eq!(left, [12, 11, 10, 1]);
        test.store.keep(kept.id, false).unwrap();
        put(&drive, "a", b"newer");
        let left: Vec<u32> = drive.versions("a", None, 99).unwrap().iter().map(|v| v.id.number()).collect();
        assert_eq!(left, [13, 12, 11]);
        assert_eq!(read(&drive.open_file("a").unwrap()), b"newer");
    }
}

#[test]
fn a_copy_shares_content_and_nothing_else() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        let big = crate::noise(300_000, 1);
        put(&drive, "d/old", b"1");
        put(&drive, "d/old", &big);
        drive.mkdir("d/empty").unwrap();
        put(&drive, "d/e/f", b"2");
        let (one, all) = ("copies/one", "copies/all");
        drive.copy("d", one, CopyVersions::Current).unwrap();
        drive.copy("d", all, CopyVersions::All).unwrap();
        assert_eq!(test.large_blobs(), 1);
        for (top, versions) in [(one, 1), (all, 2)] {
            assert_eq!(drive.versions(&format!("{top}/old"), None, 9).unwrap().len(), versions);
            assert!(read(&drive.open_file(&format!("{top}/old")).unwrap()) == big);
            assert_eq!(read(&drive.open_file(&format!("{top}/e/f")).unwrap()), b"2");
            assert!(drive.list(&format!("{top}/empty"), None, 9).unwrap().is_empty());
        }
        drive.delete("d").unwrap();
        assert!(read(&drive.open_file("copies/one/old").unwrap()) == big);
        assert_eq!(kind(drive.copy("copies", "copies/in", CopyVersions::All)), ErrorKind::InvalidArgument);
        assert_eq!(kind(drive.copy("copies/one", all, CopyVersions::All)), ErrorKind::Exists);
        assert_eq!(kind(drive.copy("no", "x", CopyVersions::All)), ErrorKind::NotFound);
        assert_eq!(kind(drive.copy("", "x", CopyVersions::All)), ErrorKind::InvalidArgument);
    }
}

#[test]
fn a_version_outlives_its_file_in_the_trash_and_not_its_deletion() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    let v = put(&drive, "d/a", b"x");
    let url = test.store.url(&v).sign().unwrap();
    drive.trash("d").unwrap();
    assert_eq!(test.status(&url), 200, "as the trash says of urls of versions");
    let file = drive.list_trash(None, 9).unwrap()[0].file;
    drive.restore(file, None).unwrap();
    drive.delete("d").unwrap();
    let reply = test.store.serve(&Request::get(&url)).unwrap();
    assert_eq!(reply.status, 410);
    assert_eq!(kind(test.store.open_version(v.id)), ErrorKind::NotFound);
}
