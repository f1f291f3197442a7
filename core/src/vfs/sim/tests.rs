//! What power loss, faults and lies do, and that the same seed does it again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::Arc;

use super::*;

/// Makes a file with durable name and content.
fn durable(disk: &SimVfs, path: &str, content: &[u8]) -> Arc<dyn VfsFile> {
    let file = disk.open(path, Open::CreateNew).unwrap();
    file.write_at(0, &[content]).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(path.rsplit_once('/').map_or("", |(dir, _)| dir)).unwrap();
    file
}

/// Returns what is found over many seeds, under every policy.
fn outcomes(scene: impl Fn(&SimVfs)) -> BTreeSet<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeSet::new();
    for seed in 0..60 {
        for policy in Policy::ALL {
            let disk = SimVfs::new(seed);
            scene(&disk);
            found.insert(disk.crash(policy).files());
        }
    }
    found
}

/// Returns what is found of the names only, as one text for each outcome.
fn names(scene: impl Fn(&SimVfs)) -> BTreeSet<String> {
    let name = |files: BTreeMap<String, Vec<u8>>| files.into_keys().collect::<Vec<_>>().join(" ");
    outcomes(scene).into_iter().map(name).collect()
}

#[test]
fn an_unsynced_write_can_be_lost_and_can_be_kept() {
    let found = outcomes(|disk| durable(disk, "a", b"old").write_at(0, &[b"new"]).unwrap());
    let contents: BTreeSet<&[u8]> = found.iter().map(|files| files["a"].as_slice()).collect();
    assert!(contents.contains(b"old".as_slice()) && contents.contains(b"new".as_slice()));
    assert!(contents.contains(b"nld".as_slice()) && contents.contains(b"olw".as_slice()), "torn both ways");
}

#[test]
fn what_was_synced_is_never_lost() {
    let found = outcomes(|disk| {
        disk.make_dir("d").unwrap();
        disk.sync_dir("").unwrap();
        let file = durable(disk, "d/a", &[7; 3000]);
        file.write_at(3000, &[&[8; 3000]]).unwrap();
        file.allocate(9000).unwrap();
    });
    assert!(found.len() > 20);
    for files in found {
        assert_eq!(files["d/a"][..3000], [7; 3000]);
        assert!(files["d/a"].len() <= 9000);
        assert!(files["d/a"][3000..].iter().all(|byte| [0, 8].contains(byte)));
    }
}

#[test]
fn control_a_disk_that_skips_the_sync_loses_what_was_synced_in_most_states() {
    let mut bad = 0;
    for seed in 0..100 {
        for policy in
            [Policy::RandomSubset, Policy::ByteTear, Policy::Prefix, Policy::LastLost, Policy::LoseAll]
        {
            let disk = SimVfs::new(seed);
            disk.open("a", Open::CreateNew).unwrap();
            disk.sync_dir("").unwrap();
            disk.lie(Lie::SkipFileSync);
            let file = disk.open("a", Open::Write).unwrap();
            file.write_at(0, &[&[7; 3000]]).unwrap();
            file.sync_data().unwrap();
            bad += usize::from(disk.crash(policy).files()["a"] != [7; 3000]);
        }
    }
    assert!(bad > 300, "{bad} of 500");
}

#[test]
fn control_a_disk_that_skips_the_directory_sync_loses_names() {
    let scene = |disk: &SimVfs| {
        disk.lie(Lie::SkipDirSync);
        durable(disk, "a", b"one");
    };
    assert_eq!(names(scene), ["".into(), "a".into()].into());
}

#[test]
fn an_unsynced_name_can_be_lost_with_its_synced_content() {
    let scene = |disk: &SimVfs| {
        let file = disk.open("a", Open::CreateNew).unwrap();
        file.write_at(0, &[b"one"]).unwrap();
        file.sync_data().unwrap();
    };
    assert_eq!(outcomes(scene), [BTreeMap::new(), [("a".into(), b"one".to_vec())].into()].into());
}

#[test]
fn an_unsynced_directory_takes_all_below_it_along() {
    let scene = |disk: &SimVfs| {
        disk.make_dir("d/e").unwrap();
        disk.sync_dir("d").unwrap();
        durable(disk, "d/e/a", b"one");
    };
    assert_eq!(names(scene), ["".into(), "d/e/a".into()].into());
}

