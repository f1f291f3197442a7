//! The store: what a host opens, puts files into and hands URLs of out.

mod alias;
pub(crate) mod archive;
mod backup;
mod check;
mod compact;
mod drive;
mod engine;
mod file;
mod gc;
mod key;
mod layout;
pub(crate) mod link;
mod open;
mod options;
mod put;
mod repair;
pub(crate) mod share;
mod snapshot;
mod stats;
#[cfg(test)]
mod upkeep_tests;
pub(crate) mod upload;
pub(crate) mod url;
mod version;
pub(crate) mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;

pub use archive::{Archive, ArchiveInfo};
pub use backup::BackupReport;
pub use check::{CheckOptions, CheckReport, Damage, Progress, Watch};
pub use compact::CompactReport;
pub use drive::Drive;
pub(crate) use engine::Engine;
pub use gc::GcReport;
pub(crate) use open::random;
pub use options::{Dedup, Mode, Options};
pub use put::{Put, PutWriter};
pub use repair::{RebuildReport, RepairReport};
pub use share::{Share, Visit};
pub use stats::Stats;
pub use url::{Target, Url};

use crate::vfs::{RealVfs, Vfs};
use crate::{Error, Result, Time, fork};

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
    /// Opens the store again in a forked child.
    vfs: Box<dyn Fn() -> Result<Arc<dyn Vfs>> + Send + Sync>,
    life: ArcSwap<Life>,
}

/// The engine of one process; after a fork the child has the parent's, and must not touch it.
struct Life {
    generation: u64,
    /// None once the store was closed.
    engine: Option<Arc<Engine>>,
}

impl Drop for Life {
    fn drop(&mut self) {
        if self.generation != fork::generation() {
            // The parent's: to drop it here would write to its files and free its locks.
            std::mem::forget(self.engine.take());
        } else if let Some(Err(error)) = self.engine.as_ref().map(|engine| engine.close()) {
            tracing::warn!(%error, "the last checkpoint failed; the next opening replays the log");
        }
    }
}

impl Shared {
    fn open(
        options: Options,
        vfs: impl Fn() -> Result<Arc<dyn Vfs>> + Send + Sync + 'static,
    ) -> Result<Shared> {
        let engine = Arc::new(open::open(vfs()?, options.clone())?);
        let life = Life { generation: fork::generation(), engine: Some(engine) };
        Ok(Shared { options, vfs: Box::new(vfs), life: ArcSwap::from_pointee(life) })
    }

    fn is_closed(&self) -> bool {
        self.life.load().engine.is_none()
    }

    fn engine(&self) -> Result<Arc<Engine>> {
        loop {
            let life = self.life.load();
            let Some(engine) = &life.engine else {
                return Err(Error::invalid("the store was closed; open it again"));
            };
            if life.generation == fork::generation() {
                return Ok(engine.clone());
            }
            let engine = Arc::new(open::open((self.vfs)()?, self.options.clone())?);
            let fresh = Arc::new(Life { generation: fork::generation(), engine: Some(engine) });
            self.life.compare_and_swap(&life, fresh);
        }
    }
}

impl Store {
    /// Opens the store in a directory, and makes it where there is none.
    ///
    /// The same directory opened twice in a process, by whatever path, is one store.
    ///
    /// # Errors
    /// `Locked` when another process has it open in a mode that excludes this one, `InvalidArgument`
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
        let place = {
            use std::os::unix::fs::MetadataExt;
            (found.dev(), found.ino())
        };
        let shared = open::once(place, options.mode, || {
            Shared::open(options, move || {
                let vfs = RealVfs::new(&path)
                    .map_err(|cause| Error::io(format!("opening the store {}", path.display()), cause))?;
                Ok(Arc::new(vfs) as Arc<dyn Vfs>)
            })
        });
        shared.map(|shared| Store { shared }).map_err(|error| error.context(doing()))
    }

    /// Opens the store on a file system of the caller's, as tests do with a simulated one.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(vfs: Arc<dyn Vfs>, options: Options) -> Result<Store> {
        let shared = Shared::open(options, move || Ok(vfs.clone()))?;
        Ok(Store { shared: Arc::new(shared) })
    }

    /// Closes the store for all its clones, after a last checkpoint. Bodies that were handed out
    /// stay whole; every other use is an error from now on.
    ///
    /// # Errors
    /// `Io` when the checkpoint cannot be written; nothing is lost, and the store is closed.
    pub fn close(&self) -> Result<()> {
        let closed = Arc::new(Life { generation: fork::generation(), engine: None });
        let life = self.shared.life.swap(closed);
        if life.generation != fork::generation() {
            return Ok(());
        }
        life.engine.as_ref().map_or(Ok(()), |engine| engine.close())
    }

    /// Opens a drive by its name, and makes it where there is none.
    ///
    /// # Errors
    /// `InvalidArgument` when the name breaks the rules of names.
    pub fn drive(&self, name: &str) -> Result<Drive> {
        Drive::open(self, name)
    }

    /// Opens a drive by its name; none where there is none.
    ///
    /// # Errors
    /// `Io` and `Corrupt` when the store cannot be read.
    pub fn find_drive(&self, name: &str) -> Result<Option<Drive>> {
        let found = crate::catalog::drive::find(&self.engine()?.reader()?, name)?;
        Ok(found.map(|id| Drive::with_id(self, id)))
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
