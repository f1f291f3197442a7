//! Opening beside everything else that a process does: closing, other openings, forks, and many
//! stores at once.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use holdall::mutant::{Mutant, plant};
use holdall::{ErrorKind, Mode, Options, Put, Store};

use crate::processes::{fork, open, run};

/// After this long something hangs.
const HANG: Duration = Duration::from_secs(60);

/// Opens and closes a store in two threads at once, over and over; returns the errors of openings.
fn beside_the_close(dir: &Path, rounds: u32, close: fn(Store)) -> Vec<String> {
    let mut errors = Vec::new();
    let mut store = open(dir, Mode::Exclusive).unwrap();
    for round in 0..rounds {
        let drive = store.drive("alice").unwrap();
        drive.put(&format!("f{round}"), &b"content"[..], Put::new()).unwrap();
        drop(drive);
        let (begun, begin) = mpsc::channel();
        let closing = std::thread::spawn(move || {
            begun.send(()).unwrap();
            close(store);
        });
        begin.recv().unwrap();
        // At the same time, a little later, and later still.
        std::thread::sleep(Duration::from_micros(u64::from(round % 10) * 100));
        let opened = open(dir, Mode::Exclusive);
        closing.join().unwrap();
        store = opened.unwrap_or_else(|error| {
            errors.push(error.to_string());
            open(dir, Mode::Exclusive).unwrap()
        });
        store.drive("alice").unwrap().stat(&format!("f{round}")).unwrap();
    }
    errors
}

#[test]
fn an_opening_beside_the_last_close_waits_for_it() {
    for close in [drop::<Store>, |store: Store| store.release().unwrap()] {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(beside_the_close(dir.path(), 60, close), [] as [&str; 0]);
    }
}

/// In a process of its own, as a planted fault is planted for a whole process.
pub(crate) fn beside_the_close_planted(dir: &Path) {
    plant(Mutant::OpenBesideClose);
    let errors = beside_the_close(dir, 200, drop);
    assert!(!errors.is_empty(), "the planted fault was not found");
    assert!(errors.iter().all(|error| error.contains("open in another")), "{errors:?}");
}

#[test]
fn control_without_that_wait_the_opening_fails() {
    let dir = tempfile::tempdir().unwrap();
    run(&["plant-beside-close", dir.path().to_str().unwrap()]);
}

#[test]
fn a_mode_is_changed_by_a_close_in_another_thread() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), Mode::Shared).unwrap();
    for mode in [Mode::Exclusive, Mode::Shared].into_iter().cycle().take(20) {
        let error = open(dir.path(), mode).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.to_string().contains("this process"), "{error}");
        let closing = std::thread::spawn(move || drop(store));
        let begun = Instant::now();
        store = loop {
            match open(dir.path(), mode) {
                Ok(store) => break store,
                // The other thread has not begun yet.
                Err(error) if error.to_string().contains("this process has the store open") => {
                    assert!(begun.elapsed() < HANG);
                }
                Err(error) => panic!("{error}"),
            }
        };
        closing.join().unwrap();
    }
}

#[test]
fn an_opening_that_ended_frees_the_store_for_the_others_and_leaves_them_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(dir.path(), Mode::Exclusive).unwrap(), open(dir.path(), Mode::Exclusive).unwrap());
    let clone = one.clone();
    one.release().unwrap();
    one.release().unwrap();
    assert_eq!(clone.drive("alice").unwrap_err().kind(), ErrorKind::InvalidArgument);
    two.drive("alice").unwrap().put("f", &b"f"[..], Put::new()).unwrap();
    two.release().unwrap();
    open(dir.path(), Mode::Shared).unwrap().drive("alice").unwrap().stat("f").unwrap();
}

/// Makes a store and holds it as one that another process is opening.
fn held(dir: &Path) -> File {
    open(dir, Mode::Shared).unwrap().close().unwrap();
    let lock = File::options().read(true).write(true).open(dir.join("LOCK")).unwrap();
    lock.lock().unwrap();
    lock
}

#[test]
fn opening_one_store_does_not_wait_for_another() {
    let (slow, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lock = held(slow.path());
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| Store::open(slow.path(), Options::new().lock_timeout(HANG)).map(drop));
        // It says nothing of when it begins to wait; after this long it does.
        std::thread::sleep(Duration::from_millis(100));
        let (opened, open_other) = mpsc::channel();
        let path = other.path();
        scope.spawn(move || opened.send(open(path, Mode::Shared).map(drop)));
        let result = open_other.recv_timeout(HANG / 2);
        let still_waits = !waits.is_finished();
        drop(lock);
        result.expect("the opening of another store waits").unwrap();
        assert!(still_waits);
        waits.join().unwrap().unwrap();
    });
}

