//! What another server handed out: its ids, its names and its addresses.

use holdall::token::cloudreve::{escape_query, escape_segment, sign};
use holdall::token::{HashIds, HashKind};
use holdall::{Alias, Caller, Put, Request, Share};
use serde_json::json;

use super::*;

/// Signs a path as the server did.
fn signed(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap();
    let sign = sign(SECRET, path, NOW + 10);
    format!("{folder}/{}?sign={}", escape_segment(name), escape_query(&sign))
}

fn entity_in(url: &str) -> String {
    url.split("/file/content/").nth(1).unwrap().split('/').next().unwrap().to_owned()
}

#[test]
fn an_imported_version_keeps_its_entity_and_its_etag() {
    let test = TestStore::with_room();
    let version = test.put("a.txt", b"hello");
    let entity = test.imported(123, &version);
    let old = test.get(&signed(&format!("/api/v4/file/content/{entity}/0/a.txt")));
    let url = test.url(&alice(), "cloudreve://my/a.txt");
    assert_eq!(entity_in(&url), entity);
    let new = test.get(&url);
    assert_eq!((new.status, new.header("ETag")), (200, old.header("ETag")));
    let rest = [("Range", "bytes=2-"), ("If-Range", old.header("ETag").unwrap())];
    let rest = rest.into_iter().fold(Request::get(&url), |asked, (name, value)| asked.header(name, value));
    let rest = test.ask(&rest.at(Time::from_unix(NOW)));
    assert_eq!((rest.status, read(&rest)), (206, b"llo".to_vec()), "a download goes on by a new URL");

    // Through a share, and after a revocation, the URL still ends with what it hangs on.
    let share = test.share("a.txt", &Share::new());
    let shared = test.url(&nobody(), &test.share_uri(&share, "a.txt"));
    assert_eq!(test.get(&shared).header("ETag"), old.header("ETag"));
    test.store.unshare(share.id).unwrap();
    assert_ne!(test.get(&shared).header("Content-Type"), Some("text/plain; charset=utf-8"));
    test.store.revoke_version(version.id).unwrap();
    assert_ne!(test.get(&url).header("ETag"), old.header("ETag"));
    let anew = test.url(&alice(), "cloudreve://my/a.txt");
    assert_ne!(entity_in(&anew), entity);
    assert_eq!(read(&test.get(&anew)), b"hello");
    test.put("a.txt", b"newer");
    let newer = test.get(&test.url(&alice(), "cloudreve://my/a.txt"));
    assert_ne!(newer.header("ETag"), old.header("ETag"));
}

#[test]
fn a_link_that_there_was_is_given_again() {
    let test = TestStore::with_room();
    let version = test.put("a.txt", b"x");
    let link = test.store.import_link(version.id.file(), "a.txt", 0, 3, None).unwrap();
    test.store.set_aliases([(77, Alias::Link(link.id))]).unwrap();
    let known = HashIds::new(SALT).unwrap().encode(77, HashKind::SourceLink);
    let make = || {
        let message = test.call(&alice(), "PUT", "file/source", &json!({ "uris": ["cloudreve://my/a.txt"] }));
        message["data"][0]["link"].as_str().unwrap().to_owned()
    };
    assert!(make().ends_with(&format!("/f/{known}/a.txt")), "{}", make());
    assert_eq!(test.get(&make()).status, 302);
    let ended = test.call(&alice(), "DELETE", &format!("file/source/{known}"), &json!({}));
    assert_eq!(ended["code"], 0);
    assert!(!make().contains(&known), "another link has another id");
}

#[test]
fn the_entity_0_is_a_file_without_content() {
    let test = TestStore::with_room();
    let empty = HashIds::new(SALT).unwrap().encode(0, HashKind::Entity);
    let path = format!("/api/v4/file/content/{empty}/0/created empty.txt");
    let url = signed(&path);
    let asked = || Request::get(&url).at(Time::from_unix(NOW));
    for asked in [asked(), asked().range("bytes=0-")] {
        let reply = test.ask(&asked);
        assert_eq!((reply.status, read(&reply)), (200, Vec::new()));
        assert_eq!(reply.header("ETag"), Some(format!("\"{empty}\"").as_str()));
        assert_eq!(reply.header("Content-Type"), Some("text/plain; charset=utf-8"));
    }
    let forged = signed(&path).replace("created", "other");
    assert_eq!(json_of(&test.get(&forged))["code"], 40071, "not without its signature");
}

