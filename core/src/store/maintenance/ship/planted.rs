//! Faults that tests plant, to show that they find them.

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) enum ShipFault {
    /// The shipment is written before the large contents that it speaks of.
    SpeaksFirst,
    /// A store that was set back is shipped over what it had before.
    ShipsWhatWasSetBack,
    /// What comes of the object storage is not compared with its hash.
    TrustsObjects,
    /// What no row needs any more is removed whatever state is kept.
    KeepsNothing,
    /// The end of the log is shipped as it lies in the file, published or not.
    ShipsUnpublished,
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<ShipFault>> = const { std::cell::Cell::new(None) };
}

/// Plants a fault for what this thread does in `work`.
#[cfg(test)]
pub(crate) fn with<T>(fault: ShipFault, work: impl FnOnce() -> T) -> T {
    PLANTED.set(Some(fault));
    let done = work();
    PLANTED.set(None);
    done
}

/// Whether a fault is planted.
#[cfg(test)]
pub(super) fn is_planted(fault: ShipFault) -> bool {
    PLANTED.get() == Some(fault)
}

/// Whether a fault is planted: never in this build.
#[cfg(not(test))]
pub(super) const fn is_planted(_: ShipFault) -> bool {
    false
}
