//! A row as it is looked at: what the database has under a key, what was committed since, and what a writer
//! has changed.
//!
//! A key has a base, which a put sets, and any number of deltas, which [`Write::add`](crate::kv::Write::add)
//! appends: two processes that add to one counter so write different rows, and neither waits for the other.
//! Each of these parts bears the version of the commit that wrote it. The sum of their versions tells
//! whether anything was changed under a key, or in a range.

use crate::kv::counter;
use crate::{Error, Result};

/// The key of a row in any table.
pub(super) type RowKey = (u8, Vec<u8>);

/// What is under a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StoredRow {
    /// None when there is nothing.
    pub(super) value: Option<Vec<u8>>,
    pub(super) seal: Seal,
}

/// Tells whether what is under a key, or in a range, is the same: the sum of the versions of its parts, up to
/// a multiple of [`Seal::RANGE`]. Versions are random, so that other parts have another sum. Deltas that are
/// brought together into one have the same, because nothing was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seal(i64);

impl Seal {
    /// Versions are below this, and so are seals.
    pub(super) const RANGE: i64 = 1 << 62;

    /// The seal of one part.
    pub(super) fn of(version: i64) -> Seal {
        Seal(version % Seal::RANGE)
    }

    /// Returns the seal of what both are of.
    pub(super) fn and(self, other: Seal) -> Seal {
        // Both are below the range, so that the sum is no overflow.
        Seal(self.0.saturating_add(other.0) % Seal::RANGE)
    }

    /// Returns the number that the database compares.
    pub(super) fn number(self) -> i64 {
        self.0
    }
}

impl StoredRow {
    /// Adds a part that was read: the base has a value, any other a delta.
    ///
    /// # Errors
    /// `Corrupt` when a counter has a base that is none.
    pub(super) fn take(&mut self, version: i64, value: Option<Vec<u8>>, delta: Option<i64>) -> Result<()> {
        match (value, delta) {
            (Some(base), None) => self.value = Some(base),
            (None, Some(delta)) => self.add(delta)?,
            _ => return Err(Error::corrupt("a row of the database has neither a value nor a delta")),
        }
        self.seal = self.seal.and(Seal::of(version));
        Ok(())
    }

    /// Adds to a counter; a missing one counts as 0.
    pub(super) fn add(&mut self, delta: i64) -> Result<()> {
        let now = self.value.as_deref().map_or(Ok(0), counter)?;
        self.value = Some(sum(now, delta)?.to_le_bytes().to_vec());
        Ok(())
    }
}

fn sum(now: i64, delta: i64) -> Result<i64> {
    now.checked_add(delta).ok_or_else(|| Error::bug("a counter overflowed"))
}

/// What lies over a row that was read.
pub(super) trait Over {
    /// Returns the row as it looks with this over it.
    fn over(&self, below: StoredRow) -> Result<StoredRow>;
}

/// What a transaction does to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowChange {
    Put(Vec<u8>),
    Delete,
    Add(i64),
}

impl RowChange {
    /// Returns what is done to the key when `delta` is added after this.
    pub(super) fn then_add(self, delta: i64) -> Result<RowChange> {
        Ok(match self {
            RowChange::Put(value) => RowChange::Put(sum(counter(&value)?, delta)?.to_le_bytes().to_vec()),
            RowChange::Delete => RowChange::Put(delta.to_le_bytes().to_vec()),
            RowChange::Add(before) => RowChange::Add(sum(before, delta)?),
        })
    }
}

/// A writer's own changes have no version yet, and nobody asks for one.
impl Over for RowChange {
    fn over(&self, mut below: StoredRow) -> Result<StoredRow> {
        match self {
            RowChange::Put(value) => below.value = Some(value.clone()),
            RowChange::Delete => below.value = None,
            RowChange::Add(delta) => below.add(*delta)?,
        }
        Ok(below)
    }
}

/// What this process committed to a key since the rows were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// All that is under the key.
    Whole(StoredRow),
    /// Deltas, over whatever is there.
    Added { delta: i64, seal: Seal },
}

impl Committed {
    /// Returns what lies over a key after a change of the given version, and `before` it.
    pub(super) fn after(before: Option<&Committed>, change: RowChange, version: i64) -> Result<Committed> {
        Ok(match (change, before) {
            (RowChange::Put(value), _) => {
                Committed::Whole(StoredRow { value: Some(value), seal: Seal::of(version) })
            }
            (RowChange::Delete, _) => Committed::Whole(StoredRow::default()),
            (RowChange::Add(delta), None) => Committed::Added { delta, seal: Seal::of(version) },
            (RowChange::Add(delta), Some(Committed::Added { delta: before, seal })) => {
                Committed::Added { delta: sum(*before, delta)?, seal: seal.and(Seal::of(version)) }
            }
            (RowChange::Add(delta), Some(Committed::Whole(row))) => {
                let mut row = row.clone();
                row.add(delta)?;
                row.seal = row.seal.and(Seal::of(version));
                Committed::Whole(row)
            }
        })
    }
}

impl Over for Committed {
    fn over(&self, mut below: StoredRow) -> Result<StoredRow> {
        match self {
            Committed::Whole(row) => Ok(row.clone()),
            Committed::Added { delta, seal } => {
                below.add(*delta)?;
                below.seal = below.seal.and(*seal);
                Ok(below)
            }
        }
    }
}

/// Rows in order of key, from the first or from the last.
pub(super) trait RowStream {
    fn next(&mut self) -> Result<Option<(Vec<u8>, StoredRow)>>;
}

