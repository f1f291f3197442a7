//! `holdall url` and `holdall verify`.

use std::net::IpAddr;

use holdall::token::Disposition;
use holdall::{Drive, Request, Result, Store};
use serde_json::json;

use crate::args;
use crate::get::current;
use crate::output::{self, Output};

pub(crate) fn run(drive: &Drive, args: &args::Url, out: Output) -> Result<()> {
    let version = match args.version {
        Some(id) => drive.store().version(id)?,
        None => current(drive, args.path.as_deref().unwrap_or_default())?,
    };
    let mut url = match args.file {
        true => drive.store().url_of_file(version.id.file()),
        false => drive.store().url(&version),
    };
    if let Some(lifetime) = args.expires {
        url = url.expires_in(lifetime);
    }
    if let Some(window) = args.stable {
        url = url.stable_for(window).public_cache();
    }
    if args.never {
        url = url.never_expires();
    }
    if args.inline {
        url = url.inline();
    }
    if let Some(name) = &args.name {
        url = url.name(name.as_str());
    }
    if let Some(media_type) = &args.media_type {
        url = url.media_type(media_type.as_str());
    }
    if let Some(uses) = args.max_uses {
        url = url.max_uses(uses);
    }
    if let Some(requests) = args.max_requests {
        url = url.max_requests(requests);
    }
    if let Some(policy) = &args.cross_origin {
        url = url.cross_origin(policy.clone());
    }
    if let Some(network) = args.network {
        url = url.network(network);
    }
    if let Some(pace) = args.pace {
        url = url.pace(pace);
    }
    let url = if args.cloudreve { url.sign_cloudreve()? } else { url.sign()? };
    let value = json!({ "url": url, "version": output::version(&version), "follows": args.file });
    out.print(&value, &url)
}

/// Asks the store what the URL permits: that uses nothing up.
pub(crate) fn verify(store: &Store, url: &str, client: Option<IpAddr>, out: Output) -> Result<()> {
    let mut request = Request::get(url);
    request.client = client;
    let grant = store.verify(&request)?;
    let disposition = match grant.disposition {
        Disposition::Attachment => "attachment",
        Disposition::Inline => "inline",
    };
    let value = json!({
        "valid": true,
        "name": grant.name,
        "media_type": grant.media_type,
        "size": grant.len,
        "etag": grant.etag,
        "disposition": disposition,
        "pace": grant.pace,
    });
    let name = output::shown(&grant.name);
    let pace = grant.pace.map(|pace| format!(", at most {}/s", output::bytes(pace))).unwrap_or_default();
    let text = format!("valid: {name}, {}, {} bytes, {disposition}{pace}", grant.media_type, grant.len);
    out.print(&value, text)
}
