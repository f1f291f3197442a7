//! Tails: what lies behind the published ends of the segments, and how it is taken away.
//!
//! A process appends its group before the rows speak of it, and may die in between. What it wrote
//! then is garbage, but it has a sequence number that the next group gets too. So whoever holds the
//! lock of the rows' writer, under which alone anybody appends, voids it before anything else is
//! appended: no two groups of one number ever stand on the disk beside a later one, and a rebuild has
//! nothing to choose between.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::blobs::segment::{self, Segment};
use crate::catalog::segment::{get, open_segments};
use crate::kv::{Kv, Read};
use crate::mutant::{self, Mutant};
use crate::vfs::{Open, Vfs};
use crate::{Error, Result};

/// The open segments of other processes, kept open to look behind their ends.
#[derive(Debug, Default)]
pub(super) struct Tails(HashMap<u32, Option<Segment>>);

impl Tails {
    /// Voids what lies behind the ends of the open segments, but for `mine`. The caller holds the
    /// lock of the writer of `rows`.
    ///
    /// # Errors
    /// `Io` when one cannot be looked at or voided: then nothing may be appended.
    pub(super) fn void(&mut self, vfs: &dyn Vfs, tx: &impl Read, mine: Option<u32>) -> Result<()> {
        if mutant::is_active(Mutant::UnpublishedGroupsStay) {
            return Ok(());
        }
        let open = open_segments(tx)?;
        self.0.retain(|number, _| open.contains(number));
        for number in open.into_iter().filter(|number| Some(*number) != mine) {
            let end = get(tx, number)?.len;
            if let Some(segment) = self.segment(vfs, number)? {
                segment.void(end)?;
            }
        }
        Ok(())
    }

    fn segment(&mut self, vfs: &dyn Vfs, number: u32) -> Result<Option<&Segment>> {
        let segment = match self.0.entry(number) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(find(vfs, number)?),
        };
        Ok(segment.as_ref())
    }
}

/// Opens a segment to write to it; None when it is gone or its header cannot be read, and so no
/// group in it.
pub(super) fn find(vfs: &dyn Vfs, number: u32) -> Result<Option<Segment>> {
    match vfs.open(&segment::path(number), Open::Write) {
        Ok(file) => Segment::of(file, number),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::io(format!("opening {}", segment::path(number)), cause)),
    }
}

/// Voids what processes that died have left behind the ends of their segments. Others may be at
/// work: the lock of the writer is taken only where there seems to be something.
pub(crate) fn void_tails<K: Kv>(kv: &K, vfs: &Arc<dyn Vfs>) -> Result<()> {
    let mut found = false;
    let tx = kv.reader()?;
    for number in open_segments(&tx)? {
        if let Some(segment) = find(vfs.as_ref(), number)? {
            found |= segment.frame_at(get(&tx, number)?.len)?.is_some();
        }
    }
    drop(tx);
    if found {
        let tx = kv.writer()?;
        Tails::default().void(vfs.as_ref(), &tx, None)?;
    }
    Ok(())
}
