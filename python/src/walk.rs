//! Walks: everything below a folder, page by page.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::convert::DrivePath;
use crate::drive::{Drive, PAGE, root};
use crate::fault::Outcome;
use crate::handle::Shared;
use crate::value::Row;

#[pymethods]
impl Drive {
    /// Iterates over everything below a folder: pairs of the path in the drive and the row, each folder
    /// before its contents. Concurrent changes may or may not show.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when a file is.
    #[pyo3(signature = (path = root()), text_signature = "($self, path='')")]
    fn walk(&self, py: Python<'_>, path: DrivePath) -> Outcome<Walk> {
        let first = Level::read(py, self.drive()?, path.0, None)?;
        let state = Mutex::new(vec![first]);
        Ok(Walk { handle: self.handle.clone(), drive: self.drive()?.clone(), state })
    }
}

/// Goes through everything below a folder.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Walk {
    drive: holdall::Drive,
    state: Mutex<Vec<Level>>,
    /// Last, so that it is dropped last: see [`Handle`](crate::handle::Handle).
    handle: Shared,
}

/// A folder that a walk is in.
struct Level {
    path: String,
    rows: std::vec::IntoIter<holdall::Row>,
    /// The last name of the page; none when there is no other page.
    after: Option<String>,
}

impl Level {
    fn read(
        py: Python<'_>,
        drive: &holdall::Drive,
        path: String,
        after: Option<String>,
    ) -> holdall::Result<Level> {
        let rows = py.detach(|| drive.list(&path, after.as_deref(), PAGE))?;
        let after = rows.last().filter(|_| rows.len() == PAGE).map(|row| row.name.clone());
        Ok(Level { path, rows: rows.into_iter(), after })
    }
}

#[pymethods]
impl Walk {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> Outcome<Option<(String, Row)>> {
        self.handle.store()?;
        // The lock is not held while another thread may be let in.
        let mut levels = std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner));
        let next = self.next(py, &mut levels);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = levels;
        next
    }
}

impl Walk {
    fn next(&self, py: Python<'_>, levels: &mut Vec<Level>) -> Outcome<Option<(String, Row)>> {
        while let Some(level) = levels.last_mut() {
            let Some(row) = level.rows.next() else {
                let (path, after) = (level.path.clone(), level.after.take());
                levels.pop();
                if after.is_some() {
                    self.enter(py, levels, path, after)?;
                }
                continue;
            };
            let path = match level.path.as_str() {
                "" => row.name.clone(),
                folder => format!("{folder}/{}", row.name),
            };
            if row.kind == holdall::Kind::Folder {
                self.enter(py, levels, path.clone(), None)?;
            }
            return Ok(Some((path, Row(row))));
        }
        Ok(None)
    }

    /// Goes into a folder, if it is still there.
    fn enter(
        &self,
        py: Python<'_>,
        levels: &mut Vec<Level>,
        path: String,
        after: Option<String>,
    ) -> Outcome<()> {
        match Level::read(py, &self.drive, path, after) {
            Ok(level) => levels.push(level),
            Err(error) if error.kind() == holdall::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
