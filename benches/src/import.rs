//! An import of 100,000 small files from the folder of a Cloudreve server, against `put_many` of the same.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use holdall::{Mode, Put};
use holdall_import::Cloudreve;
use rusqlite::{Connection, params};

use crate::measure::{Table, Want, unit};
use crate::place::{dir, store};

const FILES: u64 = 100_000;
const BATCH: u64 = 1000;
/// Files in a folder.
const FOLDER: u64 = 1000;

/// The tables that an import reads, as a server has them.
const TABLES: &str = "
CREATE TABLE users (id INTEGER PRIMARY KEY, deleted_at, email, status, settings, avatar, group_users INTEGER);
CREATE TABLE files (id INTEGER PRIMARY KEY, created_at, updated_at, type INTEGER, name, owner_id INTEGER,
    size INTEGER, primary_entity INTEGER, is_symbolic BOOL DEFAULT false, file_children INTEGER, props);
CREATE TABLE entities (id INTEGER PRIMARY KEY, created_at, updated_at, deleted_at, type INTEGER, source,
    size INTEGER, reference_count INTEGER DEFAULT 1, upload_session_id, recycle_options,
    storage_policy_entities INTEGER);
CREATE TABLE file_entities (file_id INTEGER, entity_id INTEGER);
CREATE TABLE direct_links (id INTEGER PRIMARY KEY, deleted_at, name, downloads INTEGER, file_id INTEGER,
    speed INTEGER);
CREATE TABLE shares (id INTEGER PRIMARY KEY, deleted_at, password, views INTEGER, downloads INTEGER, expires,
    remain_downloads INTEGER, file_shares INTEGER);
CREATE TABLE metadata (id INTEGER PRIMARY KEY, created_at, deleted_at, name, value, file_id INTEGER);
CREATE TABLE settings (id INTEGER PRIMARY KEY, deleted_at, name, value);
CREATE TABLE storage_policies (id INTEGER PRIMARY KEY, type, dir_name_rule);
INSERT INTO users VALUES (1, NULL, 'alice@example.org', 'active', NULL, NULL, NULL);
INSERT INTO storage_policies VALUES (1, 'local', '/cloudreve/data/uploads/{uid}/{path}');
INSERT INTO settings VALUES (1, NULL, 'secret_key', '0123456789abcdef0123456789abcdef');
INSERT INTO settings VALUES (2, NULL, 'hash_id_salt', 'salt of a benchmark');
INSERT INTO files VALUES (1, NULL, NULL, 1, '', 1, 0, NULL, false, NULL, NULL);
";

const AT: &str = "2026-07-15 12:06:55.011624+08:00";

fn content(number: u64) -> String {
    format!("content {number:08}")
}

/// Makes the folder of a server.
fn server(at: &Path) {
    let uploads = at.join("data/uploads/1");
    std::fs::create_dir_all(&uploads).expect("folders");
    let mut db = Connection::open(at.join("data/cloudreve.db")).expect("a database");
    db.execute_batch(TABLES).expect("tables");
    let change = db.transaction().expect("a transaction");
    {
        let node = "INSERT INTO files VALUES (?1, ?2, ?2, ?3, ?4, 1, ?5, ?6, false, ?7, NULL)";
        let mut node = change.prepare(node).expect("a statement");
        let entity = "INSERT INTO entities (id, created_at, updated_at, type, source, size, \
                      storage_policy_entities) VALUES (?1, ?2, ?2, 0, ?3, ?4, 1)";
        let mut entity = change.prepare(entity).expect("a statement");
        let mut pair = change.prepare("INSERT INTO file_entities VALUES (?1, ?2)").expect("a statement");
        for number in 0..FILES {
            let folder = 2 + number / FOLDER;
            if number % FOLDER == 0 {
                let row = params![folder as i64, AT, 1, format!("f{folder}"), 0, None::<i64>, 1];
                node.execute(row).expect("a folder");
                std::fs::create_dir_all(uploads.join(format!("f{folder}"))).expect("a folder");
            }
            let (text, id) = (content(number), (1_000_000 + number) as i64);
            let name = format!("{number:07}.txt");
            std::fs::write(uploads.join(format!("f{folder}/1_x_{name}")), &text).expect("content");
            let source = format!("/cloudreve/data/uploads/1/f{folder}/1_x_{name}");
            node.execute(params![id, AT, 0, name, text.len() as i64, id, folder as i64]).expect("a file");
            entity.execute(params![id, AT, source, text.len() as i64]).expect("an entity");
            pair.execute(params![id, id]).expect("a pair");
        }
    }
    change.commit().expect("rows");
}

/// Imports a server, and puts what it has by `put_many`.
pub fn import(table: &mut Table) {
    let (place, old, peer) = (dir(), dir(), dir());
    server(old.path());
    let ours = Instant::now();
    {
        let server = Cloudreve::new(old.path()).open().expect("a server");
        let store = store(place.path(), Mode::Exclusive);
        let report = server.import(&store, |_| Ok(())).expect("imported");
        assert_eq!(report.files, FILES);
        store.close().expect("closed");
    }
    let ours = ours.elapsed().as_secs_f64();
    let theirs = Instant::now();
    {
        let store = store(peer.path(), Mode::Exclusive);
        let drive = store.drive("alice@example.org").expect("a drive");
        for start in (0..FILES).step_by(BATCH as usize) {
            let folder = 2 + start / FOLDER;
            let named = |number: u64| (format!("f{folder}/{number:07}.txt"), Bytes::from(content(number)));
            drive.put_many((start..start + BATCH).map(named), &Put::new()).expect("put");
        }
        store.close().expect("closed");
    }
    let theirs = theirs.elapsed().as_secs_f64();
    let shown = format!("{}, {} a file", unit(ours / FILES as f64), unit(theirs / FILES as f64));
    table.row("20", "import of 100,000 small files", "put_many", ours / theirs, Want::AtMost(2.0), &shown);
}
