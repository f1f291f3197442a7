//! The driver that the rows of a store are in: the embedded one, or a database (feature `remote`).
//!
//! Without the feature each of these has one variant, and costs nothing.

use std::time::Duration;

#[cfg(feature = "remote")]
use super::postgres::{PostgresKv, PostgresReader, PostgresWriter};
use super::{Commit, KeyRange, Kv, Prefetch, Read, Table, VisitMany, VisitRow, Write};
#[cfg(feature = "remote")]
use crate::Error;
use crate::Result;
use crate::kv::redb::{RedbKv, RedbReader, RedbWriter, Stamp};

/// The rows of a store.
#[cfg_attr(feature = "remote", allow(clippy::large_enum_variant))]
pub(crate) enum StoreKv {
    Embedded(RedbKv),
    #[cfg(feature = "remote")]
    Remote(Box<PostgresKv>),
}

/// A read transaction of a store's rows. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) enum StoreReader {
    Embedded(RedbReader),
    #[cfg(feature = "remote")]
    Remote(PostgresReader),
}

/// A write transaction of a store's rows.
#[cfg_attr(feature = "remote", allow(clippy::large_enum_variant))]
pub(crate) enum StoreWriter {
    Embedded(RedbWriter),
    #[cfg(feature = "remote")]
    Remote(Box<PostgresWriter>),
}

/// Does the same in whichever driver it is.
macro_rules! in_either {
    ($of:expr, $kind:ident, $inner:ident => $work:expr) => {
        match $of {
            $kind::Embedded($inner) => $work,
            #[cfg(feature = "remote")]
            $kind::Remote($inner) => $work,
        }
    };
}

impl StoreKv {
    /// Returns what changes with every commit of the rows that a reader would see; None where nothing tells of those
    /// of others.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        match self {
            StoreKv::Embedded(kv) => kv.stamp(),
            #[cfg(feature = "remote")]
            StoreKv::Remote(kv) => kv.shown().map(Stamp::of_count),
        }
    }

    /// Returns a reader of rows that are as new as a time of [`machine::uptime`](crate::machine::uptime) at least.
    #[cfg_attr(not(feature = "remote"), allow(unused_variables))]
    pub(crate) fn reader_since(&self, since: Duration) -> Result<StoreReader> {
        match self {
            // A reader begins now.
            StoreKv::Embedded(kv) => kv.reader().map(StoreReader::Embedded),
            #[cfg(feature = "remote")]
            StoreKv::Remote(kv) => Ok(StoreReader::Remote(kv.reader_since(since))),
        }
    }

    /// Lets nobody begin to read any more what is older than that of a reader.
    pub(crate) fn leave_older(&self, newer: &StoreReader) {
        match (self, newer) {
            #[cfg(feature = "remote")]
            (StoreKv::Remote(kv), StoreReader::Remote(newer)) => kv.leave_older(newer),
            _ => {}
        }
    }

    /// Lets other processes' openings wait no more for this one; see [`RedbKv::wait_for_others`].
    pub(crate) fn wait_for_others(&self) {
        match self {
            StoreKv::Embedded(kv) => kv.wait_for_others(),
            #[cfg(feature = "remote")]
            StoreKv::Remote(_) => {}
        }
    }
}

impl StoreReader {
    /// Returns a number that two snapshots have in common only if they show the same rows.
    pub(crate) fn number(&self) -> u64 {
        in_either!(self, StoreReader, tx => tx.number())
    }

    /// Whether the rows are as new as a time of [`machine::uptime`](crate::machine::uptime) that is past.
    #[cfg_attr(not(feature = "remote"), allow(unused_variables))]
    pub(crate) fn is_since(&self, since: Duration) -> bool {
        match self {
            StoreReader::Embedded(_) => true,
            #[cfg(feature = "remote")]
            StoreReader::Remote(tx) => tx.is_since(since),
        }
    }
}

impl Read for StoreReader {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        in_either!(self, StoreReader, tx => tx.get(table, key, found))
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut VisitRow<'_>) -> Result<()> {
        in_either!(self, StoreReader, tx => tx.scan(table, range, reverse, visit))
    }

    fn get_many(&self, keys: &[(Table, &[u8])], visit: &mut VisitMany<'_>) -> Result<()> {
        in_either!(self, StoreReader, tx => tx.get_many(keys, visit))
    }

    fn prefetch_while<T>(
        &self,
        rows: impl FnOnce() -> Prefetch,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<Option<T>> {
        in_either!(self, StoreReader, tx => tx.prefetch_while(rows, meanwhile))
    }
}

