//! Uploads in parts: create, put, list, complete; what survives, what is bounded, what is refused.

use super::*;
use holdall::Dedup;

#[test]
fn an_upload_in_one_part_is_hashed_by_the_engine_and_not_written_twice() {
    for len in [0, 1, 1000, 16 * KIB, 300 * KIB] {
        let world = World::new();
        let bytes = noise(len, 7);
        let before = world.files_in("blob");
        let file = world.upload("a.txt", &bytes, len.max(1));
        let expected = digest(&bytes);
        assert_eq!(file["crc64_hash"], expected.crc64.to_string());
        assert_eq!(file["content_hash"], expected.sha1_hex());
        assert_eq!((file["size"].as_u64(), file["name"].as_str()), (Some(len as u64), Some("a.txt")));
        assert_eq!(read(&world.get(file["download_url"].as_str().unwrap())), bytes);
        // One file for large content, from the part to the version: nothing was copied.
        assert_eq!(world.files_in("blob") - before, usize::from(len >= 16 * KIB));
        assert_eq!(world.files_in("spool"), 0);
        world.sound();
    }
}

#[test]
fn parts_come_in_any_order_and_a_later_one_replaces_the_one_before() {
    let world = World::new();
    let bytes = noise(100 * KIB, 3);
    let chunks: Vec<&[u8]> = bytes.chunks(30 * KIB).collect();
    let parts: Vec<Value> = (1..=4).map(|number| json!({ "part_number": number })).collect();
    let made = world.create("big.bin", json!({ "size": bytes.len(), "part_info_list": parts })).good();
    assert_eq!(made["status"], "uploading");
    world.put_part(&made["part_info_list"][2]["upload_url"], b"not this").good();
    for at in [3, 0, 2, 1] {
        let printed = world.put_part(&made["part_info_list"][at]["upload_url"], chunks[at]);
        let crc = digest(chunks[at]).crc64.to_string();
        assert_eq!(printed.reply.header("x-oss-hash-crc64ecma"), Some(crc.as_str()));
        assert!(printed.reply.header("ETag").unwrap().starts_with('"'));
    }
    // Not seen before it is whole.
    assert_eq!(world.alice.list("", None, 10).unwrap().len(), 0);
    let file = world.complete(&made, json!({ "crc64_hash": digest(&bytes).crc64.to_string() })).good();
    assert_eq!(file["file_id"], made["file_id"]);
    assert_eq!(file["content_hash"], digest(&bytes).sha1_hex());
    assert_eq!(read(&world.get(file["url"].as_str().unwrap())), bytes);
    world.sound();
    // The parts are let go of, and collected.
    let report = world.store.gc().unwrap();
    assert!(report.failed.is_empty() && report.blobs >= 4, "{report:?}");
    assert_eq!(world.files_in("blob"), 1);
    world.sound();
}

#[test]
fn an_upload_survives_a_restart_of_the_process() {
    let world = World::new();
    let bytes = noise(50 * KIB, 5);
    let parts = json!([{ "part_number": 1 }, { "part_number": 2 }]);
    let made = world.create("a/../b", json!({ "part_info_list": parts.clone() }));
    assert_eq!(made.bad(), (400, "InvalidParameterWrongFormat"));
    let made = world.create("b", json!({ "part_info_list": parts, "size": bytes.len() })).good();
    world.put_part(&made["part_info_list"][0]["upload_url"], &bytes[..20 * KIB]).good();
    let world = world.again();
    let listed = world.call("/file/list_uploaded_parts", world.of_upload(&made)).good();
    assert_eq!(listed["uploaded_parts"].as_array().unwrap().len(), 1);
    assert_eq!(listed["uploaded_parts"][0]["part_size"], 20 * KIB);
    world.put_part(&made["part_info_list"][1]["upload_url"], &bytes[20 * KIB..]).good();
    let world = world.again();
    let file = world.complete(&made, json!({})).good();
    assert_eq!(file["content_hash"], digest(&bytes).sha1_hex());
    // Asked again, even by another process, it is the same.
    let world = world.again();
    let again = world.complete(&made, json!({})).good();
    assert_eq!((&again["file_id"], &again["revision_id"]), (&file["file_id"], &file["revision_id"]));
    assert_eq!(world.alice.versions("b", None, 10).unwrap().len(), 1);
    world.sound();
}

