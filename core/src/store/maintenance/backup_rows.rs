//! The rows of a snapshot in order, a page at a time, as a backup fills the tables of a copy.

use std::collections::VecDeque;

use super::check::{Progress, Watch};
use crate::Result;
use crate::catalog::history;
use crate::catalog::prefix::{self, Pair};
use crate::catalog::record::{FileRecord, Record};
use crate::catalog::{segment, table};
use crate::kv::driver::StoreReader;
use crate::kv::{SortedRows, Table};

/// Rows that are read at once.
const PAGE: usize = 1000;
/// Bytes of rows after which the watcher is asked again.
const WATCHED: usize = 4 << 20;

/// All rows of a snapshot but those that each copy has of its own.
pub(super) struct BackupRows<'a, 'w> {
    tx: &'a StoreReader,
    /// The table that is read, and those that follow.
    tables: VecDeque<Table>,
    page: std::vec::IntoIter<Pair>,
    current: Option<Pair>,
    /// The last key that was read, if the table has more behind it.
    after: Option<Vec<u8>>,
    watch: &'a mut Watch<'w>,
    progress: Progress,
    /// Bytes of rows since the watcher was asked.
    unwatched: usize,
    /// Rows so far.
    pub(super) count: u64,
    /// The highest number of a next version so far, or the one to begin with.
    pub(super) versions: u32,
}

impl<'a, 'w> BackupRows<'a, 'w> {
    /// Begins with the first row.
    pub(super) fn new(
        tx: &'a StoreReader,
        watch: &'a mut Watch<'w>,
        progress: Progress,
        versions: u32,
    ) -> Result<BackupRows<'a, 'w>> {
        let mut tables = table::ALL.to_vec();
        tables.sort_by_key(|table| table.byte);
        let mut rows = BackupRows {
            tx,
            tables: tables.into(),
            page: Vec::new().into_iter(),
            current: None,
            after: None,
            watch,
            progress,
            unwatched: 0,
            count: 0,
            versions,
        };
        rows.advance()?;
        Ok(rows)
    }

    /// Returns the next row of the snapshot, with no look at what it is.
    fn next(&mut self) -> Result<Option<Pair>> {
        loop {
            if let Some(row) = self.page.next() {
                return Ok(Some(row));
            }
            let Some(table) = self.tables.front() else { return Ok(None) };
            let page = prefix::page(self.tx, *table, &[], self.after.as_deref(), PAGE)?;
            self.after = page.last().map(|(key, _)| key.clone());
            if page.is_empty() {
                self.tables.pop_front();
            }
            self.page = page.into_iter();
        }
    }
}

impl SortedRows for BackupRows<'_, '_> {
    fn current(&self) -> Option<(Table, &[u8], &[u8])> {
        let (key, value) = self.current.as_ref()?;
        Some((*self.tables.front()?, key, value))
    }

    fn advance(&mut self) -> Result<()> {
        loop {
            self.current = self.next()?;
            let (Some((key, value)), Some(table)) = (&self.current, self.tables.front()) else {
                return Ok(());
            };
            // The mode is that of a session here, and what a copy is of is set when it is whole.
            if *table == table::META && [segment::MODE, history::COPY].contains(&&**key) {
                continue;
            }
            if *table == table::FILE {
                self.versions = history::higher(self.versions, &FileRecord::decode(value)?);
            }
            self.count += 1;
            self.unwatched += key.len() + value.len();
            if self.unwatched >= WATCHED {
                self.unwatched = 0;
                (self.watch)(self.progress)?;
            }
            return Ok(());
        }
    }
}
