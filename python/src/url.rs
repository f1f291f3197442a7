//! URLs: what may be signed.

use holdall::{ArchiveId, Url, VersionId};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::archive::ArchiveInfo;
use crate::convert::{self, DrivePath};
use crate::drive::Drive;
use crate::fault::{Fault, Outcome};
use crate::store::Store;
use crate::terms::Terms;
use crate::value::Version;

/// What a URL is of: a version or an archive; itself, or its id as text.
pub(crate) enum Subject {
    Version(VersionId),
    Archive(ArchiveId),
}

impl FromPyObject<'_, '_> for Subject {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Subject> {
        if let Ok(version) = value.cast::<Version>() {
            return Ok(Subject::Version(version.get().0.id));
        }
        if let Ok(archive) = value.cast::<ArchiveInfo>() {
            return Ok(Subject::Archive(archive.get().0.id));
        }
        let id: String = value.extract().map_err(|_| {
            PyTypeError::new_err(
                "a URL is of a holdall.Version or ArchiveInfo, or of its id as a str; that of a file is \
                 drive.url(path)",
            )
        })?;
        convert::only_id(&id, "the URL of a file is drive.url(path)")?;
        let found = match id.starts_with('a') {
            true => id.parse().map(Subject::Archive),
            false => id.parse().map(Subject::Version),
        };
        found.map_err(|error| Fault::Store(error).into())
    }
}

/// Takes what `Store.url` is called with, and does nothing: the benchmark measures against it.
#[pyfunction]
#[pyo3(signature = (_store, _version, *, expires = None, name = None))]
pub(crate) fn _nothing(
    _store: &Store,
    _version: Subject,
    expires: Option<&Bound<'_, PyAny>>,
    name: Option<&str>,
) -> &'static str {
    let _ = (expires, name);
    ""
}

/// Signs a URL in one of its forms.
pub(crate) fn sign(py: Python<'_>, url: Url, form: &str) -> Outcome<String> {
    match form {
        "native" => Ok(py.detach(|| url.sign())?),
        "cloudreve" => Ok(py.detach(|| url.sign_cloudreve())?),
        other => Err(Fault::invalid(format!("the form {other:?} is neither \"native\" nor \"cloudreve\""))),
    }
}

#[pymethods]
impl Store {
    /// Returns a URL of one version, or of an archive that `Drive.create_archive` made: it serves the
    /// same bytes whatever happens to the file.
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
    /// max_uses: serves at most so many downloads. One is what one client (an address that the host
    ///     passes; all clients are one where it passes none) gets in 24 hours, until the replies are
    ///     as long as the content four times: ranges, retries and resumes belong to it.
    /// max_requests: serves at most so many GET requests with content, ranges and retries alike, in
    ///     place of max_uses: for secrets.
    /// public_cache: lets shared caches keep the reply while the URL lives.
    /// pace: asks the host to send no more than so many bytes a second.
    /// cross_origin: what pages of other origins may do with it, in place of the store's: see `open`.
    /// form: "native", or "cloudreve" for the form of Cloudreve v4.
    ///
    /// Raises InvalidArgument when the lifetime is out of range or a name or type is invalid, NotFound
    /// and Gone when there is no such version.
    #[pyo3(signature = (
        version, *, expires = None, never_expires = false, stable_for = None,
        disposition = "attachment", name = None, media_type = None, network = None, max_uses = None,
        max_requests = None, public_cache = false, pace = None, cross_origin = None, form = "native"
    ))]
    #[allow(clippy::too_many_arguments)]
    fn url(
        &self,
        py: Python<'_>,
        version: Subject,
        expires: Option<&Bound<'_, PyAny>>,
        never_expires: bool,
        stable_for: Option<&Bound<'_, PyAny>>,
        disposition: &str,
        name: Option<&str>,
        media_type: Option<&str>,
        network: Option<&str>,
        #[pyo3(from_py_with = convert::count)] max_uses: Option<u32>,
        #[pyo3(from_py_with = convert::count)] max_requests: Option<u32>,
        public_cache: bool,
        #[pyo3(from_py_with = convert::count)] pace: Option<u64>,
        cross_origin: Option<&Bound<'_, PyAny>>,
        form: &str,
    ) -> Outcome<String> {
        let terms = Terms {
            expires,
            never_expires,
            stable_for,
            disposition: Some(disposition),
            name,
            media_type,
            network,
            max_uses,
            max_requests,
            public_cache,
            pace,
            cross_origin,
        };
        let store = self.store()?;
        let url = match version {
            Subject::Version(id) => store.url(id),
            Subject::Archive(id) => store.url_of_archive(id),
        };
        sign(py, terms.of(url)?, form)
    }
}

#[pymethods]
impl Drive {
    /// Returns a URL of the file at `path`; it serves the version that is current when it is used. The
    /// keyword arguments are those of `Store.url`.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when the lifetime is out of range or a
    /// name or type is invalid.
    #[pyo3(signature = (
        path, *, expires = None, never_expires = false, stable_for = None, disposition = "attachment",
        name = None, media_type = None, network = None, max_uses = None, max_requests = None,
        public_cache = false, pace = None, cross_origin = None
    ))]
    #[allow(clippy::too_many_arguments)]
    fn url(
        &self,
        py: Python<'_>,
        path: DrivePath,
        expires: Option<&Bound<'_, PyAny>>,
        never_expires: bool,
        stable_for: Option<&Bound<'_, PyAny>>,
        disposition: &str,
        name: Option<&str>,
        media_type: Option<&str>,
        network: Option<&str>,
        #[pyo3(from_py_with = convert::count)] max_uses: Option<u32>,
        #[pyo3(from_py_with = convert::count)] max_requests: Option<u32>,
        public_cache: bool,
        #[pyo3(from_py_with = convert::count)] pace: Option<u64>,
        cross_origin: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<String> {
        let terms = Terms {
            expires,
            never_expires,
            stable_for,
            disposition: Some(disposition),
            name,
            media_type,
            network,
            max_uses,
            max_requests,
            public_cache,
            pace,
            cross_origin,
        };
        let url = self.call(py, |drive| drive.url(&path.0))?;
        sign(py, terms.of(url)?, "native")
    }
}
