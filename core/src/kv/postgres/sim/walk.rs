//! Reading along links, as the statement of `links.rs` does.

use std::collections::BTreeSet;

use tokio_postgres::types::Type;

use super::cell::{Cell, encode};
use super::rows::{RowPart, StoredRows, of_part, within};
use super::state::SentQuery;
use crate::kv::{KeyPart, RowLink};
use crate::{Error, Result};

/// A row that was come by: its table, its key, which of the names its path has left, and whether it is on the path
/// whose end the rows below hang on.
type WalkStep = (i16, Vec<u8>, i32, i32, bool);

/// Returns all parts of all rows that links lead to, and of ranges.
pub(super) fn prefetch(rows: &StoredRows, links: &[RowLink], query: &SentQuery) -> Result<Vec<Vec<Cell>>> {
    let names: Vec<Vec<u8>> = query.parameter(6)?;
    let behind: Option<Vec<u8>> = query.parameter(12)?;
    let (mut seen, mut waiting) = (BTreeSet::new(), first(query)?);
    // The numbers that the keys of the rows below begin with.
    let mut ends = BTreeSet::new();
    while let Some(step) = waiting.pop() {
        if !seen.insert(step.clone()) {
            continue;
        }
        let (tab, key, at, last, is_path) = step;
        let Some(value) = base(rows, tab, &key) else { continue };
        for link in links.iter().filter(|link| i16::from(link.from.byte) == tab) {
            let to = i16::from(link.to.byte);
            let name = usize::try_from(at).ok().and_then(|at| names.get(at));
            match (at < last, link.takes_name()) {
                (true, true) => {
                    let name = name.and_then(|name| std::str::from_utf8(name).ok());
                    let next = link.leads_to(&key, value, name);
                    waiting.extend(next.map(|next| (to, next, at.saturating_add(1), last, is_path)));
                }
                (false, false) => {
                    let next = link.leads_to(&key, value, None);
                    waiting.extend(next.map(|next| (to, next, 0, 0, false)));
                }
                (false, true) if is_path && behind.is_some() => ends.extend(beginning(link, &key, value)),
                _ => {}
            }
        }
    }
    let found: BTreeSet<(i16, Vec<u8>)> = seen.into_iter().map(|(tab, key, ..)| (tab, key)).collect();
    let mut answer = Vec::new();
    for (tab, key) in found {
        match rows.get(&(tab, key.clone())).filter(|parts| !parts.is_empty()) {
            Some(parts) => {
                for part in parts.values() {
                    answer.push(line(None, tab, &key, Some(part))?);
                }
            }
            None => answer.push(line(None, tab, &key, None)?),
        }
    }
    answer.extend(ranges(rows, query)?);
    let to = links.iter().find(|link| link.takes_name()).map(|link| i16::from(link.to.byte));
    if let (Some(to), Some(behind)) = (to, behind) {
        let limit: i64 = query.parameter(13)?;
        for end in ends {
            let low = [&end.to_be_bytes()[..], &behind].concat();
            let high = end.saturating_add(1).to_be_bytes().to_vec();
            for (key, part) in within(rows, to, (low, high), false, limit) {
                answer.push(line(Some(0), to, &key, Some(&part))?);
            }
        }
    }
    Ok(answer)
}

fn first(query: &SentQuery) -> Result<Vec<WalkStep>> {
    let (tables, keys): (Vec<i16>, Vec<Vec<u8>>) = (query.parameter(1)?, query.parameter(2)?);
    let (ats, lasts): (Vec<i32>, Vec<i32>) = (query.parameter(3)?, query.parameter(4)?);
    let paths: Vec<bool> = query.parameter(5)?;
    let rows = tables.into_iter().zip(keys).zip(ats.into_iter().zip(lasts)).zip(paths);
    Ok(rows.map(|(((tab, key), (at, last)), path)| (tab, key, at, last, path)).collect())
}

fn ranges(rows: &StoredRows, query: &SentQuery) -> Result<Vec<Vec<Cell>>> {
    let tables: Vec<i16> = query.parameter(7)?;
    let (lows, highs): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (query.parameter(8)?, query.parameter(9)?);
    let (reverses, limits): (Vec<bool>, Vec<i64>) = (query.parameter(10)?, query.parameter(11)?);
    let asked = tables.into_iter().zip(lows.into_iter().zip(highs)).zip(reverses.into_iter().zip(limits));
    let mut answer = Vec::new();
    for (number, ((tab, range), (reverse, limit))) in (1_i32..).zip(asked) {
        for (key, part) in within(rows, tab, range, reverse, limit) {
            answer.push(line(Some(number), tab, &key, Some(&part))?);
        }
    }
    Ok(answer)
}

/// Returns the value of the base under a key.
fn base<'r>(rows: &'r StoredRows, tab: i16, key: &[u8]) -> Option<&'r [u8]> {
    rows.get(&(tab, key.to_vec()))?.get(&0)?.value.as_deref()
}

/// Returns the number that the first part of a link's key is.
fn beginning(link: &RowLink, key: &[u8], value: &[u8]) -> Option<u64> {
    match link.key.first()? {
        KeyPart::Number(_) => link.number(value),
        KeyPart::Own => key.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)),
        _ => value.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)),
    }
}

fn line(range: Option<i32>, tab: i16, key: &[u8], part: Option<&RowPart>) -> Result<Vec<Cell>> {
    let key: &[u8] = key;
    let mut cells =
        vec![encode(&range, &Type::INT4)?, encode(&tab, &Type::INT2)?, encode(&key.to_vec(), &Type::BYTEA)?];
    match part {
        Some(part) => cells.extend(of_part(part)?),
        None => cells.extend([(Type::INT8, None), (Type::BYTEA, None), (Type::INT8, None)]),
    }
    if cells.len() != 6 {
        return Err(Error::bug("a row of a prefetch has six columns"));
    }
    Ok(cells)
}
