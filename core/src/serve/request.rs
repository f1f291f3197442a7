//! The request, as far as it matters.

use std::net::IpAddr;

use crate::time::Time;

/// A request for a URL of a store.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The URL as the store made it, whole or from its path on, with the query.
    pub target: &'a str,
    /// The headers, names in any case. Those that matter to a URL of a store are [`Request::HEADERS`].
    pub headers: Vec<(&'a str, &'a str)>,
    /// The client's address, for URLs that are bound to a network.
    pub client: Option<IpAddr>,
    /// When the request came.
    pub now: Time,
}

impl<'a> Request<'a> {
    /// The headers that a reply to a URL of a store depends on, in lower case: an adapter need pass on no
    /// other, and passes on every line of these.
    pub const HEADERS: [&'static str; 8] = [
        "range",
        "if-range",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "origin",
        "access-control-request-method",
    ];

    /// Makes a request that came now.
    pub fn new(method: &'a str, target: &'a str) -> Request<'a> {
        Request { method, target, headers: Vec::new(), client: None, now: Time::now() }
    }

    /// Makes a GET request that came now.
    pub fn get(target: &'a str) -> Request<'a> {
        Request::new("GET", target)
    }

    /// Makes a HEAD request that came now.
    pub fn head(target: &'a str) -> Request<'a> {
        Request::new("HEAD", target)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'a str, value: &'a str) -> Request<'a> {
        self.headers.push((name, value));
        self
    }

    /// Adds a `Range` header, such as `bytes=1000-`.
    #[must_use]
    pub fn range(self, value: &'a str) -> Request<'a> {
        self.header("Range", value)
    }

    /// Sets the client's address.
    #[must_use]
    pub fn client(mut self, client: IpAddr) -> Request<'a> {
        self.client = Some(client);
        self
    }

    /// Sets when the request came.
    #[must_use]
    pub fn at(mut self, now: Time) -> Request<'a> {
        self.now = now;
        self
    }
}
