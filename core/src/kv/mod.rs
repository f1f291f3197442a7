//! An ordered key-value store with transactions: the one thing that metadata rests on.
//!
//! Keys and values are bytes, ordered byte by byte within a table. A write transaction sees its
//! own writes; a read transaction sees one snapshot. Bounds that every driver may rely on: a key is
//! under 2 kB, a value under 100 kB, a transaction under 1 MB and one second. The work done in a
//! transaction may be run again, so it has no effect but through the transaction.

use std::ops::Bound;

use crate::{Error, Result};

pub use table::{KeyRange, Table};

pub(crate) use prefetch::{FieldStep, FirstRow, KeyPart, Prefetch, PrefetchRange, RowLink, RowsBelow};

mod backend;
pub(crate) mod driver;
pub(crate) mod memory;
mod merge;
// The embedded driver reads nothing ahead.
#[cfg_attr(not(feature = "postgres"), allow(dead_code))]
pub(crate) mod prefetch;
// Without contents in object storage nothing opens a store over it.
#[cfg(feature = "postgres")]
#[cfg_attr(not(any(test, feature = "remote")), allow(dead_code, unused_imports))]
pub(crate) mod postgres;
pub(crate) mod redb;
#[cfg(test)]
mod suite;
mod table;
mod turn;

/// Is shown a row's key and value.
pub type VisitRow<'v> = dyn FnMut(&[u8], &[u8]) -> Result<Scan> + 'v;

/// Is shown a key's position and its value, if it has one.
pub type VisitMany<'v> = dyn FnMut(usize, Option<&[u8]>) -> Result<()> + 'v;

/// Whether a scan goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// Go on with the next row.
    Next,
    /// Stop here.
    Stop,
}

/// Durability of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Visible at once, durable with the next synced commit.
    Unsynced,
    /// Durable, and quick to reopen after a crash.
    Synced,
}

/// Reads rows.
pub trait Read {
    /// Looks up one key; `found` is given the value, in place.
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>>;

    /// Visits the rows of `range` in order of key (`reverse`: from the last), until the visitor
    /// says [`Scan::Stop`].
    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut VisitRow<'_>) -> Result<()>;

    /// As [`Read::scan`], of rows that a change does not go by: it is not refused because others change them before it
    /// is committed.
    fn glance(
        &self,
        table: Table,
        range: KeyRange<'_>,
        reverse: bool,
        visit: &mut VisitRow<'_>,
    ) -> Result<()> {
        self.scan(table, range, reverse, visit)
    }

    /// Looks up many keys in one round trip; `visit` is called once for each, in order, with its
    /// position and its value if there is one.
    fn get_many(&self, keys: &[(Table, &[u8])], visit: &mut VisitMany<'_>) -> Result<()> {
        for (position, (table, key)) in keys.iter().enumerate() {
            if self.get(*table, key, |value| visit(position, Some(value)))?.is_none() {
                visit(position, None)?;
            }
        }
        Ok(())
    }

    /// Tells what is going to be read. A driver whose rows are far away gets it in one round trip; any other does
    /// not even ask.
    fn prefetch(&self, rows: impl FnOnce() -> Prefetch) -> Result<()> {
        self.prefetch_while(rows, || ()).map(drop)
    }

    /// As [`Read::prefetch`]. What is to be done meanwhile is done if a trip is made, and what it returns is returned.
    fn prefetch_while<T>(
        &self,
        _rows: impl FnOnce() -> Prefetch,
        _meanwhile: impl FnOnce() -> T,
    ) -> Result<Option<T>> {
        Ok(None)
    }
}

/// Reads and changes rows; nothing is seen by others before the commit.
pub trait Write: Read {
    /// Sets a row.
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()>;
    /// Removes a row; one that is not there is no error.
    fn del(&mut self, table: Table, key: &[u8]) -> Result<()>;
    /// Adds to a counter: 8 bytes, little-endian, signed; a missing row counts as 0.
    fn add(&mut self, table: Table, key: &[u8], delta: i64) -> Result<()>;
    /// Refuses the transaction if there is a row under a key, at the latest when it is committed: a driver whose
    /// rows are far away so looks without a trip of its own.
    ///
    /// # Errors
    /// `Locked` when there is one.
    fn expect_absent(&mut self, table: Table, key: &[u8]) -> Result<()> {
        match self.get(table, key, |_| Ok(()))? {
            Some(()) => Err(Error::new(crate::ErrorKind::Locked, "there is a row that must not be there")),
            None => Ok(()),
        }
    }
}

/// Rows in order of their table's byte and their key, each key once.
pub trait SortedRows {
    /// Returns the table, the key and the value of a row; None behind the last.
    fn current(&self) -> Option<(Table, &[u8], &[u8])>;
    /// Goes on to the next row.
    fn advance(&mut self) -> Result<()>;
}

/// Rows that one transaction of a load holds at most.
const LOADED_AT_ONCE: usize = 10_000;

/// A driver.
pub trait Kv: Send + Sync + 'static {
    /// A read transaction.
    type Reader: Read;
    /// A write transaction; dropping it takes everything back.
    type Writer: Write;

    /// Begins to read a snapshot, which the first row that is read fixes at the latest. It has everything that
    /// this process has committed; of others, everything that is older than the driver's options say.
    fn reader(&self) -> Result<Self::Reader>;
    /// Begins to write; waits for the writer before.
    fn writer(&self) -> Result<Self::Writer>;
    /// Ends a write transaction by making it visible.
    ///
    /// # Errors
    /// `Locked` when a driver does not keep other writers away, and one has changed what this one read:
    /// nothing was written then.
    fn commit(&self, writer: Self::Writer, how: Commit) -> Result<()>;
    /// Makes a change in a transaction of its own and commits it; once more from the beginning, as often as
    /// another writer is first.
    ///
    /// # Errors
    /// The change's own, and those of [`Kv::commit`].
    fn write<T>(&self, how: Commit, mut change: impl FnMut(&mut Self::Writer) -> Result<T>) -> Result<T> {
        let mut writer = self.writer()?;
        let value = change(&mut writer)?;
        self.commit(writer, how)?;
        Ok(value)
    }
    /// Fills empty tables, by commits that the next synced one makes durable. Nobody else writes meanwhile.
    fn load(&self, rows: &mut dyn SortedRows) -> Result<()> {
        while rows.current().is_some() {
            let mut writer = self.writer()?;
            let mut left = LOADED_AT_ONCE;
            while let Some((table, key, value)) = rows.current().filter(|_| left > 0) {
                writer.put(table, key, value)?;
                left -= 1;
                rows.advance()?;
            }
            self.commit(writer, Commit::Unsynced)?;
        }
        Ok(())
    }
    /// Lets go of what is locked, once the transactions under way have ended; what begins later is
    /// refused.
    fn close(&self) {}
}

/// Reads the value of a counter.
pub(crate) fn counter(value: &[u8]) -> Result<i64> {
    let bytes = value.try_into().map_err(|_| Error::corrupt("a counter is not 8 bytes long"))?;
    Ok(i64::from_le_bytes(bytes))
}

/// Whether a range holds no key whatever the rows.
pub(crate) fn is_empty(range: KeyRange<'_>) -> bool {
    use Bound::{Excluded, Included, Unbounded};
    match range {
        (Unbounded, _) | (_, Unbounded) => false,
        (Included(first), Included(last)) => first > last,
        (Included(first), Excluded(last)) | (Excluded(first), Included(last) | Excluded(last)) => {
            first >= last
        }
    }
}
