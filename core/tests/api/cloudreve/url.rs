//! POST `file/url`: fields, faults, order of checks, and how long a URL stays the same.

use holdall::token::HashKind;
use holdall::{Api, Put, Request, Time};
use serde_json::{Value, json};

use super::*;

const TAYLOR: &str = "Taylor Swift - Untouchable (Taylor\u{2019}s Version).mp3";

fn field<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let query = url.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Returns the second that a URL ends in, as it is signed.
fn ends(url: &str) -> i64 {
    field(url, "sign").unwrap().rsplit("%3A").next().unwrap().parse().unwrap()
}

#[test]
fn urls_stand_in_the_order_asked_for_and_lead_to_their_files() {
    let test = TestStore::new();
    let one = test.put("The Man.mp3", b"la");
    test.put(TAYLOR, b"lala");
    let message = test.urls(
        &alice(),
        &json!({"uris": [
            "cloudreve://my/The%20Man.mp3",
            "cloudreve://my/Taylor%20Swift%20-%20Untouchable%20(Taylor%E2%80%99s%20Version).mp3",
            "cloudreve://my/The%20Man.mp3",
        ], "download": true}),
    );
    assert_eq!((&message["code"], &message["msg"]), (&json!(0), &json!("")));
    assert!(message.get("correlation_id").is_none() && message.get("aggregated_error").is_none());
    let urls: Vec<&str> =
        message["data"]["urls"].as_array().unwrap().iter().map(|u| u["url"].as_str().unwrap()).collect();
    assert_eq!(urls.len(), 3);
    assert_eq!(urls[0], urls[2], "duplicates stand twice");
    let (begin, rest) = urls[0].split_at("http://localhost:5173/api/v4/file/content/".len());
    assert_eq!(begin, "http://localhost:5173/api/v4/file/content/");
    let entity = test.entity(&one);
    // The entity is the version's, with its counter of revocations: opaque to clients.
    let named = rest.split('/').next().unwrap();
    assert!(named.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{named}");
    let message = test.urls(&alice(), &json!({"uris": ["cloudreve://my/The%20Man.mp3"], "entity": named}));
    assert_eq!(message["code"], 0, "and one of them names the version in a call: {message}");
    let message =
        test.urls(&alice(), &json!({"uris": ["cloudreve://my/The%20Man.mp3"], "entity": test.entity(&one)}));
    assert_eq!(message["code"], 0, "so does the plain one");
    assert!(rest.contains("/0/The%20Man.mp3?download=true&sign="), "{}", urls[0]);
    let name =
        "/0/Taylor%20Swift%20-%20Untouchable%20%28Taylor%E2%80%99s%20Version%29.mp3?download=true&sign=";
    assert!(urls[1].contains(name), "{}", urls[1]);
    for (url, content) in urls.iter().zip(["la", "lala", "la"]) {
        let reply = test.get(url);
        assert_eq!((reply.status, read(&reply)), (200, content.as_bytes().to_vec()));
    }
    let reply = test.get(urls[0]);
    assert_eq!(reply.header("ETag"), Some(format!("\"{entity}\"").as_str()));
    let message = message["data"]["expires"].as_str().unwrap();
    assert_eq!(message.parse::<jiff::Timestamp>().unwrap().as_second(), ends(urls[0]));
}

#[test]
fn the_body_is_escaped_as_the_original_does() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let body = br#"{"uris":["cloudreve://my/a.txt"],"download":true}"#;
    let reply = test.raw(&alice(), "POST", "file/url", body, &[]);
    let text = String::from_utf8(read(&reply)).unwrap();
    assert!(text.starts_with(r#"{"code":0,"data":{"urls":[{"url":"http://"#), "{text}");
    assert!(text.contains(r"?download=true\u0026sign=") && text.ends_with(r#","msg":""}"#), "{text}");
    assert_eq!(reply.header("Content-Type"), Some("application/json; charset=utf-8"));
}

#[test]
fn each_fault_is_what_the_reference_says() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    test.put("dir/b.txt", b"y");
    test.put("old.txt", b"z");
    test.alice().trash("old.txt").unwrap();
    for (uri, code, msg) in [
        ("cloudreve://my/none.txt", 40016, "Path not exist"),
        ("cloudreve://my/a.txt/x", 40016, "Path not exist"),
        ("cloudreve://my/old.txt", 40016, "Path not exist"),
        ("cloudreve://my/dir", 40077, "Entity not exist"),
        ("cloudreve://my", 40077, "Entity not exist"),
        ("cloudreve://trash/whatever", 403, "Not supported action"),
        ("cloudreve://shared_with_me", 40077, "Entity not exist"),
        ("cloudreve://shared_with_me/x", 40016, "Path not exist"),
        ("cloudreve://foo/a.txt", -1, ""),
        ("cloudreve://share/a.txt", 404, "Shared file does not exist"),
        ("cloudreve://nonsense@share/a.txt", 404, "Shared file does not exist"),
        ("cloudreve://nonsense@my/a.txt", 40016, "Path not exist"),
    ] {
        let message = test.urls(&alice(), &json!({ "uris": [uri] }));
        assert_eq!(message["code"], 40081, "{uri}");
        assert!(message.get("data").is_none());
        let fault = &message["aggregated_error"][uri];
        assert_eq!((&fault["code"], &fault["msg"]), (&json!(code), &json!(msg)), "{uri}: {message}");
        assert_eq!(fault["correlation_id"], message["correlation_id"]);
        assert!(message["msg"].as_str().unwrap().starts_with(msg), "the single error's own words: {message}");
        assert!(message.get("error").is_none(), "nothing from inside");
    }
    let two = json!({"uris": ["cloudreve://my/none", "cloudreve://my/a.txt", "cloudreve://my/dir"]});
    let message = test.urls(&alice(), &two);
    assert_eq!((&message["code"], &message["msg"]), (&json!(40081), &json!("One or more operation failed")));
    assert_eq!(message["aggregated_error"].as_object().unwrap().len(), 2);
    assert!(message.get("data").is_none(), "without skip_error nothing is handed out");
}

#[test]
fn a_call_of_a_wrong_form_is_refused_before_anything_else() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"uris":null}"#,
        r#"{"uris":"x"}"#,
        r#"{"uris":[1]}"#,
        r#"{"uris":[],"download":1}"#,
    ] {
        let message = json_of(&test.raw(&alice(), "POST", "file/url", body.as_bytes(), &[]));
        assert_eq!(message["code"], 40001, "{body}");
        assert!(message.get("correlation_id").is_none(), "{body}");
    }
    for uri in ["", "x", "http://my/a.txt", "cloudreve://my/%zz", "cloudreve://my/a\u{1}"] {
        let message =
            test.urls(&alice(), &json!({"uris": ["cloudreve://my/a.txt", uri], "skip_error": true}));
        assert_eq!((&message["code"], &message["msg"]), (&json!(40001), &json!("unknown uri")), "{uri}");
        assert!(message["correlation_id"].is_string());
    }
    let huge = vec![b' '; (4 << 20) + 1];
    assert_eq!(json_of(&test.raw(&alice(), "POST", "file/url", &huge, &[]))["code"], 40001);
    let message = test.urls(&alice(), &json!({"uris": []}));
    assert_eq!(message, json!({"code": 0, "data": {"urls": [], "expires": null}, "msg": ""}));
}

