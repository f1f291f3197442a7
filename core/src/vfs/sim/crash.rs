//! Power loss: which of the unsynced changes the platter has, and which it has in part.

use super::disk::{Dir, Disk, File, Mutation, Node, ROOT, Renaming};
use super::rng::Rng;

/// Bytes that a disk writes whole or not at all.
const SECTOR: u64 = 512;

/// What power loss does to the changes that nothing has synced. What was synced stays, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Each change is kept or lost by itself, in any order; some writes by the 512-byte sector; a
    /// file's length is any it had, whatever became of its bytes. A rename may show both names.
    RandomSubset,
    /// As [`Policy::RandomSubset`], but writes are cut at any byte, keeping the front or the back.
    ByteTear,
    /// An ordered disk: all changes up to some point, and the next one cut at any byte.
    Prefix,
    /// Everything but the last change of each file; its length may be there without its bytes.
    LastLost,
    /// Of each write the first 512 bytes, perhaps with one whole write among them.
    HeaderOnly,
    /// Every change is kept, as if the power had gone after a full sync.
    KeepAll,
    /// Every change is lost.
    LoseAll,
}

impl Policy {
    /// Every policy, for tests that try each.
    pub const ALL: [Policy; 7] = [
        Policy::RandomSubset,
        Policy::ByteTear,
        Policy::Prefix,
        Policy::LastLost,
        Policy::HeaderOnly,
        Policy::KeepAll,
        Policy::LoseAll,
    ];
}

/// What became of an unsynced change of names.
enum Fate {
    Lost,
    Kept,
    /// Of a rename, the new name came and the old one stayed.
    Both,
}

/// One power loss: a policy, its chance, and where an ordered disk stopped.
struct Loss<'a> {
    policy: Policy,
    rng: &'a mut Rng,
    /// The change that the power went in, by its place in the order of the disk.
    stop: u64,
}

impl Disk {
    /// Returns the disk that a machine finds after power loss.
    pub(super) fn after_loss(&self, policy: Policy, rng: &mut Rng) -> Disk {
        let dirty = self.files.values().flat_map(|file| file.dirty.iter().map(|(seq, _)| *seq));
        let mut order: Vec<u64> = self.names.iter().map(|(seq, _)| *seq).chain(dirty).collect();
        order.sort_unstable();
        let stop = order.get(rng.index(order.len() + 1)).copied().unwrap_or(u64::MAX);
        let mut loss = Loss { policy, rng, stop };

        let mut named = self.blank();
        named.dirs = self.dirs.clone();
        for (index, (seq, change)) in self.names.iter().enumerate() {
            let last = index + 1 == self.names.len();
            loss.name(*seq, last, change, &mut named);
        }

        let mut found = self.blank();
        let mut reached = vec![ROOT];
        while let Some(node) = reached.pop() {
            let Some(dir) = named.dirs.get(&node) else { continue };
            found.dirs.insert(node, Dir { live: dir.durable.clone(), durable: dir.durable.clone() });
            for &child in dir.durable.values() {
                match self.files.get(&child) {
                    Some(file) => loss.keep(child, file, &mut found),
                    None => reached.push(child),
                }
            }
        }
        found
    }
}

