//! The options of `holdall import`.

use std::path::PathBuf;

use clap::Subcommand;

use super::value::map;

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// A Cloudreve v4 server with local storage: each user becomes a drive, named by the address of
    /// mail; links, shares and URLs of files that were handed out go on working, under the same ids, but
    /// not those of archives, thumbnails and live photos
    Cloudreve(Cloudreve),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Cloudreve {
    /// The server's folder, which `data` is in: the database and the content are found in it. The server
    /// must not be running
    #[arg(value_name = "FOLDER", required_unless_present_all = ["database", "uploads"])]
    pub(crate) folder: Option<PathBuf>,
    /// Its database: a SQLite file, or the text that `sqlite3 FILE .dump`, `pg_dump` or `mysqldump` made
    /// of it; by default the cloudreve.db in FOLDER, or the only file in it that ends in .sql
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// The folder that holds the content; by default FOLDER. It may be the server's own, its `data`, or
    /// what the database has as the beginning of all paths, such as `data/uploads`
    #[arg(long, value_name = "DIR")]
    pub(crate) uploads: Option<PathBuf>,
    /// Content whose path in the database begins with OLD is in NEW; may be given several times
    #[arg(long, value_parser = map, value_name = "OLD=NEW")]
    pub(crate) map: Vec<(String, PathBuf)>,
    /// A file that holds the key its URLs are signed with; by default the database does
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_key: Option<PathBuf>,
    /// The salt of its ids; by default the one in the database
    #[arg(long, value_name = "TEXT")]
    pub(crate) hash_salt: Option<String>,
    /// A file that holds the master key of encrypted content, as the server's own key file does; by
    /// default it is taken from `CR_ENCRYPT_MASTER_KEY`, or else from the database
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key: Option<PathBuf>,
    /// With a dump of MySQL or MariaDB: how far the server's clock was from UTC, such as +08:00; its times
    /// do not say. By default it is found from what the database tells twice, or asked for
    #[arg(long, allow_hyphen_values = true, value_name = "OFFSET")]
    pub(crate) utc_offset: Option<String>,
    /// Leave out single contents that are not there or not as long as they should be, and go on
    #[arg(long)]
    pub(crate) skip_missing: bool,
    /// Where the current version of a file cannot be read, let the newest that can be read be current,
    /// instead of leaving the file out; with --skip-missing
    #[arg(long, requires = "skip_missing")]
    pub(crate) older_versions: bool,
    /// Write a line of JSON for each file, version, link and share that did not come along, and why
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}
