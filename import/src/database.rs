//! What a Cloudreve v4 database says: plain rows, read once, of what was not deleted.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use holdall::{Error, ErrorKind, Result, Time};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::clock::{self, Clock, end, time};
use super::crypt::Envelope;
use super::dump::Kind::{Bytes, Flag, Number, Text};
use super::dump::{self, Table};
use super::row::{has, rows, text};

/// The tables and columns that are read below.
pub(super) const TABLES: &[Table] = &[
    (
        "users",
        &[
            ("id", Number),
            ("deleted_at", Text),
            ("email", Text),
            ("status", Text),
            ("settings", Text),
            ("avatar", Text),
            ("group_users", Number),
        ],
    ),
    (
        "files",
        &[
            ("id", Number),
            ("created_at", Text),
            ("updated_at", Text),
            ("type", Number),
            ("name", Text),
            ("file_children", Number),
            ("owner_id", Number),
            ("primary_entity", Number),
            ("is_symbolic", Flag),
            ("props", Text),
        ],
    ),
    (
        "entities",
        &[
            ("id", Number),
            ("created_at", Text),
            ("updated_at", Text),
            ("deleted_at", Text),
            ("type", Number),
            ("source", Text),
            ("size", Number),
            ("reference_count", Number),
            ("upload_session_id", Text),
            ("recycle_options", Text),
            ("props", Text),
            ("storage_policy_entities", Number),
        ],
    ),
    ("file_entities", &[("file_id", Number), ("entity_id", Number)]),
    (
        "direct_links",
        &[
            ("id", Number),
            ("deleted_at", Text),
            ("name", Text),
            ("created_at", Text),
            ("downloads", Number),
            ("speed", Number),
            ("file_id", Number),
        ],
    ),
    (
        "shares",
        &[
            ("id", Number),
            ("created_at", Text),
            ("deleted_at", Text),
            ("password", Text),
            ("expires", Text),
            ("remain_downloads", Number),
            ("views", Number),
            ("downloads", Number),
            ("props", Text),
            ("file_shares", Number),
        ],
    ),
    (
        "metadata",
        &[("created_at", Text), ("deleted_at", Text), ("name", Text), ("value", Text), ("file_id", Number)],
    ),
    ("settings", &[("deleted_at", Text), ("name", Text), ("value", Text)]),
    ("storage_policies", &[("id", Number), ("type", Text), ("dir_name_rule", Text)]),
    (
        "groups",
        &[
            ("id", Number),
            ("deleted_at", Text),
            ("name", Text),
            ("max_storage", Number),
            ("speed_limit", Number),
            ("permissions", Bytes),
            ("settings", Text),
        ],
    ),
    ("cd_folders", &[("id", Number)]),
    ("folders", &[("id", Number)]),
    ("dav_accounts", &[("id", Number), ("deleted_at", Text)]),
    ("passkeys", &[("id", Number), ("deleted_at", Text)]),
    ("oauth_grants", &[("id", Number), ("deleted_at", Text)]),
];

/// Columns that older releases, or none, may lack: a column of none is read as empty.
const OPTIONAL: &[(&str, &[&str])] = &[
    ("users", &["settings", "avatar", "group_users"]),
    ("files", &["created_at", "updated_at", "props"]),
    ("entities", &["created_at", "recycle_options", "props"]),
    ("direct_links", &["created_at"]),
    ("shares", &["created_at", "props"]),
    ("metadata", &["created_at"]),
    ("storage_policies", &["dir_name_rule"]),
];

/// Tables that v3 had, with and without the beginning of its names by default.
const OLD: &[&str] = &["cd_folders", "folders"];

/// Tables of what is only counted.
const COUNTED: &[&str] = &["dav_accounts", "passkeys", "oauth_grants"];

/// A user.
pub(super) struct User {
    pub(super) id: u64,
    pub(super) email: String,
    pub(super) status: String,
    pub(super) settings: Option<String>,
    pub(super) avatar: bool,
    pub(super) group: Option<u64>,
}

