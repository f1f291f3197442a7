//! Serving: a request in, a reply out, both values. The host moves the bytes.
//!
//! | target, under the store's base URL | gives |
//! |---|---|
//! | `d/<token>/<name>` | what the token permits: a version, a file, an archive, a file of a share |
//! | `f/<link>/<name>` | the current version of a direct link's file, shown if its type is safe |
//! | `f/d/<link>/<name>` | the same, saved |
//! | `file/content/<entity>/<speed>/<name>?sign=` | a version, by a URL of the Cloudreve form |
//! | `file/archive/<archive>/<name>?sign=` | an archive, by a URL of the Cloudreve form |

#[cfg(feature = "remote")]
mod redirect;
mod reply;
mod request;
pub(crate) mod resolve;
pub(crate) mod route;
mod verify;

pub use reply::Reply;
pub use request::Request;
pub use verify::Grant;

use std::sync::Arc;

use crate::body::Body;
use crate::engine::Engine;
use crate::engine::snapshot::Snapshot;
use crate::http::{Head, RequestHeaders, Selected, is_preflight, respond};
use crate::kv::driver::StoreReader;
use crate::store::Store;
use crate::{Error, ErrorKind, Result};

use resolve::Resource;
use route::Route;

impl Store {
    /// Answers a request for a URL of this store: whatever is wrong with the request or the URL is
    /// a reply too, so a host sends what comes back.
    ///
    /// The URL is verified once, now: a reply that was begun is never cut. The body pins what it
    /// serves and outlives the store.
    ///
    /// # Errors
    /// Only what the host must know of: `Io`, `Corrupt`, `Poisoned`, `Locked`, `Bug`, `Forked`, `ReadOnly`, and
    /// `InvalidArgument` for a store that was closed. [`Reply::from_error`] makes replies of them.
    pub fn serve(&self, request: &Request<'_>) -> Result<Reply> {
        if let Some(refused) = refused(request) {
            return Ok(refused);
        }
        let engine = self.engine()?;
        let found = route::parse(&engine.options.base_url, request.target)
            .and_then(|route| resolve_anew(&engine, &route, request));
        reply_or_refusal(&engine, request, found)
    }

    /// Answers a request as [`serve`](Store::serve) does if that takes no wait for the disk: what it
    /// needs of the rows is cached, it counts no use, and its content is in a file that is open. `None`
    /// says to call `serve`, on a thread that may block.
    ///
    /// To read the body may still wait.
    ///
    /// # Errors
    /// As [`serve`](Store::serve).
    pub fn serve_cached(&self, request: &Request<'_>) -> Result<Option<Reply>> {
        if let Some(refused) = refused(request) {
            return Ok(Some(refused));
        }
        let engine = self.engine()?;
        let route = match route::parse(&engine.options.base_url, request.target) {
            Ok(route) => route,
            Err(error) => return reply_or_refusal(&engine, request, Err(error)).map(Some),
        };
        let snapshot = Snapshot::cached_only(&engine);
        let found = resolve::resolve(&snapshot, &route, request);
        let waits = match &found {
            Ok(found) => found.waits(&engine),
            Err(error) => engine.may_be_made_since(error),
        };
        if snapshot.is_missing() || waits {
            return Ok(None);
        }
        reply_or_refusal(&engine, request, found).map(Some)
    }
}

/// Verifies what a route claims and finds what it leads to; where rows refuse it that are older than the request, by newer
/// ones.
fn resolve_anew(engine: &Arc<Engine>, route: &Route<'_>, request: &Request<'_>) -> Result<Resource> {
    let began = engine.call_begins();
    let snapshot = Snapshot::new(engine);
    let found = resolve::resolve(&snapshot, route, request);
    let again = |tx: &StoreReader| resolve::resolve(&Snapshot::at(engine, tx.clone()), route, request);
    engine.anew(began, (snapshot.begun(), snapshot.is_unsigned()), found, again)
}

