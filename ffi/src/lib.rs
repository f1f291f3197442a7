//! The C library. What it promises stands in `include/holdall.h`, which is made from these files
//! and `cbindgen.toml`; the comments on exported items are written for its readers.
//!
//! An exported function says nothing of memory: it takes what [`pointer`] checked, calls the
//! Rust library, and hands over what came back. [`table`] tells good handles from bad ones.
#![allow(
    unsafe_code,
    non_camel_case_types,
    // The law of the header is the safety section of every function.
    clippy::missing_safety_doc
)]

// In the order of the header.

// The codes are for C: the kinds of errors have the same numbers.
#[allow(dead_code)]
mod code;
mod handle;
mod store;

mod drive;
mod put;
mod writer;

mod file;
mod trash;
mod version;

mod body;
mod page;
mod url;

mod archive;
mod link;
mod share;

mod answer;
mod reply;

mod api;

mod key;

mod care;
mod repair;
mod text;

mod free;

mod log;

// In a header of its own.
#[cfg(feature = "import")]
mod import;
#[cfg(feature = "remote")]
mod ship;

// What stands behind it.

mod callback;
mod lines;
mod pointer;
mod record;
mod sized;
mod slot;
mod table;
#[cfg(test)]
mod tests;
