//! The Python class `Drive`.

use std::collections::BTreeMap;

use holdall::{CopyVersions, VersionId};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::body::{self, Body};
use crate::convert::{self, DrivePath, Node, Pick};
use crate::fault::{Fault, Outcome};
use crate::handle::Shared;
use crate::value::{AttributeMatch, DriveInfo, FileInfo, Row, Trashed, Version};

/// Rows that are read at once.
pub(crate) const PAGE: usize = 1000;

pub(crate) fn root() -> DrivePath {
    DrivePath(String::new())
}

/// Reads up to `limit` rows, or all, page by page.
pub(crate) fn pages(
    py: Python<'_>,
    after: Option<String>,
    limit: Option<usize>,
    page: impl Fn(Option<&str>, usize) -> holdall::Result<Vec<holdall::Row>> + Send + Sync,
) -> Outcome<Vec<Row>> {
    let (mut rows, mut after) = (Vec::new(), after);
    loop {
        let want = limit.map_or(PAGE, |limit| (limit - rows.len()).min(PAGE));
        let more = py.detach(|| page(after.as_deref(), want))?;
        py.check_signals()?;
        let full = more.len() == want && want > 0;
        rows.extend(more.into_iter().map(Row));
        if !full || limit.is_some_and(|limit| rows.len() >= limit) {
            return Ok(rows);
        }
        after = rows.last().map(|row| row.0.name.clone());
    }
}

/// A named tree of files. Every thread may use it, and a forked child.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Drive {
    name: String,
    drive: holdall::Drive,
    /// Last, so that it is dropped last: see [`Handle`](crate::handle::Handle).
    pub(crate) handle: Shared,
}

impl Drive {
    pub(crate) fn named(py: Python<'_>, handle: &Shared, name: String) -> Outcome<Drive> {
        let store = handle.store()?;
        let drive = py.detach(|| store.drive(&name))?;
        Ok(Drive { handle: handle.clone(), name, drive })
    }

    pub(crate) fn drive(&self) -> Outcome<&holdall::Drive> {
        self.handle.store()?;
        Ok(&self.drive)
    }

    /// Calls a verb of the drive without the GIL.
    pub(crate) fn call<T: Send>(
        &self,
        py: Python<'_>,
        verb: impl FnOnce(&holdall::Drive) -> holdall::Result<T> + Send,
    ) -> Outcome<T> {
        let drive = self.drive()?;
        Ok(py.detach(|| verb(drive))?)
    }
}

#[pymethods]
impl Drive {
    /// The name.
    #[getter]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The id; short text, such as "d2".
    #[getter]
    fn id(&self) -> String {
        self.drive.id().to_string()
    }

    /// Returns what the drive holds.
    fn info(&self, py: Python<'_>) -> Outcome<DriveInfo> {
        Ok(DriveInfo(self.call(py, |drive| drive.info())?))
    }

    /// Creates a folder and its parents and returns its id; an existing folder is not an error.
    ///
    /// Raises Exists when a file is in the way, InvalidArgument when the path breaks the rules.
    fn mkdir(&self, py: Python<'_>, path: DrivePath) -> Outcome<String> {
        Ok(self.call(py, |drive| drive.mkdir(&path.0))?.to_string())
    }

    /// Returns what is at `path`; "" is the root.
    ///
    /// Raises NotFound when nothing is there.
    #[pyo3(signature = (path = root()), text_signature = "($self, path='')")]
    fn stat(&self, py: Python<'_>, path: DrivePath) -> Outcome<FileInfo> {
        Ok(FileInfo(self.call(py, |drive| drive.stat(&path.0))?))
    }

