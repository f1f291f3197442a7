//! The verbs of the tree: ls, mkdir, mv, cp, rm, restore, trash.

use std::time::Duration;

use holdall::{CopyVersions, Drive, Error, ErrorKind, FileId, Kind, Result, Row, Time};
use serde_json::json;

use crate::args::{Ls, Rm};
use crate::output::{self, Output};

/// Rows of a page.
const PAGE: usize = 1000;

pub(crate) fn ls(drive: &Drive, ls: &Ls, out: Output) -> Result<()> {
    let mut rows: Vec<(String, Row)> = Vec::new();
    if drive.stat(&ls.path)?.kind == Kind::File {
        let (folder, name) = ls.path.rsplit_once('/').unwrap_or(("", &ls.path));
        // The page that begins right before the name holds its row.
        let found = page_of(drive, folder, name)?;
        rows.extend(found.map(|row| (ls.path.clone(), row)));
    } else if ls.recursive {
        drive.walk(&ls.path, |path, row| {
            rows.push((path.to_owned(), row.clone()));
            Ok(true)
        })?;
    } else {
        let found = pages(|after, limit| drive.list(&ls.path, after, limit))?;
        rows.extend(found.into_iter().map(|row| (row.name.clone(), row)));
    }
    out.list(&rows, |(path, row)| output::row(path, row), |(path, row)| line(path, row, ls.long))
}

/// Returns all the rows of a listing, read page by page.
pub(crate) fn pages(list: impl Fn(Option<&str>, usize) -> Result<Vec<Row>>) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let page = list(rows.last().map(|row| row.name.as_str()), PAGE)?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}

fn page_of(drive: &Drive, folder: &str, name: &str) -> Result<Option<Row>> {
    let mut after: Option<String> = None;
    loop {
        let page = drive.list(folder, after.as_deref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(None) };
        after = Some(last.name.clone());
        if let Some(row) = page.into_iter().find(|row| row.name == name) {
            return Ok(Some(row));
        }
    }
}

pub(crate) fn line(path: &str, row: &Row, long: bool) -> String {
    let slash = if row.kind == Kind::Folder { "/" } else { "" };
    let path = output::shown(path);
    if !long {
        return format!("{path}{slash}");
    }
    let id = row.version.map_or_else(|| row.file.to_string(), |version| version.to_string());
    let time = row.modified.to_string();
    let time = time.get(..19).unwrap_or(&time);
    format!("{:>14}  {time}Z  {id:<10}  {path}{slash}", row.size)
}

pub(crate) fn mkdir(drive: &Drive, path: &str, out: Output) -> Result<()> {
    let id = drive.mkdir(path)?;
    out.print(&json!({ "file": id.to_string() }), id)
}

pub(crate) fn mv(drive: &Drive, from: &str, to: &str, replace: bool, out: Output) -> Result<()> {
    let id = drive.rename(from, to, replace).map_err(|error| in_the_way(drive, from, to, error))?;
    out.print(&json!({ "file": id.to_string() }), id)
}

/// Says what to do about a folder that is where a file or folder is to go: `mv` and `cp` of a shell
/// would put it into that.
fn in_the_way(drive: &Drive, from: &str, to: &str, error: Error) -> Error {
    let is_folder = || drive.stat(to).is_ok_and(|found| found.kind == Kind::Folder);
    match from.rsplit('/').next() {
        Some(name) if error.kind() == ErrorKind::Exists && is_folder() => {
            let inside = format!("{}/{name}", to.trim_end_matches('/'));
            let message = format!("{to:?} is a folder; name the whole new path, such as {inside:?}");
            Error::new(ErrorKind::Exists, message)
        }
        _ => error,
    }
}

pub(crate) fn cp(drive: &Drive, from: &str, to: &str, all: bool, out: Output) -> Result<()> {
    let versions = if all { CopyVersions::All } else { CopyVersions::Current };
    let id = drive.copy(from, to, versions).map_err(|error| in_the_way(drive, from, to, error))?;
    out.print(&json!({ "file": id.to_string() }), id)
}

pub(crate) fn rm(drive: &Drive, rm: &Rm, out: Output) -> Result<()> {
    let path = rm.path.as_deref().unwrap_or_default();
    if let Some(id) = rm.version {
        drive.store().remove_version(id)?;
        return out.print(&json!({ "removed": id.to_string() }), format!("removed {id} for good"));
    }
    if rm.forever {
        drive.delete(path)?;
        let text = format!("removed {} for good", output::shown(path));
        return out.print(&json!({ "removed": path }), text);
    }
    let id = drive.trash(path)?;
    out.print(
        &json!({ "trashed": id.to_string() }),
        format!("{} is in the trash as {id}", output::shown(path)),
    )
}

pub(crate) fn restore(drive: &Drive, file: FileId, to: Option<&str>, out: Output) -> Result<()> {
    let id = drive.restore(file, to)?;
    let path = drive.store().path_of(id)?.unwrap_or_default();
    out.print(
        &json!({ "file": id.to_string(), "path": path }),
        format!("{id} is at {} again", output::shown(&path)),
    )
}

pub(crate) fn trash(drive: &Drive, empty: bool, older: Option<Duration>, out: Output) -> Result<()> {
    if empty {
        let before = Time::now().before(older.unwrap_or_default());
        let count = drive.empty_trash(before)?;
        return out.print(&json!({ "removed": count }), format!("removed {count} for good"));
    }
    let mut found = Vec::new();
    loop {
        let page = drive.list_trash(found.last().map(|info: &holdall::TrashInfo| info.file), PAGE)?;
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    out.list(
        &found,
        |info| {
            json!({
                "file": info.file.to_string(),
                "kind": output::kind(info.kind),
                "path": info.path,
                "trashed": output::time(info.trashed),
            })
        },
        |info| format!("{}  {}  {}", info.file, info.trashed, output::shown(&info.path)),
    )
}
