//! What Python passes: times, lifetimes, paths and ids, as the store takes them.

use std::time::Duration;

use holdall::token::Network;
use holdall::{CrossOrigin, FileId, Time, VersionId};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDateTime, PyDelta, PyDeltaAccess, PyFloat, PyInt, PyString, PyTzInfoAccess};

use crate::datetime::{DAY, epoch};
use crate::fault::{Fault, Outcome};
use crate::value::{FileInfo, Version};

/// The seconds since 1970 that a datetime can be: those of the years 1 to 9999.
const YEARS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// Returns whole seconds with the sign of a number.
fn signed(distance: Duration, sign: f64) -> i64 {
    let seconds = i64::try_from(distance.as_secs()).unwrap_or(i64::MAX);
    if sign < 0.0 { -seconds - 1 } else { seconds }
}

fn no_time(value: &Bound<'_, PyAny>) -> Fault {
    Fault::invalid(format!(
        "{} is outside the years 1 to 9999; give seconds since 1970, not milliseconds",
        shown(value)
    ))
}

/// Reads a time: an aware datetime, or seconds since 1970 as an int or float.
pub(crate) fn time(value: &Bound<'_, PyAny>) -> Outcome<Time> {
    if let Ok(datetime) = value.cast::<PyDateTime>() {
        if datetime.get_tzinfo().is_none() {
            return Err(Fault::invalid(format!(
                "the datetime {value} is naive; give it a tzinfo, such as datetime.UTC"
            )));
        }
        let distance = value.sub(epoch(value.py())?)?.cast_into::<PyDelta>().map_err(PyErr::from)?;
        let seconds = i64::from(distance.get_days()) * DAY + i64::from(distance.get_seconds());
        return Ok(Time(seconds * 1_000_000 + i64::from(distance.get_microseconds())));
    }
    if !value.is_instance_of::<PyBool>() {
        if let Ok(seconds) = value.cast::<PyInt>() {
            let found = seconds.extract::<i64>().ok().filter(|seconds| YEARS.contains(seconds));
            return found.map(Time::from_unix).ok_or_else(|| no_time(value));
        }
        if let Ok(seconds) = value.cast::<PyFloat>() {
            let seconds: f64 = seconds.extract()?;
            return match Duration::try_from_secs_f64(seconds.abs()) {
                Ok(distance) if !YEARS.contains(&signed(distance, seconds)) => Err(no_time(value)),
                Ok(distance) if seconds < 0.0 => Ok(Time(0).before(distance)),
                Ok(distance) => Ok(Time(0).after(distance)),
                Err(_) => Err(no_time(value)),
            };
        }
    }
    Err(PyTypeError::new_err(format!(
        "a time is an aware datetime or seconds since 1970, not {}",
        value.get_type().name()?
    ))
    .into())
}

/// Reads a number that is not negative and fits, such as a limit.
pub(crate) fn number<T: TryFrom<u64>>(value: &Bound<'_, PyAny>) -> PyResult<T> {
    let number = match value.extract::<u64>() {
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => {
            return Err(match value.lt(0)? {
                true => Fault::invalid(format!("{} is negative; give 0 or more", shown(value))).into(),
                false => too_large(value),
            });
        }
        number => number?,
    };
    T::try_from(number).map_err(|_| too_large(value))
}

/// Reads a number as `number` does, or None.
pub(crate) fn count<T: TryFrom<u64>>(value: &Bound<'_, PyAny>) -> PyResult<Option<T>> {
    match value.is_none() {
        true => Ok(None),
        false => number(value).map(Some),
    }
}

fn too_large(value: &Bound<'_, PyAny>) -> PyErr {
    Fault::invalid(format!("{} is larger than any number that fits here; give less", shown(value))).into()
}

