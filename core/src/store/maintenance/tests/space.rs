//! What is deleted gives its space back, and nothing else is touched.

use super::*;
use crate::Result;
use crate::vfs::{Open, Policy};

#[test]
fn deleted_content_is_gone_after_its_grace_and_revived_content_is_not() {
    everywhere(|home, mode| {
        let store = home.open(mode);
        let drive = store.drive("alice").unwrap();
        for (path, seed, len) in
            [("small", 1, 900), ("large", 2, 40_000), ("kept", 3, 900), ("kept-large", 4, 40_000)]
        {
            drive.put(path, content(seed, len).as_slice(), Put::new()).unwrap();
            drive.delete(path).unwrap();
        }
        drive.put("again", content(3, 900).as_slice(), Put::new()).unwrap();
        drive.put("again-large", content(4, 40_000).as_slice(), Put::new()).unwrap();
        let early = store.gc_at(Time::now().before(Duration::from_secs(3600))).unwrap();
        assert_eq!((early.blobs, home.large_files().len()), (0, 2), "the grace is not over");

        let report = store.gc_at(later()).unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        assert_eq!((report.blobs, report.bytes, report.orphans), (2, 40_900, 0));
        assert_eq!((blob_count(&store), home.large_files().len()), (2, 1));
        assert_eq!(drive.open_file("again").unwrap().to_vec(u64::MAX).unwrap(), content(3, 900));
        assert_eq!(drive.open_file("again-large").unwrap().to_vec(u64::MAX).unwrap(), content(4, 40_000));
        let stats = store.stats().unwrap();
        assert_eq!((stats.drives, stats.files, stats.blobs, stats.blob_bytes), (1, 2, 2, 40_900));
        assert_eq!((stats.bytes, stats.dead_bytes, stats.mode), (40_900, 992, mode));
        assert_sound(&store);
    });
}

#[test]
fn compaction_keeps_every_version_and_the_index_can_still_be_made_anew() {
    everywhere(|home, mode| {
        let store = home.open(mode);
        fill(&store);
        thin_out(&store);
        let (before, old) = (everything(&store), home.files("seg"));
        let was = store.stats().unwrap();
        let report = store.gc_at(later()).unwrap();
        assert!(report.failed.is_empty() && report.compaction.failed.is_empty(), "{report:?}");
        let now = store.stats().unwrap();
        assert!(report.compaction.segments >= 3 && report.compaction.blobs > 0, "{report:?}");
        assert!(now.segment_bytes * 2 < was.segment_bytes, "{was:?} {now:?}");
        assert!(home.files("seg").iter().filter(|path| old.contains(path)).count() * 2 <= old.len());
        assert_eq!(everything(&store), before);
        assert_sound(&store);
        let rows_before = rows(&store);
        assert_eq!(store.compact().unwrap().segments, 0, "nothing is left to compact");
        store.close().unwrap();
        drop(store);

        home.vfs.remove("meta.redb").unwrap();
        let report = Store::rebuild_on(&home.vfs, &options()).unwrap();
        assert!(report.problems.is_empty() && report.lost.is_empty(), "{report:?}");
        let store = home.open(mode);
        assert_eq!(everything(&store), before);
        assert!(rows(&store) == rows_before, "every row is as it was");
        assert_sound(&store);
        let drive = store.drive("alice").unwrap();
        drive.put("after", &b"goes on"[..], Put::new()).unwrap();
        assert_sound(&store);
    });
}

/// The control of the test above: a segment that goes without its rows being logged again.
#[test]
fn a_segment_that_just_goes_is_missed() {
    let (_, home) = Home::simulated();
    let store = home.open(Mode::Exclusive);
    fill(&store);
    let before = everything(&store);
    store.close().unwrap();
    drop(store);
    let first = home.files("seg").swap_remove(0);
    home.vfs.remove(&first).unwrap();
    let report = Store::rebuild_on(&home.vfs, &options()).unwrap();
    assert!(!report.problems.is_empty());
    let reader = home.open(Mode::Exclusive);
    assert!(reader.check(CheckOptions::new()).unwrap().versions < before.len() as u64);
}

#[test]
fn s1_power_loss_anywhere_in_a_collection_loses_nothing() {
    for mode in [Mode::Shared, Mode::Exclusive] {
        let (disk, home) = Home::simulated();
        let store = home.open(mode);
        fill(&store);
        thin_out(&store);
        let before = everything(&store);
        store.close().unwrap();
        drop(store);
        let run = |disk: &SimVfs| -> Result<()> {
            let store = Store::open_on(Arc::new(disk.clone()), options().mode(mode))?;
            store.gc_at(later())?;
            store.close()
        };
        let whole = disk.copy();
        run(&whole).unwrap();
        let ops = whole.op_count();
        let mut tried = 0;
        for (step, policy) in (40..ops).step_by(ops as usize / 40).zip(Policy::ALL.iter().cycle()) {
            let cut = disk.copy();
            cut.power_cut_at(step);
            let _ = run(&cut);
            let home = Home::on(cut.crash(*policy));
            let store = home.open(mode);
            assert_eq!(everything(&store), before, "{mode:?} {policy:?} at {step}");
            assert_sound(&store);
            // What was begun is brought to its end.
            let report = store.gc_at(later()).unwrap();
            assert!(report.failed.is_empty() && report.compaction.failed.is_empty(), "{report:?}");
            assert_eq!(everything(&store), before);
            store.close().unwrap();
            drop(store);
            let report = Store::rebuild_on(&home.vfs, &options()).unwrap();
            assert!(report.problems.is_empty(), "{mode:?} {policy:?} at {step}: {:?}", report.problems);
            assert_eq!(everything(&home.open(mode)), before, "{mode:?} {policy:?} at {step}, rebuilt");
            tried += 1;
        }
        assert!(tried > 30);
    }
}

