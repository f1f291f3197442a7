//! Whether a request was made on this machine, and by no page of another site.

use std::net::IpAddr;

use holdall::{Error, ErrorKind, Result};
use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// What a proxy adds to the requests of others that it passes on.
const PASSED_ON: [&str; 5] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/// Refuses a request that a page of another site may have made, or a proxy passed on: for a server that listens
/// on the loopback interface and asks for no credentials before it takes an upload.
///
/// Any page can have a browser on this machine send a form here, with its own `Origin` (RFC 6454 section 7), and a
/// page whose name leads here by DNS has that name in `Host`. A server that others reach needs more than this: it
/// has to know who sends.
///
/// # Errors
/// [`ErrorKind::Denied`].
///
/// ```
/// let mut headers = http::HeaderMap::new();
/// headers.insert("host", "127.0.0.1:8000".parse().unwrap());
/// assert!(holdall_http::check_local(&headers).is_ok());
/// headers.insert("origin", "https://evil.example".parse().unwrap());
/// assert!(holdall_http::check_local(&headers).is_err());
/// ```
pub fn check_local(headers: &HeaderMap) -> Result<()> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origin = headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let of_host = |origin: &str| origin.split_once("://").is_some_and(|(_, from)| from == host);
    let passed_on = PASSED_ON.iter().any(|name| headers.contains_key(*name));
    if is_local(host) && origin.is_none_or(of_host) && !passed_on {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Denied,
        "uploads are taken from this machine alone, and from no page of another site",
    ))
}

/// Whether a host with its port is this machine by its address.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_site_is_refused() {
        for (pairs, local) in [
            (&[("host", "127.0.0.1:8420")][..], true),
            (&[("host", "localhost")], true),
            (&[("host", "[::1]:8420")], true),
            (&[("host", "127.0.0.1:8420"), ("origin", "http://127.0.0.1:8420")], true),
            (&[("host", "127.0.0.1:8420"), ("origin", "https://evil.example")], false),
            (&[("host", "127.0.0.1:8420"), ("origin", "http://127.0.0.1:8420.evil.example")], false),
            (&[("host", "127.0.0.1:8420"), ("origin", "null")], false),
            (&[("host", "127.0.0.1:8420"), ("origin", "http://localhost:3000")], false),
            (&[("host", "127.0.0.1:8420"), ("x-forwarded-for", "192.0.2.7")], false),
            (&[("host", "evil.example:8420")], false),
            (&[("host", "127.0.0.1.evil.example")], false),
            (&[], false),
        ] {
            let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            assert_eq!(check_local(&headers.collect()).is_ok(), local, "{pairs:?}");
        }
    }
}
