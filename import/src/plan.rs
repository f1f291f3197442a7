//! Where each file and folder of a user goes.

use std::collections::{BTreeMap, HashMap, HashSet};

use holdall::Time;
use holdall::name::{MAX_NAME, join, split_path};

use super::database::Node;
use super::mutant::{Mutant, is_active};

/// A file or folder to be made; a folder comes before what is in it.
pub(super) struct Item {
    pub(super) id: u64,
    pub(super) folder: bool,
    pub(super) path: String,
    pub(super) primary: Option<u64>,
    pub(super) created: Option<Time>,
    pub(super) modified: Option<Time>,
    /// Its path with the name that it had, where that is another.
    pub(super) was: String,
    pub(super) renamed: bool,
}

/// What was put in the trash at once.
pub(super) struct Top {
    /// The first is what lies there, the others are in it.
    pub(super) items: Vec<Item>,
}

/// All of one user.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) items: Vec<Item>,
    pub(super) trash: Vec<Top>,
    /// Folders that stand for another user's, with what is in them.
    pub(super) symbolic: Vec<u64>,
    /// Files and folders that lie deeper than a path can name.
    pub(super) deep: Vec<u64>,
    /// Files and folders that lie in no folder and not in the trash.
    pub(super) lost: Vec<u64>,
}

impl Plan {
    /// Plans for a user's files and folders; `trashed` has the URIs that what lies in the trash had.
    pub(super) fn of(own: &[&Node], trashed: &HashMap<u64, String>) -> Plan {
        let mut children: BTreeMap<u64, Vec<&Node>> = BTreeMap::new();
        for node in own {
            if let Some(parent) = node.parent {
                children.entry(parent).or_default().push(node);
            }
        }
        let mut plan = Plan::default();
        let mut seen = HashSet::new();
        for root in own.iter().filter(|node| is_root(node)) {
            seen.insert(root.id);
            let mut items = Vec::new();
            plan.below(&children, root.id, "", &mut items, &mut seen);
            plan.items.append(&mut items);
        }
        let tree: HashSet<String> = plan.items.iter().map(|item| item.path.clone()).collect();
        let mut taken = tree.clone();
        for node in own.iter().filter(|node| node.parent.is_none() && !is_root(node)) {
            let Some(restore) = trashed.get(&node.id) else { continue };
            let path = trash_path(restore, &tree, &taken);
            taken.insert(path.clone());
            seen.insert(node.id);
            let was = old_path(restore);
            let renamed = was.rsplit('/').next() != path.rsplit('/').next();
            let mut items = vec![Item { was, renamed, ..item(node, path.clone()) }];
            plan.below(&children, node.id, &path, &mut items, &mut seen);
            plan.trash.push(Top { items });
        }
        plan.lost = own.iter().map(|node| node.id).filter(|id| !seen.contains(id)).collect();
        plan
    }

    /// Adds everything below a folder.
    fn below(
        &mut self,
        children: &BTreeMap<u64, Vec<&Node>>,
        folder: u64,
        path: &str,
        items: &mut Vec<Item>,
        seen: &mut HashSet<u64>,
    ) {
        let mut waiting = vec![(folder, path.to_owned())];
        while let Some((folder, path)) = waiting.pop() {
            let mut names = HashSet::new();
            for node in children.get(&folder).map(Vec::as_slice).unwrap_or_default() {
                if !seen.insert(node.id) {
                    continue;
                }
                if node.symbolic {
                    self.symbolic.push(node.id);
                    continue;
                }
                let was = join(&path, &node.name);
                let path = join(&path, &unique(&plain(&node.name), &mut names));
                if node.folder {
                    waiting.push((node.id, path.clone()));
                }
                match split_path(&path) {
                    Err(_) if !is_active(Mutant::OneEndsAll) => self.deep.push(node.id),
                    _ => items.push(Item { renamed: was != path, was, ..item(node, path) }),
                }
            }
        }
    }
}

/// The root of a user's tree has no name and lies nowhere.
fn is_root(node: &Node) -> bool {
    node.folder && node.parent.is_none() && node.name.is_empty()
}

fn item(node: &Node, path: String) -> Item {
    Item {
        id: node.id,
        folder: node.folder,
        was: path.clone(),
        path,
        primary: node.primary,
        created: node.created,
        modified: node.modified,
        renamed: false,
    }
}

/// Makes a name of what may not be one here.
fn plain(name: &str) -> String {
    let name: String = name.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
    match cut(&name, MAX_NAME) {
        "" | "." | ".." => "_".to_owned(),
        name => name.to_owned(),
    }
}

