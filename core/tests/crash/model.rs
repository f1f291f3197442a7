//! What a store must hold: a naive model of one drive, and the same read back from a store.

use std::collections::BTreeMap;

use holdall::{Drive, Kind, Result};

use crate::content::{self, Hash};

/// A file or folder of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Folder,
    File { current: u32, next: u32, versions: BTreeMap<u32, u64> },
}

/// A drive as a flat map of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    pub tree: BTreeMap<String, Node>,
    /// What was trashed, by the path it had, with everything in it by its path below that.
    pub trash: BTreeMap<String, BTreeMap<String, Node>>,
}

impl Model {
    pub fn files(&self) -> Vec<String> {
        self.paths(|node| matches!(node, Node::File { .. }))
    }

    pub fn folders(&self) -> Vec<String> {
        self.paths(|node| matches!(node, Node::Folder))
    }

    fn paths(&self, which: impl Fn(&Node) -> bool) -> Vec<String> {
        self.tree.iter().filter(|(_, node)| which(node)).map(|(path, _)| path.clone()).collect()
    }

    pub fn make_parents(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            self.tree.entry(path[..at].to_owned()).or_insert(Node::Folder);
        }
    }

    pub fn put(&mut self, path: &str, content: u64) {
        self.make_parents(path);
        let empty = Node::File { current: 0, next: 1, versions: BTreeMap::new() };
        if let Node::File { current, next, versions } = self.tree.entry(path.to_owned()).or_insert(empty) {
            *current = *next;
            versions.insert(*next, content);
            *next += 1;
        }
    }

    /// Takes a subtree out, by paths below its own.
    pub fn take(&mut self, path: &str) -> BTreeMap<String, Node> {
        let below = format!("{path}/");
        let (taken, kept) = std::mem::take(&mut self.tree)
            .into_iter()
            .partition(|(at, _)| at == path || at.starts_with(&below));
        self.tree = kept;
        let taken: BTreeMap<String, Node> = taken;
        taken.into_iter().map(|(at, node)| (at[path.len()..].to_owned(), node)).collect()
    }

    pub fn graft(&mut self, path: &str, subtree: BTreeMap<String, Node>) {
        self.make_parents(path);
        self.tree.extend(subtree.into_iter().map(|(below, node)| (format!("{path}{below}"), node)));
    }

    /// Counts the contents that have a file of their own.
    pub fn large(&self) -> usize {
        let nodes = self.tree.values().chain(self.trash.values().flat_map(BTreeMap::values));
        let versions = nodes.flat_map(|node| match node {
            Node::File { versions, .. } => versions.values().copied().collect(),
            Node::Folder => Vec::new(),
        });
        let large = |id: &u64| content::bytes(*id).len() >= content::THRESHOLD;
        versions.filter(large).map(content::hash).collect::<std::collections::BTreeSet<_>>().len()
    }

    /// Returns what a store with this content shows.
    pub fn view(&self) -> View {
        let mut view = View::default();
        for (path, node) in &self.tree {
            view.tree.insert(path.clone(), Seen::of(node));
            view.count(node);
        }
        for (path, subtree) in &self.trash {
            let current = match &subtree[""] {
                Node::Folder => None,
                Node::File { current, versions, .. } => Some(content::hash(versions[current])),
            };
            view.trash.insert(path.clone(), current);
            subtree.values().for_each(|node| view.count(node));
        }
        view
    }
}

/// What is at a path, as a store shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Folder,
    File { current: u32, versions: BTreeMap<u32, Hash> },
}

impl Seen {
    fn of(node: &Node) -> Seen {
        match node {
            Node::Folder => Seen::Folder,
            Node::File { current, versions, .. } => Seen::File {
                current: *current,
                versions: versions.iter().map(|(number, id)| (*number, content::hash(*id))).collect(),
            },
        }
    }
}

/// A drive as it is seen, every byte of it read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub tree: BTreeMap<String, Seen>,
    /// What lies in the trash, by the path it had, and its current content if it is a file.
    pub trash: BTreeMap<String, Option<Hash>>,
    /// Files, those in the trash too.
    pub files: u64,
    /// Bytes of all versions of all files.
    pub bytes: u64,
}

