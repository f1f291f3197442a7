//! Which pages of other origins may show a reply, and which may read it.
//!
//! Showing is `Cross-Origin-Resource-Policy` (Fetch, section 3.7), which browsers ask where a page embeds
//! without `crossorigin`: `<img>`, `<video>`, `<script>`. Reading is CORS (Fetch, section 3.3): `fetch()`,
//! and elements with `crossorigin`. A page is of an origin by its scheme, host and port; of a site by its
//! scheme and registrable domain, so that an IP address is no site but its own origin.

use std::fmt;
use std::str::FromStr;

use super::RequestHeaders;
use crate::name::shown;
use crate::{Error, Result};

/// The longest text of a policy, in bytes: a token has one byte for its length.
const MAX_LEN: usize = 255;
/// How long a browser may go by the answer to a preflight: Chromium's most, 2 hours.
const MAX_AGE: &str = "7200";
/// What of a reply a script may read beside what every script may (Fetch, section 2.2.2).
const EXPOSED: &str = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag";
/// What a script may send: all that a reply depends on.
const ALLOWED: &str = "Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since";

/// Which pages of other origins may show or read what a URL gives.
///
/// | text | who may show it in a page | whose scripts may read it |
/// |---|---|---|
/// | `same-origin` | the store's origin | the store's origin |
/// | `same-site` (the default) | its site | the store's origin |
/// | `cross-origin` | every site | the store's origin |
/// | `https://a.example https://b.example` | its site; these, with `crossorigin` on the element | the store's origin and these |
/// | `*` | every site | every site |
///
/// Cookies and logins never count: whoever has the URL gets the content, and what this decides is what a
/// browser lets a page do with it that knows the URL.
///
/// ```
/// use holdall::CrossOrigin;
///
/// let page: CrossOrigin = "https://shop.example".parse()?;
/// assert_eq!(page, CrossOrigin::origins(["https://shop.example"])?);
/// assert!("https://shop.example/path".parse::<CrossOrigin>().is_err());
/// # Ok::<(), holdall::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CrossOrigin(OriginPolicy);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum OriginPolicy {
    SameOrigin,
    #[default]
    SameSite,
    CrossOrigin,
    Origins(Vec<String>),
    All,
}

impl CrossOrigin {
    /// Only pages of the store's own origin show it.
    pub const SAME_ORIGIN: CrossOrigin = CrossOrigin(OriginPolicy::SameOrigin);
    /// Pages of the store's site show it: the default.
    pub const SAME_SITE: CrossOrigin = CrossOrigin(OriginPolicy::SameSite);
    /// Pages of every site show it, and their scripts do not read it.
    pub const CROSS_ORIGIN: CrossOrigin = CrossOrigin(OriginPolicy::CrossOrigin);
    /// Pages of every site show and read it.
    pub const ALL: CrossOrigin = CrossOrigin(OriginPolicy::All);

    /// Scripts of these origins read it, such as `https://shop.example` or `http://localhost:3000`: as a
    /// browser writes them, in lower case, without a path and without the port that the scheme has anyway.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no origin, for none, and for more than 255 bytes of them.
    pub fn origins<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<CrossOrigin> {
        let mut list: Vec<String> = Vec::new();
        for origin in origins {
            check_origin(origin)?;
            if !list.iter().any(|known| known == origin) {
                list.push(origin.to_owned());
            }
        }
        let len = list.iter().map(|origin| origin.len().saturating_add(1)).sum::<usize>();
        if list.is_empty() || len > MAX_LEN.saturating_add(1) {
            return Err(Error::invalid(format!(
                "{} origins of {len} bytes: give one or more, of at most {MAX_LEN} bytes together",
                list.len()
            )));
        }
        Ok(CrossOrigin(OriginPolicy::Origins(list)))
    }

