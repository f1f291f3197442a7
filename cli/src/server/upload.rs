//! The body of a request on its way in, read by a thread that may block.

use std::future::poll_fn;
use std::io::{self, Read};
use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::Body;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long a client may send nothing of a body.
const STALLED: Duration = Duration::from_secs(60);

/// Reads a body as its bytes come.
pub(super) struct Upload {
    body: Incoming,
    runtime: Handle,
    ready: Bytes,
}

impl Upload {
    pub(super) fn new(body: Incoming, runtime: Handle) -> Upload {
        Upload { body, runtime, ready: Bytes::new() }
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            let body = &mut self.body;
            let frame =
                async { timeout(STALLED, poll_fn(|context| Pin::new(&mut *body).poll_frame(context))).await };
            match self.runtime.block_on(frame) {
                Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "the client stopped sending")),
                Ok(None) => return Ok(0),
                Ok(Some(Err(cause))) => return Err(io::Error::other(cause)),
                // Trailers are passed over.
                Ok(Some(Ok(frame))) => self.ready = frame.into_data().unwrap_or_default(),
            }
        }
        let len = buffer.len().min(self.ready.len());
        if let Some(to) = buffer.get_mut(..len) {
            self.ready.copy_to_slice(to);
        }
        Ok(len)
    }
}
