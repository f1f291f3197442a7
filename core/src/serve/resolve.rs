//! From a route to what is served: the URL is verified, the content found, and nothing read.

use std::net::IpAddr;
use std::sync::Arc;

use super::nowhere;
use super::request::Request;
use super::route::{Route, Signed};
use crate::body::Body;
use crate::catalog::LinkInfo;
use crate::catalog::alias::AliasedVersion;
use crate::catalog::archive_access::UsableArchive;
use crate::catalog::counter::Counter;
use crate::catalog::prefetch::ServedRows;
use crate::catalog::share_access::check_access;
use crate::catalog::state::State;
use crate::catalog::usage::{self, Allowance, Downloader};
use crate::engine::Engine;
use crate::engine::cache::CachedVersion;
use crate::engine::key_ring::VersionedRing;
use crate::engine::rate_limit::network;
use crate::engine::snapshot::Snapshot;
use crate::http::{CacheControl, CrossOrigin, Disposition, Head, Representation, Selected, entity_tag};
use crate::id::{ArchiveId, FileId, LinkId, ShareId, VersionId};
use crate::kv::driver::StoreReader;
use crate::mutant::{self, Mutant};
use crate::store::archive_source;
use crate::store::url::share_epoch;
use crate::time::Time;
use crate::token::{Claims, Purpose, Purposes, Refusal, Signer, UseLimit};
#[cfg(feature = "cloudreve")]
use crate::token::{Entity, Through, cloudreve};
use crate::{Error, ErrorKind, Result};

/// The media type of an archive.
const ZIP: &str = "application/zip";

/// What is served, and what a download of it counts against. Its content is not opened yet.
pub(crate) struct Resource {
    what: What,
    pub(crate) representation: Arc<Representation>,
    pub(crate) pace: Option<u64>,
    pub(crate) counts: DownloadCounts,
    /// What the URL says of pages of other origins.
    pub(crate) cross_origin: Option<CrossOrigin>,
    /// Until when the URL is good that says nothing which the object storage could not keep to.
    #[cfg_attr(not(feature = "remote"), allow(dead_code))]
    pub(crate) leaves: Leaves,
}

/// Whether what a URL permits may be got elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "remote"), allow(dead_code))]
pub(crate) enum Leaves {
    /// No: it is counted, or bound to a network, a share or an archive.
    #[default]
    Never,
    /// Until the URL expires, if it does.
    Until(Option<Time>),
}

/// Where the content is.
enum What {
    Version(Arc<CachedVersion>),
    Archive {
        archive: Box<UsableArchive>,
        tx: StoreReader,
    },
    /// What has no bytes and no version.
    #[cfg(feature = "cloudreve")]
    Empty,
}

impl Resource {
    /// Whether to serve it reads rows, opens a file or writes a use down.
    pub(super) fn waits(&self, engine: &Engine) -> bool {
        let counted = self.counts.uses.is_some() || self.counts.link.is_some();
        counted
            || match &self.what {
                What::Version(content) => !engine.is_open(content.location),
                What::Archive { .. } => true,
                #[cfg(feature = "cloudreve")]
                What::Empty => false,
            }
    }

    /// Returns the blob whose content is an object of its own and may be got from there, and until when; None if it
    /// may not.
    #[cfg(feature = "remote")]
    pub(super) fn object(&self) -> Option<(crate::id::BlobId, Option<Time>)> {
        use crate::catalog::record::Location;

        let (What::Version(content), Leaves::Until(ends)) = (&self.what, self.leaves) else { return None };
        let is_free = self.pace.is_none() && self.counts.uses.is_none();
        (is_free && content.location == Location::File).then_some((content.blob, ends))
    }

