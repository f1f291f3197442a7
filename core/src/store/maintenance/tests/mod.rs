//! Collecting, compacting, checking, repairing and backing up, on the real disk and the simulated.

mod backup;
mod damage;
mod earlier;
mod grace;
mod race;
mod restore;
#[cfg(feature = "s3")]
mod ship;
mod space;
mod stream;
mod upload;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::record::{Goal, UploadRecord};
use crate::catalog::table::{self, BLOB, META, SEGMENT};
use crate::catalog::{history, prefix, segment};
use crate::id::UploadId;
use crate::journal::POSITION;
use crate::kv::Table;
use crate::time::Time;
use crate::vfs::{RealVfs, SimVfs, Vfs};
use crate::{CheckOptions, FileId, Kind, Mode, Options, Put, Store};

/// Segments and large blobs are small, and nothing outlives its last version.
fn options() -> Options {
    Options::new().grace(Duration::ZERO).segment_bytes(64 << 10).threshold(16 << 10).cache_bytes(1 << 20)
}

/// A time at which no file is young any more.
fn later() -> Time {
    Time::now().after(Duration::from_secs(2 * 3600))
}

/// A directory for a store.
struct Home {
    vfs: Arc<dyn Vfs>,
    _dir: Option<tempfile::TempDir>,
}

impl Home {
    fn real() -> Home {
        let dir = tempfile::tempdir().unwrap();
        Home { vfs: Arc::new(RealVfs::new(dir.path()).unwrap()), _dir: Some(dir) }
    }

    fn simulated() -> (SimVfs, Home) {
        let disk = SimVfs::new(3);
        (disk.clone(), Home::on(disk))
    }

    fn on(disk: SimVfs) -> Home {
        Home { vfs: Arc::new(disk), _dir: None }
    }

    fn open(&self, mode: Mode) -> Store {
        Store::open_on(self.vfs.clone(), options().mode(mode)).unwrap()
    }

    fn files(&self, dir: &str) -> Vec<String> {
        self.vfs.list(dir).unwrap().into_iter().map(|entry| format!("{dir}/{}", entry.name)).collect()
    }

    fn large_files(&self) -> Vec<String> {
        (0..=255_u8).flat_map(|low| self.files(&format!("blob/{low:02x}"))).collect()
    }
}

/// Both kinds of disk in both modes.
fn everywhere(mut test: impl FnMut(&Home, Mode)) {
    for mode in [Mode::Shared, Mode::Exclusive] {
        test(&Home::real(), mode);
        test(&Home::simulated().1, mode);
    }
}

/// Content that no other seed has.
fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Some drives' worth of files, versions, folders, links, trash and large content.
fn fill(store: &Store) {
    let drive = store.drive("alice").unwrap();
    for n in 0..60_u64 {
        let path = format!("dir{}/file{n}", n % 4);
        drive.put(&path, content(n, 3000 + n as usize).as_slice(), Put::new()).unwrap();
        if n % 5 == 0 {
            drive.put(&path, content(1000 + n, 2000).as_slice(), Put::new()).unwrap();
        }
    }
    for n in 0..4_u64 {
        drive.put(&format!("large/{n}"), content(5000 + n, 40_000).as_slice(), Put::new()).unwrap();
    }
    drive.put("empty", &b""[..], Put::new()).unwrap();
    drive.rename("dir1/file1", "moved/here", false).unwrap();
    drive.trash("dir1/file5").unwrap();
    let other = store.drive("bob").unwrap();
    other.put("same", content(7, 3007).as_slice(), Put::new()).unwrap();
}

/// Deletes most of what [`fill`] made.
fn thin_out(store: &Store) {
    let drive = store.drive("alice").unwrap();
    for n in (0..60_u64).filter(|n| n % 6 != 0 && ![1, 5].contains(n)) {
        drive.delete(&format!("dir{}/file{n}", n % 4)).unwrap();
    }
    drive.delete("large/1").unwrap();
}

/// Every version of every file with its content, and what lies in the trash.
fn everything(store: &Store) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in ["alice", "bob"] {
        let drive = store.drive(name).unwrap();
        let mut paths = Vec::new();
        drive
            .walk("", |path, row| {
                paths.push((path.to_owned(), row.kind));
                Ok(true)
            })
            .unwrap();
        for (path, kind) in paths {
            if kind == Kind::Folder {
                found.insert(format!("{name}:{path}/"), Vec::new());
                continue;
            }
            for version in drive.versions(&path, None, 100).unwrap() {
                let bytes = store.open_version(version.id).unwrap().to_vec(u64::MAX).unwrap();
                found.insert(format!("{name}:{path}@{}", version.id), bytes);
            }
        }
        for trashed in drive.list_trash(None, 100).unwrap() {
            found.insert(format!("{name}:trash:{}:{}", trashed.file, trashed.path), Vec::new());
        }
    }
    found
}

type Rows = Vec<(&'static str, Vec<u8>, Vec<u8>)>;

/// Every row but those that say where the log stands.
fn rows(store: &Store) -> Rows {
    let reader = store.engine().unwrap().reader().unwrap();
    let apart = |table: Table, key: &[u8]| {
        let unlogged = [POSITION, segment::MODE, segment::OPEN, history::COPY, b"next-id"];
        table == SEGMENT || (table == META && unlogged.contains(&key))
    };
    let mut rows = Vec::new();
    for table in table::ALL {
        for (key, value) in prefix::page(&reader, *table, &[], None, usize::MAX).unwrap() {
            if !apart(*table, &key) {
                rows.push((table.name, key, value));
            }
        }
    }
    rows
}

fn assert_sound(store: &Store) {
    let report = store.check(CheckOptions::new().content(true)).unwrap();
    assert!(report.problems.is_empty() && report.damaged.is_empty(), "{:#?}", report.problems);
}

fn blob_count(store: &Store) -> usize {
    let reader = store.engine().unwrap().reader().unwrap();
    prefix::page(&reader, BLOB, &[], None, usize::MAX).unwrap().len()
}

/// An upload of two parts that were put, and the file that one before became.
fn with_uploads(store: &Store) -> (UploadId, FileId) {
    let drive = store.drive("alice").unwrap();
    let root = drive.info().unwrap().root;
    let mut made = Vec::new();
    for name in ["done", "open"] {
        let file = store.draw_file().unwrap();
        let now = Time::now();
        let record = UploadRecord {
            drive: drive.id(),
            goal: Goal::New { file, folder: root, name: name.to_owned(), rename: false },
            media_type: "text/plain".to_owned(),
            modified: None,
            attributes: BTreeMap::new(),
            size: None,
            created: now,
            expires: now.after(Duration::from_secs(24 * 3600)),
            done: None,
        };
        let id = store.begin_upload(record).unwrap();
        for (number, len) in [(1, 40_000), (2, 1000)] {
            let bytes = content(number, len);
            let part = u32::try_from(number).unwrap();
            let mut writer = store.part_writer(id, part, 1 << 20, now).unwrap();
            writer.write(&bytes).unwrap();
            writer.commit().unwrap();
        }
        made.push((id, file));
    }
    let whole = store.assemble(made[0].0, None).unwrap();
    store.complete_upload(made[0].0, whole, Time::now()).unwrap();
    (made[1].0, made[0].1)
}

/// What two parts of [`with_uploads`] are together.
fn both_parts() -> Vec<u8> {
    [content(1, 40_000), content(2, 1000)].concat()
}
