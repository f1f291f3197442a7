//! Puts the files of a walk: small ones in batches for one sync each, large ones streaming.
//!
//! A file that cannot be read is left out and reported; an error of the store ends the work.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use holdall::digest::StreamDigester;
use holdall::{Drive, Error, Put, Result, VersionInfo};
use indicatif::ProgressBar;

use super::stream;
use super::walk::{SourceFile, invalid, reading};
use crate::output;

/// From this length in bytes on, a file is streamed and has a put of its own.
const LARGE: u64 = 1 << 20;
/// A batch ends with the file that takes it past so many bytes.
const BATCH_BYTES: u64 = 8 << 20;
/// A batch has at most so many files.
const BATCH_FILES: usize = 512;
/// Threads that put: hashing and syncing overlap, and their puts share commits.
const THREADS: usize = 4;
/// The coarsest times of change that a file system keeps, FAT's.
const TICK: Duration = Duration::from_secs(2);
/// Bytes a second that reading a file is taken to reach.
const SLOWEST: u64 = 10 << 20;

/// What became of the files.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Indexes in the list of files, and their new versions.
    pub(super) versions: Vec<(usize, VersionInfo)>,
    /// Why files were left out.
    pub(super) unread: Vec<Error>,
}

/// Tells whether the current version of a file has the file's content, by its length and time of
/// change; where those may hide a change, the content is read.
pub(super) fn is_unchanged(drive: &Drive, file: &SourceFile) -> bool {
    let Some(version) = drive.stat(&file.path).ok().and_then(|found| found.current) else { return false };
    let same = (version.size, version.modified, version.executable);
    if same != (file.len, file.modified, file.executable) {
        return false;
    }
    // A file that changes twice within a tick keeps its time. So a time says nothing of the content
    // unless the tick was over before the file was read, which was before the version was made.
    let reading = Duration::from_secs(file.len / SLOWEST);
    let settled = version.created >= file.modified.after(TICK + reading);
    settled || content(file).is_ok_and(|digest| digest == version.blake3)
}

/// Returns the BLAKE3 of a file's content.
fn content(file: &SourceFile) -> Result<[u8; 32]> {
    let mut source = File::open(&file.source).map_err(|cause| reading(&file.source, cause))?;
    let mut digester = StreamDigester::new();
    loop {
        let mut block = Vec::new();
        let read = source.by_ref().take(LARGE).read_to_end(&mut block);
        match read.map_err(|cause| reading(&file.source, cause))? {
            0 => return Ok(digester.finish()?.blake3),
            _ => digester.push(block.into())?,
        }
    }
}

/// Takes the next batch off the list: one large file, or small ones.
fn next<'a>(files: &mut &'a [SourceFile]) -> &'a [SourceFile] {
    let Some(first) = files.first() else { return &[] };
    let (mut count, mut len) = (1, first.len);
    if first.len < LARGE {
        for file in files.iter().skip(1) {
            if file.len >= LARGE || len >= BATCH_BYTES || count >= BATCH_FILES {
                break;
            }
            (count, len) = (count + 1, len.saturating_add(file.len));
        }
    }
    let (batch, rest) = files.split_at(count.min(files.len()));
    *files = rest;
    batch
}

