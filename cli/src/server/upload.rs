//! The body of a request on its way in.
//!
//! Bodies are awaited, so that no thread is held while a client makes up its mind: the JSON of a call as a
//! whole, a part of an upload in batches that a thread writes, of which there are fewer at once than the
//! pool has. A body has a deadline as a whole, which every byte that comes puts off: whoever sends a byte a
//! minute is not waited for.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use holdall::{Error, PartWriter, Reply, Result};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

/// How long a body may take whose bytes do not come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many bytes put the deadline off by a second: a modem of 64 kbit/s sends as many.
const RATE: u64 = 8 << 10;

/// Takes a body's frames as they come, until its deadline.
struct Frames {
    body: Incoming,
    deadline: Instant,
}

impl Frames {
    fn new(body: Incoming) -> Frames {
        Frames { body, deadline: after(Instant::now(), PATIENCE) }
    }

    /// Returns the next bytes; none at the end.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let frame = poll_fn(|context| Pin::new(&mut self.body).poll_frame(context));
            let frame = timeout_at(self.deadline, frame).await;
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the client sends too slowly");
            let Some(frame) = frame.map_err(late)? else { return Ok(None) };
            // Trailers are passed over.
            let Ok(data) = frame.map_err(io::Error::other)?.into_data() else { continue };
            if !data.is_empty() {
                self.deadline = put_off(self.deadline, data.len(), Instant::now());
                return Ok(Some(data));
            }
        }
    }
}

/// Returns the deadline after so many bytes came: later by what they may take at [`RATE`], and not
/// later than the patience from now on, so that nobody saves up for a long silence.
fn put_off(deadline: Instant, len: usize, now: Instant) -> Instant {
    let micros = u64::try_from(len).unwrap_or(u64::MAX).saturating_mul(1_000_000) / RATE;
    after(deadline, Duration::from_micros(micros)).min(after(now, PATIENCE))
}

fn after(start: Instant, wait: Duration) -> Instant {
    start.checked_add(wait).unwrap_or(start)
}

/// Awaits a whole body; of one that is longer than `max` bytes, its beginning and one byte more.
///
/// # Errors
/// When the client is too slow, or gone.
pub(super) async fn whole(body: Incoming, max: usize) -> io::Result<Bytes> {
    let (mut frames, mut all) = (Frames::new(body), BytesMut::new());
    while let Some(data) = frames.next().await? {
        all.extend_from_slice(&data);
        if all.len() > max {
            all.truncate(max.saturating_add(1));
            break;
        }
    }
    Ok(all.freeze())
}

/// So many bytes of a part are gathered before a thread writes them.
const BATCH: usize = 256 << 10;
/// So many pieces, each of which may keep a buffer that is longer than it is.
const PIECES: usize = 64;

/// Takes a part of an upload as it comes; none if its client is too slow, or gone.
///
/// # Errors
/// As [`PartWriter::write`].
pub(super) async fn part(mut part: PartWriter, body: Incoming, threads: &Semaphore) -> Result<Option<Reply>> {
    let mut frames = Frames::new(body);
    loop {
        let (mut batch, mut len, mut is_last) = (Vec::new(), 0_usize, false);
        while len < BATCH && batch.len() < PIECES && !is_last {
            match frames.next().await {
                Ok(Some(data)) => {
                    len = len.saturating_add(data.len());
                    batch.push(data);
                }
                Ok(None) => is_last = true,
                Err(_) => {
                    // What was written is removed, which waits for the disk.
                    drop(spawn_blocking(move || drop(part)));
                    return Ok(None);
                }
            }
        }
        let permit = threads.acquire().await;
        let (written, wants) = waited(move || {
            let mut wants = true;
            for data in batch {
                wants = wants && part.write(&data)?;
            }
            Ok((part, wants))
        })
        .await?;
        part = written;
        if is_last || !wants {
            let reply = waited(move || part.finish()).await;
            drop(permit);
            return reply.map(Some);
        }
    }
}

/// Waits for a thread that may block.
pub(super) async fn waited<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let stopped = |cause| Error::io("answering a request", io::Error::other(cause));
    spawn_blocking(work).await.map_err(stopped)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_put_the_deadline_off_at_their_rate_and_by_no_more_than_the_patience() {
        let begun = Instant::now();
        let first = begun + PATIENCE;
        let second = |seconds: u64| begun + Duration::from_secs(seconds);
        assert_eq!(put_off(first, 8 << 10, second(10)), first + Duration::from_secs(1));
        assert!(put_off(first, 1, second(10)) < first + Duration::from_millis(1));
        assert_eq!(put_off(first, 1 << 30, second(10)), second(10) + PATIENCE, "nothing is saved up");
        // One byte a second: over soon after the first patience.
        let (mut deadline, mut now) = (first, begun);
        while now < deadline {
            now += Duration::from_secs(1);
            deadline = put_off(deadline, 1, now);
        }
        assert!(now <= first + Duration::from_secs(1));
    }
}
