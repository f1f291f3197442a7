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

mod archive;
mod body;
mod care;
// The codes are for C: the kinds of errors have the same numbers.
#[allow(dead_code)]
mod code;
mod drive;
mod file;
mod key;
mod link;
mod log;
mod page;
mod pointer;
mod put;
mod record;
mod reply;
mod share;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod trash;
mod url;
mod version;
mod writer;
