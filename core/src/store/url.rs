//! URLs: what a host hands out. A builder says what the URL permits; signing makes the text.

use std::time::Duration;

use super::{Drive, Store};
use crate::catalog::archive_access::UsableArchive;
use crate::catalog::share;
use crate::catalog::state::State;
use crate::catalog::{node, revocation};
use crate::engine::Engine;
use crate::engine::snapshot::Snapshot;
use crate::http::{CrossOrigin, Disposition, escape_segment};
use crate::id::{ArchiveId, FileId, ShareId, VersionId};
use crate::kv::driver::StoreReader;
use crate::name::check_name;
use crate::random::random;
use crate::time::Time;
use crate::token::{Claims, DEFAULT_LIFETIME, Network, Purpose, UseLimit};
#[cfg(feature = "cloudreve")]
use crate::token::{Entity, cloudreve};
use crate::token::{expiry, stable_expiry};
use crate::{Error, ErrorKind, Kind, Result, VersionInfo};

/// What a URL leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// One version, whatever becomes of its file.
    Version(VersionId),
    /// One version, while its file is in its tree.
    Revision(VersionId),
    /// The current version of a file.
    File(FileId),
    /// An archive.
    Archive(ArchiveId),
    /// A file in a share; None for the shared file itself.
    Share(ShareId, FileId),
}

/// What a form of URL is in the second of its expiry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Over,
    /// Valid to the end of the second.
    Within,
}

/// Anything that a URL can be made of.
pub trait Target {
    /// Returns the version that the URL leads to.
    fn version_id(&self) -> VersionId;
}

impl Target for VersionId {
    fn version_id(&self) -> VersionId {
        *self
    }
}

impl Target for VersionInfo {
    fn version_id(&self) -> VersionId {
        self.id
    }
}

impl<T: Target> Target for &T {
    fn version_id(&self) -> VersionId {
        (*self).version_id()
    }
}

/// Says what a URL permits and makes it. It lives 15 minutes and downloads as an attachment under
/// the file's own name and type, unless something else is said.
#[derive(Clone, Debug)]
#[must_use = "nothing is signed until sign() is called"]
pub struct Url {
    store: Store,
    subject: Subject,
    lifetime: Option<Duration>,
    ends: Option<Time>,
    window: Option<Duration>,
    never: bool,
    disposition: Disposition,
    name: Option<String>,
    media_type: Option<String>,
    network: Option<Network>,
    uses: Option<(u32, bool)>,
    public_cache: bool,
    pace: Option<u64>,
    cross_origin: Option<CrossOrigin>,
    /// The share that a download is counted against when the URL is signed.
    counts: Option<ShareId>,
    pub(super) now: Option<Time>,
}

impl Url {
    pub(super) fn new(store: &Store, subject: Subject) -> Url {
        Url {
            store: store.clone(),
            subject,
            lifetime: None,
            ends: None,
            window: None,
            never: false,
            disposition: Disposition::Attachment,
            name: None,
            media_type: None,
            network: None,
            uses: None,
            public_cache: false,
            pace: None,
            cross_origin: None,
            counts: None,
            now: None,
        }
    }

    /// Sets how long the URL is valid, counted from now: at least one second, at most the store's
    /// limit. A transfer that has begun is never cut.
    pub fn expires_in(mut self, lifetime: Duration) -> Url {
        (self.lifetime, self.ends) = (Some(lifetime), None);
        self
    }

    /// Sets the time at which the URL expires, in place of a lifetime and within the same bounds. It is
    /// valid to the end of that second, if the time is within one.
    pub fn expires_at(mut self, ends: Time) -> Url {
        (self.lifetime, self.ends) = (None, Some(ends));
        self
    }

    /// Rounds the expiry up to the end of a window, so that the same request gives the same URL
    /// within it, and browsers and CDNs can cache the reply.
    pub fn stable_for(mut self, window: Duration) -> Url {
        self.window = Some(window);
        self
    }

    /// Makes the URL valid until it is revoked or its key is removed. Think twice.
    pub fn never_expires(mut self) -> Url {
        self.never = true;
        self
    }

