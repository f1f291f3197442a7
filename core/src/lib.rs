#![doc = include_str!("../../README.md")]
#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)
)]

#[allow(dead_code)]
pub mod archive;
#[allow(dead_code)]
pub(crate) mod blobs;
pub mod body;
#[allow(dead_code)]
pub(crate) mod catalog;
#[allow(dead_code)]
pub mod digest;
mod error;
#[allow(dead_code)]
pub(crate) mod fork;
#[allow(dead_code)]
pub mod http;
mod id;
#[allow(dead_code)]
pub(crate) mod journal;
#[allow(dead_code)]
pub(crate) mod kv;
#[allow(dead_code)]
pub(crate) mod name;
mod store;
mod time;
#[allow(dead_code)]
pub mod token;
pub mod vfs;

pub use catalog::check::Problem;
pub use catalog::record::Kind;
pub use catalog::{
    CopyVersions, DriveInfo, Expect, FileInfo, LinkInfo, Row, ShareInfo, TrashInfo, VersionInfo,
};
pub use error::{Error, ErrorKind, Result};
pub use id::{ArchiveId, BlobId, DriveId, FileId, LinkId, ShareId, VersionId};
pub use store::{
    BackupReport, CheckOptions, CheckReport, CompactReport, Damage, Dedup, Drive, GcReport, Mode, Options,
    Progress, Put, PutWriter, RebuildReport, RepairReport, Stats, Store, Watch,
};
pub use time::Time;
