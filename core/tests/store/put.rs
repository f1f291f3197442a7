//! Putting content, and what lies on the disk after.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use holdall::{Dedup, ErrorKind, Expect, Mode, Options, Put, Request, Store, Time};

use crate::{KIB, MIB, MODES, TestStore, files, kind, noise, put, read, test_store};

const THRESHOLD: usize = 16 * KIB;

/// Gives some bytes and then fails.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.0);
        if count == 0 {
            return Err(io::Error::other("the network went away"));
        }
        self.0 -= count;
        buffer[..count].fill(7);
        Ok(count)
    }
}

/// Gives what it has a few bytes at a time, with interruptions.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = buffer.len().min(1 + self.1 % 1013).min(self.0.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn s14_content_of_every_length_comes_back_after_reopening() {
    for mode in MODES {
        let test = test_store(mode);
        let lens = [0, 1, 2, 4095, THRESHOLD - 1, THRESHOLD, THRESHOLD + 1, MIB, 5 * MIB, 33 * MIB + 777];
        for (seed, len) in lens.into_iter().enumerate() {
            let bytes = noise(len, seed as u64);
            let v = test.drive().put(&format!("{len}"), Trickle(&bytes, 0), Put::new()).unwrap();
            assert_eq!(v.size, len as u64);
            assert_eq!(v.blake3, *blake3::hash(&bytes).as_bytes());
            assert_eq!(v.crc32, crc32fast::hash(&bytes));
            assert_eq!(v.crc64, holdall::digest::Digest::of(&bytes).crc64);
            assert!(read(&test.drive().open_file(&format!("{len}")).unwrap()) == bytes, "{len}");
        }
        assert_eq!(test.large_blobs(), 5, "those from the threshold on have a file each");
        assert_eq!(test.spooled(), 0);
        test.store.close().unwrap();
        let store = crate::opened::open(test.path(), Options::new().mode(mode)).unwrap();
        for (seed, len) in lens.into_iter().enumerate() {
            let body = store.drive("alice").unwrap().open_file(&format!("{len}")).unwrap();
            assert!(read(&body) == noise(len, seed as u64), "{len} after reopening");
        }
    }
}

#[test]
fn s14_content_longer_than_4_gib_is_stored_and_served() {
    const LEN: u64 = (4 << 30) + 5;
    let test = test_store(Mode::Shared);
    let marked = (&b"head"[..]).chain(io::repeat(0).take(LEN - 8)).chain(&b"tail"[..]);
    let v = test.drive().put("long", marked, Put::new().len(LEN)).unwrap();
    let (mut crc32, mut blake3, zeros) = (crc32fast::Hasher::new(), blake3::Hasher::new(), vec![0; MIB]);
    let mut marked = (&b"head"[..]).chain(io::repeat(0).take(LEN - 8)).chain(&b"tail"[..]);
    let mut block = zeros;
    loop {
        let read = marked.read(&mut block).unwrap();
        if read == 0 {
            break;
        }
        crc32.update(&block[..read]);
        blake3.update(&block[..read]);
    }
    assert_eq!((v.size, v.crc32, v.blake3), (LEN, crc32.finalize(), blake3.finalize().into()));
    let url = test.store.url(&v).sign().unwrap();
    let reply = test.store.serve(&Request::get(&url).range("bytes=4294967290-")).unwrap();
    assert_eq!((reply.status, reply.header("Content-Length")), (206, Some("11")));
    assert_eq!(reply.body.to_vec(100).unwrap(), b"\0\0\0\0\0\0\0tail");
    let zip = test.drive().archive(["long"]).unwrap().sign().unwrap();
    let reply = test.store.serve(&Request::get(&zip).range("bytes=-300")).unwrap();
    let end = reply.body.to_vec(300).unwrap();
    let locator = b"PK\x06\x07";
    assert!(end.windows(4).any(|at| at == locator), "an entry over 4 GiB needs a zip64 end");
}

