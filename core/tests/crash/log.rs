//! The log: what was refused never comes back, by a reopening or by a rebuild, and damage is told.

use std::sync::Arc;

use holdall::vfs::{Fault, Policy, SimVfs, Times, Vfs};
use holdall::{CheckOptions, Drive, ErrorKind, Mode, Put, Store};

use crate::content;
use crate::power::{DRIVE, options};

fn open(disk: &SimVfs, mode: Mode) -> Drive {
    Store::open_on(Arc::new(disk.clone()), options(mode)).unwrap().drive(DRIVE).unwrap()
}

fn has(drive: &Drive, path: &str) -> bool {
    match drive.stat(path) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => panic!("{path}: {error}"),
    }
}

/// Writes and deletes until every segment that was there before has been compacted away.
fn churn(drive: &Drive, disk: &SimVfs) {
    let old = disk.files().into_keys().filter(|path| path.starts_with("seg/")).max().unwrap();
    for round in 0..12_u64 {
        for number in 0..30 {
            let bytes = content::made_of(round << 8 | number, 3000);
            drive.put(&format!("churn/{number}"), &bytes[..], Put::new()).unwrap();
        }
        drive.delete("churn").unwrap();
        let report = drive.store().gc().unwrap();
        assert!(report.failed.is_empty() && report.compaction.failed.is_empty(), "{report:?}");
    }
    let gone = |number: u64| !disk.files().contains_key(&format!("seg/{number:07}.seg"));
    assert!((2..=3).any(gone), "nothing was compacted, {old} is the last");
}

/// Two processes of a shared store: the change of one is refused at its operation `step`; the other
/// goes on until what it wrote then is compacted. Returns false once the fault comes too late.
fn refused_and_rebuilt(step: u64, fault: Fault) -> bool {
    let disk = SimVfs::new(step);
    let (one, two) = (open(&disk, Mode::Shared), open(&disk, Mode::Shared));
    one.put("kept", &b"kept"[..], Put::new()).unwrap();
    two.put("other", &b"other"[..], Put::new()).unwrap();
    disk.fail_at(disk.op_count() + step, fault, Times::Always);
    let refused = one.delete("kept").is_err();
    disk.clear_faults();
    if !refused {
        return false;
    }
    // Where the rows' commit was cut off, the next writer decides what became of it.
    two.put("decides", &b"decides"[..], Put::new()).unwrap();
    let seen = has(&two, "kept");
    churn(&two, &disk);
    assert_eq!(has(&two, "kept"), seen, "{fault:?} at {step}");
    let _ = one.store().close();
    two.store().close().unwrap();
    drop((one, two));
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    Store::rebuild_on(&vfs, &options(Mode::Shared)).unwrap();
    assert_eq!(has(&open(&disk, Mode::Shared), "kept"), seen, "{fault:?} at {step}, after a rebuild");
    true
}

#[test]
fn a_refused_change_of_one_process_is_not_brought_back_by_a_rebuild() {
    for fault in [Fault::Eio, Fault::Enospc] {
        let strikes = (0..).take_while(|step| refused_and_rebuilt(*step, fault)).count();
        assert!(strikes >= 3, "{fault:?} struck {strikes} times");
    }
}

/// Refuses a put at the append to the log, and returns the disk as a kill right then leaves it, and
/// the drive.
fn refused_at_append(seed: u64, len: usize, fault: Fault, verb: &str) -> (SimVfs, SimVfs, Drive) {
    let play = |strike: Option<u64>| {
        let disk = SimVfs::new(seed);
        let drive = open(&disk, Mode::Exclusive);
        drive.put("before", &b"before"[..], Put::new()).unwrap();
        let from = disk.op_count();
        if let Some(step) = strike {
            disk.fail_at(from + step, fault, Times::Once);
        }
        let put = drive.put("refused", &content::made_of(seed, len)[..], Put::new());
        assert_eq!(put.is_err(), strike.is_some());
        (disk, drive, from)
    };
    let (whole, drive, from) = play(None);
    let ops = whole.ops();
    let step = ops.iter().skip(from as usize).position(|op| op.starts_with(verb)).unwrap();
    drop(drive);
    let (disk, drive, _) = play(Some(step as u64));
    (disk.copy(), disk, drive)
}

