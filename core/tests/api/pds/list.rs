//! `/v2/file/get`, `/v2/file/list` and the calls about drives.

use super::*;

fn names(world: &World, more: Value) -> Vec<String> {
    let (mut names, mut marker) = (Vec::new(), json!(null));
    loop {
        let body = merged(json!({ "drive_id": world.id(&world.alice), "marker": marker }), more.clone());
        let page = world.call("/file/list", body).good();
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        marker = page["next_marker"].clone();
        if marker == "" {
            return names;
        }
        assert!(!items.is_empty());
    }
}

#[test]
fn a_file_is_told_field_by_field() {
    let world = World::new();
    let version = world.put("d/q3.pdf", b"abc");
    let answer = world.call("/file/get", world.of(version.id.file(), json!({}))).good();
    let expected = json!({
        "domain_id": "holdall", "drive_id": world.id(&world.alice), "file_id": version.id.file().to_string(),
        "parent_file_id": world.file("d").to_string(), "name": "q3.pdf", "type": "file", "status": "available",
        "size": 3, "crc64_hash": "3231342946509354535",
        "content_hash": "A9993E364706816ABA3E25717850C26C9CD0D89D", "content_hash_name": "sha1",
        "revision_id": version.id.to_string(), "revision_version": 1, "content_type": "application/pdf",
        "mime_type": "application/pdf", "category": "doc", "file_extension": "pdf", "hidden": false,
        "starred": false, "trashed": false,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&answer[name], value, "{name}");
    }
    for time in ["created_at", "updated_at", "local_modified_at"] {
        let text = answer[time].as_str().unwrap();
        assert!(text.len() == 24 && text.ends_with('Z') && text.as_bytes()[19] == b'.', "{text}");
    }
    let shown = world.get(answer["url"].as_str().unwrap());
    assert!(shown.header("Content-Disposition").unwrap().starts_with("inline"));
    let saved = world.get(answer["download_url"].as_str().unwrap());
    assert!(saved.header("Content-Disposition").unwrap().starts_with("attachment"));
    let root = world.call("/file/get", world.of("root", json!({}))).good();
    assert_eq!((&root["file_id"], &root["type"]), (&json!("root"), &json!("folder")));
    let folder = world.call("/file/get", world.of(world.file("d"), json!({}))).good();
    assert_eq!((&folder["parent_file_id"], folder.get("url")), (&json!("root"), None));
    for expire in [9, 14_401] {
        let answer = world.call("/file/get", world.of("root", json!({ "url_expire_sec": expire })));
        assert_eq!(answer.bad(), (400, "InvalidParameterOutOfRange"));
    }
}

#[test]
fn a_folder_is_listed_in_pages_and_in_any_order() {
    let world = World::new();
    for (name, len) in [("c.txt", 1), ("a.zip", 3), ("b.png", 2), ("e.txt", 2)] {
        world.put(name, &vec![b'x'; len]);
    }
    world.alice.mkdir("d").unwrap();
    for limit in [1, 2, 3, 100] {
        let of = |more: Value| names(&world, merged(json!({ "limit": limit }), more));
        assert_eq!(of(json!({})), ["a.zip", "b.png", "c.txt", "d", "e.txt"]);
        assert_eq!(of(json!({ "order_direction": "DESC" })), ["e.txt", "d", "c.txt", "b.png", "a.zip"]);
        assert_eq!(of(json!({ "order_by": "created_at" })), ["c.txt", "a.zip", "b.png", "e.txt", "d"]);
        assert_eq!(of(json!({ "order_by": "size" })), ["d", "c.txt", "b.png", "e.txt", "a.zip"]);
        assert_eq!(
            of(json!({ "order_by": "size", "order_direction": "DESC" })),
            ["a.zip", "e.txt", "b.png", "c.txt", "d"]
        );
        assert_eq!(of(json!({ "type": "folder" })), ["d"]);
        assert_eq!(of(json!({ "type": "file" })).len(), 4);
        assert_eq!(of(json!({ "category": "image" })), ["b.png"]);
        assert_eq!(of(json!({ "category": "doc", "order_by": "updated_at" })), ["c.txt", "e.txt"]);
        assert_eq!(of(json!({ "parent_file_id": world.file("d").to_string() })), Vec::<String>::new());
    }
    for (more, bad) in [
        (json!({ "limit": 0 }), (400, "InvalidParameterOutOfRange")),
        (json!({ "limit": 101 }), (400, "InvalidParameterOutOfRange")),
        (json!({ "order_by": "colour" }), (400, "InvalidParameterNotSupported")),
        (json!({ "marker": "***" }), (400, "InvalidParameter")),
        (json!({ "marker": "YQ", "order_by": "size" }), (400, "InvalidParameter")),
        (json!({ "parent_file_id": "f999" }), (404, "NotFound.FileId")),
        (json!({ "parent_file_id": world.file("c.txt").to_string() }), (400, "InvalidParameterNotSupported")),
    ] {
        let body = merged(json!({ "drive_id": world.id(&world.alice) }), more.clone());
        assert_eq!(world.call("/file/list", body).bad(), bad, "{more}");
    }
    let folder = world.file("d");
    world.alice.trash("d").unwrap();
    let body = json!({ "drive_id": world.id(&world.alice), "parent_file_id": folder.to_string() });
    assert_eq!(world.call("/file/list", body).bad(), (403, "ForbiddenFileInTheRecycleBin"));
}

#[test]
fn a_client_finds_its_drive() {
    let world = World::new();
    let answer = world.call("/drive/get_default_drive", json!({})).good();
    assert_eq!(answer["drive_id"], world.id(&world.alice));
    let got = world.call("/drive/get", json!({ "drive_id": answer["drive_id"] })).good();
    assert_eq!((&got["drive_name"], &got["status"]), (&json!("alice"), &json!("enabled")));
    // One who comes for the first time gets one.
    let answer = world.call_as(&Caller::of("carol"), "/drive/list_my_drives", json!({})).good();
    assert_eq!(answer["items"][0]["drive_name"], "carol");
    assert!(world.store.find_drive("carol").unwrap().is_some());
}
