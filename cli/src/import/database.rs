//! What a Cloudreve v4 database says: plain rows, read once, of what was not deleted.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use holdall::{Error, ErrorKind, Result, Time};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::dump::Kind::{Flag, Number, Text};
use super::dump::{self, Table};

/// The tables and columns that are read below.
pub(super) const TABLES: &[Table] = &[
    ("users", &[("id", Number), ("deleted_at", Text), ("email", Text), ("status", Text)]),
    (
        "files",
        &[
            ("id", Number),
            ("type", Number),
            ("name", Text),
            ("file_children", Number),
            ("owner_id", Number),
            ("primary_entity", Number),
            ("is_symbolic", Flag),
        ],
    ),
    (
        "entities",
        &[
            ("id", Number),
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
            ("downloads", Number),
            ("speed", Number),
            ("file_id", Number),
        ],
    ),
    (
        "shares",
        &[
            ("id", Number),
            ("deleted_at", Text),
            ("password", Text),
            ("expires", Text),
            ("remain_downloads", Number),
            ("views", Number),
            ("downloads", Number),
            ("file_shares", Number),
        ],
    ),
    ("metadata", &[("deleted_at", Text), ("name", Text), ("value", Text), ("file_id", Number)]),
    ("settings", &[("deleted_at", Text), ("name", Text), ("value", Text)]),
    ("storage_policies", &[("id", Number), ("type", Text)]),
];

/// A user.
pub(super) struct User {
    pub(super) id: u64,
    pub(super) email: String,
    pub(super) active: bool,
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
}

/// One content of a file.
pub(super) struct Entity {
    pub(super) id: u64,
    pub(super) kind: i64,
    pub(super) source: String,
    pub(super) size: u64,
    pub(super) modified: Option<Time>,
    /// Whether it is whole, on the server's own disk, and not encrypted.
    pub(super) usable: bool,
}

/// A direct link.
pub(super) struct Link {
    pub(super) id: u64,
    pub(super) file: u64,
    pub(super) name: String,
    pub(super) downloads: u64,
    pub(super) speed: u64,
}

/// A share.
pub(super) struct Share {
    pub(super) id: u64,
    pub(super) file: u64,
    pub(super) password: String,
    pub(super) expires: Option<Time>,
    pub(super) remain: Option<i64>,
    pub(super) views: u64,
    pub(super) downloads: u64,
}

/// All that is imported.
pub(super) struct Database {
    pub(super) users: Vec<User>,
    pub(super) nodes: Vec<Node>,
    pub(super) entities: HashMap<u64, Entity>,
    /// The entities of each file, oldest first.
    pub(super) contents: BTreeMap<u64, Vec<u64>>,
    pub(super) links: Vec<Link>,
    pub(super) shares: Vec<Share>,
    /// Where what lies in the trash was, by file.
    pub(super) trashed: HashMap<u64, String>,
    pub(super) settings: HashMap<String, String>,
}

impl Database {
    /// Reads a database or the text of its dump, which is not changed. Moments that bear no offset from
    /// UTC have this one.
    pub(super) fn read(path: &Path, offset: &str) -> Result<Database> {
        let told = |cause: rusqlite::Error| {
            Error::with_source(
                ErrorKind::InvalidArgument,
                format!("{} is no database of Cloudreve v4", path.display()),
                cause,
            )
        };
        read(&dump::open(path, TABLES)?, offset).map_err(told)
    }

    /// Returns the highest id of entities, and that of all else that has hash ids.
    pub(super) fn highest(&self) -> (u64, u64) {
        let users = self.users.iter().map(|user| user.id);
        let links = self.links.iter().map(|link| link.id);
        let shares = self.shares.iter().map(|share| share.id);
        let entities = self.entities.keys().copied().max().unwrap_or(0);
        (entities, users.chain(links).chain(shares).max().unwrap_or(0))
    }
}

