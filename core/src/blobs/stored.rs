//! Content that a blob has already: what comes in is compared with it, and is not written again as long
//! as it is the same.
//!
//! As long as it is, only BLAKE3 is computed: it is the blob's in the end, and then so are the other
//! hashes; or the blob was damaged, and what came in is stored for itself.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use bytes::Bytes;

use super::pool::BlobSource;
use super::spool::{BESIDE, BLOCK_LEN, Spooled, Spooling, fresh_block};
use crate::body::Source as _;
use crate::digest::{Digest, StreamDigester};
use crate::id::BlobId;
use crate::vfs::Vfs;
use crate::{Error, Result};

/// Blocks that are read ahead.
const AHEAD: usize = 3;

/// Finds the blobs whose content may be what comes in, by the first bytes of that.
pub(crate) type FindStored = Box<dyn Fn(&[u8]) -> Vec<(BlobId, BlobSource, Digest)> + Send>;

/// A block of a blob, and the hasher behind it.
type HashedBlock = Result<(Bytes, blake3::Hasher)>;

/// A blob's content, whose first bytes are those that came in.
#[derive(Debug)]
pub(crate) struct StoredContent {
    vfs: Arc<dyn Vfs>,
    blob: BlobId,
    source: BlobSource,
    digest: Digest,
    /// How many of its bytes came in.
    equal: u64,
    /// What those were.
    hasher: blake3::Hasher,
    /// The blocks behind them, from a thread that reads them; it ends when this is dropped.
    ahead: Option<Receiver<HashedBlock>>,
}

impl StoredContent {
    pub(super) fn new(
        vfs: &Arc<dyn Vfs>,
        (blob, source, digest): (BlobId, BlobSource, Digest),
    ) -> StoredContent {
        let hasher = blake3::Hasher::new();
        StoredContent { vfs: vfs.clone(), blob, source, digest, equal: 0, hasher, ahead: None }
    }

    /// Returns the blob that has the content.
    pub(crate) fn blob(&self) -> BlobId {
        self.blob
    }

    /// Returns whether the blob goes on with `block`, which counts then; what cannot be read is not the
    /// same. Blocks end at multiples of [`BLOCK_LEN`], but for the first ones and the last. Where the blob
    /// does not go on, it is not asked again.
    pub(super) fn goes_on_with(&mut self, block: &[u8]) -> bool {
        let Ok((stored, hasher)) = self.next(block.len()) else { return false };
        if stored.get(..block.len()) != Some(block) {
            return false;
        }
        match stored.len() == block.len() {
            true => self.hasher = hasher,
            false => drop(self.hasher.update(block)),
        }
        self.equal = self.equal.saturating_add(u64::try_from(block.len()).unwrap_or(u64::MAX));
        true
    }

    /// Returns the blob's next bytes: `len` of them, or a block.
    fn next(&mut self, len: usize) -> HashedBlock {
        let whole = self.equal.is_multiple_of(u64::try_from(BLOCK_LEN).unwrap_or(u64::MAX));
        if self.ahead.is_none() && whole && self.equal >= BESIDE {
            self.ahead = read_ahead(self.source.clone(), self.equal, self.hasher.clone());
        }
        match &self.ahead {
            Some(ahead) => ahead.recv().unwrap_or_else(|_| Err(Error::bug("a thread that reads has ended"))),
            None => {
                let block = read_block(&self.source, self.equal, len)?;
                let mut hasher = self.hasher.clone();
                hasher.update(&block);
                Ok((block, hasher))
            }
        }
    }

    /// Returns the digest of what came in, if that is all of the blob, and what the blob was when it was
    /// stored.
    pub(super) fn whole(&self) -> Option<Digest> {
        let whole = self.equal == self.digest.len && self.hasher.finalize() == self.digest.blake3;
        whole.then_some(self.digest)
    }

    /// Begins a file in the spool with what came in, and hashes it.
    ///
    /// # Errors
    /// `Corrupt` when the blob is no longer what it was when it was compared, `Io` when it cannot be read
    /// or the spool not written.
    pub(super) fn write_out(&self) -> Result<(Spooling, Box<StreamDigester>)> {
        let (mut spooling, mut digester) = (Spooling::begin(&self.vfs)?, Box::<StreamDigester>::default());
        let (mut left, mut at) = (self.equal, 0);
        while left > 0 {
            let block = read_block(&self.source, at, usize::try_from(left).unwrap_or(BLOCK_LEN))?;
            let len = u64::try_from(block.len()).unwrap_or(u64::MAX);
            spooling.push(&block)?;
            digester.push(block)?;
            (left, at) = (left.saturating_sub(len), at.saturating_add(len));
        }
        if self.hasher.finalize() != digester.blake3() {
            return Err(Error::corrupt(
                "stored content changed while the same was put; check the store with its contents",
            ));
        }
        Ok((spooling, digester))
    }

    /// Makes a file in the spool of what came in, as [`StoredContent::write_out`] does.
    pub(super) fn spool(&self) -> Result<Spooled> {
        self.write_out()?.0.finish()
    }

    pub(super) fn read_beginning(&self, out: &mut [u8]) -> Result<()> {
        self.source.read_past_cache(0, out)
    }
}

/// Returns whether a blob's bytes have the hash that they had when it was stored.
///
/// # Errors
/// `Io` when they cannot be read.
pub(crate) fn is_sound(source: &BlobSource, digest: &Digest) -> Result<bool> {
    let (mut hasher, mut at) = (blake3::Hasher::new(), 0);
    while at < source.len() {
        let block = read_block(source, at, BLOCK_LEN)?;
        hasher.update(&block);
        at = at.saturating_add(u64::try_from(block.len()).unwrap_or(u64::MAX));
    }
    Ok(source.len() == digest.len && hasher.finalize() == digest.blake3)
}

/// Reads `len` bytes of a blob from `at` on, a block at most, or as many as there are.
fn read_block(source: &BlobSource, at: u64, len: usize) -> Result<Bytes> {
    let left = usize::try_from(source.len().saturating_sub(at)).unwrap_or(BLOCK_LEN);
    let mut block = fresh_block();
    block.resize(left.min(len).min(BLOCK_LEN), 0);
    source.read_past_cache(at, &mut block)?;
    Ok(block.freeze())
}

/// Starts a thread that reads a blob from `at` to its end and hashes it, a few blocks ahead of who takes
/// them; None where no thread can be started.
fn read_ahead(source: BlobSource, at: u64, hasher: blake3::Hasher) -> Option<Receiver<HashedBlock>> {
    let (sender, receiver) = sync_channel(AHEAD);
    let read = move || {
        let (mut at, mut hasher) = (at, hasher);
        while at < source.len() {
            let block = read_block(&source, at, BLOCK_LEN).map(|block| {
                at = at.saturating_add(u64::try_from(block.len()).unwrap_or(u64::MAX));
                hasher.update(&block);
                (block, hasher.clone())
            });
            let failed = block.is_err();
            if sender.send(block).is_err() || failed {
                break;
            }
        }
    };
    thread::Builder::new().name("holdall-stored".into()).spawn(read).ok().map(|_| receiver)
}
