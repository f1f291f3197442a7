//! The verbs of a drive.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Store;
use crate::body::Body;
use crate::catalog::search::Wanted;
use crate::catalog::{
    self, AttributeMatch, DriveInfo, FileInfo, Row, TrashInfo, VersionInfo, attribute, copy, delete, drive,
    listing, node, path, prefetch, rename, search, stat, state, trash, version,
};
use crate::engine::snapshot::Snapshot;
use crate::engine::{Engine, ids_for};
use crate::id::{DriveId, FileId, VersionId};
use crate::kv::{Read, Scan};
use crate::name::shown;
use crate::time::Time;
use crate::{Error, Kind, Result};

/// Rows that one transaction of a longer job changes.
const STEP: usize = 500;

/// A named tree of files. Cloning it is cheap, and every thread may use it.
#[derive(Clone, Debug)]
pub struct Drive {
    store: Store,
    id: DriveId,
}

/// Makes the rows by which attributes are found, if an earlier build made the store.
fn index_attributes(engine: &Engine) -> Result<()> {
    if attribute::is_complete(&engine.reader()?)? {
        return Ok(());
    }
    let mut after = None;
    loop {
        after = engine.write(move |change| search::index_step(change, after, STEP))?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Looks for a drive by its name. Where rows are far away it is looked up once: a drive keeps its name for life.
fn find(engine: &Engine, name: &str) -> Result<Option<DriveId>> {
    if !engine.is_remote() {
        return drive::find(&engine.reader()?, name);
    }
    if let Some(id) = engine.drive_names.get(name) {
        return Ok(Some(id));
    }
    let found = drive::find(&engine.reader()?, name)?;
    if let Some(id) = found {
        engine.drive_names.keep(name, id);
    }
    Ok(found)
}

impl Store {
    /// Opens a drive by its name, creating it if it does not exist.
    ///
    /// # Errors
    /// `InvalidArgument` when the name breaks the rules of names.
    pub fn drive(&self, name: &str) -> Result<Drive> {
        Drive::open(self, name)
    }

    /// Opens a drive by its name; `None` if there is none.
    ///
    /// # Errors
    /// `Io` and `Corrupt` when the store cannot be read.
    pub fn find_drive(&self, name: &str) -> Result<Option<Drive>> {
        let found = find(&*self.engine()?, name)?;
        Ok(found.map(|id| Drive::with_id(self, id)))
    }
}

impl Drive {
    fn open(store: &Store, name: &str) -> Result<Drive> {
        let engine = store.engine()?;
        let id = match find(&engine, name)? {
            Some(id) => id,
            None => {
                let (ids, name, now) = (engine.ids(2)?, name.to_owned(), Time::now());
                let made = name.clone();
                let id = engine.write(move |change| drive::open(change, &made, &mut ids.clone(), now))?;
                if engine.is_remote() {
                    engine.drive_names.keep(&name, id);
                }
                id
            }
        };
        Ok(Drive { store: store.clone(), id })
    }

    pub(crate) fn with_id(store: &Store, id: DriveId) -> Drive {
        Drive { store: store.clone(), id }
    }

    /// Returns the drive's id.
    pub fn id(&self) -> DriveId {
        self.id
    }

    /// Returns the store that the drive is in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn engine(&self) -> Result<Arc<Engine>> {
        self.store.engine()
    }

    /// Returns what the drive is and holds.
    ///
    /// # Errors
    /// `NotFound` when it was deleted.
    pub fn info(&self) -> Result<DriveInfo> {
        drive::info(&self.engine()?.reader()?, self.id)
    }

    /// Sets how many versions a file keeps beside those marked to be kept; 0 keeps all of them.
    ///
    /// # Errors
    /// `NotFound` when the drive was deleted.
    pub fn set_max_versions(&self, max_versions: u32) -> Result<()> {
        let id = self.id;
        self.engine()?.write(move |change| drive::set_max_versions(change, id, max_versions))
    }

    /// Makes a folder and its parents; one that is there already is not an error.
    ///
    /// # Errors
    /// `Exists` when a file is in the way, `InvalidArgument` when the path breaks the rules.
    pub fn mkdir(&self, path: &str) -> Result<FileId> {
        let engine = self.engine()?;
        let (ids, id, path, now) = (engine.ids(ids_for(path))?, self.id, path.to_owned(), Time::now());
        engine.write(move |change| path::mkdir(change, id, &path, &mut ids.clone(), now))
    }

    /// Returns what is at `path`; `""` is the root.
    ///
    /// # Errors
    /// `NotFound` when nothing is.
    pub fn stat(&self, path: &str) -> Result<FileInfo> {
        stat::at_path(&self.engine()?.reader()?, self.id, path)
    }

    /// Lists at most `limit` rows of a folder in byte order of their names, from behind the name
    /// `after` on: the cursor of the next page is the last name of this one.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`, `InvalidArgument` when a file is.
    pub fn list(&self, path: &str, after: Option<&str>, limit: usize) -> Result<Vec<Row>> {
        let tx = self.engine()?.reader()?;
        tx.prefetch(|| prefetch::listing(self.id, path, after, limit))?;
        let folder = listing::folder(&tx, self.id, path)?;
        listing::list(&tx, folder, after, limit)
    }

    /// Visits everything below `path`, a folder before what is in it, until the visitor returns
    /// false; it is given each path from `path` on. Each page is read in its own snapshot, so that a
    /// long walk holds nothing up.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`; the visitor's own.
    pub fn walk(&self, path: &str, mut visit: impl FnMut(&str, &Row) -> Result<bool>) -> Result<()> {
        let engine = self.engine()?;
        let folder = listing::folder(&engine.reader()?, self.id, path)?;
        let mut walk = listing::Walk::new(folder, "");
        let mut visit = |path: &str, row: &Row| Ok(if visit(path, row)? { Scan::Next } else { Scan::Stop });
        loop {
            let page = walk.page(&engine.reader()?, STEP)?;
            if page.is_empty() || page.visit(&mut visit)? == Scan::Stop {
                return Ok(());
            }
        }
    }

    /// Lists at most `limit` versions of the file at `path`, newest first, from before the version
    /// `before` on.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`, `InvalidArgument` when a folder is.
    pub fn versions(&self, path: &str, before: Option<VersionId>, limit: usize) -> Result<Vec<VersionInfo>> {
        let tx = self.engine()?.reader()?;
        let (file, _) = path::resolve(&tx, self.id, path)?;
        version::list(&tx, file, before, limit)
    }

    /// Opens the current content of the file at `path`.
    ///
    /// # Errors
    /// `NotFound` when nothing is there, `InvalidArgument` when it is a folder, `Corrupt` when the
    /// content is damaged in a way that shows at once.
    pub fn open_file(&self, path: &str) -> Result<Body> {
        let engine = self.engine()?;
        let snapshot = Snapshot::new(&engine);
        let (file, record) = snapshot.resolve(self.id, path)?;
        if record.kind == Kind::Folder {
            return Err(Error::invalid(format!("{} is a folder and has no content; list it", shown(path))));
        }
        let (version, blob) = version::current(snapshot.tx()?, file, &record)?;
        Ok(Body::new(Arc::new(engine.open_blob(version.blob, blob.location, blob.len)?)))
    }

    /// Moves what is at `from` to `to`, making missing folders; a file may replace a file.
    ///
    /// # Errors
    /// `Exists` when something is at `to` and `replace` is false, or either is a folder.
    pub fn rename(&self, from: &str, to: &str, replace: bool) -> Result<FileId> {
        let engine = self.engine()?;
        let (ids, id, now) = (engine.ids(ids_for(to))?, self.id, Time::now());
        let (from, to) = (from.to_owned(), to.to_owned());
        engine.write(move |change| {
            rename::rename(change, id, &from, &to, replace, &mut ids.clone(), change.time(now))
        })
    }

    /// Copies what is at `from` to `to`, with the current version of each file or all of them. The
    /// content is shared. A folder is copied in several steps; a crash leaves what was copied.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `from`, `Exists` when something is at `to`.
    pub fn copy(&self, from: &str, to: &str, what: catalog::CopyVersions) -> Result<FileId> {
        let engine = self.engine()?;
        let ids = engine.ids(ids_for(to))?;
        let (id, now) = (self.id, Time::now());
        let (from, to) = (from.to_owned(), to.to_owned());
        let mut copying =
            engine.write(move |change| copy::start(change, id, &from, &to, what, &mut ids.clone(), now))?;
        while !copying.is_done() {
            let ids = engine.ids(u64::try_from(STEP).unwrap_or(u64::MAX).saturating_mul(2))?;
            let before = copying;
            copying = engine.write(move |change| copy::step(change, &before, STEP, &mut ids.clone(), now))?;
        }
        Ok(copying.file)
    }

    /// Sets what the host keeps with a file: names and values, together at most 64 KiB.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`, `TooLarge` past the limit.
    pub fn set_attributes(&self, path: &str, attributes: BTreeMap<String, String>) -> Result<()> {
        let (id, path, now) = (self.id, path.to_owned(), Time::now());
        self.engine()?.write(move |change| {
            let (file, _) = path::resolve(change, id, &path)?;
            node::set_attributes(change, file, attributes.clone(), now)
        })
    }

    /// Finds at most `limit` files and folders below `path` with an attribute `name` whose value begins with
    /// `value`, in order of the value and then of the id, from behind `after` on: the cursor of the next page
    /// is the last match of this one. What is in the trash is not found.
    ///
    /// A search reads the rows of that attribute in the drive, also of files elsewhere than below `path`,
    /// and no other files.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`, `InvalidArgument` when a file is, or when `after` is no match of
    /// this search; `ReadOnly` if the store was opened for reading and an earlier build made it: its
    /// first search makes the rows.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # use holdall::{Options, Put, Store};
    /// # let store = Store::open(dir.path(), Options::new())?;
    /// let alice = store.drive("alice")?;
    /// let tags = [("tag".to_owned(), "invoice/2026".to_owned())].into();
    /// alice.put("letters/7.pdf", &b"%PDF"[..], Put::new().attributes(tags)?)?;
    /// let found = alice.find_by_attribute("", "tag", "invoice/", None, 100)?;
    /// assert_eq!((found[0].path.as_str(), found[0].value.as_str()), ("letters/7.pdf", "invoice/2026"));
    /// # Ok::<(), holdall::Error>(())
    /// ```
    pub fn find_by_attribute(
        &self,
        path: &str,
        name: &str,
        value: &str,
        after: Option<&AttributeMatch>,
        limit: usize,
    ) -> Result<Vec<AttributeMatch>> {
        let engine = self.engine()?;
        index_attributes(&engine)?;
        let folder = {
            let tx = engine.reader()?;
            state::path_of(&tx, listing::folder(&tx, self.id, path)?)?.unwrap_or_default()
        };
        let wanted = Wanted { drive: self.id, folder: &folder, name, value };
        let mut behind = after.map(|last| search::cursor(&wanted, &last.value, last.file)).transpose()?;
        let mut found = Vec::new();
        while found.len() < limit {
            let rows = limit.saturating_sub(found.len()).clamp(64, STEP);
            let (more, next) = search::page(&engine.reader()?, wanted, behind.as_deref(), rows)?;
            found.extend(more);
            found.truncate(limit);
            if next.is_none() {
                break;
            }
            behind = next;
        }
        Ok(found)
    }

    /// Puts what is at `path` in the trash. It is no longer found by its path; links and shares to
    /// it rest, and URLs of its versions go on working until they expire or are revoked.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`.
    pub fn trash(&self, path: &str) -> Result<FileId> {
        let (id, path, now) = (self.id, path.to_owned(), Time::now());
        self.engine()?.write(move |change| trash::put(change, id, &path, now))
    }

    /// Lists at most `limit` of what lies in the trash, in order of id from behind `after` on.
    ///
    /// # Errors
    /// `NotFound` when the drive was deleted.
    pub fn list_trash(&self, after: Option<FileId>, limit: usize) -> Result<Vec<TrashInfo>> {
        trash::list(&self.engine()?.reader()?, self.id, after, limit)
    }

    /// Takes a file or folder out of the trash: to the folder it lay in, or its path made anew, or
    /// to the path `to`.
    ///
    /// # Errors
    /// `NotFound` when it is not in the trash, `Exists` when its name is taken.
    pub fn restore(&self, file: FileId, to: Option<&str>) -> Result<FileId> {
        let engine = self.engine()?;
        let depth = u64::try_from(crate::name::MAX_DEPTH).unwrap_or(u64::MAX);
        let (ids, id, to, now) = (engine.ids(depth)?, self.id, to.map(str::to_owned), Time::now());
        engine.write(move |change| trash::restore(change, id, file, to.as_deref(), &mut ids.clone(), now))
    }

    /// Deletes what is at `path` for good, a folder with everything in it. Content that no other
    /// version has is removed when the grace is over.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`.
    pub fn delete(&self, path: &str) -> Result<()> {
        let engine = self.engine()?;
        let (id, path, now) = (self.id, path.to_owned(), Time::now());
        let whole = engine.write(move |change| delete::at_path(change, id, &path, change.time(now)))?;
        if !whole {
            self.store.try_clear_deleted();
        }
        Ok(())
    }

    /// Deletes what lies in the trash since before `before` for good, and returns how much.
    ///
    /// # Errors
    /// `Io` and `Poisoned` when it could not be written.
    pub fn empty_trash(&self, before: Time) -> Result<u64> {
        let engine = self.engine()?;
        let id = self.id;
        let (mut after, mut count) = (None, 0_u64);
        loop {
            let purged = engine.write(move |change| trash::purge_before(change, id, before, after, STEP))?;
            count = count.saturating_add(u64::try_from(purged.count).unwrap_or(0));
            after = purged.next;
            if after.is_none() {
                break;
            }
        }
        self.store.try_clear_deleted();
        Ok(count)
    }

    /// Makes every URL into the drive invalid.
    ///
    /// # Errors
    /// `NotFound` when the drive was deleted.
    pub fn revoke(&self) -> Result<()> {
        let id = self.id;
        self.engine()?.write(move |change| drive::revoke(change, id))
    }
}
