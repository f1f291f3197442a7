//! Archives: a list of versions frozen under safe names, served as one zip.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::engine::Engine;
use super::url::{Subject, Url};
use super::{Drive, Store};
use crate::archive::{Entry, Limits, Member, Plan, Rope, write_deflated};
use crate::blobs::pool::{BlobSource, Seen};
use crate::body::Body;
use crate::catalog::record::{ArchiveRecord, MemberRecord, Place};
use crate::catalog::tree::{self, Standing};
use crate::catalog::version::{self, Opened};
use crate::catalog::{archive, blob, listing};
use crate::digest::{Digest, crc64_combine};
use crate::id::{ArchiveId, BlobId, DriveId, FileId, ShareId, VersionId};
use crate::kv::Scan;
use crate::kv::redb::RedbReader;
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::token::DEFAULT_LIFETIME;
use crate::{Error, ErrorKind, Kind, Result, body, fork};

/// Rows that a walk reads at once.
const PAGE: usize = 1000;
/// Parts of the member list in one transaction.
const PARTS: usize = 8;
/// Places of blobs that are looked up at once while an archive streams.
const AHEAD: usize = 128;
/// How often a close looks for segments that a compaction takes away meanwhile.
const PIN_TRIES: u32 = 10;
/// Archives whose plans are kept.
const PLANS: usize = 8;

/// Says what an archive holds and what its URL permits.
#[derive(Clone, Debug)]
#[must_use = "nothing is made until sign() is called"]
pub struct Archive {
    drive: Drive,
    picks: Vec<(FileId, Option<VersionId>)>,
    name: String,
    lifetime: Duration,
    share: Option<ShareId>,
    url: Option<Url>,
}

/// What an archive is, as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveInfo {
    /// Names the archive.
    pub id: ArchiveId,
    /// The name of the download.
    pub name: String,
    /// Files and empty folders in it.
    pub entries: u64,
    /// Length of the zip in bytes.
    pub len: u64,
    /// When it was made.
    pub created: Time,
    /// When it ends; its content is kept until then.
    pub expires: Time,
}

impl Archive {
    /// Sets the name of the download; `archive.zip` by default.
    pub fn name(mut self, name: impl Into<String>) -> Archive {
        self.name = name.into();
        self
    }

    /// Sets how long the archive and its URL live: 15 minutes by default, at most the store's grace,
    /// for which deleted content is kept.
    pub fn expires_in(mut self, lifetime: Duration) -> Archive {
        self.lifetime = lifetime;
        self
    }

    /// Sets what the URL permits beyond that: its lifetime is the archive's.
    pub fn with_url(mut self, edit: impl FnOnce(Url) -> Url) -> Archive {
        let url =
            self.url.take().unwrap_or_else(|| Url::new(self.drive.store(), Subject::Archive(ArchiveId(0))));
        self.url = Some(edit(url));
        self
    }

    pub(crate) fn of_share(mut self, share: ShareId) -> Archive {
        self.share = Some(share);
        self
    }

    /// Freezes the list of members and returns what the archive is. No content is read.
    ///
    /// # Errors
    /// `NotFound` when something that was picked is gone, `TooLarge` past the store's limits,
    /// `InvalidArgument` when the lifetime is out of range.
    pub fn create(self) -> Result<ArchiveInfo> {
        let engine = self.drive.engine()?;
        if self.lifetime.as_secs() == 0 || self.lifetime > engine.options.grace {
            return Err(Error::invalid(format!(
                "an archive for {} s is out of range: give 1 s to the store's grace of {} s",
                self.lifetime.as_secs(),
                engine.options.grace.as_secs()
            )));
        }
        crate::name::check_name(&self.name)?;
        // Before the rows are read: what is deleted from here on outlives the archive by the grace.
        let created = Time::now();
        let rows = engine.reader()?;
        let mut entries = Vec::new();
        for (file, version) in &self.picks {
            match version {
                Some(version) => entries.push(chosen(&rows, self.drive.id(), *version)?),
                None => gather(&rows, *file, engine.options.max_archive_entries, &mut entries)?,
            }
        }
        let plan = Plan::new(entries, &limits(&engine))?;
        drop(rows);
        let record = ArchiveRecord {
            drive: self.drive.id(),
            name: self.name,
            created,
            expires: created.after(self.lifetime),
            entries: plan.entries(),
            len: plan.len(),
            // A blob's id stands for its content: it never has another.
            digest: plan.digest(|blob| Ok(*blake3::hash(&blob.to_be_bytes()).as_bytes()))?,
            revocations: 0,
            share: self.share.map(|share| share.0),
        };
        let id = ArchiveId(engine.ids(1)?.take()?);
        write_members(&engine, id, &plan, created)?;
        let info = info(id, &record);
        engine.write(move |change| archive::publish(change, id, &record))?;
        engine.plans.put(id, plan.shared());
        Ok(info)
    }

