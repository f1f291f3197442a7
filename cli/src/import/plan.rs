//! Where each file and folder of a user goes.

use std::collections::{BTreeMap, HashMap, HashSet};

use holdall::name::{MAX_NAME, join};

use super::database::Node;

/// A file or folder to be made; a folder comes before what is in it.
pub(super) struct Item {
    pub(super) id: u64,
    pub(super) folder: bool,
    pub(super) path: String,
    pub(super) primary: Option<u64>,
}

/// What was put in the trash at once.
pub(super) struct Top {
    /// The first is what lies there, the others are in it.
    pub(super) items: Vec<Item>,
}

/// All of one user.
pub(super) struct Plan {
    pub(super) items: Vec<Item>,
    pub(super) trash: Vec<Top>,
    /// Folders that stand for another user's, with what is in them.
    pub(super) symbolic: usize,
    /// Files and folders that lie in no folder and not in the trash.
    pub(super) lost: usize,
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
        let mut plan = Plan { items: Vec::new(), trash: Vec::new(), symbolic: 0, lost: 0 };
        let mut seen = HashSet::new();
        for root in own.iter().filter(|node| is_root(node)) {
            seen.insert(root.id);
            let mut items = Vec::new();
            below(&children, root.id, "", &mut items, &mut seen, &mut plan.symbolic);
            plan.items.append(&mut items);
        }
        let mut taken: HashSet<String> = plan.items.iter().map(|item| item.path.clone()).collect();
        for node in own.iter().filter(|node| node.parent.is_none() && !is_root(node)) {
            let Some(restore) = trashed.get(&node.id) else { continue };
            let path = trash_path(restore, &taken);
            taken.insert(path.clone());
            seen.insert(node.id);
            let mut items = vec![item(node, path.clone())];
            below(&children, node.id, &path, &mut items, &mut seen, &mut plan.symbolic);
            plan.trash.push(Top { items });
        }
        plan.lost = own.iter().filter(|node| !seen.contains(&node.id)).count();
        plan
    }
}

/// The root of a user's tree has no name and lies nowhere.
fn is_root(node: &Node) -> bool {
    node.folder && node.parent.is_none() && node.name.is_empty()
}

fn item(node: &Node, path: String) -> Item {
    Item { id: node.id, folder: node.folder, path, primary: node.primary }
}

/// Adds everything below a folder.
fn below(
    children: &BTreeMap<u64, Vec<&Node>>,
    folder: u64,
    path: &str,
    items: &mut Vec<Item>,
    seen: &mut HashSet<u64>,
    symbolic: &mut usize,
) {
    let mut waiting = vec![(folder, path.to_owned())];
    while let Some((folder, path)) = waiting.pop() {
        let mut names: HashMap<String, u32> = HashMap::new();
        for node in children.get(&folder).map(Vec::as_slice).unwrap_or_default() {
            if !seen.insert(node.id) {
                continue;
            }
            if node.symbolic {
                *symbolic += 1;
                continue;
            }
            let name = unique(plain(&node.name), &mut names);
            let path = join(&path, &name);
            if node.folder {
                waiting.push((node.id, path.clone()));
            }
            items.push(item(node, path));
        }
    }
}

/// Makes a name of what may not be one here.
fn plain(name: &str) -> String {
    let name: String = name.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
    let end = (0..=MAX_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    match name.get(..end) {
        None | Some("" | "." | "..") => "_".to_owned(),
        Some(name) => name.to_owned(),
    }
}

/// Sets a name that was made equal to another apart.
fn unique(name: String, names: &mut HashMap<String, u32>) -> String {
    let count = names.entry(name.clone()).or_default();
    *count += 1;
    if *count == 1 { name } else { format!("{name} ({count})") }
}

/// Returns the path that something in the trash had, or where that is taken the next that is free.
fn trash_path(restore: &str, taken: &HashSet<String>) -> String {
    let path = restore.split_once("://").map_or("", |(_, rest)| rest);
    let path = path.split_once('/').map_or("", |(_, path)| path).split(['?', '#']).next().unwrap_or_default();
    let names: Vec<String> =
        path.split('/').filter(|name| !name.is_empty()).map(|name| plain(&decode(name))).collect();
    let path = if names.is_empty() { "restored".to_owned() } else { names.join("/") };
    // A folder of that path may be there and hold other things; a file may be in the way.
    let blocked = |path: &str| {
        let parents = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        taken.contains(path) || parents.into_iter().any(|parent| !taken.contains(parent))
    };
    if !blocked(&path) {
        return path;
    }
    let name = names.last().cloned().unwrap_or_else(|| "restored".to_owned());
    (1..)
        .map(|count| if count == 1 { name.clone() } else { format!("{name} ({count})") })
        .find(|name| !taken.contains(name))
        .unwrap_or(name)
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
        let taken: HashSet<String> = ["docs", "docs/a", "b"].map(str::to_owned).into();
        for (uri, path) in [
            ("cloudreve://my/docs/c%20d", "docs/c d"),
            ("cloudreve://my/docs/a", "a"),
            ("cloudreve://my/b", "b (2)"),
            ("cloudreve://my/gone/e", "e"),
            ("cloudreve://my", "restored"),
            ("nonsense", "restored"),
            ("cloudreve://my/../x%2fy%00", "x_y_"),
        ] {
            assert_eq!(trash_path(uri, &taken), path, "{uri}");
        }
    }

    #[test]
    fn any_name_becomes_one() {
        for (name, made) in [("a", "a"), ("", "_"), ("..", "_"), ("a\u{1}b/c", "a_b_c")] {
            assert_eq!(plain(name), made);
        }
        assert!(plain(&"\u{e9}".repeat(200)).len() <= MAX_NAME);
    }
}
