//! What keeps a store in order: checking, repairing, collecting, compacting, backing up.

mod backup;
mod backup_rows;
mod check;
mod compact;
mod gc;
mod log_snapshot;
#[cfg(feature = "remote")]
mod migrate;
#[cfg(feature = "s3")]
mod planted;
mod readers;
#[cfg(feature = "remote")]
mod remote;
mod repair;
#[cfg(feature = "s3")]
mod ship;
mod stats;
#[cfg(test)]
mod tests;

pub use backup::BackupReport;
pub use check::{CheckOptions, CheckReport, Damage, Progress, Watch};
pub use compact::CompactReport;
pub use gc::GcReport;
#[cfg(feature = "remote")]
pub use migrate::MigrateReport;
pub use repair::{RebuildReport, RepairReport};
#[cfg(feature = "s3")]
pub use ship::{RestoreReport, ShipReport, Shipper};
pub use stats::Stats;
