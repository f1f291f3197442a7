//! What the database holds.

use std::collections::BTreeMap;

use tokio_postgres::types::Type;

use super::cell::{Cell, encode};
use crate::Result;

/// A part of a row: a base has a value, a delta has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowPart {
    pub(super) version: i64,
    pub(super) value: Option<Vec<u8>>,
    pub(super) delta: Option<i64>,
}

/// All rows, by table and key, and then by the number of the part.
pub(super) type StoredRows = BTreeMap<(i16, Vec<u8>), BTreeMap<i64, RowPart>>;

/// Returns at most `limit` parts of the rows of a range.
pub(super) fn within(
    rows: &StoredRows,
    tab: i16,
    (low, high): (Vec<u8>, Vec<u8>),
    reverse: bool,
    limit: i64,
) -> Vec<(Vec<u8>, RowPart)> {
    let limit = usize::try_from(limit).unwrap_or(0);
    if low >= high {
        return Vec::new();
    }
    let found = rows.range((tab, low)..(tab, high));
    let parts =
        found.flat_map(|((_, key), parts)| parts.values().map(move |part| (key.clone(), part.clone())));
    match reverse {
        true => parts.rev().take(limit).collect(),
        false => parts.take(limit).collect(),
    }
}

/// Makes a row of an answer: what comes first, the key unless it is left out, and the part.
pub(super) fn row(first: &[Cell], key: &[u8], part: RowPart) -> Result<Vec<Cell>> {
    let mut cells = first.to_vec();
    cells.push(encode(&key, &Type::BYTEA)?);
    cells.extend(of_part(&part)?);
    Ok(cells)
}

pub(super) fn of_part(part: &RowPart) -> Result<[Cell; 3]> {
    Ok([
        encode(&part.version, &Type::INT8)?,
        encode(&part.value, &Type::BYTEA)?,
        encode(&part.delta, &Type::INT8)?,
    ])
}