#[test]
fn s14_where_blocks_do_not_fit_the_disk_s_the_content_is_the_same() {
    let test = TestStore::new(Options::new().threshold(5001));
    let bytes = noise(40 * MIB + 3, 5);
    // Cut in odd pieces, so that blocks begin and end anywhere.
    let mut writer = test.drive().put_writer("a", Put::new()).unwrap();
    bytes.chunks(MIB + 13).for_each(|piece| writer.write(piece).unwrap());
    let v = writer.commit().unwrap();
    assert_eq!(v.blake3, *blake3::hash(&bytes).as_bytes());
    assert!(read(&test.drive().open_file("a").unwrap()) == bytes);
}

#[test]
fn s14_a_limit_on_the_length_holds() {
    let test = TestStore::new(Options::new().threshold(4 * KIB).max_put_bytes(10_000));
    let drive = test.drive();
    assert_eq!(kind(drive.put("a", io::repeat(0), Put::new())), ErrorKind::TooLarge);
    assert_eq!(put(&drive, "b", &[0; 10_000]).size, 10_000);
    assert_eq!(kind(drive.put("a", &[0_u8; 10_001][..], Put::new())), ErrorKind::TooLarge);
    let many = |len| drive.put_many([("c".to_owned(), Bytes::from(vec![1; len]))], &Put::new());
    assert_eq!(kind(many(10_001)), ErrorKind::TooLarge);
    assert!(many(10_000).is_ok());
    assert_eq!((test.spooled(), test.large_blobs()), (0, 2));
    let tiny = TestStore::new(Options::new().max_put_bytes(100));
    let many = tiny.drive().put_many([("c".to_owned(), Bytes::from(vec![1; 101]))], &Put::new());
    assert_eq!(kind(many), ErrorKind::TooLarge, "the limit holds below the threshold too");
}

#[test]
fn a_reader_that_fails_leaves_nothing() {
    let test = test_store(Mode::Shared);
    for len in [0, 10, THRESHOLD, 3 * MIB] {
        assert_eq!(kind(test.drive().put("a/b", Failing(len), Put::new())), ErrorKind::Io);
    }
    assert_eq!(kind(test.drive().stat("a")), ErrorKind::NotFound, "no folder is made for it");
    assert_eq!((test.spooled(), test.large_blobs()), (0, 0));
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let test = test_store(Mode::Shared);
    for len in [0, 10, THRESHOLD, 3 * MIB] {
        let mut writer = test.drive().put_writer("a", Put::new()).unwrap();
        assert!(writer.is_empty());
        for piece in noise(len, 1).chunks(70_000) {
            writer.write(piece).unwrap();
        }
        assert_eq!(writer.len(), len as u64);
        assert_eq!(test.spooled(), usize::from(len >= THRESHOLD));
        drop(writer);
        assert_eq!(test.spooled(), 0);
    }
    assert_eq!(kind(test.drive().stat("a")), ErrorKind::NotFound);
    let mut writer = test.drive().put_writer("a", Put::new()).unwrap();
    writer.write(b"ab").unwrap();
    assert_eq!(writer.read_from(&mut &b"cd"[..]).unwrap(), 2);
    writer.commit().unwrap();
    assert_eq!(read(&test.drive().open_file("a").unwrap()), b"abcd");
}

#[test]
fn a_path_or_type_that_can_never_be_right_is_refused_before_a_byte_is_read() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    let long = "x".repeat(256);
    for path in ["", "/", "a//b", ".", "..", "a/../b", "a\0", "a\nb", &long, &"a/".repeat(200)] {
        assert_eq!(kind(drive.put(path, Failing(0), Put::new())), ErrorKind::InvalidArgument, "{path:?}");
    }
    for media_type in ["", "text", "a/b\r\nX: y", "multipart/mixed"] {
        let typed = Put::new().media_type(media_type);
        assert_eq!(kind(drive.put("a", Failing(0), typed)), ErrorKind::InvalidArgument, "{media_type:?}");
    }
}

