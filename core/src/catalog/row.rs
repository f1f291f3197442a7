//! Small tools over rows: records, pairs of ids as keys, and times that sort.

use std::ops::Bound;

use crate::catalog::record::Record;
use crate::kv::{KeyRange, Read, Scan, Table, Write};
use crate::time::Time;
use crate::{Error, Result};

/// Reads the record under `key`, if there is one.
pub(crate) fn get<T: Record>(tx: &impl Read, table: Table, key: &[u8]) -> Result<Option<T>> {
    tx.get(table, key, T::decode)
}

/// Sets the record under `key`.
pub(crate) fn put<T: Record>(tx: &mut impl Write, table: Table, key: &[u8], record: &T) -> Result<()> {
    tx.put(table, key, &record.encode()?)
}

/// Returns whether there is a row under `key`.
pub(crate) fn exists(tx: &impl Read, table: Table, key: &[u8]) -> Result<bool> {
    Ok(tx.get(table, key, |_| Ok(()))?.is_some())
}

/// Every row of a table.
pub(crate) const ALL: KeyRange<'static> = (Bound::Unbounded, Bound::Unbounded);

/// Returns the range from `first` to `last`, both included.
pub(crate) fn between<'a>(first: &'a [u8], last: &'a [u8]) -> KeyRange<'a> {
    (Bound::Included(first), Bound::Included(last))
}

/// Makes the key of two numbers: sorts by the first, then by the second.
pub(crate) fn pair(first: u64, second: u64) -> [u8; 16] {
    (u128::from(first) << 64 | u128::from(second)).to_be_bytes()
}

/// Collects the second numbers of at most `limit` pairs that begin with `first`, in order.
pub(crate) fn seconds(tx: &impl Read, table: Table, first: u64, limit: usize) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    if limit == 0 {
        return Ok(found);
    }
    tx.scan(table, between(&pair(first, 0), &pair(first, u64::MAX)), false, &mut |key, _| {
        found.push(tail(table, key)?);
        Ok(if found.len() < limit { Scan::Next } else { Scan::Stop })
    })?;
    Ok(found)
}

/// Reads 8 bytes, big-endian.
pub(crate) fn number(bytes: &[u8]) -> Result<u64> {
    let bytes = bytes.try_into().map_err(|_| Error::corrupt("an id is not 8 bytes long"))?;
    Ok(u64::from_be_bytes(bytes))
}

/// Reads an id that is a row's whole value.
pub(crate) fn id(tx: &impl Read, table: Table, key: &[u8]) -> Result<Option<u64>> {
    tx.get(table, key, number)
}

/// Reads the number in the last 8 bytes of a key.
pub(crate) fn tail(table: Table, key: &[u8]) -> Result<u64> {
    match key.last_chunk() {
        Some(bytes) => Ok(u64::from_be_bytes(*bytes)),
        None => Err(Error::corrupt(format!("a key of table {} is too short", table.name))),
    }
}

/// Makes 8 bytes that sort as the times do: big-endian with the sign bit flipped.
pub(crate) fn time_key(time: Time) -> [u8; 8] {
    let mut bytes = time.0.to_be_bytes();
    if let Some(first) = bytes.first_mut() {
        *first ^= 0x80;
    }
    bytes
}

/// Makes the key of a time and a number: sorts by the time, then by the number.
pub(crate) fn due(time: Time, number: u64) -> [u8; 16] {
    pair(u64::from_be_bytes(time_key(time)), number)
}

/// Reads the time of a key that [`due`] made.
pub(crate) fn due_time(table: Table, key: &[u8]) -> Result<Time> {
    match key.first_chunk() {
        Some(bytes) => Ok(Time((u64::from_be_bytes(*bytes) ^ (1 << 63)).cast_signed())),
        None => Err(Error::corrupt(format!("a key of table {} is too short", table.name))),
    }
}

/// Adds one to a revocation counter.
pub(crate) fn revoked(revocations: u64) -> Result<u64> {
    revocations.checked_add(1).ok_or_else(|| Error::bug("a revocation counter overflowed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::table;

    #[test]
    fn t5_times_sort_as_they_follow_each_other() {
        let times = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX].map(Time);
        for pair in times.windows(2) {
            assert!(due(pair[0], u64::MAX) < due(pair[1], 0));
        }
        for time in times {
            let key = due(time, 7);
            assert_eq!(due_time(table::ARCHIVE_EXPIRY, &key).unwrap(), time);
            assert_eq!(tail(table::ARCHIVE_EXPIRY, &key).unwrap(), 7);
        }
    }

    #[test]
    fn s10_a_short_key_is_corrupt() {
        for key in [&b""[..], b"1234567"] {
            assert_eq!(tail(table::FILE_LINK, key).unwrap_err().kind(), crate::ErrorKind::Corrupt);
            assert_eq!(due_time(table::FILE_LINK, key).unwrap_err().kind(), crate::ErrorKind::Corrupt);
        }
    }
}
