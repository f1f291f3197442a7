//! The answers that several calls give.

use serde::Serialize;

use super::make::Ends;
use crate::body::Body;
use crate::serve::Reply;

/// What is answered.
#[derive(Serialize)]
pub(super) struct Urls {
    pub(super) urls: Vec<Item>,
    /// The earliest end among the URLs; null if there is none.
    pub(super) expires: Option<String>,
}

/// A URL; empty where there is none.
#[derive(Clone, Default, Serialize)]
pub(super) struct Item {
    pub(super) url: String,
}

/// Makes the answer of a call that one URL came out of, or none.
pub(super) fn one(url: Option<(String, Ends)>) -> Urls {
    match url {
        Some((url, ends)) => Urls { urls: vec![Item { url }], expires: Some(ends.text()) },
        None => Urls { urls: Vec::new(), expires: None },
    }
}

/// Sends the client on.
pub(super) fn redirect(url: String) -> Reply {
    let headers = vec![
        ("Location", url),
        ("Content-Length", "0".to_owned()),
        ("Cache-Control", "private, no-cache".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ];
    Reply { status: 302, headers, body: Body::empty(), pace: None }
}
