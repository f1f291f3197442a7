//! Descriptions of drives, files and versions, as callers get them.

use std::collections::BTreeMap;

use super::record::Kind;
use crate::id::{BlobId, DriveId, FileId, VersionId};
use crate::time::Time;

/// A drive, as it was in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriveInfo {
    /// Names the drive.
    pub id: DriveId,
    /// The name it was opened by, 1 to 255 bytes.
    pub name: String,
    /// The folder that everything of the drive lies in.
    pub root: FileId,
    /// When it was made.
    pub created: Time,
    /// How many versions a file keeps beside those marked to be kept; 0 is all of them.
    pub max_versions: u32,
    /// Files, without folders; those in the trash count, and so do deleted ones whose rows are
    /// not cleared away yet.
    pub files: u64,
    /// Bytes of all versions of those files; content that two share counts twice.
    pub bytes: u64,
}

/// A file or folder, as it was in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileInfo {
    /// Names the file; it stays the same when the file is moved.
    pub id: FileId,
    /// The drive it is in.
    pub drive: DriveId,
    /// The folder it lies in; none for the root of a drive and for what was put in the trash.
    pub parent: Option<FileId>,
    /// Its name; empty for the root of a drive.
    pub name: String,
    /// File or folder.
    pub kind: Kind,
    /// The version that a download of the file gives; none for a folder.
    pub current: Option<VersionInfo>,
    /// When it was made; for what was imported, in the system that it came from.
    pub created: Time,
    /// When its content or its attributes last changed in the store, or before it was imported.
    pub modified: Time,
    /// When it was put in the trash.
    pub trashed: Option<Time>,
    /// What the host keeps with it.
    pub attributes: BTreeMap<String, String>,
}

/// One immutable content of a file, as it was in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionInfo {
    /// Names the version; the file's id and the number within the file, counted from 1, are in it.
    pub id: VersionId,
    /// Length in bytes.
    pub size: u64,
    /// CRC-32 (ISO-HDLC) of the content, the one that zip has.
    pub crc32: u32,
    /// CRC-64/XZ of the content.
    pub crc64: u64,
    /// SHA-1 of the content.
    pub sha1: [u8; 20],
    /// BLAKE3 of the content, 256 bits.
    pub blake3: [u8; 32],
    /// The media type given when it was put, or else the one that the file's name stands for.
    pub media_type: String,
    /// When it was put.
    pub created: Time,
    /// How old the caller said the content is.
    pub modified: Time,
    /// Whether it is exempt from the limit on the number of versions.
    pub keep: bool,
    /// Whether a download of the file gives this version.
    pub current: bool,
    /// Whether the caller said that it may be run, which archives show.
    pub executable: bool,
}

/// A row of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The name within the folder.
    pub name: String,
    /// Names the file or folder.
    pub file: FileId,
    /// File or folder.
    pub kind: Kind,
    /// The current version; none for a folder.
    pub version: Option<VersionId>,
    /// Length of the current version in bytes; 0 for a folder.
    pub size: u64,
    /// How old the content of the current version is; for a folder, when it was made or its
    /// attributes last changed.
    pub modified: Time,
    /// Where the current version's content is; 0 for a folder.
    pub blob: BlobId,
    /// CRC-32 of the current version; 0 for a folder.
    pub crc32: u32,
    /// Whether the current version may be run; never for a folder.
    pub executable: bool,
}

/// A file or folder with an attribute that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributeMatch {
    /// Names the file or folder.
    pub file: FileId,
    /// File or folder.
    pub kind: Kind,
    /// Its path in the drive, without a slash in front.
    pub path: String,
    /// The whole value of the attribute.
    pub value: String,
}

impl AttributeMatch {
    /// Names a match of an earlier page, to go on behind it.
    pub fn at(file: FileId, value: impl Into<String>) -> AttributeMatch {
        AttributeMatch { file, kind: Kind::File, path: String::new(), value: value.into() }
    }
}

/// What lies in the trash of a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrashInfo {
    /// Names the file or folder.
    pub file: FileId,
    /// File or folder.
    pub kind: Kind,
    /// The path it had, without a slash in front.
    pub path: String,
    /// When it was put in the trash.
    pub trashed: Time,
}
