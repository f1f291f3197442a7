//! Which states a store may be in, after calls that overlapped and calls whose outcome nobody knows.
//!
//! Each call takes effect at one point between its begin and its end. All orders that fit what was
//! said so far are followed; where none is left, something was seen that may not be.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{Call, File, Node, Said, Tree, Verb, World};

/// More states than these are not followed.
const MOST: usize = 3000;

/// One way that it may have gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    world: World,
    /// What calls that are under way have said to themselves.
    said: BTreeMap<Call, Said>,
    /// The state that lies on the disk of the backup, if that is a store.
    backup: Option<Box<World>>,
}

/// All ways that it may have gone.
#[derive(Clone, Debug)]
pub struct History {
    ways: BTreeSet<Way>,
    pending: BTreeMap<Call, Verb>,
    /// There were too many to follow.
    pub wide: bool,
}

/// A drive as it is read at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub tree: Tree,
    /// The path it had, and the content of what was a file.
    pub trash: Vec<(String, Option<u64>)>,
    pub files: u64,
    pub bytes: u64,
}

impl History {
    /// Begins with a drive as it is.
    pub fn new(world: World) -> History {
        let way = Way { world, ..Way::default() };
        History { ways: [way].into(), pending: BTreeMap::new(), wide: false }
    }

    /// Takes in that the probe was put, with which a timeline may have begun.
    pub fn probe(&mut self, call: Call, number: u32, content: u64) {
        self.edit(|way| way.world.probe(call, number, content));
    }

    fn edit(&mut self, edit: impl Fn(&mut Way)) {
        let edited = |mut way: Way| {
            edit(&mut way);
            way
        };
        self.ways = std::mem::take(&mut self.ways).into_iter().map(edited).collect();
    }

    pub fn begin(&mut self, call: Call, verb: Verb) {
        self.pending.insert(call, verb);
    }

    /// Ends a call with what it said; false when that cannot be.
    pub fn end(&mut self, call: Call, fits: impl Fn(&Said) -> bool, learn: impl Fn(&mut World)) -> bool {
        let mut left = self.reach(call, &fits);
        if self.pending.get(&call) == Some(&Verb::Backup) {
            left = left.into_iter().map(|(way, said)| (with_backup(way, &said), said)).collect();
        }
        self.pending.remove(&call);
        self.ways = left
            .into_iter()
            .map(|(mut way, _)| {
                learn(&mut way.world);
                way
            })
            .collect();
        self.wide |= self.ways.len() > MOST;
        !self.ways.is_empty()
    }

    /// Ends a call that may have taken effect or not.
    pub fn lose(&mut self, call: Call) {
        let is_backup = self.pending.get(&call) == Some(&Verb::Backup);
        let reached = self.reach(call, &|_| true).into_iter();
        let mut ways: BTreeSet<Way> =
            reached.map(|(way, said)| if is_backup { with_backup(way, &said) } else { way }).collect();
        ways.extend(self.ways.iter().filter(|way| !way.said.contains_key(&call)).cloned());
        self.pending.remove(&call);
        self.ways = ways;
        self.wide |= self.ways.len() > MOST;
    }

    /// Ends a call that has not taken effect.
    pub fn cancel(&mut self, call: Call) -> bool {
        self.ways.retain(|way| !way.said.contains_key(&call));
        self.pending.remove(&call);
        !self.ways.is_empty()
    }

    /// Returns every way in which a call has taken effect and said what fits.
    fn reach(&self, call: Call, fits: &dyn Fn(&Said) -> bool) -> BTreeSet<(Way, Said)> {
        let (mut found, mut seen) = (BTreeSet::new(), self.ways.clone());
        let mut queue: Vec<Way> = self.ways.iter().cloned().collect();
        while let Some(mut way) = queue.pop() {
            if let Some(said) = way.said.remove(&call) {
                if fits(&said) {
                    found.insert((way, said));
                }
                continue;
            }
            for (other, verb) in &self.pending {
                if way.said.contains_key(other) {
                    continue;
                }
                for (world, said) in way.world.apply(*other, verb) {
                    if *other == call && !fits(&said) {
                        continue;
                    }
                    let mut next = Way { world, ..way.clone() };
                    next.said.insert(*other, said);
                    if seen.len() < 4 * MOST && seen.insert(next.clone()) {
                        queue.push(next);
                    }
                }
            }
        }
        found
    }

