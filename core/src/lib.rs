//! An embedded storage engine for the files a web server keeps and hands out: SQLite for uploads and
//! their download URLs.
//!
//! A [`Store`] is a directory on a local disk. It holds [`Drive`]s, which are named trees of files. Each
//! file has versions, and equal content is stored once, addressed by its BLAKE3 hash. The store signs
//! download URLs and answers the requests for them with a [`Reply`] that your server sends: a status,
//! headers, and a body of exact length, correct to the byte for ranges and conditions. Zip archives are
//! such bodies too, planned without reading any content.
//!
//! It is a library: it opens no port, runs no background threads and has no users. Who may do what is up to
//! your server.
//!
//! ```
//! use holdall::{Options, Put, Request, Store};
//!
//! # let dir = std::env::temp_dir().join(format!("holdall-front-page-{}", std::process::id()));
//! let store = Store::open(&dir, Options::new())?;
//! let alice = store.drive("alice")?;
//! let version = alice.put("notes/today.txt", &b"hello, world"[..], Put::new())?; // durable now
//! let url = store.url(&version).expires_in(std::time::Duration::from_secs(3600)).sign()?;
//!
//! let reply = store.serve(&Request::get(&url).range("bytes=7-"))?; // for your server to send
//! assert_eq!((reply.status, reply.header("Content-Range")), (206, Some("bytes 7-11/12")));
//! assert_eq!(reply.body.to_vec(100)?, b"world");
//!
//! let zip = alice.archive(["notes"])?.name("notes.zip").sign()?; // a URL of a zip of exact length
//! # assert!(store.serve(&Request::head(&zip))?.header("Content-Length").is_some());
//! # store.close()?;
//! # std::fs::remove_dir_all(&dir).unwrap();
//! # Ok::<(), holdall::Error>(())
//! ```
//!
//! # Where to begin
//!
//! | to | see |
//! |---|---|
//! | open a store | [`Store::open`], [`Options`], [`Mode`] |
//! | put a file | [`Drive::put`], [`Drive::put_many`], [`PutWriter`], [`Put`] |
//! | list, move, trash and restore files | [`Drive`], [`FileInfo`], [`VersionInfo`] |
//! | sign a URL | [`Store::url`], [`Drive::url`], [`Url`] |
//! | answer a request | [`Store::serve`], [`Request`], [`Reply`], [`body::Body`] |
//! | make a zip archive | [`Drive::archive`], [`Archive`] |
//! | hand out direct links and shares | [`Drive::link`], [`Drive::share`], [`Visit`] |
//! | revoke URLs, rotate keys | [`Drive::revoke`], [`Store::rotate_key`] |
//! | check, repair, collect garbage, back up | [`Store::check`], [`Store::repair`], [`Store::gc`], [`Store::backup`] |
//! | ship to object storage, move to a database | `Store::shipper` and `Store::migrate`, by the features below |
//! | answer the APIs of Cloudreve and PDS | [`Api`], [`Caller`] |
//!
//! Calls block. From an async server, make them on a thread for blocking work, or use the crate
//! `holdall-http`, which does that. Handles are cheap to clone and may be used from any thread.
//!
//! # Guarantees
//!
//! - **Acknowledged means durable.** Once a put has returned, its content and its name survive power loss. A
//!   change that was not acknowledged is wholly there or wholly absent.
//! - **Many processes** may use a store in [`Mode::Shared`], the default. In [`Mode::Exclusive`] a single
//!   process has it, and commits faster. A store opened before a fork works in the child.
//! - **Served bytes do not change.** A reply is completed even while its file is replaced, deleted or
//!   compacted.
//! - **Errors have a kind.** Calls return [`Error`], whose [`ErrorKind`] has a fixed number and an HTTP
//!   status. No input makes a call panic.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `cloudreve` | on | the API of Cloudreve v4, and URLs in its form |
//! | `pds` | on | the API of Alibaba PDS |
//! | `deflate` | on | compressed archives, whose length is not known in advance |
//! | `remote` | off | stores whose rows are in a PostgreSQL database and whose contents are in S3-compatible object storage, moving a store there and back, and `s3` |
//! | `s3` | off | shipping a store in a directory to S3-compatible object storage, and restoring it |
//! | `postgres` | off | for tests: the driver for PostgreSQL by itself |
//! | `sim` | off | for tests: a disk that loses power, and a clock and randomness derived from a seed |
//!
//! The tests run on Linux.
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
#[cfg(all(feature = "sim", feature = "remote"))]
pub(crate) mod network;
pub(crate) mod random;
pub(crate) mod serve;
#[cfg(all(feature = "sim", feature = "remote"))]
pub mod simulated;
mod store;
#[cfg(any(feature = "postgres", feature = "s3"))]
pub(crate) mod tasks;
mod time;
#[cfg(any(feature = "postgres", feature = "s3"))]
pub(crate) mod tls;
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
    Alias, AttributeMatch, CopyVersions, DriveInfo, Expect, FileInfo, LinkInfo, Row, ShareInfo, TrashInfo,
    VersionInfo,
};
pub use engine::{Dedup, Mode, Options};
pub use error::{Error, ErrorKind, Result};
pub use http::CrossOrigin;
pub use id::{ArchiveId, BlobId, DriveId, FileId, LinkId, ShareId, VersionId};
pub use kind::Kind;
pub use serve::{Grant, Reply, Request};
#[cfg(feature = "remote")]
pub use store::MigrateReport;
pub use store::{
    Archive, ArchiveInfo, BackupReport, CheckOptions, CheckReport, CompactReport, Damage, Drive, GcReport,
    Origin, Progress, Put, PutWriter, RebuildReport, RepairReport, Share, Stats, Store, Target, Url, Visit,
    Watch, is_address,
};
#[cfg(feature = "s3")]
pub use store::{RestoreReport, ShipReport, Shipper};
pub use time::Time;
