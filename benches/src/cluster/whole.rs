//! One large content up and down, and whole stores, against the crate `object_store` alone.

use std::cell::Cell;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use holdall::{Mode, Put, Request};

use super::objects::Objects;
use super::{STALENESS, address, open, with_cache};
use crate::measure::{Table, Want, Work, time, turns};
use crate::place::{Contents, dir, store};

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;
const ROUNDS: usize = 3;

/// Puts 1 GiB and downloads it by a host that has nothing of it.
pub fn large(table: &mut Table) {
    let Some(address) = address("large") else { return };
    let address = format!("{address}&{STALENESS}");
    let dir = dir();
    let store = open(&address);
    let drive = store.drive("bench").expect("a drive");
    let objects = Objects::of(&address);
    let mut draw = Contents::new(400);
    let mut bytes = draw.bytes(GIB).to_vec();
    // Other contents in each round: what is there already is not written once more.
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        bytes[..8].copy_from_slice(&draw.number().to_le_bytes());
        let whole = Bytes::from(bytes);
        let path = format!("{round}.bin");
        let up = || time(|| drive.put(&path, whole.as_ref(), Put::new()).expect("put"));
        let alone = || time(|| objects.put("alone", whole.chunks(MIB).map(|chunk| whole.slice_ref(chunk))));
        let [put, put_alone] = each_first(round, up, alone);
        let cache = dir.path().join(&path);
        let other = open(&with_cache(&address, &cache));
        let version =
            other.drive("bench").expect("a drive").stat(&path).expect("a file").current.expect("a version");
        let url = other.url(version.id).sign().expect("a url");
        let down = || {
            time(|| {
                let reply = other.serve(&Request::get(&url)).expect("a reply");
                let came = reply.body.copy_to(&mut Counted::default()).expect("read");
                assert_eq!(came, GIB as u64);
            })
        };
        let alone = || {
            let mut came = Counted::default();
            let took = time(|| objects.get("alone", |piece| came.write_all(piece).expect("counted")));
            assert_eq!(came.0, GIB as u64);
            took
        };
        let [got, got_alone] = each_first(round, down, alone);
        objects.remove("alone");
        drive.delete(&path).expect("removed");
        bytes = whole.into();
        rounds.push([put, put_alone, got, got_alone]);
    }
    let mut columns = [0, 1, 2, 3]
        .map(|column| rounds.iter().map(move |round| round[column]).collect::<Vec<_>>().into_iter());
    let works: Vec<Work<'_>> =
        columns.iter_mut().map(|column| Box::new(|| column.next().expect("a round")) as Work<'_>).collect();
    let times = turns(ROUNDS, works);
    let shown = times.each(&["put", "alone", "download", "alone"], 1);
    let peer = "object_store alone, parts of 8 MiB, 8 at once";
    table.row("43", "1 GiB up", peer, times.speed(0, 1), Want::AtLeast(0.8), &shown);
    let peer = "object_store alone, one request";
    table.row("43", "1 GiB down, nothing cached", peer, times.speed(2, 3), Want::AtLeast(0.8), "");
}

/// Does two works, each first in every other round.
fn each_first(
    round: usize,
    one: impl FnOnce() -> Duration,
    other: impl FnOnce() -> Duration,
) -> [Duration; 2] {
    if round % 2 == 0 {
        let first = one();
        [first, other()]
    } else {
        let first = other();
        [one(), first]
    }
}

/// Touches what comes, and counts it.
#[derive(Default)]
struct Counted(u64, u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        self.1 += bytes.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::hint::black_box(self.1);
        Ok(())
    }
}

/// Files of a store that are contents: segments and large ones.
fn contents_of(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            contents_of(&path, found);
        } else if path.components().any(|part| ["blob", "seg"].iter().any(|name| part.as_os_str() == *name)) {
            found.push(path);
        }
    }
}

/// Moves a store of 512 MiB into a database and object storage, and back.
pub fn migrate(table: &mut Table) {
    const ROUNDS: usize = 3;
    let Some(address) = address("moves") else { return };
    let dir = dir();
    let objects = Objects::of(&address);
    let first = dir.path().join("first");
    {
        let store = store(&first, Mode::Shared);
        let drive = store.drive("bench").expect("a drive");
        let mut draw = Contents::new(500);
        for batch in 0..16 {
            let items =
                (0..512).map(|index| (format!("small/{batch:02}-{index:04}.bin"), draw.bytes(16 << 10)));
            drive.put_many(items.collect::<Vec<_>>(), &Put::new()).expect("put");
        }
        for index in 0..8 {
            drive.put(&format!("large/{index}.bin"), draw.bytes(48 * MIB).as_ref(), Put::new()).expect("put");
        }
        store.close().expect("closed");
    }
    let mut files = Vec::new();
    contents_of(&first, &mut files);
    let round = Cell::new(0);
    let at = |what: &str| dir.path().join(format!("{what}-{}", round.get()));
    let there = || {
        let name = format!("moves{}", round.get());
        let own = address.replace("schema=moves", &format!("schema={name}"));
        own.replacen("contents=s3://holdall/moves", &format!("contents=s3://holdall/{name}"), 1)
    };
    let moved = || {
        round.set(round.get() + 1);
        copy(&first, &at("from"));
        let from = store(&at("from"), Mode::Shared);
        time(|| from.migrate(&there(), &mut |_| Ok(())).expect("moved"))
    };
    let put = || {
        time(|| {
            for (number, file) in files.iter().enumerate() {
                let file = std::fs::read(file).map(Bytes::from).expect("a file");
                objects.put(&format!("copy/{number}"), file.chunks(MIB).map(|chunk| file.slice_ref(chunk)));
            }
        })
    };
    let back = || {
        let store = open(&there());
        let to = at("back");
        time(|| store.migrate(to.to_str().expect("text"), &mut |_| Ok(())).expect("moved"))
    };
    let get = || {
        let to = at("copied");
        std::fs::create_dir(&to).expect("a folder");
        time(|| {
            for number in 0..files.len() {
                let mut file = File::create(to.join(format!("{number}"))).expect("a file");
                objects.get(&format!("copy/{number}"), |piece| file.write_all(piece).expect("written"));
                file.sync_all().expect("synced");
            }
        })
    };
    let works: Vec<Work<'_>> = vec![Box::new(moved), Box::new(put), Box::new(back), Box::new(get)];
    let times = turns(ROUNDS, works);
    let shown = times.each(&["there", "put", "back", "get"], 1);
    let peer = "object_store alone: put of the same files, and nothing else";
    table.row("44", "move 512 MiB into a database", peer, times.speed(0, 1), Want::AtLeast(0.5), &shown);
    let peer = "object_store alone: get into files, each synced";
    table.row("44", "move them into a directory, checked", peer, times.speed(2, 3), Want::AtLeast(0.5), "");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(std::fs::copy(&path, to).expect("copied")),
        }
    }
}
