//! Writing a large content: as one object, in parts that are on their way side by side while the content
//! still comes in.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use object_store::PutPayload;
use object_store::multipart::PartId;
use object_store::path::Path;

use super::client::{Asked, Backend, failed, within};
use super::outline::{self, CHUNK, ContentOutline, Value};
use super::segment::exists;
use super::write::{self, WriteOutcome};
use super::{ObjectKind, ObjectPool, name};
use crate::blobs::spool::Spooled;
use crate::digest::Digest;
use crate::id::BlobId;
use crate::machine::{self, lock};
use crate::{Error, ErrorKind, Result, fork, tasks};

/// Parts of one length; the next as many are a chunk longer each. 10,000 parts, which is the most that S3
/// takes, are more than 1 TiB so.
const STEP: u64 = 384;
/// Bytes that may be on their way; one part may be longer.
const FLYING: u64 = 64 << 20;
/// How often a part is tried, and the end of an upload.
const TRIES: u32 = 4;
/// How long to wait before the first of the other tries; each waits twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(200);

/// Returns the length of a part: whole chunks, so that each chunk is in one part.
fn part_len(part: u64) -> u64 {
    CHUNK.saturating_mul((part / STEP).saturating_add(1))
}

/// A large content on its way to an object. Dropped before [`LargeUpload::finish`], it leaves nothing.
pub(crate) struct LargeUpload {
    pool: ObjectPool,
    blob: BlobId,
    /// When it began, by [`machine::uptime`].
    began: Duration,
    /// Blocks of the part that is being filled.
    blocks: Vec<Bytes>,
    blocks_len: u64,
    /// Bytes of the parts before.
    sent: u64,
    multipart: Option<MultipartUpload>,
}

impl ObjectPool {
    /// Begins to write the content of a blob.
    pub(crate) fn begin_large(&self, blob: BlobId) -> LargeUpload {
        LargeUpload {
            pool: self.clone(),
            blob,
            began: machine::uptime(),
            blocks: Vec::new(),
            blocks_len: 0,
            sent: 0,
            multipart: None,
        }
    }

    /// Writes a content from the spool as the object of its blob, durably.
    ///
    /// # Errors
    /// As [`LargeUpload::push`] and [`LargeUpload::finish`]; `Io` when the spool cannot be read.
    pub(crate) fn put_large(&self, blob: BlobId, digest: &Digest, spooled: &Spooled) -> Result<()> {
        let mut upload = self.begin_large(blob);
        let mut at = 0;
        while at < digest.len {
            let len = CHUNK.min(digest.len.saturating_sub(at));
            upload.push(spooled.window(at, len)?)?;
            at = at.saturating_add(len);
        }
        upload.finish(digest)
    }
}

impl LargeUpload {
    /// Returns when it began, for [`ObjectPool::is_in_time`].
    pub(crate) fn began(&self) -> Duration {
        self.began
    }

