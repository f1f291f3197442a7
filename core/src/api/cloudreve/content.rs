//! The routes behind signed URLs: the URL is all that is asked for, whoever uses it.

use std::sync::Arc;

use super::Call;
use super::anew::resolved;
use super::error::{ApiError, Code, Fault};
use super::resolve::Resolver;
use crate::body::Body;
use crate::engine::Engine;
use crate::http::{CacheControl, Disposition};
use crate::serve::resolve::{self, Resource};
use crate::serve::route::{MAX_TARGET, Signed, decode, decode_any, path_of, signed};
use crate::serve::{Reply, send};
use crate::token::{Signer, cloudreve};
use crate::{ErrorKind, Result};

/// What lets pages of any site read the replies.
const CORS: [(&str, &str); 2] = [
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Expose-Headers",
        "Content-Range, Accept-Ranges, Content-Length, Content-Disposition, ETag",
    ),
];

/// Answers for the URL of a version.
pub(super) fn version(call: &Call<'_>, entity: &str, speed: &str, name: &str) -> Result<Reply> {
    answer(call, |resolver, signed, signer| {
        let parse = || Fault::param("Failed to parse object ID");
        let entity = resolver.read_entity(entity).ok_or_else(parse)?;
        let speed: u64 = speed.parse().map_err(|_| parse())?;
        let found = match entity.is_empty() {
            true => Ok(resolve::empty()),
            false => resolve::content(&resolver.engine, &resolver.tx, &entity, signer, call.request.now),
        };
        let mut found = found.map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::Gone | ErrorKind::Expired => {
                ApiError::Fault(Fault::entity().detail(error))
            }
            _ => error.into(),
        })?;
        let representation = Arc::make_mut(&mut found.representation);
        representation.set_name(&decode_any(name).map_err(|_| Fault::entity())?);
        // Of the version alone, so that a URL made anew goes on where the one before ended.
        representation.etag = resolver.plain_entity(&entity);
        representation.disposition =
            if signed.download { Disposition::Attachment } else { Disposition::Inline };
        found.pace = Some(speed).filter(|speed| *speed > 0);
        Ok(found)
    })
}

/// Answers for the URL of an archive.
pub(super) fn archive(call: &Call<'_>, id: &str, name: &str) -> Result<Reply> {
    answer(call, |resolver, _, signer| {
        let absent = || Fault::new(Code::NotFound, "Archive session not exist");
        let found = resolve::archive_by_text(&resolver.tx, id, signer, call.request.now);
        let mut found = found.map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::Gone | ErrorKind::Expired => {
                ApiError::Fault(absent().detail(error))
            }
            _ => error.into(),
        })?;
        Arc::make_mut(&mut found.representation).name = decode(name).map_err(|_| absent())?.into_owned();
        Ok(found)
    })
}

/// Checks the signature and sends what `find` finds.
fn answer(
    call: &Call<'_>,
    find: impl Fn(&Resolver<'_>, &Signed<'_>, Signer) -> Result<Resource, ApiError>,
) -> Result<Reply> {
    match call.request.method {
        "GET" | "HEAD" => {}
        "OPTIONS" => return Ok(options()),
        _ => return call.answer.not_allowed("GET, HEAD, OPTIONS"),
    }
    let sent = resolved(call, |resolver| {
        let (signed, signer, left) = check(call, resolver)?;
        let mut found = find(resolver, &signed, signer)?;
        found.ends_with(signed.sign.as_deref());
        let most = call.api.mount.max_age.as_secs().min(left);
        Arc::make_mut(&mut found.representation).cache =
            CacheControl::Public(u32::try_from(most).unwrap_or(u32::MAX));
        Ok(open_to_all(send(&resolver.engine, found, call.request)?))
    });
    match sent {
        Ok(reply) => Ok(reply),
        Err(ApiError::Fault(fault)) => Ok(open_to_all(call.answer.fault(200, &fault)?)),
        Err(ApiError::Error(error)) => Err(error),
    }
}

/// Checks the signature of a URL. Returns what it says, who signed it, and the seconds that it has left.
fn check<'a>(call: &Call<'a>, resolver: &Resolver<'_>) -> Result<(Signed<'a>, Signer, u64), ApiError> {
    let invalid = || Fault::new(Code::InvalidSign, "invalid sign");
    let target = call.request.target;
    if target.len() > MAX_TARGET {
        return Err(invalid().into());
    }
    let target = target.split_once('#').map_or(target, |(target, _)| target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let signed = signed(path_of(path), query).map_err(|_| invalid())?;
    let signer = check_sign(&resolver.engine, resolver, &signed, call.request.now.unix())?;
    let expires = signed.sign.as_deref().and_then(|sign| sign.rsplit(':').next()?.parse::<i64>().ok());
    let left = match expires {
        None | Some(0) => u64::MAX,
        Some(expires) => u64::try_from(expires.saturating_sub(call.request.now.unix())).unwrap_or(0),
    };
    Ok((signed, signer, left))
}

fn check_sign(
    engine: &Engine,
    resolver: &Resolver<'_>,
    signed: &Signed<'_>,
    now: i64,
) -> Result<Signer, ApiError> {
    let checked = engine.ring(&resolver.tx)?.1.check_cloudreve(&signed.path, signed.sign.as_deref(), now);
    checked.map_err(|fault| {
        let code = match fault {
            cloudreve::SignFault::ExpiryMissing => Code::NoPermission,
            cloudreve::SignFault::Expired => Code::SignExpired,
            cloudreve::SignFault::ExpiryMalformed | cloudreve::SignFault::Invalid => Code::InvalidSign,
        };
        ApiError::Fault(Fault::new(code, fault.message()))
    })
}

/// Lets pages of any site load and read a reply: whoever has the URL may have what it gives.
pub(super) fn open_to_all(mut reply: Reply) -> Reply {
    reply.headers.retain(|(name, _)| *name != "Cross-Origin-Resource-Policy");
    reply.headers.push(("Cross-Origin-Resource-Policy", "cross-origin".to_owned()));
    reply.headers.extend(CORS.map(|(name, value)| (name, value.to_owned())));
    reply
}

/// Answers what a browser asks before it asks for the content.
pub(super) fn options() -> Reply {
    let headers = vec![
        ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS".to_owned()),
        ("Access-Control-Allow-Headers", "Range, If-Range, Authorization, Content-Type".to_owned()),
        ("Access-Control-Max-Age", "43200".to_owned()),
        ("Content-Length", "0".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ];
    open_to_all(Reply { status: 204, headers, body: Body::empty(), pace: None })
}
