//! The cache on a host's own disk: files of what was fetched and verified, shared by all processes.
//!
//! An entry is written under a name of its own in `tmp`, locked meanwhile, and gets its place by a rename, so
//! no process takes half of one for the whole; whoever wants the same waits for the lock, and finds it. A
//! power loss may still take the bytes of a file and leave its name, since nothing is synced: fetching again is
//! cheaper than a sync for each entry. So each ends with a trailer that names the boot that it was written
//! in and a CRC-64 of its bytes. An entry of this boot is what was written; one of an earlier boot is
//! compared with its CRC-64 once.
//!
//! Entries are removed by their names only, the longest unused first, so that maps of them stay valid.
//! What the entries take is counted in a file, under its lock.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::machine::{self, lock};
use crate::random::random;
use crate::vfs::{Open, RealVfs, Vfs, VfsFile};
use crate::{Error, Result};

use super::memory::MemoryFile;
use super::trailer::{TRAILER_BYTES, TRAILER_LEN, Trailer};

/// The folder of entries that are being written.
const TMP: &str = "tmp";
/// The file with the sum of bytes that the entries take.
const USED: &str = "used";
/// The file whose lock says that a process is removing entries.
const EVICTING: &str = "evicting";
/// Entries whose files are kept open at most.
const MAX_OPEN: usize = 256;
/// Entries up to so many bytes, which is a content of 64 KiB in its frame, are kept in memory instead, and how many bytes
/// of them at most: a store of small contents has many, and a process few descriptors.
const SMALL: u64 = 65 << 10;
const MAX_SMALL: u64 = 32 << 20;
/// Contents that are found in them without a look at the entry, at most.
const MAX_CONTENTS: usize = 1 << 14;
/// Entries that are written behind those who read them, at most: chunks of up to 8 MiB.
const MAX_BEHIND: usize = 8;
/// After so many that were opened, those are let go of whose files were removed.
const LOOK_AFTER: usize = 64;
/// What is left in use after old entries were removed, in tenths of the limit.
const LEAVE: u64 = 9;
/// An entry's time of use is exact to this.
const TOUCH: Duration = Duration::from_secs(60);
/// Between two looks at a lock that another process has.
const LOOK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(25));

/// An entry that is open.
#[derive(Clone, Debug)]
pub(super) struct CacheEntry {
    pub(super) file: Arc<dyn VfsFile>,
    /// Bytes of content in it.
    pub(super) len: u64,
}

/// Has work done on another thread, if it can.
pub(super) type Spawn<'a> = &'a dyn Fn(Box<dyn FnOnce() + Send>) -> Result<()>;

/// What fetches an entry: its verified bytes, in order. None where there is nothing to be had.
pub(super) type Fetch<'a> = &'a dyn Fn() -> Result<Option<Vec<Bytes>>>;

#[derive(Debug)]
pub(super) struct Cache {
    vfs: RealVfs,
    limit: u64,
    boot: [u8; 16],
    open: Mutex<OpenEntries>,
    /// What threads of this process are fetching.
    flights: Mutex<HashMap<String, Arc<FetchInFlight>>>,
}

/// A content that lies in an entry: its blob, its length, and the number of its segment and where it is in that; a
/// content that is an object has none of the last.
pub(super) type OpenedContent = (u64, u64, Option<(u32, u64)>);

/// The entries that a process has at hand.
#[derive(Debug, Default)]
struct OpenEntries {
    /// Those in which a content was found and verified to be that; all of them are among the other two.
    contents: HashMap<OpenedContent, CacheEntry>,
    files: HashMap<String, CacheEntry>,
    /// Opened since their files were looked at.
    since: usize,
    small: HashMap<String, CacheEntry>,
    small_bytes: u64,
    /// In memory, while they are written.
    behind: HashMap<String, CacheEntry>,
}

impl OpenEntries {
    fn get(&self, key: &str) -> Option<CacheEntry> {
        self.small.get(key).or_else(|| self.files.get(key)).or_else(|| self.behind.get(key)).cloned()
    }

    fn remove(&mut self, key: &str) {
        self.contents.clear();
        self.files.remove(key);
        self.behind.remove(key);
        if let Some(entry) = self.small.remove(key) {
            self.small_bytes = self.small_bytes.saturating_sub(entry.len);
        }
    }

