//! `/v2/file/revision/*`.

use super::*;

fn of(world: &World, version: &VersionInfo, more: Value) -> Value {
    let id = json!({ "revision_id": version.id.to_string() });
    world.of(version.id.file(), merged(id, more))
}

#[test]
fn revisions_are_listed_newest_first_in_pages_without_urls() {
    let world = World::new();
    let versions: Vec<VersionInfo> = (0..7).map(|at| world.put("a.txt", &vec![b'x'; at])).collect();
    let file = versions[0].id.file();
    let mut seen = Vec::new();
    let mut marker = json!("");
    loop {
        let page =
            world.call("/file/revision/list", world.of(file, json!({ "limit": 3, "marker": marker }))).good();
        for item in page["items"].as_array().unwrap() {
            assert!(item.get("url").is_none() && item.get("download_url").is_none());
            seen.push((item["revision_id"].clone(), item["is_latest_version"].clone()));
        }
        marker = page["next_marker"].clone();
        if marker == "" {
            break;
        }
    }
    let expected: Vec<_> =
        versions.iter().rev().map(|v| (json!(v.id.to_string()), json!(v.id == versions[6].id))).collect();
    assert_eq!(seen, expected);
    for limit in [json!(0), json!(101)] {
        let answer = world.call("/file/revision/list", world.of(file, json!({ "limit": limit })));
        assert_eq!(answer.bad(), (400, "InvalidParameterOutOfRange"));
    }
    let folder = world.alice.mkdir("d").unwrap();
    assert_eq!(
        world.call("/file/revision/list", world.of(folder, json!({}))).bad(),
        (400, "InvalidParameterNotSupported")
    );
}

#[test]
fn a_revision_is_told_with_its_own_hashes_and_urls() {
    let world = World::new();
    let first = world.put("a.txt", b"abc");
    world.put("a.txt", b"second");
    let answer = world.call("/file/revision/get", of(&world, &first, json!({ "url_expire_sec": 10 }))).good();
    assert_eq!(answer["crc64_hash"], "3231342946509354535");
    assert_eq!(answer["content_hash"], "A9993E364706816ABA3E25717850C26C9CD0D89D");
    assert_eq!(
        (answer["revision_version"].as_u64(), answer["is_latest_version"].as_bool()),
        (Some(1), Some(false))
    );
    assert_eq!(
        (answer["revision_name"].as_str(), answer["file_extension"].as_str()),
        (Some("a.txt"), Some("txt"))
    );
    for url in ["url", "download_url"] {
        assert_eq!(read(&world.get(answer[url].as_str().unwrap())), b"abc");
    }
    for expire in [9, 86_401] {
        let answer =
            world.call("/file/revision/get", of(&world, &first, json!({ "url_expire_sec": expire })));
        assert_eq!(answer.bad(), (400, "InvalidParameterOutOfRange"));
    }
}

#[test]
fn a_restored_revision_becomes_the_newest_and_nothing_is_copied() {
    let world = World::new();
    let big = noise(80 * KIB, 1);
    let first = world.put("a.txt", &big);
    let second = world.put("a.txt", b"second");
    let files = world.files_in("blob");
    let answer = world.call("/file/revision/restore", of(&world, &first, json!({}))).good();
    assert_eq!(
        (answer["revision_version"].as_u64(), answer["is_latest_version"].as_bool()),
        (Some(3), Some(true))
    );
    assert_eq!(answer["content_hash"], digest(&big).sha1_hex());
    assert_eq!(world.files_in("blob"), files);
    assert_eq!(world.alice.open_file("a.txt").unwrap().to_vec(1 << 20).unwrap(), big);
    assert_eq!(world.alice.versions("a.txt", None, 9).unwrap().len(), 3);
    // The latest can be neither restored nor deleted.
    let latest = world.alice.stat("a.txt").unwrap().current.unwrap();
    for call in ["/file/revision/restore", "/file/revision/delete"] {
        let answer = world.call(call, of(&world, &latest, json!({})));
        assert_eq!(answer.bad(), (400, "FileLatestRevisionCannotBeRestore"), "{call}");
    }
    world.call("/file/revision/delete", of(&world, &second, json!({}))).good();
    for call in ["restore", "delete", "get", "update"] {
        let answer = world.call(&format!("/file/revision/{call}"), of(&world, &second, json!({})));
        assert_eq!(answer.bad(), (404, "NotFound.RevisionId"), "{call}");
    }
    world.sound();
}

#[test]
fn revisions_are_described_and_fifty_kept_for_ever() {
    let world = World::new();
    let versions: Vec<VersionInfo> = (0..52).map(|at| world.put("a", &[at])).collect();
    let update =
        |version: &VersionInfo, more: Value| world.call("/file/revision/update", of(&world, version, more));
    let text = "\u{62a5}".repeat(1024);
    let answer = update(&versions[0], json!({ "revision_description": text, "keep_forever": true })).good();
    assert_eq!((&answer["revision_description"], &answer["keep_forever"]), (&json!(text), &json!(true)));
    let answer = update(&versions[0], json!({})).good();
    assert_eq!(
        (&answer["revision_description"], &answer["keep_forever"]),
        (&json!(text), &json!(true)),
        "left alone"
    );
    let answer = update(&versions[0], json!({ "revision_description": "" })).good();
    assert_eq!(answer["revision_description"], "");
    for version in &versions[1..50] {
        update(version, json!({ "keep_forever": true })).good();
    }
    assert_eq!(
        update(&versions[50], json!({ "keep_forever": true })).bad(),
        (403, "ExceedCapacityForbidden")
    );
    update(&versions[49], json!({ "keep_forever": true })).good();
    update(&versions[0], json!({ "keep_forever": false })).good();
    update(&versions[50], json!({ "keep_forever": true })).good();
    for (more, code) in [
        (json!({ "revision_description": "d".repeat(1025) }), "InvalidParameterOutOfRange"),
        (json!({ "keep_forever": 1 }), "InvalidParameterWrongFormat"),
    ] {
        assert_eq!(update(&versions[0], more).bad(), (400, code));
    }
    // A note goes with its version.
    update(&versions[0], json!({ "revision_description": "x" })).good();
    world.store.remove_version(versions[0].id).unwrap();
    world.sound();
    world.alice.delete("a").unwrap();
    world.sound();
}

#[test]
fn kept_revisions_outlive_the_limit() {
    let world = World::new();
    world.alice.set_max_versions(2).unwrap();
    let first = world.put("a", b"1");
    world
        .call(
            "/file/revision/update",
            of(&world, &first, json!({ "keep_forever": true, "revision_description": "x" })),
        )
        .good();
    let second = world.put("a", b"2");
    world
        .call("/file/revision/update", of(&world, &second, json!({ "revision_description": "goes" })))
        .good();
    for at in 3..6 {
        world.put("a", &[at]);
    }
    world.call("/file/revision/get", of(&world, &first, json!({}))).good();
    assert_eq!(world.call("/file/revision/get", of(&world, &second, json!({}))).bad().0, 404);
    world.sound();
}