#[test]
fn a_name_may_hold_what_no_name_of_ours_does() {
    let test = TestStore::with_room();
    let version = test.put("tab_x.txt", b"content");
    let entity = test.imported(9, &version);
    for name in ["tab\tx.txt", "\u{1}\u{7f}\u{9b}.txt"] {
        let reply = test.get(&signed(&format!("/api/v4/file/content/{entity}/0/{name}")));
        assert_eq!((reply.status, read(&reply)), (200, b"content".to_vec()), "{name:?}");
        let named = reply.header("Content-Disposition").unwrap();
        assert!(!named.contains(char::is_control) && named.contains(".txt"), "{named}");
        let link = test.store.import_link(version.id.file(), name, 0, 0, None).unwrap();
        let address = format!("/f/{}/{}", test.link_id(&link), escape_segment(name));
        let reply = test.get(&address);
        assert_eq!(reply.status, 302, "{address}");
        assert_eq!(read(&test.get(reply.header("Location").unwrap())), b"content");
    }
    for bad in ["", "a/b", "..", &"x".repeat(256)] {
        assert!(test.store.import_link(version.id.file(), bad, 0, 0, None).is_err(), "{bad}");
    }
}

#[test]
fn a_link_answers_what_a_browser_asks_before() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let message = test.call(&alice(), "PUT", "file/source", &json!({ "uris": ["cloudreve://my/a.txt"] }));
    let url = message["data"][0]["link"].as_str().unwrap();
    for url in [url.to_owned(), url.replace("/f/", "/f/d/")] {
        let asked = Request::new("OPTIONS", &url)
            .header("Origin", "https://else.example")
            .header("Access-Control-Request-Headers", "if-range, authorization");
        let reply = test.ask(&asked);
        assert_eq!((reply.status, reply.header("Access-Control-Allow-Origin")), (204, Some("*")));
        let allowed = reply.header("Access-Control-Allow-Headers").unwrap();
        for header in ["Range", "If-Range", "Authorization", "Content-Type"] {
            assert!(allowed.contains(header), "{allowed}");
        }
        assert_eq!(test.ask(&Request::new("POST", &url)).status, 405);
    }
}

#[test]
fn the_address_of_a_share_leads_to_the_host_s_page() {
    let test = TestStore::new();
    assert!(!test.api.is_at("/s/x"), "no page is said");
    for bad in ["", "/home", "home?path={uri}", "javascript:{uri}", "/a?{uri}&{uri}", "/a b{uri}"] {
        assert!(test.api.clone().share_page(bad).is_err(), "{bad}");
    }
    let api = test.api.clone().share_page("/home?path={uri}").unwrap();
    let ask = |method, target| {
        let (caller, request) = (Caller::anonymous(), Request::new(method, target));
        api.answer(&caller, &request, std::io::empty()).unwrap()
    };
    for (target, page) in [
        ("/s/vRUa", "/home?path=cloudreve%3A%2F%2FvRUa%40share"),
        ("/s/6XTE/Secret1", "/home?path=cloudreve%3A%2F%2F6XTE%3ASecret1%40share"),
        ("/s/6XTE/a%20b", "/home?path=cloudreve%3A%2F%2F6XTE%3Aa%2520b%40share"),
        ("/s/x%0d%0aSet-Cookie", ""),
        ("/s/", ""),
        ("/s/a/b/c", ""),
    ] {
        let reply = ask("GET", target);
        let expected = if page.is_empty() { 404 } else { 302 };
        assert_eq!(
            (reply.status, reply.header("Location")),
            (expected, Some(page).filter(|p| !p.is_empty()))
        );
    }
    assert_eq!(ask("POST", "/s/vRUa").status, 405);
}

#[test]
fn what_is_renamed_has_the_type_of_its_name() {
    let test = TestStore::new();
    test.put("clip.part", b"moving pictures");
    test.alice().rename("clip.part", "clip.mp4", false).unwrap();
    let shown = test.urls(&alice(), &json!({ "uris": ["cloudreve://my/clip.mp4"] }));
    let reply = test.get(shown["data"]["urls"][0]["url"].as_str().unwrap());
    assert_eq!(reply.header("Content-Type"), Some("video/mp4"));
    assert!(reply.header("Content-Disposition").unwrap().starts_with("inline"));
    assert_eq!(test.alice().stat("clip.mp4").unwrap().current.unwrap().media_type, "video/mp4");
    let native = test.alice().url("clip.mp4").unwrap().sign().unwrap();
    assert_eq!(test.store.serve(&Request::get(&native)).unwrap().header("Content-Type"), Some("video/mp4"));
    test.alice().put("fixed.bin", &b"x"[..], Put::new().media_type("image/png")).unwrap();
    test.alice().rename("fixed.bin", "fixed.txt", false).unwrap();
    let reply = test.get(&test.url(&alice(), "cloudreve://my/fixed.txt"));
    assert_eq!(reply.header("Content-Type"), Some("image/png"), "what was declared stays");
}
