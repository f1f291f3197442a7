//! Uploads in parts: each part is durable by itself, and the whole becomes one version.
//!
//! A part is a blob of its own that nothing is deduplicated to. An upload of one part becomes a
//! version by a change of rows alone; the parts of a longer one are read once, hashed as one content
//! and written once. What a client says of hashes is never believed.

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use super::placement::{PlacedContent, Placement, Vetted, insert};
use super::put::{Work, scope};
use super::{Drive, Store};
use crate::blobs::stage::{Stage, Staged};
use crate::catalog::blob::{self, ChangeTime};
use crate::catalog::history::Timeline;
use crate::catalog::path::PathLookup;
use crate::catalog::put::{self, NewVersion, PutTarget};
use crate::catalog::record::{BlobRecord, Goal, PartRecord, UploadRecord};
use crate::catalog::{Expect, VersionInfo, drive, upload};
use crate::catalog::{free_name, id_sequence, node, revocation, version};
use crate::catalog::{refcount, sha1_index};
use crate::digest::{Digest, crc64_combine};
use crate::engine::{Change, Dedup, Engine};
use crate::id::{BlobId, DriveId, FileId, UploadId};
use crate::kv::Read as Rows;
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// Parts that one transaction lets go of.
const STEP: usize = 500;
/// Bytes of a part that are looked at once.
const WINDOW: u64 = 1 << 20;

/// The content of an upload, put together and hashed: what is left is to make it a version.
pub(crate) struct WholeUpload {
    digest: Digest,
    beginning: [u8; 20],
    content: WholeContent,
}

/// What the parts of an upload would be together.
pub(crate) struct Outline {
    pub(crate) parts: usize,
    pub(crate) len: u64,
    pub(crate) crc64: u64,
}

enum WholeContent {
    /// The one part there is: its blob becomes the version's.
    Part(BlobId),
    /// Content that another version has.
    Known,
    /// Put together from several parts, or from none.
    Staged(Staged),
}

impl WholeUpload {
    /// Returns what the engine computed from the bytes themselves.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// Takes a part of an upload piece by piece. Dropping it without [`UploadPartWriter::commit`] leaves nothing
/// behind.
pub(crate) struct UploadPartWriter {
    store: Store,
    id: UploadId,
    part: u32,
    now: Time,
    work: Work,
}

impl UploadPartWriter {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// `TooLarge` past the limit, `Io` when the spool cannot be written, `Forked` in a child of the
    /// process that began the part.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.work.stage()?.write(bytes)
    }

    /// Takes the next bytes of `source` and returns how many; 0 at its end.
    ///
    /// # Errors
    /// As [`UploadPartWriter::write`]; `Io` when the source cannot be read.
    pub(crate) fn read_from(&mut self, source: &mut dyn Read) -> Result<usize> {
        self.work.stage()?.read_from(source)
    }

    /// Returns how many bytes came in.
    pub(crate) fn len(&self) -> u64 {
        self.work.len()
    }

    /// Puts the part, durably.
    ///
    /// # Errors
    /// As [`upload::open`]; `Io` and `Poisoned` when it could not be written.
    pub(crate) fn commit(self) -> Result<Digest> {
        let engine = self.store.engine()?;
        let staged = self.work.finish()?;
        let digest = *staged.digest();
        let blob = BlobId(engine.ids(1)?.take()?);
        let mut placement = Placement::new(&engine, blob::APART);
        let done = publish_part(&mut placement, self.id, self.part, blob, staged, self.now);
        placement.sweep_unused(&done);
        done.map(|()| digest)
    }
}

impl Store {
    /// Begins an upload, and returns its id.
    ///
    /// # Errors
    /// `NotFound` when its drive was deleted.
    pub(crate) fn begin_upload(&self, record: UploadRecord) -> Result<UploadId> {
        let engine = self.engine()?;
        let id = UploadId(engine.ids(1)?.take()?);
        engine.write(move |change| upload::begin(change, id, &record))?;
        Ok(id)
    }

    /// Draws the id of a file that an upload is to become.
    pub(crate) fn draw_file(&self) -> Result<FileId> {
        id_sequence::file(&mut self.engine()?.ids(1)?)
    }

    /// Reads an upload.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Expired` when its time is over.
    pub(crate) fn upload(&self, id: UploadId, now: Time) -> Result<UploadRecord> {
        self.engine()?.read_anew(|tx| upload::get(tx, id, now))
    }

