//! `holdall import cloudreve`: links, shares and signed URLs of the old server go on working.

mod dump;
mod real;

use std::path::{Path, PathBuf};

use holdall::token::cloudreve::{escape_query, escape_segment, sign};
use holdall::token::{HashIds, HashKind};
use holdall::{Api, Caller, Options, Reply, Request, Store, Time};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::host::{TestStore, other};

pub const SALT: &str = "cloudreve-test-salt";
pub const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const AT: &str = "2025-06-10 12:06:55.011624+08:00";

/// The tables that an import reads, with the columns that it reads.
const TABLES: &str = "
CREATE TABLE users (id INTEGER PRIMARY KEY, deleted_at, email TEXT, nick TEXT, status TEXT);
CREATE TABLE files (id INTEGER PRIMARY KEY, updated_at, type INTEGER, name TEXT, owner_id INTEGER,
    size INTEGER, primary_entity INTEGER, is_symbolic BOOL DEFAULT false, file_children INTEGER);
CREATE TABLE entities (id INTEGER PRIMARY KEY, updated_at, deleted_at, type INTEGER, source TEXT,
    size INTEGER, reference_count INTEGER DEFAULT 1, upload_session_id, recycle_options,
    storage_policy_entities INTEGER);
CREATE TABLE file_entities (file_id INTEGER, entity_id INTEGER);
CREATE TABLE direct_links (id INTEGER PRIMARY KEY, deleted_at, name TEXT, downloads INTEGER, file_id INTEGER,
    speed INTEGER);
CREATE TABLE shares (id INTEGER PRIMARY KEY, deleted_at, password TEXT, views INTEGER DEFAULT 0,
    downloads INTEGER DEFAULT 0, expires,
    remain_downloads INTEGER, file_shares INTEGER, user_shares INTEGER);
CREATE TABLE metadata (id INTEGER PRIMARY KEY, deleted_at, name TEXT, value TEXT, file_id INTEGER);
CREATE TABLE settings (id INTEGER PRIMARY KEY, deleted_at, name TEXT, value TEXT);
CREATE TABLE storage_policies (id INTEGER PRIMARY KEY, type TEXT);
";

/// A server as it was left: its database and its folder.
struct Server {
    test: TestStore,
    db: Connection,
    ids: HashIds,
}

impl Server {
    fn new() -> Server {
        let test = TestStore::new();
        let db = Connection::open(test.dir.path().join("cloudreve.db")).unwrap();
        db.execute_batch(TABLES).unwrap();
        db.execute("INSERT INTO storage_policies VALUES (1, 'local'), (2, 's3')", []).unwrap();
        for (name, value) in [("secret_key", SECRET), ("hash_id_salt", SALT)] {
            db.execute("INSERT INTO settings (name, value) VALUES (?1, ?2)", [name, value]).unwrap();
        }
        let server = Server { test, db, ids: HashIds::new(SALT).unwrap() };
        for (id, email, status) in [(1, "alice@example.org", "active"), (2, "bob@example.org", "inactive")] {
            let user = "INSERT INTO users (id, email, status) VALUES (?1, ?2, ?3)";
            server.db.execute(user, params![id, email, status]).unwrap();
            server.node(id, 1, "", None, id, None);
        }
        server
    }

    fn node(&self, id: i64, kind: i64, name: &str, parent: Option<i64>, owner: i64, primary: Option<i64>) {
        let node = "INSERT INTO files (id, type, name, file_children, owner_id, primary_entity) VALUES (?1,?2,?3,?4,?5,?6)";
        self.db.execute(node, params![id, kind, name, parent, owner, primary]).unwrap();
    }

    fn entity(&self, id: i64, file: i64, kind: i64, bytes: &[u8]) {
        let source = format!("data/uploads/1/{id}_x");
        let path = self.folder().join(&source);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        let entity = "INSERT INTO entities (id, updated_at, type, source, size, storage_policy_entities) VALUES (?1,?2,?3,?4,?5,1)";
        self.db.execute(entity, params![id, AT, kind, source, i64::try_from(bytes.len()).unwrap()]).unwrap();
        self.belongs(file, id);
    }

    fn belongs(&self, file: i64, entity: i64) {
        self.db.execute("INSERT INTO file_entities VALUES (?1, ?2)", [file, entity]).unwrap();
    }

    fn folder(&self) -> PathBuf {
        self.test.dir.path().join("server")
    }

    fn database(&self) -> PathBuf {
        self.test.dir.path().join("cloudreve.db")
    }

    fn import(&self, uploads: &Path, more: &[&str]) -> std::process::Output {
        self.import_from(&self.database(), uploads, more)
    }

