//! Files that lose bytes while they are sent.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use holdall::{ErrorKind, Options, Put, Request, Store};

use crate::processes::{run, start};

const LEN: usize = 3 << 20;

/// Cuts the file of a content of which the beginning was read.
pub(crate) fn cut(dir: &Path, map: bool) {
    let store = Store::open(dir, Options::new().threshold(64 << 10).map(map)).unwrap();
    let drive = store.drive("alice").unwrap();
    let content = crate::content::made_of(5, LEN);
    let version = drive.put("f", &content[..], Put::new()).unwrap();
    let url = store.url(&version).sign().unwrap();
    let body = store.serve(&Request::get(&url)).unwrap().body;
    assert!(body.to_vec(u64::MAX).unwrap() == content);
    let first = body.slice(0..1000).unwrap().to_vec(1000).unwrap();
    assert_eq!(first, content[..1000]);
    let files = std::fs::read_dir(dir.join("blob")).unwrap().map(|sub| sub.unwrap().path());
    let mut files = files.flat_map(|sub| std::fs::read_dir(sub).unwrap());
    let file = std::fs::File::options().write(true).open(files.next().unwrap().unwrap().path()).unwrap();
    file.set_len(1 << 20).unwrap();
    let rest = body.slice(1000..LEN as u64).unwrap();
    assert_eq!(rest.to_vec(u64::MAX).unwrap_err().kind(), ErrorKind::Io);
    // What is there still comes, and the next request is refused before it begins.
    assert_eq!(body.slice(1000..2000).unwrap().to_vec(1000).unwrap(), content[1000..2000]);
    assert_eq!(store.serve(&Request::get(&url)).unwrap_err().kind(), ErrorKind::Corrupt);
    // The same content, put again, is what came in, and not what is left in the file.
    drive.put("g", &content[..], Put::new()).unwrap();
    assert!(drive.open_file("g").unwrap().to_vec(u64::MAX).unwrap() == content);
}

#[test]
fn a_file_that_loses_bytes_in_mid_download_is_an_error_where_nothing_is_mapped() {
    let dir = tempfile::tempdir().unwrap();
    run(&["cut", dir.path().to_str().unwrap(), "read"]);
}

#[test]
fn control_a_map_of_such_a_file_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let output = start(&["cut", dir.path().to_str().unwrap(), "map"]).wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(libc::SIGBUS), "{:?}", output.status);
}