    /// Lists up to `limit` parts of an upload by number, those behind `after`.
    ///
    /// # Errors
    /// `Io` and `Corrupt` when the store cannot be read.
    pub(crate) fn parts(&self, id: UploadId, after: u32, limit: usize) -> Result<Vec<(u32, PartRecord)>> {
        upload::parts(&self.engine()?.reader()?, id, after, limit)
    }

    /// Returns the counter of revocations that the URLs of an upload's parts carry: its drive's.
    ///
    /// # Errors
    /// `NotFound` when the drive was deleted.
    pub(crate) fn upload_epoch(&self, id: DriveId) -> Result<u64> {
        revocation::of_drive(&self.engine()?.reader()?, id)
    }

    /// Begins to take a part of an upload, of at most `max` bytes.
    ///
    /// # Errors
    /// As [`upload::open`].
    pub(crate) fn part_writer(
        &self,
        id: UploadId,
        part: u32,
        max: u64,
        now: Time,
    ) -> Result<UploadPartWriter> {
        let engine = self.engine()?;
        let tx = engine.reader()?;
        let record = upload::open(&tx, id, part, now)?;
        let max = max.min(upload::room(&tx, id, &record, part, engine.options.max_put_bytes)?);
        drop(tx);
        let work = Work::new(Stage::new(&engine.vfs, engine.options.threshold, max));
        Ok(UploadPartWriter { store: self.clone(), id, part, now, work })
    }

    /// Tells what the parts of an upload would be together, those of these numbers, or all there are, by
    /// their rows alone. They must follow each other from 1 on.
    ///
    /// # Errors
    /// `NotFound` when a part is missing.
    pub(crate) fn outline(&self, id: UploadId, numbers: Option<&[u32]>) -> Result<Outline> {
        let parts = chosen(&self.engine()?.reader()?, id, numbers)?;
        let mut outline = Outline { parts: parts.len(), len: 0, crc64: 0 };
        for (_, part) in &parts {
            outline.len = outline.len.saturating_add(part.len);
            outline.crc64 = crc64_combine(outline.crc64, part.crc64, part.len);
        }
        Ok(outline)
    }

    /// Checks that an upload may go where it is to go, as it is now.
    ///
    /// # Errors
    /// As [`Store::complete_upload`].
    pub(crate) fn check_goal(&self, record: &UploadRecord, now: Time) -> Result<()> {
        check_goal(&self.engine()?.reader()?, record, now).map(drop)
    }

    /// Claims an upload, so that no other call and no other process puts its parts together meanwhile.
    ///
    /// # Errors
    /// `NotFound` and `Expired` when there is no such upload, `Locked` while another has it.
    pub(crate) fn claim_upload(&self, id: UploadId, now: Time) -> Result<()> {
        self.engine()?.write(move |change| upload::claim(change, id, now))
    }

    /// Gives up an upload that was claimed and did not become a version.
    ///
    /// # Errors
    /// `Io` and `Poisoned` when it could not be written.
    pub(crate) fn release_upload(&self, id: UploadId) -> Result<()> {
        self.engine()?.write(move |change| upload::release(change, id))
    }

    /// Puts the parts of an upload together: those of these numbers, or all there are. They must
    /// follow each other from 1 on.
    ///
    /// # Errors
    /// `NotFound` when a part is missing, `Corrupt` when one is damaged.
    pub(crate) fn assemble(&self, id: UploadId, numbers: Option<&[u32]>) -> Result<WholeUpload> {
        let engine = self.engine()?;
        let tx = engine.reader()?;
        let parts = chosen(&tx, id, numbers)?;
        if let [(_, part)] = parts.as_slice() {
            let record = blob::get(&tx, part.blob)?;
            let beginning = beginning(&engine, part.blob, &record)?;
            return Ok(WholeUpload {
                digest: record.digest(),
                beginning,
                content: WholeContent::Part(part.blob),
            });
        }
        let (mut stage, mut crc64, mut first) = (engine.stage()?, 0_u64, Vec::new());
        for (number, part) in &parts {
            let record = blob::get(&tx, part.blob)?;
            let source = engine.open_blob(part.blob, record.location, record.len)?;
            let mut at = 0;
            while at < part.len {
                let window = source.window(at, WINDOW)?;
                if window.is_empty() {
                    return Err(Error::corrupt(format!("part {number} of upload {id} is cut short")));
                }
                let wanted = sha1_index::BEGINNING.saturating_sub(first.len());
                first.extend_from_slice(window.get(..wanted.min(window.len())).unwrap_or_default());
                stage.write(&window)?;
                at = at.saturating_add(u64::try_from(window.len()).unwrap_or(u64::MAX));
            }
            crc64 = crc64_combine(crc64, part.crc64, part.len);
        }
        let staged = stage.finish()?;
        let digest = *staged.digest();
        if digest.crc64 != crc64 {
            return Err(Error::corrupt(format!("a part of upload {id} is not what was put")));
        }
        Ok(WholeUpload { digest, beginning: Digest::of(&first).sha1, content: WholeContent::Staged(staged) })
    }