    fn import_from(&self, database: &Path, uploads: &Path, more: &[&str]) -> std::process::Output {
        let (database, uploads) = (database.to_str().unwrap(), uploads.to_str().unwrap());
        let args = ["--json", "import", "cloudreve", "--database", database, "--uploads", uploads];
        self.test.run(&[&args[..], more].concat())
    }

    fn ok(&self, more: &[&str]) -> Value {
        let output = self.import(&self.folder(), more);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn open(&self) -> Api {
        let store = Store::open(self.test.store(), Options::new()).unwrap();
        Api::new(&store)
    }

    /// A URL as the old server signed it.
    fn url(&self, entity: u64, name: &str) -> String {
        let folder = format!("/api/v4/file/content/{}/0/", self.ids.encode(entity, HashKind::Entity));
        let sign = sign(SECRET.as_bytes(), &format!("{folder}{name}"), Time::now().unix() + 60);
        format!("{folder}{}?sign={}", escape_segment(name), escape_query(&sign))
    }
}

pub fn get(api: &Api, url: &str) -> Reply {
    api.answer(&Caller::anonymous(), &Request::get(url), std::io::empty()).unwrap()
}

pub fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec(1 << 20).unwrap()).unwrap()
}

pub fn ask(api: &Api, caller: &Caller, uri: &str) -> (i64, String) {
    let body = json!({ "uris": [uri] }).to_string();
    let reply = api.answer(caller, &Request::new("POST", "/api/v4/file/url"), body.as_bytes()).unwrap();
    let printed: Value = serde_json::from_str(&text(&reply)).unwrap();
    let fault = printed["aggregated_error"].as_object().and_then(|faults| faults.values().next());
    let code = fault.unwrap_or(&printed)["code"].as_i64().unwrap();
    (code, printed["data"]["urls"][0]["url"].as_str().unwrap_or_default().to_owned())
}

/// Alice's tree with versions, a trash, links and shares; Bob, who is not active, has a file.
fn server() -> Server {
    let server = Server::new();
    server.node(10, 1, "docs", Some(1), 1, None);
    server.node(11, 0, "The Man.mp3", Some(10), 1, Some(100));
    for (entity, kind, bytes) in [(100, 0, &b"first"[..]), (101, 0, b"second"), (102, 1, b"thumbnail")] {
        server.entity(entity, 11, kind, bytes);
    }
    server.node(12, 0, "copy.mp3", Some(1), 1, Some(101));
    server.belongs(12, 101);
    server.node(13, 0, "empty", Some(1), 1, None);
    server.node(14, 0, "3c2f9d4e", None, 1, Some(103));
    server.entity(103, 14, 0, b"in the trash");
    let restore = "INSERT INTO metadata (name, value, file_id) VALUES ('sys:restore_uri', ?1, 14)";
    server.db.execute(restore, ["cloudreve://my/docs/old%20file.txt"]).unwrap();
    server.node(15, 1, "shared by bob", Some(1), 1, None);
    server.db.execute("UPDATE files SET is_symbolic = true WHERE id = 15", []).unwrap();
    server.node(20, 0, "bob.txt", Some(2), 2, Some(104));
    server.entity(104, 20, 0, b"bob's");
    for (id, file, name, downloads) in
        [(7, 11, "Old Name.mp3", 41), (8, 20, "bob.txt", 0), (9, 14, "t.txt", 0)]
    {
        let link =
            "INSERT INTO direct_links (id, file_id, name, downloads, speed) VALUES (?1, ?2, ?3, ?4, 500)";
        server.db.execute(link, params![id, file, name, downloads]).unwrap();
    }
    for (id, file, password, expires, remain) in [
        (3, 10, Some("pw"), None, Some(2)),
        (4, 11, None, Some(AT), None),
        (5, 11, None, None, Some(0)),
        (6, 20, None, None, None),
    ] {
        let share = "INSERT INTO shares (id, file_shares, password, expires, remain_downloads) VALUES (?1,?2,?3,?4,?5)";
        server.db.execute(share, params![id, file, password, expires, remain]).unwrap();
    }
    server
}

