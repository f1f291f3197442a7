//! A snapshot of the rows in the log: every row is logged again as it is, and what older groups say
//! of rows is void from then on. So the log forgets: rows that changed a million times, and that
//! something was removed.
//!
//! It is written in groups like any other, beside what others write. A row that is changed after it
//! was logged again is logged once more by its own group; one that is removed before its turn comes
//! was removed by a group of its own. Therefore the groups behind the floor, the last group before the
//! snapshot began, make the rows from nothing. The floor is raised when all rows are logged, and
//! stated twice, for it is the one row that a rebuild cannot do without. Cut off before that, the
//! snapshot counts for nothing, and does no harm.

use std::ops::Bound;

use crate::catalog::segment::{SIZE, SizeRecord};
use crate::catalog::{row, segment, table};
use crate::engine::{Change, Engine};
use crate::journal::{POSITION, Position};
use crate::kv::{Read, Scan, Table};
use crate::mutant::{self, Mutant};
use crate::{Error, Result};

/// Rows that one change logs again, and about how many bytes of them.
const BATCH_ROWS: usize = 1000;
const BATCH_LEN: usize = 512 << 10;
/// What a row takes in the log beside its key and value: table, operation, and two lengths.
const ROW_LEN: u64 = 6;

/// Takes a snapshot if it and the copies of what lives take less than half of the segments that can
/// go for it. Returns how many rows were logged.
pub(super) fn take_if_due(engine: &Engine) -> Result<u64> {
    let Some(size) = is_due(engine)? else { return Ok(0) };
    engine.room_to_collect(size)?;
    take(engine)
}

/// Returns what a snapshot takes, if one is due.
fn is_due(engine: &Engine) -> Result<Option<u64>> {
    if mutant::is_active(Mutant::LogOnlyGrows) {
        return Ok(None);
    }
    let tx = engine.reader()?;
    let floor = segment::floor(&tx)?;
    let (mut len, mut live) = (0_u64, 0_u64);
    for (_, row) in segment::candidates(&tx)?.iter().filter(|(_, row)| row.last > floor) {
        len = len.saturating_add(row.len);
        live = live.saturating_add(row.live());
    }
    let if_less = |rows: u64| (rows.saturating_add(live) < len / 2).then_some(rows);
    if if_less(0).is_none() {
        return Ok(None);
    }
    // Whoever makes rows fewer or smaller logs that, so a count is near as long as little was logged.
    let known: Option<SizeRecord> = row::get(&tx, table::META, SIZE)?;
    if let Some(known) = known
        && len.checked_sub(known.freed).is_some_and(|grown| grown < known.rows / 16)
    {
        return Ok(if_less(known.rows));
    }
    let size = size(&tx)?;
    drop(tx);
    let record = SizeRecord { rows: size, freed: len };
    engine.write(move |change| row::put(change, table::META, SIZE, &record))?;
    Ok(if_less(size))
}

/// Whether a row is never logged.
fn is_unlogged(table: Table, key: &[u8]) -> bool {
    table == table::SEGMENT
        || (table == table::META && [POSITION, segment::MODE, segment::OPEN].contains(&key))
}

/// Counts the bytes that the rows take in the log.
pub(super) fn size(tx: &impl Read) -> Result<u64> {
    let mut size = 0_u64;
    for table in table::ALL {
        tx.scan(*table, row::ALL, false, &mut |key, value| {
            let len = u64::try_from(key.len().saturating_add(value.len())).unwrap_or(u64::MAX);
            size =
                size.saturating_add(if is_unlogged(*table, key) { 0 } else { len.saturating_add(ROW_LEN) });
            Ok(Scan::Next)
        })?;
    }
    Ok(size)
}

/// Where a snapshot goes on: a table, and the key after which.
#[derive(Clone, Debug, Default)]
struct Cursor {
    table: usize,
    after: Option<Vec<u8>>,
}

/// A row: its table, its key and its value.
type LoggedRow = (Table, Vec<u8>, Vec<u8>);

/// One step of a snapshot.
struct Step {
    /// The number of the last group before it.
    before: u64,
    rows: u64,
    /// None at the end.
    next: Option<Cursor>,
}

pub(super) fn take(engine: &Engine) -> Result<u64> {
    let (mut cursor, mut floor, mut rows) = (Cursor::default(), None, 0_u64);
    loop {
        let from = cursor.clone();
        let step = engine.write(move |change| step(change, &from))?;
        floor.get_or_insert(step.before);
        rows = rows.saturating_add(step.rows);
        match step.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    let floor = floor.ok_or_else(|| Error::bug("a snapshot without a step"))?;
    for _ in 0..2 {
        engine.write(move |change| segment::raise_floor(change, floor))?;
    }
    Ok(rows)
}

fn step(change: &mut Change<'_>, from: &Cursor) -> Result<Step> {
    let before = Position::read(change)?.lsn;
    let mut found: Vec<LoggedRow> = Vec::new();
    let mut len = 0_usize;
    let mut next = None;
    for (number, table) in table::ALL.iter().enumerate().skip(from.table) {
        let after = from.after.as_deref().filter(|_| number == from.table);
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        change.scan(*table, (begin, Bound::Unbounded), false, &mut |key, value| {
            if !is_unlogged(*table, key) {
                len = len.saturating_add(key.len()).saturating_add(value.len());
                found.push((*table, key.to_vec(), value.to_vec()));
            }
            if found.len() < BATCH_ROWS && len < BATCH_LEN {
                return Ok(Scan::Next);
            }
            next = Some(Cursor { table: number, after: Some(key.to_vec()) });
            Ok(Scan::Stop)
        })?;
        if next.is_some() {
            break;
        }
    }
    for (table, key, value) in &found {
        change.log_again(*table, key, value);
    }
    Ok(Step { before, rows: u64::try_from(found.len()).unwrap_or(u64::MAX), next })
}