    /// Makes an upload a version, durably, and lets go of its parts. One that is done already gives
    /// the version that it became.
    ///
    /// # Errors
    /// `NotFound` and `Expired` when there is no such upload, `Gone` and `NotFound` when where it goes
    /// was deleted, `Exists` when its name is taken, `Mismatch` when another version than expected is
    /// current.
    pub(crate) fn complete_upload(&self, id: UploadId, whole: WholeUpload, now: Time) -> Result<VersionInfo> {
        let engine = self.engine()?;
        let record = engine.read_anew(|tx| upload::get(tx, id, now))?;
        let version = publish(&engine, Some(id), &record, whole, now)?;
        self.clear_upload(id, now)?;
        Ok(version)
    }

    /// Lets go of the parts of an upload that is done.
    pub(crate) fn clear_upload(&self, id: UploadId, now: Time) -> Result<()> {
        let engine = self.engine()?;
        while engine.write(move |change| upload::clear(change, id, change.time(now), STEP))? == STEP {}
        Ok(())
    }

    /// Makes content that is in the store a version, as if it had been uploaded. None when it is
    /// gone meanwhile.
    ///
    /// # Errors
    /// As [`Store::complete_upload`].
    pub(crate) fn put_claimed(
        &self,
        record: &UploadRecord,
        claimed: &Claimed,
        now: Time,
    ) -> Result<Option<VersionInfo>> {
        let engine = self.engine()?;
        let digest = claimed.record.digest();
        let beginning = beginning(&engine, claimed.blob, &claimed.record)?;
        let whole = WholeUpload { digest, beginning, content: WholeContent::Known };
        match publish(&engine, None, record, whole, now) {
            Err(error) if error.kind() == ErrorKind::Locked => Ok(None),
            other => other.map(Some),
        }
    }
}

/// Content that a client says it has.
pub(crate) struct Claimed {
    engine: Arc<Engine>,
    blob: BlobId,
    record: BlobRecord,
}

impl Claimed {
    /// Reads up to `len` bytes from `offset` on, for a proof that the client has them too.
    ///
    /// # Errors
    /// `Corrupt` and `Io` when the content cannot be read.
    pub(crate) fn read(&self, offset: u64, len: u64) -> Result<bytes::Bytes> {
        self.engine.open_blob(self.blob, self.record.location, self.record.len)?.window(offset, len)
    }

    /// Reads `len` bytes from `offset` on.
    ///
    /// # Errors
    /// `Corrupt` and `Io` when the content cannot be read, or ends before.
    pub(crate) fn read_whole(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let source = self.engine.open_blob(self.blob, self.record.location, self.record.len)?;
        let (mut bytes, mut at, end) = (Vec::new(), offset, offset.saturating_add(len));
        while at < end {
            let window = source.window(at, end - at)?;
            if window.is_empty() {
                return Err(Error::corrupt(format!("blob {} is cut short", self.blob)));
            }
            at = at.saturating_add(u64::try_from(window.len()).unwrap_or(u64::MAX));
            bytes.extend_from_slice(&window);
        }
        Ok(bytes)
    }
}

impl Drive {
    /// Looks for content that the drive has, by what a client says of it. It is the client's only once
    /// it has proved to have it.
    ///
    /// # Errors
    /// `Io` and `Corrupt` when the store cannot be read.
    pub(crate) fn claimed(&self, sha1: &[u8; 20], len: u64) -> Result<Option<Claimed>> {
        let engine = self.engine()?;
        let found = sha1_index::find(&engine.reader()?, within(&engine, self.id()), sha1, len)?;
        Ok(found.map(|(blob, record)| Claimed { engine, blob, record }))
    }

