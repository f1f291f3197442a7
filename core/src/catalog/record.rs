//! What a row holds. A record is a version byte and its fields in postcard's encoding; it is
//! parsed fallibly, and a later version is distinguished from damage.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use crate::Kind;
use crate::digest::Digest;
use crate::id::{BlobId, DriveId, FileId, ShareId, VersionId};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

mod packed;

/// A row's content.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// The version of the encoding, in the first byte.
    const VERSION: u8;
    /// What the row is called in an error.
    const NOUN: &'static str;

    /// Returns the bytes of the row.
    fn encode(&self) -> Result<Vec<u8>> {
        postcard::to_extend(self, vec![Self::VERSION]).map_err(|cause| encoding(Self::NOUN, cause))
    }

    /// Reads the fields behind the version byte.
    fn read(rest: &[u8]) -> Result<Self> {
        fields(rest, Self::NOUN)
    }

    /// Reads the bytes of a row.
    ///
    /// # Errors
    /// `Corrupt` when they are no such record, `Unsupported` when a later version wrote them.
    fn decode(bytes: &[u8]) -> Result<Self> {
        match bytes.split_first() {
            Some((version, rest)) if *version == Self::VERSION => Self::read(rest),
            Some((version, rest)) => match Self::decode_older(*version, rest) {
                Some(older) => older,
                None => Self::decode_unknown(*version),
            },
            None => Self::decode_unknown(0),
        }
    }

    /// Reads the fields of an older version; None when there never was one of that number.
    fn decode_older(_version: u8, _rest: &[u8]) -> Option<Result<Self>> {
        None
    }

    /// Says that a version cannot be read.
    fn decode_unknown(version: u8) -> Result<Self> {
        match version {
            version if version > Self::VERSION => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "a {} record has version {version}; this build reads up to {}",
                    Self::NOUN,
                    Self::VERSION
                ),
            )),
            _ => Err(Error::corrupt(format!(
                "a {} record has no version byte that was ever written",
                Self::NOUN
            ))),
        }
    }
}

/// Reads the fields behind a version byte. Bytes behind them are no record's: whoever adds a field raises
/// the version.
fn fields<T: DeserializeOwned>(bytes: &[u8], noun: &str) -> Result<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((record, [])) => Ok(record),
        Ok((_, rest)) => Err(Error::corrupt(format!(
            "a {noun} record is followed by {} bytes of something else",
            rest.len()
        ))),
        Err(cause) => Err(unreadable(noun, cause)),
    }
}

fn encoding(noun: &str, cause: postcard::Error) -> Error {
    Error::with_source(ErrorKind::Bug, format!("encoding a {noun} record"), cause)
}

fn unreadable(noun: &str, cause: postcard::Error) -> Error {
    Error::with_source(ErrorKind::Corrupt, format!("a {noun} record cannot be read"), cause)
}

/// Reads the fields of a record that has got more since; `more` are those.
fn fields_and<T: DeserializeOwned>(bytes: &[u8], more: &[u8], noun: &str) -> Result<T> {
    fields(&[bytes, more].concat(), noun)
}

macro_rules! records {
    ($($name:ident $version:literal $noun:literal;)*) => {
        $(impl Record for $name {
            const VERSION: u8 = $version;
            const NOUN: &'static str = $noun;
        })*
    };
}

