//! The structs that C gets to see filled, and what fills them. They hold no pointers: a name fits in
//! its array, with a NUL behind it.

use std::ffi::c_char;

use holdall::{
    ArchiveInfo, DriveInfo, FileInfo, Kind, LinkInfo, Result, Row, ShareInfo, Time, TrashInfo, VersionInfo,
};

use crate::lines::fill;
use crate::sized::records;

/// A file.
pub const HOLDALL_FILE: i32 = 1;
/// A folder.
pub const HOLDALL_FOLDER: i32 = 2;

/// A drive, as of one point in time.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_drive_info {
    /// sizeof this
    pub size: usize,
    /// The id of the drive.
    pub id: u64,
    /// The root folder of the drive.
    pub root_id: u64,
    /// Files, not counting folders, but counting the trash.
    pub files: u64,
    /// Bytes of all versions of those files.
    pub len_bytes: u64,
    /// When it was created.
    pub created_unix_us: i64,
    /// How many versions a file keeps besides those marked to be kept; 0 is all.
    pub max_versions: u32,
    /// The name it was opened by.
    pub name: [c_char; 256],
}

/// A file or folder, as of one point in time.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_file {
    /// sizeof this
    pub size: usize,
    /// Its id, which a move does not change.
    pub id: u64,
    /// The drive that it is in.
    pub drive_id: u64,
    /// Its parent folder; 0 for a root and for a trashed item.
    pub parent_id: u64,
    /// The current version; 0 for a folder.
    pub version_id: u64,
    /// Length of the current version; 0 for a folder.
    pub len_bytes: u64,
    /// When it was created.
    pub created_unix_us: i64,
    /// When its content or attributes last changed.
    pub modified_unix_us: i64,
    /// When it was trashed; 0 if it was not.
    pub trashed_unix_us: i64,
    /// HOLDALL_FILE or HOLDALL_FOLDER.
    pub kind: i32,
    /// Its name; "" for the root of a drive.
    pub name: [c_char; 256],
}

/// One immutable content of a file, as of one point in time.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_version {
    /// sizeof this
    pub size: usize,
    /// The id of the version.
    pub id: u64,
    /// The file that it is a version of.
    pub file_id: u64,
    /// Length of the content.
    pub len_bytes: u64,
    /// CRC-64/XZ of the content, as Alibaba's services use it.
    pub crc64: u64,
    /// When it was put.
    pub created_unix_us: i64,
    /// The content's modification time: Last-Modified of a download.
    pub modified_unix_us: i64,
    /// CRC-32 of the content, as zip uses it.
    pub crc32: u32,
    /// SHA-1 of the content.
    pub sha1: [u8; 20],
    /// BLAKE3 of the content.
    pub blake3: [u8; 32],
    /// Whether the version limit leaves it alone.
    pub keep: bool,
    /// Whether it is the file's current version.
    pub current: bool,
    /// The media type, such as "application/pdf".
    pub media_type: [c_char; 256],
    /// Whether it may be run.
    pub executable: bool,
}

/// One row of a listing.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_row {
    /// sizeof this
    pub size: usize,
    /// The id of the file or folder.
    pub file_id: u64,
    /// The current version; 0 for a folder.
    pub version_id: u64,
    /// Length of the current version; 0 for a folder.
    pub len_bytes: u64,
    /// When the content was modified.
    pub modified_unix_us: i64,
    /// HOLDALL_FILE or HOLDALL_FOLDER.
    pub kind: i32,
    /// CRC-32 of the current version.
    pub crc32: u32,
    /// The length of the name; the last name of a page is the cursor of the next.
    pub name_len_bytes: usize,
    /// The name.
    pub name: [c_char; 256],
}

/// An item in the trash.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_trashed {
    /// sizeof this
    pub size: usize,
    /// Its id, for holdall_trash_restore.
    pub file_id: u64,
    /// When it was trashed.
    pub trashed_unix_us: i64,
    /// HOLDALL_FILE or HOLDALL_FOLDER.
    pub kind: i32,
    /// The path it had, up to 4096 bytes.
    pub path: [c_char; 4104],
}

