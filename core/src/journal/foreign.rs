//! What of a copy's log is not the copy's: a backup that came to no end has left it.
//!
//! A backup puts segments in place before the rows that speak of them. If it is cut off in between, the
//! directory has the rows of the backup before and a log that goes on behind them: with segments that the
//! rows do not know, and with more in those that they know. Its groups are of the store that was copied,
//! and follow on none of the copy's own: a later recovery would take them for damage, and a rebuild for
//! what came last.

use std::sync::Arc;

use crate::blobs::{LOST, segment};
use crate::catalog::record::{Record as _, SegmentRecord};
use crate::catalog::{history, table};
use crate::kv::{Kv, Read};
use crate::mutant::{self, Mutant};
use crate::vfs::{Open, Vfs, VfsFile};
use crate::{Error, Result};

/// Takes that away before anything else looks at the log: moves the segments that the rows do not know to
/// `lost/`, and cuts the others off where the rows end.
///
/// It is done only to a copy that nothing was written to since it was made. The first group of a session in
/// it is not acknowledged before its rows are synced, and they say then that the copy is a store of its own:
/// until they do, whatever the log has beyond them is nobody's. Rows that were rebuilt are no such copy.
///
/// # Errors
/// `Io` when it cannot be taken away.
pub(crate) fn take_foreign_away<K: Kv>(kv: &K, vfs: &dyn Vfs) -> Result<()> {
    if mutant::is_active(Mutant::ForeignSegmentsStay) {
        return Ok(());
    }
    let failed = |cause| Error::io("taking away what a backup left behind", cause);
    let tx = kv.reader()?;
    if !history::is_unwritten_copy(&tx)? {
        return Ok(());
    }
    drop(tx);
    let listed = vfs.list(segment::DIR).map_err(failed)?;
    // Nobody else writes meanwhile; one who did first has made the copy a store of its own.
    let tx = kv.writer()?;
    if !history::is_unwritten_copy(&tx)? {
        return Ok(());
    }
    for entry in &listed {
        let Some(number) = segment::number_of(&entry.name) else { continue };
        match foreign(&tx, vfs, number)? {
            Some(Foreign::Behind(file, len)) => {
                file.set_len(len).and_then(|()| file.sync_data()).map_err(failed)?;
            }
            Some(Foreign::Whole(_locked)) => {
                vfs.make_dir(LOST).map_err(failed)?;
                vfs.rename(&segment::path(number), &format!("{LOST}/{}", entry.name)).map_err(failed)?;
                ["", LOST, segment::DIR].into_iter().try_for_each(|dir| vfs.sync_dir(dir)).map_err(failed)?;
                tracing::warn!(number, "a backup that came to no end has left a segment; it is in lost/ now");
            }
            None => {}
        }
    }
    Ok(())
}

/// What of a segment is foreign, with the segment's lock: nobody else begins to use it.
enum Foreign {
    /// All of it.
    Whole(Arc<dyn VfsFile>),
    /// What lies behind this length.
    Behind(Arc<dyn VfsFile>, u64),
}

/// Returns what of a segment is foreign; nothing of one that a process has for itself.
fn foreign(tx: &impl Read, vfs: &dyn Vfs, number: u32) -> Result<Option<Foreign>> {
    let failed = |cause| Error::io(format!("looking at {}", segment::path(number)), cause);
    let row = tx.get(table::SEGMENT, &number.to_be_bytes(), SegmentRecord::decode)?;
    let file = vfs.open(&segment::path(number), Open::Write).map_err(failed)?;
    let len = file.len().map_err(failed)?;
    if row.as_ref().is_some_and(|row| len <= row.len || mutant::is_active(Mutant::ForeignTailsStay)) {
        return Ok(None);
    }
    Ok(file.try_lock().map_err(failed)?.then(|| match row {
        Some(row) => Foreign::Behind(file, row.len),
        None => Foreign::Whole(file),
    }))
}
