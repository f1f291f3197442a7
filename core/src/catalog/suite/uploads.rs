//! Uploads in parts, notes on versions, and content found by its SHA-1.

use super::*;
use crate::catalog::note;
use crate::catalog::record::{Goal, PartRecord, UploadRecord};
use crate::catalog::{sha1_index, upload};

/// The time from which an upload of [`record`] is over.
const OVER: Time = Time(1_000_000);

/// What an upload of one more version is to become.
pub(super) fn record(drive: DriveId, file: FileId) -> UploadRecord {
    UploadRecord {
        drive,
        goal: Goal::Version { file, expect: None },
        media_type: "text/plain".to_owned(),
        modified: None,
        attributes: BTreeMap::new(),
        size: None,
        created: Time(1),
        expires: OVER,
        done: None,
    }
}

fn at(micros: i64) -> ChangeTime {
    ChangeTime { now: Time(micros), group: Time(micros) }
}

/// Puts a part with the content of a byte.
fn put(tx: &mut impl Write, ids: &mut impl NewId, id: UploadId, number: u32, byte: u8) -> Result<BlobId> {
    let blob = BlobId(ids.next()?);
    let content = BlobRecord {
        location: Location::File,
        len: 10,
        crc32: 1,
        crc64: byte.into(),
        sha1: [byte; 20],
        blake3: [byte; 32],
        refs: 0,
        released: None,
        scope: blob::APART,
    };
    upload::open(tx, id, number, Time(2))?;
    refcount::insert(tx, blob, content, Time(9))?;
    let part = PartRecord { blob, len: 10, crc64: byte.into(), blake3: [byte; 32] };
    upload::put_part(tx, id, number, &part, u64::MAX, at(2))?;
    Ok(blob)
}

fn begun<K: Kv>(store: &mut Store<K>) -> UploadId {
    let file = store.put("f", 1).unwrap().id.file();
    let drive = store.drive;
    store
        .change(|tx, ids| {
            let id = UploadId(ids.next()?);
            upload::begin(tx, id, &record(drive, file))?;
            Ok(id)
        })
        .unwrap()
}

pub(super) fn a_part_replaces_the_one_before_and_is_shared_with_nobody<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let id = begun(&mut store);
    // The same content thrice, and as a version: no part has the blob of another.
    let first = store.change(|tx, ids| put(tx, ids, id, 2, 1)).unwrap();
    let second = store.change(|tx, ids| put(tx, ids, id, 2, 1)).unwrap();
    let third = store.change(|tx, ids| put(tx, ids, id, 10_000, 1)).unwrap();
    let shared = blob::find(&store.reader(), 0, &[1; 32]).unwrap().unwrap();
    assert_eq!(std::collections::HashSet::from([first, second, third, shared]).len(), 4);
    assert_eq!(blob::find(&store.reader(), blob::APART, &[1; 32]).unwrap(), None);
    let parts = upload::parts(&store.reader(), id, 0, 10).unwrap();
    assert_eq!(
        parts.iter().map(|(number, part)| (*number, part.blob)).collect::<Vec<_>>(),
        [(2, second), (10_000, third)]
    );
    assert_eq!(upload::parts(&store.reader(), id, 2, 10).unwrap().len(), 1);
    // What was replaced may go at once: nobody else can have it.
    assert_eq!(refcount::released(&store.reader(), refcount::AT_ONCE, None, 9).unwrap().0, [first]);
    store.verify();
    for number in [0, 10_001, u32::MAX] {
        let refused = store.change(|tx, ids| put(tx, ids, id, number, 1));
        assert_eq!(kind(refused), Some(ErrorKind::InvalidArgument));
    }
    // In a scope where it is there already a part is not taken over; in another it is.
    assert_eq!(kind(store.change(|tx, _| refcount::adopt(tx, second, 0))), Some(ErrorKind::Bug));
    store.change(|tx, _| refcount::adopt(tx, second, 7)).unwrap();
    assert_eq!(blob::find(&store.reader(), 7, &[1; 32]).unwrap(), Some(second));
    store.verify();
}

