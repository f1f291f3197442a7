//! The fuzz targets as functions; `fuzz_targets/` has a binary for each.
#![allow(missing_docs)]

pub mod targets;

/// Makes the binary of a target.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::run($name, data));
    };
}

/// Runs a target by its name.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = targets::ALL.iter().find(|(known, _)| *known == name).expect("a target");
    target(data);
}