    /// Returns the value of `Cross-Origin-Resource-Policy`.
    fn resource_policy(&self) -> &'static str {
        match self.0 {
            OriginPolicy::SameOrigin => "same-origin",
            // Elements with `crossorigin` are asked for by CORS, where this does not count.
            OriginPolicy::SameSite | OriginPolicy::Origins(_) => "same-site",
            OriginPolicy::CrossOrigin | OriginPolicy::All => "cross-origin",
        }
    }

    /// Returns the value of `Access-Control-Allow-Origin` for a request; none where it gets none.
    fn allows(&self, headers: RequestHeaders<'_>) -> Option<String> {
        match &self.0 {
            OriginPolicy::All => Some("*".to_owned()),
            OriginPolicy::Origins(list) => {
                let origin = headers.get("Origin")?;
                list.iter().find(|known| *known == origin).cloned()
            }
            _ => None,
        }
    }

    /// Says in the headers of a reply who may show and read it.
    pub(crate) fn mark(&self, headers: RequestHeaders<'_>, reply: &mut Vec<(&'static str, String)>) {
        let policy = reply.iter_mut().find(|(name, _)| *name == "Cross-Origin-Resource-Policy");
        if let Some((_, value)) = policy
            && value != self.resource_policy()
        {
            self.resource_policy().clone_into(value);
        }
        if matches!(self.0, OriginPolicy::Origins(_)) {
            reply.push(("Vary", "Origin".to_owned()));
        }
        if let Some(origin) = self.allows(headers) {
            reply.push(("Access-Control-Allow-Origin", origin));
            reply.push(("Access-Control-Expose-Headers", EXPOSED.to_owned()));
        }
    }

    /// Makes the headers of the answer to a preflight; none where it is not allowed.
    pub(crate) fn preflight(&self, headers: RequestHeaders<'_>) -> Option<Vec<(&'static str, String)>> {
        let origin = self.allows(headers)?;
        let mut reply = vec![
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Methods", "GET, HEAD".to_owned()),
            ("Access-Control-Allow-Headers", ALLOWED.to_owned()),
            ("Access-Control-Max-Age", MAX_AGE.to_owned()),
        ];
        if matches!(self.0, OriginPolicy::Origins(_)) {
            reply.push(("Vary", "Origin".to_owned()));
        }
        Some(reply)
    }
}

/// Whether a request asks what a page of another origin may send (Fetch, section 3.3.2).
pub(crate) fn is_preflight(method: &str, headers: RequestHeaders<'_>) -> bool {
    let named = |name| headers.get(name).is_some();
    method == "OPTIONS" && named("Origin") && named("Access-Control-Request-Method")
}

fn check_origin(origin: &str) -> Result<()> {
    let wrong = |why: &str| {
        let message = format!(
            "{} is not an origin as browsers send it: {why}; one looks like https://shop.example",
            shown(origin)
        );
        Err(Error::invalid(message))
    };
    let Some((scheme, host)) = origin.split_once("://") else {
        return wrong("it has no scheme");
    };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if scheme.is_empty() || !scheme.chars().all(|c| plain(c) || "+-.".contains(c)) {
        return wrong("its scheme is invalid");
    }
    if host.is_empty() || !host.chars().all(|c| plain(c) || "-._:[]".contains(c)) {
        return wrong("behind the scheme stands a host in lower case, maybe a port, and nothing else");
    }
    match (scheme, host.rsplit_once(':')) {
        ("https", Some((_, "443"))) | ("http", Some((_, "80"))) => wrong("its port goes without saying"),
        _ => Ok(()),
    }
}

impl fmt::Display for CrossOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            OriginPolicy::Origins(list) => f.write_str(&list.join(" ")),
            OriginPolicy::All => f.write_str("*"),
            _ => f.write_str(self.resource_policy()),
        }
    }
}

impl FromStr for CrossOrigin {
    type Err = Error;

