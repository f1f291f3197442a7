//! The wire format of Cloudreve v4: calls in JSON, and the routes that its URLs lead to.
//!
//! | method and path | is |
//! |---|---|
//! | POST `file/url` | URLs of files, or of one archive of them |
//! | PUT `file/source` | direct links, made or found |
//! | DELETE `file/source/<link>` | one direct link's end |
//! | POST `file/version/current` | an older version made current |
//! | DELETE `file/version` | a version removed |
//! | GET, HEAD, OPTIONS `file/content/<entity>/<speed>/<name>?sign=` | a version |
//! | GET, HEAD, OPTIONS `file/archive/<archive>/<name>?sign=` | an archive |
//! | GET, HEAD `/f/<link>/<name>`, `/f/d/<link>/<name>` | a direct link, shown or saved |
//!
//! A user is a drive here, an entity a version. `docs/api/cloudreve.md` in the repository shows
//! each call, and says where the behaviour differs from the original's and why.

mod archive;
mod content;
mod envelope;
mod error;
mod link;
mod make;
mod name;
mod request;
mod resolve;
mod response;
mod share_limit;
mod source;
mod ticket;
mod uri;
mod url;
mod version;

use std::io::Read;

use super::{Api, Caller};
use crate::Result;
use crate::serve::{Reply, Request};

use envelope::Answer;
use error::{ApiError, Fault};

/// Answers a call or a signed URL; `path` is the part under `api/v4`.
pub(super) fn answer(
    api: &Api,
    caller: &Caller,
    request: &Request<'_>,
    path: &str,
    body: &mut dyn Read,
) -> Result<Reply> {
    let call = Call { api, caller, request, answer: Answer::new(api, request) };
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
pub(super) fn answer_link(api: &Api, request: &Request<'_>, path: &str) -> Result<Reply> {
    let caller = Caller::anonymous();
    link::answer(&Call { api, caller: &caller, request, answer: Answer::new(api, request) }, path)
}

/// A call under way.
struct Call<'a> {
    api: &'a Api,
    caller: &'a Caller,
    request: &'a Request<'a>,
    answer: Answer,
}