    /// Returns every way, calls that are undecided having taken effect or not.
    fn all(&self) -> BTreeSet<Way> {
        let (mut seen, mut queue) = (self.ways.clone(), Vec::from_iter(self.ways.clone()));
        while let Some(way) = queue.pop() {
            for (call, verb) in self.pending.iter().filter(|(call, _)| !way.said.contains_key(*call)) {
                for (world, said) in way.world.apply(*call, verb) {
                    let mut next = Way { world, ..way.clone() };
                    next.said.insert(*call, said);
                    if seen.len() < 4 * MOST && seen.insert(next.clone()) {
                        queue.push(next);
                    }
                }
            }
        }
        seen
    }

    /// Holds what was read at rest to what may be, and keeps what fits; says why if nothing does.
    pub fn settle(&mut self, view: &View) -> Result<(), String> {
        let fits = |way: &Way| is_seen_as(&way.world, view);
        let left: BTreeSet<Way> = self.all().into_iter().filter(fits).collect();
        if left.is_empty() {
            let near = self.ways.iter().map(|way| differs(&way.world, view)).min_by_key(String::len);
            return Err(near.unwrap_or_default());
        }
        // What was read is what there is; what was learnt of it stays.
        self.ways = left;
        self.edit(|way| way.world.tree = adopt(&way.world.tree, view));
        Ok(())
    }

    /// Holds what is counted to what there is, and keeps the ways that fit.
    pub fn count(&mut self, files: u64, bytes: u64) -> Result<(), String> {
        let fits = |way: &Way| way.world.is_loose() || way.world.counts() == (files, bytes);
        if !self.ways.iter().any(fits) {
            let there = self.guess().counts();
            return Err(format!("{files} files and {bytes} bytes are counted, and {there:?} are there"));
        }
        self.ways.retain(fits);
        Ok(())
    }

    /// Holds what was read in a copy to what may have been copied.
    pub fn settle_backup(&mut self, view: &View) -> Result<(), String> {
        let fits = |way: &&Way| way.backup.as_ref().is_some_and(|world| is_seen_as(world, view));
        let left: BTreeSet<Way> = self.ways.iter().filter(fits).cloned().collect();
        if left.is_empty() {
            let backups = self.ways.iter().filter_map(|way| way.backup.as_ref());
            let near = backups.map(|world| differs(world, view)).min_by_key(String::len);
            return Err(near.unwrap_or_else(|| "there is none".to_owned()));
        }
        self.ways = left;
        Ok(())
    }

    /// Sets the store to what lies on the disk of the backup.
    pub fn restore(&mut self) {
        self.pending.clear();
        self.ways = std::mem::take(&mut self.ways)
            .into_iter()
            .filter_map(|way| {
                let world = *way.backup.clone()?;
                Some(Way { world, said: BTreeMap::new(), backup: way.backup })
            })
            .collect();
    }

    /// Puts the probe and something else into the copy.
    pub fn put_in_backup(&mut self, calls: [Call; 2], probe: (u32, u64), path: &str, content: u64) {
        let verb = Verb::Put(vec![(path.to_owned(), content)]);
        self.edit(|way| {
            let probed = way.backup.take().map(|mut world| {
                world.probe(calls[0], probe.0, probe.1);
                world
            });
            let put = probed.and_then(|world| world.apply(calls[1], &verb).pop());
            way.backup = put.map(|(world, _)| Box::new(world));
        });
    }

    /// Forgets what lies on the disk of the backup.
    pub fn forget_backup(&mut self) {
        self.edit(|way| way.backup = None);
    }

