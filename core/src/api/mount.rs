//! Where the formats are mounted, and what they are set to.

use std::sync::Arc;
use std::time::Duration;

use super::Api;
use crate::{Error, Result};

/// Of what content a PDS client may prove to have it instead of sending it: see [`Api::rapid_uploads`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RapidUploads {
    /// Of none: every client sends what it has.
    Off,
    /// Of what a version in the caller's own drive has.
    #[default]
    Drive,
    /// Also of what any drive has, where drives share content ([`Dedup::Store`](crate::Dedup::Store)).
    Store,
}

/// The settings of an [`Api`].
#[derive(Clone, Debug)]
pub(super) struct Mount {
    /// The path that the host mounts the formats under: empty, or `/...` without a slash at its end.
    pub(super) prefix: String,
    /// The bases of URLs, the primary one first; no slash at their end. Empty: URLs begin with their path.
    pub(super) sites: Vec<String>,
    /// The base of URLs within the host's own network.
    pub(super) internal_base: Option<String>,
    /// The base of URLs at a content network.
    pub(super) cdn_base: Option<String>,
    /// The longest that a URL of the Cloudreve form lives.
    pub(super) ttl: Duration,
    /// The least that is left of such a URL when it is handed out.
    pub(super) margin: Duration,
    /// How long an archive lives that a Cloudreve call made.
    pub(super) archive_ttl: Duration,
    /// How long caches may keep what such a URL gives.
    pub(super) max_age: Duration,
    /// The most URIs of one Cloudreve call.
    pub(super) max_batched_file: usize,
    /// Whether a direct link leads to a signed URL, or gives the content itself.
    pub(super) redirect_links: bool,
    /// Of what content a PDS client may prove to have it instead of sending it.
    pub(super) rapid_uploads: RapidUploads,
    /// Where the page of a share is, with [`URI`] in it.
    pub(super) share_page: Option<String>,
    /// Whether replies to clients say what went wrong inside.
    pub(super) debug: bool,
}

/// What stands for the URI of a share in the address of its page.
pub(super) const URI: &str = "{uri}";

impl Default for Mount {
    fn default() -> Mount {
        Mount {
            prefix: String::new(),
            sites: Vec::new(),
            internal_base: None,
            cdn_base: None,
            ttl: Duration::from_secs(3600),
            margin: Duration::from_secs(600),
            archive_ttl: Duration::from_secs(600),
            max_age: Duration::from_secs(86_400),
            max_batched_file: 3000,
            redirect_links: true,
            rapid_uploads: RapidUploads::Drive,
            share_page: None,
            debug: false,
        }
    }
}

impl Api {
    /// Sets the path that the host mounts the formats under, such as `/files`; none by default. URLs
    /// of the Cloudreve form sign it.
    ///
    /// # Errors
    /// `InvalidArgument` for what is not a path.
    pub fn prefix(mut self, prefix: &str) -> Result<Api> {
        let prefix = prefix.trim_end_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        if !(prefix.is_empty() || prefix.starts_with('/') && prefix.chars().all(plain)) {
            return Err(Error::invalid(format!(
                "the prefix {prefix:?} is invalid: it begins with '/' and holds letters, digits and '-._~/'"
            )));
        }
        self.set().prefix = prefix.to_owned();
        Ok(self)
    }

    /// Sets the address of the site, such as `https://files.example`, that URLs begin with; by
    /// default they begin with their path.
    ///
    /// # Errors
    /// `InvalidArgument` for what is not a scheme and a host.
    pub fn site(mut self, primary: &str) -> Result<Api> {
        let primary = base(primary)?;
        let sites = &mut self.set().sites;
        match sites.first_mut() {
            Some(first) => *first = primary,
            None => sites.push(primary),
        }
        Ok(self)
    }

    /// Adds another address of the site: a request whose `Host` it has gets URLs that begin with it.
    ///
    /// # Errors
    /// `InvalidArgument` for what is not a scheme and a host, and before [`Api::site`].
    pub fn secondary_site(mut self, secondary: &str) -> Result<Api> {
        let secondary = base(secondary)?;
        if self.mount.sites.is_empty() {
            return Err(Error::invalid("a secondary site is given before the primary one; give that first"));
        }
        self.set().sites.push(secondary);
        Ok(self)
    }

    /// Sets what URLs for the host's own network begin with.
    ///
    /// # Errors
    /// `InvalidArgument` for what is not a scheme and a host.
    pub fn internal_base(mut self, internal: &str) -> Result<Api> {
        self.set().internal_base = Some(base(internal)?);
        Ok(self)
    }

    /// Sets what URLs at a content network begin with.
    ///
    /// # Errors
    /// `InvalidArgument` for what is not a scheme and a host.
    pub fn cdn_base(mut self, cdn: &str) -> Result<Api> {
        self.set().cdn_base = Some(base(cdn)?);
        Ok(self)
    }

