//! Whether two tables say the same, in whatever order their rows are read.

use std::hash::{BuildHasher, Hash, RandomState};

/// The sum of the hashes of rows: those of one table are added, those of the other taken away. If the same
/// rows were added and taken away it is zero; otherwise it is zero once in 2^64 times, by a key that is drawn
/// for each check, so that no rows can be made up for it.
#[derive(Default)]
pub(super) struct Balance {
    key: RandomState,
    sum: u64,
    /// A row could not be read, or belongs to none.
    uneven: bool,
}

impl Balance {
    pub(super) fn add(&mut self, row: impl Hash) {
        self.sum = self.sum.wrapping_add(self.key.hash_one(row));
    }

    /// Takes a row away; None is one that cannot be read.
    pub(super) fn take(&mut self, row: Option<impl Hash>) {
        match row {
            Some(row) => self.sum = self.sum.wrapping_sub(self.key.hash_one(row)),
            None => self.uneven = true,
        }
    }

    /// Says that a row was found that fits none.
    pub(super) fn spoil(&mut self) {
        self.uneven = true;
    }

    pub(super) fn is_even(&self) -> bool {
        self.sum == 0 && !self.uneven
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_any_order_are_even_and_others_are_not() {
        let mut balance = Balance::default();
        (0..100_u32).for_each(|row| balance.add((row, "a name")));
        (0..99_u32).rev().for_each(|row| balance.take(Some((row, "a name"))));
        assert!(!balance.is_even(), "one is missing");
        balance.take(Some((99_u32, "another")));
        assert!(!balance.is_even(), "one is another");
        balance.add((99_u32, "another"));
        balance.take(Some((99_u32, "a name")));
        assert!(balance.is_even());
        balance.take(None::<u32>);
        assert!(!balance.is_even(), "one cannot be read");
    }
}
