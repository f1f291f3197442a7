//! Damage is found, all of it, and the rows can be made anew whatever became of them.

use super::*;
use crate::ErrorKind;
use crate::catalog::record::{BlobRecord, Location, Record};
use crate::catalog::row;
use crate::id::BlobId;
use crate::vfs::{Fault, Open, Times};

/// Every blob of a store.
fn blobs(store: &Store) -> Vec<(BlobId, BlobRecord)> {
    let reader = store.engine().unwrap().reader().unwrap();
    let page = prefix::page(&reader, BLOB, &[], None, usize::MAX).unwrap();
    let decode = |(key, value): &(Vec<u8>, Vec<u8>)| {
        (BlobId(row::number(key).unwrap()), BlobRecord::decode(value).unwrap())
    };
    page.iter().map(decode).collect()
}

fn filled() -> (SimVfs, Home) {
    let (disk, home) = Home::simulated();
    let store = home.open(Mode::Shared);
    fill(&store);
    store.close().unwrap();
    (disk, home)
}

/// The file of a blob, and where its bytes begin and end in it.
fn bytes_of(id: BlobId, record: &BlobRecord) -> (String, u64, u64) {
    match record.location {
        Location::Segment { segment, offset } => {
            (crate::blobs::segment::path(segment), offset, offset + 80 + record.len)
        }
        Location::File => (crate::blobs::pool::path(id), 0, record.len),
    }
}

#[test]
fn s8_a_flipped_bit_anywhere_in_any_blob_is_found() {
    let (disk, home) = filled();
    let all = blobs(&home.open(Mode::Shared));
    for (n, (id, record)) in all.iter().enumerate().filter(|(_, (_, record))| record.len > 0) {
        let disk = disk.copy();
        let (path, start, end) = bytes_of(*id, record);
        disk.bit_flip(&path, start + (n as u64 * 7919) % (end - start)).unwrap();
        let store = Home::on(disk).open(Mode::Shared);
        let report = store.check(CheckOptions::new().content(true)).unwrap();
        assert_eq!(report.damaged.iter().map(|damage| damage.blob).collect::<Vec<_>>(), [*id]);
        let damage = &report.damaged[0];
        assert!(!damage.versions.is_empty());
        assert!(damage.paths.iter().all(|path| path.starts_with("alice:") || path.starts_with("bob:")));
    }
}

#[test]
fn s8_content_that_is_cut_removed_or_replaced_is_found_without_reading_it() {
    let (disk, home) = filled();
    let all = blobs(&home.open(Mode::Shared));
    let large: Vec<_> = all.iter().filter(|(_, record)| record.location == Location::File).collect();
    let path = |n: usize| crate::blobs::pool::path(large[n].0);
    let damage = |spoil: &dyn Fn(&SimVfs), content: bool| {
        let disk = disk.copy();
        spoil(&disk);
        let store = Home::on(disk).open(Mode::Shared);
        let report = store.check(CheckOptions::new().content(content)).unwrap();
        assert!(report.problems.len() >= report.damaged.len());
        report.damaged.into_iter().map(|damage| damage.blob).collect::<Vec<_>>()
    };
    assert_eq!(damage(&|_| {}, true), []);
    assert_eq!(damage(&|disk| disk.truncate(&path(0), 39_999).unwrap(), false), [large[0].0]);
    assert_eq!(damage(&|disk| disk.remove(&path(1)).unwrap(), false), [large[1].0]);
    let replace = |disk: &SimVfs| disk.rename(&path(2), &path(3)).unwrap();
    assert_eq!(damage(&replace, false), [large[2].0], "the other is as long");
    assert_eq!(damage(&replace, true), [large[2].0, large[3].0]);
    let within = |number: u32| {
        let lies = |record: &BlobRecord| matches!(record.location, Location::Segment { segment, .. } if segment == number);
        all.iter().filter(|(_, record)| lies(record)).map(|(id, _)| *id).collect::<Vec<_>>()
    };
    assert_eq!(damage(&|disk| disk.remove("seg/0000002.seg").unwrap(), false), within(2));
    assert_eq!(damage(&|disk| disk.truncate("seg/0000002.seg", 64).unwrap(), false), within(2));
    let swap = |disk: &SimVfs| disk.rename("seg/0000003.seg", "seg/0000002.seg").unwrap();
    let both = [within(2), within(3)].concat();
    assert_eq!(damage(&swap, false), both);
}

