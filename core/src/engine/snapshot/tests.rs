//! What another process changed is seen by the very next request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::*;
use crate::vfs::{RealVfs, SimVfs};
use crate::{Drive, Mode, Options, Put, Request, Store, Time};

/// How often each change is tried: a lookup that is out of date must not pass by luck.
const TIMES: u32 = 25;

fn options(mode: Mode) -> Options {
    Options::new().mode(mode).cache_bytes(1 << 20).segment_bytes(64 << 10).grace(Duration::ZERO)
}

/// Two stores as two processes have them: nothing but the directory is common to them.
fn two(dir: &tempfile::TempDir) -> (Store, Store) {
    let open = || {
        let vfs = Arc::new(RealVfs::new(dir.path()).unwrap());
        Store::open_on(vfs, options(Mode::Shared)).unwrap()
    };
    (open(), open())
}

/// Runs a test with the store that serves and the one that changes it: in two processes, and as one
/// in every mode and place.
fn everywhere(test: impl Fn(&Store, &Store)) {
    let dir = tempfile::tempdir().unwrap();
    let (serving, changing) = two(&dir);
    test(&serving, &changing);
    for mode in [Mode::Shared, Mode::Exclusive] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), options(mode)).unwrap();
        test(&store, &store);
        let store = Store::open_on(Arc::new(SimVfs::new(3)), options(mode)).unwrap();
        test(&store, &store);
    }
}

fn status(store: &Store, url: &str) -> u16 {
    store.serve(&Request::get(url)).unwrap().status
}

fn served(store: &Store, url: &str) -> Vec<u8> {
    let reply = store.serve(&Request::get(url)).unwrap();
    assert_eq!(reply.status, 200);
    reply.body.segment(0, reply.body.len()).unwrap().data.to_vec()
}

/// The drive as either store sees it, with a file of one version in it.
fn file(changing: &Store, path: &str) -> (Drive, VersionId) {
    let drive = changing.drive("alice").unwrap();
    let version = drive.put(path, path.as_bytes(), Put::new()).unwrap();
    (drive, version.id)
}

