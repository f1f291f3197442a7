//! The spool: files of content that is coming in, and who writes to them.

use std::io;
use std::sync::Arc;
use std::thread;

use bytes::{Buf, Bytes, BytesMut};

use super::pool;
use crate::id::BlobId;
use crate::vfs::{DIRECT_ALIGN, Open, Vfs, VfsFile};
use crate::worker::{self, Worker};
use crate::{Error, Result, machine};

/// The directory of uploads in progress.
pub(crate) const SPOOL: &str = "spool";
/// Large content is hashed and written in blocks of so many bytes.
pub(super) const BLOCK_LEN: usize = 1 << 20;
/// After so many bytes the system is asked to begin writing them out, so that the sync at the end
/// has little left to do.
const WRITE_BEHIND: u64 = 8 << 20;
/// What lies behind so many bytes is written past the system's cache of files: its pages would push
/// out those of many smaller files, and filling them takes longer than the disk does.
const PAST_CACHE: u64 = 16 << 20;
/// Content from this length on, in bytes, is read and written by threads of their own.
pub(super) const BESIDE: u64 = 4 << 20;
/// Blocks that may wait for that thread.
const WAITING: usize = 4;

/// A file in the spool; removed when it is dropped before it was given its place.
#[derive(Debug)]
pub(crate) struct Spooled {
    vfs: Arc<dyn Vfs>,
    path: String,
    file: Arc<dyn VfsFile>,
    placed: bool,
}

impl Spooled {
    fn create(vfs: &Arc<dyn Vfs>) -> Result<Spooled> {
        loop {
            let mut random = [0; 8];
            machine::fill_random(&mut random).map_err(|cause| Error::io("drawing a name", cause))?;
            let path = format!("{SPOOL}/{:016x}", u64::from_le_bytes(random));
            let made = Spooled::create_at(vfs, &path);
            if let Some(file) = made.map_err(|cause| Error::io(format!("making {path}"), cause))? {
                return Ok(Spooled { vfs: vfs.clone(), path, file, placed: false });
            }
        }
    }

