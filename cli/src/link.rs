//! Links and shares: link, unlink, share, unshare, visit.

use std::fs::File;
use std::io::{BufRead, BufReader};

use holdall::{Api, Drive, Error, Kind, LinkId, Result, ShareId, ShareInfo, Store};
use serde_json::{Value, json};

use crate::output::{self, Output};
use crate::{args, tree};

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

pub(crate) fn share(store: &Store, drive: &Drive, args: &args::Share, out: Output) -> Result<()> {
    let mut share = holdall::Share::new();
    if let Some(password) = password(&args.password)? {
        share = share.password(password);
    }
    if let Some(lifetime) = args.expires {
        share = share.expires_in(lifetime);
    }
    if let Some(downloads) = args.max_downloads {
        share = share.max_downloads(downloads);
    }
    let info = drive.share(&args.path, &share)?;
    let uri = Api::new(store).share_uri(info.id)?;
    out.print(&output::with(value(&info), "cloudreve", json!(uri)), info.id)
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
    let visit = store.visit(args.id, password(&args.password)?.as_deref())?;
    let path = args.path.as_deref().map(|path| if path == "." { "" } else { path });
    let found = visit.stat(path.unwrap_or_default())?;
    match (path, found.kind) {
        (Some(path), Kind::File) => {
            let url = visit.url(path)?.sign()?;
            out.print(&json!({ "url": url }), &url)
        }
        (Some(path), Kind::Folder) => {
            let rows = tree::pages(|after, limit| visit.list(path, after, limit))?;
            out.list(&rows, |row| output::row(&row.name, row), |row| tree::line(&row.name, row, false))
        }
        (None, kind) => {
            let value = output::with(value(visit.info()), "shared", output::file(&found));
            out.print(&value, format!("{} is a {}", output::shown(&found.name), output::kind(kind)))
        }
    }
}

/// Returns the password that was given, if one was.
fn password(given: &args::Password) -> Result<Option<String>> {
    let Some(file) = &given.password_file else { return Ok(given.password.clone()) };
    let failed = |cause| Error::io(format!("reading the password from {}", file.display()), cause);
    let mut line = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    } else {
        BufReader::new(File::open(file).map_err(failed)?).read_line(&mut line).map_err(failed)?;
    }
    Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
}
