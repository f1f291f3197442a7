//! Archives, read back by others.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use holdall::body::Body;
use holdall::{ErrorKind, Mode, Options, Put, Request, Share, Time};

use crate::{KIB, MODES, TestStore, kind, noise, put, read, sound, test_store};

/// Lists a zip with Python: name, length and CRC-32 of each member, all contents read and checked.
fn listed(path: &Path) -> Vec<(String, u64, u32)> {
    const SCRIPT: &str = r#"
import sys, zipfile, zlib
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    for info in z.infolist():
        data = z.read(info)
        assert len(data) == info.file_size and zlib.crc32(data) == info.CRC
        print(info.file_size, info.CRC, info.filename)
"#;
    let output = Command::new("python3").arg("-c").arg(SCRIPT).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let mut next = || words.next().unwrap();
            let (len, crc) = (next().parse().unwrap(), next().parse().unwrap());
            (next().to_owned(), len, crc)
        })
        .collect()
}

/// Checks a zip with two readers and returns its members.
fn checked(test: &TestStore, bytes: &[u8]) -> Vec<(String, u64, u32)> {
    let path = test.dir.path().join("check.zip");
    std::fs::write(&path, bytes).unwrap();
    let output = Command::new("unzip").arg("-t").arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    listed(&path)
}

fn names(members: &[(String, u64, u32)]) -> Vec<&str> {
    members.iter().map(|member| member.0.as_str()).collect()
}

#[test]
fn other_programs_read_an_archive_and_its_length_is_exact() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        let mut expected = BTreeMap::new();
        for (n, path) in ["r/a.txt", "r/deep/er/b", "r/large", "r/zero", "solo"].into_iter().enumerate() {
            let bytes = noise([10, 5000, 300_000, 0, 77][n], n as u64);
            put(&drive, path, &bytes);
            expected.insert(path.to_owned(), (bytes.len() as u64, crc32fast::hash(&bytes)));
        }
        drive.mkdir("r/void/e").unwrap();
        for folder in ["r/", "r/deep/", "r/deep/er/", "r/void/", "r/void/e/"] {
            expected.insert(folder.to_owned(), (0, 0));
        }
        let archive = drive.archive(["r", "solo"]).unwrap().name("all.zip").create().unwrap();
        assert_eq!((archive.entries, archive.name.as_str()), (10, "all.zip"));
        let url = test.store.url_of_archive(archive.id).sign().unwrap();
        let reply = test.store.serve(&Request::get(&url)).unwrap();
        sound(&reply, "GET");
        assert_eq!(reply.header("Content-Type"), Some("application/zip"));
        assert_eq!(reply.header("Content-Disposition"), Some("attachment; filename=\"all.zip\""));
        assert_eq!(reply.body.len(), archive.len);
        let bytes = read(&reply.body);
        let found: BTreeMap<_, _> =
            checked(&test, &bytes).into_iter().map(|(name, len, crc)| (name, (len, crc))).collect();
        assert_eq!(found, expected, "an empty folder too, and no other");
        let head = test.store.serve(&Request::head(&url)).unwrap();
        assert_eq!(head.headers, reply.headers);
        let crc = holdall::digest::Digest::of(&bytes).crc64;
        assert_eq!(test.store.archive_crc64(archive.id).unwrap(), crc);
        assert!(read(&test.store.open_archive(archive.id).unwrap()) == bytes);
        assert_eq!(test.store.archive(archive.id).unwrap(), archive);
    }
}

#[test]
fn a8_a_download_resumes_at_any_byte() {
    let test = test_store(Mode::Shared);
    for (n, len) in [0, 1, 3000, 20_000].into_iter().enumerate() {
        put(&test.drive(), &format!("d/{n}/x{n}"), &noise(len, n as u64));
    }
    let url = test.drive().archive(["d"]).unwrap().sign().unwrap();
    let whole = test.get(&url);
    let etag = test.store.serve(&Request::head(&url)).unwrap().header("ETag").unwrap().to_owned();
    for at in (0..whole.len()).step_by(100).chain(whole.len() - 500..whole.len()) {
        let range = format!("bytes={at}-");
        let request = Request::get(&url).range(&range).header("If-Range", &etag);
        let reply = test.store.serve(&request).unwrap();
        assert_eq!(reply.status, 206);
        assert!(read(&reply.body) == whole[at..], "from {at}");
    }
}

