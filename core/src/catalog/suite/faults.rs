//! The control of the checker: whatever is taken from the rows, it notices.

use super::*;
use crate::catalog::record::{ChildRecord, PartRecord, Record};
use crate::catalog::table::{BLOB, CHILD, COUNTER, DELETED_BLOB, DELETED_FILE, TRASH, VERSION_NOTE};
use crate::catalog::{node, note, state};
use crate::catalog::{sha1_index, upload};
use crate::kv::Table;

/// Makes a store that has a row in every table that is checked.
fn full<K: Kv>(make: &impl Fn() -> K) -> Store<K> {
    let mut store = Store::new(make);
    let file = store.put("a/f", 1).unwrap().id.file();
    store.put("a/f", 2).unwrap();
    store.put("a/b/g", 3).unwrap();
    store.put("gone/h", 4).unwrap();
    let now = store.now;
    let (folder, long_value) = (store.id("a"), "v".repeat(300));
    for (id, value) in [(file, long_value.as_str()), (folder, "v")] {
        let attributes = BTreeMap::from([("k".to_owned(), value.to_owned())]);
        store.change(|tx, _| node::set_attributes(tx, id, attributes, now)).unwrap();
    }
    let long = store.blob(LONG);
    store.change(|tx, _| sha1_index::note(tx, long, [8; 20])).unwrap();
    store.put("long", LONG).unwrap();
    store.put("trash", 5).unwrap();
    let drive = store.drive;
    store.change(|tx, ids| hang(tx, ids, drive, file)).unwrap();
    store.change(|tx, ids| uploads(tx, ids, drive, VersionId::new(file, 1))).unwrap();
    store.trash("trash").unwrap();
    store.delete("gone").unwrap();
    store.blob(6);
    store.verify();
    store
}

/// Returns every row of a table that is checked.
fn rows<K: Kv>(store: &Store<K>) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let rows = dump(&store.reader());
    let table = |byte| *ALL.iter().find(|table| table.byte == byte).unwrap();
    rows.into_iter().map(|(byte, key, value)| (table(byte), key, value)).collect()
}

/// Adds an upload with a part, and says something of a version and of its content.
fn uploads(tx: &mut impl Write, ids: &mut impl NewId, drive: DriveId, version: VersionId) -> Result<()> {
    let (id, part) = (UploadId(ids.next()?), BlobId(ids.next()?));
    upload::begin(tx, id, &super::uploads::record(drive, version.file()))?;
    let content = blob::get(tx, BlobId(blob::find(tx, 0, &[1; 32])?.unwrap().0))?;
    let BlobRecord { len, crc64, blake3, .. } = content;
    refcount::insert(tx, part, BlobRecord { scope: blob::APART, ..content }, Time(9))?;
    upload::put_part(
        tx,
        id,
        7,
        &PartRecord { blob: part, len, crc64, blake3 },
        u64::MAX,
        ChangeTime { now: Time(2), group: Time(2) },
    )?;
    let known = blob::find(tx, 0, &blake3)?.unwrap();
    sha1_index::note(tx, known, [9; 20])?;
    note::set(tx, version, "said")
}

/// What downloads through a link were counted, and what is said of a version, is known by nothing else. Without
/// the note that attributes have their rows, a store is of an earlier build.
fn is_alone(table: Table, key: &[u8]) -> bool {
    table == COUNTER && key[0] >= 10 || table == VERSION_NOTE || key == b"attributes-indexed"
}

/// Returns whether the check notices a change; the change is taken back.
fn is_found<K: Kv>(store: &Store<K>, plant: impl FnOnce(&mut K::Writer)) -> bool {
    let mut writer = store.kv.writer().unwrap();
    plant(&mut writer);
    !check(&writer, &AtomicBool::new(false)).unwrap().problems.is_empty()
}

/// Takes some hundred checks of all rows. What the checker notices does not depend on the driver.
pub(super) fn run<K: Kv>(make: &impl Fn() -> K) {
    every_missing_row_is_found(make);
    s10_every_damaged_row_is_found(make);
    every_planted_fault_is_found(make);
}

