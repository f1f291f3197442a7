//! Counts what looking things up takes, for tests that hold work to its order of growth: a count is
//! the same on every machine.

use std::cell::Cell;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Counts one look at a member, or at a name that is taken.
pub(super) fn step() {
    STEPS.set(STEPS.get() + 1);
}

/// Returns how many steps something takes.
pub(super) fn of(work: impl FnOnce()) -> u64 {
    let before = STEPS.get();
    work();
    STEPS.get() - before
}
