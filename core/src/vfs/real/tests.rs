//! What only the operating system's files can get wrong: links, pipes, modes, short writes, maps.

use std::cell::{Cell, RefCell};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::PoisonError;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::fork::{FORKS, child_that_returns};

fn store() -> (TempDir, PathBuf, RealVfs) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let vfs = RealVfs::new(&path).unwrap();
    (dir, path, vfs)
}

fn put(vfs: &RealVfs, path: &str, content: &[u8]) -> Arc<dyn VfsFile> {
    let file = vfs.open(path, Open::CreateNew).unwrap();
    file.write_at(0, &[content]).unwrap();
    file
}

/// Returns the maps of a file in this process, with their flags.
fn maps(path: &Path) -> Vec<String> {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut maps: Vec<String> = Vec::new();
    let mut inside = false;
    for line in smaps.lines() {
        if line.contains('-') && line.split_whitespace().nth(1).is_some_and(|mode| mode.len() == 4) {
            inside = line.ends_with(&path.display().to_string());
        } else if inside && line.starts_with("VmFlags:") {
            maps.push(line.to_owned());
        }
    }
    maps
}

#[test]
fn s7_no_link_below_the_store_is_followed_and_the_store_itself_may_be_one() {
    let (_dir, path, vfs) = store();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), b"secret").unwrap();
    symlink(outside.path().join("secret"), path.join("file")).unwrap();
    symlink(outside.path(), path.join("dir")).unwrap();
    for vfs in [RealVfs::new(&path).unwrap(), RealVfs::walking(&path).unwrap()] {
        for how in [Open::Read, Open::Write, Open::Create, Open::CreateNew] {
            assert!(vfs.open("file", how).is_err(), "{how:?}");
            assert!(vfs.open("dir/secret", how).is_err(), "{how:?}");
            assert!(vfs.open("dir/new", how).is_err(), "{how:?}");
        }
        assert!(vfs.make_dir("dir").is_err() && vfs.make_dir("dir/new").is_err());
        assert!(vfs.list("dir").is_err() && vfs.sync_dir("dir").is_err());
        assert!(vfs.remove("dir/secret").is_err() && vfs.rename("dir/secret", "a").is_err());
        assert!(vfs.list("").unwrap().is_empty(), "links are not listed");
    }
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);

    symlink(&path, outside.path().join("store")).unwrap();
    put(&RealVfs::new(&outside.path().join("store")).unwrap(), "a", b"one");
    assert_eq!(vfs.list("").unwrap()[0].name, "a");
}

