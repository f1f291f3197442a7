//! A part of a PDS upload whose body a host hands over piece by piece.

use super::{Api, Format, malformed, pds};
use crate::Result;
use crate::serve::{Reply, Request};

/// Takes the body of a `PUT` of a part piece by piece, for a host that has no thread to spare while it
/// waits for its client. Dropping it without [`PartWriter::finish`] leaves nothing behind.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// use holdall::{Api, Options, Request, Store};
///
/// let api = Api::new(&Store::open(dir.path(), Options::new())?);
/// let request = Request::new("PUT", "/v2/upload/a-token-that-was-not-signed");
/// let mut part = api.part_writer(&request)?.unwrap();
/// assert!(!part.write(b"bytes")?, "the reply is known: no more is taken");
/// assert_eq!(part.finish()?.status, 403);
/// assert!(api.part_writer(&Request::new("POST", "/v2/file/get"))?.is_none());
/// # Ok::<(), holdall::Error>(())
/// ```
pub struct PartWriter(PartState);

enum PartState {
    Taking(Box<pds::Receiver>),
    /// The reply that ended it.
    Ended(Reply),
}

impl PartWriter {
    /// Takes the next bytes. Returns whether more are wanted: when they are not, the reply is known.
    ///
    /// # Errors
    /// As [`Api::answer`]; `Forked` in a child of the process that began the part.
    pub fn write(&mut self, bytes: &[u8]) -> Result<bool> {
        let PartState::Taking(receiver) = &mut self.0 else { return Ok(false) };
        if let Err(stop) = receiver.write(bytes) {
            self.0 = PartState::Ended(pds::refuse(stop)?);
            return Ok(false);
        }
        Ok(true)
    }

    /// Puts the part durably, if it is what the request said, and returns the reply.
    ///
    /// # Errors
    /// As [`PartWriter::write`].
    pub fn finish(self) -> Result<Reply> {
        match self.0 {
            PartState::Taking(receiver) => receiver.finish().or_else(pds::refuse),
            PartState::Ended(reply) => Ok(reply),
        }
    }
}

impl Api {
    /// Begins to take the part that a request puts; None when it puts none, and [`Api::answer`] is to
    /// be called. The request's body is handed to [`PartWriter::write`] then.
    ///
    /// # Errors
    /// As [`Api::answer`]. What the client does wrong is in the reply of [`PartWriter::finish`].
    pub fn part_writer(&self, request: &Request<'_>) -> Result<Option<PartWriter>> {
        self.store.engine()?;
        let Some(Format::Pds(path)) = self.format(request.target) else { return Ok(None) };
        if let Some(refused) = malformed(request) {
            return Ok(Some(PartWriter(PartState::Ended(refused))));
        }
        let Some(begun) = pds::receive(self, request, path) else { return Ok(None) };
        let state = match begun {
            Ok(receiver) => PartState::Taking(Box::new(receiver)),
            Err(stop) => PartState::Ended(pds::refuse(stop)?),
        };
        Ok(Some(PartWriter(state)))
    }
}
