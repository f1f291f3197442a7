//! SQLite with contents as BLOBs, write-ahead log, every commit synced.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, params};

pub struct Sqlite(pub Connection);

impl Sqlite {
    pub fn open(path: &Path) -> Sqlite {
        let connection = Connection::open(path).expect("a database");
        connection.busy_timeout(Duration::from_secs(60)).expect("a timeout");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE IF NOT EXISTS file (id INTEGER PRIMARY KEY, data BLOB NOT NULL);",
            )
            .expect("a table");
        Sqlite(connection)
    }

    /// Inserts contents in one transaction.
    pub fn put(&mut self, contents: &[Bytes]) {
        // Immediate: a transaction that is to write must not begin by reading.
        let transaction = self
            .0
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .expect("a transaction");
        {
            let mut insert = transaction.prepare_cached("INSERT INTO file (data) VALUES (?1)").expect("sql");
            for content in contents {
                insert.execute(params![content.as_ref()]).expect("inserted");
            }
        }
        transaction.commit().expect("committed");
    }
}