#[test]
fn a_row_with_another_sha1_is_found_where_all_hashes_are_computed() {
    for (count, len) in [(2, 3000), (20, 40_000)] {
        let (_, home) = Home::simulated();
        let store = home.open(Mode::Shared);
        let drive = store.drive("alice").unwrap();
        for n in 0..count {
            for len in [len / 8, len] {
                drive.put(&format!("{len}/{n}"), content(n, len).as_slice(), Put::new()).unwrap();
            }
        }
        let all = blobs(&store);
        let wrong = [all[0].clone(), all[1].clone()];
        let planted = wrong.clone();
        let plant = store.engine().unwrap().write(move |change| {
            planted.iter().try_for_each(|(id, record)| {
                let other = BlobRecord { sha1: [7; 20], ..record.clone() };
                row::put(change, BLOB, &id.to_key(), &other)
            })
        });
        plant.unwrap();
        assert!(store.check(CheckOptions::new().content(true)).unwrap().problems.is_empty());
        let found = store.check(CheckOptions::new().digests(true)).unwrap();
        let found: Vec<BlobId> = found.damaged.into_iter().map(|damage| damage.blob).collect();
        assert_eq!(found, wrong.map(|(id, _)| id), "{count} of {len} bytes");
    }
}

#[test]
fn much_content_is_read_by_several_threads_and_what_is_damaged_is_named() {
    let (disk, home) = Home::simulated();
    let store = home.open(Mode::Shared);
    let drive = store.drive("alice").unwrap();
    for n in 0..60 {
        for len in [700, 15_000, 40_000 + 1000 * n as usize] {
            drive.put(&format!("{len}/{n}"), content(n, len).as_slice(), Put::new()).unwrap();
        }
    }
    let all = blobs(&store);
    assert!(all.iter().any(|(_, record)| record.location == Location::File));
    assert!(all.iter().map(|(_, record)| record.len).sum::<u64>() > 2 << 20);
    assert_sound(&store);
    let wrong: Vec<BlobId> = all.iter().step_by(17).map(|(id, _)| *id).collect();
    for (id, record) in all.iter().step_by(17) {
        let (path, start, end) = bytes_of(*id, record);
        disk.bit_flip(&path, end - 1).unwrap();
        assert!(start < end);
    }
    for digests in [false, true] {
        let store = Home::on(disk.copy()).open(Mode::Shared);
        let report = store.check(CheckOptions::new().content(true).digests(digests)).unwrap();
        let found: Vec<BlobId> = report.damaged.iter().map(|damage| damage.blob).collect();
        assert_eq!((found, report.problems.len()), (wrong.clone(), wrong.len()));
        assert_eq!((report.blobs, report.versions), (180, 180));
    }
    let stop = &mut |_| Err(crate::Error::invalid("stop"));
    let stopped = store.check(CheckOptions::new().content(true).watch(stop));
    assert_eq!(stopped.unwrap_err().to_string(), "stop");
}

#[test]
fn a_damaged_log_is_a_problem_even_where_no_blob_is() {
    let (disk, home) = Home::simulated();
    let store = home.open(Mode::Shared);
    store.drive("alice").unwrap().mkdir("one/two/three").unwrap();
    assert_sound(&store);
    store.close().unwrap();
    disk.bit_flip("seg/0000001.seg", 64 + 80 + 9).unwrap();
    let report = store_check(&home);
    assert_eq!((report.problems.len(), report.damaged.len()), (1, 0), "{:?}", report.problems);
}

fn store_check(home: &Home) -> crate::CheckReport {
    home.open(Mode::Shared).check(CheckOptions::new()).unwrap()
}

#[test]
fn a_check_stops_when_its_watcher_says_so() {
    let (_, home) = filled();
    let store = home.open(Mode::Shared);
    let mut seen = Vec::new();
    let mut watch = |progress: crate::Progress| {
        seen.push(progress.done);
        if seen.len() == 3 { Err(crate::Error::invalid("stop")) } else { Ok(()) }
    };
    let stopped = store.check(CheckOptions::new().content(true).watch(&mut watch));
    assert_eq!(stopped.unwrap_err().to_string(), "stop");
    assert!(seen.is_sorted() && seen.len() == 3);
    let stopped = store.repair_watched(&mut |_| Err(crate::Error::invalid("stop")));
    assert_eq!(stopped.unwrap_err().to_string(), "stop");
}

