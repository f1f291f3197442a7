//! The handle of an open store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::registry::{self, OpenStore, StoreLocation};
use crate::engine::layout;
use crate::engine::open::open;
use crate::engine::{Engine, Options};
use crate::vfs::{RealVfs, Vfs};
use crate::{Error, Result, Time};

/// An open store. Cloning it is cheap, and every thread may use it.
///
/// A clone that a forked child inherits works too: the child opens the store anew at its first
/// use, and what the parent holds is left alone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// What the clones of a [`Store`] share.
struct Shared {
    options: Options,
    location: StoreLocation,
    /// Opens the store again in a forked child.
    open: Box<dyn Fn(Options) -> Result<Engine> + Send + Sync>,
    /// The session of the process that used it last; none once the store was closed.
    session: ArcSwapOption<OpenStore>,
}

impl Shared {
    fn open(
        location: StoreLocation,
        options: Options,
        open: impl Fn(Options) -> Result<Engine> + Send + Sync + 'static,
    ) -> Result<Shared> {
        let session = registry::session(location, &options, || open(options.clone()))?;
        if let Some(grace) = options.grace {
            session.engine().set_grace(grace)?;
        }
        // Where it was open already, the options are those of the first.
        let options = session.engine().options.clone();
        Ok(Shared { options, location, open: Box::new(open), session: ArcSwapOption::new(Some(session)) })
    }

    fn engine(&self) -> Result<Arc<Engine>> {
        loop {
            let known = self.session.load();
            let Some(session) = known.as_ref().filter(|session| !session.is_closed()) else {
                return Err(Error::invalid("the store was closed; open it again"));
            };
            if session.is_ours() {
                return Ok(session.engine().clone());
            }
            let ours = registry::session(self.location, &self.options, || (self.open)(self.options.clone()))?;
            self.session.compare_and_swap(&known, Some(ours));
        }
    }
}

