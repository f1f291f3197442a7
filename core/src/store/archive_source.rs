//! Archives as they are read: looked up with all that they hang on, planned, and streamed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::archive::info;
use crate::blobs::pool::{BlobSource, Seen};
use crate::body::Body;
use crate::catalog::record::{ArchiveRecord, Place};
use crate::catalog::{archive, blob};
use crate::digest::{Digest, crc64_combine};
use crate::engine::Engine;
use crate::id::{ArchiveId, BlobId};
use crate::kv::Read;
use crate::kv::redb::RedbReader;
use crate::mutant::{self, Mutant};
use crate::store::share::check_standing;
use crate::store::url::{Subject, Url};
use crate::store::{ArchiveInfo, Store};
use crate::time::Time;
use crate::zip::{Member, Plan, Rope, write_deflated};
use crate::{Error, ErrorKind, Result, body, fork};

/// Places of blobs that are looked up at once while an archive streams.
const AHEAD: usize = 128;
/// How often a close looks for segments that a compaction takes away meanwhile.
const PIN_TRIES: u32 = 10;
/// Archives whose plans are kept.
const PLANS: usize = 8;

/// An archive that may be had: its time is not over, and nothing that it was made of was revoked,
/// deleted or ended since. Whatever gives something of an archive takes one of these.
#[derive(Debug)]
pub(crate) struct Usable {
    pub(crate) id: ArchiveId,
    pub(crate) record: ArchiveRecord,
}

impl Usable {
    /// Reads an archive, and all that it hangs on.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Expired` when its time or that of a share is over, `Gone` when
    /// something that it was made of was revoked, deleted or moved to the trash as what a share leads to.
    pub(crate) fn find(rows: &impl Read, id: ArchiveId, now: Time) -> Result<Usable> {
        let record = archive::get(rows, id, now)?;
        if !mutant::is_active(Mutant::ArchiveOutlivesSources) {
            archive::check_sources(rows, &record, now)?;
        }
        for (share, _) in &record.shares {
            check_standing(rows, *share, now)?;
        }
        Ok(Usable { id, record })
    }
}

/// Returns the plan of an archive, made anew from its frozen list where it is not at hand.
fn plan(engine: &Engine, rows: &RedbReader, id: ArchiveId) -> Result<Arc<Plan>> {
    if let Some(known) = engine.plans.get(id) {
        return Ok(known);
    }
    let members = archive::members(rows, id)?;
    let plan = Plan::again(members.iter().map(|member| Member {
        name: &member.name,
        kind: member.kind,
        size: member.size,
        crc32: member.crc32,
        modified: member.modified.unix(),
        content: member.blob.0,
        offset: 0,
    }))?
    .shared();
    engine.plans.put(id, plan.clone());
    Ok(plan)
}

/// Opens the zip of an archive that was looked up.
pub(crate) fn open(engine: &Arc<Engine>, rows: &RedbReader, archive: &Usable) -> Result<Body> {
    let plan = plan(engine, rows, archive.id)?;
    if plan.len() != archive.record.len {
        return Err(Error::corrupt(format!("archive {} is not as long as when it was made", archive.id)));
    }
    Ok(Body::new(Arc::new(Rope::new(plan.clone(), Contents::new(engine.clone(), plan)))))
}

impl Store {
    /// Returns what an archive is.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Expired` when its time is over, `Gone` when something that it was
    /// made of was revoked, or a share that it was made through is over.
    pub fn archive(&self, id: ArchiveId) -> Result<ArchiveInfo> {
        Ok(info(id, &Usable::find(&self.engine()?.reader()?, id, Time::now())?.record))
    }

    /// Opens the zip of an archive. No content is read before it is asked for.
    ///
    /// # Errors
    /// As [`Store::archive`].
    pub fn open_archive(&self, id: ArchiveId) -> Result<Body> {
        let engine = self.engine()?;
        let rows = engine.reader()?;
        open(&engine, &rows, &Usable::find(&rows, id, Time::now())?)
    }

    /// Begins a URL of an archive.
    pub fn url_of_archive(&self, id: ArchiveId) -> Url {
        Url::new(self, Subject::Archive(id))
    }

