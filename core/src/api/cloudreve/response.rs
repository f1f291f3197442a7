//! Responses: the envelope of every JSON reply, and the data that several calls put in it.
//!
//! The fields come in one order, those without a value are left out, `msg` is always there; and
//! what could be markup is escaped, so that the text is the same to the byte as the original's.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::{Code, Fault};
use super::signed_url::UrlExpiry;
use crate::api::Api;
use crate::body::Body;
use crate::http::RequestHeaders;
use crate::serve::{Reply, Request};
use crate::{Error, ErrorKind, Result};

#[derive(Serialize)]
struct Envelope<'a, T: Serialize> {
    code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    aggregated_error: BTreeMap<&'a str, Envelope<'a, ()>>,
    msg: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
}

/// The faults of a batch, by URI; each is in it once.
pub(super) type Faults = BTreeMap<String, Fault>;

/// Makes the answers to one request.
pub(super) struct Responder {
    debug: bool,
    correlation: String,
    head: bool,
}

impl Responder {
    pub(super) fn new(api: &Api, request: &Request<'_>) -> Responder {
        let given = RequestHeaders(&request.headers).get("X-Cr-Correlation-Id");
        let given = given.and_then(|text| uuid::Uuid::try_parse(text).ok());
        let correlation = given.unwrap_or_else(uuid::Uuid::new_v4).to_string();
        Responder { debug: api.mount.debug, correlation, head: request.method == "HEAD" }
    }

    /// Answers that all went well.
    pub(super) fn data(&self, data: impl Serialize) -> Result<Reply> {
        self.partly(Some(data), &Faults::new())
    }

    /// Answers that all went well and that there is nothing to say.
    pub(super) fn done(&self) -> Result<Reply> {
        self.partly(None::<()>, &Faults::new())
    }

    /// Answers with `code` 0 whatever failed in part; the faults stand beside the data.
    pub(super) fn partly(&self, data: Option<impl Serialize>, faults: &Faults) -> Result<Reply> {
        let correlation_id = (!faults.is_empty()).then_some(self.correlation.as_str());
        self.send(
            200,
            &Envelope {
                code: 0,
                data,
                aggregated_error: self.aggregate(faults),
                msg: "",
                error: "",
                correlation_id,
            },
        )
    }

    /// Answers a fault with an HTTP status, which is 200 for most.
    pub(super) fn fault(&self, status: u16, fault: &Fault) -> Result<Reply> {
        self.send(status, &self.envelope(fault))
    }

    /// Answers that an address does not have the method, and which it has.
    pub(super) fn not_allowed(&self, methods: &str) -> Result<Reply> {
        let mut reply = self.fault(405, &Fault::no_route())?;
        reply.headers.push(("Allow", methods.to_owned()));
        Ok(reply)
    }

    /// Answers that a batch failed, in part if there is data.
    pub(super) fn failed(&self, data: Option<impl Serialize>, faults: &Faults) -> Result<Reply> {
        let mut all = faults.values();
        let msg = match (all.next(), all.next()) {
            (Some(fault), None) => fault.full(),
            _ => "One or more operation failed".to_owned(),
        };
        self.send(
            200,
            &Envelope {
                code: Code::BatchNotFullyCompleted.number(),
                data,
                aggregated_error: self.aggregate(faults),
                msg: &msg,
                error: if self.debug { "aggregate error: one or more operation failed" } else { "" },
                correlation_id: Some(&self.correlation),
            },
        )
    }

    fn aggregate<'a>(&'a self, faults: &'a Faults) -> BTreeMap<&'a str, Envelope<'a, ()>> {
        faults.iter().map(|(uri, fault)| (uri.as_str(), self.envelope(fault))).collect()
    }

    fn envelope<'a>(&'a self, fault: &'a Fault) -> Envelope<'a, ()> {
        Envelope {
            code: fault.code.number(),
            data: None,
            aggregated_error: BTreeMap::new(),
            msg: &fault.text,
            error: if self.debug { &fault.detail } else { "" },
            correlation_id: (!fault.form).then_some(&self.correlation),
        }
    }

    fn send(&self, status: u16, envelope: &impl Serialize) -> Result<Reply> {
        let text = serde_json::to_string(envelope)
            .map_err(|cause| Error::with_source(ErrorKind::Bug, "writing an answer as JSON", cause))?;
        let text = escape_markup(&text);
        let headers = vec![
            ("Content-Type", "application/json; charset=utf-8".to_owned()),
            ("Content-Length", text.len().to_string()),
            ("Cache-Control", "private, no-cache".to_owned()),
            ("X-Content-Type-Options", "nosniff".to_owned()),
        ];
        let body = if self.head { Body::empty() } else { Body::from_bytes(text) };
        Ok(Reply { status, headers, body, pace: None })
    }
}

/// The data of a reply that has URLs.
#[derive(Serialize)]
pub(super) struct Urls {
    pub(super) urls: Vec<UrlItem>,
    /// The earliest end among the URLs; null if there is none.
    pub(super) expires: Option<String>,
}

/// A URL; empty if there is none.
#[derive(Clone, Default, Serialize)]
pub(super) struct UrlItem {
    pub(super) url: String,
}

/// Makes the answer of a call that one URL came out of, or none.
pub(super) fn one(url: Option<(String, UrlExpiry)>) -> Urls {
    match url {
        Some((url, ends)) => Urls { urls: vec![UrlItem { url }], expires: Some(ends.text()) },
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

/// Escapes what a browser could take for markup; in JSON it stands in strings alone.
fn escape_markup(json: &str) -> String {
    let mut text = String::with_capacity(json.len() + json.len() / 16);
    let mut rest = json;
    while let Some(at) = rest.find(['&', '<', '>', '\u{2028}', '\u{2029}']) {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        text.push_str(plain);
        let mut after = tail.chars();
        if let Some(c) = after.next() {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
        rest = after.as_str();
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_reads_back_the_same() {
        let text = "a&b<c>d\u{2028}e\u{2029}\u{e9}";
        let json = escape_markup(&serde_json::to_string(text).unwrap());
        assert_eq!(json, "\"a\\u0026b\\u003cc\\u003ed\\u2028e\\u2029\u{e9}\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
