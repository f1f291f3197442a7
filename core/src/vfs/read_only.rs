//! A directory tree that takes no writes here: what a session writes over a file stays in memory and ends
//! with the session; what needs a name is refused. So an index that was not closed in order is repaired,
//! and the end of the log replayed, for a reader that may change nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use super::{DirEntry, Open, Space, Vfs, VfsFile};

/// What is copied when a part of it is written.
const PAGE: u64 = 4096;
/// The same, as a length in memory.
const PAGE_LEN: usize = 4096;

/// Files that are only read, and what was written over them.
#[derive(Debug)]
pub(crate) struct ReadOnly {
    below: Arc<dyn Vfs>,
    /// Files that were opened for writing, by path.
    written: Mutex<BTreeMap<String, Arc<Overlay>>>,
}

impl ReadOnly {
    pub(crate) fn new(below: Arc<dyn Vfs>) -> ReadOnly {
        ReadOnly { below, written: Mutex::default() }
    }
}

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Vfs for ReadOnly {
    fn open(&self, path: &str, how: Open) -> io::Result<Arc<dyn VfsFile>> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(overlay) = written.get(path) {
            return match how {
                Open::CreateNew => Err(io::ErrorKind::AlreadyExists.into()),
                _ => Ok(overlay.clone()),
            };
        }
        let found = self.below.open(path, Open::Read);
        let missing = found.as_ref().is_err_and(|cause| cause.kind() == io::ErrorKind::NotFound);
        match how {
            Open::Read => found,
            Open::Write => {
                let overlay = Arc::new(Overlay::new(found?)?);
                written.insert(path.to_owned(), overlay.clone());
                Ok(overlay)
            }
            Open::Create | Open::CreateNew if missing => refused(),
            // Opened in this way is what is locked; a lock takes no permission to write.
            Open::Create => found,
            Open::CreateNew => found.and_then(|_| Err(io::ErrorKind::AlreadyExists.into())),
        }
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        refused()
    }

    fn make_dir(&self, _: &str) -> io::Result<()> {
        refused()
    }

    fn list(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        self.below.list(path)
    }

    fn space(&self) -> io::Result<Option<Space>> {
        self.below.space()
    }

    fn sync_dir(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn is_read_only(&self) -> io::Result<bool> {
        Ok(true)
    }
}

/// A file with what was written over it.
#[derive(Debug)]
struct Overlay {
    below: Arc<dyn VfsFile>,
    state: RwLock<Written>,
}

#[derive(Debug)]
struct Written {
    len: u64,
    /// Up to where the file below still shows.
    shown: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    fn new(below: Arc<dyn VfsFile>) -> io::Result<Overlay> {
        let len = below.len()?;
        Ok(Overlay { below, state: RwLock::new(Written { len, shown: len, pages: BTreeMap::new() }) })
    }

    fn read(&self) -> RwLockReadGuard<'_, Written> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Written> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a page as it is without what was written.
    fn page_below(&self, shown: u64, number: u64) -> io::Result<Vec<u8>> {
        let (start, mut page) = (number * PAGE, vec![0; PAGE_LEN]);
        if shown > start {
            let some = usize::try_from((shown - start).min(PAGE)).unwrap_or(0);
            self.below.read_at(start, page.get_mut(..some).unwrap_or_default())?;
        }
        Ok(page)
    }

    /// Returns a page to write to.
    fn page<'a>(&self, state: &'a mut Written, number: u64) -> io::Result<&'a mut Vec<u8>> {
        let page = match state.pages.remove(&number) {
            Some(page) => page,
            None => self.page_below(state.shown, number)?,
        };
        Ok(state.pages.entry(number).or_insert(page))
    }
}

/// The pages that bytes from `offset` on lie in: the number of each, the offset in it, and how many bytes.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let (mut at, mut left) = (offset, len);
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let within = usize::try_from(at % PAGE).unwrap_or(0);
        let some = left.min(PAGE_LEN - within);
        let piece = (at / PAGE, within, some);
        at += u64::try_from(some).unwrap_or(0);
        left -= some;
        Some(piece)
    })
}

