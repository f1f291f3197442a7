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
    /// Checks the store while it is in use, changing nothing: that the rows are consistent, that all
    /// content is in place, and that the log can be read.
    ///
    /// content: whether to read all content and compute its BLAKE3 again, on all cores.
    /// digests: whether to compute SHA-1 and the CRCs of all content again too, which takes several times
    ///     as long.
    /// progress: called now and then with the bytes done and the bytes in all.
    ///
    /// Damage is not an error: it is in the report. Raises Io, and what `progress` raises. Control-C ends
    /// it within 100 ms, as it ends the other long jobs.
    #[pyo3(signature = (*, content = false, digests = false, progress = None))]
    fn check(
        &self,
        py: Python<'_>,
        content: bool,
        digests: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<CheckReport> {
        let store = self.store()?.clone();
        let report = watched(py, progress, move |watch| {
            let mut progress = |at| watch(at);
            store.check(CheckOptions::new().content(content).digests(digests).watch(&mut progress))
        })?;
        Ok(CheckReport::new(py, report)?)
    }

    /// Copies a consistent snapshot of the store into a directory, while it is in use. The copy opens as
    /// a store. The directory of an earlier backup is brought up to date: only what is new is copied.
    /// Large contents are hard links if the directory is on the same file system.
    ///
    /// progress: called now and then with the bytes done and the bytes in all.
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

    /// Reads all content, and restores damaged content from a sound copy if the store has one. Nothing is
    /// removed; what cannot be restored is in the report.
    ///
    /// progress: called now and then with the bytes done and the bytes in all; if anything was restored,
    ///     everything is read again, and the count restarts.
    ///
    /// Raises Io and Poisoned, and what `progress` raises.
    #[pyo3(signature = (*, progress = None))]
    fn repair(&self, py: Python<'_>, progress: Option<&Bound<'_, PyAny>>) -> Outcome<RepairReport> {
        let store = self.store()?.clone();
        let report = watched(py, progress, move |watch| store.repair_watched(watch))?;
        Ok(RepairReport::new(py, report)?)
    }

    /// Rebuilds the index of the store in a directory from its segments alone, whatever state meta.redb
    /// is in; the old one, if any, is kept as meta.redb.bad. The store must not be open.
    ///
    /// Raises NotFound when the directory holds no store, Locked when it is open, Corrupt when a
    /// segment belongs to another store, Unsupported when a later version wrote it, Io.
    #[staticmethod]
    fn rebuild(py: Python<'_>, path: PathBuf) -> Outcome<RebuildReport> {
        Ok(patient(py, move || holdall::Store::rebuild(&path, &Options::new()))?.into())
    }

    /// Removes what nothing refers to once the grace period is over, and compacts, in short steps
    /// alongside other work. Call it from a timer, in one process.
    fn gc(&self, py: Python<'_>) -> Outcome<GcReport> {
        let store = self.store()?.clone();
        Ok(patient(py, move || store.gc())?.into())
    }

    /// How long content outlives its last version; the longest life of an archive.
    #[getter]
    fn grace(&self, py: Python<'_>) -> Outcome<Duration> {
        self.call(py, |store| store.grace())
    }

    /// Sets the grace, for every process that has the store open: seconds or a timedelta. A longer one
    /// holds for all that was not removed yet. A shorter one limits new archives at once; content goes
    /// sooner only when the archives that are out are over, so at once where there are none.
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