    /// Looks for content that the drive would share with any drive that has it.
    ///
    /// # Errors
    /// `Io` and `Corrupt` when the store cannot be read.
    pub(crate) fn claimed_of_all(&self, sha1: &[u8; 20], len: u64) -> Result<Option<Claimed>> {
        let engine = self.engine()?;
        let all = sha1_index::Within::Scope(scope(&engine, self.id()));
        let found = sha1_index::find(&engine.reader()?, all, sha1, len)?;
        Ok(found.map(|(blob, record)| Claimed { engine, blob, record }))
    }

    /// Whether the drive may have content of this length whose beginning has this SHA-1.
    ///
    /// # Errors
    /// `Io` and `Corrupt` when the store cannot be read.
    pub(crate) fn may_have(&self, beginning: &[u8; 20], len: u64) -> Result<bool> {
        let engine = self.engine()?;
        sha1_index::begins(&engine.reader()?, within(&engine, self.id()), beginning, len)
    }
}

/// Where content is noted that a drive has.
fn within(engine: &Engine, drive: DriveId) -> sha1_index::Within {
    match engine.options.dedup {
        Dedup::Store if mutant::is_active(Mutant::ClaimsAcrossDrives) => sha1_index::Within::Scope(0),
        Dedup::Store => sha1_index::Within::Drive(drive),
        Dedup::Drive => sha1_index::Within::Scope(drive.0),
    }
}

/// Reads the parts of an upload that were asked for; all there are, if none were.
fn chosen(tx: &impl Rows, id: UploadId, numbers: Option<&[u32]>) -> Result<Vec<(u32, PartRecord)>> {
    let limit = usize::try_from(upload::MAX_PARTS).unwrap_or(usize::MAX);
    let mut parts = upload::parts(tx, id, 0, limit)?;
    if let Some(numbers) = numbers {
        let numbers: HashSet<u32> = numbers.iter().copied().collect();
        parts.retain(|(number, _)| numbers.contains(number));
    }
    // They come in order, so that each has its index.
    let expected = numbers.map_or(parts.len(), <[u32]>::len);
    for (index, number) in (1..).take(expected).enumerate() {
        if parts.get(index).is_none_or(|(known, _)| *known != number) {
            return Err(Error::not_found(format!("part {number} of upload {id} was not put")));
        }
    }
    Ok(parts)
}

/// Computes the SHA-1 of the beginning of a blob.
fn beginning(engine: &Arc<Engine>, id: BlobId, record: &BlobRecord) -> Result<[u8; 20]> {
    let limit = u64::try_from(sha1_index::BEGINNING).unwrap_or(0);
    let first = match record.len {
        0 => bytes::Bytes::new(),
        len => engine.open_blob(id, record.location, len)?.window(0, limit)?,
    };
    Ok(Digest::of(&first).sha1)
}

fn publish_part(
    placement: &mut Placement<'_>,
    id: UploadId,
    part: u32,
    blob: BlobId,
    staged: Staged,
    now: Time,
) -> Result<()> {
    let engine = placement.engine();
    let digest = *staged.digest();
    let small = staged.small_len();
    engine.room(small)?;
    let content = placement.place(staged, blob)?;
    let most = engine.options.max_put_bytes;
    engine.journal.write(small, move |change| {
        upload::open(change, id, part, now)?;
        let time = change.time(now);
        let blob = insert(change, &content, &digest, blob, (blob::APART, time), &Vetted::unread())?;
        let Digest { len, blake3, crc64, .. } = digest;
        upload::put_part(change, id, part, &PartRecord { blob, len, crc64, blake3 }, most, time)
    })
}

fn publish(
    engine: &Arc<Engine>,
    id: Option<UploadId>,
    record: &UploadRecord,
    whole: WholeUpload,
    now: Time,
) -> Result<VersionInfo> {
    let blob = BlobId(engine.ids(1)?.take()?);
    let mut placement = Placement::new(engine, scope(engine, record.drive));
    let done = publish_whole(&mut placement, id, record, whole, blob, now);
    placement.sweep_unused(&done);
    done
}

