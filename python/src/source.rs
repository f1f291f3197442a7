//! Sources: everything whose content Python can put.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use holdall::PutWriter;
use pyo3::exceptions::{PyBlockingIOError, PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyMemoryView, PySlice, PyString};

use crate::fault::{Fault, Outcome};

/// Bytes that are taken between two looks at signals.
const BLOCK: usize = 1 << 20;

/// The system's number of: is a directory. Linux, the BSDs and macOS have the same.
const EISDIR: i32 = 21;

/// Takes content into a put, without the GIL, and tells how far it is.
pub(crate) struct Intake<'py> {
    pub(crate) py: Python<'py>,
    pub(crate) writer: PutWriter,
    /// Is called with the number of bytes of each block.
    pub(crate) progress: Option<Bound<'py, PyAny>>,
}

impl<'py> Intake<'py> {
    /// Takes everything from a source: bytes-like, path, file object, or iterable of bytes-like.
    pub(crate) fn all(&mut self, source: &Bound<'py, PyAny>) -> Outcome<()> {
        if source.is_instance_of::<PyBytes>() {
            return self.bytes(source);
        }
        if source.is_instance_of::<PyString>() {
            // Text that came with a request would name a file of the server.
            let message = "content is not str: put text as bytes, text.encode(), and a file by its path, \
                pathlib.Path(text)";
            return Err(PyTypeError::new_err(message).into());
        }
        if source.hasattr("__fspath__")? {
            return self.path(source);
        }
        if source.hasattr("read")? {
            return self.file(source);
        }
        if is_bytes_like(source) {
            return self.bytes(source);
        }
        let items = source.try_iter().map_err(|_| not_a_source(source))?;
        for item in items {
            self.piece(&item?)?;
        }
        Ok(())
    }

    /// Takes a piece of a source that gives such.
    pub(crate) fn piece(&mut self, item: &Bound<'py, PyAny>) -> Outcome<()> {
        if !is_bytes_like(item) {
            let name = item.get_type().name()?;
            let message = format!("an iterable to put gives bytes-like pieces, not {name}");
            return Err(PyTypeError::new_err(message).into());
        }
        self.bytes(item)
    }

    fn bytes(&mut self, source: &Bound<'py, PyAny>) -> Outcome<()> {
        if source.is_instance_of::<PyBytes>() {
            let bytes: PyBackedBytes = source.extract()?;
            return bytes.chunks(BLOCK).try_for_each(|block| self.block(block));
        }
        // Memory that another thread may write: each block is copied while the GIL is held.
        let view = PyMemoryView::from(source)?.call_method1("cast", ("B",))?;
        let len = view.len()?;
        for start in (0..len).step_by(BLOCK) {
            let index = |at: usize| isize::try_from(at.min(len)).unwrap_or(isize::MAX);
            let slice = PySlice::new(self.py, index(start), index(start.saturating_add(BLOCK)), 1);
            let block: PyBackedBytes = view.get_item(slice)?.call_method0("tobytes")?.extract()?;
            self.block(&block)?;
        }
        Ok(())
    }

    fn block(&mut self, block: &[u8]) -> Outcome<()> {
        let writer = &mut self.writer;
        self.py.detach(|| writer.write(block))?;
        self.tell(block.len())
    }

    fn path(&mut self, source: &Bound<'py, PyAny>) -> Outcome<()> {
        let path: PathBuf = source.extract()?;
        let opened = self.py.detach(|| {
            let file = File::open(&path)?;
            match file.metadata()?.is_dir() {
                true => Err(io::Error::from_raw_os_error(EISDIR)),
                false => Ok(file),
            }
        });
        let file = opened.map_err(|cause| Self::unopened(&cause, source))?;
        let mut reader = Reader { file, raised: None };
        loop {
            let writer = &mut self.writer;
            let read = self.py.detach(|| writer.read_from(&mut reader));
            if let Some(raised) = reader.raised.take() {
                return Err(raised.into());
            }
            match read? {
                0 => return Ok(()),
                count => self.tell(count)?,
            }
        }
    }

    /// Makes the error of a path that cannot be opened.
    fn unopened(cause: &io::Error, source: &Bound<'py, PyAny>) -> PyErr {
        let Some(number) = cause.raw_os_error() else {
            return io::Error::from(cause.kind()).into();
        };
        // With three arguments OSError picks the class of the number.
        PyOSError::new_err((number, reason(cause), source.clone().unbind()))
    }

    fn file(&mut self, source: &Bound<'py, PyAny>) -> Outcome<()> {
        let read = source.getattr("read")?;
        loop {
            let block = read.call1((BLOCK,))?;
            if block.is_none() {
                let message = "the file to put has no bytes ready; put a blocking one";
                return Err(PyBlockingIOError::new_err(message).into());
            }
            if !is_bytes_like(&block) {
                let is_async = block.hasattr("__await__")?;
                if is_async && block.hasattr("close")? {
                    // A coroutine that nobody awaits.
                    block.call_method0("close")?;
                }
                if is_async && let Some(held) = source.getattr_opt("file")? {
                    // An upload of a web framework, and the file that it came into.
                    return self.file(&held);
                }
                let remedy = match is_async {
                    true => "its read() is async: await holdall.asgi.put(drive, path, source)",
                    false => "its read() must return bytes: open the file in binary mode",
                };
                return Err(PyTypeError::new_err(format!("cannot put this file object; {remedy}")).into());
            }
            if block.len()? == 0 {
                return Ok(());
            }
            self.bytes(&block)?;
        }
    }

    fn tell(&self, count: usize) -> Outcome<()> {
        if let Some(progress) = &self.progress {
            progress.call1((count,))?;
        }
        Ok(self.py.check_signals()?)
    }
}

/// Reads a file that may keep us waiting, as a pipe does: a signal's handler is called meanwhile.
struct Reader {
    file: File,
    /// What the handler raised.
    raised: Option<PyErr>,
}

impl Read for Reader {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(target);
        if read.as_ref().is_err_and(|cause| cause.kind() == io::ErrorKind::Interrupted) {
            self.raised = Python::attach(|py| py.check_signals()).err();
            if self.raised.is_some() {
                return Err(io::Error::other("a signal ended the reading"));
            }
        }
        read
    }
}

/// Returns what the system says of an error, without its number.
fn reason(cause: &std::io::Error) -> String {
    let text = cause.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

pub(crate) fn is_bytes_like(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyBytes>() || PyMemoryView::from(value).is_ok()
}

fn not_a_source(value: &Bound<'_, PyAny>) -> PyErr {
    if value.hasattr("__aiter__").unwrap_or(false) {
        let message = "an async iterable is put by: await holdall.asgi.put(drive, path, source)";
        return PyTypeError::new_err(message);
    }
    let name = value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!(
        "content is bytes-like, a path as pathlib has it, a binary file or an iterable of bytes, not {name}"
    ))
}

/// Returns content for a batch: it is held in memory as a whole.
pub(crate) fn whole(value: &Bound<'_, PyAny>) -> Outcome<bytes::Bytes> {
    if !is_bytes_like(value) {
        return Err(Fault::Python(PyTypeError::new_err(
            "put_many takes contents that are bytes-like; put files one by one",
        )));
    }
    let held: PyBackedBytes = match value.is_instance_of::<PyBytes>() {
        true => value.extract()?,
        false => PyMemoryView::from(value)?.call_method0("tobytes")?.extract()?,
    };
    Ok(bytes::Bytes::from_owner(held))
}
