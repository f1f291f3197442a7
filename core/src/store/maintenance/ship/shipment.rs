//! A shipment: one object that says how far a store was shipped, with the newest bytes of its log in it.
//!
//! Shipments are numbered, and each number is written once. Every so often one is a base, which says all by
//! itself; the others say what they add to the one before. An object is there as a whole or not at all, and
//! proves itself, so that the end of a log is never taken for whole when a part of it is missing.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::blobs::object::ObjectPool;
use crate::catalog::record::Record;
use crate::store::maintenance::planted::{PlantedFault, is_planted};
use crate::time::Time;
use crate::{Error, Result};

/// The folder of the shipments.
const FOLDER: &str = "m";
/// The folder of pieces of segments that are objects by themselves.
pub(super) const PIECES: &str = "g";
const MAGIC: [u8; 8] = *b"HDSHIP01";
const HASH: usize = 32;

/// Bytes of a segment that were shipped: `len` from `from` on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PieceRecord {
    pub(super) segment: u32,
    pub(super) from: u64,
    pub(super) len: u64,
    pub(super) blake3: [u8; 32],
    /// Whether they are in the shipment that speaks of them, and in no object of their own.
    pub(super) inline: bool,
}

/// What a base knows of the shipments before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BaseHistory {
    /// The bases from which a store can be restored, with their times, in order; this one is the last.
    pub(super) bases: Vec<(u64, Time)>,
    /// Segments that are gone, each with the first base that knew it.
    pub(super) gone: Vec<(u32, u64)>,
    /// Large contents that no row has any more, each with the first base that knew it.
    pub(super) unreferred: Vec<(u64, u64)>,
}

/// How far a store was shipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shipment {
    /// The store's id, and when it was made.
    pub(super) store: [u8; 16],
    pub(super) created: Time,
    /// At random, one for each that ships: two of them never write the same.
    pub(super) shipper: [u8; 16],
    /// When it was shipped; not before the one before.
    pub(super) time: Time,
    /// The last group.
    pub(super) lsn: u64,
    /// The session that wrote it: the number of its first group, and its id.
    pub(super) session: Option<(u64, [u8; 16])>,
    /// The number of the last base: its own in a base.
    pub(super) base: u64,
    /// In a base all pieces of all segments; otherwise those that were added.
    pub(super) pieces: Vec<PieceRecord>,
    /// Segments that are gone since the one before.
    pub(super) gone: Vec<u32>,
    /// Only in a base.
    pub(super) history: Option<BaseHistory>,
}

impl Record for Shipment {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "shipment";
}

fn name(number: u64) -> String {
    format!("{FOLDER}/{number:016x}")
}

/// Returns the name of the object of a piece. Its hash is in it, since a machine that comes back may have left
/// other bytes of a segment than the store that was restored goes on with.
pub(super) fn piece_name(segment: u32, (from, len): (u64, u64), blake3: &[u8; 32]) -> String {
    let hash = blake3::Hash::from_bytes(*blake3).to_hex();
    format!("{PIECES}/{segment:08x}/{from:016x}-{len:016x}-{}", hash.get(..16).unwrap_or_default())
}

/// Returns the segment in the name of a piece, behind that of the folder.
pub(super) fn segment_of(name: &str) -> Option<u32> {
    u32::from_str_radix(name.split_once('/')?.0, 16).ok()
}

/// Returns the numbers of the shipments that are there, in order.
pub(super) fn list(pool: &ObjectPool) -> Result<Vec<u64>> {
    let listed = pool.list_named(FOLDER)?;
    Ok(listed.iter().filter_map(|object| u64::from_str_radix(&object.name, 16).ok()).collect())
}

/// Removes a shipment.
pub(super) fn remove(pool: &ObjectPool, number: u64) -> Result<()> {
    pool.remove_named(&name(number))
}

/// Writes a shipment with the bytes of its inline pieces, in order.
///
/// # Errors
/// `Exists` when there is another of that number.
pub(super) fn write(
    pool: &ObjectPool,
    number: u64,
    shipment: &Shipment,
    bytes: impl IntoIterator<Item = Bytes>,
) -> Result<()> {
    let record = shipment.encode()?;
    let len = u32::try_from(record.len()).map_err(|_| Error::bug("a shipment says too much"))?;
    let mut parts = vec![Bytes::copy_from_slice(&len.to_le_bytes()), record.into()];
    parts.extend(bytes);
    let mut hasher = blake3::Hasher::new();
    for part in &parts {
        hasher.update(part);
    }
    let head = [MAGIC.as_slice(), hasher.finalize().as_bytes()].concat();
    parts.insert(0, head.into());
    pool.put_named(&name(number), parts)
}

/// Returns what lies behind the hash that a shipment begins with; None where it is not what was written.
fn sound(bytes: &Bytes) -> Option<Bytes> {
    let (hash, rest) = bytes.strip_prefix(MAGIC.as_slice())?.split_first_chunk::<HASH>()?;
    (blake3::hash(rest) == *hash || is_planted(PlantedFault::TrustsObjects)).then(|| bytes.slice_ref(rest))
}