#[test]
fn an_unsynced_removal_may_come_back_and_a_synced_one_never() {
    let removed = |sync: bool| {
        names(move |disk| {
            durable(disk, "a", b"one");
            disk.remove("a").unwrap();
            if sync {
                disk.sync_dir("").unwrap();
            }
        })
    };
    assert_eq!(removed(false), ["".into(), "a".into()].into());
    assert_eq!(removed(true), ["".into()].into());
}

#[test]
fn an_unsynced_rename_shows_the_old_name_the_new_or_both_but_never_neither() {
    let scene = |disk: &SimVfs| {
        durable(disk, "old", b"one");
        disk.rename("old", "new").unwrap();
    };
    assert_eq!(names(scene), ["new".into(), "new old".into(), "old".into()].into());
    let synced = |disk: &SimVfs| {
        scene(disk);
        disk.sync_dir("").unwrap();
    };
    assert_eq!(names(synced), ["new".into()].into());
}

#[test]
fn a_rename_over_a_durable_file_leaves_the_old_content_or_the_new() {
    let found = outcomes(|disk| {
        durable(disk, "a", b"old");
        let file = disk.open("a.tmp", Open::CreateNew).unwrap();
        file.write_at(0, &[b"new"]).unwrap();
        file.sync_data().unwrap();
        disk.rename("a.tmp", "a").unwrap();
    });
    let contents: BTreeSet<&[u8]> = found.iter().map(|files| files["a"].as_slice()).collect();
    assert_eq!(contents, [b"old".as_slice(), b"new".as_slice()].into());
}

#[test]
fn control_a_rename_before_the_files_sync_can_show_an_empty_file() {
    let found = outcomes(|disk| {
        durable(disk, "a", b"old");
        disk.open("a.tmp", Open::CreateNew).unwrap().write_at(0, &[b"new"]).unwrap();
        disk.rename("a.tmp", "a").unwrap();
        disk.sync_dir("").unwrap();
    });
    assert!(found.iter().any(|files| files["a"].is_empty()));
}

#[test]
fn a_move_between_directories_is_durable_with_the_sync_of_its_target() {
    let moved = |synced: &'static [&'static str]| {
        names(move |disk| {
            disk.make_dir("from").unwrap();
            disk.make_dir("to").unwrap();
            disk.sync_dir("").unwrap();
            durable(disk, "from/a", b"one");
            disk.rename("from/a", "to/a").unwrap();
            for dir in synced {
                disk.sync_dir(dir).unwrap();
            }
        })
    };
    let all: BTreeSet<String> = ["from/a".into(), "from/a to/a".into(), "to/a".into()].into();
    assert_eq!(moved(&[]), all);
    assert_eq!(moved(&["from"]), all);
    assert_eq!(moved(&["to"]), ["from/a to/a".into(), "to/a".into()].into());
    assert_eq!(moved(&["to", "from"]), ["to/a".into()].into());
}

#[test]
fn a_name_given_again_and_synced_does_not_lose_what_moved_away_from_it() {
    let found = outcomes(|disk| {
        disk.make_dir("to").unwrap();
        disk.sync_dir("").unwrap();
        durable(disk, "a", b"one");
        disk.rename("a", "to/a").unwrap();
        durable(disk, "a", b"two");
    });
    for files in found {
        assert_eq!((files["a"].as_slice(), files["to/a"].as_slice()), (b"two".as_slice(), b"one".as_slice()));
    }
}

#[test]
fn writes_are_torn_at_sectors_and_at_any_byte_and_length_goes_its_own_way() {
    let mut cuts = BTreeSet::new();
    let mut holes = 0;
    let mut long = 0;
    for seed in 0..200 {
        let disk = SimVfs::new(seed);
        let file = durable(&disk, "a", &[]);
        file.write_at(100, &[&[7; 2000]]).unwrap();
        let content = disk.copy().crash(Policy::RandomSubset).files().remove("a").unwrap();
        if content.len() == 2100 {
            for (at, pair) in content[100..].windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]) {
                assert_eq!((100 + at + 1) % 512, 0, "{pair:?}");
                holes += 1;
            }
            long += usize::from(content.iter().all(|&byte| byte == 0));
        }
        let content = disk.crash(Policy::ByteTear).files().remove("a").unwrap();
        cuts.insert(content.iter().filter(|&&byte| byte == 7).count());
    }
    assert!(holes > 10, "{holes} edges of lost sectors");
    assert!(long > 10, "{long} files have a length without bytes");
    assert!(cuts.len() > 20 && cuts.iter().any(|cut| cut % 512 != 0), "{cuts:?}");
}

