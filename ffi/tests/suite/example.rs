//! The server of examples/c, built by the line of its README and used with curl.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::build::{has, libraries, root, run};

/// A server that runs until the end of a test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn start(dir: &Path, port: u16) -> Server {
    let program = dir.join("server");
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-O1"]).arg(root().join("examples/c/server.c"));
    cc.arg("-o").arg(&program).arg(format!("-I{}", root().join("include").display()));
    cc.arg(format!("-L{}", libraries().display())).args(["-lholdall", "-lmicrohttpd", "-pthread"]);
    run(cc.arg(format!("-Wl,-rpath,{}", libraries().display())));
    let mut server = Command::new(program);
    server.arg(dir.join("store")).arg(port.to_string()).arg("secret").stdout(Stdio::piped());
    let mut server = Server(server.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("listening"), "{line}");
    server
}

fn curl(arguments: &[&str]) -> Vec<u8> {
    run(Command::new("curl").args(["-s", "--max-time", "20"]).args(arguments)).stdout
}

#[test]
fn the_server_of_the_example_takes_uploads_and_serves_them_in_ranges() {
    let there = Command::new("pkg-config").args(["--exists", "libmicrohttpd"]).status();
    if !there.is_ok_and(|status| status.success()) || !has("curl") {
        eprintln!("libmicrohttpd or curl is not installed: the server of examples/c was not tested");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _server = start(dir.path(), port);
    let base = format!("http://127.0.0.1:{port}");
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let source = dir.path().join("source");
    std::fs::write(&source, &content).unwrap();
    let source = source.to_str().unwrap();
    let bearer = ["-H", "Authorization: Bearer secret"];

    let refused = curl(&["-o", "/dev/null", "-w", "%{http_code}", "-T", source, &format!("{base}/files/x")]);
    assert_eq!(refused, b"401");
    let url = curl(&["-T", source, bearer[0], bearer[1], &format!("{base}/files/a%20b/%C3%A9%22.bin")]);
    let url = format!("{base}{}", String::from_utf8(url).unwrap());
    assert!(curl(&[&url]) == content, "the download is not what was put");
    assert!(curl(&["-r", "1000-1999999", &url]) == content[1000..2_000_000], "the range is not what was put");
    let parts = String::from_utf8_lossy(&curl(&["-i", "-r", "0-9,2000000-2000009", &url])).into_owned();
    assert!(parts.starts_with("HTTP/1.1 206") && parts.contains("multipart/byteranges"), "{parts:.400}");
    let head = String::from_utf8(curl(&["-I", &url])).unwrap();
    assert!(head.contains("Content-Length: 3000000"), "{head}");
    let etag = head.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap().trim();
    let known = format!("If-None-Match: {etag}");
    assert_eq!(curl(&["-o", "/dev/null", "-w", "%{http_code}", "-H", &known, &url]), b"304");
    let part = dir.path().join("part");
    std::fs::write(&part, &content[..1_234_567]).unwrap();
    curl(&["-C", "-", "-o", part.to_str().unwrap(), &url]);
    assert!(std::fs::read(&part).unwrap() == content, "the resumed download is not what was put");
    let forged = format!("{base}/d/AQAB/x");
    assert_eq!(curl(&["-o", "/dev/null", "-w", "%{http_code}", &forged]), b"403");
}
