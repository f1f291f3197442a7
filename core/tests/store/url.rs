//! URLs of the native form: what they permit, and when they end.

use std::net::IpAddr;
use std::time::Duration;

use holdall::token::{Claims, Key, KeyRing, Purpose};
use holdall::{ErrorKind, Mode, Options, Reply, Request, Time};

use crate::{MODES, TestStore, kind, put, sound, test_store};

const SECRET: &[u8] = b"a secret of a host, 32 bytes long, or a few more";
const FAR: u64 = 4_000_000_000;

fn serve(test: &TestStore, target: &str) -> Reply {
    let reply = test.store.serve(&Request::get(target)).unwrap();
    sound(&reply, "GET");
    reply
}

/// Returns the token of a URL.
fn token(url: &str) -> &str {
    url.split('/').nth(2).unwrap()
}

#[test]
fn t1_any_flipped_bit_and_t2_any_cut_is_denied() {
    let test = test_store(Mode::Exclusive);
    let v = put(&test.drive(), "a.txt", b"x");
    let url = test.store.url(&v).sign().unwrap();
    let good = token(&url);
    assert_eq!(serve(&test, &url).status, 200);
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let Ok(bad) = String::from_utf8(bytes) else { continue };
            let status = serve(&test, &format!("/d/{bad}/a.txt")).status;
            let escape = bad.split_once('%').map(|(_, rest)| {
                rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
            });
            match escape {
                Some(false) => assert_eq!(status, 400, "bit {bit} of {at}: an address that is none"),
                // Another path, or a token whose second half of the MAC, 16 bytes, is of no such name.
                _ if bad.contains(['/', '?', '#']) || at + 22 >= good.len() => {
                    assert!([403, 404].contains(&status), "bit {bit} of {at}: {status}");
                }
                _ => assert_eq!(status, 403, "bit {bit} of {at}"),
            }
        }
        assert_eq!(serve(&test, &format!("/d/{}/a.txt", &good[..at])).status, 403);
    }
    for more in ["A", "AA", "AAAA", "=", "%3D", ".", " "] {
        assert_eq!(serve(&test, &format!("/d/{good}{more}/a.txt")).status, 403, "{more:?}");
    }
    let escaped = good.replacen(&good[..1], &format!("%{:02X}", good.as_bytes()[0]), 1);
    assert_eq!(serve(&test, &format!("/d/{escaped}/a.txt")).status, 403, "T3: one spelling only");
}

#[test]
fn a_refusal_tells_a_client_nothing() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a", b"x");
    let url = test.store.url(&v).network("192.0.2.0/24".parse().unwrap()).sign().unwrap();
    let forged = serve(&test, "/d/AAAA/a");
    let elsewhere = serve(&test, &url);
    assert_eq!((forged.status, elsewhere.status), (403, 403));
    assert_eq!(forged.headers, elsewhere.headers);
    assert_eq!(crate::read(&forged.body), crate::read(&elsewhere.body));
}

#[test]
fn t4_a_url_is_valid_before_its_second_and_not_in_it() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a", b"x");
    let early = Time::now().unix();
    let url = test.store.url(&v).expires_in(Duration::from_secs(60)).sign().unwrap();
    let late = Time::now().unix();
    let at = |micros: i64| test.store.serve(&Request::get(&url).at(Time(micros))).unwrap().status;
    assert_eq!(at((early + 60) * 1_000_000 - 1), 200);
    assert_eq!(at((late + 61) * 1_000_000), 403);
    let now = Time::from_unix(early);
    let url = test.store.url(&v).expires_at(now.after(Duration::from_secs(60))).sign().unwrap();
    let at = |micros: i64| test.store.serve(&Request::get(&url).at(Time(micros))).unwrap().status;
    assert_eq!((at((early + 60) * 1_000_000 - 1), at((early + 60) * 1_000_000)), (200, 403));
    for now in [0, -1, i64::MIN] {
        assert!([200, 403].contains(&at(now)), "T5: no overflow");
    }
    assert_eq!(at(i64::MAX), 403);
    let default = test.store.url(&v).sign().unwrap();
    let at = |seconds: u64| {
        let now = Time::now().after(Duration::from_secs(seconds));
        test.store.serve(&Request::get(&default).at(now)).unwrap().status
    };
    assert_eq!((at(890), at(901)), (200, 403), "15 minutes by default");
}

