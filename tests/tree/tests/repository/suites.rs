//! Tests are where `docs/testing.md` says: each folder of tests has a line there, and tests over the API of a crate are
//! one program in a folder that is named by what it tests.

use std::collections::BTreeSet;

use super::{files, read};

/// Folders beside tests that hold no tests.
const DATA: [&str; 4] =
    ["core/tests/proptest-regressions", "ffi/tests/c", "import/tests/fixtures", "tests/vectors"];
/// Folders of tests that tools of their own find by the names of files.
const BY_NAME: [&str; 2] = ["python/tests", "tests"];

/// The folders right below a folder of tests, and the files that lie in one itself.
fn folders(files: &[String]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut folders, mut loose) = (BTreeSet::new(), BTreeSet::new());
    for file in files {
        let parts: Vec<&str> = file.split('/').collect();
        let Some(at) = parts.iter().position(|part| *part == "tests").filter(|at| *at < 2) else { continue };
        match parts.len() - at {
            2 => _ = loose.insert(file.clone()),
            _ => _ = folders.insert(parts[..at + 2].join("/")),
        }
    }
    (folders, loose)
}

/// What breaks the scheme, of some files and of the page that names them.
fn faults(files: &[String], page: &str) -> Vec<String> {
    let (folders, loose) = folders(files);
    let mut found = Vec::new();
    for folder in folders.iter().filter(|folder| !folder.starts_with("python/tests")) {
        if !page.contains(&format!("`{folder}`")) {
            found.push(format!("docs/testing.md does not name {folder}"));
        }
        let is_crate = !folder.starts_with("tests/") && !DATA.contains(&folder.as_str());
        if is_crate && !files.contains(&format!("{folder}/main.rs")) {
            found.push(format!("{folder} has no main.rs"));
        }
    }
    for file in &loose {
        let folder = file.rsplit_once('/').unwrap().0;
        if !BY_NAME.contains(&folder) {
            found.push(format!("{file} lies in no folder that says what it tests"));
        }
    }
    found
}

#[test]
fn tests_are_where_the_page_says() {
    let files = files();
    let (folders, _) = folders(&files);
    assert!(folders.len() > 15, "{} folders: the tests moved", folders.len());
    assert_eq!(faults(&files, &read("docs/testing.md")), Vec::<String>::new());
}

#[test]
fn tests_elsewhere_are_found() {
    let files =
        ["core/tests/store/main.rs", "cli/tests/loose.rs", "ffi/tests/library/build.rs", "tests/tree/x.rs"];
    let found = faults(&files.map(str::to_owned), "`core/tests/store` `tests/tree`");
    assert_eq!(
        found,
        [
            "docs/testing.md does not name ffi/tests/library",
            "ffi/tests/library has no main.rs",
            "cli/tests/loose.rs lies in no folder that says what it tests"
        ]
    );
}
