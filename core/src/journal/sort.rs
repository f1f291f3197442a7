//! Rows in order, out of operations in any: a sort that merges runs in a file when memory is full.
//!
//! A rebuild reads the log once and then fills each table from its first row to its last, which costs
//! far less than to search for the place of every row. The newest operation of a key is the one that counts.

use std::cmp::Ordering;
use std::sync::Arc;

use super::change::{self, Operation, table_of};
use crate::kv::{SortedRows, Table};
use crate::vfs::{Open, Vfs, VfsFile};
use crate::{Error, Result};

/// The file of the runs; its name is gone as soon as it is open.
const FILE: &str = "meta.redb.sort";
/// The first bytes of a key that are compared as a number.
const HEAD: usize = 8;
/// What is written or read of a run at once.
const BLOCK: usize = 256 << 10;
/// Table bytes are below this.
const TABLES: usize = 64;

/// An operation in memory.
#[derive(Clone, Copy)]
struct Gathered {
    /// The beginning of the key, big-endian, with zeros behind the end of a shorter one.
    head: u64,
    /// Where the key lies, with the value behind it.
    start: usize,
    key_len: u32,
    /// None for a deletion.
    value_len: Option<u32>,
}

/// Gathers operations and sorts them.
pub(super) struct RowSort {
    vfs: Arc<dyn Vfs>,
    /// Bytes of memory that operations take before a run is written.
    memory: usize,
    bytes: Vec<u8>,
    /// Of each table by its byte, in the order in which they came.
    tables: Vec<Vec<Gathered>>,
    gathered: usize,
    file: Option<Arc<dyn VfsFile>>,
    /// Where each run ends in the file.
    ends: Vec<u64>,
}

fn failed(cause: std::io::Error) -> Error {
    Error::io("sorting rows in meta.redb.sort", cause)
}

fn short(len: usize) -> Result<u32> {
    u32::try_from(len).map_err(|_| Error::corrupt("a row in the log is too long"))
}

impl RowSort {
    /// Makes a sort that takes about `memory` bytes, and what is more of a file in the directory.
    pub(super) fn new(vfs: Arc<dyn Vfs>, memory: usize) -> RowSort {
        let tables = vec![Vec::new(); TABLES];
        RowSort { vfs, memory, bytes: Vec::new(), tables, gathered: 0, file: None, ends: Vec::new() }
    }

    /// Adds an operation, which comes after all that were added before.
    pub(super) fn add(&mut self, operation: Operation<'_>) -> Result<()> {
        let (table, key, value) = match operation {
            Operation::Put { table, key, value } => (table, key, Some(value)),
            Operation::Delete { table, key } => (table, key, None),
        };
        let len = key.len() + value.map_or(0, <[u8]>::len);
        let taken = self.bytes.len() + len + (self.gathered + 1) * size_of::<Gathered>();
        if taken > self.memory && self.gathered > 0 {
            self.write_run()?;
        }
        let rows = self.tables.get_mut(usize::from(table));
        let Some(rows) = rows else { return table_of(table).map(drop) };
        if rows.is_empty() {
            table_of(table)?;
        }
        let value_len = value.map(|value| short(value.len())).transpose()?;
        rows.push(Gathered {
            head: head(key),
            start: self.bytes.len(),
            key_len: short(key.len())?,
            value_len,
        });
        self.gathered += 1;
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
        Ok(())
    }

    /// Writes what is in memory as a run.
    fn write_run(&mut self) -> Result<()> {
        let file = match &self.file {
            Some(file) => file.clone(),
            None => {
                let file = self.vfs.open(FILE, Open::Create).map_err(failed)?;
                self.vfs.remove(FILE).map_err(failed)?;
                file.set_len(0).map_err(failed)?;
                self.file.insert(file).clone()
            }
        };
        let mut end = self.ends.last().copied().unwrap_or(0);
        let mut block = Vec::with_capacity(BLOCK);
        let mut write = |block: &mut Vec<u8>| -> Result<()> {
            file.write_at(end, &[block]).map_err(failed)?;
            end += block.len() as u64;
            block.clear();
            Ok(())
        };
        let mut rows = InMemory::new(std::mem::take(&mut self.bytes), std::mem::take(&mut self.tables));
        while let Some(operation) = rows.operation() {
            match operation {
                Operation::Put { table, key, value } => change::put(&mut block, table, key, value),
                Operation::Delete { table, key } => change::delete(&mut block, table, key),
            }
            if block.len() >= BLOCK {
                write(&mut block)?;
            }
            rows.advance();
        }
        write(&mut block)?;
        self.ends.push(end);
        (self.bytes, self.tables) = rows.into_parts();
        self.gathered = 0;
        Ok(())
    }

