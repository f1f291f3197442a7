//! URIs in shares: who is let in, and what counts.

use std::sync::Barrier;

use holdall::{ErrorKind, Limits, Request, Share, Time};
use serde_json::json;

use super::*;

#[test]
fn a_host_tells_what_the_uris_in_a_share_begin_with() {
    let test = TestStore::new();
    test.put("docs/a.txt", b"x");
    let share = test.share("docs", &Share::new());
    let uri = test.api.share_uri(share.id).unwrap();
    assert_eq!(format!("{uri}/"), test.share_uri(&share, ""));
    assert_eq!(test.code(&nobody(), &format!("{uri}/a.txt")), 0);
    test.store.unshare(share.id).unwrap();
    assert_eq!(test.api.share_uri(share.id).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_shared_file_is_named_and_a_shared_folder_entered() {
    let test = TestStore::new();
    test.put("docs/a.txt", b"x");
    test.put("secret.txt", b"s");
    let file = test.share("docs/a.txt", &Share::new());
    let folder = test.share("docs", &Share::new());
    for (share, path, code) in [
        (&file, "a.txt", 0),
        (&file, "", 40077),
        (&file, "b.txt", 40016),
        (&file, "a.txt/x", 40016),
        (&folder, "a.txt", 0),
        (&folder, "", 40077),
        (&folder, "none", 40016),
        (&folder, "../secret.txt", 40016),
        (&folder, "%2e%2e%2fsecret.txt", 40016),
        (&folder, "docs/a.txt", 40016),
    ] {
        assert_eq!(test.code(&nobody(), &test.share_uri(share, path)), code, "{path}");
    }
    test.alice().rename("docs/a.txt", "docs/b.txt", false).unwrap();
    assert_eq!(test.code(&nobody(), &test.share_uri(&file, "b.txt")), 0, "by its name of now");
    assert_eq!(test.code(&nobody(), &test.share_uri(&file, "a.txt")), 40016);
}

#[test]
fn a_share_that_is_over_is_not_there() {
    let test = TestStore::new();
    for name in ["expired", "used", "trashed", "deleted", "unshared"] {
        test.put(name, b"x");
    }
    let expired = test.share("expired", &Share::new().expires_in(hour()));
    let used = test.share("used", &Share::new().max_downloads(1));
    let trashed = test.share("trashed", &Share::new());
    let deleted = test.share("deleted", &Share::new());
    let unshared = test.share("unshared", &Share::new());
    let uris = [
        test.share_uri(&expired, "expired"),
        test.share_uri(&used, "used"),
        test.share_uri(&trashed, "trashed"),
        test.share_uri(&deleted, "deleted"),
        test.share_uri(&unshared, "unshared"),
    ];
    for uri in &uris {
        assert_eq!(test.code(&nobody(), uri), 0, "{uri}");
    }
    test.alice().trash("trashed").unwrap();
    test.alice().delete("deleted").unwrap();
    test.store.unshare(unshared.id).unwrap();
    for uri in &uris {
        let body = json!({ "uris": [uri] }).to_string();
        let late = Time(expired.expires.unwrap().0);
        let request = Request::new("POST", "/api/v4/file/url").at(late);
        let message = json_of(&test.api.answer(&nobody(), &request, body.as_bytes()).unwrap());
        let fault = &message["aggregated_error"][uri];
        assert_eq!(
            (&fault["code"], &fault["msg"]),
            (&json!(404), &json!("Shared file does not exist")),
            "{uri}"
        );
    }
}

#[test]
fn the_password_stands_in_the_uri() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let share = test.share("a.txt", &Share::new().password("p:w/@ \u{e9}"));
    let id = test.share_id(&share);
    let uri = |password: &str| format!("cloudreve://{id}:{password}@share/a.txt");
    assert_eq!(test.code(&nobody(), &uri("p%3Aw%2F%40%20%C3%A9")), 0);
    for (uri, code) in [
        (test.share_uri(&share, "a.txt"), 40069),
        (uri(""), 40069),
        (uri("wrong"), 40069),
        (uri("P%3Aw%2F%40%20%C3%A9"), 40069),
    ] {
        let message = test.urls(&nobody(), &json!({ "uris": [uri] }));
        assert_eq!(own_code(&message), code, "{uri}");
        assert!(
            message["aggregated_error"][&uri]["msg"].as_str() == Some("Incorrect share password"),
            "{message}"
        );
    }
    assert_eq!(test.code(&alice(), &test.share_uri(&share, "a.txt")), 0, "the owner needs none");
}

#[test]
fn one_call_cannot_try_many_passwords() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let share = test.share("a.txt", &Share::new().password("pw40"));
    let id = test.share_id(&share);
    let uris: Vec<String> = (0..60).map(|at| format!("cloudreve://{id}:pw{at}@share/a.txt")).collect();
    let message = test.urls(&nobody(), &json!({ "uris": uris, "skip_error": true }));
    assert_eq!(message["aggregated_error"].as_object().unwrap().len(), 60, "the right one came too late");
    assert_eq!(test.code(&nobody(), &uris[40]), 0);
}

