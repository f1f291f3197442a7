//! The page of real exchanges: made anew here, and compared with the one that is kept.
//!
//! `HOLDALL_WRITE_PAGES=1` writes it.

use std::fmt::Write;

use holdall::{Origin, Share};

use super::*;
use crate::kept::{assert_kept, pretty};

const BEGIN: &str = "<!-- exchanges, made by the tests: begin -->\n";
const END: &str = "<!-- exchanges: end -->\n";

struct Page {
    world: World,
    text: String,
}

/// Who calls, in words and in fact.
type Who<'a> = (&'a str, &'a Caller);

impl Page {
    fn title(&mut self, title: &str) {
        writeln!(self.text, "### {title}\n").unwrap();
    }

    /// Makes a call, writes both sides down and returns the body.
    fn call(&mut self, who: Who<'_>, path: &str, body: Value) -> Value {
        self.exchange(who, "POST", &format!("/v2{path}"), &[], &pretty(&body))
    }

    fn exchange(
        &mut self,
        who: Who<'_>,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Value {
        let target = target.strip_prefix("https://api.example").unwrap_or(target);
        let mut request = Request::new(method, target);
        request.headers = headers.to_vec();
        let message = answered(self.world.api.answer(who.1, &request, body.as_bytes()).unwrap());
        let page = &mut self.text;
        writeln!(page, "```http\n{method} {} HTTP/1.1\n(caller: {})", masked(target), who.0).unwrap();
        for (name, _) in headers {
            writeln!(page, "{name}: TOKEN").unwrap();
        }
        if !body.is_empty() {
            writeln!(page, "\n{}", masked(body)).unwrap();
        }
        writeln!(page, "\nHTTP/1.1 {}", message.status).unwrap();
        for (name, value) in &message.reply.headers {
            if !matches!(
                *name,
                "Content-Length" | "Content-Type" | "X-Content-Type-Options" | "Cache-Control"
            ) {
                writeln!(page, "{name}: {}", masked(value)).unwrap();
            }
        }
        writeln!(page, "\n{}\n```\n", masked(&pretty(&message.body))).unwrap();
        message.body
    }
}

/// Hides what differs from run to run: tokens, and times, which go by the clock.
fn masked(text: &str) -> String {
    let mut out = text.to_owned();
    for before in ["/files/d/", "/v2/upload/", "\"share_token\": \""] {
        let mut done = String::new();
        let mut rest = out.as_str();
        while let Some(at) = rest.find(before) {
            let (head, tail) = rest.split_at(at + before.len());
            done.push_str(head);
            done.push_str("TOKEN");
            rest = &tail[tail
                .find(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)))
                .unwrap_or(tail.len())..];
        }
        done.push_str(rest);
        out = done;
    }
    let out = without_ids(&out);
    shaped(
        &shaped(&out, "dddd-dd-ddTdd:dd:dd.dddZ", "2026-01-02T15:04:05.000Z"),
        "_dddddddd_dddddd",
        "_20260102_150405",
    )
}

/// Hides the random ids of shares and archives, each a whole text of JSON.
fn without_ids(text: &str) -> String {
    let parts = text.split('"').map(|part| match part.chars().next() {
        Some(letter @ ('s' | 'a')) if part.len() > 8 && part[1..].chars().all(is_digit) => match letter {
            's' => "SHARE",
            _ => "ARCHIVE",
        },
        _ => part,
    });
    parts.collect::<Vec<_>>().join("\"")
}

/// Whether a character is one of an id's text.
fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || c.is_ascii_lowercase() && !"ilou".contains(c)
}

/// Replaces every text of a shape, in which `d` is a digit.
fn shaped(text: &str, shape: &str, with: &str) -> String {
    let (mut out, mut at) = (String::new(), 0);
    while at < text.len() {
        let found = text.get(at..at + shape.len()).is_some_and(|part| {
            part.chars().zip(shape.chars()).all(|(c, s)| if s == 'd' { c.is_ascii_digit() } else { c == s })
        });
        if found {
            out.push_str(with);
            at += shape.len();
        } else {
            let c = text[at..].chars().next().unwrap();
            out.push(c);
            at += c.len_utf8();
        }
    }
    out
}

