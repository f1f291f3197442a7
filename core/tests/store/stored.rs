//! Putting content that the store has already, or that begins as some of it does: it is compared with
//! what is stored, and not written again as long as it is the same.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use holdall::{Dedup, ErrorKind, Mode, Options, Put, PutWriter};

use crate::{KIB, MIB, MODES, TestStore, kind, noise, put, read, test_store};

/// Longer than what is handed to threads of their own, and no multiple of a block.
const LEN: usize = 5 * MIB + 777;

fn writer(test: &TestStore, path: &str) -> PutWriter {
    test.drive().put_writer(path, Put::new()).unwrap()
}

/// Puts `bytes`, in pieces of an odd length, and holds the version to them.
fn put_and_check(test: &TestStore, path: &str, bytes: &[u8]) {
    let mut writer = writer(test, path);
    bytes.chunks(100_003).for_each(|piece| writer.write(piece).unwrap());
    let version = writer.commit().unwrap();
    assert_eq!(
        (version.size, version.blake3),
        (bytes.len() as u64, *blake3::hash(bytes).as_bytes()),
        "{path}"
    );
    assert!(read(&test.drive().open_file(path).unwrap()) == bytes, "{path}");
    assert_eq!(test.spooled(), 0, "{path}");
}

/// The one file of a large blob.
fn blob_file(test: &TestStore) -> PathBuf {
    let dirs = fs::read_dir(test.path().join("blob")).unwrap();
    let mut files = dirs.flat_map(|dir| fs::read_dir(dir.unwrap().path()).unwrap());
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none(), "one blob has a file of its own");
    file
}

#[test]
fn content_that_is_there_is_not_written_again() {
    for mode in MODES {
        let test = test_store(mode);
        let bytes = noise(LEN, 1);
        put(&test.drive(), "a", &bytes);
        let mut again = writer(&test, "b");
        for piece in bytes.chunks(300_001) {
            again.write(piece).unwrap();
            assert_eq!(test.spooled(), 0, "nothing lies in the spool");
        }
        let version = again.commit().unwrap();
        assert_eq!(version.blake3, *blake3::hash(&bytes).as_bytes());
        assert_eq!(test.large_blobs(), 1);
        assert!(read(&test.drive().open_file("b").unwrap()) == bytes);
    }
}

#[test]
fn content_that_begins_as_another_is_stored_whole() {
    let test = test_store(Mode::Exclusive);
    let bytes = noise(LEN, 2);
    put(&test.drive(), "a", &bytes);
    let blocks = [KIB, 16 * KIB - 1, 16 * KIB, MIB - 1, MIB, MIB + 1, 2 * MIB, 4 * MIB + 1, 5 * MIB, LEN - 1];
    for at in blocks {
        let mut other = bytes.clone();
        other[at] ^= 1;
        put_and_check(&test, &format!("differs at {at}"), &other);
        if at >= 16 * KIB {
            put_and_check(&test, &format!("ends at {at}"), &bytes[..at]);
        }
    }
    put_and_check(&test, "goes on", &[&bytes[..], b"more"].concat());
    put_and_check(&test, "goes on for long", &[&bytes[..], &noise(20 * MIB, 3)].concat());
    put_and_check(&test, "the same", &bytes);
    assert!(read(&test.drive().open_file("a").unwrap()) == bytes, "what was there is as it was");
}

#[test]
fn content_in_a_segment_is_found_too() {
    let test = test_store(Mode::Exclusive);
    let bytes = noise(100 * KIB, 4);
    // Of a batch only so many contents get a file of their own.
    let items = (0..70).map(|n| (format!("other {n}"), noise(20 * KIB, 100 + n).into()));
    test.drive().put_many(items.chain([("a".to_owned(), bytes.clone().into())]), &Put::new()).unwrap();
    let blobs = test.large_blobs();
    let mut again = writer(&test, "b");
    again.write(&bytes).unwrap();
    assert_eq!(test.spooled(), 0);
    again.commit().unwrap();
    assert_eq!(test.large_blobs(), blobs);
    assert!(read(&test.drive().open_file("b").unwrap()) == bytes);
}

#[test]
fn content_of_another_scope_is_not_found() {
    let test = TestStore::new(Options::new().threshold(16 * KIB).dedup(Dedup::Drive));
    let bytes = noise(MIB, 5);
    put(&test.drive(), "a", &bytes);
    let mut other = test.store.drive("bob").unwrap().put_writer("a", Put::new()).unwrap();
    other.write(&bytes).unwrap();
    assert_eq!(test.spooled(), 1, "bob's put is written, whatever alice has");
    other.commit().unwrap();
    assert_eq!(test.large_blobs(), 2);
}

#[test]
fn damaged_content_is_no_reason_to_lose_what_comes_in() {
    let test = test_store(Mode::Exclusive);
    let bytes = noise(LEN, 7);
    put(&test.drive(), "a", &bytes);
    let file = OpenOptions::new().read(true).write(true).open(blob_file(&test)).unwrap();

    // What it has is compared, and the rest comes from the client.
    let mut byte = [0];
    file.read_exact_at(&mut byte, 3 * MIB as u64).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 3 * MIB as u64).unwrap();
    put_and_check(&test, "longer", &[&bytes[..], b"more"].concat());

    // What was damaged just as what comes in has another hash than was stored.
    let mut damaged = bytes.clone();
    damaged[3 * MIB] ^= 1;
    put_and_check(&test, "as damaged", &damaged);
    assert_eq!(test.large_blobs(), 3);

    file.set_len(MIB as u64).unwrap();
    put_and_check(&test, "longer still", &[&bytes[..], b"more and more"].concat());
}

#[test]
fn content_that_changes_under_the_comparison_is_an_error() {
    let test = test_store(Mode::Exclusive);
    let bytes = noise(LEN, 8);
    put(&test.drive(), "a", &bytes);
    let file = OpenOptions::new().write(true).open(blob_file(&test)).unwrap();
    let mut other = writer(&test, "b");
    other.write(&bytes[..3 * MIB]).unwrap();
    file.write_all_at(b"damage", MIB as u64).unwrap();
    let wrote = other.write(&noise(2 * MIB, 9)).and_then(|()| other.commit().map(drop));
    assert_eq!(kind(wrote), ErrorKind::Corrupt);
    assert_eq!(test.spooled(), 0);
    assert_eq!(kind(test.drive().open_file("b")), ErrorKind::NotFound);
}