fn read(db: &Connection, offset: &str) -> rusqlite::Result<Database> {
    let users =
        rows(db, "SELECT id, email, status FROM users WHERE deleted_at IS NULL ORDER BY id", |row| {
            Ok(User { id: id(row, 0)?, email: row.get(1)?, active: row.get::<_, String>(2)? == "active" })
        })?;
    let query =
        "SELECT id, type, name, file_children, owner_id, primary_entity, is_symbolic FROM files ORDER BY id";
    let nodes = rows(db, query, |row| {
        Ok(Node {
            id: id(row, 0)?,
            folder: row.get::<_, i64>(1)? == 1,
            name: row.get(2)?,
            parent: some_id(row, 3)?,
            owner: id(row, 4)?,
            primary: some_id(row, 5)?.filter(|id| *id > 0),
            symbolic: row.get(6)?,
        })
    })?;
    // Releases differ in what the column of an entity's properties is called.
    let has = |column: &str| db.prepare(&format!("SELECT {column} FROM entities LIMIT 0")).is_ok();
    let props = ["recycle_options", "props"].into_iter().find(|column| has(column));
    let props = props.map_or("NULL".to_owned(), |column| format!("e.{column}"));
    let query = format!(
        "SELECT e.id, e.type, e.source, e.size, e.updated_at, e.upload_session_id, {props}, p.type \
         FROM entities e JOIN storage_policies p ON p.id = e.storage_policy_entities \
         WHERE e.deleted_at IS NULL AND e.reference_count > 0"
    );
    let entities = rows(db, &query, |row| {
        let options: Option<String> = row.get(6)?;
        let encrypted = options.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
        let encrypted = encrypted
            .is_some_and(|options| options.get("encrypt_metadata").is_some_and(|told| !told.is_null()));
        let uploading = !matches!(row.get_ref(5)?, ValueRef::Null);
        Ok(Entity {
            id: id(row, 0)?,
            kind: row.get(1)?,
            source: row.get(2)?,
            size: count(row, 3)?,
            modified: moment(row, 4, offset)?,
            usable: !encrypted && !uploading && row.get::<_, String>(7)? == "local",
        })
    })?;
    let pairs =
        rows(db, "SELECT file_id, entity_id FROM file_entities ORDER BY file_id, entity_id", |row| {
            Ok((id(row, 0)?, id(row, 1)?))
        })?;
    let mut contents: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (file, entity) in pairs {
        contents.entry(file).or_default().push(entity);
    }
    let query =
        "SELECT id, file_id, name, downloads, speed FROM direct_links WHERE deleted_at IS NULL ORDER BY id";
    let links = rows(db, query, |row| {
        Ok(Link {
            id: id(row, 0)?,
            file: id(row, 1)?,
            name: row.get(2)?,
            downloads: count(row, 3)?,
            speed: count(row, 4)?,
        })
    })?;
    let query = "SELECT id, file_shares, password, expires, remain_downloads, views, downloads FROM shares \
                 WHERE deleted_at IS NULL AND file_shares IS NOT NULL ORDER BY id";
    let shares = rows(db, query, |row| {
        let password: Option<String> = row.get(2)?;
        Ok(Share {
            id: id(row, 0)?,
            file: id(row, 1)?,
            password: password.unwrap_or_default(),
            expires: end(row, 3, offset)?,
            remain: row.get(4)?,
            views: count(row, 5)?,
            downloads: count(row, 6)?,
        })
    })?;
    let query = "SELECT file_id, value FROM metadata WHERE deleted_at IS NULL AND name = 'sys:restore_uri'";
    let trashed = rows(db, query, |row| Ok((id(row, 0)?, row.get(1)?)))?;
    let settings = rows(db, "SELECT name, value FROM settings WHERE deleted_at IS NULL", |row| {
        Ok((row.get(0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default()))
    })?;
    Ok(Database {
        users,
        nodes,
        entities: entities.into_iter().map(|entity| (entity.id, entity)).collect(),
        contents,
        links,
        shares,
        trashed: trashed.into_iter().collect(),
        settings: settings.into_iter().collect(),
    })
}

fn rows<T>(
    db: &Connection,
    query: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare(query)?.query_map([], read)?.collect()
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

/// Reads a moment: none for what cannot be read as one.
fn moment(row: &Row<'_>, at: usize, offset: &str) -> rusqlite::Result<Option<Time>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Text(text) => std::str::from_utf8(text).ok().and_then(|text| time_of(text, offset)),
        ValueRef::Integer(seconds) => Some(Time::from_unix(seconds)),
        _ => None,
    })
}

