//! The body of a response.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use holdall::body::Segments;
use http_body::{Frame, SizeHint};
use rustix::io::{ReadWriteFlags, preadv2};
use tokio::task::{JoinHandle, spawn_blocking};

/// What is read ahead at a time, in bytes.
const PIECE: u64 = 1 << 20;
/// Bodies of at most so many bytes are read at once.
const SMALL: u64 = 64 << 10;
/// A byte of each page is read before a window on a map is handed on.
const PAGE: usize = 4096;

/// The body of a response: bytes of an exact length, which is its size hint.
///
/// It must be polled in a tokio runtime. An error is that the content cannot be read: the transfer is then to be
/// broken off.
#[derive(Debug)]
pub struct Body {
    next: Next,
    left: u64,
}

#[derive(Debug)]
enum Next {
    /// Nothing more comes.
    End,
    /// All of it is here.
    Ready(Bytes),
    /// Not begun.
    Waiting(Box<Segments>),
    /// A thread reads the next piece.
    Reading(JoinHandle<Read>),
}

/// A piece, and what comes after it.
type Read = (Box<Segments>, holdall::Result<Bytes>);

impl Body {
    /// Makes a body of a reply's; what is small and at hand is read now.
    pub fn new(body: holdall::body::Body) -> Body {
        let left = body.len();
        let next = match at_hand(&body) {
            _ if left == 0 => Next::End,
            Some(bytes) => Next::Ready(bytes),
            None => Next::Waiting(Box::new(body.segments_of(PIECE))),
        };
        Body { next, left }
    }

    /// Makes a body on a thread that may wait: what is small is read now, whatever that takes.
    pub(crate) fn prepare(body: holdall::body::Body) -> holdall::Result<Body> {
        if body.len() > SMALL {
            return Ok(Body::new(body));
        }
        let (left, bytes) = (body.len(), Bytes::from(body.to_vec(SMALL)?));
        Ok(Body { next: if left == 0 { Next::End } else { Next::Ready(bytes) }, left })
    }

    /// Returns how many bytes are still to come.
    pub fn len(&self) -> u64 {
        self.left
    }

    /// Returns whether none are.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Gives a piece out, and has the next one read.
    fn give(
        &mut self,
        segments: Box<Segments>,
        bytes: Bytes,
    ) -> Poll<Option<Result<Frame<Bytes>, holdall::Error>>> {
        self.left = self.left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.next = if self.left == 0 { Next::End } else { read(segments) };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = holdall::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, holdall::Error>>> {
        loop {
            match &mut self.next {
                Next::End => return Poll::Ready(None),
                Next::Ready(_) => {
                    let Next::Ready(bytes) = std::mem::replace(&mut self.next, Next::End) else { continue };
                    self.left = 0;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Next::Waiting(_) => {
                    let Next::Waiting(segments) = std::mem::replace(&mut self.next, Next::End) else {
                        continue;
                    };
                    self.next = read(segments);
                }
                Next::Reading(reading) => {
                    let read = ready!(Pin::new(reading).poll(context));
                    self.next = Next::End;
                    return match read {
                        Ok((segments, Ok(bytes))) => self.give(segments, bytes),
                        Ok((_, Err(error))) => Poll::Ready(Some(Err(error))),
                        Err(error) => Poll::Ready(Some(Err(lost(error)))),
                    };
                }
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

/// Has the next piece read by a thread that may wait.
fn read(mut segments: Box<Segments>) -> Next {
    Next::Reading(spawn_blocking(move || {
        let read = match segments.next() {
            Some(segment) => segment.map(|segment| {
                touch(&segment.data);
                segment.data
            }),
            None => Err(broken("a body ended before its length", io::ErrorKind::UnexpectedEof.into())),
        };
        (segments, read)
    }))
}

/// Reads a byte of each page, so that whoever sends them does not wait for the disk.
fn touch(bytes: &[u8]) {
    for byte in bytes.iter().step_by(PAGE) {
        std::hint::black_box(*byte);
    }
}

/// Returns a small body that the system has in memory; `None` where to read it would wait, or fail.
fn at_hand(body: &holdall::body::Body) -> Option<Bytes> {
    let len = body.len();
    if len == 0 || len > SMALL {
        return None;
    }
    match body.file_range(0, len).ok()? {
        Some((range, whole)) if whole == len => {
            let mut bytes = vec![0; usize::try_from(len).ok()?];
            let read = preadv2(
                &*range.file,
                &mut [IoSliceMut::new(&mut bytes)],
                range.offset,
                ReadWriteFlags::NOWAIT,
            );
            (read.ok()? == bytes.len()).then(|| Bytes::from(bytes))
        }
        Some(_) => None,
        // In no file, so in memory, where it is one run; a body of several pieces may lead to files further on.
        None => body.segment(0, len).ok().filter(|run| run.data.len() as u64 == len).map(|run| run.data),
    }
}

/// The error of a task that gave no result: its runtime is ending.
pub(crate) fn lost(error: tokio::task::JoinError) -> holdall::Error {
    broken("work for the store did not end", io::Error::other(error))
}

pub(crate) fn broken(what: &str, cause: io::Error) -> holdall::Error {
    holdall::Error::with_source(holdall::ErrorKind::Io, what, cause)
}
