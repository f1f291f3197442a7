//! Several processes on one simulated disk: each has its own handles and locks, all see the same
//! bytes, and one that dies leaves what it wrote.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use rustix::io::Errno;

use super::disk::Node;
use super::lock::{self, Range};
use super::{Fault, Policy, SimFile, SimState, SimVfs, Verb, WHOLE};
use crate::machine;
use crate::time::Time;
use crate::vfs::RangeLocks;

/// What a process is about to do with a simulated disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch<'a> {
    /// The operation, as [`SimVfs::ops`] names it.
    pub verb: &'static str,
    /// The file or directory.
    pub path: &'a str,
    /// Where in the file.
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
    pub(super) kind: Verb,
}

impl Touch<'_> {
    /// Returns whether a fault would do something to this operation.
    pub fn is_struck_by(&self, fault: Fault) -> bool {
        // No system fails to give a lock back that is held.
        self.kind != Verb::Unlock && fault.fits(self.kind)
    }
}

/// Decides in what order the processes of a simulated disk go on. Called without any lock of the
/// disk held, so that it may let other threads run, and end processes.
pub trait Scheduler: Debug + Send + Sync {
    /// Is called before each operation; what it returns strikes the operation.
    fn before(&self, touch: Touch<'_>) -> Option<Fault>;
    /// Called for as long as another process holds a wanted lock.
    fn wait(&self, touch: Touch<'_>);
}

/// One process, as its disk knows it.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) id: lock::ProcessId,
    scheduler: Arc<dyn Scheduler>,
}

impl SimVfs {
    /// Returns the disk as another process has it, whose operations are reported to `scheduler`. Such
    /// processes keep to each other's locks, and date files by [`Time::now`].
    #[must_use]
    pub fn process(&self, scheduler: Arc<dyn Scheduler>) -> SimVfs {
        let mut state = self.state();
        state.processes += 1;
        let process = Process { id: state.processes, scheduler };
        SimVfs { state: self.state.clone(), process: Some(process), disk_id: self.disk_id }
    }

    /// Ends the process that this handle of the disk is of. Its locks are free, its open files fail
    /// from now on; what it wrote stays as it is.
    pub fn end(&self) {
        if let Some(process) = &self.process {
            self.state().end(process.id);
        }
    }

    /// Cuts the power of all processes, and leaves the disk as a machine finds it that starts next.
    pub fn lose_power(&self, policy: Policy) {
        let mut state = self.state();
        state.end_all();
        let SimState { disk, rng, .. } = &mut *state;
        *disk = disk.after_loss(policy, rng);
    }

    /// Ends all processes and sets the disk to what another holds, unsynced changes too.
    pub fn set_to(&self, other: &SimVfs) {
        let found = other.copy();
        let mut state = self.state();
        state.end_all();
        state.disk = found.state().disk.clone();
    }

    /// Sets how many bytes there is room for in files that have a name; any number by default.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Sets how many files a process may have open at once; any number by default.
    pub fn set_max_open(&self, files: Option<u64>) {
        self.state().max_open = files;
    }

    /// Asks the scheduler, if there is one, whether the operation goes on.
    pub(super) fn schedule(&self, kind: Verb, path: &str, offset: u64, len: u64) -> Option<Fault> {
        let process = self.process.as_ref()?;
        let now = Time::now();
        let fault = process.scheduler.before(Touch { verb: kind.name(), path, offset, len, kind });
        if machine::simulated_process().is_some() {
            self.state().disk.clock = now.0;
        }
        fault
    }

    pub(super) fn id(&self) -> lock::ProcessId {
        self.process.as_ref().map_or(0, |process| process.id)
    }
}

impl SimState {
    fn end(&mut self, process: lock::ProcessId) {
        self.ended.insert(process);
        for file in self.disk.files.values_mut() {
            file.whole.end(process);
            file.ranges.end(process);
        }
    }

    fn end_all(&mut self) {
        (1..=self.processes).for_each(|process| self.end(process));
    }

    /// Refuses what a process does that has ended.
    pub(super) fn must_live(&self, process: lock::ProcessId) -> io::Result<()> {
        match self.ended.contains(&process) {
            true => Err(io::Error::other("the simulated process has ended")),
            false => Ok(()),
        }
    }

    /// Refuses one more descriptor than a process may have.
    pub(super) fn must_have_descriptor(&self, process: lock::ProcessId) -> io::Result<()> {
        let open = self.open.get(&process).copied().unwrap_or(0);
        match self.max_open.is_some_and(|most| open >= most) {
            true => Err(Errno::MFILE.into()),
            false => Ok(()),
        }
    }

    /// Refuses a length that there is no room for.
    pub(super) fn must_fit(&mut self, node: Node, len: u64) -> io::Result<()> {
        let has = self.disk.file(node)?.len();
        match self.room().is_some_and(|room| len.saturating_sub(has) > room) {
            true => Err(Errno::NOSPC.into()),
            false => Ok(()),
        }
    }

    /// Leaves of what is to be written what there is room for.
    pub(super) fn fit(&mut self, node: Node, offset: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
        let has = self.disk.file(node)?.len();
        if let Some(room) = self.room() {
            let most = has.saturating_add(room).saturating_sub(offset);
            bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        }
        Ok(())
    }

    /// Returns how many bytes more files may take; None for any number.
    pub(super) fn room(&self) -> Option<u64> {
        let capacity = self.capacity?;
        let named = self.disk.dirs.values().flat_map(|dir| dir.live.values());
        let used = named.filter_map(|node| self.disk.files.get(node)).fold(0, |sum, file| sum + file.len());
        Some(capacity.saturating_sub(used))
    }
}

impl SimFile {
    fn lock_once(&self, range: Range, shared: bool) -> io::Result<bool> {
        let mut state = self.check(Verb::Lock, range.0, range.1.saturating_sub(range.0).saturating_add(1))?;
        let process = self.disk.id();
        Ok(state.disk.file(self.node)?.ranges.try_take(process, self.handle, range, shared))
    }

    pub(super) fn lock_whole(&self, shared: bool) -> io::Result<bool> {
        let mut state = self.check(Verb::Lock, 0, 0)?;
        let process = self.disk.id();
        Ok(state.disk.file(self.node)?.whole.try_take(process, self.handle, WHOLE, shared))
    }
}

impl RangeLocks for SimFile {
    fn try_lock(&self, range: Range, shared: bool) -> io::Result<bool> {
        self.lock_once(range, shared)
    }

    fn lock(&self, range: Range, shared: bool) -> io::Result<()> {
        while !self.lock_once(range, shared)? {
            if let Some(process) = &self.disk.process {
                let (kind, path) = (Verb::Lock, self.path.as_ref());
                process.scheduler.wait(Touch { verb: kind.name(), path, offset: range.0, len: 0, kind });
            }
        }
        Ok(())
    }

    fn unlock(&self, range: Range) -> io::Result<()> {
        let mut state = self.check(Verb::Unlock, range.0, 0)?;
        state.disk.file(self.node)?.ranges.release(self.handle, range);
        Ok(())
    }

    fn unlock_all(&self) -> io::Result<()> {
        let mut state = self.check(Verb::Unlock, 0, 0)?;
        state.disk.file(self.node)?.ranges.close(self.handle);
        Ok(())
    }

    fn is_locked(&self, range: Range) -> io::Result<bool> {
        let mut state = self.check(Verb::Lock, range.0, 0)?;
        Ok(state.disk.file(self.node)?.ranges.is_in_the_way(self.handle, range, false))
    }
}
