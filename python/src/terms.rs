//! What a URL permits, as keyword arguments say it.

use holdall::Url;
use pyo3::prelude::*;
use pyo3::types::PyDateTime;

use crate::convert;
use crate::fault::{Fault, Outcome};

/// What a URL permits.
#[derive(Default)]
pub(crate) struct Terms<'a, 'py> {
    pub(crate) expires: Option<&'a Bound<'py, PyAny>>,
    pub(crate) never_expires: bool,
    pub(crate) stable_for: Option<&'a Bound<'py, PyAny>>,
    pub(crate) disposition: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) media_type: Option<&'a str>,
    pub(crate) network: Option<&'a str>,
    pub(crate) max_uses: Option<u32>,
    pub(crate) max_requests: Option<u32>,
    pub(crate) public_cache: bool,
    pub(crate) pace: Option<u64>,
    pub(crate) cross_origin: Option<&'a Bound<'py, PyAny>>,
}

impl Terms<'_, '_> {
    /// Sets the terms of a URL.
    ///
    /// # Errors
    /// `InvalidArgument` and `TypeError` for what can never be right.
    pub(crate) fn of(&self, mut url: Url) -> Outcome<Url> {
        if let Some(expires) = self.expires {
            url = match expires.is_instance_of::<PyDateTime>() {
                true => url.expires_at(convert::time(expires)?),
                false => url.expires_in(convert::lifetime(expires)?),
            };
        }
        if self.never_expires {
            url = url.never_expires();
        }
        if let Some(window) = self.stable_for {
            url = url.stable_for(convert::duration(window)?);
        }
        url = match self.disposition {
            None | Some("attachment") => url,
            Some("inline") => url.inline(),
            Some(other) => {
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
        if let Some(requests) = self.max_requests {
            if self.max_uses.is_some() {
                return Err(Fault::invalid("max_uses and max_requests are two rules; give one"));
            }
            url = url.max_requests(requests);
        }
        if let Some(policy) = self.cross_origin {
            url = url.cross_origin(convert::cross_origin(policy)?);
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