impl User {
    pub(super) fn is_active(&self) -> bool {
        self.status == "active"
    }
}

/// What the users of a group may do.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) max_storage: Option<i64>,
    pub(super) speed: Option<i64>,
    /// A set of bits.
    pub(super) permissions: Vec<u8>,
    pub(super) settings: Option<String>,
}

/// A file or folder.
pub(super) struct Node {
    pub(super) id: u64,
    pub(super) folder: bool,
    pub(super) name: String,
    pub(super) parent: Option<u64>,
    pub(super) owner: u64,
    pub(super) primary: Option<u64>,
    /// Stands for a folder of another user.
    pub(super) symbolic: bool,
    pub(super) created: Option<Time>,
    pub(super) modified: Option<Time>,
    /// How its owner had it shown.
    pub(super) view: bool,
}

/// One content of a file.
pub(super) struct Entity {
    pub(super) id: u64,
    pub(super) kind: i64,
    pub(super) source: String,
    pub(super) size: u64,
    pub(super) created: Option<Time>,
    pub(super) modified: Option<Time>,
    /// Its upload was begun and is not finished.
    pub(super) uploading: bool,
    /// Whether it is on the server's own disk.
    pub(super) local: bool,
    /// How it is encrypted, if it is.
    pub(super) envelope: Option<Envelope>,
}

/// A direct link.
pub(super) struct Link {
    pub(super) id: u64,
    pub(super) file: u64,
    pub(super) name: String,
    pub(super) downloads: u64,
    pub(super) speed: u64,
    pub(super) created: Option<Time>,
}

/// A share.
pub(super) struct Share {
    pub(super) id: u64,
    pub(super) file: u64,
    pub(super) password: String,
    pub(super) created: Option<Time>,
    pub(super) expires: Option<Time>,
    pub(super) remain: Option<i64>,
    pub(super) views: u64,
    pub(super) downloads: u64,
    /// What it shows beside the files.
    pub(super) props: Option<String>,
}

/// Something that is said of a file.
pub(super) struct Note {
    pub(super) file: u64,
    pub(super) name: String,
    pub(super) value: String,
}

/// All that is imported.
pub(super) struct Database {
    pub(super) users: Vec<User>,
    pub(super) groups: HashMap<u64, Group>,
    pub(super) nodes: Vec<Node>,
    pub(super) entities: HashMap<u64, Entity>,
    /// The entities of each file, oldest first.
    pub(super) contents: BTreeMap<u64, Vec<u64>>,
    pub(super) links: Vec<Link>,
    pub(super) shares: Vec<Share>,
    pub(super) notes: Vec<Note>,
    pub(super) settings: HashMap<String, String>,
    /// What the paths of contents begin with, by the rules of the storage policies.
    pub(super) roots: Vec<String>,
    /// How many rows there are of what has no place here, by table.
    pub(super) counted: BTreeMap<&'static str, u64>,
}

