//! What goes into an archive: picks, and the entries that they give.

use std::collections::HashSet;

use crate::catalog::state::{self, State};
use crate::catalog::version::{self, Opened};
use crate::catalog::{listing, node};
use crate::id::{DriveId, FileId, ShareId, VersionId};
use crate::kv::Scan;
use crate::kv::driver::StoreReader;
use crate::name::shown;
use crate::time::Time;
use crate::zip::Entry;
use crate::{Error, ErrorKind, Kind, Result};

/// Rows that a walk reads at once.
const PAGE: usize = 1000;

/// What goes into an archive, and why it may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick {
    pub(crate) file: FileId,
    /// The version of the file; the current one if none is chosen.
    pub(crate) version: Option<VersionId>,
    /// The drive that it must be in.
    pub(crate) drive: DriveId,
    /// The share that it was found through, and must be in; none in the maker's own drive.
    pub(crate) share: Option<ShareId>,
    /// Of a folder only what is in it, without its name.
    pub(crate) inside: bool,
}

impl Pick {
    /// Picks a file or folder of the maker's own drive.
    pub(crate) fn own(drive: DriveId, file: FileId) -> Pick {
        Pick { file, version: None, drive, share: None, inside: false }
    }
}

/// Returns the path of a folder whose contents are meant, and true; else the path and false.
pub(super) fn inside(path: &str) -> (&str, bool) {
    match path.strip_suffix("/.") {
        Some(folder) => (folder, true),
        None if path == "." => ("", true),
        None => (path, false),
    }
}

/// The entries of an archive that is being made, in their order.
pub(super) struct PickedEntries {
    max: u64,
    /// The files and folders that were picked by now, each with its path in the archive.
    picked: HashSet<(FileId, String)>,
    found: Vec<Entry>,
}

impl PickedEntries {
    /// Begins with none; `max` is the most that there may be.
    pub(super) fn new(max: u64) -> PickedEntries {
        PickedEntries { max, picked: HashSet::new(), found: Vec::new() }
    }

    /// Returns those that were added.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.found
    }

    /// Adds what a pick gives: a file, or a folder and all below it under its name. A folder has an entry of
    /// its own, before what is in it: some readers find what is in a folder only so, and it keeps the
    /// folder's time. Below it, what was picked before and has the same path is left out: so a pick can put
    /// something first.
    ///
    /// # Errors
    /// `NotFound` when it is gone, or in another drive; `InvalidArgument` when a file is picked for what is in
    /// it; `TooLarge` past the limit.
    pub(super) fn add(&mut self, tx: &StoreReader, pick: &Pick) -> Result<()> {
        let Pick { file, drive, inside, .. } = *pick;
        if let Some(version) = pick.version {
            self.found.push(chosen(tx, drive, version)?);
            return Ok(());
        }
        let top = node::get(tx, file)?;
        if top.drive != drive {
            return Err(Error::not_found(format!("there is no file {file} in drive {drive}")));
        }
        if state::of_file(tx, file)? != State::Live {
            return Err(Error::not_found(format!("file {file} was deleted before the archive was made")));
        }
        match top.kind {
            Kind::File if inside => {
                return Err(Error::invalid(format!(
                    "{} is a file; there is nothing in it",
                    shown(&top.name)
                )));
            }
            Kind::File => self.found.push(chosen(tx, drive, VersionId::new(file, top.current))?),
            // A drive's root has no name, so what is in it stands at the top.
            Kind::Folder if inside || top.name.is_empty() => return self.walk(tx, file, ""),
            Kind::Folder => {
                self.found.push(folder(top.name.clone(), top.modified));
                self.walk(tx, file, &format!("{}/", top.name))?;
            }
        }
        self.picked.insert((file, top.name));
        Ok(())
    }

    /// Adds what is below a folder, whose path in the archive has a slash at its end or is empty.
    fn walk(&mut self, tx: &StoreReader, top: FileId, path: &str) -> Result<()> {
        let mut walk = listing::Walk::new(top, path);
        // The folder below which all was picked before; the walk is in it, or was when it came by.
        let mut passed: Option<String> = None;
        loop {
            let page = walk.page(tx, PAGE)?;
            if page.is_empty() {
                return Ok(());
            }
            page.visit(|path, row| {
                if passed.as_deref().is_some_and(|passed| path.starts_with(passed)) {
                    return Ok(Scan::Next);
                }
                // Mostly nothing was picked before, and then no key is made.
                if !self.picked.is_empty() && self.picked.contains(&(row.file, path.to_owned())) {
                    passed = (row.kind == Kind::Folder).then(|| format!("{path}/"));
                    return Ok(Scan::Next);
                }
                self.found.push(match row.kind {
                    Kind::Folder => folder(path.to_owned(), row.modified),
                    Kind::File => Entry {
                        name: path.to_owned(),
                        kind: Kind::File,
                        size: row.size,
                        crc32: row.crc32,
                        modified: row.modified.unix(),
                        executable: row.executable,
                        content: row.blob.0,
                    },
                });
                Ok(Scan::Next)
            })?;
            if u64::try_from(self.found.len()).unwrap_or(u64::MAX) > self.max {
                let max = self.max;
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    format!("the archive would have more than {max} entries, the store's limit"),
                ));
            }
        }
    }
}

fn folder(name: String, modified: Time) -> Entry {
    Entry {
        name,
        kind: Kind::Folder,
        size: 0,
        crc32: 0,
        modified: modified.unix(),
        executable: false,
        content: 0,
    }
}

/// Makes the entry of a chosen version under its file's name.
fn chosen(tx: &StoreReader, drive: DriveId, id: VersionId) -> Result<Entry> {
    let Opened { file, version, .. } = version::open(tx, id)?;
    if file.drive != drive {
        return Err(Error::not_found(format!("there is no version {id} in drive {drive}")));
    }
    Ok(Entry {
        name: file.name,
        kind: Kind::File,
        size: version.size,
        crc32: version.crc32,
        modified: version.modified.unix(),
        executable: version.executable,
        content: version.blob.0,
    })
}
