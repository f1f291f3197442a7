//! What the store tells: frozen values with getters.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::{Moment, moment};

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes a text as Python's `repr` does.
fn quoted(py: Python<'_>, text: &str) -> PyResult<String> {
    PyString::new(py, text).repr()?.extract()
}

fn kind(kind: holdall::Kind) -> &'static str {
    match kind {
        holdall::Kind::File => "file",
        holdall::Kind::Folder => "folder",
    }
}

/// One immutable content of a file, as it was at one moment.
#[pyclass(frozen, eq, module = "holdall")]
#[derive(PartialEq)]
pub(crate) struct Version(pub(crate) holdall::VersionInfo);

#[pymethods]
impl Version {
    /// The id of the version; short text, such as "v4g01".
    #[getter]
    fn id(&self) -> String {
        self.0.id.to_string()
    }

    /// The id of its file.
    #[getter]
    fn file_id(&self) -> String {
        self.0.id.file().to_string()
    }

    /// The number within the file; 1 is the first.
    #[getter]
    fn number(&self) -> u32 {
        self.0.id.number()
    }

    /// Length in bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.0.size
    }

    /// SHA-1 of the content, 40 lower-case hexadecimal digits.
    #[getter]
    fn sha1(&self) -> String {
        hex(&self.0.sha1)
    }

    /// BLAKE3 of the content, 64 lower-case hexadecimal digits.
    #[getter]
    fn blake3(&self) -> String {
        hex(&self.0.blake3)
    }

    /// CRC-64/XZ of the content.
    #[getter]
    fn crc64(&self) -> u64 {
        self.0.crc64
    }

    /// CRC-64/XZ of the content as decimal text, as PDS writes it.
    #[getter]
    fn crc64_text(&self) -> String {
        self.0.crc64.to_string()
    }

    /// CRC-32 of the content, the one that zip and `zlib.crc32` have.
    #[getter]
    fn crc32(&self) -> u32 {
        self.0.crc32
    }

    /// The media type, such as "application/pdf".
    #[getter]
    fn media_type(&self) -> &str {
        &self.0.media_type
    }

    /// When it was put: an aware datetime in UTC.
    #[getter]
    fn created(&self) -> Moment {
        moment(self.0.created)
    }

    /// How old the content is, as said when it was put: an aware datetime in UTC.
    #[getter]
    fn modified(&self) -> Moment {
        moment(self.0.modified)
    }

    /// Whether it is kept whatever the limit on the number of versions.
    #[getter]
    fn keep(&self) -> bool {
        self.0.keep
    }

    /// Whether it was the file's current version.
    #[getter]
    fn current(&self) -> bool {
        self.0.current
    }

    fn __hash__(&self) -> u64 {
        self.0.id.0
    }

    fn __repr__(&self) -> String {
        format!("<Version {} {} bytes {}>", self.0.id, self.0.size, self.0.media_type)
    }
}

/// A file or folder, as it was at one moment.
#[pyclass(frozen, eq, module = "holdall")]
#[derive(PartialEq)]
pub(crate) struct FileInfo(pub(crate) holdall::FileInfo);

#[pymethods]
impl FileInfo {
    /// The id, which stays the same when the file is moved.
    #[getter]
    fn id(&self) -> String {
        self.0.id.to_string()
    }

    /// The name; "" for the root of a drive.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// "file" or "folder".
    #[getter]
    fn kind(&self) -> &'static str {
        kind(self.0.kind)
    }

    /// Whether it is a folder.
    #[getter]
    fn is_folder(&self) -> bool {
        self.0.kind == holdall::Kind::Folder
    }

    /// Length of the current version in bytes; 0 for a folder.
    #[getter]
    fn size(&self) -> u64 {
        self.0.current.as_ref().map_or(0, |version| version.size)
    }

    /// The current version; None for a folder.
    #[getter]
    fn current(&self) -> Option<Version> {
        self.0.current.clone().map(Version)
    }

    /// The id of the folder it lies in; None for the root of a drive and in the trash.
    #[getter]
    fn parent(&self) -> Option<String> {
        self.0.parent.map(|parent| parent.to_string())
    }

    /// When it was made: an aware datetime in UTC.
    #[getter]
    fn created(&self) -> Moment {
        moment(self.0.created)
    }

    /// When its content or attributes last changed in the store: an aware datetime in UTC.
    #[getter]
    fn modified(&self) -> Moment {
        moment(self.0.modified)
    }

    /// When it was put in the trash: an aware datetime in UTC, or None.
    #[getter]
    fn trashed(&self) -> Option<Moment> {
        self.0.trashed.map(moment)
    }

    /// What the host keeps with it, as a new dict.
    #[getter]
    fn attributes(&self) -> BTreeMap<String, String> {
        self.0.attributes.clone()
    }

    fn __hash__(&self) -> u64 {
        self.0.id.0
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<FileInfo {} {} {}>", self.0.id, kind(self.0.kind), quoted(py, &self.0.name)?))
    }
}

/// A row of a listing.
#[pyclass(frozen, eq, module = "holdall")]
#[derive(PartialEq)]
pub(crate) struct Row(pub(crate) holdall::Row);

#[pymethods]
impl Row {
    /// The name within the folder.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The id of the file or folder.
    #[getter]
    fn file_id(&self) -> String {
        self.0.file.to_string()
    }

