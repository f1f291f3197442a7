//! Serving: a request in, a reply out.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use holdall::Request;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyString};

use crate::body::Body;
use crate::convert;
use crate::fault::{Fault, Outcome, kind_of};

/// What a request carries beside method and target.
pub(crate) struct Asked {
    headers: Vec<(Cow<'static, str>, String)>,
    client: Option<IpAddr>,
    now: holdall::Time,
}

impl Asked {
    /// Takes a request for a URL of a store, with the headers that matter to one.
    pub(crate) fn new(
        headers: Option<&Bound<'_, PyAny>>,
        client: Option<&str>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Asked> {
        let known = |name: String| {
            let known = Request::HEADERS.into_iter().find(|known| known.eq_ignore_ascii_case(&name));
            known.map(Cow::Borrowed)
        };
        Asked::with(headers, known, client, now)
    }

    /// Takes a request with all of its headers.
    pub(crate) fn whole(
        headers: Option<&Bound<'_, PyAny>>,
        client: Option<&str>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Asked> {
        Asked::with(headers, |name| Some(Cow::Owned(name)), client, now)
    }

    fn with(
        headers: Option<&Bound<'_, PyAny>>,
        pick: impl Fn(String) -> Option<Cow<'static, str>>,
        client: Option<&str>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Asked> {
        let client = match client {
            // Link-local addresses carry the name of an interface.
            Some(text) => Some(text.split('%').next().unwrap_or(text).parse().map_err(|_| {
                Fault::invalid(format!(
                    "{text:?} is not an IP address; leave the client out if there is none"
                ))
            })?),
            None => None,
        };
        let now = now.map_or_else(|| Ok(holdall::Time::now()), convert::time)?;
        let headers = headers.map_or_else(|| Ok(Vec::new()), |headers| picked(headers, pick))?;
        Ok(Asked { headers, client, now })
    }

    pub(crate) fn request<'a>(&'a self, method: &'a str, target: &'a str) -> Request<'a> {
        let mut request = Request::new(method, target).at(self.now);
        request.headers = self.headers.iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect();
        request.client = self.client;
        request
    }
}

/// Picks headers out of a mapping or pairs, of str or bytes.
fn picked(
    headers: &Bound<'_, PyAny>,
    pick: impl Fn(String) -> Option<Cow<'static, str>>,
) -> Outcome<Vec<(Cow<'static, str>, String)>> {
    let pairs = match headers.cast::<PyMapping>() {
        Ok(mapping) => mapping.items()?.into_any(),
        Err(_) => headers.clone(),
    };
    let mut found = Vec::new();
    for pair in pairs.try_iter()? {
        let pair = pair?;
        if pair.is_instance_of::<PyString>() || pair.len().unwrap_or(0) != 2 {
            let message = "headers are a mapping, or pairs of a name and a value";
            return Err(PyTypeError::new_err(message).into());
        }
        if let Some(name) = pick(text(&pair.get_item(0)?)?) {
            found.push((name, text(&pair.get_item(1)?)?));
        }
    }
    Ok(found)
}

/// Reads a header, which may be bytes.
fn text(value: &Bound<'_, PyAny>) -> Outcome<String> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.extract()?);
    }
    let bytes = value
        .cast::<PyBytes>()
        .map_err(|_| PyTypeError::new_err("a header's name and value are str or bytes"))?;
    Ok(String::from_utf8_lossy(bytes.as_bytes()).into_owned())
}

/// What to send: a status, headers and a body of known length.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Reply {
    /// The HTTP status.
    #[pyo3(get)]
    status: u16,
    /// The body, empty for HEAD.
    #[pyo3(get)]
    body: Py<Body>,
    /// The speed that the URL asks the host to keep to, in bytes a second; None is any.
    #[pyo3(get)]
    pace: Option<u64>,
    headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub(crate) fn new(py: Python<'_>, reply: holdall::Reply) -> PyResult<Reply> {
        let body = Py::new(py, Body(reply.body))?;
        Ok(Reply { status: reply.status, body, pace: reply.pace, headers: reply.headers })
    }
}

#[pymethods]
impl Reply {
    /// Makes the reply that tells a client of an error: its status and a text without detail. A rate
    /// limit is 429 with Retry-After.
    #[staticmethod]
    fn from_error(error: &Bound<'_, PyAny>) -> PyResult<Reply> {
        let wait: Option<f64> = error.getattr("retry_after").ok().and_then(|wait| wait.extract().ok());
        let known = match wait.and_then(|wait| Duration::try_from_secs_f64(wait).ok()) {
            Some(wait) => holdall::Error::limited("", wait),
            None => holdall::Error::new(kind_of(error), ""),
        };
        Reply::new(error.py(), holdall::Reply::from_error(&known))
    }

    /// The headers as a new list of pairs, Content-Length among them, in the order to send them.
    #[getter]
    fn headers(&self) -> Vec<(&'static str, String)> {
        self.headers.clone()
    }

    /// Returns the value of a header, by its name in any case; None if there is none.
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn __repr__(&self) -> String {
        format!("<Reply {} {} bytes>", self.status, self.body.get().0.len())
    }
}
