//! Importing a Cloudreve server.

use std::collections::BTreeMap;
use std::path::PathBuf;

use holdall_import::{Cloudreve, Report};
use pyo3::prelude::*;

use crate::fault::Outcome;
use crate::job::counted;
use crate::store::Store;

#[pymethods]
impl Store {
    /// Imports the Cloudreve v4 server in a folder, which must not be running, into this store, which must
    /// hold no drive: files, versions, trash, links and shares. Its links, shares and signed URLs stay valid.
    ///
    /// database: the database, or its dump as text or gzip; by default the one in the server's folder.
    /// uploads: the folder of the content, by default the server's.
    /// map: the folders that other content is in, by what its paths in the database begin with.
    /// secret_key, hash_salt: what the server signs URLs and makes ids with, by default the database's.
    /// master_key: the key of encrypted content in base64, by default the database's.
    /// utc_offset: the server's UTC offset or zone, such as "+08:00", where its times do not say it.
    /// skip_missing: leaves out single files whose content is missing or has another length.
    /// older_versions: makes the newest readable version current where the current one cannot be read.
    /// report: a file to write: a line of JSON for each item that was not imported, with the cause.
    /// progress: called now and then with the bytes done and the bytes in all.
    ///
    /// A fault of the server is raised before the store is changed. After a later error, and after
    /// Control-C, the store holds a part of it and takes no second import: delete it.
    ///
    /// Raises NotFound when the database, its keys or content are missing, with the remedy, InvalidArgument
    /// when the database cannot be read or lacks the UTC offset, Unsupported for Cloudreve v3, Exists when
    /// the store holds drives, Mismatch when content changes meanwhile, and what `progress` raises.
    #[pyo3(signature = (
        folder, *, database = None, uploads = None, map = None, secret_key = None, hash_salt = None,
        master_key = None, utc_offset = None, skip_missing = false, older_versions = false, report = None,
        progress = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords")]
    fn import_cloudreve(
        &self,
        py: Python<'_>,
        folder: PathBuf,
        database: Option<PathBuf>,
        uploads: Option<PathBuf>,
        map: Option<BTreeMap<String, PathBuf>>,
        secret_key: Option<String>,
        hash_salt: Option<String>,
        master_key: Option<String>,
        utc_offset: Option<String>,
        skip_missing: bool,
        older_versions: bool,
        report: Option<PathBuf>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<ImportReport> {
        let mut server = Cloudreve::new(folder).skip_missing(skip_missing).older_versions(older_versions);
        for (path, set) in [
            (database, Cloudreve::database as fn(Cloudreve, PathBuf) -> Cloudreve),
            (uploads, Cloudreve::uploads),
            (report, Cloudreve::report),
        ] {
            server = match path {
                Some(path) => set(server, path),
                None => server,
            };
        }
        for (old, new) in map.unwrap_or_default() {
            server = server.map(old, new);
        }
        for (text, set) in [
            (secret_key, Cloudreve::secret_key as fn(Cloudreve, String) -> Cloudreve),
            (hash_salt, Cloudreve::hash_salt),
            (master_key, Cloudreve::master_key),
            (utc_offset, Cloudreve::utc_offset),
        ] {
            server = match text {
                Some(text) => set(server, text),
                None => server,
            };
        }
        let store = self.store()?.clone();
        let done = counted(py, progress, move |count| {
            server.open()?.import(&store, |now| count(now.bytes, now.total_bytes))
        })?;
        Ok(ImportReport::from(done))
    }
}

/// What `Store.import_cloudreve` imported, and what it did not.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct ImportReport {
    /// Drives, one for each user.
    #[pyo3(get)]
    drives: u64,
    /// Folders.
    #[pyo3(get)]
    folders: u64,
    /// Files, counting the trash.
    #[pyo3(get)]
    files: u64,
    /// Versions of those files.
    #[pyo3(get)]
    versions: u64,
    /// Items in the trash.
    #[pyo3(get)]
    trashed: u64,
    /// Direct links.
    #[pyo3(get)]
    links: u64,
    /// Shares.
    #[pyo3(get)]
    shares: u64,
    /// Attributes of files and folders.
    #[pyo3(get)]
    attributes: u64,
    /// How many items were left out, by the cause's code, such as "content-missing".
    #[pyo3(get)]
    left_out: BTreeMap<&'static str, u64>,
    /// How many settings and the like a store has no field for, by kind.
    #[pyo3(get)]
    no_place: BTreeMap<&'static str, u64>,
    /// Files and folders that were renamed.
    #[pyo3(get)]
    renamed: u64,
    text: String,
}

impl From<Report> for ImportReport {
    fn from(done: Report) -> ImportReport {
        ImportReport {
            text: done.to_string(),
            drives: done.drives,
            folders: done.folders,
            files: done.files,
            versions: done.versions,
            trashed: done.trashed,
            links: done.links,
            shares: done.shares,
            attributes: done.attributes,
            left_out: done.left_out.iter().map(|(cause, count)| (cause.code(), *count)).collect(),
            no_place: done.no_place,
            renamed: done.renamed,
        }
    }
}

#[pymethods]
impl ImportReport {
    /// Writes the report for people: a line for what was imported, and one for each cause of what was not.
    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        let left_out = self.left_out.values().sum::<u64>();
        format!("<ImportReport {} drives, {} files, {left_out} left out>", self.drives, self.files)
    }
}
