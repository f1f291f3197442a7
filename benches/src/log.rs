//! Row 20: what a million changes leave of the log, while what lives stays the same.

use std::time::{Duration, Instant};

use bytes::Bytes;
use holdall::{CopyVersions, Drive, Mode, Options, Put, Request, Share, Store};

use crate::measure::{Table, Want, unit};
use crate::place::{Contents, dir};

const CHANGES: u64 = 1_000_000;
/// Files that are there all the time, and bytes of each.
const FILES: u64 = 4000;
const LEN: usize = 2000;
/// Changes of a round, of which so many are calls by themselves, and rounds between collections.
const ROUND: u64 = 2000;
const CALLS: u64 = 148;
const ROUNDS: u64 = 25;
const MIB: f64 = (1 << 20) as f64;

/// Changes everything that there is to change and collects now and then, and compares the log with
/// the content that lives.
pub fn log(table: &mut Table) {
    let dir = dir();
    // Archives live no longer than the grace.
    let options = Options::new().mode(Mode::Exclusive).grace(Duration::from_secs(1));
    let store = Store::open(dir.path(), options).expect("a store");
    let drive = store.drive("bench").expect("a drive");
    drive.set_max_versions(1).expect("set");
    let (begun, mut contents) = (Instant::now(), Contents::new(20));
    put(&drive, &mut contents, 0..FILES);
    let (mut changes, mut most, mut least): (u64, f64, f64) = (0, f64::MIN, f64::MAX);
    let (mut collected, mut time) = (0, Duration::ZERO);
    for round in 0.. {
        if changes >= CHANGES {
            break;
        }
        changes += calls(&store, &drive, round);
        let from = round * ROUND % FILES;
        put(&drive, &mut contents, from..from + ROUND - CALLS);
        changes += ROUND - CALLS;
        if round % ROUNDS == ROUNDS - 1 {
            let begun = Instant::now();
            let report = store.gc().expect("collected");
            time += begun.elapsed();
            collected += report.blobs;
            assert!(report.failed.is_empty() && report.compaction.failed.is_empty(), "{report:?}");
            let stats = store.stats().expect("stats");
            let above = (stats.segment_bytes as f64 - 2.5 * stats.blob_bytes as f64) / MIB;
            (most, least) = (most.max(above), least.min(stats.blob_bytes as f64 / MIB));
        }
    }
    let shown = format!(
        "{least:.0} MiB of content live; {collected} blobs collected; all in {}, gc {}",
        unit(begun.elapsed().as_secs_f64()),
        unit(time.as_secs_f64())
    );
    let what = format!("MiB of log above that after {changes} changes and gc");
    table.row("20", &what, "2.5 x the content", most, Want::AtMost(128.0), &shown);
}

fn put(drive: &Drive, contents: &mut Contents, range: std::ops::Range<u64>) {
    let items: Vec<(String, Bytes)> =
        range.map(|number| (format!("all/{:04}", number % FILES), contents.bytes(LEN))).collect();
    drive.put_many(items, &Put::new()).expect("put");
}

/// One round of the calls that change something; returns how many changes there were.
fn calls(store: &Store, drive: &Drive, round: u64) -> u64 {
    let path = |number: u64| format!("all/{:04}", (round * 31 + number) % FILES);
    let url = drive.url(&path(0)).expect("a URL").max_requests(1 << 20).sign().expect("signed");
    for start in 0..20 {
        let range = format!("bytes={start}-{start}");
        let reply = store.serve(&Request::get(&url).range(&range)).expect("a reply");
        assert_eq!(reply.status, 206);
    }
    for number in 0..16 {
        let from = path(number);
        drive.rename(&from, "away", false).expect("renamed");
        drive.rename("away", &from, false).expect("renamed");
    }
    for number in 0..8 {
        let from = path(number);
        let file = drive.trash(&from).expect("trashed");
        drive.restore(file, None).expect("restored");
    }
    for number in 0..8 {
        drive.copy(&path(number), "copy", CopyVersions::Current).expect("copied");
        drive.delete("copy").expect("deleted");
        let share = drive.share(&path(number), &Share::new()).expect("shared");
        store.unshare(share.id).expect("unshared");
        let link = drive.link(&path(number)).expect("linked");
        store.unlink(link.id).expect("unlinked");
        let said = [("round".to_owned(), round.to_string())].into();
        drive.set_attributes(&path(number), said).expect("set");
    }
    for number in 0..4 {
        drive.mkdir("folder").expect("made");
        drive.delete("folder").expect("deleted");
        let archive = drive.archive([path(number), path(number + 1)]).expect("an archive");
        archive.expires_in(Duration::from_secs(1)).create().expect("made");
    }
    for number in 0..2 {
        let file = drive.stat(&path(number)).expect("a file");
        let old = file.current.expect("a version").id;
        store.keep(old, true).expect("marked");
        let new = drive.put(&path(number), &b"another"[..], Put::new()).expect("put").id;
        store.set_current(old).expect("set");
        store.remove_version(new).expect("removed");
        store.keep(old, false).expect("unmarked");
        store.revoke_file(file.id).expect("revoked");
    }
    CALLS
}