    fn keep_small(&mut self, key: &str, entry: CacheEntry) {
        if self.small_bytes.saturating_add(entry.len) > MAX_SMALL {
            // All of them: they are on the disk, and what is used comes back.
            self.contents.clear();
            self.small.clear();
            self.small_bytes = 0;
        }
        self.small_bytes = self.small_bytes.saturating_add(entry.len);
        self.small.insert(key.to_owned(), entry);
    }

    fn keep_file(&mut self, key: &str, entry: CacheEntry) {
        self.since = self.since.saturating_add(1);
        if self.since >= LOOK_AFTER {
            self.since = 0;
            self.contents.clear();
            self.files.retain(|_, entry| !is_removed(&entry.file));
        }
        if self.files.len() >= MAX_OPEN {
            // Any of them: whoever reads from it goes on, and only the next who asks pays for the choice.
            self.contents.clear();
            let any = self.files.keys().next().cloned();
            any.map(|other| self.files.remove(&other));
        }
        self.files.insert(key.to_owned(), entry);
    }
}

/// One fetch that several threads wait for.
#[derive(Debug, Default)]
struct FetchInFlight {
    outcome: Mutex<Option<Result<Option<CacheEntry>>>>,
    landed: Condvar,
}

impl Cache {
    /// Opens the cache in a directory, and makes it if it does not exist.
    pub(super) fn open(dir: &Path, limit: u64) -> Result<Cache> {
        let failed = |cause| Error::io(format!("opening the cache in {}", dir.display()), cause);
        std::fs::create_dir_all(dir).map_err(failed)?;
        let vfs = RealVfs::new(dir).map_err(failed)?;
        let folders = (0..=255_u8).map(|low| format!("{low:02x}")).chain([TMP.to_owned()]);
        folders.into_iter().try_for_each(|folder| vfs.make_dir(&folder)).map_err(failed)?;
        let boot = match std::fs::read("/proc/sys/kernel/random/boot_id") {
            Ok(id) => blake3::hash(&id).as_bytes().first_chunk().copied().unwrap_or_default(),
            // Nobody knows: whatever was not written by this process is compared.
            Err(_) => random()?,
        };
        let cache = Cache { vfs, limit, boot, open: Mutex::default(), flights: Mutex::default() };
        cache.sweep_tmp();
        Ok(cache)
    }

    /// Returns an entry, and fetches it where it is not there. One thread of one process does, and the others
    /// wait for it. Where the disk has no room for it, it is in memory for those.
    pub(super) fn get(self: &Arc<Cache>, key: &str, fetch: Fetch<'_>) -> Result<Option<CacheEntry>> {
        self.get_by(key, fetch, None)
    }

    /// As [`Cache::get`], of what is long: who asks for it does not wait until it is written. What the disk does not
    /// keep up with is not cached.
    pub(super) fn get_long(
        self: &Arc<Cache>,
        key: &str,
        fetch: Fetch<'_>,
        spawn: Spawn<'_>,
    ) -> Result<Option<CacheEntry>> {
        self.get_by(key, fetch, Some(spawn))
    }

    fn get_by(
        self: &Arc<Cache>,
        key: &str,
        fetch: Fetch<'_>,
        spawn: Option<Spawn<'_>>,
    ) -> Result<Option<CacheEntry>> {
        if let Some(entry) = lock(&self.open).get(key) {
            return Ok(Some(entry));
        }
        let (flight, leads) = {
            let mut flights = lock(&self.flights);
            match flights.get(key) {
                Some(flight) => (flight.clone(), false),
                None => (flights.entry(key.to_owned()).or_default().clone(), true),
            }
        };
        if !leads {
            return flight.wait();
        }
        let landing = Landing { cache: self, key, flight: &flight };
        let outcome = self.lead(key, fetch, spawn);
        if let Ok(Some(entry)) = &outcome {
            self.keep_open(key, entry);
        }
        let copy = outcome.as_ref().map(Clone::clone).map_err(Error::again);
        *lock(&landing.flight.outcome) = Some(outcome);
        copy
    }

