//! What the calls are going to read: a driver whose rows are far away gets it in one round trip. Nothing rests on it;
//! what is missing here is read when it is asked for.

use std::ops::Bound;

use super::counter::{self, Counter};
use super::table::{BLOB, BLOB_HASH, CHILD, DRIVE, FILE, HISTORY, LINK, META, OLD_BLOB_HASH, SHARE, VERSION};
use super::{blob, hash_index, history, id_sequence, node, object, sha1_index, signing_key};
use crate::digest::Digest;
use crate::id::{BlobId, DriveId, FileId, LinkId, ShareId, VersionId};
use crate::kv::{FieldStep, FirstRow, KeyPart, Prefetch, PrefetchRange, RowLink, RowsBelow, Table};
use crate::name::split_path;

use FieldStep::{Number as N, One, Text};
use KeyPart::{Complement, Name, Number, Own, Value};

const fn link(from: Table, to: Table, key: &'static [KeyPart]) -> RowLink {
    RowLink { from, to, key }
}

/// The number of a drive's root folder, behind its name.
const ROOT: KeyPart = Number(&[Text]);

/// From a drive down a path, and to what a download of the file there needs.
static PATH: [RowLink; 6] = [
    link(DRIVE, CHILD, &[ROOT, Name]),
    link(CHILD, CHILD, &[Number(&[]), Name]),
    link(DRIVE, FILE, &[ROOT]),
    link(CHILD, FILE, &[Number(&[])]),
    link(CHILD, VERSION, &[Number(&[]), Complement(&[N, N])]),
    link(CHILD, BLOB, &[Number(&[N, N, N, N, N])]),
];

/// From a drive down a path to the file there, and from a hash to its content.
static PUT: [RowLink; 6] = [
    link(DRIVE, CHILD, &[ROOT, Name]),
    link(CHILD, CHILD, &[Number(&[]), Name]),
    link(CHILD, FILE, &[Number(&[])]),
    link(FILE, DRIVE, &[Number(&[])]),
    link(BLOB_HASH, BLOB, &[Number(&[])]),
    link(OLD_BLOB_HASH, BLOB, &[Value]),
];

/// From a file up to its drive, and from a version to its content.
static SERVED: [RowLink; 3] = [
    link(FILE, FILE, &[Number(&[N, One])]),
    link(FILE, DRIVE, &[Number(&[])]),
    link(VERSION, BLOB, &[Number(&[])]),
];

/// As `SERVED`, and from a file to its current version.
static FOLLOWED: [RowLink; 6] = [
    link(LINK, FILE, &[Number(&[])]),
    link(SHARE, FILE, &[Number(&[N])]),
    link(FILE, FILE, &[Number(&[N, One])]),
    link(FILE, DRIVE, &[Number(&[])]),
    link(FILE, VERSION, &[Own, Complement(&[N, One, N, Text, N])]),
    link(VERSION, BLOB, &[Number(&[])]),
];

/// All of these.
pub(crate) static LINKS: [&[RowLink]; 4] = [&PATH, &PUT, &SERVED, &FOLLOWED];

fn at(drive: DriveId, path: &str) -> FirstRow {
    let names = split_path(path).unwrap_or_default().into_iter().map(str::to_owned).collect();
    FirstRow { names, ..FirstRow::of(DRIVE, drive.to_key()) }
}

/// What is read to find and open what lies at a path.
pub(crate) fn path(drive: DriveId, path: &str) -> Prefetch {
    Prefetch { first: vec![at(drive, path)], links: &PATH, ..Prefetch::default() }
}

/// What is read to list the folder at a path.
pub(crate) fn listing(drive: DriveId, path: &str, after: Option<&str>, limit: usize) -> Prefetch {
    let below = RowsBelow { after: after.map(|name| name.as_bytes().to_vec()), limit };
    Prefetch { below: Some(below), ..self::path(drive, path) }
}

/// What is read to put content.
pub(crate) struct PutRows<'a> {
    pub(crate) drive: DriveId,
    /// The scope of deduplication.
    pub(crate) scope: u64,
    pub(crate) path: &'a str,
    /// The blob that it becomes, if no other has it.
    pub(crate) blob: BlobId,
    pub(crate) digest: &'a Digest,
}

