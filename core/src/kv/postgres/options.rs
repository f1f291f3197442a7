//! How the database is reached and used.

use std::time::Duration;

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
    /// Whether what a call tells of what it is going to read is left unheard, as a control.
    #[cfg(test)]
    pub(crate) one_by_one: bool,
}

impl Default for PostgresOptions {
    fn default() -> PostgresOptions {
        PostgresOptions {
            staleness: Duration::from_secs(1),
            connections: 8,
            patience: Duration::from_secs(30),
            contention: Duration::from_secs(30),
            #[cfg(test)]
            one_by_one: false,
        }
    }
}