#[test]
fn s7_a_store_that_is_moved_or_replaced_stays_the_one_that_was_opened() {
    let (_dir, path, _) = store();
    let at = |name: &str| path.join(name);
    std::fs::create_dir(at("store")).unwrap();
    let vfs = RealVfs::new(&at("store")).unwrap();
    std::fs::rename(at("store"), at("moved")).unwrap();
    std::fs::create_dir(at("store")).unwrap();
    put(&vfs, "a", b"one");
    assert!(at("moved").join("a").exists() && !at("store").join("a").exists());
    assert!(RealVfs::new(&at("none")).is_err() && RealVfs::new(&at("moved").join("a")).is_err());
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_an_error_and_no_wait() {
    let (_dir, path, vfs) = store();
    fs::mknodat(fs::CWD, path.join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let error = vfs.open("pipe", Open::Read).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("pipe"));
}

#[test]
fn a_new_file_is_its_owner_s_alone_and_no_child_inherits_it() {
    let (_dir, path, vfs) = store();
    vfs.make_dir("d").unwrap();
    let file = put(&vfs, "d/a", b"one").file().unwrap();
    let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(path.join("d/a").to_str().unwrap()) & 0o777, 0o600);
    assert_eq!(mode(path.join("d").to_str().unwrap()) & 0o777, 0o700);
    assert!(rustix::io::fcntl_getfd(&*file).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
}

#[test]
fn allocate_takes_space_before_it_is_written() {
    let (_dir, path, vfs) = store();
    vfs.open("a", Open::Create).unwrap().allocate(1 << 20).unwrap();
    let stat = std::fs::metadata(path.join("a")).unwrap();
    assert_eq!(stat.len(), 1 << 20);
    assert!(stat.blocks() * 512 >= 1 << 20, "{} blocks", stat.blocks());
}

#[test]
fn ten_thousand_windows_of_a_file_share_one_map_with_its_advice() {
    let (_dir, path, vfs) = store();
    let file = put(&vfs, "seg", &(0..50_000).map(|at| at as u8).collect::<Vec<_>>());
    file.expect_random();
    let windows: Vec<Bytes> = (0..10_000).map(|at| file.window(at * 5, 5).unwrap()).collect();
    let maps_now = maps(&path.join("seg"));
    assert_eq!(maps_now.len(), 1);
    assert!(maps_now[0].contains(" rr"), "{maps_now:?}");
    assert!(windows.iter().enumerate().all(|(at, window)| window[0] == (at * 5) as u8));
    drop(file);
    assert_eq!(maps(&path.join("seg")).len(), 1, "the windows hold it");
    drop(windows);
    assert_eq!(maps(&path.join("seg")).len(), 0);
}

#[test]
fn growth_makes_a_new_map_and_the_old_one_goes_with_its_last_window() {
    let (_dir, path, vfs) = store();
    let file = put(&vfs, "seg", &[1; 100]);
    let old = file.window(0, 100).unwrap();
    file.write_at(100, &[&[2; 100]]).unwrap();
    let new = file.window(50, 100).unwrap();
    assert_eq!(maps(&path.join("seg")).len(), 2);
    assert_eq!((old[99], new[49], new[50]), (1, 1, 2));
    drop(old);
    assert_eq!(maps(&path.join("seg")).len(), 1);
}

#[test]
fn a_lock_taken_after_a_window_ends_with_the_handle_once_that_window_is_gone() {
    let _no_fork = FORKS.read().unwrap_or_else(PoisonError::into_inner);
    let (_dir, _, vfs) = store();
    let file = put(&vfs, "a", b"one");
    let early = file.window(0, 1).unwrap();
    assert!(file.try_lock().unwrap());
    drop(early);
    let late = file.window(0, 3).unwrap();
    drop(file);
    assert!(vfs.open("a", Open::Read).unwrap().try_lock().unwrap());
    assert_eq!(late, "one");
}

/// A process that is killed unlocks nothing by itself.
#[test]
fn control_a_map_of_the_locked_file_itself_would_keep_the_lock() {
    let _no_fork = FORKS.read().unwrap_or_else(PoisonError::into_inner);
    let (_dir, path, vfs) = store();
    put(&vfs, "a", b"one");
    let file = File::open(path.join("a")).unwrap();
    file.try_lock().unwrap();
    let map = Map::new(&file, 3, false).unwrap();
    drop(file);
    let other = vfs.open("a", Open::Read).unwrap();
    assert!(!other.try_lock().unwrap());
    drop(map);
    assert!(other.try_lock().unwrap());
}

#[test]
fn a_lock_ends_with_its_file_though_a_child_has_a_copy_of_the_descriptor() {
    let _no_fork = FORKS.read().unwrap_or_else(PoisonError::into_inner);
    let (_dir, _, vfs) = store();
    let file = put(&vfs, "a", b"one");
    // What a child has that was forked by another thread before the lock was taken.
    let copy = file.file().unwrap().try_clone().unwrap();
    assert!(file.try_lock().unwrap());
    assert!(!vfs.open("a", Open::Read).unwrap().try_lock().unwrap());
    drop(file);
    assert!(vfs.open("a", Open::Read).unwrap().try_lock().unwrap());
    drop(copy);
}

#[test]
fn no_forked_child_has_a_locked_file_whatever_it_was_locked_for() {
    let _alone = FORKS.write().unwrap_or_else(PoisonError::into_inner);
    let (_dir, _, vfs) = store();
    let (locked, free) = (put(&vfs, "a", b"one"), put(&vfs, "b", b"two"));
    assert!(locked.try_lock().unwrap());
    let (locked, free) = (locked.file().unwrap(), free.file().unwrap());
    let reads = |file: &File| {
        let mut byte = [0];
        file.read_at(&mut byte, 0).ok()
    };
    let child = child_that_returns(|| u8::from(reads(&locked) != Some(0) || reads(&free) != Some(1)));
    assert_eq!((child, reads(&locked)), (0, Some(1)));
}

#[test]
fn a_system_that_writes_nothing_is_an_error_and_no_endless_loop() {
    let error = write_parts(0, &[b"one"], |_, _| Ok(0)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    write_parts(0, &[b"", b""], |_, _| unreachable!()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn s5_short_and_interrupted_writes_are_carried_on_to_the_last_byte(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..200),
        takes in prop::collection::vec(0_usize..40, 1..20),
    ) {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let written = RefCell::new(Vec::new());
        let calls = Cell::new(0);
        write_parts(7, &parts, |at, slices| {
            assert!(slices.len() <= PARTS);
            assert_eq!(at, 7 + written.borrow().len() as u64);
            // A 0 stands for a signal, but never twice in a row.
            let call = calls.replace(calls.get() + 1);
            let take = takes[call % takes.len()];
            if take == 0 && call.is_multiple_of(2) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let offered = slices.iter().flat_map(|slice| slice.iter().copied());
            let before = written.borrow().len();
            written.borrow_mut().extend(offered.take(take.max(1)));
            Ok(written.borrow().len() - before)
        })
        .unwrap();
        prop_assert_eq!(written.into_inner(), parts.concat());
    }
}
