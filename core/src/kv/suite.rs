//! One behaviour, shown by every driver.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::time::Duration;

use proptest::prelude::*;

use super::memory::MemoryKv;
use super::redb::{RedbKv, Sharing};
use super::{Commit, Kv, Read, Scan, Table, Write};
use crate::machine;
use crate::vfs::{Open, RealVfs, Vfs};

const A: Table = Table::new(1, "a-1");
const B: Table = Table::new(2, "b-1");

fn redb(dir: &tempfile::TempDir, sharing: Sharing) -> RedbKv {
    let vfs = RealVfs::new(dir.path()).unwrap();
    let file = vfs.open("meta.redb", Open::Create).unwrap();
    // So small a cache that rows of a few commits are as many as are kept in memory.
    RedbKv::open(file, sharing, 16 << 10, &[A, B]).unwrap()
}

fn rows(read: &impl Read, table: Table, range: super::KeyRange<'_>, reverse: bool) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    read.scan(table, range, reverse, &mut |key, _| {
        keys.push(key.to_vec());
        Ok(Scan::Next)
    })
    .unwrap();
    keys
}

/// Holds a driver, whose tables are empty, to what the traits say.
pub(super) fn behaves(kv: &impl Kv) {
    let mut writer = kv.writer().unwrap();
    for key in [&b"a"[..], b"ab", b"b", b"\xff"] {
        writer.put(A, key, b"v").unwrap();
    }
    writer.put(B, b"a", b"other table").unwrap();
    writer.add(A, b"n", 5).unwrap();
    writer.add(A, b"n", -2).unwrap();
    assert!(kv.reader().unwrap().get(A, b"a", |_| Ok(())).unwrap().is_none(), "unseen before the commit");
    assert_eq!(
        writer.get(A, b"a", |value| Ok(value.to_vec())).unwrap().unwrap(),
        b"v",
        "sees its own writes"
    );
    let before = kv.reader().unwrap();
    assert!(before.get(A, b"b", |_| Ok(())).unwrap().is_none());
    kv.commit(writer, Commit::Unsynced).unwrap();
    assert!(before.get(A, b"a", |_| Ok(())).unwrap().is_none(), "a reader keeps its snapshot");

    let reader = kv.reader().unwrap();
    assert_eq!(reader.get(A, b"n", super::counter).unwrap(), Some(3));
    assert_eq!(rows(&reader, A, (Unbounded, Unbounded), false), [&b"a"[..], b"ab", b"b", b"n", b"\xff"]);
    assert_eq!(rows(&reader, A, (Included(b"ab"), Excluded(b"n")), true), [&b"b"[..], b"ab"]);
    assert_eq!(rows(&reader, A, (Included(b"z"), Excluded(b"a")), false), Vec::<Vec<u8>>::new());
    let mut seen = Vec::new();
    reader
        .get_many(&[(A, b"b"), (B, b"zz"), (B, b"a")], &mut |position, value| {
            seen.push((position, value.map(<[u8]>::to_vec)));
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, [(0, Some(b"v".to_vec())), (1, None), (2, Some(b"other table".to_vec()))]);

    let mut dropped = kv.writer().unwrap();
    dropped.del(A, b"a").unwrap();
    drop(dropped);
    assert!(kv.reader().unwrap().get(A, b"a", |_| Ok(())).unwrap().is_some(), "dropping takes it back");

    let mut many = kv.writer().unwrap();
    for n in 0..1000_u32 {
        many.put(B, &n.to_be_bytes(), &[]).unwrap();
    }
    let mut nested = 0;
    many.scan(B, (Included(&[0]), Excluded(&[1])), true, &mut |key, _| {
        nested += u32::from(many.get(B, key, |_| Ok(())).unwrap().is_some());
        Ok(Scan::Next)
    })
    .unwrap();
    assert_eq!(nested, 1000, "a visitor may look at the table that is being scanned");
    kv.commit(many, Commit::Synced).unwrap();
}

#[test]
fn every_driver_behaves_alike() {
    behaves(&MemoryKv::default());
    for sharing in [Sharing::Exclusive, Sharing::Shared] {
        let dir = tempfile::tempdir().unwrap();
        behaves(&redb(&dir, sharing));
    }
}

#[test]
fn p5_a_second_opener_in_an_excluding_mode_is_told_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let _first = redb(&dir, Sharing::Exclusive);
    let vfs = RealVfs::new(dir.path()).unwrap();
    let file = vfs.open("meta.redb", Open::Create).unwrap();
    let refused = RedbKv::open(file, Sharing::Exclusive, 1 << 20, &[A, B]).unwrap_err();
    assert_eq!(refused.kind(), crate::ErrorKind::Locked);
    assert!(refused.to_string().contains("shared mode"), "{refused}");
}

