//! What a replay and a rebuild take from the log, and what they leave.

use super::*;
use crate::catalog::record::{BlobRecord, Record};
use crate::catalog::segment::{add_dead, edit, get, list, open_segments, raise_floor};
use crate::journal::recover::leave_all_but_last;
use crate::journal::tails::{find, void_tails};
use crate::kv::Table;
use crate::kv::memory::MemoryKv;

fn start_of(location: Location) -> u64 {
    match location {
        Location::Segment { offset, .. } => offset,
        Location::File => panic!("a small blob"),
    }
}

/// Begins a log without checkpoints, with a first put.
fn begun() -> (SimVfs, Arc<dyn Vfs>, Journal<RedbKv>) {
    let (disk, vfs) = new_disk();
    let kv = rows(&vfs, "meta.redb");
    let limits = GroupLimits { checkpoint_groups: 1000, ..limits() };
    let journal = Journal::new(kv, vfs.clone(), STORE, limits);
    put(&journal, 1, Bytes::from(vec![1; 300])).unwrap();
    (disk, vfs, journal)
}

fn rebuilt(vfs: &Arc<dyn Vfs>) -> RedbKv {
    let fresh = rows(vfs, "again.redb");
    rebuild(&fresh, vfs, STORE, 1 << 20).unwrap();
    fresh
}

#[test]
fn the_last_group_is_durable_before_a_row_speaks_of_it() {
    let (disk, vfs, journal) = begun();
    let killed = disk.copy();
    let start = start_of(put(&journal, 2, Bytes::from(vec![2; 300])).unwrap());
    let mut group = vec![0; 4096];
    vfs.open("seg/0000001.seg", Open::Read).unwrap().read_at(start, &mut group).unwrap();
    std::mem::forget(journal);
    // Killed before the sync: the group is in the system's cache.
    let vfs: Arc<dyn Vfs> = Arc::new(killed.clone());
    vfs.open("seg/0000001.seg", Open::Write).unwrap().write_at(start, &[&group]).unwrap();
    let kv = rows(&vfs, "meta.redb");
    assert_eq!(recover(&kv, &vfs, STORE).unwrap(), 2);
    drop(kv);
    let after: Arc<dyn Vfs> = Arc::new(killed.crash(Policy::LoseAll));
    let both = [1_u32, 2].map(|key| key.to_be_bytes().to_vec());
    assert_eq!(keys(&rows(&after, "meta.redb").reader().unwrap()), both);
    assert_eq!(keys(&rebuilt(&after).reader().unwrap()), both);
}

#[test]
fn what_groups_up_to_the_floor_say_is_void_and_what_follows_holds() {
    let (_, vfs, journal) = begun();
    put(&journal, 2, Bytes::from(vec![2; 300])).unwrap();
    let floor = Position::read(&journal.reader().unwrap()).unwrap().lsn;
    put(&journal, 3, Bytes::from(vec![3; 300])).unwrap();
    journal.write(0, move |group| raise_floor(group, floor)).unwrap();
    put(&journal, 4, Bytes::from(vec![4; 300])).unwrap();
    let fresh = rebuilt(&vfs);
    let reader = fresh.reader().unwrap();
    assert_eq!(keys(&reader), [3_u32, 4].map(|key| key.to_be_bytes().to_vec()));
    assert_eq!(Position::read(&reader).unwrap(), Position::read(&journal.reader().unwrap()).unwrap());
    // Their segment counts all the same.
    let (before, after) = (get(&journal.reader().unwrap(), 1).unwrap(), get(&reader, 1).unwrap());
    assert_eq!((after.len, after.blobs, after.last), (before.len, before.blobs, before.last));
}

#[test]
fn a_rebuild_counts_what_of_each_segment_is_dead_and_leaves_all_but_the_last() {
    let (_, vfs) = new_disk();
    let kv = rows(&vfs, "meta.redb");
    let limits = GroupLimits { checkpoint_groups: 1000, segment_len: 2000, ..limits() };
    let journal = Journal::new(kv, vfs.clone(), STORE, limits);
    for key in 0..8_u32 {
        let content = Bytes::from(vec![7; 400]);
        let digest = Digest::of(&content);
        journal
            .write(400, move |group| {
                let location = group.append(BlobId(u64::from(key)), content.clone(), &digest)?;
                if key % 3 == 0 {
                    // Of the others no row speaks.
                    let record = BlobRecord {
                        location,
                        len: 400,
                        crc32: digest.crc32,
                        crc64: digest.crc64,
                        sha1: digest.sha1,
                        blake3: digest.blake3,
                        refs: 1,
                        released: None,
                        scope: 0,
                    };
                    group.put(table::BLOB, &u64::from(key).to_be_bytes(), &record.encode()?)?;
                }
                Ok(())
            })
            .unwrap();
    }
    let fresh = rebuilt(&vfs);
    let segments = list(&fresh.reader().unwrap()).unwrap();
    assert!(segments.len() > 1, "{segments:?}");
    let dead: u64 = segments.iter().map(|(_, record)| record.dead).sum();
    assert_eq!(dead, 5 * frame_len(400), "{segments:?}");
    let last = segments.last().unwrap().0;
    assert!(segments.iter().all(|(number, record)| record.open == (*number == last)), "{segments:?}");
}

