//! How long content outlives its last version.

use std::time::Duration;

use super::Store;
use crate::Result;
use crate::catalog::grace;

impl Store {
    /// Returns the grace of the store: how long content outlives the last version that has it, and how long
    /// an archive may live.
    ///
    /// # Errors
    /// `Corrupt` and `Io` when the store cannot be read.
    pub fn grace(&self) -> Result<Duration> {
        Ok(grace::get(&self.engine()?.reader()?)?.length)
    }

    /// Sets the grace of the store, for every process that has it open and from the next collection on.
    ///
    /// [`Store::gc`] removes content when the grace, and as long again, at most 5 minutes, have passed since
    /// the change that let go of it was written. A longer grace holds for all that was not removed yet. A
    /// shorter one limits new archives at once; content goes sooner only when the archives that are out are
    /// over, so at once where there are none.
    ///
    /// # Errors
    /// `Io` and `Poisoned` when it could not be written.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = holdall::Store::open(dir.path(), holdall::Options::new())?;
    /// use std::time::Duration;
    /// assert_eq!(store.grace()?, Duration::from_secs(24 * 3600));
    /// store.set_grace(Duration::from_secs(3600))?;
    /// assert_eq!(store.grace()?, Duration::from_secs(3600));
    /// # Ok::<(), holdall::Error>(())
    /// ```
    pub fn set_grace(&self, grace: Duration) -> Result<()> {
        self.engine()?.set_grace(grace)
    }
}
