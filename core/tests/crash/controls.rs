//! Controls: a fault is planted under the store, and the tests of this binary must see a loss
//! within a bounded number of states. A control that passes says that its test can fail.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use holdall::Mode;
use holdall::vfs::{DirEntry, Lie, Open, SimVfs, Vfs, VfsFile};

use crate::backup;
use crate::power::{self, Templates};

/// Within so many states each planted fault must show.
const BOUND: u64 = 3000;

/// What goes wrong with the files and directories whose path begins as said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A file's sync does nothing.
    SkipSync,
    /// One sync of three fails, and that is overlooked.
    OverlookSync,
    /// A file's sync is done when the next write to such a file begins: after what it was to come
    /// before.
    LateSync,
    /// The same four syncs later: those of a checkpoint, which has two commits of two, come too late altogether.
    LateCheckpoint,
    /// A directory's sync does nothing.
    SkipDirSync,
    /// One write of five is reported done and is not.
    DropWrite,
    /// One write of five keeps its first 64 bytes only.
    TearWrite,
    /// One write of five lands 4096 bytes further on.
    MisplaceWrite,
    /// A file is given its name only when the next one is, though its directory is synced.
    LateRename,
    /// A rename is reported done and is not.
    DropRename,
    /// A sync makes what was written before the last write durable, and not that.
    SyncAllButLast,
}

/// A disk with a planted fault.
#[derive(Debug)]
struct Faulty {
    disk: SimVfs,
    fault: Fault,
    at: &'static str,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    count: AtomicU64,
    syncs: Mutex<Vec<Arc<dyn VfsFile>>>,
    renames: Mutex<Vec<(String, String)>>,
}

impl Shared {
    fn one_in(&self, n: u64) -> bool {
        self.count.fetch_add(1, Ordering::Relaxed) % n == n - 1
    }

    /// Does the syncs that are due, when so many may be late.
    fn sync_late(&self, late: usize) {
        let mut syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
        let due = syncs.len().saturating_sub(late);
        for file in syncs.drain(..due) {
            let _ = file.sync_data();
        }
    }
}

impl Faulty {
    fn strikes(&self, fault: Fault, path: &str) -> bool {
        self.fault == fault && path.starts_with(self.at)
    }
}

