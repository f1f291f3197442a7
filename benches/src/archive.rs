//! Rows 11, 12, 14 and 15: planning and serving archives.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use holdall::body::{Body, Segment};
use holdall::zip::{ArchiveLimits, Contents as Members, Entry, Kind, Plan, ZipSource};
use holdall::{Drive, Mode, Options, Put, Request, Store};

use crate::measure::{Table, Want, Work, busy, time, turns, unit};
use crate::place::{Contents, dir, store};
use crate::watched::Watched;

const NO_LIMITS: ArchiveLimits = ArchiveLimits { max_entries: u64::MAX, max_bytes: None };

/// Members as a drive has them: folders of a thousand files.
pub fn entries(count: usize, size: u64) -> Vec<Entry> {
    (0..count)
        .map(|index| Entry {
            name: format!("photos/{:04}/IMG_{index:07}.jpg", index / 1000),
            kind: Kind::File,
            size,
            crc32: 0x1234_5678,
            modified: 1_750_000_000,
            executable: false,
            content: index as u64,
        })
        .collect()
}

fn fill(drive: &Drive, count: usize, len: usize) {
    let mut draw = Contents::new(30);
    for batch in entries(count, 0).chunks(1000) {
        let items = batch.iter().map(|entry| (entry.name.clone(), draw.bytes(len)));
        drive.put_many(items, &Put::new()).expect("put");
    }
}

/// Plans archives whose members are known, and makes one in a store.
pub fn plan(table: &mut Table) {
    let (some, more) = (entries(10_000, 4096), entries(100_000, 4096));
    let many = entries(1_000_000, 4096);
    let plan = |entries: &[Entry]| {
        let entries = entries.to_vec();
        let mut planned = None;
        let took = busy(|| planned = Some(Plan::new(entries, &NO_LIMITS).expect("planned")));
        (took, planned.expect("planned"))
    };
    let planned = plan(&some).1;
    let headers = vec![1_u8; (planned.len() - 10_000 * 4096) as usize];
    let times = turns(
        25,
        vec![
            Box::new(|| busy(|| Plan::again(planned.members()).expect("planned"))),
            Box::new(|| plan(&some).0),
            Box::new(|| busy(|| std::hint::black_box(headers.as_slice()).to_vec())),
        ],
    );
    let shown = times.each(&["known members", "new names", "copy"], 1);
    let peer = "memory copy of the same headers";
    let work = "plan an archive of 10,000 known members";
    table.row("11", work, peer, times.speed(0, 2), Want::AtLeast(0.5), &shown);
    table.row("11", "the same, names made safe and unique", peer, times.speed(1, 2), Want::Shown, "");
    let large = turns(5, vec![Box::new(|| plan(&many).0), Box::new(|| plan(&more).0)]);
    let shown = large.each(&["1,000,000", "100,000"], 1);
    let growth = 1.0 / large.speed(0, 1) / 10.0;
    table.row("11", "plan 1,000,000, time an entry", "100,000", growth, Want::AtMost(2.0), &shown);
    let planned = plan(&many).1;
    let names: usize = planned.members().map(|member| member.name.len()).sum();
    let bytes = (planned.memory() - names) as f64 / 1e6;
    table.row("11", "its bytes an entry beside the names", "", bytes, Want::AtMost(200.0), "");

    let dir = dir();
    let (vfs, read) = Watched::over(dir.path());
    let store = Store::open_on(vfs, Options::new().mode(Mode::Exclusive)).expect("a store");
    let drive = store.drive("bench").expect("a drive");
    fill(&drive, 10_000, 4096);
    let walk_and_plan = || {
        busy(|| {
            let mut entries = Vec::new();
            let walked = drive.walk("photos", |path, row| {
                if row.kind == Kind::File {
                    entries.push(Entry {
                        name: path.to_owned(),
                        kind: row.kind,
                        size: row.size,
                        crc32: row.crc32,
                        modified: row.modified.unix(),
                        executable: false,
                        content: row.blob.0,
                    });
                }
                Ok(true)
            });
            walked.expect("walked");
            Plan::new(entries, &NO_LIMITS).expect("planned")
        })
    };
    let create =
        || time(|| drive.archive(["photos"]).and_then(|archive| archive.create()).expect("an archive"));
    let before = read.load(Ordering::Relaxed);
    let url = drive.archive(["photos"]).and_then(|archive| archive.sign()).expect("a url");
    let serve = || {
        busy(|| {
            let reply = store.serve(&Request::get(&url)).expect("a reply");
            assert_eq!(reply.status, 200);
            reply.body.segment(0, 65_536).expect("the first bytes").data[0]
        })
    };
    let times = turns(9, vec![Box::new(walk_and_plan), Box::new(create), Box::new(serve)]);
    let touched = read.load(Ordering::Relaxed) - before;
    let limit = |table: &mut Table, what: &str, work: usize, most: f64| {
        let took = times.median(work);
        table.row("11", what, "", took * 1e3, Want::AtMost(most), &unit(took));
    };
    limit(table, "walk and plan 10,000 files of a store, ms", 0, 5.0);
    let took = times.median(1);
    table.row("11", "the same, with the list written durably, ms", "", took * 1e3, Want::Shown, &unit(took));
    limit(table, "first byte of it by its URL, ms", 2, 1.0);
    table.row("11", "bytes of content read for all that", "", touched as f64, Want::AtMost(0.0), "");
}

