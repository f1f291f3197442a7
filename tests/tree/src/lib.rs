//! What the source files of a crate say of each other.
//!
//! An arrow runs from a file to the file that defines what it names. A module's face (`mod.rs`,
//! `lib.rs`) that only passes a name on is looked through, so that a circle is one of files that
//! need each other, and not of a folder and what it offers. Test modules are left out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod arrow;
mod source;

pub use arrow::{Arrows, circles};
pub use source::Tree;
