//! The command line's grammar.

mod import;
mod serve;
mod value;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use holdall::token::Network;
use holdall::{CrossOrigin, FileId, LinkId, ShareId, Time, VersionId};

pub(crate) use import::{Cloudreve, Import};
pub(crate) use serve::{Rapid, Serve};
use value::{duration, network, offset_minutes, time};

/// Stores files and all their versions, and makes download URLs for them.
///
/// The exit code is 0 on success, or the kind of error: 1 invalid argument, 2 not found, 3 exists,
/// 4 denied, 5 expired, 6 range not satisfiable, 7 mismatch, 8 too large, 9 locked, 10 corrupt,
/// 11 input or output, 12 poisoned, 13 unsupported, 14 a defect in holdall, 15 gone, 16 forked,
/// 17 read-only. It is 23 if `put` skipped files that it could not read.
#[derive(Debug, Parser)]
#[command(name = "holdall", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Store")]
pub(crate) struct Global {
    /// The directory of the store, or the address of its database: postgres://USER@HOST/DATABASE?contents=s3://BUCKET
    #[arg(long, global = true, env = "HOLDALL_STORE", value_name = "DIR", hide_env_values = true)]
    pub(crate) store: Option<PathBuf>,
    /// The drive in which paths are looked up
    #[arg(long, global = true, env = "HOLDALL_DRIVE", default_value = "main", value_name = "NAME")]
    pub(crate) drive: String,
    /// The base URL: what every URL begins with
    #[arg(long, global = true, env = "HOLDALL_BASE_URL", default_value = "/", value_name = "URL")]
    pub(crate) base_url: String,
    /// Print the result as one JSON value
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Open the store in exclusive mode: faster, but fails while another process has it open
    #[arg(long, global = true)]
    pub(crate) exclusive: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Store files and folders
    Put(Put),
    /// Write the content of a file to a file or to standard output
    Get(Get),
    /// List a folder
    Ls(Ls),
    /// Create a folder and its parents
    Mkdir { path: String },
    /// Move or rename a file or folder
    Mv {
        from: String,
        to: String,
        /// Replace an existing file
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
    /// Move a file or folder to the trash, or delete it permanently
    Rm(Rm),
    /// Restore a file or folder from the trash; with --from, a whole store that `holdall ship` shipped
    Restore {
        /// Its id, as `holdall trash` prints it
        #[arg(required_unless_present = "from")]
        file: Option<FileId>,
        /// Where to restore it [default: its old path]
        #[arg(long, value_name = "PATH")]
        to: Option<String>,
        /// Make the store of --store, a directory that is new or empty, from what was shipped to this address
        #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["file", "to"])]
        from: Option<String>,
        /// With --from: as it was then, such as 2026-11-28T09:30:00Z [default: the newest]
        #[arg(long, value_parser = time, value_name = "TIME", requires = "from")]
        at: Option<Time>,
    },
    /// List or empty the trash
    Trash {
        /// Permanently delete what is in the trash
        #[arg(long)]
        empty: bool,
        /// With --empty: only what was trashed at least this long ago, such as 30d
        #[arg(long, value_parser = duration, requires = "empty", value_name = "AGE")]
        older: Option<Duration>,
    },
    /// List the versions of a file, newest first
    Versions { path: String },
    /// Make a version the current one of its file
    Current { version: VersionId },
    /// Exempt a version from the limit on the number of versions
    Keep {
        version: VersionId,
        /// End the exemption
        #[arg(long)]
        off: bool,
    },
    /// Revoke every URL of a version, file, archive or share
    Revoke {
        /// The id, which begins with v, f, a or s
        id: String,
    },
    /// Make a download URL of a file or a version
    Url(Url),
    /// Show what a URL permits, without using it
    Verify {
        url: String,
        /// Verify it as if a client at this address used it
        #[arg(long, value_name = "ADDRESS")]
        client: Option<IpAddr>,
    },
    /// Make a zip of files and folders: print its URL, or write the zip
    Archive(Archive),
    /// Print the direct link to a file, creating it if there is none
    Link {
        path: String,
        /// Limit downloads to this many bytes per second; 0 is no limit
        #[arg(long, default_value_t = 0, value_name = "BYTES")]
        pace: u64,
    },
    /// List the direct links to a file; with -R, to everything below a folder
    Links(Listed),
    /// Delete a direct link
    Unlink { id: LinkId },
    /// Share a file or folder
    Share(Share),
    /// List the shares of a file or folder; with -R, of everything below it
    Shares(Listed),
    /// Delete a share
    Unshare { id: ShareId },
    /// Visit a share: list it, or make a URL of a file in it
    Visit(Visit),
    /// List, rotate or remove the keys that sign URLs
    Keys {
        #[command(subcommand)]
        act: Option<Keys>,
    },
    /// Check the store for damage; changes nothing, and may run while the store is in use
    Check {
        /// Also read all content and compute its BLAKE3 again, on all cores
        #[arg(long)]
        content: bool,
        /// Also compute SHA-1 and the CRCs of all content again, which takes several times as long
        #[arg(long)]
        digests: bool,
    },
    /// Restore damaged content from sound copies in the store
    Repair {
        /// Rebuild the index from the log; no process may have the store open
        #[arg(long)]
        rebuild: bool,
    },
    /// Remove deleted content whose grace period is over, and compact the log
    Gc {
        /// Set the grace period: how long deleted content is kept, and the longest lifetime of an archive; 0s
        /// frees the space at once, and no archive can be made until it is set again. Content of archives that
        /// were made before is kept until they expire
        #[arg(long, value_parser = duration, value_name = "TIME")]
        grace: Option<Duration>,
    },
    /// Copy the store to a directory; a later backup to it copies only what is new
    Backup { target: PathBuf },
    /// Ship the store to object storage as it changes, until it is stopped
    Ship(Ship),
    /// Move the store, while it is in use, into a database and object storage, or from there to a directory; where it
    /// was, it takes no writes from then on
    Migrate {
        /// The address, as "postgres://...?contents=s3://...", or a directory that is new or empty
        #[arg(value_name = "ADDRESS")]
        to: String,
    },
    /// Show statistics of the store
    Stats,
    /// Import the files of another system into a new store
    Import {
        #[command(subcommand)]
        from: Import,
    },
    /// Serve the store's URLs over HTTP
    Serve(Serve),
    /// Demonstrate the store on a real tree and a large file, and check the results
    Demo,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Ship {
    /// The object storage, as "s3://BUCKET/PREFIX?endpoint=http://10.0.0.5:9000&region=us-east-1"; its keys are in
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    #[arg(value_name = "ADDRESS")]
    pub(crate) to: String,
    /// Ship what is new, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// How often to look for what is new
    #[arg(long, value_parser = duration, value_name = "TIME", default_value = "1s")]
    pub(crate) every: Duration,
    /// How far back the store can be restored
    #[arg(long, value_parser = duration, value_name = "TIME", default_value = "7d")]
    pub(crate) keep: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Put {
    /// The files and folders to store; `-` is standard input
    #[arg(required = true, value_name = "SOURCE")]
    pub(crate) sources: Vec<PathBuf>,
    /// The path to store it at; if it ends in a slash, or with several sources, the folder to store them in
    #[arg(long, value_name = "PATH")]
    pub(crate) to: Option<String>,
    /// The file name for standard input
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The media type [default: guessed from the name]
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    /// Fail if the file exists, instead of adding a version
    #[arg(long)]
    pub(crate) new: bool,
    /// Skip files whose current version has the same length, modification time and execute bit; the content of a
    /// file that was modified just before it was stored is compared as well
    #[arg(long)]
    pub(crate) if_changed: bool,
    /// Print every version that was added
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Get {
    /// The path of the file
    #[arg(required_unless_present = "version")]
    pub(crate) path: Option<String>,
    /// The file to write, replacing an existing one [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Get this version instead of the current one
    #[arg(long, value_name = "ID", conflicts_with = "path")]
    pub(crate) version: Option<VersionId>,
    /// Get only these bytes: FIRST-LAST, FIRST- or -COUNT, counted from 0
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) range: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Ls {
    /// The folder [default: the root]
    #[arg(default_value = "")]
    pub(crate) path: String,
    /// Also show sizes, times and versions
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Include everything below it
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

/// The files whose links or shares are listed.
#[derive(Debug, clap::Args)]
pub(crate) struct Listed {
    /// The file or folder [default: the root]
    #[arg(default_value = "")]
    pub(crate) path: String,
    /// Include everything below it
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Rm {
    #[arg(required_unless_present = "version")]
    pub(crate) path: Option<String>,
    /// Delete it permanently instead of moving it to the trash
    #[arg(long)]
    pub(crate) forever: bool,
    /// Permanently delete this version, which must not be the current one
    #[arg(long, value_name = "ID", conflicts_with = "path")]
    pub(crate) version: Option<VersionId>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Url {
    /// The path of the file
    #[arg(required_unless_present = "version")]
    pub(crate) path: Option<String>,
    /// Make a URL of this version instead of the current one
    #[arg(long, value_name = "ID", conflicts_with = "path")]
    pub(crate) version: Option<VersionId>,
    /// Follow the file: serve the version that is current when the URL is used
    #[arg(long)]
    pub(crate) file: bool,
    /// How long the URL is valid, such as 90s, 15m, 1h or 7d [default: 15m]
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) expires: Option<Duration>,
    /// Make the same URL for all of a time window of this length, so that replies can be cached
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) stable: Option<Duration>,
    /// Make a URL that is valid until it is revoked
    #[arg(long, conflicts_with_all = ["expires", "stable"])]
    pub(crate) never: bool,
    /// Let browsers display the file, if its type is harmless
    #[arg(long)]
    pub(crate) inline: bool,
    /// The file name of the download
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The media type to serve it as
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    /// Allow this many downloads. Ranges, retries and resumed transfers of one client within 24 hours count as one, up
    /// to four times the length of the content
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_uses: Option<u32>,
    /// Allow this many requests, counting each range and retry: for secrets
    #[arg(long, value_name = "COUNT", conflicts_with = "max_uses")]
    pub(crate) max_requests: Option<u32>,
    /// The pages that may embed it, or the origins whose scripts may read it: same-origin, same-site, cross-origin,
    /// "https://a.example https://b.example", or * for all
    #[arg(long, value_name = "POLICY")]
    pub(crate) cross_origin: Option<CrossOrigin>,
    /// Allow only clients in this network, such as 192.0.2.0/24
    #[arg(long, value_parser = network)]
    pub(crate) network: Option<Network>,
    /// Limit the download to this many bytes per second
    #[arg(long, value_name = "BYTES")]
    pub(crate) pace: Option<u64>,
    /// Make a URL in the form of Cloudreve v4
    #[arg(long)]
    pub(crate) cloudreve: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Archive {
    /// The files and folders; with --share, paths in the share [default: all of it]. FOLDER/. stands for what is in
    /// a folder, without the name of the folder
    #[arg(required_unless_present = "share", value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// Make it as a visitor of this share, which counts a download
    #[arg(long, value_name = "ID")]
    pub(crate) share: Option<ShareId>,
    #[command(flatten)]
    pub(crate) password: Password,
    /// The file name of the download
    #[arg(long, default_value = "archive.zip")]
    pub(crate) name: String,
    /// How long the URL is valid, such as 1h [default: 15m]
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) expires: Option<Duration>,
    /// The offset from UTC of the recipients, such as +08:00, for programs that show the zip's local time, such as
    /// Windows Explorer [default: UTC]
    #[arg(long, value_parser = offset_minutes, allow_hyphen_values = true, value_name = "OFFSET")]
    pub(crate) utc_offset: Option<i16>,
    /// Write the zip to this file, replacing an existing one; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// With -o: compress the files
    #[arg(long, requires = "output")]
    pub(crate) deflate: bool,
    /// Make a URL in the form of Cloudreve v4
    #[arg(long, conflicts_with = "output")]
    pub(crate) cloudreve: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Share {
    pub(crate) path: String,
    #[command(flatten)]
    pub(crate) password: Password,
    /// End the share after this time, such as 7d
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) expires: Option<Duration>,
    /// End the share after this many downloads
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_downloads: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Visit {
    pub(crate) id: ShareId,
    /// Make a URL of the file at this path in the share (`.` is the shared file itself), or list the
    /// folder there [default: describe the share]
    pub(crate) path: Option<String>,
    #[command(flatten)]
    pub(crate) password: Password,
}

/// The password of a share.
#[derive(Debug, clap::Args)]
pub(crate) struct Password {
    /// The password of the share; other users of the machine can see it in the process list
    #[arg(long)]
    pub(crate) password: Option<String>,
    /// Read the password of the share from the first line of a file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// List the ids of the keys
    List,
    /// Add a new key, which signs from now on; older keys still verify
    Rotate,
    /// Remove a key, which invalidates all URLs that it signed
    Remove { id: u16 },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
