//! Text that C reads: in the arrays of records, and behind pointers that a handle keeps alive.

use std::ffi::{CString, c_char};

use holdall::{Error, ErrorKind, Result};

/// Copies text into an array of a record, with a NUL behind it.
pub(crate) fn fill<const N: usize>(text: &str) -> Result<[c_char; N]> {
    let mut filled = [0; N];
    if text.len() >= N {
        return Err(Error::new(ErrorKind::Bug, format!("a text of {} bytes has room for {N}", text.len())));
    }
    for (place, byte) in filled.iter_mut().zip(text.bytes()) {
        *place = c_char::from_ne_bytes([byte]);
    }
    Ok(filled)
}

/// Text that C is shown pointers into; it lives in a handle and never moves.
pub(crate) struct Lines {
    /// Pairs of name and value.
    text: Vec<(CString, CString)>,
    pairs: Vec<holdall_header>,
}

/// A header of a request or a reply. Its layout never changes. In a reply both texts have a NUL
/// behind them.
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

// SAFETY: the pointers lead into `text`, which is never changed.
unsafe impl Send for Lines {}
// SAFETY: as above.
unsafe impl Sync for Lines {}

impl Lines {
    pub(crate) fn new(text: Vec<(CString, CString)>) -> Lines {
        let pair = |(name, value): &(CString, CString)| holdall_header {
            name: name.as_ptr(),
            name_len_bytes: name.as_bytes().len(),
            value: value.as_ptr(),
            value_len_bytes: value.as_bytes().len(),
        };
        let pairs = text.iter().map(pair).collect();
        Lines { text, pairs }
    }

    /// Returns the pairs; they live as long as this does.
    pub(crate) fn pairs(&self) -> &[holdall_header] {
        &self.pairs
    }

    /// Returns how many pairs there are.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }
}
