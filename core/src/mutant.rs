//! Faults that were mended, kept so that a test can plant them again and must find them.
//!
//! Code that mends a fault asks [`is_active`] and, where it is, does as it did before. Without the
//! feature `sim` nothing is ever active, and the compiler drops the old code.

/// A fault that can be planted again. Each says what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Mutant {
    /// None: the code as it is.
    None,
    /// What is known of a folder is found by what a client wrote before the last name: with a slash
    /// behind that, the root's.
    FolderByText,
    /// A copy with all versions takes those that were put after it began, over its own.
    CopyTakesLater,
    /// The sweep unlinks the file of a blob whose row was committed since it looked.
    SweepLooksOnce,
}

#[cfg(feature = "sim")]
static ACTIVE: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Plants a fault for the whole process, in place of the one that was planted before. Tests that
/// do so run one at a time.
#[cfg(feature = "sim")]
pub fn plant(mutant: Mutant) {
    ACTIVE.store(mutant as u8, std::sync::atomic::Ordering::SeqCst);
}

/// Whether a fault is planted.
#[cfg(feature = "sim")]
#[allow(dead_code)]
pub(crate) fn is_active(mutant: Mutant) -> bool {
    ACTIVE.load(std::sync::atomic::Ordering::Relaxed) == mutant as u8
}

/// Whether a fault is planted: never in this build.
#[cfg(not(feature = "sim"))]
#[allow(dead_code)]
pub(crate) const fn is_active(_: Mutant) -> bool {
    false
}
