//! Stores.

use std::path::PathBuf;
use std::sync::Arc;

use holdall::{
    ArchiveId, CheckOptions, Dedup, Error, ErrorKind, FileId, LinkId, Mode, Options, ShareId, Watch,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::body::{self, Body};
use crate::convert::{self, Moment, Node, Pick, moment};
use crate::drive::Drive;
use crate::fault::{Fault, Outcome};
use crate::handle::{Handle, Shared};
use crate::report::{BackupReport, CheckReport, GcReport, Key, RepairReport, Stats};
use crate::serve::{Asked, Reply};
use crate::share::Visit;
use crate::url::{self, Terms};
use crate::value::{FileInfo, Grant, Link, Share, Version};

/// An open store. Every thread may use it; so may a forked child, which opens it anew at its first
/// use. It pickles as its path and options.
#[pyclass(frozen, weakref, module = "holdall")]
pub(crate) struct Store {
    handle: Shared,
}

impl Store {
    /// Calls a verb of the store without the GIL.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        verb: impl FnOnce(&holdall::Store) -> holdall::Result<T> + Send,
    ) -> Outcome<T> {
        let store = self.handle.store()?;
        Ok(py.detach(|| verb(store))?)
    }
}

/// Opens the store in a directory, and makes it where there is none.
///
/// mode: "shared" for any number of processes, such as web workers; "exclusive" for one, which then
///     commits several times faster.
/// base_url: what URLs begin with: "/", "/files/", or "https://cdn.example/files/".
/// create: whether a store is made where none is.
/// dedup: "store" holds equal content once, "drive" once for each drive.
/// threshold: bytes from which content gets a file of its own: 1 MiB by default, 4 KiB to 16 MiB.
/// segment_bytes: bytes after which a segment is left for a new one: 256 MiB by default.
/// cache_bytes: bytes of rows that are kept in memory: 64 MiB by default.
/// max_put_bytes: bytes of the longest content that a put takes: 1 TiB by default.
/// grace: how long content outlives its last version: seconds or a timedelta, a day by default.
/// max_lifetime: the longest that a URL may live: seconds or a timedelta, 7 days by default.
/// max_archive_entries, max_archive_bytes: limits of an archive: 100,000 and 1 TiB by default.
/// lock_timeout: how long to wait for another process that is opening the store: 10 seconds.
///
/// The same directory opened twice in a process is one store, with the options of the first; it
/// closes with the last handle.
///
/// Raises Locked when another process has it open in a mode that excludes this one, InvalidArgument
/// when the directory holds something else or an option can never be right, NotFound when there is
/// none and `create` is false, Unsupported when a later version made it, Corrupt when it is damaged.
#[pyfunction]
#[pyo3(signature = (
    path, *, mode = "shared", base_url = "/", create = true, dedup = "store", threshold = None,
    segment_bytes = None, cache_bytes = None, max_put_bytes = None, grace = None, max_lifetime = None,
    max_archive_entries = None, max_archive_bytes = None, lock_timeout = None
))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn open(
    py: Python<'_>,
    path: PathBuf,
    mode: &str,
    base_url: &str,
    create: bool,
    dedup: &str,
    threshold: Option<usize>,
    segment_bytes: Option<u64>,
    cache_bytes: Option<usize>,
    max_put_bytes: Option<u64>,
    grace: Option<&Bound<'_, PyAny>>,
    max_lifetime: Option<&Bound<'_, PyAny>>,
    max_archive_entries: Option<u64>,
    max_archive_bytes: Option<u64>,
    lock_timeout: Option<&Bound<'_, PyAny>>,
) -> Outcome<Py<Store>> {
    let keywords = PyDict::new(py);
    let mut options = Options::new().base_url(base_url).create(create);
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
    macro_rules! numbers {
        ($($name:ident)*) => {$(
            if let Some(number) = $name {
                options = options.$name(number);
                keywords.set_item(stringify!($name), number)?;
            }
        )*};
    }
    numbers!(threshold segment_bytes cache_bytes max_put_bytes max_archive_entries max_archive_bytes);
    macro_rules! durations {
        ($($name:ident)*) => {$(
            if let Some(length) = $name {
                options = options.$name(convert::duration(length)?);
                keywords.set_item(stringify!($name), length)?;
            }
        )*};
    }
    durations!(grace max_lifetime lock_timeout);
    let store = Py::new(py, Store { handle: Arc::new(Handle::open(py, path, options, keywords)?) })?;
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
    /// The directory, without symbolic links.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("pathlib")?.getattr("Path")?.call1((&self.handle.path,))
    }

    /// Whether this handle was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// When the store was made: an aware datetime in UTC.
    #[getter]
    fn created(&self, py: Python<'_>) -> Outcome<Moment> {
        self.call(py, |store| store.created()).map(moment)
    }

    /// Opens a drive by its name, and makes it where there is none.
    ///
    /// Raises InvalidArgument when the name breaks the rules of names.
    fn drive(&self, py: Python<'_>, name: String) -> Outcome<Drive> {
        Drive::named(py, &self.handle, name)
    }

    /// Returns what a version is, by its id.
    ///
    /// Raises NotFound when there never was one, Gone when it was removed.
    fn version(&self, py: Python<'_>, version: Pick) -> Outcome<Version> {
        Ok(Version(self.call(py, |store| store.version(version.0))?))
    }

    /// Returns what a file or folder is, by its id, wherever it lies.
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
    /// Raises NotFound when there never was one, Gone when it was removed, Corrupt when the content
    /// is damaged in a way that shows at once.
    fn open_version<'py>(&self, py: Python<'py>, version: Pick) -> Outcome<Bound<'py, PyAny>> {
        let found = self.call(py, |store| store.open_version(version.0))?;
        body::reader(&Bound::new(py, Body(found))?)
    }

    /// Makes an older version the current one; nothing is copied.
    ///
    /// Raises NotFound when there never was one, Gone when it was removed.
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

    /// Marks a version to be kept whatever the limit on their number, or no longer.
    ///
    /// Raises NotFound when there never was one, Gone when it was removed.
    #[pyo3(signature = (version, keep = true))]
    fn keep(&self, py: Python<'_>, version: Pick, keep: bool) -> Outcome<()> {
        self.call(py, |store| store.keep(version.0, keep))
    }

    /// Returns a URL of one version: it gives the same bytes whatever becomes of the file.
    ///
    /// expires: seconds from now, a timedelta, or an aware datetime: at least a second from now, at
    ///     most the store's max_lifetime; 15 minutes by default. Checked when a request comes: a
    ///     transfer that has begun is never cut.
    /// never_expires: makes it valid until it is revoked or its key is removed.
    /// stable_for: rounds the expiry up to the end of a window of that length (seconds or a
    ///     timedelta), so that the same call gives the same URL within it, which caches like.
    /// disposition: "attachment", or "inline" to let a browser show what can do no harm.
    /// name, media_type: what a download is saved as; by default the file's.
    /// network: serves only clients of it, such as "192.0.2.0/24".
    /// max_uses: serves at most so many GET requests with content.
    /// public_cache: lets shared caches keep the reply while the URL lives.
    /// pace: asks the host to send no more than so many bytes a second.
    /// form: "native", or "cloudreve" for the form of Cloudreve v4.
    ///
    /// Raises InvalidArgument when the lifetime is out of range or a name or type can never be
    /// right, NotFound and Gone when there is no such version.
    #[pyo3(signature = (
        version, *, expires = None, never_expires = false, stable_for = None,
        disposition = "attachment", name = None, media_type = None, network = None, max_uses = None,
        public_cache = false, pace = None, form = "native"
    ))]
    #[allow(clippy::too_many_arguments)]
    fn url(
        &self,
        py: Python<'_>,
        version: Pick,
        expires: Option<&Bound<'_, PyAny>>,
        never_expires: bool,
        stable_for: Option<&Bound<'_, PyAny>>,
        disposition: &str,
        name: Option<&str>,
        media_type: Option<&str>,
        network: Option<&str>,
        max_uses: Option<u32>,
        public_cache: bool,
        pace: Option<u64>,
        form: &str,
    ) -> Outcome<String> {
        let terms = Terms {
            expires,
            never_expires,
            stable_for,
            disposition,
            name,
            media_type,
            network,
            max_uses,
            public_cache,
            pace,
        };
        url::sign(py, terms.of(self.handle.store()?.url(version.0))?, form)
    }

    /// Answers a request for a URL of this store. Whatever is wrong with the request or the URL is
    /// a reply too, so a host sends what comes back.
    ///
    /// method: "GET" or "HEAD"; others get 405.
    /// target: the URL, whole or from its path on, with the query, still percent-encoded.
    /// headers: a mapping or pairs, of str or bytes; names in any case.
    /// client: the client's address, for URLs that are bound to a network.
    /// now: when the request came, an aware datetime or seconds since 1970; now by default.
    ///
    /// Raises only what the host must know of: Io, Corrupt, Poisoned, Locked, Bug, Forked.
    /// `Reply.from_error` makes replies of them.
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

    /// Verifies a URL as `serve` does, and returns what it permits. Nothing is counted.
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

    /// Makes every URL of something invalid: of a Version, a FileInfo with its versions, a Share, a
    /// Drive, or what has the id, which names its kind by its letter.
    ///
    /// Raises NotFound when there is none, InvalidArgument when the text is no id.
    fn revoke(&self, py: Python<'_>, target: &Bound<'_, PyAny>) -> Outcome<()> {
        if let Ok(drive) = target.cast::<Drive>() {
            return drive.get().revoke(py);
        }
        if let Ok(share) = target.cast::<Share>() {
            let id = share.get().0.id;
            return self.call(py, |store| store.revoke_share(id));
        }
        if let Ok(file) = target.cast::<FileInfo>() {
            let id = file.get().0.id;
            return self.call(py, |store| store.revoke_file(id));
        }
        if let Ok(version) = target.cast::<Version>() {
            let id = version.get().0.id;
            return self.call(py, |store| store.revoke_version(id));
        }
        let id: String = target.extract().map_err(|_| {
            PyTypeError::new_err("revoke takes a Version, FileInfo, Share or Drive, or an id as a str")
        })?;
        self.call(py, |store| match id.chars().next() {
            Some('f') => store.revoke_file(id.parse::<FileId>()?),
            Some('s') => store.revoke_share(id.parse::<ShareId>()?),
            Some('a') => store.revoke_archive(id.parse::<ArchiveId>()?),
            Some('v') => store.revoke_version(id.parse()?),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{id:?} is not the id of a version, file, share or archive"),
            )),
        })
    }

    /// Makes a new key that signs from now on; those before go on verifying. Returns its id.
    fn rotate_key(&self, py: Python<'_>) -> Outcome<u16> {
        self.call(py, |store| store.rotate_key())
    }

    /// Adds a key of the host's own, at least 32 bytes, that signs from now on. Returns its id.
    ///
    /// Raises InvalidArgument when it is too short or all zero, Exists when it is there already.
    fn add_key(&self, py: Python<'_>, secret: Vec<u8>) -> Outcome<u16> {
        self.call(py, |store| store.add_key(&secret))
    }

    /// Removes a key: every URL that it signed is invalid from now on.
    ///
    /// Raises NotFound when there is none of that id, InvalidArgument for the one that signs.
    fn remove_key(&self, py: Python<'_>, id: u16) -> Outcome<()> {
        self.call(py, |store| store.remove_key(id))
    }

    /// Lists the keys, without their secrets.
    fn keys(&self, py: Python<'_>) -> Outcome<Vec<Key>> {
        Ok(self.call(py, |store| store.keys())?.into_iter().map(Key).collect())
    }

    /// Lets a visitor into a share, by the Share or its id.
    ///
    /// Raises NotFound when there is none, Denied when the password is wrong or missing, Expired and
    /// Gone when it is over.
    #[pyo3(signature = (share, password = None))]
    fn visit(&self, py: Python<'_>, share: &Bound<'_, PyAny>, password: Option<&str>) -> Outcome<Visit> {
        let id = share_id(share)?;
        Ok(Visit(self.call(py, |store| store.visit(id, password))?))
    }

    /// Deletes a share, by the Share or its id.
    ///
    /// Raises NotFound when there is none.
    fn unshare(&self, py: Python<'_>, share: &Bound<'_, PyAny>) -> Outcome<()> {
        let id = share_id(share)?;
        self.call(py, |store| store.unshare(id))
    }

    /// Returns what a direct link is and how often it was used, by the Link or its id.
    ///
    /// Raises NotFound when there is none.
    fn link(&self, py: Python<'_>, link: &Bound<'_, PyAny>) -> Outcome<Link> {
        let id = link_id(link)?;
        self.call(py, |store| {
            let info = store.find_link(id)?;
            Ok(Link { url: store.link_url(&info)?, info })
        })
    }

    /// Deletes a direct link, by the Link or its id.
    ///
    /// Raises NotFound when there is none.
    fn unlink(&self, py: Python<'_>, link: &Bound<'_, PyAny>) -> Outcome<()> {
        let id = link_id(link)?;
        self.call(py, |store| store.unlink(id))
    }

    /// Checks the store while it is in use: that the rows agree, that every content is in its place,
    /// that the log can be read. Nothing is changed.
    ///
    /// content: whether all content is read and hashed again.
    /// progress: called with the bytes done and the bytes there are.
    ///
    /// Damage is no error but in the report. Raises Io, and what `progress` raises.
    #[pyo3(signature = (*, content = false, progress = None))]
    fn check(&self, py: Python<'_>, content: bool, progress: Option<Py<PyAny>>) -> Outcome<CheckReport> {
        let store = self.handle.store()?;
        let report =
            watched(py, progress, |watch| store.check(CheckOptions::new().content(content).watch(watch)))?;
        Ok(CheckReport::new(py, report)?)
    }

    /// Copies the store as it is at one moment into a directory, while it is in use. The copy opens
    /// as a store. A directory that an earlier backup made is brought up to date: only what is new
    /// is copied. Large contents are hard links where the directory is on the same file system.
    ///
    /// progress: called with the bytes done and the bytes there are.
    ///
    /// Raises InvalidArgument when the directory holds something else, Locked when the copy is open,
    /// Io, and what `progress` raises.
    #[pyo3(signature = (target, *, progress = None))]
    fn backup(&self, py: Python<'_>, target: PathBuf, progress: Option<Py<PyAny>>) -> Outcome<BackupReport> {
        let store = self.handle.store()?;
        Ok(watched(py, progress, |watch| store.backup(&target, watch))?.into())
    }

    /// Reads all content, and restores what is damaged from a sound copy where the store has one.
    /// Nothing is removed; what cannot be restored is in the report.
    fn repair(&self, py: Python<'_>) -> Outcome<RepairReport> {
        let report = self.call(py, |store| store.repair())?;
        Ok(RepairReport::new(py, report)?)
    }

    /// Removes what nothing refers to once its grace is over, and compacts. It works in short steps
    /// beside everything else: call it from a timer, in one process.
    fn gc(&self, py: Python<'_>) -> Outcome<GcReport> {
        Ok(self.call(py, |store| store.gc())?.into())
    }

    /// Copies what lives out of segments that are more than half dead, and removes them.
    fn compact(&self, py: Python<'_>) -> Outcome<GcReport> {
        Ok(self.call(py, |store| store.compact())?.into())
    }

    /// Returns what the store holds, in numbers.
    fn stats(&self, py: Python<'_>) -> Outcome<Stats> {
        Ok(self.call(py, |store| store.stats())?.into())
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
        (reopen, (self.handle.path.clone(), self.handle.keywords.clone_ref(py))).into_pyobject(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let path: String = PyString::new(py, &self.handle.path.to_string_lossy()).repr()?.extract()?;
        Ok(format!("<Store {path}{}>", if self.handle.is_closed() { " closed" } else { "" }))
    }
}

