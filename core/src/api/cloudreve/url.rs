//! POST `file/url`: URLs of files, in the order asked for.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::code::{Code, Fault, Stop};
use super::envelope::Faults;
use super::find::{Act, Finder, Found};
use super::make::{Ends, Maker};
use super::uri::FileUri;
use super::words::Words;
use super::{Call, archive};
use crate::body::Body;
use crate::catalog::{share, version};
use crate::engine::Engine;
use crate::id::{ShareId, VersionId};
use crate::kv::Read;
use crate::serve::Reply;
use crate::time::Time;
use crate::token::Through;
use crate::{Error, ErrorKind, Kind};

/// What is answered.
#[derive(Serialize)]
pub(super) struct Urls {
    pub(super) urls: Vec<Item>,
    /// The earliest end among the URLs; null if there is none.
    pub(super) expires: Option<String>,
}

/// A URL; empty where there is none.
#[derive(Clone, Default, Serialize)]
pub(super) struct Item {
    pub(super) url: String,
}

/// Answers a call.
pub(super) fn answer(call: &Call<'_>, body: &mut dyn io::Read) -> Result<Reply, Stop> {
    let words = Words::read(body)?;
    let asked = Asked {
        download: words.flag("download")?,
        redirect: words.flag("redirect")?,
        primary: words.flag("use_primary_site_url")?,
        skip_error: words.flag("skip_error")?,
        archive: words.flag("archive")?,
        no_cache: words.flag("no_cache")?,
        entity: words.text("entity")?,
    };
    let uris = read_uris(call, &words)?;
    if asked.archive { archive::answer(call, &uris, asked.skip_error) } else { urls(call, &uris, &asked) }
}

/// The fields of a call beside its URIs.
struct Asked<'a> {
    download: bool,
    redirect: bool,
    primary: bool,
    skip_error: bool,
    archive: bool,
    no_cache: bool,
    entity: &'a str,
}

/// Reads the URIs of a batch: first how many there are, then whether each is one.
pub(super) fn read_uris(call: &Call<'_>, words: &Words) -> Result<Vec<FileUri>, Stop> {
    let texts = words.list("uris")?;
    let max = call.api.mount.max_batched_file;
    if texts.len() > max {
        return Err(Fault::new(Code::TooManyUris, format!("Maximum allowed batch size: {max}")).into());
    }
    let uris: Option<Vec<FileUri>> = texts.into_iter().map(FileUri::parse).collect();
    Ok(uris.ok_or_else(|| Fault::param("unknown uri"))?)
}

fn urls(call: &Call<'_>, uris: &[FileUri], asked: &Asked<'_>) -> Result<Reply, Stop> {
    let mut finder = Finder::new(call.api, call.caller, call.request)?;
    let mut faults = Faults::new();
    let mut found = Vec::with_capacity(uris.len());
    for uri in uris {
        match pick(&mut finder, uri, asked.entity) {
            Ok(picked) => found.push(Some(picked)),
            Err(Stop::Fault(fault)) => {
                faults.insert(uri.to_string(), fault);
                found.push(None);
            }
            Err(stop) => return Err(stop),
        }
    }
    if faults.is_empty() || asked.skip_error {
        let through = found.iter().map(|picked| picked.as_ref().and_then(|(found, _)| found.share));
        let refused =
            count(&finder.engine, &through.collect::<Vec<_>>(), asked.skip_error, call.request.now)?;
        for (at, fault) in refused {
            if let (Some(uri), Some(place)) = (uris.get(at), found.get_mut(at)) {
                faults.insert(uri.to_string(), fault);
                *place = None;
            }
        }
    }
    if !faults.is_empty() && !asked.skip_error {
        return Ok(call.answer.failed(None::<()>, &faults)?);
    }

    let maker = Maker::new(call, &finder, asked.primary)?;
    let ends = maker.ends(call.request.now, !asked.no_cache)?;
    let speed = call.caller.limits.speed;
    let mut urls = Vec::with_capacity(found.len());
    for picked in &found {
        urls.push(match picked {
            Some((found, id)) => {
                let to = (*id, found.share.map(Through::Share));
                Item { url: maker.content(&finder, to, (speed, &found.name), asked.download, ends)? }
            }
            None => Item::default(),
        });
    }
    if asked.redirect && urls.len() == 1 {
        return match urls.into_iter().next().filter(|item| !item.url.is_empty()) {
            Some(item) => Ok(redirect(item.url)),
            None => Ok(call.answer.failed(None::<()>, &faults)?),
        };
    }
    let any = found.iter().any(Option::is_some);
    Ok(call.answer.partly(Some(Urls { urls, expires: any.then(|| ends.text()) }), &faults)?)
}

