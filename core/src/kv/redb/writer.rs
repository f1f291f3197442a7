//! Writing: what a transaction changes is gathered in memory, above the rows as they were at its
//! begin, until it is committed.
//!
//! A row that is changed ten times in a group is so written once, and redb, which looks a table up
//! by its name and puts it back each time, opens each once.

use std::collections::BTreeMap;
use std::ops::Bound;

use redb::WriteTransaction;

use super::layout::{self, Layouts};
use super::{RedbReader, guarded, memtable, other};
use crate::kv::merge::{Changed, merged};
use crate::kv::turn::Holding;
use crate::kv::{KeyRange, Read, SortedRows, Table, VisitRow, Write, counter, is_empty};
use crate::{Error, Result};

/// Rows by key; None is one that was removed.
pub(super) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What keeps other writers away.
pub(super) enum WriteLock {
    /// In exclusive mode.
    Turn(Holding),
    /// In shared mode, also those of other processes.
    Transaction(Box<WriteTransaction>),
}

/// A write transaction.
pub(crate) struct RedbWriter {
    held: WriteLock,
    before: RedbReader,
    changes: Vec<(Table, Changes)>,
}

impl RedbWriter {
    /// Makes a writer of the rows that `before` shows.
    pub(super) fn new(held: WriteLock, before: RedbReader) -> RedbWriter {
        RedbWriter { held, before, changes: Vec::new() }
    }

    /// Makes a table when the transaction is committed, if it is not there: for tables that nothing
    /// was changed in yet.
    pub(super) fn make(&mut self, table: Table) {
        self.changes.push((table, Changes::new()));
    }

    /// Returns what keeps others away, what it reads from and what it changes.
    pub(super) fn into_parts(self) -> (WriteLock, RedbReader, Vec<(Table, Changes)>) {
        (self.held, self.before, self.changes)
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
        let below = |visit: &mut VisitRow<'_>| self.before.scan(table, range, reverse, visit);
        let Some(changed) = self.changed(table) else { return below(visit) };
        let changed = changed.range::<[u8], _>(range);
        if reverse {
            merged(below, changed.rev(), reverse, visit)
        } else {
            merged(below, changed, reverse, visit)
        }
    }
}

impl Write for RedbWriter {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        // Found here and not by a checkpoint, which would fail again and again.
        if !layout::is_key(table, key) {
            return Err(no_number(table));
        }
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

/// Returns about how many bytes of memory the changes take in a memtable.
pub(super) fn memory_of(changes: &[(Table, Changes)]) -> usize {
    let rows = changes.iter().flat_map(|(_, rows)| rows);
    rows.map(|(key, value)| memtable::memory_of(key, value.as_deref())).sum()
}

/// Brings changes into redb's tables; the transaction is then to be committed.
pub(super) fn apply_all(
    transaction: &WriteTransaction,
    layouts: Layouts,
    changes: &[(Table, Changes)],
) -> Result<()> {
    changes.iter().try_for_each(|(table, rows)| apply(transaction, layouts, *table, rows.iter()))
}

/// Brings changes of one table, in order of key, into redb's.
pub(super) fn apply(
    transaction: &WriteTransaction,
    layouts: Layouts,
    table: Table,
    rows: impl Iterator<Item = impl Changed>,
) -> Result<()> {
    let (keys, mut room) = (layouts.keys(table), Vec::new());
    guarded(|| {
        let mut filled = transaction.open_table(layouts.definition(table)).map_err(other)?;
        for row in rows {
            match (keys.stored(row.key(), &mut room), row.value()) {
                (Some(key), Some(value)) => filled.insert(key, value).map(drop).map_err(other)?,
                (Some(key), None) => filled.remove(key).map(drop).map_err(other)?,
                (None, Some(_)) => return Err(no_number(table)),
                (None, None) => {}
            }
        }
        Ok(())
    })
}

/// Fills empty tables with rows in order.
pub(super) fn load(
    transaction: &WriteTransaction,
    layouts: Layouts,
    rows: &mut dyn SortedRows,
) -> Result<()> {
    guarded(|| {
        let mut room = Vec::new();
        while let Some((table, ..)) = rows.current() {
            let keys = layouts.keys(table);
            let mut filled = transaction.open_table(layouts.definition(table)).map_err(other)?;
            let mut end = filled.upper_bound_mut(Bound::<&[u8]>::Unbounded).map_err(other)?;
            while let Some((_, key, value)) = rows.current().filter(|(of, ..)| *of == table) {
                let key = keys.stored(key, &mut room).ok_or_else(|| no_number(table))?;
                end.insert_before(key, value).map_err(other)?;
                rows.advance()?;
            }
            end.close().map_err(other)?;
        }
        Ok(())
    })
}

fn no_number(table: Table) -> Error {
    Error::corrupt(format!("a key of table {} does not begin with a number", table.name))
}