    /// Computes the CRC-64/XZ of the whole zip from those of its parts; no content is read.
    ///
    /// # Errors
    /// As [`Store::archive`].
    pub fn archive_crc64(&self, id: ArchiveId) -> Result<u64> {
        let engine = self.engine()?;
        let rows = engine.reader()?;
        let plan = plan(&engine, &rows, Usable::find(&rows, id, Time::now())?.id)?;
        plan.crc64(
            |bytes| Digest::of(bytes).crc64,
            crc64_combine,
            |blob| Ok(blob::get(&rows, BlobId(blob))?.crc64),
        )
    }

    /// Writes an archive as a compressed zip: smaller, but with no length ahead and no resume.
    ///
    /// # Errors
    /// As [`Store::archive`]; `Corrupt` when content is damaged, and then the zip has no end.
    pub fn write_deflated(&self, id: ArchiveId, out: &mut impl std::io::Write) -> Result<()> {
        let engine = self.engine()?;
        let rows = engine.reader()?;
        let plan = plan(&engine, &rows, Usable::find(&rows, id, Time::now())?.id)?;
        drop(rows);
        write_deflated(&plan, &Contents::new(engine, plan.clone()), out)
    }
}

/// The plans of the archives that were served last.
#[derive(Debug, Default)]
pub(crate) struct Plans(Mutex<Vec<(ArchiveId, Arc<Plan>)>>);

impl Plans {
    fn get(&self, id: ArchiveId) -> Option<Arc<Plan>> {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = plans.iter().position(|(known, _)| *known == id)?;
        let found = plans.remove(place);
        let plan = found.1.clone();
        plans.push(found);
        Some(plan)
    }

    pub(crate) fn put(&self, id: ArchiveId, plan: Arc<Plan>) {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plans.retain(|(known, _)| *known != id);
        if plans.len() >= PLANS {
            plans.remove(0);
        }
        plans.push((id, plan));
    }
}

/// The contents of an archive's members.
struct Contents {
    /// The process that the archive was opened in.
    generation: u64,
    engine: Arc<Engine>,
    plan: Arc<Plan>,
    places: Arc<Places>,
}

impl Contents {
    fn new(engine: Arc<Engine>, plan: Arc<Plan>) -> Contents {
        let places = Arc::new(Places { plan: plan.clone(), ahead: Mutex::default() });
        engine.streams.add(&places);
        Contents { generation: fork::generation(), engine, plan, places }
    }
}

impl crate::zip::Contents for Contents {
    fn segment(&self, index: usize, content: u64, offset: u64, limit: u64) -> Result<body::Segment> {
        if self.generation != fork::generation() {
            return Err(Error::new(
                ErrorKind::Forked,
                "the archive was opened before the fork and is the parent's; open it again",
            ));
        }
        let member = self.plan.member(index).ok_or_else(|| Error::bug("a member beyond the archive"))?;
        let source = self.places.open(&self.engine, index, content, member.size)?;
        let segment = body::Source::segment(&source, offset, limit)?;
        let whole = u64::try_from(segment.data.len()) == Ok(member.size);
        if whole && crc32fast::hash(&segment.data) != member.crc32 {
            return Err(Error::corrupt(format!(
                "the content of {} is damaged: its CRC-32 is not the one that was stored",
                crate::name::shown(member.name)
            )));
        }
        Ok(segment)
    }
}

/// Where the contents of an archive's members are, looked up some way ahead.
struct Places {
    plan: Arc<Plan>,
    ahead: Mutex<Ahead>,
}

/// The members from `first` on, as far as they were looked up; none for one without content. And
/// the segment that the last one was in, which the next one is in most of the time; or the last
/// one itself, by its index, where it has a file of its own: it is sent in many runs.
#[derive(Default)]
struct Ahead {
    first: usize,
    found: Vec<Option<Place>>,
    seen: Option<Seen>,
    large: Option<(usize, BlobSource)>,
    /// After a close, the segments that all members are in, held open: nobody can ask any more where
    /// a compaction has moved them.
    pinned: HashMap<u32, Arc<Seen>>,
}

impl Ahead {
    /// Opens every segment that was found; false when one is gone.
    fn pin(&mut self, engine: &Engine, pins: &mut HashMap<u32, Arc<Seen>>) -> Result<bool> {
        for place in self.found.iter().flatten() {
            let Place::Segment { segment, .. } = place else { continue };
            if self.pinned.contains_key(segment) {
                continue;
            }
            let seen = match pins.get(segment) {
                Some(seen) => seen.clone(),
                None => match engine.pool.see(*segment)? {
                    Some(seen) => Arc::new(seen),
                    None => return Ok(false),
                },
            };
            pins.insert(*segment, seen.clone());
            self.pinned.insert(*segment, seen);
        }
        Ok(true)
    }

