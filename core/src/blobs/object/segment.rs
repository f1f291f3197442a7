//! The small contents of a group: one object, in the format of a segment.

use bytes::Bytes;
use object_store::path::Path;

use super::client::failed;
use super::write::{self, WriteOutcome};
use super::{ObjectKind, ObjectPool, name};
use crate::blobs::frame::{ALIGN_LEN, Frame, SegmentHeader, frame_len};
use crate::random::random;
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// What fills a frame up to the next multiple.
static PAD: [u8; ALIGN_LEN] = [0; ALIGN_LEN];

impl ObjectPool {
    /// Writes the contents of a group as segment `number`, durably: the first frame lies behind the header,
    /// each other one behind the one before. There is no change frame, as the rows are elsewhere.
    ///
    /// # Errors
    /// `Exists` when another segment has the number already, as in a database that was restored to an
    /// earlier state; `Io` when it could not be written, or nobody knows.
    pub(crate) fn put_segment(&self, number: u32, created: Time, frames: &[(Frame, Bytes)]) -> Result<()> {
        let salt = u32::from_le_bytes(random()?);
        let header = SegmentHeader { store: self.store, number, salt, created };
        let mut parts = vec![Bytes::copy_from_slice(&header.encode())];
        let mut previous = 0;
        for (frame, bytes) in frames {
            let (header, crc) = Frame { previous, ..frame.clone() }.encode(salt);
            previous = crc;
            let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let pad = frame_len(len).saturating_sub(len).saturating_sub(header.len() as u64);
            let pad = usize::try_from(pad).ok().and_then(|pad| PAD.get(..pad)).unwrap_or_default();
            parts.extend([Bytes::copy_from_slice(&header), bytes.clone(), Bytes::from_static(pad)]);
        }
        parts.retain(|part| !part.is_empty());
        let hash = write::hash(&parts).into();
        self.create(ObjectKind::Segment, number.into(), parts, hash)
    }

    /// Removes a segment that no row refers to, nor ever will. It is done beside what others do; what fails is left to
    /// the sweep.
    pub(crate) fn discard_segment(&self, number: u32) {
        let key = name::path(&self.client.prefix, ObjectKind::Segment, number.into());
        let limit = self.client.options.patience;
        let started = self.client.start(|backend| async move {
            if let Err(cause) = write::remove(backend, key, limit).await {
                tracing::debug!(%cause, "a segment that was written for nothing is left to the sweep");
            }
        });
        drop(started);
    }

    /// Writes an object of one request.
    pub(super) fn create(
        &self,
        kind: ObjectKind,
        number: u64,
        parts: Vec<Bytes>,
        blake3: [u8; 32],
    ) -> Result<()> {
        self.create_key(name::path(&self.client.prefix, kind, number), parts, blake3)
    }

    /// As [`ObjectPool::create`], by a key.
    pub(super) fn create_key(&self, key: Path, parts: Vec<Bytes>, blake3: [u8; 32]) -> Result<()> {
        let len = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let limit = self.client.options.time_for(u64::try_from(len).unwrap_or(u64::MAX));
        let doing = format!("writing the object {key}");
        let written = self.client.run(|backend| write::create(backend, key.clone(), parts, blake3, limit))?;
        match written.map_err(|cause| failed(&doing, cause))? {
            WriteOutcome::Done => Ok(()),
            WriteOutcome::Other => Err(exists(key.as_ref())),
        }
    }
}

/// Makes the error of a name that something else has.
pub(super) fn exists(key: &str) -> Error {
    Error::new(
        ErrorKind::Exists,
        format!("the object {key} is there and holds something else; write it under another number"),
    )
}
