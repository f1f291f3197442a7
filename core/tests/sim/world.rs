//! What a drive holds, as the promises have it: a naive tree, and what each call does to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::content::{self, Hash};

/// About what the rows of a file, folder or version take.
const ROWS: usize = 300;

/// Numbers the calls of a run.
pub type Call = u32;

/// A file of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// The call that made it.
    pub birth: Call,
    /// Its id, once somebody was told.
    pub id: Option<u64>,
    pub current: u32,
    pub next: u32,
    /// It is older than the timeline, and so its next version has a number that this one gives.
    pub old: bool,
    /// Contents by the number of their version.
    pub versions: BTreeMap<u32, u64>,
    /// A copy that may not be whole: older versions may be missing.
    pub loose: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// Loose: it may be missing, as part of a copy that was cut off.
    Folder {
        loose: bool,
    },
    File(File),
}

pub type Tree = BTreeMap<String, Node>;

/// What lies in the trash: the call that put it there, the path it had, and what is in it by the path below.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trashed {
    pub call: Call,
    pub path: String,
    pub tree: Tree,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct World {
    pub tree: Tree,
    pub trash: Vec<Trashed>,
    /// The least number of a new version of an older file.
    pub floor: u32,
}

/// A file that is there from the beginning on and that only the run itself puts: what number its next
/// version gets tells where a timeline begins.
pub const PROBE: &str = "probe";

/// A call that changes what is seen, or sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    Put(Vec<(String, u64)>),
    Rename(String, String),
    Copy {
        from: String,
        to: String,
        all: bool,
    },
    Trash(String),
    Restore {
        call: Call,
        to: String,
    },
    Delete(String),
    SetCurrent(u64, u32),
    RemoveVersion(u64, u32),
    Look(String),
    /// Freezes what is at a path in an archive.
    Freeze(String),
    /// Copies the store to another disk.
    Backup,
}

/// What a call may say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    Done,
    /// The numbers of the versions that were put.
    Numbers(Vec<u32>),
    /// What is at a path; None for nothing.
    Node(Option<Node>),
    /// The names of an archive, and their contents.
    Members(BTreeMap<String, Hash>),
    /// The state that was copied.
    World(Box<World>),
    Refused,
}

impl World {
    /// Returns a drive that holds the probe alone.
    pub fn new(probe: u64, content: u64) -> World {
        let mut world = World::default();
        world.put(0, PROBE, content);
        if let Some(Node::File(file)) = world.tree.get_mut(PROBE) {
            file.id = Some(probe);
        }
        world
    }

    /// Takes in that a version of the probe was put, with which a timeline may have begun.
    pub fn probe(&mut self, call: Call, number: u32, content: u64) {
        if self.begins_timeline(number) {
            self.floor = number;
            let trash = self.trash.iter_mut().flat_map(|trashed| trashed.tree.values_mut());
            for node in self.tree.values_mut().chain(trash) {
                if let Node::File(file) = node {
                    file.old = true;
                }
            }
        }
        self.put(call, PROBE, content);
    }

    /// Whether the number of the probe's next version says that a timeline begins.
    pub fn begins_timeline(&self, number: u32) -> bool {
        !matches!(self.tree.get(PROBE), Some(Node::File(file)) if file.number(self.floor) == number)
    }

    /// Returns the highest number that a version has or had.
    pub fn highest(&self) -> u32 {
        let trash = self.trash.iter().flat_map(|trashed| trashed.tree.values());
        let next = |node: &Node| if let Node::File(file) = node { file.next - 1 } else { 0 };
        self.tree.values().chain(trash).map(next).fold(self.floor, u32::max)
    }

