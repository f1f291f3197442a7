//! `holdall demo`: a script of plain commands, so that a reader sees what they could type.

use std::process::Command;

use holdall::{Error, ErrorKind, Result};

/// The script: it uses this binary, curl and Python.
const SCRIPT: &str = include_str!("run.sh");

pub(crate) fn run() -> Result<()> {
    let doing = |cause| Error::io("running the demo with bash", cause);
    let binary = std::env::current_exe().map_err(doing)?;
    let status = Command::new("bash").args(["-c", SCRIPT, "demo"]).env("HOLDALL", binary).status();
    match status.map_err(doing)?.success() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Mismatch, "the demo did not go as it should; see above")),
    }
}
