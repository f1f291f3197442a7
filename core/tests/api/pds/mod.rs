//! The wire format of PDS.

mod bad;
mod bin;
mod download;
mod list;
mod matrix;
mod page;
mod processes;
mod rapid;
mod revision;
mod share;
mod upload;

use std::time::Duration;

use holdall::digest::Digest;
use holdall::{
    Api, Caller, CheckOptions, Drive, FileId, Options, Put, Reply, Request, Store, Time, VersionInfo,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const KIB: usize = 1 << 10;

/// A store with two drives, and the formats mounted over it.
struct World {
    store: Store,
    api: Api,
    alice: Drive,
    bob: Drive,
    dir: TempDir,
}

/// A reply, its JSON read.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Value,
    reply: Reply,
}

impl Answer {
    /// Returns the body of a call that was to succeed.
    fn good(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Returns the status and code of a call that was to fail.
    fn bad(&self) -> (u16, &str) {
        let fields = self.body.as_object().unwrap();
        assert!(fields.contains_key("message") && self.status >= 400, "{}", self.body);
        (self.status, self.body["code"].as_str().unwrap())
    }
}

fn options() -> Options {
    // Large content is quick to make.
    Options::new().threshold(16 * KIB).base_url("/files")
}

impl World {
    fn new() -> World {
        World::with(options())
    }

    fn with(options: Options) -> World {
        let dir = tempfile::tempdir().unwrap();
        let store = crate::opened::open(dir.path().join("store"), options).unwrap();
        let (alice, bob) = (store.drive("alice").unwrap(), store.drive("bob").unwrap());
        let api = Api::new(&store).prefix("/pds").unwrap();
        World { store, api, alice, bob, dir }
    }

    /// The same store, opened again.
    fn again(self) -> World {
        let World { store, dir, .. } = self;
        store.close().unwrap();
        let store = crate::opened::open(dir.path().join("store"), options()).unwrap();
        let (alice, bob) = (store.drive("alice").unwrap(), store.drive("bob").unwrap());
        let api = Api::new(&store).prefix("/pds").unwrap();
        World { store, api, alice, bob, dir }
    }

    fn owner(&self) -> Caller {
        Caller::of("alice").token("token")
    }

    /// Calls as alice.
    fn call(&self, path: &str, body: Value) -> Answer {
        self.call_as(&self.owner(), path, body)
    }

    fn call_as(&self, caller: &Caller, path: &str, body: Value) -> Answer {
        self.send(caller, path, &[], body.to_string().as_bytes(), Time::now())
    }

    fn send(&self, caller: &Caller, path: &str, headers: &[(&str, &str)], body: &[u8], now: Time) -> Answer {
        let target = format!("/pds/v2{path}");
        let mut request = Request::new("POST", &target).at(now);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        answered(self.api.answer(caller, &request, body).unwrap())
    }

    /// The drive's id, as the wire has it.
    fn id(&self, drive: &Drive) -> String {
        drive.id().0.to_string()
    }

    /// A body about a file of alice's.
    fn of(&self, file: impl ToString, more: Value) -> Value {
        merged(json!({ "drive_id": self.id(&self.alice), "file_id": file.to_string() }), more)
    }

    fn put(&self, path: &str, bytes: &[u8]) -> VersionInfo {
        self.alice.put(path, bytes, Put::new()).unwrap()
    }

    fn file(&self, path: &str) -> FileId {
        self.alice.stat(path).unwrap().id
    }

    /// Serves a URL of the store.
    fn get(&self, url: &str) -> Reply {
        self.store.serve(&Request::get(url)).unwrap()
    }

    /// Begins an upload of alice's.
    fn create(&self, name: &str, more: Value) -> Answer {
        let body = json!({
            "drive_id": self.id(&self.alice), "parent_file_id": "root", "type": "file", "name": name,
        });
        self.call("/file/create", merged(body, more))
    }

    /// Puts a part to its URL.
    fn put_part(&self, url: &Value, bytes: &[u8]) -> Answer {
        let request = Request::new("PUT", url.as_str().unwrap());
        answered(self.api.answer(&Caller::anonymous(), &request, bytes).unwrap())
    }

    /// Completes an upload.
    fn complete(&self, made: &Value, more: Value) -> Answer {
        self.call("/file/complete", merged(self.of_upload(made), more))
    }

    fn of_upload(&self, made: &Value) -> Value {
        json!({
            "drive_id": self.id(&self.alice), "file_id": made["file_id"], "upload_id": made["upload_id"],
        })
    }

    /// Uploads content in parts of a length.
    fn upload(&self, name: &str, bytes: &[u8], part: usize) -> Value {
        let count = bytes.len().div_ceil(part).max(1);
        let parts: Vec<Value> = (1..=count).map(|number| json!({ "part_number": number })).collect();
        let made = self.create(name, json!({ "size": bytes.len(), "part_info_list": parts })).good();
        for (at, part_bytes) in bytes.chunks(part).enumerate() {
            self.put_part(&made["part_info_list"][at]["upload_url"], part_bytes).good();
        }
        self.complete(&made, json!({})).good()
    }

    /// Finds nothing wrong with the store.
    fn sound(&self) {
        let report = self.store.check(CheckOptions::default()).unwrap();
        assert!(report.problems.is_empty() && report.damaged.is_empty(), "{report:?}");
    }

    fn files_in(&self, folder: &str) -> usize {
        fn count(path: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
            entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
        }
        count(&self.dir.path().join("store").join(folder))
    }
}

fn answered(reply: Reply) -> Answer {
    let bytes = reply.body.to_vec(64 << 20).unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    assert_eq!(reply.header("Content-Length"), Some(bytes.len().to_string().as_str()));
    Answer { status: reply.status, body, reply }
}

fn merged(mut body: Value, more: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    body
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

fn read(reply: &Reply) -> Vec<u8> {
    assert_eq!(reply.status, 200);
    reply.body.to_vec(1 << 30).unwrap()
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(bytes)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The path of a URL, whatever its base.
fn path(url: &Value) -> &str {
    let url = url.as_str().unwrap();
    match url.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/').unwrap()..],
        None => url,
    }
}
