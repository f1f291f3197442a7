//! The store as a host sees it: every verb, every kind of URL and what is served for it, through
//! the public API and on real directories; and the rules of the source tree that a grep can hold.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod archive;
mod attributes;
mod cloudreve;
mod cross_origin;
mod layers;
mod link;
mod opened;
mod put;
mod serve;
mod share;
mod stored;
mod together;
mod tree;
mod url;
mod uses;
mod version;

use std::path::Path;

use holdall::body::Body;
use holdall::{Drive, Error, ErrorKind, Mode, Options, Put, Reply, Request, Result, Store, VersionInfo};
use tempfile::TempDir;

const MODES: [Mode; 2] = [Mode::Shared, Mode::Exclusive];
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// A store in a directory of its own, which goes with it.
struct TestStore {
    store: Store,
    dir: TempDir,
}

impl TestStore {
    fn new(options: Options) -> TestStore {
        let dir = tempfile::tempdir().unwrap();
        let store = opened::open(dir.path().join("store"), options).unwrap();
        TestStore { store, dir }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("store")
    }

    fn drive(&self) -> Drive {
        self.store.drive("alice").unwrap()
    }

    /// Returns the status of a GET.
    fn status(&self, target: &str) -> u16 {
        self.store.serve(&Request::get(target)).unwrap().status
    }

    /// Returns the bytes that a GET of the whole gives.
    fn get(&self, target: &str) -> Vec<u8> {
        let reply = self.store.serve(&Request::get(target)).unwrap();
        assert_eq!(reply.status, 200, "{target}");
        read(&reply.body)
    }

    fn large_blobs(&self) -> usize {
        let dirs = std::fs::read_dir(self.path().join("blob")).unwrap();
        dirs.map(|dir| files(&dir.unwrap().path())).sum()
    }

    fn spooled(&self) -> usize {
        files(&self.path().join("spool"))
    }
}

/// A test store with small limits, so that large content is quick to make.
fn test_store(mode: Mode) -> TestStore {
    TestStore::new(Options::new().mode(mode).threshold(16 * KIB))
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

/// Bytes that do not repeat and are the same for the same seed.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

fn read(body: &Body) -> Vec<u8> {
    let bytes = body.to_vec(1 << 30).unwrap();
    assert_eq!(bytes.len() as u64, body.len());
    bytes
}

fn put(drive: &Drive, path: &str, bytes: &[u8]) -> VersionInfo {
    drive.put(path, bytes, Put::new()).unwrap()
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => {
            told_well(&error);
            error.kind()
        }
    }
}

/// Holds an error to the rules for messages: one lowercase sentence.
fn told_well(error: &Error) {
    let text = error.to_string();
    let first = text.chars().next().unwrap();
    assert!(!first.is_uppercase() || text.starts_with("SHA") || text.starts_with("STORE"), "{text}");
    assert!(!text.ends_with('.') && !text.contains('\n') && text.len() < 1000, "{text}");
}

/// Holds a reply to what is true of all of them.
fn sound(reply: &Reply, method: &str) {
    let mut seen = std::collections::HashSet::new();
    for (name, value) in &reply.headers {
        assert!(seen.insert(name.to_ascii_lowercase()), "{name} twice");
        assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{name}: {value:?}");
    }
    assert_eq!(reply.header("X-Content-Type-Options"), Some("nosniff"));
    let len = reply.header("Content-Length").map(|len| len.parse::<u64>().unwrap());
    match (method, reply.status) {
        (_, 304) => assert_eq!((reply.body.len(), len), (0, None)),
        ("HEAD", _) => {
            assert_eq!(reply.body.len(), 0);
            assert!(len.is_some());
        }
        _ => assert_eq!(len, Some(reply.body.len()), "{}", reply.status),
    }
}
