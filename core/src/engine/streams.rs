//! Archives that are being sent, so that closing the store cuts none of them off.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::blobs::pool::{Pool, Seen};
use crate::kv::driver::StoreReader;
use crate::{Error, ErrorKind, Result};

/// How often a close looks for segments that a compaction takes away meanwhile.
const PIN_TRIES: u32 = 10;

/// A reply under way that asks the rows, while it is sent, where its content is.
pub(crate) trait PendingLookups: Send + Sync {
    /// Looks up all that is still to be looked up, and holds the segments that it is in open by
    /// `pins`. Returns false when one of them is gone: it was compacted since `rows` began to be read.
    fn finish(&self, tx: &StoreReader, pins: &mut Pins<'_>) -> Result<bool>;
}

/// Segments that are held open, each once for all replies.
pub(crate) struct Pins<'p> {
    pool: &'p Pool,
    segments: HashMap<u32, Arc<Seen>>,
}

/// What a close says when it could not look up all that archives under way may still want.
pub(super) const BREAKS_OFF: &str = "an archive under way may break off";

impl Pins<'_> {
    /// Whether segments are objects, which nobody holds open.
    pub(crate) fn holds_nothing(&self) -> bool {
        self.pool.is_remote()
    }

    /// Holds a segment open; None when it is gone.
    pub(crate) fn pin(&mut self, segment: u32) -> Result<Option<Arc<Seen>>> {
        match self.segments.entry(segment) {
            Entry::Occupied(pinned) => Ok(Some(pinned.get().clone())),
            Entry::Vacant(new) => {
                let seen = self.pool.see(segment)?.map(Arc::new);
                Ok(seen.map(|seen| new.insert(seen).clone()))
            }
        }
    }
}

/// The archives that are being sent.
#[derive(Default)]
pub(crate) struct Streams(Mutex<Vec<Weak<dyn PendingLookups>>>);

impl Streams {
    /// Adds one, until it is dropped.
    pub(crate) fn add(&self, stream: Weak<dyn PendingLookups>) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.len() == streams.capacity() {
            streams.retain(|stream| stream.strong_count() > 0);
        }
        streams.push(stream);
    }

    /// Looks up all that those under way may still want, and holds it open: the rows are about to be
    /// closed, and then a compaction, by another process too, would move it out of their sight.
    pub(super) fn finish_lookups(&self, pool: &Pool, reader: impl Fn() -> Result<StoreReader>) -> Result<()> {
        let streams = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (mut pins, mut finished) = (Pins { pool, segments: HashMap::new() }, Ok(()));
        for stream in streams.iter().filter_map(Weak::upgrade) {
            if let Err(error) = finish(stream.as_ref(), &mut pins, &reader) {
                finished = Err(error.context(BREAKS_OFF));
            }
        }
        finished
    }
}

fn finish(
    stream: &dyn PendingLookups,
    pins: &mut Pins<'_>,
    reader: impl Fn() -> Result<StoreReader>,
) -> Result<()> {
    for _ in 0..PIN_TRIES {
        // Where a segment was compacted since the rows were read, they say now where it went.
        if stream.finish(&reader()?, pins)? {
            return Ok(());
        }
    }
    Err(Error::new(ErrorKind::Locked, "an archive under way is compacted over and over"))
}
