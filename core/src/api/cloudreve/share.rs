//! The URIs in a share, for the clients that a host sends to it.

use crate::Result;
use crate::api::Api;
use crate::catalog::{key, share};
use crate::id::ShareId;
use crate::token::{HashIds, HashKind};

impl Api {
    /// Returns what the URIs in a share begin with, such as `cloudreve://n2T5@share/`: its visitors put
    /// behind it the name of the file that is shared, or a path in the folder. A password stands behind
    /// the id: `n2T5:password`.
    ///
    /// # Errors
    /// `NotFound` when there is no such share.
    pub fn share_uri(&self, share: ShareId) -> Result<String> {
        let rows = self.store.engine()?.reader()?;
        share::record(&rows, share)?;
        let ids = HashIds::new(&key::salt(&rows)?)?;
        Ok(format!("cloudreve://{}@share/", ids.encode(share.0, HashKind::Share)))
    }
}
