//! The disk: inodes with a durable and a live content, and names with a durable and a live state.

use std::collections::BTreeMap;
use std::io;

use super::super::{DirEntry, Open, path};
use super::lock::Locks;
use super::rng::Rng;

/// Number of an inode, file or directory.
pub(super) type Node = u64;

/// The store's own directory.
pub(super) const ROOT: Node = 0;

/// Longest file that is simulated, in bytes: beyond it lies a mistake of the caller.
const LONGEST: u64 = 1 << 30;

/// A change to a file that no sync has made durable.
#[derive(Clone, Debug)]
pub(super) enum Mutation {
    /// Bytes from an offset; the file grows as needed.
    Write(u64, Vec<u8>),
    /// A new length.
    SetLen(u64),
}

impl Mutation {
    /// Does the change to some content.
    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Mutation::Write(offset, bytes) => {
                let start = usize::try_from(*offset).unwrap_or(usize::MAX);
                let end = start.saturating_add(bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(range) = content.get_mut(start..end) {
                    range.copy_from_slice(bytes);
                }
            }
            Mutation::SetLen(len) => content.resize(usize::try_from(*len).unwrap_or(usize::MAX), 0),
        }
    }
}

/// A file: what reads see, what the platter holds, and the way from one to the other.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) live: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// Changes since the last sync, each with its place in the order of the whole disk.
    pub(super) dirty: Vec<(u64, Mutation)>,
    /// Microseconds since 1970 UTC, of the simulated clock.
    pub(super) modified: i64,
    /// The locks of the whole file.
    pub(super) whole: Locks,
    /// Those of ranges, which the others know nothing of.
    pub(super) ranges: Locks,
}

impl File {
    /// Returns a file as a machine finds it that has just started.
    pub(super) fn synced(content: Vec<u8>, modified: i64) -> File {
        File { live: content.clone(), durable: content, modified, ..File::default() }
    }

    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.live.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn read(&self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        self.live.get(start..start.saturating_add(len)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Makes every unsynced change durable.
    pub(super) fn sync(&mut self) {
        for (_, change) in self.dirty.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// Forgets what is unsynced, as a failed sync does: of each write the platter has it or not,
    /// and no later sync will bring it. The length stays to be synced, as it does on Linux.
    pub(super) fn drop_dirty(&mut self, seq: u64, rng: &mut Rng) {
        for (_, change) in std::mem::take(&mut self.dirty) {
            if matches!(change, Mutation::Write(..)) && rng.coin() {
                change.apply(&mut self.durable);
            }
        }
        if self.durable.len() != self.live.len() {
            self.dirty.push((seq, Mutation::SetLen(self.len())));
        }
    }
}

/// A directory: its names as seen, and as a restart would find them.
#[derive(Clone, Debug, Default)]
pub(super) struct Dir {
    pub(super) live: BTreeMap<String, Node>,
    pub(super) durable: BTreeMap<String, Node>,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) dir: Node,
    pub(super) name: String,
}

/// A change to names that no sync of their directory has made durable.
#[derive(Clone, Debug)]
pub(super) enum Renaming {
    /// A name was given to a node.
    Link(Name, Node),
    /// A name was taken from a node.
    Unlink(Name, Node),
    /// A node's name was replaced by another, which may be in another directory.
    Move(Name, Name, Node),
}

/// Everything on one disk.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub(super) files: BTreeMap<Node, File>,
    pub(super) dirs: BTreeMap<Node, Dir>,
    /// Unsynced changes of names, in their order, each with its place in the order of the disk.
    pub(super) names: Vec<(u64, Renaming)>,
    next_node: Node,
    seq: u64,
    pub(super) clock: i64,
}

impl Disk {
    pub(super) fn new() -> Disk {
        Disk {
            files: BTreeMap::new(),
            dirs: BTreeMap::from([(ROOT, Dir::default())]),
            names: Vec::new(),
            next_node: ROOT + 1,
            seq: 0,
            clock: 1_700_000_000_000_000,
        }
    }

    /// Returns a disk without content, whose nodes will be numbered on from this one's.
    pub(super) fn blank(&self) -> Disk {
        Disk { next_node: self.next_node, clock: self.clock, ..Disk::new() }
    }

    fn tick(&mut self) -> u64 {
        self.clock = self.clock.saturating_add(1);
        self.seq += 1;
        self.seq
    }

    fn dir(&self, path: &str) -> io::Result<Node> {
        let mut at = ROOT;
        for part in path::parts(path)? {
            at = *self.names_of(at)?.live.get(part).ok_or(io::ErrorKind::NotFound)?;
        }
        self.names_of(at)?;
        Ok(at)
    }

    fn names_of(&self, dir: Node) -> io::Result<&Dir> {
        self.dirs.get(&dir).ok_or_else(|| io::ErrorKind::NotADirectory.into())
    }

    fn name(&self, path: &str) -> io::Result<Name> {
        let (dir, name) = path::split(path)?;
        Ok(Name { dir: self.dir(dir)?, name: name.to_owned() })
    }

    /// Returns the file that a path names.
    pub(super) fn find(&self, path: &str) -> io::Result<Node> {
        self.found(&self.name(path)?)
    }

    fn found(&self, at: &Name) -> io::Result<Node> {
        let node = *self.names_of(at.dir)?.live.get(&at.name).ok_or(io::ErrorKind::NotFound)?;
        if self.dirs.contains_key(&node) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(node)
    }