/// Rows with what lies over them. Those that are removed are left out.
pub(super) struct Overlaid<B, A: Iterator> {
    below: B,
    /// The next row below, once it was looked at.
    head: Option<Option<(Vec<u8>, StoredRow)>>,
    above: std::iter::Peekable<A>,
    reverse: bool,
}

impl<'a, B: RowStream, O: Over + 'a, A: Iterator<Item = (&'a [u8], &'a O)>> Overlaid<B, A> {
    /// Makes one of rows and of what lies over them, both in the same order.
    pub(super) fn new(below: B, above: A, reverse: bool) -> Overlaid<B, A> {
        Overlaid { below, head: None, above: above.peekable(), reverse }
    }

    /// Returns what is below, as far as it was looked at.
    pub(super) fn into_below(self) -> B {
        self.below
    }

    fn step(&mut self) -> Result<Option<(Vec<u8>, StoredRow)>> {
        let head = match self.head.take() {
            Some(head) => head,
            None => self.below.next()?,
        };
        let Some((key, over)) = self.above.peek() else { return Ok(head) };
        let order = head.as_ref().map(|(below, _)| match self.reverse {
            true => key.cmp(&below.as_slice()),
            false => below.as_slice().cmp(key),
        });
        let (key, over) = (key.to_vec(), *over);
        match (head, order) {
            (head, Some(std::cmp::Ordering::Less)) => Ok(head),
            (Some((_, row)), Some(std::cmp::Ordering::Equal)) => {
                self.above.next();
                Ok(Some((key, over.over(row)?)))
            }
            (head, _) => {
                self.head = Some(head);
                self.above.next();
                Ok(Some((key, over.over(StoredRow::default())?)))
            }
        }
    }
}

impl<'a, B: RowStream, O: Over + 'a, A: Iterator<Item = (&'a [u8], &'a O)>> RowStream for Overlaid<B, A> {
    fn next(&mut self) -> Result<Option<(Vec<u8>, StoredRow)>> {
        while let Some((key, row)) = self.step()? {
            if row.value.is_some() {
                return Ok(Some((key, row)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(std::vec::IntoIter<(Vec<u8>, StoredRow)>);

    impl RowStream for Fixed {
        fn next(&mut self) -> Result<Option<(Vec<u8>, StoredRow)>> {
            Ok(self.0.next())
        }
    }

    fn put(value: u8, version: i64) -> StoredRow {
        StoredRow { value: Some(vec![value]), seal: Seal::of(version) }
    }

    #[test]
    fn what_lies_over_rows_replaces_removes_and_adds_in_both_orders() {
        let below = vec![(vec![1], put(1, 10)), (vec![3], put(3, 10)), (vec![5], put(5, 10))];
        let above = [
            (vec![0], RowChange::Put(vec![9])),
            (vec![3], RowChange::Delete),
            (vec![4], RowChange::Delete),
            (vec![5], RowChange::Put(vec![8])),
            (vec![7], RowChange::Put(vec![7])),
        ];
        for reverse in [false, true] {
            let (mut below, mut above) = (below.clone(), above.to_vec());
            let mut expected = vec![(0_u8, 9_u8), (1, 1), (5, 8), (7, 7)];
            if reverse {
                below.reverse();
                above.reverse();
                expected.reverse();
            }
            let over = above.iter().map(|(key, change)| (key.as_slice(), change));
            let mut rows = Overlaid::new(Fixed(below.into_iter()), over, reverse);
            let mut seen = Vec::new();
            while let Some((key, row)) = rows.next().unwrap() {
                seen.push((key[0], row.value.unwrap()[0]));
            }
            assert_eq!(seen, expected, "reverse: {reverse}");
        }
    }

    #[test]
    fn a_counter_is_the_same_however_its_parts_came_together() {
        // As the database has it: a base and two deltas.
        let mut read = StoredRow::default();
        read.take(5, Some(7_i64.to_le_bytes().to_vec()), None).unwrap();
        read.take(6, None, Some(-2)).unwrap();
        read.take(8, None, Some(10)).unwrap();
        // As the process that committed them has it.
        let put = Committed::after(None, RowChange::Put(7_i64.to_le_bytes().to_vec()), 5).unwrap();
        let once = Committed::after(Some(&put), RowChange::Add(-2), 6).unwrap();
        let twice = Committed::after(Some(&once), RowChange::Add(10), 8).unwrap();
        assert_eq!(twice.over(StoredRow::default()).unwrap(), read);
        // And with the base read, the deltas committed.
        let mut base = StoredRow::default();
        base.take(5, Some(7_i64.to_le_bytes().to_vec()), None).unwrap();
        let once = Committed::after(None, RowChange::Add(-2), 6).unwrap();
        let twice = Committed::after(Some(&once), RowChange::Add(10), 8).unwrap();
        assert_eq!(twice.over(base).unwrap(), read);
        assert_eq!(counter(read.value.as_deref().unwrap()).unwrap(), 15);
        let deleted = Committed::after(Some(&twice), RowChange::Delete, 9).unwrap();
        assert_eq!(deleted.over(read).unwrap(), StoredRow::default());
    }

    #[test]
    fn an_addition_joins_the_change_before_it() {
        let n = |value: i64| RowChange::Put(value.to_le_bytes().to_vec());
        assert_eq!(RowChange::Add(2).then_add(3).unwrap(), RowChange::Add(5));
        assert_eq!(RowChange::Delete.then_add(3).unwrap(), n(3));
        assert_eq!(n(4).then_add(-3).unwrap(), n(1));
        assert!(RowChange::Add(i64::MAX).then_add(1).is_err());
        assert!(RowChange::Put(vec![1]).then_add(1).is_err(), "no counter");
    }
}
