//! Ids that came along from another system.

use super::Store;
use crate::Result;
use crate::catalog::alias::{self, Alias};

/// Aliases that one change sets.
const STEP: usize = 4000;

impl Store {
    /// Leaves numbers to another system's ids: those up to `highest`, of versions up to
    /// `highest_version`, are never ids of the store's own. It is the first thing that an import does,
    /// with a store that is new and that no other process has open.
    ///
    /// # Errors
    /// `Exists` when the store holds a drive, `TooLarge` when no number would be left.
    pub fn leave_room(&self, highest: u64, highest_version: u64) -> Result<()> {
        let engine = self.engine()?;
        engine.write(move |change| alias::leave_room(change, highest, highest_version))?;
        engine.forget_ids();
        Ok(())
    }

    /// Lets other systems' ids name things here: a hash id of theirs leads to them too.
    ///
    /// # Errors
    /// `Exists` when an id names something else already, or no room was left for it.
    pub fn set_aliases(&self, aliases: impl IntoIterator<Item = (u64, Alias)>) -> Result<()> {
        let engine = self.engine()?;
        let mut aliases = aliases.into_iter();
        loop {
            let some: Vec<_> = aliases.by_ref().take(STEP).collect();
            if some.is_empty() {
                return Ok(());
            }
            engine
                .write(move |change| some.iter().try_for_each(|(id, ours)| alias::set(change, *id, *ours)))?;
        }
    }
}
