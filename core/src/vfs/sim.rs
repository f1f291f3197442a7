//! A disk in memory that loses power, fills up, fails and lies, the same way for the same seed.
//!
//! What it promises is the least that a file system may promise: bytes survive power loss once
//! their file was synced, a name once its directory was, and nothing else does for sure. Of the
//! rest, [`SimVfs::crash`] keeps what a [`Policy`] and the seed say.

mod crash;
mod disk;
mod fault;
mod lock;
mod process;
mod rng;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustix::io::Errno;

use self::disk::{Disk, Mutation, Node, ROOT};
use self::fault::{FaultPlan, Op, Verb};
use self::lock::WHOLE;
use self::process::Process;
use self::rng::Rng;
use super::{DirEntry, Open, RangeLocks, Space, Vfs, VfsFile};

pub use self::crash::Policy;
pub use self::fault::{Fault, Lie, Times};
pub use self::process::{Scheduler, Touch};

/// How far from its place a misdirected write lands, in bytes.
const ASTRAY: u64 = 4096;

/// A simulated disk. A clone is the same disk; [`SimVfs::copy`] makes another.
///
/// Every operation on the disk and its open files has an index, counted from 0, at which a test
/// may plant a fault or cut the power. Content is held in memory twice, so a test should keep what
/// it allocates small; a file is at most 1 GiB.
///
/// # Example
/// ```
/// use holdall::vfs::{Open, Policy, SimVfs, Vfs};
///
/// let disk = SimVfs::new(7);
/// let file = disk.open("note", Open::CreateNew)?;
/// file.write_at(0, &[b"kept"])?;
/// file.sync_data()?;
/// disk.sync_dir("")?;
/// file.write_at(0, &[b"lost"])?;
///
/// let found = disk.crash(Policy::LoseAll);
/// assert_eq!(found.files()["note"], b"kept");
/// assert!(file.len().is_err()); // a handle of the past
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct SimVfs {
    state: Arc<Mutex<SimState>>,
    /// None where it has but one.
    process: Option<Process>,
    /// Tells the disks of one run apart.
    disk_id: u64,
}

#[derive(Clone)]
struct SimState {
    disk: Disk,
    plan: FaultPlan,
    rng: Rng,
    handles: u64,
    /// How many processes use it, and which of them have ended.
    processes: u64,
    ended: BTreeSet<u64>,
    /// How many files each has open, and may have.
    open: BTreeMap<u64, u64>,
    max_open: Option<u64>,
    /// Bytes that there is room for.
    capacity: Option<u64>,
}

impl SimVfs {
    /// Makes an empty disk whose every chance follows from `seed`.
    pub fn new(seed: u64) -> SimVfs {
        SimVfs::of(SimState::new(Disk::new(), FaultPlan::default(), Rng::new(seed)))
    }

    fn of(state: SimState) -> SimVfs {
        static DISKS: AtomicU64 = AtomicU64::new(0);
        let disk_id = DISKS.fetch_add(1, Ordering::Relaxed);
        SimVfs { state: Arc::new(Mutex::new(state)), process: None, disk_id }
    }

    fn state(&self) -> MutexGuard<'_, SimState> {
        // A test that panics while it holds the disk may still look at it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts the power and returns the disk as found afterwards, with everything on it durable.
    ///
    /// This disk and its handles fail from now on, so that a test notices who still uses them. To
    /// crash it again is another chance of the same loss. The new disk tells the same lies.
    #[must_use]
    pub fn crash(&self, policy: Policy) -> SimVfs {
        let mut state = self.state();
        let SimState { disk, plan, rng, .. } = &mut *state;
        plan.dead = true;
        let found = disk.after_loss(policy, rng);
        SimVfs::of(SimState::new(found, plan.continued(), Rng::new(rng.throw())))
    }

    /// Returns another disk with the same content, unsynced changes, lies and chance, but without
    /// the locks, planted faults and trace.
    #[must_use]
    pub fn copy(&self) -> SimVfs {
        let mut state = self.state().clone();
        state.plan = state.plan.continued();
        for file in state.disk.files.values_mut() {
            (file.whole, file.ranges) = Default::default();
        }
        SimVfs::of(SimState::new(state.disk, state.plan, state.rng))
    }

    /// Plants a fault at the operation of that index (see [`SimVfs::op_count`]).
    pub fn fail_at(&self, index: u64, fault: Fault, times: Times) {
        self.state().plan.faults.push((index, fault, times));
    }

    /// Takes back every planted fault; lies and a power cut stay.
    pub fn clear_faults(&self) {
        self.state().plan.faults.clear();
    }

    /// Makes every operation from that index on fail, so that a test can crash at that very point.
    pub fn power_cut_at(&self, index: u64) {
        self.state().plan.power_cut = Some(index);
    }

