//! Routes: which call of the format a method and a path are.

use std::io::Read;

use super::error::{ApiError, Fault};
use super::response::Responder;
use super::{Call, content, link, share, source, url, version};
use crate::Result;
use crate::api::{Api, Caller};
use crate::serve::{Reply, Request};

/// Answers a call or a signed URL; `path` is the part under `api/v4`.
pub(in crate::api) fn answer(
    api: &Api,
    caller: &Caller,
    request: &Request<'_>,
    path: &str,
    body: &mut dyn Read,
) -> Result<Reply> {
    let call = Call { api, caller, request, answer: Responder::new(api, request) };
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let answered = match (request.method, parts.as_slice()) {
        ("POST", ["file", "url"]) => url::answer(&call, body),
        ("PUT", ["file", "source"]) => source::create(&call, body),
        ("DELETE", ["file", "source", id]) => source::delete(&call, id),
        ("POST", ["file", "version", "current"]) => version::set_current(&call, body),
        ("DELETE", ["file", "version"]) => version::delete(&call, body),
        (_, ["file", "content", entity, speed, name]) => return content::version(&call, entity, speed, name),
        (_, ["file", "archive", id, name]) => return content::archive(&call, id, name),
        (_, ["file", "url"]) => return call.answer.not_allowed("POST"),
        (_, ["file", "source"]) => return call.answer.not_allowed("PUT"),
        (_, ["file", "source", _]) => return call.answer.not_allowed("DELETE"),
        (_, ["file", "version", "current"]) => return call.answer.not_allowed("POST"),
        (_, ["file", "version"]) => return call.answer.not_allowed("DELETE"),
        _ => return call.answer.fault(404, &Fault::no_route()),
    };
    match answered {
        Ok(reply) => Ok(reply),
        Err(ApiError::Fault(fault)) => call.answer.fault(200, &fault),
        Err(ApiError::Error(error)) => Err(error),
    }
}

/// Answers a direct link; `path` is the part under `f/`.
pub(in crate::api) fn answer_link(api: &Api, request: &Request<'_>, path: &str) -> Result<Reply> {
    let caller = Caller::anonymous();
    link::answer(&Call { api, caller: &caller, request, answer: Responder::new(api, request) }, path)
}

/// Answers the address of a share, `/s/<id>` or `/s/<id>/<password>`; `path` is the part under `s/`.
pub(in crate::api) fn answer_share(api: &Api, request: &Request<'_>, path: &str) -> Result<Reply> {
    share::answer(&Responder::new(api, request), api, request.method, path)
}
