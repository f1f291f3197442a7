//! Times as Python has them: aware datetimes in UTC.

use holdall::Time;
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyDelta, PyTzInfo};

/// A time on its way to Python, where it is an aware datetime in UTC.
#[derive(Clone, Copy)]
pub(crate) struct Datetime(Time);

/// Returns a time for Python.
pub(crate) fn datetime(time: Time) -> Datetime {
    Datetime(time)
}

impl<'py> IntoPyObject<'py> for Datetime {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let part = |value: i64| i32::try_from(value).map_err(|_| PyOverflowError::new_err("no such year"));
        let seconds = self.0.unix();
        let distance = PyDelta::new(
            py,
            part(seconds.div_euclid(DAY))?,
            part(seconds.rem_euclid(DAY))?,
            part(self.0.0.rem_euclid(1_000_000))?,
            false,
        )?;
        epoch(py)?.add(distance)
    }
}

/// Seconds of a day.
pub(crate) const DAY: i64 = 24 * 3600;

/// Returns 1970-01-01T00:00:00Z.
pub(crate) fn epoch(py: Python<'_>) -> PyResult<&Bound<'_, PyDateTime>> {
    static EPOCH: PyOnceLock<Py<PyDateTime>> = PyOnceLock::new();
    let epoch = EPOCH.get_or_try_init(py, || {
        let utc = PyTzInfo::utc(py)?;
        PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc)).map(Bound::unbind)
    })?;
    Ok(epoch.bind(py))
}
