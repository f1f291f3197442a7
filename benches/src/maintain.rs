//! What keeps a store in order: collecting, checking, rebuilding, backing up.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use holdall::{CheckOptions, Drive, Mode, Options, Put, Store};

use crate::growth::most_files;
use crate::measure::{Table, Want, time, turns};
use crate::place::{Contents, dir};

const MIB: usize = 1 << 20;
const BATCH: usize = 1000;

fn open(place: &Path) -> Store {
    let options = Options::new().mode(Mode::Exclusive).grace(Duration::ZERO);
    Store::open(place, options).expect("a store")
}

fn path(number: usize) -> String {
    format!("{:03}/{:06}.bin", number / 1000, number)
}

/// Puts files of `len` bytes each, all different.
fn fill(drive: &Drive, draw: &mut Contents, numbers: std::ops::Range<usize>, len: usize) {
    for start in numbers.clone().step_by(BATCH) {
        let batch = start..numbers.end.min(start + BATCH);
        let items: Vec<(String, Bytes)> = batch.map(|number| (path(number), draw.bytes(len))).collect();
        drive.put_many(items, &Put::new()).expect("put");
    }
}

fn segments(place: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(place.join("seg")).expect("segments");
    listed.map(|entry| entry.expect("an entry").path()).collect()
}

/// Reads a file through and returns its length.
fn read_through(path: &Path, mut take: impl FnMut(&[u8])) -> u64 {
    let (mut file, mut block, mut len) = (File::open(path).expect("a file"), vec![0; MIB], 0);
    loop {
        match file.read(&mut block).expect("read") {
            0 => return len,
            count => {
                take(&block[..count]);
                len += count as u64;
            }
        }
    }
}

/// Collects and compacts after three of five files were deleted: segments go once more than half of them is dead.
pub fn collect(table: &mut Table) {
    const FILES: usize = 16_000;
    const LEN: usize = 16 << 10;
    let dir = dir();
    let live = dir.path().join("live");
    fs::write(&live, Contents::new(60).bytes(FILES * 2 / 5 * LEN)).expect("written");
    let moved = Cell::new(0);
    let mut draw = Contents::new(61);
    let gc = || {
        let place = dir.path().join("store");
        let store = open(&place);
        let drive = store.drive("bench").expect("a drive");
        for start in (0..FILES).step_by(BATCH) {
            let folder = |number: usize| if number % 5 < 3 { "dead" } else { "live" };
            let items: Vec<(String, Bytes)> = (start..start + BATCH)
                .map(|number| (format!("{}/{}", folder(number), path(number)), draw.bytes(LEN)))
                .collect();
            drive.put_many(items, &Put::new()).expect("put");
        }
        drive.delete("dead").expect("deleted");
        let took = time(|| {
            let report = store.gc().expect("collected");
            assert!(report.failed.is_empty() && report.compaction.failed.is_empty(), "{report:?}");
            assert!(report.compaction.blobs > FILES as u64 / 5, "{report:?}");
            moved.set(report.compaction.blob_bytes);
        });
        drop((drive, store));
        fs::remove_dir_all(&place).expect("removed");
        took
    };
    let copied = dir.path().join("copied");
    let copy = || {
        let took = time(|| {
            let mut out = File::create(&copied).expect("a file");
            let mut live = File::open(&live).expect("a file").take(moved.get());
            let mut block = vec![0; MIB];
            loop {
                match live.read(&mut block).expect("read") {
                    0 => break,
                    count => out.write_all(&block[..count]).expect("written"),
                }
            }
            out.sync_all().expect("synced");
        });
        fs::remove_file(&copied).expect("removed");
        took
    };
    let times = turns(5, vec![Box::new(gc), Box::new(copy)]);
    let shown = times.each(&["gc", "copy"], 1);
    let work = "gc of 250 MiB, 60 % of it dead, with compaction";
    table.row(
        "22",
        work,
        "copying what it copies, with fsync",
        times.speed(0, 1),
        Want::AtLeast(0.6),
        &shown,
    );
}

