//! Direct links.

use holdall::LinkId;
use pyo3::prelude::*;

use crate::convert::{self, DrivePath};
use crate::datetime::{Datetime, datetime};
use crate::drive::Drive;
use crate::fault::Outcome;
use crate::store::Store;
use crate::value::{quoted, value};

value! {
    /// A direct link to a file.
    Link(LinkWithUrl) as known {
        /// The id of the link.
        id: String = known.info.id.to_string();
        /// The id of the file.
        file_id: String = known.info.file.to_string();
        /// The URL, which is valid until the link is deleted.
        url: &str = &known.url;
        /// The name in the URL and of the download.
        name: &str = &known.info.name;
        /// When it was created: an aware datetime in UTC.
        created: Datetime = datetime(known.info.created);
        /// Downloads through it, as of the lookup. Each process records its counts about every second,
        /// and when it closes the store.
        downloads: u64 = known.info.downloads;
        /// The rate limit of a download, in bytes per second; None is unlimited.
        pace: Option<u64> = Some(known.info.pace).filter(|pace| *pace > 0);
    }
}

/// A link, and the URL that it has now.
pub(crate) struct LinkWithUrl {
    info: holdall::LinkInfo,
    url: String,
}

impl LinkWithUrl {
    fn new(store: &holdall::Store, info: holdall::LinkInfo) -> holdall::Result<LinkWithUrl> {
        Ok(LinkWithUrl { url: store.link_url(&info)?, info })
    }
}

#[pymethods]
impl Link {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Link {}>", quoted(py, &self.0.url)?))
    }
}

#[pymethods]
impl Drive {
    /// Returns the direct link to the file at `path`, creating it if there is none. It serves the version
    /// that is current when it is used.
    ///
    /// pace: the rate limit of downloads, in bytes per second.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when a folder is.
    #[pyo3(signature = (path, *, pace = None))]
    fn link(
        &self,
        py: Python<'_>,
        path: DrivePath,
        #[pyo3(from_py_with = convert::count)] pace: Option<u64>,
    ) -> Outcome<Link> {
        self.call(py, |drive| {
            let info = drive.link_paced(&path.0, pace.unwrap_or(0))?;
            LinkWithUrl::new(drive.store(), info).map(Link)
        })
    }

    /// Lists the direct links to the file at `path`, oldest first.
    ///
    /// Raises NotFound when nothing is at `path`.
    fn links(&self, py: Python<'_>, path: DrivePath) -> Outcome<Vec<Link>> {
        self.call(py, |drive| {
            let links = drive.links(&path.0)?;
            links.into_iter().map(|info| LinkWithUrl::new(drive.store(), info).map(Link)).collect()
        })
    }
}

#[pymethods]
impl Store {
    /// Describes a direct link and how often it was used, given the Link or its id.
    ///
    /// Raises NotFound when there is none.
    fn link(&self, py: Python<'_>, link: &Bound<'_, PyAny>) -> Outcome<Link> {
        let id = link_id(link)?;
        self.call(py, |store| {
            let info = store.find_link(id)?;
            LinkWithUrl::new(store, info).map(Link)
        })
    }

    /// Deletes a direct link, given the Link or its id.
    ///
    /// Raises NotFound when there is none.
    fn unlink(&self, py: Python<'_>, link: &Bound<'_, PyAny>) -> Outcome<()> {
        let id = link_id(link)?;
        self.call(py, |store| store.unlink(id))
    }
}

fn link_id(value: &Bound<'_, PyAny>) -> Outcome<LinkId> {
    if let Ok(link) = value.cast::<Link>() {
        return Ok(link.get().0.info.id);
    }
    let id: String = value.extract()?;
    convert::only_id(&id, "a link has one, as in drive.links(path)")?;
    Ok(id.parse()?)
}
