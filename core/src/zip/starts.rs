//! Where records start: a search tree without pointers over every 8th of them.

/// Every how many records the start of one is in the tree. Those between two starts lie side by side in
/// memory and are gone through.
pub(super) const SAMPLE: usize = 8;
/// Starts in a node of the tree: two lines of a cache.
const NODE: usize = 16;

/// The starts of every 8th record, in bytes, and above them level by level every 16th start of the level
/// below.
///
/// In an archive of a million members, whatever a search touches comes from memory and not from a cache.
/// Halving among all starts touches a dozen lines, one after the other; a search in the tree touches a
/// node of each level, and only the lowest does not stay in the cache.
#[derive(Debug)]
pub(super) struct Starts {
    /// The lowest first; never empty.
    levels: Vec<Vec<u64>>,
}

impl Starts {
    /// Makes room for the starts of `records`.
    pub(super) fn with_room(records: usize) -> Starts {
        Starts { levels: vec![Vec::with_capacity(records.div_ceil(SAMPLE))] }
    }

    /// Adds the record at `index`, that follows the one added last, if its start belongs here.
    pub(super) fn push(&mut self, index: usize, start: u64) {
        if index.is_multiple_of(SAMPLE)
            && let Some(lowest) = self.levels.first_mut()
        {
            lowest.push(start);
        }
    }

    /// Makes the upper levels, after the last record.
    pub(super) fn finish(&mut self) {
        while let Some(below) = self.levels.last().filter(|level| level.len() > NODE) {
            let level = below.iter().step_by(NODE).copied().collect();
            self.levels.push(level);
        }
    }

    /// Returns the last record that starts at or before `offset` and whose start is here: its index,
    /// and its start.
    pub(super) fn at_or_before(&self, offset: u64) -> Option<(usize, u64)> {
        let mut at = 0;
        let mut start = 0;
        for level in self.levels.iter().rev() {
            let node = level.get(at * NODE..)?;
            let node = node.get(..NODE).unwrap_or(node);
            let within = before(node, |start| *start <= offset).checked_sub(1)?;
            start = *node.get(within)?;
            at = at * NODE + within;
        }
        Some((at * SAMPLE, start))
    }

    /// Returns the memory held, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.levels.iter().map(|level| level.capacity() * size_of::<u64>()).sum()
    }
}

/// Returns how many of a few sorted items are before a place. It looks at all of them, so that no look
/// waits for another.
pub(super) fn before<T>(items: &[T], is_before: impl Fn(&T) -> bool) -> usize {
    #[cfg(test)]
    super::steps::step();
    items.iter().fold(0, |count: usize, item| count.wrapping_add(usize::from(is_before(item))))
}
