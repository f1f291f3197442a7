//! The key ring, and taking back what was signed.

use super::Store;
use crate::Result;
use crate::catalog::{archive, revocation, signing_key};
use crate::id::{ArchiveId, FileId, VersionId};
use crate::random::random;
use crate::time::Time;

impl Store {
    /// Makes every URL of a version invalid, and every archive of something in its drive.
    ///
    /// # Errors
    /// `NotFound` when there never was one, `Gone` when it was removed.
    pub fn revoke_version(&self, id: VersionId) -> Result<()> {
        self.engine()?.write(move |change| revocation::revoke_version(change, id))
    }

    /// Makes every URL of a file and its versions invalid, and every archive of something in its drive.
    /// Direct links to it are no such URLs: they lead to it until they are deleted.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `InvalidArgument` when it is a folder, which has no URLs of
    /// its own.
    pub fn revoke_file(&self, file: FileId) -> Result<()> {
        self.engine()?.write(move |change| revocation::revoke_file(change, file))
    }

    /// Makes every URL of an archive invalid.
    ///
    /// # Errors
    /// `NotFound` when there is no such archive.
    pub fn revoke_archive(&self, id: ArchiveId) -> Result<()> {
        self.engine()?.write(move |change| archive::revoke(change, id))
    }

    /// Makes a new key that signs from now on; the keys before go on verifying. Returns its id.
    ///
    /// # Errors
    /// `Io` and `Poisoned` when it could not be written.
    pub fn rotate_key(&self) -> Result<u16> {
        self.add_key(&random::<32>()?)
    }

    /// Adds a key of the host's own, at least 32 bytes, that signs from now on. Returns its id.
    ///
    /// # Errors
    /// `InvalidArgument` when it is too short or all zero, `Exists` when it is there already.
    pub fn add_key(&self, secret: &[u8]) -> Result<u16> {
        let (secret, now) = (secret.to_vec(), Time::now());
        self.engine()?.write(move |change| signing_key::add(change, &secret, true, now))
    }

    /// Sees to it that keys of the host's own, at least 32 bytes each, are in the ring and that the
    /// first of them signs. Those that the ring has beside them go on verifying. Where all is so
    /// already, nothing is written: a host may call it at every start.
    ///
    /// # Errors
    /// `InvalidArgument` when a key is too short or all zero, or when none is given.
    pub fn use_keys(&self, secrets: &[impl AsRef<[u8]>]) -> Result<()> {
        let secrets: Vec<Vec<u8>> = secrets.iter().map(|secret| secret.as_ref().to_vec()).collect();
        if signing_key::are_used(&self.engine()?.reader()?, &secrets)? {
            return Ok(());
        }
        let now = Time::now();
        self.engine()?.write(move |change| signing_key::use_all(change, &secrets, now))
    }

    /// Removes a key: every URL that it signed is invalid from now on.
    ///
    /// # Errors
    /// `NotFound` when there is none of that id, `InvalidArgument` for the one that signs.
    pub fn remove_key(&self, id: u16) -> Result<()> {
        self.engine()?.write(move |change| signing_key::remove(change, id))
    }

    /// Adds the secret that a Cloudreve server signed its URLs with, 32 to 1024 bytes as they are: URLs
    /// that it handed out stay valid here until they expire. It signs nothing.
    ///
    /// # Errors
    /// `InvalidArgument` when it is too short or all zero, `Exists` when it is there already.
    pub fn add_cloudreve_secret(&self, secret: &[u8]) -> Result<()> {
        let secret = secret.to_vec();
        self.engine()?.write(move |change| signing_key::add_foreign(change, &secret))
    }

    /// Removes what [`Store::add_cloudreve_secret`] added: the URLs that it verified are invalid.
    ///
    /// # Errors
    /// `Io` and `Poisoned` when it could not be written.
    pub fn remove_cloudreve_secrets(&self) -> Result<()> {
        self.engine()?.write(|change| signing_key::remove_foreign(change))
    }

    /// Sets the salt of the hash ids of the Cloudreve form, such as another server's whose ids are to
    /// go on working. Hash ids that were handed out before change their meaning: set it in a new store.
    ///
    /// # Errors
    /// `Io` and `Poisoned` when it could not be written.
    pub fn set_hash_salt(&self, salt: &str) -> Result<()> {
        let salt = salt.to_owned();
        self.engine()?.write(move |change| signing_key::set_salt(change, &salt))
    }

    /// Lists the ids of the keys, when each was made, and whether it signs.
    ///
    /// # Errors
    /// `Io` and `Corrupt` when they cannot be read.
    pub fn keys(&self) -> Result<Vec<(u16, Time, bool)>> {
        let keys = signing_key::list(&self.engine()?.reader()?)?;
        Ok(keys.into_iter().map(|(id, record)| (id, record.created, record.signs)).collect())
    }
}
