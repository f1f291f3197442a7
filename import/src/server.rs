//! A server that is to be imported, and how.

use std::path::PathBuf;

use holdall::{Error, ErrorKind, Result, Store};

use super::crypt::MasterKey;
use super::database::Database;
use super::folder;
use super::progress::Progress;
use super::report::Report;
use super::source::Uploads;
use super::work::Work;

/// A Cloudreve v4 server with local storage, which is not running, and how it is imported.
///
/// Of a default installation its folder is enough, and with another database than SQLite a dump that
/// lies in it.
#[derive(Clone, Default)]
#[must_use]
pub struct Cloudreve {
    folder: Option<PathBuf>,
    database: Option<PathBuf>,
    uploads: Option<PathBuf>,
    maps: Vec<(String, PathBuf)>,
    secret_key: Option<String>,
    hash_salt: Option<String>,
    master_key: Option<String>,
    utc_offset: Option<String>,
    skip_missing: bool,
    older_versions: bool,
    report: Option<PathBuf>,
}

impl Cloudreve {
    /// Names the server's folder, which `data` is in: database and content are found in it. It may be
    /// left out, with an empty path, where both are named.
    pub fn new(folder: impl Into<PathBuf>) -> Cloudreve {
        let folder = Some(folder.into()).filter(|folder| !folder.as_os_str().is_empty());
        Cloudreve { folder, ..Cloudreve::default() }
    }

    /// Names the database: a SQLite file, or the text that `sqlite3 FILE .dump`, `pg_dump` or
    /// `mysqldump` made of it, which may be compressed with gzip. By default it is `cloudreve.db` in the
    /// folder, or the only dump in it.
    pub fn database(mut self, path: impl Into<PathBuf>) -> Cloudreve {
        self.database = Some(path.into());
        self
    }

    /// Names the folder of the content, which is the server's by default: the server's own, its `data`,
    /// or what all paths in the database begin with.
    pub fn uploads(mut self, path: impl Into<PathBuf>) -> Cloudreve {
        self.uploads = Some(path.into());
        self
    }

    /// Says that content whose path in the database begins with `old` is in the folder `new`; for
    /// several, call it several times.
    pub fn map(mut self, old: impl Into<String>, new: impl Into<PathBuf>) -> Cloudreve {
        self.maps.push((old.into(), new.into()));
        self
    }

    /// Gives the key that URLs are signed with; by default the database does.
    pub fn secret_key(mut self, key: impl Into<String>) -> Cloudreve {
        self.secret_key = Some(key.into());
        self
    }

    /// Gives the salt of the ids; by default the database does.
    pub fn hash_salt(mut self, salt: impl Into<String>) -> Cloudreve {
        self.hash_salt = Some(salt.into());
        self
    }

    /// Gives the master key of encrypted content, in base64; by default the database does.
    pub fn master_key(mut self, key: impl Into<String>) -> Cloudreve {
        self.master_key = Some(key.into());
        self
    }

    /// Says how far the server's clock was from UTC, such as `+08:00`, where its times do not say, as in
    /// dumps of MySQL and MariaDB. By default it is found from what the database has twice.
    pub fn utc_offset(mut self, offset: impl Into<String>) -> Cloudreve {
        self.utc_offset = Some(offset.into());
        self
    }

    /// Lets single contents be left out that are not there, or not as long as they should be.
    pub fn skip_missing(mut self, skip: bool) -> Cloudreve {
        self.skip_missing = skip;
        self
    }

    /// Lets the newest version that can be read be current where the current one cannot, instead of
    /// leaving the file out.
    pub fn older_versions(mut self, older: bool) -> Cloudreve {
        self.older_versions = older;
        self
    }

    /// Names a file for a line of JSON for each thing that did not come along, and why.
    pub fn report(mut self, path: impl Into<PathBuf>) -> Cloudreve {
        self.report = Some(path.into());
        self
    }

    /// Reads the database of the server, and looks whether its contents are there. No file of the
    /// server is changed.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the database, its keys or contents are not there, with what to try;
    /// [`ErrorKind::InvalidArgument`] if the database cannot be read as one of Cloudreve v4, or does
    /// not say what time its times are; [`ErrorKind::Io`].
    pub fn open(self) -> Result<Server> {
        let absent = || Error::new(ErrorKind::InvalidArgument, "no folder of a server is named; give FOLDER");
        let path = match (&self.database, &self.folder) {
            (Some(database), _) => database.clone(),
            (None, Some(folder)) => folder::database(folder)?,
            (None, None) => return Err(absent()),
        };
        let database = Database::read(&path, self.utc_offset.as_deref())?;
        let (secret, salt) = self.keys(&database)?;
        let content = self.uploads.as_ref().or(self.folder.as_ref()).ok_or_else(absent)?;
        let uploads = Uploads::open(&database, content, &self.maps, self.key_of_keys(&database)?)?;
        uploads.check(&database, self.skip_missing)?;
        let report = Report::begin(self.report.as_deref())?;
        Ok(Server { database, uploads, secret, salt, report, older: self.older_versions })
    }

    /// Returns the key that URLs are signed with, and the salt of the ids.
    fn keys(&self, database: &Database) -> Result<(String, String)> {
        let absent = |what: &str, option: &str| {
            Error::new(ErrorKind::NotFound, format!("the database holds no {what}; give {option}"))
        };
        let known = |given: &Option<String>, name: &str| {
            let found = given.as_ref().or_else(|| database.settings.get(name)).cloned();
            found.filter(|value| !value.is_empty())
        };
        let secret = known(&self.secret_key, "secret_key");
        let secret = secret.ok_or_else(|| absent("secret_key", "--secret-key"))?;
        let salt = self.hash_salt.as_ref().or_else(|| database.settings.get("hash_id_salt")).cloned();
        Ok((secret, salt.ok_or_else(|| absent("hash_id_salt", "--hash-salt"))?))
    }

    /// Returns the key of encrypted content: the one that is given, or that of the database.
    fn key_of_keys(&self, database: &Database) -> Result<Option<MasterKey>> {
        let own = database.settings.get("encrypt_master_key");
        let key = self.master_key.as_ref().or(own).filter(|key| !key.is_empty());
        key.map(|key| MasterKey::read(key)).transpose()
    }
}

/// A server that can be imported.
pub struct Server {
    database: Database,
    uploads: Uploads,
    secret: String,
    salt: String,
    report: Report,
    older: bool,
}

impl Server {
    /// Imports the server into a store that holds no drive, and calls `progress` now and then; an error
    /// that it returns ends the import.
    ///
    /// What was imported until an error stays, and the store takes no second import: delete it.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] if the store holds drives; [`ErrorKind::Mismatch`] if content of the server
    /// changes meanwhile; those of [`Drive::put`](holdall::Drive::put).
    pub fn import(self, store: &Store, progress: impl FnMut(&Progress<'_>) -> Result<()>) -> Result<Report> {
        let Server { database, uploads, secret, salt, report, older } = self;
        let (entities, others) = database.highest();
        store.leave_room(others, entities)?;
        store.set_hash_salt(&salt)?;
        store.add_cloudreve_secret(secret.as_bytes())?;
        let mut work = Work::new(store, &database, &uploads, report, older);
        work.users(progress)?;
        work.links()?;
        work.shares()?;
        work.end()?.end()
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Cloudreve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys are among the fields.
        f.debug_struct("Cloudreve").field("folder", &self.folder).finish_non_exhaustive()
    }
}
