//! Names of downloads, as clients save them.

use std::process::Command;

use crate::host::Host;

/// Downloads as `curl -OJ` does, and returns the names of what was saved.
fn saved(host: &Host, url: &str) -> Vec<String> {
    let dir = host.fresh();
    std::fs::create_dir(&dir).unwrap();
    let done = Command::new("curl").args(["-sS", "-OJ", url]).current_dir(&dir).status().unwrap();
    assert!(done.success(), "{url}");
    let names = std::fs::read_dir(&dir).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn h6_a_name_reaches_the_client_and_nothing_else_does() {
    let host = Host::new();
    for (name, want) in [
        ("plain.txt", "plain.txt"),
        ("with space.txt", "with space.txt"),
        ("comma, and.dots.txt", "comma, and.dots.txt"),
    ] {
        let url = host.url_of(name, name.as_bytes());
        assert_eq!(saved(&host, &url), [want]);
    }
    let names = [
        "q\"uote.txt",
        "back\\slash.txt",
        "sm\u{f8}rrebr\u{f8}d \u{2615}.txt",
        "100%25.txt",
        "a'b.txt",
        "-o",
    ];
    for name in names {
        let url = host.url_of(&format!("names/{name}"), name.as_bytes());
        let got = host.get(&url);
        assert_eq!(got.body, name.as_bytes());
        let said = got.header("Content-Disposition").unwrap();
        assert!(said.starts_with("attachment; filename=\"") && said.is_ascii(), "{said}");
        let saved = saved(&host, &url);
        assert_eq!(saved.len(), 1, "{name}");
        assert!(!saved[0].contains(['/', '"', '\n']), "{saved:?}");
    }
}

#[test]
fn h6_a_name_cannot_add_a_header_or_leave_the_folder() {
    let host = Host::new();
    host.put("a.txt", b"hello");
    for name in ["x\r\nSet-Cookie: a=b", "../../evil", "a/b", "\u{202e}txt.exe", "x\0y"] {
        // NUL cannot even be an argument.
        if name.contains('\0') {
            continue;
        }
        let made = host.run(&["url", "a.txt", "--name", name]);
        if made.status.code() == Some(1) {
            continue;
        }
        let url = String::from_utf8(made.stdout).unwrap();
        let got = host.get(url.trim_end());
        assert_eq!((got.status, got.header("Set-Cookie")), (200, None), "{name:?}");
        let saved = saved(&host, url.trim_end());
        assert_eq!(saved.len(), 1, "{name:?}: {saved:?}");
    }
    let source = host.fresh();
    std::fs::write(&source, "x").unwrap();
    for name in ["a\nb", "a\u{7}b", "..", "a//b"] {
        assert_eq!(
            host.run(&["put", source.to_str().unwrap(), "--to", name]).status.code(),
            Some(1),
            "{name:?}"
        );
    }
}