#[test]
fn one_over_the_limit_is_too_many_and_the_limit_is_not() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let uris = |count| json!({"uris": vec!["cloudreve://my/a.txt"; count]});
    let message = test.urls(&alice(), &uris(3001));
    assert_eq!(
        (&message["code"], &message["msg"]),
        (&json!(40074), &json!("Maximum allowed batch size: 3000"))
    );
    let message = test.urls(&alice(), &uris(3000));
    assert_eq!(message["data"]["urls"].as_array().unwrap().len(), 3000);
    let mut bad = vec!["bad"; 3001];
    bad[0] = "cloudreve://my/a.txt";
    assert_eq!(test.urls(&alice(), &json!({ "uris": bad }))["code"], 40074, "counted before they are read");
    let api = test.api.clone().max_batched_file(2);
    let request = Request::new("POST", "/api/v4/file/url");
    let reply = api.answer(&alice(), &request, uris(3).to_string().as_bytes()).unwrap();
    assert_eq!(json_of(&reply)["msg"], "Maximum allowed batch size: 2");
}

#[test]
fn with_skip_error_holes_stand_in_place_and_the_faults_are_told_too() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let body = json!({"uris": ["cloudreve://my/none", "cloudreve://my/a.txt", "cloudreve://my/none"], "skip_error": true});
    let message = test.urls(&alice(), &body);
    assert_eq!(message["code"], 0);
    let urls = message["data"]["urls"].as_array().unwrap();
    assert_eq!((urls.len(), &urls[0], &urls[2]), (3, &json!({"url": ""}), &json!({"url": ""})));
    assert!(urls[1]["url"].as_str().unwrap().contains("/a.txt?sign="));
    assert_eq!(message["aggregated_error"]["cloudreve://my/none"]["code"], 40016);
    let message = test.urls(&alice(), &json!({"uris": ["cloudreve://my/none"], "skip_error": true}));
    assert_eq!((&message["code"], &message["data"]["expires"]), (&json!(0), &Value::Null));
}