impl Database {
    /// Reads a database or the text of its dump, which is not changed. Times without an offset from
    /// UTC have this one, or where it is none the one that the database tells.
    pub(super) fn read(path: &Path, offset: Option<&str>) -> Result<Database> {
        let failed = |cause: rusqlite::Error| {
            Error::with_source(
                ErrorKind::InvalidArgument,
                format!("{} cannot be read as a database of Cloudreve v4", path.display()),
                cause,
            )
        };
        offset.map_or(Ok(()), clock::check)?;
        let db = dump::open(path, TABLES)?;
        if !has(&db, "entities", "id") && OLD.iter().any(|table| has(&db, table, "id")) {
            let message = format!(
                "{} is of Cloudreve v3; upgrade that server to v4 first, which migrates its database, and \
                 import that",
                path.display()
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let clock = Clock::of(&db, offset).map_err(failed)?.ok_or_else(|| {
            let message = format!(
                "the times in {} do not say how far they are from UTC, and what it has twice does not tell \
                 it for all of them; give --utc-offset, such as +08:00, or the server's zone, such as \
                 Europe/Berlin, where its clock is set forward in summer",
                path.display()
            );
            Error::new(ErrorKind::InvalidArgument, message)
        })?;
        read(&db, &clock).map_err(failed)
    }

    /// Returns the highest id of entities, and that of all else that has hash ids.
    pub(super) fn highest(&self) -> (u64, u64) {
        let users = self.users.iter().map(|user| user.id);
        let links = self.links.iter().map(|link| link.id);
        let shares = self.shares.iter().map(|share| share.id);
        let entities = self.entities.keys().copied().max().unwrap_or(0);
        (entities, users.chain(links).chain(shares).max().unwrap_or(0))
    }

    /// Returns where what lies in the trash was, by file.
    pub(super) fn trashed(&self) -> HashMap<u64, String> {
        let notes = self.notes.iter().filter(|note| note.name == "sys:restore_uri");
        notes.map(|note| (note.file, note.value.clone())).collect()
    }
}

fn read(db: &Connection, clock: &Clock) -> rusqlite::Result<Database> {
    let entities = entities(db, clock)?;
    let pairs =
        rows(db, "SELECT file_id, entity_id FROM file_entities ORDER BY file_id, entity_id", |row| {
            Ok((id(row, 0)?, id(row, 1)?))
        })?;
    let mut contents: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (file, entity) in pairs {
        contents.entry(file).or_default().push(entity);
    }
    let settings = rows(db, "SELECT name, value FROM settings WHERE deleted_at IS NULL", |row| {
        Ok((text(row, 0)?.unwrap_or_default(), text(row, 1)?.unwrap_or_default()))
    })?;
    let query = select(db, "storage_policies", &["dir_name_rule"]);
    let roots = rows(db, &query, |row| text(row, 0))?;
    let mut counted = BTreeMap::new();
    for table in COUNTED.iter().filter(|table| has(db, table, "deleted_at")) {
        let query = format!("SELECT count(*) FROM {table} WHERE deleted_at IS NULL");
        counted.insert(*table, db.query_row(&query, [], |row| count(row, 0))?);
    }
    Ok(Database {
        users: users(db)?,
        groups: groups(db)?,
        nodes: nodes(db, clock)?,
        entities: entities.into_iter().map(|entity| (entity.id, entity)).collect(),
        contents,
        links: links(db, clock)?,
        shares: shares(db, clock)?,
        notes: notes(db)?,
        settings: settings.into_iter().collect(),
        roots: roots.into_iter().flatten().collect(),
        counted,
    })
}

fn users(db: &Connection) -> rusqlite::Result<Vec<User>> {
    let query = select(db, "users", &["id", "email", "status", "settings", "avatar", "group_users"]);
    rows(db, &format!("{query} WHERE deleted_at IS NULL ORDER BY id"), |row| {
        Ok(User {
            id: id(row, 0)?,
            email: row.get(1)?,
            status: row.get(2)?,
            settings: text(row, 3)?,
            avatar: text(row, 4)?.is_some_and(|avatar| !avatar.is_empty()),
            group: some_id(row, 5)?,
        })
    })
}

fn groups(db: &Connection) -> rusqlite::Result<HashMap<u64, Group>> {
    if !has(db, "groups", "id") {
        return Ok(HashMap::new());
    }
    // It is a word of SQL too.
    let query = "SELECT id, name, max_storage, speed_limit, permissions, settings FROM \"groups\" \
                 WHERE deleted_at IS NULL";
    let groups = rows(db, query, |row| {
        let group = Group {
            name: text(row, 1)?.unwrap_or_default(),
            max_storage: row.get(2)?,
            speed: row.get(3)?,
            permissions: bytes(row, 4)?,
            settings: text(row, 5)?,
        };
        Ok((id(row, 0)?, group))
    })?;
    Ok(groups.into_iter().collect())
}

fn nodes(db: &Connection, clock: &Clock) -> rusqlite::Result<Vec<Node>> {
    let columns = ["id", "type", "name", "file_children", "owner_id", "primary_entity", "is_symbolic"];
    let query = select(db, "files", &[&columns[..], &["created_at", "updated_at", "props"]].concat());
    rows(db, &format!("{query} ORDER BY id"), |row| {
        Ok(Node {
            id: id(row, 0)?,
            folder: row.get::<_, i64>(1)? == 1,
            name: row.get(2)?,
            parent: some_id(row, 3)?,
            owner: id(row, 4)?,
            primary: some_id(row, 5)?.filter(|id| *id > 0),
            symbolic: row.get(6)?,
            created: time(row, 7, clock)?,
            modified: time(row, 8, clock)?,
            view: text(row, 9)?.is_some_and(|props| props.contains("\"view\"")),
        })
    })
}

fn entities(db: &Connection, clock: &Clock) -> rusqlite::Result<Vec<Entity>> {
    let local = rows(db, "SELECT id FROM storage_policies WHERE type = 'local'", |row| id(row, 0))?;
    // Releases differ in what the column of an entity's properties is called.
    let props = ["recycle_options", "props"].into_iter().find(|column| has(db, "entities", column));
    let columns = ["id", "type", "source", "size", "created_at", "updated_at", "upload_session_id"];
    let more = [props.unwrap_or("props"), "storage_policy_entities"];
    let query = select(db, "entities", &[&columns[..], &more].concat());
    rows(db, &format!("{query} WHERE deleted_at IS NULL AND reference_count > 0"), |row| {
        let policy = id(row, 8)?;
        Ok(Entity {
            id: id(row, 0)?,
            kind: row.get(1)?,
            source: row.get(2)?,
            size: count(row, 3)?,
            created: time(row, 4, clock)?,
            modified: time(row, 5, clock)?,
            uploading: !matches!(row.get_ref(6)?, ValueRef::Null),
            local: local.contains(&policy),
            envelope: text(row, 7)?.and_then(|props| Envelope::of(&props)),
        })
    })
}

fn links(db: &Connection, clock: &Clock) -> rusqlite::Result<Vec<Link>> {
    let query = select(db, "direct_links", &["id", "file_id", "name", "downloads", "speed", "created_at"]);
    rows(db, &format!("{query} WHERE deleted_at IS NULL ORDER BY id"), |row| {
        Ok(Link {
            id: id(row, 0)?,
            file: id(row, 1)?,
            name: row.get(2)?,
            downloads: count(row, 3)?,
            speed: count(row, 4)?,
            created: time(row, 5, clock)?,
        })
    })
}

fn shares(db: &Connection, clock: &Clock) -> rusqlite::Result<Vec<Share>> {
    let columns = ["id", "file_shares", "password", "expires", "remain_downloads", "views", "downloads"];
    let query = select(db, "shares", &[&columns[..], &["props", "created_at"]].concat());
    let query = format!("{query} WHERE deleted_at IS NULL AND file_shares IS NOT NULL ORDER BY id");
    rows(db, &query, |row| {
        Ok(Share {
            id: id(row, 0)?,
            file: id(row, 1)?,
            password: text(row, 2)?.unwrap_or_default(),
            expires: end(row, 3, clock)?,
            remain: row.get(4)?,
            views: count(row, 5)?,
            downloads: count(row, 6)?,
            props: text(row, 7)?,
            created: time(row, 8, clock)?,
        })
    })
}

fn notes(db: &Connection) -> rusqlite::Result<Vec<Note>> {
    let query = "SELECT file_id, name, value FROM metadata WHERE deleted_at IS NULL ORDER BY file_id, name";
    rows(db, query, |row| {
        Ok(Note {
            file: id(row, 0)?,
            name: text(row, 1)?.unwrap_or_default(),
            value: text(row, 2)?.unwrap_or_default(),
        })
    })
}

/// Returns the query for columns of a table; one that may be missing and is gives NULL.
fn select(db: &Connection, table: &str, columns: &[&str]) -> String {
    let optional = OPTIONAL.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, columns)| columns);
    let list = columns.iter().map(|column| match optional.contains(column) && !has(db, table, column) {
        true => "NULL",
        false => column,
    });
    format!("SELECT {} FROM {table}", list.collect::<Vec<_>>().join(", "))
}

