//! What a restore, a copy made by other means and a store that was set back may never do: give out
//! an id again, let a URL open what it was not signed for, take one content for another.

use std::collections::BTreeSet;

use super::*;
use crate::{ErrorKind, Request, Url};

const MODES: [Mode; 2] = [Mode::Shared, Mode::Exclusive];

fn quiet(_: crate::Progress) -> crate::Result<()> {
    Ok(())
}

fn reopened(store: Store, home: &Home, mode: Mode) -> Store {
    store.close().unwrap();
    drop(store);
    home.open(mode)
}

/// A copy of a disk, as `cp` and a snapshot of the file system make it.
fn snapshot(disk: &SimVfs) -> Home {
    Home::on(disk.copy())
}

fn status(store: &Store, url: &str) -> u16 {
    store.serve(&Request::get(url)).unwrap().status
}

/// Puts two files that are there before anything is lost; returns the version of one.
fn before_it(store: &Store) -> crate::VersionId {
    let drive = store.drive("alice").unwrap();
    drive.put("twice", &b"twice, at first"[..], Put::new()).unwrap();
    drive.put("kept", &b"kept"[..], Put::new()).unwrap().id
}

/// Some days' work: returns the ids that were given out, and the URLs.
fn work(store: &Store, seed: u64) -> (BTreeSet<u64>, Vec<String>) {
    let drive = store.drive("alice").unwrap();
    let (mut ids, mut urls) = (BTreeSet::new(), Vec::new());
    let sign = |url: Url| url.sign().unwrap();
    for n in 0..40 {
        let len = [700, 20_000][n as usize % 2];
        let version = drive.put(&format!("new{n}"), content(seed + n, len).as_slice(), Put::new()).unwrap();
        ids.extend([version.id.0, version.id.file().0]);
        urls.push(sign(store.url(&version)));
        urls.push(sign(store.url_of_revision(&version)));
        urls.push(sign(store.url_of_file(version.id.file())));
    }
    for n in 0..5 {
        let version = drive.put("twice", content(seed + 100 + n, 900).as_slice(), Put::new()).unwrap();
        ids.insert(version.id.0);
        urls.push(sign(store.url(&version)));
        urls.push(sign(store.url_of_revision(&version)));
    }
    // Where such work was done before, its files make room.
    for name in ["done", "open"].into_iter().filter(|name| drive.stat(name).is_ok()) {
        drive.delete(name).unwrap();
    }
    let (open, done) = with_uploads(store);
    ids.extend([open.0, done.0]);
    urls.push(sign(store.url_of_file(done)));
    (ids, urls)
}

/// No URL of the lost days opens anything, before and after as much work was done again; returns the
/// ids that were given out for it.
fn lost_urls_open_nothing(store: &Store, lost: &[String], seed: u64) -> BTreeSet<u64> {
    let refused = |when: &str| {
        for (n, url) in lost.iter().enumerate() {
            let status = status(store, url);
            assert!([404, 410].contains(&status), "URL {n} is answered {status} {when}");
        }
    };
    refused("at once");
    let (ids, urls) = work(store, seed);
    refused("when as much was put again");
    assert!(urls.iter().all(|url| status(store, url) == 200));
    ids
}

#[test]
fn after_a_restore_no_id_is_given_out_again_and_no_lost_url_opens_anything() {
    for mode in MODES {
        let (home, (disk, target)) = (Home::simulated().1, Home::simulated());
        let store = home.open(mode);
        let kept = before_it(&store);
        let early = store.url(kept).expires_in(Duration::from_secs(3600)).sign().unwrap();
        store.backup_on(&target.vfs, &mut quiet).unwrap();
        let (lost_ids, lost) = work(&store, 1000);
        store.close().unwrap();
        // Twice from one backup: the first restore is lost as well.
        let again = snapshot(&disk);
        let restored = target.open(mode);
        assert_eq!(status(&restored, &early), 200, "what was signed before the backup is good");
        let first = lost_urls_open_nothing(&restored, &lost, 5000);
        assert!(first.is_disjoint(&lost_ids));
        let (more_ids, more_urls) = work(&restored, 6000);
        assert_sound(&restored);
        let restored = again.open(mode);
        let urls = [lost, more_urls].concat();
        let second = lost_urls_open_nothing(&restored, &urls, 9000);
        assert!(second.is_disjoint(&lost_ids) && second.is_disjoint(&first) && second.is_disjoint(&more_ids));
        assert_eq!(status(&restored, &early), 200);
        // What is put to a file of before has a number that none of the lost versions had.
        let numbers = restored.drive("alice").unwrap().versions("twice", None, 99).unwrap();
        assert!(numbers[0].id.number() > 1000 && numbers.last().unwrap().id.number() == 1);
        assert_sound(&restored);
        let restored = reopened(restored, &again, mode);
        let next = restored.drive("alice").unwrap().put("twice", &b"next"[..], Put::new()).unwrap();
        assert_eq!(next.id.number(), numbers[0].id.number() + 1, "the gap is passed over once");
        let id = restored.draw_file().unwrap().0;
        assert!((1 << 32..1 << 38).contains(&id), "{id}");
    }
}