/// Puts all files, several at a time.
///
/// # Errors
/// The first of the store; what was put before it stays.
pub(super) fn put_all(drive: &Drive, files: &[SourceFile], put: &Put, bar: &ProgressBar) -> Result<Done> {
    let todo = Mutex::new((files, 0_usize));
    let done: Mutex<Result<Done>> = Mutex::new(Ok(Done::default()));
    let work = || loop {
        let (batch, at) = {
            let mut todo = lock(&todo);
            let at = todo.1;
            let batch = next(&mut todo.0);
            todo.1 = at + batch.len();
            (batch, at)
        };
        if batch.is_empty() || lock(&done).is_err() {
            break;
        }
        let new = put_batch(drive, batch, put, bar);
        let mut done = lock(&done);
        match (&mut *done, new) {
            (Ok(all), Ok(new)) => {
                all.versions.extend(new.versions.into_iter().map(|(index, version)| (at + index, version)));
                all.unread.extend(new.unread);
            }
            (Ok(_), Err(error)) => *done = Err(error),
            (Err(_), _) => {}
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(files.len()) {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    done.versions.sort_by_key(|(index, _)| *index);
    Ok(done)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns what is said of all content, and of this.
fn of(file: &SourceFile, put: &Put) -> Put {
    put.clone().modified(file.modified).executable(file.executable)
}

fn put_batch(drive: &Drive, batch: &[SourceFile], put: &Put, bar: &ProgressBar) -> Result<Done> {
    let mut done = Done::default();
    let Some(first) = batch.first() else { return Ok(done) };
    bar.set_message(output::shown(&first.path));
    if let ([file], true) = (batch, first.len >= LARGE) {
        match put_large(drive, file, put, bar)? {
            Ok(version) => done.versions.push((0, version)),
            Err(unread) => done.unread.push(unread),
        }
        return Ok(done);
    }
    let (mut items, mut indexes, mut len) = (Vec::with_capacity(batch.len()), Vec::new(), 0);
    for (index, file) in batch.iter().enumerate() {
        match read_small(file) {
            Ok(bytes) => {
                len += bytes.len();
                items.push((file.path.clone(), bytes, of(file, put)));
                indexes.push(index);
            }
            Err(unread) => done.unread.push(unread),
        }
    }
    let versions = drive.put_each(items).map_err(|error| match batch {
        [file] => putting(file, error),
        _ => error,
    })?;
    bar.inc(u64::try_from(len).unwrap_or(u64::MAX));
    done.versions = indexes.into_iter().zip(versions).collect();
    Ok(done)
}

fn read_small(file: &SourceFile) -> Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(file.len).unwrap_or(0));
    let opened = File::open(&file.source).map_err(|cause| reading(&file.source, cause))?;
    // A file that grows meanwhile must not take the memory of the machine.
    let read = opened.take(2 * LARGE).read_to_end(&mut bytes);
    let read = read.map_err(|cause| reading(&file.source, cause))?;
    if u64::try_from(read).is_ok_and(|read| read >= 2 * LARGE) {
        return Err(invalid(format!("{} grew while it was read; put it again", file.source.display())));
    }
    Ok(bytes.into())
}

/// Streams a file into the store. The inner error is of reading it.
fn put_large(drive: &Drive, file: &SourceFile, put: &Put, bar: &ProgressBar) -> Result<Result<VersionInfo>> {
    let source = match File::open(&file.source) {
        Ok(source) => source,
        Err(cause) => return Ok(Err(reading(&file.source, cause))),
    };
    let mut source = Source { source, failed: None };
    let put = of(file, put);
    let done = stream(drive, &file.path, &mut source, put, bar);
    match (done, source.failed) {
        (Err(_), Some(cause)) => Ok(Err(reading(&file.source, cause.into()))),
        (done, _) => done.map(Ok).map_err(|error| putting(file, error)),
    }
}

/// A source that remembers that it failed, to tell its errors from the store's.
struct Source {
    source: File,
    failed: Option<io::ErrorKind>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer);
        self.failed = read.as_ref().err().map(io::Error::kind);
        read
    }
}

/// Says which file an error is about.
fn putting(file: &SourceFile, error: Error) -> Error {
    error.context(format!("putting {}", file.source.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdall::Time;
    use std::path::PathBuf;

    fn found(len: u64) -> SourceFile {
        SourceFile { source: PathBuf::new(), path: String::new(), len, modified: Time(0), executable: false }
    }

    #[test]
    fn batches_take_every_file_once_and_keep_the_limits() {
        let lens = [5, 5, LARGE, 7, LARGE - 1, 0, LARGE + 1, 3];
        let mut files: Vec<SourceFile> = lens.iter().map(|len| found(*len)).collect();
        files.extend((0..2000).map(|at| found(at % 3)));
        let (mut rest, mut seen) = (files.as_slice(), 0);
        while !rest.is_empty() {
            let batch = next(&mut rest);
            assert!(batch.len() <= BATCH_FILES && !batch.is_empty());
            assert!(batch.len() == 1 || batch.iter().all(|file| file.len < LARGE));
            assert!(batch.iter().map(|file| file.len).sum::<u64>() < BATCH_BYTES + 2 * LARGE);
            seen += batch.len();
        }
        assert_eq!(seen, files.len());
    }
}