#[test]
fn what_was_handed_out_goes_on_working() {
    if other().is_some() {
        return;
    }
    let server = server();
    let printed = server.ok(&[]);
    assert_eq!(printed["drives"], 2);
    assert_eq!(
        (&printed["folders"], &printed["files"], &printed["versions"]),
        (&json!(1), &json!(5), &json!(6))
    );
    assert_eq!(
        (&printed["trashed"], &printed["links"], &printed["shares"]),
        (&json!(1), &json!(2), &json!(1))
    );
    assert_eq!(printed["left_out"]["thumbnail"], 1);
    assert_eq!(printed["left_out"]["share-over"], 2);

    let api = server.open();
    for (entity, content) in [(100, "first"), (101, "second"), (103, "in the trash"), (104, "bob's")] {
        let reply = get(&api, &server.url(entity, "any name.mp3"));
        assert_eq!((reply.status, text(&reply).as_str()), (200, content), "{entity}");
    }
    assert!(text(&get(&api, &server.url(102, "x"))).contains("40077"), "a thumbnail did not come along");

    let link = |id: u64, name: &str| format!("/f/{}/{name}", server.ids.encode(id, HashKind::SourceLink));
    let reply = get(&api, &link(7, "Old%20Name.mp3"));
    assert_eq!(reply.status, 302);
    let reply = get(&api, reply.header("Location").unwrap());
    assert_eq!(
        (text(&reply).as_str(), reply.pace),
        ("first", Some(500)),
        "the primary entity, at the old speed"
    );
    for (id, name) in [(8, "bob.txt"), (9, "t.txt"), (7, "The%20Man.mp3")] {
        assert_eq!(get(&api, &link(id, name)).status, 404, "{name}");
    }

    let alice = Caller::of("alice@example.org");
    let named = format!("cloudreve://{}@my/docs/The%20Man.mp3", server.ids.encode(1, HashKind::User));
    assert_eq!(ask(&api, &alice, &named).0, 0);
    assert_eq!(ask(&api, &Caller::of("bob@example.org"), &named).0, 403);
    let shared = |id: u64, password: &str, path: &str| {
        format!("cloudreve://{}{password}@share/{path}", server.ids.encode(id, HashKind::Share))
    };
    let nobody = Caller::anonymous();
    assert_eq!(ask(&api, &nobody, &shared(3, "", "The%20Man.mp3")).0, 40069);
    assert_eq!(ask(&api, &nobody, &shared(3, ":pw", "The%20Man.mp3")).0, 0);
    assert_eq!(ask(&api, &nobody, &shared(3, ":pw", "The%20Man.mp3")).0, 0);
    assert_eq!(ask(&api, &nobody, &shared(3, ":pw", "The%20Man.mp3")).0, 404, "two were left");
    for id in [4, 5, 6] {
        assert_eq!(ask(&api, &nobody, &shared(id, "", "The%20Man.mp3")).0, 404);
    }
}

#[test]
fn the_tree_comes_with_its_versions_times_and_trash() {
    if other().is_some() {
        return;
    }
    let server = server();
    server.ok(&[]);
    let store = Store::open(server.test.store(), Options::new()).unwrap();
    let drive = store.find_drive("alice@example.org").unwrap().unwrap();
    let versions = drive.versions("docs/The Man.mp3", None, 9).unwrap();
    assert_eq!(versions.iter().map(|v| (v.size, v.current)).collect::<Vec<_>>(), [(6, false), (5, true)]);
    assert_eq!(versions[0].modified, Time(1_749_528_415_011_624));
    assert_eq!(drive.stat("empty").unwrap().current.unwrap().size, 0);
    assert_eq!(text(&get(&Api::new(&store), &server.url(101, "x"))), "second");
    let link = drive.links("docs/The Man.mp3").unwrap().remove(0);
    assert_eq!((link.name.as_str(), link.downloads), ("Old Name.mp3", 41));
    assert!(drive.stat("docs/old file.txt").is_err());
    let trash = drive.list_trash(None, 9).unwrap();
    assert_eq!(trash[0].path, "docs/old file.txt");
    drive.restore(trash[0].file, None).unwrap();
    assert_eq!(drive.open_file("docs/old file.txt").unwrap().to_vec(99).unwrap(), b"in the trash");
}

#[test]
fn an_import_is_all_or_says_what_is_missing() {
    if other().is_some() {
        return;
    }
    let server = server();
    std::fs::remove_file(server.folder().join("data/uploads/1/101_x")).unwrap();
    std::fs::write(server.folder().join("data/uploads/1/104_x"), b"longer than it was").unwrap();
    let output = server.import(&server.folder(), &[]);
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{printed}");
    assert!(printed.contains("contents") && printed.contains("101_x"), "{printed}");
    let printed = server.ok(&["--skip-missing"]);
    assert_eq!(printed["left_out"]["content-missing"], 3, "{printed}");
    assert_eq!(printed["left_out"]["content-length"], 2, "{printed}");
    assert_eq!(printed["files"], 3, "{printed}");
    let output = server.import(&server.folder(), &["--skip-missing"]);
    assert_eq!(output.status.code(), Some(3), "a store that holds something takes no import");
}

