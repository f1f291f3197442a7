//! Drives.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use holdall::{CopyVersions, Expect, Put, VersionId};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyMapping, PyString};

use crate::body::{self, Body};
use crate::convert::{self, Node, Pick, Place};
use crate::fault::{Fault, Outcome};
use crate::handle::Shared;
use crate::source::{self, Intake};
use crate::url::{self, Terms};
use crate::value::{DriveInfo, FileInfo, Link, Row, Share, Trashed, Version};

/// Rows that are read at once.
const PAGE: usize = 1000;
/// Bytes and items of one batch of `put_many`.
const BATCH: usize = 8 << 20;
const ITEMS: usize = 2000;

pub(crate) fn root() -> Place {
    Place(String::new())
}

/// Reads up to `limit` rows, or all, page by page.
pub(crate) fn pages(
    py: Python<'_>,
    after: Option<String>,
    limit: Option<usize>,
    page: impl Fn(Option<&str>, usize) -> holdall::Result<Vec<holdall::Row>> + Send + Sync,
) -> Outcome<Vec<Row>> {
    let (mut rows, mut after) = (Vec::new(), after);
    loop {
        let want = limit.map_or(PAGE, |limit| (limit - rows.len()).min(PAGE));
        let more = py.detach(|| page(after.as_deref(), want))?;
        py.check_signals()?;
        let full = more.len() == want && want > 0;
        rows.extend(more.into_iter().map(Row));
        if !full || limit.is_some_and(|limit| rows.len() >= limit) {
            return Ok(rows);
        }
        after = rows.last().map(|row| row.0.name.clone());
    }
}

/// A named tree of files. Every thread may use it, and a forked child.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Drive {
    handle: Shared,
    name: String,
    drive: holdall::Drive,
}

impl Drive {
    pub(crate) fn named(py: Python<'_>, handle: &Shared, name: String) -> Outcome<Drive> {
        let store = handle.store()?;
        let drive = py.detach(|| store.drive(&name))?;
        Ok(Drive { handle: handle.clone(), name, drive })
    }

    fn drive(&self) -> Outcome<&holdall::Drive> {
        self.handle.store()?;
        Ok(&self.drive)
    }

    /// Calls a verb of the drive without the GIL.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        verb: impl FnOnce(&holdall::Drive) -> holdall::Result<T> + Send,
    ) -> Outcome<T> {
        let drive = self.drive()?;
        Ok(py.detach(|| verb(drive))?)
    }
}

/// Reads what must be at a path for a put to go ahead.
fn expectation(value: Option<&Bound<'_, PyAny>>) -> Outcome<Expect> {
    match value {
        None => Ok(Expect::Any),
        Some(value) if value.cast::<PyString>().is_ok_and(|text| text == "absent") => Ok(Expect::Absent),
        Some(value) => Ok(Expect::Current(value.extract::<Pick>()?.0)),
    }
}

#[pymethods]
impl Drive {
    /// The name.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// The id; short text, such as "d2".
    #[getter]
    fn id(&self) -> String {
        self.drive.id().to_string()
    }

    /// Returns what the drive holds.
    fn info(&self, py: Python<'_>) -> Outcome<DriveInfo> {
        Ok(DriveInfo(self.call(py, |drive| drive.info())?))
    }

