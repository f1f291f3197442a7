//! The peers: what else one could keep files in.

pub mod files;
pub mod rows;
pub mod sqlite;
#[cfg(feature = "peers")]
pub mod stores;
