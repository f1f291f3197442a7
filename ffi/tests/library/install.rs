//! Installing, and the ways that a project finds what was installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{OnceLock, PoisonError};

use crate::build::{BUILDING, libraries, need, root, run};

/// A program that uses the library, in C.
fn quick() -> PathBuf {
    root().join("ffi/tests/c/quick.c")
}

fn answers(program: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let output = run(Command::new(program).arg(dir.path().join("store")));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "200 for 5 bytes\n");
}

/// Installs under a prefix, moves that elsewhere, and returns where it is then.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        need("cmake", "cmake");
        need("pkg-config", "pkg-config");
        libraries();
        let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install");
        let _ = std::fs::remove_dir_all(&room);
        let (build, first, moved) = (room.join("build"), room.join("first"), room.join("moved"));
        run(Command::new("cmake").arg("-S").arg(root()).arg("-B").arg(&build).args(cargo_arguments()));
        {
            let _alone = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
            run(Command::new("cmake").arg("--build").arg(&build));
        }
        run(Command::new("cmake").arg("--install").arg(&build).arg("--prefix").arg(&first));
        std::fs::rename(&first, &moved).unwrap();
        moved
    })
}

/// What makes cmake use what cargo has built for the tests.
fn cargo_arguments() -> [String; 3] {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    [
        "-DHOLDALL_CARGO_PROFILE=dev".to_owned(),
        "-DHOLDALL_CARGO_FLAGS=--offline".to_owned(),
        format!("-DHOLDALL_CARGO_TARGET_DIR={}", target.display()),
    ]
}

/// The folder of libraries under a prefix.
fn libdir(prefix: &Path) -> PathBuf {
    let places = ["lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"];
    let found =
        places.iter().map(|place| prefix.join(place)).find(|place| place.join("libholdall.a").exists());
    found.expect("libholdall.a was installed")
}

#[test]
fn a_plain_compiler_line_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    let mut cc = Command::new("cc");
    cc.arg(quick()).arg(format!("-I{}", root().join("include").display())).arg("-o").arg(&program);
    cc.arg(format!("-L{}", libraries().display())).arg("-lholdall");
    run(cc.arg(format!("-Wl,-rpath,{}", libraries().display())));
    answers(&program);
}

#[test]
fn the_quick_start_of_the_readme_runs() {
    let page = std::fs::read_to_string(root().join("ffi/README.md")).unwrap();
    let code = page.split("```c\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (source, program) = (dir.path().join("a.c"), dir.path().join("program"));
    std::fs::write(&source, code).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]).arg(&source).arg("-o").arg(&program);
    cc.arg(format!("-I{}", root().join("include").display())).arg(format!("-L{}", libraries().display()));
    run(cc.arg("-lholdall").arg(format!("-Wl,-rpath,{}", libraries().display())));
    let output = run(Command::new(&program).current_dir(dir.path()));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("/d/"));
}

#[test]
fn what_is_installed_is_all_there() {
    let prefix = prefix();
    let lib = libdir(prefix);
    for name in
        ["libholdall.so", "libholdall.so.0.1", "libholdall.so.0.1.0", "libholdall.a", "pkgconfig/holdall.pc"]
    {
        assert!(lib.join(name).exists(), "{name}");
    }
    for name in ["holdall.h", "holdall.hpp", "holdall-plain.h"] {
        assert!(prefix.join("include").join(name).exists(), "{name}");
    }
}

#[test]
fn pkg_config_finds_what_was_moved() {
    let prefix = prefix();
    let dir = tempfile::tempdir().unwrap();
    for statically in [false, true] {
        let mut ask = Command::new("pkg-config");
        ask.env("PKG_CONFIG_PATH", libdir(prefix).join("pkgconfig"));
        ask.args(["--cflags", "--libs", "holdall"]).args(statically.then_some("--static"));
        let flags = String::from_utf8(run(&mut ask).stdout).unwrap();
        let program = dir.path().join("program");
        let mut cc = Command::new("cc");
        cc.arg(quick()).arg("-o").arg(&program);
        for flag in flags.split_whitespace() {
            // The static library beside the shared one is taken by its name.
            cc.arg(if statically && flag == "-lholdall" { "-l:libholdall.a" } else { flag });
        }
        run(cc.arg(format!("-Wl,-rpath,{}", libdir(prefix).display())));
        let needed = run(Command::new("readelf").arg("-d").arg(&program));
        let needed = String::from_utf8(needed.stdout).unwrap().contains("[libholdall.so.0.1]");
        assert_eq!(needed, !statically);
        answers(&program);
    }
}

/// Configures, builds and runs a CMake project of one program.
fn project(lines: &str, arguments: &[String]) {
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "cmake_minimum_required(VERSION 3.20)\nproject(consumer LANGUAGES C)\n{lines}\n\
         add_executable(shared {quick})\ntarget_link_libraries(shared PRIVATE holdall::holdall)\n\
         add_executable(static {quick})\ntarget_link_libraries(static PRIVATE holdall::static)\n",
        quick = quick().display()
    );
    std::fs::write(dir.path().join("CMakeLists.txt"), text).unwrap();
    let build = dir.path().join("build");
    run(Command::new("cmake").arg("-S").arg(dir.path()).arg("-B").arg(&build).args(arguments));
    {
        let _alone = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        run(Command::new("cmake").arg("--build").arg(&build));
    }
    answers(&build.join("shared"));
    answers(&build.join("static"));
}

#[test]
fn find_package_gives_the_shared_and_the_static_library() {
    let prefix = prefix();
    project(
        "find_package(holdall 0.1 CONFIG REQUIRED)",
        &[format!("-DCMAKE_PREFIX_PATH={}", prefix.display())],
    );
}

#[test]
fn add_subdirectory_gives_the_shared_and_the_static_library() {
    prefix();
    project(&format!("add_subdirectory({} holdall)", root().display()), &cargo_arguments());
}
