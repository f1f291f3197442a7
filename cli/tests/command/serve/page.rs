//! What the pages tell a reader to type is typed here.

use std::path::Path;
use std::process::Command;

use crate::host::{BINARY, other};

/// Runs the first block of shell commands behind a heading of a page, in a folder of its own and on a
/// free port, and returns the folder and what it printed.
fn typed(page: &str, heading: &str) -> (tempfile::TempDir, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api").join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let behind = text.split_once(heading).expect("the page has lost its heading").1;
    let block = behind.split_once("```bash\n").unwrap().1.split_once("\n```").unwrap().0;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert!(block.contains("127.0.0.1:8420") && block.contains("holdall serve "));
    let block = block.replace("127.0.0.1:8420", &free);
    let block = block.replace("holdall serve ", &format!("holdall serve --listen {free} "));
    // Whatever happens, the server goes with its shell.
    let script = format!("set -eu; trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{block}\n");
    let dir = tempfile::tempdir().unwrap();
    let bin = Path::new(BINARY).parent().unwrap().to_str().unwrap();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).current_dir(&dir).env("PATH", path).env("HOME", dir.path());
    for name in ["HOLDALL_BASE_URL", "HOLDALL_DRIVE", "HOLDALL_API_TOKENS"] {
        bash.env_remove(name);
    }
    let output = bash.output().expect("this test needs bash, curl and python3");
    let (out, message) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{page}: {out}\n{message}");
    (dir, out)
}

#[test]
fn what_the_page_of_cloudreve_tells_to_type_works() {
    if other().is_some() {
        return;
    }
    let (dir, out) = typed("cloudreve.md", "## Try it");
    assert_eq!(out.matches("quarterly figures\n").count(), 3, "a URL, a link and a share: {out}");
    let zip = std::fs::read(dir.path().join("docs.zip")).unwrap();
    assert!(zip.starts_with(b"PK\x03\x04") && zip.windows(6).any(|name| name == b"q3.txt"));
}

#[test]
fn what_the_page_of_pds_tells_to_type_works() {
    if other().is_some() {
        return;
    }
    let (_dir, out) = typed("pds.md", "## Try it");
    assert_eq!(out.matches("quarterly figures\n").count(), 1, "{out}");
    assert!(out.contains("\"status\":\"available\"") && out.contains("\"name\":\"q3.txt\""), "{out}");
}
