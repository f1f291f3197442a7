//! POST `file/url` with `archive`, and the zip that comes of it.

use std::io::Cursor;

use holdall::{Limits, Put, Request, Time};
use serde_json::json;

use super::*;

fn ask(test: &TestStore, caller: &Caller, uris: &[&str]) -> serde_json::Value {
    test.urls(caller, &json!({"uris": uris, "archive": true}))
}

fn names(test: &TestStore, url: &str) -> Vec<String> {
    let reply = test.get(url);
    assert_eq!(reply.status, 200, "{url}");
    let mut zip = zip::ZipArchive::new(Cursor::new(read(&reply))).unwrap();
    let mut names: Vec<String> =
        (0..zip.len()).map(|at| zip.by_index(at).unwrap().name().unwrap().into_owned()).collect();
    names.sort();
    names
}

fn url_of(message: &serde_json::Value) -> String {
    assert_eq!(message["code"], 0, "{message}");
    assert_eq!(message["data"]["urls"].as_array().unwrap().len(), 1);
    message["data"]["urls"][0]["url"].as_str().unwrap().to_owned()
}

#[test]
fn one_url_gives_a_zip_of_everything_under_relative_and_unique_names() {
    let test = TestStore::new();
    test.put("docs/a.txt", b"one");
    test.put("docs/deep/b.txt", b"two");
    test.alice().mkdir("docs/empty").unwrap();
    test.put("other/a.txt", b"three");
    let uris = [
        "cloudreve://my/docs",
        "cloudreve://my/docs/a.txt",
        "cloudreve://my/other/a.txt",
        "cloudreve://my/docs",
    ];
    let message = ask(&test, &alice(), &uris);
    let url = url_of(&message);
    assert!(url.starts_with("http://localhost:5173/api/v4/file/archive/"), "{url}");
    assert!(url.contains("/archive.zip?sign="), "{url}");
    assert!(message["data"]["expires"].is_string());
    let all = ["a (2).txt", "a.txt", "docs/", "docs/a.txt", "docs/deep/", "docs/deep/b.txt", "docs/empty/"];
    assert_eq!(names(&test, &url), all);
}

#[test]
fn a_zip_has_a_length_a_tag_ranges_and_head() {
    let test = TestStore::new();
    test.put("docs/a.txt", b"hello");
    let url = url_of(&ask(&test, &alice(), &["cloudreve://my/docs"]));
    let whole = test.get(&url);
    let bytes = read(&whole);
    assert_eq!(whole.header("Content-Length"), Some(bytes.len().to_string().as_str()));
    assert_eq!(whole.header("Content-Type"), Some("application/zip"));
    assert!(whole.header("Content-Disposition").unwrap().contains("archive.zip"));
    let tag = whole.header("ETag").unwrap().to_owned();
    let head = test.ask(&Request::head(&url).at(Time::from_unix(NOW)));
    assert_eq!((head.status, head.header("ETag")), (200, Some(tag.as_str())));
    let rest =
        test.ask(&Request::get(&url).range("bytes=10-").header("If-Range", &tag).at(Time::from_unix(NOW)));
    assert_eq!((rest.status, read(&rest)), (206, bytes[10..].to_vec()));
}

#[test]
fn what_is_wrong_is_said_when_the_archive_is_asked_for() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    test.put("gone.txt", b"x");
    test.alice().trash("gone.txt").unwrap();
    for (uri, code) in [
        ("cloudreve://my/none", 40016),
        ("cloudreve://my/gone.txt", 40016),
        ("cloudreve://my", 403),
        ("cloudreve://trash/x", 403),
        ("cloudreve://foo/x", -1),
    ] {
        let message = ask(&test, &alice(), &["cloudreve://my/a.txt", uri]);
        assert_eq!((&message["code"], own_code(&message)), (&json!(40081), code), "{uri}");
        let some = json!({"uris": ["cloudreve://my/a.txt", uri], "archive": true, "skip_error": true});
        let message = test.urls(&alice(), &some);
        assert_eq!(names(&test, &url_of(&message)), ["a.txt"]);
        assert_eq!(message["aggregated_error"][uri]["code"], code, "nothing is left out in silence");
    }
    let message = ask(&test, &alice(), &["bad"]);
    assert_eq!((&message["code"], &message["msg"]), (&json!(40001), &json!("unknown uri")));
    assert_eq!(ask(&test, &alice(), &[])["data"], json!({"urls": [], "expires": null}));
    let group = alice().limits(Limits::new().archive(false));
    let message = ask(&test, &group, &["cloudreve://my/a.txt"]);
    assert_eq!((&message["code"], &message["msg"]), (&json!(40007), &json!("")));
}

