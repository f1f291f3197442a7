//! The command line itself: exit codes, JSON, and content in and out.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::host::{TestStore, noise, tree};

#[test]
fn the_exit_code_is_the_kind_of_the_error() {
    let test = TestStore::new();
    let code = |args: &[&str]| {
        let output = test.run(args);
        let printed = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code().unwrap();
        assert!(
            code == 0 || printed.starts_with("holdall: ") || printed.starts_with("error: "),
            "{printed:?}"
        );
        assert!(!printed.contains("panicked"), "{printed}");
        code
    };
    assert_eq!(code(&["ls"]), 2, "no store is made by looking");
    test.put("docs/a.txt", b"hello");
    test.put("docs/b.txt", b"hello");
    for (want, args) in [
        (0, vec!["ls"]),
        (0, vec!["--help"]),
        (0, vec!["--version"]),
        (1, vec![]),
        (1, vec!["no-such-verb"]),
        (1, vec!["url"]),
        (1, vec!["url", "docs/a.txt", "--expires", "soon"]),
        (1, vec!["url", "docs/a.txt", "--expires", "8d"]),
        (1, vec!["get", "docs"]),
        (1, vec!["get", "--version", "x"]),
        (1, vec!["get", "docs/a.txt", "--range", "4-2"]),
        (1, vec!["--base-url", "no slash", "ls"]),
        (2, vec!["get", "nothing"]),
        (2, vec!["get", "--version", "v1z0001"]),
        (2, vec!["put", "no/such/file"]),
        (2, vec!["verify", "/nowhere"]),
        (3, vec!["mv", "docs/a.txt", "docs/b.txt"]),
        (3, vec!["put", "/dev/stdin", "--to", "docs/a.txt", "--new"]),
        (3, vec!["mkdir", "docs/a.txt/x"]),
        (4, vec!["verify", "/d/AQAB/x"]),
        (6, vec!["get", "docs/a.txt", "--range", "5-"]),
        (11, vec!["get", "docs/a.txt", "-o", "/no/such/folder/x"]),
        (if cfg!(feature = "remote") { 1 } else { 13 }, vec!["ship", "nowhere"]),
        (if cfg!(feature = "remote") { 1 } else { 13 }, vec!["restore", "--from", "nowhere"]),
        (1, vec!["restore"]),
        (1, vec!["restore", "--from", "s3://bucket", "--at", "yesterday"]),
    ] {
        if args.contains(&"/dev/stdin") {
            let source = test.fresh();
            std::fs::write(&source, "x").unwrap();
            let args: Vec<&str> = args
                .iter()
                .map(|arg| if *arg == "/dev/stdin" { source.to_str().unwrap() } else { arg })
                .collect();
            assert_eq!(code(&args), want, "{args:?}");
            continue;
        }
        assert_eq!(code(&args), want, "{args:?}");
    }
    // Without a store named at all.
    let output = Command::new(env!("CARGO_BIN_EXE_holdall")).arg("ls").env_remove("HOLDALL_STORE").output();
    assert_eq!(output.unwrap().status.code(), Some(1));
}

#[test]
fn a_store_held_alone_is_locked_to_others() {
    let test = TestStore::new();
    test.put("a.txt", b"hello");
    let begin = || {
        let mut alone = test.command(&["--exclusive", "put", "-", "--name", "b.txt"]);
        alone.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut alone = begin();
    let mut code = Some(0);
    for _ in 0..100 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        if alone.try_wait().unwrap().is_some() {
            // It met one of our own looks and was shut out.
            alone = begin();
            continue;
        }
        code = test.run(&["ls"]).status.code();
        if code != Some(0) {
            break;
        }
    }
    assert_eq!(code, Some(9));
    drop(alone.stdin.take());
    assert!(alone.wait().unwrap().success());
    assert_eq!(test.ok(&["ls"]), "a.txt\nb.txt");
}

