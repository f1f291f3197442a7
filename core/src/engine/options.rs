//! How a store is opened.

use std::time::Duration;

use crate::http::CrossOrigin;
use crate::{Error, Result};

/// How processes share a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Any number of processes read and write: web workers, and the command line beside them.
    #[default]
    Shared,
    /// One process has the store for itself and commits several times faster.
    Exclusive,
}

/// What content is held once for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dedup {
    /// The whole store: equal content is stored once, in whatever drives it lies.
    #[default]
    Store,
    /// Each drive by itself, so that the time a put takes tells nothing of other drives.
    Drive,
}

/// The options of [`Store::open`](crate::Store::open). Each has a default that serves most hosts.
///
/// ```
/// use holdall::{Mode, Options};
/// let options = Options::new().mode(Mode::Exclusive).cache_bytes(64 << 20);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    pub(crate) mode: Mode,
    pub(crate) dedup: Dedup,
    pub(crate) create: bool,
    pub(crate) base_url: String,
    pub(crate) threshold: usize,
    pub(crate) segment_bytes: u64,
    pub(crate) cache_bytes: usize,
    pub(crate) max_put_bytes: u64,
    pub(crate) grace: Option<Duration>,
    pub(crate) max_lifetime: Duration,
    pub(crate) max_archive_entries: u64,
    pub(crate) max_archive_bytes: u64,
    pub(crate) drive_archive_quota: u64,
    pub(crate) share_archive_quota: u64,
    pub(crate) client_passwords: u32,
    pub(crate) share_passwords: u32,
    pub(crate) cross_origin: CrossOrigin,
    pub(crate) lock_timeout: Duration,
    pub(crate) map: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

impl Options {
    /// What [`Options::wrong_passwords`] is by default: of one client, and of all.
    pub const WRONG_PASSWORDS: (u32, u32) = (10, 100);

    /// Returns the defaults.
    pub fn new() -> Options {
        Options {
            mode: Mode::Shared,
            dedup: Dedup::Store,
            create: true,
            base_url: "/".to_owned(),
            threshold: 1 << 20,
            segment_bytes: 256 << 20,
            cache_bytes: 64 << 20,
            max_put_bytes: 1 << 40,
            grace: None,
            max_lifetime: Duration::from_secs(7 * 24 * 3600),
            max_archive_entries: 100_000,
            max_archive_bytes: 1 << 40,
            drive_archive_quota: 1 << 30,
            share_archive_quota: 64 << 20,
            client_passwords: Options::WRONG_PASSWORDS.0,
            share_passwords: Options::WRONG_PASSWORDS.1,
            cross_origin: CrossOrigin::SAME_SITE,
            lock_timeout: Duration::from_secs(10),
            map: true,
        }
    }