#[test]
fn s13_completing_checks_what_the_client_says() {
    let world = World::new();
    let parts = json!([{ "part_number": 1 }, { "part_number": 2 }]);
    let made = world.create("a", json!({ "part_info_list": parts, "size": 10 })).good();
    let urls: Vec<&Value> = (0..2).map(|at| &made["part_info_list"][at]["upload_url"]).collect();
    assert_eq!(world.complete(&made, json!({})).bad(), (400, "InvalidParameterNotMatch"));
    let first = world.put_part(urls[0], b"hello");
    let etag = first.reply.header("ETag").unwrap().to_owned();
    assert_eq!(world.complete(&made, json!({})).bad(), (400, "InvalidParameterNotMatch"), "5 of 10 bytes");
    world.put_part(urls[1], b"world").good();
    let good = digest(b"helloworld");
    for (more, code) in [
        (json!({ "crc64_hash": "1" }), "InvalidParameterNotMatch"),
        (json!({ "crc64_hash": "x" }), "InvalidParameterWrongFormat"),
        (json!({ "crc64_hash": 1 }), "InvalidParameterWrongFormat"),
        (json!({ "content_hash": digest(b"x").sha1_hex() }), "InvalidParameterNotMatch"),
        (json!({ "part_info_list": [{ "part_number": 1, "etag": "FF" }] }), "InvalidParameterNotMatch"),
        (json!({ "part_info_list": [{ "part_number": 3 }] }), "InvalidParameterNotMatch"),
        (json!({ "part_info_list": [{ "part_number": 2 }] }), "InvalidParameterNotMatch"),
        (json!({ "part_info_list": [{ "etag": etag }] }), "InvalidParameterMissing"),
    ] {
        assert_eq!(world.complete(&made, more.clone()).bad(), (400, code), "{more}");
    }
    assert_eq!(world.alice.list("", None, 10).unwrap().len(), 0);
    let more = json!({
        "crc64_hash": good.crc64.to_string(),
        "content_hash": good.sha1_hex().to_lowercase(),
        "part_info_list": [{ "part_number": 1, "etag": etag }, { "part_number": 2 }],
    });
    world.complete(&made, more).good();
    world.sound();
}

