//! An embedded storage engine for the files a web server keeps and hands out: SQLite for uploads and
//! their download URLs.
//!
//! A [`Store`] is a directory on a local disk. It holds [`Drive`]s, which are named trees of files; each
//! file has versions, and equal content is stored once, addressed by its BLAKE3. The store signs download
//! URLs that expire, and answers the requests for them itself, as a [`Reply`] that your server sends:
//! status, headers, and a body of exact length, right to the byte for ranges and conditions. Zip archives
//! are such bodies too, planned without reading content.
//!
//! It is a library: it opens no port, runs no thread in the background and has no users. Who may do what is
//! for your server to decide.
//!
//! ```
//! use std::time::Duration;
//!
//! use holdall::{Options, Put, Request, Store};
//!
//! # let dir = std::env::temp_dir().join(format!("holdall-front-page-{}", std::process::id()));
//! let store = Store::open(&dir, Options::new())?;
//! let alice = store.drive("alice")?;
//! let version = alice.put("notes/today.txt", &b"hello, world"[..], Put::new())?;
//!
//! let url = store.url(&version).expires_in(Duration::from_secs(3600)).attachment("Today.txt").sign()?;
//! let reply = store.serve(&Request::get(&url).range("bytes=7-"))?;
//! assert_eq!(reply.status, 206);
//! assert_eq!(reply.header("Content-Range"), Some("bytes 7-11/12"));
//! assert_eq!(reply.body.to_vec(100)?, b"world");
//!
//! let zip = alice.archive(["notes"])?.name("notes.zip").sign()?;
//! let reply = store.serve(&Request::head(&zip))?;
//! assert!(reply.header("Content-Length").is_some(), "known before a byte is read");
//! store.close()?;
//! # std::fs::remove_dir_all(&dir).unwrap();
//! # Ok::<(), holdall::Error>(())
//! ```
//!
//! # Where to begin
//!
//! | to | see |
//! |---|---|
//! | open a store, check, repair, back up | [`Store`], [`Options`] |
//! | put, list, move, trash and restore files | [`Drive`], [`Put`], [`PutWriter`] |
//! | sign a URL | [`Store::url`], [`Drive::url`], [`Url`] |
//! | answer a request | [`Store::serve`], [`Request`], [`Reply`], [`body`] |
//! | make a zip archive | [`Drive::archive`], [`Archive`] |
//! | hand out links and shares | [`Drive::link`], [`Drive::share`], [`Visit`] |
//! | speak the APIs of Cloudreve and PDS | [`Api`], [`Caller`] |
//!
//! # What it guarantees
//!
//! - **Acknowledged is durable.** When a put returns, its content and its name survive power loss. What was
//!   not acknowledged is wholly there or wholly absent. Changes go through a write-ahead log.
//! - **Many processes** use one store in [`Mode::Shared`], the default; in [`Mode::Exclusive`] one process
//!   has it and commits faster. A store opened before a fork works in the child.
//! - **Served bytes are immutable.** A reply goes on while its file is replaced, deleted or compacted.
//! - **Errors have a kind.** Every call returns [`Error`], whose [`ErrorKind`] has a fixed number and an HTTP
//!   status. Nothing panics on bad input.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `cloudreve` | on | the API of Cloudreve v4, and URLs in its form |
//! | `pds` | on | the API of Alibaba PDS |
//! | `deflate` | on | archives that are compressed, and so have no known length |
//! | `sim` | off | for tests: a disk that loses power, and a clock and randomness from a seed |
//!
//! Calls block; from an async server, run them on a thread for blocking work, or take the crate `holdall-http`. All
//! handles are cheap to clone and safe to use from every thread. Linux is what is tested.
#![cfg_attr(
    not(all(feature = "cloudreve", feature = "pds", feature = "deflate")),
    // What only the formats that are left out call has no caller.
    allow(dead_code, unused_imports, unused_variables)
)]
#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)
)]

#[cfg(any(feature = "cloudreve", feature = "pds"))]
mod api;
#[allow(dead_code)]
pub(crate) mod blobs;
pub mod body;
#[allow(dead_code)]
pub(crate) mod catalog;
pub mod digest;
mod engine;
mod error;
pub(crate) mod fork;
pub mod http;
mod id;
#[allow(dead_code)]
pub(crate) mod journal;
mod kind;
#[allow(dead_code)]
pub(crate) mod kv;
#[cfg(feature = "sim")]
pub mod machine;
#[cfg(not(feature = "sim"))]
pub(crate) mod machine;
#[cfg(feature = "sim")]
pub mod mutant;
#[cfg(not(feature = "sim"))]
pub(crate) mod mutant;
pub mod name;
pub(crate) mod random;
pub(crate) mod serve;
mod store;
mod time;
pub mod token;
pub mod vfs;
pub(crate) mod worker;
pub mod zip;

#[cfg(feature = "pds")]
pub use api::PartWriter;
#[cfg(any(feature = "cloudreve", feature = "pds"))]
pub use api::{Api, Caller, Limits, RapidUploads};
pub use catalog::check::Problem;
#[cfg(feature = "sim")]
pub use catalog::codec;
pub use catalog::{
    Alias, CopyVersions, DriveInfo, Expect, FileInfo, LinkInfo, Row, ShareInfo, TrashInfo, VersionInfo,
};
pub use engine::{Dedup, Mode, Options};
pub use error::{Error, ErrorKind, Result};
pub use http::CrossOrigin;
pub use id::{ArchiveId, BlobId, DriveId, FileId, LinkId, ShareId, VersionId};
pub use kind::Kind;
pub use serve::{Grant, Reply, Request};
pub use store::{
    Archive, ArchiveInfo, BackupReport, CheckOptions, CheckReport, CompactReport, Damage, Drive, GcReport,
    Origin, Progress, Put, PutWriter, RebuildReport, RepairReport, Share, Stats, Store, Target, Url, Visit,
    Watch,
};
pub use time::Time;
