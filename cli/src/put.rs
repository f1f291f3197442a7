//! `holdall put`: files, folders and standard input into the store.
//!
//! A walk finds what there is; a few threads put it, small files in batches for one sync each,
//! large ones streaming. Files of a batch have one time of change, because a batch has one.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, UNIX_EPOCH};

use bytes::Bytes;
use holdall::name::split_path;
use holdall::{Drive, Error, ErrorKind, Expect, Kind, Result, Time, VersionInfo};
use indicatif::ProgressBar;
use serde_json::json;

use crate::args;
use crate::output::{self, Output};
use crate::progress;

/// From this length in bytes on, a file is streamed and has a put of its own.
const LARGE: u64 = 1 << 20;
/// A batch ends with the file that takes it past so many bytes.
const BATCH_BYTES: u64 = 8 << 20;
/// A batch has at most so many files.
const BATCH_FILES: usize = 512;
/// Threads that put: hashing and syncing overlap, and their puts share commits.
const THREADS: usize = 4;
/// Up to so many versions are printed without being asked for.
const FEW: usize = 8;

/// A file that the walk found.
#[derive(Debug)]
struct Found {
    source: PathBuf,
    path: String,
    len: u64,
    /// Seconds since 1970.
    modified: i64,
}

/// What the walk found.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    files: Vec<Found>,
    /// Folders with nothing in them.
    empty: Vec<String>,
    /// Symbolic links, sockets and the like.
    skipped: u64,
    /// Where what comes from standard input goes.
    piped: Vec<String>,
}

pub(crate) fn run(drive: &Drive, args: &args::Put, mut walk: Walk, out: Output) -> Result<()> {
    let begun = Instant::now();
    let before = drive.store().stats()?;
    let mut versions = Vec::new();
    if args.if_changed {
        walk.files.retain(|file| !is_known(drive, file));
    }
    for path in std::mem::take(&mut walk.piped) {
        versions.push((path.clone(), stdin(drive, &path, args, out)?));
    }
    for folder in &walk.empty {
        drive.mkdir(folder)?;
    }
    let bar = progress::bar(Some(walk.files.iter().map(|file| file.len).sum()), out.json);
    versions.extend(put_all(drive, &walk.files, args, &bar)?);
    bar.finish_and_clear();
    if walk.skipped > 0 {
        eprintln!("holdall: skipped {} symbolic links and special files", walk.skipped);
    }
    let after = drive.store().stats()?;
    let stored = after.blob_bytes.saturating_sub(before.blob_bytes);
    report(&versions, stored, begun.elapsed().as_secs_f64(), args, out)
}

