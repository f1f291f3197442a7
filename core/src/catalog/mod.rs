//! The catalog: every table, its codec and its transactions, over any [`crate::kv`] driver.

pub(crate) mod archive;
pub(crate) mod counter;
pub(crate) mod dump;
pub(crate) mod key;
pub(crate) mod link;
pub(crate) mod record;
pub(crate) mod row;
pub(crate) mod segment;
pub(crate) mod share;
pub(crate) mod table;
pub(crate) mod usage;

#[cfg(test)]
pub(crate) mod suite_public;
#[cfg(test)]
pub(crate) mod suite_state;
