//! A change that waits to be made, and who waits for it.

use std::sync::{Arc, Condvar, Mutex};

use bytes::Bytes;

use super::group::Group;
use crate::Result;
use crate::digest::Digest;
use crate::id::BlobId;
use crate::kv::Prefetch;
use crate::machine::{self, lock};

pub(super) type BoxedChange<W> = Box<dyn for<'g> FnMut(&mut Group<'g, W>) -> Result<()> + Send>;

/// What a change is going to read, and what it is going to append if nothing of that was there: so both is asked for
/// at once. Nothing rests on it.
#[cfg_attr(not(feature = "remote"), allow(dead_code))]
#[derive(Debug, Default)]
pub(crate) struct WriteHint {
    pub(crate) rows: Prefetch,
    pub(crate) contents: Vec<(BlobId, Bytes, Digest)>,
}

pub(super) struct WriteRequest<W> {
    pub(super) change: BoxedChange<W>,
    /// Bytes of blobs that the change may append.
    pub(super) len: u64,
    pub(super) then: Then,
    /// What the change is going to read and append, where that is far away.
    #[cfg(feature = "remote")]
    pub(super) hint: Option<Box<WriteHint>>,
    pub(super) slot: Arc<OutcomeSlot>,
}

impl<W> WriteRequest<W> {
    /// Makes one that appends nothing.
    pub(super) fn unhinted(change: BoxedChange<W>, then: Then) -> WriteRequest<W> {
        WriteRequest {
            change,
            len: 0,
            then,
            #[cfg(feature = "remote")]
            hint: None,
            slot: Arc::default(),
        }
    }
}

/// What follows a change, once its group is durable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// The rows are synced.
    Checkpoint,
    /// The rows are synced, and nothing is written any more.
    Finish,
}

#[derive(Default)]
pub(super) struct OutcomeSlot {
    state: Mutex<CommitTurn>,
    ready: Condvar,
}

#[derive(Default)]
enum CommitTurn {
    #[default]
    Wait,
    Lead,
    Done(Result<()>),
}

impl OutcomeSlot {
    pub(super) fn finish(&self, outcome: Result<()>) {
        *lock(&self.state) = CommitTurn::Done(outcome);
        self.ready.notify_one();
    }

    pub(super) fn hand_over(&self) {
        *lock(&self.state) = CommitTurn::Lead;
        self.ready.notify_one();
    }

    /// Waits until the request is done (its outcome) or has the lead (None).
    pub(super) fn wait(&self) -> Option<Result<()>> {
        let mut state = lock(&self.state);
        loop {
            match std::mem::take(&mut *state) {
                CommitTurn::Done(outcome) => return Some(outcome),
                CommitTurn::Lead => return None,
                CommitTurn::Wait => state = machine::wait(&self.ready, &self.state, state),
            }
        }
    }
}
