//! The buffer protocol: bytes of the store as memoryviews, and reading into memory of Python's. All
//! pointers of the package are here.
#![allow(unsafe_code)]

use std::ffi::c_int;

use bytes::Bytes;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;

/// Holds the bytes that a memoryview shows.
#[pyclass(frozen, name = "_Chunk", module = "holdall")]
struct Chunk(Bytes);

#[pymethods]
impl Chunk {
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let bytes = &slf.get().0;
        let len = isize::try_from(bytes.len())
            .map_err(|_| PyBufferError::new_err("a chunk is longer than memory can be"))?;
        // SAFETY: `view` is the interpreter's. The bytes do not move or change while the chunk
        // lives, the view holds a reference to the chunk, and it is marked as read-only.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), bytes.as_ptr().cast_mut().cast(), len, 1, flags)
        };
        match filled {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}

/// Returns a read-only memoryview on bytes, which stay where they are.
pub(crate) fn view(py: Python<'_>, bytes: Bytes) -> PyResult<Bound<'_, PyMemoryView>> {
    PyMemoryView::from(Bound::new(py, Chunk(bytes))?.as_any())
}

/// Lets `fill` write into a buffer of Python's, without the GIL.
///
/// # Errors
/// `TypeError` when the buffer cannot be written, `BufferError` when it is not contiguous.
pub(crate) fn fill<T: Send>(
    target: &Bound<'_, PyAny>,
    fill: impl FnOnce(&mut [u8]) -> T + Send,
) -> PyResult<T> {
    let buffer = PyBuffer::<u8>::get(target)?;
    if buffer.readonly() {
        return Err(PyTypeError::new_err("the buffer to read into cannot be written"));
    }
    let mut memory =
        buffer.as_slice_ptr().ok_or_else(|| PyBufferError::new_err("the buffer is not contiguous"))?;
    // SAFETY: the export pins the memory, which is writable and contiguous, until `buffer` is
    // dropped. As with every `readinto`, the caller keeps other threads from it meanwhile.
    let memory = unsafe { memory.as_mut() };
    Ok(target.py().detach(|| fill(memory)))
}
