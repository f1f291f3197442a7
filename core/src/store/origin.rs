//! How old things were in the system that they were imported from.

use std::collections::BTreeMap;

use super::Store;
use crate::Result;
use crate::catalog::{node, version};
use crate::id::{FileId, VersionId};
use crate::time::Time;

/// How many of them one change sets.
const STEP: usize = 4000;

/// What is said of a file, folder or version as it was in another system.
#[derive(Clone, Debug)]
pub struct Origin(Of);

#[derive(Clone, Debug)]
enum Of {
    File {
        file: FileId,
        created: Option<Time>,
        modified: Option<Time>,
        attributes: Option<BTreeMap<String, String>>,
    },
    Version(VersionId, Time),
}

impl Origin {
    /// Says nothing yet of a file or folder.
    pub fn file(file: FileId) -> Origin {
        Origin(Of::File { file, created: None, modified: None, attributes: None })
    }

    /// Says when a version was made.
    pub fn version(version: VersionId, created: Time) -> Origin {
        Origin(Of::Version(version, created))
    }

    /// Says when a file or folder was made; a version has it from [`Origin::version`].
    #[must_use]
    pub fn created(mut self, time: Time) -> Origin {
        if let Of::File { created, .. } = &mut self.0 {
            *created = Some(time);
        }
        self
    }

    /// Says when a file or folder was changed. What a download of a file shows is of its version.
    #[must_use]
    pub fn modified(mut self, time: Time) -> Origin {
        if let Of::File { modified, .. } = &mut self.0 {
            *modified = Some(time);
        }
        self
    }

    /// Says what is kept with a file or folder.
    ///
    /// # Errors
    /// `TooLarge` when names and values are over 64 KiB together.
    pub fn attributes(mut self, all: BTreeMap<String, String>) -> Result<Origin> {
        node::check_attributes(&all)?;
        if let Of::File { attributes, .. } = &mut self.0 {
            *attributes = Some(all);
        }
        Ok(self)
    }
}

impl Store {
    /// Writes down how old imported things are. The dates of their URLs stay those of the import, which
    /// is when their content came to be here.
    ///
    /// # Errors
    /// `NotFound` and `Gone` when there is no such file or version.
    pub fn set_origins(&self, origins: impl IntoIterator<Item = Origin>) -> Result<()> {
        let engine = self.engine()?;
        let mut origins = origins.into_iter();
        loop {
            let some: Vec<Origin> = origins.by_ref().take(STEP).collect();
            if some.is_empty() {
                return Ok(());
            }
            engine.write(move |change| {
                some.iter().try_for_each(|Origin(of)| match of {
                    Of::File { file, created, modified, attributes } => {
                        node::set_origin(change, *file, *created, *modified, attributes.as_ref())
                    }
                    Of::Version(version, created) => version::set_created(change, *version, *created),
                })
            })?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Options, Put, Share};

    #[test]
    fn what_is_imported_is_as_old_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::new()).unwrap();
        let alice = store.drive("alice").unwrap();
        let folder = alice.mkdir("docs").unwrap();
        let version = alice.put("docs/a.txt", &b"hello"[..], Put::new().modified(Time(3))).unwrap();
        alice.trash("docs/a.txt").unwrap();
        let attributes = BTreeMap::from([("tag:work".to_owned(), "#ff0000".to_owned())]);
        store
            .set_origins([
                Origin::file(folder).created(Time(1)).modified(Time(2)),
                Origin::file(version.id.file()).created(Time(4)).attributes(attributes.clone()).unwrap(),
                Origin::version(version.id, Time(5)),
            ])
            .unwrap();
        alice.restore(version.id.file(), None).unwrap();
        let docs = alice.stat("docs").unwrap();
        assert_eq!((docs.created, docs.modified), (Time(1), Time(2)));
        assert_eq!(alice.list("", None, 9).unwrap()[0].modified, Time(2));
        let file = alice.stat("docs/a.txt").unwrap();
        assert_eq!((file.created, file.attributes), (Time(4), attributes));
        let found = alice.versions("docs/a.txt", None, 9).unwrap().remove(0);
        assert_eq!((found.created, found.modified), (Time(5), Time(3)));
        let gone = Origin::version(VersionId::new(version.id.file(), 9), Time(1));
        assert_eq!(store.set_origins([gone]).unwrap_err().kind(), ErrorKind::NotFound);
        let long = BTreeMap::from([("a".to_owned(), "x".repeat(64 << 10))]);
        let long = Origin::file(folder).attributes(long);
        assert_eq!(long.unwrap_err().kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn a_share_ends_when_it_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::new()).unwrap();
        let alice = store.drive("alice").unwrap();
        alice.put("a", &b"x"[..], Put::new()).unwrap();
        let ends = Time(32_472_144_000_123_456);
        assert_eq!(alice.share("a", &Share::new().expires_at(ends)).unwrap().expires, Some(ends));
    }
}
