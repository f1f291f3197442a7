//! `holdall serve --api`: the wire formats over HTTP, and who calls them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::host::{Got, Host, TestStore, other};

const TOKEN: &str = "0123456789-token-of-alice";

fn call(host: &Host, method: &str, path: &str, body: &Value, more: &[&str]) -> Got {
    let (url, body) = (format!("{}{path}", host.base()), body.to_string());
    let mut args = vec!["-X", method, "-H", "Content-Type: application/json", "--data-binary", &body, &url];
    args.extend_from_slice(more);
    host.curl(&args)
}

fn json_of(got: &Got) -> Value {
    serde_json::from_slice(&got.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&got.body)))
}

fn host(options: &[&str]) -> Option<Host> {
    // Another server has other options.
    other().is_none().then(|| {
        let host = Host::with(options);
        let drive = |name: &str, text: &str| {
            let source = host.fresh();
            std::fs::write(&source, text).unwrap();
            host.ok(&["--drive", name, "put", source.to_str().unwrap(), "--to", "a b.txt"]);
        };
        drive("alice", "alice's");
        drive("bob", "bob's");
        host
    })
}

fn first(host: &Host, more: &[&str]) -> (i64, String) {
    let body = json!({"uris": ["cloudreve://my/a%20b.txt"], "download": true});
    let printed = json_of(&call(host, "POST", "api/v4/file/url", &body, more));
    let url = printed["data"]["urls"][0]["url"].as_str().unwrap_or_default().to_owned();
    (printed["code"].as_i64().unwrap(), url)
}

#[test]
fn the_drive_of_the_command_line_calls_from_this_machine() {
    let Some(host) = host(&["--api", "--api-drive", "alice"]) else { return };
    let (code, url) = first(&host, &[]);
    assert_eq!(code, 0);
    assert!(url.starts_with(host.base()), "{url}");
    let got = host.get(&url);
    assert_eq!((got.status, got.body.as_slice()), (200, &b"alice's"[..]));
    assert!(got.header("content-disposition").unwrap().contains("a b.txt"));
    let part = host.curl(&["-r", "0-4", &url]);
    assert_eq!((part.status, part.body.as_slice()), (206, &b"alice"[..]));
    for foreign in [["-H", "Origin: https://evil.example"], ["-H", "Host: evil.example"]] {
        assert_eq!(first(&host, &foreign).0, 40081, "{foreign:?}");
    }
    let made = call(&host, "PUT", "api/v4/file/source", &json!({"uris": ["cloudreve://my/a%20b.txt"]}), &[]);
    let link = json_of(&made)["data"][0]["link"].as_str().unwrap().to_owned();
    let got = host.curl(&["-L", &link]);
    assert_eq!((got.code, got.body.as_slice()), (0, &b"alice's"[..]));
    let zip = json!({"uris": ["cloudreve://my/a%20b.txt"], "archive": true, "redirect": false});
    let printed = json_of(&call(&host, "POST", "api/v4/file/url", &zip, &[]));
    let got = host.get(printed["data"]["urls"][0]["url"].as_str().unwrap());
    assert_eq!((got.status, got.header("content-type")), (200, Some("application/zip")));
    let native = host.json(&["--drive", "alice", "url", "a b.txt"])["url"].as_str().unwrap().to_owned();
    assert_eq!(host.get(&native).body, b"alice's", "the store's own URLs are served beside");
}

