//! Locks on a file of a simulated disk: of the whole file, and of ranges of its bytes.

/// A process of a simulated disk; 0 if it has only one, which was not declared.
pub(super) type ProcessId = u64;

/// The first and the last byte of a range.
pub(super) type Range = (u64, u64);

/// Every byte that a file may have.
pub(super) const WHOLE: Range = (0, u64::MAX);

/// The locks of one kind on one file. They belong to open files: those of one process exclude each
/// other, as those of two do.
#[derive(Clone, Debug, Default)]
pub(super) struct Locks(Vec<Held>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    process: ProcessId,
    handle: u64,
    range: Range,
    shared: bool,
}

impl Locks {
    /// Takes a lock for an open file, in place of one that it has on the same range; returns false
    /// when another open file's is in the way.
    pub(super) fn try_take(&mut self, process: ProcessId, handle: u64, range: Range, shared: bool) -> bool {
        if self.is_in_the_way(handle, range, shared) {
            return false;
        }
        self.release(handle, range);
        self.0.push(Held { process, handle, range, shared });
        true
    }

    /// Whether a lock on a range would have to wait for another open file's.
    pub(super) fn is_in_the_way(&self, handle: u64, range: Range, shared: bool) -> bool {
        self.0.iter().any(|held| {
            let apart = held.range.1 < range.0 || range.1 < held.range.0;
            held.handle != handle && !apart && !(shared && held.shared)
        })
    }

    /// Gives back what an open file has locked by exactly this range.
    pub(super) fn release(&mut self, handle: u64, range: Range) {
        self.0.retain(|held| (held.handle, held.range) != (handle, range));
    }

    /// Gives back all that an open file has locked.
    pub(super) fn close(&mut self, handle: u64) {
        self.0.retain(|held| held.handle != handle);
    }

    /// Gives back all that a process has locked.
    pub(super) fn end(&mut self, process: ProcessId) {
        self.0.retain(|held| held.process != process);
    }
}
