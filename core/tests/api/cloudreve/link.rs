//! Direct links: `/f/...` and `/f/d/...`.

use holdall::{Caller, Limits, Request, Time};
use serde_json::json;

use super::*;

fn made(test: &TestStore, caller: &Caller, uri: &str) -> String {
    let message = test.call(caller, "PUT", "file/source", &json!({ "uris": [uri] }));
    message["data"][0]["link"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()
}

fn fault(test: &TestStore, url: &str) -> (u16, i64, String) {
    let reply = test.get(url);
    let message = json_of(&reply);
    (reply.status, message["code"].as_i64().unwrap(), message["msg"].as_str().unwrap().to_owned())
}

/// Follows a link and returns what it leads to.
fn follow(test: &TestStore, url: &str) -> Reply {
    let reply = test.get(url);
    assert_eq!(reply.status, 302, "{url}");
    assert_eq!(reply.header("Access-Control-Allow-Origin"), Some("*"));
    test.get(reply.header("Location").unwrap())
}

#[test]
fn a_link_follows_the_file_under_its_own_name_and_speed() {
    let test = TestStore::new();
    test.put("a b.txt", b"old");
    let url = made(&test, &alice().limits(Limits::new().speed(500)), "cloudreve://my/a%20b.txt");
    let reply = follow(&test, &url);
    assert_eq!((read(&reply), reply.pace), (b"old".to_vec(), Some(500)));
    assert!(reply.header("Content-Disposition").unwrap().starts_with("inline; filename=\"a b.txt\""));
    let saved = follow(&test, &url.replace("/f/", "/f/d/"));
    assert!(saved.header("Content-Disposition").unwrap().starts_with("attachment; filename=\"a b.txt\""));
    test.put("a b.txt", b"newer");
    assert_eq!(read(&follow(&test, &url)), b"newer", "a new version is followed");
    test.alice().rename("a b.txt", "moved/c.txt", false).unwrap();
    let reply = follow(&test, &url);
    assert!(reply.header("Content-Disposition").unwrap().contains("a b.txt"), "the name is frozen");
}

#[test]
fn a_redirect_may_be_kept_for_as_long_as_its_url_lives() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let url = made(&test, &alice(), "cloudreve://my/a.txt");
    let reply = test.get(&url);
    let ends: i64 = reply.header("Location").unwrap().rsplit("%3A").next().unwrap().parse().unwrap();
    assert_eq!(reply.header("Cache-Control"), Some(format!("public, max-age={}", ends - NOW).as_str()));
    assert_eq!(test.get(&url).header("Location"), reply.header("Location"), "the same within a window");
}

#[test]
fn what_is_no_link_is_not_found() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let url = made(&test, &alice(), "cloudreve://my/a.txt");
    assert_eq!(fault(&test, "/f/nonsense/a.txt"), (200, 40001, "Failed to parse object ID".into()));
    assert_eq!(fault(&test, "/f/BxAexhn/a.txt").1, 40001, "an entity's id is not a link's");
    assert_eq!(fault(&test, "/f/yZMqZc0/a.txt"), (404, 404, "Direct link not found".into()));
    for name in ["b.txt", "A.txt", "a.txt%20", "", "%ff"] {
        let other = url.replace("a.txt", name);
        assert_eq!(fault(&test, &other), (404, 404, "Direct link not found".into()), "{name}");
    }
    assert_eq!(read(&follow(&test, &url.replace("a.txt", "%61.txt"))), b"x");
    assert_eq!(fault(&test, "/f/x").0, 404);
    test.alice().trash("a.txt").unwrap();
    assert_eq!(fault(&test, &url), (404, 404, "Direct link invalid".into()));
    let file = test.alice().list_trash(None, 1).unwrap()[0].file;
    test.alice().restore(file, None).unwrap();
    assert_eq!(read(&follow(&test, &url)), b"x", "what comes back is linked again");
    test.alice().delete("a.txt").unwrap();
    assert_eq!(fault(&test, &url), (404, 404, "Direct link not found".into()));
    let post = test.ask(&Request::new("POST", &url).at(Time::from_unix(NOW)));
    assert_eq!(post.status, 405);
}

#[test]
fn no_count_is_lost_and_only_what_was_followed_counts() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let url = made(&test, &alice(), "cloudreve://my/a.txt");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(test.get(&url).status, 302);
                }
            });
        }
    });
    let count = || test.alice().links("a.txt").unwrap()[0].downloads;
    assert_eq!(count(), 400);
    assert_eq!(test.ask(&Request::head(&url).at(Time::from_unix(NOW))).status, 302);
    assert_eq!(test.get(&url.replace("a.txt", "b.txt")).status, 404);
    assert_eq!(count(), 400);
}

#[test]
fn a_host_may_have_links_give_the_content_itself() {
    let test = TestStore::new();
    test.put("a.txt", b"hello");
    let url = made(&test, &alice(), "cloudreve://my/a.txt");
    let api = test.api.clone().redirect_links(false);
    let ask = |request: &Request<'_>| api.answer(&nobody(), request, std::io::empty()).unwrap();
    let reply = ask(&Request::get(&url).range("bytes=1-2"));
    assert_eq!((reply.status, read(&reply)), (206, b"el".to_vec()));
    assert_eq!(read(&ask(&Request::get(&url.replace("/f/", "/f/d/")))), b"hello");
    test.alice().trash("a.txt").unwrap();
    assert_eq!(ask(&Request::get(&url)).status, 404);
}

#[test]
fn the_stores_own_links_are_followed_too() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let link = test.alice().link("a.txt").unwrap();
    let own = test.store.link_url(&link).unwrap();
    assert_eq!(read(&follow(&test, &own)), b"x", "{own}");
}