    /// Returns a state that may be, for the next call to be thrown for.
    pub fn guess(&self) -> &World {
        static NONE: World = World { tree: BTreeMap::new(), trash: Vec::new(), floor: 0 };
        self.ways.first().map_or(&NONE, |way| &way.world)
    }

    /// Whether a content may be the current one of a path, whichever way it went.
    pub fn may_be_at(&self, path: &str, content: u64) -> bool {
        let is_at = |way: &Way| match way.world.tree.get(path) {
            Some(Node::File(file)) => file.versions.get(&file.current) == Some(&content),
            _ => false,
        };
        self.all().iter().any(is_at)
    }

    /// Whether there is a file of this id with this version, whichever way it went.
    pub fn surely_has(&self, id: u64, number: u32) -> bool {
        self.ways.iter().all(|way| {
            way.world.tree.values().any(|node| match node {
                Node::File(file) => file.id == Some(id) && file.versions.contains_key(&number),
                Node::Folder { .. } => false,
            })
        })
    }
}

fn with_backup(mut way: Way, said: &Said) -> Way {
    if let Said::World(world) = said {
        way.backup = Some(world.clone());
    }
    way
}

fn is_loose(node: &Node) -> bool {
    matches!(node, Node::Folder { loose: true } | Node::File(File { loose: true, .. }))
}

fn fits(node: Option<&Node>, seen: Option<&Node>) -> bool {
    match (node, seen) {
        (Some(Node::File(file)), Some(Node::File(seen))) => file.is_seen_as(seen),
        (Some(Node::Folder { .. }), Some(Node::Folder { .. })) | (None, None) => true,
        (Some(node), None) => is_loose(node),
        _ => false,
    }
}

fn is_seen_as(world: &World, view: &View) -> bool {
    let paths: BTreeSet<&String> = world.tree.keys().chain(view.tree.keys()).collect();
    paths.into_iter().all(|path| fits(world.tree.get(path), view.tree.get(path)))
        && trash_of(world) == view.trash
}

fn trash_of(world: &World) -> Vec<(String, Option<u64>)> {
    let mut trash: Vec<_> = world
        .trash
        .iter()
        .map(|trashed| {
            let current = match trashed.tree.get("") {
                Some(Node::File(file)) => file.versions.get(&file.current).copied(),
                _ => None,
            };
            (trashed.path.clone(), current)
        })
        .collect();
    trash.sort();
    trash
}

fn adopt(tree: &Tree, view: &View) -> Tree {
    let known = |(path, seen): (&String, &Node)| {
        let node = match (tree.get(path), seen) {
            (Some(Node::File(file)), Node::File(seen)) => Node::File(File {
                id: seen.id,
                versions: seen.versions.clone(),
                loose: false,
                ..file.clone()
            }),
            _ => Node::Folder { loose: false },
        };
        (path.clone(), node)
    };
    view.tree.iter().map(known).collect()
}

fn shown(node: Option<&Node>) -> String {
    match node {
        None => "nothing".to_owned(),
        Some(Node::Folder { .. }) => "a folder".to_owned(),
        Some(Node::File(file)) => {
            format!("file {:x?} at {} of {:?}", file.id, file.current, file.versions)
        }
    }
}

fn differs(world: &World, view: &View) -> String {
    let paths: BTreeSet<&String> = world.tree.keys().chain(view.tree.keys()).collect();
    let mut said: Vec<String> = paths
        .into_iter()
        .filter(|path| !fits(world.tree.get(*path), view.tree.get(*path)))
        .map(|path| {
            let (seen, expected) = (view.tree.get(path), world.tree.get(path));
            format!("{path}: found {}, expected {}", shown(seen), shown(expected))
        })
        .collect();
    let trash = trash_of(world);
    if trash != view.trash {
        said.push(format!("the trash holds {:?}, expected {trash:?}", view.trash));
    }
    said.join("; ")
}
