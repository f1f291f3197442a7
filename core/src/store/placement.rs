//! Where the content of a put goes: to a place of its own, or to none, where a blob that is sound has it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::blobs::stage::{LargeContent, Staged};
use crate::catalog::blob::{self, ChangeTime};
use crate::catalog::record::{BlobRecord, Location};
use crate::catalog::refcount;
use crate::digest::Digest;
use crate::engine::{Change, Engine};
use crate::id::BlobId;
use crate::machine::lock;
use crate::mutant::{self, Mutant};
use crate::{Error, ErrorKind, Result};

#[derive(Clone)]
pub(super) enum PlacedContent {
    /// To be appended, if no blob has it yet.
    Small(Bytes),
    /// In the file of its blob, durably.
    Large,
    /// There already when the put looked; its file in the spool is kept until that is sure.
    Known,
}

/// Where the content of one call goes, and the files that were made for it so far.
pub(super) struct Placement<'e> {
    engine: &'e Engine,
    /// The scope of deduplication.
    scope: u64,
    /// Files of large blobs, made durable before any row refers to them.
    placed: Vec<(BlobId, LargeContent)>,
    /// Content that a blob of the scope has already; it stays in the spool, or the blob's file open, until
    /// the change has found that blob.
    spare: Vec<(BlobId, LargeContent, Digest)>,
    vetted: Vetted,
}

/// Blobs that have the hash of what is put, as far as somebody has read them: a put takes none for its content of
/// which that is not known, since its bytes may be damaged.
#[derive(Clone, Default)]
pub(super) struct Vetted {
    /// Whether all are taken unread.
    trusts: bool,
    sound: Vec<BlobId>,
    damaged: Vec<BlobId>,
    /// The one that a change came to and nobody had read, outside of which that is done.
    met: Arc<Mutex<Option<BlobId>>>,
}

impl Vetted {
    fn new(engine: &Engine) -> Vetted {
        // Objects are believed: their storage keeps them sound, and to read one would mean to fetch it.
        Vetted {
            trusts: engine.is_remote() || mutant::is_active(Mutant::HashesAreTrusted),
            ..Vetted::default()
        }
    }

    /// Takes every blob unread: for those who have not the bytes of what they put.
    pub(super) fn unread() -> Vetted {
        Vetted { trusts: true, ..Vetted::default() }
    }

    /// Lets a change take a blob.
    ///
    /// # Errors
    /// `Locked` when nobody has read it; it is noted, and the change is to run again when that is done.
    fn take(&self, blob: BlobId) -> Result<()> {
        if self.trusts || self.sound.contains(&blob) {
            return Ok(());
        }
        *lock(&self.met) = Some(blob);
        Err(Error::new(ErrorKind::Locked, "the same content was put meanwhile; put it again"))
    }

