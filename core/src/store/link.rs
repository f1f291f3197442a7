//! Direct links: a permanent address of a file, with a counter.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::url::escape;
use super::{Drive, Store};
use crate::catalog::counter::{self, Counter};
use crate::catalog::{LinkInfo, link, share, tree};
use crate::engine::Engine;
use crate::engine::open::random_id;
use crate::id::{FileId, LinkId, ShareId};
use crate::name::{check_name, shown};
use crate::time::Time;
use crate::{Error, Kind, Result, machine};

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
            return Err(Error::invalid(format!(
                "{} is a folder; a direct link leads to a file",
                shown(path)
            )));
        }
        if let Some(known) = link::find(&rows, file, &record.name, pace)? {
            return Ok(known);
        }
        drop(rows);
        let (id, now) = (LinkId(random_id()?), Time::now());
        engine.write(move |change| link::create(change, id, file, pace, now))
    }

    /// Lists the direct links to the file at `path`, oldest first.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`.
    pub fn links(&self, path: &str) -> Result<Vec<LinkInfo>> {
        let engine = self.engine()?;
        engine.counts.settle(&engine);
        let rows = engine.reader()?;
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
        engine.counts.settle(&engine);
        link::get(&engine.reader()?, id)
    }

    /// Returns the URL of a direct link: under the store's base, `f/`, its id and its name.
    ///
    /// # Errors
    /// `InvalidArgument` when the store was closed.
    pub fn link_url(&self, link: &LinkInfo) -> Result<String> {
        Ok(format!("{}f/{}/{}", self.engine()?.options.base_url, link.id, escape(&link.name)))
    }

    /// Makes a direct link as it was in another system: under that name, with that pace and so many
    /// downloads counted, whatever other links to the file there are.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `InvalidArgument` when it is a folder or the name can be
    /// none.
    pub fn import_link(&self, file: FileId, name: &str, pace: u64, downloads: u64) -> Result<LinkInfo> {
        check_name(name)?;
        let engine = self.engine()?;
        let (id, name, now) = (LinkId(random_id()?), name.to_owned(), Time::now());
        let downloads = i64::try_from(downloads).unwrap_or(i64::MAX);
        engine.write(move |change| {
            if tree::get(change, file)?.kind == Kind::Folder {
                return Err(Error::invalid(format!("{file} is a folder; a direct link leads to a file")));
            }
            link::add(change, id, file, name.clone(), pace, now)?;
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

/// What was counted and is not written down yet: at most a second's worth.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Gathered>);

#[derive(Debug, Default)]
struct Gathered {
    counts: BTreeMap<Counter, i64>,
    /// By the uptime.
    since: Option<Duration>,
}

impl Counts {
    /// Counts a download of a link.
    pub(crate) fn link(&self, engine: &Engine, id: LinkId) {
        self.count(engine, Counter::LinkDownloads(id));
    }

    /// Counts that a visitor entered a share.
    pub(crate) fn view(&self, engine: &Engine, id: ShareId) {
        self.count(engine, Counter::ShareViews(id));
    }

    /// A second after the first that was not written down, all are.
    fn count(&self, engine: &Engine, counter: Counter) {
        let due = {
            let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *gathered.counts.entry(counter).or_default() += 1;
            machine::uptime().saturating_sub(*gathered.since.get_or_insert_with(machine::uptime)) >= GATHER
        };
        if due {
            self.settle(engine);
        }
    }

    /// Writes down what was counted, if it can be: a store that takes no more writes is read on.
    pub(crate) fn settle(&self, engine: &Engine) {
        if let Err(error) = self.flush(engine) {
            tracing::warn!(%error, "downloads were counted and could not be written down");
        }
    }

    /// Writes down what was counted; what could not be stays counted.
    pub(crate) fn flush(&self, engine: &Engine) -> Result<()> {
        let Gathered { counts, .. } =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if counts.is_empty() {
            return Ok(());
        }
        let counts = Arc::new(counts);
        let written = counts.clone();
        engine
            .write(move |change| {
                for (counter, count) in written.iter() {
                    // What was deleted meanwhile took its counter along.
                    let counts = match counter {
                        Counter::LinkDownloads(id) => link::get(change, *id).is_ok(),
                        Counter::ShareViews(id) => share::record(change, *id).is_ok(),
                        _ => false,
                    };
                    if counts {
                        counter::add(change, *counter, *count)?;
                    }
                }
                Ok(())
            })
            .inspect_err(|_| {
                let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                for (counter, count) in counts.iter() {
                    *gathered.counts.entry(*counter).or_default() += count;
                }
                gathered.since.get_or_insert_with(machine::uptime);
            })
    }
}
