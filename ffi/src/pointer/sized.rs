//! Structs that begin with their size, so that they can grow.

/// A struct whose first field is its own size, as the caller's header knows it.
///
/// # Safety
/// It is `repr(C)`, begins with `size: usize`, and all of it may be zero.
pub(crate) unsafe trait Record: Copy {}

/// Marks structs that begin with their size.
macro_rules! records {
    ($($name:ident),* $(,)?) => {$(
        // SAFETY: each begins with its size and is made of numbers, pointers that may be NULL,
        // callbacks that may be NULL, bools and arrays of numbers.
        unsafe impl $crate::pointer::Record for $name {}
    )*};
}
pub(crate) use records;