impl VfsFile for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.read().len)
    }

    fn read_at(&self, offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        let state = self.read();
        let end = u64::try_from(out.len()).ok().and_then(|len| offset.checked_add(len));
        let Some(end) = end.filter(|end| *end <= state.len) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        if end <= state.shown && state.pages.range(offset / PAGE..=end / PAGE).next().is_none() {
            return self.below.read_at(offset, out);
        }
        for (number, within, some) in pieces(offset, out.len()) {
            let (piece, rest) = std::mem::take(&mut out).split_at_mut(some);
            let from = |page: &[u8], piece: &mut [u8]| {
                piece.copy_from_slice(page.get(within..within + some).unwrap_or_default());
            };
            match state.pages.get(&number) {
                Some(page) => from(page, piece),
                None => from(&self.page_below(state.shown, number)?, piece),
            }
            out = rest;
        }
        Ok(())
    }

    fn write_at(&self, mut offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        let mut state = self.write();
        for part in parts {
            let mut left = *part;
            for (number, within, some) in pieces(offset, part.len()) {
                let (piece, rest) = left.split_at(some);
                if let Some(bytes) = self.page(&mut state, number)?.get_mut(within..within + some) {
                    bytes.copy_from_slice(piece);
                }
                left = rest;
            }
            offset += u64::try_from(part.len()).unwrap_or(0);
            if !part.is_empty() {
                state.len = state.len.max(offset);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.write();
        if len < state.len {
            // What is cut off and comes back is zeros.
            let first = len / PAGE;
            let within = usize::try_from(len % PAGE).unwrap_or(0);
            self.page(&mut state, first)?.iter_mut().skip(within).for_each(|byte| *byte = 0);
            state.pages.retain(|number, _| *number <= first);
            state.shown = state.shown.min(len);
        }
        state.len = len;
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let mut state = self.write();
        state.len = state.len.max(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.below.try_lock()
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        self.below.try_lock_shared()
    }

    fn window(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; len];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes.into())
    }

    fn longest_window(&self) -> u64 {
        256 << 10
    }

    fn will_need(&self, offset: u64, len: u64) {
        self.below.will_need(offset, len);
    }

    /// None: whoever has the system's file does not see what was written over it.
    fn file(&self) -> Option<Arc<File>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::SimVfs;

    #[test]
    fn what_is_written_is_read_back_and_the_file_below_stays_as_it_is() {
        let disk = Arc::new(SimVfs::new(5));
        let mut model: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
        disk.open("f", Open::Create).unwrap().write_at(0, &[&model]).unwrap();
        let before = model.clone();
        let over = ReadOnly::new(disk.clone());
        let file = over.open("f", Open::Write).unwrap();
        let mut seed = 7_usize;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for round in 0..2000_usize {
            let (at, len) = (next(14_000), next(9000));
            match next(4) {
                0 => {
                    file.set_len(at as u64).unwrap();
                    model.resize(at, 0);
                }
                1 => {
                    file.allocate(at as u64).unwrap();
                    model.resize(model.len().max(at), 0);
                }
                _ => {
                    let bytes = vec![round as u8; len];
                    let (first, second) = bytes.split_at(len / 3);
                    file.write_at(at as u64, &[first, second]).unwrap();
                    if len > 0 {
                        model.resize(model.len().max(at + len), 0);
                        model[at..at + len].copy_from_slice(&bytes);
                    }
                }
            }
            let again = over.open("f", Open::Read).unwrap();
            assert_eq!(again.len().unwrap(), model.len() as u64);
            assert!(again.window(0, model.len()).unwrap() == model, "round {round}");
            assert!(file.read_at(model.len() as u64, &mut [0]).is_err());
        }
        assert!(disk.open("f", Open::Read).unwrap().window(0, before.len()).unwrap() == before);
    }

    #[test]
    fn nothing_gets_a_name() {
        let disk = Arc::new(SimVfs::new(5));
        disk.open("f", Open::Create).unwrap();
        let over = ReadOnly::new(disk.clone());
        let kind = |outcome: io::Result<Arc<dyn VfsFile>>| outcome.unwrap_err().kind();
        assert_eq!(kind(over.open("f", Open::CreateNew)), io::ErrorKind::AlreadyExists);
        assert_eq!(kind(over.open("g", Open::CreateNew)), io::ErrorKind::ReadOnlyFilesystem);
        assert_eq!(kind(over.open("g", Open::Write)), io::ErrorKind::NotFound);
        assert_eq!(kind(over.open("g", Open::Create)), io::ErrorKind::ReadOnlyFilesystem);
        assert!(over.open("f", Open::Create).unwrap().try_lock().unwrap());
        for refused in [over.rename("f", "g"), over.remove("f"), over.make_dir("d")] {
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ReadOnlyFilesystem);
        }
        assert_eq!(disk.list("").unwrap().len(), 1);
    }
}
