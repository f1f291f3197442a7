//! POST `file/url`: URLs of files, in the order asked for.

use std::io;

use super::error::{ApiError, Code, Fault};
use super::request::Fields;
use super::resolve::{Act, Resolved, Resolver};
use super::response::Faults;
use super::response::{UrlItem, Urls, redirect};
use super::share_limit::count;
use super::signed_url::UrlSigner;
use super::uri::FileUri;
use super::{Call, archive};
use crate::catalog::version;
use crate::id::VersionId;
use crate::serve::Reply;
use crate::token::Through;
use crate::{ErrorKind, Kind};

/// Answers a call.
pub(super) fn answer(call: &Call<'_>, body: &mut dyn io::Read) -> Result<Reply, ApiError> {
    let fields = Fields::read(body)?;
    let params = UrlParams {
        download: fields.flag("download")?,
        redirect: fields.flag("redirect")?,
        primary: fields.flag("use_primary_site_url")?,
        skip_error: fields.flag("skip_error")?,
        archive: fields.flag("archive")?,
        no_cache: fields.flag("no_cache")?,
        entity: fields.text("entity")?,
    };
    let uris = read_uris(call, &fields)?;
    if params.archive { archive::answer(call, &uris, params.skip_error) } else { urls(call, &uris, &params) }
}

/// The fields of a call beside its URIs.
struct UrlParams<'a> {
    download: bool,
    redirect: bool,
    primary: bool,
    skip_error: bool,
    archive: bool,
    no_cache: bool,
    entity: &'a str,
}

/// Reads the URIs of a batch: first how many there are, then whether each is one.
pub(super) fn read_uris(call: &Call<'_>, fields: &Fields) -> Result<Vec<FileUri>, ApiError> {
    let texts = fields.list("uris")?;
    let max = call.api.mount.max_batched_file;
    if texts.len() > max {
        return Err(Fault::new(Code::TooManyUris, format!("Maximum allowed batch size: {max}")).into());
    }
    let uris: Option<Vec<FileUri>> = texts.into_iter().map(FileUri::parse).collect();
    Ok(uris.ok_or_else(|| Fault::param("unknown uri"))?)
}

fn urls(call: &Call<'_>, uris: &[FileUri], params: &UrlParams<'_>) -> Result<Reply, ApiError> {
    let mut resolver = Resolver::new(call.api, call.caller, call.request)?;
    let mut faults = Faults::new();
    let mut found = Vec::with_capacity(uris.len());
    for uri in uris {
        match pick(&mut resolver, uri, params.entity) {
            Ok(picked) => found.push(Some(picked)),
            Err(ApiError::Fault(fault)) => {
                faults.insert(uri.to_string(), fault);
                found.push(None);
            }
            Err(stop) => return Err(stop),
        }
    }
    // Before anything is counted.
    let url_signer = UrlSigner::new(call, &resolver, params.primary)?;
    let ends = url_signer.ends(call.request.now, !params.no_cache)?;
    if faults.is_empty() || params.skip_error {
        let through = found.iter().map(|picked| picked.as_ref().and_then(|(found, _)| found.share));
        let refused =
            count(&resolver.engine, &through.collect::<Vec<_>>(), params.skip_error, call.request.now)?;
        for (at, fault) in refused {
            if let (Some(uri), Some(slot)) = (uris.get(at), found.get_mut(at)) {
                faults.insert(uri.to_string(), fault);
                *slot = None;
            }
        }
    }
    if !faults.is_empty() && !params.skip_error {
        return Ok(call.answer.failed(None::<()>, &faults)?);
    }

    let speed = call.caller.limits.speed;
    let mut urls = Vec::with_capacity(found.len());
    for picked in &found {
        urls.push(match picked {
            Some((found, id)) => {
                let to = (*id, found.share.map(Through::Share));
                UrlItem {
                    url: url_signer.content(&resolver, to, (speed, &found.name), params.download, ends)?,
                }
            }
            None => UrlItem::default(),
        });
    }
    if params.redirect && urls.len() == 1 {
        return match urls.into_iter().next().filter(|item| !item.url.is_empty()) {
            Some(item) => Ok(redirect(item.url)),
            None => Ok(call.answer.failed(None::<()>, &faults)?),
        };
    }
    let any = found.iter().any(Option::is_some);
    Ok(call.answer.partly(Some(Urls { urls, expires: any.then(|| ends.text()) }), &faults)?)
}

/// Finds the version that a URI asks for.
fn pick(resolver: &mut Resolver<'_>, uri: &FileUri, entity: &str) -> Result<(Resolved, VersionId), ApiError> {
    let found = resolver.find(uri, Act::Download)?;
    if found.kind != Kind::File {
        return Err(Fault::entity().into());
    }
    if entity.is_empty() {
        let current = VersionId::new(found.file, found.current);
        return Ok((found, current));
    }
    let id = version_of(resolver, &found, entity)?.ok_or_else(Fault::entity)?;
    Ok((found, id))
}

/// Reads the hash id of one of a file's versions; none if it is not one.
pub(super) fn version_of(
    resolver: &Resolver<'_>,
    found: &Resolved,
    text: &str,
) -> Result<Option<VersionId>, ApiError> {
    let Some(id) = resolver.version(text)?.filter(|id| id.file() == found.file) else { return Ok(None) };
    match version::get(&resolver.tx, id) {
        Ok(_) => Ok(Some(id)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Gone) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
