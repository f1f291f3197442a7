//! What clients may be sent without a look at the rows: the rest of what a process drew from their uses.
//!
//! The rows say that all of it was sent. What a process has drawn and not sent when it ends is lost to the
//! client, never given twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::catalog::usage::{Allowance, Downloader};
use crate::mutant::{self, Mutant};
use crate::time::Time;

/// Allowances that are kept; beyond that all are forgotten, and drawn again.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Allowances(Mutex<BTreeMap<Downloader, Allowance>>);

impl Allowances {
    /// Takes from what a client may be sent; false where that is not enough.
    pub(crate) fn take(&self, of: Downloader, bytes: u64, now: Time) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(allowance) = known.get_mut(&of) else { return false };
        let left = match mutant::is_active(Mutant::UsesWithoutBudget) {
            true => Some(allowance.bytes.max(1)),
            false => allowance.bytes.checked_sub(bytes),
        };
        let left = left.filter(|_| now < allowance.until);
        let Some(left) = left else { return false };
        match left {
            0 => drop(known.remove(&of)),
            left => allowance.bytes = left,
        }
        true
    }

    /// Returns whether a client may be sent something.
    pub(crate) fn has(&self, of: Downloader, now: Time) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&of).is_some_and(|allowance| now < allowance.until)
    }

    /// Keeps what was drawn, beside what is left of the same use.
    pub(crate) fn put(&self, of: Downloader, drawn: Allowance) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&of) {
            known.clear();
        }
        let before = known.get(&of).filter(|before| before.until == drawn.until);
        let bytes = drawn.bytes.saturating_add(before.map_or(0, |before| before.bytes));
        match bytes {
            0 => drop(known.remove(&of)),
            bytes => drop(known.insert(of, Allowance { bytes, ..drawn })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_drawn_is_taken_once_and_in_its_time() {
        let (known, of) = (Allowances::default(), Downloader { id: [1; 16], client: 2 });
        let drawn = |bytes, until| Allowance { bytes, until: Time(until) };
        assert!(!known.take(of, 1, Time(0)));
        known.put(of, drawn(10, 100));
        known.put(of, drawn(5, 100));
        assert!(!known.take(of, 16, Time(0)) && known.take(of, 9, Time(99)) && known.has(of, Time(99)));
        assert!(!known.take(of, 1, Time(100)) && !known.has(of, Time(100)), "its time is over");
        assert!(!known.take(Downloader { client: 3, ..of }, 1, Time(0)), "another client's");
        known.put(of, drawn(2, 200));
        assert!(!known.take(of, 3, Time(0)), "what was left of another use is gone with it");
        assert!(known.take(of, 2, Time(150)) && !known.take(of, 1, Time(0)));
        for client in 0..=MOST as u64 {
            known.put(Downloader { client, ..of }, drawn(1, 100));
        }
        assert_eq!(known.0.lock().unwrap().len(), 1);
    }
}