fn revocations(serving: &Store, changing: &Store) {
    let (drive, id) = file(changing, "a.txt");
    type Revoke<'a> = &'a dyn Fn();
    let ways: [Revoke<'_>; 3] =
        [&|| changing.revoke_version(id).unwrap(), &|| changing.revoke_file(id.file()).unwrap(), &|| {
            drive.revoke().unwrap()
        }];
    for turn in 0..TIMES {
        for (way, revoke) in ways.iter().enumerate() {
            let version = serving.url(id).sign().unwrap();
            let current = serving.url_of_file(id.file()).sign().unwrap();
            for url in [&version, &current, &version, &current] {
                assert_eq!(status(serving, url), 200, "turn {turn}, way {way}");
            }
            revoke();
            assert_eq!(status(serving, &version), 410, "turn {turn}, way {way}");
            // A revoked version takes along no URL of its file.
            assert_eq!(status(serving, &current), if way == 0 { 200 } else { 410 });
            // What is signed now is good everywhere.
            assert_eq!(status(changing, &serving.url(id).sign().unwrap()), 200);
        }
    }
}

#[test]
fn a_revocation_is_seen_by_the_next_request() {
    everywhere(revocations);
}

/// The control: were the stamp not compared, the test above would fail.
#[test]
fn a_revocation_would_be_missed_if_the_stamp_were_not_compared() {
    let dir = tempfile::tempdir().unwrap();
    let (serving, changing) = two(&dir);
    let (_, id) = file(&changing, "a.txt");
    let url = serving.url(id).sign().unwrap();
    assert_eq!(status(&serving, &url), 200);
    serving.engine().unwrap().cache.blind.store(true, Ordering::Relaxed);
    changing.revoke_version(id).unwrap();
    assert_eq!((status(&serving, &url), status(&changing, &url)), (200, 410));
    assert!(catch_unwind(AssertUnwindSafe(|| revocations(&serving, &changing))).is_err());
}

#[test]
fn trash_and_restore_are_seen_by_the_next_request() {
    everywhere(|serving, changing| {
        let (drive, id) = file(changing, "folder/a.txt");
        let revision = serving.url_of_revision(id).sign().unwrap();
        let current = serving.url_of_file(id.file()).sign().unwrap();
        let version = serving.url(id).sign().unwrap();
        let all = || [&revision, &current, &version].map(|url| status(serving, url));
        for turn in 0..TIMES {
            assert_eq!((all(), all()), ([200; 3], [200; 3]), "turn {turn}");
            // Alone, and with the folder that it lies in.
            let trashed = drive.trash(if turn % 2 == 0 { "folder/a.txt" } else { "folder" }).unwrap();
            assert_eq!(all(), [410, 410, 200], "turn {turn}");
            assert!(serving.drive("alice").unwrap().open_file("folder/a.txt").is_err());
            drive.restore(trashed, None).unwrap();
        }
    });
}

#[test]
fn deletions_and_removals_are_seen_by_the_next_request() {
    everywhere(|serving, changing| {
        for turn in 0..TIMES {
            let (drive, first) = file(changing, "a.txt");
            let second = drive.put("a.txt", &b"second"[..], Put::new()).unwrap().id;
            let urls = [first, second].map(|id| serving.url(id).sign().unwrap());
            let both = || [status(serving, &urls[0]), status(serving, &urls[1])];
            assert_eq!((both(), both()), ([200; 2], [200; 2]), "turn {turn}");
            assert!(serving.open_version(first).is_ok());
            changing.remove_version(first).unwrap();
            assert_eq!(both(), [410, 200], "turn {turn}");
            assert!(serving.open_version(first).is_err());
            assert!(serving.url(first).sign().is_err());
            drive.delete("a.txt").unwrap();
            assert_eq!(both(), [410, 410], "turn {turn}");
            assert!(serving.url_of_file(second.file()).sign().is_err());
        }
    });
}

#[test]
fn content_that_a_compaction_moved_is_found_and_a_reply_keeps_what_it_was_given() {
    everywhere(|serving, changing| {
        let drive = changing.drive("alice").unwrap();
        let (kept, _) = {
            let put = |n: u8| drive.put(&n.to_string(), &[n; 4096][..], Put::new()).unwrap().id;
            (put(0), (1..60).map(put).collect::<Vec<_>>())
        };
        let url = serving.url(kept).sign().unwrap();
        let before = serving.serve(&Request::get(&url)).unwrap();
        assert_eq!(served(serving, &url), [0; 4096]);
        (1..60).for_each(|n: u8| drive.delete(&n.to_string()).unwrap());
        let report = changing.gc_at(Time::now().after(Duration::from_secs(7200))).unwrap();
        assert!(report.compaction.blobs > 0 && report.failed.is_empty(), "{report:?}");
        assert_eq!(served(serving, &url), [0; 4096]);
        assert_eq!(before.body.segment(0, 4096).unwrap().data, [0; 4096][..]);
    });
}

#[test]
fn the_current_version_is_that_of_the_last_change() {
    everywhere(|serving, changing| {
        let (drive, first) = file(changing, "a.txt");
        let second = drive.put("a.txt", &b"second"[..], Put::new()).unwrap().id;
        let url = serving.drive("alice").unwrap().url("a.txt").unwrap().sign().unwrap();
        let link = changing.link_url(&drive.link("a.txt").unwrap()).unwrap();
        for turn in 0..TIMES {
            for (id, content) in [(first, &b"a.txt"[..]), (second, b"second")] {
                changing.set_current(id).unwrap();
                for url in [&url, &link, &url] {
                    assert_eq!(served(serving, url), content, "turn {turn}");
                }
            }
        }
    });
}

#[test]
fn a_link_that_was_removed_and_a_salt_that_was_changed_are_seen_by_the_next_request() {
    everywhere(|serving, changing| {
        let (drive, id) = file(changing, "a.txt");
        for turn in 0..TIMES {
            let link = drive.link("a.txt").unwrap();
            let urls = [changing.link_url(&link).unwrap(), serving.url(id).sign_cloudreve().unwrap()];
            let both = || [status(serving, &urls[0]), status(serving, &urls[1])];
            assert_eq!((both(), both()), ([200; 2], [200; 2]), "turn {turn}");
            changing.unlink(link.id).unwrap();
            assert_eq!(both(), [404, 200], "turn {turn}");
            changing.set_hash_salt(&format!("salt {turn}")).unwrap();
            assert_eq!(both(), [404, 404], "turn {turn}");
        }
    });
}

#[test]
fn a_removed_key_is_denied_by_the_next_request() {
    everywhere(|serving, changing| {
        let (_, id) = file(changing, "a.txt");
        for turn in 0..TIMES {
            let old = changing.keys().unwrap().into_iter().find(|(_, _, signs)| *signs).unwrap().0;
            let url = serving.url(id).sign().unwrap();
            let cloudreve = serving.url(id).sign_cloudreve().unwrap();
            let both = || [status(serving, &url), status(serving, &cloudreve)];
            assert_eq!((both(), both()), ([200; 2], [200; 2]), "turn {turn}");
            changing.rotate_key().unwrap();
            assert_eq!(both(), [200; 2], "turn {turn}");
            changing.remove_key(old).unwrap();
            assert_eq!(both(), [403; 2], "turn {turn}");
            // What is signed from now on is signed with the new one.
            assert_eq!(status(changing, &serving.url(id).sign().unwrap()), 200, "turn {turn}");
        }
    });
}

/// Whatever the threads do meanwhile, a request sees all that was acknowledged before it began.
#[test]
fn no_request_sees_less_than_was_acknowledged_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let (serving, changing) = two(&dir);
    let (drive, id) = file(&changing, "0");
    let urls = [serving.url(id), serving.url_of_file(id.file())].map(|url| url.sign().unwrap());
    let (acknowledged, done) = (AtomicU32::new(0), AtomicBool::new(false));
    let requests = std::thread::scope(|scope| {
        let readers: Vec<_> = urls
            .iter()
            .map(|url| {
                scope.spawn(|| {
                    let mut requests = 0_u32;
                    while !done.load(Ordering::Acquire) {
                        let before = acknowledged.load(Ordering::Acquire);
                        let grant = serving.verify(&Request::get(url)).unwrap();
                        let seen: u32 = grant.name.parse().unwrap();
                        assert!(seen >= before, "saw {seen} after {before}");
                        requests += 1;
                    }
                    requests
                })
            })
            .collect();
        for number in 1..=150_u32 {
            drive.rename(&(number - 1).to_string(), &number.to_string(), false).unwrap();
            acknowledged.store(number, Ordering::Release);
            std::thread::sleep(Duration::from_micros(300));
        }
        done.store(true, Ordering::Release);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u32>()
    });
    assert!(requests > 300, "{requests} requests say little");
}

