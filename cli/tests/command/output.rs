//! What `-o` writes to.

use std::fs::{Permissions, metadata, read, set_permissions, write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::host::{TestStore, other};

fn test_store() -> Option<TestStore> {
    other().is_none().then(|| {
        let test = TestStore::new();
        test.put("a", b"content");
        test
    })
}

fn get(test: &TestStore, to: &Path) {
    test.ok(&["get", "a", "-o", to.to_str().unwrap()]);
}

/// Names in the folder of tests that no test made.
fn leftovers(test: &TestStore) -> Vec<String> {
    let names = std::fs::read_dir(test.dir.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains("part")).collect()
}

#[test]
fn what_is_no_file_is_written_to_and_stays_what_it_is() {
    let Some(test) = test_store() else { return };
    let fifo = test.fresh();
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let reader =
        Command::new("timeout").args(["30", "cat"]).arg(&fifo).stdout(Stdio::piped()).spawn().unwrap();
    get(&test, &fifo);
    assert_eq!(reader.wait_with_output().unwrap().stdout, b"content");
    assert!(metadata(&fifo).unwrap().file_type().is_fifo());
    let device = test.fresh();
    if Command::new("mknod")
        .arg(&device)
        .args(["c", "1", "3"])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
    {
        get(&test, &device);
        assert!(metadata(&device).unwrap().file_type().is_char_device());
    }
    let to = test.fresh();
    let script =
        r#""$0" get a -o >(cat > "$1") && for _ in $(seq 300); do [ -s "$1" ] && break; sleep 0.1; done"#;
    let mut shell = Command::new("bash");
    shell.args(["-c", script, crate::host::BINARY]).arg(&to).env("HOLDALL_STORE", test.store());
    assert!(shell.status().unwrap().success());
    assert_eq!(read(&to).unwrap(), b"content");
}

#[test]
fn what_is_written_to_a_descriptor_is_where_others_write_too() {
    let Some(test) = test_store() else { return };
    let shell = |script: &str, to: &Path| {
        let mut shell = Command::new("bash");
        shell.args(["-c", script, crate::host::BINARY]).arg(to).env("HOLDALL_STORE", test.store());
        assert!(shell.status().unwrap().success(), "{script}");
        read(to).unwrap()
    };
    let to = test.fresh();
    let script = r#"(echo before; "$0" get a -o /dev/stdout; echo; echo behind) > "$1""#;
    assert_eq!(shell(script, &to), b"before\ncontent\nbehind\n");
    let script = r#"exec 3> "$1"; "$0" get a -o /dev/fd/3; [ /dev/fd/3 -ef "$1" ]"#;
    assert_eq!(shell(script, &to), b"content");
    // What is told of an archive is no part of it.
    let zip = shell(r#""$0" archive a -o /dev/stdout > "$1""#, &to);
    assert_eq!(zip.get(zip.len() - 22..).unwrap()[..4], *b"PK\x05\x06");
}

#[test]
fn a_link_is_followed_and_a_mode_is_kept() {
    let Some(test) = test_store() else { return };
    let (file, link, dangling, aim) = (test.fresh(), test.fresh(), test.fresh(), test.fresh());
    write(&file, b"old").unwrap();
    set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    get(&test, &link);
    assert_eq!(read(&file).unwrap(), b"content");
    assert_eq!(metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    symlink(aim.file_name().unwrap(), &dangling).unwrap();
    get(&test, &dangling);
    assert_eq!(read(&aim).unwrap(), b"content");
    assert!(dangling.symlink_metadata().unwrap().is_symlink());
    let long = test.dir.path().join("n".repeat(255));
    get(&test, &long);
    assert_eq!(read(&long).unwrap(), b"content");
    assert_eq!(leftovers(&test), [""; 0]);
}

#[test]
fn of_two_that_write_one_file_one_is_there_whole() {
    let Some(test) = test_store() else { return };
    let contents = [vec![b'x'; 8 << 20], vec![b'y'; 8 << 20]];
    test.put("x", &contents[0]);
    test.put("y", &contents[1]);
    let to = test.fresh();
    for _ in 0..5 {
        let begin = |name: &str| {
            let mut command = test.command(&["get", name, "-o", to.to_str().unwrap()]);
            command.stdin(Stdio::null()).spawn().unwrap()
        };
        let both = [begin("x"), begin("y")];
        for mut one in both {
            assert!(one.wait().unwrap().success());
        }
        let got = read(&to).unwrap();
        assert!(contents.contains(&got), "{} bytes, a mix of both", got.len());
    }
    assert_eq!(leftovers(&test), [""; 0]);
}
