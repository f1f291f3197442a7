//! What lies in a store's directory, and the file that says that it is one.

use std::io;

use uuid::Builder;

use crate::blobs::frame::FrameFields;
use crate::blobs::{segment, spool};
use crate::time::Time;
use crate::vfs::{Open, Vfs};
use crate::{Error, ErrorKind, Result, machine};

/// The file that names the store.
pub(crate) const STORE: &str = "STORE";
/// The file that names the store while it is made.
pub(crate) const NEW_STORE: &str = "STORE.new";
/// The file of the rows.
pub(crate) const ROWS: &str = "meta.redb";
/// The file of the rows while it is made.
pub(crate) const NEW_ROWS: &str = "meta.redb.new";
/// What the rows that were there are called after a rebuild.
pub(crate) const BAD_ROWS: &str = "meta.redb.bad";
/// The file whose lock lets one process at a time open or recover the store.
pub(crate) const LOCK: &str = "LOCK";
/// The file that every process has locked, shared, while it has the store open. It is never replaced,
/// so whoever needs the store for itself alone sees all of them.
pub(crate) const OPEN: &str = "OPEN";
/// The directory of large blobs.
pub(crate) const BLOBS: &str = "blob";

const MAGIC: [u8; 8] = *b"HOLDALL\n";
const VERSION: u16 = 2;
const LEN: usize = 64;

/// What the file `STORE` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uuid: [u8; 16],
    pub(crate) created: Time,
}

impl Identity {
    fn encode(&self) -> [u8; LEN] {
        let mut out = Vec::with_capacity(LEN);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&self.uuid);
        out.extend_from_slice(&self.created.0.to_le_bytes());
        out.resize(LEN - 4, 0);
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        let mut bytes = [0; LEN];
        bytes.copy_from_slice(&out);
        bytes
    }

    fn decode(bytes: &[u8; LEN]) -> Result<Identity> {
        let (body, crc) = bytes.split_at(LEN - 4);
        let mut fields = FrameFields(body);
        let read = (|| {
            let magic: [u8; 8] = fields.take()?;
            let version = u16::from_le_bytes(fields.take()?);
            let _: [u8; 6] = fields.take()?;
            let uuid = fields.take()?;
            let created = Time(i64::from_le_bytes(fields.take()?));
            (magic == MAGIC).then_some((version, Identity { uuid, created }))
        })();
        match read {
            Some((version, _)) if version > VERSION => Err(Error::new(
                ErrorKind::Unsupported,
                format!("the store has format {version}; this build knows {VERSION}; use a newer one"),
            )),
            Some((version, _)) if version < VERSION && crc32fast::hash(body).to_le_bytes() == crc => {
                Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "the store has format {version}, from before the first release; this build knows \
                         {VERSION}: copy the files out with the build that wrote them, and put them into a new store"
                    ),
                ))
            }
            Some((VERSION, identity)) if crc32fast::hash(body).to_le_bytes() == crc => Ok(identity),
            _ => Err(Error::corrupt("the file STORE is damaged; restore it from a backup")),
        }
    }
}

/// Reads the identity of the store; None if there is none yet.
pub(crate) fn read(vfs: &dyn Vfs) -> Result<Option<Identity>> {
    read_at(vfs, STORE)
}

/// Reads the file at `path`, which [`write()`] made.
pub(crate) fn read_at(vfs: &dyn Vfs, path: &str) -> Result<Option<Identity>> {
    let mut bytes = [0; LEN];
    let read = vfs.open(path, Open::Read).and_then(|file| file.read_at(0, &mut bytes));
    match read {
        Ok(()) => Identity::decode(&bytes).map(Some),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Error::corrupt("the file STORE is cut short; restore it from a backup"))
        }
        Err(cause) => Err(Error::io("reading the file STORE", cause)),
    }
}

/// Makes the directories and then the file `STORE`, durably; a crash before that leaves no store.
pub(crate) fn create(vfs: &dyn Vfs, now: Time) -> Result<Identity> {
    let mut random = [0; 16];
    machine::fill_random(&mut random).map_err(|cause| Error::io("drawing the id of the store", cause))?;
    let uuid = Builder::from_random_bytes(random).into_uuid().into_bytes();
    let identity = Identity { uuid, created: now };
    make_dirs(vfs)?;
    write(vfs, STORE, &identity)?;
    Ok(identity)
}

/// Makes the directories.
pub(crate) fn make_dirs(vfs: &dyn Vfs) -> Result<()> {
    let make = || {
        for dir in [segment::DIR, spool::SPOOL, BLOBS] {
            vfs.make_dir(dir)?;
        }
        // All of them now: a large put then syncs one directory, and never the one above.
        for low in 0..=255_u8 {
            vfs.make_dir(&format!("{BLOBS}/{low:02x}"))?;
        }
        vfs.sync_dir(BLOBS)?;
        vfs.sync_dir("")
    };
    make().map_err(|cause| Error::io("making the directories of the store", cause))
}

/// Writes who the store is into the file at `path`, durably and all at once.
pub(crate) fn write(vfs: &dyn Vfs, path: &str, identity: &Identity) -> Result<()> {
    let make = || {
        let file = vfs.open(NEW_STORE, Open::Create)?;
        file.write_at(0, &[&identity.encode()])?;
        file.sync_data()?;
        // What was made before this file is durable before it has its name: `STORE` says that all else is there.
        vfs.sync_dir("")?;
        vfs.rename(NEW_STORE, path)?;
        vfs.sync_dir("")
    };
    make().map_err(|cause| Error::io(format!("making the file {path}"), cause))
}

/// Makes a directory, if it is not there, with mode 0700: the keys that sign URLs lie in a store, and
/// in every backup of it.
pub(crate) fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s11_a_store_of_a_later_format_is_refused() {
        let mut bytes = Identity { uuid: [7; 16], created: Time(1) }.encode();
        bytes[8] = 9;
        assert_eq!(Identity::decode(&bytes).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn format_2_is_these_bytes() {
        let identity = Identity { uuid: [7; 16], created: Time(1) };
        let bytes = identity.encode();
        assert_eq!(&bytes[..17], b"HOLDALL\n\x02\0\0\0\0\0\0\0\x07");
        assert_eq!(Identity::decode(&bytes).unwrap(), identity);
        for bit in 0..LEN * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Identity::decode(&flipped).is_err(), "bit {bit}");
        }
    }
}
