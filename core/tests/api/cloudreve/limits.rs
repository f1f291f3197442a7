//! Bad input: answered in the envelope, quickly, and nothing is lost.

use holdall::{Caller, Request};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn test_store() -> TestStore {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    test
}

#[test]
fn t12_no_request_whatever_is_an_error_for_the_host() {
    let test = test_store();
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "x"];
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(
        at in 0usize..8,
        path in "(/api/v4/file/(url|source|version|version/current|source/[a-zA-Z0-9]{0,9}|content/[a-zA-Z0-9]{0,9}/[0-9]{0,3}/[a-z%]{0,5}|archive/[a-z0-9.]{0,5}/x)|/f/(d/)?[a-zA-Z0-9]{0,6}/[a-z%.]{0,6}|/.{0,20})([?].{0,20})?",
        body in "(\\{\"uris?\": ?(\\[\"cloudreve://(my|share|trash)/.{0,9}\"\\]|\".{0,9}\")(, ?\"(version|entity|archive)\": ?(true|\"[a-z]{0,5}\"))?\\})|.{0,30}",
    )| {
        for caller in [alice(), nobody()] {
            let request = Request::new(methods[at], &path);
            let reply = test.api.answer(&caller, &request, body.as_bytes()).unwrap();
            prop_assert!((200..500).contains(&reply.status));
        }
    });
    assert_eq!(test.code(&alice(), "cloudreve://my/a.txt"), 0, "and nothing was lost");
}

#[test]
fn a_body_that_breaks_off_is_the_hosts_to_know() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("reset by peer"))
        }
    }
    let test = test_store();
    let request = Request::new("POST", "/api/v4/file/url");
    let error = test.api.answer(&alice(), &request, Broken).unwrap_err();
    assert_eq!(error.kind(), holdall::ErrorKind::Io);
}

#[test]
fn a_closed_store_and_lives_beyond_its_limits_are_the_hosts_to_know() {
    let test = test_store();
    let ask = |api: &Api, archive: bool| {
        let body = json!({"uris": ["cloudreve://my/a.txt"], "archive": archive}).to_string();
        let reply = api.answer(&alice(), &Request::new("POST", "/api/v4/file/url"), body.as_bytes());
        reply.map(|reply| json_of(&reply)["code"].clone()).map_err(|error| error.kind())
    };
    let day = hour() * 24;
    let long = test.api.clone().url_life(day * 8, hour()).unwrap();
    assert_eq!(ask(&long, false), Err(holdall::ErrorKind::InvalidArgument), "never cut to what is allowed");
    assert_eq!(ask(&test.api.clone().archive_life(day * 2), true), Err(holdall::ErrorKind::InvalidArgument));
    assert_eq!(ask(&test.api.clone().url_life(day * 7, hour()).unwrap(), false), Ok(json!(0)));
    assert!(test.api.clone().url_life(hour(), hour()).is_err());
    test.store.close().unwrap();
    assert_eq!(ask(&test.api, false), Err(holdall::ErrorKind::InvalidArgument));
}

#[test]
fn a_very_long_uri_is_none() {
    let test = test_store();
    let long = format!("cloudreve://my/{}", "a/".repeat(100_000));
    assert_eq!(test.urls(&alice(), &json!({"uris": [long]}))["code"], 40001);
    let deep = format!("cloudreve://my/{}", "a/".repeat(5000));
    assert_eq!(test.code(&alice(), &deep), 40016);
    let name = format!("cloudreve://my/{}", "a".repeat(300));
    assert_eq!(test.code(&alice(), &name), 40016);
    assert_eq!(test.code(&Caller::of("x".repeat(300)), "cloudreve://my/a"), 40016);
}
