//! Reading an object, or a range of one, until all of it is there and is what was written.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{GetOptions, GetRange};

use super::client::{Asked, Backend, failed, is_absent, is_final, within};
use super::write::{hash, hash_attribute};
use super::{ObjectKind, ObjectPool, name};
use crate::{Error, Result};

/// How often an object is read until what came is what was written.
const TRIES: u32 = 3;
/// How long to wait before the first of the other tries; each waits twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(100);

/// What came of an object.
pub(super) struct Fetched {
    /// In order, none empty.
    pub(super) parts: Vec<Bytes>,
    /// The length of the whole object.
    pub(super) size: u64,
    /// The BLAKE3 that the object was written with, in hexadecimal.
    pub(super) hash: Option<String>,
}

impl Fetched {
    pub(super) fn blake3(&self) -> blake3::Hash {
        hash(&self.parts)
    }

    /// Returns the bytes in one piece.
    pub(super) fn whole(&self) -> Bytes {
        match self.parts.as_slice() {
            [only] => only.clone(),
            parts => parts.concat().into(),
        }
    }
}

impl ObjectPool {
    /// Reads what an object has of a range, or all of it; None where there is no object. What `is_sound` does not take
    /// for what was written is read again, since it may have been damaged on the way.
    ///
    /// # Errors
    /// `Corrupt` when it is not what was written, as often as it was read; `Io` when the server cannot be
    /// asked.
    pub(super) fn fetch(
        &self,
        (kind, number): (ObjectKind, u64),
        range: Option<Range<u64>>,
        is_sound: &dyn Fn(&Fetched) -> bool,
    ) -> Result<Option<Fetched>> {
        self.fetch_key(&name::path(&self.client.prefix, kind, number), range, is_sound)
    }

    /// As [`ObjectPool::fetch`], of an object by its key.
    ///
    /// # Errors
    /// As [`ObjectPool::fetch`].
    pub(super) fn fetch_key(
        &self,
        key: &Path,
        range: Option<Range<u64>>,
        is_sound: &dyn Fn(&Fetched) -> bool,
    ) -> Result<Option<Fetched>> {
        let doing = format!("reading the object {key}");
        let limit = self
            .client
            .options
            .time_for(range.as_ref().map_or(0, |range| range.end.saturating_sub(range.start)));
        let mut pause = PAUSE;
        let mut last = None;
        for try_number in 0..TRIES {
            if try_number > 0 {
                crate::machine::pause(pause);
                pause = pause.saturating_mul(2);
            }
            let (asked, range) = (key.clone(), range.clone());
            match self.client.run(|backend| get(backend, asked, range, limit))? {
                Ok(fetched) if is_sound(&fetched) => return Ok(Some(fetched)),
                Ok(_) => last = Some(Error::corrupt(format!("the object {key} is not what was written"))),
                Err(cause) if is_absent(&cause) => return Ok(None),
                Err(cause) if is_final(&cause) => return Err(failed(&doing, cause)),
                Err(cause) => last = Some(failed(&doing, cause)),
            }
        }
        Err(last.unwrap_or_else(|| Error::bug("an object was never asked for")))
    }
}

async fn get(backend: Arc<Backend>, key: Path, range: Option<Range<u64>>, limit: Duration) -> Asked<Fetched> {
    let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
    within(limit, async {
        let got = backend.objects().get_opts(&key, options).await?;
        let hash = got.attributes.get(&hash_attribute()).map(|value| value.to_string());
        let size = got.meta.size;
        let promised = got.range.end.saturating_sub(got.range.start);
        let parts: Vec<Bytes> = got
            .into_stream()
            .try_filter(|part| futures_util::future::ready(!part.is_empty()))
            .try_collect()
            .await?;
        let came: u64 = parts.iter().map(|part| u64::try_from(part.len()).unwrap_or(u64::MAX)).sum();
        if came != promised {
            return Err(object_store::Error::Generic {
                store: "object store",
                source: format!("{came} bytes came of {promised}").into(),
            });
        }
        Ok(Fetched { parts, size, hash })
    })
    .await
}
