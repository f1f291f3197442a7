//! Stores and object storage: shipping a store there, restoring it, and moving it. Without the feature `remote` these
//! raise Unsupported, as `open` does for the address of a database.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;

use crate::convert::{duration, time};
use crate::datetime::Datetime;
#[cfg(feature = "remote")]
use crate::datetime::datetime;
use crate::fault::Outcome;
use crate::job::watched;
use crate::store::Store;

/// States that can be restored, if nothing else is said: those of 7 days.
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

#[cfg(not(feature = "remote"))]
fn left_out<T>(what: &str) -> holdall::Result<T> {
    let message =
        format!("{what} is not part of this build of the package; build it with the feature `remote`");
    Err(holdall::Error::new(holdall::ErrorKind::Unsupported, message))
}

#[pymethods]
impl Store {
    /// Begins to ship the store, which is in a directory, to object storage, while it is in use. Nothing is
    /// asked for before `Shipper.ship`.
    ///
    /// address: s3://BUCKET/PREFIX, with the parameters endpoint, region and cache behind a ?.
    /// keep: seconds or a timedelta; states of so long can be restored, besides the newest. None is 7 days.
    ///
    /// Raises InvalidArgument when the address is none, Unsupported for a store in a database, or where the
    /// package was built without the feature remote.
    #[pyo3(signature = (address, *, keep = None))]
    fn shipper(&self, address: String, keep: Option<&Bound<'_, PyAny>>) -> Outcome<Shipper> {
        let keep = keep.map_or(Ok(KEEP), duration)?;
        Shipper::begin(self.store()?, &address, keep)
    }

    /// Makes a store in a directory, which is new or empty, of what was shipped to an address. All content
    /// is read and verified before the directory has its name; until then it is called path.restoring.
    ///
    /// until: an aware datetime, or seconds since 1970: the store is as the last group of that time or
    ///     before left it. None is the newest state.
    /// progress: called now and then with the bytes done and the bytes in all.
    ///
    /// Raises NotFound when nothing was shipped there or nothing of that time is kept, InvalidArgument when
    /// the directory holds something, Corrupt when what was shipped is damaged, Unsupported as `shipper`,
    /// Io, and what `progress` raises.
    #[staticmethod]
    #[pyo3(signature = (address, path, *, until = None, progress = None))]
    fn restore(
        py: Python<'_>,
        address: String,
        path: PathBuf,
        until: Option<&Bound<'_, PyAny>>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<RestoreReport> {
        let until = until.map(time).transpose()?;
        #[cfg(feature = "remote")]
        let done =
            watched(py, progress, move |watch| holdall::Store::restore(&address, &path, until, watch))?
                .into();
        #[cfg(not(feature = "remote"))]
        let done = watched(py, progress, move |_| {
            let _ = (address, path, until);
            left_out("restoring from object storage")
        })?;
        Ok(done)
    }

    /// Moves the store while it is in use: from a directory to the address of a database and object storage,
    /// as `open` takes it, or back to a directory that is new or empty. Where it was it takes no writes then:
    /// they raise ReadOnly. A move that was cut off goes on when it is called again.
    ///
    /// progress: called now and then with the bytes done and the bytes in all; it must not write to the store.
    ///
    /// Raises Exists when something else is there, Unsupported as `shipper`, Corrupt, Io, and what `progress`
    /// raises.
    #[pyo3(signature = (address, *, progress = None))]
    fn migrate(
        &self,
        py: Python<'_>,
        address: PathBuf,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<MigrateReport> {
        let store = self.store()?.clone();
        let address = address.into_os_string().into_string();
        let address = address.map_err(|_| crate::fault::Fault::invalid("the address is not UTF-8"))?;
        #[cfg(feature = "remote")]
        let done = watched(py, progress, move |watch| store.migrate(&address, watch))?.into();
        #[cfg(not(feature = "remote"))]
        let done = watched(py, progress, move |_| {
            let _ = (store, address);
            left_out("moving a store")
        })?;
        Ok(done)
    }
}

/// Ships a store to object storage; made by `Store.shipper`.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Shipper {
    #[cfg(feature = "remote")]
    shipper: std::sync::Arc<std::sync::Mutex<holdall::Shipper>>,
}

impl Shipper {
    #[cfg(feature = "remote")]
    fn begin(store: &holdall::Store, address: &str, keep: Duration) -> Outcome<Shipper> {
        let shipper = store.shipper(address, keep)?;
        Ok(Shipper { shipper: std::sync::Arc::new(std::sync::Mutex::new(shipper)) })
    }

    #[cfg(not(feature = "remote"))]
    fn begin(_store: &holdall::Store, _address: &str, _keep: Duration) -> Outcome<Shipper> {
        Ok(left_out("shipping")?)
    }
}

