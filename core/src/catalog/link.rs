//! Direct links: `/f/<id>/<name>`, permanent, to whatever version of the file is current.
//!
//! The name is frozen when the link is made: the file may be renamed and the link goes on. Whether
//! the file lies in the trash is the tree's to say, not this module's.

use crate::catalog::counter::{self, Counter};
use crate::catalog::record::{FileRecord, Kind, LinkRecord};
use crate::catalog::{row, table};
use crate::id::{FileId, LinkId};
use crate::kv::{Read, Write};
use crate::time::Time;
use crate::{Error, Result};

/// Describes a direct link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// Names the link in its URL.
    pub id: LinkId,
    /// The file it leads to.
    pub file: FileId,
    /// The name in the URL and of the download: the file's when the link was made.
    pub name: String,
    /// When it was made.
    pub created: Time,
    /// How fast a download should go, in bytes a second; 0 is unlimited.
    pub pace: u64,
    /// Downloads through it so far.
    pub downloads: u64,
}

/// Returns the link to `file` under the file's present name and with this pace, making one
/// called `id` if there is none. The link returned tells by its id which of the two happened.
///
/// # Errors
/// `NotFound` when there is no such file, `InvalidArgument` when it is a folder, `Exists` when
/// `id` is taken.
pub(crate) fn create(
    tx: &mut impl Write,
    id: LinkId,
    file: FileId,
    pace: u64,
    now: Time,
) -> Result<LinkInfo> {
    let record = row::get::<FileRecord>(tx, table::FILE, &file.to_key())?
        .ok_or_else(|| Error::not_found(format!("there is no file {file}")))?;
    if record.kind != Kind::File {
        return Err(Error::invalid(format!("{file} is a folder; a direct link leads to a file")));
    }
    if let Some(link) = find(tx, file, &record.name, pace)? {
        return Ok(link);
    }
    add(tx, id, file, record.name, pace, now)
}

/// Makes a link called `id` under a name of the caller's, whatever other links there are.
///
/// # Errors
/// `Exists` when `id` is taken.
pub(crate) fn add(
    tx: &mut impl Write,
    id: LinkId,
    file: FileId,
    name: String,
    pace: u64,
    now: Time,
) -> Result<LinkInfo> {
    if row::exists(tx, table::LINK, &id.to_key())? {
        return Err(Error::new(crate::ErrorKind::Exists, format!("there is a link {id} already")));
    }
    let link = LinkRecord { file, name, created: now, pace };
    row::put(tx, table::LINK, &id.to_key(), &link)?;
    tx.put(table::FILE_LINK, &row::pair(file.0, id.0), &[])?;
    Ok(info(id, link, 0))
}

/// Finds the oldest link to `file` under exactly this name and with this pace.
pub(crate) fn find(tx: &impl Read, file: FileId, name: &str, pace: u64) -> Result<Option<LinkInfo>> {
    let same = |link: &LinkInfo| link.name == name && link.pace == pace;
    Ok(list(tx, file)?.into_iter().find(same))
}

/// Reads a link.
///
/// # Errors
/// `NotFound` when there is none, or it was deleted.
pub(crate) fn get(tx: &impl Read, id: LinkId) -> Result<LinkInfo> {
    let link = row::get(tx, table::LINK, &id.to_key())?
        .ok_or_else(|| Error::not_found(format!("there is no link {id}")))?;
    Ok(info(id, link, counter::total(tx, Counter::LinkDownloads(id))?))
}

/// Lists the links to a file, oldest first; none for a file that is not there.
pub(crate) fn list(tx: &impl Read, file: FileId) -> Result<Vec<LinkInfo>> {
    let listed: Result<Vec<LinkInfo>> = row::seconds(tx, table::FILE_LINK, file.0, usize::MAX)?
        .into_iter()
        .map(|id| get(tx, LinkId(id)).map_err(|error| error.context(format!("listing the links to {file}"))))
        .collect();
    let mut listed = listed?;
    listed.sort_by_key(|link| link.created);
    Ok(listed)
}

/// Counts a download through a link.
///
/// # Errors
/// `NotFound` when there is no such link.
pub(crate) fn count_download(tx: &mut impl Write, id: LinkId) -> Result<()> {
    get(tx, id)?;
    counter::add(tx, Counter::LinkDownloads(id), 1)
}

/// Deletes a link and its counter; its URL is dead from the commit on.
///
/// # Errors
/// `NotFound` when there is no such link.
pub(crate) fn delete(tx: &mut impl Write, id: LinkId) -> Result<()> {
    let link = get(tx, id)?;
    remove(tx, link.file, id)
}

/// Deletes at most `limit` links to a file that is being deleted, and returns how many it did: 0
/// when none is left.
pub(crate) fn delete_all(tx: &mut impl Write, file: FileId, limit: usize) -> Result<usize> {
    let links = row::seconds(tx, table::FILE_LINK, file.0, limit)?;
    for id in &links {
        remove(tx, file, LinkId(*id))?;
    }
    Ok(links.len())
}

fn remove(tx: &mut impl Write, file: FileId, id: LinkId) -> Result<()> {
    tx.del(table::LINK, &id.to_key())?;
    tx.del(table::FILE_LINK, &row::pair(file.0, id.0))?;
    counter::remove(tx, Counter::LinkDownloads(id))
}

fn info(id: LinkId, link: LinkRecord, downloads: u64) -> LinkInfo {
    let LinkRecord { file, name, created, pace } = link;
    LinkInfo { id, file, name, created, pace, downloads }
}
