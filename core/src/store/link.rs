//! Direct links: a permanent address of a file, with a counter.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::url::escape;
use super::{Drive, Store};
use crate::catalog::counter::{self, Counter};
use crate::catalog::{LinkInfo, link, tree};
use crate::id::LinkId;
use crate::time::Time;
use crate::{Error, Kind, Result};

/// How long counts are gathered before one change writes them down.
const GATHER: Duration = Duration::from_secs(1);

impl Drive {
    /// Returns the direct link to the file at `path`, and makes it where there is none. It leads to
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
        let rows = engine.reader()?;
        let (file, record) = tree::resolve(&rows, self.id(), path)?;
        if record.kind == Kind::Folder {
            return Err(Error::invalid(format!("{path:?} is a folder; a direct link leads to a file")));
        }
        if let Some(known) = link::find(&rows, file, &record.name, pace)? {
            return Ok(known);
        }
        drop(rows);
        let (id, now) = (LinkId(engine.ids(1)?.take()?), Time::now());
        engine.write(move |change| link::create(change, id, file, pace, now))
    }

    /// Lists the direct links to the file at `path`, oldest first.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`.
    pub fn links(&self, path: &str) -> Result<Vec<LinkInfo>> {
        let rows = self.engine()?.reader()?;
        let (file, _) = tree::resolve(&rows, self.id(), path)?;
        link::list(&rows, file)
    }
}

impl Store {
    /// Returns what a direct link is and how often it was used.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn find_link(&self, id: LinkId) -> Result<LinkInfo> {
        let engine = self.engine()?;
        engine.counts.flush(&engine)?;
        link::get(&engine.reader()?, id)
    }

    /// Returns the URL of a direct link: under the store's base, `f/`, its id and its name.
    ///
    /// # Errors
    /// `InvalidArgument` when the store was closed.
    pub fn link_url(&self, link: &LinkInfo) -> Result<String> {
        Ok(format!("{}f/{}/{}", self.engine()?.options.base_url, link.id, escape(&link.name)))
    }

    /// Deletes a direct link.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn unlink(&self, id: LinkId) -> Result<()> {
        self.engine()?.write(move |change| link::delete(change, id))
    }
}

/// Downloads that were counted and are not written down yet: at most a second's worth.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Gathered>);

#[derive(Debug, Default)]
struct Gathered {
    links: HashMap<LinkId, i64>,
    since: Option<Instant>,
}

impl Counts {
    /// Counts a download of a link. A second after the first that was not written down, all are.
    pub(crate) fn link(&self, engine: &Engine, id: LinkId) -> Result<()> {
        let due = {
            let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *gathered.links.entry(id).or_default() += 1;
            gathered.since.get_or_insert_with(Instant::now).elapsed() >= GATHER
        };
        if due { self.flush(engine) } else { Ok(()) }
    }

    /// Writes down what was counted.
    pub(crate) fn flush(&self, engine: &Engine) -> Result<()> {
        let gathered = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if gathered.links.is_empty() {
            return Ok(());
        }
        engine.write(move |change| {
            for (id, count) in &gathered.links {
                // A link that was deleted meanwhile takes its counter along.
                if link::get(change, *id).is_ok() {
                    counter::add(change, Counter::LinkDownloads(*id), *count)?;
                }
            }
            Ok(())
        })
    }
}
