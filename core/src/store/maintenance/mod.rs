//! What keeps a store in order: checking, repairing, collecting, compacting, backing up.

mod backup;
mod backup_rows;
mod check;
mod compact;
mod gc;
mod log_snapshot;
mod readers;
#[cfg(feature = "remote")]
mod remote;
mod repair;
mod stats;
#[cfg(test)]
mod tests;

pub use backup::BackupReport;
pub use check::{CheckOptions, CheckReport, Damage, Progress, Watch};
pub use compact::CompactReport;
pub use gc::GcReport;
pub use repair::{RebuildReport, RepairReport};
pub use stats::Stats;