#[test]
fn many_puts_are_all_or_none() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        put(&drive, "taken", b"x");
        let item = |path: &str, len| (path.to_owned(), Bytes::from(noise(len, 3 + len as u64)));
        let bad = [
            vec![item("a", 10), item("big", 100_000), item("taken/under", 5)],
            vec![item("a", 10), item("big", 100_000), item("a", 11), item("x/..", 1)],
            vec![item("big", 9 * MIB), item("big2", 9 * MIB)],
        ];
        for items in bad {
            assert!(drive.put_many(items, &Put::new()).is_err());
            assert_eq!(drive.list("", None, 10).unwrap().len(), 1);
            assert_eq!((test.spooled(), test.large_blobs()), (0, 0));
        }
        let absent = Put::new().expect(Expect::Absent);
        assert_eq!(kind(drive.put_many([item("a", 1), item("a", 2)], &absent)), ErrorKind::Exists);
        let sized = Put::new().len(100_000);
        assert_eq!(kind(drive.put_many([item("big", 100_000), item("a", 1)], &sized)), ErrorKind::Mismatch);
        assert_eq!((test.spooled(), test.large_blobs()), (0, 0), "a large one before the bad one is removed");
        assert!(drive.put_many([], &Put::new()).unwrap().is_empty());

        let each = [("m", Put::new().media_type("text/x-m")), ("n", Put::new().modified(Time(5)))];
        let said = each.map(|(path, put)| (path.to_owned(), Bytes::from_static(b"x"), put));
        let made = drive.put_each(said).unwrap();
        assert_eq!((made[0].media_type.as_str(), made[1].modified), ("text/x-m", Time(5)));
        let refused = [("n", Put::new().expect(Expect::Absent)), ("o", Put::new())];
        let said = refused.map(|(path, put)| (path.to_owned(), Bytes::from_static(b"x"), put));
        assert_eq!(kind(drive.put_each(said)), ErrorKind::Exists);
        assert!(drive.stat("o").is_err());

        let items: Vec<_> = (0..300).map(|n| item(&format!("d/{n:03}"), n * 100)).collect();
        let made = drive.put_many(items.clone(), &Put::new()).unwrap();
        for ((path, bytes), v) in items.iter().zip(&made) {
            assert_eq!(drive.stat(path).unwrap().current.unwrap().id, v.id);
            assert!(read(&drive.open_file(path).unwrap()) == *bytes, "{path}");
        }
    }
}

#[test]
fn a_put_goes_ahead_only_where_what_is_expected_is_there() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    let expect = |expect| Put::new().expect(expect);
    let first = drive.put("a", &b"1"[..], expect(Expect::Absent)).unwrap();
    assert_eq!(kind(drive.put("a", &b"2"[..], expect(Expect::Absent))), ErrorKind::Exists);
    let second = drive.put("a", &b"2"[..], expect(Expect::Current(first.id))).unwrap();
    assert_eq!(kind(drive.put("a", &b"3"[..], expect(Expect::Current(first.id)))), ErrorKind::Mismatch);
    assert_eq!(kind(drive.put("b", &b"3"[..], expect(Expect::Current(first.id)))), ErrorKind::Mismatch);
    drive.store().set_current(first.id).unwrap();
    drive.put("a", &b"3"[..], expect(Expect::Current(first.id))).unwrap();
    drive.mkdir("dir").unwrap();
    assert_eq!(kind(drive.put("dir", &b""[..], Put::new())), ErrorKind::Exists);
    assert_eq!(kind(drive.put("a/b", &b""[..], Put::new())), ErrorKind::Exists);
    assert_eq!(drive.versions("a", None, 9).unwrap().len(), 3);
    assert_eq!(second.id.number(), 2);
}

