//! The wire format of PDS.

use std::io::Read;

use super::{Api, Caller};
use crate::Result;
use crate::body::Body;
use crate::serve::{Reply, Request};

/// Answers a call; `path` is the part under `v2`.
pub(super) fn answer(
    _api: &Api,
    _caller: &Caller,
    _request: &Request<'_>,
    _path: &str,
    _body: &mut dyn Read,
) -> Result<Reply> {
    let text = r#"{"code":"NotFound","message":"there is no such call"}"#;
    let headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("Content-Length", text.len().to_string()),
        ("Cache-Control", "no-store".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ];
    Ok(Reply { status: 404, headers, body: Body::from_bytes(text), pace: None })
}
