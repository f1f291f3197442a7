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
    let shop = Shop::with_room();
    let version = shop.put("a.txt", b"hello");
    let entity = shop.imported(123, &version);
    let old = shop.get(&signed(&format!("/api/v4/file/content/{entity}/0/a.txt")));
    let url = shop.url(&alice(), "cloudreve://my/a.txt");
    assert_eq!(entity_in(&url), entity);
    let new = shop.get(&url);
    assert_eq!((new.status, new.header("ETag")), (200, old.header("ETag")));
    let rest = [("Range", "bytes=2-"), ("If-Range", old.header("ETag").unwrap())];
    let rest = rest.into_iter().fold(Request::get(&url), |asked, (name, value)| asked.header(name, value));
    let rest = shop.ask(&rest.at(Time::from_unix(NOW)));
    assert_eq!((rest.status, read(&rest)), (206, b"llo".to_vec()), "a download goes on by a new URL");

    // Through a share, and after a revocation, the URL still ends with what it hangs on.
    let share = shop.share("a.txt", &Share::new());
    let shared = shop.url(&nobody(), &shop.share_uri(&share, "a.txt"));
    assert_eq!(shop.get(&shared).header("ETag"), old.header("ETag"));
    shop.store.unshare(share.id).unwrap();
    assert_ne!(shop.get(&shared).header("Content-Type"), Some("text/plain; charset=utf-8"));
    shop.store.revoke_version(version.id).unwrap();
    assert_ne!(shop.get(&url).header("ETag"), old.header("ETag"));
    let anew = shop.url(&alice(), "cloudreve://my/a.txt");
    assert_ne!(entity_in(&anew), entity);
    assert_eq!(read(&shop.get(&anew)), b"hello");
    shop.put("a.txt", b"newer");
    let newer = shop.get(&shop.url(&alice(), "cloudreve://my/a.txt"));
    assert_ne!(newer.header("ETag"), old.header("ETag"));
}

#[test]
fn a_link_that_there_was_is_given_again() {
    let shop = Shop::with_room();
    let version = shop.put("a.txt", b"x");
    let link = shop.store.import_link(version.id.file(), "a.txt", 0, 3).unwrap();
    shop.store.set_aliases([(77, Alias::Link(link.id))]).unwrap();
    let known = HashIds::new(SALT).unwrap().encode(77, HashKind::SourceLink);
    let make = || {
        let told = shop.call(&alice(), "PUT", "file/source", &json!({ "uris": ["cloudreve://my/a.txt"] }));
        told["data"][0]["link"].as_str().unwrap().to_owned()
    };
    assert!(make().ends_with(&format!("/f/{known}/a.txt")), "{}", make());
    assert_eq!(shop.get(&make()).status, 302);
    let ended = shop.call(&alice(), "DELETE", &format!("file/source/{known}"), &json!({}));
    assert_eq!(ended["code"], 0);
    assert!(!make().contains(&known), "another link has another id");
}

#[test]
fn the_entity_0_is_a_file_without_content() {
    let shop = Shop::with_room();
    let empty = HashIds::new(SALT).unwrap().encode(0, HashKind::Entity);
    let path = format!("/api/v4/file/content/{empty}/0/created empty.txt");
    let url = signed(&path);
    let asked = || Request::get(&url).at(Time::from_unix(NOW));
    for asked in [asked(), asked().range("bytes=0-")] {
        let reply = shop.ask(&asked);
        assert_eq!((reply.status, read(&reply)), (200, Vec::new()));
        assert_eq!(reply.header("ETag"), Some(format!("\"{empty}\"").as_str()));
        assert_eq!(reply.header("Content-Type"), Some("text/plain; charset=utf-8"));
    }
    let forged = signed(&path).replace("created", "other");
    assert_eq!(json_of(&shop.get(&forged))["code"], 40071, "not without its signature");
}