impl View {
    fn count(&mut self, node: &Node) {
        if let Node::File { versions, .. } = node {
            self.files += 1;
            self.bytes += versions.values().map(|id| content::bytes(*id).len() as u64).sum::<u64>();
        }
    }

    /// Reads a drive.
    pub fn of(drive: &Drive) -> Result<View> {
        let info = drive.info()?;
        let mut view = View { files: info.files, bytes: info.bytes, ..View::default() };
        let mut found = Vec::new();
        drive.walk("", |path, row| {
            found.push((path.to_owned(), row.kind));
            Ok(true)
        })?;
        for (path, kind) in found {
            let seen = match kind {
                Kind::File => file(drive, &path)?,
                _ => Seen::Folder,
            };
            view.tree.insert(path, seen);
        }
        for row in drive.list_trash(None, 1000)? {
            let current = drive.store().file(row.file)?.current;
            let hash = current.map(|version| read(drive, version.id)).transpose()?;
            view.trash.insert(row.path, hash);
        }
        Ok(view)
    }

    /// Whether this is `before`, and a part of the copy at `to` that `after` has whole.
    pub fn is_partial_copy(&self, before: &View, after: &View, to: &str) -> bool {
        let below = format!("{to}/");
        let copied =
            |path: &String| path == to || path.starts_with(&below) || to.starts_with(&format!("{path}/"));
        self.trash == before.trash
            && self.tree.iter().all(|(path, seen)| {
                before.tree.get(path) == Some(seen)
                    || (copied(path) && after.tree.get(path).is_some_and(|whole| is_part(seen, whole)))
            })
            && before.tree.keys().all(|path| self.tree.contains_key(path))
    }

    /// Says how this differs from what was expected.
    pub fn differs(&self, expected: &View) -> String {
        let mut said = Vec::new();
        for path in self.tree.keys().chain(expected.tree.keys()) {
            let (ours, theirs) = (self.tree.get(path), expected.tree.get(path));
            if ours != theirs {
                said.push(format!("{path}: found {}, expected {}", shown(ours), shown(theirs)));
            }
        }
        for path in self.trash.keys().chain(expected.trash.keys()) {
            if self.trash.get(path) != expected.trash.get(path) {
                said.push(format!("the trash differs at {path}"));
            }
        }
        if (self.files, self.bytes) != (expected.files, expected.bytes) {
            said.push(format!(
                "{} files and {} bytes are counted, expected {} and {}",
                self.files, self.bytes, expected.files, expected.bytes
            ));
        }
        said.dedup();
        said.join("; ")
    }
}

fn is_part(seen: &Seen, whole: &Seen) -> bool {
    match (seen, whole) {
        (Seen::File { current, versions }, Seen::File { current: other, versions: all }) => {
            current == other && versions.iter().all(|(number, hash)| all.get(number) == Some(hash))
        }
        _ => seen == whole,
    }
}

fn shown(seen: Option<&Seen>) -> String {
    match seen {
        None => "nothing".to_owned(),
        Some(Seen::Folder) => "a folder".to_owned(),
        Some(Seen::File { current, versions }) => {
            let each =
                versions.iter().map(|(number, hash)| format!("{number}={:02x}{:02x}", hash[0], hash[1]));
            format!("a file at {current} of [{}]", each.collect::<Vec<_>>().join(" "))
        }
    }
}

fn file(drive: &Drive, path: &str) -> Result<Seen> {
    let (mut versions, mut current) = (BTreeMap::new(), 0);
    for version in drive.versions(path, None, 1000)? {
        let hash = read(drive, version.id)?;
        if hash != version.blake3 {
            return Err(holdall::Error::new(
                holdall::ErrorKind::Corrupt,
                format!("{path} has other bytes than its version says"),
            ));
        }
        versions.insert(version.id.number(), hash);
        if version.current {
            current = version.id.number();
        }
    }
    Ok(Seen::File { current, versions })
}

fn read(drive: &Drive, version: holdall::VersionId) -> Result<Hash> {
    let body = drive.store().open_version(version)?;
    Ok(blake3::hash(&body.to_vec(1 << 30)?).into())
}