    /// Does a call; returns each way that it may go.
    pub fn apply(&self, call: Call, verb: &Verb) -> Vec<(World, Said)> {
        let mut after = self.clone();
        let said = match verb {
            Verb::Put(items) => {
                let put = |(path, content): &(String, u64)| after.put(call, path, *content);
                Said::Numbers(items.iter().map(put).collect())
            }
            Verb::Rename(from, to) => after.rename(from, to),
            Verb::Copy { from, to, all } => after.copy(call, from, to, *all),
            Verb::Trash(path) => match after.take(path) {
                tree if tree.is_empty() => Said::Refused,
                tree => {
                    after.trash.push(Trashed { call, path: path.clone(), tree });
                    Said::Done
                }
            },
            Verb::Restore { call, to } => after.restore(*call, to),
            Verb::Delete(path) => match after.take(path).is_empty() {
                true => Said::Refused,
                false => Said::Done,
            },
            Verb::SetCurrent(..) | Verb::RemoveVersion(..) => return after.edit(verb),
            Verb::Look(path) => match self.tree.get(path) {
                None => Said::Node(None),
                Some(node) => Said::Node(Some(node.clone())),
            },
            Verb::Freeze(path) => self.members(path),
            Verb::Backup => Said::World(Box::new(self.clone())),
        };
        match said {
            Said::Refused => vec![(self.clone(), Said::Refused)],
            said => vec![(after, said)],
        }
    }

