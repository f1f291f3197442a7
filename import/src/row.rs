//! Rows of a database, whatever made it.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

/// Returns whether a table is there and has a column.
pub(super) fn has(db: &Connection, table: &str, column: &str) -> bool {
    db.prepare(&format!("SELECT {column} FROM \"{table}\" LIMIT 0")).is_ok()
}

pub(super) fn rows<T>(
    db: &Connection,
    query: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare(query)?.query_map([], read)?.collect()
}

/// Reads a text. The server's driver writes JSON to SQLite as a BLOB.
pub(super) fn text(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    })
}
