//! Reading ahead: all that a call is going to read in one round trip, also the rows to which other rows lead.
//!
//! First the links are followed here, through what this process has committed and what the view has read. The
//! server follows them from where that ends. What it finds is cached in the view, and is there when it is looked up.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use tokio_postgres::types::Type;

use super::query::{Parameter, Query, Statement};
use super::reader::PostgresReader;
use super::row::{Committed, RowKey, StoredRow};
use super::session::column;
use super::span::Span;
use super::view::{ScanKey, ScanPage};
use crate::kv::Prefetch;
use crate::kv::prefetch::{borrowed, range_under};
use crate::{Error, Result};

/// How often the server is asked at most: what this process has committed can lead it on.
const TRIES: usize = 2;
/// Rows of one scan that are read ahead at most.
const MAX_ROWS: usize = 1000;

/// Where the links were followed to.
#[derive(Default)]
struct Frontier<'p> {
    /// Rows that are not here, with the rest of the path that goes on there; the flag marks the path of the first row.
    rows: Vec<(RowKey, &'p [String], bool)>,
    ranges: Vec<(ScanKey, usize)>,
    /// What the path of the first row leads to, if it was found.
    end: Option<u64>,
}

impl PostgresReader {
    /// Reads what is not here yet, and does `meanwhile` until it comes.
    pub(super) fn fetch<T>(&self, wanted: &Prefetch, meanwhile: impl FnOnce() -> T) -> Result<Option<T>> {
        #[cfg(test)]
        if self.view.options().one_by_one {
            return Ok(None);
        }
        let mut meanwhile = Some(meanwhile);
        let mut done = None;
        for _ in 0..TRIES {
            let frontier = self.frontier(wanted)?;
            if frontier.rows.is_empty() && frontier.ranges.is_empty() {
                break;
            }
            let work = meanwhile.take();
            done = self.ask_ahead(wanted, &frontier, || work.map(|work| work()))?.or(done);
        }
        Ok(done)
    }

    /// Follows the links through what is here.
    fn frontier<'p>(&self, wanted: &'p Prefetch) -> Result<Frontier<'p>> {
        let mut frontier = Frontier::default();
        let mut seen = HashSet::new();
        let mut waiting: Vec<(RowKey, &[String], bool)> = Vec::new();
        for (index, first) in wanted.first.iter().enumerate() {
            let is_path = index == 0 && wanted.below.is_some();
            waiting.push(((first.table.byte, first.key.clone()), &first.names, is_path));
        }
        while let Some((key, names, is_path)) = waiting.pop() {
            if !seen.insert((key.clone(), names.len())) {
                continue;
            }
            let row = match self.overlay.get(&key) {
                Some(Committed::Whole(row)) => Arc::new(row.clone()),
                _ => match self.view.cached(&key) {
                    Some(row) => row,
                    None => {
                        frontier.rows.push((key, names, is_path));
                        continue;
                    }
                },
            };
            let Some(value) = &row.value else { continue };
            let on = wanted.links.iter().filter(|link| link.from.byte == key.0);
            for link in on {
                match (names.split_first(), link.takes_name()) {
                    (Some((name, rest)), true) => {
                        let next = link.leads_to(&key.1, value, Some(name));
                        waiting.extend(next.map(|next| ((link.to.byte, next), rest, is_path)));
                    }
                    (None, false) => {
                        let next = link.leads_to(&key.1, value, None);
                        waiting.extend(next.map(|next| ((link.to.byte, next), names, false)));
                    }
                    (None, true) if is_path => frontier.end = link.number(value),
                    _ => {}
                }
            }
        }
        let ranges = wanted.ranges.iter().map(|range| {
            let span = Span::of(borrowed(&range.range));
            ((range.table.byte, span, range.reverse), range.limit)
        });
        let below = frontier.end.and_then(|end| below(wanted, end));
        for (scan, limit) in ranges.chain(below) {
            if self.view.cached_page(&scan).is_none() {
                frontier.ranges.push((scan, limit.min(MAX_ROWS)));
            }
        }
        Ok(frontier)
    }

    fn ask_ahead<T>(
        &self,
        wanted: &Prefetch,
        frontier: &Frontier<'_>,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<T> {
        let query = query(wanted, frontier)?;
        let (parts, done) = self.view.ask_while(query, meanwhile)?;
        let mut rows: BTreeMap<RowKey, StoredRow> = BTreeMap::new();
        // Of each range its rows and how many parts they have; the first is that of the rows below.
        let mut ranges: Vec<(BTreeMap<Vec<u8>, StoredRow>, usize)> = Vec::new();
        ranges.resize_with(frontier.ranges.len() + 1, Default::default);
        for part in &parts {
            let (range, table): (Option<i32>, i16) = (column(part, 0)?, column(part, 1)?);
            let (key, version): (Vec<u8>, Option<i64>) = (column(part, 2)?, column(part, 3)?);
            let of_others = || Error::bug("a row was read that was not asked for");
            let row = match range {
                None => {
                    let table = u8::try_from(table).map_err(|_| of_others())?;
                    rows.entry((table, key)).or_default()
                }
                Some(range) => {
                    let range = usize::try_from(range).ok().and_then(|range| ranges.get_mut(range));
                    let (rows, parts) = range.ok_or_else(of_others)?;
                    *parts = parts.saturating_add(1);
                    rows.entry(key).or_default()
                }
            };
            // None where there is no row.
            if let Some(version) = version {
                row.take(version, column(part, 4)?, column(part, 5)?)?;
            }
        }
        self.view.keep(rows.into_iter().map(|(key, row)| (key, Arc::new(row))).collect());
        let mut ranges = ranges.into_iter();
        let of_below = ranges.next();
        for ((scan, limit), read) in frontier.ranges.iter().zip(ranges) {
            self.keep_range(scan.clone(), *limit, read);
        }
        if asks_below(wanted, frontier)
            && let (Some(read), Some(end)) = (of_below, self.frontier(wanted)?.end)
            && let Some((scan, limit)) = below(wanted, end)
        {
            self.keep_range(scan, limit.min(MAX_ROWS), read);
        }
        Ok(done)
    }

    fn keep_range(&self, scan: ScanKey, limit: usize, (rows, parts): (BTreeMap<Vec<u8>, StoredRow>, usize)) {
        let reverse = scan.2;
        let mut rows: Vec<_> = rows.into_iter().collect();
        if reverse {
            rows.reverse();
        }
        let page = ScanPage::new(rows, parts <= limit);
        if page.last || !page.rows.is_empty() {
            self.view.keep_page(scan, page);
        }
    }
}

