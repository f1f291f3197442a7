//! The last moment of the rows that was read, kept for those who read next.
//!
//! To begin a moment costs more than to read a few rows of it: in shared mode redb takes and gives
//! back locks that other processes see. So a moment is kept with its [`Stamp`] and read on, as long
//! as the stamp is the same; why that is right stands in `kv/redb/stamp.rs`.
//!
//! A moment keeps redb from using again the pages that were freed since. Who commits lets it go. In
//! shared mode others commit, too, and cannot: there a thread lets go of what nobody read for
//! [`IDLE`], and ends when nothing is kept. It begins only where reads come thick: a program that
//! reads now and then, or opens a store and forks, has no thread of ours.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::{RedbReader, Stamp};
use crate::machine;

/// A moment that nobody reads is let go after one to two times this.
const IDLE: Duration = Duration::from_millis(20);

/// Between two commits so many moments are begun before one is kept while it is read.
const THICK: u32 = 8;

/// Keeps one moment.
#[derive(Debug, Default)]
pub(super) struct SnapshotCache {
    slot: Arc<Slot>,
    /// The number of the last stamp that a moment began with, and how many did.
    seen: AtomicU64,
    times: AtomicU32,
}

#[derive(Debug, Default)]
struct Slot {
    cached: ArcSwapOption<CachedSnapshot>,
    /// Whether a thread looks after it.
    watched: AtomicBool,
}

#[derive(Debug)]
struct CachedSnapshot {
    stamp: Stamp,
    reader: RedbReader,
    /// Whether it was read since the thread last looked.
    read: AtomicBool,
}

impl SnapshotCache {
    /// Returns the moment of a stamp, if it is kept.
    pub(super) fn get(&self, stamp: Stamp) -> Option<RedbReader> {
        let cached = self.slot.cached.load();
        let cached = cached.as_ref().filter(|cached| cached.stamp == stamp)?;
        if !cached.read.load(Ordering::Relaxed) {
            cached.read.store(true, Ordering::Relaxed);
        }
        Some(cached.reader.clone())
    }

    /// Keeps a moment until the next, or until it is let go.
    pub(super) fn insert(&self, stamp: Stamp, reader: RedbReader) {
        self.slot.cached.store(Some(Arc::new(CachedSnapshot { stamp, reader, read: AtomicBool::new(true) })));
    }

    /// Keeps a moment until nobody reads it, if many were begun since the last commit.
    pub(super) fn cache_while_read(&self, stamp: Stamp, reader: &RedbReader) {
        if self.seen.swap(stamp.number(), Ordering::Relaxed) != stamp.number() {
            self.times.store(0, Ordering::Relaxed);
        }
        if self.times.fetch_add(1, Ordering::Relaxed) < THICK {
            return;
        }
        self.insert(stamp, reader.clone());
        // A simulation runs no thread that it does not know of.
        if machine::simulated_process().is_some() || self.slot.watched.swap(true, Ordering::SeqCst) {
            return;
        }
        let slot = Arc::downgrade(&self.slot);
        if thread::Builder::new().name("holdall-moment".into()).spawn(move || watch(&slot)).is_err() {
            self.slot.watched.store(false, Ordering::SeqCst);
            self.clear();
        }
    }

    /// Lets go of what is kept.
    pub(super) fn clear(&self) {
        self.slot.cached.store(None);
    }
}

