//! Requests, responses, bodies and uploads, as a server sees them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::mpsc;

use bytes::Bytes;
use holdall::{Drive, ErrorKind, Options, Put, Store};
use holdall_http::{Body, Files, Form, PutError, Upload, Uploads, check_local, put};
use http::{Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, Full, StreamBody};

struct TestStore {
    dir: tempfile::TempDir,
    store: Store,
    alice: Drive,
}

fn test_store(options: Options) -> TestStore {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store"), options).unwrap();
    let alice = store.drive("alice").unwrap();
    TestStore { dir, store, alice }
}

fn noise(len: u32) -> Vec<u8> {
    (0..len).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

impl TestStore {
    fn url(&self, path: &str, content: &[u8]) -> String {
        let version = self.alice.put(path, content, Put::new()).unwrap();
        self.store.url(&version).sign().unwrap()
    }

    async fn ask(&self, method: &str, url: &str, header: Option<(&str, &str)>) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(url);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        Files::new(self.store.clone()).answer(&request.body(()).unwrap()).await.unwrap()
    }
}

async fn content(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// On a runtime whose threads for blocking work are all taken: what is answered needed none.
fn without_threads<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_time().build().unwrap();
    let (free, taken) = mpsc::channel::<()>();
    runtime.spawn_blocking(move || taken.recv());
    let done = runtime
        .block_on(async { tokio::time::timeout(std::time::Duration::from_secs(20), work).await.unwrap() });
    drop(free);
    done
}

