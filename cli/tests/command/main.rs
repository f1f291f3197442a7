//! The command as its users meet it: its verbs, and what they print; a server of a store, driven from
//! outside with curl and what else is there; and imports.
//!
//! `HOLDALL_TEST_SERVER` names another server to drive: it is started with the directory of the
//! store as its last argument and prints `listening on http://ADDRESS/` as its first line. Whatever
//! server it is, URLs are made by the command line, which is another process on the same store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation
)]

mod host;
mod import;
mod output;
mod page;
mod serve;
mod verbs;
