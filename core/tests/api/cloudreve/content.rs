//! The routes behind signed URLs, and what their defects were in the original.

use holdall::token::cloudreve::{escape_query, escape_segment, sign};
use holdall::{Put, Request, Share, Time};
use serde_json::json;

use super::*;

/// Signs a path as a Cloudreve server did, with its own secret.
fn signed(path: &str, query: &str, expires: i64) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap();
    let sign = sign(SECRET, path, expires);
    format!("{folder}/{}?{query}sign={}", escape_segment(name), escape_query(&sign))
}

fn fault(test: &TestStore, url: &str) -> (u16, i64, String) {
    let reply = test.get(url);
    assert_eq!(reply.header("Access-Control-Allow-Origin"), Some("*"), "{url}");
    let answer = json_of(&reply);
    assert!(answer["correlation_id"].is_string());
    (reply.status, answer["code"].as_i64().unwrap(), answer["msg"].as_str().unwrap().to_owned())
}

#[test]
fn a_url_that_a_cloudreve_server_signed_works_by_its_secret() {
    let test = TestStore::with_room();
    let version = test.put("The Man.mp3", b"la la");
    let path = format!("/api/v4/file/content/{}/0/The Man.mp3", test.imported(123, &version));
    let url = signed(&path, "", NOW + 10);
    assert_eq!(read(&test.get(&url)), b"la la");
    test.store.remove_cloudreve_secrets().unwrap();
    assert_eq!(fault(&test, &url).1, 40071);
    test.store.add_cloudreve_secret(SECRET).unwrap();
    assert_eq!(test.get(&url).status, 200);
    assert!(
        test.store.add_cloudreve_secret(SECRET).is_err()
            && test.store.add_cloudreve_secret(b"short").is_err()
    );
    let own = test.url(&alice(), "cloudreve://my/The%20Man.mp3");
    test.store.rotate_key().unwrap();
    for url in [&url, &own] {
        assert_eq!(test.get(url).status, 200, "rotation kills no URL");
    }
    let native = test.store.url(&version).sign().unwrap();
    assert!(!native.contains("sign="), "the store's own form is untouched");
}

#[test]
fn faults_of_a_signature_come_in_the_order_of_the_form() {
    let test = TestStore::with_room();
    let version = test.put("a.txt", b"x");
    let path = format!("/api/v4/file/content/{}/0/a.txt", test.imported(7, &version));
    let good = sign(SECRET, &path, NOW);
    for (query, code, msg) in [
        ("", 403, "expire timestamp is missing"),
        ("sign=", 403, "expire timestamp is missing"),
        ("sign=abc", 40071, "sign expired"),
        ("sign=abc%3A", 403, "expire timestamp is missing"),
        (&format!("sign=forged%3A{}", NOW - 1), 40005, "signature expired"),
        (&format!("sign=forged%3A{}", NOW + 1), 40071, "invalid sign"),
        (&format!("sign={good};"), 403, "expire timestamp is missing"),
        (&format!("sign=x&sign={good}"), 40071, "sign expired"),
        (&format!("sign={}", good.replace('=', "")), 40071, "invalid sign"),
        (&format!("sign=%ff{good}"), 40071, "invalid sign"),
    ] {
        let answer = fault(&test, &format!("{path}?{query}"));
        assert_eq!(answer, (200, code, msg.to_owned()), "{query}");
    }
    assert_eq!(
        test.get(&format!("{path}?sign={good}")).status,
        200,
        "through the whole second, unescaped too"
    );
    assert_eq!(test.get(&format!("{path}?a=b&sign={good}&c")).status, 200, "other parameters change nothing");
    let encoded = path.replace("a.txt", "%61%2e%74xt");
    assert_eq!(test.get(&format!("{encoded}?sign={good}")).status, 200, "however it is escaped");
    let never = sign(SECRET, &path, 0);
    let late = Request::new("GET", "/");
    let target = format!("{path}?sign={never}");
    assert_eq!(
        test.ask(&Request { target: &target, ..late }.at(Time::from_unix(99_999_999_999))).status,
        200
    );
}

