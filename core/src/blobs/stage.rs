//! Staging: content is hashed and kept aside while it streams in, small content in memory, large
//! content in the spool; nothing refers to it before a change does.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

#[cfg(feature = "remote")]
use super::object::ObjectPool;
use super::pool::BlobSource;
use super::spool::{BLOCK_LEN, Spooled, Spooling, fresh_block, is_aligned};
use super::stored::{FindStored, StoredContent};
use crate::digest::{Digest, StreamDigester};
use crate::id::BlobId;
use crate::vfs::Vfs;
use crate::{Error, ErrorKind, Result};

/// The first read of a source asks for so many bytes; later ones for as many as there were.
const FIRST_READ: usize = 16 << 10;

/// Content that is whole and hashed, and not referred to yet.
#[derive(Debug)]
pub(crate) enum Staged {
    /// For a segment.
    Small { bytes: Bytes, digest: Digest },
    /// For a file of its own, unless a blob has it already.
    Large { content: LargeContent, digest: Digest },
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
            Staged::Large { content, .. } => content.read_beginning(out),
        }
    }
}

/// Where large content is until a row refers to it.
#[derive(Debug)]
pub(crate) enum LargeContent {
    /// In the spool, not synced yet.
    Spooled(Spooled),
    /// In a blob, and nowhere else.
    Stored(Box<StoredContent>),
}

impl LargeContent {
    /// Gives the content its place as the file of `blob`, as [`Spooled::place`] does.
    ///
    /// # Errors
    /// As [`Spooled::place`], and as [`StoredContent::write_out`] where a blob alone has it.
    pub(crate) fn place(&mut self, blob: BlobId) -> Result<()> {
        if let LargeContent::Stored(stored) = self {
            *self = LargeContent::Spooled(stored.spool()?);
        }
        match self {
            LargeContent::Spooled(spooled) => spooled.place(blob),
            LargeContent::Stored(_) => Err(Error::bug("content that was written out is not in the spool")),
        }
    }

    /// Makes the content the object of `blob`, durably.
    ///
    /// # Errors
    /// As [`ObjectPool::put_large`], and as [`StoredContent::write_out`] where a blob alone has it.
    #[cfg(feature = "remote")]
    pub(crate) fn upload(&mut self, objects: &ObjectPool, blob: BlobId, digest: &Digest) -> Result<()> {
        if let LargeContent::Stored(stored) = self {
            *self = LargeContent::Spooled(stored.spool()?);
        }
        match self {
            LargeContent::Spooled(spooled) => objects.put_large(blob, digest, spooled),
            LargeContent::Stored(_) => Err(Error::bug("content that was written out is not in the spool")),
        }
    }

    fn read_beginning(&self, out: &mut [u8]) -> Result<()> {
        match self {
            LargeContent::Spooled(spooled) => spooled.read_beginning(out),
            LargeContent::Stored(stored) => stored.read_beginning(out),
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
    /// Looks for a blob that has the content already.
    find: Option<FindStored>,
}

struct Large {
    /// Bytes that came in.
    taken: u64,
    to: Destination,
    /// Blocks that may be used again once hashing and writing are done with them.
    used: VecDeque<Bytes>,
}

/// Where large content goes.
enum Destination {
    /// Nowhere: a blob had all of it so far.
    Stored(Box<StoredContent>),
    Spool(Spooling, Box<StreamDigester>),
}

impl Stage {
    pub(crate) fn new(vfs: &Arc<dyn Vfs>, threshold: usize, max: u64) -> Stage {
        Stage {
            vfs: vfs.clone(),
            threshold,
            max,
            len: 0,
            block: BytesMut::new(),
            filled: 0,
            large: None,
            find: None,
        }
    }

    /// Does not write content again that `find` finds.
    pub(crate) fn finding(self, find: FindStored) -> Stage {
        Stage { find: Some(find), ..self }
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
        let block = self.take_block();
        let mut large = match self.large.take() {
            Some(mut large) => large.take(block).map(|()| large)?,
            None => {
                let stored = self.find.take().map_or_else(Vec::new, |find| find(&block));
                Large::begin(&self.vfs, stored, block)?
            }
        };
        self.block = large.next_block();
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
        large.to.finish()
    }
}

impl Large {
    /// Begins with the first block, and with the one of the blobs that begins so.
    fn begin(vfs: &Arc<dyn Vfs>, stored: Vec<(BlobId, BlobSource, Digest)>, first: Bytes) -> Result<Large> {
        let same = stored.into_iter().find_map(|blob| {
            let mut stored = Box::new(StoredContent::new(vfs, blob));
            stored.goes_on_with(&first).then_some(stored)
        });
        let to = match same {
            Some(stored) => Destination::Stored(stored),
            None => {
                let mut to = Destination::Spool(Spooling::begin(vfs)?, Box::default());
                to.take(&first)?;
                to
            }
        };
        let taken = u64::try_from(first.len()).unwrap_or(0);
        Ok(Large { taken, to, used: VecDeque::from([first]) })
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
        self.to.take(&block)?;
        self.used.push_back(block);
        Ok(())
    }

    /// Returns a block to fill: one that hashing and writing are done with, or a new one.
    fn next_block(&mut self) -> BytesMut {
        if let Some(oldest) = self.used.pop_front() {
            match oldest.try_into_mut() {
                Ok(block) if block.capacity() >= BLOCK_LEN && is_aligned(&block) => return block,
                Ok(_) => {}
                Err(shared) => self.used.push_front(shared),
            }
        }
        fresh_block()
    }
}

impl Destination {
    fn take(&mut self, block: &Bytes) -> Result<()> {
        if let Destination::Stored(stored) = self {
            if stored.goes_on_with(block) {
                return Ok(());
            }
            let (spooling, digester) = stored.write_out()?;
            *self = Destination::Spool(spooling, digester);
        }
        match self {
            Destination::Spool(spooling, digester) => {
                spooling.push(block)?;
                digester.push(block.clone())
            }
            Destination::Stored(_) => Err(Error::bug("what is written out is in the spool")),
        }
    }

    fn finish(self) -> Result<Staged> {
        let (spooling, digester) = match self {
            Destination::Spool(spooling, digester) => (spooling, digester),
            Destination::Stored(stored) => match stored.whole() {
                Some(digest) => return Ok(Staged::Large { content: LargeContent::Stored(stored), digest }),
                None => stored.write_out()?,
            },
        };
        // The last of it is hashed and written out side by side.
        let digest = digester.finish();
        let content = LargeContent::Spooled(spooling.finish()?);
        Ok(Staged::Large { content, digest: digest? })
    }
}
