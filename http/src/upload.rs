//! Uploads: what a client sends becomes a version, piece by piece.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};

use bytes::{Buf, Bytes};
use holdall::{Drive, Put, PutWriter, VersionInfo};
use http::Response;
use http_body::Frame;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::body::{Body, lost};
use crate::files::refuse;

/// So many bytes are gathered before a thread takes them.
const BATCH: usize = 512 << 10;

/// A put under way whose content is written from an async task.
///
/// Pieces are gathered, up to 512 KiB, and written by a thread that may wait, while [`write`](Upload::write) waits:
/// so a client sends no faster than the disk writes, and memory is bounded. Between pieces no thread is held, so a
/// slow client costs none. What is dropped without [`commit`](Upload::commit) leaves nothing behind.
pub struct Upload {
    /// None after an error.
    writer: Option<PutWriter>,
    gathered: Vec<Bytes>,
    len: usize,
}

impl Upload {
    /// Begins to put at a path of a drive.
    ///
    /// # Errors
    /// As [`Drive::put_writer`].
    pub async fn begin(drive: &Drive, path: &str, put: Put) -> holdall::Result<Upload> {
        let (drive, path) = (drive.clone(), path.to_owned());
        let writer = blocking(move || drive.put_writer(&path, put)).await?;
        Ok(Upload { writer: Some(writer), gathered: Vec::new(), len: 0 })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// As [`PutWriter::write`]; the upload is over then.
    pub async fn write(&mut self, bytes: Bytes) -> holdall::Result<()> {
        self.len = self.len.saturating_add(bytes.len());
        self.gathered.push(bytes);
        // Many small pieces may keep buffers of the server that are far longer than they are.
        if self.len >= BATCH || self.gathered.len() >= 64 {
            let writer = self.flush()?;
            self.writer = Some(blocking(writer).await?);
        }
        Ok(())
    }

    /// Makes what was written a version, durably.
    ///
    /// # Errors
    /// As [`PutWriter::commit`].
    pub async fn commit(mut self) -> holdall::Result<VersionInfo> {
        let writer = self.flush()?;
        blocking(move || writer()?.commit()).await
    }

    /// Returns what writes all that was gathered.
    fn flush(&mut self) -> holdall::Result<impl FnOnce() -> holdall::Result<PutWriter> + Send + 'static> {
        let ended = || {
            holdall::Error::new(holdall::ErrorKind::InvalidArgument, "the upload failed before; begin anew")
        };
        let mut writer = self.writer.take().ok_or_else(ended)?;
        let gathered = std::mem::take(&mut self.gathered);
        self.len = 0;
        Ok(move || {
            for piece in gathered {
                writer.write(&piece)?;
            }
            Ok(writer)
        })
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("gathered", &self.len).finish_non_exhaustive()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // To remove what was spooled waits for the disk.
        if let (Some(writer), Ok(runtime)) = (self.writer.take(), Handle::try_current()) {
            runtime.spawn_blocking(move || drop(writer));
        }
    }
}

/// Runs what may wait for the disk, such as signing a URL or listing a folder, where it keeps no task waiting.
///
/// # Errors
/// Those of `work`.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> holdall::Result<T> + Send + 'static,
) -> holdall::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(lost(error)))
}

/// Puts a whole body at a path of a drive: what a raw `PUT` or `POST` sends. Of a body that breaks off nothing is
/// stored. A length that is known is the length that must come.
///
/// # Errors
/// [`PutError::Store`] as [`PutWriter`] says; [`PutError::Body`] when the body broke off.
pub async fn put<B>(drive: &Drive, path: &str, put: Put, body: B) -> Result<VersionInfo, PutError>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let put = match body.size_hint().exact() {
        Some(len) => put.len(len),
        None => put,
    };
    let mut body = pin!(body);
    let mut upload = Upload::begin(drive, path, put).await?;
    while let Some(bytes) = next(body.as_mut()).await? {
        upload.write(bytes).await?;
    }
    Ok(upload.commit().await?)
}

/// Waits for the next bytes of a body, which are not none; `None` is its end.
pub(crate) async fn next<B>(mut body: Pin<&mut B>) -> Result<Option<Bytes>, PutError>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    loop {
        let read = |frame: Option<Result<Frame<B::Data>, B::Error>>| {
            frame.map(|frame| frame.map_err(|error| PutError::Body(error.into())))
        };
        let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context).map(read)).await else {
            return Ok(None);
        };
        match frame?.into_data() {
            Ok(mut data) if data.has_remaining() => return Ok(Some(data.copy_to_bytes(data.remaining()))),
            // Trailers, or a frame of nothing.
            _ => {}
        }
    }
}

/// Why a body was not put.
#[derive(Debug)]
pub enum PutError {
    /// The store refused it, or failed.
    Store(holdall::Error),
    /// It broke off.
    Body(Box<dyn StdError + Send + Sync>),
}

impl PutError {
    /// Makes the response that tells the client: 400 for a body that broke off.
    pub fn response(&self) -> Response<Body> {
        match self {
            PutError::Store(error) => refuse(error),
            PutError::Body(error) => {
                refuse(&holdall::Error::new(holdall::ErrorKind::InvalidArgument, error.to_string()))
            }
        }
    }
}

impl From<holdall::Error> for PutError {
    fn from(error: holdall::Error) -> PutError {
        PutError::Store(error)
    }
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PutError::Store(error) => error.fmt(f),
            PutError::Body(error) => write!(f, "the body broke off: {error}"),
        }
    }
}

impl StdError for PutError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            PutError::Store(error) => error.source(),
            PutError::Body(error) => Some(&**error),
        }
    }
}
