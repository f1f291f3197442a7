//! Opens what the database of a server was handed over as: a SQLite file, or the text of a dump of
//! SQLite, `PostgreSQL`, `MySQL` or `MariaDB`.
//!
//! What it is shows at its beginning. Whatever it is, a SQLite database comes of it, which has the
//! tables and columns that are read; a dump that is not whole gives none.

mod error;
mod mysql;
mod postgres;
mod script;
mod sqlite;
#[cfg(test)]
mod suite;
mod tables;
mod text;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use holdall::{Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags};

use error::Fault;
pub(super) use tables::{Kind, Table};
use text::System;

/// Returns the bytes that hexadecimal digits stand for; none of what is none.
pub(super) fn hex(digits: &str) -> Option<Vec<u8>> {
    mysql::hex(digits).ok()
}

/// How much of a file says what it is, in bytes.
const BEGINNING: u64 = 1024;

/// How much of a dump is read at once, in bytes.
const BUFFER: usize = 256 << 10;

/// What a file is, by how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A database, or what SQLite says is none.
    File,
    /// The text of a dump of SQLite's.
    Sqlite,
    /// The text of a dump of a server's.
    Script(System),
    /// What is not read: the name it goes by, and what to do with it.
    Other(&'static str, &'static str),
}

/// Opens a database to read, whichever form it has; from the dump of a server only these tables come.
///
/// # Errors
/// [`ErrorKind::Io`] if the file cannot be read; [`ErrorKind::InvalidArgument`] if it is in a form that
/// is not read, or a dump that is cut short.
pub(super) fn open(path: &Path, wanted: &'static [Table]) -> Result<Connection> {
    let reading = |cause: io::Error| match cause.kind() {
        // A file itself ends nowhere too early: what is compressed in it does.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            let message =
                format!("{} is cut short or damaged: `gunzip` cannot read it; copy it again", path.display());
            Error::with_source(ErrorKind::InvalidArgument, message, cause)
        }
        _ => Error::io(format!("reading {}", path.display()), cause),
    };
    let mut beginning = Vec::new();
    let mut file = File::open(path).map_err(reading)?;
    file.by_ref().take(BEGINNING).read_to_end(&mut beginning).map_err(reading)?;
    let mut all: Box<dyn Read> = Box::new(io::Cursor::new(beginning.clone()).chain(file));
    let is_plain = !beginning.starts_with(GZIP);
    if !is_plain {
        all = Box::new(MultiGzDecoder::new(all));
        beginning.clear();
        all.by_ref().take(BEGINNING).read_to_end(&mut beginning).map_err(reading)?;
        all = Box::new(io::Cursor::new(beginning.clone()).chain(all));
    }
    let mut form = form(&beginning);
    if beginning.starts_with(b"SQLite format 3\0") && !is_plain {
        form = Form::Other("a database that is compressed with gzip", "give what `gunzip` makes of it");
    }
    let (loaded, system, remedy) = match form {
        Form::File => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            return Connection::open_with_flags(path, flags).map_err(|cause| {
                let message = format!("{} is not a SQLite database", path.display());
                Error::with_source(ErrorKind::InvalidArgument, message, cause)
            });
        }
        Form::Sqlite => {
            let mut text = Vec::new();
            all.read_to_end(&mut text).map_err(reading)?;
            (sqlite::load(&text), "SQLite", "`sqlite3 cloudreve.db .dump`, or give the database itself")
        }
        Form::Script(system) => {
            let mut text = BufReader::with_capacity(BUFFER, all);
            let loaded = skip_mark(&mut text).and_then(|()| script::load(text, system, wanted));
            match system {
                System::Postgres => (loaded, "PostgreSQL", "`pg_dump --file=dump.sql`"),
                System::MySql => (
                    loaded,
                    "MySQL",
                    "`mysqldump --single-transaction --default-character-set=utf8mb4 \
                     --result-file=dump.sql`",
                ),
            }
        }
        Form::Other(name, remedy) => {
            let message = format!("{} is {name}; {remedy}", path.display());
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
    };
    loaded.map_err(|fault| match fault.downcast::<std::io::Error>() {
        Ok(cause) => reading(*cause),
        Err(fault) => {
            let message = format!(
                "{} is not a complete dump of {system}: {fault}; make it again with {remedy}",
                path.display()
            );
            Error::new(ErrorKind::InvalidArgument, message)
        }
    })
}