#[test]
fn faults_are_named_by_the_uri_as_it_is_written_again() {
    let test = TestStore::new();
    let body = json!({"uris": ["Cloudreve://my/no%20ne(x)/", "cloudreve://my/no%20ne%28x%29"]});
    let message = test.urls(&alice(), &body);
    let faults = message["aggregated_error"].as_object().unwrap();
    assert_eq!(faults.keys().collect::<Vec<_>>(), ["cloudreve://my/no%20ne%28x%29"]);
}

#[test]
fn an_entity_is_a_version_of_that_very_file() {
    let test = TestStore::new();
    let old = test.put("a.txt", b"old");
    let new = test.put("a.txt", b"newer");
    let other = test.put("b.txt", b"other");
    let ask =
        |entity: &str| test.urls(&alice(), &json!({"uris": ["cloudreve://my/a.txt"], "entity": entity}));
    for (version, content) in [(&old, "old"), (&new, "newer")] {
        let message = ask(&test.entity(version));
        let reply = test.get(message["data"]["urls"][0]["url"].as_str().unwrap());
        assert_eq!(read(&reply), content.as_bytes());
    }
    let file = test.ids().encode(old.id.0, HashKind::File);
    for entity in [test.entity(&other).as_str(), "lLIl", "nonsense", &file] {
        assert_eq!(own_code(&ask(entity)), 40077, "{entity}");
    }
    test.store.remove_version(old.id).unwrap();
    assert_eq!(own_code(&ask(&test.entity(&old))), 40077);
    let both = json!({"uris": ["cloudreve://my/a.txt", "cloudreve://my/b.txt"], "entity": test.entity(&new)});
    assert_eq!(own_code(&test.urls(&alice(), &both)), 40077, "it is asked of every URI");
    assert_eq!(test.code(&alice(), "cloudreve://my/a.txt"), 0);
}

#[test]
fn an_empty_file_has_a_url_too() {
    let test = TestStore::new();
    test.put("empty", b"");
    let reply = test.get(&test.url(&alice(), "cloudreve://my/empty"));
    assert_eq!((reply.status, reply.body.len()), (200, 0));
}

#[test]
fn redirect_sends_the_client_on_if_there_is_one_uri() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let ask = |uris: Value, skip: bool| {
        let body = json!({"uris": uris, "redirect": true, "skip_error": skip}).to_string();
        test.raw(&alice(), "POST", "file/url", body.as_bytes(), &[])
    };
    let reply = ask(json!(["cloudreve://my/a.txt"]), false);
    assert_eq!(reply.status, 302);
    assert_eq!(read(&test.get(reply.header("Location").unwrap())), b"x");
    assert_eq!(ask(json!(["cloudreve://my/a.txt", "cloudreve://my/a.txt"]), false).status, 200);
    for skip in [false, true] {
        let reply = ask(json!(["cloudreve://my/none"]), skip);
        assert_eq!(
            (reply.status, json_of(&reply)["code"].as_i64()),
            (200, Some(40081)),
            "never an empty Location"
        );
    }
    assert_eq!(ask(json!([]), false).status, 200);
}