impl Read for StoreWriter {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        in_either!(self, StoreWriter, tx => tx.get(table, key, found))
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut VisitRow<'_>) -> Result<()> {
        in_either!(self, StoreWriter, tx => tx.scan(table, range, reverse, visit))
    }

    fn glance(
        &self,
        table: Table,
        range: KeyRange<'_>,
        reverse: bool,
        visit: &mut VisitRow<'_>,
    ) -> Result<()> {
        in_either!(self, StoreWriter, tx => tx.glance(table, range, reverse, visit))
    }

    fn get_many(&self, keys: &[(Table, &[u8])], visit: &mut VisitMany<'_>) -> Result<()> {
        in_either!(self, StoreWriter, tx => tx.get_many(keys, visit))
    }

    fn prefetch_while<T>(
        &self,
        rows: impl FnOnce() -> Prefetch,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<Option<T>> {
        in_either!(self, StoreWriter, tx => tx.prefetch_while(rows, meanwhile))
    }
}

impl Write for StoreWriter {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        in_either!(self, StoreWriter, tx => tx.put(table, key, value))
    }

    fn del(&mut self, table: Table, key: &[u8]) -> Result<()> {
        in_either!(self, StoreWriter, tx => tx.del(table, key))
    }

    fn add(&mut self, table: Table, key: &[u8], delta: i64) -> Result<()> {
        in_either!(self, StoreWriter, tx => tx.add(table, key, delta))
    }

    fn expect_absent(&mut self, table: Table, key: &[u8]) -> Result<()> {
        in_either!(self, StoreWriter, tx => tx.expect_absent(table, key))
    }
}

impl Kv for StoreKv {
    type Reader = StoreReader;
    type Writer = StoreWriter;

    fn reader(&self) -> Result<StoreReader> {
        match self {
            StoreKv::Embedded(kv) => kv.reader().map(StoreReader::Embedded),
            #[cfg(feature = "remote")]
            StoreKv::Remote(kv) => kv.reader().map(StoreReader::Remote),
        }
    }

    fn writer(&self) -> Result<StoreWriter> {
        match self {
            StoreKv::Embedded(kv) => kv.writer().map(StoreWriter::Embedded),
            #[cfg(feature = "remote")]
            StoreKv::Remote(kv) => kv.writer().map(|writer| StoreWriter::Remote(Box::new(writer))),
        }
    }

    fn commit(&self, writer: StoreWriter, how: Commit) -> Result<()> {
        match (self, writer) {
            (StoreKv::Embedded(kv), StoreWriter::Embedded(writer)) => kv.commit(writer, how),
            #[cfg(feature = "remote")]
            (StoreKv::Remote(kv), writer) => kv.commit(*of_the_database(writer)?, how),
            #[cfg(feature = "remote")]
            (StoreKv::Embedded(_), StoreWriter::Remote(_)) => Err(of_another_driver()),
        }
    }

    fn write<T>(&self, how: Commit, mut change: impl FnMut(&mut StoreWriter) -> Result<T>) -> Result<T> {
        match self {
            StoreKv::Embedded(kv) => {
                let mut writer = StoreWriter::Embedded(kv.writer()?);
                let value = change(&mut writer)?;
                self.commit(writer, how)?;
                Ok(value)
            }
            #[cfg(feature = "remote")]
            StoreKv::Remote(kv) => kv.write_as(
                |writer| StoreWriter::Remote(Box::new(writer)),
                |writer| of_the_database(writer).map(|writer| *writer),
                change,
            ),
        }
    }

    fn close(&self) {
        in_either!(self, StoreKv, kv => kv.close());
    }
}

#[cfg(feature = "remote")]
fn of_the_database(writer: StoreWriter) -> Result<Box<PostgresWriter>> {
    match writer {
        StoreWriter::Remote(writer) => Ok(writer),
        StoreWriter::Embedded(_) => Err(of_another_driver()),
    }
}

#[cfg(feature = "remote")]
fn of_another_driver() -> Error {
    Error::bug("a transaction was ended in another driver than it was begun in")
}