#[test]
fn a_replay_takes_of_a_segment_only_what_is_dead_from_a_logged_row() {
    let (disk, vfs, journal) = begun();
    journal.write(0, |group| add_dead(group, 1, 160)).unwrap();
    let before = get(&journal.reader().unwrap(), 1).unwrap();
    let after: Arc<dyn Vfs> = Arc::new(disk.crash(Policy::KeepAll));
    std::mem::forget(journal);
    drop(vfs);
    let kv = rows(&after, "meta.redb");
    assert_eq!(recover(&kv, &after, STORE).unwrap(), 2);
    let recovered = get(&kv.reader().unwrap(), 1).unwrap();
    assert_eq!(
        (recovered.len, recovered.dead),
        (before.len, 160),
        "the row was logged before its group ended"
    );
}

#[test]
fn a_segment_of_another_store_is_refused() {
    let (_, vfs, journal) = begun();
    drop(journal);
    let again = |kv: &RedbKv, rebuilt: bool| match rebuilt {
        true => rebuild(kv, &vfs, [4; 16], 1 << 20),
        false => recover(kv, &vfs, [4; 16]),
    };
    for rebuilt in [true, false] {
        let error = again(&rows(&vfs, "other.redb"), rebuilt).unwrap_err();
        assert!(error.to_string().contains("belongs to another store"), "{error}");
    }
}

#[test]
fn an_open_segment_that_is_gone_is_damage() {
    let (_, vfs) = new_disk();
    let one = shared(&vfs);
    put(&one, 1, Bytes::from(vec![1; 300])).unwrap();
    std::mem::forget(one);
    vfs.remove("seg/0000001.seg").unwrap();
    let error = recover(&rows(&vfs, "meta.redb"), &vfs, STORE).unwrap_err();
    assert!(error.to_string().contains("seg/0000001.seg is gone"), "{error}");
}

#[test]
fn what_was_never_published_behind_a_segment_is_voided_by_whoever_opens_next() {
    let (_, vfs) = new_disk();
    let (one, two) = (shared(&vfs), shared(&vfs));
    put(&one, 1, Bytes::from(vec![1; 300])).unwrap();
    put(&two, 2, Bytes::from(vec![2; 300])).unwrap();
    let open = open_segments(&one.reader().unwrap()).unwrap();
    assert_eq!(open.len(), 2);
    // A group that its process died over: here the one before it once more.
    let (start, end) = (segment_start(&vfs, open[0]), get(&one.reader().unwrap(), open[0]).unwrap().len);
    std::mem::forget((one, two));
    let segment = find(vfs.as_ref(), open[0]).unwrap().unwrap();
    assert!(segment.frame_at(end).unwrap().is_none());
    let file = vfs.open(&segment::path(open[0]), Open::Write).unwrap();
    let mut group = vec![0; usize::try_from(end - start).unwrap()];
    file.read_at(start, &mut group).unwrap();
    file.write_at(end, &[&group]).unwrap();
    assert!(segment.frame_at(end).unwrap().is_some());
    let kv = rows(&vfs, "meta.redb");
    void_tails(&kv, &vfs).unwrap();
    assert!(segment.frame_at(end).unwrap().is_none());
    let mut tx = kv.writer().unwrap();
    leave_all_but_last(&mut tx, vfs.as_ref()).unwrap();
    assert_eq!(open_segments(&tx).unwrap(), [open[1]]);
}

/// Where the first group of a segment lies.
fn segment_start(vfs: &Arc<dyn Vfs>, number: u32) -> u64 {
    let mut start = None;
    let segment = Segment::open(vfs.as_ref(), number, Open::Read).unwrap().unwrap();
    let mut note = |group: crate::blobs::segment::GroupAt| {
        start.get_or_insert(group.start);
        Ok(())
    };
    segment.salvage(&mut note).unwrap();
    start.unwrap()
}

