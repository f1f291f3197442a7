//! GET and HEAD, ranges, conditions and resumed transfers, as clients of others make them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use crate::host::{Got, Host, has, noise};

/// A length that needs several frames and ends off every boundary.
const LEN: usize = 3_333_333;

#[test]
fn head_says_what_get_gives() {
    let host = Host::new();
    for (path, len) in [("empty", 0), ("small.txt", 5), ("large.bin", LEN)] {
        let bytes = noise(len, 1);
        let url = host.url_of(path, &bytes);
        let (got, head) = (host.get(&url), host.curl(&["-I", &url]));
        assert_eq!((got.status, got.code), (200, 0), "{path}");
        assert_eq!(got.body, bytes, "{path}");
        assert_eq!(head.status, 200);
        let but_date = |got: &Got| -> Vec<(String, String)> {
            let mut headers = got.headers.clone();
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("date"));
            headers.sort();
            headers
        };
        assert_eq!(but_date(&head), but_date(&got), "{path}");
        assert_eq!(head.header("Content-Length"), Some(len.to_string().as_str()), "{path}");
        assert_eq!(head.header("Transfer-Encoding"), None);
    }
}

#[test]
fn a_range_gives_exactly_its_bytes() {
    let host = Host::new();
    let bytes = noise(LEN, 2);
    let url = host.url_of("large.bin", &bytes);
    let last = LEN - 1;
    for (range, from, to) in [
        ("0-0".to_owned(), 0, 0),
        ("0-99".to_owned(), 0, 99),
        ("1048575-1048577".to_owned(), 1_048_575, 1_048_577),
        ("1000000-".to_owned(), 1_000_000, last),
        ("-1".to_owned(), last, last),
        ("-99999999".to_owned(), 0, last),
        (format!("{last}-99999999"), last, last),
    ] {
        let got = host.curl(&["-r", &range, &url]);
        assert_eq!((got.status, got.code), (206, 0), "{range}");
        assert_eq!(got.body, &bytes[from..=to], "{range}");
        let said = format!("bytes {from}-{to}/{LEN}");
        assert_eq!(got.header("Content-Range"), Some(said.as_str()), "{range}");
    }
    let past = host.curl(&["-r", &format!("{LEN}-"), &url]);
    assert_eq!(past.status, 416);
    assert_eq!(past.header("Content-Range"), Some(format!("bytes */{LEN}").as_str()));
    for ignored in ["bytes=5-1", "bytes=x-", "lines=0-1"] {
        assert_eq!(host.curl(&["-H", &format!("Range: {ignored}"), &url]).status, 200, "{ignored}");
    }
}

#[test]
fn several_ranges_come_as_parts_of_exact_length() {
    let host = Host::new();
    let bytes = noise(LEN, 3);
    let url = host.url_of("large.bin", &bytes);
    let got = host.curl(&["-r", "0-9,1000000-1000009,-10", &url]);
    assert_eq!((got.status, got.code), (206, 0));
    let kind = got.header("Content-Type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let mut want = Vec::new();
    for from in [0, 1_000_000, LEN - 10] {
        let to = from + 9;
        let head = format!("Content-Range: bytes {from}-{to}/{LEN}\r\n\r\n");
        let at = find(&got.body, head.as_bytes()) + head.len();
        assert_eq!(&got.body[at..at + 10], &bytes[from..=to]);
        want.push(at);
    }
    assert!(want.is_sorted());
    assert!(got.body.ends_with(format!("\r\n--{boundary}--\r\n").as_bytes()));
    assert_eq!(got.header("Content-Length").unwrap(), got.body.len().to_string());
}

#[test]
fn a_line_end_stands_before_the_first_boundary_and_counts() {
    let host = Host::new();
    let bytes = noise(LEN, 3);
    let url = host.url_of("large.bin", &bytes);
    // In the order that was asked for, which need not be that of the file.
    let got = host.curl(&["-r", "1000000-1000009,0-9", &url]);
    assert_eq!((got.status, got.code), (206, 0));
    let boundary = got.header("Content-Type").unwrap().split_once("boundary=").unwrap().1;
    let mut want = Vec::new();
    for from in [1_000_000, 0] {
        let range = format!("Content-Range: bytes {from}-{}/{LEN}", from + 9);
        let kind = "Content-Type: application/octet-stream";
        want.extend(format!("\r\n--{boundary}\r\n{kind}\r\n{range}\r\n\r\n").into_bytes());
        want.extend_from_slice(&bytes[from..from + 10]);
    }
    want.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    assert!(got.body == want, "{}", String::from_utf8_lossy(&got.body));
    assert_eq!(got.header("Content-Length").unwrap(), want.len().to_string());
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).expect("the part")
}

