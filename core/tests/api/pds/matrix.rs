//! Every call by everybody: nothing of one drive reaches another.

use super::*;
use holdall::Share;

/// What somebody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gets {
    /// The answer, or a fault that tells of nothing but the call itself.
    In,
    /// 401: the host does not know who calls.
    Login,
    /// 401: the share token does not do.
    Token,
    /// 403: known, and not allowed.
    No,
}

/// Makes the body of a call: of the drive, the file and its revision.
type Body = fn(&World, &str, &Seen) -> Value;

/// What the calls are about.
struct Seen {
    file: String,
    revision: String,
    upload: Value,
}

/// Every call: its path, its body, and whether a visitor may make it.
const CALLS: &[(&str, bool, Body)] = &[
    ("/drive/get", false, |_, drive, _| json!({ "drive_id": drive })),
    ("/file/archive_files", true, |_, drive, seen| json!({ "drive_id": drive, "file_ids": [seen.file] })),
    ("/file/complete", false, |_, drive, seen| merged(seen.upload.clone(), json!({ "drive_id": drive }))),
    (
        "/file/create",
        false,
        |_, drive, _| json!({ "drive_id": drive, "parent_file_id": "root", "name": "n", "type": "file" }),
    ),
    (
        "/file/create",
        false,
        |_, drive, seen| json!({ "drive_id": drive, "file_id": seen.file, "name": "n", "type": "file" }),
    ),
    (
        "/file/create",
        false,
        |_, drive, _| json!({ "drive_id": drive, "parent_file_id": "root", "name": "d", "type": "folder" }),
    ),
    ("/file/get", true, |_, drive, seen| json!({ "drive_id": drive, "file_id": seen.file })),
    ("/file/get_download_url", true, |_, drive, seen| json!({ "drive_id": drive, "file_id": seen.file })),
    ("/file/get_upload_url", false, |_, drive, seen| {
        merged(seen.upload.clone(), json!({ "drive_id": drive }))
    }),
    ("/file/list", true, |_, drive, _| json!({ "drive_id": drive, "parent_file_id": "root" })),
    ("/file/list_uploaded_parts", false, |_, drive, seen| {
        merged(seen.upload.clone(), json!({ "drive_id": drive }))
    }),
    ("/file/revision/get", false, revision),
    ("/file/revision/list", false, |_, drive, seen| json!({ "drive_id": drive, "file_id": seen.file })),
    ("/file/revision/restore", false, revision),
    ("/file/revision/update", false, revision),
    ("/file/revision/delete", false, revision),
    ("/recyclebin/list", false, |_, drive, _| json!({ "drive_id": drive })),
    ("/recyclebin/trash", false, |_, drive, seen| json!({ "drive_id": drive, "file_id": seen.file })),
    ("/recyclebin/restore", false, |_, drive, seen| json!({ "drive_id": drive, "file_id": seen.file })),
    ("/file/delete", false, |_, drive, seen| json!({ "drive_id": drive, "file_id": seen.file })),
];

fn revision(_: &World, drive: &str, seen: &Seen) -> Value {
    json!({ "drive_id": drive, "file_id": seen.file, "revision_id": seen.revision })
}

fn seen(world: &World) -> Seen {
    let first = world.put("d/a", b"first");
    world.put("d/a", b"second");
    let made = world.create("up", json!({})).good();
    world.put_part(&made["part_info_list"][0]["upload_url"], b"part").good();
    Seen { file: first.id.file().to_string(), revision: first.id.to_string(), upload: world.of_upload(&made) }
}

fn gets(message: &Answer) -> Gets {
    match (message.status, message.body["code"].as_str().unwrap_or_default()) {
        (401, "AccessTokenInvalid") => Gets::Login,
        (401, "ShareLinkTokenInvalid") => Gets::Token,
        (403, "ForbiddenNoPermission") => Gets::No,
        (200, _) => Gets::In,
        // Restoring what is not in the bin.
        (404, "NotFound.FileId") => Gets::In,
        other => panic!("{other:?}: {}", message.body),
    }
}

