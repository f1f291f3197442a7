//! Writing one object, once.
//!
//! The condition that nothing is there yet spares a request where a try before had come through. It is no
//! lock: after an answer that was lost, the server says of our own object that it exists; 409 says so of one
//! that does not; and after an error nobody knows. So whatever is said but "done" is resolved by reading
//! back what is there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
};

use super::client::{Asked, Backend, is_absent, is_final, within};
use crate::mutant::{self, Mutant};

/// How often an object is tried to be written.
const TRIES: u32 = 5;
/// How long to wait before the first of the other tries; each waits twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of an object that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteOutcome {
    /// It is there, as it was to be.
    Done,
    /// Something else has its name.
    Other,
}

/// Returns the attribute that an object has its BLAKE3 in, in hexadecimal.
pub(super) fn hash_attribute() -> Attribute {
    Attribute::Metadata("holdall-blake3".into())
}

/// Returns the BLAKE3 of bytes in several parts.
pub(super) fn hash(parts: &[Bytes]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// Returns what an object with this hash is written with.
fn attributes(blake3: &[u8; 32]) -> Attributes {
    let text = blake3::Hash::from_bytes(*blake3).to_hex().to_string();
    [(hash_attribute(), text)].into_iter().collect()
}

/// Writes an object that nobody else writes.
pub(super) async fn create(
    backend: Arc<Backend>,
    key: Path,
    parts: Vec<Bytes>,
    blake3: [u8; 32],
    limit: Duration,
) -> Asked<WriteOutcome> {
    let payload: PutPayload = parts.into_iter().collect();
    let len = u64::try_from(payload.content_length()).unwrap_or(u64::MAX);
    let mut pause = PAUSE;
    for left in (0..TRIES).rev() {
        let options =
            PutOptions { mode: PutMode::Create, attributes: attributes(&blake3), ..PutOptions::default() };
        let put = within(limit, backend.objects().put_opts(&key, payload.clone(), options)).await;
        let Err(error) = put else { return Ok(WriteOutcome::Done) };
        if matches!(error, object_store::Error::AlreadyExists { .. })
            && mutant::is_active(Mutant::ExistingIsOurs)
        {
            return Ok(WriteOutcome::Done);
        }
        match within(limit, read_back(backend.objects(), &key, len, &blake3)).await {
            Ok(Some(true)) => return Ok(WriteOutcome::Done),
            Ok(Some(false)) => return Ok(WriteOutcome::Other),
            // Nothing is there, whatever was said: once more.
            Ok(None) | Err(_) if left > 0 && !is_final(&error) => {
                crate::tasks::sleep(pause).await;
                pause = pause.saturating_mul(2);
            }
            Ok(None) | Err(_) => return Err(error),
        }
    }
    Ok(WriteOutcome::Other)
}

/// Returns whether an object is what it was to be; None if it does not exist.
async fn read_back(
    objects: &dyn ObjectStore,
    key: &Path,
    len: u64,
    blake3: &[u8; 32],
) -> Asked<Option<bool>> {
    let got = match objects.get_opts(key, GetOptions::default()).await {
        Err(error) if is_absent(&error) => return Ok(None),
        got => got?,
    };
    if got.meta.size != len {
        return Ok(Some(false));
    }
    Ok(Some(blake3::hash(&got.bytes().await?) == *blake3))
}

/// Returns the length of an object and the hash that it was written with; None if it does not exist.
pub(super) async fn look(
    backend: Arc<Backend>,
    key: Path,
    limit: Duration,
) -> Asked<Option<(u64, Option<String>)>> {
    let options = GetOptions { head: true, ..GetOptions::default() };
    match within(limit, backend.objects().get_opts(&key, options)).await {
        Ok(got) => {
            let hash = got.attributes.get(&hash_attribute()).map(|value| value.to_string());
            Ok(Some((got.meta.size, hash)))
        }
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes an object; one that is not there is none the less gone.
pub(super) async fn remove(backend: Arc<Backend>, key: Path, limit: Duration) -> Asked<()> {
    match within(limit, backend.objects().delete(&key)).await {
        Err(error) if is_absent(&error) => Ok(()),
        removed => removed,
    }
}