pub(super) fn an_upload_that_is_done_or_over_takes_no_part<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let id = begun(&mut store);
    let version = VersionId::new(store.id("f"), 1);
    assert!(upload::open(&store.reader(), id, 1, Time(OVER.0 - 1)).is_ok());
    assert_eq!(kind(upload::open(&store.reader(), id, 1, OVER)), Some(ErrorKind::Expired));
    assert_eq!(kind(upload::get(&store.reader(), UploadId(999), OVER)), Some(ErrorKind::NotFound));
    store.change(|tx, _| upload::finish(tx, id, version, Time(3))).unwrap();
    assert_eq!(upload::get(&store.reader(), id, Time(3)).unwrap().done, Some(version));
    assert_eq!(kind(store.change(|tx, ids| put(tx, ids, id, 1, 1))), Some(ErrorKind::Gone));
    store.verify();
}

pub(super) fn expired_uploads_are_swept_in_bounded_steps<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let ids = [begun(&mut store), begun(&mut store)];
    for id in ids {
        for number in 1..=7 {
            store.change(|tx, ids| put(tx, ids, id, number, number as u8)).unwrap();
        }
    }
    assert_eq!(store.change(|tx, _| upload::expire(tx, at(OVER.0 - 1), 100)).unwrap(), 0);
    let mut steps = Vec::new();
    loop {
        match store.change(|tx, _| upload::expire(tx, at(OVER.0), 5)).unwrap() {
            0 => break,
            removed => steps.push(removed),
        }
        store.verify();
    }
    assert_eq!(steps, [5, 5, 5, 1]);
    for id in ids {
        assert_eq!(kind(upload::get(&store.reader(), id, Time(3))), Some(ErrorKind::NotFound));
    }
    assert_eq!(refcount::released(&store.reader(), OVER, None, 99).unwrap().0.len(), 14);
}

pub(super) fn d3_a_sha1_of_two_contents_finds_neither<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let (one, two) = (store.blob(1), store.blob(2));
    for (path, content) in [("one", 1), ("two", 2)] {
        store.put(path, content).unwrap();
    }
    let all = sha1_index::Within::Scope;
    let record = blob::get(&store.reader(), one).unwrap();
    let (sha1, len) = (record.sha1, record.len);
    let find = |store: &Store<K>, len| {
        sha1_index::find(&store.reader(), all(0), &sha1, len).unwrap().map(|found| found.0)
    };
    assert_eq!(find(&store, len), None);
    store.change(|tx, _| sha1_index::note(tx, one, [9; 20])).unwrap();
    store.change(|tx, _| sha1_index::note(tx, one, [9; 20])).unwrap();
    assert_eq!((find(&store, len), find(&store, len + 1)), (Some(one), None));
    let begins = |store: &Store<K>, scope, beginning, len| {
        sha1_index::begins(&store.reader(), all(scope), &[beginning; 20], len).unwrap()
    };
    assert!(begins(&store, 0, 9, len));
    assert!(!begins(&store, 0, 9, len + 1) && !begins(&store, 0, 8, len) && !begins(&store, 1, 9, len));
    // A second content with the same SHA-1, made so on purpose.
    store
        .change(|tx, _| {
            let other = blob::get(tx, two)?;
            row::put(tx, table::BLOB, &two.to_key(), &BlobRecord { sha1, ..other })?;
            sha1_index::note(tx, two, [9; 20])
        })
        .unwrap();
    assert_eq!(find(&store, len), None);
    // What is set aside, or gone, is found no more; the other is then.
    store.change(|tx, _| refcount::quarantine(tx, two)).unwrap();
    assert_eq!(find(&store, len), Some(one));
    store.delete("one").unwrap();
    assert_eq!(find(&store, len), None);
    assert!(!begins(&store, 0, 9, len));
    let released = blob::get(&store.reader(), one).unwrap().released.unwrap();
    store.change(|tx, _| refcount::forget(tx, one, released)).unwrap();
    store.verify();
}