#[test]
fn a_url_that_was_signed_after_a_snapshot_opens_nothing_in_the_snapshot() {
    for mode in MODES {
        let (disk, home) = Home::simulated();
        let store = home.open(mode);
        let kept = before_it(&store);
        let early = store.url(kept).sign().unwrap();
        let store = reopened(store, &home, mode);
        let copied = snapshot(&disk);
        let (ids, lost) = work(&store, 1000);
        store.close().unwrap();
        let copy = copied.open(mode);
        let again = lost_urls_open_nothing(&copy, &lost, 5000);
        assert!(!again.is_disjoint(&ids), "nothing marked it as a copy: the URLs are what this is about");
        assert_eq!(status(&copy, &early), 200);
        assert_sound(&copy);
    }
}

#[test]
fn a_backup_into_a_copy_that_was_written_to_is_refused_whatever_the_numbers_say() {
    for mode in MODES {
        let (home, target) = (Home::simulated().1, Home::simulated().1);
        let store = home.open(mode);
        fill(&store);
        store.backup_on(&target.vfs, &mut quiet).unwrap();
        // A restore to try it, which gets some large content of its own.
        let copy = target.open(mode);
        let drive = copy.drive("alice").unwrap();
        for n in 0..3 {
            drive.put(&format!("trial{n}"), content(700 + n, 40_000).as_slice(), Put::new()).unwrap();
        }
        let tried = everything(&copy);
        copy.close().unwrap();
        drop(copy);
        // The store goes on further than the copy did.
        let drive = store.drive("alice").unwrap();
        for n in 0..20 {
            drive.put(&format!("more{n}"), content(800 + n, 40_000).as_slice(), Put::new()).unwrap();
        }
        let error = store.backup_on(&target.vfs, &mut quiet).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains("name an empty directory"), "{error}");
        assert_eq!(everything(&target.open(mode)), tried, "nothing of it was touched");
        let empty = Home::simulated().1;
        store.backup_on(&empty.vfs, &mut quiet).unwrap();
        let copy = empty.open(mode);
        assert_eq!(everything(&copy), everything(&store));
        assert_sound(&copy);
    }
}

#[test]
fn a_copy_that_was_only_read_is_brought_up_to_date() {
    for (mode, reading) in
        [(Mode::Shared, Mode::Shared), (Mode::Exclusive, Mode::Exclusive), (Mode::Exclusive, Mode::Shared)]
    {
        let (home, target) = (Home::simulated().1, Home::simulated().1);
        let store = home.open(mode);
        fill(&store);
        for round in 0..3 {
            store.backup_on(&target.vfs, &mut quiet).unwrap();
            let copy = target.open(reading);
            assert_eq!(everything(&copy), everything(&store), "{round}");
            assert_sound(&copy);
            assert!(copy.repair().unwrap().damaged.is_empty());
            copy.close().unwrap();
            drop(copy);
            thin_out_and_fill(&store, round);
            store.gc_at(later()).unwrap();
        }
    }
}

fn thin_out_and_fill(store: &Store, round: u64) {
    if round == 0 {
        thin_out(store);
    }
    let drive = store.drive("alice").unwrap();
    for n in 0..40 {
        let bytes = content(20_000 + round * 100 + n, 5000);
        drive.put(&format!("round{round}/{n}"), bytes.as_slice(), Put::new()).unwrap();
    }
}

#[test]
fn a_store_that_was_set_back_does_not_back_up_over_what_it_lost() {
    for mode in MODES {
        let ((disk, home), target) = (Home::simulated(), Home::simulated().1);
        let store = home.open(mode);
        fill(&store);
        let store = reopened(store, &home, mode);
        let earlier = snapshot(&disk);
        let drive = store.drive("alice").unwrap();
        drive.put("lost", content(900, 40_000).as_slice(), Put::new()).unwrap();
        store.backup_on(&target.vfs, &mut quiet).unwrap();
        let whole = everything(&store);
        store.close().unwrap();
        let set_back = earlier.open(mode);
        let drive = set_back.drive("alice").unwrap();
        for n in 0..20 {
            drive.put(&format!("other{n}"), content(950 + n, 40_000).as_slice(), Put::new()).unwrap();
        }
        let error = set_back.backup_on(&target.vfs, &mut quiet).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(everything(&target.open(mode)), whole, "the backup has what the store lost");
    }
}

#[test]
fn a_store_that_was_rebuilt_gives_out_no_id_again() {
    for mode in MODES {
        let home = Home::simulated().1;
        let store = home.open(mode);
        before_it(&store);
        let (ids, urls) = work(&store, 1000);
        store.close().unwrap();
        drop(store);
        Store::rebuild_on(&home.vfs, &options()).unwrap();
        let store = home.open(mode);
        assert!(urls.iter().all(|url| status(&store, url) == 200));
        let drive = store.drive("alice").unwrap();
        for n in 0..40 {
            drive.rename(&format!("new{n}"), &format!("aside/new{n}"), false).unwrap();
        }
        assert!(work(&store, 5000).0.is_disjoint(&ids));
        assert_sound(&store);
    }
}

#[test]
fn a_backup_into_the_store_itself_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store"), options()).unwrap();
    std::os::unix::fs::symlink(dir.path().join("store"), dir.path().join("way")).unwrap();
    for target in ["store", "store/backup", "store/blob/backup/deep", "way/backup", "store/../store/x"] {
        let error = store.backup(dir.path().join(target), &mut quiet).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{target}: {error}");
    }
    for gone in ["backup", "blob/backup", "x"] {
        assert!(!dir.path().join("store").join(gone).exists(), "{gone} was made");
    }
    store.backup(dir.path().join("beside"), &mut quiet).unwrap();
}