#[test]
fn lifetimes_out_of_range_are_errors_and_never_clamped() {
    let test = TestStore::new(Options::new().max_lifetime(Duration::from_secs(3600)));
    let v = put(&test.drive(), "a", b"x");
    let url = || test.store.url(&v);
    for seconds in [0, 3601, u64::MAX] {
        assert_eq!(kind(url().expires_in(Duration::from_secs(seconds)).sign()), ErrorKind::InvalidArgument);
    }
    assert!(url().expires_in(Duration::from_secs(3600)).sign().is_ok());
    assert!(url().expires_in(Duration::from_secs(1)).sign().is_ok());
    assert_eq!(kind(url().stable_for(Duration::ZERO).sign()), ErrorKind::InvalidArgument);
    assert_eq!(kind(url().stable_for(Duration::from_secs(3000)).sign()), ErrorKind::InvalidArgument);
    assert_eq!(
        kind(url().never_expires().expires_in(Duration::from_secs(9)).sign()),
        ErrorKind::InvalidArgument
    );
    assert_eq!(kind(url().max_uses(0).sign()), ErrorKind::InvalidArgument);
    assert_eq!(kind(url().pace(0).sign()), ErrorKind::InvalidArgument);
    for name in ["", "a/b", "a\r\nb", ".."] {
        assert_eq!(kind(url().name(name).sign()), ErrorKind::InvalidArgument, "{name:?}");
        assert_eq!(kind(url().name(name).sign_cloudreve()), ErrorKind::InvalidArgument, "{name:?}");
    }
    for media_type in ["", "text", "a/b\r\nSet-Cookie: x", "multipart/mixed"] {
        assert_eq!(kind(url().media_type(media_type).sign()), ErrorKind::InvalidArgument, "{media_type:?}");
    }
    let never = url().never_expires().sign().unwrap();
    let far = Time::from_unix(32_503_680_000);
    assert_eq!(test.store.serve(&Request::get(&never).at(far)).unwrap().status, 200);
}

#[test]
fn what_cannot_be_served_is_not_signed() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    let v = put(&drive, "d/a", b"x");
    assert_eq!(kind(drive.url("d").unwrap().sign()), ErrorKind::InvalidArgument, "a folder");
    assert_eq!(kind(drive.url("no")), ErrorKind::NotFound);
    assert_eq!(kind(test.store.url_of_file(holdall::FileId(12345)).sign()), ErrorKind::NotFound);
    assert_eq!(kind(test.store.url(holdall::VersionId(12345)).sign()), ErrorKind::NotFound);
    assert_eq!(kind(test.store.url_of_archive(holdall::ArchiveId(12345)).sign()), ErrorKind::NotFound);
    let network = "192.0.2.0/24".parse().unwrap();
    assert_eq!(kind(test.store.url(&v).public_cache().network(network).sign()), ErrorKind::InvalidArgument);
    assert_eq!(kind(test.store.url(&v).public_cache().max_uses(3).sign()), ErrorKind::InvalidArgument);
}

#[test]
fn stable_urls_are_equal_within_their_window() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a", b"x");
    let day = Duration::from_secs(86_400);
    let sign = || test.store.url(&v).stable_for(day).sign().unwrap();
    let (first, second) = (sign(), sign());
    // Unless midnight was between them.
    let third = if first == second { second } else { sign() };
    assert_eq!(sign(), third);
    assert_ne!(first, test.store.url(&v).sign().unwrap());
    assert_eq!(serve(&test, &third).status, 200);
}

/// Reads the id that a store's tokens are bound to.
fn uuid(test: &TestStore) -> [u8; 16] {
    std::fs::read(test.path().join("STORE")).unwrap()[16..32].try_into().unwrap()
}

/// Signs anything, as a host that has the key can.
fn forge(test: &TestStore, key: u16, claims: &Claims) -> String {
    let key = Key::new(key, SECRET.to_vec(), 1).unwrap();
    let token = KeyRing::new(uuid(test), [key]).unwrap().sign_named(claims, "x").unwrap();
    format!("/d/{token}/x")
}

