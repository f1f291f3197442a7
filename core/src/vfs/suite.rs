//! One suite of behaviour, run over the real file system, by both of its ways to reach a file, and
//! over the simulated one.

use std::io::{ErrorKind, Result};
use std::sync::{Arc, PoisonError};

use crate::fork::FORKS;

use super::{DIRECT_ALIGN, Open, RealVfs, SimVfs, Vfs, VfsFile};

macro_rules! suite {
    ($($behaviour:ident)*) => {
        mod real {
            use super::*;
            $(#[test]
            fn $behaviour() {
                let dir = tempfile::tempdir().unwrap();
                super::$behaviour(&RealVfs::new(dir.path()).unwrap());
            })*
        }
        mod walking {
            use super::*;
            $(#[test]
            fn $behaviour() {
                let dir = tempfile::tempdir().unwrap();
                super::$behaviour(&RealVfs::walking(dir.path()).unwrap());
            })*
        }
        mod sim {
            use super::*;
            $(#[test]
            fn $behaviour() {
                super::$behaviour(&SimVfs::new(1));
            })*
        }
    };
}

suite! {
    open_makes_a_file_only_where_it_is_asked_to
    a_handle_for_reading_writes_nothing
    parts_are_written_one_behind_the_other_however_many
    a_write_behind_the_end_leaves_zeros
    what_is_written_past_the_cache_is_read_like_anything_else
    a_read_past_the_end_is_unexpected_eof
    a_file_holds_what_it_has_and_no_more_after_a_cut
    set_len_cuts_and_fills_with_zeros
    allocate_lengthens_and_never_shortens
    rename_replaces_and_keeps_open_handles
    rename_of_nothing_is_not_found
    rename_between_directories_and_onto_itself
    a_removed_file_stays_readable_while_open
    a_listing_is_in_order_and_holds_files_only
    a_directory_is_no_file_and_a_file_no_directory
    make_dir_makes_parents_and_may_be_repeated
    a_path_out_of_the_store_is_refused
    a_lock_excludes_every_other_handle_until_closed
    windows_see_growth_and_outlive_everything
    a_window_past_the_end_is_unexpected_eof_before_and_after_a_cut
    a_locked_file_has_windows_and_they_do_not_keep_the_lock
    every_sync_succeeds
}

fn put(vfs: &dyn Vfs, path: &str, content: &[u8]) -> Arc<dyn VfsFile> {
    let file = vfs.open(path, Open::Create).unwrap();
    file.set_len(0).unwrap();
    file.write_at(0, &[content]).unwrap();
    file
}

fn read(file: &dyn VfsFile) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

