//! Downloads through shares, counted against the limit of each.

use std::collections::BTreeMap;

use super::error::Fault;
use crate::catalog::share;
use crate::engine::Engine;
use crate::id::ShareId;
use crate::kv::Read;
use crate::time::Time;
use crate::{Error, ErrorKind};

/// Counts a download for each URI that leads through a share, all in one change: no race passes a
/// limit. Where one share has fewer left than are asked for, the first get them if `some` will do,
/// else nothing is counted. Returns the indexes that got none.
pub(super) fn count(
    engine: &Engine,
    through: &[Option<ShareId>],
    some: bool,
    now: Time,
) -> Result<Vec<(usize, Fault)>, Error> {
    if through.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    let through = through.to_vec();
    let refused = engine.write(move |change| {
        let (granted, refused) = left(change, &through, now)?;
        if refused.is_empty() || some {
            for (share, downloads) in granted.iter().filter(|(_, downloads)| **downloads > 0) {
                share::count_downloads(change, *share, *downloads, now)?;
            }
        }
        Ok(refused)
    })?;
    Ok(refused.into_iter().map(|at| (at, used_up())).collect())
}

/// Returns how many of the downloads that are asked of each share it has left, and the indexes of those
/// that it has not: the first get what there is.
pub(super) fn left(
    tx: &impl Read,
    through: &[Option<ShareId>],
    now: Time,
) -> Result<(BTreeMap<ShareId, u64>, Vec<usize>), Error> {
    let mut wanted: BTreeMap<ShareId, Vec<usize>> = BTreeMap::new();
    for (at, share) in through.iter().enumerate() {
        if let Some(share) = share {
            wanted.entry(*share).or_default().push(at);
        }
    }
    let (mut granted, mut refused) = (BTreeMap::new(), Vec::new());
    for (share, indexes) in &wanted {
        let left = match share::check_left(tx, *share, now) {
            Ok(left) => left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX)),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::Expired | ErrorKind::Gone => 0,
                _ => return Err(error),
            },
        };
        let (first, rest) = indexes.split_at(left.min(indexes.len()));
        granted.insert(*share, u64::try_from(first.len()).unwrap_or(u64::MAX));
        refused.extend_from_slice(rest);
    }
    Ok((granted, refused))
}

pub(super) fn used_up() -> Fault {
    Fault::share("the downloads that it allows are used up")
}
