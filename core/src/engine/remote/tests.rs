//! Stores in a database that the tests start, with their objects in the memory of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use object_store::memory::InMemory;

use super::*;
use crate::kv::postgres::tests::proxy::Proxy;
use crate::kv::postgres::tests::server::{address, shared, through};
use crate::{CheckOptions, Put, Request, Store};

mod anew;

const THRESHOLD: usize = 16 << 10;

/// A store that several hosts have open, each with connections and a cache of its own.
struct World {
    database: String,
    memory: Arc<InMemory>,
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        World { database: address(shared().port), memory: Arc::default(), dir: tempfile::tempdir().unwrap() }
    }

    /// Opens the store as another host does that reaches the database through `port`.
    fn open_through(&self, port: u16, staleness: Duration) -> Store {
        self.open_with(port, stale(staleness))
    }

    fn open_with(&self, port: u16, postgres: PostgresOptions) -> Store {
        static HOSTS: AtomicU64 = AtomicU64::new(0);
        let host = HOSTS.fetch_add(1, Ordering::Relaxed);
        let database = through(&self.database, port);
        let (memory, cache) = (self.memory.clone(), self.dir.path().join(host.to_string()));
        let open = move |options| {
            let contents =
                ObjectOptions { memory: Some(memory.clone()), ..ObjectOptions::new("bucket", &cache) };
            open_over((&database, postgres), contents, options)
        };
        let options = Options::new().threshold(THRESHOLD).grace(Duration::ZERO);
        Store::open_by(1 << 63 | host, options, open).unwrap()
    }

    fn open(&self) -> Store {
        self.open_through(shared().port, Duration::ZERO)
    }
}

fn stale(staleness: Duration) -> PostgresOptions {
    PostgresOptions { staleness, ..PostgresOptions::default() }
}

fn bytes(seed: u8, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut out);
    out
}

fn read(store: &Store, path: &str) -> Vec<u8> {
    let body = store.drive("alice").unwrap().open_file(path).unwrap();
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut body.reader(), &mut out).unwrap();
    out
}

fn put(store: &Store, path: &str, content: Vec<u8>) {
    store.drive("alice").unwrap().put(path, content.as_slice(), Put::new()).unwrap();
}