#[test]
fn a_put_that_the_log_refused_does_not_come_back() {
    for (fault, verb) in
        [(Fault::ShortWrite, "write seg/"), (Fault::Eio, "write seg/"), (Fault::Eio, "sync data seg/")]
    {
        for (seed, len) in (0..20).flat_map(|seed| [(seed, 300), (seed, 9000)]) {
            let (killed, disk, drive) = refused_at_append(seed, len, fault, verb);
            assert!(!has(&drive, "refused"));
            drop(drive);
            for (disk, how) in [(disk, "closed"), (killed, "killed")] {
                let drive = open(&disk, Mode::Exclusive);
                assert!(!has(&drive, "refused"), "{fault:?} {verb}, seed {seed}, {len} bytes, {how}");
                assert!(has(&drive, "before"));
                drive.put("refused", &content::made_of(seed, len)[..], Put::new()).unwrap();
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_mid_log_is_no_torn_end() {
    for (group, place) in [(0, 100), (3, 100), (8, 100), (3, 10)] {
        let disk = SimVfs::new(group);
        let drive = open(&disk, Mode::Exclusive);
        drive.store().close().unwrap();
        let drive = open(&disk, Mode::Exclusive);
        let before = disk.op_count() as usize;
        for number in 0..10 {
            drive.put(&format!("f{number}"), &content::made_of(number, 700)[..], Put::new()).unwrap();
        }
        let killed = disk.copy();
        let ops = disk.ops();
        drop(drive);
        let appended = ops.iter().skip(before).filter_map(|op| op.strip_prefix("write seg/0000001.seg "));
        let starts: Vec<u64> =
            appended.filter_map(|range| range.split('+').next().unwrap().parse().ok()).collect();
        killed.bit_flip("seg/0000001.seg", starts[group as usize] + place).unwrap();
        let all = |drive: &Drive| (0..10).filter(|number| has(drive, &format!("f{number}"))).count();
        match Store::open_on(Arc::new(killed.clone()), options(Mode::Exclusive)) {
            // The rows were synced meanwhile: nothing is read from the log.
            Ok(store) => assert_eq!(all(&store.drive(DRIVE).unwrap()), 10, "group {group}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                assert!(error.to_string().contains("`holdall repair --rebuild`"), "{error}");
                let vfs: Arc<dyn Vfs> = Arc::new(killed.clone());
                Store::rebuild_on(&vfs, &options(Mode::Exclusive)).unwrap();
                assert!(all(&open(&killed, Mode::Exclusive)) >= 9, "group {group}");
            }
        }
    }
}

/// A store with large files that no row speaks of: the segment that did is gone.
fn with_lost_files() -> (SimVfs, Vec<String>) {
    let disk = SimVfs::new(9);
    let drive = open(&disk, Mode::Exclusive);
    for number in 0..3 {
        drive.put(&format!("large/{number}"), &content::made_of(number, 9000)[..], Put::new()).unwrap();
    }
    drive.store().close().unwrap();
    drop(drive);
    let large: Vec<String> = disk
        .files()
        .into_keys()
        .filter(|path| path.starts_with("blob/"))
        .map(|path| path[8..].into())
        .collect();
    assert_eq!(large.len(), 3);
    let disk = disk.crash(Policy::KeepAll);
    disk.truncate("seg/0000001.seg", 64).unwrap();
    // Old enough for a collection to take what nothing refers to.
    disk.advance(10 * 3_600_000_000);
    (disk, large)
}

#[test]
fn a_rebuild_cut_off_anywhere_loses_nothing_that_it_was_to_move_away() {
    let (whole, large) = with_lost_files();
    let rebuild = |disk: &SimVfs| {
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        Store::rebuild_on(&vfs, &options(Mode::Exclusive))
    };
    let run = whole.copy();
    assert_eq!(rebuild(&run).unwrap().lost.len(), 3);
    let (mut opened, mut again) = (0, 0);
    for cut in 0..run.op_count() {
        for policy in [Policy::KeepAll, Policy::LoseAll, Policy::RandomSubset] {
            let disk = whole.copy();
            disk.power_cut_at(cut);
            let _ = rebuild(&disk);
            let disk = disk.crash(policy);
            match Store::open_on(Arc::new(disk.clone()), options(Mode::Exclusive)) {
                Ok(store) => {
                    opened += 1;
                    let _ = store.gc();
                    let _ = store.close();
                }
                Err(error) => {
                    assert!(error.to_string().contains("repair --rebuild"), "{error}");
                    again += 1;
                    assert_eq!(rebuild(&disk).unwrap().lost.len(), 3, "{policy:?}, cut at {cut}");
                }
            }
            for id in &large {
                let left = disk.files().into_keys().any(|path| path.ends_with(id.as_str()));
                let old = disk.files().contains_key("meta.redb.bad");
                assert!(left || !old, "{id} is gone, {policy:?}, cut at {cut}");
            }
        }
    }
    assert!(opened > 0 && again > 0, "{opened} {again}");
}

#[test]
fn a_second_rebuild_brings_back_what_rows_speak_of_again() {
    let disk = SimVfs::new(9);
    let drive = open(&disk, Mode::Exclusive);
    let bytes = content::made_of(7, 9000);
    drive.put("large", &bytes[..], Put::new()).unwrap();
    drive.store().close().unwrap();
    drop(drive);
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    vfs.rename("seg/0000001.seg", "away").unwrap();
    assert_eq!(Store::rebuild_on(&vfs, &options(Mode::Exclusive)).unwrap().lost.len(), 1);
    vfs.rename("away", "seg/0000001.seg").unwrap();
    assert_eq!(Store::rebuild_on(&vfs, &options(Mode::Exclusive)).unwrap().lost, []);
    assert_eq!(open(&disk, Mode::Exclusive).open_file("large").unwrap().to_vec(1 << 20).unwrap(), bytes);
}

#[test]
fn ids_of_lost_segments_are_not_given_out_again() {
    let disk = SimVfs::new(3);
    let first = open(&disk, Mode::Shared);
    let file = |drive: &Drive, path: &str| drive.put(path, path.as_bytes(), Put::new()).unwrap().id.file();
    file(&first, "first");
    // Eight more, each with a segment and a block of ids of its own.
    let workers: Vec<Drive> = (0..8).map(|_| open(&disk, Mode::Shared)).collect();
    let mut given = Vec::new();
    for (number, drive) in workers.iter().enumerate() {
        given.push(file(drive, &format!("worker {number}")));
    }
    workers.iter().for_each(|drive| drive.store().close().unwrap());
    first.store().close().unwrap();
    drop((first, workers));
    let disk = disk.crash(Policy::KeepAll);
    for number in 2..=9 {
        disk.truncate(&format!("seg/{number:07}.seg"), 64).unwrap();
    }
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    Store::rebuild_on(&vfs, &options(Mode::Shared)).unwrap();
    let drive = open(&disk, Mode::Shared);
    let next = file(&drive, "next");
    assert!(given.iter().all(|id| *id < next), "{given:?}, then {next:?}");
}

#[test]
fn an_open_segment_with_a_damaged_header_refuses_no_write() {
    for mode in [Mode::Exclusive, Mode::Shared] {
        let disk = SimVfs::new(3);
        let drive = open(&disk, mode);
        drive.put("before", &b"before"[..], Put::new()).unwrap();
        drive.store().close().unwrap();
        drop(drive);
        disk.bit_flip("seg/0000001.seg", 20).unwrap();
        let drive = open(&disk, mode);
        drive.put("after", &b"after"[..], Put::new()).unwrap();
        assert!(!drive.store().check(CheckOptions::new()).unwrap().problems.is_empty());
    }
}

/// What was acknowledged may be in the damaged segment alone.
#[test]
fn a_session_that_died_with_a_damaged_header_is_not_opened_without_its_end() {
    let disk = SimVfs::new(3);
    let drive = open(&disk, Mode::Exclusive);
    drive.put("before", &b"before"[..], Put::new()).unwrap();
    drive.store().close().unwrap();
    let drive = open(&disk, Mode::Exclusive);
    drive.put("after", &b"after"[..], Put::new()).unwrap();
    let killed = disk.copy();
    drop(drive);
    killed.bit_flip("seg/0000001.seg", 20).unwrap();
    let error = Store::open_on(Arc::new(killed), options(Mode::Exclusive)).map(drop).unwrap_err();
    assert!(error.to_string().contains("`holdall repair --rebuild`"), "{error}");
}
