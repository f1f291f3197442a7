//! `holdall demo`: a script of plain commands, so that a reader sees what they could type.

use std::path::Path;
use std::process::Command;

use holdall::{Error, ErrorKind, Result};

/// The script: it uses this program, curl and Python.
const SCRIPT: &str = include_str!("run.sh");

pub(crate) fn run(program: &Path) -> Result<()> {
    let doing = |cause| Error::io("running the demo with bash", cause);
    let status = Command::new("bash").args(["-c", SCRIPT, "demo"]).env("HOLDALL", program).status();
    match status.map_err(doing)?.success() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Mismatch, "the demo did not go as it should; see above")),
    }
}
