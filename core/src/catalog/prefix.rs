//! Rows found by the beginning of their key, and rows whose value is an id.

use crate::Result;
use crate::kv::prefetch::{borrowed, range_under};
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
    let range = range_under(prefix, after);
    tx.scan(table, borrowed(&range), false, &mut |key, value| {
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
