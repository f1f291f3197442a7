//! Segments that are no part of a copy's log: what an interrupted backup left behind.

use crate::blobs::{LOST, segment};
use crate::catalog::record::{Record as _, SegmentRecord};
use crate::catalog::{history, table};
use crate::kv::{Kv, Read as _};
use crate::mutant::{self, Mutant};
use crate::vfs::{Open, Vfs};
use crate::{Error, Result};

/// Moves the segments that the rows of a copy do not speak of to `lost/`, before anything is written to the
/// copy. Their groups are of the store that was copied, from behind the state that the copy is in: they
/// follow on none of the copy's own, so a later recovery would take them for damage, and a rebuild for
/// what came last.
///
/// Of a copy nothing was written to, so no segment is its own but those in the rows, and one that another
/// process has just made, which that has locked. Rows that were rebuilt are no such copy: what they do not
/// speak of may be wanted.
///
/// # Errors
/// `Io` when one cannot be moved.
pub(crate) fn move_foreign_away<K: Kv>(kv: &K, vfs: &dyn Vfs) -> Result<()> {
    let of_backup = history::copy(&kv.reader()?)?.is_some_and(|copy| copy.of.is_some());
    if !of_backup || mutant::is_active(Mutant::ForeignSegmentsStay) {
        return Ok(());
    }
    let known = |number: u32| -> Result<bool> {
        let row = kv.reader()?.get(table::SEGMENT, &number.to_be_bytes(), SegmentRecord::decode)?;
        Ok(row.is_some())
    };
    let failed = |cause| Error::io("moving away what a backup left behind", cause);
    let mut moved = false;
    for entry in vfs.list(segment::DIR).map_err(failed)? {
        let Some(number) =
            segment::number_of(&entry.name).filter(|number| !matches!(known(*number), Ok(true)))
        else {
            continue;
        };
        let path = segment::path(number);
        let held = vfs.open(&path, Open::Write).map_err(failed)?;
        // Only with the lock does nobody else begin to speak of it.
        if !held.try_lock().map_err(failed)? || known(number)? {
            continue;
        }
        vfs.make_dir(LOST).map_err(failed)?;
        vfs.rename(&path, &format!("{LOST}/{}", entry.name)).map_err(failed)?;
        tracing::warn!(path, "a backup that came to no end has left a segment; it is in lost/ now");
        moved = true;
    }
    if moved {
        ["", LOST, segment::DIR].into_iter().try_for_each(|dir| vfs.sync_dir(dir)).map_err(failed)?;
    }
    Ok(())
}