#[test]
fn an_opening_waits_for_another_s_write_until_its_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let open = |deadline| {
        let file = RealVfs::new(dir.path()).unwrap().open("meta.redb", Open::Create).unwrap();
        RedbKv::open_until(deadline, file, Sharing::Shared, 1 << 20, &[A, B])
    };
    let first = open(None).unwrap();
    let writer = first.writer().unwrap();
    let refused = open(Some(machine::uptime() + Duration::from_millis(50))).unwrap_err();
    assert_eq!(refused.kind(), crate::ErrorKind::Locked, "{refused}");
    drop(writer);
    let second = open(Some(machine::uptime() + Duration::from_secs(600))).unwrap();
    let writer = first.writer().unwrap();
    std::thread::scope(|scope| {
        second.wait_for_others();
        let waits = scope.spawn(|| second.writer().map(drop));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!waits.is_finished());
        drop(writer);
        waits.join().unwrap().unwrap();
    });
}

/// What a writer does with a row: sets it or removes it.
pub(super) type Step = (bool, Vec<u8>, u8);

/// Steps of random work on few keys.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec((any::<bool>(), proptest::collection::vec(0_u8..4, 1..4), any::<u8>()), 0..60)
}

/// Does the steps in a driver and in the one in memory, and compares what they show.
pub(super) fn agrees_with_memory(kv: &impl Kv, steps: &[Step]) {
    let memory = MemoryKv::default();
    let mut model = BTreeMap::new();
    let mut before = Vec::new();
    let keep = |model: &BTreeMap<Vec<u8>, u8>| {
        let reader = kv.reader().unwrap();
        // The first look fixes what it shows.
        assert!(reader.get(B, b"nothing", |_| Ok(())).unwrap().is_none());
        (model.clone(), reader)
    };
    for chunk in steps.chunks(7) {
        before.push(keep(&model));
        let (mut left, mut right) = (memory.writer().unwrap(), kv.writer().unwrap());
        for (put, key, value) in chunk {
            if *put {
                left.put(A, key, &[*value]).unwrap();
                right.put(A, key, &[*value]).unwrap();
                model.insert(key.clone(), *value);
            } else {
                left.del(A, key).unwrap();
                right.del(A, key).unwrap();
                model.remove(key);
            }
        }
        for reverse in [false, true] {
            for range in [
                (Unbounded, Unbounded),
                (Included(&[1][..]), Excluded(&[3][..])),
                (Excluded(&[1][..]), Included(&[2, 1][..])),
            ] {
                assert_eq!(rows(&left, A, range, reverse), rows(&right, A, range, reverse));
            }
        }
        let synced = chunk.iter().any(|(_, _, value)| value % 16 == 0);
        let how = if synced { Commit::Synced } else { Commit::Unsynced };
        memory.commit(left, how).unwrap();
        kv.commit(right, how).unwrap();
    }
    before.push(keep(&model));
    let all = (Unbounded, Unbounded);
    assert_eq!(rows(&memory.reader().unwrap(), A, all, false), model.into_keys().collect::<Vec<_>>());
    // Everybody who reads sees the rows as they were, whatever was committed since.
    for (model, reader) in before {
        let mut expected: Vec<_> = model.keys().cloned().collect();
        assert_eq!(rows(&reader, A, all, false), expected);
        expected.reverse();
        assert_eq!(rows(&reader, A, all, true), expected);
        for (key, value) in model {
            assert_eq!(reader.get(A, &key, |found| Ok(found.to_vec())).unwrap(), Some(vec![value]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_work_leaves_the_same_rows(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        agrees_with_memory(&redb(&dir, Sharing::Exclusive), &steps);
    }
}