#[test]
fn every_call_by_owner_other_anonymous_administrator_and_visitor() {
    for (path, by_visitor, body) in CALLS {
        let world = World::new();
        let seen = seen(&world);
        let drive = world.id(&world.alice);
        let share = world.alice.share("d", &Share::new().password("sesame")).unwrap();
        let token = json!({ "share_id": share.id.to_string(), "share_pwd": "sesame" });
        let token = world.call_as(&Caller::anonymous(), "/share_link/get_share_token", token).good();
        let token = token["share_token"].as_str().unwrap().to_owned();
        let other = world.alice.share("d", &Share::new()).unwrap();
        let shared =
            |id: &str| merged(body(&world, &drive, &seen), json!({ "share_id": id, "drive_id": null }));
        let send = |caller: &Caller, headers: &[(&str, &str)], body: Value| {
            gets(&world.send(caller, path, headers, body.to_string().as_bytes(), Time::now()))
        };
        let none: &[(&str, &str)] = &[];
        let with = [("x-share-token", token.as_str())];
        let bad = [("x-share-token", "AQAB")];
        // One whom nobody knows, on a host that lets such make archives.
        let nobody = Caller::anonymous().limits(holdall::Limits::new().links(0));
        let bob = Caller::of("bob").token("t");
        let direct = || body(&world, &drive, &seen);

        // Those who get nothing, first: nothing may have changed when the owner comes.
        assert_eq!(send(&bob, none, direct()), Gets::No, "{path} by another user");
        assert_eq!(send(&nobody, none, direct()), Gets::Login, "{path} by nobody");
        assert_eq!(send(&Caller::of("new"), none, direct()), Gets::No, "{path} by one without a drive");
        // A share token without its share opens no drive.
        assert_eq!(send(&bob, &with, direct()), Gets::No, "{path} with a stray token");
        assert_eq!(send(&nobody, &with, direct()), Gets::Login, "{path} with a stray token");
        let (id, other) = (share.id.to_string(), other.id.to_string());
        for (caller, refused) in [(&nobody, Gets::Login), (&bob, Gets::No)] {
            let expected = |visitor: Gets| match (by_visitor, refused) {
                (true, _) => visitor,
                // A call that is not for visitors asks for the drive, and looks at no share.
                (false, refused) => refused,
            };
            let without = world.send(caller, path, none, shared(&id).to_string().as_bytes(), Time::now());
            match (by_visitor, caller.drive()) {
                (true, _) => assert_eq!(gets(&without), Gets::Token, "{path} without token"),
                (false, None) => assert_eq!(gets(&without), Gets::Login, "{path} without token"),
                (false, Some(_)) => assert_eq!(without.bad(), (400, "InvalidParameterMissing"), "{path}"),
            }
            if *by_visitor {
                assert_eq!(send(caller, &bad, shared(&id)), Gets::Token, "{path} with a forged token");
                assert_eq!(send(caller, &with, shared(&other)), Gets::Token, "{path} with another's token");
                assert_eq!(send(caller, &with, shared(&id)), expected(Gets::In), "{path} by a visitor");
            } else {
                let named = merged(direct(), json!({ "share_id": id }));
                assert_eq!(send(caller, &with, named), refused, "{path} by a visitor");
            }
        }
        assert_eq!(world.alice.stat("d/a").unwrap().current.unwrap().size, 6, "{path} changed something");
        assert_eq!(world.alice.versions("d/a", None, 9).unwrap().len(), 2, "{path} changed something");
        assert_eq!(world.alice.list("", None, 9).unwrap().len(), 1, "{path} changed something");

        assert_eq!(send(&world.owner(), none, direct()), Gets::In, "{path} by the owner");
        world.sound();
    }
    for (path, _, body) in CALLS {
        let world = World::new();
        let seen = seen(&world);
        let admin = Caller::of("bob").administrator();
        let drive = world.id(&world.alice);
        let message = world.call_as(&admin, path, body(&world, &drive, &seen));
        assert_eq!(gets(&message), Gets::In, "{path} by an administrator");
        let message = world.call_as(&admin, path, body(&world, "999999", &seen));
        assert_eq!(message.bad(), (404, "NotFound.DriveId"), "{path}");
    }
}

#[test]
fn a_file_of_another_drive_is_not_there_by_its_id() {
    let world = World::new();
    let seen = seen(&world);
    let drive = world.id(&world.bob);
    let bob = Caller::of("bob").token("t");
    for (path, _, body) in CALLS {
        let message = world.call_as(&bob, path, body(&world, &drive, &seen));
        let about_a_file = body(&world, "", &seen).to_string().contains(&seen.file)
            || body(&world, "", &seen).get("upload_id").is_some();
        if about_a_file {
            assert_eq!(message.status, 404, "{path}: {}", message.body);
        } else {
            message.good();
        }
    }
    assert_eq!(world.alice.stat("d/a").unwrap().current.unwrap().size, 6);
    world.sound();
}

#[test]
fn a_task_is_told_to_its_owner_alone() {
    let world = World::new();
    let seen = seen(&world);
    let body = json!({ "drive_id": world.id(&world.alice), "file_ids": [seen.file] });
    let task = world.call("/file/archive_files", body).good()["async_task_id"].clone();
    let ask = |caller: &Caller| world.call_as(caller, "/async_task/get", json!({ "async_task_id": task }));
    ask(&world.owner()).good();
    ask(&Caller::anonymous().administrator().limits(holdall::Limits::new())).good();
    assert_eq!(ask(&Caller::of("bob")).bad(), (404, "NotFound"));
    assert_eq!(ask(&Caller::anonymous()).bad(), (401, "AccessTokenInvalid"));
    // By the archive's id, and by a visitor of the same folder: it was not made through the share.
    let drive = json!({ "drive_id": world.id(&world.bob), "file_id": task });
    let message = world.call_as(&Caller::of("bob"), "/file/get_download_url", drive);
    assert_eq!(message.bad(), (404, "NotFound.FileId"));
    let share = world.alice.share("d", &Share::new()).unwrap();
    let token = json!({ "share_id": share.id.to_string() });
    let token = world.call_as(&Caller::anonymous(), "/share_link/get_share_token", token).good();
    let headers = [("x-share-token", token["share_token"].as_str().unwrap())];
    let body = json!({ "share_id": share.id.to_string(), "file_id": task }).to_string();
    let message =
        world.send(&Caller::anonymous(), "/file/get_download_url", &headers, body.as_bytes(), Time::now());
    assert_eq!(message.bad(), (404, "NotFound.FileId"));
}