#[test]
fn past_the_stores_limit_is_an_error_and_never_a_shorter_zip() {
    let dir = tempfile::tempdir().unwrap();
    let store = crate::opened::open(dir.path(), Options::new().max_archive_entries(3)).unwrap();
    let drive = store.drive("alice").unwrap();
    for at in 0..4 {
        drive.put(&format!("docs/{at}"), &b"x"[..], Put::new()).unwrap();
    }
    let body = json!({"uris": ["cloudreve://my/docs"], "archive": true}).to_string();
    let reply = Api::new(&store).answer(&alice(), &Request::new("POST", "/api/v4/file/url"), body.as_bytes());
    assert_eq!(json_of(&reply.unwrap())["code"], 40049);
}

#[test]
fn the_list_is_frozen_when_the_archive_is_asked_for() {
    let test = TestStore::new();
    test.put("docs/a.txt", b"old");
    let url = url_of(&ask(&test, &alice(), &["cloudreve://my/docs"]));
    let before = read(&test.get(&url));
    test.put("docs/a.txt", b"newer");
    test.put("docs/b.txt", b"more");
    assert_eq!(read(&test.get(&url)), before);
    test.alice().delete("docs").unwrap();
    assert_eq!(read(&test.get(&url)), before, "a resumed download goes on");
}

#[test]
fn an_archive_keeps_to_the_callers_speed() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let slow = alice().limits(Limits::new().speed(4096));
    let url = url_of(&ask(&test, &slow, &["cloudreve://my/a.txt"]));
    assert_eq!(test.get(&url).pace, Some(4096));
    let faster = url.replace(".4096/", "/");
    assert_ne!(faster, url);
    assert_eq!(json_of(&test.get(&faster))["code"], 40071, "the speed is signed");
    assert_eq!(test.get(&url_of(&ask(&test, &alice(), &["cloudreve://my/a.txt"]))).pace, None);
}

#[test]
fn a_folder_of_another_that_is_shared_comes_with_all_that_is_in_it() {
    let test = TestStore::new();
    test.put("docs/sub/a.txt", b"hello");
    test.put("docs/b.txt", b"x");
    let share = test.share("docs", &Share::new().max_downloads(3));
    let (sub, file) = (test.share_uri(&share, "sub"), test.share_uri(&share, "b.txt"));
    let url = url_of(&ask(&test, &guest(), &[&sub, &file]));
    assert_eq!(names(&test, &url), ["b.txt", "sub/", "sub/a.txt"], "not an empty zip");
    let left = |store: &Store| store.visit(share.id, None).unwrap().info().downloads;
    assert_eq!(left(&test.store), 2, "each of what was asked for counts");
    let message = ask(&test, &guest(), &[&sub, &file]);
    assert_eq!((&message["code"], own_code(&message)), (&json!(40081), 404), "one is more than is left");
    assert_eq!(left(&test.store), 2, "and what is refused does not count");
    url_of(&ask(&test, &guest(), &[&sub]));
    assert_eq!(own_code(&ask(&test, &guest(), &[&sub])), 404, "an archive is no way around the limit");
    let root = test.share("docs", &Share::new());
    assert_eq!(own_code(&ask(&test, &guest(), &[&test.share_uri(&root, "")])), 403);
}

