//! The catalog: every table, its codec and its transactions, over any [`crate::kv`] driver.

pub(crate) mod record;
pub(crate) mod table;
