//! Round trips to the database, counted by a proxy.

use std::time::Duration;

use super::super::connect::Use;
use super::proxy::Proxy;
use super::server::{address, pooled, shared, through, until};
use super::{COUNTERS, PostgresKv, PostgresOptions, ROWS, get, open};
use crate::kv::{Chain, Commit, Kv, Read, Scan, Write};

/// What is done, and how many trips it takes: when nothing is cached, and again within the staleness.
const TABLE: [(&str, u64, u64); 8] = [
    ("a look-up", 1, 0),
    ("many look-ups at once", 1, 0),
    ("a path of 2 names", 1, 0),
    ("a path of 9 names", 1, 0),
    ("a page of a listing", 1, 1),
    ("a change of rows that nobody looks at", 1, 1),
    ("a change of a row that was read", 2, 1),
    ("a counter", 1, 1),
];

fn work(kv: &PostgresKv, what: &str, round: u8) {
    let written = match what {
        "a look-up" => get(&kv.reader().unwrap(), &[0, 0, 0, 1]).map(drop).ok_or(()),
        "many look-ups at once" => {
            let keys: Vec<[u8; 4]> = (0..50_u32).map(|n| (n * 2).to_be_bytes()).collect();
            let keys: Vec<_> = keys.iter().map(|key| (ROWS, key.as_slice())).collect();
            let mut found = 0;
            let counted = kv.reader().unwrap().get_many(&keys, &mut |_, value| {
                found += u32::from(value.is_some());
                Ok(())
            });
            assert_eq!(found, 50);
            counted.map_err(drop)
        }
        "a path of 2 names" => follow(kv, 2),
        "a path of 9 names" => follow(kv, 9),
        "a page of a listing" => {
            let mut rows = 0;
            let all = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
            let shown = kv.reader().unwrap().scan(ROWS, all, false, &mut |_, _| {
                rows += 1;
                Ok(if rows < 100 { Scan::Next } else { Scan::Stop })
            });
            assert_eq!(rows, 100);
            shown.map_err(drop)
        }
        "a change of rows that nobody looks at" => {
            kv.write(Commit::Synced, |writer| writer.put(ROWS, b"blind", &[round])).map_err(drop)
        }
        "a change of a row that was read" => kv
            .write(Commit::Synced, |writer| {
                let value = get(writer, &[0, 0, 0, 3]).unwrap();
                writer.put(ROWS, b"copy", &value)
            })
            .map_err(drop),
        _ => kv.write(Commit::Synced, |writer| writer.add(COUNTERS, b"n", 1)).map_err(drop),
    };
    assert_eq!(written, Ok(()), "{what}");
}

/// The names of a path, whose folders have the numbers 1000, 1001 and so on.
fn names() -> Vec<String> {
    (0..9).map(|depth| format!("folder {depth}")).collect()
}

fn link(number: u64) -> [u8; 4] {
    let [low, high] = [number & 0x7f, number >> 7].map(|part| u8::try_from(part).unwrap());
    [2, low | 0x80, high, 77]
}

fn follow(kv: &PostgresKv, depth: usize) -> Result<(), ()> {
    let names = names();
    let names: Vec<&str> = names.iter().take(depth).map(String::as_str).collect();
    let reader = kv.reader().unwrap();
    reader.ahead(&Chain { table: ROWS, first: 1000, names: &names, link_at: 1 }).map_err(drop)?;
    for (number, name) in (1000..).zip(names) {
        assert_eq!(get(&reader, &Chain::key(number, name)).unwrap(), link(number + 1));
    }
    Ok(())
}

#[test]
fn the_table_of_trips_is_right() {
    for port in [shared().port, pooled().port] {
        let address = address(port);
        let filler = open(&address);
        filler
            .write(Commit::Synced, |writer| {
                (0..300_u32).try_for_each(|n| writer.put(ROWS, &n.to_be_bytes(), b"value"))
            })
            .unwrap();
        filler
            .write(Commit::Synced, |writer| {
                (1000..).zip(names()).try_for_each(|(number, name)| {
                    writer.put(ROWS, &Chain::key(number, &name), &link(number + 1))
                })
            })
            .unwrap();
        for (what, first, again) in TABLE {
            let proxy = Proxy::before(port);
            let options =
                PostgresOptions { staleness: Duration::from_secs(60), ..PostgresOptions::default() };
            let kv = PostgresKv::open(&through(&address, proxy.port), options).unwrap();
            // The connections are there, and the view that they were made for is gone.
            get(&kv.reader().unwrap(), b"");
            kv.write(Commit::Synced, |writer| writer.put(ROWS, b"", b"")).unwrap();
            kv.current.leave(&kv.current.reader().view);
            // Ended beside what others do, and the connection is then used again.
            until(|| kv.database.idle(Use::Reading) == 1, || "the view does not end".to_owned());
            let (trips, ()) = proxy.trips(|| work(&kv, what, 1));
            assert_eq!(trips, first, "{what}, nothing cached");
            let (trips, ()) = proxy.trips(|| work(&kv, what, 2));
            assert_eq!(trips, again, "{what}, again");
        }
    }
}

/// A path that leads out of what the view has into what this process has committed since, and back; that
/// ends early; that leads through a value without a link.
#[test]
fn a_chain_leads_as_far_as_there_are_rows() {
    let address = address(shared().port);
    let (kv, other) = (PostgresKv::open(&address, PostgresOptions::default()).unwrap(), open(&address));
    let row = |number: u64, name: &str| Chain::key(number, name);
    other
        .write(Commit::Synced, |writer| {
            writer.put(ROWS, &row(1000, "a"), &link(1001))?;
            writer.put(ROWS, &row(1002, "c"), &link(1003))?;
            writer.put(ROWS, &row(1003, "short"), &[2, 0x80])?;
            writer.put(ROWS, &row(1003, "endless"), &[0xff; 20])
        })
        .unwrap();
    get(&kv.reader().unwrap(), b"");
    kv.write(Commit::Synced, |writer| writer.put(ROWS, &row(1001, "b"), &link(1002))).unwrap();
    let reader = kv.reader().unwrap();
    for names in [
        &["a", "b", "c", "short", "x"][..],
        &["a", "b", "c", "endless", "x"],
        &["a", "b", "none", "x"],
        &["a"],
        &[],
    ] {
        reader.ahead(&Chain { table: ROWS, first: 1000, names, link_at: 1 }).unwrap();
    }
    assert_eq!(get(&reader, &row(1000, "a")).unwrap(), link(1001));
    assert_eq!(get(&reader, &row(1001, "b")).unwrap(), link(1002));
    assert_eq!(get(&reader, &row(1002, "c")).unwrap(), link(1003));
    assert_eq!(get(&reader, &row(1003, "short")).unwrap(), [2, 0x80]);
    assert_eq!(get(&reader, &row(1002, "none")), None);
}
