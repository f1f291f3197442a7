//! The fuzz targets as functions; `fuzz_targets/` has a binary for each.
#![allow(missing_docs)]

pub mod targets;

/// Makes the binary of a target. libFuzzer ends the process at every panic, also at one of redb's that the store
/// makes an error of; without its hook it still does at a panic that leaves the target.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| $crate::run($name, data));
    };
}

/// Runs a target by its name.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = targets::ALL.iter().find(|(known, _)| *known == name).expect("a target");
    target(data);
}
