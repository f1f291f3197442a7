//! Archives: a list of versions frozen under safe names, served as one zip.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::archive_pick::{Pick, PickedEntries, inside};
use super::archive_source::{MemberContents, open, plan};
use super::url::{Subject, Url};
use super::{Drive, Store};
use crate::body::Body;
use crate::catalog::archive::Quota;
use crate::catalog::archive_access::UsableArchive;
use crate::catalog::record::{ArchiveRecord, MemberRecord, Owner};
use crate::catalog::share_access::check_access;
use crate::catalog::{archive, blob, drive, grace, path, share};
use crate::digest::{Digest, crc64_combine};
use crate::engine::Engine;
use crate::id::{ArchiveId, BlobId, DriveId, FileId, ShareId, VersionId};
use crate::kv::driver::StoreReader;
use crate::mutant::{self, Mutant};
use crate::name::shown;
use crate::random::random_id;
use crate::time::Time;
use crate::token::DEFAULT_LIFETIME;
#[cfg(feature = "deflate")]
use crate::zip::write_deflated;
use crate::zip::{ArchiveLimits, Entry, Plan};
use crate::{Error, ErrorKind, Result};

/// Parts of the member list in one transaction.
const PARTS: usize = 8;
/// Parts and archives that are over and are removed whenever a new one is made.
const SWEPT: usize = 16;
/// The longest path of a member, in bytes: the `PATH_MAX` of Linux without its NUL.
const MAX_PATH: usize = 4095;
/// The most that a zone is away from UTC, in minutes.
const MAX_UTC_OFFSET: u16 = 24 * 60 - 1;

/// Says what an archive holds and what its URL permits.
#[derive(Clone, Debug)]
#[must_use = "nothing is made until sign() is called"]
pub struct Archive {
    pub(super) drive: Drive,
    owner: Owner,
    picks: Vec<Pick>,
    /// The downloads to be counted against each share when the archive is made.
    pub(super) downloads: BTreeMap<ShareId, u64>,
    name: String,
    lifetime: Duration,
    utc_offset: i16,
    url: Option<Url>,
}

/// What a maker's rows say in one snapshot: the members, and what they hang on.
#[derive(Default)]
struct GatheredMembers {
    entries: Vec<Entry>,
    drives: Vec<(DriveId, u64)>,
    shares: Vec<(ShareId, u64)>,
}

/// The zip of what was picked, and what it hangs on.
pub(super) struct PlannedArchive {
    pub(super) plan: Plan,
    drives: Vec<(DriveId, u64)>,
    shares: Vec<(ShareId, u64)>,
}

