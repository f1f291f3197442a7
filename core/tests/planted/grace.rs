//! How long deleted content stays.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdall::machine::{Machine, run_on};
use holdall::mutant::Mutant;
use holdall::{ArchiveInfo, Options, Put, Store};

use crate::{finds, get};

const HOUR: Duration = Duration::from_secs(3600);

fn open(dir: &Path, grace: Duration) -> Store {
    Store::open(dir, Options::new().threshold(4 << 10).grace(grace)).unwrap()
}

fn put(store: &Store) {
    store.drive("alice").unwrap().put("a", &[7; 10_000][..], Put::new()).unwrap();
}

fn archive(store: &Store, lifetime: Duration) -> ArchiveInfo {
    store.drive("alice").unwrap().archive(["a"]).unwrap().expires_in(lifetime).create().unwrap()
}

/// Collects, and reads what an archive holds.
fn assert_there(store: &Store, archive: &ArchiveInfo) {
    assert_eq!(store.gc().unwrap().blobs, 0);
    let read = store.open_archive(archive.id).unwrap().to_vec(1 << 20).unwrap();
    assert_eq!(u64::try_from(read.len()).unwrap(), archive.len);
}

#[test]
fn a_shorter_grace_breaks_no_archive_that_was_made_under_a_longer_one() {
    finds(Mutant::GraceOfTheProcess, || {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), HOUR);
        put(&store);
        let archive = archive(&store, HOUR);
        drop(store);
        let store = open(dir.path(), Duration::ZERO);
        store.drive("alice").unwrap().delete("a").unwrap();
        assert_there(&store, &archive);
    });
}

/// A machine whose clock stands still but where it is set, and on which something may happen while
/// whoever asked for the time goes on.
struct Clock {
    micros: AtomicU64,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    random: AtomicU64,
}

impl Clock {
    fn go_on(&self, duration: Duration) {
        self.micros.fetch_add(u64::try_from(duration.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Machine for Clock {
    fn clock(&self) -> u64 {
        let now = self.micros.load(Ordering::SeqCst);
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        now
    }

    fn uptime(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::SeqCst))
    }

    fn pause(&self, duration: Duration) {
        self.go_on(duration);
    }

    fn fill_random(&self, out: &mut [u8]) {
        let seed = self.random.fetch_add(1, Ordering::SeqCst);
        blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(out);
    }

    fn process(&self) -> u64 {
        1 << 40
    }
}

fn clock() -> Arc<Clock> {
    Arc::new(Clock {
        micros: AtomicU64::new(1_700_000_000_000_000),
        meanwhile: Mutex::default(),
        random: AtomicU64::default(),
    })
}

#[test]
fn a_url_that_is_used_up_stays_so_when_its_row_was_collected_and_the_clock_is_set_back() {
    finds(Mutant::SweptUsesReturn, || {
        let dir = tempfile::tempdir().unwrap();
        let clock = clock();
        let _running = run_on(clock.clone());
        let store = open(dir.path(), HOUR);
        put(&store);
        let drive = store.drive("alice").unwrap();
        let url = drive.url("a").unwrap().max_requests(1).expires_in(HOUR).sign().unwrap();
        assert_eq!(get(&store, &url, &[]).status, 200);
        assert_eq!(get(&store, &url, &[]).status, 410);
        clock.go_on(2 * HOUR);
        store.gc().unwrap();
        clock.micros.fetch_sub(u64::try_from((2 * HOUR).as_micros()).unwrap(), Ordering::SeqCst);
        assert_ne!(get(&store, &url, &[]).status, 200);
    });
}

#[test]
fn the_grace_counts_from_the_change_that_was_written_however_long_it_waited() {
    finds(Mutant::GraceFromTheCall, || {
        let dir = tempfile::tempdir().unwrap();
        let clock = clock();
        let _running = run_on(clock.clone());
        let store = open(dir.path(), HOUR);
        put(&store);
        let made = Arc::new(Mutex::new(None));
        // The deletion waits for 50 minutes, and an archive is made of what is still there.
        let (slow, theirs, makes) = (clock.clone(), store.clone(), made.clone());
        *clock.meanwhile.lock().unwrap() = Some(Box::new(move || {
            slow.go_on(Duration::from_secs(50 * 60));
            *makes.lock().unwrap() = Some(archive(&theirs, HOUR));
        }));
        store.drive("alice").unwrap().delete("a").unwrap();
        let archive = made.lock().unwrap().take().unwrap();
        clock.go_on(Duration::from_secs(59 * 60));
        assert_there(&store, &archive);
        clock.go_on(Duration::from_secs(10 * 60));
        assert_eq!(store.gc().unwrap().blobs, 1);
    });
}