impl Store {
    /// Opens the store in a directory, creating it if it does not exist.
    ///
    /// The same directory opened twice in a process, by whatever path, is one store.
    ///
    /// In the place of a path it takes the address of a PostgreSQL database, with that of S3-compatible object
    /// storage in it, where the crate is built with the feature `remote`:
    /// `postgres://user@host/database?contents=s3://bucket/prefix`. The rows are then in the database and the
    /// contents in the bucket, for any number of processes on any number of hosts. docs/cluster.md has all
    /// parts of the address, what it costs and what is different.
    ///
    /// In a directory that takes no writes of this process (a read-only mount, or no permission) the store is
    /// opened for reading. It shows all that was acknowledged, also after a session that ended in a crash,
    /// whose log is replayed in memory. URLs are signed and served, [`Store::check`] and [`Store::backup`]
    /// work, and downloads are not counted; every change, every URL that is valid for a number of uses,
    /// and every share with a limit of downloads is refused with `ReadOnly`. Any number of processes read so at once, and none writes meanwhile.
    ///
    /// # Errors
    /// `Locked` when another process has it open in a mode that excludes this one, `ReadOnly` when there is
    /// none and the directory takes no writes, `InvalidArgument`
    /// when the directory holds something else or an option can never be right, `Unsupported` when
    /// a later version made it, `Corrupt` when it is damaged, `Io` as the system says.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path();
    /// use holdall::{Options, Store};
    /// let store = Store::open(path, Options::new())?;
    /// let drive = store.drive("alice")?;
    /// # Ok::<(), holdall::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Store> {
        let path = path.as_ref();
        if let Some(text) = path.to_str() {
            if is_address(text) {
                return open_address(text, options);
            }
            if text.starts_with("postgres:/") || text.starts_with("postgresql:/") {
                // Without the address, which may have a password.
                return Err(Error::invalid(
                    "the address of a database has lost a slash; give it as text and not as a path",
                ));
            }
        }
        let doing = || format!("opening the store {}", path.display());
        if path.is_file() {
            return Err(Error::invalid(format!("{} is a file; a store is a directory", path.display())));
        }
        if options.create {
            layout::make_private(path).map_err(|cause| Error::io(doing(), cause))?;
        }
        let path: PathBuf = std::fs::canonicalize(path).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => {
                Error::not_found(format!("there is no directory {}", path.display()))
            }
            _ => Error::io(doing(), cause),
        })?;
        let found = std::fs::metadata(&path).map_err(|cause| Error::io(doing(), cause))?;
        let location = {
            use std::os::unix::fs::MetadataExt;
            StoreLocation::Dir(found.dev(), found.ino())
        };
        let (named, maps) = (path.clone(), options.map);
        let doing = || format!("opening the store {}", named.display());
        let shared = Shared::open(location, options, move |options| {
            let vfs = RealVfs::new(&path)
                .map(|vfs| vfs.maps(maps))
                .map_err(|cause| Error::io(format!("opening the store {}", path.display()), cause))?;
            open(Arc::new(vfs), options)
        });
        shared.map(|shared| Store { shared: Arc::new(shared) }).map_err(|error| error.context(doing()))
    }

    /// Opens the store on a file system of the caller's, as tests do with a simulated one.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(vfs: Arc<dyn Vfs>, options: Options) -> Result<Store> {
        let location = vfs.identity().map_or_else(StoreLocation::own, StoreLocation::Named);
        let shared = Shared::open(location, options, move |options| open(vfs.clone(), options))?;
        Ok(Store { shared: Arc::new(shared) })
    }

    /// Opens a store by what makes its engine; `identity` says whether two are the same.
    #[cfg(feature = "remote")]
    pub(crate) fn open_by(
        identity: u64,
        options: Options,
        open: impl Fn(Options) -> Result<Engine> + Send + Sync + 'static,
    ) -> Result<Store> {
        let shared = Shared::open(StoreLocation::Named(identity), options, open)?;
        Ok(Store { shared: Arc::new(shared) })
    }

    /// Opens the store that is on simulated servers, as a simulated host does, making it if it does not exist and the
    /// options allow that.
    ///
    /// # Errors
    /// As [`Store::open`].
    #[cfg(all(feature = "sim", feature = "remote"))]
    pub fn open_simulated(host: &crate::simulated::SimHost, options: Options) -> Result<Store> {
        let host = host.clone();
        let identity = host.database.identity();
        Store::open_by(identity, options, move |options| {
            crate::engine::remote::open_simulated(&host, options)
        })
    }

    /// Returns the store as a child has it that a simulated process forks: a copy of what is in this
    /// one's memory, and the directory as the child has it.
    #[cfg(feature = "sim")]
    #[must_use]
    pub fn forked(&self, vfs: Arc<dyn Vfs>) -> Store {
        let session = self.shared.session.load_full().map(|session| Arc::new(session.inherited()));
        let (options, location) = (self.shared.options.clone(), self.shared.location);
        let open = Box::new(move |options| open(vfs.clone(), options));
        Store { shared: Arc::new(Shared { options, location, open, session: ArcSwapOption::new(session) }) }
    }

    /// Closes the store for all its clones and for all else that opened it in this process, after a
    /// last checkpoint. Bodies that were handed out stay whole; every other use is an error from now
    /// on. An opening in another thread waits until this is over.
    ///
    /// # Errors
    /// `Io` when the checkpoint cannot be written; nothing is lost, and the store is closed.
    pub fn close(&self) -> Result<()> {
        self.shared.session.swap(None).map_or(Ok(()), |session| session.close())
    }

    /// Ends this opening: what [`Store::open`] returned and its clones are closed. The store itself
    /// closes with the last opening in this process, as it does when the last is dropped.
    ///
    /// # Errors
    /// As [`Store::close`].
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path();
    /// use holdall::{Options, Store};
    /// let (one, two) = (Store::open(path, Options::new())?, Store::open(path, Options::new())?);
    /// one.release()?;
    /// assert!(one.drive("alice").is_err());
    /// assert!(two.drive("alice").is_ok());
    /// # Ok::<(), holdall::Error>(())
    /// ```
    pub fn release(&self) -> Result<()> {
        let session = self.shared.session.swap(None);
        session.and_then(Arc::into_inner).map_or(Ok(()), |last| last.close())
    }

    /// Returns when the store was made.
    ///
    /// # Errors
    /// `InvalidArgument` when the store was closed.
    pub fn created(&self) -> Result<Time> {
        Ok(self.engine()?.created)
    }

    pub(crate) fn engine(&self) -> Result<Arc<Engine>> {
        self.shared.engine()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

/// Whether [`Store::open`] takes this for the address of a database, and not for a directory. Such an address may have
/// a password in it, which messages do not show.
pub fn is_address(path: impl AsRef<Path>) -> bool {
    let starts = |text: &str| ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    path.as_ref().to_str().is_some_and(starts)
}

/// Opens the store at the address of a database.
#[cfg(feature = "remote")]
fn open_address(text: &str, options: Options) -> Result<Store> {
    use crate::engine::remote::{self, StoreAddress};

    let address = StoreAddress::parse(text)?;
    let opened = Store::open_by(address.identity(), options, move |options| remote::open(&address, options));
    // Without the address, which may have a password.
    opened.map_err(|error| error.context("opening the store in a database"))
}

/// Says that this build opens directories only.
#[cfg(not(feature = "remote"))]
fn open_address(_text: &str, _options: Options) -> Result<Store> {
    Err(Error::new(
        crate::ErrorKind::Unsupported,
        "the address of a database was given, and this build opens directories only; build it with the feature \
         `remote`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_whose_slashes_were_joined_is_no_directory() {
        let dir = tempfile::tempdir().unwrap();
        for address in ["postgres:/files:secret@db/files?contents=s3:/bucket", "postgresql:/db/files"] {
            let refused = Store::open(Path::new(address), Options::new()).unwrap_err();
            assert_eq!(refused.kind(), crate::ErrorKind::InvalidArgument);
            assert!(
                refused.to_string().contains("slash") && !refused.to_string().contains("secret"),
                "{refused}"
            );
            assert!(!Path::new(address).exists());
        }
        // Whoever means a directory of such a name says so.
        Store::open(dir.path().join("postgres:"), Options::new()).unwrap();
    }
}
