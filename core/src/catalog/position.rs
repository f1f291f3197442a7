//! The position: up to which group of the log the rows are up to date.

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::table;
use crate::kv::{Read, Write};
use crate::{Error, ErrorKind, Result};

/// Where the log stands: the last group whose rows are committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The group's sequence number; 0 before the first.
    pub(crate) lsn: u64,
    /// CRC-32 of the header of its change frame: what the next group names as its predecessor.
    pub(crate) crc: u32,
}

/// Versions 1 and 2 had the same fields. A build that reads only the first knows neither the table of hashes nor the
/// versions of records that the rows are in since, one that reads no third not the tables whose keys are packed: it is
/// to refuse the store.
impl Record for Position {
    const VERSION: u8 = 3;
    const NOUN: &'static str = "log position";

    fn decode_older(version: u8, rest: &[u8]) -> Option<Result<Position>> {
        matches!(version, 1 | 2).then(|| <Position as Record>::read(rest))
    }
}

/// The row of META that the position is in.
pub(crate) const POSITION: &[u8] = b"log";

impl Position {
    pub(crate) fn read(tx: &impl Read) -> Result<Position> {
        Ok(tx.get(table::META, POSITION, Position::decode)?.unwrap_or_default())
    }

    /// Sets the position. It is never logged: the log itself says where it stands.
    pub(crate) fn write(self, tx: &mut impl Write) -> Result<()> {
        tx.put(table::META, POSITION, &self.encode()?)
    }

    /// Sets a mark that the next group names as its predecessor in place of the last group.
    ///
    /// A crash may leave a whole group behind the last published one. A session that showed the
    /// rows without it must never see it replayed, so what names the last group is cut off here.
    pub(crate) fn fence(tx: &mut impl Write, mark: u32) -> Result<()> {
        Position { crc: mark, ..Position::read(tx)? }.write(tx)
    }

    /// Returns the position behind this one.
    ///
    /// # Errors
    /// `ReadOnly` when there is none, because the store was moved away.
    pub(crate) fn next_lsn(self) -> Result<u64> {
        self.lsn.checked_add(1).ok_or_else(moved_away)
    }
}

/// Makes the error of a write to a store that was moved away.
pub(crate) fn moved_away() -> Error {
    Error::new(
        ErrorKind::ReadOnly,
        "the store was moved by `holdall migrate`, and takes no writes here any more; open it at its new address",
    )
}