#[test]
fn an_archive_ends_with_its_time_and_with_its_share() {
    let test = TestStore::new();
    test.put("docs/a.txt", b"hello");
    let share = test.share("docs", &Share::new());
    let url = url_of(&ask(&test, &guest(), &[&test.share_uri(&share, "a.txt")]));
    assert_eq!(test.get(&url).status, 200);
    test.store.unshare(share.id).unwrap();
    let message = json_of(&test.get(&url));
    assert_eq!((&message["code"], &message["msg"]), (&json!(404), &json!("Archive session not exist")));

    let url = url_of(&ask(&test, &alice(), &["cloudreve://my/docs"]));
    let ends: i64 = url.rsplit("%3A").next().unwrap().parse().unwrap();
    let left = ends - Time::now().unix();
    assert!((595..=600).contains(&left), "{left}");
    let late = test.ask(&Request::get(&url).at(Time::from_unix(ends + 1)));
    assert_eq!(json_of(&late)["code"], 40005);
    let unknown = holdall::token::cloudreve::sign(SECRET, "/api/v4/file/archive/a9/archive.zip", NOW);
    let message = json_of(&test.get(&format!("/api/v4/file/archive/a9/archive.zip?sign={unknown}")));
    assert_eq!(message["code"], 404);
}

/// What PDS answers to whoever asks for an archive by its id.
fn by_id(test: &TestStore, caller: &Caller, drive: &Drive, url: &str) -> (u16, serde_json::Value) {
    let id = url.split("/archive/").nth(1).unwrap().split('/').next().unwrap();
    let body = json!({"drive_id": drive.id().0.to_string(), "file_id": id}).to_string();
    let request = Request::new("POST", "/v2/file/get_download_url");
    let reply = test.api.answer(caller, &request, body.as_bytes()).unwrap();
    let bytes = reply.body.to_vec(1 << 20).unwrap();
    (reply.status, serde_json::from_slice(&bytes).unwrap())
}

#[test]
fn an_archive_of_anothers_share_and_ones_own_file_is_the_makers_and_ends_with_every_share() {
    let test = TestStore::new();
    test.put("docs/a.txt", b"alice's");
    test.put("more/b.txt", b"alice's too");
    test.bob().put("private.txt", &b"bob's own"[..], Put::new()).unwrap();
    let (docs, more) = (test.share("docs", &Share::new()), test.share("more", &Share::new()));
    let (one, two) = (test.share_uri(&docs, "a.txt"), test.share_uri(&more, "b.txt"));
    let make = |uris: &[&str]| url_of(&ask(&test, &bob(), uris));
    for first in [[&one[..], "cloudreve://my/private.txt"], ["cloudreve://my/private.txt", &one[..]]] {
        let url = make(&first);
        assert_eq!(names(&test, &url), ["a.txt", "private.txt"]);
        assert_eq!(by_id(&test, &alice(), &test.alice(), &url).0, 404, "the sharer is none of its makers");
        assert_eq!(by_id(&test, &bob(), &test.alice(), &url).0, 403, "nor is her drive its maker's");
        let (status, message) = by_id(&test, &bob(), &test.bob(), &url);
        assert_eq!((status, &message["drive_id"]), (200, &json!(test.bob().id().0.to_string())), "{message}");
        let (status, _) = by_id(&test, &bob().limits(Limits::new().archive(false)), &test.bob(), &url);
        assert_eq!(status, 403, "the group may have no archives");
        let group = bob().limits(Limits::new().share_download(false));
        assert_eq!(by_id(&test, &group, &test.bob(), &url).0, 403, "nor anything of shares");
    }
    let mixed = make(&["cloudreve://my/private.txt", &one, &two]);
    let (own, other) = (make(&["cloudreve://my/private.txt"]), make(&[&one, "cloudreve://my/private.txt"]));
    assert_eq!([&mixed, &own, &other].map(|url| test.get(url).status), [200; 3]);
    let code = |url: &str| json_of(&test.get(url))["code"].clone();
    test.store.revoke_share(more.id).unwrap();
    assert_eq!((code(&mixed), test.get(&other).status), (json!(404), 200), "the second share was revoked");
    assert_eq!(by_id(&test, &bob(), &test.bob(), &mixed).0, 404);
    let again = make(&["cloudreve://my/private.txt", &one, &two]);
    assert_eq!(test.get(&again).status, 200, "what is made now is of now");
    test.store.unshare(docs.id).unwrap();
    assert_eq!([&again, &other].map(|url| code(url)), [json!(404), json!(404)], "the first was deleted");
    assert_eq!(read(&test.get(&own))[..2], *b"PK");
}