    /// Lists a folder in byte order of names: all of it, or at most `limit` rows. The rows start after
    /// the name `after`: the last name of a page is the cursor of the next.
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
        let drive = self.drive()?;
        pages(py, after, limit, |after, limit| drive.list(&path.0, after, limit))
    }

    /// Lists the versions of the file at `path`, newest first: all, or at most `limit`, older than the
    /// version `before`.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when a folder is.
    #[pyo3(signature = (path, *, before = None, limit = None))]
    fn versions(
        &self,
        py: Python<'_>,
        path: DrivePath,
        before: Option<Pick>,
        #[pyo3(from_py_with = convert::count)] limit: Option<usize>,
    ) -> Outcome<Vec<Version>> {
        let (mut found, mut before): (Vec<Version>, Option<VersionId>) =
            (Vec::new(), before.map(|before| before.0));
        loop {
            let want = limit.map_or(PAGE, |limit| (limit - found.len()).min(PAGE));
            let more = self.call(py, |drive| drive.versions(&path.0, before, want))?;
            let full = more.len() == want && want > 0;
            found.extend(more.into_iter().map(Version));
            if !full || limit.is_some_and(|limit| found.len() >= limit) {
                return Ok(found);
            }
            before = found.last().map(|version| version.0.id);
        }
    }

    /// Opens the current content of the file at `path` for reading: a raw binary file object. It keeps
    /// reading the version that is current now.
    ///
    /// Raises NotFound when nothing is there, InvalidArgument when a folder is.
    fn open<'py>(&self, py: Python<'py>, path: DrivePath) -> Outcome<Bound<'py, PyAny>> {
        let found = self.call(py, |drive| drive.open_file(&path.0))?;
        body::reader(&Bound::new(py, Body(found))?)
    }

    /// Renames or moves what is at `source` to `target` and returns its id, creating missing folders.
    ///
    /// Raises NotFound when nothing is at `source`, Exists when something is at `target` and
    /// `replace` is false, or either is a folder.
    #[pyo3(signature = (source, target, *, replace = false))]
    fn rename(&self, py: Python<'_>, source: DrivePath, target: DrivePath, replace: bool) -> Outcome<String> {
        Ok(self.call(py, |drive| drive.rename(&source.0, &target.0, replace))?.to_string())
    }

    /// Copies what is at `source` to `target` and returns the new id; the content is shared.
    ///
    /// versions: "current" or "all" versions of each file.
    ///
    /// Raises NotFound when nothing is at `source`, Exists when something is at `target`.
    #[pyo3(signature = (source, target, *, versions = "current"))]
    fn copy(&self, py: Python<'_>, source: DrivePath, target: DrivePath, versions: &str) -> Outcome<String> {
        let what = match versions {
            "current" => CopyVersions::Current,
            "all" => CopyVersions::All,
            other => {
                return Err(Fault::invalid(format!("versions {other:?} is neither \"current\" nor \"all\"")));
            }
        };
        Ok(self.call(py, |drive| drive.copy(&source.0, &target.0, what))?.to_string())
    }

    /// Finds files and folders below `path` with an attribute `name` whose value begins with `value`, in
    /// order of the value: all of them, or at most `limit`, behind the match `after`: the last of a page
    /// is the cursor of the next. What is in the trash is not found.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when a file is, or when `after` is no
    /// match of this search.
    #[pyo3(
        signature = (name, value = String::new(), *, path = root(), after = None, limit = None),
        text_signature = "($self, name, value='', *, path='', after=None, limit=None)"
    )]
    fn find_by_attribute(
        &self,
        py: Python<'_>,
        name: String,
        value: String,
        path: DrivePath,
        after: Option<PyRef<'_, AttributeMatch>>,
        #[pyo3(from_py_with = convert::count)] limit: Option<usize>,
    ) -> Outcome<Vec<AttributeMatch>> {
        let (mut found, mut last) = (Vec::new(), after.map(|after| after.0.clone()));
        loop {
            let want = limit.map_or(PAGE, |limit| (limit - found.len()).min(PAGE));
            let more =
                self.call(py, |drive| drive.find_by_attribute(&path.0, &name, &value, last.as_ref(), want))?;
            py.check_signals()?;
            let full = more.len() == want && want > 0;
            last = more.last().cloned().or(last);
            found.extend(more.into_iter().map(AttributeMatch));
            if !full || limit.is_some_and(|limit| found.len() >= limit) {
                return Ok(found);
            }
        }
    }

    /// Replaces the host's attributes of a file: at most 4,096 of them, and 64 KiB in total.
    ///
    /// Raises NotFound when nothing is at `path`, TooLarge beyond the limit.
    fn set_attributes(
        &self,
        py: Python<'_>,
        path: DrivePath,
        attributes: BTreeMap<String, String>,
    ) -> Outcome<()> {
        self.call(py, |drive| drive.set_attributes(&path.0, attributes))
    }

    /// Sets how many versions a file keeps besides those marked to be kept; 0 keeps all.
    fn set_max_versions(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = convert::number)] count: u32,
    ) -> Outcome<()> {
        self.call(py, |drive| drive.set_max_versions(count))
    }

    /// Moves what is at `path` to the trash and returns its id, for `restore`. URLs of its versions work
    /// until they expire or are revoked.
    ///
    /// Raises NotFound when nothing is at `path`.
    fn trash(&self, py: Python<'_>, path: DrivePath) -> Outcome<String> {
        Ok(self.call(py, |drive| drive.trash(&path.0))?.to_string())
    }

    /// Lists the trash.
    fn list_trash(&self, py: Python<'_>) -> Outcome<Vec<Trashed>> {
        let mut found: Vec<Trashed> = Vec::new();
        loop {
            let after = found.last().map(|trashed| trashed.0.file);
            let more = self.call(py, |drive| drive.list_trash(after, PAGE))?;
            let full = more.len() == PAGE;
            found.extend(more.into_iter().map(Trashed));
            if !full {
                return Ok(found);
            }
        }
    }

    /// Restores a file or folder from the trash, to its old path or to the path `to`; returns its id.
    ///
    /// Raises NotFound when it is not in the trash, Exists when its name is taken.
    #[pyo3(signature = (file, to = None))]
    fn restore(&self, py: Python<'_>, file: Node, to: Option<DrivePath>) -> Outcome<String> {
        let to = to.as_ref().map(|to| to.0.as_str());
        Ok(self.call(py, |drive| drive.restore(file.0, to))?.to_string())
    }

    /// Permanently deletes what is at `path`, a folder with everything in it.
    ///
    /// Raises NotFound when nothing is at `path`.
    fn delete(&self, py: Python<'_>, path: DrivePath) -> Outcome<()> {
        self.call(py, |drive| drive.delete(&path.0))
    }

    /// Permanently deletes what was trashed before `before`, an aware datetime or seconds since 1970; by
    /// default everything. Returns how many files and folders were removed from the trash.
    #[pyo3(signature = (before = None))]
    fn empty_trash(&self, py: Python<'_>, before: Option<&Bound<'_, PyAny>>) -> Outcome<u64> {
        let before = before.map_or(Ok(holdall::Time(i64::MAX)), convert::time)?;
        self.call(py, |drive| drive.empty_trash(before))
    }

    /// Invalidates every URL into the drive.
    pub(crate) fn revoke(&self, py: Python<'_>) -> Outcome<()> {
        self.call(py, |drive| drive.revoke())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name: String = PyString::new(py, &self.name).repr()?.extract()?;
        Ok(format!("<Drive {name}>"))
    }
}