    /// Puts content at `path` and returns the version that it became, durably. A file that is there
    /// gets one more version, which is current from now on. Missing folders are made.
    ///
    /// source: bytes-like, a path (str or PathLike), a binary file object, or an iterable of
    ///     bytes-like. It is read once, in blocks of at most 1 MiB of bytes-like and paths.
    /// media_type: by default it follows from the name.
    /// modified: how old the content is, an aware datetime or seconds since 1970; now by default.
    /// expect: "absent", or the version (or its id) that must be current, for the put to go ahead.
    /// length, sha1, blake3: what the content must turn out to have; hashes as bytes or hexadecimal.
    /// progress: called with the number of bytes of each block, as the `update` of a tqdm bar is.
    ///
    /// Raises InvalidArgument when the path breaks the rules of names, Exists when a folder is there
    /// or something is that must not be, Mismatch when the content or the file is not what was
    /// declared, TooLarge past the store's limit, and whatever the source or `progress` raises;
    /// nothing is left behind then.
    #[pyo3(signature = (
        path, source, *, media_type = None, modified = None, expect = None, length = None, sha1 = None,
        blake3 = None, progress = None
    ))]
    #[allow(clippy::too_many_arguments)]
    fn put<'py>(
        &self,
        py: Python<'py>,
        path: Place,
        source: &Bound<'py, PyAny>,
        media_type: Option<String>,
        modified: Option<&Bound<'py, PyAny>>,
        expect: Option<&Bound<'py, PyAny>>,
        length: Option<u64>,
        sha1: Option<&Bound<'py, PyAny>>,
        blake3: Option<&Bound<'py, PyAny>>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> Outcome<Version> {
        let mut put = said(media_type, modified, expect)?;
        if let Some(length) = length {
            put = put.len(length);
        }
        if let Some(sha1) = sha1 {
            put = put.sha1(convert::hash("SHA-1", sha1)?);
        }
        if let Some(blake3) = blake3 {
            put = put.blake3(convert::hash("BLAKE3", blake3)?);
        }
        let writer = self.call(py, |drive| drive.put_writer(&path.0, put))?;
        let mut intake = Intake { py, writer, progress };
        intake.all(source)?;
        let writer = intake.writer;
        Ok(Version(py.detach(|| writer.commit())?))
    }

    /// Puts many contents at once and returns their versions in order, durably. They go in batches
    /// of up to 8 MiB and 2,000 items, each for the price of one sync, and all of it or none.
    ///
    /// items: a mapping of paths to bytes-like contents, or an iterable of such pairs.
    ///
    /// Raises as `put` does; the batches before the error stay.
    #[pyo3(signature = (items, *, media_type = None, modified = None, expect = None))]
    fn put_many(
        &self,
        py: Python<'_>,
        items: &Bound<'_, PyAny>,
        media_type: Option<String>,
        modified: Option<&Bound<'_, PyAny>>,
        expect: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Vec<Version>> {
        let put = said(media_type, modified, expect)?;
        let items = match items.cast::<PyMapping>() {
            Ok(mapping) => mapping.items()?.into_any(),
            Err(_) => items.clone(),
        };
        let (mut versions, mut batch, mut len) = (Vec::new(), Vec::new(), 0_usize);
        let mut flush = |batch: Vec<(String, Bytes)>| -> Outcome<()> {
            let put = &put;
            let done = self.call(py, |drive| drive.put_many(batch, put))?;
            versions.extend(done.into_iter().map(Version));
            Ok(py.check_signals()?)
        };
        for item in items.try_iter()? {
            let item = item?;
            let path: Place = item.get_item(0)?.extract()?;
            let content = source::whole(&item.get_item(1)?)?;
            if !batch.is_empty() && (batch.len() >= ITEMS || len + content.len() > BATCH) {
                flush(std::mem::take(&mut batch))?;
                len = 0;
            }
            len += content.len();
            batch.push((path.0, content));
        }
        if !batch.is_empty() {
            flush(batch)?;
        }
        Ok(versions)
    }

    /// Makes a folder and its parents and returns its id; one that is there already is no error.
    ///
    /// Raises Exists when a file is in the way, InvalidArgument when the path breaks the rules.
    fn mkdir(&self, py: Python<'_>, path: Place) -> Outcome<String> {
        Ok(self.call(py, |drive| drive.mkdir(&path.0))?.to_string())
    }

    /// Returns what is at `path`; "" is the root.
    ///
    /// Raises NotFound when nothing is.
    #[pyo3(signature = (path = root()), text_signature = "($self, path='')")]
    fn stat(&self, py: Python<'_>, path: Place) -> Outcome<FileInfo> {
        Ok(FileInfo(self.call(py, |drive| drive.stat(&path.0))?))
    }

    /// Lists a folder in byte order of names: all of it, or at most `limit` rows. The rows begin
    /// behind the name `after`: the cursor of the next page is the last name of this one.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when a file is.
    #[pyo3(
        signature = (path = root(), *, after = None, limit = None),
        text_signature = "($self, path='', *, after=None, limit=None)"
    )]
    fn list(
        &self,
        py: Python<'_>,
        path: Place,
        after: Option<String>,
        limit: Option<usize>,
    ) -> Outcome<Vec<Row>> {
        let drive = self.drive()?;
        pages(py, after, limit, |after, limit| drive.list(&path.0, after, limit))
    }

    /// Goes through everything below a folder: pairs of the path in the drive and the row, a folder
    /// before what is in it. What changes meanwhile may or may not show.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when a file is.
    #[pyo3(signature = (path = root()), text_signature = "($self, path='')")]
    fn walk(&self, py: Python<'_>, path: Place) -> Outcome<Walk> {
        let first = Level::read(py, self.drive()?, path.0, None)?;
        let state = Mutex::new(vec![first]);
        Ok(Walk { handle: self.handle.clone(), drive: self.drive.clone(), state })
    }

    /// Lists the versions of the file at `path`, newest first: all, or at most `limit`, from before
    /// the version `before` on.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when a folder is.
    #[pyo3(signature = (path, *, before = None, limit = None))]
    fn versions(
        &self,
        py: Python<'_>,
        path: Place,
        before: Option<Pick>,
        limit: Option<usize>,
    ) -> Outcome<Vec<Version>> {
        let (mut found, mut before): (Vec<Version>, Option<VersionId>) =
            (Vec::new(), before.map(|before| before.0));
        loop {
            let want = limit.map_or(PAGE, |limit| (limit - found.len()).min(PAGE));
            let more = self.call(py, |drive| drive.versions(&path.0, before, want))?;
            let full = more.len() == want && want > 0;
            found.extend(more.into_iter().map(Version));
            if !full || limit.is_some_and(|limit| found.len() >= limit) {
                return Ok(found);
            }
            before = found.last().map(|version| version.0.id);
        }
    }

    /// Opens the current content of the file at `path` for reading: a raw binary file object. It
    /// goes on showing the version that is current now.
    ///
    /// Raises NotFound when nothing is there, InvalidArgument when a folder is.
    fn open<'py>(&self, py: Python<'py>, path: Place) -> Outcome<Bound<'py, PyAny>> {
        let found = self.call(py, |drive| drive.open_file(&path.0))?;
        body::reader(&Bound::new(py, Body(found))?)
    }

    /// Moves what is at `source` to `target` and returns its id; missing folders are made.
    ///
    /// Raises NotFound when nothing is at `source`, Exists when something is at `target` and
    /// `replace` is false, or either is a folder.
    #[pyo3(name = "move", signature = (source, target, *, replace = false))]
    fn rename(&self, py: Python<'_>, source: Place, target: Place, replace: bool) -> Outcome<String> {
        Ok(self.call(py, |drive| drive.rename(&source.0, &target.0, replace))?.to_string())
    }

    /// Copies what is at `source` to `target` and returns the new id; the content is shared.
    ///
    /// versions: "current" or "all" versions of each file.
    ///
    /// Raises NotFound when nothing is at `source`, Exists when something is at `target`.
    #[pyo3(signature = (source, target, *, versions = "current"))]
    fn copy(&self, py: Python<'_>, source: Place, target: Place, versions: &str) -> Outcome<String> {
        let what = match versions {
            "current" => CopyVersions::Current,
            "all" => CopyVersions::All,
            other => {
                return Err(Fault::invalid(format!("versions {other:?} is neither \"current\" nor \"all\"")));
            }
        };
        Ok(self.call(py, |drive| drive.copy(&source.0, &target.0, what))?.to_string())
    }

    /// Sets what the host keeps with a file: names and values, together at most 16 KiB.
    ///
    /// Raises NotFound when nothing is at `path`, TooLarge past the limit.
    fn set_attributes(
        &self,
        py: Python<'_>,
        path: Place,
        attributes: BTreeMap<String, String>,
    ) -> Outcome<()> {
        self.call(py, |drive| drive.set_attributes(&path.0, attributes))
    }

    /// Sets how many versions a file keeps beside those marked to be kept; 0 keeps all.
    fn set_max_versions(&self, py: Python<'_>, count: u32) -> Outcome<()> {
        self.call(py, |drive| drive.set_max_versions(count))
    }

    /// Puts what is at `path` in the trash and returns its id, for `restore`. URLs of its versions
    /// go on working until they expire or are revoked.
    ///
    /// Raises NotFound when nothing is at `path`.
    fn trash(&self, py: Python<'_>, path: Place) -> Outcome<String> {
        Ok(self.call(py, |drive| drive.trash(&path.0))?.to_string())
    }

    /// Lists what lies in the trash.
    fn trashed(&self, py: Python<'_>) -> Outcome<Vec<Trashed>> {
        let mut found: Vec<Trashed> = Vec::new();
        loop {
            let after = found.last().map(|trashed| trashed.0.file);
            let more = self.call(py, |drive| drive.list_trash(after, PAGE))?;
            let full = more.len() == PAGE;
            found.extend(more.into_iter().map(Trashed));
            if !full {
                return Ok(found);
            }
        }
    }

    /// Takes a file or folder out of the trash, to where it lay or to the path `to`; returns its id.
    ///
    /// Raises NotFound when it is not in the trash, Exists when its name is taken.
    #[pyo3(signature = (file, to = None))]
    fn restore(&self, py: Python<'_>, file: Node, to: Option<Place>) -> Outcome<String> {
        let to = to.as_ref().map(|to| to.0.as_str());
        Ok(self.call(py, |drive| drive.restore(file.0, to))?.to_string())
    }

    /// Deletes what is at `path` for good, a folder with everything in it.
    ///
    /// Raises NotFound when nothing is at `path`.
    fn delete(&self, py: Python<'_>, path: Place) -> Outcome<()> {
        self.call(py, |drive| drive.delete(&path.0))
    }

    /// Deletes for good what lies in the trash since before `before`, an aware datetime or seconds
    /// since 1970; by default everything. Returns how many files and folders were taken from it.
    #[pyo3(signature = (before = None))]
    fn empty_trash(&self, py: Python<'_>, before: Option<&Bound<'_, PyAny>>) -> Outcome<u64> {
        let before = before.map_or(Ok(holdall::Time(i64::MAX)), convert::time)?;
        self.call(py, |drive| drive.empty_trash(before))
    }

    /// Returns the direct link to the file at `path`, made where there is none. It leads to the
    /// version that is current when it is used.
    ///
    /// pace: the speed that downloads should keep to, in bytes a second.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when a folder is.
    #[pyo3(signature = (path, *, pace = None))]
    fn link(&self, py: Python<'_>, path: Place, pace: Option<u64>) -> Outcome<Link> {
        self.call(py, |drive| {
            let info = drive.link_paced(&path.0, pace.unwrap_or(0))?;
            Ok(Link { url: drive.store().link_url(&info)?, info })
        })
    }

    /// Lists the direct links to the file at `path`, oldest first.
    ///
    /// Raises NotFound when nothing is at `path`.
    fn links(&self, py: Python<'_>, path: Place) -> Outcome<Vec<Link>> {
        self.call(py, |drive| {
            let links = drive.links(&path.0)?;
            let whole = |info| Ok(Link { url: drive.store().link_url(&info)?, info });
            links.into_iter().map(whole).collect()
        })
    }

    /// Shares what is at `path`.
    ///
    /// expires: when the share ends: seconds from now, a timedelta or an aware datetime; None never.
    /// max_downloads: how many downloads end it, an archive counting as one.
    /// purchase: the host asks for a ticket before it lets a visitor download.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when the terms can never be right.
    #[pyo3(signature = (path, *, password = None, expires = None, max_downloads = None, purchase = false))]
    fn share(
        &self,
        py: Python<'_>,
        path: Place,
        password: Option<String>,
        expires: Option<&Bound<'_, PyAny>>,
        max_downloads: Option<u64>,
        purchase: bool,
    ) -> Outcome<Share> {
        let mut share = holdall::Share::new();
        if let Some(password) = password {
            share = share.password(password);
        }
        if let Some(expires) = expires {
            share = share.expires_in(convert::lifetime(expires)?);
        }
        if let Some(downloads) = max_downloads {
            share = share.max_downloads(downloads);
        }
        if purchase {
            share = share.purchase();
        }
        Ok(Share(self.call(py, |drive| drive.share(&path.0, &share))?))
    }

    /// Lists the shares of what is at `path`, oldest first.
    ///
    /// Raises NotFound when nothing is at `path`.
    fn shares(&self, py: Python<'_>, path: Place) -> Outcome<Vec<Share>> {
        Ok(self.call(py, |drive| drive.shares(&path.0))?.into_iter().map(Share).collect())
    }

    /// Makes a zip of files and folders, a folder with all that is in it, and returns its URL. What
    /// is there now is frozen; no content is read. The zip has an exact length and can be resumed.
    ///
    /// paths: an iterable of paths, or of Versions.
    /// expires: when it ends: seconds from now, a timedelta or an aware datetime, at most the store's
    ///     grace from now; 15 minutes by default.
    /// network, max_uses, pace: as `Store.url` has them.
    ///
    /// Raises NotFound when nothing is at a path, TooLarge past the store's limits, InvalidArgument
    /// when nothing is named or the lifetime is out of range.
    #[pyo3(signature = (
        paths, *, name = "archive.zip", expires = None, network = None, max_uses = None, pace = None
    ))]
    #[allow(clippy::too_many_arguments)]
    fn archive(
        &self,
        py: Python<'_>,
        paths: &Bound<'_, PyAny>,
        name: &str,
        expires: Option<&Bound<'_, PyAny>>,
        network: Option<&str>,
        max_uses: Option<u32>,
        pace: Option<u64>,
    ) -> Outcome<String> {
        if paths.is_instance_of::<PyString>() {
            let message = "archive takes a list of paths; put the one path in brackets";
            return Err(PyTypeError::new_err(message).into());
        }
        let (mut places, mut picks) = (Vec::new(), Vec::new());
        for item in paths.try_iter()? {
            let item = item?;
            match item.cast::<Version>() {
                Ok(version) => picks.push(version.get().0.id),
                Err(_) => places.push(item.extract::<Place>()?.0),
            }
        }
        if !places.is_empty() && !picks.is_empty() {
            return Err(Fault::invalid("an archive is of paths or of versions, not of both"));
        }
        let lifetime = expires.map(convert::lifetime).transpose()?;
        let network = network.map(convert::network).transpose()?;
        self.call(py, |drive| {
            let archive = match picks.is_empty() {
                true => drive.archive(&places)?,
                false => drive.archive_of(picks)?,
            };
            let mut archive = archive.name(name).with_url(|mut url| {
                if let Some(network) = network {
                    url = url.network(network);
                }
                if let Some(uses) = max_uses {
                    url = url.max_uses(uses);
                }
                match pace {
                    Some(pace) => url.pace(pace),
                    None => url,
                }
            });
            if let Some(lifetime) = lifetime {
                archive = archive.expires_in(lifetime);
            }
            archive.sign()
        })
    }

    /// Returns a URL of the file at `path`: it gives the content that is current when it is used.
    /// The keyword arguments are those of `Store.url`.
    ///
    /// Raises NotFound when nothing is at `path`, InvalidArgument when the lifetime is out of range
    /// or a name or type can never be right.
    #[pyo3(signature = (
        path, *, expires = None, never_expires = false, stable_for = None, disposition = "attachment",
        name = None, media_type = None, network = None, max_uses = None, public_cache = false, pace = None
    ))]
    #[allow(clippy::too_many_arguments)]
    fn url(
        &self,
        py: Python<'_>,
        path: Place,
        expires: Option<&Bound<'_, PyAny>>,
        never_expires: bool,
        stable_for: Option<&Bound<'_, PyAny>>,
        disposition: &str,
        name: Option<&str>,
        media_type: Option<&str>,
        network: Option<&str>,
        max_uses: Option<u32>,
        public_cache: bool,
        pace: Option<u64>,
    ) -> Outcome<String> {
        let terms = Terms {
            expires,
            never_expires,
            stable_for,
            disposition,
            name,
            media_type,
            network,
            max_uses,
            public_cache,
            pace,
        };
        let url = self.call(py, |drive| drive.url(&path.0))?;
        url::sign(py, terms.of(url)?, "native")
    }

    /// Makes every URL into the drive invalid.
    pub(crate) fn revoke(&self, py: Python<'_>) -> Outcome<()> {
        self.call(py, |drive| drive.revoke())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name: String = PyString::new(py, &self.name).repr()?.extract()?;
        Ok(format!("<Drive {name}>"))
    }
}