#[test]
fn s12_deleting_collecting_and_putting_the_same_content_leave_nothing_dangling() {
    let home = Home::real();
    let store = home.open(Mode::Shared);
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let putting: Vec<_> = (0..2)
            .map(|thread| {
                let drive = store.drive("alice").unwrap();
                scope.spawn(move || {
                    for round in 0..60_u64 {
                        let path = format!("{thread}");
                        for len in [500, 20_000] {
                            let bytes = content(round % 3, len);
                            drive.put(&path, bytes.as_slice(), Put::new()).unwrap();
                            assert_eq!(drive.open_file(&path).unwrap().to_vec(u64::MAX).unwrap(), bytes);
                        }
                        drive.delete(&path).unwrap();
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Acquire) {
                let report = store.gc().unwrap();
                assert!(report.failed.is_empty(), "{report:?}");
            }
        });
        putting.into_iter().for_each(|thread| thread.join().unwrap());
        over.store(true, std::sync::atomic::Ordering::Release);
    });
    assert_sound(&store);
    store.gc_at(later()).unwrap();
    assert_eq!((blob_count(&store), home.large_files().len()), (0, 0));
}

#[test]
fn files_of_nothing_are_swept_when_they_are_old_and_nobody_holds_them() {
    everywhere(|home, mode| {
        let store = home.open(mode);
        let drive = store.drive("alice").unwrap();
        drive.put("large", content(1, 40_000).as_slice(), Put::new()).unwrap();
        drive.put("small", content(2, 400).as_slice(), Put::new()).unwrap();
        let make = |path: &str| {
            let file = home.vfs.open(path, Open::CreateNew).unwrap();
            file.write_at(0, &[b"what a crash left"]).unwrap();
            file
        };
        make("blob/ff/0000000000ffffff");
        make("spool/0123456789abcdef");
        let held = make("spool/fedcba9876543210");
        assert!(held.try_lock().unwrap());
        home.vfs.open("seg/0000007.seg", Open::CreateNew).unwrap();
        make("seg/0000008.seg").write_at(500, &[b"behind a damaged header"]).unwrap();
        home.vfs.open("seg/0000009.seg", Open::CreateNew).unwrap();
        let long = Time::now().before(Duration::from_secs(10 * 365 * 24 * 3600));
        assert_eq!(store.gc_at(long).unwrap().orphans, 0, "all is young");
        let report = store.gc_at(later()).unwrap();
        assert!(report.failed.is_empty(), "{report:?}");
        assert_eq!(report.orphans, 3);
        assert_eq!(home.files("spool"), ["spool/fedcba9876543210"]);
        assert_eq!(home.large_files().len(), 1);
        let left = home.files("seg");
        assert!(!left.contains(&"seg/0000007.seg".to_owned()), "it held nothing");
        assert!(left.contains(&"seg/0000008.seg".to_owned()), "what it holds may be wanted");
        assert!(left.contains(&"seg/0000009.seg".to_owned()), "the last number is not given out twice");
        assert_sound(&store);
    });
}

#[test]
fn one_blob_that_cannot_be_removed_does_not_stop_the_others() {
    use crate::kv::Write;
    let (_, home) = Home::simulated();
    let store = home.open(Mode::Shared);
    let drive = store.drive("alice").unwrap();
    for n in 0..5_u64 {
        drive.put(&format!("{n}"), content(n, 300).as_slice(), Put::new()).unwrap();
    }
    for n in 0..5_u64 {
        drive.delete(&format!("{n}")).unwrap();
    }
    let engine = store.engine().unwrap();
    let page = prefix::page(&engine.reader().unwrap(), BLOB, &[], None, 1).unwrap();
    engine.write(move |change| change.put(BLOB, &page[0].0, b"\x01damaged")).unwrap();
    let report = store.gc_at(later()).unwrap();
    assert_eq!((report.blobs, report.failed.len()), (4, 1), "{report:?}");
    assert_eq!(blob_count(&store), 1);
}

/// What lives in the segments, and what the rows take in the log.
fn living(store: &Store) -> u64 {
    let tx = store.engine().unwrap().reader().unwrap();
    let blobs: u64 = segment::list(&tx).unwrap().iter().map(|(_, row)| row.live()).sum();
    blobs + super::super::log_snapshot::size(&tx).unwrap()
}

