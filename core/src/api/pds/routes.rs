//! Routes: which call of the format a method and a path are.

use std::io::Read;

use serde_json::Value;

use super::Call;
use super::error::{ApiError, Fault};
use super::receive::Receiver;
use super::request::Fields;
use super::response::json_reply;
use crate::Result;
use crate::api::{Api, Caller, read_body};
use crate::serve::{Reply, Request};

/// Answers one call.
type Handler = for<'a, 'b> fn(&'a Call<'b>) -> std::result::Result<Value, ApiError>;

/// The calls that are answered with JSON, by their path.
const CALLS: &[(&str, Handler)] = &[
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
pub(in crate::api) fn answer(
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
pub(in crate::api) fn receive(
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
pub(in crate::api) fn refuse(stop: ApiError) -> Result<Reply> {
    let fault = match stop {
        ApiError::Fault(fault) => fault,
        ApiError::Error(error) => return Err(error),
    };
    tracing::debug!(code = fault.code, message = fault.message, "refused a call");
    let mut reply = json_reply(fault.status, &fault.body());
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
    let handler = CALLS.iter().find(|(known, _)| *known == path).map(|(_, handler)| handler);
    let known = handler.is_some() || path == "/file/download" || path.starts_with("/upload/");
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
    let Some(handler) = handler else {
        return call(Fields::of_query(request.target)).download();
    };
    let Some(body) = read_body(body)? else {
        return Err(Fault::range("the body is longer than 4 MiB").into());
    };
    Ok(json_reply(200, &handler(&call(Fields::parse(&body)?))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_in_order_and_each_stands_once() {
        assert!(CALLS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
