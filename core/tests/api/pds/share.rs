//! Shares: a visitor with a token, and what it opens.

use super::*;
use holdall::{Limits, Share, ShareInfo};

fn token(world: &World, share: &ShareInfo, more: Value) -> Answer {
    let body = merged(json!({ "share_id": share.id.to_string() }), more);
    world.call_as(&Caller::anonymous(), "/share_link/get_share_token", body)
}

fn visit(world: &World, token: &Value, path: &str, body: Value) -> Answer {
    let headers = [("X-Share-Token", token.as_str().unwrap())];
    // The host lets such visitors make archives.
    let guest = Caller::anonymous().limits(Limits::new().links(0));
    world.send(&guest, path, &headers, body.to_string().as_bytes(), Time::now())
}

fn of(share: &ShareInfo, file: impl ToString, more: Value) -> Value {
    merged(json!({ "share_id": share.id.to_string(), "file_id": file.to_string() }), more)
}

#[test]
fn a_visitor_gets_a_token_for_the_password_and_reads_what_is_shared() {
    let world = World::new();
    world.put("d/a.txt", b"shared");
    world.put("secret", b"x");
    let share = world.alice.share("d", &Share::new().password("sesame")).unwrap();
    for password in [json!({}), json!({ "share_pwd": "" }), json!({ "share_pwd": "wrong" })] {
        assert_eq!(token(&world, &share, password).bad(), (403, "ForbiddenNoPermission"));
    }
    let printed = token(&world, &share, json!({ "share_pwd": "sesame" })).good();
    assert_eq!(printed["expires_in"], 7200);
    let token = &printed["share_token"];
    let file = world.file("d/a.txt");
    let got = visit(&world, token, "/file/get_download_url", of(&share, file, json!({}))).good();
    assert_eq!(read(&world.get(got["url"].as_str().unwrap())), b"shared");
    // The drive that is named beside the share does not matter.
    let odd = json!({ "drive_id": "999999" });
    visit(&world, token, "/file/get_download_url", of(&share, file, odd)).good();
    let top = visit(&world, token, "/file/list", of(&share, "", json!({ "file_id": null }))).good();
    assert_eq!((&top["items"][0]["name"], &top["items"][0]["parent_file_id"]), (&json!("d"), &json!("root")));
    let inside = json!({ "parent_file_id": top["items"][0]["file_id"] });
    let inside = visit(&world, token, "/file/list", of(&share, "", inside)).good();
    assert_eq!(inside["items"][0]["name"], "a.txt");
    assert!(inside["items"][0].get("url").is_none(), "a url counts as a download");
    visit(&world, token, "/file/get", of(&share, file, json!({}))).good();
    let zip = visit(&world, token, "/file/get_download_url", of(&share, "root", json!({}))).good();
    assert!(read(&world.get(zip["url"].as_str().unwrap())).starts_with(b"PK"));
    let task = visit(
        &world,
        token,
        "/file/archive_files",
        of(&share, "", json!({ "file_ids": [file.to_string()] })),
    )
    .good();
    visit(&world, token, "/async_task/get", json!({ "async_task_id": task["async_task_id"] })).good();
    // Nothing outside.
    for id in [world.file("secret"), world.alice.info().unwrap().root] {
        for call in ["/file/get_download_url", "/file/get"] {
            let printed = visit(&world, token, call, of(&share, id, json!({})));
            assert_eq!(printed.bad(), (404, "NotFound.FileId"), "{call}");
        }
    }
}

#[test]
fn t6_a_share_token_is_for_one_share_and_for_a_while() {
    let world = World::new();
    world.put("a", b"x");
    world.put("b", b"x");
    let (one, two) =
        (world.alice.share("a", &Share::new()).unwrap(), world.alice.share("b", &Share::new()).unwrap());
    let printed = token(&world, &one, json!({ "expire_sec": 60 })).good();
    let good = printed["share_token"].as_str().unwrap();
    let get = |token: &str, share: &ShareInfo, now: Time| {
        let body = of(share, "root", json!({})).to_string();
        world.send(&Caller::anonymous(), "/file/get", &[("x-share-token", token)], body.as_bytes(), now)
    };
    get(good, &one, Time::now()).good();
    let late = get(good, &one, Time::now().after(seconds(61)));
    assert_eq!(late.bad(), (401, "ShareLinkTokenInvalid"));
    assert_eq!(late.body["message"], "ShareLinkToken is invalid. expired");
    let visit = world.store.visit(one.id, None).unwrap();
    let download = visit.url("").unwrap().sign().unwrap();
    let download = download.split('/').nth(3).unwrap();
    for (token, share) in [(good, &two), ("x", &one), (&good[1..], &one), (download, &one)] {
        assert_eq!(get(token, share, Time::now()).bad(), (401, "ShareLinkTokenInvalid"));
    }
    // It opens calls, and downloads nothing by itself.
    assert_eq!(world.get(&format!("/files/d/{good}/a")).status, 404, "it is signed for no name");
    for expire in [0, 7201] {
        assert_eq!(
            token(&world, &one, json!({ "expire_sec": expire })).bad(),
            (400, "InvalidParameterOutOfRange")
        );
    }
    world.store.revoke_share(one.id).unwrap();
    assert_eq!(get(good, &one, Time::now()).bad(), (401, "ShareLinkTokenInvalid"));
    let fresh = token(&world, &one, json!({})).good();
    let fresh = fresh["share_token"].as_str().unwrap();
    get(fresh, &one, Time::now()).good();
    world.store.unshare(one.id).unwrap();
    assert_eq!(get(fresh, &one, Time::now()).bad(), (401, "ShareLinkTokenInvalid"));
    assert_eq!(token(&world, &one, json!({})).bad(), (404, "NotFound"));
}