/// A direct link.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_link {
    /// sizeof this
    pub size: usize,
    /// The id of the link.
    pub id: u64,
    /// The file it serves.
    pub file_id: u64,
    /// When it was created.
    pub created_unix_us: i64,
    /// The rate limit of a download; 0 is unlimited.
    pub pace_bytes_per_s: u64,
    /// Downloads so far.
    pub downloads: u64,
    /// The name in the URL and of the download.
    pub name: [c_char; 256],
}

/// A share.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_share {
    /// sizeof this
    pub size: usize,
    /// The id of the share.
    pub id: u64,
    /// The drive that the file is in.
    pub drive_id: u64,
    /// The file or folder that is shared.
    pub file_id: u64,
    /// When it was created.
    pub created_unix_us: i64,
    /// When it expires: from then on nobody is let in; 0 is never.
    pub expires_unix_us: i64,
    /// Downloads allowed in total; 0 is unlimited.
    pub max_downloads: u64,
    /// Downloads counted so far.
    pub downloads: u64,
    /// How often it was entered.
    pub views: u64,
    /// Whether a password is required.
    pub has_password: bool,
    /// Whether a visitor needs a ticket from the host.
    pub purchase: bool,
}

/// An archive.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_archive {
    /// sizeof this
    pub size: usize,
    /// The id of the archive.
    pub id: u64,
    /// Files and folders in it.
    pub entries: u64,
    /// Length of the zip.
    pub len_bytes: u64,
    /// When it was created.
    pub created_unix_us: i64,
    /// When it expires; its content is kept until then.
    pub expires_unix_us: i64,
    /// The name of the download.
    pub name: [c_char; 256],
}

/// A key that signs or verifies URLs. The secret is never revealed.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct holdall_key {
    /// sizeof this
    pub size: usize,
    /// When it was created.
    pub created_unix_us: i64,
    /// The id of the key.
    pub id: u16,
    /// Whether it signs; all keys verify.
    pub signs: bool,
}

records!(
    holdall_drive_info { size, id, root_id, files, len_bytes, created_unix_us, max_versions, name },
    holdall_file {
        size,
        id,
        drive_id,
        parent_id,
        version_id,
        len_bytes,
        created_unix_us,
        modified_unix_us,
        trashed_unix_us,
        kind,
        name
    },
    holdall_version {
        size,
        id,
        file_id,
        len_bytes,
        crc64,
        created_unix_us,
        modified_unix_us,
        crc32,
        sha1,
        blake3,
        keep,
        current,
        media_type,
        executable
    },
    holdall_row { size, file_id, version_id, len_bytes, modified_unix_us, kind, crc32, name_len_bytes, name },
    holdall_trashed { size, file_id, trashed_unix_us, kind, path },
    holdall_link { size, id, file_id, created_unix_us, pace_bytes_per_s, downloads, name },
    holdall_share {
        size,
        id,
        drive_id,
        file_id,
        created_unix_us,
        expires_unix_us,
        max_downloads,
        downloads,
        views,
        has_password,
        purchase
    },
    holdall_archive { size, id, entries, len_bytes, created_unix_us, expires_unix_us, name },
    holdall_key { size, created_unix_us, id, signs },
);

fn kind(kind: Kind) -> i32 {
    match kind {
        Kind::Folder => HOLDALL_FOLDER,
        Kind::File => HOLDALL_FILE,
    }
}

fn or_zero(time: Option<Time>) -> i64 {
    time.map_or(0, |time| time.0)
}

impl holdall_drive_info {
    pub(crate) fn of(info: &DriveInfo) -> Result<holdall_drive_info> {
        Ok(holdall_drive_info {
            size: 0,
            id: info.id.0,
            root_id: info.root.0,
            files: info.files,
            len_bytes: info.bytes,
            created_unix_us: info.created.0,
            max_versions: info.max_versions,
            name: fill(&info.name)?,
        })
    }
}

