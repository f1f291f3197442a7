//! The `holdall` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    let program = std::env::current_exe().unwrap_or_else(|_| "holdall".into());
    ExitCode::from(holdall_cli::main_with(&program, std::env::args_os().skip(1)))
}
