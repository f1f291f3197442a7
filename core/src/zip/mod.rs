//! Archives: a stored zip as a body, planned without touching a byte of content. Pure.
//!
//! Because the length and the CRC-32 of every member are known before the archive is made, every
//! header can be computed from the plan alone. So the archive has an exact length and a strong
//! ETag, and any range of it can be produced on its own. Section numbers in this module are those
//! of PKWARE's APPNOTE.TXT 6.3.10.
//!
//! ```text
//! Entry -> Plan (names made safe, offsets) -> ZipSource (a body::Source)   stored, resumable
//!                                          -> write_deflated              smaller, no length
//! ```

mod case_fold;
#[cfg(feature = "deflate")]
mod deflate;
mod header;
mod member;
mod plan;
mod safe_name;
mod source;
mod starts;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod tests;
mod unique_names;

#[cfg(feature = "deflate")]
pub use deflate::write_deflated;
pub use member::{ArchiveLimits, Entry, Member};
pub use plan::Plan;
pub use safe_name::safe_name;
pub use source::{Contents, ZipSource};
pub use unique_names::Names;

pub use crate::Kind;
