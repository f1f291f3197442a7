//! The library with the feature `import`: its header, its symbols, and an import of a real server.

use std::path::Path;
use std::process::Command;

use crate::build::{import_libraries, need, root, run};
use crate::header::{committed, declared, exported, is_of_the_sources};

const HEADER: &str = "holdall-import.h";

#[test]
fn the_header_of_the_import_is_what_the_sources_say() {
    let builder = cbindgen::Builder::new().with_src(root().join("ffi/src/import.rs"));
    is_of_the_sources(HEADER, "cbindgen-import.toml", builder);
    let made = committed(HEADER);
    assert!(made.lines().all(|line| line.len() <= 120 && line.is_ascii()));
}

#[test]
fn the_library_with_the_import_exports_what_both_headers_declare() {
    let library = import_libraries().join("libholdall.so");
    let main = std::fs::read_to_string(root().join("include/holdall.h")).unwrap();
    let mut both = [declared(&main), declared(&committed(HEADER))].concat();
    both.sort_unstable();
    assert_eq!(exported(&library), both);
    assert_eq!(declared(&committed(HEADER)), ["holdall_import_cloudreve"]);
}

/// What nobody imports with carries no SQLite.
#[test]
fn the_library_without_the_import_has_no_sqlite() {
    let tree = |features: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["tree", "--offline", "-p", "holdall-ffi", "--edges", "normal,build", "--prefix", "none"]);
        String::from_utf8(run(cargo.args(features).current_dir(root())).stdout).unwrap()
    };
    assert!(!tree(&[]).contains("sqlite"));
    assert!(tree(&["--features", "import"]).contains("libsqlite3-sys"), "this test can fail");
}

/// Compiles the program, and runs it on a copy of a real server.
fn imports(extra: &[&str]) {
    need("cc", "gcc");
    let dir = tempfile::tempdir().unwrap();
    let (server, program) = (dir.path().join("cloudreve"), dir.path().join("program"));
    std::fs::create_dir(&server).unwrap();
    let data = root().join("import/tests/fixtures/servers/sqlite-data.tar.gz");
    run(Command::new("tar").arg("-xzf").arg(data).arg("-C").arg(&server));
    compile(&program, extra);
    run(Command::new(&program).arg(dir.path()).arg(&server));
}

fn compile(program: &Path, extra: &[&str]) {
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-Wno-unused-function"]);
    cc.args(extra).arg(format!("-I{}", root().join("include").display()));
    cc.arg(root().join("ffi/tests/c/import.c")).arg("-o").arg(program);
    cc.arg(format!("-L{}", import_libraries().display())).arg("-lholdall");
    run(cc.arg(format!("-Wl,-rpath,{}", import_libraries().display())));
}

#[test]
fn a_real_server_is_imported() {
    imports(&["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]);
}

#[test]
fn the_header_of_the_import_is_good_for_cpp() {
    need("c++", "g++");
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("a.cc");
    std::fs::write(&source, "#include <holdall-import.h>\n#include <holdall.hpp>\nint used;\n").unwrap();
    let mut cc = Command::new("c++");
    cc.args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]);
    run(cc.arg(format!("-I{}", root().join("include").display())).arg(source));
}