records! {
    DriveRecord 1 "drive";
    SegmentRecord 2 "segment";
    TrashRecord 1 "trash";
    LinkRecord 1 "link";
    ShareRecord 1 "share";
    KeyRecord 1 "key";
    UseRecord 1 "use limit";
    ClientUseRecord 1 "use of a client";
    UploadRecord 1 "upload";
    PartRecord 1 "upload part";
    NoteRecord 1 "note";
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DriveRecord {
    pub(crate) name: String,
    pub(crate) root: FileId,
    pub(crate) created: Time,
    /// Goes up by one to make every URL into the drive invalid.
    pub(crate) revocations: u64,
    /// How many versions a file keeps; 0 is all of them.
    pub(crate) max_versions: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    pub(crate) drive: DriveId,
    /// None for the root of a drive, and for the top of what lies in the trash or was deleted.
    pub(crate) parent: Option<FileId>,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The number of the current version; 0 for a folder.
    pub(crate) current: u32,
    /// The number the next version gets.
    pub(crate) next: u32,
    pub(crate) created: Time,
    pub(crate) modified: Time,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Goes up by one to make every URL of the file invalid.
    pub(crate) revocations: u64,
    /// When it went to the trash, for the top of what lies there.
    pub(crate) trashed: Option<Time>,
    /// The unix second that dates the content for URLs that follow the file: that of the change, and
    /// later than that of any content that was current before, whatever the clock did.
    pub(crate) dated: i64,
}

impl FileRecord {
    /// Dates a change of what the file's URLs send.
    pub(crate) fn date(&mut self, now: Time) {
        let begun = self.current != 0;
        self.dated = if begun { self.dated.saturating_add(1).max(now.unix()) } else { now.unix() };
    }
}

/// A file as it was recorded before it had a date of its own.
#[derive(Serialize, Deserialize)]
struct FileRecord1 {
    drive: DriveId,
    parent: Option<FileId>,
    name: String,
    kind: Kind,
    current: u32,
    next: u32,
    created: Time,
    modified: Time,
    attributes: BTreeMap<String, String>,
    revocations: u64,
    trashed: Option<Time>,
}

impl From<FileRecord1> for FileRecord {
    fn from(old: FileRecord1) -> FileRecord {
        let FileRecord1 { drive, parent, name, kind, current, next, created, modified, .. } = old;
        let FileRecord1 { attributes, revocations, trashed, .. } = old;
        let dated = modified.unix();
        FileRecord {
            drive,
            parent,
            name,
            kind,
            current,
            next,
            created,
            modified,
            attributes,
            revocations,
            trashed,
            dated,
        }
    }
}

/// A row of a listing; for a file, of its current version too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChildRecord {
    pub(crate) file: FileId,
    pub(crate) kind: Kind,
    pub(crate) number: u32,
    pub(crate) size: u64,
    pub(crate) modified: Time,
    pub(crate) blob: BlobId,
    pub(crate) crc32: u32,
    /// As in the current version.
    pub(crate) executable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionRecord {
    pub(crate) blob: BlobId,
    pub(crate) size: u64,
    pub(crate) crc32: u32,
    /// When it was put.
    pub(crate) created: Time,
    /// What the caller says of the content's age; shown as Last-Modified and in archives.
    pub(crate) modified: Time,
    pub(crate) media_type: String,
    /// Exempt from the limit on the number of versions.
    pub(crate) keep: bool,
    pub(crate) revocations: u64,
    /// Whether the caller says that it may be run; shown in archives.
    pub(crate) executable: bool,
    /// The id of another system that it was imported under.
    pub(crate) foreign: Option<u64>,
}

/// Where a blob's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Location {
    /// In segment `segment`, from byte `offset` on.
    Segment { segment: u32, offset: u64 },
    /// In a file of its own.
    File,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlobRecord {
    pub(crate) location: Location,
    pub(crate) len: u64,
    pub(crate) crc32: u32,
    pub(crate) crc64: u64,
    pub(crate) sha1: [u8; 20],
    pub(crate) blake3: [u8; 32],
    /// Versions that have this content.
    pub(crate) refs: u64,
    /// When the last version let go of it; only while no version has it. The same as in its row of `DELETED_BLOB`.
    pub(crate) released: Option<Time>,
    /// The scope of deduplication it was stored under: 0, or a drive.
    pub(crate) scope: u64,
}

impl BlobRecord {
    /// Returns the digest of the content when it was stored.
    pub(crate) fn digest(&self) -> Digest {
        let BlobRecord { len, crc32, crc64, sha1, blake3, .. } = *self;
        Digest { len, blake3, sha1, crc64, crc32 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentRecord {
    /// Whether a process may still append to it.
    pub(crate) open: bool,
    /// Bytes up to the end of the last published frame, the header included.
    pub(crate) len: u64,
    /// Bytes of blob frames.
    pub(crate) blobs: u64,
    /// Bytes of those whose blobs are gone.
    pub(crate) dead: u64,
    /// The number of the last group.
    pub(crate) last: u64,
}

impl SegmentRecord {
    /// Returns the bytes of frames whose blobs live. All others are of use only as far as the groups
    /// are the last that say something of a row.
    pub(crate) fn live(&self) -> u64 {
        self.blobs.saturating_sub(self.dead)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrashRecord {
    /// The folder it lay in.
    pub(crate) parent: FileId,
    /// Its path when it was trashed.
    pub(crate) path: String,
    pub(crate) trashed: Time,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkRecord {
    pub(crate) file: FileId,
    /// The name in the URL, frozen when the link was made.
    pub(crate) name: String,
    pub(crate) created: Time,
    /// Bytes a second; 0 is unlimited.
    pub(crate) pace: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShareRecord {
    pub(crate) drive: DriveId,
    pub(crate) file: FileId,
    pub(crate) created: Time,
    pub(crate) expires: Option<Time>,
    /// Salted PBKDF2-HMAC-SHA-256 of the password.
    pub(crate) password: Option<PasswordRecord>,
    /// Downloads allowed in all.
    pub(crate) max_downloads: Option<u64>,
    /// Downloads counted so far.
    pub(crate) downloads: u64,
    /// A visitor needs a ticket from the host.
    pub(crate) purchase: bool,
    pub(crate) revocations: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PasswordRecord {
    pub(crate) salt: [u8; 16],
    pub(crate) rounds: u32,
    pub(crate) hash: [u8; 32],
}

/// Who made an archive. By its id it is given to that one alone; its URL gives it to whoever has that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Owner {
    /// The owner of a drive, whatever drives the members are of.
    Drive(DriveId),
    /// A visitor who was let into a share.
    Share(ShareId),
    /// Somebody who cannot be known again.
    Nobody,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArchiveRecord {
    pub(crate) owner: Owner,
    pub(crate) name: String,
    pub(crate) created: Time,
    pub(crate) expires: Time,
    pub(crate) entries: u64,
    /// Length of the zip in bytes.
    pub(crate) len: u64,
    /// Of everything that decides the zip's bytes.
    pub(crate) digest: [u8; 32],
    pub(crate) revocations: u64,
    /// The drives that its members are of, each with what was revoked in it by then: see
    /// [`drive::withdrawals`](crate::catalog::drive::withdrawals).
    pub(crate) drives: Vec<(DriveId, u64)>,
    /// The shares that members were found through, each with its counter of revocations by then.
    pub(crate) shares: Vec<(ShareId, u64)>,
    /// Of the digest, the name and all that decides who may have it: what an equal one is found by.
    pub(crate) identity: [u8; 32],
    /// What its rows take, as limits count it.
    pub(crate) bytes: u64,
    /// The layout that the zip was planned in; another build may plan another.
    pub(crate) layout: u8,
    /// What the DOS times of its members are ahead of UTC, in minutes.
    pub(crate) utc_offset: i16,
}

impl ArchiveRecord {
    /// The layout of today. It goes up with any change of the bytes that a list of members becomes.
    pub(crate) const LAYOUT: u8 = 3;

    /// Refuses an archive that was planned in another layout: resumed, it would be a mixture. It lived for a
    /// day at most.
    ///
    /// # Errors
    /// `Gone` when it was.
    pub(crate) fn check_layout(&self) -> Result<()> {
        if self.layout == Self::LAYOUT { Ok(()) } else { Err(outdated()) }
    }
}

fn outdated() -> Error {
    Error::new(ErrorKind::Gone, "the archive was made by an earlier build of the library; make it again")
}

/// Version 1 had neither the maker of an archive nor what it was made of. Version 2 had one layout, and all
/// times in UTC. Such archives ended with their build.
impl Record for ArchiveRecord {
    const VERSION: u8 = 3;
    const NOUN: &'static str = "archive";

    fn decode_older(version: u8, rest: &[u8]) -> Option<Result<Self>> {
        match version {
            1 => Some(Err(outdated())),
            2 => Some(fields_and(rest, &[2, 0], Self::NOUN)),
            _ => None,
        }
    }
}

/// One frozen entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberRecord {
    /// Path in the archive, safe and unique.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    pub(crate) crc32: u32,
    pub(crate) modified: Time,
    pub(crate) blob: BlobId,
    pub(crate) executable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MembersRecord(pub(crate) Vec<MemberRecord>);

/// Version 1 did not say which members may be run; its archives are of an earlier layout.
impl Record for MembersRecord {
    const VERSION: u8 = 2;
    const NOUN: &'static str = "archive part";

    fn decode_older(version: u8, _rest: &[u8]) -> Option<Result<Self>> {
        (version == 1).then(|| Err(outdated()))
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyRecord {
    pub(crate) secret: Vec<u8>,
    pub(crate) created: Time,
    /// Whether it signs (the newest that does is used); if not, it only verifies.
    pub(crate) signs: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UseRecord {
    pub(crate) used: u32,
    pub(crate) expires: Time,
}

/// A use that a client has of a URL whose uses are limited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientUseRecord {
    pub(crate) begun: Time,
    /// Bytes of replies that were sent, or that a process may send without asking again.
    pub(crate) bytes: u64,
}

/// An upload in parts: what it is to become, and whether it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    pub(crate) drive: DriveId,
    pub(crate) goal: Goal,
    pub(crate) media_type: String,
    /// How old the content is; none is when it was put.
    pub(crate) modified: Option<Time>,
    /// What the host keeps with the file, beside what it keeps already.
    pub(crate) attributes: BTreeMap<String, String>,
    /// The length that was declared.
    pub(crate) size: Option<u64>,
    pub(crate) created: Time,
    pub(crate) expires: Time,
    /// The version that it became.
    pub(crate) done: Option<VersionId>,
}

/// Where an upload goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Goal {
    /// To a new file, whose id was drawn when the upload began. Where the name is taken by the
    /// time the content is whole, `rename` finds another.
    New { file: FileId, folder: FileId, name: String, rename: bool },
    /// To a file that is there; `expect` is the version that must be its current one.
    Version { file: FileId, expect: Option<VersionId> },
}

impl Goal {
    /// Returns the file that the content goes to.
    pub(crate) fn file(&self) -> FileId {
        match self {
            Goal::New { file, .. } | Goal::Version { file, .. } => *file,
        }
    }
}

/// One part of an upload; its content is a blob that nothing is deduplicated to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartRecord {
    pub(crate) blob: BlobId,
    pub(crate) len: u64,
    pub(crate) crc64: u64,
    pub(crate) blake3: [u8; 32],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NoteRecord(pub(crate) String);

#[cfg(test)]
mod tests;
