//! Groups, replay and rebuild, on the simulated disk and on the real one.

mod recovery;

use std::ops::Bound::Unbounded;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{GroupLimits, Journal, Position, rebuild, recover};
use crate::blobs::frame::frame_len;
use crate::blobs::pool::Pool;
use crate::blobs::segment::{self, Segment};
use crate::catalog::record::Location;
use crate::catalog::table::{self, META};
use crate::digest::Digest;
use crate::id::BlobId;
use crate::kv::redb::{RedbKv, Sharing};
use crate::kv::{Commit, Kv, Read, Scan, Write};
use crate::vfs::{Fault, Open, Policy, RealVfs, SimVfs, Times, Vfs};
use crate::{Error, ErrorKind, Result};

const STORE: [u8; 16] = [3; 16];

fn limits() -> GroupLimits {
    GroupLimits {
        group_changes: 256,
        group_len: 16 << 20,
        segment_len: 1 << 20,
        checkpoint_groups: 7,
        checkpoint_len: u64::MAX,
        checkpoint_age: Duration::from_secs(3600),
        exclusive: true,
        read_only: false,
    }
}

fn rows(vfs: &Arc<dyn Vfs>, name: &str) -> RedbKv {
    let file = vfs.open(name, Open::Create).unwrap();
    let kv = RedbKv::open(file, Sharing::Exclusive, 1 << 20, table::ALL).unwrap();
    vfs.sync_dir("").unwrap();
    kv
}

fn open(vfs: &Arc<dyn Vfs>) -> Journal<RedbKv> {
    let kv = rows(vfs, "meta.redb");
    recover(&kv, vfs, STORE).unwrap();
    Journal::new(kv, vfs.clone(), STORE, limits())
}

fn new_disk() -> (SimVfs, Arc<dyn Vfs>) {
    let disk = SimVfs::new(7);
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    vfs.make_dir("seg").unwrap();
    vfs.sync_dir("").unwrap();
    (disk, vfs)
}

fn put(journal: &Journal<RedbKv>, key: u32, content: Bytes) -> Result<Location> {
    let digest = Digest::of(&content);
    journal.write(u64::try_from(content.len()).unwrap(), move |group| {
        let location = group.append(BlobId(u64::from(key)), content.clone(), &digest)?;
        group.put(META, &key.to_be_bytes(), &digest.blake3)?;
        Ok(location)
    })
}

fn keys(tx: &impl Read) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    tx.scan(META, (Unbounded, Unbounded), false, &mut |key, _| {
        if key.len() == 4 {
            keys.push(key.to_vec());
        }
        Ok(Scan::Next)
    })
    .unwrap();
    keys
}

#[test]
fn what_was_acknowledged_is_there_after_power_loss() {
    for policy in Policy::ALL {
        let (disk, vfs) = new_disk();
        let journal = open(&vfs);
        let locations: Vec<_> = (0..20_u32)
            .map(|key| put(&journal, key, Bytes::from(vec![7; 100 + key as usize])).unwrap())
            .collect();
        let after = disk.crash(policy);
        std::mem::forget(journal);
        let vfs: Arc<dyn Vfs> = Arc::new(after);
        let journal = open(&vfs);
        assert_eq!(keys(&journal.reader().unwrap()).len(), 20, "{policy:?}");
        let pool = Pool::new(vfs.clone());
        for (key, location) in locations.iter().enumerate() {
            let blob = pool.open(BlobId(key as u64), *location, 100 + key as u64).unwrap().unwrap();
            assert_eq!(blob.window(0, u64::MAX).unwrap(), vec![7; 100 + key]);
        }
    }
}

