//! Small files against iroh-blobs, with rows as `make bench` prints them.
//!
//! A blob of 16 KiB and less is inline in iroh's database, under its BLAKE3 hash and with a tag, so that it stays.
//! `sync_db` ends the transaction: before it, what was added may be lost. Here it is called where we say that a put is
//! durable. What is added together waits together.
#![allow(clippy::print_stdout, reason = "the table is what it is for")]
#![allow(clippy::expect_used, reason = "what fails ends the measurement")]

#[path = "../../src/measure.rs"]
#[allow(dead_code, reason = "curves and medians are for others")]
mod measure;
#[path = "../../src/place.rs"]
mod place;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use holdall::{Mode, Put};
use iroh_blobs::Hash;
use iroh_blobs::store::fs::FsStore;
use measure::{Table, Want, Work, time, turns};
use place::{Contents, dir, store};
use tokio::runtime::Runtime;

const LEN: usize = 4096;
const READS: usize = 2000;
const PEER: &str = "iroh-blobs 0.104, synced";

fn main() {
    let (dir, mut table) = (dir(), Table::default());
    let store = store(&dir.path().join("store"), Mode::Exclusive);
    let drive = store.drive("bench").expect("a drive");
    let runtime = Runtime::new().expect("a runtime");
    let iroh = runtime.block_on(FsStore::load(dir.path().join("iroh"))).expect("a store");
    let drawn = [90, 91].map(|seed| RefCell::new(Contents::new(seed)));
    let (next, hashes) = (Cell::new(0), RefCell::new(Vec::new()));
    let ours = |count: usize, batch: usize| {
        let contents = drawn[0].borrow_mut().many(count, LEN);
        let first = next.replace(next.get() + count as u64);
        time(|| {
            for (contents, first) in contents.chunks(batch).zip((first..).step_by(batch)) {
                let items = (first..).zip(contents).map(|(id, content)| (path(id), content.clone()));
                drive.put_many(items, &Put::new()).expect("put");
            }
        })
    };
    let theirs = |count: usize, batch: usize| {
        let contents = drawn[1].borrow_mut().many(count, LEN);
        time(|| hashes.borrow_mut().extend(runtime.block_on(add(&iroh, &contents, batch))))
    };
    Table::head();
    for (work, count, batch, rounds) in
        [("put 4 KiB, one by one", 50, 1, 21), ("put 4 KiB in batches of 100", 1000, 100, 11)]
    {
        let works: Vec<Work<'_>> = vec![Box::new(|| ours(count, batch)), Box::new(|| theirs(count, batch))];
        let times = turns(rounds, works);
        let shown = times.each_overall(&["holdall", "iroh-blobs"], count);
        table.row("26", work, PEER, times.overall(0, 1), Want::Shown, &shown);
    }
    let versions: Vec<_> = (0..next.get())
        .map(|id| drive.stat(&path(id)).expect("a file").current.expect("a version").id)
        .collect();
    let hashes = hashes.into_inner();
    let draw = || {
        let mut draw = Contents::new(92);
        (0..READS).map(move |_| draw.number() as usize)
    };
    let works: Vec<Work<'_>> = vec![
        Box::new(|| {
            reads(draw(), |at| {
                let body = store.open_version(versions[at % versions.len()]).expect("a version");
                body.segment(0, LEN as u64).expect("bytes").data
            })
        }),
        Box::new(|| {
            reads(draw(), |at| runtime.block_on(iroh.get_bytes(hashes[at % hashes.len()])).expect("read"))
        }),
    ];
    let times = turns(11, works);
    let shown = times.each(&["holdall", "iroh-blobs"], READS);
    table.row("26", "read 4 KiB at random", "iroh-blobs 0.104", times.speed(0, 1), Want::Shown, &shown);
    runtime.block_on(iroh.shutdown()).expect("shut down");
}

/// Adds contents in batches, each synced.
async fn add(iroh: &FsStore, contents: &[Bytes], batch: usize) -> Vec<Hash> {
    let mut hashes = Vec::with_capacity(contents.len());
    for contents in contents.chunks(batch) {
        let added = join_all(contents.iter().map(|content| async { iroh.add_bytes(content.clone()).await }));
        hashes.extend(added.await.into_iter().map(|tag| tag.expect("added").hash));
        iroh.sync_db().await.expect("synced");
    }
    hashes
}

fn reads(ids: impl Iterator<Item = usize>, get: impl Fn(usize) -> Bytes) -> Duration {
    time(|| ids.map(|at| u64::from(get(at)[LEN / 2])).fold(0, u64::wrapping_add))
}

fn path(number: u64) -> String {
    format!("folder/{number:08}.bin")
}
