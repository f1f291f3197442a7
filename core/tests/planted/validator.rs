//! Validators: what says "you have it already" and "go on with what you have".

use holdall::mutant::Mutant;
use holdall::{Drive, ErrorKind, Put, Request, Store, Time, VersionInfo};

use crate::{ask, finds, get, with_store};

const AGE: Time = Time::from_unix(1_700_000_000);

/// Every URL that follows a file.
fn following(store: &Store, drive: &Drive) -> Vec<String> {
    let link = drive.link("a").unwrap();
    vec![drive.url("a").unwrap().sign().unwrap(), store.link_url(&link).unwrap()]
}

fn put(drive: &Drive, content: &[u8], age: Time) -> VersionInfo {
    drive.put("a", content, Put::new().modified(age)).unwrap()
}

/// Returns the date that a URL's content has once no part of it is in the future.
fn date(store: &Store, url: &str) -> Option<String> {
    let late = Request::get(url).at(Time::from_unix(Time::now().unix() + 600));
    store.serve(&late).unwrap().header("Last-Modified").map(str::to_owned)
}

/// Asserts that nobody who has the content of that date is told that it is the one of now.
fn assert_changed(store: &Store, url: &str, old: &str) {
    let now = Time::from_unix(Time::now().unix() + 600);
    let status = |headers: &[(&str, &str)]| {
        let mut request = Request::get(url).at(now);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        store.serve(&request).unwrap().status
    };
    assert_eq!(status(&[("If-Modified-Since", old)]), 200, "the change is hidden");
    assert_eq!(status(&[("Range", "bytes=3-"), ("If-Range", old)]), 200, "two contents are joined");
    assert_eq!(status(&[("If-Unmodified-Since", old)]), 412);
    assert_ne!(date(store, url).as_deref(), Some(old));
}

#[test]
fn contents_of_one_age_are_not_taken_for_one() {
    finds(Mutant::DateOfContent, || {
        with_store(|store| {
            let drive = store.drive("alice").unwrap();
            put(&drive, b"the first one", AGE);
            for url in following(store, &drive) {
                let old = date(store, &url).unwrap();
                put(&drive, b"and the second", AGE);
                assert_changed(store, &url, &old);
            }
        });
    });
}

#[test]
fn going_back_to_an_older_version_is_a_change() {
    finds(Mutant::DateOfContent, || {
        with_store(|store| {
            let drive = store.drive("alice").unwrap();
            let first = put(&drive, b"the first one", AGE);
            let second = put(&drive, b"and the second", Time::from_unix(AGE.unix() + 1000));
            for url in following(store, &drive) {
                let old = date(store, &url).unwrap();
                store.set_current(first.id).unwrap();
                assert_changed(store, &url, &old);
                store.set_current(second.id).unwrap();
            }
        });
    });
}

#[test]
fn a_url_of_one_version_keeps_the_age_that_was_said() {
    with_store(|store| {
        let version = put(&store.drive("alice").unwrap(), b"content", AGE);
        let url = store.url(&version).sign().unwrap();
        let said = "Tue, 14 Nov 2023 22:13:20 GMT";
        assert_eq!(date(store, &url).as_deref(), Some(said));
        let part = get(store, &url, &[("Range", "bytes=3-"), ("If-Range", said)]);
        assert_eq!(part.status, 206, "it never changes");
    });
}

#[test]
fn the_same_bytes_of_another_type_are_not_what_the_client_has() {
    finds(Mutant::TypeOutsideTag, || {
        with_store(|store| {
            let drive = store.drive("alice").unwrap();
            let typed =
                |media_type: &str| drive.put("a", &b"a,b"[..], Put::new().media_type(media_type)).unwrap();
            let version = typed("text/plain");
            for url in following(store, &drive) {
                let tag = get(store, &url, &[]).header("ETag").unwrap().to_owned();
                assert_eq!(get(store, &url, &[("If-None-Match", &tag)]).status, 304);
                typed("text/csv");
                assert_eq!(get(store, &url, &[("If-None-Match", &tag)]).status, 200);
                typed("text/plain");
                assert_eq!(get(store, &url, &[("If-None-Match", &tag)]).status, 304, "again the same");
            }
            let tag_of =
                |url: holdall::Url| get(store, &url.sign().unwrap(), &[]).header("ETag").unwrap().to_owned();
            let own = tag_of(store.url(&version));
            assert_eq!(tag_of(store.url(&version).media_type("text/plain")), own);
            assert_ne!(tag_of(store.url(&version).media_type("text/csv")), own);
        });
    });
}

#[test]
fn a_url_that_is_used_up_is_gone_to_head_and_to_verify() {
    finds(Mutant::UsedUpLooksAlive, || {
        with_store(|store| {
            let version = put(&store.drive("alice").unwrap(), b"content", AGE);
            let url = store.url(&version).max_requests(1).sign().unwrap();
            let tag = ask(store, "HEAD", &url, &[]).header("ETag").unwrap().to_owned();
            let statuses = || {
                [
                    ask(store, "HEAD", &url, &[]).status,
                    ask(store, "HEAD", &url, &[("If-None-Match", &tag)]).status,
                    get(store, &url, &[("If-None-Match", &tag)]).status,
                    get(store, &url, &[("Range", "bytes=99-")]).status,
                    get(store, &url, &[("If-Match", "\"x\"")]).status,
                ]
            };
            for _ in 0..3 {
                assert_eq!(statuses(), [200, 304, 304, 416, 412], "none of them is a use");
            }
            assert!(store.verify(&Request::get(&url)).is_ok());
            assert_eq!(get(store, &url, &[]).status, 200);
            assert_eq!(statuses(), [410, 304, 304, 410, 410]);
            assert_eq!(store.verify(&Request::get(&url)).unwrap_err().kind(), ErrorKind::Gone);
        });
    });
}
