//! redb alone, with contents as values.

use std::path::Path;

use redb::{ConcurrencyMode, Database, ReadableDatabase, TableDefinition};

const TABLE: TableDefinition<'static, u64, &'static [u8]> = TableDefinition::new("file");

pub struct Rows(Database);

impl Rows {
    pub fn open(path: &Path, shared: bool) -> Rows {
        let mode = if shared { ConcurrencyMode::MultiWriter } else { ConcurrencyMode::ExclusiveWriter };
        let mut builder = Database::builder();
        builder.set_concurrency_mode(mode).set_cache_size(64 << 20);
        Rows(builder.create(path).expect("a database"))
    }

    /// Inserts one content in a transaction of its own, synced.
    pub fn put(&self, id: u64, content: &[u8]) {
        self.fill([(id, content)]);
    }

    /// Inserts many in one transaction.
    pub fn fill<'a>(&self, contents: impl IntoIterator<Item = (u64, &'a [u8])>) {
        let transaction = self.0.begin_write().expect("a transaction");
        {
            let mut table = transaction.open_table(TABLE).expect("a table");
            for (id, content) in contents {
                table.insert(id, content).expect("inserted");
            }
        }
        transaction.commit().expect("committed");
    }

    /// One read transaction with one get in it; returns the first byte.
    pub fn get(&self, id: u64) -> u8 {
        let transaction = self.0.begin_read().expect("a transaction");
        let table = transaction.open_table(TABLE).expect("a table");
        let value = table.get(id).expect("read").expect("there");
        value.value()[0]
    }
}