    /// Takes the next bytes; waits while too many are on their way.
    ///
    /// # Errors
    /// `Io` when a part could not be written, `TooLarge` past what one object holds.
    pub(crate) fn push(&mut self, mut bytes: Bytes) -> Result<()> {
        while !bytes.is_empty() {
            let number = self.multipart.as_ref().map_or(0, |multipart| multipart.parts);
            let room = part_len(number).saturating_sub(self.blocks_len);
            if room == 0 {
                // Only now is it sure that this part is not the last.
                self.send()?;
                continue;
            }
            let len = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            self.blocks.push(bytes.split_to(len));
            self.blocks_len = self.blocks_len.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// Ends the content, whose digest this is; the object is durable when this returns.
    ///
    /// # Errors
    /// `Exists` when another content has the blob's id already, as in a database that was restored to an
    /// earlier state; `Mismatch` when the digest is another content's; `Io` when it could not be written, or
    /// nobody knows.
    pub(crate) fn finish(mut self, digest: &Digest) -> Result<()> {
        if self.sent.saturating_add(self.blocks_len) != digest.len {
            return Err(Error::new(ErrorKind::Mismatch, "the digest of another content was given"));
        }
        if self.multipart.is_none() {
            if write::hash(&self.blocks) != digest.blake3 {
                return Err(Error::new(ErrorKind::Mismatch, "the digest of another content was given"));
            }
            let blocks = std::mem::take(&mut self.blocks);
            return self.pool.create(ObjectKind::Content, self.blob.0, blocks, digest.blake3);
        }
        self.send()?;
        let Some(multipart) = &mut self.multipart else { return Err(Error::bug("an upload has no parts")) };
        let (parts, values) = multipart.wait_for_parts()?;
        let outline = ContentOutline {
            store: self.pool.store,
            blob: self.blob,
            len: digest.len,
            blake3: digest.blake3,
            values,
        };
        if !outline.is_sound() {
            return Err(Error::new(ErrorKind::Mismatch, "the digest of another content was given"));
        }
        if multipart.taken {
            // Another content had the id when this one began; or this one, in a try whose answer was lost.
            return match self.pool.outline(self.blob, digest.len)? {
                Some(found) if found.blake3 == digest.blake3 => Ok(()),
                _ => Err(exists(multipart.key.as_ref())),
            };
        }
        self.pool.complete(multipart, parts, &outline)?;
        multipart.completed = true;
        Ok(())
    }

    /// Sends the part that was filled.
    fn send(&mut self) -> Result<()> {
        let pool = &self.pool;
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            None => self.multipart.insert(pool.begin_multipart(self.blob)?),
        };
        multipart.send(pool, self.sent / CHUNK, std::mem::take(&mut self.blocks), self.blocks_len)?;
        self.sent = self.sent.saturating_add(self.blocks_len);
        self.blocks_len = 0;
        Ok(())
    }
}

impl Drop for LargeUpload {
    fn drop(&mut self) {
        let Some(multipart) = self.multipart.as_ref().filter(|multipart| !multipart.completed) else {
            return;
        };
        // In a forked child it is the parent's, which goes on with it.
        if multipart.generation != fork::system_generation() {
            return;
        }
        let (key, id) = (multipart.key.clone(), multipart.id.clone());
        let limit = self.pool.client.options.patience;
        let aborting = self.pool.client.start(|backend| async move {
            if within(limit, backend.multipart().abort_multipart(&key, &id)).await.is_err() {
                tracing::debug!(%key, "an upload in parts was left for the next sweep");
            }
        });
        if aborting.is_err() {
            tracing::debug!("an upload in parts was left for the next sweep");
        }
    }
}

/// An upload in parts, as the server knows it.
struct MultipartUpload {
    generation: u64,
    key: Path,
    id: String,
    /// Whether an object had the key when the upload began.
    taken: bool,
    /// How many parts were handed over.
    parts: u64,
    progress: Arc<PartsProgress>,
    completed: bool,
}

#[derive(Default)]
struct PartsProgress {
    state: Mutex<PartsInFlight>,
    changed: Condvar,
}

/// What is on its way, and what came through.
#[derive(Default)]
struct PartsInFlight {
    bytes: u64,
    parts: u64,
    done: BTreeMap<u64, (PartId, Vec<Value>)>,
    failed: Option<Error>,
}

impl ObjectPool {
    fn begin_multipart(&self, blob: BlobId) -> Result<MultipartUpload> {
        let key = name::path(&self.client.prefix, ObjectKind::Content, blob.0);
        let limit = self.client.options.patience;
        let generation = fork::system_generation();
        let asked = key.clone();
        let (id, found) = self.client.ask(&format!("beginning the object {key}"), |backend| async move {
            let begun = within(limit, backend.multipart().create_multipart(&asked));
            let (id, found) = join(begun, write::look(backend.clone(), asked.clone(), limit)).await;
            Ok((id?, found?))
        })?;
        let (progress, taken) = (Arc::default(), found.is_some());
        Ok(MultipartUpload { generation, key, id, taken, parts: 0, progress, completed: false })
    }