/// What is read to put contents.
pub(crate) fn put<'a>(contents: impl Iterator<Item = PutRows<'a>>) -> Prefetch {
    let mut first = vec![FirstRow::of(META, history::TIMELINE)];
    for PutRows { drive, scope, path, blob, digest } in contents {
        first.push(at(drive, path));
        first.push(FirstRow::of(BLOB, blob.to_key()));
        if blob::is_shared(scope) {
            first.push(FirstRow::of(BLOB_HASH, hash_index::key(scope, &digest.blake3)));
            first.push(FirstRow::of(OLD_BLOB_HASH, hash_index::old_key(scope, &digest.blake3)));
        }
        if digest.len >= sha1_index::MIN_LEN {
            first.extend(sha1_index::rows_of_new(scope, drive, digest, blob));
        }
    }
    Prefetch { first, links: &PUT, ranges: vec![newest_session(), hash_index::old_rows()], below: None }
}

fn newest_session() -> PrefetchRange {
    let range = (Bound::Included(Vec::new()), Bound::Included(u64::MAX.to_be_bytes().to_vec()));
    PrefetchRange { table: HISTORY, range, reverse: true, limit: 1 }
}

/// What is read when a session begins.
pub(crate) fn session() -> Prefetch {
    let rows = [object::IDENTITY, object::NEXT_SEGMENT, id_sequence::NEXT, history::COPY];
    let first = rows.iter().map(|key| FirstRow::of(META, *key)).collect();
    let all = PrefetchRange { range: (Bound::Unbounded, Bound::Unbounded), limit: 1000, ..newest_session() };
    Prefetch { first, ranges: vec![newest_session(), all], ..Prefetch::default() }
}

/// What a URL leads to, by what is read for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ServedRows {
    /// What cannot be said yet.
    Nothing,
    Version(VersionId),
    /// The current version of a file.
    File(FileId),
    /// The same, in a share.
    Shared(ShareId, FileId),
    /// The current version of a link's file.
    Link(LinkId),
}