    /// Makes the disk lie from now on.
    pub fn lie(&self, lie: Lie) {
        self.state().plan.lies.push(lie);
    }

    /// Returns how many operations were begun: the index of the next.
    pub fn op_count(&self) -> u64 {
        self.state().plan.count()
    }

    /// Returns what was done, one line for each operation, the line's index being its own.
    pub fn ops(&self) -> Vec<String> {
        self.state().plan.trace.iter().map(Op::to_string).collect()
    }

    /// Moves the clock that dates files. Each change moves it by a microsecond by itself.
    pub fn advance(&self, micros: i64) {
        let mut state = self.state();
        state.disk.clock = state.disk.clock.saturating_add(micros);
    }

    /// Returns every file that has a name, by its path, with the content that reads see. Is no
    /// operation of the disk, and works on one that has lost power.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let mut files = BTreeMap::new();
        let mut reached = vec![(String::new(), ROOT)];
        while let Some((path, node)) = reached.pop() {
            let Some(dir) = state.disk.dirs.get(&node) else { continue };
            for (name, &child) in &dir.live {
                let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                match state.disk.files.get(&child) {
                    Some(file) => {
                        files.insert(path, file.live.clone());
                    }
                    None => reached.push((path, child)),
                }
            }
        }
        files
    }

    /// Flips one bit, picked by chance, of the byte at `offset`, as a decaying disk does.
    ///
    /// # Errors
    /// `NotFound` if no file has that path, `UnexpectedEof` if it has no such byte.
    pub fn bit_flip(&self, path: &str, offset: u64) -> io::Result<()> {
        let mut state = self.state();
        let SimState { disk, rng, .. } = &mut *state;
        let node = disk.find(path)?;
        let file = disk.file(node)?;
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let bit = 1_u8 << rng.below(8);
        *file.live.get_mut(at).ok_or(io::ErrorKind::UnexpectedEof)? ^= bit;
        if let Some(byte) = file.durable.get_mut(at) {
            *byte ^= bit;
        }
        Ok(())
    }

    /// Cuts a file to `len` bytes behind everybody's back, durably; a shorter one stays.
    ///
    /// # Errors
    /// `NotFound` if no file has that path.
    pub fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        let mut state = self.state();
        let node = state.disk.find(path)?;
        let file = state.disk.file(node)?;
        file.sync();
        file.live.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        file.durable.clone_from(&file.live);
        Ok(())
    }
}

impl SimState {
    fn new(disk: Disk, plan: FaultPlan, rng: Rng) -> SimState {
        SimState {
            disk,
            plan,
            rng,
            handles: 0,
            processes: 0,
            ended: BTreeSet::new(),
            open: BTreeMap::new(),
            max_open: None,
            capacity: None,
        }
    }
}

impl SimVfs {
    /// Counts an operation, and fails if a fault says so.
    fn begin(&self, verb: Verb, path: &str) -> io::Result<MutexGuard<'_, SimState>> {
        let struck = self.schedule(verb, path, 0, 0);
        let mut state = self.state();
        state.must_live(self.id())?;
        let planned = state.plan.begin(Op { verb, path: path.into(), offset: 0, len: 0 })?;
        match struck.or(planned).and_then(Fault::error) {
            Some(error) => Err(error),
            None => Ok(state),
        }
    }
}

impl fmt::Debug for SimVfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimVfs").field("ops", &self.op_count()).finish_non_exhaustive()
    }
}

impl Vfs for SimVfs {
    fn open(&self, path: &str, how: Open) -> io::Result<Arc<dyn VfsFile>> {
        let verb = match how {
            Open::Read | Open::Write => Verb::Open,
            Open::Create | Open::CreateNew => Verb::Create,
        };
        let mut state = self.begin(verb, path)?;
        state.must_have_descriptor(self.id())?;
        let node = state.disk.open(path, how)?;
        state.handles += 1;
        *state.open.entry(self.id()).or_default() += 1;
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            node,
            handle: state.handles,
            writable: how != Open::Read,
            path: path.into(),
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.begin(Verb::Rename, &format!("{from} to {to}"))?;
        state.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.begin(Verb::Remove, path)?;
        state.disk.remove(path)
    }