#[test]
fn a2_and_a4_equal_names_are_told_apart() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    for path in ["one/a.txt", "two/a.txt", "three/A.TXT", "x", "CON.txt", "dot.", "d/\u{202e}b"] {
        put(&drive, path, path.as_bytes());
    }
    let picks =
        ["one/a.txt", "two/a.txt", "three/A.TXT", "x", "x", "one", "one/a.txt", "CON.txt", "dot.", "d"];
    let bytes = test.get(&drive.archive(picks).unwrap().sign().unwrap());
    let members = checked(&test, &bytes);
    let folded: std::collections::HashSet<String> =
        members.iter().map(|member| member.0.to_lowercase()).collect();
    assert_eq!((members.len(), folded.len()), (12, 12), "{:?}", names(&members));
    assert!(members.iter().all(|member| !member.0.to_lowercase().starts_with("con.")));
    assert!(members.iter().all(|member| !member.0.contains("..") && !member.0.ends_with('.')));
}

#[test]
fn a9_what_becomes_of_the_members_after_does_not_matter() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        put(&drive, "d/a", b"old");
        put(&drive, "d/big", &noise(200_000, 1));
        put(&drive, "d/gone", &noise(300, 2));
        let url = drive.archive(["d"]).unwrap().sign().unwrap();
        let before = test.get(&url);
        let body = test.store.serve(&Request::get(&url)).unwrap().body;
        put(&drive, "d/a", b"new content");
        drive.delete("d/gone").unwrap();
        drive.rename("d/big", "else", false).unwrap();
        drive.delete("else").unwrap();
        assert!(test.get(&url) == before);
        drive.delete("d").unwrap();
        assert!(test.get(&url) == before && read(&body) == before);
        test.store.close().unwrap();
        let store = crate::opened::open(test.path(), Options::new().mode(mode)).unwrap();
        let reply = store.serve(&Request::get(&url)).unwrap();
        assert!(read(&reply.body) == before, "planned anew by another process");
    }
}

#[test]
fn chosen_versions_make_an_archive_too() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    let (old, new) = (put(&drive, "a", b"old"), put(&drive, "a", b"newer"));
    let url = drive.archive_of([old.id, new.id]).unwrap().sign().unwrap();
    let members = checked(&test, &test.get(&url));
    assert_eq!(members, [("a".to_owned(), 3, old.crc32), ("a (2)".to_owned(), 5, new.crc32)]);
    assert_eq!(kind(drive.archive_of([])), ErrorKind::InvalidArgument);
    assert_eq!(kind(drive.archive(Vec::<&str>::new())), ErrorKind::InvalidArgument);
    assert_eq!(kind(drive.archive(["no"])), ErrorKind::NotFound);
    let other = put(&test.store.drive("bob").unwrap(), "b", b"bob's");
    assert_eq!(kind(drive.archive_of([other.id]).unwrap().create()), ErrorKind::NotFound, "of another drive");
    test.store.remove_version(old.id).unwrap();
    assert_eq!(kind(drive.archive_of([old.id]).unwrap().create()), ErrorKind::Gone);
    let begun = drive.archive(["a"]).unwrap();
    drive.trash("a").unwrap();
    assert_eq!(kind(begun.create()), ErrorKind::NotFound, "it went before the archive was made");
}

#[test]
fn a6_and_a7_archives_past_the_limits_are_refused_when_made() {
    let options = Options::new().threshold(16 * KIB).max_archive_entries(50).max_archive_bytes(1_000_000);
    let test = TestStore::new(options);
    let drive = test.drive();
    let big = Bytes::from(noise(30_000, 1));
    let items = (0..40).map(|n| (format!("same/{n}"), big.clone()));
    drive.put_many(items, &Put::new()).unwrap();
    assert_eq!(test.large_blobs(), 1);
    let refused = drive.archive(["same"]).unwrap().create();
    assert!(refused.as_ref().unwrap_err().to_string().contains("1000000"), "{:?}", refused);
    assert_eq!(kind(refused), ErrorKind::TooLarge, "one blob many times counts as often");
    let items = (0..51).map(|n| (format!("many/{n}"), Bytes::new()));
    drive.put_many(items, &Put::new()).unwrap();
    assert_eq!(kind(drive.archive(["many"]).unwrap().create()), ErrorKind::TooLarge);
    let every: Vec<String> = (0..51).map(|n| format!("many/{n}")).collect();
    assert_eq!(kind(drive.archive(&every).unwrap().create()), ErrorKind::TooLarge);
    let fits = drive.archive(&every[..50]).unwrap().create().unwrap();
    assert_eq!(fits.entries, 50);
    drive.mkdir("void").unwrap();
    let url = drive.archive(["void"]).unwrap().sign().unwrap();
    assert_eq!(names(&checked(&test, &test.get(&url))), ["void/"]);
}

