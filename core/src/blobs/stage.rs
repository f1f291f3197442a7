//! Staging: content is hashed and kept aside while it streams in, small content in memory, large
//! content in the spool; nothing refers to it before a change does.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread;

use bytes::{Buf, Bytes, BytesMut};

use super::pool;
use crate::digest::{Digest, StreamDigester};
use crate::id::BlobId;
use crate::vfs::{DIRECT_ALIGN, Open, Vfs, VfsFile};
use crate::worker::{self, Worker};
use crate::{Error, ErrorKind, Result, machine};

/// The directory of uploads in progress.
pub(crate) const SPOOL: &str = "spool";
/// Large content is hashed and written in blocks of so many bytes.
const BLOCK_LEN: usize = 1 << 20;
/// The first read of a source asks for so many bytes; later ones for as many as there were.
const FIRST_READ: usize = 16 << 10;
/// After so many bytes the system is told to begin writing them out, so that the sync at the end
/// has little left to do.
const WRITE_BEHIND: u64 = 8 << 20;
/// What lies behind so many bytes is written past the system's cache of files: its pages would push
/// out those of many smaller files, and filling them takes longer than the disk does.
const PAST_CACHE: u64 = 16 << 20;
/// Content from this length on, in bytes, is written by a thread of its own.
const BESIDE: u64 = 4 << 20;
/// Blocks that may wait for that thread.
const WAITING: usize = 4;

/// Content that is whole and hashed, and not referred to yet.
#[derive(Debug)]
pub(crate) enum Staged {
    /// For a segment.
    Small { bytes: Bytes, digest: Digest },
    /// For a file of its own: in the spool, not synced yet.
    Large { spooled: Spooled, digest: Digest },
}

impl Staged {
    /// Hashes content that is in memory already, for a segment.
    pub(crate) fn small(bytes: Bytes) -> Staged {
        let digest = Digest::of(&bytes);
        Staged::Small { bytes, digest }
    }

    pub(crate) fn digest(&self) -> &Digest {
        match self {
            Staged::Small { digest, .. } | Staged::Large { digest, .. } => digest,
        }
    }

    /// Returns how many bytes are yet to be written: those of content that goes to a segment.
    pub(crate) fn small_len(&self) -> u64 {
        match self {
            Staged::Small { digest, .. } => digest.len,
            Staged::Large { .. } => 0,
        }
    }