    /// Returns the entry in which a content was found before, if it is at hand.
    pub(super) fn opened(&self, content: OpenedContent) -> Option<CacheEntry> {
        lock(&self.open).contents.get(&content).cloned()
    }

    /// Notes in which entry a content was found, if that is at hand.
    pub(super) fn found(&self, content: OpenedContent, key: &str) {
        let mut open = lock(&self.open);
        if open.contents.len() >= MAX_CONTENTS {
            open.contents.clear();
        }
        if let Some(entry) = open.get(key) {
            open.contents.insert(content, entry);
        }
    }

    /// Forgets an entry that turned out to be of something else.
    pub(super) fn forget(&self, key: &str) {
        lock(&self.open).remove(key);
        let path = path(key);
        if let Ok(file) = self.vfs.open(&path, Open::Read)
            && self.vfs.remove(&path).is_ok()
        {
            self.release(file.len().unwrap_or(0));
        }
    }

    fn lead(
        self: &Arc<Cache>,
        key: &str,
        fetch: Fetch<'_>,
        spawn: Option<Spawn<'_>>,
    ) -> Result<Option<CacheEntry>> {
        if let Some(entry) = self.find(key) {
            return Ok(Some(entry));
        }
        let turn = self.take_turn(key);
        // Another process may have been first.
        if let Some(entry) = self.find(key) {
            if let Ok(turn) = turn {
                turn.give_up(self);
            }
            return Ok(Some(entry));
        }
        let fetched = fetch();
        let (turn, parts) = match (turn, fetched) {
            (Ok(turn), Ok(Some(parts))) => (turn, parts),
            (turn, fetched) => {
                if let Ok(turn) = turn {
                    turn.give_up(self);
                }
                return Ok(fetched?.map(in_memory));
            }
        };
        match spawn {
            Some(spawn) => Ok(Some(self.place_behind(turn, key, in_memory(parts), spawn))),
            None => Ok(self.place(&turn, key, &parts).or_else(|| Some(in_memory(parts)))),
        }
    }

    /// Returns an entry that is in memory, and has it written on another thread, unless too many are already.
    fn place_behind(
        self: &Arc<Cache>,
        turn: Turn,
        key: &str,
        entry: CacheEntry,
        spawn: Spawn<'_>,
    ) -> CacheEntry {
        let is_taken = {
            let behind = &mut lock(&self.open).behind;
            behind.len() < MAX_BEHIND && behind.insert(key.to_owned(), entry.clone()).is_none()
        };
        if !is_taken {
            turn.give_up(self);
            return entry;
        }
        let (cache, name, written) = (self.clone(), key.to_owned(), entry.clone());
        let begun = spawn(Box::new(move || {
            let len = usize::try_from(written.len).unwrap_or(usize::MAX);
            let placed =
                written.file.window(0, len).ok().and_then(|bytes| cache.place(&turn, &name, &[bytes]));
            if let Some(placed) = placed {
                cache.keep_open(&name, &placed);
            }
            lock(&cache.open).behind.remove(&name);
        }));
        if begun.is_err() {
            lock(&self.open).behind.remove(key);
        }
        entry
    }

    /// Writes an entry to its place, and opens it there; None where it cannot be.
    fn place(&self, turn: &Turn, key: &str, parts: &[Bytes]) -> Option<CacheEntry> {
        match self.write(turn, key, parts) {
            Ok(true) => return self.find(key),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the cache of contents cannot be written to"),
        }
        turn.give_up(self);
        None
    }

    /// Opens an entry that is there and whole. One that is not is removed.
    fn find(&self, key: &str) -> Option<CacheEntry> {
        let path = path(key);
        let file = self.vfs.open(&path, Open::Read).ok()?;
        let found = self.judge(&path, &file);
        match found {
            Ok(Some(len)) => Some(CacheEntry { file, len }),
            Ok(None) | Err(_) => {
                if self.vfs.remove(&path).is_ok() {
                    self.release(file.len().unwrap_or(0));
                }
                None
            }
        }
    }

