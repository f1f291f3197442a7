//! Direct links: `/f/<link>/<name>` shows the file, `/f/d/<link>/<name>` saves it.

use super::Call;
use super::anew::resolved;
use super::content::{open_to_all, options};
use super::error::{ApiError, Code, Fault};
use super::resolve::Resolver;
use super::response::redirect;
use super::signed_url::UrlSigner;
use crate::catalog::counter::Counter;
use crate::catalog::node;
use crate::catalog::state::{self, State};
use crate::catalog::{LinkInfo, link};
use crate::id::VersionId;
use crate::serve::route::decode_any;
use crate::serve::{Reply, resolve, send};
use crate::token::Through;
use crate::{ErrorKind, Kind, Result};

/// Answers a direct link; `path` is the part under `f/`.
pub(super) fn answer(call: &Call<'_>, path: &str) -> Result<Reply> {
    let parts: Vec<&str> = path.split('/').collect();
    let (id, name, save) = match *parts.as_slice() {
        ["d", id, name] => (id, name, true),
        [id, name] => (id, name, false),
        _ => return call.answer.fault(404, &Fault::no_route()),
    };
    match call.request.method {
        "GET" | "HEAD" => {}
        "OPTIONS" => return Ok(options()),
        _ => return call.answer.not_allowed("GET, HEAD, OPTIONS"),
    }
    match resolved(call, |resolver| follow(call, resolver, (id, name), save)) {
        Ok(reply) => Ok(open_to_all(reply)),
        Err(ApiError::Fault(fault)) => {
            let status = if fault.code == Code::Param { 200 } else { 404 };
            Ok(open_to_all(call.answer.fault(status, &fault)?))
        }
        Err(ApiError::Error(error)) => Err(error),
    }
}

fn follow(
    call: &Call<'_>,
    resolver: &Resolver<'_>,
    (id, name): (&str, &str),
    save: bool,
) -> Result<Reply, ApiError> {
    let link = look_up(resolver, id, name)?;
    let record = node::get(&resolver.tx, link.file)?;
    let invalid = || Fault::new(Code::NotFound, "Direct link invalid");
    if record.kind != Kind::File || state::of_file(&resolver.tx, link.file)? != State::Live {
        return Err(invalid().detail("the file is in the trash, or was deleted").into());
    }
    if !call.api.mount.redirect_links {
        let found = resolve::link_found(&resolver.engine, &resolver.tx, link, save).map_err(|error| {
            match error.kind() {
                ErrorKind::Gone | ErrorKind::NotFound => ApiError::Fault(invalid().detail(error)),
                _ => error.into(),
            }
        })?;
        return Ok(send(&resolver.engine, found, call.request)?);
    }
    let url_signer = UrlSigner::new(call, resolver, false)?;
    let ends = url_signer.ends(call.request.now, true)?;
    let version = VersionId::new(link.file, record.current);
    let through = Some(Through::Link(link.id));
    let url = url_signer.content(resolver, (version, through), (link.pace, &link.name), save, ends)?;
    if call.request.method == "GET" {
        resolver.engine.count(Counter::LinkDownloads(link.id));
    }
    let mut reply = redirect(url);
    let left = ends.time.unix().saturating_sub(call.request.now.unix()).max(0);
    for (header, value) in &mut reply.headers {
        if *header == "Cache-Control" {
            *value = format!("public, max-age={left}");
        }
    }
    Ok(reply)
}

/// Finds a link by its hash id, or by the id that the store itself gives it, under its exact name.
fn look_up(resolver: &Resolver<'_>, text: &str, name: &str) -> Result<LinkInfo, ApiError> {
    let absent = || Fault::new(Code::NotFound, "Direct link not found");
    let id = resolver.link(text)?.ok_or_else(absent)?;
    let link = link::get(&resolver.tx, id).map_err(|error| match error.kind() {
        ErrorKind::NotFound => ApiError::Fault(absent()),
        _ => error.into(),
    })?;
    if decode_any(name).map_err(|_| absent())? != link.name {
        return Err(absent().into());
    }
    Ok(link)
}
