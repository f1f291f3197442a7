//! The wire format of PDS: JSON calls under `v2`, and the parts of uploads.
//!
//! | call | who |
//! |---|---|
//! | `file/get_download_url`, `file/download`, `file/archive_files`, `async_task/get`, `file/get`, `file/list` | owner, administrator, visitor with a share token |
//! | `file/create`, `file/get_upload_url`, `file/list_uploaded_parts`, `file/complete`, `file/delete` | owner, administrator |
//! | `file/revision/list`, `get`, `update`, `restore`, `delete` | owner, administrator |
//! | `recyclebin/trash`, `restore`, `list` | owner, administrator |
//! | `drive/get`, `drive/get_default_drive`, `drive/list_my_drives` | owner, administrator |
//! | `share_link/get_share_token` | anybody with the share's password |
//! | `PUT upload/<token>` | whoever has the URL |
//!
//! Ids on the wire are the store's own; a drive's is its number in decimal digits, and `root` names the
//! top folder.

mod access;
mod create;
mod download;
mod fault;
mod field;
mod file;
mod part;
mod proof;
mod rapid;
mod receive;
mod recyclebin;
mod revision;
mod share;
mod show;

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{Api, Caller, read_body};
use crate::Result;
use crate::body::Body;
use crate::serve::{Reply, Request};
use crate::store::url::base_path;
use crate::time::Time;

pub(super) use fault::ApiError;
use fault::Fault;
use field::Fields;
pub(super) use receive::Receiver;

/// How many seconds a URL lives if nothing is said.
const DEFAULT_EXPIRE: u64 = 900;
/// The longest that a download URL lives, in seconds: 32 hours.
const MAX_EXPIRE: u64 = 115_200;

/// A call: who makes it, and with what.
struct Call<'a> {
    api: &'a Api,
    caller: &'a Caller,
    request: &'a Request<'a>,
    fields: Fields,
    now: Time,
}

/// What a call does.
type Answer = for<'a, 'b> fn(&'a Call<'b>) -> std::result::Result<Value, ApiError>;

/// The calls that are answered with JSON, by their path.
const CALLS: &[(&str, Answer)] = &[
    ("/async_task/get", |call| call.get_async_task()),
    ("/drive/get", |call| call.get_drive()),
    ("/drive/get_default_drive", |call| call.get_default_drive()),
    ("/drive/list_my_drives", |call| call.list_my_drives()),
    ("/file/archive_files", |call| call.archive_files()),
    ("/file/complete", |call| call.complete()),
    ("/file/create", |call| call.create()),
    ("/file/delete", |call| call.delete()),
    ("/file/get", |call| call.get()),
    ("/file/get_download_url", |call| call.get_download_url()),
    ("/file/get_upload_url", |call| call.get_upload_url()),
    ("/file/list", |call| call.list()),
    ("/file/list_uploaded_parts", |call| call.list_uploaded_parts()),
    ("/file/revision/delete", |call| call.delete_revision()),
    ("/file/revision/get", |call| call.get_revision()),
    ("/file/revision/list", |call| call.list_revisions()),
    ("/file/revision/restore", |call| call.restore_revision()),
    ("/file/revision/update", |call| call.update_revision()),
    ("/recyclebin/list", |call| call.list_recyclebin()),
    ("/recyclebin/restore", |call| call.restore()),
    ("/recyclebin/trash", |call| call.trash()),
    ("/share_link/get_share_token", |call| call.get_share_token()),
];

/// Answers a call; `path` is the part under `v2`.
pub(super) fn answer(
    api: &Api,
    caller: &Caller,
    request: &Request<'_>,
    path: &str,
    body: &mut dyn Read,
) -> Result<Reply> {
    // A store that was closed is the host's affair, whatever is called.
    api.store.engine()?;
    let stop = match route(api, caller, request, path, body) {
        Ok(reply) => return Ok(reply),
        Err(stop) => stop,
    };
    let mut reply = refuse(stop)?;
    if reply.status == 405 {
        reply.headers.push(("Allow", allowed(path).to_owned()));
    }
    Ok(if request.method == "HEAD" { reply.without_body() } else { reply })
}

/// Begins to take a part that is put at `path`; None for any other call.
pub(super) fn receive(
    api: &Api,
    request: &Request<'_>,
    path: &str,
) -> Option<std::result::Result<Receiver, ApiError>> {
    let token = path.strip_prefix("/upload/").filter(|_| request.method == allowed(path))?;
    Some(Receiver::new(api, request, token))
}

