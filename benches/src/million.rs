//! Rows 15, 18 and 19: a store of a million files.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use holdall::{Drive, Mode, Put, Request, Store};

use crate::measure::{Table, Want, Work, busy, median, time, turns, unit};
use crate::place::{dir, store};
use crate::process;

const FILES: u64 = 1_000_000;
const BATCH: u64 = 1000;
/// Where the store is a tenth as large.
const TENTH: u64 = FILES / 10;

fn items(range: std::ops::Range<u64>) -> Vec<(String, Bytes)> {
    range.map(|number| (format!("all/{number:07}.txt"), format!("content {number:08}").into())).collect()
}

/// Puts the files of a range and returns the seconds of work that a file took, without the waiting
/// for the disk, which is the same for any number of files.
fn fill(drive: &Drive, range: std::ops::Range<u64>) -> f64 {
    let count = (range.end - range.start) as f64;
    let work = busy(|| {
        for start in range.step_by(BATCH as usize) {
            drive.put_many(items(start..start + BATCH), &Put::new()).expect("put");
        }
    });
    work.as_secs_f64() / count
}

/// Fills a store with a million files, kills a process that writes to it, and opens it again.
pub fn million(table: &mut Table) {
    let dir = dir();
    let open = || store(dir.path(), Mode::Exclusive);
    let (early, late);
    let begun = Instant::now();
    {
        let store = open();
        let drive = store.drive("bench").expect("a drive");
        fill(&drive, 0..TENTH / 2);
        early = fill(&drive, TENTH / 2..TENTH);
        fill(&drive, TENTH..FILES - TENTH / 2);
        late = fill(&drive, FILES - TENTH / 2..FILES);
        store.close().expect("closed");
    }
    let shown = format!("{}, {}; all in {}", unit(late), unit(early), unit(begun.elapsed().as_secs_f64()));
    table.row("19", "put_many at 1,000,000 files", "at 100,000", late / early, Want::AtMost(2.0), &shown);
    let index = std::fs::metadata(dir.path().join("meta.redb")).expect("an index");
    let each = index.len() as f64 / FILES as f64;
    let shown = format!("{:.0} of them on the disk", index.blocks() as f64 * 512.0 / FILES as f64);
    table.row("19", "bytes of index a file", "", each, Want::AtMost(400.0), &shown);

    let mut times = Vec::new();
    for _ in 0..3 {
        crash(dir.path());
        let begun = Instant::now();
        let store = open();
        let drive = store.drive("bench").expect("a drive");
        assert!(drive.stat("all/0500000.txt").is_ok());
        times.push(begun.elapsed().as_secs_f64());
    }
    let took = median(&times);
    let shown: Vec<String> = times.iter().map(|took| unit(*took)).collect();
    let work = "open 1,000,000 files after kill -9, and the first stat, ms";
    table.row("19", work, "", took * 1e3, Want::AtMost(100.0), &shown.join(", "));

    let store = open();
    let drive = store.drive("bench").expect("a drive");
    pages(table, &drive);
    ranges(table, &store, &drive);
}

/// Lists the first page of a folder and the last.
fn pages(table: &mut Table, drive: &Drive) {
    const COUNT: usize = 200;
    let last = format!("{:07}.txt", FILES - 101);
    let page = |after: Option<&str>| {
        busy(|| {
            for _ in 0..COUNT {
                assert_eq!(drive.list("all", after, 100).expect("a page").len(), 100);
            }
        })
    };
    let works: Vec<Work<'_>> = vec![Box::new(|| page(Some(&last))), Box::new(|| page(None))];
    let times = turns(9, works);
    let shown = times.each(&["last", "first"], COUNT);
    let work = "list the last 100 of 1,000,000";
    table.row("18", work, "the first 100", 1.0 / times.speed(0, 1), Want::AtMost(1.5), &shown);
}

/// Serves ranges in the middle of archives.
fn ranges(table: &mut Table, store: &Store, drive: &Drive) {
    const COUNT: usize = 2000;
    let few: Vec<(String, Bytes)> = (0..1000)
        .map(|number| (format!("few/{number:07}.txt"), format!("content {number:08}").into()))
        .collect();
    drive.put_many(few, &Put::new()).expect("put");
    let sign = |path: &str| drive.archive([path]).and_then(|archive| archive.sign()).expect("a url");
    let (mut url, small) = (String::new(), sign("few"));
    let took = time(|| url = sign("all"));
    table.row("11", "make and sign an archive of 1,000,000, s", "", took.as_secs_f64(), Want::Shown, "");
    let serve = |url: &str| {
        let len = store.serve(&Request::head(url)).expect("a reply");
        let len: u64 = len.header("Content-Length").and_then(|len| len.parse().ok()).expect("a length");
        let range = format!("bytes={}-{}", len / 2, len / 2 + 999);
        busy(|| {
            for _ in 0..COUNT {
                let reply = store.serve(&Request::get(url).range(&range)).expect("a reply");
                std::hint::black_box(reply.body.segment(0, 1000).expect("bytes"));
            }
        })
    };
    let times = turns(7, vec![Box::new(|| serve(&url)), Box::new(|| serve(&small))]);
    let shown = times.each(&["1,000,000", "1,000"], COUNT);
    let work = "serve() the middle of 1,000,000 entries";
    table.row("15", work, "of 1,000", 1.0 / times.speed(0, 1), Want::AtMost(3.0), &shown);
}

/// Lets a child write some hundreds of groups and kills it.
fn crash(place: &Path) {
    let mut child = process::start("crash", &[place]);
    let mut said = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    said.read_line(&mut line).expect("a line");
    child.kill().expect("killed");
    child.wait().expect("waited for");
}

/// The child of [`crash`]: puts until it is killed, and speaks up in between.
pub fn crash_child(place: &Path) {
    let store = store(place, Mode::Exclusive);
    let drive = store.drive("bench").expect("a drive");
    let id = std::process::id();
    for number in 0_u64.. {
        let content = format!("late content {id} {number}");
        drive.put(&format!("late/{id}/{number:07}.txt"), content.as_bytes(), Put::new()).expect("put");
        if number == 777 {
            println!("enough");
            std::io::stdout().flush().expect("said");
        }
    }
}