    /// Returns how many bytes of content are in a file; None where they are not what was written.
    fn judge(&self, path: &str, file: &Arc<dyn VfsFile>) -> io::Result<Option<u64>> {
        let Some(len) = file.len()?.checked_sub(TRAILER_LEN) else { return Ok(None) };
        let mut bytes = [0; TRAILER_BYTES];
        file.read_at(len, &mut bytes)?;
        let Some(trailer) = Trailer::decode(&bytes).filter(|trailer| trailer.len == len) else {
            return Ok(None);
        };
        if trailer.boot != self.boot {
            let content = file.window(0, usize::try_from(len).map_err(io::Error::other)?)?;
            if Trailer::of([&content], self.boot).crc64 != trailer.crc64 {
                return Ok(None);
            }
            let renewed = Trailer { boot: self.boot, ..trailer };
            self.vfs.open(path, Open::Write)?.write_at(len, &[&renewed.encode()])?;
        }
        touch(file);
        Ok(Some(len))
    }

    /// Keeps an entry at hand: a small one in memory, another open, with its map.
    fn keep_open(&self, key: &str, entry: &CacheEntry) {
        let Some(_) = entry.file.file() else { return };
        if entry.len > SMALL {
            return lock(&self.open).keep_file(key, entry.clone());
        }
        let bytes = usize::try_from(entry.len).ok().and_then(|len| entry.file.window(0, len).ok());
        if let Some(bytes) = bytes {
            let copy = in_memory(vec![Bytes::copy_from_slice(&bytes)]);
            lock(&self.open).keep_small(key, copy);
        }
    }

    /// Takes the lock of an entry that is to be written; waits while another process writes it.
    fn take_turn(&self, key: &str) -> io::Result<Turn> {
        let path = format!("{TMP}/{key}");
        loop {
            let file = self.locked(&path)?;
            // The name may be another's by now: of a writer that has ended, and one that began since.
            match self.vfs.open(&path, Open::Read) {
                Ok(named) if is_same(&named, &file) => return Ok(Turn { path, file }),
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
                _ => {}
            }
        }
    }

    fn locked(&self, path: &str) -> io::Result<Arc<dyn VfsFile>> {
        let file = self.vfs.open(path, Open::Create)?;
        let mut pause = LOOK.0;
        while !file.try_lock()? {
            machine::pause(pause);
            pause = pause.saturating_mul(2).min(LOOK.1);
        }
        Ok(file)
    }

    /// Writes an entry; false where there is no room for it.
    fn write(&self, turn: &Turn, key: &str, parts: &[Bytes]) -> io::Result<bool> {
        let trailer = Trailer::of(parts, self.boot);
        let takes = trailer.len.saturating_add(TRAILER_LEN);
        if !self.reserve(takes)? {
            return Ok(false);
        }
        let encoded = trailer.encode();
        let mut slices: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
        slices.push(&encoded);
        let written = turn.file.set_len(0).and_then(|()| turn.file.write_at(0, &slices));
        let placed = written.and_then(|()| self.vfs.rename(&turn.path, &path(key)));
        if placed.is_err() {
            self.release(takes);
        }
        placed.map(|()| true)
    }

    /// Counts bytes that an entry is going to take; false where the limit leaves no room for them.
    fn reserve(&self, bytes: u64) -> io::Result<bool> {
        if bytes > self.limit {
            return Ok(false);
        }
        for _ in 0..3 {
            {
                let used = Used::open(self)?;
                let after = used.get()?.saturating_add(bytes);
                if after <= self.limit {
                    used.set(after)?;
                    return Ok(true);
                }
            }
            self.evict(bytes)?;
        }
        Ok(false)
    }

    fn release(&self, bytes: u64) {
        let released = Used::open(self).and_then(|used| used.set(used.get()?.saturating_sub(bytes)));
        if released.is_err() {
            tracing::debug!("the count of the cache is too high until entries are removed");
        }
    }

