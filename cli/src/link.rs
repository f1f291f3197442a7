//! Links and shares: link, unlink, share, unshare, visit.

use holdall::{Drive, LinkId, Result, ShareId, ShareInfo, Store};
use serde_json::{Value, json};

use crate::args;
use crate::output::{self, Output};

pub(crate) fn link(drive: &Drive, path: &str, pace: u64, out: Output) -> Result<()> {
    let link = drive.link_paced(path, pace)?;
    let url = drive.store().link_url(&link)?;
    let value = json!({
        "link": link.id.to_string(),
        "file": link.file.to_string(),
        "name": link.name,
        "created": output::time(link.created),
        "pace": link.pace,
        "downloads": link.downloads,
        "url": url,
    });
    out.print(&value, &url)
}

pub(crate) fn unlink(store: &Store, id: LinkId, out: Output) -> Result<()> {
    store.unlink(id)?;
    out.print(&json!({ "unlinked": id.to_string() }), format!("deleted {id}"))
}

pub(crate) fn share(drive: &Drive, args: &args::Share, out: Output) -> Result<()> {
    let mut share = holdall::Share::new();
    if let Some(password) = &args.password {
        share = share.password(password.as_str());
    }
    if let Some(lifetime) = args.expires {
        share = share.expires_in(lifetime);
    }
    if let Some(downloads) = args.max_downloads {
        share = share.max_downloads(downloads);
    }
    let info = drive.share(&args.path, &share)?;
    out.print(&value(&info), info.id)
}

fn value(info: &ShareInfo) -> Value {
    json!({
        "share": info.id.to_string(),
        "file": info.file.to_string(),
        "created": output::time(info.created),
        "expires": info.expires.map(output::time),
        "has_password": info.has_password,
        "max_downloads": info.max_downloads,
        "downloads": info.downloads,
        "views": info.views,
    })
}

pub(crate) fn unshare(store: &Store, id: ShareId, out: Output) -> Result<()> {
    store.unshare(id)?;
    out.print(&json!({ "unshared": id.to_string() }), format!("deleted {id}"))
}

pub(crate) fn visit(store: &Store, args: &args::Visit, out: Output) -> Result<()> {
    let visit = store.visit(args.id, args.password.as_deref())?;
    if let Some(path) = &args.path {
        let url = visit.url(if path == "." { "" } else { path })?.sign()?;
        return out.print(&json!({ "url": url }), &url);
    }
    let found = visit.stat("")?;
    let value = output::with(value(visit.info()), "shared", output::file(&found));
    out.print(&value, format!("{} is a {}", output::shown(&found.name), output::kind(found.kind)))
}