#[test]
fn a_token_names_a_drive_and_an_unknown_one_nobody() {
    let bob = "the-token-of-bob=bob";
    let options = ["--api", "--api-token", &format!("{TOKEN}=alice"), "--api-token", bob];
    let Some(host) = host(&options) else { return };
    let with = |token: &str| format!("Authorization: Bearer {token}");
    let url = first(&host, &["-H", &with(TOKEN)]).1;
    assert_eq!(host.get(&url).body, b"alice's");
    let url = first(&host, &["-H", &with("the-token-of-bob")]).1;
    assert_eq!(host.get(&url).body, b"bob's");
    assert_eq!(first(&host, &[]).0, 40081, "without one nobody calls");
    let shared = host.json(&["--drive", "bob", "share", "a b.txt"]);
    let share: holdall::ShareId = shared["share"].as_str().unwrap().parse().unwrap();
    let store = holdall::Store::open(host.store(), holdall::Options::new()).unwrap();
    let share = holdall::Api::new(&store).share_uri(share).unwrap();
    drop(store);
    for unknown in [with("x"), with(""), with(&TOKEN[1..]), "Authorization: Basic x".to_owned()] {
        // As in the original, the caller is a visitor, and the status is for the envelope alone.
        assert_eq!(first(&host, &["-H", &unknown]).0, 40081, "{unknown}");
        let shared = json!({"uris": [format!("{share}/a%20b.txt")]});
        let got = call(&host, "POST", "api/v4/file/url", &shared, &["-H", &unknown]);
        assert_eq!((got.status, json_of(&got)["code"].as_i64()), (200, Some(0)), "{unknown}");
        let got = call(&host, "POST", "v2/file/get", &json!({}), &["-H", &unknown]);
        assert_eq!((got.status, json_of(&got)["code"].as_str()), (401, Some("AccessTokenInvalid")));
    }
}

#[test]
fn a_large_body_is_refused_and_the_connection_goes_on() {
    let Some(host) = host(&["--api", "--api-drive", "alice"]) else { return };
    let huge = host.fresh();
    std::fs::write(&huge, vec![b' '; 8 << 20]).unwrap();
    let (url, at) = (format!("{}api/v4/file/url", host.base()), format!("@{}", huge.display()));
    let got = host.curl(&["--data-binary", &at, &url]);
    assert!(got.status == 0 || json_of(&got)["code"] == 40001, "{}", got.status);
    assert_eq!(first(&host, &[]).0, 0);
}

#[test]
fn the_options_are_refused_where_they_would_open_a_drive_to_all() {
    if other().is_some() {
        return;
    }
    let test = TestStore::new();
    test.put("a", b"x");
    let code = |args: &[&str]| test.run(args).status.code();
    assert_eq!(code(&["serve", "--listen", "0.0.0.0:0", "--api", "--api-drive", "main"]), Some(1));
    assert_eq!(code(&["serve", "--listen", "127.0.0.1:0", "--api-drive", "main"]), Some(1));
    assert_eq!(code(&["serve", "--listen", "127.0.0.1:0", "--api", "--api-token", "short=main"]), Some(1));
    assert_eq!(code(&["serve", "--listen", "127.0.0.1:0", "--api", "--api-site", "x"]), Some(1));
}

#[test]
fn without_the_option_there_are_no_calls() {
    let Some(host) = host(&[]) else { return };
    let got = call(&host, "POST", "api/v4/file/url", &json!({"uris": []}), &[]);
    assert_eq!(got.status, 405);
}

