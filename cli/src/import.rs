//! `holdall import cloudreve`: a server into a new store.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use holdall::{Error, Result, Store};
use holdall_import::{Progress, Server};

use crate::args::Cloudreve;
use crate::output::{self, Output};
use crate::progress;

/// How often a log has a line, where standard error is not a terminal.
const EVERY: Duration = Duration::from_secs(10);

/// Reads a server: what is wrong with it shows before a store is made.
pub(crate) fn open(args: &Cloudreve) -> Result<Server> {
    let mut server = holdall_import::Cloudreve::new(args.folder.clone().unwrap_or_default())
        .skip_missing(args.skip_missing)
        .older_versions(args.older_versions);
    if let Some(path) = &args.database {
        server = server.database(path);
    }
    if let Some(path) = &args.uploads {
        server = server.uploads(path);
    }
    for (old, new) in &args.map {
        server = server.map(old, new);
    }
    if let Some(path) = &args.secret_key {
        server = server.secret_key(read(path)?.trim_end_matches(['\r', '\n']));
    }
    if let Some(salt) = &args.hash_salt {
        server = server.hash_salt(salt);
    }
    // As the server itself has it.
    let environment = std::env::var("CR_ENCRYPT_MASTER_KEY").ok().filter(|key| !key.is_empty());
    if let Some(key) = args.master_key.as_ref().map(read).transpose()?.or(environment) {
        server = server.master_key(key);
    }
    if let Some(offset) = &args.utc_offset {
        server = server.utc_offset(offset);
    }
    if let Some(path) = &args.report {
        server = server.report(path);
    }
    server.open()
}

/// Imports it, with a bar on a terminal, and lines now and then in a log.
pub(crate) fn run(server: Server, store: &Store, out: Output) -> Result<()> {
    let terminal = std::io::stderr().is_terminal();
    let bar = progress::bar(Some(0), out.json);
    let mut next = Instant::now() + EVERY;
    let report = server.import(store, |now| {
        bar.set_length(now.total_bytes);
        bar.set_position(now.bytes);
        if bar.message() != now.drive {
            bar.set_message(now.drive.to_owned());
        }
        if !terminal && Instant::now() >= next {
            next += EVERY;
            eprintln!("holdall: {}", line(now));
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    out.print(&report.to_json(), report)
}

fn line(now: &Progress<'_>) -> String {
    format!(
        "imported {} of {} contents, {} of {}, now {}",
        now.contents,
        now.total_contents,
        output::bytes(now.bytes),
        output::bytes(now.total_bytes),
        output::shown(now.drive)
    )
}

fn read(path: &std::path::PathBuf) -> Result<String> {
    std::fs::read_to_string(path).map_err(|cause| Error::io(format!("reading {}", path.display()), cause))
}
