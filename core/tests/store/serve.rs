//! Serving: bytes, ranges, conditions and headers.

use std::os::unix::fs::FileExt;

use holdall::{ErrorKind, Mode, Put, Reply, Request, Store, Time};
use proptest::prelude::*;

use crate::{MODES, TestStore, kind, noise, put, read, sound, test_store};

fn serve(test: &TestStore, request: &Request<'_>) -> Reply {
    let reply = test.store.serve(request).unwrap();
    sound(&reply, request.method);
    reply
}

/// Reads a multipart body apart: pairs of `Content-Range` and bytes.
fn parts(reply: &Reply) -> Vec<(String, Vec<u8>)> {
    let kind = reply.header("Content-Type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let body = read(&reply.body);
    let mark = format!("\r\n--{boundary}");
    let whole = body.as_slice();
    assert!(whole.starts_with(mark.as_bytes()), "a line end before the first boundary too");
    let find = |from: usize, what: &[u8]| {
        whole[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
    };
    let (mut found, mut at) = (Vec::new(), find(0, mark.as_bytes()).unwrap());
    loop {
        let start = at + mark.len();
        if &whole[start..] == b"--\r\n" {
            return found;
        }
        let head_end = find(start, b"\r\n\r\n").unwrap();
        let head = String::from_utf8(whole[start..head_end].to_vec()).unwrap();
        let next = find(head_end, mark.as_bytes()).unwrap();
        let range = head.lines().find_map(|line| line.strip_prefix("Content-Range: ")).unwrap();
        found.push((range.to_owned(), whole[head_end + 4..next].to_vec()));
        at = next;
    }
}

/// Each kind of body under a URL: small, large, an archive of both, empty.
fn subjects(test: &TestStore) -> Vec<(String, Vec<u8>)> {
    let drive = test.drive();
    let (small, large) = (noise(5000, 1), noise(3 << 20, 2));
    put(&drive, "d/small", &small);
    put(&drive, "d/large", &large);
    put(&drive, "d/empty", b"");
    let url = |path: &str| drive.url(path).unwrap().sign().unwrap();
    let zip = drive.archive(["d"]).unwrap().sign().unwrap();
    let whole = test.get(&zip);
    vec![(url("d/small"), small), (url("d/large"), large), (zip, whole), (url("d/empty"), Vec::new())]
}

#[test]
fn ranges_give_exactly_their_bytes() {
    for mode in MODES {
        let test = test_store(mode);
        for (url, whole) in subjects(&test) {
            let len = whole.len();
            assert!(test.get(&url) == whole);
            if len == 0 {
                for range in ["bytes=0-", "bytes=0-1048575", "bytes=-5", "bytes=-0"] {
                    assert_eq!(serve(&test, &Request::get(&url).range(range)).status, 200, "{range}");
                }
                continue;
            }
            for (range, from, to) in [
                ("bytes=0-0".to_owned(), 0, 1),
                ("bytes=100-".to_owned(), 100, len),
                ("BYTES=7-1999".to_owned(), 7, 2000),
                ("bytes=-1".to_owned(), len - 1, len),
                (format!("bytes=-{}", len + 9), 0, len),
                (format!("bytes={}-", len - 1), len - 1, len),
                (format!("bytes=1000-{}", u64::MAX), 1000, len),
                ("bytes=0-99,50-200".to_owned(), 0, 201),
            ] {
                let reply = serve(&test, &Request::get(&url).range(&range));
                assert_eq!(reply.status, 206, "{range}");
                let place = format!("bytes {from}-{}/{len}", to - 1);
                assert_eq!(reply.header("Content-Range"), Some(place.as_str()));
                assert!(read(&reply.body) == whole[from..to], "{range}");
                assert!(read(&reply.body) == whole[from..to], "read twice");
            }
            let reply = serve(&test, &Request::get(&url).range("bytes=-10,0-9,2000-2999"));
            assert_eq!((reply.status, reply.header("Content-Range")), (206, None));
            let expected = [(len - 10, len), (0, 10), (2000, 3000)]
                .map(|(from, to)| (format!("bytes {from}-{}/{len}", to - 1), whole[from..to].to_vec()));
            assert_eq!(parts(&reply), expected);
            for range in ["bytes=5-4", "bytes=a-b", "lines=0-1", "bytes=1-2x", "bytes =1-2", "bytes=-", "x"] {
                assert_eq!(serve(&test, &Request::get(&url).range(range)).status, 200, "R3: {range}");
            }
            let past = format!("bytes={len}-");
            for range in
                [past.as_str(), "bytes=18446744073709551615-", "bytes=99999999999999999999-", "bytes=-0"]
            {
                let reply = serve(&test, &Request::get(&url).range(range));
                assert_eq!(reply.status, 416, "{range}");
                assert_eq!(reply.header("Content-Range"), Some(format!("bytes */{len}").as_str()));
            }
            let many = format!("bytes={}", "0-0,".repeat(10_000));
            assert_eq!(serve(&test, &Request::get(&url).range(&many)).status, 200, "R1");
        }
    }
}

#[test]
fn conditions_are_answered_in_their_order() {
    let test = test_store(Mode::Shared);
    let modified = Time::from_unix(1_700_000_000);
    let v = test.drive().put("a.txt", &b"hello"[..], Put::new().modified(modified)).unwrap();
    let url = test.store.url(&v).sign().unwrap();
    let plain = serve(&test, &Request::get(&url));
    let etag = plain.header("ETag").unwrap();
    let date = plain.header("Last-Modified").unwrap();
    assert_eq!(date, "Tue, 14 Nov 2023 22:13:20 GMT");
    assert!(etag.starts_with('"'), "a strong one");
    let weak = format!("W/{etag}");
    let both = format!("\"x\", {etag}");
    let (old, new) = ("Mon, 13 Nov 2023 22:13:20 GMT", "Wed, 15 Nov 2023 22:13:20 GMT");
    for (header, value, status) in [
        ("If-None-Match", etag, 304),
        ("If-None-Match", &both, 304),
        ("If-None-Match", &weak, 304),
        ("If-None-Match", "*", 304),
        ("If-None-Match", "\"x\"", 200),
        ("If-Match", etag, 200),
        ("If-Match", "*", 200),
        ("If-Match", &weak, 412),
        ("If-Match", "\"x\"", 412),
        ("If-Modified-Since", date, 304),
        ("If-Modified-Since", old, 200),
        ("If-Unmodified-Since", date, 200),
        ("If-Unmodified-Since", old, 412),
        ("If-Unmodified-Since", "nonsense", 200),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = serve(&test, &Request::new(method, &url).header(header, value));
            assert_eq!(reply.status, status, "{method} {header}: {value}");
            if status == 304 {
                assert_eq!((reply.header("ETag"), reply.header("Content-Type")), (Some(etag), None));
            }
        }
    }
    let both = Request::get(&url).header("If-None-Match", "\"x\"").header("If-Modified-Since", date);
    assert_eq!(serve(&test, &both).status, 200, "the tag decides");
    for (value, status) in [(etag, 206), (date, 206), (&weak, 200), ("\"x\"", 200), (new, 200), (old, 200)] {
        let reply = serve(&test, &Request::get(&url).range("bytes=1-2").header("if-range", value));
        assert_eq!(reply.status, status, "R5: {value}");
    }
    let failed = Request::get(&url).range("bytes=1-2").header("If-Match", "\"x\"");
    assert_eq!(serve(&test, &failed).status, 412);
}

#[test]
fn a_tag_is_of_the_content_only() {
    for len in [10, 100_000] {
        let test = test_store(Mode::Shared);
        let drive = test.drive();
        let tag = |url: &str| serve(&test, &Request::head(url)).header("ETag").unwrap().to_owned();
        let v = put(&drive, "a", &noise(len, 1));
        let first = tag(&test.store.url(&v).sign().unwrap());
        assert_eq!(tag(&test.store.url(&v).name("other").sign().unwrap()), first, "re-signed");
        assert_eq!(tag(&test.store.url(&v).sign_cloudreve().unwrap()), first);
        let w = put(&drive, "else/where", &noise(len, 1));
        assert_eq!(tag(&test.store.url(&w).sign().unwrap()), first, "put again");
        assert_eq!(tag(&test.store.link_url(&drive.link("a").unwrap()).unwrap()), first);
        let x = put(&drive, "a", &noise(len, 2));
        assert_ne!(tag(&test.store.url(&x).sign().unwrap()), first);
        let zip = || tag(&drive.archive(["a", "else"]).unwrap().sign().unwrap());
        assert_eq!(zip(), zip(), "two archives of the same");
    }
}

#[test]
fn h1_h2_h3_h4_whatever_a_name_holds_it_is_one_file_name() {
    let test = test_store(Mode::Shared);
    let long = format!("{}.tar.gz", "\u{e9}".repeat(120));
    let names = [
        "plain.txt",
        "quote\".txt",
        "back\\slash",
        "semi;colon; filename=evil",
        "%22 percent %0d%0a",
        "x\"; filename*=UTF-8''evil.exe",
        "na\u{ef}ve \u{1f600}.pdf",
        "exe.\u{202e}gpj",
        "\u{2066}iso\u{2069}",
        long.as_str(),
    ];
    for name in names {
        let v = put(&test.drive(), name, b"x");
        for url in [test.store.url(&v).sign().unwrap(), test.store.url(&v).inline().sign().unwrap()] {
            let reply = serve(&test, &Request::get(&url));
            let value = reply.header("Content-Disposition").unwrap();
            let rest = value.strip_prefix("attachment; filename=\"");
            let rest = rest.or_else(|| value.strip_prefix("inline; filename=\"")).unwrap();
            let (plain, rest) = rest.split_once('"').unwrap();
            assert!(!plain.contains('\\'), "{value}");
            let shown: String = name
                .chars()
                .filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
                .collect();
            if rest.is_empty() {
                assert_eq!(plain, shown, "{value}");
            } else {
                let escaped = rest.strip_prefix("; filename*=UTF-8''").unwrap();
                assert!(escaped.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%".contains(&b)));
                assert_eq!(percent_encoding::percent_decode_str(escaped).decode_utf8().unwrap(), shown);
            }
        }
    }
    for bad in ["a\r\nSet-Cookie: x=1", "a\0", &"x".repeat(65_536)] {
        assert_eq!(kind(test.drive().put(bad, &b""[..], Put::new())), ErrorKind::InvalidArgument, "H1, H4");
    }
}

#[test]
fn h5_what_can_hold_a_script_is_never_shown() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a", b"<script>alert(1)</script>");
    for (media_type, shown) in [
        ("text/plain", true),
        ("image/png", true),
        ("application/pdf", true),
        ("video/mp4", true),
        ("text/html", false),
        ("TEXT/HTML; charset=utf-8", false),
        ("image/svg+xml", false),
        ("application/xml", false),
        ("text/xml", false),
        ("application/xhtml+xml", false),
        ("text/javascript", false),
        ("application/octet-stream", false),
        ("text/plain; charset=utf-7", false),
    ] {
        let url = test.store.url(&v).inline().media_type(media_type).sign().unwrap();
        let reply = serve(&test, &Request::get(&url));
        let disposition = reply.header("Content-Disposition").unwrap();
        assert_eq!(disposition.starts_with("inline"), shown, "{media_type}: {disposition}");
        assert_eq!(reply.header("X-Content-Type-Options"), Some("nosniff"));
        assert!(reply.header("Content-Security-Policy").unwrap().contains("sandbox"));
    }
    // The same, when the type came with the upload.
    let typed = Put::new().media_type("text/html");
    let v = test.drive().put("b.png", &b"<script>"[..], typed).unwrap();
    let reply = serve(&test, &Request::get(&test.store.url(&v).inline().sign().unwrap()));
    assert!(reply.header("Content-Disposition").unwrap().starts_with("attachment"));
}

#[test]
fn other_methods_are_answered_405_and_errors_to_head_have_no_body() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a", b"hello");
    let url = test.store.url(&v).sign().unwrap();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get", "", "GET "] {
        let reply = serve(&test, &Request::new(method, &url));
        assert_eq!((reply.status, reply.header("Allow")), (405, Some("GET, HEAD")));
    }
    let head = serve(&test, &Request::head(&url));
    assert_eq!((head.status, head.header("Content-Length")), (200, Some("5")));
    let (get, head) = (Request::get("/d/x/y"), Request::head("/d/x/y"));
    let (get, head) = (serve(&test, &get), serve(&test, &head));
    assert_eq!((get.status, head.status), (403, 403));
    assert_eq!(get.headers, head.headers);
    assert_eq!(serve(&test, &Request::head("/nowhere")).status, 404);
    assert_eq!(serve(&test, &Request::head(&url).range("bytes=1-2")).status, 200, "HEAD has no ranges");
}

