//! Removing objects: those that rows let go of, and those that no row ever came to speak of.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::client::{Asked, Backend, failed, is_absent, within};
use super::{ObjectKind, ObjectPool, name, uploads, write};
use crate::mutant::{self, Mutant};
use crate::random::random;
use crate::time::Time;
use crate::{Error, Result};

/// The folder of objects that are written for their date.
const MARKS: &str = "t";
/// Objects that are asked about at once.
const BATCH: usize = 1000;

/// What [`ObjectPool::sweep`] did.
#[derive(Debug, Default)]
pub(crate) struct SweepReport {
    /// Objects that were removed.
    pub(crate) objects: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Uploads in parts that were aborted.
    pub(crate) uploads: u64,
    /// What could not be removed, and why.
    pub(crate) failed: Vec<Error>,
}

/// An object as a listing has it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) number: u64,
    pub(super) len: u64,
    pub(super) modified: Time,
}

impl ObjectPool {
    /// Removes objects; one that is not there is none the less gone. With a content goes its outline.
    ///
    /// # Errors
    /// `Io` when one could not be removed.
    pub(crate) fn remove(&self, kind: ObjectKind, number: u64) -> Result<()> {
        let limit = self.client.options.patience;
        let mut kinds = vec![kind];
        if kind == ObjectKind::Content {
            // Last, so that a removal that is cut off is found by the content that is left.
            kinds.insert(0, ObjectKind::Outline);
        }
        for kind in kinds {
            let key = name::path(&self.client.prefix, kind, number);
            let doing = format!("removing the object {key}");
            self.client.ask(&doing, |backend| write::remove(backend, key, limit))?;
        }
        Ok(())
    }

    /// Removes the objects of a kind that no row refers to and that are older than any upload may be: twice
    /// as old as the longest, by the server's own clock. `is_referred` is asked which of some numbers rows
    /// refer to, and must know all that is committed when it is asked.
    ///
    /// # Errors
    /// `Io` when the server cannot be asked, and those of `is_referred`.
    pub(crate) fn sweep(
        &self,
        kind: ObjectKind,
        is_referred: &mut dyn FnMut(&[u64]) -> Result<Vec<bool>>,
    ) -> Result<SweepReport> {
        let until = self.server_time()?.before(self.oldest_upload());
        let mut report = SweepReport::default();
        // All at once, and not page by page behind a key: there are servers that list in another order than
        // that of the keys.
        let mut old = self.list(kind)?;
        old.retain(|listed| listed.modified < until || mutant::is_active(Mutant::SweepOfAnyAge));
        for batch in old.chunks(BATCH) {
            let numbers: Vec<u64> = batch.iter().map(|listed| listed.number).collect();
            let referred = is_referred(&numbers)?;
            if referred.len() != batch.len() {
                return Err(Error::bug(
                    "a sweep was answered for another number of objects than it asked about",
                ));
            }
            for (listed, _) in batch.iter().zip(referred).filter(|(_, referred)| !referred) {
                match self.remove(kind, listed.number) {
                    Ok(()) => {
                        report.objects = report.objects.saturating_add(1);
                        report.bytes = report.bytes.saturating_add(listed.len);
                    }
                    Err(error) => report.failed.push(error),
                }
            }
        }
        Ok(report)
    }

    /// Aborts the uploads in parts that are older than any may be.
    ///
    /// # Errors
    /// `Io` when the server cannot be asked.
    pub(crate) fn sweep_uploads(&self) -> Result<SweepReport> {
        let until = self.server_time()?.before(self.oldest_upload());
        let limit = self.client.options.patience;
        let mut report = SweepReport::default();
        for upload in uploads::list(&self.client)? {
            if upload.begun >= until || name::parse(&self.client.prefix, &upload.key).is_none() {
                continue;
            }
            let doing = format!("aborting the upload of {}", upload.key);
            let aborted = self.client.ask(&doing, |backend| async move {
                match within(limit, backend.multipart().abort_multipart(&upload.key, &upload.id)).await {
                    // Its own process was quicker.
                    Err(error) if is_absent(&error) => Ok(()),
                    aborted => aborted,
                }
            });
            match aborted {
                Ok(()) => report.uploads = report.uploads.saturating_add(1),
                Err(error) => report.failed.push(error),
            }
        }
        Ok(report)
    }

    /// Removes what askings for the server's time have left that were cut off.
    ///
    /// # Errors
    /// `Io` when the server cannot be asked.
    pub(crate) fn sweep_marks(&self) -> Result<SweepReport> {
        let until = self.server_time()?.before(self.oldest_upload());
        let mut report = SweepReport::default();
        for mark in self.list_named(MARKS)?.into_iter().filter(|mark| mark.modified < until) {
            match self.remove_named(&format!("{MARKS}/{}", mark.name)) {
                Ok(()) => report.objects = report.objects.saturating_add(1),
                Err(error) => report.failed.push(error),
            }
        }
        Ok(report)
    }

    /// Returns how old what nobody speaks of has to be at least to be taken for left behind.
    pub(crate) fn oldest_upload(&self) -> Duration {
        self.client.options.longest_upload.saturating_mul(2)
    }

    /// Returns the numbers of all objects of a kind.
    ///
    /// # Errors
    /// `Io` when the server cannot be asked.
    pub(crate) fn numbers(&self, kind: ObjectKind) -> Result<HashSet<u64>> {
        Ok(self.list(kind)?.into_iter().map(|listed| listed.number).collect())
    }

    /// Lists the objects of a kind.
    pub(super) fn list(&self, kind: ObjectKind) -> Result<Vec<Listed>> {
        let prefix = self.client.prefix.clone();
        let folder = prefix.clone().join(kind.letter());
        self.client.ask(&format!("listing the objects in {folder}"), |backend| async move {
            let mut found = Vec::new();
            let mut listed = backend.objects().list(Some(&folder));
            while let Some(meta) = listed.try_next().await? {
                if let Some((_, number)) = name::parse(&prefix, &meta.location) {
                    let modified = Time(meta.last_modified.timestamp_micros());
                    found.push(Listed { number, len: meta.size, modified });
                }
            }
            // A server may name one twice while it is written to.
            found.sort_unstable_by_key(|listed: &Listed| listed.number);
            found.dedup_by_key(|listed| listed.number);
            Ok(found)
        })
    }

    /// Returns what the clock says that dates the objects: that of an object which is written for it. The
    /// clock of this host may be off.
    pub(crate) fn server_time(&self) -> Result<Time> {
        let mark = u64::from_le_bytes(random()?);
        let key = self.client.prefix.clone().join(MARKS).join(format!("{mark:016x}"));
        let limit = self.client.options.patience;
        self.client
            .run(|backend| now(backend, key, limit))?
            .map_err(|cause| failed("asking for the server's time", cause))
    }
}

async fn now(backend: Arc<Backend>, key: Path, limit: Duration) -> Asked<Time> {
    let objects = backend.objects();
    within(limit, objects.put(&key, PutPayload::from(Bytes::from_static(b"now")))).await?;
    let found = within(limit, objects.head(&key)).await;
    let removed = write::remove(backend.clone(), key, limit).await;
    let now = Time(found?.last_modified.timestamp_micros());
    removed.map(|()| now)
}