#[test]
fn a_group_may_be_kept_from_shares() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let uri = test.share_uri(&test.share("a.txt", &Share::new()), "a.txt");
    let kept = || Limits::new().share_download(false);
    assert_eq!(test.code(&nobody().limits(kept()), &uri), 40088);
    assert_eq!(test.code(&bob().limits(kept()), &uri), 403);
    assert_eq!(test.code(&alice().limits(kept()), &uri), 0, "the owner may, as in the own drive");
}

#[test]
fn a_ticket_opens_the_share_that_it_was_made_for() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let paid = test.share("a.txt", &Share::new().purchase());
    let other = test.share("a.txt", &Share::new().purchase());
    let ticket = test.api.ticket(paid.id, hour()).unwrap();
    let ask = |share: &holdall::ShareInfo, ticket: &str, at: Time| {
        let body = json!({"uris": [test.share_uri(share, "a.txt")]}).to_string();
        let request = Request::new("POST", "/api/v4/file/url").header("X-Cr-Purchase-Ticket", ticket).at(at);
        own_code(&json_of(&test.api.answer(&nobody(), &request, body.as_bytes()).unwrap()))
    };
    let now = Time::now();
    assert_eq!(ask(&paid, &ticket, now), 0);
    assert_eq!(ask(&paid, "", now), 40083);
    assert_eq!(ask(&other, &ticket, now), 40083);
    assert_eq!(ask(&paid, &ticket, now.after(hour() * 2)), 40083, "it ends");
    assert_eq!(ask(&paid, &format!("{ticket}0"), now), 40083);
    assert_eq!(ask(&paid, &ticket.replace(':', "x:"), now), 40083);
    let (mac, _) = ticket.split_once(':').unwrap();
    assert_eq!(ask(&paid, &format!("{mac}:0"), now), 40083);
    let foreign = holdall::token::cloudreve::sign(SECRET, &format!("ticket {} 0", paid.id), now.unix() + 60);
    assert_eq!(ask(&paid, &foreign, now), 40083, "the old server's secret mints none");
    let url = format!("/api/v4/file/content/x/0/a.txt?sign={ticket}");
    assert_eq!(json_of(&test.get(&url))["code"], 40071, "a ticket signs no URL");
    test.store.rotate_key().unwrap();
    assert_eq!(ask(&paid, &ticket, now), 0, "rotation ends none");
    test.store.revoke_share(paid.id).unwrap();
    assert_eq!(ask(&paid, &ticket, now), 40083);
    assert!(test.api.ticket(holdall::ShareId(999), hour()).is_err());
    assert!(
        test.api.ticket(paid.id, hour() * 24 * 8).is_err()
            && test.api.ticket(paid.id, Duration::ZERO).is_err()
    );
}

#[test]
fn downloads_count_once_for_each_url_and_none_for_a_call_that_failed() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let share = test.share("a.txt", &Share::new().max_downloads(5));
    let uri = test.share_uri(&share, "a.txt");
    let count = || test.alice().shares("a.txt").unwrap()[0].downloads;
    assert_eq!(test.code(&nobody(), &uri), 0);
    assert_eq!(count(), 1);
    assert_eq!(test.urls(&nobody(), &json!({"uris": [uri, uri]}))["code"], 0);
    assert_eq!(count(), 3, "twice asked for, twice counted");
    assert_eq!(test.urls(&nobody(), &json!({"uris": [uri, "cloudreve://foo"]}))["code"], 40081);
    assert_eq!(test.urls(&nobody(), &json!({"uris": [uri, uri, uri]}))["code"], 40081);
    assert_eq!(count(), 3, "nothing was handed out");
    let message = test.urls(&nobody(), &json!({"uris": [uri, uri, uri], "skip_error": true}));
    let given = message["data"]["urls"].as_array().unwrap().iter().filter(|url| url["url"] != "").count();
    assert_eq!((given, count()), (2, 5), "as many as were left");
    assert_eq!(test.code(&nobody(), &uri), 404);
}