impl holdall_file {
    pub(crate) fn of(info: &FileInfo) -> Result<holdall_file> {
        Ok(holdall_file {
            size: 0,
            id: info.id.0,
            drive_id: info.drive.0,
            parent_id: info.parent.map_or(0, |parent| parent.0),
            version_id: info.current.as_ref().map_or(0, |current| current.id.0),
            len_bytes: info.current.as_ref().map_or(0, |current| current.size),
            created_unix_us: info.created.0,
            modified_unix_us: info.modified.0,
            trashed_unix_us: or_zero(info.trashed),
            kind: kind(info.kind),
            name: fill(&info.name)?,
        })
    }
}

impl holdall_version {
    pub(crate) fn of(info: &VersionInfo) -> Result<holdall_version> {
        Ok(holdall_version {
            size: 0,
            id: info.id.0,
            file_id: info.id.file().0,
            len_bytes: info.size,
            crc64: info.crc64,
            created_unix_us: info.created.0,
            modified_unix_us: info.modified.0,
            crc32: info.crc32,
            sha1: info.sha1,
            blake3: info.blake3,
            keep: info.keep,
            current: info.current,
            media_type: fill(&info.media_type)?,
            executable: info.executable,
        })
    }
}

impl holdall_row {
    pub(crate) fn of(row: &Row) -> Result<holdall_row> {
        Ok(holdall_row {
            size: 0,
            file_id: row.file.0,
            version_id: row.version.map_or(0, |version| version.0),
            len_bytes: row.size,
            modified_unix_us: row.modified.0,
            kind: kind(row.kind),
            crc32: row.crc32,
            name_len_bytes: row.name.len(),
            name: fill(&row.name)?,
        })
    }
}

impl holdall_row {
    /// Describes a file or folder that was found by something else than its path.
    pub(crate) fn of_file(info: &FileInfo) -> Result<holdall_row> {
        let version = info.current.as_ref();
        Ok(holdall_row {
            size: 0,
            file_id: info.id.0,
            version_id: version.map_or(0, |version| version.id.0),
            len_bytes: version.map_or(0, |version| version.size),
            modified_unix_us: version.map_or(info.modified, |version| version.modified).0,
            kind: kind(info.kind),
            crc32: version.map_or(0, |version| version.crc32),
            name_len_bytes: info.name.len(),
            name: fill(&info.name)?,
        })
    }
}

impl holdall_trashed {
    pub(crate) fn of(info: &TrashInfo) -> Result<holdall_trashed> {
        Ok(holdall_trashed {
            size: 0,
            file_id: info.file.0,
            trashed_unix_us: info.trashed.0,
            kind: kind(info.kind),
            path: fill(&info.path)?,
        })
    }
}

impl holdall_link {
    pub(crate) fn of(info: &LinkInfo) -> Result<holdall_link> {
        Ok(holdall_link {
            size: 0,
            id: info.id.0,
            file_id: info.file.0,
            created_unix_us: info.created.0,
            pace_bytes_per_s: info.pace,
            downloads: info.downloads,
            name: fill(&info.name)?,
        })
    }
}

impl holdall_share {
    pub(crate) fn of(info: &ShareInfo) -> holdall_share {
        holdall_share {
            size: 0,
            id: info.id.0,
            drive_id: info.drive.0,
            file_id: info.file.0,
            created_unix_us: info.created.0,
            expires_unix_us: or_zero(info.expires),
            max_downloads: info.max_downloads.unwrap_or(0),
            downloads: info.downloads,
            views: info.views,
            has_password: info.has_password,
            purchase: info.purchase,
        }
    }
}

impl holdall_archive {
    pub(crate) fn of(info: &ArchiveInfo) -> Result<holdall_archive> {
        Ok(holdall_archive {
            size: 0,
            id: info.id.0,
            entries: info.entries,
            len_bytes: info.len,
            created_unix_us: info.created.0,
            expires_unix_us: info.expires.0,
            name: fill(&info.name)?,
        })
    }
}
