//! The Python class `Store`, and `open`.

use std::path::PathBuf;
use std::sync::Arc;

use holdall::{Dedup, Mode, Options};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::body::{self, Body};
use crate::convert::{self, Node, Pick};
use crate::datetime::{Datetime, datetime};
use crate::drive::Drive;
use crate::fault::{Fault, Outcome};
use crate::handle::{Handle, Shared};
use crate::serve::{Asked, Reply};
use crate::value::{FileInfo, Grant, Version};

/// An open store. Every thread may use it, and so may a forked child, which reopens it at its first use.
/// It is pickled as its path and options.
#[pyclass(frozen, weakref, module = "holdall")]
pub(crate) struct Store {
    handle: Shared,
}

impl Store {
    pub(crate) fn store(&self) -> Outcome<&holdall::Store> {
        self.handle.store()
    }

    /// Calls a verb of the store without the GIL.
    pub(crate) fn call<T: Send>(
        &self,
        py: Python<'_>,
        verb: impl FnOnce(&holdall::Store) -> holdall::Result<T> + Send,
    ) -> Outcome<T> {
        let store = self.store()?;
        Ok(py.detach(|| verb(store))?)
    }
}

/// Opens the store in a directory, creating it if it does not exist.
///
/// mode: "shared" for any number of processes, such as web workers; "exclusive" for a single process,
///     which then commits several times faster.
/// keys: the host's own secrets for URLs, at least 32 bytes each: the first signs, all verify, and so do
///     the keys that the store already has. By default the store creates its own.
/// base_url: the base of URLs: "/", "/files/", or "https://cdn.example/files/".
/// create: whether to create the store if there is none.
/// dedup: "store" stores equal content once, "drive" once in each drive.
/// threshold: the size in bytes from which content gets its own file: 4 KiB to 16 MiB, 1 MiB by default.
/// segment_bytes: the length in bytes at which a new segment is started: 256 MiB by default.
/// cache_bytes: bytes of memory for cached rows: 64 MiB by default.
/// max_put_bytes: the longest content in bytes that a put accepts: 1 TiB by default.
/// grace: the grace period: how long content outlives its last version, in seconds or as a timedelta. It
///     belongs to the store: given here, it is set as by `Store.set_grace`; a new store has one day.
/// max_lifetime: the longest lifetime of a URL: seconds or a timedelta, 7 days by default.
/// max_archive_entries, max_archive_bytes: limits of an archive: 100,000 and 1 TiB by default.
/// lock_timeout: how long to wait for another process that is opening the store: 10 seconds.
/// map: whether content is sent from maps of its files. Without, it is read, at the price of a copy,
///     and a file that loses bytes while it is sent, on a disk that fails say, is an Io error and not
///     the end of the process by SIGBUS.
/// drive_archive_quota, share_archive_quota: bytes that the lists of members take of all archives of a
///     drive's owner, and of a share's visitors: 1 GiB and 64 MiB by default.
/// wrong_passwords: how many wrong passwords for a share are checked at once of one client and of all
///     clients, in each process: a pair, (10, 100) by default; then one a minute, and one every 6
///     seconds. More are refused unchecked, by Denied with a `retry_after`.
/// cross_origin: which pages of other origins may show what URLs give: "same-origin", "same-site" or
///     "cross-origin"; or origins whose scripts may read it, "https://a.example https://b.example" or
///     a list, "*" for all.
///
/// Opening a directory twice in a process gives one store, with the options of the first; it closes with
/// the last handle.
///
/// In a directory that takes no writes of this process (a read-only mount, or no permission) the store
/// is opened for reading, also by any number of processes. Whatever would change it raises ReadOnly, a
/// URL for a number of uses and a share with a limit of downloads too; other downloads are not counted.
///
/// Raises Locked when another process has it open in a mode that excludes this one, InvalidArgument when
/// the directory holds something else or an option is invalid, NotFound when there is no store and
/// `create` is false, ReadOnly when none can be made, Unsupported when a later version made it, Corrupt
/// when it is damaged.
#[pyfunction]
#[pyo3(signature = (
    path, *, mode = "shared", keys = None, base_url = "/", create = true, dedup = "store", threshold = None,
    segment_bytes = None, cache_bytes = None, max_put_bytes = None, grace = None, max_lifetime = None,
    max_archive_entries = None, max_archive_bytes = None, lock_timeout = None, map = true,
    drive_archive_quota = None, share_archive_quota = None, wrong_passwords = None, cross_origin = None
))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn open(
    py: Python<'_>,
    path: PathBuf,
    mode: &str,
    keys: Option<Vec<PyBackedBytes>>,
    base_url: &str,
    create: bool,
    dedup: &str,
    #[pyo3(from_py_with = convert::count)] threshold: Option<usize>,
    #[pyo3(from_py_with = convert::count)] segment_bytes: Option<u64>,
    #[pyo3(from_py_with = convert::count)] cache_bytes: Option<usize>,
    #[pyo3(from_py_with = convert::count)] max_put_bytes: Option<u64>,
    grace: Option<&Bound<'_, PyAny>>,
    max_lifetime: Option<&Bound<'_, PyAny>>,
    #[pyo3(from_py_with = convert::count)] max_archive_entries: Option<u64>,
    #[pyo3(from_py_with = convert::count)] max_archive_bytes: Option<u64>,
    lock_timeout: Option<&Bound<'_, PyAny>>,
    map: bool,
    #[pyo3(from_py_with = convert::count)] drive_archive_quota: Option<u64>,
    #[pyo3(from_py_with = convert::count)] share_archive_quota: Option<u64>,
    wrong_passwords: Option<(u32, u32)>,
    cross_origin: Option<&Bound<'_, PyAny>>,
) -> Outcome<Py<Store>> {
    let keywords = PyDict::new(py);
    let mut options = Options::new().base_url(base_url).create(create).map(map);
    options = match mode {
        "shared" => options.mode(Mode::Shared),
        "exclusive" => options.mode(Mode::Exclusive),
        other => {
            return Err(Fault::invalid(format!(
                "the mode {other:?} is neither \"shared\" nor \"exclusive\""
            )));
        }
    };
    options = match dedup {
        "store" => options.dedup(Dedup::Store),
        "drive" => options.dedup(Dedup::Drive),
        other => return Err(Fault::invalid(format!("dedup {other:?} is neither \"store\" nor \"drive\""))),
    };
    for (name, value) in [("mode", mode), ("base_url", base_url), ("dedup", dedup)] {
        keywords.set_item(name, value)?;
    }
    keywords.set_item("create", create)?;
    keywords.set_item("map", map)?;
    macro_rules! numbers {
        ($($name:ident)*) => {$(
            if let Some(number) = $name {
                options = options.$name(number);
                keywords.set_item(stringify!($name), number)?;
            }
        )*};
    }
    numbers!(threshold segment_bytes cache_bytes max_put_bytes max_archive_entries max_archive_bytes);
    numbers!(drive_archive_quota share_archive_quota);
    if let Some((of_client, of_all)) = wrong_passwords {
        options = options.wrong_passwords(of_client, of_all);
        keywords.set_item("wrong_passwords", (of_client, of_all))?;
    }
    if let Some(policy) = cross_origin {
        let policy = convert::cross_origin(policy)?;
        keywords.set_item("cross_origin", policy.to_string())?;
        options = options.cross_origin(policy);
    }
    macro_rules! durations {
        ($($name:ident)*) => {$(
            if let Some(length) = $name {
                options = options.$name(convert::duration(length)?);
                keywords.set_item(stringify!($name), length)?;
            }
        )*};
    }
    durations!(grace max_lifetime lock_timeout);
    let handle = Handle::open(py, path, options, keywords)?;
    if let Some(keys) = keys {
        let store = handle.store()?;
        py.detach(|| store.use_keys(&keys))?;
    }
    let store = Py::new(py, Store { handle: Arc::new(handle) })?;
    py.import("holdall._exit")?.getattr("OPEN")?.call_method1("add", (&store,))?;
    Ok(store)
}

