//! A store that is moved is the same at the other end, whatever is written or killed meanwhile. The database is one
//! that the tests start, the objects are in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use object_store::memory::InMemory;

use crate::blobs::object::ObjectOptions;
use crate::engine::remote::{MigrationTarget, open_over};
use crate::kv::postgres::PostgresOptions;
use crate::kv::postgres::tests::server::{address, shared};
use crate::machine::lock;
use crate::store::maintenance::planted::{self, PlantedFault};
use crate::{CheckOptions, Error, ErrorKind, Kind, Mode, Options, Progress, Put, Request, Result, Store};

/// A directory's store and where it is moved to.
struct World {
    database: String,
    memory: Arc<InMemory>,
    dir: tempfile::TempDir,
}

fn options() -> Options {
    Options::new().grace(Duration::ZERO).segment_bytes(64 << 10).threshold(16 << 10).cache_bytes(1 << 20)
}

impl World {
    fn new() -> World {
        World { database: address(shared().port), memory: Arc::default(), dir: tempfile::tempdir().unwrap() }
    }

    fn home(&self) -> std::path::PathBuf {
        self.dir.path().join("store")
    }

    fn local(&self, mode: Mode) -> Store {
        Store::open(self.home(), options().mode(mode)).unwrap()
    }

    fn contents(&self, cache: &Path) -> ObjectOptions {
        ObjectOptions { memory: Some(self.memory.clone()), ..ObjectOptions::new("bucket", cache) }
    }

    fn migrate(&self, store: &Store, watch: &mut dyn FnMut(Progress) -> Result<()>) -> Result<()> {
        let uuid = store.engine().unwrap().uuid;
        let contents = self.contents(&self.dir.path().join("cache"));
        let to = MigrationTarget::over((&self.database, PostgresOptions::default()), contents, uuid)?;
        store.migrate_to(&to, watch).map(drop)
    }

    fn remote(&self) -> Result<Store> {
        static HOSTS: AtomicU64 = AtomicU64::new(0);
        let host = HOSTS.fetch_add(1, Ordering::Relaxed);
        let (database, contents) =
            (self.database.clone(), self.contents(&self.dir.path().join(host.to_string())));
        let open =
            move |options| open_over((&database, PostgresOptions::default()), contents.clone(), options);
        Store::open_by(1 << 62 | host, options(), open)
    }
}

fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

fn put(store: &Store, path: &str, seed: u64, len: usize) -> Result<()> {
    store.drive("alice")?.put(path, bytes(seed, len).as_slice(), Put::new()).map(drop)
}

fn fill(store: &Store, from: u64) {
    for n in from..from + 60 {
        put(store, &format!("dir{}/file{n}", n % 4), n, 3000 + usize::try_from(n).unwrap()).unwrap();
    }
    for n in from..from + 4 {
        put(store, &format!("large/{n}"), 5000 + n, 40_000).unwrap();
    }
    let drive = store.drive("alice").unwrap();
    drive.trash(&format!("dir1/file{}", from + 5 - (from + 5) % 4 + 1)).unwrap();
    drive.delete(&format!("dir2/file{}", from + 6 - (from + 6) % 4 + 2)).unwrap();
    drive.link(&format!("dir0/file{}", from + 4 - (from + 4) % 4)).unwrap();
    store.gc().unwrap();
}

/// Every version of every file with its content.
fn everything(store: &Store) -> BTreeMap<String, Vec<u8>> {
    let drive = store.drive("alice").unwrap();
    let (mut paths, mut found) = (Vec::new(), BTreeMap::new());
    let walked = drive.walk("", |path, row| {
        paths.extend((row.kind == Kind::File).then(|| path.to_owned()));
        Ok(true)
    });
    walked.unwrap();
    for path in paths {
        for version in drive.versions(&path, None, 100).unwrap() {
            let bytes = store.open_version(version.id).unwrap().to_vec(u64::MAX).unwrap();
            found.insert(format!("{path}@{}", version.id), bytes);
        }
    }
    for trashed in drive.list_trash(None, 100).unwrap() {
        found.insert(format!("trash:{}", trashed.path), Vec::new());
    }
    found
}

fn sound(store: &Store) {
    let report = store.check(CheckOptions::new().content(true)).unwrap();
    assert!(report.problems.is_empty() && report.damaged.is_empty(), "{:#?}", report.problems);
}

fn quiet(_: Progress) -> Result<()> {
    Ok(())
}

