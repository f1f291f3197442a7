//! `holdall import cloudreve`: a server's users, files, versions, links and shares into a new store.
//!
//! Hash ids and signatures of the server stay good: the salt and the key come along, and each of its
//! ids becomes an alias of what it named. What cannot come along is counted, and named in the report.

mod clock;
mod crypt;
mod database;
mod dump;
mod folder;
mod notes;
mod plan;
mod put;
mod report;
mod row;
mod source;
mod work;

use std::path::Path;

use holdall::{Error, ErrorKind, Result, Store};

use crate::args::Cloudreve;
use crate::output::Output;

use crypt::MasterKey;
use database::Database;
use report::Report;
use source::Uploads;
use work::Work;

/// A server that can be imported: what is wrong with it showed before a store was made.
pub(crate) struct Server {
    database: Database,
    uploads: Uploads,
    secret: String,
    salt: String,
    report: Report,
}

impl Server {
    /// Reads the database of a server, and looks whether its contents are there.
    pub(crate) fn open(args: &Cloudreve) -> Result<Server> {
        let absent = || Error::new(ErrorKind::InvalidArgument, "no folder of a server is named; give FOLDER");
        let path = match (&args.database, &args.folder) {
            (Some(database), _) => database.clone(),
            (None, Some(folder)) => folder::database(folder)?,
            (None, None) => return Err(absent()),
        };
        let database = Database::read(&path, args.utc_offset.as_deref())?;
        let (secret, salt) = keys(&database, args)?;
        let content = args.uploads.as_ref().or(args.folder.as_ref()).ok_or_else(absent)?;
        let uploads = Uploads::open(&database, content, &args.map, master_key(&database, args)?)?;
        uploads.check(&database, args.skip_missing)?;
        Ok(Server { database, uploads, secret, salt, report: Report::begin(args.report.as_deref())? })
    }

    /// Imports it.
    pub(crate) fn import(self, store: &Store, args: &Cloudreve, out: Output) -> Result<()> {
        let Server { database, uploads, secret, salt, report } = self;
        let (entities, others) = database.highest();
        store.leave_room(others, entities)?;
        store.set_hash_salt(&salt)?;
        store.add_cloudreve_secret(secret.as_bytes())?;
        let mut work = Work::new(store, &database, &uploads, report, args.older_versions);
        work.users(out.json)?;
        work.links()?;
        work.shares()?;
        work.end()?.end(out)
    }
}

/// Returns the key that URLs are signed with, and the salt of the ids.
fn keys(database: &Database, args: &Cloudreve) -> Result<(String, String)> {
    let absent = |what: &str, option: &str| {
        Error::new(ErrorKind::NotFound, format!("the database holds no {what}; give {option}"))
    };
    let secret = match &args.secret_key {
        Some(path) => read(path)?.trim_end_matches(['\r', '\n']).to_owned(),
        None => database.settings.get("secret_key").cloned().unwrap_or_default(),
    };
    if secret.is_empty() {
        return Err(absent("secret_key", "--secret-key"));
    }
    let salt = args.hash_salt.clone().or_else(|| database.settings.get("hash_id_salt").cloned());
    Ok((secret, salt.ok_or_else(|| absent("hash_id_salt", "--hash-salt"))?))
}

/// Returns the key of encrypted content: of the file that is named, of the environment as the server
/// has it, or of the database.
fn master_key(database: &Database, args: &Cloudreve) -> Result<Option<MasterKey>> {
    if let Some(path) = &args.master_key {
        return MasterKey::read(&read(path)?).map(Some);
    }
    let setting = |name: &str| database.settings.get(name).filter(|value| !value.is_empty()).cloned();
    let told = std::env::var("CR_ENCRYPT_MASTER_KEY").ok().filter(|key| !key.is_empty());
    match told.or_else(|| setting("encrypt_master_key")) {
        Some(key) => MasterKey::read(&key).map(Some),
        None => Ok(None),
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|cause| Error::io(format!("reading {}", path.display()), cause))
}
