//! Links and shares: link, links, unlink, share, shares, unshare, visit.

use std::fs::File;
use std::io::{BufRead, BufReader};

use holdall::{Api, Drive, Error, Kind, LinkId, LinkInfo, Result, ShareId, ShareInfo, Store};
use serde_json::{Value, json};

use crate::output::{self, Output};
use crate::{args, tree};

pub(crate) fn link(drive: &Drive, path: &str, pace: u64, out: Output) -> Result<()> {
    let link = drive.link_paced(path, pace)?;
    let url = drive.store().link_url(&link)?;
    out.print(&link_value(&link, &url), &url)
}

fn link_value(link: &LinkInfo, url: &str) -> Value {
    json!({
        "link": link.id.to_string(),
        "file": link.file.to_string(),
        "name": link.name,
        "created": output::time(link.created),
        "pace": link.pace,
        "downloads": link.downloads,
        "url": url,
    })
}

pub(crate) fn links(drive: &Drive, args: &args::Listed, out: Output) -> Result<()> {
    let mut found = Vec::new();
    each(drive, args, |path| {
        for link in drive.links(path)? {
            let url = drive.store().link_url(&link)?;
            found.push((path.to_owned(), url, link));
        }
        Ok(())
    })?;
    out.list(
        &found,
        |(path, url, link)| output::with(link_value(link, url), "path", json!(path)),
        |(path, url, link)| {
            let path = output::shown(path);
            format!("{}  {} downloads  {url}  {path}", link.id, link.downloads)
        },
    )
}

/// Calls `visit` with a path and, where that is asked for, with all that are below it.
fn each(drive: &Drive, args: &args::Listed, mut visit: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let top = args.path.trim_matches('/');
    let mut paths = vec![top.to_owned()];
    if args.recursive && drive.stat(top)?.kind == Kind::Folder {
        drive.walk(top, |path, _| {
            paths.push(if top.is_empty() { path.to_owned() } else { format!("{top}/{path}") });
            Ok(true)
        })?;
    }
    paths.iter().try_for_each(|path| visit(path))
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

pub(crate) fn shares(drive: &Drive, args: &args::Listed, out: Output) -> Result<()> {
    let mut found = Vec::new();
    each(drive, args, |path| {
        found.extend(drive.shares(path)?.into_iter().map(|info| (path.to_owned(), info)));
        Ok(())
    })?;
    out.list(
        &found,
        |(path, info)| output::with(value(info), "path", json!(path)),
        |(path, info)| {
            let most = info.max_downloads.map_or_else(String::new, |most| format!(" of {most}"));
            let password = if info.has_password { ", password" } else { "" };
            let until = info.expires.map_or_else(String::new, |time| format!(", until {time}"));
            let path = if path.is_empty() { "/".to_owned() } else { output::shown(path) };
            let (id, views, downloads) = (info.id, info.views, info.downloads);
            format!("{id}  {views} views, {downloads}{most} downloads{password}{until}  {path}")
        },
    )
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
pub(crate) fn password(given: &args::Password) -> Result<Option<String>> {
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
