//! Downloads of what is cached, against a store in a directory.

use holdall::{Drive, Mode, Put, Request, Store};

use super::{STALENESS, address, open};
use crate::measure::{Table, Want, Work, busy, turns};
use crate::place::{Contents, dir, store};

/// How long the contents are, how many there are, and how many downloads are one round.
const SIZES: [(&str, usize, usize, usize); 4] = [
    ("4 KiB", 4 << 10, 1000, 4000),
    ("64 KiB", 64 << 10, 100, 4000),
    ("1 MiB", 1 << 20, 50, 1000),
    ("64 MiB", 64 << 20, 4, 8),
];
const ROUNDS: usize = 15;

/// Puts files and returns their URLs.
fn fill(store: &Store, drive: &Drive, len: usize, count: usize) -> Vec<String> {
    let mut draw = Contents::new(300 + len as u64);
    let put = |index| {
        let version = drive.put(&format!("{len}/{index:04}.bin"), draw.bytes(len).as_ref(), Put::new());
        store.url(version.expect("put").id).sign().expect("a url")
    };
    (0..count).map(put).collect()
}

/// Serves files by their URLs, and reads all that is sent.
fn download(store: &Store, urls: &[String], count: usize) -> u64 {
    (0..count).fold(0, |sum, number| {
        let reply = store.serve(&Request::get(&urls[number % urls.len()])).expect("a reply");
        assert_eq!(reply.status, 200);
        let mut touched = 0_u64;
        for segment in reply.body.segments() {
            let segment = segment.expect("read");
            touched += segment.data.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>();
        }
        sum + touched
    })
}

/// Serves contents that are in the cache, by rows that were read.
pub fn read(table: &mut Table) {
    let Some(address) = address("reads") else { return };
    let dir = dir();
    let sides = [open(&format!("{address}&{STALENESS}")), store(&dir.path().join("store"), Mode::Shared)];
    for (name, len, files, count) in SIZES {
        let urls =
            sides.each_ref().map(|side| fill(side, &side.drive("bench").expect("a drive"), len, files));
        let sums = [0, 1].map(|side| download(&sides[side], &urls[side], files));
        assert_eq!(sums[0], sums[1], "both have the same contents");
        let serve = |side: usize| busy(|| download(&sides[side], &urls[side], count));
        let works: Vec<Work<'_>> = vec![Box::new(|| serve(0)), Box::new(|| serve(1))];
        let times = turns(ROUNDS, works);
        let shown = times.each(&["over servers", "in a directory"], count);
        let work = format!("download {name} that are cached");
        table.row(
            "42",
            &work,
            "a store in a directory, shared",
            times.speed(0, 1),
            Want::AtLeast(0.9),
            &shown,
        );
    }
}