    /// Sets how processes share the store; [`Mode::Shared`] by default.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Options {
        self.mode = mode;
        self
    }

    /// Sets what equal content is stored once for; the whole store by default.
    #[must_use]
    pub fn dedup(mut self, dedup: Dedup) -> Options {
        self.dedup = dedup;
        self
    }

    /// Sets whether a store is made where none is; it is by default.
    #[must_use]
    pub fn create(mut self, create: bool) -> Options {
        self.create = create;
        self
    }

    /// Sets what URLs begin with: `/` by default, or `/files/`, or `https://cdn.example/files/`. A `/`
    /// at the end is added if it is missing.
    #[must_use]
    pub fn base_url(mut self, base_url: impl Into<String>) -> Options {
        self.base_url = base_url.into();
        if !self.base_url.ends_with('/') {
            self.base_url.push('/');
        }
        self
    }

    /// Sets the length in bytes from which content gets a file of its own: 1 MiB by default, 4 KiB
    /// to 16 MiB.
    #[must_use]
    pub fn threshold(mut self, bytes: usize) -> Options {
        self.threshold = bytes;
        self
    }

    /// Sets the length in bytes after which a segment is left for a new one: 256 MiB by default, at
    /// least 64 KiB.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Options {
        self.segment_bytes = bytes;
        self
    }

    /// Sets how many bytes of rows are kept in memory: 64 MiB by default.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Options {
        self.cache_bytes = bytes;
        self
    }

    /// Sets the longest content in bytes that a put takes: 1 TiB by default.
    #[must_use]
    pub fn max_put_bytes(mut self, bytes: u64) -> Options {
        self.max_put_bytes = bytes;
        self
    }

    /// Sets the grace of the store, as [`Store::set_grace`](crate::Store::set_grace) does once it is open. By
    /// default it stays what it is, and that of a new store is 24 hours.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Options {
        self.grace = Some(grace);
        self
    }

    /// Sets the longest a URL may live: 7 days by default. Archives live no longer than the grace.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Duration) -> Options {
        self.max_lifetime = lifetime;
        self
    }

    /// Sets the most entries of an archive: 100,000 by default.
    #[must_use]
    pub fn max_archive_entries(mut self, entries: u64) -> Options {
        self.max_archive_entries = entries;
        self
    }

    /// Sets the most bytes of an archive: 1 TiB by default.
    #[must_use]
    pub fn max_archive_bytes(mut self, bytes: u64) -> Options {
        self.max_archive_bytes = bytes;
        self
    }

    /// Sets the most bytes that the lists of members take of all archives that the owner of one drive
    /// has at once, some 60 and the name for each member: 1 GiB by default. Archives that are equal
    /// count once, one that ended counts until a collection removed it.
    #[must_use]
    pub fn drive_archive_quota(mut self, bytes: u64) -> Options {
        self.drive_archive_quota = bytes;
        self
    }

    /// Sets the same for all archives that visitors of one share have at once: 64 MiB by default.
    #[must_use]
    pub fn share_archive_quota(mut self, bytes: u64) -> Options {
        self.share_archive_quota = bytes;
        self
    }

    /// Sets how many wrong passwords for one share are checked at once of one client, 10 by default, and of
    /// all clients, 100; after that one a minute of the client, and one every 6 seconds of all. More are
    /// refused unchecked ([`Error::retry_after`]), right ones too. Of all shares together a client has 20 times
    /// as many checked; a right one is checked once. Each process counts for itself, and forgets when it ends.
    #[must_use]
    pub fn wrong_passwords(mut self, of_client: u32, of_all: u32) -> Options {
        (self.client_passwords, self.share_passwords) = (of_client, of_all);
        self
    }

    /// Sets which pages of other origins may show or read what URLs give, those that say nothing of it: of
    /// its own site by default. Replies in the form of Cloudreve are every page's to read, as there.
    #[must_use]
    pub fn cross_origin(mut self, policy: CrossOrigin) -> Options {
        self.cross_origin = policy;
        self
    }

    /// Sets whether content is sent from maps of its files, as it is by default, or is read into
    /// memory, 256 KiB at a time.
    ///
    /// A map costs no copy. But where a file loses bytes while they are sent, because somebody cut it
    /// short or its disk fails, the system ends the process by SIGBUS; what is read is an error then,
    /// and the host breaks off that one reply. Not to map suits disks that may fail or be
    /// removed, and processes that must outlive that.
    #[must_use]
    pub fn map(mut self, map: bool) -> Options {
        self.map = map;
        self
    }

    /// Sets how long opening waits for another process that is opening or recovering the store or
    /// writes to it, and for this one where another thread is closing it: 10 seconds by default.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Options {
        self.lock_timeout = timeout;
        self
    }

    /// Refuses values that can never be right.
    pub(crate) fn check(&self) -> Result<()> {
        if !(4 << 10..=16 << 20).contains(&self.threshold) {
            return Err(Error::invalid(format!(
                "a threshold of {} bytes is outside 4 KiB to 16 MiB",
                self.threshold
            )));
        }
        if self.segment_bytes < 64 << 10 {
            return Err(Error::invalid(format!(
                "segments of {} bytes are below the least, 64 KiB",
                self.segment_bytes
            )));
        }
        let rooted = self.base_url.starts_with('/') || self.base_url.contains("://");
        if !rooted || self.base_url.contains(['?', '#', ' ', '"', '\\']) {
            return Err(Error::invalid(format!(
                "the base url {:?} is invalid: it begins with '/' or a scheme such as https://, and holds no \
                 '?', '#', quote or space",
                self.base_url
            )));
        }
        Ok(())
    }
}
