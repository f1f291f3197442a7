//! The cache: shared, bounded, and never wrong.

use std::fs;
use std::path::PathBuf;
use std::sync::Barrier;

use object_store::{ObjectStore as _, ObjectStoreExt as _, PutPayload};

use super::proxy::FaultyProxy;
use super::servers::ObjectServer;
use super::*;
use crate::ErrorKind;

/// Returns the entries' files, when those are written that are on their way.
fn entries(dir: &Path) -> Vec<PathBuf> {
    for _ in 0..100 {
        if fs::read_dir(dir.join("tmp")).unwrap().next().is_none() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let folders = fs::read_dir(dir).unwrap().map(|folder| folder.unwrap().path());
    let folders = folders.filter(|folder| folder.is_dir() && !folder.ends_with("tmp"));
    folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())).collect()
}

fn again(dir: &Path, memory: &Arc<InMemory>) -> ObjectPool {
    ObjectPool::open(STORE, ObjectOptions { memory: Some(memory.clone()), ..options(dir) }).unwrap()
}

fn remove_all(memory: &InMemory) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        use futures_util::TryStreamExt as _;
        let all: Vec<_> = memory.list(None).try_collect().await.unwrap();
        for meta in all {
            memory.delete(&meta.location).await.unwrap();
        }
    });
}

#[test]
fn an_entry_is_every_processs_and_one_that_is_not_whole_is_nobodys() {
    let dir = tempfile::tempdir().unwrap();
    let (pool, memory) = in_memory(dir.path());
    let bytes = content(1, (10 << 20) + 3);
    put_large(&pool, BlobId(1), &bytes).unwrap();
    assert!(bytes_of(open(&pool, BlobId(1), Location::File, bytes.len())).unwrap() == bytes);
    let files = entries(dir.path());
    assert_eq!(files.len(), 3, "an outline and two chunks: {files:?}");
    // Of every way to damage a file: cut at its end, in the middle, to nothing, and zeros where a power loss
    // took the bytes, under a trailer of an earlier boot.
    for damage in 0..4 {
        for file in &files {
            let whole = fs::read(file).unwrap();
            let content_len = whole.len() - 48;
            let damaged = match damage {
                0 => whole[..whole.len() - 1].to_vec(),
                1 => whole[..content_len / 2].to_vec(),
                2 => Vec::new(),
                _ => {
                    let trailer = super::super::trailer::Trailer::decode(&whole[content_len..]).unwrap();
                    let earlier = super::super::trailer::Trailer { boot: [1; 16], ..trailer };
                    [vec![0; content_len], earlier.encode()].concat()
                }
            };
            // Another file under the name: maps of the one before stay as they are.
            fs::remove_file(file).unwrap();
            fs::write(file, damaged).unwrap();
        }
        let other = again(dir.path(), &memory);
        let read = bytes_of(open(&other, BlobId(1), Location::File, bytes.len())).unwrap();
        assert!(read == bytes, "damage {damage}");
        assert_eq!(entries(dir.path()).len(), 3, "written behind who read it");
    }
    // An earlier boot wrote them, whole.
    for file in &files {
        let whole = fs::read(file).unwrap();
        let (content, trailer) = whole.split_at(whole.len() - 48);
        let trailer = super::super::trailer::Trailer::decode(trailer).unwrap();
        let earlier = super::super::trailer::Trailer { boot: [1; 16], ..trailer };
        fs::write(file, [content, &earlier.encode()].concat()).unwrap();
    }
    remove_all(&memory);
    let other = again(dir.path(), &memory);
    assert!(
        bytes_of(open(&other, BlobId(1), Location::File, bytes.len())).unwrap() == bytes,
        "from the cache alone"
    );
}