#[test]
fn a_failing_change_leaves_nothing_and_disturbs_no_other() {
    let (_, vfs) = new_disk();
    let journal = open(&vfs);
    let error = journal
        .write::<(), _>(0, |group| {
            group.put(META, &1_u32.to_be_bytes(), b"written before it failed")?;
            Err(Error::invalid("no"))
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let error = journal.write::<(), _>(0, |_| panic!("a defect")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bug);
    put(&journal, 2, Bytes::from_static(b"fine")).unwrap();
    assert_eq!(keys(&journal.reader().unwrap()), [2_u32.to_be_bytes()]);
}

#[test]
fn s3_a_failed_sync_stops_writing_until_reopened_and_reads_go_on() {
    let (disk, vfs) = new_disk();
    let journal = open(&vfs);
    put(&journal, 1, Bytes::from_static(b"first")).unwrap();
    let ops = disk.op_count();
    let mut refused = None;
    for step in 0..8 {
        disk.fail_at(ops + step, Fault::Eio, Times::Once);
    }
    for key in 2..6_u32 {
        if let Err(error) = put(&journal, key, Bytes::from_static(b"second")) {
            refused.get_or_insert(error.kind());
        }
    }
    assert_eq!(refused, Some(ErrorKind::Io));
    disk.clear_faults();
    if journal.is_poisoned() {
        let error = put(&journal, 9, Bytes::from_static(b"third")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Poisoned);
    }
    assert!(keys(&journal.reader().unwrap()).contains(&1_u32.to_be_bytes().to_vec()));
}

#[test]
fn the_rows_can_be_made_again_from_the_segments_alone() {
    let (_, vfs) = new_disk();
    let journal = open(&vfs);
    for key in 0..30_u32 {
        put(&journal, key, Bytes::from(vec![1; 90_000])).unwrap();
    }
    journal
        .write(0, |group| {
            group.del(META, &3_u32.to_be_bytes())?;
            group.add(META, b"count", 5)?;
            group.add(META, b"count", 5)
        })
        .unwrap();
    assert!(vfs.list("seg").unwrap().len() > 1, "more than one segment");
    let fresh = rows(&vfs, "again.redb");
    assert_eq!(rebuild(&fresh, &vfs, STORE, 1 << 20).unwrap(), 31);
    let (old, new) = (journal.reader().unwrap(), fresh.reader().unwrap());
    assert_eq!(keys(&old), keys(&new));
    assert_eq!(new.get(META, b"count", crate::kv::counter).unwrap(), Some(10));
    assert_eq!(Position::read(&old).unwrap(), Position::read(&new).unwrap());
}

#[test]
fn rebuilding_goes_on_behind_damage() {
    let (disk, vfs) = new_disk();
    let journal = open(&vfs);
    let locations: Vec<_> =
        (0..5_u32).map(|key| put(&journal, key, Bytes::from(vec![1; 500])).unwrap()).collect();
    let Location::Segment { offset, .. } = locations[2] else { panic!("a small blob") };
    let again = |name: &str| {
        let fresh = rows(&vfs, name);
        rebuild(&fresh, &vfs, STORE, 1 << 20).unwrap();
        keys(&fresh.reader().unwrap())
    };
    disk.bit_flip("seg/0000001.seg", offset + 100).unwrap();
    assert_eq!(again("content.redb").len(), 5, "damaged content takes no rows along");
    disk.bit_flip("seg/0000001.seg", offset + frame_len(500) + 100).unwrap();
    assert_eq!(again("change.redb"), [0_u32, 1, 3, 4].map(|key| key.to_be_bytes().to_vec()));
}

#[test]
fn a_last_group_with_damaged_content_is_taken_for_one_that_was_never_finished() {
    let (disk, vfs) = new_disk();
    let journal = open(&vfs);
    put(&journal, 1, Bytes::from(vec![1; 500])).unwrap();
    let Location::Segment { offset, .. } = put(&journal, 2, Bytes::from(vec![2; 500])).unwrap() else {
        panic!("a small blob")
    };
    disk.bit_flip("seg/0000001.seg", offset + 100).unwrap();
    let fresh = rows(&vfs, "again.redb");
    rebuild(&fresh, &vfs, STORE, 1 << 20).unwrap();
    assert_eq!(keys(&fresh.reader().unwrap()), [1_u32.to_be_bytes()]);
}

#[test]
fn threads_that_wait_at_once_share_groups() {
    let dir = tempfile::tempdir().unwrap();
    let vfs: Arc<dyn Vfs> = Arc::new(RealVfs::new(dir.path()).unwrap());
    vfs.make_dir("seg").unwrap();
    let journal = open(&vfs);
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..25_u32 {
                    put(journal, thread * 1000 + n, Bytes::from(vec![9; 64])).unwrap();
                }
            });
        }
    });
    let reader = journal.reader().unwrap();
    assert_eq!(keys(&reader).len(), 200);
    assert!(Position::read(&reader).unwrap().lsn < 200, "some puts shared a group");
}