/// Makes all exchanges.
fn exchanges() -> String {
    // Only where drives share nothing a proof is taken instead of content.
    let mut world = World::with(options().dedup(holdall::Dedup::Drive));
    world.api = Api::new(&world.store)
        .site("https://api.example")
        .unwrap()
        .internal_base("http://data-vpc.example")
        .unwrap()
        .cdn_base("https://data-cdn.example")
        .unwrap();
    // The age of the content is in archives, and so in their CRC-64.
    let put = |bytes: &[u8]| {
        let put = Put::new().modified(Time::from_unix(1_767_366_245));
        world.alice.put("reports/q3.txt", bytes, put).unwrap()
    };
    let q3 = put(b"hello world");
    put(b"123456789");
    let reports = Origin::file(world.alice.stat("reports").unwrap().id);
    world.store.set_origins([reports.modified(Time::from_unix(1_767_366_245))]).unwrap();
    let share = world.alice.share("reports", &Share::new().password("sesame")).unwrap();
    let drive = world.id(&world.alice);
    let owner = Caller::of("alice").token("token");
    let (bob, nobody) = (Caller::of("bob"), Caller::anonymous());
    let (owner, bob, guest) =
        (("owner of the drive", &owner), ("another user", &bob), ("anonymous", &nobody));
    let (file, folder) = (q3.id.file().to_string(), world.file("reports").to_string());
    let mut page = Page { world, text: String::new() };
    let of = |more: Value| merged(json!({ "drive_id": drive, "file_id": file }), more);

    page.title("POST /v2/file/get_download_url");
    let body =
        of(json!({ "expire_sec": 100, "file_name": "Q3 (50%).txt", "response_content_type": "text/plain" }));
    page.call(owner, "/file/get_download_url", body);
    page.call(owner, "/file/get_download_url", of(json!({ "revision_id": q3.id.to_string() })));
    page.call(owner, "/file/get_download_url", of(json!({ "expire_sec": 115_201 })));
    page.call(owner, "/file/get_download_url", of(json!({ "file_id": "f999" })));
    page.call(bob, "/file/get_download_url", of(json!({})));
    page.call(guest, "/file/get_download_url", of(json!({})));
    page.title("The same of a folder: an archive, at once, with its exact size and CRC-64");
    page.call(owner, "/file/get_download_url", of(json!({ "file_id": folder })));
    page.title("POST /v2/file/archive_files, POST /v2/async_task/get");
    let task = page.call(
        owner,
        "/file/archive_files",
        json!({ "drive_id": drive, "file_ids": [file], "name": "all" }),
    );
    page.call(owner, "/async_task/get", json!({ "async_task_id": task["async_task_id"] }));
    page.title("GET /v2/file/download");
    page.exchange(owner, "GET", &format!("/v2/file/download?drive_id={drive}&file_id={file}"), &[], "");

    page.title("POST /v2/share_link/get_share_token, and a visitor with the token");
    let body = json!({ "share_id": share.id.to_string(), "share_pwd": "wrong" });
    page.call(guest, "/share_link/get_share_token", body);
    let body = json!({ "share_id": share.id.to_string(), "share_pwd": "sesame" });
    let token = page.call(guest, "/share_link/get_share_token", body);
    let token = token["share_token"].as_str().unwrap().to_owned();
    let shared = pretty(&json!({ "share_id": share.id.to_string(), "file_id": file }));
    page.exchange(guest, "POST", "/v2/file/get_download_url", &[("x-share-token", &token)], &shared);
    page.exchange(guest, "POST", "/v2/file/get_download_url", &[], &shared);

    page.title("POST /v2/file/get, /v2/file/list");
    page.call(owner, "/file/get", of(json!({})));
    page.call(owner, "/file/list", json!({ "drive_id": drive, "parent_file_id": "root", "limit": 1 }));

    page.title("POST /v2/file/create of a folder; of a name that is taken");
    let create = |more: Value| merged(json!({ "drive_id": drive, "parent_file_id": "root" }), more);
    let body = json!({ "type": "folder", "name": "reports", "check_name_mode": "refuse" });
    page.call(owner, "/file/create", create(body.clone()));
    page.call(owner, "/file/create", create(merged(body, json!({ "check_name_mode": "auto_rename" }))));

    page.title("An upload in two parts");
    let body = json!({
        "type": "file", "name": "a.txt", "size": 10, "part_info_list": [{ "part_number": 1 }, { "part_number": 2 }],
    });
    let made = page.call(owner, "/file/create", create(body));
    for (at, bytes) in ["hello", "world"].into_iter().enumerate() {
        let url = made["part_info_list"][at]["upload_url"].as_str().unwrap().to_owned();
        page.exchange(guest, "PUT", &url, &[], bytes);
    }
    let upload = json!({ "drive_id": drive, "file_id": made["file_id"], "upload_id": made["upload_id"] });
    page.call(owner, "/file/list_uploaded_parts", upload.clone());
    page.call(
        owner,
        "/file/get_upload_url",
        merged(upload.clone(), json!({ "part_info_list": [{ "part_number": 2 }] })),
    );
    page.call(owner, "/file/complete", merged(upload.clone(), json!({ "crc64_hash": "1" })));
    let crc = digest(b"helloworld").crc64.to_string();
    page.call(owner, "/file/complete", merged(upload, json!({ "crc64_hash": crc })));

    page.title("Rapid upload: a proof instead of the content, and without one");
    let body = json!({
        "type": "file", "name": "again.txt", "size": 10, "content_hash_name": "sha1",
        "content_hash": digest(b"helloworld").sha1_hex(), "proof_version": "v1",
        "proof_code": super::rapid::proof("token", b"helloworld"),
    });
    page.call(owner, "/file/create", create(body.clone()));
    page.call(
        owner,
        "/file/create",
        create(merged(body, json!({ "name": "b.txt", "proof_code": "AAAAAAAAAAA=" }))),
    );
    let body = json!({
        "type": "file", "name": "c.txt", "size": 10, "pre_hash": digest(b"helloworld").sha1_hex(),
    });
    page.call(owner, "/file/create", create(body));

    page.title("POST /v2/file/revision/list, get, update, restore, delete");
    page.call(owner, "/file/revision/list", of(json!({ "limit": 2 })));
    let old = of(json!({ "revision_id": q3.id.to_string() }));
    page.call(owner, "/file/revision/get", old.clone());
    let said = json!({ "keep_forever": true, "revision_description": "as it was sent" });
    page.call(owner, "/file/revision/update", merged(old.clone(), said));
    let newest = page.call(owner, "/file/revision/restore", old.clone());
    page.call(owner, "/file/revision/delete", of(json!({ "revision_id": newest["revision_id"] })));
    page.call(owner, "/file/revision/delete", old);

    page.title("POST /v2/recyclebin/trash, list, restore; POST /v2/file/delete");
    page.call(owner, "/recyclebin/trash", of(json!({})));
    page.call(owner, "/file/get_download_url", of(json!({})));
    page.call(owner, "/recyclebin/list", json!({ "drive_id": drive }));
    page.call(owner, "/recyclebin/restore", of(json!({})));
    page.call(owner, "/file/delete", of(json!({})));
    page.title("POST /v2/drive/get_default_drive");
    page.call(owner, "/drive/get_default_drive", json!({}));
    page.text
}

#[test]
fn the_page_of_exchanges_is_what_the_calls_give() {
    assert_kept("pds.md", (BEGIN, END), &exchanges());
}

#[test]
fn what_differs_from_run_to_run_is_hidden_and_nothing_else() {
    let text =
        "/files/d/AQ-_9/a.txt \"share_token\": \"abc\" 2030-12-31T01:02:03.456Z a_20301231_010203.txt f1";
    let hidden =
        "/files/d/TOKEN/a.txt \"share_token\": \"TOKEN\" 2026-01-02T15:04:05.000Z a_20260102_150405.txt f1";
    assert_eq!(masked(text), hidden);
    assert_eq!(masked("\u{62a5} 2030-12-31"), "\u{62a5} 2030-12-31");
}
