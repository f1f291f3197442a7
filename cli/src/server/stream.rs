//! A body on its way out: frames of an exact total, read ahead by threads that may block.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use holdall::body::{Body, Segments};
use holdall::{Error, Result};
use http_body::{Frame, SizeHint};
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use super::pace::Pace;

/// One reading gathers about so many bytes.
const AHEAD: usize = 1 << 20;
/// Segments shorter than this are copied together, so that an archive of small files does not go
/// out in crumbs.
const CRUMB: usize = 16 << 10;
/// Pages of a mapped file are no smaller than this on any machine.
const PAGE: usize = 4096;

/// What one reading brought, and where the next goes on.
pub(super) struct Run {
    segments: Segments,
    ready: VecDeque<Bytes>,
    failed: Option<Error>,
}

impl Run {
    /// Reads the beginning of a body. May block.
    pub(super) fn begin(body: &Body) -> Run {
        Run { segments: body.segments(), ready: VecDeque::new(), failed: None }.next()
    }

    /// Reads on. May block, which is the point: whoever sends afterwards finds the pages in memory.
    fn next(mut self) -> Run {
        let (mut crumbs, mut len) = (BytesMut::new(), 0);
        while len < AHEAD {
            match self.segments.next() {
                None => break,
                Some(Err(error)) => {
                    self.failed = Some(error);
                    break;
                }
                Some(Ok(segment)) => {
                    let data = segment.data;
                    len += data.len();
                    if data.len() < CRUMB {
                        crumbs.extend_from_slice(&data);
                        continue;
                    }
                    if !crumbs.is_empty() {
                        self.ready.push_back(crumbs.split().freeze());
                    }
                    touch(&data);
                    self.ready.push_back(data);
                }
            }
        }
        if !crumbs.is_empty() {
            self.ready.push_back(crumbs.freeze());
        }
        self
    }

    /// Returns what kept the first byte from being read.
    pub(super) fn error(&self) -> Option<&Error> {
        self.failed.as_ref().filter(|_| self.ready.is_empty())
    }

    fn is_over(&self) -> bool {
        self.failed.is_some() || self.segments.remaining() == 0
    }
}

/// Reads a byte of each page, so that it is in memory.
fn touch(data: &[u8]) {
    for byte in data.iter().step_by(PAGE) {
        std::hint::black_box(*byte);
    }
}

/// The body of a reply as hyper sends it.
pub(super) struct Stream {
    /// Bytes that are still to come.
    left: u64,
    ready: VecDeque<Bytes>,
    next: Next,
    pace: Option<Pace>,
    rest: Option<Pin<Box<Sleep>>>,
}

/// What comes after the bytes that are ready.
enum Next {
    Reading(JoinHandle<Run>),
    Failed(Error),
    Nothing,
}

impl Stream {
    /// Sends a body of `len` bytes whose beginning was read, at so many bytes a second.
    pub(super) fn new(len: u64, begun: Run, pace: Option<u64>) -> Stream {
        let pace = pace.map(|rate| Pace::new(rate, Instant::now()));
        let mut stream = Stream { left: len, ready: VecDeque::new(), next: Next::Nothing, pace, rest: None };
        stream.take(begun);
        stream
    }

    /// Takes what was read, and begins to read what follows.
    fn take(&mut self, mut run: Run) {
        self.ready = std::mem::take(&mut run.ready);
        self.next = match run.failed.take() {
            Some(error) => Next::Failed(error),
            None if run.is_over() => Next::Nothing,
            None => Next::Reading(tokio::task::spawn_blocking(move || run.next())),
        };
    }

    /// Waits until the pace lets more bytes out.
    fn poll_pace(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(pace) = &self.pace else { return Poll::Ready(()) };
        loop {
            if let Some(rest) = &mut self.rest {
                ready!(rest.as_mut().poll(context));
                self.rest = None;
            }
            let wait = pace.wait(Instant::now());
            if wait.is_zero() {
                return Poll::Ready(());
            }
            self.rest = Some(Box::pin(tokio::time::sleep(wait)));
        }
    }

    /// Takes the next bytes off those that are ready, no more than the pace lets out at once.
    fn cut(&mut self) -> Option<Bytes> {
        let mut data = self.ready.pop_front()?;
        if let Some(pace) = &mut self.pace {
            if data.len() > pace.chunk() {
                self.ready.push_front(data.split_off(pace.chunk()));
            }
            pace.sent(data.len(), Instant::now());
        }
        Some(data)
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if !self.ready.is_empty() {
                ready!(self.poll_pace(context));
            }
            if let Some(data) = self.cut() {
                self.left = self.left.saturating_sub(u64::try_from(data.len()).unwrap_or(u64::MAX));
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            match &mut self.next {
                Next::Nothing => return Poll::Ready(None),
                Next::Failed(_) => {
                    if let Next::Failed(error) = std::mem::replace(&mut self.next, Next::Nothing) {
                        // An error is what makes hyper break the connection.
                        eprintln!("holdall: broke off a reply: {error}");
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Next::Reading(reading) => match ready!(Pin::new(reading).poll(context)) {
                    Ok(run) => self.take(run),
                    Err(stopped) => {
                        self.next = Next::Nothing;
                        let error = Error::io("reading ahead of a reply", io::Error::other(stopped));
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
