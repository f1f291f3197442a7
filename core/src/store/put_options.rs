//! What is said of content that is put.

use std::collections::BTreeMap;

use crate::catalog::Expect;
use crate::catalog::alias::ForeignVersion;
use crate::catalog::node;
use crate::catalog::put::Details;
use crate::digest::Digest;
use crate::http::valid_media_type;
use crate::name;
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// What is said of content that is put. Everything has a default.
#[derive(Clone, Debug, Default)]
pub struct Put {
    pub(super) media_type: Option<String>,
    pub(super) modified: Option<Time>,
    pub(super) executable: bool,
    pub(super) expect: Expect,
    len: Option<u64>,
    sha1: Option<[u8; 20]>,
    blake3: Option<[u8; 32]>,
    created: Option<Time>,
    attributes: Option<BTreeMap<String, String>>,
    file_created: Option<Time>,
    file_modified: Option<Time>,
    pub(super) alias: Option<u64>,
}

impl Put {
    /// Returns the defaults: the media type by the name, modified now, whatever is at the path.
    pub fn new() -> Put {
        Put::default()
    }

    /// Sets the media type, such as `application/pdf`; by default it follows from the name under which
    /// the content is served, also after a rename.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<String>) -> Put {
        self.media_type = Some(media_type.into());
        self
    }

    /// Sets how old the content is: the `Last-Modified` of a download, the time in an archive.
    #[must_use]
    pub fn modified(mut self, modified: Time) -> Put {
        self.modified = Some(modified);
        self
    }

    /// Sets when the content was made, in place of now: its version has this time, and so has a file that
    /// the put makes.
    #[must_use]
    pub fn created(mut self, created: Time) -> Put {
        self.created = Some(created);
        self
    }

    /// Sets what the host keeps with the file, in place of what it has. Without it, a file that is there
    /// keeps its attributes.
    ///
    /// # Errors
    /// `TooLarge` when names and values are over 64 KiB together.
    pub fn attributes(mut self, attributes: BTreeMap<String, String>) -> Result<Put> {
        node::check_attributes(&attributes)?;
        self.attributes = Some(attributes);
        Ok(self)
    }

    /// Sets when the file, not its content, was made and changed in another system.
    #[must_use]
    pub fn file_times(mut self, created: Option<Time>, modified: Option<Time>) -> Put {
        (self.file_created, self.file_modified) = (created, modified);
        self
    }

    /// Lets another system's id lead to the version too, as [`Store::set_aliases`](crate::Store::set_aliases)
    /// does.
    #[must_use]
    pub fn alias(mut self, foreign: u64) -> Put {
        self.alias = Some(foreign);
        self
    }

    /// Sets whether the content may be run: it has the mode 0755 in an archive then, otherwise 0644.
    #[must_use]
    pub fn executable(mut self, executable: bool) -> Put {
        self.executable = executable;
        self
    }

    /// Sets what must be at the path for the put to go ahead.
    #[must_use]
    pub fn expect(mut self, expect: Expect) -> Put {
        self.expect = expect;
        self
    }

    /// Sets the length that the content must turn out to have, in bytes.
    #[must_use]
    pub fn len(mut self, len: u64) -> Put {
        self.len = Some(len);
        self
    }

    /// Sets the SHA-1 that the content must turn out to have.
    #[must_use]
    pub fn sha1(mut self, sha1: [u8; 20]) -> Put {
        self.sha1 = Some(sha1);
        self
    }

    /// Sets the BLAKE3 that the content must turn out to have.
    #[must_use]
    pub fn blake3(mut self, blake3: [u8; 32]) -> Put {
        self.blake3 = Some(blake3);
        self
    }

    /// Returns what is said beside content, media type and age; aliases are below `first_own`.
    pub(super) fn details(&self, first_own: u64) -> Details<'_> {
        Details {
            created: self.created,
            attributes: self.attributes.as_ref(),
            file_created: self.file_created,
            file_modified: self.file_modified,
            alias: self.alias.map(|id| ForeignVersion { id, first_own }),
        }
    }

    /// Refuses a path or a media type that can never be right, before any content is taken.
    pub(super) fn check_target(&self, path: &str) -> Result<()> {
        if name::split_path(path)?.is_empty() {
            return Err(Error::invalid("the path of a drive's root is given; name something in it"));
        }
        // Without a name, as the uploads of an empty form are, it would make a file of the folder.
        if path.ends_with('/') {
            return Err(Error::invalid(format!(
                "the path {} ends in '/' and is a folder's; give the name of a file in it",
                name::shown(path)
            )));
        }
        match &self.media_type {
            Some(media_type) if !valid_media_type(media_type) => {
                Err(Error::invalid(format!("{} is not a media type", name::shown(media_type))))
            }
            _ => Ok(()),
        }
    }

    /// Refuses content that is not what was declared.
    pub(super) fn check(&self, digest: &Digest) -> Result<()> {
        let mismatch = |what: &str| Err(Error::new(ErrorKind::Mismatch, what));
        if let Some(len) = self.len.filter(|len| *len != digest.len) {
            return mismatch(&format!("the content is {} bytes long; {len} were declared", digest.len));
        }
        if self.sha1.is_some_and(|sha1| sha1 != digest.sha1) {
            return mismatch("the content has another SHA-1 than was declared");
        }
        if self.blake3.is_some_and(|blake3| blake3 != digest.blake3) {
            return mismatch("the content has another BLAKE3 than was declared");
        }
        Ok(())
    }
}
