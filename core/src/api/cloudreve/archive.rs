//! POST `file/url` with `archive`: one URL of a zip of everything asked for.
//!
//! The list is frozen now, so whatever is wrong is said now, and the zip has a length and an entity
//! tag. It counts against the limits of shares as so many downloads of files would, and it keeps to the
//! caller's speed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Call;
use super::error::{ApiError, Code, Fault};
use super::resolve::{Act, Resolved, Resolver};
use super::response::Faults;
use super::response::one;
use super::share_limit::{left, used_up};
use super::signed_url::{UrlExpiry, UrlSigner};
use super::uri::FileUri;
use crate::catalog::record::Owner;
use crate::catalog::share;
use crate::id::{DriveId, ShareId};
use crate::serve::Reply;
use crate::store::archive_pick::Pick;
use crate::store::url::archive_text;
use crate::store::{Archive, ArchiveInfo, Drive};
use crate::{Error, ErrorKind};

/// Answers a call.
pub(super) fn answer(call: &Call<'_>, uris: &[FileUri], skip_error: bool) -> Result<Reply, ApiError> {
    if !call.caller.limits.archive {
        return Err(Fault::new(Code::GroupNotAllowed, "").into());
    }
    let mut resolver = Resolver::new(call.api, call.caller, call.request)?;
    let (mut faults, mut found) = (Faults::new(), Vec::new());
    for uri in uris {
        let picked = resolver.find(uri, Act::Download).and_then(|picked| match picked.root {
            true => Err(Fault::not_supported().detail("the root is not a member of an archive").into()),
            false => Ok(picked),
        });
        match picked {
            Ok(picked) => found.push((uri, picked)),
            Err(ApiError::Fault(fault)) => drop(faults.insert(uri.to_string(), fault)),
            Err(stop) => return Err(stop),
        }
    }
    if !faults.is_empty() && (!skip_error || found.is_empty()) {
        return Ok(call.answer.failed(None::<()>, &faults)?);
    }
    if found.is_empty() {
        return Ok(call.answer.data(one(None))?);
    }

    let shares: BTreeSet<ShareId> = found.iter().filter_map(|(_, picked)| picked.share).collect();
    let life = life(&resolver, call, &shares)?;
    let info = match make(call, &resolver, &found, life) {
        Ok(info) => info,
        Err(error) => return refused(call, &resolver, &found, faults, error),
    };
    let url_signer = UrlSigner::new(call, &resolver, false)?;
    let ends = UrlExpiry { time: info.expires };
    let url = url_signer.archive(&archive_text(info.id, info.revocations, call.caller.limits.speed), ends);
    Ok(call.answer.partly(Some(one(Some((url, ends)))), &faults)?)
}

/// Makes the archive, which is the caller's: of his drive, or of nobody if he has none. Each thing asked
/// for counts as a download of the share that it was found through.
fn make(
    call: &Call<'_>,
    resolver: &Resolver<'_>,
    found: &[(&FileUri, Resolved)],
    life: Duration,
) -> Result<ArchiveInfo, Error> {
    let mut seen = BTreeSet::new();
    let mut downloads: BTreeMap<ShareId, u64> = BTreeMap::new();
    let mut picks = Vec::with_capacity(found.len());
    for (_, Resolved { file, drive, share, .. }) in found {
        if let Some(share) = share {
            *downloads.entry(*share).or_default() += 1;
        }
        if seen.insert((*file, *share)) {
            picks.push(Pick { file: *file, version: None, drive: *drive, share: *share, inside: false });
        }
    }
    // One file is one member, whatever ways lead to it.
    let mut files = BTreeSet::new();
    let owner = resolver.own_drive().map_or(Owner::Nobody, Owner::Drive);
    let first = picks.first().map(|pick| pick.drive).unwrap_or(DriveId(0));
    let drive = Drive::with_id(&call.api.store, first);
    picks.retain(|pick| files.insert(pick.file));
    Archive::new(&drive, owner, picks)?.counting(downloads).expires_in(life).create()
}

/// Says why there is no archive: of each URI whose share has no download left, or of the whole.
fn refused(
    call: &Call<'_>,
    resolver: &Resolver<'_>,
    found: &[(&FileUri, Resolved)],
    mut faults: Faults,
    error: Error,
) -> Result<Reply, ApiError> {
    let fault = match error.kind() {
        ErrorKind::TooLarge => Fault::new(Code::FileTooLarge, "Archive is too large").detail(error),
        ErrorKind::Expired => Fault::share(error),
        ErrorKind::NotFound | ErrorKind::Gone => {
            let through: Vec<_> = found.iter().map(|(_, picked)| picked.share).collect();
            let (_, refused) = left(&resolver.engine.reader()?, &through, call.request.now)?;
            if refused.is_empty() {
                return Err(Fault::path(error).into());
            }
            for at in refused {
                if let Some((uri, _)) = found.get(at) {
                    faults.insert(uri.to_string(), used_up());
                }
            }
            return Ok(call.answer.failed(None::<()>, &faults)?);
        }
        _ => return Err(error.into()),
    };
    Err(fault.into())
}

/// Returns how long the archive lives: no longer than a share that it is made through.
fn life(resolver: &Resolver<'_>, call: &Call<'_>, shares: &BTreeSet<ShareId>) -> Result<Duration, ApiError> {
    let mut life = call.api.mount.archive_ttl;
    for id in shares {
        if let Some(expires) = share::record(&resolver.tx, *id)?.expires {
            let left = u64::try_from(expires.0.saturating_sub(call.request.now.0)).unwrap_or(0);
            life = life.min(Duration::from_micros(left).max(Duration::from_secs(1)));
        }
    }
    Ok(life)
}
