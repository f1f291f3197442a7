//! Keys, and taking back what they signed.

use holdall::{ArchiveId, Error, ErrorKind, FileId, ShareId};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::archive::ArchiveInfo;
use crate::convert;
use crate::datetime::{Datetime, datetime};
use crate::drive::Drive;
use crate::fault::Outcome;
use crate::share::Share;
use crate::store::Store;
use crate::value::{FileInfo, Version, value};

value! {
    /// A key of the store, without its secret.
    Key((u16, holdall::Time, bool)) as key {
        /// The id, which stands in the tokens that the key signed.
        id: u16 = key.0;
        /// When it was created: an aware datetime in UTC.
        created: Datetime = datetime(key.1);
        /// Whether it signs; the others only verify.
        signs: bool = key.2;
    }
}

#[pymethods]
impl Key {
    fn __repr__(&self) -> String {
        format!("<Key {}{}>", self.id(), if self.signs() { " signs" } else { "" })
    }
}

#[pymethods]
impl Store {
    /// Creates a key that signs from now on; earlier keys still verify. Returns its id.
    fn rotate_key(&self, py: Python<'_>) -> Outcome<u16> {
        self.call(py, |store| store.rotate_key())
    }

    /// Adds the host's own key, at least 32 bytes long, which signs from now on. Returns its id.
    ///
    /// Raises InvalidArgument when it is too short or all zero, Exists when it is already there.
    fn add_key(&self, py: Python<'_>, secret: Vec<u8>) -> Outcome<u16> {
        self.call(py, |store| store.add_key(&secret))
    }

    /// Removes a key, which invalidates every URL it signed.
    ///
    /// Raises NotFound when there is none of that id, InvalidArgument for the signing key.
    fn remove_key(&self, py: Python<'_>, #[pyo3(from_py_with = convert::number)] id: u16) -> Outcome<()> {
        self.call(py, |store| store.remove_key(id))
    }

    /// Lists the keys, without their secrets.
    fn keys(&self, py: Python<'_>) -> Outcome<Vec<Key>> {
        Ok(self.call(py, |store| store.keys())?.into_iter().map(Key).collect())
    }

    /// Invalidates every URL of something: of a Version, a FileInfo with its versions, an ArchiveInfo, a
    /// Share, a Drive, or the item with that id, whose letter gives its kind.
    ///
    /// Raises NotFound when there is none, InvalidArgument when the text is not an id.
    fn revoke(&self, py: Python<'_>, target: &Bound<'_, PyAny>) -> Outcome<()> {
        if let Ok(drive) = target.cast::<Drive>() {
            return drive.get().revoke(py);
        }
        if let Ok(archive) = target.cast::<ArchiveInfo>() {
            let id = archive.get().0.id;
            return self.call(py, |store| store.revoke_archive(id));
        }
        if let Ok(share) = target.cast::<Share>() {
            let id = share.get().0.id;
            return self.call(py, |store| store.revoke_share(id));
        }
        if let Ok(file) = target.cast::<FileInfo>() {
            let id = file.get().0.id;
            return self.call(py, |store| store.revoke_file(id));
        }
        if let Ok(version) = target.cast::<Version>() {
            let id = version.get().0.id;
            return self.call(py, |store| store.revoke_version(id));
        }
        let id: String = target.extract().map_err(|_| {
            PyTypeError::new_err(
                "revoke takes a Version, FileInfo, ArchiveInfo, Share or Drive, or an id as a str",
            )
        })?;
        convert::only_id(&id, "revoke what it is of: a version, file, archive, share or drive")?;
        self.call(py, |store| match id.chars().next() {
            Some('f') => store.revoke_file(id.parse::<FileId>()?),
            Some('s') => store.revoke_share(id.parse::<ShareId>()?),
            Some('a') => store.revoke_archive(id.parse::<ArchiveId>()?),
            Some('v') => store.revoke_version(id.parse()?),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{id:?} is not the id of a version, file, share or archive"),
            )),
        })
    }
}
