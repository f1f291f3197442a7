//! What URLs permit, and when they stop to.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::host::{Host, noise, other};

#[test]
fn a_url_gives_its_version_whatever_becomes_of_the_file() {
    let host = Host::new();
    let first = host.url_of("a.txt", b"one");
    let follows = host.ok(&["url", "a.txt", "--file"]);
    let link = host.ok(&["link", "a.txt"]);
    let second = host.url_of("a.txt", b"two");
    let gives = |url: &str| host.get(url).body;
    assert_eq!((gives(&first), gives(&second)), (b"one".to_vec(), b"two".to_vec()));
    assert_eq!((gives(&follows), gives(&link)), (b"two".to_vec(), b"two".to_vec()));
    let versions = host.json(&["versions", "a.txt"]);
    host.ok(&["current", versions[1]["id"].as_str().unwrap()]);
    assert_eq!((gives(&follows), gives(&second)), (b"one".to_vec(), b"two".to_vec()));
    host.ok(&["mv", "a.txt", "b.txt"]);
    assert_eq!(gives(&follows), b"one");
    host.ok(&["rm", "b.txt"]);
    assert_eq!((gives(&first), host.get(&follows).status), (b"one".to_vec(), 410));
    host.ok(&["restore", versions[0]["file"].as_str().unwrap()]);
    assert_eq!(gives(&follows), b"one");
}

#[test]
fn t1_a_url_that_was_changed_is_refused() {
    let host = Host::new();
    let url = host.url_of("a.txt", b"hello");
    let from = host.base().len() + 2;
    let to = url.rfind('/').unwrap();
    for at in (from..to).step_by(5) {
        let mut forged = url.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let got = host.get(&String::from_utf8(forged).unwrap());
        assert!([403, 404].contains(&got.status), "byte {at}");
        assert!(!got.body.ends_with(b"hello"));
    }
    assert_eq!(host.get(&url).status, 200, "control");
}

#[test]
fn a_url_ends_when_it_should() {
    let host = Host::new();
    host.put("a.txt", b"hello");
    let short = host.ok(&["url", "a.txt", "--expires", "1s"]);
    let never = host.ok(&["url", "a.txt", "--never"]);
    let once = host.ok(&["url", "a.txt", "--max-requests", "1"]);
    assert_eq!(host.curl(&["-I", &once]).status, 200);
    assert_eq!(host.get(&once).status, 200);
    assert!(matches!(host.get(&once).status, 403 | 410), "a second use");
    sleep(Duration::from_millis(2100));
    assert_eq!(host.get(&short).status, 403);
    assert_eq!(host.get(&never).status, 200);
    let id = host.json(&["versions", "a.txt"])[0]["id"].as_str().unwrap().to_owned();
    host.ok(&["revoke", &id]);
    assert_eq!(host.get(&never).status, 410);
    assert_eq!(host.run(&["url", "a.txt", "--expires", "30d"]).status.code(), Some(1));
}

#[test]
fn a_download_is_one_use_and_a_request_is_none() {
    let host = Host::new();
    host.put("a.txt", b"hello");
    let url = host.ok(&["url", "a.txt", "--max-uses", "1"]);
    let range = |url: &str| host.curl(&["-r", "2-", url]).status;
    assert_eq!((host.get(&url).status, range(&url), host.get(&url).status), (200, 206, 200));
    let secret = host.ok(&["url", "a.txt", "--max-requests", "1"]);
    assert_eq!((range(&secret), host.get(&secret).status), (206, 410));
    let both = host.run(&["url", "a.txt", "--max-uses", "1", "--max-requests", "1"]);
    assert_eq!(both.status.code(), Some(1));
    let embedded = host.ok(&["url", "a.txt", "--cross-origin", "https://test.example"]);
    let got = host.curl(&["-H", "Origin: https://test.example", &embedded]);
    assert_eq!(got.header("Access-Control-Allow-Origin"), Some("https://test.example"));
    assert_eq!(host.run(&["url", "a.txt", "--cross-origin", "test.example"]).status.code(), Some(1));
}

#[test]
fn a_url_may_be_bound_shown_renamed_and_stable() {
    let host = Host::new();
    host.put("a.html", b"<script>");
    host.put("a.png", b"\x89PNG");
    let status = |args: &[&str]| host.get(&host.ok(args)).status;
    assert_eq!(status(&["url", "a.png", "--network", "127.0.0.0/8"]), 200);
    assert_eq!(status(&["url", "a.png", "--network", "192.0.2.0/24"]), 403);
    let shown = host.get(&host.ok(&["url", "a.png", "--inline"]));
    assert!(shown.header("Content-Disposition").unwrap().starts_with("inline"));
    let harm = host.get(&host.ok(&["url", "a.html", "--inline"]));
    assert!(harm.header("Content-Disposition").unwrap().starts_with("attachment"));
    assert_eq!(harm.header("X-Content-Type-Options"), Some("nosniff"));
    let typed = host.get(&host.ok(&["url", "a.png", "--type", "application/x-own", "--name", "b.own"]));
    assert_eq!(typed.header("Content-Type"), Some("application/x-own"));
    let stable = || host.ok(&["url", "a.png", "--stable", "1h", "--expires", "1h"]);
    assert_eq!(stable(), stable());
    let cloudreve = host.ok(&["url", "a.png", "--cloudreve"]);
    assert!(cloudreve.contains("/file/content/") && cloudreve.contains("sign="));
    assert_eq!(host.get(&cloudreve).body, b"\x89PNG");
    assert_eq!(host.get(&cloudreve.replace("a.png", "b.png")).status, 403);
}

#[test]
fn keys_rotate_without_ending_urls_and_end_them_when_removed() {
    let host = Host::new();
    let old = host.url_of("a.txt", b"hello");
    let first = host.json(&["keys", "list"])[0]["key"].to_string();
    host.ok(&["keys", "rotate"]);
    let new = host.ok(&["url", "a.txt"]);
    assert_eq!((host.get(&old).status, host.get(&new).status), (200, 200));
    host.ok(&["keys", "remove", &first]);
    assert_eq!((host.get(&old).status, host.get(&new).status), (403, 200));
}

#[test]
fn a_pace_is_kept() {
    if other().is_some() {
        return;
    }
    let host = Host::new();
    let bytes = noise(300_000, 20);
    host.put("a.bin", &bytes);
    let url = host.ok(&["url", "a.bin", "--pace", "150000"]);
    let begun = Instant::now();
    assert!(host.get(&url).body == bytes);
    let took = begun.elapsed().as_secs_f64();
    assert!((1.7..4.0).contains(&took), "{took} s for 2 s worth of bytes");
}

#[test]
fn a_share_lets_in_who_knows_its_password() {
    let host = Host::new();
    host.put("docs/a.txt", b"hello");
    let id = host.ok(&["share", "docs", "--password", "sesame", "--max-downloads", "1"]);
    assert_eq!(host.run(&["visit", &id]).status.code(), Some(4));
    let url = host.ok(&["visit", &id, "a.txt", "--password", "sesame"]);
    assert_eq!(host.get(&url).body, b"hello");
    let over = host.run(&["visit", &id, "a.txt", "--password", "sesame"]).status.code();
    assert!(matches!(over, Some(5 | 15)), "{over:?}");
    host.ok(&["unshare", &id]);
    assert_eq!(host.get(&url).status, 410);
}