/// What drives share is found by a drive as long as a version of its own has it, wherever that lies.
pub(super) fn a_drive_finds_what_it_has_and_nothing_of_others<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let (id, drive) = (store.blob(LONG), store.drive);
    let (sha1, len) = (content_of(LONG).sha1, content_of(LONG).len);
    store.change(|tx, _| sha1_index::note(tx, id, [9; 20])).unwrap();
    let other = store.change(|tx, ids| drive::open(tx, "other", ids, Time(1))).unwrap();
    let has = |store: &Store<K>, drive| {
        let within = sha1_index::Within::Drive(drive);
        let found = sha1_index::find(&store.reader(), within, &sha1, len).unwrap().is_some();
        assert_eq!(sha1_index::begins(&store.reader(), within, &[9; 20], len).unwrap(), found);
        store.verify();
        found
    };
    assert!(!has(&store, drive));
    let first = store.put("a", LONG).unwrap();
    assert_eq!((has(&store, drive), has(&store, other)), (true, false));
    // An older version, a copy, and what lies in the trash are its own too.
    store.put("a", 1).unwrap();
    assert!(has(&store, drive));
    store.copy("a", "b", CopyVersions::All, 9).unwrap();
    let time = ChangeTime { now: Time(9), group: Time(9) };
    store.change(|tx, _| version::remove(tx, first.id, time)).unwrap();
    assert!(has(&store, drive));
    let trashed = store.trash("b").unwrap();
    assert!(has(&store, drive));
    store.restore(trashed, None).unwrap();
    // Content that is set aside is given for no claim, and comes and goes with its versions all the same.
    store.change(|tx, _| refcount::quarantine(tx, id)).unwrap();
    assert!(!has(&store, drive));
    store.copy("b", "c", CopyVersions::All, 9).unwrap();
    store.delete("b").unwrap();
    store.change(|tx, _| refcount::reinstate(tx, id)).unwrap();
    assert!(!has(&store, drive));
    store.delete("c").unwrap();
    assert!(!has(&store, drive));
}

/// The version of an upload goes before its parts are cleared, as it may when a process dies between.
pub(super) fn a_part_that_became_a_version_outlives_it_by_the_grace<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let file = store.put("f", 1).unwrap().id.file();
    let (id, drive) = (UploadId(77), store.drive);
    store.change(|tx, _| upload::begin(tx, id, &record(drive, file))).unwrap();
    let became = store.change(|tx, ids| put(tx, ids, id, 1, 8)).unwrap();
    let apart = store.change(|tx, ids| put(tx, ids, id, 2, 9)).unwrap();
    let version = store
        .change(|tx, _| {
            refcount::adopt(tx, became, 0)?;
            let new = NewVersion {
                blob: became,
                fresh: None,
                media_type: "",
                modified: Time(2),
                executable: false,
                details: put::Details::default(),
            };
            put::to_file(tx, file, new, Expect::Any, at(3))
        })
        .unwrap();
    store
        .change(|tx, _| {
            version::set_current(tx, VersionId::new(file, 1), Time(4))?;
            version::remove(tx, version.id, at(4))
        })
        .unwrap();
    store.change(|tx, _| upload::clear(tx, id, at(5), 10)).unwrap();
    let released = |blob| blob::get(&store.reader(), blob).unwrap().released;
    assert_eq!(released(became), Some(Time(5)), "an archive may have it");
    assert_eq!(released(apart), Some(refcount::AT_ONCE), "nobody else had it");
    store.verify();
}

pub(super) fn a_note_goes_with_its_version<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let first = store.put("f", 1).unwrap().id;
    let second = store.put("f", 2).unwrap().id;
    assert_eq!(note::get(&store.reader(), first).unwrap(), "");
    store.change(|tx, _| note::set(tx, first, "said")).unwrap();
    assert_eq!(note::get(&store.reader(), first).unwrap(), "said");
    let long = "n".repeat((16 << 10) + 1);
    assert_eq!(kind(store.change(|tx, _| note::set(tx, first, &long))), Some(ErrorKind::TooLarge));
    let nobody = VersionId::new(first.file(), 9);
    assert_eq!(kind(store.change(|tx, _| note::set(tx, nobody, "x"))), Some(ErrorKind::NotFound));
    let time = at(5);
    // Its content once more, as the newest.
    let again = store.change(|tx, _| put::again(tx, first, time)).unwrap();
    assert_eq!((again.id.number(), again.blake3), (3, [1; 32]));
    assert_eq!(kind(store.change(|tx, _| put::again(tx, again.id, time))), Some(ErrorKind::InvalidArgument));
    store.change(|tx, _| version::remove(tx, first, time)).unwrap();
    assert_eq!(note::get(&store.reader(), first).unwrap(), "");
    assert_eq!(version::count_kept(&store.reader(), first.file(), 9).unwrap(), 0);
    store.change(|tx, _| version::set_keep(tx, second, true)).unwrap();
    assert_eq!(version::count_kept(&store.reader(), first.file(), 9).unwrap(), 1);
    store.verify();
}
