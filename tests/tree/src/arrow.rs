//! Arrows between files, and the circles in them.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use syn::visit::{self, Visit};

use crate::source::{Module, Source, Tree, is_test_attribute};

/// For each file those that it needs, by module path.
pub type Arrows = BTreeMap<String, BTreeSet<String>>;

impl Tree {
    /// Returns the arrows between the files of this crate. Those from a module's face to the files below
    /// it are left out: a folder is made of its files.
    #[must_use]
    pub fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (module, source) in &self.files {
            let mut named = Named { paths: Vec::new() };
            named.visit_file(&source.parsed);
            // What a face passes on is looked through by those who take it.
            let imports = source.imports.iter().filter(|import| !import.public).map(|import| &import.path);
            let targets = named
                .paths
                .iter()
                .chain(imports)
                .filter_map(|path| self.definer(module, source, path))
                .filter(|to| !to.starts_with(module) && self.files.contains_key(to));
            arrows.insert(text(module), targets.map(|to| text(&to)).collect());
        }
        arrows
    }

    /// Returns the file that defines what a path in a file names; none for other crates' names.
    fn definer(&self, module: &Module, source: &Source, path: &[String]) -> Option<Module> {
        let (start, rest) = self.start(module, source, path)?;
        self.follow(&start, &rest, 0)
    }

    /// Returns the module that a path begins in, and what of it is left.
    fn start(&self, module: &Module, source: &Source, path: &[String]) -> Option<(Module, Vec<String>)> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some((Module::new(), rest.to_vec())),
            "self" => Some((module.clone(), rest.to_vec())),
            "super" => {
                let (mut at, mut rest) = (module.clone(), path);
                while let Some((first, after)) = rest.split_first() {
                    if first != "super" {
                        break;
                    }
                    at.pop();
                    rest = after;
                }
                Some((at, rest.to_vec()))
            }
            _ if self.files.contains_key(&child(module, first)) => Some((module.clone(), path.to_vec())),
            _ => {
                // A name that a `use` brought in: `use super::change;` and then `change::put`.
                let import = source.imports.iter().find(|import| import.alias == *first)?;
                // `use number::number;`: another crate's.
                if import.path.first() == Some(first) {
                    return None;
                }
                let (start, mut whole) = self.start(module, source, &import.path)?;
                whole.extend_from_slice(rest);
                Some((start, whole))
            }
        }
    }

    fn follow(&self, at: &Module, rest: &[String], depth: usize) -> Option<Module> {
        let Some((first, after)) = rest.split_first() else { return Some(at.clone()) };
        let inner = child(at, first);
        if self.files.contains_key(&inner) {
            return self.follow(&inner, after, depth);
        }
        let source = self.files.get(at)?;
        if source.items.contains(first) {
            return Some(at.clone());
        }
        let passed = source.imports.iter().filter(|import| import.alias == *first || import.alias == "*");
        for import in passed {
            let Some((start, mut whole)) = self.start(at, source, &import.path) else { continue };
            if import.alias == "*" {
                whole.push(first.clone());
            }
            whole.extend_from_slice(after);
            if depth < 8
                && let Some(found) = self.follow(&start, &whole, depth + 1)
            {
                return Some(found);
            }
        }
        Some(at.clone())
    }
}

fn child(module: &Module, name: &str) -> Module {
    let mut child = module.clone();
    child.push(name.to_owned());
    child
}

fn text(module: &Module) -> String {
    if module.is_empty() { "crate".to_owned() } else { module.join("::") }
}

/// The paths that a file names outside its `use` items.
struct Named {
    paths: Vec<Vec<String>>,
}

impl<'ast> Visit<'ast> for Named {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !item.attrs.iter().any(is_test_attribute) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !item.attrs.iter().any(is_test_attribute) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.paths.push(path.segments.iter().map(|part| part.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

/// Returns the files that need each other, each circle in order of name.
#[must_use]
pub fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let mut graph = DiGraph::<&str, ()>::new();
    let nodes: BTreeMap<&str, NodeIndex> =
        arrows.keys().map(|file| (file.as_str(), graph.add_node(file))).collect();
    for (from, targets) in arrows {
        for to in targets {
            graph.add_edge(nodes[from.as_str()], nodes[to.as_str()], ());
        }
    }
    let mut found: Vec<Vec<String>> = tarjan_scc(&graph)
        .into_iter()
        .filter(|circle| circle.len() > 1)
        .map(|circle| {
            let mut names: Vec<String> = circle.into_iter().map(|node| graph[node].to_owned()).collect();
            names.sort();
            names
        })
        .collect();
    found.sort();
    found
}
