//! The servers of examples/c and examples/cpp, built by their Makefiles and used with curl.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::build::{libraries, need, root, run};

/// A server that runs until it is dropped at the latest.
struct Server {
    process: Child,
    base: String,
    log: PathBuf,
}

impl Server {
    /// Starts the program of an example as its first lines say.
    fn start(program: &Path, store: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Server {
        let mut command = Command::new(program);
        let log = program.with_extension("log");
        command.arg(store).args(arguments).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        command.envs(settings.iter().copied());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base =
            line.trim_end().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        assert!(base.starts_with("http://127.0.0.1:"), "{base}");
        Server { process, base, log }
    }

    /// Ends it as a supervisor does, and insists that it went well.
    fn stop(mut self) {
        run(Command::new("kill").arg(self.process.id().to_string()));
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}: {}", std::fs::read_to_string(&self.log).unwrap());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Builds an example in a folder of its own, and returns the program.
fn build(example: &str, dir: &Path, statically: bool) -> PathBuf {
    need("make", "make");
    let build = dir.join("build");
    let mut make = Command::new("make");
    make.arg("-C").arg(root().join("examples").join(example)).arg(format!("BUILD={}", build.display()));
    make.arg(format!("HOLDALL_LIB_DIR={}", libraries().display()));
    // Where it is linked to the shared library, a fault or a leak of the server is another exit.
    let flags = match statically {
        true => "-O1 -Werror",
        false => "-O1 -Werror -fsanitize=address,undefined -fno-sanitize-recover=all",
    };
    make.args([format!("CFLAGS={flags}"), format!("CXXFLAGS={flags}")]);
    make.args(statically.then_some("HOLDALL_STATIC=1"));
    run(&mut make);
    let program = build.join("server");
    let needed = run(Command::new("readelf").arg("-d").arg(&program)).stdout;
    assert_eq!(String::from_utf8_lossy(&needed).contains("libholdall"), !statically);
    program
}

fn curl(arguments: &[&str]) -> Vec<u8> {
    run(Command::new("curl").args(["-s", "--max-time", "20"]).args(arguments)).stdout
}

fn status(arguments: &[&str]) -> String {
    let mut all = vec!["-o", "/dev/null", "-w", "%{http_code}"];
    all.extend_from_slice(arguments);
    String::from_utf8(curl(&all)).unwrap()
}

/// Archives of few and of many pieces, made by another process of the same store, are what it says they are.
fn archives(base: &str, store: &Path, dir: &Path) {
    let store = holdall::Store::open(store, holdall::Options::new()).unwrap();
    let alice = store.drive("alice").unwrap();
    let items = |count: u32| (0..count).map(|n| (format!("many/{n}"), format!("content {n}").into()));
    alice.put_many(items(700), &holdall::Put::new()).unwrap();
    for (path, entries) in [("a b", 2), ("many", 701)] {
        let made = alice.archive([path]).unwrap().create().unwrap();
        assert_eq!(made.entries, entries);
        let url = format!("{base}{}", store.url_of_archive(made.id).sign().unwrap());
        let zip = store.open_archive(made.id).unwrap().to_vec(1 << 30).unwrap();
        assert!(curl(&[&url]) == zip, "the archive of {path} is not the library's");
        let (start, end) = (zip.len() / 3, zip.len() - 7);
        let range = format!("{start}-{}", end - 1);
        assert!(curl(&["-r", &range, &url]) == zip[start..end], "a range of the archive of {path}");
        let part = dir.join("part.zip");
        std::fs::write(&part, &zip[..start]).unwrap();
        curl(&["-C", "-", "-o", part.to_str().unwrap(), &url]);
        assert!(std::fs::read(&part).unwrap() == zip, "the resumed archive of {path}");
        let head = String::from_utf8(curl(&["-I", &url])).unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", zip.len())), "{head}");
    }
    let link = alice.link("many/7").unwrap();
    assert_eq!(curl(&[&format!("{base}{}", store.link_url(&link).unwrap())]), b"content 7");
}

fn keeps_the_contract(example: &str) {
    need("curl", "curl");
    let dir = tempfile::tempdir().unwrap();
    let (program, store) = (build(example, dir.path(), false), dir.path().join("store"));
    let server = Server::start(&program, &store, &[], &[]);
    let base = &server.base;
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let source = dir.path().join("source");
    std::fs::write(&source, &content).unwrap();
    let source = source.to_str().unwrap();

    // Uploads: of known length, in chunks, empty, and those that are refused.
    let name = format!("{base}/upload/alice/a%20b/%C3%A9%22.bin");
    assert_eq!(status(&["-T", source, &name]), "201");
    assert_eq!(status(&["-T", source, "-H", "Transfer-Encoding: chunked", &name]), "201");
    assert_eq!(status(&["-X", "PUT", "-d", "", &format!("{base}/upload/alice/empty")]), "201");
    assert_eq!(status(&["-T", source, &format!("{base}/upload/alice/a%00b")]), "400");
    assert_eq!(status(&["-T", source, &format!("{base}/upload/alice/a/../b"), "--path-as-is"]), "400");
    for nowhere in ["nowhere", "nowhere%2Fx", "nowhere?a/b"] {
        assert_eq!(status(&["-T", source, &format!("{base}/upload/{nowhere}")]), "404");
    }
    let url = String::from_utf8(curl(&["-T", source, &name])).unwrap();
    assert!(url.starts_with("/d/"), "{url}");
    let url = format!("{base}{url}");

    // Downloads: whole, in ranges, conditional, resumed, forged.
    assert!(curl(&[&url]) == content, "the download is not what was put");
    assert!(curl(&["-r", "1000-1999999", &url]) == content[1000..2_000_000], "the range is not what was put");
    let parts = String::from_utf8_lossy(&curl(&["-i", "-r", "0-9,2000000-2000009", &url])).into_owned();
    assert!(parts.starts_with("HTTP/1.1 206") && parts.contains("multipart/byteranges"), "{parts:.400}");
    let head = String::from_utf8(curl(&["-I", &url])).unwrap();
    for wanted in
        ["HTTP/1.1 200", "Content-Length: 3000000", "Accept-Ranges: bytes", "%C3%A9%22.bin", "Date: "]
    {
        assert!(head.contains(wanted), "{wanted} is not in\n{head}");
    }
    for name in ["content-length:", "etag:", "accept-ranges:", "content-type:", "date:"] {
        assert_eq!(head.to_lowercase().matches(&format!("\n{name}")).count(), 1, "{name} once in\n{head}");
    }
    let etag = head.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap().trim();
    assert_eq!(status(&["-H", &format!("If-None-Match: {etag}"), &url]), "304");
    assert_eq!(status(&["-H", "If-Match: \"other\"", &url]), "412");
    let none = String::from_utf8_lossy(&curl(&["-i", "-r", "3000000-", &url])).into_owned();
    assert!(none.starts_with("HTTP/1.1 416") && none.contains("Content-Range: bytes */3000000"), "{none}");
    assert_eq!(status(&["-H", "Range: bytes=5-1", &url]), "200", "a range that is none is not a range");
    let part = dir.path().join("part");
    std::fs::write(&part, &content[..1_234_567]).unwrap();
    curl(&["-C", "-", "-o", part.to_str().unwrap(), &url]);
    assert!(std::fs::read(&part).unwrap() == content, "the resumed download is not what was put");
    assert_eq!(status(&[&format!("{base}/d/AQAB/x")]), "403");
    assert_eq!(status(&["-X", "POST", "-d", "x=1", &url]), "405");
    assert_eq!(status(&[&format!("{base}/nothing")]), "404");
    archives(base, &store, dir.path());
    // Several requests on one connection, a refused upload among them.
    let forged = format!("{base}/upload/alice/a%01b");
    let many = curl(&[
        "-w",
        "%{http_code}",
        "-o",
        "/dev/null",
        "-o",
        "/dev/null",
        "-T",
        source,
        &forged,
        "--next",
        "-s",
        "-w",
        "%{http_code}",
        "-o",
        "/dev/null",
        &url,
    ]);
    assert_eq!(many, b"400200");
    server.stop();
}

/// Of what a client sends of less than it said nothing is committed; with a token, others put nothing.
fn refuses_half_an_upload_and_one_without_the_token(example: &str) {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    let (program, store) = (build(example, dir.path(), true), dir.path().join("store"));
    for port in ["http", "80a", "-1", "65536", "", "99999999999999999999"] {
        let answer = Command::new(&program).arg(&store).arg(port).output().unwrap();
        assert_eq!(answer.status.code(), Some(2), "port {port:?}");
        assert!(String::from_utf8_lossy(&answer.stderr).starts_with("usage: "), "port {port:?}");
    }
    let server = Server::start(&program, &store, &["0"], &[]);
    let address = server.base.strip_prefix("http://").unwrap();
    let mut half = std::net::TcpStream::connect(address).unwrap();
    half.write_all(b"PUT /upload/alice/half HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nonly this")
        .unwrap();
    drop(half);
    server.stop();
    let server = Server::start(&program, &store, &["0"], &[("UPLOAD_TOKEN", "secret")]);
    let url = format!("{}/upload/alice/whole", server.base);
    assert_eq!(status(&["-X", "PUT", "-d", "x", &url]), "401");
    assert_eq!(status(&["-X", "PUT", "-d", "x", "-H", "Authorization: Bearer secrer", &url]), "401");
    assert_eq!(status(&["-X", "PUT", "-d", "x", "-H", "Authorization: Bearer secret", &url]), "201");
    server.stop();
    let spool = std::fs::read_dir(store.join("spool")).unwrap().count();
    assert_eq!(spool, 0, "what was half put is gone");
    let alice = holdall::Store::open(&store, holdall::Options::new()).unwrap().drive("alice").unwrap();
    assert_eq!(alice.stat("half").unwrap_err().kind(), holdall::ErrorKind::NotFound);
    assert_eq!(alice.stat("whole").unwrap().current.unwrap().size, 1);
}

/// Makes a call of an example that takes the caller for the owner of a drive, and returns what it says.
fn call(url: &str, body: &Value, more: &[&str]) -> Value {
    let body = body.to_string();
    let mut all = vec!["-d", body.as_str(), url];
    all.extend_from_slice(more);
    let answer = curl(&all);
    serde_json::from_slice(&answer).unwrap_or_else(|_| panic!("{url}: {}", String::from_utf8_lossy(&answer)))
}

/// Sends the beginning of a request, and goes away.
fn begin(base: &str, text: &str) {
    use std::io::Write;
    let mut half = std::net::TcpStream::connect(base.strip_prefix("http://").unwrap()).unwrap();
    half.write_all(text.as_bytes()).unwrap();
}

fn takes_an_upload_in_parts(base: &str, dir: &Path) {
    let content: Vec<u8> = (0..9_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let drive = call(&format!("{base}/v2/drive/get_default_drive"), &json!({}), &[])["drive_id"].clone();
    let made = call(
        &format!("{base}/v2/file/create"),
        &json!({"drive_id": drive, "parent_file_id": "root", "name": "big.bin", "type": "file",
                "size": content.len(), "part_info_list": [{"part_number": 1}, {"part_number": 2}]}),
        &[],
    );
    let url = |part: usize| {
        let path = made["part_info_list"][part]["upload_url"].as_str().unwrap_or_else(|| panic!("{made}"));
        (path.to_owned(), format!("{base}{path}"))
    };
    let which = json!({"drive_id": drive, "file_id": made["file_id"], "upload_id": made["upload_id"]});
    let parts = || {
        let answer = call(&format!("{base}/v2/file/list_uploaded_parts"), &which, &[]);
        answer["uploaded_parts"].as_array().unwrap_or_else(|| panic!("{answer}")).len()
    };
    // Half a part, of a length that was told and of one that was not, is none.
    let (path, first) = url(0);
    begin(base, &format!("PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nonly this"));
    begin(
        base,
        &format!("PUT {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n"),
    );
    let long = dir.join("long");
    std::fs::write(&long, vec![7; content.len() + 1]).unwrap();
    assert_eq!(status(&["-T", long.to_str().unwrap(), &first]), "400", "longer than the file was to be");
    assert_eq!(parts(), 0);
    for (part, (from, to)) in [(0, 5_000_000), (5_000_000, content.len())].into_iter().enumerate() {
        let file = dir.join("piece");
        std::fs::write(&file, &content[from..to]).unwrap();
        let chunked = ["-H", "Transfer-Encoding: chunked"];
        let (_, url) = url(part);
        let mut put = vec!["-T", file.to_str().unwrap(), url.as_str()];
        put.extend_from_slice(&chunked[..if part == 0 { 0 } else { 2 }]);
        assert_eq!(status(&put), "200");
    }
    assert_eq!(parts(), 2);
    let done = call(&format!("{base}/v2/file/complete"), &which, &[]);
    assert_eq!(done["size"], content.len(), "{done}");
    let answer = call(&format!("{base}/v2/file/get_download_url"), &which, &[]);
    let url = format!("{base}{}", answer["url"].as_str().unwrap_or_else(|| panic!("{answer}")));
    assert!(curl(&[&url]) == content, "the download is not what the parts were");
}

fn answers_calls(example: &str) {
    need("curl", "curl");
    let dir = tempfile::tempdir().unwrap();
    let (program, store) = (build(example, dir.path(), false), dir.path().join("store"));
    let server = Server::start(&program, &store, &[], &[]);
    assert_eq!(status(&["-d", "{}", &format!("{}/api/v4/file/url", server.base)]), "405", "not mounted");
    server.stop();
    let server = Server::start(&program, &store, &[], &[("HOLDALL_API_DRIVE", "alice")]);
    let base = &server.base;
    assert_eq!(status(&["-X", "PUT", "-d", "hello", &format!("{base}/upload/alice/a%20b")]), "201");
    let (ask, uris) = (format!("{base}/api/v4/file/url"), json!({"uris": ["cloudreve://my/a%20b"]}));
    let answer = call(&ask, &uris, &[]);
    let path = answer["data"]["urls"][0]["url"].as_str().unwrap_or_else(|| panic!("{answer}"));
    let url = format!("{base}{path}");
    assert_eq!(curl(&[&url]), b"hello");
    assert_eq!(curl(&["-r", "1-2", &url]), b"el");
    let head = String::from_utf8(curl(&["-I", &url])).unwrap();
    assert!(head.contains("HTTP/1.1 200") && head.contains("Content-Length: 5\r\n"), "{head}");
    let link = call(&format!("{base}/api/v4/file/source"), &uris, &["-X", "PUT"]);
    let link = link["data"][0]["link"].as_str().unwrap_or_else(|| panic!("{link}"));
    assert_eq!(curl(&["-L", &format!("{base}{link}")]), b"hello");
    for page in
        ["Origin: https://evil.example", "Origin: null", "Host: evil.example", "X-Forwarded-For: 192.0.2.7"]
    {
        assert_ne!(call(&ask, &uris, &["-H", page])["code"], 0, "a page of another site: {page}");
    }
    assert_eq!(call(&ask, &uris, &["-H", &format!("Origin: {base}")])["code"], 0, "a page of its own");
    takes_an_upload_in_parts(base, dir.path());
    server.stop();

    let settings = [("HOLDALL_API_DRIVE", "alice"), ("UPLOAD_TOKEN", "secret")];
    let server = Server::start(&program, &store, &[], &settings);
    let ask = format!("{}/api/v4/file/url", server.base);
    assert_ne!(call(&ask, &uris, &[])["code"], 0);
    assert_ne!(call(&ask, &uris, &["-H", "Authorization: Bearer secrer"])["code"], 0);
    assert_eq!(call(&ask, &uris, &["-H", "Authorization: Bearer secret"])["code"], 0);
    server.stop();
}

#[test]
fn the_server_in_c_answers_calls() {
    answers_calls("c");
}

#[test]
fn the_server_in_cpp_answers_calls() {
    answers_calls("cpp");
}

#[test]
fn the_server_in_c_keeps_the_contract() {
    keeps_the_contract("c");
}

#[test]
fn the_server_in_cpp_keeps_the_contract() {
    keeps_the_contract("cpp");
}

#[test]
fn s13_the_server_in_c_refuses_half_an_upload() {
    refuses_half_an_upload_and_one_without_the_token("c");
}

#[test]
fn s13_the_server_in_cpp_refuses_half_an_upload() {
    refuses_half_an_upload_and_one_without_the_token("cpp");
}
