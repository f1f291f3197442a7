//! Where things lie, and running commands.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Runs a command to its end; what it printed is shown when it fails.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Whether a program is installed.
pub fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Insists on a program.
pub fn need(program: &str, package: &str) {
    assert!(has(program), "{program} is not installed; on Debian: apt-get install {package}");
}

/// One at a time builds the libraries: with and without the import, and under one name or another, they
/// are the same files.
pub static BUILDING: Mutex<()> = Mutex::new(());

/// The folder of the libraries, under the names that they are installed by. They are built first.
pub fn libraries() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("lib", &[]))
}

/// The same with the feature `import`.
pub fn import_libraries() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("lib-import", &["--features", "import"]))
}

fn build(folder: &str, features: &[&str]) -> PathBuf {
    let _alone = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    run(Command::new(env!("CARGO"))
        .args(["build", "--offline", "-p", "holdall-ffi"])
        .args(features)
        .env("HOLDALL_SONAME", "libholdall.so.0.1")
        .current_dir(root()));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("debug");
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    std::fs::create_dir_all(&made).unwrap();
    for (from, to) in [
        ("libholdall_c.so", "libholdall.so"),
        ("libholdall_c.so", "libholdall.so.0.1"),
        ("libholdall_c.a", "libholdall.a"),
    ] {
        let _ = std::fs::remove_file(made.join(to));
        std::fs::copy(target.join(from), made.join(to)).unwrap();
    }
    made
}
