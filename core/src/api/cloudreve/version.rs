//! Versions: POST `file/version/current` and DELETE `file/version`. The owner of the file may.

use std::io::Read;

use super::Call;
use super::error::{ApiError, Fault};
use super::request::Fields;
use super::resolve::{Act, Resolver};
use super::uri::FileUri;
use super::url::version_of;
use crate::catalog::version;
use crate::id::VersionId;
use crate::serve::Reply;
use crate::{Error, ErrorKind};

/// Makes a version the current one of its file.
pub(super) fn set_current(call: &Call<'_>, body: &mut dyn Read) -> Result<Reply, ApiError> {
    let (resolver, id) = pick(call, body)?;
    let now = call.request.now;
    resolver.engine.write(move |change| version::set_current(change, id, now)).map_err(gone)?;
    Ok(call.answer.done()?)
}

/// Removes a version that is not the current one.
pub(super) fn delete(call: &Call<'_>, body: &mut dyn Read) -> Result<Reply, ApiError> {
    let (resolver, id) = pick(call, body)?;
    let now = call.request.now;
    resolver.engine.write(move |change| version::remove(change, id, change.time(now))).map_err(|error| {
        match error.kind() {
            ErrorKind::InvalidArgument => ApiError::Fault(Fault::not_supported().detail(error)),
            _ => gone(error),
        }
    })?;
    Ok(call.answer.done()?)
}

/// Finds the version that a call names, if the caller owns its file.
fn pick<'a>(call: &Call<'a>, body: &mut dyn Read) -> Result<(Resolver<'a>, VersionId), ApiError> {
    let fields = Fields::read(body)?;
    let (uri, text) = (fields.required("uri")?, fields.required("version")?);
    let uri = FileUri::parse(uri).ok_or_else(|| Fault::param("unknown uri"))?;
    let mut resolver = Resolver::new(call.api, call.caller, call.request)?;
    if resolver.version(text)?.is_none() {
        return Err(Fault::param("unknown version id").into());
    }
    let found = resolver.find(&uri, Act::Version)?;
    if !resolver.owns(found.drive) {
        return Err(Fault::owner_only().into());
    }
    let id = version_of(&resolver, &found, text)?.ok_or_else(Fault::entity)?;
    Ok((resolver, id))
}

/// What was removed in between is not a version any more.
fn gone(error: Error) -> ApiError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::Gone => ApiError::Fault(Fault::entity().detail(error)),
        _ => error.into(),
    }
}
