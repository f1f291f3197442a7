//! The page of real exchanges: made anew here, and compared with the one that is kept.
//!
//! `HOLDALL_WRITE_PAGES=1` writes it.

use std::fmt::Write;

use holdall::{Limits, Origin, Put, Request, Share, Time};
use serde_json::{Value, json};

use super::*;
use crate::kept::{assert_kept, pretty};

const BEGIN: &str = "<!-- exchanges, made by the tests: begin -->\n";
const END: &str = "<!-- exchanges: end -->\n";
const CORRELATION: (&str, &str) = ("X-Cr-Correlation-Id", "b4351ecc-ee1a-4455-bc94-2c3dbcc58538");

struct Page {
    test: TestStore,
    text: String,
}

impl Page {
    /// Makes a request, writes both sides down and returns the reply.
    fn exchange(
        &mut self,
        caller: (&str, &Caller),
        method: &str,
        target: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Reply {
        let text = if body.is_null() { String::new() } else { pretty(body) };
        let mut request = Request::new(method, target).at(Time::from_unix(NOW));
        request.headers = headers.to_vec();
        request.headers.push(CORRELATION);
        let reply = self.test.api.answer(caller.1, &request, text.as_bytes()).unwrap();
        sound(&reply, method);
        let page = &mut self.text;
        writeln!(page, "```http\n{method} {} HTTP/1.1", masked(target)).unwrap();
        writeln!(page, "(caller: {})", caller.0).unwrap();
        for (name, value) in headers {
            writeln!(page, "{name}: {}", masked_ticket(name, value)).unwrap();
        }
        if !text.is_empty() {
            writeln!(page, "\n{text}").unwrap();
        }
        writeln!(page, "\nHTTP/1.1 {}", reply.status).unwrap();
        for (name, value) in &reply.headers {
            let json = reply.header("Content-Type") == Some("application/json; charset=utf-8");
            if !(json && matches!(*name, "Content-Length" | "Content-Type" | "X-Content-Type-Options")) {
                writeln!(page, "{name}: {}", masked(value)).unwrap();
            }
        }
        if reply.header("Content-Type") == Some("application/json; charset=utf-8") {
            writeln!(page, "\n{}", masked(&pretty(&json_of(&reply)))).unwrap();
        } else if (1..100).contains(&reply.body.len()) {
            writeln!(page, "\n{}", String::from_utf8_lossy(&read(&reply))).unwrap();
        } else if !reply.body.is_empty() {
            writeln!(page, "\n({} bytes)", reply.body.len()).unwrap();
        }
        writeln!(page, "```\n").unwrap();
        reply
    }

    fn call(&mut self, caller: (&str, &Caller), call: &str, body: Value) -> Reply {
        let (method, path) = call.split_once(' ').unwrap();
        self.exchange(caller, method, &format!("/api/v4/{path}"), &body, &[])
    }

    fn title(&mut self, title: &str) {
        writeln!(self.text, "### {title}\n").unwrap();
    }
}

/// Hides the random ids of shares, direct links and archives, and of what was given through them.
fn without_ids(text: &str) -> String {
    let mut text = text.to_owned();
    for (before, shown, end) in [
        ("/file/archive/", "ARCHIVE", '/'),
        ("cloudreve://", "SHARE", '@'),
        ("/f/d/", "LINK", '/'),
        ("/f/", "LINK", '/'),
        ("/file/source/", "LINK", ' '),
        ("/file/content/", "ENTITY", '/'),
    ] {
        let (mut out, mut rest) = (String::new(), text.as_str());
        while let Some(at) = rest.find(before) {
            let (head, tail) = rest.split_at(at + before.len());
            out.push_str(head);
            let len = tail.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(tail.len());
            let (id, after) = tail.split_at(len);
            // What was found without one of them has a short id, the same in every run.
            let random = id.len() > 12 && (after.starts_with(end) || after.starts_with([':', '\n']));
            out.push_str(if random { shown } else { id });
            rest = after;
        }
        out.push_str(rest);
        text = out;
    }
    // And the store's own words for them.
    let mut before = "";
    let words = text.split(' ').map(|word| {
        let is_share = std::mem::replace(&mut before, word) == "share";
        match word.strip_prefix('s') {
            Some(id) if is_share && id.len() > 9 && is_id(id) => "SHARE",
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn is_id(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// Hides what differs from run to run: the MACs, and the times of archives, which go by the clock.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("sign=") {
        let (before, after) = rest.split_at(at + 5);
        out.push_str(before);
        let end = after.find(['&', '"', ' ']).unwrap_or(after.len());
        let (sign, tail) = after.split_at(end);
        let expires = sign.rsplit("%3A").next().unwrap();
        let expires = if before.contains("/archive/") { "EXPIRES" } else { expires };
        write!(out, "MAC%3A{expires}").unwrap();
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn masked_ticket<'a>(name: &str, value: &'a str) -> &'a str {
    if name == "X-Cr-Purchase-Ticket" { "TICKET" } else { value }
}

/// Makes all exchanges.
fn exchanges() -> String {
    let test = TestStore::new();
    let modified = || Put::new().modified(Time::from_unix(NOW - 86_400));
    let old = test.alice().put("The Man.mp3", &b"la la"[..], modified()).unwrap();
    test.alice().put("The Man.mp3", &b"la la la"[..], modified()).unwrap();
    test.alice().put("docs/q3.txt", &b"hello world"[..], modified()).unwrap();
    // The folder's age is in archives too, and so in their tags.
    let docs = Origin::file(test.alice().stat("docs").unwrap().id).modified(Time::from_unix(NOW - 86_400));
    test.store.set_origins([docs]).unwrap();
    let paid = test.share("docs/q3.txt", &Share::new().purchase());
    let closed = test.share("docs", &Share::new().password("pw"));
    let (paid_uri, closed_uri) = (test.share_uri(&paid, "q3.txt"), test.share_uri(&closed, "q3.txt"));
    let ticket = test.api.ticket(paid.id, hour()).unwrap();
    let old = test.entity(&old);
    let (owner, guest) = (alice(), nobody());
    let (owner, guest) = (("owner of the drive alice", &owner), ("anonymous", &guest));
    let mut page = Page { test, text: String::new() };
    let man = "cloudreve://my/The%20Man.mp3";

    page.title("POST /file/url: URLs of files");
    let body = json!({"uris": [man, "cloudreve://my/docs/q3.txt"], "download": true});
    let reply = page.call(owner, "POST file/url", body);
    let url = json_of(&reply)["data"]["urls"][0]["url"].as_str().unwrap().to_owned();
    page.title("An older version, by its entity");
    page.call(owner, "POST file/url", json!({"uris": [man], "entity": old}));
    page.title("One that fails makes all fail");
    page.call(owner, "POST file/url", json!({"uris": [man, "cloudreve://my/none"]}));
    page.title("Or leaves a hole, with skip_error");
    page.call(owner, "POST file/url", json!({"uris": ["cloudreve://my/none", man], "skip_error": true}));
    page.title("A redirect");
    page.call(owner, "POST file/url", json!({"uris": [man], "redirect": true}));
    page.title("No uris, and what is not a URI");
    page.call(owner, "POST file/url", json!({"uris": []}));
    page.call(owner, "POST file/url", json!({"download": true}));
    page.call(owner, "POST file/url", json!({"uris": ["http://my/a"]}));
    page.title("A share with a password");
    page.call(guest, "POST file/url", json!({"uris": [closed_uri]}));
    page.call(guest, "POST file/url", json!({"uris": [closed_uri.replace('@', ":pw@")]}));
    page.title("A share that is paid for");
    page.call(guest, "POST file/url", json!({"uris": [paid_uri]}));
    let headers = [("X-Cr-Purchase-Ticket", ticket.as_str())];
    page.exchange(guest, "POST", "/api/v4/file/url", &json!({"uris": [paid_uri]}), &headers);

    page.title("POST /file/url with archive: one zip");
    let path = "/api/v4/file/url";
    let body = json!({"uris": [man, "cloudreve://my/docs"], "archive": true});
    let before = page.text.len();
    let reply = page.exchange(owner, "POST", path, &body, &[]);
    let message = json_of(&reply)["data"]["expires"].as_str().unwrap().to_owned();
    let shown = page.text.split_off(before).replace(&message, "EXPIRES");
    page.text.push_str(&shown);
    let zip = json_of(&reply)["data"]["urls"][0]["url"].as_str().unwrap().to_owned();

    page.title("GET and HEAD of a signed URL");
    page.exchange(guest, "GET", &url, &Value::Null, &[]);
    page.exchange(guest, "GET", &url, &Value::Null, &[("Range", "bytes=0-4")]);
    page.exchange(guest, "HEAD", &url, &Value::Null, &[]);
    page.title("OPTIONS, for pages of other sites");
    page.exchange(guest, "OPTIONS", &url, &Value::Null, &[]);
    page.title("Without its query, and forged");
    let bare = url.split('?').next().unwrap().to_owned();
    page.exchange(guest, "GET", &bare, &Value::Null, &[]);
    page.exchange(guest, "GET", &url.replace("/0/The", "/1/The"), &Value::Null, &[]);
    page.title("HEAD and a range of an archive");
    for (method, headers) in [("HEAD", &[][..]), ("GET", &[("Range", "bytes=0-3")])] {
        let before = page.text.len();
        page.exchange(guest, method, &zip, &Value::Null, headers);
        let shown = page.text.split_off(before);
        // By the clock: when it was made, and how long it lasts.
        let shown: Vec<&str> = shown
            .lines()
            .map(|line| match line.split_once(": ") {
                Some(("Last-Modified", _)) => "Last-Modified: (when it was made)",
                Some(("Cache-Control", _)) => "Cache-Control: public, max-age=(what is left)",
                _ => line,
            })
            .collect();
        page.text.push_str(&shown.join("\n"));
        page.text.push_str("\n\n");
    }

    page.title("PUT /file/source: direct links");
    let body = json!({"uris": [man, "cloudreve://my/none"]});
    let reply = page.call(owner, "PUT file/source", body);
    let link = json_of(&reply)["data"][0]["link"].as_str().unwrap().to_owned();
    let few = alice().limits(Limits::new().links(1));
    page.call(
        ("owner, whose group makes 1 link a call", &few),
        "PUT file/source",
        json!({"uris": [man, man]}),
    );
    page.title("GET /f/ and /f/d/");
    page.exchange(guest, "GET", &link, &Value::Null, &[]);
    page.exchange(guest, "GET", &link.replace("/f/", "/f/d/"), &Value::Null, &[]);
    page.exchange(guest, "GET", &link.replace("The%20Man", "Other"), &Value::Null, &[]);
    page.title("DELETE /file/source/:id");
    let id = link.split("/f/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    page.call(guest, &format!("DELETE file/source/{id}"), Value::Null);
    page.call(owner, &format!("DELETE file/source/{id}"), Value::Null);

    page.title("POST /file/version/current");
    page.call(owner, "POST file/version/current", json!({"uri": man, "version": old}));
    page.title("DELETE /file/version");
    page.call(owner, "DELETE file/version", json!({"uri": man, "version": old}));
    page.call(guest, "DELETE file/version", json!({"uri": man, "version": old}));
    without_ids(&page.text)
}

#[test]
fn the_page_of_exchanges_is_what_the_calls_give() {
    assert_kept("cloudreve.md", (BEGIN, END), &exchanges());
}
