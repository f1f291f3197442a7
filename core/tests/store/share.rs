//! Shares: who is let in, to what, and until when.

use std::time::Duration;

use holdall::{ErrorKind, Mode, Request, Share, Time};

use crate::{MODES, kind, put, read, test_store};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_password_lets_in_who_knows_it() {
    let test = test_store(Mode::Shared);
    put(&test.drive(), "a", b"x");
    let share = test.drive().share("a", &Share::new().password("s3cret")).unwrap();
    assert!(share.has_password);
    for wrong in [None, Some(""), Some("S3cret"), Some("s3cret ")] {
        assert_eq!(kind(test.store.visit(share.id, wrong)), ErrorKind::Denied);
    }
    let visit = test.store.visit(share.id, Some("s3cret")).unwrap();
    assert_eq!(test.get(&visit.url("").unwrap().sign().unwrap()), b"x");
    assert_eq!(kind(test.drive().share("a", &Share::new().password(""))), ErrorKind::InvalidArgument);
    assert_eq!(kind(test.drive().share("a", &Share::new().max_downloads(0))), ErrorKind::InvalidArgument);
    assert_eq!(
        kind(test.drive().share("a", &Share::new().expires_in(Duration::ZERO))),
        ErrorKind::InvalidArgument
    );
    assert_eq!(kind(test.drive().share("no", &Share::new())), ErrorKind::NotFound);
    assert_eq!(kind(test.store.visit(holdall::ShareId(9999), None)), ErrorKind::NotFound);
}

#[test]
fn a_visitor_sees_the_shared_folder_and_nothing_beside_it() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        for path in ["top/in/a", "top/in/deep/b", "top/out"] {
            put(&drive, path, path.as_bytes());
        }
        let share = drive.share("top/in", &Share::new()).unwrap();
        let visit = test.store.visit(share.id, None).unwrap();
        let names: Vec<String> = visit.list("", None, 9).unwrap().into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["a", "deep"]);
        assert_eq!(visit.list("deep", None, 9).unwrap().len(), 1);
        assert_eq!(visit.stat("deep/b").unwrap().name, "b");
        assert_eq!(kind(visit.list("a", None, 9)), ErrorKind::InvalidArgument);
        assert_eq!(kind(visit.stat("../out")), ErrorKind::InvalidArgument);
        assert_eq!(kind(visit.stat("out")), ErrorKind::NotFound);
        assert_eq!(kind(visit.url("deep")), ErrorKind::InvalidArgument);
        let url = visit.url("deep/b").unwrap().sign().unwrap();
        assert_eq!(test.get(&url), b"top/in/deep/b");
        let zip = visit.archive([""]).unwrap().name("all.zip").sign().unwrap();
        assert_eq!(test.status(&zip), 200);
        assert_eq!(test.store.visit(share.id, None).unwrap().info().downloads, 2);
    }
}

#[test]
fn a_download_limit_holds_for_archives_too() {
    let test = test_store(Mode::Shared);
    put(&test.drive(), "d/a", b"x");
    let share = test.drive().share("d", &Share::new().max_downloads(2)).unwrap();
    let visit = test.store.visit(share.id, None).unwrap();
    let first = visit.url("a").unwrap().sign().unwrap();
    let zip = visit.archive(["a"]).unwrap().sign().unwrap();
    assert_eq!(kind(visit.url("a")), ErrorKind::Gone);
    assert_eq!(kind(visit.archive(["a"])), ErrorKind::Gone);
    assert_eq!(kind(test.store.visit(share.id, None)), ErrorKind::Gone);
    assert_eq!((test.status(&first), test.status(&zip)), (200, 200), "what was counted goes on");
}

#[test]
fn a_share_goes_on_counting_where_another_system_was() {
    let test = test_store(Mode::Shared);
    let drive = test.drive();
    put(&drive, "a", b"x");
    let share = drive.share("a", &Share::new().counted(9, 4).max_downloads(5)).unwrap();
    assert_eq!((share.views, share.downloads, share.max_downloads), (9, 4, Some(5)));
    let visit = test.store.visit(share.id, None).unwrap();
    visit.url("").unwrap().sign().unwrap();
    assert_eq!(kind(visit.url("")), ErrorKind::Gone, "one was left");
    let again = drive.shares("a").unwrap().remove(0);
    assert_eq!((again.views, again.downloads), (10, 5));
    assert_eq!(drive.share("a", &Share::new().counted(9, 0)).unwrap().views, 9);
    assert_eq!(kind(drive.share("a", &Share::new().counted(0, 3).max_downloads(2))), ErrorKind::Gone);
    assert_eq!(drive.shares("a").unwrap().len(), 2, "the last is not there");
}

