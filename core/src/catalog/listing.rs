//! Listings: a page of a folder is one scan, and everything below one is a walk.
//!
//! The cursor of a page is the last name of the page before; nothing is kept in between.

use super::info::Row;
use super::record::{ChildRecord, Kind, Record};
use super::table::CHILD;
use super::{path, prefix};
use crate::id::{DriveId, FileId, VersionId};
use crate::kv::{Read, Scan};
use crate::name::shown;
use crate::{Error, Result};

/// How many rows a walk reads ahead of the visitor.
const AHEAD: usize = 256;

/// Finds the folder at a path.
///
/// # Errors
/// `NotFound` when nothing is there, `InvalidArgument` when a file is.
pub(crate) fn folder(tx: &impl Read, drive: DriveId, path: &str) -> Result<FileId> {
    match path::resolve(tx, drive, path)? {
        (id, record) if record.kind == Kind::Folder => Ok(id),
        _ => Err(Error::invalid(format!("there is a file at {}, which has no listing", shown(path)))),
    }
}

/// Lists up to `limit` rows of a folder in order of name, byte by byte, those behind `after`.
pub(crate) fn list(tx: &impl Read, folder: FileId, after: Option<&str>, limit: usize) -> Result<Vec<Row>> {
    scan(tx, folder, after, limit, |_| Scan::Next)
}

fn scan(
    tx: &impl Read,
    folder: FileId,
    after: Option<&str>,
    limit: usize,
    until: impl Fn(&Row) -> Scan,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    if limit == 0 {
        return Ok(rows);
    }
    prefix::under(tx, CHILD, &folder.to_key(), after.map(str::as_bytes), &mut |name, value| {
        let row = row(name, ChildRecord::decode(value)?)?;
        let end = until(&row);
        rows.push(row);
        Ok(if rows.len() < limit { end } else { Scan::Stop })
    })?;
    Ok(rows)
}

fn row(name: &[u8], child: ChildRecord) -> Result<Row> {
    let name = str::from_utf8(name).map_err(|_| Error::corrupt("a name in a folder is not UTF-8"))?;
    Ok(Row {
        name: name.to_owned(),
        file: child.file,
        kind: child.kind,
        version: (child.kind == Kind::File).then(|| VersionId::new(child.file, child.number)),
        size: child.size,
        modified: child.modified,
        blob: child.blob,
        crc32: child.crc32,
        executable: child.executable,
    })
}

/// A walk over everything below a folder, depth first and in order of name, a folder before what
/// lies in it. Memory grows with the depth, not with the number of files. Between two pages the
/// tree may change: what was passed is not looked at again.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    stack: Vec<Level>,
    /// The path of the folder on top of the stack, with a slash behind; empty at the beginning.
    path: String,
}

#[derive(Clone, Debug)]
struct Level {
    folder: FileId,
    after: Option<String>,
    /// How much of the path names this folder.
    len: usize,
}

impl Walk {
    /// Begins a walk below `folder`, whose own path is `path`: empty, or with a slash behind.
    pub(crate) fn new(folder: FileId, path: &str) -> Walk {
        Walk { stack: vec![Level { folder, after: None, len: path.len() }], path: path.to_owned() }
    }

    /// Returns the next rows, at most `limit` (at least 1). None are left when the page is empty.
    pub(crate) fn page(&mut self, tx: &impl Read, limit: usize) -> Result<Page> {
        let (mut page, mut len) = (Page::default(), 0);
        while len < limit.max(1) {
            let Some(level) = self.stack.last_mut() else { break };
            self.path.truncate(level.len);
            // Up to the next folder, which is gone into before its neighbours.
            let until = |row: &Row| if row.kind == Kind::Folder { Scan::Stop } else { Scan::Next };
            let rows = scan(tx, level.folder, level.after.as_deref(), limit.max(1) - len, until)?;
            let Some(last) = rows.last() else {
                self.stack.pop();
                continue;
            };
            level.after = Some(last.name.clone());
            let deeper = (last.kind == Kind::Folder).then(|| (last.file, last.name.clone()));
            len += rows.len();
            page.runs.push((self.path.clone(), rows));
            if let Some((folder, name)) = deeper {
                self.path.push_str(&name);
                self.path.push('/');
                self.stack.push(Level { folder, after: None, len: self.path.len() });
            }
        }
        Ok(page)
    }
}

/// What a walk read at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// Rows of one folder, and its path, with a slash behind.
    runs: Vec<(String, Vec<Row>)>,
}

impl Page {
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Visits the rows, each with its path, until the visitor says stop.
    ///
    /// # Errors
    /// Whatever the visitor returns.
    pub(crate) fn visit(&self, mut visit: impl FnMut(&str, &Row) -> Result<Scan>) -> Result<Scan> {
        let mut path = String::new();
        for (folder, rows) in &self.runs {
            path.clear();
            path.push_str(folder);
            for row in rows {
                path.truncate(folder.len());
                path.push_str(&row.name);
                if visit(&path, row)? == Scan::Stop {
                    return Ok(Scan::Stop);
                }
            }
        }
        Ok(Scan::Next)
    }
}

/// Visits everything below a folder within one transaction, as [`Walk`] does, until the visitor
/// says stop.
///
/// # Errors
/// Whatever the visitor returns.
pub(crate) fn walk(
    tx: &impl Read,
    folder: FileId,
    visit: &mut dyn FnMut(&str, &Row) -> Result<Scan>,
) -> Result<()> {
    let mut walk = Walk::new(folder, "");
    loop {
        let page = walk.page(tx, AHEAD)?;
        if page.is_empty() || page.visit(&mut *visit)? == Scan::Stop {
            return Ok(());
        }
    }
}
