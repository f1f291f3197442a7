//! The verbs of a drive by the id of a file, as the wire formats speak of it.

use super::Drive;
use crate::catalog::state::{self, State};
use crate::catalog::{FileInfo, Row, VersionInfo, listing, trash};
use crate::catalog::{delete, free_name, id_sequence, node, note, path, put, stat, version};
use crate::id::{FileId, VersionId};
use crate::kv::Read;
use crate::time::Time;
use crate::{Error, ErrorKind, Kind, Result};

/// A file or folder, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct FileWithState {
    pub(crate) info: FileInfo,
    /// Live or trashed: alone, or with a folder it lies in.
    pub(crate) state: State,
}

impl Drive {
    /// Finds a file or folder of the drive by its id, in its tree or in the trash.
    ///
    /// # Errors
    /// `NotFound` when the drive has none of that id, or it was deleted.
    pub(crate) fn find(&self, file: FileId) -> Result<FileWithState> {
        let tx = self.engine()?.reader()?;
        let info = own(&tx, self, file)?;
        Ok(FileWithState { state: state::of_file(&tx, file)?, info })
    }

    /// Lists a folder by its id, as [`Drive::list`] does by path.
    ///
    /// # Errors
    /// `NotFound`, `InvalidArgument` and `Gone` when it is no folder in the drive's tree.
    pub(crate) fn list_in(&self, folder: FileId, after: Option<&str>, limit: usize) -> Result<Vec<Row>> {
        let tx = self.engine()?.reader()?;
        free_name::check_folder(&tx, self.id(), folder)?;
        listing::list(&tx, folder, after, limit)
    }

    /// Returns what has a name in a folder.
    ///
    /// # Errors
    /// As [`Drive::list_in`].
    pub(crate) fn child(&self, folder: FileId, name: &str) -> Result<Option<FileInfo>> {
        let tx = self.engine()?.reader()?;
        free_name::check_folder(&tx, self.id(), folder)?;
        node::child(&tx, folder, name)?.map(|child| stat::by_id(&tx, child.file)).transpose()
    }

    /// Returns the name that something new is to have in a folder.
    ///
    /// # Errors
    /// As [`Drive::list_in`]; `Exists` when the name is taken and is not to change.
    pub(crate) fn free_name(&self, folder: FileId, name: &str, rename: bool, now: Time) -> Result<String> {
        let tx = self.engine()?.reader()?;
        free_name::check_folder(&tx, self.id(), folder)?;
        Ok(free_name::choose(&tx, folder, name, rename, now)?.into_owned())
    }

    /// Makes a folder in a folder.
    ///
    /// # Errors
    /// As [`Drive::free_name`].
    pub(crate) fn mkdir_in(&self, folder: FileId, name: &str, rename: bool, now: Time) -> Result<FileInfo> {
        let engine = self.engine()?;
        let (ids, drive, name) = (engine.ids(1)?, self.id(), name.to_owned());
        engine.write(move |change| {
            free_name::check_folder(change, drive, folder)?;
            let name = free_name::choose(change, folder, &name, rename, now)?;
            let id = id_sequence::file(&mut ids.clone())?;
            node::insert(change, id, &node::new(drive, folder, &name, Kind::Folder, now), None)?;
            stat::by_id(change, id)
        })
    }

    /// Puts a file or folder in the trash by its id; one that is there already is not an error.
    ///
    /// # Errors
    /// `NotFound` when the drive has none of that id, `InvalidArgument` for the root.
    pub(crate) fn trash_file(&self, file: FileId, now: Time) -> Result<()> {
        let drive = self.clone();
        self.engine()?.write(move |change| {
            own(change, &drive, file)?;
            match state::path_of(change, file)? {
                Some(path) => trash::put(change, drive.id(), &path, now).map(drop),
                None => Ok(()),
            }
        })
    }