/// Reads what is said of content alike.
fn said(
    media_type: Option<String>,
    modified: Option<&Bound<'_, PyAny>>,
    expect: Option<&Bound<'_, PyAny>>,
) -> Outcome<Put> {
    let mut put = Put::new().expect(expectation(expect)?);
    if let Some(media_type) = media_type {
        put = put.media_type(media_type);
    }
    if let Some(modified) = modified {
        put = put.modified(convert::time(modified)?);
    }
    Ok(put)
}

/// Goes through everything below a folder.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Walk {
    handle: Shared,
    drive: holdall::Drive,
    state: Mutex<Vec<Level>>,
}

/// A folder that a walk is in.
struct Level {
    path: String,
    rows: std::vec::IntoIter<holdall::Row>,
    /// The last name of the page; none when there is no other page.
    after: Option<String>,
}

impl Level {
    fn read(
        py: Python<'_>,
        drive: &holdall::Drive,
        path: String,
        after: Option<String>,
    ) -> holdall::Result<Level> {
        let rows = py.detach(|| drive.list(&path, after.as_deref(), PAGE))?;
        let after = rows.last().filter(|_| rows.len() == PAGE).map(|row| row.name.clone());
        Ok(Level { path, rows: rows.into_iter(), after })
    }
}

#[pymethods]
impl Walk {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> Outcome<Option<(String, Row)>> {
        self.handle.store()?;
        // The lock is not held while another thread may be let in.
        let mut levels = std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner));
        let next = self.next(py, &mut levels);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = levels;
        next
    }
}

impl Walk {
    fn next(&self, py: Python<'_>, levels: &mut Vec<Level>) -> Outcome<Option<(String, Row)>> {
        while let Some(level) = levels.last_mut() {
            let Some(row) = level.rows.next() else {
                let (path, after) = (level.path.clone(), level.after.take());
                levels.pop();
                if after.is_some() {
                    self.enter(py, levels, path, after)?;
                }
                continue;
            };
            let path = match level.path.as_str() {
                "" => row.name.clone(),
                folder => format!("{folder}/{}", row.name),
            };
            if row.kind == holdall::Kind::Folder {
                self.enter(py, levels, path.clone(), None)?;
            }
            return Ok(Some((path, Row(row))));
        }
        Ok(None)
    }

    /// Goes into a folder, if it is still there.
    fn enter(
        &self,
        py: Python<'_>,
        levels: &mut Vec<Level>,
        path: String,
        after: Option<String>,
    ) -> Outcome<()> {
        match Level::read(py, &self.drive, path, after) {
            Ok(level) => levels.push(level),
            Err(error) if error.kind() == holdall::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
