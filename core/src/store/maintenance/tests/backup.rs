//! A backup opens as a store, whatever went on while it was made.

use super::*;
use crate::ErrorKind;
use crate::vfs::{Open, Policy};

fn quiet(_: crate::Progress) -> crate::Result<()> {
    Ok(())
}

#[test]
fn s16_a_backup_of_a_store_in_use_opens_and_is_sound() {
    for mode in [Mode::Shared, Mode::Exclusive] {
        let (home, target) = (Home::real(), Home::real());
        let store = home.open(mode);
        fill(&store);
        for round in 0..3 {
            let before = everything(&store);
            let over = std::sync::atomic::AtomicBool::new(false);
            let (begun, first) = std::sync::mpsc::channel();
            let report = std::thread::scope(|scope| {
                let (store, over) = (&store, &over);
                scope.spawn(move || {
                    let drive = store.drive("carol").unwrap();
                    let mut n = 0_u64;
                    while !over.load(std::sync::atomic::Ordering::Acquire) {
                        let len = [700, 30_000][n as usize % 2];
                        drive.put(&format!("{round}/{n}"), content(n, len).as_slice(), Put::new()).unwrap();
                        n += 1;
                        let _ = begun.send(());
                    }
                });
                first.recv().unwrap();
                let report = store.backup_on(&target.vfs, &mut quiet);
                over.store(true, std::sync::atomic::Ordering::Release);
                report.unwrap()
            });
            assert!(report.lsn > 0 && report.copied > 0 && report.rows > 0, "{report:?}");
            assert_eq!(report.shared > 0, round > 0, "a later one copies what is new: {report:?}");
            let copy = target.open(mode);
            assert_eq!(everything(&copy), before);
            assert_sound(&copy);
            copy.close().unwrap();
            drop(copy);
            thin_out_once(&store, round);
            store.gc_at(later()).unwrap();
            // An exclusive session writes to the copy when it ends.
            if mode == Mode::Exclusive {
                break;
            }
        }
    }
}

fn thin_out_once(store: &Store, round: u32) {
    if round == 0 {
        thin_out(store);
    }
}

#[test]
fn a_backup_can_be_rebuilt_from_its_segments() {
    let (home, target) = (Home::simulated().1, Home::simulated().1);
    let store = home.open(Mode::Exclusive);
    fill(&store);
    thin_out(&store);
    store.gc_at(later()).unwrap();
    let before = everything(&store);
    store.backup_on(&target.vfs, &mut quiet).unwrap();
    target.vfs.remove("meta.redb").unwrap();
    let report = Store::rebuild_on(&target.vfs, &options()).unwrap();
    assert!(report.problems.is_empty());
    assert_eq!(everything(&target.open(Mode::Exclusive)), before);
}

#[test]
fn large_blobs_are_shared_by_hard_links_and_outlive_the_original() {
    let home = Home::real();
    let store = home.open(Mode::Shared);
    fill(&store);
    let before = everything(&store);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("backup");
    let mut last = 0;
    let report = store
        .backup(&path, &mut |progress| {
            assert!(progress.done >= last && progress.done <= progress.total);
            last = progress.done;
            Ok(())
        })
        .unwrap();
    assert_eq!((report.files, report.shared), (4, 160_000));
    store.drive("alice").unwrap().delete("large").unwrap();
    store.gc_at(later()).unwrap();
    assert!(home.large_files().is_empty());
    let copy = Store::open(&path, options()).unwrap();
    assert_eq!(everything(&copy), before);
    assert_sound(&copy);
}

#[test]
fn a_backup_that_is_cut_off_is_no_store_or_the_one_before() {
    let home = Home::simulated().1;
    let store = home.open(Mode::Shared);
    fill(&store);
    let first = everything(&store);
    let empty = SimVfs::new(5);
    let target = |disk: &SimVfs| Arc::new(disk.clone()) as Arc<dyn Vfs>;
    let whole = empty.copy();
    store.backup_on(&target(&whole), &mut quiet).unwrap();
    let ops = whole.op_count();
    for (step, policy) in (1..ops).step_by(ops as usize / 20).zip(Policy::ALL.iter().cycle()) {
        let disk = empty.copy();
        disk.power_cut_at(step);
        store.backup_on(&target(&disk), &mut quiet).unwrap_err();
        let found = disk.crash(*policy);
        if let Ok(copy) = Store::open_on(target(&found), options().create(false)) {
            assert_eq!(everything(&copy), first, "{policy:?} at {step}");
            continue;
        }
        store.backup_on(&target(&found), &mut quiet).unwrap();
        assert_eq!(everything(&Home::on(found).open(Mode::Shared)), first, "{policy:?} at {step}");
    }
    thin_out(&store);
    store.gc_at(later()).unwrap();
    let second = everything(&store);
    let again = whole.copy();
    let before = again.op_count();
    store.backup_on(&target(&again), &mut quiet).unwrap();
    let ops = again.op_count() - before;
    for (step, policy) in (1..ops).step_by(ops as usize / 20).zip(Policy::ALL.iter().cycle()) {
        let disk = whole.copy();
        disk.power_cut_at(disk.op_count() + step);
        let _ = store.backup_on(&target(&disk), &mut quiet);
        let copy = Store::open_on(target(&disk.crash(*policy)), options().create(false)).unwrap();
        let found = everything(&copy);
        assert!(found == first || found == second, "{policy:?} at {step}");
        assert_sound(&copy);
    }
}

#[test]
fn a_backup_replaces_nothing_but_an_earlier_one_of_the_same_store() {
    let (home, other, target) = (Home::real(), Home::real(), Home::real());
    let store = home.open(Mode::Shared);
    fill(&store);
    let refused = |to: &Home| store.backup_on(&to.vfs, &mut quiet).unwrap_err().kind();
    drop(other.open(Mode::Shared));
    assert_eq!(refused(&other), ErrorKind::InvalidArgument, "another store");
    assert_eq!(refused(&home), ErrorKind::InvalidArgument, "itself");
    let same = Home { vfs: Arc::new(RealVfs::new(home._dir.as_ref().unwrap().path()).unwrap()), _dir: None };
    assert_eq!(refused(&same), ErrorKind::InvalidArgument, "itself, by another way");
    target.vfs.open("thesis.txt", Open::CreateNew).unwrap();
    assert_eq!(refused(&target), ErrorKind::InvalidArgument, "a directory in use");
    target.vfs.remove("thesis.txt").unwrap();
    store.backup_on(&target.vfs, &mut quiet).unwrap();
    let copy = target.open(Mode::Shared);
    assert_eq!(refused(&target), ErrorKind::Locked, "the copy is open");
    copy.drive("alice").unwrap().put("went/on", &b"alone"[..], Put::new()).unwrap();
    copy.close().unwrap();
    drop(copy);
    assert_eq!(refused(&target), ErrorKind::InvalidArgument, "it went on without this store");
    let mut stop = |_| Err(crate::Error::invalid("stop"));
    assert!(store.backup_on(&Home::simulated().1.vfs, &mut stop).is_err());
}
