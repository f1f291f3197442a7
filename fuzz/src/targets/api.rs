//! The JSON of the wire formats.

use std::cell::RefCell;

use holdall::{Api, Caller, Put, Request};

use super::input::{self, Input};

thread_local! {
    static API: RefCell<Option<Api>> = const { RefCell::new(None) };
}

const CLOUDREVE: [(&str, &str); 8] = [
    ("POST", "/api/v4/file/url"),
    ("PUT", "/api/v4/file/source"),
    ("DELETE", "/api/v4/file/source/1"),
    ("POST", "/api/v4/file/version/current"),
    ("DELETE", "/api/v4/file/version"),
    ("GET", "/api/v4/file/info?uri="),
    ("POST", "/api/v4/file/archive"),
    ("POST", "/api/v4/file/"),
];

const PDS: [&str; 16] = [
    "file/create",
    "file/complete",
    "file/get",
    "file/get_by_path",
    "file/list",
    "file/get_download_url",
    "file/get_upload_url",
    "file/list_uploaded_parts",
    "file/update",
    "file/delete",
    "file/archive_files",
    "file/revision/list",
    "file/revision/get",
    "recyclebin/list",
    "recyclebin/restore",
    "share_link/get_share_token",
];

fn answer(method: &str, target: &str, caller: u8, body: &[u8]) {
    API.with_borrow_mut(|known| {
        let api = known.get_or_insert_with(|| {
            let store = input::store().1;
            for name in ["alice", "bob"] {
                let drive = store.drive(name).unwrap();
                drive.put("a.txt", &b"hello"[..], Put::new()).unwrap();
                drive.put("folder/b.txt", &b"more"[..], Put::new()).unwrap();
            }
            Api::new(&store).site("https://files.example").unwrap()
        });
        let caller = match caller % 4 {
            0 => Caller::anonymous(),
            1 => Caller::of("bob"),
            2 => Caller::of("alice").administrator(),
            _ => Caller::of("alice"),
        };
        let request = Request::new(method, target).header("Content-Type", "application/json");
        let reply = match api.answer(&caller, &request, body) {
            Ok(reply) => reply,
            Err(error) => panic!("{method} {target}: {error}"),
        };
        for (name, value) in &reply.headers {
            assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{name}: {value:?}");
        }
        let body = reply.body.to_vec(16 << 20).unwrap();
        if reply.header("Content-Type").is_some_and(|kind| kind.starts_with("application/json")) {
            serde_json::from_slice::<serde_json::Value>(&body).expect("the reply is JSON");
        }
        assert_ne!(reply.status, 500, "{method} {target}: {}", String::from_utf8_lossy(&body));
    });
}

pub fn cloudreve_json(data: &[u8]) {
    let mut input = Input(data);
    let (pick, caller) = (input.below(CLOUDREVE.len()), input.byte());
    let (method, path) = CLOUDREVE[pick];
    let target = format!("{path}{}", if caller & 128 == 0 { String::new() } else { input.text() });
    answer(method, &target, caller, input.0);
}

pub fn pds_json(data: &[u8]) {
    let mut input = Input(data);
    let (pick, caller) = (input.below(PDS.len()), input.byte());
    answer("POST", &format!("/v2/{}", PDS[pick]), caller, input.0);
}