#[test]
fn nothing_outside_the_uploads_is_read() {
    if other().is_some() {
        return;
    }
    let server = server();
    let outside = server.test.dir.path().join("secret");
    std::fs::write(&outside, b"first").unwrap();
    let inside = server.folder().join("data/uploads/1/link");
    std::os::unix::fs::symlink(&outside, inside).unwrap();
    for source in
        ["../secret", outside.to_str().unwrap(), "data/uploads/../../../secret", "data/uploads/1/link"]
    {
        server.db.execute("UPDATE entities SET source = ?1 WHERE id = 100", [source]).unwrap();
        assert_eq!(server.import(&server.folder(), &[]).status.code(), Some(2), "{source}");
    }
}

#[test]
fn no_link_in_the_uploads_is_followed() {
    if other().is_some() {
        return;
    }
    let server = server();
    let outside = server.test.dir.path().join("private");
    std::fs::create_dir_all(outside.join("deeper")).unwrap();
    std::fs::write(outside.join("first"), b"first").unwrap();
    std::fs::write(outside.join("deeper/first"), b"first").unwrap();
    let user = server.folder().join("data/uploads/1");
    std::os::unix::fs::symlink(&outside, user.join("folder")).unwrap();
    std::os::unix::fs::symlink("folder", user.join("twice")).unwrap();
    std::os::unix::fs::symlink(".", user.join("self")).unwrap();
    let of_entity = server.folder().join("data/uploads/1/100_x");
    assert!(of_entity.is_file());
    for source in ["folder/first", "folder/deeper/first", "twice/first", "self/100_x"] {
        let source = format!("data/uploads/1/{source}");
        assert!(server.folder().join(&source).is_file(), "by a link it is there: {source}");
        server.db.execute("UPDATE entities SET source = ?1 WHERE id = 100", [&source]).unwrap();
        let output = server.import(&server.folder(), &[]);
        assert_eq!(output.status.code(), Some(2), "{source}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let fifo = user.join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    server
        .db
        .execute("UPDATE entities SET source = 'data/uploads/1/fifo', size = 0 WHERE id = 100", [])
        .unwrap();
    assert_eq!(server.import(&server.folder(), &[]).status.code(), Some(2), "a pipe is not waited for");
}

#[test]
fn no_two_users_share_a_drive() {
    if other().is_some() {
        return;
    }
    let server = server();
    // 5 has no address; 4 and 6 have what 5's drive would be called.
    for (id, email) in [(4, "user-5"), (5, ""), (6, "user-5 (2)"), (7, "a/b"), (8, "user-7")] {
        let user = "INSERT INTO users (id, email, status) VALUES (?1, ?2, 'active')";
        server.db.execute(user, params![id, email]).unwrap();
        server.node(id * 1000, 1, "", None, id, None);
        server.node(id * 1000 + 1, 1, &format!("of {id}"), Some(id * 1000), id, None);
    }
    let printed = server.ok(&[]);
    let store = Store::open(server.test.store(), Options::new()).unwrap();
    let of = |name: &str| {
        let drive = store.find_drive(name).unwrap().unwrap_or_else(|| panic!("no drive {name}"));
        drive.list("", None, 100).unwrap().into_iter().map(|entry| entry.name).collect::<Vec<_>>()
    };
    for (name, id) in [("user-5", 4), ("user-5 (3)", 5), ("user-5 (2)", 6), ("user-7 (2)", 7), ("user-7", 8)]
    {
        assert_eq!(of(name), [format!("of {id}")], "{name}");
    }
    assert_eq!(printed["drives"], 7, "{printed}");
}

#[test]
fn names_that_cannot_be_are_changed_or_left_out_and_the_rest_is_imported() {
    if other().is_some() {
        return;
    }
    let server = server();
    let long = "n".repeat(255);
    let mut above = 1;
    for (id, name) in
        [(900, long.as_str()), (901, &long), (902, "x"), (903, "x (2)"), (904, "x"), (905, ".."), (906, "")]
    {
        server.node(id, 1, name, Some(1), 1, None);
    }
    // Deeper than a path can be.
    for depth in 0..140 {
        server.node(2000 + depth, 1, "deep", Some(above), 1, None);
        above = 2000 + depth;
    }
    server.node(3000, 1, "after", Some(1), 1, None);
    let printed = server.ok(&[]);
    let store = Store::open(server.test.store(), Options::new()).unwrap();
    let drive = store.find_drive("alice@example.org").unwrap().unwrap();
    let mut names: Vec<String> =
        drive.list("", None, 1000).unwrap().into_iter().map(|entry| entry.name).collect();
    names.retain(|name| name.starts_with(['n', 'x', '_']) || name == "after");
    names.sort();
    let second = format!("{} (2)", "n".repeat(251));
    assert_eq!(names, ["_", "_ (2)", "after", &second, &long, "x", "x (2)", "x (3)"]);
    assert_eq!(printed["left_out"]["too-deep"], 12, "{printed}");
}

#[test]
fn what_is_encrypted_elsewhere_or_not_whole_is_not_taken_for_content() {
    if other().is_some() {
        return;
    }
    let server = server();
    for (set, back) in [
        ("recycle_options = '{\"encrypt_metadata\": {\"key\": \"x\"}}'", "recycle_options = '{}'"),
        ("storage_policy_entities = 2", "storage_policy_entities = 1"),
    ] {
        server.db.execute(&format!("UPDATE entities SET {set} WHERE id = 100"), []).unwrap();
        assert_eq!(server.import(&server.folder(), &[]).status.code(), Some(2), "{set}");
        server.db.execute(&format!("UPDATE entities SET {back} WHERE id = 100"), []).unwrap();
    }
    // What was never finished is missed by nobody.
    server.db.execute("UPDATE entities SET upload_session_id = 'a' WHERE id = 101", []).unwrap();
    assert_eq!(server.ok(&[])["left_out"]["unfinished-upload"], 3);
}

#[test]
fn the_folder_key_and_salt_may_be_given() {
    if other().is_some() {
        return;
    }
    let server = server();
    server.db.execute("DELETE FROM settings", []).unwrap();
    assert_eq!(server.import(&server.folder(), &[]).status.code(), Some(2));
    let key = server.test.fresh();
    std::fs::write(&key, format!("{SECRET}\n")).unwrap();
    let uploads = server.folder().join("data/uploads");
    let more = ["--secret-key", key.to_str().unwrap(), "--hash-salt", SALT];
    let output = server.import(&uploads, &more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(!printed.contains(SECRET));
    assert_eq!(text(&get(&server.open(), &server.url(100, "x"))), "first");
    let other = server.test.fresh();
    std::fs::write(&other, b"no database").unwrap();
    let args = ["import", "cloudreve", "--database", other.to_str().unwrap(), "--uploads", "/"];
    assert_eq!(server.test.run(&args).status.code(), Some(1));
}

/// Writes a database as text.
const DUMP: &str = "
import sqlite3, sys
with open(sys.argv[2], 'w', encoding='utf-8') as out:
    out.writelines(line + '\\n' for line in sqlite3.connect(sys.argv[1]).iterdump())
";

#[test]
fn a_dump_gives_what_its_database_gives() {
    if other().is_some() {
        return;
    }
    let server = server();
    server.db.execute("UPDATE files SET name = ?1 WHERE id = 12", ["it's; a\ncopy"]).unwrap();
    let dump = server.test.fresh();
    let mut python = std::process::Command::new("python3");
    let status = python.args(["-c", DUMP]).arg(server.database()).arg(&dump).status();
    assert!(status.expect("python3 is not there; install it").success());
    let output = server.import_from(&dump, &server.folder(), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&printed["files"], &printed["versions"], &printed["links"]),
        (&json!(5), &json!(6), &json!(2))
    );
    assert_eq!(text(&get(&server.open(), &server.url(100, "x"))), "first");
    let again = TestStore::new();
    let (database, uploads) = (server.database(), server.folder());
    let args = ["--database", database.to_str().unwrap(), "--uploads", uploads.to_str().unwrap()];
    let output = again.run(&[&["--json", "import", "cloudreve"], &args[..]].concat());
    assert_eq!(printed, serde_json::from_slice::<Value>(&output.stdout).unwrap());
}

#[test]
fn what_is_no_whole_dump_of_sqlite_is_refused_with_what_to_do() {
    if other().is_some() {
        return;
    }
    let server = server();
    let path = server.test.fresh();
    for (dump, printed) in [
        ("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE users (id);\n", "make it again"),
        (
            "BEGIN TRANSACTION;\nCREATE TABLE other (id);\nCOMMIT;\n",
            "cannot be read as a database of Cloudreve v4",
        ),
        ("a letter", "cannot be read as a database of Cloudreve v4"),
    ] {
        std::fs::write(&path, dump).unwrap();
        let output = server.import_from(&path, &server.folder(), &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(printed), "{error}");
    }
    server.ok(&[]);
}
