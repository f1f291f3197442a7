//! Handles: a store as Python has it open. A directory that is opened several times in a process is
//! one store, which closes with its last handle.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holdall::Options;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::fault::{Fault, Outcome};

/// What a `Store` and its drives share. Whoever has a part in the handle drops what it has of the
/// store before it, so that the handle's own drop is what ends the session.
pub(crate) struct Handle {
    /// None only while the handle is dropped.
    store: Option<holdall::Store>,
    /// The directory, without symbolic links; or the address of a database.
    pub(crate) path: PathBuf,
    /// The keyword arguments it was opened with, to open it again after pickling.
    pub(crate) keywords: Py<PyDict>,
    closed: AtomicBool,
}

impl Handle {
    pub(crate) fn open(
        py: Python<'_>,
        path: PathBuf,
        options: Options,
        keywords: Bound<'_, PyDict>,
    ) -> Outcome<Handle> {
        let (store, path) = py.detach(|| {
            let store = holdall::Store::open(&path, options)?;
            let path = match holdall::is_address(&path) {
                true => path,
                false => std::fs::canonicalize(&path)
                    .map_err(|cause| holdall::Error::io(format!("finding {}", path.display()), cause))?,
            };
            Ok::<_, holdall::Error>((store, path))
        })?;
        let keywords = keywords.unbind();
        Ok(Handle { store: Some(store), path, keywords, closed: AtomicBool::new(false) })
    }

    /// Returns the store.
    ///
    /// # Errors
    /// `InvalidArgument` when the handle was closed.
    pub(crate) fn store(&self) -> Outcome<&holdall::Store> {
        let open = self.store.as_ref().filter(|_| !self.is_closed());
        open.ok_or_else(|| Fault::invalid("the store was closed; open it again"))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes the handle, and the store with its last one.
    pub(crate) fn close(&self) -> holdall::Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.store.as_ref().map_or(Ok(()), holdall::Store::release)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The last one closes the store, which waits for the disk: not with the GIL. Where the
        // interpreter is gone already, the store goes with the closure.
        let store = self.store.take();
        let _ = Python::try_attach(move |py| py.detach(move || drop(store)));
    }
}

/// A handle that classes share.
pub(crate) type Shared = Arc<Handle>;
