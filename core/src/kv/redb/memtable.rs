//! The memtable: rows of recent commits, in memory, above those in the file.
//!
//! In exclusive mode the log makes a change durable, and the file of the rows only has to follow. So a
//! commit puts its rows here, which costs an insertion each, and many commits go into the file at once:
//! a page of it that a hundred commits change is then written once.
//!
//! A row is kept once for each commit that changed it, with the number of that commit: a reader, who
//! knows up to which commit it reads, finds what it is to see while others commit. No row is taken out;
//! when all are in the file, the next memtable begins.

use std::cmp::Ordering as Order;
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

/// How much of a key lies in the node: all of most, and what tells apart those that begin with an id.
const HEAD: usize = 16;

/// A key, and the number of the commit that changed its row. A search compares it with a key in each node
/// that it comes by; what is in the node itself costs no walk through memory more.
struct VersionedKey {
    /// The first bytes; behind the end of a short key, zeros.
    head: [u8; HEAD],
    /// The length of a key that the head has all of.
    head_len: u8,
    /// The whole of a longer key, otherwise empty.
    long: Box<[u8]>,
    commit: u64,
}

impl VersionedKey {
    fn new(key: &[u8], commit: u64) -> VersionedKey {
        let mut head = [0; HEAD];
        head.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        match u8::try_from(key.len()) {
            Ok(head_len) if key.len() <= HEAD => {
                VersionedKey { head, head_len, long: Box::default(), commit }
            }
            _ => VersionedKey { head, head_len: 0, long: key.into(), commit },
        }
    }

    fn key(&self) -> &[u8] {
        match self.long.is_empty() {
            true => self.head.get(..usize::from(self.head_len)).unwrap_or_default(),
            false => &self.long,
        }
    }

    fn has_key(&self, key: &[u8]) -> bool {
        self.key() == key
    }
}

/// By key, and the newest of a key comes first. Heads that differ are in the order of their keys, since
/// zeros are behind the end of a key alone.
impl Ord for VersionedKey {
    fn cmp(&self, other: &VersionedKey) -> Order {
        let heads = u128::from_be_bytes(self.head).cmp(&u128::from_be_bytes(other.head));
        heads.then_with(|| self.key().cmp(other.key())).then_with(|| other.commit.cmp(&self.commit))
    }
}

impl PartialOrd for VersionedKey {
    fn partial_cmp(&self, other: &VersionedKey) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl PartialEq for VersionedKey {
    fn eq(&self, other: &VersionedKey) -> bool {
        self.cmp(other) == Order::Equal
    }
}

impl Eq for VersionedKey {}

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
    pub(super) fn insert(&self, commit: u64, table: Table, key: &[u8], value: Option<Vec<u8>>) -> Result<()> {
        let slot = self.tables.get(usize::from(table.byte)).ok_or_else(|| super::no_such_table(table))?;
        let (_, rows) = slot.get_or_init(|| (table, SkipMap::new()));
        // Only decides when to checkpoint, so its order beside the rows does not matter.
        self.len.fetch_add(memory_of(key, value.as_deref()), Ordering::Relaxed);
        // Newest first under a key, so that the first entry that a snapshot may see is its answer.
        rows.insert(VersionedKey::new(key, commit), value.map(Vec::into_boxed_slice));
        Ok(())
    }

    fn rows(&self, table: Table) -> Option<&VersionedRows> {
        self.tables.get(usize::from(table.byte))?.get().map(|(_, rows)| rows)
    }

    /// Looks up one key as it is after the commit of this number; None when no commit up to it
    /// changed the row.
    pub(super) fn get(&self, commit: u64, table: Table, key: &[u8]) -> Option<ChangedRow<'_>> {
        let rows = self.rows(table)?;
        let entry = rows.lower_bound(Bound::Included(&VersionedKey::new(key, commit)))?;
        entry.key().has_key(key).then_some(ChangedRow(entry))
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
        let (before, behind) = (u64::MAX, 0);
        let own = |bound: Bound<&[u8]>, included, excluded| match bound {
            Bound::Included(key) => Bound::Included(VersionedKey::new(key, included)),
            Bound::Excluded(key) => Bound::Excluded(VersionedKey::new(key, excluded)),
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
                while let Some(same) = ahead.take_if(|other| other.key().has_key(entry.key().key())) {
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
    entry.key().commit <= commit
}

/// A row in the memtable.
pub(super) struct ChangedRow<'a>(Entry<'a, VersionedKey, Option<Box<[u8]>>>);

impl Changed for ChangedRow<'_> {
    fn key(&self) -> &[u8] {
        self.0.key().key()
    }

    fn value(&self) -> Option<&[u8]> {
        self.0.value().as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_their_bytes_and_the_newest_comes_first() {
        let mut keys = vec![Vec::new()];
        for len in [1, 2, 8, HEAD - 1, HEAD, HEAD + 1, 2 * HEAD] {
            for byte in [0_u8, 1, 0x7f, 0xff] {
                keys.push(vec![byte; len]);
                for last in [0_u8, 1, 0xff] {
                    keys.push([vec![byte; len - 1], vec![last]].concat());
                }
            }
        }
        for one in &keys {
            assert_eq!(VersionedKey::new(one, 7).key(), one.as_slice());
            for other in &keys {
                let versioned = VersionedKey::new(one, 7).cmp(&VersionedKey::new(other, 7));
                assert_eq!(versioned, one.cmp(other), "{one:?} and {other:?}");
            }
            assert!(VersionedKey::new(one, 8) < VersionedKey::new(one, 7));
        }
    }
}
