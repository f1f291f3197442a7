//! Stores of others: LMDB and fjall with contents as values, and cacache, which finds contents by their hash.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use fjall::{Database as Fjall, Keyspace, KeyspaceCreateOptions, PersistMode};
use heed::byteorder::BigEndian;
use heed::types::{Bytes as Value, U64};
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions};

/// LMDB, every commit synced: its default.
pub struct Lmdb {
    env: Env,
    table: Database<'static, U64<BigEndian>, Value>,
}

impl Lmdb {
    #[allow(unsafe_code)]
    pub fn open(path: &Path) -> Lmdb {
        std::fs::create_dir_all(path).expect("a directory");
        // SAFETY: nobody else opens or changes the file while this is open.
        let env = unsafe { EnvOpenOptions::new().map_size(4 << 30).open(path) }.expect("an environment");
        let transaction = env.write_txn().expect("a transaction");
        let made = env.create_databases_and_commit(transaction, |opener, transaction| {
            let made: heed::Result<CommitOrAbort<_, ()>> =
                opener.create_database(transaction, None).map(CommitOrAbort::Commit);
            made
        });
        let table = made.expect("a table").unwrap_commit();
        Lmdb { env, table }
    }

    pub fn put(&self, first: u64, contents: &[Bytes]) {
        let mut transaction = self.env.write_txn().expect("a transaction");
        for (id, content) in (first..).zip(contents) {
            self.table.put(&mut transaction, &id, content).expect("put");
        }
        transaction.commit().expect("committed");
    }

    pub fn get(&self, id: u64, take: impl FnOnce(&[u8]) -> u64) -> u64 {
        let transaction = self.env.read_txn().expect("a transaction");
        take(self.table.get(&transaction, &id).expect("read").expect("there"))
    }
}

/// fjall, every batch synced.
pub struct Tree {
    database: Fjall,
    keyspace: Keyspace,
}

impl Tree {
    pub fn open(path: &Path) -> Tree {
        let database = Fjall::builder(path).open().expect("a database");
        let keyspace = database.keyspace("file", KeyspaceCreateOptions::default).expect("a keyspace");
        Tree { database, keyspace }
    }

    pub fn put(&self, first: u64, contents: &[Bytes]) {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for (id, content) in (first..).zip(contents) {
            batch.insert(&self.keyspace, id.to_be_bytes(), content.as_ref());
        }
        batch.commit().expect("committed");
    }

    pub fn get(&self, id: u64, take: impl FnOnce(&[u8]) -> u64) -> u64 {
        take(&self.keyspace.get(id.to_be_bytes()).expect("read").expect("there"))
    }
}

/// cacache: a file for each content, named by its SHA-256, and a file of entries for each key. It syncs nothing.
pub struct Cacache(PathBuf);

impl Cacache {
    pub fn open(path: &Path) -> Cacache {
        Cacache(path.to_owned())
    }

    pub fn put(&self, first: u64, contents: &[Bytes]) {
        for (id, content) in (first..).zip(contents) {
            cacache::write_sync(&self.0, id.to_string(), content).expect("put");
        }
    }

    pub fn get(&self, id: u64, take: impl FnOnce(&[u8]) -> u64) -> u64 {
        take(&cacache::read_sync(&self.0, id.to_string()).expect("read"))
    }
}