    /// Downloads under another name.
    pub fn attachment(mut self, name: impl Into<String>) -> Url {
        self.name = Some(name.into());
        self.disposition = Disposition::Attachment;
        self
    }

    /// Lets a browser show the content, if its type is one that cannot do harm.
    pub fn inline(mut self) -> Url {
        self.disposition = Disposition::Inline;
        self
    }

    /// Serves under another name, whether shown or saved.
    pub fn name(mut self, name: impl Into<String>) -> Url {
        self.name = Some(name.into());
        self
    }

    /// Serves as another media type.
    pub fn media_type(mut self, media_type: impl Into<String>) -> Url {
        self.media_type = Some(media_type.into());
        self
    }

    /// Serves only clients of a network, such as `192.0.2.0/24`.
    pub fn network(mut self, network: Network) -> Url {
        self.network = Some(network);
        self
    }

    /// Serves at most so many downloads. A use is what one client gets within 24 hours of its first
    /// request, until the replies together are as long as the content four times: so ranges, players,
    /// downloads in parts, retries and what goes on after a cut belong to one. A client is an address that
    /// the host passes ([`Request::client`](crate::Request::client)), of IPv6 a network of 64 bits; where
    /// the host passes none, all clients are one.
    ///
    /// So whoever shares an address, or has the URL of a host that passes none, gets the content at most
    /// four times a use. A use that is open goes on where the limit is reached; HEAD and a 304 are free.
    pub fn max_uses(mut self, uses: u32) -> Url {
        self.uses = Some((uses, false));
        self
    }

    /// Serves at most so many GET requests that have content in the reply, ranges and retries counted
    /// alike, in place of [`Url::max_uses`]: for secrets. A download that is cut is lost.
    pub fn max_requests(mut self, requests: u32) -> Url {
        self.uses = Some((requests, true));
        self
    }

    /// Sets which pages of other origins may show or read the content, in place of what the store has
    /// ([`Options::cross_origin`](crate::Options::cross_origin)).
    pub fn cross_origin(mut self, policy: CrossOrigin) -> Url {
        self.cross_origin = Some(policy);
        self
    }

    /// Lets shared caches keep the reply for as long as the URL lives.
    pub fn public_cache(mut self) -> Url {
        self.public_cache = true;
        self
    }

    /// Asks the host to send no more than so many bytes a second.
    pub fn pace(mut self, bytes_per_second: u64) -> Url {
        self.pace = Some(bytes_per_second);
        self
    }

    /// Makes the URL: the store's base, `d/`, the token and the name, for people to read. The name is
    /// signed too: under another, or none, nothing is there.
    ///
    /// # Errors
    /// `InvalidArgument` when the lifetime is out of range or a name or type can never be right,
    /// `NotFound` and `Gone` when what it leads to is.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # use holdall::{Options, Put, Request, Store};
    /// # let store = Store::open(dir.path(), Options::new())?;
    /// let v = store.drive("alice")?.put("q3.txt", &b"hello"[..], Put::new())?;
    /// let url = store.url(&v).attachment("Q3.txt").sign()?;
    /// let reply = store.serve(&Request::get(&url).range("bytes=1-"))?;
    /// assert_eq!((reply.status, reply.body.len()), (206, 4));
    /// # Ok::<(), holdall::Error>(())
    /// ```
    pub fn sign(self) -> Result<String> {
        let engine = self.store.engine()?;
        let snapshot = Snapshot::new(&engine);
        let (epoch, name) = self.look_up(&snapshot)?;
        let (shown, counts) = (self.name.clone().unwrap_or(name), self.counts);
        let claims = self.claims(&engine, epoch)?;
        let token = snapshot.ring()?.1.sign_named(&claims, &shown)?;
        drop(snapshot);
        // Last: what was refused before has counted nothing.
        if let Some(share) = counts {
            count(&engine, share)?;
        }
        Ok(format!("{}d/{token}/{}", engine.options.base_url, escape_segment(&shown)))
    }

