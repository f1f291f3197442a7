//! URLs that can be used so many times: one row for each that was used at all.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::catalog::record::{Record, UseRecord};
use crate::catalog::{row, table};
use crate::kv::{Read, Scan, Write};
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// The row of META that tells up to which expiry rows may have been swept.
const SWEPT: &[u8] = b"uses-swept";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SweptRecord(Time);

impl Record for SweptRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "swept use limits";
}

/// Uses the URL `id` once, if one of its `limit` uses is left, and returns how many are left
/// after. Checked and counted in one transaction, so that no race passes the limit.
///
/// # Errors
/// `Gone` when it is used up, `Expired` from the moment `expires` on (its row may be swept then), also
/// when the clock is set back after a sweep,
/// `InvalidArgument` when the limit is 0.
pub(crate) fn consume(
    tx: &mut impl Write,
    id: [u8; 16],
    limit: u32,
    expires: Time,
    now: Time,
) -> Result<u32> {
    if limit == 0 {
        return Err(Error::invalid("a URL with 0 uses serves nobody; allow at least 1"));
    }
    if now >= expires {
        return Err(Error::new(ErrorKind::Expired, format!("the URL expired at {expires}")));
    }
    refuse_swept(tx, expires)?;
    let used = used(tx, id)?;
    let Some(left) = limit.checked_sub(used).and_then(|left| left.checked_sub(1)) else {
        return Err(used_up(limit));
    };
    row::put(tx, table::USE, &id, &UseRecord { used: used.saturating_add(1), expires })?;
    Ok(left)
}

/// Checks that one of the `limit` uses of the URL `id` is left, and uses none.
///
/// # Errors
/// `Gone` when it is used up.
pub(crate) fn check(tx: &impl Read, id: [u8; 16], limit: u32) -> Result<()> {
    if used(tx, id)? < limit { Ok(()) } else { Err(used_up(limit)) }
}

/// Refuses a URL whose row a sweep may have removed: that the clock was set back gives no use back.
fn refuse_swept(tx: &impl Read, expires: Time) -> Result<()> {
    let swept = row::get::<SweptRecord>(tx, table::META, SWEPT)?.map_or(Time(i64::MIN), |swept| swept.0);
    if expires <= swept && !mutant::is_active(Mutant::SweptUsesReturn) {
        return Err(Error::new(ErrorKind::Expired, format!("the URL expired at {expires}")));
    }
    Ok(())
}

fn used(tx: &impl Read, id: [u8; 16]) -> Result<u32> {
    Ok(row::get::<UseRecord>(tx, table::USE, &id)?.map_or(0, |row| row.used))
}

fn used_up(limit: u32) -> Error {
    Error::new(ErrorKind::Gone, format!("the {limit} uses of the URL are used up"))
}

/// Removes the rows of expired URLs among the next `limit` (at least 1) after `cursor`, which is
/// none at the beginning. Returns the cursor for the next step; none when this was the last.
pub(crate) fn sweep(
    tx: &mut impl Write,
    now: Time,
    cursor: Option<[u8; 16]>,
    limit: usize,
) -> Result<Option<[u8; 16]>> {
    let from = cursor.as_ref().map_or(Bound::Unbounded, |id| Bound::Excluded(id.as_slice()));
    let (mut seen, mut last, mut over) = (0, None, Vec::new());
    tx.scan(table::USE, (from, Bound::Unbounded), false, &mut |key, value| {
        let id: [u8; 16] =
            key.try_into().map_err(|_| Error::corrupt("the id of a use limit is not 16 bytes long"))?;
        seen += 1;
        if UseRecord::decode(value)?.expires <= now {
            over.push(id);
        }
        if seen < limit.max(1) {
            return Ok(Scan::Next);
        }
        last = Some(id);
        Ok(Scan::Stop)
    })?;
    if !over.is_empty() {
        let before = row::get::<SweptRecord>(tx, table::META, SWEPT)?.map_or(now, |swept| swept.0);
        row::put(tx, table::META, SWEPT, &SweptRecord(before.max(now)))?;
    }
    for id in over {
        tx.del(table::USE, &id)?;
    }
    Ok(last)
}
