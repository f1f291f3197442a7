//! Reading a crate: its files by module path, and the names that each passes on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::{File, Item, UseTree, Visibility};

/// The path of a module, from the crate's root, which is empty.
pub type Module = Vec<String>;

/// A name that a `use` brings in: where from, and what it is called there and here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// `*` for everything.
    pub(crate) alias: String,
    pub(crate) public: bool,
}

/// One file of a crate.
pub(crate) struct Source {
    pub(crate) parsed: File,
    pub(crate) imports: Vec<Import>,
    /// The items that are defined here.
    pub(crate) items: BTreeSet<String>,
}

/// The files of one crate, by module; test files are left out.
#[derive(Default)]
pub struct Tree {
    pub(crate) files: BTreeMap<Module, Source>,
}

impl Tree {
    /// Reads the crate whose sources are below `dir`.
    #[must_use]
    pub fn read(dir: &Path) -> Tree {
        let (mut texts, mut dirs) = (Vec::new(), vec![dir.to_owned()]);
        while let Some(at) = dirs.pop() {
            for entry in std::fs::read_dir(&at).expect("the folder of sources can be listed") {
                let path = entry.expect("an entry can be read").path();
                if path.is_dir() {
                    dirs.push(path);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    let name =
                        path.strip_prefix(dir).expect("it is below").to_str().expect("ASCII").to_owned();
                    texts.push((name, std::fs::read_to_string(&path).expect("a source can be read")));
                }
            }
        }
        Tree::of(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))
    }

    /// Makes a tree of files, by their path below `src`.
    #[must_use]
    pub fn of<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Tree {
        let mut files = BTreeMap::new();
        for (name, text) in texts {
            let module = module_of(name);
            if module.iter().any(|part| is_test_name(part)) {
                continue;
            }
            let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            if parsed.attrs.iter().any(is_test_attribute) {
                continue;
            }
            let (mut imports, mut items) = (Vec::new(), BTreeSet::new());
            for item in &parsed.items {
                match item {
                    Item::Use(found) => {
                        let public = !matches!(found.vis, Visibility::Inherited);
                        flatten(&found.tree, &mut Vec::new(), public, &mut imports);
                    }
                    other => items.extend(item_name(other)),
                }
            }
            files.insert(module, Source { parsed, imports, items });
        }
        Tree { files }
    }

    /// Returns every type that is defined for more than tests, with the module that defines it.
    #[must_use]
    pub fn types(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (module, source) in &self.files {
            for item in &source.parsed.items {
                let (ident, attributes) = match item {
                    Item::Enum(item) => (&item.ident, &item.attrs),
                    Item::Struct(item) => (&item.ident, &item.attrs),
                    Item::Trait(item) => (&item.ident, &item.attrs),
                    Item::Type(item) => (&item.ident, &item.attrs),
                    Item::Union(item) => (&item.ident, &item.attrs),
                    _ => continue,
                };
                if !attributes.iter().any(is_test_attribute) {
                    found.push((ident.to_string(), module.join("::")));
                }
            }
        }
        found
    }

    /// Returns how many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Returns whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

fn module_of(name: &str) -> Module {
    let mut parts: Module = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

fn is_test_name(part: &str) -> bool {
    part == "tests" || part.ends_with("_tests") || part == "suite" || part.starts_with("suite_")
}

/// Whether an attribute says that something is compiled for tests alone.
pub(crate) fn is_test_attribute(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
}

fn flatten(tree: &UseTree, before: &mut Vec<String>, public: bool, found: &mut Vec<Import>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, public, found);
            before.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, before, public, found);
            }
        }
        UseTree::Glob(_) => found.push(Import { path: before.clone(), alias: "*".to_owned(), public }),
        UseTree::Name(name) => found.push(import(before, &name.ident.to_string(), None, public)),
        UseTree::Rename(name) => {
            found.push(import(before, &name.ident.to_string(), Some(name.rename.to_string()), public));
        }
    }
}

fn import(before: &[String], name: &str, alias: Option<String>, public: bool) -> Import {
    let mut path = before.to_vec();
    if name != "self" {
        path.push(name.to_owned());
    }
    let alias = alias.unwrap_or_else(|| path.last().cloned().unwrap_or_default());
    Import { path, alias, public }
}

fn item_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(found) => &found.ident,
        Item::Enum(found) => &found.ident,
        Item::Fn(found) => &found.sig.ident,
        Item::Macro(found) => found.ident.as_ref()?,
        Item::Static(found) => &found.ident,
        Item::Struct(found) => &found.ident,
        Item::Trait(found) => &found.ident,
        Item::Type(found) => &found.ident,
        Item::Union(found) => &found.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