#[test]
fn s13_content_that_is_not_what_was_declared_is_refused_and_removed() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    for len in [10, THRESHOLD, MIB + 3] {
        let bytes = noise(len, 5);
        let right = holdall::digest::Digest::of(&bytes);
        let wrong = [
            Put::new().len(len as u64 + 1),
            Put::new().len(len as u64 - 1),
            Put::new().sha1([0; 20]),
            Put::new().blake3([0; 32]),
            Put::new().sha1(right.sha1).blake3([1; 32]),
        ];
        for declared in wrong {
            assert_eq!(kind(drive.put("a", &bytes[..], declared)), ErrorKind::Mismatch);
        }
        assert_eq!(kind(drive.stat("a")), ErrorKind::NotFound);
        assert_eq!((test.spooled(), test.large_blobs()), (0, 0));
    }
    let bytes = noise(MIB, 6);
    let right = holdall::digest::Digest::of(&bytes);
    let declared = Put::new().len(right.len).sha1(right.sha1).blake3(right.blake3);
    assert_eq!(drive.put("a", &bytes[..], declared).unwrap().sha1, right.sha1);
}

#[test]
fn s15_the_hash_is_of_the_bytes_that_were_stored() {
    let test = test_store(Mode::Shared);
    let path = test.dir.path().join("source");
    // Longer than a few reads: those of large content are of 1 MiB.
    std::fs::write(&path, vec![1; 6 * MIB]).unwrap();
    let mut source = std::fs::File::open(&path).unwrap();
    let mut writer = test.drive().put_writer("a", Put::new()).unwrap();
    for _ in 0..3 {
        writer.read_from(&mut source).unwrap();
    }
    std::fs::write(&path, vec![2; 5 * MIB + 17]).unwrap();
    while writer.read_from(&mut source).unwrap() > 0 {}
    let v = writer.commit().unwrap();
    let stored = read(&test.drive().open_file("a").unwrap());
    assert_eq!(v.blake3, *blake3::hash(&stored).as_bytes());
    assert_eq!(v.size, stored.len() as u64);
    assert!(stored.contains(&1) && stored.contains(&2));
}

#[test]
fn d1_equal_content_is_one_blob_and_a_claimed_hash_brings_none() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    let big = noise(200_000, 8);
    put(&drive, "a", &big);
    put(&drive, "b", &big);
    put(&test.store.drive("bob").unwrap(), "c", &big);
    assert_eq!(test.large_blobs(), 1);
    let (blob_of, small) = (|name: &str| row(&drive, name).blob, noise(500, 9));
    assert_eq!(blob_of("a"), blob_of("b"));
    put(&drive, "s", &small);
    put(&drive, "t", &small);
    assert_eq!(blob_of("s"), blob_of("t"));
    // D1: the hash of content that is there, without its bytes, is a mismatch and not the content.
    let claimed = Put::new().blake3(*blake3::hash(&big).as_bytes());
    assert_eq!(kind(drive.put("stolen", &b"other"[..], claimed)), ErrorKind::Mismatch);
}

fn row(drive: &holdall::Drive, name: &str) -> holdall::Row {
    drive.list("", None, 1000).unwrap().into_iter().find(|row| row.name == name).unwrap()
}

#[test]
fn d2_drives_that_deduplicate_apart_share_no_blob() {
    let test = TestStore::new(Options::new().threshold(16 * KIB).dedup(Dedup::Drive));
    let (alice, bob) = (test.drive(), test.store.drive("bob").unwrap());
    let big = noise(200_000, 8);
    for drive in [&alice, &bob] {
        put(drive, "a", &big);
        put(drive, "b", &big);
        put(drive, "s", b"small");
    }
    assert_eq!(test.large_blobs(), 2);
    assert_eq!(row(&alice, "a").blob, row(&alice, "b").blob);
    assert_ne!(row(&alice, "a").blob, row(&bob, "a").blob);
    assert_ne!(row(&alice, "s").blob, row(&bob, "s").blob);
}

/// Reads hex.
fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

#[test]
fn d3_two_contents_with_one_sha1_are_two_blobs() {
    let text = include_str!("../../../tests/vectors/sha1_collision.json");
    let vector: serde_json::Value = serde_json::from_str(text).unwrap();
    let part = |name: &str| unhex(vector[name].as_str().unwrap());
    for filler in [0, 100_000] {
        let test = test_store(Mode::Shared);
        let drive = test.drive();
        let make = |name| [part("prefix"), part(name), vec![0; filler]].concat();
        let (a, b) = (put(&drive, "a", &make("a")), put(&drive, "b", &make("b")));
        assert_eq!(a.sha1, b.sha1);
        assert_ne!(a.blake3, b.blake3);
        if filler == 0 {
            assert_eq!(a.sha1.to_vec(), unhex(vector["sha1"].as_str().unwrap()));
        }
        assert_ne!(row(&drive, "a").blob, row(&drive, "b").blob);
        assert_eq!(read(&drive.open_file("a").unwrap()), make("a"));
        assert_eq!(read(&drive.open_file("b").unwrap()), make("b"));
    }
}