#[test]
fn s9_whatever_becomes_of_the_rows_is_an_error_and_a_rebuild_restores_them() {
    let (disk, home) = filled();
    let (before, rows_before) = {
        let store = home.open(Mode::Shared);
        (everything(&store), rows(&store))
    };
    let len = disk.files()["meta.redb"].len() as u64;
    let garbage = |disk: &SimVfs, len: usize| {
        disk.open("meta.redb", Open::Write).unwrap().write_at(0, &[&content(9, len)]).unwrap();
    };
    let spoils: [&dyn Fn(&SimVfs); 8] = [
        &|disk| disk.remove("meta.redb").unwrap(),
        &|disk| disk.truncate("meta.redb", 0).unwrap(),
        &|disk| disk.truncate("meta.redb", 1).unwrap(),
        &|disk| disk.truncate("meta.redb", 4096).unwrap(),
        &|disk| disk.truncate("meta.redb", len / 2).unwrap(),
        &|disk| garbage(disk, 4096),
        &|disk| garbage(disk, len as usize),
        &|disk| {
            disk.truncate("meta.redb", 0).unwrap();
            garbage(disk, 100_000);
        },
    ];
    for (n, spoil) in spoils.iter().enumerate() {
        let home = Home::on(disk.copy());
        let disk = disk.copy();
        drop(home);
        spoil(&disk);
        let home = Home::on(disk);
        for mode in [Mode::Shared, Mode::Exclusive] {
            let error = Store::open_on(home.vfs.clone(), options().mode(mode)).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Io), "spoil {n}: {error}");
        }
        let report = Store::rebuild_on(&home.vfs, &options()).unwrap();
        assert!(report.problems.is_empty() && report.unreadable.is_empty(), "spoil {n}: {report:?}");
        let store = home.open(Mode::Shared);
        assert_eq!(everything(&store), before, "spoil {n}");
        assert!(rows(&store) == rows_before, "spoil {n}");
        assert_sound(&store);
    }
}

