//! The URLs that are handed out: what stands in them, on which site, and until when.

use std::time::Duration;

use crate::api::mount::Mount;
use crate::http::RequestHeaders;
use crate::id::VersionId;
use crate::time::Time;
use crate::token::Through;
use crate::token::{cloudreve, expiry, stable_expiry};
use crate::{Error, Result};

use super::Call;
use super::resolve::Resolver;

/// Makes the URLs of one call.
pub(super) struct UrlSigner<'a> {
    mount: &'a Mount,
    site: &'a str,
    signer: cloudreve::CloudreveSigner,
    /// The longest that the store lets a URL live.
    max: Duration,
}

/// When a URL ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UrlExpiry {
    /// As clients see it; the signature has its whole second.
    pub(super) time: Time,
}

impl UrlExpiry {
    /// The whole second that is signed.
    fn unix(self) -> i64 {
        self.time.unix()
    }

    /// Returns the text of RFC 3339 with no more digits than it takes.
    pub(super) fn text(self) -> String {
        match jiff::Timestamp::from_microsecond(self.time.0) {
            Ok(timestamp) => timestamp.to_string(),
            Err(_) => self.time.to_string(),
        }
    }
}

impl<'a> UrlSigner<'a> {
    /// Prepares to make URLs on the site that the request came to, if it is one of ours and `primary`
    /// is not asked for; or else on the primary one.
    pub(super) fn new(call: &Call<'a>, resolver: &Resolver<'_>, primary: bool) -> Result<UrlSigner<'a>> {
        let (mount, request) = (call.api.mount.as_ref(), call.request);
        let ring = resolver.engine.ring(&resolver.tx)?;
        let host = RequestHeaders(&request.headers).get("Host").filter(|_| !primary);
        let is_at = |site: &&String| site.split_once("://").map(|(_, at)| at) == host;
        let site = mount.sites.iter().find(is_at).or(mount.sites.first()).map_or("", String::as_str);
        let secrets = ring.1.cloudreve_secrets();
        let secret = secrets.first().ok_or_else(|| Error::bug("a key ring without a key"))?;
        let signer = cloudreve::CloudreveSigner::new(secret);
        Ok(UrlSigner { mount, site, signer, max: resolver.engine.options.max_lifetime })
    }

    /// Returns when a URL made now ends: within one window it is always the same time, and what is
    /// left is between the margin and the whole life. Without a window, it is the whole life.
    ///
    /// # Errors
    /// `InvalidArgument` when the life is longer than the store allows.
    pub(super) fn ends(&self, now: Time, stable: bool) -> Result<UrlExpiry> {
        let (ttl, margin) = (self.mount.ttl.as_secs(), self.mount.margin.as_secs());
        let unix =
            u64::try_from(now.unix()).map_err(|_| Error::invalid("the clock is before 1970; set it"))?;
        let max = self.max.as_secs();
        if !stable {
            expiry(unix, ttl, max)?;
            return Ok(UrlExpiry { time: now.after(self.mount.ttl) });
        }
        let ends = stable_expiry(unix, margin, ttl.saturating_sub(margin), max)?;
        Ok(UrlExpiry { time: Time::from_unix(i64::try_from(ends).unwrap_or(i64::MAX)) })
    }

    /// Makes the URL of a version, which ends with what it is given through.
    pub(super) fn content(
        &self,
        resolver: &Resolver<'_>,
        (id, through): (VersionId, Option<Through>),
        (speed, name): (u64, &str),
        save: bool,
        ends: UrlExpiry,
    ) -> Result<String> {
        let entity = resolver.entity(id, through)?;
        let folder = format!("{}/api/v4/file/content/{entity}/{speed}/", self.mount.prefix);
        Ok(self.signed(&folder, name, if save { "download=true&" } else { "" }, ends))
    }

    /// Makes the URL of an archive.
    pub(super) fn archive(&self, id: &str, ends: UrlExpiry) -> String {
        let folder = format!("{}/api/v4/file/archive/{id}/", self.mount.prefix);
        self.signed(&folder, "archive.zip", "", ends)
    }

    /// Makes the address of a direct link.
    pub(super) fn link(&self, id: &str, name: &str) -> String {
        format!("{}{}/f/{id}/{}", self.site, self.mount.prefix, cloudreve::escape_segment(name))
    }

    fn signed(&self, folder: &str, name: &str, query: &str, ends: UrlExpiry) -> String {
        let sign = self.signer.sign(&format!("{folder}{name}"), ends.unix());
        format!(
            "{}{folder}{}?{query}sign={}",
            self.site,
            cloudreve::escape_segment(name),
            cloudreve::escape_query(&sign)
        )
    }
}