    /// Takes a file or folder out of the trash: to the folder it lay in; to its path made anew, where
    /// that folder is in the trash; or to the root, where it was deleted. Where its name is taken, it
    /// gets one with the time in it.
    ///
    /// # Errors
    /// `NotFound` when it is not in the trash of the drive.
    pub(crate) fn restore_file(&self, file: FileId, now: Time) -> Result<()> {
        let engine = self.engine()?;
        let depth = u64::try_from(crate::name::MAX_DEPTH).unwrap_or(u64::MAX);
        let (ids, drive) = (engine.ids(depth)?, self.id());
        engine.write(move |change| {
            let to = trash::way_back(change, drive, file)?;
            let (folder, name) = to.rsplit_once('/').unwrap_or(("", &to));
            let free = match path::resolve(change, drive, folder) {
                Ok((folder, _)) => free_name::choose(change, folder, name, true, now)?.into_owned(),
                Err(error) if error.kind() == ErrorKind::NotFound => name.to_owned(),
                Err(error) => return Err(error),
            };
            let to = crate::name::join(folder, &free);
            trash::restore(change, drive, file, Some(&to), &mut ids.clone(), now).map(drop)
        })
    }

    /// Deletes a file or folder for good by its id, in its tree or at the top of the trash.
    ///
    /// # Errors
    /// `NotFound` when there is none, `InvalidArgument` for the root.
    pub(crate) fn delete_file(&self, file: FileId, now: Time) -> Result<()> {
        let engine = self.engine()?;
        let drive = self.clone();
        let whole = engine.write(move |change| {
            let time = change.time(now);
            own(change, &drive, file)?;
            match state::path_of(change, file)? {
                Some(path) => delete::at_path(change, drive.id(), &path, time),
                None => trash::purge(change, drive.id(), file, time),
            }
        })?;
        if !whole {
            self.store().try_clear_deleted();
        }
        Ok(())
    }

    /// Lists the versions of a file by its id, as [`Drive::versions`] does by path.
    ///
    /// # Errors
    /// `NotFound` when the drive has none of that id, `InvalidArgument` when it is a folder.
    pub(crate) fn versions_of(
        &self,
        file: FileId,
        before: Option<VersionId>,
        limit: usize,
    ) -> Result<Vec<VersionInfo>> {
        let tx = self.engine()?.reader()?;
        own(&tx, self, file)?;
        version::list(&tx, file, before, limit)
    }

    /// Returns a version of a file of the drive, and what is said of it.
    ///
    /// # Errors
    /// `NotFound` when the file has no such version, `Gone` when it was removed.
    pub(crate) fn version_of(&self, file: FileId, id: VersionId) -> Result<(VersionInfo, String)> {
        let tx = self.engine()?.reader()?;
        own(&tx, self, file)?;
        if id.file() != file {
            return Err(Error::not_found(format!("file {file} has no version {id}")));
        }
        Ok((version::info(&tx, id)?, note::get(&tx, id)?))
    }

    /// Says something of a version, and whether it is kept; none leaves it as it is.
    ///
    /// # Errors
    /// As [`Drive::version_of`]; `TooLarge` when more than `max_kept` would be kept.
    pub(crate) fn describe_version(
        &self,
        file: FileId,
        id: VersionId,
        keep: Option<bool>,
        note: Option<String>,
        max_kept: usize,
    ) -> Result<()> {
        self.version_of(file, id)?;
        self.engine()?.write(move |change| {
            let known = version::info(change, id)?;
            if keep == Some(true) && !known.keep && version::count_kept(change, file, max_kept)? >= max_kept {
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    format!("file {file} already keeps {max_kept} versions, which is the limit"),
                ));
            }
            if let Some(note) = &note {
                note::set(change, id, note)?;
            }
            match keep {
                Some(keep) if keep != known.keep => version::set_keep(change, id, keep),
                _ => Ok(()),
            }
        })
    }

    /// Puts the content of an older version once more, as the newest one. Nothing is copied.
    ///
    /// # Errors
    /// As [`Drive::version_of`]; `InvalidArgument` for the current one.
    pub(crate) fn put_again(&self, file: FileId, id: VersionId, now: Time) -> Result<VersionInfo> {
        self.version_of(file, id)?;
        let engine = self.engine()?;
        engine.write(move |change| put::again(change, id, change.time(now)))
    }
}

/// Describes a file of the drive that was not deleted.
fn own(tx: &impl Read, drive: &Drive, file: FileId) -> Result<FileInfo> {
    let absent = || Error::not_found(format!("there is no file {file} in drive {}", drive.id()));
    let info = stat::by_id(tx, file).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::Gone => absent(),
        _ => error,
    })?;
    match info.drive == drive.id() && state::of_file(tx, file)? != State::Deleted {
        true => Ok(info),
        false => Err(absent()),
    }
}