/// Passes over the mark of UTF-8.
fn skip_mark(text: &mut impl BufRead) -> std::result::Result<(), Fault> {
    let mut mark = [0; MARK.len_utf8()];
    let mark = MARK.encode_utf8(&mut mark);
    if text.fill_buf()?.starts_with(mark.as_bytes()) {
        text.consume(mark.len());
    }
    Ok(())
}

const BINARY: Form = Form::Other(
    "a dump of PostgreSQL that is not text",
    "make it one with `pg_restore --file=dump.sql FILE`, and give that",
);
const UTF_16: Form = Form::Other("text in UTF-16", "make it again as UTF-8");

/// How a file begins that gzip made, which is read as what is in it.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// How compressed files begin.
const COMPRESSED: [(&[u8], Form); 5] = [
    (GZIP, Form::Other("compressed with gzip twice", "give what `gunzip` makes of it")),
    (&[0x28, 0xb5, 0x2f, 0xfd], Form::Other("compressed with zstd", "give what `unzstd` makes of it")),
    (&[0x04, 0x22, 0x4d, 0x18], Form::Other("compressed with lz4", "give what `unlz4` makes of it")),
    (&[0xfd, b'7', b'z', b'X', b'Z'], Form::Other("compressed with xz", "give what `unxz` makes of it")),
    (b"BZh", Form::Other("compressed with bzip2", "give what `bunzip2` makes of it")),
];

/// The mark that some editors put before UTF-8.
const MARK: char = '\u{feff}';

/// Returns what a file is.
fn form(beginning: &[u8]) -> Form {
    if let Some((_, form)) = COMPRESSED.iter().find(|(magic, _)| beginning.starts_with(magic)) {
        return *form;
    }
    // The second is an archive of tar, whose first file has that name.
    if beginning.starts_with(b"PGDMP") || beginning.starts_with(b"toc.dat\0") {
        return BINARY;
    }
    if beginning.starts_with(&[0xff, 0xfe]) {
        return UTF_16;
    }
    let text = String::from_utf8_lossy(beginning);
    let text = text.trim_start_matches(MARK).trim_start();
    let is = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if text.starts_with("PRAGMA foreign_keys") || text.starts_with("BEGIN TRANSACTION;") {
        Form::Sqlite
    } else if !text.starts_with(['-', '/', '\\']) {
        Form::File
    } else if is(&["MySQL dump", "MariaDB dump", "enable the sandbox mode", "/*!40101 SET"]) {
        Form::Script(System::MySql)
    } else if is(&["PostgreSQL database", "\\restrict"]) {
        Form::Script(System::Postgres)
    } else {
        Form::File
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQL: Form = Form::Script(System::MySql);
    const POSTGRES: Form = Form::Script(System::Postgres);

    #[test]
    fn what_a_file_is_shows_at_its_beginning() {
        for (beginning, is) in [
            (&b"SQLite format 3\0\x10\0"[..], Form::File),
            (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", Form::Sqlite),
            (b"\xef\xbb\xbfPRAGMA foreign_keys=OFF;\r\nBEGIN", Form::Sqlite),
            (b"BEGIN TRANSACTION;\nCREATE TABLE", Form::Sqlite),
            (b"-- MySQL dump 10.13  Distrib 8.0", MYSQL),
            (b"/*M!999999\\- enable the sandbox mode */ \n", MYSQL),
            (b"--\n-- PostgreSQL database dump\n--\n", POSTGRES),
            (b"\\restrict a1b2\n", POSTGRES),
            (b"PGDMP\x01", BINARY),
            (b"toc.dat\0\0", BINARY),
            (b"\x1f\x8b\x08", COMPRESSED[0].1),
            (b"\xff\xfeP\0R\0", UTF_16),
            (b"no database", Form::File),
            (b"-- a letter", Form::File),
            (b"", Form::File),
        ] {
            assert_eq!(form(beginning), is, "{beginning:?}");
        }
    }
}
