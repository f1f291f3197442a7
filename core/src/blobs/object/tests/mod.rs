//! The driver over objects in memory, over two servers of different makers, and behind a proxy that fails.

mod cache;
mod faults;
mod proxy;
mod servers;
mod suite;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::memory::InMemory;

use super::{ObjectOptions, ObjectPool};
use crate::blobs::frame::{Frame, FrameKind, SEGMENT_HEADER_LEN, frame_len};
use crate::blobs::pool::BlobSource;
use crate::body::{Body, Source as _};
use crate::catalog::record::Location;
use crate::digest::Digest;
use crate::id::BlobId;
use crate::time::Time;

const STORE: [u8; 16] = [7; 16];

/// Returns options with limits that a test can wait for.
fn options(cache: &Path) -> ObjectOptions {
    ObjectOptions {
        longest_redirect: Duration::from_secs(60),
        patience: Duration::from_secs(2),
        longest_upload: Duration::from_secs(2),
        ..ObjectOptions::new("holdall", cache)
    }
}

/// A pool with its objects in memory.
fn in_memory(cache: &Path) -> (ObjectPool, Arc<InMemory>) {
    let memory = Arc::new(InMemory::new());
    let options = ObjectOptions { memory: Some(memory.clone()), ..options(cache) };
    (ObjectPool::open(STORE, options).unwrap(), memory)
}

/// Makes bytes that are not like those of another seed.
fn content(seed: u64, len: usize) -> Bytes {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out.into()
}

/// Returns the frames of small contents, and where each will be.
fn frames(contents: &[(BlobId, Bytes)]) -> Vec<(Frame, Bytes, u64)> {
    let mut offset = SEGMENT_HEADER_LEN as u64;
    let frame = |(blob, bytes): &(BlobId, Bytes)| {
        let digest = Digest::of(bytes);
        let len = u32::try_from(bytes.len()).unwrap();
        let frame = Frame {
            kind: FrameKind::Blob,
            lsn: 0,
            id: blob.0,
            len,
            crc32: digest.crc32,
            blake3: digest.blake3,
            time: Time(1),
            previous: 0,
        };
        let at = offset;
        offset += frame_len(len.into());
        (frame, bytes.clone(), at)
    };
    contents.iter().map(frame).collect()
}

fn put_segment(pool: &ObjectPool, number: u32, contents: &[(BlobId, Bytes)]) -> crate::Result<Vec<Location>> {
    let frames = frames(contents);
    let parts: Vec<_> = frames.iter().map(|(frame, bytes, _)| (frame.clone(), bytes.clone())).collect();
    pool.put_segment(number, Time(1), &parts)?;
    Ok(frames.iter().map(|(_, _, offset)| Location::Segment { segment: number, offset: *offset }).collect())
}

fn put_large(pool: &ObjectPool, blob: BlobId, bytes: &Bytes) -> crate::Result<()> {
    let mut upload = pool.begin_large(blob);
    for start in (0..bytes.len()).step_by(1 << 20) {
        upload.push(bytes.slice(start..bytes.len().min(start + (1 << 20))))?;
    }
    upload.finish(&Digest::of(bytes))
}

fn open(pool: &ObjectPool, blob: BlobId, location: Location, len: usize) -> BlobSource {
    pool.open_blob(blob, location, u64::try_from(len).unwrap()).unwrap().expect("it is there")
}

fn bytes_of(source: BlobSource) -> crate::Result<Vec<u8>> {
    let len = source.len();
    Body::new(Arc::new(source)).to_vec(len)
}
