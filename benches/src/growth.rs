//! What work costs as a store and an archive grow: the curves of the plots.
//!
//! `HOLDALL_BENCH_FILES` sets how many files the largest store has; 1,000,000 by default.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdall::body::Body;
use holdall::zip::{ArchiveLimits, Plan, ZipSource};
use holdall::{Drive, Mode, Options, Put, Request, Store};

use crate::archive::{Same, entries};
use crate::measure::{Table, Want, busy, median, unit};
use crate::place::{Contents, dir, store};

const BATCH: u64 = 1000;
/// How often a piece of work is measured at each size.
const ROUNDS: usize = 5;
/// Calls in a round.
const CALLS: u64 = 1000;

/// Draws all curves.
pub fn growth(table: &mut Table) {
    archives(table);
    files(table);
    deletions(table);
}

/// Returns how many files the largest store has.
pub fn most_files() -> u64 {
    let most = std::env::var("HOLDALL_BENCH_FILES").ok().and_then(|text| text.parse().ok());
    most.unwrap_or(1_000_000)
}

fn archives(table: &mut Table) {
    let limits = ArchiveLimits { max_entries: u64::MAX, max_bytes: None };
    let (mut planned, mut ranged) = (Vec::new(), Vec::new());
    for exponent in 0..=6 {
        let count = 10_usize.pow(exponent);
        let members = entries(count, 4096);
        // Small plans are made many times over: the clock is coarse.
        let repeated = (10_000 / count).max(1);
        let mut shared = None;
        let times: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let all: Vec<_> = (0..repeated).map(|_| members.clone()).collect();
                let took = busy(|| {
                    for members in all {
                        shared = Some(Plan::new(members, &limits).expect("planned"));
                    }
                });
                took.as_secs_f64() / (repeated * count) as f64
            })
            .collect();
        planned.push((count as f64, median(&times)));
        let plan = shared.expect("planned").shared();
        let body = Body::new(Arc::new(ZipSource::new(plan, Same(Contents::new(40).bytes(4096)))));
        let mut draw = Contents::new(41);
        ranged.push((count as f64, each(|| body_range(&body, draw.number()))));
    }
    table.curve("plan, for each entry", "entries of an archive", planned);
    table.curve("a range anywhere", "entries of an archive", ranged);
}

fn body_range(body: &Body, number: u64) {
    let start = number % body.len();
    let range = body.slice(start..body.len().min(start + 1000)).expect("a range");
    std::hint::black_box(range.segment(0, 1000).expect("bytes"));
}

/// Returns the seconds that a call takes.
fn each(mut call: impl FnMut()) -> f64 {
    let times: Vec<f64> =
        (0..ROUNDS).map(|_| busy(|| (0..CALLS).for_each(|_| call())).as_secs_f64() / CALLS as f64).collect();
    median(&times)
}

fn files(table: &mut Table) {
    let most = most_files();
    let dir = dir();
    let store = store(dir.path(), Mode::Exclusive);
    let drive = store.drive("bench").expect("a drive");
    let mut curves = [const { Vec::new() }; 5];
    let (mut done, mut size) = (0, 1000);
    while size <= most {
        // The last tenth counts, or at least one batch.
        let counted = (size / 10).max(BATCH);
        put(&drive, done..size - counted);
        let cost = put(&drive, size - counted..size);
        done = size;
        let costs =
            [cost, stat(&drive, size), read(&drive, size), serve(&store, &drive, size), page(&drive, size)];
        for (curve, cost) in curves.iter_mut().zip(costs) {
            curve.push((size as f64, cost));
        }
        size *= 10;
    }
    let [puts, ..] = &curves;
    if let [.., (before, earlier), (last, late)] = puts.as_slice() {
        let shown = format!("{}, {}", unit(*late), unit(*earlier));
        let work = format!("put_many at {last} files");
        table.row("19", &work, &format!("at {before}"), late / earlier, Want::AtMost(1.5), &shown);
    }
    let index = std::fs::metadata(dir.path().join("meta.redb")).expect("an index");
    let each = index.len() as f64 / done as f64;
    table.row("19", &format!("bytes of index a file at {done}"), "", each, Want::Shown, "");
    let works = ["put_many, for each file", "stat", "read", "serve", "list a page of 100"];
    for (work, curve) in works.into_iter().zip(curves) {
        table.curve(work, "files of a store", curve);
    }
}

/// Deletes a folder and collects what was in it.
fn deletions(table: &mut Table) {
    let mut costs = Vec::new();
    for size in [1000, 10_000, 100_000] {
        let dir = dir();
        let options = Options::new().mode(Mode::Exclusive).grace(Duration::ZERO);
        let store = Store::open(dir.path().join("store"), options).expect("a store");
        let drive = store.drive("bench").expect("a drive");
        put(&drive, 0..size);
        let took = busy(|| {
            for folder in 0..size.div_ceil(10_000) {
                drive.delete(&format!("{folder:04}")).expect("deleted");
            }
            let report = store.gc().expect("collected");
            assert_eq!(report.blobs, size);
        });
        costs.push((size as f64, took.as_secs_f64() / size as f64));
    }
    if let [.., (few, first), (many, last)] = costs.as_slice() {
        let shown = format!("{}, {}", unit(*last), unit(*first));
        let work = format!("delete and collect, a file of {many}");
        table.row("27", &work, &format!("of {few}"), last / first, Want::AtMost(2.0), &shown);
    }
    table.curve("delete and collect, for each file", "files of a store", costs);
}

fn path(number: u64) -> String {
    format!("{:04}/{:06}.txt", number / 10_000, number % 10_000)
}

/// Puts the files of a range and returns the seconds of this thread that each took.
fn put(drive: &Drive, range: std::ops::Range<u64>) -> f64 {
    let count = range.end.saturating_sub(range.start).max(1) as f64;
    let took = busy(|| {
        for start in range.step_by(BATCH as usize) {
            let content = |number| Bytes::from(format!("content {number:08}"));
            let items: Vec<_> =
                (start..start + BATCH).map(|number| (path(number), content(number))).collect();
            drive.put_many(items, &Put::new()).expect("put");
        }
    });
    took.as_secs_f64() / count
}

fn stat(drive: &Drive, size: u64) -> f64 {
    let mut draw = Contents::new(50);
    each(|| drop(drive.stat(&path(draw.number() % size)).expect("a file")))
}

fn read(drive: &Drive, size: u64) -> f64 {
    let mut draw = Contents::new(51);
    each(|| {
        let body = drive.open_file(&path(draw.number() % size)).expect("a file");
        std::hint::black_box(body.to_vec(100).expect("bytes"));
    })
}

fn serve(store: &Store, drive: &Drive, size: u64) -> f64 {
    let mut draw = Contents::new(52);
    let sign = |number: u64| drive.url(&path(number)).and_then(holdall::Url::sign).expect("a url");
    let mut urls =
        (0..ROUNDS as u64 * CALLS).map(|_| sign(draw.number() % size)).collect::<Vec<_>>().into_iter();
    each(|| {
        let reply = store.serve(&Request::get(&urls.next().expect("a url"))).expect("a reply");
        assert_eq!(reply.status, 200);
    })
}

fn page(drive: &Drive, size: u64) -> f64 {
    let mut draw = Contents::new(53);
    each(|| {
        let number = draw.number() % size;
        let path = path(number);
        let (folder, name) = path.split_once('/').expect("a folder");
        std::hint::black_box(drive.list(folder, Some(name), 100).expect("a page"));
    })
}