    /// Makes and locks a file. A lock that is not held tells the sweep that the upload's process is
    /// gone; None when the sweep came between, as it may when the machine sleeps just then.
    fn create_at(vfs: &Arc<dyn Vfs>, path: &str) -> io::Result<Option<Arc<dyn VfsFile>>> {
        let file = vfs.open(path, Open::CreateNew)?;
        if !file.try_lock()? {
            return Ok(None);
        }
        match vfs.open(path, Open::Read) {
            Ok(_) => Ok(Some(file)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// Fills `out` with the first bytes of the content, which has as many.
    pub(super) fn read_beginning(&self, out: &mut [u8]) -> Result<()> {
        let read = self.file.read_at(0, out);
        read.map_err(|cause| Error::io(format!("reading {}", self.path), cause))
    }

    /// Returns a window on the content, which is not written any more.
    #[cfg(feature = "s3")]
    pub(super) fn window(&self, offset: u64, len: u64) -> Result<Bytes> {
        let window =
            usize::try_from(len).map_err(io::Error::other).and_then(|len| self.file.window(offset, len));
        window.map_err(|cause| Error::io(format!("reading {}", self.path), cause))
    }

    /// Gives the content its place as the file of `blob`, durably. Its lock is held until the value
    /// is dropped, so that no sweep takes the file before a row speaks of it.
    ///
    /// # Errors
    /// `Io` when it cannot be synced or given its name.
    pub(crate) fn place(&mut self, blob: BlobId) -> Result<()> {
        // The bytes before the name: a row may refer to the name as soon as it is durable.
        self.file.sync_data().map_err(|cause| Error::io(format!("syncing {}", self.path), cause))?;
        let path = pool::path(blob);
        let renamed = self.vfs.rename(&self.path, &path);
        // Even if the sync below fails: the file has its name, and what becomes of it is for the caller to find out.
        self.placed = renamed.is_ok();
        renamed
            .and_then(|()| self.vfs.sync_dir(&pool::dir(blob)))
            .map_err(|cause| Error::io(format!("making {path}"), cause))
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        if !self.placed && self.vfs.remove(&self.path).is_err() {
            tracing::debug!(path = self.path, "a file in the spool was left for the next sweep");
        }
    }
}

/// A file in the spool that is being written.
pub(super) struct Spooling {
    spooled: Spooled,
    writer: Writer,
    /// Bytes handed to the writer.
    taken: u64,
}

impl Spooling {
    pub(super) fn begin(vfs: &Arc<dyn Vfs>) -> Result<Spooling> {
        let spooled = Spooled::create(vfs)?;
        let out = Out { path: spooled.path.clone(), file: spooled.file.clone(), written: 0, behind: 0 };
        Ok(Spooling { spooled, writer: Writer::Here(out), taken: 0 })
    }

    /// Takes the next bytes; blocks from [`fresh_block`], filled to a multiple of [`BLOCK_LEN`] of the
    /// content, are written fastest.
    pub(super) fn push(&mut self, block: &Bytes) -> Result<()> {
        self.taken += u64::try_from(block.len()).unwrap_or(0);
        if self.taken > BESIDE {
            self.writer.divide();
        }
        self.writer.push(block)
    }

    /// Waits until everything is written. It is not durable yet.
    pub(super) fn finish(self) -> Result<Spooled> {
        self.writer.finish()?;
        Ok(self.spooled)
    }
}

/// Returns an empty block that has room for [`BLOCK_LEN`] bytes and may be written past the cache.
pub(super) fn fresh_block() -> BytesMut {
    let mut block = BytesMut::with_capacity(BLOCK_LEN + DIRECT_ALIGN);
    let start = block.as_ptr().align_offset(DIRECT_ALIGN).min(DIRECT_ALIGN);
    block.resize(start, 0);
    block.advance(start);
    block
}

/// Who writes to the spool.
enum Writer {
    /// The caller's thread.
    Here(Out),
    /// A thread of its own, so that a disk that is slow for a while does not stop the hashing.
    Beside(Worker<Bytes, Result<()>>),
}

/// The end of a file in the spool.
struct Out {
    path: String,
    file: Arc<dyn VfsFile>,
    written: u64,
    /// Bytes of them that the system was asked to write out.
    behind: u64,
}

/// Whether a block may be written past the cache.
pub(super) fn is_aligned(block: &BytesMut) -> bool {
    block.as_ptr().addr().is_multiple_of(DIRECT_ALIGN)
}

impl Writer {
    /// Moves to a thread; where none can be started, all goes on in the caller's.
    fn divide(&mut self) {
        let Writer::Here(out) = self else { return };
        let out = Out { path: out.path.clone(), file: out.file.clone(), ..*out };
        let worker = Worker::start(WAITING, |blocks| {
            let work = move || {
                let mut out = out;
                blocks.iter().try_for_each(|block: Bytes| out.write(&block))?;
                out.write_behind();
                Ok(())
            };
            thread::Builder::new().name("holdall-spool".into()).spawn(work)
        });
        if let Ok(worker) = worker {
            *self = Writer::Beside(worker);
        }
    }

    fn push(&mut self, block: &Bytes) -> Result<()> {
        match self {
            Writer::Here(out) => out.write(block),
            Writer::Beside(worker) if worker.push(block.clone())? => Ok(()),
            // It ends early only with an error.
            Writer::Beside(worker) => worker.finish()?.and(Err(worker::died())),
        }
    }

    /// Waits until everything is written.
    fn finish(self) -> Result<()> {
        match self {
            Writer::Here(mut out) => {
                out.write_behind();
                Ok(())
            }
            Writer::Beside(mut worker) => worker.finish()?,
        }
    }
}

impl Out {
    fn write(&mut self, block: &Bytes) -> Result<()> {
        let wrote = match self.written < PAST_CACHE {
            true => self.file.write_at(self.written, &[block]),
            false => self.file.write_past_cache(self.written, block),
        };
        wrote.map_err(|cause| Error::io(format!("writing {}", self.path), cause))?;
        self.written += u64::try_from(block.len()).unwrap_or(0);
        if self.written - self.behind >= WRITE_BEHIND {
            self.write_behind();
        }
        Ok(())
    }

    /// Lets the system begin to write out the bytes since the last call.
    fn write_behind(&mut self) {
        self.file.write_behind(self.behind, self.written - self.behind);
        self.behind = self.written;
    }
}