fn shared(vfs: &Arc<dyn Vfs>) -> Journal<RedbKv> {
    let file = vfs.open("meta.redb", Open::Create).unwrap();
    let kv = RedbKv::open(file, Sharing::Shared, 1 << 20, table::ALL).unwrap();
    Journal::new(kv, vfs.clone(), STORE, GroupLimits { exclusive: false, ..limits() })
}

/// Returns the number of every whole group on the disk, in order.
fn numbers(vfs: &Arc<dyn Vfs>) -> Vec<u64> {
    let mut numbers = Vec::new();
    for entry in vfs.list("seg").unwrap() {
        let number = segment::number_of(&entry.name).unwrap();
        let segment = Segment::open(vfs.as_ref(), number, Open::Read).unwrap().unwrap();
        segment
            .salvage(&mut |group| {
                numbers.push(group.lsn);
                Ok(())
            })
            .unwrap();
    }
    numbers.sort_unstable();
    numbers
}

/// Plays two processes of a shared store: one puts while a fault strikes at its operation `step`,
/// then the other puts. Returns the disk; none once the fault comes too late.
fn struck(step: u64, fault: Fault) -> Option<(SimVfs, Arc<dyn Vfs>)> {
    let (disk, vfs) = new_disk();
    let (one, two) = (shared(&vfs), shared(&vfs));
    put(&one, 1, Bytes::from(vec![1; 900])).unwrap();
    put(&two, 2, Bytes::from(vec![2; 500])).unwrap();
    disk.fail_at(disk.op_count() + step, fault, Times::Always);
    let refused = put(&one, 3, Bytes::from(vec![3; 700])).is_err();
    disk.clear_faults();
    std::mem::forget(one);
    put(&two, 4, Bytes::from(vec![4; 300])).unwrap();
    refused.then_some((disk, vfs))
}

#[test]
fn no_two_groups_of_one_number_stand_on_the_disk_beside_a_later_one() {
    for fault in [Fault::Eio, Fault::Enospc] {
        let mut strikes = 0;
        while let Some((disk, vfs)) = struck(strikes, fault) {
            for at in Policy::ALL {
                let found: Arc<dyn Vfs> = Arc::new(disk.copy().crash(at));
                let numbers = numbers(&found);
                let mut unique = numbers.clone();
                unique.dedup();
                assert_eq!(numbers, unique, "{fault:?} at {strikes}, {at:?}");
            }
            let fresh = rows(&vfs, "again.redb");
            rebuild(&fresh, &vfs, STORE, 1 << 20).unwrap();
            let known = keys(&shared(&vfs).reader().unwrap());
            assert_eq!(keys(&fresh.reader().unwrap()), known, "{fault:?} at {strikes}");
            strikes += 1;
        }
        assert!(strikes >= 4, "{fault:?}");
    }
}

#[test]
fn a_reopening_replays_no_more_than_the_write_sets_that_a_checkpoint_waits_for() {
    let replayed = |checkpoint_len| {
        let (disk, vfs) = new_disk();
        let limits = GroupLimits { checkpoint_groups: 1000, checkpoint_len, ..limits() };
        let journal = Journal::new(rows(&vfs, "meta.redb"), vfs.clone(), STORE, limits);
        for key in 0..30 {
            put(&journal, key, Bytes::from_static(b"content")).unwrap();
        }
        let after = disk.crash(Policy::KeepAll);
        std::mem::forget(journal);
        let vfs: Arc<dyn Vfs> = Arc::new(after);
        let kv = rows(&vfs, "meta.redb");
        let replayed = recover(&kv, &vfs, STORE).unwrap();
        assert_eq!(keys(&kv.reader().unwrap()).len(), 30);
        replayed
    };
    assert_eq!([replayed(u64::MAX), replayed(1)], [30, 0]);
    assert!((1..30).contains(&replayed(150)), "{}", replayed(150));
}

