//! Direct links: a permanent address of a file, with a counter.

use super::{Drive, Store};
use crate::catalog::counter::{self, Counter};
use crate::catalog::{LinkInfo, link, node, path};
use crate::http::escape_segment;
use crate::id::{FileId, LinkId};
use crate::name::{check_name, shown};
use crate::random::random_id;
use crate::time::Time;
use crate::{Error, Kind, Result};

impl Drive {
    /// Returns the direct link to the file at `path`, creating it if there is none. It leads to
    /// whatever version is current when it is used, under the name that the file has now.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`, `InvalidArgument` when a folder is.
    pub fn link(&self, path: &str) -> Result<LinkInfo> {
        self.link_paced(path, 0)
    }

    /// Returns a direct link whose downloads ask the host to send no more than so many bytes a
    /// second; 0 is unlimited.
    ///
    /// # Errors
    /// As [`Drive::link`].
    pub fn link_paced(&self, path: &str, pace: u64) -> Result<LinkInfo> {
        let engine = self.engine()?;
        let tx = engine.reader()?;
        let (file, record) = path::resolve(&tx, self.id(), path)?;
        if record.kind == Kind::Folder {
            return Err(Error::invalid(format!(
                "{} is a folder; a direct link leads to a file",
                shown(path)
            )));
        }
        if let Some(known) = link::find(&tx, file, &record.name, pace)? {
            return Ok(known);
        }
        drop(tx);
        let (id, now) = (LinkId(random_id()?), Time::now());
        engine.write(move |change| link::create(change, id, file, pace, now))
    }

    /// Lists the direct links to the file at `path`, oldest first.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`.
    pub fn links(&self, path: &str) -> Result<Vec<LinkInfo>> {
        let engine = self.engine()?;
        engine.try_flush_counts();
        let tx = engine.reader()?;
        let (file, _) = path::resolve(&tx, self.id(), path)?;
        link::list(&tx, file)
    }
}

impl Store {
    /// Returns what a direct link is and how often it was used.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn find_link(&self, id: LinkId) -> Result<LinkInfo> {
        let engine = self.engine()?;
        engine.try_flush_counts();
        engine.read_anew(|tx| link::get(tx, id))
    }

    /// Returns the URL of a direct link: under the store's base, `f/`, its id and its name.
    ///
    /// # Errors
    /// `InvalidArgument` when the store was closed.
    pub fn link_url(&self, link: &LinkInfo) -> Result<String> {
        Ok(format!("{}f/{}/{}", self.engine()?.options.base_url, link.id, escape_segment(&link.name)))
    }

    /// Makes a direct link as it was in another system: under that name, with that pace, so many downloads
    /// counted and, if it is known, that time of its making, whatever other links to the file there are.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `InvalidArgument` when it is a folder or the name can be
    /// none.
    pub fn import_link(
        &self,
        file: FileId,
        name: &str,
        pace: u64,
        downloads: u64,
        created: Option<Time>,
    ) -> Result<LinkInfo> {
        // Another system's names may hold control characters, which its URLs have escaped.
        check_name(&name.replace(char::is_control, "_"))?;
        let engine = self.engine()?;
        let (id, name) = (LinkId(random_id()?), name.to_owned());
        let created = created.unwrap_or_else(Time::now);
        let downloads = i64::try_from(downloads).unwrap_or(i64::MAX);
        engine.write(move |change| {
            if node::get(change, file)?.kind == Kind::Folder {
                return Err(Error::invalid(format!("{file} is a folder; a direct link leads to a file")));
            }
            link::add(change, id, file, name.clone(), pace, created)?;
            counter::add(change, Counter::LinkDownloads(id), downloads)?;
            link::get(change, id)
        })
    }

    /// Deletes a direct link.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn unlink(&self, id: LinkId) -> Result<()> {
        self.engine()?.write(move |change| link::delete(change, id))
    }
}