#[test]
fn the_program_of_the_readme_is_the_example() {
    let (page, example) = (include_str!("../../README.md"), include_str!("../../examples/axum.rs"));
    let shown = page.split("```rust,ignore\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(shown, example.splitn(3, '\n').nth(2));
}

#[tokio::test]
async fn a_reply_is_a_response_of_exact_length() {
    let test = test_store(Options::new());
    let long = noise(5_000_000);
    for (path, bytes) in [("small", &b"hello, world"[..]), ("long", &long), ("empty", b"")] {
        let url = test.url(path, bytes);
        let response = test.ask("GET", &url, None).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-length"], bytes.len().to_string());
        assert_eq!(response.body().size_hint().exact(), Some(bytes.len() as u64));
        assert!(content(response).await == bytes, "{path}");
        let head = test.ask("HEAD", &url, None).await;
        assert_eq!(head.headers()["content-length"], bytes.len().to_string());
        assert!(head.body().is_end_stream() && head.body().is_empty());
    }
    let url = test.url("long", &long);
    let part = test.ask("GET", &url, Some(("range", "bytes=1000000-"))).await;
    assert_eq!(part.status(), 206);
    assert!(content(part).await == long[1_000_000..]);
    let parts = content(test.ask("GET", &url, Some(("range", "bytes=0-9,2000000-4000009"))).await).await;
    assert!(parts.len() > 2_000_020);
    let zip = test.alice.archive(["long", "small"]).unwrap().sign().unwrap();
    let response = test.ask("GET", &zip, None).await;
    let len = response.body().len();
    assert_eq!(content(response).await.len() as u64, len);
    assert_eq!(test.ask("GET", "/d/AQAB/x", None).await.status(), 403);
    assert_eq!(test.ask("POST", &url, None).await.headers()["allow"], "GET, HEAD");
}

#[test]
fn a_small_reply_from_memory_needs_no_thread() {
    let test = test_store(Options::new());
    let url = test.url("small", b"hello, world");
    // The rows are cached and the segment open after the first.
    assert!(test.store.serve_cached(&holdall::Request::get(&url)).unwrap().is_none());
    test.store.serve(&holdall::Request::get(&url)).unwrap();
    without_threads(async {
        for _ in 0..3 {
            assert_eq!(content(test.ask("GET", &url, None).await).await, "hello, world");
        }
        assert_eq!(test.ask("GET", "/d/AQAB/x", None).await.status(), 403);
    });
}

#[test]
fn what_counts_or_writes_is_never_answered_where_it_may_not_wait() {
    let test = test_store(Options::new());
    let version = test.alice.put("once", &b"x"[..], Put::new()).unwrap();
    let once = test.store.url(&version).max_uses(1).sign().unwrap();
    let link = test.store.link_url(&test.alice.link("once").unwrap()).unwrap();
    let zip = test.alice.archive(["once"]).unwrap().sign().unwrap();
    for url in [&once, &link, &zip] {
        for _ in 0..2 {
            assert!(test.store.serve_cached(&holdall::Request::get(url)).unwrap().is_none(), "{url}");
            test.store.serve(&holdall::Request::get(url)).unwrap();
        }
    }
}

#[test]
fn what_was_revoked_is_not_answered_from_memory() {
    let test = test_store(Options::new());
    let version = test.alice.put("a", &b"x"[..], Put::new()).unwrap();
    let url = test.store.url(&version).sign().unwrap();
    test.store.serve(&holdall::Request::get(&url)).unwrap();
    let cached = test.store.serve_cached(&holdall::Request::get(&url)).unwrap();
    assert_eq!(cached.unwrap().status, 200);
    test.store.revoke_version(version.id).unwrap();
    let cached = test.store.serve_cached(&holdall::Request::get(&url)).unwrap();
    assert!(cached.is_none_or(|reply| reply.status == 410));
    assert_eq!(test.store.serve(&holdall::Request::get(&url)).unwrap().status, 410);
}

/// A body whose file loses its end while it is sent is an error, and no clean end.
#[tokio::test]
async fn a_body_that_cannot_be_read_to_its_end_is_an_error() {
    let test = test_store(Options::new().map(false));
    let url = test.url("long", &noise(8 << 20));
    let mut body = test.ask("GET", &url, None).await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    for entry in walk(test.dir.path()) {
        if std::fs::metadata(&entry).unwrap().len() == 8 << 20 {
            let file = std::fs::OpenOptions::new().write(true).open(&entry);
            let file = file.or_else(|_| {
                std::fs::set_permissions(&entry, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                    .unwrap();
                std::fs::OpenOptions::new().write(true).open(&entry)
            });
            file.unwrap().set_len(3 << 20).unwrap();
        }
    }
    let mut got = first.len();
    let error = loop {
        match body.frame().await.expect("the body ended as if it were whole") {
            Ok(frame) => got += frame.into_data().unwrap().len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::Corrupt), "{error}");
    assert!(got < 8 << 20);
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn a_body_outlives_its_store_and_may_be_left() {
    let test = test_store(Options::new());
    let long = noise(4 << 20);
    let url = test.url("long", &long);
    let (kept, left) = (test.ask("GET", &url, None).await, test.ask("GET", &url, None).await);
    let mut left = left.into_body();
    left.frame().await.unwrap().unwrap();
    drop(left);
    test.alice.delete("long").unwrap();
    test.store.close().unwrap();
    assert!(content(kept).await == long);
}

fn frames(
    frames: Vec<Result<Bytes, &'static str>>,
) -> impl http_body::Body<Data = Bytes, Error = &'static str> {
    let mut frames = frames.into_iter();
    let next = move || frames.next().map(|frame| frame.map(Frame::data));
    StreamBody::new(Frames(next))
}

/// A stream of what a closure gives.
struct Frames<F>(F);

impl<F: FnMut() -> Option<T> + Unpin, T> futures_core::Stream for Frames<F> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Option<T>> {
        std::task::Poll::Ready((self.0)())
    }
}

#[tokio::test]
async fn what_is_sent_whole_is_put_and_what_breaks_off_is_not() {
    let test = test_store(Options::new());
    let piece = Bytes::from(noise(300_000));
    let pieces = || (0..10).map(|_| Ok(piece.clone())).collect::<Vec<_>>();
    let version = put(&test.alice, "whole", Put::new(), frames(pieces())).await.unwrap();
    assert_eq!(version.size, 3_000_000);
    let mut cut = pieces();
    cut.push(Err("the client went away"));
    let error = put(&test.alice, "cut", Put::new(), frames(cut)).await.unwrap_err();
    assert!(matches!(error, PutError::Body(_)) && error.response().status() == 400, "{error}");
    assert_eq!(test.alice.stat("cut").unwrap_err().kind(), ErrorKind::NotFound);
    let version = put(&test.alice, "known", Put::new(), Full::new(piece.clone())).await.unwrap();
    assert_eq!(version.size, 300_000);
    let error = put(&test.alice, "a//b", Put::new(), Full::new(piece.clone())).await.unwrap_err();
    assert_eq!(error.response().status(), 400);

    let mut upload = Upload::begin(&test.alice, "left", Put::new()).await.unwrap();
    for _ in 0..10 {
        upload.write(piece.clone()).await.unwrap();
    }
    drop(upload);
    assert_eq!(test.alice.stat("left").unwrap_err().kind(), ErrorKind::NotFound);
    let spool = test.dir.path().join("store/spool");
    for _ in 0..200 {
        if std::fs::read_dir(&spool).unwrap().count() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("what was left is still in the spool");
}

#[tokio::test]
async fn it_is_a_service_that_is_always_ready() {
    use tower_service::Service;
    let test = test_store(Options::new());
    let url = test.url("a", b"hello");
    let mut files = Files::new(test.store.clone());
    poll_fn(|context| Service::<Request<()>>::poll_ready(&mut files, context)).await.unwrap();
    let answered: Result<_, Infallible> = files.call(Request::get(&url).body(()).unwrap()).await;
    assert_eq!(content(answered.unwrap()).await, "hello");
}

#[tokio::test]
async fn every_line_of_a_header_counts() {
    let test = test_store(Options::new());
    let url = test.url("a", b"hello");
    let tag = test.ask("GET", &url, None).await.headers()["etag"].clone();
    let status = async |name: &str, lines: [&[u8]; 2]| {
        let request = Request::get(&url).header(name, lines[0]).header(name, lines[1]).body(()).unwrap();
        Files::new(test.store.clone()).answer(&request).await.unwrap().status()
    };
    assert_eq!(status("if-none-match", [b"\"another\"", tag.as_bytes()]).await, 304);
    assert_eq!(status("if-none-match", [b"\"another\"", b"\"third\""]).await, 200);
    assert_eq!(status("range", [b"bytes=0-1", b"bytes=3-4"]).await, 200, "no range is one of two lines");
}

#[tokio::test]
async fn a_url_that_is_bound_to_a_network_is_served_to_it_alone() {
    let test = test_store(Options::new());
    let version = test.alice.put("a", &b"x"[..], Put::new()).unwrap();
    let url = test.store.url(&version).network("192.0.2.0/24".parse().unwrap()).sign().unwrap();
    for (address, status) in [("192.0.2.7", 200), ("198.51.100.7", 403)] {
        let files = Files::new(test.store.clone()).client(|noted| noted.get::<std::net::IpAddr>().copied());
        let mut request = Request::get(&url).body(()).unwrap();
        request.extensions_mut().insert(address.parse::<std::net::IpAddr>().unwrap());
        assert_eq!(files.answer(&request).await.unwrap().status(), status);
    }
    assert_eq!(test.ask("GET", &url, None).await.status(), 403);
    let mut request = Request::get(&url).body(()).unwrap();
    request.extensions_mut().insert("192.0.2.8:4711".parse::<std::net::SocketAddr>().unwrap());
    assert_eq!(Files::new(test.store.clone()).answer(&request).await.unwrap().status(), 200);
}

/// A form as browsers send it: a field, two files, and one that was not chosen.
const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nno file\r\n\
    --b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
    one\r\n--c\r\n-\r\n\r\n\
    --b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\n\r\n\
    --b \r\nContent-Disposition: form-data; name=\"f\"; filename=\"empty\"\r\n\r\n\r\n--b--\r\n";

fn form(pieces: impl IntoIterator<Item = Bytes>) -> impl http_body::Body<Data = Bytes, Error = &'static str> {
    frames(pieces.into_iter().map(Ok).collect())
}

fn form_headers() -> http::HeaderMap {
    [(http::header::CONTENT_TYPE, "multipart/form-data; boundary=b".parse().unwrap())].into_iter().collect()
}

async fn files_of(body: impl http_body::Body<Data = Bytes, Error = &'static str>) -> Vec<(String, Vec<u8>)> {
    let mut form = Form::new(&form_headers(), body).unwrap();
    let mut found = Vec::new();
    while let Some(name) = form.next_file().await.unwrap() {
        let mut content = Vec::new();
        while let Some(chunk) = form.chunk().await.unwrap() {
            assert!(!chunk.is_empty());
            content.extend_from_slice(&chunk);
        }
        found.push((name, content));
    }
    found
}

#[tokio::test]
async fn a_form_is_the_same_in_pieces_of_any_length() {
    let expected =
        vec![("a.txt".to_owned(), b"one\r\n--c\r\n-\r\n".to_vec()), ("empty".to_owned(), Vec::new())];
    for len in 1..=FORM.len() {
        let pieces = FORM.as_bytes().chunks(len).map(Bytes::from_static);
        assert_eq!(files_of(form(pieces)).await, expected, "pieces of {len}");
    }
    let before = Bytes::from_static(b"This is a form.\r\n");
    assert_eq!(files_of(form([before, Bytes::from_static(FORM.as_bytes())])).await, expected);
}

#[tokio::test]
async fn a_form_that_is_cut_anywhere_is_an_error() {
    let whole = FORM.len() - 2; // the last line break may be missing
    for end in 0..whole {
        let mut form =
            Form::new(&form_headers(), form([Bytes::from_static(&FORM.as_bytes()[..end])])).unwrap();
        let error = loop {
            match form.next_file().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the first {end} bytes were a whole form"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, PutError::Body(_)), "{error}");
    }
}

/// Headers and beginnings that never end are given up, and content is passed on frame by frame.
#[tokio::test]
async fn a_form_takes_bounded_memory() {
    let long = || Bytes::from(vec![b'x'; 10_000]);
    for begin in ["", "--b\r\n", "--b\r\nContent-Disposition: "] {
        let mut pieces = vec![Bytes::from_static(begin.as_bytes())];
        pieces.extend(std::iter::repeat_with(long).take(100));
        let mut form = Form::new(&form_headers(), form(pieces)).unwrap();
        let error = form.next_file().await.unwrap_err();
        assert!(
            matches!(&error, PutError::Body(error) if error.to_string().contains("form has no beginning")
            || error.to_string().contains("16 KiB")),
            "{error}"
        );
    }
    let asked = std::cell::Cell::new(0);
    let head = "--b\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\n";
    let stream = Frames(|| {
        asked.set(asked.get() + 1);
        Some(Ok::<_, &str>(Frame::data(if asked.get() == 1 {
            Bytes::from_static(head.as_bytes())
        } else {
            long()
        })))
    });
    let mut form = Form::new(&form_headers(), StreamBody::new(stream)).unwrap();
    form.next_file().await.unwrap().unwrap();
    for at in 1..=50 {
        assert_eq!(form.chunk().await.unwrap().unwrap().len(), 10_000);
        assert_eq!(asked.get(), at + 1, "no more is read than what was asked for");
    }
}

#[tokio::test]
async fn uploads_are_taken_by_put_and_by_form() {
    let test = test_store(Options::new());
    let uploads = Uploads::new(&test.alice, "/upload/", |head| check_local(&head.headers));
    let ask = async |method: &str, target: &str, host: &str, kind: &str, body: &'static str| {
        let request =
            Request::builder().method(method).uri(target).header("host", host).header("content-type", kind);
        uploads.answer(request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()).await
    };
    let (here, kind) = ("127.0.0.1:8000", "multipart/form-data; boundary=b");
    let put = ask("PUT", "/upload/a/100%25%20b.txt", here, "", "hello").await;
    assert_eq!(
        (put.status().as_u16(), &put.headers()["content-type"]),
        (201, &"text/plain; charset=utf-8".parse().unwrap())
    );
    let location = put.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(content(put).await, format!("{location}\n"));
    assert_eq!(content(test.ask("GET", &location, None).await).await, "hello");
    assert_eq!(test.alice.stat("a/100% b.txt").unwrap().name, "100% b.txt");

    let posted = ask("POST", "/upload", here, kind, FORM).await;
    assert_eq!(posted.status(), 201);
    assert_eq!(String::from_utf8(content(posted).await.to_vec()).unwrap().lines().count(), 2);
    assert!(test.alice.stat("a.txt").is_ok() && test.alice.stat("empty").is_ok());

    for (method, target, host, kind, body, status) in [
        ("PUT", "/upload/b", "evil.example", "", "x", 403),
        ("POST", "/upload", "evil.example", kind, FORM, 403),
        ("POST", "/upload", here, "text/plain", FORM, 400),
        ("POST", "/upload", here, kind, "--b--\r\n", 400),
        ("POST", "/upload", here, kind, "--b\r\n", 400),
        ("PUT", "/upload/%zz", here, "", "x", 400),
        ("PUT", "/upload/%ff", here, "", "x", 400),
        ("PUT", "/upload/a//b", here, "", "x", 400),
        ("GET", "/upload/a", here, "", "", 405),
        ("PUT", "/upload", here, "", "", 405),
        ("POST", "/upload/a", here, kind, FORM, 405),
    ] {
        assert_eq!(ask(method, target, host, kind, body).await.status(), status, "{method} {target}");
    }
    assert_eq!(ask("GET", "/upload/a", here, "", "").await.headers()["allow"], "PUT");
    assert_eq!(ask("PUT", "/upload/", here, "", "").await.headers()["allow"], "POST");
    assert_eq!(test.alice.stat("b").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(["/upload", "/upload/", "/upload/a"].iter().all(|path| uploads.is_at(path)));
    assert!(["/", "/uploads", "/up", ""].iter().all(|path| !uploads.is_at(path)));
}
