//! Faults of the import that were mended, kept so that a test can plant them again and must find them.
//!
//! Code that mends a fault asks [`is_active`] and, where it is, does as it did before. Outside this
//! crate's tests nothing is ever active, and the compiler drops the old code.

/// A fault that can be planted again. Each says what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub(super) enum Mutant {
    /// A link to a folder was followed on the way to content, out of the uploads.
    LinkedFolders,
    /// A user without a name for a drive got `user-N`, which may be another user's address.
    SharedDrives,
    /// One file or folder that cannot be stored ended the import in its middle.
    OneEndsAll,
}

#[cfg(test)]
std::thread_local! {
    static ACTIVE: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Plants a fault for this thread, in place of the one that was planted before. A thread that an import
/// begins has it too, by [`carried`].
#[cfg(test)]
pub(super) fn plant(mutant: Option<Mutant>) {
    ACTIVE.set(mutant);
}

/// Whether a fault is planted.
#[cfg(test)]
pub(super) fn is_active(mutant: Mutant) -> bool {
    ACTIVE.get() == Some(mutant)
}

/// Returns what plants the fault of this thread in another.
#[cfg(test)]
pub(super) fn carried() -> impl FnOnce() + Send + 'static {
    let fault = ACTIVE.get();
    move || plant(fault)
}

/// Returns what plants the fault of this thread in another: nothing in this build.
#[cfg(not(test))]
pub(super) fn carried() -> impl FnOnce() + Send + 'static {
    || {}
}

/// Whether a fault is planted: never in this build.
#[cfg(not(test))]
pub(super) const fn is_active(_: Mutant) -> bool {
    false
}