#[test]
fn s9_a_flipped_bit_in_any_byte_of_the_header_of_the_rows_is_never_a_panic() {
    let (disk, home) = filled();
    let before = everything(&home.open(Mode::Shared));
    let mut refused = 0;
    for byte in 0..320 {
        let disk = disk.copy();
        disk.bit_flip("meta.redb", byte).unwrap();
        match Store::open_on(Arc::new(disk), options()) {
            Ok(store) => assert_eq!(everything(&store), before, "byte {byte}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_rebuild_gives_no_id_out_twice_and_keeps_what_no_row_speaks_of() {
    let (_, home) = filled();
    let orphan = BlobId(0x12_3456);
    home.vfs.open(&crate::blobs::pool::path(orphan), Open::CreateNew).unwrap();
    home.vfs.remove("STORE").unwrap();
    let report = Store::rebuild_on(&home.vfs, &options()).unwrap();
    assert_eq!(report.lost, [orphan]);
    assert_eq!(home.files("lost"), ["lost/0000000000123456"]);
    let store = home.open(Mode::Shared);
    let ids = store.engine().unwrap().ids(1).unwrap();
    assert!(ids.clone().take().unwrap() > orphan.0);
    assert_sound(&store);
}

#[test]
fn a_store_that_is_open_is_not_rebuilt() {
    let home = Home::real();
    for mode in [Mode::Shared, Mode::Exclusive] {
        let store = home.open(mode);
        let error = Store::rebuild_on(&home.vfs, &options()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
        let gone = home.vfs.rename("meta.redb", "elsewhere");
        let error = Store::rebuild_on(&home.vfs, &options()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "an idle opener is seen without its rows too: {error}");
        gone.and_then(|()| home.vfs.rename("elsewhere", "meta.redb")).unwrap();
        store.close().unwrap();
        drop(store);
        Store::rebuild_on(&home.vfs, &options()).unwrap();
    }
}

#[test]
fn repair_restores_from_a_sound_copy_and_reports_the_rest() {
    let (disk, home) = Home::simulated();
    let own = options().dedup(crate::Dedup::Drive);
    let store = Store::open_on(home.vfs.clone(), own).unwrap();
    for drive in ["alice", "bob"] {
        store.drive(drive).unwrap().put("both", content(1, 3000).as_slice(), Put::new()).unwrap();
    }
    store.drive("alice").unwrap().put("alone", content(2, 3000).as_slice(), Put::new()).unwrap();
    let all = blobs(&store);
    for (id, record) in [&all[0], &all[2]] {
        let (path, start, _) = bytes_of(*id, record);
        disk.bit_flip(&path, start + 500).unwrap();
    }
    let report = store.repair().unwrap();
    assert_eq!(report.restored, [all[0].0]);
    assert_eq!(report.damaged.len(), 1);
    assert_eq!(
        (report.damaged[0].blob, report.damaged[0].paths.as_slice()),
        (all[2].0, &["alice:alone".to_owned()][..])
    );
    let read = |path: &str| store.drive("alice").unwrap().open_file(path).unwrap().to_vec(u64::MAX).unwrap();
    assert_eq!(read("both"), content(1, 3000));
    assert_ne!(read("alone"), content(2, 3000));
    store.drive("alice").unwrap().put("again", content(2, 3000).as_slice(), Put::new()).unwrap();
    assert_eq!(read("again"), content(2, 3000), "nothing is deduplicated to what is damaged");
    assert_eq!(store.repair().unwrap().restored, [all[2].0], "the new copy mends the old");
    assert_eq!(read("alone"), content(2, 3000));
    assert_sound(&store);
}

#[test]
fn what_cannot_be_read_is_no_damage_and_a_repair_leaves_it_alone() {
    let (disk, home) = Home::simulated();
    let store = home.open(Mode::Shared);
    fill(&store);
    let all: Vec<BlobId> = blobs(&store).into_iter().map(|(id, _)| id).collect();
    // From here on no file can be opened; those that are open can be read and written.
    disk.fail_at(disk.op_count(), Fault::Emfile, Times::Always);
    let checked = store.check(CheckOptions::new()).unwrap();
    let repaired = store.repair().unwrap();
    disk.clear_faults();
    let ids = |found: &[crate::Damage]| found.iter().map(|one| one.blob).collect::<Vec<_>>();
    assert_eq!((ids(&checked.unread), ids(&checked.damaged)), (all.clone(), vec![]));
    assert_eq!((ids(&repaired.unread), ids(&repaired.damaged)), (all.clone(), vec![]));
    assert!(repaired.restored.is_empty() && repaired.problems.len() >= all.len());
    assert!(repaired.unread.iter().any(|one| one.paths == ["alice:large/0"]));
    let again = store.drive("carol").unwrap();
    for n in 0..60 {
        again.put(&format!("{n}"), content(n, 3000 + n as usize).as_slice(), Put::new()).unwrap();
    }
    for n in 0..4 {
        again.put(&format!("large{n}"), content(5000 + n, 40_000).as_slice(), Put::new()).unwrap();
    }
    assert_eq!(blob_count(&store), all.len(), "what is put again is found, and stored once");
    assert_sound(&store);
}

#[test]
fn what_was_quarantined_and_is_sound_is_brought_back() {
    for own in [crate::Dedup::Store, crate::Dedup::Drive] {
        let (disk, home) = Home::simulated();
        let store = Store::open_on(home.vfs.clone(), options().dedup(own)).unwrap();
        let drive = store.drive("alice").unwrap();
        for (n, len) in [(1, 3000), (2, 40_000), (3, 3000)] {
            drive.put(&format!("f{n}"), content(n, len).as_slice(), Put::new()).unwrap();
        }
        let all = blobs(&store);
        let flip = || {
            for (id, record) in &all {
                let (path, start, _) = bytes_of(*id, record);
                let (file, mut byte) = (disk.open(&path, Open::Write).unwrap(), [0]);
                file.read_at(start + 500, &mut byte).unwrap();
                file.write_at(start + 500, &[&[!byte[0]]]).unwrap();
            }
        };
        flip();
        assert_eq!(store.repair().unwrap().damaged.len(), 3);
        assert_eq!(store.check(CheckOptions::new().content(true)).unwrap().problems.len(), 3);
        drive.put("anew", content(3, 3000).as_slice(), Put::new()).unwrap();
        flip();
        let report = store.repair().unwrap();
        assert_eq!(report.reinstated, [all[0].0, all[1].0], "the third has been put anew");
        assert!(report.damaged.is_empty() && report.unread.is_empty());
        assert_sound(&store);
        for (n, len) in [(1, 3000), (2, 40_000), (3, 3000)] {
            drive.put(&format!("again{n}"), content(n, len).as_slice(), Put::new()).unwrap();
        }
        assert_eq!(blob_count(&store), 4);
        assert!(store.repair().unwrap().reinstated.is_empty());
        assert_sound(&store);
    }
}

#[test]
fn a_compaction_keeps_the_segment_of_a_damaged_blob() {
    let (disk, home) = Home::simulated();
    let store = home.open(Mode::Shared);
    fill(&store);
    thin_out(&store);
    let (id, record) = blobs(&store)
        .into_iter()
        .find(|(_, record)| {
            record.refs > 0 && matches!(record.location, Location::Segment { segment: 2, .. })
        })
        .unwrap();
    let (path, start, _) = bytes_of(id, &record);
    disk.bit_flip(&path, start + 90).unwrap();
    let report = store.gc_at(later()).unwrap();
    assert_eq!(report.compaction.failed.len(), 1, "{report:?}");
    assert!(home.files("seg").contains(&path));
    assert!(report.compaction.segments > 0, "the others go");
    let found = store.check(CheckOptions::new().content(true)).unwrap();
    assert_eq!(found.damaged.len(), 1);
}
