//! Rows above rows: what was changed since, shown in the place of what was there before.

use super::{Scan, VisitRow};
use crate::Result;

/// A row as it was changed.
pub(super) trait Changed {
    fn key(&self) -> &[u8];
    /// None when it was removed.
    fn value(&self) -> Option<&[u8]>;
}

impl Changed for (&Vec<u8>, &Option<Vec<u8>>) {
    fn key(&self) -> &[u8] {
        self.0
    }

    fn value(&self) -> Option<&[u8]> {
        self.1.as_deref()
    }
}

/// Visits the rows that `below` visits, as changed by `above`: both in order of key, or both from
/// the last.
pub(super) fn merged<C: Changed>(
    below: impl FnOnce(&mut VisitRow<'_>) -> Result<()>,
    above: impl Iterator<Item = C>,
    reverse: bool,
    visit: &mut VisitRow<'_>,
) -> Result<()> {
    let mut above = above.peekable();
    let mut stopped = false;
    below(&mut |key, value| {
        let is_due = |changed: &C| if reverse { changed.key() >= key } else { changed.key() <= key };
        while let Some(changed) = above.next_if(is_due) {
            let replaced = changed.key() == key;
            if show(&changed, visit)? == Scan::Stop {
                stopped = true;
                return Ok(Scan::Stop);
            }
            if replaced {
                return Ok(Scan::Next);
            }
        }
        let scan = visit(key, value)?;
        stopped = scan == Scan::Stop;
        Ok(scan)
    })?;
    if stopped {
        return Ok(());
    }
    for changed in above {
        if show(&changed, visit)? == Scan::Stop {
            break;
        }
    }
    Ok(())
}

fn show(changed: &impl Changed, visit: &mut VisitRow<'_>) -> Result<Scan> {
    changed.value().map_or(Ok(Scan::Next), |value| visit(changed.key(), value))
}
