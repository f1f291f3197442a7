//! Whether an archive may still be had.

use super::archive;
use super::record::ArchiveRecord;
use super::share_access::check_active;
use crate::Result;
use crate::id::ArchiveId;
use crate::kv::Read;
use crate::mutant::{self, Mutant};
use crate::time::Time;

/// An archive that may be had: its time is not over, and nothing that it was made of was revoked,
/// deleted or ended since. Whatever gives something of an archive takes one of these.
#[derive(Debug)]
pub(crate) struct UsableArchive {
    pub(crate) id: ArchiveId,
    pub(crate) record: ArchiveRecord,
}

impl UsableArchive {
    /// Reads an archive, and all that it hangs on.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Expired` when its time or that of a share is over, `Gone` when
    /// something that it was made of was revoked, deleted or moved to the trash as what a share leads to.
    pub(crate) fn find(tx: &impl Read, id: ArchiveId, now: Time) -> Result<UsableArchive> {
        let record = archive::get(tx, id, now)?;
        if !mutant::is_active(Mutant::ArchiveOutlivesSources) {
            archive::check_sources(tx, &record, now)?;
        }
        for (share, _) in &record.shares {
            check_active(tx, *share, now)?;
        }
        Ok(UsableArchive { id, record })
    }
}