/// What is read to serve a URL.
pub(crate) fn served(rows: ServedRows) -> Prefetch {
    let mut first: Vec<FirstRow> =
        signing_key::RING_ROWS.iter().map(|key| FirstRow::of(META, *key)).collect();
    let mut links: &'static [RowLink] = &FOLLOWED;
    match rows {
        ServedRows::Nothing => {}
        ServedRows::Version(id) => {
            links = &SERVED;
            first.push(FirstRow::of(FILE, id.file().to_key()));
            first.push(FirstRow::of(VERSION, node::version_key(id)));
        }
        ServedRows::File(id) => first.push(FirstRow::of(FILE, id.to_key())),
        ServedRows::Shared(share, file) => {
            first.push(FirstRow::of(SHARE, share.to_key()));
            first.push(FirstRow::of(FILE, file.to_key()));
        }
        ServedRows::Link(id) => {
            first.push(FirstRow::of(LINK, id.to_key()));
            first.push(counter::row(Counter::LinkDownloads(id)));
        }
    }
    Prefetch { first, links, ..Prefetch::default() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::catalog::record::{
        ChildRecord, DriveRecord, FileRecord, LinkRecord, Record, ShareRecord, VersionRecord,
    };
    use crate::{Kind, Time};

    fn next(links: &[RowLink], from: Table, to: Table, value: &[u8], name: Option<&str>) -> Option<Vec<u8>> {
        let link = links.iter().find(|link| (link.from, link.to) == (from, to)).unwrap();
        link.leads_to(&FileId(7).to_key(), value, name)
    }

    /// The links go by where fields are in records: a record that changes has to change them.
    #[test]
    fn every_link_leads_from_a_record_to_the_key_that_it_names() {
        for (id, number) in [(1_u64, 1_u32), (127, 128), ((1 << 44) - 1, (1 << 20) - 1)] {
            let (file, blob, drive) = (FileId(id), BlobId(id / 2 + 1), DriveId(id / 3 + 1));
            let child = ChildRecord {
                file,
                kind: Kind::File,
                number,
                size: u64::MAX,
                modified: Time(-1),
                blob,
                crc32: 1,
                executable: true,
            };
            let child = child.encode().unwrap();
            let version_key = node::version_key(VersionId::new(file, number)).to_vec();
            assert_eq!(next(&PATH, CHILD, CHILD, &child, Some("n")), Some(node::child_key(file, "n")));
            assert_eq!(next(&PATH, CHILD, FILE, &child, None), Some(file.to_key().to_vec()));
            assert_eq!(next(&PATH, CHILD, VERSION, &child, None), Some(version_key));
            assert_eq!(next(&PATH, CHILD, BLOB, &child, None), Some(blob.to_key().to_vec()));
            assert_eq!(next(&PUT, CHILD, CHILD, &child, Some("n")), Some(node::child_key(file, "n")));
            assert_eq!(next(&PUT, CHILD, FILE, &child, None), Some(file.to_key().to_vec()));
            for name in ["a", &"n".repeat(255)] {
                let record = DriveRecord {
                    name: name.to_owned(),
                    root: file,
                    created: Time(0),
                    revocations: 0,
                    max_versions: 0,
                };
                let record = record.encode().unwrap();
                for links in [&PATH[..], &PUT] {
                    let child = next(links, DRIVE, CHILD, &record, Some("n"));
                    assert_eq!(child, Some(node::child_key(file, "n")));
                }
                assert_eq!(next(&PATH, DRIVE, FILE, &record, None), Some(file.to_key().to_vec()));
                let mut record = node::new(drive, file, name, Kind::File, Time(0));
                record.current = number;
                let encoded = record.encode().unwrap();
                let of_seven = node::version_key(VersionId::new(FileId(7), number)).to_vec();
                for links in [&SERVED[..], &FOLLOWED] {
                    assert_eq!(next(links, FILE, FILE, &encoded, None), Some(file.to_key().to_vec()));
                    assert_eq!(next(links, FILE, DRIVE, &encoded, None), Some(drive.to_key().to_vec()));
                }
                assert_eq!(next(&PUT, FILE, DRIVE, &encoded, None), Some(drive.to_key().to_vec()));
                assert_eq!(next(&FOLLOWED, FILE, VERSION, &encoded, None), Some(of_seven));
                let root = FileRecord { parent: None, attributes: BTreeMap::new(), ..record };
                assert_eq!(next(&FOLLOWED, FILE, FILE, &root.encode().unwrap(), None), None);
            }
            let version = VersionRecord {
                blob,
                size: 1,
                crc32: 2,
                created: Time(3),
                modified: Time(4),
                media_type: String::new(),
                keep: false,
                revocations: 0,
                executable: false,
                foreign: None,
            };
            let version = version.encode().unwrap();
            for links in [&SERVED[..], &FOLLOWED] {
                assert_eq!(next(links, VERSION, BLOB, &version, None), Some(blob.to_key().to_vec()));
            }
            let share = ShareRecord {
                drive,
                file,
                created: Time(0),
                expires: None,
                password: None,
                max_downloads: None,
                downloads: 0,
                purchase: false,
                revocations: 0,
            };
            let share = share.encode().unwrap();
            assert_eq!(next(&FOLLOWED, SHARE, FILE, &share, None), Some(file.to_key().to_vec()));
            let link = LinkRecord { file, name: "n".to_owned(), created: Time(0), pace: 0 };
            let link = link.encode().unwrap();
            assert_eq!(next(&FOLLOWED, LINK, FILE, &link, None), Some(file.to_key().to_vec()));
        }
        assert_eq!(next(&PUT, BLOB_HASH, BLOB, &[1, 0x81, 1, 5], None), Some(vec![0, 0, 0, 0, 0, 0, 0, 129]));
        assert_eq!(next(&PUT, BLOB_HASH, BLOB, &[1, 0x81], None), None);
        assert_eq!(next(&PUT, OLD_BLOB_HASH, BLOB, &[1; 8], None), Some(vec![1; 8]));
        assert_eq!(next(&PUT, OLD_BLOB_HASH, BLOB, &[1; 7], None), None);
    }
}
