//! Copying: new files that share the content of the old, a bounded number of rows at a time.
//!
//! A copy of a folder appears as it is made, as that of `cp -r` does; one that is broken off
//! stays as far as it came. What the caller wants whole it does in one transaction.

use super::blob;
use super::counter::{self, Counter};
use super::history::Timeline;
use super::id_sequence::{self, NewId};
use super::info::Row;
use super::record::{FileRecord, Kind, Record, VersionRecord};
use super::state::{self, State};
use super::table::VERSION;
use super::{attribute, depth, listing, refcount, row, sha1_index};
use super::{node, path, prefix, version};
use crate::id::{DriveId, FileId, VersionId};
use crate::kv::{Read, Write};
use crate::mutant::{self, Mutant};
use crate::name::shown;
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// Which versions a copy of a file gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyVersions {
    /// The current one, as number 1.
    #[default]
    Current,
    /// All of them, under their numbers.
    All,
}

/// A copy under way: all there is to know to go on with it.
#[derive(Clone, Debug)]
pub(crate) struct Copying {
    /// The copy.
    pub(crate) file: FileId,
    /// Files, folders and versions made so far.
    pub(crate) made: usize,
    versions: CopyVersions,
    tasks: Vec<Task>,
}

#[derive(Clone, Debug)]
enum Task {
    /// Copy the children of a folder behind a name.
    Children { from: FileId, to: FileId, after: Option<String> },
    /// Copy the versions of a file older than a number, but for the one that is current. It begins
    /// with the number that was next when the copy was made: what either file gets from then on is
    /// its own.
    Versions { from: FileId, to: FileId, current: u32, before: u32 },
}

/// What a copy of a file or folder begins with.
struct CopySource {
    id: FileId,
    node: FileRecord,
    /// The current version of a file.
    current: Option<VersionRecord>,
}

impl Copying {
    /// Returns whether nothing is left to copy.
    pub(crate) fn is_done(&self) -> bool {
        self.tasks.is_empty()
    }
}

/// Begins to copy what lies at a path to another in the same drive, and makes the folders it is to
/// lie in. The copy has ids of its own, the attributes, and no links, shares or revocations.
///
/// # Errors
/// `NotFound` when nothing lies at `from`; `Exists` when something lies at `to`; `InvalidArgument`
/// for the root, for a folder copied into itself, and when a path cannot be one.
pub(crate) fn start(
    tx: &mut impl Write,
    drive: DriveId,
    from: &str,
    to: &str,
    versions: CopyVersions,
    ids: &mut impl NewId,
    now: Time,
) -> Result<Copying> {
    let (id, node) = path::resolve(tx, drive, from)?;
    if node.parent.is_none() {
        return Err(path::root("copied"));
    }
    let target = path::locate(tx, drive, to)?;
    if target.trail.contains(&id) {
        return Err(Error::invalid(format!(
            "{} cannot be copied into itself, to {}",
            shown(from),
            shown(to)
        )));
    }
    if target.child.is_some() {
        return Err(path::taken(to));
    }
    let deep = |path| crate::name::split_path(path).map(|names| names.len());
    depth::check_move(tx, id, node.kind, deep(from)?, deep(to)?)?;
    let source = read(tx, id)?;
    let fresh = id_sequence::files(ids, target.missing.len())?;
    let file = id_sequence::file(ids)?;

    let folder = target.make_parents(tx, &fresh, now)?;
    let mut copying = Copying { file, made: 0, versions, tasks: Vec::new() };
    make(tx, &mut copying, source, file, folder, target.name, now)?;
    Ok(copying)
}

