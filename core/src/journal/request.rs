//! A change that waits to be made, and who waits for it.

use std::sync::{Arc, Condvar, Mutex};

use super::group::Group;
use crate::Result;
use crate::machine::{self, lock};

pub(super) type BoxedChange<W> = Box<dyn for<'g> FnMut(&mut Group<'g, W>) -> Result<()> + Send>;

pub(super) struct WriteRequest<W> {
    pub(super) change: BoxedChange<W>,
    /// Bytes of blobs that the change may append.
    pub(super) len: u64,
    pub(super) then: Then,
    pub(super) slot: Arc<OutcomeSlot>,
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
