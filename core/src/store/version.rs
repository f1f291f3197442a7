//! The verbs of a version, by its id.

use super::Store;
use crate::body::Body;
use crate::catalog::state::{self, State};
use crate::catalog::{VersionInfo, delete, stat, version};
use crate::engine::snapshot::Snapshot;
use crate::id::{FileId, VersionId};
use crate::kv::Read;
use crate::time::Time;
use crate::{Error, ErrorKind, FileInfo, Result};

/// Rows that one transaction of a longer deletion changes.
const STEP: usize = 500;

use std::sync::Arc;

impl Store {
    /// Returns what a file or folder is, by its id, wherever it lies.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn file(&self, file: FileId) -> Result<FileInfo> {
        stat::by_id(&self.engine()?.reader()?, file)
    }

    /// Returns the path of a file or folder in its drive; none when it is in the trash or deleted.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn path_of(&self, file: FileId) -> Result<Option<String>> {
        state::path_of(&self.engine()?.reader()?, file)
    }

    /// Returns what a version is.
    ///
    /// # Errors
    /// `NotFound` when there never was one, `Gone` when it was removed.
    pub fn version(&self, version: VersionId) -> Result<VersionInfo> {
        version::info(&self.engine()?.reader()?, version)
    }

    /// Opens the content of a version.
    ///
    /// # Errors
    /// `NotFound` when there never was one, `Gone` when it was removed, `Corrupt` when the content
    /// is damaged in a way that shows at once.
    pub fn open_version(&self, version: VersionId) -> Result<Body> {
        let engine = self.engine()?;
        let content = Snapshot::new(&engine).version(version)?;
        Ok(Body::new(Arc::new(engine.open_blob(
            content.blob,
            content.location,
            content.representation.len,
        )?)))
    }

    /// Makes an older version the current one. Nothing is copied.
    ///
    /// # Errors
    /// `NotFound` when there never was one, `Gone` when it was removed.
    pub fn set_current(&self, version: VersionId) -> Result<()> {
        let now = Time::now();
        self.engine()?.write(move |change| {
            expect_kept(change, version)?;
            version::set_current(change, version, now)
        })
    }

    /// Removes a version that is not the current one.
    ///
    /// # Errors
    /// `InvalidArgument` for the current one, `NotFound` when there never was one, `Gone` when it
    /// was removed.
    pub fn remove_version(&self, version: VersionId) -> Result<()> {
        let engine = self.engine()?;
        let now = Time::now();
        engine.write(move |change| {
            expect_kept(change, version)?;
            version::remove(change, version, change.time(now))
        })
    }

    /// Marks a version to be kept whatever the limit on their number, or no longer.
    ///
    /// # Errors
    /// `NotFound` when there never was one, `Gone` when it was removed.
    pub fn keep(&self, version: VersionId, keep: bool) -> Result<()> {
        self.engine()?.write(move |change| {
            expect_kept(change, version)?;
            version::set_keep(change, version, keep)
        })
    }

    /// Clears away what rows it can of files that were cut off from their trees. The deletion is durable
    /// by then, so it does not fail where that does: the next one, or the next [`Store::gc`], goes on.
    pub(crate) fn try_clear_deleted(&self) {
        if let Err(error) = self.clear_deleted() {
            tracing::warn!(%error, "rows of what was deleted are left for the next collection");
        }
    }

    /// Deletes the rows of files that were cut off from their trees, in bounded steps.
    pub(crate) fn clear_deleted(&self) -> Result<()> {
        let engine = self.engine()?;
        let now = Time::now();
        while !engine.write(move |change| delete::step(change, change.time(now), STEP))?.done {}
        Ok(())
    }
}

/// Refuses a version whose file was deleted with a folder, and whose rows are yet to be cleared.
fn expect_kept(tx: &impl Read, version: VersionId) -> Result<()> {
    match state::of_file(tx, version.file()) {
        Ok(State::Deleted) => {
            Err(Error::new(ErrorKind::Gone, format!("the file of version {version} was deleted")))
        }
        // Of one that is not there, what comes says more.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        found => found.map(drop),
    }
}
