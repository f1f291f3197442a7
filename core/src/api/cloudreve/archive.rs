//! POST `file/url` with `archive`: one URL of a zip of everything asked for.
//!
//! The list is frozen now, so whatever is wrong is said now, and the zip has a length and an entity
//! tag. It counts against the limits of shares as so many downloads of files would, and it keeps to the
//! caller's speed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Call;
use super::code::{Code, Fault, Stop};
use super::envelope::Faults;
use super::find::{Act, Finder};
use super::make::{Ends, Maker};
use super::uri::FileUri;
use super::url::{count, one};
use crate::ErrorKind;
use crate::catalog::share;
use crate::id::ShareId;
use crate::serve::Reply;
use crate::store::{Archive, Drive};

/// Answers a call.
pub(super) fn answer(call: &Call<'_>, uris: &[FileUri], skip_error: bool) -> Result<Reply, Stop> {
    if !call.caller.limits.archive {
        return Err(Fault::new(Code::GroupNotAllowed, "").into());
    }
    let mut finder = Finder::new(call.api, call.caller, call.request)?;
    let (mut faults, mut found) = (Faults::new(), Vec::new());
    for uri in uris {
        let picked = finder.find(uri, Act::Download).and_then(|picked| match picked.root {
            true => Err(Fault::not_supported().detail("the root is no member of an archive").into()),
            false => Ok(picked),
        });
        match picked {
            Ok(picked) => found.push((uri, picked)),
            Err(Stop::Fault(fault)) => drop(faults.insert(uri.to_string(), fault)),
            Err(stop) => return Err(stop),
        }
    }
    if !faults.is_empty() && (!skip_error || found.is_empty()) {
        return Ok(call.answer.failed(None::<()>, &faults)?);
    }
    let Some((_, first)) = found.first() else { return Ok(call.answer.data(one(None))?) };

    let drive = Drive::with_id(&call.api.store, first.drive);
    let shares: BTreeSet<ShareId> = found.iter().filter_map(|(_, picked)| picked.share).collect();
    let all_shared = found.iter().all(|(_, picked)| picked.share.is_some());
    let mut seen = BTreeSet::new();
    let picks = found.iter().filter(|(_, picked)| seen.insert(picked.file));
    let picks = picks.map(|(_, picked)| (picked.file, None)).collect();
    let life = life(&finder, call, &shares)?;
    let mut archive = Archive::of_picks(&drive, picks)?.expires_in(life);
    if let (Some(share), 1, true) = (shares.first(), shares.len(), all_shared) {
        archive = archive.of_share(*share);
    }
    let info = archive.create().map_err(|error| match error.kind() {
        ErrorKind::TooLarge => {
            Stop::Fault(Fault::new(Code::FileTooLarge, "Archive is too large").detail(error))
        }
        ErrorKind::NotFound | ErrorKind::Gone => Stop::Fault(Fault::path(error)),
        _ => error.into(),
    })?;

    let through: Vec<_> = found.iter().map(|(_, picked)| picked.share).collect();
    let refused = count(&finder.engine, &through, false, call.request.now)?;
    if !refused.is_empty() {
        for (at, fault) in refused {
            if let Some((uri, _)) = found.get(at) {
                faults.insert(uri.to_string(), fault);
            }
        }
        return Ok(call.answer.failed(None::<()>, &faults)?);
    }
    let maker = Maker::new(call, &finder, false)?;
    let ends = Ends { told: info.expires };
    let url = match call.caller.limits.speed {
        0 => maker.archive(&info.id.to_string(), ends),
        speed => maker.archive(&format!("{}.{speed}", info.id), ends),
    };
    Ok(call.answer.partly(Some(one(Some((url, ends)))), &faults)?)
}

/// Returns how long the archive lives: no longer than a share that it is made through.
fn life(finder: &Finder<'_>, call: &Call<'_>, shares: &BTreeSet<ShareId>) -> Result<Duration, Stop> {
    let mut life = call.api.mount.archive_ttl;
    for id in shares {
        if let Some(expires) = share::record(&finder.rows, *id)?.expires {
            let left = u64::try_from(expires.0.saturating_sub(call.request.now.0)).unwrap_or(0);
            life = life.min(Duration::from_micros(left).max(Duration::from_secs(1)));
        }
    }
    Ok(life)
}
