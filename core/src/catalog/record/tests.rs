//! Records of earlier versions, and dates.

use super::*;

#[test]
fn a_file_of_the_first_version_is_read_and_dated_by_its_change() {
    let time = Time(1_750_000_000_999_999);
    let old = FileRecord1 {
        drive: DriveId(7),
        parent: Some(FileId(1)),
        name: "a".into(),
        kind: Kind::File,
        current: 2,
        next: 3,
        created: Time(5),
        modified: time,
        attributes: BTreeMap::from([("k".into(), "v".into())]),
        revocations: 9,
        trashed: None,
    };
    let bytes = postcard::to_extend(&old, vec![1]).unwrap();
    let read = FileRecord::decode(&bytes).unwrap();
    assert_eq!((read.dated, read.modified, read.current, read.revocations), (1_750_000_000, time, 2, 9));
    assert_eq!(FileRecord::decode(&read.encode().unwrap()).unwrap(), read);
    for (version, kind) in [(0, ErrorKind::Corrupt), (3, ErrorKind::Unsupported)] {
        let bytes = postcard::to_extend(&old, vec![version]).unwrap();
        assert_eq!(FileRecord::decode(&bytes).unwrap_err().kind(), kind);
    }
    assert_eq!(FileRecord::decode(&[]).unwrap_err().kind(), ErrorKind::Corrupt);
}

/// Returns the bytes of a record as a version wrote it that had not the last `more` bytes.
fn older(record: &impl Record, version: u8, more: usize) -> Vec<u8> {
    let mut bytes = record.encode().unwrap();
    bytes.truncate(bytes.len() - more);
    bytes[0] = version;
    bytes
}

#[test]
fn what_was_put_before_modes_were_is_read_as_not_executable() {
    let time = Time(1_750_000_000_999_999);
    let version = VersionRecord {
        blob: BlobId(300),
        size: 7,
        crc32: 1 << 31,
        created: time,
        modified: time,
        media_type: "text/plain".into(),
        keep: true,
        revocations: 130,
        executable: false,
        foreign: None,
    };
    assert_eq!(VersionRecord::decode(&older(&version, 1, 2)).unwrap(), version);
    let child = ChildRecord {
        file: FileId(9),
        kind: Kind::File,
        number: 1,
        size: 7,
        modified: time,
        blob: BlobId(300),
        crc32: 1 << 31,
        executable: false,
    };
    assert_eq!(ChildRecord::decode(&older(&child, 1, 1)).unwrap(), child);
    let run = VersionRecord { executable: true, ..version };
    assert_eq!(VersionRecord::decode(&older(&run, 2, 1)).unwrap(), run, "nor had it an alias");
    let run = VersionRecord { foreign: Some(300), ..run };
    assert_eq!(VersionRecord::decode(&run.encode().unwrap()).unwrap(), run);
}

#[test]
fn an_archive_of_another_layout_is_read_and_refused() {
    let archive = ArchiveRecord {
        owner: Owner::Nobody,
        name: "a.zip".into(),
        created: Time(5),
        expires: Time(6),
        entries: 1,
        len: 22,
        digest: [1; 32],
        revocations: 3,
        drives: vec![(DriveId(7), 0)],
        shares: vec![],
        identity: [2; 32],
        bytes: 700,
        layout: ArchiveRecord::LAYOUT,
        utc_offset: 0,
    };
    archive.check_layout().unwrap();
    let read = ArchiveRecord::decode(&older(&archive, 2, 2)).unwrap();
    assert_eq!(read, ArchiveRecord { layout: 2, ..archive.clone() });
    assert_eq!(read.check_layout().unwrap_err().kind(), ErrorKind::Gone);
    let zone = ArchiveRecord { utc_offset: -345, ..archive };
    assert_eq!(ArchiveRecord::decode(&zone.encode().unwrap()).unwrap(), zone);
    let members = MembersRecord(vec![]);
    assert_eq!(MembersRecord::decode(&older(&members, 1, 0)).unwrap_err().kind(), ErrorKind::Gone);
}

#[test]
fn every_content_of_a_file_has_a_later_date_than_the_one_before() {
    let drive = DriveId(1);
    let mut file = crate::catalog::node::new(drive, FileId(1), "a", Kind::File, Time::from_unix(100));
    let mut dates = Vec::new();
    for now in [100, 100, 100, 50, 102, 0, 1000, 999] {
        file.date(Time::from_unix(now));
        file.current += 1;
        dates.push(file.dated);
    }
    assert_eq!(dates, [100, 101, 102, 103, 104, 105, 1000, 1001]);
}