/// Lets go of each moment that nobody reads, until there is none.
fn watch(slot: &Weak<Slot>) {
    loop {
        thread::sleep(IDLE);
        let Some(slot) = slot.upgrade() else { return };
        let cached = slot.cached.load();
        if cached.as_ref().is_some_and(|cached| cached.read.swap(false, Ordering::Relaxed)) {
            continue;
        }
        slot.cached.compare_and_swap(&cached, None);
        slot.watched.store(false, Ordering::SeqCst);
        // One that was kept meanwhile met a thread that was still there: it is for this one.
        if slot.cached.load().is_none() || slot.watched.swap(true, Ordering::SeqCst) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::{RedbKv, Sharing};
    use super::*;
    use crate::kv::{Commit, Kv, Read, Table, Write};
    use crate::vfs::{Open, RealVfs, Vfs};

    const ROWS: Table = Table { byte: 1, name: "rows" };

    /// The rows of a directory, as one more process has them.
    fn open(dir: &std::path::Path, sharing: Sharing) -> RedbKv {
        let file = RealVfs::new(dir).unwrap().open("rows", Open::Create).unwrap();
        RedbKv::open(file, sharing, 1 << 20, &[ROWS]).unwrap()
    }

    fn put(kv: &RedbKv, value: u32) {
        let mut writer = kv.writer().unwrap();
        writer.put(ROWS, b"row", &value.to_be_bytes()).unwrap();
        kv.commit(writer, Commit::Synced).unwrap();
    }

    fn get(kv: &RedbKv) -> u32 {
        let found = kv.reader().unwrap().get(ROWS, b"row", |value| Ok(value.try_into().unwrap()));
        found.unwrap().map_or(0, u32::from_be_bytes)
    }

    fn has(kv: &RedbKv) -> bool {
        kv.snapshot_cache.slot.cached.load().is_some()
    }

    fn until(what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn what_another_process_commits_is_read_though_a_moment_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs) = (open(dir.path(), Sharing::Shared), open(dir.path(), Sharing::Shared));
        let mut cached = 0;
        for value in 1..=200 {
            put(&theirs, value);
            for _ in 0..2 * THICK {
                assert_eq!(get(&ours), value);
            }
            cached += u32::from(has(&ours));
        }
        assert!(cached > 0, "no moment was ever kept");
    }

    #[test]
    fn a_moment_that_nobody_reads_is_let_go_and_the_next_is_kept_again() {
        let dir = tempfile::tempdir().unwrap();
        let kv = open(dir.path(), Sharing::Shared);
        for value in 1..=3 {
            put(&kv, value);
            until("a moment is never kept", || get(&kv) == value && has(&kv));
            until("a moment is never let go", || !has(&kv));
            until("a thread stays without a moment", || !kv.snapshot_cache.slot.watched.load(Ordering::SeqCst));
        }
        // The control: nobody watches what is kept for good.
        let stamp = kv.stamp().unwrap();
        kv.snapshot_cache.insert(stamp, kv.begin_read().unwrap());
        thread::sleep(5 * IDLE);
        assert!(has(&kv));
        put(&kv, 4);
        assert!(!has(&kv), "who commits lets go");
    }

    #[test]
    fn many_threads_read_what_was_committed_before() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs) = (open(dir.path(), Sharing::Shared), open(dir.path(), Sharing::Shared));
        let committed = std::sync::atomic::AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let before = committed.load(Ordering::SeqCst);
                        assert!(get(&ours) >= before, "an older moment was read");
                        if before == 300 {
                            return;
                        }
                    }
                });
            }
            for value in 1..=300 {
                put(&theirs, value);
                committed.store(value, Ordering::SeqCst);
            }
        });
    }

    #[test]
    fn few_reads_between_commits_begin_no_thread() {
        let dir = tempfile::tempdir().unwrap();
        let kv = open(dir.path(), Sharing::Shared);
        for value in 1..=20 {
            put(&kv, value);
            (0..THICK / 2).for_each(|_| assert_eq!(get(&kv), value));
            assert!(!has(&kv) && !kv.snapshot_cache.slot.watched.load(Ordering::SeqCst));
        }
    }

    #[test]
    fn a_closed_store_keeps_nothing_open() {
        for sharing in [Sharing::Exclusive, Sharing::Shared] {
            let dir = tempfile::tempdir().unwrap();
            let kv = open(dir.path(), sharing);
            put(&kv, 1);
            (0..2 * THICK).for_each(|_| assert_eq!(get(&kv), 1));
            kv.close();
            assert!(!has(&kv) && kv.reader().is_err());
            // Nobody holds a lock any more.
            put(&open(dir.path(), Sharing::Exclusive), 2);
        }
    }
}