#[test]
fn t13_a_percent_sign_that_begins_no_escape_is_answered_400() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a", b"hello");
    let url = test.store.url(&v).sign().unwrap();
    let link = test.store.link_url(&test.drive().link("a").unwrap()).unwrap();
    for target in [format!("{url}%zz"), format!("{link}%"), "/api/v4/%2/x".to_owned(), "/%".to_owned()] {
        let reply = serve(&test, &Request::get(&target));
        assert_eq!((reply.status, reply.header("Cache-Control")), (400, Some("no-store")), "{target}");
        assert_eq!(serve(&test, &Request::head(&target)).body.len(), 0);
        let error = test.store.verify(&Request::get(&target)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{target}");
        let api = holdall::Api::new(&test.store);
        if api.is_at(&target) {
            let message =
                api.answer(&holdall::Caller::anonymous(), &Request::get(&target), &b""[..]).unwrap();
            assert_eq!(message.status, 400, "{target}");
        }
    }
    assert_eq!(serve(&test, &Request::get(&format!("{url}?%zz"))).status, 200, "the query is not looked at");
}

/// Finds the file of the only large blob.
fn blob_file(test: &TestStore) -> std::path::PathBuf {
    let dirs = std::fs::read_dir(test.path().join("blob")).unwrap();
    let mut files = dirs.flat_map(|dir| std::fs::read_dir(dir.unwrap().path()).unwrap());
    files.next().unwrap().unwrap().path()
}

