//! Contents whose hashes begin alike.

use std::time::Duration;

use holdall::mutant::Mutant;
use holdall::{CheckOptions, Dedup, Options, Put, Store};

use crate::finds;

/// Found among 40,000,000: the BLAKE3 of both begins with 0a3803bc6819, as long as a key of the index of hashes.
const ALIKE: [&[u8]; 2] = [b"content 19101260", b"content 34582638"];

#[test]
fn two_contents_whose_hashes_begin_alike_are_two() {
    finds(Mutant::PrefixesAreHashes, || {
        for dedup in [Dedup::Store, Dedup::Drive] {
            let dir = tempfile::tempdir().unwrap();
            let options = Options::new().grace(Duration::ZERO).dedup(dedup);
            let store = Store::open(dir.path(), options).unwrap();
            let drive = store.drive("alice").unwrap();
            for (folder, content) in ["one", "other"].into_iter().zip(ALIKE) {
                for name in ["put", "put again"] {
                    drive.put(&format!("{folder}/{name}"), content, Put::new()).unwrap();
                }
            }
            let read = |path: &str| drive.open_file(path).unwrap().to_vec(u64::MAX).unwrap();
            let is_whole = || {
                let report = store.check(CheckOptions::new().content(true)).unwrap();
                assert!(report.problems.is_empty(), "{:?}", report.problems);
            };
            assert_eq!(store.stats().unwrap().blobs, 2);
            assert_eq!(
                (read("one/put again"), read("other/put again")),
                (ALIKE[0].to_vec(), ALIKE[1].to_vec())
            );
            is_whole();
            drive.delete("one").unwrap();
            store.gc().unwrap();
            drive.put("other/third time", ALIKE[1], Put::new()).unwrap();
            assert_eq!((store.stats().unwrap().blobs, read("other/third time")), (1, ALIKE[1].to_vec()));
            is_whole();
        }
    });
}