#[test]
fn an_ordered_disk_never_keeps_the_later_without_the_earlier() {
    for seed in 0..200 {
        let disk = SimVfs::new(seed);
        let (a, b) = (durable(&disk, "a", &[0; 4]), durable(&disk, "b", &[0; 4]));
        for round in 1..=4 {
            a.write_at(round - 1, &[&[round as u8]]).unwrap();
            b.write_at(round - 1, &[&[round as u8]]).unwrap();
        }
        let files = disk.crash(Policy::Prefix).files();
        let count = |name: &str| files[name].iter().filter(|&&byte| byte != 0).count();
        assert!(count("a") == count("b") || count("a") == count("b") + 1);
    }
}

#[test]
fn the_same_seed_finds_the_same_disk_and_another_seed_another() {
    let found = |seed| {
        let disk = SimVfs::new(seed);
        let file = durable(&disk, "a", &[1; 4000]);
        for at in 0..20 {
            file.write_at(at * 200, &[&[at as u8; 300]]).unwrap();
            disk.open(&format!("n{at}"), Open::CreateNew).unwrap();
        }
        let first = disk.copy().crash(Policy::RandomSubset);
        assert_eq!(first.files(), disk.copy().crash(Policy::RandomSubset).files());
        let again = disk.crash(Policy::RandomSubset);
        assert_eq!(first.files(), again.files());
        assert_ne!(first.files(), disk.crash(Policy::RandomSubset).files());
        first.files()
    };
    assert_eq!(found(5), found(5));
    assert_ne!(found(5), found(6));
}

#[test]
fn keep_all_keeps_all_and_lose_all_loses_all() {
    let disk = SimVfs::new(3);
    let file = durable(&disk, "a", b"one");
    file.write_at(0, &[b"two"]).unwrap();
    disk.open("b", Open::CreateNew).unwrap().write_at(0, &[b"b"]).unwrap();
    assert_eq!(disk.copy().crash(Policy::KeepAll).files(), disk.files());
    assert_eq!(disk.crash(Policy::LoseAll).files(), [("a".into(), b"one".to_vec())].into());
}

#[test]
fn a_handle_of_the_past_fails_and_what_was_found_is_durable() {
    let disk = SimVfs::new(3);
    let file = durable(&disk, "a", b"one");
    assert!(file.try_lock().unwrap());
    file.write_at(3, &[b"two"]).unwrap();
    let found = disk.crash(Policy::KeepAll);
    assert!(file.len().is_err() && file.read_at(0, &mut [0]).is_err() && file.sync_data().is_err());
    assert!(file.window(0, 1).is_err() && file.write_at(0, &[b"x"]).is_err());
    assert!(disk.open("a", Open::Read).is_err() && disk.list("").is_err());
    assert!(found.open("a", Open::Write).unwrap().try_lock().unwrap());
    assert_eq!(found.crash(Policy::LoseAll).files()["a"], b"onetwo");
}

/// A small life of a disk, whose every step may fail.
fn life(disk: &SimVfs) -> io::Result<()> {
    disk.make_dir("d")?;
    disk.sync_dir("")?;
    let file = disk.open("d/a.tmp", Open::CreateNew)?;
    file.allocate(2000)?;
    file.write_at(0, &[&[7; 1000], &[8; 1000]])?;
    file.set_len(1500)?;
    file.sync_data()?;
    file.try_lock()?;
    file.read_at(0, &mut [0; 8])?;
    file.window(0, 8)?;
    file.len()?;
    disk.rename("d/a.tmp", "d/a")?;
    disk.sync_dir("d")?;
    disk.list("d")?;
    disk.open("d/a", Open::Read)?;
    disk.remove("d/a")
}

fn steps() -> u64 {
    let disk = SimVfs::new(0);
    life(&disk).unwrap();
    disk.op_count()
}

#[test]
fn the_power_can_go_at_every_operation() {
    assert_eq!(steps(), 16);
    for cut in 0..steps() {
        for policy in Policy::ALL {
            let disk = SimVfs::new(cut);
            disk.power_cut_at(cut);
            assert!(life(&disk).is_err());
            assert!(disk.op_count() == cut && disk.list("").is_err(), "nothing works without power");
            let files = disk.crash(policy).files();
            // From the directory's sync to the removal the file is there and whole.
            if (13..16).contains(&cut) {
                assert_eq!(files["d/a"], [[7; 1000].as_slice(), &[8; 500]].concat(), "{policy:?} at {cut}");
            }
        }
    }
}

