//! Rows found by the beginning of their key, and rows whose value is an id.

use std::ops::Bound;

use crate::Result;
use crate::kv::{Read, Scan, Table};

/// A key and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// Called with each row: its key without the prefix, and its value.
pub(crate) type VisitSuffix<'a> = dyn FnMut(&[u8], &[u8]) -> Result<Scan> + 'a;

/// Visits the rows whose key begins with `prefix`, in order, without the prefix; those up to and
/// with `after` are left out.
///
/// The visitor must not use the transaction: a driver may hold the table while it scans.
pub(crate) fn under(
    tx: &impl Read,
    table: Table,
    prefix: &[u8],
    after: Option<&[u8]>,
    visit: &mut VisitSuffix<'_>,
) -> Result<()> {
    let start = [prefix, after.unwrap_or_default()].concat();
    let from = if after.is_some() { Bound::Excluded(&*start) } else { Bound::Included(&*start) };
    let end = successor(prefix);
    let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    tx.scan(table, (from, to), false, &mut |key, value| {
        visit(key.get(prefix.len()..).unwrap_or_default(), value)
    })
}

/// Returns up to `limit` rows whose key begins with `prefix`, as [`under`] visits them.
pub(crate) fn page(
    tx: &impl Read,
    table: Table,
    prefix: &[u8],
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Pair>> {
    let mut rows = Vec::new();
    if limit > 0 {
        under(tx, table, prefix, after, &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            Ok(if rows.len() < limit { Scan::Next } else { Scan::Stop })
        })?;
    }
    Ok(rows)
}

/// Returns the first key behind every key that begins with `prefix`; None if there is no such key.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_key_of_no_greater_length() {
        for (prefix, end) in [
            (&b""[..], None),
            (b"\xff", None),
            (b"\xff\xff", None),
            (b"a", Some(&b"b"[..])),
            (b"a\xff", Some(b"b")),
            (b"\x00\xff\xff", Some(b"\x01")),
            (b"\xfe", Some(b"\xff")),
        ] {
            assert_eq!(successor(prefix).as_deref(), end, "{prefix:?}");
        }
    }
}
