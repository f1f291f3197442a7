//! Content that a blob has already: what comes in is compared with it, and is not written again as long
//! as it is the same.

use std::sync::Arc;

use super::pool::BlobSource;
use super::spool::{BLOCK_LEN, Spooled, Spooling, fresh_block};
use crate::body::Source as _;
use crate::vfs::Vfs;
use crate::{Error, Result};

/// How many bytes are read and compared at once: few enough to stay in the processor's cache.
const PIECE: usize = 128 << 10;

/// Finds the blobs whose content may be what comes in, by the first bytes of that.
pub(crate) type FindStored = Box<dyn Fn(&[u8]) -> Vec<BlobSource> + Send>;

/// A blob's content, whose first bytes are those that came in.
#[derive(Debug)]
pub(crate) struct StoredContent {
    vfs: Arc<dyn Vfs>,
    source: BlobSource,
    /// How many of its bytes came in.
    equal: u64,
    piece: Vec<u8>,
}

impl StoredContent {
    pub(super) fn new(vfs: &Arc<dyn Vfs>, source: BlobSource) -> StoredContent {
        StoredContent { vfs: vfs.clone(), source, equal: 0, piece: Vec::new() }
    }

    /// Returns whether the blob goes on with `block`, which counts then. What cannot be read is not the
    /// same.
    pub(super) fn goes_on_with(&mut self, block: &[u8]) -> bool {
        let Some(end) = u64::try_from(block.len()).ok().and_then(|len| self.equal.checked_add(len)) else {
            return false;
        };
        if end > self.source.len() {
            return false;
        }
        let mut at = self.equal;
        for bytes in block.chunks(PIECE) {
            self.piece.resize(bytes.len(), 0);
            if self.source.read_at(at, &mut self.piece).is_err() || self.piece != bytes {
                return false;
            }
            at = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
        self.equal = end;
        true
    }

    /// Returns whether all of the blob came in.
    pub(super) fn is_whole(&self) -> bool {
        self.equal == self.source.len()
    }

    /// Begins a file in the spool with what came in, whose BLAKE3 is `blake3`.
    ///
    /// # Errors
    /// `Corrupt` when the blob is no longer what it was when it was compared, `Io` when it cannot be read
    /// or the spool not written.
    pub(super) fn copy(&self, blake3: &[u8; 32]) -> Result<Spooling> {
        let mut spooling = Spooling::begin(&self.vfs)?;
        let (mut hasher, mut at) = (blake3::Hasher::new(), 0);
        while at < self.equal {
            let len = usize::try_from(self.equal - at).unwrap_or(BLOCK_LEN).min(BLOCK_LEN);
            let mut block = fresh_block();
            block.resize(len, 0);
            self.source.read_at(at, &mut block)?;
            hasher.update(&block);
            spooling.push(&block.freeze())?;
            at = at.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        }
        if hasher.finalize() != *blake3 {
            return Err(Error::corrupt(
                "stored content changed while the same was put; check the store with its contents",
            ));
        }
        Ok(spooling)
    }

    /// Makes a file of its own in the spool of the content, as [`StoredContent::copy`] does.
    pub(super) fn spool(&self, blake3: &[u8; 32]) -> Result<Spooled> {
        self.copy(blake3)?.finish()
    }

    pub(super) fn read_beginning(&self, out: &mut [u8]) -> Result<()> {
        self.source.read_at(0, out)
    }
}
