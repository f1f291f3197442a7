//! `/v2/file/get_download_url`: every field, and what the URL then gives.

use super::*;
use holdall::Limits;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/pds.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_hash_vector_is_told_of_its_content() {
    let world = World::new();
    let vectors = vectors();
    let mut rows: Vec<(Vec<u8>, Value)> = Vec::new();
    for row in vectors["hash"].as_array().unwrap() {
        rows.push((row["input_utf8"].as_str().unwrap().as_bytes().to_vec(), row.clone()));
    }
    rows.push((vec![0; 1 << 20], vectors["hash_special"][0].clone()));
    rows.push(((0..=255).collect(), vectors["hash_special"][1].clone()));
    assert_eq!(rows.len(), 11);
    for (at, (bytes, row)) in rows.iter().enumerate() {
        let version = world.put(&format!("v{at}"), bytes);
        let message = world.call("/file/get_download_url", world.of(version.id.file(), json!({}))).good();
        assert_eq!(message["crc64_hash"], row["crc64_hash"]);
        assert_eq!(message["content_hash"], row["content_hash"]);
        assert_eq!(message["content_hash_name"], "sha1");
        assert_eq!(message["size"], bytes.len());
        assert_eq!(read(&world.get(message["url"].as_str().unwrap())), *bytes);
        // The same by way of an upload.
        let file = world.upload(&format!("u{at}"), bytes, 1 << 19);
        assert_eq!(file["crc64_hash"], row["crc64_hash"]);
        assert_eq!(file["content_hash"], row["content_hash"]);
    }
}

#[test]
fn every_documented_field_is_there_and_on_its_base() {
    let mut world = World::new();
    world.api = Api::new(&world.store)
        .site("https://data.example")
        .unwrap()
        .internal_base("http://data-vpc.example:8080")
        .unwrap()
        .cdn_base("https://data-cdn.example")
        .unwrap()
        .prefix("/pds")
        .unwrap();
    let version = world.put("r.txt", b"hello world");
    let now = Time(1_900_000_000_123_456);
    let body = world.of(version.id.file(), json!({ "expire_sec": 100 })).to_string();
    let message = world.send(&world.owner(), "/file/get_download_url", &[], body.as_bytes(), now).good();
    assert_eq!(message["expiration"], "2030-03-17T17:48:20.000Z");
    assert_eq!((message["method"].as_str(), message["size"].as_u64()), (Some("GET"), Some(11)));
    assert_eq!(message["revision_id"], version.id.to_string());
    let path_of = path(&message["url"]);
    for (field, base) in [
        ("url", "https://data.example"),
        ("internal_url", "http://data-vpc.example:8080"),
        ("cdn_url", "https://data-cdn.example"),
    ] {
        assert_eq!(message[field], format!("{base}{path_of}"));
    }
    assert!(path_of.starts_with("/files/d/"));
    // The very second that it tells is the first at which it is over.
    for (after, status) in [(0, 200), (99, 200), (100, 403)] {
        let at = Time::from_unix(1_900_000_000 + after);
        assert_eq!(world.store.serve(&Request::get(path_of).at(at)).unwrap().status, status, "{after}");
    }
}

#[test]
fn without_other_bases_the_other_urls_are_empty() {
    let world = World::new();
    let version = world.put("r.txt", b"x");
    let message = world.call("/file/get_download_url", world.of(version.id.file(), json!({}))).good();
    assert_eq!((message["internal_url"].as_str(), message["cdn_url"].as_str()), (Some(""), Some("")));
    assert!(message["url"].as_str().unwrap().starts_with("/files/d/"));
}

#[test]
fn t5_a_lifetime_is_1_to_115200_seconds_and_900_by_default() {
    let world = World::new();
    let file = world.put("r.txt", b"x").id.file();
    let now = Time::from_unix(1_900_000_000);
    for (expire, expected) in [
        (json!(1), Ok("2030-03-17T17:46:41.000Z")),
        (json!(115_200), Ok("2030-03-19T01:46:40.000Z")),
        (Value::Null, Ok("2030-03-17T18:01:40.000Z")),
        (json!(0), Err("InvalidParameterOutOfRange")),
        (json!(-1), Err("InvalidParameterOutOfRange")),
        (json!(115_201), Err("InvalidParameterOutOfRange")),
        (json!("100"), Err("InvalidParameterWrongFormat")),
        (json!(1.5), Err("InvalidParameterWrongFormat")),
    ] {
        let body = world.of(file, json!({ "expire_sec": expire })).to_string();
        let message = world.send(&world.owner(), "/file/get_download_url", &[], body.as_bytes(), now);
        match expected {
            Ok(expiration) => assert_eq!(message.good()["expiration"], expiration),
            Err(code) => assert_eq!(message.bad(), (400, code), "{expire}"),
        }
    }
}

#[test]
fn the_hosts_own_limit_on_lifetimes_is_kept_and_nothing_is_clamped() {
    let world = World::with(options().max_lifetime(seconds(1000)));
    let file = world.put("r.txt", b"x").id.file();
    let message = world.call("/file/get_download_url", world.of(file, json!({ "expire_sec": 1001 })));
    assert_eq!(message.bad(), (400, "InvalidParameterOutOfRange"));
    world.call("/file/get_download_url", world.of(file, json!({ "expire_sec": 1000 }))).good();
}