    /// Sets how long a URL of the Cloudreve form has left when it is handed out: at most `ttl`, an
    /// hour by default, and at least `margin`, 10 minutes. In between the same call gives the same URL.
    ///
    /// # Errors
    /// `InvalidArgument` unless `margin` is at least 1 s and below `ttl`, both in whole seconds.
    pub fn url_life(mut self, ttl: Duration, margin: Duration) -> Result<Api> {
        if margin.as_secs() == 0 || margin.as_secs() >= ttl.as_secs() {
            return Err(Error::invalid(format!(
                "a URL's life of {} s with a margin of {} s is out of range: give a margin of 1 s or more, \
                 below the life",
                ttl.as_secs(),
                margin.as_secs()
            )));
        }
        let mount = self.set();
        (mount.ttl, mount.margin) = (ttl, margin);
        Ok(self)
    }

    /// Sets how long an archive of the Cloudreve form lives: 10 minutes by default, at most the
    /// store's grace.
    #[must_use]
    pub fn archive_life(mut self, ttl: Duration) -> Api {
        self.set().archive_ttl = ttl;
        self
    }

    /// Sets how long caches may keep what a URL of the Cloudreve form gives, unless the URL ends
    /// before: a day by default.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Api {
        self.set().max_age = max_age;
        self
    }

    /// Sets the most URIs of one Cloudreve call: 3,000 by default.
    #[must_use]
    pub fn max_batched_file(mut self, uris: usize) -> Api {
        self.set().max_batched_file = uris;
        self
    }

    /// Sets whether a direct link leads to a signed URL, which it does by default, or gives the
    /// content itself, for clients that follow no redirect.
    #[must_use]
    pub fn redirect_links(mut self, redirect: bool) -> Api {
        self.set().redirect_links = redirect;
        self
    }

    /// Sets of what content a PDS client may prove to have it instead of sending it; by default of what a
    /// version in the caller's own drive has, in the trash too.
    ///
    /// The proof of PDS is 8 bytes at a place that the caller's access token decides: enough for what the
    /// caller owns, and far too little for more, so [`RapidUploads::Store`] takes another for content of
    /// other drives, which clients of PDS do not make: a `file/create` with `"proof_version": "holdall-1"`
    /// and no `proof_code` is answered with `proof_challenge`, a key and 256 pieces of 4 KiB (all of what is
    /// no longer than 1 MiB), whether the content is there or not; the same call with `proof_code`, the
    /// HMAC-SHA-256 under that key over the pieces in base 64, is then answered as any other.
    /// Whoever may make such calls learns whether a content that he has is in the store.
    ///
    /// Content of less than 64 KiB is sent. Proofs that do not hold have a budget for each drive and
    /// process, past which content is sent as well.
    #[must_use]
    pub fn rapid_uploads(mut self, rapid: RapidUploads) -> Api {
        self.set().rapid_uploads = rapid;
        self
    }

    /// Sets where the host has the page of a share, such as `/home?path={uri}`: `{uri}` stands for the
    /// escaped URI of the share, `cloudreve://<id>:<password>@share`. The addresses that Cloudreve's
    /// users pass on, `/s/<id>` and `/s/<id>/<password>`, lead there; by default they are none of ours.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no address with one `{uri}` in it.
    pub fn share_page(mut self, page: &str) -> Result<Api> {
        let begins = page.starts_with('/') || page.starts_with("https://") || page.starts_with("http://");
        if !begins || page.matches(URI).count() != 1 || !page.bytes().all(|byte| matches!(byte, b'!'..=b'~'))
        {
            return Err(Error::invalid(format!(
                "{page:?} is not the address of a page for shares; one looks like /home?path={{uri}}"
            )));
        }
        self.set().share_page = Some(page.to_owned());
        Ok(self)
    }

    /// Sets whether replies to clients say what went wrong inside, in the field `error`; by default they do not.
    #[must_use]
    pub fn debug(mut self, debug: bool) -> Api {
        self.set().debug = debug;
        self
    }

    fn set(&mut self) -> &mut Mount {
        Arc::make_mut(&mut self.mount)
    }
}

/// Checks the base of URLs: a scheme, a host and maybe a port.
fn base(text: &str) -> Result<String> {
    let base = text.trim_end_matches('/');
    let good = base.split_once("://").is_some_and(|(scheme, host)| {
        let scheme = matches!(scheme, "http" | "https");
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:[]".contains(c);
        scheme && !host.is_empty() && host.chars().all(plain)
    });
    if good || text.is_empty() {
        return Ok(base.to_owned());
    }
    Err(Error::invalid(format!("{text:?} is not an address of a site; one looks like https://files.example")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_scheme_and_a_host() {
        for good in ["https://a.example", "http://localhost:5173/", "http://[::1]:80", ""] {
            assert!(base(good).is_ok(), "{good}");
        }
        for bad in ["a.example", "ftp://a", "https://", "https://a/b", "https://a?b", "https://a b", "/a"] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }
}
