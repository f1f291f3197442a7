//! Many writers at once, each with a view, a cache and connections of its own, as processes on many hosts.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::server::{address, pooled, shared};
use super::{COUNTERS, PostgresKv, PostgresOptions, ROWS, count, get, open};
use crate::kv::{Commit, Kv, Read, Scan, Write};
use crate::{Error, ErrorKind};

const WRITERS: usize = 16;

/// Opens a store for each writer: some read anew each time, others through a view that grows old; some know which
/// rows are counters, others take any for one.
fn writers(address: &str) -> Vec<PostgresKv> {
    let options = |number: usize| PostgresOptions {
        staleness: std::time::Duration::from_millis(if number.is_multiple_of(2) { 0 } else { 500 }),
        connections: 2,
        counters: (!number.is_multiple_of(3)).then_some(&[COUNTERS][..]),
        ..PostgresOptions::default()
    };
    (0..WRITERS).map(|number| PostgresKv::open(address, options(number)).unwrap()).collect()
}

/// Lets every writer do its work at the same time.
fn at_once(writers: &[PostgresKv], work: impl Fn(usize, &PostgresKv) + Sync) {
    let barrier = Barrier::new(writers.len());
    thread::scope(|scope| {
        for (number, kv) in writers.iter().enumerate() {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                work(number, kv);
            });
        }
    });
}

#[test]
fn no_update_is_lost() {
    for port in [shared().port, pooled().port] {
        let address = address(port);
        let writers = writers(&address);
        at_once(&writers, |_, kv| {
            for _ in 0..4 {
                kv.write(Commit::Synced, |writer| {
                    let before = writer.get(COUNTERS, b"n", crate::kv::counter)?.unwrap_or(0);
                    writer.put(COUNTERS, b"n", &(before + 1).to_le_bytes())
                })
                .unwrap();
            }
        });
        assert_eq!(count(&open(&address).reader().unwrap(), b"n"), 4 * i64::try_from(WRITERS).unwrap());
    }
}

#[test]
fn of_racing_creators_one_wins() {
    let address = address(shared().port);
    let writers = writers(&address);
    for round in 0..6_u8 {
        let key = [b'k', round];
        let won = AtomicUsize::new(0);
        at_once(&writers, |number, kv| {
            let made = kv.write(Commit::Synced, |writer| match writer.get(ROWS, &key, |_| Ok(()))? {
                Some(()) => Err(Error::new(ErrorKind::Exists, "there is one already")),
                None => writer.put(ROWS, &key, &[u8::try_from(number).unwrap()]),
            });
            match made {
                Ok(()) => drop(won.fetch_add(1, Ordering::SeqCst)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Exists, "{error}"),
            }
        });
        assert_eq!(won.into_inner(), 1, "round {round}");
    }
}

/// Each writer looks at what all have written, by a range, and writes a row of its own if their sum allows
/// it: no two write the same row.
#[test]
fn no_write_skew_passes_a_limit_that_is_read_from_a_range() {
    const LIMIT: usize = 5;
    let address = address(shared().port);
    let writers = writers(&address);
    let refused = AtomicUsize::new(0);
    at_once(&writers, |number, kv| {
        let taken = kv.write(Commit::Synced, |writer| {
            let mut taken = 0;
            writer.scan(
                ROWS,
                (std::ops::Bound::Included(b"seat"), std::ops::Bound::Unbounded),
                number.is_multiple_of(2),
                &mut |_, _| {
                    taken += 1;
                    Ok(Scan::Next)
                },
            )?;
            if taken >= LIMIT {
                return Err(Error::new(ErrorKind::TooLarge, "full"));
            }
            writer.put(ROWS, format!("seat {number}").as_bytes(), b"taken")
        });
        if let Err(error) = taken {
            assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
            refused.fetch_add(1, Ordering::SeqCst);
        }
    });
    assert_eq!(refused.into_inner(), WRITERS - LIMIT);
    let reader = open(&address).reader().unwrap();
    let seats = (0..WRITERS).filter(|number| get(&reader, format!("seat {number}").as_bytes()).is_some());
    assert_eq!(seats.count(), LIMIT);
}

/// Two rows whose sum must not fall below 0, each writer reading both and taking from one.
#[test]
fn no_write_skew_passes_a_limit_that_is_read_from_two_rows() {
    let address = address(shared().port);
    let writers = writers(&address);
    let taken = AtomicUsize::new(0);
    open(&address).write(Commit::Synced, |writer| writer.put(COUNTERS, b"0", &7_i64.to_le_bytes())).unwrap();
    at_once(&writers, |number, kv| {
        let own: &[u8] = if number.is_multiple_of(2) { b"0" } else { b"1" };
        let done = kv.write(Commit::Synced, |writer| {
            let mut sum = 0;
            writer.get_many(&[(COUNTERS, b"0"), (COUNTERS, b"1")], &mut |_, value| {
                sum += value.map_or(Ok(0), crate::kv::counter)?;
                Ok(())
            })?;
            if sum < 1 {
                return Err(Error::new(ErrorKind::Denied, "nothing is left"));
            }
            let before = writer.get(COUNTERS, own, crate::kv::counter)?.unwrap_or(0);
            writer.put(COUNTERS, own, &(before - 1).to_le_bytes())
        });
        if done.is_ok() {
            taken.fetch_add(1, Ordering::SeqCst);
        }
    });
    let reader = open(&address).reader().unwrap();
    assert_eq!(count(&reader, b"0") + count(&reader, b"1"), 0);
    assert_eq!(taken.into_inner(), 7);
}

/// Counters are added to without anybody waiting for, or refusing, another; and folded meanwhile.
#[test]
fn additions_do_not_get_in_each_other_s_way() {
    const ADDITIONS: i64 = 80;
    let address = address(shared().port);
    let writers = writers(&address);
    at_once(&writers[..8], |_, kv| {
        for _ in 0..ADDITIONS {
            // A single commit: it has no second try.
            let mut writer = kv.writer().unwrap();
            writer.add(COUNTERS, b"n", 1).unwrap();
            let mut committed = kv.commit(writer, Commit::Synced);
            // The index page that two of them write to can make one of them wait; never a lasting refusal.
            while committed.as_ref().is_err_and(|error| error.kind() == ErrorKind::Locked) {
                let mut writer = kv.writer().unwrap();
                writer.add(COUNTERS, b"n", 1).unwrap();
                committed = kv.commit(writer, Commit::Synced);
            }
            committed.unwrap();
        }
    });
    assert_eq!(count(&open(&address).reader().unwrap(), b"n"), 8 * ADDITIONS);
    // A put replaces them all.
    let kv = &writers[0];
    kv.write(Commit::Synced, |writer| writer.put(COUNTERS, b"n", &5_i64.to_le_bytes())).unwrap();
    kv.write(Commit::Synced, |writer| writer.add(COUNTERS, b"n", 2)).unwrap();
    assert_eq!(count(&open(&address).reader().unwrap(), b"n"), 7);
}