#[test]
fn name_and_type_are_the_replys_and_nobody_changes_them() {
    let world = World::new();
    let file = world.put("a.bin", b"x").id.file();
    let more = json!({ "file_name": "name(8) \u{62a5}.mp4", "response_content_type": "video/mp4" });
    let message = world.call("/file/get_download_url", world.of(file, more)).good();
    let reply = world.get(message["url"].as_str().unwrap());
    assert_eq!(reply.header("Content-Type"), Some("video/mp4"));
    let disposition = reply.header("Content-Disposition").unwrap();
    assert!(disposition.starts_with("attachment;"), "{disposition}");
    assert!(disposition.contains("filename*=UTF-8''name%288%29%20%E6%8A%A5.mp4"), "{disposition}");
    let own = world.call("/file/get_download_url", world.of(file, json!({}))).good();
    assert!(world.get(own["url"].as_str().unwrap()).header("Content-Disposition").unwrap().contains("a.bin"));
    for (field, value, code) in [
        ("file_name", "", "InvalidParameterEmpty"),
        ("file_name", "a/b", "InvalidParameterWrongFormat"),
        ("file_name", "a\r\nb", "InvalidParameterWrongFormat"),
        ("file_name", &"n".repeat(1025), "InvalidParameterOutOfRange"),
        ("file_name", &"n".repeat(256), "InvalidParameterOutOfRange"),
        ("response_content_type", "video", "InvalidParameterWrongFormat"),
        ("response_content_type", "a/b\r\nx: y", "InvalidParameterWrongFormat"),
    ] {
        let message = world.call("/file/get_download_url", world.of(file, json!({ field: value })));
        assert_eq!(message.bad(), (400, code), "{field}");
    }
}

#[test]
fn a_url_pins_the_revision_it_was_made_of() {
    let world = World::new();
    let first = world.put("r.txt", b"first");
    let message = world.call("/file/get_download_url", world.of(first.id.file(), json!({}))).good();
    let second = world.put("r.txt", b"second");
    assert_eq!(read(&world.get(message["url"].as_str().unwrap())), b"first");
    let old = json!({ "revision_id": first.id.to_string() });
    let message = world.call("/file/get_download_url", world.of(first.id.file(), old)).good();
    assert_eq!(
        (message["size"].as_u64(), message["revision_id"].as_str()),
        (Some(5), Some(&*first.id.to_string()))
    );
    assert_eq!(read(&world.get(message["url"].as_str().unwrap())), b"first");
    let now = world.call("/file/get_download_url", world.of(first.id.file(), json!({}))).good();
    assert_eq!(now["revision_id"], second.id.to_string());
    // Of another file, of none, removed.
    let other = world.put("other", b"x");
    world.store.remove_version(first.id).unwrap();
    for id in [other.id.to_string(), first.id.to_string(), "v1".into(), "x".into()] {
        let body = world.of(first.id.file(), json!({ "revision_id": id }));
        assert_eq!(world.call("/file/get_download_url", body).bad(), (404, "NotFound.RevisionId"), "{id}");
    }
}

#[test]
fn a_trashed_files_url_rests_and_wakes_with_it() {
    let world = World::new();
    world.put("d/r.txt", b"x");
    let (folder, file) = (world.file("d"), world.file("d/r.txt"));
    let url = world.call("/file/get_download_url", world.of(file, json!({}))).good();
    let url = url["url"].as_str().unwrap();
    for trashed in [file, folder] {
        assert_eq!(world.get(url).status, 200);
        world.call("/recyclebin/trash", world.of(trashed, json!({}))).good();
        assert_eq!(world.get(url).status, 410);
        let message = world.call("/file/get_download_url", world.of(file, json!({})));
        assert_eq!(message.bad(), (403, "ForbiddenFileInTheRecycleBin"));
        world.call("/recyclebin/restore", world.of(trashed, json!({}))).good();
    }
    assert_eq!(world.get(url).status, 200);
    world.call("/file/delete", world.of(file, json!({}))).good();
    assert_eq!(world.get(url).status, 410);
    assert_eq!(
        world.call("/file/get_download_url", world.of(file, json!({}))).bad(),
        (404, "NotFound.FileId")
    );
}

