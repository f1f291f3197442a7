//! Small files against stores of others: LMDB, fjall and cacache, with the feature `peers`.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use holdall::{Mode, Put};

use crate::measure::{Table, Want, Work, busy, time, turns};
use crate::peer::stores::{Cacache, Lmdb, Tree};
use crate::place::{Contents, dir, store};

const LEN: usize = 4096;
const PEERS: [&str; 3] = ["LMDB, synced", "fjall, synced", "cacache, not synced"];
const NAMES: [&str; 4] = ["holdall", "LMDB", "fjall", "cacache"];

/// Puts one by one and in batches, then reads at random.
pub fn stores(table: &mut Table) {
    let dir = dir();
    let at = |name: &str| dir.path().join(name);
    let store = store(&at("store"), Mode::Exclusive);
    let drive = store.drive("bench").expect("a drive");
    let (lmdb, tree) = (Lmdb::open(&at("lmdb")), Tree::open(&at("fjall")));
    let cacache = Cacache::open(&at("cacache"));
    let next = [const { Cell::new(0) }; 4];
    let draw = [70, 71, 72, 73].map(|seed| std::cell::RefCell::new(Contents::new(seed)));
    // Contents are drawn before the clock starts, and numbered on.
    let puts = |who: usize, count: usize, batch: usize, put: &dyn Fn(u64, &[Bytes])| {
        let contents = draw[who].borrow_mut().many(count, LEN);
        let first = next[who].replace(next[who].get() + count as u64);
        time(|| {
            for (number, contents) in contents.chunks(batch).enumerate() {
                put(first + (number * batch) as u64, contents);
            }
        })
    };
    let ours = |first: u64, contents: &[Bytes]| {
        let items: Vec<(String, Bytes)> =
            (first..).zip(contents).map(|(id, content)| (path(id), content.clone())).collect();
        drive.put_many(items, &Put::new()).expect("put");
    };
    let one = |first: u64, contents: &[Bytes]| {
        drive.put(&path(first), contents[0].as_ref(), Put::new()).expect("put");
    };
    for (work, count, batch, rounds, want) in
        [("put 4 KiB, one by one", 50, 1, 21, 1.0), ("put 4 KiB in batches of 100", 1000, 100, 11, 1.5)]
    {
        let mine: &dyn Fn(u64, &[Bytes]) = if batch == 1 { &one } else { &ours };
        let works: Vec<Work<'_>> = vec![
            Box::new(|| puts(0, count, batch, mine)),
            Box::new(|| puts(1, count, batch, &|first, contents| lmdb.put(first, contents))),
            Box::new(|| puts(2, count, batch, &|first, contents| tree.put(first, contents))),
            Box::new(|| puts(3, count, batch, &|first, contents| cacache.put(first, contents))),
        ];
        let times = turns(rounds, works);
        let shown = times.each_overall(&NAMES, count);
        for (index, peer) in PEERS.iter().enumerate() {
            let shown = if index == 0 { shown.as_str() } else { "" };
            table.row("26", work, peer, times.overall(0, index + 1), Want::AtLeast(want), shown);
        }
    }
    let versions: Vec<_> = (0..next[0].get())
        .map(|id| drive.stat(&path(id)).expect("a file").current.expect("a version").id)
        .collect();
    let reads = |seed: u64, get: &dyn Fn(u64) -> u64| -> Duration {
        let mut draw = Contents::new(seed);
        let ids: Vec<u64> = (0..2000).map(|_| draw.number() % next[0].get()).collect();
        busy(|| ids.iter().map(|id| get(*id)).fold(0, u64::wrapping_add))
    };
    let mine = |id: u64| {
        let body = store.open_version(versions[id as usize]).expect("a version");
        touch(&body.segment(0, LEN as u64).expect("bytes").data)
    };
    let works: Vec<Work<'_>> = vec![
        Box::new(|| reads(80, &mine)),
        Box::new(|| reads(80, &|id| lmdb.get(id, touch))),
        Box::new(|| reads(80, &|id| tree.get(id, touch))),
        Box::new(|| reads(80, &|id| cacache.get(id, touch))),
    ];
    let times = turns(11, works);
    let shown = times.each(&NAMES, 2000);
    for (index, peer) in NAMES.iter().skip(1).enumerate() {
        let shown = if index == 0 { shown.as_str() } else { "" };
        table.row("26", "read 4 KiB at random", peer, times.speed(0, index + 1), Want::Shown, shown);
    }
}

fn path(number: u64) -> String {
    format!("folder/{number:08}.bin")
}

/// Touches every cache line.
fn touch(bytes: &[u8]) -> u64 {
    bytes.iter().step_by(64).map(|byte| u64::from(*byte)).sum()
}
