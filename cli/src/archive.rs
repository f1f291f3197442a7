//! `holdall archive`.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use holdall::token::DEFAULT_LIFETIME;
use holdall::{ArchiveId, Drive, Result, Store};
use serde_json::json;

use crate::get::copy;
use crate::output::{self, Output, writing_to};
use crate::save::to_file;
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
    let info = archive.create()?;
    let value = json!({
        "archive": info.id.to_string(),
        "name": info.name,
        "entries": info.entries,
        "bytes": info.len,
        "created": output::time(info.created),
        "expires": output::time(info.expires),
    });
    match args.output.as_deref() {
        Some(path) if path == Path::new("-") => {
            write(store, info.id, args.deflate, &mut io::stdout().lock(), path)
        }
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

fn write(store: &Store, id: ArchiveId, deflate: bool, out: &mut impl Write, path: &Path) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 18, out);
    if deflate {
        store.write_deflated(id, &mut out)?;
    } else {
        copy(&store.open_archive(id)?, None, &mut out, path)?;
    }
    out.flush().map_err(|cause| writing_to(path, cause))
}
