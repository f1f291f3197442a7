//! The command line's grammar.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use holdall::token::Network;
use holdall::{CrossOrigin, FileId, LinkId, ShareId, VersionId};

/// Keeps files, every version of them, and hands out download URLs.
///
/// The exit code is 0, or the number of the kind of error: 1 invalid argument, 2 not found,
/// 3 exists, 4 denied, 5 expired, 6 range not satisfiable, 7 mismatch, 8 too large, 9 locked,
/// 10 corrupt, 11 input or output, 12 poisoned, 13 unsupported, 14 a defect, 15 gone, 16 forked,
/// 17 read only;
/// or 23 where `put` left out files that could not be read.
#[derive(Debug, Parser)]
#[command(name = "holdall", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every verb takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Store")]
pub(crate) struct Global {
    /// The directory of the store
    #[arg(long, global = true, env = "HOLDALL_STORE", value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// The drive that paths are in
    #[arg(long, global = true, env = "HOLDALL_DRIVE", default_value = "main", value_name = "NAME")]
    pub(crate) drive: String,
    /// What URLs begin with
    #[arg(long, global = true, env = "HOLDALL_BASE_URL", default_value = "/", value_name = "URL")]
    pub(crate) base_url: String,
    /// Print one JSON value
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Have the store for this process alone: faster, and refused while another has it open
    #[arg(long, global = true)]
    pub(crate) exclusive: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Put files and folders into the store
    Put(Put),
    /// Write the content of a file to a file or to standard output
    Get(Get),
    /// List a folder
    Ls(Ls),
    /// Make a folder and its parents
    Mkdir { path: String },
    /// Move a file or folder
    Mv {
        from: String,
        to: String,
        /// Replace the file that is there
        #[arg(long)]
        replace: bool,
    },
    /// Copy a file or folder; the content is shared
    Cp {
        from: String,
        to: String,
        /// Copy all versions, not only the current one
        #[arg(long)]
        all_versions: bool,
    },
    /// Put a file or folder in the trash, or remove it for good
    Rm(Rm),
    /// Take a file or folder out of the trash
    Restore {
        /// Its id, as `holdall trash` prints it
        file: FileId,
        /// Where to put it; by default where it was
        #[arg(long, value_name = "PATH")]
        to: Option<String>,
    },
    /// List what is in the trash, or empty it
    Trash {
        /// Remove it for good
        #[arg(long)]
        empty: bool,
        /// With --empty: only what has lain there for so long, such as 30d
        #[arg(long, value_parser = duration, requires = "empty", value_name = "AGE")]
        older: Option<Duration>,
    },
    /// List the versions of a file, newest first
    Versions { path: String },
    /// Make a version the current one of its file
    Current { version: VersionId },
    /// Keep a version whatever the limit on their number
    Keep {
        version: VersionId,
        /// No longer keep it
        #[arg(long)]
        off: bool,
    },
    /// Make every URL of a version, file, archive or share invalid
    Revoke {
        /// The id: v.. f.. a.. or s..
        id: String,
    },
    /// Make a download URL of a file or a version
    Url(Url),
    /// Tell what a URL permits, without using it
    Verify {
        url: String,
        /// As if it were used from this address
        #[arg(long, value_name = "ADDRESS")]
        client: Option<IpAddr>,
    },
    /// Make a zip of files and folders: its URL, or the zip itself
    Archive(Archive),
    /// Make the permanent link of a file, or find it
    Link {
        path: String,
        /// Bytes a second that a download goes at; 0 is unlimited
        #[arg(long, default_value_t = 0, value_name = "BYTES")]
        pace: u64,
    },
    /// List the permanent links of a file, or with -R of all below a folder
    Links(Listed),
    /// Delete a permanent link
    Unlink { id: LinkId },
    /// Share a file or folder
    Share(Share),
    /// List the shares of a file or folder, or with -R of all below it
    Shares(Listed),
    /// Delete a share
    Unshare { id: ShareId },
    /// Enter a share: list it, or make a URL of a file in it
    Visit(Visit),
    /// List, rotate and remove the keys that sign URLs
    Keys {
        #[command(subcommand)]
        act: Option<Keys>,
    },
    /// Check the store while it is in use, and change nothing
    Check {
        /// Read and hash all content again
        #[arg(long)]
        content: bool,
    },
    /// Restore damaged content from sound copies, where the store has one
    Repair {
        /// Make the index anew from the segments; nobody may have the store open
        #[arg(long)]
        rebuild: bool,
    },
    /// Remove what nothing refers to once its grace is over, and compact
    Gc {
        /// Set how long deleted content stays from now on, and the most that an archive may live; 0s to have
        /// room at once, after which no archive can be made until it is set again. For archives that are out,
        /// content stays until they end
        #[arg(long, value_parser = duration, value_name = "TIME")]
        grace: Option<Duration>,
    },
    /// Copy the store to a directory; the next backup there copies what is new
    Backup { target: PathBuf },
    /// Tell what the store holds
    Stats,
    /// Bring what another system holds into a new store
    Import {
        #[command(subcommand)]
        from: Import,
    },
    /// Serve the store's URLs over HTTP
    Serve(Serve),
    /// Show on a real tree and a big file what the store does, and check it
    Demo,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Put {
    /// Files and folders; `-` is standard input
    #[arg(required = true, value_name = "SOURCE")]
    pub(crate) sources: Vec<PathBuf>,
    /// The path it gets; with a slash at the end, or for several sources, the folder they go into
    #[arg(long, value_name = "PATH")]
    pub(crate) to: Option<String>,
    /// The name of what comes from standard input
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The media type; by default it follows from the name
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    /// Refuse to make a new version of a file that is there
    #[arg(long)]
    pub(crate) new: bool,
    /// Leave out files whose current version has the same length, time of change and execute bit; what changed just
    /// before it was put is read and compared
    #[arg(long)]
    pub(crate) if_changed: bool,
    /// Print every version that was made
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Get {
    /// The path of the file
    #[arg(required_unless_present = "version")]
    pub(crate) path: Option<String>,
    /// The file to write, in place of one that is there; by default standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// This version, not the current one
    #[arg(long, value_name = "ID", conflicts_with = "path")]
    pub(crate) version: Option<VersionId>,
    /// Only these bytes: FIRST-LAST, FIRST- or -COUNT, counted from 0
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) range: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Ls {
    /// The folder; by default the root
    #[arg(default_value = "")]
    pub(crate) path: String,
    /// Sizes, times and versions too
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Everything below it
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

/// What links or shares are listed of.
#[derive(Debug, clap::Args)]
pub(crate) struct Listed {
    /// The file or folder; by default the root
    #[arg(default_value = "")]
    pub(crate) path: String,
    /// Of everything below it too
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Rm {
    #[arg(required_unless_present = "version")]
    pub(crate) path: Option<String>,
    /// Remove it for good, and do not put it in the trash
    #[arg(long)]
    pub(crate) forever: bool,
    /// Remove this version, which is not the current one, for good
    #[arg(long, value_name = "ID", conflicts_with = "path")]
    pub(crate) version: Option<VersionId>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Url {
    /// The path of the file
    #[arg(required_unless_present = "version")]
    pub(crate) path: Option<String>,
    /// This version, not the one that is current now
    #[arg(long, value_name = "ID", conflicts_with = "path")]
    pub(crate) version: Option<VersionId>,
    /// Follow the file: give what is current when the URL is used
    #[arg(long)]
    pub(crate) file: bool,
    /// How long it is valid, such as 90s, 15m, 1h or 7d; 15m by default
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) expires: Option<Duration>,
    /// The same URL within windows of this length, so that caches can keep the reply
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) stable: Option<Duration>,
    /// Valid until it is revoked
    #[arg(long, conflicts_with_all = ["expires", "stable"])]
    pub(crate) never: bool,
    /// Let a browser show it, if its type cannot do harm
    #[arg(long)]
    pub(crate) inline: bool,
    /// Download under this name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Serve as this media type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    /// So many downloads at most. Ranges, retries and what goes on after a cut are one: of one client, within
    /// 24 hours, and four times the length of the content
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_uses: Option<u32>,
    /// So many requests at most, ranges and retries counted alike: for secrets
    #[arg(long, value_name = "COUNT", conflicts_with = "max_uses")]
    pub(crate) max_requests: Option<u32>,
    /// Which pages may show it, or which origins' scripts may read it: same-origin, same-site, cross-origin,
    /// "https://a.example https://b.example", or * for all
    #[arg(long, value_name = "POLICY")]
    pub(crate) cross_origin: Option<CrossOrigin>,
    /// Only for clients of this network, such as 192.0.2.0/24
    #[arg(long, value_parser = network)]
    pub(crate) network: Option<Network>,
    /// Bytes a second that a download goes at
    #[arg(long, value_name = "BYTES")]
    pub(crate) pace: Option<u64>,
    /// In the form of Cloudreve v4
    #[arg(long)]
    pub(crate) cloudreve: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Archive {
    /// Files and folders; with --share, in the share, and by default all of it. FOLDER/. is what is in a
    /// folder, without the folder's own name
    #[arg(required_unless_present = "share", value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// As a visitor of this share, which counts a download
    #[arg(long, value_name = "ID")]
    pub(crate) share: Option<ShareId>,
    #[command(flatten)]
    pub(crate) password: Password,
    /// The name of the download
    #[arg(long, default_value = "archive.zip")]
    pub(crate) name: String,
    /// How long it is valid, such as 1h; 15m by default
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) expires: Option<Duration>,
    /// The offset from UTC of those for whom it is, such as +08:00: readers that know no other time, such as
    /// Windows Explorer, then show theirs; UTC by default
    #[arg(long, value_parser = offset_minutes, allow_hyphen_values = true, value_name = "OFFSET")]
    pub(crate) utc_offset: Option<i16>,
    /// Write the zip to this file, in place of one that is there; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// With -o: compress it
    #[arg(long, requires = "output")]
    pub(crate) deflate: bool,
    /// In the form of Cloudreve v4
    #[arg(long, conflicts_with = "output")]
    pub(crate) cloudreve: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Share {
    pub(crate) path: String,
    #[command(flatten)]
    pub(crate) password: Password,
    /// End it after a while, such as 7d
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) expires: Option<Duration>,
    /// End it after so many downloads
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_downloads: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Visit {
    pub(crate) id: ShareId,
    /// Make a URL of the file at this path in the share, `.` being the shared file itself, or list
    /// the folder there; by default tell what is shared
    pub(crate) path: Option<String>,
    #[command(flatten)]
    pub(crate) password: Password,
}

/// The password of a share.
#[derive(Debug, clap::Args)]
pub(crate) struct Password {
    /// The share's password; other users of the machine may see it in the list of processes
    #[arg(long)]
    pub(crate) password: Option<String>,
    /// Read the share's password from the first line of a file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// List their ids
    List,
    /// Make a new one that signs; those before go on verifying
    Rotate,
    /// Remove one: what it signed is invalid
    Remove { id: u16 },
}

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

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The directory of the store, instead of --store
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The address; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8420", value_parser = address, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// How long transfers may go on after a signal to stop
    #[arg(long, default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub(crate) grace: Duration,
    /// How many connections are open at once; more wait
    #[arg(long, default_value_t = 1024, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) connections: u32,
    /// Which pages may show what URLs give, or which origins' scripts may read it, where a URL does not say:
    /// same-origin, same-site, cross-origin, "https://a.example https://b.example", or * for all
    #[arg(long, value_name = "POLICY", default_value_t)]
    pub(crate) cross_origin: CrossOrigin,
    /// Write a line for each request to standard error
    #[arg(long)]
    pub(crate) log: bool,
    /// Answer the calls of Cloudreve v4 under /api/v4 and of PDS under /v2 too
    #[arg(long)]
    pub(crate) api: bool,
    /// With --api: whose calls are that show no token, of this machine alone; by default nobody's. Not
    /// behind a proxy, which would make everybody's calls this machine's
    #[arg(long, requires = "api", value_name = "NAME")]
    pub(crate) api_drive: Option<String>,
    /// With --api: where you show a share, with {uri} for its URI, such as `/home?path={uri}`: links of
    /// the form /s/ID and /s/ID/PASSWORD, which Cloudreve's users passed on, lead there
    #[arg(long, requires = "api", value_name = "URL")]
    pub(crate) api_share_page: Option<String>,
    /// With --api: a bearer token and the drive that it is of
    #[arg(
        id = "api_token",
        long = "api-token",
        requires = "api",
        env = "HOLDALL_API_TOKENS",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = token,
        value_name = "TOKEN=DRIVE"
    )]
    pub(crate) api_tokens: Vec<(String, String)>,
    /// With --api: a drive whose owner is an administrator
    #[arg(id = "api_administrator", long = "api-administrator", requires = "api", value_name = "NAME")]
    pub(crate) api_administrators: Vec<String>,
    /// With --api: what its URLs begin with; by default the address
    #[arg(long, requires = "api", value_name = "URL")]
    pub(crate) api_site: Option<String>,
    /// With --api: of what content a PDS client may prove to have it instead of sending it
    #[arg(long, requires = "api", value_enum, default_value_t, value_name = "WHERE")]
    pub(crate) api_rapid: Rapid,
}

/// Of what content a PDS client may prove to have it.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum Rapid {
    /// Of none
    Off,
    /// Of what its own drive has
    #[default]
    Drive,
    /// Of what any drive has, by a proof of many pieces
    Store,
}