#[test]
fn t5_and_t6_and_t7_only_a_download_of_this_store_is_served() {
    let (ours, theirs) = (test_store(Mode::Shared), test_store(Mode::Shared));
    let (v, w) = (put(&ours.drive(), "a", b"x"), put(&theirs.drive(), "a", b"x"));
    assert_eq!(v.id, w.id, "two stores made alike give equal ids");
    let key = ours.store.add_key(SECRET).unwrap();
    assert_eq!(theirs.store.add_key(SECRET).unwrap(), key);
    // Where its counters of revocations begin is random, and in every token.
    let signed = ours.store.url(&v).sign().unwrap();
    let ring = KeyRing::new(uuid(&ours), [Key::new(key, SECRET.to_vec(), 1).unwrap()]).unwrap();
    let epoch = ring.verify_named(token(&signed), "a", Purpose::Version, 0, None).unwrap().epoch;
    let claims = |purpose, expires| Claims::new(purpose, v.id.0, epoch, expires);
    let status = |claims| serve(&ours, &forge(&ours, key, &claims)).status;
    assert_eq!(status(claims(Purpose::Version, FAR)), 200, "the control: the forger has the key");
    assert_eq!(status(claims(Purpose::Upload, FAR)), 403, "T6");
    assert_eq!(status(claims(Purpose::Version, 0)), 403, "T5");
    assert_eq!(status(claims(Purpose::Version, u64::MAX)), 200, "T5");
    let url = ours.store.url(&v).sign().unwrap();
    assert_eq!((serve(&ours, &url).status, serve(&theirs, &url).status), (200, 403), "T7");
    for purpose in [Purpose::File, Purpose::Archive, Purpose::Share] {
        assert!([403, 404, 410].contains(&status(claims(purpose, FAR))), "{purpose:?} of no such id");
    }
}

#[test]
fn t8_a_url_outlives_rotation_and_ends_with_its_key() {
    for mode in MODES {
        let test = test_store(mode);
        let v = put(&test.drive(), "a", b"x");
        let first = test.store.keys().unwrap()[0].0;
        let old = test.store.url(&v).sign().unwrap();
        let old_form = test.store.url(&v).sign_cloudreve().unwrap();
        let second = test.store.rotate_key().unwrap();
        let new = test.store.url(&v).sign().unwrap();
        assert_ne!(old, new);
        let keys: Vec<(u16, bool)> = test.store.keys().unwrap().iter().map(|key| (key.0, key.2)).collect();
        assert_eq!(keys, [(first, false), (second, true)]);
        for url in [&old, &old_form, &new] {
            assert_eq!(serve(&test, url).status, 200);
        }
        assert_eq!(kind(test.store.remove_key(second)), ErrorKind::InvalidArgument);
        test.store.remove_key(first).unwrap();
        assert_eq!(kind(test.store.remove_key(first)), ErrorKind::NotFound);
        assert_eq!((serve(&test, &old).status, serve(&test, &old_form).status), (403, 403));
        assert_eq!(serve(&test, &new).status, 200);
    }
}

#[test]
fn t9_weak_keys_are_refused() {
    let test = test_store(Mode::Shared);
    for bad in [&b""[..], b"x", &[7; 31], &[0; 32]] {
        assert_eq!(kind(test.store.add_key(bad)), ErrorKind::InvalidArgument);
    }
    test.store.add_key(&[7; 32]).unwrap();
    assert_eq!(kind(test.store.add_key(&[7; 32])), ErrorKind::Exists);
}

#[test]
fn keys_of_the_host_s_own_are_taken_in_once_and_the_first_signs() {
    for mode in MODES {
        let test = test_store(mode);
        let v = put(&test.drive(), "a", b"x");
        let own = test.store.url(&v).sign().unwrap();
        let (one, other) = ([1_u8; 32], [2_u8; 32]);
        let signs = || {
            let keys = test.store.keys().unwrap();
            assert_eq!(keys.iter().filter(|key| key.2).count(), 1);
            (keys.len(), keys.iter().find(|key| key.2).unwrap().0)
        };
        test.store.use_keys(&[one]).unwrap();
        let by_one = (signs(), test.store.url(&v).sign().unwrap());
        test.store.use_keys(&[other, one]).unwrap();
        let by_other = (signs(), test.store.url(&v).sign().unwrap());
        assert_eq!((by_one.0.0, by_other.0.0), (2, 3));
        assert_ne!(by_one.0.1, by_other.0.1);
        test.store.use_keys(&[one, other]).unwrap();
        assert_eq!(signs(), (3, by_one.0.1), "back to the one before, and none is there twice");
        for url in [&own, &by_one.1, &by_other.1] {
            assert_eq!(serve(&test, url).status, 200);
        }
        assert_eq!(kind(test.store.use_keys(&[[0_u8; 32]; 0])), ErrorKind::InvalidArgument);
        assert_eq!(kind(test.store.use_keys(&[&[7; 31][..], &one[..]])), ErrorKind::InvalidArgument);
        assert_eq!(signs(), (3, by_one.0.1), "a bad key changes nothing");
    }
}

