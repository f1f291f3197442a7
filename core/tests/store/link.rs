//! Direct links.

use holdall::{ErrorKind, Mode, Request, Time};

use crate::{MODES, kind, noise, put, sound, test_store};

#[test]
fn a_link_follows_the_file_under_its_frozen_name() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        put(&drive, "pics/a b.png", b"1");
        let link = drive.link("pics/a b.png").unwrap();
        assert_eq!(drive.link("pics/a b.png").unwrap(), link, "one link for one name");
        let url = test.store.link_url(&link).unwrap();
        assert_eq!(url, format!("/f/{}/a%20b.png", link.id));
        put(&drive, "pics/a b.png", b"2");
        drive.rename("pics/a b.png", "other.png", false).unwrap();
        assert_eq!(test.get(&url), b"2");
        let shown = test.store.serve(&Request::get(&url)).unwrap();
        sound(&shown, "GET");
        assert_eq!(shown.header("Content-Disposition"), Some("inline; filename=\"a b.png\""));
        let saved = test.store.serve(&Request::get(&url.replace("/f/", "/f/d/"))).unwrap();
        assert_eq!(saved.header("Content-Disposition"), Some("attachment; filename=\"a b.png\""));
        assert_eq!(test.status(&url.replace("a%20b", "other")), 404);
        assert_eq!(test.status("/f/l999/a%20b.png"), 404);
        let renamed = drive.link("other.png").unwrap();
        assert_ne!(renamed.id, link.id);
        assert_eq!(drive.links("other.png").unwrap().len(), 2);
        test.store.unlink(link.id).unwrap();
        assert_eq!(test.status(&url), 404);
        assert_eq!(kind(test.store.unlink(link.id)), ErrorKind::NotFound);
        assert_eq!(kind(test.store.find_link(link.id)), ErrorKind::NotFound);
        drive.mkdir("folder").unwrap();
        assert_eq!(kind(drive.link("folder")), ErrorKind::InvalidArgument);
        assert_eq!(kind(drive.link("no")), ErrorKind::NotFound);
    }
}

#[test]
fn a_download_in_ranges_counts_once() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        put(&drive, "a.bin", &noise(100_000, 1));
        let link = drive.link("a.bin").unwrap();
        let url = test.store.link_url(&link).unwrap();
        let count = || test.store.find_link(link.id).unwrap().downloads;
        assert_eq!(count(), 0);
        for range in
            ["bytes=0-999", "bytes=1000-1999", "bytes=2000-", "bytes=-1", "bytes=500-600,90000-90100"]
        {
            assert_eq!(test.store.serve(&Request::get(&url).range(range)).unwrap().status, 206);
        }
        assert_eq!(count(), 1, "only the one with the first byte counts");
        let etag = test.store.serve(&Request::head(&url)).unwrap().header("ETag").unwrap().to_owned();
        let fresh = Request::get(&url).header("If-None-Match", &etag);
        assert_eq!(test.store.serve(&fresh).unwrap().status, 304);
        assert_eq!(test.store.serve(&Request::get(&url).range("bytes=100000-")).unwrap().status, 416);
        assert_eq!(count(), 1, "HEAD, 304 and 416 are no downloads");
        test.get(&url);
        assert_eq!(test.store.serve(&Request::get(&url).range("bytes=0-0,90000-")).unwrap().status, 206);
        assert_eq!(count(), 3);
        assert_eq!(drive.links("a.bin").unwrap()[0].downloads, 3);
        test.get(&url);
        assert_eq!(drive.links("a.bin").unwrap()[0].downloads, 4, "a listing knows the latest count");
        test.get(&url);
        test.store.close().unwrap();
        let again = crate::opened::open(test.path(), holdall::Options::new().mode(mode)).unwrap();
        assert_eq!(again.find_link(link.id).unwrap().downloads, 5, "closing writes down what was counted");
    }
}

#[test]
fn t14_a_link_rests_in_the_trash_and_ends_with_the_file() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    put(&drive, "d/a", b"x");
    let url = test.store.link_url(&drive.link("d/a").unwrap()).unwrap();
    for path in ["d/a", "d"] {
        let file = drive.trash(path).unwrap();
        assert_eq!(test.status(&url), 410);
        drive.restore(file, None).unwrap();
        assert_eq!(test.status(&url), 200);
    }
    drive.delete("d").unwrap();
    assert!([404, 410].contains(&test.status(&url)));
}

#[test]
fn h5_a_link_never_shows_what_can_hold_a_script() {
    let test = test_store(Mode::Shared);
    for (name, shown) in
        [("a.html", false), ("a.svg", false), ("a.xml", false), ("a.txt", true), ("a.jpg", true)]
    {
        put(&test.drive(), name, b"<script>alert(1)</script>");
        let url = test.store.link_url(&test.drive().link(name).unwrap()).unwrap();
        let reply = test.store.serve(&Request::get(&url).at(Time::now())).unwrap();
        let disposition = reply.header("Content-Disposition").unwrap();
        assert_eq!(disposition.starts_with("inline"), shown, "{name}: {disposition}");
    }
}

#[test]
fn a_paced_link_tells_the_host() {
    let test = test_store(Mode::Shared);
    put(&test.drive(), "a", b"x");
    let (slow, free) = (test.drive().link_paced("a", 5000).unwrap(), test.drive().link("a").unwrap());
    assert_ne!(slow.id, free.id);
    for (link, pace) in [(slow, Some(5000)), (free, None)] {
        let url = test.store.link_url(&link).unwrap();
        assert_eq!(test.store.serve(&Request::get(&url)).unwrap().pace, pace);
    }
}
