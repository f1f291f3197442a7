//! What an archive is made of, and how much of it there may be.

use crate::Kind;

/// One member, as the caller wants it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its path in the archive, `/` between parts. It is made safe and unique.
    pub name: String,
    /// File or folder.
    pub kind: Kind,
    /// Length of the content in bytes; 0 for a folder.
    pub size: u64,
    /// CRC-32 (the zip one) of the content; 0 if there is none.
    pub crc32: u32,
    /// Modification time in seconds since 1970-01-01 UTC.
    pub modified: i64,
    /// Whether a file may be run: its mode is 0755 then, else 0644. That of a folder is 0755 always.
    pub executable: bool,
    /// The caller's key to the content; never asked for where the size is 0.
    pub content: u64,
}

/// One member, as it stands in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name: safe, unique, with a `/` at the end of a folder.
    pub name: &'a str,
    /// File or folder.
    pub kind: Kind,
    /// Length of the content in bytes.
    pub size: u64,
    /// CRC-32 of the content.
    pub crc32: u32,
    /// Modification time in seconds since 1970-01-01 UTC.
    pub modified: i64,
    /// Whether a file may be run.
    pub executable: bool,
    /// The caller's key to the content.
    pub content: u64,
    /// Where its local header starts, in bytes from the start of the archive.
    pub offset: u64,
}

/// How large an archive may be.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveLimits {
    /// Members at most; 100,000 by default.
    pub max_entries: u64,
    /// Bytes at most of the whole archive, headers included; without bound by default.
    pub max_bytes: Option<u64>,
}

impl Default for ArchiveLimits {
    fn default() -> ArchiveLimits {
        ArchiveLimits { max_entries: 100_000, max_bytes: None }
    }
}
