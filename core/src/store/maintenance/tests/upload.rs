//! Uploads in parts under collection, power loss, rebuilds and backups.

use super::*;
use crate::vfs::Policy;
use crate::{Drive, ErrorKind};

fn bytes_of(drive: &Drive, path: &str) -> Vec<u8> {
    drive.open_file(path).unwrap().to_vec(u64::MAX).unwrap()
}

/// Completes the open upload and looks at both files.
fn finishes(store: &Store, open: UploadId) {
    let whole = store.assemble(open, None).unwrap();
    store.complete_upload(open, whole, Time::now()).unwrap();
    let drive = store.drive("alice").unwrap();
    for name in ["done", "open"] {
        assert_eq!(bytes_of(&drive, name), both_parts(), "{name}");
    }
    assert_sound(store);
}

#[test]
fn parts_that_are_let_go_of_are_collected_and_those_of_an_open_upload_are_not() {
    everywhere(|home, mode| {
        let store = home.open(mode);
        let (open, _) = with_uploads(&store);
        let report = store.gc_at(later()).unwrap();
        assert!(report.failed.is_empty() && report.uploads == 0, "{report:?}");
        // One large part of the open upload, and the file of the one that is done.
        assert_eq!(home.large_files().len(), 2);
        assert_sound(&store);
        finishes(&store, open);
        store.gc_at(later()).unwrap();
        assert_eq!(home.large_files().len(), 1, "both are the same content");
        assert_sound(&store);
    });
}

#[test]
fn an_expired_upload_is_swept_with_its_parts() {
    everywhere(|home, mode| {
        let store = home.open(mode);
        let (open, _) = with_uploads(&store);
        let day = Time::now().after(Duration::from_secs(24 * 3600 + 1));
        let report = store.gc_at(day).unwrap();
        // Two uploads, and the two parts of the one that was never completed.
        assert_eq!((report.uploads, report.failed.len()), (4, 0));
        store.gc_at(day).unwrap();
        assert_eq!(store.upload(open, Time::now()).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(home.large_files().len(), 1);
        assert_eq!(bytes_of(&store.drive("alice").unwrap(), "done"), both_parts());
        assert_sound(&store);
    });
}

#[test]
fn s1_a_part_that_was_acknowledged_survives_power_loss() {
    for mode in [Mode::Shared, Mode::Exclusive] {
        for policy in [Policy::LoseAll, Policy::KeepAll, Policy::ByteTear] {
            let (disk, home) = Home::simulated();
            let store = home.open(mode);
            let (open, file) = with_uploads(&store);
            let found = Home::on(disk.crash(policy));
            drop(store);
            let store = found.open(mode);
            assert_eq!(store.parts(open, 0, 9).unwrap().len(), 2, "{policy:?}");
            assert_eq!(store.file(file).unwrap().name, "done");
            finishes(&store, open);
        }
    }
}

#[test]
fn s1_power_lost_anywhere_leaves_the_whole_upload_or_none_of_it() {
    for mode in [Mode::Shared, Mode::Exclusive] {
        let (disk, home) = Home::simulated();
        let store = home.open(mode);
        store.drive("alice").unwrap();
        let before = disk.op_count();
        with_uploads(&store);
        let after = disk.op_count();
        drop(store);
        let mut seen = std::collections::HashSet::new();
        for step in (before..after).step_by(3) {
            let (disk, home) = Home::simulated();
            let store = home.open(mode);
            store.drive("alice").unwrap();
            disk.power_cut_at(step);
            let cut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| with_uploads(&store)));
            let found = Home::on(disk.crash(Policy::RandomSubset));
            drop(store);
            let store = found.open(mode);
            let drive = store.drive("alice").unwrap();
            let there = drive.list("", None, 9).unwrap();
            for row in &there {
                assert_eq!(bytes_of(&drive, &row.name), both_parts());
            }
            seen.insert((cut.is_ok(), there.len()));
            assert_sound(&store);
        }
        assert!(seen.contains(&(false, 0)) && seen.contains(&(false, 1)), "{seen:?}");
    }
}

#[test]
fn s8_a_damaged_part_is_found_before_it_becomes_a_file() {
    let home = Home::real();
    let store = home.open(Mode::Exclusive);
    let (open, _) = with_uploads(&store);
    let engine = store.engine().unwrap();
    let part = store.parts(open, 0, 1).unwrap()[0].1.blob;
    let file = engine.vfs.open(&crate::blobs::pool::path(part), crate::vfs::Open::Write).unwrap();
    file.write_at(20_000, &[b"damage"]).unwrap();
    assert_eq!(store.assemble(open, None).err().unwrap().kind(), ErrorKind::Corrupt);
    assert!(store.drive("alice").unwrap().stat("open").is_err());
}

#[test]
fn an_upload_survives_a_rebuild_of_the_rows_and_a_backup() {
    everywhere(|home, mode| {
        let store = home.open(mode);
        fill(&store);
        let (open, _) = with_uploads(&store);
        thin_out(&store);
        store.gc_at(later()).unwrap();
        assert_sound(&store);
        let before = rows(&store);
        store.close().unwrap();
        Store::rebuild_on(&home.vfs, &options()).unwrap();
        let store = home.open(mode);
        assert_eq!(rows(&store), before);
        finishes(&store, open);
    });
}