#[test]
fn the_next_request_for_the_same_reads_no_row() {
    everywhere(|serving, changing| {
        let (drive, id) = file(changing, "a.txt");
        let link = drive.link("a.txt").unwrap();
        let engine = serving.engine().unwrap();
        let reads = || {
            let snapshot = Snapshot::new(&engine);
            snapshot.ring().unwrap();
            snapshot.version(id).unwrap();
            snapshot.file(id.file()).unwrap();
            snapshot.current(id.file()).unwrap().unwrap();
            snapshot.link(link.id).unwrap();
            snapshot.hash_ids().unwrap();
            assert_eq!(snapshot.named(id.0).unwrap().version, id);
            snapshot.tx.get().is_some()
        };
        for _ in 0..3 {
            assert!(reads());
            assert!(!reads());
            assert!(!reads());
            drive.mkdir("folder").unwrap();
            drive.delete("folder").unwrap();
        }
    });
}

/// What a reader without anything kept finds at a path: the file, and its content.
fn unkept(drive: &Drive, path: &str) -> Option<(FileId, Vec<u8>)> {
    let engine = drive.engine().unwrap();
    let (file, record) = path::resolve(&engine.reader().unwrap(), drive.id(), path).ok()?;
    if record.kind == Kind::Folder {
        return Some((file, Vec::new()));
    }
    let version = VersionId::new(file, record.current);
    Some((file, drive.store().open_version(version).unwrap().to_vec(u64::MAX).unwrap()))
}

