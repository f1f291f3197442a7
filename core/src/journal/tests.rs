//! Groups, replay and rebuild, on the simulated disk and on the real one.

use std::ops::Bound::Unbounded;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Journal, Limits, Position, rebuild, recover};
use crate::blobs::frame::frame_len;
use crate::blobs::pool::Pool;
use crate::catalog::record::Place;
use crate::catalog::table::{self, META};
use crate::digest::Digest;
use crate::id::BlobId;
use crate::kv::redb::{RedbKv, Sharing};
use crate::kv::{Kv, Read, Scan, Write};
use crate::vfs::{Open, Policy, RealVfs, SimVfs, Vfs};
use crate::{Error, ErrorKind, Result};

const STORE: [u8; 16] = [3; 16];

fn limits() -> Limits {
    Limits {
        group_changes: 256,
        group_len: 16 << 20,
        segment_len: 1 << 20,
        checkpoint_groups: 7,
        checkpoint_age: Duration::from_secs(3600),
        exclusive: true,
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

fn put(journal: &Journal<RedbKv>, key: u32, content: Bytes) -> Result<Place> {
    let digest = Digest::of(&content);
    journal.write(u64::try_from(content.len()).unwrap(), move |group| {
        let place = group.append(BlobId(u64::from(key)), content.clone(), &digest)?;
        group.put(META, &key.to_be_bytes(), &digest.blake3)?;
        Ok(place)
    })
}

fn keys(rows: &impl Read) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    rows.scan(META, (Unbounded, Unbounded), false, &mut |key, _| {
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
        let places: Vec<_> = (0..20_u32)
            .map(|key| put(&journal, key, Bytes::from(vec![7; 100 + key as usize])).unwrap())
            .collect();
        let after = disk.crash(policy);
        std::mem::forget(journal);
        let vfs: Arc<dyn Vfs> = Arc::new(after);
        let journal = open(&vfs);
        assert_eq!(keys(&journal.reader().unwrap()).len(), 20, "{policy:?}");
        let pool = Pool::new(vfs.clone());
        for (key, place) in places.iter().enumerate() {
            let blob = pool.open(BlobId(key as u64), *place, 100 + key as u64).unwrap().unwrap();
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
        disk.fail_at(ops + step, crate::vfs::Fault::Eio, crate::vfs::Times::Once);
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
    assert_eq!(rebuild(&fresh, &vfs, STORE).unwrap(), 31);
    let (old, new) = (journal.reader().unwrap(), fresh.reader().unwrap());
    assert_eq!(keys(&old), keys(&new));
    assert_eq!(new.get(META, b"count", crate::kv::counter).unwrap(), Some(10));
    assert_eq!(Position::read(&old).unwrap(), Position::read(&new).unwrap());
}

#[test]
fn rebuilding_goes_on_behind_damage() {
    let (disk, vfs) = new_disk();
    let journal = open(&vfs);
    let places: Vec<_> =
        (0..5_u32).map(|key| put(&journal, key, Bytes::from(vec![1; 500])).unwrap()).collect();
    let Place::Segment { offset, .. } = places[2] else { panic!("a small blob") };
    let again = |name: &str| {
        let fresh = rows(&vfs, name);
        rebuild(&fresh, &vfs, STORE).unwrap();
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
    let Place::Segment { offset, .. } = put(&journal, 2, Bytes::from(vec![2; 500])).unwrap() else {
        panic!("a small blob")
    };
    disk.bit_flip("seg/0000001.seg", offset + 100).unwrap();
    let fresh = rows(&vfs, "again.redb");
    rebuild(&fresh, &vfs, STORE).unwrap();
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