/// Returns the scan of the rows below what the path of the first row leads to.
fn below(wanted: &Prefetch, end: u64) -> Option<(ScanKey, usize)> {
    let below = wanted.below.as_ref()?;
    let to = wanted.links.iter().find(|link| link.takes_name())?.to;
    let range = range_under(&end.to_be_bytes(), below.after.as_deref());
    Some(((to.byte, Span::of(borrowed(&range)), false), below.limit))
}

/// Whether the server has to find out where the rows below are.
fn asks_below(wanted: &Prefetch, frontier: &Frontier<'_>) -> bool {
    wanted.below.is_some() && frontier.end.is_none()
}

fn query(wanted: &Prefetch, frontier: &Frontier<'_>) -> Result<Query> {
    let (mut tables, mut keys, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let (mut ats, mut lasts, mut paths) = (Vec::new(), Vec::new(), Vec::new());
    let count = |len: usize| i32::try_from(len).map_err(|_| Error::bug("too many rows are read ahead"));
    for ((table, key), rest, is_path) in &frontier.rows {
        tables.push(i16::from(*table));
        keys.push(key.clone());
        ats.push(count(names.len())?);
        names.extend(rest.iter().map(|name| name.as_bytes().to_vec()));
        lasts.push(count(names.len())?);
        paths.push(*is_path);
    }
    let (mut of, mut lows, mut highs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut reverses, mut limits) = (Vec::new(), Vec::new());
    // One more than is wanted says whether there are more.
    let limit = |limit: usize| i64::try_from(limit.min(MAX_ROWS)).unwrap_or(0).saturating_add(1);
    for ((table, span, reverse), wanted) in &frontier.ranges {
        of.push(i16::from(*table));
        lows.push(span.low.clone());
        highs.push(span.high.clone());
        reverses.push(*reverse);
        limits.push(limit(*wanted));
    }
    // What lies behind the number in the first key of the rows below; none is behind all of them.
    let below = wanted.below.as_ref().filter(|_| asks_below(wanted, frontier));
    let behind = below.map(|below| below.after.as_deref().map_or_else(Vec::new, super::span::behind));
    let most = below.map_or(0, |below| limit(below.limit));
    let parameters: Vec<Parameter> = vec![
        (Box::new(tables), Type::INT2_ARRAY),
        (Box::new(keys), Type::BYTEA_ARRAY),
        (Box::new(ats), Type::INT4_ARRAY),
        (Box::new(lasts), Type::INT4_ARRAY),
        (Box::new(paths), Type::BOOL_ARRAY),
        (Box::new(names), Type::BYTEA_ARRAY),
        (Box::new(of), Type::INT2_ARRAY),
        (Box::new(lows), Type::BYTEA_ARRAY),
        (Box::new(highs), Type::BYTEA_ARRAY),
        (Box::new(reverses), Type::BOOL_ARRAY),
        (Box::new(limits), Type::INT8_ARRAY),
        (Box::new(behind), Type::BYTEA),
        (Box::new(most), Type::INT8),
    ];
    Ok(Query { what: Statement::Prefetch(wanted.links), parameters })
}
