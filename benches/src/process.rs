//! This program again, as a child: to be measured alone, or to be killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What the first argument of a child is.
pub const CHILD: &str = "--child";

/// Starts a child at a task.
pub fn start(task: &str, paths: &[&Path]) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.arg(CHILD).arg(task).args(paths).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().expect("a child")
}

/// Runs a child to its end and returns what it printed.
pub fn run(task: &str, paths: &[&Path]) -> String {
    let output = start(task, paths).wait_with_output().expect("a child's output");
    assert!(output.status.success(), "the child of {task} failed");
    String::from_utf8(output.stdout).expect("text")
}

/// Returns the most memory that this process ever had resident, in KiB.
pub fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}
