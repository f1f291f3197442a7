//! Every table, on one page.
//!
//! Keys are big-endian, so that rows sort by number and a page of a listing is a range scan.
//! Names carry a version: a changed layout is a new table.

use crate::kv::Table;

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $byte:literal $text:literal $(formerly $former:literal)?;)*) => {
        $($(#[$doc])* pub(crate) const $name: Table = Table::new($byte, $text)$(.formerly($former))?;)*
        /// Every table there is.
        pub(crate) const ALL: &[Table] = &[$($name),*];
    };
}

tables! {
    /// name -> what the store knows of itself (see `catalog::meta`)
    META = 1 "meta-1";
    /// drive u64 -> DriveRecord
    DRIVE = 2 "drive-1";
    /// name -> drive u64
    DRIVE_NAME = 3 "drive-name-1";
    /// file u64 -> FileRecord
    FILE = 4 "file-2" formerly "file-1";
    /// parent u64, name -> ChildRecord: covers a page of a listing without a join
    CHILD = 5 "child-1";
    /// file u64, !number u32 -> VersionRecord: newest first
    VERSION = 6 "version-2" formerly "version-1";
    /// blob u64 -> BlobRecord
    BLOB = 7 "blob-2" formerly "blob-1";
    /// 6 bytes of blake3, of which each byte is XORed with one of the scope (0, or the drive when drives share
    /// nothing) -> the blobs whose hashes begin so
    BLOB_HASH = 37 "blob-hash-2";
    /// scope u64, 32 bytes of blake3 -> blob u64: rows of earlier builds
    OLD_BLOB_HASH = 8 "blob-hash-1";
    /// released i64 (sign bit flipped), blob u64 -> nothing: blobs that nothing refers to since then
    DELETED_BLOB = 9 "doomed-blob-1";
    /// file u64 -> nothing: files cut off from the tree whose rows are yet to be deleted
    DELETED_FILE = 10 "doomed-file-1";
    /// segment u32 -> SegmentRecord
    SEGMENT = 11 "segment-1";
    /// drive u64, file u64 -> TrashRecord
    TRASH = 12 "trash-1";
    /// link u64 -> LinkRecord
    LINK = 13 "link-1";
    /// file u64, link u64 -> nothing
    FILE_LINK = 14 "file-link-1";
    /// share u64 -> ShareRecord
    SHARE = 15 "share-1";
    /// file u64, share u64 -> nothing
    FILE_SHARE = 16 "file-share-1";
    /// archive u64 -> ArchiveRecord
    ARCHIVE = 17 "archive-1";
    /// archive u64, part u32 -> members, as many as fit
    ARCHIVE_PART = 18 "archive-part-1";
    /// expires i64 (sign bit flipped), archive u64 -> nothing
    ARCHIVE_EXPIRY = 19 "archive-expiry-1";
    /// key id u16 -> KeyRecord
    KEY = 20 "key-1";
    /// counter kind u8, id u64 -> i64
    COUNTER = 21 "counter-1";
    /// 16 bytes of a use limit's id -> UseRecord
    USE = 22 "use-1";
    /// 16 bytes of a use limit's id, client u64 -> ClientUseRecord
    CLIENT_USE = 35 "client-use-1";
    /// lsn u64 -> SessionRecord: who wrote from that group on
    HISTORY = 23 "history-1";
    /// scope u64, 0, 20 bytes of sha1, blob u64 -> 20 bytes of the beginning's sha1; and
    /// scope u64, 1, 20 bytes of the beginning's sha1, blob u64 -> nothing
    BLOB_SHA1 = 26 "blob-sha1-1";
    /// drive u64, 0, 20 bytes of sha1, blob u64 -> 20 bytes of the beginning's sha1, versions u64; and
    /// drive u64, 1, 20 bytes of the beginning's sha1, blob u64 -> nothing: what each drive has of the content
    /// that drives share
    DRIVE_SHA1 = 34 "drive-sha1-1";
    /// upload u64 -> UploadRecord
    UPLOAD = 27 "upload-1";
    /// upload u64, part u32 -> PartRecord
    UPLOAD_PART = 28 "upload-part-1";
    /// expires i64 (sign bit flipped), upload u64 -> nothing
    UPLOAD_EXPIRY = 29 "upload-expiry-1";
    /// kind u8, another system's id u64 -> ours, u64; of a version, its epoch u64 behind. And
    /// kind + 128 u8, our id u64 -> the other system's, u64
    ALIAS = 30 "alias-1";
    /// file u64, !number u32 -> NoteRecord: what is said of a version
    VERSION_NOTE = 31 "version-note-1";
    /// 32 bytes of an archive's identity -> archive u64
    ARCHIVE_IDENTITY = 32 "archive-identity-1";
    /// upload u64 -> until i64: its parts are being put together
    UPLOAD_CLAIM = 33 "upload-claim-1";
    /// drive u64, length of a name u32, up to 128 bytes of it, up to 128 bytes of a value, file u64 -> nothing
    ATTRIBUTE = 36 "attribute-1";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn bytes_and_names_are_unique() {
        for (position, table) in ALL.iter().enumerate() {
            for other in &ALL[position + 1..] {
                assert_ne!(table.byte, other.byte);
                assert_ne!(table.name, other.name);
            }
        }
    }
}