#[test]
fn damage_in_mid_log_is_no_torn_end() {
    let build = || {
        let (disk, vfs) = new_disk();
        let kv = rows(&vfs, "meta.redb");
        let journal =
            Journal::new(kv, vfs.clone(), STORE, GroupLimits { checkpoint_groups: 1000, ..limits() });
        let locations: Vec<_> = (0..10_u32)
            .map(|key| match put(&journal, key, Bytes::from(vec![7; 300])).unwrap() {
                Location::Segment { offset, .. } => offset,
                Location::File => panic!("a small blob"),
            })
            .collect();
        (disk, vfs, journal, locations)
    };
    // A blob's header, its content, the header of the change, the write-set.
    for (part, lost) in [(10, true), (200, false), (frame_len(300) + 10, true), (frame_len(300) + 100, true)]
    {
        for group in [0, 3, 8, 9] {
            let (disk, _, journal, locations) = build();
            let after = disk.crash(Policy::KeepAll);
            std::mem::forget(journal);
            after.bit_flip("seg/0000001.seg", locations[group] + part).unwrap();
            let vfs: Arc<dyn Vfs> = Arc::new(after.clone());
            let before = after.files();
            let kv = rows(&vfs, "meta.redb");
            if group == 9 {
                // Of the very last nobody can tell.
                assert_eq!(recover(&kv, &vfs, STORE).unwrap(), 9);
                continue;
            }
            let error = recover(&kv, &vfs, STORE).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains("`holdall repair --rebuild`"), "{error}");
            assert_eq!(after.files()["seg/0000001.seg"], before["seg/0000001.seg"]);
            let fresh = rows(&vfs, "again.redb");
            rebuild(&fresh, &vfs, STORE, 1 << 20).unwrap();
            let left = keys(&fresh.reader().unwrap()).len();
            assert_eq!(left, if lost { 9 } else { 10 }, "group {group}, byte {part}");
        }
    }
}

#[test]
fn damage_at_the_end_of_a_segment_that_was_left_is_no_torn_end() {
    let (disk, vfs) = new_disk();
    let kv = rows(&vfs, "meta.redb");
    let limits = GroupLimits { checkpoint_groups: 1000, segment_len: 1000, ..limits() };
    let journal = Journal::new(kv, vfs.clone(), STORE, limits);
    let locations: Vec<_> =
        (0..6_u32).map(|key| put(&journal, key, Bytes::from(vec![7; 600])).unwrap()).collect();
    let Location::Segment { segment: 2, offset } = locations[1] else { panic!("{locations:?}") };
    let after = disk.crash(Policy::KeepAll);
    std::mem::forget(journal);
    after.bit_flip("seg/0000002.seg", offset + 100).unwrap();
    let vfs: Arc<dyn Vfs> = Arc::new(after);
    let error = recover(&rows(&vfs, "meta.redb"), &vfs, STORE).unwrap_err();
    assert!(error.to_string().contains("follows on none that is sound"), "{error}");
}

/// What a failed try of a group has left is overwritten in part by the next try of the same number,
/// as a power cut may leave it: the two never make one group.
#[test]
fn parts_of_two_tries_of_a_group_make_no_group() {
    let (_, vfs) = new_disk();
    let journal = open(&vfs);
    let location = |location| match location {
        Location::Segment { offset, .. } => offset,
        Location::File => panic!("a small blob"),
    };
    let first = location(put(&journal, 1, Bytes::from(vec![1; 400])).unwrap());
    std::mem::forget(journal);
    let file = vfs.open("seg/0000001.seg", Open::Write).unwrap();
    let mut whole = vec![0; 2000];
    file.read_at(first, &mut whole).unwrap();
    let segment = Segment::open(vfs.as_ref(), 1, Open::Read).unwrap().unwrap();
    assert!(segment.group_at(first).unwrap().is_some());
    let (mut frame, _) = segment.frame_at(first).unwrap().unwrap();
    let other = vec![2; 400];
    frame.crc32 = crc32fast::hash(&other);
    let (header, _) = frame.encode(segment.header.salt);
    file.write_at(first, &[&header, &other]).unwrap();
    assert!(segment.read_group(first, true).unwrap().is_none());
}
