//! Staging: content is hashed and kept aside while it streams in, small content in memory, large
//! content in the spool; nothing refers to it before a change does.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::pool;
use crate::digest::{Digest, StreamDigester};
use crate::id::BlobId;
use crate::vfs::{Open, Vfs, VfsFile};
use crate::{Error, ErrorKind, Result};

/// The directory of uploads in progress.
pub(crate) const SPOOL: &str = "spool";
/// Large content is hashed and written in blocks of so many bytes.
const BLOCK_LEN: usize = 1 << 20;
/// The first read of a source asks for so many bytes; later ones for as many as there were.
const FIRST_READ: usize = 16 << 10;
/// After so many bytes the system is told to begin writing them out, so that the sync at the end
/// has little left to do.
const WRITE_BEHIND: u64 = 8 << 20;

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
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|cause| Error::io("drawing a name", io::Error::other(cause)))?;
        let path = format!("{SPOOL}/{:016x}", u64::from_le_bytes(random));
        let make = || {
            let file = vfs.open(&path, Open::CreateNew)?;
            // A lock that is not held tells the sweep that the upload's process is gone.
            file.try_lock()?;
            Ok(file)
        };
        let file = make().map_err(|cause| Error::io(format!("making {path}"), cause))?;
        Ok(Spooled { vfs: vfs.clone(), path, file, placed: false })
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
    /// What is not handed on yet.
    block: BytesMut,
    large: Option<Large>,
}

struct Large {
    spooled: Spooled,
    digester: StreamDigester,
    /// Bytes written to the spool.
    written: u64,
    /// Bytes of them that the system was told to write out.
    behind: u64,
    /// Blocks that may be used again once the hashing is done with them.
    used: VecDeque<Bytes>,
}

impl Stage {
    pub(crate) fn new(vfs: &Arc<dyn Vfs>, threshold: usize, max: u64) -> Stage {
        Stage { vfs: vfs.clone(), threshold, max, len: 0, block: BytesMut::new(), large: None }
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
            self.block.extend_from_slice(now);
            self.settle()?;
            bytes = later;
        }
        Ok(())
    }

    /// Takes the next bytes of a reader; 0 at its end.
    ///
    /// # Errors
    /// As [`Stage::write`]; `Io` when the source cannot be read.
    pub(crate) fn read_from(&mut self, source: &mut dyn io::Read) -> Result<usize> {
        let filled = self.block.len();
        let room = self.room().min(filled.clamp(FIRST_READ, BLOCK_LEN));
        self.block.resize(filled + room, 0);
        let spare = self.block.get_mut(filled..).unwrap_or_default();
        let read = loop {
            match source.read(spare) {
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let count = *read.as_ref().unwrap_or(&0);
        self.block.truncate(filled + count.min(room));
        let count = read.map_err(|cause| Error::io("reading the content to store", cause))?;
        self.count(count)?;
        self.settle()?;
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
        let full = if self.large.is_some() { BLOCK_LEN } else { self.threshold.max(1) };
        full.saturating_sub(self.block.len())
    }

    /// Hands a full block on.
    fn settle(&mut self) -> Result<()> {
        if self.room() > 0 {
            return Ok(());
        }
        let mut large = match self.large.take() {
            Some(large) => large,
            None => Large {
                spooled: Spooled::create(&self.vfs)?,
                digester: StreamDigester::new(),
                written: 0,
                behind: 0,
                used: VecDeque::new(),
            },
        };
        large.take(self.block.split().freeze())?;
        self.block = large.fresh_block();
        self.large = Some(large);
        Ok(())
    }

    /// Ends the content. It is not durable yet: what turns out to be there already need not be.
    ///
    /// # Errors
    /// `Io` when the spool cannot be written.
    pub(crate) fn finish(mut self) -> Result<Staged> {
        let rest = self.block.split().freeze();
        let Some(mut large) = self.large.take() else { return Ok(Staged::small(rest)) };
        large.take(rest)?;
        // The last of it is hashed and written out side by side.
        large.write_behind();
        let Large { spooled, digester, .. } = large;
        Ok(Staged::Large { spooled, digest: digester.finish()? })
    }
}

impl Large {
    fn take(&mut self, block: Bytes) -> Result<()> {
        if block.is_empty() {
            return Ok(());
        }
        self.digester.push(block.clone())?;
        let file = &self.spooled.file;
        file.write_at(self.written, &[&block])
            .map_err(|cause| Error::io(format!("writing {}", self.spooled.path), cause))?;
        self.written += u64::try_from(block.len()).unwrap_or(0);
        if self.written - self.behind >= WRITE_BEHIND {
            self.write_behind();
        }
        self.used.push_back(block);
        Ok(())
    }

    /// Lets the system begin to write out what it was not told of yet.
    fn write_behind(&mut self) {
        self.spooled.file.write_behind(self.behind, self.written - self.behind);
        self.behind = self.written;
    }

    /// Returns an empty block: one whose hashing is over, or a new one.
    fn fresh_block(&mut self) -> BytesMut {
        if let Some(oldest) = self.used.pop_front() {
            match oldest.try_into_mut() {
                Ok(mut block) if block.capacity() >= BLOCK_LEN => {
                    block.clear();
                    return block;
                }
                Ok(_) => {}
                Err(shared) => self.used.push_front(shared),
            }
        }
        BytesMut::with_capacity(BLOCK_LEN)
    }
}
