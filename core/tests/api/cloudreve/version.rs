//! POST `file/version/current` and DELETE `file/version`.

use holdall::Share;
use serde_json::{Value, json};

use super::*;

const CALLS: [(&str, &str); 2] = [("POST", "file/version/current"), ("DELETE", "file/version")];

fn ask(test: &TestStore, caller: &Caller, call: (&str, &str), uri: &str, version: &str) -> Value {
    test.call(caller, call.0, call.1, &json!({"uri": uri, "version": version}))
}

#[test]
fn an_older_version_becomes_current_and_none_is_made() {
    let test = TestStore::new();
    let (old, new) = (test.put("a.txt", b"old"), test.put("a.txt", b"new"));
    let uri = "cloudreve://my/a.txt";
    for (version, content) in [(&old, "old"), (&old, "old"), (&new, "new")] {
        let answer = ask(&test, &alice(), CALLS[0], uri, &test.entity(version));
        assert_eq!(answer, json!({"code": 0, "msg": ""}));
        assert_eq!(read(&test.get(&test.url(&alice(), uri))), content.as_bytes());
    }
    assert_eq!(test.alice().versions("a.txt", None, 9).unwrap().len(), 2);
}

#[test]
fn a_version_is_removed_unless_it_is_current() {
    let test = TestStore::new();
    let (old, new) = (test.put("a.txt", b"old"), test.put("a.txt", b"new"));
    let uri = "cloudreve://my/a.txt";
    let answer = ask(&test, &alice(), CALLS[1], uri, &test.entity(&new));
    assert_eq!((&answer["code"], &answer["msg"]), (&json!(403), &json!("Not supported action")));
    assert_eq!(ask(&test, &alice(), CALLS[1], uri, &test.entity(&old)), json!({"code": 0, "msg": ""}));
    for call in CALLS {
        assert_eq!(ask(&test, &alice(), call, uri, &test.entity(&old))["code"], 40077);
    }
    assert_eq!(test.alice().versions("a.txt", None, 9).unwrap().len(), 1);
}

#[test]
fn each_fault_is_what_the_reference_says() {
    let test = TestStore::new();
    let (old, other) = (test.put("a.txt", b"1"), test.put("b.txt", b"2"));
    test.put("a.txt", b"3");
    test.put("dir/c", b"4");
    let share = test.share("a.txt", &Share::new());
    let shared = test.share_uri(&share, "a.txt");
    let (old, other) = (test.entity(&old), test.entity(&other));
    for call in CALLS {
        for (caller, uri, version, code) in [
            (alice(), "cloudreve://my/none", old.as_str(), 40016),
            (alice(), "cloudreve://my/a.txt", "nonsense", 40001),
            (alice(), "cloudreve://my/a.txt", &other, 40077),
            (alice(), "cloudreve://my/a.txt", "lLIl", 40077),
            (alice(), "cloudreve://my/dir", &old, 40077),
            (alice(), "cloudreve://trash/a.txt", &old, 403),
            (alice(), "cloudreve://shared_with_me/a.txt", &old, 403),
            (alice(), "cloudreve://foo/a.txt", &old, -1),
            (alice(), "http://my/a.txt", &old, 40001),
            (alice(), "", &old, 40001),
            (alice(), "cloudreve://my/a.txt", "", 40001),
            (bob(), "cloudreve://my/a.txt", &old, 40016),
            (bob(), &shared, &old, 40082),
            (root(), &shared, &old, 40082),
            (nobody(), &shared, &old, 40082),
            (nobody(), "cloudreve://my/a.txt", &old, 401),
        ] {
            let answer = ask(&test, &caller, call, uri, version);
            assert_eq!(answer["code"], code, "{call:?} {uri} {version}: {answer}");
        }
        assert_eq!(test.call(&alice(), call.0, call.1, &json!({"uri": 1}))["code"], 40001);
    }
    assert_eq!(test.alice().versions("a.txt", None, 9).unwrap().len(), 2, "nothing happened");
    assert_eq!(ask(&test, &alice(), CALLS[0], &shared, &old)["code"], 0, "the owner by the share too");
}