/// Reads a path in every way that there is, and compares with what [`unkept`] finds.
fn reads_alike(drive: &Drive, path: &str, label: &str) {
    let found = unkept(drive, path);
    let is_file = drive.stat(path).is_ok_and(|info| info.kind == Kind::File);
    assert_eq!(drive.stat(path).ok().map(|info| info.id), found.as_ref().map(|(file, _)| *file), "{label}");
    let (file, bytes) = match found {
        Some(found) if is_file => found,
        _ => {
            assert!(drive.open_file(path).is_err(), "{label}");
            return;
        }
    };
    assert_eq!(drive.open_file(path).unwrap().to_vec(u64::MAX).unwrap(), bytes, "{label}");
    let url = drive.url(path).unwrap().sign().unwrap();
    assert_eq!(served(drive.store(), &url), bytes, "{label}");
    let versions = drive.versions(path, None, 1).unwrap();
    assert!(versions.iter().all(|version| version.id.file() == file), "{label}");
}

/// A file of the folder's name in every folder, so that a look-up in a wrong one finds something.
const SPELLED: [&str; 8] = ["x", "a/x", "a/a/x", "a/a/a/x", "b/x", "b/a/x", "a/b/x", "c"];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]
    #[test]
    fn every_spelling_of_a_path_leads_every_verb_to_the_same_file(
        steps in proptest::collection::vec((0_usize..8, 0_usize..4, 0_usize..8), 1..24),
    ) {
        let store = Store::open_on(Arc::new(SimVfs::new(3)), options(Mode::Exclusive)).unwrap();
        let drive = store.drive("alice").unwrap();
        for path in SPELLED {
            drive.put(path, path.as_bytes(), Put::new()).unwrap();
        }
        for (location, spelling, verb) in steps {
            let path = SPELLED[location];
            let spelled = [path.to_owned(), format!("/{path}"), format!("{path}/"), format!("/{path}/")];
            let (text, label) = (&spelled[spelling], format!("{verb} {}", spelled[spelling]));
            let same = unkept(&drive, path).unwrap();
            match verb {
                0 => {
                    let trashed = drive.trash(text).unwrap();
                    assert_eq!(trashed, same.0, "{label}");
                    reads_alike(&drive, text, &label);
                    drive.restore(trashed, Some(text)).unwrap();
                }
                1 => {
                    assert_eq!(drive.rename(text, "/moved/", false).unwrap(), same.0, "{label}");
                    reads_alike(&drive, text, &label);
                    drive.rename("moved/", text, false).unwrap();
                }
                2 => {
                    drive.copy(text, "copy/", crate::CopyVersions::All).unwrap();
                    assert_eq!(unkept(&drive, "copy").unwrap().1, same.1, "{label}");
                    drive.delete("/copy/").unwrap();
                }
                3 => drive.set_attributes(text, std::collections::BTreeMap::new()).unwrap(),
                _ => {}
            }
            reads_alike(&drive, text, &label);
            assert_eq!(unkept(&drive, text).unwrap(), same, "{label}");
        }
    }
}

#[test]
fn a_slash_behind_a_path_leads_to_no_other_file() {
    everywhere(|serving, changing| {
        let (_, root) = file(changing, "x");
        let (_, inner) = file(changing, "a/x");
        let drive = serving.drive("alice").unwrap();
        for (first, second, id) in [("x", "a/x/", inner), ("a/x", "x/", root), ("a/x/", "x", root)] {
            drive.open_file(first).unwrap();
            let url = drive.url(second).unwrap().sign().unwrap();
            let wanted = serving.open_version(id).unwrap().to_vec(u64::MAX).unwrap();
            assert_eq!(drive.open_file(second).unwrap().to_vec(u64::MAX).unwrap(), wanted);
            assert_eq!(served(serving, &url), wanted);
        }
    });
}