    /// Sets the damaged ones aside, so that they are found by their hash no more.
    pub(super) fn quarantine(&self, change: &mut Change<'_>) -> Result<()> {
        for id in &self.damaged {
            match refcount::quarantine(change, *id) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'e> Placement<'e> {
    pub(super) fn new(engine: &'e Engine, scope: u64) -> Placement<'e> {
        Placement { engine, scope, placed: Vec::new(), spare: Vec::new(), vetted: Vetted::new(engine) }
    }

    pub(super) fn engine(&self) -> &'e Engine {
        self.engine
    }

    pub(super) fn scope(&self) -> u64 {
        self.scope
    }

    /// Gives large content the file of its blob, unless a blob of the scope has that content already.
    pub(super) fn place(&mut self, staged: Staged, blob: BlobId) -> Result<PlacedContent> {
        match staged {
            Staged::Small { bytes, .. } => Ok(PlacedContent::Small(bytes)),
            Staged::Large { content, digest } => {
                if let LargeContent::Stored(stored) = &content {
                    self.vetted.sound.push(stored.blob());
                }
                if self.find_sound(&digest)?.is_some() {
                    self.spare.push((blob, content, digest));
                    return Ok(PlacedContent::Known);
                }
                self.place_file(blob, content, &digest).map(|()| PlacedContent::Large)
            }
        }
    }

    /// Returns what is known of blobs by now, for a change.
    pub(super) fn vetted(&self) -> Vetted {
        self.vetted.clone()
    }

    /// Finds the blob of the scope that has some content, if its bytes are sound.
    fn find_sound(&mut self, digest: &Digest) -> Result<Option<BlobId>> {
        let found = blob::find(&self.engine.reader()?, self.scope, &digest.blake3)?;
        Ok(match found {
            Some(known) if self.vet(known)? => Some(known),
            _ => None,
        })
    }

    /// Reads a blob, unless that was done, and returns whether it is sound.
    fn vet(&mut self, blob: BlobId) -> Result<bool> {
        if self.vetted.trusts || self.vetted.sound.contains(&blob) {
            return Ok(true);
        }
        if self.vetted.damaged.contains(&blob) {
            return Ok(false);
        }
        let is_sound = match self.engine.is_sound(blob) {
            // Collected meanwhile: it is found no more.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            is_sound => is_sound?,
        };
        if is_sound {
            self.vetted.sound.push(blob);
        } else {
            tracing::warn!(%blob, "a blob is damaged; the same content was put, and takes its place");
            self.vetted.damaged.push(blob);
        }
        Ok(is_sound)
    }

    /// Reads the blob that a change came to, if that is why it failed, and those of the other contents of the call.
    /// Returns whether the change is to run again.
    pub(super) fn vet_met<'d>(&mut self, digests: impl Iterator<Item = &'d Digest>) -> Result<bool> {
        let Some(met) = lock(&self.vetted.met).take() else { return Ok(false) };
        self.vet(met)?;
        for digest in digests {
            self.find_sound(digest)?;
        }
        Ok(true)
    }

    /// Lets a change take the blobs that this call makes: what they have is what came in.
    pub(super) fn add_own(&mut self, blobs: impl Iterator<Item = BlobId>) {
        self.vetted.sound.extend(blobs);
    }

    /// Gives every spare content its file, and returns their blobs.
    pub(super) fn place_spare(&mut self) -> Result<Vec<BlobId>> {
        let mut blobs = Vec::with_capacity(self.spare.len());
        for (blob, content, digest) in std::mem::take(&mut self.spare) {
            self.place_file(blob, content, &digest)?;
            blobs.push(blob);
        }
        Ok(blobs)
    }

    fn place_file(&mut self, blob: BlobId, mut content: LargeContent, digest: &Digest) -> Result<()> {
        let outcome = self.engine.place(&mut content, blob, digest);
        // Also when it failed: the file may be there, and `sweep_unused` is to look.
        self.placed.push((blob, content));
        outcome
    }

    /// Removes the files of large blobs that no row came to refer to: the put was refused, or another
    /// was first with the same content. Where writing failed, only an opening can tell what reached the
    /// disk, and the files are left to the sweep of the next collection.
    pub(super) fn sweep_unused<T>(&self, done: &Result<T>) {
        use ErrorKind::{Bug, Corrupt, Forked, Io, Poisoned, ReadOnly};
        let unsure =
            |error: &Error| matches!(error.kind(), Io | Poisoned | Bug | Corrupt | Forked | ReadOnly);
        if self.placed.is_empty() || done.as_ref().is_err_and(unsure) {
            return;
        }
        let Ok(tx) = self.engine.reader() else { return };
        for (id, _) in &self.placed {
            if blob::get(&tx, *id).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
                self.engine.remove_unused(*id);
            }
        }
    }
}

/// Where the content of a put is.
pub(super) enum PutContent {
    /// In a blob of the scope of deduplication.
    Stored(BlobId),
    /// Written, in a blob that is yet to be added.
    Fresh(BlobRecord),
}

/// Finds the blob of the scope of deduplication that has this content, or makes it one as `blob`.
pub(super) fn insert(
    change: &mut Change<'_>,
    content: &PlacedContent,
    digest: &Digest,
    blob: BlobId,
    (scope, time): (u64, ChangeTime),
    vetted: &Vetted,
) -> Result<BlobId> {
    match find_or_write(change, content, digest, blob, (scope, vetted))? {
        PutContent::Stored(known) => Ok(known),
        PutContent::Fresh(record) => refcount::insert(change, blob, record, time.group).map(|()| blob),
    }
}

/// Finds the blob of the scope of deduplication that has this content, or writes the content for `blob`.
pub(super) fn find_or_write(
    change: &mut Change<'_>,
    content: &PlacedContent,
    digest: &Digest,
    blob: BlobId,
    (scope, vetted): (u64, &Vetted),
) -> Result<PutContent> {
    let location = match (content, blob::find(change, scope, &digest.blake3)?) {
        (_, Some(known)) => {
            vetted.take(known)?;
            return Ok(PutContent::Stored(known));
        }
        // The caller takes this error as the sign to place its spare file and to run the change again.
        (PlacedContent::Known, None) => {
            return Err(Error::new(
                ErrorKind::Locked,
                "the content was collected while the same was put; put it again",
            ));
        }
        (PlacedContent::Small(bytes), None) => change.append(blob, bytes.clone(), digest)?,
        (PlacedContent::Large, None) => {
            change.expect_content(blob)?;
            Location::File
        }
    };
    Ok(PutContent::Fresh(record(digest, location, scope)))
}

fn record(digest: &Digest, location: Location, scope: u64) -> BlobRecord {
    BlobRecord {
        location,
        len: digest.len,
        crc32: digest.crc32,
        crc64: digest.crc64,
        sha1: digest.sha1,
        blake3: digest.blake3,
        refs: 0,
        released: None,
        scope,
    }
}
