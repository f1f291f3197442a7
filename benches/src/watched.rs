//! The file system with a count of the bytes of content that are read.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use holdall::vfs::{DirEntry, Open, RealVfs, Vfs, VfsFile};

/// Counts what is read of segments and of the files of blobs.
#[derive(Debug)]
pub struct Watched {
    real: RealVfs,
    read: Arc<AtomicU64>,
}

impl Watched {
    /// Returns the file system below a directory, and its count.
    pub fn over(dir: &Path) -> (Arc<dyn Vfs>, Arc<AtomicU64>) {
        let read = Arc::<AtomicU64>::default();
        (Arc::new(Watched { real: RealVfs::new(dir).expect("a directory"), read: read.clone() }), read)
    }
}

impl Vfs for Watched {
    fn open(&self, path: &str, how: Open) -> io::Result<Arc<dyn VfsFile>> {
        let file = self.real.open(path, how)?;
        let content = path.starts_with("seg/") || path.starts_with("blob/");
        Ok(if content { Arc::new(WatchedFile { file, read: self.read.clone() }) } else { file })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.real.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.real.remove(path)
    }

    fn make_dir(&self, path: &str) -> io::Result<()> {
        self.real.make_dir(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<DirEntry>> {
        self.real.list(path)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.real.sync_dir(path)
    }
}

#[derive(Debug)]
struct WatchedFile {
    file: Arc<dyn VfsFile>,
    read: Arc<AtomicU64>,
}

impl WatchedFile {
    fn count(&self, len: usize) {
        self.read.fetch_add(len as u64, Ordering::Relaxed);
    }
}

impl VfsFile for WatchedFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.count(out.len());
        self.file.read_at(offset, out)
    }

    fn write_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.file.write_at(offset, parts)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn window(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        self.count(len);
        self.file.window(offset, len)
    }

    fn write_behind(&self, offset: u64, len: u64) {
        self.file.write_behind(offset, len);
    }

    fn will_need(&self, offset: u64, len: u64) {
        self.file.will_need(offset, len);
    }

    fn expect_random(&self) {
        self.file.expect_random();
    }

    fn file(&self) -> Option<Arc<File>> {
        self.file.file()
    }
}
