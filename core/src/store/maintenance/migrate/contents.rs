//! Copying segments and large contents.

use std::collections::HashSet;
use std::sync::Arc;

use super::Migration;
use crate::blobs::object::ObjectKind;
use crate::blobs::pool;
use crate::blobs::segment::{self as file, Segment};
use crate::catalog::record::{BlobRecord, Location, Record};
use crate::catalog::{row, segment, table};
use crate::id::BlobId;
use crate::kv::{Read, Scan};
use crate::vfs::{Open, VfsFile};
use crate::{Error, ErrorKind, Result};

/// Bytes of a segment that are mapped at once.
const BLOCK: u64 = 8 << 20;

impl Migration<'_, '_> {
    /// Copies the contents that rows speak of and that are not there yet; open segments only in the last round, since an
    /// object does not grow. Returns how many bytes it copied.
    pub(super) fn copy_contents(&mut self, tx: &impl Read, last: bool) -> Result<u64> {
        let there = self.to.objects.lengths(ObjectKind::Segment)?;
        let mut segments = segment::list(tx)?;
        segments
            .retain(|(number, row)| there.get(&u64::from(*number)) != Some(&row.len) && (last || !row.open));
        for (number, _) in segments.iter().filter(|(number, _)| there.contains_key(&u64::from(*number))) {
            // It was copied while it was open, in a last round that came to no end, and has grown since. Nobody
            // reads it yet.
            self.to.objects.remove(ObjectKind::Segment, u64::from(*number))?;
        }
        let large = self.new_contents(tx, &self.to.objects.numbers(ObjectKind::Content)?)?;
        let new = segments.iter().map(|(_, row)| row.len).chain(large.iter().map(|(_, record)| record.len));
        let new = new.fold(0_u64, u64::saturating_add);
        self.progress.total = self.progress.total.saturating_add(new);
        for (number, row) in segments {
            match self.copy_segment(number, row.len) {
                // Compacted already; its row is the last of it.
                Err(error)
                    if error.kind() == ErrorKind::NotFound && (segment::is_candidate(&row) || !last) => {}
                copied => copied?,
            }
            self.step(row.len)?;
        }
        for (blob, record) in large {
            self.copy_content(blob, &record, last)?;
        }
        Ok(new)
    }

    fn new_contents(&self, tx: &impl Read, there: &HashSet<u64>) -> Result<Vec<(BlobId, BlobRecord)>> {
        let mut new = Vec::new();
        tx.scan(table::BLOB, row::ALL, false, &mut |key, value| {
            let (blob, record) = (row::number(key)?, BlobRecord::decode(value)?);
            if record.location == Location::File && !there.contains(&blob) {
                new.push((BlobId(blob), record));
            }
            Ok(Scan::Next)
        })?;
        Ok(new)
    }

    /// Copies a segment up to `len`, frame for frame sound.
    fn copy_segment(&mut self, number: u32, len: u64) -> Result<()> {
        let path = file::path(number);
        let failed = |cause| Error::io(format!("reading {path}"), cause);
        let source = self.open(&path)?;
        let segment = Segment::of(source.clone(), number)?;
        let segment =
            segment.ok_or_else(|| Error::corrupt(format!("the header of {path} cannot be read")))?;
        let sound = segment.groups(crate::blobs::frame::SEGMENT_HEADER_LEN as u64, &mut |_| Ok(()))?;
        if sound < len {
            return Err(Error::corrupt(format!("{path} is damaged at byte {sound}; repair the store first")));
        }
        let (mut parts, mut at) = (Vec::new(), 0);
        while at < len {
            let want = usize::try_from(BLOCK.min(len - at)).map_err(std::io::Error::other).map_err(failed)?;
            parts.push(source.window(at, want).map_err(failed)?);
            at = at.saturating_add(BLOCK);
        }
        self.to.objects.put_segment_as_it_is(number, parts)?;
        self.report.segments += 1;
        self.report.bytes = self.report.bytes.saturating_add(len);
        Ok(())
    }

    fn copy_content(&mut self, blob: BlobId, record: &BlobRecord, last: bool) -> Result<()> {
        let source = match self.open(&pool::path(blob)) {
            // Collected since; the next round's rows do not speak of it.
            Err(error) if error.kind() == ErrorKind::NotFound && !last => return Ok(()),
            opened => opened?,
        };
        let to = self.to;
        to.objects.put_file(blob, &record.digest(), source.as_ref(), &mut |bytes| self.step(bytes)).map_err(
            |error| match error.kind() {
                ErrorKind::Mismatch => {
                    Error::corrupt(format!("blob {blob} is damaged; repair the store first"))
                }
                _ => error,
            },
        )?;
        self.report.contents += 1;
        self.report.bytes = self.report.bytes.saturating_add(record.len);
        Ok(())
    }

    fn open(&self, path: &str) -> Result<Arc<dyn VfsFile>> {
        self.engine.vfs.open(path, Open::Read).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => Error::not_found(format!("{path} is gone; check the store")),
            _ => Error::io(format!("opening {path}"), cause),
        })
    }
}