/// Checks a store with all its content.
pub fn check(table: &mut Table) {
    const SMALL: usize = 30_000;
    const LARGE: usize = 16;
    let dir = dir();
    let place = dir.path().join("store");
    let store = open(&place);
    let drive = store.drive("bench").expect("a drive");
    let mut draw = Contents::new(62);
    fill(&drive, &mut draw, 0..SMALL, 8 << 10);
    for number in 0..LARGE {
        drive.put(&format!("large/{number}"), draw.bytes(16 * MIB).as_ref(), Put::new()).expect("put");
    }
    let mut files = segments(&place);
    let mut folders = vec![place.join("blob")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let check = |content: bool| {
        time(|| {
            let report = store.check(CheckOptions::new().content(content)).expect("checked");
            assert!(report.problems.is_empty(), "{:?}", report.problems);
        })
    };
    let times = turns(
        5,
        vec![
            Box::new(|| check(true)),
            Box::new(|| hash_all(&files)),
            Box::new(|| time(|| files.iter().for_each(|path| hash_four(path)))),
            Box::new(|| check(false)),
        ],
    );
    let shown = times.each(&["check", "BLAKE3 on all cores", "four hashes on one", "check without"], 1);
    let work = "check --content of 500 MiB";
    table.row("23", work, "BLAKE3 of the files, all cores", times.speed(0, 1), Want::AtLeast(0.8), &shown);
    table.row("23", work, "the four hashes of the files, one core", times.speed(0, 2), Want::Shown, "");
}

/// What `b3sum` does: files are hashed as they lie, by as many threads as there are cores.
fn hash_all(files: &[PathBuf]) -> Duration {
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    time(|| {
        std::thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| {
                    while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let mut hasher = blake3::Hasher::new();
                        read_through(path, |block| {
                            hasher.update(block);
                        });
                        std::hint::black_box(hasher.finalize());
                    }
                });
            }
        });
    })
}

fn hash_four(path: &Path) {
    let mut digester = holdall::digest::Digester::new();
    read_through(path, |block| digester.update(block));
    std::hint::black_box(digester.finish());
}

/// Makes the index anew.
pub fn rebuild(table: &mut Table) {
    let files = most_files() as usize;
    let dir = dir();
    let place = dir.path().join("store");
    {
        let store = open(&place);
        fill(&store.drive("bench").expect("a drive"), &mut Contents::new(63), 0..files, 16);
        store.close().expect("closed");
    }
    let rebuild = || {
        time(|| {
            Store::rebuild(&place, &Options::new()).expect("rebuilt");
        })
    };
    let read = || time(|| segments(&place).iter().map(|path| read_through(path, |_| ())).sum::<u64>());
    let times = turns(3, vec![Box::new(rebuild), Box::new(read)]);
    let shown = times.each(&["rebuild", "read"], 1);
    let work = format!("rebuild the index of {files} files");
    table.row("24", &work, "reading the log once, cached", times.speed(0, 1), Want::AtLeast(0.4), &shown);
}

/// Backs up again after one file in a hundred has changed.
pub fn backup(table: &mut Table) {
    const FILES: usize = 20_000;
    const LEN: usize = 8 << 10;
    if Command::new("rsync").arg("--version").output().is_err() {
        println!("| 25 | incremental backup | rsync | | | | rsync is not here; apt install rsync |");
        return;
    }
    let dir = dir();
    let at = |name: &str| dir.path().join(name);
    let store = open(&at("store"));
    let drive = store.drive("bench").expect("a drive");
    let mut draw = Contents::new(64);
    fill(&drive, &mut draw, 0..FILES, LEN);
    let tree = at("tree");
    let write = |number: usize, content: &[u8]| {
        let path = tree.join(path(number));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("written");
    };
    (0..FILES).for_each(|number| write(number, &draw.bytes(LEN)));
    let back_up = || store.backup(at("copy"), &mut |_| Ok(())).expect("backed up");
    let sync = || {
        let mut command = Command::new("rsync");
        command.args(["-a", "--delete", "--fsync"]).arg(at("tree/")).arg(at("mirror/"));
        assert!(command.status().expect("rsync").success(), "rsync failed");
    };
    back_up();
    sync();
    let (mut draw, mut other) = (Contents::new(65), Contents::new(66));
    let (mut round, mut turn) = (0, 0);
    let ours = || {
        round += 1;
        let items: Vec<_> =
            (round..FILES).step_by(100).map(|number| (path(number), draw.bytes(LEN))).collect();
        drive.put_many(items, &Put::new()).expect("put");
        time(back_up)
    };
    let theirs = || {
        turn += 1;
        (turn..FILES).step_by(100).for_each(|number| write(number, &other.bytes(LEN + turn)));
        time(sync)
    };
    let times = turns(7, vec![Box::new(ours), Box::new(theirs)]);
    let shown = times.each(&["backup", "rsync"], 1);
    let work = "incremental backup, 200 of 20,000 files changed";
    table.row("25", work, "rsync -a --delete --fsync", times.speed(0, 1), Want::AtLeast(3.0), &shown);
}
