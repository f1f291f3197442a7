//! Handles: a store as Python has it open. A directory that is opened several times in a process is
//! one store, which closes with its last handle.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdall::Options;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::fault::{Fault, Outcome};

/// Handles that are open, by the directory.
static OPEN: Mutex<BTreeMap<PathBuf, usize>> = Mutex::new(BTreeMap::new());

fn open_handles() -> MutexGuard<'static, BTreeMap<PathBuf, usize>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a `Store` and its drives share.
pub(crate) struct Handle {
    store: holdall::Store,
    /// The directory, without symbolic links.
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
            let mut handles = open_handles();
            let store = holdall::Store::open(&path, options)?;
            let path = std::fs::canonicalize(&path)
                .map_err(|cause| holdall::Error::io(format!("finding {}", path.display()), cause))?;
            *handles.entry(path.clone()).or_default() += 1;
            Ok::<_, holdall::Error>((store, path))
        })?;
        Ok(Handle { store, path, keywords: keywords.unbind(), closed: AtomicBool::new(false) })
    }

    /// Returns the store.
    ///
    /// # Errors
    /// `InvalidArgument` when the handle was closed.
    pub(crate) fn store(&self) -> Outcome<&holdall::Store> {
        if self.is_closed() {
            return Err(Fault::invalid("the store was closed; open it again"));
        }
        Ok(&self.store)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes the handle, and the store with its last one.
    pub(crate) fn close(&self) -> holdall::Result<()> {
        let mut handles = open_handles();
        match self.leave(&mut handles) {
            true => self.store.close(),
            false => Ok(()),
        }
    }

    /// Counts the handle as closed; returns whether it was the last.
    fn leave(&self, handles: &mut BTreeMap<PathBuf, usize>) -> bool {
        if self.closed.swap(true, Ordering::AcqRel) {
            return false;
        }
        match handles.get_mut(&self.path) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => {
                handles.remove(&self.path);
                true
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.leave(&mut open_handles());
    }
}

/// A handle that classes share.
pub(crate) type Shared = Arc<Handle>;
