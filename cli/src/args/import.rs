//! The options of `holdall import`.

use std::path::PathBuf;

use clap::Subcommand;

use super::value::map;

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Import a Cloudreve v4 server with local storage. Each user becomes a drive, named by the user's
    /// e-mail address. Issued links, shares and file URLs keep working under the same ids; those of
    /// archives, thumbnails and live photos do not
    Cloudreve(Cloudreve),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Cloudreve {
    /// The folder of the server, which contains `data`, with the database and the content. The server
    /// must not be running
    #[arg(value_name = "FOLDER", required_unless_present_all = ["database", "uploads"])]
    pub(crate) folder: Option<PathBuf>,
    /// The database: a SQLite file, or a dump written by `sqlite3 FILE .dump`, `pg_dump` or `mysqldump`
    /// [default: cloudreve.db in FOLDER, or the only .sql file in it]
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// The folder that has the content [default: FOLDER]. It may be the folder of the server, its `data`, or
    /// the folder with which all paths in the database begin, such as `data/uploads`
    #[arg(long, value_name = "DIR")]
    pub(crate) uploads: Option<PathBuf>,
    /// Look in NEW for content whose path in the database begins with OLD; may be repeated
    #[arg(long, value_parser = map, value_name = "OLD=NEW")]
    pub(crate) map: Vec<(String, PathBuf)>,
    /// A file with the key that signed the server's URLs [default: the key in the database]
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_key: Option<PathBuf>,
    /// The salt of the server's ids [default: the salt in the database]
    #[arg(long, value_name = "TEXT")]
    pub(crate) hash_salt: Option<String>,
    /// A file with the master key of encrypted content, such as the server's key file [default: the value of
    /// `CR_ENCRYPT_MASTER_KEY`, or else the key in the database]
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key: Option<PathBuf>,
    /// With a dump of MySQL or MariaDB, whose times have no offset: the server's offset from UTC, such as
    /// +08:00, or its time zone. By default it is derived from the database; if it cannot be, this option is needed
    #[arg(long, allow_hyphen_values = true, value_name = "OFFSET")]
    pub(crate) utc_offset: Option<String>,
    /// Skip contents that are missing or have the wrong length
    #[arg(long)]
    pub(crate) skip_missing: bool,
    /// With --skip-missing: if the current version of a file cannot be read, make the newest readable version
    /// current instead of skipping the file
    #[arg(long, requires = "skip_missing")]
    pub(crate) older_versions: bool,
    /// Write a line of JSON for each file, version, link and share that was not imported, with the cause, for
    /// each changed name, and for each user's limits
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}