impl Vfs for Faulty {
    fn open(&self, path: &str, how: Open) -> io::Result<Arc<dyn VfsFile>> {
        let file = self.disk.open(path, how)?;
        let fault = path.starts_with(self.at).then_some(self.fault);
        Ok(Arc::new(FaultyFile { file, fault, shared: self.shared.clone(), last: Mutex::default() }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if self.strikes(Fault::DropRename, to) {
            return Ok(());
        }
        if self.strikes(Fault::LateRename, to) {
            let mut late = self.shared.renames.lock().unwrap_or_else(PoisonError::into_inner);
            for (from, to) in late.drain(..) {
                self.disk.rename(&from, &to)?;
            }
            late.push((from.to_owned(), to.to_owned()));
            return Ok(());
        }
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn make_dir(&self, path: &str) -> io::Result<()> {
        self.disk.make_dir(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        self.disk.list(path)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        if self.strikes(Fault::SkipDirSync, path) {
            return Ok(());
        }
        self.disk.sync_dir(path)
    }
}

#[derive(Debug)]
struct FaultyFile {
    file: Arc<dyn VfsFile>,
    fault: Option<Fault>,
    shared: Arc<Shared>,
    /// The last write, held back until another follows.
    last: Mutex<Option<(u64, Vec<u8>)>>,
}

impl VfsFile for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, out)
    }

    fn write_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        let rare = || self.shared.one_in(5);
        match self.fault {
            Some(Fault::DropWrite) if rare() => Ok(()),
            Some(Fault::TearWrite) if rare() => {
                let bytes = parts.concat();
                self.file.write_at(offset, &[&bytes[..bytes.len().min(64)]])
            }
            Some(Fault::MisplaceWrite) if rare() => self.file.write_at(offset + 4096, parts),
            Some(Fault::LateSync) => {
                self.shared.sync_late(0);
                self.file.write_at(offset, parts)
            }
            Some(Fault::LateCheckpoint) => {
                self.shared.sync_late(4);
                self.file.write_at(offset, parts)
            }
            Some(Fault::SyncAllButLast) => {
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((offset, parts.concat()));
                self.file.write_at(offset, parts)
            }
            _ => self.file.write_at(offset, parts),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.fault {
            Some(Fault::SkipSync) => Ok(()),
            Some(Fault::OverlookSync) if self.shared.one_in(3) => Ok(()),
            Some(Fault::LateSync | Fault::LateCheckpoint) => {
                self.shared.syncs.lock().unwrap_or_else(PoisonError::into_inner).push(self.file.clone());
                Ok(())
            }
            Some(Fault::SyncAllButLast) => {
                // The zeros are durable, the bytes over them are not.
                let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some((offset, bytes)) = last else { return self.file.sync_data() };
                self.file.write_at(offset, &[&vec![0; bytes.len()]])?;
                self.file.sync_data()?;
                self.file.write_at(offset, &[&bytes])
            }
            _ => self.file.sync_data(),
        }
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn window(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        self.file.window(offset, len)
    }

    fn will_need(&self, offset: u64, len: u64) {
        self.file.will_need(offset, len);
    }

    fn file(&self) -> Option<Arc<std::fs::File>> {
        self.file.file()
    }
}

/// Whether the power-loss test reports a loss on a disk with this fault.
fn caught(fault: Fault, at: &'static str) {
    let sound = Templates::new(&|disk| Arc::new(disk));
    let wrap = move |disk| Arc::new(Faulty { disk, fault, at, shared: Arc::default() }) as Arc<dyn Vfs>;
    let outcome = power::explore_many(1000, BOUND, &sound, &wrap, 6);
    assert!(!outcome.failures.is_empty(), "{} states, and {fault:?} at {at:?} was not seen", outcome.states);
    crate::figure(&format!("control: {fault:?} at {at:?} seen within {} states", outcome.states));
}

/// Whether the test of a store's making reports a loss on a disk with this fault.
fn caught_in_the_making(fault: Fault, at: &'static str) {
    let wrap = move |disk| Arc::new(Faulty { disk, fault, at, shared: Arc::default() }) as Arc<dyn Vfs>;
    let outcome = power::make_and_lose_power(Mode::Exclusive, &wrap);
    assert!(!outcome.failures.is_empty(), "{} states, and {fault:?} at {at:?} was not seen", outcome.states);
    crate::figure(&format!("control: {fault:?} at {at:?} seen within {} states", outcome.states));
}

/// Whether the test of backups reports a loss on a target with this fault.
fn caught_in_a_backup(fault: Fault, at: &'static str) {
    let wrap = move |disk| Arc::new(Faulty { disk, fault, at, shared: Arc::default() }) as Arc<dyn Vfs>;
    let outcome = backup::explore(1000, BOUND, &wrap);
    assert!(!outcome.failures.is_empty(), "{} states, and {fault:?} at {at:?} was not seen", outcome.states);
    crate::figure(&format!("control: {fault:?} at {at:?} of a backup seen within {} states", outcome.states));
}

fn lie_is_caught(lie: Lie) {
    let sound = Templates::new(&|disk| Arc::new(disk));
    let wrap = move |disk: SimVfs| {
        disk.lie(lie);
        Arc::new(disk) as Arc<dyn Vfs>
    };
    let outcome = power::explore_many(1000, BOUND, &sound, &wrap, 6);
    assert!(!outcome.failures.is_empty(), "{} states, and {lie:?} was not seen", outcome.states);
    crate::figure(&format!("control: {lie:?} seen within {} states", outcome.states));
}

macro_rules! controls {
    ($($name:ident: $fault:ident at $at:literal;)*) => {
        $(#[test]
        fn $name() {
            caught(Fault::$fault, $at);
        })*
    };
}

controls! {
    control_the_log_is_not_synced: SkipSync at "seg/";
    control_a_failed_sync_of_the_log_is_overlooked: OverlookSync at "seg/";
    control_the_log_is_synced_after_its_group_was_acknowledged: LateSync at "seg/";
    control_the_sync_of_the_log_leaves_the_last_write_out: SyncAllButLast at "seg/";
    control_large_content_is_not_synced: SkipSync at "spool/";
    control_large_content_is_synced_too_late: LateSync at "spool/";
    control_the_rows_are_not_synced: SkipSync at "meta.redb";
    control_the_rows_are_synced_too_late: LateCheckpoint at "meta.redb";
    control_the_name_of_large_content_is_not_synced: SkipDirSync at "blob/";
    control_the_name_of_a_segment_is_not_synced: SkipDirSync at "seg";
    control_large_content_is_named_too_late: LateRename at "blob/";
    control_large_content_is_never_named: DropRename at "blob/";
    control_writes_to_the_log_are_dropped: DropWrite at "seg/";
    control_writes_to_the_log_are_torn: TearWrite at "seg/";
    control_writes_to_the_log_land_elsewhere: MisplaceWrite at "seg/";
    control_writes_of_large_content_are_dropped: DropWrite at "spool/";
    control_writes_of_rows_are_dropped: DropWrite at "meta.redb";
}

#[test]
fn control_the_disk_lies_about_every_file() {
    lie_is_caught(Lie::SkipFileSync);
}

#[test]
fn control_the_disk_lies_about_every_directory() {
    lie_is_caught(Lie::SkipDirSync);
}

#[test]
fn control_the_names_of_a_new_store_are_not_synced() {
    caught_in_the_making(Fault::SkipDirSync, "");
}

#[test]
fn control_the_names_of_a_new_store_are_never_given() {
    caught_in_the_making(Fault::SkipSync, "STORE.new");
}

#[test]
fn control_the_files_of_a_backup_are_not_synced() {
    caught_in_a_backup(Fault::SkipSync, "spool/");
}

#[test]
fn control_what_a_backup_adds_to_a_segment_is_not_synced() {
    caught_in_a_backup(Fault::SkipSync, "seg/");
}

#[test]
fn control_the_rows_of_a_backup_are_not_synced() {
    caught_in_a_backup(Fault::SkipSync, "meta.redb");
}

#[test]
fn control_the_names_of_a_backup_are_not_synced() {
    caught_in_a_backup(Fault::SkipDirSync, "seg");
}