/// Reads bytes, which `PostgreSQL` writes in hexadecimal digits behind `\x`.
fn bytes(row: &Row<'_>, at: usize) -> rusqlite::Result<Vec<u8>> {
    let (ValueRef::Text(bytes) | ValueRef::Blob(bytes)) = row.get_ref(at)? else { return Ok(Vec::new()) };
    let digits = bytes.strip_prefix(b"\\x").and_then(|digits| std::str::from_utf8(digits).ok());
    Ok(digits.and_then(dump::hex).unwrap_or_else(|| bytes.to_vec()))
}

fn id(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(at)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(at, number))
}

/// Reads what is counted; less than nothing is nothing.
fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(at)?).unwrap_or(0))
}

fn some_id(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<u64>> {
    match row.get_ref(at)? {
        ValueRef::Null => Ok(None),
        _ => id(row, at).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_a_dump_is_asked_for() {
        let db = Connection::open_in_memory().unwrap();
        for (table, columns) in TABLES {
            let columns: Vec<&str> = columns.iter().map(|(column, _)| *column).collect();
            db.execute_batch(&format!("CREATE TABLE \"{table}\" ({})", columns.join(", "))).unwrap();
        }
        let clock = Clock::of(&db, None).unwrap().unwrap();
        read(&db, &clock).unwrap();
        let read_here = |table: &&str| !COUNTED.contains(table) && !OLD.contains(table);
        for (table, columns) in TABLES.iter().filter(|(table, _)| read_here(table)) {
            let optional =
                OPTIONAL.iter().find(|(name, _)| name == table).map_or(&[][..], |(_, names)| names);
            for (column, _) in *columns {
                // The id of a group tells whether there are any.
                let optional = optional.contains(column) || (*table, *column) == ("groups", "id");
                db.execute_batch(&format!("ALTER TABLE \"{table}\" RENAME {column} TO other")).unwrap();
                assert_eq!(read(&db, &clock).is_ok(), optional, "{table}.{column}");
                db.execute_batch(&format!("ALTER TABLE \"{table}\" RENAME other TO {column}")).unwrap();
            }
        }
    }

    #[test]
    fn a_database_of_v3_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cloudreve.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(
            "CREATE TABLE cd_folders (id INTEGER PRIMARY KEY, name); CREATE TABLE cd_files (id)",
        )
        .unwrap();
        drop(db);
        let dump = dir.path().join("dump.sql");
        let text = "-- MySQL dump 10.13\nCREATE TABLE `cd_folders` (\n  `id` int unsigned NOT NULL,\n  \
                    `name` varchar(255)\n);\nINSERT INTO `cd_folders` VALUES (1,'/');\n-- Dump completed\n";
        std::fs::write(&dump, text).unwrap();
        for path in [path, dump] {
            let error = Database::read(&path, None).err().unwrap();
            assert!(error.to_string().contains("upgrade that server to v4 first"), "{error}");
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
    }

    #[test]
    fn what_the_driver_writes_as_a_blob_is_read_as_text() {
        let db = Connection::open_in_memory().unwrap();
        let read = |value: &str| db.query_row(&format!("SELECT {value}"), [], |row| text(row, 0)).unwrap();
        assert_eq!(read("x'7b7d'").as_deref(), Some("{}"));
        assert_eq!(read("'{}'").as_deref(), Some("{}"));
        assert_eq!(read("NULL"), None);
        let read = |value: &str| db.query_row(&format!("SELECT {value}"), [], |row| bytes(row, 0)).unwrap();
        assert_eq!(read("x'8408'"), [0x84, 0x08]);
        assert_eq!(read("'\\x8408'"), [0x84, 0x08]);
    }
}