    /// Returns the rows that the operations leave, in order.
    pub(super) fn finish(self) -> Result<Merged> {
        let mut starts = 0;
        let mut runs = Vec::new();
        if let Some(file) = &self.file {
            for end in &self.ends {
                runs.push(SortedRun::InFile(InFile::new(file.clone(), starts, *end)?));
                starts = *end;
            }
        }
        runs.push(SortedRun::InMemory(InMemory::new(self.bytes, self.tables)));
        Merged::new(runs)
    }
}

fn head(key: &[u8]) -> u64 {
    let mut head = [0; HEAD];
    head.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(head)
}

/// The operations in memory, in order, the newest of each key alone.
struct InMemory {
    bytes: Vec<u8>,
    tables: Vec<Vec<Gathered>>,
    table: usize,
    row: usize,
}

impl InMemory {
    fn new(bytes: Vec<u8>, mut tables: Vec<Vec<Gathered>>) -> InMemory {
        for rows in &mut tables {
            // Stable, so that of one key the newest is the last.
            rows.sort_by(|one, other| {
                one.head.cmp(&other.head).then_with(|| key_of(&bytes, one).cmp(key_of(&bytes, other)))
            });
            rows.reverse();
            rows.dedup_by(|older, newer| {
                older.head == newer.head && key_of(&bytes, older) == key_of(&bytes, newer)
            });
            rows.reverse();
        }
        let mut rows = InMemory { bytes, tables, table: 0, row: 0 };
        rows.settle();
        rows
    }

    /// Goes on to the next table that has a row left.
    fn settle(&mut self) {
        while self.tables.get(self.table).is_some_and(|rows| self.row >= rows.len()) {
            (self.table, self.row) = (self.table + 1, 0);
        }
    }

    fn advance(&mut self) {
        self.row += 1;
        self.settle();
    }

    fn operation(&self) -> Option<Operation<'_>> {
        let row = self.tables.get(self.table)?.get(self.row)?;
        let (table, key) = (u8::try_from(self.table).ok()?, key_of(&self.bytes, row));
        let Some(len) = row.value_len else { return Some(Operation::Delete { table, key }) };
        let value = self.bytes.get(row.start + key.len()..)?.get(..usize::try_from(len).ok()?)?;
        Some(Operation::Put { table, key, value })
    }

    /// Returns the memory, empty.
    fn into_parts(mut self) -> (Vec<u8>, Vec<Vec<Gathered>>) {
        self.bytes.clear();
        self.tables.iter_mut().for_each(Vec::clear);
        (self.bytes, self.tables)
    }
}

fn key_of<'a>(bytes: &'a [u8], row: &Gathered) -> &'a [u8] {
    let len = usize::try_from(row.key_len).unwrap_or(usize::MAX);
    bytes.get(row.start..row.start.saturating_add(len)).unwrap_or_default()
}

/// A run in the file, read block by block.
struct InFile {
    file: Arc<dyn VfsFile>,
    next: u64,
    end: u64,
    block: Vec<u8>,
    /// Where in the block the operation begins, and the next.
    at: usize,
    behind: usize,
}

impl InFile {
    fn new(file: Arc<dyn VfsFile>, start: u64, end: u64) -> Result<InFile> {
        let mut run = InFile { file, next: start, end, block: Vec::new(), at: 0, behind: 0 };
        run.advance()?;
        Ok(run)
    }

    fn advance(&mut self) -> Result<()> {
        self.at = self.behind;
        loop {
            let rest = self.block.get(self.at..).unwrap_or_default();
            if let Some((_, after)) = change::next(rest) {
                self.behind = self.block.len() - after.len();
                return Ok(());
            }
            let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX).min(BLOCK);
            if left == 0 {
                self.behind = self.at;
                return match rest.is_empty() {
                    true => Ok(()),
                    false => Err(Error::bug("a run of sorted rows cannot be read back")),
                };
            }
            let mut block = rest.to_vec();
            let read = block.len();
            block.resize(read + left, 0);
            let (_, to) = block.split_at_mut(read);
            self.file.read_at(self.next, to).map_err(failed)?;
            self.next += left as u64;
            (self.block, self.at) = (block, 0);
        }
    }

    fn operation(&self) -> Option<Operation<'_>> {
        let bytes = self.block.get(self.at..self.behind).filter(|bytes| !bytes.is_empty())?;
        change::next(bytes).map(|(operation, _)| operation)
    }
}

enum SortedRun {
    InFile(InFile),
    InMemory(InMemory),
}