#[test]
fn the_same_call_gives_the_same_url_with_600_to_3600_seconds_left() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let ask = |at: i64, no_cache: bool| {
        let body = json!({"uris": ["cloudreve://my/a.txt"], "no_cache": no_cache}).to_string();
        let request = Request::new("POST", "/api/v4/file/url").at(Time::from_unix(at));
        let message = json_of(&test.api.answer(&alice(), &request, body.as_bytes()).unwrap());
        message["data"]["urls"][0]["url"].as_str().unwrap().to_owned()
    };
    let (mut changes, mut before) = (0, ask(NOW, false));
    for at in (NOW..NOW + 9000).step_by(7) {
        let url = ask(at, false);
        let left = ends(&url) - at;
        assert!((600..=3600).contains(&left), "{left}");
        changes += u32::from(url != before);
        before = url;
    }
    assert_eq!(changes, 3, "once in 3000 seconds");
    let fresh = ask(NOW + 1, true);
    assert_eq!(ends(&fresh), NOW + 3601, "the whole life");
    assert_ne!(fresh, ask(NOW + 2, true));
}

#[test]
fn a_context_hint_changes_nothing() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let share = test.share("a.txt", &Share::new().password("pw"));
    let hints = [("X-Cr-Context-Hint", "b832b998-7ece-4ffd-ba6b-afb64530ca70")];
    let with = test.share_uri(&share, "a.txt").replace('@', ":pw@");
    let good = test.call_with(&bob(), "POST", "file/url", &json!({"uris": [with]}), &hints);
    assert_eq!(good["code"], 0);
    // The same hint, by someone without the password, and after the share has ended.
    let without = json!({"uris": [test.share_uri(&share, "a.txt")]});
    assert_eq!(own_code(&test.call_with(&nobody(), "POST", "file/url", &without, &hints)), 40069);
    test.store.unshare(share.id).unwrap();
    let after = test.call_with(&bob(), "POST", "file/url", &json!({"uris": [with]}), &hints);
    assert_eq!(own_code(&after), 404);
    let odd =
        test.call_with(&alice(), "POST", "file/url", &json!({"uris": []}), &[("X-Cr-Context-Hint", "?")]);
    assert_eq!(odd["code"], 0);
}

#[test]
fn the_site_follows_the_host_if_it_is_one_of_ours() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let api = test.api.clone().site("https://a.example").unwrap();
    let api = api.secondary_site("http://b.example:8080").unwrap();
    let ask = |api: &Api, host: &'static str, primary: bool| {
        let body = json!({"uris": ["cloudreve://my/a.txt"], "use_primary_site_url": primary}).to_string();
        let request = Request::new("POST", "/api/v4/file/url").header("Host", host);
        let message = json_of(&api.answer(&alice(), &request, body.as_bytes()).unwrap());
        let url = message["data"]["urls"][0]["url"].as_str().unwrap().to_owned();
        url.split("/api/").next().unwrap().to_owned()
    };
    assert_eq!(ask(&api, "a.example", false), "https://a.example");
    assert_eq!(ask(&api, "b.example:8080", false), "http://b.example:8080");
    assert_eq!(ask(&api, "b.example:8080", true), "https://a.example");
    assert_eq!(ask(&api, "b.example", false), "https://a.example", "with the port");
    assert_eq!(ask(&api, "evil.example", false), "https://a.example");
    assert_eq!(ask(&Api::new(&test.store), "a.example", false), "");
    assert!(Api::new(&test.store).secondary_site("https://b.example").is_err());
}

