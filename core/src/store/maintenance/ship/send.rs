//! Shipping what is new.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::shipment::{self, PieceRecord, Shipment, ShippedState, piece_name};
use super::sweep::{self, Swept};
use crate::blobs::object::{ObjectAddress, ObjectOptions, ObjectPool};
use crate::blobs::pool;
use crate::blobs::segment::{self as file, Segment};
use crate::catalog::record::{BlobRecord, Location, Record, SegmentRecord};
use crate::catalog::{history, moving, position};
use crate::catalog::{row, segment, table};
use crate::engine::Engine;
use crate::id::BlobId;
use crate::journal::Position;
use crate::journal::change::{self, Operation};
use crate::kv::driver::StoreReader;
use crate::kv::{Read, Scan};
use crate::random::random;
use crate::store::Store;
use crate::store::maintenance::planted::{PlantedFault, is_planted};
use crate::store::maintenance::{Progress, Watch};
use crate::time::Time;
use crate::vfs::{Open, VfsFile};
use crate::{Error, ErrorKind, Result};

/// How the log is divided into objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShipLimits {
    /// Bytes of the log that a shipment has in itself at most; what is more goes into objects of its own.
    pub(crate) inline: u64,
    /// The longest piece.
    pub(crate) piece: u64,
    /// A base is written after so many shipments, so many bytes in them, or so long.
    pub(crate) base_shipments: u64,
    pub(crate) base_bytes: u64,
    pub(crate) base_age: Duration,
}

const LIMITS: ShipLimits = ShipLimits {
    inline: 16 << 20,
    piece: 64 << 20,
    base_shipments: 256,
    base_bytes: 64 << 20,
    base_age: Duration::from_secs(3600),
};
/// How often a snapshot is taken anew, when something was collected while it was shipped.
const TRIES: u32 = 5;

/// What [`Shipper::ship`] did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ShipReport {
    /// The sequence number of the last group that is shipped.
    pub lsn: u64,
    /// When it was shipped; a restore takes this time for it.
    pub time: Time,
    /// Bytes of the log that were shipped.
    pub log_bytes: u64,
    /// Large contents that were shipped.
    pub contents: u64,
    /// Their bytes.
    pub content_bytes: u64,
    /// Objects that were removed, because nothing that is kept needs them.
    pub removed: u64,
    /// What could not be shipped because it is damaged in the store, or not be removed; the next call tries again.
    pub failed: Vec<Error>,
}

/// Ships a store to object storage. See [`Store::shipper`].
pub struct Shipper {
    store: Store,
    pool: ObjectPool,
    keep: Duration,
    pub(crate) limits: ShipLimits,
    /// At random.
    id: [u8; 16],
    state: Option<ShippedState>,
    /// Large contents that are there, by the ids of their blobs; None until they are listed.
    contents: Option<HashSet<u64>>,
    /// Those that could not be shipped.
    left: BTreeSet<u64>,
}

impl std::fmt::Debug for Shipper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shipper").field("keep", &self.keep).finish_non_exhaustive()
    }
}

impl Store {
    /// Begins to ship the store to object storage: `s3://BUCKET/PREFIX`, with the parameters `endpoint`, `region`
    /// and `cache` behind a `?`. States of the last `keep` can be restored, besides the newest.
    ///
    /// It asks for nothing yet; [`Shipper::ship`] does. Any process that has the store open may ship it, and
    /// nobody waits for it. One should: where two ship to one prefix, one of them fails with `Locked`.
    ///
    /// # Errors
    /// `InvalidArgument` when the address is none, `Unsupported` when the store is no directory.
    pub fn shipper(&self, address: &str, keep: Duration) -> Result<Shipper> {
        self.shipper_over(ObjectAddress::parse(address)?.options_by_itself()?, keep)
    }

    /// As [`Store::shipper`], over objects that are reached with these options.
    pub(crate) fn shipper_over(&self, options: ObjectOptions, keep: Duration) -> Result<Shipper> {
        let engine = self.engine()?;
        engine.only_in_a_directory("shipping", "back up the database, and let the bucket keep versions")?;
        let pool = ObjectPool::open(engine.uuid, options)?;
        let (state, contents, left) = (None, None, BTreeSet::new());
        Ok(Shipper { store: self.clone(), pool, keep, limits: LIMITS, id: random()?, state, contents, left })
    }
}

/// Bytes of a segment that are to be shipped.
#[derive(Clone, Copy, Debug)]
struct NewBytes {
    segment: u32,
    from: u64,
    end: u64,
}

