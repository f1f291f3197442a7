//! What a URL permits, for a host that asks before it serves.

use super::request::Request;
use super::resolve_anew;
use super::route::{self, check_escapes};
use crate::http::Disposition;
use crate::store::Store;
use crate::{Error, ErrorKind, Result};

/// What a verified URL permits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// Length of the content in bytes.
    pub len: u64,
    /// The entity tag of a reply, without quotes.
    pub etag: String,
    /// The name that a download is saved under.
    pub name: String,
    /// The media type of a reply.
    pub media_type: String,
    /// Whether the URL asks for the content to be saved or shown.
    pub disposition: Disposition,
    /// The speed that the URL asks for, in bytes a second.
    pub pace: Option<u64>,
}

impl Store {
    /// Verifies a URL as [`Store::serve`] does, and returns what it permits. Nothing is counted, and
    /// no content is opened: one that is damaged shows when it is served.
    ///
    /// # Errors
    /// `Denied`, `Expired`, `NotFound` and `Gone` when it permits nothing; `Io` and `Corrupt`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # use holdall::{ErrorKind, Options, Put, Request, Store};
    /// # let store = Store::open(dir.path(), Options::new())?;
    /// let v = store.drive("alice")?.put("a.txt", &b"hello"[..], Put::new())?;
    /// let url = store.url(&v).attachment("b.txt").sign()?;
    /// let grant = store.verify(&Request::get(&url))?;
    /// assert_eq!((grant.len, grant.name.as_str()), (5, "b.txt"));
    /// let forged = store.verify(&Request::get("/d/AQAB/b.txt")).unwrap_err();
    /// assert_eq!(forged.kind(), ErrorKind::Denied);
    /// # Ok::<(), holdall::Error>(())
    /// ```
    pub fn verify(&self, request: &Request<'_>) -> Result<Grant> {
        let engine = self.engine()?;
        // `serve` answers 400; what was never a URL of the store permits nothing.
        check_escapes(request.target).map_err(|error| Error::new(ErrorKind::Denied, error.to_string()))?;
        let route = route::parse(&engine.options.base_url, request.target)?;
        let found = resolve_anew(&engine, &route, request)?;
        found.counts.check(&engine, request.now)?;
        let representation = found.representation;
        Ok(Grant {
            len: representation.len,
            etag: representation.etag.clone(),
            name: representation.name.clone(),
            media_type: representation.media_type.clone(),
            disposition: representation.disposition,
            pace: found.pace,
        })
    }
}
