//! Faults of the import that were mended: each test holds for the code as it is, and finds its fault
//! when that is planted again.

use std::path::PathBuf;

use holdall::{Drive, Options, Store};
use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::Cloudreve;
use super::mutant::{Mutant, plant};

/// The tables that an import reads, with the columns that it cannot do without.
const TABLES: &str = "
CREATE TABLE users (id INTEGER PRIMARY KEY, deleted_at, email TEXT, status TEXT DEFAULT 'active');
CREATE TABLE files (id INTEGER PRIMARY KEY, type INTEGER, name TEXT, owner_id INTEGER,
    primary_entity INTEGER, is_symbolic BOOL DEFAULT false, file_children INTEGER);
CREATE TABLE entities (id INTEGER PRIMARY KEY, updated_at, deleted_at, type INTEGER DEFAULT 0, source TEXT,
    size INTEGER, reference_count INTEGER DEFAULT 1, upload_session_id, storage_policy_entities INTEGER);
CREATE TABLE file_entities (file_id INTEGER, entity_id INTEGER);
CREATE TABLE direct_links (id INTEGER PRIMARY KEY, deleted_at, name TEXT, downloads INTEGER, speed INTEGER,
    file_id INTEGER);
CREATE TABLE shares (id INTEGER PRIMARY KEY, deleted_at, password TEXT, views INTEGER, downloads INTEGER,
    expires, remain_downloads INTEGER, file_shares INTEGER);
CREATE TABLE metadata (deleted_at, name TEXT, value TEXT, file_id INTEGER);
CREATE TABLE settings (deleted_at, name TEXT, value TEXT);
CREATE TABLE storage_policies (id INTEGER PRIMARY KEY, type TEXT);
INSERT INTO storage_policies VALUES (1, 'local');
INSERT INTO settings (name, value) VALUES ('secret_key', 'a-key-of-enough-bytes-for-signing'), ('hash_id_salt', 'salt');
";

/// The folder of a server and the store that it is imported into, in one directory.
struct Server {
    dir: TempDir,
    db: Connection,
}

impl Server {
    fn new() -> Server {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("server/data/uploads")).unwrap();
        let db = Connection::open(dir.path().join("server/data/cloudreve.db")).unwrap();
        db.execute_batch(TABLES).unwrap();
        Server { dir, db }
    }

    /// A user, whose root has the thousandfold of the id.
    fn user(&self, id: i64, email: &str) -> i64 {
        self.db.execute("INSERT INTO users (id, email) VALUES (?1, ?2)", params![id, email]).unwrap();
        self.folder(id * 1000, "", None, id)
    }

    fn folder(&self, id: i64, name: &str, parent: Option<i64>, owner: i64) -> i64 {
        self.node(id, 1, name, parent, owner, None)
    }

    fn node(
        &self,
        id: i64,
        kind: i64,
        name: &str,
        parent: Option<i64>,
        owner: i64,
        primary: Option<i64>,
    ) -> i64 {
        let node = "INSERT INTO files (id, type, name, file_children, owner_id, primary_entity)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.db.execute(node, params![id, kind, name, parent, owner, primary]).unwrap();
        id
    }

    /// A file in a user's root, whose content the database says to be somewhere.
    fn file(&self, id: i64, owner: i64, source: &str, len: usize) {
        let entity = "INSERT INTO entities (id, updated_at, source, size, storage_policy_entities)
            VALUES (?1, '2025-06-10 12:06:55+00:00', ?2, ?3, 1)";
        self.db.execute(entity, params![id, source, i64::try_from(len).unwrap()]).unwrap();
        self.db.execute("INSERT INTO file_entities VALUES (?1, ?1)", [id]).unwrap();
        self.node(id, 0, &format!("file {id}"), Some(owner * 1000), owner, Some(id));
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Imports all that can be.
    fn imported(&self) -> Store {
        let server = Cloudreve::new(self.at("server")).skip_missing(true).open().unwrap();
        let store = Store::open(self.at("store"), Options::new()).unwrap();
        server.import(&store, |_| Ok(())).unwrap();
        store
    }
}

fn names(drive: &Drive) -> Vec<String> {
    drive.list("", None, 1000).unwrap().into_iter().map(|entry| entry.name).collect()
}

/// Runs a check that panics where it finds the fault: without it, and with it.
#[track_caller]
fn finds(fault: Mutant, check: impl Fn() + std::panic::RefUnwindSafe) {
    plant(None);
    check();
    plant(Some(fault));
    let found = std::panic::catch_unwind(&check).is_err();
    plant(None);
    assert!(found, "{fault:?} was planted and not found");
}

#[test]
fn nothing_of_the_machine_comes_along_by_a_link() {
    finds(Mutant::LinkedFolders, || {
        let server = Server::new();
        server.user(1, "alice@example.org");
        let uploads = server.at("server/data/uploads");
        for id in 10..30 {
            std::fs::write(uploads.join(id.to_string()), b"own").unwrap();
            server.file(id, 1, &format!("data/uploads/{id}"), 3);
        }
        std::fs::create_dir_all(server.at("private/deeper")).unwrap();
        std::fs::write(server.at("private/key"), b"secret").unwrap();
        std::fs::write(server.at("private/deeper/key"), b"secret").unwrap();
        std::os::unix::fs::symlink(server.at("private"), uploads.join("linked")).unwrap();
        server.file(50, 1, "data/uploads/linked/key", 6);
        server.file(51, 1, "data/uploads/linked/deeper/key", 6);
        let drive = server.imported().find_drive("alice@example.org").unwrap().unwrap();
        let came = names(&drive);
        assert_eq!(came.len(), 20, "{came:?}");
        for name in came {
            assert_eq!(drive.open_file(&name).unwrap().to_vec(99).unwrap(), b"own", "{name}");
        }
    });
}

#[test]
fn each_user_has_a_drive_alone() {
    finds(Mutant::SharedDrives, || {
        let server = Server::new();
        let users = [(4, "user-5"), (5, ""), (6, "a/b"), (7, "user-6")];
        for (id, email) in users {
            let root = server.user(id, email);
            server.folder(root + 1, &format!("of {id}"), Some(root), id);
        }
        let store = server.imported();
        let drives = ["user-5", "user-5 (2)", "user-6 (2)", "user-6"];
        for (name, (id, _)) in drives.into_iter().zip(users) {
            let drive = store.find_drive(name).unwrap().expect("each user has a drive");
            assert_eq!(names(&drive), [format!("of {id}")], "{name}");
        }
    });
}

#[test]
fn what_cannot_be_stored_ends_nothing() {
    finds(Mutant::OneEndsAll, || {
        let server = Server::new();
        let root = server.user(1, "alice@example.org");
        let mut above = root;
        for depth in 0..140 {
            above = server.folder(5000 + depth, "deep", Some(above), 1);
        }
        server.folder(6000, "after", Some(root), 1);
        let root = server.user(2, "bob@example.org");
        server.folder(6001, "of bob", Some(root), 2);
        let store = server.imported();
        let of = |email: &str| names(&store.find_drive(email).unwrap().unwrap());
        assert_eq!(
            (of("alice@example.org"), of("bob@example.org")),
            (["after", "deep"].map(str::to_owned).into(), vec!["of bob".to_owned()])
        );
    });
}