#[test]
fn the_limit_holds_and_bodies_outlive_their_entries() {
    let dir = tempfile::tempdir().unwrap();
    let memory = Arc::new(InMemory::new());
    let limit = 30 << 20;
    let limited = ObjectOptions { memory: Some(memory.clone()), cache_bytes: limit, ..options(dir.path()) };
    let pool = ObjectPool::open(STORE, limited).unwrap();
    let contents: Vec<_> = (1..=8).map(|blob| (BlobId(blob), content(blob, 6 << 20))).collect();
    let mut bodies = Vec::new();
    for (blob, bytes) in &contents {
        put_large(&pool, *blob, bytes).unwrap();
        let source = open(&pool, *blob, Location::File, bytes.len());
        let body = Body::new(Arc::new(source));
        // Mapped now, and read when the entry is gone.
        bodies.push((body.segments().map(Result::unwrap).collect::<Vec<_>>(), bytes));
        let taken: u64 = entries(dir.path()).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
        assert!(taken <= limit, "{taken}");
    }
    assert!(entries(dir.path()).len() < contents.len());
    for (segments, bytes) in bodies {
        assert!(segments.iter().flat_map(|segment| segment.data.iter()).eq(bytes.iter()));
    }
    // No room for anything: served all the same.
    let small = tempfile::tempdir().unwrap();
    let none = ObjectOptions { memory: Some(memory), cache_bytes: 1000, ..options(small.path()) };
    let pool = ObjectPool::open(STORE, none).unwrap();
    assert!(bytes_of(open(&pool, BlobId(1), Location::File, 6 << 20)).unwrap() == contents[0].1);
    assert_eq!(entries(small.path()).len(), 0);
}

#[test]
fn damage_in_the_object_store_is_an_error_and_never_served() {
    let dir = tempfile::tempdir().unwrap();
    let (pool, memory) = in_memory(dir.path());
    let (one, several) = (content(1, 2 << 20), content(2, 20 << 20));
    put_large(&pool, BlobId(1), &one).unwrap();
    put_large(&pool, BlobId(2), &several).unwrap();
    let small = [(BlobId(3), content(3, 5000)), (BlobId(4), content(4, 5000))];
    let locations = put_segment(&pool, 1, &small).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let flip = |key: &str, at: usize| {
        runtime.block_on(async {
            let key = object_store::path::Path::from(key);
            let got = memory.get(&key).await.unwrap();
            let attributes = got.attributes.clone();
            let mut bytes = got.bytes().await.unwrap().to_vec();
            bytes[at] ^= 1;
            let options = object_store::PutOptions { attributes, ..Default::default() };
            memory.put_opts(&key, PutPayload::from(bytes), options).await.unwrap();
        });
    };
    flip("c/01/0000000000000001", 1_000_000);
    flip("c/02/0000000000000002", 9 << 20);
    flip("s/01/0000000000000001", 64 + 80 + 5008 + 80 + 17);
    let damaged = pool.open_blob(BlobId(1), Location::File, 2 << 20).unwrap_err();
    assert_eq!(damaged.kind(), ErrorKind::Corrupt, "{damaged}");
    let body = Body::new(Arc::new(open(&pool, BlobId(2), Location::File, several.len())));
    assert!(body.slice(0..8 << 20).unwrap().to_vec(8 << 20).unwrap() == several[..8 << 20]);
    assert!(body.slice(16 << 20..20 << 20).unwrap().to_vec(4 << 20).unwrap() == several[16 << 20..]);
    let damaged = body.slice(9 << 20..10 << 20).unwrap().to_vec(1 << 20).unwrap_err();
    assert!(damaged.to_string().contains("not what was written"), "{damaged}");
    assert_eq!(
        bytes_of(open(&pool, BlobId(3), locations[0], 5000)).unwrap(),
        small[0].1,
        "its neighbour is damaged"
    );
    let damaged = pool.open_blob(BlobId(4), locations[1], 5000).unwrap_err();
    assert_eq!(damaged.kind(), ErrorKind::Corrupt, "{damaged}");
}

#[test]
fn many_threads_of_two_processes_ask_the_server_once() {
    let server = ObjectServer::seaweedfs();
    let dir = tempfile::tempdir().unwrap();
    let proxy = FaultyProxy::start(server.port);
    let make = || ObjectPool::open(STORE, server.options_through(proxy.port, dir.path())).unwrap();
    // Two pools share nothing but the directory, as two processes do: locks belong to an open file.
    let pools = [make(), make()];
    let bytes = content(1, (8 << 20) + 10);
    put_large(&pools[0], BlobId(1), &bytes).unwrap();
    proxy.seen();
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (pool, barrier, bytes) = (&pools[thread % 2], &barrier, &bytes);
            scope.spawn(move || {
                barrier.wait();
                assert!(bytes_of(open(pool, BlobId(1), Location::File, bytes.len())).unwrap() == *bytes);
            });
        }
    });
    let seen = proxy.seen();
    assert_eq!(seen.len(), 3, "an outline and two chunks: {seen:?}");
    bytes_of(open(&make(), BlobId(1), Location::File, bytes.len())).unwrap();
    assert_eq!(proxy.seen().len(), 0, "all of it is cached");
}
