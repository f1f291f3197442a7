//! `docs/format.md` names every table and every record of the core, with the version and the fields that it has.

use std::collections::BTreeMap;

use syn::{Expr, ImplItem, Item, Lit};

use super::{read, root};

fn sources() -> Vec<String> {
    let (mut found, mut dirs) = (Vec::new(), vec![root().join("core/src")]);
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

/// The records in a source: their versions, from the macro `records!` and from implementations, and the
/// fields of every struct.
#[derive(Default)]
struct Records {
    versions: BTreeMap<String, String>,
    fields: BTreeMap<String, Vec<String>>,
}

impl Records {
    fn read(&mut self, text: &str) {
        for item in syn::parse_file(text).unwrap().items {
            match item {
                Item::Macro(made) if made.mac.path.is_ident("records") => {
                    let words = made.mac.tokens.to_string();
                    for row in words.split(';').map(str::trim).filter(|row| !row.is_empty()) {
                        let mut words = row.split_whitespace();
                        let (name, version) = (words.next().unwrap(), words.next().unwrap());
                        self.versions.insert(name.to_owned(), version.to_owned());
                    }
                }
                Item::Impl(block) => {
                    let Some((_, of, _)) = &block.trait_ else { continue };
                    let syn::Type::Path(name) = &*block.self_ty else { continue };
                    if !of.is_ident("Record") {
                        continue;
                    }
                    for item in block.items {
                        if let ImplItem::Const(constant) = item
                            && constant.ident == "VERSION"
                            && let Expr::Lit(version) = constant.expr
                            && let Lit::Int(version) = version.lit
                        {
                            let name = name.path.segments.last().unwrap().ident.to_string();
                            self.versions.insert(name, version.base10_digits().to_owned());
                        }
                    }
                }
                Item::Struct(made) => {
                    let fields = made.fields.iter().filter_map(|field| field.ident.as_ref());
                    self.fields.insert(made.ident.to_string(), fields.map(ToString::to_string).collect());
                }
                _ => {}
            }
        }
    }

    /// What a page lacks of them.
    fn missing(&self, page: &str) -> Vec<String> {
        let mut missing = Vec::new();
        for (name, version) in &self.versions {
            let row = format!("| {name} | {version} | ");
            let Some(line) = page.lines().find_map(|line| line.strip_prefix(&row)) else {
                missing.push(format!("record {name}, version {version}"));
                continue;
            };
            let words: Vec<&str> = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
            let mut rest = words.as_slice();
            for field in self.fields.get(name).into_iter().flatten() {
                match rest.iter().position(|word| word == field) {
                    Some(at) => rest = &rest[at + 1..],
                    None => missing.push(format!("field {field} of record {name}, in order")),
                }
            }
        }
        missing
    }
}

/// The tables in `catalog/table.rs`: number and name.
fn tables(text: &str) -> Vec<(String, String)> {
    let made = text.split("tables! {").nth(1).unwrap().split("\n}").next().unwrap();
    let rows = made.lines().filter_map(|line| line.split_once(" = ")).map(|(_, row)| row);
    rows.map(|row| {
        let (number, name) = row.trim_end_matches(';').split_once(' ').unwrap();
        (number.to_owned(), name.split('"').nth(1).unwrap().to_owned())
    })
    .collect()
}

#[test]
fn the_page_of_formats_has_every_table_and_record() {
    let page = read("docs/format.md");
    let mut records = Records::default();
    for text in sources() {
        records.read(&text);
    }
    assert!(records.versions.len() > 20, "{:?}", records.versions.keys());
    let mut missing = records.missing(&page);
    let tables = tables(&read("core/src/catalog/table.rs"));
    assert!(tables.len() > 25);
    let gone = tables.iter().filter(|(number, name)| !page.contains(&format!("| {number} | `{name}` |")));
    missing.extend(gone.map(|(number, name)| format!("table {number}, {name}")));
    assert!(missing.is_empty(), "docs/format.md lacks\n{}", missing.join("\n"));
}

#[test]
fn a_missing_record_field_and_version_are_found() {
    let source =
        "struct A { x: u8, y: u8 } impl Record for A { const VERSION: u8 = 3; } records! { B 1 \"b\"; }";
    let mut records = Records::default();
    records.read(source);
    assert_eq!(records.missing("| A | 3 | x u8, y u8 |\n| B | 1 | text |"), Vec::<String>::new());
    assert_eq!(records.missing("| A | 3 | y u8, x u8 |\n| B | 1 | text |").len(), 1);
    assert_eq!(records.missing("| A | 2 | x u8, y u8 |").len(), 2);
    assert_eq!(tables("tables! {\n    /// a\n    X = 7 \"x-1\";\n}"), [("7".to_owned(), "x-1".to_owned())]);
}