    /// Notes when a URL of the Cloudreve form expires, by its signature.
    #[cfg(feature = "cloudreve")]
    pub(crate) fn ends_with(&mut self, sign: Option<&str>) {
        let expires = sign.and_then(|sign| sign.rsplit(':').next()?.parse::<i64>().ok());
        if let (Leaves::Until(_), Some(expires)) = (self.leaves, expires.filter(|expires| *expires != 0)) {
            self.leaves = Leaves::Until(Some(Time::from_unix(expires)));
        }
    }

    /// Opens the content.
    ///
    /// # Errors
    /// `Corrupt` and `Io` when it is not there as it was stored.
    pub(super) fn open(&self, engine: &Arc<Engine>) -> Result<Body> {
        match &self.what {
            What::Version(content) => {
                tracing::trace!(blob = %content.blob, "serving");
                Ok(Body::new(Arc::new(engine.open_blob(
                    content.blob,
                    content.location,
                    content.representation.len,
                )?)))
            }
            What::Archive { archive, tx } => archive_source::open(engine, tx, archive),
            #[cfg(feature = "cloudreve")]
            What::Empty => Ok(Body::empty()),
        }
    }
}

/// What a download counts against.
#[derive(Default)]
pub(crate) struct DownloadCounts {
    uses: Option<Uses>,
    link: Option<LinkId>,
}

/// A limit of uses, and who uses it for what.
struct Uses {
    limit: UseLimit,
    expires: Time,
    by: Downloader,
    /// Length of the content.
    len: u64,
}

impl Uses {
    fn new(limit: UseLimit, expires: Time, client: Option<IpAddr>, len: u64) -> Uses {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&limit.id);
        if let Some(client) = client {
            hasher.update(&network(client).to_be_bytes());
        }
        let mut first = [0; 8];
        hasher.finalize_xof().fill(&mut first);
        Uses { limit, expires, by: Downloader { id: limit.id, client: u64::from_be_bytes(first) }, len }
    }

    fn is_of_requests(&self) -> bool {
        self.limit.each_request || mutant::is_active(Mutant::CutDownloadsAreLost)
    }

    /// Checks that something is left for the client, and uses none of it.
    fn check(&self, engine: &Engine, now: Time) -> Result<()> {
        if self.is_of_requests() {
            return usage::check(&engine.reader()?, self.limit.id, self.limit.limit);
        }
        if engine.allowances.has(self.by, now) {
            return Ok(());
        }
        usage::check_client(&engine.reader()?, self.by, self.limit.limit, self.len, now)
    }

    /// Counts a reply with so many bytes of content.
    fn count(&self, engine: &Engine, bytes: u64, now: Time) -> Result<()> {
        let (limit, by, len) = ((self.limit.limit, self.expires), self.by, self.len);
        if self.is_of_requests() {
            return engine
                .write(move |change| usage::consume(change, by.id, limit.0, limit.1, now))
                .map(drop);
        }
        let bytes = bytes.max(1);
        if engine.allowances.take(by, bytes, now) {
            return Ok(());
        }
        let drawn = engine.write(move |change| usage::allow(change, by, limit, (bytes, len), now))?;
        engine.allowances.put(by, Allowance { bytes: drawn.bytes.saturating_sub(bytes), ..drawn });
        Ok(())
    }
}

impl DownloadCounts {
    /// Checks that a use is left, and uses none.
    ///
    /// # Errors
    /// `Gone` when there is none.
    pub(super) fn check(&self, engine: &Engine, now: Time) -> Result<()> {
        match &self.uses {
            Some(uses) if !mutant::is_active(Mutant::UsedUpLooksAlive) => uses.check(engine, now),
            _ => Ok(()),
        }
    }

