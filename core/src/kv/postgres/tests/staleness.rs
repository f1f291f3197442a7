//! How old rows may be that are read, and what a process sees of its own commits.

use std::time::Duration;

use tokio_postgres::types::Type;

use super::super::connect::Use;
use super::super::failure::Failure;
use super::server::{address, shared, until};
use super::{COUNTERS, PostgresKv, PostgresOptions, ROWS, count, get, open};
use crate::ErrorKind;
use crate::kv::{Commit, Kv, Read, Scan, Write};
use crate::machine;

fn stale(address: &str, staleness: Duration) -> PostgresKv {
    PostgresKv::open(address, PostgresOptions { staleness, ..PostgresOptions::default() }).unwrap()
}

fn put(kv: &PostgresKv, key: &[u8], value: &[u8]) {
    kv.write(Commit::Synced, |writer| writer.put(ROWS, key, value)).unwrap();
}

#[test]
fn others_changes_are_seen_once_the_view_is_as_old_as_is_allowed() {
    let address = address(shared().port);
    let staleness = Duration::from_millis(700);
    let (kv, other, fresh) = (stale(&address, staleness), open(&address), open(&address));
    put(&other, b"key", b"1");
    let begun = machine::uptime();
    assert_eq!(get(&kv.reader().unwrap(), b"key").unwrap(), b"1");
    put(&other, b"key", b"2");
    assert_eq!(get(&fresh.reader().unwrap(), b"key").unwrap(), b"2", "0 reads each time anew");
    let seen = get(&kv.reader().unwrap(), b"key").unwrap();
    assert!(seen == b"1" || machine::uptime() - begun >= staleness, "it has a view that is new enough");
    machine::pause(staleness);
    assert_eq!(get(&kv.reader().unwrap(), b"key").unwrap(), b"2");
}

#[test]
fn a_process_sees_its_own_commits_at_once_over_its_view() {
    let address = address(shared().port);
    let (kv, other) = (stale(&address, Duration::from_secs(3600)), open(&address));
    for n in 0..300_u32 {
        put(&other, &n.to_be_bytes(), b"old");
    }
    kv.write(Commit::Synced, |writer| writer.add(COUNTERS, b"n", 5)).unwrap();
    let before = kv.reader().unwrap();
    assert_eq!(get(&before, &7_u32.to_be_bytes()).unwrap(), b"old");
    put(&other, b"unseen", b"");
    kv.write(Commit::Synced, |writer| {
        writer.put(ROWS, &7_u32.to_be_bytes(), b"new")?;
        writer.del(ROWS, &8_u32.to_be_bytes())?;
        writer.put(ROWS, &[0, 0, 0, 7, 1], b"between")?;
        writer.add(COUNTERS, b"n", 2)
    })
    .unwrap();
    let reader = kv.reader().unwrap();
    assert_eq!(get(&reader, &7_u32.to_be_bytes()).unwrap(), b"new");
    assert_eq!(get(&reader, b"unseen"), None, "the rest is as old as the view");
    assert_eq!(count(&reader, b"n"), 7);
    assert_eq!(count(&before, b"n"), 5);
    for reverse in [false, true] {
        let mut seen = Vec::new();
        let range =
            (std::ops::Bound::Excluded(&[0, 0, 0, 5][..]), std::ops::Bound::Included(&[0, 0, 0, 9][..]));
        reader
            .scan(ROWS, range, reverse, &mut |key, value| {
                seen.push((key[3], key.len(), value.to_vec()));
                Ok(Scan::Next)
            })
            .unwrap();
        let mut expected = vec![
            (6, 4, b"old".to_vec()),
            (7, 4, b"new".to_vec()),
            (7, 5, b"between".to_vec()),
            (9, 4, b"old".to_vec()),
        ];
        if reverse {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
    // More than one page, with what is over it.
    let mut all = 0;
    reader
        .scan(ROWS, (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded), false, &mut |_, _| {
            all += 1;
            Ok(Scan::Next)
        })
        .unwrap();
    assert_eq!(all, 300);
}

#[test]
fn a_change_that_goes_by_old_rows_runs_again_on_new_ones() {
    let address = address(shared().port);
    let (kv, other) = (stale(&address, Duration::from_secs(3600)), open(&address));
    put(&other, b"key", b"1");
    assert_eq!(get(&kv.reader().unwrap(), b"key").unwrap(), b"1");
    put(&other, b"key", b"2");
    let mut seen = Vec::new();
    kv.write(Commit::Synced, |writer| {
        seen.push(get(writer, b"key").unwrap());
        writer.put(ROWS, b"copy", b"")
    })
    .unwrap();
    assert_eq!(seen, [b"1", b"2"]);
    // One that fails by what is old fails by what is new, or not at all.
    put(&other, b"key", b"3");
    let mut tries = 0;
    kv.write(Commit::Synced, |writer| {
        tries += 1;
        match get(writer, b"key").unwrap().as_slice() {
            b"3" => writer.put(ROWS, b"copy", b"3"),
            _ => Err(crate::Error::not_found("as it was")),
        }
    })
    .unwrap();
    assert_eq!(tries, 2);
    let refused = kv.write(Commit::Synced, |_| Err::<(), _>(crate::Error::not_found("never"))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
}

/// A transaction that is left open would keep the server from vacuuming.
#[test]
fn no_transaction_stays_open_when_nothing_is_read() {
    let name = format!("left-{}", std::process::id());
    let own = address(shared().port);
    let named = own.replace("postgres?", &format!("postgres?application_name={name}&"));
    let kv = stale(&named, Duration::from_secs(2));
    put(&kv, b"key", b"1");
    let other = open(&own);
    let in_transaction = || {
        let (database, name) = (other.database.clone(), name.clone());
        let asked = other.database.run(async move {
            let connection = database.client(Use::Reading).await.map_err(Failure::into_error)?;
            let query = "SELECT count(*) FROM pg_stat_activity \
                         WHERE application_name = $1 AND state = 'idle in transaction'";
            let rows = connection.query_typed(query, &[(&name, Type::TEXT)]).await.unwrap();
            Ok(rows[0].get::<_, i64>(0))
        });
        asked.unwrap()
    };
    assert!(get(&kv.reader().unwrap(), b"key").is_some());
    assert_eq!(in_transaction(), 1, "what is read next is read in it");
    until(|| in_transaction() == 0, || format!("{} transactions are open", in_transaction()));
    // A reader that is kept keeps its own, whatever the process reads through meanwhile.
    let reader = kv.reader().unwrap();
    assert!(get(&reader, b"key").is_some());
    machine::pause(Duration::from_millis(2500));
    put(&other, b"late", b"1");
    assert_eq!(get(&reader, b"late"), None);
    assert_eq!(in_transaction(), 1);
    drop(reader);
    until(|| in_transaction() == 0, || "the last reader is gone, and its transaction is not".to_owned());
}