#[test]
fn r7_a_blob_that_was_cut_short_or_removed_is_an_error_and_no_short_body() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a", &noise(100_000, 1));
    let url = test.store.url(&v).sign().unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(blob_file(&test)).unwrap();
    file.set_len(99_999).unwrap();
    for range in ["bytes=0-9", "bytes=99990-", "none"] {
        let error = test.store.serve(&Request::get(&url).range(range)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let reply = Reply::from_error(&error);
        sound(&reply, "GET");
        assert_eq!(reply.status, 500);
        assert!(!String::from_utf8(read(&reply.body)).unwrap().contains("blob"), "no detail for the client");
    }
    assert_eq!(kind(test.drive().open_file("a")), ErrorKind::Corrupt);
    std::fs::remove_file(blob_file(&test)).unwrap();
    assert_eq!(kind(test.store.serve(&Request::get(&url))), ErrorKind::Corrupt);
}

#[test]
fn r7_a_segment_that_was_cut_short_while_it_was_served_is_an_error_soon() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a", &noise(1000, 1));
    let url = test.store.url(&v).sign().unwrap();
    assert_eq!(serve(&test, &Request::get(&url)).status, 200);
    let segments = std::fs::read_dir(test.dir.path().join("store/seg")).unwrap();
    for segment in segments {
        let file = std::fs::OpenOptions::new().write(true).open(segment.unwrap().path()).unwrap();
        file.set_len(64).unwrap();
    }
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(kind(test.store.serve(&Request::get(&url))), ErrorKind::Corrupt);
    assert_eq!(kind(test.drive().open_file("a")), ErrorKind::Corrupt);
}

