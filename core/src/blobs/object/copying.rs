//! Large contents from files to objects and back, where no reply is waiting and no cache is wanted.

use std::collections::HashMap;

use bytes::Bytes;

use super::fetch::Fetched;
use super::outline::{self, CHUNK, ContentOutline};
use super::reading::is_sound_head;
use super::write;
use super::{ObjectKind, ObjectPool};
use crate::digest::Digest;
use crate::id::BlobId;
use crate::vfs::VfsFile;
use crate::{Error, Result};

impl ObjectPool {
    /// Writes the content of a blob, which is a file. One that is there and is the same is left.
    ///
    /// # Errors
    /// `Mismatch` when the file is not what the digest says, `Exists` when another content has the blob's id;
    /// `Io` when it could not be read or written.
    pub(crate) fn put_file(
        &self,
        blob: BlobId,
        digest: &Digest,
        file: &dyn VfsFile,
        watch: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        let reading = |cause| Error::io(format!("reading blob {blob}"), cause);
        let mut upload = self.begin_large(blob);
        let mut at = 0;
        while at < digest.len {
            let len = CHUNK.min(digest.len.saturating_sub(at));
            let want = usize::try_from(len).map_err(std::io::Error::other).map_err(reading)?;
            let mut block = vec![0; want];
            file.read_past_cache(at, &mut block).map_err(reading)?;
            at = at.saturating_add(len);
            upload.push(block.into())?;
            watch(len)?;
        }
        upload.finish(digest)
    }

    /// Reads the content of a blob, verified, and hands it over piece by piece, in order. Returns whether there is one.
    ///
    /// # Errors
    /// `Corrupt` when it is not what was written, `Io` when the server cannot be asked; those of `take`.
    pub(crate) fn get_file(
        &self,
        blob: BlobId,
        (len, blake3): (u64, [u8; 32]),
        take: &mut dyn FnMut(u64, &[Bytes]) -> Result<()>,
    ) -> Result<bool> {
        if len <= CHUNK {
            let sound = |fetched: &Fetched| fetched.size == len && *fetched.blake3().as_bytes() == blake3;
            let fetched =
                self.fetch((ObjectKind::Content, blob.0), Some(0..len.saturating_add(1)), &sound)?;
            return fetched.map_or(Ok(false), |fetched| take(0, &fetched.parts).map(|()| true));
        }
        let read = |fetched: &Fetched| {
            let outline = ContentOutline::decode(&fetched.whole())?;
            (outline.len == len && outline.blake3 == blake3 && outline.is_sound()).then_some(outline)
        };
        let found = self.fetch((ObjectKind::Outline, blob.0), None, &|fetched| read(fetched).is_some())?;
        let Some(outline) = found.and_then(|fetched| read(&fetched)) else { return Ok(false) };
        for (index, value) in (0_u64..).zip(outline.values) {
            let start = index.saturating_mul(CHUNK);
            let end = start.saturating_add(CHUNK).min(len);
            let sound = |fetched: &Fetched| {
                let came = outline::value(index, fetched.parts.iter().map(AsRef::as_ref));
                fetched.size == len && came == value
            };
            let chunk = self.fetch((ObjectKind::Content, blob.0), Some(start..end), &sound)?;
            let Some(chunk) = chunk else { return Ok(false) };
            take(start, &chunk.parts)?;
        }
        Ok(true)
    }

    /// Writes a segment as it is, in parts. One that is there and is the same is left.
    ///
    /// # Errors
    /// `Exists` when another has the number, `Io` when it could not be written.
    pub(crate) fn put_segment_as_it_is(&self, number: u32, parts: Vec<Bytes>) -> Result<()> {
        let hash = write::hash(&parts).into();
        self.create(ObjectKind::Segment, number.into(), parts, hash)
    }

    /// Reads a whole segment, each frame of which is sound; None if it does not exist.
    ///
    /// # Errors
    /// `Corrupt` when it is not what was written, `Io` when the server cannot be asked.
    pub(crate) fn get_segment(&self, number: u32) -> Result<Option<Bytes>> {
        let sound = |fetched: &Fetched| is_sound_head(&fetched.whole(), self.store, number, fetched.size);
        let fetched = self.fetch((ObjectKind::Segment, number.into()), None, &sound)?;
        Ok(fetched.map(|fetched| fetched.whole()))
    }

    /// Returns the lengths of all objects of a kind, by their numbers.
    ///
    /// # Errors
    /// `Io` when the server cannot be asked.
    pub(crate) fn lengths(&self, kind: ObjectKind) -> Result<HashMap<u64, u64>> {
        Ok(self.list(kind)?.into_iter().map(|listed| (listed.number, listed.len)).collect())
    }
}
