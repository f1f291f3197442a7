//! PUT `file/source` and DELETE `file/source/<link>`.

use std::sync::Barrier;

use holdall::{Limits, Share};
use serde_json::{Value, json};

use super::*;

fn create(test: &TestStore, caller: &Caller, uris: &[&str]) -> Value {
    test.call(caller, "PUT", "file/source", &json!({ "uris": uris }))
}

fn delete(test: &TestStore, caller: &Caller, link: &str) -> Value {
    let id = link.split("/f/").nth(1).unwrap().split('/').next().unwrap();
    test.call(caller, "DELETE", &format!("file/source/{id}"), &Value::Null)
}

fn link(answer: &Value, at: usize) -> String {
    answer["data"][at]["link"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn links_stand_in_order_with_the_uri_of_each() {
    let test = TestStore::new();
    test.put("Inspirations/cloudreve 4 (a).zip", b"x");
    test.put("Inspirations/archive.zip", b"y");
    let answer = create(
        &test,
        &alice(),
        &[
            "cloudreve://my/Inspirations/cloudreve%204%20%28a%29.zip",
            "cloudreve://my/Inspirations//archive.zip",
        ],
    );
    assert_eq!(answer["code"], 0, "{answer}");
    assert_eq!(answer["data"][0]["file_url"], "cloudreve://my/Inspirations/cloudreve%204%20(a).zip");
    assert_eq!(answer["data"][1]["file_url"], "cloudreve://my/Inspirations/archive.zip");
    let id = test.link_id(&test.alice().links("Inspirations/archive.zip").unwrap()[0]);
    assert_eq!(link(&answer, 1), format!("http://localhost:5173/f/{id}/archive.zip"));
    assert!(link(&answer, 0).ends_with("/cloudreve%204%20%28a%29.zip"));
}

#[test]
fn the_same_file_name_and_speed_give_the_same_link() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let ask = |caller: &Caller| link(&create(&test, caller, &["cloudreve://my/a.txt"]), 0);
    let first = ask(&alice());
    assert_eq!(ask(&alice()), first);
    let slow = alice().limits(Limits::new().speed(100));
    let second = ask(&slow);
    assert_ne!(second, first);
    assert_eq!(ask(&slow), second);
    let unique = alice().limits(Limits::new().unique_links(true));
    let third = ask(&unique);
    assert!(third != first && third != ask(&unique));
    test.alice().rename("a.txt", "b.txt", false).unwrap();
    let renamed = link(&create(&test, &alice(), &["cloudreve://my/b.txt"]), 0);
    assert!(renamed.ends_with("/b.txt") && renamed != first);
    let answer = create(&test, &alice(), &["cloudreve://my/b.txt", "cloudreve://my/b.txt"]);
    assert_eq!((link(&answer, 0), link(&answer, 1)), (renamed.clone(), renamed));
}

#[test]
fn calls_at_once_make_one_link() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                assert_eq!(create(&test, &alice(), &["cloudreve://my/a.txt"])["code"], 0);
            });
        }
    });
    assert_eq!(test.alice().links("a.txt").unwrap().len(), 1);
}

#[test]
fn the_limits_come_in_their_order() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let uri = "cloudreve://my/a.txt";
    let many = |links| alice().limits(Limits::new().links(links));
    for (caller, uris, code) in [
        (many(0), vec!["bad"; 3001], 40074),
        (many(0), vec!["bad"], 40007),
        (many(1), vec!["bad", "bad"], 40014),
        (many(2), vec![uri, "bad"], 40001),
        (many(1), vec![uri], 0),
        (nobody(), vec![uri], 40007),
        (nobody().limits(Limits::new()), vec![uri], 40081),
    ] {
        let answer = create(&test, &caller, &uris);
        assert_eq!(answer["code"], code, "{answer}");
        if code == 40007 || code == 40014 {
            assert_eq!(answer["msg"], "");
        }
    }
    for body in [json!({}), json!({"uris": []}), json!({"uris": null})] {
        assert_eq!(test.call(&alice(), "PUT", "file/source", &body)["code"], 40001, "{body}");
    }
}

#[test]
fn what_went_well_is_told_beside_what_failed() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    test.alice().mkdir("dir").unwrap();
    let answer =
        create(&test, &alice(), &["cloudreve://my/none", "cloudreve://my/a.txt", "cloudreve://my/dir"]);
    assert_eq!(answer["code"], 40081);
    assert_eq!(answer["data"].as_array().unwrap().len(), 1);
    assert_eq!(answer["aggregated_error"]["cloudreve://my/none"]["code"], 40016);
    assert_eq!(answer["aggregated_error"]["cloudreve://my/dir"]["code"], 40077);
    let answer = create(&test, &alice(), &["cloudreve://my/none"]);
    assert_eq!((&answer["code"], answer.get("data")), (&json!(40081), None));
}

#[test]
fn the_owner_and_an_administrator_make_links_and_nobody_else() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let share = test.share("a.txt", &Share::new().max_downloads(1));
    let uri = test.share_uri(&share, "a.txt");
    let answer = create(&test, &bob(), &[&uri]);
    assert_eq!(own_code(&answer), 40082);
    let msg = answer["aggregated_error"][&uri]["msg"].as_str().unwrap();
    assert_eq!(msg, "Only owner or administrator can perform this action");
    let answer = create(&test, &root(), &[&uri]);
    assert_eq!(answer["code"], 0, "{answer}");
    assert_eq!(answer["data"][0]["file_url"], uri);
    assert_eq!(link(&create(&test, &alice(), &["cloudreve://my/a.txt"]), 0), link(&answer, 0));
    assert_eq!(test.alice().shares("a.txt").unwrap()[0].downloads, 0, "a link is not a download");
}

#[test]
fn only_the_owner_ends_a_link() {
    let test = TestStore::new();
    test.put("a.txt", b"x");
    let url = link(&create(&test, &alice(), &["cloudreve://my/a.txt"]), 0);
    for caller in [bob(), root(), nobody()] {
        let answer = delete(&test, &caller, &url);
        assert_eq!((&answer["code"], &answer["msg"]), (&json!(404), &json!("Direct link not found")));
    }
    assert_eq!(test.get(&url).status, 302);
    assert_eq!(delete(&test, &alice(), &url), json!({"code": 0, "msg": ""}));
    assert_eq!(test.get(&url).status, 404);
    assert_eq!(delete(&test, &alice(), &url)["code"], 404);
    let answer = test.call(&alice(), "DELETE", "file/source/nonsense", &Value::Null);
    assert_eq!((&answer["code"], &answer["msg"]), (&json!(40001), &json!("Failed to parse object ID")));
}
