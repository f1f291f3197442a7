//! Ids that are reserved in blocks and drawn one after the other.

use std::ops::Range;
use std::sync::Mutex;

use crate::catalog::id_sequence;
use crate::{Error, Result, machine};

/// Ids are reserved in blocks of so many.
const BLOCK: u64 = 1 << 16;

/// Ids that this process has reserved and not drawn yet.
#[derive(Debug, Default)]
pub(super) struct ReservedIds(Mutex<Range<u64>>);

impl ReservedIds {
    /// Makes one of ids that were reserved already.
    #[cfg(feature = "remote")]
    pub(super) fn of(ids: Range<u64>) -> ReservedIds {
        ReservedIds(Mutex::new(ids))
    }

    /// Draws `count` ids; where there are too few, `reserve` gets as many more as it is asked for.
    pub(super) fn draw(&self, count: u64, reserve: impl FnOnce(u64) -> Result<Range<u64>>) -> Result<Ids> {
        let mut block = machine::lock(&self.0);
        if block.end - block.start < count {
            *block = reserve(count.max(BLOCK))?;
        }
        let drawn = block.start..block.start + count;
        block.start = drawn.end;
        Ok(Ids(drawn))
    }

    /// Forgets those that were not drawn.
    pub(super) fn forget(&self) {
        *machine::lock(&self.0) = 0..0;
    }
}

/// Ids that were drawn; a change that runs again begins again with the first.
#[derive(Clone, Debug)]
pub(crate) struct Ids(Range<u64>);

impl Ids {
    /// Takes the next id.
    pub(crate) fn take(&mut self) -> Result<u64> {
        self.0.next().ok_or_else(|| Error::bug("a change took more ids than were drawn for it"))
    }
}

impl id_sequence::NewId for Ids {
    fn next(&mut self) -> Result<u64> {
        self.take()
    }
}

/// How many ids a put or a new folder at `path` may take: one for each name, and one for a blob.
pub(crate) fn ids_for(path: &str) -> u64 {
    u64::try_from(path.split('/').count()).unwrap_or(u64::MAX).saturating_add(1)
}