#[test]
fn a_name_may_hold_what_no_name_of_ours_does() {
    let shop = Shop::with_room();
    let version = shop.put("tab_x.txt", b"content");
    let entity = shop.imported(9, &version);
    for name in ["tab\tx.txt", "\u{1}\u{7f}\u{9b}.txt"] {
        let reply = shop.get(&signed(&format!("/api/v4/file/content/{entity}/0/{name}")));
        assert_eq!((reply.status, read(&reply)), (200, b"content".to_vec()), "{name:?}");
        let named = reply.header("Content-Disposition").unwrap();
        assert!(!named.contains(char::is_control) && named.contains(".txt"), "{named}");
        let link = shop.store.import_link(version.id.file(), name, 0, 0).unwrap();
        let address = format!("/f/{}/{}", shop.link_id(&link), escape_segment(name));
        let reply = shop.get(&address);
        assert_eq!(reply.status, 302, "{address}");
        assert_eq!(read(&shop.get(reply.header("Location").unwrap())), b"content");
    }
    for bad in ["", "a/b", "..", &"x".repeat(256)] {
        assert!(shop.store.import_link(version.id.file(), bad, 0, 0).is_err(), "{bad}");
    }
}

#[test]
fn a_link_answers_what_a_browser_asks_before() {
    let shop = Shop::new();
    shop.put("a.txt", b"x");
    let told = shop.call(&alice(), "PUT", "file/source", &json!({ "uris": ["cloudreve://my/a.txt"] }));
    let url = told["data"][0]["link"].as_str().unwrap();
    for url in [url.to_owned(), url.replace("/f/", "/f/d/")] {
        let asked = Request::new("OPTIONS", &url)
            .header("Origin", "https://else.example")
            .header("Access-Control-Request-Headers", "if-range, authorization");
        let reply = shop.ask(&asked);
        assert_eq!((reply.status, reply.header("Access-Control-Allow-Origin")), (204, Some("*")));
        let allowed = reply.header("Access-Control-Allow-Headers").unwrap();
        for header in ["Range", "If-Range", "Authorization", "Content-Type"] {
            assert!(allowed.contains(header), "{allowed}");
        }
        assert_eq!(shop.ask(&Request::new("POST", &url)).status, 405);
    }
}

#[test]
fn the_address_of_a_share_leads_to_the_host_s_page() {
    let shop = Shop::new();
    assert!(!shop.api.is_at("/s/x"), "no page is said");
    for bad in ["", "/home", "home?path={uri}", "javascript:{uri}", "/a?{uri}&{uri}", "/a b{uri}"] {
        assert!(shop.api.clone().share_page(bad).is_err(), "{bad}");
    }
    let api = shop.api.clone().share_page("/home?path={uri}").unwrap();
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
    let shop = Shop::new();
    shop.put("clip.part", b"moving pictures");
    shop.alice().rename("clip.part", "clip.mp4", false).unwrap();
    let shown = shop.urls(&alice(), &json!({ "uris": ["cloudreve://my/clip.mp4"] }));
    let reply = shop.get(shown["data"]["urls"][0]["url"].as_str().unwrap());
    assert_eq!(reply.header("Content-Type"), Some("video/mp4"));
    assert!(reply.header("Content-Disposition").unwrap().starts_with("inline"));
    assert_eq!(shop.alice().stat("clip.mp4").unwrap().current.unwrap().media_type, "video/mp4");
    let native = shop.alice().url("clip.mp4").unwrap().sign().unwrap();
    assert_eq!(shop.store.serve(&Request::get(&native)).unwrap().header("Content-Type"), Some("video/mp4"));
    shop.alice().put("fixed.bin", &b"x"[..], Put::new().media_type("image/png")).unwrap();
    shop.alice().rename("fixed.bin", "fixed.txt", false).unwrap();
    let reply = shop.get(&shop.url(&alice(), "cloudreve://my/fixed.txt"));
    assert_eq!(reply.header("Content-Type"), Some("image/png"), "what was declared stays");
}
