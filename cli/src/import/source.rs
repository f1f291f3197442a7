//! Where the content of an entity is, in the folder of uploads and nowhere else.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use holdall::{Error, Result};
use rustix::fs::{Mode, OFlags, open, openat};

use super::database::{Database, Entity};

/// The folder of uploads. What is in it was put there by the old server's users, or by whoever could
/// write there: no link in it is followed, whether it is a file or a folder on the way to one.
pub(super) struct Uploads(OwnedFd);

impl Uploads {
    /// Opens the folder; it may be named through links, by whoever runs the import.
    ///
    /// # Errors
    /// `Io` and `NotFound` when it is not there or is no folder.
    pub(super) fn open(path: &Path) -> Result<Uploads> {
        let folder = open(path, FOLDER, Mode::empty())
            .map_err(|cause| Error::io(format!("opening {}", path.display()), cause.into()))?;
        Ok(Uploads(folder))
    }

    /// Opens the file of an entity; none where it is not there, or not as long as it should be.
    pub(super) fn find(&self, entity: &Entity) -> Option<File> {
        if !entity.usable {
            return None;
        }
        let source = Path::new(&entity.source);
        // The folder may be the server's own, its data folder, or that of the uploads alone.
        let tails = ["", "data", "data/uploads", "uploads"];
        let tails = tails.iter().filter_map(|tail| source.strip_prefix(tail).ok());
        tails
            .filter_map(|tail| self.beneath(tail))
            .find(|file| file.metadata().is_ok_and(|found| found.is_file() && found.len() == entity.size))
    }

    /// Opens a file step by step. What is looked at is what is read: nobody can put a link in the
    /// place of a folder in between.
    fn beneath(&self, path: &Path) -> Option<File> {
        let mut names = Vec::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => names.push(name),
                Component::CurDir => {}
                Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
            }
        }
        let (last, folders) = names.split_last()?;
        let mut folder = None;
        for name in folders {
            let above = folder.as_ref().unwrap_or(&self.0);
            folder = Some(openat(above, *name, FOLDER | OFlags::NOFOLLOW, Mode::empty()).ok()?);
        }
        // A pipe would make the opening wait.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        openat(folder.as_ref().unwrap_or(&self.0), *last, flags, Mode::empty()).ok().map(File::from)
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Lists what cannot be imported of the contents that files have: the entity and where it should be.
pub(super) fn missing(database: &Database, uploads: &Uploads) -> Vec<String> {
    let mut missing = Vec::new();
    for entity in database.contents.values().flatten().filter_map(|id| database.entities.get(id)) {
        if entity.kind == 0 && uploads.find(entity).is_none() {
            missing.push(format!("entity {} at {}", entity.id, entity.source));
        }
    }
    missing.dedup();
    missing
}