#[test]
fn s13_a_part_is_refused_that_is_not_what_was_declared() {
    let world = World::new();
    let made = world.create("a", json!({ "size": 5 })).good();
    let url = made["part_info_list"][0]["upload_url"].as_str().unwrap();
    let put = |headers: &[(&str, &str)], bytes: &[u8]| {
        let mut request = Request::new("PUT", url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        answered(world.api.answer(&Caller::anonymous(), &request, bytes).unwrap())
    };
    // A connection that broke off, a wrong MD5, too many bytes.
    assert_eq!(put(&[("Content-Length", "5")], b"hell").bad(), (400, "InvalidParameterNotMatch"));
    let md5 = [("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")];
    assert_eq!(put(&md5, b"hello").bad(), (400, "InvalidParameterNotMatch"));
    assert_eq!(put(&[("Content-Length", "6")], b"hello!").bad(), (400, "InvalidParameterOutOfRange"));
    assert_eq!(put(&[], b"hello!").bad(), (400, "InvalidParameterOutOfRange"));
    let listed = world.call("/file/list_uploaded_parts", world.of_upload(&made)).good();
    assert_eq!(listed["uploaded_parts"], json!([]));
    put(&[("Content-Length", "5"), ("Content-MD5", "XUFAKrxLKna5cZ2REBfFkg==")], b"hello").good();
    world.complete(&made, json!({})).good();
    assert_eq!(put(&[], b"hello").bad(), (409, "StateConflict"));
    assert_eq!(world.call("/file/get_upload_url", world.of_upload(&made)).bad(), (409, "StateConflict"));
    world.sound();
}

#[test]
fn t6_the_url_of_a_part_is_for_that_part_and_for_a_while() {
    let world = World::new();
    let made = world.create("a", json!({})).good();
    let url = made["part_info_list"][0]["upload_url"].as_str().unwrap();
    let put = |target: &str, now: Time| {
        let request = Request::new("PUT", target).at(now);
        answered(world.api.answer(&Caller::anonymous(), &request, &b"x"[..]).unwrap())
    };
    let expired = put(url, Time::now().after(seconds(901)));
    assert_eq!(expired.bad(), (403, "AccessDenied"));
    assert!(expired.body["message"].as_str().unwrap().contains("expired"), "clients look for the word");
    let mut forged = url.to_owned();
    forged.replace_range(
        url.len() - 4..url.len() - 3,
        if &url[url.len() - 4..url.len() - 3] == "A" { "B" } else { "A" },
    );
    assert_eq!(put(&forged, Time::now()).bad(), (403, "AccessDenied"));
    // The token of a download puts nothing, and that of a part downloads nothing.
    let version = world.put("b", b"x");
    let download = world.store.url(&version).sign().unwrap();
    let token = download.split('/').nth(3).unwrap();
    assert_eq!(put(&format!("/pds/v2/upload/{token}"), Time::now()).bad(), (403, "AccessDenied"));
    let token = url.rsplit('/').next().unwrap();
    assert_eq!(world.get(&format!("/files/d/{token}/x")).status, 403);
    put(url, Time::now()).good();
    world.alice.revoke().unwrap();
    assert_eq!(put(url, Time::now()).bad(), (403, "AccessDenied"), "revoked with the drive");
    let fresh = world.call("/file/get_upload_url", world.of_upload(&made)).good();
    put(fresh["part_info_list"][0]["upload_url"].as_str().unwrap(), Time::now()).good();
}

#[test]
fn an_upload_has_10000_parts_at_most() {
    let world = World::new();
    let parts = |count: u32| (1..=count).map(|number| json!({ "part_number": number })).collect::<Vec<_>>();
    let made = world.create("a", json!({ "part_info_list": parts(10_000) })).good();
    assert_eq!(made["part_info_list"].as_array().unwrap().len(), 10_000);
    assert_eq!(
        world.create("b", json!({ "part_info_list": parts(10_001) })).bad(),
        (400, "InvalidParameterOutOfRange")
    );
    for number in [json!(0), json!(10_001), json!(-1)] {
        let printed = world.create("b", json!({ "part_info_list": [{ "part_number": number }] }));
        assert_eq!(printed.bad(), (400, "InvalidParameterOutOfRange"));
    }
    // A page of parts, and the cursor of the next.
    for at in [0, 1, 9_999] {
        world.put_part(&made["part_info_list"][at]["upload_url"], b"x").good();
    }
    let body = merged(world.of_upload(&made), json!({ "limit": 2 }));
    let page = world.call("/file/list_uploaded_parts", body.clone()).good();
    assert_eq!(page["next_part_number_marker"], "2");
    let next = merged(body, json!({ "part_number_marker": page["next_part_number_marker"] }));
    let page = world.call("/file/list_uploaded_parts", next).good();
    assert_eq!(page["uploaded_parts"][0]["part_number"], 10_000);
    assert_eq!(page["next_part_number_marker"], "");
}

#[test]
fn an_upload_that_is_never_completed_is_swept() {
    let world = World::new();
    let made = world.create("a", json!({})).good();
    world.put_part(&made["part_info_list"][0]["upload_url"], &noise(40 * KIB, 1)).good();
    assert_eq!(world.files_in("blob"), 1);
    world.store.gc().unwrap();
    assert_eq!(world.files_in("blob"), 1, "it is still wanted");
    let late = Time::now().after(seconds(7 * 24 * 3600));
    let body = world.of_upload(&made).to_string();
    let printed = world.send(&world.owner(), "/file/complete", &[], body.as_bytes(), late);
    assert_eq!(printed.bad(), (404, "NotFound.UploadId"));
    world.sound();
}

#[test]
fn names_that_are_taken_follow_the_mode() {
    let world = World::new();
    let first = world.upload("a.txt", b"first", 10);
    let create = |mode: Value| world.create("a.txt", json!({ "check_name_mode": mode, "size": 1 }));
    // refuse: nothing is made, and what is there is told.
    let refused = create(json!("refuse")).good();
    assert_eq!((&refused["exist"], &refused["file_id"]), (&json!(true), &first["file_id"]));
    assert!(refused.get("upload_id").is_none());
    // auto_rename and ignore: both are kept, under different names.
    for mode in [json!("auto_rename"), json!("ignore"), Value::Null] {
        let made = create(mode).good();
        assert_eq!(made["exist"], json!(false));
        let name = made["file_name"].as_str().unwrap();
        assert!(name.starts_with("a_20") && name.ends_with(".txt") && name.len() >= 21, "{name}");
        world.put_part(&made["part_info_list"][0]["upload_url"], b"x").good();
        let file = world.complete(&made, json!({})).good();
        assert_ne!(file["file_id"], first["file_id"]);
    }
    assert_eq!(world.alice.list("", None, 10).unwrap().len(), 4);
    assert_eq!(create(json!("overwrite")).bad(), (400, "InvalidParameterNotSupported"));
    // As the SDK overwrites: refuse, and then by the id of what is there.
    let made = world.create("a.txt", json!({ "file_id": first["file_id"] })).good();
    assert_eq!(made["file_id"], first["file_id"]);
    world.put_part(&made["part_info_list"][0]["upload_url"], b"second").good();
    let file = world.complete(&made, json!({})).good();
    assert_eq!((file["size"].as_u64(), file["revision_version"].as_u64()), (Some(6), Some(2)));
    world.sound();
}

#[test]
fn a_name_taken_while_the_upload_ran_follows_the_mode_too() {
    let world = World::new();
    let refuse = world.create("a.txt", json!({ "check_name_mode": "refuse" })).good();
    let rename = world.create("b.txt", json!({ "check_name_mode": "auto_rename" })).good();
    world.put("a.txt", b"other");
    world.put("b.txt", b"other");
    for made in [&refuse, &rename] {
        world.put_part(&made["part_info_list"][0]["upload_url"], b"x").good();
    }
    assert_eq!(world.complete(&refuse, json!({})).bad(), (409, "AlreadyExist.File"));
    let file = world.complete(&rename, json!({})).good();
    assert!(file["name"].as_str().unwrap().starts_with("b_20"));
    assert_eq!(file["file_id"], rename["file_id"]);
    // The folder goes while the upload runs.
    world.alice.mkdir("d").unwrap();
    let made = world.create("c", json!({ "parent_file_id": world.file("d").to_string() })).good();
    world.put_part(&made["part_info_list"][0]["upload_url"], b"x").good();
    world.alice.trash("d").unwrap();
    assert_eq!(world.complete(&made, json!({})).bad(), (403, "ForbiddenFileInTheRecycleBin"));
    world.sound();
}

#[test]
fn an_optimistic_lock_lets_one_of_two_writers_win() {
    let world = World::new();
    let first = world.put("a", b"one");
    let last = json!({ "file_id": first.id.file().to_string(), "last_revision_id": first.id.to_string() });
    let made: Vec<Value> = (0..2).map(|_| world.create("a", last.clone()).good()).collect();
    for made in &made {
        world.put_part(&made["part_info_list"][0]["upload_url"], b"two").good();
    }
    world.complete(&made[0], json!({})).good();
    assert_eq!(world.complete(&made[1], json!({})).bad(), (409, "StateConflict"));
    assert_eq!(world.create("a", last).bad(), (409, "StateConflict"));
    // Said at the end alone.
    let made = world.create("a", json!({ "file_id": first.id.file().to_string() })).good();
    world.put_part(&made["part_info_list"][0]["upload_url"], b"three").good();
    let stale = json!({ "last_revision_id": first.id.to_string() });
    assert_eq!(world.complete(&made, stale).bad(), (409, "StateConflict"));
    assert_eq!(world.alice.versions("a", None, 10).unwrap().len(), 2);
    world.sound();
}

#[test]
fn what_is_said_of_a_file_is_kept_with_it() {
    let world = World::new();
    let more = json!({
        "description": "of the quarter",
        "hidden": true,
        "content_type": "application/pdf",
        "local_created_at": "2019-08-20T06:51:27Z",
        "local_modified_at": "2019-08-21T06:51:27.292Z",
        "user_tags": [{ "key": "k", "value": "v" }, { "key": "empty" }],
        "parallel_upload": true,
        "need_merge_period_revision": true,
    });
    let made = world.create("a", more).good();
    world.put_part(&made["part_info_list"][0]["upload_url"], b"x").good();
    let file = world.complete(&made, json!({})).good();
    assert_eq!(file["description"], "of the quarter");
    assert_eq!(file["hidden"], json!(true));
    assert_eq!(
        (file["content_type"].as_str(), file["category"].as_str()),
        (Some("application/pdf"), Some("doc"))
    );
    assert_eq!(file["local_created_at"], "2019-08-20T06:51:27.000Z");
    assert_eq!(file["local_modified_at"], "2019-08-21T06:51:27.292Z");
    assert_eq!(file["user_tags"], json!({ "k": "v", "empty": "" }));
    for (more, code) in [
        (json!({ "local_modified_at": "yesterday" }), "InvalidParameterWrongFormat"),
        (json!({ "content_type": "pdf" }), "InvalidParameterWrongFormat"),
        (json!({ "description": "d".repeat(1025) }), "InvalidParameterOutOfRange"),
        (json!({ "hidden": "yes" }), "InvalidParameterWrongFormat"),
        (json!({ "size": -1 }), "InvalidParameterOutOfRange"),
        (json!({ "size": "1" }), "InvalidParameterWrongFormat"),
        (json!({ "user_tags": [{ "value": "v" }] }), "InvalidParameterMissing"),
        (json!({ "type": "link" }), "InvalidParameterNotSupported"),
        (json!({ "name": "n".repeat(256) }), "InvalidParameterOutOfRange"),
        (json!({ "name": "a/b" }), "InvalidParameterWrongFormat"),
        (json!({ "parent_file_id": file["file_id"] }), "InvalidParameterNotMatch"),
    ] {
        assert_eq!(world.create("b", more.clone()).bad(), (400, code), "{more}");
    }
    assert_eq!(world.create("b", json!({ "parent_file_id": "f999" })).bad(), (404, "NotFound.FileId"));
}

#[test]
fn folders_are_made_at_once() {
    let world = World::new();
    let create = |name: &str, more: Value| world.create(name, merged(json!({ "type": "folder" }), more));
    let made = create("d", json!({})).good();
    assert_eq!((made["type"].as_str(), made["exist"].as_bool()), (Some("folder"), Some(false)));
    let inside = create("e", json!({ "parent_file_id": made["file_id"] })).good();
    assert_eq!(inside["parent_file_id"], made["file_id"]);
    assert_eq!(world.file("d/e").to_string(), inside["file_id"].as_str().unwrap());
    let again = create("d", json!({ "check_name_mode": "refuse" })).good();
    assert_eq!((&again["exist"], &again["file_id"]), (&json!(true), &made["file_id"]));
    let other = create("d", json!({ "check_name_mode": "auto_rename" })).good();
    assert!(other["file_name"].as_str().unwrap().starts_with("d_20"));
    world.sound();
}

#[test]
fn an_uploads_ids_belong_together() {
    let world = World::new();
    let one = world.create("a", json!({})).good();
    let two = world.create("b", json!({})).good();
    let mixed = json!({ "file_id": two["file_id"], "upload_id": one["upload_id"] });
    for call in ["/file/complete", "/file/get_upload_url", "/file/list_uploaded_parts"] {
        assert_eq!(world.complete(&mixed, json!({})).bad(), (404, "NotFound.UploadId"), "{call}");
        let odd = json!({ "file_id": one["file_id"], "upload_id": "u999" });
        assert_eq!(world.call(call, world.of_upload(&odd)).bad(), (404, "NotFound.UploadId"));
        let none = json!({ "drive_id": world.id(&world.alice), "file_id": one["file_id"] });
        assert_eq!(world.call(call, none).bad(), (400, "InvalidParameterMissing"));
    }
}

#[test]
fn the_same_content_is_held_once_whatever_way_it_came() {
    for dedup in [Dedup::Store, Dedup::Drive] {
        let world = World::with(options().dedup(dedup));
        let bytes = noise(60 * KIB, 9);
        world.put("direct", &bytes);
        for part in [60 * KIB, 25 * KIB] {
            world.upload(&format!("by-{part}"), &bytes, part);
        }
        world.store.gc().unwrap();
        assert_eq!(world.files_in("blob"), 1, "{dedup:?}");
        world.sound();
    }
}

#[test]
fn every_vector_of_a_hashs_state_may_come_with_a_part_and_decides_nothing() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/pds.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rows = vectors["sha1_ctx"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    let world = World::new();
    for (at, row) in rows.iter().enumerate() {
        let before: Vec<u8> = match row["data"].as_str().unwrap() {
            "" => Vec::new(),
            "64 x 0x00" => vec![0; 64],
            _ => (0..=255).collect(),
        };
        assert_eq!(before.len() as u64, row["part_offset"].as_u64().unwrap());
        let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
        let blocks: Vec<[u8; 64]> = before.chunks(64).map(|block| block.try_into().unwrap()).collect();
        sha1::block_api::compress(&mut state, &blocks);
        assert_eq!(json!(state), row["h"]);
        // Right or wrong: what is told afterwards was hashed here.
        for state in [state, [7; 5]] {
            let context = json!({ "h": state, "part_offset": before.len() });
            let parts = json!([{ "part_number": 1 }, { "part_number": 2, "parallel_sha1_ctx": context }]);
            let made = world.create(&format!("a{at}"), json!({ "part_info_list": parts })).good();
            world.put_part(&made["part_info_list"][0]["upload_url"], &before).good();
            world.put_part(&made["part_info_list"][1]["upload_url"], b"rest").good();
            let file = world.complete(&made, json!({})).good();
            assert_eq!(file["content_hash"], digest(&[&before[..], b"rest"].concat()).sha1_hex());
        }
    }
}

#[test]
fn all_parts_together_are_no_longer_than_was_said() {
    let world = World::new();
    let parts: Vec<Value> = (1..=20).map(|number| json!({ "part_number": number })).collect();
    let made = world.create("a", json!({ "size": 1000, "part_info_list": parts })).good();
    let put =
        |at: usize, len: usize| world.put_part(&made["part_info_list"][at]["upload_url"], &noise(len, 1));
    put(0, 600).good();
    assert_eq!(put(1, 401).bad(), (400, "InvalidParameterOutOfRange"), "each would fit by itself");
    put(1, 400).good();
    assert_eq!(put(2, 1).bad(), (400, "InvalidParameterOutOfRange"));
    // One that comes again takes the place of the one before, and its room.
    put(0, 500).good();
    put(2, 100).good();
    assert_eq!(put(0, 501).bad(), (400, "InvalidParameterOutOfRange"));
    let expected = [noise(500, 1), noise(400, 1), noise(100, 1)].concat();
    let file = world.complete(&made, json!({ "crc64_hash": digest(&expected).crc64.to_string() })).good();
    assert_eq!(read(&world.get(file["url"].as_str().unwrap())), expected);
    world.sound();
}

#[test]
fn a_completion_looks_before_it_writes() {
    let world = World::new();
    let big = noise(64 * KIB, 2);
    let file = world.put("old", b"old").id.file();
    let parts = json!([{ "part_number": 1 }, { "part_number": 2 }]);
    let more = json!({ "file_id": file.to_string(), "size": 3 * 64 * KIB, "part_info_list": parts });
    let made = world.create("old", more).good();
    for at in 0..2 {
        world.put_part(&made["part_info_list"][at]["upload_url"], &big).good();
    }
    // Damage that reading would find: what was not read is not told.
    for entry in walk(&world.dir.path().join("store/blob")) {
        std::fs::write(entry, b"cut short").unwrap();
    }
    let printed = world.complete(&made, json!({}));
    assert_eq!(printed.bad(), (400, "InvalidParameterNotMatch"), "the size is known from the rows");
    let printed = world.complete(&made, json!({ "crc64_hash": "1" }));
    assert_eq!(printed.bad(), (400, "InvalidParameterNotMatch"));
}

fn walk(path: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