#[test]
fn a_store_that_was_moved_is_the_same_and_takes_no_writes_where_it_was() {
    for mode in [Mode::Shared, Mode::Exclusive] {
        let world = World::new();
        let store = world.local(mode);
        fill(&store, 0);
        let url = store.drive("alice").unwrap().url("dir0/file0").unwrap().sign().unwrap();
        let before = everything(&store);
        world.migrate(&store, &mut quiet).unwrap();
        let moved = world.remote().unwrap();
        assert_eq!(everything(&moved), before);
        sound(&moved);
        let reply = moved.serve(&Request::get(&url)).unwrap();
        assert_eq!((reply.status, reply.body.to_vec(1 << 20).unwrap()), (200, bytes(0, 3000)));
        assert_eq!(put(&store, "too late", 1, 10).unwrap_err().kind(), ErrorKind::ReadOnly);
        world.migrate(&store, &mut quiet).unwrap();
        store.close().unwrap();
        for mode in [mode, Mode::Shared, Mode::Exclusive] {
            let left = world.local(mode);
            assert_eq!(put(&left, "too late", 1, 10).unwrap_err().kind(), ErrorKind::ReadOnly);
            assert_eq!(everything(&left), before, "it can be read");
            left.close().unwrap();
        }
        // It is a store like any other.
        fill(&moved, 100);
        moved.drive("alice").unwrap().delete("dir3").unwrap();
        moved.gc().unwrap();
        sound(&moved);
        assert!(world.local(Mode::Shared).drive("alice").unwrap().stat("dir3/file3").is_ok());
    }
}

