//! The `holdall` command, which is that of the Rust program.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;

/// Runs the command line with the words after its name, and returns its exit code. `program` is
/// what runs it.
#[pyfunction]
pub(crate) fn _main(py: Python<'_>, program: PathBuf, words: Vec<OsString>) -> u8 {
    py.detach(|| holdall_cli::main_with(&program, words))
}
