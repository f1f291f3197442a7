//! Readers written by others: the zip and rawzip crates, Python's zipfile, unzip, bsdtar and 7z.

use std::io::{Cursor, Read};
use std::path::Path;

use serde_json::{Value, json};

use super::strict::check;
use super::*;

/// Opens every archive on its standard input with zipfile, and compares it with what is expected there.
const ZIPFILE: &str = r#"
import json, sys, zipfile
for line in sys.stdin:
    want = json.loads(line)
    with zipfile.ZipFile(want["path"]) as z:
        infos = z.infolist()
        assert len(infos) == len(want["entries"]), (want["path"], len(infos))
        assert z.comment == b""
        for info, (name, size, crc, stamp) in zip(infos, want["entries"]):
            assert info.filename == name, (info.filename, name)
            assert info.file_size == size == info.compress_size, name
            assert info.CRC == crc, name
            assert info.is_dir() == name.endswith("/"), name
            assert list(info.date_time) == stamp, (name, info.date_time)
            assert info.external_attr >> 16 == (0o40755 if info.is_dir() else 0o100644), name
        if want["read"]:
            assert z.testzip() is None, want["path"]
        else:
            for info in infos:
                with z.open(info) as member:
                    assert member.read(10) == bytes(min(10, info.file_size)), info.filename
print("ok")
"#;

/// Returns what Python should find in the archive at `path`; `read` says whether to read it all.
pub(super) fn expected<C: Contents>(path: &Path, zip: &ZipSource<C>, read: bool) -> Value {
    let entries: Vec<Value> = zip
        .plan()
        .members()
        .map(|m| {
            let civil = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(m.modified).unwrap());
            let stamp = [
                i64::from(civil.year()),
                i64::from(civil.month()),
                i64::from(civil.day()),
                i64::from(civil.hour()),
                i64::from(civil.minute()),
                i64::from(civil.second()) / 2 * 2,
            ];
            json!([m.name, m.size, m.crc32, stamp])
        })
        .collect();
    json!({ "path": path, "entries": entries, "read": read })
}

pub(super) fn ask_zipfile(expected: &[Value]) {
    let lines: Vec<String> = expected.iter().map(Value::to_string).collect();
    assert_eq!(python(ZIPFILE, &lines.join("\n")), "ok\n");
}

/// Compares every member with what the crates read.
fn ask_crates(bytes: &[u8], zip: &ZipSource<Memory>) {
    let members: Vec<_> = zip.plan().members().collect();
    let content = |member: &Member<'_>| match member.size {
        0 => Bytes::new(),
        _ => zip.contents_for_test().blobs[member.content as usize].clone(),
    };
    let mut theirs = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    assert_eq!(theirs.len(), members.len());
    for (index, member) in members.iter().enumerate() {
        let mut file = theirs.by_index(index).unwrap();
        assert_eq!(file.name().unwrap(), member.name);
        assert_eq!(file.is_dir(), member.kind == Kind::Folder);
        let mut data = Vec::new();
        file.read_to_end(&mut data).unwrap();
        assert_eq!(data, content(member), "{}", member.name);
    }
    let theirs = rawzip::ZipArchive::from_slice(bytes).unwrap();
    assert_eq!(theirs.entries_hint(), members.len() as u64);
    assert_eq!(theirs.end_offset(), bytes.len() as u64);
    let mut entries = theirs.entries();
    for member in &members {
        let entry = entries.next_entry().unwrap().unwrap();
        assert_eq!(entry.file_path().as_ref(), member.name.as_bytes());
        assert_eq!(entry.is_dir(), member.kind == Kind::Folder);
        assert_eq!(entry.local_header_offset(), member.offset);
        let found = theirs.get_entry(entry.wayfinder()).unwrap();
        assert_eq!(found.data(), content(member));
        let mut data = Vec::new();
        found.verifying_reader(found.data()).read_to_end(&mut data).unwrap();
    }
    assert!(entries.next_entry().unwrap().is_none());
}

#[test]
fn a5_a6_every_reader_agrees_about_every_small_archive() {
    let root = tempfile::tempdir().unwrap();
    let numbered = |count: usize| -> Vec<String> { (0..count).map(|index| format!("f{index}")).collect() };
    let mut zips =
        vec![archive(&[]), archive(&[("empty file", b"")]), archive(&[("empty folder/", b"")]), sampler()];
    for count in [65_534, 65_535, 65_536] {
        let names = numbered(count);
        let files: Vec<(&str, &[u8])> =
            names.iter().map(|name| (name.as_str(), &name.as_bytes()[..2])).collect();
        zips.push(archive(&files));
    }
    let mut python = Vec::new();
    for (index, zip) in zips.iter().enumerate() {
        let bytes = read(zip);
        let found = check(&bytes).unwrap();
        assert_eq!(found.len() as u64, zip.plan().entries());
        // Without its members, an archive of 65,535 is longer by the zip64 records alone.
        assert_eq!(bytes.windows(4).any(|four| four == b"PK\x06\x06"), zip.plan().entries() >= 65_535);
        ask_crates(&bytes, zip);
        let path = root.path().join(format!("{index}.zip"));
        std::fs::write(&path, &bytes).unwrap();
        // Reading all is slow in Python: once across the boundary is enough.
        let whole = zip.plan().entries() != 65_534 && zip.plan().entries() != 65_536;
        if whole || index < 4 {
            python.push(expected(&path, zip, true));
        }
        let path = path.to_str().unwrap();
        // unzip warns of an empty archive with status 1.
        if zip.plan().entries() > 0 {
            tool("unzip", &["-tq", path]);
        }
        tool("bsdtar", &["-tf", path]);
        tool("7z", &["t", path]);
    }
    ask_zipfile(&python);
}

#[test]
fn times_reach_the_readers_in_utc() {
    let bytes = read(&archive(&[("x", b"x")]));
    let theirs = rawzip::ZipArchive::from_slice(&bytes).unwrap();
    let entry = theirs.entries().next_entry().unwrap().unwrap();
    let rawzip::time::ZipDateTimeKind::Utc(time) = entry.last_modified() else { panic!("not utc") };
    assert_eq!(time.to_unix(), TIME);
    let mut theirs = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let time = theirs.by_index(0).unwrap().last_modified().unwrap();
    assert_eq!((time.year(), time.month(), time.day()), (2021, 6, 5));
    assert_eq!((time.hour(), time.minute(), time.second()), (12, 34, 56));
}
