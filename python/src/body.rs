//! Bodies: bytes of known length that are sliced, gone through and read, any number of times.

use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use holdall::body::{self, Segments};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyMemoryView, PySlice, PyType};

use crate::buffer;
use crate::fault::{Fault, Outcome};

/// Runs shorter than this are joined with their neighbours, in bytes.
const SHORT: usize = 64 << 10;
/// The longest chunk, in bytes, unless another is asked for.
const CHUNK: usize = 1 << 20;
/// What is touched to bring a page into memory.
const PAGE: usize = 4 << 10;

/// Bytes of an exact length, where they lie. It may be sliced, and gone through any number of
/// times; it keeps what it shows alive, whatever becomes of the store.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Body(pub(crate) body::Body);

impl Body {
    /// Returns bytes that lie in one run, with their pages in memory; None if they do not.
    fn run(&self, offset: u64, len: usize) -> holdall::Result<Option<Bytes>> {
        let wanted = u64::try_from(len).unwrap_or(u64::MAX);
        let data = self.0.segment(offset, wanted)?.data;
        if data.len() != len {
            return Ok(None);
        }
        touch(&data);
        Ok(Some(data))
    }
}

#[pymethods]
impl Body {
    fn __len__(&self) -> Outcome<usize> {
        usize::try_from(self.0.len()).map_err(|_| Fault::invalid("the body is longer than len() can say"))
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyBytes>> {
        self.read(py, 0, None)
    }

    /// Goes through the bytes as read-only memoryviews; see `chunks`.
    fn __iter__(&self) -> Chunks {
        self.chunks(CHUNK)
    }

    /// Returns an iterator of read-only memoryviews of at most `size` bytes. Long runs are shown
    /// where they lie, short ones are joined. What is next is brought into memory with the GIL
    /// released, so an event loop can leave next() to a thread.
    #[pyo3(signature = (size = CHUNK), text_signature = "($self, size=1048576)")]
    fn chunks(&self, size: usize) -> Chunks {
        let size = size.max(1);
        let limit = u64::try_from(size).unwrap_or(u64::MAX);
        Chunks { size, state: Mutex::new(State { segments: self.0.segments_of(limit), held: None }) }
    }

    /// Returns an iterator of Segments of at most `size` bytes: each run as it lies, with its position
    /// in a file where it has one.
    #[pyo3(signature = (size = CHUNK), text_signature = "($self, size=1048576)")]
    fn segments(&self, size: usize) -> SegmentIterator {
        let limit = u64::try_from(size.max(1)).unwrap_or(u64::MAX);
        SegmentIterator(Mutex::new(self.0.segments_of(limit)))
    }

    /// Returns a slice as a Body; no byte is touched. Only steps of 1.
    fn __getitem__(&self, index: &Bound<'_, PyAny>) -> Outcome<Body> {
        let slice = index.cast::<PySlice>().map_err(|_| {
            PyTypeError::new_err("a body is sliced, as in body[10:20]; bytes(body)[3] gives one byte")
        })?;
        let len =
            isize::try_from(self.0.len()).map_err(|_| Fault::invalid("the body is too long to slice"))?;
        let found = slice.indices(len)?;
        if found.step != 1 {
            return Err(PyValueError::new_err("a body is sliced with a step of 1").into());
        }
        let position = |at: isize| u64::try_from(at).unwrap_or(0);
        let start = position(found.start);
        Ok(Body(self.0.slice(start..position(found.stop).max(start))?))
    }

    /// Returns at most `size` bytes from `offset` on; without a size, all of them.
    #[pyo3(signature = (offset = 0, size = None))]
    fn read<'py>(&self, py: Python<'py>, offset: u64, size: Option<u64>) -> Outcome<Bound<'py, PyBytes>> {
        let left = self.0.len().saturating_sub(offset);
        let len = usize::try_from(size.unwrap_or(left).min(left))
            .map_err(|_| Fault::invalid("the body is longer than memory can be"))?;
        if (1..=SHORT).contains(&len)
            && let Some(data) = py.detach(|| self.run(offset, len))?
        {
            return Ok(PyBytes::new(py, &data));
        }
        Ok(PyBytes::new_with(py, len, |bytes| {
            let read = py.detach(|| self.0.read_at(offset, bytes));
            read.map(drop).map_err(|error| Fault::Store(error).into())
        })?)
    }

    /// Reads from `offset` on into a buffer; returns how many bytes, fewer than it takes only at
    /// the end.
    #[pyo3(signature = (target, offset = 0))]
    fn readinto(&self, target: &Bound<'_, PyAny>, offset: u64) -> Outcome<usize> {
        Ok(buffer::fill(target, |bytes| self.0.read_at(offset, bytes))??)
    }

    /// Returns a file object at the first byte.
    fn open<'py>(slf: &Bound<'py, Self>) -> Outcome<Bound<'py, PyAny>> {
        reader(slf)
    }

    fn __repr__(&self) -> String {
        format!("<Body {} bytes>", self.0.len())
    }
}

