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

/// A disk that calls somebody when a directory was synced, and may say that it takes no writes.
struct Watched {
    disk: SimVfs,
    synced: Mutex<Option<Synced>>,
    read_only: bool,
}

impl Watched {
    fn new(disk: &SimVfs, read_only: bool) -> Watched {
        Watched { disk: disk.clone(), synced: Mutex::default(), read_only }
    }
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

    fn is_read_only(&self) -> std::io::Result<bool> {
        Ok(self.read_only)
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

/// How many operations a backup into a copy takes.
fn ops_of_backup(store: &Store, copy: &SimVfs) -> u64 {
    let begun = copy.op_count();
    store.backup_on(&on(copy), &mut quiet).unwrap();
    copy.op_count() - begun
}

/// Returns a copy as it is after the power was lost at a step of a backup into it.
fn cut(store: &Store, whole: &SimVfs, step: u64) -> SimVfs {
    let cut = whole.copy();
    cut.power_cut_at(cut.op_count() + step);
    let _ = store.backup_on(&on(&cut), &mut quiet);
    cut.crash(Policy::KeepAll)
}

/// Works in copies that backups were cut off in, the last time as who works in one alone and dies: what was
/// in it and what was put is there.
fn work_after_cuts(store: &Store, whole: &SimVfs, steps: impl Iterator<Item = u64>, before: &str) {
    for (step, mode) in steps.zip([Mode::Exclusive, Mode::Shared].iter().cycle()) {
        let restored = cut(store, whole, step);
        let copy = open(&restored, *mode);
        copy.drive("alice").unwrap().put("alone", &b"alone"[..], Put::new()).unwrap();
        copy.close().unwrap();
        let copy = open(&restored, Mode::Exclusive);
        copy.drive("alice").unwrap().put("at last", &b"at last"[..], Put::new()).unwrap();
        let copy = open(&restored.crash(Policy::KeepAll), Mode::Exclusive);
        let drive = copy.drive("alice").unwrap();
        for path in ["alone", "at last", before] {
            assert!(drive.stat(path).is_ok(), "{path} is there after a cut at {step}");
        }
        assert_sound(&copy);
    }
}

/// The compaction has removed the files of segments, and not their rows yet.
#[test]
fn a_backup_beside_a_compaction_leaves_nothing_of_what_is_gone() {
    finds(Mutant::StaleSegmentsStay, || {
        let (disk, target) = (SimVfs::new(1), SimVfs::new(2));
        let watched = Arc::new(Watched::new(&disk, false));
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
        let ops = ops_of_backup(&store, &again);
        // Most of it is looking which files are there; the log comes behind that, and then the rows.
        // A segment takes its place, or is made longer.
        let is_log = |op: &String| op.starts_with("rename spool/backup") || op.starts_with("sync data seg/");
        let log = again.ops().iter().rposition(is_log).unwrap() as u64;
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
        let ops = ops_of_backup(&store, &whole.copy());
        work_after_cuts(&store, &whole, (1..ops).step_by(16), "before/59");
    });
}

/// A store in which two wrote beside each other, a copy of it from before what they wrote last, and how many
/// operations the next backup into that takes.
fn copy_to_be_renewed() -> (Store, SimVfs, u64) {
    let (disk, whole) = (SimVfs::new(1), SimVfs::new(2));
    let two = [open(&disk, Mode::Shared), open(&disk, Mode::Shared)];
    let write = |folder: &str| {
        for (n, store) in two.iter().cycle().take(6).enumerate() {
            let content = n.to_le_bytes().repeat(100);
            store.drive("alice").unwrap().put(&format!("{folder}/{n}"), &content[..], Put::new()).unwrap();
        }
    };
    write("before");
    two[0].backup_on(&on(&whole), &mut quiet).unwrap();
    write("since");
    let ops = ops_of_backup(&two[0], &whole.copy());
    (two[0].clone(), whole, ops)
}

#[test]
fn a_copy_that_was_read_has_nothing_of_a_cut_backup_behind_its_segments() {
    finds(Mutant::ForeignTailsStay, || {
        let (store, whole, ops) = copy_to_be_renewed();
        // Closes one of the segments that the backup is going to make longer.
        open(&whole, Mode::Exclusive).close().unwrap();
        work_after_cuts(&store, &whole, (1..ops).step_by(9), "before/5");
    });
}

#[test]
fn a_copy_that_a_process_wrote_to_and_died_is_not_written_over() {
    finds(Mutant::CopyTurnsUnsynced, || {
        let (store, whole, _) = copy_to_be_renewed();
        let copy = open(&whole, Mode::Exclusive);
        copy.drive("alice").unwrap().put("own", &b"own"[..], Put::new()).unwrap();
        let died = whole.crash(Policy::LoseAll);
        let refused = store.backup_on(&on(&died), &mut quiet).expect_err("the copy was written to");
        assert!(refused.to_string().contains("was written to"), "{refused}");
        let copy = open(&died, Mode::Exclusive);
        assert!(copy.drive("alice").unwrap().stat("own").is_ok());
        assert_sound(&copy);
    });
}

#[test]
fn a_read_only_copy_shows_nothing_of_a_backup_that_was_cut_off() {
    finds(Mutant::CopiesAreReplayed, || {
        let (store, whole, ops) = copy_to_be_renewed();
        // A session that died having read alone: its mark stays.
        let read = open(&whole, Mode::Exclusive);
        let whole = whole.crash(Policy::KeepAll);
        drop(read);
        for step in (1..ops).step_by(9) {
            let watched = Watched::new(&cut(&store, &whole, step), true);
            let copy = Store::open_on(Arc::new(watched), Options::new().mode(Mode::Exclusive))
                .unwrap_or_else(|error| panic!("after a cut at {step}: {error}"));
            let drive = copy.drive("alice").unwrap();
            assert!(drive.stat("before/5").is_ok());
            let seen = (0..6).filter(|n| drive.stat(&format!("since/{n}")).is_ok()).count();
            assert!([0, 6].contains(&seen), "{seen} of six files after a cut at {step}");
        }
    });
}

/// What a cut backup has put behind the end of a copy's segment may be there as far as the next one goes, and
/// not as it was written.
#[test]
fn a_backup_goes_on_behind_what_a_copy_is_known_to_have_of_a_segment() {
    finds(Mutant::CutCopiesAreTrusted, || {
        let (store, whole, ops) = copy_to_be_renewed();
        for step in 1..ops {
            let torn = whole.copy();
            torn.power_cut_at(torn.op_count() + step);
            let _ = store.backup_on(&on(&torn), &mut quiet);
            for policy in Policy::ALL {
                let copy = torn.crash(policy);
                store.backup_on(&on(&copy), &mut quiet).unwrap();
                let copy = open(&copy, Mode::Exclusive);
                assert!(copy.drive("alice").unwrap().stat("since/5").is_ok());
                assert_sound(&copy);
            }
        }
    });
}

#[test]
fn a_backup_copies_of_a_segment_what_is_new() {
    let (store, copy) = (open(&SimVfs::new(1), Mode::Exclusive), SimVfs::new(2));
    let drive = store.drive("alice").unwrap();
    drive.put("before", &[1; 10_000][..], Put::new()).unwrap();
    let first = store.backup_on(&on(&copy), &mut quiet).unwrap();
    drive.put("since", &[2; 100][..], Put::new()).unwrap();
    let again = store.backup_on(&on(&copy), &mut quiet).unwrap();
    assert_eq!((first.shared, again.shared), (0, first.copied));
    assert!(again.copied < 3000, "{} bytes", again.copied);
    let third = store.backup_on(&on(&copy), &mut quiet).unwrap();
    assert_eq!((third.copied, third.shared), (0, again.copied + again.shared));
    assert_sound(&open(&copy, Mode::Exclusive));
}