#[test]
fn what_a_good_signature_leads_to_must_be_there() {
    let test = TestStore::with_room();
    let version = test.put("a.txt", b"x");
    let other = test.bob().put("a.txt", &b"y"[..], Put::new()).unwrap();
    let entity = test.imported(7, &version);
    for (path, code, msg) in [
        ("nonsense/0/a.txt".to_owned(), 40001, "Failed to parse object ID"),
        ("2yTM/0/a.txt".to_owned(), 40001, "Failed to parse object ID"),
        (format!("{entity}/x/a.txt"), 40001, "Failed to parse object ID"),
        (format!("{entity}/-1/a.txt"), 40001, "Failed to parse object ID"),
        ("BxAexhn/0/a.txt".to_owned(), 40077, "Entity not exist"),
    ] {
        let url = signed(&format!("/api/v4/file/content/{path}"), "", NOW);
        assert_eq!(fault(&test, &url), (200, code, msg.to_owned()), "{path}");
    }
    let url = signed(&format!("/api/v4/file/content/{entity}/0/any name"), "", NOW);
    assert_eq!(test.get(&url).status, 200, "the name is the URL's own");
    test.alice().trash("a.txt").unwrap();
    assert_eq!(test.get(&url).status, 200, "what was handed out goes on in the trash");
    test.alice().empty_trash(Time(i64::MAX)).unwrap();
    assert_eq!(fault(&test, &url), (200, 40077, "Entity not exist".into()));
    let swapped = url.replace(&entity, &test.entity(&other));
    assert_eq!(fault(&test, &swapped).1, 40071, "a signature is of one entity");
}

#[test]
fn the_speed_stands_in_the_path_and_is_kept_to() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let slow = alice().limits(holdall::Limits::new().speed(1_048_576));
    let url = test.url(&slow, "cloudreve://my/a.txt");
    assert!(url.contains("/1048576/a.txt?"), "{url}");
    assert_eq!(test.get(&url).pace, Some(1_048_576));
    assert_eq!(test.get(&test.url(&alice(), "cloudreve://my/a.txt")).pace, None);
    assert_eq!(fault(&test, &url.replace("/1048576/", "/0/")).1, 40071);
}

#[test]
fn head_ranges_and_conditions_work() {
    let test = TestStore::new();
    let version = test.put("a.txt", b"hello world");
    let url = test.url(&alice(), "cloudreve://my/a.txt");
    let tag = format!("\"{}\"", test.entity(&version));
    let at = |request: Request<'_>| test.ask(&request.at(Time::from_unix(NOW)));
    let head = at(Request::head(&url));
    assert_eq!((head.status, head.header("Content-Length")), (200, Some("11")));
    let part = at(Request::get(&url).range("bytes=6-").header("If-Range", &tag));
    assert_eq!((part.status, read(&part)), (206, b"world".to_vec()));
    assert_eq!(part.header("Content-Range"), Some("bytes 6-10/11"));
    let many = at(Request::get(&url).range("bytes=0-0,10-10"));
    assert!(many.status == 206 || many.status == 200);
    assert_eq!(at(Request::get(&url).range("bytes=11-")).status, 416);
    assert_eq!(at(Request::get(&url).header("If-None-Match", &tag)).status, 304);
    assert_eq!(at(Request::get(&url).header("If-Match", "\"x\"")).status, 412);
    let other = at(Request::get(&url).range("bytes=6-").header("If-Range", "\"x\""));
    assert_eq!((other.status, read(&other)), (200, b"hello world".to_vec()));
    let options = at(Request::new("OPTIONS", &url));
    assert_eq!((options.status, options.header("Access-Control-Allow-Origin")), (204, Some("*")));
    assert!(options.header("Access-Control-Allow-Headers").unwrap().contains("If-Range"));
    assert_eq!(at(Request::new("DELETE", &url)).status, 405);
}

#[test]
fn caches_keep_content_no_longer_than_its_url_lives() {
    let test = TestStore::with_room();
    let version = test.put("a.txt", b"x");
    let path = format!("/api/v4/file/content/{}/0/a.txt", test.imported(7, &version));
    for (expires, header) in [
        (NOW + 100, "public, max-age=100"),
        (NOW, "public, max-age=0"),
        (0, "public, max-age=86400"),
        (NOW + 1_000_000, "public, max-age=86400"),
    ] {
        assert_eq!(test.get(&signed(&path, "", expires)).header("Cache-Control"), Some(header));
    }
}

