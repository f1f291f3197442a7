//! Removing what no state needs that is kept.
//!
//! A base says which earlier bases are kept, and what was gone when. What was gone when the oldest kept base was
//! written is needed by none. What a shipper wrote and never spoke of, because it was killed, goes when it is old.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::shipment::{
    self, BaseHistory, PIECES, Shipment, ShippedPiece, ShippedState, piece_name, segment_of,
};
use crate::blobs::object::{NamedObject, ObjectKind, ObjectPool};
use crate::catalog::record::{BlobRecord, Location};
use crate::catalog::{row, table};
use crate::id::BlobId;
use crate::kv::driver::StoreReader;
use crate::store::maintenance::planted::{PlantedFault, is_planted};
use crate::time::Time;
use crate::{Error, Result};

/// What there is in the object storage.
pub(super) struct Swept {
    contents: Vec<(u64, Time)>,
    pieces: Vec<NamedObject>,
    shipments: Vec<u64>,
    now: Time,
}

impl Swept {
    /// Lists it.
    pub(super) fn look(pool: &ObjectPool) -> Result<Swept> {
        Ok(Swept {
            shipments: shipment::list(pool)?,
            pieces: pool.list_named(PIECES)?,
            contents: pool.list_contents()?,
            now: pool.server_time()?,
        })
    }

    /// Removes what no state needs that `state` keeps, whose last shipment is a base; returns how many objects.
    pub(super) fn remove(
        &self,
        pool: &ObjectPool,
        state: &ShippedState,
        failed: &mut Vec<Error>,
    ) -> Result<u64> {
        let Some((mut oldest, _)) = state.history.bases.first().copied() else { return Ok(0) };
        if is_planted(PlantedFault::KeepsNothing) {
            oldest = state.number;
        }
        let mut removed = 0_u64;
        let mut note = |done: Result<()>| match done {
            Ok(()) => removed = removed.saturating_add(1),
            Err(error) => failed.push(error),
        };
        for number in self.shipments.iter().filter(|number| **number < oldest) {
            note(shipment::remove(pool, *number));
        }
        let gone: BTreeMap<u32, u64> = state.history.gone.iter().copied().collect();
        let young = self.now.before(pool.oldest_upload());
        let is_old = |modified: Time| modified < young;
        for object in &self.pieces {
            let Some(segment) = segment_of(&object.name) else { continue };
            let is_it = |piece: &ShippedPiece| {
                let name = piece_name(segment, (piece.from, piece.len), &piece.blake3);
                name.strip_prefix(PIECES).and_then(|name| name.strip_prefix('/')) == Some(&object.name)
            };
            let spoken = state.segments.get(&segment).is_some_and(|pieces| pieces.iter().any(is_it));
            let unneeded = match gone.get(&segment) {
                Some(since) => *since <= oldest,
                None => !spoken && is_old(object.modified),
            };
            if unneeded {
                note(pool.remove_named(&format!("{PIECES}/{}", object.name)));
            }
        }
        let unreferred: BTreeMap<u64, u64> = state.history.unreferred.iter().copied().collect();
        for (blob, modified) in &self.contents {
            if unreferred.get(blob).is_some_and(|since| *since <= oldest) && is_old(*modified) {
                note(pool.remove(ObjectKind::Content, *blob));
            }
        }
        Ok(removed)
    }
}

/// Returns what a new base knows of what was before it.
pub(super) fn history(
    before: Option<&ShippedState>,
    found: &Swept,
    (number, base): (u64, &Shipment),
    keep: Duration,
    tx: &StoreReader,
) -> Result<BaseHistory> {
    let earlier = before.map(|state| state.history.clone()).unwrap_or_default();
    let mut bases = earlier.bases;
    bases.push((number, base.time));
    // The newest of those that are old enough is the first that is kept: what was in between begins with it.
    let until = base.time.before(keep);
    let oldest = bases.iter().rposition(|(_, time)| *time <= until).unwrap_or(0);
    bases.drain(..oldest);
    let there: BTreeSet<u32> = found.pieces.iter().filter_map(|object| segment_of(&object.name)).collect();
    let mut gone = earlier.gone;
    let new = before.map(|state| state.gone.clone()).unwrap_or_default();
    gone.extend(new.into_iter().chain(base.gone.iter().copied()).map(|segment| (segment, number)));
    gone.retain(|(segment, _)| there.contains(segment));
    let known: BTreeMap<u64, u64> = earlier.unreferred.into_iter().collect();
    let mut unreferred = Vec::new();
    for (blob, _) in &found.contents {
        let record = row::get::<BlobRecord>(tx, table::BLOB, &BlobId(*blob).to_key())?;
        if record.is_none_or(|record| record.location != Location::File) {
            unreferred.push((*blob, known.get(blob).copied().unwrap_or(number)));
        }
    }
    Ok(BaseHistory { bases, gone, unreferred })
}