    fn make_parents(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            self.tree.entry(path[..at].to_owned()).or_insert(Node::Folder { loose: false });
        }
    }

    fn put(&mut self, birth: Call, path: &str, content: u64) -> u32 {
        self.make_parents(path);
        let empty = File { birth, next: 1, ..File::default() };
        match self.tree.entry(path.to_owned()).or_insert(Node::File(empty)) {
            Node::Folder { .. } => unreachable!("names tell files from folders"),
            Node::File(file) => {
                file.current = file.number(self.floor);
                file.versions.insert(file.current, content);
                file.next = file.current + 1;
                file.current
            }
        }
    }

    /// Takes what is at a path and below out, by paths below it.
    fn take(&mut self, path: &str) -> Tree {
        let below = format!("{path}/");
        let (taken, kept): (Tree, Tree) = std::mem::take(&mut self.tree)
            .into_iter()
            .partition(|(at, _)| at == path || at.starts_with(&below));
        self.tree = kept;
        taken.into_iter().map(|(at, node)| (at[path.len()..].to_owned(), node)).collect()
    }

    fn graft(&mut self, path: &str, tree: Tree) {
        self.make_parents(path);
        self.tree.extend(tree.into_iter().map(|(below, node)| (format!("{path}{below}"), node)));
    }

    fn is_refused(&self, from: &str, to: &str, replaces: bool) -> bool {
        let taken = match self.tree.get(to) {
            None => false,
            Some(Node::Folder { .. }) => true,
            Some(Node::File(_)) => !replaces,
        };
        !self.tree.contains_key(from) || taken || from == to || to.starts_with(&format!("{from}/"))
    }

    fn rename(&mut self, from: &str, to: &str) -> Said {
        if from == to && self.tree.contains_key(from) {
            return Said::Done;
        }
        if self.is_refused(from, to, true) {
            return Said::Refused;
        }
        let tree = self.take(from);
        self.take(to);
        self.graft(to, tree);
        Said::Done
    }

    fn copy(&mut self, birth: Call, from: &str, to: &str, all: bool) -> Said {
        if self.is_refused(from, to, false) {
            return Said::Refused;
        }
        let tree = self.clone().take(from);
        let copy = |node| match node {
            Node::Folder { .. } => Node::Folder { loose: true },
            Node::File(file) if all => Node::File(File { birth, id: None, loose: true, old: false, ..file }),
            Node::File(file) => {
                let content = file.versions[&file.current];
                let (versions, loose) = ([(1, content)].into(), tree.len() > 1);
                Node::File(File { birth, current: 1, next: 2, versions, loose, ..File::default() })
            }
        };
        let copied = tree.clone().into_iter().map(|(at, node)| (at, copy(node))).collect();
        self.graft(to, copied);
        Said::Done
    }

    fn restore(&mut self, call: Call, to: &str) -> Said {
        let Some(at) = self.trash.iter().position(|trashed| trashed.call == call) else {
            return Said::Refused;
        };
        if self.tree.contains_key(to) {
            return Said::Refused;
        }
        let trashed = self.trash.remove(at);
        self.graft(to, trashed.tree);
        Said::Done
    }

    /// Finds the file of an id, in the tree or, with `true`, in the trash.
    fn find<'w>(&'w mut self, id: u64) -> Option<(&'w mut File, bool)> {
        let trash = self.trash.iter_mut().flat_map(|trashed| trashed.tree.values_mut());
        let nodes = self.tree.values_mut().map(|node| (node, false)).chain(trash.map(|node| (node, true)));
        let file = |(node, trashed): (&'w mut Node, bool)| match node {
            Node::File(file) if file.id == Some(id) => Some((file, trashed)),
            _ => None,
        };
        nodes.filter_map(file).next()
    }

    fn edit(mut self, verb: &Verb) -> Vec<(World, Said)> {
        let before = self.clone();
        let (Verb::SetCurrent(id, number) | Verb::RemoveVersion(id, number)) = verb else {
            return Vec::new();
        };
        let Some((file, trashed)) = self.find(*id) else { return vec![(before, Said::Refused)] };
        let is_current = file.current == *number;
        match verb {
            Verb::SetCurrent(..) if file.versions.contains_key(number) => file.current = *number,
            Verb::RemoveVersion(..) if !is_current && file.versions.remove(number).is_some() => {}
            _ => return vec![(before, Said::Refused)],
        }
        let mut ways = vec![(self, Said::Done)];
        if trashed {
            ways.push((before, Said::Refused));
        }
        ways
    }

    fn members(&self, path: &str) -> Said {
        let tree = self.clone().take(path);
        if tree.is_empty() {
            return Said::Refused;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let member = |(below, node): (&String, &Node)| match node {
            Node::File(file) => Some((format!("{name}{below}"), content::hash(file.versions[&file.current]))),
            Node::Folder { .. } => None,
        };
        Said::Members(tree.iter().filter_map(member).collect())
    }

    /// Counts the files, those in the trash too, and the bytes of all their versions.
    pub fn counts(&self) -> (u64, u64) {
        let trash = self.trash.iter().flat_map(|trashed| trashed.tree.values());
        let files = self.tree.values().chain(trash).filter(|node| matches!(node, Node::File(_))).count();
        let bytes = self.contents().map(|content| content::bytes(content).len() as u64).sum();
        (files as u64, bytes)
    }

    /// Returns the bytes that live in the log: contents without a file of their own, once each, and rows.
    pub fn live(&self) -> u64 {
        let contents: BTreeSet<Hash> = self.contents().map(content::hash).collect();
        let len = |hash: &Hash| content::bytes(content::number(hash)).len();
        let in_log = contents.iter().map(len).filter(|len| *len < content::THRESHOLD);
        let nodes = self.tree.len() + self.trash.iter().map(|trashed| trashed.tree.len()).sum::<usize>();
        (in_log.sum::<usize>() + ROWS * (nodes + self.contents().count())) as u64
    }

    /// Returns the hashes of contents that are stored alone.
    #[cfg(feature = "remote")]
    pub fn large(&self) -> impl Iterator<Item = Hash> + '_ {
        self.contents()
            .filter(|content| content::bytes(*content).len() >= content::THRESHOLD)
            .map(content::hash)
    }

    /// Whether some of it may not be there.
    pub fn is_loose(&self) -> bool {
        let trash = self.trash.iter().flat_map(|trashed| trashed.tree.values());
        self.tree
            .values()
            .chain(trash)
            .any(|node| matches!(node, Node::Folder { loose: true } | Node::File(File { loose: true, .. })))
    }

    /// Returns the contents of all versions.
    fn contents(&self) -> impl Iterator<Item = u64> + '_ {
        let trash = self.trash.iter().flat_map(|trashed| trashed.tree.values());
        self.tree.values().chain(trash).flat_map(|node| match node {
            Node::File(file) => file.versions.values().copied().collect(),
            Node::Folder { .. } => Vec::new(),
        })
    }
}

impl File {
    /// Returns the number that the next version gets.
    fn number(&self, floor: u32) -> u32 {
        if self.old { self.next.max(floor) } else { self.next }
    }

    /// Whether this is what a reader saw.
    pub fn is_seen_as(&self, seen: &File) -> bool {
        let fits = |(number, content): (&u32, &u64)| self.versions.get(number) == Some(content);
        self.current == seen.current
            && (self.id.is_none() || self.id == seen.id)
            && seen.versions.iter().all(fits)
            && (self.loose || self.versions.len() == seen.versions.len())
    }
}