#[test]
fn eio_can_strike_every_operation_once_or_from_then_on() {
    for at in 0..steps() {
        for times in [Times::Once, Times::Always] {
            let disk = SimVfs::new(1);
            disk.fail_at(at, Fault::Eio, times);
            let error = life(&disk).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EIO));
            assert_eq!(disk.op_count(), at + 1);
            assert_eq!(disk.list("").is_ok(), times == Times::Once);
            disk.clear_faults();
            assert!(disk.list("").is_ok());
        }
    }
}

#[test]
fn a_fault_that_does_not_fit_the_operation_does_nothing() {
    for (fault, fits, code) in [
        (Fault::Enospc, vec!["make", "create", "allocate", "write", "set", "rename"], libc::ENOSPC),
        (Fault::Emfile, vec!["create", "sync dir", "list", "open"], libc::EMFILE),
        (Fault::ShortWrite, vec!["write"], libc::ENOSPC),
        (Fault::Misdirected, vec![], 0),
    ] {
        for at in 0..steps() {
            let disk = SimVfs::new(1);
            disk.fail_at(at, fault, Times::Once);
            let result = life(&disk);
            let op = disk.ops()[at as usize].clone();
            assert_eq!(result.is_err(), fits.iter().any(|verb| op.starts_with(verb)), "{fault:?} at {op}");
            assert!(result.err().is_none_or(|error| error.raw_os_error() == Some(code)));
        }
    }
}

#[test]
fn a_short_write_leaves_a_first_part() {
    let mut lens = BTreeSet::new();
    for seed in 0..50 {
        let disk = SimVfs::new(seed);
        let file = durable(&disk, "a", b"");
        disk.fail_at(disk.op_count(), Fault::ShortWrite, Times::Once);
        assert_eq!(file.write_at(0, &[b"abc", b"def"]).unwrap_err().kind(), ErrorKind::StorageFull);
        let content = disk.files().remove("a").unwrap();
        assert!(b"abcde".starts_with(&content));
        lens.insert(content.len());
    }
    assert_eq!(lens, (0..6).collect());
}

#[test]
fn s3_after_a_failed_sync_a_later_one_succeeds_and_the_bytes_may_be_gone() {
    let after = |lie: Option<Lie>| {
        let mut found = BTreeSet::new();
        for seed in 0..40 {
            let disk = SimVfs::new(seed);
            let file = durable(&disk, "a", b"old");
            lie.into_iter().for_each(|lie| disk.lie(lie));
            file.write_at(0, &[b"new"]).unwrap();
            file.write_at(3, &[b"er"]).unwrap();
            disk.fail_at(disk.op_count(), Fault::Eio, Times::Once);
            assert_eq!(file.sync_data().is_ok(), lie.is_some());
            assert_eq!(disk.files()["a"], b"newer", "the cache has it still");
            file.sync_data().unwrap();
            found.insert(disk.crash(Policy::KeepAll).files().remove("a").unwrap());
        }
        found
    };
    let all: BTreeSet<Vec<u8>> =
        ["new\0\0", "newer", "old\0\0", "older"].map(|content| content.as_bytes().to_vec()).into();
    assert_eq!(after(None), all);
    assert_eq!(after(Some(Lie::IgnoreFailedSync)), all);
}

#[test]
fn a_misdirected_write_lands_elsewhere_and_says_nothing() {
    let disk = SimVfs::new(1);
    let file = durable(&disk, "a", b"old");
    disk.fail_at(disk.op_count(), Fault::Misdirected, Times::Once);
    file.write_at(0, &[b"new"]).unwrap();
    let content = disk.files().remove("a").unwrap();
    assert_eq!((&content[..3], &content[4096..]), (b"old".as_slice(), b"new".as_slice()));
}

