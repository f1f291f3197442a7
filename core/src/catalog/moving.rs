//! What rows say of a store that is moved: where it moves to, how far its rows have come; and in what it left, that
//! it is elsewhere now.

use serde::{Deserialize, Serialize};

use super::position::{POSITION, Position};
use super::record::Record;
use super::segment::{FLOOR, MODE, OPEN, SIZE};
use super::{object, row, table};
use crate::Result;
use crate::kv::{Read, Table, Write};

/// The row of META, in rows that a store is moved into, that says how far it has come. They are no store yet.
const ARRIVING: &[u8] = b"arriving";
/// The row of META, in a store that was moved away, that says where its log ended.
const MOVED: &[u8] = b"moved";

/// How far the rows have come of a store that is moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArrivingRecord {
    /// The store's id.
    pub(crate) store: [u8; 16],
    /// The last group whose changes are here, where all its rows are.
    pub(crate) lsn: u64,
    /// Where the copy of all rows goes on: the byte of a table, and the key behind which. None when it is done.
    pub(crate) next: Option<(u8, Vec<u8>)>,
}

impl Record for ArrivingRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "arriving store";
}

/// Where the log of a store ended that was moved away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MovedRecord {
    pub(crate) lsn: u64,
    pub(crate) crc: u32,
}

impl Record for MovedRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "moved store";
}

/// Whether a row goes with a store that is moved, and is not about where it lies.
pub(crate) fn is_carried(table: Table, key: &[u8]) -> bool {
    let stays = [POSITION, MODE, OPEN, FLOOR, SIZE, ARRIVING, MOVED, object::IDENTITY, object::NEXT_SEGMENT];
    let swept = key.starts_with(object::SWEPT);
    table != table::SEGMENT && (table != table::META || !(stays.contains(&key) || swept))
}

/// Returns how far a store has come that is moved into these rows.
pub(crate) fn arriving(tx: &impl Read) -> Result<Option<ArrivingRecord>> {
    row::get(tx, table::META, ARRIVING)
}

/// Says how far it has come; None when it has arrived.
pub(crate) fn set_arriving(tx: &mut impl Write, record: Option<&ArrivingRecord>) -> Result<()> {
    match record {
        Some(record) => row::put(tx, table::META, ARRIVING, record),
        None => tx.del(table::META, ARRIVING),
    }
}

/// Returns where the log ended, if the store was moved away.
pub(crate) fn moved(tx: &impl Read) -> Result<Option<MovedRecord>> {
    row::get(tx, table::META, MOVED)
}

/// Ends the log of a store in a directory: no group follows, so that whatever writes from now on is refused.
pub(crate) fn end_log(tx: &mut impl Write) -> Result<()> {
    let Position { lsn, crc } = Position::read(tx)?;
    row::put(tx, table::META, MOVED, &MovedRecord { lsn, crc })?;
    Position { lsn: u64::MAX, crc }.write(tx)
}

/// Says in the rows of a database that the store is moved into a directory: no commit of any host holds from now on
/// that [`expect_here`] was asked in.
pub(crate) fn close(tx: &mut impl Write) -> Result<()> {
    row::put(tx, table::META, MOVED, &MovedRecord { lsn: 0, crc: 0 })
}

/// Holds a commit to it that the store is not moved.
pub(crate) fn expect_here(tx: &mut impl Write) -> Result<()> {
    tx.expect_absent(table::META, MOVED)
}