#[test]
fn a_folder_and_an_archive_are_answered_at_once_with_size_and_crc64() {
    let world = World::new();
    world.put("d/a.txt", &noise(40 * KIB, 1));
    world.put("d/e/b.txt", b"b");
    let asked = world.call("/file/get_download_url", world.of(world.file("d"), json!({}))).good();
    let task =
        json!({ "drive_id": world.id(&world.alice), "file_ids": [world.file("d").to_string()], "name": "x" });
    let task = world.call("/file/archive_files", task).good();
    assert_eq!(task["state"], "Succeed");
    let again = json!({ "async_task_id": task["async_task_id"] });
    let again = world.call("/async_task/get", again).good();
    assert_eq!(again["archive_file_result"]["size"], task["archive_file_result"]["size"]);
    let id = task["async_task_id"].as_str().unwrap();
    let by_id = world.call("/file/get_download_url", world.of(id, json!({ "file_name": "y.zip" }))).good();
    for message in [&asked, &task["archive_file_result"], &again["archive_file_result"], &by_id] {
        let zip = read(&world.get(message["url"].as_str().unwrap()));
        assert_eq!(message["size"], zip.len());
        assert_eq!(message["crc64_hash"], digest(&zip).crc64.to_string());
        assert!(zip.starts_with(b"PK\x03\x04"));
    }
    assert_eq!(
        (asked["content_hash"].as_str(), asked["content_hash_name"].as_str()),
        (Some(""), Some("none"))
    );
    let name = |message: &Value| {
        world.get(message["url"].as_str().unwrap()).header("Content-Disposition").unwrap().to_owned()
    };
    assert!(name(&asked).contains("d.zip") && name(&task["archive_file_result"]).contains("x.zip"));
    assert!(name(&by_id).contains("y.zip"));
    let ranged = world.store.serve(&Request::get(asked["url"].as_str().unwrap()).range("bytes=5-9")).unwrap();
    assert_eq!((ranged.status, ranged.body.len()), (206, 5));
    // The archive of a whole drive, by the name of its root.
    world.call("/file/get_download_url", world.of("root", json!({}))).good();
}

#[test]
fn an_archive_needs_members_that_are_there() {
    let world = World::new();
    let file = world.put("a", b"x").id.file();
    let drive = world.id(&world.alice);
    for (body, bad) in [
        (json!({ "drive_id": drive }), (400, "InvalidParameterMissing")),
        (json!({ "drive_id": drive, "file_ids": [] }), (400, "InvalidParameterMissing")),
        (json!({ "drive_id": drive, "file_ids": [7] }), (400, "InvalidParameterWrongFormat")),
        (json!({ "drive_id": drive, "files": ["f1"] }), (400, "InvalidParameterWrongFormat")),
        (json!({ "drive_id": drive, "file_ids": ["f999"] }), (404, "NotFound.FileId")),
        (
            json!({ "drive_id": drive, "file_ids": [file.to_string()], "name": "a/b" }),
            (400, "InvalidParameterWrongFormat"),
        ),
    ] {
        assert_eq!(world.call("/file/archive_files", body.clone()).bad(), bad, "{body}");
    }
    let good = json!({ "drive_id": drive, "files": [{ "file_id": file.to_string() }, { "file_id": file.to_string() }] });
    world.call("/file/archive_files", good).good();
    assert_eq!(world.call("/async_task/get", json!({ "async_task_id": "a999" })).bad(), (404, "NotFound"));
    assert_eq!(
        world.call("/file/get_download_url", world.of("a999", json!({}))).bad(),
        (404, "NotFound.FileId")
    );
}

#[test]
fn an_archive_lives_no_longer_than_deleted_content_is_kept() {
    let world = World::new();
    world.put("d/a", b"x");
    let body = |expire: u64| world.of(world.file("d"), json!({ "expire_sec": expire }));
    world.call("/file/get_download_url", body(86_400)).good();
    let message = world.call("/file/get_download_url", body(86_401));
    assert_eq!(message.bad(), (400, "InvalidParameterOutOfRange"));
}

#[test]
fn a_groups_limits_hold() {
    let world = World::new();
    world.put("d/a", b"x");
    let file = world.file("d/a");
    let slow = world.owner().limits(Limits::new().speed(1000).archive(false));
    let message = world.call_as(&slow, "/file/get_download_url", world.of(file, json!({}))).good();
    assert_eq!(world.get(message["url"].as_str().unwrap()).pace, Some(1000));
    let message = world.call_as(&slow, "/file/get_download_url", world.of(world.file("d"), json!({})));
    assert_eq!(message.bad(), (403, "ForbiddenNoPermission"));
}

#[test]
fn a_browser_is_redirected_to_the_content() {
    let world = World::new();
    let file = world.put("a", b"hello").id.file();
    let target =
        format!("/pds/v2/file/download?drive_id={}&file_id={file}&expire_sec=60", world.id(&world.alice));
    let reply = world.api.answer(&world.owner(), &Request::get(&target), &b""[..]).unwrap();
    assert_eq!(reply.status, 302);
    assert_eq!(read(&world.get(reply.header("Location").unwrap())), b"hello");
    let reply = world.api.answer(&Caller::anonymous(), &Request::get(&target), &b""[..]).unwrap();
    assert_eq!(answered(reply).bad(), (401, "AccessTokenInvalid"));
}

#[test]
fn a_revoked_file_or_drive_ends_its_urls() {
    let world = World::new();
    let file = world.put("a", b"hello").id.file();
    let message = world.call("/file/get_download_url", world.of(file, json!({}))).good();
    world.alice.revoke().unwrap();
    assert_eq!(world.get(message["url"].as_str().unwrap()).status, 410);
}