#[test]
fn d4_two_contents_with_one_crc64_are_two_blobs() {
    // CRC-64 is linear: of 65 single-bit changes some combination changes nothing, found by
    // elimination over the CRC bits.
    let zero = vec![0_u8; 16];
    let crc = |bytes: &[u8]| holdall::digest::Digest::of(bytes).crc64;
    let base = crc(&zero);
    let mut pivots: Vec<(u64, u128)> = Vec::new();
    let mut collision = None;
    for bit in 0..128 {
        let mut flipped = zero.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (mut change, mut mask) = (crc(&flipped) ^ base, 1_u128 << bit);
        for (pivot, bits) in &pivots {
            if change ^ pivot < change {
                change ^= pivot;
                mask ^= bits;
            }
        }
        if change == 0 {
            collision = Some(mask);
            break;
        }
        pivots.push((change, mask));
        pivots.sort_unstable_by_key(|pivot| std::cmp::Reverse(pivot.0));
    }
    let other = collision.unwrap().to_le_bytes();
    assert_eq!(crc(&other), base);
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    let (a, b) = (put(&drive, "a", &zero), put(&drive, "b", &other));
    assert_eq!(a.crc64, b.crc64);
    assert_ne!(row(&drive, "a").blob, row(&drive, "b").blob);
    assert_eq!(read(&drive.open_file("b").unwrap()), other);
}

#[test]
fn what_is_said_of_content_is_kept() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    let said = Put::new().media_type("text/x-odd; a=b").modified(Time::from_unix(86_400));
    let v = drive.put("a.png", &b"x"[..], said).unwrap();
    assert_eq!((v.media_type.as_str(), v.modified), ("text/x-odd; a=b", Time::from_unix(86_400)));
    assert_eq!(drive.store().version(v.id).unwrap(), v);
    assert_eq!(put(&drive, "b.png", b"x").media_type, "image/png");
    assert_eq!(put(&drive, "b", b"x").media_type, "application/octet-stream");
}

#[test]
fn a_closed_store_refuses_every_use_and_its_clones_too() {
    for mode in MODES {
        let test = test_store(mode);
        let (drive, clone) = (test.drive(), test.store.clone());
        let v = put(&drive, "a", b"x");
        let body = drive.open_file("a").unwrap();
        let writer = drive.put_writer("b", Put::new()).unwrap();
        clone.close().unwrap();
        test.store.close().unwrap();
        assert_eq!(kind(drive.put("b", &b"x"[..], Put::new())), ErrorKind::InvalidArgument);
        assert_eq!(kind(writer.commit()), ErrorKind::InvalidArgument);
        assert_eq!(kind(drive.stat("a")), ErrorKind::InvalidArgument);
        assert_eq!(kind(clone.version(v.id)), ErrorKind::InvalidArgument);
        assert_eq!(kind(test.store.drive("x")), ErrorKind::InvalidArgument);
        assert_eq!(kind(test.store.url(&v).sign()), ErrorKind::InvalidArgument);
        assert_eq!(kind(test.store.serve(&holdall::Request::get("/d/x/y"))), ErrorKind::InvalidArgument);
        assert_eq!(read(&body), b"x", "what was handed out stays whole");
        let again = crate::opened::open(test.path(), Options::new().mode(mode)).unwrap();
        assert_eq!(again.version(v.id).unwrap(), v);
        drop(test.store);
        assert_eq!(again.drive("alice").unwrap().versions("a", None, 9).unwrap().len(), 1);
    }
}

