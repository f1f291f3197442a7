//! The newest read snapshot, cached for the readers that come next.
//!
//! Opening a snapshot costs more than reading a few rows from it: in shared mode redb takes and
//! releases locks that other processes see. So a snapshot is cached with its [`Stamp`] and reused as
//! long as the stamp is unchanged; `kv/redb/stamp.rs` proves that this is correct.
//!
//! An open snapshot keeps redb from reusing the pages that were freed since. A commit clears the cache.
//! In shared mode other processes commit, too, and cannot clear it: there a thread drops a snapshot
//! that nobody has read for [`IDLE`], and ends when the cache is empty. The thread is started only
//! while reads are frequent: a program that reads now and then, or opens a store and forks, has none.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::{RedbReader, Stamp};
use crate::machine;

/// A snapshot that nobody reads is dropped after one to two times this.
const IDLE: Duration = Duration::from_millis(20);

/// How many snapshots are opened between two commits before one is cached while it is read.
const FREQUENT: u32 = 8;

/// Caches one snapshot.
#[derive(Debug, Default)]
pub(super) struct SnapshotCache {
    slot: Arc<CacheSlot>,
    /// The number of the last stamp that a snapshot was opened with, and how many were.
    seen: AtomicU64,
    times: AtomicU32,
}

#[derive(Debug, Default)]
struct CacheSlot {
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
    /// Returns the snapshot of a stamp, if it is cached.
    pub(super) fn get(&self, stamp: Stamp) -> Option<RedbReader> {
        let cached = self.slot.cached.load();
        let cached = cached.as_ref().filter(|cached| cached.stamp == stamp)?;
        // Looked at before it is set: a store to it by every reader would move the cache line between cores.
        if !cached.read.load(Ordering::Relaxed) {
            cached.read.store(true, Ordering::Relaxed);
        }
        Some(cached.reader.clone())
    }

    /// Caches a snapshot until the next one, or until the cache is cleared.
    pub(super) fn insert(&self, stamp: Stamp, reader: RedbReader) {
        self.slot.cached.store(Some(Arc::new(CachedSnapshot { stamp, reader, read: AtomicBool::new(true) })));
    }

    /// Caches a snapshot until nobody reads it, if many were opened since the last commit.
    pub(super) fn cache_while_read(&self, stamp: Stamp, reader: &RedbReader) {
        if self.seen.swap(stamp.number(), Ordering::Relaxed) != stamp.number() {
            self.times.store(0, Ordering::Relaxed);
        }
        if self.times.fetch_add(1, Ordering::Relaxed) < FREQUENT {
            return;
        }
        self.insert(stamp, reader.clone());
        // A simulation runs no thread that it does not know of.
        if machine::simulated_process().is_some() || self.slot.watched.swap(true, Ordering::SeqCst) {
            return;
        }
        let slot = Arc::downgrade(&self.slot);
        if thread::Builder::new().name("holdall-snapshot".into()).spawn(move || watch(&slot)).is_err() {
            self.slot.watched.store(false, Ordering::SeqCst);
            self.clear();
        }
    }

    /// Drops the cached snapshot.
    pub(super) fn clear(&self) {
        self.slot.cached.store(None);
    }
}

/// Drops each snapshot that nobody reads, until there is none.
fn watch(slot: &Weak<CacheSlot>) {
    loop {
        thread::sleep(IDLE);
        let Some(slot) = slot.upgrade() else { return };
        let cached = slot.cached.load();
        if cached.as_ref().is_some_and(|cached| cached.read.swap(false, Ordering::Relaxed)) {
            continue;
        }
        // Not `store`: a newer snapshot that was cached meanwhile stays.
        slot.cached.compare_and_swap(&cached, None);
        slot.watched.store(false, Ordering::SeqCst);
        // A snapshot that was cached meanwhile found this thread still running, so it started none.
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

    const ROWS: Table = Table::new(1, "rows");

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
    fn what_another_process_commits_is_read_though_a_snapshot_is_cached() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs) = (open(dir.path(), Sharing::Shared), open(dir.path(), Sharing::Shared));
        let mut cached = 0;
        for value in 1..=200 {
            put(&theirs, value);
            for _ in 0..2 * FREQUENT {
                assert_eq!(get(&ours), value);
            }
            cached += u32::from(has(&ours));
        }
        assert!(cached > 0, "no snapshot was ever cached");
    }

    #[test]
    fn a_snapshot_that_nobody_reads_is_dropped_and_the_next_is_cached_again() {
        let dir = tempfile::tempdir().unwrap();
        let kv = open(dir.path(), Sharing::Shared);
        for value in 1..=3 {
            put(&kv, value);
            until("a snapshot is never cached", || get(&kv) == value && has(&kv));
            until("a snapshot is never dropped", || !has(&kv));
            until("a thread stays without a snapshot", || {
                !kv.snapshot_cache.slot.watched.load(Ordering::SeqCst)
            });
        }
        // The control: nobody watches what is kept for good.
        let stamp = kv.stamp().unwrap();
        kv.snapshot_cache.insert(stamp, kv.begin().unwrap());
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
                        assert!(get(&ours) >= before, "an older snapshot was read");
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
            (0..FREQUENT / 2).for_each(|_| assert_eq!(get(&kv), value));
            assert!(!has(&kv) && !kv.snapshot_cache.slot.watched.load(Ordering::SeqCst));
        }
    }

    #[test]
    fn a_closed_store_keeps_nothing_open() {
        for sharing in [Sharing::Exclusive, Sharing::Shared] {
            let dir = tempfile::tempdir().unwrap();
            let kv = open(dir.path(), sharing);
            put(&kv, 1);
            (0..2 * FREQUENT).for_each(|_| assert_eq!(get(&kv), 1));
            kv.close();
            assert!(!has(&kv) && kv.reader().is_err());
            // Nobody holds a lock any more.
            put(&open(dir.path(), Sharing::Exclusive), 2);
        }
    }
}
