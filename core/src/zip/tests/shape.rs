//! The bytes of the zip: exact, sliceable, the same from wherever one starts; the plan's limits.

use super::super::safe_name::PATH_MAX;
use super::super::steps;
use super::strict::check;
use super::*;
use crate::ErrorKind;

/// The archive written out plainly: every header and content in its order.
fn naive(zip: &ZipSource<Memory>, contents: &Memory) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in zip.plan().members() {
        zip.plan().put_local(&mut bytes, &member);
        if member.size > 0 {
            bytes.extend_from_slice(&contents.blobs[member.content as usize]);
        }
    }
    for member in zip.plan().members() {
        zip.plan().put_central(&mut bytes, &member);
    }
    zip.plan().put_end(&mut bytes);
    bytes
}

fn sampler_contents() -> Memory {
    Memory::new([
        b"alpha".to_vec(),
        vec![],
        vec![],
        vec![0, 1, 2, 3, 255],
        "gr\u{FC}\u{DF}e".as_bytes().to_vec(),
        vec![],
        b"a name that differs by case".to_vec(),
        b"PK\x05\x06 and PK\x01\x02 in content mislead nobody".to_vec(),
    ])
}

#[test]
fn every_offset_and_small_limit_gives_the_bytes_of_the_plain_archive() {
    let contents = sampler_contents();
    let zip = sampler();
    let bytes = naive(&zip, &contents);
    assert_eq!(zip.len(), bytes.len() as u64);
    for run in [1, 3, usize::MAX] {
        let zip = ZipSource::new(Arc::clone(zip.plan()), Memory { run, ..contents.clone() });
        for offset in 0..bytes.len() {
            for limit in (1..=7).chain([100, 10_000, u64::MAX]) {
                let data = zip.segment(offset as u64, limit).unwrap().data;
                assert!(!data.is_empty() && data.len() as u64 <= limit);
                assert_eq!(data, &bytes[offset..offset + data.len()], "{offset} {limit}");
            }
        }
    }
}

