//! The body of a request, which Rust reads and Python gives: a block at a time, never whole.

use std::io::{self, Read};

use pyo3::exceptions::{PyBlockingIOError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyIterator, PyMemoryView, PySlice, PyString};

use crate::fault::Outcome;
use crate::source::is_bytes_like;

/// Bytes that are asked for at once.
const BLOCK: usize = 1 << 20;

/// Reads what is bytes-like, a binary file, or an iterable of bytes-like. The GIL is taken for each
/// block, and not held between.
pub(crate) struct Feed {
    source: Source,
    /// Memory that another thread may write: each block of it is copied while the GIL is held.
    view: Option<View>,
    /// The block that is being read, and how far.
    held: Option<PyBackedBytes>,
    at: usize,
    /// What Python raised: it ended the reading.
    raised: Option<PyErr>,
}

enum Source {
    /// There is no more than the view and what is held.
    Nothing,
    /// The `read` of a file.
    File(Py<PyAny>),
    Items(Py<PyIterator>),
}

struct View {
    memory: Py<PyAny>,
    at: usize,
    len: usize,
}

impl Feed {
    /// Prepares to read a body.
    ///
    /// # Errors
    /// `TypeError` for what can be none.
    pub(crate) fn new(body: Option<&Bound<'_, PyAny>>) -> Outcome<Feed> {
        let mut feed = Feed { source: Source::Nothing, view: None, held: None, at: 0, raised: None };
        let Some(body) = body else { return Ok(feed) };
        if is_bytes_like(body) {
            feed.show(body)?;
        } else if let Some(read) = body.getattr_opt("read")? {
            feed.source = Source::File(read.unbind());
        } else {
            let items = match body.is_instance_of::<PyString>() {
                true => Err(not_a_body(body)),
                false => body.try_iter().map_err(|_| not_a_body(body)),
            };
            feed.source = Source::Items(items?.unbind());
        }
        Ok(feed)
    }

    /// Returns what came of reading this body: an exception of Python's goes before all else.
    pub(crate) fn outcome<T>(self, result: holdall::Result<T>) -> Outcome<T> {
        match self.raised {
            Some(raised) => Err(raised.into()),
            None => Ok(result?),
        }
    }

    /// Takes one piece: bytes as they lie, other memory block by block.
    fn show(&mut self, piece: &Bound<'_, PyAny>) -> PyResult<()> {
        if piece.is_instance_of::<PyBytes>() {
            (self.held, self.at) = (Some(piece.extract()?), 0);
            return Ok(());
        }
        let memory = PyMemoryView::from(piece)?.call_method1("cast", ("B",))?;
        self.view = Some(View { len: memory.len()?, at: 0, memory: memory.unbind() });
        Ok(())
    }

    /// Brings the next block that has a byte; returns whether there is one.
    fn next(&mut self, py: Python<'_>) -> PyResult<bool> {
        loop {
            if let Some(view) = &mut self.view {
                let stop = view.at.saturating_add(BLOCK).min(view.len);
                if view.at < stop {
                    let index = |at: usize| isize::try_from(at).unwrap_or(isize::MAX);
                    let slice = PySlice::new(py, index(view.at), index(stop), 1);
                    let block = view.memory.bind(py).get_item(slice)?.call_method0("tobytes")?;
                    (self.held, self.at) = (Some(block.extract()?), 0);
                    view.at = stop;
                    return Ok(true);
                }
                self.view = None;
            }
            let piece = match &self.source {
                Source::Nothing => None,
                Source::File(read) => Some(read.bind(py).call1((BLOCK,))?),
                Source::Items(items) => items.bind(py).clone().next().transpose()?,
            };
            py.check_signals()?;
            let Some(piece) = piece else { return Ok(false) };
            if piece.is_none() {
                let message = "the body has no bytes ready; give one that blocks";
                return Err(PyBlockingIOError::new_err(message));
            }
            if !is_bytes_like(&piece) {
                return Err(not_a_body(&piece));
            }
            self.show(&piece)?;
            let empty = piece.len()? == 0;
            if empty && matches!(self.source, Source::File(_)) {
                return Ok(false);
            }
            if !empty && self.view.is_none() {
                return Ok(true);
            }
        }
    }
}

impl Read for Feed {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.held.as_deref().and_then(|held| held.get(self.at..)).unwrap_or_default();
            if target.is_empty() || !left.is_empty() {
                let len = left.len().min(target.len());
                if let (Some(to), Some(from)) = (target.get_mut(..len), left.get(..len)) {
                    to.copy_from_slice(from);
                }
                self.at += len;
                return Ok(len);
            }
            if self.raised.is_some() {
                return Err(io::Error::other("the reading of the body was ended"));
            }
            match Python::attach(|py| self.next(py)) {
                Ok(true) => {}
                Ok(false) => {
                    (self.source, self.held) = (Source::Nothing, None);
                    return Ok(0);
                }
                Err(raised) => self.raised = Some(raised),
            }
        }
    }
}

fn not_a_body(value: &Bound<'_, PyAny>) -> PyErr {
    let name = value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!(
        "the body of a request is bytes-like, a binary file or an iterable of bytes, not {name}"
    ))
}
