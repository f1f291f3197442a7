//! The table of verbs in `docs/style.md` is that of the three APIs: every public call of Rust, C and Python
//! is in it, once, and nothing else is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use syn::{ImplItem, Item, Type, Visibility};

use super::{read, root};

/// The types of Rust whose public methods are verbs, and what of a builder is one.
const TYPES: [&str; 7] = ["Store", "Drive", "Visit", "Archive", "PutWriter", "PartWriter", "Shipper"];
const BUILDERS: [(&str, &[&str]); 4] = [
    ("Cloudreve", &["new", "open"]),
    ("Server", &["import"]),
    ("Url", &["sign", "sign_cloudreve"]),
    ("Api", &["new", "answer", "is_at", "part_writer", "share_uri", "ticket"]),
];
/// Settings of the builder `Archive`.
const SETTINGS: [&str; 3] = ["Archive::name", "Archive::expires_in", "Archive::utc_offset"];
/// The classes of Python whose methods are verbs.
const CLASSES: [&str; 5] = ["Store", "Shipper", "Drive", "Visit", "Api"];
/// Functions of C that are about handles and values.
const VALUES: [&str; 10] =
    ["page", "text", "code", "reply", "body", "pin", "handle", "log", "last", "version_number"];

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

/// Whether a method of a type is a verb.
fn is_verb(of: &str, method: &str) -> bool {
    let builder = BUILDERS.iter().find(|(name, _)| *name == of);
    let listed = TYPES.contains(&of) || builder.is_some_and(|(_, verbs)| verbs.contains(&method));
    listed && !SETTINGS.contains(&format!("{of}::{method}").as_str())
}

/// The public methods in a file of the core.
fn methods(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for item in syn::parse_file(text).unwrap().items {
        let Item::Impl(block) = item else { continue };
        let (Type::Path(of), None) = (&*block.self_ty, &block.trait_) else { continue };
        let of = of.path.segments.last().unwrap().ident.to_string();
        for item in block.items {
            if let ImplItem::Fn(method) = item
                && matches!(method.vis, Visibility::Public(_))
                && is_verb(&of, &method.sig.ident.to_string())
            {
                found.insert(format!("{of}::{}", method.sig.ident));
            }
        }
    }
    found
}

fn rust() -> BTreeSet<String> {
    let mut files = Vec::new();
    for layer in ["engine", "store", "serve", "api"] {
        let dir = root().join("core/src").join(layer);
        if dir.exists() {
            sources(&dir, &mut files);
        }
    }
    sources(&root().join("import/src"), &mut files);
    files.iter().flat_map(|path| methods(&std::fs::read_to_string(path).unwrap())).collect()
}

fn c(header: &str) -> BTreeSet<String> {
    let names = header.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '('));
    let functions = names.filter_map(|name| name.split_once('(')).map(|(name, _)| name);
    let verbs = functions.filter(|name| {
        name.strip_prefix("holdall_").is_some_and(|rest| {
            let value = VALUES.iter().any(|noun| rest.starts_with(noun) && !is_call_of_version(rest));
            !rest.ends_with("_free") && !rest.ends_with("_ref") && !value
        })
    });
    verbs.map(str::to_owned).collect()
}

/// `version` begins with no noun above but `version_number`, which is one of the library.
fn is_call_of_version(rest: &str) -> bool {
    rest.starts_with("version_") && rest != "version_number"
}

fn python(stub: &str) -> BTreeSet<String> {
    let (mut found, mut class) = (BTreeSet::new(), "");
    for line in stub.lines() {
        let name = |rest: &str| rest.split(['(', ':']).next().unwrap().to_owned();
        if let Some(rest) = line.strip_prefix("class ") {
            class = rest.split([':', '(']).next().unwrap();
        } else if let Some(rest) = line.strip_prefix("def ") {
            class = "";
            found.insert(name(rest)).then_some(()).unwrap();
        } else if let Some(rest) = line.strip_prefix("    def ")
            && CLASSES.contains(&class)
        {
            found.insert(format!("{class}.{}", name(rest)));
        }
    }
    found.retain(|name| !name.rsplit('.').next().unwrap().starts_with('_'));
    found
}

/// The names in a column of the table, in order.
fn column(table: &str, number: usize) -> Vec<String> {
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| action"));
    rows.flat_map(|row| {
        let cell = row.split('|').nth(number + 1).expect("a row has four cells");
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    })
    .collect()
}

fn compare(what: &str, listed: &[String], there: &BTreeSet<String>) -> Vec<String> {
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    let twice = once.len() != listed.len();
    let missing = there.difference(&once).map(|name| format!("{what} {name} is not in the table"));
    let gone = once.difference(there).map(|name| format!("{what} {name} is in the table and not in the API"));
    missing.chain(gone).chain(twice.then(|| format!("a call of {what} is in the table twice"))).collect()
}

