//! The operating system's files, below one directory that is opened once.

use std::fs::{File, TryLockError};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use rustix::fs::{self, Access, AtFlags, Dir, FallocateFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::{Errno, ReadWriteFlags, preadv2, retry_on_intr};

#[cfg(test)]
mod tests;

use super::direct::Direct;
use super::look::Look;
use super::map::{self, Map};
use super::{DirEntry, Open, Space, Vfs, VfsFile, path};
use crate::fork::Guard;

/// Most parts that one system call is given: well below `IOV_MAX`, and small enough for the stack.
const PARTS: usize = 64;
/// The longest window that is asked for where it is read into memory.
const COPIED: u64 = 256 << 10;
/// Files are their owner's alone, whatever the umask: the keys that sign URLs lie in the rows and in the
/// log, and a host may have made the store's directory itself, open to all.
const FILE_MODE: u32 = 0o600;
/// Directories, likewise.
const DIR_MODE: u32 = 0o700;
/// How a directory is opened, so as to name what is in it and to sync it.
const DIR: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The operating system's file system below one directory.
///
/// The directory is opened once and everything else is found from its descriptor, so a rename of
/// the store under a running process does no harm. The path of the directory may lead through
/// symbolic links; below it none is followed. Files are made with mode 0600 and directories with
/// 0700.
#[derive(Debug)]
pub struct RealVfs {
    root: OwnedFd,
    /// Whether the system has no call that resolves a whole path without links, so that paths are
    /// walked part by part, at the cost of one more call for each.
    walks: AtomicBool,
    maps: bool,
}

impl RealVfs {
    /// Opens a directory that exists.
    ///
    /// # Errors
    /// What the system says of a path that is not there, is not a directory or may not be read.
    ///
    /// # Example
    /// ```
    /// use holdall::vfs::{Open, RealVfs, Vfs};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let vfs = RealVfs::new(dir.path())?;
    /// let file = vfs.open("note", Open::CreateNew)?;
    /// file.write_at(0, &[b"hold", b"all"])?;
    /// assert_eq!(file.window(4, 3)?, "all");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(dir: &Path) -> io::Result<RealVfs> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = retry_on_intr(|| fs::open(dir, flags, Mode::empty()))?;
        Ok(RealVfs { root, walks: AtomicBool::new(false), maps: true })
    }

    /// Sets whether windows are maps of the files, as they are by default, or are read. What a map
    /// shows is not copied, but a page of it that the disk cannot give, or that the file has lost,
    /// ends the process by SIGBUS; of what is read that is an error.
    #[must_use]
    pub fn maps(mut self, maps: bool) -> RealVfs {
        self.maps = maps;
        self
    }

    /// Opens a directory as on a system that must walk.
    #[cfg(test)]
    pub(super) fn walking(dir: &Path) -> io::Result<RealVfs> {
        let vfs = RealVfs::new(dir)?;
        vfs.walks.store(true, Ordering::Relaxed);
        Ok(vfs)
    }

    /// Opens what a path names, with no link followed at any part of it.
    fn reach(&self, path: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if !self.walks.load(Ordering::Relaxed) {
            let resolve = ResolveFlags::NO_SYMLINKS;
            match retry_on_intr(|| fs::openat2(&self.root, path, flags, mode, resolve)) {
                Err(Errno::NOSYS) => self.walks.store(true, Ordering::Relaxed),
                // A sandbox that does not know the call says so too; then the walk has the answer.
                Err(Errno::PERM) => {}
                other => return Ok(other?),
            }
        }
        let (dir, name) = path::split(path)?;
        let mut reached: Option<OwnedFd> = None;
        for part in path::parts(dir)? {
            let at = base(&reached, &self.root);
            reached = Some(retry_on_intr(|| fs::openat(at, part, DIR, Mode::empty()))?);
        }
        let at = base(&reached, &self.root);
        Ok(retry_on_intr(|| fs::openat(at, name, flags, mode))?)
    }

    /// Runs `work` in a directory.
    fn within<T>(&self, dir: &str, work: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>) -> io::Result<T> {
        if dir.is_empty() {
            return work(self.root.as_fd());
        }
        path::split(dir)?;
        work(self.reach(dir, DIR, Mode::empty())?.as_fd())
    }
}

fn base<'a>(reached: &'a Option<OwnedFd>, root: &'a OwnedFd) -> BorrowedFd<'a> {
    reached.as_ref().unwrap_or(root).as_fd()
}