    pub(super) fn file(&mut self, node: Node) -> io::Result<&mut File> {
        self.files.get_mut(&node).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Changes a file and notes what is to be synced.
    pub(super) fn change(&mut self, node: Node, change: Mutation) -> io::Result<()> {
        let end = match &change {
            Mutation::Write(offset, bytes) => {
                offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Mutation::SetLen(len) => *len,
        };
        if end > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let (seq, clock) = (self.tick(), self.clock);
        let file = self.file(node)?;
        change.apply(&mut file.live);
        file.modified = clock;
        file.dirty.push((seq, change));
        Ok(())
    }

    /// Makes a failed sync of a file drop what it should have written.
    pub(super) fn drop_dirty(&mut self, node: Node, rng: &mut Rng) -> io::Result<()> {
        let seq = self.tick();
        self.file(node)?.drop_dirty(seq, rng);
        Ok(())
    }

    pub(super) fn open(&mut self, path: &str, how: Open) -> io::Result<Node> {
        let at = self.name(path)?;
        match self.found(&at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) if how == Open::CreateNew => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) => return Err(error),
            Ok(_) if how == Open::CreateNew => return Err(io::ErrorKind::AlreadyExists.into()),
            Ok(node) => return Ok(node),
        }
        if matches!(how, Open::Read | Open::Write) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let node = self.link(at);
        self.files.insert(node, File { modified: self.clock, ..File::default() });
        Ok(node)
    }

    fn link(&mut self, at: Name) -> Node {
        let node = self.next_node;
        self.next_node += 1;
        if let Some(dir) = self.dirs.get_mut(&at.dir) {
            dir.live.insert(at.name.clone(), node);
        }
        let seq = self.tick();
        self.names.push((seq, Renaming::Link(at, node)));
        node
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.name(from)?, self.name(to)?);
        let node = self.found(&from)?;
        match self.found(&to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(same) if same == node => return Ok(()),
            _ => {}
        }
        if let Some(dir) = self.dirs.get_mut(&from.dir) {
            dir.live.remove(&from.name);
        }
        if let Some(dir) = self.dirs.get_mut(&to.dir) {
            dir.live.insert(to.name.clone(), node);
        }
        let seq = self.tick();
        self.names.push((seq, Renaming::Move(from, to, node)));
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        let at = self.name(path)?;
        let node = self.found(&at)?;
        if let Some(dir) = self.dirs.get_mut(&at.dir) {
            dir.live.remove(&at.name);
        }
        let seq = self.tick();
        self.names.push((seq, Renaming::Unlink(at, node)));
        Ok(())
    }

    pub(super) fn make_dir(&mut self, path: &str) -> io::Result<()> {
        let mut at = ROOT;
        for part in path::parts(path)? {
            at = match self.names_of(at)?.live.get(part) {
                Some(&node) => node,
                None => {
                    let node = self.link(Name { dir: at, name: part.to_owned() });
                    self.dirs.insert(node, Dir::default());
                    node
                }
            };
        }
        self.names_of(at)?;
        Ok(())
    }

    pub(super) fn list(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        let names = &self.names_of(self.dir(path)?)?.live;
        let entry = |(name, node): (&String, &Node)| {
            let file = self.files.get(node)?;
            Some(DirEntry { name: name.clone(), len: file.len(), modified: file.modified })
        };
        Ok(names.iter().filter_map(entry).collect())
    }

    /// Makes the names of a directory durable.
    ///
    /// A move between directories is settled by the sync of the one that it leads to; the old name
    /// may then come back until its own directory is synced. The sync of the old one alone settles
    /// nothing, so that no order of syncs loses a node that had a durable name.
    pub(super) fn sync_dir(&mut self, path: &str) -> io::Result<()> {
        let dir = self.dir(path)?;
        let mut rest: Vec<(u64, Renaming)> = Vec::new();
        for (seq, change) in std::mem::take(&mut self.names) {
            match change {
                Renaming::Link(at, node) if at.dir == dir => {
                    self.settle_moves_from(&at, &mut rest);
                    self.set_durable(at, node);
                }
                Renaming::Unlink(at, node) if at.dir == dir => self.clear_durable(&at, node),
                Renaming::Move(from, to, node) if to.dir == dir => {
                    self.settle_moves_from(&to, &mut rest);
                    if from.dir == dir {
                        self.clear_durable(&from, node);
                    } else {
                        rest.push((seq, Renaming::Unlink(from, node)));
                    }
                    self.set_durable(to, node);
                }
                other => rest.push((seq, other)),
            }
        }
        self.names = rest;
        Ok(())
    }

    /// Settles the moves that took away what had the name `at`, before it is written over.
    fn settle_moves_from(&mut self, at: &Name, rest: &mut Vec<(u64, Renaming)>) {
        let mut kept = Vec::new();
        for (seq, change) in std::mem::take(rest) {
            match change {
                Renaming::Move(from, to, node) if from == *at => self.set_durable(to, node),
                other => kept.push((seq, other)),
            }
        }
        *rest = kept;
    }

    /// Makes a name durable.
    pub(super) fn set_durable(&mut self, at: Name, node: Node) {
        if let Some(dir) = self.dirs.get_mut(&at.dir) {
            dir.durable.insert(at.name, node);
        }
    }

    /// Makes the loss of a name durable, unless it is another node's by now.
    pub(super) fn clear_durable(&mut self, at: &Name, node: Node) {
        if let Some(dir) = self.dirs.get_mut(&at.dir)
            && dir.durable.get(&at.name) == Some(&node)
        {
            dir.durable.remove(&at.name);
        }
    }
}
