//! Limits of uses: a use is one download by one client, whatever requests it is made of.

use std::net::IpAddr;
use std::time::Duration;

use holdall::{ErrorKind, Options, Request, Share, Store, Time};

use crate::{MODES, TestStore, kind, noise, put, read, test_store};

const DAY: Duration = Duration::from_secs(24 * 3600);
const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";

/// A client of a store.
struct Client<'a> {
    store: &'a Store,
    address: Option<IpAddr>,
    now: Time,
}

fn client<'a>(store: &'a Store, address: &str) -> Client<'a> {
    Client { store, address: address.parse().ok(), now: Time::now() }
}

impl Client<'_> {
    fn ask(&self, method: &str, url: &str, range: &str) -> u16 {
        let mut request = Request::new(method, url).at(self.now);
        request.client = self.address;
        if !range.is_empty() {
            request = request.range(range);
        }
        self.store.serve(&request).unwrap().status
    }

    fn get(&self, url: &str, range: &str) -> u16 {
        self.ask("GET", url, range)
    }

    fn verify(&self, url: &str) -> Option<ErrorKind> {
        let mut request = Request::get(url).at(self.now);
        request.client = self.address;
        self.store.verify(&request).err().map(|error| error.kind())
    }
}

#[test]
fn a_download_that_was_cut_goes_on() {
    for mode in MODES {
        let test = test_store(mode);
        let v = put(&test.drive(), "a", &noise(100_000, 1));
        let url = test.store.url(&v).max_uses(1).sign().unwrap();
        let (a, b) = (client(&test.store, A), client(&test.store, B));
        assert_eq!((b.ask("HEAD", &url, ""), b.verify(&url)), (200, None), "nobody used it");
        assert_eq!(a.get(&url, ""), 200);
        for from in [1, 30_000, 50_000, 99_999] {
            assert_eq!(a.get(&url, &format!("bytes={from}-")), 206, "{from}");
        }
        assert_eq!((a.ask("HEAD", &url, ""), a.verify(&url)), (200, None), "its use is open");
        assert_eq!((b.ask("HEAD", &url, ""), b.verify(&url)), (410, Some(ErrorKind::Gone)));
        assert_eq!((b.get(&url, ""), b.get(&url, "bytes=5-")), (410, 410));
        assert_eq!(a.get(&url, "bytes=500000-"), 416);
    }
}

#[test]
fn the_replies_of_a_use_are_four_times_the_content_together() {
    let test = test_store(MODES[0]);
    for len in [0, 1, 7, 100_000] {
        let v = put(&test.drive(), "a", &noise(len, 1));
        let url = test.store.url(&v).max_uses(2).sign().unwrap();
        let (a, b) = (client(&test.store, A), client(&test.store, B));
        for _ in 0..4 {
            assert_eq!(a.get(&url, ""), 200);
        }
        assert_eq!(b.get(&url, ""), 200, "the second use");
        assert_eq!(
            (a.get(&url, ""), a.ask("HEAD", &url, ""), a.verify(&url)),
            (410, 410, Some(ErrorKind::Gone))
        );
        assert_eq!(b.get(&url, ""), 200);
    }
}

#[test]
fn a_client_that_took_all_of_a_use_begins_another() {
    let test = test_store(MODES[0]);
    let v = put(&test.drive(), "a", &noise(1000, 1));
    let url = test.store.url(&v).max_uses(3).sign().unwrap();
    let a = client(&test.store, A);
    let served = (0..20).filter(|_| a.get(&url, "") == 200).count();
    assert_eq!(served, 12);
}

#[test]
fn a_use_is_over_after_a_day() {
    let test = test_store(MODES[0]);
    let v = put(&test.drive(), "a", &noise(1000, 1));
    let url = |uses| test.store.url(&v).max_uses(uses).expires_in(3 * DAY).sign().unwrap();
    let (one, two) = (url(1), url(2));
    let mut a = client(&test.store, A);
    assert_eq!((a.get(&one, ""), a.get(&two, "")), (200, 200));
    let begun = a.now;
    a.now = begun.after(DAY).before(Duration::from_micros(1));
    assert_eq!((a.get(&one, ""), a.get(&two, "")), (200, 200));
    a.now = begun.after(DAY);
    assert_eq!((a.get(&one, ""), a.ask("HEAD", &one, ""), a.get(&two, "")), (410, 410, 200));
    test.store.gc().unwrap();
    assert_eq!((a.get(&one, ""), a.get(&two, "")), (410, 200));
}

