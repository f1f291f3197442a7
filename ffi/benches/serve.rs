//! What C costs: a reply of 4 KiB through the C library and by the Rust call, in turns, in one run.
//!
//! ```sh
//! cargo bench -p holdall-ffi
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::process::Command;

use holdall::{Options, Put, Request, Store};

const ROUNDS: usize = 7;
const COUNT: u32 = 20_000;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Builds the program of `serve.c` against the C library of this profile.
fn build(program: &Path) {
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let folder = if cfg!(debug_assertions) { "debug" } else { "release" };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    run(Command::new(env!("CARGO")).args(["build", "--offline", "-p", "holdall-ffi", "--profile", profile]));
    let libraries = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join(folder);
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O2", "-Wall", "-Werror"]).arg(here.join("benches/serve.c"));
    cc.arg("-I").arg(here.join("../include")).arg("-o").arg(program);
    cc.arg(libraries.join("libholdall_c.a"));
    run(cc.args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"]));
}

/// Returns the nanoseconds of processor time that this thread has taken, which nobody else disturbs.
fn now_ns() -> f64 {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    line.split(' ').next().unwrap().parse().unwrap()
}

/// Returns the nanoseconds of processor time that one reply takes.
fn by_rust(path: &Path, url: &str) -> f64 {
    let store = Store::open(path, Options::new()).unwrap();
    let mut buffer = [0; 8192];
    let begun = now_ns();
    for _ in 0..COUNT {
        let reply = store.serve(&Request::get(url)).unwrap();
        assert_eq!(reply.body.read_at(0, &mut buffer).unwrap(), 4096);
    }
    (now_ns() - begun) / f64::from(COUNT)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or_default()
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let (path, program) = (dir.path().join("store"), dir.path().join("serve"));
    build(&program);
    let url = {
        let store = Store::open(&path, Options::new()).unwrap();
        let version = store.drive("alice").unwrap().put("a.bin", &[7; 4096][..], Put::new()).unwrap();
        store.url(&version).sign().unwrap()
    };
    let (mut rust, mut c) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        rust.push(by_rust(&path, &url));
        c.push(run(Command::new(&program).arg(&path).arg(&url)).trim().parse().unwrap());
    }
    let (rust, c) = (median(rust), median(c));
    println!("a reply of 4 KiB, median of {ROUNDS} rounds in turns:");
    println!("  by the Rust call  {rust:>8.0} ns");
    println!("  through C         {c:>8.0} ns, {:.2} times that", c / rust);
}
