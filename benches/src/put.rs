//! Rows 1 to 7: putting.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use holdall::digest::{Digest as FourHashes, StreamDigester};
use holdall::{Drive, Mode, Put};
use sha1::{Digest, Sha1};

use crate::measure::{Table, Want, Work, time, turns};
use crate::peer::files::{Appended, Files};
use crate::peer::rows::Rows;
use crate::peer::sqlite::Sqlite;
use crate::place::{Contents, dir, store};
use crate::process;

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;
/// The yardstick tells the system after so many bytes to begin writing out: left to itself, it may
/// first fill its memory with them and then take several times as long.
const BEHIND: usize = 8 * MIB;

/// Streams a 1 GiB file in.
pub fn ingest(table: &mut Table) {
    let dir = dir();
    let source = dir.path().join("source");
    let bytes = Contents::new(1).bytes(GIB);
    fs::write(&source, &bytes).expect("a source");
    File::open(&source).expect("a source").sync_all().expect("synced");

    let sha1 =
        || time(|| bytes.chunks(MIB).fold(Sha1::new(), |sha1, block| sha1.chain_update(block)).finalize());
    let written = dir.path().join("written");
    let write = || {
        let took = time(|| {
            let mut file = File::create(&written).expect("a file");
            for (number, blocks) in bytes.chunks(BEHIND).enumerate() {
                blocks.chunks(MIB).for_each(|block| file.write_all(block).expect("written"));
                begin_writing_out(&file, number * BEHIND, blocks.len());
            }
            file.sync_all().expect("synced");
        });
        fs::remove_file(&written).expect("removed");
        took
    };
    let place = dir.path().join("store");
    let put = || {
        let store = store(&place, Mode::Exclusive);
        let drive = store.drive("bench").expect("a drive");
        let file = File::open(&source).expect("a source");
        let took = time(|| drive.put("big", file, Put::new()).expect("put"));
        drop((drive, store));
        fs::remove_dir_all(&place).expect("removed");
        took
    };
    let times = turns(5, vec![Box::new(put), Box::new(sha1), Box::new(write)]);
    let slower = if times.median(1) > times.median(2) { 1 } else { 2 };
    let against = "the slower of SHA-1 alone and a write with fsync";
    let shown = times.each(&["put", "sha1", "write"], 1);
    table.row("1", "stream 1 GiB in", against, times.speed(0, slower), Want::AtLeast(0.9), &shown);

    let kib: f64 = process::run("ingest", &[&place, &source]).trim().parse().expect("a number");
    table.row("1", "memory for it, MiB", "before it", kib / 1024.0, Want::AtMost(16.0), "");
}

#[allow(unsafe_code)]
fn begin_writing_out(file: &File, offset: usize, len: usize) {
    // SAFETY: the call takes no pointer, and the descriptor is open while `file` is borrowed.
    let outcome = unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset as i64, len as i64, libc::SYNC_FILE_RANGE_WRITE)
    };
    assert_eq!(outcome, 0, "the system begins to write out");
}

/// The child of [`ingest`]: prints how many KiB the peak of its memory grew by.
pub fn ingest_child(place: &Path, source: &Path) {
    let store = store(place, Mode::Exclusive);
    let drive = store.drive("bench").expect("a drive");
    drive.put("small", &b"small"[..], Put::new()).expect("put");
    let before = process::peak_kib();
    drive.put("big", File::open(source).expect("a source"), Put::new()).expect("put");
    println!("{}", process::peak_kib() - before);
}

/// Puts contents one by one; the names go on from those before.
fn put_each(drive: &Drive, contents: &[Bytes], next: &mut usize) -> Duration {
    let names: Vec<String> = contents.iter().map(|_| name(next)).collect();
    time(|| {
        for (name, content) in names.iter().zip(contents) {
            drive.put(name, content.as_ref(), Put::new()).expect("put");
        }
    })
}

/// Hashes contents one by one, as a put does.
fn hash_each(contents: &[Bytes]) -> Duration {
    time(|| contents.iter().map(|one| FourHashes::of(one).crc32).fold(0, u32::wrapping_add))
}

fn name(next: &mut usize) -> String {
    *next += 1;
    format!("folder/{:08}.bin", *next)
}

