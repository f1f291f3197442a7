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
    /// Names the table in a database file of an earlier build. Its keys begin with a number of 8 bytes, which
    /// files have packed since.
    pub former: Option<&'static str>,
}

impl Table {
    /// Makes a table that was never named otherwise.
    pub const fn new(byte: u8, name: &'static str) -> Table {
        Table { byte, name, former: None }
    }

    /// The same table, whose keys begin with a number, and were not packed under a former name.
    #[must_use]
    pub const fn formerly(self, name: &'static str) -> Table {
        Table { former: Some(name), ..self }
    }
}

/// A range of keys, each end included, excluded or open.
pub type KeyRange<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);
