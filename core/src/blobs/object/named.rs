//! Objects with names of their own, beside the contents of a store: what a store that is shipped is put down in.
//!
//! They are written once and never overwritten, as all objects are, and each proves what it holds.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path;

use super::fetch::Fetched;
use super::{ObjectKind, ObjectPool, write};
use crate::Result;
use crate::time::Time;

/// An object as a listing has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedObject {
    /// The name behind that of the folder.
    pub(crate) name: String,
    pub(crate) modified: Time,
}

impl ObjectPool {
    fn named(&self, name: &str) -> Path {
        name.split('/').fold(self.client.prefix.clone(), |path, part| path.join(part))
    }

    /// Writes an object, durably. One that is there and holds the same is left.
    ///
    /// # Errors
    /// `Exists` when one is there that holds something else; `Io` when it could not be written, or nobody knows.
    pub(crate) fn put_named(&self, name: &str, mut parts: Vec<Bytes>) -> Result<()> {
        parts.retain(|part| !part.is_empty());
        let hash = write::hash(&parts).into();
        self.create_key(self.named(name), parts, hash)
    }

    /// Reads an object for which `is_sound` vouches; None if it does not exist.
    ///
    /// # Errors
    /// `Corrupt` when it is not what was written, `Io` when the server cannot be asked.
    pub(crate) fn get_named(&self, name: &str, is_sound: &dyn Fn(&Bytes) -> bool) -> Result<Option<Bytes>> {
        let sound = |fetched: &Fetched| is_sound(&fetched.whole());
        Ok(self.fetch_key(&self.named(name), None, &sound)?.map(|fetched| fetched.whole()))
    }

    /// Lists the objects below a folder, in the order of their names.
    ///
    /// # Errors
    /// `Io` when the server cannot be asked.
    pub(crate) fn list_named(&self, folder: &str) -> Result<Vec<NamedObject>> {
        let folder = self.named(folder);
        self.client.ask(&format!("listing the objects in {folder}"), |backend| async move {
            let mut found = Vec::new();
            let mut listed = backend.objects().list(Some(&folder));
            while let Some(meta) = listed.try_next().await? {
                let Some(parts) = meta.location.prefix_match(&folder) else { continue };
                let name = parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
                found.push(NamedObject { name, modified: Time(meta.last_modified.timestamp_micros()) });
            }
            // There are servers that list in another order, and such that name one twice while it is written to.
            found.sort_unstable_by(|one: &NamedObject, other| one.name.cmp(&other.name));
            found.dedup_by(|one, other| one.name == other.name);
            Ok(found)
        })
    }

    /// Removes an object; one that is not there is none the less gone.
    ///
    /// # Errors
    /// `Io` when it could not be removed.
    pub(crate) fn remove_named(&self, name: &str) -> Result<()> {
        let (key, limit) = (self.named(name), self.client.options.patience);
        let doing = format!("removing the object {key}");
        self.client.ask(&doing, |backend| write::remove(backend, key, limit))
    }

    /// Lists the large contents: the id of each blob, and when its object was written, by the server's clock.
    ///
    /// # Errors
    /// `Io` when the server cannot be asked.
    pub(crate) fn list_contents(&self) -> Result<Vec<(u64, Time)>> {
        let listed = self.list(ObjectKind::Content)?;
        Ok(listed.into_iter().map(|listed| (listed.number, listed.modified)).collect())
    }
}
