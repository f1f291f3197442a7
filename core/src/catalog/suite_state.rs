//! What every driver must pass: counters, keys, use limits, segments and dumps.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use super::signing_key;
use crate::catalog::counter::{self, Counter};
use crate::catalog::record::{Record, SegmentRecord, UseRecord};
use crate::catalog::suite_public::{cases, refused, rows, write};
use crate::catalog::usage::Downloader;
use crate::catalog::{dump, row, segment, table, usage};
use crate::id::{DriveId, LinkId, ShareId};
use crate::kv::{Kv, Write};
use crate::time::Time;
use crate::{ErrorKind, Result};

cases! {
    counters_are_kept_apart_by_kind_and_id
    t9_a_weak_key_is_refused
    t8_a_key_signs_then_verifies_then_is_gone
    the_id_of_a_removed_key_is_not_given_out_again
    one_key_always_signs
    a_url_is_used_so_many_times
    races_never_pass_a_use_limit
    a_sweep_of_use_limits_takes_what_expired_in_bounded_steps
    a_use_is_drawn_in_pieces_and_swept_after_a_day
    a_segment_dies_and_goes
    segments_of_which_less_than_half_lives_are_candidates
    an_exclusive_session_is_marked
    a_dump_loads_into_an_empty_store_only
}

const NOW: Time = Time(1_000_000);

fn counters_are_kept_apart_by_kind_and_id<K: Kv>(kv: &K) {
    let counters = [
        Counter::DriveFiles(DriveId(1)),
        Counter::DriveFiles(DriveId(2)),
        Counter::DriveBytes(DriveId(1)),
        Counter::Blobs,
        Counter::BlobBytes,
        Counter::LinkDownloads(LinkId(1)),
        Counter::ShareViews(ShareId(1)),
    ];
    for (counter, delta) in counters.into_iter().zip(1..) {
        for _ in 0..2 {
            write(kv, |tx| counter::add(tx, counter, delta)).unwrap();
        }
    }
    for (counter, delta) in counters.into_iter().zip(1..) {
        assert_eq!(counter::get(&kv.reader().unwrap(), counter).unwrap(), 2 * delta);
    }
    write(kv, |tx| counter::add(tx, Counter::Blobs, -100)).unwrap();
    assert_eq!(counter::get(&kv.reader().unwrap(), Counter::Blobs).unwrap(), -92);
    assert_eq!(counter::total(&kv.reader().unwrap(), Counter::Blobs).unwrap(), 0);
    write(kv, |tx| counter::remove(tx, Counter::Blobs)).unwrap();
    assert_eq!(counter::get(&kv.reader().unwrap(), Counter::Blobs).unwrap(), 0);
    let keys: Vec<_> = rows(&kv.reader().unwrap()).into_iter().map(|(_, key, _)| key[0]).collect();
    assert_eq!(keys, [1, 1, 2, 4, 10, 11]);
}

fn add<K: Kv>(kv: &K, byte: u8, signs: bool) -> u16 {
    write(kv, |tx| signing_key::add(tx, &[byte; 32], signs, NOW)).unwrap()
}

/// The ring as ids, in capitals so to speak: true for one that signs.
fn ring<K: Kv>(kv: &K) -> Vec<(u16, bool)> {
    signing_key::list(&kv.reader().unwrap()).unwrap().into_iter().map(|(id, key)| (id, key.signs)).collect()
}

fn version<K: Kv>(kv: &K) -> u64 {
    signing_key::ring_version(&kv.reader().unwrap()).unwrap()
}

fn t9_a_weak_key_is_refused<K: Kv>(kv: &K) {
    let (zero, long) = (vec![0; 64], vec![1; 1025]);
    for weak in [&b""[..], &[1], &[1; 31], &[0; 32], &zero, &long] {
        refused(kv, ErrorKind::InvalidArgument, |tx| signing_key::add(tx, weak, true, NOW));
    }
    assert_eq!((ring(kv), version(kv)), (vec![], 0));
    let mut almost = [0; 32];
    almost[31] = 1;
    assert_eq!(write(kv, |tx| signing_key::add(tx, &almost, true, NOW)).unwrap(), 1);
    refused(kv, ErrorKind::Exists, |tx| signing_key::add(tx, &almost, true, NOW));
}

fn t8_a_key_signs_then_verifies_then_is_gone<K: Kv>(kv: &K) {
    assert_eq!([add(kv, 1, true), add(kv, 2, false)], [1, 2]);
    assert_eq!((ring(kv), version(kv)), (vec![(1, true), (2, false)], 2));
    write(kv, |tx| signing_key::set_signing(tx, 2)).unwrap();
    assert_eq!((ring(kv), version(kv)), (vec![(1, false), (2, true)], 3));
    assert_eq!(add(kv, 3, true), 3);
    assert_eq!((ring(kv), version(kv)), (vec![(1, false), (2, false), (3, true)], 4));
    write(kv, |tx| signing_key::remove(tx, 1)).unwrap();
    assert_eq!((ring(kv), version(kv)), (vec![(2, false), (3, true)], 5));
    let keys = signing_key::list(&kv.reader().unwrap()).unwrap();
    assert!(keys[0].1.secret == [2; 32] && keys[0].1.created == NOW);
    refused(kv, ErrorKind::NotFound, |tx| signing_key::set_signing(tx, 1));
    refused(kv, ErrorKind::NotFound, |tx| signing_key::retire(tx, 1));
    refused(kv, ErrorKind::NotFound, |tx| signing_key::remove(tx, 1));
    assert_eq!(version(kv), 5);
}

