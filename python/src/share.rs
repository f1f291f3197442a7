//! Shares: from the outside, and from the inside, where a visitor is.

use holdall::ShareId;
use pyo3::prelude::*;

use crate::convert::{self, DrivePath};
use crate::datetime::{Datetime, datetime};
use crate::drive::{self, Drive, root};
use crate::fault::{Fault, Outcome};
use crate::store::Store;
use crate::terms::Terms;
use crate::url;
use crate::value::{FileInfo, Row, value};

value! {
    /// A share: a public entry to a file or folder.
    Share(holdall::ShareInfo) as share {
        /// The id of the share, for `Store.visit`.
        id: String = share.id.to_string();
        /// The id of the file or folder that is shared.
        file_id: String = share.file.to_string();
        /// When it was created: an aware datetime in UTC.
        created: Datetime = datetime(share.created);
        /// When it expires: from then on nobody is let in; None is never.
        expires: Option<Datetime> = share.expires.map(datetime);
        /// Whether a password is required.
        has_password: bool = share.has_password;
        /// Downloads allowed in total; None is unlimited.
        max_downloads: Option<u64> = share.max_downloads;
        /// Downloads counted so far.
        downloads: u64 = share.downloads;
        /// Whether a visitor needs a ticket from the host.
        purchase: bool = share.purchase;
    }
}

#[pymethods]
impl Share {
    fn __repr__(&self) -> String {
        format!("<Share {} of {}>", self.0.id, self.0.file)
    }
}

#[pymethods]
impl Drive {
    /// Shares what is at `path`.
    ///
    /// expires: when the share expires: seconds from now, a timedelta or an aware datetime; None is
    ///     never.
    /// max_downloads: the downloads after which it ends; an archive counts as one. A download is counted
    ///     when `Visit.url` or `Visit.archive` issues its URL, which then serves one client.
    /// purchase: the host asks a visitor for a ticket before a download starts.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when an option is invalid.
    #[pyo3(signature = (path, *, password = None, expires = None, max_downloads = None, purchase = false))]
    fn share(
        &self,
        py: Python<'_>,
        path: DrivePath,
        password: Option<String>,
        expires: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = convert::count)] max_downloads: Option<u64>,
        purchase: bool,
    ) -> Outcome<Share> {
        let mut share = holdall::Share::new();
        if let Some(password) = password {
            share = share.password(password);
        }
        if let Some(expires) = expires {
            share = share.expires_in(convert::lifetime(expires)?);
        }
        if let Some(downloads) = max_downloads {
            share = share.max_downloads(downloads);
        }
        if purchase {
            share = share.purchase();
        }
        Ok(Share(self.call(py, |drive| drive.share(&path.0, &share))?))
    }

    /// Lists the shares of what is at `path`, oldest first.
    ///
    /// Raises NotFound when nothing is at `path`.
    fn shares(&self, py: Python<'_>, path: DrivePath) -> Outcome<Vec<Share>> {
        Ok(self.call(py, |drive| drive.shares(&path.0))?.into_iter().map(Share).collect())
    }
}

#[pymethods]
impl Store {
    /// Admits a visitor to a share, given the Share or its id.
    ///
    /// `client` is the visitor's address: fewer wrong passwords are checked from one client than in
    /// total.
    ///
    /// Raises NotFound when there is no such share, Denied when the password is wrong or missing, or
    /// after too many wrong ones (its `retry_after` is the seconds to wait), Expired and Gone when the
    /// share is over.
    #[pyo3(signature = (share, password = None, *, client = None))]
    fn visit(
        &self,
        py: Python<'_>,
        share: &Bound<'_, PyAny>,
        password: Option<&str>,
        client: Option<&str>,
    ) -> Outcome<Visit> {
        let id = share_id(share)?;
        let wrong =
            |text: &str| Fault::invalid(format!("client {text:?} is not an address, like \"192.0.2.1\""));
        let client = client.map(|text| text.parse().map_err(|_| wrong(text))).transpose()?;
        Ok(Visit(self.call(py, |store| store.visit_from(id, password, client))?))
    }

    /// Deletes a share, given the Share or its id.
    ///
    /// Raises NotFound when there is none.
    fn unshare(&self, py: Python<'_>, share: &Bound<'_, PyAny>) -> Outcome<()> {
        let id = share_id(share)?;
        self.call(py, |store| store.unshare(id))
    }
}

pub(crate) fn share_id(value: &Bound<'_, PyAny>) -> Outcome<ShareId> {
    if let Ok(share) = value.cast::<Share>() {
        return Ok(share.get().0.id);
    }
    let id: String = value.extract()?;
    convert::only_id(&id, "a share has one, as in drive.shares(path)")?;
    Ok(id.parse()?)
}

/// A visitor admitted to a share.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Visit(pub(crate) holdall::Visit);

#[pymethods]
impl Visit {
    /// The share.
    #[getter]
    fn share(&self) -> Share {
        Share(self.0.info().clone())
    }

    /// Returns what is at `path` in the share; "" is the shared item itself.
    ///
    /// Raises NotFound when nothing is there.
    #[pyo3(signature = (path = root()), text_signature = "($self, path='')")]
    fn stat(&self, py: Python<'_>, path: DrivePath) -> Outcome<FileInfo> {
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
        path: DrivePath,
        after: Option<String>,
        #[pyo3(from_py_with = convert::count)] limit: Option<usize>,
    ) -> Outcome<Vec<Row>> {
        drive::pages(py, after, limit, |after, limit| self.0.list(&path.0, after, limit))
    }

    /// Counts a download and returns a URL of the file at `path`, which expires with the share.
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
        path: DrivePath,
        expires: Option<&Bound<'_, PyAny>>,
        disposition: &str,
        name: Option<&str>,
    ) -> Outcome<String> {
        let terms = Terms { expires, disposition: Some(disposition), name, ..Terms::default() };
        let url = py.detach(|| self.0.url(&path.0))?;
        url::sign(py, terms.of(url)?, "native")
    }

    /// Counts a download and returns the URL of a zip of what is at the paths, which expires with the
    /// share; [""] is everything.
    ///
    /// Raises NotFound when nothing is at a path, Expired and Gone when the share is over.
    #[pyo3(signature = (paths, *, name = "archive.zip", expires = None, utc_offset = 0))]
    fn archive(
        &self,
        py: Python<'_>,
        paths: Vec<DrivePath>,
        name: &str,
        expires: Option<&Bound<'_, PyAny>>,
        utc_offset: i16,
    ) -> Outcome<String> {
        let lifetime = expires.map(convert::lifetime).transpose()?;
        Ok(py.detach(|| {
            let mut archive =
                self.0.archive(paths.iter().map(|path| &path.0))?.name(name).utc_offset(utc_offset);
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
