//! Visits: a share from the inside.

use pyo3::prelude::*;

use crate::convert::{self, Place};
use crate::drive::{self, root};
use crate::fault::Outcome;
use crate::url::{self, Terms};
use crate::value::{FileInfo, Row, Share};

/// A visitor of a share, whose password was right.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Visit(pub(crate) holdall::Visit);

#[pymethods]
impl Visit {
    /// What the share is.
    #[getter]
    fn share(&self) -> Share {
        Share(self.0.info().clone())
    }

    /// Returns what is at `path` in the share; "" is what was shared.
    ///
    /// Raises NotFound when nothing is.
    #[pyo3(signature = (path = root()), text_signature = "($self, path='')")]
    fn stat(&self, py: Python<'_>, path: Place) -> Outcome<FileInfo> {
        Ok(FileInfo(py.detach(|| self.0.stat(&path.0))?))
    }

    /// Lists a folder in the share, as `Drive.list` does.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when a file is.
    #[pyo3(
        signature = (path = root(), *, after = None, limit = None),
        text_signature = "($self, path='', *, after=None, limit=None)"
    )]
    fn list(
        &self,
        py: Python<'_>,
        path: Place,
        after: Option<String>,
        limit: Option<usize>,
    ) -> Outcome<Vec<Row>> {
        drive::pages(py, after, limit, |after, limit| self.0.list(&path.0, after, limit))
    }

    /// Counts a download and returns a URL of the file at `path`, which ends with the share.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when a folder is, Expired and Gone
    /// when the share is over.
    #[pyo3(
        signature = (path = root(), *, expires = None, disposition = "attachment", name = None),
        text_signature = "($self, path='', *, expires=None, disposition='attachment', name=None)"
    )]
    fn url(
        &self,
        py: Python<'_>,
        path: Place,
        expires: Option<&Bound<'_, PyAny>>,
        disposition: &str,
        name: Option<&str>,
    ) -> Outcome<String> {
        let terms = Terms {
            expires,
            never_expires: false,
            stable_for: None,
            disposition,
            name,
            media_type: None,
            network: None,
            max_uses: None,
            public_cache: false,
            pace: None,
        };
        let url = py.detach(|| self.0.url(&path.0))?;
        url::sign(py, terms.of(url)?, "native")
    }

    /// Counts a download and returns the URL of a zip of what is at the paths, which ends with the
    /// share; [""] is all of it.
    ///
    /// Raises NotFound when nothing is at a path, Expired and Gone when the share is over.
    #[pyo3(signature = (paths, *, name = "archive.zip", expires = None))]
    fn archive(
        &self,
        py: Python<'_>,
        paths: Vec<Place>,
        name: &str,
        expires: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<String> {
        let lifetime = expires.map(convert::lifetime).transpose()?;
        Ok(py.detach(|| {
            let mut archive = self.0.archive(paths.iter().map(|path| &path.0))?.name(name);
            if let Some(lifetime) = lifetime {
                archive = archive.expires_in(lifetime);
            }
            archive.sign()
        })?)
    }

    fn __repr__(&self) -> String {
        format!("<Visit of share {}>", self.0.info().id)
    }
}
