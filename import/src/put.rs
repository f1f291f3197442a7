//! Contents on their way into a drive: small ones together, which costs one sync for many. While a batch
//! is put, in a thread of its own, the next is read.

use std::collections::HashMap;
use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;
use holdall::{Drive, Error, ErrorKind, Put, Result, VersionId};

use super::mutant::{self, Mutant, is_active};

/// Content up to this length waits for others, in bytes.
const SMALL: u64 = 256 << 10;

/// How much waits at most, in bytes.
const WAITING: usize = 8 << 20;

/// How many wait at most.
const COUNT: usize = 2048;

/// A content of a file, by their old ids; an empty file has none.
#[derive(Clone, Copy)]
pub(super) struct Of {
    pub(super) file: u64,
    pub(super) entity: Option<u64>,
}

/// A content in memory, and where it goes.
struct Content {
    of: Of,
    path: String,
    bytes: Bytes,
    put: Put,
}

/// What became of contents: a version, or nothing where one cannot be stored.
type Made = Vec<(Of, Option<VersionId>)>;

/// The thread that puts batches, in the order in which they come.
pub(super) struct Writer {
    /// Given back for the thread to end.
    batches: Option<SyncSender<(Drive, Vec<Content>)>>,
    made: Receiver<Result<Made>>,
    thread: Option<JoinHandle<()>>,
    /// Batches of which it is not known yet what became of them.
    under_way: usize,
}

impl Writer {
    /// Begins a thread.
    ///
    /// # Errors
    /// `Io` if the system has none.
    pub(super) fn begin() -> Result<Writer> {
        // One batch is put, one waits and one is read: no more are in memory.
        let (batches, waiting) = sync_channel::<(Drive, Vec<Content>)>(1);
        let (report, made) = sync_channel(2);
        let carried = mutant::carried();
        let thread = std::thread::Builder::new().name("holdall-import".to_owned()).spawn(move || {
            carried();
            for (drive, batch) in waiting {
                let made = put_batch(&drive, batch);
                let ended = made.is_err();
                if report.send(made).is_err() || ended {
                    break;
                }
            }
        });
        let thread = thread.map_err(|cause| Error::io("beginning a thread that puts content", cause))?;
        Ok(Writer { batches: Some(batches), made, thread: Some(thread), under_way: 0 })
    }

    /// Hands a batch on, and returns what became of an earlier one if two are under way already.
    fn put(&mut self, drive: &Drive, batch: Vec<Content>) -> Result<Made> {
        let made = if self.under_way == 2 { self.next()? } else { Vec::new() };
        let batches = self.batches.as_ref().ok_or_else(ended)?;
        if batches.send((drive.clone(), batch)).is_err() {
            return Err(self.next().err().unwrap_or_else(ended));
        }
        self.under_way += 1;
        Ok(made)
    }

    /// Waits for the oldest batch that is under way.
    fn next(&mut self) -> Result<Made> {
        self.under_way = self.under_way.saturating_sub(1);
        self.made.recv().map_err(|_| ended())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Bug, "the thread that puts content has ended")
}

/// Puts contents in one group, or where one cannot be stored each alone, which shows the one.
fn put_batch(drive: &Drive, batch: Vec<Content>) -> Result<Made> {
    let all = batch.iter().map(|one| (one.path.clone(), one.bytes.clone(), one.put.clone()));
    match drive.put_each(all) {
        Ok(versions) => {
            Ok(batch.iter().zip(versions).map(|(one, version)| (one.of, Some(version.id))).collect())
        }
        Err(error) if is_of_one(&error) => {
            let alone = |one: Content| Ok((one.of, put(drive, &one.path, one.bytes.as_ref(), one.put)?));
            batch.into_iter().map(alone).collect()
        }
        Err(error) => Err(error),
    }
}

/// Puts one content; none is made of what cannot be stored.
fn put(drive: &Drive, path: &str, content: impl Read, put: Put) -> Result<Option<VersionId>> {
    match drive.put(path, content, put) {
        Ok(version) => Ok(Some(version.id)),
        Err(error) if is_of_one(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The contents of one drive.
pub(super) struct Batch<'w> {
    drive: Drive,
    writer: &'w mut Writer,
    waiting: Vec<Content>,
    len: usize,
    /// The versions of each file, in the order in which they were put.
    pub(super) made: HashMap<u64, Vec<(Option<u64>, VersionId)>>,
    /// What cannot be stored.
    pub(super) refused: Vec<Of>,
}

impl Batch<'_> {
    pub(super) fn new<'w>(drive: &Drive, writer: &'w mut Writer) -> Batch<'w> {
        Batch {
            drive: drive.clone(),
            writer,
            waiting: Vec::new(),
            len: 0,
            made: HashMap::new(),
            refused: Vec::new(),
        }
    }

    /// Puts a content of so many bytes, or lets it wait for others.
    ///
    /// # Errors
    /// As [`Drive::put`], but for what is wrong with this content alone.
    pub(super) fn put(
        &mut self,
        of: Of,
        path: &str,
        len: u64,
        mut content: Box<dyn Read>,
        said: Put,
    ) -> Result<()> {
        let said = said.len(len);
        if len > SMALL {
            self.finish()?;
            let made = put(&self.drive, path, content, said)?;
            self.done(vec![(of, made)]);
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        content
            .read_to_end(&mut bytes)
            .map_err(|cause| Error::io(format!("reading the content of {path}"), cause))?;
        self.len = self.len.saturating_add(bytes.len());
        self.waiting.push(Content { of, path: path.to_owned(), bytes: bytes.into(), put: said });
        if self.len >= WAITING || self.waiting.len() >= COUNT { self.hand_on() } else { Ok(()) }
    }

    /// Lets what waits be put.
    fn hand_on(&mut self) -> Result<()> {
        self.len = 0;
        let waiting = std::mem::take(&mut self.waiting);
        if !waiting.is_empty() {
            let made = self.writer.put(&self.drive, waiting)?;
            self.done(made);
        }
        Ok(())
    }

    /// Puts what waits, and waits until all is put.
    ///
    /// # Errors
    /// As [`Batch::put`].
    pub(super) fn finish(&mut self) -> Result<()> {
        self.hand_on()?;
        while self.writer.under_way > 0 {
            let made = self.writer.next()?;
            self.done(made);
        }
        Ok(())
    }

    fn done(&mut self, made: Made) {
        for (of, version) in made {
            match version {
                Some(version) => self.made.entry(of.file).or_default().push((of.entity, version)),
                None => self.refused.push(of),
            }
        }
    }
}

/// Whether an error is of the one thing that was to be made, and not of the store or the disk.
pub(super) fn is_of_one(error: &Error) -> bool {
    !is_active(Mutant::OneEndsAll)
        && matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::Exists | ErrorKind::TooLarge)
}
