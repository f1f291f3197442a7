//! What was deleted stays as long as the store promised, whichever process collects.

use super::*;
use crate::catalog::{blob, refcount};
use crate::kv::Write;

const HOUR: Duration = Duration::from_secs(3600);
/// The grace is at an end, and what is kept beyond it.
const OVER: Duration = Duration::from_secs(2 * 3600 + 5 * 60 + 1);

/// Opens the store as a process of its own would.
fn process(home: &Home, grace: Option<Duration>) -> Store {
    let vfs = Arc::new(RealVfs::new(home._dir.as_ref().unwrap().path()).unwrap());
    let options = Options { grace, ..options() };
    Store::open_on(vfs, options).unwrap()
}

fn put_two(store: &Store) {
    let drive = store.drive("alice").unwrap();
    drive.put("small", content(1, 900).as_slice(), Put::new()).unwrap();
    drive.put("large", content(2, 40_000).as_slice(), Put::new()).unwrap();
}

fn delete_two(store: &Store) {
    let drive = store.drive("alice").unwrap();
    drive.delete("small").unwrap();
    drive.delete("large").unwrap();
}

#[test]
fn a_process_with_a_shorter_grace_removes_nothing_that_another_promised() {
    let home = Home::real();
    let ours = process(&home, Some(2 * HOUR));
    put_two(&ours);
    let archive = ours.drive("alice").unwrap().archive(["small", "large"]).unwrap();
    let archive = archive.expires_in(2 * HOUR).create().unwrap();
    let whole = ours.open_archive(archive.id).unwrap().to_vec(u64::MAX).unwrap();
    let theirs = process(&home, Some(Duration::ZERO));
    let begun = Time::now();
    delete_two(&theirs);
    let longer = theirs.drive("alice").unwrap().archive([""]).unwrap().expires_in(HOUR).create();
    assert_eq!(longer.unwrap_err().kind(), crate::ErrorKind::InvalidArgument, "new ones are limited at once");
    for minutes in [0, 60, 119, 124] {
        let report = theirs.gc_at(begun.after(Duration::from_secs(60 * minutes))).unwrap();
        assert_eq!((report.blobs, report.waiting_blobs, report.waiting_bytes), (0, 2, 40_900));
        if minutes < 120 {
            assert!(ours.open_archive(archive.id).unwrap().to_vec(u64::MAX).unwrap() == whole);
        }
    }
    let report = theirs.gc_at(Time::now().after(OVER)).unwrap();
    assert_eq!((report.blobs, report.waiting_blobs, report.next_due), (2, 0, None));
    // From then on the shorter one counts.
    let again = Time::now().after(OVER);
    put_two(&ours);
    delete_two(&ours);
    assert_eq!(ours.gc_at(again).unwrap().blobs, 2);
    assert_sound(&ours);
}

#[test]
fn a_shorter_grace_frees_at_once_what_no_archive_needs() {
    everywhere(|home, mode| {
        let store = Store::open_on(home.vfs.clone(), options().mode(mode).grace(2 * HOUR)).unwrap();
        put_two(&store);
        delete_two(&store);
        assert_eq!(store.gc().unwrap().blobs, 0);
        store.set_grace(Duration::ZERO).unwrap();
        assert_eq!(store.gc().unwrap().blobs, 2);
        assert_sound(&store);
    });
}

#[test]
fn a_shorter_grace_waits_for_the_last_archive_that_is_out_and_no_longer() {
    let home = Home::real();
    let store = process(&home, Some(24 * HOUR));
    put_two(&store);
    let archive = store.drive("alice").unwrap().archive([""]).unwrap().expires_in(HOUR).create().unwrap();
    delete_two(&store);
    store.set_grace(Duration::ZERO).unwrap();
    assert_eq!(store.gc_at(archive.expires).unwrap().blobs, 0);
    assert_eq!(store.gc_at(archive.expires.after(Duration::from_secs(5 * 60))).unwrap().blobs, 2);
}

#[test]
fn a_collection_says_when_the_next_is_due() {
    everywhere(|home, mode| {
        let store = Store::open_on(home.vfs.clone(), options().mode(mode).grace(2 * HOUR)).unwrap();
        put_two(&store);
        assert_eq!(store.gc().unwrap().next_due, None);
        let begun = Time::now();
        delete_two(&store);
        let due = store.gc().unwrap().next_due.unwrap();
        assert!(due >= begun.after(2 * HOUR) && due <= Time::now().after(OVER), "{due}");
        assert_eq!(store.gc_at(due.before(Duration::from_micros(1))).unwrap().blobs, 0);
        assert!(store.gc_at(due).unwrap().blobs > 0);
    });
}

#[test]
fn the_grace_is_the_stores_and_stays_when_the_index_is_made_anew() {
    let home = Home::real();
    let ours = process(&home, None);
    assert_eq!(ours.grace().unwrap(), 24 * HOUR);
    let theirs = process(&home, Some(2 * HOUR));
    assert_eq!(ours.grace().unwrap(), 2 * HOUR);
    ours.set_grace(3 * HOUR).unwrap();
    assert_eq!(theirs.grace().unwrap(), 3 * HOUR);
    assert_eq!(process(&home, None).grace().unwrap(), 3 * HOUR, "who says nothing changes nothing");
    ours.close().unwrap();
    theirs.close().unwrap();
    home.vfs.remove("meta.redb").unwrap();
    Store::rebuild_on(&home.vfs, &options()).unwrap();
    let store = process(&home, None);
    assert_eq!(store.grace().unwrap(), 3 * HOUR);
}

#[test]
fn a_store_whose_rows_say_when_content_is_due_keeps_it_at_least_so_long() {
    let home = Home::real();
    let store = process(&home, None);
    put_two(&store);
    delete_two(&store);
    // As it was before the grace was the store's: no row of it, and the time a day later.
    let due = store
        .engine()
        .unwrap()
        .write(|change| {
            change.del(META, b"grace")?;
            let now = change.time(Time::now()).group;
            let due = now.after(24 * HOUR);
            for id in refcount::released(change, now, None, 9)?.0 {
                refcount::link(change, id)?;
                refcount::unlink(change, id, due)?;
                let first = postcard::to_extend(&blob::get(change, id)?, vec![1]).unwrap();
                change.put(BLOB, &id.to_key(), &first)?;
            }
            Ok(due)
        })
        .unwrap();
    store.close().unwrap();
    let store = process(&home, None);
    assert_eq!(store.grace().unwrap(), 24 * HOUR);
    assert_sound(&store);
    assert_eq!(store.gc_at(due).unwrap().blobs, 0);
    assert_eq!(store.gc_at(due.after(25 * HOUR)).unwrap().blobs, 2);
}
