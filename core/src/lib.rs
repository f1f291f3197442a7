#![doc = include_str!("../../README.md")]
#![cfg_attr(test, allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap))]

#[allow(dead_code, unused_imports)]
pub(crate) mod archive;
pub mod body;
mod error;
#[allow(dead_code)]
pub(crate) mod kv;
pub mod vfs;

pub use error::{Error, ErrorKind, Result};
