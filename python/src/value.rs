//! What the store tells: frozen values, a getter a line.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::datetime::{Datetime, datetime};

/// Makes a frozen class over a value of the store's, with a getter for each line:
/// `name: type = expression;`, where the expression sees the value under the given name.
macro_rules! value {
    (
        $(#[$about:meta])* $class:ident($held:ty) as $value:ident {
            $($(#[$doc:meta])* $name:ident: $type:ty = $get:expr;)*
        }
    ) => {
        $(#[$about])*
        #[pyclass(frozen, module = "holdall")]
        pub(crate) struct $class(pub(crate) $held);

        #[pymethods]
        impl $class {
            $(
                $(#[$doc])*
                #[getter]
                fn $name(&self) -> $type {
                    let $value = &self.0;
                    $get
                }
            )*
        }
    };
}
pub(crate) use value;

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes a text as Python's `repr` does.
pub(crate) fn quoted(py: Python<'_>, text: &str) -> PyResult<String> {
    PyString::new(py, text).repr()?.extract()
}

fn kind(kind: holdall::Kind) -> &'static str {
    match kind {
        holdall::Kind::File => "file",
        holdall::Kind::Folder => "folder",
    }
}

value! {
    /// One immutable content of a file, as of one point in time.
    Version(holdall::VersionInfo) as version {
        /// The id of the version; short text, such as "v4g01".
        id: String = version.id.to_string();
        /// The id of its file.
        file_id: String = version.id.file().to_string();
        /// The number within the file; 1 is the first.
        number: u32 = version.id.number();
        /// Length in bytes.
        size: u64 = version.size;
        /// SHA-1 of the content, 40 lower-case hexadecimal digits.
        sha1: String = hex(&version.sha1);
        /// BLAKE3 of the content, 64 lower-case hexadecimal digits.
        blake3: String = hex(&version.blake3);
        /// CRC-64/XZ of the content.
        crc64: u64 = version.crc64;
        /// CRC-64/XZ of the content as decimal text, as PDS writes it.
        crc64_text: String = version.crc64.to_string();
        /// CRC-32 of the content, the one that zip and `zlib.crc32` have.
        crc32: u32 = version.crc32;
        /// The media type, such as "application/pdf".
        media_type: &str = &version.media_type;
        /// When it was put: an aware datetime in UTC.
        created: Datetime = datetime(version.created);
        /// The content's modification time, as given to the put: an aware datetime in UTC.
        modified: Datetime = datetime(version.modified);
        /// Whether the version limit leaves it alone.
        keep: bool = version.keep;
        /// Whether it was the file's current version.
        current: bool = version.current;
        /// Whether it may be run, as said when it was put.
        executable: bool = version.executable;
    }
}

#[pymethods]
impl Version {
    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __hash__(&self) -> u64 {
        self.0.id.0
    }

    fn __repr__(&self) -> String {
        format!("<Version {} {} bytes {}>", self.0.id, self.0.size, self.0.media_type)
    }
}

value! {
    /// A file or folder, as of one point in time.
    FileInfo(holdall::FileInfo) as file {
        /// The id, which stays the same when the file is moved.
        id: String = file.id.to_string();
        /// The name; "" for the root of a drive.
        name: &str = &file.name;
        /// "file" or "folder".
        kind: &'static str = kind(file.kind);
        /// Whether it is a folder.
        is_folder: bool = file.kind == holdall::Kind::Folder;
        /// Length of the current version in bytes; 0 for a folder.
        size: u64 = file.current.as_ref().map_or(0, |version| version.size);
        /// The current version; None for a folder.
        current: Option<Version> = file.current.clone().map(Version);
        /// The id of the parent folder; None for the root of a drive and for a trashed item.
        parent: Option<String> = file.parent.map(|parent| parent.to_string());
        /// When it was created: an aware datetime in UTC.
        created: Datetime = datetime(file.created);
        /// When its content or attributes last changed in the store: an aware datetime in UTC.
        modified: Datetime = datetime(file.modified);
        /// When it was trashed: an aware datetime in UTC, or None.
        trashed: Option<Datetime> = file.trashed.map(datetime);
        /// The host's attributes, as a new dict.
        attributes: BTreeMap<String, String> = file.attributes.clone();
    }
}

#[pymethods]
impl FileInfo {
    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __hash__(&self) -> u64 {
        self.0.id.0
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<FileInfo {} {} {}>", self.0.id, kind(self.0.kind), quoted(py, &self.0.name)?))
    }
}

value! {
    /// A file or folder with an attribute that was looked for.
    AttributeMatch(holdall::AttributeMatch) as found {
        /// The id of the file or folder.
        file_id: String = found.file.to_string();
        /// "file" or "folder".
        kind: &'static str = kind(found.kind);
        /// The path in the drive.
        path: &str = &found.path;
        /// The whole value of the attribute.
        value: &str = &found.value;
    }
}

#[pymethods]
impl AttributeMatch {
    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __hash__(&self) -> u64 {
        self.0.file.0
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<AttributeMatch {} {}>", quoted(py, &self.0.path)?, quoted(py, &self.0.value)?))
    }
}

value! {
    /// A row of a listing.
    Row(holdall::Row) as row {
        /// The name within the folder.
        name: &str = &row.name;
        /// The id of the file or folder.
        file_id: String = row.file.to_string();
        /// "file" or "folder".
        kind: &'static str = kind(row.kind);
        /// Whether it is a folder.
        is_folder: bool = row.kind == holdall::Kind::Folder;
        /// The id of the current version; None for a folder.
        version_id: Option<String> = row.version.map(|version| version.to_string());
        /// Length of the current version in bytes; 0 for a folder.
        size: u64 = row.size;
        /// The content's modification time: an aware datetime in UTC.
        modified: Datetime = datetime(row.modified);
    }
}

#[pymethods]
impl Row {
    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __hash__(&self) -> u64 {
        self.0.file.0
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Row {} {} {} bytes>", kind(self.0.kind), quoted(py, &self.0.name)?, self.0.size))
    }
}

value! {
    /// An item in the trash of a drive.
    Trashed(holdall::TrashInfo) as trashed {
        /// The id of the file or folder, for `Drive.restore`.
        file_id: String = trashed.file.to_string();
        /// "file" or "folder".
        kind: &'static str = kind(trashed.kind);
        /// The path it had.
        path: &str = &trashed.path;
        /// When it was put in the trash: an aware datetime in UTC.
        trashed: Datetime = datetime(trashed.trashed);
    }
}

#[pymethods]
impl Trashed {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Trashed {} {}>", self.0.file, quoted(py, &self.0.path)?))
    }
}

value! {
    /// What a drive holds, as of one point in time.
    DriveInfo(holdall::DriveInfo) as drive {
        /// The id of the drive.
        id: String = drive.id.to_string();
        /// The name it was opened by.
        name: &str = &drive.name;
        /// When it was created: an aware datetime in UTC.
        created: Datetime = datetime(drive.created);
        /// How many versions a file keeps besides those marked to be kept; 0 is all.
        max_versions: u32 = drive.max_versions;
        /// Files, not counting folders, but counting the trash.
        files: u64 = drive.files;
        /// Bytes of all versions of those files.
        bytes: u64 = drive.bytes;
    }
}

#[pymethods]
impl DriveInfo {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = quoted(py, &self.0.name)?;
        Ok(format!("<DriveInfo {name} {} files {} bytes>", self.0.files, self.0.bytes))
    }
}

value! {
    /// What a verified URL permits.
    Grant(holdall::Grant) as grant {
        /// Length of the content in bytes.
        size: u64 = grant.len;
        /// The entity tag of a reply, without quotes.
        etag: &str = &grant.etag;
        /// The name to save a download under.
        name: &str = &grant.name;
        /// The media type of a reply.
        media_type: &str = &grant.media_type;
        /// "attachment" or "inline".
        disposition: &'static str = grant.disposition.as_str();
        /// The speed that the URL asks for, in bytes a second; None is any.
        pace: Option<u64> = grant.pace;
    }
}

#[pymethods]
impl Grant {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Grant {} {} bytes>", quoted(py, &self.0.name)?, self.0.len))
    }
}