/// Moves a store that three threads write to until they are refused; returns what was acknowledged.
fn move_under_load(store: &Store, migrate: impl FnOnce(&Store)) -> BTreeSet<(String, u64)> {
    let (acknowledged, over) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false));
    thread::scope(|scope| {
        for thread in 0..3_u64 {
            let (store, acknowledged, over) = (store.clone(), &acknowledged, &over);
            scope.spawn(move || {
                for n in 0..100_000 {
                    let (path, seed) = (format!("load{thread}/{}", n % 300), thread << 32 | n);
                    let len = if n % 40 == 0 { 20_000 } else { 500 };
                    match put(&store, &format!("{path}-{n}"), seed, len) {
                        Ok(()) => drop(lock(acknowledged).insert((format!("{path}-{n}"), seed))),
                        Err(error) if error.kind() == ErrorKind::ReadOnly => return,
                        Err(error) => panic!("{error}"),
                    }
                    if n % 50 == 49 {
                        drop(store.drive("alice").unwrap().delete(&format!(
                            "load{thread}/{}-{}",
                            (n - 20) % 300,
                            n - 20
                        )));
                        lock(acknowledged).retain(|(path, _)| {
                            *path != format!("load{thread}/{}-{}", (n - 20) % 300, n - 20)
                        });
                    }
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        migrate(store);
        if planted::is_planted(PlantedFault::LeavesItOpen) {
            thread::sleep(Duration::from_millis(300));
            over.store(true, Ordering::Relaxed);
        }
    });
    acknowledged.into_inner().unwrap()
}

/// Returns what of this is not at the other end as it was put.
fn lost(moved: &Store, acknowledged: &BTreeSet<(String, u64)>) -> Vec<String> {
    let drive = moved.drive("alice").unwrap();
    let is_there = |path: &str, seed: u64| {
        let read = drive.open_file(path).and_then(|body| body.to_vec(1 << 20));
        read.is_ok_and(|read| read == bytes(seed, read.len()))
    };
    let lost = acknowledged.iter().filter(|(path, seed)| !is_there(path, *seed));
    lost.map(|(path, _)| path.clone()).collect()
}

#[test]
fn nothing_that_was_acknowledged_while_it_moved_is_lost() {
    let world = World::new();
    let store = world.local(Mode::Shared);
    fill(&store, 0);
    let acknowledged = move_under_load(&store, |store| world.migrate(store, &mut quiet).unwrap());
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    let moved = world.remote().unwrap();
    assert_eq!(lost(&moved, &acknowledged), Vec::<String>::new());
    assert_eq!(everything(&moved), everything(&store));
    sound(&moved);
}

#[test]
fn it_would_be_lost_without_the_log_and_without_its_end() {
    for fault in [PlantedFault::LeavesTheLog, PlantedFault::LeavesItOpen] {
        let world = World::new();
        let store = world.local(Mode::Shared);
        fill(&store, 0);
        let acknowledged = planted::with(fault, || {
            move_under_load(&store, |store| world.migrate(store, &mut quiet).unwrap())
        });
        assert!(!lost(&world.remote().unwrap(), &acknowledged).is_empty(), "{fault:?}");
    }
}

#[test]
fn a_move_that_is_killed_goes_on_and_is_no_store_until_it_is_whole() {
    let world = World::new();
    let store = world.local(Mode::Shared);
    fill(&store, 0);
    let mut kills = 0_u64;
    loop {
        put(&store, &format!("before kill {kills}"), kills, 2000).unwrap();
        if kills % 5 == 3 {
            store.drive("alice").unwrap().delete(&format!("before kill {}", kills - 2)).unwrap();
            store.gc().unwrap();
        }
        let mut steps = 0;
        let moved = world.migrate(&store, &mut |_| {
            steps += 1;
            if steps <= kills * 3 { Ok(()) } else { Err(Error::new(ErrorKind::Denied, "killed")) }
        });
        match moved {
            Ok(()) => break,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Denied, "{error}"),
        }
        assert_eq!(world.remote().map(drop).unwrap_err().kind(), ErrorKind::Locked, "kill {kills}");
        kills += 1;
    }
    assert!(kills > 5, "{kills}");
    let moved = world.remote().unwrap();
    assert_eq!(everything(&moved), everything(&store));
    sound(&moved);
}

#[test]
fn a_move_that_is_killed_between_the_two_ends_leaves_one_store() {
    let world = World::new();
    let store = world.local(Mode::Shared);
    fill(&store, 0);
    let killed = planted::with(PlantedFault::KilledBeforeArrival, || world.migrate(&store, &mut quiet));
    assert_eq!(killed.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(put(&store, "too late", 1, 10).unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(world.remote().map(drop).unwrap_err().kind(), ErrorKind::Locked);
    store.close().unwrap();
    let store = world.local(Mode::Shared);
    world.migrate(&store, &mut quiet).unwrap();
    assert_eq!(everything(&world.remote().unwrap()), everything(&store));
}

#[test]
fn no_other_store_is_moved_to_where_one_is() {
    let world = World::new();
    put(&world.remote().unwrap(), "there", 1, 10).unwrap();
    let store = world.local(Mode::Shared);
    fill(&store, 0);
    assert_eq!(world.migrate(&store, &mut quiet).unwrap_err().kind(), ErrorKind::Exists);
    put(&store, "still written to", 1, 10).unwrap();
}

impl World {
    fn back(&self) -> std::path::PathBuf {
        self.dir.path().join("back")
    }

    fn opened_back(&self) -> Store {
        Store::open(self.back(), options().create(false)).unwrap()
    }
}

fn back(store: &Store, dir: &Path, watch: &mut dyn FnMut(Progress) -> Result<()>) -> Result<()> {
    store.migrate(dir.to_str().unwrap(), watch).map(drop)
}

#[test]
fn a_store_that_was_moved_there_and_back_is_the_same_and_can_do_without_its_index() {
    let world = World::new();
    let store = world.local(Mode::Shared);
    fill(&store, 0);
    world.migrate(&store, &mut quiet).unwrap();
    let (moved, other) = (world.remote().unwrap(), world.remote().unwrap());
    fill(&moved, 100);
    moved.drive("alice").unwrap().delete("dir3").unwrap();
    moved.gc().unwrap();
    let before = everything(&moved);
    back(&moved, &world.back(), &mut quiet).unwrap();
    for host in [&moved, &other, &world.remote().unwrap()] {
        assert_eq!(put(host, "too late", 1, 10).unwrap_err().kind(), ErrorKind::ReadOnly);
        assert_eq!(everything(host), before, "it can be read");
    }
    let back = world.opened_back();
    assert_eq!(everything(&back), before);
    sound(&back);
    fill(&back, 200);
    let after = everything(&back);
    back.close().unwrap();
    let rebuilt = Store::rebuild(world.back(), &options()).unwrap();
    assert!(rebuilt.problems.is_empty(), "{:?}", rebuilt.problems);
    let back = world.opened_back();
    assert_eq!(everything(&back), after);
    back.gc().unwrap();
    sound(&back);
    assert_eq!(everything(&back), after);
}

#[test]
fn nothing_that_was_acknowledged_while_it_moved_back_is_lost() {
    let world = World::new();
    let store = world.remote().unwrap();
    fill(&store, 0);
    let acknowledged = move_under_load(&store, |store| {
        thread::sleep(Duration::from_millis(300));
        back(store, &world.back(), &mut quiet).unwrap();
    });
    assert!(acknowledged.len() > 5, "{}", acknowledged.len());
    let moved = world.opened_back();
    assert_eq!(lost(&moved, &acknowledged), Vec::<String>::new());
    assert_eq!(everything(&moved), everything(&store));

    let world = World::new();
    let store = world.remote().unwrap();
    fill(&store, 0);
    let acknowledged = planted::with(PlantedFault::LeavesItOpen, || {
        move_under_load(&store, |store| back(store, &world.back(), &mut quiet).unwrap())
    });
    assert!(!lost(&world.opened_back(), &acknowledged).is_empty(), "it would be lost");
}

#[test]
fn a_move_back_that_is_killed_goes_on() {
    let world = World::new();
    let store = world.remote().unwrap();
    fill(&store, 0);
    let mut kills = 0_u64;
    loop {
        let mut steps = 0;
        let moved = back(&store, &world.back(), &mut |_| {
            steps += 1;
            if steps <= kills * 4 { Ok(()) } else { Err(Error::new(ErrorKind::Denied, "killed")) }
        });
        match moved {
            Ok(()) => break,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Denied, "{error}"),
        }
        assert!(!world.back().exists());
        kills += 1;
    }
    assert!(kills > 5, "{kills}");
    let moved = world.opened_back();
    assert_eq!(everything(&moved), everything(&store));
    sound(&moved);
}
