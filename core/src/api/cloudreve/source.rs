//! Direct links: made by PUT `file/source`, ended by DELETE `file/source/<link>`.

use std::io::Read;

use serde::Serialize;

use super::Call;
use super::error::{ApiError, Code, Fault};
use super::request::Fields;
use super::resolve::{Act, Resolved, Resolver};
use super::response::Faults;
use super::signed_url::UrlSigner;
use super::uri::FileUri;
use super::url::read_uris;
use crate::catalog::{LinkInfo, link, node};
use crate::id::LinkId;
use crate::random::random_id;
use crate::serve::Reply;
use crate::{Error, ErrorKind, Kind};

#[derive(Serialize)]
struct CreatedLink {
    link: String,
    file_url: String,
}

/// Makes direct links to files, or finds those that there are under the same name and speed.
pub(super) fn create(call: &Call<'_>, body: &mut dyn Read) -> Result<Reply, ApiError> {
    let fields = Fields::read(body)?;
    let texts = fields.list("uris")?.len();
    if texts == 0 {
        return Err(Fault::form("the field uris is empty").into());
    }
    let uris = match read_uris(call, &fields) {
        Err(ApiError::Fault(fault)) if fault.code == Code::TooManyUris => return Err(fault.into()),
        read => {
            let most = usize::try_from(call.caller.limits.links).unwrap_or(usize::MAX);
            match texts {
                _ if most == 0 => return Err(Fault::new(Code::GroupNotAllowed, "").into()),
                texts if texts > most => return Err(Fault::new(Code::BatchSourceSize, "").into()),
                _ => read?,
            }
        }
    };
    let mut resolver = Resolver::new(call.api, call.caller, call.request)?;
    let (mut faults, mut found) = (Faults::new(), Vec::new());
    for uri in &uris {
        match pick(call, &mut resolver, uri) {
            Ok(picked) => found.push((uri, picked)),
            Err(ApiError::Fault(fault)) => drop(faults.insert(uri.to_string(), fault)),
            Err(stop) => return Err(stop),
        }
    }
    let links = write(call, &resolver, &found)?;
    let url_signer = UrlSigner::new(call, &resolver, false)?;
    let mut made = Vec::new();
    for ((uri, _), link) in found.iter().zip(links) {
        match link {
            Some(link) => made.push(CreatedLink {
                link: url_signer.link(&resolver.source(link.id)?, &link.name),
                file_url: uri.canonical(),
            }),
            None => drop(faults.insert(uri.to_string(), Fault::path("it was deleted meanwhile"))),
        }
    }
    if faults.is_empty() {
        return Ok(call.answer.data(made)?);
    }
    Ok(call.answer.failed((!made.is_empty()).then_some(made), &faults)?)
}

/// Finds a file that the caller may make links to.
fn pick(call: &Call<'_>, resolver: &mut Resolver<'_>, uri: &FileUri) -> Result<Resolved, ApiError> {
    let found = resolver.find(uri, Act::Download)?;
    if !resolver.owns(found.drive) && !call.caller.is_administrator() {
        return Err(Fault::owner_only().into());
    }
    if found.kind != Kind::File {
        return Err(Fault::entity().into());
    }
    Ok(found)
}

/// Makes or finds the links in one change, so that two calls at once make one.
fn write(
    call: &Call<'_>,
    resolver: &Resolver<'_>,
    found: &[(&FileUri, Resolved)],
) -> Result<Vec<Option<LinkInfo>>, Error> {
    let (pace, now) = (call.caller.limits.speed, call.request.now);
    let unique = call.caller.limits.unique_links;
    let files: Vec<_> = found.iter().map(|(_, found)| (found.file, found.name.clone())).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    if !unique {
        let known: Result<Option<Vec<_>>, Error> =
            files.iter().map(|(file, name)| link::find(&resolver.tx, *file, name, pace)).collect();
        if let Some(known) = known? {
            return Ok(known.into_iter().map(Some).collect());
        }
    }
    let ids: Result<Vec<u64>, Error> = files.iter().map(|_| random_id()).collect();
    let ids = ids?;
    resolver.engine.write(move |change| {
        let mut made = Vec::with_capacity(files.len());
        for ((file, name), id) in files.iter().zip(&ids) {
            let id = LinkId(*id);
            let link = match unique {
                true => node::get(change, *file)
                    .and_then(|_| link::add(change, id, *file, name.clone(), pace, now)),
                false => link::create(change, id, *file, pace, now),
            };
            made.push(match link {
                Ok(link) => Some(link),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            });
        }
        Ok(made)
    })
}

/// Ends a direct link; the owner of the file may, and nobody else.
pub(super) fn delete(call: &Call<'_>, id: &str) -> Result<Reply, ApiError> {
    let resolver = Resolver::new(call.api, call.caller, call.request)?;
    let absent = || ApiError::Fault(Fault::new(Code::NotFound, "Direct link not found"));
    let id = resolver.link(id)?.ok_or_else(absent)?;
    let gone = |error: Error| match error.kind() {
        ErrorKind::NotFound => absent(),
        _ => error.into(),
    };
    let link = link::get(&resolver.tx, id).map_err(gone)?;
    if !resolver.owns(node::get(&resolver.tx, link.file)?.drive) {
        return Err(absent());
    }
    resolver.engine.write(move |change| link::delete(change, id)).map_err(gone)?;
    Ok(call.answer.done()?)
}
