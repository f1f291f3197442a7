//! Passwords of shares that were right a while ago.
//!
//! A visitor's calls each carry the password, and checking it takes some tens of milliseconds of a
//! processor. What is known here is not checked again: a keyed hash of share, password and what the
//! share's row has of it, so that another password or another share is another entry. The table has one
//! size, and a new entry replaces the one in its slot. It is asked when a try was taken from the budget of
//! wrong passwords, not before: otherwise it would answer any number of guesses.
//!
//! While a password is checked, its try is taken. So that many visitors with the right one do not use up
//! the budget by coming at once, the same password is checked by one at a time ([`PasswordCache::turn`]).

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::catalog::record::PasswordRecord;
use crate::id::ShareId;
use crate::machine;

/// Slots of the table, of 16 bytes each.
const SLOTS: usize = 1 << 12;
/// Passwords that are checked at once; those of one share or of several that fall into one turn wait.
const TURNS: usize = 64;

/// A password that was given for a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Given([u8; 16]);

impl Given {
    pub(crate) fn new(share: ShareId, known: &PasswordRecord, password: &str) -> Given {
        let mut hasher = blake3::Hasher::new_keyed(&known.hash);
        hasher.update(&known.salt).update(&share.0.to_be_bytes()).update(password.as_bytes());
        let mut tag = [0; 16];
        hasher.finalize_xof().fill(&mut tag);
        Given(tag)
    }

    fn slot(self) -> usize {
        usize::try_from(u128::from_be_bytes(self.0) % SLOTS as u128).unwrap_or(0)
    }
}

/// The passwords that one process knows to be right.
#[derive(Debug)]
pub(crate) struct PasswordCache {
    right: OnceLock<Mutex<Box<[[u8; 16]]>>>,
    turns: [Mutex<()>; TURNS],
}

impl Default for PasswordCache {
    fn default() -> PasswordCache {
        PasswordCache { right: OnceLock::new(), turns: [const { Mutex::new(()) }; TURNS] }
    }
}

impl PasswordCache {
    /// Waits until nobody else checks the same password, and keeps others from it.
    pub(crate) fn turn(&self, given: Given) -> Option<MutexGuard<'_, ()>> {
        self.turns.get(given.slot() % TURNS).map(machine::lock)
    }

    /// Whether a password was right.
    pub(crate) fn has(&self, given: Given) -> bool {
        let Some(slots) = self.right.get() else { return false };
        let slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(given.slot()) == Some(&given.0)
    }

    /// Notes that a password was right.
    pub(crate) fn add(&self, given: Given) {
        let slots = self.right.get_or_init(|| Mutex::new(vec![[0; 16]; SLOTS].into_boxed_slice()));
        let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get_mut(given.slot()) {
            *slot = given.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_that_was_right_for_a_share_is_known() {
        let known = PasswordRecord { salt: [1; 16], rounds: 1, hash: [2; 32] };
        let changed = PasswordRecord { salt: [1; 16], rounds: 1, hash: [3; 32] };
        let of = |share, known, password| Given::new(ShareId(share), known, password);
        let cache = PasswordCache::default();
        assert!(!cache.has(of(1, &known, "right")));
        cache.add(of(1, &known, "right"));
        assert!(cache.has(of(1, &known, "right")));
        for other in [of(2, &known, "right"), of(1, &changed, "right"), of(1, &known, "wrong")] {
            assert!(!cache.has(other));
        }
        for share in 2..10_000 {
            cache.add(of(share, &known, "right"));
        }
        assert!(cache.has(of(9_999, &known, "right")), "the newest replaces what was in its slot");
    }
}
