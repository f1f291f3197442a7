//! Copying rows, and comparing them.

use std::ops::Bound;

use super::{Migration, ROWS};
use crate::catalog::moving::{self, ArrivingRecord};
use crate::catalog::prefix::{self, Pair};
use crate::catalog::table;
use crate::kv::{Commit, Kv, Read, Scan, Table, Write};
use crate::{Error, Result};

/// Bytes of rows that one commit writes at most, but for one row.
const BYTES: usize = 512 << 10;

impl Migration<'_, '_> {
    /// Copies all rows as a snapshot has them, or what is left of them. Where a copy before was cut off, what it has
    /// is of an older snapshot: the log brings it up to date, from the group on that the first of them ended with.
    pub(super) fn copy_rows(&mut self, tx: &impl Read) -> Result<()> {
        let mut arriving = self.arriving()?;
        while let Some((byte, after)) = arriving.next.clone() {
            let at = table::ALL.iter().position(|table| table.byte == byte);
            let (at, table) = at.and_then(|at| Some((at, *table::ALL.get(at)?))).ok_or_else(|| {
                Error::corrupt(format!("the move goes on in table {byte}, which this build does not know"))
            })?;
            let page = page(tx, table, &after)?;
            arriving.next = match page.last() {
                Some((key, _)) => Some((byte, key.clone())),
                None => table::ALL.get(at.saturating_add(1)).map(|next| (next.byte, Vec::new())),
            };
            self.put(table, &page, &after, &arriving)?;
            self.step(0)?;
        }
        Ok(())
    }

    /// Lets a page of rows take the place of what is there, between a key and the last of the page.
    fn put(&mut self, table: Table, page: &[Pair], after: &[u8], arriving: &ArrivingRecord) -> Result<()> {
        let mut rows = 0;
        let first = if after.is_empty() { Bound::Unbounded } else { Bound::Excluded(after) };
        let last = page.last().map_or(Bound::Unbounded, |(key, _)| Bound::Included(key.as_slice()));
        self.to.kv.write(Commit::Synced, |to| {
            rows = 0;
            // There is something only where a copy before has left it.
            let mut old = Vec::new();
            to.scan(table, (first, last), false, &mut |key, _| {
                old.push(key.to_vec());
                Ok(Scan::Next)
            })?;
            let stale = |key: &&Vec<u8>| page.binary_search_by(|(kept, _)| kept.cmp(key)).is_err();
            for key in old.iter().filter(stale).filter(|key| moving::is_carried(table, key)) {
                to.del(table, key)?;
            }
            for (key, value) in page.iter().filter(|(key, _)| moving::is_carried(table, key)) {
                to.put(table, key, value)?;
                rows += 1;
            }
            moving::set_arriving(to, Some(arriving))
        })?;
        self.report.rows = self.report.rows.saturating_add(rows);
        Ok(())
    }
}

fn page(tx: &impl Read, table: Table, after: &[u8]) -> Result<Vec<Pair>> {
    // No key is empty.
    let mut page = prefix::page(tx, table, &[], (!after.is_empty()).then_some(after), ROWS)?;
    let mut len = 0;
    let fits = page.iter().take_while(|(key, value)| {
        len += key.len() + value.len();
        len <= BYTES
    });
    let fits = fits.count().max(1);
    page.truncate(fits);
    Ok(page)
}

/// Compares all rows that are carried.
///
/// # Errors
/// `Corrupt` when one is not the same.
pub(super) fn compare(from: &impl Read, to: &impl Read) -> Result<()> {
    for table in table::ALL {
        let (mut ours, mut theirs) = (CarriedRows::new(from, *table), CarriedRows::new(to, *table));
        loop {
            let (our, their) = (ours.next()?, theirs.next()?);
            if our != their {
                let key = our.or(their).map(|(key, _)| key).unwrap_or_default();
                return Err(Error::corrupt(format!(
                    "row {key:02x?} of the table {} is not the same at the other end; nothing was changed here: move the \
                     store to an empty schema",
                    table.name
                )));
            }
            if our.is_none() {
                break;
            }
        }
    }
    Ok(())
}

/// The rows of a table that are carried, in order.
struct CarriedRows<'t, T> {
    tx: &'t T,
    table: Table,
    after: Vec<u8>,
    page: std::vec::IntoIter<Pair>,
}

impl<'t, T: Read> CarriedRows<'t, T> {
    fn new(tx: &'t T, table: Table) -> CarriedRows<'t, T> {
        CarriedRows { tx, table, after: Vec::new(), page: Vec::new().into_iter() }
    }

    fn next(&mut self) -> Result<Option<Pair>> {
        loop {
            for (key, value) in self.page.by_ref() {
                self.after.clone_from(&key);
                if moving::is_carried(self.table, &key) {
                    return Ok(Some((key, value)));
                }
            }
            let after = (!self.after.is_empty()).then_some(self.after.as_slice());
            let page = prefix::page(self.tx, self.table, &[], after, ROWS)?;
            if page.is_empty() {
                return Ok(None);
            }
            self.page = page.into_iter();
        }
    }
}
