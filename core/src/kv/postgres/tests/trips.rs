//! Round trips to the database, counted by a proxy.

use std::time::Duration;

use super::super::connect::Use;
use super::proxy::Proxy;
use super::server::{address, pooled, shared, through, until};
use super::{COUNTERS, PostgresKv, PostgresOptions, ROWS, get, open};
use crate::kv::{
    Commit, FieldStep, FirstRow, KeyPart, Kv, Prefetch, PrefetchRange, Read, RowLink, RowsBelow, Scan, Write,
};

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

/// The key of a name below a number.
fn row(number: u64, name: &str) -> Vec<u8> {
    [&number.to_be_bytes(), name.as_bytes()].concat()
}

static LINKS: [RowLink; 1] = [RowLink { from: ROWS, to: ROWS, key: &[KeyPart::Number(&[]), KeyPart::Name] }];

/// The rows of a path from the number 1000 on.
fn path(names: &[&str]) -> Prefetch {
    let Some((first, rest)) = names.split_first() else { return Prefetch::default() };
    let names = rest.iter().map(|name| (*name).to_owned()).collect();
    let first = FirstRow { names, ..FirstRow::of(ROWS, row(1000, first)) };
    Prefetch { first: vec![first], links: &LINKS, ..Prefetch::default() }
}

fn follow(kv: &PostgresKv, depth: usize) -> Result<(), ()> {
    let names = names();
    let names: Vec<&str> = names.iter().take(depth).map(String::as_str).collect();
    let reader = kv.reader().unwrap();
    reader.prefetch(|| path(&names)).map_err(drop)?;
    for (number, name) in (1000..).zip(names) {
        assert_eq!(get(&reader, &row(number, name)).unwrap(), link(number + 1));
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
                (1000..)
                    .zip(names())
                    .try_for_each(|(number, name)| writer.put(ROWS, &row(number, &name), &link(number + 1)))
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
            // One that reads, one that writes, and one where upkeep is busy with that.
            assert!(proxy.connections() <= 3, "{what}: {} connections", proxy.connections());
        }
    }
}

/// One commit in 64 of a counter has its deltas brought together after it, and nobody waits for that.
#[test]
fn upkeep_is_no_trip() {
    let proxy = Proxy::before(shared().port);
    let kv =
        PostgresKv::open(&through(&address(shared().port), proxy.port), PostgresOptions::default()).unwrap();
    let add = || kv.write(Commit::Synced, |writer| writer.add(COUNTERS, b"n", 1)).unwrap();
    add();
    let (trips, ()) = proxy.trips(|| (0..1000).for_each(|_| add()));
    assert_eq!(trips, 1000);
}

/// A path that leads out of what the view has into what this process has committed since, and back; that
/// ends early; that leads through a value without a link.
#[test]
fn a_chain_leads_as_far_as_there_are_rows() {
    let address = address(shared().port);
    let (kv, other) = (PostgresKv::open(&address, PostgresOptions::default()).unwrap(), open(&address));
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
        reader.prefetch(|| path(names)).unwrap();
    }
    assert_eq!(get(&reader, &row(1000, "a")).unwrap(), link(1001));
    assert_eq!(get(&reader, &row(1001, "b")).unwrap(), link(1002));
    assert_eq!(get(&reader, &row(1002, "c")).unwrap(), link(1003));
    assert_eq!(get(&reader, &row(1003, "short")).unwrap(), [2, 0x80]);
    assert_eq!(get(&reader, &row(1002, "none")), None);
}

static EVERY: [RowLink; 5] = [
    RowLink { from: ROWS, to: COUNTERS, key: &[KeyPart::Number(&[])] },
    RowLink { from: ROWS, to: COUNTERS, key: &[KeyPart::Own, KeyPart::Number(&[FieldStep::Number])] },
    RowLink {
        from: ROWS,
        to: COUNTERS,
        key: &[KeyPart::Value, KeyPart::Complement(&[FieldStep::Number, FieldStep::One, FieldStep::Text])],
    },
    RowLink { from: ROWS, to: COUNTERS, key: &[KeyPart::Number(&[FieldStep::Text, FieldStep::Number])] },
    RowLink { from: ROWS, to: ROWS, key: &[KeyPart::Number(&[FieldStep::Text])] },
];

fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

/// Values of every shape: with numbers of every length, texts, and cut off anywhere.
fn shapes() -> Vec<Vec<u8>> {
    let numbers = [0, 1, 127, 128, 16_383, 1 << 20, u64::from(u32::MAX), (1 << 44) - 1, u64::MAX];
    let mut values = vec![vec![], vec![0xff; 40], vec![1; 700]];
    for (index, number) in numbers.into_iter().enumerate() {
        let text = "x".repeat(index * 33);
        let len = leb128(u64::try_from(text.len()).unwrap());
        let one = leb128(u64::from(index % 3 != 0));
        let other = leb128(numbers[numbers.len() - 1 - index].min(u64::from(u32::MAX)));
        let whole = [&[7][..], &leb128(number), &one, &len, text.as_bytes(), &other, &other].concat();
        values.extend([whole[..whole.len() / 2].to_vec(), whole[..3.min(whole.len())].to_vec(), whole]);
        values.push([&[7][..], &len, text.as_bytes(), &leb128(number), &other].concat());
    }
    values
}

