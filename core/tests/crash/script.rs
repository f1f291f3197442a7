//! Scripts: random calls of a drive's verbs that the model knows the outcome of.

use std::sync::atomic::{AtomicU64, Ordering};

use holdall::{CopyVersions, Drive, Put, Result, VersionId};

use crate::content;
use crate::model::{Model, Node};
use crate::rng::Rng;

/// Blobs and segments that all scripts together had removed.
pub static COLLECTED: AtomicU64 = AtomicU64::new(0);
pub static COMPACTED: AtomicU64 = AtomicU64::new(0);

/// One call.
#[derive(Clone, Debug)]
pub enum Step {
    Put(String, u64),
    PutMany(Vec<(String, u64)>),
    Mkdir(String),
    Rename(String, String),
    Copy(String, String, bool),
    Trash(String),
    Restore(String, String),
    Delete(String),
    SetCurrent(String, u32),
    RemoveVersion(String, u32),
    /// Collect what nothing refers to; compact what is half dead.
    Gc,
    Compact,
    /// Close the store and open it again.
    Reopen,
}

/// What happened to a path in a script, by the ways it may be cut short.
impl Step {
    /// The folder that a copy is made in several transactions to.
    pub fn copies_to(&self) -> Option<&str> {
        match self {
            Step::Copy(_, to, _) => Some(to),
            _ => None,
        }
    }

    /// Whether what it deletes may be counted for a while longer.
    pub fn clears_later(&self) -> bool {
        matches!(self, Step::Delete(_) | Step::Rename(..))
    }

    /// Does the call.
    pub fn run(&self, drive: &Drive) -> Result<()> {
        match self {
            Step::Put(path, id) => drive.put(path, &content::bytes(*id)[..], Put::new()).map(drop),
            Step::PutMany(items) => {
                let items = items.iter().map(|(path, id)| (path.clone(), content::bytes(*id)));
                drive.put_many(items, &Put::new()).map(drop)
            }
            Step::Mkdir(path) => drive.mkdir(path).map(drop),
            Step::Rename(from, to) => drive.rename(from, to, true).map(drop),
            Step::Copy(from, to, all) => {
                let what = if *all { CopyVersions::All } else { CopyVersions::Current };
                drive.copy(from, to, what).map(drop)
            }
            Step::Trash(path) => drive.trash(path).map(drop),
            Step::Restore(path, to) => {
                let found = drive.list_trash(None, 1000)?.into_iter().find(|row| row.path == *path);
                let found = found.ok_or_else(|| {
                    holdall::Error::new(holdall::ErrorKind::NotFound, format!("{path} is not in the trash"))
                })?;
                drive.restore(found.file, Some(to)).map(drop)
            }
            Step::Delete(path) => drive.delete(path),
            Step::SetCurrent(path, number) => drive.store().set_current(version(drive, path, *number)?),
            Step::RemoveVersion(path, number) => drive.store().remove_version(version(drive, path, *number)?),
            Step::Gc => drive.store().gc().and_then(|report| {
                COLLECTED.fetch_add(report.blobs, Ordering::Relaxed);
                COMPACTED.fetch_add(report.compaction.segments, Ordering::Relaxed);
                none_failed(report.failed.into_iter().chain(report.compaction.failed))
            }),
            Step::Compact => drive.store().compact().and_then(|report| {
                COMPACTED.fetch_add(report.segments, Ordering::Relaxed);
                none_failed(report.failed)
            }),
            Step::Reopen => Ok(()),
        }
    }

    /// Does to the model what the call does to a drive.
    pub fn apply(&self, model: &mut Model) {
        match self {
            Step::Put(path, id) => model.put(path, *id),
            Step::PutMany(items) => items.iter().for_each(|(path, id)| model.put(path, *id)),
            Step::Mkdir(path) => {
                model.make_parents(path);
                model.tree.entry(path.clone()).or_insert(Node::Folder);
            }
            Step::Rename(from, to) => {
                let subtree = model.take(from);
                model.take(to);
                model.graft(to, subtree);
            }
            Step::Copy(from, to, all) => {
                let subtree = model.clone().take(from);
                let copied = subtree.into_iter().map(|(at, node)| (at, copy(node, *all))).collect();
                model.graft(to, copied);
            }
            Step::Trash(path) => {
                let subtree = model.take(path);
                model.trash.insert(path.clone(), subtree);
            }
            Step::Restore(path, to) => {
                if let Some(subtree) = model.trash.remove(path) {
                    model.graft(to, subtree);
                }
            }
            Step::Delete(path) => {
                model.take(path);
            }
            Step::SetCurrent(path, number) => {
                if let Some(Node::File { current, .. }) = model.tree.get_mut(path) {
                    *current = *number;
                }
            }
            Step::RemoveVersion(path, number) => {
                if let Some(Node::File { versions, .. }) = model.tree.get_mut(path) {
                    versions.remove(number);
                }
            }
            Step::Gc | Step::Compact | Step::Reopen => {}
        }
    }
}