/// What an archive is, as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveInfo {
    /// Names the archive.
    pub id: ArchiveId,
    /// The name of the download.
    pub name: String,
    /// Files and folders in it.
    pub entries: u64,
    /// Length of the zip in bytes.
    pub len: u64,
    /// When it was made.
    pub created: Time,
    /// When it ends; its content is kept until then.
    pub expires: Time,
    /// How often its URLs were made invalid.
    pub(crate) revocations: u64,
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

    /// Sets the time zone of readers that know no other time than a zip's first one, in minutes ahead of UTC:
    /// 0 by default, -1,439 to 1,439 (RFC 3339 section 5.6).
    ///
    /// Every file has its time twice in a zip. Unzip, 7-Zip, bsdtar, Go, Java and macOS read the second, which
    /// is in UTC, and show it in the zone of who reads, whatever is set here. Explorer of Windows, Python's
    /// `zipfile`, PHP and Perl read the first, which has no zone, as if it were local: they show it as it is
    /// with the offset of this. It is one offset for all files, so those of the other half of a year with
    /// summer time are an hour off there.
    pub fn utc_offset(mut self, minutes: i16) -> Archive {
        self.utc_offset = minutes;
        self
    }

    /// Sets what the URL permits beyond that: its lifetime is the archive's.
    pub fn with_url(mut self, edit: impl FnOnce(Url) -> Url) -> Archive {
        let url =
            self.url.take().unwrap_or_else(|| Url::new(self.drive.store(), Subject::Archive(ArchiveId(0))));
        self.url = Some(edit(url));
        self
    }

    /// Counts a download against the share that each pick was found through.
    fn counted(mut self) -> Archive {
        for share in self.picks.iter().filter_map(|pick| pick.share) {
            *self.downloads.entry(share).or_default() += 1;
        }
        self
    }

    /// Counts so many downloads against shares, whatever the picks are.
    pub(crate) fn counting(mut self, downloads: BTreeMap<ShareId, u64>) -> Archive {
        self.downloads = downloads;
        self
    }

    /// Freezes the list of members and returns what the archive is. No content is read. Where an equal
    /// one is there already, of the same members under the same names, that may go to the same people,
    /// it is this one, and lives as long as it was asked to now.
    ///
    /// What shares let the maker have is checked and counted in the change that publishes the archive.
    ///
    /// # Errors
    /// `NotFound` when something that was picked is gone, `TooLarge` past the store's limits,
    /// `InvalidArgument` when the lifetime or the offset is out of range or a path is longer than 4,095 bytes
    /// in the archive, which is the most that extractors on Linux can write, `Expired` and `Gone` when a share is over or
    /// its downloads are used up.
    pub fn create(self) -> Result<ArchiveInfo> {
        let engine = self.drive.engine()?;
        crate::name::check_name(&self.name)?;
        // Before the rows are read: what is deleted from here on outlives the archive by the grace.
        let (created, tx) = (Time::now(), engine.reader()?);
        check_lifetime(self.lifetime, grace::get(&tx)?.length)?;
        let PlannedArchive { plan, drives, mut shares } = self.planned(&tx, created)?;
        drop(tx);
        let mut owner = self.owner;
        if mutant::is_active(Mutant::ArchiveOfFirstDrive) {
            owner = Owner::Drive(self.drive.id());
            shares.clear();
        }
        // A blob's id stands for its content: it never has another.
        let digest = plan.digest(|blob| Ok(*blake3::hash(&blob.to_be_bytes()).as_bytes()))?;
        let members = frozen(&plan);
        let record = ArchiveRecord {
            owner,
            created,
            expires: created.after(self.lifetime),
            entries: plan.entries(),
            len: plan.len(),
            digest,
            revocations: 0,
            identity: identity(&digest, &self.name, owner, &drives, &shares)?,
            bytes: archive::bytes(&members),
            layout: ArchiveRecord::LAYOUT,
            utc_offset: self.utc_offset,
            name: self.name,
            drives,
            shares,
        };
        let (id, record) = publish(&engine, record, self.lifetime, members, self.downloads)?;
        let info = info(id, &record);
        engine.plans.put(id, plan.shared());
        Ok(info)
    }

    /// Plans the zip of what was picked.
    pub(super) fn planned(&self, tx: &StoreReader, now: Time) -> Result<PlannedArchive> {
        if self.utc_offset.unsigned_abs() > MAX_UTC_OFFSET {
            let minutes = self.utc_offset;
            return Err(Error::invalid(format!(
                "an offset of {minutes} minutes from UTC is out of range: give -{MAX_UTC_OFFSET} to {MAX_UTC_OFFSET}"
            )));
        }
        let GatheredMembers { entries, drives, shares } = self.gather(tx, now)?;
        let engine = self.drive.engine()?;
        let plan = Plan::new(entries, &limits(&engine))?.with_utc_offset(self.utc_offset);
        check_paths(&plan)?;
        Ok(PlannedArchive { plan, drives, shares })
    }

    /// Reads what was picked in one snapshot, if the maker may have it then.
    fn gather(&self, tx: &StoreReader, now: Time) -> Result<GatheredMembers> {
        let max = self.drive.engine()?.options.max_archive_entries;
        let (mut entries, mut gathered) = (PickedEntries::new(max), GatheredMembers::default());
        for pick in &self.picks {
            if !gathered.drives.iter().any(|(known, _)| *known == pick.drive) {
                gathered.drives.push((pick.drive, drive::withdrawals(tx, pick.drive)?));
            }
            if let Some(share) = pick.share {
                check_access(tx, share, pick.file, now)?;
                if !gathered.shares.iter().any(|(known, _)| *known == share) {
                    gathered.shares.push((share, share::record(tx, share)?.revocations));
                }
            }
            entries.add(tx, pick)?;
        }
        gathered.entries = entries.into_entries();
        gathered.drives.sort_unstable();
        gathered.shares.sort_unstable();
        Ok(gathered)
    }

    /// Makes the archive and its URL.
    ///
    /// # Errors
    /// As [`Archive::create`] and [`Url::sign`].
    pub fn sign(mut self) -> Result<String> {
        let store = self.drive.store().clone();
        let url = self.url.take().unwrap_or_else(|| Url::new(&store, Subject::Archive(ArchiveId(0))));
        let url = url.expires_in(self.lifetime);
        // Before the archive is made, and counted against the shares that it is made through.
        url.check(&*store.engine()?)?;
        let info = self.create()?;
        url.of(Subject::Archive(info.id)).sign()
    }
}

