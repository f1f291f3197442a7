//! Archives as they are read: planned, and streamed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::blobs::pool::{BlobSource, Seen};
use crate::body::Body;
use crate::catalog::archive_access::UsableArchive;
use crate::catalog::record::Location;
use crate::catalog::{archive as archive_rows, blob};
use crate::engine::Engine;
use crate::engine::streams::{PendingLookups, Pins};
use crate::id::BlobId;
use crate::kv::driver::StoreReader;
use crate::mutant::{self, Mutant};
use crate::zip::{Member, Plan, ZipSource};
use crate::{Error, ErrorKind, Result, body, fork, machine};

/// Locations of blobs that are looked up at once while an archive streams.
const AHEAD: usize = 128;

/// Returns the plan of an archive, made anew from its frozen list where it is not at hand.
pub(super) fn plan(engine: &Engine, tx: &StoreReader, archive: &UsableArchive) -> Result<Arc<Plan>> {
    let id = archive.id;
    if let Some(known) = engine.plans.get(id) {
        return Ok(known);
    }
    let members = archive_rows::members(tx, id)?;
    let plan = Plan::again(members.iter().map(|member| Member {
        name: &member.name,
        kind: member.kind,
        size: member.size,
        crc32: member.crc32,
        modified: member.modified.unix(),
        executable: member.executable,
        content: member.blob.0,
        offset: 0,
    }))?
    .with_utc_offset(archive.record.utc_offset)
    .shared();
    engine.plans.put(id, plan.clone());
    Ok(plan)
}

/// Opens the zip of an archive that was looked up.
pub(crate) fn open(engine: &Arc<Engine>, tx: &StoreReader, archive: &UsableArchive) -> Result<Body> {
    let plan = plan(engine, tx, archive)?;
    if plan.len() != archive.record.len {
        return Err(Error::corrupt(format!("archive {} is not as long as when it was made", archive.id)));
    }
    Ok(Body::new(Arc::new(ZipSource::new(plan.clone(), MemberContents::new(engine.clone(), plan)))))
}

/// The contents of an archive's members.
pub(super) struct MemberContents {
    /// The process that the archive was opened in.
    generation: u64,
    engine: Arc<Engine>,
    plan: Arc<Plan>,
    locations: Arc<Locations>,
}

impl MemberContents {
    pub(super) fn new(engine: Arc<Engine>, plan: Arc<Plan>) -> MemberContents {
        let locations = Arc::new(Locations { plan: plan.clone(), ahead: Mutex::default() });
        let stream: Arc<dyn PendingLookups> = locations.clone();
        engine.streams.add(Arc::downgrade(&stream));
        MemberContents { generation: fork::generation(), engine, plan, locations }
    }
}

impl crate::zip::Contents for MemberContents {
    fn segment(&self, index: usize, content: u64, offset: u64, limit: u64) -> Result<body::Segment> {
        if self.generation != fork::generation() {
            return Err(Error::new(
                ErrorKind::Forked,
                "the archive was opened before the fork and is the parent's; open it again",
            ));
        }
        let member = self.plan.member(index).ok_or_else(|| Error::bug("a member beyond the archive"))?;
        let source = self.locations.open(&self.engine, index, content, member.size)?;
        let segment = body::Source::segment(&source, offset, limit)?;
        let whole = u64::try_from(segment.data.len()) == Ok(member.size);
        if whole && crc32fast::hash(&segment.data) != member.crc32 {
            return Err(Error::corrupt(format!(
                "the content of {} is damaged: its CRC-32 differs from the stored one",
                crate::name::shown(member.name)
            )));
        }
        Ok(segment)
    }
}

/// Where the contents of an archive's members are, looked up some way ahead.
struct Locations {
    plan: Arc<Plan>,
    ahead: Mutex<Ahead>,
}

/// The members from `first` on, as far as they were looked up; none for one without content. And
/// the segment that the last one was in, which the next one is in most of the time; or the last
/// one itself, by its index, where it has a file of its own: it is sent in many runs.
#[derive(Default)]
struct Ahead {
    first: usize,
    found: Vec<Option<Location>>,
    seen: Option<Seen>,
    large: Option<(usize, BlobSource)>,
    /// After a close, the segments that all members are in, held open: nobody can ask any more where
    /// a compaction has moved them.
    pinned: HashMap<u32, Arc<Seen>>,
}

impl Ahead {
    /// Holds every segment that was found open; false when one is gone.
    fn pin(&mut self, pins: &mut Pins<'_>) -> Result<bool> {
        if pins.holds_nothing() {
            return Ok(true);
        }
        for location in self.found.iter().flatten() {
            let Location::Segment { segment, .. } = location else { continue };
            if self.pinned.contains_key(segment) {
                continue;
            }
            let Some(seen) = pins.pin(*segment)? else { return Ok(false) };
            self.pinned.insert(*segment, seen);
        }
        Ok(true)
    }

    fn location(&self, index: usize) -> Option<Location> {
        self.found.get(index.checked_sub(self.first)?).copied().flatten()
    }
}

impl Locations {
    fn open(&self, engine: &Engine, index: usize, content: u64, size: u64) -> Result<BlobSource> {
        let mut ahead = machine::lock(&self.ahead);
        if let Some((_, source)) = ahead.large.as_ref().filter(|(last, _)| *last == index) {
            return Ok(source.clone());
        }
        let location = match ahead.location(index) {
            Some(location) => location,
            None => {
                *ahead = self.look_up(&engine.reader()?, index, AHEAD)?;
                ahead.location(index).ok_or_else(collected)?
            }
        };
        if let Some(source) = ahead.seen.as_ref().and_then(|seen| seen.open(location, size)) {
            return Ok(source);
        }
        if let Location::Segment { segment, .. } = location {
            if let Some(source) = ahead.pinned.get(&segment).and_then(|seen| seen.open(location, size)) {
                return Ok(source);
            }
            ahead.seen = engine.pool.see(segment)?;
        }
        // Not held while a file is opened: other readers of this archive need it.
        drop(ahead);
        let source = engine.open_blob(BlobId(content), location, size)?;
        if matches!(location, Location::File) {
            let mut ahead = machine::lock(&self.ahead);
            ahead.large = Some((index, source.clone()));
        }
        Ok(source)
    }

    fn look_up(&self, tx: &StoreReader, first: usize, count: usize) -> Result<Ahead> {
        let mut found = Vec::new();
        for index in first..first.saturating_add(count) {
            let Some(member) = self.plan.member(index) else { break };
            found.push(match member.size {
                0 => None,
                _ => match blob::get(tx, BlobId(member.content)) {
                    Ok(record) => Some(record.location),
                    Err(error) if error.kind() == ErrorKind::NotFound => None,
                    Err(error) => return Err(error),
                },
            });
        }
        Ok(Ahead { first, found, ..Ahead::default() })
    }
}

impl PendingLookups for Locations {
    fn finish(&self, tx: &StoreReader, pins: &mut Pins<'_>) -> Result<bool> {
        let mut ahead = machine::lock(&self.ahead);
        *ahead = self.look_up(tx, 0, usize::MAX)?;
        Ok(mutant::is_active(Mutant::ClosePinsNothing) || ahead.pin(pins)?)
    }
}

fn collected() -> Error {
    Error::new(ErrorKind::Gone, "the content of a member of the archive was collected; make it again")
}
