//! Archives through readers of others.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::host::{Host, has, noise, tree};

/// Reads a zip with Python's zipfile and compares it with a tree.
fn zipfile_agrees(zip: &Path, tree: &Path) {
    let script = r#"
import os, sys, zipfile
archive, tree = zipfile.ZipFile(sys.argv[1]), sys.argv[2]
assert archive.testzip() is None
want = {}
for at, folders, names in os.walk(tree):
    for name in names:
        path = os.path.join(at, name)
        want[os.path.relpath(path, tree)] = open(path, "rb").read()
    want[os.path.relpath(at, tree).removeprefix(".") + "/"] = b""
want[""] = want.pop("/")
have = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
assert have == want, set(have) ^ set(want)
"#;
    let done = Command::new("python3").args(["-c", script]).arg(zip).arg(tree).status();
    assert!(done.expect("these tests need python3").success());
    if has("unzip") {
        let done = Command::new("unzip").arg("-tqq").arg(zip).stdout(Stdio::null()).status();
        assert!(done.unwrap().success());
    }
}

#[test]
fn a3_an_archive_in_pieces_is_the_archive() {
    let host = Host::new();
    let source = host.dir.path().join("source");
    tree(&source, 10);
    host.ok(&["put", source.to_str().unwrap(), "--to", "docs"]);
    let url = host.ok(&["archive", "docs", "--name", "all docs.zip"]);
    let whole = host.get(&url);
    assert_eq!((whole.status, whole.header("Content-Type")), (200, Some("application/zip")));
    let len = whole.body.len();
    let head = host.curl(&["-I", &url]);
    assert_eq!(head.header("Content-Length"), Some(len.to_string().as_str()));
    assert_eq!(head.header("ETag"), whole.header("ETag"));

    // Three transfers, each resumed by curl where the one before was cut.
    let part = host.fresh();
    std::fs::write(&part, &whole.body[..len / 3]).unwrap();
    let middle = host.curl(&["-r", &format!("{}-{}", len / 3, 2 * len / 3 - 1), &url]);
    let mut so_far = std::fs::read(&part).unwrap();
    so_far.extend_from_slice(&middle.body);
    std::fs::write(&part, &so_far).unwrap();
    let done = Command::new("curl").args(["-sS", "-C", "-", &url, "-o"]).arg(&part).status().unwrap();
    assert!(done.success());
    assert!(std::fs::read(&part).unwrap() == whole.body);
    zipfile_agrees(&part, &source);

    if has("aria2c") {
        let done = Command::new("aria2c")
            .args(["-q", "-x8", "-s8", "-k1M", "-o", "aria.zip", &url, "-d"])
            .arg(host.dir.path())
            .status();
        assert!(done.unwrap().success());
        assert!(std::fs::read(host.dir.path().join("aria.zip")).unwrap() == whole.body);
    }
    if has("wget") {
        let got = host.fresh();
        std::fs::write(&got, &whole.body[..len / 2]).unwrap();
        assert!(Command::new("wget").args(["-q", "-c", &url, "-O"]).arg(&got).status().unwrap().success());
        assert!(std::fs::read(&got).unwrap() == whole.body);
    }
}

#[test]
fn an_archive_is_frozen_when_it_is_made() {
    let host = Host::new();
    host.put("docs/a.txt", b"before");
    let url = host.ok(&["archive", "docs"]);
    let before = host.get(&url).body;
    host.put("docs/a.txt", b"after, and longer");
    host.put("docs/b.txt", b"new");
    host.ok(&["rm", "docs/a.txt", "--forever"]);
    assert!(host.get(&url).body == before);
}

