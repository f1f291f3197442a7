//! What each statement does.

use std::sync::Arc;

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::cell::{Cell, encode};
use super::rows::{RowPart, StoredRows, of_part, row, within};
use super::state::{DatabaseState, SentQuery, ServerError, TripReply};
use super::walk;
use crate::kv::postgres::query::Statement;
use crate::kv::postgres::row::Seal;
use crate::{Error, Result};

type RowKeys = Vec<(i16, Vec<u8>)>;

/// Executes a statement that reads.
pub(super) fn read(rows: &StoredRows, query: &SentQuery) -> TripReply {
    match query.what {
        Statement::Get => Ok(get(rows, query)?),
        Statement::Scan { reverse } => {
            let (tab, limit): (i16, i64) = (query.parameter(1)?, query.parameter(4)?);
            let (low, high): (Vec<u8>, Vec<u8>) = (query.parameter(2)?, query.parameter(3)?);
            let parts = within(rows, tab, (low, high), reverse, limit);
            Ok(parts.into_iter().map(|(key, part)| row(&[], &key, part)).collect::<Result<_>>()?)
        }
        Statement::Prefetch(links) => Ok(walk::prefetch(rows, links, query)?),
        other => Err(ServerError::Other(Error::bug(format!("{other:?} in a transaction that reads")))),
    }
}

fn get(rows: &StoredRows, query: &SentQuery) -> Result<Vec<Vec<Cell>>> {
    let mut found = Vec::new();
    for (number, key) in (1_i64..).zip(keys(query, 1)?) {
        for part in rows.get(&key).into_iter().flat_map(|parts| parts.values()) {
            let mut cells = vec![encode(&number, &Type::INT8)?];
            cells.extend(of_part(part)?);
            found.push(cells);
        }
    }
    Ok(found)
}

/// Reads two parameters: tables, and keys.
fn keys(query: &SentQuery, first: usize) -> Result<RowKeys> {
    let tables: Vec<i16> = query.parameter(first)?;
    let keys: Vec<Vec<u8>> = query.parameter(first.saturating_add(1))?;
    Ok(tables.into_iter().zip(keys).collect())
}

impl DatabaseState {
    /// Executes a statement outside of a transaction that reads.
    pub(super) fn change(&mut self, query: &SentQuery, clock: u64) -> TripReply {
        match query.what {
            Statement::Commit => self.commit(query, clock),
            Statement::Void => {
                if is_in_time(query, 2, clock)? {
                    self.commits.entry(id(query)?).or_insert((true, clock));
                }
                Ok(Vec::new())
            }
            Statement::Outcome => {
                let found = self.commits.get(&id(query)?).map(|(void, _)| encode(void, &Type::BOOL));
                Ok(found.into_iter().map(|void| void.map(|void| vec![void])).collect::<Result<_>>()?)
            }
            Statement::Fold => self.fold(query),
            Statement::Forget => {
                let remembered = u64::try_from(query.parameter::<i64>(1)?).unwrap_or(0);
                self.commits.retain(|_, (_, at)| *at >= clock.saturating_sub(remembered));
                Ok(Vec::new())
            }
            _ => read(&self.rows, query),
        }
    }

    fn commit(&mut self, query: &SentQuery, clock: u64) -> TripReply {
        let fits = is_in_time(query, 20, clock)? && self.fits(query)?;
        let now = i64::try_from(clock).unwrap_or(i64::MAX);
        let answer = vec![vec![encode(&if fits { now } else { now.saturating_neg() }, &Type::INT8)?]];
        if !fits {
            return Ok(answer);
        }
        let id = id(query)?;
        if self.commits.contains_key(&id) {
            return Err(ServerError::Other(Error::bug("the id of a commit is there already")));
        }
        let version: i64 = query.parameter(2)?;
        let new = keys(query, 15)?;
        if new.iter().any(|key| self.rows.get(key).is_some_and(|parts| parts.contains_key(&0))) {
            return Err(ServerError::Conflict);
        }
        let rows = Arc::make_mut(&mut self.rows);
        for key in [keys(query, 7)?, keys(query, 18)?].into_iter().flatten() {
            rows.remove(&key);
        }
        let mut put = |keys: RowKeys, values: Vec<Vec<u8>>| {
            for (key, value) in keys.into_iter().zip(values) {
                let part = RowPart { version, value: Some(value), delta: None };
                rows.entry(key).or_default().insert(0, part);
            }
        };
        put(keys(query, 9)?, query.parameter(11)?);
        put(new, query.parameter(17)?);
        let deltas: Vec<i64> = query.parameter(14)?;
        for (key, delta) in keys(query, 12)?.into_iter().zip(deltas) {
            let part = RowPart { version, value: None, delta: Some(delta) };
            rows.entry(key).or_default().insert(version, part);
        }
        self.commits.insert(id, (false, clock));
        Ok(answer)
    }

    /// Whether everything that a commit goes by is still so.
    fn fits(&self, query: &SentQuery) -> Result<bool> {
        let tables: Vec<i16> = query.parameter(3)?;
        let (lows, highs): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (query.parameter(4)?, query.parameter(5)?);
        let seals: Vec<i64> = query.parameter(6)?;
        let mut ranges = tables.into_iter().zip(lows.into_iter().zip(highs)).zip(seals);
        Ok(ranges.all(|((tab, range), seal)| {
            let parts = within(&self.rows, tab, range, false, i64::MAX);
            let sum = parts.iter().fold(0_i128, |sum, (_, part)| sum.saturating_add(part.version.into()));
            sum % i128::from(Seal::RANGE) == i128::from(seal)
        }))
    }

    fn fold(&mut self, query: &SentQuery) -> TripReply {
        let key: (i16, Vec<u8>) = (query.parameter(1)?, query.parameter(2)?);
        let number: i64 = query.parameter(3)?;
        let rows = Arc::make_mut(&mut self.rows);
        let Some(parts) = rows.get_mut(&key) else { return Ok(Vec::new()) };
        let gone = parts.split_off(&1);
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        let versions = gone.values().fold(0_i128, |sum, part| sum.saturating_add(part.version.into()));
        let version = i64::try_from(versions % i128::from(Seal::RANGE)).unwrap_or(0);
        let delta = gone.values().filter_map(|part| part.delta).fold(0, i64::saturating_add);
        parts.insert(number, RowPart { version, value: None, delta: Some(delta) });
        Ok(Vec::new())
    }
}

/// Whether it is not later than a parameter says.
fn is_in_time(query: &SentQuery, number: usize, clock: u64) -> Result<bool> {
    let until: i64 = query.parameter(number)?;
    Ok(i64::try_from(clock).is_ok_and(|clock| clock <= until))
}

fn id(query: &SentQuery) -> Result<u128> {
    Ok(query.parameter::<Uuid>(1)?.as_u128())
}
