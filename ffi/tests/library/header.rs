//! The header: made from the sources, whole, and good for every C and C++.

use std::path::Path;
use std::process::Command;

use crate::build::{has, libraries, need, root, run};
use crate::tidy::tidy;

/// Returns a header that is committed.
pub(crate) fn committed(header: &str) -> String {
    std::fs::read_to_string(root().join("include").join(header)).unwrap_or_default()
}

/// Holds a committed header to what a builder makes of the sources, by a configuration.
pub(crate) fn is_of_the_sources(header: &str, config: &str, builder: cbindgen::Builder) {
    let config = cbindgen::Config::from_file(root().join("ffi").join(config)).unwrap();
    let mut bytes = Vec::new();
    builder.with_config(config).generate().unwrap().write(&mut bytes);
    let made = tidy(&String::from_utf8(bytes).unwrap());
    if std::env::var_os("HOLDALL_BLESS").is_some() {
        std::fs::write(root().join("include").join(header), &made).unwrap();
    }
    assert!(made == committed(header), "include/{header} is old; run this test with HOLDALL_BLESS=1");
}

#[test]
fn the_header_is_what_the_sources_say() {
    is_of_the_sources("holdall.h", "cbindgen.toml", cbindgen::Builder::new().with_crate(root().join("ffi")));
}

/// Its functions are called by tests/remote/move.c, over servers.
#[test]
fn the_header_of_stores_on_servers_is_what_the_sources_say() {
    let builder = cbindgen::Builder::new().with_src(root().join("ffi/src/ship.rs"));
    is_of_the_sources("holdall-remote.h", "cbindgen-remote.toml", builder);
    let made = committed("holdall-remote.h");
    assert!(made.lines().all(|line| line.len() <= 120 && line.is_ascii()));
    assert_eq!(declared(&made).len(), 5, "{:?}", declared(&made));
}

#[test]
fn the_header_is_read_in_one_sitting() {
    let header = committed("holdall.h");
    assert!(header.lines().count() < 900, "{} lines", header.lines().count());
    assert!(header.lines().all(|line| line.len() <= 120 && line.is_ascii()));
}

#[test]
fn every_function_type_field_and_constant_is_explained() {
    let header = committed("holdall.h");
    let (_, declarations) = header.split_once("#define HOLDALL_OK").unwrap();
    let (mut before, mut explained) = ("", 0);
    for line in declarations.lines().skip(1) {
        let text = line.trim_start();
        // What is left are the lines that go on or end what another began.
        let begins = line.starts_with("#define HOLDALL_")
            || line.starts_with("typedef ")
            || (line.contains(" holdall_") || line.contains("*holdall_"))
                && !line.starts_with([' ', '/', '}'])
            || (line.starts_with("    ") && text.contains("; // "))
            || (line.starts_with("    ") && text.ends_with(';') && !text.ends_with(");"));
        if begins {
            assert!(line.contains("; // ") || line.contains(" // ") || before.starts_with("//"), "{line}");
            explained += 1;
        }
        before = text;
    }
    assert!(explained > 350, "{explained} of them");
}

#[test]
fn the_version_is_the_packages_in_every_spelling() {
    let header = committed("holdall.h");
    let number = |name: &str| -> u64 {
        let line = header.lines().find_map(|line| line.strip_prefix(&format!("#define {name} "))).unwrap();
        line.split(' ').next().unwrap().parse().unwrap()
    };
    let parts: Vec<u64> = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse().unwrap()).collect();
    assert_eq!(number("HOLDALL_VERSION_MAJOR"), parts[0]);
    assert_eq!(number("HOLDALL_VERSION_MINOR"), parts[1]);
    assert_eq!(number("HOLDALL_VERSION_PATCH"), parts[2]);
    // The composed number is an expression, which tests/c/verbs.c has the compiler compute.
}

#[test]
fn f10_the_header_compiles_everywhere_without_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let strict = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"];
    let include = format!("-I{}", root().join("include").display());
    let compile = |compiler: &str, standard: &str, source: &str, text: &str| {
        let source = dir.path().join(source);
        std::fs::write(&source, text).unwrap();
        let mut command = Command::new(compiler);
        run(command.arg(format!("-std={standard}")).args(strict).arg(&include).arg(&source));
    };
    need("cc", "gcc");
    need("c++", "g++");
    // Where there is another compiler, it is asked too.
    for compiler in ["cc", "gcc", "clang"].into_iter().filter(|compiler| has(compiler)) {
        for standard in ["c99", "c11", "c17"] {
            compile(
                compiler,
                standard,
                "a.c",
                "#include <holdall.h>\n#include <holdall-remote.h>\n#include <holdall.h>\nint used;\n",
            );
        }
    }
    for compiler in ["c++", "g++", "clang++"].into_iter().filter(|compiler| has(compiler)) {
        for standard in ["c++17", "c++20"] {
            compile(
                compiler,
                standard,
                "a.cc",
                "#include <holdall-remote.h>\n#include <holdall.hpp>\nint used;\n",
            );
        }
    }
}

/// The symbols of a library, sorted.
pub fn exported(library: &Path) -> Vec<String> {
    let listed = run(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let mut names: Vec<String> =
        listed.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// The functions that a header declares, sorted.
pub fn declared(header: &str) -> Vec<String> {
    let mut names: Vec<String> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '#']))
        .filter_map(|line| line.split_once('(')?.0.split([' ', '*']).next_back())
        .filter(|name| name.starts_with("holdall_"))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn f10_the_shared_library_exports_what_the_header_declares_and_nothing_else() {
    let library = libraries().join("libholdall.so");
    let (exported, declared) = (exported(&library), declared(&committed("holdall.h")));
    assert_eq!(exported, declared);
    assert!(declared.len() > 100, "{} functions", declared.len());
    let dynamic = run(Command::new("readelf").arg("-d").arg(&library));
    let dynamic = String::from_utf8(dynamic.stdout).unwrap();
    assert!(dynamic.contains("[libholdall.so.0.1]"), "{dynamic}");
}
