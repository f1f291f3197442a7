//! The text of SQLite's own dump.

use rusqlite::Connection;
use rusqlite::limits::Limit;

use super::MARK;
use super::error::Fault;

/// Runs the statements of a dump in a database in memory. They can attach no file, so they can neither
/// read nor write one. The text and that database are in memory at once.
pub(super) fn load(text: &[u8]) -> Result<Connection, Fault> {
    let text = std::str::from_utf8(text)?;
    let db = Connection::open_in_memory()?;
    db.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    // A dump that is not of `sqlite3` itself may not say that rows come before what they refer to.
    db.execute_batch("PRAGMA foreign_keys = OFF")?;
    db.execute_batch(text.trim_start_matches(MARK))?;
    if !db.is_autocommit() {
        return Err("its transaction is not committed".into());
    }
    Ok(db)
}

#[cfg(test)]
mod tests {
    use super::*;

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
