//! The verbs of a version: versions, current, keep, revoke.

use holdall::{Drive, Error, ErrorKind, Result, Store, VersionId};
use serde_json::json;

use crate::output::{self, Output};

/// Rows of a page.
const PAGE: usize = 1000;

pub(crate) fn list(drive: &Drive, path: &str, out: Output) -> Result<()> {
    let mut versions: Vec<holdall::VersionInfo> = Vec::new();
    loop {
        let page = drive.versions(path, versions.last().map(|version| version.id), PAGE)?;
        if page.is_empty() {
            break;
        }
        versions.extend(page);
    }
    out.list(&versions, output::version, |v| {
        let current = if v.current { " current" } else { "" };
        let kept = if v.keep { " kept" } else { "" };
        format!("{}  #{}  {:>14}  {}  {}{current}{kept}", v.id, v.id.number(), v.size, v.created, sha1(v))
    })
}

fn sha1(version: &holdall::VersionInfo) -> String {
    output::hex(&version.sha1)
}

pub(crate) fn set_current(store: &Store, id: VersionId, out: Output) -> Result<()> {
    store.set_current(id)?;
    out.print(&output::version(&store.version(id)?), format!("{id} is current"))
}

pub(crate) fn keep(store: &Store, id: VersionId, keep: bool, out: Output) -> Result<()> {
    store.keep(id, keep)?;
    let text = if keep { "is kept" } else { "is no longer kept" };
    out.print(&output::version(&store.version(id)?), format!("{id} {text}"))
}

pub(crate) fn revoke(store: &Store, id: &str, out: Output) -> Result<()> {
    match id.chars().next() {
        Some('v') => store.revoke_version(id.parse()?)?,
        Some('f') => store.revoke_file(id.parse()?)?,
        Some('a') => store.revoke_archive(id.parse()?)?,
        Some('s') => store.revoke_share(id.parse()?)?,
        _ => {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{id:?} names nothing that has URLs; give the id of a version (v..), file (f..), archive (a..) \
                     or share (s..); a direct link ends with `holdall unlink`"
                ),
            ));
        }
    }
    out.print(&json!({ "revoked": id }), format!("every URL of {id} is invalid from now on"))
}