/// Reads a shipment, and the bytes of its inline pieces; None if it does not exist.
///
/// # Errors
/// `Corrupt` when it is not what was written, `Unsupported` when a later version wrote it.
pub(super) fn read(pool: &ObjectPool, number: u64) -> Result<Option<(Shipment, Bytes)>> {
    let Some(object) = pool.get_named(&name(number), &|bytes| sound(bytes).is_some())? else {
        return Ok(None);
    };
    let split = sound(&object).and_then(|rest| {
        let (len, _) = rest.split_first_chunk::<4>()?;
        let end = usize::try_from(u32::from_le_bytes(*len)).ok()?.checked_add(4)?;
        (end <= rest.len()).then(|| (rest.slice(4..end), rest.slice(end..)))
    });
    let (record, bytes) =
        split.ok_or_else(|| Error::corrupt(format!("shipment {number} is not what was written")))?;
    Ok(Some((Shipment::decode(&record)?, bytes)))
}

/// A piece, and where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShippedPiece {
    pub(super) from: u64,
    pub(super) len: u64,
    pub(super) blake3: [u8; 32],
    /// The shipment that it is in, and where; None where it is an object of its own.
    pub(super) inline: Option<(u64, usize)>,
}

impl ShippedPiece {
    pub(super) fn end(&self) -> u64 {
        self.from.saturating_add(self.len)
    }
}

/// What all shipments up to one say together.
#[derive(Clone, Debug)]
pub(super) struct ShippedState {
    /// The number of the last shipment, and what it says.
    pub(super) number: u64,
    pub(super) last: Shipment,
    pub(super) history: BaseHistory,
    /// The pieces of each segment, in order, without a gap from its first byte on.
    pub(super) segments: BTreeMap<u32, Vec<ShippedPiece>>,
    /// Segments that are gone since the base.
    pub(super) gone: Vec<u32>,
    /// Bytes in shipments since the base.
    pub(super) inline: u64,
}

impl ShippedState {
    /// Begins with a base.
    pub(super) fn begin(number: u64, base: Shipment) -> Result<ShippedState> {
        let mut state = ShippedState {
            number,
            last: base.clone(),
            history: BaseHistory::default(),
            segments: BTreeMap::new(),
            gone: Vec::new(),
            inline: 0,
        };
        if base.base != number {
            return Err(Error::corrupt(format!("shipment {number} is no base")));
        }
        state.add(number, base)?;
        Ok(state)
    }

    /// Adds what the next shipment says.
    ///
    /// # Errors
    /// `Corrupt` when it does not follow.
    pub(super) fn add(&mut self, number: u64, shipment: Shipment) -> Result<()> {
        if let Some(history) = shipment.history.clone() {
            (self.history, self.inline) = (history, 0);
            self.segments.clear();
            self.gone.clear();
        }
        let mut offset = 0_usize;
        for piece in &shipment.pieces {
            let pieces = self.segments.entry(piece.segment).or_default();
            if pieces.last().map_or(0, ShippedPiece::end) != piece.from {
                return Err(Error::corrupt(format!(
                    "shipment {number} does not follow on the one before in segment {}",
                    piece.segment
                )));
            }
            let len = usize::try_from(piece.len).map_err(|_| Error::corrupt("a piece is too long"))?;
            let inline = piece.inline.then_some((number, offset));
            if piece.inline {
                offset = offset.saturating_add(len);
                self.inline = self.inline.saturating_add(piece.len);
            }
            pieces.push(ShippedPiece { from: piece.from, len: piece.len, blake3: piece.blake3, inline });
        }
        for segment in &shipment.gone {
            self.segments.remove(segment);
            // A base has said since when.
            if shipment.history.is_none() {
                self.gone.push(*segment);
            }
        }
        (self.number, self.last) = (number, shipment);
        Ok(())
    }

    /// Returns how much of a segment was shipped.
    pub(super) fn len(&self, segment: u32) -> u64 {
        self.segments.get(&segment).and_then(|pieces| pieces.last()).map_or(0, ShippedPiece::end)
    }

    /// Reads what the shipments up to `last` say, which there is.
    ///
    /// # Errors
    /// `Corrupt` when one is missing or is not what was written.
    pub(super) fn read(pool: &ObjectPool, last: u64) -> Result<ShippedState> {
        let get = |number| read(pool, number)?.ok_or_else(|| missing(number));
        let (newest, _) = get(last)?;
        let base = newest.base;
        if base == last {
            return ShippedState::begin(base, newest);
        }
        let mut state = ShippedState::begin(base, get(base)?.0)?;
        for number in base.saturating_add(1)..last {
            state.add(number, get(number)?.0)?;
        }
        state.add(last, newest)?;
        Ok(state)
    }
}

/// Makes the error of a shipment that is gone and has to be there.
pub(super) fn missing(number: u64) -> Error {
    Error::corrupt(format!("shipment {number} is missing in the object storage"))
}
