//! The arrows between the modules of the core, and words that only one place may spell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The modules, from below. Each uses those before it, and itself.
const ORDER: [&str; 28] = [
    "mutant",
    "machine",
    "tasks",
    "network",
    "kind",
    "error",
    "tls",
    "id",
    "time",
    "random",
    "name",
    "worker",
    "digest",
    "http",
    "body",
    "zip",
    "token",
    "fork",
    "vfs",
    "kv",
    "catalog",
    "blobs",
    "simulated",
    "journal",
    "engine",
    "store",
    "serve",
    "api",
];

/// What the crate's root offers under another name than its module's.
const ROOT: [(&str, &str); 6] = [
    ("Error", "error"),
    ("ErrorKind", "error"),
    ("Result", "error"),
    ("Time", "time"),
    ("Kind", "kind"),
    ("fork", "fork"),
];

/// Arrows that run down and are not wanted all the same: from, to, but for.
const NARROW: [(&str, &str, &str); 1] = [("blobs", "catalog", "record")];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Reads every source file, by its path below `src`.
fn sources() -> BTreeMap<String, String> {
    let (mut found, mut dirs) = (BTreeMap::new(), vec![source()]);
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(source()).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

/// Returns a file without comments.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Returns every path that starts at the crate's root, groups taken apart.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with("$") || code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        expand("", &code[at + "crate::".len()..], &mut found);
    }
    found
}

/// Reads one path or group and returns what follows it.
fn expand<'a>(before: &str, text: &'a str, found: &mut Vec<String>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = expand(before, rest, found).trim_start();
            match rest.strip_prefix(',') {
                Some(after) => rest = after,
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
            if let Some(after) = rest.trim_start().strip_prefix('}') {
                return after;
            }
        }
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let path = format!("{before}{}", &text[..end]);
    let rest = &text[end..];
    match rest.strip_prefix("::") {
        Some(after) if after.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '{') => {
            expand(&format!("{path}::"), after, found)
        }
        _ => {
            found.push(path);
            rest.trim_start()
                .strip_prefix("as ")
                .map_or(rest, |after| after.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'))
        }
    }
}

fn level(module: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == module)
}

/// Says what is wrong with the imports of one file, if anything is.
fn wrong_arrows(file: &str, text: &str, exports: &BTreeMap<String, String>) -> Vec<String> {
    let from = file.split(['/', '.']).next().unwrap();
    let Some(own) = level(from) else { return vec![format!("{file} is in no layer")] };
    let mut wrong = Vec::new();
    for path in paths(&code(text)) {
        let first = path.split("::").next().unwrap();
        let to = ROOT.iter().find(|(name, _)| *name == first).map(|(_, module)| *module);
        let to = to.or_else(|| exports.get(first).map(String::as_str)).unwrap_or(first);
        let narrow = NARROW.iter().any(|(low, high, but)| {
            *low == from && *high == to && !path.starts_with(&format!("{to}::{but}"))
        });
        match level(to) {
            Some(level) if level <= own && !narrow => {}
            _ => wrong.push(format!("{file} uses {to}, by crate::{path}")),
        }
    }
    wrong
}

/// Returns what `lib.rs` re-exports, by name.
fn exports() -> BTreeMap<String, String> {
    let lib = code(&std::fs::read_to_string(source().join("lib.rs")).unwrap());
    let mut exports = BTreeMap::new();
    for (at, _) in lib.match_indices("pub use ") {
        let mut found = Vec::new();
        expand("", &lib[at + "pub use ".len()..], &mut found);
        for path in found {
            let (module, name) = (path.split("::").next().unwrap(), path.rsplit("::").next().unwrap());
            exports.insert(name.to_owned(), module.to_owned());
        }
    }
    exports
}

fn is_test(file: &str, text: &str) -> bool {
    file.contains("tests") || file.contains("suite") || text.starts_with("#![cfg(test)]")
}

#[test]
fn no_arrow_runs_up() {
    let (exports, mut wrong) = (exports(), Vec::new());
    for (file, text) in sources() {
        if file != "lib.rs" && !is_test(&file, &text) {
            // Tests may look up: a suite of one layer runs on the drivers of another.
            let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
            wrong.extend(wrong_arrows(&file, text, &exports));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_planted_arrow_is_found() {
    let exports = exports();
    let planted = [
        ("kv/redb.rs", "use crate::catalog::table;"),
        ("kv/mod.rs", "use crate::{Error, journal::{self, Journal}};"),
        ("catalog/path.rs", "use crate::blobs::pool;"),
        ("catalog/path.rs", "fn f() { crate::store::open() }"),
        ("blobs/pool.rs", "use crate::catalog::path;"),
        ("body/mod.rs", "use crate::{\n    Error,\n    vfs::Vfs,\n};"),
        ("http/range.rs", "use crate::Store;"),
        ("token/mod.rs", "use crate::FileInfo as Other;"),
        ("zip/plan.rs", "use crate::VersionInfo;"),
        ("novel/mod.rs", "use crate::Error;"),
    ];
    for (file, text) in planted {
        assert!(!wrong_arrows(file, text, &exports).is_empty(), "{file}: {text}");
    }
    let good = "use crate::{Error, catalog::record::{Place as P, X}, vfs::Vfs}; // use crate::store::Store";
    assert_eq!(wrong_arrows("blobs/pool.rs", good, &exports), Vec::<String>::new());
    assert_eq!(paths(good).len(), 5, "{:?}", paths(good));
}

/// Returns whether `word` stands by itself somewhere in the code.
fn spells(text: &str, word: &str) -> bool {
    let joined = |c: char| c.is_alphanumeric() || c == '_';
    code(text).match_indices(word).any(|(at, _)| {
        !code(text)[..at].ends_with(joined) && !code(text)[at + word.len()..].starts_with(joined)
    })
}

#[test]
fn only_the_driver_spells_redb_and_only_three_files_are_unsafe() {
    for (file, text) in sources() {
        if is_test(&file, &text) {
            continue;
        }
        // Those above name our own driver, and the file that it keeps.
        let above = text.replace("kv::redb::", "").replace("mod redb", "").replace("meta.redb", "");
        let driver = file.starts_with("kv/redb") || file == "kv/backend.rs";
        assert!(driver || !spells(&above, "redb"), "{file} spells redb");
        let mapped = ["vfs/map.rs", "vfs/live.rs", "fork.rs"].contains(&file.as_str());
        assert!(mapped || !spells(&text, "unsafe"), "{file} is unsafe");
    }
    assert!(spells("let a = redb::Database;", "redb") && !spells("// redb\nlet predb = 1;", "redb"));
}
