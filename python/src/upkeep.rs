//! Upkeep of a store: checks, backups, repairs, and what is done from a timer.

use std::path::PathBuf;
use std::time::Duration;

use holdall::{CheckOptions, Options};
use pyo3::prelude::*;

use crate::convert::duration;
use crate::fault::Outcome;
use crate::job::{patient, watched};
use crate::report::{BackupReport, CheckReport, GcReport, RebuildReport, RepairReport, Stats};
use crate::store::Store;

#[pymethods]
impl Store {
    /// Checks the store while it is in use: that the rows agree, that every content is in its place,
    /// that the log can be read. Nothing is changed.
    ///
    /// content: whether all content is read and hashed again.
    /// progress: called now and then with the bytes done and the bytes there are.
    ///
    /// Damage is no error but in the report. Raises Io, and what `progress` raises. Control-C ends it
    /// within 100 ms, as it ends the other long jobs.
    #[pyo3(signature = (*, content = false, progress = None))]
    fn check(
        &self,
        py: Python<'_>,
        content: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<CheckReport> {
        let store = self.store()?.clone();
        let report = watched(py, progress, move |watch| {
            let mut told = |at| watch(at);
            store.check(CheckOptions::new().content(content).watch(&mut told))
        })?;
        Ok(CheckReport::new(py, report)?)
    }

    /// Copies the store as it is at one moment into a directory, while it is in use. The copy opens
    /// as a store. A directory that an earlier backup made is brought up to date: only what is new
    /// is copied. Large contents are hard links where the directory is on the same file system.
    ///
    /// progress: called now and then with the bytes done and the bytes there are.
    ///
    /// Raises InvalidArgument when the directory holds something else, Locked when the copy is open,
    /// Io, and what `progress` raises.
    #[pyo3(signature = (target, *, progress = None))]
    fn backup(
        &self,
        py: Python<'_>,
        target: PathBuf,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<BackupReport> {
        let store = self.store()?.clone();
        Ok(watched(py, progress, move |watch| store.backup(&target, watch))?.into())
    }

    /// Reads all content, and restores what is damaged from a sound copy where the store has one.
    /// Nothing is removed; what cannot be restored is in the report.
    ///
    /// progress: called now and then with the bytes done and the bytes there are; where something
    ///     was restored, everything is read once more, and it begins anew.
    ///
    /// Raises Io and Poisoned, and what `progress` raises.
    #[pyo3(signature = (*, progress = None))]
    fn repair(&self, py: Python<'_>, progress: Option<&Bound<'_, PyAny>>) -> Outcome<RepairReport> {
        let store = self.store()?.clone();
        let report = watched(py, progress, move |watch| store.repair_watched(watch))?;
        Ok(RepairReport::new(py, report)?)
    }

    /// Makes the index of the store in a directory anew, from its segments alone. Whatever state
    /// meta.redb is in, or none: it is kept as meta.redb.bad. Nobody may have the store open.
    ///
    /// Raises NotFound when the directory holds no store, Locked when it is open, Corrupt when a
    /// segment belongs to another store, Unsupported when a later version wrote it, Io.
    #[staticmethod]
    fn rebuild(py: Python<'_>, path: PathBuf) -> Outcome<RebuildReport> {
        Ok(patient(py, move || holdall::Store::rebuild(&path, &Options::new()))?.into())
    }

    /// Removes what nothing refers to once its grace is over, and compacts. It works in short steps
    /// beside everything else: call it from a timer, in one process.
    fn gc(&self, py: Python<'_>) -> Outcome<GcReport> {
        let store = self.store()?.clone();
        Ok(patient(py, move || store.gc())?.into())
    }

    /// How long content outlives its last version, and how long an archive may live.
    #[getter]
    fn grace(&self, py: Python<'_>) -> Outcome<Duration> {
        self.call(py, |store| store.grace())
    }

    /// Sets the grace, for every process that has the store open: seconds or a timedelta. A longer one
    /// holds for all that was not removed yet. A shorter one limits new archives at once; content goes
    /// sooner only when the archives that were made under the longer one can all be over.
    fn set_grace(&self, py: Python<'_>, grace: &Bound<'_, PyAny>) -> Outcome<()> {
        let grace = duration(grace)?;
        self.call(py, |store| store.set_grace(grace))
    }

    /// Copies what lives out of segments that are more than half dead, and removes them.
    fn compact(&self, py: Python<'_>) -> Outcome<GcReport> {
        let store = self.store()?.clone();
        Ok(patient(py, move || store.compact())?.into())
    }

    /// Returns what the store holds, in numbers.
    fn stats(&self, py: Python<'_>) -> Outcome<Stats> {
        Ok(self.call(py, |store| store.stats())?.into())
    }
}