    /// Makes what the URL claims, if that can be right.
    fn claims(self, engine: &Engine, epoch: u64) -> Result<Claims> {
        if self.public_cache && (self.network.is_some() || self.uses.is_some()) {
            return Err(Error::invalid(
                "a shared cache keeps to no network and counts no use; leave public_cache out, or those",
            ));
        }
        let (purpose, subject, file) = match self.subject {
            Subject::Version(id) => (Purpose::Version, id.0, 0),
            Subject::Revision(id) => (Purpose::Revision, id.0, 0),
            Subject::File(id) => (Purpose::File, id.0, 0),
            Subject::Archive(id) => (Purpose::Archive, id.0, 0),
            Subject::Share(id, file) => (Purpose::Share, id.0, file.0),
        };
        let mut claims = match self.expiry(engine, Edge::Over)? {
            Some(expires) => Claims::new(purpose, subject, epoch, expires),
            None => Claims::never_expiring(purpose, subject, epoch),
        };
        claims.file = file;
        claims.disposition = self.disposition;
        claims.name = self.name;
        claims.media_type = self.media_type;
        claims.network = self.network;
        claims.public_cache = self.public_cache;
        claims.pace = self.pace;
        claims.uses = match self.uses {
            Some((limit, each_request)) => Some(UseLimit { limit, id: random()?, each_request }),
            None => None,
        };
        claims.cross_origin = self.cross_origin;
        claims.check()?;
        Ok(claims)
    }

    /// Checks all that signing would refuse but for what the URL leads to.
    ///
    /// # Errors
    /// `InvalidArgument`, as [`Url::sign`].
    pub(super) fn check(&self, engine: &Engine) -> Result<()> {
        self.clone().claims(engine, 0).map(drop)
    }

    /// Makes the URL in the form of Cloudreve v4: the path and the expiry are signed, the query
    /// `download=true` is not. The pace stands in the path, and so do the counters of revocations, in the
    /// id of the version or archive; the network, uses, type and caching are not part of the form.
    ///
    /// # Errors
    /// As [`Url::sign`]; `InvalidArgument` for what the form has no place for.
    #[cfg(feature = "cloudreve")]
    pub fn sign_cloudreve(self) -> Result<String> {
        let limited = self.network.is_some() || self.uses.is_some();
        if limited || self.media_type.is_some() || self.public_cache || self.cross_origin.is_some() {
            return Err(Error::invalid(
                "the Cloudreve form of a url has no place for a network, a use limit, a media type, caching or \
                 a cross-origin policy",
            ));
        }
        let engine = self.store.engine()?;
        let snapshot = Snapshot::new(&engine);
        let (epoch, name) = self.look_up(&snapshot)?;
        let name = self.name.clone().unwrap_or(name);
        check_name(&name)?;
        let expires = match self.expiry(&engine, Edge::Within)? {
            Some(expires) => {
                i64::try_from(expires).map_err(|_| Error::invalid("the expiry is out of range"))?
            }
            None => 0,
        };
        let (plain, escaped) = match self.subject {
            Subject::Version(id) => {
                let entity = Entity::new(id, epoch, None).text(snapshot.hash_ids()?.as_ref());
                let head = format!("file/content/{entity}/{}/", self.pace.unwrap_or(0));
                (format!("{head}{name}"), format!("{head}{}", cloudreve::escape_segment(&name)))
            }
            Subject::Archive(id) => {
                let head = format!("file/archive/{}/", archive_text(id, epoch, self.pace.unwrap_or(0)));
                (format!("{head}{name}"), format!("{head}{}", cloudreve::escape_segment(&name)))
            }
            Subject::Revision(_) | Subject::File(_) | Subject::Share(..) => {
                return Err(Error::invalid("the Cloudreve form of a url names a version or an archive"));
            }
        };
        let base = &engine.options.base_url;
        let ring = snapshot.ring()?;
        let secrets = ring.1.cloudreve_secrets();
        let secret = secrets.first().ok_or_else(|| Error::bug("a key ring without a key"))?;
        let sign = cloudreve::sign(secret, &format!("{}{plain}", base_path(base)), expires);
        let download = match (self.subject, self.disposition) {
            (Subject::Version(_), Disposition::Attachment) => "download=true&",
            _ => "",
        };
        Ok(format!("{base}{escaped}?{download}sign={}", cloudreve::escape_query(&sign)))
    }