/// What is new in a store.
struct News {
    tx: StoreReader,
    position: Position,
    segments: Vec<(u32, SegmentRecord)>,
    bytes: Vec<NewBytes>,
    gone: Vec<u32>,
}

impl Shipper {
    /// Ships all that was acknowledged when it was called and is not there yet: what it returns from is safe from
    /// the loss of the machine. Call it again and again, as every second.
    ///
    /// A call that was cut off has shipped nothing, or what it got done; the next goes on from there, in
    /// whatever process.
    ///
    /// # Errors
    /// `Locked` when another ships to the same prefix; `InvalidArgument` when what was shipped there is another
    /// store's, or this store was set back since, as by restoring an older backup; `Corrupt` when what was shipped
    /// or the log of the store is damaged; `Io` when the object storage or the disk fails; the watcher's own.
    pub fn ship(&mut self, watch: &mut Watch<'_>) -> Result<ShipReport> {
        let engine = self.store.engine()?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_ship(&engine, watch) {
                // Something was collected or compacted meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES => {}
                Err(error) => {
                    (self.state, self.contents) = (None, None);
                    return Err(error);
                }
                shipped => return shipped,
            }
        }
    }

    fn try_ship(&mut self, engine: &Engine, watch: &mut Watch<'_>) -> Result<ShipReport> {
        if self.state.is_none()
            && let Some(last) = shipment::list(&self.pool)?.last()
        {
            self.state = Some(ShippedState::read(&self.pool, *last)?);
        }
        let News { tx, position, segments, bytes, gone } = self.news(engine)?;
        let session = history::session(&tx, position.lsn)?;
        let mut report = ShipReport { lsn: position.lsn, ..ShipReport::default() };
        if let Some(state) = &self.state
            && state.last.lsn == position.lsn
        {
            report.time = state.last.time;
            return Ok(report);
        }
        let now = Time::now().max(self.state.as_ref().map_or(Time(i64::MIN), |state| state.last.time));
        let base = self.is_base_due(now, &bytes);
        // Before anything is written: what others write from now on is not taken for unused.
        let swept = base.then(|| Swept::look(&self.pool)).transpose()?;
        let contents = self.new_contents(engine, &tx, position, (base, &bytes))?;
        let total = bytes.iter().map(|new| new.end.saturating_sub(new.from)).sum::<u64>();
        let total = contents.iter().fold(total, |sum, (_, record)| sum.saturating_add(record.len));
        let mut progress = Progress { done: 0, total };
        let later = is_planted(PlantedFault::SpeaksFirst);
        for (blob, record) in contents.iter().filter(|_| !later) {
            self.ship_content(engine, *blob, record, &mut report, &mut |len| {
                progress.done = progress.done.saturating_add(len);
                watch(progress)
            })?;
        }
        let number = self.state.as_ref().map_or(1, |state| state.number.saturating_add(1));
        let inline = !base && bytes.iter().map(|new| new.end - new.from).sum::<u64>() <= self.limits.inline;
        let mut shipment = Shipment {
            store: engine.uuid,
            created: engine.created,
            shipper: self.id,
            time: now,
            lsn: position.lsn,
            session,
            base: self.state.as_ref().map_or(number, |state| state.last.base),
            pieces: Vec::new(),
            gone,
            history: None,
        };
        let mut to_ship = bytes;
        if base {
            shipment.base = number;
            to_ship = self.keep_objects(&segments, &mut shipment.pieces);
        }
        let mut payload = Vec::new();
        for new in to_ship {
            let mut from = new.from;
            while from < new.end {
                let len = self.limits.piece.min(new.end - from);
                let bytes = read(engine, new.segment, from, len)?;
                let blake3 = *blake3::hash(&bytes).as_bytes();
                if inline {
                    payload.push(bytes);
                } else {
                    self.pool.put_named(&piece_name(new.segment, (from, len), &blake3), vec![bytes])?;
                }
                shipment.pieces.push(PieceRecord { segment: new.segment, from, len, blake3, inline });
                report.log_bytes = report.log_bytes.saturating_add(len);
                progress.done = progress.done.saturating_add(len).min(progress.total);
                watch(progress)?;
                from = from.saturating_add(len);
            }
        }
        shipment.pieces.sort_by_key(|piece| (piece.segment, piece.from));
        if let Some(swept) = &swept {
            let before = self.state.as_ref();
            shipment.history = Some(sweep::history(before, swept, (number, &shipment), self.keep, &tx)?);
        }
        self.write(number, shipment, payload)?;
        if later {
            for (blob, record) in &contents {
                self.ship_content(engine, *blob, record, &mut report, &mut |_| watch(progress))?;
            }
        }
        if let (Some(swept), Some(state)) = (swept, &self.state) {
            report.removed = swept.remove(&self.pool, state, &mut report.failed)?;
        }
        report.time = now;
        Ok(report)
    }

    /// Writes a shipment, and takes it for the last.
    fn write(&mut self, number: u64, shipment: Shipment, payload: Vec<Bytes>) -> Result<()> {
        shipment::write(&self.pool, number, &shipment, payload).map_err(|error| match error.kind() {
            ErrorKind::Exists => {
                Error::new(ErrorKind::Locked, "another process ships to the same place; let only one do it")
            }
            _ => error,
        })?;
        match &mut self.state {
            Some(state) => state.add(number, shipment),
            None => {
                self.state = Some(ShippedState::begin(number, shipment)?);
                Ok(())
            }
        }
    }

    /// Looks at the store, and refuses one that is not the one that was shipped.
    fn news(&self, engine: &Engine) -> Result<News> {
        let tx = engine.reader()?;
        let position = Position::read(&tx)?;
        if moving::moved(&tx)?.is_some() {
            return Err(position::moved_away());
        }
        let mut segments = segment::list(&tx)?;
        if let Some(state) = &self.state {
            let last = &state.last;
            if last.store != engine.uuid {
                return Err(Error::invalid("another store was shipped there; name another prefix"));
            }
            let same = history::session(&tx, last.lsn)? == last.session;
            if (!same || last.lsn > position.lsn) && !is_planted(PlantedFault::ShipsWhatWasSetBack) {
                return Err(apart());
            }
        }
        // Compacted already; its row is the last of it.
        segments.retain(|(number, row)| {
            !segment::is_candidate(row) || engine.vfs.open(&file::path(*number), Open::Read).is_ok()
        });
        if is_planted(PlantedFault::ShipsUnpublished) {
            for (number, row) in &mut segments {
                row.len = open(engine, *number)?.len().unwrap_or(row.len);
            }
        }
        let mut bytes = Vec::new();
        for (number, row) in &segments {
            let from = self.state.as_ref().map_or(0, |state| state.len(*number));
            if row.len < from {
                return Err(apart());
            }
            if row.len > from {
                bytes.push(NewBytes { segment: *number, from, end: row.len });
            }
        }
        let is_there = |number: &u32| segments.iter().any(|(there, _)| there == number);
        let known = self.state.as_ref().map(|state| state.segments.keys().copied());
        let gone = known.into_iter().flatten().filter(|number| !is_there(number)).collect();
        Ok(News { tx, position, segments, bytes, gone })
    }

    fn is_base_due(&self, now: Time, bytes: &[NewBytes]) -> bool {
        let Some(state) = &self.state else { return true };
        let new = bytes.iter().fold(0_u64, |sum, new| sum.saturating_add(new.end.saturating_sub(new.from)));
        let began = state.history.bases.last().map_or(Time(i64::MIN), |(_, time)| *time);
        state.number.saturating_sub(state.last.base) >= self.limits.base_shipments
            || state.inline.saturating_add(new) > self.limits.base_bytes
            || now.before(self.limits.base_age) >= began
    }

    /// Puts the pieces into a base that are objects already, and returns what is not.
    fn keep_objects(
        &self,
        segments: &[(u32, SegmentRecord)],
        pieces: &mut Vec<PieceRecord>,
    ) -> Vec<NewBytes> {
        let mut rest: Vec<NewBytes> = Vec::new();
        let mut add = |segment, from, end| match rest.last_mut() {
            Some(last) if last.segment == segment && last.end == from => last.end = end,
            _ => rest.push(NewBytes { segment, from, end }),
        };
        for (number, row) in segments {
            let shipped = self.state.as_ref().and_then(|state| state.segments.get(number));
            for piece in shipped.into_iter().flatten() {
                let (segment, from, len, blake3) = (*number, piece.from, piece.len, piece.blake3);
                match piece.inline {
                    None => pieces.push(PieceRecord { segment, from, len, blake3, inline: false }),
                    Some(_) => add(segment, from, piece.end()),
                }
            }
            let from = self.state.as_ref().map_or(0, |state| state.len(*number));
            if from < row.len {
                add(*number, from, row.len);
            }
        }
        rest
    }

    /// Returns the large contents that are not there yet: those that the new groups speak of, if all of
    /// these can be read, or, in a base, those of all rows.
    fn new_contents(
        &mut self,
        engine: &Engine,
        tx: &StoreReader,
        position: Position,
        (base, bytes): (bool, &[NewBytes]),
    ) -> Result<Vec<(BlobId, BlobRecord)>> {
        if self.contents.is_none() {
            self.contents = Some(self.pool.list_contents()?.into_iter().map(|(blob, _)| blob).collect());
        }
        let there = self.contents.get_or_insert_default();
        let mut found = Vec::new();
        let mut take = |blob: BlobId, record: BlobRecord| {
            if record.location == Location::File && !there.contains(&blob.0) {
                found.push((blob, record));
            }
        };
        let spoken = match &self.state {
            Some(state) if !base => spoken_of(engine, state.last.lsn, position.lsn, bytes)?,
            _ => None,
        };
        if let Some(mut blobs) = spoken {
            blobs.extend(&self.left);
            for blob in blobs.into_iter().map(BlobId) {
                if let Some(record) = row::get::<BlobRecord>(tx, table::BLOB, &blob.to_key())? {
                    take(blob, record);
                }
            }
        } else {
            tx.scan(table::BLOB, row::ALL, false, &mut |key, value| {
                take(BlobId(row::number(key)?), BlobRecord::decode(value)?);
                Ok(Scan::Next)
            })?;
        }
        Ok(found)
    }

    /// Ships a large content. One that is damaged in the store is noted, and holds nothing else up.
    fn ship_content(
        &mut self,
        engine: &Engine,
        blob: BlobId,
        record: &BlobRecord,
        report: &mut ShipReport,
        watch: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        let opened = engine.vfs.open(&pool::path(blob), Open::Read);
        let shipped = match opened {
            Ok(file) => self.pool.put_file(blob, &record.digest(), file.as_ref(), watch),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                if !row::exists(&engine.reader()?, table::BLOB, &blob.to_key())? {
                    return Err(Error::not_found(format!("blob {blob} was collected")));
                }
                Err(Error::corrupt(format!("the file of blob {blob} is missing; check the store")))
            }
            Err(cause) => Err(Error::io(format!("opening blob {blob}"), cause)),
        };
        match shipped {
            Ok(()) => {
                self.left.remove(&blob.0);
                self.contents.get_or_insert_default().insert(blob.0);
                report.contents += 1;
                report.content_bytes = report.content_bytes.saturating_add(record.len);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Mismatch | ErrorKind::Corrupt) => {
                self.left.insert(blob.0);
                report.failed.push(error.context(format!("shipping blob {blob}; check the store")));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn apart() -> Error {
    Error::invalid(
        "what was shipped there has what this store does not have: this store was set back, or was not shipped for \
         very long; name another prefix",
    )
}

/// Returns the blobs that the groups in new bytes make rows of; None where not all of the groups behind
/// `after` up to `last` are there, as when one was compacted since, or is damaged.
fn spoken_of(engine: &Engine, after: u64, last: u64, bytes: &[NewBytes]) -> Result<Option<BTreeSet<u64>>> {
    let (mut blobs, mut groups) = (BTreeSet::new(), BTreeSet::new());
    for new in bytes {
        let opened = open(engine, new.segment)?;
        let Some(segment) = Segment::of(opened, new.segment)? else { return Ok(None) };
        let mut from = new.from.max(crate::blobs::frame::SEGMENT_HEADER_LEN as u64);
        while from < new.end {
            let Some(group) = segment.group_at(from)? else { return Ok(None) };
            from = group.end;
            groups.insert(group.lsn);
            change::each(&group.change, &mut |operation| {
                if let Operation::Put { table, key, .. } = operation
                    && table == table::BLOB.byte
                {
                    blobs.insert(row::number(key)?);
                }
                Ok(())
            })?;
        }
    }
    let all = groups.range(after.saturating_add(1)..=last).count();
    Ok((u64::try_from(all).ok() == last.checked_sub(after)).then_some(blobs))
}

fn open(engine: &Engine, number: u32) -> Result<Arc<dyn VfsFile>> {
    let path = file::path(number);
    engine.vfs.open(&path, Open::Read).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("{path} is gone; check the store")),
        _ => Error::io(format!("opening {path}"), cause),
    })
}

fn read(engine: &Engine, number: u32, from: u64, len: u64) -> Result<Bytes> {
    let failed = |cause| Error::io(format!("reading {}", file::path(number)), cause);
    let len = usize::try_from(len).map_err(std::io::Error::other).map_err(failed)?;
    let mut bytes = vec![0; len];
    open(engine, number)?.read_at(from, &mut bytes).map_err(failed)?;
    Ok(bytes.into())
}