#[test]
fn a_body_outlives_its_content_its_store_and_the_directory() {
    for mode in MODES {
        let test = test_store(mode);
        let bodies: Vec<_> = subjects(&test)
            .into_iter()
            .map(|(url, whole)| (serve(&test, &Request::get(&url)).body, whole))
            .collect();
        test.drive().delete("d").unwrap();
        put(&test.drive(), "d/small", b"other");
        for (body, whole) in &bodies {
            assert!(read(body) == *whole, "after deletion");
        }
        test.store.close().unwrap();
        for (body, whole) in &bodies {
            assert!(read(body) == *whole, "after closing");
        }
        let TestStore { store, dir } = test;
        drop(store);
        for (body, whole) in &bodies {
            assert!(read(body) == *whole, "after dropping");
            let pieces: Vec<u8> = body.segments_of(777).flat_map(|piece| piece.unwrap().data).collect();
            assert!(pieces == *whole);
        }
        let again = Store::open(dir.path().join("store"), holdall::Options::new().mode(mode));
        again.expect("a body that is still held keeps nobody out");
    }
}

#[test]
fn a_segment_of_a_body_is_a_range_of_a_file() {
    let test = test_store(Mode::Shared);
    for len in [5000, 200_000] {
        let bytes = noise(len, 3);
        let v = put(&test.drive(), "a", &bytes);
        let url = test.store.url(&v).sign().unwrap();
        let reply = serve(&test, &Request::get(&url).range("bytes=10-4999"));
        let mut out = Vec::new();
        for segment in &reply.body {
            let segment = segment.unwrap();
            let place = segment.file.unwrap();
            let mut copy = vec![0; segment.data.len()];
            place.file.read_exact_at(&mut copy, place.offset).unwrap();
            assert!(copy == segment.data);
            out.extend(copy);
        }
        assert!(out == bytes[10..5000]);
    }
}