/// Returns as much of the beginning of a text as so many bytes hold.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// Returns a name, or what is made of it where it is taken: the first of ` (2)`, ` (3)` and so on
/// that is free, before the extension, within what a name may hold.
fn unique(name: &str, taken: &mut HashSet<String>) -> String {
    // A name that begins with its only dot has no extension, nor has one with a blank behind it.
    let at = name.rfind('.').filter(|at| *at > 0 && !name.get(*at..).unwrap_or_default().contains(' '));
    let (stem, extension) = name.split_at_checked(at.unwrap_or(name.len())).unwrap_or((name, ""));
    let numbered = (2_u64..).map(|count| {
        let end = format!(" ({count}){extension}");
        format!("{}{end}", cut(stem, MAX_NAME.saturating_sub(end.len())))
    });
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| taken.insert(name.clone())).unwrap_or_default()
}

/// Returns the path that something in the trash had; empty where its URI tells none.
pub(super) fn old_path(restore: &str) -> String {
    let path = restore.split_once("://").map_or("", |(_, rest)| rest);
    let path = path.split_once('/').map_or("", |(_, path)| path).split(['?', '#']).next().unwrap_or_default();
    let names: Vec<String> =
        path.split('/').filter(|name| !name.is_empty()).map(|name| plain(&decode(name))).collect();
    names.join("/")
}

/// Returns the path that something in the trash had; where that is taken or leads through no folder of
/// the tree, the next name that is free at the top.
fn trash_path(restore: &str, tree: &HashSet<String>, taken: &HashSet<String>) -> String {
    let path = Some(old_path(restore)).filter(|path| !path.is_empty());
    let path = path.unwrap_or_else(|| "restored".to_owned());
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let mut parents = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
    // A folder of that path may be there and hold other things; a file may be in the way.
    let folder = if parents.all(|parent| tree.contains(parent)) { folder } else { "" };
    let inside = |path: &String| match folder {
        "" => (!path.contains('/')).then(|| path.clone()),
        folder => {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?;
            (!name.contains('/')).then(|| name.to_owned())
        }
    };
    let mut names: HashSet<String> = taken.iter().filter_map(inside).collect();
    join(folder, &unique(name, &mut names))
}

/// Decodes the escapes of a URI; what is none stays.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let hex = text
            .get(at + 1..at + 3)
            .filter(|hex| *byte == b'%' && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_the_trash_is_the_old_one_or_a_free_one() {
        let tree: HashSet<String> = ["docs", "docs/a", "docs/x.txt", "b"].map(str::to_owned).into();
        let mut taken = tree.clone();
        // Lies in the trash as well, so that nothing can be in it.
        taken.insert("old".to_owned());
        for (uri, path) in [
            ("cloudreve://my/docs/c%20d", "docs/c d"),
            ("cloudreve://my/docs/a", "docs/a (2)"),
            ("cloudreve://my/docs/x.txt", "docs/x (2).txt"),
            ("cloudreve://my/old/y.txt", "y.txt"),
            ("cloudreve://my/b", "b (2)"),
            ("cloudreve://my/gone/e", "e"),
            ("cloudreve://my", "restored"),
            ("nonsense", "restored"),
            ("cloudreve://my/../x%2fy%00", "x_y_"),
        ] {
            assert_eq!(trash_path(uri, &tree, &taken), path, "{uri}");
        }
    }

    #[test]
    fn any_name_becomes_one() {
        for (name, made) in [("a", "a"), ("", "_"), ("..", "_"), ("a\u{1}b/c", "a_b_c")] {
            assert_eq!(plain(name), made);
        }
        assert!(plain(&"\u{e9}".repeat(200)).len() <= MAX_NAME);
    }

    #[test]
    fn no_two_names_are_made_one_and_none_grows_too_long() {
        let mut taken = HashSet::new();
        let long = "\u{e9}".repeat(127);
        let names = ["a", "a (2)", "a", "a", &long, &long, &long, "b.c", "b.c", ".d", ".d", "e. f", "e. f"];
        let made: Vec<String> = names.iter().map(|name| unique(name, &mut taken)).collect();
        assert_eq!(made[..4], ["a", "a (2)", "a (3)", "a (4)"]);
        assert_eq!(made[7..], ["b.c", "b (2).c", ".d", ".d (2)", "e. f", "e. f (2)"]);
        assert_eq!(taken.len(), names.len());
        assert!(made.iter().all(|name| holdall::name::check_name(name).is_ok()), "{made:?}");
    }
}
