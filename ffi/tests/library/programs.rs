//! The programs of tests/c, built by the system's compilers and run: plainly, under the sanitizers, and
//! under valgrind.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::PoisonError;

use crate::build::{BUILDING, libraries, need, root, run};
use crate::vectors;

const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"];
const SANITIZERS: [&str; 3] =
    ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/// Compiles a program of tests/c against the shared library.
fn compile(dir: &Path, source: &str, extra: &[&str]) -> PathBuf {
    let program = dir.join("program");
    let mut command = match source.ends_with(".cc") {
        true => Command::new("c++"),
        false => Command::new("cc"),
    };
    command.arg(if source.ends_with(".cc") { "-std=c++17" } else { "-std=gnu99" });
    command.args(STRICT).arg("-Wno-unused-function").args(extra);
    command.arg(format!("-I{}", root().join("include").display())).arg(format!("-I{}", dir.display()));
    command.arg(root().join("ffi/tests/c").join(source)).arg("-o").arg(&program);
    command.arg(format!("-L{}", libraries().display())).args(["-lholdall", "-pthread"]);
    run(command.arg(format!("-Wl,-rpath,{}", libraries().display())));
    program
}

/// Compiles and runs a program with a fresh folder as its argument.
fn passes(source: &str, extra: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let program = compile(dir.path(), source, extra);
    run(Command::new(program).arg(dir.path()));
}

/// Runs a program under valgrind.
fn passes_valgrind(source: &str, arguments: &[&str]) {
    need("valgrind", "valgrind");
    let dir = tempfile::tempdir().unwrap();
    let program = compile(dir.path(), source, &[]);
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    run(valgrind.arg(program).arg(dir.path()).args(arguments));
}

#[test]
fn the_verbs_do_what_the_header_says() {
    passes("verbs.c", &[]);
}

#[test]
fn the_verbs_under_the_sanitizers() {
    passes("verbs.c", &SANITIZERS);
}

#[test]
fn the_verbs_under_valgrind() {
    passes_valgrind("verbs.c", &[]);
}

#[test]
fn f1_wrong_handles_and_pointers_are_codes_and_handles_are_freed_in_any_order() {
    passes("handles.c", &[]);
}

#[test]
fn f1_wrong_handles_and_pointers_under_the_sanitizers() {
    passes("handles.c", &SANITIZERS);
}

#[test]
fn f1_wrong_handles_and_pointers_under_valgrind() {
    passes_valgrind("handles.c", &["few"]);
}

#[test]
fn the_calls_of_cloudreve_and_pds() {
    passes("api.c", &[]);
}

#[test]
fn the_calls_under_the_sanitizers() {
    passes("api.c", &SANITIZERS);
}

#[test]
fn the_calls_under_valgrind() {
    passes_valgrind("api.c", &[]);
}

#[test]
fn f1_calls_that_are_misused_are_codes_and_replies() {
    passes("misuse.c", &[]);
}

#[test]
fn f1_calls_that_are_misused_under_the_sanitizers() {
    passes("misuse.c", &SANITIZERS);
}

#[test]
fn f1_calls_that_are_misused_under_valgrind() {
    passes_valgrind("misuse.c", &[]);
}

#[test]
fn f1_random_calls_are_codes_and_leave_a_sound_store() {
    passes("sequence.c", &[]);
}

#[test]
fn f1_random_calls_under_the_sanitizers() {
    passes("sequence.c", &SANITIZERS);
}

#[test]
fn f1_random_calls_under_valgrind() {
    passes_valgrind("sequence.c", &["300"]);
}

#[test]
fn p1_a_store_goes_on_in_a_forked_child_and_in_its_parent() {
    passes("fork.c", &[]);
}

#[test]
fn p1_forks_under_the_sanitizers() {
    let dir = tempfile::tempdir().unwrap();
    let program = compile(dir.path(), "fork.c", &SANITIZERS);
    // A child forgets what its parent had open, on purpose.
    run(Command::new(program).arg(dir.path()).env("ASAN_OPTIONS", "detect_leaks=0"));
}

#[test]
fn a_hundred_thousand_replies_leave_memory_as_it_was() {
    passes("memory.c", &[]);
}

#[test]
fn a_thousand_replies_under_valgrind() {
    passes_valgrind("memory.c", &["1000"]);
}

#[test]
fn the_layer_of_cpp() {
    passes("layer.cc", &[]);
}

#[test]
fn the_layer_of_cpp_under_the_sanitizers() {
    passes("layer.cc", &SANITIZERS);
}

#[test]
fn what_calls_on_threads_of_a_pool_failed_with_and_what_they_were_answered() {
    passes("tasks.c", &SANITIZERS);
}

#[test]
fn the_file_that_cargo_builds_is_called_as_its_soname_says() {
    let dir = tempfile::tempdir().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline", "-p", "holdall-ffi", "--target-dir"]).arg(target);
    let _alone = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    run(cargo.env_remove("HOLDALL_SONAME").current_dir(root()));
    let (made, program) = (target.join("debug"), dir.path().join("program"));
    let mut cc = Command::new("cc");
    cc.arg(root().join("ffi/tests/c/quick.c")).arg(format!("-I{}", root().join("include").display()));
    cc.arg("-o").arg(&program).arg(format!("-L{}", made.display())).arg("-lholdall_c");
    run(cc.arg(format!("-Wl,-rpath,{}", made.display())));
    run(Command::new(program).arg(dir.path().join("store")));
}

#[test]
fn the_shared_vectors() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("vectors.inc"), vectors::arrays()).unwrap();
    let program = compile(dir.path(), "vectors.c", &SANITIZERS);
    run(Command::new(program).arg(dir.path()));
}

#[test]
fn s8_upkeep_repairs_and_rebuilds() {
    passes("upkeep.c", &[]);
}

#[test]
fn s8_upkeep_under_the_sanitizers() {
    passes("upkeep.c", &SANITIZERS);
}

#[test]
fn the_sanitizers_can_fail() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("bad.c");
    let program = dir.path().join("bad");
    std::fs::write(
        &source,
        "#include <stdlib.h>\nint main(void) { volatile char *p = malloc(1); return p[1]; }\n",
    )
    .unwrap();
    run(Command::new("cc").args(SANITIZERS).arg(&source).arg("-o").arg(&program));
    assert!(!Command::new(program).output().unwrap().status.success());
}