    /// Makes the archive and its URL.
    ///
    /// # Errors
    /// As [`Archive::create`] and [`Url::sign`].
    pub fn sign(mut self) -> Result<String> {
        let url = self.url.take();
        let lifetime = self.lifetime;
        let store = self.drive.store().clone();
        let info = self.create()?;
        let url = url.unwrap_or_else(|| Url::new(&store, Subject::Archive(info.id)));
        url.of(Subject::Archive(info.id)).expires_in(lifetime).sign()
    }
}

fn limits(engine: &Engine) -> Limits {
    Limits {
        max_entries: engine.options.max_archive_entries,
        max_bytes: Some(engine.options.max_archive_bytes),
    }
}

fn info(id: ArchiveId, record: &ArchiveRecord) -> ArchiveInfo {
    ArchiveInfo {
        id,
        name: record.name.clone(),
        entries: record.entries,
        len: record.len,
        created: record.created,
        expires: record.expires,
    }
}

/// Makes the entry of a chosen version under its file's name.
fn chosen(rows: &RedbReader, drive: DriveId, id: VersionId) -> Result<Entry> {
    let Opened { file, version, .. } = version::open(rows, id)?;
    if file.drive != drive {
        return Err(Error::not_found(format!("there is no version {id} in drive {drive}")));
    }
    Ok(Entry {
        name: file.name,
        kind: Kind::File,
        size: version.size,
        crc32: version.crc32,
        modified: version.modified.unix(),
        content: version.blob.0,
    })
}

/// Adds what a file or folder gives to an archive: itself, or all below it under its name. A folder
/// has an entry of its own only when it is empty.
fn gather(rows: &RedbReader, file: FileId, max: u64, entries: &mut Vec<Entry>) -> Result<()> {
    let top = tree::get(rows, file)?;
    if tree::standing(rows, file)? != Standing::Live {
        return Err(Error::not_found(format!("file {file} was deleted before the archive was made")));
    }
    if top.kind == Kind::File {
        entries.push(chosen(rows, top.drive, VersionId::new(file, top.current))?);
        return Ok(());
    }
    let under = if top.name.is_empty() { String::new() } else { format!("{}/", top.name) };
    let mut walk = listing::Walk::new(file, &under);
    // A folder whose first descendant has not come yet; still there at the end, it is empty.
    let mut waiting = (!top.name.is_empty()).then(|| (top.name.clone(), top.modified.unix()));
    let folder =
        |(name, modified)| Entry { name, kind: Kind::Folder, size: 0, crc32: 0, modified, content: 0 };
    loop {
        let page = walk.page(rows, PAGE)?;
        if page.is_empty() {
            break;
        }
        page.visit(|path, row| {
            if let Some(before) = waiting.take() {
                let inside = path.strip_prefix(&before.0).is_some_and(|rest| rest.starts_with('/'));
                if !inside {
                    entries.push(folder(before));
                }
            }
            match row.kind {
                Kind::Folder => waiting = Some((path.to_owned(), row.modified.unix())),
                Kind::File => entries.push(Entry {
                    name: path.to_owned(),
                    kind: Kind::File,
                    size: row.size,
                    crc32: row.crc32,
                    modified: row.modified.unix(),
                    content: row.blob.0,
                }),
            }
            Ok(Scan::Next)
        })?;
        if u64::try_from(entries.len()).unwrap_or(u64::MAX) > max {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the archive would have more than {max} entries, the store's limit"),
            ));
        }
    }
    entries.extend(waiting.map(folder));
    Ok(())
}

