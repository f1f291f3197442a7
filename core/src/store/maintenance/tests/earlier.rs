//! A store that an earlier build made: `earlier.zip` has the files of one, whose index has whole hashes and whose
//! records were not packed yet.

use std::io::Read as _;

use super::*;
use crate::catalog::table::{BLOB_HASH, OLD_BLOB_HASH};
use crate::kv::Read;
use crate::vfs::Open;

const EARLIER: &[u8] = include_bytes!("earlier.zip");

/// Brings the store to a disk, with its index or with its log alone.
fn earlier(with_index: bool) -> Home {
    let (disk, home) = Home::simulated();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(EARLIER)).unwrap();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        let (path, mut bytes) = (file.name().unwrap().into_owned(), Vec::new());
        file.read_to_end(&mut bytes).unwrap();
        if let Some((dir, _)) = path.split_once('/') {
            disk.make_dir(dir).unwrap();
        }
        if path != "meta.redb" || with_index {
            disk.open(&path, Open::Create).unwrap().write_at(0, &[&bytes]).unwrap();
        }
    }
    if !with_index {
        Store::rebuild_on(&home.vfs, &options()).unwrap();
    }
    home
}

fn count(store: &Store, table: Table) -> usize {
    prefix::page(&store.engine().unwrap().reader().unwrap(), table, &[], None, usize::MAX).unwrap().len()
}

/// The first byte of each row of a table: the version of its record.
fn versions(store: &Store, table: Table) -> Vec<u8> {
    let rows =
        prefix::page(&store.engine().unwrap().reader().unwrap(), table, &[], None, usize::MAX).unwrap();
    rows.iter().map(|(_, value)| value[0]).collect()
}

#[test]
fn a_store_of_an_earlier_build_is_read_and_goes_on() {
    for (with_index, mode) in [(true, Mode::Shared), (true, Mode::Exclusive), (false, Mode::Shared)] {
        let home = earlier(with_index);
        let store = home.open(mode);
        assert_eq!((count(&store, BLOB_HASH), count(&store, OLD_BLOB_HASH)), (0, 4));
        assert_eq!(versions(&store, BLOB), [2; 4]);
        assert_sound(&store);
        let drive = store.drive("main").unwrap();
        let read = |path: &str| drive.open_file(path).unwrap().to_vec(u64::MAX).unwrap();
        assert_eq!(
            (read("docs/a/one.txt"), read("docs/same.txt")),
            (b"one more\n".to_vec(), b"one\n".to_vec())
        );
        assert_eq!(read("nothing.bin"), [0; 3000]);
        assert_eq!(drive.versions("docs/a/one.txt", None, 10).unwrap().len(), 2);
        assert_eq!(drive.list_trash(None, 10).unwrap().len(), 1);

        // What was put before is found by its hash, and what is new in the same table as everything new.
        drive.put("again", &[0; 3000][..], Put::new()).unwrap();
        drive.put("new", &b"new"[..], Put::new()).unwrap();
        drive.put("new, again", &b"new"[..], Put::new()).unwrap();
        assert_eq!(store.stats().unwrap().blobs, 5);
        assert_eq!((count(&store, BLOB_HASH), count(&store, OLD_BLOB_HASH)), (1, 4));
        assert_sound(&store);

        // Content that goes takes its row along, whoever wrote that.
        ["again", "nothing.bin", "new", "new, again"].iter().for_each(|path| drive.delete(path).unwrap());
        store.gc_at(later()).unwrap();
        assert_eq!((count(&store, BLOB_HASH), count(&store, OLD_BLOB_HASH)), (0, 3));
        drive.put("again", &[0; 3000][..], Put::new()).unwrap();
        assert_eq!((count(&store, BLOB_HASH), count(&store, OLD_BLOB_HASH)), (1, 3));
        assert_sound(&store);
        let position =
            store.engine().unwrap().reader().unwrap().get(META, POSITION, |row| Ok(row[0])).unwrap();
        assert_eq!(position, Some(3), "an earlier build refuses the store from now on");
        store.close().unwrap();

        Store::rebuild_on(&home.vfs, &options()).unwrap();
        let store = home.open(mode);
        assert_sound(&store);
        assert_eq!((count(&store, BLOB_HASH), count(&store, OLD_BLOB_HASH)), (1, 3));
        let (_, copy) = Home::simulated();
        store.backup_on(&copy.vfs, &mut |_| Ok(())).unwrap();
        let copy = copy.open(Mode::Shared);
        assert_sound(&copy);
        copy.drive("main").unwrap().put("more", &b"one\n"[..], Put::new()).unwrap();
        assert_eq!(copy.stats().unwrap().blobs, 4);
    }
}