impl Vfs for RealVfs {
    fn space(&self) -> io::Result<Option<Space>> {
        let found = fs::fstatvfs(&self.root)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Some(Space { free: bytes(found.f_bavail), total: bytes(found.f_blocks) }))
    }

    fn is_read_only(&self) -> io::Result<bool> {
        match retry_on_intr(|| fs::accessat(&self.root, ".", Access::WRITE_OK, AtFlags::EACCESS)) {
            Ok(()) => Ok(false),
            Err(Errno::ROFS | Errno::ACCESS) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn open(&self, path: &str, how: Open) -> io::Result<Arc<dyn VfsFile>> {
        path::split(path)?;
        let access = match how {
            Open::Read => OFlags::RDONLY,
            Open::Write => OFlags::RDWR,
            Open::Create => OFlags::RDWR | OFlags::CREATE,
            Open::CreateNew => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
        };
        // Without NONBLOCK a pipe of that name would hold the caller for ever.
        let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY;
        // Without CREATE the kernel wants no mode.
        let mode = if access.contains(OFlags::CREATE) { FILE_MODE } else { 0 };
        let fd = self.reach(path, flags, Mode::from_raw_mode(mode))?;
        match FileType::from_raw_mode(fs::fstat(&fd)?.st_mode) {
            FileType::RegularFile => Ok(Arc::new(RealFile::new(File::from(fd), self.maps))),
            FileType::Directory => Err(io::ErrorKind::IsADirectory.into()),
            _ => {
                let message = format!("\"{path}\" is not a regular file; remove it");
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from_dir, from_name) = path::split(from)?;
        let (to_dir, to_name) = path::split(to)?;
        self.within(from_dir, |source| {
            self.within(to_dir, |target| {
                Ok(retry_on_intr(|| fs::renameat(source, from_name, target, to_name))?)
            })
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let (dir, name) = path::split(path)?;
        self.within(dir, |at| Ok(retry_on_intr(|| fs::unlinkat(at, name, AtFlags::empty()))?))
    }

    fn make_dir(&self, path: &str) -> io::Result<()> {
        let mut reached: Option<OwnedFd> = None;
        for part in path::parts(path)? {
            let at = base(&reached, &self.root);
            match retry_on_intr(|| fs::mkdirat(at, part, Mode::from_raw_mode(DIR_MODE))) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            reached = Some(retry_on_intr(|| fs::openat(at, part, DIR, Mode::empty()))?);
        }
        Ok(())
    }

    fn list(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        let mut entries = self.within(path, |at| {
            let mut entries = Vec::new();
            for found in Dir::read_from(at)? {
                let found = found?;
                // A name that is not UTF-8 is none of ours.
                let Ok(name) = found.file_name().to_str() else { continue };
                match fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_file() => {
                        entries.push(entry(name, &stat));
                    }
                    // Another process removed it between the listing and the look.
                    Ok(_) | Err(Errno::NOENT) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(entries)
        })?;
        entries.sort();
        Ok(entries)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.within(path, |at| Ok(retry_on_intr(|| fs::fsync(at))?))
    }
}

fn entry(name: &str, stat: &Stat) -> DirEntry {
    let micros = i64::try_from(stat.st_mtime_nsec).unwrap_or(0) / 1000;
    DirEntry {
        name: name.to_owned(),
        len: u64::try_from(stat.st_size).unwrap_or(0),
        modified: stat.st_mtime.saturating_mul(1_000_000).saturating_add(micros),
    }
}

/// Writes all of `parts` by calls that take at most [`PARTS`] slices and may write fewer bytes
/// than they were given.
fn write_parts(
    offset: u64,
    parts: &[&[u8]],
    write: impl Fn(u64, &[IoSlice<'_>]) -> io::Result<usize>,
) -> io::Result<()> {
    let mut at = offset;
    let mut rest = parts;
    // Bytes that are written already, counted from the start of `rest`.
    let mut skip = 0_usize;
    while let Some((first, behind)) = rest.split_first() {
        if skip >= first.len() {
            skip -= first.len();
            rest = behind;
            continue;
        }
        let mut slices = [IoSlice::new(&[]); PARTS];
        for (slice, part) in slices.iter_mut().zip(rest) {
            *slice = IoSlice::new(part);
        }
        if let (Some(slice), Some(left)) = (slices.first_mut(), first.get(skip..)) {
            *slice = IoSlice::new(left);
        }
        let slices = slices.get(..rest.len().min(PARTS)).unwrap_or(&slices);
        match write(at, slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                at = at.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
                skip = skip.saturating_add(written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// An open file of the operating system, with at most one map that all windows share.
#[derive(Debug)]
struct RealFile {
    /// Keeps a lock from forked children; dropped before the file is closed.
    guard: OnceLock<Guard>,
    file: Arc<File>,
    /// Whether windows are maps.
    maps: bool,
    /// The newest map. An older one lives as long as windows of it do.
    map: ArcSwapOption<Map>,
    random: AtomicBool,
    locked: AtomicBool,
    direct: Direct,
    look: Look,
}

impl RealFile {
    fn new(file: File, maps: bool) -> RealFile {
        RealFile {
            guard: OnceLock::new(),
            file: Arc::new(file),
            maps,
            map: ArcSwapOption::empty(),
            random: AtomicBool::new(false),
            locked: AtomicBool::new(false),
            direct: Direct::default(),
            look: Look::default(),
        }
    }

    /// Returns whether the byte at `offset` is in memory: to read it does not wait for the disk.
    fn is_at_hand(&self, offset: u64) -> bool {
        let mut byte = [0];
        let read = preadv2(&*self.file, &mut [IoSliceMut::new(&mut byte)], offset, ReadWriteFlags::NOWAIT);
        read.is_ok_and(|read| read == 1)
    }

    /// Maps the file up to its current length.
    ///
    /// A map holds the open file that it was made from, lock and all, beyond the close of the
    /// descriptor and into forked children. So a locked file is mapped through a second opening of
    /// it; `None` where the system has no way to get one.
    fn remap(&self, len: u64) -> io::Result<Option<Arc<Map>>> {
        let random = self.random.load(Ordering::Relaxed);
        let map = if self.locked.load(Ordering::Acquire) {
            match File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd())) {
                Ok(second) => Map::new(&second, len, random)?,
                Err(_) => return Ok(None),
            }
        } else {
            Map::new(&self.file, len, random)?
        };
        let map = Arc::new(map);
        self.map.store(Some(Arc::clone(&map)));
        Ok(Some(map))
    }

    /// Locks the file and notes that it is, if it could: its map must not keep the lock. Guarded before: a
    /// child that is forked between the two must not hold the lock.
    fn lock_by(&self, lock: impl FnOnce(&File) -> Result<(), TryLockError>) -> io::Result<bool> {
        if self.guard.get().is_none() {
            let _ = self.guard.set(Guard::new(self.file.as_raw_fd())?);
        }
        match lock(&self.file) {
            Ok(()) => {
                self.locked.store(true, Ordering::Release);
                self.map.store(None);
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn copy(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; len];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes.into())
    }
}

impl Drop for RealFile {
    fn drop(&mut self) {
        // By name, and not by the close alone: a child that was forked before the guard was there has a copy of
        // the descriptor, which would hold the lock on.
        if *self.locked.get_mut() {
            let _ = self.file.unlock();
        }
    }
}

impl VfsFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn holds(&self, len: u64) -> io::Result<bool> {
        if self.look.says(len) {
            return Ok(true);
        }
        let found = self.len()?;
        self.look.note(found);
        Ok(found >= len)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn write_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        write_parts(offset, parts, |at, slices| Ok(rustix::io::pwritev(&*self.file, slices, at)?))
    }

    fn read_past_cache(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.direct.read_at(&self.file, offset, out)? {
            true => Ok(()),
            false => self.read_at(offset, out),
        }
    }

    fn write_past_cache(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self.direct.write_at(&self.file, offset, bytes)? {
            true => Ok(()),
            false => self.write_at(offset, &[bytes]),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        // A map beyond the new end would kill the process at the first touch of it.
        self.map
            .rcu(|map| map.clone().filter(|map| u64::try_from(map.len()).is_ok_and(|mapped| mapped <= len)));
        let set = self.file.set_len(len);
        self.look.forget();
        set
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        match retry_on_intr(|| fs::fallocate(&*self.file, FallocateFlags::empty(), 0, len)) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) if self.len()? >= len => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.file.set_len(len),
            Err(error) => Err(error.into()),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.lock_by(File::try_lock)
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        self.lock_by(File::try_lock_shared)
    }

    fn longest_window(&self) -> u64 {
        if self.maps { u64::MAX } else { COPIED }
    }

    fn window(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        if !self.maps {
            return self.copy(offset, len);
        }
        if let Some(map) = &*self.map.load()
            && let Some(window) = map.window(offset, len)
        {
            return Ok(window);
        }
        let size = self.len()?;
        let end = u64::try_from(len).ok().and_then(|len| offset.checked_add(len));
        if end.is_none_or(|end| end > size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if len == 0 {
            return Ok(Bytes::new());
        }
        match self.remap(size)? {
            Some(map) => map.window(offset, len).ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
            None => self.copy(offset, len),
        }
    }

    fn write_behind(&self, offset: u64, len: u64) {
        map::write_behind(&self.file, offset, len);
    }

    fn will_need(&self, offset: u64, len: u64) {
        // The system goes through every page of the range, at a quarter of the price of sending it.
        if self.is_at_hand(offset) && self.is_at_hand(offset.saturating_add(len.saturating_sub(1))) {
            return;
        }
        // Length 0 means "to the end" to the system. Advice only: an error changes nothing.
        if let Some(len) = std::num::NonZeroU64::new(len) {
            let _ = fs::fadvise(&*self.file, offset, Some(len), fs::Advice::WillNeed);
        }
    }

    fn expect_random(&self) {
        self.random.store(true, Ordering::Relaxed);
    }

    fn file(&self) -> Option<Arc<File>> {
        Some(Arc::clone(&self.file))
    }
}
