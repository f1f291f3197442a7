//! Budgets: how often something may be tried in a while.
//!
//! One table of times, each of which says until when its budget is spent ahead: the generic cell rate
//! algorithm (ITU-T I.371, annex A). Nothing runs in the background and nothing grows: the table has one
//! size, and keys that fall into one slot share its budget. Where they fall is drawn anew in every
//! process, so that nobody can aim at another's. Each process has budgets of its own.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::time::Time;

/// Slots of the table, of 8 bytes each.
const SLOTS: usize = 1 << 14;

/// Returns what addresses one client has at least: one of IPv4, of IPv6 a network of 64 bits.
pub(crate) fn network(client: IpAddr) -> u128 {
    match client.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

/// How often something may be tried: so many times at once, and then once in every `each`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) burst: u32,
    pub(crate) each: Duration,
}

impl Rate {
    fn each(self) -> i64 {
        i64::try_from(self.each.as_micros()).unwrap_or(i64::MAX / 4).max(1)
    }

    fn whole(self) -> i64 {
        self.each().saturating_mul(i64::from(self.burst.max(1)))
    }
}

/// The budgets of one open store in one process.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    hasher: RandomState,
    slots: OnceLock<Mutex<Box<[i64]>>>,
}

impl Budgets {
    /// Takes one try from the budget of `key`, or tells how long to wait for the next.
    pub(crate) fn take(&self, key: impl Hash, rate: Rate, now: Time) -> Result<(), Duration> {
        self.with(key, |spent| {
            // A clock that was set back must not lock anybody out for longer than a whole budget.
            let from = (*spent).clamp(now.0, now.0.saturating_add(rate.whole()));
            let after = from.saturating_add(rate.each());
            let late = after.saturating_sub(now.0.saturating_add(rate.whole()));
            if late > 0 {
                return Err(Duration::from_micros(late.unsigned_abs()));
            }
            *spent = after;
            Ok(())
        })
    }

    /// Gives back a try that was taken and does not count.
    pub(crate) fn give_back(&self, key: impl Hash, rate: Rate) {
        self.with(key, |spent| *spent = spent.saturating_sub(rate.each()));
    }

    fn with<T>(&self, key: impl Hash, change: impl FnOnce(&mut i64) -> T) -> T {
        let slots = self.slots.get_or_init(|| Mutex::new(vec![i64::MIN; SLOTS].into_boxed_slice()));
        let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = usize::try_from(self.hasher.hash_one(key)).unwrap_or(usize::MAX) % SLOTS;
        let mut none = i64::MIN;
        change(slots.get_mut(slot).unwrap_or(&mut none))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, each: Duration::from_secs(10) };

    fn at(seconds: i64) -> Time {
        Time::from_unix(1_750_000_000 + seconds)
    }

    #[test]
    fn a_budget_is_a_burst_and_then_one_at_a_time() {
        let budgets = Budgets::default();
        let take = |seconds| budgets.take("a", RATE, at(seconds)).map_err(|wait| wait.as_secs());
        assert_eq!([take(0), take(0), take(0), take(0)], [Ok(()), Ok(()), Ok(()), Err(10)]);
        assert_eq!([take(4), take(10), take(11)], [Err(6), Ok(()), Err(9)]);
        assert_eq!(take(1000), Ok(()));
        let left = (0..9).filter(|_| take(1000).is_ok()).count();
        assert_eq!(left, 2, "what was not used is not saved up beyond the burst");
    }

    #[test]
    fn what_is_given_back_was_not_taken_and_a_clock_set_back_ends_nothing() {
        let budgets = Budgets::default();
        for _ in 0..100 {
            budgets.take("a", RATE, at(0)).unwrap();
            budgets.give_back("a", RATE);
        }
        while budgets.take("a", RATE, at(1_000_000)).is_ok() {}
        assert_eq!(budgets.take("a", RATE, at(0)), Err(Duration::from_secs(10)));
    }

    #[test]
    fn keys_have_budgets_of_their_own_in_one_size_of_memory() {
        let budgets = Budgets::default();
        for _ in 0..3 {
            budgets.take(0_u64, RATE, at(0)).unwrap();
        }
        let free = (1..1000_u64).filter(|key| budgets.take(key, RATE, at(0)).is_ok()).count();
        assert!(free > 900, "{free}");
        for key in 0..200_000_u64 {
            let _ = budgets.take(key, RATE, at(0));
        }
        assert_eq!(budgets.slots.get().unwrap().lock().unwrap().len(), SLOTS);
    }
}
