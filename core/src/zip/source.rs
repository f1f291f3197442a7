//! An archive as a source of bytes: any range of the zip, with headers made on demand.

use std::sync::Arc;

use bytes::Bytes;

use super::plan::{Plan, shown};
use crate::body::{Segment, Source};
use crate::{Error, Result};

/// Bytes of headers made in one go, about. Several of these go into one writev.
const BATCH: u64 = 64 << 10;

/// Where the contents of an archive's members come from.
pub trait Contents: Send + Sync + 'static {
    /// Returns the run of bytes of the content `content`, of member `index` of the plan, that starts at `offset`, in bytes, and goes
    /// on for as long as it is contiguous, and not past `offset + limit`. `offset` is below the
    /// size that was planned, `limit` at least 1. The answer to a key never changes.
    ///
    /// # Errors
    /// Whatever keeps the content from being read; the transfer is then broken off.
    fn segment(&self, index: usize, content: u64, offset: u64, limit: u64) -> Result<Segment>;
}

/// A stored zip as a body.
///
/// Holds the plan and the contents; makes headers as they are asked for. A segment costs O(log n) in
/// the number of members, wherever it starts.
#[derive(Clone, Debug)]
pub struct ZipSource<C> {
    plan: Arc<Plan>,
    contents: C,
}

impl<C: Contents> ZipSource<C> {
    /// Makes the body of the planned archive.
    pub fn new(plan: Arc<Plan>, contents: C) -> ZipSource<C> {
        ZipSource { plan, contents }
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Returns where the contents come from.
    #[cfg(test)]
    pub(super) fn contents_for_test(&self) -> &C {
        &self.contents
    }

    /// A local header and those that follow it directly, or a run of content.
    fn member_segment(&self, offset: u64, limit: u64) -> Result<Segment> {
        let index = self.plan.index_at(offset).ok_or_else(|| nobody(offset))?;
        let run = self.plan.run(index).ok_or_else(|| nobody(offset))?;
        if let Some(from) = offset.checked_sub(run.start) {
            return content(&self.contents, &self.plan, index, from, limit);
        }
        let member = self.plan.member(index).ok_or_else(|| nobody(offset))?;
        let within = offset - member.offset;
        let header = run.start - member.offset;
        let wanted = limit.min(BATCH).saturating_add(within);
        let mut bytes = Vec::with_capacity(usize::try_from(header.max(128)).unwrap_or(128));
        self.plan.put_local(&mut bytes, &member);
        let mut empty = member.size == 0;
        let mut next = index + 1;
        while empty && len(&bytes) < wanted {
            let Some(member) = self.plan.member(next) else { break };
            self.plan.put_local(&mut bytes, &member);
            empty = member.size == 0;
            next += 1;
        }
        inline(bytes, within, limit)
    }

    /// Central directory records from `offset` on, and the end records if they are reached.
    fn tail_segment(&self, offset: u64, limit: u64) -> Result<Segment> {
        let position = offset - self.plan.central_offset();
        let wanted = limit.min(BATCH);
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0) + 512);
        if position >= self.plan.central_len() {
            self.plan.put_end(&mut bytes);
            return inline(bytes, position - self.plan.central_len(), limit);
        }
        let (mut index, start) = self
            .plan
            .central_at(position)
            .ok_or_else(|| Error::bug(format!("no record at byte {position} of a central directory")))?;
        let skip = position - start;
        while len(&bytes) < wanted.saturating_add(skip) {
            let Some(member) = self.plan.member(index) else {
                self.plan.put_end(&mut bytes);
                break;
            };
            self.plan.put_central(&mut bytes, &member);
            index += 1;
        }
        inline(bytes, skip, limit)
    }
}

impl<C: Contents> Source for ZipSource<C> {
    fn len(&self) -> u64 {
        self.plan.len()
    }

    fn segment(&self, offset: u64, limit: u64) -> Result<Segment> {
        if offset >= self.plan.len() || limit == 0 {
            return Err(Error::invalid(format!(
                "no segment of {limit} bytes starts at {offset} of an archive of {} bytes",
                self.plan.len()
            )));
        }
        match offset < self.plan.central_offset() {
            true => self.member_segment(offset, limit),
            false => self.tail_segment(offset, limit),
        }
    }
}

/// Returns a run of the content of the member at `index`, neither empty nor over `limit`.
pub(super) fn content(
    contents: &impl Contents,
    plan: &Plan,
    index: usize,
    offset: u64,
    limit: u64,
) -> Result<Segment> {
    let run = plan.run(index).ok_or_else(|| Error::bug("the content of a member beyond an archive"))?;
    // Only where something is wrong: to look at a name costs as much as to find the content.
    let name = || shown(plan.member(index).map_or("", |member| member.name));
    let limit = limit.min(run.size.saturating_sub(offset));
    let mut segment = contents
        .segment(index, run.content, offset, limit)
        .map_err(|error| error.context(format_args!("reading the member {}", name())))?;
    if segment.data.is_empty() {
        return Err(Error::corrupt(format!(
            "the content of the member {} ends after {offset} of {} bytes; check the store",
            name(),
            run.size
        )));
    }
    segment.data.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(segment)
}

fn nobody(offset: u64) -> Error {
    Error::bug(format!("no member at byte {offset} of an archive"))
}

/// Returns `bytes` from `skip` on, `limit` bytes at most.
fn inline(bytes: Vec<u8>, skip: u64, limit: u64) -> Result<Segment> {
    let end = len(&bytes).min(skip.saturating_add(limit));
    match (usize::try_from(skip), usize::try_from(end)) {
        (Ok(skip), Ok(end)) if skip < end => {
            Ok(Segment { data: Bytes::from(bytes).slice(skip..end), file: None })
        }
        _ => Err(Error::bug("a header of an archive is shorter than planned")),
    }
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