#[test]
fn an_archive_planned_again_is_the_same() {
    let zip = sampler();
    let again = Plan::again(zip.plan().members()).unwrap();
    assert_eq!((again.len(), again.entries()), (zip.plan().len(), zip.plan().entries()));
    let hash = |content: u64| Ok(*blake3::hash(&content.to_le_bytes()).as_bytes());
    assert_eq!(again.digest(hash).unwrap(), zip.plan().digest(hash).unwrap());
    assert_eq!(read(&ZipSource::new(again.shared(), sampler_contents())), read(&zip));

    let member = Member {
        name: "a",
        kind: Kind::Folder,
        size: 0,
        crc32: 0,
        modified: 0,
        executable: false,
        content: 0,
        offset: 0,
    };
    for member in
        [member, Member { name: "a/", kind: Kind::File, ..member }, Member { name: "a/", size: 1, ..member }]
    {
        assert_eq!(Plan::again([member]).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn the_member_of_any_byte_is_found_in_archives_of_any_size() {
    for count in [1_usize, 7, 8, 9, 15, 16, 17, 100, 127, 128, 129, 136, 137, 2047, 2048, 2049, 2056, 5000] {
        let entries = (0..count).map(|n| file(&format!("{n}"), 0, &vec![1; n % 3]));
        let plan = Plan::new(entries, &ArchiveLimits::default()).unwrap();
        let starts: Vec<u64> = plan.members().map(|member| member.offset).collect();
        for (index, start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(plan.central_offset());
            for offset in *start..end {
                assert_eq!(plan.index_at(offset), Some(index), "byte {offset} of {count} members");
            }
        }
    }
}

#[test]
fn a8_a_download_resumed_at_any_byte_equals_the_full_one() {
    let zip = sampler();
    let bytes = read(&zip);
    for offset in 0..bytes.len() {
        assert_eq!(read_from(&zip, offset as u64, u64::MAX).unwrap(), &bytes[offset..]);
    }
    for limit in 1..=7 {
        assert_eq!(read_from(&zip, 0, limit).unwrap(), bytes);
    }
}

#[test]
fn headers_are_batched_and_a_content_is_passed_on_without_a_copy() {
    let zip = sampler();
    let content = zip.contents_for_test().blobs[0].as_ptr();
    let first = zip.plan().member(0).unwrap();
    let data = zip.segment(first.offset + first.local_len(), u64::MAX).unwrap().data;
    assert_eq!(data.as_ptr(), content);
    let many: Vec<String> = (0..10_000).map(|index| format!("folder {index}/")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let zip = archive(&many);
    let (mut segments, mut offset) = (0, 0);
    while offset < zip.len() {
        let data = zip.segment(offset, u64::MAX).unwrap().data;
        assert!(data.len() < 100_000);
        offset += data.len() as u64;
        segments += 1;
    }
    assert!(segments <= zip.len() / 60_000 + 2, "{segments} segments for {} bytes", zip.len());
    check(&read(&zip)).unwrap();
}

#[test]
fn a_segment_past_the_end_or_of_no_bytes_is_refused() {
    let zip = archive(&[]);
    assert_eq!(zip.len(), 22);
    assert_eq!(zip.segment(22, 1).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(zip.segment(u64::MAX, 1).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(zip.segment(0, 0).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[test]
fn a9_an_archive_reads_what_was_planned_or_breaks_off() {
    let zip = sampler();
    let mut contents = sampler_contents();
    contents.blobs[7] = contents.blobs[7].slice(..10);
    let cut = ZipSource::new(Arc::clone(zip.plan()), contents.clone());
    let error = read_from(&cut, 0, u64::MAX).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("\"PK\" ends after 10 of 39 bytes"), "{error}");
    contents.blobs.truncate(7);
    let gone = ZipSource::new(Arc::clone(zip.plan()), contents.clone());
    let error = read_from(&gone, 0, u64::MAX).unwrap_err();
    assert_eq!(error.to_string(), "reading the member \"PK\": no such blob");
    // A content that is longer than planned is not let into the next header.
    let mut longer = sampler_contents();
    longer.blobs[0] = Bytes::from_static(b"alpha and beta");
    assert_eq!(read(&ZipSource::new(Arc::clone(zip.plan()), longer)), read(&zip));
}

#[test]
fn a6_a7_limits_on_members_and_bytes_are_checked_when_planned() {
    let many = || (0..10_000).map(|index| file(&format!("f{index}"), 0, &[7; 1000]));
    let error = Plan::new(many(), &ArchiveLimits { max_entries: 9_999, max_bytes: None }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("max_entries") && error.to_string().contains("9999"), "{error}");
    let limits = ArchiveLimits { max_entries: 10_000, max_bytes: Some(10_000_000) };
    let error = Plan::new(many(), &limits).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("max_bytes") && error.to_string().contains("10000000"), "{error}");
    let len = Plan::new(many(), &ArchiveLimits::default()).unwrap().len();
    assert!(Plan::new(many(), &ArchiveLimits { max_bytes: Some(len), ..ArchiveLimits::default() }).is_ok());
    assert!(
        Plan::new(many(), &ArchiveLimits { max_bytes: Some(len - 1), ..ArchiveLimits::default() }).is_err()
    );
    // Refused by what the iterator promises, before a single member is made.
    let promised = (0..1_000_000_000).map(|_| -> Entry { panic!("a member was made") });
    assert_eq!(Plan::new(promised, &ArchiveLimits::default()).unwrap_err().kind(), ErrorKind::TooLarge);
    let huge = Entry { size: u64::MAX - 10, ..file("huge", 0, b"x") };
    assert_eq!(Plan::new([huge], &unlimited()).unwrap_err().kind(), ErrorKind::TooLarge);
}

#[test]
fn an_entry_that_contradicts_itself_is_refused() {
    let lying = Entry { crc32: 1, ..file("empty", 0, b"") };
    let error = Plan::new([lying], &unlimited()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("\"empty\""), "{error}");
    let full = Entry { size: 1, ..folder("x\n") };
    let error = Plan::new([full], &unlimited()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("x\\n"), "{error}");
}

#[test]
fn planning_is_lean() {
    let entries = (0..1_000_000).map(|index| file(&format!("photos/2021/{index:07}.jpeg"), index, b"x"));
    let plan = Plan::new(entries, &unlimited()).unwrap();
    let per_entry = (plan.memory() as u64 - 24 * plan.entries()) / plan.entries();
    assert!(per_entry <= 36, "{per_entry} bytes an entry");
    let mut names = Names::default();
    let mut out = String::new();
    for index in 0..1_000_000 {
        out.clear();
        names.claim(&format!("photos/2021/{index:07}.jpeg"), Kind::File, &mut out).unwrap();
    }
    let while_planning = per_entry + names.memory() as u64 / plan.entries();
    println!("{per_entry} bytes an entry, {while_planning} with the set of names");
    assert!(while_planning <= 200);
}

/// Held to by a count: the most looks at members that a range of one byte takes, anywhere.
#[test]
fn a_range_in_a_large_archive_takes_hardly_more_looks_than_in_a_small_one() {
    let looks = |count: u64| {
        let entries = (0..count).map(|index| file(&format!("{index:06}"), 0, b"x"));
        let plan = Plan::new(entries, &unlimited()).unwrap();
        let zip = ZipSource::new(plan.shared(), Memory::new([b"x".to_vec()]));
        let step = zip.len() / 1000;
        let one = |at| steps::of(|| drop(zip.segment(at, 1).unwrap()));
        (0..1000).map(|round| one(round * step + round % step)).max().unwrap()
    };
    let (small, large) = (looks(1_000), looks(500_000));
    println!("at most {small} looks in 1,000 members, {large} in 500,000");
    // The tree has two levels more for five hundred times as many.
    assert!(small > 1 && large <= small + 3, "{small} {large}");
}

#[test]
fn planning_looks_at_each_member_a_few_times_however_many() {
    let steps = |count: u64| {
        let entries = (0..count).map(|index| file(&format!("photos/2021/{index:07}.jpeg"), index, b"x"));
        steps::of(|| drop(Plan::new(entries, &unlimited()).unwrap()))
    };
    let (small, large) = (steps(1_000), steps(200_000));
    assert!(small >= 1_000 && large <= 200 * small + 200, "{small} {large}");
}

#[test]
fn a_member_name_as_long_as_can_be_still_fits_its_record() {
    let deep = format!("{}/", "w".repeat(255)).repeat(1000);
    let zip = archive(&[
        (&(deep.clone() + "x.txt"), b"x"),
        (&deep, b""),
        (&(deep.clone() + &"z".repeat(300)), b"z"),
    ]);
    for member in zip.plan().members() {
        assert!(member.name.len() > 64_000 && member.name.len() <= PATH_MAX);
        assert!(member.central_len() <= 65_535);
    }
    assert_eq!(check(&read(&zip)).unwrap().len(), 3);
}

#[test]
fn the_digest_follows_the_bytes_and_nothing_else() {
    let hash = |content: u64| Ok([content as u8; 32]);
    let base = || vec![file("a", 1, b"xyz"), folder("b"), file("b/c", 2, b"zz")];
    let digest = |entries: Vec<Entry>| Plan::new(entries, &unlimited()).unwrap().digest(hash).unwrap();
    let first = digest(base());
    assert_eq!(digest(base()), first);
    // The key of a content that nobody reads changes no byte.
    let mut same = base();
    same[1].content = 77;
    assert_eq!(digest(same), first);
    let changes: [fn(&mut Vec<Entry>); 8] = [
        |entries| entries[0].executable = true,
        |entries| entries[0].name.push('x'),
        |entries| entries[0].size += 1,
        |entries| entries[0].crc32 ^= 1,
        |entries| entries[0].modified += 1,
        |entries| entries[0].content += 5,
        |entries| entries.swap(0, 2),
        |entries| drop(entries.pop()),
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut entries = base();
        change(&mut entries);
        assert_ne!(digest(entries), first, "change {index}");
    }
    let failing = Plan::new(base(), &unlimited()).unwrap().digest(|_| Err(Error::corrupt("gone")));
    assert_eq!(failing.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn crc64_by_combination_is_that_of_the_bytes() {
    use crc_fast::{CrcAlgorithm::Crc64Xz, checksum, checksum_combine};
    let crc64 = |bytes: &[u8]| checksum(Crc64Xz, bytes);
    let combine = |a, b, len| checksum_combine(Crc64Xz, a, b, len);
    let contents = sampler_contents();
    for zip in [sampler(), archive(&[]), archive(&[("x/", b""), ("y", b"")])] {
        let by_key = |content: u64| Ok(crc64(&contents.blobs[content as usize]));
        assert_eq!(zip.plan().crc64(crc64, combine, by_key).unwrap(), crc64(&read(&zip)));
    }
}

/// Says of each member what else a zip tells of it: attributes, version, flags, time and extra fields.
const TOLD: &str = "import sys, zipfile\n\
    for i in zipfile.ZipFile(sys.stdin.read()).infolist():\n    \
    print(i.filename, oct(i.external_attr >> 16), i.external_attr & 0xffff, i.create_version, i.create_system, \
    i.flag_bits & ~8, '%d-%02d-%02d %02d:%02d:%02d' % i.date_time, i.extra.hex())";

fn listing(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    tool("unzip", &["-tqq", file.path().to_str().unwrap()]);
    python(TOLD, file.path().to_str().unwrap())
}

#[test]
fn modes_and_the_offset_of_the_dos_time_are_in_both_archives_alike() {
    let blobs = [b"#!/bin/sh".to_vec(), b"text".to_vec()];
    let entries = || {
        vec![
            Entry { executable: true, ..file("bin/run", 0, &blobs[0]) },
            Entry { modified: TIME, ..file("text", 1, &blobs[1]) },
            folder("folder"),
        ]
    };
    let ut = "5554050001"; // the extended timestamp, whose time is in UTC whatever the offset
    for (minutes, time) in [(0, "12:34:56"), (480, "20:34:56"), (-300, "07:34:56")] {
        let plan = Plan::new(entries(), &unlimited()).unwrap().with_utc_offset(minutes).shared();
        let source = ZipSource::new(plan.clone(), Memory::new(blobs.clone()));
        let bytes = read(&source);
        check(&bytes).unwrap();
        let mut deflated = Vec::new();
        write_deflated(&plan, &Memory::new(blobs.clone()), &mut deflated).unwrap();
        assert_eq!(
            listing(&bytes),
            format!(
                "bin/run 0o100755 0 45 3 2048 2021-06-05 {time} {ut}706fbb60\n\
                 text 0o100644 0 45 3 2048 2021-06-05 {time} {ut}706fbb60\n\
                 folder/ 0o40755 16 45 3 2048 2021-06-05 {time} {ut}706fbb60\n"
            )
        );
        assert_eq!(listing(&deflated), listing(&bytes));
        let members: Vec<_> = plan.members().collect();
        let again = Plan::again(members.iter().copied()).unwrap().with_utc_offset(minutes);
        assert!(read(&ZipSource::new(again.shared(), Memory::new(blobs.clone()))) == bytes);
    }
    let digest = |minutes| {
        let plan = Plan::new(entries(), &unlimited()).unwrap().with_utc_offset(minutes);
        plan.digest(|content| Ok([content as u8; 32])).unwrap()
    };
    assert!(digest(0) != digest(480) && digest(480) == digest(480));
}

#[test]
fn a_bit_for_each_member_says_whether_it_may_be_run() {
    let runs = |index: u64| index.is_multiple_of(3) || (64..128).contains(&index);
    for last in [1, 63, 64, 65, 200] {
        let entries = (0..last).map(|at| Entry { executable: runs(at), ..file(&format!("f{at}"), 0, b"x") });
        let plan = Plan::new(entries, &unlimited()).unwrap();
        assert!(plan.members().zip(0..).all(|(member, at)| member.executable == runs(at)));
    }
}

#[test]
fn a_mimetype_that_is_first_is_bare_as_epub_and_odf_want_it() {
    let epub: [(&str, &[u8]); 2] =
        [("mimetype", b"application/epub+zip"), ("META-INF/container.xml", b"<x/>")];
    let zip = archive(&epub);
    let bytes = read(&zip);
    assert_eq!(check(&bytes).unwrap().len(), 2);
    let mut deflated = Vec::new();
    write_deflated(zip.plan(), zip.contents_for_test(), &mut deflated).unwrap();
    for bytes in [&bytes, &deflated] {
        assert_eq!(bytes[28..58], *b"\0\0mimetypeapplication/epub+zip");
        let lines = listing(bytes);
        let extras: Vec<_> = lines.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
        assert!(extras[0].is_empty() && !extras[1].is_empty(), "{lines}");
    }
    // Every range of it, as its headers are of another length.
    for at in 0..zip.len() {
        assert!(read_from(&zip, at, 7).unwrap() == bytes[at as usize..]);
    }
    for other in [[("a", &b"x"[..]), epub[0]], [("x/mimetype", &b"x"[..]), epub[1]]] {
        let bytes = read(&archive(&other));
        assert_eq!(check(&bytes).unwrap().len(), 2);
        assert!(listing(&bytes).lines().all(|line| !line.ends_with(' ')));
    }
}
