//! Group commit: changes of rows and the blobs they speak of become durable together.
//!
//! A group is one append to a segment of [blob frames, one change frame] and one sync; then the
//! rows are committed. The log is the truth, the rows are its index.

pub(crate) mod change;
mod commit;
mod foreign;
mod group;
mod lease;
mod limits;
mod recover;
#[cfg(feature = "remote")]
mod remote;
mod request;
mod sort;
mod tails;
#[cfg(test)]
mod tests;

pub(crate) use commit::Journal;
pub(crate) use foreign::take_foreign_away;
pub(crate) use group::Group;
pub(crate) use limits::GroupLimits;
pub(crate) use recover::{leave_all_but_last, rebuild, recover};
pub(crate) use request::WriteHint;
pub(crate) use tails::void_tails;

pub(crate) use crate::catalog::position::{POSITION, Position};

use crate::Result;
use crate::blobs::frame::SEGMENT_HEADER_LEN;
use crate::catalog::record::SegmentRecord;
use crate::catalog::segment;
use crate::kv::Write;

/// Changes the row of a segment; see [`segment::edit`]. One that is not there yet ends behind its
/// header.
fn edit_segment(tx: &mut impl Write, number: u32, edit: impl FnOnce(&mut SegmentRecord)) -> Result<()> {
    segment::edit(tx, number, |row| {
        row.len = row.len.max(SEGMENT_HEADER_LEN as u64);
        edit(row);
    })
}
