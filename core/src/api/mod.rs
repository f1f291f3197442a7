//! The wire formats of two systems that hosts come from: requests in, replies out, both values.
//!
//! | path, under the mount's prefix | format |
//! |---|---|
//! | `api/v4/...` | Cloudreve v4: its file calls, and the routes that its URLs lead to |
//! | `f/...` | Cloudreve v4: direct links |
//! | `s/...` | Cloudreve v4: addresses of shares, where [`Api::share_page`] says what they lead to |
//! | `v2/...` | PDS: its file, revision and recycle bin calls, and the parts of uploads |
//!
//! Who calls is the host's to say: see [`Caller`]. What a client does wrong is a reply in the format
//! that it speaks; what the host must know of is an error.

mod caller;
#[cfg(feature = "cloudreve")]
mod cloudreve;
mod error;
mod mount;
#[cfg(feature = "pds")]
mod part_writer;
#[cfg(feature = "pds")]
mod pds;

use std::io::Read;
use std::sync::Arc;

pub use caller::{Caller, Limits};
pub use mount::RapidUploads;
#[cfg(feature = "pds")]
pub use part_writer::PartWriter;

use crate::serve::{Reply, Request, malformed};
use crate::store::Store;
use crate::{Error, ErrorKind, Result};

use mount::Mount;

/// The most bytes of a JSON body that are read.
const MAX_BODY: u64 = 4 << 20;

/// The wire formats, mounted over a store. Cloning it is cheap, and every thread may use it.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// use holdall::{Api, Caller, Options, Put, Request, Store};
///
/// let store = Store::open(dir.path(), Options::new())?;
/// store.drive("alice")?.put("a.txt", &b"hello"[..], Put::new())?;
/// let api = Api::new(&store).site("https://files.example")?;
/// let request = Request::new("POST", "/api/v4/file/url");
/// let body = br#"{"uris": ["cloudreve://my/a.txt"]}"#;
/// let reply = api.answer(&Caller::of("alice"), &request, &body[..])?;
/// assert_eq!(reply.status, 200);
/// # Ok::<(), holdall::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Api {
    store: Store,
    mount: Arc<Mount>,
}

/// Which format a path is of, and the part of it under that format's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format<'a> {
    Cloudreve(&'a str),
    Link(&'a str),
    Pds(&'a str),
    /// The address of a share.
    Share(&'a str),
}

impl Api {
    /// Mounts the formats at the root of a site that says no address of its own: URLs begin with
    /// their path.
    pub fn new(store: &Store) -> Api {
        Api { store: store.clone(), mount: Arc::default() }
    }

    /// Answers a request of either format, and one for a URL that they handed out.
    ///
    /// JSON is read from `body` up to 4 MiB; the parts of uploads are read as they come.
    ///
    /// # Errors
    /// Only what the host must know of: `Io`, `Corrupt`, `Poisoned`, `Locked`, `Bug`, `Forked`, `ReadOnly`, and
    /// `InvalidArgument` for a store that was closed or a setting that is beyond the store's limits. [`Reply::from_error`] makes replies of them.
    pub fn answer(&self, caller: &Caller, request: &Request<'_>, mut body: impl Read) -> Result<Reply> {
        let body: &mut dyn Read = &mut body;
        if let Some(refused) = malformed(request) {
            return Ok(refused);
        }
        match self.format(request.target) {
            #[cfg(feature = "cloudreve")]
            Some(Format::Cloudreve(path)) => cloudreve::answer(self, caller, request, path, body),
            #[cfg(feature = "cloudreve")]
            Some(Format::Link(path)) => cloudreve::answer_link(self, request, path),
            #[cfg(feature = "cloudreve")]
            Some(Format::Share(path)) => cloudreve::answer_share(self, request, path),
            #[cfg(feature = "pds")]
            Some(Format::Pds(path)) => pds::answer(self, caller, request, path, body),
            _ => {
                let message = "there is nothing at this address";
                Ok(Reply::from_error(&Error::new(ErrorKind::NotFound, message)))
            }
        }
    }

    /// Returns whether a target is at an address of the formats, so that a host may serve what is
    /// not in another way.
    pub fn is_at(&self, target: &str) -> bool {
        match self.format(target) {
            Some(Format::Cloudreve(_) | Format::Link(_) | Format::Share(_)) => cfg!(feature = "cloudreve"),
            Some(Format::Pds(_)) => cfg!(feature = "pds"),
            None => false,
        }
    }

    fn format<'a>(&self, target: &'a str) -> Option<Format<'a>> {
        let path = path_of(target).strip_prefix(self.mount.prefix.as_str())?;
        if let Some(path) = path.strip_prefix("/api/v4") {
            return path.starts_with('/').then_some(Format::Cloudreve(path));
        }
        if let Some(path) = path.strip_prefix("/v2") {
            return path.starts_with('/').then_some(Format::Pds(path));
        }
        if self.mount.share_page.is_some()
            && let Some(path) = path.strip_prefix("/s/")
        {
            return Some(Format::Share(path));
        }
        path.strip_prefix("/f/").map(Format::Link)
    }
}

/// Returns the path of a target, without its host, query and fragment.
fn path_of(target: &str) -> &str {
    let end = target.find(['?', '#']).unwrap_or(target.len());
    let target = target.get(..end).unwrap_or_default();
    match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/")
        }
        _ => target,
    }
}

/// Reads a body whole; none if it is longer than [`MAX_BODY`].
fn read_body(body: &mut dyn Read) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let read = body.take(MAX_BODY + 1).read_to_end(&mut bytes);
    let len = read.map_err(|cause| Error::io("reading the body of a request", cause))?;
    Ok((u64::try_from(len).is_ok_and(|len| len <= MAX_BODY)).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_one_format_or_to_none() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), crate::Options::new()).unwrap();
        let api = Api::new(&store);
        for (target, format) in [
            ("/api/v4/file/url", Some(Format::Cloudreve("/file/url"))),
            ("https://host/api/v4/file/url?x=/v2/", Some(Format::Cloudreve("/file/url"))),
            ("/f/d/x/y", Some(Format::Link("d/x/y"))),
            ("/v2/file/get#a", Some(Format::Pds("/file/get"))),
            ("/api/v40/file/url", None),
            ("/api/v4", None),
            ("/d/token/name", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(api.format(target), format, "{target}");
            assert_eq!(api.is_at(target), format.is_some());
        }
        let api = api.prefix("/files").unwrap();
        assert_eq!(api.format("/files/v2/x"), Some(Format::Pds("/x")));
        assert_eq!(api.format("/v2/x"), None);
    }

    #[test]
    fn t12_a_huge_body_is_not_held() {
        let mut huge = std::io::repeat(b' ');
        assert_eq!(read_body(&mut huge).unwrap(), None);
        let mut fits = std::io::repeat(b' ').take(MAX_BODY);
        assert_eq!(read_body(&mut fits).unwrap().map(|body| body.len() as u64), Some(MAX_BODY));
    }
}
