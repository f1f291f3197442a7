//! The body of a request on its way in.
//!
//! The JSON of a call is awaited, so that no thread is held while a client makes up its mind. A part of
//! an upload is read by a thread that may block, and there are fewer of these at once than the pool
//! has threads. A body has a deadline as a whole, which every byte that comes puts off: whoever sends
//! a byte a minute is not waited for.

use std::future::poll_fn;
use std::io::{self, Read};
use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use hyper::body::Incoming;
use tokio::runtime::Handle;
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

/// Reads a body as its bytes come.
pub(super) struct Upload {
    frames: Frames,
    runtime: Handle,
    ready: Bytes,
}

impl Upload {
    pub(super) fn new(body: Incoming, runtime: Handle) -> Upload {
        Upload { frames: Frames::new(body), runtime, ready: Bytes::new() }
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() {
            match self.runtime.block_on(self.frames.next())? {
                Some(data) => self.ready = data,
                None => return Ok(0),
            }
        }
        let len = buffer.len().min(self.ready.len());
        if let Some(to) = buffer.get_mut(..len) {
            self.ready.copy_to_slice(to);
        }
        Ok(len)
    }
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