#[test]
fn t10_nothing_beside_the_token_and_its_name_changes_the_reply() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a.txt", b"x");
    let url = test.store.url(&v).name("b.txt").sign().unwrap();
    let plain = serve(&test, &url);
    let (head, _) = url.rsplit_once('/').unwrap();
    let others = [
        format!("{url}?name=evil.html&type=text/html&response-content-type=text/html"),
        format!("{url}?sign=x&sign=y&expires=1&download=false"),
        format!("{url}#fragment"),
        format!("{head}/%62.txt"),
        format!("https://elsewhere.example{url}"),
    ];
    for target in others {
        let reply = serve(&test, &target);
        assert_eq!((reply.status, &reply.headers), (200, &plain.headers), "{target}");
    }
    for name in
        ["/evil.html", "/", "", "/b.txt.aux.xml", "/b.txt/", "/b.txt/x", "/B.txt", "/b.tx", "/%2562.txt"]
    {
        assert_eq!(serve(&test, &format!("{head}{name}")).status, 404, "{name}");
    }
}

#[test]
fn t12_a_huge_target_and_t13_odd_paths_are_refused() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a", b"x");
    let url = test.store.url(&v).sign().unwrap();
    let huge = format!("/d/{}/a", "A".repeat(10 << 20));
    let begun = std::time::Instant::now();
    assert_eq!(serve(&test, &huge).status, 404);
    assert_eq!(serve(&test, &format!("/d/{}/a", "A".repeat(7000))).status, 403);
    assert!(begun.elapsed() < Duration::from_millis(200));
    let good = token(&url);
    for target in [
        "",
        "/",
        "d/x/y",
        "/d",
        "/d//a",
        "//d/x/a",
        "/x/d/y/z",
        "/d/%00/a",
        "/d/\0/a",
        "/d/\u{e9}/a",
        "/D/x/a",
        "/f/%2e%2e/a",
        "/file/content/%00/0/a?sign=x:0",
        "/f/l1/%00",
    ] {
        assert!([403, 404].contains(&serve(&test, target).status), "{target:?}");
    }
    for target in [format!("/%64/{good}/a"), format!("/d/./{good}/a"), format!("/d/../d/{good}/a")] {
        assert_eq!(serve(&test, &target).status, 404, "{target}");
    }
}

#[test]
fn t14_revoking_ends_the_urls_of_a_version_a_file_a_drive_and_an_archive() {
    for mode in MODES {
        let test = test_store(mode);
        let (alice, bob) = (test.drive(), test.store.drive("bob").unwrap());
        let (v, w) = (put(&alice, "a", b"1"), put(&alice, "a", b"2"));
        put(&bob, "a", b"3");
        let sign = || {
            let archive = alice.archive(["a"]).unwrap().create().unwrap().id;
            let urls = [
                test.store.url(&v).sign().unwrap(),
                test.store.url(&w).sign().unwrap(),
                alice.url("a").unwrap().sign().unwrap(),
                test.store.url_of_archive(archive).sign().unwrap(),
                bob.url("a").unwrap().sign().unwrap(),
            ];
            (archive, urls)
        };
        let all = |urls: &[String; 5]| [0, 1, 2, 3, 4].map(|at| serve(&test, &urls[at]).status);
        let (_, urls) = sign();
        assert_eq!(all(&urls), [200; 5]);
        test.store.revoke_version(v.id).unwrap();
        assert_eq!(all(&urls), [410, 200, 200, 410, 200], "an archive hangs on its drive's revocations");
        test.store.revoke_file(v.id.file()).unwrap();
        assert_eq!(all(&urls), [410, 410, 410, 410, 200]);
        let (archive, urls) = sign();
        assert_eq!(all(&urls), [200; 5], "what is signed after is good");
        test.store.revoke_archive(archive).unwrap();
        assert_eq!(all(&urls), [200, 200, 200, 410, 200]);
        alice.revoke().unwrap();
        assert_eq!(all(&urls), [410, 410, 410, 410, 200]);
        assert_eq!(all(&sign().1), [200; 5]);
    }
}