#[test]
fn every_call_of_the_three_apis_is_in_the_table_of_verbs_once() {
    let page = read("docs/style.md");
    let table =
        page.split("<!-- verbs: begin -->").nth(1).unwrap().split("<!-- verbs: end -->").next().unwrap();
    let c = c(&(read("include/holdall.h")
        + &read("include/holdall-import.h")
        + &read("include/holdall-remote.h")));
    let python = python(&read("python/python/holdall/_holdall.pyi"));
    let rust = rust();
    assert!(
        rust.len() > 60 && c.len() > 60 && python.len() > 50,
        "{} {} {}",
        rust.len(),
        c.len(),
        python.len()
    );
    let mut wrong = compare("Rust", &column(table, 1), &rust);
    wrong.extend(compare("C", &column(table, 2), &c));
    wrong.extend(compare("Python", &column(table, 3), &python));
    assert!(wrong.is_empty(), "docs/style.md, Verbs:\n{}", wrong.join("\n"));
}

#[test]
fn a_planted_difference_is_found() {
    let rust = methods(
        "impl Store { pub fn a(&self) {} fn b(&self) {} } impl Url { pub fn sign(self) {} pub fn c(self) {} }",
    );
    assert_eq!(rust.into_iter().collect::<Vec<_>>(), ["Store::a", "Url::sign"]);
    let header = "int32_t holdall_a_b(const x *y);\nvoid holdall_a_free(x *y);\nholdall_body_len(x);\nholdall_version_keep(x, holdall_version_number(void)";
    assert_eq!(c(header).into_iter().collect::<Vec<_>>(), ["holdall_a_b", "holdall_version_keep"]);
    let stub = "def open(a) -> Store: ...\nclass Store:\n    def a(self): ...\n    def _b(self): ...\nclass Row:\n    def c(self): ...";
    assert_eq!(python(stub).into_iter().collect::<Vec<_>>(), ["Store.a", "open"]);
    let table = "| action | Rust | C | Python |\n|---|---|---|---|\n| x | `A::b`, `A::c` | - | `d` |";
    assert_eq!((column(table, 1).len(), column(table, 2).len(), column(table, 3).len()), (2, 0, 1));
    let there = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    assert_eq!(compare("C", &["a".into(), "a".into(), "c".into()], &there).len(), 3);
}

/// The settings of a builder of the core: its public methods that give it back.
fn settings(text: &str, of: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for item in syn::parse_file(text).unwrap().items {
        let Item::Impl(block) = item else { continue };
        let (Type::Path(path), None) = (&*block.self_ty, &block.trait_) else { continue };
        if path.path.segments.last().unwrap().ident != of {
            continue;
        }
        for item in block.items {
            if let ImplItem::Fn(method) = item
                && matches!(method.vis, Visibility::Public(_))
                && method.sig.receiver().is_some()
            {
                found.insert(method.sig.ident.to_string());
            }
        }
    }
    found
}

/// What an option of Rust is not called in C: flags, and words that have a unit.
const IN_C: [(&str, &str); 4] = [
    ("mode", "HOLDALL_OPEN_EXCLUSIVE"),
    ("dedup", "HOLDALL_OPEN_DEDUP_DRIVE"),
    ("create", "HOLDALL_OPEN_EXISTING"),
    ("map", "HOLDALL_OPEN_NO_MAP"),
];

#[test]
fn every_option_of_a_store_is_in_c_and_python() {
    let options = settings(&read("core/src/engine/options.rs"), "Options");
    assert!(options.len() > 15, "{options:?}");
    let header = read("include/holdall.h");
    let fields = header.split("} holdall_open_options;").next().unwrap();
    let fields = fields.rsplit("typedef struct {").next().unwrap();
    let stub = read("python/python/holdall/_holdall.pyi");
    let open = stub.split("def open(").nth(1).unwrap().split("-> Store").next().unwrap();
    let mut missing = Vec::new();
    for option in &options {
        let flag = IN_C.iter().find(|(name, _)| name == option).map(|(_, flag)| *flag);
        let there = match flag {
            Some(flag) => header.contains(flag),
            None => fields
                .lines()
                .any(|line| line.contains(&format!(" {option}")) || line.contains(&format!("*{option}"))),
        };
        missing.extend((!there).then(|| format!("{option} is not in holdall_open_options")));
        let there = open.lines().any(|line| line.trim_start().starts_with(&format!("{option}:")));
        missing.extend((!there).then(|| format!("{option} is no argument of holdall.open")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
