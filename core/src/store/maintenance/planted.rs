//! Faults that the tests of shipping and of moving plant, to show that they find them.

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(all(test, feature = "remote")), allow(dead_code))]
pub(super) enum PlantedFault {
    /// A shipment is written before the large contents that it speaks of.
    SpeaksFirst,
    /// A store that was set back is shipped over what it had before.
    ShipsWhatWasSetBack,
    /// What comes of the object storage is not compared with its hash.
    TrustsObjects,
    /// What no row needs any more is removed whatever state is kept.
    KeepsNothing,
    /// The end of the log is shipped as it lies in the file, published or not.
    ShipsUnpublished,
    /// What the log has beyond the rows that were moved is left out, and nothing is compared.
    LeavesTheLog,
    /// The log of a directory that was moved is not ended: who writes there goes on.
    LeavesItOpen,
    /// A move is killed right behind that.
    KilledBeforeArrival,
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<PlantedFault>> = const { std::cell::Cell::new(None) };
}

/// Plants a fault for what this thread does in `work`.
#[cfg(test)]
pub(super) fn with<T>(fault: PlantedFault, work: impl FnOnce() -> T) -> T {
    PLANTED.set(Some(fault));
    let done = work();
    PLANTED.set(None);
    done
}

/// Whether a fault is planted.
#[cfg(test)]
pub(super) fn is_planted(fault: PlantedFault) -> bool {
    PLANTED.get() == Some(fault)
}

/// Whether a fault is planted: never in this build.
#[cfg(not(test))]
pub(super) const fn is_planted(_: PlantedFault) -> bool {
    false
}
