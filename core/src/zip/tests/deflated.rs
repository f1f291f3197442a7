//! The deflated stream: the same members, and never a whole zip of damaged ones.

use std::io::{Cursor, Read};

use super::*;
use crate::ErrorKind;

fn blobs() -> Vec<Vec<u8>> {
    vec![b"compressible ".repeat(10_000), vec![], (0..=255).collect()]
}

fn plan(blobs: &[Vec<u8>]) -> Plan {
    let entries = [
        file("../text", 0, &blobs[0]),
        file("TEXT", 1, b""),
        folder("\u{E4}"),
        file("\u{E4}/b", 2, &blobs[2]),
    ];
    Plan::new(entries, &unlimited()).unwrap()
}

#[test]
fn a_deflated_archive_has_the_members_of_the_stored_one() {
    let blobs = blobs();
    let plan = plan(&blobs);
    let mut bytes = Vec::new();
    write_deflated(&plan, &Memory { run: 1000, ..Memory::new(blobs.clone()) }, &mut bytes).unwrap();
    assert!(bytes.len() < 5_000);
    let mut theirs = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(theirs.len(), 4);
    for (index, member) in plan.members().enumerate() {
        let mut found = theirs.by_index(index).unwrap();
        assert_eq!(found.name().unwrap(), member.name);
        let mut data = Vec::new();
        found.read_to_end(&mut data).unwrap();
        let content = if member.size == 0 { &[][..] } else { &blobs[member.content as usize] };
        assert_eq!(data, content);
    }
    let entry = rawzip::ZipArchive::from_slice(&bytes).unwrap();
    let entry = entry.entries().next_entry().unwrap().unwrap();
    let rawzip::time::ZipDateTimeKind::Utc(time) = entry.last_modified() else { panic!("not utc") };
    assert_eq!(time.to_unix(), TIME);
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("deflated.zip");
    std::fs::write(&path, &bytes).unwrap();
    let script = "import sys, zipfile\n\
                  z = zipfile.ZipFile(sys.stdin.read())\n\
                  assert z.testzip() is None\n\
                  print([i.filename for i in z.infolist()])";
    assert_eq!(python(script, path.to_str().unwrap()), "['text', 'TEXT (2)', '\u{E4}/', '\u{E4}/b']\n");
    tool("unzip", &["-tq", path.to_str().unwrap()]);
    tool("bsdtar", &["-tf", path.to_str().unwrap()]);
    tool("7z", &["t", path.to_str().unwrap()]);
}

/// Returns whether some reader would take these bytes for a zip.
fn looks_whole(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|four| four == b"PK\x05\x06" || four == b"PK\x01\x02")
        || zip::ZipArchive::new(Cursor::new(bytes)).is_ok()
}

#[test]
fn a10_a_damaged_or_short_content_never_ends_in_a_whole_zip() {
    let good = blobs();
    let plan = plan(&good);
    let mut whole = Vec::new();
    write_deflated(&plan, &Memory::new(good.clone()), &mut whole).unwrap();
    assert!(looks_whole(&whole), "control: the sound archive is seen as one");
    for damage in 0..3 {
        let mut blobs = good.clone();
        match damage {
            0 => blobs[2][100] ^= 1,
            1 => blobs[2].truncate(255),
            _ => blobs.truncate(2),
        }
        let mut bytes = Vec::new();
        let error = write_deflated(&plan, &Memory::new(blobs), &mut bytes).unwrap_err();
        let kind = if damage == 2 { ErrorKind::NotFound } else { ErrorKind::Corrupt };
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!bytes.is_empty() && !looks_whole(&bytes), "damage {damage}");
    }
}

/// Takes some bytes and then refuses.
struct Full {
    room: usize,
    calls_after: usize,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.room {
            0 => {
                self.calls_after += 1;
                Err(std::io::Error::other("the client went away"))
            }
            room => {
                let taken = room.min(bytes.len());
                self.room -= taken;
                Ok(taken)
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_fails_anywhere_is_reported_and_left_alone() {
    let blobs = blobs();
    let plan = plan(&blobs);
    let mut whole = Vec::new();
    write_deflated(&plan, &Memory::new(blobs.clone()), &mut whole).unwrap();
    for room in (0..whole.len()).step_by(7) {
        let mut out = Full { room, calls_after: 0 };
        let error = write_deflated(&plan, &Memory::new(blobs.clone()), &mut out).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{room}");
        assert_eq!(out.calls_after, 1, "{room}");
    }
}