    /// Reads a policy by its text: a word, `*`, or origins with spaces between them.
    fn from_str(text: &str) -> Result<CrossOrigin> {
        Ok(match text {
            "same-origin" => CrossOrigin::SAME_ORIGIN,
            "same-site" => CrossOrigin::SAME_SITE,
            "cross-origin" => CrossOrigin::CROSS_ORIGIN,
            "*" => CrossOrigin::ALL,
            "" => return Err(Error::invalid("the cross-origin policy is empty; leave it out for same-site")),
            _ => CrossOrigin::origins(text.split_ascii_whitespace())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> CrossOrigin {
        text.parse().unwrap()
    }

    fn marked(text: &str, origin: &str) -> Vec<(&'static str, String)> {
        let mut reply = vec![("Cross-Origin-Resource-Policy", "same-site".to_owned())];
        policy(text).mark(RequestHeaders(&[("origin", origin)]), &mut reply);
        reply.retain(|(name, _)| *name != "Access-Control-Expose-Headers");
        reply
    }

    #[test]
    fn every_policy_has_one_text() {
        for text in
            ["same-origin", "same-site", "cross-origin", "*", "https://a.example http://localhost:3000"]
        {
            assert_eq!(policy(text).to_string(), text);
        }
        assert_eq!(CrossOrigin::default().to_string(), "same-site");
        assert_eq!(policy(" https://a.example\thttps://a.example ").to_string(), "https://a.example");
    }

    #[test]
    fn what_no_browser_sends_is_no_origin() {
        for bad in [
            "",
            "null",
            "a.example",
            "https://",
            "://a",
            "https://a.example/",
            "https://A.example",
            "https://a.example:443",
            "http://a.example:80",
            "https://u@a.example",
            "https://a?b",
            "* x",
            "https://a.example,https://b.example",
            "same-site https://a.example",
            "https://a\r\nSet-Cookie:x",
        ] {
            assert!(bad.parse::<CrossOrigin>().is_err(), "{bad:?}");
        }
        let long = format!("https://{}", "a".repeat(248));
        assert!(long.parse::<CrossOrigin>().is_err());
        assert_eq!(policy(&long[..255]).to_string().len(), 255);
    }

    #[test]
    fn a_reply_says_who_may_show_and_who_may_read_it() {
        let own = |policy: &str| vec![("Cross-Origin-Resource-Policy", policy.to_owned())];
        for word in ["same-origin", "same-site", "cross-origin"] {
            assert_eq!(marked(word, "https://a.example"), own(word));
        }
        let all = marked("*", "https://a.example");
        assert_eq!(all[1..], [("Access-Control-Allow-Origin", "*".to_owned())]);
        assert_eq!(all[0].1, "cross-origin");
        let two = "https://a.example https://b.example";
        let vary = ("Vary", "Origin".to_owned());
        let allowed = ("Access-Control-Allow-Origin", "https://b.example".to_owned());
        assert_eq!(
            marked(two, "https://b.example"),
            [own("same-site"), vec![vary.clone(), allowed]].concat()
        );
        // As it stands, and no other: neither a part of one nor what goes on.
        for other in
            ["https://c.example", "null", "https://a.example.evil", "https://a.exampl", "https://A.example"]
        {
            assert_eq!(marked(two, other), [own("same-site"), vec![vary.clone()]].concat(), "{other}");
        }
    }

    #[test]
    fn a_preflight_is_answered_to_whom_it_is_allowed() {
        let asks = |text: &str, origin: &str| policy(text).preflight(RequestHeaders(&[("Origin", origin)]));
        assert!(asks("https://a.example", "https://a.example").is_some());
        assert!(asks("*", "https://a.example").is_some());
        for (text, origin) in
            [("https://a.example", "https://b.example"), ("cross-origin", "https://a.example")]
        {
            assert!(asks(text, origin).is_none());
        }
        let both = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET")];
        assert!(is_preflight("OPTIONS", RequestHeaders(&both)));
        assert!(!is_preflight("GET", RequestHeaders(&both)));
        assert!(!is_preflight("OPTIONS", RequestHeaders(&both[..1])));
    }
}