    /// Counts the lifetime from `now` on.
    pub(crate) fn at(mut self, now: Time) -> Url {
        self.now = Some(now);
        self
    }

    /// Counts a download against a share when it is signed.
    pub(super) fn counting(mut self, share: ShareId) -> Url {
        self.counts = Some(share);
        self
    }

    /// Leads somewhere else.
    pub(super) fn of(mut self, subject: Subject) -> Url {
        self.subject = subject;
        self
    }

    /// Returns the revocation counters of what the URL leads to, summed, and its name.
    fn look_up(&self, snapshot: &Snapshot<'_>) -> Result<(u64, String)> {
        Ok(match self.subject {
            Subject::Version(id) | Subject::Revision(id) => {
                let content = snapshot.version(id)?;
                (content.epoch, content.representation.name.clone())
            }
            Subject::File(id) => {
                let node = snapshot.file(id)?;
                if node.kind == Kind::Folder {
                    return Err(Error::invalid(format!("{id} is a folder; make an archive of it")));
                }
                if node.state == State::Deleted {
                    return Err(Error::new(ErrorKind::Gone, format!("file {id} was deleted")));
                }
                (node.epoch, node.name.clone())
            }
            Subject::Archive(id) => {
                let record = UsableArchive::find(snapshot.tx()?, id, self.now())?.record;
                (record.revocations, record.name)
            }
            Subject::Share(id, file) => {
                let tx = snapshot.tx()?;
                (share_epoch(tx, id, file)?, node::get(tx, file)?.name)
            }
        })
    }

    fn now(&self) -> Time {
        self.now.unwrap_or_else(Time::now)
    }

    fn expiry(&self, engine: &Engine, edge: Edge) -> Result<Option<u64>> {
        if self.never {
            if self.lifetime.is_some() || self.ends.is_some() || self.window.is_some() {
                return Err(Error::invalid("a url that never expires has no lifetime and no window"));
            }
            return Ok(None);
        }
        let time = self.now();
        let now = u64::try_from(time.unix())
            .map_err(|_| Error::invalid("the clock is before 1970; set it, or pass a time"))?;
        let max = engine.options.max_lifetime.as_secs();
        let lifetime = match self.ends {
            // A time in the past leaves nothing.
            Some(ends) => Duration::from_micros(u64::try_from(ends.0.saturating_sub(time.0)).unwrap_or(0)),
            None => self.lifetime.unwrap_or(Duration::from_secs(DEFAULT_LIFETIME.min(max))),
        };
        // What is less than a second is none.
        let seconds = if lifetime.as_secs() == 0 { 0 } else { whole_seconds(lifetime) };
        match self.window {
            Some(window) => stable_expiry(now, seconds, window.as_secs(), max),
            None if edge == Edge::Within => expiry(now, seconds, max),
            // The end is rounded up, so that no URL lives shorter than was said.
            None => {
                let begun = Duration::from_micros(u64::try_from(time.0.rem_euclid(1_000_000)).unwrap_or(0));
                let late = whole_seconds(lifetime.saturating_add(begun)).saturating_sub(seconds);
                expiry(now.saturating_add(late), seconds, max)
            }
        }
        .map(Some)
    }
}

/// Counts a download against a share; nothing where the store was opened for reading and the share has no
/// limit.
fn count(engine: &Engine, id: ShareId) -> Result<()> {
    let now = Time::now();
    if engine.journal.is_read_only() && share::check_left(&engine.reader()?, id, now)?.is_none() {
        return Ok(());
    }
    engine.write(move |change| share::count_download(change, id, now)).map(drop)
}

/// Rounds up to whole seconds.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// Returns the path of a base URL: what stands behind its host, if it has one.
pub(crate) fn base_path(base_url: &str) -> &str {
    if base_url.starts_with('/') {
        return base_url;
    }
    match base_url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"),
        None => base_url,
    }
}