#[test]
fn a_client_is_an_address_a_network_of_ipv6_or_everybody() {
    let test = test_store(MODES[0]);
    let v = put(&test.drive(), "a", &noise(1000, 1));
    for (same, other) in
        [([A, "::ffff:192.0.2.1"], B), (["2001:db8::1", "2001:db8::ffff"], "2001:db8:0:1::1"), (["", ""], A)]
    {
        let url = test.store.url(&v).max_uses(1).sign().unwrap();
        for address in same {
            assert_eq!(client(&test.store, address).get(&url, ""), 200, "{address}");
        }
        assert_eq!(client(&test.store, other).get(&url, ""), 410, "{other}");
    }
}

#[test]
fn a_download_in_ranges_writes_few_groups() {
    let test = test_store(MODES[0]);
    let v = put(&test.drive(), "a", &noise(100_000, 1));
    let url = test.store.url(&v).max_uses(1).sign().unwrap();
    let (a, before) = (client(&test.store, A), test.store.stats().unwrap().lsn);
    for at in 0..1000 {
        assert_eq!(a.get(&url, &format!("bytes={}-{}", at * 100, at * 100 + 99)), 206);
    }
    let groups = test.store.stats().unwrap().lsn - before;
    assert!((1..=20).contains(&groups), "{groups} for 1,000 ranges");
}

#[test]
fn uses_survive_a_restart_and_give_no_byte_twice() {
    let test = TestStore::new(Options::new());
    let v = put(&test.drive(), "a", &noise(64_000, 1));
    let url = test.store.url(&v).max_uses(1).sign().unwrap();
    let path = test.path();
    test.store.close().unwrap();
    let mut opened = 0;
    for _ in 0..100 {
        let store = crate::opened::open(&path, Options::new()).unwrap();
        // What was drawn and not sent is lost with the process.
        opened += u64::from(client(&store, A).get(&url, "bytes=0-99") == 206);
        assert_eq!(client(&store, B).get(&url, ""), 410);
        store.close().unwrap();
    }
    assert_eq!(opened, 64, "a use is drawn in so many pieces");
}

#[test]
fn a_race_passes_neither_the_limit_nor_the_budget() {
    let test = test_store(MODES[1]);
    let v = put(&test.drive(), "a", &noise(10_000, 1));
    let url = test.store.url(&v).max_uses(3).sign().unwrap();
    let sent = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for address in [A, A, A, B, B, "192.0.2.3", "192.0.2.4", "192.0.2.5"] {
            let (url, sent, store) = (&url, &sent, &test.store);
            scope.spawn(move || {
                for at in 0..40_u64 {
                    let range = format!("bytes={}-{}", at * 200, at * 200 + 1999);
                    let request = Request::get(url).range(&range).client(address.parse().unwrap());
                    let reply = store.serve(&request).unwrap();
                    if reply.status == 206 {
                        sent.fetch_add(reply.body.len(), std::sync::atomic::Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let sent = sent.into_inner();
    assert!((40_000..=3 * 40_000).contains(&sent), "{sent} bytes");
}

#[test]
fn a_limited_share_gives_one_client_what_it_counted() {
    let test = test_store(MODES[0]);
    let drive = test.drive();
    put(&drive, "folder/a", &noise(1000, 1));
    let limited = drive.share("folder", &Share::new().max_downloads(2)).unwrap();
    let open = drive.share("folder", &Share::new()).unwrap();
    let visit = test.store.visit(limited.id, None).unwrap();
    let urls = [visit.url("a").unwrap().sign().unwrap(), visit.archive([""]).unwrap().sign().unwrap()];
    for url in urls {
        let (a, b) = (client(&test.store, A), client(&test.store, B));
        assert_eq!((a.get(&url, ""), a.get(&url, "bytes=500-"), b.get(&url, "")), (200, 206, 410));
    }
    assert_eq!(kind(visit.url("a")), ErrorKind::Gone);
    let url = test.store.visit(open.id, None).unwrap().url("a").unwrap().sign().unwrap();
    for address in [A, B] {
        assert_eq!(client(&test.store, address).get(&url, ""), 200);
    }
    assert_eq!(read(&test.store.serve(&Request::get(&url)).unwrap().body).len(), 1000);
}
