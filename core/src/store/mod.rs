//! The store: what a host opens, puts files into and hands URLs of out.

mod alias;
pub(crate) mod archive;
mod archive_open;
pub(crate) mod archive_pick;
pub(crate) mod archive_source;
mod drive;
mod file;
mod grace;
mod handle;
mod key_ring;
pub(crate) mod link;
mod maintenance;
mod origin;
mod placement;
mod put;
mod put_options;
mod registry;
pub(crate) mod share;
pub(crate) mod upload;
pub(crate) mod url;
mod version;

pub use archive::{Archive, ArchiveInfo};
pub use drive::Drive;
pub use handle::{Store, is_address};
#[cfg(feature = "remote")]
pub use maintenance::MigrateReport;
pub use maintenance::{
    BackupReport, CheckOptions, CheckReport, CompactReport, Damage, GcReport, Progress, RebuildReport,
    RepairReport, Stats, Watch,
};
#[cfg(feature = "s3")]
pub use maintenance::{RestoreReport, ShipReport, Shipper};
pub use origin::Origin;
pub use put::PutWriter;
pub use put_options::Put;
pub use share::{Share, Visit};
pub use url::{Target, Url};