#[test]
fn a_whole_drive_that_is_empty_is_an_empty_archive() {
    let test = test_store(Mode::Shared);
    let url = test.drive().archive([""]).unwrap().sign().unwrap();
    let bytes = test.get(&url);
    assert_eq!(bytes.len(), 22, "an end record");
    assert_eq!(names(&listed_or_empty(&test, &bytes)), Vec::<&str>::new());
}

fn listed_or_empty(test: &TestStore, bytes: &[u8]) -> Vec<(String, u64, u32)> {
    let path = test.dir.path().join("empty.zip");
    std::fs::write(&path, bytes).unwrap();
    listed(&path)
}

#[test]
fn an_archive_lives_as_long_as_it_was_given() {
    let test = TestStore::new(Options::new().grace(Duration::from_secs(7200)));
    let drive = test.drive();
    put(&drive, "a", b"x");
    for seconds in [0, 7201] {
        let archive = drive.archive(["a"]).unwrap().expires_in(Duration::from_secs(seconds));
        assert_eq!(kind(archive.create()), ErrorKind::InvalidArgument);
    }
    let hour = Duration::from_secs(3600);
    let archive = drive.archive(["a"]).unwrap().expires_in(hour).create().unwrap();
    let url = test.store.url_of_archive(archive.id).expires_in(2 * hour).sign().unwrap();
    let at = |now: Time| test.store.serve(&Request::get(&url).at(now)).unwrap().status;
    assert_eq!(at(archive.expires.before(Duration::from_micros(1))), 200);
    assert_eq!(at(archive.expires), 403);
    for bad in ["", "a/b.zip", "a\n.zip"] {
        assert_eq!(kind(drive.archive(["a"]).unwrap().name(bad).create()), ErrorKind::InvalidArgument);
    }
    let url = drive.archive(["a"]).unwrap().with_url(|url| url.max_requests(1)).sign().unwrap();
    assert_eq!((test.status(&url), test.status(&url)), (200, 410));
}

/// Flips one byte of the file that holds `content`.
fn damage(dir: &Path, content: &[u8]) {
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let mut bytes = std::fs::read(&path).unwrap();
            if let Some(at) = bytes.windows(content.len()).position(|window| window == content) {
                bytes[at + content.len() / 2] ^= 1;
                let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
                return;
            }
        }
    }
    panic!("the content lies nowhere");
}

fn outcome(body: &Body) -> Result<Vec<u8>, ErrorKind> {
    body.to_vec(1 << 30).map_err(|error| error.kind())
}

#[test]
fn a10_a_damaged_blob_breaks_the_download_off() {
    for len in [2000, 100_000] {
        let test = test_store(Mode::Shared);
        let bytes = noise(len, 4);
        put(&test.drive(), "d/a", b"before");
        put(&test.drive(), "d/b", &bytes);
        let archive = test.drive().archive(["d"]).unwrap().create().unwrap();
        let url = test.store.url_of_archive(archive.id).sign().unwrap();
        let whole = test.get(&url);
        damage(&test.path(), &bytes);
        let body = test.store.serve(&Request::get(&url)).unwrap().body;
        assert_eq!(outcome(&body), Err(ErrorKind::Corrupt), "{len}");
        assert_eq!(kind(test.store.write_deflated(archive.id, &mut Vec::new())), ErrorKind::Corrupt);
        // The control: what does not hold the damaged member is good.
        let before = test.store.serve(&Request::get(&url).range("bytes=0-30")).unwrap().body;
        assert!(outcome(&before).unwrap() == whole[..31]);
    }
}