impl Loss<'_> {
    fn name(&mut self, seq: u64, last: bool, change: &Renaming, disk: &mut Disk) {
        let fate = self.fate(seq, last);
        match (fate, change) {
            (Fate::Lost, _) => {}
            (_, Renaming::Link(at, node)) => disk.set_durable(at.clone(), *node),
            (_, Renaming::Unlink(at, node)) => disk.clear_durable(at, *node),
            (fate, Renaming::Move(from, to, node)) => {
                if matches!(fate, Fate::Kept) {
                    disk.clear_durable(from, *node);
                }
                disk.set_durable(to.clone(), *node);
            }
        }
    }

    fn fate(&mut self, seq: u64, last: bool) -> Fate {
        let kept = match self.policy {
            Policy::RandomSubset | Policy::ByteTear if self.rng.one_in(4) => return Fate::Both,
            Policy::RandomSubset | Policy::ByteTear | Policy::HeaderOnly => self.rng.coin(),
            Policy::Prefix => seq < self.stop,
            Policy::LastLost => !last || self.rng.coin(),
            Policy::KeepAll => true,
            Policy::LoseAll => false,
        };
        if kept { Fate::Kept } else { Fate::Lost }
    }

    /// Puts what is left of a file on the disk; a second name of it finds the same.
    fn keep(&mut self, node: Node, file: &File, disk: &mut Disk) {
        disk.files.entry(node).or_insert_with(|| File::synced(self.content(file), file.modified));
    }

    fn content(&mut self, file: &File) -> Vec<u8> {
        let mut kept = Vec::new();
        let whole = match self.policy {
            Policy::HeaderOnly if self.rng.coin() => Some(self.rng.index(file.dirty.len())),
            _ => None,
        };
        for (index, (seq, change)) in file.dirty.iter().enumerate() {
            let last = index + 1 == file.dirty.len();
            match self.policy {
                Policy::KeepAll => kept.push(change.clone()),
                Policy::LoseAll => {}
                Policy::Prefix if *seq < self.stop => kept.push(change.clone()),
                Policy::Prefix if *seq > self.stop => {}
                Policy::Prefix => kept.extend(self.cut(change)),
                Policy::LastLost if last => {}
                Policy::LastLost => kept.push(change.clone()),
                Policy::HeaderOnly if whole == Some(index) => kept.push(change.clone()),
                Policy::HeaderOnly => kept.push(header(change)),
                Policy::RandomSubset | Policy::ByteTear if self.rng.coin() => {}
                Policy::RandomSubset if self.rng.one_in(3) => self.sectors(change, &mut kept),
                Policy::RandomSubset => kept.push(change.clone()),
                Policy::ByteTear => kept.extend(self.cut(change)),
            }
        }
        if matches!(self.policy, Policy::RandomSubset | Policy::ByteTear) {
            self.rng.shuffle(&mut kept);
        }
        let mut content = file.durable.clone();
        for change in &kept {
            change.apply(&mut content);
        }
        if let Some(len) = self.len(file) {
            content.resize(len, 0);
        }
        content
    }

    /// Returns the length that the disk has of a file, if that is not for its bytes to say.
    fn len(&mut self, file: &File) -> Option<usize> {
        let mut lens = vec![file.durable.len()];
        let mut len = file.durable.len();
        for (_, change) in &file.dirty {
            len = match change {
                Mutation::Write(offset, bytes) => {
                    len.max(usize::try_from(*offset).ok()?.saturating_add(bytes.len()))
                }
                Mutation::SetLen(len) => usize::try_from(*len).ok()?,
            };
            lens.push(len);
        }
        match self.policy {
            Policy::RandomSubset | Policy::ByteTear | Policy::HeaderOnly => {
                lens.get(self.rng.index(lens.len())).copied()
            }
            Policy::LastLost if self.rng.coin() => Some(len),
            _ => None,
        }
    }

    /// Keeps the front of a write, or at times its back, cut at any byte.
    fn cut(&mut self, change: &Mutation) -> Option<Mutation> {
        let Mutation::Write(offset, bytes) = change else {
            return self.rng.coin().then(|| change.clone());
        };
        let (front, back) = bytes.split_at_checked(self.rng.index(bytes.len() + 1))?;
        if self.policy == Policy::ByteTear && self.rng.one_in(4) {
            let skipped = u64::try_from(front.len()).ok()?;
            return Some(Mutation::Write(offset.checked_add(skipped)?, back.to_vec()));
        }
        Some(Mutation::Write(*offset, front.to_vec()))
    }

    /// Keeps any of the sectors that a write touches.
    fn sectors(&mut self, change: &Mutation, kept: &mut Vec<Mutation>) {
        let Mutation::Write(offset, bytes) = change else {
            kept.push(change.clone());
            return;
        };
        let (mut at, mut rest) = (*offset, bytes.as_slice());
        while !rest.is_empty() {
            let room = usize::try_from(SECTOR - at % SECTOR).unwrap_or(usize::MAX);
            let Some((sector, behind)) = rest.split_at_checked(room.min(rest.len())) else { break };
            if self.rng.coin() {
                kept.push(Mutation::Write(at, sector.to_vec()));
            }
            at = at.saturating_add(u64::try_from(sector.len()).unwrap_or(u64::MAX));
            rest = behind;
        }
    }
}

/// Keeps the first 512 bytes of a write.
fn header(change: &Mutation) -> Mutation {
    match change {
        Mutation::Write(offset, bytes) => {
            let sector = usize::try_from(SECTOR).unwrap_or(usize::MAX);
            Mutation::Write(*offset, bytes.iter().copied().take(sector).collect())
        }
        Mutation::SetLen(len) => Mutation::SetLen(*len),
    }
}