/// Opens a store as a pickle describes it.
#[pyfunction]
pub(crate) fn _reopen<'py>(
    py: Python<'py>,
    path: &Bound<'py, PyAny>,
    keywords: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import("holdall")?.getattr("open")?.call((path,), Some(keywords))
}

#[pymethods]
impl Store {
    /// The directory, without symbolic links. Raises Unsupported if the store is in a database.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyAny>> {
        if holdall::is_address(&self.handle.path) {
            let message = "a store in a database has no directory";
            return Err(holdall::Error::new(holdall::ErrorKind::Unsupported, message).into());
        }
        Ok(py.import("pathlib")?.getattr("Path")?.call1((&self.handle.path,))?)
    }

    /// Whether this handle was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// When the store was created: an aware datetime in UTC.
    #[getter]
    fn created(&self, py: Python<'_>) -> Outcome<Datetime> {
        self.call(py, |store| store.created()).map(datetime)
    }

    /// Opens a drive by name, creating it if it does not exist.
    ///
    /// Raises InvalidArgument when the name breaks the rules of names.
    fn drive(&self, py: Python<'_>, name: String) -> Outcome<Drive> {
        Drive::named(py, &self.handle, name)
    }

    /// Describes a version by id.
    ///
    /// Raises NotFound when there never was such a version, Gone when it was removed.
    fn version(&self, py: Python<'_>, version: Pick) -> Outcome<Version> {
        Ok(Version(self.call(py, |store| store.version(version.0))?))
    }

    /// Describes a file or folder by id, wherever it is.
    ///
    /// Raises NotFound when there is none.
    fn file(&self, py: Python<'_>, file: Node) -> Outcome<FileInfo> {
        Ok(FileInfo(self.call(py, |store| store.file(file.0))?))
    }

    /// Returns the path of a file or folder in its drive; None when it is in the trash or deleted.
    ///
    /// Raises NotFound when there is none.
    fn path_of(&self, py: Python<'_>, file: Node) -> Outcome<Option<String>> {
        self.call(py, |store| store.path_of(file.0))
    }

    /// Opens the content of a version for reading: a raw binary file object.
    ///
    /// Raises NotFound when there never was such a version, Gone when it was removed, Corrupt when the
    /// content is visibly damaged.
    fn open_version<'py>(&self, py: Python<'py>, version: Pick) -> Outcome<Bound<'py, PyAny>> {
        let found = self.call(py, |store| store.open_version(version.0))?;
        body::reader(&Bound::new(py, Body(found))?)
    }

    /// Makes an older version the current one, without copying.
    ///
    /// Raises NotFound when there never was such a version, Gone when it was removed.
    fn set_current(&self, py: Python<'_>, version: Pick) -> Outcome<()> {
        self.call(py, |store| store.set_current(version.0))
    }

    /// Removes a version that is not the current one.
    ///
    /// Raises InvalidArgument for the current one, NotFound when there never was one, Gone when it
    /// was removed already.
    fn remove_version(&self, py: Python<'_>, version: Pick) -> Outcome<()> {
        self.call(py, |store| store.remove_version(version.0))
    }

    /// Exempts a version from the version limit, or no longer.
    ///
    /// Raises NotFound when there never was such a version, Gone when it was removed.
    #[pyo3(signature = (version, keep = true))]
    fn keep(&self, py: Python<'_>, version: Pick, keep: bool) -> Outcome<()> {
        self.call(py, |store| store.keep(version.0, keep))
    }

    /// Answers a request for a URL of this store. A bad request or URL gives a reply, too, so a host
    /// always sends the result.
    ///
    /// method: "GET" or "HEAD"; others get 405.
    /// target: the URL, absolute or from its path on, with its query, still percent-encoded.
    /// headers: a mapping or pairs, of str or bytes; names are case-insensitive.
    /// client: the client's address, for URLs that are bound to a network.
    /// now: when the request arrived, an aware datetime or seconds since 1970; now by default.
    ///
    /// Raises only errors that concern the host: Io, Corrupt, Poisoned, Locked, Bug, Forked, ReadOnly.
    /// `Reply.from_error` turns them into replies.
    #[pyo3(signature = (method, target, headers = None, *, client = None, now = None))]
    fn serve(
        &self,
        py: Python<'_>,
        method: &str,
        target: &str,
        headers: Option<&Bound<'_, PyAny>>,
        client: Option<&str>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Reply> {
        let asked = Asked::new(headers, client, now)?;
        let reply = self.call(py, |store| store.serve(&asked.request(method, target)))?;
        Ok(Reply::new(py, reply)?)
    }

    /// Verifies a URL as `serve` does, and returns what it permits. Counts nothing.
    ///
    /// Raises Denied, Expired, NotFound and Gone when it permits nothing.
    #[pyo3(signature = (target, *, client = None, now = None))]
    fn verify(
        &self,
        py: Python<'_>,
        target: &str,
        client: Option<&str>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Grant> {
        let asked = Asked::new(None, client, now)?;
        Ok(Grant(self.call(py, |store| store.verify(&asked.request("GET", target)))?))
    }

    /// Closes this handle, and the store with its last handle in this process. Bodies and files that
    /// were handed out stay whole. Closing twice does nothing.
    fn close(&self, py: Python<'_>) -> Outcome<()> {
        Ok(py.detach(|| self.handle.close())?)
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> Outcome<()> {
        self.close(py)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let reopen = py.import("holdall._holdall")?.getattr("_reopen")?;
        // As text: a path would join the slashes of an address.
        (reopen, (self.handle.path.as_os_str(), self.handle.keywords.clone_ref(py))).into_pyobject(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        if holdall::is_address(&self.handle.path) {
            // The address may have a password.
            let closed = if self.handle.is_closed() { " closed" } else { "" };
            return Ok(format!("<Store in a database{closed}>"));
        }
        let path: String = PyString::new(py, &self.handle.path.to_string_lossy()).repr()?.extract()?;
        Ok(format!("<Store {path}{}>", if self.handle.is_closed() { " closed" } else { "" }))
    }
}
