//! What one host has just made is served by another at once, however old the rows may be that it reads.

use super::*;
use crate::{ErrorKind, Share};

/// A host of the old rows, and one that makes things.
struct Hosts {
    _world: World,
    maker: Store,
    server: Store,
}

impl Hosts {
    fn new(grace: Duration) -> Hosts {
        let world = World::new();
        let (maker, server) = (world.open(), world.open_through(shared().port, Duration::from_secs(3600)));
        maker.set_grace(grace).unwrap();
        put(&maker, "d/known", bytes(1, 500));
        let hosts = Hosts { _world: world, maker, server };
        hosts.grow_old();
        hosts
    }

    /// The server reads, so that it goes by these rows from now on.
    fn grow_old(&self) {
        let known = self.server.drive("alice").unwrap().url("d/known").unwrap().sign().unwrap();
        assert_eq!(self.server.serve(&Request::get(&known)).unwrap().status, 200);
    }

    /// What is made by one is served by the other at once, though what is looked for there is not found yet.
    fn is_served(&self, what: &str, make: impl Fn(&Store) -> String) {
        self.grow_old();
        put(&self.maker, &format!("made-with-{what}"), bytes(2, 10));
        let url = make(&self.maker);
        let mark = || self.server.drive("alice").unwrap().stat(&format!("made-with-{what}"));
        assert_eq!(mark().unwrap_err().kind(), ErrorKind::NotFound, "{what}: the rows are new");
        let cached = self.server.serve_cached(&Request::get(&url)).unwrap();
        assert!(cached.is_none_or(|reply| reply.status == 200), "{what}");
        let grant = self.server.verify(&Request::get(&url));
        assert!(grant.is_ok(), "{what}: {grant:?}");
        let reply = self.server.serve(&Request::get(&url)).unwrap();
        assert_eq!(reply.status, 200, "{what}");
        // From then on it reads what is as new.
        assert!(mark().is_ok(), "{what}");
    }
}

#[test]
fn what_one_host_makes_another_serves_at_once() {
    let hosts = Hosts::new(Duration::from_secs(3600));
    let drive = |store: &Store| store.drive("alice").unwrap();
    hosts.is_served("a version", |store| {
        put(store, "d/version", bytes(3, 5000));
        drive(store).url("d/version").unwrap().sign().unwrap()
    });
    hosts.is_served("a large version", |store| {
        put(store, "d/large", bytes(4, 50_000));
        drive(store).url("d/large").unwrap().sign().unwrap()
    });
    hosts.is_served("a file", |store| {
        put(store, "d/file", bytes(5, 5000));
        store.url_of_file(drive(store).stat("d/file").unwrap().id).sign().unwrap()
    });
    hosts.is_served("a direct link", |store| store.link_url(&drive(store).link("d/known").unwrap()).unwrap());
    hosts.is_served("a share", |store| {
        let share = drive(store).share("d", &Share::new()).unwrap();
        store.visit(share.id, None).unwrap().url("known").unwrap().sign().unwrap()
    });
    hosts.is_served("an archive", |store| {
        let archive = drive(store).archive(["d"]).unwrap().create().unwrap();
        store.url_of_archive(archive.id).sign().unwrap()
    });
    // The counters of revocations went up: by the old rows the URL is one of a later time.
    hosts.is_served("a revocation", |store| {
        store.revoke_file(drive(store).stat("d/known").unwrap().id).unwrap();
        drive(store).url("d/known").unwrap().sign().unwrap()
    });
    hosts.is_served("a key", |store| {
        store.rotate_key().unwrap();
        // Rows that were read in the last tenth of a second are new enough to refuse a signature.
        thread::sleep(Duration::from_millis(200));
        drive(store).url("d/known").unwrap().sign().unwrap()
    });
}

#[test]
fn what_one_host_makes_another_finds_by_its_id() {
    let hosts = Hosts::new(Duration::from_secs(3600));
    let drive = hosts.maker.drive("alice").unwrap();
    hosts.grow_old();
    let share = drive.share("d", &Share::new()).unwrap();
    assert_eq!(hosts.server.visit(share.id, None).unwrap().list("", None, 10).unwrap().len(), 1);
    hosts.grow_old();
    let archive = drive.archive(["d"]).unwrap().create().unwrap();
    assert_eq!(hosts.server.archive(archive.id).unwrap().len, archive.len);
    hosts.grow_old();
    let archive = drive.archive(["d"]).unwrap().create().unwrap();
    assert_eq!(hosts.server.open_archive(archive.id).unwrap().len(), archive.len);
    hosts.grow_old();
    let link = drive.link("d/known").unwrap();
    assert_eq!(hosts.server.find_link(link.id).unwrap().name, "known");
}

/// Nobody can have the database asked as often as he likes by what he made up.
#[test]
fn requests_with_wrong_signatures_are_refused_without_asking_for_each() {
    let world = World::new();
    put(&world.open(), "d/known", bytes(1, 500));
    let proxy = Proxy::before(shared().port);
    let server = world.open_through(proxy.port, Duration::from_secs(3600));
    let known = server.drive("alice").unwrap().url("d/known").unwrap().sign().unwrap();
    assert_eq!(server.serve(&Request::get(&known)).unwrap().status, 200);
    let (start, name) = known.rsplit_once('/').unwrap();
    let begun = std::time::Instant::now();
    let (trips, ()) = proxy.trips(|| {
        for number in 0..2000_u32 {
            // Of some the signature is wrong, and of others the name.
            let forged = match number % 2 {
                0 => {
                    format!("{}{number:04}{}/{name}", &start[..start.len() - 44], &start[start.len() - 40..])
                }
                _ => format!("{start}/{number}"),
            };
            let status = server.serve(&Request::get(&forged)).unwrap().status;
            assert!([403, 404].contains(&status), "{forged}: {status}");
        }
    });
    // A view begins in one trip and ends in another.
    let tenths = u64::try_from(begun.elapsed().as_millis() / 100).unwrap() + 1;
    assert!(trips <= tenths * 3, "{trips} trips in {tenths} tenths of a second");
    // What there is goes on without any.
    let (trips, ()) = proxy.trips(|| assert_eq!(server.serve(&Request::get(&known)).unwrap().status, 200));
    assert_eq!(trips, 0);
}

/// By the old rows a content is where it is not any more.
#[test]
fn what_another_host_has_compacted_is_found() {
    let hosts = Hosts::new(Duration::ZERO);
    let drive = hosts.maker.drive("alice").unwrap();
    drive.put_many((0..10_u8).map(|n| (format!("f/{n}"), bytes(n, 3000).into())), &Put::new()).unwrap();
    let url = drive.url("f/9").unwrap().sign().unwrap();
    // The rows of the file are read, and nothing of its content.
    assert!(hosts.server.verify(&Request::get(&url)).is_ok());
    for n in 0..8 {
        drive.delete(&format!("f/{n}")).unwrap();
    }
    assert_eq!(hosts.maker.gc().unwrap().compaction.segments, 1);
    let reply = hosts.server.serve(&Request::get(&url)).unwrap();
    assert_eq!(reply.status, 200);
    let mut served = Vec::new();
    std::io::Read::read_to_end(&mut reply.body.reader(), &mut served).unwrap();
    assert_eq!(served, bytes(9, 3000));
}
