//! The quick start of the command's page, typed as it stands.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::host::{BINARY, other};

/// The lines of the first block of `cli/README.md` that a reader types.
fn typed() -> Vec<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let block = page.split("```console\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    block.lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect()
}

#[test]
fn the_quick_start_of_the_readme_runs() {
    if other().is_some() {
        return;
    }
    let room = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut script = String::from("set -eu\ntrap 'kill $(jobs -p)' EXIT\n");
    for line in typed() {
        if line.starts_with("cargo install ") {
            continue;
        }
        if line.ends_with("# resumes") {
            script += "truncate --size=40 pictures.zip\n";
        }
        // A reader sees that the server listens before the next line is typed.
        script += &match line.strip_suffix(" &") {
            Some(server) => {
                format!(
                    "{server} --listen 127.0.0.1:8420 >listening &\n\
                     for _ in $(seq 200); do [ -s listening ] && break; sleep 0.05; done"
                )
            }
            None => line.replace("curl ", "curl --fail --silent --show-error ").replace("; ", " && "),
        };
        script.push('\n');
    }
    let script = script.replace("8420", &port.to_string());
    let path =
        format!("{}:{}", Path::new(BINARY).parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    let done = command.args(["-c", &script]).current_dir(room.path()).env("PATH", path).output().unwrap();
    let (out, said) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{script}\n{out}\n{said}");
    assert_eq!(std::fs::read(room.path().join("cat.jpg")).unwrap(), b"meow\n");
    assert!(std::fs::read(room.path().join("pictures.zip")).unwrap().starts_with(b"PK\x03\x04"));
    // The backup is a store, and lists what the page put.
    assert_eq!(out.lines().last(), Some("Pictures/"), "{out}");
}