    /// Counts a GET whose reply has content. A use limit counts its bytes, or every one; a link's counter
    /// those with the first byte, so that a download in ranges counts once.
    ///
    /// Where there is nothing to count, a URL that is used up is gone all the same: clients decide by
    /// HEAD whether to go on. Only that a copy is still right may be said for ever: the client has it.
    pub(super) fn count(&self, engine: &Engine, method: &str, head: &Head, now: Time) -> Result<()> {
        if head.status == 304 {
            return Ok(());
        }
        if method != "GET" || !matches!(head.status, 200 | 206) {
            return self.check(engine, now);
        }
        if let Some(uses) = &self.uses {
            // Durable before the first byte is sent: a process that dies then cannot have sent what was not counted.
            uses.count(engine, content_len(&head.selected, uses.len), now)?;
        }
        if let Some(id) = self.link
            && has_first_byte(&head.selected)
        {
            engine.count(Counter::LinkDownloads(id));
        }
        Ok(())
    }
}

/// Returns how many bytes of content that is `len` long a reply sends.
fn content_len(selected: &Selected, len: u64) -> u64 {
    let of = |range: &std::ops::Range<u64>| range.end.saturating_sub(range.start);
    match selected {
        Selected::Nothing => 0,
        Selected::Whole => len,
        Selected::One(range) => of(range),
        Selected::Many(multipart) => multipart.parts.iter().map(|part| of(&part.range)).sum(),
    }
}

/// Whether a reply sends the first byte there is.
fn has_first_byte(selected: &Selected) -> bool {
    match selected {
        Selected::Nothing => false,
        Selected::Whole => true,
        Selected::One(range) => range.start == 0,
        Selected::Many(multipart) => multipart.parts.iter().any(|part| part.range.start == 0),
    }
}

/// Verifies what a route claims and finds what it leads to.
///
/// # Errors
/// `Denied`, `Expired`, `NotFound` and `Gone`, which are the client's; `Io` and `Corrupt`.
pub(super) fn resolve(snapshot: &Snapshot<'_>, route: &Route<'_>, request: &Request<'_>) -> Result<Resource> {
    match route {
        Route::Token { token, name } => by_token(snapshot, token, name, request),
        Route::Link { id, name, save } => by_link(snapshot, id, name, *save),
        #[cfg(feature = "cloudreve")]
        Route::Content { entity, speed, name, signed } => {
            let signer = check_sign(snapshot, signed, request.now)?;
            let entity = Entity::read(snapshot.hash_ids()?.as_ref(), entity).ok_or_else(nowhere)?;
            let pace = speed.parse::<u64>().map_err(|_| nowhere())?;
            let mut found = match entity.is_empty() {
                true => empty(),
                false => by_entity(snapshot, &entity, signer, request.now)?,
            };
            let representation = Arc::make_mut(&mut found.representation);
            representation.set_name(name);
            representation.disposition =
                if signed.download { Disposition::Attachment } else { Disposition::Inline };
            found.pace = Some(pace).filter(|pace| *pace > 0);
            found.ends_with(signed.sign.as_deref());
            Ok(found)
        }
        #[cfg(feature = "cloudreve")]
        Route::Archive { id, name, signed } => {
            let signer = check_sign(snapshot, signed, request.now)?;
            let mut found = archive_by_text(snapshot.tx()?, id, signer, request.now)?;
            Arc::make_mut(&mut found.representation).name = name.to_string();
            Ok(found)
        }
    }
}

/// Returns the content of what has none: the entity 0 of another system.
#[cfg(feature = "cloudreve")]
pub(crate) fn empty() -> Resource {
    let representation = Representation { type_of_name: true, ..Representation::default() };
    Resource {
        what: What::Empty,
        representation: Arc::new(representation),
        pace: None,
        counts: DownloadCounts::default(),
        cross_origin: None,
        leaves: Leaves::Never,
    }
}

/// Finds the version that a URL of the Cloudreve form names, as [`by_entity`].
#[cfg(feature = "cloudreve")]
pub(crate) fn content(
    engine: &Arc<Engine>,
    tx: &StoreReader,
    entity: &Entity,
    signer: Signer,
    now: Time,
) -> Result<Resource> {
    by_entity(&Snapshot::at(engine, tx.clone()), entity, signer, now)
}

