//! The wire format of Cloudreve v4.

mod code;
mod envelope;
mod uri;

use std::io::Read;

use super::{Api, Caller};
use crate::Result;
use crate::serve::{Reply, Request};

use code::Fault;
use envelope::Answer;

/// Answers a call or a signed URL; `path` is the part under `api/v4`.
pub(super) fn answer(
    api: &Api,
    _caller: &Caller,
    request: &Request<'_>,
    _path: &str,
    _body: &mut dyn Read,
) -> Result<Reply> {
    Answer::new(api, request).fault(404, &Fault::no_route())
}

/// Answers a direct link; `path` is the part under `f/`.
pub(super) fn answer_link(api: &Api, request: &Request<'_>, _path: &str) -> Result<Reply> {
    Answer::new(api, request).fault(404, &Fault::no_route())
}
