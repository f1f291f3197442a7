//! Downloads and views that were counted and are not written down yet: at most a second's worth.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::catalog::counter::Counter;
use crate::machine;

/// How long counts are gathered before one change writes them down.
const GATHER: Duration = Duration::from_secs(1);

/// What was counted and is not written down yet.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<GatheredCounts>);

#[derive(Debug, Default)]
struct GatheredCounts {
    counts: BTreeMap<Counter, i64>,
    /// By the uptime.
    since: Option<Duration>,
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, GatheredCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one to a counter, and returns whether all are to be written down: a second after the first
    /// that was not.
    pub(super) fn add(&self, counter: Counter) -> bool {
        let mut gathered = self.lock();
        *gathered.counts.entry(counter).or_default() += 1;
        machine::uptime().saturating_sub(*gathered.since.get_or_insert_with(machine::uptime)) >= GATHER
    }

    /// Takes all that was counted.
    pub(super) fn take(&self) -> BTreeMap<Counter, i64> {
        std::mem::take(&mut *self.lock()).counts
    }

    /// Counts again what was taken and could not be written down.
    pub(super) fn give_back(&self, counts: &BTreeMap<Counter, i64>) {
        let mut gathered = self.lock();
        for (counter, count) in counts {
            *gathered.counts.entry(*counter).or_default() += count;
        }
        gathered.since.get_or_insert_with(machine::uptime);
    }
}
