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
    /// How long the ids of commits are remembered. One that was begun so long ago that its id may be forgotten
    /// is not made any more, and its outcome is not known.
    pub(crate) remembered: Duration,
    /// The tables whose rows are added to; None if that may be any.
    pub(crate) counters: Option<&'static [Table]>,
    /// The links that are often read along.
    pub(crate) links: &'static [&'static [RowLink]],
    /// Whether what a call tells of what it is going to read is left unheard, as a control.
    #[cfg(test)]
    pub(crate) one_by_one: bool,
    /// Whether a commit is made, or looked for, however long ago it was begun, as a control.
    #[cfg(test)]
    pub(crate) ageless: bool,
}

impl PostgresOptions {
    /// Whether rows of a table may be added to.
    pub(super) fn counts(&self, table: u8) -> bool {
        self.counters.is_none_or(|counters| counters.iter().any(|counter| counter.byte == table))
    }

    /// Returns until when a commit may be made, and its id made void, that was begun at a time; both by the
    /// database's clock, in microseconds since 1970 UTC. That is before the id can be forgotten, by as much as the
    /// clock may be set forth or back meanwhile.
    pub(super) fn deadline(&self, begun: i64) -> i64 {
        #[cfg(test)]
        if self.ageless {
            return i64::MAX;
        }
        let remembered = micros(self.remembered);
        begun.saturating_add(remembered.saturating_sub(remembered / 7))
    }
}

impl Default for PostgresOptions {
    fn default() -> PostgresOptions {
        PostgresOptions {
            staleness: Duration::from_secs(1),
            connections: 8,
            patience: Duration::from_secs(30),
            contention: Duration::from_secs(30),
            remembered: Duration::from_secs(7 * 24 * 3600),
            counters: None,
            links: &[],
            #[cfg(test)]
            one_by_one: false,
            #[cfg(test)]
            ageless: false,
        }
    }
}

/// Returns a duration as the database counts it.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
