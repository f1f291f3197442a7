//! Every call by everyone: the owner, another user, one whom nobody knows, an administrator; by the
//! own drive and by shares, with and without password, ticket and downloads left.

use holdall::{Put, Share};
use serde_json::{Value, json};

use super::*;

/// What the owner, another user, an anonymous visitor and an administrator get.
type Row = [i64; 4];

const CALLERS: [fn() -> Caller; 4] = [alice, bob, guest, root];

/// Makes a call with headers.
type Ask<'a> = dyn Fn(&Caller, &[(&str, &str)]) -> Value + 'a;

struct Scene {
    test: TestStore,
    old: String,
    foreign: String,
    id: String,
    open: String,
    closed: String,
    paid: String,
    used: String,
    ticket: String,
    other_ticket: String,
}

fn scene() -> Scene {
    let test = TestStore::new();
    let old = test.put("a.txt", b"alice's older");
    test.put("a.txt", b"alice's");
    test.put("trashed.txt", b"alice's");
    test.alice().trash("trashed.txt").unwrap();
    let foreign = test.bob().put("b.txt", &b"bob's"[..], Put::new()).unwrap();
    let share = |terms: &Share| test.share("a.txt", terms);
    let open = share(&Share::new());
    let closed = share(&Share::new().password("pw"));
    let paid = share(&Share::new().purchase());
    let other = share(&Share::new().purchase());
    let used = share(&Share::new().max_downloads(1));
    let used_uri = test.share_uri(&used, "a.txt");
    assert_eq!(test.code(&nobody(), &used_uri), 0);
    let id = test.ids().encode(test.alice().id().0, HashKind::User);
    Scene {
        old: test.entity(&old),
        foreign: test.entity(&foreign),
        id,
        open: test.share_uri(&open, "a.txt"),
        closed: test.share_uri(&closed, "a.txt"),
        paid: test.share_uri(&paid, "a.txt"),
        used: used_uri,
        ticket: test.api.ticket(paid.id, hour()).unwrap(),
        other_ticket: test.api.ticket(other.id, hour()).unwrap(),
        test,
    }
}

impl Scene {
    fn with(&self, password: &str) -> String {
        self.closed.replace('@', &format!(":{password}@"))
    }

    /// Holds a call to what each caller is to get.
    fn hold(&self, what: &str, ticket: &str, row: Row, call: &Ask<'_>) {
        let headers: &[(&str, &str)] =
            if ticket.is_empty() { &[] } else { &[("X-Cr-Purchase-Ticket", ticket)] };
        for (caller, code) in CALLERS.into_iter().zip(row) {
            let caller = caller();
            let answer = call(&caller, headers);
            assert_eq!(own_code(&answer), code, "{what} by {:?}: {answer}", caller.drive());
            if code != 0 {
                assert!(answer.get("data").is_none(), "{what}: {answer}");
            }
        }
    }

    fn post(&self, path: &str, body: Value) -> impl Fn(&Caller, &[(&str, &str)]) -> Value {
        let (method, path) = path.split_once(' ').unwrap();
        move |caller, headers| self.test.call_with(caller, method, path, &body, headers)
    }
}

#[test]
fn urls_and_archives_are_given_to_those_who_may_have_them() {
    let scene = scene();
    let own = "cloudreve://my/a.txt".to_owned();
    let named = format!("cloudreve://{}@my/a.txt", scene.id);
    let rows: Vec<(&str, &str, Row)> = vec![
        (&own, "", [0, 40016, 401, 40016]),
        (&named, "", [0, 403, 401, 403]),
        (&scene.open, "", [0, 0, 0, 0]),
        (&scene.closed, "", [0, 40069, 40069, 40069]),
        (&scene.paid, "", [0, 40083, 40083, 40083]),
        (&scene.paid, &scene.ticket, [0, 0, 0, 0]),
        (&scene.paid, &scene.other_ticket, [0, 40083, 40083, 40083]),
        (&scene.closed, &scene.ticket, [0, 40069, 40069, 40069]),
        (&scene.used, "", [404, 404, 404, 404]),
        (&scene.used, &scene.ticket, [404, 404, 404, 404]),
        ("cloudreve://trash/trashed.txt", "", [403, 403, 401, 403]),
        ("cloudreve://shared_with_me/a.txt", "", [40016, 40016, 401, 40016]),
    ];
    let (right, wrong) = (scene.with("pw"), scene.with("wrong"));
    let more: Vec<(&str, &str, Row)> =
        vec![(&right, "", [0, 0, 0, 0]), (&wrong, "", [0, 40069, 40069, 40069])];
    for (uri, ticket, row) in rows.into_iter().chain(more) {
        for archive in [false, true] {
            let body = json!({"uris": [uri], "archive": archive, "download": true});
            scene.hold(&format!("{uri}, archive {archive}"), ticket, row, &scene.post("POST file/url", body));
        }
        let body = json!({"uris": [uri], "redirect": true}).to_string();
        for (caller, code) in CALLERS.into_iter().zip(row) {
            let headers: &[(&str, &str)] =
                if ticket.is_empty() { &[] } else { &[("X-Cr-Purchase-Ticket", ticket)] };
            let reply = scene.test.raw(&caller(), "POST", "file/url", body.as_bytes(), headers);
            assert_eq!(reply.status == 302, code == 0, "{uri}");
        }
    }
    for (uri, row) in [(&own, [40077, 40016, 401, 40016]), (&scene.open, [40077; 4])] {
        let body = json!({"uris": [uri], "entity": scene.foreign});
        scene.hold("another drive's version", "", row, &scene.post("POST file/url", body));
    }
    let body = json!({"uris": [scene.open], "entity": scene.old});
    scene.hold("an older version", "", [0, 0, 0, 0], &scene.post("POST file/url", body));
}

