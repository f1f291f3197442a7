//! The C library as C sees it: its header, its symbols, programs that use it, and its installation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod build;
mod example;
mod header;
mod import;
mod install;
mod plain;
mod programs;
mod tidy;
mod vectors;
