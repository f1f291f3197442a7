//! How the database is reached and used.

use std::time::Duration;

use crate::kv::{RowLink, Table};

/// How rows in a database are read and written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PostgresOptions {
    /// Rows that are read are at most so old; 0 reads each time anew. What this process has committed it
    /// sees at once, whatever this says.
    pub(crate) staleness: Duration,
    /// Connections that read at most; two more write.
    pub(crate) connections: usize,
    /// How long a lost server is waited for, and how long the answer to a statement.
    pub(crate) patience: Duration,
    /// How long a change is tried again that others keep overtaking.
    pub(crate) contention: Duration,
    /// The tables whose rows are added to; None if that may be any.
    pub(crate) counters: Option<&'static [Table]>,
    /// The links that are often read along.
    pub(crate) links: &'static [&'static [RowLink]],
    /// Whether what a call tells of what it is going to read is left unheard, as a control.
    #[cfg(test)]
    pub(crate) one_by_one: bool,
}

impl PostgresOptions {
    /// Whether rows of a table may be added to.
    pub(super) fn counts(&self, table: u8) -> bool {
        self.counters.is_none_or(|counters| counters.iter().any(|counter| counter.byte == table))
    }
}

impl Default for PostgresOptions {
    fn default() -> PostgresOptions {
        PostgresOptions {
            staleness: Duration::from_secs(1),
            connections: 8,
            patience: Duration::from_secs(30),
            contention: Duration::from_secs(30),
            counters: None,
            links: &[],
            #[cfg(test)]
            one_by_one: false,
        }
    }
}
