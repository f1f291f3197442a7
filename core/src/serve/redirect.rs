//! A download as a redirect to the object storage, where that sends the same and nothing is lost that was promised.

use std::sync::Arc;
use std::time::Duration;

use super::reply::Reply;
use super::request::Request;
use super::resolve::Resource;
use crate::Result;
use crate::blobs::object::Presentation;
use crate::engine::Engine;
use crate::http::{Disposition, Head, RequestHeaders, Selected, respond};
use crate::time::Time;

/// Headers of a request with which what the object storage would answer is not what is answered here: its entity tags
/// and dates are its own, and it has no policy for pages of other origins.
const OURS: [&str; 6] =
    ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Origin"];

/// Makes the reply that sends a client to the object storage for the content, and counts it; None if the content is
/// to be sent from here.
///
/// # Errors
/// Those of counting; what a signature fails for is no error, as the content can be sent from here.
pub(super) fn redirect(
    engine: &Arc<Engine>,
    found: &Resource,
    request: &Request<'_>,
) -> Result<Option<Reply>> {
    let Some(objects) = engine.pool.objects().filter(|objects| objects.redirects()) else { return Ok(None) };
    let Some((blob, ends)) = found.object().filter(|_| request.method == "GET") else { return Ok(None) };
    let headers = RequestHeaders(&request.headers);
    if OURS.iter().any(|name| headers.get_all(name).next().is_some()) {
        return Ok(None);
    }
    let representation = &found.representation;
    if !representation.extra.is_empty() {
        return Ok(None);
    }
    let head = respond(request.method, headers, representation, request.now.unix(), || 0);
    let Some(media_type) = sent_whole_or_in_one_range(&head, headers) else { return Ok(None) };
    let is_saved = head.header("Content-Disposition").is_some_and(|value| value.starts_with("attachment"));
    let disposition = if is_saved { Disposition::Attachment } else { Disposition::Inline };
    let (name, cache) = (representation.name.as_str(), representation.cache);
    let left = |ends: Time| u64::try_from(ends.unix().saturating_sub(request.now.unix())).unwrap_or(0);
    let lifetime = ends.map_or(Duration::MAX, |ends| Duration::from_secs(left(ends)));
    let signed = objects.presign(blob, Presentation { name, media_type, disposition, cache }, lifetime);
    match signed {
        Ok(Some(url)) => {
            found.counts.count(engine, request.method, &head, request.now)?;
            Ok(Some(Reply::found(url)))
        }
        Ok(None) => Ok(None),
        Err(error) => {
            tracing::warn!(%error, "a redirect could not be signed; the content is sent from here");
            Ok(None)
        }
    }
}

/// Returns the media type of a reply that the object storage can send too: it does not join ranges, and answers what is
/// no range in its own way.
fn sent_whole_or_in_one_range<'a>(head: &'a Head, headers: RequestHeaders<'_>) -> Option<&'a str> {
    let ranges = headers.get_all("Range").flat_map(|line| line.split(',')).count();
    match (head.status, &head.selected, ranges) {
        (200, Selected::Whole, 0) | (206, Selected::One(_), 1) => head.header("Content-Type"),
        _ => None,
    }
}