#[test]
fn every_verb_prints_one_json_value() {
    let test = TestStore::new();
    let source = test.dir.path().join("source");
    tree(&source, 40);
    let put = test.json(&["put", source.to_str().unwrap(), "--to", "docs"]);
    assert_eq!((put["files"].as_u64(), put["versions"].as_array().unwrap().len()), (Some(60), 60));
    assert_eq!(put["deduplicated_bytes"], 0);
    let again = test.json(&["put", source.to_str().unwrap(), "--to", "copy"]);
    assert_eq!(again["stored_bytes"], 0);
    assert_eq!(again["deduplicated_bytes"], put["bytes"]);

    let version = test.json(&["versions", "docs/file 0.bin"])[0].clone();
    for (field, len) in [("sha1", 40), ("blake3", 64), ("crc32", 8)] {
        assert_eq!(version[field].as_str().unwrap().len(), len, "{field}");
    }
    assert_eq!(version["crc64"], "0", "decimal text; the file is empty");
    assert!(version["created"].as_str().unwrap().ends_with('Z'));
    let id = version["id"].as_str().unwrap();
    let link = test.json(&["link", "docs/file 5.bin"])["link"].as_str().unwrap().to_owned();
    let share = test.json(&["share", "docs", "--expires", "1h"])["share"].as_str().unwrap().to_owned();
    let url = test.json(&["url", "docs/file 5.bin"])["url"].as_str().unwrap().to_owned();
    let (zip, backup) = (test.fresh(), test.fresh());
    let trashed = test.json(&["rm", "copy/a"])["trashed"].as_str().unwrap().to_owned();
    for args in [
        vec!["ls", "-lR"],
        vec!["ls", "docs/file 5.bin"],
        vec!["trash"],
        vec!["restore", &trashed],
        vec!["trash", "--empty"],
        vec!["current", id],
        vec!["keep", id],
        vec!["mkdir", "made/here"],
        vec!["mv", "made/here", "made/there"],
        vec!["cp", "docs", "made/docs"],
        vec!["verify", &url],
        vec!["archive", "docs"],
        vec!["archive", "docs", "-o", zip.to_str().unwrap()],
        vec!["unlink", &link],
        vec!["visit", &share],
        vec!["visit", &share, "file 5.bin"],
        vec!["unshare", &share],
        vec!["revoke", id],
        vec!["keys"],
        vec!["keys", "rotate"],
        vec!["gc"],
        vec!["stats"],
        vec!["check", "--content"],
        vec!["repair"],
        vec!["backup", backup.to_str().unwrap()],
        vec!["repair", "--rebuild"],
        vec!["check", "--content"],
        vec!["rm", "copy", "--forever"],
    ] {
        let value = test.json(&args);
        assert!(value.is_object() || value.is_array(), "{args:?}");
    }
}

#[test]
fn what_goes_in_comes_out() {
    let test = TestStore::new();
    let source = test.dir.path().join("source");
    tree(&source, 41);
    std::os::unix::fs::symlink("/etc/passwd", source.join("link")).unwrap();
    let output = test.run(&["put", source.to_str().unwrap(), "--to", "in/"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("skipped 1 symbolic link"));
    let listed = test.json(&["ls", "-R", "in/source"]);
    let rows = listed.as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["kind"] == "file").count(), 60);
    assert!(rows.iter().any(|row| row["path"] == "empty" && row["kind"] == "folder"));
    let out = test.fresh();
    for row in rows.iter().filter(|row| row["kind"] == "file") {
        let path = row["path"].as_str().unwrap();
        test.ok(&["get", &format!("in/source/{path}"), "-o", out.to_str().unwrap()]);
        assert!(std::fs::read(&out).unwrap() == std::fs::read(source.join(path)).unwrap(), "{path}");
        let modified = std::fs::metadata(source.join(path)).unwrap().modified().unwrap();
        assert_eq!(row["modified"], holdall::Time::from(modified).to_string(), "{path}");
    }
    let bytes = noise(3_000_000, 42);
    let id = test.put("big.bin", &bytes);
    let range = test.run(&["get", "--version", &id, "--range", "1000000-1999999"]);
    assert!(range.stdout == bytes[1_000_000..2_000_000]);
}

