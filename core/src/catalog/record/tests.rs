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
    for (version, kind) in [(0, ErrorKind::Corrupt), (4, ErrorKind::Unsupported)] {
        let bytes = postcard::to_extend(&old, vec![version]).unwrap();
        assert_eq!(FileRecord::decode(&bytes).unwrap_err().kind(), kind);
    }
    assert_eq!(FileRecord::decode(&[]).unwrap_err().kind(), ErrorKind::Corrupt);
}

/// Returns the bytes of a record as a version wrote it that had not the last `more` bytes.
fn older(record: &impl Record, version: u8, more: usize) -> Vec<u8> {
    let mut bytes = postcard::to_extend(record, vec![version]).unwrap();
    bytes.truncate(bytes.len() - more);
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

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// What the bytes of the last version that was not packed are, and those of today.
#[track_caller]
fn is_read<T: Record + PartialEq + std::fmt::Debug>(record: &T, before: &str, now: &str) {
    assert_eq!(T::decode(&bytes(before)).unwrap(), *record);
    assert_eq!(T::decode(&bytes(now)).unwrap(), *record);
    let encoded: String = record.encode().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(encoded, now.replace(' ', ""));
    assert_eq!(postcard::to_extend(record, vec![T::VERSION - 1]).unwrap(), bytes(before));
    for len in 0..encoded.len() / 2 {
        assert_eq!(T::decode(&bytes(&encoded[..2 * len])).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    assert_eq!(T::decode(&bytes(&format!("{encoded}00"))).unwrap_err().kind(), ErrorKind::Corrupt);
}

/// 2026-11-28T12:00:00.000001Z.
const NOW: Time = Time(1_795_867_200_000_001);

fn a_version() -> VersionRecord {
    VersionRecord {
        blob: BlobId(300),
        size: 4096,
        crc32: 0xdead_beef,
        created: NOW,
        modified: NOW,
        media_type: String::new(),
        keep: false,
        revocations: 0x8765_4321,
        executable: false,
        foreign: None,
    }
}

fn a_file() -> FileRecord {
    let file = crate::catalog::node::new(DriveId(1), FileId(2), "a.txt", Kind::File, NOW);
    FileRecord { current: 1, next: 2, revocations: 0x8765_4321, ..file }
}

#[test]
fn what_most_rows_say_takes_no_bytes() {
    is_read(
        &a_file(),
        "02 01 0102 05612e747874 00 01 02 82c0a8a89dd5b006 82c0a8a89dd5b006 00 a18695bb08 00 8089d6b00d",
        "03 01 0102 05612e747874 00 01 08 82c0a6c694830d 21436587",
    );
    is_read(
        &a_version(),
        "03 ac02 8020 effdb6f50d 82c0a8a89dd5b006 82c0a8a89dd5b006 00 00 a18695bb08 00 00",
        "04 ac02 08 8020 efbeadde 82c0a6c694830d 21436587",
    );
    let child = ChildRecord {
        file: FileId(300),
        kind: Kind::File,
        number: 1,
        size: 4096,
        modified: NOW,
        blob: BlobId(301),
        crc32: 0xdead_beef,
        executable: true,
    };
    is_read(
        &child,
        "02 ac02 00 01 8020 82c0a8a89dd5b006 ad02 effdb6f50d 01",
        "03 ac02 06 01 8020 82c0a6c694830d ad02 efbeadde",
    );
    let blob = BlobRecord {
        location: Location::Segment { segment: 1, offset: 64 },
        len: 4096,
        crc32: 0xdead_beef,
        crc64: u64::MAX - 1,
        sha1: [1; 20],
        blake3: [2; 32],
        refs: 1,
        released: None,
        scope: 0,
    };
    let (sha1, blake3) = ("01".repeat(20), "02".repeat(32));
    is_read(
        &blob,
        &format!("02 000140 8020 effdb6f50d feffffffffffffffff01 {sha1} {blake3} 01 00 00"),
        &format!("03 00 0140 8020 efbeadde feffffffffffffff {sha1} {blake3}"),
    );
    let large = BlobRecord {
        location: Location::File,
        refs: 0,
        released: Some(NOW),
        scope: crate::catalog::blob::APART,
        ..blob
    };
    is_read(
        &large,
        &format!(
            "02 01 8020 effdb6f50d feffffffffffffffff01 {sha1} {blake3} 00 0182c0a8a89dd5b006 feffffffffffffffff01"
        ),
        &format!(
            "03 0f 8020 efbeadde feffffffffffffff {sha1} {blake3} 00 82c0a6c694830d feffffffffffffffff01"
        ),
    );
}

#[test]
fn what_few_rows_say_is_there_too() {
    let times = [i64::MIN, -1, 0, NOW.0 - 1, NOW.0 + 1, i64::MAX].map(Time);
    let counters = [0, 1, (1 << 28) - 1, 1 << 28, (1 << 32) - 1, 1 << 32, u64::MAX];
    for (time, counter) in times.into_iter().flat_map(|time| counters.map(|counter| (time, counter))) {
        let file = FileRecord {
            parent: None,
            kind: Kind::Folder,
            current: u32::MAX,
            next: 0,
            modified: time,
            attributes: BTreeMap::from([("k".into(), "v".into())]),
            revocations: counter,
            trashed: Some(time),
            dated: time.0,
            ..a_file()
        };
        let version = VersionRecord {
            created: time,
            media_type: "text/plain".into(),
            keep: true,
            revocations: counter,
            executable: true,
            foreign: Some(counter),
            ..a_version()
        };
        for file in
            [FileRecord { next: 7, ..file.clone() }, FileRecord { created: time, ..file.clone() }, file]
        {
            assert_eq!(FileRecord::decode(&file.encode().unwrap()).unwrap(), file);
        }
        for version in [VersionRecord { modified: time, ..version.clone() }, version] {
            assert_eq!(VersionRecord::decode(&version.encode().unwrap()).unwrap(), version);
        }
    }
    let unknown = [4, 0, 0x40, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(
        VersionRecord::decode(&unknown).unwrap_err().kind(),
        ErrorKind::Corrupt,
        "a bit of a later build"
    );
}