/// The revocation counters of a file and its drive.
pub(crate) fn tree_epoch(tx: &StoreReader, file: FileId) -> Result<u64> {
    revocation::of_file(tx, file)
}

/// Makes what names an archive in a URL of the Cloudreve form: its id, and behind points its pace and its
/// counter of revocations, as far as they are not 0.
pub(crate) fn archive_text(id: ArchiveId, revocations: u64, pace: u64) -> String {
    match (pace, revocations) {
        (0, 0) => id.to_string(),
        (pace, 0) => format!("{id}.{pace}"),
        (pace, revocations) => format!("{id}.{pace}.{revocations}"),
    }
}

/// The revocation counters of a file in a share: the share's, the file's and its drive's.
pub(crate) fn share_epoch(tx: &StoreReader, id: ShareId, file: FileId) -> Result<u64> {
    Ok(share::record(tx, id)?.revocations.wrapping_add(tree_epoch(tx, file)?))
}

impl Store {
    /// Begins a URL of one version: it gives the same bytes whatever becomes of the file.
    pub fn url(&self, version: impl Target) -> Url {
        Url::new(self, Subject::Version(version.version_id()))
    }

    /// Begins a URL of one version that rests while its file is in the trash.
    pub fn url_of_revision(&self, version: impl Target) -> Url {
        Url::new(self, Subject::Revision(version.version_id()))
    }

    /// Begins a URL of a file: it gives the content that is current when it is used.
    pub fn url_of_file(&self, file: FileId) -> Url {
        Url::new(self, Subject::File(file))
    }
}

impl Drive {
    /// Begins a URL of the file at `path`: it gives the content that is current when it is used.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`.
    pub fn url(&self, path: &str) -> Result<Url> {
        let engine = self.engine()?;
        let snapshot = Snapshot::new(&engine);
        let (file, _) = snapshot.resolve(self.id(), path)?;
        // Signing will ask for it.
        snapshot.file(file)?;
        Ok(Url::new(self.store(), Subject::File(file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::{SimVfs, Vfs};
    use crate::{Options, Put, Request};

    #[test]
    fn no_url_lives_shorter_than_was_said_nor_a_second_longer() {
        let vfs: std::sync::Arc<dyn Vfs> = std::sync::Arc::new(SimVfs::new(1));
        let store = Store::open_on(vfs, Options::new()).unwrap();
        let version = store.drive("d").unwrap().put("a", &b"x"[..], Put::new()).unwrap();
        for begun in [0, 1, 500_000, 999_999] {
            for lifetime in [1_000_000, 1_000_001, 1_500_000, 900_000_000] {
                let now = Time(1_750_000_000_000_000 + begun);
                let ends = now.after(Duration::from_micros(lifetime));
                let url = store.url(&version).expires_in(Duration::from_micros(lifetime)).at(now);
                let url = url.sign().unwrap();
                let lives = |at| store.verify(&Request::get(&url).at(at)).is_ok();
                assert!(lives(Time(ends.0 - 1)), "{begun} {lifetime}");
                // To the end of the second that the time is in, and no longer.
                let over = Time(
                    ends.0.div_euclid(1_000_000) * 1_000_000 + 1_000_000 * i64::from(ends.0 % 1_000_000 > 0),
                );
                assert!(lives(Time(over.0 - 1)) && !lives(over), "{begun} {lifetime}");
                assert_eq!(store.url(&version).expires_at(ends).at(now).sign().unwrap(), url);
            }
            for past in [0, 1_750_000_000_000_000, i64::MIN, i64::MAX] {
                let url = store.url(&version).expires_at(Time(past)).at(Time(1_750_000_000_000_000 + begun));
                assert!(url.sign().is_err(), "{past}");
            }
            let url = store.url(&version).expires_in(Duration::from_micros(999_999));
            assert!(url.at(Time(1_750_000_000_000_000 + begun)).sign().is_err());
        }
    }
}
