//! Tests of what may go wrong below and around a store: power loss, failing disks, killed and
//! forked processes; and controls, which plant a fault and must see these tests find it.
//!
//! `HOLDALL_SEED=n` replays one seed of the power-loss test and says what it does;
//! `HOLDALL_STATES=n` sets how many crash states are looked at.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout
)]

mod backup;
mod content;
mod controls;
mod cut;
mod faults;
mod flips;
mod fuzz;
mod log;
mod model;
mod opening;
mod power;
mod processes;
mod read_only;
mod rng;
mod script;

use std::io::Write;

/// Prints a figure past the capture of the test harness.
fn figure(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