/// Reads a token and the drive that it is of.
fn token(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((token, drive)) if token.len() >= 16 && !drive.is_empty() => {
            Ok((token.to_owned(), drive.to_owned()))
        }
        _ => Err("no token of at least 16 characters, '=' and the name of a drive".to_owned()),
    }
}

/// Reads an address to listen on.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not an address; one looks like 127.0.0.1:8420 or [::1]:8420"))
}

/// Reads a duration: a number and `s`, `m`, `h` or `d`.
fn duration(text: &str) -> Result<Duration, String> {
    let told = || format!("{text:?} is not a duration; one looks like 90s, 15m, 1h or 7d");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        _ => return Err(told()),
    };
    let digits = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(told());
    }
    let number: u64 = digits.parse().map_err(|_| told())?;
    Ok(Duration::from_secs(number.checked_mul(unit).ok_or_else(told)?))
}

/// Reads the beginning of a path in a database, and the folder that it is now.
fn map(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.into())),
        _ => Err(format!(
            "{text:?} is not of the form OLD=NEW; one looks like /cloudreve/data/uploads=/srv/uploads"
        )),
    }
}

/// Reads an offset from UTC, hours, or hours and minutes, as minutes.
fn offset_minutes(text: &str) -> Result<i16, String> {
    let told = || format!("{text:?} is no offset; one looks like +08:00, -03 or Z");
    if text == "Z" {
        return Ok(0);
    }
    let (sign, ahead) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(ahead), _) => (1, ahead),
        (_, Some(behind)) => (-1, behind),
        _ => return Err(told()),
    };
    let (hours, minutes) = ahead.split_once(':').unwrap_or((ahead, "00"));
    let two = |digits: &str, under: i16| {
        let is_two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|number: &i16| is_two && *number < under).ok_or_else(told)
    };
    Ok(sign * (two(hours, 24)? * 60 + two(minutes, 60)?))
}