#[test]
fn a_name_with_spaces_is_written_with_percent_20_and_not_plus() {
    let test = TestStore::new();
    let name = "\u{9060}\u{91ce} - a+b (1).mp3";
    test.put(name, b"x");
    let uri = "cloudreve://my/%E9%81%A0%E9%87%8E%20-%20a+b%20(1).mp3";
    let reply = test.get(&test.url(&alice(), uri));
    let answer = reply.header("Content-Disposition").unwrap();
    assert!(answer.starts_with("attachment; filename=\"__ - a+b (1).mp3\"; "), "{answer}");
    assert!(answer.ends_with("filename*=UTF-8''%E9%81%A0%E9%87%8E%20-%20a+b%20%281%29.mp3"), "{answer}");
}

#[test]
fn what_is_not_asked_to_be_saved_is_shown_only_if_it_can_do_no_harm() {
    let test = TestStore::new();
    for (name, shown) in [("a.png", true), ("a.html", false), ("a.svg", false)] {
        test.put(name, b"x");
        let answer = test.urls(&alice(), &json!({"uris": [format!("cloudreve://my/{name}")]}));
        let reply = test.get(answer["data"]["urls"][0]["url"].as_str().unwrap());
        let inline = reply.header("Content-Disposition").unwrap().starts_with("inline");
        assert_eq!(inline, shown, "{name}");
        assert!(reply.header("Content-Security-Policy").unwrap().contains("sandbox"));
        assert_eq!(reply.header("Cross-Origin-Resource-Policy"), Some("cross-origin"));
    }
    let url = test.url(&alice(), "cloudreve://my/a.png").replace("download=true", "download=false");
    assert!(
        test.get(&url).header("Content-Disposition").unwrap().starts_with("attachment"),
        "any value saves"
    );
}

#[test]
fn a_foreign_secret_opens_what_was_imported_and_nothing_else() {
    let test = TestStore::with_room();
    let (old, new) = (test.put("old.txt", b"imported"), test.put("new.txt", b"ours"));
    let imported = test.imported(123, &old);
    let content = |entity: &str, name: &str| format!("/api/v4/file/content/{entity}/0/{name}");
    let good = signed(&content(&imported, "old.txt"), "", NOW);
    assert_eq!(read(&test.get(&good)), b"imported");
    // By its number here the same version never was there.
    let forged = [&old, &new].map(|version| signed(&content(&test.entity(version), "x"), "", NOW));
    let zip = test.urls(&alice(), &json!({"uris": ["cloudreve://my/new.txt"], "archive": true}));
    let zip = zip["data"]["urls"][0]["url"].as_str().unwrap();
    let zip_path = zip.split('?').next().unwrap().strip_prefix("http://localhost:5173").unwrap();
    assert_eq!(test.get(zip).status, 200);
    let share = test.share("new.txt", &Share::new());
    let shared = test.url(&nobody(), &test.share_uri(&share, "new.txt"));
    let shared = shared.split('?').next().unwrap().strip_prefix("http://localhost:5173").unwrap();
    for url in [&forged[0], &forged[1], &signed(shared, "", NOW)] {
        assert_eq!(fault(&test, url).1, 40077, "{url}");
    }
    assert_eq!(fault(&test, &signed(zip_path, "", 0)).1, 404);
    // The store serves the form itself, and goes by the same rule.
    let native = |path: &str| {
        let sign = sign(SECRET, path, 0);
        test.store.serve(&Request::get(&format!("{path}?sign={}", escape_query(&sign)))).unwrap().status
    };
    assert_eq!(native(&format!("/file/content/{imported}/0/old.txt")), 200);
    assert_eq!(native(&format!("/file/content/{}/0/x", test.entity(&new))), 404);
    let archive = test.alice().archive(["new.txt"]).unwrap().create().unwrap();
    assert_eq!(native(&format!("/file/archive/{}/archive.zip", archive.id)), 404);
    test.store.revoke_file(old.id.file()).unwrap();
    assert_eq!(fault(&test, &good).1, 40077, "revoking reaches what another system signed");
}