    /// Fills `out` with the first bytes of the content, which has as many.
    ///
    /// # Errors
    /// `Io` when the spool cannot be read, `Bug` when the content is shorter.
    pub(crate) fn read_beginning(&self, out: &mut [u8]) -> Result<()> {
        match self {
            Staged::Small { bytes, .. } => match bytes.get(..out.len()) {
                Some(first) => {
                    out.copy_from_slice(first);
                    Ok(())
                }
                None => Err(Error::bug("content is shorter than its beginning")),
            },
            Staged::Large { spooled, .. } => spooled
                .file
                .read_at(0, out)
                .map_err(|cause| Error::io(format!("reading {}", spooled.path), cause)),
        }
    }
}

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

    /// Gives the content its place as the file of `blob`, durably. Its lock is held until the value
    /// is dropped, so that no sweep takes the file before a row speaks of it.
    ///
    /// # Errors
    /// `Io` when it cannot be synced or given its name.
    pub(crate) fn place(&mut self, blob: BlobId) -> Result<()> {
        self.file.sync_data().map_err(|cause| Error::io(format!("syncing {}", self.path), cause))?;
        let path = pool::path(blob);
        let renamed = self.vfs.rename(&self.path, &path);
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

/// Takes content in, piece by piece. Dropping it forgets the content.
pub(crate) struct Stage {
    vfs: Arc<dyn Vfs>,
    /// Content from this length on gets a file of its own.
    threshold: usize,
    /// Longer content is refused.
    max: u64,
    len: u64,
    /// What is not handed on yet is in its first bytes; those after them are there to be read into.
    block: BytesMut,
    filled: usize,
    large: Option<Large>,
}

struct Large {
    spooled: Spooled,
    digester: StreamDigester,
    /// Bytes handed to the writer.
    taken: u64,
    writer: Writer,
    /// Blocks that may be used again once hashing and writing are done with them.
    used: VecDeque<Bytes>,
}

/// Who writes to the spool.
enum Writer {
    /// The caller's thread.
    Here(Out),
    /// A thread of its own, so that a disk that is slow for a moment does not stop the hashing.
    Beside(Worker<Bytes, Result<()>>),
}

/// The end of a file in the spool.
struct Out {
    path: String,
    file: Arc<dyn VfsFile>,
    written: u64,
    /// Bytes of them that the system was told to write out.
    behind: u64,
}

impl Stage {
    pub(crate) fn new(vfs: &Arc<dyn Vfs>, threshold: usize, max: u64) -> Stage {
        Stage { vfs: vfs.clone(), threshold, max, len: 0, block: BytesMut::new(), filled: 0, large: None }
    }

    /// Returns how many bytes came in.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Takes content that is in memory as a whole; what is small is not copied.
    ///
    /// # Errors
    /// As [`Stage::write`] and [`Stage::finish`].
    pub(crate) fn whole(mut self, bytes: Bytes) -> Result<Staged> {
        if bytes.len() < self.threshold {
            self.count(bytes.len())?;
            return Ok(Staged::small(bytes));
        }
        self.write(&bytes)?;
        self.finish()
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// `TooLarge` past the limit, `Io` when the spool cannot be written.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.count(bytes.len())?;
        while !bytes.is_empty() {
            let room = self.room();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.truncate(self.filled);
            self.block.extend_from_slice(now);
            self.filled += now.len();
            self.flush_block()?;
            bytes = later;
        }
        Ok(())
    }

    /// Takes the next bytes of a reader; 0 at its end.
    ///
    /// # Errors
    /// As [`Stage::write`]; `Io` when the source cannot be read.
    pub(crate) fn read_from(&mut self, source: &mut dyn io::Read) -> Result<usize> {
        let filled = self.filled;
        let room = match self.large {
            Some(_) => self.room(),
            None => self.room().min(filled.clamp(FIRST_READ, BLOCK_LEN)),
        };
        if self.block.len() < filled + room {
            self.block.resize(filled + room, 0);
        }
        let spare = self.block.get_mut(filled..filled + room).unwrap_or_default();
        let count = loop {
            match source.read(spare) {
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(|cause| Error::io("reading the content to store", cause))?,
            }
        };
        // A reader that claims more than it was given room for is not believed.
        let count = count.min(room);
        self.count(count)?;
        self.filled += count;
        self.flush_block()?;
        Ok(count)
    }

    fn count(&mut self, more: usize) -> Result<()> {
        let len = self.len.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
        if len > self.max {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the content is longer than {} bytes, the limit for this put", self.max),
            ));
        }
        self.len = len;
        Ok(())
    }

    /// How many bytes the block takes before it must be settled.
    fn room(&self) -> usize {
        let full = self.large.as_ref().map_or(self.threshold.max(1), Large::room);
        full.saturating_sub(self.filled)
    }

    /// Hands a full block on.
    fn flush_block(&mut self) -> Result<()> {
        if self.room() > 0 {
            return Ok(());
        }
        let mut large = match self.large.take() {
            Some(large) => large,
            None => Large::new(&self.vfs)?,
        };
        large.take(self.take_block())?;
        self.block = large.fresh_block();
        self.large = Some(large);
        Ok(())
    }

    fn take_block(&mut self) -> Bytes {
        self.block.truncate(self.filled);
        self.filled = 0;
        self.block.split().freeze()
    }

    /// Ends the content. It is not durable yet: what turns out to be there already need not be.
    ///
    /// # Errors
    /// `Io` when the spool cannot be written.
    pub(crate) fn finish(mut self) -> Result<Staged> {
        let rest = self.take_block();
        let Some(mut large) = self.large.take() else { return Ok(Staged::small(rest)) };
        large.take(rest)?;
        let Large { spooled, digester, writer, .. } = large;
        // The last of it is hashed and written out side by side.
        let digest = digester.finish();
        writer.finish()?;
        Ok(Staged::Large { spooled, digest: digest? })
    }
}

impl Large {
    fn new(vfs: &Arc<dyn Vfs>) -> Result<Large> {
        let spooled = Spooled::create(vfs)?;
        let out = Out { path: spooled.path.clone(), file: spooled.file.clone(), written: 0, behind: 0 };
        Ok(Large {
            spooled,
            digester: StreamDigester::new(),
            taken: 0,
            writer: Writer::Here(out),
            used: VecDeque::new(),
        })
    }

    /// How many bytes the next block takes: up to a multiple of a block's length.
    fn room(&self) -> usize {
        let beyond = usize::try_from(self.taken).unwrap_or(0) % BLOCK_LEN;
        BLOCK_LEN - beyond
    }

    fn take(&mut self, block: Bytes) -> Result<()> {
        if block.is_empty() {
            return Ok(());
        }
        self.taken += u64::try_from(block.len()).unwrap_or(0);
        if self.taken > BESIDE {
            self.writer.divide();
        }
        self.writer.push(&block)?;
        self.digester.push(block.clone())?;
        self.used.push_back(block);
        Ok(())
    }

    /// Returns a block to fill: one that hashing and writing are done with, or a new one.
    fn fresh_block(&mut self) -> BytesMut {
        if let Some(oldest) = self.used.pop_front() {
            match oldest.try_into_mut() {
                Ok(block) if block.capacity() >= BLOCK_LEN && is_aligned(&block) => return block,
                Ok(_) => {}
                Err(shared) => self.used.push_front(shared),
            }
        }
        let mut block = BytesMut::with_capacity(BLOCK_LEN + DIRECT_ALIGN);
        let start = block.as_ptr().align_offset(DIRECT_ALIGN).min(DIRECT_ALIGN);
        block.resize(start, 0);
        block.advance(start);
        block
    }
}

/// Whether a block may be written past the cache.
fn is_aligned(block: &BytesMut) -> bool {
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

    /// Lets the system begin to write out what it was not told of yet.
    fn write_behind(&mut self) {
        self.file.write_behind(self.behind, self.written - self.behind);
        self.behind = self.written;
    }
}
