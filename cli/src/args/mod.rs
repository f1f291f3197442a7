//! The command line's grammar.

mod import;
mod serve;
mod value;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use holdall::token::Network;
use holdall::{CrossOrigin, FileId, LinkId, ShareId, VersionId};

pub(crate) use import::{Cloudreve, Import};
pub(crate) use serve::{Rapid, Serve};
use value::{duration, network, offset_minutes};

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
        /// Set how long deleted content stays from now on, and the most that an archive may live. A shorter
        /// time counts when archives that were made before are over
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
