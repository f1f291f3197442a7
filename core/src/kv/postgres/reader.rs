//! Reading: the rows of a view, and over them what this process has committed since.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::row::{Committed, Over, Overlaid, RowKey, RowStream, StoredRow};
use super::span::{Span, behind};
use super::view::View;
use crate::Result;
use crate::kv::{KeyRange, Prefetch, Read, Scan, Table, VisitMany, VisitRow, is_empty};

/// Rows of the first page of a scan and of the later ones. Most scans are of a page of a listing, or of
/// what hangs on one file.
const FIRST_PAGE: i64 = 128;
const PAGE: i64 = 1024;

/// What this process committed since its view began.
pub(super) type OwnCommits = BTreeMap<RowKey, Committed>;

/// A read transaction. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct PostgresReader {
    pub(super) view: Arc<View>,
    pub(super) overlay: Arc<OwnCommits>,
    number: u64,
}

/// The rows of a view in a span, page by page.
pub(super) struct Pages {
    view: Arc<View>,
    table: Table,
    span: Span,
    reverse: bool,
    page: std::vec::IntoIter<(Vec<u8>, StoredRow)>,
    limit: i64,
    ended: bool,
}

impl RowStream for Pages {
    fn next(&mut self) -> Result<Option<(Vec<u8>, StoredRow)>> {
        loop {
            if let Some(row) = self.page.next() {
                return Ok(Some(row));
            }
            if self.ended {
                return Ok(None);
            }
            let bounds = (self.span.low.as_slice(), self.span.high.as_slice());
            let page = self.view.page(self.table, bounds, self.reverse, self.limit)?;
            self.ended = page.last;
            self.limit = PAGE;
            if let Some((last, _)) = page.rows.last() {
                match self.reverse {
                    true => self.span.high.clone_from(last),
                    false => self.span.low = behind(last),
                }
            }
            self.page = page.rows.into_iter();
        }
    }
}

/// What lies over the rows of a span of a table, in its order.
pub(super) type Above<'o, O> = Box<dyn Iterator<Item = (&'o [u8], &'o O)> + 'o>;

/// Returns what of `map` is in a span of a table.
pub(super) fn above<'o, O>(
    map: &'o BTreeMap<RowKey, O>,
    table: Table,
    span: &Span,
    reverse: bool,
) -> Above<'o, O> {
    if span.low >= span.high {
        return Box::new(std::iter::empty());
    }
    let within = map.range((table.byte, span.low.clone())..(table.byte, span.high.clone()));
    fn plain<'o, O>(((_, key), over): (&'o RowKey, &'o O)) -> (&'o [u8], &'o O) {
        (key.as_slice(), over)
    }
    let within: btree_map::Range<'o, RowKey, O> = within;
    match reverse {
        true => Box::new(within.rev().map(plain)),
        false => Box::new(within.map(plain)),
    }
}

/// Shows rows to a visitor until it says that it has enough.
pub(super) fn show(rows: &mut impl RowStream, visit: &mut VisitRow<'_>) -> Result<()> {
    while let Some((key, row)) = rows.next()? {
        if let Some(value) = &row.value
            && visit(&key, value)? == Scan::Stop
        {
            break;
        }
    }
    Ok(())
}

impl PostgresReader {
    /// Returns the rows under many keys, in one trip at most.
    pub(super) fn rows(&self, keys: &[RowKey]) -> Result<Vec<Arc<StoredRow>>> {
        let whole = |key: &RowKey| match self.overlay.get(key) {
            Some(Committed::Whole(row)) => Some(row),
            _ => None,
        };
        let asked: Vec<RowKey> = keys.iter().filter(|key| whole(key).is_none()).cloned().collect();
        let mut below = self.view.rows(&asked)?.into_iter();
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            rows.push(match (whole(key), self.overlay.get(key)) {
                (Some(row), _) => Arc::new(row.clone()),
                (None, over) => {
                    let below = below.next().unwrap_or_default();
                    match over {
                        Some(over) => Arc::new(over.over((*below).clone())?),
                        None => below,
                    }
                }
            });
        }
        Ok(rows)
    }

    /// Makes a reader of a view with what was committed over it.
    pub(super) fn new(view: Arc<View>, overlay: Arc<OwnCommits>) -> PostgresReader {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        PostgresReader { view, overlay, number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// Returns the number that this reader and its clones have, and no other.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether the rows are certainly as new as a time of the uptime that is past.
    pub(crate) fn is_since(&self, since: Duration) -> bool {
        self.view.begun().is_some_and(|begun| begun >= since)
    }

    /// Returns the row under a key.
    pub(super) fn row(&self, table: Table, key: &[u8]) -> Result<Arc<StoredRow>> {
        let mut rows = self.rows(&[(table.byte, key.to_vec())])?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// Returns the rows of a span, in order.
    pub(super) fn within(
        &self,
        table: Table,
        span: &Span,
        reverse: bool,
    ) -> Overlaid<Pages, Above<'_, Committed>> {
        let pages = Pages {
            view: self.view.clone(),
            table,
            span: span.clone(),
            reverse,
            page: Vec::new().into_iter(),
            limit: FIRST_PAGE,
            ended: false,
        };
        Overlaid::new(pages, above(&self.overlay, table, span, reverse), reverse)
    }
}

impl Read for PostgresReader {
    fn get<R>(&self, table: Table, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        self.row(table, key)?.value.as_deref().map(found).transpose()
    }

    fn scan(&self, table: Table, range: KeyRange<'_>, reverse: bool, visit: &mut VisitRow<'_>) -> Result<()> {
        if is_empty(range) {
            return Ok(());
        }
        show(&mut self.within(table, &Span::of(range), reverse), visit)
    }

    fn get_many(&self, keys: &[(Table, &[u8])], visit: &mut VisitMany<'_>) -> Result<()> {
        let keys: Vec<RowKey> = keys.iter().map(|(table, key)| (table.byte, key.to_vec())).collect();
        let rows = self.rows(&keys)?;
        rows.iter().enumerate().try_for_each(|(position, row)| visit(position, row.value.as_deref()))
    }

    fn prefetch_while<T>(
        &self,
        rows: impl FnOnce() -> Prefetch,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<Option<T>> {
        self.fetch(&rows(), meanwhile)
    }
}
