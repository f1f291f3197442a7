//! The terms of a URL, as the keyword arguments of several methods give them.

use holdall::Url;
use pyo3::prelude::*;

use crate::convert;
use crate::fault::{Fault, Outcome};

/// What a URL permits.
pub(crate) struct Terms<'a, 'py> {
    pub(crate) expires: Option<&'a Bound<'py, PyAny>>,
    pub(crate) never_expires: bool,
    pub(crate) stable_for: Option<&'a Bound<'py, PyAny>>,
    pub(crate) disposition: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) media_type: Option<&'a str>,
    pub(crate) network: Option<&'a str>,
    pub(crate) max_uses: Option<u32>,
    pub(crate) public_cache: bool,
    pub(crate) pace: Option<u64>,
}

impl Terms<'_, '_> {
    /// Sets the terms of a URL.
    ///
    /// # Errors
    /// `InvalidArgument` and `TypeError` for what can never be right.
    pub(crate) fn of(&self, mut url: Url) -> Outcome<Url> {
        if let Some(expires) = self.expires {
            url = url.expires_in(convert::lifetime(expires)?);
        }
        if self.never_expires {
            url = url.never_expires();
        }
        if let Some(window) = self.stable_for {
            url = url.stable_for(convert::duration(window)?);
        }
        url = match self.disposition {
            "attachment" => url,
            "inline" => url.inline(),
            other => {
                return Err(Fault::invalid(format!(
                    "the disposition {other:?} is neither \"attachment\" nor \"inline\""
                )));
            }
        };
        if let Some(name) = self.name {
            url = url.name(name);
        }
        if let Some(media_type) = self.media_type {
            url = url.media_type(media_type);
        }
        if let Some(network) = self.network {
            url = url.network(convert::network(network)?);
        }
        if let Some(uses) = self.max_uses {
            url = url.max_uses(uses);
        }
        if self.public_cache {
            url = url.public_cache();
        }
        if let Some(pace) = self.pace {
            url = url.pace(pace);
        }
        Ok(url)
    }
}

/// Signs a URL in one of its forms.
pub(crate) fn sign(py: Python<'_>, url: Url, form: &str) -> Outcome<String> {
    match form {
        "native" => Ok(py.detach(|| url.sign())?),
        "cloudreve" => Ok(py.detach(|| url.sign_cloudreve())?),
        other => Err(Fault::invalid(format!("the form {other:?} is neither \"native\" nor \"cloudreve\""))),
    }
}