#[test]
fn a_deflated_archive_is_smaller_and_others_read_it() {
    let test = test_store(Mode::Shared);
    let text = b"the same words again and again, ".repeat(3000);
    put(&test.drive(), "d/text.txt", &text);
    put(&test.drive(), "d/noise", &noise(5000, 1));
    let archive = test.drive().archive(["d"]).unwrap().create().unwrap();
    let mut out = Vec::new();
    test.store.write_deflated(archive.id, &mut out).unwrap();
    assert!(out.len() < 10_000);
    let members = checked(&test, &out);
    assert_eq!(names(&members), ["d/", "d/noise", "d/text.txt"]);
    assert_eq!(members[2].2, crc32fast::hash(&text));
}

#[test]
fn every_folder_has_an_entry_with_its_time() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    put(&drive, "r/deep/file", b"x");
    drive.mkdir("r/void").unwrap();
    let bytes = read(&drive.archive(["r"]).unwrap().open().unwrap());
    for folder in ["r", "r/deep", "r/void"] {
        let time = u32::try_from(drive.stat(folder).unwrap().modified.unix()).unwrap();
        let mut entry = format!("{folder}/UT").into_bytes();
        entry.extend([5, 0, 1]);
        entry.extend(time.to_le_bytes());
        assert!(bytes.windows(entry.len()).any(|found| found == entry), "{folder}");
    }
}

#[test]
fn a_zip_is_read_at_once_as_its_archive_would_be() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    put(&drive, "r/a", b"alpha");
    put(&drive, "r/long", &vec![7; 300_000]);
    let archive = || drive.archive(["r"]).unwrap().utc_offset(60);
    let made = archive().create().unwrap();
    assert!(read(&archive().open().unwrap()) == read(&test.store.open_archive(made.id).unwrap()));
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    test.store.write_deflated(made.id, &mut theirs).unwrap();
    archive().write_deflated(&mut ours).unwrap();
    assert_eq!(ours, theirs);
    // Where downloads are counted, one must be made.
    let share = drive.share("r", &Share::new()).unwrap();
    let visit = test.store.visit(share.id, None).unwrap();
    let refused = visit.archive(["a"]).unwrap().open().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn revoking_reaches_the_archives_of_what_was_revoked_in_every_form() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        let version = put(&drive, "d/a", b"x");
        put(&drive, "d/b", b"y");
        put(&test.store.drive("other").unwrap(), "a", b"x");
        let make = || {
            let archive = drive.archive(["d"]).unwrap().create().unwrap();
            let url = test.store.url_of_archive(archive.id);
            (archive.id, [url.clone().sign().unwrap(), url.sign_cloudreve().unwrap()])
        };
        let status = |urls: &[String; 2]| [0, 1].map(|at| test.status(&urls[at]));
        let other = test.store.drive("other").unwrap().archive(["a"]).unwrap().sign().unwrap();
        let (first, urls) = make();
        assert_eq!(make().0, first, "an equal one is there");
        assert_eq!(status(&urls), [200, 200]);
        test.store.revoke_archive(first).unwrap();
        assert_eq!(status(&urls), [410, 410]);
        let (again, urls) = make();
        assert_eq!((again, status(&urls)), (first, [200, 200]), "a URL made since is of now");

        let revocations: [&dyn Fn(); 3] = [
            &|| test.store.revoke_version(version.id).unwrap(),
            &|| test.store.revoke_file(version.id.file()).unwrap(),
            &|| drive.revoke().unwrap(),
        ];
        for revoke in revocations {
            let (before, urls) = make();
            assert_eq!(status(&urls), [200, 200]);
            revoke();
            assert_eq!(status(&urls), [410, 410]);
            assert_eq!(kind(test.store.open_archive(before)), ErrorKind::Gone);
            assert_eq!(kind(test.store.archive(before)), ErrorKind::Gone);
            assert_eq!(kind(test.store.archive_crc64(before)), ErrorKind::Gone);
            assert_eq!(kind(test.store.write_deflated(before, &mut Vec::new())), ErrorKind::Gone);
            assert_eq!(kind(test.store.url_of_archive(before).sign()), ErrorKind::Gone);
            assert_ne!(make().0, before, "what was revoked is not found again");
        }
        assert_eq!(test.status(&other), 200, "another drive's goes on");
        let folder = drive.stat("d").unwrap().id;
        let refused = test.store.revoke_file(folder);
        assert!(refused.as_ref().unwrap_err().to_string().contains("folder"), "{refused:?}");
        assert_eq!(kind(refused), ErrorKind::InvalidArgument, "nothing hangs on a folder itself");
    }
}

