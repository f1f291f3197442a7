//! `holdall archive`.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use holdall::token::DEFAULT_LIFETIME;
use holdall::{Archive, ArchiveId, Drive, ErrorKind, Result, Store};
use serde_json::json;

use crate::get::copy;
use crate::output::{self, Output, writing_to};
use crate::save::{is_stdout, to_file};
use crate::{args, link};

pub(crate) fn run(
    store: &Store,
    drive: impl FnOnce() -> Result<Drive>,
    args: &args::Archive,
    out: Output,
) -> Result<()> {
    let mut archive = match args.share {
        Some(id) => {
            let visit = store.visit(id, link::password(&args.password)?.as_deref())?;
            match args.paths.as_slice() {
                [] => visit.archive([""])?,
                paths => visit.archive(paths)?,
            }
        }
        None => drive()?.archive(&args.paths)?,
    }
    .name(args.name.as_str());
    if let Some(lifetime) = args.expires {
        archive = archive.expires_in(lifetime);
    }
    if let Some(minutes) = args.utc_offset {
        archive = archive.utc_offset(minutes);
    }
    let info = match (archive.clone().create(), args.output.as_deref()) {
        // A store on a disk that takes no writes makes no archive, and can be read for one.
        (Err(error), Some(path)) if error.kind() == ErrorKind::ReadOnly && args.share.is_none() => {
            return unlisted(archive, args.deflate, path, out);
        }
        (made, _) => made?,
    };
    let value = json!({
        "archive": info.id.to_string(),
        "name": info.name,
        "entries": info.entries,
        "bytes": info.len,
        "created": output::time(info.created),
        "expires": output::time(info.expires),
    });
    match args.output.as_deref() {
        Some(path) if is_stdout(path) => write(store, info.id, args.deflate, &mut io::stdout().lock(), path),
        Some(path) => {
            to_file(path, |file| write(store, info.id, args.deflate, file, path))?;
            let text = format!("wrote {} entries to {}", info.entries, path.display());
            out.print(&value, text)
        }
        None => {
            let lifetime = args.expires.unwrap_or(Duration::from_secs(DEFAULT_LIFETIME));
            let url = store.url_of_archive(info.id).expires_in(lifetime);
            let url = if args.cloudreve { url.sign_cloudreve()? } else { url.sign()? };
            out.print(&output::with(value, "url", json!(url)), &url)
        }
    }
}

/// Writes the zip of what nothing was written down about.
fn unlisted(archive: Archive, deflate: bool, path: &Path, out: Output) -> Result<()> {
    let mut bytes = 0;
    let mut write = |out: &mut dyn Write| -> Result<()> {
        let mut out = BufWriter::with_capacity(1 << 18, out);
        if deflate {
            archive.clone().write_deflated(&mut out)?;
        } else {
            let body = archive.clone().open()?;
            bytes = body.len();
            copy(&body, None, &mut out, path)?;
        }
        out.flush().map_err(|cause| writing_to(path, cause))
    };
    if is_stdout(path) {
        return write(&mut io::stdout().lock());
    }
    to_file(path, |file| write(file))?;
    out.print(&json!({ "bytes": bytes }), format!("wrote {}", path.display()))
}

fn write(store: &Store, id: ArchiveId, deflate: bool, out: &mut impl Write, path: &Path) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 18, out);
    if deflate {
        store.write_deflated(id, &mut out)?;
    } else {
        copy(&store.open_archive(id)?, None, &mut out, path)?;
    }
    out.flush().map_err(|cause| writing_to(path, cause))
}
