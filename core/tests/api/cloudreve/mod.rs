//! The wire format of Cloudreve v4.

mod archive;
mod content;
mod foreign;
mod limits;
mod link;
mod matrix;
mod page;
mod python;
mod share;
mod source;
mod url;
mod version;

use std::time::Duration;

use holdall::token::{HashIds, HashKind};
use holdall::{
    Alias, Api, Caller, Drive, LinkInfo, Options, Put, Reply, Request, Share, ShareInfo, Store, Time,
    VersionInfo,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The time that all calls are made at, unless they say another.
pub const NOW: i64 = 1_749_524_815;
pub const SALT: &str = "cloudreve-test-salt";
/// What a Cloudreve server signed its URLs with.
pub const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

/// A store with the formats over it. Alice owns the drive `alice`, Bob `bob`, and the administrator
/// `root`.
pub struct TestStore {
    pub store: Store,
    pub api: Api,
    _dir: TempDir,
}

impl TestStore {
    pub fn new() -> TestStore {
        TestStore::made(|_| ())
    }

    /// A test store with room for what is imported: see [`TestStore::imported`].
    pub fn with_room() -> TestStore {
        TestStore::made(|store| store.leave_room(1_000_000, 1_000_000).unwrap())
    }

    fn made(before: impl FnOnce(&Store)) -> TestStore {
        let dir = tempfile::tempdir().unwrap();
        let store = crate::opened::open(dir.path().join("store"), Options::new()).unwrap();
        before(&store);
        store.set_hash_salt(SALT).unwrap();
        store.add_cloudreve_secret(SECRET).unwrap();
        for name in ["alice", "bob", "root"] {
            store.drive(name).unwrap();
        }
        let api = Api::new(&store).site("http://localhost:5173").unwrap();
        TestStore { store, api, _dir: dir }
    }

    pub fn alice(&self) -> Drive {
        self.store.drive("alice").unwrap()
    }

    pub fn bob(&self) -> Drive {
        self.store.drive("bob").unwrap()
    }

    pub fn put(&self, path: &str, bytes: &[u8]) -> VersionInfo {
        self.alice().put(path, bytes, Put::new()).unwrap()
    }

    pub fn ids(&self) -> HashIds {
        HashIds::new(SALT).unwrap()
    }

    pub fn entity(&self, version: &VersionInfo) -> String {
        self.ids().encode(version.id.0, HashKind::Entity)
    }

    /// Lets a version be one that was imported under a number, and returns its entity there.
    pub fn imported(&self, number: u64, version: &VersionInfo) -> String {
        self.store.set_aliases([(number, Alias::Version(version.id))]).unwrap();
        self.ids().encode(number, HashKind::Entity)
    }

    pub fn share(&self, path: &str, share: &Share) -> ShareInfo {
        self.alice().share(path, share).unwrap()
    }

    pub fn share_uri(&self, share: &ShareInfo, path: &str) -> String {
        format!("cloudreve://{}@share/{path}", self.share_id(share))
    }

    pub fn share_id(&self, share: &ShareInfo) -> String {
        self.ids().encode_random(share.id.0, HashKind::Share)
    }

    pub fn link_id(&self, link: &LinkInfo) -> String {
        self.ids().encode_random(link.id.0, HashKind::SourceLink)
    }

    /// Makes a call at [`NOW`] and returns the JSON that comes back.
    pub fn call(&self, caller: &Caller, method: &str, path: &str, body: &Value) -> Value {
        self.call_with(caller, method, path, body, &[])
    }

    pub fn call_with(
        &self,
        caller: &Caller,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Value {
        let reply = self.raw(caller, method, path, body.to_string().as_bytes(), headers);
        assert_eq!(reply.status, 200, "{method} {path}");
        json_of(&reply)
    }

    pub fn raw(
        &self,
        caller: &Caller,
        method: &str,
        path: &str,
        body: &[u8],
        headers: &[(&str, &str)],
    ) -> Reply {
        let target = format!("/api/v4/{path}");
        let mut request = Request::new(method, &target).at(Time::from_unix(NOW));
        request.headers = headers.to_vec();
        let reply = self.api.answer(caller, &request, body).unwrap();
        sound(&reply, method);
        reply
    }

    /// Asks for URLs.
    pub fn urls(&self, caller: &Caller, body: &Value) -> Value {
        self.call(caller, "POST", "file/url", body)
    }

    /// Asks for the URL of one URI and returns its code: that of the call, or the URI's own.
    pub fn code(&self, caller: &Caller, uri: &str) -> i64 {
        own_code(&self.urls(caller, &json!({ "uris": [uri] })))
    }

    pub fn url(&self, caller: &Caller, uri: &str) -> String {
        let message = self.urls(caller, &json!({ "uris": [uri], "download": true }));
        assert_eq!(message["code"], 0, "{uri}: {message}");
        message["data"]["urls"][0]["url"].as_str().unwrap().to_owned()
    }

    /// Follows a URL, whoever it is for.
    pub fn get(&self, url: &str) -> Reply {
        self.ask(&Request::get(url).at(Time::from_unix(NOW)))
    }

    pub fn ask(&self, request: &Request<'_>) -> Reply {
        let reply = self.api.answer(&Caller::anonymous(), request, std::io::empty()).unwrap();
        sound(&reply, request.method);
        reply
    }
}

pub fn alice() -> Caller {
    Caller::of("alice")
}

pub fn bob() -> Caller {
    Caller::of("bob")
}

pub fn root() -> Caller {
    Caller::of("root").administrator()
}

pub fn nobody() -> Caller {
    Caller::anonymous()
}

/// A visitor whom nobody knows, on a host that lets such make archives.
pub fn guest() -> Caller {
    nobody().limits(holdall::Limits::new().links(0))
}

pub fn hour() -> Duration {
    Duration::from_secs(3600)
}

pub fn json_of(reply: &Reply) -> Value {
    let bytes = reply.body.to_vec(16 << 20).unwrap();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{:?}", String::from_utf8_lossy(&bytes)))
}

/// Returns the code of a call, or of the one URI that failed in it.
pub fn own_code(message: &Value) -> i64 {
    match message["aggregated_error"].as_object() {
        Some(faults) if faults.len() == 1 => faults.values().next().unwrap()["code"].as_i64().unwrap(),
        _ => message["code"].as_i64().unwrap(),
    }
}

pub fn read(reply: &Reply) -> Vec<u8> {
    reply.body.to_vec(1 << 30).unwrap()
}

/// Holds a reply to what is true of all of them.
pub fn sound(reply: &Reply, method: &str) {
    let mut seen = std::collections::HashSet::new();
    for (name, value) in &reply.headers {
        assert!(seen.insert(name.to_ascii_lowercase()), "{name} twice");
        assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{name}: {value:?}");
    }
    assert_eq!(reply.header("X-Content-Type-Options"), Some("nosniff"));
    let len = reply.header("Content-Length").map(|len| len.parse::<u64>().unwrap());
    match (method, reply.status) {
        (_, 304) | ("HEAD", _) => assert_eq!(reply.body.len(), 0),
        _ => assert_eq!(len, Some(reply.body.len()), "{}", reply.status),
    }
    let json = reply.header("Content-Type") == Some("application/json; charset=utf-8");
    if json && method != "HEAD" {
        let message = json_of(reply);
        assert!(message["code"].is_i64() && message["msg"].is_string(), "{message}");
        assert_eq!(reply.header("Cache-Control"), Some("private, no-cache"));
    }
}
