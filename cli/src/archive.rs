//! `holdall archive`.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use holdall::token::DEFAULT_LIFETIME;
use holdall::{ArchiveId, Drive, Result};
use serde_json::json;

use crate::args;
use crate::get::copy;
use crate::output::{self, Output, writing_to};
use crate::save::to_file;

pub(crate) fn run(drive: &Drive, args: &args::Archive, out: Output) -> Result<()> {
    let store = drive.store();
    let mut archive = drive.archive(&args.paths)?.name(args.name.as_str());
    if let Some(lifetime) = args.expires {
        archive = archive.expires_in(lifetime);
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
            write(drive, info.id, args.deflate, &mut io::stdout().lock(), path)
        }
        Some(path) => {
            to_file(path, |file| write(drive, info.id, args.deflate, file, path))?;
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

fn write(drive: &Drive, id: ArchiveId, deflate: bool, out: &mut impl Write, path: &Path) -> Result<()> {
    let store = drive.store();
    let mut out = BufWriter::with_capacity(1 << 18, out);
    if deflate {
        store.write_deflated(id, &mut out)?;
    } else {
        copy(&store.open_archive(id)?, None, &mut out, path)?;
    }
    out.flush().map_err(|cause| writing_to(path, cause))
}