#[test]
fn the_command_line_writes_the_zip_that_is_served() {
    let host = Host::new();
    let source = host.dir.path().join("source");
    tree(&source, 11);
    host.ok(&["put", source.to_str().unwrap(), "--to", "docs"]);
    let (stored, deflated) = (host.fresh(), host.fresh());
    host.ok(&["archive", "docs", "-o", stored.to_str().unwrap()]);
    host.ok(&["archive", "docs", "-o", deflated.to_str().unwrap(), "--deflate"]);
    zipfile_agrees(&stored, &source);
    zipfile_agrees(&deflated, &source);
    assert!(std::fs::read(&stored).unwrap() == host.get(&host.ok(&["archive", "docs"])).body);
}

#[test]
fn d3_a_damaged_member_never_makes_a_whole_zip() {
    let host = Host::new();
    let mark = noise(5000, 12);
    host.put("docs/a.bin", &noise(2_500_000, 13));
    host.put("docs/b.bin", &mark);
    let url = host.ok(&["archive", "docs"]);
    let sound = host.get(&url);
    assert_eq!((sound.status, sound.code), (200, 0));
    for entry in std::fs::read_dir(host.store().join("seg")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(at) = bytes.windows(64).position(|window| window == &mark[..64]) {
            bytes[at + 2000] ^= 1;
            // In place: the server has the file mapped.
            use std::os::unix::fs::FileExt;
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.write_all_at(&bytes[at + 2000..=at + 2000], (at + 2000) as u64).unwrap();
        }
    }
    let got = host.get(&url);
    assert!(got.status >= 500 || (got.code == 18 && got.body.len() < sound.body.len()), "{}", got.status);
    assert_eq!(host.run(&["check", "--content"]).status.code(), Some(10));
}

#[test]
fn a_file_that_may_be_run_is_so_after_put_archive_and_unzip() {
    use std::os::unix::fs::PermissionsExt;
    let host = Host::new();
    let source = host.dir.path().join("source");
    std::fs::create_dir(&source).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for (name, mode, len) in
        [("run", 0o700, 9), ("large", 0o755, 2 << 20), ("text", 0o644, 9), ("group", 0o654, 9)]
    {
        std::fs::write(source.join(name), noise(len, 1)).unwrap();
        std::fs::set_permissions(source.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    host.ok(&["put", source.to_str().unwrap(), "--to", "bin"]);
    let zip = host.fresh();
    for more in [&[][..], &["--deflate"]] {
        host.ok(&[&["archive", "bin/.", "-o", zip.to_str().unwrap()][..], more].concat());
        let into = tempfile::tempdir().unwrap();
        let done = Command::new("unzip").args(["-qq", "-d"]).arg(into.path()).arg(&zip).status().unwrap();
        assert!(done.success());
        for (name, want) in [("run", 0o755), ("large", 0o755), ("text", 0o644), ("group", 0o644)] {
            assert_eq!(mode(&into.path().join(name)), want, "{name}");
        }
    }
    // The bit alone is a change.
    let put = ["put", source.to_str().unwrap(), "--to", "bin", "--if-changed"];
    assert!(host.ok(&put).contains("put 0 files"));
    std::fs::set_permissions(source.join("text"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(host.ok(&put).contains("put 1 file"));
}

#[test]
fn an_archive_is_for_readers_of_a_time_zone() {
    let host = Host::new();
    host.put("a.txt", b"x");
    let shown = |offset: &[&str]| {
        let zip = host.fresh();
        host.ok(&[&["archive", "a.txt", "-o", zip.to_str().unwrap()][..], offset].concat());
        let script = "import sys, zipfile, datetime\n\
                      print(int(datetime.datetime(*zipfile.ZipFile(sys.argv[1]).infolist()[0].date_time).timestamp()))";
        let output =
            Command::new("python3").args(["-c", script]).arg(&zip).env("TZ", "UTC").output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<i64>().unwrap()
    };
    let utc = shown(&[]);
    assert_eq!(shown(&["--utc-offset", "+05:45"]), utc + 345 * 60);
    assert_eq!(shown(&["--utc-offset", "-03:00"]), utc - 180 * 60);
    assert_eq!(host.run(&["archive", "a.txt", "--utc-offset", "CET"]).status.code(), Some(1));
}
