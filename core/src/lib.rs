#![doc = include_str!("../../README.md")]
#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)
)]

mod api;
#[allow(dead_code)]
pub(crate) mod blobs;
pub mod body;
#[allow(dead_code)]
pub(crate) mod catalog;
pub mod digest;
mod error;
pub(crate) mod fork;
pub mod http;
mod id;
#[allow(dead_code)]
pub(crate) mod journal;
mod kind;
#[allow(dead_code)]
pub(crate) mod kv;
pub(crate) mod lane;
#[cfg(feature = "sim")]
pub mod machine;
#[cfg(not(feature = "sim"))]
pub(crate) mod machine;
#[cfg(feature = "sim")]
pub mod mutant;
#[cfg(not(feature = "sim"))]
pub(crate) mod mutant;
pub mod name;
pub(crate) mod serve;
mod store;
mod time;
pub mod token;
pub mod vfs;
pub mod zip;

pub use api::{Api, Caller, Limits};
pub use catalog::check::Problem;
pub use catalog::{
    Alias, CopyVersions, DriveInfo, Expect, FileInfo, LinkInfo, Row, ShareInfo, TrashInfo, VersionInfo,
};
pub use error::{Error, ErrorKind, Result};
pub use id::{ArchiveId, BlobId, DriveId, FileId, LinkId, ShareId, VersionId};
pub use kind::Kind;
pub use serve::{Grant, Reply, Request};
pub use store::{
    Archive, ArchiveInfo, BackupReport, CheckOptions, CheckReport, CompactReport, Damage, Dedup, Drive,
    GcReport, Mode, Options, Progress, Put, PutWriter, RebuildReport, RepairReport, Share, Stats, Store,
    Target, Url, Visit, Watch,
};
pub use time::Time;
