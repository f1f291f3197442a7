//! Faults and ends that tests plant.

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub(super) enum MigrateFault {
    /// What the log has beyond the copied rows is left out, and nothing is compared.
    LeavesTheLog,
    /// The log of the directory is not ended: who writes there goes on.
    LeavesItOpen,
    /// It is killed right behind that.
    KilledBeforeArrival,
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<MigrateFault>> = const { std::cell::Cell::new(None) };
}

/// Plants a fault for what this thread does in `work`.
#[cfg(test)]
pub(super) fn with<T>(fault: MigrateFault, work: impl FnOnce() -> T) -> T {
    PLANTED.set(Some(fault));
    let done = work();
    PLANTED.set(None);
    done
}

/// Whether a fault is planted.
#[cfg(test)]
pub(super) fn is_planted(fault: MigrateFault) -> bool {
    PLANTED.get() == Some(fault)
}

/// Whether a fault is planted: never in this build.
#[cfg(not(test))]
pub(super) const fn is_planted(_: MigrateFault) -> bool {
    false
}