#[test]
fn a_drives_archives_have_a_limit_that_equal_ones_share() {
    let test = TestStore::new(Options::new().drive_archive_quota(1500));
    let drive = test.drive();
    for name in ["a", "b", "c"] {
        put(&drive, name, name.as_bytes());
    }
    let make = |name: &str, lifetime: u64| {
        drive.archive([name]).unwrap().expires_in(Duration::from_secs(lifetime)).create()
    };
    let first = make("a", 60).unwrap();
    let longer = make("a", 600).unwrap();
    assert_eq!(longer.id, first.id);
    assert!(longer.expires > first.expires);
    assert_eq!(make("a", 60).unwrap().expires, longer.expires, "it never ends sooner than was said");
    make("b", 60).unwrap();
    assert_eq!(kind(make("c", 60)), ErrorKind::TooLarge);
    assert_eq!(make("a", 60).unwrap().id, first.id, "what is there needs no room");
    let other = drive.archive(["a"]).unwrap().name("other.zip").create();
    assert_eq!(kind(other), ErrorKind::TooLarge, "under another name it is another");
    put(&test.store.drive("other").unwrap(), "c", b"c");
    test.store.drive("other").unwrap().archive(["c"]).unwrap().create().unwrap();
}

#[test]
fn picks_have_an_order_and_a_folder_may_come_without_its_name() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    for path in
        ["book/META-INF/container.xml", "book/a.xhtml", "book/mimetype", "book/z/deep/b", "other/a.xhtml"]
    {
        put(&drive, path, path.as_bytes());
    }
    let made = |paths: &[&str]| {
        let archive = drive.archive(paths).unwrap().create().unwrap();
        let bytes = read(&test.store.open_archive(archive.id).unwrap());
        assert_eq!(bytes.len() as u64, archive.len);
        checked(&test, &bytes).into_iter().map(|member| member.0).collect::<Vec<_>>().join(" ")
    };
    let inside = "META-INF/ META-INF/container.xml a.xhtml mimetype z/ z/deep/ z/deep/b";
    assert_eq!(made(&["book/."]), inside);
    assert_eq!(
        made(&["book/mimetype", "book/."]),
        "mimetype META-INF/ META-INF/container.xml a.xhtml z/ z/deep/ z/deep/b"
    );
    // Whole folders can be put first too, also from further down, and what only has the same name stays.
    assert_eq!(
        made(&["book/z", "book/mimetype", "book/."]),
        "z/ z/deep/ z/deep/b mimetype META-INF/ META-INF/container.xml a.xhtml"
    );
    assert_eq!(made(&["book/a.xhtml", "other/."]), "a.xhtml a (2).xhtml");
    assert_eq!(made(&["other/a.xhtml", "other"]), "a.xhtml other/ other/a.xhtml");
    assert_eq!(
        made(&["other", "."]),
        "other/ other/a.xhtml book/ book/META-INF/ book/META-INF/container.xml \
        book/a.xhtml book/mimetype book/z/ book/z/deep/ book/z/deep/b"
    );
    let wrong = drive.archive(["book/mimetype/."]).unwrap().create();
    assert_eq!(kind(wrong), ErrorKind::InvalidArgument);
    let share = drive.share("book", &holdall::Share::new()).unwrap();
    let visit = test.store.visit(share.id, None).unwrap();
    let archive = visit.archive(["mimetype", "."]).unwrap().create().unwrap();
    let bytes = read(&test.store.open_archive(archive.id).unwrap());
    assert_eq!(bytes[28..43], *b"\0\0mimetypebook/", "first, and without extra fields");
    assert_eq!(names(&checked(&test, &bytes))[..2], ["mimetype", "META-INF/"]);
}