fn header() -> impl Strategy<Value = (String, String)> {
    let name = prop::sample::select(vec![
        "Range",
        "range",
        "If-Range",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "X",
    ]);
    let value = prop_oneof![
        "bytes=[0-9]{0,4}-[0-9]{0,4}(,[0-9]{0,4}-[0-9]{0,4}){0,3}",
        "[ -~]{0,30}",
        Just("*".to_owned()),
        Just("Tue, 14 Nov 2023 22:13:20 GMT".to_owned()),
        "(W/)?\"[a-z]{0,3}\"",
    ];
    (name.prop_map(str::to_owned), value)
}

#[test]
fn every_reply_has_the_length_that_it_says() {
    let test = test_store(Mode::Shared);
    let mut targets: Vec<String> = subjects(&test).into_iter().map(|(url, _)| url).collect();
    let link = test.drive().link("d/small").unwrap();
    targets.extend([test.store.link_url(&link).unwrap(), "/nowhere".to_owned(), "/d/AAAA/x".to_owned()]);
    let request = (
        prop::sample::select(vec!["GET", "GET", "GET", "HEAD", "POST"]),
        prop_oneof![4 => prop::sample::select(targets), 1 => "[ -~]{0,40}", 1 => "/(d|f|f/d|file/content|file/archive)/[ -~]{0,40}"],
        prop::collection::vec(header(), 0..4),
    );
    proptest!(ProptestConfig::with_cases(600), |((method, target, headers) in request)| {
        let mut request = Request::new(method, &target);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let reply = test.store.serve(&request).unwrap();
        sound(&reply, method);
        prop_assert!([200, 206, 304, 400, 403, 404, 405, 410, 412, 416].contains(&reply.status));
        prop_assert_eq!(reply.body.segments().map(|s| s.unwrap().data.len() as u64).sum::<u64>(), reply.body.len());
    });
}