#[pymethods]
impl Shipper {
    /// Ships all that was acknowledged before the call and is not there yet: it is safe from the loss of the
    /// machine then. Call it again and again, as every second. A call that was cut off goes on in the next.
    ///
    /// progress: called now and then with the bytes done and the bytes in all.
    ///
    /// Raises Locked when another ships to the same place, InvalidArgument when another store or a later
    /// state is there, Corrupt, Io, and what `progress` raises.
    #[pyo3(signature = (*, progress = None))]
    fn ship(&self, py: Python<'_>, progress: Option<&Bound<'_, PyAny>>) -> Outcome<ShipReport> {
        #[cfg(feature = "remote")]
        let done = {
            let shipper = self.shipper.clone();
            watched(py, progress, move |watch| {
                let mut shipper = shipper.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                shipper.ship(watch)
            })?
            .into()
        };
        #[cfg(not(feature = "remote"))]
        let done = watched(py, progress, |_| left_out("shipping"))?;
        Ok(done)
    }

    fn __repr__(&self) -> &'static str {
        "<Shipper>"
    }
}

/// What `Shipper.ship` did.
#[pyclass(frozen, get_all, module = "holdall")]
pub(crate) struct ShipReport {
    /// The number of the last group that is shipped.
    lsn: u64,
    /// When it was shipped, an aware datetime in UTC; a restore takes this time for it.
    shipped: Datetime,
    /// Bytes of the log that were shipped.
    log_bytes: u64,
    /// Large contents that were shipped.
    contents: u64,
    /// Their bytes.
    content_bytes: u64,
    /// Objects that were removed, because nothing that is kept needs them.
    removed: u64,
    /// Sentences of what could not be shipped because it is damaged, or not be removed; the next call tries
    /// again.
    failed: Vec<String>,
}

#[cfg(feature = "remote")]
impl From<holdall::ShipReport> for ShipReport {
    fn from(report: holdall::ShipReport) -> ShipReport {
        let holdall::ShipReport { lsn, time, log_bytes, contents, content_bytes, removed, failed, .. } =
            report;
        let failed = failed.iter().map(ToString::to_string).collect();
        ShipReport { lsn, shipped: datetime(time), log_bytes, contents, content_bytes, removed, failed }
    }
}

#[pymethods]
impl ShipReport {
    fn __repr__(&self) -> String {
        format!("<ShipReport {} bytes of the log, {} contents>", self.log_bytes, self.contents)
    }
}

/// What `Store.restore` did.
#[pyclass(frozen, get_all, module = "holdall")]
pub(crate) struct RestoreReport {
    /// The number of the last group in the store.
    lsn: u64,
    /// The time that the store is of, an aware datetime in UTC.
    restored: Datetime,
    /// Segments that were restored.
    segments: u64,
    /// Large contents that were restored.
    contents: u64,
    /// Bytes that were read.
    bytes: u64,
    /// Files in the store.
    files: u64,
    /// Versions in the store.
    versions: u64,
}

#[cfg(feature = "remote")]
impl From<holdall::RestoreReport> for RestoreReport {
    fn from(report: holdall::RestoreReport) -> RestoreReport {
        let holdall::RestoreReport { lsn, time, segments, contents, bytes, files, versions, .. } = report;
        RestoreReport { lsn, restored: datetime(time), segments, contents, bytes, files, versions }
    }
}

#[pymethods]
impl RestoreReport {
    fn __repr__(&self) -> String {
        format!("<RestoreReport {} files, {} bytes>", self.files, self.bytes)
    }
}

/// What `Store.migrate` did.
#[pyclass(frozen, get_all, module = "holdall")]
pub(crate) struct MigrateReport {
    /// Segments that were copied.
    segments: u64,
    /// Large contents that were copied.
    contents: u64,
    /// Bytes of both.
    bytes: u64,
    /// Rows that were copied.
    rows: u64,
    /// Groups of the log whose changes were made after that.
    groups: u64,
    /// How long writers had to wait at the end, a timedelta.
    waited: Duration,
}

#[cfg(feature = "remote")]
impl From<holdall::MigrateReport> for MigrateReport {
    fn from(report: holdall::MigrateReport) -> MigrateReport {
        let holdall::MigrateReport { segments, contents, bytes, rows, groups, waited, .. } = report;
        MigrateReport { segments, contents, bytes, rows, groups, waited }
    }
}

#[pymethods]
impl MigrateReport {
    fn __repr__(&self) -> String {
        format!("<MigrateReport {} bytes, {} rows>", self.bytes, self.rows)
    }
}