fn none_failed(failed: impl IntoIterator<Item = holdall::Error>) -> Result<()> {
    failed.into_iter().next().map_or(Ok(()), Err)
}

fn version(drive: &Drive, path: &str, number: u32) -> Result<VersionId> {
    Ok(VersionId::new(drive.stat(path)?.id, number))
}

fn copy(node: Node, all: bool) -> Node {
    match node {
        Node::File { current, versions, .. } if !all => {
            Node::File { current: 1, next: 2, versions: [(1, versions[&current])].into() }
        }
        node => node,
    }
}

/// Draws the next call for a drive that holds what the model says.
pub fn next(model: &Model, rng: &mut Rng) -> Step {
    loop {
        if let Some(step) = attempt(model, rng) {
            return step;
        }
    }
}

/// Draws the next call of a script that fills segments, and empties and compacts them.
pub fn next_bulky(model: &Model, rng: &mut Rng) -> Step {
    loop {
        let step = match rng.below(9) {
            0..=2 => {
                let count = 10 + rng.below(8);
                let item = |_| {
                    let path = format!("d{}/f{}", rng.below(3), rng.below(30));
                    (path, content::COUNT + rng.below(content::BULKY))
                };
                Some(Step::PutMany((0..count).map(item).collect()))
            }
            3 | 4 => {
                let path = format!("d{}", rng.below(3));
                model.tree.contains_key(&path).then_some(Step::Delete(path))
            }
            5 => Some(Step::Gc),
            6 => Some(Step::Compact),
            _ => attempt(model, rng),
        };
        if let Some(step) = step {
            return step;
        }
    }
}

fn attempt(model: &Model, rng: &mut Rng) -> Option<Step> {
    let (files, folders) = (model.files(), model.folders());
    let some_file = |rng: &mut Rng| rng.pick(&files).cloned();
    let either = |rng: &mut Rng| {
        let from = if rng.one_in(3) { &folders } else { &files };
        rng.pick(from).cloned()
    };
    // A free path for what is to be moved; names tell files from folders, so that they never clash.
    let free = |rng: &mut Rng, like: &str| {
        let to = path(rng, &folders, is_folder(like));
        (!model.tree.contains_key(&to) && !to.starts_with(&format!("{like}/"))).then_some(to)
    };
    Some(match rng.below(27) {
        0..=6 => Step::Put(path(rng, &folders, false), rng.below(content::COUNT)),
        7..=9 => Step::Put(some_file(rng)?, rng.below(content::COUNT)),
        10 | 11 => {
            let count = 2 + rng.below(4);
            let item = |_| (path(rng, &folders, false), rng.below(content::COUNT));
            Step::PutMany((0..count).map(item).collect())
        }
        12 => Step::Mkdir(path(rng, &folders, true)),
        13 => {
            let from = either(rng)?;
            Step::Rename(from.clone(), free(rng, &from)?)
        }
        14 => {
            let (from, to) = (some_file(rng)?, some_file(rng)?);
            if from == to {
                return None;
            }
            Step::Rename(from, to)
        }
        15 | 16 => {
            let from = either(rng)?;
            Step::Copy(from.clone(), free(rng, &from)?, rng.one_in(2))
        }
        17 => {
            let path = either(rng)?;
            if model.trash.contains_key(&path) {
                return None;
            }
            Step::Trash(path)
        }
        18 => {
            let trash: Vec<String> = model.trash.keys().cloned().collect();
            let path = rng.pick(&trash)?.clone();
            let to = free(rng, &path)?;
            Step::Restore(path, to)
        }
        19 => Step::Delete(either(rng)?),
        20 | 21 => {
            let (path, number) = old_version(model, some_file(rng)?, rng)?;
            Step::SetCurrent(path, number)
        }
        22 => {
            let (path, number) = old_version(model, some_file(rng)?, rng)?;
            Step::RemoveVersion(path, number)
        }
        23 | 24 => Step::Gc,
        25 => Step::Compact,
        _ => Step::Reopen,
    })
}

/// Picks a version of a file that is not the current one.
fn old_version(model: &Model, path: String, rng: &mut Rng) -> Option<(String, u32)> {
    let Node::File { current, versions, .. } = &model.tree[&path] else { return None };
    let old: Vec<u32> = versions.keys().copied().filter(|number| number != current).collect();
    Some((path, *rng.pick(&old)?))
}

fn is_folder(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with('d'))
}

/// Draws a path in a folder that is there, or at the top.
fn path(rng: &mut Rng, folders: &[String], folder: bool) -> String {
    let name = if folder { format!("d{}", rng.below(4)) } else { format!("f{}", rng.below(6)) };
    match rng.pick(folders) {
        Some(parent) if !rng.one_in(3) && parent.matches('/').count() < 3 => format!("{parent}/{name}"),
        _ if rng.one_in(8) => format!("d{}/{name}", rng.below(4)),
        _ => name,
    }
}