#[test]
fn conditions_are_answered_in_the_order_of_the_rfc() {
    let host = Host::new();
    // A date of the last minute is too weak for If-Range (RFC 9110, section 8.8.2.2).
    let source = host.fresh();
    std::fs::write(&source, noise(1000, 4)).unwrap();
    let aged = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::options().write(true).open(&source).unwrap().set_modified(aged).unwrap();
    host.ok(&["put", source.to_str().unwrap(), "--to", "a.bin"]);
    let url = host.ok(&["url", "a.bin"]);
    let got = host.get(&url);
    let (tag, date) = (got.header("ETag").unwrap(), got.header("Last-Modified").unwrap());
    let ask = |headers: &[String]| {
        let mut args: Vec<&str> = headers.iter().flat_map(|header| ["-H", header.as_str()]).collect();
        args.push(&url);
        let got = host.curl(&args);
        (got.status, got.body.len())
    };
    let old = "Mon, 01 Jan 2001 00:00:00 GMT";
    assert_eq!(ask(&[format!("If-None-Match: {tag}")]), (304, 0));
    assert_eq!(ask(&[format!("If-None-Match: W/{tag}, \"x\"")]), (304, 0));
    assert_eq!(ask(&["If-None-Match: \"x\"".to_owned()]), (200, 1000));
    assert_eq!(ask(&[format!("If-Modified-Since: {date}")]), (304, 0));
    assert_eq!(ask(&[format!("If-Modified-Since: {date}"), "If-None-Match: \"x\"".to_owned()]), (200, 1000));
    assert_eq!(ask(&["If-Match: \"x\"".to_owned()]).0, 412);
    assert_eq!(ask(&[format!("If-Match: {tag}"), format!("If-Unmodified-Since: {old}")]), (200, 1000));
    assert_eq!(ask(&[format!("If-Unmodified-Since: {old}")]).0, 412);
    let range = "Range: bytes=990-".to_owned();
    assert_eq!(ask(&[range.clone(), format!("If-Range: {tag}")]), (206, 10));
    assert_eq!(ask(&[range.clone(), format!("If-Range: {date}")]).1, 10);
    assert_eq!(ask(&[range, "If-Range: \"x\"".to_owned()]), (200, 1000));
}

#[test]
fn a_cut_transfer_goes_on_where_it_was() {
    let host = Host::new();
    let bytes = noise(LEN, 5);
    let url = host.url_of("large.bin", &bytes);
    for had in [0, 1, 1_048_576, LEN - 1] {
        let part = host.fresh();
        std::fs::write(&part, &bytes[..had]).unwrap();
        let done = Command::new("curl").args(["-sS", "-C", "-", &url, "-o"]).arg(&part).status().unwrap();
        assert!(done.success(), "{had}");
        assert_eq!(std::fs::read(&part).unwrap(), bytes, "{had}");
    }
    if has("wget") {
        let part = host.fresh();
        std::fs::write(&part, &bytes[..1_000_000]).unwrap();
        let done = Command::new("wget").args(["-q", "-c", &url, "-O"]).arg(&part).status().unwrap();
        assert!(done.success());
        assert_eq!(std::fs::read(&part).unwrap(), bytes);
    }
    if has("aria2c") {
        let done = Command::new("aria2c")
            .args(["-q", "-x8", "-s8", "-k1M", "-o", "aria.bin", &url, "-d"])
            .arg(host.dir.path())
            .status();
        assert!(done.unwrap().success());
        assert_eq!(std::fs::read(host.dir.path().join("aria.bin")).unwrap(), bytes);
    }
}

#[test]
fn two_hundred_requests_at_once_get_their_own_bytes() {
    let host = Host::new();
    let bytes = noise(LEN, 6);
    let large = host.url_of("large.bin", &bytes);
    let small = host.url_of("small.bin", &bytes[..70_000]);
    let mut config = Vec::new();
    let wanted: Vec<_> = (0..200_usize)
        .map(|number| {
            let (url, len) = if number % 4 == 0 { (&large, LEN) } else { (&small, 70_000) };
            let (from, out) = (number * 331, host.fresh());
            config.push(format!("url = {url:?}\noutput = {out:?}\nrange = \"{from}-\"\n"));
            (from..len, out)
        })
        .collect();
    let list = host.fresh();
    std::fs::write(&list, config.join("next\n")).unwrap();
    let done =
        Command::new("curl").args(["-sS", "--parallel", "--parallel-max", "200", "-K"]).arg(&list).status();
    assert!(done.unwrap().success());
    for (range, out) in wanted {
        assert!(std::fs::read(&out).unwrap() == bytes[range.clone()], "{range:?}");
    }
}

/// Sends bytes as they are and returns the first line of the reply.
fn raw(host: &Host, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(host.address()).unwrap();
    stream.write_all(request).unwrap();
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_is_no_request_for_a_url_is_refused_and_the_server_lives_on() {
    let host = Host::new();
    let url = host.url_of("a.txt", b"hello");
    let path = url.strip_prefix(host.base()).unwrap();
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let got = host.curl(&["-X", method, &url]);
        assert_eq!((got.status, got.header("Allow")), (405, Some("GET, HEAD")), "{method}");
    }
    let base = host.base().trim_end_matches('/');
    for target in ["/", "/d/", "/d/x", "/f/l0/x", "/../../etc/passwd", "/%2e%2e/STORE", "/d//", "/d/%00/x"] {
        let got = host.curl(&["--path-as-is", &format!("{base}{target}")]);
        assert!([400, 403, 404].contains(&got.status), "{target}: {}", got.status);
    }
    if crate::host::other().is_none() {
        let whole = format!("GET /{path} HTTP/1.1\r\n\r\n");
        assert!(raw(&host, whole.as_bytes()).contains(" 400 "), "no Host");
        let twice = format!("GET /{path} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
        assert!(raw(&host, twice.as_bytes()).contains(" 400 "), "two Hosts");
        let absolute = format!("GET {url} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(raw(&host, absolute.as_bytes()).contains(" 200 "), "absolute form");
        assert!(raw(&host, b"\x16\x03\x01\0\xff").contains(" 400 "), "no HTTP");
        raw(&host, &[b'A'; 1 << 20]);
    }
    assert_eq!(host.get(&url).body, b"hello");
}