fn the_id_of_a_removed_key_is_not_given_out_again<K: Kv>(kv: &K) {
    add(kv, 1, true);
    let newest = add(kv, 2, false);
    write(kv, |tx| signing_key::remove(tx, newest)).unwrap();
    assert_eq!(add(kv, 3, false), newest + 1);
}

fn one_key_always_signs<K: Kv>(kv: &K) {
    add(kv, 1, true);
    add(kv, 2, false);
    refused(kv, ErrorKind::InvalidArgument, |tx| signing_key::retire(tx, 1));
    refused(kv, ErrorKind::InvalidArgument, |tx| signing_key::remove(tx, 1));
    write(kv, |tx| signing_key::retire(tx, 2)).unwrap();
    assert_eq!(ring(kv), [(1, true), (2, false)]);
    write(kv, |tx| signing_key::set_signing(tx, 2)).unwrap();
    write(kv, |tx| signing_key::retire(tx, 1)).unwrap();
    write(kv, |tx| signing_key::remove(tx, 1)).unwrap();
    assert_eq!(ring(kv), [(2, true)]);
}

const LATER: Time = Time(2_000_000);

fn consume<K: Kv>(kv: &K, id: u8, limit: u32, now: Time) -> Result<u32> {
    write(kv, |tx| usage::consume(tx, [id; 16], limit, LATER, now))
}

fn a_url_is_used_so_many_times<K: Kv>(kv: &K) {
    for left in [2, 1, 0] {
        assert_eq!(consume(kv, 1, 3, NOW).unwrap(), left);
    }
    refused(kv, ErrorKind::Gone, |tx| usage::consume(tx, [1; 16], 3, LATER, NOW));
    refused(kv, ErrorKind::Gone, |tx| usage::consume(tx, [1; 16], 2, LATER, NOW));
    refused(kv, ErrorKind::Expired, |tx| usage::consume(tx, [2; 16], 3, LATER, LATER));
    refused(kv, ErrorKind::InvalidArgument, |tx| usage::consume(tx, [2; 16], 0, LATER, NOW));
    assert_eq!(consume(kv, 2, u32::MAX, NOW).unwrap(), u32::MAX - 1);
}

fn races_never_pass_a_use_limit<K: Kv>(kv: &K) {
    let barrier = Barrier::new(8);
    let work = || {
        barrier.wait();
        (0..5).filter(|_| consume(kv, 1, 12, NOW).is_ok()).count()
    };
    let served: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(served, 12);
}

fn a_sweep_of_use_limits_takes_what_expired_in_bounded_steps<K: Kv>(kv: &K) {
    for id in 0..10 {
        let expires = if id % 2 == 0 { LATER } else { Time(LATER.0 + 1) };
        let row = UseRecord { used: 1, expires }.encode().unwrap();
        write(kv, |tx| tx.put(table::USE, &[id; 16], &row)).unwrap();
    }
    let mut cursor = None;
    let mut left = Vec::new();
    loop {
        cursor = write(kv, |tx| usage::sweep(tx, LATER, cursor, 4)).unwrap();
        left.push(rows(&kv.reader().unwrap()).len());
        if cursor.is_none() {
            break;
        }
    }
    // And the row that says up to when they were swept.
    assert_eq!(left, [9, 7, 6]);
    assert_eq!(write(kv, |tx| usage::sweep(tx, Time(LATER.0 + 1), None, 100)).unwrap(), None);
    assert_eq!(rows(&kv.reader().unwrap()).len(), 1);
    // The clock is set back: the uses that were counted in those rows are used for ever.
    refused(kv, ErrorKind::Expired, |tx| usage::consume(tx, [3; 16], 1, LATER, NOW));
    let later = Time(LATER.0 + 2);
    assert_eq!(write(kv, |tx| usage::consume(tx, [99; 16], 2, later, NOW)).unwrap(), 1);
    // A sweep while the clock was far ahead ends no URL but those that it removed.
    assert_eq!(write(kv, |tx| usage::sweep(tx, Time(i64::MAX - 1), None, 100)).unwrap(), None);
    refused(kv, ErrorKind::Expired, |tx| usage::consume(tx, [99; 16], 2, later, NOW));
    let fresh = Time(later.0 + 1);
    assert_eq!(write(kv, |tx| usage::consume(tx, [98; 16], 2, fresh, NOW)).unwrap(), 1);
}