/// Makes the reply to a call that a fault ended.
///
/// # Errors
/// What the host must know of.
pub(super) fn refuse(stop: ApiError) -> Result<Reply> {
    let fault = match stop {
        ApiError::Fault(fault) => fault,
        ApiError::Error(error) => return Err(error),
    };
    tracing::debug!(code = fault.code, message = fault.message, "refused a call");
    let mut reply = reply(fault.status, &fault.body());
    if let Some(wait) = fault.more.get("retry_after") {
        reply.headers.push(("Retry-After", wait.to_string()));
    }
    Ok(reply)
}

/// Returns the one method that an address takes.
fn allowed(path: &str) -> &'static str {
    match path {
        "/file/download" => "GET",
        _ if path.starts_with("/upload/") => "PUT",
        _ => "POST",
    }
}

fn route(
    api: &Api,
    caller: &Caller,
    request: &Request<'_>,
    path: &str,
    body: &mut dyn Read,
) -> Result<Reply, ApiError> {
    let made = CALLS.iter().find(|(known, _)| *known == path).map(|(_, made)| made);
    let known = made.is_some() || path == "/file/download" || path.starts_with("/upload/");
    if !known {
        return Err(Fault::absent("there is no such call").into());
    }
    if request.method != allowed(path) {
        return Err(Fault::method(format!("this call takes {} alone", allowed(path))).into());
    }
    if let Some(token) = path.strip_prefix("/upload/") {
        let mut part = Receiver::new(api, request, token)?;
        while part.read_from(body)? > 0 {}
        return part.finish();
    }
    let call = |fields| Call { api, caller, request, fields, now: request.now };
    let Some(made) = made else {
        return call(query(request.target)).download();
    };
    let Some(body) = read_body(body)? else {
        return Err(Fault::range("the body is longer than 4 MiB").into());
    };
    Ok(reply(200, &made(&call(Fields::parse(&body)?))?))
}

/// Makes fields of a query: each a text, but for the lifetime.
fn query(target: &str) -> Fields {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let mut fields = Map::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        let value = percent_decode_str(&value).decode_utf8_lossy().into_owned();
        let value = match (name, value.parse::<u64>()) {
            ("expire_sec", Ok(number)) => Value::from(number),
            _ => Value::from(value),
        };
        fields.entry(name.to_owned()).or_insert(value);
    }
    Fields::from(fields)
}

/// Makes a reply of JSON.
fn reply(status: u16, value: &Value) -> Reply {
    let text = value.to_string();
    let headers = vec![
        ("Content-Type", "application/json; charset=utf-8".to_owned()),
        ("Content-Length", text.len().to_string()),
        ("Cache-Control", "no-store".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ];
    Reply { status, headers, body: Body::from_bytes(text), pace: None }
}

impl Call<'_> {
    /// Puts a URL of the store on the base of the site, if it has one.
    fn on_site(&self, url: &str) -> String {
        match self.api.mount.sites.first() {
            Some(site) if !site.is_empty() => self.on_base(site, url),
            _ => url.to_owned(),
        }
    }

    /// Puts a URL of the store on another base: its path stays.
    fn on_base(&self, base: &str, url: &str) -> String {
        format!("{base}{}", base_path(url))
    }

    /// Reads how long the URLs beside a file live.
    fn url_expire(&self, bounds: std::ops::RangeInclusive<u64>) -> Result<u64, ApiError> {
        let most = self.api.store.engine()?.options.max_lifetime.as_secs();
        let expire = self.fields.number("url_expire_sec", bounds)?;
        Ok(expire.unwrap_or(DEFAULT_EXPIRE).min(most))
    }
}

/// Reads a cursor that [`marker`] made; none for the first page.
fn cursor(fields: &Fields) -> Result<Option<String>, Fault> {
    let Some(text) = fields.any_text("marker")?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = || Fault::invalid("marker is none that a call before gave");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    String::from_utf8(bytes).map(Some).map_err(|_| wrong())
}

/// Makes the cursor of the next page.
fn marker(cursor: Option<String>) -> String {
    cursor.map(|text| URL_SAFE_NO_PAD.encode(text)).unwrap_or_default()
}

/// Returns the base that the parts of uploads are put to.
fn upload_base(api: &Api) -> String {
    let site = api.mount.sites.first().map(String::as_str).unwrap_or_default();
    format!("{site}{}", api.mount.prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_in_order_and_each_stands_once() {
        assert!(CALLS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_cursor_reads_back() {
        for name in ["a", "a b/\u{e9}", ""] {
            let body = format!("{{\"marker\":\"{}\"}}", marker(Some(name.to_owned())));
            let fields = Fields::parse(body.as_bytes()).unwrap();
            assert_eq!(cursor(&fields).unwrap().unwrap_or_default(), name);
        }
        for bad in ["*", "a", "_w"] {
            let fields = Fields::parse(format!("{{\"marker\":\"{bad}\"}}").as_bytes()).unwrap();
            assert_eq!(cursor(&fields).unwrap_err().code, "InvalidParameter", "{bad}");
        }
    }
}
