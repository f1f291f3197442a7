//! PUT `file/source` and DELETE `file/source/<link>`.

use std::sync::Barrier;

use holdall::{Limits, Share};
use serde_json::{Value, json};

use super::*;

fn create(shop: &Shop, caller: &Caller, uris: &[&str]) -> Value {
    shop.call(caller, "PUT", "file/source", &json!({ "uris": uris }))
}

fn delete(shop: &Shop, caller: &Caller, link: &str) -> Value {
    let id = link.split("/f/").nth(1).unwrap().split('/').next().unwrap();
    shop.call(caller, "DELETE", &format!("file/source/{id}"), &Value::Null)
}

fn link(told: &Value, at: usize) -> String {
    told["data"][at]["link"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

#[test]
fn links_stand_in_order_with_the_uri_of_each() {
    let shop = Shop::new();
    shop.put("Inspirations/cloudreve 4 (a).zip", b"x");
    shop.put("Inspirations/archive.zip", b"y");
    let told = create(
        &shop,
        &alice(),
        &[
            "cloudreve://my/Inspirations/cloudreve%204%20%28a%29.zip",
            "cloudreve://my/Inspirations//archive.zip",
        ],
    );
    assert_eq!(told["code"], 0, "{told}");
    assert_eq!(told["data"][0]["file_url"], "cloudreve://my/Inspirations/cloudreve%204%20(a).zip");
    assert_eq!(told["data"][1]["file_url"], "cloudreve://my/Inspirations/archive.zip");
    let id = shop.link_id(&shop.alice().links("Inspirations/archive.zip").unwrap()[0]);
    assert_eq!(link(&told, 1), format!("http://localhost:5173/f/{id}/archive.zip"));
    assert!(link(&told, 0).ends_with("/cloudreve%204%20%28a%29.zip"));
}

#[test]
fn the_same_file_name_and_speed_give_the_same_link() {
    let shop = Shop::new();
    shop.put("a.txt", b"x");
    let ask = |caller: &Caller| link(&create(&shop, caller, &["cloudreve://my/a.txt"]), 0);
    let first = ask(&alice());
    assert_eq!(ask(&alice()), first);
    let slow = alice().limits(Limits::new().speed(100));
    let second = ask(&slow);
    assert_ne!(second, first);
    assert_eq!(ask(&slow), second);
    let unique = alice().limits(Limits::new().unique_links(true));
    let third = ask(&unique);
    assert!(third != first && third != ask(&unique));
    shop.alice().rename("a.txt", "b.txt", false).unwrap();
    let renamed = link(&create(&shop, &alice(), &["cloudreve://my/b.txt"]), 0);
    assert!(renamed.ends_with("/b.txt") && renamed != first);
    let told = create(&shop, &alice(), &["cloudreve://my/b.txt", "cloudreve://my/b.txt"]);
    assert_eq!((link(&told, 0), link(&told, 1)), (renamed.clone(), renamed));
}

#[test]
fn calls_at_once_make_one_link() {
    let shop = Shop::new();
    shop.put("a.txt", b"x");
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                assert_eq!(create(&shop, &alice(), &["cloudreve://my/a.txt"])["code"], 0);
            });
        }
    });
    assert_eq!(shop.alice().links("a.txt").unwrap().len(), 1);
}

#[test]
fn the_limits_come_in_their_order() {
    let shop = Shop::new();
    shop.put("a.txt", b"x");
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
        let told = create(&shop, &caller, &uris);
        assert_eq!(told["code"], code, "{told}");
        if code == 40007 || code == 40014 {
            assert_eq!(told["msg"], "");
        }
    }
    for body in [json!({}), json!({"uris": []}), json!({"uris": null})] {
        assert_eq!(shop.call(&alice(), "PUT", "file/source", &body)["code"], 40001, "{body}");
    }
}

#[test]
fn what_went_well_is_told_beside_what_failed() {
    let shop = Shop::new();
    shop.put("a.txt", b"x");
    shop.alice().mkdir("dir").unwrap();
    let told =
        create(&shop, &alice(), &["cloudreve://my/none", "cloudreve://my/a.txt", "cloudreve://my/dir"]);
    assert_eq!(told["code"], 40081);
    assert_eq!(told["data"].as_array().unwrap().len(), 1);
    assert_eq!(told["aggregated_error"]["cloudreve://my/none"]["code"], 40016);
    assert_eq!(told["aggregated_error"]["cloudreve://my/dir"]["code"], 40077);
    let told = create(&shop, &alice(), &["cloudreve://my/none"]);
    assert_eq!((&told["code"], told.get("data")), (&json!(40081), None));
}

#[test]
fn the_owner_and_an_administrator_make_links_and_nobody_else() {
    let shop = Shop::new();
    shop.put("a.txt", b"x");
    let share = shop.share("a.txt", &Share::new().max_downloads(1));
    let uri = shop.share_uri(&share, "a.txt");
    let told = create(&shop, &bob(), &[&uri]);
    assert_eq!(own_code(&told), 40082);
    let msg = told["aggregated_error"][&uri]["msg"].as_str().unwrap();
    assert_eq!(msg, "Only owner or administrator can perform this action");
    let told = create(&shop, &root(), &[&uri]);
    assert_eq!(told["code"], 0, "{told}");
    assert_eq!(told["data"][0]["file_url"], uri);
    assert_eq!(link(&create(&shop, &alice(), &["cloudreve://my/a.txt"]), 0), link(&told, 0));
    assert_eq!(shop.alice().shares("a.txt").unwrap()[0].downloads, 0, "a link is not a download");
}

#[test]
fn only_the_owner_ends_a_link() {
    let shop = Shop::new();
    shop.put("a.txt", b"x");
    let url = link(&create(&shop, &alice(), &["cloudreve://my/a.txt"]), 0);
    for caller in [bob(), root(), nobody()] {
        let told = delete(&shop, &caller, &url);
        assert_eq!((&told["code"], &told["msg"]), (&json!(404), &json!("Direct link not found")));
    }
    assert_eq!(shop.get(&url).status, 302);
    assert_eq!(delete(&shop, &alice(), &url), json!({"code": 0, "msg": ""}));
    assert_eq!(shop.get(&url).status, 404);
    assert_eq!(delete(&shop, &alice(), &url)["code"], 404);
    let told = shop.call(&alice(), "DELETE", "file/source/nonsense", &Value::Null);
    assert_eq!((&told["code"], &told["msg"]), (&json!(40001), &json!("Failed to parse object ID")));
}