/// Finds the version that a URL of the Cloudreve form names, if nothing that it hangs on is over.
///
/// # Errors
/// `Gone` when it is not there or was revoked, or no longer where it was reached through; `Expired`
/// when the share's time is over; `NotFound` for what another system signed and that never came from it.
#[cfg(feature = "cloudreve")]
fn by_entity(snapshot: &Snapshot<'_>, entity: &Entity, signer: Signer, now: Time) -> Result<Resource> {
    let AliasedVersion { version: id, imported, epoch: before } = snapshot.named(entity.number)?;
    let foreign = signer == Signer::Foreign;
    if foreign && !(imported && entity.is_plain()) && !opens_all() {
        return Err(nowhere());
    }
    let content = content_of(snapshot, id)?;
    let (mut epoch, mut expected) = (content.epoch, entity.epoch);
    // As it was imported it says no counter, whoever signed the URL.
    if foreign || imported && entity.is_plain() {
        expected = before.unwrap_or(epoch);
    }
    if let Some(through) = entity.through
        && !mutant::is_active(Mutant::FormOutlivesShare)
    {
        match through {
            Through::Share(share) => {
                let tx = snapshot.tx()?;
                let record = check_access(tx, share, id.file(), now).map_err(gone)?;
                epoch = epoch.wrapping_add(record.revocations);
            }
            Through::Link(link) => {
                let leads_here = snapshot.link(link).map_err(gone)?.file == id.file();
                if !leads_here || content.state != State::Live {
                    return Err(lost(id.file()));
                }
            }
        }
    }
    if epoch != expected && !mutant::is_active(Mutant::FormWithoutRevocations) {
        return Err(revoked());
    }
    let leaves = if entity.through.is_none() { Leaves::Until(None) } else { Leaves::Never };
    Ok(Resource { leaves, ..version_found(content) })
}

fn opens_all() -> bool {
    mutant::is_active(Mutant::ForeignSecretOpensAll)
}

/// Finds an archive by what [`archive_text`](crate::store::url::archive_text) put into a URL.
///
/// # Errors
/// `NotFound`, also for what another system signed, whose archives are none of ours; `Gone` and `Expired`.
pub(crate) fn archive_by_text(tx: &StoreReader, text: &str, signer: Signer, now: Time) -> Result<Resource> {
    if signer == Signer::Foreign && !opens_all() {
        return Err(nowhere());
    }
    let mut parts = text.split('.');
    let id: ArchiveId = parts.next().unwrap_or_default().parse().map_err(|_| nowhere())?;
    let mut number = || match parts.next() {
        Some(text) => text.parse::<u64>().map_err(|_| nowhere()),
        None => Ok(0),
    };
    let (pace, revocations) = (number()?, number()?);
    if parts.next().is_some() {
        return Err(nowhere());
    }
    let mut found = archive_found(tx, id, revocations, now)?;
    found.pace = Some(pace).filter(|pace| *pace > 0);
    Ok(found)
}

/// Finds the current version of a direct link's file under the link's name; a download of it counts.
///
/// # Errors
/// `Gone` when the file was deleted or is in the trash.
pub(crate) fn link_found(
    engine: &Arc<Engine>,
    tx: &StoreReader,
    link: LinkInfo,
    save: bool,
) -> Result<Resource> {
    link_in_snapshot(&Snapshot::at(engine, tx.clone()), &link, save)
}

fn link_in_snapshot(snapshot: &Snapshot<'_>, link: &LinkInfo, save: bool) -> Result<Resource> {
    let mut found = current_found(snapshot, link.file)?;
    let representation = Arc::make_mut(&mut found.representation);
    representation.set_name(&link.name);
    representation.disposition = if save { Disposition::Attachment } else { Disposition::Inline };
    found.pace = Some(link.pace).filter(|pace| *pace > 0);
    found.counts.link = Some(link.id);
    found.leaves = Leaves::Until(None);
    Ok(found)
}

