//! Members around and behind 4 GiB, in a sparse file of which only the headers are written.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

use super::oracle::{ask_zipfile, expected};
use super::*;

const GIB4: u64 = 1 << 32;

/// CRC-32 of `len` zeros, by combining.
fn crc32_of_zeros(len: u64) -> u32 {
    let (mut total, mut piece) = (crc32fast::Hasher::new(), crc32fast::Hasher::new());
    piece.update(&[0]);
    let mut left = len;
    while left > 0 {
        if left & 1 == 1 {
            total.combine(&piece);
        }
        let same = piece.clone();
        piece.combine(&same);
        left >>= 1;
    }
    total.finalize()
}

fn zeros(name: &str, size: u64) -> Entry {
    Entry { size, crc32: crc32_of_zeros(size), ..file(name, 0, b"") }
}

/// Writes the headers of `zip` to a sparse file; its contents are the holes.
fn sparse(zip: &ZipSource<Zeros>, file: &File) {
    file.set_len(zip.len()).unwrap();
    for member in zip.plan().members() {
        let header = member.local_len();
        let mut at = 0;
        while at < header {
            let data = zip.segment(member.offset + at, header - at).unwrap().data;
            file.write_all_at(&data, member.offset + at).unwrap();
            at += data.len() as u64;
        }
    }
    let start = zip.plan().central_offset();
    file.write_all_at(&read_from(zip, start, u64::MAX).unwrap(), start).unwrap();
}

#[test]
fn crc32_of_zeros_by_combining_is_right() {
    for len in [0, 1, 2, 3, 1000, 65_537] {
        assert_eq!(crc32_of_zeros(len), crc32fast::hash(&vec![0; len as usize]));
    }
}

#[test]
fn a5_members_around_and_behind_4_gib_are_right_in_every_reader() {
    let root = tempfile::tempdir().unwrap();
    let sets = [
        vec![zeros("largest without", GIB4 - 2), zeros("small", 10)],
        vec![zeros("first with", GIB4 - 1), zeros("small", 10)],
        vec![zeros("at", GIB4), zeros("empty", 0), folder("folder")],
        vec![zeros("over", GIB4 + 1), zeros("again", GIB4 + 1), zeros("small", 10)],
        vec![zeros("half", GIB4 / 2), zeros("other half", GIB4 / 2), zeros("behind", 10)],
    ];
    let mut python = Vec::new();
    for (index, entries) in sets.into_iter().enumerate() {
        let zip = ZipSource::new(Plan::new(entries, &unlimited()).unwrap().shared(), Zeros);
        let path = root.path().join(format!("{index}.zip"));
        let file = File::options().create_new(true).read(true).write(true).open(&path).unwrap();
        sparse(&zip, &file);
        let members: Vec<_> = zip.plan().members().collect();
        assert_eq!(members[0].local_len() > 60, members[0].size >= GIB4 - 1);

        let mut theirs = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(theirs.len(), members.len());
        let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
        let other = rawzip::ZipArchive::from_file(File::open(&path).unwrap(), &mut buffer).unwrap();
        assert_eq!(other.entries_hint(), members.len() as u64);
        let mut entries = other.entries(&mut buffer);
        for (index, member) in members.iter().enumerate() {
            let mut found = theirs.by_index(index).unwrap();
            assert_eq!(
                (found.name().unwrap().as_ref(), found.size(), found.crc32()),
                (member.name, member.size, member.crc32)
            );
            assert_eq!(found.compressed_size(), member.size);
            assert_eq!(found.data_start(), Some(member.offset + member.local_len()));
            if member.size < 100 {
                let mut data = Vec::new();
                found.read_to_end(&mut data).unwrap();
                assert_eq!(data, vec![0; member.size as usize]);
            }
            let entry = entries.next_entry().unwrap().unwrap();
            assert_eq!(entry.file_path().as_ref(), member.name.as_bytes());
            assert_eq!(entry.uncompressed_size_hint(), member.size);
            assert_eq!(entry.compressed_size_hint(), member.size);
            assert_eq!(entry.local_header_offset(), member.offset);
            other.get_entry(entry.wayfinder()).unwrap();
        }
        python.push(expected(&path, &zip, false));
        let last = members.last().unwrap();
        // In a record that has only a 64-bit offset, unzip 6.0 looks for sizes too if the member before it
        // is of just 4 GiB - 1: it takes that size for the mark.
        let misread = members.windows(2).any(|two| two[0].size == GIB4 - 1);
        if !misread {
            tool("unzip", &["-tq", path.to_str().unwrap(), last.name]);
        }
        tool("bsdtar", &["-tf", path.to_str().unwrap()]);
        tool("7z", &["l", path.to_str().unwrap()]);
    }
    ask_zipfile(&python);
}

#[test]
fn a_large_archive_is_read_at_any_place_without_what_is_before_it() {
    let entries = (0..1000).map(|index| zeros(&format!("{index}"), GIB4 * 1000));
    let zip = ZipSource::new(Plan::new(entries, &unlimited()).unwrap().shared(), Zeros);
    assert!(zip.len() > 3 << 50);
    let middle = zip.plan().member(500).unwrap();
    let data = zip.segment(middle.offset, u64::MAX).unwrap().data;
    assert_eq!(data.len() as u64, middle.local_len());
    assert!(data.starts_with(b"PK\x03\x04"));
    let before = zip.segment(middle.offset - 3, u64::MAX).unwrap().data;
    assert_eq!(&before[..], [0; 3]);
}

#[test]
fn what_is_deflated_has_lengths_of_8_bytes_only_where_32_bits_do_not_hold_them() {
    use super::super::deflate::is_stored;
    use super::super::header::{put_descriptor, put_local_deflated};
    // Of the content alone JDK 17's ZipInputStream tells which of the two follows it.
    let sizes = [1, 0xFFE0_0000 - 1, 0xFFE0_0000, GIB4 - 2, GIB4 - 1, GIB4, GIB4 + 1];
    let plan = Plan::new(sizes.map(|size| zeros("x", size)), &unlimited()).unwrap();
    let mut deflated = Vec::new();
    for (index, member) in plan.members().enumerate() {
        if is_stored(&plan, index, &member) {
            continue;
        }
        deflated.push(member.size);
        // The worst that deflate does to it stays within the lengths that are announced.
        assert!(member.size >= GIB4 || member.size + 5 * (member.size / 16_383 + 1) < GIB4 - 1);
        let (mut header, mut descriptor) = (Vec::new(), Vec::new());
        put_local_deflated(&mut header, &member, 0);
        put_descriptor(&mut descriptor, &member, 7);
        let wide = member.size >= GIB4;
        assert_eq!(descriptor.len(), if wide { 24 } else { 16 });
        assert_eq!(header[18..26], if wide { [0xFF; 8] } else { [0; 8] });
        assert_eq!(header.len(), 30 + member.name.len() + 9 + if wide { 20 } else { 0 });
    }
    assert_eq!(deflated, [1, 0xFFE0_0000 - 1, GIB4, GIB4 + 1]);
}
