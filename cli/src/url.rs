//! `holdall url` and `holdall verify`.

use std::net::IpAddr;

use holdall::{Drive, Error, ErrorKind, Request, Result, Store};
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

/// Asks the store for the headers that the URL gives: that uses nothing up.
pub(crate) fn verify(store: &Store, url: &str, client: Option<IpAddr>, out: Output) -> Result<()> {
    let mut request = Request::head(url);
    request.client = client;
    let reply = store.serve(&request)?;
    let kind = match reply.status {
        403 => Some((ErrorKind::Denied, "the url is not valid, or no longer")),
        404 => Some((ErrorKind::NotFound, "the url leads to nothing in this store")),
        410 => Some((ErrorKind::Gone, "what the url led to was removed, or the url was revoked")),
        400.. => Some((ErrorKind::InvalidArgument, "the url is malformed")),
        _ => None,
    };
    if let Some((kind, told)) = kind {
        if out.json {
            out.print(&json!({ "valid": false, "status": reply.status, "error": kind.name() }), "")?;
        }
        return Err(Error::new(kind, told));
    }
    let headers: serde_json::Map<_, _> =
        reply.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), json!(value))).collect();
    let length = reply.header("Content-Length").and_then(|text| text.parse::<u64>().ok());
    let value = json!({
        "valid": true,
        "status": reply.status,
        "length": length,
        "pace": reply.pace,
        "headers": headers,
    });
    let mut lines = vec!["the url is valid".to_owned()];
    lines.extend(reply.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.extend(reply.pace.map(|pace| format!("at most {}/s", output::bytes(pace))));
    out.print(&value, lines.join("\n"))
}
