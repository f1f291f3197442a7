//! Collecting and compacting where contents are objects.
//!
//! The object of a segment that was compacted is removed a while after the rows that spoke of it are gone: other
//! hosts may read through rows that are as old as the staleness allows. What is collected was in no tree for as
//! long as the grace period.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::compact::{CompactReport, Copy, copy};
use crate::blobs::object::{ObjectKind, ObjectPool, SweepReport};
use crate::catalog::record::{BlobRecord, Location, Record};
use crate::catalog::{object, row, segment, table};
use crate::engine::Engine;
use crate::id::BlobId;
use crate::kv::{Read, Scan};
use crate::machine;
use crate::{ErrorKind, Result};

/// How long after its rows an object is removed: longer than hosts let what they read grow old, which is a second
/// unless their addresses say otherwise.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes that are copied at once.
const BATCH_LEN: u64 = 4 << 20;

/// Removes the object of a blob whose rows are gone.
pub(super) fn remove_content(objects: &ObjectPool, id: BlobId) -> Result<()> {
    objects.remove(ObjectKind::Content, id.0)
}

/// Removes objects that no row speaks of and that are older than any upload may be. Before one goes, the rows say
/// so: a process that wrote it and was held up ever since cannot commit any more.
pub(super) fn sweep(engine: &Engine, objects: &ObjectPool) -> Result<SweepReport> {
    let mut report = objects.sweep(ObjectKind::Content, &mut |blobs| {
        let blobs = blobs.to_vec();
        engine.write(move |change| object::sweep_contents(change, &blobs))
    })?;
    let segments = objects.sweep(ObjectKind::Segment, &mut |numbers| {
        let numbers = numbers.to_vec();
        engine.write(move |change| object::sweep_segments(change, &numbers))
    })?;
    let uploads = objects.sweep_uploads()?;
    let marks = objects.sweep_marks()?;
    for more in [segments, uploads, marks] {
        report.objects = report.objects.saturating_add(more.objects);
        report.bytes = report.bytes.saturating_add(more.bytes);
        report.uploads = report.uploads.saturating_add(more.uploads);
        report.failed.extend(more.failed);
    }
    Ok(report)
}

/// Copies what lives out of segments that are more than half dead, and removes them.
pub(super) fn compact(engine: &Engine, objects: &ObjectPool) -> Result<CompactReport> {
    let mut report = CompactReport::default();
    let candidates: BTreeMap<u32, u64> =
        segment::candidates(&engine.reader()?)?.into_iter().map(|(number, row)| (number, row.len)).collect();
    if candidates.is_empty() {
        return Ok(report);
    }
    let mut living = living(engine, &candidates)?;
    let mut emptied = Vec::new();
    for (number, len) in candidates {
        match empty(engine, objects, number, living.remove(&number).unwrap_or_default(), &mut report) {
            Ok(()) => emptied.push((number, len)),
            Err(error) if error.kind().ends_writing() => return Err(error),
            Err(error) => report.failed.push(error.context(format!("compacting segment {number}"))),
        }
    }
    // Its row goes first: an object that no row speaks of is found by the sweep, should this be cut off.
    let numbers: Vec<u32> = emptied.iter().map(|(number, _)| *number).collect();
    engine.write(move |change| {
        for number in &numbers {
            match segment::remove(change, *number) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        Ok(())
    })?;
    machine::pause(LINGER);
    for (number, len) in emptied {
        match objects.remove(ObjectKind::Segment, number.into()) {
            Ok(()) => {
                report.segments = report.segments.saturating_add(1);
                report.bytes = report.bytes.saturating_add(len);
            }
            Err(error) => report.failed.push(error),
        }
    }
    Ok(report)
}

/// Returns the blobs that are in some segments.
fn living(engine: &Engine, of: &BTreeMap<u32, u64>) -> Result<HashMap<u32, Vec<(BlobId, BlobRecord)>>> {
    let mut living: HashMap<u32, Vec<_>> = HashMap::new();
    engine.reader()?.scan(table::BLOB, row::ALL, false, &mut |key, value| {
        let record = BlobRecord::decode(value)?;
        if let Location::Segment { segment, .. } = record.location
            && of.contains_key(&segment)
        {
            living.entry(segment).or_default().push((BlobId(row::number(key)?), record));
        }
        Ok(Scan::Next)
    })?;
    Ok(living)
}

/// Copies blobs out of a segment.
fn empty(
    engine: &Engine,
    objects: &ObjectPool,
    number: u32,
    living: Vec<(BlobId, BlobRecord)>,
    report: &mut CompactReport,
) -> Result<()> {
    let mut rest = living.as_slice();
    while !rest.is_empty() {
        let (mut count, mut len) = (0, 0_u64);
        for (_, record) in rest {
            if len >= BATCH_LEN {
                break;
            }
            (count, len) = (count + 1, len.saturating_add(record.len));
        }
        let (now, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        let frames: Vec<_> = now.iter().filter_map(|(id, record)| frame(*id, record)).collect();
        // Gone when another compaction was quicker; then the rows say so, and nothing is copied.
        let contents = objects.read_frames(number, &frames)?.unwrap_or_default();
        let copies = now.iter().zip(contents).map(|((id, record), bytes)| Copy {
            id: *id,
            from: record.location,
            bytes,
            digest: record.digest(),
        });
        let copies = copies.collect();
        copy(engine, copies, len, report)?;
        rest = later;
    }
    Ok(())
}

fn frame(id: BlobId, record: &BlobRecord) -> Option<(BlobId, u64, u64)> {
    match record.location {
        Location::Segment { offset, .. } => Some((id, offset, record.len)),
        Location::File => None,
    }
}

/// What a check knows of the objects.
pub(super) struct ObjectLook {
    /// None where the contents are read, which tells more.
    listed: Option<(HashSet<u64>, HashSet<u64>)>,
}

impl ObjectLook {
    /// Lists the objects, unless all their `content` is going to be read.
    pub(super) fn begin(objects: &ObjectPool, content: bool) -> Result<ObjectLook> {
        let listed = match content {
            true => None,
            false => Some((objects.numbers(ObjectKind::Content)?, objects.numbers(ObjectKind::Segment)?)),
        };
        Ok(ObjectLook { listed })
    }

    /// Looks for the content of a blob; returns what is wrong with it, as a sentence.
    ///
    /// # Errors
    /// `Corrupt` when it is not what was stored, `Io` when nobody knows.
    pub(super) fn look(&self, engine: &Engine, id: BlobId, record: &BlobRecord) -> Result<Option<String>> {
        if let Some((contents, segments)) = &self.listed {
            let is_there = match record.location {
                Location::Segment { segment, .. } => segments.contains(&segment.into()),
                Location::File => contents.contains(&id.0),
            };
            return Ok((!is_there).then(|| "its object is missing".to_owned()));
        }
        let Some(source) = engine.pool.open(id, record.location, record.len)? else {
            return Ok(Some("its object is missing".to_owned()));
        };
        let (mut hasher, mut at) = (blake3::Hasher::new(), 0);
        while at < record.len {
            let window = source.window(at, record.len.saturating_sub(at))?;
            hasher.update(&window);
            at = at.saturating_add(u64::try_from(window.len()).unwrap_or(u64::MAX));
        }
        let same = hasher.finalize() == record.blake3;
        Ok((!same).then(|| "its hash is not that of what was stored".to_owned()))
    }
}
