//! The index of hashes: contents whose hashes begin alike, and rows of an earlier build.

use super::*;
use crate::catalog::hash_index;
use crate::catalog::table::{BLOB_HASH, OLD_BLOB_HASH};
use crate::kv::Table;

fn rows<K: Kv>(store: &Store<K>, table: Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    super::super::prefix::page(&store.reader(), table, &[], None, usize::MAX).unwrap()
}

fn find<K: Kv>(store: &Store<K>, scope: u64, blake3: &[u8; 32]) -> Option<BlobId> {
    blob::find(&store.reader(), scope, blake3).unwrap()
}

/// Stores content of a hash in a scope.
fn insert<K: Kv>(store: &mut Store<K>, scope: u64, blake3: [u8; 32]) -> BlobId {
    let released = store.now;
    let insert = |tx: &mut K::Writer, ids: &mut Ids| {
        let id = BlobId(ids.next()?);
        refcount::insert(tx, id, BlobRecord { scope, blake3, ..content_of(1) }, released)?;
        Ok(id)
    };
    store.change(insert).unwrap()
}

pub(super) fn hashes_that_begin_alike_are_compared_to_their_ends<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let mut alike = [[1; 32]; 3];
    alike[1][31] = 2;
    // In a drive's scope another hash has the key.
    alike[2][5] = 1 ^ 9;
    let scopes = [0, 0, 9];
    let ids = [0, 1, 2].map(|index| insert(&mut store, scopes[index], alike[index]));
    let [(key, value)] = rows(&store, BLOB_HASH).try_into().unwrap();
    assert_eq!((key.as_slice(), value.len()), (&[1; 6][..], 4), "a row for all of them");
    store.verify();
    for (index, id) in ids.into_iter().enumerate() {
        for other in 0..3 {
            let found = find(&store, scopes[index], &alike[other]);
            assert_eq!(found.is_some(), alike[other] == alike[index] || other < 2 && index < 2);
        }
        assert_eq!(find(&store, scopes[index], &alike[index]), Some(id));
    }
    let mut fourth = [1; 32];
    fourth[6] = 7;
    assert_eq!(find(&store, 0, &fourth), None);
    // One goes and comes back, and then goes for good; the others stay.
    let [first, second, third] = ids;
    store.change(|tx, _| refcount::quarantine(tx, second)).unwrap();
    assert_eq!((find(&store, 0, &alike[0]), find(&store, 0, &alike[1])), (Some(first), None));
    store.verify();
    assert!(store.change(|tx, _| refcount::reinstate(tx, second)).unwrap());
    assert_eq!(find(&store, 0, &alike[1]), Some(second));
    store.verify();
    let now = store.now;
    store.change(|tx, _| refcount::forget(tx, first, now)).unwrap().unwrap();
    assert_eq!((find(&store, 0, &alike[0]), find(&store, 0, &alike[1])), (None, Some(second)));
    store.verify();
    store.change(|tx, _| refcount::forget(tx, second, now)).unwrap().unwrap();
    store.change(|tx, _| refcount::forget(tx, third, now)).unwrap().unwrap();
    assert!(rows(&store, BLOB_HASH).is_empty());
    store.verify();
}

pub(super) fn a_check_notices_what_is_wrong_with_hashes<K: Kv>(make: &impl Fn() -> K) {
    let mut store = Store::new(make);
    let [one, two] = [1, 2].map(|content| store.blob(content));
    let key = hash_index::key(0, &[1; 32]);
    let old_key = hash_index::old_key(0, &[1; 32]);
    let other_key = hash_index::old_key(0, &[3; 32]);
    let short = |ids: &[u64]| {
        let row = ids.iter().fold(vec![1], |row, id| postcard::to_extend(id, row).unwrap());
        (BLOB_HASH, key.to_vec(), row)
    };
    let old = |key: &[u8], id: BlobId| (OLD_BLOB_HASH, key.to_vec(), id.to_key().to_vec());
    for (what, (table, key, value)) in [
        ("found twice by one row", short(&[one.0, one.0])),
        ("another's beside it", short(&[one.0, two.0])),
        ("one that is gone beside it", short(&[one.0, 999])),
        ("another alone", short(&[two.0])),
        ("a row of an earlier build too", old(&old_key, one)),
        ("such a row of another hash", old(&other_key, one)),
        ("such a row of what is gone", old(&other_key, BlobId(999))),
        ("a row that cannot be read", (OLD_BLOB_HASH, other_key.clone(), vec![1])),
        ("a row of an earlier build with a short key", old(&old_key[..39], one)),
        ("a row of another key too", (BLOB_HASH, vec![9; 6], short(&[one.0]).2)),
    ] {
        let mut writer = store.kv.writer().unwrap();
        writer.put(table, &key, &value).unwrap();
        assert!(!check(&writer, &AtomicBool::new(false)).unwrap().problems.is_empty(), "{what}");
    }
    // All rows as an earlier build wrote them are sound, in whichever table.
    store
        .change(|tx, _| {
            tx.del(BLOB_HASH, &key)?;
            tx.put(OLD_BLOB_HASH, &old_key, &one.to_key())
        })
        .unwrap();
    store.verify();
    assert_eq!((find(&store, 0, &[1; 32]), find(&store, 0, &[2; 32])), (Some(one), Some(two)));
    store.change(|tx, _| refcount::quarantine(tx, one)).unwrap();
    assert_eq!(find(&store, 0, &[1; 32]), None);
    assert!(rows(&store, OLD_BLOB_HASH).is_empty());
    assert!(store.change(|tx, _| refcount::reinstate(tx, one)).unwrap());
    assert_eq!((find(&store, 0, &[1; 32]), rows(&store, BLOB_HASH).len()), (Some(one), 2));
    store.verify();
}