#[test]
fn a_limit_on_downloads_holds_for_files_and_archives_alike() {
    let world = World::new();
    world.put("d/a", b"x");
    let share = world.alice.share("d", &Share::new().max_downloads(2)).unwrap();
    let token = token(&world, &share, json!({})).good()["share_token"].clone();
    visit(&world, &token, "/file/get", of(&share, "root", json!({}))).good();
    visit(&world, &token, "/file/get_download_url", of(&share, world.file("d/a"), json!({}))).good();
    visit(&world, &token, "/file/get_download_url", of(&share, "root", json!({}))).good();
    for id in [world.file("d/a"), world.file("d")] {
        let printed = visit(&world, &token, "/file/get_download_url", of(&share, id, json!({})));
        assert_eq!(printed.bad(), (403, "Forbidden"));
    }
    let printed = super::share::token(&world, &share, json!({}));
    assert_eq!(printed.bad(), (403, "Forbidden"));
}

#[test]
fn t15_a_share_that_is_over_or_to_be_paid_for_opens_nothing() {
    let world = World::new();
    world.put("a", b"x");
    let paid = world.alice.share("a", &Share::new().purchase()).unwrap();
    assert_eq!(token(&world, &paid, json!({})).bad(), (403, "ForbiddenNoPermission"));
    let share = world.alice.share("a", &Share::new()).unwrap();
    let token_of = token(&world, &share, json!({})).good()["share_token"].clone();
    world.alice.trash("a").unwrap();
    assert_eq!(token(&world, &share, json!({})).bad(), (403, "Forbidden"));
    assert_eq!(
        visit(&world, &token_of, "/file/get", of(&share, "root", json!({}))).bad(),
        (403, "Forbidden")
    );
}

#[test]
fn a_group_that_may_not_download_from_shares_cannot() {
    let world = World::new();
    world.put("a", b"x");
    let share = world.alice.share("a", &Share::new()).unwrap();
    let token = token(&world, &share, json!({})).good()["share_token"].clone();
    let headers = [("x-share-token", token.as_str().unwrap())];
    let body = of(&share, "root", json!({})).to_string();
    let limits = Limits::new().share_download(false);
    for (drive, status) in [("bob", 403), ("alice", 200)] {
        let caller = Caller::of(drive).limits(limits.clone());
        let printed = world.send(&caller, "/file/get_download_url", &headers, body.as_bytes(), Time::now());
        assert_eq!(printed.status, status, "{drive}");
    }
}

#[test]
fn a_share_that_may_not_be_downloaded_tells_no_hash() {
    let world = World::new();
    world.put("d/a", b"x");
    let (file, hidden) = (world.file("d/a"), ["content_hash", "content_hash_name", "crc64_hash"]);
    let shown = |printed: &Value| hidden.map(|field| printed.get(field).is_some());
    let used = world.alice.share("d", &Share::new().max_downloads(1)).unwrap();
    let used_token = token(&world, &used, json!({})).good()["share_token"].clone();
    let open = world.alice.share("d", &Share::new()).unwrap();
    let open_token = token(&world, &open, json!({})).good()["share_token"].clone();
    let get = |caller: &Caller, share: &ShareInfo, token: &Value| {
        let headers = [("x-share-token", token.as_str().unwrap())];
        let send = |path: &str, body: Value| {
            world.send(caller, path, &headers, body.to_string().as_bytes(), Time::now()).good()
        };
        let got = send("/file/get", of(share, file, json!({})));
        let root = world.file("d");
        let listed = send("/file/list", of(share, "", json!({ "parent_file_id": root.to_string() })));
        assert_eq!(shown(&got), shown(&listed["items"][0]));
        assert_eq!(got["size"], 1, "it may be looked at");
        shown(&got)
    };
    let closed = Limits::new().share_download(false);
    let nobody = Caller::anonymous();
    assert_eq!(get(&nobody, &open, &open_token), [true; 3]);
    assert_eq!(get(&nobody.clone().limits(closed.clone()), &open, &open_token), [false; 3]);
    assert_eq!(get(&Caller::of("bob").limits(closed.clone()), &open, &open_token), [false; 3]);
    assert_eq!(get(&Caller::of("alice").limits(closed), &open, &open_token), [true; 3], "her own");
    assert_eq!(get(&nobody, &used, &used_token), [true; 3]);
    visit(&world, &used_token, "/file/get_download_url", of(&used, file, json!({}))).good();
    assert_eq!(get(&nobody, &used, &used_token), [false; 3], "its downloads are used up");
}

#[test]
fn who_tries_too_many_passwords_is_told_to_wait() {
    let world = World::with(options().wrong_passwords(3, 100));
    world.put("a", b"x");
    let share = world.alice.share("a", &Share::new().password("right")).unwrap();
    let ask = |password: &str| {
        let body = json!({ "share_id": share.id.to_string(), "share_pwd": password }).to_string();
        let mut request = Request::new("POST", "/pds/v2/share_link/get_share_token");
        request.client = Some("192.0.2.1".parse().unwrap());
        answered(world.api.answer(&Caller::anonymous(), &request, body.as_bytes()).unwrap())
    };
    for _ in 0..3 {
        assert_eq!(ask("wrong").bad(), (403, "ForbiddenNoPermission"));
    }
    let printed = ask("right");
    assert_eq!(printed.bad(), (429, "TooManyRequests"));
    let after: u64 = printed.reply.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=60).contains(&after) && printed.body["retry_after"] == after);
}
