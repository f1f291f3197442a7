//! Content that is put again after what the store has of it was damaged.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use holdall::mutant::Mutant;
use holdall::{Api, Caller, CheckOptions, Mode, Options, Put, Request, Store};
use serde_json::json;

use crate::finds;

const THRESHOLD: usize = 64 << 10;

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Finds where a content lies: a file, and the offset in it.
fn locate(dir: &Path, content: &[u8]) -> (PathBuf, u64) {
    let found = files(dir).into_iter().find_map(|path| {
        let bytes = fs::read(&path).unwrap();
        let at = memchr::memmem::find(&bytes, content)?;
        Some((path, at as u64))
    });
    found.unwrap()
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    /// One bit is flipped, so far behind the beginning.
    Flip(u64),
    /// The file ends in the middle of the content.
    Cut,
}

fn damage(dir: &Path, content: &[u8], how: Damage) {
    let (path, at) = locate(dir, content);
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    match how {
        Damage::Flip(behind) => {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at + behind).unwrap();
            file.write_all_at(&[byte[0] ^ 1], at + behind).unwrap();
        }
        Damage::Cut => file.set_len(at + content.len() as u64 / 2).unwrap(),
    }
}

/// Bytes of which no part comes twice.
fn content(len: usize) -> Vec<u8> {
    (0_u64..).flat_map(|number| blake3::hash(&number.to_le_bytes()).as_bytes().to_owned()).take(len).collect()
}

/// How content is put as `again`.
#[derive(Clone, Copy, Debug)]
enum Way {
    OneByOne,
    /// Twice, beside something new.
    InABatch,
    /// In so many parts.
    Upload(usize),
}

fn put_again(store: &Store, content: &[u8], way: Way) {
    let drive = store.drive("alice").unwrap();
    match way {
        Way::OneByOne => drop(drive.put("again", content, Put::new()).unwrap()),
        Way::InABatch => {
            let items = [("again", content), ("new", b"new"), ("too", content)];
            let items = items.map(|(path, of)| (path.to_owned(), Bytes::copy_from_slice(of)));
            drive.put_many(items, &Put::new()).unwrap();
        }
        Way::Upload(parts) => upload(store, content, parts),
    }
}

/// Uploads content by the calls of PDS, in parts.
fn upload(store: &Store, content: &[u8], parts: usize) {
    let api = Api::new(store);
    let drive = store.drive("alice").unwrap();
    let call = |target: &str, body: serde_json::Value| -> serde_json::Value {
        let request = Request::new("POST", target);
        let reply = api.answer(&Caller::of("alice"), &request, body.to_string().as_bytes()).unwrap();
        let answer = reply.body.to_vec(1 << 20).unwrap();
        assert!(reply.status < 300, "{} {}", reply.status, String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap_or_default()
    };
    let drive_id = drive.id().0.to_string();
    let numbers: Vec<_> = (1..=parts).map(|number| json!({ "part_number": number })).collect();
    let made = call(
        "/v2/file/create",
        json!({ "drive_id": drive_id, "parent_file_id": "root", "name": "again", "type": "file",
            "size": content.len(), "part_info_list": numbers }),
    );
    for (part, number) in content.chunks(content.len().div_ceil(parts)).zip(0..) {
        let url = made["part_info_list"][number]["upload_url"].as_str().unwrap();
        let reply = api.answer(&Caller::anonymous(), &Request::new("PUT", url), part).unwrap();
        assert_eq!(reply.status, 200);
    }
    let ids = json!({ "drive_id": drive_id, "file_id": made["file_id"], "upload_id": made["upload_id"] });
    call("/v2/file/complete", ids);
}

#[test]
fn what_is_put_is_never_what_was_damaged() {
    let small = [(1000, Damage::Flip(0)), (3000, Damage::Flip(2999)), (10_000, Damage::Flip(500))];
    let large = [(1 << 20, Damage::Flip(3)), (3 << 20, Damage::Flip(2 << 20)), (3 << 20, Damage::Cut)];
    let modes = [Mode::Exclusive, Mode::Shared];
    let cases = small.into_iter().chain(large).flat_map(|case| modes.map(|mode| (case, mode)));
    let ways = [Way::OneByOne, Way::InABatch, Way::Upload(1), Way::Upload(3)];
    for (((len, how), mode), way) in cases.flat_map(|case| ways.map(|way| (case, way))) {
        let content = content(len);
        finds(Mutant::HashesAreTrusted, || {
            let dir = tempfile::tempdir().unwrap();
            let open = || Store::open(dir.path(), Options::new().mode(mode).threshold(THRESHOLD)).unwrap();
            let store = open();
            store.drive("alice").unwrap().put("first", &content[..], Put::new()).unwrap();
            store.close().unwrap();
            damage(dir.path(), &content, how);
            let store = open();
            let drive = store.drive("alice").unwrap();
            put_again(&store, &content, way);
            let read = |path: &str| drive.open_file(path).unwrap().to_vec(u64::MAX).unwrap();
            assert!(read("again") == content, "{len} bytes, {how:?}, {mode:?}, {way:?}");
            // It is what is found from now on, and one more put makes no other.
            let blobs = store.stats().unwrap().blobs;
            drive.put("once more", &content[..], Put::new()).unwrap();
            assert!(read("once more") == content);
            assert_eq!(store.stats().unwrap().blobs, blobs);
            // What was damaged is another's still, and is what a check reports.
            let report = store.check(CheckOptions::new().content(true)).unwrap();
            assert!(!report.problems.is_empty());
        });
    }
}