fn report(
    versions: &[(String, VersionInfo)],
    stored: u64,
    seconds: f64,
    args: &args::Put,
    out: Output,
) -> Result<()> {
    let bytes = versions.iter().fold(0_u64, |sum, (_, version)| sum.saturating_add(version.size));
    let stored = stored.min(bytes);
    if out.json {
        let rows: Vec<_> = versions
            .iter()
            .map(|(path, version)| output::with(output::version(version), "path", json!(path)))
            .collect();
        let value = json!({
            "files": versions.len(),
            "bytes": bytes,
            "stored_bytes": stored,
            "deduplicated_bytes": bytes - stored,
            "seconds": seconds,
            "versions": rows,
        });
        return out.print(&value, "");
    }
    if args.verbose || versions.len() <= FEW {
        out.list(
            versions,
            |_| json!(null),
            |(path, v)| format!("{}  {}  {}", v.id, output::bytes(v.size), output::shown(path)),
        )?;
    }
    let speed = output::bytes(per_second(bytes, seconds));
    let known = match bytes - stored {
        0 => String::new(),
        known => format!("; {} of it were there already", output::bytes(known)),
    };
    let files = versions.len();
    let noun = if files == 1 { "file" } else { "files" };
    let text = format!("put {files} {noun}, {} in {seconds:.2} s, {speed}/s{known}", output::bytes(bytes));
    out.print(&json!(null), text)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // for people
fn per_second(bytes: u64, seconds: f64) -> u64 {
    (bytes as f64 / seconds.max(1e-6)) as u64
}

/// Returns the path that a source of this name gets.
fn target(args: &args::Put, name: &str) -> Result<String> {
    let path = match &args.to {
        Some(to) if args.sources.len() == 1 && !to.ends_with('/') && !to.is_empty() => to.clone(),
        Some(to) if !to.trim_matches('/').is_empty() => format!("{}/{name}", to.trim_end_matches('/')),
        _ => name.to_owned(),
    };
    if name.is_empty() && (path.is_empty() || path.ends_with('/')) {
        return Err(invalid("standard input has no name; give --name, or --to with a whole path".to_owned()));
    }
    Ok(path)
}

/// Returns the last name of a source's path; that of `.` is the directory's.
fn name_of(source: &Path) -> Result<String> {
    let found = match source.file_name() {
        Some(name) => Some(name.to_owned()),
        None => std::fs::canonicalize(source).ok().and_then(|path| path.file_name().map(ToOwned::to_owned)),
    };
    let name = found.ok_or_else(|| invalid(format!("{} has no name; give --to", source.display())))?;
    name.into_string().map_err(|_| not_text(source))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn not_text(path: &Path) -> Error {
    invalid(format!("the name of {} is not UTF-8; rename it", path.display()))
}

fn reading(path: &Path, cause: io::Error) -> Error {
    let doing = format!("reading {}", path.display());
    match cause.kind() {
        io::ErrorKind::NotFound => {
            Error::new(ErrorKind::NotFound, format!("there is no file or folder {}", path.display()))
        }
        _ => Error::io(doing, cause),
    }
}

impl Walk {
    /// Finds what the command line names.
    pub(crate) fn of(args: &args::Put) -> Result<Walk> {
        let mut walk = Walk::default();
        for source in &args.sources {
            if source.as_os_str() == "-" {
                walk.piped.push(target(args, args.name.as_deref().unwrap_or_default())?);
            } else {
                walk.add(source, target(args, &name_of(source)?)?)?;
            }
        }
        walk.check()?;
        Ok(walk)
    }

    /// Adds a file, or a folder with all that is in it, in byte order of the names.
    fn add(&mut self, source: &Path, path: String) -> Result<()> {
        // What is named on the command line is followed, what is found is not.
        let found = std::fs::metadata(source).map_err(|cause| reading(source, cause))?;
        if !found.is_file() && !found.is_dir() {
            let told = format!("{} is neither a file nor a folder; pipe it into `put -`", source.display());
            return Err(invalid(told));
        }
        let mut waiting = vec![(source.to_owned(), path, found)];
        while let Some((source, path, found)) = waiting.pop() {
            if found.is_file() {
                let modified = found.modified().unwrap_or(UNIX_EPOCH).into();
                let modified = Time::unix(modified);
                self.files.push(Found { source, path, len: found.len(), modified });
            } else if found.is_dir() {
                let mut inside = Vec::new();
                for entry in std::fs::read_dir(&source).map_err(|cause| reading(&source, cause))? {
                    let entry = entry.map_err(|cause| reading(&source, cause))?;
                    let name = entry.file_name().into_string().map_err(|_| not_text(&entry.path()))?;
                    let found = entry.metadata().map_err(|cause| reading(&entry.path(), cause))?;
                    inside.push((entry.path(), format!("{path}/{name}"), found));
                }
                if inside.is_empty() {
                    self.empty.push(path);
                }
                inside.sort_by(|one, other| other.1.cmp(&one.1));
                waiting.append(&mut inside);
            } else {
                self.skipped += 1;
            }
        }
        Ok(())
    }
}

impl Walk {
    /// Refuses names that the store does not take, all at once and before anything is put.
    fn check(&self) -> Result<()> {
        let paths = self.files.iter().map(|file| &file.path).chain(&self.empty).chain(&self.piped);
        let wrong: Vec<Error> = paths.filter_map(|path| split_path(path).err()).collect();
        let told: Vec<String> = wrong.iter().take(FEW).map(Error::to_string).collect();
        match (wrong.len(), told.join("; ")) {
            (0, _) => Ok(()),
            (count, told) if count <= FEW => Err(invalid(told)),
            (count, told) => Err(invalid(format!("{told}; and {} more", count - FEW))),
        }
    }
}

/// Whether the current version of a file has its length and time of change.
fn is_known(drive: &Drive, file: &Found) -> bool {
    let found = drive.stat(&file.path).ok().and_then(|found| found.current);
    found.is_some_and(|v| v.size == file.len && v.modified.unix() == file.modified)
}

/// Takes the next batch off the list: one large file, or small ones with one time of change.
fn batch<'a>(files: &mut &'a [Found]) -> &'a [Found] {
    let Some(first) = files.first() else { return &[] };
    let (mut count, mut len) = (1, first.len);
    if first.len < LARGE {
        for file in files.iter().skip(1) {
            let fits = file.len < LARGE && len < BATCH_BYTES && count < BATCH_FILES;
            if !fits || file.modified != first.modified {
                break;
            }
            (count, len) = (count + 1, len.saturating_add(file.len));
        }
    }
    let (batch, rest) = files.split_at(count.min(files.len()));
    *files = rest;
    batch
}