#[test]
fn names_that_cannot_be_kept_are_all_listed_before_anything_is_put() {
    let test = TestStore::new();
    let folder = test.fresh();
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    for name in ["fine.txt", "with\ttab", "sub/with\nline"] {
        std::fs::write(folder.join(name), "x").unwrap();
    }
    for name in [&b"latin-\xe9"[..], b"sub/another-\xe8"] {
        std::fs::write(folder.join(OsStr::from_bytes(name)), "x").unwrap();
    }
    test.put("first", b"makes the store");
    let output = test.run(&["put", folder.to_str().unwrap(), "--to", "x"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for name in ["tab", "line", "latin-", "another-"] {
        assert!(told.contains(name), "{told}");
    }
    assert_eq!(test.run(&["ls", "x"]).status.code(), Some(2), "nothing was put");
}

#[test]
fn what_has_not_changed_is_left_out_when_that_is_asked_for() {
    let test = TestStore::new();
    let folder = test.fresh();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("same"), "same").unwrap();
    std::fs::write(folder.join("other"), "other").unwrap();
    let put = || {
        let output = test.run(&["--json", "put", folder.to_str().unwrap(), "--to", "x", "--if-changed"]);
        assert!(output.status.success());
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["files"].as_u64().unwrap()
    };
    assert_eq!(put(), 2);
    assert_eq!(put(), 0);
    std::fs::write(folder.join("other"), "longer").unwrap();
    assert_eq!(put(), 1);
    // Of the same length within the second: at another time, and then at the same.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    for (text, part) in [("first!", 1), ("second", 2), ("third!", 2)] {
        let file = std::fs::File::options().write(true).open(folder.join("other")).unwrap();
        std::fs::write(folder.join("other"), text).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(now.as_secs()) + Duration::from_millis(part))
            .unwrap();
        assert_eq!(put(), 1, "{text}");
        assert_eq!(put(), 0, "{text}");
        assert_eq!(test.run(&["get", "x/other"]).stdout, text.as_bytes());
    }
}