    /// Makes an object of the parts, and writes the outline beside it.
    fn complete(
        &self,
        multipart: &MultipartUpload,
        parts: Vec<PartId>,
        outline: &ContentOutline,
    ) -> Result<()> {
        let (key, id, len) = (multipart.key.clone(), multipart.id.clone(), outline.len);
        let bytes = Bytes::from(outline.encode());
        let hash = blake3::hash(&bytes).into();
        let outline_key = name::path(&self.client.prefix, ObjectKind::Outline, outline.blob.0);
        // Some servers copy the parts when they are given the last of them.
        let limit = self.client.options.time_for(len);
        let (completed, outlined) = self.client.run(|backend| async move {
            let outlined = write::create(backend.clone(), outline_key, vec![bytes], hash, limit);
            join(complete(backend.clone(), key, id, parts, len, limit), outlined).await
        })?;
        let doing = format!("ending the object {}", multipart.key);
        completed.map_err(|cause| failed(&doing, cause))?;
        match outlined.map_err(|cause| failed(&doing, cause))? {
            WriteOutcome::Done => Ok(()),
            WriteOutcome::Other => Err(exists(multipart.key.as_ref())),
        }
    }
}

/// Ends an upload. Whatever is said but "done": the object is there or it is not, and nobody else writes it.
async fn complete(
    backend: Arc<Backend>,
    key: Path,
    id: String,
    parts: Vec<PartId>,
    len: u64,
    limit: Duration,
) -> Asked<()> {
    let mut pause = PAUSE;
    let mut left = TRIES;
    loop {
        left = left.saturating_sub(1);
        let ended = within(limit, backend.multipart().complete_multipart(&key, &id, parts.clone())).await;
        let Err(error) = ended else { return Ok(()) };
        match write::look(backend.clone(), key.clone(), limit).await {
            Ok(Some((found, _))) if found == len => return Ok(()),
            _ if left == 0 => return Err(error),
            _ => tasks::sleep(pause).await,
        }
        pause = pause.saturating_mul(2);
    }
}

impl MultipartUpload {
    /// Hands a part over, whose first chunk has the number `chunk`; waits while too many bytes are on their way.
    fn send(&mut self, pool: &ObjectPool, chunk: u64, blocks: Vec<Bytes>, len: u64) -> Result<()> {
        if self.generation != fork::system_generation() {
            return Err(Error::new(
                ErrorKind::Forked,
                "the put was begun before this process was forked; begin another",
            ));
        }
        let number = self.parts;
        let part = usize::try_from(number).map_err(|_| Error::bug("an upload has too many parts"))?;
        if part >= 10_000 {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the content is longer than 10,000 parts of an object",
            ));
        }
        let progress = self.progress.clone();
        progress.enter(len)?;
        self.parts = number.saturating_add(1);
        let (key, id) = (self.key.clone(), self.id.clone());
        let limit = pool.client.options.time_for(len);
        let started = pool.client.start(|backend| async move {
            let hashed = blocks.clone();
            let values = tasks::blocking(move || values(chunk, &hashed));
            let put = put_part(backend, key, id, part, blocks.into_iter().collect(), limit);
            let (put, values) = join(put, values).await;
            let done = match (put, values) {
                (Ok(part), Some(values)) => Ok((part, values)),
                (Err(cause), _) => Err(failed(&format!("writing part {number} of an object"), cause)),
                (_, None) => Err(Error::bug("hashing a part panicked")),
            };
            progress.leave(number, len, done);
        });
        started.inspect_err(|error| self.progress.leave(number, len, Err(error.again())))
    }

    /// Waits until all parts are there, and returns them and the values of all chunks, in order.
    fn wait_for_parts(&self) -> Result<(Vec<PartId>, Vec<Value>)> {
        let mut state = lock(&self.progress.state);
        while state.parts > 0 && state.failed.is_none() {
            state = machine::wait(&self.progress.changed, &self.progress.state, state);
        }
        state.check()?;
        let (mut parts, mut values) = (Vec::new(), Vec::new());
        for (part, of_part) in std::mem::take(&mut state.done).into_values() {
            parts.push(part);
            values.extend(of_part);
        }
        Ok((parts, values))
    }
}

impl PartsProgress {
    fn enter(&self, len: u64) -> Result<()> {
        let mut state = lock(&self.state);
        while state.failed.is_none() && state.parts > 0 && state.bytes.saturating_add(len) > FLYING {
            state = machine::wait(&self.changed, &self.state, state);
        }
        state.check()?;
        state.bytes = state.bytes.saturating_add(len);
        state.parts = state.parts.saturating_add(1);
        Ok(())
    }

    fn leave(&self, number: u64, len: u64, done: Result<(PartId, Vec<Value>)>) {
        let mut state = lock(&self.state);
        state.bytes = state.bytes.saturating_sub(len);
        state.parts = state.parts.saturating_sub(1);
        match done {
            Ok(done) => drop(state.done.insert(number, done)),
            Err(error) => drop(state.failed.get_or_insert(error)),
        }
        drop(state);
        self.changed.notify_all();
    }
}

impl PartsInFlight {
    fn check(&self) -> Result<()> {
        self.failed.as_ref().map_or(Ok(()), |error| Err(error.again()))
    }
}

/// Sends a part. The same part sent twice is one part.
async fn put_part(
    backend: Arc<Backend>,
    key: Path,
    id: String,
    part: usize,
    payload: PutPayload,
    limit: Duration,
) -> Asked<PartId> {
    let mut pause = PAUSE;
    let mut left = TRIES;
    loop {
        left = left.saturating_sub(1);
        let put = backend.multipart().put_part(&key, &id, part, payload.clone());
        match within(limit, put).await {
            Err(_) if left > 0 => tasks::sleep(pause).await,
            done => return done,
        }
        pause = pause.saturating_mul(2);
    }
}

/// Computes the values of the chunks in a part.
fn values(first: u64, blocks: &[Bytes]) -> Vec<Value> {
    let (mut values, mut chunk, mut chunk_len) = (Vec::new(), Vec::new(), 0_usize);
    let full = usize::try_from(CHUNK).unwrap_or(usize::MAX);
    let mut number = first;
    for block in blocks {
        let mut block = block.as_ref();
        while !block.is_empty() {
            let (now, later) = block.split_at(block.len().min(full.saturating_sub(chunk_len)));
            chunk.push(now);
            chunk_len = chunk_len.saturating_add(now.len());
            block = later;
            if chunk_len == full {
                values.push(outline::value(number, chunk.drain(..)));
                (number, chunk_len) = (number.saturating_add(1), 0);
            }
        }
    }
    if chunk_len > 0 {
        values.push(outline::value(number, chunk));
    }
    values
}