/// Writes the frozen list, a few parts to a transaction.
fn write_members(engine: &Engine, id: ArchiveId, plan: &Plan, created: Time) -> Result<()> {
    let members: Vec<MemberRecord> = plan
        .members()
        .map(|member| MemberRecord {
            name: member.name.to_owned(),
            kind: member.kind,
            size: member.size,
            crc32: member.crc32,
            modified: Time::from_unix(member.modified),
            blob: BlobId(member.content),
        })
        .collect();
    let parts: Vec<Vec<MemberRecord>> = archive::parts(&members).map(<[MemberRecord]>::to_vec).collect();
    let mut number = 0_u32;
    for some in parts.chunks(PARTS) {
        let (some, first) = (some.to_vec(), number);
        number = number.saturating_add(u32::try_from(some.len()).unwrap_or(u32::MAX));
        engine.write(move |change| {
            for (part, number) in some.iter().zip(first..) {
                archive::write_part(change, id, created, number, part)?;
            }
            Ok(())
        })?;
    }
    Ok(())
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
pub(crate) fn open(
    engine: &Arc<Engine>,
    rows: &RedbReader,
    id: ArchiveId,
    record: &ArchiveRecord,
) -> Result<Body> {
    let plan = plan(engine, rows, id)?;
    if plan.len() != record.len {
        return Err(Error::corrupt(format!("archive {id} is not as long as when it was made")));
    }
    Ok(Body::new(Arc::new(Rope::new(plan.clone(), Contents::new(engine.clone(), plan)))))
}

impl Store {
    /// Returns what an archive is.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Expired` when its time is over.
    pub fn archive(&self, id: ArchiveId) -> Result<ArchiveInfo> {
        Ok(info(id, &archive::get(&self.engine()?.reader()?, id, Time::now())?))
    }

    /// Opens the zip of an archive. No content is read before it is asked for.
    ///
    /// # Errors
    /// As [`Store::archive`].
    pub fn open_archive(&self, id: ArchiveId) -> Result<Body> {
        let engine = self.engine()?;
        let rows = engine.reader()?;
        let record = archive::get(&rows, id, Time::now())?;
        open(&engine, &rows, id, &record)
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
        archive::get(&rows, id, Time::now())?;
        let plan = plan(&engine, &rows, id)?;
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
        archive::get(&rows, id, Time::now())?;
        let plan = plan(&engine, &rows, id)?;
        drop(rows);
        write_deflated(&plan, &Contents::new(engine, plan.clone()), out)
    }
}

impl Drive {
    /// Begins an archive of files and folders, a folder with all that is in it. What is at the
    /// paths now is frozen when the archive is made.
    ///
    /// # Errors
    /// `NotFound` when nothing is at one of the paths, `InvalidArgument` when none is given.
    pub fn archive<P: AsRef<str>>(&self, paths: impl IntoIterator<Item = P>) -> Result<Archive> {
        let rows = self.engine()?.reader()?;
        let mut picks = Vec::new();
        for path in paths {
            picks.push((tree::resolve(&rows, self.id(), path.as_ref())?.0, None));
        }
        Archive::of_picks(self, picks)
    }

    /// Begins an archive of chosen versions, each under its file's name.
    ///
    /// # Errors
    /// `InvalidArgument` when none is given.
    pub fn archive_of(&self, versions: impl IntoIterator<Item = VersionId>) -> Result<Archive> {
        Archive::of_picks(self, versions.into_iter().map(|id| (id.file(), Some(id))).collect())
    }
}

impl Archive {
    pub(crate) fn of_picks(drive: &Drive, picks: Vec<(FileId, Option<VersionId>)>) -> Result<Archive> {
        if picks.is_empty() {
            return Err(Error::invalid("an archive of nothing was asked for; name a file or folder"));
        }
        Ok(Archive {
            drive: drive.clone(),
            picks,
            name: "archive.zip".to_owned(),
            lifetime: Duration::from_secs(DEFAULT_LIFETIME),
            share: None,
            url: None,
        })
    }

    /// Returns the drive that the archive is of.
    pub fn drive(&self) -> DriveId {
        self.drive.id()
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

    fn put(&self, id: ArchiveId, plan: Arc<Plan>) {
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

impl crate::archive::Contents for Contents {
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
    pub(super) fn settle(&self, engine: &Engine) -> Result<()> {
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