#[test]
fn t15_what_came_of_a_share_ends_with_it() {
    for mode in MODES {
        let test = test_store(mode);
        let drive = test.drive();
        put(&drive, "d/a", b"x");
        let at = |url: &str, now: Time| test.store.serve(&Request::get(url).at(now)).unwrap().status;
        let make = |share: &Share| {
            let share = drive.share("d", share).unwrap();
            let visit = test.store.visit(share.id, None).unwrap();
            let url = visit.url("a").unwrap().expires_in(HOUR).sign().unwrap();
            (share.id, visit.clone(), url, visit.archive(["a"]).unwrap().expires_in(HOUR).sign().unwrap())
        };
        let soon = Time::now().after(Duration::from_secs(60));
        let (_, _, url, zip) = make(&Share::new().expires_in(Duration::from_secs(30)));
        assert_eq!((at(&url, Time::now()), at(&zip, Time::now())), (200, 200));
        assert_eq!((at(&url, soon), at(&zip, soon)), (403, 403), "its time is over");

        let (id, visit, url, zip) = make(&Share::new());
        test.store.revoke_share(id).unwrap();
        assert_eq!((test.status(&url), test.status(&zip)), (410, 410), "revoked");
        assert_eq!(test.status(&visit.url("a").unwrap().sign().unwrap()), 200, "the share goes on");

        let (id, visit, url, zip) = make(&Share::new());
        test.store.unshare(id).unwrap();
        assert_eq!((test.status(&url), test.status(&zip)), (410, 410), "deleted");
        assert_eq!(kind(visit.list("", None, 9)), ErrorKind::NotFound);
        assert_eq!(kind(visit.stat("a")), ErrorKind::NotFound);

        let (id, visit, url, zip) = make(&Share::new());
        let file = drive.trash("d").unwrap();
        assert_eq!((test.status(&url), test.status(&zip)), (410, 410), "in the trash");
        assert_eq!(kind(test.store.visit(id, None)), ErrorKind::Gone);
        assert_eq!(kind(visit.list("", None, 9)), ErrorKind::Gone);
        assert_eq!(kind(visit.url("a")), ErrorKind::Gone);
        drive.restore(file, None).unwrap();
        assert_eq!((test.status(&url), test.status(&zip)), (200, 200));

        drive.rename("d/a", "elsewhere", false).unwrap();
        assert_eq!(test.status(&url), 410, "moved out of the share");
        assert_eq!(kind(visit.url("a")), ErrorKind::NotFound);
        drive.rename("elsewhere", "d/deep/a", false).unwrap();
        assert_eq!(test.status(&url), 200, "and back");
        test.store.revoke_file(drive.stat("d/deep/a").unwrap().id).unwrap();
        assert_eq!(test.status(&url), 410, "every url of a revoked file");
    }
}

#[test]
fn entering_and_downloading_are_counted() {
    let test = test_store(Mode::Shared);
    put(&test.drive(), "a", b"x");
    let share = test.drive().share("a", &Share::new().purchase()).unwrap();
    assert!(share.purchase && !share.has_password && share.expires.is_none());
    for _ in 0..3 {
        test.store.visit(share.id, None).unwrap();
    }
    test.store.visit(share.id, None).unwrap().url("").unwrap().sign().unwrap();
    let listed = test.drive().shares("a").unwrap();
    assert_eq!((listed.len(), listed[0].views, listed[0].downloads), (1, 4, 1));
    let body = test.drive().open_file("a").unwrap();
    assert_eq!(read(&body), b"x");
}

