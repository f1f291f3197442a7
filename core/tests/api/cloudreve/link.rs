//! Direct links: `/f/...` and `/f/d/...`.

use holdall::{Caller, Limits, Request, Time};
use serde_json::json;

use super::*;

fn made(shop: &Shop, caller: &Caller, uri: &str) -> String {
    let told = shop.call(caller, "PUT", "file/source", &json!({ "uris": [uri] }));
    told["data"][0]["link"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

fn fault(shop: &Shop, url: &str) -> (u16, i64, String) {
    let reply = shop.get(url);
    let told = json_of(&reply);
    (reply.status, told["code"].as_i64().unwrap(), told["msg"].as_str().unwrap().to_owned())
}

/// Follows a link and returns what it leads to.
fn follow(shop: &Shop, url: &str) -> Reply {
    let reply = shop.get(url);
    assert_eq!(reply.status, 302, "{url}");
    assert_eq!(reply.header("Access-Control-Allow-Origin"), Some("*"));
    shop.get(reply.header("Location").unwrap())
}

#[test]
fn a_link_follows_the_file_under_its_own_name_and_speed() {
    let shop = Shop::new();
    shop.put("a b.txt", b"old");
    let url = made(&shop, &alice().limits(Limits::new().speed(500)), "cloudreve://my/a%20b.txt");
    let reply = follow(&shop, &url);
    assert_eq!((read(&reply), reply.pace), (b"old".to_vec(), Some(500)));
    assert!(reply.header("Content-Disposition").unwrap().starts_with("inline; filename=\"a b.txt\""));
    let saved = follow(&shop, &url.replace("/f/", "/f/d/"));
    assert!(saved.header("Content-Disposition").unwrap().starts_with("attachment; filename=\"a b.txt\""));
    shop.put("a b.txt", b"newer");
    assert_eq!(read(&follow(&shop, &url)), b"newer", "a new version is followed");
    shop.alice().rename("a b.txt", "moved/c.txt", false).unwrap();
    let reply = follow(&shop, &url);
    assert!(reply.header("Content-Disposition").unwrap().contains("a b.txt"), "the name is frozen");
}

#[test]
fn a_redirect_may_be_kept_for_as_long_as_its_url_lives() {
    let shop = Shop::new();
    shop.put("a.txt", b"x");
    let url = made(&shop, &alice(), "cloudreve://my/a.txt");
    let reply = shop.get(&url);
    let ends: i64 = reply.header("Location").unwrap().rsplit("%3A").next().unwrap().parse().unwrap();
    assert_eq!(reply.header("Cache-Control"), Some(format!("public, max-age={}", ends - NOW).as_str()));
    assert_eq!(shop.get(&url).header("Location"), reply.header("Location"), "the same within a window");
}

#[test]
fn what_is_no_link_is_not_found() {
    let shop = Shop::new();
    shop.put("a.txt", b"x");
    let url = made(&shop, &alice(), "cloudreve://my/a.txt");
    assert_eq!(fault(&shop, "/f/nonsense/a.txt"), (200, 40001, "Failed to parse object ID".into()));
    assert_eq!(fault(&shop, "/f/BxAexhn/a.txt").1, 40001, "an entity's id is not a link's");
    assert_eq!(fault(&shop, "/f/yZMqZc0/a.txt"), (404, 404, "Direct link not found".into()));
    for name in ["b.txt", "A.txt", "a.txt%20", "", "%ff"] {
        let other = url.replace("a.txt", name);
        assert_eq!(fault(&shop, &other), (404, 404, "Direct link not found".into()), "{name}");
    }
    assert_eq!(read(&follow(&shop, &url.replace("a.txt", "%61.txt"))), b"x");
    assert_eq!(fault(&shop, "/f/x").0, 404);
    shop.alice().trash("a.txt").unwrap();
    assert_eq!(fault(&shop, &url), (404, 404, "Direct link invalid".into()));
    let file = shop.alice().list_trash(None, 1).unwrap()[0].file;
    shop.alice().restore(file, None).unwrap();
    assert_eq!(read(&follow(&shop, &url)), b"x", "what comes back is linked again");
    shop.alice().delete("a.txt").unwrap();
    assert_eq!(fault(&shop, &url), (404, 404, "Direct link not found".into()));
    let post = shop.ask(&Request::new("POST", &url).at(Time::from_unix(NOW)));
    assert_eq!(post.status, 405);
}

#[test]
fn no_count_is_lost_and_only_what_was_followed_counts() {
    let shop = Shop::new();
    shop.put("a.txt", b"x");
    let url = made(&shop, &alice(), "cloudreve://my/a.txt");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(shop.get(&url).status, 302);
                }
            });
        }
    });
    let count = || shop.alice().links("a.txt").unwrap()[0].downloads;
    assert_eq!(count(), 400);
    assert_eq!(shop.ask(&Request::head(&url).at(Time::from_unix(NOW))).status, 302);
    assert_eq!(shop.get(&url.replace("a.txt", "b.txt")).status, 404);
    assert_eq!(count(), 400);
}

#[test]
fn a_host_may_have_links_give_the_content_itself() {
    let shop = Shop::new();
    shop.put("a.txt", b"hello");
    let url = made(&shop, &alice(), "cloudreve://my/a.txt");
    let api = shop.api.clone().redirect_links(false);
    let ask = |request: &Request<'_>| api.answer(&nobody(), request, std::io::empty()).unwrap();
    let reply = ask(&Request::get(&url).range("bytes=1-2"));
    assert_eq!((reply.status, read(&reply)), (206, b"el".to_vec()));
    assert_eq!(read(&ask(&Request::get(&url.replace("/f/", "/f/d/")))), b"hello");
    shop.alice().trash("a.txt").unwrap();
    assert_eq!(ask(&Request::get(&url)).status, 404);
}

#[test]
fn the_stores_own_links_are_followed_too() {
    let shop = Shop::new();
    shop.put("a.txt", b"x");
    let link = shop.alice().link("a.txt").unwrap();
    let own = shop.store.link_url(&link).unwrap();
    assert_eq!(read(&follow(&shop, &own)), b"x", "{own}");
}
