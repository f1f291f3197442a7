//! URLs that can be used so many times: one row for each that was used at all.

use std::ops::Bound;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::catalog::record::{ClientUseRecord, Record, UseRecord};
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
/// `Gone` when it is used up, `Expired` from `expires` on (its row may be swept then), also
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

/// How long a use lasts, from its first request on.
const USE_TIME: Duration = Duration::from_secs(24 * 3600);
/// How many times the length of the content the replies of one use are together at most: what players and
/// downloaders in parts plan, who ask for the rest of the content and leave off (docs/why.md has figures).
const CONTENTS: u64 = 4;
/// A use is given out in so many pieces at least, so that few requests change rows.
const PIECES: u64 = 64;

/// Whose download counts against what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Downloader {
    /// The id of the use limit.
    pub(crate) id: [u8; 16],
    /// The client: what it has of an address.
    pub(crate) client: u64,
}

impl Downloader {
    fn key(&self) -> [u8; 24] {
        let mut key = [0; 24];
        let (id, client) = key.split_at_mut(16);
        id.copy_from_slice(&self.id);
        client.copy_from_slice(&self.client.to_be_bytes());
        key
    }
}

/// What a process may send to a client without asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) bytes: u64,
    /// When the use is over.
    pub(crate) until: Time,
}

/// Gives a client `bytes` of content that is `len` long, and often a little more to go on with: of the use
/// that it has, or of another if one of `limit` is left. Given and counted in one transaction, so that no
/// race passes the limit.
///
/// # Errors
/// As [`consume`].
pub(crate) fn allow(
    tx: &mut impl Write,
    of: Downloader,
    (limit, expires): (u32, Time),
    (bytes, len): (u64, u64),
    now: Time,
) -> Result<Allowance> {
    let budget = budget(len);
    // More than asked for: the next ranges of the client are then served without a change of rows.
    let wanted = bytes.max(budget / PIECES).max(1);
    let mut record = match current(tx, of, now)? {
        Some(record) if record.bytes.saturating_add(bytes.max(1)) <= budget => record,
        _ => {
            consume(tx, of.id, limit, expires, now)?;
            ClientUseRecord { begun: now, bytes: 0 }
        }
    };
    let bytes = wanted.min(budget.saturating_sub(record.bytes));
    record.bytes = record.bytes.saturating_add(bytes);
    row::put(tx, table::CLIENT_USE, &of.key(), &record)?;
    Ok(Allowance { bytes, until: record.begun.after(USE_TIME) })
}

/// The use that a client has, if it is not over.
fn current(tx: &impl Read, of: Downloader, now: Time) -> Result<Option<ClientUseRecord>> {
    let record = row::get::<ClientUseRecord>(tx, table::CLIENT_USE, &of.key())?;
    Ok(record.filter(|record| now < record.begun.after(USE_TIME)))
}

/// Bytes of the replies of one use.
fn budget(len: u64) -> u64 {
    len.max(1).saturating_mul(CONTENTS)
}

/// Checks that a client may go on with a use of the URL, or begin one, and counts none.
///
/// # Errors
/// `Gone` when it may not.
pub(crate) fn check_client(tx: &impl Read, of: Downloader, limit: u32, len: u64, now: Time) -> Result<()> {
    match current(tx, of, now)? {
        Some(record) if record.bytes < budget(len) => Ok(()),
        _ => check(tx, of.id, limit),
    }
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
    Error::new(ErrorKind::Gone, format!("the {limit} uses of the URL are exhausted"))
}

/// Removes the rows of expired URLs among the next `limit` (at least 1) after `cursor`, which is
/// none at the beginning. Returns the cursor for the next step; none when this was the last.
///
/// What is noted is the latest expiry of what was removed, and not `now`: a clock that was far ahead once
/// must not end URLs that are signed when it is right again.
pub(crate) fn sweep(
    tx: &mut impl Write,
    now: Time,
    cursor: Option<[u8; 16]>,
    limit: usize,
) -> Result<Option<[u8; 16]>> {
    let from = cursor.as_ref().map_or(Bound::Unbounded, |id| Bound::Excluded(id.as_slice()));
    let (mut seen, mut last, mut over, mut latest) = (0, None, Vec::new(), None);
    tx.scan(table::USE, (from, Bound::Unbounded), false, &mut |key, value| {
        let id: [u8; 16] =
            key.try_into().map_err(|_| Error::corrupt("the id of a use limit is not 16 bytes long"))?;
        seen += 1;
        let expires = UseRecord::decode(value)?.expires;
        if expires <= now {
            over.push(id);
            latest = latest.max(Some(expires));
        }
        if seen < limit.max(1) {
            return Ok(Scan::Next);
        }
        last = Some(id);
        Ok(Scan::Stop)
    })?;
    if let Some(latest) = latest {
        let before = row::get::<SweptRecord>(tx, table::META, SWEPT)?.map_or(latest, |swept| swept.0);
        row::put(tx, table::META, SWEPT, &SweptRecord(before.max(latest)))?;
    }
    for id in over {
        tx.del(table::USE, &id)?;
    }
    Ok(last)
}

/// Removes the uses of clients whose time is over among the next `limit` (at least 1) after `cursor`, as
/// [`sweep`] does with the limits.
pub(crate) fn sweep_clients(
    tx: &mut impl Write,
    now: Time,
    cursor: Option<Vec<u8>>,
    limit: usize,
) -> Result<Option<Vec<u8>>> {
    let from = cursor.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(key.as_slice()));
    let (mut seen, mut last, mut over) = (0, None, Vec::new());
    tx.scan(table::CLIENT_USE, (from, Bound::Unbounded), false, &mut |key, value| {
        seen += 1;
        if now >= ClientUseRecord::decode(value)?.begun.after(USE_TIME) {
            over.push(key.to_vec());
        }
        if seen < limit.max(1) {
            return Ok(Scan::Next);
        }
        last = Some(key.to_vec());
        Ok(Scan::Stop)
    })?;
    for key in over {
        tx.del(table::CLIENT_USE, &key)?;
    }
    Ok(last)
}
