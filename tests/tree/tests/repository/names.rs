//! Names: a type's name has one meaning in a crate, every file says what it is, and no page uses a word
//! that the glossary in `docs/style.md` has a better one for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use holdall_tree::Tree;

use super::root;

/// The crates whose sources are read.
const CRATES: [&str; 6] = ["cli", "core", "ffi", "http", "import", "python"];

/// Types of the core that the two wire formats both have, by design: the same name for the same role.
const PAIR: [&str; 4] = ["ApiError", "Call", "Fault", "Fields"];
/// Where the pair, and what it shares, lives.
const PAIR_MODULES: [&str; 3] = ["api::cloudreve", "api::pds", "api::error"];

/// Other names that may be borne twice, with the reason.
const LISTED: [(&str, &[&str]); 2] = [
    // A fault of the simulated disk, which tests plant; in the wire formats it is a client's.
    ("Fault", &["vfs::sim::fault"]),
    // A piece of a body, public in three languages; internally also a file of the log.
    ("Segment", &["body", "blobs::segment"]),
];

/// The types that several files of a tree define, with those files; the listed ones are left out.
fn shared_names(tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, module) in tree.types() {
        let in_pair = PAIR.contains(&name.as_str()) && PAIR_MODULES.iter().any(|at| module.starts_with(at));
        let listed = LISTED.iter().any(|(other, at)| *other == name && at.contains(&module.as_str()));
        if !in_pair && !listed {
            found.entry(name).or_default().push(module);
        }
    }
    found.retain(|_, modules| modules.len() > 1);
    found
}

#[test]
fn a_type_name_has_one_meaning_in_the_core() {
    let tree = Tree::read(&root().join("core/src"));
    assert!(tree.types().len() > 300, "{} types: the sources moved", tree.types().len());
    for (name, modules) in LISTED {
        for module in modules {
            let there = tree.types().iter().any(|(other, at)| other == name && at == module);
            assert!(there, "{module}::{name} is gone: take it off the list");
        }
    }
    let shared = shared_names(&tree);
    assert!(shared.is_empty(), "give each its own name, or list the pair in this test: {shared:#?}");
}

#[test]
fn a_planted_second_meaning_is_found() {
    let plant = [
        ("a.rs", "pub(crate) struct Found;"),
        ("b/mod.rs", "enum Found {} #[cfg(test)] mod tests { struct Only; }"),
        ("c.rs", "struct Only; struct Fault; #[cfg(test)] struct Found;"),
        ("api/pds/error.rs", "struct Fault;"),
        ("api/cloudreve/error.rs", "struct Fault;"),
    ];
    let shared = shared_names(&Tree::of(plant));
    assert_eq!(shared.into_iter().collect::<Vec<_>>(), [("Found".into(), vec!["a".into(), "b".into()])]);
}

/// The Rust sources below a folder.
fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// Whether a source begins by saying what it is.
fn is_introduced(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.strip_prefix("//! ").is_some_and(|rest| rest.len() > 10))
}

#[test]
fn every_file_says_what_it_is() {
    let mut files = Vec::new();
    for krate in CRATES {
        for folder in ["src", "tests"] {
            let dir = root().join(krate).join(folder);
            if dir.exists() {
                sources(&dir, &mut files);
            }
        }
    }
    assert!(files.len() > 400, "{} files: the sources moved", files.len());
    let silent: Vec<_> =
        files.iter().filter(|path| !is_introduced(&std::fs::read_to_string(path).unwrap())).collect();
    assert!(silent.is_empty(), "begin with `//! ` and what the file is: {silent:#?}");
    assert!(!is_introduced("use std::io;\n") && !is_introduced("//! x\n") && !is_introduced(""));
}
