//! Opens what the database of a server was handed over as: a SQLite file, or the text of its dump.
//!
//! What it is shows at its beginning. The statements of a dump run in a database in memory that can
//! reach no file; the text and that database are in memory at once.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use holdall::{Error, ErrorKind, Result};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

/// How much of a file says what it is, in bytes.
const BEGINNING: u64 = 1024;

/// What a file is, by how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A database, or what SQLite says is none.
    File,
    /// The text of a dump of SQLite's.
    Dump,
    /// What is not read: the name it goes by, and what to do with it.
    Other(&'static str, &'static str),
}

/// Opens a database to read, whichever form it has.
///
/// # Errors
/// [`ErrorKind::Io`] if the file cannot be read; [`ErrorKind::InvalidArgument`] if it is the dump of
/// another system, or one that is cut short.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let reading = |cause| Error::io(format!("reading {}", path.display()), cause);
    let mut beginning = Vec::new();
    let mut file = File::open(path).map_err(reading)?;
    file.by_ref().take(BEGINNING).read_to_end(&mut beginning).map_err(reading)?;
    match form(&beginning) {
        Form::File => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Connection::open_with_flags(path, flags).map_err(|cause| {
                let told = format!("{} is no SQLite database", path.display());
                Error::with_source(ErrorKind::InvalidArgument, told, cause)
            })
        }
        Form::Dump => {
            let mut text = beginning;
            file.read_to_end(&mut text).map_err(reading)?;
            load(&text).map_err(|cause| {
                let told = format!(
                    "{} is no whole dump of a SQLite database; make it again with `sqlite3 cloudreve.db \
                     .dump`, or give the database itself",
                    path.display()
                );
                Error::with_source(ErrorKind::InvalidArgument, told, cause)
            })
        }
        Form::Other(name, remedy) => {
            let told = format!("{} is {name}; {remedy}", path.display());
            Err(Error::new(ErrorKind::InvalidArgument, told))
        }
    }
}

/// Runs the statements of a dump. They can attach no file, so they can neither read nor write one.
fn load(text: &[u8]) -> std::result::Result<Connection, Box<dyn std::error::Error + Send + Sync>> {
    let text = std::str::from_utf8(text)?;
    let db = Connection::open_in_memory()?;
    db.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    db.execute_batch(text.trim_start_matches(MARK))?;
    if !db.is_autocommit() {
        return Err("its transaction is not committed".into());
    }
    Ok(db)
}

const MYSQL: Form = Form::Other("a dump of MySQL", COPY);
const POSTGRES: Form = Form::Other("a dump of PostgreSQL", COPY);
const GZIP: Form = Form::Other("compressed with gzip", "give what `gunzip` makes of it");
const UTF_16: Form = Form::Other("text in UTF-16", "make it again as UTF-8");
const COPY: &str = "only SQLite is read: copy the tables of the server's database into a SQLite file, with \
                    db-to-sqlite say, and give that";

/// The mark that some editors put before UTF-8.
const MARK: char = '\u{feff}';

/// Returns what a file is.
fn form(beginning: &[u8]) -> Form {
    if beginning.starts_with(&[0x1f, 0x8b]) {
        return GZIP;
    }
    if beginning.starts_with(b"PGDMP") {
        return POSTGRES;
    }
    if beginning.starts_with(&[0xff, 0xfe]) {
        return UTF_16;
    }
    let text = String::from_utf8_lossy(beginning);
    let text = text.trim_start_matches(MARK).trim_start();
    let is = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if text.starts_with("PRAGMA foreign_keys") || text.starts_with("BEGIN TRANSACTION;") {
        Form::Dump
    } else if !text.starts_with(['-', '/', '\\']) {
        Form::File
    } else if is(&["MySQL dump", "MariaDB dump", "enable the sandbox mode", "/*!40101 SET"]) {
        MYSQL
    } else if is(&["PostgreSQL database", "\\restrict"]) {
        POSTGRES
    } else {
        Form::File
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_shows_at_its_beginning() {
        for (beginning, is) in [
            (&b"SQLite format 3\0\x10\0"[..], Form::File),
            (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", Form::Dump),
            (b"\xef\xbb\xbfPRAGMA foreign_keys=OFF;\r\nBEGIN", Form::Dump),
            (b"BEGIN TRANSACTION;\nCREATE TABLE", Form::Dump),
            (b"-- MySQL dump 10.13  Distrib 8.0", MYSQL),
            (b"/*M!999999\\- enable the sandbox mode */ \n", MYSQL),
            (b"--\n-- PostgreSQL database dump\n--\n", POSTGRES),
            (b"\\restrict a1b2\n", POSTGRES),
            (b"PGDMP\x01", POSTGRES),
            (b"\x1f\x8b\x08", GZIP),
            (b"\xff\xfeP\0R\0", UTF_16),
            (b"no database", Form::File),
            (b"-- a letter", Form::File),
            (b"", Form::File),
        ] {
            assert_eq!(form(beginning), is, "{beginning:?}");
        }
    }

    #[test]
    fn a_dump_is_taken_whole_or_not_at_all() {
        let text = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t (a);\n\
            INSERT INTO t VALUES('x;y'||unistr('\\u000a')||replace('\\n','\\n',char(10)));\nCOMMIT;\n";
        // The end of the line, and the semicolon before it, may be missing.
        for at in text.find("BEGIN").unwrap() + 1..text.len() - 2 {
            assert!(load(&text.as_bytes()[..at]).is_err(), "{at}");
        }
        let db = load(text.as_bytes()).unwrap();
        assert_eq!(db.query_row("SELECT a FROM t", [], |row| row.get::<_, String>(0)).unwrap(), "x;y\n\n");
    }

    #[test]
    fn a_dump_reaches_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        for statement in ["ATTACH DATABASE '{}' AS a; CREATE TABLE a.t (b);", "VACUUM INTO '{}';"] {
            let statement = statement.replace("{}", path.to_str().unwrap());
            assert!(load(statement.as_bytes()).is_err(), "{statement}");
            assert!(!path.exists(), "{statement}");
            Connection::open_in_memory().unwrap().execute_batch(&statement).unwrap();
            assert!(path.exists(), "without the limit it does: {statement}");
            std::fs::remove_file(&path).unwrap();
        }
    }
}
