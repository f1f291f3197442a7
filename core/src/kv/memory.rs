//! A driver over a map in memory: the reference that tests hold the others against.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::turn::{Holding, WriteTurn};
use super::{Commit, KeyRange, Kv, Read, Scan, Table, VisitRow, Write};
use crate::{Error, Result};

type Rows = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

/// Rows in memory. Nothing survives the value.
#[derive(Debug, Default)]
pub(crate) struct MemoryKv {
    state: Mutex<MemoryState>,
    turn: Arc<WriteTurn>,
}

#[derive(Debug, Default)]
struct MemoryState {
    rows: Arc<Rows>,
}

/// The rows of one snapshot.
#[derive(Debug)]
pub(crate) struct MemoryReader(Arc<Rows>);

/// The rows as one writer would leave them.
#[derive(Debug)]
pub(crate) struct MemoryWriter {
    rows: Rows,
    _turn: Holding,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kv for MemoryKv {
    type Reader = MemoryReader;
    type Writer = MemoryWriter;

    fn reader(&self) -> Result<MemoryReader> {
        Ok(MemoryReader(lock(&self.state).rows.clone()))
    }

    fn writer(&self) -> Result<MemoryWriter> {
        let holding = self.turn.take();
        Ok(MemoryWriter { rows: (*lock(&self.state).rows).clone(), _turn: holding })
    }

    fn commit(&self, writer: MemoryWriter, _how: Commit) -> Result<()> {
        let MemoryWriter { rows, _turn } = writer;
        lock(&self.state).rows = Arc::new(rows);
        Ok(())
    }
}

fn get<R>(
    rows: &Rows,
    table: Table,
    key: &[u8],
    found: impl FnOnce(&[u8]) -> Result<R>,
) -> Result<Option<R>> {
    rows.get(&(table.byte, key.to_vec())).map(|value| found(value)).transpose()
}

fn scan(
    rows: &Rows,
    table: Table,
    range: KeyRange<'_>,
    reverse: bool,
    visit: &mut VisitRow<'_>,
) -> Result<()> {
    use std::ops::RangeBounds;
    let within = rows.range((table.byte, Vec::new())..);
    let mut found: Vec<_> = within
        .take_while(|((byte, _), _)| *byte == table.byte)
        .filter(|((_, key), _)| <KeyRange<'_> as RangeBounds<[u8]>>::contains(&range, key.as_slice()))
        .collect();
    if reverse {
        found.reverse();
    }
    for ((_, key), value) in found {
        if visit(key, value)? == Scan::Stop {
            break;
        }
    }
    Ok(())
}

impl Read for MemoryReader {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        get(&self.0, table, key, found)
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut VisitRow<'_>) -> Result<()> {
        scan(&self.0, table, range, reverse, visit)
    }
}

impl Read for MemoryWriter {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        get(&self.rows, table, key, found)
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut VisitRow<'_>) -> Result<()> {
        scan(&self.rows, table, range, reverse, visit)
    }
}

impl Write for MemoryWriter {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.rows.insert((table.byte, key.to_vec()), value.to_vec());
        Ok(())
    }

    fn del(&mut self, table: Table, key: &[u8]) -> Result<()> {
        self.rows.remove(&(table.byte, key.to_vec()));
        Ok(())
    }

    fn add(&mut self, table: Table, key: &[u8], delta: i64) -> Result<()> {
        let row = self.rows.entry((table.byte, key.to_vec())).or_insert_with(|| vec![0; 8]);
        let now = super::counter(row)?;
        let sum = now.checked_add(delta).ok_or_else(|| Error::bug("a counter overflowed"))?;
        *row = sum.to_le_bytes().to_vec();
        Ok(())
    }
}
