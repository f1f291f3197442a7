//! Errors on their way out: the store's become the classes of `holdall.errors`, Python's own pass.

use std::error::Error as _;
use std::io;

use holdall::{Error, ErrorKind};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

/// What can go wrong in a call from Python.
pub(crate) enum Fault {
    /// The store's error.
    Store(Error),
    /// An exception that something in Python raised.
    Python(PyErr),
}

/// The result of a call from Python.
pub(crate) type Outcome<T> = Result<T, Fault>;

impl Fault {
    /// Makes an `InvalidArgument`.
    pub(crate) fn invalid(message: impl Into<String>) -> Fault {
        Fault::Store(Error::new(ErrorKind::InvalidArgument, message))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Store(error)
    }
}

impl From<PyErr> for Fault {
    fn from(error: PyErr) -> Fault {
        Fault::Python(error)
    }
}

impl From<pyo3::CastError<'_, '_>> for Fault {
    fn from(error: pyo3::CastError<'_, '_>) -> Fault {
        Fault::Python(error.into())
    }
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> PyErr {
        match fault {
            Fault::Store(error) => Python::attach(|py| raised(py, &error)),
            Fault::Python(error) => error,
        }
    }
}

/// Makes the exception of an error: the class of its number, with its sentence, the system's number
/// where it came from there, and how long to wait where a rate limit made it.
fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let made = class(py, error.kind().number()).and_then(|class| {
        let value = class.call1((error.to_string(),))?;
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        if let Some(number) = cause.and_then(io::Error::raw_os_error) {
            value.setattr("errno", number)?;
        }
        if let Some(wait) = error.retry_after() {
            value.setattr("_retry_after", wait.as_secs_f64())?;
            // RFC 6585 section 4.
            value.setattr("http_status", 429)?;
        }
        Ok(PyErr::from_value(value))
    });
    made.unwrap_or_else(|broken| {
        let error = PyRuntimeError::new_err(error.to_string());
        error.set_cause(py, Some(broken));
        error
    })
}

fn class(py: Python<'_>, number: u8) -> PyResult<Bound<'_, PyType>> {
    static CLASSES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let classes = CLASSES.get_or_try_init(py, || {
        let found = py.import("holdall.errors")?.getattr("BY_NUMBER")?;
        Ok::<_, PyErr>(found.cast_into::<PyDict>()?.unbind())
    })?;
    Ok(classes.bind(py).as_any().get_item(number)?.cast_into()?)
}

/// Returns the error as Rust knows it, of an exception of `holdall.errors`; a `Bug` of others.
pub(crate) fn kind_of(error: &Bound<'_, PyAny>) -> ErrorKind {
    let number: Option<u8> = error.getattr("number").ok().and_then(|number| number.extract().ok());
    let found = ErrorKind::ALL.iter().find(|kind| Some(kind.number()) == number);
    found.copied().unwrap_or(ErrorKind::Bug)
}
