//! `holdall get`: content out of the store.

use std::io::{self, Write};
use std::path::Path;

use holdall::body::Body;
use holdall::digest::Digester;
use holdall::http::{self, Ranges};
use holdall::{Drive, Error, ErrorKind, Kind, Result, VersionInfo};

use crate::args::Get;
use crate::output::writing_to;
use crate::progress;
use crate::save::{is_stdout, to_file};

pub(crate) fn run(drive: &Drive, get: &Get) -> Result<()> {
    let version = version(drive, get)?;
    let body = drive.store().open_version(version.id)?;
    let (body, whole) = match &get.range {
        Some(range) => (slice(&body, range)?, None),
        None => (body, Some(version.blake3)),
    };
    match get.output.as_deref() {
        Some(path) if !is_stdout(path) => to_file(path, |out| copy(&body, whole, out, path)),
        _ => copy(&body, whole, &mut io::stdout().lock(), Path::new("-")),
    }
}

/// Finds the version that is meant.
fn version(drive: &Drive, get: &Get) -> Result<VersionInfo> {
    if let Some(id) = get.version {
        return drive.store().version(id);
    }
    current(drive, get.path.as_deref().unwrap_or_default())
}

/// Returns the current version of the file at a path.
pub(crate) fn current(drive: &Drive, path: &str) -> Result<VersionInfo> {
    let found = drive.stat(path)?;
    match (found.kind, found.current) {
        (Kind::File, Some(current)) => Ok(current),
        _ => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("{path:?} is a folder and has no content; list it, or make an archive of it"),
        )),
    }
}

fn slice(body: &Body, range: &str) -> Result<Body> {
    let invalid = |what| Error::new(ErrorKind::InvalidArgument, format!("the range {range:?} {what}"));
    let field = format!("bytes={range}");
    if body.is_empty() && http::parse(&field, u64::MAX) != Ranges::Whole {
        return Ok(body.clone());
    }
    match http::parse(&field, body.len()) {
        Ranges::Some(ranges) => match ranges.as_slice() {
            [one] => body.slice(one.clone()),
            _ => Err(invalid("is more than one; give one")),
        },
        Ranges::Unsatisfiable => Err(Error::new(
            ErrorKind::RangeNotSatisfiable,
            format!("no byte of {range:?} exists; the content is {} bytes long", body.len()),
        )),
        Ranges::Whole => Err(invalid("is malformed; one looks like 0-99, 100- or -100")),
    }
}

/// Writes a body out, to what errors call `path`, and checks its hash where it is whole.
pub(crate) fn copy(body: &Body, blake3: Option<[u8; 32]>, out: &mut impl Write, path: &Path) -> Result<()> {
    let writing = |cause| writing_to(path, cause);
    let bar = progress::bar(Some(body.len()), body.len() < 16 << 20);
    let mut digester = blake3.map(|_| Digester::new());
    for segment in body.segments() {
        let data = segment?.data;
        out.write_all(&data).map_err(writing)?;
        if let Some(digester) = &mut digester {
            digester.update(&data);
        }
        bar.inc(u64::try_from(data.len()).unwrap_or(0));
    }
    bar.finish_and_clear();
    out.flush().map_err(writing)?;
    match digester.map(Digester::finish) {
        Some(digest) if Some(digest.blake3) != blake3 => Err(Error::new(
            ErrorKind::Corrupt,
            "the content is damaged: its BLAKE3 hash differs from the stored one",
        )),
        _ => Ok(()),
    }
}
