//! What an error says of a change that holds all the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdall::mutant::Mutant;
use holdall::vfs::{Fault, SimVfs, Times};
use holdall::{Drive, Mode, Options, Put, Store};

use crate::finds;

/// More than there are between two checkpoints, which come after 3 MiB of rows.
const PUTS: u64 = 60;
/// The length of a row.
const ROW_LEN: usize = 60 << 10;

fn open(disk: &SimVfs) -> Drive {
    let options = Options::new().mode(Mode::Exclusive).cache_bytes(1 << 20);
    Store::open_on(Arc::new(disk.clone()), options).unwrap().drive("alice").unwrap()
}

fn put(drive: &Drive, number: u64) -> holdall::Result<()> {
    let attributes = BTreeMap::from([("long".to_owned(), "x".repeat(ROW_LEN))]);
    let put = Put::new().attributes(attributes)?;
    drive.put(&number.to_string(), &number.to_le_bytes().repeat(12)[..], put).map(drop)
}

/// Which operations of the disk the put takes that makes the checkpoint.
fn checkpoint() -> std::ops::Range<u64> {
    let disk = SimVfs::new(1);
    let drive = open(&disk);
    let range = |number| {
        let begun = disk.op_count();
        put(&drive, number).unwrap();
        begun..disk.op_count()
    };
    (0..PUTS).map(range).max_by_key(|range| range.end - range.start).unwrap()
}

/// The group is durable by then, so that the next opening replays it.
#[test]
fn a_put_that_is_refused_as_the_rows_are_synced_says_that_it_may_hold() {
    let steps = checkpoint();
    finds(Mutant::FailedCheckpointsRefuse, || {
        let mut held = 0;
        for step in steps.clone() {
            let disk = SimVfs::new(1);
            let drive = open(&disk);
            disk.fail_at(step, Fault::Eio, Times::Once);
            let Some((number, error)) =
                (0..PUTS).find_map(|number| Some((number, put(&drive, number).err()?)))
            else {
                continue;
            };
            let _ = drive.store().close();
            drop(drive);
            if open(&disk).stat(&number.to_string()).is_ok() {
                assert!(error.to_string().contains("decides whether the change holds"), "{step}: {error}");
                held += 1;
            }
        }
        assert!(held > 0, "no refused put held");
    });
}
