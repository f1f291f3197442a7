//! The reply to a request, as a value that a host sends.

use crate::Error;
use crate::body::Body;
use crate::store::url::whole_seconds;

/// What to send: a status, headers and a body of known length.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers, `Content-Length` among them, in the order to send them in. Visible ASCII only.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for HEAD.
    pub body: Body,
    /// The speed that the URL asks the host to keep to, in bytes a second.
    pub pace: Option<u64>,
}

impl Reply {
    /// Returns the value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Makes the reply that tells a client of an error: the status of its kind and a short text that
    /// holds no detail. A rate limit is 429 with `Retry-After`.
    pub fn from_error(error: &Error) -> Reply {
        let text = match error.kind().http_status() {
            403 => "This link is not valid, or no longer.\n",
            404 => "There is nothing here.\n",
            410 => "What was here is gone.\n",
            503 => "Try again later.\n",
            400..=499 => "The request cannot be answered.\n",
            _ => "Something went wrong on the server.\n",
        };
        match error.retry_after() {
            Some(wait) => {
                let after = vec![("Retry-After", whole_seconds(wait).to_string())];
                Reply::text(429, "Too many attempts; try again later.\n", after)
            }
            None => Reply::text(error.kind().http_status(), text, Vec::new()),
        }
    }

    /// Leaves the body out, as the answer to HEAD does; the headers stay.
    #[must_use]
    pub fn without_body(mut self) -> Reply {
        self.body = Body::empty();
        self
    }

    pub(super) fn method_not_allowed() -> Reply {
        let text = "Only GET and HEAD are answered here.\n";
        Reply::text(405, text, vec![("Allow", "GET, HEAD".to_owned())])
    }

    /// Sends the client elsewhere, this once.
    #[cfg(feature = "remote")]
    pub(super) fn found(url: String) -> Reply {
        let headers = vec![
            ("Location", url),
            ("Content-Length", "0".to_owned()),
            ("Cache-Control", "no-store".to_owned()),
            ("Referrer-Policy", "no-referrer".to_owned()),
            ("X-Content-Type-Options", "nosniff".to_owned()),
            ("Cross-Origin-Resource-Policy", "same-site".to_owned()),
        ];
        Reply { status: 302, headers, body: Body::empty(), pace: None }
    }

    /// Makes the answer to a preflight.
    pub(super) fn no_content(headers: Vec<(&'static str, String)>) -> Reply {
        Reply { status: 204, headers, body: Body::empty(), pace: None }
    }

    fn text(status: u16, text: &'static str, mut headers: Vec<(&'static str, String)>) -> Reply {
        headers.extend([
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
            ("Content-Length", text.len().to_string()),
            ("Cache-Control", "no-store".to_owned()),
            ("X-Content-Type-Options", "nosniff".to_owned()),
        ]);
        Reply { status, headers, body: Body::from_bytes(text), pace: None }
    }
}
