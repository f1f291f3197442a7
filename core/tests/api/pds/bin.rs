//! `/v2/recyclebin/*` and `/v2/file/delete`.

use super::*;

#[test]
fn what_is_trashed_is_listed_and_comes_back_to_its_place() {
    let world = World::new();
    world.put("d/a.txt", b"x");
    let file = world.file("d/a.txt");
    let answer = world.call("/recyclebin/trash", world.of(file, json!({}))).good();
    assert_eq!((&answer["file_id"], &answer["async_task_id"]), (&json!(file.to_string()), &json!("")));
    world.call("/recyclebin/trash", world.of(file, json!({}))).good();
    let list = world.call("/recyclebin/list", json!({ "drive_id": world.id(&world.alice) })).good();
    let item = &list["items"][0];
    assert_eq!(
        (&item["file_id"], &item["name"], &item["trashed"]),
        (&json!(file.to_string()), &json!("a.txt"), &json!(true))
    );
    assert!(item["trashed_at"].as_str().unwrap().ends_with('Z') && item.get("url").is_none());
    assert_eq!(world.call("/file/get", world.of(file, json!({}))).good()["trashed"], json!(true));
    world.call("/recyclebin/restore", world.of(file, json!({}))).good();
    assert_eq!(world.file("d/a.txt"), file);
    assert_eq!(world.call("/recyclebin/restore", world.of(file, json!({}))).bad(), (404, "NotFound.FileId"));
    world.sound();
}

#[test]
fn a_way_back_is_found_whatever_became_of_the_folder() {
    let world = World::new();
    for (at, what) in ["trashed", "deleted", "taken"].into_iter().enumerate() {
        let folder = format!("d{at}");
        world.put(&format!("{folder}/{what}"), b"x");
        let file = world.file(&format!("{folder}/{what}"));
        world.call("/recyclebin/trash", world.of(file, json!({}))).good();
        match what {
            "trashed" => drop(world.alice.trash(&folder).unwrap()),
            "deleted" => world.alice.delete(&folder).unwrap(),
            _ => drop(world.put(&format!("{folder}/{what}"), b"new")),
        }
        world.call("/recyclebin/restore", world.of(file, json!({}))).good();
        let path = world.store.path_of(file).unwrap().unwrap();
        match what {
            "trashed" => assert_eq!(path, "d0/trashed", "its folder is made anew"),
            "deleted" => assert_eq!(path, "deleted", "to the root"),
            _ => assert!(path.starts_with("d2/taken_20"), "{path}"),
        }
    }
    world.sound();
}

#[test]
fn the_bin_comes_in_pages() {
    let world = World::new();
    for at in 0..5 {
        world.put(&format!("f{at}"), b"x");
        world.alice.trash(&format!("f{at}")).unwrap();
    }
    let (mut names, mut marker) = (Vec::new(), json!(""));
    loop {
        let body = json!({ "drive_id": world.id(&world.alice), "limit": 2, "marker": marker });
        let page = world.call("/recyclebin/list", body).good();
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
        marker = page["next_marker"].clone();
        if marker == "" {
            break;
        }
    }
    assert_eq!(names, ["f0", "f1", "f2", "f3", "f4"]);
}

#[test]
fn the_root_stays() {
    let world = World::new();
    for call in ["/recyclebin/trash", "/file/delete"] {
        assert_eq!(world.call(call, world.of("root", json!({}))).bad(), (403, "Forbidden"), "{call}");
    }
    assert_eq!(
        world.call("/recyclebin/restore", world.of("root", json!({}))).bad(),
        (404, "NotFound.FileId")
    );
}

#[test]
fn a_deleted_file_is_gone_for_good_from_its_tree_and_from_the_bin() {
    let world = World::new();
    world.put("a", b"x");
    world.put("d/b", b"x");
    let ids = [world.file("a"), world.file("d")];
    world.call("/recyclebin/trash", world.of(ids[0], json!({}))).good();
    for id in ids {
        world.call("/file/delete", world.of(id, json!({}))).good();
        for call in ["/file/get", "/recyclebin/restore", "/file/delete", "/recyclebin/trash"] {
            assert_eq!(world.call(call, world.of(id, json!({}))).bad(), (404, "NotFound.FileId"), "{call}");
        }
    }
    world.sound();
}

#[test]
fn nothing_is_made_moved_or_restored_deeper_than_a_path_reaches() {
    let world = World::new();
    let name = |at: usize| format!("n{at}");
    let deepest: Vec<String> = (0..128).map(name).collect();
    world.alice.mkdir(&deepest.join("/")).unwrap();
    let at = |depth: usize| world.file(&deepest[..depth].join("/"));
    let create = |kind: &str, parent: holdall::FileId| {
        let body = json!({
            "drive_id": world.id(&world.alice), "parent_file_id": parent.to_string(), "type": kind, "name": "x",
        });
        world.call("/file/create", body)
    };
    for kind in ["folder", "file"] {
        assert_eq!(create(kind, at(128)).bad(), (400, "InvalidParameter"), "{kind}");
        create(kind, at(127)).good();
    }
    // A folder that goes deeper takes along what lies in it.
    world.alice.mkdir("top/in/side").unwrap();
    let to = |depth: usize| format!("{}/moved", deepest[..depth].join("/"));
    let refused = |error: holdall::Error| assert_eq!(error.kind(), holdall::ErrorKind::InvalidArgument);
    refused(world.alice.rename("top", &to(126), false).unwrap_err());
    refused(world.alice.copy("top", &to(126), holdall::CopyVersions::Current).unwrap_err());
    world.alice.rename("top", &to(125), false).unwrap();
    world.alice.walk("", |_, _| Ok(true)).unwrap();
    world.alice.rename(&to(125), "top", false).unwrap();
    let file = world.alice.trash("top").unwrap();
    refused(world.alice.restore(file, Some(&to(126))).unwrap_err());
    world.alice.restore(file, Some(&to(125))).unwrap();
    assert!(world.alice.archive([""]).unwrap().create().is_ok(), "all of it can be walked");
    world.sound();
}