#[test]
fn under_a_prefix_urls_are_made_and_found_with_it() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let api = test.api.clone().prefix("/files/").unwrap();
    let body = json!({"uris": ["cloudreve://my/a.txt"]}).to_string();
    let message = json_of(
        &api.answer(&alice(), &Request::new("POST", "/files/api/v4/file/url"), body.as_bytes()).unwrap(),
    );
    let url = message["data"]["urls"][0]["url"].as_str().unwrap();
    assert!(url.starts_with("http://localhost:5173/files/api/v4/file/content/"), "{url}");
    let reply = api.answer(&nobody(), &Request::get(url), std::io::empty()).unwrap();
    assert_eq!(read(&reply), b"x");
    assert_eq!(
        api.answer(&nobody(), &Request::get("/api/v4/file/url"), std::io::empty()).unwrap().status,
        404
    );
    for bad in ["files", "/a b", "/a?b", "/\u{e9}"] {
        assert!(test.api.clone().prefix(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_correlation_id_that_is_given_comes_back() {
    let test = TestStore::new();
    let id = "b4351ecc-ee1a-4455-bc94-2c3dbcc58538";
    let body = json!({"uris": ["cloudreve://my/none"]});
    let message = test.call_with(&alice(), "POST", "file/url", &body, &[("x-cr-correlation-id", id)]);
    assert_eq!(message["correlation_id"], id);
    assert_eq!(message["aggregated_error"]["cloudreve://my/none"]["correlation_id"], id);
    let message = test.call_with(&alice(), "POST", "file/url", &body, &[("X-Cr-Correlation-Id", "no uuid")]);
    assert_eq!(message["correlation_id"].as_str().unwrap().len(), 36);
}

#[test]
fn a_host_that_is_being_debugged_tells_what_was_wrong_inside() {
    let test = TestStore::new();
    let api = test.api.clone().debug(true);
    let body = json!({"uris": ["cloudreve://my/none"]}).to_string();
    let message =
        json_of(&api.answer(&alice(), &Request::new("POST", "/api/v4/file/url"), body.as_bytes()).unwrap());
    assert!(message["error"].is_string());
    let fault = &message["aggregated_error"]["cloudreve://my/none"];
    assert_eq!(fault["error"], "there is nothing called \"none\"");
}

#[test]
fn what_is_no_call_is_not_found_in_the_envelope() {
    let test = TestStore::new();
    for (method, path) in [("POST", "file"), ("POST", ""), ("GET", "user/me"), ("POST", "file/url/x")] {
        let reply = test.raw(&alice(), method, path, b"{}", &[]);
        assert_eq!((reply.status, json_of(&reply)["code"].as_i64()), (404, Some(404)), "{method} {path}");
    }
    for (method, path, allow) in [
        ("GET", "file/url", "POST"),
        ("PATCH", "file/source", "PUT"),
        ("GET", "file/source/2yTM", "DELETE"),
        ("PUT", "file/version/current", "POST"),
        ("POST", "file/version", "DELETE"),
    ] {
        let reply = test.raw(&alice(), method, path, b"{}", &[]);
        assert_eq!((reply.status, reply.header("Allow")), (405, Some(allow)), "{method} {path}");
    }
}

#[test]
fn a_drive_that_is_not_there_yet_holds_nothing() {
    let test = TestStore::new();
    assert_eq!(test.code(&Caller::of("carol"), "cloudreve://my/a.txt"), 40016);
    assert!(test.store.find_drive("carol").unwrap().is_none(), "and asking makes none");
}

#[test]
fn names_that_the_original_forbids_are_served_all_the_same() {
    let test = TestStore::new();
    for name in ["a?b", "a:b*|\"<>", "50% + a&b=c;d,e", "a#b", " ", "\u{202e}gpj.exe", "%2e%2e"] {
        test.alice().put(name, name.as_bytes(), Put::new()).unwrap();
        let escaped: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let url = test.url(&alice(), &format!("cloudreve://my/{escaped}"));
        let reply = test.get(&url);
        assert_eq!((reply.status, read(&reply)), (200, name.as_bytes().to_vec()), "{name}: {url}");
    }
}