fn assert_bounded(store: &Store, when: &str) {
    let (log, live) = (store.stats().unwrap().segment_bytes, living(store));
    assert!(log <= live * 5 / 2 + (3 << 16), "{when}: the log takes {log} bytes, {live} live");
}

fn rebuilt(home: &Home, store: Store, mode: Mode) -> Store {
    let before = (everything(&store), rows(&store));
    store.close().unwrap();
    drop(store);
    home.vfs.remove("meta.redb").unwrap();
    let report = Store::rebuild_on(&home.vfs, &options()).unwrap();
    assert!(report.problems.is_empty() && report.lost.is_empty(), "{report:?}");
    let store = home.open(mode);
    assert_eq!(everything(&store), before.0);
    assert!(rows(&store) == before.1, "every row is as it was");
    store
}

#[test]
fn rounds_of_putting_deleting_and_collecting_leave_a_bounded_log() {
    for mode in [Mode::Shared, Mode::Exclusive] {
        let (_, home) = Home::simulated();
        let store = home.open(mode);
        fill(&store);
        let drive = store.drive("alice").unwrap();
        let mut sizes = Vec::new();
        for round in 0..8_u64 {
            let items: Vec<_> =
                (0..1000_u64).map(|n| (format!("round/{n}"), content(round << 20 | n, 100).into())).collect();
            drive.put_many(items, &Put::new()).unwrap();
            drive.delete("round").unwrap();
            let report = store.gc_at(later()).unwrap();
            assert!(report.failed.is_empty() && report.compaction.failed.is_empty(), "{report:?}");
            assert_bounded(&store, &format!("{mode:?}, round {round}"));
            sizes.push(store.stats().unwrap().segment_bytes);
        }
        assert!(sizes[7] <= sizes[1] + (1 << 17), "{sizes:?}");
        assert_sound(&rebuilt(&home, store, mode));
    }
}

#[test]
fn rows_that_change_again_and_again_leave_a_bounded_log() {
    let (_, home) = Home::simulated();
    let store = home.open(Mode::Exclusive);
    fill(&store);
    let drive = store.drive("alice").unwrap();
    for round in 0..6 {
        for _ in 0..800 {
            drive.rename("dir0/file0", "dir0/away", false).unwrap();
            drive.rename("dir0/away", "dir0/file0", false).unwrap();
        }
        store.gc_at(later()).unwrap();
        assert_bounded(&store, &format!("round {round}"));
    }
    assert_sound(&rebuilt(&home, store, Mode::Exclusive));
}

/// The group that said it is gone is gone; the one that put the file is in a segment that stays.
#[test]
fn what_was_deleted_stays_so_when_the_log_forgets_that_it_was() {
    let (_, home) = Home::simulated();
    let store = home.open(Mode::Exclusive);
    let drive = store.drive("alice").unwrap();
    drive.put("deleted", content(99, 40).as_slice(), Put::new()).unwrap();
    for n in 0..20 {
        drive.put(&format!("kept/{n}"), content(n, 4000).as_slice(), Put::new()).unwrap();
    }
    drive.delete("deleted").unwrap();
    for round in 0..400 {
        let to = format!("kept/renamed{}", round + 1);
        let from = if round == 0 { "kept/0".to_owned() } else { format!("kept/renamed{round}") };
        drive.rename(&from, &to, false).unwrap();
    }
    let report = store.gc_at(later()).unwrap();
    assert!(report.compaction.segments > 0 && report.compaction.rows > 0, "{report:?}");
    assert!(home.files("seg").contains(&"seg/0000001.seg".to_owned()), "what lives is not copied");
    let floor = segment::floor(&store.engine().unwrap().reader().unwrap()).unwrap();
    assert!(floor > 0);
    assert_sound(&rebuilt(&home, store, Mode::Exclusive));
}

#[test]
fn a_snapshot_cut_off_anywhere_counts_for_nothing_and_does_no_harm() {
    let (disk, home) = Home::simulated();
    let store = home.open(Mode::Exclusive);
    fill(&store);
    thin_out(&store);
    let before = everything(&store);
    store.close().unwrap();
    drop(store);
    let run = |disk: &SimVfs| -> Result<u64> {
        let store = Store::open_on(Arc::new(disk.clone()), options().mode(Mode::Exclusive))?;
        Ok(store.gc_at(later())?.compaction.rows)
    };
    let whole = disk.copy();
    assert!(run(&whole).unwrap() > 0);
    let ops = whole.op_count();
    for (step, policy) in (300..ops).step_by((ops as usize / 60).max(1)).zip(Policy::ALL.iter().cycle()) {
        let cut = disk.copy();
        cut.power_cut_at(step);
        let _ = run(&cut);
        let home = Home::on(cut.crash(*policy));
        // The log alone, without whatever a reopening would settle.
        Store::rebuild_on(&home.vfs, &options()).unwrap();
        let store = home.open(Mode::Exclusive);
        assert_eq!(everything(&store), before, "{policy:?} at {step}");
        assert_sound(&store);
    }
}
