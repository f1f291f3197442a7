//! Pages of other origins: what the store and a URL let them show and read.

use holdall::{CrossOrigin, ErrorKind, Options, Reply, Request};

use crate::{TestStore, kind, put};

const PAGE: &str = "https://test.example";

fn ask(test: &TestStore, method: &str, url: &str, origin: &str) -> Reply {
    let request = Request::new(method, url).header("Origin", origin);
    let request = request.header("Access-Control-Request-Method", "GET");
    test.store.serve(&request).unwrap()
}

/// What a reply says of other origins: who may show it, who may read it.
fn says(reply: &Reply) -> (Option<&str>, Option<&str>) {
    (reply.header("Cross-Origin-Resource-Policy"), reply.header("Access-Control-Allow-Origin"))
}

#[test]
fn the_store_decides_and_a_url_decides_otherwise() {
    let list = CrossOrigin::origins([PAGE, "http://localhost:3000"]).unwrap();
    for (policy, shows, reads) in [
        (CrossOrigin::SAME_ORIGIN, "same-origin", None),
        (CrossOrigin::SAME_SITE, "same-site", None),
        (CrossOrigin::CROSS_ORIGIN, "cross-origin", None),
        (list, "same-site", Some(PAGE)),
        (CrossOrigin::ALL, "cross-origin", Some("*")),
    ] {
        let test = TestStore::new(Options::new().cross_origin(policy.clone()));
        let plain = TestStore::new(Options::new());
        let v = put(&test.drive(), "a.png", b"x");
        let other = put(&plain.drive(), "a.png", b"x");
        let link = test.drive().link("a.png").unwrap();
        for (test, url) in [
            (&test, test.store.url(&v).sign().unwrap()),
            (&test, test.store.link_url(&link).unwrap()),
            (&plain, plain.store.url(&other).cross_origin(policy.clone()).sign().unwrap()),
        ] {
            for method in ["GET", "HEAD"] {
                let reply = ask(test, method, &url, PAGE);
                assert_eq!((reply.status, says(&reply)), (200, (Some(shows), reads)), "{policy} {method}");
            }
            let preflight = ask(test, "OPTIONS", &url, PAGE);
            match reads {
                None => assert_eq!(preflight.status, 405),
                Some(_) => {
                    assert_eq!((preflight.status, preflight.body.len()), (204, 0));
                    assert_eq!(says(&preflight).1, reads);
                    assert!(preflight.header("Access-Control-Allow-Headers").unwrap().contains("Range"));
                }
            }
        }
        let url = test.store.url(&v).cross_origin(CrossOrigin::SAME_ORIGIN).sign().unwrap();
        assert_eq!(says(&ask(&test, "GET", &url, PAGE)), (Some("same-origin"), None), "{policy}");
        assert_eq!(ask(&test, "OPTIONS", &url, PAGE).status, 405);
    }
}

#[test]
fn another_origin_reads_nothing_and_a_cache_keeps_them_apart() {
    let test = TestStore::new(Options::new().cross_origin(PAGE.parse().unwrap()));
    let url = test.store.url(put(&test.drive(), "a.png", b"x")).sign().unwrap();
    for other in ["https://other.example", "null", "https://test.example.evil", "HTTPS://TEST.EXAMPLE"] {
        let reply = ask(&test, "GET", &url, other);
        assert_eq!((says(&reply).1, reply.header("Vary")), (None, Some("Origin")));
        assert_eq!(ask(&test, "OPTIONS", &url, other).status, 405);
    }
    assert_eq!(test.store.serve(&Request::get(&url)).unwrap().header("Vary"), Some("Origin"));
    // A refusal can be read too, so that a page can tell why; a preflight tells nothing of a bad URL.
    let forged = url.replace("/d/A", "/d/B");
    assert_eq!(
        (ask(&test, "GET", &forged, PAGE).status, says(&ask(&test, "GET", &forged, PAGE)).1),
        (403, Some(PAGE))
    );
    assert_eq!(ask(&test, "OPTIONS", &forged, PAGE).status, 403);
    let no_preflight = Request::new("OPTIONS", &url).header("Origin", PAGE);
    assert_eq!(test.store.serve(&no_preflight).unwrap().status, 405);
}

#[test]
fn the_cloudreve_form_has_no_place_for_it() {
    let test = TestStore::new(Options::new());
    let v = put(&test.drive(), "a", b"x");
    let url = test.store.url(&v).cross_origin(CrossOrigin::ALL).sign_cloudreve();
    assert_eq!(kind(url), ErrorKind::InvalidArgument);
}