/// Refuses a lifetime past which the content of an archive is not sure to be there.
fn check_lifetime(lifetime: Duration, grace: Duration) -> Result<()> {
    if lifetime.as_secs() > 0 && lifetime <= grace {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "an archive for {} s is out of range: give 1 s to the store's grace of {} s, or set a longer grace",
        lifetime.as_secs(),
        grace.as_secs()
    )))
}

fn limits(engine: &Engine) -> ArchiveLimits {
    ArchiveLimits {
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
        revocations: record.revocations,
    }
}

/// Refuses a path that extractors cannot write: with busybox it spoils the whole archive.
fn check_paths(plan: &Plan) -> Result<()> {
    match plan.members().find(|member| member.name.len() > MAX_PATH) {
        None => Ok(()),
        Some(member) => Err(Error::invalid(format!(
            "the path {} has {} bytes in the archive; {MAX_PATH} is the most that extractors can write: \
             archive a folder further down, or rename one",
            shown(member.name),
            member.name.len()
        ))),
    }
}

/// Hashes all that decides an archive's bytes and who may have it.
fn identity(
    digest: &[u8; 32],
    name: &str,
    owner: Owner,
    drives: &[(DriveId, u64)],
    shares: &[(ShareId, u64)],
) -> Result<[u8; 32]> {
    let bytes = postcard::to_extend(&(digest, name, owner, drives, shares), Vec::new())
        .map_err(|cause| Error::with_source(ErrorKind::Bug, "encoding what an archive is", cause))?;
    Ok(blake3::derive_key("holdall archive identity, layout 1", &bytes))
}

/// Makes the rows of the members.
fn frozen(plan: &Plan) -> Vec<MemberRecord> {
    plan.members()
        .map(|member| MemberRecord {
            name: member.name.to_owned(),
            kind: member.kind,
            size: member.size,
            crc32: member.crc32,
            modified: Time::from_unix(member.modified),
            executable: member.executable,
            blob: BlobId(member.content),
        })
        .collect()
}

/// Publishes an archive, or finds its equal, and counts the downloads in the same change.
fn publish(
    engine: &Engine,
    record: ArchiveRecord,
    lifetime: Duration,
    members: Vec<MemberRecord>,
    downloads: BTreeMap<ShareId, u64>,
) -> Result<(ArchiveId, ArchiveRecord)> {
    let id = ArchiveId(random_id()?);
    let (created, quota) = (record.created, quota(engine));
    // Looked at before the members are written, so that what is refused leaves nothing.
    let tx = engine.reader()?;
    let known = archive::find(&tx, &record.identity, created)?.is_some();
    for share in downloads.keys() {
        share::check_left(&tx, *share, created)?;
    }
    if !known {
        archive::check_quota(&tx, &record, quota)?;
    }
    drop(tx);
    let parts: Vec<Vec<MemberRecord>> = archive::parts(&members).map(<[MemberRecord]>::to_vec).collect();
    // A long list is written ahead in several changes, so that none is too long for a frame; nothing refers to
    // it until the last one publishes it.
    let many = parts.len() > 1 && !known;
    if many {
        write_parts(engine, id, created, &parts)?;
    }
    let only = (parts.len() <= 1).then_some(members);
    let published = engine.write(move |change| {
        let now = record.created;
        // Who shortens the grace looks at the archives that are there, and this one was not.
        check_lifetime(lifetime, grace::get(change)?.length)?;
        archive::check_sources(change, &record, now)?;
        if !mutant::is_active(Mutant::ArchiveBeforeCount) {
            for (share, downloads) in &downloads {
                share::count_downloads(change, *share, *downloads, now)?;
            }
        }
        if let Some((id, _)) = archive::find(change, &record.identity, now)? {
            return archive::extend(change, id, record.expires).map(|record| Some((id, record)));
        }
        archive::expire(change, now, SWEPT)?;
        // Again: what was looked at above may have changed before this change runs.
        archive::check_quota(change, &record, quota)?;
        match &only {
            Some(members) => archive::create(change, id, &record, members)?,
            // The equal one that was found before ended just now.
            None if !many => return Ok(None),
            None => archive::publish(change, id, &record)?,
        }
        Ok(Some((id, record.clone())))
    });
    let is_new = matches!(&published, Ok(Some((found, _))) if *found == id);
    if many && !is_new {
        engine.write(move |change| archive::abandon(change, id, created, Time::now()))?;
    }
    published?
        .ok_or_else(|| Error::new(ErrorKind::Locked, "an equal archive ended just now; ask for it again"))
}

fn quota(engine: &Engine) -> Quota {
    Quota { drive: engine.options.drive_archive_quota, share: engine.options.share_archive_quota }
}