/// Runs a long job without the GIL, which tells how far it is and stops at an exception.
fn watched<T: Send>(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    job: impl FnOnce(&mut Watch<'_>) -> holdall::Result<T> + Send,
) -> Outcome<T> {
    let mut raised: Option<PyErr> = None;
    let done = py.detach(|| {
        job(&mut |at| {
            let told = Python::attach(|py| {
                if let Some(progress) = &progress {
                    progress.call1(py, (at.done, at.total))?;
                }
                py.check_signals()
            });
            told.map_err(|error| {
                raised = Some(error);
                Error::new(ErrorKind::Bug, "an exception ended the job")
            })
        })
    });
    match (done, raised) {
        (Err(_), Some(error)) => Err(error.into()),
        (done, _) => Ok(done?),
    }
}

fn share_id(value: &Bound<'_, PyAny>) -> Outcome<ShareId> {
    if let Ok(share) = value.cast::<Share>() {
        return Ok(share.get().0.id);
    }
    Ok(value.extract::<String>()?.parse()?)
}

fn link_id(value: &Bound<'_, PyAny>) -> Outcome<LinkId> {
    if let Ok(link) = value.cast::<Link>() {
        return Ok(link.get().info.id);
    }
    Ok(value.extract::<String>()?.parse()?)
}