/// The whole of an archive, to nothing.
pub fn zip(table: &mut Table) {
    let dir = dir();
    let store = store(dir.path(), Mode::Exclusive);
    let drive = store.drive("bench").expect("a drive");
    fill(&drive, 10_000, 4096);
    let url = drive.archive(["photos"]).and_then(|archive| archive.sign()).expect("a url");
    let (members, contents) = (entries(10_000, 4096), Contents::new(30).many(10_000, 4096));
    let files = dir.path().join("files");
    std::fs::create_dir(&files).expect("a directory");
    let paths: Vec<_> = (0..contents.len()).map(|index| files.join(index.to_string())).collect();
    paths.iter().zip(&contents).for_each(|(path, content)| std::fs::write(path, content).expect("written"));
    let go = go_program(dir.path());
    let mut works: Vec<Work<'_>> = vec![
        Box::new(|| {
            busy(|| {
                let reply = store.serve(&Request::get(&url)).expect("a reply");
                reply.body.copy_to(&mut io::sink()).expect("sent")
            })
        }),
        Box::new(|| {
            busy(|| stream(members.iter().zip(&contents).map(|(member, content)| (member, content.to_vec()))))
        }),
        Box::new(|| {
            let read = |path| std::fs::read(path).expect("a file");
            busy(|| stream(members.iter().zip(&paths).map(|(member, path)| (member, read(path)))))
        }),
    ];
    if let Some(program) = &go {
        let files = &files;
        works.push(Box::new(move || {
            let output = Command::new(program).arg(files).output().expect("the program in Go");
            let text = String::from_utf8(output.stdout).expect("text");
            Duration::from_nanos(text.trim().parse().expect("nanoseconds"))
        }));
    }
    let times = turns(11, works);
    let names = ["archive", "zip crate from memory", "from files", "Go from files"];
    let shown = times.each(&names[..if go.is_some() { 4 } else { 3 }], 1);
    let work = "10,000 x 4 KiB archive to nothing";
    table.row("12", work, "zip crate, stream, from files", times.speed(0, 2), Want::AtLeast(8.0), &shown);
    table.row("12", work, "zip crate, stream, from memory", times.speed(0, 1), Want::Shown, "");
    if go.is_some() {
        table.row("12", work, "Go archive/zip, from files", times.speed(0, 3), Want::AtLeast(8.0), "");
    }
}

/// Compiles the peer that is written in Go, where Go is.
fn go_program(dir: &Path) -> Option<PathBuf> {
    let (source, program) = (dir.join("zip.go"), dir.join("go-zip"));
    std::fs::write(&source, include_str!("../go/zip.go")).expect("written");
    let built = Command::new("go").arg("build").arg("-o").arg(&program).arg(&source).status();
    built.is_ok_and(|status| status.success()).then_some(program)
}

/// Writes a stored zip to nothing, as it is done without holdall.
fn stream<'a>(members: impl Iterator<Item = (&'a Entry, Vec<u8>)>) {
    let mut zip = zip::ZipWriter::new_stream(io::sink());
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (member, content) in members {
        zip.start_file(member.name.as_str(), stored).expect("begun");
        zip.write_all(&content).expect("written");
    }
    zip.finish().expect("ended");
}

/// Contents that cost nothing.
pub struct Same(pub Bytes);

impl Members for Same {
    fn segment(&self, _: usize, _: u64, offset: u64, limit: u64) -> holdall::Result<Segment> {
        let end = (offset + limit).min(self.0.len() as u64);
        Ok(Segment { data: self.0.slice(offset as usize..end as usize), file: None })
    }
}

/// A range in the middle of an archive.
pub fn range(table: &mut Table) {
    const COUNT: usize = 20_000;
    let body = |count: usize| {
        let plan = Plan::new(entries(count, 4096), &NO_LIMITS).expect("planned").shared();
        Body::new(Arc::new(ZipSource::new(plan, Same(Contents::new(40).bytes(4096)))))
    };
    let (small, large) = (body(1_000), body(1_000_000));
    let ranges = |body: &Body, seed: u64| -> Duration {
        let mut draw = Contents::new(seed);
        let starts: Vec<u64> = (0..COUNT).map(|_| draw.number() % (body.len() - 1000)).collect();
        busy(|| {
            starts.iter().fold(0, |sum, start| {
                let range = body.slice(*start..*start + 1000).expect("a range");
                sum + range.segment(0, 1000).expect("bytes").data.len()
            })
        })
    };
    // As much memory as the records of the large plan take: each look says where the next one is.
    let around: Vec<u64> = {
        let mut draw = Contents::new(42);
        (0..4_000_000).map(|_| draw.number() % 4_000_000).collect()
    };
    let looks =
        |around: &[u64]| busy(|| (0..COUNT).fold(0, |at, step| around[at as usize] ^ (step as u64 & 7)));
    let mut seed = 41;
    let mut next = || {
        seed += 1;
        seed
    };
    let seeds: Vec<u64> = (0..30).map(|_| next()).collect();
    let (mut of_large, mut of_small) = (seeds.iter(), seeds.iter());
    let works: Vec<Work<'_>> = vec![
        Box::new(|| ranges(&large, *of_large.next().expect("a seed"))),
        Box::new(|| ranges(&small, *of_small.next().expect("a seed"))),
        Box::new(|| looks(&around)),
    ];
    let times = turns(15, works);
    let shown = times.each(&["1,000,000", "1,000", "one look into 32 MB"], COUNT);
    let work = "a range anywhere in 1,000,000 entries, the body alone";
    table.row("15", work, "in 1,000", 1.0 / times.speed(0, 1), Want::AtMost(3.0), &shown);
    let work = "what it takes more than in 1,000";
    let more = (times.median(0) - times.median(1)) / times.median(2);
    table.row("15", work, "one look into 32 MB of memory", more, Want::Shown, "");
}