/// Writes the frozen list, a few parts to a transaction.
fn write_parts(engine: &Engine, id: ArchiveId, created: Time, parts: &[Vec<MemberRecord>]) -> Result<()> {
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

impl Drive {
    /// Begins an archive of files and folders, a folder with all that is in it. What is at the
    /// paths now is frozen when the archive is made. A path that ends in `/.`, or is `.`, is that of what is
    /// in a folder, which comes without the folder's own name.
    ///
    /// The order is that of the paths, and of the names within a folder. What was named before comes no second
    /// time: `["book/mimetype", "book/."]` is an EPUB as its readers expect it, with `mimetype` first, stored
    /// and without extra fields.
    ///
    /// # Errors
    /// `NotFound` when nothing is at one of the paths, `InvalidArgument` when none is given.
    pub fn archive<P: AsRef<str>>(&self, paths: impl IntoIterator<Item = P>) -> Result<Archive> {
        let tx = self.engine()?.reader()?;
        let mut picks = Vec::new();
        for path in paths {
            let (path, inside) = inside(path.as_ref());
            let file = path::resolve(&tx, self.id(), path)?.0;
            picks.push(Pick { inside, ..Pick::own(self.id(), file) });
        }
        Archive::new(self, Owner::Drive(self.id()), picks)
    }

    /// Begins an archive of chosen versions, each under its file's name.
    ///
    /// # Errors
    /// `InvalidArgument` when none is given.
    pub fn archive_of(&self, versions: impl IntoIterator<Item = VersionId>) -> Result<Archive> {
        let pick = |id: VersionId| Pick { version: Some(id), ..Pick::own(self.id(), id.file()) };
        Archive::new(self, Owner::Drive(self.id()), versions.into_iter().map(pick).collect())
    }
}

impl Archive {
    /// Begins an archive of what its maker found. `drive` tells the store.
    pub(crate) fn new(drive: &Drive, owner: Owner, picks: Vec<Pick>) -> Result<Archive> {
        if picks.is_empty() {
            return Err(Error::invalid("the archive has no file or folder; name at least one"));
        }
        let begun = Archive {
            drive: drive.clone(),
            owner,
            picks,
            downloads: BTreeMap::new(),
            name: "archive.zip".to_owned(),
            lifetime: Duration::from_secs(DEFAULT_LIFETIME),
            utc_offset: 0,
            url: None,
        };
        Ok(begun.counted())
    }

    /// Begins an archive of files and folders of a drive, which its owner makes.
    pub(crate) fn of_files(drive: &Drive, files: &[FileId]) -> Result<Archive> {
        let picks = files.iter().map(|file| Pick::own(drive.id(), *file)).collect();
        Archive::new(drive, Owner::Drive(drive.id()), picks)
    }

    /// Returns the drive that the archive is of.
    pub fn drive(&self) -> DriveId {
        self.drive.id()
    }
}

/// Plans an archive; returns what it was read through, too.
fn planned(engine: &Engine, id: ArchiveId) -> Result<(StoreReader, Arc<Plan>)> {
    engine.read_anew(|tx| Ok((tx.clone(), plan(engine, tx, &UsableArchive::find(tx, id, Time::now())?)?)))
}

impl Store {
    /// Returns what an archive is.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Expired` when its time is over, `Gone` when something that it was
    /// made of was revoked, or a share that it was made through is over.
    pub fn archive(&self, id: ArchiveId) -> Result<ArchiveInfo> {
        self.engine()?.read_anew(|tx| Ok(info(id, &UsableArchive::find(tx, id, Time::now())?.record)))
    }

    /// Opens the zip of an archive. No content is read before it is asked for.
    ///
    /// # Errors
    /// As [`Store::archive`].
    pub fn open_archive(&self, id: ArchiveId) -> Result<Body> {
        let engine = self.engine()?;
        engine.read_anew(|tx| open(&engine, tx, &UsableArchive::find(tx, id, Time::now())?))
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
        let (tx, plan) = planned(&engine, id)?;
        plan.crc64(
            |bytes| Digest::of(bytes).crc64,
            crc64_combine,
            |blob| Ok(blob::get(&tx, BlobId(blob))?.crc64),
        )
    }

    /// Writes an archive as a compressed zip: smaller, but with no length ahead and no resume.
    ///
    /// # Errors
    /// As [`Store::archive`]; `Corrupt` when content is damaged, and then the zip has no end.
    #[cfg(feature = "deflate")]
    pub fn write_deflated(&self, id: ArchiveId, out: &mut impl std::io::Write) -> Result<()> {
        let engine = self.engine()?;
        let (_, plan) = planned(&engine, id)?;
        write_deflated(&plan, &MemberContents::new(engine, plan.clone()), out)
    }
}