fn sound(store: &Store) {
    for content in [false, true] {
        let report = store.check(CheckOptions::new().content(content)).unwrap();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}

#[test]
fn what_one_host_puts_another_reads_and_serves() {
    let world = World::new();
    let (one, other) = (world.open(), world.open());
    for (seed, len) in [(1, 0), (2, 1), (3, 5000), (4, THRESHOLD), (5, 100_000)] {
        let (path, content) = (format!("a/b/{len}"), bytes(seed, len));
        put(&one, &path, content.clone());
        assert_eq!(read(&other, &path), content, "{path}");
        let url = other.drive("alice").unwrap().url(&path).unwrap().sign().unwrap();
        for store in [&one, &other] {
            let reply = store.serve(&Request::get(&url)).unwrap();
            assert_eq!((reply.status, reply.body.len()), (200, len as u64));
        }
    }
    assert_eq!(one.stats().unwrap().files, 5);
    one.close().unwrap();
    other.close().unwrap();
    let again = world.open();
    assert_eq!(read(&again, "a/b/5000"), bytes(3, 5000));
    sound(&again);
}

#[test]
fn hosts_that_write_at_once_lose_nothing() {
    let world = World::new();
    let stores: Vec<Store> = (0..4).map(|_| world.open()).collect();
    thread::scope(|scope| {
        for (host, store) in (0_u8..).zip(&stores) {
            scope.spawn(move || {
                for number in 0..8 {
                    put(store, &format!("all/{host}-{number}"), bytes(host * 8 + number, 300));
                    put(store, "all/same", bytes(host * 8 + number, 301));
                }
            });
        }
    });
    let last = world.open();
    let drive = last.drive("alice").unwrap();
    assert_eq!(drive.versions("all/same", None, 100).unwrap().len(), 32);
    for host in 0..4_u8 {
        for number in 0..8 {
            assert_eq!(read(&last, &format!("all/{host}-{number}")), bytes(host * 8 + number, 300));
        }
    }
    sound(&last);
}

#[test]
fn what_is_deleted_is_collected_and_its_segments_are_compacted() {
    let world = World::new();
    let store = world.open();
    let drive = store.drive("alice").unwrap();
    drive.put_many((0..10_u8).map(|n| (format!("f/{n}"), bytes(n, 3000).into())), &Put::new()).unwrap();
    put(&store, "large", bytes(99, 100_000));
    let before = objects(&world);
    for n in 0..8 {
        drive.delete(&format!("f/{n}")).unwrap();
    }
    drive.delete("large").unwrap();
    let report = store.gc().unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!((report.blobs, report.compaction.segments, report.compaction.blobs), (9, 1, 2));
    // One of a large content is gone, and one of small ones is another.
    assert_eq!(objects(&world), before - 1);
    for n in 8..10 {
        assert_eq!(read(&store, &format!("f/{n}")), bytes(n, 3000));
    }
    sound(&store);
}

fn objects(world: &World) -> usize {
    use futures_util::TryStreamExt as _;
    use object_store::ObjectStore as _;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(world.memory.list(None).try_collect::<Vec<_>>()).unwrap().len()
}

/// A process writes an object and is held up for so long that it is swept: its commit is refused.
#[test]
fn nothing_refers_to_an_object_that_was_swept() {
    let world = World::new();
    let store = world.open();
    let engine = store.engine().unwrap();
    let (blob, number) = (crate::id::BlobId(77), 500_000);
    let swept = engine.write(move |change| object::sweep_contents(change, &[blob.0])).unwrap();
    assert_eq!(swept, [false]);
    let swept = engine.write(move |change| object::sweep_segments(change, &[u64::from(number)])).unwrap();
    assert_eq!(swept, [false]);
    let kv = PostgresKv::open(&world.database, PostgresOptions::default()).unwrap();
    let mut tx = kv.writer().unwrap();
    object::expect_content(&mut tx, blob).unwrap();
    crate::kv::Write::put(&mut tx, crate::catalog::table::META, b"late", b"").unwrap();
    assert_eq!(kv.commit(tx, Commit::Synced).unwrap_err().kind(), ErrorKind::Locked);
    let mut tx = kv.writer().unwrap();
    object::insert_segment(&mut tx, number, (200, 100)).unwrap();
    assert_eq!(kv.commit(tx, Commit::Synced).unwrap_err().kind(), ErrorKind::Locked);
    // The control: one that was not swept.
    let mut tx = kv.writer().unwrap();
    object::expect_content(&mut tx, crate::id::BlobId(78)).unwrap();
    object::insert_segment(&mut tx, number + 1, (200, 100)).unwrap();
    kv.commit(tx, Commit::Synced).unwrap();
}

#[test]
fn what_only_a_directory_can_do_is_refused() {
    let world = World::new();
    let store = world.open();
    let target = tempfile::tempdir().unwrap();
    let refused = store.backup(target.path(), &mut |_| Ok(())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    let exclusive = open_over(
        (&world.database, PostgresOptions::default()),
        ObjectOptions { memory: Some(world.memory.clone()), ..ObjectOptions::new("bucket", target.path()) },
        Options::new().mode(Mode::Exclusive),
    );
    assert_eq!(exclusive.map(drop).unwrap_err().kind(), ErrorKind::Unsupported);
}

/// What is done, and how many round trips to the database it takes at most: when nothing is cached, and again
/// within the staleness. Those to the object storage come on top: one for a put, and for a read of what is not in
/// the local cache.
const TRIPS: [(&str, u64, u64); 7] = [
    ("a small put", 2, 2),
    ("a large put", 2, 2),
    ("opening a file by its path", 1, 0),
    ("serving a URL", 1, 0),
    ("serving a URL of a file", 1, 0),
    ("serving a direct link", 1, 0),
    ("a page of a listing", 1, 0),
];

fn work(store: &Store, what: &str, url: &str, round: u8) {
    let drive = store.drive("alice").unwrap();
    match what {
        "a small put" => {
            drop(drive.put(&format!("d/e/new-{round}"), bytes(round, 100).as_slice(), Put::new()).unwrap())
        }
        "a large put" => {
            drop(
                drive.put(&format!("d/e/new-{round}"), bytes(round, 50_000).as_slice(), Put::new()).unwrap(),
            );
        }
        "opening a file by its path" => drop(drive.open_file("d/e/file").unwrap()),
        "serving a URL" | "serving a URL of a file" | "serving a direct link" => {
            assert_eq!(store.serve(&Request::get(url)).unwrap().status, 200)
        }
        _ => assert_eq!(drive.list("d/e", None, 100).unwrap().len(), 50),
    }
}

/// Counts the trips of each call of the table: with nothing cached, and again.
fn counted(one_by_one: bool) -> Vec<(&'static str, u64, u64)> {
    let counted_in_time = |(what, ..): (&'static str, u64, u64)| {
        let world = World::new();
        let filler = world.open();
        for number in 0..49 {
            put(&filler, &format!("d/e/{number:02}"), bytes(7, 10));
        }
        put(&filler, "d/e/file", bytes(8, 1000));
        let drive = filler.drive("alice").unwrap();
        let url = match what {
            "serving a direct link" => filler.link_url(&drive.link("d/e/file").unwrap()).unwrap(),
            "serving a URL of a file" => {
                filler.url_of_file(drive.stat("d/e/file").unwrap().id).sign().unwrap()
            }
            _ => drive.url("d/e/file").unwrap().sign().unwrap(),
        };
        let proxy = Proxy::before(shared().port);
        let options = PostgresOptions { one_by_one, ..stale(Duration::from_millis(1500)) };
        let store = world.open_with(proxy.port, options);
        // Ids are reserved, the drive's name is known, and what was read for that is too old.
        put(&store, "other", bytes(9, 10));
        thread::sleep(Duration::from_secs(2));
        let begun = Instant::now();
        let (first, ()) = proxy.trips(|| work(&store, what, &url, 100));
        let (again, ()) = proxy.trips(|| work(&store, what, &url, 101));
        // A second after the first count, a call writes down what was counted.
        (begun.elapsed() < Duration::from_secs(1)).then_some((what, first, again))
    };
    let count = |row| loop {
        if let Some(counted) = counted_in_time(row) {
            break counted;
        }
    };
    TRIPS.into_iter().map(count).collect()
}

#[test]
fn the_table_of_round_trips_is_kept() {
    assert_eq!(counted(false), TRIPS);
}

/// The control: where rows are read one after the other, the table is not kept.
#[test]
fn rows_that_are_read_one_after_the_other_take_more_trips() {
    for ((what, first, _), (_, limit, _)) in counted(true).into_iter().zip(TRIPS) {
        assert!(first > limit, "{what}: {first} trips");
    }
}

/// The object of small contents is on its way before the database has answered: a put waits for two trips, one after
/// the other.
#[test]
fn the_object_of_a_small_put_does_not_wait_for_the_database() {
    for one_by_one in [false, true] {
        let world = World::new();
        let proxy = Proxy::before(shared().port);
        let options = PostgresOptions { one_by_one, ..stale(Duration::from_millis(100)) };
        let store = world.open_with(proxy.port, options);
        put(&store, "other", bytes(9, 10));
        thread::sleep(Duration::from_millis(300));
        let before = objects(&world);
        thread::scope(|scope| {
            proxy.holding(|| {
                scope.spawn(|| put(&store, "new", bytes(10, 10)));
                let is_there = || objects(&world) > before;
                let limit = if one_by_one { 20 } else { 1000 };
                let came = (0..limit).any(|_| {
                    thread::sleep(Duration::from_millis(20));
                    is_there()
                });
                // One by one it waits: the control.
                assert_eq!(came, !one_by_one);
            });
        });
        assert_eq!(read(&store, "new"), bytes(10, 10));
        assert_eq!(objects(&world), before + 1);
    }
}

/// What was written while the database was asked, and that it then has already, is removed; so is what was written
/// for a put that is refused.
#[test]
fn an_object_that_was_written_for_nothing_is_removed() {
    let world = World::new();
    let store = world.open();
    put(&store, "one", bytes(1, 100));
    let before = objects(&world);
    put(&store, "two", bytes(1, 100));
    let drive = store.drive("alice").unwrap();
    let refused = drive.put("one/below", bytes(2, 100).as_slice(), Put::new()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Exists);
    drive
        .put_many(
            [("x".to_owned(), bytes(1, 100).into()), ("y".to_owned(), bytes(3, 100).into())],
            &Put::new(),
        )
        .unwrap();
    for _ in 0..500 {
        if objects(&world) == before + 1 {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(objects(&world), before + 1);
    for (path, seed) in [("one", 1), ("two", 1), ("x", 1), ("y", 3)] {
        assert_eq!(read(&store, path), bytes(seed, 100), "{path}");
    }
    sound(&store);
}

#[test]
fn what_is_ours_in_an_address_is_taken_out_of_it() {
    let address = StoreAddress::parse(
        "postgres://u:p@host:1/db?schema=a%20b&contents=s3://bucket/a/b/&endpoint=http://127.0.0.1:9000&\
         sslmode=disable&cache=/var/cache/a%20b&cache_bytes=1024&staleness_ms=250&region=here&endpoint_rootcert=/etc/a.pem",
    )
    .unwrap();
    assert_eq!(address.database, "postgres://u:p@host:1/db?schema=a%20b&sslmode=disable");
    assert_eq!(address.objects.place(), ("bucket", "a/b", Some("http://127.0.0.1:9000")));
    let objects = address.objects.options(address.objects.cache().unwrap());
    assert_eq!(objects.region.as_deref(), Some("here"));
    assert_eq!(objects.root_certificates.as_deref(), Some("/etc/a.pem"));
    assert_eq!(objects.cache_dir, PathBuf::from("/var/cache/a b"));
    assert_eq!((address.cache_bytes, address.staleness), (Some(1024), Some(Duration::from_millis(250))));
    let plain = StoreAddress::parse("postgres://host/db?contents=s3://bucket").unwrap();
    assert_eq!(
        (plain.database.as_str(), plain.objects.place()),
        ("postgres://host/db", ("bucket", "", None))
    );
    assert_ne!(plain.identity(), address.identity());
}

#[test]
fn an_address_without_contents_or_with_wrong_numbers_is_refused_and_its_password_kept_secret() {
    for query in ["", "?contents=bucket", "?contents=s3://", "?contents=s3://b&staleness_ms=soon"] {
        let refused = StoreAddress::parse(&format!("postgres://u:secret@host/db{query}")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{query}");
        assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused:?}");
    }
}