fn every_missing_row_is_found<K: Kv>(make: &impl Fn() -> K) {
    let store = full(make);
    assert!(!is_found(&store, |_| ()), "a sound store has no problem");
    for (table, key, _) in rows(&store) {
        if !is_alone(table, &key) {
            assert!(is_found(&store, |tx| tx.del(table, &key).unwrap()), "{} {key:?}", table.name);
        }
    }
}

fn s10_every_damaged_row_is_found<K: Kv>(make: &impl Fn() -> K) {
    let store = full(make);
    for (table, key, value) in rows(&store) {
        if value.is_empty() || is_alone(table, &key) || table == table::META {
            continue;
        }
        let short = &value[..value.len() - 1];
        assert!(is_found(&store, |tx| tx.put(table, &key, short).unwrap()), "{} {key:?}", table.name);
        let later = [&[value[0].wrapping_add(1)], &value[1..]].concat();
        assert!(is_found(&store, |tx| tx.put(table, &key, &later).unwrap()), "{} {key:?}", table.name);
    }
}

fn every_planted_fault_is_found<K: Kv>(make: &impl Fn() -> K) {
    let store = full(make);
    let (a, b, f) = (store.id("a"), store.id("a/b"), store.id("a/f"));
    let blob = BlobId(blob::find(&store.reader(), 0, &[1; 32]).unwrap().unwrap().0);
    let node = |tx: &K::Writer, id: FileId| node::get(tx, id).unwrap();
    let set =
        |tx: &mut K::Writer, id: FileId, node: &FileRecord| row::put(tx, FILE, &id.to_key(), node).unwrap();

    assert!(is_found(&store, |tx| {
        let content = blob::get(tx, blob).unwrap();
        row::put(tx, BLOB, &blob.to_key(), &BlobRecord { refs: 2, ..content }).unwrap();
    }));
    assert!(is_found(&store, |tx| {
        tx.put(DELETED_BLOB, &row::due(Time(7), blob.0), &[]).unwrap();
    }));
    assert!(is_found(&store, |tx| tx.put(DELETED_FILE, &f.to_key(), &[]).unwrap()));
    assert!(is_found(&store, |tx| counter::add(tx, Counter::DriveBytes(store.drive), 1).unwrap()));
    assert!(is_found(&store, |tx| counter::add(tx, Counter::Blobs, -1).unwrap()));
    assert!(is_found(&store, |tx| {
        let node = FileRecord { current: 1, ..node(tx, f) };
        set(tx, f, &node);
    }));
    assert!(is_found(&store, |tx| {
        let key = node::child_key(a, "f");
        let row: ChildRecord = row::get(tx, CHILD, &key).unwrap().unwrap();
        row::put(tx, CHILD, &key, &ChildRecord { size: 11, ..row }).unwrap();
    }));
    assert!(is_found(&store, |tx| {
        let name = "twice";
        let row = tx.get(CHILD, &node::child_key(a, "f"), ChildRecord::decode).unwrap().unwrap();
        row::put(tx, CHILD, &node::child_key(b, name), &row).unwrap();
    }));
    assert!(is_found(&store, |tx| tx.put(TRASH, &row::pair(store.drive.0, f.0), &[]).unwrap()));
    assert!(is_found(&store, |tx| {
        let node = FileRecord { attributes: BTreeMap::new(), ..node(tx, f) };
        set(tx, f, &node);
    }));
    assert!(is_found(&store, |tx| {
        let attributes = BTreeMap::from([("k".to_owned(), "other".to_owned())]);
        let node = FileRecord { attributes, ..node(tx, a) };
        set(tx, a, &node);
    }));
    assert!(is_found(&store, |tx| {
        // a/b, with its row, into itself: every row agrees with its neighbours.
        let root = drive::get(tx, store.drive).unwrap().root;
        let row = node::child(tx, root, "a").unwrap().unwrap();
        tx.del(CHILD, &node::child_key(root, "a")).unwrap();
        row::put(tx, CHILD, &node::child_key(b, "a"), &row).unwrap();
        let node = FileRecord { parent: Some(b), ..node(tx, a) };
        set(tx, a, &node);
        assert_eq!(kind(state::of_file(tx, f)), Some(ErrorKind::TooLarge), "no endless climb");
    }));
}