    /// Removes the entries that were not used for longest, until `needed` bytes have room.
    fn evict(&self, needed: u64) -> io::Result<()> {
        let _alone = self.locked(EVICTING)?;
        let before = Used::open(self)?.get()?;
        if before.saturating_add(needed) <= self.limit {
            return Ok(());
        }
        let mut entries = Vec::new();
        for low in 0..=255_u8 {
            let folder = format!("{low:02x}");
            let listed = self.vfs.list(&folder)?;
            entries.extend(
                listed
                    .into_iter()
                    .map(|entry| (entry.modified, entry.len, format!("{folder}/{}", entry.name))),
            );
        }
        entries.sort_unstable();
        let writing: u64 = self.vfs.list(TMP)?.iter().map(|entry| entry.len).sum();
        let mut total = entries.iter().fold(writing, |sum, (_, len, _)| sum.saturating_add(*len));
        let goal = (self.limit / 10).saturating_mul(LEAVE).saturating_sub(needed);
        for (_, len, path) in entries {
            if total <= goal {
                break;
            }
            match self.vfs.remove(&path) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
                _ => total = total.saturating_sub(len),
            }
        }
        // What others reserved since is on top. The count is that of the files again, whatever a crash took.
        let used = Used::open(self)?;
        used.set(total.saturating_add(used.get()?.saturating_sub(before)))
    }

    /// Removes what processes that ended left half-written.
    fn sweep_tmp(&self) {
        for entry in self.vfs.list(TMP).unwrap_or_default() {
            let path = format!("{TMP}/{}", entry.name);
            if let Ok(file) = self.vfs.open(&path, Open::Write)
                && file.try_lock().unwrap_or(false)
                && self.vfs.open(&path, Open::Read).is_ok_and(|named| is_same(&named, &file))
            {
                let _ = self.vfs.remove(&path);
            }
        }
    }
}

/// Ends a flight, also when the fetch panics.
struct Landing<'a> {
    cache: &'a Cache,
    key: &'a str,
    flight: &'a FetchInFlight,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        lock(&self.cache.flights).remove(self.key);
        let mut outcome = lock(&self.flight.outcome);
        outcome.get_or_insert_with(|| Err(Error::bug("fetching a content panicked")));
        drop(outcome);
        self.flight.landed.notify_all();
    }
}

impl FetchInFlight {
    fn wait(&self) -> Result<Option<CacheEntry>> {
        let mut outcome = lock(&self.outcome);
        loop {
            match outcome.as_ref() {
                Some(Ok(entry)) => return Ok(entry.clone()),
                Some(Err(error)) => return Err(error.again()),
                None => outcome = machine::wait(&self.landed, &self.outcome, outcome),
            }
        }
    }
}

/// An entry that this process alone is writing.
struct Turn {
    path: String,
    file: Arc<dyn VfsFile>,
}

impl Turn {
    /// Removes what was written. Its lock is held, so the name is still this file's.
    fn give_up(&self, cache: &Cache) {
        let _ = cache.vfs.remove(&self.path);
    }
}

/// The sum of bytes that the entries take, locked.
struct Used(Arc<dyn VfsFile>);

impl Used {
    fn open(cache: &Cache) -> io::Result<Used> {
        cache.locked(USED).map(Used)
    }

    fn get(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        match self.0.read_at(0, &mut bytes) {
            Err(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => Err(cause),
            _ => Ok(u64::from_le_bytes(bytes)),
        }
    }

    fn set(&self, used: u64) -> io::Result<()> {
        self.0.write_at(0, &[&used.to_le_bytes()])
    }
}

fn path(key: &str) -> String {
    format!("{:02x}/{key}", crc32fast::hash(key.as_bytes()) & 0xff)
}

fn in_memory(parts: Vec<Bytes>) -> CacheEntry {
    let file = MemoryFile::new(parts);
    CacheEntry { len: file.bytes(), file: Arc::new(file) }
}

/// Notes that an entry was used.
fn touch(file: &Arc<dyn VfsFile>) {
    let Some(file) = file.file() else { return };
    let now: SystemTime = machine::clock();
    let used = file.metadata().and_then(|metadata| metadata.modified());
    if used.is_ok_and(|used| now.duration_since(used).is_ok_and(|age| age > TOUCH)) {
        let _ = file.set_modified(now);
    }
}

fn is_removed(file: &Arc<dyn VfsFile>) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.file().and_then(|file| file.metadata().ok()).is_none_or(|metadata| metadata.nlink() == 0)
}

fn is_same(one: &Arc<dyn VfsFile>, other: &Arc<dyn VfsFile>) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id =
        |file: &Arc<dyn VfsFile>| Some(file.file()?.metadata().ok().map(|found| (found.dev(), found.ino())));
    id(one).flatten().is_some_and(|one| id(other).flatten() == Some(one))
}