fn by_token(snapshot: &Snapshot<'_>, token: &str, name: &str, request: &Request<'_>) -> Result<Resource> {
    // A clock before 1970 is broken: nothing is valid by it.
    let now = u64::try_from(request.now.unix()).unwrap_or(u64::MAX);
    let verify =
        |ring: &VersionedRing| ring.1.verify_named(token, name, Purposes::DOWNLOAD, now, request.client);
    // What the ring has signed that was used last is read ahead; whether that is the ring still, is seen then.
    let mut known = None;
    snapshot.prefetch(|engine| {
        known = engine.last_ring().map(|ring| (verify(&ring), ring));
        let claims = known.as_ref().and_then(|(claims, _)| claims.as_ref().ok());
        claims.map_or(ServedRows::Nothing, rows_of)
    })?;
    let ring = snapshot.ring()?;
    let claims = match known {
        Some((claims, known)) if Arc::ptr_eq(&known, &ring) => claims,
        _ => verify(&ring),
    };
    let claims = claims.map_err(|refusal: Refusal| {
        tracing::debug!(%refusal, "refused a token");
        snapshot.refuse_signature();
        Error::from(refusal)
    })?;
    let mut found = match claims.purpose {
        Purpose::Version | Purpose::Revision => {
            let id = VersionId(claims.subject);
            let content = content_of(snapshot, id)?;
            check_epoch(content.epoch, &claims)?;
            if claims.purpose == Purpose::Revision && content.state != State::Live {
                return Err(lost(id.file()));
            }
            version_found(content)
        }
        Purpose::File => {
            let id = FileId(claims.subject);
            check_epoch(snapshot.file(id).map_err(gone)?.epoch, &claims)?;
            current_found(snapshot, id)?
        }
        Purpose::Archive => {
            archive_found(snapshot.tx()?, ArchiveId(claims.subject), claims.epoch, request.now)?
        }
        Purpose::Share => {
            let (share, file, rows) = (ShareId(claims.subject), FileId(claims.file), snapshot.tx()?);
            check_epoch(share_epoch(rows, share, file).map_err(gone)?, &claims)?;
            check_access(rows, share, file, request.now).map_err(gone)?;
            current_found(snapshot, file)?
        }
        _ => return Err(Refusal::WrongPurpose.into()),
    };
    let own = claims.name.is_some() || claims.media_type.is_some() || claims.public_cache;
    if own || claims.disposition != found.representation.disposition {
        // Most URLs say nothing else than what is known of the content.
        let left = claims.expires().map(|expires| expires.saturating_sub(now));
        change(Arc::make_mut(&mut found.representation), &claims, left);
    }
    found.pace = claims.pace;
    found.counts.uses = claims.uses.map(|uses| {
        let expires = claims.expires().and_then(|expires| i64::try_from(expires).ok()).unwrap_or(i64::MAX);
        Uses::new(uses, Time::from_unix(expires), request.client, found.representation.len)
    });
    let is_of_one = matches!(claims.purpose, Purpose::Version | Purpose::Revision | Purpose::File);
    if is_of_one && claims.network.is_none() {
        let ends = claims.expires().and_then(|expires| i64::try_from(expires).ok());
        found.leaves = Leaves::Until(ends.map(Time::from_unix));
    }
    found.cross_origin = claims.cross_origin;
    Ok(found)
}

/// What is read for a URL that says so.
fn rows_of(claims: &Claims) -> ServedRows {
    match claims.purpose {
        Purpose::Version | Purpose::Revision => ServedRows::Version(VersionId(claims.subject)),
        Purpose::File => ServedRows::File(FileId(claims.subject)),
        Purpose::Share => ServedRows::Shared(ShareId(claims.subject), FileId(claims.file)),
        _ => ServedRows::Nothing,
    }
}