#[test]
fn what_cannot_be_read_is_reported_and_all_else_is_put() {
    let test = TestStore::new();
    let folder = test.fresh();
    for name in ["m", "n"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    for name in ["a", "bad", "m/inside", "n/inside", "z"] {
        std::fs::write(folder.join(name), name).unwrap();
    }
    std::fs::write(folder.join("large"), vec![1; 2 << 20]).unwrap();
    let put = |to: &str, count: u64| {
        let output = test.as_nobody(&["--json", "put", folder.to_str().unwrap(), "--to", to]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let counts = (report["files"].as_u64().unwrap(), report["unread"].as_u64().unwrap());
        assert_eq!(counts, (6 - count, count));
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(put("x", 0).0, 0);
    let bad = ["bad", "large", "n"].map(|name| folder.join(name));
    for path in &bad {
        std::fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
    }
    let (code, shown) = put("y", 3);
    assert_eq!(code, 23, "{shown}");
    for path in &bad {
        assert!(shown.contains(&format!("left out: reading {}", path.display())), "{shown}");
    }
    for name in ["a", "m/inside", "z"] {
        assert_eq!(test.as_nobody(&["get", &format!("y/{name}")]).stdout, name.as_bytes());
    }
    std::fs::set_permissions(&bad[2], Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_share_is_visited_with_a_password_from_a_file() {
    let test = TestStore::new();
    test.put("docs/a.txt", b"hello");
    let secret = test.fresh();
    std::fs::write(&secret, "open sesame\n").unwrap();
    let secret = secret.to_str().unwrap();
    let text = |output: std::process::Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let share = text(test.run(&["share", "docs", "--password-file", secret]));
    assert_eq!(test.run(&["visit", &share, "--password", "other"]).status.code(), Some(4));
    assert_eq!(text(test.run(&["visit", &share, "--password", "open sesame"])), "docs is a folder");
    assert_eq!(text(test.run(&["visit", &share, ".", "--password-file", secret])), "a.txt");
    assert!(text(test.run(&["visit", &share, "a.txt", "--password-file", secret])).contains("/d/"));
}

/// A mistyped path must not become a store: only what brings content makes one, and says so.
#[test]
fn a_store_is_made_only_where_something_is_put_and_that_is_told() {
    let test = TestStore::new();
    let printed = |args: &[&str]| {
        let output = test.run(args);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (file, missing) = (test.fresh(), test.fresh());
    std::fs::write(&file, "hello").unwrap();
    let (file, missing) = (file.to_str().unwrap(), missing.to_str().unwrap());
    for exists in [false, true] {
        for args in [
            vec!["ls"],
            vec!["get", "a"],
            vec!["url", "a"],
            vec!["archive", "a"],
            vec!["versions", "a"],
            vec!["stats"],
            vec!["check"],
            vec!["repair"],
            vec!["repair", "--rebuild"],
            vec!["gc"],
            vec!["keys"],
            vec!["keys", "rotate"],
            vec!["rm", "a"],
            vec!["share", "a"],
            vec!["backup", missing],
            vec!["verify", "/d/AQAB/x"],
            vec!["serve", "--listen", "127.0.0.1:0"],
            vec!["put", missing],
        ] {
            let (code, printed) = printed(&args);
            assert_eq!(code, 2, "{args:?}: {printed}");
            let store = test.store();
            let named = if args == ["put", missing] { missing } else { store.to_str().unwrap() };
            assert!(printed.contains(named) && printed.lines().count() == 1, "{args:?}: {printed}");
            assert!(
                args[0] == "put" || printed.contains("holdall --store"),
                "{args:?} has no remedy: {printed}"
            );
            assert_eq!(test.store().exists(), exists, "{args:?}");
            assert!(!exists || test.store().read_dir().unwrap().next().is_none(), "{args:?} left something");
            assert!(!std::path::Path::new(missing).exists(), "{args:?}");
        }
        std::fs::create_dir_all(test.store()).unwrap();
    }
    let (code, said) = printed(&["put", file]);
    let line = format!("holdall: made a new store in {}\n", test.store().display());
    assert_eq!((code, said.as_str()), (0, line.as_str()));
    assert_eq!(printed(&["put", file]), (0, String::new()), "only once");
    let (code, said) = printed(&["--store", missing, "mkdir", "x"]);
    assert!(code == 0 && said.contains(missing), "{said}");
}

/// What goes wrong is told with what was given and what to do instead.
#[test]
fn what_goes_wrong_is_told_with_its_remedy() {
    let test = TestStore::new();
    test.put("docs/a.txt", b"hello");
    test.put("b.txt", &noise(12_000_000, 43));
    let printed = |args: &[&str]| {
        let output = test.run(args);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let dir = test.dir.path().to_str().unwrap();
    let file = test.fresh();
    std::fs::write(&file, "x").unwrap();
    let file = file.to_str().unwrap();
    let share = test.ok(&["share", "docs", "--expires", "1s"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    for (args, code, words) in [
        (vec!["mv", "b.txt", "docs"], 3, vec!["docs", "docs/b.txt"]),
        (vec!["cp", "b.txt", "docs/"], 3, vec!["docs/b.txt"]),
        (vec!["cp", "docs/a.txt", "docs"], 3, vec!["is a folder", "docs/a.txt"]),
        (vec!["put", file, "--to", "docs"], 3, vec![file, "a folder at \"docs\"", "name a file"]),
        (vec!["put", "/no/such"], 2, vec!["there is no file or folder /no/such"]),
        (vec!["get", "b.txt", "-o", dir], 1, vec![dir, "is a folder"]),
        (vec!["get", "b.txt", "-o", "/dev/full/x"], 11, vec!["/dev/full/x"]),
        (vec!["revoke", "l16"], 1, vec!["l16", "unlink"]),
        (vec!["keys", "remove", "1"], 1, vec!["rotate"]),
        (vec!["serve", "--listen", "8420"], 1, vec!["8420", "127.0.0.1:8420"]),
        (vec!["visit", &share], 5, vec![&share, "expired at"]),
        (vec!["--store", file, "ls"], 1, vec![file, "is a file", "a directory"]),
    ] {
        let (got, printed) = printed(&args);
        assert_eq!(got, code, "{args:?}: {printed}");
        for word in words {
            assert!(printed.contains(word), "{args:?} says nothing of {word:?}: {printed}");
        }
    }
    // A limit on the length of files stands in for a full disk, which needs no root.
    let out = test.fresh();
    std::fs::write(&out, "before").unwrap();
    for verb in [vec!["get", "b.txt"], vec!["archive", "b.txt"]] {
        let line = format!("trap '' XFSZ; ulimit -f 8000; exec \"$0\" \"$@\" -o {}", out.display());
        let mut command = Command::new("sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_holdall")]).args(&verb);
        let output = command.env("HOLDALL_STORE", test.store()).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(11), "{printed}");
        assert!(printed.contains(&format!("writing {}", out.display())), "{printed}");
        assert_eq!(std::fs::read(&out).unwrap(), b"before", "what was there is whole");
        let part = out.with_file_name(format!("{}.holdall-part", out.file_name().unwrap().to_str().unwrap()));
        assert!(!part.exists(), "nothing is left behind");
    }
}

#[test]
fn a_collection_says_what_waits_and_until_when() {
    let test = TestStore::new();
    test.put("a", b"content");
    test.ok(&["rm", "a", "--forever"]);
    let printed = test.json(&["gc", "--grace", "2h"]);
    assert_eq!((&printed["waiting_blobs"], &printed["waiting_bytes"]), (&1.into(), &7.into()));
    assert_eq!((&printed["blobs"], &printed["grace_seconds"]), (&0.into(), &7200.into()));
    let due = printed["next_due"].as_str().unwrap();
    let text = test.ok(&["gc"]);
    assert!(
        text.ends_with(&format!("1 blobs of 7 B wait for the grace period; the first may go at {due}")),
        "{text}"
    );
}

#[test]
fn a_collection_makes_room_at_once_where_no_archive_is_out() {
    let test = TestStore::new();
    test.put("a", b"content");
    test.put("b", b"another");
    let archive = test.json(&["archive", "b", "--expires", "1h"]);
    test.ok(&["rm", "a", "--forever"]);
    let told = test.json(&["gc", "--grace", "0s"]);
    assert_eq!(told["waiting_blobs"], 1, "for the archive that is out");
    assert!(told["next_due"].as_str().unwrap() > archive["expires"].as_str().unwrap(), "{told}");

    let test = TestStore::new();
    test.put("a", b"content");
    test.ok(&["rm", "a", "--forever"]);
    let text = test.ok(&["gc", "--grace", "0s"]);
    assert!(text.starts_with("removed 1 blobs of 7 B") && text.contains("no archive can be made"), "{text}");
    let refused = test.run(&["archive", ""]);
    assert_eq!(refused.status.code(), Some(1));
    test.ok(&["gc", "--grace", "1d"]);
    test.ok(&["archive", ""]);
}

#[test]
fn links_and_shares_are_listed_with_their_counts() {
    let test = TestStore::new();
    for path in ["docs/in/a.txt", "docs/b.txt", "c.txt"] {
        test.put(path, b"hello");
    }
    let url = test.ok(&["link", "docs/in/a.txt"]);
    test.ok(&["link", "c.txt"]);
    let share = test.ok(&["share", "docs", "--password", "open", "--max-downloads", "3"]);
    let plain = test.ok(&["share", "docs/b.txt"]);
    test.ok(&["visit", &share, "b.txt", "--password", "open"]);

    let listed = |args: &[&str]| -> Vec<serde_json::Value> {
        serde_json::from_str(&test.ok(&[args, &["--json"]].concat())).unwrap()
    };
    assert_eq!(listed(&["links"]), Vec::<serde_json::Value>::new(), "those of the root itself");
    let links = listed(&["links", "-R", "/docs/"]);
    assert_eq!(links.len(), 1);
    assert_eq!((&links[0]["path"], &links[0]["url"]), (&"docs/in/a.txt".into(), &url.clone().into()));
    assert_eq!(listed(&["links", "-R"]).len(), 2);
    assert!(test.ok(&["links", "docs/in/a.txt"]).ends_with(&format!("0 downloads  {url}  docs/in/a.txt")));

    let shares = listed(&["shares", "docs", "-R"]);
    let counts = |share: &serde_json::Value| (share["views"].as_u64(), share["downloads"].as_u64());
    assert_eq!(shares.len(), 2);
    assert_eq!((&shares[0]["share"], counts(&shares[0])), (&share.clone().into(), (Some(1), Some(1))));
    assert_eq!((&shares[1]["share"], counts(&shares[1])), (&plain.clone().into(), (Some(0), Some(0))));
    assert_eq!(
        test.ok(&["shares", "docs"]),
        format!("{share}  1 views, 1 of 3 downloads, password  docs"),
        "listing them is not a visit"
    );
    assert_eq!(test.run(&["shares", "nothing"]).status.code(), Some(2));
}

#[test]
fn a_share_s_archive_is_made_as_its_visitor_would() {
    let test = TestStore::new();
    for path in ["docs/in/a.txt", "docs/b.txt", "secret.txt"] {
        test.put(path, b"hello");
    }
    let share = test.ok(&["share", "docs", "--password", "open", "--max-downloads", "2"]);
    for (code, args) in [
        (4, vec!["archive", "--share", &share]),
        (2, vec!["archive", "--share", &share, "--password", "open", "secret.txt"]),
        (1, vec!["archive"]),
    ] {
        assert_eq!(test.run(&args).status.code(), Some(code), "{args:?}");
    }
    let (all, some) = (test.fresh(), test.fresh());
    let ask = ["archive", "--share", &share, "--password", "open", "-o"];
    test.ok(&[&ask[..], &[all.to_str().unwrap()]].concat());
    test.ok(&[&ask[..], &[some.to_str().unwrap(), "in", "b.txt"]].concat());
    let names = |zip| {
        let script = "import sys, zipfile; print(*zipfile.ZipFile(sys.argv[1]).namelist())";
        let output = Command::new("python3").args(["-c", script]).arg(zip).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(names(&all), "docs/ docs/b.txt docs/in/ docs/in/a.txt");
    assert_eq!(names(&some), "in/ in/a.txt b.txt");
    let over = ["archive", "--share", &share, "--password", "open"];
    assert_eq!(test.run(&over).status.code(), Some(15), "both downloads are used");
}