    fn make_dir(&self, path: &str) -> io::Result<()> {
        let mut state = self.begin(Verb::MakeDir, path)?;
        state.disk.make_dir(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        let state = self.begin(Verb::List, path)?;
        state.must_have_descriptor(self.id())?;
        state.disk.list(path)
    }

    fn space(&self) -> io::Result<Option<Space>> {
        let state = self.state();
        let (Some(total), Some(free)) = (state.capacity, state.room()) else { return Ok(None) };
        Ok(Some(Space { free, total }))
    }

    fn identity(&self) -> Option<u64> {
        self.process.as_ref().map(|_| self.disk_id)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        let mut state = self.begin(Verb::SyncDir, path)?;
        if state.plan.lies(Lie::SkipDirSync) {
            return Ok(());
        }
        state.disk.sync_dir(path)
    }
}

/// An open file of a simulated disk.
struct SimFile {
    disk: SimVfs,
    node: Node,
    handle: u64,
    writable: bool,
    path: Arc<str>,
}

impl SimFile {
    /// Counts an operation and returns the disk, with the fault that strikes.
    fn begin(
        &self,
        verb: Verb,
        offset: u64,
        len: u64,
    ) -> io::Result<(MutexGuard<'_, SimState>, Option<Fault>)> {
        let struck = self.disk.schedule(verb, &self.path, offset, len);
        let mut state = self.disk.state();
        state.must_live(self.disk.id())?;
        let planned = state.plan.begin(Op { verb, path: Arc::clone(&self.path), offset, len })?;
        Ok((state, struck.filter(|fault| fault.fits(verb)).or(planned)))
    }

    /// As [`SimFile::begin`], where a fault can only mean failure.
    fn check(&self, verb: Verb, offset: u64, len: u64) -> io::Result<MutexGuard<'_, SimState>> {
        let (state, fault) = self.begin(verb, offset, len)?;
        match fault.and_then(Fault::error) {
            Some(error) => Err(error),
            None => Ok(state),
        }
    }

    fn must_be_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(Errno::BADF.into()) }
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if let Some(open) = state.open.get_mut(&self.disk.id()) {
            *open = open.saturating_sub(1);
        }
        if let Ok(file) = state.disk.file(self.node) {
            file.whole.close(self.handle);
            file.ranges.close(self.handle);
        }
    }
}

fn long(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

impl VfsFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.check(Verb::Len, 0, 0)?.disk.file(self.node)?.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.check(Verb::Read, offset, long(out.len()))?;
        out.copy_from_slice(state.disk.file(self.node)?.read(offset, out.len())?);
        Ok(())
    }

    fn write_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        let mut bytes = parts.concat();
        let (mut state, fault) = self.begin(Verb::Write, offset, long(bytes.len()))?;
        self.must_be_writable()?;
        let mut offset = offset;
        match fault {
            Some(Fault::ShortWrite) => bytes.truncate(state.rng.index(bytes.len())),
            Some(Fault::Misdirected) => offset = offset.saturating_add(ASTRAY),
            Some(fault) => return fault.error().map_or(Ok(()), Err),
            None => {}
        }
        let wanted = bytes.len();
        state.fit(self.node, offset, &mut bytes)?;
        let fits = bytes.len() == wanted;
        if !bytes.is_empty() {
            state.disk.change(self.node, Mutation::Write(offset, bytes))?;
        }
        if !fits {
            return Err(Errno::NOSPC.into());
        }
        fault.and_then(Fault::error).map_or(Ok(()), Err)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.check(Verb::SetLen, 0, len)?;
        self.must_be_writable()?;
        state.must_fit(self.node, len)?;
        state.disk.change(self.node, Mutation::SetLen(len))
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let mut state = self.check(Verb::Allocate, 0, len)?;
        self.must_be_writable()?;
        if state.disk.file(self.node)?.len() < len {
            state.must_fit(self.node, len)?;
            state.disk.change(self.node, Mutation::SetLen(len))?;
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let (mut state, fault) = self.begin(Verb::SyncData, 0, 0)?;
        let SimState { disk, plan, rng, .. } = &mut *state;
        match fault.and_then(Fault::error) {
            Some(error) => {
                disk.drop_dirty(self.node, rng)?;
                if plan.lies(Lie::IgnoreFailedSync) { Ok(()) } else { Err(error) }
            }
            None if plan.lies(Lie::SkipFileSync) => Ok(()),
            None => {
                disk.file(self.node)?.sync();
                Ok(())
            }
        }
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.lock_whole(false)
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        match self.disk.process {
            Some(_) => self.lock_whole(true),
            None => Ok(true),
        }
    }

    fn window(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let mut state = self.check(Verb::Window, offset, long(len))?;
        Ok(Bytes::copy_from_slice(state.disk.file(self.node)?.read(offset, len)?))
    }

    fn will_need(&self, _offset: u64, _len: u64) {}

    fn file(&self) -> Option<Arc<std::fs::File>> {
        None
    }

    fn ranges(&self) -> Option<&dyn RangeLocks> {
        self.disk.process.as_ref().map(|_| self as &dyn RangeLocks)
    }
}