/// The server and this library read the same links out of the same values: what the library goes to look for has come.
#[test]
fn the_server_follows_links_as_they_are_followed_here() {
    let address = address(shared().port);
    let filler = open(&address);
    let values = shapes();
    let keys: Vec<Vec<u8>> = (0..values.len()).map(|n| format!("key {n:04}").into_bytes()).collect();
    let mut led = 0;
    filler
        .write(Commit::Synced, |writer| {
            led = 0;
            for (key, value) in keys.iter().zip(&values) {
                writer.put(ROWS, key, value)?;
                for link in &EVERY[..4] {
                    let Some(next) = link.leads_to(key, value, None) else { continue };
                    writer.put(link.to, &next, &led_u8(led))?;
                    led += 1;
                }
            }
            Ok(())
        })
        .unwrap();
    assert!(led > 60, "{led}");
    let proxy = Proxy::before(shared().port);
    let options = PostgresOptions { staleness: Duration::from_secs(60), ..PostgresOptions::default() };
    let kv = PostgresKv::open(&through(&address, proxy.port), options).unwrap();
    let reader = kv.reader().unwrap();
    let first = keys.iter().map(|key| FirstRow::of(ROWS, key.as_slice())).collect();
    let wanted = Prefetch { first, links: &EVERY, ..Prefetch::default() };
    reader.prefetch(|| wanted.clone()).unwrap();
    let (trips, ()) = proxy.trips(|| {
        reader.prefetch(|| wanted).unwrap();
        for (key, value) in keys.iter().zip(&values) {
            assert_eq!(get(&reader, key).as_ref(), Some(value));
            for link in &EVERY {
                let Some(next) = link.leads_to(key, value, None) else { continue };
                let found = reader.get(link.to, &next, |value| Ok(value.to_vec())).unwrap();
                assert!(found.is_some() || link.to == ROWS, "{key:?}");
            }
        }
    });
    assert_eq!(trips, 0);
}

fn led_u8(number: u32) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

#[test]
fn ranges_and_what_lies_below_a_path_come_in_the_same_trip_and_are_what_a_scan_shows() {
    let address = address(shared().port);
    let filler = open(&address);
    filler
        .write(Commit::Synced, |writer| {
            writer.put(ROWS, &row(1000, "a"), &link(1255))?;
            (0..40_u32).try_for_each(|n| writer.put(ROWS, &row(1255, &format!("{n:02}")), b"below"))?;
            writer.put(ROWS, &row(1256, "0"), b"beside")?;
            (0..9_u8).try_for_each(|n| writer.add(COUNTERS, &[n], 5))
        })
        .unwrap();
    filler.write(Commit::Synced, |writer| writer.add(COUNTERS, &[8], 7)).unwrap();
    let proxy = Proxy::before(shared().port);
    let options = PostgresOptions { staleness: Duration::from_secs(60), ..PostgresOptions::default() };
    for (after, limit, names, reads_on) in
        [(None, 100, 40, 0), (Some("38"), 100, 1, 0), (Some("39"), 5, 0, 0), (None, 7, 7, 0), (None, 7, 8, 1)]
    {
        let kv = PostgresKv::open(&through(&address, proxy.port), options).unwrap();
        let reader = kv.reader().unwrap();
        // The connection is there.
        get(&reader, b"");
        let all = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        let counters = PrefetchRange { table: COUNTERS, range: (all.0, all.1), reverse: true, limit: 2 };
        let after = after.map(|name: &str| name.as_bytes().to_vec());
        let below = RowsBelow { after: after.clone(), limit };
        let wanted = Prefetch { ranges: vec![counters], below: Some(below), ..path(&["a"]) };
        let (trips, ()) = proxy.trips(|| reader.prefetch(|| wanted.clone()).unwrap());
        assert_eq!(trips, 1);
        let (trips, ()) = proxy.trips(|| {
            reader.prefetch(|| wanted.clone()).unwrap();
            let mut seen = Vec::new();
            let range = crate::kv::prefetch::range_under(&1255_u64.to_be_bytes(), after.as_deref());
            let range = crate::kv::prefetch::borrowed(&range);
            reader
                .scan(ROWS, range, false, &mut |key, _| {
                    seen.push(key.to_vec());
                    Ok(if seen.len() < names { Scan::Next } else { Scan::Stop })
                })
                .unwrap();
            assert_eq!(seen.len(), names);
            let mut counts = Vec::new();
            reader
                .scan(
                    COUNTERS,
                    (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded),
                    true,
                    &mut |_, value| {
                        counts.push(crate::kv::counter(value)?);
                        Ok(Scan::Stop)
                    },
                )
                .unwrap();
            assert_eq!(counts, [12]);
        });
        assert_eq!(trips, reads_on, "after {after:?}, {limit} wanted, {names} read");
    }
}