/// Reads a network: an address, or an address and the length of its prefix.
fn network(text: &str) -> Result<Network, String> {
    let told = || format!("{text:?} is not a network; one looks like 192.0.2.0/24 or 192.0.2.7");
    match text.split_once('/') {
        Some((address, prefix)) => {
            let address = address.parse().map_err(|_| told())?;
            Network::new(address, prefix.parse().map_err(|_| told())?).map_err(|error| error.to_string())
        }
        None => Ok(Network::host(text.parse().map_err(|_| told())?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_from_utc_is_minutes() {
        for (text, minutes) in [("Z", 0), ("+08:00", 480), ("-03", -180), ("+05:45", 345), ("-23:59", -1439)]
        {
            assert_eq!(offset_minutes(text), Ok(minutes), "{text}");
        }
        for text in ["", "+", "8", "+8", "+24", "+08:60", "+08:0", "CET", "+-8:00", "+08:00:00"] {
            assert!(offset_minutes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_grammar_holds_together() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn t5_no_duration_overflows() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
        for text in
            ["", "s", "1", "1w", "-1s", "+1s", "1.5h", "99999999999999999999s", "18446744073709551615d"]
        {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_network_is_an_address_with_or_without_a_prefix() {
        assert_eq!(network("192.0.2.0/24").unwrap().to_string(), "192.0.2.0/24");
        assert_eq!(network("::1").unwrap().prefix(), 128);
        for text in ["", "192.0.2", "192.0.2.0/33", "192.0.2.0/-1", "/24"] {
            assert!(network(text).is_err(), "{text:?}");
        }
    }
}
