//! Text that C reads: in the arrays of records, and behind pointers that a handle keeps alive.

use std::ffi::c_char;

use holdall::{Error, ErrorKind, Result};

/// Copies text into an array of a record, with a NUL behind it.
pub(crate) fn fill<const N: usize>(text: &str) -> Result<[c_char; N]> {
    let mut filled = [0; N];
    if text.len() >= N {
        return Err(Error::new(ErrorKind::Bug, format!("a text of {} bytes has room for {N}", text.len())));
    }
    for (to, byte) in filled.iter_mut().zip(text.bytes()) {
        *to = c_char::from_ne_bytes([byte]);
    }
    Ok(filled)
}

/// Copies as much of a text as there is room for, in whole characters.
pub(crate) fn fill_cut<const N: usize>(text: &str) -> [c_char; N] {
    (0..N).rev().find_map(|end| text.get(..end)).and_then(|text| fill(text).ok()).unwrap_or([0; N])
}

/// Pairs of text that C is shown pointers into; they live in a handle and never move.
pub(crate) struct Lines {
    /// All names and values, with a NUL behind each.
    _text: Box<[u8]>,
    pairs: Vec<holdall_header>,
}

/// A header of a request or a reply. Its layout never changes. In a reply both texts are NUL-terminated.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_header {
    /// The name.
    pub name: *const c_char,
    /// Its length in bytes.
    pub name_len_bytes: usize,
    /// The value.
    pub value: *const c_char,
    /// Its length in bytes.
    pub value_len_bytes: usize,
}

// SAFETY: the pointers lead into `_text`, which is never changed.
unsafe impl Send for Lines {}
// SAFETY: as above.
unsafe impl Sync for Lines {}

impl Lines {
    pub(crate) fn new<N: AsRef<str>, V: AsRef<str>>(given: impl IntoIterator<Item = (N, V)>) -> Lines {
        let (mut text, mut lengths) = (Vec::with_capacity(1024), Vec::with_capacity(16));
        for (name, value) in given {
            let mut add = |one: &str| {
                text.extend(one.bytes().map(|byte| if byte == 0 { b'?' } else { byte }));
                text.push(0);
                one.len()
            };
            lengths.push((add(name.as_ref()), add(value.as_ref())));
        }
        let text = text.into_boxed_slice();
        let mut at = text.as_ptr().cast::<c_char>();
        let mut take = |len: usize| {
            let one = at;
            at = at.wrapping_add(len + 1);
            (one, len)
        };
        let pairs = lengths.into_iter().map(|(name, value)| {
            let ((name, name_len_bytes), (value, value_len_bytes)) = (take(name), take(value));
            holdall_header { name, name_len_bytes, value, value_len_bytes }
        });
        Lines { pairs: pairs.collect(), _text: text }
    }

    /// Returns the pairs; they live as long as this does.
    pub(crate) fn pairs(&self) -> &[holdall_header] {
        &self.pairs
    }
}
