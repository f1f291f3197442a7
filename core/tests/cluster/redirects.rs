//! Downloads that are redirects to the object storage, as a client meets them that follows: the same bytes under the
//! same headers; and those that are sent from here, because something would be lost.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use holdall::{Drive, Options, Put, Reply, Request, Share, Store};

use crate::load::Contents;

const LARGE: usize = 300_000;
const NAME: &str = "na\u{ef}ve; plan 100%.pdf";

struct World {
    _dir: tempfile::TempDir,
    /// Sends to the object storage, and does not.
    to: Store,
    from: Store,
    drive: Drive,
}

impl World {
    fn new(name: &str) -> World {
        let address = std::env::var("HOLDALL_TEST_STORE").expect("tests/remote/run.sh starts the servers");
        let address = address.replace("{}", &format!("{name}-{}", std::process::id()));
        let dir = tempfile::tempdir().unwrap();
        let open = |more: &str| {
            let cache = dir.path().join(format!("cache{}", more.len()));
            // Each shows at once what the other does.
            let address = format!("{address}&staleness_ms=0&cache={}{more}", cache.display());
            Store::open(address, Options::new().threshold(16 << 10)).unwrap()
        };
        let from = open("");
        // Another address of the same store is another opening of it.
        let to = open("&redirect_seconds=60&application_name=redirects");
        let drive = from.drive("main").unwrap();
        drive.put("large.pdf", Contents::new(1).bytes(LARGE).as_slice(), Put::new()).unwrap();
        drive.put("small.pdf", Contents::new(2).bytes(100).as_slice(), Put::new()).unwrap();
        World { _dir: dir, to, from, drive }
    }

    fn url(&self) -> holdall::Url {
        self.drive.url("large.pdf").unwrap().attachment(NAME)
    }
}

/// Answers requests by a store, until the process ends.
fn serve(store: &Store) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let store = store.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&store, stream.unwrap());
        }
    });
    port
}

fn answer(store: &Store, mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let (method, rest) = first.split_once(' ').unwrap();
    let mut request = Request::new(method, rest.split_once(' ').unwrap().0);
    for (name, value) in headers.iter().filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    let reply = store.serve(&request).unwrap();
    write!(stream, "HTTP/1.1 {} -\r\nConnection: close\r\n", reply.status).unwrap();
    for (name, value) in &reply.headers {
        write!(stream, "{name}: {value}\r\n").unwrap();
    }
    write!(stream, "\r\n").unwrap();
    std::io::copy(&mut reply.body.reader(), &mut stream).unwrap();
}