/// Returns the refusal of a request that no URL could be served to.
fn refused(request: &Request<'_>) -> Option<Reply> {
    let preflight = is_preflight(request.method, RequestHeaders(&request.headers));
    if !matches!(request.method, "GET" | "HEAD") && !preflight {
        return Some(Reply::method_not_allowed());
    }
    malformed(request)
}

/// Makes the reply for what was found, or to a client of what is the client's affair.
fn reply_or_refusal(engine: &Arc<Engine>, request: &Request<'_>, found: Result<Resource>) -> Result<Reply> {
    match found.and_then(|found| answer(engine, found, request)) {
        Err(error) if is_clients(error.kind()) => {
            let mut reply = refuse(request, &error);
            engine.options.cross_origin.mark(RequestHeaders(&request.headers), &mut reply.headers);
            Ok(reply)
        }
        answered => answered,
    }
}

/// Makes the reply for what was found, as pages of other origins may have it.
fn answer(engine: &Arc<Engine>, mut found: Resource, request: &Request<'_>) -> Result<Reply> {
    let policy = found.cross_origin.take();
    let policy = policy.as_ref().unwrap_or(&engine.options.cross_origin);
    let headers = RequestHeaders(&request.headers);
    if request.method == "OPTIONS" {
        return Ok(policy.preflight(headers).map_or_else(Reply::method_not_allowed, Reply::no_content));
    }
    let mut reply = send(engine, found, request)?;
    policy.mark(headers, &mut reply.headers);
    Ok(reply)
}

/// Returns the refusal of a request whose target is none.
pub(crate) fn malformed(request: &Request<'_>) -> Option<Reply> {
    route::check_escapes(request.target).err().map(|error| refuse(request, &error))
}

fn refuse(request: &Request<'_>, error: &Error) -> Reply {
    tracing::debug!(%error, "refused a request");
    let reply = Reply::from_error(error);
    if request.method == "HEAD" { reply.without_body() } else { reply }
}

/// Makes the reply to a request for what was found, and counts it.
///
/// # Errors
/// `Gone` and `Expired` when a use limit is reached; `Io` and `Poisoned` when it could not be counted.
pub(crate) fn send(engine: &Arc<Engine>, found: Resource, request: &Request<'_>) -> Result<Reply> {
    #[cfg(feature = "remote")]
    if let Some(reply) = redirect::redirect(engine, &found, request)? {
        return Ok(reply);
    }
    let body = found.open(engine)?;
    let Resource { representation, pace, counts, .. } = found;
    let mut drawn = Ok(0);
    let head = respond(
        request.method,
        RequestHeaders(&request.headers),
        &representation,
        request.now.unix(),
        || match crate::random::random::<16>() {
            Ok(bytes) => u128::from_le_bytes(bytes),
            Err(error) => {
                drawn = Err(error);
                0
            }
        },
    );
    drawn?;
    counts.count(engine, request.method, &head, request.now)?;
    let Head { status, headers, selected } = head;
    let body = match selected {
        Selected::Nothing => Body::empty(),
        Selected::Whole if request.method == "HEAD" => Body::empty(),
        Selected::Whole => body,
        Selected::One(range) => body.slice(range)?,
        Selected::Many(multipart) => {
            let mut parts = Vec::with_capacity(multipart.parts.len() * 2 + 1);
            for part in multipart.parts {
                parts.push(Body::from_bytes(part.head));
                parts.push(body.slice(part.range)?);
            }
            parts.push(Body::from_bytes(multipart.trailer));
            Body::concat(parts)?
        }
    };
    Ok(Reply { status, headers, body, pace })
}

/// Whether an error is the client's affair, and not one that the host must look at.
fn is_clients(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound
            | ErrorKind::Denied
            | ErrorKind::Expired
            | ErrorKind::Gone
            | ErrorKind::RangeNotSatisfiable
    )
}

/// Returns the error of a target that leads nowhere.
fn nowhere() -> Error {
    Error::new(ErrorKind::NotFound, "there is nothing at this address")
}
