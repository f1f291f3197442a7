//! The memtable: rows of recent commits, in memory, above those in the file.
//!
//! In exclusive mode the log makes a change durable, and the file of the rows only has to follow. So a
//! commit puts its rows here, which costs an insertion each, and many commits go into the file at once:
//! a page of it that a hundred commits change is then written once.
//!
//! A row is kept once for each commit that changed it, with the number of that commit: a reader, who
//! knows up to which commit it reads, finds what it is to see while others commit. No row is taken out;
//! when all are in the file, the next memtable begins.

use std::cmp::Reverse;
use std::ops::Bound;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_skiplist::SkipMap;
use crossbeam_skiplist::map::Entry;

use super::TABLES;
use crate::kv::merge::Changed;
use crate::kv::{KeyRange, Table};
use crate::{Error, Result};

/// What a row takes besides its bytes: the node and two allocations, about.
const OVERHEAD: usize = 128;

/// The newest of a key comes first.
type VersionedKey = (Box<[u8]>, Reverse<u64>);
type VersionedRows = SkipMap<VersionedKey, Option<Box<[u8]>>>;

/// Rows of recent commits, each with the number of its commit.
pub(super) struct Memtable {
    tables: [OnceLock<(Table, VersionedRows)>; TABLES],
    len: AtomicUsize,
}

impl Memtable {
    pub(super) fn new() -> Memtable {
        Memtable { tables: [const { OnceLock::new() }; TABLES], len: AtomicUsize::new(0) }
    }

    /// Returns about how many bytes of memory it takes.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Adds a row as the commit of this number has it; None when that removed it.
    pub(super) fn insert(
        &self,
        commit: u64,
        table: Table,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    ) -> Result<()> {
        let slot = self.tables.get(usize::from(table.byte)).ok_or_else(|| super::no_such_table(table))?;
        let (_, rows) = slot.get_or_init(|| (table, SkipMap::new()));
        // Only decides when to checkpoint, so its order beside the rows does not matter.
        self.len.fetch_add(memory_of(&key, value.as_deref()), Ordering::Relaxed);
        // Newest first under a key, so that the first entry that a snapshot may see is its answer.
        rows.insert((key.into(), Reverse(commit)), value.map(Vec::into_boxed_slice));
        Ok(())
    }

    fn rows(&self, table: Table) -> Option<&VersionedRows> {
        self.tables.get(usize::from(table.byte))?.get().map(|(_, rows)| rows)
    }

    /// Looks up one key as it is after the commit of this number; None when no commit up to it
    /// changed the row.
    pub(super) fn get(&self, commit: u64, table: Table, key: &[u8]) -> Option<ChangedRow<'_>> {
        let rows = self.rows(table)?;
        let newest: VersionedKey = (key.into(), Reverse(commit));
        let entry = rows.lower_bound(Bound::Included(&newest))?;
        (*entry.key().0 == *key).then_some(ChangedRow(entry))
    }

    /// Returns the rows of a range that commits up to this one changed, in order of key or from the
    /// last, or None when there are none.
    pub(super) fn range(
        &self,
        commit: u64,
        table: Table,
        (first, last): KeyRange<'_>,
        reverse: bool,
    ) -> Option<impl Iterator<Item = ChangedRow<'_>>> {
        // Before all of a key that is in the range, and behind all of one that is not.
        let (before, behind) = (Reverse(u64::MAX), Reverse(0));
        let own = |bound: Bound<&[u8]>, included, excluded| match bound {
            Bound::Included(key) => Bound::Included((Box::from(key), included)),
            Bound::Excluded(key) => Bound::Excluded((Box::from(key), excluded)),
            Bound::Unbounded => Bound::Unbounded,
        };
        let rows = self.rows(table)?;
        let range: (Bound<VersionedKey>, Bound<VersionedKey>) =
            (own(first, before, behind), own(last, behind, before));
        let mut entries = rows.range(range);
        let mut next = move || if reverse { entries.next_back() } else { entries.next() };
        let mut ahead = next();
        Some(std::iter::from_fn(move || {
            loop {
                // All of one key, of which the newest up to the commit is shown.
                let entry = ahead.take()?;
                let mut shown = is_visible(&entry, commit).then(|| entry.clone());
                ahead = next();
                while let Some(same) = ahead.take_if(|other| other.key().0 == entry.key().0) {
                    if is_visible(&same, commit) && (reverse || shown.is_none()) {
                        shown = Some(same);
                    }
                    ahead = next();
                }
                if let Some(shown) = shown {
                    return Some(ChangedRow(shown));
                }
            }
        }))
    }

    /// Visits every table that has rows, with each row as the last commit left it.
    pub(super) fn each_table(
        &self,
        visit: &mut dyn FnMut(Table, &mut dyn Iterator<Item = ChangedRow<'_>>) -> Result<()>,
    ) -> Result<()> {
        for (table, _) in self.tables.iter().filter_map(OnceLock::get) {
            let rows = self.range(u64::MAX, *table, (Bound::Unbounded, Bound::Unbounded), false);
            visit(*table, &mut rows.ok_or_else(|| Error::bug("a table of the memtable is gone"))?)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Memtable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memtable").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Returns about how many bytes of memory a row takes in a memtable.
pub(super) fn memory_of(key: &[u8], value: Option<&[u8]>) -> usize {
    OVERHEAD + key.len() + value.map_or(0, <[u8]>::len)
}

fn is_visible(entry: &Entry<'_, VersionedKey, Option<Box<[u8]>>>, commit: u64) -> bool {
    entry.key().1.0 <= commit
}

/// A row in the memtable.
pub(super) struct ChangedRow<'a>(Entry<'a, VersionedKey, Option<Box<[u8]>>>);

impl Changed for ChangedRow<'_> {
    fn key(&self) -> &[u8] {
        &self.0.key().0
    }

    fn value(&self) -> Option<&[u8]> {
        self.0.value().as_deref()
    }
}