/// Reads when something ends: what cannot be read does not make it last for ever.
fn end(row: &Row<'_>, at: usize, offset: &str) -> rusqlite::Result<Option<Time>> {
    let past = Time::from_unix(0);
    Ok(match row.get_ref(at)? {
        ValueRef::Null => None,
        _ => Some(moment(row, at, offset)?.unwrap_or(past)),
    })
}

/// Reads the text of a moment as the driver writes it: RFC 3339 with a space, or with the offset apart
/// and names of zones and clocks behind it; `PostgreSQL` leaves minutes out, `MySQL` the offset.
fn time_of(text: &str, none: &str) -> Option<Time> {
    let mut parts = text.split(['T', ' ']).filter(|part| !part.is_empty());
    let (day, clock) = (parts.next()?, parts.next()?);
    let at = clock.find(['+', '-', 'Z']).unwrap_or(clock.len());
    let (clock, mut offset) = clock.split_at_checked(at)?;
    if offset.is_empty() {
        offset = parts.next().filter(|part| part.starts_with(['+', '-'])).unwrap_or(none);
    }
    let told: jiff::Timestamp = format!("{day}T{clock}{offset}").parse().ok()?;
    Some(Time(told.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_spelling() {
        let at = Some(Time(1_749_528_415_011_624));
        for text in [
            "2025-06-10 12:06:55.011624+08:00",
            "2025-06-10T12:06:55.011624+08:00",
            "2025-06-10 12:06:55.011624 +0800 CST",
            "2025-06-10 12:06:55.011624 +0800 CST m=+0.5",
            "2025-06-10 04:06:55.011624 +0000 UTC",
            "2025-06-10 04:06:55.011624",
            "2025-06-10T04:06:55.011624Z",
            "2025-06-10 12:06:55.011624+08",
            "2025-06-10 09:36:55.011624+05:30",
            "2025-06-09 23:06:55.011624-05",
        ] {
            assert_eq!(time_of(text, "Z"), at, "{text}");
        }
        for (text, none) in [
            ("2025-06-10 12:06:55.011624", "+08:00"),
            ("2025-06-09 23:06:55.011624", "-05"),
            ("2025-06-10 12:06:55.011624+08", "-05"),
        ] {
            assert_eq!(time_of(text, none), at, "{text} {none}");
        }
        for text in [
            "",
            "x",
            "2025-06-10",
            "2025-13-10 00:00:00",
            "0000-00-00 00:00:00",
            "infinity",
            "0001-01-01 00:00:00 x +99:99",
        ] {
            assert!(time_of(text, "Z").is_none() || text.starts_with("0001"), "{text}");
        }
    }
    #[test]
    fn what_is_read_is_what_a_dump_is_asked_for() {
        let db = Connection::open_in_memory().unwrap();
        for (table, columns) in TABLES {
            let columns: Vec<&str> = columns.iter().map(|(column, _)| *column).collect();
            db.execute_batch(&format!("CREATE TABLE {table} ({})", columns.join(", "))).unwrap();
        }
        read(&db, "Z").unwrap();
        for (table, columns) in TABLES {
            // A column that is not read is not asked for. Of the two of properties one is enough.
            for (column, _) in
                columns.iter().filter(|(column, _)| !matches!(*column, "recycle_options" | "props"))
            {
                db.execute_batch(&format!("ALTER TABLE {table} RENAME {column} TO other")).unwrap();
                assert!(read(&db, "Z").is_err(), "{table}.{column}");
                db.execute_batch(&format!("ALTER TABLE {table} RENAME other TO {column}")).unwrap();
            }
        }
    }

    #[test]
    fn an_end_that_cannot_be_read_is_no_promise_to_last() {
        let db = Connection::open_in_memory().unwrap();
        let ends =
            |value: &str| db.query_row(&format!("SELECT {value}"), [], |row| end(row, 0, "Z")).unwrap();
        assert_eq!(ends("NULL"), None);
        assert_eq!(ends("'nonsense'"), Some(Time::from_unix(0)));
        assert_eq!(ends("'1970-01-02 00:00:00'"), Some(Time::from_unix(86_400)));
    }
}