/// Puts 4 KiB, one thread, each durable.
pub fn single(table: &mut Table) {
    const COUNT: usize = 100;
    let dir = dir();
    let at = |name: &str| dir.path().join(name);
    let mut contents = Contents::new(2);
    let mut draw = Contents::new(3);
    let mut draw2 = Contents::new(4);
    let mut draw3 = Contents::new(5);
    let mut draw4 = Contents::new(6);

    let exclusive = store(&at("exclusive"), Mode::Exclusive).drive("bench").expect("a drive");
    let shared = store(&at("shared"), Mode::Shared).drive("bench").expect("a drive");
    let (mut appended, mut sqlite) = (Appended::new(&at("appended")), Sqlite::open(&at("sqlite")));
    let rows = Rows::open(&at("rows"), true);
    let (mut next, mut next_shared, mut next_row) = (0, 0, 0);
    let works: Vec<Work<'_>> = vec![
        Box::new(|| put_each(&exclusive, &contents.many(COUNT, 4096), &mut next)),
        Box::new(|| {
            let contents = draw.many(COUNT, 4096);
            time(|| {
                for content in &contents {
                    appended.append(content);
                    appended.sync();
                }
            })
        }),
        Box::new(|| {
            let contents = draw2.many(COUNT, 4096);
            time(|| contents.chunks(1).for_each(|one| sqlite.put(one)))
        }),
        Box::new(|| put_each(&shared, &draw3.many(COUNT, 4096), &mut next_shared)),
        Box::new(|| {
            let contents = draw4.many(COUNT, 4096);
            time(|| {
                for content in &contents {
                    next_row += 1;
                    rows.put(next_row, content);
                }
            })
        }),
    ];
    // Short turns: a disk that others use changes from second to second.
    let times = turns(31, works);
    let shown = times.each_overall(&["put", "append", "sqlite", "put shared", "redb shared"], COUNT);
    let work = "put 4 KiB, one thread, exclusive";
    table.row("2", work, "append + fdatasync", times.overall(0, 1), Want::AtLeast(0.8), &shown);
    table.row("2", work, "SQLite BLOB, WAL FULL", times.overall(0, 2), Want::AtLeast(1.2), "");
    table.row(
        "3",
        "the same, shared",
        "redb inline, multi-writer",
        times.overall(3, 4),
        Want::AtLeast(0.7),
        "",
    );
}

/// Puts 4 KiB in batches of 100.
pub fn batch(table: &mut Table) {
    const COUNT: usize = 1000;
    const BATCH: usize = 100;
    let dir = dir();
    let at = |name: &str| dir.path().join(name);
    let drive = store(&at("store"), Mode::Exclusive).drive("bench").expect("a drive");
    let (mut sqlite, mut files) = (Sqlite::open(&at("sqlite")), Files::new(&at("files")));
    let mut appended = Appended::new(&at("appended"));
    let (mut next, mut draw) = (0, Contents::new(7));
    let (mut draw2, mut draw3, mut draw4) = (Contents::new(8), Contents::new(9), Contents::new(10));
    let mut draw5 = Contents::new(18);
    let works: Vec<Work<'_>> = vec![
        Box::new(|| {
            let items: Vec<_> =
                draw.many(COUNT, 4096).into_iter().map(|one| (name(&mut next), one)).collect();
            time(|| {
                for batch in items.chunks(BATCH) {
                    drive.put_many(batch.to_vec(), &Put::new()).expect("put");
                }
            })
        }),
        Box::new(|| {
            let contents = draw2.many(COUNT, 4096);
            time(|| contents.chunks(BATCH).for_each(|batch| sqlite.put(batch)))
        }),
        Box::new(|| {
            // A tenth of them: they take long, and each costs the same.
            let contents = draw3.many(COUNT / 10, 4096);
            time(|| contents.iter().for_each(|one| files.put(one))) * 10
        }),
        Box::new(|| {
            let contents = draw4.many(COUNT, 4096);
            time(|| {
                for batch in contents.chunks(BATCH) {
                    batch.iter().for_each(|one| appended.append(one));
                    appended.sync();
                }
            })
        }),
        Box::new(|| hash_each(&draw5.many(COUNT, 4096))),
    ];
    let times = turns(15, works);
    let shown = times.each_overall(&["put", "sqlite", "files", "append", "hash alone"], COUNT);
    let work = "put 15,000 x 4 KiB in batches of 100";
    table.row("4", work, "SQLite BLOB", times.overall(0, 1), Want::AtLeast(2.0), &shown);
    table.row("4", work, "plain files fsynced", times.overall(0, 2), Want::AtLeast(30.0), "");
    table.row("4", work, "one file appended + fdatasync", times.overall(0, 3), Want::AtLeast(0.5), "");
    table.row("4", work, "the four hashes alone, one thread", times.overall(0, 4), Want::Shown, "");
}

