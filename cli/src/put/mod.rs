//! `holdall put`: files, folders and standard input into the store.
//!
//! A walk finds what there is; a few threads put it, small files in batches for one sync each,
//! large ones streaming.

mod batch;
mod walk;

use std::io::{self, Read};
use std::time::Instant;

use holdall::{Drive, Error, ErrorKind, Expect, Kind, Result, VersionInfo};
use indicatif::ProgressBar;
use serde_json::json;

use crate::args;
use crate::output::{self, Output};
use crate::progress;

pub(crate) use walk::Walk;

/// Up to so many versions are printed without being asked for.
const FEW: usize = 8;

/// Puts what was found, and returns how much of it could not be read, each of which is reported.
pub(crate) fn run(drive: &Drive, args: &args::Put, mut walk: Walk, out: Output) -> Result<usize> {
    let begun = Instant::now();
    let before = drive.store().stats()?;
    let mut versions = Vec::new();
    if args.if_changed {
        walk.files.retain(|file| !batch::is_unchanged(drive, file));
    }
    for path in std::mem::take(&mut walk.piped) {
        versions.push((path.clone(), stdin(drive, &path, args, out)?));
    }
    for folder in &walk.empty {
        drive.mkdir(folder)?;
    }
    let bar = progress::bar(Some(walk.files.iter().map(|file| file.len).sum()), out.json);
    let done = batch::put_all(drive, &walk.files, &options(args), &bar)?;
    bar.finish_and_clear();
    for (index, version) in done.versions {
        versions.extend(walk.files.get(index).map(|file| (file.path.clone(), version)));
    }
    if walk.skipped > 0 {
        eprintln!("holdall: skipped {} symbolic links and special files", walk.skipped);
    }
    walk.unread.extend(done.unread);
    for unread in &walk.unread {
        eprintln!("holdall: left out: {unread}");
    }
    let after = drive.store().stats()?;
    let stored = after.blob_bytes.saturating_sub(before.blob_bytes);
    let seconds = begun.elapsed().as_secs_f64();
    report(&versions, walk.unread.len(), stored, seconds, args, out)?;
    Ok(walk.unread.len())
}

fn report(
    versions: &[(String, VersionInfo)],
    unread: usize,
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
            "unread": unread,
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

fn stdin(drive: &Drive, path: &str, args: &args::Put, out: Output) -> Result<VersionInfo> {
    if drive.stat(path).is_ok_and(|found| found.kind == Kind::Folder) {
        return Err(Error::new(ErrorKind::Exists, format!("{path:?} is a folder; name a file")));
    }
    let bar = progress::bar(None, out.json);
    let version = stream(drive, path, io::stdin().lock(), options(args), &bar)?;
    bar.finish_and_clear();
    Ok(version)
}

fn stream(
    drive: &Drive,
    path: &str,
    mut source: impl Read,
    put: holdall::Put,
    bar: &ProgressBar,
) -> Result<VersionInfo> {
    let mut writer = drive.put_writer(path, put)?;
    loop {
        match writer.read_from(&mut source)? {
            0 => return writer.commit(),
            read => bar.inc(u64::try_from(read).unwrap_or(0)),
        }
    }
}

/// Returns what the command line says of all content.
fn options(args: &args::Put) -> holdall::Put {
    let mut put = holdall::Put::new();
    if let Some(media_type) = &args.media_type {
        put = put.media_type(media_type.as_str());
    }
    if args.new {
        put = put.expect(Expect::Absent);
    }
    put
}
