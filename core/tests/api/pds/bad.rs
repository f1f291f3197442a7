//! What is wrong with a request is told by the listed errors, and harms nothing.

use super::*;
use proptest::prelude::*;

const CALLS: [&str; 22] = [
    "/async_task/get",
    "/drive/get",
    "/drive/get_default_drive",
    "/drive/list_my_drives",
    "/file/archive_files",
    "/file/complete",
    "/file/create",
    "/file/delete",
    "/file/get",
    "/file/get_download_url",
    "/file/get_upload_url",
    "/file/list",
    "/file/list_uploaded_parts",
    "/file/revision/delete",
    "/file/revision/get",
    "/file/revision/list",
    "/file/revision/restore",
    "/file/revision/update",
    "/recyclebin/list",
    "/recyclebin/restore",
    "/recyclebin/trash",
    "/share_link/get_share_token",
];

#[test]
fn a_body_that_is_no_json_object_is_told() {
    let world = World::new();
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    for call in CALLS {
        for body in ["{", "[]", "null", "\"x\"", "{\"a\":}", deep.as_str(), "\u{0}"] {
            let message = world.send(&world.owner(), call, &[], body.as_bytes(), Time::now());
            assert_eq!(message.bad(), (400, "InvalidRequestJSONFormat"), "{call}");
        }
        let message = world.send(&world.owner(), call, &[], &[0xff, 0xfe], Time::now());
        assert_eq!(message.bad(), (400, "InvalidRequestJSONFormat"), "{call}");
    }
}

#[test]
fn t12_an_oversized_body_is_refused_and_not_held() {
    let world = World::new();
    let body = std::io::Read::take(std::io::repeat(b' '), 1 << 40);
    let request = Request::new("POST", "/pds/v2/file/get");
    let reply = world.api.answer(&world.owner(), &request, body).unwrap();
    assert_eq!(answered(reply).bad(), (400, "InvalidParameterOutOfRange"));
    let mut fits = b"{}".to_vec();
    fits.resize(4 << 20, b' ');
    let reply = world.send(&world.owner(), "/drive/get_default_drive", &[], &fits, Time::now());
    assert_eq!(reply.status, 200);
}

#[test]
fn an_empty_body_lacks_what_must_be_there() {
    let world = World::new();
    for call in CALLS {
        let message = world.send(&world.owner(), call, &[], b"", Time::now());
        if ["/drive/get_default_drive", "/drive/list_my_drives"].contains(&call) {
            message.good();
        } else {
            assert_eq!(message.bad(), (400, "InvalidParameterMissing"), "{call}");
        }
    }
}

#[test]
fn every_field_of_another_type_is_told() {
    let world = World::new();
    let file = world.put("a", b"x").id.file();
    let good = world.of(file, json!({}));
    let shared = json!({ "share_id": "s1" });
    for (call, fields) in [
        (
            "/file/get_download_url",
            vec![
                "file_id",
                "drive_id",
                "share_id",
                "file_name",
                "expire_sec",
                "response_content_type",
                "revision_id",
            ],
        ),
        ("/file/get", vec!["file_id", "drive_id", "url_expire_sec"]),
        (
            "/file/list",
            vec![
                "drive_id",
                "parent_file_id",
                "limit",
                "marker",
                "order_by",
                "order_direction",
                "type",
                "category",
            ],
        ),
        ("/file/revision/list", vec!["file_id", "limit", "marker"]),
        ("/recyclebin/list", vec!["limit", "marker"]),
        ("/share_link/get_share_token", vec!["share_id", "share_pwd"]),
    ] {
        for field in fields {
            for value in [json!(true), json!({}), json!([]), json!(1.5)] {
                let good = if call.starts_with("/share_link") { &shared } else { &good };
                let message = world.call(call, merged(good.clone(), json!({ field: value })));
                assert_eq!(message.bad(), (400, "InvalidParameterWrongFormat"), "{call} {field} {value}");
            }
        }
    }
    for drive in ["x", "-1", "1.0", "99999999999999999999999", "\u{661}"] {
        let message = world.call("/file/get", merged(good.clone(), json!({ "drive_id": drive })));
        assert_eq!(message.bad(), (400, "InvalidParameterWrongFormat"), "{drive}");
    }
    for field in ["drive_id", "file_id"] {
        let message = world.call("/file/get", merged(good.clone(), json!({ field: "" })));
        assert_eq!(message.bad(), (400, "InvalidParameterEmpty"), "{field}");
    }
    for id in ["x", "f", "F1", "f999999", "v1", "../etc", "f1 "] {
        let message = world.call("/file/get_download_url", merged(good.clone(), json!({ "file_id": id })));
        assert_eq!(message.bad(), (404, "NotFound.FileId"), "{id}");
    }
    let message = world.call("/file/get", merged(good, json!({ "file_id": "f".repeat(51) })));
    assert_eq!(message.bad(), (400, "InvalidParameterWrongFormat"));
}