    /// "file" or "folder".
    #[getter]
    fn kind(&self) -> &'static str {
        kind(self.0.kind)
    }

    /// Whether it is a folder.
    #[getter]
    fn is_folder(&self) -> bool {
        self.0.kind == holdall::Kind::Folder
    }

    /// The id of the current version; None for a folder.
    #[getter]
    fn version_id(&self) -> Option<String> {
        self.0.version.map(|version| version.to_string())
    }

    /// Length of the current version in bytes; 0 for a folder.
    #[getter]
    fn size(&self) -> u64 {
        self.0.size
    }

    /// How old the content is: an aware datetime in UTC.
    #[getter]
    fn modified(&self) -> Moment {
        moment(self.0.modified)
    }

    fn __hash__(&self) -> u64 {
        self.0.file.0
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Row {} {} {} bytes>", kind(self.0.kind), quoted(py, &self.0.name)?, self.0.size))
    }
}

/// What lies in the trash of a drive.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Trashed(pub(crate) holdall::TrashInfo);

#[pymethods]
impl Trashed {
    /// The id of the file or folder, for `Drive.restore`.
    #[getter]
    fn file_id(&self) -> String {
        self.0.file.to_string()
    }

    /// "file" or "folder".
    #[getter]
    fn kind(&self) -> &'static str {
        kind(self.0.kind)
    }

    /// The path it had.
    #[getter]
    fn path(&self) -> &str {
        &self.0.path
    }

    /// When it was put in the trash: an aware datetime in UTC.
    #[getter]
    fn trashed(&self) -> Moment {
        moment(self.0.trashed)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Trashed {} {}>", self.0.file, quoted(py, &self.0.path)?))
    }
}

/// A direct link to a file.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Link {
    pub(crate) info: holdall::LinkInfo,
    pub(crate) url: String,
}

#[pymethods]
impl Link {
    /// The id of the link.
    #[getter]
    fn id(&self) -> String {
        self.info.id.to_string()
    }

    /// The id of the file it leads to.
    #[getter]
    fn file_id(&self) -> String {
        self.info.file.to_string()
    }

    /// The URL, which is valid until the link is deleted.
    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    /// The name in the URL and of the download.
    #[getter]
    fn name(&self) -> &str {
        &self.info.name
    }

    /// When it was made: an aware datetime in UTC.
    #[getter]
    fn created(&self) -> Moment {
        moment(self.info.created)
    }

    /// Downloads through it, as counted when it was looked up.
    #[getter]
    fn downloads(&self) -> u64 {
        self.info.downloads
    }

    /// The speed that a download should keep to, in bytes a second; None is any.
    #[getter]
    fn pace(&self) -> Option<u64> {
        Some(self.info.pace).filter(|pace| *pace > 0)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Link {}>", quoted(py, &self.url)?))
    }
}

/// A share: a public entry to a file or folder.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Share(pub(crate) holdall::ShareInfo);

#[pymethods]
impl Share {
    /// The id of the share, for `Store.visit`.
    #[getter]
    fn id(&self) -> String {
        self.0.id.to_string()
    }

    /// The id of the file or folder that is shared.
    #[getter]
    fn file_id(&self) -> String {
        self.0.file.to_string()
    }

    /// When it was made: an aware datetime in UTC.
    #[getter]
    fn created(&self) -> Moment {
        moment(self.0.created)
    }

    /// The first moment at which it lets nobody in; None is never.
    #[getter]
    fn expires(&self) -> Option<Moment> {
        self.0.expires.map(moment)
    }

    /// Whether entering takes a password.
    #[getter]
    fn has_password(&self) -> bool {
        self.0.has_password
    }

    /// Downloads allowed in all; None is any number.
    #[getter]
    fn max_downloads(&self) -> Option<u64> {
        self.0.max_downloads
    }

    /// Downloads counted so far.
    #[getter]
    fn downloads(&self) -> u64 {
        self.0.downloads
    }

    /// Whether a visitor needs a ticket from the host.
    #[getter]
    fn purchase(&self) -> bool {
        self.0.purchase
    }

    fn __repr__(&self) -> String {
        format!("<Share {} of {}>", self.0.id, self.0.file)
    }
}

/// What a drive holds, as it was at one moment.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct DriveInfo(pub(crate) holdall::DriveInfo);

#[pymethods]
impl DriveInfo {
    /// The id of the drive.
    #[getter]
    fn id(&self) -> String {
        self.0.id.to_string()
    }

    /// The name it was opened by.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// When it was made: an aware datetime in UTC.
    #[getter]
    fn created(&self) -> Moment {
        moment(self.0.created)
    }

    /// How many versions a file keeps beside those marked to be kept; 0 is all of them.
    #[getter]
    fn max_versions(&self) -> u32 {
        self.0.max_versions
    }

    /// Files, without folders; those in the trash count.
    #[getter]
    fn files(&self) -> u64 {
        self.0.files
    }

    /// Bytes of all versions of those files.
    #[getter]
    fn bytes(&self) -> u64 {
        self.0.bytes
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = quoted(py, &self.0.name)?;
        Ok(format!("<DriveInfo {name} {} files {} bytes>", self.0.files, self.0.bytes))
    }
}

/// What a verified URL permits.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Grant(pub(crate) holdall::Grant);

#[pymethods]
impl Grant {
    /// Length of the content in bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.0.len
    }

    /// The entity tag of a reply, without quotes.
    #[getter]
    fn etag(&self) -> &str {
        &self.0.etag
    }

    /// The name that a download is saved under.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The media type of a reply.
    #[getter]
    fn media_type(&self) -> &str {
        &self.0.media_type
    }

    /// "attachment" or "inline".
    #[getter]
    fn disposition(&self) -> &'static str {
        self.0.disposition.as_str()
    }

    /// The speed that the URL asks for, in bytes a second; None is any.
    #[getter]
    fn pace(&self) -> Option<u64> {
        self.0.pace
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Grant {} {} bytes>", quoted(py, &self.0.name)?, self.0.len))
    }
}
