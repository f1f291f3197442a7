//! The peers: what else one could keep files in.

pub mod files;
pub mod rows;
pub mod sqlite;
