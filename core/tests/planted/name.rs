//! The name behind the token of a URL.

use holdall::mutant::Mutant;
use holdall::{ErrorKind, Put, Request};

use crate::{ask, finds, get, with_store};

#[test]
fn a_name_that_was_not_signed_is_nothing() {
    finds(Mutant::AnyName, || {
        with_store(|store| {
            let drive = store.drive("alice").unwrap();
            let version = drive.put("maps/a b.tif", &b"content"[..], Put::new()).unwrap();
            let urls = [
                store.url(&version).sign().unwrap(),
                store.url(&version).name("other.tif").sign().unwrap(),
                drive.url("maps/a b.tif").unwrap().sign().unwrap(),
                drive.archive(["maps"]).unwrap().sign().unwrap(),
            ];
            for url in urls {
                let (base, name) = url.rsplit_once('/').unwrap();
                assert_eq!(get(store, &url, &[]).status, 200, "{url}");
                for probe in [
                    format!("{url}.aux.xml"),
                    format!("{url}.ovr"),
                    format!("{url}/"),
                    format!("{base}/"),
                    base.to_owned(),
                    format!("{base}/index.html"),
                    format!("{base}/{}", &name[..name.len() - 1]),
                ] {
                    assert_eq!(ask(store, "HEAD", &probe, &[]).status, 404, "{probe}");
                    assert_eq!(get(store, &probe, &[]).status, 404, "{probe}");
                    let refused = store.verify(&Request::get(&probe)).unwrap_err();
                    assert_eq!(refused.kind(), ErrorKind::NotFound, "{probe}");
                }
            }
        });
    });
}

#[test]
fn a_renamed_file_keeps_its_urls() {
    with_store(|store| {
        let drive = store.drive("alice").unwrap();
        drive.put("a.txt", &b"content"[..], Put::new()).unwrap();
        let url = drive.url("a.txt").unwrap().sign().unwrap();
        drive.rename("a.txt", "b.txt", false).unwrap();
        assert_eq!(get(store, &url, &[]).status, 200);
    });
}
