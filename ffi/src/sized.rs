//! Structs that begin with their size, so that they can grow.

/// A struct whose first field is its own size, as the caller's header knows it.
///
/// # Safety
/// It is `repr(C)`, begins with `size: usize`, all of it may be zero, and so may every field from any on.
pub(crate) unsafe trait Record: Copy {
    /// Where each field ends, in bytes.
    const ENDS: &'static [usize];

    /// Tells whether a header may say `size`: this one, one that knows fewer fields, or one that knows more.
    /// Any other would cut a field, and half a pointer is one to anywhere.
    fn may_be(size: usize) -> bool {
        let of_fewer = |end: &usize| end.next_multiple_of(align_of::<Self>()) == size;
        match size.checked_sub(size_of::<Self>()) {
            None => Self::ENDS.iter().any(of_fewer),
            Some(more) => more.is_multiple_of(align_of::<Self>()),
        }
    }
}

/// Returns how long a field is, which the function leads to.
pub(crate) const fn field_len<S, F>(_: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

/// Marks structs that begin with their size, and lists their fields.
macro_rules! records {
    ($($name:ident { $($field:ident),* $(,)? }),* $(,)?) => {$(
        // SAFETY: each begins with its size and is made of numbers, pointers that may be NULL,
        // callbacks that may be NULL, bools and arrays of numbers.
        unsafe impl $crate::sized::Record for $name {
            const ENDS: &'static [usize] = {
                // Does not compile when a field is missing here.
                let _ = |record: $name| {
                    let $name { $($field: _),* } = record;
                };
                &[$(std::mem::offset_of!($name, $field)
                    + $crate::sized::field_len(|record: &$name| &record.$field)),*]
            };
        }
    )*};
}
pub(crate) use records;