    fn place(&self, index: usize) -> Option<Place> {
        self.found.get(index.checked_sub(self.first)?).copied().flatten()
    }
}

impl Places {
    fn open(&self, engine: &Engine, index: usize, content: u64, size: u64) -> Result<BlobSource> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, source)) = ahead.large.as_ref().filter(|(last, _)| *last == index) {
            return Ok(source.clone());
        }
        let place = match ahead.place(index) {
            Some(place) => place,
            None => {
                *ahead = self.look_up(&engine.reader()?, index, AHEAD)?;
                ahead.place(index).ok_or_else(collected)?
            }
        };
        if let Some(source) = ahead.seen.as_ref().and_then(|seen| seen.open(place, size)) {
            return Ok(source);
        }
        if let Place::Segment { segment, .. } = place {
            if let Some(source) = ahead.pinned.get(&segment).and_then(|seen| seen.open(place, size)) {
                return Ok(source);
            }
            ahead.seen = engine.pool.see(segment)?;
        }
        drop(ahead);
        let source = engine.open_blob(BlobId(content), place, size)?;
        if matches!(place, Place::File) {
            let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
            ahead.large = Some((index, source.clone()));
        }
        Ok(source)
    }

    fn look_up(&self, rows: &RedbReader, first: usize, count: usize) -> Result<Ahead> {
        let mut found = Vec::new();
        for index in first..first.saturating_add(count) {
            let Some(member) = self.plan.member(index) else { break };
            found.push(match member.size {
                0 => None,
                _ => match blob::get(rows, BlobId(member.content)) {
                    Ok(record) => Some(record.place),
                    Err(error) if error.kind() == ErrorKind::NotFound => None,
                    Err(error) => return Err(error),
                },
            });
        }
        Ok(Ahead { first, found, ..Ahead::default() })
    }

    /// Looks up all members and opens the segments that they are in, which `pins` keeps for those
    /// that come after.
    fn pin(&self, engine: &Engine, pins: &mut HashMap<u32, Arc<Seen>>) -> (Ahead, Result<()>) {
        let mut last = Ahead::default();
        for _ in 0..PIN_TRIES {
            last = match engine.reader().and_then(|rows| self.look_up(&rows, 0, usize::MAX)) {
                Ok(found) => found,
                Err(error) => return (last, Err(error)),
            };
            if mutant::is_active(Mutant::ClosePinsNothing) {
                return (last, Ok(()));
            }
            match last.pin(engine, pins) {
                Ok(true) => return (last, Ok(())),
                // One was compacted since the rows were read: they say now where it went.
                Ok(false) => {}
                Err(error) => return (last, Err(error)),
            }
        }
        (last, Err(Error::new(ErrorKind::Locked, "an archive under way is compacted over and over")))
    }
}

fn collected() -> Error {
    Error::new(ErrorKind::Gone, "the content of a member of the archive was collected; make it again")
}

/// The archives that are being sent, so that closing the store cuts none of them off.
#[derive(Default)]
pub(crate) struct Streams(Mutex<Vec<Weak<Places>>>);

impl Streams {
    fn add(&self, places: &Arc<Places>) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.len() == streams.capacity() {
            streams.retain(|stream| stream.strong_count() > 0);
        }
        streams.push(Arc::downgrade(places));
    }

    /// Looks up all that those under way may still want, and holds it open: the rows are about to be
    /// closed, and then a compaction, by another process too, would move it out of their sight.
    pub(crate) fn settle(&self, engine: &Engine) -> Result<()> {
        let streams = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (mut pins, mut settled) = (HashMap::new(), Ok(()));
        for places in streams.iter().filter_map(Weak::upgrade) {
            let mut ahead = places.ahead.lock().unwrap_or_else(PoisonError::into_inner);
            let (found, pinned) = places.pin(engine, &mut pins);
            *ahead = found;
            if let Err(error) = pinned {
                settled = Err(error.context("an archive under way may break off"));
            }
        }
        settled
    }
}
