//! Writing: what a transaction changes is gathered in memory, above the rows as they were at its
//! begin, and goes into redb's tables when it is committed, table by table and in order of key.
//!
//! A row that is changed ten times in a group is so written once, and redb, which looks a table up
//! by its name and puts it back each time, opens each once.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use redb::WriteTransaction;

use super::{RedbReader, definition, guarded, other};
use crate::kv::{KeyRange, Read, Scan, Table, VisitRow, Write, counter, is_empty};
use crate::{Error, Result};

/// Rows by key; None is one that was removed.
type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A write transaction.
pub(crate) struct RedbWriter {
    transaction: WriteTransaction,
    before: RedbReader,
    changes: Vec<(Table, Changes)>,
}

impl RedbWriter {
    /// Makes a writer of the rows that `before` shows.
    pub(super) fn new(transaction: WriteTransaction, before: RedbReader) -> RedbWriter {
        RedbWriter { transaction, before, changes: Vec::new() }
    }

    /// Makes a table when the transaction is committed, if it is not there: for tables that nothing
    /// was changed in yet.
    pub(super) fn make(&mut self, table: Table) {
        self.changes.push((table, Changes::new()));
    }

    /// Brings the changes into the tables; the transaction is then to be committed.
    pub(super) fn apply(self) -> Result<WriteTransaction> {
        let RedbWriter { transaction, before, changes } = self;
        // What it reads from would keep back the pages that the changes replace.
        drop(before);
        guarded(|| {
            for (table, rows) in changes {
                let mut table = transaction.open_table(definition(table)).map_err(other)?;
                for (key, value) in rows {
                    match value {
                        Some(value) => table.insert(key.as_slice(), value.as_slice()).map(drop),
                        None => table.remove(key.as_slice()).map(drop),
                    }
                    .map_err(other)?;
                }
            }
            Ok(())
        })?;
        Ok(transaction)
    }

    fn changed(&self, table: Table) -> Option<&Changes> {
        self.changes.iter().find(|(known, _)| *known == table).map(|(_, rows)| rows)
    }

    fn change(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        let (key, value) = (key.to_vec(), value.map(<[u8]>::to_vec));
        match self.changes.iter_mut().find(|(known, _)| *known == table) {
            Some((_, rows)) => drop(rows.insert(key, value)),
            None => self.changes.push((table, Changes::from([(key, value)]))),
        }
    }
}

impl Read for RedbWriter {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        match self.changed(table).and_then(|rows| rows.get(key)) {
            Some(changed) => changed.as_deref().map(found).transpose(),
            None => self.before.get(table, key, found),
        }
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut VisitRow<'_>) -> Result<()> {
        if is_empty(range) {
            return Ok(());
        }
        let Some(changed) = self.changed(table) else {
            return self.before.scan(table, range, reverse, visit);
        };
        let mut changed = changed.range::<[u8], _>(range);
        let mut next_changed = || if reverse { changed.next_back() } else { changed.next() };
        let mut before = self.before.rows(table, range, reverse)?;
        let (mut old, mut new) = (before.next()?, next_changed());
        loop {
            let order = match (&old, new) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((old, _)), Some((new, _))) if reverse => new.as_slice().cmp(old.value()),
                (Some((old, _)), Some((new, _))) => old.value().cmp(new.as_slice()),
            };
            let goes_on = match (order, &old, new) {
                (Ordering::Less, Some((key, value)), _) => visit(key.value(), value.value())?,
                (_, _, Some((key, Some(value)))) => visit(key, value)?,
                _ => Scan::Next,
            };
            if goes_on == Scan::Stop {
                return Ok(());
            }
            if order != Ordering::Greater {
                old = before.next()?;
            }
            if order != Ordering::Less {
                new = next_changed();
            }
        }
    }
}

impl Write for RedbWriter {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.change(table, key, Some(value));
        Ok(())
    }

    fn del(&mut self, table: Table, key: &[u8]) -> Result<()> {
        self.change(table, key, None);
        Ok(())
    }

    fn add(&mut self, table: Table, key: &[u8], delta: i64) -> Result<()> {
        let now = self.get(table, key, counter)?.unwrap_or(0);
        let sum = now.checked_add(delta).ok_or_else(|| Error::bug("a counter overflowed"))?;
        self.put(table, key, &sum.to_le_bytes())
    }
}