/// Returns the heads that curl came by, in lower case, and the content.
fn curl(port: u16, target: &str, more: &[&str]) -> (Vec<String>, Vec<u8>) {
    let out = Command::new("curl")
        .args(["-sSL", "--max-time", "20", "-D", "/dev/stderr"])
        .args(more)
        .arg(format!("http://127.0.0.1:{port}{target}"))
        .output()
        .unwrap();
    let heads = String::from_utf8_lossy(&out.stderr).to_lowercase();
    (heads.split("\r\n\r\n").filter(|head| !head.is_empty()).map(str::to_owned).collect(), out.stdout)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Splits what a reply says of caches: the seconds for which it may be kept fall as time goes by.
fn age(head: &str) -> (String, u64) {
    let says = header(head, "cache-control").unwrap_or_default();
    let Some((before, rest)) = says.split_once("max-age=") else { return (says.to_owned(), 0) };
    let end = rest.find(|byte: char| !byte.is_ascii_digit()).unwrap_or(rest.len());
    (format!("{before}{}", &rest[end..]), rest[..end].parse().unwrap())
}

#[test]
fn a_client_that_follows_has_the_same_content_under_the_same_headers() {
    let world = World::new("follow");
    let (to, from) = (serve(&world.to), serve(&world.from));
    let link = world.from.link_url(&world.drive.link("large.pdf").unwrap()).unwrap();
    let id = world.drive.stat("large.pdf").unwrap().id;
    let urls = [
        world.url().sign().unwrap(),
        world.url().public_cache().sign().unwrap(),
        world.from.url_of_file(id).media_type("text/html").sign().unwrap(),
        link.replacen("/f/", "/f/d/", 1),
    ];
    for url in &urls {
        for range in [&[][..], &["-r", "10-29"], &["-r", "-7"], &["-r", "299990-"]] {
            let (followed, bytes) = curl(to, url, range);
            let (direct, expected) = curl(from, url, range);
            assert_eq!((followed.len(), direct.len()), (2, 1), "{url} {range:?}: {followed:?}");
            assert!(followed[0].starts_with("http/1.1 302"), "{followed:?}");
            assert_eq!(header(&followed[0], "cache-control"), Some("no-store"));
            assert!(bytes == expected && !bytes.is_empty(), "{url} {range:?}");
            let status = |head: &str| head.split(' ').nth(1).unwrap().to_owned();
            assert_eq!(status(&followed[1]), status(&direct[0]), "{url} {range:?}");
            for name in ["content-type", "content-disposition", "content-length", "content-range"] {
                assert_eq!(header(&followed[1], name), header(&direct[0], name), "{url} {range:?}: {name}");
            }
            let (theirs, ours) = (age(&followed[1]), age(&direct[0]));
            assert_eq!(theirs.0, ours.0, "{url} {range:?}");
            assert!(theirs.1.abs_diff(ours.1) <= 60, "{url} {range:?}: {theirs:?} {ours:?}");
        }
    }
    assert_eq!(curl(to, &urls[0], &[]).1, Contents::new(1).bytes(LARGE));
}

#[test]
fn what_would_lose_something_is_sent_from_here() {
    let world = World::new("through");
    let is_redirect = |request: &Request<'_>| {
        let reply: Reply = world.to.serve(request).unwrap();
        assert!([200, 206, 302, 304].contains(&reply.status), "{} {:?}", request.target, reply.status);
        let same = world.from.serve(request).unwrap();
        assert_ne!(same.status, 302);
        // The boundary between ranges is random.
        let headers = |reply: &Reply| -> Vec<_> {
            let fixed = |(_, value): &&(_, String)| !value.starts_with("multipart/");
            reply.headers.iter().filter(fixed).cloned().collect()
        };
        assert!(reply.status == 302 || (reply.status, headers(&reply)) == (same.status, headers(&same)));
        reply.status == 302
    };
    let sign = |url: holdall::Url| url.sign().unwrap();
    let url = sign(world.url());
    assert!(is_redirect(&Request::get(&url)));
    assert!(is_redirect(&Request::get(&url).range("bytes=0-9")));
    let etag = world.from.serve(&Request::get(&url)).unwrap().header("ETag").unwrap().to_owned();
    for (name, value) in [
        ("If-None-Match", etag.as_str()),
        ("If-None-Match", "\"other\""),
        ("If-Match", etag.as_str()),
        ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("If-Unmodified-Since", "Thu, 01 Jan 2099 00:00:00 GMT"),
        ("Origin", "https://page.example"),
        ("Range", "bytes=0-1,5-6"),
        ("Range", "bytes=0-1,9000-9100"),
        ("Range", "bytes=5-2"),
    ] {
        assert!(!is_redirect(&Request::get(&url).header(name, value)), "{name}: {value}");
    }
    assert!(!is_redirect(&Request::get(&url).range("bytes=0-9").header("If-Range", &etag)));
    assert!(!is_redirect(&Request::head(&url)));
    let client: IpAddr = "192.0.2.7".parse().unwrap();
    for (what, url) in [
        ("a pace", sign(world.url().pace(1_000_000))),
        ("a network", sign(world.url().network(client.into()))),
        ("a limit of uses", sign(world.url().max_uses(9))),
        ("a limit of requests", sign(world.url().max_requests(9))),
        ("shown", sign(world.url().inline())),
        ("small", sign(world.drive.url("small.pdf").unwrap())),
        ("an archive", world.drive.archive(["large.pdf"]).unwrap().sign().unwrap()),
        (
            "a link with a pace",
            world.from.link_url(&world.drive.link_paced("large.pdf", 99_999).unwrap()).unwrap(),
        ),
    ] {
        assert!(!is_redirect(&Request::get(&url).client(client)), "{what}");
    }
    let share = world.drive.share("large.pdf", &Share::new()).unwrap();
    let visit = world.from.visit(share.id, None).unwrap();
    assert!(!is_redirect(&Request::get(&sign(visit.url("").unwrap()))), "a share");
}

#[test]
fn a_redirect_lives_no_longer_than_its_url_and_ends_with_a_revocation() {
    let world = World::new("lives");
    let location = |url: &str| {
        let reply = world.to.serve(&Request::get(url)).unwrap();
        (reply.status, reply.header("Location").unwrap_or_default().to_owned())
    };
    let (status, to) = location(&world.url().sign().unwrap());
    assert!(status == 302 && to.contains("X-Amz-Expires=60&"), "{to}");
    let short = world.url().expires_in(Duration::from_secs(20)).sign().unwrap();
    let (status, to) = location(&short);
    let left: u64 = to.split("X-Amz-Expires=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
    // The URL is good to the end of a second.
    assert!(status == 302 && (1..=21).contains(&left), "{to}");
    let url = world.url().sign().unwrap();
    assert_eq!(location(&url).0, 302);
    world.to.revoke_file(world.drive.stat("large.pdf").unwrap().id).unwrap();
    assert_eq!(location(&url).0, 410);
}

#[test]
fn a_redirect_through_a_direct_link_counts() {
    let world = World::new("counts");
    let link = world.drive.link("large.pdf").unwrap();
    let url = world.from.link_url(&link).unwrap().replacen("/f/", "/f/d/", 1);
    for range in ["bytes=0-", "bytes=5-9", "bytes=0-9"] {
        assert_eq!(world.to.serve(&Request::get(&url).range(range)).unwrap().status, 302);
    }
    world.to.close().unwrap();
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(world.from.find_link(link.id).unwrap().downloads, 2);
}