#[test]
fn what_may_be_run_is_so_in_the_archive_for_each_version() {
    let test = test_store(Mode::Exclusive);
    let drive = test.drive();
    let run = drive.put("run", &b"#!"[..], Put::new().executable(true)).unwrap();
    let plain = drive.put("run", &b"# "[..], Put::new()).unwrap();
    drive.put("bin/run", &b"#!"[..], Put::new().executable(true)).unwrap();
    drive.copy("bin", "copy", holdall::CopyVersions::Current).unwrap();
    drive.rename("copy", "moved", false).unwrap();
    put(&drive, "bin/text", b"text");
    assert!(run.executable && !plain.executable);
    assert!(test.store.version(run.id).unwrap().executable);
    assert!(drive.list("bin", None, 9).unwrap()[0].executable);
    let modes = |archive: holdall::Archive| {
        let archive = archive.create().unwrap();
        let path = test.dir.path().join("modes.zip");
        std::fs::write(&path, read(&test.store.open_archive(archive.id).unwrap())).unwrap();
        let into = tempfile::tempdir().unwrap();
        let done = Command::new("unzip").args(["-qq", "-d"]).arg(into.path()).arg(&path).status().unwrap();
        assert!(done.success());
        ["run", "bin/run", "bin/text", "moved/run"].map(|path| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::metadata(into.path().join(path)).ok().map(|found| found.permissions().mode() & 0o777)
        })
    };
    let all = [Some(0o644), Some(0o755), Some(0o644), Some(0o755)];
    assert_eq!(modes(drive.archive([""]).unwrap()), all);
    assert_eq!(modes(drive.archive_of([run.id]).unwrap()), [Some(0o755), None, None, None]);
    test.store.set_current(run.id).unwrap();
    assert_eq!(modes(drive.archive(["run"]).unwrap())[0], Some(0o755));
}

#[test]
fn the_offset_of_the_reader_is_in_the_archive_and_lasts() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    let noon = Time::from_unix(1_781_496_000); // 2026-06-15 04:00 UTC, noon in Shanghai
    drive.put("a.txt", &b"x"[..], Put::new().modified(noon)).unwrap();
    let shown = |bytes: &[u8]| {
        let path = test.dir.path().join("zone.zip");
        std::fs::write(&path, bytes).unwrap();
        let script = "import sys, zipfile; print(*zipfile.ZipFile(sys.argv[1]).infolist()[0].date_time[2:5])";
        let output = Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
        let unzip = Command::new("unzip").arg("-l").arg(&path).env("TZ", "Asia/Shanghai").output().unwrap();
        let listed = String::from_utf8(unzip.stdout).unwrap();
        assert!(listed.contains("12:00   a.txt"), "who reads UTC sees noon with any offset: {listed}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let (mut etags, mut made) = (Vec::new(), Vec::new());
    for (minutes, want) in [(0, "15 4 0"), (480, "15 12 0"), (-300, "14 23 0")] {
        let archive = drive.archive(["a.txt"]).unwrap().utc_offset(minutes).create().unwrap();
        let url = test.store.url_of_archive(archive.id).sign().unwrap();
        let reply = test.store.serve(&Request::get(&url)).unwrap();
        let bytes = read(&reply.body);
        assert_eq!(shown(&bytes), want);
        assert_eq!(test.store.archive_crc64(archive.id).unwrap(), holdall::digest::Digest::of(&bytes).crc64);
        etags.push(reply.header("ETag").unwrap().to_owned());
        made.push((archive.id, bytes));
    }
    for minutes in [1440, -1440, i16::MIN] {
        let refused = drive.archive(["a.txt"]).unwrap().utc_offset(minutes).create();
        assert_eq!(kind(refused), ErrorKind::InvalidArgument);
    }
    // Planned anew from its rows.
    test.store.close().unwrap();
    let store = crate::opened::open(test.path(), Options::new()).unwrap();
    for (id, bytes) in made {
        assert!(read(&store.open_archive(id).unwrap()) == bytes);
    }
    etags.sort();
    etags.dedup();
    assert_eq!(etags.len(), 3, "another offset is another archive");
}

#[test]
fn a_path_that_extractors_cannot_write_is_refused_by_name() {
    let test = test_store(Mode::Exclusive);
    let drive = test.drive();
    let deep = vec!["d".repeat(240); 16].join("/");
    let room = 4096 - deep.len() - 1;
    let (fits, long) = (format!("{deep}/{}", "f".repeat(room - 1)), format!("{deep}/{}", "g".repeat(room)));
    put(&drive, &fits, b"x");
    let archive = drive.archive([""]).unwrap().create().unwrap();
    let bytes = read(&test.store.open_archive(archive.id).unwrap());
    assert_eq!(checked(&test, &bytes).last().unwrap().0.len(), 4095);
    put(&drive, &long, b"x");
    let error = drive.archive([""]).unwrap().create().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("4096 bytes"), "{error}");
    drive.archive(["d".repeat(240) + "/."]).unwrap().create().unwrap();
}