#[test]
fn a_server_that_takes_uploads_makes_the_store_and_says_so() {
    if other().is_some() {
        return;
    }
    let test = TestStore::new();
    let mut server = test
        .command(&["serve", "--listen", "127.0.0.1:0", "--api"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    server.kill().unwrap();
    let printed = String::from_utf8(server.wait_with_output().unwrap().stderr).unwrap();
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    let (first, second) = printed.split_once('\n').unwrap();
    assert_eq!(first, format!("holdall: made a new store in {}", test.store().display()));
    assert!(second.contains("--api-token") && second.contains("--api-drive"), "whose calls are: {second}");
}

/// Begins requests whose bodies never come, and keeps them open. A server that is at its end may refuse
/// some of them.
fn crowd(host: &Host, head: &str, count: usize) -> Vec<TcpStream> {
    let address = host.base().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let begin = |_| {
        let mut socket = TcpStream::connect(&address).ok()?;
        let request = format!("{head} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100\r\n\r\n{{");
        socket.write_all(request.as_bytes()).ok()?;
        Some(socket)
    };
    (0..count).filter_map(begin).collect()
}

#[test]
fn bodies_that_never_come_hold_nobody_up() {
    let Some(host) = host(&["--api", "--api-token", &format!("{TOKEN}=alice")]) else { return };
    let token = format!("Authorization: Bearer {TOKEN}");
    let (code, url) = first(&host, &["-H", &token]);
    assert_eq!(code, 0);
    // More than the server has threads, of each kind of call.
    let mut held = crowd(&host, "POST /api/v4/file/url", 300);
    held.extend(crowd(&host, "POST /v2/file/get", 300));
    held.extend(crowd(&host, "PUT /v2/upload/AQAB", 300));
    assert!(held.len() >= 800, "{}", held.len());
    let asked = std::time::Instant::now();
    let got = host.get(&url);
    assert_eq!((got.status, got.body.as_slice(), got.code), (200, &b"alice's"[..], 0));
    assert_eq!(first(&host, &["-H", &token]).0, 0, "a call with a body too");
    assert!(asked.elapsed().as_secs() < 25, "a good client waited {:?}", asked.elapsed());
    drop(held);
}

#[test]
fn parts_that_never_come_hold_no_other_part_up() {
    let Some(host) = host(&["--api", "--api-token", &format!("{TOKEN}=alice")]) else { return };
    let token = format!("Authorization: Bearer {TOKEN}");
    let ask = |path: &str, body: Value| json_of(&call(&host, "POST", path, &body, &["-H", &token]));
    let drive = ask("v2/drive/get_default_drive", json!({}))["drive_id"].clone();
    let numbers: Vec<Value> = (1..=300).map(|number| json!({ "part_number": number })).collect();
    let upload = ask(
        "v2/file/create",
        json!({ "drive_id": drive, "parent_file_id": "root", "type": "file", "name": "x", "part_info_list": numbers }),
    );
    let urls: Vec<&str> = upload["part_info_list"]
        .as_array()
        .expect("parts")
        .iter()
        .map(|part| part["upload_url"].as_str().unwrap())
        .collect();
    let path = |url: &str| format!("PUT /{}", url.trim_start_matches(host.base()));
    let held: Vec<TcpStream> = urls[1..].iter().flat_map(|url| crowd(&host, &path(url), 1)).collect();
    assert!(held.len() > 250, "{}", held.len());
    let source = host.fresh();
    std::fs::write(&source, vec![7; 3_000_000]).unwrap();
    let got = host.curl(&["--max-time", "25", "-H", "Expect:", "-T", source.to_str().unwrap(), urls[0]]);
    assert_eq!((got.status, got.code), (200, 0), "a part whose client sends");
    drop(held);
    let told = json!({ "drive_id": drive, "file_id": upload["file_id"], "upload_id": upload["upload_id"] });
    assert_eq!(ask("v2/file/complete", told)["size"], 3_000_000);
}

#[test]
fn a_visitor_s_body_is_short_and_an_unknown_token_s_is_not_read() {
    let Some(host) = host(&["--api", "--api-token", &format!("{TOKEN}=alice")]) else { return };
    let token = format!("Authorization: Bearer {TOKEN}");
    let long = json!({"uris": [], "x": "x".repeat(70_000)});
    assert_eq!(call(&host, "POST", "api/v4/file/url", &long, &[]).status, 413);
    assert_ne!(call(&host, "POST", "api/v4/file/url", &long, &["-H", &token]).status, 413);
    let mut held = crowd(&host, "POST /v2/file/get", 1);
    held.extend(crowd(&host, "POST /v2/file/get HTTP/1.1\r\nAuthorization: Bearer nobody\r\nX:", 1));
    let mut printed = String::new();
    held[1].set_read_timeout(Some(std::time::Duration::from_secs(25))).unwrap();
    BufReader::new(&held[1]).read_line(&mut printed).unwrap();
    assert!(printed.starts_with("HTTP/1.1 401"), "{printed}");
}