#[test]
fn p6_one_directory_by_whatever_path_is_one_store() {
    let test = test_store(Mode::Exclusive);
    let link = test.dir.path().join("link");
    std::os::unix::fs::symlink(test.path(), &link).unwrap();
    let odd = test.path().join("../store/.");
    for path in [&link, &odd] {
        let other = Store::open(path, Options::new().mode(Mode::Exclusive)).unwrap();
        put(&test.drive(), "a", b"x");
        let seen = other.drive("alice").unwrap().stat("a").unwrap();
        assert_eq!(seen, test.drive().stat("a").unwrap());
        assert_eq!(kind(Store::open(path, Options::new())), ErrorKind::Locked, "P5");
    }
    drop(test.store);
    Store::open(&link, Options::new()).unwrap();
}

#[test]
fn options_and_directories_that_can_never_be_right_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let bad = [
        Options::new().threshold(4095),
        Options::new().threshold(17 * MIB),
        Options::new().segment_bytes(1),
        Options::new().base_url("example.org/y"),
        Options::new().base_url("/a?b/"),
    ];
    for options in bad {
        let path = dir.path().join("s");
        assert_eq!(kind(Store::open(&path, options)), ErrorKind::InvalidArgument);
    }
    assert_eq!(kind(Store::open(dir.path().join("t"), Options::new().create(false))), ErrorKind::NotFound);
    std::fs::write(dir.path().join("mine"), b"x").unwrap();
    assert_eq!(kind(Store::open(dir.path(), Options::new())), ErrorKind::InvalidArgument);
    assert_eq!(files(dir.path()), 2, "what was there stays as it was");
    for create in [false, true] {
        let opened = Store::open(dir.path().join("mine"), Options::new().create(create));
        assert_eq!(kind(opened), ErrorKind::InvalidArgument, "a file is not a store");
    }
    std::fs::write(dir.path().join("meta.redb"), b"x").unwrap();
    for create in [false, true] {
        let opened = Store::open(dir.path(), Options::new().create(create));
        assert_eq!(kind(opened), ErrorKind::Corrupt, "a store that lost its file STORE");
    }
    assert_eq!(kind(Store::rebuild(dir.path().join("none"), &Options::new())), ErrorKind::NotFound);
}

#[test]
fn a_new_store_and_a_new_backup_are_their_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let (files, backup) = (dir.path().join("new/files"), dir.path().join("other/backup"));
    let store = Store::open(&files, Options::new()).unwrap();
    put(&store.drive("alice").unwrap(), "a", b"x");
    store.backup(&backup, &mut |_| Ok(())).unwrap();
    for made in [&files, &backup] {
        let mode = std::fs::metadata(made).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "the keys that sign URLs lie in {}", made.display());
    }
}

/// A directory that the host made keeps its mode, so what lies in it must be safe by itself.
#[test]
fn in_a_directory_that_others_may_read_no_file_is_theirs_to_read() {
    use std::os::unix::fs::PermissionsExt;

    fn below(path: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            }
            found.push(path);
        }
    }

    let dir = tempfile::tempdir().unwrap();
    let (files, backup) = (dir.path().join("files"), dir.path().join("backup"));
    for open in [&files, &backup] {
        std::fs::create_dir(open).unwrap();
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    for mode in MODES {
        let store = Store::open(&files, Options::new().mode(mode)).unwrap();
        let alice = store.drive("alice").unwrap();
        put(&alice, "small", b"x");
        put(&alice, "large", &vec![7; 2 << 20]);
        store.rotate_key().unwrap();
        store.backup(&backup, &mut |_| Ok(())).unwrap();
        store.close().unwrap();
    }
    Store::rebuild(&files, &Options::new()).unwrap();
    let mut found = Vec::new();
    below(&files, &mut found);
    below(&backup, &mut found);
    assert!(found.iter().any(|path| path.ends_with("meta.redb")), "control");
    assert!(found.iter().any(|path| path.ends_with("seg/0000001.seg")), "control: {found:?}");
    for path in found {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
    let mode = std::fs::metadata(&files).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o755, "the directory is the host's");
}