impl SortedRun {
    fn operation(&self) -> Option<Operation<'_>> {
        match self {
            SortedRun::InFile(run) => run.operation(),
            SortedRun::InMemory(run) => run.operation(),
        }
    }

    fn advance(&mut self) -> Result<()> {
        match self {
            SortedRun::InFile(run) => run.advance(),
            SortedRun::InMemory(run) => {
                run.advance();
                Ok(())
            }
        }
    }
}

/// The rows of all runs.
pub(super) struct Merged {
    /// From the oldest to the newest.
    runs: Vec<SortedRun>,
    /// The runs that have rows left, as a heap: the first has the next row.
    heap: Vec<usize>,
    /// The table of the row.
    table: Option<Table>,
}

fn key_in(operation: &Operation<'_>) -> (u8, u64, Vec<u8>) {
    let (Operation::Put { table, key, .. } | Operation::Delete { table, key }) = operation;
    (*table, head(key), key.to_vec())
}

impl Merged {
    fn new(mut runs: Vec<SortedRun>) -> Result<Merged> {
        runs.retain(|run| run.operation().is_some());
        let heap = (0..runs.len()).collect();
        let mut merged = Merged { runs, heap, table: None };
        for position in (0..merged.heap.len()).rev() {
            merged.sift(position);
        }
        merged.skip_deleted()?;
        Ok(merged)
    }

    fn operation(&self) -> Option<Operation<'_>> {
        self.runs.get(*self.heap.first()?)?.operation()
    }

    /// Compares two runs by their next row, the newer run first of those with the same key.
    fn order(&self, one: usize, other: usize) -> Ordering {
        let key = |run: usize| {
            self.runs.get(run).and_then(SortedRun::operation).map(|operation| match operation {
                Operation::Put { table, key, .. } | Operation::Delete { table, key } => (table, key),
            })
        };
        key(one).cmp(&key(other)).then(other.cmp(&one))
    }

    /// Moves the run at a position of the heap down to where it belongs.
    fn sift(&mut self, mut position: usize) {
        while let Some(run) = self.heap.get(position).copied() {
            let below = [2 * position + 1, 2 * position + 2];
            let least =
                below.into_iter().filter(|child| *child < self.heap.len()).min_by(|one, other| {
                    match (self.heap.get(*one), self.heap.get(*other)) {
                        (Some(one), Some(other)) => self.order(*one, *other),
                        _ => Ordering::Equal,
                    }
                });
            let Some(child) = least else { return };
            let Some(least) = self.heap.get(child).copied() else { return };
            if self.order(run, least) != Ordering::Greater {
                return;
            }
            self.heap.swap(position, child);
            position = child;
        }
    }

    /// Goes on in the run that is first.
    fn step(&mut self) -> Result<()> {
        let Some(first) = self.heap.first().copied() else { return Ok(()) };
        let Some(run) = self.runs.get_mut(first) else { return Ok(()) };
        run.advance()?;
        if run.operation().is_none() {
            self.heap.swap_remove(0);
        }
        self.sift(0);
        Ok(())
    }

    /// Goes on behind every row with the key of the first.
    fn step_over(&mut self) -> Result<()> {
        if self.heap.len() < 2 {
            return self.step();
        }
        let Some(key) = self.operation().as_ref().map(key_in) else { return Ok(()) };
        while self.operation().as_ref().is_some_and(|operation| is_of(operation, &key)) {
            self.step()?;
        }
        Ok(())
    }

    /// Goes on to the next row that is not deleted.
    fn skip_deleted(&mut self) -> Result<()> {
        while let Some(Operation::Delete { .. }) = self.operation() {
            self.step_over()?;
        }
        self.table = match self.operation() {
            Some(Operation::Put { table, .. }) => match self.table {
                Some(known) if known.byte == table => Some(known),
                _ => Some(table_of(table)?),
            },
            _ => None,
        };
        Ok(())
    }
}

fn is_of(operation: &Operation<'_>, (of, start, whole): &(u8, u64, Vec<u8>)) -> bool {
    let (Operation::Put { table, key, .. } | Operation::Delete { table, key }) = operation;
    table == of && head(key) == *start && *key == whole.as_slice()
}

impl SortedRows for Merged {
    fn current(&self) -> Option<(Table, &[u8], &[u8])> {
        match self.operation()? {
            Operation::Put { key, value, .. } => Some((self.table?, key, value)),
            Operation::Delete { .. } => None,
        }
    }

    fn advance(&mut self) -> Result<()> {
        self.step_over()?;
        self.skip_deleted()
    }
}
