//! Archives: lists of versions, frozen, that are served as one zip.

use holdall::ArchiveId;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::body::{self, Body};
use crate::convert::{self, DrivePath};
use crate::datetime::{Datetime, datetime};
use crate::drive::Drive;
use crate::fault::{Fault, Outcome};
use crate::store::Store;
use crate::terms::Terms;
use crate::value::{Version, quoted, value};

value! {
    /// An archive, as it was made.
    ArchiveInfo(holdall::ArchiveInfo) as archive {
        /// The id of the archive; short text, such as "a7".
        id: String = archive.id.to_string();
        /// The name of the download.
        name: &str = &archive.name;
        /// Files and folders in it.
        entries: u64 = archive.entries;
        /// Length of the zip in bytes.
        size: u64 = archive.len;
        /// When it was created: an aware datetime in UTC.
        created: Datetime = datetime(archive.created);
        /// When it expires: an aware datetime in UTC. Its content is kept until then.
        expires: Datetime = datetime(archive.expires);
    }
}

#[pymethods]
impl ArchiveInfo {
    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __hash__(&self) -> u64 {
        self.0.id.0
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = quoted(py, &self.0.name)?;
        Ok(format!("<ArchiveInfo {name} {} entries {} bytes>", self.0.entries, self.0.len))
    }
}

#[pymethods]
impl Drive {
    /// Creates a zip of files and folders, each folder with all its contents, and returns its URL. The
    /// list is fixed now, without reading content. The zip has an exact length and can be resumed.
    ///
    /// paths: an iterable of paths, or of Versions. A path that ends in "/." is that of what is in a
    ///     folder, without the folder's own name; what was named before comes no second time.
    /// expires: when it ends: seconds from now, a timedelta or an aware datetime, at most the store's
    ///     grace from now; 15 minutes by default.
    /// utc_offset: minutes by which the time zone of readers that know no UTC time, such as Windows
    ///     Explorer and `zipfile`, is ahead of UTC, -1439 to 1439; others show their own local time.
    /// network, max_uses, max_requests, pace, cross_origin: as `Store.url` has them.
    ///
    /// Raises NotFound when nothing is at a path, TooLarge past the store's limits, InvalidArgument
    /// when nothing is named, or the lifetime, the offset or a path is out of range.
    #[pyo3(signature = (
        paths, *, name = "archive.zip", expires = None, utc_offset = 0, network = None, max_uses = None,
        max_requests = None, pace = None, cross_origin = None
    ))]
    #[allow(clippy::too_many_arguments)]
    fn archive(
        &self,
        py: Python<'_>,
        paths: &Bound<'_, PyAny>,
        name: &str,
        expires: Option<&Bound<'_, PyAny>>,
        utc_offset: i16,
        network: Option<&str>,
        #[pyo3(from_py_with = convert::count)] max_uses: Option<u32>,
        #[pyo3(from_py_with = convert::count)] max_requests: Option<u32>,
        #[pyo3(from_py_with = convert::count)] pace: Option<u64>,
        cross_origin: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<String> {
        let terms = Terms { network, max_uses, max_requests, pace, cross_origin, ..Terms::default() };
        let archive = self.begun(py, paths, name, expires, utc_offset)?;
        let mut fault = None;
        let archive = archive.with_url(|url| {
            terms.of(url.clone()).unwrap_or_else(|wrong| {
                fault = Some(wrong);
                url
            })
        });
        match fault {
            Some(fault) => Err(fault),
            None => Ok(py.detach(|| archive.sign())?),
        }
    }

    /// Creates an archive as `archive` does, and returns its description. `Store.url` signs URLs of it.
    ///
    /// Raises as `archive` does.
    #[pyo3(signature = (paths, *, name = "archive.zip", expires = None, utc_offset = 0))]
    fn create_archive(
        &self,
        py: Python<'_>,
        paths: &Bound<'_, PyAny>,
        name: &str,
        expires: Option<&Bound<'_, PyAny>>,
        utc_offset: i16,
    ) -> Outcome<ArchiveInfo> {
        let archive = self.begun(py, paths, name, expires, utc_offset)?;
        Ok(ArchiveInfo(py.detach(|| archive.create())?))
    }
}

impl Drive {
    /// Picks what an archive holds.
    fn begun(
        &self,
        py: Python<'_>,
        paths: &Bound<'_, PyAny>,
        name: &str,
        expires: Option<&Bound<'_, PyAny>>,
        utc_offset: i16,
    ) -> Outcome<holdall::Archive> {
        if paths.is_instance_of::<PyString>() {
            let message = "archive takes a list of paths; put the one path in brackets";
            return Err(PyTypeError::new_err(message).into());
        }
        let (mut drive_paths, mut picks) = (Vec::new(), Vec::new());
        for item in paths.try_iter()? {
            let item = item?;
            match item.cast::<Version>() {
                Ok(version) => picks.push(version.get().0.id),
                Err(_) => drive_paths.push(item.extract::<DrivePath>()?.0),
            }
        }
        if !drive_paths.is_empty() && !picks.is_empty() {
            return Err(Fault::invalid("an archive is of paths or of versions, not of both"));
        }
        let archive = self.call(py, |drive| match picks.is_empty() {
            true => drive.archive(&drive_paths),
            false => drive.archive_of(picks),
        })?;
        let archive = archive.name(name).utc_offset(utc_offset);
        Ok(match expires.map(convert::lifetime).transpose()? {
            Some(lifetime) => archive.expires_in(lifetime),
            None => archive,
        })
    }
}

#[pymethods]
impl Store {
    /// Describes an archive by id.
    ///
    /// Raises NotFound when there is none, Expired when it has expired.
    fn archive(&self, py: Python<'_>, archive: Chosen) -> Outcome<ArchiveInfo> {
        Ok(ArchiveInfo(self.call(py, |store| store.archive(archive.0))?))
    }

    /// Opens the zip of an archive for reading: a raw binary file object. Content is read on demand.
    ///
    /// Raises NotFound when there is none, Expired when it has expired.
    fn open_archive<'py>(&self, py: Python<'py>, archive: Chosen) -> Outcome<Bound<'py, PyAny>> {
        let found = self.call(py, |store| store.open_archive(archive.0))?;
        body::reader(&Bound::new(py, Body(found))?)
    }

    /// Computes the CRC-64/XZ of a whole zip from those of its parts, without reading content.
    ///
    /// Raises NotFound when there is none, Expired when it has expired.
    fn archive_crc64(&self, py: Python<'_>, archive: Chosen) -> Outcome<u64> {
        self.call(py, |store| store.archive_crc64(archive.0))
    }
}

/// An archive: itself, or its id as text.
struct Chosen(ArchiveId);

impl FromPyObject<'_, '_> for Chosen {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Chosen> {
        if let Ok(archive) = value.cast::<ArchiveInfo>() {
            return Ok(Chosen(archive.get().0.id));
        }
        let id: String = value
            .extract()
            .map_err(|_| PyTypeError::new_err("an archive is a holdall.ArchiveInfo, or its id as a str"))?;
        id.parse().map(Chosen).map_err(|error| Fault::Store(error).into())
    }
}