#[test]
fn links_are_made_and_ended_by_those_who_may() {
    let scene = scene();
    let named = format!("cloudreve://{}@my/a.txt", scene.id);
    for (uri, ticket, row) in [
        ("cloudreve://my/a.txt", "", [0, 40016, 40007, 40016]),
        (&named, "", [0, 403, 40007, 403]),
        (&scene.open, "", [0, 40082, 40007, 0]),
        (&scene.closed, "", [0, 40069, 40007, 40069]),
        (&scene.with("pw"), "", [0, 40082, 40007, 0]),
        (&scene.paid, "", [0, 40083, 40007, 40083]),
        (&scene.paid, &scene.ticket, [0, 40082, 40007, 0]),
        (&scene.used, "", [404, 404, 40007, 404]),
        ("cloudreve://trash/trashed.txt", "", [403, 403, 40007, 403]),
    ] {
        scene.hold(uri, ticket, row, &scene.post("PUT file/source", json!({ "uris": [uri] })));
    }
    let links = scene.test.alice().links("a.txt").unwrap();
    assert_eq!(links.len(), 1);
    let path = format!("DELETE file/source/{}", scene.test.link_id(&links[0]));
    for caller in [1, 2, 3, 0] {
        let answer = scene.post(&path, Value::Null)(&CALLERS[caller](), &[]);
        assert_eq!(answer["code"], if caller == 0 { 0 } else { 404 });
    }
}

#[test]
fn versions_are_the_owners_alone() {
    let scene = scene();
    let named = format!("cloudreve://{}@my/a.txt", scene.id);
    for (uri, ticket, row) in [
        ("cloudreve://my/a.txt", "", [40077, 40016, 401, 40016]),
        (&named, "", [40077, 403, 401, 403]),
        (&scene.open, "", [40077, 40082, 40082, 40082]),
        (&scene.closed, "", [40077, 40069, 40069, 40069]),
        (&scene.paid, "", [40077, 40083, 40083, 40083]),
        (&scene.paid, &scene.ticket, [40077, 40082, 40082, 40082]),
        (&scene.used, "", [404, 404, 404, 404]),
        ("cloudreve://trash/trashed.txt", "", [403, 403, 401, 403]),
    ] {
        // A version of another drive, so that even the owner gets none.
        let body = json!({"uri": uri, "version": scene.foreign});
        for path in ["POST file/version/current", "DELETE file/version"] {
            scene.hold(&format!("{path} {uri}"), ticket, row, &scene.post(path, body.clone()));
        }
    }
    let versions = |drive: &Drive, path: &str| drive.versions(path, None, 9).unwrap().len();
    assert_eq!((versions(&scene.test.alice(), "a.txt"), versions(&scene.test.bob(), "b.txt")), (2, 1));
    let body = json!({"uri": scene.open, "version": scene.old});
    for caller in [bob, nobody, root] {
        let answer = scene.post("DELETE file/version", body.clone())(&caller(), &[]);
        assert_eq!(answer["code"], 40082);
    }
    assert_eq!(scene.post("DELETE file/version", body)(&alice(), &[])["code"], 0);
}

#[test]
fn no_byte_of_one_drive_reaches_another() {
    let scene = scene();
    let test = &scene.test;
    let bobs = format!("cloudreve://{}@my/b.txt", test.ids().encode(test.bob().id().0, HashKind::User));
    let climbing = scene.open.replace("a.txt", "../b.txt");
    let uris = [
        "cloudreve://my/a.txt",
        "cloudreve://my/b.txt",
        "cloudreve://my/../b.txt",
        &bobs,
        &climbing,
        &scene.open,
        &scene.closed,
        &scene.paid,
        &scene.used,
        "cloudreve://trash/trashed.txt",
    ];
    let (mut alices, mut bobs_own) = (0, 0);
    for caller in CALLERS {
        let caller = caller();
        for uri in uris {
            for entity in ["", &scene.old, &scene.foreign] {
                let body = json!({"uris": [uri], "entity": entity, "skip_error": true});
                let answer = test.urls(&caller, &body);
                let url = answer["data"]["urls"][0]["url"].as_str().unwrap();
                if url.is_empty() {
                    continue;
                }
                let bytes = read(&test.get(url));
                if bytes.starts_with(b"bob's") {
                    assert_eq!(caller.drive(), Some("bob"), "{uri} {entity}");
                    bobs_own += 1;
                } else {
                    assert!(bytes.starts_with(b"alice's"), "{uri}");
                    assert!(caller.drive() == Some("alice") || uri == scene.open, "{uri} {entity}");
                    alices += 1;
                }
            }
        }
    }
    assert!(alices > 5 && bobs_own > 2, "the control: {alices}, {bobs_own}");
}
