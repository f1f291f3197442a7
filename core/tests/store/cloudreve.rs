//! URLs of the Cloudreve form, held against another implementation of their signature.

use std::process::Command;
use std::time::Duration;

use holdall::{ErrorKind, Mode, Options, Request, Time};

use crate::{TestStore, kind, put, sound, test_store};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Signs with Python what `cloudreve-behaviour.md` says is signed, and takes the URL apart on the
/// way with its own parsers.
const ORACLE: &str = r#"
import base64, hashlib, hmac, sys, urllib.parse
url, root, uuid = sys.argv[1], sys.argv[2].encode(), bytes.fromhex(sys.argv[3])
key = hmac.new(root, b"holdall/v1/cloudreve" + uuid, hashlib.sha256).digest()
parts = urllib.parse.urlsplit(url)
query = urllib.parse.parse_qs(parts.query)
sign = query["sign"][0]
expires = sign.rsplit(":", 1)[1]
path = urllib.parse.unquote(parts.path)
mac = hmac.new(key, (path + ":" + expires).encode(), hashlib.sha256).digest()
print(base64.urlsafe_b64encode(mac).decode() + ":" + expires == sign, expires, query.get("download", [""])[0], path)
"#;

fn oracle(test: &TestStore, url: &str) -> (bool, i64, String, String) {
    let store = std::fs::read(test.path().join("STORE")).unwrap();
    let uuid: String = store[16..32].iter().map(|byte| format!("{byte:02x}")).collect();
    let output = Command::new("python3").args(["-c", ORACLE, url, SECRET, &uuid]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut words = text.trim_end().splitn(4, ' ');
    let mut next = || words.next().unwrap().to_owned();
    (next() == "True", next().parse().unwrap(), next(), next())
}

#[test]
fn another_implementation_agrees_with_the_signature() {
    for base in ["/", "/mount/point/", "https://cdn.example/a/"] {
        let test = TestStore::new(Options::new().base_url(base));
        test.store.add_key(SECRET.as_bytes()).unwrap();
        let name = "The M\u{e4}n (live) 100% + & = ;.mp3";
        let v = put(&test.drive(), name, b"la la");
        let before = Time::now().unix();
        let url =
            test.store.url(&v).pace(4096).expires_in(Duration::from_secs(100)).sign_cloudreve().unwrap();
        let (good, expires, download, path) = oracle(&test, &url);
        assert!(good, "{url}");
        assert!((before + 100..=Time::now().unix() + 100).contains(&expires));
        assert_eq!(download, "true");
        assert!(path.ends_with(&format!("/4096/{name}")), "{path}");
        let reply = test.store.serve(&Request::get(&url)).unwrap();
        sound(&reply, "GET");
        assert_eq!((reply.status, reply.pace), (200, Some(4096)));
        assert!(reply.header("Content-Disposition").unwrap().starts_with("attachment"));
        let last = test.store.serve(&Request::get(&url).at(Time::from_unix(expires))).unwrap().status;
        let over = test.store.serve(&Request::get(&url).at(Time::from_unix(expires + 1))).unwrap().status;
        assert_eq!((last, over), (200, 403), "valid through the whole second that it names");

        let zip = test.drive().archive([name]).unwrap().name("a b.zip").create().unwrap();
        let url = test.store.url_of_archive(zip.id).sign_cloudreve().unwrap();
        assert!(oracle(&test, &url).0, "{url}");
        assert_eq!(test.get(&url).len() as u64, zip.len);
    }
}

#[test]
fn the_path_and_expiry_are_signed_and_the_download_flag_is_not() {
    let test = test_store(Mode::Shared);
    let (v, w) = (put(&test.drive(), "a.txt", b"x"), put(&test.drive(), "b.txt", b"y"));
    let url = test.store.url(&v).sign_cloudreve().unwrap();
    let other = test.store.url(&w).sign_cloudreve().unwrap();
    let entity = |url: &str| url.split('/').nth(3).unwrap().to_owned();
    let disposition = |url: &str| {
        let reply = test.store.serve(&Request::get(url)).unwrap();
        assert_eq!(reply.status, 200, "{url}");
        reply.header("Content-Disposition").unwrap().split(';').next().unwrap().to_owned()
    };
    assert_eq!(disposition(&url), "attachment");
    assert_eq!(disposition(&url.replace("download=true&", "")), "inline");
    assert_eq!(disposition(&test.store.url(&v).inline().sign_cloudreve().unwrap()), "inline");
    assert_eq!(disposition(&format!("{url}&x=y&sign=zz")), "attachment", "the first sign counts");
    let forged = [
        url.replace("a.txt", "c.txt"),
        url.replace("/0/", "/1/"),
        url.replace(&entity(&url), &entity(&other)),
        format!("{url}0"),
        url.replace("sign=", "sign=A"),
        url.split('?').next().unwrap().to_owned(),
        format!("{}?sign=:0", url.split('?').next().unwrap()),
    ];
    for forged in forged {
        assert_eq!(test.status(&forged), 403, "{forged}");
    }
    let never = test.store.url(&v).never_expires().sign_cloudreve().unwrap();
    assert!(never.ends_with("%3A0"));
    let reply = test.store.serve(&Request::get(&never).at(Time::from_unix(99_999_999_999))).unwrap();
    assert_eq!(reply.status, 200);
}

/// Each restore of a backup moves the ids on, so that a store comes to ids that no hash id holds as one number.
#[test]
fn a_version_of_any_id_has_a_url_in_this_form() {
    let test = test_store(Mode::Shared);
    test.store.leave_room(1 << 42, 0).unwrap();
    let v = put(&test.drive(), "a.txt", b"x");
    assert!(v.id.file().0 > 1 << 42);
    let sign = || test.store.url(&v).sign_cloudreve().unwrap();
    let url = sign();
    assert_eq!(test.get(&url), b"x");
    test.store.revoke_version(v.id).unwrap();
    assert_eq!(test.status(&url), 410);
    assert_eq!(test.get(&sign()), b"x");
}

#[test]
fn what_the_form_has_no_place_for_is_an_error() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a.txt", b"x");
    let url = || test.store.url(&v);
    let bad = [
        url().network("192.0.2.0/24".parse().unwrap()),
        url().max_uses(1),
        url().media_type("text/plain"),
        url().public_cache(),
        test.store.url_of_file(v.id.file()),
    ];
    for url in bad {
        assert_eq!(kind(url.sign_cloudreve()), ErrorKind::InvalidArgument);
    }
}

#[test]
fn t14_content_that_was_deleted_is_gone_in_this_form_too() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a.txt", b"x");
    let url = test.store.url(&v).sign_cloudreve().unwrap();
    let head = test.store.serve(&Request::head(&url)).unwrap();
    sound(&head, "HEAD");
    assert_eq!(head.header("Content-Length"), Some("1"));
    test.drive().delete("a.txt").unwrap();
    assert_eq!(test.status(&url), 410);
}