/// Finds the version that a URI asks for.
fn pick(finder: &mut Finder<'_>, uri: &FileUri, entity: &str) -> Result<(Found, VersionId), Stop> {
    let found = finder.find(uri, Act::Download)?;
    if found.kind != Kind::File {
        return Err(Fault::entity().into());
    }
    if entity.is_empty() {
        let current = VersionId::new(found.file, found.current);
        return Ok((found, current));
    }
    let id = version_of(finder, &found, entity)?.ok_or_else(Fault::entity)?;
    Ok((found, id))
}

/// Reads the hash id of one of a file's versions; none if it is not one.
pub(super) fn version_of(finder: &Finder<'_>, found: &Found, text: &str) -> Result<Option<VersionId>, Stop> {
    let Some(id) = finder.version(text)?.filter(|id| id.file() == found.file) else { return Ok(None) };
    match version::get(&finder.rows, id) {
        Ok(_) => Ok(Some(id)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Gone) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Counts a download for each URI that leads through a share, all in one change: no race passes a
/// limit. Where one share has fewer left than are asked for, the first get them if `some` will do,
/// else nothing is counted. Returns the places that got none.
pub(super) fn count(
    engine: &Engine,
    through: &[Option<ShareId>],
    some: bool,
    now: Time,
) -> Result<Vec<(usize, Fault)>, Error> {
    if through.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    let through = through.to_vec();
    let refused = engine.write(move |change| {
        let (granted, refused) = left(change, &through, now)?;
        if refused.is_empty() || some {
            for (share, downloads) in granted.iter().filter(|(_, downloads)| **downloads > 0) {
                share::count_downloads(change, *share, *downloads, now)?;
            }
        }
        Ok(refused)
    })?;
    Ok(refused.into_iter().map(|at| (at, used_up())).collect())
}

/// Returns how many of the downloads that are asked of each share it has left, and the places of those
/// that it has not: the first get what there is.
pub(super) fn left(
    rows: &impl Read,
    through: &[Option<ShareId>],
    now: Time,
) -> Result<(BTreeMap<ShareId, u64>, Vec<usize>), Error> {
    let mut wanted: BTreeMap<ShareId, Vec<usize>> = BTreeMap::new();
    for (at, share) in through.iter().enumerate() {
        if let Some(share) = share {
            wanted.entry(*share).or_default().push(at);
        }
    }
    let (mut granted, mut refused) = (BTreeMap::new(), Vec::new());
    for (share, places) in &wanted {
        let left = match share::check_left(rows, *share, now) {
            Ok(left) => left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX)),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::Expired | ErrorKind::Gone => 0,
                _ => return Err(error),
            },
        };
        let (first, rest) = places.split_at(left.min(places.len()));
        granted.insert(*share, u64::try_from(first.len()).unwrap_or(u64::MAX));
        refused.extend_from_slice(rest);
    }
    Ok((granted, refused))
}

pub(super) fn used_up() -> Fault {
    Fault::share("the downloads that it allows are used up")
}

/// Sends the client on.
pub(super) fn redirect(url: String) -> Reply {
    let headers = vec![
        ("Location", url),
        ("Content-Length", "0".to_owned()),
        ("Cache-Control", "private, no-cache".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ];
    Reply { status: 302, headers, body: Body::empty(), pace: None }
}

/// Makes the answer of a call that one URL came out of, or none.
pub(super) fn one(url: Option<(String, Ends)>) -> Urls {
    match url {
        Some((url, ends)) => Urls { urls: vec![Item { url }], expires: Some(ends.text()) },
        None => Urls { urls: Vec::new(), expires: None },
    }
}