/// Forks while another thread is in the middle of an opening; the child opens all the same.
pub(crate) fn fork_opening(dir: &Path) {
    let (slow, other) = (dir.join("slow"), dir.join("other"));
    std::fs::create_dir(&slow).unwrap();
    let lock = held(&slow);
    let inherited = open(&other, Mode::Exclusive).unwrap();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| Store::open(&slow, Options::new().lock_timeout(HANG)).map(drop));
        std::thread::sleep(Duration::from_millis(100));
        let child = fork(|| {
            // Also what its parent opened, and twice: it is one store in the child too.
            let refused = open(&other, Mode::Exclusive).unwrap_err();
            refused.kind() == ErrorKind::Locked
                && open(&dir.join("third"), Mode::Shared).is_ok()
                && inherited.drive("alice").is_err_and(|error| error.kind() == ErrorKind::Locked)
        });
        let ended = ends_well(child);
        drop(lock);
        assert!(ended, "the child of a process that was opening a store hangs, or failed");
        waits.join().unwrap().unwrap();
        inherited.close().unwrap();
        let child = fork(|| {
            let anew = open(&other, Mode::Exclusive).unwrap();
            let twice = open(&other, Mode::Exclusive).unwrap();
            anew.drive("alice").is_ok() && twice.drive("alice").is_ok() && inherited.drive("alice").is_err()
        });
        assert!(ends_well(child));
    });
    let shared = open(&dir.join("third"), Mode::Shared).unwrap();
    let drive = shared.drive("alice").unwrap();
    let child = fork(|| {
        // What was inherited and what is opened anew are one session, in whatever order.
        let anew = open(&dir.join("third"), Mode::Shared).unwrap();
        drive.put("child", &b"child"[..], Put::new()).unwrap();
        anew.close().unwrap();
        drive.stat("child").is_err()
    });
    assert!(ends_well(child));
    drive.stat("child").unwrap();
}

/// Waits for a child; whether it ended well. One that hangs is killed.
fn ends_well(child: libc::pid_t) -> bool {
    let begun = Instant::now();
    loop {
        let mut status = 0;
        // SAFETY: `child` is a child of this process that was not waited for yet.
        let ended = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
        if ended == child {
            return libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
        }
        if begun.elapsed() > HANG / 2 {
            // SAFETY: as above; it is killed and waited for, once.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &raw mut status, 0);
            }
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn p1_a_child_forked_beside_an_opening_opens_too() {
    let dir = tempfile::tempdir().unwrap();
    run(&["fork-opening", dir.path().to_str().unwrap()]);
}

/// From its start until it runs its program, a child has what its parent had locked. No handler sees that: the
/// standard library starts programs by `posix_spawn`.
#[test]
fn programs_started_beside_closes_and_openings_are_in_nobody_s_way() {
    let dir = tempfile::tempdir().unwrap();
    let goes_on = AtomicBool::new(true);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while goes_on.load(Ordering::Relaxed) {
                    assert!(std::process::Command::new("true").status().unwrap().success());
                }
            });
        }
        let opened = std::panic::catch_unwind(|| {
            for number in 0..150_u32 {
                let store = open(dir.path(), Mode::Exclusive).unwrap();
                store.drive("alice").unwrap().put("f", &number.to_le_bytes()[..], Put::new()).unwrap();
                store.close().unwrap();
            }
        });
        goes_on.store(false, Ordering::Relaxed);
        opened.unwrap();
    });
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn a_process_has_eighty_stores_open_and_writes_them_all() {
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("first");
    // Copied, as to make one takes hundreds of syncs.
    open(&first, Mode::Shared).unwrap().close().unwrap();
    let options = Options::new().cache_bytes(1 << 20).create(false);
    let open = |number: u32| {
        let path = dir.path().join(number.to_string());
        copy(&first, &path);
        Store::open(path, options.clone()).unwrap()
    };
    let stores: Vec<Store> = (0..80).map(open).collect();
    for store in &stores {
        store.drive("alice").unwrap().put("f", &b"f"[..], Put::new()).unwrap();
    }
}