/// Lets a reply say what its URL says; `left` is how many seconds the URL has.
fn change(representation: &mut Representation, claims: &Claims, left: Option<u64>) {
    representation.disposition = claims.disposition;
    if let Some(name) = &claims.name {
        representation.set_name(name);
    }
    if let Some(media_type) = &claims.media_type {
        representation.set_media_type(media_type);
    }
    if claims.public_cache {
        let seconds = left.map_or(u32::MAX, |left| u32::try_from(left).unwrap_or(u32::MAX));
        representation.cache = CacheControl::Public(seconds);
    }
}

fn by_link(snapshot: &Snapshot<'_>, id: &str, name: &str, save: bool) -> Result<Resource> {
    let id: LinkId = id.parse().map_err(|_| nowhere())?;
    snapshot.prefetch(|_| ServedRows::Link(id))?;
    let link = snapshot.link(id)?;
    if link.name != name {
        return Err(nowhere());
    }
    link_in_snapshot(snapshot, &link, save)
}

#[cfg(feature = "cloudreve")]
fn check_sign(snapshot: &Snapshot<'_>, signed: &Signed<'_>, now: Time) -> Result<Signer> {
    let checked = snapshot.ring()?.1.check_cloudreve(&signed.path, signed.sign.as_deref(), now.unix());
    checked.map_err(|fault| {
        snapshot.refuse_signature();
        match fault {
            cloudreve::SignFault::Expired => Refusal::Expired.into(),
            _ => Refusal::BadSignature.into(),
        }
    })
}

fn check_epoch(now: u64, claims: &Claims) -> Result<()> {
    if now == claims.epoch {
        return Ok(());
    }
    Err(revoked())
}

fn revoked() -> Error {
    Error::new(ErrorKind::Gone, "the URL was revoked")
}

/// A genuine URL leads to something that was there once: what is not found is gone.
fn gone(error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::new(ErrorKind::Gone, error.to_string()),
        _ => error,
    }
}

fn content_of(snapshot: &Snapshot<'_>, id: VersionId) -> Result<Arc<CachedVersion>> {
    snapshot.version(id).map_err(gone)
}

/// The current version of a file that must be in its tree.
fn current_found(snapshot: &Snapshot<'_>, file: FileId) -> Result<Resource> {
    let content = snapshot.current(file).map_err(gone)?.ok_or_else(|| lost(file))?;
    let representation = content.followed().clone();
    Ok(Resource { representation, ..version_found(content) })
}

fn lost(file: FileId) -> Error {
    Error::new(ErrorKind::Gone, format!("file {file} was deleted or is in the trash"))
}

fn version_found(content: Arc<CachedVersion>) -> Resource {
    let representation = content.representation.clone();
    Resource {
        what: What::Version(content),
        representation,
        pace: None,
        counts: DownloadCounts::default(),
        cross_origin: None,
        leaves: Leaves::Never,
    }
}

/// Finds an archive by its id and what its URL says of its revocations.
fn archive_found(tx: &StoreReader, id: ArchiveId, revocations: u64, now: Time) -> Result<Resource> {
    let archive = UsableArchive::find(tx, id, now).map_err(gone)?;
    let record = &archive.record;
    if record.revocations != revocations && !mutant::is_active(Mutant::FormWithoutRevocations) {
        return Err(revoked());
    }
    let hex = blake3::Hash::from_bytes(record.digest).to_hex();
    let representation = Representation {
        len: record.len,
        etag: entity_tag(hex.get(..32).unwrap_or_default(), ZIP),
        last_modified: Some(record.created.unix()),
        media_type: ZIP.to_owned(),
        name: record.name.clone(),
        ..Representation::default()
    };
    let what = What::Archive { archive: Box::new(archive), tx: tx.clone() };
    let representation = Arc::new(representation);
    Ok(Resource {
        what,
        representation,
        pace: None,
        counts: DownloadCounts::default(),
        cross_origin: None,
        leaves: Leaves::Never,
    })
}