/// Puts 4 KiB from 32 threads, each waiting for durability.
pub fn threads(table: &mut Table) {
    const THREADS: usize = 32;
    const EACH: usize = 25;
    let dir = dir();
    let at = |name: &str| dir.path().join(name);
    let drive = store(&at("store"), Mode::Exclusive).drive("bench").expect("a drive");
    let mut connections: Vec<Sqlite> = (0..THREADS).map(|_| Sqlite::open(&at("sqlite"))).collect();
    let (mut next, mut next_alone) = (0, 10_000_000);
    let (mut draw, mut draw2, mut draw3) = (Contents::new(11), Contents::new(12), Contents::new(13));
    let works: Vec<Work<'_>> = vec![
        Box::new(|| {
            let mut shares: Vec<_> = (0..THREADS)
                .map(|_| {
                    draw.many(EACH, 4096).into_iter().map(|one| (name(&mut next), one)).collect::<Vec<_>>()
                })
                .collect();
            time(|| {
                std::thread::scope(|scope| {
                    for share in &mut shares {
                        let drive = &drive;
                        scope.spawn(move || {
                            for (name, content) in share {
                                drive.put(name, content.as_ref(), Put::new()).expect("put");
                            }
                        });
                    }
                });
            })
        }),
        Box::new(|| {
            let contents = draw2.many(THREADS * EACH / 4, 4096);
            put_each(&drive, &contents, &mut next_alone) * 4
        }),
        Box::new(|| {
            let shares: Vec<_> = (0..THREADS).map(|_| draw3.many(EACH, 4096)).collect();
            time(|| {
                std::thread::scope(|scope| {
                    for (share, sqlite) in shares.iter().zip(&mut connections) {
                        scope.spawn(move || share.chunks(1).for_each(|one| sqlite.put(one)));
                    }
                });
            })
        }),
    ];
    let times = turns(9, works);
    let shown = times.each_overall(&["32 threads", "one", "sqlite 32"], THREADS * EACH);
    let work = "32 threads putting 4 KiB";
    table.row("5", work, "one thread of itself", times.overall(0, 1), Want::AtLeast(8.0), &shown);
    table.row("5", work, "SQLite with 32 threads", times.overall(0, 2), Want::AtLeast(3.0), "");
}

/// Puts 256 KiB, each durable.
pub fn medium(table: &mut Table) {
    const COUNT: usize = 60;
    const LEN: usize = 256 << 10;
    let dir = dir();
    let at = |name: &str| dir.path().join(name);
    let drive = store(&at("store"), Mode::Exclusive).drive("bench").expect("a drive");
    let (mut sqlite, mut files) = (Sqlite::open(&at("sqlite")), Files::new(&at("files")));
    let (mut next, mut draw) = (0, Contents::new(14));
    let (mut draw2, mut draw3, mut draw4) = (Contents::new(15), Contents::new(16), Contents::new(19));
    let works: Vec<Work<'_>> = vec![
        Box::new(|| put_each(&drive, &draw.many(COUNT, LEN), &mut next)),
        Box::new(|| {
            let contents = draw2.many(COUNT, LEN);
            time(|| contents.chunks(1).for_each(|one| sqlite.put(one)))
        }),
        Box::new(|| {
            let contents = draw3.many(COUNT, LEN);
            time(|| contents.iter().for_each(|one| files.put(one)))
        }),
        Box::new(|| hash_each(&draw4.many(COUNT, LEN))),
    ];
    let times = turns(15, works);
    let shown = times.each_overall(&["put", "sqlite", "files", "hash alone"], COUNT);
    let work = "put 256 KiB";
    table.row("6", work, "SQLite BLOB", times.overall(0, 1), Want::AtLeast(2.0), &shown);
    table.row("6", work, "plain files fsynced", times.overall(0, 2), Want::AtLeast(2.0), "");
    table.row("6", work, "the four hashes alone, one thread", times.overall(0, 3), Want::Shown, "");
}

/// Puts again what is there already.
pub fn again(table: &mut Table) {
    let dir = dir();
    let drive = store(dir.path(), Mode::Exclusive).drive("bench").expect("a drive");
    let content = Contents::new(17).bytes(256 * MIB);
    drive.put("known", content.as_ref(), Put::new()).expect("put");
    let put = || time(|| drive.put("again", content.as_ref(), Put::new()).expect("put"));
    let hash = || {
        time(|| {
            let mut digester = StreamDigester::new();
            (0..content.len()).step_by(MIB).for_each(|at| {
                digester.push(content.slice(at..at + MIB)).expect("hashed");
            });
            digester.finish().expect("hashed")
        })
    };
    let times = turns(7, vec![Box::new(put), Box::new(hash)]);
    let shown = times.each(&["put", "hash"], 1);
    table.row(
        "7",
        "put 256 MiB that is there",
        "hashing alone",
        times.speed(0, 1),
        Want::AtLeast(0.95),
        &shown,
    );
}
