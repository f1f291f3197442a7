//! What a backup that came to no end has left in an earlier copy.

use std::sync::Arc;

use holdall::mutant::Mutant;
use holdall::vfs::{Policy, SimVfs, Vfs};
use holdall::{Mode, Options, Progress, Put, Result, Store};

use crate::finds;

fn quiet(_: Progress) -> Result<()> {
    Ok(())
}

fn on(disk: &SimVfs) -> Arc<dyn Vfs> {
    Arc::new(disk.clone())
}

fn open(disk: &SimVfs, mode: Mode) -> Store {
    Store::open_on(on(disk), Options::new().mode(mode).segment_bytes(64 << 10).cache_bytes(1 << 20)).unwrap()
}

/// Puts what fills a segment and more.
fn fill(store: &Store, folder: &str, times: u32) {
    let drive = store.drive("alice").unwrap();
    for n in 0..60_u8 {
        let content: Vec<u8> = (0..3000_u32).map(|at| (at * times).to_le_bytes()[0] ^ n).collect();
        drive.put(&format!("{folder}/{n}"), &content[..], Put::new()).unwrap();
    }
}

#[test]
fn a_copy_that_a_cut_backup_went_into_can_be_worked_in_and_survives_a_crash() {
    finds(Mutant::ForeignSegmentsStay, || {
        let (store, whole) = (open(&SimVfs::new(1), Mode::Exclusive), SimVfs::new(2));
        fill(&store, "before", 31);
        store.backup_on(&on(&whole), &mut quiet).unwrap();
        fill(&store, "since", 37);
        let again = whole.copy();
        let begun = again.op_count();
        store.backup_on(&on(&again), &mut quiet).unwrap();
        let ops = again.op_count() - begun;
        for (step, mode) in (1..ops).step_by(16).zip([Mode::Exclusive, Mode::Shared].iter().cycle()) {
            let cut = whole.copy();
            cut.power_cut_at(cut.op_count() + step);
            let _ = store.backup_on(&on(&cut), &mut quiet);
            let restored = cut.crash(Policy::KeepAll);
            let copy = open(&restored, *mode);
            copy.drive("alice").unwrap().put("alone", &b"alone"[..], Put::new()).unwrap();
            copy.close().unwrap();
            // Once more, as who works in it alone and dies.
            let copy = open(&restored, Mode::Exclusive);
            copy.drive("alice").unwrap().put("at last", &b"at last"[..], Put::new()).unwrap();
            let found = restored.crash(Policy::KeepAll);
            let copy = open(&found, Mode::Exclusive);
            let drive = copy.drive("alice").unwrap();
            for path in ["alone", "at last", "before/59"] {
                assert!(drive.stat(path).is_ok(), "{path} is there after a cut at {step}");
            }
            assert!(copy.check(holdall::CheckOptions::new().content(true)).unwrap().problems.is_empty());
        }
    });
}