#[test]
fn other_methods_and_other_paths_are_told() {
    let world = World::new();
    for call in CALLS {
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "post"] {
            let target = format!("/pds/v2{call}");
            let reply = world.api.answer(&world.owner(), &Request::new(method, &target), &b"{}"[..]).unwrap();
            assert_eq!((reply.status, reply.header("Allow")), (405, Some("POST")), "{method} {call}");
            assert_eq!(reply.body.is_empty(), method == "HEAD");
        }
    }
    for (path, allow) in [("/file/download", "GET"), ("/upload/x", "PUT")] {
        let target = format!("/pds/v2{path}");
        let reply = world.api.answer(&world.owner(), &Request::new("POST", &target), &b"{}"[..]).unwrap();
        assert_eq!((reply.status, reply.header("Allow")), (405, Some(allow)));
    }
    for path in ["/", "/file", "/file/", "/file/get/", "/File/get", "/file//get", "/upload", "/user/get"] {
        assert_eq!(world.call(path, json!({})).bad(), (404, "NotFound"), "{path}");
    }
}

#[test]
fn a_closed_store_is_the_hosts_affair() {
    let world = World::new();
    world.store.close().unwrap();
    let request = Request::new("POST", "/pds/v2/file/get");
    let error = world.api.answer(&world.owner(), &request, &b"{}"[..]).unwrap_err();
    assert_eq!(error.kind(), holdall::ErrorKind::InvalidArgument);
}

#[test]
fn nothing_told_holds_a_token_or_a_password() {
    let world = World::new();
    let caller = Caller::of("alice").token("very-secret-token");
    let message = world.call_as(
        &caller,
        "/file/create",
        json!({ "drive_id": world.id(&world.alice), "type": "file", "name": "a", "parent_file_id": "root" }),
    );
    assert!(!message.body.to_string().contains("very-secret"));
    let message = world.call_as(
        &caller,
        "/share_link/get_share_token",
        json!({ "share_id": "s999", "share_pwd": "hunter2" }),
    );
    assert!(!message.body.to_string().contains("hunter2"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[a-z][0-9a-z]{0,4}".prop_map(Value::from),
        Just(Value::from("root")),
    ];
    leaf.prop_recursive(2, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,12}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Whatever comes is answered with 200 or one of the faults, and the store stays sound.
#[test]
fn any_fields_are_answered() {
    let world = World::new();
    world.put("a", b"x");
    const NAMES: &[&str] = &[
        "file_id",
        "share_id",
        "name",
        "type",
        "parent_file_id",
        "size",
        "limit",
        "marker",
        "expire_sec",
        "part_info_list",
        "revision_id",
        "check_name_mode",
        "content_hash",
        "pre_hash",
        "proof_code",
        "upload_id",
        "crc64_hash",
        "file_ids",
        "files",
        "user_tags",
        "keep_forever",
        "order_by",
        "url_expire_sec",
        "revision_description",
        "async_task_id",
        "file_name",
        "response_content_type",
        "last_revision_id",
        "part_number_marker",
        "content_type",
        "local_modified_at",
    ];
    let drive = world.id(&world.alice);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    let fields = prop::collection::vec((prop::sample::select(NAMES), any_json()), 0..8);
    runner
        .run(&(prop::sample::select(&CALLS[..]), fields), |(call, fields)| {
            let mut body = json!({ "drive_id": drive });
            for (name, value) in fields {
                body[name] = value;
            }
            let message = world.call(call, body);
            prop_assert!(matches!(message.status, 200 | 400 | 401 | 403 | 404 | 409), "{}", message.body);
            if message.status != 200 {
                message.bad();
            }
            Ok(())
        })
        .unwrap();
    world.sound();
}
