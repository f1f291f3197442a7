//! What a backup that came to no end has left in an earlier copy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdall::mutant::Mutant;
use holdall::vfs::{DirEntry, Fault, Open, Policy, SimVfs, Times, Vfs, VfsFile};
use holdall::{CheckOptions, Mode, Options, Progress, Put, Result, Store};

use crate::finds;

fn quiet(_: Progress) -> Result<()> {
    Ok(())
}

fn on(disk: &SimVfs) -> Arc<dyn Vfs> {
    Arc::new(disk.clone())
}

fn open(disk: &SimVfs, mode: Mode) -> Store {
    Store::open_on(on(disk), Options::new().mode(mode).segment_bytes(64 << 10).cache_bytes(1 << 20)).unwrap()
}

/// Puts what fills a segment and more.
fn fill(store: &Store, folder: &str, times: u32) {
    let drive = store.drive("alice").unwrap();
    for n in 0..60_u8 {
        let content: Vec<u8> = (0..3000_u32).map(|at| (at * times).to_le_bytes()[0] ^ n).collect();
        drive.put(&format!("{folder}/{n}"), &content[..], Put::new()).unwrap();
    }
}

/// Is called with the path of a directory that was synced.
type Synced = Box<dyn FnMut(&str) + Send>;

/// A disk that calls somebody when a directory was synced.
struct Watched {
    disk: SimVfs,
    synced: Mutex<Option<Synced>>,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.disk.fmt(f)
    }
}

impl Vfs for Watched {
    fn open(&self, path: &str, how: Open) -> std::io::Result<Arc<dyn VfsFile>> {
        self.disk.open(path, how)
    }

    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> std::io::Result<()> {
        self.disk.remove(path)
    }

    fn make_dir(&self, path: &str) -> std::io::Result<()> {
        self.disk.make_dir(path)
    }

    fn list(&self, path: &str) -> std::io::Result<Vec<DirEntry>> {
        self.disk.list(path)
    }

    fn sync_dir(&self, path: &str) -> std::io::Result<()> {
        self.disk.sync_dir(path)?;
        if let Some(synced) = self.synced.lock().unwrap().as_mut() {
            synced(path);
        }
        Ok(())
    }
}

fn assert_sound(store: &Store) {
    let found = store.check(CheckOptions::new().content(true)).unwrap().problems;
    assert!(found.is_empty(), "{found:?}");
}

/// The compaction has removed the files of segments, and not their rows yet.
#[test]
fn a_backup_beside_a_compaction_leaves_nothing_of_what_is_gone() {
    finds(Mutant::StaleSegmentsStay, || {
        let (disk, target) = (SimVfs::new(1), SimVfs::new(2));
        let watched = Arc::new(Watched { disk: disk.clone(), synced: Mutex::default() });
        let options = Options::new().mode(Mode::Exclusive).segment_bytes(64 << 10).grace(Duration::ZERO);
        let store = Store::open_on(watched.clone(), options).unwrap();
        let drive = store.drive("alice").unwrap();
        for n in 0..4_u8 {
            drive.put(&format!("before/{n}"), &[n; 3000][..], Put::new()).unwrap();
        }
        store.backup_on(&on(&target), &mut quiet).unwrap();
        fill(&store, "since", 31);
        drive.delete("before").unwrap();
        drive.delete("since").unwrap();
        let (other, copied) = (store.clone(), Arc::new(AtomicBool::new(false)));
        let (done, into) = (copied.clone(), on(&target));
        *watched.synced.lock().unwrap() = Some(Box::new(move |path| {
            let gone = path == "seg" && !disk.files().contains_key("seg/0000001.seg");
            if gone && !done.swap(true, Ordering::Relaxed) {
                other.backup_on(&into, &mut quiet).unwrap();
            }
        }));
        store.gc().unwrap();
        assert!(copied.load(Ordering::Relaxed), "no segment was compacted");
        *watched.synced.lock().unwrap() = None;
        assert_sound(&open(&target, Mode::Exclusive));
    });
}

#[test]
fn a_copy_that_was_read_is_sound_after_a_backup_into_it_failed() {
    finds(Mutant::QuietEndIsLogged, || {
        let (store, whole) = (open(&SimVfs::new(1), Mode::Exclusive), SimVfs::new(2));
        fill(&store, "before", 31);
        store.backup_on(&on(&whole), &mut quiet).unwrap();
        open(&whole, Mode::Exclusive).close().unwrap();
        store.drive("alice").unwrap().put("since", &[7; 700][..], Put::new()).unwrap();
        let again = whole.copy();
        let begun = again.op_count();
        store.backup_on(&on(&again), &mut quiet).unwrap();
        let ops = again.op_count() - begun;
        // Most of it is looking which files are there; the log comes behind that, and then the rows.
        let log = again.ops().iter().rposition(|op| op.starts_with("rename spool/backup")).unwrap() as u64;
        for step in (1..ops).step_by(50).chain([log - begun + 1]) {
            let failed = whole.copy();
            failed.fail_at(failed.op_count() + step, Fault::Enospc, Times::Once);
            let _ = store.backup_on(&on(&failed), &mut quiet);
            let copy = open(&failed, Mode::Exclusive);
            assert!(copy.drive("alice").unwrap().stat("before/59").is_ok());
            assert_sound(&copy);
        }
    });
}

#[test]
fn a_copy_that_a_cut_backup_went_into_can_be_worked_in_and_survives_a_crash() {
    finds(Mutant::ForeignSegmentsStay, || {
        let (store, whole) = (open(&SimVfs::new(1), Mode::Exclusive), SimVfs::new(2));
        fill(&store, "before", 31);
        store.backup_on(&on(&whole), &mut quiet).unwrap();
        fill(&store, "since", 37);
        let again = whole.copy();
        let begun = again.op_count();
        store.backup_on(&on(&again), &mut quiet).unwrap();
        let ops = again.op_count() - begun;
        for (step, mode) in (1..ops).step_by(16).zip([Mode::Exclusive, Mode::Shared].iter().cycle()) {
            let cut = whole.copy();
            cut.power_cut_at(cut.op_count() + step);
            let _ = store.backup_on(&on(&cut), &mut quiet);
            let restored = cut.crash(Policy::KeepAll);
            let copy = open(&restored, *mode);
            copy.drive("alice").unwrap().put("alone", &b"alone"[..], Put::new()).unwrap();
            copy.close().unwrap();
            // Once more, as who works in it alone and dies.
            let copy = open(&restored, Mode::Exclusive);
            copy.drive("alice").unwrap().put("at last", &b"at last"[..], Put::new()).unwrap();
            let found = restored.crash(Policy::KeepAll);
            let copy = open(&found, Mode::Exclusive);
            let drive = copy.drive("alice").unwrap();
            for path in ["alone", "at last", "before/59"] {
                assert!(drive.stat(path).is_ok(), "{path} is there after a cut at {step}");
            }
            assert_sound(&copy);
        }
    });
}