#[test]
fn an_archive_is_checked_counted_and_published_at_once() {
    let test = TestStore::new();
    for at in 0..20 {
        test.put(&format!("docs/{at}.txt"), b"x");
    }
    let share = test.share("docs", &Share::new().max_downloads(5));
    // Each asks for something else, so that none is the archive of another.
    let made: usize = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..20)
            .map(|at| {
                let (test, share) = (&test, &share);
                scope.spawn(move || {
                    let uri = test.share_uri(share, &format!("{at}.txt"));
                    usize::from(ask(test, &guest(), &[&uri])["code"] == 0)
                })
            })
            .collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).sum()
    });
    assert_eq!(made, 5);
    assert_eq!(test.alice().shares("docs").unwrap()[0].downloads, 5);
    // What was refused is nowhere: no id that could be counted to, and none that a collection finds.
    for id in 1..2000 {
        assert!(test.store.archive(holdall::ArchiveId(id)).is_err(), "{id}");
    }
}

#[test]
fn a_visitor_whom_nobody_knows_makes_no_archive_unless_the_host_lets_him() {
    let test = TestStore::new();
    test.put("docs/a.txt", b"x");
    let uri = test.share_uri(&test.share("docs", &Share::new()), "a.txt");
    assert_eq!(ask(&test, &nobody(), &[&uri])["code"], 40007);
    assert_eq!(ask(&test, &guest(), &[&uri])["code"], 0);
    assert_eq!(ask(&test, &bob(), &[&uri])["code"], 0);
}

#[test]
fn equal_archives_are_one_and_a_share_has_room_for_so_many() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new().share_archive_quota(2000).drive_archive_quota(1 << 20);
    let store = crate::opened::open(dir.path(), options).unwrap();
    let (alice_drive, api) = (store.drive("alice").unwrap(), Api::new(&store));
    store.drive("bob").unwrap();
    for at in 0..9 {
        alice_drive.put(&format!("docs/{at}.txt"), &b"x"[..], Put::new()).unwrap();
    }
    let share = alice_drive.share("docs", &Share::new()).unwrap();
    let uri = |at: usize| format!("{}/{at}.txt", api.share_uri(share.id).unwrap());
    let ask = |caller: &Caller, at: usize| {
        let body = json!({"uris": [uri(at)], "archive": true}).to_string();
        let request = Request::new("POST", "/api/v4/file/url");
        json_of(&api.answer(caller, &request, body.as_bytes()).unwrap())
    };
    let id = |message: &serde_json::Value| {
        url_of(message).split("/archive/").nth(1).unwrap().split('/').next().unwrap().to_owned()
    };
    let first = id(&ask(&guest(), 0));
    for _ in 0..50 {
        assert_eq!(id(&ask(&guest(), 0)), first, "the same of the same");
    }
    let made: Vec<_> = (0..9).map(|at| ask(&guest(), at)["code"].clone()).collect();
    assert_eq!(made.iter().filter(|code| **code == 0).count(), 3, "{made:?}");
    assert_eq!(made[8], 40049);
    assert_ne!(id(&ask(&bob(), 0)), first, "another maker's is another");
    assert_eq!(alice_drive.shares("docs").unwrap()[0].downloads, 1 + 50 + 3 + 1, "each of them counts");
}