#[test]
fn wrong_passwords_have_a_budget_of_the_client_and_of_the_share() {
    use std::net::IpAddr;
    let test = crate::TestStore::new(holdall::Options::new().wrong_passwords(2, 5));
    put(&test.drive(), "a", b"x");
    let share = test.drive().share("a", &Share::new().password("right")).unwrap();
    let other = test.drive().share("a", &Share::new().password("right")).unwrap();
    let try_from = |id, password: &str, client: &str| {
        let client: IpAddr = client.parse().unwrap();
        test.store.visit_from(id, Some(password), Some(client)).map(drop)
    };
    let wait = |outcome: holdall::Result<()>| {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        error.retry_after().map(|wait| wait.as_secs())
    };
    for _ in 0..20 {
        try_from(share.id, "right", "192.0.2.1").unwrap();
    }
    assert_eq!(wait(try_from(share.id, "wrong", "192.0.2.1")), None);
    assert_eq!(wait(try_from(share.id, "wrong", "::ffff:192.0.2.1")), None);
    for password in ["wrong", "right"] {
        let seconds = wait(try_from(share.id, password, "192.0.2.1")).unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
    }
    try_from(other.id, "right", "192.0.2.1").unwrap();
    try_from(share.id, "right", "192.0.2.2").unwrap();
    // One network of IPv6 is one client; all clients together have a budget too.
    assert_eq!(wait(try_from(share.id, "wrong", "2001:db8::1")), None);
    assert_eq!(wait(try_from(share.id, "wrong", "2001:db8::2")), None);
    assert!(wait(try_from(share.id, "wrong", "2001:db8::3")).is_some());
    assert_eq!(wait(try_from(share.id, "wrong", "2001:db8:0:1::1")), None);
    // One more is free for every 6 seconds that all this took.
    let spend = || test.store.visit_from(share.id, Some("wrong"), None).unwrap_err().retry_after().is_some();
    assert!((0..100).any(|_| spend()));
    let error = test.store.visit_from(share.id, Some("right"), None).unwrap_err();
    let wait = error.retry_after().unwrap();
    assert!(wait <= Duration::from_secs(6), "{wait:?}");
    let reply = holdall::Reply::from_error(&error);
    assert_eq!(reply.status, 429);
    assert!((1..=6).contains(&reply.header("Retry-After").unwrap().parse::<u64>().unwrap()));
    test.store.visit(share.id, None).unwrap_err();
}

#[test]
fn what_is_refused_counts_no_download() {
    let test = test_store(Mode::Shared);
    put(&test.drive(), "a", b"x");
    let share = test.drive().share("a", &Share::new().max_downloads(1)).unwrap();
    let visit = test.store.visit(share.id, None).unwrap();
    let url = || visit.url("").unwrap();
    let archive = || visit.archive([""]).unwrap();
    for refused in [
        url().name("a/b").sign(),
        url().media_type("no type").sign(),
        url().expires_in(Duration::ZERO).sign(),
        url().public_cache().sign(),
        url().sign_cloudreve(),
        archive().name("a/b").sign(),
        archive().expires_in(Duration::ZERO).sign(),
        archive().with_url(|url| url.media_type("no type")).sign(),
        archive().with_url(holdall::Url::public_cache).sign(),
        archive().with_url(holdall::Url::never_expires).sign(),
    ] {
        assert_eq!(kind(refused), ErrorKind::InvalidArgument);
    }
    assert_eq!(test.drive().shares("a").unwrap()[0].downloads, 0);
    assert_eq!(test.get(&url().sign().unwrap()), b"x");
    assert_eq!(test.drive().shares("a").unwrap()[0].downloads, 1);
    assert_eq!(kind(visit.url("")), ErrorKind::Gone);
}

/// A try is taken from the budget while a password is checked.
#[test]
fn visitors_who_come_at_once_with_the_right_password_use_up_no_budget() {
    let test = crate::TestStore::new(holdall::Options::new().wrong_passwords(2, 3));
    put(&test.drive(), "a", b"x");
    let share = test.drive().share("a", &Share::new().password("right")).unwrap();
    let at_once = |password: &str| {
        let barrier = std::sync::Barrier::new(12);
        let visit = || {
            barrier.wait();
            let client = Some("192.0.2.1".parse().unwrap());
            test.store.visit_from(share.id, Some(password), client).map(drop)
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..12).map(|_| scope.spawn(visit)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        })
    };
    for entered in at_once("right") {
        entered.unwrap();
    }
    let refused: Vec<_> = at_once("wrong").into_iter().map(holdall::Result::unwrap_err).collect();
    let checked = refused.iter().filter(|error| error.retry_after().is_none()).count();
    assert!((2..=3).contains(&checked), "{checked} wrong ones were checked");
}