/// Goes on with a copy: up to `limit` (at least 1) children of one folder, or versions of one
/// file. Returns how far it is then; `copying` itself stays as it was, for a transaction that is
/// run again.
///
/// # Errors
/// `Gone` when the copy was moved to the trash or deleted meanwhile, `Exists` when something else
/// has taken a name in it.
pub(crate) fn step(
    tx: &mut impl Write,
    copying: &Copying,
    limit: usize,
    ids: &mut impl NewId,
    now: Time,
) -> Result<Copying> {
    let mut next = copying.clone();
    let Some(task) = next.tasks.pop() else { return Ok(next) };
    let limit = limit.max(1);
    match task {
        Task::Children { from, to, after } => {
            check_open(tx, to)?;
            let rows = listing::list(tx, from, after.as_deref(), limit)?;
            if !rows.is_empty() {
                // What is copied may have grown since.
                depth::check_in(tx, to)?;
            }
            let (mut sources, fresh) = (Vec::new(), id_sequence::files(ids, rows.len())?);
            for row in rows.iter().filter(|row| row.file != next.file) {
                if node::child(tx, to, &row.name)?.is_some() {
                    return Err(path::taken(&row.name).context(format!("copying to folder {to}")));
                }
                sources.push(read(tx, row.file)?);
            }
            if let Some(Row { name, .. }) = rows.last().filter(|_| rows.len() == limit) {
                next.tasks.push(Task::Children { from, to, after: Some(name.clone()) });
            }
            for (source, id) in sources.into_iter().zip(fresh) {
                let name = source.node.name.clone();
                make(tx, &mut next, source, id, to, &name, now)?;
            }
        }
        Task::Versions { from, to, current, before } => {
            check_open(tx, to)?;
            let drive = node::record(tx, to)?.drive;
            let after = (!before).to_be_bytes();
            let rows = prefix::page(tx, VERSION, &from.to_key(), Some(&after), limit)?;
            for (suffix, value) in &rows {
                let number = node::version_number(suffix)?;
                if number != current {
                    put(tx, drive, VersionId::new(to, number), VersionRecord::decode(value)?)?;
                    next.made += 1;
                }
            }
            if let Some((suffix, _)) = rows.last().filter(|_| rows.len() == limit) {
                let before = node::version_number(suffix)?;
                next.tasks.push(Task::Versions { from, to, current, before });
            }
        }
    }
    Ok(next)
}

fn read(tx: &impl Read, id: FileId) -> Result<CopySource> {
    let node = node::record(tx, id)?;
    let current = match node.kind {
        Kind::Folder => None,
        Kind::File => Some(version::get(tx, VersionId::new(id, node.current))?.1),
    };
    Ok(CopySource { id, node, current })
}

fn check_open(tx: &impl Read, to: FileId) -> Result<()> {
    match state::of_file(tx, to) {
        Ok(State::Live) => Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Err(Error::new(ErrorKind::Gone, "the copy was deleted before it was complete; copy again")),
    }
}

/// Makes the copy of one file or folder, and notes what of it is left to do.
fn make(
    tx: &mut impl Write,
    copying: &mut Copying,
    source: CopySource,
    to: FileId,
    folder: FileId,
    name: &str,
    now: Time,
) -> Result<()> {
    let CopySource { id: from, node: old, current } = source;
    let mut node = node::new(old.drive, folder, name, old.kind, now);
    attribute::replace(tx, to, &mut node, old.attributes)?;
    node.revocations = Timeline::read(tx)?.tag(to.0);
    copying.made += 1;
    let Some(mut content) = current else {
        copying.tasks.push(Task::Children { from, to, after: None });
        return node::insert(tx, to, &node, None);
    };
    match copying.versions {
        CopyVersions::Current => {
            (node.current, node.next) = (1, 2);
            (content.created, content.keep) = (now, false);
        }
        CopyVersions::All => {
            (node.current, node.next) = (old.current, old.next);
            let all = mutant::is_active(Mutant::CopyTakesLater);
            let before = if all { VersionId::MAX_NUMBER + 1 } else { old.next };
            copying.tasks.push(Task::Versions { from, to, current: old.current, before });
        }
    }
    node::insert(tx, to, &node, Some(&content))?;
    counter::add(tx, Counter::DriveFiles(node.drive), 1)?;
    put(tx, node.drive, VersionId::new(to, node.current), content)
}

fn put(tx: &mut impl Write, drive: DriveId, id: VersionId, version: VersionRecord) -> Result<()> {
    let content = refcount::link(tx, version.blob)?;
    sha1_index::hold(tx, drive, version.blob, &content)?;
    counter::add(tx, Counter::DriveBytes(drive), blob::signed(version.size)?)?;
    let revocations = Timeline::read(tx)?.tag(id.0);
    row::put(tx, VERSION, &node::version_key(id), &VersionRecord { revocations, foreign: None, ..version })
}