/// Makes the file object of a body.
pub(crate) fn reader<'py>(body: &Bound<'py, Body>) -> Outcome<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    Ok(CLASS.import(body.py(), "holdall._reader", "Reader")?.call1((body,))?)
}

/// The chunks of a body.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Chunks {
    size: usize,
    state: Mutex<State>,
}

struct State {
    segments: Segments,
    /// A segment that did not go into the chunk before.
    held: Option<Bytes>,
}

impl State {
    /// Returns the next chunk, with its pages in memory.
    fn next(&mut self, size: usize) -> holdall::Result<Option<Bytes>> {
        let mut joined = BytesMut::new();
        loop {
            let data = match self.held.take() {
                Some(data) => data,
                None => match self.segments.next() {
                    Some(segment) => segment?.data,
                    None if joined.is_empty() => return Ok(None),
                    None => return Ok(Some(joined.freeze())),
                },
            };
            let short = data.len() < SHORT && joined.len() + data.len() <= size;
            if short && joined.is_empty() && self.segments.remaining() == 0 {
                // The only one, or the last.
                touch(&data);
                return Ok(Some(data));
            }
            if short {
                joined.extend_from_slice(&data);
            } else if joined.is_empty() {
                touch(&data);
                return Ok(Some(data));
            } else {
                self.held = Some(data);
                return Ok(Some(joined.freeze()));
            }
        }
    }
}

/// Reads a byte of every page.
fn touch(data: &[u8]) {
    for byte in data.iter().step_by(PAGE) {
        std::hint::black_box(*byte);
    }
}

#[pymethods]
impl Chunks {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> Outcome<Option<Bound<'py, PyMemoryView>>> {
        let next = py.detach(|| self.state.lock().unwrap_or_else(PoisonError::into_inner).next(self.size))?;
        Ok(next.map(|bytes| buffer::view(py, bytes)).transpose()?)
    }
}

/// One contiguous run of a body.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Segment(body::Segment);

#[pymethods]
impl Segment {
    fn __len__(&self) -> usize {
        self.0.data.len()
    }

    /// The bytes, as a read-only memoryview.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        buffer::view(py, self.0.data.clone())
    }

    /// The descriptor of the file that holds the bytes, or None. It is shared, and valid while the
    /// segment lives: use it with os.sendfile and os.pread, which take an offset, and leave its
    /// position alone.
    #[getter]
    fn fileno(&self) -> Option<i32> {
        use std::os::fd::AsRawFd;
        self.0.file.as_ref().map(|range| range.file.as_raw_fd())
    }

    /// The offset of the bytes in that file, or None.
    #[getter]
    fn offset(&self) -> Option<u64> {
        self.0.file.as_ref().map(|range| range.offset)
    }

    fn __repr__(&self) -> String {
        match &self.0.file {
            Some(range) => format!("<Segment {} bytes at {} of a file>", self.0.data.len(), range.offset),
            None => format!("<Segment {} bytes>", self.0.data.len()),
        }
    }
}

/// The segments of a body.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct SegmentIterator(Mutex<Segments>);

#[pymethods]
impl SegmentIterator {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> Outcome<Option<Segment>> {
        let next = py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).next());
        Ok(next.transpose()?.map(Segment))
    }
}