fn a_use_is_drawn_in_pieces_and_swept_after_a_day<K: Kv>(kv: &K) {
    let day = Duration::from_secs(24 * 3600);
    let forever = Time(i64::MAX);
    let allow = |client: u64, bytes: u64, now: Time| {
        let of = Downloader { id: [7; 16], client };
        write(kv, |tx| usage::allow(tx, of, (2, forever), (bytes, 6400), now))
    };
    let first = allow(1, 10, NOW).unwrap();
    assert_eq!((first.bytes, first.until), (400, NOW.after(day)), "a 64th of four times 6,400");
    assert_eq!(allow(1, 6400, NOW).unwrap().bytes, 6400);
    assert_eq!(allow(2, 25_600, NOW).unwrap().bytes, 25_600, "the second use");
    assert_eq!(allow(1, 18_800, NOW).unwrap().bytes, 18_800, "all the rest");
    for client in 1..=3 {
        assert_eq!(allow(client, 1, NOW).unwrap_err().kind(), ErrorKind::Gone);
    }
    for (now, left) in [(NOW.after(day).before(Duration::from_micros(1)), 3), (NOW.after(day), 1)] {
        let mut cursor = None;
        loop {
            cursor = write(kv, |tx| usage::sweep_clients(tx, now, cursor.clone(), 1)).unwrap();
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(rows(&kv.reader().unwrap()).len(), left);
    }
    assert_eq!(allow(1, 1, NOW).unwrap_err().kind(), ErrorKind::Gone, "swept, and used all the same");
}

fn put_segment<K: Kv>(kv: &K, number: u32, record: &SegmentRecord) {
    write(kv, |tx| row::put(tx, table::SEGMENT, &number.to_be_bytes(), record)).unwrap();
}

fn a_segment_dies_and_goes<K: Kv>(kv: &K) {
    put_segment(kv, 1, &SegmentRecord { open: true, len: 1000, blobs: 900, dead: 0, last: 7 });
    write(kv, |tx| segment::add_dead(tx, 1, 300)).unwrap();
    write(kv, |tx| segment::add_dead(tx, 1, 400)).unwrap();
    let now = SegmentRecord { open: true, len: 1000, blobs: 900, dead: 700, last: 7 };
    assert_eq!(segment::get(&kv.reader().unwrap(), 1).unwrap(), now);
    refused(kv, ErrorKind::Bug, |tx| segment::add_dead(tx, 1, 301));
    refused(kv, ErrorKind::Bug, |tx| segment::add_dead(tx, 1, u64::MAX));
    refused(kv, ErrorKind::Bug, |tx| segment::remove(tx, 1));
    refused(kv, ErrorKind::NotFound, |tx| segment::add_dead(tx, 2, 1));
    refused(kv, ErrorKind::NotFound, |tx| segment::remove(tx, 2));
    put_segment(kv, 1, &SegmentRecord { open: false, ..now });
    write(kv, |tx| segment::remove(tx, 1)).unwrap();
    assert!(rows(&kv.reader().unwrap()).is_empty());
}

fn segments_of_which_less_than_half_lives_are_candidates<K: Kv>(kv: &K) {
    let cases = [
        (1, false, 100, 50),
        (2, false, 100, 51),
        (3, true, 100, 90),
        (4, false, 101, 51),
        (5, false, 101, 50),
        (6, false, u64::MAX, u64::MAX),
        (256, false, 100, 100),
    ];
    for (number, open, len, dead) in cases {
        put_segment(kv, number, &SegmentRecord { open, len, blobs: len, dead, last: 1 });
    }
    let numbers =
        |list: Vec<(u32, SegmentRecord)>| list.into_iter().map(|(number, _)| number).collect::<Vec<_>>();
    let reader = kv.reader().unwrap();
    assert_eq!(numbers(segment::list(&reader).unwrap()), [1, 2, 3, 4, 5, 6, 256]);
    assert_eq!(numbers(segment::candidates(&reader).unwrap()), [6, 256, 2, 4]);
}

fn an_exclusive_session_is_marked<K: Kv>(kv: &K) {
    let marked = || segment::is_exclusive(&kv.reader().unwrap()).unwrap();
    assert!(!marked());
    write(kv, |tx| segment::set_exclusive(tx, true)).unwrap();
    assert!(marked());
    write(kv, |tx| segment::set_exclusive(tx, false)).unwrap();
    assert!(!marked());
}

fn a_dump_loads_into_an_empty_store_only<K: Kv>(kv: &K) {
    let from = crate::kv::memory::MemoryKv::default();
    write(&from, |tx| {
        signing_key::add(tx, &[1; 32], true, NOW)?;
        for number in 0..40_u32 {
            let value = vec![7; 90_000];
            tx.put(table::ARCHIVE_PART, &[[0; 8].as_slice(), &number.to_be_bytes()].concat(), &value)?;
        }
        segment::set_exclusive(tx, false)
    })
    .unwrap();
    let mut bytes = Vec::new();
    let count = dump::write(&from.reader().unwrap(), &mut bytes).unwrap();
    assert_eq!(count, 43);
    assert_eq!(dump::load(kv, &mut bytes.as_slice()).unwrap(), 43);
    assert!(rows(&kv.reader().unwrap()) == rows(&from.reader().unwrap()));
    let error = dump::load(kv, &mut bytes.as_slice()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
}
