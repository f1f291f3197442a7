//! Takes the program out of the README, for a test that runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

fn main() {
    let readme = "../../README.md";
    println!("cargo::rerun-if-changed={readme}");
    let text = std::fs::read_to_string(readme).unwrap();
    let program = text.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(Path::new(&out).join("readme.rs"), program).unwrap();
}
