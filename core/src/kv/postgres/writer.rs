//! Writing: what a transaction changes is gathered in memory, over the rows that it reads, with the seals
//! of what it has read. The commit checks these.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::reader::{Above, PostgresReader, above, show};
use super::row::{Committed, Over, Overlaid, RowChange, RowKey, RowStream, Seal, StoredRow};
use super::span::{Span, behind};
use crate::kv::turn::Holding;
use crate::kv::{KeyRange, Prefetch, Read, Table, VisitMany, VisitRow, Write, is_empty};
use crate::{Error, ErrorKind, Result};

/// The longest key: an index entry of PostgreSQL holds little more.
const MAX_KEY: usize = 2048;

/// A write transaction.
pub(crate) struct PostgresWriter {
    /// Keeps the process's other writers away.
    pub(super) turn: Holding,
    pub(super) reader: PostgresReader,
    pub(super) changes: BTreeMap<RowKey, RowChange>,
    pub(super) read: RefCell<ReadSet>,
}

/// What a transaction has read, and so goes by.
#[derive(Debug, Default)]
pub(super) struct ReadSet {
    pub(super) keys: BTreeMap<RowKey, Seal>,
    pub(super) spans: Vec<(u8, Span, Seal)>,
}

impl PostgresWriter {
    pub(super) fn new(turn: Holding, reader: PostgresReader) -> PostgresWriter {
        PostgresWriter { turn, reader, changes: BTreeMap::new(), read: RefCell::default() }
    }

    /// Reads rows from below the transaction's own changes, and notes what they were.
    fn below(&self, keys: &[RowKey]) -> Result<Vec<Arc<StoredRow>>> {
        let rows = self.reader.rows(keys)?;
        let noted = keys.iter().cloned().zip(rows.iter().map(|row| row.seal));
        self.read.borrow_mut().keys.extend(noted);
        Ok(rows)
    }

    fn change(&mut self, table: Table, key: &[u8], change: RowChange) -> Result<()> {
        if key.len() > MAX_KEY {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("a key of {} bytes: at most {MAX_KEY} can be kept", key.len()),
            ));
        }
        self.changes.insert((table.byte, key.to_vec()), change);
        Ok(())
    }
}

/// Rows on their way up, with the seal of those that went by.
struct Noted<'w> {
    rows: Overlaid<super::reader::Pages, Above<'w, Committed>>,
    seal: Seal,
    /// The last key; None before the first.
    last: Option<Vec<u8>>,
    ended: bool,
}

impl RowStream for Noted<'_> {
    fn next(&mut self) -> Result<Option<(Vec<u8>, StoredRow)>> {
        let next = self.rows.next()?;
        match &next {
            Some((key, row)) => {
                self.seal = self.seal.and(row.seal);
                self.last = Some(key.clone());
            }
            None => self.ended = true,
        }
        Ok(next)
    }
}

impl Noted<'_> {
    /// Returns the part of `span` that was read. What the overlay has removed counts as absent there too.
    fn span(&self, span: Span, reverse: bool) -> Option<Span> {
        match (&self.last, self.ended, reverse) {
            (_, true, _) => Some(span),
            (None, false, _) => None,
            (Some(last), false, false) => Some(Span { high: behind(last), ..span }),
            (Some(last), false, true) => Some(Span { low: last.clone(), ..span }),
        }
    }
}

impl Read for PostgresWriter {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        let key = (table.byte, key.to_vec());
        let row = match self.changes.get(&key) {
            Some(RowChange::Put(value)) => return found(value).map(Some),
            Some(RowChange::Delete) => return Ok(None),
            other => {
                let mut below = self.below(std::slice::from_ref(&key))?;
                let below = below.pop().unwrap_or_default();
                match other {
                    Some(change) => Arc::new(change.over((*below).clone())?),
                    None => below,
                }
            }
        };
        row.value.as_deref().map(found).transpose()
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut VisitRow<'_>) -> Result<()> {
        if is_empty(range) {
            return Ok(());
        }
        let span = Span::of(range);
        let rows = self.reader.within(table, &span, reverse);
        let below = Noted { rows, seal: Seal::default(), last: None, ended: false };
        let mut rows = Overlaid::new(below, above(&self.changes, table, &span, reverse), reverse);
        let shown = show(&mut rows, visit);
        let below = rows.into_below();
        if let Some(span) = below.span(span, reverse) {
            self.read.borrow_mut().spans.push((table.byte, span, below.seal));
        }
        shown
    }

    fn glance(
        &self,
        table: Table,
        range: KeyRange<'_>,
        reverse: bool,
        visit: &mut VisitRow<'_>,
    ) -> Result<()> {
        if is_empty(range) {
            return Ok(());
        }
        let span = Span::of(range);
        let below = self.reader.within(table, &span, reverse);
        show(&mut Overlaid::new(below, above(&self.changes, table, &span, reverse), reverse), visit)
    }

    fn get_many(&self, keys: &[(Table, &[u8])], visit: &mut VisitMany<'_>) -> Result<()> {
        let changed = |key: &RowKey| self.changes.get(key);
        let keys: Vec<RowKey> = keys.iter().map(|(table, key)| (table.byte, key.to_vec())).collect();
        let is_below = |key: &&RowKey| !matches!(changed(key), Some(RowChange::Put(_) | RowChange::Delete));
        let asked: Vec<RowKey> = keys.iter().filter(is_below).cloned().collect();
        let mut below = self.below(&asked)?.into_iter();
        for (position, key) in keys.iter().enumerate() {
            let row = if is_below(&key) { below.next().unwrap_or_default() } else { Arc::default() };
            match changed(key) {
                Some(change) => visit(position, change.over((*row).clone())?.value.as_deref())?,
                None => visit(position, row.value.as_deref())?,
            }
        }
        Ok(())
    }

    fn prefetch_while<T>(
        &self,
        rows: impl FnOnce() -> Prefetch,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<Option<T>> {
        self.reader.prefetch_while(rows, meanwhile)
    }
}

impl Write for PostgresWriter {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.change(table, key, RowChange::Put(value.to_vec()))
    }

    fn del(&mut self, table: Table, key: &[u8]) -> Result<()> {
        self.change(table, key, RowChange::Delete)
    }

    fn expect_absent(&mut self, table: Table, key: &[u8]) -> Result<()> {
        self.read.borrow_mut().keys.insert((table.byte, key.to_vec()), Seal::default());
        Ok(())
    }

    fn add(&mut self, table: Table, key: &[u8], delta: i64) -> Result<()> {
        if !self.reader.view.options().counts(table.byte) {
            return Err(Error::bug(format!(
                "a row of {} is added to, which is no table of counters",
                table.name
            )));
        }
        let before = self.changes.remove(&(table.byte, key.to_vec()));
        let change = match before {
            Some(change) => change.then_add(delta)?,
            None => RowChange::Add(delta),
        };
        self.change(table, key, change)
    }
}