#[test]
fn no_race_passes_the_limit() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let share = test.share("a.txt", &Share::new().max_downloads(10));
    let uri = test.share_uri(&share, "a.txt");
    let barrier = Barrier::new(8);
    let given: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    (0..5).filter(|_| test.code(&nobody(), &uri) == 0).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((given, test.alice().shares("a.txt").unwrap()[0].downloads), (10, 10));
}

#[test]
fn the_url_of_a_shared_file_ends_with_the_share_whatever_ends_it() {
    let test = TestStore::new();
    let version = test.put("docs/a.txt", b"hello");
    let open = |uri: &str| test.url(&nobody(), uri);
    let over = |url: &str| {
        let reply = test.get(url);
        read(&reply) != b"hello" && json_of(&reply)["code"] == 40077
    };
    let ends: [&dyn Fn(&ShareInfo); 4] = [
        &|share| test.store.revoke_share(share.id).unwrap(),
        &|share| test.store.unshare(share.id).unwrap(),
        &|_| test.store.revoke_file(version.id.file()).unwrap(),
        &|_| test.store.revoke_version(version.id).unwrap(),
    ];
    let mut ended = Vec::new();
    for end in ends {
        let share = test.share("docs", &Share::new());
        let other = test.share("docs", &Share::new());
        let (url, beside) = (open(&test.share_uri(&share, "a.txt")), open(&test.share_uri(&other, "a.txt")));
        assert_eq!(read(&test.get(&url)), b"hello");
        end(&share);
        assert!(over(&url), "{url}");
        if test.store.visit(share.id, None).is_ok() {
            assert_eq!(read(&test.get(&open(&test.share_uri(&share, "a.txt")))), b"hello", "made anew");
        }
        let through_other = read(&test.get(&open(&test.share_uri(&other, "a.txt"))));
        assert_eq!(through_other, b"hello");
        ended.push(over(&beside));
    }
    assert_eq!(ended, [false, false, true, true], "another share's URL ends with the file's alone");
    let share = test.share("docs", &Share::new());
    let url = open(&test.share_uri(&share, "a.txt"));
    test.alice().rename("docs/a.txt", "else.txt", false).unwrap();
    assert!(over(&url), "it was moved out of the share");
    test.alice().rename("else.txt", "docs/a.txt", false).unwrap();
    assert_eq!(test.get(&url).status, 200);
    let folder = test.alice().trash("docs").unwrap();
    assert!(over(&url), "it is in the trash");
    test.alice().restore(folder, None).unwrap();
    assert_eq!(read(&test.get(&url)), b"hello");
}

#[test]
fn shares_and_links_are_not_found_by_counting() {
    let test = TestStore::new();
    test.put("docs/a.txt", b"hello");
    let shares: Vec<_> = (0..20).map(|_| test.share("docs", &Share::new())).collect();
    let links: Vec<_> = (0..20).map(|at| test.alice().link_paced("docs/a.txt", at + 1).unwrap()).collect();
    let (mut ids, numbers) = (std::collections::HashSet::new(), 1..2000);
    for id in shares.iter().map(|share| share.id.0).chain(links.iter().map(|link| link.id.0)) {
        assert!(!numbers.contains(&id) && ids.insert(id));
    }
    for number in numbers {
        let id = test.ids().encode(number, HashKind::Share);
        assert_eq!(test.code(&nobody(), &format!("cloudreve://{id}@share/a.txt")), 404, "{number}");
        assert!(test.store.visit(holdall::ShareId(number), None).is_err());
        let id = test.ids().encode(number, HashKind::SourceLink);
        for id in [id, holdall::LinkId(number).to_string()] {
            assert_eq!(test.get(&format!("/f/{id}/a.txt")).status, 404, "{number}");
            assert!(test.store.serve(&Request::get(&format!("/f/{id}/a.txt"))).unwrap().status >= 400);
        }
    }
    // The control: by their own ids they are.
    assert_eq!(test.code(&nobody(), &test.share_uri(&shares[7], "a.txt")), 0);
    assert_eq!(test.get(&format!("/f/{}/a.txt", test.link_id(&links[7]))).status, 302);
    // A number that half of an id is of opens nothing either.
    let id = shares[7].id.0;
    for half in [id >> 32, id & u64::from(u32::MAX)] {
        let id = test.ids().encode(half, HashKind::Share);
        assert_eq!(test.code(&nobody(), &format!("cloudreve://{id}@share/a.txt")), 404);
    }
}