/// Returns a number as text, of which the beginning is enough.
fn shown(value: &Bound<'_, PyAny>) -> String {
    // A very long int has no text.
    let text = value.str().map_or_else(|_| "the number".to_owned(), |text| text.to_string());
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Refuses text that is a path or a URL and no id, without showing it: a URL is a secret.
///
/// # Errors
/// `InvalidArgument`, which says what to do instead.
pub(crate) fn only_id(text: &str, instead: &str) -> Outcome<()> {
    match text.contains('/') {
        true => Err(Fault::invalid(format!("a path or a URL was given in place of an id; {instead}"))),
        false => Ok(()),
    }
}

/// Reads a length of time: seconds as an int or float, or a timedelta.
pub(crate) fn duration(value: &Bound<'_, PyAny>) -> Outcome<Duration> {
    let negative = || Fault::invalid(format!("{value} is not a length of time; give more than 0"));
    if value.is_instance_of::<PyDelta>() {
        return value.extract().map_err(|_| negative());
    }
    if !value.is_instance_of::<PyBool>() {
        if let Ok(seconds) = value.cast::<PyInt>() {
            return Ok(Duration::from_secs(number(seconds.as_any())?));
        }
        if let Ok(seconds) = value.cast::<PyFloat>() {
            return Duration::try_from_secs_f64(seconds.extract()?).map_err(|_| negative());
        }
    }
    Err(PyTypeError::new_err(format!(
        "a length of time is a number of seconds or a timedelta, not {}",
        value.get_type().name()?
    ))
    .into())
}

/// Reads when something expires, as the time from now: seconds, a timedelta, or an aware datetime.
pub(crate) fn lifetime(value: &Bound<'_, PyAny>) -> Outcome<Duration> {
    if !value.is_instance_of::<PyDateTime>() {
        return duration(value);
    }
    let left = time(value)?.unix().saturating_sub(Time::now().unix());
    match u64::try_from(left) {
        Ok(left) if left > 0 => Ok(Duration::from_secs(left)),
        _ => Err(Fault::invalid(format!("{value} is not after now; give a time in the future"))),
    }
}

/// Reads a network of clients, such as `192.0.2.0/24`, or one address.
pub(crate) fn network(text: &str) -> Outcome<Network> {
    let wrong = || Fault::invalid(format!("{text:?} is not a network; one looks like 192.0.2.0/24"));
    match text.split_once('/') {
        Some((address, prefix)) => {
            Ok(Network::new(address.parse().map_err(|_| wrong())?, prefix.parse().map_err(|_| wrong())?)?)
        }
        None => Ok(Network::host(text.parse().map_err(|_| wrong())?)),
    }
}

/// Reads a policy for pages of other origins: its text, or a list of origins.
pub(crate) fn cross_origin(value: &Bound<'_, PyAny>) -> Outcome<CrossOrigin> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.extract::<String>()?.parse()?);
    }
    let origins = value.extract::<Vec<String>>().map_err(|_| {
        PyTypeError::new_err("cross_origin is a str, or a list of origins such as https://a.example")
    })?;
    Ok(CrossOrigin::origins(origins.iter().map(String::as_str))?)
}

/// Reads a hash: its bytes, or its hexadecimal digits in any case.
pub(crate) fn hash<const N: usize>(name: &str, value: &Bound<'_, PyAny>) -> Outcome<[u8; N]> {
    let wrong = || Fault::invalid(format!("a {name} is {N} bytes or {} hexadecimal digits", 2 * N));
    let Ok(text) = value.cast::<PyString>() else {
        let bytes: Vec<u8> = value.extract()?;
        return bytes.try_into().map_err(|_| wrong());
    };
    let text: String = text.extract()?;
    let mut hash = [0; N];
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 2 * N).ok_or_else(wrong)?;
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::try_from(pair.iter().fold(0, |sum, digit| 16 * sum + digit)).map_err(|_| wrong())?;
    }
    Ok(hash)
}

/// A path in a drive: a str, or a pathlib path.
pub(crate) struct DrivePath(pub(crate) String);

impl FromPyObject<'_, '_> for DrivePath {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<DrivePath> {
        if value.is_instance_of::<PyString>() {
            return Ok(DrivePath(value.extract()?));
        }
        let text: String = value
            .call_method0("__fspath__")
            .and_then(|text| text.extract())
            .map_err(|_| PyTypeError::new_err("a path in a drive is a str or a pathlib path"))?;
        // How pathlib writes the path of no parts.
        Ok(DrivePath(if text == "." { String::new() } else { text }))
    }
}

/// A version: itself, or its id as text.
pub(crate) struct Pick(pub(crate) VersionId);

impl FromPyObject<'_, '_> for Pick {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Pick> {
        if let Ok(version) = value.cast::<Version>() {
            return Ok(Pick(version.get().0.id));
        }
        let text: String = value
            .extract()
            .map_err(|_| PyTypeError::new_err("a version is a holdall.Version, or its id as a str"))?;
        only_id(&text, "a version has one, as in drive.stat(path).current")?;
        text.parse().map(Pick).map_err(|error| Fault::Store(error).into())
    }
}

/// A file or folder: what `stat` gives, or its id as text.
pub(crate) struct Node(pub(crate) FileId);

impl FromPyObject<'_, '_> for Node {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Node> {
        if let Ok(file) = value.cast::<FileInfo>() {
            return Ok(Node(file.get().0.id));
        }
        let text: String = value
            .extract()
            .map_err(|_| PyTypeError::new_err("a file is a holdall.FileInfo, or its id as a str"))?;
        only_id(&text, "a file has one, as in drive.stat(path).id")?;
        text.parse().map(Node).map_err(|error| Fault::Store(error).into())
    }
}
