//! Structs that begin with their size, so that they can grow.

/// A struct whose first field is its own size, as the caller's header knows it.
///
/// # Safety
/// It is `repr(C)`, begins with `size: usize`, all of it may be zero, and so may every field from any on. Any
/// bytes are one, but for those of a bool, which are 0 or 1.
pub(crate) unsafe trait Record: Copy {
    /// Where each field ends, in bytes.
    const ENDS: &'static [usize];
    /// Where each field begins, in bytes, and whether it is a bool.
    const BOOLS: &'static [(usize, bool)];

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

/// What a field of such a struct is.
pub(crate) trait Field {
    const IS_BOOL: bool = false;
}

impl Field for bool {
    const IS_BOOL: bool = true;
}

macro_rules! fields {
    ($($number:ty)*) => {$(
        impl Field for $number {}
    )*};
}
fields!(i8 u8 u16 i32 u32 i64 u64 usize);

impl<T> Field for *const T {}
impl<T> Field for *mut T {}
impl<T> Field for Option<T> {}
impl<T, const N: usize> Field for [T; N] {}

/// Returns whether a field is a bool, which the function leads to.
pub(crate) const fn is_bool<S, F: Field>(_: fn(&S) -> &F) -> bool {
    F::IS_BOOL
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
            const BOOLS: &'static [(usize, bool)] = &[$((
                std::mem::offset_of!($name, $field),
                $crate::sized::is_bool(|record: &$name| &record.$field),
            )),*];
        }
    )*};
}
pub(crate) use records;