#[test]
fn decay_and_cuts_are_on_the_platter() {
    let disk = SimVfs::new(1);
    durable(&disk, "a", b"abcdef");
    disk.bit_flip("a", 2).unwrap();
    disk.truncate("a", 4).unwrap();
    let content = disk.crash(Policy::LoseAll).files().remove("a").unwrap();
    assert_eq!((content[2] ^ b'c').count_ones(), 1);
    assert_eq!((&content[..2], &content[3..]), (b"ab".as_slice(), b"d".as_slice()));
    assert_eq!(disk.bit_flip("a", 4).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(disk.truncate("b", 4).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn the_trace_says_what_was_done_and_the_clock_dates_it() {
    let disk = SimVfs::new(1);
    let file = durable(&disk, "a", b"one");
    let first = disk.list("").unwrap()[0].modified;
    disk.advance(5_000_000);
    file.set_len(2).unwrap();
    assert_eq!(disk.list("").unwrap()[0].modified, first + 5_000_001);
    let done = ["create a", "write a 0+3", "sync data a", "sync dir ", "list ", "set len a 2", "list "];
    assert_eq!(disk.ops(), done);
}

/// Lets every operation go on at once.
#[derive(Debug)]
struct AtOnce;

impl Scheduler for AtOnce {
    fn before(&self, _: Touch<'_>) -> Option<Fault> {
        None
    }

    fn wait(&self, touch: Touch<'_>) {
        panic!("{touch:?} is another's");
    }
}

#[test]
fn processes_share_bytes_and_keep_to_each_others_locks() {
    let disk = SimVfs::new(1);
    let (one, other) = (disk.process(Arc::new(AtOnce)), disk.process(Arc::new(AtOnce)));
    let (mine, yours) = (one.open("lock", Open::Create).unwrap(), other.open("lock", Open::Create).unwrap());
    assert!(mine.try_lock_shared().unwrap() && yours.try_lock_shared().unwrap());
    assert!(!mine.try_lock().unwrap());
    drop(yours);
    assert!(mine.try_lock().unwrap());
    mine.write_at(0, &[b"seen"]).unwrap();
    let yours = other.open("lock", Open::Write).unwrap();
    assert!(!yours.try_lock_shared().unwrap());
    let mut seen = [0; 4];
    yours.read_at(0, &mut seen).unwrap();
    assert_eq!(&seen, b"seen");
    one.end();
    assert!(yours.try_lock().unwrap(), "the locks of a process end with it");
    assert!(mine.len().is_err() && one.list("").is_err());
}

#[test]
fn ranges_of_a_file_are_locked_apart_from_it_and_from_each_other() {
    let disk = SimVfs::new(1);
    let open = || disk.process(Arc::new(AtOnce)).open("rows", Open::Create).unwrap();
    let (mine, yours) = (open(), open());
    assert!(mine.try_lock().unwrap());
    let (mine, yours) = (mine.ranges().unwrap(), yours.ranges().unwrap());
    assert!(mine.try_lock((0, 9), false).unwrap());
    assert!(!yours.try_lock((9, 20), true).unwrap() && yours.is_locked((0, 0)).unwrap());
    assert!(yours.try_lock((10, 20), true).unwrap() && mine.try_lock((15, u64::MAX), true).unwrap());
    mine.unlock((0, 9)).unwrap();
    yours.lock((0, 9), false).unwrap();
    yours.unlock_all().unwrap();
    assert!(mine.try_lock((0, 12), false).unwrap());
}

#[test]
fn a_process_has_only_so_many_files_open_and_the_disk_only_so_much_room() {
    let disk = SimVfs::new(1);
    disk.set_max_open(Some(1));
    disk.set_capacity(Some(10));
    let process = disk.process(Arc::new(AtOnce));
    let file = process.open("file", Open::Create).unwrap();
    assert_eq!(process.open("more", Open::Create).unwrap_err().raw_os_error(), Some(24));
    assert_eq!(file.write_at(8, &[b"four"]).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), 10);
    assert_eq!(file.set_len(11).unwrap_err().kind(), io::ErrorKind::StorageFull);
    drop(file);
    process.open("more", Open::Create).unwrap();
}

#[test]
fn the_power_of_all_processes_goes_at_once() {
    let disk = SimVfs::new(1);
    let process = disk.process(Arc::new(AtOnce));
    let file = process.open("file", Open::Create).unwrap();
    file.write_at(0, &[b"kept"]).unwrap();
    file.sync_data().unwrap();
    process.sync_dir("").unwrap();
    file.write_at(0, &[b"lost"]).unwrap();
    disk.lose_power(Policy::LoseAll);
    assert!(file.len().is_err());
    assert_eq!(disk.files()["file"], b"kept");
    let other = SimVfs::new(2);
    other.set_to(&disk);
    assert_eq!(other.files()["file"], b"kept");
}