#[test]
fn a_segment_is_found_or_gone_or_cannot_be_looked_at() {
    let (disk, vfs, _journal) = begun();
    assert!(find(vfs.as_ref(), 1).unwrap().is_some());
    assert!(find(vfs.as_ref(), 2).unwrap().is_none());
    disk.fail_at(disk.op_count(), Fault::Eio, Times::Always);
    assert_eq!(find(vfs.as_ref(), 1).map(drop).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_group_that_names_another_predecessor_is_damage() {
    let (disk, vfs, journal) = begun();
    let after: Arc<dyn Vfs> = Arc::new(disk.crash(Policy::KeepAll));
    std::mem::forget((journal, vfs));
    let kv = rows(&after, "meta.redb");
    let mut tx = kv.writer().unwrap();
    Position::fence(&mut tx, 77).unwrap();
    kv.commit(tx, Commit::Synced).unwrap();
    let error = recover(&kv, &after, STORE).unwrap_err();
    assert!(error.to_string().contains("group 1 in seg/0000001.seg follows on none"), "{error}");
    assert!(keys(&kv.reader().unwrap()).is_empty());
}

/// Two processes wrote a group of one number; that of the key 30 is the later one.
fn with_two_groups_of_one_number() -> (Arc<dyn Vfs>, Journal<RedbKv>) {
    let (disk, vfs) = new_disk();
    let one = shared(&vfs);
    put(&one, 1, Bytes::from(vec![1; 300])).unwrap();
    let twin: Arc<dyn Vfs> = Arc::new(disk.copy());
    put(&one, 3, Bytes::from(vec![3; 300])).unwrap();
    std::thread::sleep(Duration::from_millis(2));
    // As the first process has it still, the other writes to a segment of its own.
    let held = twin.open("seg/0000001.seg", Open::Write).unwrap();
    assert!(held.try_lock().unwrap());
    put(&shared(&twin), 30, Bytes::from(vec![30; 300])).unwrap();
    let other = twin.open("seg/0000002.seg", Open::Read).unwrap();
    let mut bytes = vec![0; usize::try_from(other.len().unwrap()).unwrap()];
    other.read_at(0, &mut bytes).unwrap();
    vfs.open("seg/0000002.seg", Open::CreateNew).unwrap().write_at(0, &[&bytes]).unwrap();
    (vfs, one)
}

#[test]
fn of_two_groups_of_one_number_a_rebuild_takes_the_one_that_the_next_names() {
    let (vfs, one) = with_two_groups_of_one_number();
    put(&one, 4, Bytes::from(vec![4; 300])).unwrap();
    assert_eq!(keys(&rebuilt(&vfs).reader().unwrap()), [1_u32, 3, 4].map(|key| key.to_be_bytes().to_vec()));
}

#[test]
fn of_two_last_groups_a_rebuild_takes_the_later() {
    let (vfs, _one) = with_two_groups_of_one_number();
    assert_eq!(keys(&rebuilt(&vfs).reader().unwrap()), [1_u32, 30].map(|key| key.to_be_bytes().to_vec()));
}

#[test]
fn what_lies_behind_a_segment_that_was_left_is_no_damage() {
    let (disk, vfs, journal) = begun();
    journal.checkpoint().unwrap();
    let end = get(&journal.reader().unwrap(), 1).unwrap().len;
    let before: Arc<dyn Vfs> = Arc::new(disk.copy());
    put(&journal, 2, Bytes::from(vec![2; 300])).unwrap();
    let len = get(&journal.reader().unwrap(), 1).unwrap().len - end;
    let mut group = vec![0; usize::try_from(len).unwrap()];
    vfs.open("seg/0000001.seg", Open::Read).unwrap().read_at(end, &mut group).unwrap();
    std::mem::forget(journal);
    // A sound group of a higher number behind a gap, as none that was published lies.
    let file = before.open("seg/0000001.seg", Open::Write).unwrap();
    file.write_at(end + 4096, &[&group]).unwrap();
    let kv = rows(&before, "meta.redb");
    let error = recover(&kv, &before, STORE).unwrap_err();
    assert!(error.to_string().contains("sound groups follow"), "{error}");
    let mut tx = kv.writer().unwrap();
    edit(&mut tx, 1, |row| row.open = false).unwrap();
    kv.commit(tx, Commit::Synced).unwrap();
    assert_eq!(recover(&kv, &before, STORE).unwrap(), 0);
    assert_eq!(keys(&kv.reader().unwrap()), [1_u32.to_be_bytes()]);
}

#[test]
fn a_segment_whose_row_is_removed_by_a_replay_is_not_open_any_more() {
    let (disk, vfs, journal) = begun();
    let end = get(&journal.reader().unwrap(), 1).unwrap().len;
    journal.write(0, |group| group.del(table::SEGMENT, &2_u32.to_be_bytes())).unwrap();
    let after: Arc<dyn Vfs> = Arc::new(disk.crash(Policy::KeepAll));
    std::mem::forget((journal, vfs));
    let kv = rows(&after, "meta.redb");
    let mut tx = kv.writer().unwrap();
    edit(&mut tx, 2, |row| row.len = end).unwrap();
    kv.commit(tx, Commit::Synced).unwrap();
    // Its file is there until the row is gone.
    after.open("seg/0000002.seg", Open::CreateNew).unwrap().write_at(0, &[&header_of_second()]).unwrap();
    recover(&kv, &after, STORE).unwrap();
    assert_eq!(open_segments(&kv.reader().unwrap()).unwrap(), [1]);
}

/// The header of a second segment of the store.
fn header_of_second() -> Vec<u8> {
    let (_, vfs) = new_disk();
    let (one, two) = (shared(&vfs), shared(&vfs));
    put(&one, 1, Bytes::from(vec![1; 300])).unwrap();
    put(&two, 2, Bytes::from(vec![2; 300])).unwrap();
    let mut header = vec![0; crate::blobs::frame::SEGMENT_HEADER_LEN];
    vfs.open("seg/0000002.seg", Open::Read).unwrap().read_at(0, &mut header).unwrap();
    header
}

/// Every row of every table; of a segment without what is dead and whether it is open.
fn all_rows(tx: &impl Read) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    for table in table::ALL.iter().filter(|table| **table != table::SEGMENT) {
        tx.scan(*table, (Unbounded, Unbounded), false, &mut |key, value| {
            if key != crate::catalog::segment::OPEN {
                all.push((table.name, key.to_vec(), value.to_vec()));
            }
            Ok(Scan::Next)
        })
        .unwrap();
    }
    for (number, record) in list(tx).unwrap() {
        let text = format!("{} {} {}", record.len, record.blobs, record.last);
        all.push(("segment", number.to_be_bytes().to_vec(), text.into_bytes()));
    }
    all
}

#[test]
fn rows_loaded_in_order_are_those_of_a_replay_group_by_group() {
    const TABLES: [Table; 4] = [table::DRIVE_NAME, table::BLOB_HASH, table::ATTRIBUTE, table::COUNTER];
    let (_, vfs) = new_disk();
    let limits = GroupLimits { checkpoint_groups: 1000, segment_len: 20_000, ..limits() };
    let journal = Journal::new(rows(&vfs, "meta.redb"), vfs.clone(), STORE, limits);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    for _ in 0..300 {
        let rows: Vec<_> = (0..next(20))
            .map(|_| {
                let table = TABLES[usize::try_from(next(4)).unwrap()];
                let key = next(150).to_be_bytes()[usize::try_from(next(8)).unwrap()..].to_vec();
                (table, key, (next(4) > 0).then(|| vec![next(250) as u8; usize::try_from(next(60)).unwrap()]))
            })
            .collect();
        journal
            .write(0, move |group| {
                rows.iter().try_for_each(|(table, key, value)| match value {
                    Some(value) => group.put(*table, key, value),
                    None => group.del(*table, key),
                })
            })
            .unwrap();
    }
    let replayed = rows(&vfs, "replayed.redb");
    recover(&replayed, &vfs, STORE).unwrap();
    let expected = all_rows(&replayed.reader().unwrap());
    assert!(expected.len() > 300, "{} rows", expected.len());
    // With memory for one row, for some and for all: many runs in the file, a few, none.
    for memory in [0, 4000, 20_000, 1 << 20] {
        let loaded = rows(&vfs, &format!("{memory}.redb"));
        rebuild(&loaded, &vfs, STORE, memory).unwrap();
        assert_eq!(all_rows(&loaded.reader().unwrap()), expected, "{memory} bytes of memory");
        let memory_kv = MemoryKv::default();
        rebuild(&memory_kv, &vfs, STORE, memory).unwrap();
        assert_eq!(all_rows(&memory_kv.reader().unwrap()), expected, "{memory} bytes of memory, in memory");
    }
    assert!(vfs.open("meta.redb.sort", Open::Read).is_err(), "the file of the runs has no name any more");
}
