//! The repository is held to its rules: what files need of each other, names and words, the pages, the suites of tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod circles;
mod format;
mod names;
mod pages;
mod suites;
mod verbs;
mod words;

/// The root of the repository.
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Reads a file, by its path from the root.
fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The files of the repository that people wrote, by their paths from the root, sorted.
fn files() -> Vec<String> {
    let (mut found, mut dirs) = (Vec::new(), vec![root()]);
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let made =
                ["target", "node_modules", "venv", "site-packages", "build", "__pycache__"].contains(&name);
            if path.is_symlink() || made || name.starts_with('.') {
            } else if path.is_dir() {
                dirs.push(path);
            } else {
                found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
