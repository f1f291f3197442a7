//! Tables and ranges of their keys.

use std::ops::Bound;

/// One table: the byte that names it in the log, and its name in the database file.
///
/// The name carries a version, so that a changed layout is a new table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    /// Names the table in a logged write-set; never reused.
    pub byte: u8,
    /// Names the table in the database file.
    pub name: &'static str,
}

/// A range of keys, each end included, excluded or open.
pub type KeyRange<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);