#[test]
fn a_limit_of_requests_counts_gets_with_content_only() {
    for mode in MODES {
        let test = test_store(mode);
        let v = put(&test.drive(), "a", b"hello");
        let url = test.store.url(&v).max_requests(3).sign().unwrap();
        let other = test.store.url(&v).max_requests(1).sign().unwrap();
        let head = test.store.serve(&Request::head(&url)).unwrap();
        let etag = head.header("ETag").unwrap();
        for _ in 0..5 {
            assert_eq!(test.store.serve(&Request::head(&url)).unwrap().status, 200);
            let fresh = Request::get(&url).header("If-None-Match", etag);
            assert_eq!(test.store.serve(&fresh).unwrap().status, 304);
            assert_eq!(test.store.serve(&Request::get(&url).range("bytes=9-")).unwrap().status, 416);
        }
        assert_eq!(serve(&test, &url).status, 200);
        assert_eq!(test.store.serve(&Request::get(&url).range("bytes=0-1")).unwrap().status, 206);
        assert_eq!(serve(&test, &url).status, 200);
        assert_eq!(serve(&test, &url).status, 410);
        assert_eq!(test.store.serve(&Request::get(&url).range("bytes=0-1")).unwrap().status, 410);
        assert_eq!((serve(&test, &other).status, serve(&test, &other).status), (200, 410), "each for itself");
    }
}

#[test]
fn a_limit_of_requests_holds_against_a_race() {
    let test = test_store(Mode::Exclusive);
    let v = put(&test.drive(), "a", b"hello");
    let url = test.store.url(&v).max_requests(10).sign().unwrap();
    let good = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    if serve(&test, &url).status == 200 {
                        good.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(good.into_inner(), 10);
}

#[test]
fn a_bound_url_serves_its_network_only() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a", b"x");
    let url = test.store.url(&v).network("192.0.2.0/24".parse().unwrap()).sign().unwrap();
    let from = |client: &str| {
        let client: IpAddr = client.parse().unwrap();
        test.store.serve(&Request::get(&url).client(client)).unwrap().status
    };
    assert_eq!((from("192.0.2.1"), from("::ffff:192.0.2.255")), (200, 200));
    assert_eq!((from("192.0.3.1"), from("2001:db8::1")), (403, 403));
    assert_eq!(serve(&test, &url).status, 403, "an unknown client is none of them");
}

#[test]
fn the_base_url_stands_in_front_and_is_taken_off() {
    for (base, foreign) in
        [("/files/", "/d/"), ("https://cdn.example/x/y/", "/files/d/"), ("https://cdn.example/", "/x/d/")]
    {
        let test = TestStore::new(Options::new().base_url(base));
        let drive = test.drive();
        let v = put(&drive, "n\u{e4}me with space.txt", b"x");
        let link = drive.link("n\u{e4}me with space.txt").unwrap();
        let urls = [
            test.store.url(&v).sign().unwrap(),
            test.store.url(&v).sign_cloudreve().unwrap(),
            drive.archive([""]).unwrap().sign().unwrap(),
            test.store.link_url(&link).unwrap(),
        ];
        for url in urls {
            assert!(url.starts_with(base) && url.is_ascii() && !url.contains(' '), "{url}");
            assert_eq!(serve(&test, &url).status, 200);
            if let Some(host) = base.strip_prefix("https://cdn.example") {
                let path = url.strip_prefix("https://cdn.example").unwrap();
                assert!(path.starts_with(host));
                assert_eq!(serve(&test, path).status, 200, "from its path on");
            }
        }
        let url = test.store.url(&v).sign().unwrap();
        assert_eq!(serve(&test, &url.replacen(&format!("{base}d/"), foreign, 1)).status, 404);
        assert!(url.ends_with("/n%C3%A4me%20with%20space.txt"));
    }
}

#[test]
fn a_urls_own_name_type_and_pace_are_in_the_reply() {
    let test = test_store(Mode::Shared);
    let v = put(&test.drive(), "a.bin", b"x");
    let url = test.store.url(&v).name("b.pdf").media_type("application/pdf").inline().pace(1000);
    let reply = serve(&test, &url.clone().sign().unwrap());
    assert_eq!(reply.header("Content-Disposition"), Some("inline; filename=\"b.pdf\""));
    assert_eq!((reply.header("Content-Type"), reply.pace), (Some("application/pdf"), Some(1000)));
    assert!(reply.header("Cache-Control").unwrap().contains("private"));
    let reply = serve(&test, &url.public_cache().expires_in(Duration::from_secs(100)).sign().unwrap());
    let cache = reply.header("Cache-Control").unwrap();
    assert!(cache.starts_with("public, max-age=") && cache.len() <= "public, max-age=100".len(), "{cache}");
}