fn put_all(
    drive: &Drive,
    files: &[Found],
    args: &args::Put,
    bar: &ProgressBar,
) -> Result<Vec<(String, VersionInfo)>> {
    let todo = Mutex::new((files, 0_usize));
    let done: Mutex<Vec<(usize, Vec<VersionInfo>)>> = Mutex::default();
    let failed: Mutex<Option<Error>> = Mutex::default();
    let work = || loop {
        let (batch, at) = {
            let mut todo = todo.lock().unwrap_or_else(PoisonError::into_inner);
            let at = todo.1;
            let batch = batch(&mut todo.0);
            todo.1 = at + batch.len();
            (batch, at)
        };
        if batch.is_empty() || failed.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            break;
        }
        match put_batch(drive, batch, args, bar) {
            Ok(versions) => done.lock().unwrap_or_else(PoisonError::into_inner).push((at, versions)),
            Err(error) => {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(files.len()) {
            scope.spawn(work);
        }
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    let versions = done.into_iter().flat_map(|(_, versions)| versions);
    Ok(files.iter().map(|file| file.path.clone()).zip(versions).collect())
}

fn put_batch(
    drive: &Drive,
    batch: &[Found],
    args: &args::Put,
    bar: &ProgressBar,
) -> Result<Vec<VersionInfo>> {
    let Some(first) = batch.first() else { return Ok(Vec::new()) };
    let said = said(args).modified(Time::from_unix(first.modified));
    bar.set_message(output::shown(&first.path));
    let open = |file: &Found| File::open(&file.source).map_err(|cause| reading(&file.source, cause));
    if let ([file], true) = (batch, first.len >= LARGE) {
        let put = stream(drive, &file.path, open(file)?, said, bar);
        return Ok(vec![put.map_err(|error| putting(file, error))?]);
    }
    let mut items = Vec::with_capacity(batch.len());
    let mut len = 0_u64;
    for file in batch {
        let mut bytes = Vec::with_capacity(usize::try_from(file.len).unwrap_or(0));
        // A file that grows meanwhile must not take the memory of the machine.
        let read = open(file)?.take(2 * LARGE).read_to_end(&mut bytes);
        let read = read.map_err(|cause| reading(&file.source, cause))?;
        if u64::try_from(read).is_ok_and(|read| read >= 2 * LARGE) {
            return Err(invalid(format!("{} grew while it was read; put it again", file.source.display())));
        }
        len = len.saturating_add(u64::try_from(read).unwrap_or(0));
        items.push((file.path.clone(), Bytes::from(bytes)));
    }
    let versions = drive.put_many(items, &said).map_err(|error| match batch {
        [file] => putting(file, error),
        _ => error,
    })?;
    bar.inc(len);
    Ok(versions)
}

/// Says which file an error is about.
fn putting(file: &Found, error: Error) -> Error {
    error.context(format!("putting {}", file.source.display()))
}

fn stdin(drive: &Drive, path: &str, args: &args::Put, out: Output) -> Result<VersionInfo> {
    if drive.stat(path).is_ok_and(|found| found.kind == Kind::Folder) {
        return Err(Error::new(ErrorKind::Exists, format!("{path:?} is a folder; name a file")));
    }
    let bar = progress::bar(None, out.json);
    let version = stream(drive, path, io::stdin().lock(), said(args), &bar)?;
    bar.finish_and_clear();
    Ok(version)
}

fn stream(
    drive: &Drive,
    path: &str,
    mut source: impl Read,
    said: holdall::Put,
    bar: &ProgressBar,
) -> Result<VersionInfo> {
    let mut writer = drive.put_writer(path, said)?;
    loop {
        match writer.read_from(&mut source)? {
            0 => return writer.commit(),
            read => bar.inc(u64::try_from(read).unwrap_or(0)),
        }
    }
}

/// Returns what the command line says of all content.
fn said(args: &args::Put) -> holdall::Put {
    let mut said = holdall::Put::new();
    if let Some(media_type) = &args.media_type {
        said = said.media_type(media_type.as_str());
    }
    if args.new {
        said = said.expect(Expect::Absent);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(len: u64, modified: i64) -> Found {
        Found { source: PathBuf::new(), path: String::new(), len, modified }
    }

    #[test]
    fn batches_take_every_file_once_and_keep_the_limits() {
        let lens = [5, 5, LARGE, 7, LARGE - 1, 0, LARGE + 1, 3];
        let mut files: Vec<Found> = lens.iter().map(|len| found(*len, 1)).collect();
        files.extend((0..2000).map(|at| found(at % 3, if at < 1500 { 2 } else { 3 })));
        let (mut rest, mut seen) = (files.as_slice(), 0);
        while !rest.is_empty() {
            let batch = batch(&mut rest);
            assert!(batch.len() <= BATCH_FILES && !batch.is_empty());
            assert!(batch.len() == 1 || batch.iter().all(|file| file.len < LARGE));
            assert!(batch.iter().map(|file| file.len).sum::<u64>() < BATCH_BYTES + 2 * LARGE);
            assert!(batch.iter().all(|file| file.modified == batch[0].modified));
            seen += batch.len();
        }
        assert_eq!(seen, files.len());
    }
}