fn publish_whole(
    placement: &mut Placement<'_>,
    id: Option<UploadId>,
    record: &UploadRecord,
    whole: WholeUpload,
    blob: BlobId,
    now: Time,
) -> Result<VersionInfo> {
    let (engine, scope) = (placement.engine(), placement.scope());
    let WholeUpload { digest, beginning, content } = whole;
    let mut small = 0;
    // Who claims to have the content has sent none of it, so there is nothing to put in the place of what is damaged.
    let has_bytes = !matches!(content, WholeContent::Known);
    let (content, part) = match content {
        WholeContent::Part(part) => (PlacedContent::Known, Some(part)),
        WholeContent::Known => (PlacedContent::Known, None),
        WholeContent::Staged(staged) => {
            small = staged.small_len();
            engine.room(small)?;
            (placement.place(staged, blob)?, None)
        }
    };
    let write = |vetted: Vetted| {
        let (record, content) = (record.clone(), content.clone());
        engine.journal.write(small, move |change| {
            if let Some(id) = id
                && let Some(done) = upload::get(change, id, now)?.done
            {
                return version::info(change, done);
            }
            let time = change.time(now);
            vetted.quarantine(change)?;
            // Looked at before anything is written, so that what is refused leaves no bytes.
            let goal = check_goal(change, &record, now)?;
            let found = blob::find(change, scope, &digest.blake3)?;
            let blob = match (part, found) {
                (Some(part), None) => {
                    check_part(change, id, part)?;
                    refcount::adopt(change, part, scope)?;
                    part
                }
                _ => insert(change, &content, &digest, blob, (scope, time), &vetted)?,
            };
            sha1_index::note(change, blob, beginning)?;
            let version = put_goal(change, &record, goal, blob, time)?;
            if !record.attributes.is_empty() {
                let mut attributes = node::get(change, version.id.file())?.attributes;
                attributes.extend(record.attributes.clone());
                node::set_attributes(change, version.id.file(), attributes, now)?;
            }
            if let Some(id) = id {
                upload::finish(change, id, version.id, now)?;
            }
            Ok(version)
        })
    };
    loop {
        match write(if has_bytes { placement.vetted() } else { Vetted::unread() }) {
            Err(error)
                if error.kind() == ErrorKind::Locked && placement.vet_met([&digest].into_iter())? => {}
            done => return done,
        }
    }
}

/// Checks that the one part of an upload is still the one that was looked at.
fn check_part(change: &Change<'_>, id: Option<UploadId>, part: BlobId) -> Result<()> {
    let known = match id {
        Some(id) => upload::part(change, id, 1)?,
        None => None,
    };
    match known {
        Some(known) if known.blob == part => Ok(()),
        _ => Err(Error::new(ErrorKind::Locked, "the part was put again while the upload was completed")),
    }
}

/// Where a whole upload goes, as this transaction finds it.
enum UploadTarget {
    New { file: FileId, folder: FileId, name: String },
    Version { file: FileId, expect: Expect },
}

fn check_goal(change: &impl Rows, record: &UploadRecord, now: Time) -> Result<UploadTarget> {
    drive::get(change, record.drive)?;
    match &record.goal {
        Goal::New { file, folder, name, rename } => {
            free_name::check_folder(change, record.drive, *folder)?;
            let name = free_name::choose(change, *folder, name, *rename, now)?.into_owned();
            Ok(UploadTarget::New { file: *file, folder: *folder, name })
        }
        Goal::Version { file, expect } => {
            let expect = expect.map_or(Expect::Any, Expect::Current);
            put::check_file(change, *file, expect)?;
            Ok(UploadTarget::Version { file: *file, expect })
        }
    }
}

fn put_goal(
    change: &mut Change<'_>,
    record: &UploadRecord,
    target: UploadTarget,
    blob: BlobId,
    time: ChangeTime,
) -> Result<VersionInfo> {
    let modified = record.modified.unwrap_or(time.now);
    let new = NewVersion {
        blob,
        fresh: None,
        media_type: &record.media_type,
        modified,
        executable: false,
        details: put::Details::default(),
    };
    match target {
        UploadTarget::New { file, folder, name } => {
            let (drive, mut id) = (record.drive, One(Some(file.0)));
            let spot = PathLookup {
                drive,
                folder,
                missing: Vec::new(),
                name: &name,
                child: None,
                trail: Vec::new(),
            };
            let timeline = Timeline::read(change)?;
            put::at_target(change, drive, PutTarget::New(spot), new, &mut id, (time, &timeline))
        }
        UploadTarget::Version { file, expect } => put::to_file(change, file, new, expect, time),
    }
}

/// The id that was drawn when the upload began.
struct One(Option<u64>);

impl id_sequence::NewId for One {
    fn next(&mut self) -> Result<u64> {
        self.0.take().ok_or_else(|| Error::bug("an upload took a second id"))
    }
}