fn get(vfs: &dyn Vfs, path: &str) -> Vec<u8> {
    read(&*vfs.open(path, Open::Read).unwrap())
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn names(vfs: &dyn Vfs, dir: &str) -> Vec<String> {
    vfs.list(dir).unwrap().into_iter().map(|entry| entry.name).collect()
}

fn open_makes_a_file_only_where_it_is_asked_to(vfs: &dyn Vfs) {
    assert_eq!(kind(vfs.open("a", Open::Read)), ErrorKind::NotFound);
    assert_eq!(kind(vfs.open("a", Open::Write)), ErrorKind::NotFound);
    assert_eq!(kind(vfs.open("no/a", Open::Create)), ErrorKind::NotFound);
    assert!(vfs.open("a", Open::CreateNew).unwrap().is_empty().unwrap());
    assert_eq!(kind(vfs.open("a", Open::CreateNew)), ErrorKind::AlreadyExists);
    vfs.open("a", Open::Write).unwrap().write_at(0, &[b"one"]).unwrap();
    assert_eq!(read(&*vfs.open("a", Open::Create).unwrap()), b"one");
    assert_eq!(get(vfs, "a"), b"one");
}

fn a_handle_for_reading_writes_nothing(vfs: &dyn Vfs) {
    put(vfs, "a", b"one");
    let file = vfs.open("a", Open::Read).unwrap();
    assert!(file.write_at(0, &[b"two"]).is_err());
    assert!(file.set_len(1).is_err());
    assert!(file.allocate(9).is_err());
    assert_eq!(read(&*file), b"one");
}

fn parts_are_written_one_behind_the_other_however_many(vfs: &dyn Vfs) {
    let file = vfs.open("a", Open::CreateNew).unwrap();
    for count in [0, 1, 2, 63, 64, 65, 127, 128, 129, 1023, 1024, 1025, 3000] {
        let parts: Vec<Vec<u8>> = (0..count).map(|part: usize| vec![part as u8; part % 5]).collect();
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        file.set_len(0).unwrap();
        file.write_at(3, &slices).unwrap();
        let whole = parts.concat();
        if !whole.is_empty() {
            assert_eq!(read(&*file), [b"\0\0\0".as_slice(), &whole].concat(), "{count} parts");
        }
    }
}

fn a_write_behind_the_end_leaves_zeros(vfs: &dyn Vfs) {
    let file = put(vfs, "a", b"one");
    file.write_at(5, &[b"x", b"", b"y"]).unwrap();
    file.write_at(1, &[b"NE"]).unwrap();
    file.write_at(900, &[]).unwrap();
    assert_eq!(read(&*file), b"oNE\0\0xy");
}

fn what_is_written_past_the_cache_is_read_like_anything_else(vfs: &dyn Vfs) {
    let file = vfs.open("a", Open::CreateNew).unwrap();
    let mut expected = vec![0; 5 * DIRECT_ALIGN + 1];
    file.write_at(0, &[&expected]).unwrap();
    let room = vec![7; 4 * DIRECT_ALIGN];
    let start = room.as_ptr().align_offset(DIRECT_ALIGN);
    // Aligned as a disk wants it, and amiss in the address, the offset and the length.
    for (skip, offset, len) in [
        (0, DIRECT_ALIGN, 2 * DIRECT_ALIGN),
        (1, 0, DIRECT_ALIGN),
        (0, 4 * DIRECT_ALIGN - 1, DIRECT_ALIGN),
        (0, 4 * DIRECT_ALIGN, 3),
        (0, 5 * DIRECT_ALIGN, DIRECT_ALIGN),
    ] {
        let bytes = &room[start + skip..][..len];
        file.write_past_cache(offset as u64, bytes).unwrap();
        expected.resize(expected.len().max(offset + len), 0);
        expected[offset..][..len].copy_from_slice(bytes);
        assert_eq!(read(&*file), expected, "{len} bytes at {offset}");
    }
}

fn a_read_past_the_end_is_unexpected_eof(vfs: &dyn Vfs) {
    let file = put(vfs, "a", b"one");
    let mut two = [0; 2];
    file.read_at(1, &mut two).unwrap();
    assert_eq!(&two, b"ne");
    assert_eq!(kind(file.read_at(2, &mut two)), ErrorKind::UnexpectedEof);
    assert_eq!(kind(file.read_at(900, &mut two)), ErrorKind::UnexpectedEof);
    file.read_at(3, &mut []).unwrap();
}

fn a_file_holds_what_it_has_and_no_more_after_a_cut(vfs: &dyn Vfs) {
    let file = put(vfs, "a", b"one");
    let holds = |len| file.holds(len).unwrap();
    assert!(holds(0) && holds(3) && !holds(4));
    file.write_at(3, &[b"more"]).unwrap();
    assert!(holds(7) && !holds(8));
    file.set_len(2).unwrap();
    assert!(holds(2) && !holds(3));
    // Cut through another handle, it is known after a while.
    let other = vfs.open("a", Open::Write).unwrap();
    other.set_len(1).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(holds(1) && !holds(2));
}

fn set_len_cuts_and_fills_with_zeros(vfs: &dyn Vfs) {
    let file = put(vfs, "a", b"one");
    file.set_len(1).unwrap();
    file.set_len(3).unwrap();
    assert_eq!(read(&*file), b"o\0\0");
}

fn allocate_lengthens_and_never_shortens(vfs: &dyn Vfs) {
    let file = put(vfs, "a", b"one");
    file.allocate(0).unwrap();
    file.allocate(2).unwrap();
    assert_eq!(read(&*file), b"one");
    file.allocate(5).unwrap();
    assert_eq!(read(&*file), b"one\0\0");
}

fn rename_replaces_and_keeps_open_handles(vfs: &dyn Vfs) {
    let (new, old) = (put(vfs, "new", b"new"), put(vfs, "old", b"old"));
    vfs.rename("new", "old").unwrap();
    assert_eq!(names(vfs, ""), ["old"]);
    assert_eq!(get(vfs, "old"), b"new");
    assert_eq!(read(&*old), b"old");
    new.write_at(0, &[b"N"]).unwrap();
    assert_eq!(get(vfs, "old"), b"New");
}

fn rename_of_nothing_is_not_found(vfs: &dyn Vfs) {
    put(vfs, "a", b"one");
    assert_eq!(kind(vfs.rename("b", "a")), ErrorKind::NotFound);
    assert_eq!(kind(vfs.rename("a", "no/a")), ErrorKind::NotFound);
    assert_eq!(get(vfs, "a"), b"one");
}

fn rename_between_directories_and_onto_itself(vfs: &dyn Vfs) {
    vfs.make_dir("from").unwrap();
    vfs.make_dir("to/deep").unwrap();
    put(vfs, "from/a", b"one");
    vfs.rename("from/a", "to/deep/b").unwrap();
    vfs.rename("to/deep/b", "to/deep/b").unwrap();
    assert_eq!(names(vfs, "from"), [""; 0]);
    assert_eq!(get(vfs, "to/deep/b"), b"one");
    put(vfs, "a", b"two");
    assert!(vfs.rename("a", "to").is_err());
}

fn a_removed_file_stays_readable_while_open(vfs: &dyn Vfs) {
    let file = put(vfs, "a", b"one");
    let window = file.window(0, 3).unwrap();
    vfs.remove("a").unwrap();
    assert_eq!(kind(vfs.remove("a")), ErrorKind::NotFound);
    assert_eq!(kind(vfs.open("a", Open::Read)), ErrorKind::NotFound);
    put(vfs, "a", b"two");
    file.write_at(3, &[b"!"]).unwrap();
    file.sync_data().unwrap();
    assert_eq!(read(&*file), b"one!");
    assert_eq!(window, "one");
}

fn a_listing_is_in_order_and_holds_files_only(vfs: &dyn Vfs) {
    vfs.make_dir("d/sub").unwrap();
    for name in ["c", "a", "b.10", "b.9", "B"] {
        put(vfs, &format!("d/{name}"), name.as_bytes());
    }
    assert_eq!(names(vfs, "d"), ["B", "a", "b.10", "b.9", "c"]);
    assert_eq!(names(vfs, "d/sub"), [""; 0]);
    assert_eq!(names(vfs, ""), [""; 0]);
    let entries = vfs.list("d").unwrap();
    assert_eq!(entries[2].len, 4);
    // Between 2020 and 2100, in microseconds.
    assert!(
        entries.iter().all(|entry| (1_577_836_800_000_000..4_102_444_800_000_000).contains(&entry.modified))
    );
    assert_eq!(kind(vfs.list("no")), ErrorKind::NotFound);
}

fn a_directory_is_no_file_and_a_file_no_directory(vfs: &dyn Vfs) {
    vfs.make_dir("d").unwrap();
    put(vfs, "a", b"one");
    for how in [Open::Read, Open::Write, Open::Create] {
        assert_eq!(kind(vfs.open("d", how)), ErrorKind::IsADirectory, "{how:?}");
    }
    assert_eq!(kind(vfs.open("d", Open::CreateNew)), ErrorKind::AlreadyExists);
    assert!(vfs.remove("d").is_err());
    assert_eq!(kind(vfs.open("a/b", Open::Create)), ErrorKind::NotADirectory);
    assert_eq!(kind(vfs.make_dir("a")), ErrorKind::NotADirectory);
    assert_eq!(kind(vfs.make_dir("a/b")), ErrorKind::NotADirectory);
    assert_eq!(kind(vfs.list("a")), ErrorKind::NotADirectory);
    assert_eq!(kind(vfs.sync_dir("a")), ErrorKind::NotADirectory);
}

fn make_dir_makes_parents_and_may_be_repeated(vfs: &dyn Vfs) {
    vfs.make_dir("a/b/c").unwrap();
    put(vfs, "a/b/c/f", b"one");
    vfs.make_dir("a/b/c").unwrap();
    vfs.make_dir("a/b").unwrap();
    vfs.make_dir("").unwrap();
    assert_eq!(get(vfs, "a/b/c/f"), b"one");
}

fn a_path_out_of_the_store_is_refused(vfs: &dyn Vfs) {
    put(vfs, "a", b"one");
    for path in ["", "/etc/passwd", "../a", "a/../a", "./a", "a/", "//", "a\0"] {
        assert_eq!(kind(vfs.open(path, Open::Create)), ErrorKind::InvalidInput, "{path:?}");
        assert_eq!(kind(vfs.remove(path)), ErrorKind::InvalidInput, "{path:?}");
        assert_eq!(kind(vfs.rename("a", path)), ErrorKind::InvalidInput, "{path:?}");
        assert_eq!(kind(vfs.rename(path, "a")), ErrorKind::InvalidInput, "{path:?}");
    }
    for path in ["..", "/", "/tmp", "a/..", "."] {
        assert_eq!(kind(vfs.list(path)), ErrorKind::InvalidInput, "{path:?}");
        assert_eq!(kind(vfs.make_dir(path)), ErrorKind::InvalidInput, "{path:?}");
        assert_eq!(kind(vfs.sync_dir(path)), ErrorKind::InvalidInput, "{path:?}");
    }
}

fn a_lock_excludes_every_other_handle_until_closed(vfs: &dyn Vfs) {
    let _no_fork = FORKS.read().unwrap_or_else(PoisonError::into_inner);
    let first = put(vfs, "a", b"");
    let second = vfs.open("a", Open::Write).unwrap();
    let reader = vfs.open("a", Open::Read).unwrap();
    assert!(first.try_lock().unwrap());
    assert!(first.try_lock().unwrap());
    assert!(!second.try_lock().unwrap());
    assert!(!reader.try_lock().unwrap());
    drop(reader);
    let again = Arc::clone(&first);
    drop(first);
    assert!(!second.try_lock().unwrap());
    drop(again);
    assert!(second.try_lock().unwrap());
}

fn windows_see_growth_and_outlive_everything(vfs: &dyn Vfs) {
    let file = put(vfs, "a", &[1; 5000]);
    file.expect_random();
    let before = file.window(4990, 10).unwrap();
    file.write_at(5000, &[&[2; 5000]]).unwrap();
    let after = file.window(4999, 3).unwrap();
    let whole = file.window(0, 10_000).unwrap();
    file.will_need(0, 10_000);
    file.will_need(1 << 40, 0);
    vfs.remove("a").unwrap();
    drop(file);
    assert_eq!(before, [1; 10].as_slice());
    assert_eq!(after, [1, 2, 2].as_slice());
    assert_eq!(whole.slice(5000..), [2; 5000].as_slice());
}

fn a_window_past_the_end_is_unexpected_eof_before_and_after_a_cut(vfs: &dyn Vfs) {
    let file = put(vfs, "a", &[1; 9000]);
    assert!(file.window(9000, 0).unwrap().is_empty());
    assert_eq!(file.window(0, 9000).unwrap().len(), 9000);
    for (offset, len) in
        [(9000, 1), (8999, 2), (9001, 0), (u64::MAX, 1), (1, usize::MAX), (u64::MAX, usize::MAX)]
    {
        assert_eq!(kind(file.window(offset, len)), ErrorKind::UnexpectedEof, "{offset}+{len}");
    }
    file.set_len(100).unwrap();
    assert_eq!(kind(file.window(8000, 1)), ErrorKind::UnexpectedEof);
    assert_eq!(file.window(90, 10).unwrap(), [1; 10].as_slice());
    let empty = put(vfs, "b", b"");
    assert!(empty.window(0, 0).unwrap().is_empty());
    assert_eq!(kind(empty.window(0, 1)), ErrorKind::UnexpectedEof);
}

fn a_locked_file_has_windows_and_they_do_not_keep_the_lock(vfs: &dyn Vfs) {
    let _no_fork = FORKS.read().unwrap_or_else(PoisonError::into_inner);
    let file = put(vfs, "a", b"one");
    assert!(file.try_lock().unwrap());
    let window = file.window(0, 3).unwrap();
    let other = vfs.open("a", Open::Write).unwrap();
    assert!(!other.try_lock().unwrap());
    drop(file);
    assert!(other.try_lock().unwrap());
    assert_eq!(window, "one");
}

fn every_sync_succeeds(vfs: &dyn Vfs) {
    vfs.make_dir("d/e").unwrap();
    let file = put(vfs, "d/e/a", b"one");
    file.sync_data().unwrap();
    vfs.open("d/e/a", Open::Read).unwrap().sync_data().unwrap();
    for dir in ["", "d", "d/e"] {
        vfs.sync_dir(dir).unwrap();
    }
    assert_eq!(kind(vfs.sync_dir("no")), ErrorKind::NotFound);
}
