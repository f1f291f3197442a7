//! One writer at a time.

use std::sync::{Arc, Condvar, Mutex};

use crate::machine::{self, lock};

/// Lets one writer at a time work.
#[derive(Debug, Default)]
pub(super) struct WriteTurn {
    taken: Mutex<bool>,
    freed: Condvar,
}

impl WriteTurn {
    /// Waits until no other has the turn, and takes it.
    pub(super) fn take(self: &Arc<WriteTurn>) -> Holding {
        let mut taken = lock(&self.taken);
        while *taken {
            taken = machine::wait(&self.freed, &self.taken, taken);
        }
        // A flag instead of the guard of the mutex: a guard borrows, and a writer owns its turn.
        *taken = true;
        drop(taken);
        Holding(self.clone())
    }
}

/// Has the turn until it is dropped.
#[derive(Debug)]
pub(super) struct Holding(Arc<WriteTurn>);

impl Drop for Holding {
    fn drop(&mut self) {
        *lock(&self.0.taken) = false;
        self.0.freed.notify_one();
    }
}
